package app

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/edit"
	"github.com/callbox911/callbox/internal/admin/layer"
	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/layers"
	"github.com/callbox911/callbox/internal/rules/access"
	"github.com/callbox911/callbox/internal/web/signin"
)

// accountsOf makes the use cases of organisations under partners.
func accountsOf(desk *member.Desk, editor func() (*edit.Editor, error), mail func(to, subject, text string) bool) (*member.Accounts, error) {
	return member.NewAccounts(member.AccountsConfig{
		Members: desk, Mail: mail,
		Make: func(ctx context.Context, who admin.Actor, o e911.Org) (e911.Org, error) {
			e, err := editor()
			if err != nil {
				return e911.Org{}, err
			}
			made, err := e.Orgs.Create(ctx, who, o)
			return made.Value, err
		},
		Unmake: func(ctx context.Context, who admin.Actor, id e911.OrgID) error {
			e, err := editor()
			if err != nil {
				return err
			}
			o, err := e.Orgs.Get(ctx, id, string(id))
			if err != nil {
				return err
			}
			return e.Orgs.Delete(ctx, who, id, string(id), o.Version)
		},
		Orgs: func(ctx context.Context) ([]e911.Org, error) {
			e, err := editor()
			if err != nil {
				return nil, err
			}
			return e.AllOrgs(ctx)
		},
	})
}

// sitesOf lists the sites of an organisation for the pages, by name.
func (s *Server) sitesOf(id e911.OrgID) []signin.Site {
	o := s.holder.Load().Org(id)
	if o == nil {
		return nil
	}
	var out []signin.Site
	for site := range o.Sites() {
		out = append(out, signin.Site{ID: string(site.ID), Name: site.Name})
	}
	slices.SortFunc(out, func(a, b signin.Site) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// TenantRequest is what the operator asks of partners, organisations under them,
// requests for accounts, support and moves.
type TenantRequest struct {
	// Do is partners, add-partner, remove-partner, tree, create, requests, take,
	// finish, refuse, support, let-in, end-support, moves, ask-move, agree or
	// refuse-move.
	Do            string
	ID            string // of a request, a support role or a move
	Partner       string // id or key
	Key           string
	Name          string
	Org           string // key
	Email, Person string
	Role          string
	Site          string // key of a site
	For           time.Duration
	Reason        string
	Asked         string // address of the administrator who asked for support
	Demonstration bool
}

// TenantAnswer is what he gets.
type TenantAnswer struct {
	Partners []member.Partner        `json:"partners,omitempty"`
	Tree     []member.Branch         `json:"tree,omitempty"`
	Requests []member.AccountRequest `json:"requests,omitempty"`
	Members  []member.Member         `json:"members,omitempty"`
	Moves    []access.Transfer       `json:"moves,omitempty"`
	Org      *e911.Org               `json:"org,omitempty"`
	Link     string                  `json:"link,omitempty"`
}

// tenants are the use cases that a TenantRequest goes to.
type tenants struct {
	desk     *member.Desk
	accounts *member.Accounts
	st       *database
	base     string
	mail     func(to, subject, text string) bool
	now      func() time.Time
}

// AskTenants asks the server that runs in dir, or the database there when none runs
// (D-14).
func AskTenants(ctx context.Context, dir string, r TenantRequest, log *slog.Logger) (TenantAnswer, error) {
	q, err := questionOf(dir, "/tenants", r)
	if err != nil {
		return TenantAnswer{}, err
	}
	return askOrOpen(ctx, q, func(st *database) (TenantAnswer, error) {
		desk, err := member.New(member.Config{Store: func() member.Store { return st }, Now: time.Now})
		if err != nil {
			return TenantAnswer{}, err
		}
		noMail := func(string, string, string) bool { return false }
		accounts, err := accountsOf(desk, func() (*edit.Editor, error) {
			return edit.New(edit.Config{Store: st, Layer: layers.USCountyBoundary, Layers: layer.NewShelf(st, nil, postalCodes(nil)), Now: time.Now})
		}, noMail)
		if err != nil {
			return TenantAnswer{}, err
		}
		log.Info("no server runs: nothing is mailed, and links begin with the default address of the pages")
		return tenants{desk, accounts, st, "http://localhost:8088", noMail, time.Now}.answer(ctx, r)
	})
}

func (s *Server) tenantRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST /tenants", overStore(s, func(ctx context.Context, st *database, q TenantRequest) (TenantAnswer, error) {
		a, err := tenants{s.access.members, s.access.accounts, st, s.cfg.BaseURL, s.post, s.cfg.Now}.answer(ctx, q)
		if a.Org != nil {
			err = s.published(ctx, err)
		}
		return a, err
	}))
}

