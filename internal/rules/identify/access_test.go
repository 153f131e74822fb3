package identify_test

import (
	"strings"
	"testing"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/identify"
)

// Proves: F-33, F-13, RFC 7315
func TestTheRadioThatACallCameBy(t *testing.T) {
	for in, want := range map[string]identify.Access{
		`IEEE-802.11a; i-wlan-node-id=00112233445a`:                         {Handset: true, BSSID: "00:11:22:33:44:5a"},
		`IEEE-802.11; i-wlan-node-id="00:11:22:33:44:5a"; network-provided`: {Handset: true, BSSID: "00:11:22:33:44:5a"},
		`ieee-802.11n`:                                                        {Handset: true},
		`IEEE-802.11; i-wlan-node-id=nonsense`:                                {Handset: true},
		`DECT; rfpi=00C0010203`:                                               {Handset: true, DECTBase: "00c0010203"},
		`x-vendor; dect-rfpi="00:c0:01:02:03"`:                                {Handset: true, DECTBase: "00c0010203"},
		`DECT;rfpi=00c0`:                                                      {Handset: true},
		`IEEE-802.3; eth-location="floor 2"`:                                  {},
		`3GPP-E-UTRAN-FDD; utran-cell-id-3gpp=2340201234567`:                  {},
		`3GPP-E-UTRAN-FDD;x=1, IEEE-802.11; i-wlan-node-id=00-11-22-33-44-5a`: {Handset: true, BSSID: "00:11:22:33:44:5a"},
		`DECT;rfpi=00c0010203, DECT;rfpi=00c0010204`:                          {Handset: true, DECTBase: "00c0010203"},
		``:      {},
		`;;=;"`: {},
		`DECT;rfpi=00c0010203;x=` + strings.Repeat("x", 300): {},
	} {
		h := headers{identify.HeaderAccessNetwork: {in}}
		if got := identify.AccessOf(e911.Trunk{Side: e911.SidePlatform}, h); got != want {
			t.Errorf("%q: %+v, want %+v", in, got, want)
		}
		if got := identify.AccessOf(e911.Trunk{}, h); got != want {
			t.Errorf("%q from the telephone itself: %+v, want %+v", in, got, want)
		}
		if got := identify.AccessOf(e911.Trunk{Side: e911.SideCarrier}, h); got != (identify.Access{}) {
			t.Errorf("%q from a carrier: %+v", in, got)
		}
	}
	if got := identify.AccessOf(e911.Trunk{}, nil); got != (identify.Access{}) {
		t.Errorf("no headers: %+v", got)
	}
}

// FuzzAccessOf: no panic, and only keys of the one form come out.
//
// Proves: F-33
func FuzzAccessOf(f *testing.F) {
	f.Add(`IEEE-802.11; i-wlan-node-id="00:11:22:33:44:5a", DECT;rfpi=00c0010203`)
	f.Fuzz(func(t *testing.T, value string) {
		a := identify.AccessOf(e911.Trunk{}, headers{identify.HeaderAccessNetwork: {value}})
		if m, err := e911.ParseMAC(string(a.BSSID)); a.BSSID != "" && (err != nil || m != a.BSSID) {
			t.Fatalf("access point %q", a.BSSID)
		}
		if a.DECTBase != "" && len(a.DECTBase) != 10 {
			t.Fatalf("base %q", a.DECTBase)
		}
	})
}
