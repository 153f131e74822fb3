package registrar

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/digest"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/snapshot"
)

const secret = "telephone-secret-1"

// facts is a journal in memory.
type facts struct {
	mu   sync.Mutex
	list []journal.Fact
}

func (f *facts) Record(x journal.Fact) journal.Receipt {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = append(f.list, x)
	return journal.Receipt{}
}

func (f *facts) kinds() (out []journal.Kind) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, x := range f.list {
		out = append(out, x.Kind)
	}
	return out
}

// bench is a registrar with a clock, in a world of two organisations.
type bench struct {
	*Registrar
	t      *testing.T
	holder *snapshot.Holder
	facts  *facts
	now    time.Time
	alarms []journal.Alarm
	n      int
}

func worldOf(t testing.TB) *snapshot.Snapshot {
	t.Helper()
	changes := []snapshot.Change{
		{Kind: e911.KindOrg, Org: "harbor", ID: "harbor", Object: e911.Org{ID: "harbor", Key: "harbor", Name: "Harbor", SIPDomain: "harbor.example"}},
		{Kind: e911.KindOrg, Org: "quay", ID: "quay", Object: e911.Org{ID: "quay", Key: "quay", Name: "Quay", SIPDomain: "quay.example"}},
	}
	for _, org := range []e911.OrgID{"harbor", "quay"} {
		site := e911.SiteID("site-" + org)
		changes = append(changes, snapshot.Change{Kind: e911.KindSite, Org: org, ID: string(site), Object: e911.Site{
			ID: site, Org: org, Key: "hq", Name: "HQ", Zone: "America/New_York", Mode: e911.ModeDynamic, Stage: e911.StageNone,
		}})
		for _, user := range []string{"2001", "2002", "lobby"} {
			id := string(org) + "-" + user
			changes = append(changes, snapshot.Change{Kind: e911.KindDevice, Org: org, ID: id, Object: e911.Device{
				ID: e911.DeviceID(id), Org: org, Site: site, Key: "phone-" + user, SIP: &e911.SIPAccount{User: user, Secret: secret, Guest: user == "lobby"},
			}})
		}
	}
	s, err := new(snapshot.Snapshot).Apply(changes, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newBench(t *testing.T, change func(*Config)) *bench {
	b := &bench{t: t, holder: &snapshot.Holder{}, facts: &facts{}, now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	b.holder.Store(worldOf(t))
	cfg := Config{
		Snapshot: b.holder, Journal: b.facts, Now: func() time.Time { return b.now },
		Alarm: func(_ e911.OrgID, a journal.Alarm) { b.alarms = append(b.alarms, a) },
	}
	if change != nil {
		change(&cfg)
	}
	r, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	b.Registrar = r
	return b
}

// ask is a REGISTER of a telephone.
type ask struct {
	uri, user, secret, from, callID string
	seq                             int
	contact                         []string
	headers                         sipedge.Headers
	authorization                   string // none
}

func (a ask) request(now time.Time) *sipedge.Request {
	h := sipedge.Headers{
		{Name: "To", Value: "<sip:" + a.user + "@" + strings.TrimPrefix(a.uri, "sip:") + ">"},
		{Name: "CSeq", Value: fmt.Sprintf("%d REGISTER", a.seq)},
		{Name: "From", Value: "<sip:" + a.user + "@" + strings.TrimPrefix(a.uri, "sip:") + ">;tag=1"},
	}
	for _, c := range a.contact {
		h = append(h, sipedge.Header{Name: "Contact", Value: c})
	}
	h = append(h, a.headers...)
	if a.authorization != "" {
		h = append(h, sipedge.Header{Name: "Authorization", Value: a.authorization})
	}
	src := netip.MustParseAddrPort(a.from)
	return &sipedge.Request{
		Method: "REGISTER", URI: a.uri, Headers: h, Source: src, Local: netip.MustParseAddrPort("192.0.2.1:5060"), Transport: "udp", CallID: a.callID, At: now,
	}
}

func harbor(contact ...string) ask {
	return ask{uri: "sip:harbor.example", user: "2001", secret: secret, from: "198.51.100.7:5060", callID: "c1", contact: contact}
}

// register sends it, answers the challenge, and returns the final answer.
func (b *bench) register(a ask) sipedge.Response {
	b.t.Helper()
	b.n++
	if a.seq == 0 {
		a.seq = b.n
	}
	first := b.Serve(context.Background(), a.request(b.now))
	if first.Code != 401 {
		return first
	}
	c := digest.NewClient(a.user, "", e911.Secret(a.secret))
	value, err := c.Answer(digest.Question{Challenges: first.Message.Headers.All("WWW-Authenticate"), Method: "REGISTER", URI: a.uri})
	if err != nil {
		b.t.Fatal(err)
	}
	a.authorization = value
	return b.Serve(context.Background(), a.request(b.now))
}

// Proves: C-70, RFC 3261 sections 10.2 and 10.3, RFC 5626 section 6, RFC 5627 section 5
func TestRegistrations(t *testing.T) {
	const phone = "<sip:2001@10.0.0.5:5060>"
	uuid := `;+sip.instance="<urn:uuid:00000000-0000-1000-8000-001122aabbcc>"`
	for _, c := range []struct {
		name string
		asks []ask
		code int
		want []string // contacts of the last answer
	}{
		{"one contact, for the usual time", []ask{harbor(phone)}, 200, []string{phone + ";expires=3600"}},
		{"the time of the Expires header", []ask{with(harbor(phone), "Expires", "120")}, 200, []string{phone + ";expires=120"}},
		{"the time of the contact before that of the header", []ask{with(harbor(phone+";expires=90"), "Expires", "120")}, 200, []string{phone + ";expires=90"}},
		{"a longer time than we grant", []ask{harbor(phone + ";expires=86400")}, 200, []string{phone + ";expires=3600"}},
		{"a time that is no number", []ask{harbor(phone + ";expires=soon")}, 200, []string{phone + ";expires=3600"}},
		{"a time that is too short", []ask{harbor(phone + ";expires=59")}, 423, nil},
		{"what it says of itself is told back", []ask{harbor(phone + `;q=0.5;+sip.instance="<urn:uuid:1>";reg-id=1`)}, 200, []string{phone + `;q=0.5;+sip.instance="<urn:uuid:1>";reg-id=1;expires=3600`}},
		{"two contacts in one line", []ask{harbor(phone + ", <sip:2001@10.0.0.6>;expires=60")}, 200, []string{phone + ";expires=3600", "<sip:2001@10.0.0.6>;expires=60"}},
		{"the same contact again, written otherwise", []ask{harbor("<sip:2001@PHONE.example;transport=udp>"), harbor("sip:2001@phone.example")}, 200, []string{"<sip:2001@phone.example>;expires=3600"}},
		{"a telephone that restarted at another port", []ask{harbor(phone + uuid + ";reg-id=1"), harbor("<sip:2001@10.0.0.5:6000>" + uuid + ";reg-id=1")}, 200, []string{"<sip:2001@10.0.0.5:6000>" + uuid + ";reg-id=1;expires=3600"}},
		{"two ways to one telephone", []ask{harbor(phone + uuid + ";reg-id=1"), harbor("<sip:2001@10.0.0.5:6000>" + uuid + ";reg-id=2")}, 200, []string{phone + uuid + ";reg-id=1;expires=3600", "<sip:2001@10.0.0.5:6000>" + uuid + ";reg-id=2;expires=3600"}},
		{"asking what is registered", []ask{harbor(phone), harbor()}, 200, []string{phone + ";expires=3600"}},
		{"signing off one", []ask{harbor(phone), harbor(phone + ";expires=0")}, 200, nil},
		{"signing off all", []ask{harbor(phone, "<sip:2001@10.0.0.6>"), with(harbor("*"), "Expires", "0")}, 200, nil},
		{"signing off all with a time", []ask{harbor(phone), with(harbor("*"), "Expires", "60")}, 400, nil},
		{"all and one besides", []ask{with(harbor("*", phone), "Expires", "0")}, 400, nil},
		{"a REGISTER that was overtaken", []ask{num(harbor(phone), 9), num(harbor(phone), 8)}, 500, nil},
		{"a new call id begins anew", []ask{num(harbor(phone), 9), id(num(harbor(phone), 8), "c2")}, 200, []string{phone + ";expires=3600"}},
		{"a contact that is no SIP address", []ask{harbor("<mailto:a@b>")}, 400, nil},
		{"a contact that is not closed", []ask{harbor("<sip:2001@10.0.0.5")}, 400, nil},
		{"an extension that we do not have", []ask{with(harbor(phone), "Require", "path")}, 420, nil},
		{"a public GRUU", []ask{with(harbor(phone+uuid), "Supported", "gruu, outbound")}, 200, []string{phone + uuid + `;expires=3600;pub-gruu="sip:2001@harbor.example;gr=urn:uuid:00000000-0000-1000-8000-001122aabbcc"`}},
		{"a wrong password", []ask{pass(harbor(phone), "telephone-secret-2")}, 401, nil},
		{"another organisation's name", []ask{{uri: "sip:nobody.example", user: "2001", secret: secret, from: "198.51.100.7:5060", callID: "c"}}, 404, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, nil)
			var res sipedge.Response
			for _, a := range c.asks {
				res = b.register(a)
			}
			if res.Code != c.code {
				t.Fatalf("answer %d %s, want %d", res.Code, res.Reason, c.code)
			}
			if diff := cmp.Diff(c.want, res.Contacts); diff != "" {
				t.Errorf("contacts (-want +got):\n%s", diff)
			}
			if c.code == 423 && res.Message.Headers.Get("Min-Expires") != "60" {
				t.Error("no Min-Expires")
			}
		})
	}
}

func with(a ask, name, value string) ask {
	a.headers = append(slices.Clone(a.headers), sipedge.Header{Name: name, Value: value})
	return a
}
func num(a ask, seq int) ask      { a.seq = seq; return a }
func id(a ask, callID string) ask { a.callID = callID; return a }
func pass(a ask, s string) ask    { a.secret = s; return a }
func from(a ask, s string) ask    { a.from = s; return a }
func user(a ask, s string) ask    { a.user = s; return a }

// Proves: E14, issue 6 (digest without user enumeration)
func TestNobodyLearnsWhoThereIs(t *testing.T) {
	b := newBench(t, nil)
	answer := func(a ask) string {
		res := b.register(a)
		text := fmt.Sprint(res.Code, res.Reason, res.Contacts)
		for _, h := range res.Message.Headers {
			value := h.Value
			if i := strings.Index(value, `nonce="`); i >= 0 { // the one thing that always differs
				rest := value[i+len(`nonce="`):]
				value = value[:i] + rest[strings.IndexByte(rest, '"'):]
			}
			text += "\n" + h.Name + ": " + value
		}
		return text
	}
	known := answer(pass(harbor("<sip:2001@10.0.0.5>"), "wrong"))
	unknown := answer(pass(user(harbor("<sip:2001@10.0.0.5>"), "2999"), "wrong"))
	if known != unknown {
		t.Errorf("a user who exists is answered\n%s\nand one who does not\n%s", known, unknown)
	}
	if got := answer(pass(user(harbor("<sip:2001@10.0.0.5>"), "2999"), string(nobodys))); got != unknown {
		t.Errorf("nobody's password gave\n%s", got)
	}
	if got := answer(pass(harbor("<sip:2001@10.0.0.5>"), string(nobodys))); got != unknown {
		t.Errorf("nobody's password of a user gave\n%s", got)
	}
	if b.Known(netip.MustParseAddr("198.51.100.7")) {
		t.Error("a wrong password made the address known")
	}
}

// Proves: F-10, issue 6 (a limit on guesses that never touches a registered telephone)
func TestGuessing(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Limits.Guesses = 3 })
	if res := b.register(harbor("<sip:2001@10.0.0.5>")); res.Code != 200 {
		t.Fatalf("answer %d", res.Code)
	}
	attacker := from(pass(harbor("<sip:2001@10.0.0.5>"), "guess"), "203.0.113.66:5060")
	for i := range 3 {
		if res := b.register(attacker); res.Code != 401 {
			t.Fatalf("guess %d was answered %d", i, res.Code)
		}
	}
	if res := b.register(pass(attacker, secret)); res.Code != 503 || res.Message.Headers.Get("Retry-After") == "" {
		t.Errorf("after three guesses the right one was answered %d", res.Code)
	}
	if len(b.alarms) == 0 || b.alarms[0].Source != "203.0.113.66" {
		t.Errorf("alarms %+v", b.alarms)
	}
	if res := b.register(harbor("<sip:2001@10.0.0.5>")); res.Code != 200 {
		t.Errorf("the telephone itself was answered %d", res.Code)
	}
	if res := b.register(from(user(harbor("<sip:2002@10.0.0.9>"), "2002"), "198.51.100.9:5060")); res.Code != 200 {
		t.Errorf("another user was answered %d", res.Code)
	}
	b.now = b.now.Add(digest.RetryAfter)
	if res := b.register(pass(attacker, secret)); res.Code != 200 {
		t.Errorf("after five minutes the right one was answered %d", res.Code)
	}
}

