package change_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/change"
	"github.com/callbox911/callbox/internal/e911"
)

// Plans as a person reads them.
// Proves: N-19, W-46, F-39, E15
func TestPlansAreToldToAPerson(t *testing.T) {
	at := func(row int) change.Origin { return change.Origin{File: "rows.csv", Row: row, Col: 1} }
	for _, c := range []struct {
		name string
		set  func(d *desk) change.Set
	}{
		{"a building moves to another county", func(d *desk) change.Set {
			b, _ := stored[e911.Building](d, e911.KindBuilding, "mill-1")
			b.Address.A2, b.Address.A3, b.Address.HNO, b.Address.RD, b.Address.STS = "Suffolk County", "Boston", "20", "Congress", "Street"
			b.Point = &e911.Point{Lat: 42.359, Lon: -71.056}
			return d.build("mill 1 moves to Boston", func(x *change.Builder) { x.Put(b, at(2)) })
		}},
		{"a location with an access point is deleted", func(d *desk) change.Set {
			return d.build("close the third floor", func(x *change.Builder) { x.Delete(e911.KindLocation, "mill-1-f3", at(2)) })
		}},
		{"a location is deleted with all that needs it", func(d *desk) change.Set {
			return d.build("close the third floor", func(x *change.Builder) {
				x.Delete(e911.KindLocation, "mill-1-f3", at(2))
				x.Delete(e911.KindElement, "bssid 00:11:22:33:44:80", at(3))
				x.Delete(e911.KindElement, `lldp "0c:75:bd:00:00:02" `, at(4))
				x.Delete(e911.KindElement, "ip 127.0.3.0/24", at(5))
			})
		}},
		{"numbers are renumbered", func(d *desk) change.Set {
			return d.build("renumber the mill", func(x *change.Builder) {
				for i, old := range []string{"+16175550111", "+16175550112"} {
					n, _ := stored[e911.NumberRec](d, e911.KindNumber, old)
					n.ID, n.Number = "", e911.Number(strings.Replace(old, "55501", "55507", 1))
					x.Delete(e911.KindNumber, old, at(2+2*i))
					x.Put(n, at(3+2*i))
				}
				u, _ := stored[e911.User](d, e911.KindUser, "agent-4711")
				u.Callback = "+16175550711"
				x.Put(u, at(6))
			})
		}},
		{"bad rows are left out", func(d *desk) change.Set {
			s := d.build("new people", func(x *change.Builder) {
				site, _, _ := x.ID(e911.KindSite, "hq")
				x.Put(e911.User{Org: d.org, Site: e911.SiteID(site), Key: "good", Name: "Good"}, at(2))
				x.Put(e911.User{Org: d.org, Site: e911.SiteID(site), Key: "bad key", Name: "Bad"}, at(3))
				x.Fault(e911.Fault{Path: "name", Code: "required", Msg: "a user has a name", Fix: "write one"}, at(4))
				x.Put(e911.Device{Org: d.org, Site: e911.SiteID(site), Key: "phone", User: "of-nobody", MAC: "00:00:5e:00:53:01"}, at(5))
			})
			s.Partial = true
			return s
		}},
		{"a PSAP takes another county", func(d *desk) change.Set {
			p, o := stored[e911.PSAP](d, e911.KindPSAP, "psap-middlesex")
			p.Boundary.USCounty = "25027"
			return change.Set{Title: "Middlesex takes Worcester", Steps: []change.Step{{Verb: admin.Changed, Value: p, Version: o.Version}}}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t)
			golden(t, strings.ReplaceAll(c.name, " ", "_"), func() string { p := d.plan(c.set(d)); return p.Text() }())
		})
	}
}

