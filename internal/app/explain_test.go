package app

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/examples"
	"github.com/callbox911/callbox/internal/admin/report"
	"github.com/callbox911/callbox/internal/admin/world"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/explain"
	"github.com/callbox911/callbox/internal/sim/hook"
	"github.com/callbox911/callbox/internal/sim/phone"
)

var update = flag.Bool("update", false, "write what is said into testdata")

// asked is a whole server with a clock that stands still until the test moves
// it, so that what is said of ages is the same each time.
type asked struct {
	t     *testing.T
	ctx   context.Context
	s     *Server
	desk  *phone.Phone
	hooks *hook.Sink
	text  string // of the world
	now   atomic.Int64
}

var askedFrom = time.Date(2026, 3, 9, 12, 0, 0, 0, time.UTC)

func newAsked(ctx context.Context, t *testing.T, change ...func(*Config)) *asked {
	t.Helper()
	a := &asked{t: t, ctx: ctx}
	a.now.Store(askedFrom.UnixMilli())
	a.s, a.desk, a.hooks = serverUnderTest(ctx, t, func(c *Config) {
		c.Now, c.Node = a.clock, "n1"
		for _, f := range change {
			f(c)
		}
	})
	// The PSAPs stand where serverUnderTest put them.
	w := a.s.holder.Load()
	a.text = string(examples.Harbor())
	for t := range w.Trunks() {
		if t.Key == "carrier-a" {
			to, _, _ := strings.Cut(strings.TrimPrefix(t.To, "sip:psap@"), ";")
			a.text = strings.NewReplacer("127.0.0.21:5071", to, "127.0.0.21/32", "127.0.41.21/32", "127.0.0.11/32", "127.0.41.11/32",
				"127.0.0.12/32", "127.0.41.12/32", "http://"+demoHookAddr+"/hook", a.hooks.URL()).Replace(a.text)
		}
	}
	return a
}

func (a *asked) clock() time.Time        { return time.UnixMilli(a.now.Load()).UTC() }
func (a *asked) advance(d time.Duration) { a.now.Add(d.Milliseconds()) }

// importWorld replaces the world by one that was changed.
func (a *asked) importWorld(change ...string) {
	a.t.Helper()
	text := strings.NewReplacer(change...).Replace(a.text)
	if text == a.text && len(change) > 0 {
		a.t.Fatalf("nothing of %q is in the world", change)
	}
	// Some worlds reach their PSAP only by a layer that comes after them.
	if _, err := a.s.Import(a.ctx, "harbor.yaml", []byte(text), world.Options{Unroute: "its layer comes next"}); err != nil {
		a.t.Fatal(err)
	}
}

