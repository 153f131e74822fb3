package directory

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/change"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
)

// Run takes over what directories tell, and reads those that are due, until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	for {
		if err := s.Due(ctx); err != nil && ctx.Err() == nil {
			s.cfg.Log.Warn("a directory of people could not be taken over", "error", err)
		}
		look := time.NewTimer(s.cfg.Look)
		select {
		case <-ctx.Done():
			look.Stop()
			return nil
		case <-s.wake: // more comes as a rule
			look.Reset(s.cfg.Settle)
			select {
			case <-ctx.Done():
				look.Stop()
				return nil
			case <-look.C:
			}
		case <-look.C:
		}
	}
}

// Due works on every source that told something or whose time has come. One that
// fails keeps no other from it; the error is the last.
func (s *Service) Due(ctx context.Context) error {
	all, err := s.cfg.Store.Directories(ctx, "")
	if err != nil {
		return err
	}
	s.mu.Lock()
	told := s.told
	s.told = map[string]bool{}
	s.mu.Unlock()
	for i := range all {
		src := &all[i]
		last, lerr := s.cfg.Store.LastDirectoryReport(ctx, src.Org, src.ID)
		if lerr != nil && e911.KindOf(lerr) != e911.NotFound {
			err = lerr
			continue
		}
		if src.Paused || !told[src.ID] && lerr == nil && s.cfg.Now().Before(last.Started.Add(src.Every())) {
			continue
		}
		if _, werr := s.sync(ctx, "schedule", src, false); werr != nil {
			err = fmt.Errorf("follow the directory %s: %w", src.Key, werr)
		}
	}
	return err
}

// Sync works on one source now. With shrunk, who is missing is taken for gone however
// many they are. A run that failed is a Report of StateFailed and no error.
func (s *Service) Sync(ctx context.Context, who admin.Actor, org e911.OrgID, key string, shrunk bool) (Report, error) {
	src, err := s.find(ctx, org, func(x *Source) bool { return x.Key == key })
	if err != nil {
		return Report{}, err
	}
	return s.sync(ctx, string(who), &src, shrunk)
}

func (s *Service) sync(ctx context.Context, by string, src *Source, shrunk bool) (Report, error) {
	select {
	case s.busy <- struct{}{}:
		defer func() { <-s.busy }()
	case <-ctx.Done():
		return Report{}, ctx.Err()
	}
	if _, err := s.find(ctx, src.Org, func(x *Source) bool { return x.ID == src.ID }); err != nil {
		return Report{}, err // deleted while this run waited
	}
	last, err := s.cfg.Store.LastDirectoryReport(ctx, src.Org, src.ID)
	if err != nil && e911.KindOf(err) != e911.NotFound {
		return Report{}, err
	}
	r := Report{ID: e911.NewID[string](), Org: src.Org, Source: src.Key, By: by, Started: s.now(), State: StateSame}
	if err := s.follow(ctx, src, &r, &last, shrunk); err != nil {
		if ctx.Err() != nil {
			return r, err
		}
		r.State, r.Error, r.Counts = StateFailed, err.Error(), last.Counts
		s.alarm(src, AlarmFailed, "the directory "+src.Key+" could not be taken over; nobody was changed")
		s.cfg.Log.Warn("a directory of people could not be taken over", "source", src.ID, "error", err)
	}
	r.Ended = s.now()
	return r, s.cfg.Store.SaveDirectoryReport(ctx, src.Org, src.ID, r)
}

// manyLeft tells of a directory that speaks SCIM, and said of many people within a day
// that they are gone. It says so of each, and is believed; an assignment that was taken
// away by mistake looks the same.
func (s *Service) manyLeft(src *Source, last *Report, out *Outcome) {
	all := out.Counts.People + out.Today
	if src.Protocol != SCIM || out.Today < 2 || out.Today*100 <= all*src.maxShrink() {
		return
	}
	msg := fmt.Sprintf("%d of %d people left the directory within a day, more than %d per cent: nobody is taken off the list for %d days, and then by a person alone",
		out.Today, all, src.maxShrink(), int(src.Grace().Hours())/24)
	out.Faults = append([]e911.Fault{{File: src.Key, Path: "people", Code: CodeManyLeft, Msg: msg, Fix: "look whether they are still assigned to Callbox in the directory"}}, out.Faults...)
	if out.Counts.Left+out.Counts.Leaving > last.Counts.Left+last.Counts.Leaving {
		s.alarm(src, AlarmShrank, "many people left the directory "+src.Key+" within a day: is that so?")
	}
}

