package lis_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/lis"
	"github.com/callbox911/callbox/internal/snapshot"
	"github.com/callbox911/callbox/wire/calldata"
	"github.com/callbox911/callbox/wire/held"
)

// The world of these tests: Harbor has one building with two floors, each with
// its port, access point and address range. Rival has a building of its own.
const (
	harbor  e911.OrgID = "org-harbor"
	rival   e911.OrgID = "org-rival"
	company            = "7c0e0000-0000-4000-8000-000000000001"
	secret             = "s3cret-of-harbor"

	floor1 e911.LocationID = "loc-floor-1"
	floor2 e911.LocationID = "loc-floor-2"
	annex  e911.LocationID = "loc-annex"

	desk      e911.DeviceID = "dev-desk"
	deskMAC   e911.MAC      = "00:11:22:aa:bb:cc"
	chassis                 = "0c:75:bd:00:00:01"
	apFloor1  e911.MAC      = "00:11:22:33:44:50"
	apFloor2  e911.MAC      = "00:11:22:33:44:60"
	apFloor2b e911.MAC      = "00:11:22:33:44:70"
	apUnknown e911.MAC      = "00:11:22:99:99:99"

	inside   = "203.0.113.7:40000" // in Harbor's public range
	mapped   = "127.0.2.10:40000"  // in floor 2's range
	platform = "127.0.0.11:40000"  // trusted to ask for others
	shared   = "198.51.100.9:40000"
	stranger = "192.0.2.66:40000"
)

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, s := range list {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}

func change(kind e911.ObjectKind, org e911.OrgID, id string, object any) snapshot.Change {
	return snapshot.Change{Kind: kind, Org: org, ID: id, Object: object}
}

func worldChanges() []snapshot.Change {
	c := change
	civic := e911.Civic{Country: "US", A1: "MA", A2: "Middlesex County", A3: "Cambridge", HNO: "795", RD: "Massachusetts", STS: "Avenue", PC: "02139"}
	port := func(id e911.ElementID, loc e911.LocationID, port string) snapshot.Change {
		return c(e911.KindElement, harbor, string(id), e911.Element{ID: id, Org: harbor, Location: loc, Kind: e911.ElementLLDPPort, LLDP: e911.LLDPPort{Chassis: chassis, Port: port}})
	}
	ap := func(id e911.ElementID, loc e911.LocationID, m e911.MAC) snapshot.Change {
		return c(e911.KindElement, harbor, string(id), e911.Element{ID: id, Org: harbor, Location: loc, Kind: e911.ElementBSSID, MAC: m})
	}
	return []snapshot.Change{
		c(e911.KindTokenKey, "", "k1", e911.TokenKey{ID: "k1", Secret: bytes.Repeat([]byte{7}, 32)}),
		c(e911.KindModel, "", "model-desk", e911.Model{ID: "model-desk", Key: "demo-phone", HELD: true}),
		c(e911.KindModel, "", "model-analog", e911.Model{ID: "model-analog", Key: "analog"}),
		c(e911.KindOrg, harbor, string(harbor), e911.Org{
			ID: harbor, Key: "harbor", Name: "Harbor Foods", Demonstration: true,
			HELD:         e911.HELDAccess{CompanyID: company, Secrets: []e911.Secret{"an-older-one", secret}, Trusted: prefixes("127.0.0.11/32")},
			PublicRanges: prefixes("203.0.113.0/24", "198.51.100.0/24"),
		}),
		c(e911.KindSite, harbor, "site-hq", e911.Site{ID: "site-hq", Org: harbor, Key: "hq", Name: "HQ", Zone: "America/New_York", Mode: e911.ModeDynamic, Stage: e911.StageNone, ECBN: "+16175550100"}),
		c(e911.KindBuilding, harbor, "bld-mill", e911.Building{ID: "bld-mill", Org: harbor, Site: "site-hq", Key: "mill-1", Name: "Mill 1", Address: civic, Point: &e911.Point{Lat: 42.36684, Lon: -71.10565}}),
		c(e911.KindLocation, harbor, string(floor1), e911.Location{ID: floor1, Org: harbor, Building: "bld-mill", Key: "f1", Detail: e911.Civic{FLR: "1", ROOM: "101"}}),
		c(e911.KindLocation, harbor, string(floor2), e911.Location{ID: floor2, Org: harbor, Building: "bld-mill", Key: "f2", Detail: e911.Civic{FLR: "2", ROOM: "210"}}),
		port("el-port-1", floor1, "Gi1/0/1"), port("el-port-2", floor2, "Gi1/0/7"),
		ap("el-ap-1", floor1, apFloor1), ap("el-ap-2", floor2, apFloor2), ap("el-ap-2b", floor2, apFloor2b),
		c(e911.KindElement, harbor, "el-ip-2", e911.Element{ID: "el-ip-2", Org: harbor, Location: floor2, Kind: e911.ElementIP, Range: netip.MustParsePrefix("127.0.2.0/24")}),
		c(e911.KindUser, harbor, "user-agent", e911.User{ID: "user-agent", Org: harbor, Site: "site-hq", Key: "agent-4711", Name: "Front desk", DeviceUserID: "agent4711", Callback: "+16175550111"}),
		c(e911.KindUser, harbor, "user-lobby", e911.User{ID: "user-lobby", Org: harbor, Site: "site-hq", Key: "lobby", Name: "Lobby phone"}),
		c(e911.KindDevice, harbor, string(desk), e911.Device{ID: desk, Org: harbor, Site: "site-hq", Key: "sep001122aabbcc", MAC: deskMAC, User: "user-agent", Model: "model-desk"}),
		c(e911.KindDevice, harbor, "dev-lobby", e911.Device{ID: "dev-lobby", Org: harbor, Site: "site-hq", Key: "lobby", MAC: "00:11:22:aa:bb:dd", User: "user-lobby", Model: "model-analog"}),
		c(e911.KindNumber, harbor, "num-agent", e911.NumberRec{ID: "num-agent", Org: harbor, Site: "site-hq", Number: "+16175550111", User: "user-agent", Location: floor1}),
		c(e911.KindNumber, harbor, "num-lobby", e911.NumberRec{ID: "num-lobby", Org: harbor, Site: "site-hq", Number: "+16175550112", User: "user-lobby", Location: floor1}),

		c(e911.KindOrg, rival, string(rival), e911.Org{
			ID: rival, Key: "rival", Name: "Rival Meats",
			HELD:         e911.HELDAccess{CompanyID: "rival-company", Secrets: []e911.Secret{"s3cret-of-rival"}},
			PublicRanges: prefixes("198.51.100.0/24"),
		}),
		c(e911.KindSite, rival, "site-rival", e911.Site{ID: "site-rival", Org: rival, Key: "main", Name: "Main", Zone: "America/New_York", Mode: e911.ModeDynamic, Stage: e911.StageNone, ECBN: "+16175550200"}),
		c(e911.KindBuilding, rival, "bld-annex", e911.Building{ID: "bld-annex", Org: rival, Site: "site-rival", Key: "annex", Name: "Annex", Address: civic}),
		c(e911.KindLocation, rival, string(annex), e911.Location{ID: annex, Org: rival, Building: "bld-annex", Key: "a", Detail: e911.Civic{FLR: "9"}}),
		c(e911.KindElement, rival, "el-rival-port", e911.Element{ID: "el-rival-port", Org: rival, Location: annex, Kind: e911.ElementLLDPPort, LLDP: e911.LLDPPort{Chassis: chassis, Port: "Gi9/0/9"}}),
	}
}

