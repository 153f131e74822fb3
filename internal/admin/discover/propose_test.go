package discover_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/callbox911/callbox/internal/admin/discover"
	"github.com/callbox911/callbox/internal/e911"
)

const chassis = "00:aa:bb:cc:00:01"

func sw(ports ...discover.Port) discover.Device {
	return discover.Device{Target: "sw1", Name: "sw1", Location: "HQ basement", Chassis: chassis, ChassisUnique: true, Ports: ports}
}

func phone(m e911.MAC) discover.Neighbour { return discover.Neighbour{MAC: m, Phone: true, By: "lldp"} }

func port(id string) e911.Element {
	return e911.Element{Kind: e911.ElementLLDPPort, LLDP: e911.LLDPPort{Chassis: chassis, Port: id}}
}

var places = []discover.Place{
	{Key: "hq-2-113", Name: "Room 113", Building: "HQ"},
	{Key: "hq-basement", Building: "HQ"},
	{Key: "lab", Building: "Annex"},
}

// said writes the proposals in one line each.
func said(list []discover.Proposal) string {
	var b strings.Builder
	for _, p := range list {
		fmt.Fprintf(&b, "%s %s %s @%s/%s %s\n", p.Status, p.Element.Kind, discover.KeyText(p.Element), p.Guess.Location, p.Guess.Confidence, p.Why)
	}
	return b.String()
}

