package signin

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/callbox911/callbox/internal/admin/signon"
)

// mountCredentials adds the forms by which people sign in with a passkey and change
// how they prove themselves.
func (h *Handler) mountCredentials(r chi.Router) {
	r.Post("/sign-in/passkey/begin", h.beginPasskeySignIn)
	r.Post("/sign-in/passkey", h.passkeySignIn)
	r.Post("/profile/prove/begin", h.signed(h.beginProof))
	r.Post("/profile/prove", h.signed(h.prove))
	r.Post("/profile/passkeys/begin", h.signed(h.beginPasskey))
	r.Post("/profile/passkeys", h.signed(h.addPasskey))
	r.Post("/profile/credentials/drop", h.signed(h.dropCredential))
	r.Post("/profile/recovery", h.signed(h.newRecovery))
}

// Ways is how somebody proves himself, as his profile shows it.
type Ways struct {
	List []Way
	// Open: his last proof is of a moment ago, so that he may change them. Never says
	// why this session may not at all.
	Open  bool
	Never string
	// Password, Passkey and Codes are what he has and can use here.
	Password, Passkey, Codes bool
	// Why says why no passkey can be added.
	Why string
}

// Way is one of them. Drop is what its button says; none: there is no button.
type Way struct{ ID, Name, Text, Warning, Drop string }

// cookiePasskey keeps what a question to the browser's authenticator was about.
const cookiePasskey = "callbox_passkey"

// waysOf gathers what the profile shows of credentials.
func (h *Handler) waysOf(r *http.Request, in signedIn) (Ways, error) {
	var w Ways
	err := h.cfg.SignOn.MayChange(in.session)
	w.Open = err == nil
	if err != nil && err != signon.ErrProve { //nolint:errorlint // the very value
		w.Never = err.Error()
		return w, nil
	}
	if err := h.cfg.SignOn.Passkeys(); err != nil {
		w.Why = err.Error()
	}
	all, err := h.cfg.SignOn.Own(r.Context(), in.who.ID)
	for _, c := range all {
		w.Password = w.Password || c.Kind == signon.Password
		w.Codes = w.Codes || c.Kind == signon.TOTP
		w.Passkey = w.Passkey || c.Kind == signon.Passkey && !c.Elsewhere && w.Why == ""
		w.List = append(w.List, wayOf(c))
	}
	ways := 0
	for _, c := range all {
		if c.Kind == signon.Password || c.Kind == signon.Passkey && !c.Elsewhere && w.Why == "" {
			ways++
		}
	}
	for i, c := range all {
		if ways == 1 && (c.Kind == signon.Password || c.Kind == signon.Passkey && !c.Elsewhere) {
			w.List[i].Drop = "" // the last way in
		}
	}
	return w, err
}

func wayOf(c signon.Shown) Way {
	w := Way{ID: c.ID, Name: c.Name, Drop: "Take away"}
	used := "never used"
	if !c.Used.IsZero() {
		used = "last used " + day(c.Used, "") + " UTC"
	}
	w.Text = "since " + day(c.Made, "") + " UTC, " + used
	switch c.Kind {
	case signon.Password:
		w.Name = "Password"
	case signon.TOTP:
		w.Name, w.Drop = "One-time codes of an app", "Switch off"
	case signon.Recovery:
		w.Name, w.Text = "Recovery codes", strconv.Itoa(c.Left)+" left, made "+day(c.Made, "")+" UTC"
		if c.Left <= 2 {
			w.Warning = "Make new ones before they run out."
		}
	case signon.Passkey:
		w.Text = "Passkey " + w.Text
		if c.Synced {
			w.Text += ", on several devices of yours"
		}
		switch {
		case !c.Copied.IsZero():
			w.Warning = "Refused on " + day(c.Copied, "") + " UTC, because its counter went back: somebody may have a copy. Take it away, and make a new one."
		case c.Elsewhere:
			w.Warning = "Made for " + c.Host + ": browsers do not offer it here."
		}
	}
	return w
}

// asked answers a script with a question for the authenticator.
func (h *Handler) asked(w http.ResponseWriter, r *http.Request, c signon.Ceremony, err error) {
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		faults, status := h.told(r, err)
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]string{"error": faults[0].Msg})
		return
	}
	h.set(w, cookiePasskey, c.State, signon.CeremonyLife)
	_, _ = w.Write(c.Options)
}

// answer is what the form brings, and forgets its question.
func (h *Handler) answer(w http.ResponseWriter, r *http.Request) signon.Answer {
	a := signon.Answer{State: h.get(r, cookiePasskey), Response: []byte(r.PostFormValue("credential")), Address: address(r), Agent: r.UserAgent()}
	h.set(w, cookiePasskey, "", -time.Second)
	return a
}

func (h *Handler) beginPasskeySignIn(w http.ResponseWriter, r *http.Request) {
	c, err := h.cfg.SignOn.BeginPasskeySignIn()
	h.asked(w, r, c, err)
}

func (h *Handler) passkeySignIn(w http.ResponseWriter, r *http.Request) {
	s, secret, err := h.cfg.SignOn.SignInByPasskey(r.Context(), h.answer(w, r))
	if err != nil {
		v := h.signInView(r)
		var status int
		v.Faults, status = h.told(r, err)
		h.page(w, r, status, signInPage(v))
		return
	}
	h.begin(w, r, s, secret)
}

func (h *Handler) beginProof(w http.ResponseWriter, r *http.Request, in signedIn) {
	c, err := h.cfg.SignOn.BeginProof(r.Context(), in.session)
	h.asked(w, r, c, err)
}

func (h *Handler) prove(w http.ResponseWriter, r *http.Request, in signedIn) {
	var s signon.Session
	var secret string
	var err error
	if r.PostFormValue("credential") != "" {
		s, secret, err = h.cfg.SignOn.ProveByPasskey(r.Context(), in.session, h.answer(w, r))
	} else {
		s, secret, err = h.cfg.SignOn.ProveByPassword(r.Context(), in.session, r.PostFormValue("password"), address(r))
	}
	if err != nil {
		h.showProfile(w, r, in, Profile{}, "", err)
		return
	}
	h.set(w, cookieSession, secret, s.Expires.Sub(h.cfg.Now()))
	http.Redirect(w, r, "/profile#ways", http.StatusSeeOther)
}

func (h *Handler) beginPasskey(w http.ResponseWriter, r *http.Request, in signedIn) {
	c, err := h.cfg.SignOn.BeginPasskey(r.Context(), in.session)
	h.asked(w, r, c, err)
}

func (h *Handler) addPasskey(w http.ResponseWriter, r *http.Request, in signedIn) {
	c, err := h.cfg.SignOn.FinishPasskey(r.Context(), in.session, r.PostFormValue("name"), h.answer(w, r))
	h.showProfile(w, r, in, Profile{}, saidText("“"+c.Name+"” signs you in from now on.", err), err)
}

func (h *Handler) dropCredential(w http.ResponseWriter, r *http.Request, in signedIn) {
	err := h.cfg.SignOn.Drop(r.Context(), in.session, r.PostFormValue("id"))
	h.showProfile(w, r, in, Profile{}, saidText("It is taken away, and your other sessions have ended.", err), err)
}

func (h *Handler) newRecovery(w http.ResponseWriter, r *http.Request, in signedIn) {
	var p Profile
	var err error
	p.Codes, err = h.cfg.SignOn.NewRecoveryCodes(r.Context(), in.session)
	h.showProfile(w, r, in, p, saidText("The old recovery codes have ended.", err), err)
}
