package desk_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/desk"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/ecrf"
	"github.com/callbox911/callbox/internal/rules/gis"
	"github.com/callbox911/callbox/internal/rules/route"
	"github.com/callbox911/callbox/internal/snapshot"
)

var now = time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)

func box(south, west, side float64) e911.MultiPolygon {
	return e911.MultiPolygon{{{
		{Lat: south, Lon: west}, {Lat: south, Lon: west + side}, {Lat: south + side, Lon: west + side}, {Lat: south + side, Lon: west},
	}}}
}

func mill(n string) e911.Civic {
	return e911.Civic{Country: "US", A1: "MA", A2: "Middlesex County", A3: "Cambridge", HNO: n, RD: "Mill", STS: "Street", PC: "02139", PCN: "Cambridge"}
}

// town is the layer of these tests: a PSAP, fire and police boundaries, the
// neighbour's to the east of longitude -71, and one address.
func town(t *testing.T) gis.Layer {
	t.Helper()
	b := gis.NewBuilder()
	for _, f := range []gis.Boundary{
		{NGUID: "town-psap", Service: ecrf.ServiceSOS, Name: "Town Communications", Agency: "town.example.gov", Area: box(42, -72, 1)},
		{NGUID: "east-psap", Service: ecrf.ServiceSOS, Name: "East Dispatch", Agency: "east.example.gov", Area: box(42, -71, 1)},
		{NGUID: "fire", Service: "urn:nena:service:responder.fire", Name: "Engine 4", Agency: "fire.example.gov", Area: box(42, -72, 1)},
		{NGUID: "police", Service: ecrf.ServicePolice, Name: "Town Police", Agency: "police.example.gov", Area: box(42, -72, 1)},
	} {
		if err := b.Boundary(f); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range []string{"1", "5"} {
		if err := b.Address(gis.AddressPoint{NGUID: "a" + n, Civic: mill(n), Placement: "Structure", Point: e911.Point{Lat: 42.5, Lon: -71.5}}); err != nil {
			t.Fatal(err)
		}
	}
	c := b.Build()
	return gis.Layer{Layer: e911.Layer{
		ID: "layer-town", Key: "town-gis", Name: "Town", Grade: e911.GradeAuthoritative, Source: "Town", Version: 3, AsOf: now.AddDate(0, -1, 0), Digest: strings.Repeat("0", 64), Boundaries: 4, Addresses: 2,
	}, Content: c}
}

type world struct {
	psaps []e911.PSAP
	layer bool
	more  []any
}

func trunk(id, to string) e911.Trunk {
	return e911.Trunk{ID: e911.TrunkID(id), Key: id, Side: e911.SideCarrier, Kind: e911.RouteProvider, Profile: "carrier", To: to}
}

func newWorld() *world {
	return &world{layer: true, psaps: []e911.PSAP{
		{ID: "p-town", Key: "town", Name: "Town Communications", Agency: "town.example.gov", Line: "+16175550100", Listing: e911.PSAPListing{LineChecked: now.AddDate(0, -1, 0)}, Routes: []e911.TrunkID{"t-town"}},
		{ID: "p-agreed", Key: "agreed", Name: "Campus Police", Line: "+16175550101", Listing: e911.PSAPListing{LineChecked: now.AddDate(0, -1, 0)}, Routes: []e911.TrunkID{"t-town"}},
		{ID: "p-relay", Key: "relay", Name: "Relay Center", Relay: true, Line: "+18005550199", Routes: []e911.TrunkID{"t-relay"}},
	}}
}

func (w *world) config(t *testing.T) desk.Config {
	t.Helper()
	relay := trunk("t-relay", "sip:ecrc@127.0.0.23:5071")
	relay.Side = e911.SideRelay
	objects := []any{
		trunk("t-town", "sip:psap@127.0.0.21:5071"), trunk("t-mine", "sip:psap@127.0.0.24:5071"), relay,
		e911.Org{ID: "o1", Key: "mills", Name: "Mills Inc", Carriers: []e911.TrunkID{"t-mine"}},
		e911.Org{ID: "o2", Key: "other", Name: "Other Ltd"},
		e911.Site{ID: "s1", Org: "o1", Key: "hq", Name: "HQ", Zone: "America/New_York", Mode: e911.ModeDynamic, Stage: e911.Stage911},
		e911.Building{ID: "b1", Org: "o1", Site: "s1", Key: "mill", Name: "Mill", Address: mill("1"), Point: &e911.Point{Lat: 42.5, Lon: -71.5}},
		e911.Location{ID: "l1", Org: "o1", Building: "b1", Key: "mill/1", Detail: e911.Civic{FLR: "1"}},
		e911.Site{ID: "s2", Org: "o2", Key: "hq", Name: "HQ", Zone: "America/New_York", Mode: e911.ModeDynamic, Stage: e911.Stage911},
		e911.Building{ID: "b2", Org: "o2", Site: "s2", Key: "shop", Name: "Shop", Address: mill("5"), Point: &e911.Point{Lat: 42.5, Lon: -70.5}},
		e911.Location{ID: "l2", Org: "o2", Building: "b2", Key: "shop-1", Detail: e911.Civic{FLR: "1"}},
	}
	for _, p := range w.psaps {
		objects = append(objects, p)
	}
	objects = append(objects, w.more...)
	var changes []snapshot.Change
	for i, o := range objects {
		ref := admin.RefOf(o)
		if !slices.ContainsFunc(objects[i+1:], func(later any) bool { return admin.RefOf(later) == ref }) {
			changes = append(changes, snapshot.Change{Kind: ref.Kind, Org: ref.Org, ID: ref.ID, Object: o})
		}
	}
	if w.layer {
		l := town(t)
		changes = append(changes, snapshot.Change{Kind: e911.KindLayer, ID: string(l.ID), Object: l})
	}
	s, err := snapshot.Build(changes, now)
	if err != nil {
		t.Fatal(err)
	}
	return desk.Config{World: s, Now: now}
}

type says struct{ ecrf.Answer }

func (s says) Mapping(e911.Place, time.Time) (ecrf.Answer, bool) { return s.Answer, true }

// The first line is for somebody who has a caller on the other telephone.
//
// Proves: F-39, F-23, W-10, E11
func TestWhatAPersonAtTheDeskIsTold(t *testing.T) {
	const transfer = "NO NUMBER: which 911 center serves the place is not known: dial 911 where you are, and ask for a transfer"
	for _, c := range []struct {
		name   string
		asked  string // as parameters
		change func(*world)
		first  string   // line, or its beginning
		says   []string // anywhere
		not    string
	}{
		{"an address that the map has", "address=1 Mill St, Cambridge MA&org=mills", nil, "CALL +1 617 555 0100   Town Communications", []string{"address    valid, by the map town-gis", "last tried 2026-10-22", "yes  boundary, Town Communications"}, "!"},
		{"a point", "point=42.5,-71.5&org=mills", nil, "CALL +1 617 555 0100   Town Communications", []string{"place      42.50000, -71.50000"}, "address  "},
		{"a location", "location=mills/mill/1", nil, "CALL +1 617 555 0100   Town Communications", []string{"a 911 call of Mills Inc", "1. trunk t-town", "2. trunk t-mine"}, "!"},
		{"a location by its own key", "location=mill/1", nil, "CALL +1 617 555 0100   Town Communications", nil, "!"},
		{"fire: the number of the 911 center, and who goes out", "address=1 Mill St, Cambridge MA&service=fire", nil, "CALL +1 617 555 0100   Town Communications", []string{"goes out   Engine 4", "this is the number for every emergency there"}, "urn:"},
		{"police with a boundary of its own", "address=1 Mill St, Cambridge MA&service=police", nil, "CALL +1 800 555 0199   Relay Center; ask for Town Police, whose own number is not known", nil, "every emergency"},
		{"an organisation's own choice", "location=mills/mill/1", func(w *world) {
			w.more = append(w.more, e911.PSAPOverride{ID: "v1", Org: "o1", Key: "campus", Building: "b1", PSAP: "p-agreed", Agreement: "Chief Reyes, 2026-01-05"})
		}, "CALL +1 617 555 0101   Campus Police", []string{"known by   the organisation's own choice campus; agreement: Chief Reyes", "the organisation's own choice comes first"}, ""},
		{"another's choice is not looked at", "location=other/shop-1", func(w *world) {
			w.more = append(w.more, e911.PSAPOverride{ID: "v1", Org: "o1", Key: "campus", Building: "b1", PSAP: "p-agreed", Agreement: "Chief Reyes, 2026-01-05"})
		}, "CALL +1 800 555 0199   Relay Center; ask for East Dispatch", []string{"a 911 call of Other Ltd"}, "campus"},
		{"a number that nobody tried", "point=42.5,-71.5", func(w *world) { w.psaps[0].Listing.LineChecked = time.Time{} }, "CALL +1 617 555 0100   Town Communications", []string{"!  nobody has tried this number"}, ""},
		{"a number that was tried long ago", "point=42.5,-71.5", func(w *world) { w.psaps[0].Listing.LineChecked = now.AddDate(-1, 0, -1) }, "CALL +1 617 555 0100   Town Communications", []string{"!  this number was last tried on 2025-11-21"}, ""},
		{"a 911 center without a number", "point=42.5,-70.5", nil, "CALL +1 800 555 0199   Relay Center; ask for East Dispatch, whose own number is not known", []string{"!  nobody has tried this number"}, ""},
		{"no number at all", "point=42.5,-70.5", func(w *world) { w.psaps[2].Line = "" }, "NO NUMBER: the number of East Dispatch is not known: dial 911 where you are, and ask for a transfer to the 911 center of 42.50000, -70.50000", nil, "CALL"},
		{"outside of all boundaries", "point=45,-109", nil, "CALL +1 800 555 0199   Relay Center; which 911 center serves the place is not known", []string{"outside every boundary"}, ""},
		{"outside of all boundaries, without a relay centre", "point=45,-109", func(w *world) { w.psaps = w.psaps[:2] }, transfer, nil, "CALL"},
		{"an address of another state", "address=100 Main St, Helena MT 59601", func(w *world) { w.psaps = w.psaps[:2] }, transfer + " to the 911 center of 100 Main Street, Helena, MT 59601", []string{"!  nobody has checked the address"}, "CALL"},
		{"another country", "address=Av. Paseo de la Reforma 222, Ciudad de Mexico, Mexico", nil, "NO NUMBER: the place is not in the United States or Canada", nil, "CALL"},
		{"nonsense", "address=asdf qwerty", func(w *world) { w.psaps = w.psaps[:2] }, transfer + " to the 911 center of the caller's city", []string{"!  THE ADDRESS IS NOT RIGHT: ask the caller again", "The city or the postal code is missing."}, "CALL"},
		{"a house number that is not there", "address=7 Mill St, Cambridge MA 02139", nil, "", []string{"!  THE ADDRESS IS NOT RIGHT", "did you mean 5 Mill Street, Cambridge, MA 02139"}, ""},
		{"at the border", "point=42.5,-71", nil, "CALL", []string{"!  another 911 center may serve the place: say where it is first"}, ""},
		{"a county is no 911 center", "point=30.5,-99.5&org=mills", func(w *world) {
			w.psaps = append(w.psaps, e911.PSAP{ID: "p-county", Key: "county", Name: "Twin", Boundary: e911.Boundary{USCounty: "48001", State: "TX", County: "Twin"}, Area: box(30, -100, 1), Line: "+16175550155"})
		}, "CALL +1 800 555 0199   Relay Center; which 911 center", []string{"decides only for organisations marked demonstration"}, "0155"},
		{"a demonstration is said to be one", "point=30.5,-99.5&org=mills", func(w *world) {
			w.psaps = append(w.psaps, e911.PSAP{ID: "p-county", Key: "county", Name: "Twin", Boundary: e911.Boundary{USCounty: "48001", State: "TX", County: "Twin"}, Area: box(30, -100, 1), Line: "+16175550155"})
			w.more = append(w.more, e911.Org{ID: "o1", Key: "mills", Name: "Mills Inc", Demonstration: true})
		}, "NO NUMBER: this is a demonstration, no real 911 center is known", nil, "CALL"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld()
			if c.change != nil {
				c.change(w)
			}
			v, err := url.ParseQuery(c.asked)
			if err != nil {
				t.Fatal(err)
			}
			q, err := desk.Parse(v)
			if err != nil {
				t.Fatal(err)
			}
			a, err := w.config(t).Find(q, "")
			if err != nil {
				t.Fatal(err)
			}
			text := a.Text()
			if !strings.HasPrefix(text, c.first) {
				t.Errorf("the first line is not %q", c.first)
			}
			for _, s := range c.says {
				if !strings.Contains(text, s) {
					t.Errorf("nobody says %q", s)
				}
			}
			if c.not != "" && strings.Contains(text, c.not) {
				t.Errorf("%q is said", c.not)
			}
			if t.Failed() {
				t.Log("\n" + text)
			}
		})
	}
}

