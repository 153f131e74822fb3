package explain

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/journal/disk"
	"github.com/callbox911/callbox/internal/live/lis"
	"github.com/callbox911/callbox/internal/rules/locate"
	"github.com/callbox911/callbox/internal/snapshot"
)

const (
	// slack is how much later than its facts a segment may have been begun: a
	// disk that hung.
	slack = time.Hour
	// near is how far from a past time a call still answers the question.
	near = 15 * time.Minute
	// maxMade bounds the calls of one answer, maxSeen those that are looked at.
	maxMade = 50
	maxSeen = 100_000
)

// past is what the journal knows of devices until a time.
type past struct {
	seen    map[string]journal.DeviceSeen
	seenAt  map[string]time.Time
	present map[string]journal.Presence
	facts   []journal.Fact // the same, oldest first
}

var deviceKinds = []journal.Kind{journal.DeviceLocated, journal.DevicePresent, journal.DeviceSignedIn}

func lookedFor(names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		b, err := json.Marshal(n)
		if err != nil {
			b = []byte(`""`)
		}
		out[i] = `"device":` + string(b)
	}
	return out
}

// lookBack finds the last facts of devices until a time. It reads segments from
// the newest back, and no further than it must: each fact of a changed location
// holds all that is kept of its device.
func lookBack(ctx context.Context, a *disk.Archive, org e911.OrgID, names []string, at time.Time) (*past, error) {
	p := &past{seen: map[string]journal.DeviceSeen{}, seenAt: map[string]time.Time{}, present: map[string]journal.Presence{}}
	type slot struct {
		device string
		kind   journal.Kind
	}
	have := map[slot]bool{}
	missing := slices.Clone(names)
	for _, s := range slices.Backward(a.Segments()) {
		if len(missing) == 0 {
			break
		}
		if s.Created.After(at.Add(slack)) {
			continue
		}
		last := map[slot]journal.Fact{}
		err := s.Scan(ctx, disk.Filter{Org: org, Kinds: deviceKinds, Any: lookedFor(missing)}, func(f journal.Fact) bool {
			var b struct{ Device string }
			if f.At.After(at) || json.Unmarshal(f.Body, &b) != nil || !slices.Contains(missing, b.Device) {
				return true
			}
			last[slot{b.Device, f.Kind}] = f
			return true
		})
		if err != nil {
			return nil, err
		}
		for k, f := range last {
			if !have[k] {
				have[k] = true
				p.facts = append(p.facts, f)
			}
		}
		missing = slices.DeleteFunc(missing, func(n string) bool { return have[slot{n, journal.DeviceLocated}] })
	}
	slices.SortFunc(p.facts, func(a, b journal.Fact) int {
		if c := a.At.Compare(b.At); c != 0 {
			return c
		}
		if a.Seq < b.Seq {
			return -1
		}
		return 1
	})
	for _, f := range p.facts {
		p.note(f)
	}
	return p, nil
}

// note keeps a fact in its own words; one that cannot be read tells nothing.
func (p *past) note(f journal.Fact) {
	switch f.Kind {
	case journal.DeviceLocated:
		if b, err := journal.Decode[journal.DeviceSeen](f); err == nil {
			p.seen[b.Device], p.seenAt[b.Device] = b, f.At
		}
	case journal.DevicePresent:
		if b, err := journal.Decode[journal.Presence](f); err == nil {
			p.present[b.Device] = b
		}
	}
}

// phones are the known telephones that devices saw as their neighbours: a PC
// behind one is where it is.
func (p *past) phones(o *snapshot.Org) []string {
	var out []string
	for _, f := range p.seen {
		var m locate.Memory
		if json.Unmarshal(f.Memory, &m) != nil {
			continue
		}
		for _, s := range m.Sightings {
			if s.Layer != locate.LayerLLDP {
				continue
			}
			for _, k := range s.Keys {
				hw, err := e911.ParseMAC(k)
				if err != nil {
					continue
				}
				if d, ok := o.DeviceByMAC(hw); ok && p.seen[string(d.ID)].Device == "" {
					out = append(out, string(d.ID))
				}
			}
		}
	}
	return out
}

