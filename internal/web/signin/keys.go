package signin

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/apikey"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
)

// Keys makes, lists and ends keys of programs; *apikey.Keeper does.
type Keys interface {
	Create(ctx context.Context, who admin.Actor, w apikey.Wish) (apikey.Key, string, error)
	Get(ctx context.Context, org e911.OrgID, id string) (apikey.Key, error)
	List(ctx context.Context, org e911.OrgID, after string, limit int) ([]apikey.Key, error)
	Revoke(ctx context.Context, who admin.Actor, org e911.OrgID, id string) error
	Rotate(ctx context.Context, who admin.Actor, org e911.OrgID, id string, keep time.Duration) (apikey.Key, string, error)
	EndSecret(ctx context.Context, who admin.Actor, org e911.OrgID, id, secret string) (apikey.Key, error)
	Holders(ctx context.Context, keys ...apikey.Key) (map[string][]apikey.Holder, error)
	HeldBy(ctx context.Context, identity string) ([]apikey.Key, error)
	RevokeHeld(ctx context.Context, who admin.Actor, org e911.OrgID, identity string) ([]apikey.Key, error)
}

// mountKeys adds the page of keys. Every answer to a form is the page itself: a key
// that is shown once is in no address.
func (h *Handler) mountKeys(r chi.Router) {
	if h.cfg.Keys == nil {
		return
	}
	r.Get("/keys", h.signed(h.keys))
	r.Post("/keys", h.signed(h.makeKey))
	r.Post("/keys/rotate", h.signed(h.rotateKey))
	r.Post("/keys/secret/end", h.signed(h.endKeySecret))
	r.Post("/keys/end", h.signed(h.endKey))
	r.Post("/keys/held/end", h.signed(h.endHeldKeys))
}

// KeyPage is what the page of keys shows.
type KeyPage struct {
	Of       string // whose they are
	Live     []KeyRow
	Held     []HeldKeys
	Ended    []KeyRow
	More     bool // there are more than are shown
	Scopes   []apikey.ScopeRow
	MayWrite bool
	// Fresh is the key that was made or rotated, with its text: it is shown once.
	Fresh     apikey.Key
	FreshText string
	Name      string // that was typed
}

// KeyRow is one key.
type KeyRow struct {
	apikey.Key
	Maker   string
	Secrets []apikey.Secret // that count
	State   string
	Holders []apikey.Holder
}

// maxKeys is how many keys the page shows.
const maxKeys = 500

// keyOrg is whose keys the page is about; none: the operator's.
func (h *Handler) keyOrg(r *http.Request, in signedIn) e911.OrgID { return h.openedOrg(r, in.who.ID) }

// askKeys asks whether somebody may do something about the keys of an organisation.
func (h *Handler) askKeys(r *http.Request, in signedIn, org e911.OrgID, v access.Verb) (access.Answer, error) {
	return h.cfg.Members.Ask(r.Context(), in.who.ID, access.Question{At: access.Node{Org: string(org)}, Area: access.Keys, Verb: v})
}

// mayGive returns nil when somebody may give a key of the organisation the scope.
func (h *Handler) mayGive(r *http.Request, in signedIn, org e911.OrgID, s apikey.Scope) error {
	return apikey.MayGive(org, s, func(at access.Node, area access.Area, verb access.Verb) (access.Answer, error) {
		return h.cfg.Members.Ask(r.Context(), in.who.ID, access.Question{At: at, Area: area, Verb: verb})
	})
}

func (h *Handler) keys(w http.ResponseWriter, r *http.Request, in signedIn) {
	h.showKeys(w, r, in, KeyPage{}, "", nil)
}

