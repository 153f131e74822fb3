package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/apikey"
	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/admin/sheet"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
)

// Person is somebody who is signed in with an address, in one browser or program.
type Person struct {
	Identity string
	Session  string
	Scope    member.Scope // how far the session reaches
}

// asks is what an operation needs of a person's roles.
type asks struct {
	area access.Area
	verb access.Verb
	root bool // of the provider, whatever organisation the path names
	self bool // one's own things: whoever is signed in, and the use case looks whose they are
}

// name is the need as the document has it: "people write".
func (n asks) name() string {
	if n.self {
		return "self"
	}
	s := string(n.area) + " " + string(n.verb)
	if n.root {
		s += " provider"
	}
	return s
}

// areaOf is the area of each collection, by the part of the path that names it. A
// collection that is missing here is open to no person.
var areaOf = map[string]access.Area{
	"sites": access.Sites, "buildings": access.Places, "locations": access.Places, "elements": access.Places, "psap_overrides": access.Places,
	"users": access.People, "devices": access.People, "numbers": access.People, "alerts": access.Alerts,
	"trunks": access.World, "psaps": access.World, "models": access.World, "layers": access.World,
	"changes": access.Imports, "plans": access.Imports, "applied": access.Imports, "templates": access.Imports, "exports": access.Imports,
	"imports": access.Imports, "jobs": access.Imports, "lists": access.Imports, "directories": access.Imports,
	"keys": access.Keys, "audit": access.Audit, "calls": access.Calls,
	"explain": access.Whereabouts, "inventory": access.Whereabouts, "unknown_elements": access.Whereabouts, "stations": access.Whereabouts,
	"route": access.Places, "quality": access.Places, "callbacks": access.Sites,
	"my": access.Own, "first_use": access.People,
	"members": access.Members, "support": access.Support, "sign_on": access.SignOn, "transfers": access.Tenants, "partners": access.Tenants, "identities": access.Tenants,
	"account_requests": access.Tenants, "range_requests": access.Tenants,
}

// setupParts are collections of the set-up of an organisation.
var setupParts = []string{"setup", "checklist", "acknowledgements", "disclaimers", "stage", "opt_out"}

// needOf is what an operation needs of a person. False: it is open to none.
func (o *operation) needOf() (asks, bool) {
	n := asks{verb: access.Write}
	if o.method == http.MethodGet {
		n.verb = access.Read
	}
	rest, inOrg := strings.CutPrefix(o.path, "/organisations/{org}")
	part, _, _ := strings.Cut(strings.TrimPrefix(rest, "/"), "/")
	part, _, _ = strings.Cut(part, ":")
	switch {
	case o.path == "/self", o.path == "/organisations" && n.verb == access.Read, part == "profile" && !inOrg, (part == "transfers" || part == "account_requests") && !inOrg:
		n.self = true
		return n, true
	case o.path == "/organisations":
		n.area, n.root = access.Tenants, true
		return n, true
	case rest == "" && inOrg:
		n.area = access.Settings
		if o.method == http.MethodDelete {
			n.area = access.Tenants
		}
		return n, true
	case o.path == compliancePath: // it answers with what the person may see
		n.self = true
		return n, true
	case o.path == chargesPath:
		n.area = access.Billing
		return n, true
	case slices.Contains(setupParts, part):
		n.area = access.Setup
		return n, inOrg
	}
	n.area = areaOf[part]
	n.root = !inOrg || n.area == access.World
	if part == "transfers" { // the customer asks for a move, or looks how it stands
		n.area = access.Members
	}
	if !inOrg && n.area == access.SignOn { // the operator's own providers, of no customer
		n.area = access.Tenants
	}
	if !inOrg && n.area == access.Imports {
		n.area = access.World
	}
	return n, n.area != ""
}

// linkIdentity stands for the one who followed a sign-in link of an organisation.
const linkIdentity = "link"

// isPerson reports somebody who has roles, not scopes.
func (c *caller) isPerson() bool { return c.identity != "" }

