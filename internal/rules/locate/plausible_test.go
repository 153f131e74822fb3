package locate_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/locate"
)

// With made-up access points nobody finds out where the real ones are.
//
// Proves: F-06, RFC 7105
func TestWhatMayBeAnsweredToWhoDidNotProveHimself(t *testing.T) {
	for _, c := range []struct {
		name   string
		source string
		change func(*locate.Measurement)
		by     e911.LocatedBy
		ok     bool
	}{
		{"an access point of the building of its address", "10.10.0.7", onAP(ap1), bssid, true},
		{"one of another city", "10.20.0.7", onAP(ap1), bssid, false},
		{"the address itself", "10.20.0.7", func(*locate.Measurement) {}, privateIP, true},
		{"from the organisation's public address", pub, onAP(ap1), bssid, true},
		{"from an inner address that is not on the map", "10.99.0.1", onAP(ap1), bssid, true},
		{"through the organisation's VPN", vpn, onAP(ap1), bssid, true},
		{"from somewhere else", foo, onAP(ap1), bssid, false},
		{"a port from somewhere else", foo, onPort("Gi1/0/7"), port, false},
		{"from nowhere", "", onAP(ap1), bssid, false},
		{"what a controller told", foo, func(m *locate.Measurement) { m.AP, m.Who = "ap-mill-3", locate.ByNetwork }, e911.ByAP, true},
	} {
		m := locate.Measurement{At: now}
		if c.source != "" {
			m.Source = addr(c.source)
		}
		c.change(&m)
		found, _ := locate.Measured(office(), m)
		i := slices.IndexFunc(found, func(e locate.Evidence) bool { return e.By == c.by })
		if i < 0 {
			t.Fatalf("%s: no %s among %+v", c.name, c.by, found)
		}
		ok, why := locate.Plausible(m, found[i], office())
		if ok != c.ok || why == "" {
			t.Errorf("%s: %v (%s), want %v", c.name, ok, why, c.ok)
		}
	}
	// The same site is near enough: campus ranges span buildings.
	annex := locate.Evidence{By: bssid, Place: place("annex/1"), Who: locate.ByDevice}
	if ok, why := locate.Plausible(locate.Measurement{Source: addr("10.10.0.7")}, annex, office()); !ok {
		t.Errorf("another building of the site: %s", why)
	}
	n := office()
	for a, want := range map[string]string{"10.10.0.7": "mill/1", vpn: "", foo: "", "172.17.0.2": ""} {
		e, ok := locate.AtSource(addr(a), n)
		if ok != (want != "") || e.Place.Key != want {
			t.Errorf("at %s: %q, want %q", a, e.Place.Key, want)
		}
	}
	if _, ok := locate.AtSource(netip.Addr{}, n); ok {
		t.Error("no address is a place")
	}
}

// Proves: F-33, W-57
func TestAHandsetIsNotWhereItsChargerIs(t *testing.T) {
	s := locate.Situation{Handset: true}
	byBase := func(key string) locate.Candidate { return held(e911.ByDECTBase, key, time.Minute) }
	for _, c := range []struct {
		name  string
		cs    []locate.Candidate
		by    e911.LocatedBy
		place string
		flags []string
	}{
		{"the base it is on", []locate.Candidate{held(port, "mill/2/210", time.Minute), byBase("mill/3"), number("mill/2/210")}, e911.ByDECTBase, "mill/3", nil},
		{"the access point it is on", []locate.Candidate{number("mill/2/210"), held(bssid, "mill/3", time.Minute)}, bssid, "mill/3", nil},
		{"no base: the building, the floor unknown", []locate.Candidate{held(port, "mill/2/210", time.Minute)}, port, "mill", []string{locate.FlagCoarse, locate.FlagNotDispatch, locate.FlagFloor}},
		{"the number's address is its charger's", []locate.Candidate{number("mill/2/210")}, e911.ByNumber, "mill", []string{locate.FlagCoarse, locate.FlagNotDispatch, locate.FlagFloor}},
		{"a base of an hour ago is its building", []locate.Candidate{held(e911.ByDECTBase, "mill/3", time.Hour)}, e911.ByDECTBase, "mill", []string{locate.FlagAged, locate.FlagCoarse, locate.FlagNotDispatch}},
	} {
		r := locate.Decide(c.cs, s, now)
		where := r.Place.Key
		if where == "" {
			where = string(r.Place.Building)
		}
		if r.By != c.by || where != c.place || !slices.Equal(r.Flags, c.flags) {
			t.Errorf("%s: %s at %s %v, want %s at %s %v", c.name, r.By, where, r.Flags, c.by, c.place, c.flags)
		}
		if slices.Contains(r.Flags, locate.FlagFloor) && (r.Place.Civic.FLR != "" || r.Place.Location != "" || r.Confidence == locate.High) {
			t.Errorf("%s: floor unknown, and yet %q with %s confidence", c.name, r.Place.Display, r.Confidence)
		}
	}
}

