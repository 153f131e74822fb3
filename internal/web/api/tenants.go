package api

import (
	"context"
	"net/http"
	"reflect"

	"github.com/callbox911/callbox/internal/admin/apikey"
	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
)

// Accounts makes organisations under partners; member.Accounts does.
type Accounts interface {
	Tree(ctx context.Context, by string) ([]member.Branch, error)
	Create(ctx context.Context, by string, w member.NewOrg) (member.Account, error)
	Request(ctx context.Context, w member.AccountWish) (member.AccountRequest, error)
	Requests(ctx context.Context, by string) ([]member.AccountRequest, error)
	Take(ctx context.Context, by, id string) (member.AccountRequest, error)
	Refuse(ctx context.Context, by, id, reason string) (member.AccountRequest, error)
	Finish(ctx context.Context, by, id, key string) (member.AccountRequest, member.Account, error)
}

// CustomerWish asks for an organisation under a partner.
type CustomerWish struct {
	Key           string `json:"key" example:"mill"`
	Name          string `json:"name,omitempty" example:"Mill Works"`
	Demonstration bool   `json:"demonstration,omitempty" doc:"Its trunks must stay on loopback"`
	Email         string `json:"email,omitempty" doc:"Of its first administrator, who is invited" example:"ann@example.com"`
	Person        string `json:"person,omitempty" doc:"His name" example:"Ann Mill"`
}

// Customer is an organisation under a partner. First is told when it is made.
type Customer struct {
	ID    e911.OrgID   `json:"id"`
	Key   string       `json:"key"`
	Name  string       `json:"name"`
	First *MemberShown `json:"first,omitempty" doc:"The first administrator, with the invitation's link where no mail was sent"`
}

// RequestAnswer says why a request is refused, or what key its organisation gets.
type RequestAnswer struct {
	Reason string `json:"reason,omitempty" doc:"Why it is invalid; the one who asked is told"`
	Key    string `json:"key,omitempty" doc:"Key of the organisation that is made" example:"mill"`
}

// AccountAnswered is a request that was answered with an organisation.
type AccountAnswered struct {
	Request member.AccountRequest `json:"request"`
	Made    Customer              `json:"made"`
}

