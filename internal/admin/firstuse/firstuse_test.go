package firstuse_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/edit"
	"github.com/callbox911/callbox/internal/admin/firstuse"
	"github.com/callbox911/callbox/internal/admin/setup"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/snapshot"
)

// bench is a desk over one organisation: ann has a line, bob has none, two have one
// address.
type bench struct {
	*firstuse.Desk
	world    *snapshot.Snapshot
	accepted []setup.Acknowledgement
	lines    map[string]e911.NumberRec
	fed      map[e911.UserID]admin.Fed
	signedIn bool
	callback e911.Number
	// registered is the place of each, whatever he calls from.
	registered map[e911.UserID]string
	placed     []e911.UserID
}

func (b *bench) UserAccepted(context.Context, e911.OrgID, e911.UserID) (bool, error) {
	return len(b.accepted) > 0, nil
}

func (b *bench) UsersAccepted(context.Context, e911.OrgID) (map[e911.UserID]bool, error) {
	out := map[e911.UserID]bool{}
	for _, a := range b.accepted {
		out[e911.UserID(a.User)] = true
	}
	return out, nil
}

func (b *bench) Acknowledge(_ context.Context, _ admin.Actor, _ e911.OrgID, a setup.Acknowledgement) (setup.Acceptance, error) {
	b.accepted = append(b.accepted, a)
	return setup.Acceptance{}, nil
}

func (b *bench) Get(_ context.Context, _ e911.OrgID, id string) (edit.Stored[e911.NumberRec], error) {
	return edit.Stored[e911.NumberRec]{Value: b.lines[id], Version: 1}, nil
}

func (b *bench) Update(_ context.Context, _ admin.Actor, n e911.NumberRec, v int64) (edit.Stored[e911.NumberRec], error) {
	b.lines[string(n.ID)] = n
	return edit.Stored[e911.NumberRec]{Value: n, Version: v + 1}, nil
}

func (b *bench) Fed(context.Context, e911.OrgID, ...e911.UserID) (map[e911.UserID]admin.Fed, error) {
	return b.fed, nil
}

func (b *bench) Say(_ e911.OrgID, _ e911.UserID, _ e911.LocationID, text string) ([]firstuse.Said, error) {
	if !b.signedIn {
		return nil, nil
	}
	return []firstuse.Said{{Taken: text != "nowhere", Why: "there is no such street"}}, nil
}

func (b *bench) SayCallback(_ e911.OrgID, _ e911.UserID, n e911.Number) error {
	b.callback = n
	return nil
}

func (b *bench) Register(_ e911.OrgID, u e911.UserID, location e911.LocationID, text string) (firstuse.Said, error) {
	if text == "nowhere" {
		return firstuse.Said{Why: "there is no such street"}, nil
	}
	b.registered[u] = text + string(location)
	return firstuse.Said{Taken: true}, nil
}

func (b *bench) Kept(_ e911.OrgID, u e911.UserID) firstuse.Kept {
	k := firstuse.Kept{Callback: b.callback, Registered: b.registered[u]}
	if b.signedIn {
		k.SignedIn = []e911.DeviceID{"d1", "client-1"}
	}
	return k
}

