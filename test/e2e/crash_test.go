package e2e

import (
	"bytes"
	"context"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin/report"
	"github.com/callbox911/callbox/internal/sim/phone"
	"github.com/callbox911/callbox/internal/sim/psap"
	"github.com/callbox911/callbox/internal/sim/ua"
)

// crashSite is a site whose trunks are reached by a transport.
func crashSite(t *testing.T, transport string) *site {
	s := newSite(t)
	s.world = strings.ReplaceAll(s.world, ";transport=tcp", ";transport="+transport)
	s.start()
	return s
}

// talking brings a call up.
func talking(s *site, transport string) (*phone.Call, psap.Received) {
	s.t.Helper()
	p := s.phone(func(c *phone.Config) { c.Transport = transport })
	c := s.dial(p, phone.Dialling{Location: s.located(p)})
	s.answered(c)
	return c, s.received(s.a)
}

// again starts the server anew, killed or stopped.
func (s *site) again(killed bool) {
	s.t.Helper()
	if killed {
		s.kill()
	} else {
		s.stop()
	}
	s.launch()
	s.signIn()
}

// ends are the ways in which a call that went over a restart ends.
var ends = []struct {
	name, by string
	hangUp   func(s *site, c *phone.Call, got psap.Received)
}{
	{"the caller hangs up", "caller", func(s *site, c *phone.Call, got psap.Received) {
		s.hangup(c)
		waitEnded(s.t, got.Call)
	}},
	{"the PSAP hangs up", "psap", func(s *site, c *phone.Call, got psap.Received) {
		if err := got.Call.Hangup(); err != nil {
			s.t.Errorf("the PSAP hangs up: %v", err)
		}
		waitEnded(s.t, c.Call)
	}},
}

// The server is killed, or stopped, while the two talk. The next process has
// both dialogs: re-INVITEs and the BYE of either side reach the other one, and
// the record has one end, with its reason and the whole talk.
//
// Proves: F-29, D-17, E5, E8, F-15
func TestACallGoesOnAfterARestart(t *testing.T) {
	for _, transport := range []string{"udp", "tcp"} {
		for _, end := range ends {
			for _, killed := range []bool{true, false} {
				how := "a stop"
				if killed {
					how = "a kill"
				}
				t.Run(end.name+" after "+how+" by "+transport, func(t *testing.T) {
					t.Parallel()
					s := crashSite(t, transport)
					c, got := talking(s, transport)
					s.again(killed)
					reInvites(s, c, got)
					s.again(killed)
					end.hangUp(s, c, got)
					r := s.record("the record", ended)
					if r.EndedBy != end.by || r.TalkMS <= 0 || strings.Contains(r.EndReason, "restart") {
						t.Errorf("ended by %s, %q, after %d ms of talk; want by %s", r.EndedBy, r.EndReason, r.TalkMS, end.by)
					}
					if list, _ := s.calls(); len(list) != 1 {
						t.Errorf("%d records of one call", len(list))
					}
				})
			}
		}
	}
}

// reInvites sends one from each side, and the caller's hold, which is not
// passed on.
func reInvites(s *site, c *phone.Call, got psap.Received) {
	s.t.Helper()
	atPSAP, atPhone := make(chan []byte, 4), make(chan []byte, 4)
	got.Call.OnReInvite(func(m *ua.Message) (int, []byte) {
		atPSAP <- m.Body
		return 200, got.Media.SDP("sendrecv")
	})
	c.OnReInvite(func(m *ua.Message) (int, []byte) {
		atPhone <- m.Body
		return 200, c.Media.SDP("sendrecv")
	})
	r, err := c.ReInvite(s.ctx, c.Media.SDP("sendonly"))
	if err != nil || r.Status() != 200 || !bytes.Contains(r.Body, []byte("a=recvonly")) {
		s.t.Fatalf("hold after the restart: %v, %v", r, err)
	}
	if r, err = c.ReInvite(s.ctx, c.Media.SDP("sendrecv")); err != nil || r.Status() != 200 {
		s.t.Fatalf("the caller's re-INVITE after the restart: %v, %v", r, err)
	}
	if n := len(atPSAP); n != 1 {
		s.t.Errorf("%d re-INVITEs reached the PSAP, want the one without hold", n)
	}
	if r, err = got.Call.ReInvite(s.ctx, got.Media.SDP("sendrecv")); err != nil || r.Status() != 200 {
		s.t.Fatalf("the PSAP's re-INVITE after the restart: %v, %v", r, err)
	}
	if n := len(atPhone); n != 1 {
		s.t.Errorf("%d re-INVITEs reached the phone, want 1", n)
	}
}

