package sheet

import (
	"context"
	"encoding/json"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/job"
	"github.com/callbox911/callbox/internal/e911"
)

// The kinds of jobs: a table that is imported, or only planned, and a plan of one that
// somebody looked at and lets happen.
const (
	ImportJob = "import"
	ApplyJob  = "import_apply"
)

// MaxUpload bounds a file that is sent, in octets.
const MaxUpload = 512 << 20

// Apply asks for what the plan of an import says; Hash is that of the plan as it was
// looked at.
type Apply struct {
	Plan string `json:"plan"`
	Hash string `json:"hash"`
	// Address and As are those of the audit trail.
	Address string `json:"address,omitempty"`
	As      string `json:"as,omitempty"`
}

// ApplyHandler lets plans happen, as jobs. Conflict, with the difference, where what a
// plan rests on has moved: nothing is changed then. Begun again after it was done, it
// says so and does nothing.
func ApplyHandler(desk func() (Desk, error)) job.Handler {
	return func(ctx context.Context, w job.Work) (any, error) {
		var a Apply
		if err := json.Unmarshal(w.Args, &a); err != nil || a.Plan == "" {
			return nil, e911.Errorf(e911.Invalid, "the job does not say what to apply")
		}
		d, err := desk()
		if err != nil {
			return nil, err
		}
		done, err := d.Planner.GetApplied(ctx, w.Job.Org, a.Plan)
		if err == nil {
			return &Outcome{Applied: &done}, nil
		}
		if e911.KindOf(err) != e911.NotFound {
			return nil, err
		}
		ctx = admin.WithTrail(ctx, admin.Trail{Address: a.Address, As: a.As})
		if done, err = d.Planner.Apply(ctx, w.Job.Who, w.Job.Org, a.Plan, a.Hash); err != nil {
			return nil, err
		}
		return &Outcome{Applied: &done}, nil
	}
}
