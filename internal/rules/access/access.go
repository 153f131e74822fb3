// Package access decides who may do what. The table of roles is data that a
// person can read (Table); a grant gives a role at one place of the tree of
// accounts, and holds for everything below it. What is not granted is denied.
//
// No decision of this package stands between a caller and help: an emergency
// call asks nobody for permission (E1, F-24).
package access

import (
	"slices"
	"time"
)

// Role is a set of permissions with a name that people know.
type Role string

// The roles.
const (
	Provider     Role = "provider"           // runs this Callbox
	Partner      Role = "partner"            // sells and looks after organisations
	Organisation Role = "organisation"       // administrator of one organisation
	Site         Role = "site_administrator" // administrator of one site
	Desk         Role = "security_desk"      // sees calls come in, and who needs help where
	Auditor      Role = "auditor"            // reads everything, changes nothing
	Integrator   Role = "integrator"         // a program: lists and network, no people's history
	User         Role = "user"               // one's own place, number and profile
)

// Roles lists them as the table does.
func Roles() []Role {
	return []Role{Provider, Partner, Organisation, Site, Desk, Auditor, Integrator, User}
}

// Area is a part of the product that a permission is about.
type Area string

// The areas.
const (
	Tenants     Area = "tenants"     // partners and organisations: made, moved, ended
	World       Area = "world"       // trunks of carriers, PSAPs, reference layers, models
	Settings    Area = "settings"    // of an organisation, and who may ask its location server
	Setup       Area = "setup"       // checklist, acknowledgements, stages, opting out
	Sites       Area = "sites"       // sites and their callback numbers
	Places      Area = "places"      // buildings, locations, network map
	People      Area = "people"      // users, devices, numbers
	Alerts      Area = "alerts"      // who is told of a call
	Tests       Area = "tests"       // 933 and arranged tests
	Calls       Area = "calls"       // records and live board
	Whereabouts Area = "whereabouts" // where devices are and were
	Imports     Area = "imports"     // files in and out, comparisons, plans
	Members     Area = "members"     // who has which role here
	Keys        Area = "keys"        // keys of programs
	Secrets     Area = "secrets"     // company id and secrets, digests
	Audit       Area = "audit"       // the audit trail
	Billing     Area = "billing"     // what is counted and priced
	Own         Area = "own"         // one's own profile, location, callback number
	Support     Area = "support"     // letting somebody of partner or provider in for a time
	// SignOn is by whom an organisation's members are proved: whoever may change it can
	// become each of them, and so it is the customer's alone.
	SignOn Area = "sign_on"
)

// Areas lists them as the table does.
func Areas() []Area {
	return []Area{
		Tenants, World, Settings, Setup, Sites, Places, People, Alerts, Tests, Calls, Whereabouts, Imports, Members, Keys,
		Secrets, Audit, Billing, Own, Support, SignOn,
	}
}

// Verb is what is done in an area.
type Verb string

// The verbs. Write includes Read.
const (
	Read  Verb = "read"
	Write Verb = "write"
)

// Node is a place in the tree of accounts. IDs are empty from where the node is
// above: the root has none, a partner's node has Partner alone, and so on. An
// organisation that the provider looks after itself has no Partner.
type Node struct {
	Partner string `json:"partner,omitempty"`
	Org     string `json:"org,omitempty"`
	Site    string `json:"site,omitempty"`
}

// Level is how deep a node is.
type Level int

// The levels.
const (
	AtRoot Level = iota
	AtPartner
	AtOrg
	AtSite
)

// Level returns how deep the node is.
func (n Node) Level() Level {
	switch {
	case n.Site != "":
		return AtSite
	case n.Org != "":
		return AtOrg
	case n.Partner != "":
		return AtPartner
	}
	return AtRoot
}

// Holds reports whether other is n or below it. Sites of two organisations may
// have one id: the organisation is compared too.
func (n Node) Holds(other Node) bool {
	switch n.Level() {
	case AtSite:
		return n.Org == other.Org && n.Site == other.Site
	case AtOrg:
		return n.Org == other.Org
	case AtPartner:
		return n.Partner == other.Partner
	}
	return true
}

