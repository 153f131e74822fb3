package stir

import (
	"errors"
	"time"
)

// maxTokens bounds how many PASSporTs of one INVITE are looked at; all of them
// travel on.
const maxTokens = 4

// Verdict is what was found out about one PASSporT.
type Verdict struct {
	Token *Token // nil: it cannot be read
	Err   error  // nil: it holds
}

// Unchecked reports that nothing can be said of it yet.
func (v Verdict) Unchecked() bool { return errors.Is(v.Err, ErrNotAtHand) }

// PSAPCallback reports a proof that a PSAP calls back (RFC 9027, section 5): the
// signer vouches for both, that it is emergency traffic and that it is a call
// back.
func (v Verdict) PSAPCallback() bool {
	if v.Err != nil || v.Token == nil || v.Token.PPT != RPH || v.Token.SPH != "psap-callback" {
		return false
	}
	for _, a := range v.Token.Auth {
		if a == "esnet.0" {
			return true
		}
	}
	return false
}

// Check looks at the Identity header fields of a request, from memory. Orig and
// Dest are the numbers of caller and called, URN what the latter stands for.
func (c *Certificates) Check(identity []string, orig, dest, urn string, now time.Time) []Verdict {
	out := make([]Verdict, 0, min(len(identity), maxTokens))
	for _, value := range identity {
		if len(out) == maxTokens {
			break
		}
		t, err := Parse(value)
		if err != nil {
			out = append(out, Verdict{Err: err})
			continue
		}
		out = append(out, Verdict{Token: t, Err: t.Verify(Check{
			Chain: c.Chain(t.X5U), Roots: c.cfg.Roots, Now: now, Orig: orig, Dest: dest, URN: urn,
		})})
	}
	return out
}