// Proves: RFC 8760 section 2.4, C-70 (telephones that give up at SHA-256)
func TestATelephoneThatKnowsMD5Alone(t *testing.T) {
	b := newBench(t, nil)
	offered := func(a ask) []string {
		return b.Serve(context.Background(), a.request(b.now)).Message.Headers.All("WWW-Authenticate")
	}
	for _, name := range []string{"2001", "2999"} { // also one who does not exist
		a := user(harbor("<sip:2001@10.0.0.5>"), name)
		if got := offered(a); len(got) != 2 || !strings.Contains(got[0], "SHA-256") {
			t.Errorf("%s is first asked for %v", name, got)
		}
		if got := offered(id(a, "c2")); len(got) != 1 || !strings.Contains(got[0], "MD5") {
			t.Errorf("%s, who gave up, is asked for %v", name, got)
		}
		if got := offered(from(a, "198.51.100.8:5060")); len(got) != 2 {
			t.Errorf("from elsewhere %s is asked for %v", name, got)
		}
	}
	if res := b.register(id(harbor("<sip:2001@10.0.0.5>"), "c3")); res.Code != 200 {
		t.Errorf("with MD5 the answer is %d", res.Code)
	}
	if got := offered(id(harbor("<sip:2001@10.0.0.5>"), "c4")); len(got) != 1 {
		t.Errorf("at the next registration it is asked for %v", got)
	}
}

