package app

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/callback"
	"github.com/callbox911/callbox/internal/live/emergency"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/snapshot"
)

func testID[T ~string](n int) T {
	return T("00000000-0000-7000-8000-0000000000" + string([]byte{byte('0' + n/10), byte('0' + n%10)}))
}

// twoOrgs is a world with a real organisation and a demonstration, each with a
// building, a location of the same key, and one of its own.
func twoOrgs(t *testing.T, country string) *snapshot.Holder {
	t.Helper()
	var changes []snapshot.Change
	for i, key := range []string{"works", "demo"} {
		n := 10 * (i + 1)
		org, site, building := testID[e911.OrgID](n), testID[e911.SiteID](n+1), testID[e911.BuildingID](n+2)
		changes = append(changes,
			snapshot.Change{Kind: e911.KindOrg, Org: org, ID: string(org), Object: e911.Org{ID: org, Key: key, Name: key, Demonstration: key == "demo"}},
			snapshot.Change{Kind: e911.KindSite, Org: org, ID: string(site), Object: e911.Site{ID: site, Org: org, Key: "hq", Name: "HQ", Zone: "America/New_York", Mode: e911.ModeDynamic, Stage: e911.Stage911, ECBN: "+16175550100"}},
			snapshot.Change{Kind: e911.KindBuilding, Org: org, ID: string(building), Object: e911.Building{ID: building, Org: org, Site: site, Key: "mill", Name: "Mill", Address: e911.Civic{Country: country, A1: "MA", A3: "Cambridge", HNO: "795", RD: "Massachusetts"}, Point: &e911.Point{Lat: 42, Lon: -71}}},
		)
		for j, name := range []string{"lobby", "lobby-of-" + key} {
			l := testID[e911.LocationID](n + 3 + j)
			changes = append(changes, snapshot.Change{Kind: e911.KindLocation, Org: org, ID: string(l), Object: e911.Location{ID: l, Org: org, Building: building, Key: name, Detail: e911.Civic{FLR: string(rune('1' + j))}}})
		}
	}
	carrier := testID[e911.TrunkID](50)
	own := testID[e911.TrunkID](51)
	changes = append(changes,
		snapshot.Change{Kind: e911.KindTrunk, ID: string(carrier), Object: e911.Trunk{ID: carrier, Key: "carrier-a", Side: e911.SideCarrier, Kind: e911.RouteProvider, To: "sip:psap@192.0.2.1", DRFrom: []netip.Prefix{}}},
		snapshot.Change{Kind: e911.KindTrunk, Org: testID[e911.OrgID](10), ID: string(own), Object: e911.Trunk{ID: own, Org: testID[e911.OrgID](10), Key: "local", Side: e911.SideLocal, Kind: e911.RouteLocal, To: "sip:pstn@192.0.2.2", DRFrom: []netip.Prefix{}}},
	)
	w, err := snapshot.Build(changes, askedFrom)
	if err != nil {
		t.Fatal(err, e911.FaultsOf(err))
	}
	h := &snapshot.Holder{}
	h.Store(w)
	return h
}

// Proves: E12, F-28, F-37, E2, RFC 6881 section 5
func TestWhatHasTheRoomOfEmergencyCalls(t *testing.T) {
	for _, c := range []struct {
		country, uri string
		want         bool
	}{
		{"US", "sip:911@callbox.example", true},
		{"US", "urn:service:sos.fire", true},
		{"US", "sip:9911@callbox.example", true},
		{"US", "sip:933@callbox.example", false},
		{"US", "urn:service:test.sos", false},
		{"US", "sip:urn:service:test.sos.police@callbox.example", false},
		{"US", "sip:112@callbox.example", false},
		{"US", "sip:999@callbox.example", false},
		{"US", "sip:+16175550111@callbox.example", false},
		{"US", "sip:988@callbox.example", false},
		{"GB", "sip:999@callbox.example", true},
		{"GB", "tel:112", true},
		{"GB", "sip:110@callbox.example", false},
		{"GB", "urn:service:test.sos", false},
		{"DE", "sip:110@callbox.example;user=phone", true},
		{"DE", "sip:999@callbox.example", false},
	} {
		holder := twoOrgs(t, c.country)
		s := &Server{holder: holder, backs: noCallbacks(t, holder)}
		for range 2 { // the second time from what is kept
			if got := s.urgent(c.uri); got != c.want {
				t.Errorf("%s with buildings in %s: %v, want %v", c.uri, c.country, got, c.want)
			}
		}
		s.holder.Store(twoOrgs(t, "FR").Load())
		if !s.urgent("sip:112@callbox.example") || s.urgent("sip:999@callbox.example") {
			t.Errorf("with buildings in France now, and in %s before", c.country)
		}
	}
}

type noJournal struct{}

func (noJournal) Record(journal.Fact) journal.Receipt { return journal.Receipt{} }

// noCallbacks waits for no call back.
func noCallbacks(t *testing.T, holder *snapshot.Holder) *callback.Service {
	t.Helper()
	s, err := callback.New(callback.Config{
		Snapshot: holder, Journal: noJournal{}, Domain: "callbox.example", Now: func() time.Time { return askedFrom },
		Dial: func(context.Context, sipedge.Invite) emergency.Callee { panic("nobody is called here") },
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Proves: E14, F-28
func TestOverATrunkOfNobodyAloneACallerIsNamedWithHisOrganisation(t *testing.T) {
	s := &Server{holder: twoOrgs(t, "US"), cfg: Config{Now: func() time.Time { return askedFrom }}}
	w := s.holder.Load()
	for _, c := range []struct {
		name, trunk, org, from string
		want                   string // organisation
		says                   string
	}{
		{"of a demonstration", "carrier-a", "", "lobby-of-demo", "demo", ""},
		{"what both know is the demonstration's", "carrier-a", "", "lobby", "demo", ""},
		{"of an organisation that is not named", "carrier-a", "", "lobby-of-works", "", "--org"},
		{"of one that is named", "carrier-a", "works", "lobby-of-works", "works", ""},
		{"of another than is named", "carrier-a", "demo", "lobby-of-works", "", "nobody"},
		{"of a trunk's own organisation", "local", "", "lobby", "works", ""},
		{"of another than the trunk's", "local", "", "lobby-of-demo", "", "nobody"},
		{"of another than the trunk's that is named", "local", "demo", "lobby-of-demo", "", "nobody"},
	} {
		t.Run(c.name, func(t *testing.T) {
			trunk, err := trunkNamed(w, c.trunk, "")
			if err != nil {
				t.Fatal(err)
			}
			got, err := s.callerNamed(w, trunk, CallRequest{Trunk: c.trunk, Org: c.org, From: c.from})
			if got.OrgName != c.want || (err == nil) != (c.want != "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("%q, %v; want %q, %q", got.OrgName, err, c.want, c.says)
			}
		})
	}
	if _, err := trunkNamed(w, "local", "demo"); err == nil {
		t.Error("the trunk of one organisation is found as another's")
	}
}