// recorder keeps facts in memory, numbered as a journal does.
type recorder struct {
	mu    sync.Mutex
	facts []journal.Fact
}

func (r *recorder) Record(f journal.Fact) journal.Receipt {
	r.mu.Lock()
	defer r.mu.Unlock()
	f.Node, f.Seq = "n1", uint64(len(r.facts)+1)
	r.facts = append(r.facts, f)
	done := make(chan struct{})
	close(done)
	return journal.Receipt{Seq: f.Seq, Written: done, Synced: done, Err: func() error { return nil }}
}

func (r *recorder) seen(t *testing.T) []journal.DeviceSeen {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []journal.DeviceSeen
	for _, f := range r.facts {
		if f.Kind != journal.DeviceLocated {
			continue
		}
		d, err := journal.Decode[journal.DeviceSeen](f)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, d)
	}
	return out
}

// bench is a location server with its world, clock and journal.
type bench struct {
	t       testing.TB
	server  *lis.Server
	holder  *snapshot.Holder
	journal *recorder
	log     *bytes.Buffer

	mu  sync.Mutex
	now time.Time
}

func (b *bench) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

func (b *bench) pass(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(d)
}

func (b *bench) publish(changes ...snapshot.Change) {
	b.t.Helper()
	next, err := b.holder.Load().Apply(changes, b.clock())
	if err != nil {
		b.t.Fatal(err)
	}
	b.holder.Store(next)
}

