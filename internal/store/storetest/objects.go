package storetest

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

// byValue compares objects; an absent list and an empty one are the same.
var byValue = []cmp.Option{cmpopts.EquateEmpty(), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })}

func testRoundTrip(t *testing.T, open Open) {
	st := fresh(t, open)
	values := append(newWorld().values(), newTenant("harbor", 1).values()...)
	// The other kinds of element.
	x := newTenant("quay", 2)
	values = append(values, x.values()...)
	for _, e := range []e911.Element{
		{Kind: e911.ElementMAC, MAC: "00:1b:54:00:00:2d", Mobility: e911.MobilityFixed},
		{Kind: e911.ElementLLDPPort, LLDP: e911.LLDPPort{Chassis: "0c:75:bd:00:00:01", Port: "Gi1/0/7"}},
		{Kind: e911.ElementLLDPChassis, LLDP: e911.LLDPPort{Chassis: "0c:75:bd:00:00:01"}},
		{Kind: e911.ElementIP, Range: netip.MustParsePrefix("10.9.0.0/16")},
		{Kind: e911.ElementIP, Range: netip.MustParsePrefix("2001:db8::/64")},
		{Kind: e911.ElementIP, From: netip.MustParseAddr("10.9.0.7"), To: netip.MustParseAddr("10.9.0.40")},
		{Kind: e911.ElementIP, From: netip.MustParseAddr("2001:db8::7"), To: netip.MustParseAddr("2001:db8::40")},
		{Kind: e911.ElementBSSID, MAC: "00:11:22:33:50:00", MACTo: "00:11:22:33:5f:ff"},
		{Kind: e911.ElementLLDPPorts, LLDP: e911.LLDPPort{Chassis: "0c:75:bd:00:00:01", Port: "Gi1/0/[1-24]"}},
		{Kind: e911.ElementLLDPPort, LLDP: e911.LLDPPort{Chassis: "0c:75:bd:00:00:01", Port: "gi1/0/7"}},
		{Kind: e911.ElementLLDPPort, LLDP: e911.LLDPPort{Chassis: "0c:75:bd:00:00:01", Port: " Slot 1 / Port 7 "}},
		{Kind: e911.ElementGateway, MAC: "00:1b:54:00:00:2e"},
		{Kind: e911.ElementDECTBase, Name: "0123456789"},
		{Kind: e911.ElementAP, Name: "AP Mill 2.210"},
		{Kind: e911.ElementATAPort, MAC: "00:1b:54:00:00:2f", Name: "FXS 1/0/3"},
		{Kind: e911.ElementVPN, Range: netip.MustParsePrefix("10.8.0.0/16")},
		{Kind: e911.ElementProxy, From: netip.MustParseAddr("203.0.113.7"), To: netip.MustParseAddr("203.0.113.9")},
		{Kind: e911.ElementSASE, Range: netip.MustParsePrefix("2001:db8:1::/48")},
		{Kind: e911.ElementIgnore, Range: netip.MustParsePrefix("172.17.0.0/16")},
		{Kind: e911.ElementIgnore, MAC: "02:42:00:00:00:00", MACTo: "02:42:ff:ff:ff:ff"},
		{Kind: e911.ElementIgnore, MAC: "00:15:5d:00:00:01"},
	} {
		e.ID, e.Org = e911.NewID[e911.ElementID](), x.org.ID
		if e.Kind.Places() {
			e.Location = x.location.ID
		}
		values = append(values, e)
	}
	put(t, st, values...)
	for _, want := range values {
		o, err := get(t, st, admin.RefOf(want))
		if err != nil {
			t.Errorf("get %s: %v", admin.RefOf(want), err)
			continue
		}
		if diff := cmp.Diff(want, o.Value, byValue...); diff != "" {
			t.Errorf("%s came back otherwise (-want +got):\n%s", o.Ref, diff)
		}
		if !admin.Same(want, o.Value) {
			t.Errorf("%s: admin.Same finds a difference", o.Ref)
		}
		if o.Version != 1 {
			t.Errorf("%s has version %d, want 1", o.Ref, o.Version)
		}
	}
}

