package discover

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/netmap"
	"github.com/callbox911/callbox/internal/rules/suggest"
)

// Map is the network map of one organisation as it is configured.
type Map struct {
	Elements []Mapped `json:"elements"`
	Places   []Place  `json:"places"`
}

// Mapped is an element with the key of its location; Element.Location may be
// empty.
type Mapped struct {
	Element e911.Element `json:"element"`
	Place   string       `json:"place,omitempty"`
}

// DriftKind says how map and network differ.
type DriftKind string

// The kinds of drift.
const (
	Unmapped  DriftKind = "unmapped"  // the network has it, the map has not
	Gone      DriftKind = "gone"      // the map has it, its switch or controller has not
	Elsewhere DriftKind = "elsewhere" // the network team wrote another place on it than the map has
	Moved     DriftKind = "moved"     // a phone is on another port than at the last look
	Appeared  DriftKind = "appeared"  // a phone is on a port where none was
	Left      DriftKind = "left"      // a phone is on none of the ports that were read
)

// Difference is one finding of Drift or Moves.
type Difference struct {
	Kind    DriftKind    `json:"kind"`
	Element e911.Element `json:"element"`
	Place   string       `json:"place,omitempty"`     // where the map has it
	Other   string       `json:"other,omitempty"`     // where it would be by what is written on it
	From    string       `json:"from,omitempty"`      // moved, left: the port before
	To      string       `json:"to,omitempty"`        // moved, appeared: the port now
	Target  string       `json:"target,omitempty"`    // the device that told of it
	Iface   string       `json:"interface,omitempty"` // what the network team calls it
	Why     string       `json:"why,omitempty"`
}

// Coverage counts what the comparison could say nothing about.
type Coverage struct {
	Compared int `json:"compared"` // elements of the map that were looked for
	NotRead  int `json:"not_read"` // those whose switch or controller was not read, or not to its end
}

// Drift compares the map with what the devices told. An element whose switch
// was not read to its end is never called gone.
func Drift(m Map, devices []Device, proposals []Proposal) ([]Difference, Coverage) {
	have := lookupOf(m.Elements)
	var out []Difference
	for _, p := range proposals {
		if p.Status != Proposed {
			continue
		}
		d := Difference{Element: p.Element, Target: p.Target, Iface: p.Interface}
		mapped, ok := have.find(p.Element)
		switch {
		case !ok:
			d.Kind, d.Other = Unmapped, p.Guess.Location
			out = append(out, d)
		case p.Guess.Location != "" && mapped.Place != "" && p.Guess.Location != mapped.Place && p.Guess.Confidence == suggest.High:
			d.Kind, d.Place, d.Other = Elsewhere, mapped.Place, p.Guess.Location
			d.Why = fmt.Sprintf("%s says %q", p.Guess.From, p.Guess.Text)
			out = append(out, d)
		}
	}
	gone, cov := missing(m.Elements, sightOf(devices))
	return append(out, gone...), cov
}

// lookup finds the element of the map that holds a key.
type lookup struct {
	exact    map[string]Mapped
	patterns map[string][]pattern // by chassis
	radios   []Mapped             // ranges of BSSIDs
}

type pattern struct {
	ports netmap.Ports
	of    Mapped
}

func lookupOf(elements []Mapped) lookup {
	l := lookup{exact: map[string]Mapped{}, patterns: map[string][]pattern{}}
	for _, m := range elements {
		e := m.Element
		switch {
		case e.Kind == e911.ElementLLDPPorts:
			if ports, err := netmap.ParsePorts(e.LLDP.Port); err == nil {
				l.patterns[e.LLDP.Chassis] = append(l.patterns[e.LLDP.Chassis], pattern{ports, m})
			}
		case e.Kind == e911.ElementBSSID && e.MACTo != "":
			l.radios = append(l.radios, m)
		}
		l.exact[ElementKey(bare(e))] = m
	}
	slices.SortFunc(l.radios, func(a, b Mapped) int { return cmp.Compare(a.Element.MAC, b.Element.MAC) })
	return l
}

// bare drops what does not belong to the key.
func bare(e e911.Element) e911.Element {
	if e.Kind == e911.ElementMAC {
		e.Mobility = ""
	}
	return e
}

func (l lookup) find(e e911.Element) (Mapped, bool) {
	if m, ok := l.exact[ElementKey(bare(e))]; ok {
		return m, true
	}
	switch e.Kind {
	case e911.ElementLLDPPort:
		best := -1
		list := l.patterns[e.LLDP.Chassis]
		for i, p := range list {
			if p.ports.Match(e.LLDP.Port) && (best < 0 || p.ports.Within(list[best].ports)) {
				best = i
			}
		}
		if best >= 0 {
			return list[best].of, true
		}
	case e911.ElementBSSID:
		return l.radio(e)
	}
	return Mapped{}, false
}

// radio finds a range of the map that holds the BSSID, or an element inside of
// the range that the network told of.
func (l lookup) radio(e e911.Element) (Mapped, bool) {
	last := cmp.Or(e.MACTo, e.MAC)
	if e.MACTo != "" {
		if m, ok := l.exact[ElementKey(e911.Element{Kind: e.Kind, MAC: e.MAC})]; ok {
			return m, true
		}
	}
	at, _ := slices.BinarySearchFunc(l.radios, last, func(m Mapped, to e911.MAC) int {
		if m.Element.MAC <= to {
			return -1
		}
		return 1
	})
	for i := at - 1; i >= 0 && i >= at-8; i-- {
		if l.radios[i].Element.MACTo >= e.MAC {
			return l.radios[i], true
		}
	}
	return Mapped{}, false
}

