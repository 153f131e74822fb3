package api

import (
	"context"
	"net/http"
	"net/netip"
	"reflect"
	"slices"
	"time"

	"github.com/callbox911/callbox/client"
	"github.com/callbox911/callbox/internal/admin/apikey"
	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/admin/signon"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
)

// Members is who may do what; member.Desk does it.
type Members interface {
	Ask(ctx context.Context, identity string, q access.Question) (access.Answer, error)
	Belongs(ctx context.Context, identity string, at access.Node) (bool, error)
	Of(ctx context.Context, identity string) (member.Identity, []member.Grant, error)
	Owns(ctx context.Context, identity string, org e911.OrgID) (bool, error)
	At(ctx context.Context, at access.Node) ([]member.Member, error)
	Give(ctx context.Context, by string, w member.Wish) (member.Given, error)
	Take(ctx context.Context, by, grant, identity string) error
	Roster(ctx context.Context, org e911.OrgID) ([]member.Member, error)
	Reinvite(ctx context.Context, by, grant, identity string) (member.Given, error)
	Change(ctx context.Context, by, grant, identity string, w member.Wish) (member.Given, error)
	RemovePartner(ctx context.Context, by, id string) error
	MovesFor(ctx context.Context, by string) ([]access.Transfer, error)
	Disable(ctx context.Context, by, identity string, off bool) error
	SetProfile(ctx context.Context, identity, name, language string) (member.Identity, error)
	Partners(ctx context.Context, by string) ([]member.Partner, error)
	AddPartner(ctx context.Context, by, key, name string) (member.Partner, error)
	Transfers(ctx context.Context, org e911.OrgID) ([]access.Transfer, error)
	AskTransfer(ctx context.Context, by string, org e911.OrgID, to string) (access.Transfer, error)
	Agree(ctx context.Context, by, id string) (access.Transfer, error)
	Refuse(ctx context.Context, by, id string) error
}

// SignOn is where somebody is signed in; signon.Desk does it.
type SignOn interface {
	Sessions(ctx context.Context, identity string) ([]signon.Session, error)
	End(ctx context.Context, identity string, ids []string, others bool) error
	AskedForLink(from netip.Addr, email string) error
	Credentials
}

// MemberWish asks for a role for somebody.
type MemberWish struct {
	Email  string      `json:"email" example:"ann@example.com"`
	Name   string      `json:"name,omitempty" doc:"Of one who is new"`
	Role   access.Role `json:"role"`
	Site   string      `json:"site,omitempty" doc:"A role at this site alone: its id"`
	Until  time.Time   `json:"until,omitzero" doc:"When the role ends; none: when it is taken away"`
	Reason string      `json:"reason,omitempty"`
}

// MemberShown is somebody with a role. Link is told once, to who invited him.
type MemberShown struct {
	ID       string      `json:"id" doc:"Of the role that was given"`
	Identity string      `json:"identity"`
	Email    string      `json:"email"`
	Name     string      `json:"name,omitempty"`
	Role     access.Role `json:"role"`
	At       access.Node `json:"at"`
	Until    time.Time   `json:"until,omitzero"`
	Support  bool        `json:"support,omitempty" doc:"Let in to help, for a time"`
	Reason   string      `json:"reason,omitempty"`
	Made     time.Time   `json:"made"`
	By       string      `json:"by"`
	Used     time.Time   `json:"used,omitzero" doc:"When support last looked at anything"`
	LastSeen time.Time   `json:"last_seen,omitzero"`
	Disabled time.Time   `json:"disabled,omitzero"`
	// Invitation is of one who never signed in.
	Invitation member.Invitation `json:"invitation,omitempty" doc:"Of one who never signed in: waiting, or lapsed; unproved: the role counts when he follows a link that was mailed to him, or the operator's"`
	Link       string            `json:"link,omitempty" doc:"The invitation, where no mail was sent; it is told once and works once, for a week"`
	Mailed     bool              `json:"mailed,omitempty" doc:"The invitation went out by mail"`
}