func newBench(t *testing.T) *bench {
	t.Helper()
	line := e911.NumberRec{ID: "n1", Org: "o", Site: "s", Number: "+16172530101", User: "u1"}
	b := &bench{lines: map[string]e911.NumberRec{"n1": line}, fed: map[e911.UserID]admin.Fed{}, registered: map[e911.UserID]string{}}
	var changes []snapshot.Change
	add := func(kind e911.ObjectKind, id string, v any) {
		changes = append(changes, snapshot.Change{Kind: kind, Org: "o", ID: id, Object: v})
	}
	add(e911.KindOrg, "o", e911.Org{ID: "o", Key: "harbor", Name: "Harbor"})
	for _, id := range []e911.SiteID{"s", "s2"} {
		add(e911.KindSite, string(id), e911.Site{ID: id, Org: "o", Key: string(id), Name: "Site " + string(id), Zone: "America/New_York", Mode: e911.ModeDynamic, Stage: e911.StageNone, ECBN: "+16172530100"})
		add(e911.KindBuilding, "b-"+string(id), e911.Building{ID: e911.BuildingID("b-" + id), Org: "o", Site: id, Key: "b-" + string(id), Name: "House " + string(id), Address: e911.Civic{
			Country: "US", A1: "MA", A3: "Cambridge", RD: "Elm", STS: "Street", HNO: "1", PC: "02139",
		}, Point: &e911.Point{Lat: 42.36, Lon: -71.1}})
		add(e911.KindLocation, "l-"+string(id), e911.Location{ID: e911.LocationID("l-" + id), Org: "o", Building: e911.BuildingID("b-" + id), Key: "l-" + string(id), Detail: e911.Civic{FLR: "2"}})
	}
	for id, mail := range map[e911.UserID]string{"u1": "Ann@example.com", "u2": "bob@example.com", "u3": "two@example.com", "u4": "two@example.com", "u5": "eve@example.com"} {
		add(e911.KindUser, string(id), e911.User{ID: id, Org: "o", Site: "s2", Key: string(id), Name: string(id), Email: mail})
	}
	add(e911.KindNumber, "n1", line)
	add(e911.KindDevice, "d1", e911.Device{ID: "d1", Org: "o", Site: "s", Key: "phone-1", User: "u5"})
	var err error
	if b.world, _, err = new(snapshot.Snapshot).ApplyGood(changes, time.Now()); err != nil {
		t.Fatal(err)
	}
	if b.world.Org("o") == nil {
		t.Fatal("there is no organisation")
	}
	b.Desk, err = firstuse.New(firstuse.Config{
		World: func() *snapshot.Snapshot { return b.world }, Feeds: b, Devices: b,
		Setup:   func() (firstuse.Setup, error) { return b, nil },
		Numbers: func() (firstuse.Numbers, error) { return b, nil },
		Placed:  func(_ context.Context, _ e911.OrgID, u e911.UserID) error { b.placed = append(b.placed, u); return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func code(err error) string {
	if f := e911.FaultsOf(err); len(f) > 0 {
		return f[0].Path + " " + f[0].Code
	}
	return string(e911.KindOf(err))
}

// Proves: N-07, N-08, N-45, C-59: a user reads, says where he is, and is off the list
// of those who were asked; what a directory feeds is not his to change.
func TestAUserSaysWhereHeIsBeforeFirstUse(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	own, err := b.Of(ctx, "o", "ann@EXAMPLE.com ")
	if err != nil || own.User != "u1" || own.Accepted || own.Placed || own.Text.Version == "" {
		t.Fatalf("%+v, %v", own, err)
	}
	open, err := b.Report(ctx, "o", map[e911.UserID]time.Time{"u1": time.Unix(1, 0)})
	if err != nil || len(open) != 5 || open[0].Since.IsZero() {
		t.Errorf("%+v, %v", open, err)
	}
	if err := b.Accept(ctx, "i1", "o", "ann@example.com", own.Text.Version); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]setup.Acknowledgement{{Text: setup.UserLimits, Version: own.Text.Version, User: "u1"}}, b.accepted); d != "" {
		t.Error(d)
	}
	list, more, err := b.Choices("o", "ann@example.com", "")
	if err != nil || more || len(list) != 2 || list[0].ID != "l-s2" {
		t.Errorf("places of his site come first: %+v %v %v", list, more, err)
	}
	if list, _, _ := b.Choices("o", "ann@example.com", "house s"); len(list) != 2 {
		t.Errorf("%+v", list)
	}
	a, err := b.At(ctx, "i1", "o", "ann@example.com", "l-s2")
	if err != nil || len(a.Lines) != 1 || b.lines["n1"].Location != "l-s2" || len(b.placed) != 1 || b.registered["u1"] != "l-s2" || a.Nowhere() {
		t.Errorf("%+v, %v, %+v, %v", a, err, b.lines, b.placed)
	}
	b.signedIn = true
	if _, err := b.Elsewhere(ctx, "o", "bob@example.com", "12 Elm Street, Cambridge, MA 02139"); err != nil || len(b.placed) != 2 {
		t.Errorf("%v %v", err, b.placed)
	}
	if err := b.SetCallback(ctx, "o", "bob@example.com", "(617) 253-0102"); err != nil || b.callback != "+16172530102" {
		t.Errorf("%v %v", err, b.callback)
	}
}

// Proves: N-07, C-59, E14: what is refused, and that nothing changes then.
func TestFirstUseRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		change func(b *bench)
		do     func(b *bench, ctx context.Context) error
		want   string
	}{
		"an address that is nobody's": {nil, func(b *bench, ctx context.Context) error { _, err := b.Of(ctx, "o", "x@example.com"); return err }, string(e911.NotFound)},
		"an address of two":           {nil, func(b *bench, ctx context.Context) error { _, err := b.Of(ctx, "o", "two@example.com"); return err }, string(e911.NotFound)},
		"no address":                  {nil, func(b *bench, ctx context.Context) error { _, err := b.Of(ctx, "o", " "); return err }, string(e911.NotFound)},
		"another organisation":        {nil, func(b *bench, ctx context.Context) error { _, err := b.Of(ctx, "p", "ann@example.com"); return err }, string(e911.NotFound)},
		"a place that is not there": {nil, func(b *bench, ctx context.Context) error {
			_, err := b.At(ctx, "i", "o", "ann@example.com", "l-x")
			return err
		}, "location unknown"},
		"elsewhere, with a telephone here": {nil, func(b *bench, ctx context.Context) error {
			_, err := b.Elsewhere(ctx, "o", "eve@example.com", "12 Elm Street, Cambridge, MA 02139")
			return err
		}, "address no_device"},
		"elsewhere, with a number here": {nil, func(b *bench, ctx context.Context) error {
			_, err := b.Elsewhere(ctx, "o", "ann@example.com", "12 Elm Street, Cambridge, MA 02139")
			return err
		}, "address no_device"},
		"an address that is none, of who has nothing to call from": {nil, func(b *bench, ctx context.Context) error {
			_, err := b.Elsewhere(ctx, "o", "bob@example.com", "nowhere")
			return err
		}, "address invalid"},
		"to leave the list": {nil, func(b *bench, _ context.Context) error { return b.Leave() }, string(e911.Denied)},
		"a line that a directory places": {
			func(b *bench) { b.fed["u1"] = admin.Fed{Directory: "ad", Location: true} },
			func(b *bench, ctx context.Context) error {
				_, err := b.At(ctx, "i", "o", "ann@example.com", "l-s")
				return err
			}, "location synced",
		},
		"a callback that a directory feeds": {
			func(b *bench) { b.fed["u1"] = admin.Fed{Directory: "ad", Fields: []string{"callback"}} },
			func(b *bench, ctx context.Context) error {
				return b.SetCallback(ctx, "o", "ann@example.com", "+16172530102")
			}, "callback synced",
		},
		"an address that is no address": {
			func(b *bench) { b.signedIn = true },
			func(b *bench, ctx context.Context) error {
				_, err := b.Elsewhere(ctx, "o", "ann@example.com", "nowhere")
				return err
			}, "address invalid",
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			if c.change != nil {
				c.change(b)
			}
			if err := c.do(b, t.Context()); err == nil || code(err) != c.want {
				t.Errorf("%q, %v", code(err), err)
			}
			if len(b.placed) > 0 || b.lines["n1"].Location != "" || b.callback != "" || len(b.registered) > 0 {
				t.Errorf("something was changed: %+v", b)
			}
		})
	}
}

