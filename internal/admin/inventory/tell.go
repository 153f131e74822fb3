package inventory

import (
	"context"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
)

// How often people are told. Keys can be made up by whoever may ask, and a
// notice stands in one queue with those of emergency calls, so there are few.
const (
	tellAgain   = 24 * time.Hour // of one element
	tellWindow  = time.Hour
	tellSingles = 5             // of one organisation in a window; then a summary, and nothing more until its end
	tellNews    = 6 * time.Hour // what is older is in the queue, and no news
)

// tellings bounds the notices of each organisation.
type tellings struct {
	by         map[e911.OrgID]*telling
	considered uint64 // the newest fact that was told or held back
}

type telling struct {
	began time.Time
	told  int // singles in the window
	held  int // elements that were not told
	since int // held when the last summary went out
}

// consider tells people of an element that strands a device, by the fact seq.
// A fact that comes again, because the store failed, is not told again.
func (p *Projector) consider(ctx context.Context, u *Unknown, at time.Time, seq uint64) {
	now := p.cfg.Now()
	if u.State != Open || u.Stranded == 0 || now.Sub(at) > tellNews || (!u.Told.IsZero() && at.Sub(u.Told) < tellAgain) {
		return
	}
	s := p.cfg.Snapshot.Load()
	o := s.Org(u.Org)
	if o == nil || o.Knows(u.Key) {
		return
	}
	u.Told = at
	if seq <= p.considered {
		return
	}
	p.considered = seq
	t := p.by[u.Org]
	if t == nil || (now.Sub(t.began) >= tellWindow && t.held == 0) {
		t = &telling{began: now}
		p.by[u.Org] = t
	}
	if t.told >= tellSingles {
		if t.held++; t.held == 1 {
			p.summary(ctx, u.Org, t)
		}
		return
	}
	t.told++
	p.cfg.Recorder.Record(journal.New(journal.NotifyDue, at, u.Org, "", p.cfg.Queue.due(ctx, *u)))
}

// tellRest sends what a window has held back, once it is over.
func (p *Projector) tellRest(ctx context.Context) {
	now := p.cfg.Now()
	for org, t := range p.by {
		if now.Sub(t.began) < tellWindow {
			continue
		}
		if t.held > t.since {
			p.summary(ctx, org, t)
			*t = telling{began: now, told: tellSingles} // a flood gets one summary a window
			continue
		}
		delete(p.by, org)
	}
}

// summary tells of all elements that were held back since the last one.
func (p *Projector) summary(ctx context.Context, org e911.OrgID, t *telling) {
	due := p.cfg.Queue.due(ctx, Unknown{Org: org})
	due.Network.More = t.held - t.since
	due.ArrivedAt = p.cfg.Now()
	t.since = t.held
	p.cfg.Recorder.Record(journal.New(journal.NotifyDue, p.cfg.Now(), org, "", due))
}
