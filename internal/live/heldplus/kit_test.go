package heldplus_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/heldplus"
	"github.com/callbox911/callbox/internal/live/lis"
	"github.com/callbox911/callbox/internal/rules/locate"
	"github.com/callbox911/callbox/internal/snapshot"
)

// The world of these tests: Harbor has one building with a mapped access point,
// switch port and address range, and a VPN; Rival has a location of its own.
const (
	harbor    e911.OrgID      = "org-harbor"
	rival     e911.OrgID      = "org-rival"
	floor2    e911.LocationID = "loc-floor-2"
	stall     e911.LocationID = "loc-stall"
	company                   = "7c0e0000-0000-4000-8000-000000000001"
	secret                    = "s3cret-of-harbor"
	laptopMAC                 = "00:11:22:aa:bb:cc"
	clientA                   = "client-a-0123456789"
	clientB                   = "client-b-0123456789"
	office                    = "203.0.113.7:40000" // Harbor's public range
	egress                    = "203.0.113.250:40000"
	netA                      = "198.51.100.1:40000"
	netB                      = "198.51.100.2:40000"
)

type facts struct {
	mu  sync.Mutex
	all []journal.Fact
}

func (f *facts) Record(x journal.Fact) journal.Receipt {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all = append(f.all, x)
	return journal.Receipt{}
}

func (f *facts) list() []journal.Fact {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]journal.Fact(nil), f.all...)
}

func (f *facts) count(k journal.Kind) (n int) {
	for _, x := range f.list() {
		if x.Kind == k {
			n++
		}
	}
	return n
}

type bench struct {
	t      *testing.T
	now    time.Time
	holder *snapshot.Holder
	facts  *facts
	lis    *lis.Server
	plus   *heldplus.Server
}

func newBench(t *testing.T, change ...func(*heldplus.Config)) *bench {
	t.Helper()
	b := &bench{t: t, now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC), holder: &snapshot.Holder{}, facts: &facts{}}
	w, err := (&snapshot.Snapshot{}).Apply(world(), b.now)
	if err != nil {
		t.Fatal(err)
	}
	b.holder.Store(w)
	b.start(change...)
	return b
}

