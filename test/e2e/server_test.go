package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin/report"
	"github.com/callbox911/callbox/internal/sim/hook"
	"github.com/callbox911/callbox/internal/sim/mail"
	"github.com/callbox911/callbox/internal/sim/phone"
	"github.com/callbox911/callbox/internal/sim/psap"
)

const (
	companyID  = "7c0e0000000000000000000000000e2e"
	secret     = "only-for-this-test"
	hookSecret = "only-for-this-hook"
)

// binary is the built product: CALLBOX_BIN, or built here once.
var binary = sync.OnceValues(func() (string, error) {
	if b := os.Getenv("CALLBOX_BIN"); b != "" {
		return b, nil
	}
	dir, err := os.MkdirTemp("", "callbox-e2e-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "callbox")
	cmd := exec.Command("go", "build", "-o", path, "../../cmd/callbox")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build callbox: %w: %s", err, out)
	}
	return path, nil
})

// nets gives every test a /24 of loopback of its own, so that tests run side
// by side and a trunk is known by its address.
var nets atomic.Int32

// site is the world around one server under test: PBX, carriers, relay
// centre, mail and webhook receivers, each at its own address.
type site struct {
	t     *testing.T
	ctx   context.Context
	net   int
	data  string
	world string
	mail  *mail.Sink
	hook  *hook.Sink
	a, b  *psap.PSAP // carriers
	relay *psap.PSAP

	wrap    func(cmd []string) []string // e.g. a mount namespace of its own
	cmd     *exec.Cmd
	waitErr chan error
	sip     netip.AddrPort
	held    string
	web     string
	client  *http.Client
	log     *logBuffer
}

// logBuffer keeps what a process wrote.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// newSite makes the surroundings; the server is not started yet.
func newSite(t *testing.T) *site {
	t.Helper()
	return newSiteFor(t, 3*time.Minute)
}

