package snapshot_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/identify"
	"github.com/callbox911/callbox/internal/rules/locate"
	"github.com/callbox911/callbox/internal/snapshot"
)

// The organisation answers what the rules ask.
var (
	_ identify.Org   = (*snapshot.Org)(nil)
	_ identify.World = (*snapshot.Snapshot)(nil)
	_ locate.Map     = (*snapshot.Org)(nil)
	_ locate.Numbers = (*snapshot.Org)(nil)
	_ locate.Sites   = (*snapshot.Org)(nil)
)

var published = time.Date(2026, 3, 2, 15, 0, 0, 0, time.UTC)

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, s := range list {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}

func square(south, west, side float64) e911.MultiPolygon {
	return e911.MultiPolygon{{{
		{Lat: south, Lon: west},
		{Lat: south, Lon: west + side},
		{Lat: south + side, Lon: west + side},
		{Lat: south + side, Lon: west},
	}}}
}

// put names the object of a change by itself.
func put(object any) snapshot.Change {
	switch v := object.(type) {
	case e911.Model:
		return snapshot.Change{Kind: e911.KindModel, ID: string(v.ID), Object: v}
	case e911.Trunk:
		return snapshot.Change{Kind: e911.KindTrunk, Org: v.Org, ID: string(v.ID), Object: v}
	case e911.PSAP:
		return snapshot.Change{Kind: e911.KindPSAP, ID: string(v.ID), Object: v}
	case e911.TokenKey:
		return snapshot.Change{Kind: e911.KindTokenKey, ID: v.ID, Object: v}
	case e911.Org:
		return snapshot.Change{Kind: e911.KindOrg, Org: v.ID, ID: string(v.ID), Object: v}
	case e911.Site:
		return snapshot.Change{Kind: e911.KindSite, Org: v.Org, ID: string(v.ID), Object: v}
	case e911.Building:
		return snapshot.Change{Kind: e911.KindBuilding, Org: v.Org, ID: string(v.ID), Object: v}
	case e911.Location:
		return snapshot.Change{Kind: e911.KindLocation, Org: v.Org, ID: string(v.ID), Object: v}
	case e911.Element:
		return snapshot.Change{Kind: e911.KindElement, Org: v.Org, ID: string(v.ID), Object: v}
	case e911.User:
		return snapshot.Change{Kind: e911.KindUser, Org: v.Org, ID: string(v.ID), Object: v}
	case e911.Device:
		return snapshot.Change{Kind: e911.KindDevice, Org: v.Org, ID: string(v.ID), Object: v}
	case e911.NumberRec:
		return snapshot.Change{Kind: e911.KindNumber, Org: v.Org, ID: string(v.ID), Object: v}
	case e911.Alert:
		return snapshot.Change{Kind: e911.KindAlert, Org: v.Org, ID: string(v.ID), Object: v}
	}
	panic("not a configured object")
}

func gone(kind e911.ObjectKind, org e911.OrgID, id string) snapshot.Change {
	return snapshot.Change{Kind: kind, Org: org, ID: id}
}