// What was applied can be undone as a whole, and that again.
// Proves: N-19, E15
func TestUndoPutsEverythingBack(t *testing.T) {
	d := newDesk(t)
	was := d.content()
	set := d.build("a bit of all", func(b *change.Builder) {
		site, _, _ := b.ID(e911.KindSite, "hq")
		b.Put(e911.User{Org: d.org, Site: e911.SiteID(site), Key: "new", Name: "New"}, change.Origin{})
		id, ok, err := b.ID(e911.KindUser, "new")
		if !ok || err != nil {
			t.Fatalf("the set does not know its own user: %v", err)
		}
		b.Put(e911.Device{Org: d.org, Site: e911.SiteID(site), Key: "new-phone", User: e911.UserID(id), MAC: "00:00:5e:00:53:01"}, change.Origin{})
		v, _ := stored[e911.Alert](d, e911.KindAlert, "desk")
		v.Webhook[0].Secret = "a long secret of the desk"
		b.Put(v, change.Origin{})
		b.Delete(e911.KindAlert, "boston-desk", change.Origin{})
	})
	p := d.plan(set)
	if text := fmt.Sprintf("%+v %s", p, p.Text()); strings.Contains(text, "a long secret") || strings.Contains(text, "b7d40e95") {
		t.Errorf("the plan tells a secret: %s", text)
	}
	a := d.apply(p)
	trail, err := d.store.FindAudit(t.Context(), admin.AuditQuery{Org: d.org, Set: a.ID})
	if err != nil || len(trail) != 4 {
		t.Errorf("the audit trail has %d entries of the set, %v; want 4", len(trail), err)
	}
	is := d.content()
	if _, err := d.Apply(t.Context(), "bob", d.org, p.ID, p.Hash); err == nil {
		t.Error("a plan was applied twice")
	}
	undo, err := d.Undo(t.Context(), "ann", d.org, a.ID)
	if err != nil {
		t.Fatal(err)
	}
	u := d.apply(undo)
	same(t, was, d.content())
	if _, err := d.Undo(t.Context(), "ann", d.org, a.ID); e911.KindOf(err) != e911.Conflict {
		t.Errorf("undone twice: %v", err)
	}
	again, err := d.Undo(t.Context(), "ann", d.org, u.ID)
	if err != nil {
		t.Fatal(err)
	}
	d.apply(again)
	same(t, is, d.content())
	// What somebody changed since is not taken from him.
	v, o := stored[e911.Alert](d, e911.KindAlert, "desk")
	v.Mail = []string{"other@harbor.example"}
	d.apply(d.plan(change.Set{Org: d.org, Steps: []change.Step{{Verb: admin.Changed, Value: v, Version: o.Version}}}))
	if _, err := d.Undo(t.Context(), "ann", d.org, again.ID); e911.KindOf(err) != e911.Conflict || !strings.Contains(err.Error(), "alert desk was changed since") {
		t.Errorf("undone over another's change: %v", err)
	}
	if proof, err := d.store.VerifyAudit(t.Context(), "", true); err != nil || proof.Broken != nil {
		t.Errorf("the audit trail: %+v, %v", proof.Broken, err)
	}
}

// A plan holds on the world that it was made on: what moved is said, what has
// nothing to do with it may move.
// Proves: E15, N-19
func TestAPlanIsRefusedWhenTheWorldMoved(t *testing.T) {
	d := newDesk(t)
	move := func(key string, f func(*e911.Building)) change.Plan {
		b, _ := stored[e911.Building](d, e911.KindBuilding, key)
		f(&b)
		return d.plan(d.build("change "+key, func(x *change.Builder) { x.Put(b, change.Origin{}) }))
	}
	name := func(s string) func(*e911.Building) { return func(b *e911.Building) { b.Name = s } }
	refused := func(p change.Plan, says string) {
		t.Helper()
		_, err := d.Apply(t.Context(), "bob", p.Org, p.ID, p.Hash)
		if e911.KindOf(err) != e911.Conflict || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v; want %q", p.Title, err, says)
		}
	}

	first, second := move("mill-1", name("A")), move("mill-1", name("B"))
	if _, err := d.Apply(t.Context(), "bob", d.org, first.ID, second.Hash); e911.KindOf(err) != e911.Conflict {
		t.Errorf("applied with the hash of another plan: %v", err)
	}
	if _, err := d.Apply(t.Context(), "bob", "other", first.ID, first.Hash); e911.KindOf(err) != e911.NotFound {
		t.Errorf("another organisation's plan: %v", err)
	}
	unrelated := move("mill-2", name("C"))
	d.apply(first)
	refused(second, "building mill-1 was changed since: it is at version 2")
	d.apply(unrelated)

	// The effects rest on more than what is changed: who is in the building.
	away := move("mill-1", func(b *e911.Building) { b.Point = &e911.Point{Lat: 42.36, Lon: -71.05} })
	site, _ := stored[e911.Site](d, e911.KindSite, "hq")
	loc, _ := stored[e911.Location](d, e911.KindLocation, "mill-1-f1")
	d.apply(d.plan(d.build("one more number", func(x *change.Builder) {
		x.Put(e911.NumberRec{Org: d.org, Site: site.ID, Location: loc.ID, Number: "+16175550119"}, change.Origin{})
	})))
	refused(away, "numbers would change; planned were")

	// Somebody needs what the plan takes away.
	gone := d.plan(d.build("no sales", func(x *change.Builder) { x.Delete(e911.KindAlert, "boston-desk", change.Origin{}) }))
	late := d.plan(d.build("no lab", func(x *change.Builder) {
		x.Delete(e911.KindNumber, "+16175550119", change.Origin{})
	}))
	site.ECBN = "+16175550119"
	d.apply(d.plan(d.build("the site's number", func(x *change.Builder) { x.Put(site, change.Origin{}) })))
	refused(late, "+16175550119")
	d.apply(gone)

	old := move("mill-2", name("D"))
	d.now = d.now.Add(change.Life + time.Second)
	if _, err := d.Apply(t.Context(), "bob", d.org, old.ID, old.Hash); e911.KindOf(err) != e911.NotFound {
		t.Errorf("a plan of yesterday: %v", err)
	}
}

