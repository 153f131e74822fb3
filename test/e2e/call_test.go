package e2e

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin/report"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/sim/phone"
	"github.com/callbox911/callbox/internal/sim/psap"
	"github.com/callbox911/callbox/internal/sim/ua"
)

// One call, from HELD to hang-up, in every spelling of 911; PSAP, mail, webhook
// and record carry the same place and number, taken from the wire by xmllint.
//
// Proves: E2, E4, E10, W-09, W-10, W-31, W-36, W-48, N-04, N-10, F-21, F-26, D-04
func TestAPhoneDials911AndThePSAPOfItsPlaceAnswers(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start()
	p := s.phone()
	token := s.located(p)
	for i, number := range []string{"911", "tel:911", "urn:service:sos"} {
		c := s.dial(p, phone.Dialling{Number: number, Location: token})
		s.answered(c)
		got := s.received(s.a)
		if got.From != "+16175550111" || got.Asserted != "+16175550111" {
			t.Errorf("%s: PSAP sees From %s, P-Asserted-Identity %s", number, got.From, got.Asserted)
		}
		if v := got.Invite.Get("Geolocation-Routing"); v != "yes" {
			t.Errorf("%s: Geolocation-Routing %q", number, v)
		}
		if v := got.Invite.Get("Geolocation"); !strings.HasPrefix(v, "<cid:") {
			t.Errorf("%s: Geolocation %q, want the value first", number, v)
		}
		if !strings.Contains(strings.Join(got.Invite.All("Call-Info"), " "), "urn:emergency:uid:callid:") {
			t.Errorf("%s: no emergency call id in %v", number, got.Invite.All("Call-Info"))
		}
		if got.Invite.Transport != "tcp" {
			t.Errorf("%s: came by %s", number, got.Invite.Transport)
		}
		xmllint(t, got.PIDFLO, map[string]string{"HNO": "795", "RD": "Massachusetts", "FLR": "2", "ROOM": "210", "PC": "02139", "A3": "Cambridge"})
		s.hangup(c)
		ctx, cancel := context.WithTimeout(s.ctx, 20*time.Second)
		mails, err := s.mail.Await(ctx, i+1)
		if err != nil {
			t.Fatal(err)
		}
		posts, err := s.hook.Await(ctx, i+1)
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		const display = "795 Massachusetts Avenue, Mill, Floor 2, Room 210, Cambridge, MA 02139"
		if !strings.Contains(mails[i].Text, display) || !strings.Contains(mails[i].Text, "0111") {
			t.Errorf("%s: the mail says\n%s", number, mails[i].Text)
		}
		if !bytes.Contains(posts[i].Body, []byte(display)) || !bytes.Contains(posts[i].Body, []byte("+16175550111")) {
			t.Errorf("%s: the webhook says %s", number, posts[i].Body)
		}
		rec := s.record("the record of "+number, func(r report.CallRecord) bool {
			return ended(r) && strings.Contains(r.Dialled, strings.TrimPrefix(number, "tel:"))
		})
		if rec.Place == nil || rec.Place.Display != display || rec.Callback != "+16175550111" || rec.PSAP.Key != "psap-middlesex" ||
			rec.LocatedBy != e911.ByLLDPPort || rec.IdentifiedBy != e911.ByDeviceUserID || rec.EndedBy != "caller" {
			t.Errorf("%s: record %+v", number, rec)
		}
	}
}

