package emergency

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/lis"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/rules/alirecord"
	"github.com/callbox911/callbox/internal/rules/gis"
)

// platformInvite reads testdata/inbound: INVITEs written by hand from what the
// platforms' documents and the SIP examples of others say; none is a capture.
func platformInvite(t *testing.T, name string) *sipedge.Request {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "inbound", name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("\n", "\r\n", "TOKEN", ourToken, "TIME", time.Now().UTC().Format(time.RFC3339)).Replace(string(b))
	head, body, _ := strings.Cut(text, "\r\n\r\n")
	lines := strings.Split(head, "\r\n")
	r := invite()
	r.URI, r.Headers, r.Body = strings.Fields(lines[0])[1], nil, []byte(body)
	for _, l := range lines[1:] {
		name, value, _ := strings.Cut(l, ":")
		if value = strings.TrimSpace(value); name == "Content-Type" {
			r.ContentType = value
			continue
		}
		r.Headers = append(r.Headers, sipedge.Header{Name: name, Value: value})
	}
	return r
}

type platform struct {
	file    string
	inbound e911.InboundProfile
	header  string // Trunk.IdentityHeader
	marks   []e911.TrunkMark
	by      e911.IdentifiedBy
	user    string // key
	line    e911.Number
	located e911.LocatedBy
	floor   string
	mended  string // part of what was repaired
}

func platforms() []platform {
	per := []e911.TrunkMark{e911.MarkLocatesCalls}
	return []platform{
		{"webex", e911.InboundWebex, "", nil, e911.ByDeviceUserID, "agent-4711", "+16175550111", e911.ByLLDPPort, "2", ""},
		{"cucm", e911.InboundCUCM, "", nil, e911.ByDeviceUserID, "agent-4711", "+16175550111", e911.ByNumber, "2", ""},
		{"genesys", e911.InboundGenesys, "X-Employee-ID", nil, e911.ByDeviceUserID, "agent-4711", "+16175550100", e911.ByNumber, "2", ""},
		{"teams_sbc", e911.InboundTeamsSBC, "", nil, e911.ByLineNumber, "agent-4711", "+16175550111", e911.ByPIDFLO, "3", "ampersand"},
		{"asterisk", e911.InboundAsterisk, "", nil, e911.ByLineNumber, "agent-4711", "+16175550111", e911.ByPIDFLO, "3", ""},
		{"freeswitch", e911.InboundFreeSWITCH, "", per, e911.ByLineNumber, "agent-4711", "+16175550111", e911.ByPIDFLO, "3", "names no body part"},
		{"plain", e911.InboundPlain, "", nil, e911.ByLineNumber, "agent-4711", "+16175550111", e911.ByNumber, "2", ""},
	}
}

// on is a kit whose PBX is that platform. Its phone cannot ask HELD, so that the
// number's address locates it where nothing better came.
func (p platform) on(t *testing.T) *kit {
	k := fixedKit(t, func(w *world) {
		w.org.HELD.CompanyID = "c0ffee00c0ffee00c0ffee00c0ffee00"
		w.pbx.Inbound, w.pbx.IdentityHeader, w.pbx.Marks = p.inbound, p.header, p.marks
	})
	k.token(ourToken)
	return k
}

// junk is what must not change who calls from where: names match as a whole.
var junk = map[string]func(*sipedge.Request){
	"as it came": func(*sipedge.Request) {},
	"headers that look alike": func(r *sipedge.Request) {
		for _, name := range []string{"E911-User-ID-2", "X-E911-User-ID", "E911-User", "X-Employee-ID-Old", "Employee-ID", "X-Geolocation", "E911-Organization-ID-Old"} {
			r.Headers = append(sipedge.Headers{{Name: name, Value: "someone-else"}}, r.Headers...)
		}
	},
	"the other case of names": func(r *sipedge.Request) {
		r.Headers = slices.Clone(r.Headers)
		for i := range r.Headers {
			r.Headers[i].Name = strings.ToUpper(r.Headers[i].Name)
		}
	},
	"the headers turned round": func(r *sipedge.Request) {
		r.Headers = slices.Clone(r.Headers)
		slices.Reverse(r.Headers)
	},
	"an empty and a broken Geolocation before it": func(r *sipedge.Request) {
		r.Headers = append(sipedge.Headers{{Name: "Geolocation", Value: ""}, {Name: "Geolocation", Value: "<<>;"}}, r.Headers...)
	},
}

