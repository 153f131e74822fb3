package layer_test

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin/edit"
	"github.com/callbox911/callbox/internal/admin/layer"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/store/sqlite"
	"github.com/callbox911/callbox/internal/store/storetest"
)

// town is a small made-up town: streets along a line of latitude, with odd
// numbers 1 to 99, and the areas of PSAPs as boxes of longitude.
type town struct {
	streets []road
	areas   []area
}

type road struct {
	name              string
	lat               float64
	effective, expire string
}

type area struct {
	agency            string
	west, east        float64
	effective, expire string
}

// files writes the town as GeoJSON of NENA-STA-006.
func (w town) files(t *testing.T) []string {
	t.Helper()
	dir := t.TempDir()
	var roads, areas []any
	feature := func(properties map[string]any, kind string, coordinates any) any {
		return map[string]any{"type": "Feature", "properties": properties, "geometry": map[string]any{"type": kind, "coordinates": coordinates}}
	}
	for i, r := range w.streets {
		p := map[string]any{
			"RCL_NGUID": fmt.Sprintf("RCL%d@test.gov", i), "St_Name": r.name, "St_PosTyp": "Street", "Effective": r.effective, "Expire": r.expire,
			"FromAddr_L": 1, "ToAddr_L": 99, "Parity_L": "O", "FromAddr_R": 0, "ToAddr_R": 0, "Parity_R": "Z",
		}
		for _, side := range []string{"_L", "_R"} {
			p["Country"+side], p["State"+side], p["IncMuni"+side], p["PostCode"+side] = "US", "MA", "Cambridge", "02139"
		}
		roads = append(roads, feature(p, "LineString", [][2]float64{{-71.11, r.lat}, {-71.10, r.lat}}))
	}
	for _, a := range w.areas {
		areas = append(areas, feature(map[string]any{
			"ES_NGUID": a.agency + "@test.gov", "Agency_ID": a.agency, "DsplayName": a.agency, "ServiceURN": "urn:service:sos",
			"ServiceURI": "sip:911@" + a.agency, "ServiceNum": "911", "State": "MA", "Effective": a.effective, "Expire": a.expire,
		}, "Polygon", [][][2]float64{{{a.west, 42.30}, {a.east, 42.30}, {a.east, 42.40}, {a.west, 42.40}, {a.west, 42.30}}}))
	}
	var files []string
	for name, features := range map[string][]any{"RoadCenterLine": roads, "PsapBoundary": areas} {
		if len(features) == 0 {
			continue
		}
		b, err := json.Marshal(map[string]any{"type": "FeatureCollection", "name": name, "features": features})
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name+".geojson")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, path)
	}
	return files
}

// office is an organisation with buildings in the town and what plans layers.
type office struct {
	t     *testing.T
	store *sqlite.Store
	desk  *edit.Editor
	plan  *layer.Planner
	org   e911.Org
	site  e911.Site
	now   time.Time
}

func newOffice(t *testing.T, demonstration bool, more func(*layer.Config)) *office {
	t.Helper()
	o := &office{t: t, now: now()}
	clock := func() time.Time { return o.now }
	var err error
	if o.store, err = sqlite.Open(filepath.Join(t.TempDir(), "callbox.db"), storetest.Ring(t), clock); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.store.Close() })
	shelf := layer.NewShelf(o.store, nil, nil)
	cfg := layer.Config{Store: o.store, Shelf: shelf, Now: clock}
	if more != nil {
		more(&cfg)
	}
	if o.plan, err = layer.New(cfg); err != nil {
		t.Fatal(err)
	}
	if o.desk, err = edit.New(edit.Config{Store: o.store, Layer: noCounty, Layers: shelf, Now: clock}); err != nil {
		t.Fatal(err)
	}
	org, err := o.desk.Orgs.Create(t.Context(), "test", e911.Org{Key: "works", Name: "Works", Demonstration: demonstration})
	if err != nil {
		t.Fatal(err)
	}
	o.org = org.Value
	site, err := o.desk.Sites.Create(t.Context(), "test", e911.Site{
		Org: o.org.ID, Key: "hq", Name: "HQ", Zone: "America/New_York", Mode: e911.ModeDynamic, Stage: e911.StageNone,
	})
	if err != nil {
		t.Fatal(err)
	}
	o.site = site.Value
	return o
}