// silent takes facts that nobody is to have.
type silent struct{}

// Record implements journal.Recorder.
func (silent) Record(journal.Fact) journal.Receipt {
	done := make(chan struct{})
	close(done)
	return journal.Receipt{Written: done, Synced: done}
}

// asOf makes a location server that knows what the journal knew of some devices
// at a time, with the map of w.
func asOf(ctx context.Context, a *disk.Archive, w *snapshot.Snapshot, org *snapshot.Org, names []string, at time.Time) (*lis.Server, *past, error) {
	p, err := lookBack(ctx, a, org.ID(), names, at)
	if err != nil {
		return nil, nil, err
	}
	if more := p.phones(org); len(more) > 0 {
		phones, err := lookBack(ctx, a, org.ID(), more, at)
		if err != nil {
			return nil, nil, err
		}
		p.facts = append(p.facts, phones.facts...)
	}
	holder := &snapshot.Holder{}
	holder.Store(w)
	s, err := lis.New(lis.Config{
		Snapshot: holder, Journal: silent{}, BaseURL: "http://callbox.invalid", Now: func() time.Time { return at }, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return nil, nil, err
	}
	for _, f := range p.facts {
		_ = s.Restore(f) // one that cannot be read tells nothing
	}
	return s, p, nil
}

// then answers a call of the past: what the journal tells of a device counts
// with the place as it was on the map then.
type then struct {
	*lis.Server
	past  *past
	place bool // the map of then counts, as far as facts tell it
}

// Known implements emergency.Locator.
func (t *then) Known(org e911.OrgID, device e911.DeviceID) locate.Recollection {
	r := t.Server.Known(org, device)
	f, ok := t.past.seen[string(device)]
	if !ok {
		return r
	}
	told := t.told(f)
	found := false
	for i := range r.Candidates {
		c := &r.Candidates[i]
		if c.Rank != locate.RankNetwork || c.Over != "" {
			continue
		}
		switch {
		case c.By == told.By && c.Said == told.Said:
			found = true
			if told.At.After(c.At) {
				c.At = told.At
			}
			if t.place {
				c.Place = told.Place
			}
		case t.place && f.By == e911.ByNothing:
			c.Over = "then nothing that the device showed was on the map"
		}
	}
	switch {
	case found || f.By == e911.ByNothing:
	case f.By == e911.ByUserSet:
		r.Candidates = append(r.Candidates, locate.Candidate{Evidence: told, Rank: locate.RankUserSet, Via: "user"})
	case f.By == e911.ByConfirmed:
		r.Candidates = append(r.Candidates, locate.Candidate{Evidence: told, Rank: locate.RankConfirmed, Via: "user"})
	case t.place: // today's map does not know the key any more
		r.Candidates = append(r.Candidates, locate.Candidate{Evidence: told, Rank: locate.RankNetwork, Via: "held"})
	}
	return r
}

// Resolve implements emergency.Locator.
func (t *then) Resolve(ref string, org e911.OrgID, now time.Time) (lis.Resolved, error) {
	r, err := t.Server.Resolve(ref, org, now)
	f, ok := t.past.seen[r.Device]
	if !ok || !t.place {
		return r, err
	}
	r.Located = f.By != e911.ByNothing
	r.Evidence = locate.Evidence{}
	if r.Located {
		r.Evidence = t.told(f)
	}
	return r, err
}

// told is the evidence that a fact tells, at the time at which the device last
// showed the same again.
func (t *then) told(f journal.DeviceSeen) locate.Evidence {
	e := locate.Evidence{By: f.By, At: f.EvidenceAt, Place: f.Place, Said: chosenSaid(f.Evidence)}
	if p, ok := t.past.present[f.Device]; ok && p.By == f.By && p.EvidenceAt.After(e.At) {
		e.At = p.EvidenceAt
	}
	return e
}

func chosenSaid(findings []e911.Finding) string {
	for _, f := range findings {
		if f.Chosen {
			return f.Said
		}
	}
	return ""
}
