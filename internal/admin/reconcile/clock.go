package reconcile

import (
	"context"
	"fmt"
	"time"

	"github.com/callbox911/callbox/internal/e911"
)

// Run compares what is due until ctx ends. When a source was compared last stands in
// the store: a restart neither forgets nor repeats a run.
func (s *Service) Run(ctx context.Context) error {
	for {
		if err := s.Due(ctx); err != nil && ctx.Err() == nil {
			s.cfg.Log.Warn("lists could not be compared", "error", err)
		}
		timer := time.NewTimer(s.cfg.Look)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-s.wake:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// Due compares every source whose run is due now. One that cannot be compared keeps
// no other from it; the error is the last.
func (s *Service) Due(ctx context.Context) error {
	all, err := s.cfg.Store.Sources(ctx, "")
	if err != nil {
		return err
	}
	for _, src := range all {
		last, lerr := s.lastOf(ctx, &src)
		if lerr != nil {
			err = lerr
			continue
		}
		if src.Paused || s.due(&src, last).After(s.cfg.Now()) || last == nil && src.File == "" {
			continue
		}
		if _, werr := s.work(ctx, "reconcile", src, "schedule", nil); werr != nil {
			err = fmt.Errorf("compare %s: %w", src.Key, werr)
		}
	}
	return err
}

// lastOf is the last run without its differences; nil: there was none.
func (s *Service) lastOf(ctx context.Context, src *Source) (*Run, error) {
	runs, err := s.cfg.Store.Runs(ctx, src.Org, src.ID, 1)
	if err != nil || len(runs) == 0 {
		return nil, err
	}
	return &runs[0], nil
}

// due is when a source is compared next; one that never was, at once.
func (s *Service) due(src *Source, last *Run) time.Time {
	if last == nil {
		return time.Time{}
	}
	return last.Started.Add(src.Every())
}

// Status says of every source of the organisation how it stands.
func (s *Service) Status(ctx context.Context, org e911.OrgID) ([]Status, error) {
	all, err := s.cfg.Store.Sources(ctx, org)
	if err != nil {
		return nil, err
	}
	now := s.cfg.Now().UTC()
	out := make([]Status, 0, len(all))
	for _, src := range all {
		runs, err := s.cfg.Store.Runs(ctx, src.Org, src.ID, KeptRuns)
		if err != nil {
			return nil, err
		}
		st := Status{Source: src, AgeSeconds: -1}
		for i := range runs {
			if i == 0 {
				st.Last = &runs[0]
			}
			if runs[i].State != StateFailed {
				st.AgeSeconds = int64(now.Sub(runs[i].Ended).Seconds())
				break
			}
		}
		st.Due = s.due(&src, st.Last)
		st.Alarms = s.wrong(&src, &st, now)
		st.Late = len(st.Alarms) > 0
		out = append(out, st)
	}
	return out, nil
}

// overdue is how much later than due a run may come without a word.
const overdue = 15 * time.Minute

func (s *Service) wrong(src *Source, st *Status, now time.Time) (out []string) {
	if st.Last == nil {
		if src.File == "" {
			return []string{"no list was pushed yet"}
		}
		return []string{"it was not compared yet"}
	}
	if st.Last.State == StateFailed {
		out = append(out, "the last run failed: "+st.Last.Error)
	}
	if !src.Paused && now.Sub(st.Due) > overdue {
		out = append(out, "a run is overdue")
	}
	if st.Last.NoDeletions != "" {
		out = append(out, "nothing is deleted by it: "+st.Last.NoDeletions)
	}
	if why := oldness(src, st.Last, now); why != "" {
		out = append(out, why)
	}
	return out
}
