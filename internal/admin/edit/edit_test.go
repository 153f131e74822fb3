package edit_test

import (
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/examples"
	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/check"
	"github.com/callbox911/callbox/internal/admin/edit"
	"github.com/callbox911/callbox/internal/admin/world"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/seal"
	"github.com/callbox911/callbox/internal/store/sqlite"
)

var epoch = time.Date(2026, 3, 9, 14, 2, 11, 0, time.UTC)

func now() time.Time { return epoch }

func layer(fips string) (e911.Boundary, e911.MultiPolygon, error) {
	if fips == "99999" {
		return e911.Boundary{}, nil, e911.Errorf(e911.NotFound, "there is no county 99999")
	}
	return e911.Boundary{USCounty: fips, State: "MA", County: "C" + fips}, e911.MultiPolygon{{{
		{Lat: 42, Lon: -72}, {Lat: 42, Lon: -71}, {Lat: 43, Lon: -71}, {Lat: 43, Lon: -72},
	}}}, nil
}

// desk is an editor over a store with the example in it.
type desk struct {
	*edit.Editor
	t     *testing.T
	store *sqlite.Store
	org   e911.OrgID
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	ring, err := seal.NewRing(seal.Key{ID: "m1", Secret: seal.NewSecret()})
	if err != nil {
		t.Fatal(err)
	}
	st, err := sqlite.Open(filepath.Join(t.TempDir(), "callbox.db"), ring, now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	im, err := world.New(world.Config{Store: st, Layer: layer, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := im.Import(t.Context(), "test", "harbor.yaml", examples.Harbor(), world.Options{}); err != nil {
		t.Fatal(err)
	}
	ed, err := edit.New(edit.Config{Store: st, Layer: layer, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	orgs, err := ed.AllOrgs(t.Context())
	if err != nil || len(orgs) != 1 {
		t.Fatalf("organisations: %d, %v", len(orgs), err)
	}
	return &desk{ed, t, st, orgs[0].ID}
}

// named finds an object by its key.
func named[T any](d *desk, o *edit.Objects[T], org e911.OrgID, key string) edit.Stored[T] {
	d.t.Helper()
	list, err := o.Find(d.t.Context(), admin.Query{Org: org, Field: admin.ByKey, Value: key})
	if err != nil || len(list) != 1 {
		d.t.Fatalf("%s: found %d, %v", key, len(list), err)
	}
	return list[0]
}

// lives creates a value, changes it, and deletes it.
func lives[T any](d *desk, o *edit.Objects[T], org e911.OrgID, v T, change func(T) T) {
	d.t.Helper()
	made, err := o.Create(d.t.Context(), "test", v)
	if err != nil {
		d.t.Errorf("create %T: %v", v, err)
		return
	}
	id := admin.RefOf(made.Value).ID
	if id == "" || made.Version != 1 {
		d.t.Errorf("created %T has id %q and version %d", v, id, made.Version)
	}
	again, err := o.Update(d.t.Context(), "test", made.Value, made.Version)
	if err != nil || again.Version != 1 {
		d.t.Errorf("%T: a change that changes nothing gives version %d, %v", v, again.Version, err)
	}
	changed, err := o.Update(d.t.Context(), "test", change(made.Value), made.Version)
	if err != nil || changed.Version != 2 {
		d.t.Errorf("update %T: version %d, %v", v, changed.Version, err)
		return
	}
	got, err := o.Get(d.t.Context(), org, id)
	if err != nil || !admin.Same(got.Value, changed.Value) {
		d.t.Errorf("get %T: %v", v, err)
	}
	if _, err := o.Update(d.t.Context(), "test", made.Value, made.Version); e911.KindOf(err) != e911.Conflict {
		d.t.Errorf("%T: an old version was taken: %v", v, err)
	}
	if err := o.Delete(d.t.Context(), "test", org, id, 1); e911.KindOf(err) != e911.Conflict {
		d.t.Errorf("%T: an old version was deleted: %v", v, err)
	}
	if err := o.Delete(d.t.Context(), "test", org, id, changed.Version); err != nil {
		d.t.Errorf("delete %T: %v", v, err)
	}
	if _, err := o.Get(d.t.Context(), org, id); e911.KindOf(err) != e911.NotFound {
		d.t.Errorf("get the deleted %T: %v", v, err)
	}
}

// Every kind of object is created, changed and deleted under its version.
// Proves: E15, W-16
func TestEveryKindLives(t *testing.T) {
	d := newDesk(t)
	hq := named(d, &d.Sites, d.org, "hq").Value
	mill := named(d, &d.Buildings, d.org, "mill-1").Value
	room := named(d, &d.Locations, d.org, "mill-1-f2-210").Value
	carrier := named(d, &d.Trunks, "", "carrier-a").Value
	lives(d, &d.Models, "", e911.Model{Key: "ata"}, func(v e911.Model) e911.Model { v.HELD = true; return v })
	lives(d, &d.Trunks, "", e911.Trunk{
		Key: "carrier-c", Side: e911.SideCarrier, Kind: e911.RouteProvider, Profile: e911.ProfileCarrier, To: "sip:psap@127.0.0.24:5071",
		From: []netip.Prefix{netip.MustParsePrefix("127.0.0.24/32")}, DRFrom: []netip.Prefix{},
	}, func(v e911.Trunk) e911.Trunk { v.To = "sip:psap@127.0.0.24:5072"; return v })
	lives(d, &d.PSAPs, "", e911.PSAP{Key: "norfolk", Name: "Norfolk", Boundary: e911.Boundary{USCounty: "25021"}, Routes: []e911.TrunkID{carrier.ID}},
		func(v e911.PSAP) e911.PSAP { v.Boundary = e911.Boundary{USCounty: "25023"}; return v })
	other := e911.Org{Key: "quay", Name: "Quay"}
	lives(d, &d.Orgs, "", other, func(v e911.Org) e911.Org { v.Name = "Quay Ltd"; return v })
	lives(d, &d.Trunks, d.org, e911.Trunk{
		Org: d.org, Key: "sbc", Side: e911.SidePlatform, From: []netip.Prefix{netip.MustParsePrefix("127.0.0.13/32")}, DRFrom: []netip.Prefix{},
	}, func(v e911.Trunk) e911.Trunk { v.IdentityHeader = "X-User"; return v })
	lives(d, &d.Sites, d.org, e911.Site{Org: d.org, Key: "annex", Name: "Annex", Zone: "America/Denver", Mode: e911.ModeTN, Stage: e911.Stage933},
		func(v e911.Site) e911.Site { v.ECBN = "+16175550190"; return v })
	lives(d, &d.Buildings, d.org, e911.Building{Org: d.org, Site: hq.ID, Key: "shed", Name: "Shed", Address: mill.Address},
		func(v e911.Building) e911.Building { v.Point = &e911.Point{Lat: 42.3, Lon: -71.1}; return v })
	lives(d, &d.Locations, d.org, e911.Location{Org: d.org, Building: mill.ID, Key: "roof", Detail: e911.Civic{LOC: "Roof"}},
		func(v e911.Location) e911.Location { v.Detail.FLR = "4"; return v })
	lives(d, &d.Elements, d.org, e911.Element{Org: d.org, Location: room.ID, Kind: e911.ElementMAC, MAC: "00:1b:54:00:00:99", Mobility: e911.MobilityDock},
		func(v e911.Element) e911.Element { v.Mobility = e911.MobilityFixed; return v })
	lives(d, &d.Users, d.org, e911.User{Org: d.org, Site: hq.ID, Key: "u1", Name: "U"}, func(v e911.User) e911.User { v.Email = "u@harbor.example"; return v })
	lives(d, &d.Devices, d.org, e911.Device{Org: d.org, Site: hq.ID, Key: "d1"}, func(v e911.Device) e911.Device { v.MAC = "00:11:22:aa:bb:99"; return v })
	lives(d, &d.Numbers, d.org, e911.NumberRec{Org: d.org, Site: hq.ID, Number: "+16175550199"}, func(v e911.NumberRec) e911.NumberRec { v.Location = room.ID; return v })
	lives(d, &d.Alerts, d.org, e911.Alert{Org: d.org, Site: hq.ID, Key: "a1", On: []e911.AlertOn{e911.AlertTest}, Mail: []string{"a@harbor.example"}},
		func(v e911.Alert) e911.Alert { v.On = append(v.On, e911.AlertEmergency); return v })
}

// A form refuses what the importer refuses, with the same words, and says all
// of it (N-19); nothing is stored.
// Proves: N-19, E15
func TestAllFaultsOfAnObject(t *testing.T) {
	d := newDesk(t)
	before, err := d.store.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.Sites.Create(t.Context(), "test", e911.Site{Org: d.org, Key: "hq", Zone: "Mars", Mode: "x", Stage: "y", ECBN: "9911"})
	var got []string
	for _, f := range e911.FaultsOf(err) {
		got = append(got, f.Path+" "+f.Code)
		if f.Fix == "" {
			t.Errorf("%s does not say how to mend it", f.Path)
		}
	}
	want := []string{"key duplicate", "name required", "zone unknown", "mode syntax", "stage syntax", "ecbn reserved"}
	if diff := cmp.Diff(want, got); diff != "" || e911.KindOf(err) != e911.Invalid {
		t.Errorf("faults (-want +got):\n%s\n%v", diff, err)
	}
	_, err = d.PSAPs.Create(t.Context(), "test", e911.PSAP{Key: "x", Name: "X", Boundary: e911.Boundary{USCounty: "99999"}, Routes: []e911.TrunkID{"gone"}})
	got = nil
	for _, f := range e911.FaultsOf(err) {
		got = append(got, f.Path+" "+f.Code)
	}
	if diff := cmp.Diff([]string{"boundary.us_county unknown", "routes[0] unknown"}, got); diff != "" {
		t.Errorf("faults of a PSAP (-want +got):\n%s", diff)
	}
	if after, _ := d.store.Head(t.Context()); after != before {
		t.Errorf("a refused object left changes: %+v, then %+v", before, after)
	}
}

// Rules that tie objects together hold from both ends.
// Proves: F-06, F-19, F-20, F-23, D-07, E12
func TestRulesBetweenObjects(t *testing.T) {
	refuses := func(t *testing.T, err error, path, code string) {
		t.Helper()
		for _, f := range e911.FaultsOf(err) {
			if f.Path == path && f.Code == code {
				return
			}
		}
		t.Errorf("error = %v, want %s at %s", err, code, path)
	}
	t.Run("a demonstration's trunk leaves loopback", func(t *testing.T) {
		d := newDesk(t)
		pbx := named(d, &d.Trunks, d.org, "pbx")
		pbx.Value.From = []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}
		_, err := d.Trunks.Update(t.Context(), "test", pbx.Value, pbx.Version)
		refuses(t, err, "from[0]", check.Forbidden)
	})
	t.Run("a carrier of a demonstration leaves loopback", func(t *testing.T) {
		d := newDesk(t)
		for _, key := range []string{"carrier-a", "ecrc-a"} {
			c := named(d, &d.Trunks, "", key)
			c.Value.To = "sip:psap@198.51.100.21:5060"
			_, err := d.Trunks.Update(t.Context(), "test", c.Value, c.Version)
			refuses(t, err, "to", check.Forbidden)
		}
	})
	t.Run("the mark of a demonstration is taken away", func(t *testing.T) {
		d := newDesk(t)
		o, err := d.Orgs.Get(t.Context(), d.org, string(d.org))
		if err != nil {
			t.Fatal(err)
		}
		o.Value.Demonstration = false
		_, err = d.Orgs.Update(t.Context(), "test", o.Value, o.Version)
		refuses(t, err, "demonstration", check.Forbidden)
	})
	t.Run("a company id of somebody else", func(t *testing.T) {
		d := newDesk(t)
		o, err := d.Orgs.Get(t.Context(), d.org, string(d.org))
		if err != nil {
			t.Fatal(err)
		}
		_, err = d.Orgs.Create(t.Context(), "test", e911.Org{Key: "harbor", Name: "H", HELD: e911.HELDAccess{CompanyID: o.Value.HELD.CompanyID}})
		refuses(t, err, "held.company_id", check.Duplicate)
		refuses(t, err, "key", check.Duplicate)
	})
	t.Run("a platform that nothing proves, with the name of the phones", func(t *testing.T) {
		d := newDesk(t)
		o, err := d.Orgs.Get(t.Context(), d.org, string(d.org))
		if err != nil {
			t.Fatal(err)
		}
		o.Value.HELD.Platforms = []e911.HELDPlatform{{Name: o.Value.HELD.CompanyID}}
		_, err = d.Orgs.Update(t.Context(), "test", o.Value, o.Version)
		refuses(t, err, "held.platforms[0].name", check.Duplicate)
		refuses(t, err, "held.platforms[0].secrets", check.Required)
		o.Value.HELD.Platforms = []e911.HELDPlatform{{Name: "pbx-harbor", Secrets: []e911.Secret{"0123456789abcdef"}}}
		if o, err = d.Orgs.Update(t.Context(), "test", o.Value, o.Version); err != nil || len(o.Value.HELD.Platforms) != 1 {
			t.Errorf("with name and secret: %+v, %v", o.Value.HELD, err)
		}
	})
	t.Run("a mask that lets mapped access points fall together", func(t *testing.T) {
		d := newDesk(t)
		o, err := d.Orgs.Get(t.Context(), d.org, string(d.org))
		if err != nil {
			t.Fatal(err)
		}
		o.Value.BSSIDMasking = []e911.BSSIDMask{{OUI: "00:11:22", Digits: 2}}
		_, err = d.Orgs.Update(t.Context(), "test", o.Value, o.Version)
		refuses(t, err, "bssid_masking[0]", check.Ambiguous)
	})
	t.Run("an access point that a mask lets fall together with another", func(t *testing.T) {
		d := newDesk(t)
		room := named(d, &d.Locations, d.org, "mill-1-f3").Value
		e := e911.Element{Org: d.org, Location: room.ID, Kind: e911.ElementBSSID, MAC: "00:11:22:33:44:5a"}
		_, err := d.Elements.Create(t.Context(), "test", e)
		refuses(t, err, "mac", check.Ambiguous)
		for _, f := range e911.FaultsOf(err) {
			if !strings.Contains(f.Msg, "mill-1-f2-210") || !strings.Contains(f.Msg, "mill-1-f3") {
				t.Errorf("%q does not name both places", f.Msg)
			}
		}
		e.MAC = "00:11:22:33:44:50"
		_, err = d.Elements.Create(t.Context(), "test", e)
		refuses(t, err, "", check.Duplicate)
		e.MAC = "00:11:22:33:44:8f" // the radio that is mapped there
		if _, err := d.Elements.Create(t.Context(), "test", e); err != nil {
			t.Errorf("another BSSID of the same radio: %v", err)
		}
	})
	t.Run("a model of a site in TN mode begins to locate itself", func(t *testing.T) {
		d := newDesk(t)
		s, err := d.Sites.Create(t.Context(), "test", e911.Site{Org: d.org, Key: "annex", Name: "Annex", Zone: "UTC", Mode: e911.ModeTN, Stage: e911.StageNone})
		if err != nil {
			t.Fatal(err)
		}
		m := named(d, &d.Models, "", "desk-phone")
		dev := e911.Device{Org: d.org, Site: s.Value.ID, Key: "tn-phone", Model: m.Value.ID}
		if _, err := d.Devices.Create(t.Context(), "test", dev); err != nil {
			t.Fatal(err)
		}
		m.Value.HELD = true
		_, err = d.Models.Update(t.Context(), "test", m.Value, m.Version)
		refuses(t, err, "held", check.Forbidden)
		dev.Key, dev.Model = "soft-phone", named(d, &d.Models, "", "demo-phone").Value.ID
		_, err = d.Devices.Create(t.Context(), "test", dev)
		refuses(t, err, "model", check.Forbidden)
	})
	t.Run("public ranges go while a range of homes is mapped", func(t *testing.T) {
		d := newDesk(t)
		room := named(d, &d.Locations, d.org, "mill-1-f3").Value
		home := e911.Element{Org: d.org, Location: room.ID, Kind: e911.ElementIP, Range: netip.MustParsePrefix("192.168.1.0/24")}
		if _, err := d.Elements.Create(t.Context(), "test", home); err != nil {
			t.Fatal(err)
		}
		o, err := d.Orgs.Get(t.Context(), d.org, string(d.org))
		if err != nil {
			t.Fatal(err)
		}
		o.Value.PublicRanges = nil
		_, err = d.Orgs.Update(t.Context(), "test", o.Value, o.Version)
		refuses(t, err, "public_ranges", check.Required)
	})
	t.Run("a trunk without disaster ranges", func(t *testing.T) {
		d := newDesk(t)
		_, err := d.Trunks.Create(t.Context(), "test", e911.Trunk{Org: d.org, Key: "x", Side: e911.SidePlatform, From: []netip.Prefix{netip.MustParsePrefix("127.0.0.40/32")}})
		refuses(t, err, "dr_from", check.Required)
	})
}

// What others name stays, and what names it is said.
// Proves: E1, E15
func TestWhatIsNamedStays(t *testing.T) {
	d := newDesk(t)
	hq := named(d, &d.Sites, d.org, "hq")
	err := d.Sites.Delete(t.Context(), "test", d.org, string(hq.Value.ID), hq.Version)
	if e911.KindOf(err) != e911.Conflict || !strings.Contains(err.Error(), "mill-1") {
		t.Errorf("error = %v, want it to say what is in the way", err)
	}
	relay := named(d, &d.PSAPs, "", "ecrc")
	err = d.PSAPs.Delete(t.Context(), "test", "", string(relay.Value.ID), relay.Version)
	if e911.KindOf(err) != e911.Conflict {
		t.Errorf("the relay centre was deleted: %v", err)
	}
	if _, err := d.Sites.Get(t.Context(), d.org, string(hq.Value.ID)); err != nil {
		t.Errorf("the site is gone: %v", err)
	}
}

// An administrator of one organisation reaches nothing of another, whatever
// ids he knows.
// Proves: E14
func TestAnotherOrganisationIsOutOfReach(t *testing.T) {
	d := newDesk(t)
	thief, err := d.Orgs.Create(t.Context(), "operator", e911.Org{Key: "thief", Name: "Thief"})
	if err != nil {
		t.Fatal(err)
	}
	us, hq := thief.Value.ID, named(d, &d.Sites, d.org, "hq")
	mine, err := d.Sites.Create(t.Context(), "thief", e911.Site{Org: us, Key: "den", Name: "Den", Zone: "UTC", Mode: e911.ModeDynamic, Stage: e911.StageNone})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Sites.Get(t.Context(), us, string(hq.Value.ID)); e911.KindOf(err) != e911.NotFound {
		t.Errorf("read: %v", err)
	}
	stolen := hq.Value
	stolen.Org = us
	if _, err := d.Sites.Update(t.Context(), "thief", stolen, hq.Version); err == nil {
		t.Error("the site was taken over")
	}
	if err := d.Sites.Delete(t.Context(), "thief", us, string(hq.Value.ID), hq.Version); e911.KindOf(err) != e911.NotFound {
		t.Errorf("delete: %v", err)
	}
	user := named(d, &d.Users, d.org, "agent-4711").Value
	if _, err := d.Devices.Create(t.Context(), "thief", e911.Device{Org: us, Site: mine.Value.ID, Key: "x", User: user.ID}); e911.KindOf(err) != e911.Invalid {
		t.Errorf("a device of somebody else's user: %v", err)
	}
	if list, err := d.Users.List(t.Context(), us, "", 0); err != nil || len(list) != 0 {
		t.Errorf("list: %d users, %v", len(list), err)
	}
	// The same keys, numbers and addresses may stand in both.
	u, err := d.Users.Create(t.Context(), "thief", e911.User{Org: us, Site: mine.Value.ID, Key: "agent-4711", Name: "N", DeviceUserID: "agent4711"})
	if err != nil {
		t.Errorf("the same key and id in another organisation: %v", err)
	}
	if _, err := d.Numbers.Create(t.Context(), "thief", e911.NumberRec{Org: us, Site: mine.Value.ID, Number: "+16175550111", User: u.Value.ID}); err != nil {
		t.Errorf("the same number in another organisation: %v", err)
	}
	if now, err := d.Sites.Get(t.Context(), d.org, string(hq.Value.ID)); err != nil || now.Version != hq.Version {
		t.Errorf("the site was changed: %+v, %v", now, err)
	}
}

// The key of location tokens is made with the first organisation, and once.
//
// Proves: D-08, N-44
func TestTheFirstOrganisationBringsTheTokenKey(t *testing.T) {
	ring, err := seal.NewRing(seal.Key{ID: "m1", Secret: seal.NewSecret()})
	if err != nil {
		t.Fatal(err)
	}
	st, err := sqlite.Open(filepath.Join(t.TempDir(), "callbox.db"), ring, now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	ed, err := edit.New(edit.Config{Store: st, Layer: layer, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	keys := func() (n int) {
		t.Helper()
		if err := st.Read(t.Context(), func(r admin.Reader) error {
			all, err := r.List(t.Context(), admin.Query{Kind: e911.KindTokenKey})
			n = len(all)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if err := ed.EnsureTokenKey(t.Context(), "start"); err != nil || keys() != 0 {
		t.Errorf("a key without an organisation: %d, %v", keys(), err)
	}
	for _, key := range []string{"one", "two"} {
		if _, err := ed.Orgs.Create(t.Context(), "test", e911.Org{Key: key, Name: key}); err != nil {
			t.Fatal(err, e911.FaultsOf(err))
		}
	}
	if err := ed.EnsureTokenKey(t.Context(), "start"); err != nil || keys() != 1 {
		t.Errorf("%d keys, %v", keys(), err)
	}
}
