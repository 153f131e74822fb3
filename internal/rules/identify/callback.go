package identify

import (
	"cmp"
	"slices"

	"github.com/callbox911/callbox/internal/e911"
)

// Level says which rule gave a callback number (W-04); a better one comes first.
type Level string

// The levels, in the order of F-21.
const (
	LevelRegistered Level = "REGISTERED_CALLBACK"    // of a user whom a platform names (N-10)
	LevelDirect     Level = "DIRECT_LINE"            // chosen
	LevelMember     Level = "LOCATION_MEMBER_NUMBER" // chosen
	LevelArea       Level = "AREA_ECBN"              // of the area where the device is (W-56)
	LevelSite       Level = "LOCATION_ECBN"          // of the site
	LevelOwn        Level = "OWN_NUMBER"             // the line's, or what the user put in its place
	LevelMain       Level = "LOCATION_MAIN_NUMBER"   // of the site, where a person answers it
	LevelBilling    Level = "BILLING_NUMBER"         // flagged
	LevelOrg        Level = "ORGANISATION_ECBN"      // flagged: a desk of another site
	LevelAsserted   Level = "ASSERTED_NUMBER"        // flagged: none of ours
	LevelUnanswered Level = "UNANSWERED_MAIN_NUMBER" // flagged: a machine answers
	LevelNone       Level = "NONE"                   // flagged: there is none
)

// Scene is what the choice of the callback number asks beside who calls.
type Scene struct {
	Place   e911.Place  // where the device is; zero: not known
	Billing e911.Number // of the organisation's lines; none: not known
}

// WithCallback returns r with the number that a PSAP can call back (F-21): the
// registered callback of a user whom a platform's header names; what line, user
// or device chose; the number of the area where the device is, then of the site;
// the own number; the main number if a person answers; the billing number,
// flagged. Without any of them a desk of the organisation is better than the
// number of a stranger, and that is better than none. An INVALID number is never
// given (W-05).
func (r Result) WithCallback(o Org, s Scene) Result {
	r.Flags, r.Findings = slices.Clone(r.Flags), slices.Clone(r.Findings)
	r.Callback, r.CallbackWhy, r.Level, r.Grade = "", "", LevelNone, Invalid
	c := &choice{org: o, scene: s, r: &r}
	c.choose()
	return r
}

// choice is one choice of a callback number on its way.
type choice struct {
	org   Org
	scene Scene
	r     *Result
}

func (c *choice) choose() {
	r := c.r
	if r.Via != "" && r.User.Callback != "" &&
		c.offer(LevelRegistered, RuleCBHeader, r.User.Callback, "the callback number of the user whom "+r.Via+" names") {
		return
	}
	if c.chosen() || c.area() || c.site() || c.own() || c.main() {
		return
	}
	if len(c.sites()) > 0 && c.billing() {
		return
	}
	c.last()
}

// member is somebody who may have chosen.
type member struct {
	what   string
	choice e911.ECBN
	site   e911.SiteID
	direct e911.Number
}

// members lists who may have chosen: the callback follows the line, then the
// user (F-13). A virtual line has its own choice or none: who happens to have it
// on his telephone does not choose for it (W-41).
func (c *choice) members() (out []member) {
	r := c.r
	if n := r.LineRec; n != nil {
		out = append(out, member{"the line", n.ECBN, n.Site, n.Number})
		if n.Answers() == e911.OwnerVirtualLine {
			return out
		}
		if u, ok := c.org.User(n.User); ok && n.User != "" {
			out = append(out, member{"the owner of the line", u.ECBN, u.Site, n.Number})
		}
	}
	if u := r.User; u != nil && (r.LineRec == nil || r.LineRec.User != u.ID) {
		out = append(out, member{"the user", u.ECBN, u.Site, c.ownNumber()})
	}
	if d := r.Device; d != nil && d.User == "" {
		direct := c.ownNumber()
		if d.SIP != nil && d.SIP.Line != "" {
			direct = d.SIP.Line
		}
		out = append(out, member{"the device", d.ECBN, d.Site, direct})
	}
	return out
}

