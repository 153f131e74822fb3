package sheet_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/change"
	"github.com/callbox911/callbox/internal/admin/sheet"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/seal"
	"github.com/callbox911/callbox/internal/store/sqlite"
)

// harbor is what every test begins with: an organisation with a site, a building,
// two locations, two users, their lines and telephones, and an alert rule.
func harbor() []any {
	return []any{
		e911.Org{ID: "o", Key: "harbor", Name: "Harbor", Demonstration: true, SIPDomain: "sip.example.com", PublicRanges: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}},
		e911.Site{ID: "s", Org: "o", Key: "hq", Name: "HQ", Zone: "America/New_York", Mode: e911.ModeDynamic, Stage: e911.StageNone, ECBN: "+16172530100"},
		e911.Site{ID: "s2", Org: "o", Key: "annex", Name: "Annex", Zone: "America/New_York", Mode: e911.ModeDynamic, Stage: e911.StageNone, ECBN: "+16172530100"},
		e911.Building{ID: "b", Org: "o", Site: "s", Key: "mill", Name: "Old Mill", Address: e911.Civic{
			Country: "US", A1: "MA", A2: "Middlesex County", A3: "Cambridge", RD: "Massachusetts", STS: "Avenue", HNO: "795", PC: "02139",
		}, Point: &e911.Point{Lat: 42.36684, Lon: -71.10565}},
		e911.Location{ID: "l1", Org: "o", Building: "b", Key: "mill-1", Detail: e911.Civic{FLR: "1"}},
		e911.Location{ID: "l2", Org: "o", Building: "b", Key: "mill-2", Detail: e911.Civic{FLR: "2", ROOM: "1-2"}},
		e911.Element{ID: "e1", Org: "o", Location: "l1", Kind: e911.ElementBSSID, MAC: "00:11:22:33:44:50"},
		e911.Element{ID: "e2", Org: "o", Location: "l2", Kind: e911.ElementLLDPPort, LLDP: e911.LLDPPort{Chassis: "0c:75:bd:00:00:01", Port: "1/2"}},
		e911.User{ID: "u1", Org: "o", Site: "s", Key: "ann", Name: "Ann Carter", Email: "ann@example.com", DeviceUserID: "00123", Callback: "+16172530101"},
		e911.User{ID: "u2", Org: "o", Site: "s", Key: "bob", Name: "=cmd|' /C calc'!A0", Email: "bob@example.com"},
		e911.Device{ID: "d1", Org: "o", Site: "s", Key: "phone-1", MAC: "00:1b:54:aa:bb:cc", User: "u1", SIP: &e911.SIPAccount{User: "4101", Secret: "a-secret-of-sixteen"}},
		e911.NumberRec{ID: "n1", Org: "o", Site: "s", Number: "+16172530101", User: "u1", Location: "l1"},
		e911.NumberRec{ID: "n2", Org: "o", Site: "s", Number: "+16172530102"},
		e911.Alert{ID: "a1", Org: "o", Site: "s", Key: "desk", On: []e911.AlertOn{e911.AlertTest, e911.AlertEmergency}, Mail: []string{"desk@example.com", "ann@example.com"}, Webhook: []e911.Webhook{{URL: "https://hooks.example.com/a;b", Secret: "another-secret-here"}}},
	}
}

func open(t testing.TB, values ...any) *sqlite.Store {
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
	err = st.Write(t.Context(), "test", func(w admin.Writer) error {
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
	return st
}

func read(t testing.TB, name, text string) sheet.Table {
	t.Helper()
	tables, err := sheet.Read(name, strings.NewReader(text), -1)
	if err != nil {
		t.Fatalf("read: %v", err)
	}
	return tables[0]
}

func imports(t testing.TB, st admin.Store, o sheet.Options, table sheet.Table) (set change.Set, rep sheet.Report, err error) {
	t.Helper()
	o.Org = "o"
	readErr := st.Read(t.Context(), func(r admin.Reader) error {
		set, rep, err = sheet.Import(t.Context(), r, o, table)
		return nil
	})
	if readErr != nil {
		t.Fatal(readErr)
	}
	return set, rep, err
}

func steps(s change.Set) []string {
	var out []string
	for _, st := range s.Steps {
		out = append(out, fmt.Sprintf("%s %s %s v%d row %d", st.Verb, st.Ref.Kind, st.Key, st.Version, st.From.Row))
	}
	return out
}

func told(list []e911.Fault) []string {
	var out []string
	for _, f := range list {
		out = append(out, fmt.Sprintf("%d:%d %s %s", f.Row, f.Col, f.Path, f.Code))
	}
	return out
}

// Proves: C-62, W-46: export, then import: nothing changes, in either format and mode.
func TestWhatIsExportedComesBackUnchanged(t *testing.T) {
	st := open(t, harbor()...)
	for _, kind := range sheet.Kinds() {
		var table sheet.Table
		err := st.Read(t.Context(), func(r admin.Reader) (err error) {
			table, err = sheet.Export(t.Context(), r, "o", kind)
			return err
		})
		if err != nil || len(table.Rows) == 0 {
			t.Fatalf("%s: %v", kind, err)
		}
		for _, f := range []sheet.Format{sheet.CSV, sheet.XLSX} {
			var b bytes.Buffer
			if err := sheet.Write(&b, f, kind, table); err != nil {
				t.Fatal(err)
			}
			back, err := sheet.Read("x."+string(f), &b, -1)
			if err != nil || len(back) != 1 {
				t.Fatalf("%s %s: %d tables, %v", kind, f, len(back), err)
			}
			pad(&back[0])
			if d := cmp.Diff(table.Rows, back[0].Rows); d != "" || !slices.Equal(table.Header, back[0].Header) {
				t.Errorf("%s %s: %s", kind, f, d)
			}
			for _, m := range []sheet.Mode{sheet.Add, sheet.Replace} {
				set, rep, err := imports(t, st, sheet.Options{Kind: kind, Mode: m, Whole: true}, back[0])
				if err != nil || len(set.Steps) > 0 || len(rep.Faults) > 0 || rep.Same != len(table.Rows) {
					t.Errorf("%s %s %s: %v, steps %v, faults %v", kind, f, m, err, steps(set), rep.Faults)
				}
			}
		}
	}
}

// pad gives short rows their empty cells back.
func pad(t *sheet.Table) {
	for i := range t.Rows {
		for len(t.Rows[i]) < len(t.Header) {
			t.Rows[i] = append(t.Rows[i], "")
		}
	}
}

// Proves: N-18: a template is the importer's own columns, and its example does nothing.
func TestATemplateIsReadAndDoesNothing(t *testing.T) {
	st := open(t, harbor()...)
	for _, kind := range sheet.Kinds() {
		for _, f := range []sheet.Format{sheet.CSV, sheet.XLSX} {
			var b bytes.Buffer
			if err := sheet.Template(&b, f, kind); err != nil {
				t.Fatal(err)
			}
			tables, err := sheet.Read("t", &b, -1)
			if err != nil || len(tables) != 1 {
				t.Fatalf("%s %s: %v", kind, f, err)
			}
			set, rep, err := imports(t, st, sheet.Options{Kind: kind}, tables[0])
			if err != nil || len(set.Steps)+len(rep.Faults)+len(rep.Ignored)+rep.Rows > 0 {
				t.Errorf("%s %s: %v %v %+v", kind, f, err, steps(set), rep)
			}
		}
	}
}
