package emergency

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/dereference"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/rules/locate"
	"github.com/callbox911/callbox/wire/pidflo"
)

// otherLIS is another location server, which answers after a while.
type otherLIS struct {
	t      *testing.T
	after  time.Duration // below zero: never
	method string
	room   string
	err    error
	ahead  bool // it was asked when the telephone registered
	mu     sync.Mutex
	asked  []dereference.Question
}

func (o *otherLIS) answer(uri string, took time.Duration) dereference.Answer {
	a := dereference.Answer{URI: uri, Host: "lis.other.example", Asked: time.Now().Add(-took), Took: took, Method: "POST", Err: o.err}
	if o.err == nil {
		doc, err := pidflo.Parse([]byte(`<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" entity="pres:x@other.example"><dm:device id="d">` +
			`<geopriv xmlns="urn:ietf:params:xml:ns:pidf:geopriv10"><location-info><gml:Point xmlns:gml="http://www.opengis.net/gml" srsName="urn:ogc:def:crs:EPSG::4326"><gml:pos>42.37 -71.1</gml:pos></gml:Point><civicAddress xmlns="urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr">` +
			`<country>US</country><A1>MA</A1><A2>Middlesex County</A2><A3>Cambridge</A3><RD>Main</RD><STS>Street</STS><HNO>1</HNO><ROOM>` + o.room + `</ROOM></civicAddress></location-info>` +
			`<usage-rules/><method>` + o.method + `</method></geopriv><dm:deviceID>mac:001122334455</dm:deviceID></dm:device></presence>`))
		if err != nil {
			o.t.Fatal(err)
		}
		a.Doc = doc
	}
	return a
}

func (o *otherLIS) Known(_ e911.OrgID, uri string) (dereference.Answer, bool) {
	if !o.ahead {
		return dereference.Answer{}, false
	}
	return o.answer(uri, 0), true
}

func (o *otherLIS) Ask(q dereference.Question) <-chan dereference.Answer {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked = append(o.asked, q)
	out := make(chan dereference.Answer, 1)
	if o.after >= 0 {
		time.AfterFunc(o.after, func() { out <- o.answer(q.URI, o.after) })
	}
	return out
}

const elsewhere = "https://lis.other.example/loc/secret"

// referenceKit is a kit whose telephone is located by its number alone, and by
// the reference of another server in its INVITE.
func referenceKit(t *testing.T, o *otherLIS) *kit {
	t.Helper()
	k := fixedKit(t)
	o.t = t
	if o.method == "" {
		o.method, o.room = "Wiremap", "77"
	}
	k.h.cfg.Foreign = o
	return k
}

func byReference(r *sipedge.Request) { header("Geolocation", "<"+elsewhere+">")(r) }

func (k *kit) lines() []string {
	var out []string
	for l := range strings.SplitSeq(k.tr.String(), "\n") {
		out = append(out, strings.TrimSpace(l))
	}
	return out
}

// inOrder wants these lines of the trace, in this order, and others between them.
func (k *kit) inOrder(want ...string) {
	k.t.Helper()
	lines := k.lines()
	for _, w := range want {
		i := slices.Index(lines, w)
		if i < 0 {
			k.t.Errorf("want %q, in its place, in\n%s", w, k.tr)
			return
		}
		lines = lines[i+1:]
	}
}

// places are the places that people were told, each with what the PSAP has.
func (k *kit) places() (out []string) {
	for _, f := range k.journal.all(journal.NotifyDue) {
		d, err := journal.Decode[journal.Due](f)
		if err != nil {
			k.t.Fatal(err)
		}
		s := d.Reason + ": " + d.Place.Civic.ROOM
		if d.Sent != nil {
			s += ", the PSAP has " + d.Sent.Civic.ROOM
		}
		out = append(out, s)
	}
	return out
}

func (k *kit) wantPlaces(want ...string) {
	k.t.Helper()
	if got := k.places(); !slices.Equal(got, want) {
		k.t.Errorf("people were told\n  %s\nwant\n  %s\n%s", strings.Join(got, "\n  "), strings.Join(want, "\n  "), k.tr)
	}
}

