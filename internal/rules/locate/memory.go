package locate

import (
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/callbox911/callbox/internal/e911"
)

// Memory is what a device's measurements told, kept as keys and not as places:
// it is looked up in the map each time, so that an element that moved on the map
// at noon answers the new place at noon, and one that was put on the map later
// finds who saw it before. Each layer of the network keeps its own latest
// sighting, so that a request that shows only an address does not erase the
// switch port of an hour ago: both go to Decide (F-01, F-18).
//
// A Memory is a value: Observe returns a new one and leaves the old as it was.
// It is bounded (maxSightings) and has a compact JSON form. The zero Memory
// knows nothing.
type Memory struct {
	Sightings []Sighting `json:"s,omitempty"`
	// Left is when the device was last in a network that is not on the map: what
	// it showed before is over. Recall finds it out.
	Left time.Time `json:"e,omitzero"`
}

// Layer is a part of the network of which a Memory keeps the latest.
type Layer string

// The layers. Their names are written to disk.
const (
	LayerATA     Layer = "ata"  // keys: adapter, port
	LayerLLDP    Layer = "lldp" // chassis, subtype, port; again for each neighbour
	LayerServing Layer = "ap"   // BSSID
	LayerNearby  Layer = "near" // BSSIDs
	LayerMAC     Layer = "mac"  // the device's own
	LayerGateway Layer = "gw"   // hardware address
	LayerDECT    Layer = "dect" // RFPI
	LayerWLC     Layer = "wlc"  // name of the access point
	LayerOwn     Layer = "own"  // the device's own network addresses
	LayerSource  Layer = "src"  // the source address; a second key when the client told of a tunnel
)

// Sighting is the latest of one layer on one interface.
type Sighting struct {
	Layer Layer    `json:"l"`
	On    string   `json:"i,omitempty"` // interface, where the client names it
	Keys  []string `json:"k,omitempty"` // none: it is over
	// At is when it was seen last, Since from when on without a break.
	At     time.Time  `json:"t"`
	Since  time.Time  `json:"f"`
	Source netip.Addr `json:"a,omitzero"` // source address of the request
	Who    Witness    `json:"w,omitempty"`
	// Lapsed: a later request showed a network without it. Seen again, it is
	// news.
	Lapsed bool `json:"x,omitempty"`
	// Before is what was seen here before Keys, at Was: a hint where Keys are
	// not on the map.
	Before []string  `json:"b,omitempty"`
	Was    time.Time `json:"bt,omitzero"`
}

// Bounds of a Memory. What is beyond them is left out.
const (
	maxSightings  = 24
	maxNeighbours = 4  // LLDP neighbours of one interface
	maxNearby     = 12 // access points nearby, in the order told: clients tell the strongest first
	maxOwn        = 4  // own addresses
	maxKey        = 255
)

const tunnelKey = "tunnel"

// Observe takes a measurement in. What is older than what is known of its layer
// changes nothing: requests come late and out of order. Changed reports that
// something else than times differs.
func (m Memory) Observe(me Measurement) (next Memory, changed bool) {
	seen := sightings(me)
	down := me.down()
	if len(seen) == 0 && len(down) == 0 {
		return m, false
	}
	next.Left = m.Left
	next.Sightings = slices.Grow(slices.Clone(m.Sightings), len(seen))
	for i := range next.Sightings {
		s := &next.Sightings[i]
		if !s.At.Before(me.At) || len(s.Keys) == 0 {
			continue
		}
		if s.On != "" && slices.Contains(down, s.On) {
			s.over(me.At)
			changed = true
		} else if !slices.ContainsFunc(seen, s.sameSlot) {
			s.Lapsed = true
		}
	}
	for _, s := range seen {
		if next.put(s) {
			changed = true
		}
	}
	next.trim()
	return next, changed
}

func (s *Sighting) sameSlot(o Sighting) bool { return s.Layer == o.Layer && s.On == o.On }

// over ends a sighting whose interface lost its link.
func (s *Sighting) over(at time.Time) {
	s.Before, s.Was = s.Keys, s.At
	s.Keys, s.At, s.Since = nil, at, at
}

// put enters one sighting, and reports whether its keys are new.
func (m *Memory) put(s Sighting) bool {
	i := slices.IndexFunc(m.Sightings, s.sameSlot)
	if i < 0 {
		m.Sightings = append(m.Sightings, s)
		return true
	}
	old := &m.Sightings[i]
	if s.At.Before(old.At) {
		return false
	}
	same := s.continues(old)
	if same && !old.Lapsed && old.Since.Before(s.Since) {
		s.Since = old.Since
	}
	if same {
		s.Before, s.Was = old.Before, old.Was
	} else if len(old.Keys) > 0 {
		s.Before, s.Was = old.Keys, old.At
	} else {
		s.Before, s.Was = old.Before, old.Was
	}
	changed := !slices.Equal(s.Keys, old.Keys)
	*old = s
	return changed
}

// continues reports that s shows the same network as old. Radio hears other
// access points from one minute to the next, and IPv6 hosts change their
// addresses inside their network (RFC 8981).
func (s *Sighting) continues(old *Sighting) bool {
	switch s.Layer {
	case LayerNearby:
		return slices.ContainsFunc(s.Keys, func(k string) bool { return slices.Contains(old.Keys, k) })
	case LayerSource:
		return len(s.Keys) == len(old.Keys) && sameNetwork(s.Source, old.Source)
	}
	return slices.Equal(s.Keys, old.Keys)
}

