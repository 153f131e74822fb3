package reconcile

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/change"
	"github.com/callbox911/callbox/internal/admin/check"
	"github.com/callbox911/callbox/internal/admin/sheet"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
)

// AlarmNumberGone says that the platform deactivated a number, or has it no longer,
// which is somebody's emergency callback number (W-04).
const AlarmNumberGone = "callback_number_deactivated"

// Push takes the platform's list and compares it at once. A list that cannot be read
// is a Run with StateFailed; the last good one is kept.
func (s *Service) Push(ctx context.Context, who admin.Actor, org e911.OrgID, key, name string, list io.Reader) (Run, error) {
	src, err := s.Source(ctx, org, key)
	if err != nil {
		return Run{}, err
	}
	body, err := io.ReadAll(io.LimitReader(list, MaxList+1))
	if err != nil {
		return Run{}, fmt.Errorf("read the list: %w", err)
	}
	if len(body) > MaxList {
		return Run{}, e911.Errorf(e911.Invalid, "the list has more than %d MiB", MaxList>>20)
	}
	return s.work(ctx, who, src, "push", &List{Name: name, At: s.cfg.Now().UTC(), Digest: digest(body), Body: body})
}

// RunNow compares a source now, with its file as it is, or with the list that was
// pushed last. A run that failed is a Run with StateFailed, not an error.
func (s *Service) RunNow(ctx context.Context, who admin.Actor, org e911.OrgID, key string) (Run, error) {
	src, err := s.Source(ctx, org, key)
	if err != nil {
		return Run{}, err
	}
	return s.work(ctx, who, src, string(who), nil)
}

// Compare says all in which the list as it came last differs from what is stored
// now, not only the first MaxListed; nothing of it is kept.
func (s *Service) Compare(ctx context.Context, org e911.OrgID, key string) (Run, error) {
	src, err := s.Source(ctx, org, key)
	if err != nil {
		return Run{}, err
	}
	list, err := s.cfg.Store.LastList(ctx, org, src.ID)
	if err != nil {
		return Run{}, err
	}
	r := Run{Org: org, Source: key, Started: s.cfg.Now().UTC(), Digest: list.Digest, ListAt: list.At}
	prev, _ := s.cfg.Store.LastRun(ctx, org, src.ID)
	r.Good = prev.Good
	gone, err := s.leavers(ctx, &src)
	if err != nil {
		return Run{}, err
	}
	err = s.cfg.Store.Read(ctx, func(view admin.Reader) error {
		f, err := s.look(ctx, view, &src, list, gone, &r)
		r.Differences = f.diffs
		return err
	})
	r.Ended = s.cfg.Now().UTC()
	return r, err
}

