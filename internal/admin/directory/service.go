package directory

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/change"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
)

// The alarms of a Service, to the organisation's administrators.
const (
	AlarmFailed = "directory_failed" // it could not be read or taken over
	AlarmShrank = "directory_shrank" // it lost so many people that nobody is taken for gone, or a person is asked
	AlarmGrew   = "directory_grew"   // it has more new people than it had
	AlarmRoles  = "directory_roles"  // a role that it gives or takes stays as it was
	AlarmLeft   = "directory_left"   // a plan waits that takes people off the list
)

// Planner makes and applies plans of change sets.
type Planner interface {
	Plan(ctx context.Context, who admin.Actor, s change.Set) (change.Plan, error)
	Apply(ctx context.Context, who admin.Actor, org e911.OrgID, id, hash string) (change.Applied, error)
}

// Config is what a Service needs.
type Config struct {
	Store   Store
	Planner Planner // nil: no plans are made
	// Fetch reads the whole of an LDAP directory: all of it or an error. Nil: LDAP
	// cannot be read here.
	Fetch func(ctx context.Context, s Source) (Listing, error)
	// Busy reports whether a user has a call up; nil: nobody has.
	Busy func(e911.OrgID, e911.UserID) bool
	// Roles gives and ends the roles that groups give; nil: they are reported alone.
	// It says what could not be done of them; nothing else hangs on that.
	Roles func(ctx context.Context, org e911.OrgID, source string, wishes []RoleWish) ([]e911.Fault, error)
	Now   func() time.Time
	// Alarm tells an organisation; it must not block.
	Alarm func(e911.OrgID, journal.Alarm)
	Log   *slog.Logger
	// Look is how often it is looked what is due; default 1 min. Settle is how long
	// changes that are told one by one are gathered; default 2 s.
	Look, Settle time.Duration
}

// Service keeps users in step with directories. Safe for concurrent use.
type Service struct {
	cfg  Config
	busy chan struct{} // one run at a time
	wake chan struct{}

	mu   sync.Mutex
	told map[string]bool // ids of sources that told something
}