// testHostileText: whatever people type is data.
func testHostileText(t *testing.T, open Open) {
	st := fresh(t, open)
	for i, name := range []string{
		`Robert'); DROP TABLE users;--`, `a ? b ?0 ?1 $1 :name @p`, `"double" \ back\' %_ `, "tab\tand\nline", "日本語 Ñandú 𝔛", `{"json": [1]}`, "''", `\x00`,
	} {
		x := newTenant(fmt.Sprintf("org-%d", i), byte(i+1))
		x.org.Name, x.user.Name, x.building.Name, x.building.Address.LOC = name, name, name, name
		x.alert.Webhook[0].Secret = e911.Secret(name)
		put(t, st, x.values()...)
		for _, want := range x.values() {
			o, err := get(t, st, admin.RefOf(want))
			if err != nil || !admin.Same(o.Value, want) {
				t.Errorf("text %q: %s came back as %+v, %v", name, admin.RefOf(want), o.Value, err)
			}
		}
		found := list(t, st, admin.Query{Kind: e911.KindUser, Org: x.org.ID, Field: admin.ByKey, Value: name})
		if len(found) != 0 {
			t.Errorf("a search for %q found %d users", name, len(found))
		}
	}
}

func testFields(t *testing.T, open Open) {
	st := fresh(t, open)
	w, x := newWorld(), newTenant("harbor", 1)
	x.device.Model = w.model.ID
	port := e911.Element{
		ID: e911.NewID[e911.ElementID](), Org: x.org.ID, Location: x.location.ID, Kind: e911.ElementLLDPPort,
		LLDP: e911.LLDPPort{Chassis: "0c:75:bd:00:00:01", Port: "Gi1/0/7"},
	}
	rng := e911.Element{ID: e911.NewID[e911.ElementID](), Org: x.org.ID, Location: x.location.ID, Kind: e911.ElementIP, Range: netip.MustParsePrefix("10.9.0.0/16")}
	dock := e911.Element{ID: e911.NewID[e911.ElementID](), Org: x.org.ID, Location: x.location.ID, Kind: e911.ElementMAC, MAC: "00:1b:54:00:00:2d", Mobility: e911.MobilityDock}
	ends, radio, ports := rng, x.element, port
	ends.ID, ends.Range, ends.From, ends.To = e911.NewID[e911.ElementID](), netip.Prefix{}, netip.MustParseAddr("10.9.0.7"), netip.MustParseAddr("10.9.0.40")
	radio.ID, radio.MAC, radio.MACTo = e911.NewID[e911.ElementID](), "00:11:22:33:50:00", "00:11:22:33:50:ff"
	ports.ID, ports.Kind, ports.LLDP.Port = e911.NewID[e911.ElementID](), e911.ElementLLDPPorts, "Gi2/0/*"
	put(t, st, append(append(w.values(), x.values()...), port, rng, dock, ends, radio, ports, newTenant("quay", 2).org)...)
	for _, c := range []struct {
		value any
		field admin.Field
		text  string
	}{
		{w.model, admin.ByKey, "phone"},
		{w.carrier, admin.ByKey, "carrier"},
		{w.psap, admin.ByKey, "middlesex"},
		{x.org, admin.ByKey, "harbor"},
		{x.trunk, admin.ByKey, "pbx-harbor"},
		{x.site, admin.ByKey, "site-harbor"},
		{x.building, admin.ByKey, "building-harbor"},
		{x.building, admin.BySite, string(x.site.ID)},
		{x.location, admin.ByKey, "location-harbor"},
		{x.location, admin.ByBuilding, string(x.building.ID)},
		{x.element, admin.ByBSSID, "00:11:22:33:44:50"},
		{x.element, admin.ByBSSIDPrefix, "00:11:22:33:44:5"},
		{x.element, admin.ByBSSIDPrefix, "00:11:22:"},
		{x.element, admin.ByKey, admin.ElementKey(x.element)},
		{port, admin.ByLLDP, admin.LLDPKey(port.LLDP)},
		{rng, admin.ByRange, "10.9.0.0/16"},
		{dock, admin.ByElementKind, "mac"},
		{ends, admin.ByLowHigh, "1"},
		{ends, admin.ByKey, "ip 10.9.0.7-10.9.0.40"},
		{radio, admin.ByKeyPrefix, "bssids 00:11:22"},
		{ports, admin.ByKeyPrefix, admin.PatternsPrefix("0c:75:bd:00:00:01")},
		{x.element, admin.ByElementKind, "bssid"},
		{dock, admin.ByMAC, "00:1b:54:00:00:2d"},
		{x.user, admin.ByKey, "user-harbor"},
		{x.user, admin.BySite, string(x.site.ID)},
		{x.user, admin.ByDeviceUserID, "agent-harbor"},
		{x.device, admin.ByKey, "device-harbor"},
		{x.device, admin.BySite, string(x.site.ID)},
		{x.device, admin.ByUser, string(x.user.ID)},
		{x.device, admin.ByModel, string(w.model.ID)},
		{x.device, admin.ByMAC, "00:11:22:aa:bb:cc"},
		{x.device, admin.BySIPUser, "2001"},
		{x.user, admin.ByMember, "+16175550121"},
		{x.device, admin.ByMember, "+16175550122"},
		{x.number, admin.ByMember, "+16175550123"},
		{x.number, admin.ByNumber, "+16175550111"},
		{x.number, admin.ByKey, "+16175550111"},
		{x.number, admin.BySite, string(x.site.ID)},
		{x.number, admin.ByUser, string(x.user.ID)},
		{x.number, admin.ByLocation, string(x.location.ID)},
		{x.alert, admin.ByKey, "desk-harbor"},
		{x.alert, admin.BySite, string(x.site.ID)},
	} {
		ref := admin.RefOf(c.value)
		q := admin.Query{Kind: ref.Kind, Org: ref.Org, Field: c.field, Value: c.text}
		if found := list(t, st, q); len(found) != 1 || found[0].Ref != ref {
			t.Errorf("%s by %s: found %d, want the one", ref.Kind, c.field, len(found))
		}
		q.Value += "~"
		if found := list(t, st, q); len(found) != 0 {
			t.Errorf("%s by %s: found %d for another value", ref.Kind, c.field, len(found))
		}
	}
	if found := list(t, st, admin.Query{Kind: e911.KindElement, Org: x.org.ID, Field: admin.ByLocation, Value: string(x.location.ID)}); len(found) != 7 {
		t.Errorf("elements by location: %d, want 7", len(found))
	}
	if found := list(t, st, admin.Query{Kind: e911.KindPSAP, Field: admin.ByTrunk, Value: string(w.carrier.ID)}); len(found) != 2 {
		t.Errorf("PSAPs by trunk: %d, want 2", len(found))
	}
	err := st.Read(t.Context(), func(r admin.Reader) error {
		_, err := r.List(t.Context(), admin.Query{Kind: e911.KindSite, Org: x.org.ID, Field: admin.ByMAC, Value: "x"})
		return err
	})
	wantKind(t, err, e911.Invalid)
}