func (t tenants) answer(ctx context.Context, r TenantRequest) (a TenantAnswer, err error) {
	do, ok := map[string]func(ctx context.Context, r TenantRequest) (TenantAnswer, error){
		"partners": t.partners, "add-partner": t.addPartner, "remove-partner": t.removePartner, "tree": t.tree, "create": t.create,
		"requests": t.requests, "take": t.take, "finish": t.finish, "refuse": t.refuse,
		"support": t.support, "let-in": t.letIn, "end-support": t.endSupport,
		"moves": t.moves, "ask-move": t.askMove, "agree": t.agree, "refuse-move": t.refuseMove,
	}[r.Do]
	if !ok {
		return a, e911.Errorf(e911.Invalid, "there is no such question")
	}
	return do(ctx, r)
}

func (t tenants) partners(ctx context.Context, _ TenantRequest) (a TenantAnswer, err error) {
	a.Partners, err = t.desk.Partners(ctx, member.Operator)
	return a, err
}

func (t tenants) addPartner(ctx context.Context, r TenantRequest) (TenantAnswer, error) {
	p, err := t.desk.AddPartner(ctx, member.Operator, r.Key, r.Name)
	if err != nil {
		return TenantAnswer{}, err
	}
	a := TenantAnswer{Partners: []member.Partner{p}}
	if r.Email == "" {
		return a, nil
	}
	g, err := t.desk.Give(ctx, member.Operator, member.Wish{Email: r.Email, Name: r.Person, Role: access.Partner, At: access.Node{Partner: p.ID}})
	a.Link = t.link(g)
	return a, err
}

func (t tenants) link(g member.Given) string {
	if g.Secret == "" {
		return ""
	}
	return signin.Link(t.base, member.LinkInvitation, g.Secret)
}

func (t tenants) removePartner(ctx context.Context, r TenantRequest) (TenantAnswer, error) {
	return TenantAnswer{}, t.desk.RemovePartner(ctx, member.Operator, r.Partner)
}

func (t tenants) tree(ctx context.Context, _ TenantRequest) (a TenantAnswer, err error) {
	a.Tree, err = t.accounts.Tree(ctx, member.Operator)
	return a, err
}

func (t tenants) made(m member.Account, err error) (TenantAnswer, error) {
	if err != nil {
		return TenantAnswer{}, err
	}
	return TenantAnswer{Org: &m.Org, Link: t.link(m.First)}, nil
}

func (t tenants) create(ctx context.Context, r TenantRequest) (TenantAnswer, error) {
	return t.made(t.accounts.Create(ctx, member.Operator, member.NewOrg{
		Partner: r.Partner, Key: r.Key, Name: r.Name, Demonstration: r.Demonstration, Email: r.Email, Person: r.Person,
	}))
}

func (t tenants) requests(ctx context.Context, _ TenantRequest) (a TenantAnswer, err error) {
	a.Requests, err = t.accounts.Requests(ctx, member.Operator)
	return a, err
}

func (t tenants) take(ctx context.Context, r TenantRequest) (TenantAnswer, error) {
	q, err := t.accounts.Take(ctx, member.Operator, r.ID)
	return TenantAnswer{Requests: []member.AccountRequest{q}}, err
}

func (t tenants) finish(ctx context.Context, r TenantRequest) (TenantAnswer, error) {
	q, m, err := t.accounts.Finish(ctx, member.Operator, r.ID, r.Key)
	a, err := t.made(m, err)
	a.Requests = []member.AccountRequest{q}
	return a, err
}

func (t tenants) refuse(ctx context.Context, r TenantRequest) (TenantAnswer, error) {
	q, err := t.accounts.Refuse(ctx, member.Operator, r.ID, r.Reason)
	return TenantAnswer{Requests: []member.AccountRequest{q}}, err
}

func (t tenants) org(ctx context.Context, key string) (e911.OrgID, error) {
	if key == "" {
		return "", e911.Errorf(e911.Invalid, "name the organisation")
	}
	return storedOrg(ctx, t.st, key)
}

