package resolve_test

import (
	"context"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/miekg/dns"

	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/resolve"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// zone is a name server of the test, on loopback, with a miekg/dns server.
type zone struct {
	addr netip.AddrPort
	mu   sync.Mutex
	rrs  map[string][]dns.RR
	fail bool
	mute string // "name type" that is answered with a failure
	asks int
}

func newZone(t *testing.T, records ...string) *zone {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.53:0")
	if err != nil {
		t.Fatal(err)
	}
	z := &zone{addr: pc.LocalAddr().(*net.UDPAddr).AddrPort()}
	z.set(t, records...)
	srv := &dns.Server{PacketConn: pc, Handler: dns.HandlerFunc(z.answer)}
	done := make(chan error, 1)
	go func() { done <- srv.ActivateAndServe() }()
	t.Cleanup(func() {
		_ = srv.Shutdown()
		<-done
	})
	return z
}

func (z *zone) set(t *testing.T, records ...string) {
	t.Helper()
	z.mu.Lock()
	defer z.mu.Unlock()
	z.rrs = map[string][]dns.RR{}
	for _, r := range records {
		rr, err := dns.NewRR(r)
		if err != nil {
			t.Fatal(err)
		}
		z.rrs[rr.Header().Name] = append(z.rrs[rr.Header().Name], rr)
	}
}

func (z *zone) answer(w dns.ResponseWriter, q *dns.Msg) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.asks++
	r := new(dns.Msg)
	r.SetReply(q)
	rrs, known := z.rrs[strings.ToLower(q.Question[0].Name)]
	fail := z.fail || z.mute == q.Question[0].Name+" "+dns.TypeToString[q.Question[0].Qtype]
	switch {
	case fail:
		r.Rcode = dns.RcodeServerFailure
	case !known:
		r.Rcode = dns.RcodeNameError
	}
	for _, rr := range rrs {
		if !fail && rr.Header().Rrtype == q.Question[0].Qtype {
			r.Answer = append(r.Answer, rr)
		}
	}
	_ = w.WriteMsg(r)
}

func (z *zone) die(dead bool) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.fail = dead
}

type rig struct {
	*resolve.Resolver
	now    time.Time
	alarms []journal.Alarm
}