// chosen takes what a member chose (W-03). A choice that leads to nothing falls
// to the next rule and says so.
func (c *choice) chosen() bool {
	for _, m := range c.members() {
		switch m.choice.Choice {
		case e911.ECBNDirect:
			if m.direct == "" {
				c.refuse(RuleCBDirect, "", m.what+" chose its direct line and has none")
				return false
			}
			return c.offer(LevelDirect, RuleCBDirect, m.direct, "the direct line: "+m.what+" chose it")
		case e911.ECBNMember:
			n, ok := c.org.Number(m.choice.Member)
			if !ok || n.Site != m.site {
				c.refuse(RuleCBMember, m.choice.Member, m.what+" chose the number of a member, and it is none of the same site")
				return false
			}
			return c.offer(LevelMember, RuleCBMember, n.Number, "the number of a member of the same site: "+m.what+" chose it")
		case e911.ECBNLocation:
			return false
		}
	}
	return false
}

// area takes the number of the area where the device is, whosever line it has
// (W-56).
func (c *choice) area() bool {
	s, ok := c.org.Site(c.scene.Place.Site)
	if !ok || c.scene.Place.Site == "" {
		return false
	}
	a, ok := s.AreaOf(c.scene.Place)
	if !ok {
		return false
	}
	name := a.Name
	if name == "" {
		name = a.Key
	}
	return c.offer(LevelArea, RuleCBArea, a.ECBN, "the emergency callback number of the area "+name+", where the device is")
}

// sites lists the caller's sites, then the one where the device is.
func (c *choice) sites() (out []e911.Site) {
	ids := c.r.siteIDs()
	if id := c.scene.Place.Site; id != "" && !slices.Contains(ids, id) {
		ids = append(ids, id)
	}
	for _, id := range ids {
		if s, ok := c.org.Site(id); ok {
			out = append(out, s)
		}
	}
	return out
}

func (c *choice) site() bool {
	for _, s := range c.sites() {
		n := s.Callback()
		if n == "" {
			continue
		}
		if s.ECBNChoice == e911.ECBNMember {
			if rec, ok := c.org.Number(n); !ok || rec.Site != s.ID {
				c.refuse(RuleCBSite, n, "the site "+s.Name+" chose the number of a member, and it is none of the site")
				continue
			}
		}
		if c.offer(LevelSite, RuleCBSite, n, "the emergency callback number of the site "+s.Name) {
			return true
		}
	}
	return false
}

// own takes the number of the line, or of the user where the line is not ours.
// An override that nobody may put before the site's number stands in for it.
func (c *choice) own() bool {
	r := c.r
	if r.Via == "" && r.User != nil && r.User.Callback != "" &&
		c.offer(LevelOwn, RuleCBOwn, r.User.Callback, "the callback number of the user, in place of his own number") {
		return true
	}
	if r.LineRec != nil {
		return c.offer(LevelOwn, RuleCBOwn, r.Line, "the number of the line")
	}
	n := c.ownNumber()
	return n != "" && c.offer(LevelOwn, RuleCBOwn, n, "the user's own number")
}

// ownNumber is the line, else the first of the user's numbers that can be called.
func (c *choice) ownNumber() e911.Number {
	if c.r.LineRec != nil {
		return c.r.Line
	}
	if c.r.User == nil {
		return ""
	}
	for _, n := range c.org.NumbersOf(c.r.User.ID) {
		if g, _ := GradeOf(c.org, n.Number); g != Invalid {
			return n.Number
		}
	}
	return ""
}

// main takes the main number of a site if a person answers it: an IVR must never
// be what a PSAP reaches (W-05).
func (c *choice) main() bool {
	for _, s := range c.sites() {
		if s.MainNumber == "" {
			continue
		}
		if g, why := GradeOf(c.org, s.MainNumber); g != Recommended {
			c.refuse(RuleCBMain, s.MainNumber, "the main number of the site "+s.Name+" is not given: "+why)
			continue
		}
		if c.offer(LevelMain, RuleCBMain, s.MainNumber, "the main number of the site "+s.Name+", which a person answers") {
			return true
		}
	}
	return false
}

func (c *choice) billing() bool {
	if c.scene.Billing == "" || !c.offer(LevelBilling, RuleCBBilling, c.scene.Billing, "there is no better number: the billing number of the organisation's lines") {
		return false
	}
	c.r.flag(FlagCallbackBilling)
	return true
}

