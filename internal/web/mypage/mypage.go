// Package mypage serves the page of a user's own: what 911 depends on, where he is,
// and by which number he is called back (N-07, N-08, N-45). Its first line says that
// 911 works whatever is open here, and nothing here stands before a call (F-24).
package mypage

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/firstuse"
	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/admin/ownphone"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/obs"
	"github.com/callbox911/callbox/internal/rules/access"
	"github.com/callbox911/callbox/internal/web/portal"
	"github.com/callbox911/callbox/internal/web/signin"
)

// Config is what the page needs.
type Config struct {
	Desk    *firstuse.Desk
	Members *member.Desk
	Visited func(do func(w http.ResponseWriter, r *http.Request, v signin.Visit)) http.Handler
	Frame   func(title string) portal.Frame
	// Published makes calls, and this page, see what was stored.
	Published func(ctx context.Context) error
	// Telephones are those that users set up by themselves; nil: there is no page.
	Telephones *ownphone.Desk
	Asking     Asking // nil: nobody notes who was asked
	Now        func() time.Time
	Log        *slog.Logger
}

// Handler serves the page. Safe for concurrent use.
type Handler struct{ cfg Config }

// New checks the configuration.
func New(cfg Config) (*Handler, error) {
	if cfg.Desk == nil || cfg.Members == nil || cfg.Visited == nil || cfg.Frame == nil || cfg.Published == nil || cfg.Now == nil || cfg.Log == nil {
		return nil, e911.Errorf(e911.Invalid, "the page of a user's own needs a desk, members, visits, a frame, a clock and a log")
	}
	return &Handler{cfg}, nil
}

// Mount adds the page to a router that has guarded requests against other sites.
func (h *Handler) Mount(r chi.Router) {
	r.Method(http.MethodGet, "/my", h.open(func(*http.Request, signin.Visit) (string, error) { return "", nil }))
	for path, do := range map[string]func(r *http.Request, v signin.Visit) (string, error){
		"accept": h.accept, "place": h.place, "elsewhere": h.elsewhere, "callback": h.callback, "delete": h.remove,
	} {
		r.Method(http.MethodPost, "/my/"+path, h.open(do))
	}
	h.mountTelephones(r)
}

type view struct {
	portal.Frame
	Heading, Form, Said, Words, Address string
	Org                                 e911.OrgID
	Faults                              []e911.Fault
	Own                                 *firstuse.Own
	Abroad                              firstuse.Abroad
	Choices                             []firstuse.Choice
	More, Phones                        bool // Phones: he has a page of telephones
}

// Fed reports a field that a directory feeds.
func (v view) Fed(field string) bool { return slices.Contains(v.Own.Synced, field) }

