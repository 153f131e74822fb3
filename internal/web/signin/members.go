package signin

import (
	"fmt"
	"net/http"
	"net/mail"
	"slices"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
)

// mountTenants adds the pages of members, support, partners and moves.
func (h *Handler) mountTenants(r chi.Router) {
	r.Get("/members", h.signed(h.members))
	r.Post("/members", h.signed(h.invite))
	r.Post("/members/remove", h.signed(h.removeMember))
	r.Post("/members/change", h.signed(h.changeMember))
	r.Post("/members/invite", h.signed(h.reinvite))
	r.Get("/support", h.signed(h.support))
	r.Post("/support", h.signed(h.letIn))
	r.Post("/support/end", h.signed(h.endSupport))
	r.Get("/moves", h.signed(h.moves))
	r.Post("/moves", h.signed(h.askMove))
	r.Post("/moves/agree", h.signed(h.agreeMove))
	r.Post("/moves/refuse", h.signed(h.refuseMove))
	r.Get("/partners", h.signed(h.partners))
	r.Post("/partners", h.signed(h.addPartner))
	r.Post("/partners/remove", h.signed(h.removePartner))
	r.Post("/partners/members", h.signed(h.invitePartner))
	r.Post("/partners/organisations", h.signed(h.createOrg))
	r.Post("/partners/requests", h.signed(h.answerRequest))
	r.Get("/account", h.askAccount)
	r.Post("/account", h.requestAccount)
}

// Site is a site of the organisation that is open.
type Site struct{ ID, Name string }

// Choice is one of a list.
type Choice struct{ Value, Text, About string }

// Members is what the page of members shows.
type Members struct {
	Org      string
	Rows     []Row
	Roles    []Choice // that are given at an organisation or a site
	Sites    []Site
	MayWrite bool
	Results  []Result
	Held     []HeldKeys // of who lost a role just now
	Lines    []access.Line
}

// Row is one role of somebody.
type Row struct {
	Identity, Grant, Name, Email, Role, RoleText, Site, SiteText, Until, Seen string
	Invitation                                                                member.Invitation
	Support                                                                   bool
}

// Result says what became of one address that was invited.
type Result struct {
	Email, What, Link string
	Wrong             bool
}

func (h *Handler) members(w http.ResponseWriter, r *http.Request, in signedIn) {
	h.showMembers(w, r, in, page{})
}

// page is what a page says beside what it always has.
type page struct {
	say     string
	results []Result
	held    []HeldKeys
	wrong   error
}

func day(t time.Time, none string) string {
	if t.IsZero() {
		return none
	}
	return t.UTC().Format("2006-01-02 15:04")
}

func areaText(a access.Area) string {
	if t := access.AreaText(a); t != "" {
		return t
	}
	return strings.ReplaceAll(string(a), "_", " ")
}

func words(r access.Role) string { return strings.ReplaceAll(string(r), "_", " ") }

// here is the organisation that is open, when the person may do this in it; else the
// answer is written.
func (h *Handler) here(w http.ResponseWriter, r *http.Request, in signedIn, area access.Area, verb access.Verb) (at access.Node, name string, ok bool) {
	at.Org = h.get(r, cookieOrg)
	name, there := h.cfg.Org(e911.OrgID(at.Org))
	if !there || at.Org == "" {
		h.message(w, r, http.StatusNotFound, "No organisation is open", "Open one on your profile first; who looks after several has them under Partners and organisations (/partners).")
		return at, name, false
	}
	a, err := h.cfg.Members.Ask(r.Context(), in.who.ID, access.Question{At: at, Area: area, Verb: verb})
	if err != nil {
		faults, status := h.told(r, err)
		h.message(w, r, status, "Not now", faults[0].Msg)
		return at, name, false
	}
	if !a.Allowed {
		h.message(w, r, http.StatusForbidden, "Not yours to see", a.Why+".")
		return at, name, false
	}
	return at, name, true
}

func (h *Handler) sites(org string) []Site {
	if h.cfg.Sites == nil {
		return nil
	}
	return h.cfg.Sites(e911.OrgID(org))
}

