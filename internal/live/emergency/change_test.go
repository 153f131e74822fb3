package emergency

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/registrar"
	"github.com/callbox911/callbox/internal/live/sipedge"
)

func (l *fakeLeg) AnswerRefer(code int, reason string) error {
	l.note(strings.TrimSpace(fmt.Sprintf("refer-answered %d %s", code, reason)), nil)
	return nil
}

func (l *fakeLeg) TellRefer(code int, _ string) error {
	l.note(fmt.Sprintf("told %d", code), nil)
	return nil
}

func refer(to string, more ...sipedge.Header) sipedge.Event {
	return sipedge.Event{Kind: sipedge.Referred, Method: "REFER", Headers: append(sipedge.Headers{{Name: "Refer-To", Value: to}}, more...)}
}

func changedTo(t *testing.T, j *memoryJournal) (list []journal.Changed) {
	t.Helper()
	for _, f := range j.all(journal.CallChanged) {
		b, err := journal.Decode[journal.Changed](f)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, b)
	}
	return list
}

const colleague = "v=0\r\no=- 3 3 IN IP4 127.0.0.21\r\ns=-\r\nc=IN IP4 127.0.0.21\r\nt=0 0\r\nm=audio 6100 RTP/AVP 0\r\na=sendrecv\r\n"

// Proves: E8, E10, F-15, W-52, RFC 3515
func TestThePSAPHandsTheCallOn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := fixedKit(t)
		caller := k.call(t.Context(), invite())
		after(2 * time.Second)
		first := k.leg(1)
		caller.emit(refer("<sip:friend@127.0.0.11>"))
		after(time.Second)
		first.emit(refer("<sip:elsewhere@127.0.0.99>"))
		after(time.Second)
		k.psaps["127.0.0.21:5077"] = func(l *fakeLeg) {
			sends(l)
			l.emit(sipedge.Event{Kind: sipedge.Provisional, Code: 180, Reason: "Ringing"})
			l.wait(2 * time.Second)
			l.emit(sipedge.Event{Kind: sipedge.Answered, Code: 200, Body: []byte(colleague), ContentType: typeSDP})
		}
		first.emit(refer("\"Fire\" <sip:fire@127.0.0.21:5077?Replaces=abc%40psap%3Bto-tag%3D1%3Bfrom-tag%3D2>", sipedge.Header{Name: "Referred-By", Value: "<sip:psap@127.0.0.21>"}))
		after(3 * time.Second)
		caller.emit(sipedge.Event{Kind: sipedge.ReInviteAnswered, Code: 200, Body: []byte(phoneSDP), ContentType: typeSDP})
		after(time.Second)
		first.emit(sipedge.Event{Kind: sipedge.ByeReceived})
		after(time.Minute)
		caller.emit(sipedge.Event{Kind: sipedge.ByeReceived})
		k.run.Wait()
		trace := k.tr.String()
		for _, want := range []string{
			"caller refer-answered 403 No Transfer Of An Emergency Call", "leg1 refer-answered 403", "leg1 refer-answered 202", "leg1 told 100",
			"leg2 dialled to 127.0.0.21:5077", "leg1 told 180", "caller re-invited sdp", "leg1 told 200", "leg2 hung up on: caller hung up",
		} {
			if !strings.Contains(trace, want) {
				t.Errorf("no %q in\n%s", want, trace)
			}
		}
		in := k.leg(2).invite
		if in.URI != "sip:fire@127.0.0.21:5077" || in.Headers.Get("Replaces") != "abc@psap;to-tag=1;from-tag=2" || in.Headers.Get("Referred-By") == "" || !in.Honours {
			t.Errorf("the new leg goes to %s, Replaces %q", in.URI, in.Headers.Get("Replaces"))
		}
		for _, name := range []string{"Geolocation", "Geolocation-Routing", "P-Asserted-Identity", "Call-Info"} {
			if got, want := in.Headers.Get(name), k.leg(1).invite.Headers.Get(name); (got == "") != (want == "") {
				t.Errorf("the new leg has %s %q, the first %q", name, got, want)
			}
		}
		if caller.body("re-invited") != colleague {
			t.Errorf("the caller was brought to\n%s", caller.body("re-invited"))
		}
		var got []string
		for _, c := range changedTo(t, k.journal) {
			got = append(got, fmt.Sprint(c.What, " ", c.N, " ", c.Code))
		}
		if want := "referred 0 403, referred 1 403, referred 1 202, transferred 2 0"; strings.Join(got, ", ") != want {
			t.Errorf("the record says %q, want %q", got, want)
		}
	})
}

