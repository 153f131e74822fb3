package scim_test

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/examples"
	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/apikey"
	"github.com/callbox911/callbox/internal/admin/change"
	"github.com/callbox911/callbox/internal/admin/directory"
	"github.com/callbox911/callbox/internal/admin/edit"
	"github.com/callbox911/callbox/internal/admin/firstuse"
	"github.com/callbox911/callbox/internal/admin/reconcile"
	"github.com/callbox911/callbox/internal/admin/setup"
	"github.com/callbox911/callbox/internal/admin/sheet"
	"github.com/callbox911/callbox/internal/admin/world"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/layers"
	"github.com/callbox911/callbox/internal/snapshot"
	"github.com/callbox911/callbox/internal/web/scim"
)

const (
	mia     = "mia@harbor.example"
	harbor  = "User ID/Email,Display Name,Agent\nfront-desk@harbor.example,Front desk,agent4711\nlab@harbor.example,Quality lab,agent4712\nsales@harbor.example,Sales,agent4801\n"
	withMia = harbor + mia + ",Mia Holt,M-204\n"
)

// house is an organisation with a calling platform, a directory of people, and a page
// that asks them where they are.
type house struct {
	*bench
	now      time.Time
	list     directory.Listing
	planner  *change.Planner
	platform *reconcile.Service
	desk     *firstuse.Desk
}

