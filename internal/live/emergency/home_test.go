package emergency

import (
	"slices"
	"testing"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/live/sipedge"
)

// 999 is a call for help where an organisation has a building in Britain, and an
// extension like any other where it has none; 911 is one everywhere.
//
// Proves: F-37, E2, C-99, RFC 6881 section 5
func TestTheEmergencyNumbersOfACountry(t *testing.T) {
	dialled := func(uri string) func(*sipedge.Request) { return func(r *sipedge.Request) { r.URI = uri } }
	for _, c := range []struct {
		name, country, uri string
		help               bool
	}{
		{"999 in Britain", "GB", "sip:999@callbox.example", true},
		{"112 in Britain", "GB", "tel:112", true},
		{"911 in Britain", "GB", "sip:911@callbox.example", true},
		{"999 in the United States", "US", "sip:999@callbox.example", false},
		{"110 in Britain", "GB", "sip:110@callbox.example", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				k := newKit(t, func(w *world) { w.building.Address.Country = c.country })
				f, ok := k.h.Foresee(Supposed{Request: invite(dialled(c.uri))})
				if ok != c.help || ok && f.Class != e911.ClassEmergency {
					t.Fatalf("a call for help: %v, %s; want %v", ok, f.Class, c.help)
				}
				says := slices.ContainsFunc(f.Identified.Evidence, func(f e911.Finding) bool { return f.Rule == "home_number" })
				if says != (c.help && c.uri != "sip:911@callbox.example") {
					t.Errorf("evidence %+v", f.Identified.Evidence)
				}
			})
		})
	}
}
