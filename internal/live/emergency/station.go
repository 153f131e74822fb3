package emergency

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/identify"
	"github.com/callbox911/callbox/internal/rules/ladder"
	"github.com/callbox911/callbox/internal/rules/locate"
)

// AlarmNoConsent says that a device calls from off the premises in Canada, and that
// no consent to it is recorded (F-22, Telecom Decision CRTC 2005-21).
const AlarmNoConsent AlarmCode = "no_off_premises_consent"

// FlagNoConsent is the same on the call, which goes like any other (E1).
const FlagNoConsent = "no_off_premises_consent"

// ofMovingClass reports a device of a class that moves (F-22): by the class that is
// stated of it, else by what it was seen to do.
func (c *inquiry) ofMovingClass(seen bool) bool {
	d := &c.dec
	if d.who.Device != nil {
		if class := d.who.Device.Class(); class != "" {
			return class.Moves()
		}
	}
	return seen || d.who.HELD == identify.HELDYes
}

// language is the one that the caller speaks: what the call offers (RFC 8373), else
// that of the user, else that of the device, else what its display is set to
// (Accept-Language; RFC 3261, section 20.3).
func (c *inquiry) language() string {
	for line := range strings.Lines(string(c.dec.sdp)) {
		if tag, ok := strings.CutPrefix(strings.TrimSpace(line), "a=hlang-send:"); ok {
			return primary(tag)
		}
	}
	var said string
	if u := c.dec.who.User; u != nil {
		said = u.Language
	}
	if d := c.dec.who.Device; d != nil {
		said = cmp.Or(said, d.Language)
	}
	return primary(cmp.Or(said, c.req.Headers.Get("Accept-Language")))
}

// consent flags a call from off the premises in Canada whose device and user have no
// recorded consent, and tells the administrators. It changes nothing about the call.
func (c *inquiry) consent(who ladder.Caller) {
	d := &c.dec
	located := d.where.By != e911.ByNothing
	country := d.where.Place.Civic.Country
	if !located && who.Home != nil {
		country = who.Home.Country
	}
	if !strings.EqualFold(country, "CA") || slices.Contains(d.routeFlags, FlagNoConsent) {
		return
	}
	outside := located && d.where.Place.Site == ""
	onSite := located && !outside && d.where.Rank < locate.RankNumber && !who.Away
	stated := d.who.Device != nil && d.who.Device.Class() == e911.StationOffPremises
	if onSite || !stated && !outside && !who.Away {
		return
	}
	kept := e911.ConsentOf(d.who.Device, d.who.User)
	f := e911.Finding{Rule: "consent", Said: kept.Text, Chosen: kept.Whole(), Why: "consent to calling from off the premises is recorded (CRTC 2005-21)"}
	if !kept.Whole() {
		f.Why = "no consent to calling from off the premises is recorded (CRTC 2005-21); the call goes all the same"
		d.routeFlags = append(d.routeFlags, FlagNoConsent)
		c.alarm(AlarmNoConsent, fmt.Sprintf("%s calls from off the premises in Canada, and no consent to it is recorded: ask its user, and write off_premises", c.whoCalls()))
	}
	d.routeFindings = append(d.routeFindings, f)
}

// whoCalls names the device, or else the user, by its key.
func (c *inquiry) whoCalls() string {
	switch d := &c.dec; {
	case d.who.Device != nil:
		return "the device " + d.who.Device.Key
	case d.who.User != nil:
		return "the user " + d.who.User.Key
	}
	return "a caller"
}