// xmllint reads the civic address from the bytes on the wire, independent of
// our own decoder (F-38 d).
func xmllint(t *testing.T, doc []byte, want map[string]string) {
	t.Helper()
	if _, err := exec.LookPath("xmllint"); err != nil {
		t.Log("xmllint is not installed (Debian package libxml2-utils): the body is not read independently")
		return
	}
	file := filepath.Join(t.TempDir(), "pidf.xml")
	if err := os.WriteFile(file, doc, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, value := range want {
		out, err := exec.Command("xmllint", "--nonet", "--xpath", "string(//*[local-name()='civicAddress']/*[local-name()='"+name+"'])", file).CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil || got != value {
			t.Errorf("%s in the body = %q, %v, want %q in\n%s", name, got, err, value, doc)
		}
	}
}

// Proves: E1, W-39, F-04, F-05
func TestCallsWithoutAGoodLocationGoAllTheSame(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start()
	p := s.phone()
	other := newSite(t)
	other.start()
	foreign := strings.Replace(other.located(other.phone()), other.held, s.held, 1)

	outside := `<?xml version="1.0"?><presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:gp="urn:ietf:params:xml:ns:pidf:geopriv10" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:gml="http://www.opengis.net/gml" entity="pres:x@y"><dm:device id="d"><gp:geopriv><gp:location-info><gml:Point srsName="urn:ogc:def:crs:EPSG::4326"><gml:pos>30.0 -50.0</gml:pos></gml:Point></gp:location-info><gp:usage-rules/><gp:method>GPS</gp:method></gp:geopriv><dm:timestamp>` + time.Now().UTC().Format(time.RFC3339) + `</dm:timestamp></dm:device></presence>`
	stranger := s.phone(func(c *phone.Config) { c.Number, c.UserID = "+12125550199", "" })
	nobody := s.phone(func(c *phone.Config) { c.Number, c.UserID = "", "" })
	plain := s.phone(func(c *phone.Config) { c.Number, c.UserID = "+16175550112", "" })
	cases := []struct {
		name  string
		phone *phone.Phone
		d     phone.Dialling
		at    *psap.PSAP
	}{
		{"an unknown number from a known trunk goes to the relay centre", stranger, phone.Dialling{}, s.relay},
		{"no number at all goes to the relay centre", nobody, phone.Dialling{}, s.relay},
		{"a malformed location goes to the relay centre", stranger, phone.Dialling{PIDFLO: []byte("<presence><oops")}, s.relay},
		{"an empty location goes to the relay centre", stranger, phone.Dialling{PIDFLO: []byte(`<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="pres:a@b"/>`)}, s.relay},
		{"a location outside every boundary goes to the relay centre", stranger, phone.Dialling{PIDFLO: []byte(outside)}, s.relay},
		{"an unknown token goes to the relay centre", stranger, phone.Dialling{Location: "http://" + s.held + "/loc/nonsense"}, s.relay},
		{"a token of another organisation goes to the relay centre", stranger, phone.Dialling{Location: foreign}, s.relay},
		{"a malformed location of a line with an address goes by the line", plain, phone.Dialling{PIDFLO: []byte("garbage")}, s.a},
	}
	_ = p
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			call := s.dial(c.phone, c.d)
			s.answered(call)
			got := s.received(c.at)
			s.hangup(call)
			rec := s.record("the record", func(r report.CallRecord) bool {
				return ended(r) && strings.Contains(strings.Join(got.Invite.All("Call-Info"), " "), r.EmergencyCallID)
			})
			if c.at == s.relay && (!rec.Relay || len(rec.Flags) == 0) {
				t.Errorf("relay %v, flags %v: a call to the relay centre says why", rec.Relay, rec.Flags)
			}
			if rec.Callback == "" {
				t.Error("no callback number went out")
			}
		})
	}
}

// Proves: E1, F-10, D-01, D-02
func TestAStrangerGetsNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start()
	// A stranger's open TCP connection must not be taken for the way to the PSAP.
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP("127.0.0.66")}}
	conn, err := d.DialContext(s.ctx, "tcp", s.sip.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	heard := make(chan []byte, 1)
	go func() {
		buf := make([]byte, 4096)
		n, _ := conn.Read(buf) // ends when either side closes
		heard <- buf[:n]
	}()

	stranger := s.phone(func(c *phone.Config) { c.Listen = ua0("127.0.0.66") })
	start := time.Now()
	c := s.dial(stranger, phone.Dialling{})
	e, err := c.WaitEnd(s.ctx)
	if err != nil || e.Code != 403 {
		t.Errorf("a stranger's 911 was answered %d, %v, want 403", e.Code, err)
	}
	s.awaitFor("the alarm", time.Second-time.Since(start)+500*time.Millisecond, func() bool {
		return strings.Contains(s.log.String(), "unknown_source") && strings.Contains(s.log.String(), "127.0.0.66")
	})

	p := s.phone()
	good := s.dial(p, phone.Dialling{Location: s.located(p)})
	s.answered(good)
	s.received(s.a)
	s.hangup(good)
	conn.Close()
	if b := <-heard; len(b) > 0 {
		t.Errorf("the stranger's connection got %q", b)
	}
}