// demonstration is the world of the demonstration, as its file would build it.
func demonstration() []snapshot.Change {
	const org = "harbor"
	return []snapshot.Change{
		put(e911.TokenKey{ID: "k1", Secret: make([]byte, 32), Created: published}),
		put(e911.Model{ID: "demo-phone", Key: "demo-phone", HELD: true}),
		put(e911.Trunk{ID: "carrier-a", Key: "carrier-a", Side: e911.SideCarrier, Kind: e911.RouteProvider, Profile: e911.ProfileCarrier, To: "sip:psap@127.0.0.21:5071;transport=tcp", From: prefixes("127.0.0.21/32"), DRFrom: []netip.Prefix{}}),
		put(e911.Trunk{ID: "carrier-b", Key: "carrier-b", Side: e911.SideCarrier, Kind: e911.RouteProvider, Profile: e911.ProfileCarrier, To: "sip:psap@127.0.0.22:5071;transport=tcp", From: prefixes("127.0.0.22/32"), DRFrom: []netip.Prefix{}}),
		put(e911.Trunk{ID: "ecrc-a", Key: "ecrc-a", Side: e911.SideRelay, Kind: e911.RouteProvider, Profile: e911.ProfileCarrier, To: "sip:ecrc@127.0.0.23:5071;transport=tcp", From: prefixes("127.0.0.23/32"), DRFrom: []netip.Prefix{}}),
		put(e911.PSAP{ID: "middlesex", Key: "psap-middlesex", Name: "Middlesex (demonstration)", Boundary: e911.Boundary{USCounty: "25017", State: "MA", County: "Middlesex"}, Area: square(42, -72, 1), Routes: []e911.TrunkID{"carrier-a", "carrier-b"}}),
		put(e911.PSAP{ID: "ecrc", Key: "ecrc", Name: "Relay centre (demonstration)", Relay: true, Routes: []e911.TrunkID{"ecrc-a"}}),
		put(e911.Org{ID: org, Key: org, Name: "Harbor Foods", Demonstration: true, HELD: e911.HELDAccess{CompanyID: "7c0e", Secrets: []e911.Secret{"s"}, Trusted: prefixes("127.0.0.11/32"), Platforms: []e911.HELDPlatform{{Name: "pbx-harbor", Secrets: []e911.Secret{"secret-of-the-pbx"}, Certificates: []string{"pbx.harbor.example"}, From: prefixes("127.0.0.11/32")}}}, PublicRanges: prefixes("203.0.113.0/24"), BSSIDMasking: []e911.BSSIDMask{{OUI: "00:11:22", Digits: 1}}}),
		put(e911.Trunk{ID: "pbx", Org: org, Key: "pbx", Side: e911.SidePlatform, From: prefixes("127.0.0.11/32"), DRFrom: prefixes("127.0.0.12/32"), IdentityHeader: "E911-User-ID"}),
		put(e911.Site{ID: "hq", Org: org, Key: "hq", Name: "Headquarters", Zone: "America/New_York", Mode: e911.ModeDynamic, Stage: e911.Stage911, ECBN: "+16175550100"}),
		put(e911.Building{ID: "mill-1", Org: org, Site: "hq", Key: "mill-1", Name: "Mill 1", Address: e911.Civic{Country: "US", A1: "MA", A2: "Middlesex County", A3: "Cambridge", HNO: "795", RD: "Massachusetts", STS: "Avenue", PC: "02139"}, Point: &e911.Point{Lat: 42.36684, Lon: -71.10565}}),
		put(e911.Location{ID: "f2-210", Org: org, Building: "mill-1", Key: "mill-1-f2-210", Detail: e911.Civic{FLR: "2", ROOM: "210"}}),
		put(e911.Location{ID: "f3", Org: org, Building: "mill-1", Key: "mill-1-f3", Detail: e911.Civic{FLR: "3"}}),
		put(e911.Element{ID: "e-ap", Org: org, Location: "f2-210", Kind: e911.ElementBSSID, MAC: "00:11:22:33:44:50"}),
		put(e911.Element{ID: "e-ap3", Org: org, Location: "f3", Kind: e911.ElementBSSID, MAC: "00:11:22:33:44:60"}),
		put(e911.Element{ID: "e-port", Org: org, Location: "f2-210", Kind: e911.ElementLLDPPort, LLDP: e911.LLDPPort{Chassis: "0c:75:bd:00:00:01", Port: "Gi1/0/7"}}),
		put(e911.Element{ID: "e-switch", Org: org, Location: "f3", Kind: e911.ElementLLDPChassis, LLDP: e911.LLDPPort{Chassis: "0c:75:bd:00:00:01"}}),
		put(e911.Element{ID: "e-mac", Org: org, Location: "f3", Kind: e911.ElementMAC, MAC: "00:11:22:00:00:07", Mobility: e911.MobilityFixed}),
		put(e911.Element{ID: "e-ip", Org: org, Location: "f2-210", Kind: e911.ElementIP, Range: netip.MustParsePrefix("127.0.2.0/24")}),
		put(e911.Element{ID: "e-ip6", Org: org, Location: "f3", Kind: e911.ElementIP, Range: netip.MustParsePrefix("2001:db8::/48")}),
		put(e911.User{ID: "u-4711", Org: org, Site: "hq", Key: "agent-4711", Name: "Front desk", Email: "front-desk@harbor.example", DeviceUserID: "agent4711", Callback: "+16175550111"}),
		put(e911.Device{ID: "d-4711", Org: org, Site: "hq", Key: "sep001122aabbcc", MAC: "00:11:22:aa:bb:cc", User: "u-4711", Model: "demo-phone"}),
		put(e911.NumberRec{ID: "n-111", Org: org, Site: "hq", Number: "+16175550111", User: "u-4711", Location: "f2-210"}),
		put(e911.Alert{ID: "a-desk", Org: org, Site: "hq", Key: "desk", On: []e911.AlertOn{e911.AlertEmergency, e911.AlertTest}, Mail: []string{"security@harbor.example"}, Webhook: []e911.Webhook{{URL: "http://127.0.0.1:5090/hook", Secret: "w"}}}),
	}
}

func build(t testing.TB, changes []snapshot.Change) *snapshot.Snapshot {
	t.Helper()
	s, err := snapshot.Build(changes, published)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func apply(t testing.TB, s *snapshot.Snapshot, changes ...snapshot.Change) *snapshot.Snapshot {
	t.Helper()
	next, err := s.Apply(changes, published.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	return next
}

// edited is the demonstration world with the change of one object.
func edited[T any](id string, change func(*T)) snapshot.Change {
	for _, c := range demonstration() {
		if v, ok := c.Object.(T); ok && c.ID == id {
			change(&v)
			return put(v)
		}
	}
	panic("no such object: " + id)
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

func keysOf[T any](all func(func(T) bool), key func(T) string) []string {
	var out []string
	for v := range all {
		out = append(out, key(v))
	}
	slices.Sort(out)
	return out
}