func shownMember(m member.Member) MemberShown {
	i, g := m.Identity, m.Grant
	return MemberShown{
		ID: g.ID, Identity: i.ID, Email: i.Email, Name: i.Name, Role: g.Role, At: g.At, Until: g.Until, Support: g.Support, Reason: g.Reason,
		Made: g.Made, By: string(g.By), Used: g.Used, LastSeen: i.LastSeen, Disabled: i.Disabled,
		Invitation: m.Invitation,
	}
}

// Profile is one's own.
type Profile struct {
	member.Identity
	Roles []member.Grant `json:"roles"`
}

// ProfileWish changes it.
type ProfileWish struct {
	Name     string `json:"name" example:"Ann Mill"`
	Language string `json:"language,omitempty" doc:"en or fr"`
}

// PartnerWish asks for a partner.
type PartnerWish struct {
	Key  string `json:"key" example:"north"`
	Name string `json:"name" example:"North Telecom"`
}

// TransferWish asks for the move of an organisation.
type TransferWish struct {
	To string `json:"to" doc:"Id of the partner that takes over; none: the provider itself"`
}

// TransferShown is a move of an organisation between partners.
type TransferShown struct {
	ID      string                         `json:"id"`
	Org     string                         `json:"org"`
	From    string                         `json:"from,omitempty"`
	To      string                         `json:"to,omitempty"`
	Asked   time.Time                      `json:"asked"`
	Agreed  map[access.Side]access.Consent `json:"agreed"`
	Waiting []access.Side                  `json:"waiting"`
	Ended   time.Time                      `json:"ended,omitzero"`
}

func shownTransfer(t access.Transfer, now time.Time) TransferShown {
	_, missing := t.Ready(now)
	if missing == nil {
		missing = []access.Side{}
	}
	return TransferShown{ID: t.ID, Org: t.Org, From: t.From, To: t.To, Asked: t.Asked, Agreed: t.Agreed, Waiting: missing, Ended: t.Ended}
}

// asker is who asks, as the desk of members knows him. Keys of organisations give no
// roles: a program that could would let in whom it likes.
func (c *call) asker() (string, error) {
	switch {
	case c.who.provider():
		return member.Operator, nil
	case c.who.identity == linkIdentity || !c.who.isPerson():
		return "", denied("this is for people who sign in with their address, and for the operator")
	}
	return c.who.identity, nil
}

