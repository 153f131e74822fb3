package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/callbox911/callbox/internal/admin/report"
	"github.com/callbox911/callbox/internal/sim/phone"
	"github.com/callbox911/callbox/internal/sim/psap"
)

// nameServer answers for a zone until stop is called.
func (s *site) nameServer(records ...string) (addr string, stop func()) {
	s.t.Helper()
	zone := map[string][]dns.RR{}
	for _, text := range records {
		rr, err := dns.NewRR(text)
		if err != nil {
			s.t.Fatal(err)
		}
		zone[rr.Header().Name] = append(zone[rr.Header().Name], rr)
	}
	pc, err := net.ListenPacket("udp", s.ip(53)+":0")
	if err != nil {
		s.t.Fatal(err)
	}
	srv := &dns.Server{PacketConn: pc, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		r := new(dns.Msg)
		r.SetReply(q)
		rrs, known := zone[strings.ToLower(q.Question[0].Name)]
		if !known {
			r.Rcode = dns.RcodeNameError
		}
		for _, rr := range rrs {
			if rr.Header().Rrtype == q.Question[0].Qtype {
				r.Answer = append(r.Answer, rr)
			}
		}
		_ = w.WriteMsg(r)
	})}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = srv.ActivateAndServe() }()
	stop = func() {
		_ = pc.Close() // whether it had begun to serve or not
		<-ended
	}
	s.t.Cleanup(stop)
	return pc.LocalAddr().String(), stop
}

// bySRV lets carrier-a be a name with servers, the first one first.
func (s *site) bySRV(transport, probe string, servers ...netip.AddrPort) (records []string) {
	s.t.Helper()
	var from []string
	for i, a := range servers {
		kind := "A"
		if a.Addr().Is6() {
			kind = "AAAA"
		}
		records = append(records,
			fmt.Sprintf("_sip._%s.carrier.test. 30 IN SRV %d 1 %d s%d.carrier.test.", transport, 10*i+10, a.Port(), i),
			fmt.Sprintf("s%d.carrier.test. 30 IN %s %s", i, kind, a.Addr()))
		from = append(from, netip.PrefixFrom(a.Addr(), a.Addr().BitLen()).String())
	}
	was := fmt.Sprintf(`{key: carrier-a, side: carrier, kind: provider, profile: carrier, to: "sip:psap@%s;transport=tcp", from: [%s/32]`, s.a.Addr(), s.a.Addr().Addr())
	if !strings.Contains(s.world, was) {
		s.t.Fatal("the world has another carrier-a")
	}
	s.world = strings.Replace(s.world, was, fmt.Sprintf(
		`{key: carrier-a, side: carrier, kind: provider, profile: carrier, to: "sip:psap@carrier.test;transport=%s", from: [%s], probe: {%s}`,
		transport, `"`+strings.Join(from, `", "`)+`"`, probe), 1)
	s.inEarnest()
	return records
}

// inEarnest makes the organisation none of a demonstration, whose calls go to no
// name: it has carriers of its own, which choose the PSAP, and numbers that are
// not those of films.
func (s *site) inEarnest() {
	s.t.Helper()
	from := strings.Index(s.world, "  psaps:\n")
	to := strings.Index(s.world, "  relay:")
	if from < 0 || to < from {
		s.t.Fatal("the world has no PSAPs before the relay centre")
	}
	s.world = strings.NewReplacer("demonstration: true", "carriers: [carrier-a, carrier-b]", "+1617555011", "+1617555311", "+1617555010", "+1617555310").
		Replace(s.world[:from] + s.world[to:])
}

// phoneInEarnest is a phone of such an organisation.
func (s *site) phoneInEarnest() *phone.Phone {
	s.t.Helper()
	return s.phone(func(c *phone.Config) { c.Number = "+16175553111" })
}

// trunkSeen is what `callbox trunks --json` tells of carrier-a.
type trunkSeen struct {
	Key     string
	Faults  []string
	Targets []struct{ Address, State string }
}

func (s *site) carrierA() (seen trunkSeen) {
	s.t.Helper()
	out, err := s.command("trunks", "--data", s.data, "--json")
	var list struct{ Trunks []trunkSeen }
	if err == nil {
		err = json.Unmarshal([]byte(out), &list)
	}
	if err != nil {
		return seen // it is starting
	}
	for _, t := range list.Trunks {
		if t.Key == "carrier-a" {
			return t
		}
	}
	return seen
}

// resolved waits until the name is known, and every server's state is one of
// those given, in their order.
func (s *site) resolved(servers []netip.AddrPort, states ...string) {
	s.t.Helper()
	var seen trunkSeen
	defer func() {
		if s.t.Failed() {
			s.t.Logf("carrier-a is %+v", seen)
		}
	}()
	s.awaitFor(fmt.Sprintf("the servers %v to be %v", servers, states), time.Minute, func() bool {
		seen = s.carrierA()
		for i, a := range servers {
			found := false
			for _, t := range seen.Targets {
				found = found || t.Address == a.String() && (i >= len(states) || strings.Contains(states[i], t.State))
			}
			if !found {
				return false
			}
		}
		return true
	})
}

// blackHole takes connections and datagrams, and says nothing.
func (s *site) blackHole(at string) netip.AddrPort {
	s.t.Helper()
	l, err := net.Listen("tcp", at+":0")
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { l.Close() })
	addr := netip.MustParseAddrPort(l.Addr().String())
	u, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(addr))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { u.Close() })
	return addr
}

// closed is an address that refuses, until somebody listens there.
func (s *site) closed(at string) netip.AddrPort {
	s.t.Helper()
	l, err := net.Listen("tcp", at+":0")
	if err != nil {
		s.t.Fatal(err)
	}
	defer l.Close()
	return netip.MustParseAddrPort(l.Addr().String())
}