// Proves: F-23, F-39
func TestTheAuthorityComesBeforeTheMap(t *testing.T) {
	c := newWorld().config(t)
	c.Authority = says{ecrf.Answer{Source: "ecrf.state.example", SourceID: "x", Name: "Regional Center", URIs: []string{"tel:+16175550177"}, Expires: now.Add(time.Hour)}}
	q := desk.Question{Point: &e911.Area{Point: e911.Point{Lat: 42.5, Lon: -71.5}}, Service: ecrf.ServiceSOS}
	a, err := c.Find(q, "")
	if err != nil {
		t.Fatal(err)
	}
	if a.Call != "+16175550177" || a.By.Source != route.SourceAuthority || !strings.Contains(a.Text(), "!  ecrf.state.example names Regional Center, our own layer names Town Communications; the authority is followed") {
		t.Errorf("%s", a.Text())
	}
	// It is asked about 911 alone.
	q.Service = ecrf.ServicePolice
	if a, err = c.Find(q, ""); err != nil || a.By.Source != route.SourceLayer {
		t.Errorf("%v %+v", err, a.By)
	}
}

// Proves: E14
func TestAnOrganisationAsksAboutItsOwnPlacesAlone(t *testing.T) {
	c := newWorld().config(t)
	for location, want := range map[string]bool{
		"mill/1": true, "mills/mill/1": true, "shop-1": false, "other/shop-1": false, "other/mill/1": false, "nobody": false, "": false,
	} {
		_, err := c.Find(desk.Question{Location: location, Service: ecrf.ServiceSOS, Address: map[bool]string{true: "x", false: ""}[location == ""], Org: map[bool]string{true: "other"}[location == ""]}, "o1")
		if (err == nil) != want || err != nil && e911.KindOf(err) != e911.NotFound {
			t.Errorf("location %q: %v", location, err)
		}
	}
	a, err := c.Find(desk.Question{Point: &e911.Area{Point: e911.Point{Lat: 42.5, Lon: -71.5}}, Service: ecrf.ServiceSOS}, "o2")
	if err != nil || a.Org.Key != "other" {
		t.Fatalf("%v %+v", err, a.Org)
	}
	if text := a.Text(); strings.Contains(text, "t-mine") || strings.Contains(text, "Mills") {
		t.Errorf("another organisation's carrier is shown:\n%s", text)
	}
}

