// Package publish brings what administrators commit to the calls: it applies
// the changes since the last time to the frozen world, copy-on-write and
// checked, swaps it, and keeps it in the snapshot file from which a server
// starts without a database (D-07).
//
// A bad object keeps its last good form while the rest goes on (F-31); a bad
// database or disk leaves the last good world in place. Both raise an alarm.
package publish

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/rules/gis"
	"github.com/callbox911/callbox/internal/snapshot"
)

// The alarms that a Publisher raises.
const (
	AlarmHeld     = "publish_held_back"  // objects keep an older form than is stored
	AlarmBehind   = "publish_behind"     // for more than a minute (F-31)
	AlarmDatabase = "publish_database"   // no answer from the database for more than a minute
	AlarmFile     = "publish_file"       // the snapshot file could not be written or read whole
	AlarmDiffers  = "publish_comparison" // the nightly comparison with the database found a difference
)

// patience is how long stored and published may differ before it is an alarm
// (F-31).
const patience = 60 * time.Second

// File keeps snapshots; *snapshot.File is one.
type File interface {
	Load() (*snapshot.Snapshot, error)
	WriteBase(s *snapshot.Snapshot) error
	WriteDelta(s *snapshot.Snapshot, changes []snapshot.Change) error
	Deltas() int
}

var _ File = (*snapshot.File)(nil)

// Config is what a Publisher needs.
type Config struct {
	Holder *snapshot.Holder
	File   File
	Dir    string // of the note which change the file has reached
	Now    func() time.Time
	Alarm  func(journal.Alarm) // must not block; logs what it is told
	// Replaced hears that calls use another world; it must not wait. None: nobody does.
	Replaced func()
	Log      *slog.Logger
	// Poll is how often the database is asked without a wake-up, default
	// 500 ms: changes that another process made.
	Poll time.Duration
	// Compare is how often the published world is compared with the whole
	// database, default 24 h.
	Compare time.Duration
}

func (c *Config) validate() error {
	var missing []string
	for name, bad := range map[string]bool{
		"Holder": c.Holder == nil, "File": c.File == nil, "Dir": c.Dir == "", "Now": c.Now == nil, "Alarm": c.Alarm == nil, "Log": c.Log == nil,
	} {
		if bad {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return e911.Errorf(e911.Invalid, "a publisher needs %s", strings.Join(missing, ", "))
	}
	if c.Poll <= 0 {
		c.Poll = 500 * time.Millisecond
	}
	if c.Compare <= 0 {
		c.Compare = 24 * time.Hour
	}
	return nil
}

// Publisher publishes. Safe for concurrent use: publishes run one after the
// other.
type Publisher struct {
	cfg Config

	mu     sync.Mutex
	at     note
	behind bool      // the file lacks what is in the Holder
	since  time.Time // of the oldest change that is held back
	failed time.Time // since when the database has not answered
	raised map[string]string

	again   bool                    // a content of a layer is to be asked for again
	waiting map[string]*gis.Content // of layers that are not published yet, by digest
}

// Result says what one publish did.
type Result struct {
	Version uint64 // of the world that calls use now
	Applied int    // objects that came, changed or went
	Held    []Held
}

// Held is an object that keeps its last good form.
type Held struct {
	Ref admin.Ref
	Why string
}

// New checks the configuration and reports all its faults.
func New(cfg Config) (*Publisher, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	return &Publisher{cfg: cfg, raised: map[string]string{}}, nil
}

// World is what calls use now, and the change that it has reached; the zero Head
// when that is not known.
func (p *Publisher) World() (*snapshot.Snapshot, admin.Head) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cfg.Holder.Load(), p.at.Head
}

// Restore publishes the world of the snapshot file, without a database. It
// reports whether there was one; without it calls see the empty world until
// the first Publish.
func (p *Publisher) Restore() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	s, err := p.cfg.File.Load()
	if err != nil && !errors.Is(err, snapshot.ErrNoFile) {
		p.alarm(AlarmFile, "the snapshot file could not be read whole: "+err.Error())
	}
	if s == nil {
		return false
	}
	p.cfg.Holder.Store(s)
	at, readErr := readNote(p.cfg.Dir)
	switch {
	case readErr != nil:
		p.cfg.Log.Warn("publish: everything is read from the database again", "reason", readErr)
	case err != nil || at.Version > s.Version:
		// The file fell back to an older state: the changes between are asked
		// for by reading everything again.
	default:
		p.at = at
	}
	return true
}

