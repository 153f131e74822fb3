package reconcile

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/change"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
)

// The alarms of a Service, to the organisation's administrators.
const (
	AlarmFailed = "reconcile_failed" // a list could not be had or read
	AlarmOld    = "reconcile_old"    // lists have differed, or nothing came, for longer than the source allows
	AlarmShrank = "reconcile_shrank" // a list lost so much that nothing is deleted by it
)

// Planner makes plans of change sets.
type Planner interface {
	Plan(ctx context.Context, who admin.Actor, s change.Set) (change.Plan, error)
}

// Config is what a Service needs.
type Config struct {
	Store   Store
	Planner Planner // nil: no plans are made
	// Leavers are the people who left the directories of an organisation; nil: it has
	// none. Whoever is one of them is not made again because the platform still has him.
	Leavers func(ctx context.Context, org e911.OrgID) ([]admin.Leaver, error)
	// Folder holds the lists that are read as files; empty: none are.
	Folder string
	Now    func() time.Time
	// Alarm tells an organisation; it must not block.
	Alarm func(e911.OrgID, journal.Alarm)
	Log   *slog.Logger
	// Look is how often it is looked what is due; default 1 min.
	Look time.Duration
}

// Service compares lists. Safe for concurrent use.
type Service struct {
	cfg  Config
	busy chan struct{} // one run at a time
	wake chan struct{}
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
		return nil, e911.Errorf(e911.Invalid, "what compares lists needs %s", strings.Join(missing, ", "))
	}
	if cfg.Look <= 0 {
		cfg.Look = time.Minute
	}
	return &Service{cfg: cfg, busy: make(chan struct{}, 1), wake: make(chan struct{}, 1)}, nil
}

// Sources lists the sources of an organisation by key.
func (s *Service) Sources(ctx context.Context, org e911.OrgID) ([]Source, error) {
	return s.cfg.Store.Sources(ctx, org)
}

// Source finds one by its key; NotFound, also when it is another organisation's.
func (s *Service) Source(ctx context.Context, org e911.OrgID, key string) (Source, error) {
	all, err := s.cfg.Store.Sources(ctx, org)
	if err != nil {
		return Source{}, err
	}
	for _, x := range all {
		if x.Key == key && x.Org == org {
			return x, nil
		}
	}
	return Source{}, e911.Errorf(e911.NotFound, "there is no list %q", key)
}

// Save creates a source (Version 0) or replaces it. Invalid with all its faults,
// Conflict when it was changed meanwhile.
func (s *Service) Save(ctx context.Context, who admin.Actor, src Source) (Source, error) {
	if faults := Check(src); len(faults) > 0 {
		return Source{}, &e911.Error{Kind: e911.Invalid, Msg: "the list cannot be compared so", Faults: faults}
	}
	if src.ID == "" {
		src.ID = e911.NewID[string]()
	}
	saved, err := s.cfg.Store.SaveSource(ctx, who, src)
	if err == nil {
		s.nudge()
	}
	return saved, err
}

// Delete removes a source with its list and runs.
func (s *Service) Delete(ctx context.Context, who admin.Actor, org e911.OrgID, key string) error {
	src, err := s.Source(ctx, org, key)
	if err != nil {
		return err
	}
	return s.cfg.Store.DeleteSource(ctx, who, org, src.ID)
}

// nudge makes Run look at once.
func (s *Service) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// MaxList bounds a list that is pushed.
const MaxList = 64 << 20

// Last returns the last run of a source with its differences; Runs the last ones
// without, newest first.
func (s *Service) Last(ctx context.Context, org e911.OrgID, key string) (Run, error) {
	src, err := s.Source(ctx, org, key)
	if err != nil {
		return Run{}, err
	}
	return s.cfg.Store.LastRun(ctx, org, src.ID)
}

// Runs lists the runs of a source, newest first, without differences.
func (s *Service) Runs(ctx context.Context, org e911.OrgID, key string, limit int) ([]Run, error) {
	src, err := s.Source(ctx, org, key)
	if err != nil {
		return nil, err
	}
	return s.cfg.Store.Runs(ctx, org, src.ID, limit)
}