func memberOperations() (ops []operation) {
	const one = "/organisations/{org}"
	read, write := []apikey.Scope{apikey.ScopeRead}, []apikey.Scope{apikey.ScopeKeys}
	shown := reflect.TypeFor[MemberShown]()
	example := map[string]any{"email": "ann@example.com", "name": "Ann Mill", "role": "organisation"}
	site := inQuery("site", "Those with a role at this site: its id, or key:NAME; all: also those at sites")
	for _, at := range []struct{ base, of, whose string }{{one, "", "an organisation"}, {"/partners/{id}", "partner_", "a partner"}, {"", "provider_", "the provider"}} {
		world := at.base != one
		list := operation{
			method: http.MethodGet, path: at.base + "/members", id: "list_" + at.of + "members", tag: "members", scopes: read, operator: world,
			summary: "List who has a role at " + at.whose, result: listOf(shown), do: (*Handler).listMembers,
		}
		if !world {
			list.params = []parameter{site}
		}
		last := "/members/{id}"
		if at.of == "partner_" {
			last = "/members/{member}"
		}
		ops = append(ops, list,
			operation{
				method: http.MethodPost, path: at.base + "/members", id: "invite_" + at.of + "members", tag: "members", scopes: write, operator: world,
				summary: "Give somebody a role; one who is new is invited", body: reflect.TypeFor[MemberWish](), example: example, status: http.StatusCreated,
				about:  "Without a mail server the answer has the invitation's link, once.",
				result: shown, do: func(h *Handler, c *call) (reply, error) { return h.invite(c, false) },
			},
			operation{
				method: http.MethodDelete, path: at.base + last, id: "remove_" + at.of + "members", tag: "members", scopes: write, operator: world,
				summary: "Take a role away", about: "The last administrator's stays.", status: http.StatusNoContent, do: (*Handler).removeMember,
			},
		)
	}
	return append(ops,
		operation{
			method: http.MethodGet, path: one + "/support", id: "list_support", tag: "members", scopes: read, summary: "List who was let in to help, until when, and when he last looked",
			result: listOf(shown), do: (*Handler).listSupport,
		},
		operation{
			method: http.MethodPost, path: one + "/support", id: "let_in_support", tag: "members", scopes: write, summary: "Let somebody of the partner or provider in, for a time",
			about: "At most 30 days; each use is in the audit trail.", body: reflect.TypeFor[MemberWish](), status: http.StatusCreated, result: shown,
			example: map[string]any{"email": "help@example.com", "role": "auditor", "until": "2026-03-10T12:00:00Z", "reason": "calls do not reach the trunk"},
			do:      func(h *Handler, c *call) (reply, error) { return h.invite(c, true) },
		},
		operation{
			method: http.MethodDelete, path: one + "/support/{id}", id: "end_support", tag: "members", scopes: write, summary: "Send support away",
			status: http.StatusNoContent, do: (*Handler).removeMember,
		},
		operation{
			method: http.MethodGet, path: "/partners", id: "list_partners", tag: "members", scopes: read, operator: true, summary: "List partners",
			result: listOf(reflect.TypeFor[member.Partner]()), do: (*Handler).listPartners,
		},
		operation{
			method: http.MethodPost, path: "/partners", id: "create_partners", tag: "members", scopes: write, operator: true, summary: "Make a partner",
			body: reflect.TypeFor[PartnerWish](), example: map[string]any{"key": "north", "name": "North Telecom"}, status: http.StatusCreated,
			result: reflect.TypeFor[member.Partner](), errors: []int{409}, do: (*Handler).addPartner,
		},
		operation{
			method: http.MethodPost, path: "/identities/{id}/disable", id: "disable_identities", tag: "members", scopes: write, operator: true, summary: "Keep somebody from signing in",
			about:  "Keys of programs are their organisations' and go on; the answer lists those of which he was shown a secret that counts: give them new secrets, or end them by keys:revoke_held of each organisation.",
			result: listOf(reflect.TypeFor[client.Key]()), do: func(h *Handler, c *call) (reply, error) { return h.disable(c, true) },
		},
		operation{
			method: http.MethodPost, path: "/identities/{id}/enable", id: "enable_identities", tag: "members", scopes: write, operator: true, summary: "Let somebody sign in again",
			status: http.StatusNoContent, do: func(h *Handler, c *call) (reply, error) { return h.disable(c, false) },
		},
	)
}