// Proves: F-39
func TestWhatIsNoQuestion(t *testing.T) {
	for params, path := range map[string]string{
		"": "address", "address=x&point=42,-71": "address", "point=91,0": "point", "point=NaN,0": "point", "point=42": "point",
		"address=" + strings.Repeat("x", 1001): "address", "address=x&service=pizza!": "service", "address=x&color=red": "color",
	} {
		v, _ := url.ParseQuery(params)
		_, err := desk.Parse(v)
		faults := e911.FaultsOf(err)
		if e911.KindOf(err) != e911.Invalid || !slices.ContainsFunc(faults, func(f e911.Fault) bool { return f.Path == path && f.Fix != "" }) {
			t.Errorf("%.40s: %v", params, faults)
		}
	}
}

// Each kind of gap, by the world that has it.
//
// Proves: F-23, F-39, W-10
func TestEachKindOfGapIsReported(t *testing.T) {
	override := func(expires time.Time) func(*world) {
		return func(w *world) {
			w.more = append(w.more, e911.PSAPOverride{ID: "v1", Org: "o1", Key: "campus", Building: "b1", PSAP: "p-agreed", Agreement: "Chief Reyes", Expires: expires})
		}
	}
	for _, c := range []struct {
		name   string
		change func(*world)
		ask    desk.Authority
		want   map[string]desk.GapCode // of mills, by key of the place
	}{
		{"nothing is missing", nil, nil, nil},
		{"no boundary", func(w *world) { w.layer = false }, nil, map[string]desk.GapCode{"mill": desk.GapNoPSAP}},
		{"a site without a building", func(w *world) {
			w.more = append(w.more, e911.Site{ID: "s3", Org: "o1", Key: "yard", Name: "Yard", Zone: "America/New_York", Mode: e911.ModeDynamic, Stage: e911.StageNone})
		}, nil, map[string]desk.GapCode{"yard": desk.GapNoPSAP}},
		{"a demonstration layer decides", func(w *world) {
			w.layer = false
			w.psaps = append(w.psaps, e911.PSAP{
				ID: "p-county", Key: "county", Name: "County", Boundary: e911.Boundary{USCounty: "25017"}, Area: box(42, -72, 1), Line: "+16175550155",
				Listing: e911.PSAPListing{LineChecked: now}, Routes: []e911.TrunkID{"t-town"},
			})
			w.more = append(w.more, e911.Org{ID: "o1", Key: "mills", Name: "Mills Inc", Demonstration: true})
		}, nil, map[string]desk.GapCode{"mill": desk.GapDemonstration}},
		{"nothing leads there", func(w *world) {
			w.psaps[0].Routes = nil
			w.more = append(w.more, e911.Org{ID: "o1", Key: "mills", Name: "Mills Inc"})
		}, nil, map[string]desk.GapCode{"mill": desk.GapNoRoute}},
		{"the authority names another", nil, says{ecrf.Answer{Source: "ecrf.example", Name: "Campus Police", Expires: now.Add(time.Hour)}}, map[string]desk.GapCode{"mill": desk.GapDisagree}},
		{"an agreement is over", override(now), nil, map[string]desk.GapCode{"campus": desk.GapOverrideOver}},
		{"an agreement ends soon", override(now.AddDate(0, 0, 29)), nil, map[string]desk.GapCode{"campus": desk.GapOverrideEnds}},
		{"an agreement holds for long", override(now.AddDate(0, 0, 31)), nil, nil},
		{"no line", func(w *world) { w.psaps[0].Line = "" }, nil, map[string]desk.GapCode{"mill": desk.GapNoLine}},
		{"a line that nobody checked", func(w *world) { w.psaps[0].Listing.LineChecked = time.Time{} }, nil, map[string]desk.GapCode{"mill": desk.GapLineUnchecked}},
		{"a line checked too long ago", func(w *world) { w.psaps[0].Listing.LineChecked = now.AddDate(-1, 0, -1) }, nil, map[string]desk.GapCode{"mill": desk.GapLineUnchecked}},
		{"20 m from the border", func(w *world) {
			w.more = append(w.more, e911.Building{ID: "b1", Org: "o1", Site: "s1", Key: "mill", Name: "Mill", Address: mill("1"), Point: &e911.Point{Lat: 42.5, Lon: -71 - 20.0/82_000}})
		}, nil, map[string]desk.GapCode{"mill": desk.GapBorder}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld()
			if c.change != nil {
				c.change(w)
			}
			cfg := w.config(t)
			cfg.Authority = c.ask
			r := cfg.Gaps("o1")
			got := map[string]desk.GapCode{}
			for _, g := range r.Gaps {
				if g.Msg == "" || g.Fix == "" || g.Org != "mills" {
					t.Errorf("%+v says too little, or of another organisation", g)
				}
				got[g.Key] = g.Code
			}
			want := c.want
			if want == nil {
				want = map[string]desk.GapCode{}
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s\n%+v", d, r.Gaps)
			}
			for _, code := range want {
				if r.Counts[code] != 1 {
					t.Errorf("counts %v", r.Counts)
				}
			}
		})
	}
}