// last is for callers of whom no site is known, or none that has a number.
func (c *choice) last() {
	var sites []e911.Site
	for s := range c.org.Sites() {
		if g, _ := GradeOf(c.org, s.Callback()); g != Invalid {
			sites = append(sites, s)
		}
	}
	slices.SortFunc(sites, func(a, b e911.Site) int { return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.ID, b.ID)) })
	oneDesk := len(sites) > 0 && !slices.ContainsFunc(sites, func(s e911.Site) bool { return s.Callback() != sites[0].Callback() })
	desk := func() bool {
		return len(sites) > 0 && c.offer(LevelOrg, RuleCBOrg, sites[0].Callback(), "the caller's site is not known, or has none: the emergency callback number of "+sites[0].Name)
	}
	r := c.r
	asserted := func() bool {
		return r.Line != "" && r.LineRec == nil && c.offer(LevelAsserted, RuleCBAsserted, r.Line, "the number that the trunk asserts; it is none of ours")
	}
	switch {
	case oneDesk && desk():
		r.flag(FlagCallbackGuessed)
	case !oneDesk && asserted():
		r.flag(FlagCallbackUnowned)
	case !oneDesk && desk():
		r.flag(FlagCallbackGuessed)
	case c.billing():
	case c.unanswered():
		r.flag(FlagCallbackUnanswered)
	default:
		r.flag(FlagNoCallback)
		r.CallbackWhy = "there is no number that a PSAP could call"
	}
}

// unanswered takes the main number although a machine answers it: its operator
// may be reached, which is better than nobody.
func (c *choice) unanswered() bool {
	for _, s := range c.sites() {
		if s.MainNumber != "" && c.offer(LevelUnanswered, RuleCBMain, s.MainNumber, "there is no other number: the main number of the site "+s.Name+", which no person may answer") {
			return true
		}
	}
	return false
}

// offer takes n when nothing keeps a PSAP from calling it.
func (c *choice) offer(level Level, rule string, n e911.Number, why string) bool {
	grade, reason := GradeOf(c.org, n)
	if grade == Invalid {
		c.refuse(rule, n, "not given to the PSAP: "+reason)
		return false
	}
	if grade == NotRecommended {
		why += " (not recommended: " + reason + ")"
	}
	c.r.Callback, c.r.CallbackWhy, c.r.Level, c.r.Grade = n, why, level, grade
	c.r.find(e911.Finding{Rule: rule, Said: string(n), Chosen: true, Why: why})
	return true
}

func (c *choice) refuse(rule string, n e911.Number, why string) {
	c.r.find(e911.Finding{Rule: rule, Said: string(n), Why: why})
}

// CallbackFault says why n cannot be a callback number, "" when it can: a
// callback is a geographic number of the United States or Canada (F-21).
func CallbackFault(n e911.Number) string {
	if len(n) != 12 || n[0] != '+' || n[1] != '1' {
		return "it is no North American number"
	}
	for _, c := range []byte(n[1:]) {
		if c < '0' || c > '9' {
			return "it holds something else than digits"
		}
	}
	npa, nxx := string(n[2:5]), string(n[5:8])
	switch {
	case npa[0] < '2' || nxx[0] < '2' || npa[1:] == "11" || nxx[1:] == "11":
		return "it cannot be dialled: area code or exchange is none"
	case slices.Contains(tollFree, npa):
		return "it is a toll-free number"
	case npa == "900" || nxx == "976":
		return "it is a premium number"
	case slices.Contains(nonGeographic, npa):
		return "its area code belongs to no place"
	case slices.Contains(elsewhere, npa):
		return "its area code lies outside the United States and Canada"
	}
	return ""
}

// The North American Numbering Plan's area codes that are no callback
// (NANPA's report of area codes; the many that begin with 5 are those set aside
// for personal communications services).
var (
	tollFree      = []string{"800", "822", "833", "844", "855", "866", "877", "880", "881", "882", "883", "884", "885", "886", "887", "888", "889"}
	nonGeographic = []string{
		"456", "500", "521", "522", "523", "524", "525", "526", "527", "528", "529", "532", "533", "535", "538", "542",
		"543", "544", "545", "546", "547", "549", "550", "552", "553", "554", "555", "556", "558", "566", "569", "577",
		"578", "588", "589", "600", "622", "633", "644", "655", "677", "688", "700", "710",
	}
	elsewhere = []string{
		"242", "246", "264", "268", "284", "345", "441", "473", "649", "658", "664", "721", "758", "767", "784", "809",
		"829", "849", "868", "869", "876",
	}
)