// Plan makes a change plan that mends what differs now: what is missing is made,
// changed fields take the platform's value, a key that is written otherwise is
// taken for the same object, and what is extra goes where the source says so and
// the list did not shrink. Duplicates are left for a person. Conflict when nothing
// differs.
func (s *Service) Plan(ctx context.Context, who admin.Actor, org e911.OrgID, key string) (change.Plan, error) {
	src, err := s.Source(ctx, org, key)
	if err != nil {
		return change.Plan{}, err
	}
	if s.cfg.Planner == nil {
		return change.Plan{}, e911.Errorf(e911.Unavailable, "plans are not made here")
	}
	list, err := s.cfg.Store.LastList(ctx, org, src.ID)
	if err != nil {
		return change.Plan{}, err
	}
	prev, _ := s.cfg.Store.LastRun(ctx, org, src.ID)
	r := Run{Org: org, Source: key, Good: prev.Good}
	gone, err := s.leavers(ctx, &src)
	if err != nil {
		return change.Plan{}, err
	}
	var set change.Set
	err = s.cfg.Store.Read(ctx, func(view admin.Reader) error {
		f, err := s.look(ctx, view, &src, list, gone, &r)
		if err == nil {
			set = mend(ctx, view, &src, &f, r.NoDeletions)
		}
		return err
	})
	if err != nil {
		return change.Plan{}, err
	}
	if len(set.Steps) == 0 && len(set.Faults) == 0 {
		return change.Plan{}, e911.Errorf(e911.Conflict, "there is nothing to mend that a plan can mend")
	}
	return s.cfg.Planner.Plan(ctx, who, set)
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// work is one run: the list is had, compared, told and kept. One at a time.
func (s *Service) work(ctx context.Context, who admin.Actor, src Source, by string, pushed *List) (Run, error) {
	select {
	case s.busy <- struct{}{}:
		defer func() { <-s.busy }()
	case <-ctx.Done():
		return Run{}, fmt.Errorf("wait for another comparison: %w", ctx.Err())
	}
	r := Run{ID: e911.NewID[string](), Org: src.Org, Source: src.Key, By: by, Started: s.cfg.Now().UTC()}
	prev, err := s.cfg.Store.LastRun(ctx, src.Org, src.ID)
	if err != nil && e911.KindOf(err) != e911.NotFound {
		return Run{}, err
	}
	r.Good, r.DriftSince, r.Alarmed = prev.Good, prev.DriftSince, prev.Alarmed
	r.Digest, r.ListAt = prev.Digest, prev.ListAt
	err = s.compareList(ctx, who, &src, &r, &prev, pushed)
	switch {
	case err == nil:
	case ctx.Err() != nil || e911.KindOf(err) == e911.Unavailable:
		return Run{}, err // the database: nothing can be kept
	default:
		r.State, r.Error = StateFailed, message(err)
	}
	r.Ended = s.cfg.Now().UTC()
	s.tell(&src, &r, &prev)
	kept := r
	kept.Differences, kept.More = bounded(r.Differences)
	if err := s.cfg.Store.SaveRun(ctx, src.Org, src.ID, kept); err != nil {
		return Run{}, err
	}
	return kept, nil
}

// message is an error for a person.
func message(err error) string {
	if e, ok := errors.AsType[*e911.Error](err); ok {
		msg := e.Msg
		for _, f := range e.Faults {
			return msg + ": " + f.Msg
		}
		return msg
	}
	return err.Error()
}

// bounded keeps the first of each class.
func bounded(all []Difference) (list []Difference, more int) {
	n := map[Class]int{}
	for _, d := range all {
		if n[d.Class]++; n[d.Class] <= MaxListed {
			list = append(list, d)
		}
	}
	return list, len(all) - len(list)
}

// compareList fills a run.
func (s *Service) compareList(ctx context.Context, who admin.Actor, src *Source, r, prev *Run, pushed *List) error {
	list, err := s.list(ctx, src, pushed)
	if err != nil {
		return err
	}
	r.Digest, r.ListAt = list.Digest, list.At
	var f found
	var set change.Set
	plan := src.Action == ActionPlan && s.cfg.Planner != nil
	gone, err := s.leavers(ctx, src)
	if err != nil {
		return err
	}
	err = s.cfg.Store.Read(ctx, func(view admin.Reader) error {
		if f, err = s.look(ctx, view, src, list, gone, r); err != nil {
			return err
		}
		if plan && f.counts.Drift() > 0 {
			set = mend(ctx, view, src, &f, r.NoDeletions)
		}
		return s.needed(ctx, view, src, &f)
	})
	if err != nil {
		return err
	}
	if pushed != nil || src.File != "" {
		if err := s.cfg.Store.SaveList(ctx, src.Org, src.ID, list); err != nil {
			return err
		}
	}
	if r.NoDeletions == "" {
		r.Good = r.Rows
	}
	r.Differences, r.State = f.diffs, StateSame
	if f.counts.Drift() == 0 {
		r.DriftSince = time.Time{}
		return nil
	}
	r.State = StateDrift
	if r.DriftSince.IsZero() {
		r.DriftSince = r.Started
	}
	if plan {
		s.plan(ctx, who, src, r, prev, set)
	}
	return nil
}

// plan makes the plan of a run, unless the one before it has one that still holds.
func (s *Service) plan(ctx context.Context, who admin.Actor, src *Source, r, prev *Run, set change.Set) {
	if prev.Plan != "" && prev.Digest == r.Digest && prev.Counts == r.Counts && prev.NoDeletions == r.NoDeletions && r.Started.Sub(prev.Started) < change.Life/2 {
		r.Plan, r.PlanHash = prev.Plan, prev.PlanHash
		return
	}
	if len(set.Steps) == 0 {
		r.PlanWhy = "nothing of it can be mended by a plan"
		if len(set.Faults) > 0 {
			r.PlanWhy += ": " + set.Faults[0].Msg
		}
		return
	}
	p, err := s.cfg.Planner.Plan(ctx, who, set)
	if err != nil {
		r.PlanWhy = message(err)
		return
	}
	r.Plan, r.PlanHash = p.ID, p.Hash
	if !p.Applicable {
		r.PlanWhy = p.Why
	}
}

// list is the platform's: the one that was pushed, the file, or the last that came.
func (s *Service) list(ctx context.Context, src *Source, pushed *List) (List, error) {
	if pushed != nil {
		return *pushed, nil
	}
	if src.File == "" {
		l, err := s.cfg.Store.LastList(ctx, src.Org, src.ID)
		if e911.KindOf(err) == e911.NotFound && err != nil {
			return List{}, e911.Errorf(e911.Invalid, "no list was pushed yet")
		}
		return l, err
	}
	if s.cfg.Folder == "" {
		return List{}, e911.Errorf(e911.Invalid, "this server has no folder of lists")
	}
	root, err := os.OpenRoot(s.cfg.Folder)
	if err != nil {
		return List{}, e911.Errorf(e911.Invalid, "the folder of lists cannot be opened: %s", errText(err))
	}
	defer root.Close()
	f, err := root.Open(src.File)
	if err != nil {
		return List{}, e911.Errorf(e911.Invalid, "the file %s cannot be opened: %s", src.File, errText(err))
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Size() > MaxList {
		return List{}, e911.Errorf(e911.Invalid, "%s is no file of up to %d MiB", src.File, MaxList>>20)
	}
	body, err := io.ReadAll(io.LimitReader(f, MaxList))
	if err != nil {
		return List{}, e911.Errorf(e911.Invalid, "the file %s cannot be read: %s", src.File, errText(err))
	}
	return List{Name: src.File, At: info.ModTime().UTC().Truncate(time.Millisecond), Digest: digest(body), Body: body}, nil
}

// errText is an error of the file system without the path of the folder.
func errText(err error) string {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err.Error()
	}
	return err.Error()
}

// look compares a list with what view shows, and fills what a run says of it.
func (s *Service) look(ctx context.Context, view admin.View, src *Source, list List, gone []admin.Leaver, r *Run) (found, error) {
	limits := sheet.AnyRows()
	limits.Bytes = MaxList
	tables, err := sheet.ReadWithin(limits, list.Name, bytes.NewReader(list.Body), int64(len(list.Body)))
	if err != nil {
		return found{}, err
	}
	table, err := sheet.Pick(tables, src.Kind)
	if err != nil {
		return found{}, err
	}
	rows, err := readRows(src, table)
	if err != nil {
		return found{}, err
	}
	mine, err := ours(ctx, view, src.Org, src.Kind)
	if err != nil {
		return found{}, err
	}
	f := compare(src, rows, mine, gone...)
	r.Rows, r.Ours, r.Counts = len(rows), len(mine), f.counts
	r.NoDeletions = shrank(src, len(rows), r.Good, len(mine), len(table.Faults))
	return f, nil
}

// shrank says why nothing may be deleted by a list; empty: it may.
func shrank(src *Source, rows, good, mine, bad int) string {
	base, of := good, "the last good list"
	if base == 0 {
		base, of = mine, "what is stored here"
	}
	switch {
	case bad > 0:
		return fmt.Sprintf("%d rows of the list could not be read", bad)
	case rows*100 < base*(100-src.maxShrink()):
		return fmt.Sprintf("the list has %d rows, and %s %d: more than %d per cent are gone, as in an export that was cut off", rows, of, base, src.maxShrink())
	}
	return ""
}

// needed alarms of numbers that the platform took out of service, or has no longer,
// which somebody is called back on (W-04).
func (s *Service) needed(ctx context.Context, view admin.View, src *Source, f *found) error {
	if src.Kind != sheet.Numbers {
		return nil
	}
	const most = 500 // asked about in one run
	asked := 0
	for i := range f.diffs {
		d, o := &f.diffs[i], f.pairs[i].ours
		gone := d.Class == Extra
		for _, x := range d.Fields {
			gone = gone || x.Field == "status" && x.Theirs == string(e911.NumberInactive)
		}
		n, ok := e911.NumberRec{}, false
		if o != nil {
			n, ok = o.value.(e911.NumberRec)
		}
		if asked++; !gone || !ok || !n.InService() || asked > most {
			continue
		}
		deps, err := check.Dependants(ctx, view, n)
		if err != nil {
			return err
		}
		if !deps.InUse() {
			continue
		}
		var who []string
		for _, by := range deps.By {
			who = append(who, string(by.Kind)+" "+by.Key)
		}
		d.Why += "; it is the emergency callback number of " + strings.Join(who[:min(len(who), 5)], ", ")
		d.Fix = "give those another number: a PSAP that is cut off would reach nobody"
		s.cfg.Alarm(src.Org, journal.Alarm{
			Code: AlarmNumberGone, Count: len(who),
			Detail: fmt.Sprintf("a number is out of service at the platform (list %s) and %d depend on it as their emergency callback number, %s first: the next call falls back", src.Key, len(who), who[0]),
		})
	}
	return nil
}

// tellAgain is how long an alarm of the same thing is not repeated.
const tellAgain = 24 * time.Hour

// tell raises the alarms of a run.
func (s *Service) tell(src *Source, r, prev *Run) {
	raise := func(code, detail string) {
		r.Alarmed = r.Started
		s.cfg.Alarm(src.Org, journal.Alarm{Code: code, Detail: detail})
	}
	again := r.Started.Sub(prev.Alarmed) >= tellAgain
	if r.State == StateFailed {
		if prev.State != StateFailed || again {
			raise(AlarmFailed, fmt.Sprintf("the list %s could not be compared: %s", src.Key, r.Error))
		}
		return
	}
	if r.NoDeletions != "" && (prev.NoDeletions == "" || again) {
		raise(AlarmShrank, fmt.Sprintf("nothing is deleted by the list %s: %s", src.Key, r.NoDeletions))
	}
	if why := oldness(src, r, r.Started); why != "" && again {
		raise(AlarmOld, fmt.Sprintf("the list %s: %s", src.Key, why))
	}
}

// oldness says what has lasted too long; empty: nothing.
func oldness(src *Source, r *Run, now time.Time) string {
	limit := src.OldAfter()
	days := func(since time.Time) int { return int(now.Sub(since).Hours() / 24) }
	switch {
	case !r.DriftSince.IsZero() && now.Sub(r.DriftSince) >= limit:
		return fmt.Sprintf("the lists have differed for %d days", days(r.DriftSince))
	case !r.ListAt.IsZero() && now.Sub(r.ListAt) >= max(limit, src.Every()):
		return fmt.Sprintf("the platform's list is %d days old", days(r.ListAt))
	}
	return ""
}