func testPages(t *testing.T, open Open) {
	st := fresh(t, open)
	x := newTenant("harbor", 1)
	values := x.values()
	const more = admin.MaxPage + 250
	for i := range more {
		values = append(values, e911.User{ID: e911.NewID[e911.UserID](), Org: x.org.ID, Site: x.site.ID, Key: fmt.Sprint("u", i), Name: "U"})
	}
	put(t, st, values...)
	seen := map[string]bool{}
	q := admin.Query{Kind: e911.KindUser, Org: x.org.ID}
	sizes := []int{}
	for {
		page := list(t, st, q)
		sizes = append(sizes, len(page))
		for _, o := range page {
			if seen[o.Ref.ID] {
				t.Fatalf("%s is on two pages", o.Ref)
			}
			if o.Ref.ID <= q.After {
				t.Fatalf("%s does not come after %s", o.Ref, q.After)
			}
			seen[o.Ref.ID] = true
			q.After = o.Ref.ID
		}
		if len(page) < admin.MaxPage {
			break
		}
	}
	if want := []int{admin.MaxPage, 251}; !cmp.Equal(sizes, want) || len(seen) != more+1 {
		t.Errorf("pages of %v with %d users, want %v with %d", sizes, len(seen), want, more+1)
	}
	if page := list(t, st, admin.Query{Kind: e911.KindUser, Org: x.org.ID, Limit: 3}); len(page) != 3 {
		t.Errorf("a page of at most 3 has %d", len(page))
	}
}

