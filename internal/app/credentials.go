package app

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/admin/signon"
)

// CredentialRequest is what the operator asks of how somebody signs in: a list, or
// that one of it is taken away.
type CredentialRequest struct {
	Email string
	Drop  string // id; none: the list
}

// CredentialAnswer is what is left.
type CredentialAnswer struct {
	Credentials []signon.Shown `json:"credentials"`
}

// AskCredentials asks the server that runs in dir, or the database there when none
// runs (D-14).
func AskCredentials(ctx context.Context, dir string, r CredentialRequest, log *slog.Logger) (CredentialAnswer, error) {
	q, err := questionOf(dir, "/credentials", r)
	if err != nil {
		return CredentialAnswer{}, err
	}
	return askOrOpen(ctx, q, func(st *database) (CredentialAnswer, error) {
		members, err := member.New(member.Config{Store: func() member.Store { return st }, Now: time.Now})
		if err != nil {
			return CredentialAnswer{}, err
		}
		desk, err := signon.New(signon.Config{Store: func() signon.Store { return st }, Now: time.Now, Log: log, Issuer: "Callbox"})
		if err != nil {
			return CredentialAnswer{}, err
		}
		if r.Drop != "" {
			log.Info("no server runs: nobody is mailed that a credential was taken away")
		}
		return credentialRequest(ctx, members, desk, r)
	})
}

func (s *Server) credentialRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST /credentials", func(w http.ResponseWriter, r *http.Request) {
		q, err := readControl[CredentialRequest](w, r)
		if err != nil {
			writeControl(w, nil, err)
			return
		}
		a, err := credentialRequest(r.Context(), s.access.members, s.access.signon, q)
		writeControl(w, a, err)
	})
}

func credentialRequest(ctx context.Context, members *member.Desk, desk *signon.Desk, r CredentialRequest) (CredentialAnswer, error) {
	who, err := findMember(ctx, members, r.Email)
	if err == nil && r.Drop != "" {
		err = desk.DropFor(ctx, member.Operator, who.ID, r.Drop)
	}
	if err != nil {
		return CredentialAnswer{}, err
	}
	all, err := desk.Own(ctx, who.ID)
	return CredentialAnswer{all}, err
}