func (o *office) house(key, street, number string) e911.Building {
	o.t.Helper()
	b, err := o.desk.Buildings.Create(o.t.Context(), "user u1", e911.Building{
		Org: o.org.ID, Site: o.site.ID, Key: key, Name: "House " + key,
		Address: e911.Civic{Country: "US", A1: "MA", A3: "Cambridge", RD: street, STS: "St", HNO: number, PC: "02139"},
	})
	if err != nil {
		o.t.Fatal(err)
	}
	return b.Value
}

func (o *office) building(b e911.Building) e911.Building {
	o.t.Helper()
	got, err := o.desk.Buildings.Get(o.t.Context(), o.org.ID, string(b.ID))
	if err != nil {
		o.t.Fatal(err)
	}
	return got.Value
}

func (o *office) planned(key string, grade e911.LayerGrade, w town) layer.Plan {
	o.t.Helper()
	p, err := o.plan.Plan(o.t.Context(), layer.Request{Key: key, Name: key, Source: "a test", Grade: grade, Files: w.files(o.t)})
	if err != nil {
		o.t.Fatal(err)
	}
	return p
}

func (o *office) apply(p layer.Plan) layer.Result {
	o.t.Helper()
	res, err := o.plan.Apply(o.t.Context(), "test", p.Hash)
	if err != nil {
		o.t.Fatal(err)
	}
	return res
}

func (o *office) psap(key, agency string) e911.PSAP {
	o.t.Helper()
	p, err := o.desk.PSAPs.Create(o.t.Context(), "test", e911.PSAP{Key: key, Name: "PSAP " + key, Agency: agency})
	if err != nil {
		o.t.Fatal(err)
	}
	return p.Value
}

var (
	elmAndOak = []road{{name: "Elm", lat: 42.36}, {name: "Oak", lat: 42.37}}
	west      = area{agency: "west.test.gov", west: -71.20, east: -71.00}
)

// Two administrators look at plans at the same time: the first to say yes wins,
// and the other is told what changed meanwhile.
//
// Proves: E15
func TestTwoPlansAtOnce(t *testing.T) {
	o := newOffice(t, false, nil)
	one := o.planned("one", e911.GradeReference, town{streets: elmAndOak})
	two := o.planned("two", e911.GradeReference, town{streets: elmAndOak[:1]})
	if why, err := o.plan.Changed(t.Context(), one.Hash); err != nil || why != "" {
		t.Errorf("before anything is applied: %q, %v", why, err)
	}
	o.apply(two)
	why, err := o.plan.Changed(t.Context(), one.Hash)
	if err != nil || !strings.Contains(why, "the layer two was added by test at 20") {
		t.Errorf("what changed: %q, %v", why, err)
	}
	if _, err := o.plan.Apply(t.Context(), "other", one.Hash); e911.KindOf(err) != e911.Conflict || !strings.Contains(err.Error(), why) {
		t.Errorf("the second plan: %v, want a refusal that says %q", err, why)
	}
	if all, err := o.plan.List(t.Context()); err != nil || len(all) != 1 || all[0].Key != "two" {
		t.Errorf("the layers are %+v, %v", all, err)
	}
	again := o.planned("one", e911.GradeReference, town{streets: elmAndOak})
	if again.Hash == one.Hash {
		t.Error("a plan over other layers has the same hash")
	}
	gone, err := o.plan.PlanRemoval(t.Context(), "two")
	if err != nil {
		t.Fatal(err)
	}
	o.apply(gone)
	if _, err := o.plan.Apply(t.Context(), "other", again.Hash); err == nil || !strings.Contains(err.Error(), "the layer two was removed") {
		t.Errorf("after a removal: %v", err)
	}
}

