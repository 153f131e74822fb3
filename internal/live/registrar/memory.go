package registrar

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/sipedge"
)

// sighting is a telephone at an address.
type sighting struct {
	addr   netip.Addr
	org    e911.OrgID
	device e911.DeviceID
}

// source is an address that telephones registered from.
type source struct {
	last   time.Time // when one last proved itself
	org    e911.OrgID
	device e911.DeviceID // the only one; empty: there were several
	mixed  bool          // of several organisations
}

// Known reports whether a telephone registered from the address within 30 days
// (F-10).
func (r *Registrar) Known(a netip.Addr) bool {
	_, ok := r.source(a)
	return ok
}

func (r *Registrar) source(a netip.Addr) (source, bool) {
	v, ok := r.sources.Load(a.Unmap())
	if !ok {
		return source{}, false
	}
	s := v.(source)
	return s, r.cfg.Now().Sub(s.last) < remember
}

// Phone is which telephone a request comes from.
type Phone struct {
	Org        e911.OrgID
	Device     e911.DeviceID // none: one of several at that address
	Registered bool          // it is registered by this very way; else it was, within 30 days
	Agent      string
	MAC        e911.MAC // that the telephone says it has; may be empty
}

// Phone tells which telephone a request comes from: by its flow; else by the
// address in From, when that telephone was seen where the request comes from;
// else the only one that ever was seen there. A From alone proves nothing.
func (r *Registrar) Phone(q *sipedge.Request) (Phone, bool) {
	acc, named := r.fromOf(q)
	now := r.cfg.Now()
	if p, ok := r.byFlow(q.Flow, acc, now); ok {
		return p, true
	}
	a := q.Source.Addr().Unmap()
	s, ok := r.source(a)
	if !ok {
		return Phone{}, false
	}
	if named {
		if o := r.cfg.Snapshot.Load().Org(acc.org); o != nil {
			if d, ok := o.DeviceBySIPUser(acc.user); ok && r.was(sighting{a, acc.org, d.ID}, now) {
				return Phone{Org: acc.org, Device: d.ID, Registered: r.at(acc, a, now)}, true
			}
		}
	}
	if s.mixed {
		return Phone{}, false
	}
	return Phone{Org: s.org, Device: s.device}, true
}

// byFlow finds the telephone at the other end of a flow. An adapter with several
// lines has several there: From tells them apart.
func (r *Registrar) byFlow(f sipedge.Flow, acc account, now time.Time) (Phone, bool) {
	v, ok := r.flows.Load(f)
	if !f.Valid() || !ok {
		return Phone{}, false
	}
	var found *Binding
	for _, b := range v.([]*Binding) {
		switch {
		case !b.live(now):
		case b.Org == acc.org && b.User == acc.user:
			return phoneOf(b), true
		case found == nil:
			found = b
		case found.Device != b.Device:
			return Phone{Org: found.Org, Registered: true}, found.Org == b.Org
		}
	}
	if found == nil {
		return Phone{}, false
	}
	return phoneOf(found), true
}

func phoneOf(b *Binding) Phone {
	return Phone{Org: b.Org, Device: b.Device, Registered: true, Agent: b.Agent, MAC: b.MAC}
}

func (r *Registrar) was(s sighting, now time.Time) bool {
	at, ok := r.seen.Load(s)
	return ok && now.Sub(at.(time.Time)) < remember
}

// at reports whether an account is registered from an address.
func (r *Registrar) at(acc account, a netip.Addr, now time.Time) bool {
	for _, b := range r.of(acc) {
		if b.live(now) && b.Source.Addr().Unmap() == a {
			return true
		}
	}
	return false
}

func (r *Registrar) of(acc account) []*Binding {
	v, ok := r.users.Load(acc)
	if !ok {
		return nil
	}
	return v.([]*Binding)
}

// Bindings lists where a user is registered, the latest first.
func (r *Registrar) Bindings(org e911.OrgID, user string) []Binding {
	now := r.cfg.Now()
	var out []Binding
	for _, b := range r.of(account{org, user}) {
		if b.live(now) {
			out = append(out, *b)
		}
	}
	slices.SortStableFunc(out, func(a, b Binding) int { return b.At.Compare(a.At) })
	return out
}