// plugged is the desk's phone at another port of the same switch.
func (a *asked) plugged(port string) *phone.Phone {
	a.t.Helper()
	p, err := phone.New(phone.Config{
		Listen: netip.MustParseAddrPort("127.0.41.11:0"), Proxy: a.s.Addresses().SIP[0].Addr, HELDURL: a.s.Addresses().HELD,
		Number: "+16175550111", UserID: "agent4711", CompanyID: demoCompany, Secret: demoSecret,
		LLDPChassis: "0c:75:bd:00:00:01", LLDPPort: port, MAC: "00:11:22:aa:bb:cc",
	})
	if err != nil {
		a.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(a.ctx)
	done := make(chan struct{})
	go func() { defer close(done); _ = p.Run(ctx) }()
	a.t.Cleanup(func() { cancel(); <-done })
	return p
}

func (a *asked) locate(p *phone.Phone) phone.Location {
	a.t.Helper()
	l, err := p.Locate(a.ctx)
	if err != nil {
		a.t.Fatal(err)
	}
	return l
}

// explain asks as the command line does.
func (a *asked) explain(params string) (explain.Answer, string) {
	a.t.Helper()
	v, err := url.ParseQuery(params)
	if err != nil {
		a.t.Fatal(err)
	}
	out, err := Explain(a.ctx, a.s.cfg.DataDir, v, a.clock)
	if err != nil {
		a.t.Fatalf("explain %s: %v", params, err)
	}
	var answer explain.Answer
	if err := json.Unmarshal(out.Answer, &answer); err != nil {
		a.t.Fatal(err)
	}
	return answer, out.Text
}

// What is another each time it runs.
var unsteady = []struct {
	form *regexp.Regexp
	say  string
}{
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`), "(id)"},
	{regexp.MustCompile(`(127\.0\.\d+\.\d+):\d+`), "$1:(port)"},
}

// said compares a text with what a person read and found good.
func (a *asked) said(name, got string) {
	a.t.Helper()
	for _, u := range unsteady {
		got = u.form.ReplaceAllString(got, u.say)
	}
	file := filepath.Join("testdata", "explain", name+".txt")
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			a.t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			a.t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		a.t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		a.t.Errorf("%s is not what was said (- %s, + now); go test -update writes it:\n%s", name, file, diff)
	}
}

// record waits for the record of the one call.
func (a *asked) record() report.CallRecord {
	a.t.Helper()
	org := orgWithKey(a.s, demoOrg)
	var out report.CallRecord
	err := waitFor(a.ctx, 20*time.Second, "the record", func() bool {
		for _, r := range a.s.board.Calls(org) {
			if out = r; r.State == report.Ended {
				return true
			}
		}
		return false
	})
	if err != nil {
		a.t.Fatal(err)
	}
	return out
}

func orgWithKey(s *Server, key string) e911.OrgID {
	for o := range s.holder.Load().Orgs() {
		if o.Config().Key == key {
			return o.ID()
		}
	}
	return ""
}

// A phone on a whole server: located by its port, moved, called, asked about
// now and then, with the server and without.
//
// Proves: E11, E13, D-14, F-13, F-21, F-23, W-50
func TestExplainTellsNowAndThen(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	a := newAsked(ctx, t)
	const desk = "mac=0011.22aa.bbcc"

	a.locate(a.desk)
	a.advance(2 * time.Minute)
	first, text := a.explain(desk)
	a.said("located", text)
	if got := first.Call.Located.Place.Key; got != "mill-1-f2-210" {
		t.Fatalf("a call would be placed at %q", got)
	}

	// It moves, and nobody calls before.
	a.advance(18 * time.Minute)
	moved := a.plugged("Gi1/0/8")
	uri := a.locate(moved).URI
	a.advance(time.Minute)
	now, text := a.explain(desk)
	a.said("moved", text)
	then, text := a.explain(desk + "&at=2026-03-09T12:10:00Z")
	a.said("before-the-move", text)
	if got := now.Call.Located.Place.Key; got != "mill-1-f2-220" {
		t.Errorf("now at %q", got)
	}
	if got := then.Call.Located.Place.Key; got != "mill-1-f2-210" || !then.Past || then.By != explain.FromJournal {
		t.Errorf("then at %q, from %s", got, then.By)
	}

	// A call does what was foretold.
	foretold, _ := a.explain(desk)
	call, err := moved.Dial(ctx, phone.Dialling{Number: "911", Location: uri})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := call.WaitAnswer(ctx); err != nil {
		t.Fatal(err)
	}
	if err := call.Hangup(); err != nil {
		t.Fatal(err)
	}
	if err := waitFor(ctx, 20*time.Second, "what became of both notices", func() bool { return len(a.record().Notices) == 2 }); err != nil {
		t.Fatal(err)
	}
	record := a.record()
	a.advance(time.Minute)
	after, text := a.explain(desk + "&at=1m")
	a.said("with-a-call", text)
	if len(after.Made) != 1 {
		t.Fatalf("%d calls were made then", len(after.Made))
	}
	made := after.Made[0]
	if string(made.ID) != string(record.ID) {
		t.Errorf("call %s, the record has %s", made.ID, record.ID)
	}
	for _, c := range []struct {
		what           string
		foretold, made any
	}{
		{"who", foretold.Call.Identified, made.Identified},
		{"where", foretold.Call.Located, made.Located},
		{"which PSAP", foretold.Call.Routed, made.Routed},
	} {
		if diff := cmp.Diff(c.foretold, c.made); diff != "" {
			t.Errorf("%s: the call did something else than was foretold (- foretold):\n%s", c.what, diff)
		}
	}
	if len(foretold.Call.Told) != 2 || foretold.Call.Told[0].To != a.hooks.URL() {
		t.Errorf("told would be %v", foretold.Call.Told)
	}

	// The map changes under what was recorded.
	a.importWorld("port: Gi1/0/8", "port: Gi1/0/99", "port: Gi1/0/7}", "port: Gi1/0/77}", `bssid: "00:11:22:33:44:80"`,
		`lldp: {chassis: "0c:75:bd:00:00:01", port: Gi1/0/7}`)
	_, text = a.explain(desk + "&at=2026-03-09T12:10:00Z")
	a.said("map-changed", text)
	_, text = a.explain(desk + "&held=true")
	a.said("held-not-on-the-map", text)
	if !strings.Contains(text, "port Gi1/0/8") {
		t.Errorf("the port that nobody mapped is not named:\n%s", text)
	}
}

// Proves: E11, D-14
func TestExplainWithoutAServerReadsItsFiles(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	running, stop := context.WithCancel(ctx)
	defer stop()
	a := newAsked(running, t)
	a.locate(a.desk)
	a.advance(2 * time.Minute)
	with, _ := a.explain("mac=00:11:22:aa:bb:cc")
	stop()
	a.ctx = ctx
	release, err := lock(a.s.cfg.DataDir) // waits until the server has let go
	for err != nil && ctx.Err() == nil {  // a busy machine takes longer than one wait to stop a server
		release, err = lock(a.s.cfg.DataDir)
	}
	if err != nil {
		t.Fatal(err)
	}
	release()
	before := files(t, a.s.cfg.DataDir)
	without, text := a.explain("mac=00:11:22:aa:bb:cc")
	a.said("without-a-server", text)
	if diff := cmp.Diff(with.Call, without.Call, cmp.AllowUnexported(explain.Call{}), cmp.FilterPath(func(p cmp.Path) bool {
		return p.Last().String() == ".where" // text only
	}, cmp.Ignore())); diff != "" {
		t.Errorf("the files say something else than the server did (- server):\n%s", diff)
	}
	if diff := cmp.Diff(before, files(t, a.s.cfg.DataDir)); diff != "" {
		t.Errorf("reading changed the data directory:\n%s", diff)
	}
	v := url.Values{"mac": {"00:11:22:aa:bb:cc"}}
	if _, err := Explain(ctx, t.TempDir(), v, a.clock); e911.KindOf(err) != e911.Invalid {
		t.Errorf("an empty directory: %v, want an invalid one", err)
	}
}

// files are names and sizes below a folder.
func files(t *testing.T, dir string) map[string]int64 {
	t.Helper()
	out := map[string]int64{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			out[path] = info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Who can be asked for, and what is said of who cannot.
//
// Proves: E11, E14, F-10, F-13
func TestExplainFindsTheCallerByWhatIsKnownOfHim(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	a := newAsked(ctx, t)
	a.text += secondOrg
	a.importWorld()
	a.locate(a.desk)
	a.advance(time.Minute)
	for name, params := range map[string]string{
		"by-user":           "user=front-desk@harbor.example",
		"by-number":         "number=617-555-0113",
		"by-address":        "ip=127.0.3.9",
		"by-trunk-address":  "ip=127.0.41.11",
		"never-asked":       "mac=00:11:22:aa:bb:dd",
		"two-of-two-people": "mac=00:11:22:aa:bb:cc&user=agent-4712",
		"a-test":            "user=agent4711&test=true",
	} {
		_, text := a.explain(params)
		a.said(name, text)
	}
	for _, c := range []struct {
		name, params string
		kind         e911.Kind
		says         string
	}{
		{"a device that nobody knows", "mac=00:99:99:99:99:99", e911.NotFound, "no such device was ever seen"},
		{"a number that is nobody's", "number=%2B12125550000", e911.NotFound, "not configured"},
		{"a user that is not there", "user=nobody", e911.NotFound, "not configured"},
		{"an address of nobody", "ip=198.51.100.1", e911.NotFound, "neither a trunk's nor in a range"},
		{"an organisation that is not there", "user=agent-4711&org=nobody", e911.NotFound, "no organisation"},
		{"a user of another organisation", "user=agent-4711&org=other", e911.NotFound, "not configured"},
		{"a device in two organisations", "mac=00:11:22:aa:bb:ee", e911.Invalid, "harbor, other"},
		{"no time", "mac=00:11:22:aa:bb:cc&at=yesterday", e911.Invalid, "not a time"},
		{"a time without its zone", "mac=00:11:22:aa:bb:cc&at=2026-03-09T12:00:00", e911.Invalid, "not a time"},
		{"the future", "mac=00:11:22:aa:bb:cc&at=2027-03-09T12:00:00Z", e911.Invalid, "future"},
		{"no hardware address", "mac=00:11", e911.Invalid, "not a hardware address"},
		{"nothing", "", e911.Invalid, "nothing is asked for"},
		{"something else", "mac=00:11:22:aa:bb:cc&color=red", e911.Invalid, "color"},
		{"a multicast group", "ip=224.0.0.1", e911.Invalid, "not the network address"},
	} {
		v, err := url.ParseQuery(c.params)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Explain(ctx, a.s.cfg.DataDir, v, a.clock)
		if e911.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %s that says %q", c.name, err, c.kind, c.says)
		}
	}
}

// secondOrg shares one device's address with the first, as a laptop may.
const secondOrg = `
  - key: other
    name: Other
    demonstration: true
    held: {company_id: 00000000000000000000000000000002, secrets: ["other"], trusted: []}
    public_ranges: []
    bssid_masking: []
    did_fallback: false
    trunks: []
    sites:
      - key: o
        name: Other office
        zone: America/New_York
        mode: dynamic
        stage: "911"
        ecbn: "+16175550190"
        buildings:
          - key: b
            name: B
            address: {country: US, A1: MA, A2: Middlesex County, A3: Cambridge, HNO: "1", RD: Main, STS: Street, PC: "02139", point: [42.36, -71.1]}
            locations: [{key: l, FLR: "1"}]
        users: [{key: o1, name: Other}]
        devices: [{key: o-d1, mac: "00:aa:bb:cc:dd:01", user: o1}, {key: o-d2, mac: "00:11:22:aa:bb:ee"}]
`

// A signed-in user asks about his own organisation's callers; another's are not
// there.
//
// Proves: E14, D-12
func TestExplainOverThePagesIsForTheOwnOrganisation(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	a := newAsked(ctx, t)
	a.text += secondOrg
	a.importWorld()
	a.locate(a.desk)
	get := func(c *http.Client, params string) (int, []byte) {
		t.Helper()
		resp, err := c.Get("http://" + a.s.webL.Addr().String() + "/api/v1/explain?" + params)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, b
	}
	if code, _ := get(http.DefaultClient, "mac=00:11:22:aa:bb:cc"); code != http.StatusUnauthorized {
		t.Errorf("not signed in: %d", code)
	}
	ours, theirs := a.signedIn(demoOrg), a.signedIn("other")
	code, b := get(ours, "mac=00:11:22:aa:bb:cc")
	var answer explain.Answer
	if err := json.Unmarshal(b, &answer); err != nil || code != http.StatusOK || answer.Call.Located.Place.Key != "mill-1-f2-210" {
		t.Errorf("own device: %d %v %s", code, err, b)
	}
	for params, want := range map[string]int{
		"mac=00:11:22:aa:bb:cc":                             http.StatusNotFound,
		"mac=00:11:22:aa:bb:cc&org=harbor":                  http.StatusNotFound,
		"mac=00:11:22:aa:bb:cc&at=1m":                       http.StatusNotFound,
		"user=agent-4711":                                   http.StatusNotFound,
		"number=%2B16175550111":                             http.StatusNotFound,
		"ip=127.0.41.11":                                    http.StatusNotFound,
		"mac=00:aa:bb:cc:dd:01":                             http.StatusOK,
		"mac=zz":                                            http.StatusBadRequest,
		"mac=00:aa:bb:cc:dd:01&at=x":                        http.StatusBadRequest,
		"mac=00:aa:bb:cc:dd:01&" + strings.Repeat("x", 9e3): http.StatusBadRequest,
	} {
		code, b := get(theirs, params)
		if code != want || code == http.StatusNotFound && bytes.Contains(b, []byte("arbor")) {
			t.Errorf("%.60s of another organisation's user: %d %s, want %d", params, code, b, want)
		}
	}
	// The operator asks the control socket by plain HTTP.
	socket := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(a.s.cfg.DataDir, controlSocket))
	}}}
	defer socket.CloseIdleConnections()
	for params, want := range map[string]int{"mac=00:11:22:aa:bb:cc": 200, "mac=00:11:22:aa:bb:c0": 404, "mac=": 400} {
		resp, err := socket.Get("http://callbox/api/v1/explain?" + params)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s over the socket: %d, want %d", params, resp.StatusCode, want)
		}
	}
}

// signedIn is a browser that used a sign-in link.
func (a *asked) signedIn(org string) *http.Client {
	a.t.Helper()
	link, err := a.s.LoginLink(org)
	if err != nil {
		a.t.Fatal(err)
	}
	u, err := url.Parse(link)
	if err != nil {
		a.t.Fatal(err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		a.t.Fatal(err)
	}
	c := &http.Client{Jar: jar}
	resp, err := c.PostForm("http://"+a.s.webL.Addr().String()+"/login", url.Values{"t": {u.Query().Get("t")}})
	if err != nil {
		a.t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		a.t.Fatalf("sign in: %s", resp.Status)
	}
	return c
}
