package locate_test

import (
	"cmp"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/locate"
)

const (
	ap1, ap2, ap3 e911.MAC = "00:11:22:33:44:50", "00:11:22:33:44:60", "00:11:22:33:44:70"
	phone         e911.MAC = "00:11:22:aa:bb:cc"
)

func newNetwork() *network {
	return &network{
		ports:   map[e911.LLDPPort]e911.LocationID{{Chassis: "0c:75:bd:00:00:01", Port: "Gi1/0/7"}: "mill/2/210", {Chassis: "sw-7", Port: "1"}: "mill/1"},
		chassis: map[string]e911.LocationID{"0c:75:bd:00:00:01": "mill/2", "sw-7": "mill/1", "10.9.0.1": "annex/1"},
		bssid:   map[e911.MAC]e911.LocationID{ap1: "mill/2", ap2: "mill/2", ap3: "mill/3", "02:11:22:33:44:50": "depot/1", "00:11:22:00:00:99": "gone"},
		mac:     map[e911.MAC]e911.LocationID{phone: "mill/2/211", "00:00:5e:00:01:01": "depot/1"},
		ip: map[netip.Prefix]e911.LocationID{
			netip.MustParsePrefix("127.0.2.0/24"):    "mill/2/210",
			netip.MustParsePrefix("192.168.1.0/24"):  "mill/1",
			netip.MustParsePrefix("192.168.1.64/26"): "mill/3",
			netip.MustParsePrefix("198.51.100.0/24"): "annex/1",
			netip.MustParsePrefix("2001:db8:7::/48"): "annex/1",
		},
		public: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")},
		gone:   "gone",
	}
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

// Proves: F-06, F-18, F-19, W-10, E11
func TestWhatAMeasurementProves(t *testing.T) {
	sw := "0c:75:bd:00:00:01"
	for _, c := range []struct {
		name     string
		in       locate.Measurement
		want     []string // "by place" best first
		findings int
	}{
		{"a port, and its switch behind it", locate.Measurement{LLDP: []locate.Neighbour{{Chassis: sw, ChassisSubtype: 4, Port: "Gi1/0/7"}}}, []string{"lldp_port mill/2/210", "lldp_chassis mill/2"}, 2},
		{"another port of the switch", locate.Measurement{LLDP: []locate.Neighbour{{Chassis: sw, ChassisSubtype: 4, Port: "Gi1/0/8"}}}, []string{"lldp_chassis mill/2"}, 2},
		{"a chassis id of the kind local finds nobody alone", locate.Measurement{LLDP: []locate.Neighbour{{Chassis: "sw-7", ChassisSubtype: 7, Port: "1"}}}, []string{"lldp_port mill/1"}, 2},
		{"nor does a name of unknown kind", locate.Measurement{LLDP: []locate.Neighbour{{Chassis: "sw-7"}}}, nil, 1},
		{"nor an interface name, whatever it looks like", locate.Measurement{LLDP: []locate.Neighbour{{Chassis: sw, ChassisSubtype: 6}}}, nil, 1},
		{"a chassis id that is an address", locate.Measurement{LLDP: []locate.Neighbour{{Chassis: "10.9.0.1", ChassisSubtype: 5}}}, []string{"lldp_chassis annex/1"}, 1},
		{"a neighbour without an id", locate.Measurement{LLDP: []locate.Neighbour{{}}}, nil, 0},

		{"the serving access point", locate.Measurement{Serving: ap1}, []string{"bssid mill/2"}, 1},
		{"a locally administered access point finds nobody", locate.Measurement{Serving: "02:11:22:33:44:50"}, nil, 1},
		{"one that is not on the map", locate.Measurement{Serving: "00:11:22:00:00:01"}, nil, 1},
		{"one that is mapped to nowhere", locate.Measurement{Serving: "00:11:22:00:00:99"}, nil, 1},
		{"neighbours that agree", locate.Measurement{Neighbours: []e911.MAC{ap1, ap2, ap3}}, []string{"bssid_nearby mill/2"}, 1},
		{"neighbours that agree on the building only", locate.Measurement{Neighbours: []e911.MAC{ap2, ap3}}, []string{"bssid_nearby mill"}, 1},
		{"one neighbour is its building", locate.Measurement{Neighbours: []e911.MAC{ap3, "00:11:22:00:00:01"}}, []string{"bssid_nearby mill"}, 1},
		{"one neighbour heard twice is one", locate.Measurement{Neighbours: []e911.MAC{ap3, ap3}}, []string{"bssid_nearby mill"}, 1},
		{"the serving one is none of the neighbours", locate.Measurement{Serving: ap1, Neighbours: []e911.MAC{ap1}}, []string{"bssid mill/2"}, 1},
		{"neighbours that nobody knows", locate.Measurement{Neighbours: []e911.MAC{"00:11:22:00:00:01"}}, nil, 1},

		{"a device that never moves", locate.Measurement{MAC: phone}, []string{"mac mill/2/211"}, 1},
		{"the address of a virtual router finds nobody", locate.Measurement{MAC: "00:00:5e:00:01:01"}, nil, 1},

		{"a mapped source address", locate.Measurement{Source: addr("127.0.2.10")}, []string{"private_ip mill/2/210"}, 1},
		{"written as IPv6", locate.Measurement{Source: addr("::ffff:127.0.2.10")}, []string{"private_ip mill/2/210"}, 1},
		{"a mapped public address", locate.Measurement{Source: addr("198.51.100.9")}, []string{"public_ip annex/1"}, 1},
		{"a mapped IPv6 address", locate.Measurement{Source: addr("2001:db8:7::9")}, []string{"public_ip annex/1"}, 1},
		{"the longest range counts", locate.Measurement{Source: addr("192.168.1.70")}, []string{"private_ip mill/3"}, 1},
		{"a source through a tunnel", locate.Measurement{Source: addr("127.0.2.10"), Tunnel: true}, nil, 1},
		{"an own address behind the organisation's public one", locate.Measurement{Source: addr("203.0.113.5"), Addrs: []netip.Addr{addr("192.168.1.10")}}, []string{"private_ip mill/1"}, 2},
		{"an own address at home, where it is the same", locate.Measurement{Source: addr("192.0.2.5"), Addrs: []netip.Addr{addr("192.168.1.10")}}, nil, 2},
		{"an own address without a source", locate.Measurement{Addrs: []netip.Addr{addr("192.168.1.10")}}, nil, 1},
		{"a full tunnel from home through headquarters", locate.Measurement{Source: addr("203.0.113.5"), Addrs: []netip.Addr{addr("192.168.1.10")}, Tunnel: true}, nil, 2},
		{"an own address that is the source", locate.Measurement{Source: addr("127.0.2.10"), Addrs: []netip.Addr{addr("127.0.2.10")}}, []string{"private_ip mill/2/210"}, 1},

		{
			"everything at once, in order",
			locate.Measurement{
				LLDP: []locate.Neighbour{{Chassis: sw, ChassisSubtype: 4, Port: "Gi1/0/7"}}, Serving: ap1, Neighbours: []e911.MAC{ap2, "00:11:22:33:44:50"},
				MAC: phone, Source: addr("198.51.100.9"), Addrs: []netip.Addr{addr("192.168.1.10")},
			},
			[]string{"lldp_port mill/2/210", "bssid mill/2", "bssid_nearby mill", "lldp_chassis mill/2", "mac mill/2/211", "public_ip annex/1"},
			7,
		},
		{"nothing", locate.Measurement{}, nil, 0},

		{"the default gateway", locate.Measurement{Gateway: gw}, []string{"gateway mill/2"}, 1},
		{"a gateway of several routers", locate.Measurement{Gateway: "00:00:5e:00:01:01"}, nil, 1},
		{"a base, as its system names it", locate.Measurement{DECTBase: "0011223344"}, []string{"dect_base mill/3"}, 1},
		{"a base that nobody knows", locate.Measurement{DECTBase: "0011223355"}, nil, 1},
		{"an access point, as its controller names it", locate.Measurement{AP: "AP-Mill-3"}, []string{"ap mill/3"}, 1},
		{"a port of an analogue adapter before the adapter's own", locate.Measurement{ATA: locate.ATAPort{Adapter: "00:11:22:55:00:01", Port: "2"}, LLDP: portOf("Gi1/0/7")}, []string{"ata_port annex/1", "lldp_port mill/2/210", "lldp_chassis mill/2"}, 3},
		{"a port of an adapter of no address", locate.Measurement{ATA: locate.ATAPort{Adapter: "02:11:22:55:00:01", Port: "2"}}, nil, 1},
		{"gateway before base before range", locate.Measurement{Source: addr("10.10.0.7"), DECTBase: "0011223344", Gateway: gw}, []string{"gateway mill/2", "dect_base mill/3", "private_ip mill/1"}, 3},

		{"from the pool of a VPN: access point and port count, gateway and addresses do not", locate.Measurement{Source: addr(vpn), Serving: ap1, LLDP: portOf("Gi1/0/7"), Gateway: gw, Addrs: []netip.Addr{addr("10.10.0.7")}}, []string{"lldp_port mill/2/210", "bssid mill/2", "lldp_chassis mill/2"}, 6},
		{"from a proxy", locate.Measurement{Source: addr("203.0.113.98"), Gateway: gw, Addrs: []netip.Addr{addr("10.10.0.7")}}, nil, 3},
		{"from a secure access service edge", locate.Measurement{Source: addr("203.0.113.99"), Gateway: gw}, nil, 2},
		{"a client that says that a tunnel is up", locate.Measurement{Source: addr(pub), Tunnel: true, Gateway: gw, Serving: ap1}, []string{"bssid mill/2"}, 3},
		{"an own address of a pool is no place", locate.Measurement{Source: addr(pub), Addrs: []netip.Addr{addr(vpn)}}, nil, 2},
		{"a full-tunnel laptop at home whose address exists at headquarters", locate.Measurement{Source: addr(vpn), Addrs: []netip.Addr{addr("192.168.1.10"), addr(vpn)}}, nil, 2},

		{"an interface without link", locate.Measurement{Interfaces: []locate.Interface{{Name: "eth0", Down: true, LLDP: portOf("Gi1/0/7"), Gateway: gw}}}, nil, 1},
		{"two interfaces, one with link", locate.Measurement{Interfaces: []locate.Interface{{Name: "eth0", Down: true, LLDP: portOf("Gi1/0/7")}, {Name: "wlan0", Serving: ap3}}}, []string{"bssid mill/3"}, 2},
		{"two interfaces with link", locate.Measurement{Interfaces: []locate.Interface{{Name: "wlan0", Serving: ap3}, {Name: "eth0", LLDP: portOf("Gi1/0/7")}}}, []string{"lldp_port mill/2/210", "bssid mill/3", "lldp_chassis mill/2"}, 3},
		{"a virtual interface", locate.Measurement{Source: addr(pub), Interfaces: []locate.Interface{{Name: "docker0", Virtual: true, Addrs: []netip.Addr{addr("10.20.0.7")}}}}, nil, 2},
		{"an interface with the address of a virtual adapter", locate.Measurement{Source: addr(pub), Interfaces: []locate.Interface{{Name: "vEthernet", MAC: "00:15:5d:00:00:01", Addrs: []netip.Addr{addr("10.20.0.7")}}}}, nil, 2},
		{"an address of a virtual range", locate.Measurement{Source: addr(pub), Addrs: []netip.Addr{addr("172.17.0.2")}}, nil, 2},
		{"a source of a virtual range", locate.Measurement{Source: addr("172.17.0.2")}, nil, 1},
		{"an access point that is a virtual adapter", locate.Measurement{Serving: "00:15:5d:00:00:01"}, nil, 1},
		{"the dock's address on an interface that has link", locate.Measurement{Interfaces: []locate.Interface{{Name: "usb0", MAC: phone}}}, []string{"mac mill/2/211"}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.in.At = ago(time.Minute)
			got, findings := locate.Measured(office(), c.in)
			var said []string
			for _, e := range got {
				where := e.Place.Key
				if where == "" {
					where = string(e.Place.Building)
				}
				said = append(said, string(e.By)+" "+where)
				if !e.At.Equal(c.in.At) || e.Said == "" || e.Who == "" {
					t.Errorf("evidence %+v without its time or key", e)
				}
			}
			if !slices.Equal(said, c.want) {
				t.Errorf("proves %v, want %v", said, c.want)
			}
			if len(findings) != c.findings {
				t.Errorf("%d findings %+v, want %d", len(findings), findings, c.findings)
			}
			for _, f := range findings {
				if f.Why == "" || f.Said == "" || f.Rule == "" {
					t.Errorf("finding %+v does not say why", f)
				}
			}
		})
	}
}

