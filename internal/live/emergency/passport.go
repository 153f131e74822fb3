package emergency

import (
	"cmp"
	"slices"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/live/stir"
	"github.com/callbox911/callbox/internal/rules/convey"
	"github.com/callbox911/callbox/internal/rules/identify"
)

// Passports checks the PASSporTs of an INVITE, from memory; *stir.Certificates
// does.
type Passports interface {
	Check(identity []string, orig, dest, urn string, now time.Time) []stir.Verdict
}

// Signs makes PASSporTs; *stir.Signer does.
type Signs interface {
	Sign(stir.Statement) ([]string, error)
}

// rulePassport names findings about signed caller numbers.
const rulePassport = "passport"

// FlagPassportInvalid says that a signature over the caller's number does not hold. The
// call goes on (RFC 9027, section 6).
const FlagPassportInvalid = "passport_invalid"

// passports says what the signatures of the INVITE are worth. It decides
// nothing: they travel on as they came.
func (c *inquiry) passports() {
	identity := c.req.Headers.All("Identity")
	if c.checks == nil || len(identity) == 0 {
		return
	}
	number := "911"
	if c.class == e911.ClassTest933 {
		number = "933"
	}
	for _, v := range c.checks.Check(identity, string(identify.Asserted(c.req.Headers)), number, convey.URN, c.now()) {
		f := e911.Finding{Rule: rulePassport, Said: "unreadable"}
		if v.Token != nil {
			f.Said = cmp.Or(v.Token.PPT, "base")
			if v.Token.Attest != "" {
				f.Said += " " + clip(v.Token.Attest, 8)
			}
			f.Said += " of " + clip(v.Token.X5U, 200)
		}
		switch {
		case v.Err == nil:
			f.Chosen, f.Why = true, "the signature over caller and called holds"
		case v.Unchecked():
			f.Why = v.Err.Error()
		default:
			f.Why = v.Err.Error()
			c.dec.flag(true, FlagPassportInvalid)
		}
		c.dec.messageFindings = append(c.dec.messageFindings, f)
	}
}

// sign adds our PASSporT to a leg that brings none (F-25): what came in travels
// on, and two that say different things help nobody. A leg to a site's own trunk
// is somebody else's to sign.
func (c *call) sign(t e911.Trunk, leg convey.Leg) []sipedge.Header {
	if c.h.cfg.Signs == nil || leg.Number == "" || t.Side == e911.SideLocal || len(c.req.Headers.All("Identity")) > 0 {
		return nil
	}
	st := stir.Statement{Orig: string(leg.Number), Dest: "911", Attest: c.attest(leg.Number), OrigID: c.h.origID(c.trunk.ID), Now: c.h.cfg.Now()}
	if leg.URI == convey.URN {
		st.URN = convey.URN
	}
	for _, h := range leg.Headers {
		if h.Name == "Resource-Priority" {
			st.Auth = h.Value
		}
	}
	var out []sipedge.Header
	c.guard("passport", func() {
		values, err := c.h.cfg.Signs.Sign(st)
		c.say("sign the call", err)
		for _, v := range values {
			out = append(out, sipedge.Header{Name: "Identity", Value: v})
		}
	})
	return out
}

// attest is how well we know that the number is the caller's to use: it is one of
// his organisation's; else we know who he is; else where he came in.
func (c *inquiry) attest(n e911.Number) string {
	if slices.Contains(c.dec.flags, FlagUnauthenticated) {
		return stir.AttestGateway // who calls is claimed, not known
	}
	if _, ours := c.org.Number(n); ours {
		return stir.AttestFull
	}
	if s := c.alertSite(); s != nil && s.ECBN == n {
		return stir.AttestFull
	}
	if c.org.ID() != "" {
		return stir.AttestPartial
	}
	return stir.AttestGateway
}

// origID names where a call came in, without telling outsiders more: the trunk's
// own id, else this node's of the run (RFC 8588, section 5).
func (h *Handler) origID(t e911.TrunkID) string { return cmp.Or(string(t), h.node) }