func transferOperations() []operation {
	read, write := []apikey.Scope{apikey.ScopeRead}, []apikey.Scope{apikey.ScopeKeys}
	shown := reflect.TypeFor[TransferShown]()
	return []operation{
		{
			method: http.MethodGet, path: "/organisations/{org}/transfers", id: "list_transfers", tag: "members", scopes: read, summary: "List the moves of an organisation between partners",
			result: listOf(shown), do: (*Handler).listTransfers,
		},
		{
			method: http.MethodPost, path: "/organisations/{org}/transfers", id: "ask_transfers", tag: "members", scopes: write, summary: "Ask for the move of an organisation to another partner",
			about: "It happens once both partners and the organisation have agreed; who asks agrees for his own side.", body: reflect.TypeFor[TransferWish](),
			example: map[string]any{"to": "0198aaaa-0000-7000-8000-000000000000"}, status: http.StatusCreated, result: shown, errors: []int{409}, do: (*Handler).askTransfer,
		},
		{
			method: http.MethodPost, path: "/transfers/{id}/agree", id: "agree_transfers", tag: "members", scopes: write, operator: true, summary: "Say yes to a move, for each side that you speak for",
			result: shown, errors: []int{409}, do: (*Handler).agreeTransfer,
		},
		{
			method: http.MethodPost, path: "/transfers/{id}/refuse", id: "refuse_transfers", tag: "members", scopes: write, operator: true, summary: "Say no to a move, or call it off",
			status: http.StatusNoContent, errors: []int{409}, do: (*Handler).refuseTransfer,
		},
		{
			method: http.MethodGet, path: "/profile", id: "get_profile", tag: "profile", summary: "Read who you are, and your roles", result: reflect.TypeFor[Profile](), do: (*Handler).profile,
		},
		{
			method: http.MethodPut, path: "/profile", id: "replace_profile", tag: "profile", summary: "Change your name and language", body: reflect.TypeFor[ProfileWish](),
			example: map[string]any{"name": "Ann Mill", "language": "en"}, result: reflect.TypeFor[Profile](), do: (*Handler).changeProfile,
		},
		{
			method: http.MethodGet, path: "/profile/sessions", id: "list_profile_sessions", tag: "profile", summary: "List where you are signed in",
			result: listOf(reflect.TypeFor[signon.Session]()), do: (*Handler).sessions,
		},
		{
			method: http.MethodDelete, path: "/profile/sessions/{id}", id: "end_profile_sessions", tag: "profile", summary: "Sign out somewhere else",
			status: http.StatusNoContent, do: (*Handler).endSession,
		},
	}
}

// place is the node that an operation of members is about.
func (h *Handler) place(c *call, site string) (access.Node, error) {
	switch {
	case c.org != "":
		err := h.named(c, e911.KindSite, &site)
		return access.Node{Org: string(c.org), Site: site}, err
	case c.param("id") != "" && c.op.path != "/members/{id}":
		return access.Node{Partner: c.param("id")}, nil
	}
	return access.Node{}, nil
}

func (h *Handler) listMembers(c *call) (reply, error) {
	return h.membersThat(c, func(m member.Member) bool { return !m.Grant.Support })
}

func (h *Handler) listSupport(c *call) (reply, error) {
	return h.membersThat(c, func(m member.Member) bool { return m.Grant.Support })
}

func (h *Handler) membersThat(c *call, is func(member.Member) bool) (reply, error) {
	if h.cfg.Members == nil {
		return reply{}, errNotHere
	}
	all, err := h.membersAt(c)
	out := []MemberShown{}
	for _, m := range all {
		if is(m) {
			out = append(out, shownMember(m))
		}
	}
	if err != nil {
		return reply{}, err
	}
	return answer(http.StatusOK, map[string]any{"items": out})
}

// allSites asks for roles at the organisation and at each of its sites.
const allSites = "all"

func (h *Handler) membersAt(c *call) ([]member.Member, error) {
	if site := c.query.Get("site"); c.org != "" && site == allSites {
		return h.cfg.Members.Roster(c.Context(), c.org)
	}
	at, err := h.place(c, c.query.Get("site"))
	if err != nil {
		return nil, err
	}
	return h.cfg.Members.At(c.Context(), at)
}

func (h *Handler) invite(c *call, support bool) (reply, error) {
	var w MemberWish
	by, err := h.asked(c, h.deskAsker, &w)
	if err != nil {
		return reply{}, err
	}
	at, err := h.place(c, w.Site)
	if err != nil {
		return reply{}, err
	}
	if c.sites != nil {
		if err := h.mayPlaceAt(c, at.Site, access.Members, access.Write); err != nil {
			return reply{}, err
		}
	}
	if err := h.siteThere(c, at); err != nil {
		return reply{}, err
	}
	g, err := h.cfg.Members.Give(c.Context(), by, member.Wish{Email: w.Email, Name: w.Name, Role: w.Role, At: at, Until: w.Until, Support: support, Reason: w.Reason})
	if err != nil {
		return reply{}, bodyFaults(err)
	}
	out := shownMember(member.Member{Identity: g.Identity, Grant: g.Grant})
	if g.Secret != "" && h.cfg.Invite != nil {
		out.Link, out.Mailed = h.cfg.Invite(c.Context(), g)
	}
	return answer(http.StatusCreated, out)
}