// Proves: W-36, F-19
func TestWhatADeviceSaysBecomesProposals(t *testing.T) {
	crowd := discover.Port{ID: "Gi1/0/5", Interface: "Gi1/0/5"}
	for i := range 17 {
		crowd.Stations = append(crowd.Stations, e911.MACFrom([6]byte{0, 1, 2, 3, 4, byte(i)}))
	}
	for _, c := range []struct {
		name    string
		devices []discover.Device
		want    string
	}{
		{"a port whose alias is the key of a location, and one with the name in a sentence", []discover.Device{sw(
			discover.Port{ID: "Gi1/0/1", Alias: "HQ-2-113"}, discover.Port{ID: "Gi1/0/2", Alias: "jack B, HQ / Room 113 (window)"},
			discover.Port{ID: "Gi1/0/3", Alias: "collab printer"},
		)}, `proposed lldp_chassis 00:aa:bb:cc:00:01 @hq-basement/high 
proposed lldp_port 00:aa:bb:cc:00:01 Gi1/0/1 @hq-2-113/high 
proposed lldp_port 00:aa:bb:cc:00:01 Gi1/0/2 @hq-2-113/medium 
proposed lldp_port 00:aa:bb:cc:00:01 Gi1/0/3 @/medium 
`},
		{"ports that lead on", []discover.Device{sw(
			discover.Port{ID: "Gi1/0/4", Neighbours: []discover.Neighbour{{Name: "core", Switch: true}}}, crowd,
		)}, `proposed lldp_chassis 00:aa:bb:cc:00:01 @hq-basement/high 
unsure lldp_port 00:aa:bb:cc:00:01 Gi1/0/4 @hq-basement/high leads to the switch core, no phone is on it
unsure lldp_port 00:aa:bb:cc:00:01 Gi1/0/5 @hq-basement/high 17 devices are behind it: it leads to another switch
`},
		{"phones: one that stays, one on two ports, one on Wi-Fi, one with an address of its own making", []discover.Device{
			{
				Target: "sw2", Chassis: "00:aa:bb:cc:00:02", ChassisUnique: true, Wireless: []e911.MAC{"00:11:22:33:44:03"},
				Ports: []discover.Port{
					{ID: "1", Neighbours: []discover.Neighbour{phone("00:11:22:33:44:01"), phone("00:11:22:33:44:02")}},
					{ID: "2", Neighbours: []discover.Neighbour{phone("00:11:22:33:44:02"), phone("00:11:22:33:44:03"), phone("02:11:22:33:44:04")}},
				},
			},
		}, `proposed lldp_chassis 00:aa:bb:cc:00:02 @/ 
proposed lldp_port 00:aa:bb:cc:00:02 1 @/ 
unsure mac 00:11:22:33:44:01 @/ a phone on sw2 1: map it only when it cannot report its port, and stays
refused mac 00:11:22:33:44:02 @/ it is on sw2 1 and on sw2 2
proposed lldp_port 00:aa:bb:cc:00:02 2 @/ 
refused mac 00:11:22:33:44:03 @/ it is on Wi-Fi too: a portable device would carry the place along
refused mac 02:11:22:33:44:04 @/ a locally administered address is not unique
`},
		{"a chassis id that names no switch in the world", []discover.Device{{Target: "sw3", Chassis: "switch", Ports: []discover.Port{{ID: "1"}}}}, `refused lldp_chassis switch @/ a chassis id that is neither a hardware nor a network address is not unique
proposed lldp_port switch 1 @/ 
`},
		{"two switches with one chassis id", []discover.Device{sw(), {Target: "sw4", Chassis: chassis, ChassisUnique: true}}, `unsure lldp_chassis 00:aa:bb:cc:00:01 @hq-basement/high two devices tell of it: sw1 and sw4
`},
		{"access points", []discover.Device{{Target: "wlc", APs: []discover.AP{
			{Name: "lab", Radios: []discover.Radio{{From: "00:3a:98:b0:2e:70", To: "00:3a:98:b0:2e:7f"}}},
			{Name: "ap-7", Location: "hq 2 113", Radios: []discover.Radio{{From: "02:3a:98:b0:2e:70"}}},
		}}}, `proposed ap lab @lab/high 
proposed bssid 00:3a:98:b0:2e:70 00:3a:98:b0:2e:7f @lab/high 
proposed ap ap-7 @hq-2-113/high 
refused bssid 02:3a:98:b0:2e:70 @hq-2-113/high a locally administered address is not unique
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, said(discover.Propose(c.devices, places))); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// What is written as CSV is read back, with the columns of the import, and a
// location stands only where somebody wrote the very place on the element.
//
// Proves: W-36, F-19
func TestProposalsAreAFileOfTheMapImport(t *testing.T) {
	list := discover.Propose([]discover.Device{sw(
		discover.Port{ID: "Gi1/0/1", Alias: "HQ-2-113"}, discover.Port{ID: `a "b", c`, Alias: "near HQ 2 113"},
		discover.Port{ID: "Gi1/0/4", Neighbours: []discover.Neighbour{{Name: "core", Switch: true}}},
	), {Target: "wlc", APs: []discover.AP{{Name: "ap-7", Radios: []discover.Radio{{From: "00:3a:98:b0:2e:70", To: "00:3a:98:b0:2e:7f"}, {From: "02:00:00:00:00:01"}}}}}}, places)
	var out bytes.Buffer
	if err := discover.WriteCSV(&out, list, false); err != nil {
		t.Fatal(err)
	}
	want := `kind,mac,mac_to,chassis,port,range,name,mobility,location
lldp_chassis,,,00:aa:bb:cc:00:01,,,,,hq-basement
lldp_port,,,00:aa:bb:cc:00:01,Gi1/0/1,,,,hq-2-113
lldp_port,,,00:aa:bb:cc:00:01,"a ""b"", c",,,,
ap,,,,,,ap-7,,
bssid,00:3a:98:b0:2e:70,00:3a:98:b0:2e:7f,,,,,,
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	m, err := discover.ReadCSV(&out)
	if err != nil {
		t.Fatal(err)
	}
	diffs, covered := discover.Drift(m, nil, list)
	if len(diffs) != 0 || covered.NotRead != 5 {
		t.Errorf("the map is what was proposed, yet: %+v, %+v", diffs, covered)
	}
}

// Proves: W-36
func TestAMapFileThatCannotBeReadSaysRowAndColumn(t *testing.T) {
	_, err := discover.ReadCSV(strings.NewReader("kind,mac,range,location\nbssid,00-3A-98-B0-2E-70,,x\nbssid,00-3A,,x\nip,,10.0.0.0/33,x\n,,,x\nip,,10.0.0.9-10.0.0.1,x\n"))
	var got []string
	for _, f := range e911.FaultsOf(err) {
		got = append(got, fmt.Sprintf("%d %s %d", f.Row, f.Path, f.Col))
	}
	if diff := cmp.Diff([]string{"3 mac 2", "4 range 3", "5 kind 1"}, got); diff != "" || e911.KindOf(err) != e911.Invalid {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
	for _, text := range []string{"", "mac,location\n", "kind,mac\n\"a"} {
		if _, err := discover.ReadCSV(strings.NewReader(text)); e911.KindOf(err) != e911.Invalid {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// Proves: W-36, W-16
func TestDriftShowsWhatMapAndNetworkHaveApart(t *testing.T) {
	device := sw(discover.Port{ID: "Gi1/0/1", Alias: "hq-2-113"}, discover.Port{ID: "Gi1/0/2"}, discover.Port{ID: "Gi1/0/3", Alias: "lab"})
	wlc := discover.Device{Target: "wlc", APs: []discover.AP{{Name: "AP-1", Radios: []discover.Radio{{From: "00:3a:98:b0:2e:70", To: "00:3a:98:b0:2e:7f"}}}}}
	mapped := func(e e911.Element, place string) discover.Mapped { return discover.Mapped{Element: e, Place: place} }
	m := discover.Map{Elements: []discover.Mapped{
		mapped(e911.Element{Kind: e911.ElementLLDPChassis, LLDP: e911.LLDPPort{Chassis: chassis}}, "hq-basement"),
		mapped(e911.Element{Kind: e911.ElementLLDPPorts, LLDP: e911.LLDPPort{Chassis: chassis, Port: "Gi1/0/[1-1]"}}, "hq-2-113"),
		mapped(port("Gi1/0/3"), "hq-2-113"),
		mapped(port("Gi1/0/48"), "hq-2-113"),
		mapped(e911.Element{Kind: e911.ElementLLDPPort, LLDP: e911.LLDPPort{Chassis: "00:aa:bb:cc:00:99", Port: "1"}}, "lab"),
		mapped(e911.Element{Kind: e911.ElementAP, Name: "ap-1"}, "lab"),
		mapped(e911.Element{Kind: e911.ElementAP, Name: "ap-2"}, "lab"),
		mapped(e911.Element{Kind: e911.ElementBSSID, MAC: "00:3a:98:b0:2e:72"}, "lab"),
		mapped(e911.Element{Kind: e911.ElementBSSID, MAC: "00:3a:98:b0:2f:00"}, "lab"),
	}}
	list := func(devices ...discover.Device) []string {
		diffs, covered := discover.Drift(m, devices, discover.Propose(devices, places))
		var out []string
		for _, d := range diffs {
			out = append(out, fmt.Sprintf("%s %s %s map=%s now=%s", d.Kind, d.Element.Kind, discover.KeyText(d.Element), d.Place, d.Other))
		}
		return append(out, fmt.Sprintf("%+v", covered))
	}
	want := []string{
		"unmapped lldp_port 00:aa:bb:cc:00:01 Gi1/0/2 map= now=hq-basement",
		"elsewhere lldp_port 00:aa:bb:cc:00:01 Gi1/0/3 map=hq-2-113 now=lab",
		"unmapped bssid 00:3a:98:b0:2e:70 00:3a:98:b0:2e:7f map= now=",
		"gone lldp_port 00:aa:bb:cc:00:01 Gi1/0/48 map=hq-2-113 now=",
		"gone ap ap-2 map=lab now=",
		"gone bssid 00:3a:98:b0:2f:00 map=lab now=",
		"{Compared:8 NotRead:1}",
	}
	if diff := cmp.Diff(want, list(device, wlc)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	// A switch that was cut off in the middle: nothing of it is called gone.
	device.Incomplete = []discover.Shortfall{{Table: "lldpLocPortId", Why: "no answer"}}
	for _, line := range list(device) {
		if strings.HasPrefix(line, "gone") {
			t.Error(line)
		}
	}
}

// Proves: F-39
func TestPhonesThatMovedAreShown(t *testing.T) {
	a, b, c, d := e911.MAC("00:11:22:33:44:01"), e911.MAC("00:11:22:33:44:02"), e911.MAC("00:11:22:33:44:03"), e911.MAC("00:11:22:33:44:04")
	with := func(id string, m ...e911.MAC) discover.Port {
		p := discover.Port{ID: id, Interface: id}
		for _, x := range m {
			p.Neighbours = append(p.Neighbours, phone(x))
		}
		return p
	}
	before := []discover.Device{sw(with("1", a), with("2", b), with("3", c))}
	now := []discover.Device{sw(with("1", b), with("2"), with("3", c), with("4", d))}
	now[0].Target = "10.0.0.7" // the switch got another address; it is the same chassis
	want := []discover.Difference{
		{Kind: discover.Moved, Element: e911.Element{Kind: e911.ElementMAC, MAC: b}, From: "sw1 2", To: "sw1 1", Target: "10.0.0.7", Iface: "1"},
		{Kind: discover.Appeared, Element: e911.Element{Kind: e911.ElementMAC, MAC: d}, To: "sw1 4", Target: "10.0.0.7", Iface: "4"},
		{Kind: discover.Left, Element: e911.Element{Kind: e911.ElementMAC, MAC: a}, From: "sw1 1", Target: "sw1", Iface: "1"},
	}
	opts := cmp.Options{cmpopts.IgnoreFields(discover.Difference{}, "Why"), cmpopts.IgnoreFields(e911.Element{}, "Range", "From", "To")}
	if diff := cmp.Diff(want, discover.Moves(before, now), opts); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	now[0].Incomplete = []discover.Shortfall{{Table: "lldpRemChassisId", Why: "no answer"}}
	for _, m := range discover.Moves(before, now) {
		if m.Kind == discover.Left {
			t.Errorf("the neighbours were not read to the end, yet %+v", m)
		}
	}
}