func testVersions(t *testing.T, open Open) {
	st := fresh(t, open)
	x := newTenant("harbor", 1)
	put(t, st, x.values()...)
	update := func(v any, version int64) (o admin.Object, err error) {
		err = st.Write(t.Context(), "test", func(w admin.Writer) error {
			o, err = w.Update(t.Context(), v, version)
			return err
		})
		return o, err
	}
	remove := func(ref admin.Ref, version int64) error {
		return st.Write(t.Context(), "test", func(w admin.Writer) error { return w.Delete(t.Context(), ref, version) })
	}
	first, second := x.site, x.site
	first.Name, second.Name = "Changed by one", "Changed by another"
	o, err := update(first, 1)
	if err != nil || o.Version != 2 {
		t.Fatalf("update: version %d, %v; want 2", o.Version, err)
	}
	_, err = update(second, 1)
	wantKind(t, err, e911.Conflict)
	wantKind(t, remove(admin.RefOf(x.alert), 7), e911.Conflict)
	if o, _ := get(t, st, admin.RefOf(x.site)); o.Value.(e911.Site).Name != "Changed by one" || o.Version != 2 {
		t.Errorf("site = %+v version %d, want the first change", o.Value, o.Version)
	}
	if err := remove(admin.RefOf(x.alert), 1); err != nil {
		t.Fatalf("delete: %v", err)
	}
	_, err = update(x.alert, 1)
	wantKind(t, err, e911.NotFound)
	wantKind(t, remove(admin.RefOf(x.alert), 1), e911.NotFound)
	_, err = get(t, st, admin.RefOf(x.alert))
	wantKind(t, err, e911.NotFound)
}

func testTaken(t *testing.T, open Open) {
	st := fresh(t, open)
	w, x := newWorld(), newTenant("harbor", 1)
	put(t, st, append(w.values(), x.values()...)...)
	for _, v := range append(w.values(), x.values()...) {
		ref := admin.RefOf(v)
		create := func(v any) error {
			return st.Write(t.Context(), "test", func(w admin.Writer) error { _, err := w.Create(t.Context(), v); return err })
		}
		t.Run(string(ref.Kind), func(t *testing.T) {
			wantKind(t, create(v), e911.Conflict)
			if ref.Kind == e911.KindTokenKey {
				return // its key is its id
			}
			wantKind(t, create(admin.WithID(v, e911.NewID[string]())), e911.Conflict)
			wantKind(t, create(admin.WithID(v, "")), e911.Invalid)
		})
	}
	// The same keys in another organisation are another matter.
	y := newTenant("harbor", 2)
	y.org.Key = "quay"
	put(t, st, y.values()...)
}