// siteThere is NotFound where a role is given at a site that is not there.
func (h *Handler) siteThere(c *call, at access.Node) error {
	if at.Site == "" {
		return nil
	}
	_, err := h.cfg.Objects[e911.KindSite].Get(c.Context(), c.org, at.Site)
	return err
}

// into reads the body into a value.
func (c *call) into(v any) error {
	tree, err := parse(c.body)
	if err != nil {
		return err
	}
	var d decoder
	d.into(tree, v)
	if len(d.faults) > 0 {
		return &e911.Error{Kind: e911.Invalid, Msg: "the request is refused", Faults: d.faults}
	}
	return nil
}

// bodyFaults turns a refusal of a role that may not be given into 403.
func bodyFaults(err error) error {
	if slices.ContainsFunc(e911.FaultsOf(err), func(f e911.Fault) bool { return f.Code == "denied" }) {
		return &statusError{status: http.StatusForbidden, err: err}
	}
	return err
}

func (h *Handler) removeMember(c *call) (reply, error) {
	by, err := h.deskAsker(c)
	if err != nil {
		return reply{}, err
	}
	at, err := h.place(c, "")
	if err != nil {
		return reply{}, err
	}
	id := c.param("id")
	if at.Partner != "" && at.Org == "" {
		id = c.param("member")
	}
	m, err := h.memberOf(c, at, id)
	if err != nil {
		return reply{}, err
	}
	if err := h.cfg.Members.Take(c.Context(), by, id, m.Identity.ID); err != nil {
		return reply{}, bodyFaults(err)
	}
	return reply{status: http.StatusNoContent}, nil
}

// memberOf finds a role at a node, or at a site of its organisation.
func (h *Handler) memberOf(c *call, at access.Node, id string) (member.Member, error) {
	all, err := []member.Member(nil), error(nil)
	if c.org != "" {
		all, err = h.cfg.Members.Roster(c.Context(), c.org)
	} else {
		all, err = h.cfg.Members.At(c.Context(), at)
	}
	if err != nil {
		return member.Member{}, err
	}
	for _, m := range all {
		if m.Grant.ID == id {
			return m, nil
		}
	}
	return member.Member{}, e911.Errorf(e911.NotFound, "there is no such role here")
}

func (h *Handler) listPartners(c *call) (reply, error) {
	by, err := h.deskAsker(c)
	if err != nil {
		return reply{}, err
	}
	return items(h.cfg.Members.Partners(c.Context(), by))
}

func orEmpty[T any](l []T) []T {
	if l == nil {
		return []T{}
	}
	return l
}

func (h *Handler) addPartner(c *call) (reply, error) {
	var w PartnerWish
	by, err := h.asked(c, h.deskAsker, &w)
	if err != nil {
		return reply{}, err
	}
	p, err := h.cfg.Members.AddPartner(c.Context(), by, w.Key, w.Name)
	if err != nil {
		return reply{}, err
	}
	return answer(http.StatusCreated, p)
}

func (h *Handler) disable(c *call, off bool) (reply, error) {
	by, err := h.deskAsker(c)
	if err != nil {
		return reply{}, err
	}
	if err := h.cfg.Members.Disable(c.Context(), by, c.param("id"), off); err != nil {
		return reply{}, err
	}
	if !off {
		return reply{status: http.StatusNoContent}, nil
	}
	held, err := h.cfg.Keys.HeldBy(c.Context(), c.param("id"))
	return items(shownKeys(held), err)
}
