package netimport_test

import (
	"context"
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/netimport"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/seal"
	"github.com/callbox911/callbox/internal/store/sqlite"
)

// house is a store with one organisation of three locations: mill-1, mill-2,
// quay-1.
func house(t testing.TB) *sqlite.Store {
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
	org := e911.Org{ID: "o", Key: "harbor", Name: "Harbor", PublicRanges: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}}
	values := []any{
		org,
		e911.Site{ID: "s", Org: "o", Key: "hq", Name: "HQ", Zone: "America/New_York", Mode: e911.ModeDynamic, Stage: e911.StageNone},
		e911.Building{ID: "b", Org: "o", Site: "s", Key: "mill", Name: "Mill"},
		e911.Device{ID: "d", Org: "o", Site: "s", Key: "sep1", MAC: "00:11:22:aa:bb:cc"},
	}
	for _, key := range []string{"mill-1", "mill-2", "quay-1"} {
		values = append(values, e911.Location{ID: e911.LocationID(key + "-id"), Org: "o", Building: "b", Key: key})
	}
	err = st.Write(t.Context(), "test", func(w admin.Writer) error {
		for _, v := range values {
			if _, err := w.Create(t.Context(), v); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func imports(t testing.TB, st admin.Store, text string, opt netimport.Options) (netimport.Report, error) {
	t.Helper()
	opt.Org = "harbor"
	return netimport.Import(context.Background(), st, "test", "map.csv", strings.NewReader(text), opt)
}

func stored(t testing.TB, st admin.Store) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := st.Read(t.Context(), func(r admin.Reader) error {
		q := admin.Query{Kind: e911.KindElement, Org: "o"}
		for {
			page, err := r.List(t.Context(), q)
			if err != nil {
				return err
			}
			for _, o := range page {
				out[admin.KeyOf(o.Value)] = strings.TrimSuffix(string(o.Value.(e911.Element).Location), "-id")
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

func told(err error) string {
	var lines []string
	for _, f := range e911.FaultsOf(err) {
		lines = append(lines, fmt.Sprintf("%d:%d %s %s", f.Row, f.Col, f.Path, f.Code))
	}
	return strings.Join(lines, "\n")
}

const all = `kind,mac,mac_to,chassis,port,range,name,mobility,location
bssid,001122334450,,,,,,,mill-1
BSSID,0011.2233.4500,00-11-22-33-45-ff,,,,,,mill-1
lldp_port,,,0C75.BD00.0001,"Slot 1, Port 7",,,,mill-1
lldp_ports,,,0c:75:bd:00:00:01,Gi1/0/[1-24],,,,mill-2
lldp_chassis,,,0c:75:bd:00:00:02,,,,,mill-2
mac,00:1b:54:00:00:2d,,,,,,dock,mill-1
gateway,00:1b:54:00:00:2e,,,,,,,mill-1
dect_base,,,,,,01 2345 6789,,mill-1
ap,,,,,,AP Mill 2,,mill-2
ata_port,00:1b:54:00:00:2f,,,,,FXS 1,,quay-1
ip,,,,,10.20.0.0/16,,,quay-1
ip,,,,,10.20.0.5 - 10.20.0.20,,,mill-1
vpn,,,,,10.8.0.0/16,,,
proxy,,,,,::ffff:198.51.100.7,,,
sase,,,,,2001:db8:1::/48,,,
ignore,02:42:00:00:00:00,02:42:ff:ff:ff:ff,,,,,,
`

// Proves: W-41, F-06, F-19, E15
func TestEveryKindComesInAndComingAgainChangesNothing(t *testing.T) {
	st := house(t)
	dry, err := imports(t, st, all, netimport.Options{DryRun: true})
	if err != nil || dry.Created != 16 || len(stored(t, st)) != 0 {
		t.Fatalf("dry run: %+v, %v %s", dry, err, told(err))
	}
	r, err := imports(t, st, all, netimport.Options{})
	if err != nil || r.Created != 16 || r.Changes() != 16 {
		t.Fatalf("%+v, %v", r, err)
	}
	got := stored(t, st)
	for key, place := range map[string]string{
		"bssid 00:11:22:33:44:50": "mill-1", `lldp "0c:75:bd:00:00:01" Slot 1, Port 7`: "mill-1", "dect_base 0123456789": "mill-1",
		"ip 10.20.0.5-10.20.0.20": "mill-1", "tunnel 198.51.100.7/32": "", "ignore 02:42:00:00:00:00-02:42:ff:ff:ff:ff": "",
	} {
		if have, ok := got[key]; !ok || have != place {
			t.Errorf("%s is at %q, %v; want %q", key, have, ok, place)
		}
	}
	for _, replace := range []bool{false, true} {
		if r, err = imports(t, st, all, netimport.Options{Replace: replace}); err != nil || r.Unchanged != 16 || r.Changes() != 0 {
			t.Errorf("again, replace %v: %+v, %v", replace, r, err)
		}
	}
}

// Proves: W-41, E15
func TestAFileReplacesTheMapOrOnlyAdds(t *testing.T) {
	st := house(t)
	if _, err := imports(t, st, all, netimport.Options{}); err != nil {
		t.Fatal(err)
	}
	other := "location;KIND;Mac\r\nquay-1;bssid;00:11:22:33:44:50\r\nmill-1;gateway;00:1b:54:00:00:2e\r\nmill-2;bssid;00:11:22:33:66:50\r\n"
	_, err := imports(t, st, "\ufeff"+other, netimport.Options{})
	if told(err) != "2:3 mac duplicate" || !strings.Contains(e911.FaultsOf(err)[0].Msg, "to mill-1, and here to quay-1") {
		t.Errorf("a row that would move an element: %v", err)
	}
	if len(stored(t, st)) != 16 {
		t.Error("half of it was applied")
	}
	r, err := imports(t, st, "\ufeff"+other, netimport.Options{Replace: true})
	if err != nil || r.Created != 1 || r.Moved != 1 || r.Deleted != 14 || r.Unchanged != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	got := stored(t, st)
	if len(got) != 3 || got["bssid 00:11:22:33:44:50"] != "quay-1" {
		t.Errorf("the map is %v", got)
	}
	if _, err := imports(t, st, "kind,mac\n", netimport.Options{Replace: true}); err == nil || len(stored(t, st)) != 3 {
		t.Errorf("an empty file deletes the map: %v", err)
	}
}

// Proves: F-19, F-06
func TestEveryBadRowIsToldWithItsPlace(t *testing.T) {
	head := "kind,mac,mac_to,chassis,port,range,name,mobility,location\n"
	for name, c := range map[string]struct{ text, want string }{
		"no file":                             {"", "1:1  csv"},
		"a spreadsheet":                       {"PK\x03\x04", "1:1  csv"},
		"UTF-16":                              {"\xff\xfek\x00", "1:1  csv"},
		"an unknown column":                   {"kind,floor\n", "1:2 floor unknown"},
		"a column twice":                      {"kind,mac,MAC\n", "1:3 mac duplicate"},
		"no kind":                             {"mac,location\n", "1:1 kind required"},
		"an unknown kind":                     {head + "beacon,,,,,,,,mill-1\n", "2:1 kind syntax"},
		"an unknown location":                 {head + "bssid,00:11:22:33:44:50,,,,,,,mill-9\n", "2:9 location unknown"},
		"no location":                         {head + "bssid,00:11:22:33:44:50,,,,,,,\n", "2:9 location required"},
		"a VPN with a location":               {head + "vpn,,,,,10.8.0.0/16,,,mill-1\n", "2:9 location forbidden"},
		"a spoiled MAC":                       {head + "bssid,1.12233E+09,,,,,,,mill-1\n", "2:2 mac syntax"},
		"a MAC whose zeros are gone":          {head + "bssid,1122334450,,,,,,,mill-1\n", "2:2 mac syntax"},
		"an RFPI whose zero is gone":          {head + "dect_base,,,,,,123456789,,mill-1\n", "2:7 name syntax"},
		"a port that became a date":           {head + "lldp_port,,,0c:75:bd:00:00:01,2-Jan,,,,mill-1\n", "2:5 port syntax"},
		"a locally administered access point": {head + "bssid,02:11:22:33:44:50,,,,,,,mill-1\n", "2:2 mac ambiguous"},
		"a zone":                              {head + "ip,,,,,fe80::1%eth0,,,mill-1\n", "2:6 range syntax"},
		"a phone as switch":                   {head + "lldp_chassis,,,00:11:22:aa:bb:cc,,,,,mill-1\n", "2:4 chassis ambiguous"},
		"patterns that overlap":               {head + "lldp_ports,,,0c:75:bd:00:00:01,Gi1/0/[1-9],,,,mill-1\nlldp_ports,,,0c:75:bd:00:00:01,Gi1/0/[5-12],,,,mill-2\n", "2:5 port ambiguous\n3:5 port ambiguous"},
		"BSSIDs that overlap":                 {head + "bssid,001122334400,001122334450,,,,,,mill-1\nbssid,001122334450,001122334460,,,,,,mill-2\n", "2:3 mac_to ambiguous\n3:3 mac_to ambiguous"},
		"ranges of one size that overlap":     {head + "ip,,,,,10.0.0.1-10.0.0.4,,,mill-1\nip,,,,,10.0.0.3-10.0.0.6,,,mill-2\n", "2:6 range ambiguous\n3:6 range ambiguous"},
		"a range that is a VPN's too":         {head + "vpn,,,,,10.8.0.0/16,,,\nip,,,,,10.8.0.0/16,,,mill-1\n", "3:6 range ambiguous"},
		"one access point on two floors":      {head + "bssid,00:11:22:33:44:50,,,,,,,mill-1\n\nbssid,00-11-22-33-44-50,,,,,,,mill-2\n", "4:2 mac duplicate"},
		"a quotation mark that is not closed": {head + "bssid,\"00:11:22:33:44:50,,,,,,,mill-1\n", "2:1  csv"},
		"a quotation mark in a field":         {head + "ap,,,,,,AP \"2\",,mill-1\nbssid,x,,,,,,,mill-1\n", "2:1  csv\n3:2 mac syntax"},
		"more fields than columns":            {head + "bssid,00:11:22:33:44:50,,,,,,,mill-1,x\n", "2:1  csv"},
		"no UTF-8":                            {head + "ap,,,,,,AP \xff,,mill-1\n", "2:7 name syntax"},
		"a field without end":                 {head + "ap,,,,,," + strings.Repeat("x", 5000) + ",,mill-1\n", "2:7 name range"},
	} {
		st := house(t)
		_, err := imports(t, st, c.text, netimport.Options{})
		if told(err) != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", name, told(err), c.want)
		}
		for _, f := range e911.FaultsOf(err) {
			if f.Msg == "" || f.Fix == "" || f.File != "map.csv" {
				t.Errorf("%s: %+v", name, f)
			}
		}
		if n := len(stored(t, st)); n != 0 {
			t.Errorf("%s: %d elements were stored", name, n)
		}
	}
}

// Proves: W-41, E15
func TestThreeBadRowsOfAHundredThousandAreNamedAndNothingIsApplied(t *testing.T) {
	rows := 100_000
	if testing.Short() {
		rows = 10_000
	}
	var b strings.Builder
	b.WriteString("kind,mac,location\n")
	for i := range rows {
		mac, place := fmt.Sprintf("001122%06x", i*16), "mill-1"
		switch i {
		case 10:
			mac = "02" + mac[2:]
		case rows / 2:
			place = "mill-7"
		case rows - 1:
			mac = fmt.Sprintf("001122%06x", 5*16)
			place = "mill-2"
		}
		fmt.Fprintf(&b, "bssid,%s,%s\n", mac, place)
	}
	st := house(t)
	_, err := imports(t, st, b.String(), netimport.Options{})
	want := fmt.Sprintf("12:2 mac ambiguous\n%d:3 location unknown\n%d:2 mac duplicate", rows/2+2, rows+1)
	if told(err) != want {
		t.Errorf("%s\nwant\n%s", told(err), want)
	}
	if f := e911.FaultsOf(err); len(f) == 3 && !strings.Contains(f[2].Msg, "row 7 already, at mill-1, and here at mill-2") {
		t.Errorf("the third says %q", f[2].Msg)
	}
	if n := len(stored(t, st)); n != 0 {
		t.Errorf("%d elements were stored", n)
	}
}

// Proves: W-41
func FuzzImport(f *testing.F) {
	f.Add(all)
	f.Add("kind;range;location\nip;10.0.0.1-10.0.0.9;mill-1\n")
	f.Add("\ufeffkind,mac\n\"bssid\",\"00")
	st := house(f)
	f.Fuzz(func(t *testing.T, text string) {
		r, err := netimport.Import(context.Background(), st, "test", "map.csv", strings.NewReader(text), netimport.Options{Org: "harbor", DryRun: true})
		if err != nil && len(e911.FaultsOf(err)) == 0 {
			t.Fatalf("refused without a reason: %v", err)
		}
		if err == nil && r.Created+r.Unchanged != r.Rows {
			t.Fatalf("%+v", r)
		}
	})
}
