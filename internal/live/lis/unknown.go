package lis

import (
	"cmp"
	"iter"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/rules/locate"
	"github.com/callbox911/callbox/internal/rules/suggest"
	"github.com/callbox911/callbox/internal/snapshot"
)

// Bounds of what is kept of unknown elements. Whoever may ask can invent keys.
const (
	maxUnknown   = 4096 // of one organisation
	maxStranded  = 1024 // devices told apart of one key; beyond it they are not counted
	maxSiblings  = 8
	unknownEvery = time.Hour // a fact at least so often while a key is still shown
	newUnknown   = 32        // facts of new keys in one unknownPause and organisation
	unknownPause = 10 * time.Second
)

// Unknown is a network element that devices showed and the map does not know.
type Unknown struct {
	Key suggest.Key
	// Devices is how many different ones showed it; Stranded of them are those
	// that nothing else located then.
	Devices, Stranded int
	First, Last       time.Time
	Siblings          []suggest.Key  // what was shown with it, known or not, at most 8
	Seen              []suggest.Seen // where other evidence put devices that showed it
	Source            netip.Addr     // of the last request
	Sample            string         // one of the devices
}

// unknowns keeps them, one map an organisation. Safe for concurrent use.
type unknowns struct {
	mu   sync.Mutex
	orgs map[e911.OrgID]*unknownOrg
}

type unknownOrg struct {
	keys   map[suggest.Key]*unknownKey
	window time.Time
	facts  int
}

type unknownKey struct {
	first, last time.Time
	devices     map[string]bool // true: stranded
	before      [2]int          // devices and stranded of a fact from before a restart
	siblings    []suggest.Key
	seen        map[e911.LocationID]int
	source      netip.Addr
	sample      string
	toldAt      time.Time
	told        int // devices
	toldLost    bool
}

func newUnknowns() *unknowns { return &unknowns{orgs: map[e911.OrgID]*unknownOrg{}} }

func (u *unknowns) org(id e911.OrgID) *unknownOrg {
	o := u.orgs[id]
	if o == nil {
		o = &unknownOrg{keys: map[suggest.Key]*unknownKey{}}
		u.orgs[id] = o
	}
	return o
}

// shown is what one request showed.
type shown struct {
	device  string
	source  netip.Addr
	now     time.Time
	located e911.LocationID // none: nothing did
	unknown []suggest.Key
	all     []suggest.Key
}

// add counts and returns the facts that are due: of a new key, when it strands
// its first device, when twice as many devices show it, and hourly.
func (u *unknowns) add(org e911.OrgID, s shown) []journal.UnknownElement {
	u.mu.Lock()
	defer u.mu.Unlock()
	o := u.org(org)
	var due []journal.UnknownElement
	for _, k := range s.unknown {
		e := o.keys[k]
		if e == nil {
			if len(o.keys) >= maxUnknown {
				o.drop()
			}
			e = &unknownKey{first: s.now, devices: map[string]bool{}, seen: map[e911.LocationID]int{}}
			o.keys[k] = e
		}
		e.last, e.source, e.sample = s.now, s.source, s.device
		if _, there := e.devices[s.device]; there || len(e.devices) < maxStranded {
			e.devices[s.device] = s.located == ""
		}
		if s.located != "" && len(e.seen) < maxSiblings {
			e.seen[s.located]++
		}
		for _, other := range s.all {
			if other != k && len(e.siblings) < maxSiblings && !slices.Contains(e.siblings, other) {
				e.siblings = append(e.siblings, other)
			}
		}
		n, lost := e.count()
		first := lost > 0 && !e.toldLost // the first device that it strands
		if n < 2*e.told && s.now.Sub(e.toldAt) < unknownEvery && !first {
			continue
		}
		if e.toldAt.IsZero() && !o.mayTell(s.now) {
			continue
		}
		e.told, e.toldAt, e.toldLost = n, s.now, lost > 0
		due = append(due, e.fact(k))
	}
	return due
}

func (o *unknownOrg) mayTell(now time.Time) bool {
	if now.Sub(o.window) >= unknownPause || now.Before(o.window) {
		o.window, o.facts = now, 0
	}
	o.facts++
	return o.facts <= newUnknown
}

// drop throws out the one that matters least of a few: fewest devices, then the
// longest unseen.
func (o *unknownOrg) drop() {
	const look = 32
	var least suggest.Key
	var worst *unknownKey
	n := 0
	for k, e := range o.keys {
		if worst == nil || len(e.devices) < len(worst.devices) || (len(e.devices) == len(worst.devices) && e.last.Before(worst.last)) {
			least, worst = k, e
		}
		if n++; n == look {
			break
		}
	}
	delete(o.keys, least)
}

func (e *unknownKey) count() (devices, stranded int) {
	for _, lost := range e.devices {
		devices++
		if lost {
			stranded++
		}
	}
	return max(devices, e.before[0]), max(stranded, e.before[1])
}

func (e *unknownKey) fact(k suggest.Key) journal.UnknownElement {
	f := journal.UnknownElement{UnknownKey: factKey(k), First: e.first, Last: e.last, Device: e.sample}
	f.Devices, f.Stranded = e.count()
	for _, s := range e.siblings {
		f.Siblings = append(f.Siblings, factKey(s))
	}
	for loc, n := range e.seen {
		f.Seen = append(f.Seen, journal.SeenAt{Location: loc, Devices: n})
	}
	slices.SortFunc(f.Seen, func(a, b journal.SeenAt) int { return cmp.Compare(a.Location, b.Location) })
	if e.source.IsValid() {
		f.Source = e.source.String()
	}
	return f
}

func factKey(k suggest.Key) journal.UnknownKey {
	return journal.UnknownKey{Kind: k.Kind, MAC: k.MAC, LLDP: k.LLDP, Addr: k.Addr, Name: k.Name}
}

