package emergency

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/lis"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/rules/ladder"
)

// shy are trunks that refused the full INVITE lately, and note what they take.
type shy struct {
	alone
	took []string
}

func (*shy) Slim(e911.TrunkID, ladder.Target) (string, bool) { return "it refused it yesterday", true }

func (s *shy) Took(_ e911.TrunkID, _ ladder.Target, slim bool) {
	s.took = append(s.took, map[bool]string{true: "slim", false: "full"}[slim])
}

// reference is what gives calls a reference to their location.
type reference string

func (r reference) MintForCall(e911.CallID, lis.CallPlace) (string, error) { return string(r), nil }
func (reference) EndCall(e911.CallID, time.Time)                           {}

// Proves: F-16, E10 (a trunk that refused the full INVITE gets the slim one first, where a reference keeps the location)
func TestWhichInviteATrunkGetsFirst(t *testing.T) {
	for name, c := range map[string]struct {
		reference References
		psap      func(n int) psap
		slim      []bool // of the attempts
		took      []string
		alarms    []string
	}{
		"the slim one, which it takes": {
			reference("https://lis.example/ref"), func(int) psap { return answers(0) },
			[]bool{true},
			nil,
			[]string{"sent_without_location"},
		},
		"the slim one is refused too: the full one, on the same route": {
			reference("https://lis.example/ref"), func(n int) psap {
				if n == 1 {
					return refuses(400)
				}
				return answers(0)
			},
			[]bool{true, false},
			[]string{"full"},
			[]string{"sent_without_location"},
		},
		"the full one without a reference, for the location would be lost": {
			nil, func(int) psap { return answers(0) }, []bool{false}, []string{"full"}, nil,
		},
		"and after a refusal the slim one all the same": {
			nil, func(n int) psap {
				if n == 1 {
					return refuses(415)
				}
				return answers(0)
			},
			[]bool{false, true},
			[]string{"slim"},
			[]string{"sent_without_location"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				k := newKit(t)
				trunks := &shy{alone: alone{health: newHealth(), now: k.h.cfg.Now}}
				k.h.cfg.Trunks, k.h.cfg.References = trunks, c.reference
				n := 0
				k.psaps[carrierA] = func(l *fakeLeg) {
					n++
					c.psap(n)(l)
				}
				k.token(ourToken)
				settled(t, k, invite(header("Geolocation", "<"+ourToken+">")))
				var slim []bool
				for _, f := range k.journal.all(journal.CallAttempt) {
					a, err := journal.Decode[journal.Attempt](f)
					if err != nil {
						t.Fatal(err)
					}
					slim = append(slim, a.Slim)
					if a.Slim && c.reference != nil && !strings.Contains(a.Geo, "https://lis.example/ref") {
						t.Errorf("the slim INVITE has no reference: %q", a.Geo)
					}
				}
				if !slices.Equal(slim, c.slim) {
					t.Errorf("attempts slim %v, want %v", slim, c.slim)
				}
				if !slices.Equal(trunks.took, c.took) {
					t.Errorf("the trunk was told %v, want %v", trunks.took, c.took)
				}
				if got := alarms(t, k.journal); !slices.Equal(got, c.alarms) {
					t.Errorf("alarms %v, want %v", got, c.alarms)
				}
			})
		})
	}
}

// Proves: F-10, E11 (whose call it is follows from the proof; without one it is flagged and goes on)
func TestTheOrganisationFollowsFromTheProofOfTheTrunk(t *testing.T) {
	for name, c := range map[string]struct {
		who     sipedge.Identity
		flagged bool
	}{
		"proved from an address that is no trunk's": {sipedge.Identity{Proved: true, How: "the password of its user"}, false},
		"only claimed": {sipedge.Identity{How: "an address that it proved itself from within 30 days"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				k := newKit(t)
				c.who.Who = string(theWorld().pbx.ID)
				r := invite(func(r *sipedge.Request) { r.Who = c.who })
				from := *r
				from.Source = netip.MustParseAddrPort("203.0.113.7:5060")
				settled(t, k, &from)
				who := one[journal.Identified](t, k.journal, journal.CallIdentified)
				if got := slices.Contains(who.Flags, FlagUnauthenticated); got != c.flagged {
					t.Errorf("flags %v", who.Flags)
				}
				arrived := one[journal.Arrived](t, k.journal, journal.CallArrived)
				if arrived.Trunk.Key != theWorld().pbx.Key || k.journal.all(journal.CallArrived)[0].Org != theWorld().pbx.Org {
					t.Errorf("the call is %+v's", arrived.Trunk)
				}
			})
		})
	}
}
