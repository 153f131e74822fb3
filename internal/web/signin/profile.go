package signin

import (
	"bytes"
	"encoding/base64"
	"image/png"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/pquerna/otp"

	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/admin/signon"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
)

// Profile is what the page of one's own shows.
type Profile struct {
	Who      member.Identity
	Places   []Place
	Sessions []signon.Session
	Here     string // the session that looks
	HasCodes bool
	Enrol    signon.Enrolment
	Picture  string
	Codes    []string // recovery codes, once
}

// Place is where somebody has a role.
type Place struct{ ID, Name, Role string }

func (h *Handler) profile(w http.ResponseWriter, r *http.Request, in signedIn) {
	h.showProfile(w, r, in, Profile{}, "", nil)
}

func (h *Handler) showProfile(w http.ResponseWriter, r *http.Request, in signedIn, p Profile, say string, wrong error) {
	v, status := h.view(r, "Your profile"), http.StatusOK
	v.Say = say
	if wrong != nil {
		v.Faults, status = h.told(r, wrong)
	}
	var has []member.Grant
	var creds []signon.Credential
	var err error
	if p.Who, has, err = h.cfg.Members.Of(r.Context(), in.who.ID); err == nil {
		p.Sessions, err = h.cfg.SignOn.Sessions(r.Context(), in.who.ID)
	}
	if err == nil {
		creds, err = h.cfg.SignOn.Of(r.Context(), in.who.ID)
	}
	if err != nil {
		faults, status := h.told(r, err)
		h.message(w, r, status, "Not now", faults[0].Msg)
		return
	}
	p.Here = in.session.ID
	p.HasCodes = slices.ContainsFunc(creds, func(c signon.Credential) bool { return c.Kind == signon.TOTP })
	for _, g := range has {
		if !g.Grant.Holds(h.cfg.Now()) {
			continue
		}
		o := Place{ID: g.At.Org, Role: strings.ReplaceAll(string(g.Role), "_", " ")}
		switch name, ok := h.cfg.Org(e911.OrgID(g.At.Org)); {
		case ok:
			o.Name = name
		case g.At.Level() == access.AtRoot:
			o.Name = "This Callbox"
		default:
			o.Name, o.ID = "An account of your partner", ""
		}
		p.Places = append(p.Places, o)
	}
	h.page(w, r, status, profilePage(v, p))
}

func (h *Handler) changeProfile(w http.ResponseWriter, r *http.Request, in signedIn) {
	_, err := h.cfg.Members.SetProfile(r.Context(), in.who.ID, r.PostFormValue("name"), r.PostFormValue("language"))
	h.showProfile(w, r, in, Profile{}, saidText("Saved.", err), err)
}

func saidText(text string, err error) string {
	if err != nil {
		return ""
	}
	return text
}

func (h *Handler) changePassword(w http.ResponseWriter, r *http.Request, in signedIn) {
	err := h.cfg.SignOn.SetPassword(r.Context(), in.who.ID, r.PostFormValue("old"), r.PostFormValue("password"), in.session.ID, false)
	h.showProfile(w, r, in, Profile{}, saidText("Your password is changed, and your other sessions have ended.", err), err)
}

func (h *Handler) beginCodes(w http.ResponseWriter, r *http.Request, in signedIn) {
	var p Profile
	var err error
	if p.Enrol, err = h.cfg.SignOn.BeginTOTP(r.Context(), in.who.ID); err == nil {
		p.Picture = picture(p.Enrol.URI)
	}
	h.showProfile(w, r, in, p, "", err)
}

// picture is the URI as a QR code in a data URI; "" when it cannot be drawn: the
// secret stands beside it.
func picture(uri string) string {
	key, err := otp.NewKeyFromURL(uri)
	if err != nil {
		return ""
	}
	img, err := key.Image(220, 220)
	if err != nil {
		return ""
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		return ""
	}
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(b.Bytes())
}

func (h *Handler) confirmCodes(w http.ResponseWriter, r *http.Request, in signedIn) {
	var p Profile
	var err error
	secret := r.PostFormValue("secret")
	if p.Codes, err = h.cfg.SignOn.ConfirmTOTP(r.Context(), in.who.ID, secret, r.PostFormValue("code")); err != nil {
		p.Enrol.Secret = secret
	}
	h.showProfile(w, r, in, p, saidText("One-time codes are in use from now on.", err), err)
}

func (h *Handler) endSession(w http.ResponseWriter, r *http.Request, in signedIn) {
	err := h.cfg.SignOn.End(r.Context(), in.who.ID, []string{r.PostFormValue("session")}, false)
	h.showProfile(w, r, in, Profile{}, saidText("That session has ended.", err), err)
}

// openOrg chooses the organisation that the board shows. What the browser says is
// asked again with each page.
func (h *Handler) openOrg(w http.ResponseWriter, r *http.Request, in signedIn) {
	org := r.PostFormValue("org")
	in2, err := h.cfg.Members.Belongs(r.Context(), in.who.ID, access.Node{Org: org})
	if err != nil || !in2 || org == "" {
		h.message(w, r, http.StatusNotFound, "Nothing here", "There is no such organisation.")
		return
	}
	h.set(w, cookieOrg, org, in.session.Expires.Sub(h.cfg.Now()))
	a, err := h.cfg.Members.AskStill(r.Context(), in.who.ID, access.Question{At: access.Node{Org: org}, Area: access.Calls, Verb: access.Read})
	to := "/members"
	if err == nil && a.Allowed {
		to = "/calls"
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
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
