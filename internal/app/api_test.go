package app

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	rest "github.com/callbox911/callbox/client"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/sim/phone"
	"github.com/callbox911/callbox/internal/sim/psap"
)

// emptyServer is a server with nothing in its database.
func emptyServer(ctx context.Context, t *testing.T) *Server {
	t.Helper()
	free := netip.MustParseAddrPort("127.0.0.1:0")
	cfg := Default()
	cfg.DataDir, cfg.HELD, cfg.Web = t.TempDir(), "127.0.0.1:0", "127.0.0.1:0"
	cfg.SIP = []sipedge.Listener{{Network: "udp", Addr: free}, {Network: "tcp", Addr: free}}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	t.Cleanup(func() { cancel(); wg.Wait() })
	wg.Go(func() {
		if err := s.Run(ctx); err != nil {
			t.Errorf("the server ended: %v", err)
		}
	})
	if err := waitFor(ctx, 20*time.Second, "the database", func() bool { return s.store.get() != nil && s.store.desk.Load() != nil }); err != nil {
		t.Fatal(err)
	}
	return s
}

// script takes the commands out of a page of the documentation.
func script(t *testing.T, page string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", page))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), "```sh\n")
	commands, _, end := strings.Cut(rest, "```")
	if !ok || !end {
		t.Fatalf("%s has no commands", page)
	}
	return commands
}

// From an empty database to a 933 that is located to the room, with nothing but
// what the documentation says, run as it stands there.
//
// Proves: W-44, N-13, N-17, E14
func TestAFirstOrganisationByTheAPIAlone(t *testing.T) {
	for _, tool := range []string{"bash", "curl", "jq"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("the page's commands need " + tool)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	ps, err := psap.New(psap.Config{Listen: netip.MustParseAddrPort("127.0.43.21:0")})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = ps.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	s := emptyServer(ctx, t)
	key, err := KeyDesk{Dir: s.cfg.DataDir, Who: "test", Log: s.cfg.Log}.Create(ctx, "", rest.KeyWish{
		Name: "first", Scopes: []string{"read", "write", "secrets", "calls", "keys", "provider"},
	})
	if err != nil {
		t.Fatal(err)
	}
	commands := strings.NewReplacer("127.0.0.21:5071", ps.Addr().String(), `["127.0.0.21"]`, `["127.0.43.21"]`).Replace(script(t, "first-organisation.md"))
	cmd := exec.CommandContext(ctx, "bash", "-c", commands)
	cmd.Env = append(os.Environ(), "URL="+s.cfg.BaseURL, "KEY="+key.Secret, "PBX=127.0.43.11", "no_proxy=*")
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("the page's commands: %v\n%s%s", err, out, errs.String())
	}
	lines := strings.Fields(string(out))
	org := lines[len(lines)-1]
	if !strings.Contains(string(out), `"effectiveValue":"+16175550100"`) {
		t.Errorf("the callback number: %s", out)
	}
	if err := waitFor(ctx, 10*time.Second, "the world to be used by calls", func() bool {
		return s.orgKey("x") == "x" && onlyOrg(s) != "" && s.knownAddr(netip.MustParseAddr("127.0.43.11"))
	}); err != nil {
		t.Fatal(err)
	}
	p, err := phone.New(phone.Config{
		Listen: netip.MustParseAddrPort("127.0.43.11:0"), Proxy: s.Addresses().SIP[0].Addr, HELDURL: s.Addresses().HELD,
		Number: "+16175550111", UserID: "ada@quay.example", CompanyID: "quay-0001", Secret: "demonstration-only-quay1",
		LLDPChassis: "0c:75:bd:00:00:01", LLDPPort: "Gi1/0/7", MAC: "00:11:22:aa:bb:cc",
	})
	if err != nil {
		t.Fatal(err)
	}
	phoneDone := make(chan struct{})
	go func() { defer close(phoneDone); _ = p.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-phoneDone })
	c, err := rest.New(rest.Config{URL: s.cfg.BaseURL, Key: key.Secret})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, number := range []string{"933", "911"} {
		testCallTo(ctx, t, p, number)
	}
	if err := waitFor(ctx, 20*time.Second, "the calls to be told by the API", func() bool {
		var list rest.Page[map[string]any]
		_, err := c.Do(ctx, rest.Request{Method: http.MethodGet, Path: "/organisations/key:quay/calls"}, &list)
		text := fmt.Sprint(list.Items)
		return err == nil && len(list.Items) == 2 && strings.Count(text, "HNO:795") >= 2 && strings.Count(text, "ROOM:210") >= 2
	}); err != nil {
		t.Error(err)
	}
	if _, _, err := c.Organisations().Get(ctx, org); err != nil {
		t.Error(err)
	}
}

func testCallTo(ctx context.Context, t *testing.T, p *phone.Phone, number string) {
	t.Helper()
	where, err := p.Locate(ctx)
	if err != nil || where.URI == "" {
		t.Fatalf("no reference to where the telephone is: %v", err)
	}
	call, err := p.Dial(ctx, phone.Dialling{Number: number, Location: where.URI})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := call.WaitAnswer(ctx); err != nil {
		t.Fatalf("a call to %s: %v", number, err)
	}
	if err := call.Hangup(); err != nil {
		t.Fatal(err)
	}
}
