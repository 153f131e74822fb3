package discover_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/admin/discover"
	"github.com/callbox911/callbox/internal/admin/discover/discovertest"
	"github.com/callbox911/callbox/internal/e911"
)

func walk(t *testing.T, file string) discover.Device {
	t.Helper()
	path := filepath.Join(discovertest.Walks(t), file+".snmprec.bz2")
	return discover.Decode("192.0.2.1", time.Time{}, discovertest.Answers(discovertest.Read(t, path)))
}

// summary is what a person would check on the device itself.
func summary(d discover.Device) string {
	neighbours, stations, aliases, radios := 0, 0, 0, 0
	for _, p := range d.Ports {
		neighbours += len(p.Neighbours)
		stations += len(p.Stations)
		if p.Alias != "" {
			aliases++
		}
	}
	for _, a := range d.APs {
		radios += len(a.Radios)
	}
	return fmt.Sprintf("%s [%s] ports=%d aliases=%d neighbours=%d stations=%d aps=%d radios=%d gateways=%d wireless=%d units=%d",
		d.Vendor, d.Chassis, len(d.Ports), aliases, neighbours, stations, len(d.APs), radios, len(d.Gateways), len(d.Wireless), len(d.Units))
}

// Ports, neighbours and access points are as many as grep finds rows of
// lldpLocPortId, lldpRemChassisId with cdpCacheDeviceId, and the AP tables.
//
// Proves: W-36, F-19
func TestRealDevicesOfManyVendorsAreRead(t *testing.T) {
	for _, c := range []struct{ file, want string }{
		{"arista-dcs-7150s-52-cl", "Arista [00:1c:73:b4:fd:69] ports=49 aliases=0 neighbours=2 stations=16 aps=0 radios=0 gateways=2 wireless=0 units=1"},
		{"router/huawei-s5720", "Huawei [] ports=33 aliases=1 neighbours=0 stations=48 aps=0 radios=0 gateways=3 wireless=0 units=1"},
		{"switch/brocade-icx6430-24", "Brocade [] ports=29 aliases=0 neighbours=0 stations=18 aps=0 radios=0 gateways=0 wireless=0 units=0"},
		{"switch/cisco-c3560", "Cisco [e8:04:62:78:f2:00] ports=53 aliases=0 neighbours=9 stations=0 aps=0 radios=0 gateways=2 wireless=0 units=1"},
		{"switch/cisco-c3750", "Cisco [f4:7f:35:93:af:80] ports=12 aliases=7 neighbours=125 stations=15 aps=0 radios=0 gateways=0 wireless=0 units=1"},
		{"switch/cisco-n5000", "Cisco [8c:60:4f:19:16:7c] ports=65 aliases=6 neighbours=14 stations=0 aps=0 radios=0 gateways=17 wireless=0 units=1"},
		{"switch/dlink-des3200", "D-Link [] ports=18 aliases=18 neighbours=0 stations=280 aps=0 radios=0 gateways=1 wireless=0 units=0"},
		{"switch/hpe-procurve-516733-b21", "HPE [ac:16:2d:92:7d:21] ports=24 aliases=0 neighbours=10 stations=260 aps=0 radios=0 gateways=0 wireless=0 units=1"},
		{"switch/ruijie-s5750-24gt12sfp", "Ruijie [] ports=24 aliases=2 neighbours=0 stations=381 aps=0 radios=0 gateways=2 wireless=0 units=1"},
		{"wifi/aruba-7010", "Aruba [] ports=0 aliases=0 neighbours=0 stations=0 aps=4 radios=26 gateways=0 wireless=0 units=0"},
		{"wifi/aruba-7210", "Aruba [] ports=6 aliases=3 neighbours=0 stations=0 aps=13 radios=47 gateways=0 wireless=82 units=0"},
		{"wifi/cisco-wlc-airespace-subset", "Cisco [] ports=0 aliases=0 neighbours=0 stations=0 aps=226 radios=226 gateways=0 wireless=95 units=0"},
		{"wifi/sangfor-wac-2", "Sangfor [] ports=10 aliases=0 neighbours=0 stations=0 aps=111 radios=0 gateways=1 wireless=0 units=0"},
		{"wifi/ubiquiti-m5", "Ubiquiti [] ports=8 aliases=0 neighbours=0 stations=0 aps=1 radios=1 gateways=0 wireless=0 units=0"},
	} {
		t.Run(filepath.Base(c.file), func(t *testing.T) {
			d := walk(t, c.file)
			if diff := cmp.Diff(c.want, summary(d)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if len(d.Incomplete) > 0 {
				t.Errorf("incomplete: %+v", d.Incomplete)
			}
		})
	}
}

// The ids are those that the walks hold, in the form of a phone's report.
//
// Proves: W-36, F-19
func TestPortsHaveTheIDsThatLLDPSends(t *testing.T) {
	for _, c := range []struct {
		name, file string
		port       int
		want       discover.Port
	}{
		{"an interface name, with what the network team wrote on it", "switch/cisco-c3750", 0, discover.Port{ID: "Gi1/0/1", Interface: "Gi1/0/1", Alias: "DJ_200_POE", Up: true}},
		{"a local id", "switch/hpe-procurve-516733-b21", 23, discover.Port{ID: "24", Interface: "24"}},
		{"a hardware address that the agent sends as text", "switch/cisco-n5000", 1, discover.Port{ID: "8c:60:4f:19:16:28", Interface: "Ethernet1/1", Alias: "H3C-1:25", Up: true}},
		{"no LLDP-MIB: no id", "switch/dlink-des3200", 1, discover.Port{Interface: "2", Alias: "Mik2-local", Up: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := walk(t, c.file).Ports[c.port]
			got.Neighbours, got.Stations = nil, nil
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// Proves: W-36, F-19
func TestControllersGiveAccessPointsAndTheirBSSIDs(t *testing.T) {
	wlc := walk(t, "wifi/cisco-wlc-airespace-subset")
	want := discover.AP{Name: "erjiao_sw", MAC: "c8:4c:75:0b:a3:a4", Radios: []discover.Radio{{From: "00:3a:98:b0:2e:70", To: "00:3a:98:b0:2e:7f"}}}
	if diff := cmp.Diff(want, wlc.APs[0]); diff != "" {
		t.Errorf("Cisco (-want +got)\n%s", diff)
	}
	aruba := walk(t, "wifi/aruba-7210")
	want = discover.AP{Name: "SH-JXL-B1-jifang", Radios: []discover.Radio{{From: "6c:f3:7f:c7:d0:30", SSID: "BUPT-1"}}}
	if diff := cmp.Diff(want, aruba.APs[0]); diff != "" {
		t.Errorf("Aruba (-want +got)\n%s", diff)
	}
	// The first client of the walk's wlanStationTable is on Wi-Fi.
	if aruba.Wireless[0] != "00:23:14:54:fb:04" {
		t.Errorf("wireless: %v", aruba.Wireless[0])
	}
}

// Virtual routers stand on several devices: no walk's HSRP or VRRP address is
// proposed, and the reason is given.
//
// Proves: F-19
func TestSharedAddressesAreListedWithTheReason(t *testing.T) {
	refused := 0
	for _, p := range discover.Propose([]discover.Device{walk(t, "switch/cisco-n5000"), walk(t, "wifi/sangfor-wac-2")}, nil) {
		if p.Element.Kind == e911.ElementGateway && p.Element.MAC.VirtualRouter() {
			refused++
			if p.Status != discover.Refused || p.Why == "" {
				t.Errorf("%s is %s: %q", p.Element.MAC, p.Status, p.Why)
			}
		}
	}
	if refused != 16 { // 15 of HSRP and 1 of VRRP
		t.Errorf("%d shared addresses", refused)
	}
}
