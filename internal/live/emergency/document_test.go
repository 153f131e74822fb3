package emergency

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/wire/pidflo"
)

// seen is one whole call: what came in, who answered, and what the leg carried.
type seen struct {
	k  *kit
	in sipedge.Invite // of the first leg
}

func (s seen) geolocation() string { return s.in.Headers.Get("Geolocation") }

func (s seen) all(name string) string { return strings.Join(s.in.Headers.All(name), ", ") }

// object is the first location object of the leg.
func (s seen) object(t *testing.T) *pidflo.Geopriv {
	t.Helper()
	_, locations, _ := bodyParts(s.in.ContentType, s.in.Body)
	if len(locations) == 0 {
		t.Fatal("the leg has no location object")
	}
	doc, err := pidflo.Parse(locations[0].body)
	if err != nil || len(doc.Locations()) == 0 {
		t.Fatalf("the location object cannot be read: %v", err)
	}
	return doc.Locations()[0].Geopriv
}

func dialled(uri string) func(*sipedge.Request) {
	return func(r *sipedge.Request) { r.URI = uri }
}

// foreign is a location by reference of somebody else, and where it was added.
const foreign = "<https://lis.other.example/loc/7>;inserted-by=\"host7\""

// What the documents say of a call of ours, by whole calls on an i3 trunk. Where we
// do otherwise on purpose, docs/divergences.md says why, and it is not here.
//
// Proves: E1, E2, E9, E10, F-05, F-25, RFC 6442, RFC 6881, RFC 7135, RFC 4412, RFC 5031, RFC 3326
func TestWhatTheDocumentsSayOfACall(t *testing.T) {
	i3 := func(w *world) { w.carrierA.Profile = e911.ProfileI3 }
	nowhere := func(w *world) { w.model.HELD, w.ecrc.Profile = true, e911.ProfileI3 }
	for _, c := range []struct {
		section, says string
		world         []func(*world)
		req           []func(*sipedge.Request)
		psap          psap
		check         func(t *testing.T, s seen)
	}{
		{
			"RFC 6442, section 4.1", "an intermediary does not modify or delete what came in, nor parameters that it does not know", nil,
			[]func(*sipedge.Request){header("Geolocation", foreign+", <sips:7@lis.other.example>;x=y")},
			nil,
			func(t *testing.T, s seen) {
				if g := s.geolocation(); !strings.Contains(g, foreign) || !strings.Contains(g, "<sips:7@lis.other.example>;x=y") {
					t.Errorf("Geolocation: %s", g)
				}
			},
		},
		{
			"RFC 6442, section 4.1", "a 424 about a location that we added is ours to act on, and never goes to the caller", nil, nil, refuses(424),
			func(t *testing.T, s seen) {
				if tr := s.k.tr.String(); strings.Contains(tr, "caller refused") || !strings.Contains(tr, "caller answered by 2") {
					t.Errorf("the next way was not taken:\n%s", tr)
				}
			},
		},
		{
			"RFC 6442, section 4.2", "Geolocation-Routing stands once, and only beside a Geolocation", nil,
			[]func(*sipedge.Request){header("Geolocation", foreign), header("Geolocation-Routing", "no"), header("Geolocation-Routing", "yes")},
			nil,
			func(t *testing.T, s seen) {
				if got := s.in.Headers.All("Geolocation-Routing"); !slices.Equal(got, []string{"yes"}) {
					t.Errorf("Geolocation-Routing: %q", got)
				}
			},
		},
		{
			"RFC 6442, section 4.6", "a location URI goes with the option tag of its scheme", nil,
			[]func(*sipedge.Request){header("Geolocation", foreign)},
			nil,
			func(t *testing.T, s seen) {
				if got := s.in.Headers.All("Supported"); !slices.Contains(got, "geolocation-http") || slices.Contains(got, "geolocation-sip") {
					t.Errorf("Supported: %q", got)
				}
			},
		},
		{
			"RFC 6881, ED-4/SP-3", "a call is marked with a service URN", nil, nil, nil,
			func(t *testing.T, s seen) {
				if s.in.URI != "urn:service:sos" || !strings.HasPrefix(s.in.To, "<urn:service:sos>") {
					t.Errorf("Request-URI %s, To %s", s.in.URI, s.in.To)
				}
			},
		},
		{
			"RFC 6881, ED-62.4", "a Route with the PSAP's URI is there", nil, nil, nil,
			func(t *testing.T, s seen) {
				if len(s.in.Routes) != 1 || !strings.Contains(s.in.Routes[0], carrierA) || !strings.Contains(s.in.Routes[0], ";lr") {
					t.Errorf("Route: %q", s.in.Routes)
				}
			},
		},
		{
			"RFC 6881, ED-62.3", "From is an address of record of the caller, whatever he hides", nil,
			[]func(*sipedge.Request){header("Privacy", "id")},
			nil,
			func(t *testing.T, s seen) {
				if !strings.HasPrefix(s.in.From, "<sip:+16175550111@") || s.all("Privacy") != "" {
					t.Errorf("From %s, Privacy %q", s.in.From, s.all("Privacy"))
				}
			},
		},
		{
			"RFC 6881, ED-62.9", "the offer goes with the INVITE, as it came", nil, nil, nil,
			func(t *testing.T, s seen) {
				if sdp, _, _ := bodyParts(s.in.ContentType, s.in.Body); string(sdp) != phoneSDP || s.in.NoOffer {
					t.Errorf("the offer:\n%s", sdp)
				}
			},
		},
		{
			"RFC 6881, SP-19", "all location objects that a proxy received are delivered", nil,
			[]func(*sipedge.Request){header("Geolocation", foreign+", <https://lis.third.example/8>")},
			nil,
			func(t *testing.T, s seen) {
				if g := s.geolocation(); !strings.Contains(g, "lis.other.example/loc/7") || !strings.Contains(g, "lis.third.example/8") {
					t.Errorf("Geolocation: %s", g)
				}
			},
		},
		{
			"RFC 6881, ED-41/SP-20", "a location object says how it was found, and who provides it", nil, nil, nil,
			func(t *testing.T, s seen) {
				_, locations, _ := bodyParts(s.in.ContentType, s.in.Body)
				if g := s.object(t); g.Method == "" || !strings.Contains(string(locations[0].body), "provided-by") {
					t.Errorf("method %q in\n%s", g.Method, locations[0].body)
				}
			},
		},
		{
			"RFC 6881, SP-22 and SP-23", "who cannot be located gets the default location of his site, marked so",
			[]func(*world){func(w *world) { w.noNumber = true }},
			nil, nil,
			func(t *testing.T, s seen) {
				if g := s.object(t); g.Method != "Default" {
					t.Errorf("method %q", g.Method)
				}
			},
		},
		{
			"RFC 6881, SP-28", "a proxy that finds no PSAP sends the call to a default one all the same",
			[]func(*world){nowhere},
			nil, nil,
			func(t *testing.T, s seen) {
				if len(s.in.Routes) != 1 || !strings.Contains(s.in.Routes[0], ecrcA) {
					t.Errorf("Route: %q", s.in.Routes)
				}
			},
		},
		{
			"RFC 7135, section 3.2", "a call to the ESInet is of the namespace esnet, with the value of a call for help, once", nil, nil, nil,
			func(t *testing.T, s seen) {
				if got := s.in.Headers.All("Resource-Priority"); !slices.Equal(got, []string{"esnet.1"}) {
					t.Errorf("Resource-Priority: %q", got)
				}
			},
		},
		{
			"RFC 4412, section 3.1", "a namespace stands once, also when the caller's side sends it",
			[]func(*world){func(w *world) { w.pbx.Marks = append(w.pbx.Marks, e911.MarkPriority) }},
			[]func(*sipedge.Request){header("Resource-Priority", "esnet.4, ets.2")},
			nil,
			func(t *testing.T, s seen) {
				if got := s.all("Resource-Priority"); strings.Count(got, "esnet") != 1 || !strings.Contains(got, "ets.2") {
					t.Errorf("Resource-Priority: %q", got)
				}
			},
		},
		{
			"RFC 4412, section 4.7.1", "a call for help is not refused for its Resource-Priority, nor for requiring it", nil,
			[]func(*sipedge.Request){header("Resource-Priority", "nobody.9"), header("Require", "resource-priority")},
			nil,
			func(t *testing.T, s seen) {
				if s.all("Resource-Priority") != "esnet.1" || s.all("Require") != "" || !strings.Contains(s.k.tr.String(), "caller answered by 1") {
					t.Errorf("Resource-Priority %q, Require %q\n%s", s.all("Resource-Priority"), s.all("Require"), s.k.tr)
				}
			},
		},
		{
			"RFC 5031, section 3", "labels are compared without case", nil,
			[]func(*sipedge.Request){dialled("URN:Service:SOS")},
			nil,
			func(t *testing.T, s seen) {
				if s.in.URI != "urn:service:sos" {
					t.Errorf("Request-URI: %s", s.in.URI)
				}
			},
		},
		{
			"RFC 5031, section 4.2", "a service below sos that nobody knows is a call for help", nil,
			[]func(*sipedge.Request){dialled("urn:service:sos.flood")},
			nil,
			func(t *testing.T, s seen) {
				if !strings.HasPrefix(s.in.URI, "urn:service:sos") {
					t.Errorf("Request-URI: %s", s.in.URI)
				}
			},
		},
	} {
		t.Run(c.section+": "+c.says, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				k := fixedKit(t, append([]func(*world){i3}, c.world...)...)
				if c.psap != nil {
					k.psaps[carrierA] = c.psap
				}
				caller := k.call(t.Context(), invite(c.req...))
				after(5 * time.Second)
				caller.emit(sipedge.Event{Kind: sipedge.ByeReceived})
				k.run.Wait()
				c.check(t, seen{k, k.leg(1).invite})
			})
		})
	}
}

// RFC 3326, section 2: any request in a dialog, and CANCEL, may say why. Who is
// hung up on by us is told in words; each way to end has its own.
//
// Proves: E11, RFC 3326 section 2
func TestWhyALegEndsIsSaid(t *testing.T) {
	for _, c := range []struct {
		name string
		a    psap
		end  sipedge.EventKind
		want string
	}{
		{"the caller hangs up", answers(time.Second), sipedge.ByeReceived, "leg1 hung up on: caller hung up"},
		{"the caller gives up while it rings", ringsForEver, sipedge.Cancelled, "leg1 cancelled: caller gave up"},
		{"nothing but 100 came in time", sends, sipedge.Cancelled, "leg1 cancelled: no progress"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				k := fixedKit(t)
				k.psaps[carrierA], k.psaps[carrierB] = c.a, ringsForEver
				caller := k.call(t.Context(), invite())
				after(6 * time.Second)
				caller.emit(sipedge.Event{Kind: c.end})
				k.run.Wait()
				if !strings.Contains(k.tr.String(), c.want) {
					t.Errorf("want %q in\n%s", c.want, k.tr)
				}
				one[journal.Ended](t, k.journal, journal.CallEnded)
			})
		})
	}
}