// Proves: F-17, F-09, F-32, E4, E10, E11
func TestTheOnlyLocationIsAReferenceOfAnotherServer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := &otherLIS{after: 600 * time.Millisecond}
		k := referenceKit(t, o)
		caller := k.call(t.Context(), invite(byReference))
		after(5 * time.Second)
		caller.emit(sipedge.Event{Kind: sipedge.ByeReceived})
		k.run.Wait()
		k.inOrder("0.000 fact call.arrived", "0.000 caller gets 180 of 1", "0.250 fact notify.due late", "0.600 fact call.asked", "0.600 fact call.located", "0.600 fact call.routed",
			"0.600 fact notify.due location_update", "0.600 leg1 dialled to 127.0.0.21:5071", "0.600 fact call.attempt 1", "1.600 fact call.answered 1",
			"1.600 caller answered by 1 sdp", "5.000 leg1 hung up on: caller hung up", "5.000 served")
		if k.tr.has("alarm.raised") {
			t.Errorf("an alarm was raised:\n%s", k.tr)
		}
		a := one[journal.Attempt](t, k.journal, journal.CallAttempt)
		if !strings.Contains(a.PIDFLO, "<ca:ROOM>77<") && !strings.Contains(a.PIDFLO, "ROOM>77<") || !strings.Contains(a.Geo, elsewhere) {
			t.Errorf("the PSAP got %s\n%s", a.Geo, a.PIDFLO)
		}
		f := one[journal.Asked](t, k.journal, journal.CallAsked)
		if f.Host != "lis.other.example" || f.TookMS != 600 || f.Late || f.Error != "" || f.Place == "" {
			t.Errorf("asked = %+v", f)
		}
		if l := one[journal.Located](t, k.journal, journal.CallLocated); l.Via != "reference" || l.By != e911.ByPIDFLO {
			t.Errorf("located by %s via %s", l.By, l.Via)
		}
		k.wantPlaces("late: 210", "location_update: 77")
		if len(o.asked) != 1 || !o.asked[0].Trusted || o.asked[0].Org != id[e911.OrgID](1) {
			t.Errorf("asked %+v", o.asked)
		}
	})
}

// Proves: F-17, E10, F-36 (the late answer goes to the PSAP and to those alerted)
func TestALateAnswerIsSentInTheCall(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := referenceKit(t, &otherLIS{after: 4 * time.Second})
		caller := k.call(t.Context(), invite(byReference))
		after(4 * time.Second)
		if at := "1.500 leg1 dialled to 127.0.0.21:5071"; !slices.Contains(k.lines(), at) {
			t.Errorf("want %q in\n%s", at, k.tr)
		}
		leg := k.leg(1)
		body := leg.body("re-invited")
		sdp, locations, _ := bodyParts("multipart/mixed;boundary="+boundaryOf(body), []byte(body))
		if string(sdp) != phoneSDP || len(locations) != 1 || !strings.Contains(string(locations[0].body), "ROOM>77<") {
			t.Fatalf("the PSAP got in the call\n%s\n%s", body, k.tr)
		}
		k.wantPlaces("late: 210")
		leg.emit(sipedge.Event{Kind: sipedge.ReInviteAnswered, Code: 200, Body: []byte(psapSDP), ContentType: typeSDP})
		after(time.Second)
		k.wantPlaces("late: 210", "location_update: 77")
		u := one[journal.Updated](t, k.journal, journal.CallUpdated)
		if u.Code != 200 || u.N != 1 || !strings.Contains(u.PIDFLO, "ROOM>77<") || !strings.Contains(u.Geo, elsewhere) || u.Place.Civic.ROOM != "77" {
			t.Errorf("updated = %+v", u)
		}
		if r := one[journal.Relocated](t, k.journal, journal.CallRelocated); r.Place.Civic.ROOM != "77" || r.Why == "" || r.Was == "" {
			t.Errorf("relocated = %+v", r)
		}
		if f := one[journal.Asked](t, k.journal, journal.CallAsked); !f.Late || f.TookMS != 4000 {
			t.Errorf("asked = %+v", f)
		}
		caller.emit(sipedge.Event{Kind: sipedge.ByeReceived})
		k.run.Wait()
	})
}

func boundaryOf(body string) string {
	line, _, _ := strings.Cut(body, "\r\n")
	return strings.TrimPrefix(line, "--")
}

