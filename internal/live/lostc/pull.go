package lostc

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/callbox911/callbox/internal/obs"
	"github.com/callbox911/callbox/wire/lost"
)

// pullEvery is how often upstreams are asked for all they have; what changes
// between is pushed, or is asked for when it ages.
const pullEvery = time.Hour

// Bounds of one exchange of whole databases (RFC 6739).
const (
	syncWithin = time.Minute
	syncBytes  = 64 << 20
)

// Pull asks the upstreams so marked for the mappings that are new or newer than
// ours (RFC 6739, section 4), and keeps them. It returns how many came; one
// upstream that fails does not stop the others. A mapping of ours that some
// upstream has, too, is left out.
func (c *Client) Pull(ctx context.Context) (got int, err error) {
	for i, up := range c.cfg.Upstreams {
		if !up.Pull {
			continue
		}
		n, e := c.pull(ctx, i)
		got += n
		if e != nil {
			err = errors.Join(err, fmt.Errorf("get the mappings of %s: %w", up.Name, e))
		}
	}
	return got, err
}

func (c *Client) pull(ctx context.Context, i int) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, syncWithin)
	defer cancel()
	limits := lost.SyncLimits()
	limits.Bytes = syncBytes
	resp, err := exchange[*lost.GetMappingsResponse](ctx, c.http,
		parcel{url: c.cfg.Upstreams[i].URL, media: lost.MediaTypeSync, limits: limits},
		&lost.GetMappingsRequest{Exists: c.mem.fingerprints(i)})
	if e, ok := errors.AsType[*lost.Errors](err); ok && e.Has(lost.NotFound) {
		return 0, nil // nothing new: the grammar has no empty list
	}
	if err != nil {
		c.mark(i, err, 0)
		return 0, err
	}
	c.mem.push(c.foreignOnly(resp.Mappings), i, c.cfg.Now())
	return len(resp.Mappings), nil
}

// fingerprints are of the mappings that an upstream has given whole.
func (m *memory) fingerprints(rank int) []lost.Fingerprint {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var out []lost.Fingerprint
	for _, k := range m.order {
		if k.rank == rank && k.asked == "" {
			out = append(out, k.mapping.Fingerprint())
		}
	}
	return out
}

// pullSometimes pulls when it is time, and returns when it will be next.
func (c *Client) pullSometimes(ctx context.Context, next time.Time) time.Time {
	now := c.cfg.Now()
	if now.Before(next) {
		return next
	}
	if _, err := c.Pull(ctx); err != nil && ctx.Err() == nil {
		c.cfg.Log.Warn("LoST synchronization", obs.Err(err))
		return now.Add(pullEvery / 12) // sooner than after one that went well
	}
	return now.Add(pullEvery)
}