// levelOf is where a role can be given.
var levelOf = map[Role][]Level{
	Provider: {AtRoot}, Partner: {AtPartner}, Organisation: {AtOrg}, Site: {AtSite},
	Desk: {AtOrg, AtSite}, Auditor: {AtRoot, AtPartner, AtOrg, AtSite}, Integrator: {AtOrg}, User: {AtOrg},
}

// Fits reports whether a role can be given at a node of that level.
func Fits(r Role, l Level) bool { return slices.Contains(levelOf[r], l) }

// Grant gives an identity a role at a node.
type Grant struct {
	ID       string `json:"id"`
	Identity string `json:"identity"` // who
	Role     Role   `json:"role"`
	At       Node   `json:"at"`
	// Until ends it; zero: until it is taken away.
	Until time.Time `json:"until,omitzero"`
	// Support says that a customer let somebody of his partner or provider in. It
	// always has an Until, and each use of it is written down.
	Support bool   `json:"support,omitempty"`
	Reason  string `json:"reason,omitempty"`
}

// Holds reports whether the grant counts at that time.
func (g Grant) Holds(now time.Time) bool {
	if g.Support && g.Until.IsZero() {
		return false
	}
	return g.Until.IsZero() || now.Before(g.Until)
}

// Question is what somebody wants to do.
type Question struct {
	Grants []Grant // of the one who asks
	// Who asks, and whose own things it is about; none: nobody's.
	Identity, Owner string
	At              Node // of what it is about; AtOrg for what belongs to no site
	Area            Area
	Verb            Verb
	Now             time.Time
}

// Answer says whether it may be done. By is the grant that allows it, without
// support where one does without.
type Answer struct {
	Allowed bool
	By      Grant
	Why     string // for the one who is denied: what would allow it
}

// May answers a question.
func May(q Question) Answer {
	a := Answer{Why: why(q)}
	for _, g := range q.Grants {
		if g.Identity != q.Identity || !g.Holds(q.Now) || !Fits(g.Role, g.At.Level()) || !reaches(g, q) || !permits(g, q) {
			continue
		}
		if !a.Allowed || better(g, a.By) {
			a = Answer{Allowed: true, By: g}
		}
	}
	return a
}

// better reports whether an answer rather stands on g: no support where one does
// without, and what lasts longer, because an answer is remembered as long as its
// grant lasts.
func better(g, than Grant) bool {
	if g.Support != than.Support {
		return than.Support
	}
	return !than.Until.IsZero() && (g.Until.IsZero() || g.Until.After(than.Until))
}

// reaches reports whether the grant is about the node. Beside what is below it:
// everybody reads the world part, whoever has a role at a site reads the settings
// of its organisation, and one's own things are one's own wherever they are.
func reaches(g Grant, q Question) bool {
	switch {
	case g.At.Holds(q.At), q.Area == Own:
		return true
	case q.Verb == Write:
		return false
	case q.Area == World:
		return true
	case q.Area == Settings:
		return q.At.Level() == AtOrg && g.At.Org == q.At.Org
	}
	return false
}

// permits looks up the table.
func permits(g Grant, q Question) bool {
	if q.Area == Own && (q.Owner == "" || q.Owner != q.Identity) {
		return false // an administrator changes others as people, not as himself
	}
	c := cellOf(g.Role, q.Area)
	// Who audits all customers sees no more of them than who looks after them.
	if g.Role == Auditor && g.At.Level() < AtOrg {
		over := Provider
		if g.At.Level() == AtPartner {
			over = Partner
		}
		c.read = c.read && cellOf(over, q.Area).read
	}
	if q.Verb == Write {
		return c.write
	}
	return c.read
}

// why says what would allow what is denied, in words that tell nothing about
// what is there. In an organisation that is the role which its own administrator has,
// or can give.
func why(q Question) string {
	allows := func(r Role) bool {
		c := cellOf(r, q.Area)
		return q.Verb == Write && c.write || q.Verb != Write && c.read
	}
	if q.At.Org != "" && allows(Organisation) {
		return "this needs the role " + string(Organisation)
	}
	for _, r := range Roles() {
		if r != Provider && allows(r) {
			return "this needs the role " + string(r) + ", or one above it"
		}
	}
	return "this needs the role " + string(Provider)
}