// store replaces the bindings of an account; r.mu is held.
func (r *Registrar) store(acc account, next []*Binding) {
	was := r.of(acc)
	r.bindings += len(next) - len(was)
	if len(next) == 0 {
		r.users.Delete(acc)
	} else {
		r.users.Store(acc, next)
	}
	for _, b := range was {
		if !slices.Contains(next, b) {
			r.unflow(b)
		}
	}
	for _, b := range next {
		if !b.Flow.Valid() || slices.Contains(was, b) {
			continue
		}
		list, _ := r.flows.Load(b.Flow)
		have, _ := list.([]*Binding)
		r.flows.Store(b.Flow, append(slices.Clone(have), b))
	}
}

func (r *Registrar) unflow(b *Binding) {
	v, ok := r.flows.Load(b.Flow)
	if !ok {
		return
	}
	rest := slices.DeleteFunc(slices.Clone(v.([]*Binding)), func(x *Binding) bool { return x == b })
	if len(rest) == 0 {
		r.flows.Delete(b.Flow)
		return
	}
	r.flows.Store(b.Flow, rest)
}

// sight remembers where a telephone proved itself; r.mu is held. When there is
// no room, one that is not registered now is forgotten.
func (r *Registrar) sight(s sighting, at time.Time) {
	if _, have := r.seen.Load(s); !have {
		if r.sightings >= r.cfg.Limits.Seen && !r.forgetOne(at) {
			return
		}
		r.sightings++
	}
	r.seen.Store(s, at)
	was, ok := r.sources.Load(s.addr)
	next := source{last: at, org: s.org, device: s.device}
	if w, _ := was.(source); ok && at.Sub(w.last) < remember {
		next.mixed = w.mixed || w.org != s.org
		if w.device != s.device {
			next.device = ""
		}
		if w.last.After(at) {
			next.last = w.last
		}
	}
	r.sources.Store(s.addr, next)
}

func (r *Registrar) forgetOne(now time.Time) (done bool) {
	looked := 0
	r.seen.Range(func(k, v any) bool {
		looked++
		s := k.(sighting)
		if now.Sub(v.(time.Time)) < maxExpires && looked < 1000 {
			return true // it may be registered
		}
		r.seen.Delete(s)
		r.sightings--
		done = true
		return false
	})
	return done
}