// A layer is replaced by one without a street and with another PSAP's boundary:
// the plan shows both, and then they are so. What was entered, and by whom,
// stays.
//
// Proves: E15, W-09, N-21, F-23
func TestALayerWithoutAStreet(t *testing.T) {
	o := newOffice(t, false, nil)
	o.psap("psap-west", west.agency)
	o.psap("psap-new", "new.test.gov")
	elm, oak := o.house("elm", "Elm", "41"), o.house("oak", "Oak", "41")
	o.apply(o.planned("town", e911.GradeAuthoritative, town{elmAndOak, []area{west}}))
	if b := o.building(oak); b.Validation.Verdict != e911.VerdictValid || b.Address.STS != "Street" || b.Point == nil {
		t.Fatalf("with the layer: %+v", b)
	}
	next := west
	next.agency = "new.test.gov"
	p := o.planned("town", e911.GradeAuthoritative, town{elmAndOak[:1], []area{next}})
	if p.Before == nil || p.Layer.Version != 2 || p.Counts.Verdicts != 1 || p.Counts.Invalid != 1 || p.Counts.PSAPs != 2 || len(p.Effects) != 2 {
		t.Fatalf("the plan: %+v, %+v", p.Counts, p.Effects)
	}
	for _, f := range p.Effects {
		if f.PSAPBefore != "psap-west" || f.PSAP != "psap-new" {
			t.Errorf("%s: PSAP %q -> %q", f.Building, f.PSAPBefore, f.PSAP)
		}
		if f.Building == "oak" && (f.PointLost || f.VerdictBefore != e911.VerdictValid || f.Verdict != e911.VerdictInvalid || !strings.Contains(f.Why, "no street of this name")) {
			t.Errorf("oak: %+v", f)
		}
	}
	if b := o.building(oak); b.Validation.Verdict != e911.VerdictValid {
		t.Error("a plan changed something")
	}
	if res := o.apply(p); res.Buildings != 2 { // elm's has another version of the layer
		t.Errorf("applied: %+v", res)
	}
	b := o.building(oak)
	if v := b.Validation; v.Verdict != e911.VerdictInvalid || v.By != "user u1" || v.Version != 2 || b.Address.STS != "St" || b.Point == nil {
		t.Errorf("oak afterwards: %+v", b)
	}
	if v := o.building(elm).Validation; v.Verdict != e911.VerdictValid || v.Entered.STS != "St" || v.By != "user u1" {
		t.Errorf("elm afterwards: %+v", v)
	}
	// It stands where it stood also when everything is judged once more.
	if list, err := o.plan.Addresses(t.Context(), "test", layer.AddressesRequest{Save: true}); err != nil || list[1].Stale {
		t.Errorf("judged again: %+v, %v", list, err)
	}
	// An address that was stored before may stay; a new one of the street may not.
	if _, err := o.desk.Buildings.Create(t.Context(), "test", e911.Building{
		Org: o.org.ID, Site: o.site.ID, Key: "new", Name: "New",
		Address: e911.Civic{Country: "US", A1: "MA", A3: "Cambridge", RD: "Oak", STS: "St", HNO: "41", PC: "02139"},
	}); e911.KindOf(err) != e911.Invalid || err == nil {
		t.Errorf("a new building on Oak Street: %v", err)
	}
}

// A demonstration layer makes nothing valid and names no PSAP but for an
// organisation marked so.
//
// Proves: F-23, E12
func TestADemonstrationLayerDecidesNothing(t *testing.T) {
	for _, c := range []struct {
		demonstration bool
		want          e911.Verdict
		psap          string
	}{{false, e911.VerdictUnverified, ""}, {true, e911.VerdictValid, "psap-west"}} {
		t.Run(fmt.Sprintf("organisation marked demonstration: %t", c.demonstration), func(t *testing.T) {
			o := newOffice(t, c.demonstration, nil)
			o.psap("psap-west", west.agency)
			elm := o.house("elm", "Elm", "41")
			o.apply(o.planned("town", e911.GradeDemonstration, town{elmAndOak, []area{west}}))
			if v := o.building(elm).Validation; v.Verdict != c.want {
				t.Errorf("the verdict is %q by %q, want %q", v.Verdict, v.Layer, c.want)
			}
			list, err := o.plan.Addresses(t.Context(), "test", layer.AddressesRequest{Org: "works"})
			if err != nil || len(list) != 1 || list[0].PSAP != c.psap || list[0].Stale {
				t.Errorf("addresses: %+v, %v", list, err)
			}
		})
	}
}