// open lets a user do something to what is his own, and shows him how he stands.
func (h *Handler) open(do func(r *http.Request, v signin.Visit) (string, error)) http.Handler {
	return h.cfg.Visited(func(w http.ResponseWriter, r *http.Request, v signin.Visit) {
		r = r.WithContext(admin.WithTrail(r.Context(), admin.Trail{Address: addressOf(r)}))
		out := view{Frame: h.cfg.Frame("Where you are – Callbox"), Heading: "Your place and 911", Form: v.Form, Org: v.Org, Words: r.FormValue("q"), Address: r.PostFormValue("address")}
		err := h.may(r, v)
		shut := err != nil && e911.KindOf(err) != e911.Conflict // nothing of the user of that address is his to see
		if err == nil {
			out.Said, err = do(r, v)
		}
		if err != nil {
			out.Said = ""
		}
		if err == nil && r.Method == http.MethodPost {
			out.Address = ""
			err = h.cfg.Published(r.Context())
		}
		status := http.StatusOK
		if err != nil {
			out.Faults, status = h.told(r, err)
		}
		if !shut {
			own, lerr := h.cfg.Desk.Of(r.Context(), v.Org, v.Who.Email)
			if lerr == nil {
				out.Own, out.Phones = &own, h.cfg.Telephones != nil
				h.asked(r, v, &own)
				out.Abroad = h.cfg.Desk.Abroad(v.Org, v.Who.Email)
				out.Choices, out.More, lerr = h.cfg.Desk.Choices(v.Org, v.Who.Email, out.Words)
			}
			if lerr != nil && err == nil {
				out.Faults, status = h.told(r, lerr)
			}
		}
		var b bytes.Buffer
		if err := page(out).Render(r.Context(), &b); err != nil {
			h.cfg.Log.ErrorContext(r.Context(), "a page could not be made", "path", r.URL.Path, obs.Err(err))
			http.Error(w, "the page could not be made; 911 works: dial 911", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(status)
		_, _ = w.Write(b.Bytes())
	})
}

// First is the page itself for who is a user of an organisation and nothing else: he
// sees no board. None: he has something else to look at.
func (h *Handler) First(r *http.Request, identity string) string {
	_, has, err := h.cfg.Members.Of(r.Context(), identity)
	if err != nil {
		return ""
	}
	user := false
	for _, g := range has {
		switch {
		case !g.Holds(h.cfg.Now()):
		case g.Role != access.User:
			return ""
		default:
			user = true
		}
	}
	if !user {
		return ""
	}
	return "/my"
}

// may asks whether somebody has things of his own in the organisation that is open.
func (h *Handler) may(r *http.Request, v signin.Visit) error {
	a, err := h.cfg.Members.Ask(r.Context(), v.Who.ID, access.Question{At: access.Node{Org: string(v.Org)}, Area: access.Own, Verb: access.Write, Owner: v.Who.ID})
	if err != nil {
		return err
	}
	in, err := h.cfg.Members.Belongs(r.Context(), v.Who.ID, access.Node{Org: string(v.Org)})
	if err != nil {
		return err
	}
	own, err := h.cfg.Members.Owns(r.Context(), v.Who.ID, v.Org)
	switch {
	case err != nil:
		return err
	case in && !own:
		return e911.Errorf(e911.Denied, "your address is not proved, so that nothing of its user is yours: follow a link that was mailed to it, or ask the operator for one (callbox member link)")
	case v.Org == "" || !a.Allowed || !in:
		return e911.Errorf(e911.Denied, "this page is for the users of an organisation; ask your administrator for the role of a user")
	case r.Method == http.MethodPost && r.PostFormValue("org") != string(v.Org):
		return e911.Errorf(e911.Conflict, "you opened another organisation in this browser meanwhile: nothing was changed")
	}
	return nil
}

func (h *Handler) accept(r *http.Request, v signin.Visit) (string, error) {
	return "Kept: you have read it.", h.cfg.Desk.Accept(r.Context(), admin.Actor(v.Who.ID), v.Org, v.Who.Email, r.PostFormValue("version"))
}

func (h *Handler) place(r *http.Request, v signin.Visit) (string, error) {
	a, err := h.cfg.Desk.At(r.Context(), admin.Actor(v.Who.ID), v.Org, v.Who.Email, e911.LocationID(r.PostFormValue("location")))
	return kept(a, "place"), err
}

func (h *Handler) elsewhere(r *http.Request, v signin.Visit) (string, error) {
	a, err := h.cfg.Desk.Elsewhere(r.Context(), v.Org, v.Who.Email, r.PostFormValue("address"))
	return kept(a, "address"), err
}

func kept(a firstuse.Answer, what string) string {
	if a.Nowhere() {
		return "Kept: you have no telephone here yet; one that you get says this " + what + " when nothing better locates it."
	}
	return "Kept: your next 911 call says this " + what + "."
}

func (h *Handler) callback(r *http.Request, v signin.Visit) (string, error) {
	return "Kept: 911 calls you back on this number.", h.cfg.Desk.SetCallback(r.Context(), v.Org, v.Who.Email, r.PostFormValue("number"))
}

// remove refuses: a user cannot take himself off the list (N-45).
func (h *Handler) remove(*http.Request, signin.Visit) (string, error) {
	return "", h.cfg.Desk.Leave()
}

func (h *Handler) told(r *http.Request, err error) ([]e911.Fault, int) {
	status := map[e911.Kind]int{e911.Denied: 403, e911.NotFound: 404, e911.Conflict: 409, e911.Unavailable: 503, e911.Invalid: 422}[e911.KindOf(err)]
	faults := e911.FaultsOf(err)
	switch {
	case status == 0:
		h.cfg.Log.ErrorContext(r.Context(), "a page of a user's own failed", "path", r.URL.Path, obs.Err(err))
		return []e911.Fault{{Msg: "that did not work; it is in the log of the server"}}, http.StatusInternalServerError
	case len(faults) > 0:
		return faults, status
	}
	return []e911.Fault{{Msg: err.Error()}}, status
}

func addressOf(r *http.Request) string {
	a, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	return a.Addr().Unmap().String()
}
