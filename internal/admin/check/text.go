package check

import (
	"fmt"
	"net/mail"
	"net/netip"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/dialplan"
	"github.com/callbox911/callbox/internal/rules/identify"
)

// maxText bounds names and the fields of an address. The longest street names
// of North America have fewer than 100 characters.
const maxText = 200

// text checks what people read: it goes into mails, pages and speech.
func (c *checker) text(path, s string, required bool) {
	switch {
	case s == "":
		if required {
			c.add(path, Required, "this must not be empty", "write what a person would say")
		}
	case !utf8.ValidString(s):
		c.add(path, Syntax, "this is no UTF-8 text", "save the file as UTF-8")
	case utf8.RuneCountInString(s) > maxText:
		c.add(path, Range, fmt.Sprintf("this has more than %d characters", maxText), "shorten it")
	case strings.TrimSpace(s) != s:
		c.add(path, Syntax, "this begins or ends with a space", "remove the space")
	case strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }):
		c.add(path, Syntax, "this holds a line break or another control character", "write it on one line")
	}
}

// callback checks a number that a PSAP may be given (F-21).
func (c *checker) callback(path string, n e911.Number, demonstration bool) {
	if n == "" || !c.numberForm(path, n) {
		return
	}
	if why := identify.CallbackFault(n); why != "" {
		c.add(path, Forbidden, "a PSAP cannot call this number back: "+why,
			"give a geographic number of the United States or Canada that a live person answers")
		return
	}
	if !demonstration && fictitious(n) {
		c.add(path, Forbidden, "numbers from 555-0100 to 555-0199 are kept for films: nobody answers", "give a number that is in service")
	}
}

// fictitious reports the numbers that NANPA keeps for films and examples.
func fictitious(n e911.Number) bool {
	return len(n) == 12 && strings.HasPrefix(string(n), "+1") && strings.HasPrefix(string(n[5:]), "55501")
}

// numberForm checks that n is in the one form and no emergency string.
func (c *checker) numberForm(path string, n e911.Number) bool {
	if reserved(string(n)) {
		c.reserved(path, string(n))
		return false
	}
	if parsed, err := e911.ParseNumber(string(n)); err != nil || parsed != n {
		c.add(path, Syntax, "this is no number in the form +16175550100", "write the plus sign, the country code and the digits")
		return false
	}
	return true
}

// reserved reports what a call to emergency services or to 933 is dialled by,
// and the forms that an outside digit makes of them (F-37).
func reserved(s string) bool {
	if _, ok := dialplan.Find(s); ok {
		return true
	}
	switch s {
	case "9933", "8933", "1933", "112", "9112", "988", "9988":
		return true
	}
	return false
}

func (c *checker) reserved(path, s string) {
	c.add(path, Reserved, fmt.Sprintf("%q is dialled for help, or is what an outside digit makes of it", s),
		"give the extension or number another value: calls to it would go to the emergency path")
}

// prefixes checks a list of address ranges. No range may be wider than the
// bits say, or stand twice in the list.
func (c *checker) prefixes(path string, list []netip.Prefix, min4, min6 int) {
	for i, p := range list {
		at := fmt.Sprintf("%s[%d]", path, i)
		if !c.prefix(at, p, min4, min6) {
			continue
		}
		for j := range i {
			if list[j].Overlaps(p) {
				c.add(at, Duplicate, fmt.Sprintf("%s overlaps %s in the same list", p, list[j]), "keep the wider of the two")
				break
			}
		}
	}
}

func (c *checker) prefix(path string, p netip.Prefix, min4, min6 int) bool {
	least := min6
	if p.Addr().Is4() {
		least = min4
	}
	switch a := p.Addr(); {
	case !p.IsValid():
		c.add(path, Syntax, "this is no address range", "write 203.0.113.0/24, or one address as 203.0.113.7/32")
	case a.Is4In6() || a.Zone() != "":
		c.add(path, Syntax, "this is no plain IPv4 or IPv6 range", "write an IPv4 range as 203.0.113.0/24, and no zone")
	case p.Masked() != p:
		c.add(path, Syntax, fmt.Sprintf("%s has bits beyond its length", p), fmt.Sprintf("write %s, or %s for the one address", p.Masked(), netip.PrefixFrom(a, a.BitLen())))
	case p.Bits() < least:
		c.add(path, Range, fmt.Sprintf("%s is wider than /%d", p, least), "list the ranges that are really yours")
	case a.IsMulticast() || a.IsUnspecified():
		c.add(path, Range, fmt.Sprintf("%s is no address that a packet comes from", p), "give the source address")
	default:
		return true
	}
	return false
}

// mail checks one bare mail address.
func (c *checker) mail(path, s string) {
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s || len(s) > 254 {
		c.add(path, Syntax, "this is no mail address", "write it as security@example.com, without a name or brackets")
	}
}

// webhook checks a URL that is told who called from where: not in clear text
// over a network.
func (c *checker) webhook(path, s string) {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "" || len(s) > 2000:
		c.add(path, Syntax, "this is no web address", "write https://host/path")
	case u.User != nil || u.Fragment != "":
		c.add(path, Syntax, "a web address here has no user name, password or fragment", "the secret signs each notice: leave the rest out")
	case u.Scheme == "http" && !loopbackHost(u.Hostname()):
		c.add(path, Forbidden, "a notice says who called from where and must not travel in clear text", "use https")
	case u.Scheme != "https" && u.Scheme != "http":
		c.add(path, Syntax, "this is no web address", "write https://host/path")
	}
}

func loopbackHost(h string) bool {
	a, err := netip.ParseAddr(h)
	return h == "localhost" || err == nil && a.IsLoopback()
}

// minSecret is the least length of a shared secret: 16 characters of base 64
// hold 96 bits.
const (
	minSecret = 16
	secretFix = "make one of 32 random characters: openssl rand -hex 16"
)

func (c *checker) secret(path string, s e911.Secret, demonstration bool) {
	switch {
	case s == "":
		c.add(path, Required, "a secret must not be empty", secretFix)
	case !demonstration && len(s) < minSecret:
		c.add(path, Range, fmt.Sprintf("a secret has at least %d characters", minSecret), secretFix)
	case len(s) > 512:
		c.add(path, Range, "a secret has at most 512 characters", secretFix)
	}
}

// mac checks a hardware address that is to find something: the only one in the
// world (F-19).
func (c *checker) mac(path string, m e911.MAC, what string) {
	if parsed, err := e911.ParseMAC(string(m)); err != nil || parsed != m {
		c.add(path, Syntax, "this is no hardware address", "write it as 00:11:22:33:44:55")
		return
	}
	switch {
	case m.Group():
		c.add(path, Ambiguous, fmt.Sprintf("%s is a multicast address: many listen to it, none has it", m), "give the address of the "+what+" itself")
	case m.VirtualRouter():
		c.add(path, Ambiguous, fmt.Sprintf("%s belongs to a virtual router (VRRP, HSRP, GLBP) and stands on several machines", m), "give the burned-in address of the "+what)
	case m.Local():
		c.add(path, Ambiguous, fmt.Sprintf("%s is locally administered: anybody may use it, and phones make such addresses up", m), "give the burned-in address of the "+what)
	case m == "00:00:00:00:00:00":
		c.add(path, Ambiguous, "this is no address", "give the address of the "+what)
	}
}
