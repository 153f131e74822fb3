package testcall

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/live/media"
	"github.com/callbox911/callbox/internal/live/sipedge"
)

// brief has a short text: five lines.
var brief = Readback{Place: e911.Place{Dispatchable: true, Civic: e911.Civic{HNO: "1", RD: "Main", STS: "Street", A3: "Boston", A1: "MA"}}}

const briefText = "This is a test. Nine one one was not called. The number that you are calling from is not known. " +
	"Nine one one would have no number to call you back at. Your location is one Main Street, Boston, Massachusetts."

const lastLine = "Your location is one Main Street, Boston, Massachusetts."

var acked = sipedge.Event{Kind: sipedge.Acked}

// Proves: W-50, N-14
func TestACallerWhoJustListens(t *testing.T) {
	t.Parallel()
	v, p := &markers{}, newPhone(t)
	l := newLeg(p.source(), "application/sdp", p.common())
	done := answer(t, service(t, Config{Voice: v}), l, brief)
	p.follow(<-l.answered)
	l.events <- acked
	heard := p.hears(v, sayAgain)
	if got := strings.Join(heard, " "); got != briefText {
		t.Errorf("heard %q, want %q", got, briefText)
	}
	p.hears(v, sayGoodbye)
	r := <-done
	if r.err != nil || l.hungUp() == "" {
		t.Errorf("ended with %v, BYE for %q", r.err, l.hungUp())
	}
	if want := briefText + " " + sayAgain; r.spoken.Text != want || r.spoken.Readings != 1 || !r.spoken.Whole {
		t.Errorf("record %+v, want %q, read once, whole", r.spoken, want)
	}
	if s := r.spoken.Seconds; s < 0.359 || s > 0.361 {
		t.Errorf("%.3f s of speech, want 6 sentences of 0.06 s", s)
	}
}

// Proves: W-50
func TestOneHearsItAgain(t *testing.T) {
	t.Parallel()
	v, p := &markers{}, newPhone(t)
	l := newLeg(p.source(), "application/sdp", p.common())
	done := answer(t, service(t, Config{Voice: v, Wait: time.Minute}), l, brief)
	p.follow(<-l.answered)
	l.events <- acked
	p.hears(v, sayAgain)
	for range 30 { // the offer has ended
		p.packet()
	}
	p.press(2) // means nothing
	p.press(1)
	heard := p.hears(v, sayGoodbye)
	if got := strings.Join(heard, " "); !strings.HasSuffix(got, briefText) {
		t.Errorf("heard %q, want it to end in %q", got, briefText)
	}
	r := <-done
	if r.err != nil || r.spoken.Readings != 2 || !r.spoken.Whole || r.spoken.Text != briefText+" "+sayAgain || l.hungUp() == "" {
		t.Errorf("%+v, BYE %q; want the text once, read twice", r, l.hungUp())
	}
}

// Proves: W-50
func TestOneInTheMiddleBeginsAnew(t *testing.T) {
	t.Parallel()
	v, p := &markers{}, newPhone(t)
	l := newLeg(p.source(), "application/sdp", p.common())
	done := answer(t, service(t, Config{Voice: v}), l, brief)
	p.follow(<-l.answered)
	l.events <- acked
	p.hears(v, sayNoNumber)
	p.press(1)
	if heard := p.hears(v, lastLine); strings.Join(heard, " ")+" "+lastLine != sayNoNumber+" "+briefText && strings.Join(heard, " ")+" "+lastLine != briefText {
		t.Errorf("after the key heard %q", heard)
	}
	r := <-done
	if r.err != nil || r.spoken.Readings != 2 || !r.spoken.Whole || !strings.HasPrefix(r.spoken.Text, briefText) {
		t.Errorf("%+v", r)
	}
}

// Proves: W-50
func TestACallerWithoutKeysHearsItTwice(t *testing.T) {
	t.Parallel()
	v, p := &markers{}, newPhone(t)
	l := newLeg(p.source(), "application/sdp", p.sdp("RTP/AVP 0"))
	done := answer(t, service(t, Config{Voice: v, Wait: time.Hour}), l, brief)
	p.follow(<-l.answered)
	l.events <- acked
	want := briefText + " " + sayRepeat + " " + briefText
	if got := strings.Join(p.hears(v, sayGoodbye), " "); got != want {
		t.Errorf("heard %q, want %q", got, want)
	}
	if r := <-done; r.err != nil || r.spoken.Readings != 2 {
		t.Errorf("%+v", r)
	}
}