// Proves: F-10
func TestWhoIsKnown(t *testing.T) {
	src := netip.MustParseAddr("198.51.100.7")
	b := newBench(t, nil)
	if b.Known(src) {
		t.Fatal("a stranger is known")
	}
	b.register(harbor("<sip:2001@10.0.0.5>;+sip.instance=\"<urn:uuid:1>\""))
	b.register(with(harbor("*"), "Expires", "0"))
	b.now = b.now.Add(29 * 24 * time.Hour)
	b.sweep(b.now)
	if !b.Known(src) || !b.Known(netip.MustParseAddr("::ffff:198.51.100.7")) {
		t.Error("after 29 days a telephone that signed off is a stranger")
	}
	// Its password was changed, and it moved: the instance tells that it is the one.
	lapsed := from(pass(harbor("<sip:2001@10.0.0.5>;+sip.instance=\"<urn:uuid:1>\""), "of old"), "198.51.100.8:5060")
	b.register(lapsed)
	if !b.Known(netip.MustParseAddr("198.51.100.8")) {
		t.Error("a telephone with an old password is a stranger")
	}
	lapsed.from, lapsed.contact = "198.51.100.9:5060", []string{`<sip:2001@10.0.0.5>;+sip.instance="<urn:uuid:2>"`}
	b.register(lapsed)
	if b.Known(netip.MustParseAddr("198.51.100.9")) {
		t.Error("somebody who knows no more than the user's name is known")
	}
	b.now = b.now.Add(36 * time.Hour)
	b.sweep(b.now)
	if b.Known(src) {
		t.Error("after 30 days a telephone that signed off is known")
	}
}