// ask asks whether the person may.
func (h *Handler) ask(c *call, at access.Node, area access.Area, verb access.Verb) (access.Answer, error) {
	q := access.Question{At: at, Area: area, Verb: verb}
	if area == access.Own { // the use case looks whose things they are
		q.Owner = c.who.identity
	}
	if c.who.identity == linkIdentity {
		desk := access.Grant{ID: linkIdentity, Identity: linkIdentity, Role: access.Desk, At: access.Node{Org: string(c.who.org)}}
		q.Identity, q.Grants, q.Now = linkIdentity, []access.Grant{desk}, h.cfg.Now()
		return access.May(q), nil
	}
	return h.cfg.Members.Ask(c.Context(), c.who.identity, q)
}

// nodeOf is where an operation of a person is asked.
func (c *call) nodeOf(n asks) access.Node {
	switch {
	case n.root && strings.HasPrefix(c.op.path, "/partners/{id}"):
		return access.Node{Partner: c.param("id")}
	case n.root || c.org == "":
		return access.Node{}
	}
	return access.Node{Org: string(c.org)}
}

func denied(why string) error { return refused(http.StatusForbidden, e911.Denied, why) }

// permit lets a person do what his roles allow. An administrator of sites does what
// is about one of them.
func (h *Handler) permit(c *call) error {
	n, ok := c.op.needOf()
	if !ok {
		return denied("this is open to keys of programs alone")
	}
	if n.self {
		if c.who.identity == linkIdentity && c.op.path != "/self" && c.op.path != "/organisations" {
			return denied("who followed a link of an organisation has no profile; sign in with your address")
		}
		return nil
	}
	a, err := h.ask(c, c.nodeOf(n), n.area, n.verb)
	if err != nil || a.Allowed {
		c.Request = c.WithContext(member.AsSupport(c.Context(), a.By))
		return err
	}
	if c.org == "" || n.root || c.who.identity == linkIdentity {
		return denied(a.Why)
	}
	return h.permitSite(c, n, a.Why)
}

// permitSite lets somebody in who has a role at a site that the operation is about.
func (h *Handler) permitSite(c *call, n asks, why string) error {
	sites, err := h.sitesOf(c, n)
	if err != nil {
		return err
	}
	if len(sites) == 0 {
		return denied(why)
	}
	c.sites = sites
	site, err := h.siteInPath(c)
	switch {
	case err != nil:
		return err
	case site == "" && c.op.method == http.MethodPost && c.makesObject():
		return nil // its body says of which site it is: create asks mayPlace
	case site == "" && c.op.method == http.MethodGet:
		return denied("you have a role at a site: say which by ?site=")
	}
	return h.mayPlaceAt(c, site, n.area, n.verb)
}

// makesObject reports an operation that makes one object of a kind.
func (c *call) makesObject() bool {
	rest, _ := strings.CutPrefix(c.op.path, "/organisations/{org}/")
	return slices.ContainsFunc(kinds(), func(k kindRow) bool { return k.path == rest })
}

// sitesOf are the sites at which a role of the person allows the operation.
func (h *Handler) sitesOf(c *call, n asks) ([]string, error) {
	_, has, err := h.cfg.Members.Of(c.Context(), c.who.identity)
	var sites []string
	for _, g := range has {
		q := access.Question{Grants: []access.Grant{g.Grant}, Identity: c.who.identity, At: g.At, Area: n.area, Verb: n.verb, Now: h.cfg.Now()}
		if g.At.Site != "" && g.At.Org == string(c.org) && access.May(q).Allowed {
			sites = append(sites, g.At.Site)
		}
	}
	return sites, err
}

// siteInPath is the site of the object that the path names, or of the filter.
func (h *Handler) siteInPath(c *call) (string, error) {
	if filter := c.URL.Query().Get("site"); filter != "" && c.op.method == http.MethodGet {
		q := admin.Query{Org: c.org, Field: admin.BySite, Value: filter}
		return q.Value, h.named(c, e911.KindSite, &q.Value)
	}
	rest, _ := strings.CutPrefix(c.op.path, "/organisations/{org}/")
	part, _, one := strings.Cut(rest, "/{id}")
	all := kinds()
	i := slices.IndexFunc(all, func(k kindRow) bool { return k.path == part })
	if !one || i < 0 {
		return "", nil
	}
	o, err := h.lookUp(c, all[i])
	if err != nil {
		return "", err
	}
	return h.siteOf(c.Context(), c.org, o.Value)
}