// Proves: F-17, F-14, E1, E3
func TestHowLongACallWaitsForAnotherServer(t *testing.T) {
	token := func(k *kit) { k.token("abc") }
	for name, row := range map[string]struct {
		other  *otherLIS
		kit    func(*kit)
		invite func(*sipedge.Request)
		dials  string // when
		room   string // that the first leg carries
		fact   func(journal.Asked) bool
	}{
		"no answer: 1.5 s, and by the number's address": {
			other: &otherLIS{after: -1}, dials: "1.500", room: "210", fact: func(f journal.Asked) bool { return f.Late && f.Error != "" },
		},
		"the policy's time": {
			other: &otherLIS{after: -1}, kit: func(k *kit) { k.h.cfg.ReferenceWait = 300 * time.Millisecond }, dials: "0.300", room: "210",
		},
		"an answer without a location ends it": {
			other: &otherLIS{after: 50 * time.Millisecond, err: errors.New("the location server gave no location: it says locationUnknown")}, dials: "0.050", room: "210",
			fact: func(f journal.Asked) bool { return !f.Late && strings.Contains(f.Error, "locationUnknown") },
		},
		"known from the registration, and asked again for 100 ms": {
			other: &otherLIS{after: -1, ahead: true}, dials: "0.100", room: "77",
		},
		"a default is not believed before the number's address is": {
			other: &otherLIS{after: 50 * time.Millisecond, method: "Default", room: "88"}, dials: "0.050", room: "88",
			fact: func(f journal.Asked) bool { return strings.Contains(f.Finding, "not believed") },
		},
		"a good location of our own: 100 ms": {
			other: &otherLIS{after: 300 * time.Millisecond}, kit: token, dials: "0.100", room: "210",
			invite: func(r *sipedge.Request) { header("Geolocation", "<https://lis.example/loc/abc>, <"+elsewhere+">")(r) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				k := referenceKit(t, row.other)
				if row.kit != nil {
					row.kit(k)
				}
				if r, ok := k.locator.refs["abc"]; ok {
					k.locator.refs["https://lis.example/loc/abc"] = r
				}
				in := byReference
				if row.invite != nil {
					in = row.invite
				}
				caller := k.call(t.Context(), invite(in))
				after(3500 * time.Millisecond)
				if at := row.dials + " leg1 dialled to 127.0.0.21:5071"; !slices.Contains(k.lines(), at) {
					t.Errorf("want %q in\n%s", at, k.tr)
				}
				a := one[journal.Attempt](t, k.journal, journal.CallAttempt)
				if !strings.Contains(a.PIDFLO, "ROOM>"+row.room+"<") || !strings.Contains(a.Geo, elsewhere) {
					t.Errorf("the PSAP got %s\n%s", a.Geo, a.PIDFLO)
				}
				caller.emit(sipedge.Event{Kind: sipedge.ByeReceived})
				k.run.Wait()
				if row.fact != nil {
					if f := one[journal.Asked](t, k.journal, journal.CallAsked); !row.fact(f) {
						t.Errorf("asked = %+v", f)
					}
				}
			})
		})
	}
}

// Proves: F-17, F-09, E1 (a caller who hangs up, a server that stops)
func TestACallThatEndsWhileItWaitsForAnotherServer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := referenceKit(t, &otherLIS{after: -1})
		caller := k.call(t.Context(), invite(byReference))
		after(400 * time.Millisecond)
		caller.emit(sipedge.Event{Kind: sipedge.Cancelled})
		k.run.Wait()
		if e := one[journal.Ended](t, k.journal, journal.CallEnded); !e.Abandoned || e.DurationMS != 400 {
			t.Errorf("ended = %+v\n%s", e, k.tr)
		}
		k.wantPlaces("late: 210", "abandoned: 210")
	})
	bubble(t, func(t *testing.T) {
		k := referenceKit(t, &otherLIS{after: -1})
		ctx, stop := context.WithCancel(t.Context())
		k.call(ctx, invite(byReference))
		after(400 * time.Millisecond)
		stop()
		k.run.Wait()
		if k.tr.has("caller refused 503") || len(k.journal.all(journal.CallEnded)) > 0 {
			t.Errorf("the caller does not go on waiting for the next process:\n%s", k.tr)
		}
	})
}

