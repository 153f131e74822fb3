package signin

import (
	"bytes"
	"encoding/base64"
	"image/png"
	"net/http"
	"regexp"
	"strings"

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
	Ways     Ways
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
	v.My = h.myOwn != nil && h.myOwn(h.openedOrg(r, in.who.ID), in.who.Email)
	if wrong != nil {
		v.Faults, status = h.told(r, wrong)
	}
	var has []member.Grant
	var err error
	if p.Who, has, err = h.cfg.Members.Of(r.Context(), in.who.ID); err == nil {
		p.Sessions, err = h.cfg.SignOn.Sessions(r.Context(), in.who.ID)
	}
	if err == nil {
		p.Ways, err = h.waysOf(r, in)
	}
	if err != nil {
		faults, status := h.told(r, err)
		h.message(w, r, status, "Not now", faults[0].Msg)
		return
	}
	p.Here = in.session.ID
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
	if p.Codes, err = h.cfg.SignOn.ConfirmTOTP(r.Context(), in.session, secret, r.PostFormValue("code")); err != nil {
		p.Enrol.Secret = secret
	}
	h.showProfile(w, r, in, p, saidText("One-time codes are in use from now on.", err), err)
}

func (h *Handler) endSession(w http.ResponseWriter, r *http.Request, in signedIn) {
	err := h.cfg.SignOn.End(r.Context(), in.who.ID, []string{r.PostFormValue("session")}, false)
	h.showProfile(w, r, in, Profile{}, saidText("That session has ended.", err), err)
}

// callPage is the one kind of page to which the choice of an organisation leads on.
var callPage = regexp.MustCompile(`^/calls/[A-Za-z0-9-]{1,64}$`)

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
	to := "/members"
	if _, ok := h.seen(r.Context(), in.who.ID, e911.OrgID(org)); ok {
		to = "/calls"
		if next := r.PostFormValue("next"); callPage.MatchString(next) {
			to = next
		}
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}