// Run publishes whenever something was committed, until ctx ends. A database
// that does not answer is asked again.
func (p *Publisher) Run(ctx context.Context, src Source) error {
	poll := time.NewTicker(p.cfg.Poll)
	defer poll.Stop()
	compare := time.NewTicker(p.cfg.Compare)
	defer compare.Stop()
	for {
		if _, err := p.Publish(ctx, src); err != nil && ctx.Err() == nil {
			p.cfg.Log.Debug("publish", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-src.Wake():
		case <-poll.C:
		case <-compare.C:
			if _, err := p.Verify(ctx, src); err != nil && ctx.Err() == nil {
				p.cfg.Log.Warn("publish: compare with the database", "error", err)
			}
		}
	}
}

// Publish brings the published world up to the last commit. With an error the
// last good world stays.
func (p *Publisher) Publish(ctx context.Context, src Source) (Result, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	res, err := p.publish(ctx, src)
	if ctx.Err() == nil {
		p.watchDatabase(err)
	}
	return res, err
}

func (p *Publisher) publish(ctx context.Context, src Source) (Result, error) {
	res := Result{Version: p.cfg.Holder.Load().Version}
	head, err := src.Head(ctx)
	if err != nil {
		return res, fmt.Errorf("ask for the last change: %w", err)
	}
	known := head.Store == p.at.Head.Store && head.Seq >= p.at.Head.Seq
	if known && head.Seq == p.at.Head.Seq && !p.behind && !p.again {
		// Held objects wait for the next commit: nothing that they hang on has
		// changed either.
		p.watchHeld()
		return res, nil
	}
	var batch admin.Batch
	if known {
		batch, err = src.Since(ctx, p.at.Head.Seq, p.at.Held)
	} else {
		batch, err = src.All(ctx)
	}
	if err != nil {
		return res, fmt.Errorf("read what has changed: %w", err)
	}
	p.fillLayers(ctx, src, batch.Rows, p.cfg.Holder.Load())
	return p.apply(batch, !known), nil
}

// apply publishes the batch. Whole says that what is not in it is gone.
func (p *Publisher) apply(batch admin.Batch, whole bool) Result {
	now := p.cfg.Now()
	current := p.cfg.Holder.Load()
	changes, held := changesOf(batch, current, whole)
	next, applied := current, []snapshot.Change(nil)
	if len(changes) > 0 {
		good, left, err := current.ApplyGood(changes, now)
		held = append(held, leftOut(left, err)...)
		if applied = without(changes, left); len(applied) > 0 {
			next = good
			p.cfg.Holder.Store(next)
			if p.cfg.Replaced != nil {
				p.cfg.Replaced()
			}
			p.watchWays(current, next, applied)
		}
	}
	p.note(next, batch.Head, held)
	p.forgetLayers(held)
	p.keep(next, applied, whole)
	p.reportHeld(held, batch.Oldest)
	return Result{Version: next.Version, Applied: len(applied), Held: held}
}

// changesOf turns rows into changes. What cannot be read stays as it is.
func changesOf(batch admin.Batch, current *snapshot.Snapshot, whole bool) (changes []snapshot.Change, held []Held) {
	named := map[snapshot.Object]bool{}
	for _, r := range batch.Rows {
		o := snapshot.Object{Kind: r.Ref.Kind, Org: r.Ref.Org, ID: r.Ref.ID}
		if whole {
			named[o] = true
		}
		if r.Err != nil {
			held = append(held, Held{r.Ref, r.Err.Error()})
			continue
		}
		changes = append(changes, snapshot.Change{Kind: o.Kind, Org: o.Org, ID: o.ID, Object: r.Value})
	}
	if whole {
		for c := range current.All() {
			if !named[snapshot.Object{Kind: c.Kind, Org: c.Org, ID: c.ID}] {
				changes = append(changes, snapshot.Change{Kind: c.Kind, Org: c.Org, ID: c.ID})
			}
		}
	}
	return changes, held
}

// leftOut names what ApplyGood did not take, with the first reason for each:
// the path of a fault begins with "site[id]".
func leftOut(left []snapshot.Change, err error) []Held {
	reasons := map[string]string{}
	for _, f := range e911.FaultsOf(err) {
		object, _, _ := strings.Cut(f.Path, "]")
		if _, have := reasons[object]; !have {
			reasons[object] = f.Msg
		}
	}
	held := make([]Held, len(left))
	for i, c := range left {
		why, ok := reasons[string(c.Kind)+"["+c.ID]
		if !ok {
			why = "it does not fit into the rest"
		}
		held[i] = Held{admin.Ref{Kind: c.Kind, Org: c.Org, ID: c.ID}, why}
	}
	return held
}

func without(changes, left []snapshot.Change) []snapshot.Change {
	if len(left) == 0 {
		return changes
	}
	out := map[snapshot.Object]bool{}
	for _, c := range left {
		out[snapshot.Object{Kind: c.Kind, Org: c.Org, ID: c.ID}] = true
	}
	return slices.DeleteFunc(slices.Clone(changes), func(c snapshot.Change) bool {
		return out[snapshot.Object{Kind: c.Kind, Org: c.Org, ID: c.ID}]
	})
}

// note remembers how far the published world is.
func (p *Publisher) note(next *snapshot.Snapshot, head admin.Head, held []Held) {
	p.at = note{Head: head, Version: next.Version}
	for _, h := range held {
		p.at.Held = append(p.at.Held, h.Ref)
	}
}

// keep writes the file and then the note: a crash between the two makes the
// next start apply some changes twice, which changes nothing.
func (p *Publisher) keep(next *snapshot.Snapshot, applied []snapshot.Change, whole bool) {
	var err error
	switch {
	case whole || p.behind || p.cfg.File.Deltas() >= snapshot.MaxDeltas:
		err = p.cfg.File.WriteBase(next)
	case len(applied) > 0:
		err = p.cfg.File.WriteDelta(next, applied)
	}
	if err == nil {
		err = writeNote(p.cfg.Dir, p.at)
	}
	p.behind = err != nil
	if err != nil {
		p.alarm(AlarmFile, "the snapshot file could not be written; calls use the new world all the same: "+err.Error())
		return
	}
	delete(p.raised, AlarmFile)
}

// Verify builds the world from the whole database and compares it with the
// published one. A difference is an alarm, and is put right.
func (p *Publisher) Verify(ctx context.Context, src Source) (same bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, err := p.publish(ctx, src); err != nil {
		return false, err
	}
	batch, err := src.All(ctx)
	if err != nil {
		return false, fmt.Errorf("read the whole database: %w", err)
	}
	if batch.Head != p.at.Head || len(p.at.Held) > 0 {
		return true, nil // changed meanwhile, or known to differ
	}
	p.fillLayers(ctx, src, batch.Rows, p.cfg.Holder.Load())
	changes, _ := changesOf(batch, new(snapshot.Snapshot), false)
	fresh, left, err := p.cfg.Holder.Load().Emptied().ApplyGood(changes, p.cfg.Now())
	if len(left) == 0 && err == nil && fresh.Digest() == p.cfg.Holder.Load().Digest() {
		delete(p.raised, AlarmDiffers)
		return true, nil
	}
	p.alarm(AlarmDiffers, "the published world was not what the database holds; it was built again")
	p.apply(batch, true)
	return false, nil
}

// reportHeld raises an alarm when other objects are held back than before.
func (p *Publisher) reportHeld(held []Held, oldest time.Time) {
	if len(held) == 0 {
		p.since = time.Time{}
		delete(p.raised, AlarmHeld)
		delete(p.raised, AlarmBehind)
		return
	}
	if p.since.IsZero() {
		p.since = oldest
		if oldest.IsZero() {
			p.since = p.cfg.Now()
		}
	}
	lines := make([]string, 0, len(held))
	for _, h := range held {
		lines = append(lines, h.Ref.String()+": "+h.Why)
	}
	slices.Sort(lines)
	const few = 5
	text := strings.Join(lines[:min(few, len(lines))], "; ")
	if len(lines) > few {
		text += fmt.Sprintf(" and %d more", len(lines)-few)
	}
	p.alarm(AlarmHeld, "calls still use an older form of: "+text)
	p.watchHeld()
}

// watchHeld raises the alarm of F-31 when published is older than stored by
// more than a minute.
func (p *Publisher) watchHeld() {
	if !p.since.IsZero() && p.cfg.Now().Sub(p.since) > patience {
		p.alarm(AlarmBehind, "changes of "+p.since.UTC().Format(time.RFC3339)+" are stored and not published")
	}
}

func (p *Publisher) watchDatabase(err error) {
	if err == nil {
		p.failed = time.Time{}
		delete(p.raised, AlarmDatabase)
		return
	}
	now := p.cfg.Now()
	if p.failed.IsZero() {
		p.failed = now
	}
	if now.Sub(p.failed) > patience {
		p.alarm(AlarmDatabase, "the database has not answered since "+p.failed.UTC().Format(time.RFC3339)+"; calls use the last good world")
	}
}

// alarm raises each alarm once until its cause is another or was over.
func (p *Publisher) alarm(code, detail string) {
	if p.raised[code] == detail {
		return
	}
	p.raised[code] = detail
	p.cfg.Alarm(journal.Alarm{Code: code, Detail: detail})
}
