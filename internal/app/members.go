package app

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	rest "github.com/callbox911/callbox/client"
	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/apikey"
	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
	"github.com/callbox911/callbox/internal/web/api"
	"github.com/callbox911/callbox/internal/web/signin"
)

// MemberRequest is what the operator asks of members.
type MemberRequest struct {
	Do      string // first, invite, list, remove, disable, enable, link
	Email   string
	Name    string
	Role    string
	Org     string // key; none: the provider's
	Partner string // id
	ID      string // of a role
	// RevokeKeys ends the keys of programs that somebody knows who is disabled.
	RevokeKeys bool
}

// MemberAnswer is what he gets.
type MemberAnswer struct {
	Members []member.Member `json:"members,omitempty"`
	// Link is told once; it is mailed to nobody, because the operator has it.
	Link string `json:"link,omitempty"`
	// Keys of programs are known to who was disabled; with RevokeKeys they have ended.
	Keys []rest.Key `json:"keys,omitempty"`
}

// memberDesk answers what the operator asks of members.
type memberDesk struct {
	*member.Desk
	keys *apikey.Keeper
	st   *database
	base string // of links
}

// operatorLink is how long the link of a new password works that the operator made.
const operatorLink = 24 * time.Hour

// AskMembers asks the server that runs in dir, or the database there when none runs
// (D-14).
func AskMembers(ctx context.Context, dir string, r MemberRequest, log *slog.Logger) (MemberAnswer, error) {
	q, err := questionOf(dir, "/members", r)
	if err != nil {
		return MemberAnswer{}, err
	}
	return askOrOpen(ctx, q, func(st *database) (MemberAnswer, error) {
		desk, err := member.New(member.Config{Store: func() member.Store { return st }, Now: time.Now})
		if err != nil {
			return MemberAnswer{}, err
		}
		keys, err := offlineKeys(st, log)
		if err != nil {
			return MemberAnswer{}, err
		}
		log.Info("no server runs: the link begins with the default address of the pages")
		return memberDesk{desk, keys, st, "http://localhost:8088"}.answer(ctx, r)
	})
}

func (s *Server) memberRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST /members", overStore(s, func(ctx context.Context, st *database, q MemberRequest) (MemberAnswer, error) {
		return memberDesk{s.access.members, s.api.keys, st, s.cfg.BaseURL}.answer(ctx, q)
	}))
}

// overStore answers a question of the command line with the open database.
func overStore[Q, A any](s *Server, do func(ctx context.Context, st *database, q Q) (A, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		q, err := readControl[Q](w, r)
		if err != nil {
			writeControl(w, nil, err)
			return
		}
		st := s.store.get()
		if st == nil {
			writeControl(w, nil, errNoStore)
			return
		}
		a, err := do(r.Context(), st, q)
		writeControl(w, a, err)
	}
}

// memberNode is the place that a request is about.
func memberNode(ctx context.Context, st *database, r MemberRequest) (access.Node, error) {
	if r.Org == "" {
		return access.Node{Partner: r.Partner}, nil
	}
	at := access.Node{}
	err := st.Read(ctx, func(v admin.Reader) error {
		orgs, err := v.Orgs(ctx)
		for _, o := range orgs {
			if o.Key == r.Org {
				at.Org = string(o.ID)
			}
		}
		return err
	})
	if err == nil && at.Org == "" {
		err = noOrg(r.Org)
	}
	return at, err
}

// findMember finds somebody by his address.
func findMember(ctx context.Context, desk *member.Desk, email string) (member.Identity, error) {
	i, err := desk.Find(ctx, email)
	if e911.KindOf(err) == e911.NotFound {
		err = e911.Errorf(e911.NotFound, "nobody has the address %s; callbox member list [--org KEY] has them", email)
	}
	return i, err
}

// disable keeps somebody from signing in, or lets him again, and says which keys of
// programs he knows, whose ever they are.
func (desk memberDesk) disable(ctx context.Context, r MemberRequest) (MemberAnswer, error) {
	i, err := findMember(ctx, desk.Desk, r.Email)
	if err == nil {
		err = desk.Disable(ctx, member.Operator, i.ID, r.Do == "disable")
	}
	if err != nil || r.Do != "disable" {
		return MemberAnswer{}, err
	}
	held, err := desk.keys.HeldBy(ctx, i.ID)
	if err != nil {
		return MemberAnswer{}, err
	}
	a := MemberAnswer{}
	for _, k := range held {
		if r.RevokeKeys {
			if err := desk.keys.Revoke(ctx, admin.Actor(member.Operator), k.Org, k.ID); err != nil {
				return a, err
			}
			k.Revoked = time.Now().UTC()
		}
		a.Keys = append(a.Keys, api.ShowKey(k, nil))
	}
	return a, nil
}

func (desk memberDesk) answer(ctx context.Context, r MemberRequest) (MemberAnswer, error) {
	at, err := memberNode(ctx, desk.st, r)
	if err != nil {
		return MemberAnswer{}, err
	}
	given := func(g member.Given, err error) (MemberAnswer, error) {
		a := MemberAnswer{Members: []member.Member{{Identity: g.Identity, Grant: g.Grant}}}
		if g.Secret != "" {
			a.Link = signin.Link(desk.base, member.LinkInvitation, g.Secret)
		}
		return a, err
	}
	switch r.Do {
	case "first":
		return given(desk.First(ctx, member.Operator, r.Email, r.Name))
	case "invite":
		return given(desk.Give(ctx, member.Operator, member.Wish{Email: r.Email, Name: r.Name, Role: access.Role(r.Role), At: at}))
	case "list":
		all, err := desk.At(ctx, at)
		return MemberAnswer{Members: all}, err
	case "link":
		i, secret, err := desk.NewLink(ctx, r.Email, member.LinkReset, operatorLink)
		if err == nil && secret == "" {
			err = e911.Errorf(e911.NotFound, "nobody with this address may sign in; callbox member list has who may, callbox member invite lets somebody in")
		}
		return MemberAnswer{Members: []member.Member{{Identity: i}}, Link: signin.Link(desk.base, member.LinkReset, secret)}, err
	case "disable", "enable":
		return desk.disable(ctx, r)
	case "remove":
		all, err := desk.At(ctx, at)
		for _, m := range all {
			if m.Grant.ID == r.ID {
				return MemberAnswer{}, desk.Take(ctx, member.Operator, r.ID, m.Identity.ID)
			}
		}
		if err == nil {
			err = e911.Errorf(e911.NotFound, "there is no such role there; callbox member list has their ids")
		}
		return MemberAnswer{}, err
	}
	return MemberAnswer{}, e911.Errorf(e911.Invalid, "there is no such question")
}
