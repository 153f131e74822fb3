package signin

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
)

// Support is what the page of support shows.
type Support struct {
	Org      string
	Rows     []SupportRow
	Roles    []Choice
	MayWrite bool
}

// SupportRow is somebody who was let in.
type SupportRow struct{ Grant, Email, Role, Until, Used, Reason string }

// supportRoles are those that the page offers, the least first.
var supportRoles = []access.Role{access.Auditor, access.Desk, access.Organisation}

func (h *Handler) support(w http.ResponseWriter, r *http.Request, in signedIn) {
	h.showSupport(w, r, in, page{})
}

func (h *Handler) showSupport(w http.ResponseWriter, r *http.Request, in signedIn, p page) {
	at, name, ok := h.here(w, r, in, access.Support, access.Read)
	if !ok {
		return
	}
	all, err := h.cfg.Members.Roster(r.Context(), e911.OrgID(at.Org))
	var may access.Answer
	if err == nil {
		may, err = h.cfg.Members.Ask(r.Context(), in.who.ID, access.Question{At: at, Area: access.Support, Verb: access.Write})
	}
	if err != nil {
		faults, status := h.told(r, err)
		h.message(w, r, status, "Not now", faults[0].Msg)
		return
	}
	s := Support{Org: name, MayWrite: may.Allowed}
	for _, m := range all {
		if g := m.Grant; g.Support {
			until := "until " + day(g.Until, "") + " UTC"
			if !g.Holds(h.cfg.Now()) {
				until = "ended " + day(g.Until, "") + " UTC"
			}
			s.Rows = append(s.Rows, SupportRow{g.ID, m.Identity.Email, words(g.Role), until, day(g.Used, ""), g.Reason})
		}
	}
	for _, role := range supportRoles {
		s.Roles = append(s.Roles, Choice{string(role), words(role), access.About(role)})
	}
	v, status := h.tenantView(r, in, "Support", p)
	h.page(w, r, status, supportPage(v, s, p.results))
}

func (h *Handler) letIn(w http.ResponseWriter, r *http.Request, in signedIn) {
	at, _, ok := h.here(w, r, in, access.Support, access.Read)
	if !ok {
		return
	}
	hours, err := strconv.Atoi(r.PostFormValue("hours"))
	if err != nil || hours < 1 || hours > int(access.MaxSupport/time.Hour) {
		h.showSupport(w, r, in, page{wrong: e911.Errorf(e911.Invalid, "say for how long, from an hour to 30 days")})
		return
	}
	g, err := h.cfg.Members.Give(r.Context(), in.who.ID, member.Wish{
		Email: r.PostFormValue("email"), Role: access.Role(r.PostFormValue("role")), At: at, Support: true,
		Until: h.cfg.Now().Add(time.Duration(hours) * time.Hour), Reason: r.PostFormValue("reason"),
	})
	p := page{wrong: err}
	if err == nil {
		p.results = []Result{h.result(r, g.Identity.Email, g, nil)}
	}
	h.showSupport(w, r, in, p)
}

func (h *Handler) endSupport(w http.ResponseWriter, r *http.Request, in signedIn) {
	at, _, ok := h.here(w, r, in, access.Support, access.Read)
	if !ok {
		return
	}
	m, err := h.mine(r, at)
	if err == nil && !m.Grant.Support {
		err = e911.Errorf(e911.NotFound, "there is no such support here")
	}
	if err == nil {
		err = h.cfg.Members.Take(r.Context(), in.who.ID, m.Grant.ID, m.Identity.ID)
	}
	h.showSupport(w, r, in, page{say: saidText(m.Identity.Email+" sees nothing any more.", err), wrong: err})
}

// Moves is what the page of moves shows.
type Moves struct {
	Rows []MoveRow
	Org  string // that is open and may ask; none: nothing can be asked for here
}

// MoveRow is a move under way.
type MoveRow struct {
	ID, Org, From, To, Asked, Until string
	Waits                           []string
}

var sideWords = map[access.Side]string{access.SideFrom: "the partner that it leaves", access.SideTo: "the partner that takes over", access.SideCustomer: "the organisation"}

func (h *Handler) moves(w http.ResponseWriter, r *http.Request, in signedIn) {
	h.showMoves(w, r, in, page{})
}

func (h *Handler) showMoves(w http.ResponseWriter, r *http.Request, in signedIn, p page) {
	all, err := h.cfg.Members.MovesFor(r.Context(), in.who.ID)
	if err != nil {
		faults, status := h.told(r, err)
		h.message(w, r, status, "Not now", faults[0].Msg)
		return
	}
	var m Moves
	for _, t := range all {
		_, missing := t.Ready(h.cfg.Now())
		name, _ := h.cfg.Org(e911.OrgID(t.Org))
		row := MoveRow{ID: t.ID, Org: name, From: orProvider(t.From), To: orProvider(t.To), Asked: day(t.Asked, ""), Until: day(t.Asked.Add(access.TransferLife), "")}
		for _, s := range missing {
			row.Waits = append(row.Waits, sideWords[s])
		}
		m.Rows = append(m.Rows, row)
	}
	if org := h.get(r, cookieOrg); org != "" {
		a, err := h.cfg.Members.Ask(r.Context(), in.who.ID, access.Question{At: access.Node{Org: org}, Area: access.Members, Verb: access.Write})
		if err == nil && a.Allowed {
			m.Org, _ = h.cfg.Org(e911.OrgID(org))
		}
	}
	v, status := h.tenantView(r, in, "Moves", p)
	h.page(w, r, status, movesPage(v, m))
}

func orProvider(partner string) string {
	if partner == "" {
		return "the provider"
	}
	return "a partner"
}

func (h *Handler) askMove(w http.ResponseWriter, r *http.Request, in signedIn) {
	at, _, ok := h.here(w, r, in, access.Members, access.Write)
	if !ok {
		return
	}
	_, err := h.cfg.Members.AskTransfer(r.Context(), in.who.ID, e911.OrgID(at.Org), r.PostFormValue("to"))
	h.showMoves(w, r, in, page{say: saidText("The move is asked for. It happens when all have said yes.", err), wrong: err})
}

func (h *Handler) agreeMove(w http.ResponseWriter, r *http.Request, in signedIn) {
	t, err := h.cfg.Members.Agree(r.Context(), in.who.ID, r.PostFormValue("move"))
	say := "You have said yes."
	if !t.Ended.IsZero() {
		say = "All have said yes: the organisation has moved."
	}
	h.showMoves(w, r, in, page{say: saidText(say, err), wrong: err})
}

func (h *Handler) refuseMove(w http.ResponseWriter, r *http.Request, in signedIn) {
	err := h.cfg.Members.Refuse(r.Context(), in.who.ID, r.PostFormValue("move"))
	h.showMoves(w, r, in, page{say: saidText("The move is called off.", err), wrong: err})
}

// places are the organisations in which somebody has a role, by name.
func (h *Handler) places(r *http.Request, identity string) ([]Site, error) {
	_, has, err := h.cfg.Members.Of(r.Context(), identity)
	var out []Site
	for _, g := range has {
		name, ok := h.cfg.Org(e911.OrgID(g.At.Org))
		if !ok || !g.Grant.Holds(h.cfg.Now()) || slices.ContainsFunc(out, func(s Site) bool { return s.ID == g.At.Org }) {
			continue
		}
		out = append(out, Site{g.At.Org, name})
	}
	return out, err
}