// Nobody tells the server that the caller hung up while it was down: it asks.
//
// Proves: F-29, D-17
func TestAHangUpWhileTheServerWasDownIsFoundOut(t *testing.T) {
	t.Parallel()
	s := crashSite(t, "udp")
	c, got := talking(s, "udp")
	s.kill()
	c.Drop()
	s.launch()
	s.signIn()
	waitEnded(t, got.Call)
	r := s.record("the record", ended)
	if r.EndedBy != "caller" || !strings.Contains(r.EndReason, "unheard") {
		t.Errorf("ended by %s, %q", r.EndedBy, r.EndReason)
	}
}

// Trunks, numbers and addresses of a call in progress are taken out of the
// world: the two go on talking, and hang up as before.
//
// Proves: D-04, F-29, E8
func TestAConfigurationPushNeverTouchesACallInProgress(t *testing.T) {
	for _, end := range ends {
		t.Run(end.name, func(t *testing.T) {
			t.Parallel()
			s := crashSite(t, "udp")
			c, got := talking(s, "udp")
			for _, host := range []int{11, 21, 22} {
				s.world = strings.ReplaceAll(s.world, s.ip(host)+"/32", s.ip(host+100)+"/32")
			}
			s.world = strings.ReplaceAll(s.world, "carrier-a", "carrier-c")
			s.world = strings.ReplaceAll(s.world, "key: pbx", "key: other-pbx")
			s.importWorld()
			reInvites(s, c, got)
			end.hangUp(s, c, got)
			if r := s.record("the record", ended); r.EndedBy != end.by {
				t.Errorf("ended by %s, %q, want by %s", r.EndedBy, r.EndReason, end.by)
			}
		})
	}
}

// crashes is how often the server is killed somewhere between INVITE and BYE.
const crashes = 40

// Wherever between INVITE and BYE the server is killed: each call has one record
// with one end, and of a call that the caller heard answered no side is left
// over.
//
// Proves: F-29, D-17, E5
func TestKilledAnywhereBetweenINVITEAndBYE(t *testing.T) {
	s := crashSite(t, "udp")
	p := s.phone()
	token := s.located(p)
	rng := rand.New(rand.NewPCG(29, 17))
	var answered, given []*phone.Call
	for range crashes {
		c, err := p.Dial(s.ctx, phone.Dialling{Number: "911", Location: token})
		if err != nil {
			t.Fatal(err)
		}
		up := make(chan bool, 1)
		go func() {
			ctx, cancel := context.WithTimeout(s.ctx, time.Second)
			defer cancel()
			_, err := c.WaitAnswer(ctx)
			up <- err == nil
		}()
		bye := time.NewTimer(time.Duration(rng.IntN(60)) * time.Millisecond)
		dead := time.NewTimer(time.Duration(rng.IntN(120)) * time.Millisecond)
		hung := make(chan struct{})
		go func() {
			defer close(hung)
			<-bye.C
			_ = c.Hangup() // where it is up: repeated until somebody answers
		}()
		<-dead.C
		s.kill()
		s.launch()
		<-hung
		if <-up {
			answered = append(answered, c)
			_ = c.Hangup()
		} else {
			_ = c.Cancel()
			given = append(given, c)
		}
	}
	s.signIn()
	t.Logf("%d of %d calls were answered", len(answered), crashes)
	s.await("an end of each call on record", func() bool {
		for _, c := range given {
			_ = c.Hangup() // where an answer crossed the CANCEL: RFC 3261, section 9.1
		}
		list, _ := s.calls()
		for _, r := range list {
			if !ended(r) {
				return false
			}
		}
		return len(list) > 0
	})
	list, _ := s.calls()
	seen := map[string]bool{}
	for _, r := range list {
		if seen[r.EmergencyCallID] {
			t.Errorf("two records of %s", r.EmergencyCallID)
		}
		seen[r.EmergencyCallID] = true
	}
	over(s, answered, list)
}

// over waits until the PSAP's sides of the answered calls are over.
func over(s *site, answered []*phone.Call, list []report.CallRecord) {
	bySIP := map[string]report.CallRecord{}
	for _, r := range list {
		bySIP[r.EmergencyCallID] = r
	}
	ids := map[string]psap.Received{}
	for {
		select {
		case got := <-s.a.Calls():
			for _, v := range got.Invite.All("Call-Info") {
				if id, _, ok := strings.Cut(strings.TrimPrefix(v, "<"), ">"); ok {
					ids[id] = got
				}
			}
			continue
		default:
		}
		break
	}
	checked := 0
	for id, r := range bySIP {
		got, ok := ids[id]
		if !ok || r.TalkMS == 0 {
			continue
		}
		checked++
		waitEnded(s.t, got.Call)
	}
	s.t.Logf("%d talks, each over on both sides; %d calls heard by their callers as answered", checked, len(answered))
	if checked < len(answered)/2 {
		s.t.Errorf("only %d of %d answered calls could be looked at", checked, len(answered))
	}
}