// start makes new servers, as after a restart.
func (b *bench) start(change ...func(*heldplus.Config)) {
	b.t.Helper()
	clock := func() time.Time { return b.now }
	var err error
	b.lis, err = lis.New(lis.Config{
		Snapshot: b.holder, Journal: b.facts, BaseURL: "https://lis.example", Now: clock,
		Own: func(org e911.OrgID, device string, now time.Time) []locate.Candidate {
			return b.plus.Own(org, device, now)
		},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	cfg := heldplus.Config{Snapshot: b.holder, Journal: b.facts, LIS: b.lis, Now: clock}
	for _, c := range change {
		c(&cfg)
	}
	if b.plus, err = heldplus.New(cfg); err != nil {
		b.t.Fatal(err)
	}
}

// restart makes new servers and gives them the journal.
func (b *bench) restart() {
	b.t.Helper()
	old := b.facts.list()
	b.start()
	for _, f := range old {
		if err := b.lis.Restore(f); err != nil {
			b.t.Fatal(err)
		}
		if err := b.plus.Restore(f); err != nil {
			b.t.Fatal(err)
		}
	}
}

func world() []snapshot.Change {
	c := func(kind e911.ObjectKind, org e911.OrgID, id string, o any) snapshot.Change {
		return snapshot.Change{Kind: kind, Org: org, ID: id, Object: o}
	}
	el := func(e e911.Element) snapshot.Change {
		e.Org = harbor
		return c(e911.KindElement, harbor, string(e.ID), e)
	}
	mill := e911.Civic{Country: "US", A1: "MA", A2: "Middlesex County", A3: "Cambridge", HNO: "795", RD: "Massachusetts", STS: "Avenue", PC: "02139"}
	pre := netip.MustParsePrefix
	return []snapshot.Change{
		c(e911.KindTokenKey, "", "k1", e911.TokenKey{ID: "k1", Secret: bytes.Repeat([]byte{7}, 32)}),
		c(e911.KindOrg, harbor, string(harbor), e911.Org{
			ID: harbor, Key: "harbor", Name: "Harbor Foods", HELD: e911.HELDAccess{CompanyID: company, Secrets: []e911.Secret{"older", secret}},
			PublicRanges: []netip.Prefix{pre("203.0.113.0/24")},
		}),
		c(e911.KindSite, harbor, "site", e911.Site{ID: "site", Org: harbor, Key: "hq", Name: "HQ", Zone: "America/New_York", Mode: e911.ModeDynamic, Stage: e911.StageNone, ECBN: "+16175550100"}),
		c(e911.KindBuilding, harbor, "bld", e911.Building{ID: "bld", Org: harbor, Site: "site", Key: "mill", Name: "Mill 1", Address: mill}),
		c(e911.KindLocation, harbor, string(floor2), e911.Location{ID: floor2, Org: harbor, Building: "bld", Key: "f2", Detail: e911.Civic{FLR: "2", ROOM: "210"}}),
		el(e911.Element{ID: "e1", Location: floor2, Kind: e911.ElementBSSID, MAC: "00:11:22:33:44:50"}),
		el(e911.Element{ID: "e2", Location: floor2, Kind: e911.ElementLLDPPort, LLDP: e911.LLDPPort{Chassis: "0c:75:bd:00:00:01", Port: "Gi1/0/7"}}),
		el(e911.Element{ID: "e3", Location: floor2, Kind: e911.ElementIP, Range: pre("10.0.2.0/24")}),
		el(e911.Element{ID: "e4", Kind: e911.ElementVPN, Range: pre("203.0.113.250/32")}),
		c(e911.KindUser, harbor, "user-agent", e911.User{ID: "user-agent", Org: harbor, Site: "site", Key: "agent", Name: "Front desk", Email: "agent@harbor.example", DeviceUserID: "agent4711"}),
		c(e911.KindDevice, harbor, "dev-laptop", e911.Device{ID: "dev-laptop", Org: harbor, Site: "site", Key: "laptop", MAC: laptopMAC, User: "user-agent"}),
		c(e911.KindOrg, rival, string(rival), e911.Org{ID: rival, Key: "rival", Name: "Rival", HELD: e911.HELDAccess{CompanyID: "rival", Secrets: []e911.Secret{"s3cret-of-rival"}}}),
		c(e911.KindSite, rival, "site-r", e911.Site{ID: "site-r", Org: rival, Key: "m", Name: "M", Zone: "America/New_York", Mode: e911.ModeDynamic, Stage: e911.StageNone}),
		c(e911.KindBuilding, rival, "bld-r", e911.Building{ID: "bld-r", Org: rival, Site: "site-r", Key: "r", Name: "R", Address: mill}),
		c(e911.KindLocation, rival, string(stall), e911.Location{ID: stall, Org: rival, Building: "bld-r", Key: "s", Detail: e911.Civic{FLR: "1"}}),
	}
}

// ask sends one request and decodes what comes; the status is returned.
func (b *bench) ask(method, path, token, from string, in, out any) int {
	b.t.Helper()
	var body []byte
	switch v := in.(type) {
	case nil:
	case string:
		body = []byte(v)
	default:
		var err error
		if body, err = json.Marshal(v); err != nil {
			b.t.Fatal(err)
		}
	}
	r := httptest.NewRequest(method, heldplus.Prefix+path, bytes.NewReader(body))
	r.RemoteAddr = from
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	b.plus.ServeHTTP(w, r)
	if out != nil {
		if err := json.Unmarshal(w.Body.Bytes(), out); err != nil {
			b.t.Fatalf("%s %s: %v in %s", method, path, err, w.Body)
		}
	}
	return w.Code
}

// phone is one client in these tests.
type phone struct {
	b     *bench
	token string
	from  string
	iface heldplus.Interface
	more  []heldplus.Interface
}

func (b *bench) signIn(client, mail string, macs ...string) (*phone, heldplus.SignInAnswer) {
	b.t.Helper()
	var a heldplus.SignInAnswer
	in := heldplus.SignInRequest{
		Organisation: heldplus.Organisation{CompanyID: strings.ReplaceAll(company, "-", ""), Secret: secret},
		User:         heldplus.UserClaim{Email: mail}, Device: heldplus.DeviceClaim{ClientID: client, MACs: macs, Hostname: "laptop-17"},
	}
	if code := b.ask("POST", "/sign-in", "", office, in, &a); code != http.StatusOK {
		b.t.Fatalf("sign in: %d", code)
	}
	b.now = b.now.Add(time.Second)
	return &phone{b: b, token: a.Session.Token, from: office}, a
}

// at moves the phone to a home network.
func (p *phone) at(gateway, from string) *phone {
	p.from = from
	p.iface = heldplus.Interface{Name: "eth0", Kind: "ethernet", Up: true, MAC: laptopMAC, Addresses: []string{"192.168.1.20"}, GatewayMAC: gateway}
	return p
}

// inOffice moves the phone to the mapped access point.
func (p *phone) inOffice() *phone {
	p.from = office
	p.iface = heldplus.Interface{Name: "wlan0", Kind: "wifi", Up: true, MAC: laptopMAC, WiFi: &heldplus.WiFi{SSID: "Harbor", BSSID: "0011.2233.4450"}}
	return p
}

func (p *phone) report() heldplus.ReportAnswer {
	p.b.t.Helper()
	var a heldplus.ReportAnswer
	in := heldplus.ReportRequest{Interfaces: append([]heldplus.Interface{p.iface}, p.more...)}
	if code := p.b.ask("POST", "/report", p.token, p.from, in, &a); code != http.StatusOK {
		p.b.t.Fatalf("report: %d %+v", code, a)
	}
	p.b.now = p.b.now.Add(time.Minute)
	return a
}

func (p *phone) say(text string) heldplus.SetAnswer {
	p.b.t.Helper()
	var a heldplus.SetAnswer
	if code := p.b.ask("POST", "/locations", p.token, p.from, heldplus.SetRequest{Text: text, House: true}, &a); code != http.StatusOK {
		p.b.t.Fatalf("set: %d", code)
	}
	p.b.now = p.b.now.Add(time.Minute)
	return a
}

func want(t *testing.T, a heldplus.ReportAnswer, status, prompt, place string) {
	t.Helper()
	got := ""
	if a.Location != nil {
		got = a.Location.Display
	}
	if a.Status != status || a.Prompt != prompt || !strings.Contains(got, place) || (place == "") != (got == "") {
		t.Errorf("got %s, prompt %s, %q; want %s, %s, %q\n%+v", a.Status, a.Prompt, got, status, prompt, place, a.Findings)
	}
}