// Proves: E1, E8, F-15
func TestATransferThatFailsLosesNobody(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := fixedKit(t)
		caller := k.call(t.Context(), invite())
		after(2 * time.Second)
		k.psaps["127.0.0.21:5077"] = refuses(486)
		k.leg(1).emit(refer("<sip:fire@127.0.0.21:5077>"))
		k.leg(1).emit(sipedge.Event{Kind: sipedge.ByeReceived}) // before its target answered
		after(5 * time.Second)
		caller.emit(sipedge.Event{Kind: sipedge.ReInviteAnswered, Code: 200, Body: []byte(phoneSDP), ContentType: typeSDP})
		after(time.Minute)
		if strings.Contains(k.tr.String(), "caller hung up on") || k.dialled() != 3 {
			t.Errorf("the caller was not brought back:\n%s", k.tr)
		}
		caller.emit(sipedge.Event{Kind: sipedge.ByeReceived})
		k.run.Wait()
		if got := strings.Join(alarms(t, k.journal), " "); !strings.Contains(got, "transfer_lost") {
			t.Errorf("alarms %s", got)
		}
	})
}

// Proves: E8, RFC 4028 section 10
func TestASessionThatIsNotRefreshedGoesOn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := fixedKit(t)
		caller := k.call(t.Context(), invite())
		after(2 * time.Second)
		k.leg(1).emit(sipedge.Event{Kind: sipedge.Unrefreshed, Code: 408})
		caller.emit(sipedge.Event{Kind: sipedge.Unrefreshed, Code: 481})
		after(time.Hour)
		if strings.Contains(k.tr.String(), "hung up on") {
			t.Errorf("it was hung up:\n%s", k.tr)
		}
		caller.emit(sipedge.Event{Kind: sipedge.ByeReceived})
		k.run.Wait()
		if got := strings.Join(alarms(t, k.journal), " "); got != "session_unrefreshed session_unrefreshed" {
			t.Errorf("alarms %q", got)
		}
	})
}

// A leg's Replaces value, as its other side says it.
func replaces(t *testing.T, l *sipedge.Leg) sipedge.Headers {
	t.Helper()
	s, err := l.Dialog()
	if err != nil {
		t.Fatal(err)
	}
	return sipedge.Headers{{Name: "Replaces", Value: fmt.Sprintf("%s;to-tag=%s;from-tag=%s", s.CallID, s.RemoteTag, s.LocalTag)}}
}

