package inventory

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/obs"
	"github.com/callbox911/callbox/internal/snapshot"
)

// How facts are gathered into one transaction, and how a store that fails is
// asked again.
const (
	batchFacts = 512
	batchWait  = 200 * time.Millisecond
	// othersFacts that are about no device or element may be read again after a
	// restart: a write for each batch of them would only say how far we are.
	othersFacts  = 20_000
	firstBackOff = 100 * time.Millisecond
	lastBackOff  = 5 * time.Second
	storeTimeout = 10 * time.Second
	// sweepEvery is how often the queue is held against a map that was published
	// anew; without one it has nothing to do.
	sweepEvery = time.Second
)

// ProjectorConfig is what a Projector needs.
type ProjectorConfig struct {
	Node     string // whose journal Feed reads
	Feed     journal.Feed
	Recorder journal.Recorder // takes the journal.NotifyDue facts of stranded devices
	Store    Writer
	Queue    *Queue
	Snapshot *snapshot.Holder
	Now      func() time.Time
	Log      *slog.Logger
}

func (c *ProjectorConfig) validate() error {
	var errs []error
	need := func(ok bool, what string) {
		if !ok {
			errs = append(errs, errors.New(what+" is missing"))
		}
	}
	need(c.Node != "", "node")
	need(c.Feed != nil, "feed")
	need(c.Recorder != nil, "recorder")
	need(c.Store != nil, "store")
	need(c.Queue != nil, "queue")
	need(c.Snapshot != nil, "snapshot")
	need(c.Now != nil, "clock")
	need(c.Log != nil, "log")
	return errors.Join(errs...)
}

// Projector keeps devices and unknown elements in SQL up to date with the
// journal, tells people of networks that strand devices, and closes elements
// that are on the map. While the store fails it reads no further.
type Projector struct {
	cfg    ProjectorConfig
	cursor uint64
	tellings
}

// NewProjector checks the configuration and reports all its faults.
func NewProjector(cfg ProjectorConfig) (*Projector, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("inventory: %w", err)
	}
	return &Projector{cfg: cfg, tellings: tellings{by: map[e911.OrgID]*telling{}}}, nil
}

// Run projects until ctx ends. It must run once only at a time.
func (p *Projector) Run(ctx context.Context) error {
	err := p.insist(ctx, "read the cursor of the inventory", func(ctx context.Context) (err error) {
		p.cursor, err = p.cfg.Store.InventoryCursor(ctx, p.cfg.Node)
		return err
	})
	if err != nil {
		return nil //nolint:nilerr // insist ends only with ctx, which is how Run is asked to end
	}
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	facts := p.cfg.Feed.Subscribe(ctx, p.cursor+1)
	swept := uint64(0)
	for {
		select {
		case f, open := <-facts:
			if !open {
				if ctx.Err() != nil {
					return nil
				}
				return errors.New("the journal's feed ended")
			}
			if err := p.project(ctx, gather(ctx, f, facts)); err != nil {
				return nil //nolint:nilerr // as above
			}
		case <-tick.C:
			if v := p.cfg.Snapshot.Load().Version; v != swept {
				if err := p.cfg.Queue.Sweep(ctx); err == nil {
					swept = v
				} else if ctx.Err() == nil {
					p.cfg.Log.Warn("unknown elements cannot be held against the map", obs.Err(err))
				}
			}
			p.tellRest(ctx)
		case <-ctx.Done():
			return nil
		}
	}
}

// gather takes what follows a fact closely.
func gather(ctx context.Context, first journal.Fact, facts <-chan journal.Fact) []journal.Fact {
	batch := []journal.Fact{first}
	timer := time.NewTimer(batchWait)
	defer timer.Stop()
	for len(batch) < batchFacts {
		select {
		case f, open := <-facts:
			if !open {
				return batch
			}
			batch = append(batch, f)
		case <-timer.C:
			return batch
		case <-ctx.Done():
			return batch
		}
	}
	return batch
}

