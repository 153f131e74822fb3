package check

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/e911"
)

// Proves: F-39, F-22
func TestWhatIsStatedOfAStationIsWholeOrRefused(t *testing.T) {
	at := time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name string
		st   *e911.Station
		lang string
		want []string
	}{
		{"nothing is stated", nil, "", nil},
		{"a class alone", &e911.Station{Class: e911.StationFixed}, "en", nil},
		{"no class that the law knows", &e911.Station{Class: "nomadic"}, "", []string{"station.class"}},
		{"a reason without its day and who said so", &e911.Station{NotFeasible: e911.Infeasible{Reason: "x"}}, "", []string{"station.not_feasible.by", "station.not_feasible.at"}},
		{"a whole reason", &e911.Station{NotFeasible: e911.Infeasible{Reason: "x", By: "Ana", At: at}}, "", nil},
		{"a consent to no text", &e911.Station{OffPremises: e911.Consent{By: "Ana", At: at}}, "", []string{"station.off_premises.text"}},
		{"a language that is none", nil, "English", []string{"language"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := &checker{}
			k.station(e911.Device{Station: c.st, Language: c.lang})
			var got []string
			for _, f := range k.faults {
				got = append(got, f.Path)
				if f.Fix == "" || f.Msg == "" || f.Code == "" {
					t.Errorf("%+v says not what to do", f)
				}
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// Proves: F-37
func TestExtensionsThatBeginLikeAnEmergencyNumberAreWarnedOf(t *testing.T) {
	device := func(ext string) any { return e911.Device{Key: "phone", SIP: &e911.SIPAccount{User: ext}} }
	for _, c := range []struct {
		name      string
		value     any
		countries []string
		want      string
	}{
		{"an extension of four digits", device("2001"), []string{"US", "DE"}, ""},
		{"one that begins with 112 where there is a building in Germany", device("1120"), []string{"US", "DE"}, "sip.user"},
		{"the same where there is none", device("1120"), []string{"US"}, ""},
		{"one that begins with 911", device("9115"), nil, "sip.user"},
		{"the number itself is refused, not warned of", device("911"), nil, ""},
		{"a device that is named by its extension", e911.Device{Key: "9990"}, []string{"GB"}, "key"},
		{"a user's id on the platform", e911.User{DeviceUserID: "1701"}, []string{"FR"}, "device_user_id"},
		{"a name is no extension", e911.Device{Key: "911-desk"}, nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Shadows(c.value, c.countries)
			if len(got) == 0 != (c.want == "") || len(got) > 0 && got[0].Path != c.want {
				t.Errorf("%+v", got)
			}
		})
	}
}
