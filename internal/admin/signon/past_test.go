package signon_test

import (
	"context"
	"log/slog"
	"testing"

	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/admin/signon"
	"github.com/callbox911/callbox/internal/e911"
)

// passer lets everybody past the provider of A and counts whom it tells.
type passer struct {
	keeper
	told *int
}

func (passer) Own(context.Context, string, []string) (signon.Verdict, error) {
	return signon.Verdict{Past: []e911.OrgID{"a"}}, nil
}

func (p passer) Passed(context.Context, e911.OrgID, string) { *p.told++ }

// Proves: C-60a (break-glass is told when it happened, and only then)
func TestBreakGlassIsToldOnceThereIsASession(t *testing.T) {
	d := newDoor(t)
	told := 0
	desk, err := signon.New(signon.Config{Store: func() signon.Store { return d.store }, Now: d.clock, Log: slog.New(slog.DiscardHandler), Issuer: "Callbox", Gate: passer{told: &told}})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := desk.Admit(d.ctx, "ann", signon.Admission{By: []string{"password", "totp"}}); err != nil || told != 1 {
		t.Errorf("told %d times, %v; want once", told, err)
	}
	err = d.store.WriteSignOn(d.ctx, "test", func(tx signon.Tx) error {
		return tx.ChangeIdentity(d.ctx, member.Identity{ID: "ann", Email: "ann.harbor@example.com", Disabled: d.clock()})
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := desk.Admit(d.ctx, "ann", signon.Admission{By: []string{"password", "totp"}}); err == nil || told != 1 {
		t.Errorf("a session that was not made: %v, told %d times", err, told)
	}
}
