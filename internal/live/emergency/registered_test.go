package emergency

import (
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/rules/locate"
	"github.com/callbox911/callbox/wire/pidflo"
)

// saidSo is a user who registered a place and is signed in nowhere.
type saidSo struct{ place locate.Registered }

func (saidSo) SignedIn(e911.OrgID, e911.UserID) []e911.DeviceID { return nil }

func (saidSo) Callback(e911.OrgID, e911.UserID) e911.Number { return "" }

func (saidSo) PlaceOf(e911.OrgID, e911.UserID) string { return "" }

func (s saidSo) Registered(org e911.OrgID, user e911.UserID) locate.Registered {
	if org != id[e911.OrgID](1) || user != id[e911.UserID](3) {
		return locate.Registered{}
	}
	return s.place
}

// A user said where he is before he had anything to call from. What he calls from later
// says it to the PSAP, to people and in the record alike, where nothing better is known.
//
// Proves: N-07, F-04, F-13, F-26, E10
func TestAPlaceThatWasRegisteredBeforeTheTelephoneCame(t *testing.T) {
	home := e911.Place{
		Display: "12 Elm Street, Cambridge, MA 02139", Dispatchable: true,
		Civic: e911.Civic{Country: "US", A1: "MA", A2: "Middlesex County", A3: "Cambridge", HNO: "12", RD: "Elm", STS: "Street", PC: "02139"},
		Area:  &e911.Area{Point: e911.Point{Lat: 42.3736, Lon: -71.1097}},
	}
	noNumber := func(w *world) { w.number.User, w.number.Location, w.model.HELD = "", "", false }
	for _, c := range []struct {
		name  string
		world func(*world)
		call  []func(*sipedge.Request)
		said  locate.Verdict
		by    e911.LocatedBy
	}{
		{"a device that he got later", noNumber, []func(*sipedge.Request){fromLine("+12125550000")}, locate.Unverified, e911.ByRegistered},
		{"a number that he got later and that has no address", func(w *world) { w.number.Location, w.model.HELD = "", false }, []func(*sipedge.Request){without("E911-User-ID")}, "", e911.ByRegistered},
		{"a number with an address of its own", func(w *world) { w.model.HELD = false }, nil, "", e911.ByNumber},
		{"a device that asks where it is", func(w *world) { w.number.Location = "" }, nil, "", e911.ByNothing},
		{"one that asks, where numbers stand for devices (W-51)", func(w *world) { w.number.Location, w.org.DIDFallback = "", true }, nil, "", e911.ByRegistered},
		{"an address that was found invalid since", noNumber, []func(*sipedge.Request){fromLine("+12125550000")}, locate.Invalid, e911.BySiteDefault},
		{"a telephone of somebody else", noNumber, []func(*sipedge.Request){without("E911-User-ID")}, "", e911.BySiteDefault},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				k := newKit(t, c.world)
				k.h.cfg.People = saidSo{locate.Registered{Place: home, Verdict: c.said, At: time.Now().Add(-90 * 24 * time.Hour)}}
				settled(t, k, invite(c.call...))
				loc := one[journal.Located](t, k.journal, journal.CallLocated)
				if loc.By != c.by {
					t.Fatalf("located by %s, want %s: %+v", loc.By, c.by, loc.Evidence)
				}
				if c.by != e911.ByRegistered {
					return
				}
				due := one[journal.Due](t, k.journal, journal.NotifyDue)
				_, locations, _ := bodyParts(k.leg(1).invite.ContentType, k.leg(1).invite.Body)
				if len(locations) == 0 {
					t.Fatal("the call carries no location")
				}
				doc, err := pidflo.Parse(locations[0].body)
				if err != nil {
					t.Fatal(err)
				}
				g := doc.Locations()[0].Geopriv
				if g.Civic().Get("HNO") != "12" || g.Method != "Manual" || due.Place.Display != home.Display || loc.Place.Display != home.Display {
					t.Errorf("the PSAP got number %s by %s, people %q, the record %q", g.Civic().Get("HNO"), g.Method, due.Place.Display, loc.Place.Display)
				}
			})
		})
	}
}