// Two administrators apply at once: one of them is told.
// Proves: E15
func TestTwoAdministratorsAtOnce(t *testing.T) {
	d := newDesk(t)
	var plans []change.Plan
	for _, name := range []string{"A", "B", "C", "D"} {
		b, _ := stored[e911.Building](d, e911.KindBuilding, "mill-1")
		b.Name = name
		plans = append(plans, d.plan(d.build(name, func(x *change.Builder) { x.Put(b, change.Origin{}) })))
	}
	var wg sync.WaitGroup
	errs := make([]error, len(plans))
	for i, p := range plans {
		wg.Go(func() { _, errs[i] = d.Apply(t.Context(), "bob", p.Org, p.ID, p.Hash) })
	}
	wg.Wait()
	done := ""
	for i, err := range errs {
		switch {
		case err == nil:
			done += plans[i].Title
		case e911.KindOf(err) != e911.Conflict:
			t.Errorf("%s: %v", plans[i].Title, err)
		}
	}
	if b, _ := stored[e911.Building](d, e911.KindBuilding, "mill-1"); b.Name != done {
		t.Errorf("applied were %q and the building is called %q", done, b.Name)
	}
}

// Organisations are walls, also for change sets.
// Proves: E14
func TestASetStaysInItsOrganisation(t *testing.T) {
	d := newDesk(t)
	trunk, _ := stored[e911.PSAP](d, e911.KindPSAP, "psap-middlesex")
	for name, step := range map[string]change.Step{
		"the world":                  {Verb: change.Put, Value: trunk},
		"another organisation":       {Verb: change.Put, Value: e911.User{Org: "other", Key: "x", Name: "X"}},
		"a deletion over the wall":   {Verb: admin.Deleted, Ref: admin.Ref{Kind: e911.KindUser, Org: "other", ID: "x"}},
		"a key that seals locations": {Verb: change.Put, Value: e911.TokenKey{ID: "k9"}},
		"nothing":                    {},
	} {
		p := d.plan(change.Set{Org: d.org, Steps: []change.Step{step}})
		if p.Applicable || len(p.Faults) != 1 || p.Faults[0].Path == "" || p.Faults[0].Fix == "" {
			t.Errorf("%s: %+v", name, p.Faults)
		}
	}
}

// Any set that was applied and undone leaves the store as it was, and the audit
// trail has as many entries as the plan said.
// Proves: E15, N-19, N-39
func TestAnySetCanBeUndone(t *testing.T) {
	d := newDesk(t)
	rapid.Check(t, func(r *rapid.T) {
		was := d.content()
		set := change.Set{Org: d.org, Partial: true, Unroute: "a test", Title: "random"}
		site, _ := stored[e911.Site](d, e911.KindSite, "hq")
		var refs []admin.Ref
		for ref := range was {
			if ref.Org == d.org && ref.Kind != e911.KindOrg && ref.Kind != e911.KindTrunk {
				refs = append(refs, ref)
			}
		}
		for i, n := 0, rapid.IntRange(1, 6).Draw(r, "steps"); i < n; i++ {
			ref := refs[rapid.IntRange(0, len(refs)-1).Draw(r, "object")]
			switch rapid.IntRange(0, 3).Draw(r, "what") {
			case 0:
				set.Steps = append(set.Steps, change.Step{Verb: admin.Deleted, Ref: ref})
			case 1:
				set.Steps = append(set.Steps, change.Step{Verb: change.Put, Value: e911.User{Org: d.org, Site: site.ID, Key: fmt.Sprint("u", i), Name: "N"}})
			default:
				v := was[ref]
				switch x := v.(type) {
				case e911.User:
					x.Name = rapid.StringMatching("[a-z]{3}").Draw(r, "name")
					v = x
				case e911.Building:
					x.Point = &e911.Point{Lat: 42.36, Lon: -71.05}
					v = x
				case e911.NumberRec:
					x.Location = ""
					v = x
				}
				set.Steps = append(set.Steps, change.Step{Verb: change.Put, Value: v})
			}
		}
		p := d.plan(set)
		if !p.Applicable {
			return
		}
		want := 0
		for _, c := range p.Counts {
			want += c.Created + c.Changed + c.Deleted
		}
		a := d.apply(p)
		trail, err := d.store.FindAudit(t.Context(), admin.AuditQuery{Org: d.org, Set: a.ID})
		if err != nil || len(trail) != want {
			r.Fatalf("the trail has %d entries, %v; the plan said %d", len(trail), err, want)
		}
		undo, err := d.Undo(t.Context(), "ann", d.org, a.ID)
		if err != nil {
			r.Fatal(err)
		}
		d.apply(undo)
		same(t, was, d.content())
	})
}
