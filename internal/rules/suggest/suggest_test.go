package suggest_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/suggest"
)

const chassis = "00:aa:bb:cc:00:01"

func port(id string, loc e911.LocationID) e911.Element {
	return e911.Element{Kind: e911.ElementLLDPPort, LLDP: e911.LLDPPort{Chassis: chassis, Port: id}, Location: loc}
}

func bssid(m e911.MAC, loc e911.LocationID) e911.Element {
	return e911.Element{Kind: e911.ElementBSSID, MAC: m, Location: loc}
}

func ip(s string, loc e911.LocationID) e911.Element {
	return e911.Element{Kind: e911.ElementIP, Range: netip.MustParsePrefix(s), Location: loc}
}

func said(list []suggest.Suggestion) []string {
	var out []string
	for _, s := range list {
		out = append(out, fmt.Sprintf("%s %s: %s", s.Confidence, s.Location, s.Why))
	}
	return out
}

// Proves: W-16, W-36, F-19
func TestAnUnknownElementProbablyStandsBesideItsNeighbours(t *testing.T) {
	lldp := suggest.Key{Kind: e911.ElementLLDPPort, LLDP: e911.LLDPPort{Chassis: chassis, Port: "Gi1/0/7"}}
	radio := suggest.Key{Kind: e911.ElementBSSID, MAC: "00:3a:98:b0:2e:7f"}
	host := suggest.Key{Kind: e911.ElementIP, Addr: netip.MustParseAddr("::ffff:10.1.2.77")}
	for _, c := range []struct {
		name string
		have []e911.Element
		key  suggest.Key
		seen []suggest.Seen
		want []string
	}{
		{"nothing is known", nil, lldp, nil, nil},
		{
			"all ports of the switch are in one room",
			[]e911.Element{port("Gi1/0/6", "a"), port("Gi1/0/8", "a")},
			lldp, nil,
			[]string{"high a: 2 ports are beside it on the same switch"},
		},
		{
			"the ports beside it are in one room, others elsewhere",
			[]e911.Element{port("Gi1/0/6", "a"), port("Gi1/0/40", "b"), port("Gi1/0/41", "b"), port("Gi1/0/42", "b")},
			lldp, nil,
			[]string{"medium a: 1 port is beside it on the same switch", "medium b: 3 of 4 mapped ports of the same switch are there"},
		},
		{
			"only the switch is mapped",
			[]e911.Element{{Kind: e911.ElementLLDPChassis, LLDP: e911.LLDPPort{Chassis: chassis}, Location: "a"}},
			lldp, nil,
			[]string{"medium a: the switch itself is mapped there"},
		},
		{
			"another switch says nothing", []e911.Element{{Kind: e911.ElementLLDPPort, LLDP: e911.LLDPPort{Chassis: "00:aa:bb:cc:00:02", Port: "Gi1/0/6"}, Location: "a"}}, lldp, nil, nil,
		},
		{
			"a BSSID that differs in the last digit",
			[]e911.Element{bssid("00:3a:98:b0:2e:70", "a"), bssid("00:3a:98:b0:2f:70", "b")},
			radio, nil,
			[]string{"high a: 1 BSSID is there, differing in the last digit only: as a rule the same access point"},
		},
		{
			"BSSIDs of the vendor block",
			[]e911.Element{bssid("00:3a:98:b0:11:70", "a"), bssid("00:3a:99:b0:2e:70", "b")},
			radio, nil,
			[]string{"low a: 1 BSSID is there, of the same vendor block"},
		},
		{
			"the same subnet",
			[]e911.Element{ip("10.1.2.0/26", "a"), ip("10.9.0.0/16", "b")},
			host, nil,
			[]string{"medium a: 1 mapped range is there, in 10.1.2.0/24"},
		},
		{
			"the devices that reported it were elsewhere by other evidence",
			[]e911.Element{bssid("00:3a:98:b0:2e:70", "a")},
			radio,
			[]suggest.Seen{{Location: "b", Devices: 19}, {Location: "c", Devices: 1}},
			[]string{
				"high b: 19 of 20 devices that reported it were there by other evidence",
				"high a: 1 BSSID is there, differing in the last digit only: as a rule the same access point",
				"low c: 1 of 20 devices that reported it were there by other evidence",
			},
		},
		{
			"an access point named like others",
			[]e911.Element{{Kind: e911.ElementAP, Name: "HQ-2-east-06", Location: "a"}, {Kind: e911.ElementAP, Name: "HQ-3-east-06", Location: "b"}},
			suggest.Key{Kind: e911.ElementAP, Name: "hq-2-EAST-11"},
			nil,
			[]string{"medium a: 1 is there with a name of the same beginning"},
		},
		{
			"another port of an adapter",
			[]e911.Element{{Kind: e911.ElementATAPort, MAC: "00:11:22:33:44:55", Name: "FXS1", Location: "a"}},
			suggest.Key{Kind: e911.ElementATAPort, MAC: "00:11:22:33:44:55", Name: "FXS2"},
			nil,
			[]string{"medium a: 1 port is there of the same adapter"},
		},
		{"an egress of a VPN is no neighbour", []e911.Element{{Kind: e911.ElementVPN, Range: netip.MustParsePrefix("10.1.2.0/24"), Location: "a"}}, host, nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := said(suggest.New(slices.Values(c.have)).Suggest(c.key, c.seen...))
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// Whatever the map and the key: each place once, best first, at most five, with
// a reason, and the same answer in whatever order the elements come.
//
// Proves: W-16
func TestSuggestionsKeepTheirPromises(t *testing.T) {
	mac := rapid.Custom(func(t *rapid.T) e911.MAC {
		return e911.MACFrom([6]byte{0, 0x3a, 0x98, byte(rapid.IntRange(0, 1).Draw(t, "a")), byte(rapid.IntRange(0, 3).Draw(t, "b")), rapid.Byte().Draw(t, "c")})
	})
	element := rapid.Custom(func(t *rapid.T) e911.Element {
		loc := e911.LocationID(rapid.SampledFrom([]string{"", "a", "b", "c", "d", "e", "f", "g"}).Draw(t, "loc"))
		switch rapid.IntRange(0, 4).Draw(t, "kind") {
		case 0:
			return port(fmt.Sprintf("Gi1/0/%d", rapid.IntRange(0, 30).Draw(t, "port")), loc)
		case 1:
			return bssid(mac.Draw(t, "mac"), loc)
		case 2:
			return e911.Element{Kind: e911.ElementIP, From: netip.AddrFrom4([4]byte{10, 1, 2, 3}), To: netip.AddrFrom4([4]byte{10, 1, 2, rapid.ByteMin(4).Draw(t, "ip")}), Location: loc}
		case 3:
			return e911.Element{Kind: e911.ElementGateway, MAC: mac.Draw(t, "mac"), Location: loc}
		}
		return e911.Element{Kind: e911.ElementAP, Name: rapid.StringMatching(`ap-[ab]-[0-9]{2}`).Draw(t, "name"), Location: loc}
	})
	rapid.Check(t, func(t *rapid.T) {
		have := rapid.SliceOfN(element, 0, 40).Draw(t, "have")
		e := element.Draw(t, "key")
		key := suggest.Key{Kind: e.Kind, MAC: e.MAC, LLDP: e.LLDP, Addr: e.To, Name: e.Name}
		got := suggest.New(slices.Values(have)).Suggest(key)
		order := map[suggest.Confidence]int{suggest.High: 0, suggest.Medium: 1, suggest.Low: 2}
		seen := map[e911.LocationID]bool{}
		for i, s := range got {
			if s.Location == "" || seen[s.Location] || s.Why == "" || strings.Contains(s.Why, "%!") || i > 0 && order[s.Confidence] < order[got[i-1].Confidence] {
				t.Fatalf("got %v", said(got))
			}
			seen[s.Location] = true
		}
		slices.Reverse(have)
		if again := suggest.New(slices.Values(have)).Suggest(key); len(got) > suggest.MaxSuggestions || !slices.Equal(again, got) {
			t.Fatalf("%v, in another order %v", said(got), said(again))
		}
	})
}
