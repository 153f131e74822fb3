package heldplus

import (
	"encoding/json"
	"fmt"

	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/rules/locate"
)

// Restore puts back what a fact told, when a server starts from its journal or
// hears of it from another node. Kinds that are not HELD+'s change nothing. The
// error tells what kind of fact cannot be read, and nothing that it holds.
func (s *Server) Restore(f journal.Fact) error {
	switch f.Kind {
	case journal.ClientSession:
		return restore(f, s.book.restoreSession)
	case journal.ClientNetwork:
		return restore(f, s.book.restoreNetwork)
	case journal.OwnLocation:
		return restore(f, s.book.restoreOwn)
	case journal.OwnForgotten:
		return restore(f, s.book.restoreForgotten)
	case journal.OwnRegistered:
		return restore(f, s.book.restoreRegistered)
	case journal.OwnCallback:
		return restore(f, s.book.restoreCallback)
	}
	return nil
}

func restore[T any](f journal.Fact, take func(journal.Fact, T) error) error {
	body, err := journal.Decode[T](f)
	if err != nil {
		return err
	}
	if err := take(f, body); err != nil {
		return fmt.Errorf("decode fact %s %d %s: %w", f.Node, f.Seq, f.Kind, err)
	}
	return nil
}

func (b *book) restoreSession(f journal.Fact, v journal.Session) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	k := key{f.Org, v.Device}
	d := b.device(k)
	if f.At.Before(d.boundAt) {
		return nil
	}
	if d.client != v.Client {
		*d = device{user: d.user, client: v.Client, boundAt: f.At}
	}
	b.enter(k, d, v.User)
	// What was answered before the restart was answered: nobody is asked twice.
	d.session, d.answered = v.ID, true
	return nil
}

func (b *book) restoreNetwork(f journal.Fact, v journal.Network) error {
	var here locate.NetworkID
	if err := json.Unmarshal(v.Here, &here); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	d := b.device(key{f.Org, v.Device})
	if d.client == "" {
		d.client = v.Client
	}
	if d.ever = true; v.At.Before(d.hereAt) {
		return nil
	}
	d.here, d.hereAt, d.toldAt = here, v.At, v.At
	if v.Position != nil {
		d.position, d.posAt = v.Position, v.At
	}
	return nil
}

func (b *book) restoreOwn(f journal.Fact, v journal.Own) error {
	var homes []locate.Home
	if len(v.Homes) > 0 {
		if err := json.Unmarshal(v.Homes, &homes); err != nil {
			return err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, gone := b.gone[v.ID]; gone {
		return nil
	}
	c := client{f.Org, v.Client}
	o := b.owns[v.ID]
	switch {
	case o == nil:
		if len(b.of[c]) >= maxOwn {
			return nil
		}
		o = &own{id: v.ID, client: c}
		b.owns[v.ID] = o
		b.of[c] = append(b.of[c], o)
	case o.client != c || f.At.Before(o.at):
		return nil
	}
	o.device, o.user, o.name, o.place = v.Device, v.User, v.Name, v.Place
	o.verdict, o.why, o.at, o.validation = locate.Verdict(v.Verdict), v.Why, v.At, v.Validation
	o.homes = homes[:min(len(homes), maxNetworks)]
	return nil
}

func (b *book) restoreForgotten(f journal.Fact, v journal.Own) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if o := b.owns[v.ID]; o != nil && o.client == (client{f.Org, v.Client}) {
		b.remove(o)
	} else if o == nil {
		b.bury(v.ID)
	}
	return nil
}

func (b *book) restoreCallback(f journal.Fact, v journal.Callback) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	u := userKey{f.Org, v.User}
	if !f.At.Before(b.callbackAt[u]) {
		b.chooses(u, v.Number, f.At)
	}
	return nil
}