// Proves: F-13, F-34
func TestWhichTelephoneCalls(t *testing.T) {
	b := newBench(t, nil)
	b.register(harbor("<sip:2001@10.0.0.5>"))
	call := func(from, source string) *sipedge.Request {
		return &sipedge.Request{Method: "INVITE", URI: "sip:911@harbor.example", Source: netip.MustParseAddrPort(source), Headers: sipedge.Headers{{Name: "From", Value: from}}}
	}
	anonymous := `"Anonymous" <sip:anonymous@anonymous.invalid>;tag=1`
	check := func(name string, q *sipedge.Request, want Phone, ok bool) {
		t.Helper()
		got, found := b.Phone(q)
		if found != ok || got != want {
			t.Errorf("%s: %+v %v, want %+v %v", name, got, found, want, ok)
		}
	}
	check("by From, where it is registered", call("<sip:2001@harbor.example>;tag=1", "198.51.100.7:9999"), Phone{Org: "harbor", Device: "harbor-2001", Registered: true}, true)
	check("alone at its address", call(anonymous, "198.51.100.7:9999"), Phone{Org: "harbor", Device: "harbor-2001"}, true)
	check("a stranger with a known user's name", call("<sip:2001@harbor.example>;tag=1", "203.0.113.1:5060"), Phone{}, false)
	b.register(user(harbor("<sip:2002@10.0.0.6>"), "2002"))
	check("one of two at an address, by From", call("<sip:2002@harbor.example>;tag=1", "198.51.100.7:9999"), Phone{Org: "harbor", Device: "harbor-2002", Registered: true}, true)
	check("one of two at an address, not told apart", call(anonymous, "198.51.100.7:9999"), Phone{Org: "harbor"}, true)
	b.now = b.now.Add(2 * time.Hour)
	b.sweep(b.now)
	check("its registration is over", call("<sip:2001@harbor.example>;tag=1", "198.51.100.7:9999"), Phone{Org: "harbor", Device: "harbor-2001"}, true)
	quay := user(harbor("<sip:2001@10.0.0.7>"), "2001")
	quay.uri = "sip:quay.example"
	b.register(quay)
	check("an address of two organisations", call(anonymous, "198.51.100.7:9999"), Phone{}, false)
}

