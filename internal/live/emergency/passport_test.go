package emergency

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/live/stir"
)

// signs writes down what it is asked to sign.
type signs struct{ asked []stir.Statement }

func (s *signs) Sign(st stir.Statement) ([]string, error) {
	s.asked = append(s.asked, st)
	return []string{"ours;ppt=shaken"}, nil
}

// checks says the same of every signature.
type checks struct {
	v           stir.Verdict
	orig, dest  string
	panicsFirst bool
}

func (c *checks) Check(identity []string, orig, dest, _ string, _ time.Time) []stir.Verdict {
	if c.panicsFirst {
		panic("checks")
	}
	c.orig, c.dest = orig, dest
	return []stir.Verdict{c.v}
}

// Signatures never stop a call: what came in travels on and is said; what came
// unsigned is signed for the number that goes out.
//
// Proves: F-25, E1, E11, RFC 9027 section 6
func TestSignedCallerNumbers(t *testing.T) {
	for _, c := range []struct {
		name     string
		identity string
		check    *checks
		want     []string // Identity of the leg
		flagged  bool
		said     string // by a finding
	}{
		{"unsigned: we sign", "", &checks{}, []string{"ours;ppt=shaken"}, false, ""},
		{"signed and right: passed on, not signed over", "theirs", &checks{v: stir.Verdict{Token: &stir.Token{PPT: "shaken", Attest: "A", X5U: "https://cr/x"}}}, []string{"theirs"}, false, "shaken A of https://cr/x"},
		{"signed and wrong: passed on and flagged", "theirs", &checks{v: stir.Verdict{Err: stir.ErrSignature}}, []string{"theirs"}, true, "unreadable"},
		{"by a certificate that is not here yet", "theirs", &checks{v: stir.Verdict{Token: &stir.Token{PPT: "shaken", X5U: "https://cr/x"}, Err: stir.ErrNotAtHand}}, []string{"theirs"}, false, "shaken of https://cr/x"},
		{"the check breaks", "theirs", &checks{panicsFirst: true}, []string{"theirs"}, false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				k := fixedKit(t)
				s := &signs{}
				k.h.cfg.Signs, k.h.cfg.Passports = s, c.check
				k.psaps = map[string]psap{carrierA: answers(time.Second)}
				in := invite()
				if c.identity != "" {
					in.Headers = append(in.Headers, sipedge.Header{Name: "Identity", Value: c.identity})
				}
				caller := k.call(t.Context(), in)
				after(2 * time.Second)
				caller.emit(sipedge.Event{Kind: sipedge.ByeReceived})
				k.run.Wait()
				leg := k.legs[0].invite
				if got := leg.Headers.All("Identity"); !slices.Equal(got, c.want) {
					t.Errorf("the leg carries %q, want %q", got, c.want)
				}
				who := one[journal.Identified](t, k.journal, journal.CallIdentified)
				if got := slices.Contains(who.Flags, FlagPassportInvalid); got != c.flagged {
					t.Errorf("flagged: %v, want %v", got, c.flagged)
				}
				i := slices.IndexFunc(who.Evidence, func(f e911.Finding) bool { return f.Rule == rulePassport })
				if (i >= 0) != (c.said != "") || i >= 0 && who.Evidence[i].Said != c.said {
					t.Errorf("evidence %v, want %q", who.Evidence, c.said)
				}
				if len(s.asked) == 1 {
					st := s.asked[0]
					if !strings.Contains(leg.From, st.Orig) || st.Dest != "911" || st.Attest != stir.AttestFull || st.OrigID == "" {
						t.Errorf("signed for %+v, From is %s", st, leg.From)
					}
				} else if c.identity == "" {
					t.Errorf("%d times asked to sign", len(s.asked))
				}
				if c.identity != "" && c.check.orig == "" && !c.check.panicsFirst {
					t.Error("the signature was compared with no number")
				}
			})
		})
	}
}
