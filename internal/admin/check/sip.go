package check

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

const maxSIPUser = 64

// sipDomain checks what the organisation's telephones register with. It is the
// only thing by which a telephone says whose it is, so no two organisations
// have the same.
func (c *checker) sipDomain(v e911.Org) {
	d := v.SIPDomain
	if d == "" {
		c.noTelephones(v)
		return
	}
	if !sipHost(d) {
		c.add("sip_domain", Syntax, "this is no host name or address in lower case, without a port", "write it as sip.example.com")
		return
	}
	for _, o := range c.orgs() {
		if o.ID != v.ID && o.SIPDomain == d {
			c.add("sip_domain", Duplicate, "the name is taken", "take a name of your own, such as phones.example.com")
			return
		}
	}
}

// noTelephones refuses to take the name away that telephones register with.
func (c *checker) noTelephones(v e911.Org) {
	c.each(admin.Query{Kind: e911.KindDevice, Org: v.ID}, func(o any) bool {
		d := o.(e911.Device)
		if d.SIP == nil {
			return true
		}
		c.add("sip_domain", Required, fmt.Sprintf("the device %s registers, and there is no name to register with", d.Key), "write sip_domain: sip.example.com")
		return false
	})
}

// sipHost reports a host name or an address without port, in lower case.
func sipHost(s string) bool {
	if a, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return a.Zone() == "" && a.Is6() == strings.HasPrefix(s, "[")
	}
	return s == strings.ToLower(s) && hostName(s)
}

// sip checks what a telephone registers with. A user who is named like an
// emergency number could never be called, and calls for help would be his
// (F-37).
func (c *checker) sip(v e911.Device) {
	const chars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.+"
	s := v.SIP
	switch {
	case s.User == "":
		c.add("sip.user", Required, "a telephone registers as somebody", "write its extension, such as 2001")
	case reserved(s.User):
		c.reserved("sip.user", s.User)
	case len(s.User) > maxSIPUser || strings.Trim(s.User, chars) != "":
		c.add("sip.user", Syntax, "a user is up to 64 letters, digits and - _ . +", "write its extension, such as 2001")
	default:
		if o, taken := c.other(e911.KindDevice, v.Org, admin.BySIPUser, s.User); taken {
			c.add("sip.user", Duplicate, fmt.Sprintf("the device %s registers as this user too", o.(e911.Device).Key), "each device needs a user of its own: where it is follows from who registers (F-13)")
		}
	}
	c.secret("sip.secret", s.Secret, c.demonstration(v.Org))
	if s.Line != "" {
		c.callback("sip.line", s.Line, c.demonstration(v.Org))
	}
	if s.Guest && v.User != "" {
		c.add("sip.guest", Forbidden, "a device of a user is nobody's guest telephone", "leave out either user or guest")
	}
	if s.Own != nil {
		c.text("sip.own.name", s.Own.Name, true)
		if v.User == "" {
			c.add("sip.own", Forbidden, "a telephone that its user set up needs a user", "name the user, or leave own out")
		}
	}
	if o, ok := lookup[e911.Org](c, e911.KindOrg, v.Org, string(v.Org)); ok && o.SIPDomain == "" {
		c.add("sip", Required, "the organisation has no sip_domain for it to register with", "write sip_domain: sip.example.com at the organisation")
	}
}