// sight is what the devices showed, by key, and how far they were read.
type sight struct {
	chassis map[string]bool            // chassis to: its ports were read to the end
	ports   map[string]map[string]bool // chassis to port ids
	wlan    bool                       // a controller was read to its end
	aps     map[string]bool
	radios  []Mapped
}

func sightOf(devices []Device) sight {
	s := sight{chassis: map[string]bool{}, ports: map[string]map[string]bool{}, aps: map[string]bool{}}
	for _, d := range devices {
		if d.Chassis != "" {
			s.chassis[d.Chassis] = !d.incompletely("lldpLocPortId", "lldpLocPortIdSubtype")
			if s.ports[d.Chassis] == nil {
				s.ports[d.Chassis] = map[string]bool{}
			}
			for _, p := range d.Ports {
				s.ports[d.Chassis][p.ID] = true
			}
		}
		if len(d.APs) > 0 && !d.incompletely("bsnAPName", "wlanAPName", "wlanAPESSID", "sangforAPName") {
			s.wlan = true
		}
		for _, ap := range d.APs {
			s.aps[ElementKey(e911.Element{Kind: e911.ElementAP, Name: ap.Name})] = true
			for _, r := range ap.Radios {
				s.radios = append(s.radios, Mapped{Element: e911.Element{Kind: e911.ElementBSSID, MAC: r.From, MACTo: cmp.Or(r.To, r.From)}})
			}
		}
	}
	slices.SortFunc(s.radios, func(a, b Mapped) int { return cmp.Compare(a.Element.MAC, b.Element.MAC) })
	return s
}

// missing lists what the map has and the network has not.
func missing(elements []Mapped, s sight) ([]Difference, Coverage) {
	var out []Difference
	var cov Coverage
	seenRadio := lookup{exact: map[string]Mapped{}, radios: s.radios}
	for _, m := range elements {
		e, why := m.Element, ""
		read, there := false, false
		switch e.Kind {
		case e911.ElementLLDPPort:
			read, there = s.chassis[e.LLDP.Chassis], s.ports[e.LLDP.Chassis][e.LLDP.Port]
			why = "the switch has no such port"
		case e911.ElementLLDPPorts:
			read, there = s.chassis[e.LLDP.Chassis], anyMatch(e.LLDP.Port, s.ports[e.LLDP.Chassis])
			why = "the switch has no port that matches"
		case e911.ElementBSSID:
			_, there = seenRadio.radio(e)
			read, why = s.wlan, "no controller that was read has it"
		case e911.ElementAP:
			read, there = s.wlan, s.aps[ElementKey(e)]
			why = "no controller that was read has it"
		case e911.ElementLLDPChassis:
			_, there = s.chassis[e.LLDP.Chassis]
			read = there
		default:
			continue
		}
		switch {
		case there:
			cov.Compared++
		case !read:
			cov.NotRead++
		default:
			cov.Compared++
			out = append(out, Difference{Kind: Gone, Element: e, Place: m.Place, Why: why})
		}
	}
	return out, cov
}

func anyMatch(text string, ports map[string]bool) bool {
	p, err := netmap.ParsePorts(text)
	if err != nil {
		return false
	}
	for port := range ports {
		if p.Match(port) {
			return true
		}
	}
	return false
}

// Moves says which phones are on another port than before (F-39 (8)): what was
// proven of their place by a test call no longer holds. A phone is what says so
// by LLDP or CDP. It says that a phone left only where the port that it was on
// was read again.
func Moves(before, now []Device) []Difference {
	old, cur := phonesOf(before), phonesOf(now)
	read := map[string]bool{}
	for _, d := range now {
		if !d.incompletely("lldpRemChassisId", "lldpRemPortId", "lldpRemSysCapEnabled", "cdpCacheDeviceId", "cdpCacheCapabilities") {
			read[d.id()] = true
		}
	}
	known := map[string]bool{}
	for _, d := range before {
		known[d.id()] = true
	}
	var out []Difference
	for _, m := range slices.Sorted(maps.Keys(cur)) {
		is, was := cur[m], old[m]
		d := Difference{Element: e911.Element{Kind: e911.ElementMAC, MAC: m}, To: is.text(), Target: is.target, Iface: is.iface}
		switch {
		case was == (spot{}) && known[is.device]:
			d.Kind, d.Why = Appeared, "no phone of this address was on a port that was read before"
		case was != (spot{}) && (was.device != is.device || was.port != is.port):
			d.Kind, d.From, d.Why = Moved, was.text(), "its place was proven on the port before"
		default:
			continue
		}
		out = append(out, d)
	}
	for _, m := range slices.Sorted(maps.Keys(old)) {
		if _, still := cur[m]; !still && read[old[m].device] {
			was := old[m]
			out = append(out, Difference{
				Kind: Left, Element: e911.Element{Kind: e911.ElementMAC, MAC: m}, From: was.text(), Target: was.target, Iface: was.iface,
				Why: "its port was read again and it was not there",
			})
		}
	}
	return out
}

// id names a device over two readings, also when its address changed.
func (d Device) id() string { return cmp.Or(d.Chassis, string(d.BridgeMAC), d.Target) }

type spot struct{ device, port, target, name, iface string }

func (s spot) text() string { return cmp.Or(s.name, s.target) + " " + cmp.Or(s.iface, s.port) }

func phonesOf(devices []Device) map[e911.MAC]spot {
	out := map[e911.MAC]spot{}
	for _, d := range devices {
		for _, p := range d.Ports {
			for _, n := range p.Neighbours {
				if n.Phone && n.MAC != "" {
					out[n.MAC] = spot{d.id(), cmp.Or(p.ID, p.Interface), d.Target, d.Name, p.Interface}
				}
			}
		}
	}
	return out
}