// Proves: F-35, E13
func TestConfidenceAndMarks(t *testing.T) {
	said := func(c locate.Candidate, who locate.Witness) locate.Candidate {
		c.Who = who
		return c
	}
	for _, c := range []struct {
		name string
		cs   []locate.Candidate
		want locate.Confidence
		flag string
	}{
		{"a fresh port", []locate.Candidate{held(port, "mill/2/210", time.Minute)}, locate.High, ""},
		{"a range alone", []locate.Candidate{held(privateIP, "mill/2", time.Minute)}, locate.Medium, ""},
		{"a range that the gateway's own family repeats", []locate.Candidate{held(privateIP, "mill/2", time.Minute), held(e911.ByGateway, "mill/2", time.Minute)}, locate.Medium, ""},
		{"a switch that an access point bears out", []locate.Candidate{held(nearby, "mill/2", time.Minute), held(chassis, "mill/2", time.Minute)}, locate.High, ""},
		{"an old port", []locate.Candidate{held(port, "mill/2/210", 48*time.Hour)}, locate.Low, locate.FlagAged},
		{"an access point that contradicts a port", []locate.Candidate{held(port, "mill/2/210", time.Hour), held(bssid, "depot/1", time.Minute)}, locate.Medium, locate.FlagContradicted},
		{"a number", []locate.Candidate{number("mill/2/210")}, locate.Low, ""},
		{"nothing", nil, locate.NoConfidence, locate.FlagUnlocated},
		{"the device's word, and the network saw it elsewhere", []locate.Candidate{said(held(port, "mill/2/210", time.Minute), locate.ByDevice), said(held(privateIP, "depot/1", 2*time.Minute), locate.ByServer)}, locate.Medium, locate.FlagFar},
		{"its word, and the network agrees", []locate.Candidate{said(held(port, "mill/2/210", time.Minute), locate.ByDevice), said(held(privateIP, "mill/1", 2*time.Minute), locate.ByServer)}, locate.High, ""},
		{"another device's word is no network", []locate.Candidate{said(held(port, "mill/2/210", time.Minute), locate.ByDevice), said(held(privateIP, "depot/1", 2*time.Minute), locate.ByDevice)}, locate.High, ""},
	} {
		r := locate.Decide(c.cs, locate.Situation{}, now)
		if r.Confidence != c.want || r.Because == "" {
			t.Errorf("%s: %s (%s), want %s", c.name, r.Confidence, r.Because, c.want)
		}
		if c.flag != "" && !slices.Contains(r.Flags, c.flag) || c.flag == "" && len(r.Flags) > 0 && r.Flags[0] != locate.FlagNotDispatch {
			t.Errorf("%s: flags %v, want %s", c.name, r.Flags, c.flag)
		}
	}
	for countries, want := range map[string]bool{"US,CA": false, "CA": true, "": false, "us": false} {
		var served []string
		if countries != "" {
			served = strings.Split(countries, ",")
		}
		r := locate.Decide([]locate.Candidate{held(port, "mill/2/210", time.Minute)}, locate.Situation{Countries: served}, now)
		if got := slices.Contains(r.Flags, locate.FlagAbroad); got != want {
			t.Errorf("served %q: abroad %v, want %v", countries, got, want)
		}
	}
}

// Proves: E11
func TestADecisionIsExplained(t *testing.T) {
	n := office()
	m := day{from(time.Hour, pub, onPort("Gi1/0/7")), from(time.Minute, "10.20.0.7")}.memory()
	rec := m.Recall(n, nil)
	r := locate.Decide(append(rec.Candidates, number("mill/2/210")), locate.Situation{HELD: true}, now)
	text := strings.Join(locate.Explain(r, rec.Findings...), "\n")
	for _, want := range []string{
		"Location: 1500 Main Street, Depot, Floor 1, Dallas, TX 75201",
		"Found by: private address range of 2026-03-02 14:59:00Z (rank 3, fresh)",
		"Confidence: low: fresh evidence of a coarse kind, alone; better evidence was contradicted",
		"Note: better evidence fell",
		"won:  private address range, source address 10.20.0.7",
		"lost: switch port, port Gi1/0/7 of 0c:75:bd:00:00:01, 2026-03-02 14:00:00Z -> 795 Massachusetts Avenue, Mill 1, Floor 2, Room 210, Cambridge, MA 02139: contradicted: private address range of 14:59:00Z puts the device elsewhere",
		"lost: address of the number, +16175550111",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	nothing := strings.Join(locate.Explain(locate.Decide(nil, locate.Situation{}, now), e911.Finding{Rule: "bssid", Said: "access point x", Why: "it is not on the map"}), "\n")
	if !strings.Contains(nothing, "relay centre") || !strings.Contains(nothing, "none: access point, access point x: it is not on the map") {
		t.Errorf("nothing is explained as\n%s", nothing)
	}
	for _, flag := range []string{
		locate.FlagAged, locate.FlagCoarse, locate.FlagContradicted, locate.FlagUnverified, locate.FlagNotDispatch, locate.FlagClock,
		locate.FlagUnlocated, locate.FlagFloor, locate.FlagWeak, locate.FlagFar, locate.FlagAbroad,
	} {
		if lines := locate.Explain(locate.Result{Flags: []string{flag}}); slices.Contains(lines, "Note: "+flag) {
			t.Errorf("%s is not said in words", flag)
		}
	}
}
