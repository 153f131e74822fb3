package signin

import (
	"net/http"
	"time"

	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
)

// Partners is what the page of partners and organisations shows.
type Partners struct {
	Branches []BranchShown
	Requests []RequestRow
	Provider bool // may make partners
}

// BranchShown is a partner with its organisations; without an id: the provider's own.
type BranchShown struct {
	ID, Key, Name string
	Orgs          []e911.Org
	Members       []Row
	Gone          bool // nothing keeps it from being removed
}

// RequestRow is a request for an account.
type RequestRow struct {
	ID, Organisation, Email, Name, Message, State, Reason, Asked, Due, Changed string
	Open, Late                                                                 bool
}

// noAccounts answers where organisations are not made by pages.
func (h *Handler) noAccounts(w http.ResponseWriter, r *http.Request) bool {
	if h.cfg.Accounts == nil {
		h.message(w, r, http.StatusNotFound, "Nothing here", "This server makes no organisations by pages.")
		return true
	}
	return false
}

func (h *Handler) partners(w http.ResponseWriter, r *http.Request, in signedIn) {
	h.showPartners(w, r, in, page{})
}

func (h *Handler) showPartners(w http.ResponseWriter, r *http.Request, in signedIn, p page) {
	if h.noAccounts(w, r) {
		return
	}
	shown, err := h.branches(r, in)
	if err != nil {
		faults, status := h.told(r, err)
		h.message(w, r, status, "Not now", faults[0].Msg)
		return
	}
	if len(shown.Branches) == 0 {
		h.message(w, r, http.StatusForbidden, "Not yours to see", "This is for partners and the provider.")
		return
	}
	v, status := h.tenantView(r, in, "Partners and organisations", p)
	h.page(w, r, status, partnersPage(v, shown, p.results))
}

func (h *Handler) branches(r *http.Request, in signedIn) (Partners, error) {
	var out Partners
	tree, err := h.cfg.Accounts.Tree(r.Context(), in.who.ID)
	if err != nil {
		return out, err
	}
	for _, b := range tree {
		s := BranchShown{ID: b.Partner.ID, Key: b.Partner.Key, Name: b.Partner.Name, Orgs: b.Orgs, Gone: b.Partner.ID != "" && len(b.Orgs) == 0}
		if s.ID == "" {
			s.Name, out.Provider = "The provider", true
		}
		all, err := h.cfg.Members.At(r.Context(), access.Node{Partner: s.ID})
		if err != nil {
			return out, err
		}
		for _, m := range all {
			s.Members = append(s.Members, rowOf(m, nil))
		}
		out.Branches = append(out.Branches, s)
	}
	all, err := h.cfg.Accounts.Requests(r.Context(), in.who.ID)
	for _, q := range all {
		out.Requests = append(out.Requests, RequestRow{
			ID: q.ID, Organisation: q.Organisation, Email: q.Email, Name: q.Name, Message: q.Message, State: string(q.State), Reason: q.Reason,
			Asked: day(q.Asked, ""), Due: q.Due().Format(time.DateOnly), Changed: day(q.Changed, ""),
			Open: !q.Over(), Late: !q.Over() && h.cfg.Now().After(q.Due()),
		})
	}
	return out, err
}

func (h *Handler) addPartner(w http.ResponseWriter, r *http.Request, in signedIn) {
	made, err := h.cfg.Members.AddPartner(r.Context(), in.who.ID, r.PostFormValue("key"), r.PostFormValue("name"))
	p := page{say: saidText(made.Name+" is a partner now.", err), wrong: err}
	if email := r.PostFormValue("email"); err == nil && email != "" {
		g, err := h.cfg.Members.Give(r.Context(), in.who.ID, member.Wish{Email: email, Role: access.Partner, At: access.Node{Partner: made.ID}})
		p.results = []Result{h.result(r, email, g, err)}
	}
	h.showPartners(w, r, in, p)
}

func (h *Handler) removePartner(w http.ResponseWriter, r *http.Request, in signedIn) {
	err := h.cfg.Members.RemovePartner(r.Context(), in.who.ID, r.PostFormValue("partner"))
	h.showPartners(w, r, in, page{say: saidText("The partner is no more.", err), wrong: err})
}