// newSiteFor makes the surroundings of a test that takes longer.
func newSiteFor(t *testing.T, limit time.Duration) *site {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	s := &site{t: t, ctx: ctx, net: 10 + int(nets.Add(1)), data: t.TempDir(), log: &logBuffer{}}
	var wg sync.WaitGroup
	t.Cleanup(func() { cancel(); wg.Wait() })
	var err error
	if s.mail, err = mail.Listen(mail.Config{Addr: s.ip(90) + ":0"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.mail.Close)
	if s.hook, err = hook.Listen(hook.Config{Addr: s.ip(91) + ":0", Secret: hookSecret}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.hook.Close)
	for i, p := range []**psap.PSAP{&s.a, &s.b, &s.relay} {
		*p, err = psap.New(psap.Config{Listen: s.addr(21+i, 0), RingFor: 20 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		one := *p // a test may put another in its place at once
		wg.Go(func() { _ = one.Run(ctx) })
	}
	s.sip, s.held, s.web = s.addr(10, 5060), s.ip(10)+":8080", s.ip(10)+":8088"
	s.world = s.worldText()
	return s
}

// The second octet is the process's own, so that two runs do not meet.
func (s *site) ip(host int) string {
	return fmt.Sprintf("127.%d.%d.%d", 64+os.Getpid()%128, s.net, host)
}

func (s *site) addr(host int, port uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr(s.ip(host)), port)
}

func (s *site) worldText() string {
	trunk := func(key, side string, p *psap.PSAP) string {
		return fmt.Sprintf("    - {key: %s, side: %s, kind: provider, profile: carrier, to: \"sip:psap@%s;transport=tcp\", from: [%s/32], dr_from: []}\n",
			key, side, p.Addr(), p.Addr().Addr())
	}
	return "world:\n  models: [{key: held-phone, held: true}, {key: plain-phone, held: false}]\n  trunks:\n" +
		trunk("carrier-a", "carrier", s.a) + trunk("carrier-b", "carrier", s.b) + trunk("ecrc-a", "relay", s.relay) +
		`  psaps:
    - {key: psap-middlesex, name: Middlesex (demonstration), boundary: {us_county: "25017"}, routes: [{trunk: carrier-a}, {trunk: carrier-b}]}
  relay: {key: ecrc, name: Relay centre (demonstration), routes: [{trunk: ecrc-a}]}
organisations:
  - key: works
    name: Works
    demonstration: true
    held: {company_id: ` + companyID + `, secrets: ["` + secret + `"], trusted: []}
    public_ranges: []
    bssid_masking: []
    did_fallback: false
    trunks: [{key: pbx, side: platform, from: [` + s.ip(11) + `/32], dr_from: [], identity_header: E911-User-ID}]
    sites:
      - key: hq
        name: Headquarters
        zone: America/New_York
        mode: dynamic
        stage: "911"
        ecbn: "+16175550100"
        buildings:
          - key: mill
            name: Mill
            address: {country: US, A1: MA, A2: Middlesex County, A3: Cambridge, HNO: "795", RD: Massachusetts, STS: Avenue, PC: "02139", point: [42.36684, -71.10565]}
            locations:
              - {key: room-210, FLR: "2", ROOM: "210", network: [{lldp: {chassis: "0c:75:bd:00:00:01", port: Gi1/0/7}}, {bssid: "00:11:22:33:44:50"}, {ip: ` + s.ip(0) + `/28}]}
              - {key: room-310, FLR: "3", ROOM: "310", network: [{bssid: "00:11:22:33:44:60"}]}
        users: [{key: u1, name: Front desk, email: desk@works.example, device_user_id: agent4711, callback: "+16175550111"}]
        devices: [{key: d1, mac: "00:11:22:aa:bb:cc", user: u1, model: held-phone}, {key: d2, mac: "00:11:22:aa:bb:dd", model: plain-phone}]
        numbers: [{number: "+16175550111", user: u1, location: room-210}, {number: "+16175550112", location: room-310}]
        alerts: [{key: desk, on: [emergency, test], mail: [security@works.example], webhook: [{url: "` + s.hook.URL() + `", secret: "` + hookSecret + `"}]}]
`
}

// start starts the server and imports the world. It waits until it serves.
func (s *site) start(extra ...string) {
	s.t.Helper()
	s.launch(extra...)
	s.importWorld()
	s.signIn()
}

// launch starts the process and waits until its sockets are bound.
func (s *site) launch(extra ...string) {
	s.t.Helper()
	bin, err := binary()
	if err != nil {
		s.t.Fatal(err)
	}
	line := append([]string{
		bin, "serve", "--data", s.data, "--node", "n1", "--sip", "udp:" + s.sip.String(), "--sip", "tcp:" + s.sip.String(),
		"--held", s.held, "--web", s.web, "--base-url", "http://" + s.web, "--smtp", s.mail.Addr(), "--smtp-tls", "none",
		"--smtp-from", "callbox@works.example", "--rtp", s.ip(10),
	}, extra...)
	if s.wrap != nil {
		line = s.wrap(line)
	}
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Stderr = s.log
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	s.cmd, s.waitErr = cmd, done
	s.t.Cleanup(func() { s.stop() })
	s.await("the server to listen", func() bool {
		resp, err := http.Get("http://" + s.web + "/healthz")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

// stop ends the process as an operator does; a second call does nothing.
func (s *site) stop() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-s.waitErr:
		if err != nil && !s.t.Failed() {
			s.t.Errorf("the server ended with %v; its log:\n%s", err, s.tail())
		}
	case <-time.After(15 * time.Second):
		_ = s.cmd.Process.Kill()
		s.t.Errorf("the server did not stop in 15 s; its log:\n%s", s.tail())
	}
	s.cmd = nil
	if s.t.Failed() {
		s.t.Logf("the server's log:\n%s", s.tail())
	}
}

// kill ends the process without a word.
func (s *site) kill() {
	_ = s.cmd.Process.Kill()
	<-s.waitErr
	s.cmd = nil
}

func (s *site) tail() string {
	text := s.log.String()
	return text[max(0, len(text)-6000):]
}

// await asks every 10 ms until done.
func (s *site) await(what string, done func() bool) {
	s.t.Helper()
	s.awaitFor(what, 30*time.Second, done)
}

func (s *site) awaitFor(what string, limit time.Duration, done func() bool) {
	s.t.Helper()
	end := time.NewTimer(limit)
	defer end.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-end.C:
			s.t.Fatalf("waited %v for %s; the server's log:\n%s", limit, what, s.tail())
		case <-s.ctx.Done():
			s.t.Fatalf("time is up waiting for %s", what)
		}
	}
}

// command runs the binary beside the server.
func (s *site) command(args ...string) (string, error) {
	bin, err := binary()
	if err != nil {
		s.t.Fatal(err)
	}
	cmd := exec.CommandContext(s.ctx, bin, args...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (s *site) importWorld() {
	s.t.Helper()
	file := filepath.Join(s.t.TempDir(), "world.yaml")
	if err := os.WriteFile(file, []byte(s.world), 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.await("the import", func() bool {
		out, err := s.command("import", "--data", s.data, file)
		if err != nil && !strings.Contains(out, "database does not answer") { // it may still be opening
			s.t.Fatalf("import: %v: %s", err, out)
		}
		return err == nil
	})
}

// signIn opens the one-time link, as a person does.
func (s *site) signIn() {
	s.t.Helper()
	link, err := s.command("login", "--data", s.data)
	if err != nil {
		s.t.Fatalf("login: %v: %s", err, link)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	s.client = &http.Client{Jar: jar, Timeout: 10 * time.Second}
	link = strings.TrimSpace(link)
	resp, err := s.client.Get(link)
	if err != nil {
		s.t.Fatal(err)
	}
	page, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if !bytes.Contains(page, []byte("<form")) { // a click, so that a mail scanner does not use the link up
		s.t.Fatalf("sign-in page without a button: %s", page)
	}
	_, token, _ := strings.Cut(link, "?t=")
	token, err = url.QueryUnescape(token)
	if err != nil {
		s.t.Fatal(err)
	}
	resp, err = s.client.PostForm("http://"+s.web+"/login", url.Values{"t": {token}})
	if err != nil {
		s.t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		s.t.Fatalf("sign-in: %s", resp.Status)
	}
}

// get reads JSON with the session's cookie.
func (s *site) get(path string, into any) error {
	resp, err := s.client.Get("http://" + s.web + path)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return errors.New(resp.Status)
	}
	return json.NewDecoder(resp.Body).Decode(into)
}

// calls lists the records, newest first, and whether SQL answered.
func (s *site) calls() (list []report.CallRecord, complete bool) {
	var reply struct {
		Calls    []report.CallRecord
		Complete bool
	}
	if err := s.get("/api/calls?limit=200", &reply); err != nil {
		return nil, false
	}
	return reply.Calls, reply.Complete
}

// record waits for the newest record that fits.
func (s *site) record(what string, fits func(report.CallRecord) bool) report.CallRecord {
	s.t.Helper()
	var found report.CallRecord
	s.await(what, func() bool {
		list, _ := s.calls()
		for _, r := range list {
			if fits(r) {
				found = r
				return true
			}
		}
		return false
	})
	return found
}

func ended(r report.CallRecord) bool { return r.State == report.Ended }

// phone makes a phone behind the PBX that can be located by LLDP.
func (s *site) phone(change ...func(*phone.Config)) *phone.Phone {
	s.t.Helper()
	cfg := phone.Config{
		Listen: s.addr(11, 0), Proxy: s.sip, Number: "+16175550111", UserID: "agent4711",
		HELDURL: "http://" + s.held + "/held", CompanyID: companyID, Secret: secret,
		LLDPChassis: "0c:75:bd:00:00:01", LLDPPort: "Gi1/0/7", BSSID: "00:11:22:33:44:50", MAC: "00:11:22:aa:bb:cc",
	}
	for _, f := range change {
		f(&cfg)
	}
	p, err := phone.New(cfg)
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(s.ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = p.Run(ctx)
	}()
	s.t.Cleanup(func() { cancel(); <-done })
	return p
}

// dial locates the phone, where it can, and dials.
func (s *site) dial(p *phone.Phone, d phone.Dialling) *phone.Call {
	s.t.Helper()
	if d.Number == "" {
		d.Number = "911"
	}
	c, err := p.Dial(s.ctx, d)
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

func (s *site) located(p *phone.Phone) string {
	s.t.Helper()
	where, err := p.Locate(s.ctx)
	if err != nil {
		s.t.Fatalf("HELD: %v", err)
	}
	return where.URI
}

func (s *site) answered(c *phone.Call) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.ctx, 20*time.Second)
	defer cancel()
	if e, err := c.WaitAnswer(s.ctx); err != nil || ctx.Err() != nil {
		s.t.Fatalf("the call was not answered: %v %v; log:\n%s", e, err, s.tail())
	}
}

// received waits for a call at an answering point.
func (s *site) received(p *psap.PSAP) psap.Received {
	s.t.Helper()
	select {
	case r := <-p.Calls():
		return r
	case <-time.After(15 * time.Second):
		s.t.Fatalf("no call came; the server's log:\n%s", s.tail())
	case <-s.ctx.Done():
	}
	s.t.Fatal("time is up waiting for a call")
	return psap.Received{}
}

func (s *site) hangup(c *phone.Call) {
	s.t.Helper()
	if err := c.Hangup(); err != nil {
		s.t.Errorf("hang up: %v", err)
	}
}

// ua0 is a free port of an address.
func ua0(ip string) netip.AddrPort { return netip.AddrPortFrom(netip.MustParseAddr(ip), 0) }
