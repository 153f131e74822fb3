package layer

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
)

// The alarms of a Watch, to the organisation.
const (
	AlarmInvalid = "address_invalid" // a valid address is valid no longer
	AlarmPSAP    = "psap_changed"    // another PSAP serves a place, or none
)

// WatchConfig is what a Watch needs.
type WatchConfig struct {
	Planner *Planner
	Dir     string // of the note when it looked last
	Now     func() time.Time
	// Alarm tells an organisation; it must not block.
	Alarm func(e911.OrgID, journal.Alarm)
	Log   *slog.Logger
	Every time.Duration // default 24 h
	Again time.Duration // after a database that did not answer; default 5 min
}

// Watch judges every address again once a day: features of a layer begin and end
// to hold, and overrides end, without anybody changing anything. Not safe for
// concurrent use.
type Watch struct {
	cfg    WatchConfig
	looked time.Time // last, where the note could not be written
}

// NewWatch checks the configuration and reports all its faults.
func NewWatch(cfg WatchConfig) (*Watch, error) {
	var missing []string
	for name, bad := range map[string]bool{
		"Planner": cfg.Planner == nil, "Dir": cfg.Dir == "", "Now": cfg.Now == nil, "Alarm": cfg.Alarm == nil, "Log": cfg.Log == nil,
	} {
		if bad {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return nil, e911.Errorf(e911.Invalid, "a watch over addresses needs %s", strings.Join(missing, ", "))
	}
	if cfg.Every <= 0 {
		cfg.Every = 24 * time.Hour
	}
	if cfg.Again <= 0 {
		cfg.Again = 5 * time.Minute
	}
	return &Watch{cfg: cfg}, nil
}

// Run looks when the last look is a day old, until ctx ends. What the days
// brought while no server ran is found at the start.
func (w *Watch) Run(ctx context.Context) error {
	for {
		wait := w.last().Add(w.cfg.Every).Sub(w.cfg.Now())
		if wait <= 0 {
			wait = w.cfg.Every
			if err := w.Look(ctx); err != nil && ctx.Err() == nil {
				w.cfg.Log.Warn("addresses could not be judged again", "error", err)
				wait = w.cfg.Again
			}
		}
		// A clock that was set back must not silence it.
		timer := time.NewTimer(min(wait, w.cfg.Every))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
	}
}

// Look judges every address as of now, stores what changed since the last look,
// and raises alarms.
func (w *Watch) Look(ctx context.Context) error {
	now, since := w.cfg.Now(), w.last()
	p := w.cfg.Planner
	var turned []change
	look := func(r admin.View, did func(change) error) error {
		turned = nil
		layers, err := p.cfg.Shelf.Layers(ctx, r)
		if err != nil {
			return err
		}
		e, err := p.evaluation(ctx, r, layers, layers)
		if err != nil {
			return err
		}
		e.after = e.after.at(now)
		if e.before = e.after; !since.IsZero() {
			e.before = e.after.at(since)
		}
		return e.run(ctx, r, func(c change) error {
			// The stored verdict is the last that anybody was told.
			stored := c.before.Validation.Verdict
			if c.effect.VerdictBefore != e911.VerdictValid && stored == e911.VerdictValid {
				c.effect.VerdictBefore = stored
			}
			if c.effect.turns() {
				turned = append(turned, c)
			}
			return did(c)
		})
	}
	changed := false
	err := p.cfg.Store.Read(ctx, func(r admin.Reader) error {
		return look(r, func(c change) error {
			changed = changed || c.effect.Location == "" && !admin.Same(c.before, c.after)
			return nil
		})
	})
	if err == nil && changed {
		err = p.cfg.Store.Write(ctx, "daily check of addresses", func(t admin.Writer) error {
			return look(t, func(c change) error { _, err := store(ctx, t, c); return err })
		})
	}
	if err != nil {
		return fmt.Errorf("judge addresses again: %w", err)
	}
	for _, c := range turned {
		w.tell(c)
	}
	return w.note(now)
}

// tell raises the alarms of one building; keys alone, no addresses.
func (w *Watch) tell(c change) {
	f := c.effect
	what := "building " + f.Building
	if f.Location != "" {
		what = "location " + f.Location + " of " + what
	}
	if f.VerdictBefore == e911.VerdictValid && f.Verdict != e911.VerdictValid && f.Location == "" {
		w.cfg.Alarm(c.org.ID, journal.Alarm{Code: AlarmInvalid, Detail: fmt.Sprintf(
			"the address of %s was valid and is %s now: what the reference layer had for it holds no longer; callbox check addresses --org %s says more", what, f.Verdict, f.Org)})
	}
	if f.PSAPBefore != f.PSAP {
		none := "none of ours, the relay centre takes the calls"
		w.cfg.Alarm(c.org.ID, journal.Alarm{Code: AlarmPSAP, Detail: fmt.Sprintf(
			"%s has another PSAP: it was %s and is %s", what, cmp.Or(f.PSAPBefore, none), cmp.Or(f.PSAP, none))})
	}
}

// noteName is the file that says when it looked last.
const noteName = "addresses-checked.json"

type note struct {
	At time.Time `json:"at"`
}

// last is when it looked last; zero: never, or nobody knows. Then only what is
// stored tells what was before.
func (w *Watch) last() time.Time {
	var n note
	b, err := os.ReadFile(filepath.Join(w.cfg.Dir, noteName))
	if err != nil || json.Unmarshal(b, &n) != nil || n.At.Before(w.looked) {
		return w.looked
	}
	return n.At
}

// note remembers the look. It is not synced: one that is lost makes the next
// start look again.
func (w *Watch) note(at time.Time) error {
	w.looked = at
	b, err := json.Marshal(note{at.UTC()})
	if err != nil {
		return fmt.Errorf("note when addresses were judged: %w", err)
	}
	path := filepath.Join(w.cfg.Dir, noteName)
	if err := errors.Join(os.WriteFile(path+".new", b, 0o600), os.Rename(path+".new", path)); err != nil {
		return fmt.Errorf("note when addresses were judged: %w", err)
	}
	return nil
}
