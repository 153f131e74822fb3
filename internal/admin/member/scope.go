package member

import (
	"context"
	"fmt"
	"slices"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
)

// Scope is how far a session reaches, whatever roles its identity has. The zero
// Scope reaches everywhere.
type Scope struct {
	// Only is the organisation whose identity provider brought the person: roles
	// anywhere else, also above it, are as if they were not there.
	Only e911.OrgID `json:"only,omitempty"`
	// Without are organisations that ask for their identity provider, which was not
	// used: roles in them are as if they were not there.
	Without []e911.OrgID `json:"without,omitempty"`
	// Proved: the operator's identity provider says who it is, so that roles count which
	// wait for a proof of the address (adr/0024).
	Proved bool `json:"proved,omitempty"`
}

// Counts reports whether a role at that node counts.
func (s Scope) Counts(at access.Node) bool {
	org := e911.OrgID(at.Org)
	return (s.Only == "" || org == s.Only) && (org == "" || !slices.Contains(s.Without, org))
}

func (s Scope) none() bool { return s.Only == "" && len(s.Without) == 0 }

// Key tells scopes apart; empty for the zero one.
func (s Scope) Key() string {
	if s.none() && !s.Proved {
		return ""
	}
	return fmt.Sprintf("%q %q %v", s.Only, s.Without, s.Proved)
}

type scopeKey struct{}

// Within returns a context in which a Desk, and signon.Desk, take an identity's word
// no further than the scope of its session. Whoever learns from a session who asks
// calls it before he asks a Desk anything.
func Within(ctx context.Context, s Scope) context.Context {
	return context.WithValue(ctx, scopeKey{}, s)
}

// ScopeOf is the scope that Within put.
func ScopeOf(ctx context.Context) Scope {
	s, _ := ctx.Value(scopeKey{}).(Scope)
	return s
}

// scopedTx shows no roles outside a scope. All that this package decides about an
// identity goes by GrantsOf.
type scopedTx struct {
	Tx
	scope Scope
}

func scoped(ctx context.Context, do func(Tx) error) func(Tx) error {
	s := ScopeOf(ctx)
	if s.none() {
		return do
	}
	return func(tx Tx) error { return do(scopedTx{tx, s}) }
}

// GrantsOf implements Grants.
func (t scopedTx) GrantsOf(ctx context.Context, identity string) ([]Grant, error) {
	all, err := t.Tx.GrantsOf(ctx, identity)
	return slices.DeleteFunc(all, func(g Grant) bool { return !t.scope.Counts(g.At) }), err
}

// ChangeIdentity implements People. What an identity is called is seen by everybody
// with whom it has a role: one organisation's provider changes it only where that is
// the one organisation.
func (t scopedTx) ChangeIdentity(ctx context.Context, i Identity) error {
	all, err := t.Tx.GrantsOf(ctx, i.ID)
	if err != nil {
		return err
	}
	if t.scope.Only != "" && slices.ContainsFunc(all, func(g Grant) bool { return !t.scope.Counts(g.At) }) {
		return e911.Errorf(e911.Denied, "you are signed in by one organisation's provider and have roles in others: sign in with your password to change your profile")
	}
	return t.Tx.ChangeIdentity(ctx, i)
}
