package locate_test

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/locate"
)

const (
	homeAP, meshAP, nextDoor e911.MAC = "00:77:00:00:01:14", "00:77:00:00:02:20", "00:66:00:00:09:30"
	homeGW                   e911.MAC = "00:78:00:00:01:00"
	hotspot                  e911.MAC = "02:aa:00:00:01:00"
)

// athome is what a device tells of a network by its parts.
func athome(gw, ap e911.MAC, ssid, source string) locate.Measurement {
	m := locate.Measurement{At: now, Gateway: gw, Serving: ap, SSID: ssid}
	if source != "" {
		m.Source = addr(source)
	}
	return m
}

// Proves: W-08, W-38, F-19
func TestANetworkIsKnownAgain(t *testing.T) {
	stored := athome(homeGW, homeAP, "home", "198.18.0.1")
	for _, c := range []struct {
		name string
		now  locate.Measurement
		same bool
	}{
		{"nothing changed", stored, true},
		{"another public address, as providers give out each day", athome(homeGW, homeAP, "home", "198.18.9.9"), true},
		{"another radio of the same access point", athome("", "00:77:00:00:01:1c", "home", "198.18.9.9"), true},
		{"another access point of the mesh, behind the same gateway", athome(homeGW, meshAP, "home", "198.18.0.1"), true},
		{"another access point of the mesh, and the gateway not told", athome("", meshAP, "home", "198.18.0.1"), true},
		{"by cable", athome(homeGW, "", "", "198.18.0.1"), true},
		{"only the address told", athome("", "", "", "198.18.0.1"), true},
		{"a new router, the same access point", athome("00:78:00:00:02:00", homeAP, "home", "198.18.0.1"), true},
		{"through a VPN: the gateway still counts", locate.Measurement{Gateway: homeGW, Source: addr(vpn), Tunnel: true}, true},

		{"next door", athome("00:66:00:00:00:01", nextDoor, "other", "198.18.0.2"), false},
		{"next door, behind one address of the provider", athome("00:66:00:00:00:01", nextDoor, "other", "198.18.0.1"), false},
		{"next door with the same name, as routers come", athome("00:66:00:00:00:01", nextDoor, "home", "198.18.0.1"), false},
		{"the same name far away", athome("", nextDoor, "home", "198.18.0.2"), false},
		{"only another address told", athome("", "", "", "198.18.0.2"), false},
		{"through a VPN, and nothing else told", locate.Measurement{Source: addr(vpn), Tunnel: true}, false},
		{"a telephone's access point on the road", athome("", hotspot, "mine", "198.18.0.3"), false},
		{"nothing told", locate.Measurement{}, false},
		{"a gateway of several routers", athome("00:00:5e:00:01:01", nextDoor, "", "198.18.0.2"), false},
		{"the gateway on an interface without link", locate.Measurement{Interfaces: []locate.Interface{{Name: "eth0", Down: true, Gateway: homeGW}}}, false},
		{"the gateway on a virtual interface", locate.Measurement{Interfaces: []locate.Interface{{Name: "tun0", Virtual: true, Gateway: homeGW}}}, false},
	} {
		a, b := locate.Fingerprint(office(), stored), locate.Fingerprint(office(), c.now)
		if a.Same(b) != c.same || b.Same(a) != c.same {
			t.Errorf("%s: same %v and %v, want %v; %+v", c.name, a.Same(b), b.Same(a), c.same, b)
		}
	}
	// An opened telephone is the same network only while its address is too.
	a := locate.Fingerprint(nil, athome("", hotspot, "mine", "198.18.0.3"))
	if !a.Same(locate.Fingerprint(nil, athome("", hotspot, "mine", "198.18.0.3"))) || a.Same(locate.Fingerprint(nil, athome("", hotspot, "mine", "198.18.0.4"))) {
		t.Error("a telephone's access point is told apart by its public address alone")
	}
}

