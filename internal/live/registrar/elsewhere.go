package registrar

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
)

// elsewhere is where telephones are registered at other nodes. Safe for concurrent
// use; the zero value knows nothing.
type elsewhere struct {
	mu    sync.Mutex
	users map[account][]distant
	n     int
}

// distant is one contact at another node.
type distant struct {
	node, contact, instance string
	at, until               time.Time
}

// Hear takes up a fact of another node: where a telephone is registered there, or
// that it is no more. Its address becomes known (F-10); it is rung by that node.
func (r *Registrar) Hear(node string, f journal.Fact) error {
	now := r.cfg.Now()
	switch f.Kind {
	case journal.BindingMade:
		j, err := journal.Decode[journal.Bound](f)
		if err != nil || now.Sub(f.At) >= remember {
			return err
		}
		acc := account{f.Org, j.User}
		r.mu.Lock()
		r.sight(sighting{j.Source.Addr().Unmap(), f.Org, j.Device}, f.At)
		r.mu.Unlock()
		until := j.Until
		if last := f.At.Add(maxExpires); until.After(last) {
			until = last
		}
		r.elsewhere.put(acc, distant{node: node, contact: j.Contact, instance: j.Instance, at: f.At, until: until}, r.cfg.Limits, now)
	case journal.BindingGone:
		j, err := journal.Decode[journal.Unbound](f)
		if err != nil {
			return err
		}
		r.elsewhere.drop(account{f.Org, j.User}, func(d distant) bool { return d.node == node && d.contact == j.Contact && !d.at.After(f.At) })
	}
	return nil
}

// Elsewhere names the other nodes at which a user is registered now, that of the
// latest registration first.
func (r *Registrar) Elsewhere(org e911.OrgID, user string) (nodes []string) {
	now := r.cfg.Now()
	r.elsewhere.mu.Lock()
	defer r.elsewhere.mu.Unlock()
	list := slices.Clone(r.elsewhere.users[account{org, user}])
	slices.SortStableFunc(list, func(a, b distant) int { return b.at.Compare(a.at) })
	for _, d := range list {
		if now.Before(d.until) && !slices.Contains(nodes, d.node) {
			nodes = append(nodes, d.node)
		}
	}
	return nodes
}

func (e *elsewhere) put(acc account, d distant, most Limits, now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.users == nil {
		e.users = map[account][]distant{}
	}
	if !now.Before(d.until) {
		return
	}
	list := slices.DeleteFunc(e.users[acc], func(o distant) bool {
		same := o.contact == d.contact || o.instance != "" && o.instance == d.instance && o.node == d.node
		return same || !now.Before(o.until)
	})
	e.n -= len(e.users[acc]) - len(list)
	if len(list) >= most.Contacts {
		first := slices.MinFunc(list, func(a, b distant) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.contact, b.contact)) })
		list = slices.DeleteFunc(list, func(o distant) bool { return o == first })
		e.n--
	}
	if e.n >= most.Bindings {
		e.keep(acc, list)
		return
	}
	e.n++
	e.keep(acc, append(list, d))
}

func (e *elsewhere) keep(acc account, list []distant) {
	if len(list) == 0 {
		delete(e.users, acc)
		return
	}
	e.users[acc] = list
}

func (e *elsewhere) drop(acc account, gone func(distant) bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	before := len(e.users[acc])
	list := slices.DeleteFunc(e.users[acc], gone)
	e.n -= before - len(list)
	e.keep(acc, list)
}

// sweep forgets what is over.
func (e *elsewhere) sweep(now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for acc, list := range e.users {
		before := len(list)
		list = slices.DeleteFunc(list, func(d distant) bool { return !now.Before(d.until) })
		e.n -= before - len(list)
		e.keep(acc, list)
	}
}