func (h *Handler) showMembers(w http.ResponseWriter, r *http.Request, in signedIn, p page) {
	at, name, ok := h.here(w, r, in, access.Members, access.Read)
	if !ok {
		return
	}
	all, err := h.cfg.Members.Roster(r.Context(), e911.OrgID(at.Org))
	var may access.Answer
	if err == nil {
		may, err = h.cfg.Members.Ask(r.Context(), in.who.ID, access.Question{At: at, Area: access.Members, Verb: access.Write})
	}
	if err != nil {
		faults, status := h.told(r, err)
		h.message(w, r, status, "Not now", faults[0].Msg)
		return
	}
	m := Members{Org: name, MayWrite: may.Allowed, Sites: h.sites(at.Org), Results: p.results, Held: p.held, Lines: access.Lines()}
	for _, x := range all {
		m.Rows = append(m.Rows, rowOf(x, m.Sites))
	}
	for _, role := range access.Roles() {
		if access.Fits(role, access.AtOrg) || access.Fits(role, access.AtSite) {
			m.Roles = append(m.Roles, Choice{string(role), words(role), access.About(role)})
		}
	}
	v, status := h.tenantView(r, in, "Members", p)
	h.page(w, r, status, membersPage(v, m))
}

// roleLine says a role, where, and until when.
func roleLine(r Row) string {
	s := r.RoleText
	if r.SiteText != "" {
		s += " at " + r.SiteText
	}
	if r.Support {
		s += ", let in to help"
	}
	if r.Until != "" {
		s += ", until " + r.Until + " UTC"
	}
	return s
}

func rowOf(x member.Member, sites []Site) Row {
	g := x.Grant
	row := Row{
		Identity: x.Identity.ID, Grant: g.ID, Name: x.Identity.Name, Email: x.Identity.Email, Role: string(g.Role), RoleText: words(g.Role), Site: g.At.Site,
		Until: day(g.Until, ""), Seen: day(x.Identity.LastSeen, "never"), Invitation: x.Invitation, Support: g.Support,
	}
	if g.At.Site != "" {
		row.SiteText = "a site that is gone"
		if i := slices.IndexFunc(sites, func(s Site) bool { return s.ID == g.At.Site }); i >= 0 {
			row.SiteText = sites[i].Name
		}
	}
	return row
}

// tenantView is the view of a page of this file, and its status.
func (h *Handler) tenantView(r *http.Request, in signedIn, title string, p page) (View, int) {
	v, status := h.view(r, title), http.StatusOK
	v.Say, v.Frame.Switch = p.say, h.Switch(r, in.session, in.who)
	if p.wrong != nil {
		v.Faults, status = h.told(r, p.wrong)
	}
	return v, status
}

// maxInvited bounds the addresses of one form.
const maxInvited = 200

// invite gives a role to each address of the form: one, or many on lines of their own
// (C-54). What is wrong with one keeps no other from it.
func (h *Handler) invite(w http.ResponseWriter, r *http.Request, in signedIn) {
	at, _, ok := h.here(w, r, in, access.Members, access.Read)
	if !ok {
		return
	}
	at.Site = r.PostFormValue("site")
	if at.Site != "" && !slices.ContainsFunc(h.sites(at.Org), func(s Site) bool { return s.ID == at.Site }) {
		h.showMembers(w, r, in, page{wrong: e911.Errorf(e911.NotFound, "there is no such site")})
		return
	}
	all := strings.FieldsFunc(r.PostFormValue("emails"), func(c rune) bool { return c == '\n' || c == '\r' || c == ',' || c == ';' })
	var p page
	for _, text := range all {
		text = strings.TrimSpace(text)
		if text == "" {
			continue
		}
		if len(p.results) == maxInvited {
			p.wrong = e911.Errorf(e911.Invalid, "only the first %d addresses were taken; send the others in a second form", maxInvited)
			break
		}
		wish := member.Wish{Email: text, Role: access.Role(r.PostFormValue("role")), At: at}
		if a, err := mail.ParseAddress(text); err == nil {
			wish.Email, wish.Name = a.Address, a.Name
		}
		g, err := h.cfg.Members.Give(r.Context(), in.who.ID, wish)
		if e911.KindOf(err) == e911.Unavailable && err != nil {
			p.wrong = err
			break
		}
		p.results = append(p.results, h.result(r, text, g, err))
	}
	if len(p.results) == 0 && p.wrong == nil {
		p.wrong = e911.Errorf(e911.Invalid, "write at least one address")
	}
	if len(p.results) == 1 && p.results[0].Wrong {
		p.wrong, p.results = e911.Errorf(e911.Invalid, "%s: %s", p.results[0].Email, p.results[0].What), nil
	}
	h.showMembers(w, r, in, p)
}

// result says what became of an invitation, and hands it over.
func (h *Handler) result(r *http.Request, text string, g member.Given, err error) Result {
	if err != nil {
		faults, _ := h.told(r, err)
		say := faults[0].Msg
		if faults[0].Fix != "" {
			say += ": " + faults[0].Fix
		}
		return Result{Email: text, What: say, Wrong: true}
	}
	out := Result{Email: g.Identity.Email}
	link, mailed := h.Invite(g)
	switch {
	case g.Had:
		out.What = "has this role already"
	case mailed:
		out.What = "a mail is on its way"
	case link != "":
		out.What, out.Link = "no mail was sent: hand this link over. It is shown once, and works once, for a week", link
	case g.MailOnly:
		out.What = "no mail could be sent, and the link is nobody's to hand over but the operator's (callbox member link): this address was invited elsewhere too, or the mail server has too much to do. The role counts when the person follows a link"
	default:
		out.What = "has the role now, and signs in as before"
	}
	return out
}

