// Package storetest is the one conformance suite of every SQL engine: what a
// use case may rely on is proved here, for all engines alike. An engine's own
// test calls Run and adds only what is its own.
package storetest

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/report"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/seal"
)

// Store is all that a store does.
type Store interface {
	admin.Store
	Committed
	report.Writer
	report.Reader
	Inventory
	admin.LayerBlobs
	admin.AuditTrail
	admin.ChangeSets
	Audit(ctx context.Context, org e911.OrgID, before int64, limit int) ([]admin.AuditEntry, error)
	Close() error
}

// Committed is what package publish asks of a store; its Source says what each
// answer promises.
type Committed interface {
	Head(ctx context.Context) (admin.Head, error)
	Since(ctx context.Context, after uint64, also []admin.Ref) (admin.Batch, error)
	All(ctx context.Context) (admin.Batch, error)
	Wake() <-chan struct{}
}

// Options say which database to open and how.
type Options struct {
	// Name tells databases apart: the same one opened twice is the same
	// database, also after Close. Each test starts with names never used.
	Name string
	Ring *seal.Ring
	Now  func() time.Time
}

// Open opens a database of the engine under test.
type Open func(t testing.TB, o Options) Store

// Run proves that the engine keeps its promises.
func Run(t *testing.T, open Open) {
	for _, c := range []struct {
		name string
		run  func(t *testing.T, open Open)
	}{
		{"every kind of object comes back as it went in", testRoundTrip},
		{"hostile text is text", testHostileText},
		{"objects are found by each of their fields", testFields},
		{"pages join without gap or repetition", testPages},
		{"a list comes by key and by change, up and down", testOrders},
		{"an update names the version that it replaces", testVersions},
		{"keys and ids are taken once", testTaken},
		{"a reference needs its object", testReferences},
		{"what names an object is found", testPointing},
		{"the directory of PSAPs, carriers and own choices come back", testOverrides},
		{"sites' own trunks, alternates and relay centres come back", testPaths},
		{"organisations are walls", testWalls},
		{"trunks are found by the addresses that they send from", testTrunksFrom},
		{"a transaction is whole or not at all", testTransactions},
		{"a cancelled question is unavailable", testCancelled},
		{"changes are read in order and none is missed", testChanges},
		{"everything is read whole", testAll},
		{"a reader of changes keeps up with many writers", testFollow},
		{"secrets need their key, and one lost key hides one kind of thing", testSecrets},
		{"the audit trail says who did what, and no secrets", testAudit},
		{"the audit trail is one chain for each organisation", testAuditChain},
		{"the audit trail is searched", testAuditSearch},
		{"change sets are kept sealed, by organisation, and applied once", testChangeSets},
		{"a database is the same after a restart", testRestart},
		{"call records are kept by organisation and cursor", testCalls},
		{"devices and unknown elements are kept by organisation, and decisions are made once", testInventory},
		{"what a layer holds is there whole or not at all", testLayerBlobs},
		{"unknown elements have an end, and those that strand most stay", testInventoryBounds},
		{"API keys are kept by organisation and end once", testAPIKeys},
		{"a key's secrets and ended tokens are kept by version, and it ends with its organisation", testAPIKeyChanges},
		{"jobs are kept by organisation, and begun by who knew their state", testJobs},
		{"a request that is sent again has its answer", testReplays},
		{"lists of platforms, and what was found in them, are kept by organisation", testReconcile},
		{"directories of people, and what they told, are kept by organisation", testDirectory},
		{"members, their roles, links and moves come back; an address is one identity", testMembers},
		{"requests for accounts come back; what a move ends is found", testTenants},
		{"two administrators who remove each other leave one", testLastAdministrator},
		{"credentials belong to their owner, and sessions end", testSignOn},
		{"identity providers, whom they bring, and what is used once", testFederation},
		{"the set-up of an organisation is kept by version, with what was accepted", testSetup},
		{"what trunks told is kept in order of time", testTrunkStates},
		{"who was asked where he is and written to is kept, and one writes", testReminded},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, open) })
	}
}

// Epoch is the time that the clock of a test shows first.
var Epoch = time.Date(2026, 3, 9, 14, 2, 11, 123_000_000, time.UTC)