// Proves: E1, F-02, F-03, F-16
func TestTheNextRouteIsTriedWhenAPSAPFails(t *testing.T) {
	for _, c := range []struct {
		name string
		b    psap.Behaviour
		min  time.Duration
	}{
		{"busy", psap.Busy, 0},
		{"unavailable", psap.Unavailable, 0},
		{"silent, after four seconds", psap.Silent, 4 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.start()
			s.a.Behave(c.b)
			p := s.phone()
			start := time.Now()
			call := s.dial(p, phone.Dialling{Location: s.located(p)})
			s.answered(call)
			if took := time.Since(start); took < c.min || took > c.min+5*time.Second {
				t.Errorf("answered after %v", took)
			}
			s.received(s.b)
			s.hangup(call)
			rec := s.record("the record", ended)
			if len(rec.Attempts) != 2 || rec.Attempts[0].Trunk.Key != "carrier-a" || rec.Attempts[1].Trunk.Key != "carrier-b" {
				t.Errorf("attempts %+v", rec.Attempts)
			}
		})
	}
	t.Run("nobody listens", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		l, err := net.Listen("tcp", s.ip(29)+":0") // a port that is taken by nobody once it is closed
		if err != nil {
			t.Fatal(err)
		}
		dead := l.Addr().String()
		l.Close()
		s.world = strings.Replace(s.world, s.a.Addr().String(), dead, 1)
		s.start()
		p := s.phone()
		call := s.dial(p, phone.Dialling{Location: s.located(p)})
		s.answered(call)
		s.received(s.b)
		s.hangup(call)
	})
	t.Run("all carriers fail, the relay centre answers", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		s.start()
		s.a.Behave(psap.Busy)
		s.b.Behave(psap.Unavailable)
		p := s.phone()
		call := s.dial(p, phone.Dialling{Location: s.located(p)})
		s.answered(call)
		got := s.received(s.relay)
		xmllint(t, got.PIDFLO, map[string]string{"ROOM": "210"})
		s.hangup(call)
	})
	t.Run("everything fails for a while, and is tried again", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		s.start()
		for _, p := range []*psap.PSAP{s.a, s.b, s.relay} {
			p.Behave(psap.Busy)
		}
		p := s.phone()
		call := s.dial(p, phone.Dialling{Location: s.located(p)})
		for _, ps := range []*psap.PSAP{s.a, s.b, s.relay} {
			s.received(ps)
		}
		s.a.Behave(psap.Answer)
		s.answered(call)
		s.hangup(call)
	})
}

// Proves: F-02
func TestARingingPSAPIsNotHungUpOn(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start()
	s.a.Behave(psap.RingForEver)
	p := s.phone()
	call := s.dial(p, phone.Dialling{Location: s.located(p)})
	got := s.received(s.a)
	const ring = 60 * time.Second
	select {
	case e := <-got.Call.Events():
		for e.State == ua.Ringing { // our own 180
			select {
			case e = <-got.Call.Events():
				continue
			case <-time.After(ring):
			}
			break
		}
		if e.State == ua.Ended {
			t.Fatalf("the ringing PSAP was hung up on: %+v", e)
		}
	case <-time.After(ring):
	}
	if n := len(s.b.Calls()) + len(s.relay.Calls()); n > 0 {
		t.Errorf("%d other answering points were called while the first rang", n)
	}
	if err := got.Call.Accept(s.ctx, got.SDP); err != nil {
		t.Fatal(err)
	}
	s.answered(call)
	s.hangup(call)
}

// Proves: E4, E6, F-09, D-04
func TestTheCallerHangsUpInEveryState(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start()
	p := s.phone()
	token := s.located(p)
	t.Run("while the PSAP is silent", func(t *testing.T) {
		s.a.Behave(psap.Silent)
		abandon(t, s, p, token)
	})
	t.Run("while the PSAP rings", func(t *testing.T) {
		s.a.Behave(psap.RingForEver)
		abandon(t, s, p, token)
	})
	s.a.Behave(psap.Answer)
	t.Run("in the talk", func(t *testing.T) {
		c := s.dial(p, phone.Dialling{Location: token})
		s.answered(c)
		got := s.received(s.a)
		s.hangup(c)
		waitEnded(t, got.Call)
	})
	t.Run("the PSAP hangs up", func(t *testing.T) {
		s.a.Behave(psap.HangUp)
		c := s.dial(p, phone.Dialling{Location: token})
		s.answered(c)
		s.received(s.a)
		if e, err := c.WaitEnd(s.ctx); err != nil || e.By != "them" {
			t.Errorf("%+v, %v", e, err)
		}
		s.record("a call that the PSAP ended", func(r report.CallRecord) bool { return r.EndedBy == "psap" })
	})
}