// Proves: issue 6 (bounded tables)
func TestTheTablesAreBounded(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Limits = Limits{Contacts: 3, Bindings: 4, Seen: 2} })
	for i := range 5 {
		b.now = b.now.Add(time.Second)
		b.register(harbor(fmt.Sprintf("<sip:2001@10.0.0.%d>", i)))
	}
	var got []string
	for _, x := range b.Bindings("harbor", "2001") {
		got = append(got, x.Contact)
	}
	if want := []string{"sip:2001@10.0.0.4", "sip:2001@10.0.0.3", "sip:2001@10.0.0.2"}; !slices.Equal(got, want) {
		t.Errorf("kept %v, want %v", got, want)
	}
	second := user(harbor("<sip:2002@10.0.0.6>"), "2002")
	if res := b.register(second); res.Code != 200 {
		t.Errorf("the fourth binding was answered %d", res.Code)
	}
	third := user(harbor("<sip:lobby@10.0.0.6>"), "lobby")
	if res := b.register(third); res.Code != 503 {
		t.Errorf("the fifth binding was answered %d", res.Code)
	}
	for i := range 20 {
		b.register(from(harbor(), fmt.Sprintf("198.51.100.%d:5060", 20+i)))
	}
	n := 0
	b.seen.Range(func(_, _ any) bool { n++; return true })
	if n > 2 || n != b.sightings {
		t.Errorf("%d telephones at addresses are remembered, counted as %d", n, b.sightings)
	}
}

