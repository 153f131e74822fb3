package lis

import (
	"encoding/json"
	"net/netip"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/rules/locate"
)

// Hear takes up a fact of another node (F-07): it enters the same memory as one
// of this node's journal does. The newest evidence wins, however late it is heard:
// a device that was seen here since stays where it was seen. No time of another
// node's clock counts as later than now. Facts of unknown elements are that
// node's to tell.
func (s *Server) Hear(f journal.Fact) error {
	now := s.now()
	if f.At.After(now) {
		f.At = now
	}
	switch f.Kind {
	case journal.DeviceLocated:
		b, err := journal.Decode[journal.DeviceSeen](f)
		if err != nil {
			return err
		}
		m, err := memoryUntil(b, now)
		if err != nil {
			return err
		}
		k := key{f.Org, b.Device}
		if s.devices.hear(k, f.At, earlier(b.EvidenceAt, now), b, m) && s.cfg.Moved != nil {
			s.cfg.Moved(k.org, k.device)
		}
		return nil
	case journal.DevicePresent:
		b, err := journal.Decode[journal.Presence](f)
		if err != nil {
			return err
		}
		b.EvidenceAt = earlier(b.EvidenceAt, now)
		s.devices.present(key{f.Org, b.Device}, f.At, b)
		return nil
	case journal.NetworkUnknown:
		return nil
	}
	return s.Restore(f)
}

func earlier(a, b time.Time) time.Time {
	if a.After(b) {
		return b
	}
	return a
}

// memoryUntil is the memory in a fact, without times after now.
func memoryUntil(f journal.DeviceSeen, now time.Time) (m locate.Memory, err error) {
	if len(f.Memory) == 0 {
		return m, nil
	}
	if err := json.Unmarshal(f.Memory, &m); err != nil {
		return m, err //nolint:wrapcheck // the caller says of which fact
	}
	m.Left = earlier(m.Left, now)
	for i := range m.Sightings {
		g := &m.Sightings[i]
		g.At, g.Since, g.Was = earlier(g.At, now), earlier(g.Since, now), earlier(g.Was, now)
	}
	return m, nil
}

// hear puts in what another node knows of a device, unless it was seen here since.
// It tells whether that changes where it is.
func (t *table) hear(k key, at, evidenceAt time.Time, f journal.DeviceSeen, m locate.Memory) (moved bool) {
	sh := t.shard(k)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	e := sh.entries[k]
	if e == nil {
		e = sh.add(k, f.Known)
	}
	next := verdict{by: e911.ByNothing}
	if f.By != e911.ByNothing {
		next = verdict{f.By, said(f.Evidence), reference(f.Place)}
	}
	e.generation = max(e.generation, f.Generation)
	if at.Before(e.seen) {
		if next != e.verdict && at.After(e.writtenAt) {
			// The other node errs: the next request here tells it.
			e.keep(e.settled())
			e.steady, e.written = nil, verdict{}
		}
		return false
	}
	e.keep(m)
	e.steady = nil
	moved = next != e.verdict
	e.verdict, e.elsewhere = next, time.Time{}
	if f.By == e911.ByNothing {
		e.elsewhere = evidenceAt
	}
	e.proved = e.proved || f.Proved
	e.via, e.says = f.Via, f.Says
	e.source = addressOf(f.Source)
	e.seen = at
	e.written, e.writtenAt, e.presentAt = next, at, at
	return moved
}

func addressOf(s string) netip.Addr {
	a, _ := netip.ParseAddr(s) // zero: it is not known
	return a
}
