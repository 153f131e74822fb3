package identify_test

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/identify"
)

// Proves: F-13
func TestNumbersAsTheyStandInHeaders(t *testing.T) {
	for in, want := range map[string]e911.Number{
		`<sip:+16175550111@10.0.0.1;user=phone>;tag=1`:            "+16175550111",
		`"Front desk" <sip:6175550111@pbx.example.com>`:           "+16175550111",
		`"odd \"name\" <sip:+12125550100@x>" <sip:16175550111@x>`: "+16175550111",
		`sip:+16175550111@10.0.0.1;tag=1`:                         "+16175550111",
		`<sips:+1-617-555-0111@10.0.0.1>`:                         "+16175550111",
		`<tel:+1(617)555-0111;ext=12>`:                            "+16175550111",
		`tel:6175550111`:                                          "+16175550111",
		`<sip:%2B16175550111@x>`:                                  "+16175550111",
		`<sip:+16175550111;ext=1:pw@x>`:                           "+16175550111",
		`<sip:+442079460000@x>`:                                   "+442079460000",
		`"Anonymous" <sip:anonymous@anonymous.invalid>`:           "",
		`<sip:4711@x>`:                                            "",
		`<sip:10.0.0.1>`:                                          "",
		`<urn:service:sos>`:                                       "",
		`"+16175550111" <sip:front@x>`:                            "",
		`<sip:+1617555` + strings.Repeat("-", 100) + `0111@x>`:    "",
		``:                          "",
		`"unclosed <sip:6175550111`: "",
	} {
		got, ok := identify.LineOf(in)
		if got != want || ok != (want != "") {
			t.Errorf("LineOf(%s) = %q, %v, want %q", in, got, ok, want)
		}
	}
}

// FuzzWho: no panic, and only numbers of the one form go out, whatever stands
// in the headers.
//
// Proves: F-13, F-21
func FuzzWho(f *testing.F) {
	f.Add(`"a" <sip:+16175550111@x>, <tel:1>`, `<sip:a@b>`, "agent4711", "d-4711")
	f.Add(`"\`, `<`, "", "x")
	f.Fuzz(func(t *testing.T, pai, from, id, device string) {
		r := who(identify.Call{
			Trunk: pbx, TokenDevice: e911.DeviceID(device),
			Headers: headers{"P-Asserted-Identity": {pai}, "From": {from}, "E911-User-ID": {id}},
		})
		if r.By == "" || r.Callback == "" || identify.CallbackFault(r.Callback) != "" {
			t.Fatalf("by %q, callback %q", r.By, r.Callback)
		}
		for _, f := range r.Findings {
			if len(f.Said) > 600 {
				t.Fatalf("a finding of %d octets", len(f.Said))
			}
		}
	})
}

// Proves: F-21, W-05
func TestWhatAPSAPCannotCallBack(t *testing.T) {
	for n, ok := range map[e911.Number]bool{
		"+16175550100": true, "+19055550123": true, "+17875550123": true, "+15205550100": true,
		"+18005550100": false, "+18335550100": false, "+19005550100": false, "+16179765000": false,
		"+442079460000": false, "+18765550100": false, "+15005550100": false, "+17005550100": false,
		"+10175550100": false, "+16171550100": false, "+19115550100": false, "+16179115000": false,
		"+1617555010": false, "16175550100x": false, "+1617555010x": false, "": false,
	} {
		if why := identify.CallbackFault(n); (why == "") != ok {
			t.Errorf("CallbackFault(%s) = %q, want fine: %v", n, why, ok)
		}
	}
}

// Every area code of the numbering plan's own list is judged as that list has
// it: geographic ones of the United States and Canada can be called back, no
// others can.
//
// Proves: F-21
func TestAreaCodesAgreeWithTheNumberingPlan(t *testing.T) {
	dir := os.Getenv("CALLBOX_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "..", "shared") // beside the repository
	}
	file, err := os.Open(filepath.Join(dir, "data", "nanp-numbering", "npa.csv"))
	if err != nil {
		t.Skipf("no reference material: %v", err)
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows[1:] {
		npa, use, country, place := row[0], row[2], row[4], row[10]
		home := country == "US" || country == "CANADA" || (country == "" && place != "")
		want := use == "G" && home
		if why := identify.CallbackFault(e911.Number("+1" + npa + "5550100")); (why == "") != want {
			t.Errorf("area code %s (%s, %s): %q, want fine: %v", npa, use, country, why, want)
		}
	}
	if len(rows) < 400 {
		t.Errorf("%d area codes read", len(rows))
	}
}