// The call of a PBX at 127.0.0.11 to a PSAP at 127.0.0.21 is taken over by
// another telephone of the PSAP, and comes again from another address of the PBX.
//
// Proves: F-15, RFC 3891
func TestOverSocketsPlacesInACallAreTaken(t *testing.T) {
	legs := make(chan *sipedge.Leg, 4)
	psapEdge, psap := startEdge(t, "127.0.0.21", func(ctx context.Context, l *sipedge.Leg) {
		legs <- l
		_ = l.Answer(1, sipedge.Message{Body: []byte(psapSDP), ContentType: typeSDP})
		<-ctx.Done()
	})
	j, at := overSockets(t, psap, psap, func(w *world) {
		w.pbx.From = []netip.Prefix{netip.MustParsePrefix("127.0.0.11/32"), netip.MustParsePrefix("127.0.0.12/32")}
	})
	dial := func(e *sipedge.Edge, uri string, h sipedge.Headers, sdp string) *sipedge.Leg {
		return e.Dial(t.Context(), sipedge.Invite{
			URI: uri, Dest: at, Transport: "udp", From: "<sip:+16175550111@pbx.example>", To: "<sip:911@callbox.example>",
			Headers: h, Body: []byte(sdp), ContentType: map[bool]string{true: typeSDP}[sdp != ""],
		})
	}
	pbx, _ := startEdge(t, "127.0.0.11", func(context.Context, *sipedge.Leg) {})
	caller := dial(pbx, "sip:911@"+at.String(), nil, phoneSDP)
	next(t, caller, sipedge.Answered)
	first := <-legs

	stranger, _ := startEdge(t, "127.0.0.13", func(context.Context, *sipedge.Leg) {})
	if ev := next(t, dial(stranger, "sip:callbox@"+at.String(), replaces(t, first), colleague), sipedge.Failed); ev.Code != 403 {
		t.Errorf("a stranger's Replaces got %d", ev.Code)
	}

	second := dial(psapEdge, "sip:callbox@"+at.String(), replaces(t, first), colleague)
	if ev := next(t, caller, sipedge.ReInvite); string(ev.Body) != colleague {
		t.Errorf("the caller is brought to\n%s", ev.Body)
	}
	if err := caller.AnswerReInvite(200, "", sipedge.Message{Body: []byte(phoneSDP), ContentType: typeSDP}); err != nil {
		t.Fatal(err)
	}
	if ev := next(t, second, sipedge.Answered); string(ev.Body) != phoneSDP {
		t.Errorf("the new telephone got\n%s", ev.Body)
	}
	next(t, first, sipedge.ByeReceived)

	moved := strings.ReplaceAll(phoneSDP, "127.0.0.11", "127.0.0.12") + "a=x-moved\r\n"
	other, _ := startEdge(t, "127.0.0.12", func(context.Context, *sipedge.Leg) {})
	again := dial(other, "sip:911@"+at.String(), replaces(t, caller), moved)
	if ev := next(t, second, sipedge.ReInvite); string(ev.Body) != moved {
		t.Errorf("the PSAP is told\n%s", ev.Body)
	}
	if err := second.AnswerReInvite(200, "", sipedge.Message{Body: []byte(colleague), ContentType: typeSDP}); err != nil {
		t.Fatal(err)
	}
	if ev := next(t, again, sipedge.Answered); string(ev.Body) != colleague {
		t.Errorf("the caller got at his new place\n%s", ev.Body)
	}
	next(t, caller, sipedge.ByeReceived)

	// A third telephone of the PSAP makes no offer.
	third := dial(psapEdge, "sip:callbox@"+at.String(), replaces(t, second), "")
	if ev := next(t, third, sipedge.Answered); string(ev.Body) != moved {
		t.Errorf("the third telephone is offered\n%s", ev.Body)
	}
	if err := third.Ack(sipedge.Message{Body: []byte(psapSDP), ContentType: typeSDP}); err != nil {
		t.Fatal(err)
	}
	if ev := next(t, again, sipedge.ReInvite); string(ev.Body) != psapSDP {
		t.Errorf("the caller is brought to\n%s", ev.Body)
	}
	if err := again.AnswerReInvite(200, "", sipedge.Message{Body: []byte(moved), ContentType: typeSDP}); err != nil {
		t.Fatal(err)
	}
	next(t, second, sipedge.ByeReceived)
	again.Bye("done")
	next(t, third, sipedge.ByeReceived)

	var got []string
	for _, c := range changedTo(t, j) {
		got = append(got, c.What)
	}
	if strings.Join(got, " ") != "turned_away replaced moved replaced" {
		t.Errorf("the record says %q", got)
	}
	one[journal.Arrived](t, j, journal.CallArrived) // the same call all the time
}

// Who dials for help and wants a place that is not his has a call of his own (E1);
// who wants one without dialling for help is turned away.
//
// Proves: E1, RFC 3891
func TestOverSocketsACallForHelpIsNeverTurnedAwayForItsReplaces(t *testing.T) {
	legs := make(chan *sipedge.Leg, 4)
	_, psap := startEdge(t, "127.0.0.21", func(ctx context.Context, l *sipedge.Leg) {
		legs <- l
		_ = l.Answer(1, sipedge.Message{Body: []byte(psapSDP), ContentType: typeSDP})
		<-ctx.Done()
	})
	j, at := overSockets(t, psap, psap, func(*world) {})
	pbx, _ := startEdge(t, "127.0.0.11", func(context.Context, *sipedge.Leg) {})
	dial := func(uri string, h sipedge.Headers) *sipedge.Leg {
		return pbx.Dial(t.Context(), sipedge.Invite{
			URI: uri, Dest: at, Transport: "udp", From: "<sip:+16175550111@pbx.example>", To: "<sip:911@callbox.example>",
			Headers: h, Body: []byte(phoneSDP), ContentType: typeSDP,
		})
	}
	caller := dial("sip:911@"+at.String(), nil)
	next(t, caller, sipedge.Answered)
	first := <-legs
	if ev := next(t, dial("sip:callbox@"+at.String(), replaces(t, first)), sipedge.Failed); ev.Code != 403 {
		t.Errorf("it got %d", ev.Code)
	}
	own := dial("sip:911@"+at.String(), replaces(t, first)) // the PSAP's place, from the PBX
	next(t, own, sipedge.Answered)
	second := <-legs
	own.Bye("done")
	next(t, second, sipedge.ByeReceived)
	caller.Bye("done")
	next(t, first, sipedge.ByeReceived)
	if n := len(j.all(journal.CallArrived)); n != 2 {
		t.Errorf("%d calls arrived, want 2", n)
	}
}

