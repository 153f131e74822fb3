package world_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/examples"
	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/check"
	"github.com/callbox911/callbox/internal/admin/world"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/seal"
	"github.com/callbox911/callbox/internal/store/sqlite"
)

var epoch = time.Date(2026, 3, 9, 14, 2, 11, 123_000_000, time.UTC)

// counties is a layer of squares, one degree wide, beside each other.
func counties(fips string) (e911.Boundary, e911.MultiPolygon, error) {
	var n int
	if _, err := fmt.Sscanf(fips, "%05d", &n); err != nil || len(fips) != 5 {
		return e911.Boundary{}, nil, e911.Errorf(e911.Invalid, "a county has five digits")
	}
	if n > 57000 {
		return e911.Boundary{}, nil, e911.Errorf(e911.NotFound, "there is no county %s", fips)
	}
	lat, lon := 24+float64(n%25), -124+float64(n/25%50)
	switch fips { // those of the harbour lie where its buildings are
	case "25017":
		lat, lon = 42.362, -72
	case "25025":
		lat, lon = 41.362, -71.5
	}
	return e911.Boundary{USCounty: fips, State: "MA", County: "County " + fips}, e911.MultiPolygon{{{
		{Lat: lat, Lon: lon}, {Lat: lat, Lon: lon + 1}, {Lat: lat + 1, Lon: lon + 1}, {Lat: lat + 1, Lon: lon},
	}}}, nil
}

type bench struct {
	t  testing.TB
	st *sqlite.Store
	im *world.Importer
}