func newRig(t *testing.T, z *zone, file string) *rig {
	t.Helper()
	servers, err := resolve.At(z.addr)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{now: noon}
	r.Resolver, err = resolve.New(resolve.Config{
		DNS: servers, File: file, Alarm: func(a journal.Alarm) { r.alarms = append(r.alarms, a) }, Now: func() time.Time { return r.now },
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *rig) find(t *testing.T, uri string) []string {
	t.Helper()
	r.Targets(uri)
	r.Refresh(t.Context())
	a, _ := r.Targets(uri)
	var out []string
	for _, x := range a.Targets {
		s := x.Transport + " " + x.Addr.String()
		if x.ServerName != "" {
			s += " " + x.ServerName
		}
		out = append(out, s)
	}
	return out
}

var carrier = []string{
	`naptr.example. 300 IN NAPTR 20 50 "s" "SIP+D2U" "" _sip._udp.naptr.example.`,
	`naptr.example. 300 IN NAPTR 10 50 "s" "SIPS+D2T" "" _sips._tcp.naptr.example.`,
	`_sips._tcp.naptr.example. 60 IN SRV 0 1 5061 a.naptr.example.`,
	`_sip._udp.naptr.example. 60 IN SRV 0 1 5070 b.naptr.example.`,
	`a.naptr.example. 60 IN A 192.0.2.1`, `b.naptr.example. 60 IN A 192.0.2.2`, `b.naptr.example. 60 IN AAAA 2001:db8::2`,
	`_sip._tcp.srv.example. 60 IN SRV 20 1 5061 two.srv.example.`,
	`_sip._tcp.srv.example. 60 IN SRV 10 1 5060 one.srv.example.`,
	`_sip._udp.srv.example. 60 IN SRV 5 1 5060 one.srv.example.`,
	`one.srv.example. 60 IN A 192.0.2.11`, `two.srv.example. 60 IN A 192.0.2.12`,
	`plain.example. 60 IN A 192.0.2.21`,
	`_sip._udp.none.example. 60 IN SRV 0 0 0 .`, `none.example. 60 IN A 192.0.2.31`,
}

// Proves: C-71, W-53, RFC 3263 sections 4.1 and 4.2, RFC 5922 section 4
func TestWhereAURILeads(t *testing.T) {
	z := newZone(t, carrier...)
	for uri, want := range map[string][]string{
		"sip:192.0.2.9":                          {"udp 192.0.2.9:5060"},
		"sip:psap@192.0.2.9:5070;transport=tcp":  {"tcp 192.0.2.9:5070"},
		"sip:[2001:db8::1]:5070":                 {"udp [2001:db8::1]:5070"},
		"sips:192.0.2.9":                         {"tls 192.0.2.9:5061 192.0.2.9"},
		"sip:naptr.example":                      {"tls 192.0.2.1:5061 naptr.example", "udp 192.0.2.2:5070", "udp [2001:db8::2]:5070"},
		"sips:naptr.example":                     {"tls 192.0.2.1:5061 naptr.example"},
		"sip:srv.example":                        {"tcp 192.0.2.11:5060", "tcp 192.0.2.12:5061", "udp 192.0.2.11:5060"},
		"sip:SRV.example;transport=udp":          {"udp 192.0.2.11:5060"},
		"sip:plain.example":                      {"udp 192.0.2.21:5060"},
		"sip:plain.example:5080;transport=tls":   {"tls 192.0.2.21:5080 plain.example"},
		"sip:none.example;transport=udp":         {"udp 192.0.2.31:5060"},
		"sip:nowhere.example":                    nil,
		"sip:plain.example;transport=sctp":       nil,
		"tel:911":                                nil,
		"sip:a b":                                nil,
		"sip:plain.example:0":                    nil,
		"sip:[2001:db8::1":                       nil,
		"sip:" + strings.Repeat("a", 600) + ".b": nil,
	} {
		r := newRig(t, z, "")
		if diff := cmp.Diff(want, r.find(t, uri), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: %s", uri, diff)
		}
	}
}

// Proves: E3, W-53 (an answer survives dead name servers, names that vanish, and a restart)
func TestAnAnswerSurvivesDeadNameServers(t *testing.T) {
	z := newZone(t, carrier...)
	file := filepath.Join(t.TempDir(), "names.json")
	r := newRig(t, z, file)
	want := r.find(t, "sip:srv.example")
	if len(want) != 3 {
		t.Fatalf("found %v", want)
	}
	for _, bad := range []struct {
		name string
		do   func()
	}{
		{"server failure", func() { z.die(true) }},
		{"the name is gone", func() { z.die(false); z.set(t, carrier[5]) }},
	} {
		bad.do()
		for range 3 {
			r.now = r.now.Add(2 * time.Hour)
			if diff := cmp.Diff(want, r.find(t, "sip:srv.example")); diff != "" {
				t.Errorf("%s: %s", bad.name, diff)
			}
		}
		if a, _ := r.Targets("sip:srv.example"); a.Fault == "" || !a.At.Equal(noon) {
			t.Errorf("%s: %+v does not say how old it is", bad.name, a)
		}
	}
	if len(r.alarms) != 1 || !strings.Contains(r.alarms[0].Detail, "2026-03-01 12:00 UTC") {
		t.Errorf("alarms %+v", r.alarms)
	}
	z.die(true)
	again := newRig(t, z, file)
	if diff := cmp.Diff(want, again.find(t, "sip:srv.example")); diff != "" {
		t.Errorf("after a restart: %s", diff)
	}
	z.die(false)
	z.set(t, `_sip._tcp.srv.example. 60 IN SRV 10 1 5060 new.srv.example.`, `srv.example. 60 IN A 192.0.2.99`, `new.srv.example. 60 IN A 192.0.2.50`)
	r.now = r.now.Add(2 * time.Hour)
	if diff := cmp.Diff([]string{"tcp 192.0.2.50:5060"}, r.find(t, "sip:srv.example")); diff != "" {
		t.Errorf("name servers that came back: %s", diff)
	}
	if err := os.WriteFile(file, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := newRig(t, z, file).find(t, "sip:srv.example"); len(got) != 1 {
		t.Errorf("a broken file gave %v", got)
	}
}

// A service's servers keep their addresses while name servers answer for the
// service, and not for them; a family that is not answered for keeps those it had.
//
// Proves: E3, W-53, RFC 2782
func TestAServerKeepsItsAddressWhileNobodySaysWhatItIs(t *testing.T) {
	records := append([]string{`two.srv.example. 60 IN AAAA 2001:db8::12`}, carrier...)
	const uri = "sip:srv.example;transport=tcp"
	all := []string{"tcp 192.0.2.11:5060", "tcp 192.0.2.12:5061", "tcp [2001:db8::12]:5061"}
	for mute, first := range map[string][]string{
		"one.srv.example. A":         all[1:], // what is found where nothing was known before
		"two.srv.example. A":         {all[0], all[2]},
		"two.srv.example. AAAA":      all[:2],
		"_sip._tcp.srv.example. SRV": nil,
	} {
		z := newZone(t, records...)
		r := newRig(t, z, "")
		if diff := cmp.Diff(all, r.find(t, uri)); diff != "" {
			t.Fatal(diff)
		}
		z.mu.Lock()
		z.mute = mute
		z.mu.Unlock()
		r.now = r.now.Add(2 * time.Hour)
		got := r.find(t, uri)
		slices.Sort(got)
		if diff := cmp.Diff(all, got); diff != "" {
			t.Errorf("%s is not answered for: %s", mute, diff)
		}
		if diff := cmp.Diff(first, newRig(t, z, "").find(t, uri), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s was never answered for: %s", mute, diff)
		}
	}
}

// Proves: E3 (a question of a call is answered from memory)
func TestTargetsNeverAsks(t *testing.T) {
	z := newZone(t, carrier...)
	r := newRig(t, z, "")
	for range 100 {
		r.Targets("sip:srv.example")
		r.Targets("sip:192.0.2.9")
	}
	z.mu.Lock()
	asks := z.asks
	z.mu.Unlock()
	if asks != 0 {
		t.Errorf("%d questions", asks)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	deadline := time.After(10 * time.Second)
	for {
		if _, ok := r.Targets("sip:srv.example"); ok {
			break
		}
		select {
		case <-deadline:
			t.Fatal("Run asked nobody")
		case <-time.After(5 * time.Millisecond):
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	r.Keep([]string{"sip:plain.example"})
	if _, ok := r.Targets("sip:srv.example"); ok {
		t.Error("what nobody wants any more is kept")
	}
}

// Proves: C-71, RFC 2782
func TestEqualsAreChosenByWeight(t *testing.T) {
	at := func(host byte, priority, weight int) resolve.Target {
		return resolve.Target{Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, host}), 5060), Transport: "udp", Priority: priority, Weight: weight}
	}
	targets := []resolve.Target{at(3, 20, 100), at(1, 10, 30), at(2, 10, 10), at(4, 10, 0)}
	rnd := rand.New(rand.NewPCG(1, 2))
	first := map[byte]int{}
	const rounds = 40_000
	for range rounds {
		got := resolve.Order(targets, rnd.IntN)
		if len(got) != 4 || got[3].Addr.Addr().As4()[3] != 3 {
			t.Fatalf("order %v", got)
		}
		first[got[0].Addr.Addr().As4()[3]]++
	}
	if share := float64(first[1]) / rounds; share < 0.68 || share > 0.78 {
		t.Errorf("the one with weight 30 of 40 is first in %.2f of calls", share)
	}
	if share := float64(first[4]) / rounds; share > 0.06 {
		t.Errorf("the one with weight 0 is first in %.2f of calls", share)
	}
}

func FuzzTargets(f *testing.F) {
	f.Add("sip:a@[::1]:5060;transport=tls?x=y")
	servers, err := resolve.At(netip.MustParseAddrPort("127.0.0.53:53"))
	if err != nil {
		f.Fatal(err)
	}
	r, err := resolve.New(resolve.Config{DNS: servers, Now: func() time.Time { return noon }})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		a, ok := r.Targets(uri)
		if ok != (len(a.Targets) > 0) {
			t.Errorf("%q: %+v, %v", uri, a, ok)
		}
	})
}