func tenantOperations() []operation {
	read, write := []apikey.Scope{apikey.ScopeRead}, []apikey.Scope{apikey.ScopeKeys}
	request, customer := reflect.TypeFor[member.AccountRequest](), reflect.TypeFor[Customer]()
	answered := func(id, summary string, do func(h *Handler, c *call) (reply, error)) operation {
		return operation{
			method: http.MethodPost, path: "/account_requests/{id}/" + id, id: id + "_account_requests", tag: "members", scopes: write, operator: true,
			summary: summary, result: request, errors: []int{409}, do: do,
		}
	}
	refuse := answered("refuse", "Say that a request is invalid, and why", (*Handler).refuseRequest)
	refuse.body, refuse.example = reflect.TypeFor[RequestAnswer](), map[string]any{"reason": "there is no such subscription"}
	finish := answered("finish", "Make the organisation that was asked for, and invite who asked as its first administrator", (*Handler).finishRequest)
	finish.body, finish.example, finish.result = reflect.TypeFor[RequestAnswer](), map[string]any{"key": "mill"}, reflect.TypeFor[AccountAnswered]()
	return []operation{
		{
			method: http.MethodDelete, path: "/partners/{id}", id: "remove_partners", tag: "members", scopes: write, operator: true, summary: "End a partner",
			about: "Refused while it has organisations. Roles at it and moves to it end.", status: http.StatusNoContent, errors: []int{409}, do: (*Handler).removePartner,
		},
		{
			method: http.MethodGet, path: "/partners/{id}/organisations", id: "list_partner_organisations", tag: "members", scopes: read, operator: true,
			summary: "List the organisations of a partner", result: listOf(customer), do: (*Handler).listCustomers,
		},
		{
			method: http.MethodPost, path: "/partners/{id}/organisations", id: "create_partner_organisations", tag: "members", scopes: write, operator: true, once: true,
			summary: "Create an organisation under a partner, and invite its first administrator", about: "Without a mail server the answer has the invitation's link, once.",
			body: reflect.TypeFor[CustomerWish](), example: map[string]any{"key": "mill", "name": "Mill Works", "email": "ann@example.com", "person": "Ann Mill"},
			status: http.StatusCreated, result: customer, errors: []int{409}, do: (*Handler).createCustomer,
		},
		{
			method: http.MethodPut, path: "/organisations/{org}/members/{id}", id: "replace_members", tag: "members", scopes: write,
			summary: "Give another role of the organisation in place of one", about: "Both or neither; the last administrator stays one.", body: reflect.TypeFor[MemberWish](),
			example: map[string]any{"email": "ann@example.com", "role": "security_desk"}, result: reflect.TypeFor[MemberShown](), errors: []int{409}, do: (*Handler).changeMember,
		},
		{
			method: http.MethodPost, path: "/organisations/{org}/members/{id}/invite", id: "reinvite_members", tag: "members", scopes: write,
			summary: "Send another invitation to one who never signed in", about: "The link before works no more.", result: reflect.TypeFor[MemberShown](), errors: []int{409}, do: (*Handler).reinvite,
		},
		{
			method: http.MethodGet, path: "/transfers", id: "list_open_transfers", tag: "members", scopes: read, operator: true,
			summary: "List the moves under way that you have a say in", result: listOf(reflect.TypeFor[TransferShown]()), do: (*Handler).openTransfers,
		},
		{
			method: http.MethodPost, path: "/account_requests", id: "create_account_requests", tag: "members", open: true, summary: "Ask for an organisation of your own",
			about: "A partner that is not there is said at once. How it goes on comes by mail, within two working days.", body: reflect.TypeFor[member.AccountWish](),
			example: map[string]any{"organisation": "Mill Works", "email": "ann@example.com", "name": "Ann Mill"}, status: http.StatusCreated, result: request,
			errors: []int{403}, do: (*Handler).requestAccount,
		},
		{
			method: http.MethodGet, path: "/account_requests", id: "list_account_requests", tag: "members", scopes: read, operator: true,
			summary: "List the requests for accounts that are yours to answer", result: listOf(request), do: (*Handler).accountRequests,
		},
		answered("take", "Say that a request is worked on", (*Handler).takeRequest), refuse, finish,
	}
}

// tenants is who asks, where there are accounts at all.
func (h *Handler) tenants(c *call) (string, error) {
	if h.cfg.Accounts == nil {
		return "", errNotHere
	}
	return h.deskAsker(c)
}

// asked is who asks, as who finds him out, and the body that he sends.
func (h *Handler) asked(c *call, who func(*call) (string, error), body any) (by string, err error) {
	if by, err = who(c); err == nil {
		err = c.into(body)
	}
	return by, err
}

func (h *Handler) removePartner(c *call) (reply, error) {
	by, err := h.tenants(c)
	if err == nil {
		err = h.cfg.Members.RemovePartner(c.Context(), by, c.param("id"))
	}
	return reply{status: http.StatusNoContent}, err
}

func (h *Handler) listCustomers(c *call) (reply, error) {
	by, err := h.tenants(c)
	if err != nil {
		return reply{}, err
	}
	tree, err := h.cfg.Accounts.Tree(c.Context(), by)
	if err != nil {
		return reply{}, err
	}
	for _, b := range tree {
		if b.Partner.ID == "" || b.Partner.ID != c.param("id") {
			continue
		}
		out := []Customer{}
		for _, o := range b.Orgs {
			out = append(out, Customer{ID: o.ID, Key: o.Key, Name: o.Name})
		}
		return items(out, nil)
	}
	return reply{}, e911.Errorf(e911.NotFound, "there is no such partner")
}

func (h *Handler) createCustomer(c *call) (reply, error) {
	var w CustomerWish
	by, err := h.asked(c, h.tenants, &w)
	if err != nil {
		return reply{}, err
	}
	made, err := h.cfg.Accounts.Create(c.Context(), by, member.NewOrg{
		Partner: c.param("id"), Key: w.Key, Name: w.Name, Demonstration: w.Demonstration, Email: w.Email, Person: w.Person,
	})
	if err != nil {
		return reply{}, bodyFaults(err)
	}
	return answer(http.StatusCreated, h.customer(c, made))
}