// A plan says where the boundaries of all layers leave a hole and overlap, and
// which overrides the layers now see otherwise.
//
// Proves: F-23, N-22
func TestGapsOverlapsAndOverrides(t *testing.T) {
	o := newOffice(t, false, nil)
	o.psap("psap-west", west.agency)
	other := o.psap("psap-other", "other.test.gov")
	elm := o.house("elm", "Elm", "41")
	if _, err := o.desk.Overrides.Create(t.Context(), "test", e911.PSAPOverride{
		Org: o.org.ID, Key: "campus", Building: elm.ID, PSAP: other.ID, Agreement: "letter of 2026-01-02", Expires: o.now.Add(48 * time.Hour),
	}); err != nil {
		t.Fatal(err)
	}
	o.apply(o.planned("town", e911.GradeAuthoritative, town{elmAndOak, []area{west}}))
	p := o.planned("next", e911.GradeAuthoritative, town{areas: []area{{agency: "east.test.gov", west: -71.05, east: -70.90}}})
	if len(p.Coverage) != 1 || p.Coverage[0].Boundaries != 2 || len(p.Coverage[0].Gaps) != 0 || len(p.Coverage[0].Overlaps) != 1 {
		t.Fatalf("coverage: %+v", p.Coverage)
	}
	if v := p.Coverage[0].Overlaps[0]; v.SquareKM < 40 || v.SquareKM > 50 || len(v.NGUIDs) != 2 || v.Point.Lon < -71.05 || v.Point.Lon > -71 {
		t.Errorf("the overlap: %+v", v)
	}
	// Under the override the layer changes its mind.
	moved := west
	moved.agency = "moved.test.gov"
	p = o.planned("town", e911.GradeAuthoritative, town{elmAndOak, []area{moved}})
	if len(p.Effects) != 1 || p.Counts.Overrides != 1 || p.Counts.PSAPs != 0 {
		t.Fatalf("effects: %+v, %+v", p.Counts, p.Effects)
	}
	if f := p.Effects[0]; f.Override != "campus" || f.PSAP != "psap-other" || f.LayerBefore != "psap-west" || f.Layer != "moved.test.gov@test.gov" {
		t.Errorf("the effect: %+v", f)
	}
	// When the agreement ends, the layers decide.
	list, err := o.plan.Addresses(t.Context(), "test", layer.AddressesRequest{AsOf: o.now.Add(72 * time.Hour)})
	if err != nil || len(list) != 1 || list[0].Today.PSAP != "psap-other" || list[0].PSAP != "psap-west" {
		t.Errorf("in three days: %+v, %v", list, err)
	}
	if _, err := o.plan.Addresses(t.Context(), "test", layer.AddressesRequest{AsOf: o.now, Save: true}); e911.KindOf(err) != e911.Invalid || err == nil {
		t.Errorf("a look at today that is to be stored: %v", err)
	}
}

// Users' own places are counted, never listed.
//
// Proves: F-39, N-42
func TestUsersOwnPlacesAreCounted(t *testing.T) {
	var own []layer.OwnPlace
	o := newOffice(t, false, func(c *layer.Config) {
		c.Own = func() iter.Seq[layer.OwnPlace] {
			return func(yield func(layer.OwnPlace) bool) {
				for _, p := range own {
					if !yield(p) {
						return
					}
				}
			}
		}
	})
	at := func(street string) layer.OwnPlace {
		c := e911.Civic{Country: "US", A1: "MA", A3: "Cambridge", RD: street, STS: "Street", HNO: "41", PC: "02139"}
		return layer.OwnPlace{Org: o.org.ID, Entered: c, Place: e911.Place{Civic: c}, Verdict: e911.VerdictUnverified}
	}
	own = []layer.OwnPlace{at("Elm"), at("Nowhere"), {Org: "gone"}, {Org: o.org.ID, Place: e911.Place{Building: "b"}}}
	p := o.planned("town", e911.GradeAuthoritative, town{elmAndOak, []area{west}})
	if p.Own == nil || *p.Own != (layer.OwnCounts{Places: 2, Verdicts: 2, Invalid: 1, PSAPs: 1}) {
		t.Errorf("own places: %+v", p.Own)
	}
	if b, err := json.Marshal(p); err != nil || strings.Contains(string(b), "Nowhere") {
		t.Errorf("the plan tells where somebody lives: %v", err)
	}
}