// manyJoined tells of an LDAP directory that has more new people than it had at all: a
// base or a filter that is too wide looks so. They are on the list all the same, since
// whoever is not makes unregistered calls.
func (s *Service) manyJoined(src *Source, out *Outcome) {
	joined, had := out.Counts.Joined, out.Counts.People-out.Counts.Joined
	if src.Protocol != LDAP || had <= 0 || joined <= had || joined <= 100 {
		return
	}
	msg := fmt.Sprintf("%d people are new at once, and there were %d: they are taken over", joined, had)
	out.Faults = append([]e911.Fault{{File: src.Key, Path: "people", Code: CodeManyJoined, Msg: msg, Fix: "look whether base and filter are too wide"}}, out.Faults...)
	s.alarm(src, AlarmGrew, "the directory "+src.Key+" has many new people at once: is that so?")
}

func (s *Service) alarm(src *Source, code, detail string) {
	s.cfg.Alarm(src.Org, journal.Alarm{Code: code, Detail: detail})
}

// follow is one run.
func (s *Service) follow(ctx context.Context, src *Source, r, last *Report, shrunk bool) error {
	if src.Protocol == LDAP {
		if err := s.read(ctx, src, r, shrunk); err != nil {
			return err
		}
	}
	out, err := s.work(ctx, src)
	if err != nil {
		return err
	}
	s.manyLeft(src, last, &out)
	s.manyJoined(src, &out)
	found := out
	if err := s.plan(ctx, src, r, last, &found); err != nil {
		return err
	}
	if r.Applied { // who joined has an id now
		if out, err = s.work(ctx, src); err != nil {
			return err
		}
	}
	if len(out.Entries) > 0 {
		if _, err := s.cfg.Store.SaveDirectoryEntries(ctx, src.Org, src.ID, out.Entries); e911.KindOf(err) == e911.Conflict && err != nil {
			s.tell(src.ID) // told anew meanwhile
		} else if err != nil {
			return err
		}
	}
	if len(out.Drop) > 0 {
		if err := s.cfg.Store.DropDirectoryEntries(ctx, src.Org, src.ID, out.Drop); err != nil {
			return err
		}
	}
	r.Counts, r.Roles = found.Counts, found.Roles
	r.Faults = append(r.Faults, found.Faults...)
	if more := len(r.Faults) - MaxFaults; more > 0 {
		r.Faults, r.MoreFaults = r.Faults[:MaxFaults], more
	}
	s.roles(ctx, src, r)
	return nil
}

// roles gives and ends the roles of groups. A run that half a list gave rise to takes
// nobody's role.
func (s *Service) roles(ctx context.Context, src *Source, r *Report) {
	if s.cfg.Roles == nil || src.Action != ActionApply || r.NoDepartures != "" {
		return
	}
	faults, err := s.cfg.Roles(ctx, src.Org, src.Key, r.Roles)
	if err != nil {
		s.cfg.Log.WarnContext(ctx, "the roles that a directory gives could not be brought in step", "source", src.ID, "error", err)
		faults = append(faults, e911.Fault{Path: "roles", Code: "unavailable", Msg: err.Error(), Fix: "sync the directory again"})
	}
	if len(faults) > 0 {
		s.alarm(src, AlarmRoles, "roles that the directory "+src.Key+" gives or takes could not all be brought in step")
	}
	r.Faults = append(r.Faults, faults...)
	if more := len(r.Faults) - MaxFaults; more > 0 {
		r.Faults, r.MoreFaults = r.Faults[:MaxFaults], r.MoreFaults+more
	}
}

func (s *Service) work(ctx context.Context, src *Source) (out Outcome, err error) {
	people, err := s.entries(ctx, src, Query{Kind: User, Deleted: true})
	if err != nil {
		return out, err
	}
	groups, err := s.entries(ctx, src, Query{Kind: Group})
	if err != nil {
		return out, err
	}
	others, err := s.others(ctx, src)
	if err != nil {
		return out, err
	}
	in := Input{Source: *src, People: people, Groups: groups, Others: others, Now: s.now()}
	if s.cfg.Busy != nil {
		in.Busy = func(u e911.UserID) bool { return s.cfg.Busy(src.Org, u) }
	}
	err = s.cfg.Store.Read(ctx, func(view admin.Reader) error {
		out, err = Work(ctx, view, in)
		return err
	})
	return out, err
}