// New checks the configuration and reports all its faults.
func New(cfg Config) (*Service, error) {
	var missing []string
	for name, bad := range map[string]bool{
		"Store": cfg.Store == nil, "Now": cfg.Now == nil, "Alarm": cfg.Alarm == nil, "Log": cfg.Log == nil,
	} {
		if bad {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return nil, e911.Errorf(e911.Invalid, "what follows directories needs %s", strings.Join(missing, ", "))
	}
	if cfg.Look <= 0 {
		cfg.Look = time.Minute
	}
	if cfg.Settle <= 0 {
		cfg.Settle = 2 * time.Second
	}
	return &Service{cfg: cfg, busy: make(chan struct{}, 1), wake: make(chan struct{}, 1), told: map[string]bool{}}, nil
}

func (s *Service) now() time.Time { return s.cfg.Now().UTC().Truncate(time.Millisecond) }

// Sources lists the directories of an organisation by key, without passwords.
func (s *Service) Sources(ctx context.Context, org e911.OrgID) ([]Source, error) {
	all, err := s.cfg.Store.Directories(ctx, org)
	for i := range all {
		all[i] = all[i].Redacted()
	}
	return all, err
}

// Source finds one by its key, without its password; NotFound, also when it is
// another organisation's.
func (s *Service) Source(ctx context.Context, org e911.OrgID, key string) (Source, error) {
	src, err := s.find(ctx, org, func(x *Source) bool { return x.Key == key })
	return src.Redacted(), err
}

// SCIM is the organisation's directory that speaks SCIM; NotFound when it has none.
func (s *Service) SCIM(ctx context.Context, org e911.OrgID) (Source, error) {
	return s.find(ctx, org, func(x *Source) bool { return x.Protocol == SCIM })
}

func (s *Service) find(ctx context.Context, org e911.OrgID, is func(*Source) bool) (Source, error) {
	if org == "" {
		return Source{}, e911.Errorf(e911.NotFound, "the operator has no directory of people")
	}
	all, err := s.cfg.Store.Directories(ctx, org)
	if err != nil {
		return Source{}, err
	}
	for i := range all {
		if is(&all[i]) {
			return all[i], nil
		}
	}
	return Source{}, e911.Errorf(e911.NotFound, "there is no such directory")
}

// Save makes a directory, or replaces the one of the same key. An empty password
// leaves the stored one. An Invalid error has every fault.
func (s *Service) Save(ctx context.Context, who admin.Actor, src Source) (Source, error) {
	all, err := s.cfg.Store.Directories(ctx, src.Org)
	if err != nil {
		return src, err
	}
	if src.Action == "" {
		src.Action = ActionPlan
	}
	src.ID = ""
	for _, old := range all {
		if old.Key == src.Key {
			src.ID = old.ID
			if src.Version == 0 {
				src.Version = old.Version
			}
			if src.Server != nil && old.Server != nil && src.Server.Password == "" && src.Server.BindDN == old.Server.BindDN && src.Server.URL == old.Server.URL {
				t := *src.Server
				t.Password = old.Server.Password
				src.Server = &t
			}
		} else if old.Protocol == SCIM && src.Protocol == SCIM {
			return src, e911.Errorf(e911.Conflict, "the directory %s speaks SCIM already: an organisation has one at most", old.Key)
		}
	}
	if faults := Check(src); len(faults) > 0 {
		return src, &e911.Error{Kind: e911.Invalid, Msg: "the directory is refused", Faults: faults}
	}
	if src.ID == "" {
		src.ID, src.Version = e911.NewID[string](), 0
	}
	saved, err := s.cfg.Store.SaveDirectory(ctx, who, src)
	if err == nil {
		s.tell(saved.ID)
	}
	return saved.Redacted(), err
}

// Delete follows a directory no longer. Its people stay here, and become changeable.
// The roles that its groups gave end with it. Invalid, and the directory stays, while
// one of them is the last administrator's: it would hang on a directory that is no
// more, so somebody is to be given the role by hand before. The other roles have ended
// then, and the next run gives them back.
func (s *Service) Delete(ctx context.Context, who admin.Actor, org e911.OrgID, key string) error {
	select { // a run that goes on would give the roles again
	case s.busy <- struct{}{}:
		defer func() { <-s.busy }()
	case <-ctx.Done():
		return e911.Errorf(e911.Unavailable, "a directory is being worked on: try again")
	}
	src, err := s.Source(ctx, org, key)
	if err != nil {
		return err
	}
	if s.cfg.Roles != nil {
		faults, err := s.cfg.Roles(ctx, org, src.Key, nil)
		if err != nil {
			return fmt.Errorf("end the roles that a directory gave: %w", err)
		}
		if len(faults) > 0 {
			return &e911.Error{Kind: e911.Invalid, Msg: "the directory is not deleted: a role that it gave cannot end", Faults: faults}
		}
	}
	return s.cfg.Store.DeleteDirectory(ctx, who, org, src.ID)
}

// Last is the newest report of a directory; NotFound when there is none.
func (s *Service) Last(ctx context.Context, org e911.OrgID, key string) (Report, error) {
	src, err := s.Source(ctx, org, key)
	if err != nil {
		return Report{}, err
	}
	return s.cfg.Store.LastDirectoryReport(ctx, org, src.ID)
}

// entries reads all entries of a source.
func (s *Service) entries(ctx context.Context, src *Source, q Query) ([]Entry, error) {
	var out []Entry
	q.Limit = admin.MaxPage
	for {
		page, err := s.cfg.Store.DirectoryEntries(ctx, src.Org, src.ID, q)
		out = append(out, page...)
		if err != nil || len(page) < admin.MaxPage {
			return out, err
		}
		q.After = page[len(page)-1].ID
	}
}

// List returns what a SCIM client sees: entries of a kind that are not deleted.
func (s *Service) List(ctx context.Context, src Source, q Query) ([]Entry, error) {
	q.Deleted = false
	return s.entries(ctx, &src, q)
}

// Entry is NotFound when the directory has it no longer.
func (s *Service) Entry(ctx context.Context, src Source, kind Kind, id string) (Entry, error) {
	e, err := s.cfg.Store.DirectoryEntry(ctx, src.Org, src.ID, id)
	if err == nil && (e.Deleted || e.Kind != kind) {
		return Entry{}, e911.Errorf(e911.NotFound, "there is no such %s", kind)
	}
	return e, err
}

// Put keeps what a directory told of one entry, and has it taken over soon. Conflict
// when the name is taken, or the version is not the stored one.
func (s *Service) Put(ctx context.Context, src Source, e Entry) (Entry, error) {
	e.Changed = s.now()
	if e.ID == "" {
		e.ID, e.Made, e.Version = e911.NewID[string](), e.Changed, 0
	}
	e.leave(e.Changed)
	saved, err := s.cfg.Store.SaveDirectoryEntries(ctx, src.Org, src.ID, []Entry{e})
	if err != nil {
		return e, err
	}
	s.tell(src.ID)
	return saved[0], nil
}

// leave marks who is gone, once, and takes the mark from who is back.
func (e *Entry) leave(now time.Time) {
	switch {
	case e.Kind != User:
	case e.Active && !e.Deleted:
		e.Left = time.Time{}
	case e.Left.IsZero():
		e.Left = now
	}
}

// Unplaced returns since when users that joined have no location (N-07). It blocks
// nothing of 911.
func (s *Service) Unplaced(ctx context.Context, org e911.OrgID) (map[e911.UserID]time.Time, error) {
	all, err := s.cfg.Store.Directories(ctx, org)
	if err != nil {
		return nil, err
	}
	out := map[e911.UserID]time.Time{}
	for i := range all {
		people, err := s.entries(ctx, &all[i], Query{Kind: User})
		if err != nil {
			return nil, err
		}
		for j := range people {
			if p := &people[j]; p.User != "" && !p.Unplaced.IsZero() {
				out[p.User] = p.Unplaced
			}
		}
	}
	return out, nil
}

// Placed takes the mark of N-07 from a user: he has said where he is.
func (s *Service) Placed(ctx context.Context, org e911.OrgID, user e911.UserID) error {
	all, err := s.cfg.Store.Directories(ctx, org)
	if err != nil {
		return err
	}
	for i := range all {
		people, err := s.entries(ctx, &all[i], Query{Kind: User, Deleted: true})
		if err != nil {
			return err
		}
		for _, p := range people {
			if p.User != user || p.Unplaced.IsZero() {
				continue
			}
			p.Unplaced = time.Time{}
			if _, err := s.cfg.Store.SaveDirectoryEntries(ctx, org, all[i].ID, []Entry{p}); err != nil {
				return err
			}
		}
	}
	return nil
}

// tell has a source worked on soon.
func (s *Service) tell(id string) {
	s.mu.Lock()
	s.told[id] = true
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