func (t tenants) support(ctx context.Context, r TenantRequest) (a TenantAnswer, err error) {
	org, err := t.org(ctx, r.Org)
	if err != nil {
		return a, err
	}
	all, err := t.desk.Roster(ctx, org)
	for _, m := range all {
		if m.Grant.Support {
			a.Members = append(a.Members, m)
		}
	}
	return a, err
}

// letIn lets support in for an administrator of the organisation who asked for it,
// and writes to him that it was done.
func (t tenants) letIn(ctx context.Context, r TenantRequest) (TenantAnswer, error) {
	org, err := t.org(ctx, r.Org)
	if err != nil {
		return TenantAnswer{}, err
	}
	at := access.Node{Org: string(org)}
	if r.Site != "" {
		if at.Site, err = t.site(ctx, org, r.Site); err != nil {
			return TenantAnswer{}, err
		}
	}
	g, err := t.desk.LetInFor(ctx, r.Asked, member.Wish{
		Email: r.Email, Name: r.Person, Role: access.Role(r.Role), At: at, Until: t.now().Add(r.For), Reason: r.Reason,
	})
	if err != nil {
		return TenantAnswer{}, err
	}
	t.mail(r.Asked, "Support was let in", "As you asked, "+g.Identity.Email+" has the role "+string(g.Grant.Role)+" in your organisation until "+
		g.Grant.Until.Format("2006-01-02 15:04")+" UTC.\n\nIf you did not ask for it, end it under Support, or tell your provider.\n")
	return TenantAnswer{Members: []member.Member{{Identity: g.Identity, Grant: g.Grant}}, Link: t.link(g)}, nil
}

func (t tenants) site(ctx context.Context, org e911.OrgID, key string) (id string, err error) {
	err = t.st.Read(ctx, func(r admin.Reader) error {
		found, err := r.List(ctx, admin.Query{Kind: e911.KindSite, Org: org, Field: admin.ByKey, Value: key})
		if err == nil && len(found) == 0 {
			err = e911.Errorf(e911.NotFound, "there is no site %q", key)
		}
		if err == nil {
			id = found[0].Ref.ID
		}
		return err
	})
	return id, err
}

func (t tenants) endSupport(ctx context.Context, r TenantRequest) (TenantAnswer, error) {
	a, err := t.support(ctx, r)
	if err != nil {
		return a, err
	}
	for _, m := range a.Members {
		if m.Grant.ID == r.ID {
			return TenantAnswer{}, t.desk.Take(ctx, member.Operator, r.ID, m.Identity.ID)
		}
	}
	return TenantAnswer{}, e911.Errorf(e911.NotFound, "there is no such support there; callbox member support list has their ids")
}

func (t tenants) moves(ctx context.Context, r TenantRequest) (a TenantAnswer, err error) {
	if r.Org == "" {
		a.Moves, err = t.desk.MovesFor(ctx, member.Operator)
	} else {
		var org e911.OrgID
		if org, err = t.org(ctx, r.Org); err == nil {
			a.Moves, err = t.desk.Transfers(ctx, org)
		}
	}
	if err == nil {
		a.Tree, err = t.accounts.Tree(ctx, member.Operator) // who is what, for a person
	}
	return a, err
}

func (t tenants) askMove(ctx context.Context, r TenantRequest) (TenantAnswer, error) {
	org, err := t.org(ctx, r.Org)
	if err != nil {
		return TenantAnswer{}, err
	}
	m, err := t.desk.AskTransfer(ctx, member.Operator, org, r.Partner)
	if e911.KindOf(err) == e911.NotFound {
		err = e911.Errorf(e911.Denied, "the provider has no part in a move from one partner to another: one of them, or the organisation, asks for it at /moves")
	}
	return TenantAnswer{Moves: []access.Transfer{m}}, err
}

func (t tenants) agree(ctx context.Context, r TenantRequest) (TenantAnswer, error) {
	m, err := t.desk.Agree(ctx, member.Operator, r.ID)
	return TenantAnswer{Moves: []access.Transfer{m}}, noMove(err)
}

func (t tenants) refuseMove(ctx context.Context, r TenantRequest) (TenantAnswer, error) {
	return TenantAnswer{}, noMove(t.desk.Refuse(ctx, member.Operator, r.ID))
}

func noMove(err error) error {
	if e911.KindOf(err) == e911.NotFound {
		return e911.Errorf(e911.NotFound, "there is no such move in which the provider has a part; callbox member move list has their ids")
	}
	return err
}
