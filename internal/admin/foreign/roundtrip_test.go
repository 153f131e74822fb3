package foreign_test

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/foreign"
	"github.com/callbox911/callbox/internal/admin/foreign/cer"
	"github.com/callbox911/callbox/internal/admin/foreign/export"
	"github.com/callbox911/callbox/internal/admin/foreign/intake"
	"github.com/callbox911/callbox/internal/admin/foreign/teams"
	"github.com/callbox911/callbox/internal/admin/sheet"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/seal"
	"github.com/callbox911/callbox/internal/store/sqlite"
)

func store(t testing.TB, values ...any) *sqlite.Store {
	t.Helper()
	ring, err := seal.NewRing(seal.Key{ID: "m1", Secret: seal.NewSecret()})
	if err != nil {
		t.Fatal(err)
	}
	st, err := sqlite.Open(filepath.Join(t.TempDir(), "callbox.db"), ring, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	put(t, st, values...)
	return st
}

func put(t testing.TB, st *sqlite.Store, values ...any) {
	t.Helper()
	err := st.Write(t.Context(), "test", func(w admin.Writer) error {
		for _, v := range values {
			if _, err := w.Create(t.Context(), v); err != nil {
				return fmt.Errorf("%v: %w", admin.RefOf(v), err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func org() []any {
	return []any{
		e911.Org{ID: "o", Key: "harbor", Name: "Harbor Works", Demonstration: true, PublicRanges: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}},
		e911.Site{ID: "s", Org: "o", Key: "hq", Name: "HQ", Zone: "America/New_York", Mode: e911.ModeDynamic, Stage: e911.StageNone, ECBN: "+16172530100"},
	}
}

// Proves: issue 8 (importing again next month changes only what changed there),
// and that faults of the import name the customer's own line.
func TestImportingTheSameFilesAgainChangesNothing(t *testing.T) {
	st := store(t, org()...)
	for _, o := range foreign.Origins() {
		if o.Key == "zoom" || o.Key == "cer" {
			continue // the same places as the others' samples, under other keys
		}
		res, err := foreign.Read(o.Key, files(t, o.Key), intake.Options{Site: "hq"})
		if err != nil {
			t.Fatal(err)
		}
		if again := apply(t, st, &res); again == 0 {
			t.Errorf("%s: nothing came over", o.Key)
		}
		if again := apply(t, st, &res); again != 0 {
			t.Errorf("%s: %d changes the second time, want none", o.Key, again)
		}
	}
}

// Proves: issue 8: who is known by his e-mail address stays who he is, and an
// import at one site moves nothing that stands at another.
func TestAnImportKnowsWhoAndWhatIsThere(t *testing.T) {
	st := store(t, append(org(),
		e911.Site{ID: "s2", Org: "o", Key: "annex", Name: "Annex", Zone: "America/New_York", Mode: e911.ModeDynamic, Stage: e911.StageNone, ECBN: "+16172530100"},
		e911.User{ID: "u", Org: "o", Site: "s2", Key: "ann", Name: "Ann", Email: "Ann@harbor.example"},
		e911.NumberRec{ID: "n", Org: "o", Site: "s2", Number: "+14135550133"})...)
	in := intake.File{Name: "users.csv", Data: []byte("Name,Email,Identification Type,Device User ID\nAnn Agent,ann@harbor.example,Device User ID,E-1\nAnn Agent,ann@harbor.example,Device User ID,E-1\n")}
	res, err := foreign.Read("redsky", []intake.File{in}, intake.Options{Site: "hq"})
	if err != nil {
		t.Fatal(err)
	}
	if n := apply(t, st, &res); n != 1 {
		t.Fatalf("%d changes, want one", n)
	}
	err = st.Read(t.Context(), func(r admin.Reader) error {
		list, err := r.List(t.Context(), admin.Query{Kind: e911.KindUser, Org: "o"})
		if err != nil || len(list) != 1 {
			return fmt.Errorf("%d users, want the one that was there: %w", len(list), err)
		}
		if u := list[0].Value.(e911.User); u.Key != "ann" || u.Site != "s2" || u.DeviceUserID != "E-1" {
			t.Errorf("the user became %+v", u)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// apply makes the changes and returns how many there were.
func apply(t *testing.T, st *sqlite.Store, res *intake.Result) int {
	t.Helper()
	n := 0
	err := st.Write(t.Context(), "test", func(w admin.Writer) error {
		set, reports, err := foreign.ChangeSet(t.Context(), w, res, foreign.SetOptions{Org: "o", Partial: true})
		if err != nil {
			return err
		}
		for _, r := range reports {
			for _, f := range r.Faults {
				if f.Row < 2 || !strings.HasSuffix(f.File, ".csv") {
					t.Errorf("a fault does not name a line of the customer's file: %+v", f)
				}
				t.Logf("%s: %s", r.Kind, f)
			}
		}
		for _, s := range set.Steps {
			n++
			if s.From.Row < 2 {
				t.Errorf("a step does not say where it came from: %+v", s.From)
			}
			if s.Version > 0 {
				_, err = w.Update(t.Context(), s.Value, s.Version)
			} else {
				_, err = w.Create(t.Context(), s.Value)
			}
			if err != nil {
				return fmt.Errorf("%v: %w", s.Ref, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// drawWorld makes an organisation of what the formats can carry and of some of
// what they cannot.
func drawWorld(t *rapid.T) export.World {
	w := export.World{Org: e911.Org{ID: "o", Key: "harbor", Name: "Harbor Works"}, Sites: []e911.Site{{ID: "s", Org: "o", Key: "hq"}}}
	streets := []e911.Civic{
		{RD: "Mill", STS: "Street"}, {RD: "Main", STS: "Avenue", PRD: "North", POD: "Southwest"}, {RD: "Broadway"}, {RD: "Elm", STS: "Road", HNS: "A"},
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "buildings") {
		a := streets[rapid.IntRange(0, len(streets)-1).Draw(t, "street")]
		a.Country, a.A1, a.A3, a.PC, a.HNO = "US", "MA", "Springfield", "01103", fmt.Sprint(i*10+5)
		b := e911.Building{ID: e911.BuildingID(fmt.Sprint("b", i)), Org: "o", Site: "s", Key: fmt.Sprint("b", i), Name: rapid.SampledFrom([]string{"Old Mill", "=1+1", "Tower, \"east\"", "Édifice"}).Draw(t, "name"), Address: a}
		if rapid.Bool().Draw(t, "point") {
			b.Point = &e911.Point{Lat: 42.1 + float64(i), Lon: -72.5}
		}
		w.Buildings = append(w.Buildings, b)
	}
	if len(w.Buildings) == 0 {
		return w
	}
	for i := range rapid.IntRange(1, 5).Draw(t, "locations") {
		d := e911.Civic{FLR: rapid.SampledFrom([]string{"", "1", "2"}).Draw(t, "floor"), ROOM: fmt.Sprint("r", i), LOC: rapid.SampledFrom([]string{"", "Dock", "by the stairs"}).Draw(t, "loc")}
		b := w.Buildings[rapid.IntRange(0, len(w.Buildings)-1).Draw(t, "building")]
		w.Locations = append(w.Locations, e911.Location{ID: e911.LocationID(fmt.Sprint("l", i)), Org: "o", Building: b.ID, Key: fmt.Sprint("l", i), Detail: d})
	}
	at := func() e911.LocationID { return rapid.SampledFrom(w.Locations).Draw(t, "at").ID }
	for i := range rapid.IntRange(0, 4).Draw(t, "elements") {
		var e e911.Element
		switch rapid.IntRange(0, 4).Draw(t, "kind") {
		case 0:
			e = e911.Element{Kind: e911.ElementBSSID, MAC: e911.MACFrom([6]byte{0, 0x11, 0x22, 0x33, 0x44, byte(i)})}
		case 1:
			e = e911.Element{Kind: e911.ElementBSSID, MAC: e911.MACFrom([6]byte{0, 0x11, 0x22, 0x33, byte(i), 0x50}), MACTo: e911.MACFrom([6]byte{0, 0x11, 0x22, 0x33, byte(i), 0x5f})}
		case 2:
			e = e911.Element{Kind: e911.ElementLLDPPort, LLDP: e911.LLDPPort{Chassis: "10.20.0.9", Port: fmt.Sprintf("Gi1/0/%d", i)}}
		case 3:
			e = e911.Element{Kind: e911.ElementLLDPChassis, LLDP: e911.LLDPPort{Chassis: fmt.Sprintf("0c:75:bd:00:00:%02x", i)}}
		default:
			e = e911.Element{Kind: e911.ElementIP, Range: netip.MustParsePrefix(fmt.Sprintf("10.%d.0.0/16", i))}
		}
		e.ID, e.Org, e.Location = e911.ElementID(fmt.Sprint("e", i)), "o", at()
		w.Elements = append(w.Elements, e)
	}
	for i := range rapid.IntRange(0, 2).Draw(t, "elins") {
		w.Numbers = append(w.Numbers, e911.NumberRec{ID: e911.NumberID(fmt.Sprint("n", i)), Org: "o", Site: "s", Number: e911.Number(fmt.Sprintf("+1413555011%d", i)), Location: at(), ELIN: true})
	}
	w.Sort()
	return w
}

// told is what of a world must be the same again, as rows of keys and values.
func told(w export.World, skip func(what string) bool) []string {
	var out []string
	keys := map[string]string{}
	for _, b := range w.Buildings {
		keys[string(b.ID)] = b.Key
		lat := ""
		if b.Point != nil {
			lat = fmt.Sprint(b.Point.Lat, b.Point.Lon)
		}
		if !skip("building " + b.Key) {
			out = append(out, fmt.Sprintf("building %s %s %+v %s", b.Key, b.Name, fields(b.Address), lat))
		}
	}
	for _, l := range w.Locations {
		keys[string(l.ID)] = l.Key
		if !skip("location " + l.Key) {
			out = append(out, fmt.Sprintf("location %s in %s %s", l.Key, keys[string(l.Building)], fields(l.Detail)))
		}
	}
	for _, e := range w.Elements {
		if !skip(string(e.Kind)) {
			out = append(out, fmt.Sprintf("element %s at %s", admin.ElementKey(e), keys[string(e.Location)]))
		}
	}
	for _, n := range w.Numbers {
		if !skip("number") {
			out = append(out, fmt.Sprintf("number %s at %s", n.Number, keys[string(n.Location)]))
		}
	}
	slices.Sort(out)
	return out
}

func fields(c e911.Civic) string {
	var out []string
	for k, v := range c.All() {
		out = append(out, k+"="+v)
	}
	return strings.Join(out, " ")
}

// again makes a world of tables, as the importer would.
func again(res intake.Result) export.World {
	var w export.World
	for i := range res.Tables {
		t := &res.Tables[i].Table
		for _, row := range t.Rows {
			c := map[string]string{}
			for j, v := range row {
				c[t.Header[j]] = v
			}
			var civic e911.Civic
			for _, n := range e911.CivicFieldNames() {
				civic.Set(n, c[n])
			}
			switch res.Tables[i].Kind {
			case sheet.Buildings:
				b := e911.Building{ID: e911.BuildingID(c["key"]), Key: c["key"], Name: c["name"], Address: civic}
				if c["latitude"] != "" {
					b.Point = &e911.Point{}
					_, _ = fmt.Sscan(c["latitude"]+" "+c["longitude"], &b.Point.Lat, &b.Point.Lon)
				}
				w.Buildings = append(w.Buildings, b)
			case sheet.Locations:
				w.Locations = append(w.Locations, e911.Location{ID: e911.LocationID(c["key"]), Key: c["key"], Building: e911.BuildingID(c["building"]), Detail: civic})
			case sheet.Elements:
				e := e911.Element{Kind: e911.ElementKind(c["kind"]), MAC: e911.MAC(c["mac"]), MACTo: e911.MAC(c["mac_to"]), LLDP: e911.LLDPPort{Chassis: c["chassis"], Port: c["port"]}, Location: e911.LocationID(c["location"])}
				if p, err := netip.ParsePrefix(c["range"]); err == nil {
					e.Range = p
				}
				w.Elements = append(w.Elements, e)
			case sheet.Numbers:
				w.Numbers = append(w.Numbers, e911.NumberRec{Number: e911.Number(c["number"]), Location: e911.LocationID(c["location"]), ELIN: true})
			}
		}
	}
	return w
}

func asFiles(e export.Export) []intake.File {
	var out []intake.File
	for _, f := range e.Files {
		if strings.HasSuffix(f.Name, ".csv") {
			out = append(out, intake.File{Name: f.Name, Data: f.Data})
		}
	}
	return out
}

// Proves: issue 8 (writers for Teams LIS, CER), peers.md 3 (one source of truth
// for several feeds): our world, written and read again, is the same world but
// for what the writer says is lost.
func TestWhatIsWrittenReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		e := teams.Write(w)
		twoELINs := 0
		for _, l := range e.Lost {
			twoELINs += l.Count
		}
		res, err := foreign.Read("teams", asFiles(e), intake.Options{Site: "hq"})
		if err != nil || len(res.Faults) > 0 {
			t.Fatalf("what was written for Teams is not read: %v %v", err, res.Faults)
		}
		keep := func(what string) bool { return twoELINs > 0 && what == "number" }
		if diff := cmp.Diff(told(w, keep), told(again(res), keep), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("Teams: -written +read\n%s\nlost: %+v", diff, e.Lost)
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		e := cer.Write(w, nil)
		res, err := foreign.Read("cer", asFiles(e), intake.Options{Site: "hq"})
		if err != nil || len(res.Faults) > 0 {
			t.Fatalf("what was written for CER is not read: %v %v", err, res.Faults)
		}
		used := map[string]bool{}
		for _, l := range w.Locations {
			used["building b"+strings.TrimPrefix(string(l.Building), "b")] = true
		}
		cut := map[string]bool{}
		for _, l := range w.Locations {
			text, _ := intake.InsideText(l.Detail, true)
			cut["location "+l.Key] = len(text) > 19 || text == ""
		}
		skip := func(what string) bool {
			return cut[what] || strings.HasPrefix(what, "building") && !used[what] || what == string(e911.ElementBSSID) || what == string(e911.ElementLLDPChassis)
		}
		if diff := cmp.Diff(told(w, skip), told(again(res), skip), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("CER: -written +read\n%s\nlost: %+v", diff, e.Lost)
		}
	})
}

// Proves: issue 8: what a format cannot carry is told.
func TestWhatAFormatCannotCarryIsTold(t *testing.T) {
	w := export.World{
		Org:       e911.Org{Key: "harbor"},
		Buildings: []e911.Building{{ID: "b", Key: "mill", Name: "Mill", Address: e911.Civic{Country: "US", A1: "MA", A3: "Springfield", RD: "Mill", STS: "Street", HNO: "55", PC: "01103"}}},
		Locations: []e911.Location{{ID: "l", Key: "l", Building: "b", Detail: e911.Civic{FLR: "2", LOC: "behind the second pillar of the great hall"}}},
		Elements: []e911.Element{
			{Kind: e911.ElementMAC, MAC: "00:1b:54:00:00:2d", Mobility: e911.MobilityFixed, Location: "l"},
			{Kind: e911.ElementIP, From: netip.MustParseAddr("10.0.0.7"), To: netip.MustParseAddr("10.0.0.40"), Location: "l"},
			{Kind: e911.ElementVPN, Range: netip.MustParsePrefix("10.8.0.0/16")},
			{Kind: e911.ElementLLDPPort, LLDP: e911.LLDPPort{Chassis: "0c:75:bd:00:00:01", Port: "Gi1/0/7"}, Location: "l"},
		},
	}
	lost := func(e export.Export) string { return fmt.Sprintf("%+v", e.Lost) }
	for text, want := range map[string][]string{
		lost(teams.Write(w)):    {"mac 00:1b:54:00:00:2d", "ip 10.0.0.7-10.0.0.40", "vpn 10.8.0.0/16"},
		lost(cer.Write(w, nil)): {"cut to 19 characters", "none from one address to another", "prove nothing about a place", "knows a switch by its address"},
	} {
		for _, s := range want {
			if !strings.Contains(text, s) {
				t.Errorf("lost does not tell %q: %s", s, text)
			}
		}
	}
}