// project applies the facts and saves what they changed. Its only error is the
// end of ctx.
func (p *Projector) project(ctx context.Context, batch []journal.Fact) error {
	upTo := p.cursor
	ours := false
	for _, f := range batch {
		upTo = max(upTo, f.Seq)
		if !ours {
			_, device := deviceOf(f)
			_, _, element := unknownOf(f)
			ours = device || element
		}
	}
	if !ours && upTo-p.cursor < othersFacts {
		return nil // of calls: nothing to keep, and harmless to read again
	}
	var b Batch
	err := p.insist(ctx, "keep the inventory", func(ctx context.Context) error {
		var err error
		if b, err = p.fold(ctx, batch); err != nil {
			return err
		}
		err = p.cfg.Store.SaveInventory(ctx, p.cfg.Node, upTo, b)
		if refusal(err) {
			p.cfg.Log.Error("the store refuses a change of the inventory; the journal keeps its facts", obs.Err(err))
			b = Batch{}
			return nil
		}
		return err
	})
	if err != nil {
		return err
	}
	p.cursor = upTo
	return nil
}

// fold reads what is kept of the devices and elements that the facts are about,
// applies the facts, and tells people of what strands devices. A repetition
// tells with the same fact, of which no notice is made twice.
func (p *Projector) fold(ctx context.Context, batch []journal.Fact) (Batch, error) {
	devices, unknown, err := p.load(ctx, batch)
	if err != nil {
		return Batch{}, err
	}
	changedDevices, changedUnknown := map[ID]bool{}, map[string]*Unknown{}
	var b Batch
	for _, f := range batch {
		if name, ok := deviceOf(f); ok {
			id := ID{f.Org, name}
			if ApplyDevice(devices[id], f) {
				changedDevices[id] = true
			}
			continue
		}
		if _, id, ok := unknownOf(f); ok {
			u := unknown[string(f.Org)+" "+id]
			if !ApplyUnknown(u, f) {
				continue
			}
			changedUnknown[string(f.Org)+" "+id] = u
			p.consider(ctx, u, f.At, f.Seq)
		}
	}
	for id := range changedDevices {
		b.Devices = append(b.Devices, *devices[id])
	}
	for _, u := range changedUnknown {
		b.Unknown = append(b.Unknown, *u)
	}
	return b, nil
}

// load returns a device and an element for each fact, new ones where none is
// kept.
func (p *Projector) load(ctx context.Context, batch []journal.Fact) (map[ID]*Device, map[string]*Unknown, error) {
	devices, unknown := map[ID]*Device{}, map[string]*Unknown{}
	var names []ID
	keys := map[e911.OrgID][]string{}
	for _, f := range batch {
		if name, ok := deviceOf(f); ok && devices[ID{f.Org, name}] == nil {
			devices[ID{f.Org, name}] = &Device{}
			names = append(names, ID{f.Org, name})
		}
		if _, id, ok := unknownOf(f); ok && unknown[string(f.Org)+" "+id] == nil {
			unknown[string(f.Org)+" "+id] = &Unknown{}
			keys[f.Org] = append(keys[f.Org], id)
		}
	}
	if len(names) > 0 {
		kept, err := p.cfg.Store.SeenDevices(ctx, names)
		if err != nil {
			return nil, nil, err
		}
		for i := range kept {
			devices[ID{kept[i].Org, kept[i].Device}] = &kept[i]
		}
	}
	for org, ids := range keys {
		kept, err := p.cfg.Store.UnknownElements(ctx, org, ids)
		if err != nil {
			return nil, nil, err
		}
		for i := range kept {
			unknown[string(org)+" "+kept[i].ID] = &kept[i]
		}
	}
	return devices, unknown, nil
}

// refusal reports an error that trying again does not mend.
func refusal(err error) bool {
	if err == nil {
		return false
	}
	kind := e911.KindOf(err)
	return kind == e911.Invalid || kind == e911.Conflict
}

// insist does do until it succeeds or ctx ends, which is its only error. It
// logs the first failure and the recovery, not each try.
func (p *Projector) insist(ctx context.Context, what string, do func(context.Context) error) error {
	var failing time.Time
	for wait := firstBackOff; ; wait = min(2*wait, lastBackOff) {
		try, cancel := context.WithTimeout(ctx, storeTimeout)
		err := do(try)
		cancel()
		if err == nil {
			if !failing.IsZero() {
				p.cfg.Log.Info("the inventory is kept again", "after", p.cfg.Now().Sub(failing).String())
			}
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%s: %w", what, ctx.Err())
		}
		if failing.IsZero() {
			failing = p.cfg.Now()
			p.cfg.Log.Warn("the inventory cannot be kept; the journal keeps the facts meanwhile", "doing", what, obs.Err(err))
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("%s: %w", what, ctx.Err())
		}
	}
}