func (h *Handler) showKeys(w http.ResponseWriter, r *http.Request, in signedIn, p KeyPage, say string, wrong error) {
	org := h.keyOrg(r, in)
	name, known := h.cfg.Org(org)
	if p.Of = name; org == "" {
		p.Of, known = "this Callbox", true
	}
	a, err := h.askKeys(r, in, org, access.Read)
	if err == nil && (!known || !a.Allowed) {
		why := "To see the keys of programs, " + a.Why + "."
		if !known {
			why = "Open an organisation on your profile first."
		}
		h.message(w, r, http.StatusForbidden, "Not yours to see", why)
		return
	}
	var may access.Answer
	if err == nil {
		may, err = h.askKeys(r, in, org, access.Write)
	}
	if err == nil {
		err = h.fillKeys(r, org, &p)
	}
	if p.MayWrite = may.Allowed; err == nil && p.MayWrite {
		p.Scopes, err = h.scopesFor(r, in, org)
	}
	if err != nil && p.FreshText == "" {
		faults, status := h.told(r, err)
		h.message(w, r, status, "Not now", faults[0].Msg)
		return
	}
	v, status := h.view(r, "Keys of programs"), http.StatusOK
	v.Say = say
	if wrong != nil {
		v.Faults, status = h.told(r, wrong)
	}
	h.page(w, r, status, keysPage(v, p))
}

// scopesFor are the scopes that somebody may give.
func (h *Handler) scopesFor(r *http.Request, in signedIn, org e911.OrgID) (out []apikey.ScopeRow, err error) {
	for _, row := range apikey.Scopes() {
		if row.Scope == apikey.ScopeProvider && org != "" {
			continue
		}
		err := h.mayGive(r, in, org, row.Scope)
		switch {
		case err == nil:
			out = append(out, row)
		case e911.KindOf(err) != e911.Denied:
			return nil, err
		}
	}
	return out, nil
}

// fillKeys reads the keys, the newest first, those that ended apart.
func (h *Handler) fillKeys(r *http.Request, org e911.OrgID, p *KeyPage) error {
	now, names := h.cfg.Now(), map[admin.Actor]string{}
	for after := ""; ; {
		page, err := h.cfg.Keys.List(r.Context(), org, after, admin.MaxPage)
		if err != nil {
			return err
		}
		holders, err := h.cfg.Keys.Holders(r.Context(), page...)
		if err != nil {
			return err
		}
		for _, k := range page {
			after = k.ID
			row := KeyRow{Key: k, Holders: holders[k.ID], Maker: h.maker(r, names, k.By), State: "until " + day(k.Expires, "it is ended")}
			row.Secrets = slices.DeleteFunc(slices.Clone(k.Secrets), func(s apikey.Secret) bool { return !s.Live(now) })
			switch {
			case !k.Revoked.IsZero():
				row.State = "ended " + day(k.Revoked, "")
			case !k.Valid(now):
				row.State = "expired " + day(k.Expires, "")
			default:
				p.Live = append(p.Live, row)
				continue
			}
			p.Ended = append(p.Ended, row)
		}
		if len(page) < admin.MaxPage {
			break
		}
	}
	for _, list := range []*[]KeyRow{&p.Live, &p.Ended} {
		slices.SortStableFunc(*list, func(a, b KeyRow) int { return b.Made.Compare(a.Made) })
		if len(*list) > maxKeys {
			*list, p.More = (*list)[:maxKeys], true
		}
	}
	p.Held = heldKeys(p.Live)
	return nil
}

// maker is who made a key, as people know him.
func (h *Handler) maker(r *http.Request, names map[admin.Actor]string, by admin.Actor) string {
	if name, ok := names[by]; ok {
		return name
	}
	name := string(by)
	if who, _, err := h.cfg.Members.Of(r.Context(), name); err == nil {
		if name = who.Name; name == "" {
			name = who.Email
		}
	}
	names[by] = name
	return name
}