// named finds the id of key:NAME.
func (h *Handler) named(c *call, kind e911.ObjectKind, value *string) error {
	key, is := strings.CutPrefix(*value, byKey)
	if !is {
		return nil
	}
	o, ok, err := h.findIn(c.Context(), kind, c.org, key)
	if err != nil || !ok {
		return orNotFound(err)
	}
	*value = o.Ref.ID
	return nil
}

// siteOf is the site that an object belongs to; none: all of the organisation.
func (h *Handler) siteOf(ctx context.Context, org e911.OrgID, value any) (string, error) {
	up := func(kind e911.ObjectKind, id string) (string, error) {
		if id == "" {
			return "", nil
		}
		o, err := h.cfg.Objects[kind].Get(ctx, org, id)
		if err != nil {
			return "", err
		}
		return h.siteOf(ctx, org, o.Value)
	}
	switch v := value.(type) {
	case e911.Site:
		return string(v.ID), nil
	case e911.Building:
		return string(v.Site), nil
	case e911.User:
		return string(v.Site), nil
	case e911.Device:
		return string(v.Site), nil
	case e911.NumberRec:
		return string(v.Site), nil
	case e911.Alert:
		return string(v.Site), nil
	case e911.Location:
		return up(e911.KindBuilding, string(v.Building))
	case e911.Element:
		return up(e911.KindLocation, string(v.Location))
	case e911.PSAPOverride:
		switch {
		case v.Site != "":
			return string(v.Site), nil
		case v.Building != "":
			return up(e911.KindBuilding, string(v.Building))
		}
		return up(e911.KindLocation, string(v.Location))
	}
	return "", nil
}

func (h *Handler) mayPlaceAt(c *call, site string, area access.Area, verb access.Verb) error {
	if site == "" || !slices.Contains(c.sites, site) {
		return denied("your role is at another site of this organisation")
	}
	a, err := h.ask(c, access.Node{Org: string(c.org), Site: site}, area, verb)
	if err == nil && !a.Allowed {
		err = denied(a.Why)
	}
	c.Request = c.WithContext(member.AsSupport(c.Context(), a.By))
	return err
}

// mayPlace keeps somebody whose role is at sites from making an object elsewhere,
// or moving one there.
func (h *Handler) mayPlace(c *call, value any) error {
	if c.sites == nil {
		return nil
	}
	n, _ := c.op.needOf()
	site, err := h.siteOf(c.Context(), c.org, value)
	if err != nil {
		return err
	}
	return h.mayPlaceAt(c, site, n.area, n.verb)
}

// mayKind asks whether the caller may change objects of a kind, for operations that
// change several kinds. Keys are told by their scopes.
func (h *Handler) mayKind(c *call, kind e911.ObjectKind) error {
	if !c.who.isPerson() {
		return nil
	}
	all := kinds()
	i := slices.IndexFunc(all, func(k kindRow) bool { return k.kind == kind })
	area, at := access.Settings, access.Node{Org: string(c.org)}
	if i >= 0 {
		area = areaOf[all[i].path]
	}
	if area == access.World {
		at = access.Node{}
	}
	a, err := h.ask(c, at, area, access.Write)
	if err == nil && !a.Allowed {
		err = denied(a.Why)
	}
	return err
}

// maySecrets reports whether the caller may set passwords and shared secrets.
func (h *Handler) maySecrets(c *call) error {
	if !c.who.isPerson() {
		if !c.who.has(apikey.ScopeSecrets) {
			return denied("setting secrets needs a key with the scope secrets")
		}
		return nil
	}
	at := access.Node{Org: string(c.org)}
	if len(c.sites) > 0 {
		return denied("setting secrets needs a role at the organisation")
	}
	a, err := h.ask(c, at, access.Secrets, access.Write)
	if err == nil && !a.Allowed {
		err = denied("setting secrets: " + a.Why)
	}
	return err
}

