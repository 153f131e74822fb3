package lis

import (
	"iter"
	"net/netip"
	"slices"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/rules/locate"
)

// Seen is what is known of one device that ever asked or was told of.
type Seen struct {
	Org    e911.OrgID
	Device string // id of a configured device, else the stable name of an unknown one
	Known  bool   // Device is the id of a configured device
	Proved bool   // it, or who told of it, ever showed a secret
	// Via is how it was last heard of: "held", "platform" for a call server that
	// asked for it, else the word of whoever called Observe.
	Via    string
	At     time.Time  // last request; to presentEvery after a restart
	Source netip.Addr // of the last request
	// Says is what the device says of itself by vendors' elements: model,
	// firmware, user. Names are as it writes them.
	Says []journal.Named
	User e911.UserID // who is signed in
	// Where is the decision by all that is known, made now; Elsewhere is when the
	// device was last seen in a network that is not on the map, zero otherwise.
	Where     locate.Result
	Elsewhere time.Time
	// Evidence are all keys that it showed, each with its time, as they stand in
	// the map now, and those that the map does not know.
	Evidence   []locate.Candidate
	Unmapped   []e911.Finding
	Generation uint64
}

// Devices lists the devices of an organisation that were ever seen, in no order.
// What it yields is each device at the moment that it is yielded.
func (s *Server) Devices(org e911.OrgID) iter.Seq[Seen] {
	return func(yield func(Seen) bool) {
		for i := range s.devices.shards {
			for _, k := range s.devices.shards[i].keys(org) {
				if d, ok := s.Device(org, k.device); ok && !yield(d) {
					return
				}
			}
		}
	}
}

func (sh *shard) keys(org e911.OrgID) []key {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	var out []key
	for k := range sh.entries {
		if k.org == org {
			out = append(out, k)
		}
	}
	return out
}

// Device tells what is known of one device; false when it was never seen.
func (s *Server) Device(org e911.OrgID, device string) (Seen, bool) {
	e, ok := s.devices.get(key{org, device})
	if !ok {
		return Seen{}, false
	}
	d := Seen{
		Org: org, Device: device, Known: e.known, Proved: e.proved, Via: e.via, At: e.seen, Source: e.source,
		Says: slices.Clone(e.says), User: e.user, Elsewhere: e.elsewhere, Generation: e.generation,
	}
	o := s.cfg.Snapshot.Load().Org(org)
	if o == nil {
		return d, true
	}
	_, d.Known = o.Device(e911.DeviceID(device))
	r := e.settled().Recall(o, s.phoneAt(o))
	d.Evidence, d.Unmapped = r.Candidates, r.Findings
	d.Where = locate.Decide(r.Candidates, locate.Situation{HELD: true}, s.now())
	return d, true
}

// Memory returns what a device showed of its network, for who decides by more
// than that; the zero Memory when nothing did.
func (s *Server) Memory(org e911.OrgID, device string) locate.Memory {
	e, _ := s.devices.get(key{org, device})
	return e.settled()
}