// A street that ends and a boundary that changes hands are seen ahead, and on
// the day: stored, and told to the organisation, once.
//
// Proves: N-21, W-09, F-23
func TestPlannedChanges(t *testing.T) {
	o := newOffice(t, false, nil)
	o.psap("psap-west", west.agency)
	o.psap("psap-new", "new.test.gov")
	elm, oak := o.house("elm", "Elm", "41"), o.house("oak", "Oak", "41")
	day := o.now.Add(10 * 24 * time.Hour).Truncate(24 * time.Hour)
	streets := []road{elmAndOak[0], elmAndOak[1]}
	streets[1].expire = day.Format(time.RFC3339)
	old, next := west, west
	old.expire, next.effective, next.agency = day.Format(time.RFC3339), day.Format(time.RFC3339), "new.test.gov"
	o.apply(o.planned("town", e911.GradeAuthoritative, town{streets, []area{old, next}}))

	ahead := func(at time.Time) map[string]layer.Address {
		t.Helper()
		list, err := o.plan.Addresses(t.Context(), "test", layer.AddressesRequest{AsOf: at})
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]layer.Address{}
		for _, a := range list {
			out[a.Building] = a
		}
		return out
	}
	if list := ahead(day.Add(-time.Second)); len(list) != 0 {
		t.Errorf("the day before: %+v", list)
	}
	list := ahead(day)
	if a := list["oak"]; a.Today == nil || a.Today.Verdict != e911.VerdictValid || a.Validation.Verdict != e911.VerdictInvalid || a.PSAP != "psap-new" {
		t.Errorf("oak on the day: %+v", a)
	}
	if a := list["elm"]; a.Today == nil || a.Validation.Verdict != e911.VerdictValid || a.Today.PSAP != "psap-west" || a.PSAP != "psap-new" {
		t.Errorf("elm on the day: %+v", a)
	}

	var alarms []string
	w, err := layer.NewWatch(layer.WatchConfig{
		Planner: o.plan, Dir: t.TempDir(), Now: func() time.Time { return o.now }, Log: slog.New(slog.DiscardHandler),
		Alarm: func(org e911.OrgID, a journal.Alarm) {
			if org != o.org.ID {
				t.Errorf("an alarm for %q", org)
			}
			alarms = append(alarms, a.Code+" "+a.Detail)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	look := func(want ...string) {
		t.Helper()
		alarms = nil
		if err := w.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(alarms) != len(want) {
			t.Fatalf("alarms: %q, want %q", alarms, want)
		}
		for i := range want {
			if !strings.Contains(alarms[i], want[i]) {
				t.Errorf("alarm %q, want %q", alarms[i], want[i])
			}
		}
	}
	look()
	o.now = day.Add(time.Hour)
	look(layer.AlarmPSAP+" building elm has another PSAP: it was psap-west and is psap-new",
		layer.AlarmInvalid+" the address of building oak", layer.AlarmPSAP+" building oak")
	if v := o.building(oak).Validation; v.Verdict != e911.VerdictInvalid || !v.At.Equal(o.now) || v.By != "user u1" || o.building(oak).Point == nil {
		t.Errorf("oak is stored as %+v", v)
	}
	if v := o.building(elm).Validation; v.Verdict != e911.VerdictValid || v.At.Equal(o.now) {
		t.Errorf("elm, which did not change, is stored as %+v", v)
	}
	look()
}

// The watch looks at once when it never did, and again when the day is over; it
// ends with its context, and a note that was lost is no trouble.
//
// Proves: N-21
func TestTheWatchRuns(t *testing.T) {
	o := newOffice(t, false, nil)
	dir := t.TempDir()
	asked := make(chan struct{}, 100)
	w, err := layer.NewWatch(layer.WatchConfig{
		Planner: o.plan, Dir: dir, Every: 5 * time.Millisecond, Log: slog.New(slog.DiscardHandler), Alarm: func(e911.OrgID, journal.Alarm) {},
		Now: func() time.Time {
			select {
			case asked <- struct{}{}:
			default:
			}
			return time.Now()
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	ctx, stop := context.WithCancel(t.Context())
	go func() { done <- w.Run(ctx) }()
	for range 20 {
		select {
		case <-asked:
		case <-time.After(20 * time.Second):
			t.Fatal("the watch does not look")
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Errorf("the watch ended with %v", err)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "addresses-checked.json")); err != nil || !strings.Contains(string(b), `"at"`) {
		t.Errorf("the note: %s, %v", b, err)
	}
	if _, err := layer.NewWatch(layer.WatchConfig{}); err == nil || !strings.Contains(err.Error(), "Alarm, Dir, Log, Now, Planner") {
		t.Errorf("a watch of nothing: %v", err)
	}
}