// Proves: N-07: who has neither a number nor a device says where he is, is asked no more,
// and reads that it is kept for what he gets.
func TestAUserWithNothingToCallFromSaysWhereHeIs(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	own, err := b.Of(ctx, "o", "bob@example.com")
	if d := cmp.Diff([]firstuse.Ask{firstuse.AskPlace, firstuse.AskAccept}, own.Asked); err != nil || d != "" {
		t.Errorf("what he is asked: %v %s", err, d)
	}
	for text, say := range map[string]func() (firstuse.Answer, error){
		"l-s":           func() (firstuse.Answer, error) { return b.At(ctx, "i", "o", "bob@example.com", "l-s") },
		"12 Elm Street": func() (firstuse.Answer, error) { return b.Elsewhere(ctx, "o", "bob@example.com", " 12 Elm Street ") },
	} {
		b.placed, b.registered = nil, map[e911.UserID]string{}
		a, err := say()
		if err != nil || !a.Nowhere() || b.registered["u2"] != text || len(b.placed) != 1 {
			t.Errorf("%s: %+v %v %v %v", text, a, err, b.registered, b.placed)
		}
		if own, err := b.Of(ctx, "o", "bob@example.com"); err != nil || !own.Placed || own.Registered != text || len(own.Asked) != 1 {
			t.Errorf("%s: %+v %v", text, own, err)
		}
	}
	b.fed["u2"] = admin.Fed{Directory: "ad", Location: true}
	if a, err := b.At(ctx, "i", "o", "bob@example.com", "l-s2"); err != nil || !a.Nowhere() {
		t.Errorf("a directory places his number, which he does not have yet: %+v %v", a, err)
	}
	b.signedIn = true
	own, err = b.Of(ctx, "o", "eve@example.com")
	want := []firstuse.Device{{ID: "d1", Key: "phone-1", SignedIn: true}, {ID: "client-1", SignedIn: true}}
	if d := cmp.Diff(want, own.Devices); err != nil || d != "" {
		t.Errorf("her devices: %v %s", err, d)
	}
}