// Proves: issue 6 (registrations survive a restart), D-06
func TestARestart(t *testing.T) {
	b := newBench(t, nil)
	b.register(harbor("<sip:2001@10.0.0.5>"))
	b.register(user(harbor("<sip:2002@10.0.0.6>"), "2002"))
	b.register(with(user(harbor("*"), "2002"), "Expires", "0"))
	if want := []journal.Kind{journal.BindingMade, journal.BindingMade, journal.BindingGone}; !slices.Equal(b.facts.kinds(), want) {
		t.Fatalf("facts %v, want %v", b.facts.kinds(), want)
	}
	edge := idleEdge(t)
	again := newBench(t, func(c *Config) {
		c.UDPFlow = func(_, remote netip.AddrPort) (sipedge.Flow, bool) {
			return edge.FlowTo(edge.Listeners()[0].Addr, remote)
		}
	})
	again.now = b.now.Add(time.Minute)
	for _, f := range b.facts.list {
		if f.Kind == journal.BindingMade {
			f.Body = []byte(strings.Replace(string(f.Body), `"transport":"none"`, `"transport":"udp"`, 1))
		}
		if err := again.Restore(f); err != nil {
			t.Fatal(err)
		}
	}
	list := again.Bindings("harbor", "2001")
	if len(list) != 1 || list[0].Flow.String() != "udp:198.51.100.7:5060" || !list[0].Expires.Equal(b.now.Add(time.Hour)) {
		t.Errorf("after a restart: %+v", list)
	}
	if p, ok := again.Phone(&sipedge.Request{Flow: list[0].Flow}); !ok || p.Device != "harbor-2001" || !p.Registered {
		t.Errorf("by its flow: %+v %v", p, ok)
	}
	if len(again.Bindings("harbor", "2002")) != 0 || !again.Known(netip.MustParseAddr("198.51.100.7")) {
		t.Error("who signed off is registered, or its address is not known")
	}
}

func idleEdge(t *testing.T) *sipedge.Edge {
	t.Helper()
	e, err := sipedge.New(sipedge.Config{
		Listen: []sipedge.Listener{{Network: "udp", Addr: netip.MustParseAddrPort("127.0.0.1:0")}},
		Known:  func(sipedge.Source) bool { return false }, Emergency: func(string) bool { return false },
		Handle: func(context.Context, *sipedge.Leg) {}, Alarm: func(sipedge.Alarm) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

// Proves: issue 6 (hardware address and User-Agent as evidence)
func TestTheHardwareAddressThatATelephoneTells(t *testing.T) {
	for _, c := range []struct {
		instance, agent string
		want            e911.MAC
	}{
		{"urn:uuid:00000000-0000-1000-8000-001122AABBCC", "", "00:11:22:aa:bb:cc"},
		{"urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "", ""},
		{"", "Yealink SIP-T46S 66.84.0.15 00:15:65:aa:bb:cc", "00:15:65:aa:bb:cc"},
		{"", "snom320/8.7.5.35 000413241234", "00:04:13:24:12:34"},
		{"", "baresip v1.0.0 (x86_64/linux)", ""},
	} {
		if got := macOf(c.instance, c.agent); got != c.want {
			t.Errorf("%q %q: %q, want %q", c.instance, c.agent, got, c.want)
		}
	}
}

// Proves: issue 6 (fuzz of what comes from outside)
func FuzzContact(f *testing.F) {
	for _, s := range []string{`<sip:a@b;x=1>;expires=3;+sip.instance="<urn:uuid:1>"`, "*", "sip:a@b", `"a <b" <sip:a@b>, sip:c@d`, "<sip:%", ",;=\"<>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, c := range readContacts([]string{s}) {
			if c.fault == "" && strings.ContainsAny(c.uri+c.params, "\r\n") {
				t.Errorf("%q breaks a line", s)
			}
			if c.fault == "" && c.uri != "*" && !sameURI(c.uri, c.uri) {
				t.Errorf("%q is not itself", c.uri)
			}
		}
		userHost(uriOf(s))
		escapeGR(s)
		macOf(s, s)
	})
}
