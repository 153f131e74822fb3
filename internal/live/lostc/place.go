package lostc

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/rules/civic"
	"github.com/callbox911/callbox/internal/rules/ecrf"
	"github.com/callbox911/callbox/wire/lost"
	"github.com/callbox911/callbox/wire/pidflo"
)

// Mapping returns who serves a place by an unexpired mapping of an authority,
// from memory alone: it waits for nothing and is for the call path (F-23).
func (c *Client) Mapping(p e911.Place, now time.Time) (ecrf.Answer, bool) {
	k, ok := c.lookup(p, now)
	if !ok {
		return ecrf.Answer{}, false
	}
	return k.toAnswer(ecrf.OriginCached), true
}

func (c *Client) lookup(p e911.Place, now time.Time) (*known, bool) {
	key := place{service: ecrf.ServiceSOS}
	if p.Area != nil {
		key.point = p.Area.Point
	} else {
		key.civic = p.Civic
	}
	return c.mem.find(key, p.Area, now)
}

// Ask returns who serves a place: from memory, else by asking. The answer of a
// server that was asked is fresh.
func (c *Client) Ask(ctx context.Context, p e911.Place) (ecrf.Answer, error) {
	now := c.cfg.Now()
	if a, ok := c.Mapping(p, now); ok {
		return a, nil
	}
	resp, err := c.Find(ctx, query(p))
	if err != nil {
		return ecrf.Answer{}, err
	}
	return (&known{mapping: resp.Mappings[0]}).toAnswer(ecrf.OriginQueried), nil
}

// query asks for the PSAP of a place: by its point, else by its address; both
// at once cannot be asked (RFC 5222, section 12.1).
func query(p e911.Place) *lost.FindService {
	q := &lost.FindService{Service: ecrf.ServiceSOS, Recursive: true, Boundary: lost.ByValue}
	if p.Area != nil {
		pos := pidflo.Pos{Lat: p.Area.Lat, Lon: p.Area.Lon}
		l := lost.Location{ID: "point", Profile: lost.ProfileGeodetic, Shape: pidflo.Point{Pos: pos}}
		if p.Area.RadiusM > 0 {
			l.Shape = pidflo.Circle{Center: pos, Radius: p.Area.RadiusM}
		}
		q.Locations = []lost.Location{l}
	} else if address := civic.ToPIDF(p.Civic); address != nil {
		q.Locations = []lost.Location{{ID: "address", Profile: lost.ProfileCivic, Civic: address}}
	}
	return q
}

// Warmed tells what one round of Warm did.
type Warmed struct {
	Places   int // looked at
	Asked    int // of an upstream
	Unmapped int // the authority answered that it knows none
	Failed   int // no answer
}

// mostFailures ends a round: an upstream that is down is asked again later.
const mostFailures = 3

// Warm asks for every place whose mapping is missing or past three quarters of
// its life. Most places lie in a boundary that is known and cost nothing. It
// ends early when the upstreams do not answer, with their error; what is known
// stays.
func (c *Client) Warm(ctx context.Context, places iter.Seq[e911.Place]) (Warmed, error) {
	var w Warmed
	failures := 0
	for p := range places {
		if p.Area == nil && p.Civic.Empty() {
			continue
		}
		w.Places++
		now := c.cfg.Now()
		if k, ok := c.lookup(p, now); ok && !k.aging(now) {
			continue
		}
		w.Asked++
		_, err := c.find(ctx, query(p), true)
		if ctx.Err() != nil {
			return w, ctx.Err()
		}
		if _, answered := errors.AsType[*lost.Errors](err); answered || isRedirect(err) {
			w.Unmapped++
			err = nil
		}
		if err == nil {
			failures = 0
			continue
		}
		w.Failed++
		if failures++; failures >= mostFailures {
			return w, fmt.Errorf("the upstreams do not answer: %w", err)
		}
	}
	return w, nil
}

// askAgain is how long a mapping is not asked for again at most, however long
// it may be kept: one that never expires, or in the year 9999, could be wrong
// for ever.
const askAgain = 7 * 24 * time.Hour

// aging reports a mapping past three quarters of its life.
func (k *known) aging(now time.Time) bool {
	e := k.mapping.Expires
	return now.After(k.since.Add(askAgain)) || e.Caching == lost.Until && now.After(k.since.Add(e.At.Sub(k.since)/4*3))
}

// Run warms the memory every so often until ctx ends, pulls from upstreams so
// marked, and keeps what they said in the file.
// Places are those of the world of the moment.
func (c *Client) Run(ctx context.Context, every time.Duration, places func() iter.Seq[e911.Place]) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	down, unmapped := false, -1
	var nextPull time.Time
	for {
		w, err := c.Warm(ctx, places())
		if ctx.Err() != nil {
			return nil
		}
		if err != nil && !down {
			c.cfg.Alarm(journal.Alarm{Code: AlarmDown, Detail: "no LoST upstream answers; mappings that are known stay in use until they expire, then our own layer decides"})
		}
		down = err != nil
		if err == nil && w.Unmapped > 0 && w.Unmapped != unmapped {
			c.cfg.Alarm(journal.Alarm{Code: AlarmNoPlace, Detail: fmt.Sprintf("the authority's server has no PSAP for %d of our places", w.Unmapped), Count: w.Unmapped})
		}
		if err == nil {
			unmapped = w.Unmapped
		}
		if err == nil {
			nextPull = c.pullSometimes(ctx, nextPull)
		}
		if c.mem.news() {
			c.save()
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