// Proves: F-13, N-09, N-10, N-20, W-43, W-48, E1, E11, D-02
func TestWhatEachPlatformSaysOfItsCaller(t *testing.T) {
	for _, p := range platforms() {
		for what, change := range junk {
			t.Run(p.file+", "+what, func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					k := p.on(t)
					r := platformInvite(t, p.file)
					change(r)
					settled(t, k, r)
					who := one[journal.Identified](t, k.journal, journal.CallIdentified)
					where := one[journal.Located](t, k.journal, journal.CallLocated)
					if who.User == nil || who.User.Key != p.user || who.By != p.by || who.Line != p.line {
						t.Errorf("by %s, user %v, line %s; want %s, %s, %s", who.By, who.User, who.Line, p.by, p.user, p.line)
					}
					if where.By != p.located || where.Place.Civic.FLR != p.floor {
						t.Errorf("located by %s on floor %q, want %s on %q\n%v", where.By, where.Place.Civic.FLR, p.located, p.floor, where.Evidence)
					}
					said := fmt.Sprint(who.Evidence, where.Evidence)
					if !strings.Contains(said, p.mended) {
						t.Errorf("it is not said that %q was repaired: %s", p.mended, said)
					}
					if k.dialled() != 1 || k.leg(1).invite.Headers.All("Privacy") != nil {
						t.Error("the leg is missing, or private")
					}
				})
			})
		}
	}
}

// Proves: N-20, F-13, E14
func TestIdentitiesMatchAsAWholeAndFromPlatformsAlone(t *testing.T) {
	for _, c := range []struct {
		name   string
		change []func(*sipedge.Request)
		world  func(*world)
		named  bool
	}{
		{"the id", nil, nil, true},
		{"part of the id", []func(*sipedge.Request){without("E911-User-ID"), header("E911-User-ID", "4711")}, nil, false},
		{"more than the id", []func(*sipedge.Request){without("E911-User-ID"), header("E911-User-ID", "agent47110")}, nil, false},
		{"another case", []func(*sipedge.Request){without("E911-User-ID"), header("E911-User-ID", "Agent4711")}, nil, false},
		{"blanks around it", []func(*sipedge.Request){without("E911-User-ID"), header("E911-User-ID", "  agent4711 ")}, nil, true},
		{"in a header of a longer name", []func(*sipedge.Request){without("E911-User-ID"), header("E911-User-ID-X", "agent4711")}, nil, false},
		{"from a carrier", nil, func(w *world) { w.pbx.Side, w.pbx.Org = e911.SideLocal, w.org.ID }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				k := newKit(t, func(w *world) {
					if c.world != nil {
						c.world(w)
					}
				})
				settled(t, k, invite(c.change...))
				if got := one[journal.Identified](t, k.journal, journal.CallIdentified).By == e911.ByDeviceUserID; got != c.named {
					t.Errorf("named by the header: %v, want %v", got, c.named)
				}
			})
		})
	}
}

// Proves: F-14
func TestOneLocationForMoreThan20CallersRaisesAnAlarm(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := fixedKit(t)
		body := multi("Content-Type: application/sdp\r\n\r\n"+phoneSDP, "Content-Type: application/pidf+xml\r\nContent-ID: <a@p>\r\n\r\n"+located)
		for n := range 25 {
			number := fmt.Sprintf("<sip:+1617555%04d@pbx.example>", 200+n)
			caller := k.call(t.Context(), invite(without("From"), without("P-Asserted-Identity"), without("E911-User-ID"), header("From", number), func(r *sipedge.Request) {
				r.CallID, r.ContentType, r.Body = fmt.Sprint("in-", n), "multipart/mixed;boundary=b1", []byte(body)
			}))
			after(5 * time.Second)
			caller.emit(sipedge.Event{Kind: sipedge.ByeReceived})
			k.run.Wait()
			told := slices.Contains(alarms(t, k.journal), string(AlarmStatic))
			if told != (n >= staticCallers) {
				t.Fatalf("after %d callers the alarm was raised: %v", n+1, told)
			}
		}
		if n := len(slices.DeleteFunc(alarms(t, k.journal), func(a string) bool { return a != string(AlarmStatic) })); n != 1 {
			t.Errorf("%d alarms, want 1", n)
		}
	})
}