// plan makes the plans, and applies the one of who joined and changed where the
// source says so.
func (s *Service) plan(ctx context.Context, src *Source, r, last *Report, out *Outcome) error {
	if len(out.Keep.Steps)+len(out.Remove.Steps) == 0 {
		return nil
	}
	r.State = StateDrift
	if src.Action == ActionReport || s.cfg.Planner == nil {
		r.PlanWhy = "the directory is only compared"
		return nil
	}
	who := admin.Actor("directory " + src.Key)
	if len(out.Keep.Steps) > 0 {
		p, err := s.cfg.Planner.Plan(ctx, who, out.Keep)
		if err != nil {
			return fmt.Errorf("plan who joined and changed: %w", err)
		}
		r.Plan, r.PlanHash, r.PlanWhy = p.ID, p.Hash, p.Why
		r.Faults = append(r.Faults, p.Faults...)
		r.MoreFaults += p.MoreFaults
		if src.Action == ActionApply && p.Applicable {
			if _, err := s.cfg.Planner.Apply(ctx, who, src.Org, p.ID, p.Hash); e911.KindOf(err) == e911.Conflict && err != nil {
				r.PlanWhy = "the world moved on meanwhile: it is tried again"
				s.tell(src.ID)
			} else if err != nil {
				return fmt.Errorf("apply who joined and changed: %w", err)
			} else {
				r.Applied, r.State = true, StateApplied
			}
		}
	}
	return s.planRemoval(ctx, who, src, r, last, out)
}

// planRemoval makes the plan that takes people off the list. The one of the last run
// is left where it says the same and can still be applied for long enough.
func (s *Service) planRemoval(ctx context.Context, who admin.Actor, src *Source, r, last *Report, out *Outcome) error {
	if len(out.Remove.Steps) == 0 {
		return nil
	}
	r.State, r.RemovalOf = StateDrift, digest(out.Remove)
	if last.Removal != "" && last.RemovalOf == r.RemovalOf && r.Started.Before(last.RemovalAt.Add(change.Life/2)) {
		r.Removal, r.RemovalHash, r.RemovalAt = last.Removal, last.RemovalHash, last.RemovalAt
		return nil
	}
	p, err := s.cfg.Planner.Plan(ctx, who, out.Remove)
	if err != nil {
		return fmt.Errorf("plan who leaves the list: %w", err)
	}
	r.Removal, r.RemovalHash, r.RemovalAt = p.ID, p.Hash, r.Started
	r.Faults = append(r.Faults, p.Faults...)
	if last.RemovalOf != r.RemovalOf {
		s.alarm(src, AlarmLeft, fmt.Sprintf("%d people left the directory %s: a plan waits that takes them off the list", out.Counts.Leaving, src.Key))
	}
	return nil
}

func digest(set change.Set) string {
	h := sha256.New()
	for _, st := range set.Steps {
		b, err := json.Marshal([]any{st.Verb, st.Ref, st.Key, st.Value})
		if err != nil {
			b = []byte(err.Error())
		}
		h.Write(b)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// read reads an LDAP directory whole and keeps what it told.
func (s *Service) read(ctx context.Context, src *Source, r *Report, shrunk bool) error {
	if s.cfg.Fetch == nil {
		return e911.Errorf(e911.Unavailable, "directories cannot be read here: start the server")
	}
	list, err := s.cfg.Fetch(ctx, *src)
	if err != nil {
		return err
	}
	had, err := s.entries(ctx, src, Query{Deleted: true})
	if err != nil {
		return err
	}
	m := merged(had, list, r.Started)
	if why := m.doubt(src); why != "" && !shrunk {
		r.NoDepartures = why
		s.alarm(src, AlarmShrank, "the directory "+src.Key+" lost many people at once; nobody is taken for gone")
		m.stay(had)
	}
	m.settle(had)
	r.Faults = append(r.Faults, m.faults...)
	if len(m.changed) == 0 {
		return nil
	}
	_, err = s.cfg.Store.SaveDirectoryEntries(ctx, src.Org, src.ID, m.changed)
	return err
}