// A mesh is learned one access point after the other, and what is stored is
// bounded and comes back as it was.
//
// Proves: W-08
func TestANetworkIsLearned(t *testing.T) {
	id := locate.Fingerprint(nil, athome(homeGW, homeAP, "home", "198.18.0.1"))
	id = id.Merge(locate.Fingerprint(nil, athome(homeGW, meshAP, "home", "198.18.0.1")))
	if only := locate.Fingerprint(nil, athome("", meshAP, "home", "198.18.7.7")); !id.Same(only) {
		t.Errorf("%+v is not known by %+v", id, only)
	}
	rapid.Check(t, func(t *rapid.T) {
		a := locate.Fingerprint(office(), anyMeasurement(t))
		b := locate.Fingerprint(office(), anyMeasurement(t))
		if a.Same(b) != b.Same(a) {
			t.Fatalf("%+v and %+v are the same one way only", a, b)
		}
		if a.Known() && !a.Same(a) {
			t.Fatalf("%+v is not itself", a)
		}
		if m := a.Merge(b); a.Same(b) && (!m.Same(a) && len(m.Radios) < 8 && m.Gateway == a.Gateway || len(m.Radios) > 8 || len(m.Shared) > 8) {
			t.Fatalf("%+v and %+v make %+v", a, b, m)
		}
		text, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		var again locate.NetworkID
		if err := json.Unmarshal(text, &again); err != nil || !cmp.Equal(a, again, compareAddrs(), cmp.Comparer(func(x, y netip.Prefix) bool { return x == y })) {
			t.Fatalf("%s came back as %+v: %v", text, again, err)
		}
		if strings.Contains(a.String(), ":") {
			t.Fatalf("%s tells addresses", a)
		}
	})
}

// Join net A (asked), net B (asked), net A again (not asked, address A).
//
// Proves: W-08, F-18
func TestAKnownNetworkReusesItsAddress(t *testing.T) {
	a := locate.Fingerprint(nil, athome(homeGW, homeAP, "home", "198.18.0.1"))
	b := locate.Fingerprint(nil, athome("00:66:00:00:00:01", nextDoor, "other", "198.18.0.2"))
	var homes []locate.Home
	if _, known := locate.FromHomes(homes, a); known {
		t.Fatal("a new network is known")
	}
	homes = append(homes, locate.Home{Network: a, Place: place("mill/2/210"), At: ago(48 * time.Hour), By: e911.ByConfirmed})
	if _, known := locate.FromHomes(homes, b); known {
		t.Fatal("a second new network is known")
	}
	homes = append(homes, locate.Home{Network: b, Place: place("depot/1/5"), At: ago(24 * time.Hour), By: e911.ByConfirmed})
	cs, known := locate.FromHomes(homes, a)
	if r := locate.Decide(cs, locate.Situation{HELD: true}, now); !known || r.By != e911.ByConfirmed || r.Place.Key != "mill/2/210" || r.Rank != locate.RankConfirmed {
		t.Errorf("%v, %s at %s, want the first address", known, r.By, r.Place.Key)
	}
	if r := locate.Decide(cs, locate.Situation{HELD: true, ConfirmedAge: 24 * time.Hour}, now); r.By != e911.ByNothing {
		t.Errorf("by %s, past the age of the policy", r.By)
	}

	set := locate.Home{Network: a, Place: place("mill/2/211"), At: ago(time.Hour), By: e911.ByUserSet}
	cs, known = locate.FromHomes(append(homes, set), a)
	if r := locate.Decide(cs, locate.Situation{HELD: true}, now); !known || len(cs) != 2 || r.By != e911.ByUserSet || r.Place.Key != "mill/2/211" {
		t.Errorf("%v, by %s of %d, want what the user said last", known, r.By, len(cs))
	}
	cs, known = locate.FromHomes([]locate.Home{set}, b)
	if r := locate.Decide(cs, locate.Situation{HELD: true}, now); known || r.By != e911.ByNothing || len(r.Lost) != 1 || !strings.Contains(r.Lost[0].Why, "another network") {
		t.Errorf("a location set by hand on another network: %v, by %s, %+v", known, r.By, r.Lost)
	}
	if cs, known := locate.FromHomes([]locate.Home{{Network: a, By: e911.ByNumber}}, a); known || len(cs) > 0 {
		t.Errorf("what no user said: %+v", cs)
	}
}