// abandon gives a call up before an answer: the PSAP's leg ends, the record and
// a notice say abandoned.
func abandon(t *testing.T, s *site, p *phone.Phone, token string) {
	t.Helper()
	c := s.dial(p, phone.Dialling{Location: token})
	got := s.received(s.a)
	if err := c.Cancel(); err != nil {
		t.Fatal(err)
	}
	if e, err := c.WaitEnd(s.ctx); err != nil || e.Code != 487 {
		t.Errorf("the caller's CANCEL was answered %d, %v, want 487", e.Code, err)
	}
	waitEnded(t, got.Call)
	id := got.Invite.All("Call-Info")
	rec := s.record("the abandoned call", func(r report.CallRecord) bool {
		return r.Abandoned && strings.Contains(strings.Join(id, " "), r.EmergencyCallID)
	})
	s.await("the notice that it was abandoned", func() bool {
		for _, m := range s.mail.Received() {
			if m.Header.Get("X-Callbox-Call") == string(rec.ID) && m.Header.Get("X-Callbox-Reason") == "abandoned" {
				return true
			}
		}
		return false
	})
}

func waitEnded(t *testing.T, c *ua.Call) {
	t.Helper()
	end := time.After(10 * time.Second)
	for {
		select {
		case e, open := <-c.Events():
			if !open || e.State == ua.Ended {
				return
			}
		case <-end:
			t.Fatal("the PSAP's leg did not end")
		}
	}
}

// Proves: E8, F-15, D-04
func TestTheCallersHoldIsAnsweredAndNotPassedOn(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start()
	p := s.phone()
	c := s.dial(p, phone.Dialling{Location: s.located(p)})
	s.answered(c)
	got := s.received(s.a)
	offers := make(chan []byte, 4)
	// The PSAP's calls are answered by its own agent; what reaches it is seen here.
	got.Call.OnReInvite(func(m *ua.Message) (int, []byte) {
		offers <- m.Body
		return 200, got.Media.SDP("sendrecv")
	})
	r, err := c.ReInvite(s.ctx, c.Media.SDP("sendonly"))
	if err != nil || r.Status() != 200 || !bytes.Contains(r.Body, []byte("a=recvonly")) {
		t.Fatalf("hold: %v, %v", r, err)
	}
	select {
	case o := <-offers:
		t.Fatalf("the hold was passed on: %s", o)
	default:
	}
	if r, err = c.ReInvite(s.ctx, c.Media.SDP("sendrecv")); err != nil || r.Status() != 200 {
		t.Fatalf("resume: %v, %v", r, err)
	}
	// From the PSAP every re-INVITE passes, a hold too.
	seen := make(chan []byte, 1)
	c.OnReInvite(func(m *ua.Message) (int, []byte) {
		seen <- m.Body
		return 200, c.Media.SDP("recvonly")
	})
	if r, err = got.Call.ReInvite(s.ctx, got.Media.SDP("sendonly")); err != nil || r.Status() != 200 {
		t.Fatalf("the PSAP's hold: %v, %v", r, err)
	}
	if o := <-seen; !bytes.Contains(o, []byte("a=sendonly")) {
		t.Errorf("the phone saw %s", o)
	}
	s.hangup(c)
}

// Proves: W-50, N-14, W-29, F-28, E12
func Test933IsAnsweredAndNeverReachesAPSAP(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start()
	p := s.phone()
	c := s.dial(p, phone.Dialling{Number: "933", Location: s.located(p)})
	s.answered(c)
	s.awaitFor("the whole reading", 90*time.Second, func() bool { // some 33 s, then silence
		pcm, _ := c.Media.Heard()
		return len(pcm) > 36*16000
	})
	s.hangup(c)
	rec := s.record("the record of 933", func(r report.CallRecord) bool { return r.Class == e911.ClassTest933 && r.Spoken != nil })
	for _, want := range []string{"six one seven", "zero one one one", "seven nine five Massachusetts Avenue", "two one zero"} {
		if !strings.Contains(rec.Spoken.Text, want) {
			t.Errorf("the text does not say %q: %s", want, rec.Spoken.Text)
		}
	}
	if n := len(s.a.Calls()) + len(s.b.Calls()) + len(s.relay.Calls()); n > 0 {
		t.Errorf("a test reached %d answering points", n)
	}
	ctx, cancel := context.WithTimeout(s.ctx, 10*time.Second)
	defer cancel()
	if _, err := s.mail.Await(ctx, 1); err != nil {
		t.Errorf("the desk listens to tests and got no mail: %v", err)
	}
}