// Proves: F-14
func TestWhatIsRememberedOfStaticLocationsIsBounded(t *testing.T) {
	h, err := New(Config{Snapshot: newKit(t).h.cfg.Snapshot, Journal: &memoryJournal{tr: &trace{}}, Dial: newKit(t).dial, Domain: "callbox.example"})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for n := range 1000 {
		for c := range 3 {
			h.statics.more("t", fmt.Append(nil, n), fmt.Sprint(c), now)
		}
	}
	if n := len(h.statics.trunks["t"]); n > staticBodies {
		t.Errorf("%d objects are remembered, want at most %d", n, staticBodies)
	}
}

// references makes references that say what they are for.
type references struct{ minted, ended []e911.CallID }

func (r *references) MintForCall(c e911.CallID, _ lis.CallPlace) (string, error) {
	r.minted = append(r.minted, c)
	return "https://lis.example/loc/k1.of-the-call", nil
}
func (r *references) EndCall(c e911.CallID, _ time.Time) { r.ended = append(r.ended, c) }

// Proves: F-27, F-36, E10, W-43 (design 2.4)
func TestALegIsWrittenByTheProfileOfItsTrunk(t *testing.T) {
	confirmed := func(w *world) {
		at := time.Now()
		snap := newKit(t).h.cfg.Snapshot.Load()
		place, _ := snap.Org(w.org.ID).Place(w.location.ID)
		w.number.ELIN, w.number.ALI = true, confirmedAt(place.Civic, at)
	}
	for _, c := range []struct {
		name    string
		profile e911.HeaderProfile
		world   func(*world)
		uri     string
		number  e911.Number
		flags   []string
		minted  int
		parts   int // beside SDP
	}{
		{"i3", e911.ProfileI3, nil, "urn:service:sos", "+16175550100", nil, 1, 4},
		{"carrier", e911.ProfileCarrier, nil, "sip:psap@127.0.0.21:5071;transport=tcp", "+16175550100", nil, 0, 1},
		{"elin", e911.ProfileELIN, confirmed, "sip:psap@127.0.0.21:5071;transport=tcp", "+16175550111", nil, 0, 0},
		{"elin without one", e911.ProfileELIN, nil, "sip:psap@127.0.0.21:5071;transport=tcp", "+16175550100", []string{"no_confirmed_elin"}, 0, 0},
		{"plain", e911.ProfilePlain, nil, "sip:psap@127.0.0.21:5071;transport=tcp", "+16175550100", nil, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				refs := &references{}
				k := newKit(t, func(w *world) {
					w.carrierA.Profile = c.profile
					if c.world != nil {
						c.world(w)
					}
				})
				k.h.cfg.References = refs
				k.token(ourToken)
				settled(t, k, invite(without("E911-User-ID"), header("Geolocation", "<"+ourToken+">")))
				in := k.leg(1).invite
				if in.URI != c.uri || (len(in.Routes) == 1) != (c.profile == e911.ProfileI3) {
					t.Errorf("URI %s, routes %q", in.URI, in.Routes)
				}
				sdp, locations, others := bodyParts(in.ContentType, in.Body)
				if string(sdp) != phoneSDP || len(locations)+len(others) != c.parts {
					t.Errorf("%d locations, %d other parts, want %d", len(locations), len(others), c.parts)
				}
				att := one[journal.Attempt](t, k.journal, journal.CallAttempt)
				if att.Profile != c.profile || att.Number != c.number || !slices.Equal(att.Flags, c.flags) {
					t.Errorf("the record says %s, %s, %v", att.Profile, att.Number, att.Flags)
				}
				if len(refs.minted) != c.minted || !slices.Equal(refs.minted, refs.ended) {
					t.Errorf("references minted %v, ended %v, want %d of each", refs.minted, refs.ended, c.minted)
				}
			})
		})
	}
}

// confirmedAt is the record of an ELIN that somebody saw on a screen.
func confirmedAt(c e911.Civic, at time.Time) *e911.ALIRecord {
	d := alirecord.Digest(c, gis.MSAG{})
	return &e911.ALIRecord{State: e911.ALIConfirmed, Since: at, Held: d, Confirmed: d, ConfirmedAt: at, ConfirmedBy: "test"}
}