// mayGiveScope keeps anybody from giving a key a right that he does not have.
func (h *Handler) mayGiveScope(c *call, s apikey.Scope) error {
	if !slices.ContainsFunc(apikey.Scopes(), func(r apikey.ScopeRow) bool { return r.Scope == s }) {
		return nil // is refused with the list of them
	}
	wrong := denied("a key cannot give a scope that it does not have: " + shorten(string(s)))
	if !c.who.isPerson() {
		if !c.who.has(s) {
			return wrong
		}
		return nil
	}
	err := apikey.MayGive(c.org, s, func(at access.Node, area access.Area, verb access.Verb) (access.Answer, error) {
		return h.ask(c, at, area, verb)
	})
	if e, is := errors.AsType[*e911.Error](err); is && e.Kind == e911.Denied {
		return denied(e.Msg)
	}
	return err
}

// findOrg finds the organisation of the path for a person: one that he has nothing
// to do with is one that is not there (E14).
func (h *Handler) findOrg(c *call, name string) error {
	none := e911.Errorf(e911.NotFound, "there is no such organisation")
	id := e911.OrgID(name)
	if key, named := strings.CutPrefix(name, byKey); named {
		all, err := h.allOrgs(c.Context())
		if err != nil {
			return err
		}
		id = ""
		for _, o := range all {
			if v, ok := o.Value.(e911.Org); ok && v.Key == key {
				id = v.ID
			}
		}
	}
	if id == "" {
		return none
	}
	in, err := h.belongs(c, id)
	switch {
	case err != nil:
		return err
	case !in:
		return none
	}
	if _, err := h.cfg.Objects[e911.KindOrg].Get(c.Context(), "", string(id)); err != nil {
		if e911.KindOf(err) == e911.NotFound {
			return none
		}
		return err
	}
	c.org = id
	return nil
}

func (h *Handler) belongs(c *call, org e911.OrgID) (bool, error) {
	if c.who.identity == linkIdentity {
		return org == c.who.org, nil
	}
	in, err := h.cfg.Members.Belongs(c.Context(), c.who.identity, access.Node{Org: string(org)})
	if e911.KindOf(err) == e911.NotFound && err != nil {
		return false, nil // there is no such organisation
	}
	return in, err
}

// orgsOf are the organisations that a person has to do with.
func (h *Handler) orgsOf(c *call) ([]admin.Object, error) {
	all, err := h.allOrgs(c.Context())
	if err != nil {
		return nil, err
	}
	var out []admin.Object
	for _, o := range all {
		in, err := h.belongs(c, e911.OrgID(o.Ref.ID))
		if err != nil {
			return nil, err
		}
		if in {
			out = append(out, o)
		}
	}
	return out, nil
}

// mayTenant reports who may change of an organisation what it may not of itself.
func (h *Handler) mayTenant(c *call) (bool, error) {
	if !c.who.isPerson() {
		return c.who.provider(), nil
	}
	a, err := h.ask(c, access.Node{Org: string(c.org)}, access.Tenants, access.Write)
	return a.Allowed, err
}

// mayApply keeps a person from applying what another planned and he may not do.
func (h *Handler) mayApply(c *call, id string) error {
	if !c.who.isPerson() {
		return nil
	}
	p, err := h.cfg.Plans.Get(c.Context(), c.org, id)
	if err != nil {
		return err
	}
	for _, n := range p.Counts {
		if err := h.mayKind(c, n.Kind); err != nil {
			return err
		}
	}
	return nil
}

// mayTable asks whether the caller may change what a table has.
func (h *Handler) mayTable(c *call, t sheet.Kind) error {
	all := kinds()
	i := slices.IndexFunc(all, func(k kindRow) bool { return k.path == string(t) })
	if i < 0 {
		return h.mayKind(c, e911.KindElement)
	}
	return h.mayKind(c, all[i].kind)
}
