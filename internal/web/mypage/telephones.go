package mypage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/firstuse"
	"github.com/callbox911/callbox/internal/admin/ownphone"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/obs"
	"github.com/callbox911/callbox/internal/web/portal"
	"github.com/callbox911/callbox/internal/web/signin"
)

// Asking notes that a user was asked where he is; firstuse.Asking does.
type Asking interface {
	Ask(ctx context.Context, who admin.Actor, org e911.OrgID, user e911.UserID) (done bool, err error)
}

// asked notes that the page asks a user for his place. That it could not be noted
// keeps nobody from the page.
func (h *Handler) asked(r *http.Request, v signin.Visit, own *firstuse.Own) {
	if h.cfg.Asking == nil || own.Placed {
		return
	}
	if _, err := h.cfg.Asking.Ask(r.Context(), admin.Actor(v.Who.ID), v.Org, own.User); err != nil {
		h.cfg.Log.WarnContext(r.Context(), "it was not noted that a user was asked for his place", obs.Err(err))
	}
}

// mountTelephones adds the page of a user's own telephones (C-64).
func (h *Handler) mountTelephones(r chi.Router) {
	if h.cfg.Telephones == nil {
		return
	}
	nothing := func(*http.Request, signin.Visit) (done, error) { return done{}, nil }
	r.Method(http.MethodGet, "/my/telephones", h.telephones(nothing))
	r.Method(http.MethodPost, "/my/telephones/new", h.telephones(h.newTelephone))
	r.Method(http.MethodPost, "/my/telephones/renew", h.telephones(h.renewTelephone))
	r.Method(http.MethodPost, "/my/telephones/remove", h.telephones(h.removeTelephone))
}

// done is what became of a press.
type done struct {
	made *ownphone.Made
	said string
}

type phonesView struct {
	portal.Frame
	Form, Said, Once string
	Org              e911.OrgID
	Faults           []e911.Fault
	Own              *ownphone.Own
	Made             *ownphone.Made
	Name             string // as it was written
}

func (h *Handler) telephones(do func(r *http.Request, v signin.Visit) (done, error)) http.Handler {
	return h.cfg.Visited(func(w http.ResponseWriter, r *http.Request, v signin.Visit) {
		r = r.WithContext(admin.WithTrail(r.Context(), admin.Trail{Address: addressOf(r)}))
		out := phonesView{Frame: h.cfg.Frame("Your telephones – Callbox"), Form: v.Form, Org: v.Org, Once: ownphone.NewOnce()}
		err := h.may(r, v)
		mine, did := err == nil, done{}
		if mine {
			did, err = do(r, v)
		}
		if err == nil && r.Method == http.MethodPost {
			// A password that is stored is shown whatever follows: nobody sees it again.
			if perr := h.cfg.Published(r.Context()); perr != nil {
				out.Faults = []e911.Fault{{Msg: "it is stored, and takes effect a little later", Fix: "try the telephone in a minute"}}
			}
		}
		out.Made, out.Said = did.made, did.said
		status := http.StatusOK
		if err != nil {
			out.Faults, status = h.told(r, err)
			out.Name = r.PostFormValue("name")
			if errors.Is(err, ownphone.ErrTooMany) {
				status = http.StatusTooManyRequests
			}
		}
		if mine {
			own, lerr := h.cfg.Telephones.Of(v.Org, v.Who.Email)
			switch {
			case lerr == nil:
				out.Own = &own
			case err == nil:
				out.Faults, status = h.told(r, lerr)
			}
		}
		h.write(w, r, out, status)
	})
}

func (h *Handler) write(w http.ResponseWriter, r *http.Request, out phonesView, status int) {
	var b bytes.Buffer
	if err := telephones(out).Render(r.Context(), &b); err != nil {
		h.cfg.Log.ErrorContext(r.Context(), "a page could not be made", "path", r.URL.Path, obs.Err(err))
		http.Error(w, "the page could not be made; 911 works: dial 911", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

func (h *Handler) newTelephone(r *http.Request, v signin.Visit) (done, error) {
	made, err := h.cfg.Telephones.SetUp(r.Context(), admin.Actor(v.Who.ID), v.Org, v.Who.Email, ownphone.Wish{
		Name: r.PostFormValue("name"), Line: e911.Number(r.PostFormValue("line")), Once: r.PostFormValue("once"),
	})
	if err != nil {
		return done{}, err
	}
	return done{made: &made}, nil
}

func (h *Handler) renewTelephone(r *http.Request, v signin.Visit) (done, error) {
	made, err := h.cfg.Telephones.Renew(r.Context(), admin.Actor(v.Who.ID), v.Org, v.Who.Email, e911.DeviceID(r.PostFormValue("id")))
	if err != nil {
		return done{}, err
	}
	return done{made: &made, said: "The password before does not register any more."}, nil
}

func (h *Handler) removeTelephone(r *http.Request, v signin.Visit) (done, error) {
	err := h.cfg.Telephones.Remove(r.Context(), admin.Actor(v.Who.ID), v.Org, v.Who.Email, e911.DeviceID(r.PostFormValue("id")))
	return done{said: "Taken away: the telephone cannot register any more. 911 from it is heard all the same."}, err
}

// ports says by which transport and port to reach the server, the safest first.
func ports(ways []ownphone.Way) string {
	order := []string{"tls", "tcp", "udp", "wss", "ws"}
	names := map[string]string{"tls": "TLS", "tcp": "TCP", "udp": "UDP", "wss": "WebSocket (wss)", "ws": "WebSocket (ws)"}
	var out []string
	for _, t := range order {
		for _, w := range ways {
			if text := fmt.Sprintf("%s, port %d", names[t], w.Port); w.Transport == t && !slices.Contains(out, text) {
				out = append(out, text)
			}
		}
	}
	return strings.Join(out, "; else ")
}

// standing says how a telephone stands.
func standing(p ownphone.Phone) string {
	if !p.Ended.IsZero() {
		return "Password taken away on " + p.Ended.Format("2 January 2006")
	}
	if len(p.Registered) == 0 {
		return "Not registered here now"
	}
	agents := []string{}
	for _, r := range p.Registered {
		if r.Agent != "" && !slices.Contains(agents, r.Agent) {
			agents = append(agents, r.Agent)
		}
	}
	if len(agents) == 0 {
		return "Registered now"
	}
	return "Registered now: " + strings.Join(agents, ", ")
}
