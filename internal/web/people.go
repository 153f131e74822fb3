package web

import (
	"cmp"
	"net/http"
	"time"

	"github.com/callbox911/callbox/internal/admin/federation"
	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/admin/signon"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/web/portal"
	"github.com/callbox911/callbox/internal/web/signin"
)

// People is how people sign in with their address.
type People struct {
	SignOn  *signon.Desk
	Members *member.Desk
	// Accounts makes organisations under partners; nil: there are no pages for it.
	Accounts *member.Accounts
	Keys     signin.Keys // of programs; nil: there is no page of them
	// Federation is sign-in by other people's identity providers; nil: there is none.
	Federation *federation.Desk
	// SAML is what pages need of it; nil: it is not spoken.
	SAML signin.SAML
	// Sites lists those of an organisation, by name; nil: roles are given at the
	// organisation alone.
	Sites func(id e911.OrgID) []signin.Site
	// Mail sends a text to an address, some time later; false: no mail is sent here.
	Mail func(to, subject, text string) bool
}

// openPeople makes the pages of those who sign in with their address.
func (h *Handler) openPeople() error {
	if h.cfg.People == nil {
		return nil
	}
	var err error
	h.people, err = signin.New(signin.Config{
		SignOn: h.cfg.People.SignOn, Members: h.cfg.People.Members, Accounts: h.cfg.People.Accounts, Sites: h.cfg.People.Sites, Keys: h.cfg.People.Keys, Mail: h.cfg.People.Mail,
		Federation: h.cfg.People.Federation, BaseURL: h.cfg.BaseURL, Now: h.cfg.Now, Log: h.cfg.Log,
		Org:   func(id e911.OrgID) (string, bool) { o, ok := h.cfg.Org(id); return o.Name, ok },
		Frame: func(title string) portal.Frame { return h.frame(title) },
		Next:  h.wanted,
		Began: func(w http.ResponseWriter) { h.setCookie(w, cookieName, "", -time.Second) },
	})
	if err == nil && h.cfg.People.Federation != nil && h.cfg.People.SAML != nil {
		h.people.UseSAML(h.cfg.People.Federation, h.cfg.People.SAML, h.people.BySAML)
	}
	return err
}

// wanted is the page that somebody asked for before he signed in.
func (h *Handler) wanted(w http.ResponseWriter, r *http.Request) string {
	to := "/calls"
	if c, err := r.Cookie(wantedName); err == nil && callPath.MatchString(c.Value) {
		to = c.Value
	}
	h.setCookie(w, wantedName, "", -time.Second)
	return to
}

// Person is who is signed in with an address in the browser of the request.
func (h *Handler) Person(r *http.Request) (signon.Session, bool, error) {
	if h.people == nil {
		return signon.Session{}, false, nil
	}
	s, _, ok, err := h.people.Who(r)
	return s, ok, err
}

// Invite mails the link of an invitation, or returns it where no mail is sent.
func (h *Handler) Invite(g member.Given) (link string, mailed bool) {
	if h.people == nil {
		return "", false
	}
	return h.people.Invite(g)
}

// askPerson leads somebody who may not see the board to where he can sign in, to the
// page of his own, or to his profile, where he opens another organisation.
func (h *Handler) askPerson(w http.ResponseWriter, r *http.Request) {
	s, who, in, err := h.people.Who(r)
	switch {
	case err == nil && in:
		http.Redirect(w, r, cmp.Or(h.firstPage(r.WithContext(member.Within(r.Context(), s.Scope())), who.ID, ""), "/profile"), http.StatusSeeOther)
	case r.URL.Path == "/":
		http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
	default:
		h.notSignedIn(w, r)
	}
}