func keyOf(f journal.UnknownKey) suggest.Key {
	return suggest.Key{Kind: f.Kind, MAC: f.MAC, LLDP: f.LLDP, Addr: f.Addr, Name: f.Name}
}

// restore puts back what a fact told.
func (u *unknowns) restore(org e911.OrgID, f journal.UnknownElement) {
	u.mu.Lock()
	defer u.mu.Unlock()
	o := u.org(org)
	k := keyOf(f.UnknownKey)
	e := o.keys[k]
	if e == nil {
		if len(o.keys) >= maxUnknown {
			o.drop()
		}
		e = &unknownKey{devices: map[string]bool{}, seen: map[e911.LocationID]int{}}
		o.keys[k] = e
	}
	if f.Last.Before(e.last) {
		return
	}
	e.first, e.last, e.sample = f.First, f.Last, f.Device
	e.before = [2]int{f.Devices, f.Stranded}
	e.told, e.toldAt, e.toldLost = f.Devices, f.Last, f.Stranded > 0
	for _, at := range f.Seen {
		e.seen[at.Location] = max(e.seen[at.Location], at.Devices)
	}
	e.source, _ = netip.ParseAddr(f.Source)
	e.siblings = nil
	for _, s := range f.Siblings {
		e.siblings = append(e.siblings, keyOf(s))
	}
}

// UnknownElements lists the network elements that devices of an organisation
// showed and its map does not know now, those first that strand most devices,
// then those that most devices show.
func (s *Server) UnknownElements(org e911.OrgID) iter.Seq[Unknown] {
	o := s.cfg.Snapshot.Load().Org(org)
	s.unknown.mu.Lock()
	var list []Unknown
	if kept := s.unknown.orgs[org]; kept != nil && o != nil {
		for k, e := range kept.keys {
			if o.Knows(k) {
				delete(kept.keys, k)
				continue
			}
			u := Unknown{Key: k, First: e.first, Last: e.last, Siblings: slices.Clone(e.siblings), Source: e.source, Sample: e.sample}
			u.Devices, u.Stranded = e.count()
			for loc, n := range e.seen {
				u.Seen = append(u.Seen, suggest.Seen{Location: loc, Devices: n})
			}
			list = append(list, u)
		}
	}
	s.unknown.mu.Unlock()
	slices.SortFunc(list, func(a, b Unknown) int {
		return cmp.Or(cmp.Compare(b.Stranded, a.Stranded), cmp.Compare(b.Devices, a.Devices), b.Last.Compare(a.Last))
	})
	return slices.Values(list)
}

// unknownIn tells the keys of a measurement, all of them and those that are not
// on the map. What a rule of uniqueness keeps from ever being mapped is left
// out, and so is a neighbour that is a phone of ours (F-19).
func unknownIn(o *snapshot.Org, m *locate.Measurement, atHome bool) (all, unknown []suggest.Key) {
	take := func(k suggest.Key, e e911.Element) {
		if locate.KeyFault(e) != "" || len(all) >= 64 {
			return
		}
		all = append(all, k)
		if !o.Knows(k) {
			unknown = append(unknown, k)
		}
	}
	mac := func(kind e911.ElementKind, m e911.MAC) {
		if m != "" && !o.IgnoredMAC(m) {
			take(suggest.Key{Kind: kind, MAC: m}, e911.Element{Kind: kind, MAC: m})
		}
	}
	one := func(i *locate.Interface) {
		for _, l := range i.LLDP {
			if hw, err := e911.ParseMAC(l.Chassis); err == nil {
				if _, phone := o.DeviceByMAC(hw); phone {
					continue
				}
			}
			p := e911.LLDPPort{Chassis: l.Chassis, Port: l.Port}
			kind := e911.ElementLLDPPort
			if l.Port == "" {
				kind = e911.ElementLLDPChassis
			}
			if _, known := o.ByLLDPChassis(l.Chassis); known && l.Port != "" {
				all = append(all, suggest.Key{Kind: kind, LLDP: p}) // the switch's place stands for the port's
				continue
			}
			take(suggest.Key{Kind: kind, LLDP: p}, e911.Element{Kind: kind, LLDP: p})
		}
		mac(e911.ElementBSSID, i.Serving)
		mac(e911.ElementGateway, i.Gateway)
	}
	one(&locate.Interface{LLDP: m.LLDP, Serving: m.Serving, Gateway: m.Gateway})
	for i := range m.Interfaces {
		if !m.Interfaces[i].Down && !m.Interfaces[i].Virtual {
			one(&m.Interfaces[i])
		}
	}
	if m.AP != "" {
		take(suggest.Key{Kind: e911.ElementAP, Name: m.AP}, e911.Element{Kind: e911.ElementAP, Name: m.AP})
	}
	if m.DECTBase != "" {
		take(suggest.Key{Kind: e911.ElementDECTBase, Name: m.DECTBase}, e911.Element{Kind: e911.ElementDECTBase, Name: m.DECTBase})
	}
	if m.ATA.Port != "" {
		take(suggest.Key{Kind: e911.ElementATAPort, MAC: m.ATA.Adapter, Name: m.ATA.Port}, e911.Element{Kind: e911.ElementATAPort, MAC: m.ATA.Adapter, Name: m.ATA.Port})
	}
	if atHome && !m.Tunnel {
		for _, a := range m.Addrs {
			if !o.IgnoredAddr(a) {
				take(suggest.Key{Kind: e911.ElementIP, Addr: a}, e911.Element{Kind: e911.ElementIP, Range: netip.PrefixFrom(a, a.BitLen())})
			}
		}
	}
	return all, unknown
}
