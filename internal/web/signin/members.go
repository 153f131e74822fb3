package signin

import (
	"net/http"
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
}

// Members is what the page of members shows.
type Members struct {
	Org      string
	Rows     []Row
	Roles    []string
	MayWrite bool
}

// Row is one role of somebody.
type Row struct{ Identity, Grant, Name, Email, Role, Until, Seen string }

func (h *Handler) members(w http.ResponseWriter, r *http.Request, in signedIn) {
	h.showMembers(w, r, in, View{}, nil)
}

func day(t time.Time, none string) string {
	if t.IsZero() {
		return none
	}
	return t.UTC().Format("2006-01-02 15:04")
}

func (h *Handler) showMembers(w http.ResponseWriter, r *http.Request, in signedIn, more View, wrong error) {
	org := h.get(r, cookieOrg)
	name, ok := h.cfg.Org(e911.OrgID(org))
	ask := func(v access.Verb) (access.Answer, error) {
		return h.cfg.Members.Ask(r.Context(), in.who.ID, access.Question{At: access.Node{Org: org}, Area: access.Members, Verb: v})
	}
	if !ok || org == "" {
		h.message(w, r, http.StatusNotFound, "No organisation is open", "Open one on your profile first.")
		return
	}
	a, err := ask(access.Read)
	if err == nil && !a.Allowed {
		h.message(w, r, http.StatusForbidden, "Not yours to see", "To see the members of an organisation, "+a.Why+".")
		return
	}
	var all []member.Member
	var may access.Answer
	if err == nil {
		all, err = h.cfg.Members.At(r.Context(), access.Node{Org: org})
	}
	if err == nil {
		may, err = ask(access.Write)
	}
	if err != nil {
		faults, status := h.told(r, err)
		h.message(w, r, status, "Not now", faults[0].Msg)
		return
	}
	m := Members{Org: name, MayWrite: may.Allowed}
	for _, x := range all {
		role := strings.ReplaceAll(string(x.Grant.Role), "_", " ")
		if x.Grant.Support {
			role += ", support; used " + day(x.Grant.Used, "never")
		}
		m.Rows = append(m.Rows, Row{x.Identity.ID, x.Grant.ID, x.Identity.Name, x.Identity.Email, role, day(x.Grant.Until, "–"), day(x.Identity.LastSeen, "never")})
	}
	for _, role := range access.Roles() {
		if access.Fits(role, access.AtOrg) {
			m.Roles = append(m.Roles, string(role))
		}
	}
	v, status := h.view(r, "Members"), http.StatusOK
	v.Say, v.Link, v.Email = more.Say, more.Link, more.Email
	if wrong != nil {
		v.Faults, status = h.told(r, wrong)
	}
	h.page(w, r, status, membersPage(v, m))
}

func (h *Handler) invite(w http.ResponseWriter, r *http.Request, in signedIn) {
	wish := member.Wish{Email: r.PostFormValue("email"), Name: r.PostFormValue("name"), Role: access.Role(r.PostFormValue("role")), At: access.Node{Org: h.get(r, cookieOrg)}}
	var v View
	if wish.At.Org == "" {
		h.showMembers(w, r, in, v, nil)
		return
	}
	g, err := h.cfg.Members.Give(r.Context(), in.who.ID, wish)
	if err != nil {
		v.Email = wish.Email
		h.showMembers(w, r, in, v, err)
		return
	}
	v.Say = g.Identity.Email + " has the role now."
	if link, mailed := h.Invite(g); mailed {
		v.Say = "A mail is on its way to " + g.Identity.Email + "."
	} else {
		v.Link = link
	}
	h.showMembers(w, r, in, v, nil)
}

// Invite mails the link of an invitation; where no mail is sent, the link is
// returned for who invited to hand over.
func (h *Handler) Invite(g member.Given) (link string, mailed bool) {
	if g.Secret == "" {
		return "", false
	}
	link = Link(h.cfg.BaseURL, member.LinkInvitation, g.Secret)
	if h.cfg.Mail(g.Identity.Email, "Your invitation to Callbox", "You were invited to Callbox. To choose a password, open this link within a week. It works once.\n\n"+link+"\n") {
		return "", true
	}
	return link, false
}

func (h *Handler) removeMember(w http.ResponseWriter, r *http.Request, in signedIn) {
	org := h.get(r, cookieOrg)
	_, has, err := h.cfg.Members.Of(r.Context(), r.PostFormValue("identity"))
	if err == nil && !slices.ContainsFunc(has, func(g member.Grant) bool { return g.ID == r.PostFormValue("grant") && g.At.Org == org && org != "" }) {
		err = e911.Errorf(e911.NotFound, "there is no such role here")
	}
	if err == nil {
		err = h.cfg.Members.Take(r.Context(), in.who.ID, r.PostFormValue("grant"), r.PostFormValue("identity"))
	}
	h.showMembers(w, r, in, View{Say: saidText("The role is taken away.", err)}, err)
}