// Proves: F-15, E3
func TestWhereAPSAPMayHandACallOn(t *testing.T) {
	cases := []struct {
		name, to string
		want     bool
	}{
		{"an address of its trunk", "<sip:fire@127.0.0.21:5077>", true},
		{"another port and transport of its host", "sip:fire@127.0.0.21:5099;transport=udp", true},
		{"somebody else's address", "<sip:fire@127.0.0.22>", false},
		{"the caller's own side", "<sip:2101@127.0.0.11>", false},
		{"a name that nobody knows", "<sip:fire@psap.example>", false},
		{"a telephone number alone", "<tel:+16175550199>", false},
		{"another scheme", "<https://127.0.0.21/>", false},
		{"another method", "<sip:fire@127.0.0.21;method=BYE>", false},
		{"a dialog that cannot be read", "<sip:fire@127.0.0.21?Replaces=%zz>", false},
		{"nothing", "", false},
		{"noise", "<<?&=;;@:", false},
	}
	for _, row := range cases {
		t.Run(row.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				k := fixedKit(t)
				caller := k.call(t.Context(), invite())
				after(2 * time.Second)
				k.leg(1).emit(refer(row.to))
				after(time.Second)
				want := "leg1 refer-answered 403"
				if row.want {
					want = "leg1 refer-answered 202"
				}
				if !strings.Contains(k.tr.String(), want) {
					t.Errorf("no %q in\n%s", want, k.tr)
				}
				caller.emit(sipedge.Event{Kind: sipedge.ByeReceived})
				k.run.Wait()
			})
		})
	}
}

// phonesAt knows one telephone, by where its requests come from.
type phonesAt map[netip.Addr]registrar.Phone

func (p phonesAt) Phone(q *sipedge.Request) (registrar.Phone, bool) {
	phone, ok := p[q.Source.Addr()]
	return phone, ok
}

// Proves: F-13, F-15
func TestWhoseTelephoneComesAgain(t *testing.T) {
	at := netip.MustParseAddr
	desk := registrar.Phone{Org: id[e911.OrgID](1), Device: id[e911.DeviceID](5)}
	other := registrar.Phone{Org: id[e911.OrgID](1), Device: id[e911.DeviceID](6)}
	phones := phonesAt{at("127.0.0.31"): desk, at("127.0.0.32"): desk, at("127.0.0.33"): other}
	k := fixedKit(t)
	k.h.cfg.Phones = phones
	from := func(s string) *sipedge.Request {
		return &sipedge.Request{Source: netip.AddrPortFrom(at(s), 5060)}
	}
	cases := []struct {
		name string
		call *call
		by   *sipedge.Request
		want bool
	}{
		{"the telephone, registered elsewhere now", &call{inquiry: inquiry{req: from("127.0.0.31"), phone: desk}}, from("127.0.0.32"), true},
		{"another telephone", &call{inquiry: inquiry{req: from("127.0.0.31"), phone: desk}}, from("127.0.0.33"), false},
		{"nobody's telephone", &call{inquiry: inquiry{req: from("127.0.0.31"), phone: desk}}, from("127.0.0.34"), false},
		{"who proved to be the same", &call{inquiry: inquiry{req: &sipedge.Request{Who: sipedge.Identity{Who: "a"}}, phone: desk}}, &sipedge.Request{Who: sipedge.Identity{Who: "a", Proved: true}}, true},
		{"who only says so", &call{inquiry: inquiry{req: &sipedge.Request{Source: from("127.0.0.31").Source, Who: sipedge.Identity{Who: "a"}}}}, &sipedge.Request{Who: sipedge.Identity{Who: "a"}}, false},
		{"the same address, known by nothing else", &call{inquiry: inquiry{req: from("127.0.0.41")}}, from("127.0.0.41"), true},
		{"the platform's trunk", &call{inquiry: inquiry{req: from("127.0.0.11"), known: true, trunk: e911.Trunk{ID: id[e911.TrunkID](9)}}}, from("127.0.0.11"), true},
		{"a carrier in a platform's name", &call{inquiry: inquiry{req: from("127.0.0.11"), known: true, trunk: e911.Trunk{ID: id[e911.TrunkID](9)}}}, from("127.0.0.21"), false},
	}
	for _, row := range cases {
		t.Run(row.name, func(t *testing.T) {
			row.call.h, row.call.snap = k.h, k.h.cfg.Snapshot.Load()
			if got := row.call.sameCaller(row.by); got != row.want {
				t.Errorf("the same caller: %v, want %v", got, row.want)
			}
		})
	}
}
