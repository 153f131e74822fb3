package signon

import (
	"context"
	"slices"
	"time"

	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/e911"
)

// ErrBound is said to a session that an organisation's identity provider brought
// when it would change how its identity signs in: that would outlast the session, and
// reach further than the organisation.
var ErrBound = e911.Errorf(e911.Denied, "you are signed in by your organisation's provider: to change how you sign in here, sign in with your own password, or ask for a link by “Forgotten your password?”")

// ErrForced means that the proof is right, and the organisation takes only its
// identity provider's.
var ErrForced = e911.Errorf(e911.Denied, "your organisation asks you to sign in by its own provider: choose “Sign in with your organisation”")

// Verdict is what a Gate says of somebody who proved himself by credentials of ours.
type Verdict struct {
	// Without are organisations that do not take this proof.
	Without []e911.OrgID
	// Past are organisations into which he comes past their provider (break-glass).
	Past []e911.OrgID
}

// Gate keeps credentials of ours from being enough where an organisation asks for
// its identity provider.
type Gate interface {
	// Own is asked for everybody whom no identity provider brought, after his proof. An
	// error keeps him out: ErrForced, or why he cannot be judged now.
	Own(ctx context.Context, identity string, by []string) (Verdict, error)
	// Passed is told, once the session is written, that it goes past the provider of an
	// organisation. The audit trail has it already.
	Passed(ctx context.Context, org e911.OrgID, identity string)
	// Drops says why an identity cannot lose a credential; left are those it would keep.
	Drops(ctx context.Context, identity string, left []Credential) error
}

// Scope is how far the session reaches; see member.Within.
func (s Session) Scope() member.Scope {
	return member.Scope{Only: s.Bound, Without: s.Without, Proved: s.Provider != "" && s.Bound == ""}
}

// scopedTx keeps a bound session from credentials, and from sessions that are not of
// its organisation.
type scopedTx struct {
	Tx
	only e911.OrgID
}

func scoped(ctx context.Context, do func(Tx) error) func(Tx) error {
	s := member.ScopeOf(ctx)
	if s.Only == "" {
		return do
	}
	return func(tx Tx) error { return do(scopedTx{tx, s.Only}) }
}

// CredentialsOf implements Credentials.
func (scopedTx) CredentialsOf(context.Context, string) ([]Credential, error) { return nil, ErrBound }

// Credential implements Credentials.
func (scopedTx) Credential(context.Context, string) (Credential, error) {
	return Credential{}, ErrBound
}

// PutCredential implements Credentials.
func (scopedTx) PutCredential(context.Context, Credential) error { return ErrBound }

// DropCredential implements Credentials.
func (scopedTx) DropCredential(context.Context, string, string) error { return ErrBound }

// SessionsOf implements Sessions.
func (t scopedTx) SessionsOf(ctx context.Context, identity string, now time.Time) ([]Session, error) {
	all, err := t.Tx.SessionsOf(ctx, identity, now)
	return slices.DeleteFunc(all, func(s Session) bool { return s.Bound != t.only }), err
}

// EndSessions implements Sessions.
func (t scopedTx) EndSessions(ctx context.Context, identity string, ids []string, others bool, at time.Time) error {
	mine, err := t.SessionsOf(ctx, identity, at)
	if err != nil {
		return err
	}
	for _, s := range mine {
		if slices.Contains(ids, s.ID) == others {
			continue
		}
		if err := t.Tx.EndSessions(ctx, identity, []string{s.ID}, false, at); err != nil {
			return err
		}
	}
	return nil
}
