package quality_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/admin/inventory"
	"github.com/callbox911/callbox/internal/admin/quality"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/locate"
	"github.com/callbox911/callbox/internal/snapshot"
)

const harbor e911.OrgID = "harbor"

var now = time.Date(2026, 3, 9, 14, 0, 0, 0, time.UTC)

func world(t *testing.T) *snapshot.Snapshot {
	t.Helper()
	var changes []snapshot.Change
	put := func(kind e911.ObjectKind, id string, object any) {
		org := harbor
		if kind == e911.KindModel {
			org = ""
		}
		changes = append(changes, snapshot.Change{Kind: kind, Org: org, ID: id, Object: object})
	}
	civic := e911.Civic{Country: "US", A1: "MA", A2: "Middlesex County", A3: "Cambridge", HNO: "795", RD: "Massachusetts", STS: "Avenue", PC: "02139"}
	element := func(id string, e e911.Element) {
		e.ID, e.Org, e.Location = e911.ElementID(id), harbor, "room"
		put(e911.KindElement, id, e)
	}
	const chassis = "0c:75:bd:00:00:01"
	put(e911.KindModel, "m", e911.Model{ID: "m", Key: "8851", HELD: true})
	put(e911.KindOrg, "harbor", e911.Org{ID: harbor, Key: "harbor", Name: "Harbor"})
	put(e911.KindSite, "hq", e911.Site{ID: "hq", Org: harbor, Key: "hq", Name: "HQ", Zone: "UTC", Mode: e911.ModeDynamic, Stage: e911.StageNone})
	put(e911.KindBuilding, "mill", e911.Building{ID: "mill", Org: harbor, Site: "hq", Key: "mill", Name: "Mill", Address: civic, Point: &e911.Point{Lat: 42.3, Lon: -71.1}})
	put(e911.KindBuilding, "shed", e911.Building{ID: "shed", Org: harbor, Site: "hq", Key: "shed", Name: "Shed", Address: civic})
	put(e911.KindLocation, "room", e911.Location{ID: "room", Org: harbor, Building: "mill", Key: "room", Detail: e911.Civic{ROOM: "210"}})
	put(e911.KindLocation, "hall", e911.Location{ID: "hall", Org: harbor, Building: "mill", Key: "hall"})
	element("p7", e911.Element{Kind: e911.ElementLLDPPort, LLDP: e911.LLDPPort{Chassis: chassis, Port: "7"}})
	element("p8", e911.Element{Kind: e911.ElementLLDPPort, LLDP: e911.LLDPPort{Chassis: chassis, Port: "8"}})
	element("ps", e911.Element{Kind: e911.ElementLLDPPorts, LLDP: e911.LLDPPort{Chassis: chassis, Port: "[5-7]"}})
	element("b1", e911.Element{Kind: e911.ElementBSSID, MAC: "00:11:22:33:44:50", MACTo: "00:11:22:33:44:5f"})
	element("b2", e911.Element{Kind: e911.ElementBSSID, MAC: "00:11:22:33:44:60"})
	element("i1", e911.Element{Kind: e911.ElementIP, Range: netip.MustParsePrefix("10.20.0.0/16")})
	element("i2", e911.Element{Kind: e911.ElementIP, From: netip.MustParseAddr("10.30.0.1"), To: netip.MustParseAddr("10.30.0.9")})
	put(e911.KindUser, "u1", e911.User{ID: "u1", Org: harbor, Site: "hq", Key: "front", Name: "Front"})
	put(e911.KindUser, "u2", e911.User{ID: "u2", Org: harbor, Site: "hq", Key: "nowhere", Name: "Nobody knows"})
	put(e911.KindDevice, "d1", e911.Device{ID: "d1", Org: harbor, Site: "hq", Key: "phone-1", User: "u1", Model: "m"})
	put(e911.KindDevice, "d2", e911.Device{ID: "d2", Org: harbor, Site: "hq", Key: "phone-2", User: "u2"})
	put(e911.KindNumber, "n1", e911.NumberRec{ID: "n1", Org: harbor, Site: "hq", Number: "+16175550111", User: "u2", ELIN: true})
	s, err := snapshot.Build(changes, now)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Proves: N-06
func TestWhatIsMissingOrOldIsSaid(t *testing.T) {
	shown := []locate.Sighting{
		{Layer: locate.LayerLLDP, Keys: []string{"0c:75:bd:00:00:01", "4", "7"}},
		{Layer: locate.LayerServing, Keys: []string{"00:11:22:33:44:5a"}},
		{Layer: locate.LayerOwn, Keys: []string{"10.20.7.7", "10.30.0.10", "no address"}},
	}
	old := now.Add(-40 * 24 * time.Hour)
	r, err := quality.Check(world(t), quality.Question{
		Org: harbor, Now: now, InUse: slices.Values(shown),
		Seen:    map[string]inventory.Device{"d1": {Device: "d1", Last: old, By: e911.ByLLDPPort, EvidenceAt: old}},
		Unknown: []inventory.Entry{{Unknown: inventory.Unknown{ID: "abc", Stranded: 3}, Text: "switch port 9"}, {Unknown: inventory.Unknown{ID: "def"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	got := map[quality.Code][]string{}
	for _, f := range r.Findings {
		got[f.Code] = append(got[f.Code], f.Key)
		if f.Msg == "" || f.Fix == "" {
			t.Errorf("%s of %s says not what is wrong, or not how to mend it", f.Code, f.Key)
		}
	}
	want := map[quality.Code][]string{
		quality.ELINUnusable:      {"+16175550111"},
		quality.NumberNoAddress:   {"+16175550111"},
		quality.UnknownElement:    {"abc"},
		quality.NotDispatchable:   {"hall"},
		quality.BuildingNoPoint:   {"shed"},
		quality.UserNoLocation:    {"nowhere"},
		quality.SiteNoCallback:    {"hq"},
		quality.DeviceNoModel:     {"phone-2"},
		quality.DeviceNeverSeen:   {"phone-2"},
		quality.DeviceOldLocation: {"phone-1"},
		quality.ElementUnused:     {"bssid 00:11:22:33:44:60", "ip 10.30.0.1-10.30.0.9", `lldp "0c:75:bd:00:00:01" 8`},
		quality.LocationUnused:    {"hall"},
		quality.BuildingUnused:    {"shed"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("findings (-want +got)\n%s", diff)
	}
	for code, keys := range want {
		if r.Counts[code] != len(keys) {
			t.Errorf("%d of %s, want %d", r.Counts[code], code, len(keys))
		}
	}
	ages := map[string]int{}
	for _, a := range r.Ages {
		ages[a.UpTo] = a.Devices
	}
	if ages["older"] != 1 || ages["never"] != 1 || ages["1h"] != 0 {
		t.Errorf("ages = %v", ages)
	}
	if _, err := quality.Check(world(t), quality.Question{Org: "quay", Now: now}); e911.KindOf(err) != e911.NotFound {
		t.Errorf("another organisation: %v", err)
	}
}