// Proves: W-50
func TestTheCallerHangsUp(t *testing.T) {
	t.Parallel()
	for name, how := range map[string]func(*leg){
		"BYE":                 func(l *leg) { l.events <- sipedge.Event{Kind: sipedge.ByeReceived} },
		"lost":                func(l *leg) { l.events <- sipedge.Event{Kind: sipedge.Lost, Err: errors.New("gone")} },
		"the edge is through": func(l *leg) { close(l.events) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v, p := &markers{}, newPhone(t)
			l := newLeg(p.source(), "application/sdp", p.common())
			done := answer(t, service(t, Config{Voice: v}), l, brief)
			p.follow(<-l.answered)
			l.events <- acked
			p.hears(v, sayNoNumber)
			how(l)
			r := <-done
			if !errors.Is(r.err, ErrHungUp) || l.hungUp() != "" {
				t.Errorf("%v, BYE %q; want ErrHungUp and no BYE of ours", r.err, l.hungUp())
			}
			if want := sayTest + " " + sayNotCalled; !strings.HasPrefix(r.spoken.Text, want) || r.spoken.Whole {
				t.Errorf("record %+v, want what was said until then", r.spoken)
			}
		})
	}
}

// Proves: W-50
func TestTheCallerGivesUpBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	p := newPhone(t)
	for _, body := range [][]byte{p.common(), p.sdp("RTP/AVP 18")} {
		l := newLeg(p.source(), "application/sdp", body)
		l.gone = true
		if r := <-answer(t, service(t, Config{Voice: &markers{}}), l, brief); !errors.Is(r.err, ErrCancelled) {
			t.Errorf("%v, want ErrCancelled", r.err)
		}
	}
}

// Proves: W-50
func TestAnINVITEWithoutSDPGetsOurOffer(t *testing.T) {
	t.Parallel()
	v, p := &markers{}, newPhone(t)
	l := newLeg(p.source(), "", nil)
	done := answer(t, service(t, Config{Voice: v}), l, brief)
	p.follow(<-l.answered)
	l.events <- sipedge.Event{Kind: sipedge.Acked, ContentType: "application/sdp", Body: p.common()}
	p.hears(v, sayAgain)
	if r := <-done; r.err != nil || !r.spoken.Whole {
		t.Errorf("%+v", r)
	}

	for name, ev := range map[string]sipedge.Event{
		"no answer in the ACK":        acked,
		"an answer that is no use":    {Kind: sipedge.Acked, ContentType: "application/sdp", Body: p.sdp("RTP/AVP 18")},
		"no ACK at all":               {Kind: sipedge.AckMissing},
		"a body that cannot be read":  {Kind: sipedge.Acked, ContentType: ";", Body: []byte("v=0")},
		"an ACK that carries no SDP":  {Kind: sipedge.Acked, ContentType: "text/plain", Body: []byte("v=0")},
		"the caller cancelled before": {Kind: sipedge.Cancelled},
	} {
		l := newLeg(p.source(), "", nil)
		done := answer(t, service(t, Config{Voice: v}), l, brief)
		<-l.answered
		l.events <- ev
		r := <-done
		if r.err == nil || r.spoken.Text != "" || (l.hungUp() == "") != (ev.Kind == sipedge.Cancelled) {
			t.Errorf("%s: %+v, BYE %q", name, r, l.hungUp())
		}
	}
}

// Proves: W-50
func TestAReadingBeginsWithoutAnACKToo(t *testing.T) {
	t.Parallel()
	v, p := &markers{}, newPhone(t)
	l := newLeg(p.source(), `multipart/mixed; boundary="b"`, []byte("--b\r\nContent-Type: application/sdp\r\n\r\n"+string(p.common())+"\r\n--b--\r\n"))
	done := answer(t, service(t, Config{Voice: v}), l, brief)
	p.follow(<-l.answered)
	l.events <- sipedge.Event{Kind: sipedge.AckMissing}
	p.hears(v, sayAgain)
	if r := <-done; r.err != nil {
		t.Error(r.err)
	}
}

