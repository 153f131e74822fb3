package app

import (
	"context"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/callbox911/callbox/examples"
	"github.com/callbox911/callbox/internal/admin/report"
	"github.com/callbox911/callbox/internal/admin/world"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/sim/hook"
	"github.com/callbox911/callbox/internal/sim/phone"
	"github.com/callbox911/callbox/internal/sim/psap"
	"github.com/callbox911/callbox/internal/store/storetest/faultdriver"
)

// The whole server in one process, its database answering EIO to everything
// while calls run: calls, notices and the board do not notice; the records
// catch up when the disk is well again.
//
// Proves: E3, E4, E5, F-38, D-12
func TestCallsRunWhileTheDatabaseFails(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	disk := &faultdriver.Disk{}
	s, p, hooks := serverUnderTest(ctx, t, func(c *Config) { c.WrapDB = disk.Wrap })

	disk.Fail(syscall.EIO, faultdriver.Connect, faultdriver.Begin, faultdriver.Exec, faultdriver.Query, faultdriver.Commit)
	const calls = 3
	for range calls {
		where, err := p.Locate(ctx)
		if err != nil {
			t.Fatal(err)
		}
		call, err := p.Dial(ctx, phone.Dialling{Number: "911", Location: where.URI})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := call.WaitAnswer(ctx); err != nil {
			t.Fatalf("a call with the database failing: %v", err)
		}
		if err := call.Hangup(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := hooks.Await(ctx, calls); err != nil {
		t.Errorf("webhooks with the database failing: %v", err)
	}
	org := onlyOrg(s)
	if err := waitFor(ctx, 10*time.Second, "the board", func() bool { return len(s.board.Calls(org)) == calls }); err != nil {
		t.Error(err)
	}
	if disk.Hits(faultdriver.Query)+disk.Hits(faultdriver.Begin)+disk.Hits(faultdriver.Exec) == 0 {
		t.Fatal("the database was never asked: nothing was proved")
	}
	if list, err := s.store.ListCalls(ctx, org, "", 10); err == nil && len(list) > 0 {
		t.Errorf("%d records came out of a database that answers EIO", len(list))
	}
	disk.Heal()
	err := waitFor(ctx, 30*time.Second, "the records", func() bool {
		list, err := s.store.ListCalls(ctx, org, "", 10)
		done := 0
		for _, r := range list {
			if r.State == report.Ended {
				done++
			}
		}
		return err == nil && done == calls
	})
	if err != nil {
		t.Error(err)
	}
}

// Two servers never share a data directory, and stopping leaves it free.
//
// Proves: D-14
func TestADataDirectoryHasOneServer(t *testing.T) {
	cfg := Default()
	cfg.DataDir, cfg.HELD, cfg.Web = t.TempDir(), "127.0.0.1:0", "127.0.0.1:0"
	cfg.SIP = []sipedge.Listener{{Network: "udp", Addr: netip.MustParseAddrPort("127.0.0.1:0")}}
	first, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(cfg); e911.KindOf(err) != e911.Conflict {
		t.Errorf("a second server: %v, want a conflict", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := first.Run(ctx); err != nil {
		t.Errorf("run and stop: %v", err)
	}
	again, err := New(cfg)
	if err != nil {
		t.Fatalf("after the first stopped: %v", err)
	}
	if err := again.Run(ctx); err != nil {
		t.Error(err)
	}
}

// Proves: D-10
func TestAConfigurationTellsAllItsFaults(t *testing.T) {
	cfg := Default()
	cfg.DataDir, cfg.Node, cfg.SIP, cfg.BaseURL, cfg.Mail.TLS = "", "", nil, "ftp://x", "maybe"
	_, err := New(cfg)
	if err == nil {
		t.Fatal("taken")
	}
	for _, want := range []string{"--data", "--node", "--sip", "base-url", "smtp-tls"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not name %s", err, want)
		}
	}
}

// serverUnderTest is a server with the demonstration world on free ports, a
// phone behind its PBX, and a webhook receiver.
func serverUnderTest(ctx context.Context, t *testing.T, change func(*Config)) (*Server, *phone.Phone, *hook.Sink) {
	t.Helper()
	free := netip.MustParseAddrPort("127.0.0.1:0")
	ps, err := psap.New(psap.Config{Listen: netip.MustParseAddrPort("127.0.41.21:0")})
	if err != nil {
		t.Fatal(err)
	}
	cfg := Default()
	cfg.DataDir, cfg.HELD, cfg.Web = t.TempDir(), "127.0.0.1:0", "127.0.0.1:0"
	cfg.SIP = []sipedge.Listener{{Network: "udp", Addr: free}, {Network: "tcp", Addr: free}}
	change(&cfg)
	// Its clock is the server's: a signature of another time is refused.
	hooks, err := hook.Listen(hook.Config{Secret: demoHookKey, Now: cfg.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(hooks.Close)
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	t.Cleanup(func() { cancel(); wg.Wait() })
	wg.Go(func() { _ = ps.Run(ctx) })
	wg.Go(func() {
		if err := s.Run(ctx); err != nil {
			t.Errorf("the server ended: %v", err)
		}
	})
	if err := waitFor(ctx, 20*time.Second, "the database", func() bool { return s.store.get() != nil }); err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("127.0.0.21:5071", ps.Addr().String(), "127.0.0.21/32", "127.0.41.21/32", "127.0.0.11/32", "127.0.41.11/32",
		"127.0.0.12/32", "127.0.41.12/32", "http://"+demoHookAddr+"/hook", hooks.URL()).Replace(string(examples.Harbor()))
	if _, err := s.Import(ctx, "harbor.yaml", []byte(text), world.Options{}); err != nil {
		t.Fatal(err)
	}
	p, err := phone.New(phone.Config{
		Listen: netip.MustParseAddrPort("127.0.41.11:0"), Proxy: s.Addresses().SIP[0].Addr, HELDURL: s.Addresses().HELD,
		Number: "+16175550111", UserID: "agent4711", CompanyID: demoCompany, Secret: demoSecret,
		LLDPChassis: "0c:75:bd:00:00:01", LLDPPort: "Gi1/0/7", MAC: "00:11:22:aa:bb:cc",
	})
	if err != nil {
		t.Fatal(err)
	}
	wg.Go(func() { _ = p.Run(ctx) })
	return s, p, hooks
}

func onlyOrg(s *Server) e911.OrgID {
	for o := range s.holder.Load().Orgs() {
		return o.ID()
	}
	return ""
}
