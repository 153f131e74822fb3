package e2e

import (
	"cmp"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/sim/phone"
	"github.com/callbox911/callbox/internal/sim/ua"
)

// node is another server of the same site: the same world, master key, PBX and
// carriers, its own data directory and addresses.
type node struct {
	*site
	name  string
	flags []string
}

// twins are two nodes that name each other. The world was imported by the first;
// both run from the snapshot file alone: SQL is stopped.
func twins(t *testing.T, change func(s *site)) (a, b *node) {
	t.Helper()
	s := newSite(t)
	if change != nil {
		change(s)
	}
	s.start()
	s.stop()
	other := *s
	other.data, other.log = t.TempDir(), &logBuffer{}
	other.sip, other.held, other.web = s.addr(40, 5060), s.ip(40)+":8080", s.ip(40)+":8088"
	for _, path := range []string{"master.key", "snapshot"} {
		copyTree(t, filepath.Join(s.data, path), filepath.Join(other.data, path))
	}
	at := func(host int) string { return s.ip(host) + ":5670" }
	a = &node{s, "n1", []string{"--no-database", "--node", "n1", "--peer-listen", at(10), "--peer", "n2=https://" + at(40)}}
	b = &node{&other, "n2", []string{"--no-database", "--node", "n2", "--peer-listen", at(40), "--peer", "n1=https://" + at(10), "--rtp", s.ip(40)}}
	a.up()
	b.up()
	a.hears("n2")
	b.hears("n1")
	return a, b
}

func (n *node) up() {
	n.log = &logBuffer{}
	n.launch(n.flags...)
}

func (n *node) hears(other string) {
	n.t.Helper()
	n.await(n.name+" to hear "+other, func() bool { return strings.Contains(n.log.String(), `"a peer is heard","node":"`+other+`"`) })
}

// hearsAgain waits until a node that runs on heard another one that many times.
func (n *node) hearsAgain(other string, times int) {
	n.t.Helper()
	n.await(n.name+" to hear "+other+" again", func() bool {
		return strings.Count(n.log.String(), `"a peer is heard","node":"`+other+`"`) >= times
	})
}

func copyTree(t *testing.T, from, to string) {
	t.Helper()
	info, err := os.Stat(from)
	if err != nil {
		t.Fatal(err)
	}
	if info.IsDir() {
		if err := os.CopyFS(to, os.DirFS(from)); err != nil {
			t.Fatal(err)
		}
		return
	}
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, b, info.Mode().Perm()); err != nil {
		t.Fatal(err)
	}
}

// knows waits until a node has the device in a room, after it asked another one: a
// device is told of at most once a second, so it asks again.
func (n *node) knows(room string, from *node, p *phone.Phone) {
	n.t.Helper()
	n.await(n.name+" to know "+room, func() bool {
		from.located(p)
		out, _ := n.command("explain", "--data", n.data, "--mac", "00:11:22:aa:bb:cc", "--held")
		return strings.Contains(out, room)
	})
}

// at is a phone at the PBX that asks a node's location server.
func (n *node) at(bssid string, dial *node) *phone.Phone {
	return n.phone(func(c *phone.Config) { c.LLDPChassis, c.LLDPPort, c.BSSID, c.Proxy = "", "", bssid, dial.sip })
}

// HELD at A, SQL stopped, 911 and the PSAP's callback at B, and the other way
// round. A device that moved while a node was down is found by it when it is back.
// A is killed: the number leads to the caller at B. Nothing on the call carries
// where the device is.
//
// Proves: F-07, F-08, E3, E6, F-12
func TestHELDAtOneNode911AndTheCallbackAtTheOther(t *testing.T) {
	t.Parallel()
	a, b := twins(t, nil)
	p := a.at("00:11:22:33:44:60", b)
	b.knows("310", a, p)
	c := b.dial(p, phone.Dialling{})
	b.answered(c)
	got := b.received(b.site.a)
	xmllint(t, got.PIDFLO, map[string]string{"ROOM": "310"})
	// The PSAP hangs up, and calls back at either node.
	if err := got.Call.Hangup(); err != nil {
		t.Fatal(err)
	}
	waitEnded(t, c.Call)
	b.callsBack(p, b.site.a, got.From)
	a.callsBack(p, b.site.b, got.From)

	b.kill()
	moved := a.at("00:11:22:33:44:50", b)
	a.located(moved)
	a.callsBack(p, a.site.a, got.From)
	b.up()
	b.hears("n1")
	b.knows("210", a, moved)
	c = b.dial(moved, phone.Dialling{})
	b.answered(c)
	again := b.received(b.site.a)
	xmllint(t, again.PIDFLO, map[string]string{"ROOM": "210"})
	if err := again.Call.Hangup(); err != nil {
		t.Fatal(err)
	}
	waitEnded(t, c.Call)
	a.hearsAgain("n2", 2) // since n2 was killed
	a.callsBack(moved, a.site.a, again.From)
	b.kill()
	forgetIncoming(moved)
	a.callsBack(moved, a.site.b, again.From)
}