// Closed ends the registrations of a connection that is over; it is what
// sipedge.Config wants. The telephone's address stays known.
func (r *Registrar) Closed(f sipedge.Flow) {
	if _, ok := r.flows.Load(f); !ok {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	v, _ := r.flows.Load(f)
	gone, _ := v.([]*Binding)
	for _, b := range gone {
		r.drop(b, "the connection was closed")
	}
}

// drop takes one binding away and says so; r.mu is held.
func (r *Registrar) drop(b *Binding, why string) {
	acc := account{b.Org, b.User}
	r.store(acc, slices.DeleteFunc(slices.Clone(r.of(acc)), func(x *Binding) bool { return x == b }))
	r.cfg.Journal.Record(journal.New(journal.BindingGone, r.cfg.Now(), b.Org, "", journal.Unbound{Device: b.Device, User: b.User, Contact: b.Contact, Why: why}))
}

// sweep forgets what is over.
func (r *Registrar) sweep(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.users.Range(func(_, v any) bool {
		for _, b := range v.([]*Binding) {
			if !b.live(now) {
				r.drop(b, "it expired")
			}
		}
		return true
	})
	r.seen.Range(func(k, v any) bool {
		if now.Sub(v.(time.Time)) >= remember {
			r.seen.Delete(k)
			r.sightings--
		}
		return true
	})
	r.sources.Range(func(k, v any) bool {
		if now.Sub(v.(source).last) >= remember {
			r.sources.Delete(k)
		}
		return true
	})
	for k, u := range r.askers {
		if now.Sub(u.at) >= remember || !u.md5 && now.Sub(u.at) >= maxExpires {
			delete(r.askers, k)
		}
	}
	for k, d := range r.devices {
		if now.Sub(d.at) >= remember {
			delete(r.devices, k)
		}
	}
}

// record keeps a binding; r.mu is held.
func (r *Registrar) record(b *Binding) {
	r.cfg.Journal.Record(journal.New(journal.BindingMade, b.At, b.Org, "", journal.Bound{
		Device: b.Device, User: b.User, Contact: b.Contact, Params: b.Params, Instance: b.Instance, RegID: b.RegID, GRUU: b.GRUU,
		CallID: b.CallID, CSeq: b.CSeq, Source: b.Source, Local: b.Local, Transport: transportOf(b.Flow), Agent: b.Agent, MAC: b.MAC, Until: b.Expires,
	}))
}

func transportOf(f sipedge.Flow) string {
	network, _, _ := strings.Cut(f.String(), ":")
	return network
}

// Restore takes up a fact of an earlier run, in order. A telephone that
// registered by UDP is reached as before; one on a connection comes again, and
// where it was is known (F-10).
func (r *Registrar) Restore(f journal.Fact) error {
	now := r.cfg.Now()
	switch f.Kind {
	case journal.BindingMade:
		j, err := journal.Decode[journal.Bound](f)
		if err != nil || now.Sub(f.At) >= remember {
			return err
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.sight(sighting{j.Source.Addr().Unmap(), f.Org, j.Device}, f.At)
		r.noteInstance(account{f.Org, j.User}, j.Instance, f.At)
		if j.Transport != "udp" || r.cfg.UDPFlow == nil || !now.Before(j.Until) || r.bindings >= r.cfg.Limits.Bindings {
			return nil
		}
		flow, ok := r.cfg.UDPFlow(j.Local, j.Source)
		if !ok {
			return nil
		}
		b := &Binding{
			Org: f.Org, Device: j.Device, User: j.User, Contact: j.Contact, Params: j.Params, Instance: j.Instance, RegID: j.RegID, GRUU: j.GRUU,
			CallID: j.CallID, CSeq: j.CSeq, Source: j.Source, Local: j.Local, Flow: flow, Agent: j.Agent, MAC: j.MAC, At: f.At, Expires: j.Until,
		}
		r.restored(b)
	case journal.BindingGone:
		j, err := journal.Decode[journal.Unbound](f)
		if err != nil {
			return err
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		acc := account{f.Org, j.User}
		r.store(acc, slices.DeleteFunc(slices.Clone(r.of(acc)), func(b *Binding) bool { return b.Contact == j.Contact && !b.At.After(f.At) }))
	}
	return nil
}

// restored puts a binding in, unless the telephone came again meanwhile.
func (r *Registrar) restored(b *Binding) {
	acc := account{b.Org, b.User}
	next := slices.Clone(r.of(acc))
	if i := slices.IndexFunc(next, b.same); i >= 0 {
		if next[i].At.After(b.At) {
			return
		}
		next = slices.Delete(next, i, i+1)
	}
	r.store(acc, r.fit(append(next, b)))
}

// same reports two bindings of one way to one telephone (RFC 5626, section 6).
func (b *Binding) same(o *Binding) bool {
	if b.Instance != "" && b.RegID != "" && o.Instance == b.Instance {
		return o.RegID == b.RegID
	}
	return sameURI(b.Contact, o.Contact)
}

// fit keeps as many as one user may have: those that live longest.
func (r *Registrar) fit(list []*Binding) []*Binding {
	for len(list) > r.cfg.Limits.Contacts {
		first := slices.MinFunc(list, func(a, b *Binding) int { return cmp.Or(a.Expires.Compare(b.Expires), a.At.Compare(b.At)) })
		list = slices.DeleteFunc(list, func(b *Binding) bool { return b == first })
	}
	return list
}

func (r *Registrar) noteInstance(acc account, id string, at time.Time) {
	if id != "" && len(r.devices) < r.cfg.Limits.Seen {
		r.devices[acc] = instance{id, at}
	}
}