func (h *Handler) customer(c *call, made member.Account) Customer {
	out := Customer{ID: made.Org.ID, Key: made.Org.Key, Name: made.Org.Name}
	if made.First.Identity.ID != "" {
		first := h.invited(c, made.First)
		out.First = &first
	}
	return out
}

// invited shows who was given a role, with the link of his invitation where it may
// be told.
func (h *Handler) invited(c *call, g member.Given) MemberShown {
	out := shownMember(member.Member{Identity: g.Identity, Grant: g.Grant})
	if g.Secret != "" {
		out.Invitation = member.Waiting
		if h.cfg.Invite != nil {
			out.Link, out.Mailed = h.cfg.Invite(c.Context(), g)
		}
	}
	return out
}

func (h *Handler) changeMember(c *call) (reply, error) {
	var w MemberWish
	by, err := h.asked(c, h.tenants, &w)
	if err != nil {
		return reply{}, err
	}
	at, err := h.place(c, w.Site)
	if err != nil {
		return reply{}, err
	}
	m, err := h.memberOf(c, access.Node{Org: string(c.org)}, c.param("id"))
	if err != nil {
		return reply{}, err
	}
	if err := h.siteThere(c, at); err != nil {
		return reply{}, err
	}
	g, err := h.cfg.Members.Change(c.Context(), by, m.Grant.ID, m.Identity.ID, member.Wish{Role: w.Role, At: at, Until: w.Until, Reason: w.Reason})
	if err != nil {
		return reply{}, bodyFaults(err)
	}
	return answer(http.StatusOK, h.invited(c, g))
}

func (h *Handler) reinvite(c *call) (reply, error) {
	by, err := h.tenants(c)
	if err != nil {
		return reply{}, err
	}
	m, err := h.memberOf(c, access.Node{Org: string(c.org)}, c.param("id"))
	if err != nil {
		return reply{}, err
	}
	g, err := h.cfg.Members.Reinvite(c.Context(), by, m.Grant.ID, m.Identity.ID)
	if err != nil {
		return reply{}, bodyFaults(err)
	}
	return answer(http.StatusOK, h.invited(c, g))
}

func (h *Handler) openTransfers(c *call) (reply, error) {
	by, err := h.tenants(c)
	if err != nil {
		return reply{}, err
	}
	all, err := h.cfg.Members.MovesFor(c.Context(), by)
	return h.transfersAnswer(all, err)
}

func (h *Handler) requestAccount(c *call) (reply, error) {
	if h.cfg.Accounts == nil || h.cfg.SignOn == nil {
		return reply{}, errNotHere
	}
	var w member.AccountWish
	if err := c.into(&w); err != nil {
		return reply{}, err
	}
	if err := h.cfg.SignOn.AskedForLink(address(c.Request), w.Email); err != nil {
		return reply{}, err
	}
	r, err := h.cfg.Accounts.Request(c.Context(), w)
	if err != nil {
		return reply{}, err
	}
	return answer(http.StatusCreated, r)
}

func (h *Handler) accountRequests(c *call) (reply, error) {
	by, err := h.tenants(c)
	if err != nil {
		return reply{}, err
	}
	return items(h.cfg.Accounts.Requests(c.Context(), by))
}

func (h *Handler) takeRequest(c *call) (reply, error) {
	by, err := h.tenants(c)
	if err != nil {
		return reply{}, err
	}
	r, err := h.cfg.Accounts.Take(c.Context(), by, c.param("id"))
	if err != nil {
		return reply{}, err
	}
	return answer(http.StatusOK, r)
}

func (h *Handler) refuseRequest(c *call) (reply, error) {
	var w RequestAnswer
	by, err := h.asked(c, h.tenants, &w)
	if err != nil {
		return reply{}, err
	}
	r, err := h.cfg.Accounts.Refuse(c.Context(), by, c.param("id"), w.Reason)
	if err != nil {
		return reply{}, err
	}
	return answer(http.StatusOK, r)
}

func (h *Handler) finishRequest(c *call) (reply, error) {
	var w RequestAnswer
	by, err := h.asked(c, h.tenants, &w)
	if err != nil {
		return reply{}, err
	}
	r, made, err := h.cfg.Accounts.Finish(c.Context(), by, c.param("id"), w.Key)
	if err != nil {
		return reply{}, err
	}
	return answer(http.StatusOK, AccountAnswered{Request: r, Made: h.customer(c, made)})
}