// forgetIncoming leaves out calls that were cancelled: a number of two callers rings
// both and the desk, which here is behind the same PBX.
func forgetIncoming(p *phone.Phone) {
	for {
		select {
		case <-p.Incoming():
		default:
			return
		}
	}
}

// rings waits for an INVITE on the telephone's connection and refuses it.
func (p *telephone) rings() (priority string) {
	p.s.t.Helper()
	for {
		start, h, err := p.read()
		if err != nil {
			p.s.t.Fatalf("the telephone does not ring: %v; the server's log:\n%s", err, p.s.tail())
		}
		if !strings.HasPrefix(start, "INVITE ") {
			continue
		}
		text := "SIP/2.0 200 OK\r\n"
		for _, name := range []string{"Via", "From", "Call-Id", "Cseq", "Record-Route"} {
			for _, v := range h.Values(name) {
				text += name + ": " + v + "\r\n"
			}
		}
		text += "To: " + h.Get("To") + ";tag=telephone\r\nContact: <sip:" + p.user + "@10.0.0.5>\r\nContent-Type: application/sdp\r\n"
		if _, err := io.WriteString(p.c, fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", text, len(phoneOffer), phoneOffer)); err != nil {
			p.s.t.Fatal(err)
		}
		return h.Get("Priority")
	}
}

// The telephone has one connection, to A, and called there. The PSAP calls back at
// B, and A rings it. Then its connection is at B, and A is killed: B rings it.
//
// Proves: F-07, F-08, W-54, C-70
func TestATelephoneIsRungByTheNodeThatHasItsConnection(t *testing.T) {
	t.Parallel()
	a, b := twins(t, func(s *site) { s.telephones(phoneDomain) })
	p := a.telephone("2001", "tcp", a.ip(2), a.sip.String(), nil)
	if code := p.register(phoneSecret, "600"); code != 200 {
		t.Fatalf("REGISTER was answered %d", code)
	}
	if code := p.calls("911"); code != 200 {
		t.Fatalf("911 was answered %d", code)
	}
	number := a.received(a.site.a).From
	backAt := func(n *node, p *telephone) {
		t.Helper()
		back, err := n.site.b.Place(n.ctx, number, n.sip)
		if err != nil {
			t.Fatal(err)
		}
		if v := p.rings(); v != "psap-callback" {
			t.Errorf("Priority %q", v)
		}
		n.reaches(back, ua.Answered)
		if err := back.Hangup(); err != nil {
			t.Fatal(err)
		}
		for start := ""; !strings.HasPrefix(start, "BYE "); {
			if start, _, err = p.read(); err != nil {
				t.Fatalf("the telephone is not hung up on: %v", err)
			}
		}
	}
	backAt(a, p)
	backAt(b, p)

	q := b.telephone("2001", "tcp", b.ip(2), b.sip.String(), nil)
	if code := q.register(phoneSecret, "600"); code != 200 {
		t.Fatalf("REGISTER at the other node was answered %d", code)
	}
	a.kill()
	backAt(b, q)
}

// A peer that takes connections and says nothing, and one where nobody is: no call
// is slower for them. One number of 15 calls each, one after the other in turn.
//
// Proves: E3, E4, F-07
func TestAPeerThatIsSilentDelaysNoCall(t *testing.T) {
	t.Parallel()
	alone := newSite(t)
	alone.start()
	s := newSite(t)
	hole, err := net.Listen("tcp", s.ip(50)+":5670") // accepts, and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer hole.Close()
	s.start("--peer-listen", s.ip(10)+":5670", "--peer", "n2=https://"+s.ip(50)+":5670", "--peer", "n3=https://"+s.ip(51)+":5670")
	took := map[*site][]time.Duration{}
	phones := map[*site]*phone.Phone{alone: alone.phone(), s: s.phone()}
	for range 15 {
		for _, x := range []*site{alone, s} {
			token := x.located(phones[x])
			began := time.Now()
			c := x.dial(phones[x], phone.Dialling{Location: token})
			got := x.received(x.a)
			took[x] = append(took[x], got.At.Sub(began))
			x.answered(c)
			x.hangup(c)
			waitEnded(t, got.Call)
		}
	}
	median := func(x *site) time.Duration {
		slices.SortFunc(took[x], func(a, b time.Duration) int { return cmp.Compare(a, b) })
		return took[x][len(took[x])/2]
	}
	t.Logf("from dialling to the PSAP's INVITE, median of 15: %v alone, %v with two peers that are silent", median(alone), median(s))
	if median(s) > median(alone)+20*time.Millisecond {
		t.Errorf("a call takes %v, alone %v", median(s), median(alone))
	}
	// Who asks where peers ask, without the key, learns nothing.
	if res, err := http.Get("http://" + netip.MustParseAddrPort(s.ip(10)+":5670").String() + "/peer/v1/facts?node=n2"); err == nil {
		res.Body.Close()
		if res.StatusCode == http.StatusOK {
			t.Error("a stranger is told the facts")
		}
	}
}