// Proves: W-50, F-28, E9
func TestRefusals(t *testing.T) {
	t.Parallel()
	p := newPhone(t)
	check := func(name string, s *Service, l *leg, code int, header string) {
		t.Helper()
		r := <-answer(t, s, l, Readback{Caller: "device 1"})
		refused, ok := errors.AsType[*Refused](r.err)
		if !ok || refused.Code != code || refused.Reason == "" || l.rejected == nil || l.rejected.code != code || r.spoken.Text != "" {
			t.Errorf("%s: %v, response %+v; want %d", name, r.err, l.rejected, code)
			return
		}
		if header != "" && l.rejected.m.Headers.Get(header) == "" {
			t.Errorf("%s: no %s in %v", name, header, l.rejected.m.Headers)
		}
	}
	s := service(t, Config{Voice: &markers{}, PerCaller: 3})
	check("G.729 only", s, newLeg(p.source(), "application/sdp", p.sdp("RTP/AVP 18")), 488, "Warning")
	check("a body that cannot be read", s, newLeg(p.source(), ";", []byte("v=0")), 488, "Warning")
	check("SRTP only", s, newLeg(p.source(), "application/sdp", p.sdp("RTP/SAVP 0")), 488, "Warning")
	check("a fourth test of the caller", s, newLeg(p.source(), "application/sdp", p.common()), 486, "Retry-After")

	check("no port is free", service(t, Config{Voice: &markers{}, Media: taken(t)}), newLeg(p.source(), "application/sdp", p.common()), 503, "")

	s = service(t, Config{Voice: &markers{}, MaxCalls: 1})
	first := newLeg(p.source(), "application/sdp", p.common())
	done := answer(t, s, first, brief)
	<-first.answered
	check("a second test at one time", s, newLeg(p.source(), "application/sdp", p.common()), 486, "Retry-After")
	first.events <- sipedge.Event{Kind: sipedge.ByeReceived}
	<-done
	third := newLeg(p.source(), "application/sdp", p.common())
	done = answer(t, s, third, brief)
	<-third.answered
	close(third.events)
	<-done
}

// taken is a range of one port, which somebody has.
func taken(t *testing.T) *media.Ports {
	t.Helper()
	for {
		conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 9)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		if a := conn.LocalAddr().(*net.UDPAddr).AddrPort(); a.Port()%2 == 0 {
			m, err := media.New(media.Config{Addr: a.Addr(), MinPort: a.Port(), MaxPort: a.Port()})
			if err != nil {
				t.Fatal(err)
			}
			return m
		}
	}
}

// Proves: D-15, W-50
func TestNumbersArePutTogetherWhenSpeechIsBusy(t *testing.T) {
	t.Parallel()
	v, p := &markers{kept: Sentences(), fails: errNoVoice}, newPhone(t)
	l := newLeg(p.source(), "application/sdp", p.common())
	r := Readback{Number: "+16175550111", Callback: "+16175550100", Place: mill, PSAPName: "Middlesex"}
	done := answer(t, service(t, Config{Voice: v}), l, r)
	p.follow(<-l.answered)
	l.events <- acked
	p.hears(v, sayAgain)
	got := <-done
	want := "This is a test. Nine one one was not called. You are calling from six one seven five five five zero one one one. " +
		"Nine one one would call you back at six one seven five five five zero one zero zero. " +
		"Your location cannot be read out now, please call nine three three again later. Press one to hear this again."
	if diff := cmp.Diff(want, got.spoken.Text); diff != "" || got.spoken.Whole || got.err != nil {
		t.Errorf("record, whole %v, %v (-want +got):\n%s", got.spoken.Whole, got.err, diff)
	}
}