func testReferences(t *testing.T, open Open) {
	st := fresh(t, open)
	w, x, y := newWorld(), newTenant("harbor", 1), newTenant("quay", 2)
	put(t, st, append(append(w.values(), x.values()...), y.values()...)...)
	site, building, location, element, user, device, number, alert := x.site, x.building, x.location, x.element, x.user, x.device, x.number, x.alert
	site.Org = "nobody"
	building.Site = "gone"
	location.Building = "gone"
	element.Location = "gone"
	user.Site = y.site.ID
	device.User = y.user.ID
	deviceModel := x.device
	deviceModel.Model = "gone"
	number.Location = y.location.ID
	numberUser := x.number
	numberUser.User = y.user.ID
	alert.Site = y.site.ID
	psap := w.psap
	psap.Routes = []e911.TrunkID{"gone"}
	for name, v := range map[string]any{
		"a building of no site": building, "a location of no building": location, "an element of no location": element,
		"a user at another organisation's site": user, "a device of another organisation's user": device, "a device of no model": deviceModel,
		"a number at another organisation's location": number, "a number of another organisation's user": numberUser,
		"an alert of another organisation's site": alert, "a PSAP by no trunk": psap,
	} {
		t.Run(name, func(t *testing.T) {
			err := st.Write(t.Context(), "test", func(w admin.Writer) error { _, err := w.Update(t.Context(), v, 1); return err })
			wantKind(t, err, e911.Conflict)
			o, err := get(t, st, admin.RefOf(v))
			if err != nil || o.Version != 1 {
				t.Errorf("after the refusal: version %d, %v; want 1", o.Version, err)
			}
		})
	}
	// What is pointed at stays; in one transaction the order does not matter.
	err := st.Write(t.Context(), "test", func(w admin.Writer) error { return w.Delete(t.Context(), admin.RefOf(x.site), 1) })
	wantKind(t, err, e911.Conflict)
	err = st.Write(t.Context(), "test", func(w admin.Writer) error {
		for _, v := range x.values() {
			if err := w.Delete(t.Context(), admin.RefOf(v), 1); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Errorf("delete the whole organisation, parents first: %v", err)
	}
	_ = site
}

func testPointing(t *testing.T, open Open) {
	st := fresh(t, open)
	w, x, y := newWorld(), newTenant("harbor", 1), newTenant("quay", 2)
	x.device.Model, y.device.Model = w.model.ID, w.model.ID
	pool := e911.Element{ID: e911.NewID[e911.ElementID](), Org: x.org.ID, Kind: e911.ElementVPN, Range: netip.MustParsePrefix("10.8.0.0/16")}
	put(t, st, append(append(append(w.values(), x.values()...), y.values()...), pool)...)
	refs := func(values ...any) map[admin.Ref]bool {
		m := map[admin.Ref]bool{}
		for _, v := range values {
			m[admin.RefOf(v)] = true
		}
		return m
	}
	for _, c := range []struct {
		value any
		want  map[admin.Ref]bool
	}{
		{w.model, refs(x.device, y.device)},
		{w.carrier, refs(w.psap, w.relay)},
		{x.org, refs(x.trunk, x.site, pool)},
		{x.site, refs(x.building, x.user, x.device, x.number, x.alert)},
		{x.building, refs(x.location)},
		{x.location, refs(x.element, x.number)},
		{x.user, refs(x.device, x.number)},
		{x.alert, refs()},
	} {
		got := map[admin.Ref]bool{}
		err := st.Read(t.Context(), func(r admin.Reader) error {
			found, err := r.Pointing(t.Context(), admin.RefOf(c.value), 100)
			for _, ref := range found {
				got[ref] = true
			}
			return err
		})
		if err != nil || !cmp.Equal(got, c.want) {
			t.Errorf("what names %s: %v, %v; want %v", admin.RefOf(c.value), got, err, c.want)
		}
	}
}

// testWalls: no question and no change of one organisation reaches another's
// objects, whatever ids it knows (E14).
func testWalls(t *testing.T, open Open) {
	st := fresh(t, open)
	x, thief := newTenant("harbor", 1), newTenant("thief", 2)
	put(t, st, append(x.values(), thief.values()...)...)
	for _, v := range x.values() {
		ref := admin.RefOf(v)
		foreign := admin.Ref{Kind: ref.Kind, Org: thief.org.ID, ID: ref.ID}
		t.Run(string(ref.Kind), func(t *testing.T) {
			_, err := get(t, st, foreign)
			wantKind(t, err, e911.NotFound)
			for _, o := range list(t, st, admin.Query{Kind: ref.Kind, Org: thief.org.ID}) {
				if o.Ref.ID == ref.ID {
					t.Errorf("%s is on the other organisation's list", ref)
				}
			}
			if found := list(t, st, admin.Query{Kind: ref.Kind, Org: thief.org.ID, Field: admin.ByKey, Value: admin.KeyOf(v)}); ref.Kind != e911.KindElement && ref.Kind != e911.KindNumber && len(found) > 0 {
				t.Errorf("%s is found by key from outside", ref)
			}
			err = st.Write(t.Context(), "thief", func(w admin.Writer) error { return w.Delete(t.Context(), foreign, 1) })
			wantKind(t, err, e911.NotFound)
			if stolen, ok := reown(v, thief.org.ID); ok {
				err = st.Write(t.Context(), "thief", func(w admin.Writer) error { _, err := w.Update(t.Context(), stolen, 1); return err })
				wantKind(t, err, e911.NotFound)
			}
			if refs := pointing(t, st, foreign); len(refs) != 0 {
				t.Errorf("what names %s is told to the other organisation: %v", ref, refs)
			}
			o, err := get(t, st, ref)
			if err != nil || o.Version != 1 || !admin.Same(o.Value, v) {
				t.Errorf("%s was changed from outside: version %d, %v", ref, o.Version, err)
			}
		})
	}
	entries, err := st.Audit(t.Context(), thief.org.ID, 0, 1000)
	if err != nil {
		t.Fatalf("audit: %v", err)
	}
	for _, e := range entries {
		if e.Ref.Org != thief.org.ID {
			t.Errorf("the audit trail shows %s of another organisation", e.Ref)
		}
	}
}

func pointing(t testing.TB, st Store, ref admin.Ref) []admin.Ref {
	t.Helper()
	var refs []admin.Ref
	err := st.Read(t.Context(), func(r admin.Reader) (err error) {
		refs, err = r.Pointing(t.Context(), ref, 10)
		return err
	})
	if err != nil {
		t.Fatalf("pointing: %v", err)
	}
	// An organisation is asked about by its own id alone.
	if ref.Kind == e911.KindOrg {
		return nil
	}
	return refs
}

// reown makes the value another organisation's, keeping its id.
func reown(value any, org e911.OrgID) (any, bool) {
	switch v := value.(type) {
	case e911.Trunk:
		v.Org = org
		return v, true
	case e911.Site:
		v.Org = org
		return v, true
	case e911.Building:
		v.Org = org
		return v, true
	case e911.Location:
		v.Org = org
		return v, true
	case e911.Element:
		v.Org = org
		return v, true
	case e911.User:
		v.Org = org
		return v, true
	case e911.Device:
		v.Org = org
		return v, true
	case e911.NumberRec:
		v.Org = org
		return v, true
	case e911.Alert:
		v.Org = org
		return v, true
	}
	return nil, false
}

func testTrunksFrom(t *testing.T, open Open) {
	st := fresh(t, open)
	w, x, y := newWorld(), newTenant("harbor", 7), newTenant("quay", 8)
	put(t, st, append(append(w.values(), x.values()...), y.values()...)...)
	ask := func(p string) string {
		var keys string
		err := st.Read(t.Context(), func(r admin.Reader) error {
			found, err := r.TrunksFrom(t.Context(), netip.MustParsePrefix(p))
			for _, f := range found {
				keys += f.Key + " "
			}
			return err
		})
		if err != nil {
			t.Fatalf("trunks from %s: %v", p, err)
		}
		return keys
	}
	for p, want := range map[string]string{
		"127.7.0.9/32":         "pbx-harbor ",
		"127.7.0.0/24":         "pbx-harbor ",
		"127.7.0.0/16":         "pbx-harbor ",
		"127.7.1.0/24":         "",
		"127.8.0.255/32":       "pbx-quay ",
		"127.0.0.31/32":        "carrier ", // after a disaster
		"127.0.0.21/32":        "carrier ",
		"127.0.0.22/32":        "",
		"2001:db8:5:9::1/128":  "carrier ",
		"2001:db8:6::/48":      "",
		"::127.7.0.9/128":      "", // not the mapped form
		"::ffff:7f07:9999/128": "",
	} {
		if got := ask(p); got != want {
			t.Errorf("trunks from %s = %q, want %q", p, got, want)
		}
	}
	moved := x.trunk
	moved.From = prefixes("127.9.0.0/24")
	err := st.Write(t.Context(), "test", func(w admin.Writer) error { _, err := w.Update(t.Context(), moved, 1); return err })
	if err != nil {
		t.Fatalf("move the trunk: %v", err)
	}
	if got := ask("127.7.0.9/32") + ask("127.9.0.9/32"); got != "pbx-harbor " {
		t.Errorf("after the move: %q, want it found at the new address alone", got)
	}
	err = st.Write(t.Context(), "test", func(w admin.Writer) error { return w.Delete(t.Context(), admin.RefOf(x.trunk), 2) })
	if err != nil {
		t.Fatalf("delete the trunk: %v", err)
	}
	if got := ask("127.9.0.9/32"); got != "" {
		t.Errorf("after it was deleted: %q", got)
	}
}

func testTransactions(t *testing.T, open Open) {
	st := fresh(t, open)
	x := newTenant("harbor", 1)
	before, err := st.Head(t.Context())
	if err != nil {
		t.Fatalf("head: %v", err)
	}
	boom := errors.New("the use case changed its mind")
	err = st.Write(t.Context(), "test", func(w admin.Writer) error {
		for _, v := range x.values() {
			if _, err := w.Create(t.Context(), v); err != nil {
				return err
			}
			if _, err := w.Get(t.Context(), admin.RefOf(v)); err != nil {
				return fmt.Errorf("a transaction does not see its own change: %w", err)
			}
		}
		return boom
	})
	if !errors.Is(err, boom) {
		t.Fatalf("error = %v, want the use case's own", err)
	}
	_, err = get(t, st, admin.RefOf(x.org))
	wantKind(t, err, e911.NotFound)
	if after, _ := st.Head(t.Context()); after != before {
		t.Errorf("head = %+v, want %+v as before", after, before)
	}
	if entries, err := st.Audit(t.Context(), x.org.ID, 0, 10); err != nil || len(entries) != 0 {
		t.Errorf("audit has %d entries, %v; want none", len(entries), err)
	}
	select {
	case <-st.Wake():
		t.Error("a transaction that left nothing woke the publisher")
	default:
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic of a use case was swallowed")
			}
		}()
		_ = st.Write(t.Context(), "test", func(admin.Writer) error { panic("bug") })
	}()
	put(t, st, x.values()...) // the panic left nothing locked
	select {
	case <-st.Wake():
	default:
		t.Error("a commit did not wake the publisher")
	}
}

func testCancelled(t *testing.T, open Open) {
	st := fresh(t, open)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := st.Read(ctx, func(r admin.Reader) error { _, err := r.Orgs(ctx); return err })
	wantKind(t, err, e911.Unavailable)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want it to tell that the caller gave up", err)
	}
	err = st.Write(ctx, "test", func(w admin.Writer) error { _, err := w.Create(ctx, newTenant("x", 1).org); return err })
	wantKind(t, err, e911.Unavailable)
}