// The first server of a carrier refuses, or is a black hole: the call reaches the
// second within the time without progress, before another carrier is asked, and
// the next call goes there at once.
//
// Proves: W-53, C-71, F-02, F-16, RFC 3263 section 4.3, issue 6 (a trunk fails over by SRV)
func TestACallGoesToTheSecondServerOfACarrier(t *testing.T) {
	for _, c := range []struct {
		name, transport string
		first           func(*site, string) netip.AddrPort
		most            time.Duration
	}{
		{"the first refuses", "tcp", (*site).closed, 4 * time.Second},
		{"the first is a black hole by TCP", "tcp", (*site).blackHole, 4 * time.Second},
		{"the first is a black hole by UDP", "udp", (*site).blackHole, 4 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			servers := []netip.AddrPort{c.first(s, s.ip(31)), s.a.Addr()}
			at, _ := s.nameServer(s.bySRV(c.transport, "off: true", servers...)...)
			s.start("--name-server", at)
			s.resolved(servers)
			p := s.phoneInEarnest()
			token := s.located(p)
			for i, want := range []int{2, 1} {
				began := time.Now()
				call := s.dial(p, phone.Dialling{Location: token})
				s.answered(call)
				const slack = 4 * time.Second // of a slow machine
				if took := time.Since(began); took > c.most+slack {
					t.Errorf("call %d was answered after %v", i+1, took)
				}
				got := s.received(s.a)
				if got.Invite.Transport != c.transport {
					t.Errorf("it went by %s", got.Invite.Transport)
				}
				s.hangup(call)
				s.await("the record", func() bool {
					list, _ := s.calls()
					return len(list) == i+1 && ended(list[0])
				})
				list, _ := s.calls()
				rec := list[0]
				if len(rec.Attempts) != want {
					t.Errorf("call %d: %d attempts, want %d: %+v", i+1, len(rec.Attempts), want, rec.Attempts)
				}
				for _, a := range rec.Attempts {
					if a.Trunk.Key != "carrier-a" {
						t.Errorf("call %d: the trunk %s was tried", i+1, a.Trunk.Key)
					}
				}
			}
		})
	}
}

// A carrier's first server goes down and comes back: calls follow after two
// missed probes and after three good ones, and then not from one to the next. All
// name servers die, and the server is killed: what they said is kept.
//
// Proves: W-53, C-71, E3, issue 6 (OPTIONS with state and hysteresis; comes back; caching that survives a dead DNS)
func TestATrunkFollowsItsServersAndOutlivesItsNameServers(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	first, stop := s.carrier(s.addr(31, 0))
	at := first.Addr()
	servers := []netip.AddrPort{at, s.a.Addr()}
	names, kill := s.nameServer(s.bySRV("tcp", "every: 5s", servers...)...)
	s.start("--name-server", names)
	s.resolved(servers, "up", "up")
	p := s.phoneInEarnest()
	token := s.located(p)
	reaches := func(ps *psap.PSAP) {
		t.Helper()
		call := s.dial(p, phone.Dialling{Location: token})
		s.answered(call)
		s.received(ps)
		s.hangup(call)
	}
	reaches(first)
	stop()
	s.resolved(servers, "down", "up")
	reaches(s.a)
	first, _ = s.carrier(at)
	began := time.Now()
	s.resolved(servers, "up", "up")
	if back := time.Since(began); back < 5*time.Second {
		t.Errorf("it was up again after %v: one good answer is not enough", back)
	}
	reaches(first)

	kill()
	s.kill()
	s.launch("--name-server", names)
	reaches(first)
	s.awaitFor("the fault of the name", time.Minute, func() bool { return len(s.carrierA().Faults) > 0 })
	reaches(first)
	s.signIn()
	s.await("the records", func() bool {
		list, _ := s.calls()
		for _, r := range list {
			if !ended(r) || len(r.Attempts) != 1 || r.Attempts[0].State != report.AttemptAnswered {
				return false
			}
		}
		return len(list) == 5
	})
}

// carrier is one more answering point, until stop.
func (s *site) carrier(at netip.AddrPort) (p *psap.PSAP, stop func()) {
	s.t.Helper()
	p, err := psap.New(psap.Config{Listen: at, RingFor: 20 * time.Millisecond})
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(s.ctx)
	ended := make(chan struct{})
	go func() { defer close(ended); _ = p.Run(ctx) }()
	stop = func() { cancel(); <-ended }
	s.t.Cleanup(stop)
	return p, stop
}

// Proves: W-53, issue 6 (IPv4 and IPv6)
func TestACarrierIsReachedByIPv6(t *testing.T) {
	l, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skipf("skipped: this machine has no IPv6: %v", err)
	}
	l.Close()
	for _, transport := range []string{"tcp", "udp"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			six, _ := s.carrier(netip.MustParseAddrPort("[::1]:0"))
			servers := []netip.AddrPort{six.Addr()}
			at, _ := s.nameServer(s.bySRV(transport, "every: 5s", servers...)...)
			ours := s.closed("[::1]").String()
			s.start("--name-server", at, "--sip", "udp:"+ours, "--sip", "tcp:"+ours)
			s.resolved(servers, "up")
			p := s.phoneInEarnest()
			call := s.dial(p, phone.Dialling{Location: s.located(p)})
			s.answered(call)
			got := s.received(six)
			xmllint(t, got.PIDFLO, map[string]string{"ROOM": "210"})
			if got.Invite.Transport != transport {
				t.Errorf("it went by %s", got.Invite.Transport)
			}
			if err := got.Call.Hangup(); err != nil { // to our Contact
				t.Error(err)
			}
			waitEnded(t, call.Call)
		})
	}
}