func newBench(t testing.TB) *bench {
	t.Helper()
	b := &bench{t: t, holder: &snapshot.Holder{}, journal: &recorder{}, log: &bytes.Buffer{}, now: time.Date(2026, 11, 22, 9, 0, 0, 123456789, time.UTC)}
	world, err := snapshot.Build(worldChanges(), b.now)
	if err != nil {
		t.Fatal(err)
	}
	b.holder.Store(world)
	b.server, err = lis.New(lis.Config{
		Snapshot: b.holder, Journal: b.journal, BaseURL: "http://lis.example:8080/",
		TrustedProxies: prefixes("127.0.0.99/32"),
		Provider:       calldata.ProviderInfo{Reference: "1@callbox.example", Name: "Callbox", Type: calldata.TypeTelecom, ContactURI: "tel:+16175550100", Languages: []string{"en"}},
		Now:            b.clock, Log: slog.New(slog.NewTextHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// ask is one HTTP request to the location server.
type ask struct {
	method, path, from string
	req                *held.Request
	body               []byte // instead of req
	header             map[string]string
}

func (b *bench) do(a ask) *httptest.ResponseRecorder {
	b.t.Helper()
	if a.method == "" {
		a.method = http.MethodPost
	}
	if a.path == "" {
		a.path = "/held"
	}
	if a.req != nil {
		a.body = encode(a.req)
	}
	r := httptest.NewRequest(a.method, a.path, bytes.NewReader(a.body))
	r.RemoteAddr = a.from
	if a.method == http.MethodPost {
		r.Header.Set("Content-Type", held.ContentType)
		r.Header.Set("Accept", held.MediaType)
	}
	for k, v := range a.header {
		if v == "" {
			r.Header.Del(k)
		} else {
			r.Header.Set(k, v)
		}
	}
	w := httptest.NewRecorder()
	b.server.ServeHTTP(w, r)
	return w
}

// ask sends it and reads the answer, which must be HELD: in HTTP 200, or beside
// a refusal of HTTP's own.
func (b *bench) ask(a ask) (*held.Response, error) {
	b.t.Helper()
	w := b.do(a)
	switch w.Code {
	case http.StatusOK, http.StatusUnauthorized, http.StatusRequestEntityTooLarge, http.StatusTooManyRequests:
	default:
		b.t.Fatalf("%s %s: HTTP %d %s", a.method, a.path, w.Code, w.Body)
	}
	return held.ParseReply(w.Body.Bytes())
}

// room asks and returns the room that the answer tells, or the error's code.
func (b *bench) room(a ask) string {
	b.t.Helper()
	resp, err := b.ask(a)
	return roomOf(b.t, resp, err)
}

func roomOf(t testing.TB, resp *held.Response, err error) string {
	t.Helper()
	if err != nil {
		e, ok := errors.AsType[*held.Error](err)
		if !ok {
			t.Fatal(err)
		}
		return string(e.Code)
	}
	if resp.Presence == nil || len(resp.Presence.Locations()) == 0 {
		return "no presence"
	}
	c := resp.Presence.Locations()[0].Geopriv.Civic()
	if c == nil {
		return "no civic"
	}
	if room := c.Get("ROOM"); room != "" {
		return room
	}
	return "floor " + c.Get("FLR")
}

// encode writes a request that can be written.
func encode(r *held.Request) []byte {
	b, err := held.AppendRequest(nil, r)
	if err != nil {
		panic(err)
	}
	return b
}

// request with what a phone measures.
func request(options ...func(*held.Request)) *held.Request {
	r := &held.Request{For: held.EmergencyDispatch}
	for _, o := range options {
		o(r)
	}
	return r
}

func measurements(r *held.Request) *held.Measurement {
	if len(r.Measurements) == 0 {
		r.Measurements = make([]held.Measurement, 1)
	}
	return &r.Measurements[0]
}

func withPort(port string) func(*held.Request) {
	return func(r *held.Request) {
		id, err := held.MACID(held.ChassisMAC, chassis)
		if err != nil {
			panic(err)
		}
		m := measurements(r)
		m.LLDP = append(m.LLDP, held.LLDP{Chassis: id, Port: held.TextID(held.PortIfName, port)})
	}
}

func withAP(m e911.MAC, serving bool) func(*held.Request) {
	return func(r *held.Request) {
		x := measurements(r)
		x.WiFi = append(x.WiFi, held.AccessPoint{BSSID: string(m), Serving: serving})
	}
}

func withID(kind, value string) func(*held.Request) {
	return func(r *held.Request) { r.Identity = append(r.Identity, held.Identifier{Kind: kind, Value: value}) }
}

func withExtra(name, value string) func(*held.Request) {
	return func(r *held.Request) { r.Extras = append(r.Extras, held.Extra{Name: name, Value: value}) }
}

func withTypes(exact bool, types ...held.LocationType) func(*held.Request) {
	return func(r *held.Request) { r.Types, r.Exact = types, exact }
}

func withTime(at time.Time) func(*held.Request) {
	return func(r *held.Request) { measurements(r).Time = at }
}

func withMAC(m e911.MAC) func(*held.Request) {
	return withID(held.IDMAC, strings.ReplaceAll(string(m), ":", "-"))
}

// proof is the secret as most phones carry it.
func proof() map[string]string { return map[string]string{"Authorization": "Bearer " + secret} }

// readReply reads the answer to an HTTP request.
func readReply(resp *http.Response) (*held.Response, error) {
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	return held.ParseReply(b)
}