// sameNetwork reports one IPv4 address, or two of one IPv6 network.
func sameNetwork(a, b netip.Addr) bool {
	if a.Is4() || b.Is4() || !a.IsValid() || !b.IsValid() {
		return a == b
	}
	p, err := a.Prefix(64)
	return err == nil && p.Contains(b)
}

// trim keeps a Memory inside its bounds.
func (m *Memory) trim() {
	for len(m.Sightings) > maxSightings {
		oldest := 0
		for i, s := range m.Sightings {
			if s.At.Before(m.Sightings[oldest].At) {
				oldest = i
			}
		}
		m.Sightings = slices.Delete(m.Sightings, oldest, oldest+1)
	}
}

// down lists the interfaces of which the client says that nothing on them
// counts.
func (m *Measurement) down() []string {
	var out []string
	for _, in := range m.Interfaces {
		if (in.Down || in.Virtual) && in.Name != "" {
			out = append(out, in.Name)
		}
	}
	return out
}

// sightings takes a measurement apart into layers.
func sightings(m Measurement) []Sighting {
	c := collector{m: &m, source: m.Source.Unmap()}
	if m.ATA.Adapter != "" {
		c.add(LayerATA, "", []string{string(m.ATA.Adapter), m.ATA.Port})
	}
	for i, in := range m.interfaces() {
		if in.Down || in.Virtual {
			continue
		}
		on := ""
		if i > 0 {
			on = in.Name
		}
		c.on(on, in)
	}
	if m.DECTBase != "" {
		c.add(LayerDECT, "", []string{m.DECTBase})
	}
	if m.AP != "" {
		c.add(LayerWLC, "", []string{m.AP})
	}
	if c.source.IsValid() {
		keys := []string{c.source.String()}
		if m.Tunnel {
			keys = append(keys, tunnelKey)
		}
		c.add(LayerSource, "", keys)
		s := &c.out[len(c.out)-1]
		s.At, s.Since, s.Who = plain(m.sourceTime()), plain(m.sourceSince()), ByServer
	}
	return c.out
}

type collector struct {
	m      *Measurement
	source netip.Addr
	out    []Sighting
}

func (c *collector) add(l Layer, on string, keys []string) {
	for i, k := range keys {
		keys[i] = k[:min(len(k), maxKey)]
	}
	at := plain(c.m.At)
	c.out = append(c.out, Sighting{Layer: l, On: on, Keys: keys, At: at, Since: at, Source: c.source, Who: c.m.who()})
}

func (c *collector) on(on string, in Interface) {
	if len(in.LLDP) > 0 {
		var keys []string
		for _, l := range in.LLDP[:min(len(in.LLDP), maxNeighbours)] {
			keys = append(keys, l.Chassis, strconv.Itoa(l.ChassisSubtype), l.Port)
		}
		c.add(LayerLLDP, on, keys)
	}
	if in.Serving != "" {
		c.add(LayerServing, on, []string{string(in.Serving)})
	}
	if len(in.Neighbours) > 0 {
		c.add(LayerNearby, on, texts(in.Neighbours, maxNearby))
	}
	if in.MAC != "" {
		c.add(LayerMAC, on, []string{string(in.MAC)})
	}
	if c.m.Tunnel {
		return
	}
	if in.Gateway != "" {
		c.add(LayerGateway, on, []string{string(in.Gateway)})
	}
	var own []string
	for _, a := range in.Addrs {
		if a = a.Unmap(); a.IsValid() && a != c.source && len(own) < maxOwn {
			own = append(own, a.WithZone("").String())
		}
	}
	if len(own) > 0 {
		c.add(LayerOwn, on, own)
	}
}

func texts(macs []e911.MAC, limit int) []string {
	out := make([]string, 0, min(len(macs), limit))
	for _, m := range macs[:min(len(macs), limit)] {
		out = append(out, string(m))
	}
	return out
}

// plain writes a time as JSON gives it back: milliseconds, in UTC.
func plain(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

// measurement is what a sighting was made from, to be looked up again.
func (s *Sighting) measurement(keys []string, at time.Time) Measurement {
	m := Measurement{At: at, Who: s.Who, Source: s.Source}
	switch s.Layer {
	case LayerATA:
		if len(keys) == 2 {
			m.ATA = ATAPort{e911.MAC(keys[0]), keys[1]}
		}
	case LayerLLDP:
		for i := 0; i+2 < len(keys); i += 3 {
			subtype, _ := strconv.Atoi(keys[i+1]) // 0, unknown, for what is no number
			m.LLDP = append(m.LLDP, Neighbour{keys[i], subtype, keys[i+2]})
		}
	case LayerServing:
		m.Serving = e911.MAC(first1(keys))
	case LayerNearby:
		for _, k := range keys {
			m.Neighbours = append(m.Neighbours, e911.MAC(k))
		}
	case LayerMAC:
		m.MAC = e911.MAC(first1(keys))
	case LayerGateway:
		m.Gateway = e911.MAC(first1(keys))
	case LayerDECT:
		m.DECTBase = first1(keys)
	case LayerWLC:
		m.AP = first1(keys)
	case LayerOwn:
		for _, k := range keys {
			if a, err := netip.ParseAddr(k); err == nil {
				m.Addrs = append(m.Addrs, a)
			}
		}
	case LayerSource:
		m.Source, _ = netip.ParseAddr(first1(keys)) // the zero address for what is none
		m.Tunnel = len(keys) > 1
	}
	return m
}

func first1(keys []string) string {
	if len(keys) == 0 {
		return ""
	}
	return keys[0]
}
