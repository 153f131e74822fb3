package psapdir_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/psapdir"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/seal"
	"github.com/callbox911/callbox/internal/store/sqlite"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func open(t *testing.T) *sqlite.Store {
	t.Helper()
	dir := t.TempDir()
	ring, err := seal.LoadMaster(filepath.Join(dir, "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	st, err := sqlite.Open(filepath.Join(dir, "callbox.db"), ring, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return st
}

func do(t *testing.T, st admin.Store, text string, dry bool) (psapdir.Report, error) {
	t.Helper()
	return psapdir.Import(t.Context(), st, "test", psapdir.File{Name: "psaps.csv", Text: strings.NewReader(text)}, psapdir.Options{DryRun: dry, Now: now})
}

func must(t *testing.T, st admin.Store, text string) psapdir.Report {
	t.Helper()
	r, err := do(t, st, text, false)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func psaps(t *testing.T, st admin.Store) map[string]e911.PSAP {
	t.Helper()
	out := map[string]e911.PSAP{}
	err := st.Read(t.Context(), func(r admin.Reader) error {
		q := admin.Query{Kind: e911.KindPSAP}
		for {
			page, err := r.List(t.Context(), q)
			if err != nil {
				return err
			}
			for _, o := range page {
				p := o.Value.(e911.PSAP)
				out[p.Key] = p
			}
			if len(page) < admin.MaxPage {
				return nil
			}
			q.After = page[len(page)-1].Ref.ID
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Proves: F-39 (3), E15: the whole registry comes in, and again changes nothing.
func TestTheWholeRegistryComesInAtOnce(t *testing.T) {
	dir := os.Getenv("CALLBOX_SHARED")
	if dir == "" {
		dir = "../../../../shared"
	}
	text, err := os.ReadFile(filepath.Join(dir, "data/fcc-psap-registry/fcc_master_psap_registry_v2.295.csv"))
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("the FCC's registry is not there: set CALLBOX_SHARED")
	}
	if err != nil {
		t.Fatal(err)
	}
	st := open(t)
	r := must(t, st, string(text))
	if r.Rows != 8913 || r.Added != 8913 || len(r.Refused) > 0 || r.Form != psapdir.Registry {
		t.Fatalf("%d rows, %d added, refused %v", r.Rows, r.Added, r.Refused)
	}
	want := map[string]int{e911.ListedOrphaned: 2370, e911.ListedSecondary: 672 + 70 + 58 + 15 + 3 + 2}
	want[e911.ListedPrimary] = 8913 - want[e911.ListedOrphaned] - want[e911.ListedSecondary]
	if diff := cmp.Diff(want, r.Kinds); diff != "" {
		t.Errorf("kinds (-want +got):\n%s", diff)
	}
	all := psaps(t, st)
	if p := all["fcc-3163"]; len(all) != 8913 || p.Name != "Cambridge Emergency Communications" || p.Listing.State != "MA" || p.Listing.Kind != e911.ListedPrimary {
		t.Errorf("%d PSAPs; Cambridge is %+v", len(all), p)
	}
	again := must(t, st, string(text))
	if again.Unchanged != 8913 || again.Added+again.Changed+again.Gone != 0 {
		t.Errorf("a second import changed: %d added, %d changed, %d gone", again.Added, again.Changed, again.Gone)
	}
}

const registry = `psap_id,psap_name,state,county,city,change_type,comments,date_last_modified
3163,Cambridge Emergency Communications,MA,Middlesex,Cambridge,M,,2006-03-31
3157,Cambridge Police Department,MA,Middlesex,Cambridge,O,,2008-01-09
3200,Somerville,MA,Middlesex,Somerville,"M, S",,2026-02-01
`

// Proves: F-39 (3): a registry never touches what was configured; what it drops
// is kept and marked.
func TestARegistryNeverTouchesWhatWasConfigured(t *testing.T) {
	st := open(t)
	carrier := e911.Trunk{ID: e911.NewID[e911.TrunkID](), Key: "carrier", Side: e911.SideCarrier, Kind: e911.RouteProvider, Profile: e911.ProfileCarrier, To: "sip:psap@127.0.0.21:5071"}
	own := e911.PSAP{
		ID: e911.NewID[e911.PSAPID](), Key: "cambridge", Name: "Cambridge ECC", Routes: []e911.TrunkID{carrier.ID}, Line: "+16173493300",
		Features: []string{"P1@cambridgema.gov"}, Agency: "cambridgema.gov", Listing: e911.PSAPListing{Registry: "3163", LineChecked: now},
	}
	err := st.Write(t.Context(), "test", func(w admin.Writer) error {
		for _, v := range []any{carrier, own} {
			if _, err := w.Create(t.Context(), v); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	r := must(t, st, registry)
	if r.Added != 2 || r.Changed != 1 || len(r.Warnings) != 1 || r.AsOf.Format(time.DateOnly) != "2026-02-01" {
		t.Errorf("report %+v", r)
	}
	all := psaps(t, st)
	want := own
	want.Listing = e911.PSAPListing{Registry: "3163", Kind: "primary", City: "Cambridge", County: "Middlesex", State: "MA", LineChecked: now, AsOf: r.AsOf}
	if diff := cmp.Diff(want, all["cambridge"]); diff != "" {
		t.Errorf("what was configured changed (-want +got):\n%s", diff)
	}
	if k := all["fcc-3200"].Listing.Kind; k != e911.ListedSecondary {
		t.Errorf("Somerville is %s", k)
	}
	must(t, st, "key,line,line_checked\nfcc-3200,617 625 1212,2026-02-20\n")
	less := must(t, st, strings.Replace(registry, "3157,Cambridge Police", "3158,Cambridge Police", 1))
	if less.Gone != 1 || less.Added != 1 {
		t.Errorf("gone %d, added %d", less.Gone, less.Added)
	}
	all = psaps(t, st)
	if p := all["fcc-3157"]; p.Listing.Kind != e911.ListedGone || p.Name == "" {
		t.Errorf("what the registry dropped is %+v", p)
	}
	if p := all["fcc-3200"]; p.Line != "+16176251212" || p.Listing.LineChecked.IsZero() {
		t.Errorf("the line of Somerville was touched: %+v", p)
	}
	// A row that cannot be read any more is not gone.
	broken := must(t, st, strings.Replace(registry, "Somerville,MA", "Somerville,XX", 1))
	if len(broken.Refused) != 1 || broken.Gone != 1 || psaps(t, st)["fcc-3200"].Listing.Kind != e911.ListedSecondary {
		t.Errorf("refused %v, gone %d", broken.Refused, broken.Gone)
	}
	if f := broken.Refused[0]; f.Row != 4 || f.Path != "state" || f.Col != 3 || f.Code != "unknown" || f.Fix == "" {
		t.Errorf("fault %+v", f)
	}
}

// Proves: F-39 (3): a wrong line is worse than none, so a file of lines is taken
// whole or not at all.
func TestAFileOfLinesIsTakenWholeOrNotAtAll(t *testing.T) {
	st := open(t)
	must(t, st, registry)
	for _, c := range []struct{ name, text, column, code string }{
		{"a PSAP that is not there", "key,line\nfcc-3163,6173493300\nfcc-9,6173493301\n", "key", "unknown"},
		{"a number that is none", "key,line\nfcc-3163,call us\n", "line", "syntax"},
		{"911 is no ten-digit line", "key,line\nfcc-3163,911\n", "line", "syntax"},
		{"a toll-free line", "key,line\nfcc-3163,8005551234\n", "line", "forbidden"},
		{"a day that has not come", "key,line,line_checked\nfcc-3163,6173493300,2027-01-01\n", "line_checked", "range"},
		{"a date that is none", "key,line,line_checked\nfcc-3163,6173493300,yesterday\n", "line_checked", "syntax"},
		{"a date without a line", "key,line,line_checked\nfcc-3163,,2026-01-01\n", "line_checked", "forbidden"},
		{"the same PSAP twice", "key,line\nfcc-3163,6173493300\nfcc-3163,6173493301\n", "key", "duplicate"},
		{"a row for nobody", "key,line\n,6173493300\n", "key", "required"},
		{"an unknown column", "key,line,phone\nfcc-3163,6173493300,\n", "phone", "unknown_key"},
		{"a column twice", "key,line,line\nfcc-3163,6173493300,\n", "line", "duplicate"},
		{"nothing but names", "key\nfcc-3163\n", "line", "required"},
		{"no rows", "key,line\n", "", "required"},
		{"another table", "a,b\n1,2\n", "", "required"},
		{"no table", "", "", "csv"},
		{"a quotation mark that is not closed", "key,line\n\"fcc-3163,6173493300\n", "", "csv"},
		{"an agency that is no domain", "key,agency\nfcc-3163,Cambridge PD\n", "agency", "syntax"},
		{"a line that the screen cannot show", "key,agency\nfcc-3163,a\u0007.gov\n", "agency", "syntax"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := do(t, st, c.text, false)
			faults := e911.FaultsOf(err)
			if e911.KindOf(err) != e911.Invalid || len(faults) == 0 {
				t.Fatalf("error %v", err)
			}
			if f := faults[0]; f.Path != c.column || f.Code != c.code || f.Row == 0 || f.Col == 0 {
				t.Errorf("fault %+v, want %s %s", f, c.column, c.code)
			}
		})
	}
	for _, p := range psaps(t, st) {
		if p.Line != "" || p.Agency != "" {
			t.Errorf("%s was changed by a file that was refused", p.Key)
		}
	}
	dry, err := do(t, st, "registry,line,line_checked,agency,features\n3163,617-349-3300,2026-01-05,cambridgema.gov,P1@x.gov; P2@x.gov\n", true)
	if err != nil || dry.Changed != 1 || psaps(t, st)["fcc-3163"].Line != "" {
		t.Fatalf("dry run: %+v, %v", dry, err)
	}
	must(t, st, "\ufeffregistry,line,line_checked,agency,features\n3163,617-349-3300,2026-01-05,cambridgema.gov,P1@x.gov; P2@x.gov\n")
	p := psaps(t, st)["fcc-3163"]
	if p.Line != "+16173493300" || p.Agency != "cambridgema.gov" || len(p.Features) != 2 || p.Listing.LineChecked.Format(time.DateOnly) != "2026-01-05" {
		t.Errorf("Cambridge is %+v", p)
	}
	// Another line was not checked yet.
	must(t, st, "registry,line\n3163,617-349-3301\n")
	if p := psaps(t, st)["fcc-3163"]; !p.Listing.LineChecked.IsZero() || len(p.Features) != 2 {
		t.Errorf("after a new line: %+v", p)
	}
	if _, err := do(t, st, "registry,features\n3200,P1@x.gov\n", false); e911.KindOf(err) != e911.Invalid {
		t.Errorf("a boundary of another PSAP: %v", err)
	}
}

// FuzzImport feeds arbitrary files: nothing panics, and what is refused changes
// nothing.
func FuzzImport(f *testing.F) {
	f.Add(registry)
	f.Add("key,line\nfcc-1,6173493300\n")
	f.Add("psap_id,psap_name,state\n\"1,\n")
	f.Fuzz(func(t *testing.T, text string) {
		_, err := psapdir.Import(t.Context(), empty{}, "fuzz", psapdir.File{Name: "f.csv", Text: strings.NewReader(text)}, psapdir.Options{DryRun: true, Now: now})
		if err != nil && e911.KindOf(err) != e911.Invalid {
			t.Fatalf("kind %s: %v", e911.KindOf(err), err)
		}
		for _, x := range e911.FaultsOf(err) {
			if x.Row == 0 || x.Msg == "" || x.Fix == "" {
				t.Fatalf("fault %+v", x)
			}
		}
	})
}

// empty is a store in which nothing is.
type empty struct{ admin.Reader }

func (empty) Read(_ context.Context, do func(admin.Reader) error) error { return do(empty{}) }
func (empty) Write(context.Context, admin.Actor, func(admin.Writer) error) error {
	return fmt.Errorf("nobody writes here")
}
func (empty) List(context.Context, admin.Query) ([]admin.Object, error) { return nil, nil }
func (empty) Orgs(context.Context) ([]e911.Org, error)                  { return nil, nil }
