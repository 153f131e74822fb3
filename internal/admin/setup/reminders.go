package setup

import (
	"context"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

// Reminders reports whether users who did not say where they are are written to (N-07).
// They are unless the organisation said otherwise, or has no people.
func (s *Service) Reminders(ctx context.Context, org e911.OrgID) (bool, error) {
	r, err := s.cfg.Store.SetupRecord(ctx, org)
	return !r.NoReminders && !r.NoPeople, err
}

// SetReminders says whether they are.
func (s *Service) SetReminders(ctx context.Context, who admin.Actor, org e911.OrgID, on bool) error {
	_, err := s.change(ctx, who, org, Note{Verb: "set_reminders", Detail: map[string]any{"on": on}}, func(r *Record) error {
		r.NoReminders = !on
		return nil
	})
	return err
}