// Proves: F-39
func TestTheDirectoryIsListedAndNarrowed(t *testing.T) {
	w := newWorld()
	w.psaps = append(w.psaps,
		e911.PSAP{ID: "p1", Key: "fcc-1", Name: "Alpine Sheriff", Listing: e911.PSAPListing{Registry: "1", Kind: e911.ListedPrimary, State: "CA", City: "Markleeville"}},
		e911.PSAP{ID: "p2", Key: "fcc-2", Name: "Old Town", Listing: e911.PSAPListing{Registry: "2", Kind: e911.ListedOrphaned, State: "CA"}},
	)
	c := w.config(t)
	for _, x := range []struct {
		f    desk.Filter
		want string
	}{
		{desk.Filter{}, "agreed relay town fcc-1"},
		{desk.Filter{State: "ca"}, "fcc-1"},
		{desk.Filter{State: "CA", All: true}, "fcc-1 fcc-2"},
		{desk.Filter{Search: " MARKLEE "}, "fcc-1"},
		{desk.Filter{Search: "nobody"}, ""},
	} {
		var keys []string
		for _, e := range c.List(x.f) {
			keys = append(keys, e.Key)
		}
		if got := strings.Join(keys, " "); got != x.want {
			t.Errorf("%+v: %s, want %s", x.f, got, x.want)
		}
	}
}