func newHouse(t *testing.T, protocol directory.Protocol) *house {
	t.Helper()
	h := &house{bench: newBench(t), now: epoch}
	clock := func() time.Time { return h.now }
	im, err := world.New(world.Config{Store: h.store, Layer: layers.USCountyBoundary, Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := im.Import(t.Context(), "test", "harbor.yaml", examples.Harbor(), world.Options{}); err != nil {
		t.Fatal(err)
	}
	err = h.store.Read(t.Context(), func(r admin.Reader) error {
		orgs, err := r.Orgs(t.Context())
		h.org = orgs[slices.IndexFunc(orgs, func(o e911.Org) bool { return o.Key == "harbor" })].ID
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	empty := &snapshot.Snapshot{}
	if h.planner, err = change.New(change.Config{Store: h.store, Layer: layers.USCountyBoundary, Now: clock, World: func() (*snapshot.Snapshot, admin.Head) { return empty, admin.Head{} }}); err != nil {
		t.Fatal(err)
	}
	log, alarm := slog.New(slog.DiscardHandler), func(e911.OrgID, journal.Alarm) {}
	if h.svc, err = directory.New(directory.Config{
		Store: h.store, Planner: h.planner, Now: clock, Log: log, Alarm: alarm,
		Fetch: func(context.Context, directory.Source) (directory.Listing, error) { return h.list, nil },
	}); err != nil {
		t.Fatal(err)
	}
	if h.h, err = scim.New(scim.Config{Directories: func() scim.Directories { return h.svc }, Keys: h.keys, BaseURL: "https://callbox.example", Log: log}); err != nil {
		t.Fatal(err)
	}
	if _, h.key, err = h.keys.Create(t.Context(), "test", apikey.Wish{Org: h.org, Name: "hr", Scopes: []apikey.Scope{apikey.ScopeDirectory}}); err != nil {
		t.Fatal(err)
	}
	src := directory.Source{Org: h.org, Key: "hr", Protocol: protocol, Action: directory.ActionApply, Site: "hq", MaxShrink: 100}
	if protocol == directory.LDAP {
		src.Server = &directory.Tree{URL: "ldaps://dc.example", Base: "dc=example"}
	}
	if _, err := h.svc.Save(t.Context(), "test", src); err != nil {
		t.Fatal(err, e911.FaultsOf(err))
	}
	if h.platform, err = reconcile.New(reconcile.Config{Store: h.store, Planner: h.planner, Leavers: h.svc.Leavers, Folder: t.TempDir(), Now: clock, Log: log, Alarm: alarm}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.platform.Save(t.Context(), "test", reconcile.Source{
		Org: h.org, Key: "webex", Kind: sheet.Users, KeyColumn: "User ID/Email", KeyField: "email", Site: "hq", Action: reconcile.ActionReport, MaxShrink: 100,
		Columns: map[string]string{"name": "Display Name", "device_user_id": "Agent"},
	}); err != nil {
		t.Fatal(err, e911.FaultsOf(err))
	}
	page := &pageOf{}
	if h.desk, err = firstuse.New(firstuse.Config{
		World: h.world, Feeds: h.svc, Devices: page, Placed: h.svc.Placed,
		Setup: func() (firstuse.Setup, error) { return page, nil }, Numbers: func() (firstuse.Numbers, error) { return page, nil },
	}); err != nil {
		t.Fatal(err)
	}
	return h
}

// world is what is stored, as a snapshot.
func (h *house) world() *snapshot.Snapshot {
	h.t.Helper()
	var changes []snapshot.Change
	err := h.store.Read(h.t.Context(), func(r admin.Reader) error {
		orgs, err := r.Orgs(h.t.Context())
		if err != nil {
			return err
		}
		for _, o := range orgs {
			changes = append(changes, snapshot.Change{Kind: e911.KindOrg, Org: o.ID, ID: string(o.ID), Object: o})
		}
		for _, kind := range []e911.ObjectKind{e911.KindSite, e911.KindBuilding, e911.KindLocation, e911.KindUser} {
			all, err := r.List(h.t.Context(), admin.Query{Kind: kind, Org: h.org})
			if err != nil {
				return err
			}
			for _, o := range all {
				changes = append(changes, snapshot.Change{Kind: kind, Org: h.org, ID: admin.RefOf(o.Value).ID, Object: o.Value})
			}
		}
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
	s, _, err := new(snapshot.Snapshot).ApplyGood(changes, h.now)
	if err != nil {
		h.t.Log(err) // what stands on what was left out: trunks, layers
	}
	return s
}

func (h *house) sync() directory.Report {
	h.t.Helper()
	r, err := h.svc.Sync(h.t.Context(), "test", h.org, "hr", false)
	if err != nil || r.Error != "" {
		h.t.Fatalf("%+v, %v", r, err)
	}
	return r
}

// compared says of whom the platform's list, as it came last or as it comes now, and
// ours differ.
func (h *house) compared(list string) string {
	h.t.Helper()
	r, err := h.platform.Push(h.t.Context(), "test", h.org, "webex", "webex.csv", strings.NewReader(list))
	if err != nil || r.Error != "" {
		h.t.Fatalf("%+v, %v", r, err)
	}
	var out []string
	for _, d := range r.Differences {
		s := string(d.Class) + " " + d.Key + d.OurKey
		if d.Unregistered {
			s += " unregistered"
		}
		out = append(out, s)
	}
	return strings.Join(out, ", ")
}

// pageOf is what a page of first use stands on, with one who is signed in.
type pageOf struct{ accepted bool }

func (p *pageOf) UserAccepted(context.Context, e911.OrgID, e911.UserID) (bool, error) {
	return p.accepted, nil
}

func (p *pageOf) UsersAccepted(context.Context, e911.OrgID) (map[e911.UserID]bool, error) {
	return nil, nil
}

func (p *pageOf) Acknowledge(context.Context, admin.Actor, e911.OrgID, setup.Acknowledgement) (setup.Acceptance, error) {
	p.accepted = true
	return setup.Acceptance{}, nil
}

func (p *pageOf) Get(context.Context, e911.OrgID, string) (edit.Stored[e911.NumberRec], error) {
	return edit.Stored[e911.NumberRec]{}, nil
}

func (p *pageOf) Update(context.Context, admin.Actor, e911.NumberRec, int64) (edit.Stored[e911.NumberRec], error) {
	return edit.Stored[e911.NumberRec]{}, nil
}

func (p *pageOf) Say(e911.OrgID, e911.UserID, e911.LocationID, string) ([]firstuse.Said, error) {
	return []firstuse.Said{{Taken: true}}, nil
}
func (p *pageOf) SayCallback(e911.OrgID, e911.UserID, e911.Number) error { return nil }
func (p *pageOf) Kept(e911.OrgID, e911.UserID) firstuse.Kept             { return firstuse.Kept{} }
func (p *pageOf) Register(e911.OrgID, e911.UserID, e911.LocationID, string) (firstuse.Said, error) {
	return firstuse.Said{Taken: true}, nil
}

// Proves: C-59, N-07, N-15, N-34: of SCIM and of LDAP, who joins is on both lists and
// is asked where he is, and who leaves is on neither.
func TestWhoJoinsIsAskedAndWhoLeavesIsOnNeitherList(t *testing.T) {
	id := ""
	for name, feed := range map[directory.Protocol]struct{ join, leave func(*house) }{
		directory.SCIM: {
			func(h *house) {
				id = h.make("/Users", strings.NewReplacer("Ann@example.test", mia, "ann@example.test", mia, "A-17", "M-204", "Ann Lee", "Mia Holt").Replace(ann))
			},
			func(h *house) {
				if a := h.ask("PATCH", "/Users/"+id, patched(`{"op":"Replace","path":"active","value":"False"}`)); a.status != http.StatusOK {
					h.t.Fatalf("%d %v", a.status, a.body)
				}
			},
		},
		directory.LDAP: {
			func(h *house) {
				h.list.People = []directory.Entry{
					{External: "x", Name: "mia", Active: true, Attributes: directory.Attributes{
						"uid": {"mia"}, "cn": {"Mia Holt"}, "mail": {mia}, "employeenumber": {"M-204"},
					}},
					{External: "y", Name: "desk", Active: true, Attributes: directory.Attributes{"uid": {"desk"}, "cn": {"Front desk"}, "mail": {"front-desk@harbor.example"}}},
				}
			},
			func(h *house) { h.list.People = h.list.People[1:] },
		},
	} {
		t.Run(string(name), func(t *testing.T) {
			h := newHouse(t, name)
			if got := h.compared(withMia); got != "missing "+mia+" unregistered" {
				t.Fatalf("before: %s", got)
			}
			if _, err := h.desk.Of(t.Context(), h.org, mia); e911.KindOf(err) != e911.NotFound {
				t.Fatalf("before: %v", err)
			}

			feed.join(h)
			if r := h.sync(); !r.Applied || r.Counts.Joined != 1 || r.Counts.Unplaced != 1 {
				t.Fatalf("%+v", r)
			}
			if got := h.compared(withMia); got != "" {
				t.Errorf("who joined is not on both lists: %s", got)
			}
			own, err := h.desk.Of(t.Context(), h.org, mia)
			if err != nil || own.Placed || own.Accepted || own.Directory != "hr" {
				t.Fatalf("%+v, %v", own, err)
			}
			unplaced, err := h.svc.Unplaced(t.Context(), h.org)
			if err != nil || unplaced[own.User].IsZero() {
				t.Errorf("he is not asked: %v, %v", unplaced, err)
			}
			choices, _, err := h.desk.Choices(h.org, mia, "")
			if err != nil || len(choices) == 0 {
				t.Fatalf("%v, %v", choices, err)
			}
			if _, err := h.desk.At(t.Context(), "mia", h.org, mia, choices[0].ID); err != nil {
				t.Fatal(err, e911.FaultsOf(err))
			}
			if r := h.sync(); r.Counts.Unplaced != 0 {
				t.Errorf("who answered is asked again: %+v", r)
			}

			feed.leave(h)
			if r := h.sync(); r.Counts.Left != 1 || r.Removal != "" {
				t.Errorf("in the time of grace: %+v", r)
			}
			if got := h.compared(withMia); !strings.HasPrefix(got, "left "+mia) || strings.Contains(got, "unregistered") {
				t.Errorf("the platform is not told at once that he left: %s", got)
			}
			h.now = h.now.Add(15 * 24 * time.Hour)
			r := h.sync()
			if r.Removal == "" {
				t.Fatalf("%+v", r)
			}
			if _, err := h.planner.Apply(t.Context(), "ann", h.org, r.Removal, r.RemovalHash); err != nil {
				t.Fatal(err, e911.FaultsOf(err))
			}
			if _, err := h.desk.Of(t.Context(), h.org, mia); e911.KindOf(err) != e911.NotFound {
				t.Errorf("who left is still asked: %v", err)
			}
			// The platform still has him: its report says so until it has him no longer.
			if got := h.compared(withMia); got != "left "+mia+" unregistered" {
				t.Errorf("the platform has who left, and it is not told: %s", got)
			}
			if _, err := h.platform.Plan(t.Context(), "ann", h.org, "webex"); e911.KindOf(err) != e911.Conflict {
				t.Errorf("who left is put on the list again because the platform still has him: %v", err)
			}
			if got := h.compared(harbor); got != "" {
				t.Errorf("who left is still on a list: %s", got)
			}
		})
	}
}