// Proves: F-19
func TestAPCBehindAPhoneIsWhereThePhoneIs(t *testing.T) {
	seen := ago(time.Hour)
	m := locate.Measurement{
		At: now, LLDP: []locate.Neighbour{{Chassis: string(phone), ChassisSubtype: 4, Port: "2"}},
		PhoneAt: func(m e911.MAC) (locate.Evidence, bool) {
			return locate.Evidence{By: port, At: seen, Place: place("mill/2/210")}, m == phone
		},
	}
	got, _ := locate.Measured(newNetwork(), m)
	if len(got) != 1 || got[0].By != chassis || got[0].Place.Key != "mill/2/210" || !got[0].At.Equal(seen) {
		t.Errorf("evidence %+v, want that of the phone, as old as the phone's", got)
	}
}

// The source address may have been seen at another time than the rest.
//
// Proves: F-18
func TestTheSourceAddressHasItsOwnTime(t *testing.T) {
	got, _ := locate.Measured(newNetwork(), locate.Measurement{At: ago(time.Hour), Source: addr("127.0.2.10"), SourceAt: now})
	if len(got) != 1 || !got[0].At.Equal(now) {
		t.Errorf("evidence %+v, want it of now", got)
	}
}

// Proves: W-39, W-10
func TestAddressesOfNumbersAndSites(t *testing.T) {
	n := newNetwork()
	n.numbers = []e911.NumberRec{
		{Number: "+16175550111", User: "u", Location: "mill/2/210"},
		{Number: "+16175550112", User: "u", Location: "mill/2/210"},
		{Number: "+16175550113", User: "u"},
		{Number: "+14135550121", Location: "depot/1"},
		{Number: "+14135550122", Location: "gone"},
		{Number: "+16175550131", User: "w", Location: "desk/1"},
		{Number: "+16175550132", User: "w", Location: "home/1"},
		{Number: "+16175550140", Owner: e911.OwnerVirtualLine, Location: "pool/1"},
	}
	for _, c := range []struct {
		name string
		user e911.UserID
		line e911.Number
		want []string
	}{
		{"the user's numbers, each address once", "u", "", []string{"mill/2/210"}},
		{"the line of a location", "", "+14135550121", []string{"depot/1"}},
		{"user before line", "u", "+14135550121", []string{"mill/2/210", "depot/1"}},
		{"an address that is gone", "", "+14135550122", nil},
		{"of his own numbers the one he calls from", "w", "+16175550132", []string{"home/1", "desk/1"}},
		{"a virtual line on his telephone before his own number", "w", "+16175550140", []string{"pool/1", "desk/1", "home/1"}},
		{"nobody's number", "", "+12125550199", nil},
		{"nothing", "", "", nil},
	} {
		var got []string
		for _, k := range locate.FromNumbers(n, c.user, c.line) {
			got = append(got, k.Place.Key)
			if k.Rank != locate.RankNumber || k.By != e911.ByNumber || k.Via != "number" {
				t.Errorf("%s: candidate %+v", c.name, k)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	r := locate.Registered{Place: place("flat/1"), At: ago(time.Hour)}
	for _, c := range []struct {
		name string
		user e911.UserID
		line e911.Number
		r    locate.Registered
		want []string
	}{
		{"behind his own numbers", "u", "", r, []string{"mill/2/210", "flat/1"}},
		{"before a line that is not his", "z", "+14135550121", r, []string{"flat/1", "depot/1"}},
		{"behind a virtual line", "z", "+16175550140", r, []string{"pool/1", "flat/1"}},
		{"the place of his number once", "u", "", locate.Registered{Place: place("mill/2/210"), At: now}, []string{"mill/2/210"}},
		{"nothing that he said", "z", "", locate.Registered{}, nil},
		{"nobody said it", "", "", r, nil},
	} {
		var got []string
		for _, k := range locate.FromPerson(n, c.user, c.line, c.r) {
			got = append(got, k.Place.Key)
			if k.Rank != locate.RankNumber || !k.At.IsZero() {
				t.Errorf("%s: candidate %+v", c.name, k)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("a registered place, %s: %v, want %v", c.name, got, c.want)
		}
	}
	if k, ok := locate.FromSite(oneSite{places: []e911.Place{place("mill")}}, "hq"); !ok || k.Rank != locate.RankSite || k.Place.Building != "mill" {
		t.Errorf("the only building: %+v, %v", k, ok)
	}
	for _, many := range [][]e911.Place{nil, {place("mill"), place("annex")}} {
		if k, ok := locate.FromSite(oneSite{places: many}, "hq"); ok {
			t.Errorf("%d buildings: %+v, want no default", len(many), k)
		}
	}
	if _, ok := locate.FromLocation(n, "gone", port, now); ok {
		t.Error("a location that is gone makes evidence")
	}
}

// oneSite is a site of some buildings, with an address of its numbers or none.
type oneSite struct {
	places []e911.Place
	esa    e911.LocationID
}

func (s oneSite) BuildingPlaces(e911.SiteID) []e911.Place { return s.places }

func (s oneSite) Site(id e911.SiteID) (e911.Site, bool) {
	return e911.Site{ID: id, ESA: s.esa}, true
}

func (s oneSite) Place(id e911.LocationID) (e911.Place, bool) {
	if id == "gone" || id == "" {
		return e911.Place{}, false
	}
	return place(string(id)), true
}

// A new number has the address of its site, another one has its own, and one
// whose own address was taken away has that of the site again.
//
// Proves: P-19, P-20, P-61
func TestTheAddressOfANumber(t *testing.T) {
	two := []e911.Place{place("mill"), place("annex")}
	for _, c := range []struct {
		name string
		site oneSite
		own  e911.LocationID
		want string
	}{
		{"a new number of a site with an address", oneSite{places: two, esa: "lobby"}, "", "lobby"},
		{"a number with an address of its own", oneSite{places: two, esa: "lobby"}, "home", "home"},
		{"a number whose own address is gone", oneSite{places: two, esa: "lobby"}, "gone", "lobby"},
		{"a site whose address is gone", oneSite{places: two[:1], esa: "gone"}, "", "mill"},
		{"a site of one building", oneSite{places: two[:1]}, "", "mill"},
		{"a site of several buildings", oneSite{places: two}, "", ""},
	} {
		got, ok := locate.ESA(c.site, e911.NumberRec{Site: "hq", Location: c.own})
		if key := cmp.Or(got.Key, string(got.Building)); key != c.want || ok != (c.want != "") {
			t.Errorf("%s: %q, %v, want %q", c.name, key, ok, c.want)
		}
	}
}

// Proves: F-19
func TestKeysThatFindNobodyAreRefused(t *testing.T) {
	el := func(kind e911.ElementKind, mac e911.MAC, chassis, port string) e911.Element {
		return e911.Element{Kind: kind, MAC: mac, LLDP: e911.LLDPPort{Chassis: chassis, Port: port}}
	}
	for _, c := range []struct {
		name string
		e    e911.Element
		ok   bool
	}{
		{"an access point", el(e911.ElementBSSID, ap1, "", ""), true},
		{"a locally administered one", el(e911.ElementBSSID, "02:11:22:33:44:50", "", ""), false},
		{"no address", el(e911.ElementBSSID, "", "", ""), false},
		{"another notation", el(e911.ElementBSSID, "00-11-22-33-44-50", "", ""), false},
		{"nought", el(e911.ElementMAC, "00:00:00:00:00:00", "", ""), false},
		{"broadcast", el(e911.ElementMAC, "ff:ff:ff:ff:ff:ff", "", ""), false},
		{"multicast", el(e911.ElementMAC, "01:00:5e:00:00:01", "", ""), false},
		{"VRRP", el(e911.ElementMAC, "00:00:5e:00:01:07", "", ""), false},
		{"HSRP", el(e911.ElementMAC, "00:00:0c:07:ac:01", "", ""), false},
		{"GLBP", el(e911.ElementMAC, "00:07:b4:00:01:02", "", ""), false},
		{"a phone", el(e911.ElementMAC, phone, "", ""), true},
		{"a switch by its address", el(e911.ElementLLDPChassis, "", "0c:75:bd:00:00:01", ""), true},
		{"a switch by its network address", el(e911.ElementLLDPChassis, "", "10.9.0.1", ""), true},
		{"a switch by a name", el(e911.ElementLLDPChassis, "", "sw-7", ""), false},
		{"a switch by a shared address", el(e911.ElementLLDPChassis, "", "00:00:5e:00:01:07", ""), false},
		{"a port of a named switch", el(e911.ElementLLDPPort, "", "sw-7", "1"), true},
		{"a port without a switch", el(e911.ElementLLDPPort, "", "", "1"), false},
		{"a range", e911.Element{Kind: e911.ElementIP, Range: netip.MustParsePrefix("10.0.0.0/8")}, true},
		{"a range with host bits", e911.Element{Kind: e911.ElementIP, Range: netip.MustParsePrefix("10.0.0.1/8")}, false},
		{"no range", e911.Element{Kind: e911.ElementIP}, false},
		{"a kind of another version", e911.Element{Kind: "beacon"}, false},
	} {
		if why := locate.KeyFault(c.e); (why == "") != c.ok {
			t.Errorf("%s: %q, want fine: %v", c.name, why, c.ok)
		}
	}
}