// Invite mails the link of an invitation; where no mail is sent, the link is
// returned for who invited to hand over. Who can sign in already is told of his role.
func (h *Handler) Invite(g member.Given) (link string, mailed bool) {
	role := "the role " + words(g.Grant.Role)
	if name, ok := h.cfg.Org(e911.OrgID(g.Grant.At.Org)); ok {
		role += " of " + name
	}
	if g.Secret == "" {
		if !g.Had && g.Identity.ID != "" && !g.Identity.LastSeen.IsZero() {
			h.cfg.Mail(g.Identity.Email, "You have a new role in Callbox", "You have "+role+" in Callbox now. Sign in as before:\n\n"+strings.TrimSuffix(h.cfg.BaseURL, "/")+"/sign-in\n")
		}
		return "", false
	}
	link = Link(h.cfg.BaseURL, member.LinkInvitation, g.Secret)
	if h.cfg.Mail(g.Identity.Email, "Welcome to Callbox", "You have "+role+" in Callbox. To get started, open this link within a week: it signs you in, and you choose a password. It works once.\n\n"+link+"\n") {
		return "", true
	}
	if g.MailOnly {
		return "", false
	}
	return link, false
}

// mine finds a role of the organisation that is open.
func (h *Handler) mine(r *http.Request, at access.Node) (member.Member, error) {
	all, err := h.cfg.Members.Roster(r.Context(), e911.OrgID(at.Org))
	if err != nil {
		return member.Member{}, err
	}
	i := slices.IndexFunc(all, func(m member.Member) bool { return m.Grant.ID == r.PostFormValue("grant") })
	if i < 0 {
		return member.Member{}, e911.Errorf(e911.NotFound, "there is no such role here; somebody may have taken it away meanwhile")
	}
	return all[i], nil
}

func (h *Handler) removeMember(w http.ResponseWriter, r *http.Request, in signedIn) {
	at, _, ok := h.here(w, r, in, access.Members, access.Read)
	if !ok {
		return
	}
	m, err := h.mine(r, at)
	if err == nil {
		err = h.cfg.Members.Take(r.Context(), in.who.ID, m.Grant.ID, m.Identity.ID)
	}
	p := page{say: saidText("The role of "+m.Identity.Email+" is taken away.", err), wrong: err}
	if err == nil {
		p.held, p.wrong = h.leftKeys(r, in, e911.OrgID(at.Org), m.Identity.ID)
	}
	h.showMembers(w, r, in, p)
}

// changeMember gives another role in place of one.
func (h *Handler) changeMember(w http.ResponseWriter, r *http.Request, in signedIn) {
	at, _, ok := h.here(w, r, in, access.Members, access.Read)
	if !ok {
		return
	}
	m, err := h.mine(r, at)
	at.Site = r.PostFormValue("site")
	if err == nil && at.Site != "" && !slices.ContainsFunc(h.sites(at.Org), func(s Site) bool { return s.ID == at.Site }) {
		err = e911.Errorf(e911.NotFound, "there is no such site")
	}
	var g member.Given
	if err == nil {
		g, err = h.cfg.Members.Change(r.Context(), in.who.ID, m.Grant.ID, m.Identity.ID, member.Wish{Role: access.Role(r.PostFormValue("role")), At: at})
	}
	p := page{say: saidText(fmt.Sprintf("%s has the role %s now.", g.Identity.Email, words(g.Grant.Role)), err), wrong: err}
	if err == nil {
		p.held, p.wrong = h.leftKeys(r, in, e911.OrgID(at.Org), m.Identity.ID)
	}
	h.showMembers(w, r, in, p)
}

func (h *Handler) reinvite(w http.ResponseWriter, r *http.Request, in signedIn) {
	at, _, ok := h.here(w, r, in, access.Members, access.Read)
	if !ok {
		return
	}
	m, err := h.mine(r, at)
	var g member.Given
	if err == nil {
		g, err = h.cfg.Members.Reinvite(r.Context(), in.who.ID, m.Grant.ID, m.Identity.ID)
	}
	p := page{wrong: err}
	if err == nil {
		p.results = []Result{h.result(r, m.Identity.Email, g, nil)}
	}
	h.showMembers(w, r, in, p)
}