func newBench(t testing.TB) *bench {
	t.Helper()
	ring, err := seal.NewRing(seal.Key{ID: "m1", Secret: seal.NewSecret()})
	if err != nil {
		t.Fatal(err)
	}
	now := func() time.Time { return epoch }
	st, err := sqlite.Open(filepath.Join(t.TempDir(), "callbox.db"), ring, now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	im, err := world.New(world.Config{Store: st, Layer: counties, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return &bench{t, st, im}
}

func (b *bench) run(text string, opt world.Options) (world.Report, error) {
	return b.im.Import(b.t.Context(), "test", "world.yaml", []byte(text), opt)
}

func (b *bench) must(text string) world.Report {
	b.t.Helper()
	rep, err := b.run(text, world.Options{})
	if err != nil {
		b.t.Fatalf("import: %v", err)
	}
	return rep
}

// stored lists everything as kind, key and version.
func (b *bench) stored() []string {
	b.t.Helper()
	all, err := b.st.All(context.Background())
	if err != nil {
		b.t.Fatal(err)
	}
	var lines []string
	err = b.st.Read(context.Background(), func(r admin.Reader) error {
		for _, row := range all.Rows {
			o, err := r.Get(context.Background(), row.Ref)
			if err != nil {
				return err
			}
			lines = append(lines, fmt.Sprintf("%s %s %s v%d", row.Ref.Kind, admin.KeyOf(o.Value), o.Ref.ID, o.Version))
		}
		return nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
	slices.Sort(lines)
	return lines
}

func harbor() string { return string(examples.Harbor()) }

// edit replaces the first occurrence of old, which must be there.
func edit(t testing.TB, text, old, with string) string {
	t.Helper()
	if !strings.Contains(text, old) {
		t.Fatalf("the example has no %q", old)
	}
	return strings.Replace(text, old, with, 1)
}

// The example is whole, and importing it again changes nothing, not even a
// version.
// Proves: E15, D-10
func TestImportTwiceChangesNothing(t *testing.T) {
	b := newBench(t)
	first := b.must(harbor())
	if len(first.Warnings) != 0 {
		t.Errorf("warnings of the example: %v", first.Warnings)
	}
	before, err := b.st.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	stored := b.stored()
	second := b.must(harbor())
	if second.Changes() != 0 || len(second.Deleted) != 0 {
		t.Errorf("the second import reports %+v, want no change", second)
	}
	if diff := cmp.Diff(stored, b.stored()); diff != "" {
		t.Errorf("the second import changed something:\n%s", diff)
	}
	if after, _ := b.st.Head(t.Context()); after != before {
		t.Errorf("the second import left changes to publish: %+v, then %+v", before, after)
	}
	made, unchanged := 0, 0
	for _, c := range first.Counts {
		made += c.Created
	}
	for _, c := range second.Counts {
		unchanged += c.Unchanged
	}
	if made != unchanged+1 || made < 40 { // the token key is not in the file
		t.Errorf("created %d, unchanged %d", made, unchanged)
	}
}

// The shape of the issue, word for word, is accepted.
// Proves: E15, D-10
func TestTheShapeOfTheIssue(t *testing.T) {
	b := newBench(t)
	rep := b.must(issueShape)
	var codes []string
	for _, w := range rep.Warnings {
		codes = append(codes, w.Path+" "+w.Code)
	}
	want := []string{
		"organisations[0].held.secrets[0] range", "organisations[0].sites[0].ecbn range", "organisations[0].sites[0].alerts[0].webhook[0].secret range",
	}
	if diff := cmp.Diff(want, codes); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
	// Without quotes, and with addresses alone.
	other := strings.NewReplacer(`"911"`, "911", `"25017"`, "25017", `"+16175550100"`, "+16175550100", `"02139"`, "02139", "/32]", "]").Replace(issueShape)
	if rep := b.must(other); rep.Changes() != 0 {
		t.Errorf("the same without quotes changes %+v", rep.Counts)
	}
}

const issueShape = `
world:
  models:  [{key: demo-phone, held: true}]                  # unknown model: HELD-capable once it asked HELD
  trunks:
    - {key: carrier-a, side: carrier, kind: provider, profile: carrier, to: "sip:psap@127.0.0.21:5071;transport=tcp", from: [127.0.0.21/32], dr_from: []}
    - {key: carrier-b, side: carrier, kind: provider, profile: carrier, to: "sip:psap@127.0.0.22:5071;transport=tcp", from: [127.0.0.22/32], dr_from: []}
    - {key: ecrc-a,    side: relay,   kind: provider, profile: carrier, to: "sip:ecrc@127.0.0.23:5071;transport=tcp", from: [127.0.0.23/32], dr_from: []}
  psaps:   [{key: psap-middlesex, name: "Middlesex (demonstration)", boundary: {us_county: "25017"}, routes: [{trunk: carrier-a}, {trunk: carrier-b}]}]
  relay:   {key: ecrc, name: "Relay centre (demonstration)", routes: [{trunk: ecrc-a}]}
organisations:
  - key: harbor
    name: Harbor Foods
    demonstration: true
    held: {company_id: 7c0e..., secrets: ["..."], trusted: [127.0.0.11/32]}
    public_ranges: [203.0.113.0/24]
    bssid_masking: [{oui: "00:11:22", digits: 1}]            # default none (F-19)
    did_fallback: false                                      # W-51
    trunks: [{key: pbx, side: platform, from: [127.0.0.11/32], dr_from: [], identity_header: E911-User-ID}]
    sites:
      - key: hq
        zone: America/New_York
        mode: dynamic                                        # dynamic | tn, default dynamic
        stage: "911"                                         # none | 933 | 911, default none
        ecbn: "+16175550100"
        buildings:
          - key: mill-1
            name: Mill 1
            address: {country: US, A1: MA, A2: Middlesex County, A3: Cambridge, HNO: "795", RD: Massachusetts, STS: Avenue, PC: "02139", point: [42.36684, -71.10565]}
            locations:
              - {key: mill-1-f2-210, FLR: "2", ROOM: "210", network: [{bssid: "00:11:22:33:44:50"}, {lldp: {chassis: "0c:75:bd:00:00:01", port: Gi1/0/7}}, {ip: 127.0.2.0/24}]}
        users:   [{key: agent-4711, name: Front desk, email: front-desk@harbor.example, device_user_id: agent4711, callback: "+16175550111"}]
        devices: [{key: sep001122aabbcc, mac: "00:11:22:aa:bb:cc", user: agent-4711, model: demo-phone}]
        numbers: [{number: "+16175550111", user: agent-4711, location: mill-1-f2-210}]
        alerts:  [{key: desk, on: [emergency, test], mail: [security@harbor.example], webhook: [{url: "http://127.0.0.1:5090/hook", secret: "..."}]}]
`

// What the file no longer names is deleted and listed, ids stay, and other
// organisations and the token key are not touched.
// Proves: E14, E15
func TestTheFileIsTheWholeTruth(t *testing.T) {
	b := newBench(t)
	b.must(harbor())
	other := `
organisations:
  - key: quay
    sites:
      - {key: hq, zone: America/Chicago, ecbn: "+13125550100", devices: [{key: phone, model: demo-phone}]}
`
	other = strings.ReplaceAll(other, "5550100", "4440100") // no film number: quay is no demonstration
	if rep := b.must(other); rep.Changes() != 3 || len(rep.Deleted) != 0 {
		t.Errorf("a second organisation: %+v, want three objects made", rep)
	}
	quay := slices.DeleteFunc(b.stored(), func(l string) bool { return !strings.Contains(l, "phone") || !strings.HasPrefix(l, "device") })

	text := edit(t, harbor(), "          - {key: agent-4712, name: Quality lab, email: lab@harbor.example, device_user_id: agent4712, callback: \"+16175550112\"}\n", "")
	text = edit(t, text, ", user: agent-4712, model: demo-phone}", ", model: demo-phone}")
	text = edit(t, text, "user: agent-4712, location: mill-1-f2-220", "location: mill-1-f2-220")
	text = edit(t, text, "                  - {bssid: \"00:11:22:33:44:60\"}\n", "")
	text = edit(t, text, "name: Mill 2", "name: The other mill")
	plan, err := b.run(text, world.Options{DryRun: true})
	if err != nil {
		t.Fatalf("dry run: %v", err)
	}
	before := b.stored()
	if plan.Changes() != 5 || !plan.DryRun {
		t.Errorf("dry run = %+v, want 5 changes", plan)
	}
	rep := b.must(text)
	want := []world.Named{
		{Kind: e911.KindElement, Org: "harbor", Key: "bssid 00:11:22:33:44:60"},
		{Kind: e911.KindUser, Org: "harbor", Key: "agent-4712"},
	}
	if diff := cmp.Diff(want, rep.Deleted); diff != "" {
		t.Errorf("deleted (-want +got):\n%s", diff)
	}
	if rep.Applied == "" || plan.Applied != "" {
		t.Errorf("applied set %q after the import, %q after the dry run", rep.Applied, plan.Applied)
	}
	plan.DryRun, plan.Applied = false, rep.Applied
	if diff := cmp.Diff(plan, rep); diff != "" {
		t.Errorf("the dry run said something else:\n%s", diff)
	}
	changed := 0
	after := b.stored()
	for _, line := range after {
		if !slices.Contains(before, line) {
			changed++
			if id, _, _ := strings.Cut(line, " v"); !slices.ContainsFunc(before, func(l string) bool { return strings.HasPrefix(l, id+" v") }) {
				t.Errorf("%s has a new id", line)
			}
		}
	}
	if changed != 3 || len(after) != len(before)-2 {
		t.Errorf("%d objects changed, %d are there, want 3 and %d", changed, len(after), len(before)-2)
	}
	for _, line := range quay {
		if !slices.Contains(after, line) {
			t.Errorf("the other organisation lost %s", line)
		}
	}
	// A model that somebody else's device has cannot go.
	_, err = b.run(edit(t, strings.ReplaceAll(text, ", model: demo-phone}", "}"), "    - {key: demo-phone, held: true} # asks the location server itself\n", ""), world.Options{})
	if f := faultAt(err, "world.models"); f == nil || f.Code != check.Forbidden {
		t.Errorf("a model in use elsewhere was deleted: %v", err)
	}
}

// Whatever is wrong with a file, nothing of it is applied.
// Proves: E15
func TestABadFileChangesNothing(t *testing.T) {
	b := newBench(t)
	b.must(harbor())
	before := b.stored()
	text := strings.ReplaceAll(harbor(), "Front desk", "Reception") // a good change
	text = edit(t, text, "zone: America/New_York", "zone: America/Nowhere")
	_, err := b.run(text, world.Options{})
	if e911.KindOf(err) != e911.Invalid {
		t.Fatalf("error = %v, want kind invalid", err)
	}
	if diff := cmp.Diff(before, b.stored()); diff != "" {
		t.Errorf("the refused file changed something:\n%s", diff)
	}
	empty := newBench(t)
	if _, err := empty.run(text, world.Options{}); err == nil {
		t.Fatal("the bad file was taken")
	}
	if lines := empty.stored(); len(lines) != 0 {
		t.Errorf("the refused file left %v", lines)
	}
}

// Every fault of a file is told at once, in order of lines.
// Proves: E15
func TestAllFaultsAtOnce(t *testing.T) {
	b := newBench(t)
	text := edit(t, harbor(), "zone: America/New_York", "zone: America/Nowhere")
	text = edit(t, text, "profile: carrier", "profile: fancy")
	text = edit(t, text, "us_county: \"25025\"", "us_county: \"99999\"")
	text = edit(t, text, "mobility: fixed", "mobility: portable")
	text = edit(t, text, "user: agent-4801, location", "usr: agent-4801, location")
	_, err := b.run(text, world.Options{})
	var got []string
	row := 0
	for _, f := range e911.FaultsOf(err) {
		got = append(got, f.Path)
		if f.Row < row {
			t.Errorf("line %d comes after line %d", f.Row, row)
		}
		row = f.Row
	}
	want := []string{
		"world.trunks[0].profile", "world.psaps[1].boundary.us_county", "organisations[0].sites[0].zone",
		"organisations[0].sites[0].buildings[1].locations[0].network[0].mobility", "organisations[0].sites[1].numbers[0].usr",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
}

func faultAt(err error, path string) *e911.Fault {
	for _, f := range e911.FaultsOf(err) {
		if f.Path == path {
			return &f
		}
	}
	return nil
}

// An address that another organisation's trunk sends from is refused without
// a word of whose it is.
// Proves: D-07, E14
func TestSourcesAreUniqueOverAllOrganisations(t *testing.T) {
	b := newBench(t)
	b.must(harbor())
	_, err := b.run(`
organisations:
  - key: quay
    trunks: [{key: sbc, side: platform, from: [127.0.0.8/29], dr_from: []}]
`, world.Options{})
	f := faultAt(err, "organisations[0].trunks[0].from[0]")
	if f == nil || f.Code != check.Duplicate {
		t.Fatalf("error = %v, want the shared address refused", err)
	}
	if strings.Contains(f.String(), "harbor") || strings.Contains(f.String(), "pbx") {
		t.Errorf("the fault tells of another organisation: %s", f)
	}
}

// Proves: F-23, E12
func TestADemonstrationStaysOnThisMachine(t *testing.T) {
	b := newBench(t)
	b.must(harbor())
	real := `
organisations:
  - key: quay
    sites:
      - {key: hq, zone: America/Chicago, ecbn: "+13124440100", stage: %q, buildings: [{key: one, name: One, address: {country: US, A1: MA,
          A2: Middlesex County, A3: Cambridge, HNO: "795", RD: Massachusetts, STS: Avenue, PC: "02139", point: [42.36684, -71.10565]}}]}
`
	if _, err := b.run(fmt.Sprintf(real, "911"), world.Options{}); faultAt(err, "organisations[0].sites[0].stage") == nil {
		t.Errorf("stage 911 with a demonstration layer: %v", err)
	}
	for _, stage := range []string{"none", "933"} {
		b.must(fmt.Sprintf(real, stage))
	}
	// Neither the mark nor the layer can slip in or out behind a site's back.
	if _, err := b.run(edit(t, harbor(), "demonstration: true", "demonstration: false"), world.Options{}); faultAt(err, "organisations[0].demonstration") == nil {
		t.Errorf("the mark was taken away: %v", err)
	}
	other := newBench(t)
	other.must(`
world:
  trunks: [{key: ecrc-a, side: relay, kind: provider, profile: carrier, to: "sip:ecrc@198.51.100.9", from: [198.51.100.9], dr_from: []}]
  relay: {key: ecrc, name: Relay, routes: [{trunk: ecrc-a}]}
organisations: [{key: quay, sites: [{key: hq, zone: America/Chicago, ecbn: "+13124440100", stage: 911}]}]
`)
	_, err := other.run(harbor(), world.Options{})
	if f := faultAt(err, "world.psaps[0].boundary.us_county"); f == nil || f.Code != check.Forbidden {
		t.Errorf("a demonstration layer came to a real site: %v", err)
	}
	orgOnly := harbor()[strings.Index(harbor(), "organisations:"):]
	_, err = other.run(orgOnly, world.Options{})
	if f := faultAt(err, "organisations[0].demonstration"); f == nil {
		t.Errorf("a demonstration was let near a real relay centre: %v", err)
	}
}

// Proves: E15
func TestTheSizeIsLimited(t *testing.T) {
	b := newBench(t)
	_, err := b.run(strings.Repeat("# long\n", world.MaxSize/7+1), world.Options{})
	if f := faultAt(err, ""); f == nil || f.Code != "size" || f.File != "world.yaml" {
		t.Errorf("error = %v", err)
	}
}

// A world of many places is checked in time that grows with it, not with its
// square, and one that is wrong all over is answered in bounds.
// Proves: E15, W-16
func TestALargeWorld(t *testing.T) {
	b := newBench(t)
	var s strings.Builder
	s.WriteString(harbor()[:strings.Index(harbor(), "organisations:")])
	s.WriteString("organisations:\n  - key: campus\n    demonstration: true\n    bssid_masking: [{oui: \"00:11:22\", digits: 1}]\n    sites:\n      - key: hq\n        zone: America/New_York\n        buildings:\n")
	s.WriteString("          - {key: b, name: B, address: {country: US, A1: MA, A3: Cambridge, HNO: 1, RD: Main, PC: 02139}, locations: [\n")
	const places = 1500
	for i := range places {
		fmt.Fprintf(&s, "            {key: l%d, ROOM: \"%d\", network: [{bssid: \"00:11:22:%02x:%02x:00\"}, {lldp: {chassis: \"0c:75:bd:00:%02x:%02x\", port: p%d}}]},\n",
			i, i, i>>8, i&255, i>>8, i&255, i)
	}
	s.WriteString("          ]}\n")
	rep := b.must(s.String())
	if rep.Changes() != 3*places+12 {
		t.Errorf("changes = %d: %+v", rep.Changes(), rep.Counts)
	}
	if rep := b.must(s.String()); rep.Changes() != 0 {
		t.Errorf("a second time: %+v", rep.Counts)
	}
	_, err := b.run(strings.ReplaceAll(s.String(), "0c:75:bd", "0e:75:bd"), world.Options{})
	faults := e911.FaultsOf(err)
	if len(faults) != 501 || faults[500].Code != "more" || !strings.Contains(faults[500].Msg, "1000") {
		t.Errorf("%d faults, the last %+v; want 500 and the number of the others", len(faults), faults[max(len(faults)-1, 0):])
	}
}