// invitePartner gives somebody a role at a partner, or with the provider.
func (h *Handler) invitePartner(w http.ResponseWriter, r *http.Request, in signedIn) {
	at, role := access.Node{Partner: r.PostFormValue("partner")}, access.Partner
	if at.Partner == "" {
		role = access.Provider
	}
	email := r.PostFormValue("email")
	g, err := h.cfg.Members.Give(r.Context(), in.who.ID, member.Wish{Email: email, Role: role, At: at})
	p := page{wrong: err}
	if err == nil {
		p.results = []Result{h.result(r, email, g, nil)}
	}
	h.showPartners(w, r, in, p)
}

// createOrg makes an organisation and invites its first administrator (W-21, C-56).
func (h *Handler) createOrg(w http.ResponseWriter, r *http.Request, in signedIn) {
	if h.noAccounts(w, r) {
		return
	}
	made, err := h.cfg.Accounts.Create(r.Context(), in.who.ID, member.NewOrg{
		Partner: r.PostFormValue("partner"), Key: r.PostFormValue("key"), Name: r.PostFormValue("name"),
		Email: r.PostFormValue("email"), Person: r.PostFormValue("person"),
	})
	h.showPartners(w, r, in, h.madeOrg(r, made, err))
}

func (h *Handler) madeOrg(r *http.Request, made member.Account, err error) page {
	p := page{say: saidText(made.Org.Name+" is made.", err), wrong: err}
	if err == nil && made.First.Identity.ID != "" {
		p.results = []Result{h.result(r, made.First.Identity.Email, made.First, nil)}
	}
	return p
}

// answerRequest takes, finishes or refuses a request for an account (W-22).
func (h *Handler) answerRequest(w http.ResponseWriter, r *http.Request, in signedIn) {
	if h.noAccounts(w, r) {
		return
	}
	id := r.PostFormValue("request")
	var p page
	switch r.PostFormValue("do") {
	case "take":
		_, p.wrong = h.cfg.Accounts.Take(r.Context(), in.who.ID, id)
		p.say = saidText("It is yours to answer; the one who asked is told.", p.wrong)
	case "refuse":
		_, p.wrong = h.cfg.Accounts.Refuse(r.Context(), in.who.ID, id, r.PostFormValue("reason"))
		p.say = saidText("The request is refused; the one who asked is told why.", p.wrong)
	case "finish":
		_, made, err := h.cfg.Accounts.Finish(r.Context(), in.who.ID, id, r.PostFormValue("key"))
		p = h.madeOrg(r, made, err)
	default:
		p.wrong = e911.Errorf(e911.Invalid, "say what to do with the request")
	}
	h.showPartners(w, r, in, p)
}

// Asked is what somebody wrote who asks for an account.
type Asked struct {
	member.AccountWish
	Done bool
}

func (h *Handler) askAccount(w http.ResponseWriter, r *http.Request) {
	if h.noAccounts(w, r) {
		return
	}
	h.page(w, r, http.StatusOK, accountPage(h.view(r, "Ask for an account"), Asked{AccountWish: member.AccountWish{Partner: r.URL.Query().Get("partner")}}))
}

// requestAccount takes a request of somebody who has no account.
func (h *Handler) requestAccount(w http.ResponseWriter, r *http.Request) {
	if h.noAccounts(w, r) {
		return
	}
	a := Asked{AccountWish: member.AccountWish{
		Partner: r.PostFormValue("partner"), Organisation: r.PostFormValue("organisation"), Email: r.PostFormValue("email"),
		Name: r.PostFormValue("name"), Message: r.PostFormValue("message"),
	}}
	v, status := h.view(r, "Ask for an account"), http.StatusOK
	err := h.cfg.SignOn.AskedForLink(address(r), a.Email)
	if err == nil {
		var q member.AccountRequest
		if q, err = h.cfg.Accounts.Request(r.Context(), a.AccountWish); err == nil {
			a.Done, v.Say = true, "Your request has arrived. It is answered by "+q.Due().Format("2 January 2006")+"; how it goes on comes by mail."
		}
	}
	if err != nil {
		v.Faults, status = h.told(r, err)
	}
	h.page(w, r, status, accountPage(v, a))
}