// changeKeys does what a form asks, if who sent it may; what is wrong is on the page.
func (h *Handler) changeKeys(w http.ResponseWriter, r *http.Request, in signedIn, p KeyPage, do func(who admin.Actor, org e911.OrgID, p *KeyPage) (say string, err error)) {
	org := h.keyOrg(r, in)
	a, err := h.askKeys(r, in, org, access.Write)
	if err == nil && !a.Allowed {
		err = e911.Errorf(e911.Denied, "to change keys, %s", a.Why)
	}
	say := ""
	if err == nil {
		trail := admin.Trail{Address: address(r).String(), Session: "person " + in.who.ID}
		r = r.WithContext(admin.WithTrail(r.Context(), trail))
		say, err = do(admin.Actor(in.who.ID), org, &p)
	}
	if err != nil {
		say = ""
	}
	h.showKeys(w, r, in, p, say, err)
}

func (h *Handler) makeKey(w http.ResponseWriter, r *http.Request, in signedIn) {
	p := KeyPage{Name: r.PostFormValue("name")}
	h.changeKeys(w, r, in, p, func(who admin.Actor, org e911.OrgID, p *KeyPage) (string, error) {
		wish := apikey.Wish{Org: org, Name: strings.TrimSpace(p.Name)}
		for _, s := range r.PostForm["scope"] {
			if err := h.mayGive(r, in, org, apikey.Scope(s)); err != nil {
				return "", err
			}
			wish.Scopes = append(wish.Scopes, apikey.Scope(s))
		}
		days, err := strconv.Atoi(r.PostFormValue("days"))
		if err != nil || days < 0 || days > 3650 {
			return "", &e911.Error{Kind: e911.Invalid, Msg: "the key is refused", Faults: []e911.Fault{{
				Path: "days", Code: "range", Msg: "A key is good for 1 to 3650 days, or until it is ended.", Fix: "Choose one of the list.",
			}}}
		}
		if days > 0 {
			wish.Expires = h.cfg.Now().UTC().AddDate(0, 0, days)
		}
		if p.Fresh, p.FreshText, err = h.cfg.Keys.Create(r.Context(), who, wish); err != nil {
			return "", err
		}
		p.Name = ""
		return "The key is made.", nil
	})
}

func (h *Handler) rotateKey(w http.ResponseWriter, r *http.Request, in signedIn) {
	h.changeKeys(w, r, in, KeyPage{}, func(who admin.Actor, org e911.OrgID, p *KeyPage) (string, error) {
		key, err := h.cfg.Keys.Get(r.Context(), org, r.PostFormValue("key"))
		if err != nil {
			return "", err
		}
		for _, s := range key.Scopes { // who gets the new secret gets what the key may do
			if err := h.mayGive(r, in, org, s); err != nil {
				return "", err
			}
		}
		hours, err := strconv.Atoi(r.PostFormValue("keep"))
		if err != nil || hours < 0 || hours > int(apikey.MaxKeep/time.Hour) {
			hours = -1 // refused below
		}
		if p.Fresh, p.FreshText, err = h.cfg.Keys.Rotate(r.Context(), who, org, key.ID, time.Duration(hours)*time.Hour); err != nil {
			return "", err
		}
		return "The key has a new secret.", nil
	})
}

func (h *Handler) endKeySecret(w http.ResponseWriter, r *http.Request, in signedIn) {
	h.changeKeys(w, r, in, KeyPage{}, func(who admin.Actor, org e911.OrgID, _ *KeyPage) (string, error) {
		_, err := h.cfg.Keys.EndSecret(r.Context(), who, org, r.PostFormValue("key"), r.PostFormValue("secret"))
		return "The secret has ended, and the tokens it was exchanged for.", err
	})
}

func (h *Handler) endKey(w http.ResponseWriter, r *http.Request, in signedIn) {
	h.changeKeys(w, r, in, KeyPage{}, func(who admin.Actor, org e911.OrgID, _ *KeyPage) (string, error) {
		return "The key has ended: here at once, on other nodes within ten seconds.", h.cfg.Keys.Revoke(r.Context(), who, org, r.PostFormValue("key"))
	})
}

func scopeWords(list []apikey.Scope) string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = string(s)
	}
	return strings.Join(out, ", ")
}