// Proves: D-15, W-50
func TestThereAreTonesWithoutAnySpeech(t *testing.T) {
	t.Parallel()
	v, p := &markers{fails: errNoVoice}, newPhone(t)
	l := newLeg(p.source(), "application/sdp", p.common())
	done := answer(t, service(t, Config{Voice: v}), l, Readback{Number: "+16175550111", Callback: "+16175550100", Place: mill})
	p.follow(<-l.answered)
	l.events <- acked
	loud := 0
	var got result
	for waiting := true; waiting; {
		select {
		case got = <-done:
			waiting = false
		default:
			if p.conn.SetReadDeadline(time.Now().Add(time.Second)) == nil {
				buf := make([]byte, 2048)
				if n, err := p.conn.Read(buf); err == nil && n == 172 && buf[92]&0x7f < 0x50 {
					loud++
				}
			}
		}
	}
	if got.err != nil || got.spoken.Text != toneText || got.spoken.Whole || got.spoken.Seconds < 5 {
		t.Errorf("%+v, want the tones on record", got)
	}
	if loud < 50 {
		t.Errorf("%d loud packets, want some 80", loud)
	}
}

// Proves: E8
func TestReInvites(t *testing.T) {
	t.Parallel()
	v, p, elsewhere := &markers{}, newPhone(t), newPhone(t)
	l := newLeg(p.source(), "application/sdp", p.common())
	done := answer(t, service(t, Config{Voice: v}), l, brief)
	p.follow(<-l.answered)
	l.events <- acked
	p.hears(v, sayNotCalled)
	reInvite := func(body []byte) reply {
		l.events <- sipedge.Event{Kind: sipedge.ReInvite, ContentType: "application/sdp", Body: body}
		return <-l.again
	}
	if r := reInvite(p.sdp("RTP/AVP 18")); r.code != 488 || len(r.m.Body) > 0 {
		t.Errorf("G.729: %d, want 488", r.code)
	}
	if r := reInvite(append(p.common(), "a=sendonly\r\n"...)); r.code != 200 || !strings.Contains(string(r.m.Body), "a=recvonly") {
		t.Errorf("hold: %d\n%s", r.code, r.m.Body)
	}
	if r := reInvite(nil); r.code != 200 || !strings.Contains(string(r.m.Body), "RTP/AVP 0 8 101") {
		t.Errorf("no SDP: %d\n%s", r.code, r.m.Body)
	}
	l.events <- sipedge.Event{Kind: sipedge.Acked, ContentType: "application/sdp", Body: p.sdp("RTP/AVP 18")} // stays on hold
	if r := reInvite(elsewhere.common()); r.code != 200 || !strings.Contains(string(r.m.Body), "a=sendrecv") {
		t.Errorf("moved: %d\n%s", r.code, r.m.Body)
	}
	elsewhere.hears(v, sayAgain)
	if r := <-done; r.err != nil || !r.spoken.Whole {
		t.Errorf("%+v, want the whole text in spite of it all", r)
	}
}

// Proves: W-50
func TestATestEndsWhateverHappens(t *testing.T) {
	t.Parallel()
	p := newPhone(t)
	l := newLeg(p.source(), "application/sdp", append(p.common(), "a=sendonly\r\n"...)) // on hold for ever
	done := answer(t, service(t, Config{Voice: &markers{}, Longest: 200 * time.Millisecond}), l, brief)
	<-l.answered
	l.events <- acked
	if r := <-done; !errors.Is(r.err, errTooLong) || l.hungUp() == "" {
		t.Errorf("%v, BYE %q", r.err, l.hungUp())
	}

	ctx, stop := context.WithCancelCause(t.Context())
	l = newLeg(p.source(), "application/sdp", p.common())
	ended := make(chan error, 1)
	go func() {
		_, err := service(t, Config{Voice: &markers{}}).Answer(ctx, l, brief)
		ended <- err
	}()
	<-l.answered
	stop(sipedge.ErrStopped)
	if err := <-ended; !errors.Is(err, sipedge.ErrStopped) || l.hungUp() == "" {
		t.Errorf("%v, BYE %q", err, l.hungUp())
	}
}

// Proves: W-50
func TestConfigSaysAllThatIsWrong(t *testing.T) {
	_, err := New(Config{MaxCalls: -1})
	for _, want := range []string{"voice", "media", "negative"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not tell of %s", err, want)
		}
	}
}