// Proves: E10, F-17, F-27, F-36 (our own location server learns better while the
// call lasts: PSAP, notice and record follow, not more than once in 10 s)
func TestADeviceThatIsLocatedLate(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := fixedKit(t)
		org := k.h.cfg.Snapshot.Load().Org(id[e911.OrgID](1))
		seen := func(l e911.LocationID) {
			t.Helper()
			e, ok := locate.FromLocation(org, l, e911.ByLLDPPort, time.Now())
			if !ok {
				t.Fatal("the world has no such location")
			}
			k.locator.latest[id[e911.DeviceID](5)] = e
			k.h.Moved(id[e911.OrgID](1), string(id[e911.DeviceID](5)))
			synctest.Wait()
		}
		caller := k.call(t.Context(), invite())
		after(500 * time.Millisecond)
		seen(id[e911.LocationID](17)) // the PSAP rings: told at once, sent when it has answered
		k.wantPlaces("leg_out: 210", "location_update: , the PSAP has 210")
		after(time.Second)
		leg := k.leg(1)
		if b := leg.body("re-invited"); !strings.Contains(b, "FLR>3<") || !strings.Contains(b, phoneSDP) {
			t.Fatalf("the PSAP got\n%s\n%s", b, k.tr)
		}
		leg.emit(sipedge.Event{Kind: sipedge.ReInviteAnswered, Code: 200, Body: []byte(psapSDP), ContentType: typeSDP})
		synctest.Wait()
		k.wantPlaces("leg_out: 210", "location_update: , the PSAP has 210", "location_update: ")
		seen(id[e911.LocationID](17)) // nothing new
		after(2 * time.Second)
		seen(id[e911.LocationID](7)) // too soon: at 10 s after the last
		count := func() int { return strings.Count(k.tr.String(), "leg1 re-invited") }
		if n := count(); n != 1 {
			t.Errorf("%d requests to the PSAP inside 10 s", n)
		}
		after(8 * time.Second)
		if n := count(); n != 2 || !strings.Contains(leg.body("re-invited"), "ROOM>210<") {
			t.Errorf("%d requests to the PSAP\n%s", n, k.tr)
		}
		leg.emit(sipedge.Event{Kind: sipedge.ReInviteAnswered, Code: 488})
		synctest.Wait()
		if got := k.places(); got[len(got)-1] != "location_update: 210, the PSAP has " {
			t.Errorf("people were told %q", got)
		}
		if !slices.Contains(alarms(t, k.journal), string(AlarmUpdateRefused)) {
			t.Error("nobody is alarmed that the PSAP has another place")
		}
		caller.emit(sipedge.Event{Kind: sipedge.ByeReceived})
		k.run.Wait()
		k.h.Moved(id[e911.OrgID](1), string(id[e911.DeviceID](5)))
		if len(k.h.watched) != 0 {
			t.Errorf("%d devices are watched for nobody", len(k.h.watched))
		}
	})
}

// Proves: E10, F-36 (a route that carries no location is sent none; people hear
// both)
func TestARouteOfNumbersIsSentNoLocationInTheCall(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := fixedKit(t, func(w *world) { w.carrierA.Profile, w.carrierB.Profile = e911.ProfilePlain, e911.ProfilePlain })
		caller := k.call(t.Context(), invite())
		after(2 * time.Second)
		e, _ := locate.FromLocation(k.h.cfg.Snapshot.Load().Org(id[e911.OrgID](1)), id[e911.LocationID](17), e911.ByLLDPPort, time.Now())
		k.locator.latest[id[e911.DeviceID](5)] = e
		k.h.Moved(id[e911.OrgID](1), string(id[e911.DeviceID](5)))
		synctest.Wait()
		if k.tr.has("re-invited") {
			t.Errorf("the PSAP's side got a request:\n%s", k.tr)
		}
		k.wantPlaces("leg_out: 210", "location_update: , the PSAP has 210")
		caller.emit(sipedge.Event{Kind: sipedge.ReInvite, Body: []byte(strings.Replace(phoneSDP, "4000", "4002", 1)), ContentType: typeSDP})
		synctest.Wait()
		if !k.tr.has("leg1 re-invited sdp") {
			t.Errorf("the caller's re-INVITE did not pass after it:\n%s", k.tr)
		}
		k.leg(1).emit(sipedge.Event{Kind: sipedge.ByeReceived})
		k.run.Wait()
	})
}