// Ring makes a key ring for one test.
func Ring(t testing.TB) *seal.Ring {
	t.Helper()
	r, err := seal.NewRing(seal.Key{ID: "m1", Secret: seal.NewSecret()})
	if err != nil {
		t.Fatalf("make a ring: %v", err)
	}
	return r
}

func options(t testing.TB) Options {
	return Options{Name: e911.NewID[string](), Ring: Ring(t), Now: func() time.Time { return Epoch }}
}

func fresh(t testing.TB, open Open) Store {
	t.Helper()
	st := open(t, options(t))
	t.Cleanup(func() { st.Close() })
	return st
}

// put creates values in one transaction.
func put(t testing.TB, st admin.Store, values ...any) {
	t.Helper()
	for _, v := range values {
		if l, ok := v.(e911.Layer); ok {
			if err := st.(admin.LayerBlobs).PutLayerBlob(t.Context(), l.Digest, layerContent); err != nil {
				t.Fatalf("put the content of a layer: %v", err)
			}
		}
	}
	err := st.Write(t.Context(), "test", func(w admin.Writer) error {
		for _, v := range values {
			if _, err := w.Create(t.Context(), v); err != nil {
				return fmt.Errorf("create %s: %w", admin.RefOf(v), err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatalf("put: %v", err)
	}
}

func get(t testing.TB, st admin.Store, ref admin.Ref) (admin.Object, error) {
	t.Helper()
	var o admin.Object
	err := st.Read(t.Context(), func(r admin.Reader) (err error) {
		o, err = r.Get(t.Context(), ref)
		return err
	})
	return o, err
}

func list(t testing.TB, st admin.Store, q admin.Query) []admin.Object {
	t.Helper()
	var found []admin.Object
	err := st.Read(t.Context(), func(r admin.Reader) (err error) {
		found, err = r.List(t.Context(), q)
		return err
	})
	if err != nil {
		t.Fatalf("list %+v: %v", q, err)
	}
	return found
}

func wantKind(t testing.TB, err error, want e911.Kind) {
	t.Helper()
	if err == nil || e911.KindOf(err) != want {
		t.Fatalf("error = %v, want kind %s", err, want)
	}
}

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, s := range list {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}

// tenant is one organisation with one object of every kind that it can have.
type tenant struct {
	org      e911.Org
	trunk    e911.Trunk
	site     e911.Site
	building e911.Building
	location e911.Location
	element  e911.Element
	user     e911.User
	device   e911.Device
	number   e911.NumberRec
	alert    e911.Alert
}

// newTenant fills every field. The key goes into every external key and
// address, so that two tenants differ.
func newTenant(key string, net byte) tenant {
	var full e911.Civic
	for i, name := range e911.CivicFieldNames() {
		full.Set(name, fmt.Sprintf("%s %d of %s", name, i, key))
	}
	org := e911.NewID[e911.OrgID]()
	site := e911.Site{
		ID: e911.NewID[e911.SiteID](), Org: org, Key: "site-" + key, Name: "Site of " + key, Zone: "America/New_York",
		Mode: e911.ModeDynamic, Stage: e911.Stage911, ECBN: "+16175550100",
		MainNumber: "+16175550101", ECBNChoice: e911.ECBNMember, CallbackWindow: 240,
	}
	building := e911.Building{
		ID: e911.NewID[e911.BuildingID](), Org: org, Site: site.ID, Key: "building-" + key, Name: "Mill",
		Address: full, Point: &e911.Point{Lat: 42.36684, Lon: -71.10565000000001}, SquareFeet: 120_000,
		Validation: e911.Validation{
			Verdict: e911.VerdictValid, Entered: e911.Civic{Country: "US", A3: key}, By: "import world.yaml", At: Epoch,
			Unchecked: []string{"PC"}, Missing: []string{"FLR"}, Point: &e911.Area{Point: e911.Point{Lat: 42.36684, Lon: -71.10565}, RadiusM: 12.5},
			Method: e911.GeocodeRange, Layer: "cambridge-ma", Version: 3, AsOf: Epoch.Truncate(24 * time.Hour), Feature: "RCL7@example.gov",
		},
	}
	location := e911.Location{ID: e911.NewID[e911.LocationID](), Org: org, Building: building.ID, Key: "location-" + key, Detail: full}
	site.ESA = location.ID
	site.Areas = []e911.SiteArea{
		{Key: "lab", Name: "Laboratory", Locations: []e911.LocationID{location.ID}, ECBN: "+16175550102"},
		{Key: "mill", Buildings: []e911.BuildingID{building.ID}, ECBN: "+16175550103"},
	}
	user := e911.User{
		ID: e911.NewID[e911.UserID](), Org: org, Site: site.ID, Key: "user-" + key, Name: "Front desk", Email: "front@" + key + ".example",
		DeviceUserID: "agent-" + key, Callback: "+16175550111",
		ECBN:     e911.ECBN{Choice: e911.ECBNMember, Member: "+16175550121"},
		Language: "fr", OffPremises: &e911.Consent{By: "Front desk", At: Epoch, Text: "2026-01 fr", Confirmed: Epoch.Add(time.Hour)},
		Asked: Epoch.Add(time.Minute),
	}
	return tenant{
		org: e911.Org{
			ID: org, Key: key, Name: "Organisation " + key, Demonstration: true,
			HELD: e911.HELDAccess{
				CompanyID: "company-" + key, Secrets: []e911.Secret{"first secret of " + e911.Secret(key), "second"},
				Trusted: prefixes("127.0.0.11/32"),
				Platforms: []e911.HELDPlatform{
					{
						Name: "pbx-" + key, Secrets: []e911.Secret{"platform secret of " + e911.Secret(key), "the next one"},
						Certificates: []string{"sha256:" + strings.Repeat("0a", 32), "pbx." + key + ".example"}, From: prefixes("127.0.0.11/32", "2001:db8:7::/48"),
					},
					{Name: "cert-" + key, Certificates: []string{"lis." + key + ".example"}},
				},
			},
			PublicRanges: prefixes("203.0.113.0/24", "2001:db8::/32"), BSSIDMasking: []e911.BSSIDMask{{OUI: "00:11:22", Digits: 1}}, DIDFallback: true,
			SIPDomain: key + ".example", OwnPhonesOff: true,
		},
		trunk: e911.Trunk{
			ID: e911.NewID[e911.TrunkID](), Org: org, Key: "pbx-" + key, Side: e911.SidePlatform, IdentityHeader: "E911-User-ID",
			From: []netip.Prefix{netip.PrefixFrom(netip.AddrFrom4([4]byte{127, net, 0, 0}), 24)}, DRFrom: []netip.Prefix{},
			Inbound: e911.InboundGenesys, Certificates: []string{"sha256:" + strings.Repeat("0b", 32), "sbc." + key + ".example"},
			Admit: e911.TrunkDigest{User: "pbx-" + key, Realm: "callbox", Secrets: []e911.Secret{"what the pbx knows of " + e911.Secret(key), "the next one"}},
			Marks: []e911.TrunkMark{e911.MarkLocatesCalls, e911.MarkManyOrgs},
		},
		site: site, building: building, location: location, user: user,
		element: e911.Element{
			ID: e911.NewID[e911.ElementID](), Org: org, Location: location.ID, Kind: e911.ElementBSSID, MAC: "00:11:22:33:44:50",
		},
		device: e911.Device{
			ID: e911.NewID[e911.DeviceID](), Org: org, Site: site.ID, Key: "device-" + key, MAC: "00:11:22:aa:bb:cc", User: user.ID,
			SIP:  &e911.SIPAccount{User: "2001", Secret: "telephone secret of " + e911.Secret(key), Line: "+16175550111", Guest: true, Own: &e911.OwnPhone{Name: "desk of " + key, Made: Epoch, Ended: Epoch.Add(time.Hour)}},
			ECBN: e911.ECBN{Choice: e911.ECBNMember, Member: "+16175550122"},
			Station: &e911.Station{
				Class: e911.StationOffPremises, Installed: Epoch.Truncate(24 * time.Hour),
				NotFeasible: e911.Infeasible{Reason: "no network is told", By: "Ana Reyes", At: Epoch},
				OffPremises: e911.Consent{By: "Ana Reyes", At: Epoch, Text: "2026-01 en"},
			},
			Language: "en",
		},
		number: e911.NumberRec{
			ID: e911.NewID[e911.NumberID](), Org: org, Site: site.ID, Number: "+16175550111", User: user.ID, Location: location.ID,
			Status: e911.NumberActive, Owner: e911.OwnerVirtualLine, ECBN: e911.ECBN{Choice: e911.ECBNMember, Member: "+16175550123"},
		},
		alert: e911.Alert{
			ID: e911.NewID[e911.AlertID](), Org: org, Site: site.ID, Key: "desk-" + key, On: []e911.AlertOn{e911.AlertEmergency, e911.AlertTest},
			Mail: []string{"security@" + key + ".example"}, Webhook: []e911.Webhook{{URL: "https://hooks.example/" + key, Secret: "hook secret of " + e911.Secret(key)}},
		},
	}
}

// values lists the tenant's objects, what is pointed at first.
func (x tenant) values() []any {
	return []any{x.org, x.trunk, x.site, x.building, x.location, x.element, x.user, x.device, x.number, x.alert}
}

// world is one object of every kind of the world part.
type world struct {
	key     e911.TokenKey
	model   e911.Model
	layer   e911.Layer
	carrier e911.Trunk
	psap    e911.PSAP
	relay   e911.PSAP
}

func newWorld() world {
	carrier := e911.Trunk{
		ID: e911.NewID[e911.TrunkID](), Key: "carrier", Side: e911.SideCarrier, Kind: e911.RouteProvider, Profile: e911.ProfileCarrier,
		To: "sip:psap@127.0.0.21:5071;transport=tcp", From: prefixes("127.0.0.21/32", "2001:db8:5::/48"), DRFrom: prefixes("127.0.0.31/32"),
		Targets:  []e911.TrunkTarget{{URI: "sips:carrier.example", Priority: 1, Weight: 3}, {URI: "sip:127.0.0.22:5071"}},
		Digest:   e911.TrunkDigest{User: "callbox", Secrets: []e911.Secret{"what we prove ourselves with"}},
		Register: e911.TrunkRegistration{Registrar: "sip:carrier.example", AOR: "sip:callbox@carrier.example", Expires: 5 * time.Minute},
		Probe:    e911.TrunkProbe{Every: 20 * time.Second}, Capacity: 30, Reserved: 10, National: true,
	}
	return world{
		key: e911.TokenKey{ID: "k1", Secret: seal.NewSecret(), Created: Epoch},
		model: e911.Model{
			ID: e911.NewID[e911.ModelID](), Key: "phone", HELD: true, Maker: "Cisco", Names: []string{"CP-8851", "8851"},
			Firmware: []e911.FirmwareRule{{To: "11.2", Capability: e911.CapabilityNone}, {From: "12.0", Capability: e911.CapabilityHELDPlus}},
		},
		layer:   newLayer("cambridge-ma", layerContent),
		carrier: carrier,
		psap: e911.PSAP{
			ID: e911.NewID[e911.PSAPID](), Key: "middlesex", Name: "Middlesex", Line: "+16175550160",
			Boundary: e911.Boundary{USCounty: "25017", State: "MA", County: "Middlesex"},
			Area: e911.MultiPolygon{
				{{{Lat: 42.1, Lon: -71.9}, {Lat: 42.1, Lon: -71.01234567890123}, {Lat: 42.7, Lon: -71.4}}, {{Lat: 42.2, Lon: -71.5}, {Lat: 42.3, Lon: -71.4}, {Lat: 42.2, Lon: -71.3}}},
			},
			Routes: []e911.TrunkID{carrier.ID},
		},
		relay: e911.PSAP{ID: e911.NewID[e911.PSAPID](), Key: "ecrc", Name: "Relay", Relay: true, Routes: []e911.TrunkID{carrier.ID}},
	}
}

func (x world) values() []any { return []any{x.key, x.model, x.layer, x.carrier, x.psap, x.relay} }
