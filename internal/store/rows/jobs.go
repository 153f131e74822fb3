package rows

import (
	"context"
	"encoding/json"
	"time"

	"github.com/uptrace/bun"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/job"
	"github.com/callbox911/callbox/internal/e911"
)

var _ job.Store = (*Store)(nil)

type jobRow struct {
	bun.BaseModel `bun:"table:jobs"`
	ID            string      `bun:"id,pk"`
	OrgID         e911.OrgID  `bun:"org_id"`
	Node          string      `bun:"node"`
	Kind          string      `bun:"kind"`
	Title         string      `bun:"title"`
	State         job.State   `bun:"state"`
	Done          int64       `bun:"done"`
	Total         int64       `bun:"total"`
	Who           admin.Actor `bun:"who"`
	MadeAt        int64       `bun:"made_at"`
	StartedAt     int64       `bun:"started_at"`
	EndedAt       int64       `bun:"ended_at"`
	Waits         string      `bun:"waits"`
	Error         string      `bun:"error"`
	Size          int64       `bun:"size"`
	Tries         int         `bun:"tries"`
	Sealed        string      `bun:"sealed"`
}

// jobText is what of a job is sealed.
type jobText struct {
	Args   json.RawMessage `json:"args,omitempty"`
	Result json.RawMessage `json:"result,omitempty"`
	Faults []e911.Fault    `json:"faults,omitempty"`
}

func (t *tx) jobRow(r job.Record) (jobRow, error) {
	sealed, err := t.seal("jobs/"+r.ID, jobText{r.Args, r.Result, r.Faults})
	return jobRow{
		ID: r.ID, OrgID: r.Org, Node: r.Node, Kind: r.Kind, Title: r.Title, State: r.State, Done: r.Done, Total: r.Total,
		Who: r.Who, MadeAt: millis(r.Made), StartedAt: millis(r.Started), EndedAt: millis(r.Ended), Waits: r.Waits,
		Error: r.Error, Size: r.Size, Tries: r.Tries, Sealed: sealed,
	}, err
}

func (t *tx) job(r jobRow) (job.Record, error) {
	var x jobText
	err := t.unseal("jobs/"+r.ID, r.Sealed, &x)
	return r.record(x), err
}

func (r *jobRow) record(x jobText) job.Record {
	return job.Record{
		Job: job.Job{
			ID: r.ID, Org: r.OrgID, Kind: r.Kind, Title: r.Title, State: r.State, Done: r.Done, Total: r.Total, Who: r.Who,
			Made: instant(r.MadeAt), Started: instant(r.StartedAt), Ended: instant(r.EndedAt), Waits: r.Waits,
			Result: x.Result, Faults: x.Faults, Error: r.Error,
		},
		Node: r.Node, Args: x.Args, Size: r.Size, Tries: r.Tries,
	}
}

// AddJob implements job.Store.
func (s *Store) AddJob(ctx context.Context, r job.Record) error {
	return s.writeOf(ctx, r.Org, func(t *tx) error {
		row, err := t.jobRow(r)
		if err != nil {
			return err
		}
		_, err = t.db.NewInsert().Model(&row).Exec(ctx)
		return s.fault("keep a job", err)
	})
}

// Job implements job.Store.
func (s *Store) Job(ctx context.Context, org e911.OrgID, id string) (out job.Record, err error) {
	err = s.readOf(ctx, org, func(t *tx) error {
		var row jobRow
		if err := t.db.NewSelect().Model(&row).Where("id = ? AND org_id = ?", id, org).Scan(ctx); err != nil {
			return s.fault("read a job", err)
		}
		out, err = t.job(row)
		return err
	})
	return out, err
}

// Jobs implements job.Store.
func (s *Store) Jobs(ctx context.Context, org e911.OrgID, before string, limit int) ([]job.Record, error) {
	var out []job.Record
	err := s.readOf(ctx, org, func(t *tx) (err error) {
		var found []jobRow
		q := t.db.NewSelect().Model(&found).Where("org_id = ?", org).OrderExpr("id DESC").Limit(page(limit))
		if before != "" {
			q = q.Where("id < ?", before)
		}
		// Results have megabytes each: a list of a thousand has none.
		if err := q.ExcludeColumn("sealed").Scan(ctx); err != nil {
			return s.fault("list jobs", err)
		}
		for _, row := range found {
			out = append(out, row.record(jobText{}))
		}
		return nil
	})
	return out, err
}

func (t *tx) jobs(found []jobRow) ([]job.Record, error) {
	out := make([]job.Record, len(found))
	for i, row := range found {
		var err error
		if out[i], err = t.job(row); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// OpenJobs implements job.Store. The queue serves all organisations.
func (s *Store) OpenJobs(ctx context.Context, node string) ([]job.Record, error) {
	var out []job.Record
	err := s.readEvery(ctx, func(t *tx) (err error) {
		var found []jobRow
		if err := t.db.NewSelect().Model(&found).Where("node = ? AND ended_at = 0", node).OrderExpr("id").Scan(ctx); err != nil {
			return s.fault("list the jobs that have not ended", err)
		}
		out, err = t.jobs(found)
		return err
	})
	return out, err
}

// SetJob implements job.Store.
func (s *Store) SetJob(ctx context.Context, r job.Record, from job.State) (was bool, err error) {
	err = s.writeOf(ctx, r.Org, func(t *tx) error {
		row, err := t.jobRow(r)
		if err != nil {
			return err
		}
		res, err := t.db.NewUpdate().Model(&row).
			Column("state", "done", "total", "started_at", "ended_at", "waits", "error", "tries", "sealed").
			Where("id = ? AND org_id = ? AND state = ?", r.ID, r.Org, from).Exec(ctx)
		if err != nil {
			return s.fault("write a job", err)
		}
		n, err := res.RowsAffected()
		was = n > 0
		return s.fault("write a job", err)
	})
	return was && err == nil, err
}

// DropJobs implements job.Store.
func (s *Store) DropJobs(ctx context.Context, before time.Time) (n int, err error) {
	old := false
	err = s.readEvery(ctx, func(t *tx) (err error) {
		old, err = t.db.NewSelect().Model((*jobRow)(nil)).Where("ended_at > 0 AND ended_at < ?", before.UnixMilli()).Exists(ctx)
		return s.fault("look for old jobs", err)
	})
	if err != nil || !old {
		return 0, err
	}
	err = s.writeEvery(ctx, func(t *tx) error {
		res, err := t.db.NewDelete().Model((*jobRow)(nil)).Where("ended_at > 0 AND ended_at < ?", before.UnixMilli()).Exec(ctx)
		if err != nil {
			return s.fault("forget old jobs", err)
		}
		rows, err := res.RowsAffected()
		n = int(rows)
		return s.fault("forget old jobs", err)
	})
	return n, err
}
