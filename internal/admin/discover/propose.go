package discover

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/locate"
	"github.com/callbox911/callbox/internal/rules/suggest"
)

// Status is what becomes of a Proposal.
type Status string

// The statuses.
const (
	Proposed Status = "proposed" // for the map, once its place is filled in
	Unsure   Status = "unsure"   // somebody has to look first: Why says at what
	Refused  Status = "refused"  // would find nobody, or the wrong place (F-19)
)

// Proposal is one network element that the network has.
type Proposal struct {
	Element e911.Element `json:"element"`
	Status  Status       `json:"status"`
	Why     string       `json:"why,omitempty"`
	Guess   Guess        `json:"guess,omitzero"`
	Target  string       `json:"target"` // the device that told of it
	// Interface is what the network team calls a port.
	Interface string `json:"interface,omitempty"`
}

// Guess is where the element may stand, from what people once wrote on it.
// Location is the key of one of the organisation's locations, or "" when the
// text names none.
type Guess struct {
	Text       string             `json:"text,omitempty"`
	From       string             `json:"from,omitempty"` // "ifAlias", "sysLocation" ...
	Location   string             `json:"location,omitempty"`
	Confidence suggest.Confidence `json:"confidence,omitempty"`
}

// crowd is how many hardware addresses behind one port say that it leads to
// another switch: a phone with a PC behind it has two, a small unmanaged switch
// some eight.
const crowd = 16

// few is how many neighbours one cable may have: a phone that says so by LLDP
// and by CDP, and the PC behind it that its owner taught LLDP.
const few = 4

// Propose lists the elements that the devices told of, each once, in the order
// of the devices. Places are the organisation's locations, to find the guesses
// among; none is well.
func Propose(devices []Device, places []Place) []Proposal {
	p := &proposer{places: placesOf(places), seen: map[string]int{}, wireless: map[e911.MAC]bool{}, phoneAt: map[e911.MAC]string{}}
	for _, d := range devices {
		for _, m := range d.Wireless {
			p.wireless[m] = true
		}
	}
	for _, d := range devices {
		p.device(d)
	}
	return p.out
}

type proposer struct {
	places   placeNames
	out      []Proposal
	seen     map[string]int // ElementKey to its place in out
	wireless map[e911.MAC]bool
	phoneAt  map[e911.MAC]string
}

func (p *proposer) add(q Proposal) {
	if q.Status == "" {
		q.Status = Proposed
	}
	if why := locate.KeyFault(q.Element); why != "" {
		q.Status, q.Why = Refused, why
	}
	k := ElementKey(q.Element)
	at, ok := p.seen[k]
	if !ok {
		p.seen[k] = len(p.out)
		p.out = append(p.out, q)
		return
	}
	if old := &p.out[at]; old.Target != q.Target && old.Status == Proposed && q.Element.Kind != e911.ElementGateway {
		old.Status, old.Why = Unsure, "two devices tell of it: "+old.Target+" and "+q.Target
	}
}

// ElementKey is the key of an element as text, without its place: two elements
// of one key cannot both be in the map.
func ElementKey(e e911.Element) string {
	name := e.Name
	if e.Kind == e911.ElementAP {
		name = strings.ToLower(name)
	}
	s := []string{string(e.Kind), string(e.MAC), string(e.MACTo), e.LLDP.Chassis, e.LLDP.Port, name}
	if e.Range.IsValid() {
		s = append(s, e.Range.String())
	}
	if e.From.IsValid() {
		s = append(s, e.From.String()+"-"+e.To.String())
	}
	return strings.Join(s, "\x1f")
}

func (p *proposer) device(d Device) {
	site := p.places.guess(d.Location, "sysLocation", suggest.Low)
	p.chassis(d, site)
	for _, port := range d.Ports {
		p.port(d, port, site)
	}
	for _, ap := range d.APs {
		p.accessPoint(d, ap)
	}
	for _, g := range d.Gateways {
		p.gateway(d, g, site)
	}
}

func (p *proposer) chassis(d Device, site Guess) {
	switch {
	case d.Chassis == "":
		return
	case !d.ChassisUnique:
		p.add(Proposal{
			Element: e911.Element{Kind: e911.ElementLLDPChassis, LLDP: e911.LLDPPort{Chassis: d.Chassis}}, Status: Refused,
			Why: "its chassis id is local or an interface name, which other switches may have too", Guess: site, Target: d.Target,
		})
		return
	}
	p.add(Proposal{Element: e911.Element{Kind: e911.ElementLLDPChassis, LLDP: e911.LLDPPort{Chassis: d.Chassis}}, Guess: site, Target: d.Target})
}

func (p *proposer) port(d Device, port Port, site Guess) {
	q := Proposal{Guess: site, Target: d.Target, Interface: port.Interface}
	if g := p.places.guess(port.Alias, "ifAlias", suggest.Medium); g.Text != "" {
		q.Guess = g
	}
	q.Element = e911.Element{Kind: e911.ElementLLDPPort, LLDP: e911.LLDPPort{Chassis: d.Chassis, Port: port.ID}}
	if port.ID == "" {
		// Without LLDP-MIB it can only be said what most switches would send.
		q.Element.LLDP = e911.LLDPPort{Chassis: string(d.BridgeMAC), Port: port.Interface}
		q.Status, q.Why = Unsure, "the device has no LLDP-MIB; chassis and port are what it probably sends: compare with what a phone reports"
		if d.BridgeMAC == "" || port.Interface == "" {
			return
		}
	}
	for _, n := range port.Neighbours {
		if n.Switch {
			q.Status, q.Why = Unsure, "leads to the switch "+cmp.Or(n.Name, n.Chassis)+", no phone is on it"
		}
	}
	if q.Status == "" && len(port.Neighbours) > few {
		q.Status, q.Why = Unsure, fmt.Sprintf("%d neighbours are heard on it: it leads to another switch", len(port.Neighbours))
	}
	if q.Status == "" && len(port.Stations) > crowd {
		q.Status, q.Why = Unsure, fmt.Sprintf("%d devices are behind it: it leads to another switch", len(port.Stations))
	}
	p.add(q)
	for _, n := range port.Neighbours {
		if n.Phone {
			p.phone(d, port, n, q.Guess)
		}
	}
}

// phone proposes a desk phone as a device that stays. Its port finds it too,
// and still does after the next move; so this is for phones that cannot report
// a port, and drift watches it.
func (p *proposer) phone(d Device, port Port, n Neighbour, g Guess) {
	if n.MAC == "" {
		return
	}
	at := d.Target + " " + cmp.Or(port.Interface, port.ID)
	q := Proposal{
		Element: e911.Element{Kind: e911.ElementMAC, MAC: n.MAC, Mobility: e911.MobilityFixed}, Status: Unsure,
		Why:   "a phone on " + at + ": map it only when it cannot report its port, and stays",
		Guess: g, Target: d.Target, Interface: port.Interface,
	}
	switch other := p.phoneAt[n.MAC]; {
	case p.wireless[n.MAC]:
		q.Status, q.Why = Refused, "it is on Wi-Fi too: a portable device would carry the place along"
	case other != "" && other != at:
		q.Status, q.Why = Refused, "it is on "+other+" and on "+at
		p.withdraw(q.Element, q.Why)
	}
	p.phoneAt[n.MAC] = at
	p.add(q)
}

// withdraw refuses what was proposed before.
func (p *proposer) withdraw(e e911.Element, why string) {
	if at, ok := p.seen[ElementKey(e)]; ok {
		p.out[at].Status, p.out[at].Why = Refused, why
	}
}

func (p *proposer) accessPoint(d Device, ap AP) {
	g := p.places.guess(ap.Location, "location of the access point", suggest.Medium)
	if g.Location == "" {
		if byName := p.places.guess(ap.Name, "name of the access point", suggest.Low); g.Text == "" || byName.Location != "" {
			g = byName
		}
	}
	if ap.Name != "" {
		p.add(Proposal{Element: e911.Element{Kind: e911.ElementAP, Name: ap.Name}, Guess: g, Target: d.Target})
	}
	for _, r := range ap.Radios {
		p.add(Proposal{Element: e911.Element{Kind: e911.ElementBSSID, MAC: r.From, MACTo: r.To}, Guess: g, Target: d.Target, Interface: ap.Name})
	}
}

// gateway: the place of a router says little about that of its hosts, unless it
// serves one floor.
func (p *proposer) gateway(d Device, g Gateway, site Guess) {
	why := "the next hop of its default route: map it only when its networks are all in one place"
	if g.Own {
		why = "routes itself: map it only when its networks are all in one place"
	}
	p.add(Proposal{Element: e911.Element{Kind: e911.ElementGateway, MAC: g.MAC}, Status: Unsure, Why: why, Guess: site, Target: d.Target, Interface: g.Addr.String()})
}

// Place is one location of the organisation, as its import file keys it.
type Place struct {
	Key      string `json:"key"`
	Name     string `json:"name,omitempty"`
	Building string `json:"building,omitempty"`
}

// placeNames finds a place by what people write on ports.
type placeNames struct {
	byName map[string]string // normal form to key; "" when two share it
	words  []string          // the normal forms, longest first
}

func placesOf(list []Place) placeNames {
	p := placeNames{byName: map[string]string{}}
	for _, l := range list {
		names := []string{l.Key}
		if l.Name != "" {
			names = append(names, l.Building+" "+l.Name)
		}
		for _, n := range names {
			n = normal(n)
			if old, ok := p.byName[n]; ok && old != l.Key {
				p.byName[n] = ""
			} else if n != "" {
				p.byName[n] = l.Key
			}
		}
	}
	for n := range p.byName {
		if len(n) >= 4 { // "1" and "2F" are in every text
			p.words = append(p.words, n)
		}
	}
	slices.SortFunc(p.words, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	return p
}

// normal leaves letters and digits, in lower case, with one blank between words.
func normal(s string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(s), func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r >= 0x80)
	}), " ")
}

// guess finds a place in text: text that is its key or its building and name
// (high), or that has them in it as whole words (medium). What names no place
// is shown to the person, with the confidence as told.
func (p placeNames) guess(text, from string, as suggest.Confidence) Guess {
	n := normal(text)
	if n == "" {
		return Guess{}
	}
	g := Guess{Text: text, From: from, Confidence: as}
	if key := p.byName[n]; key != "" {
		g.Location, g.Confidence = key, suggest.High
		return g
	}
	for _, w := range p.words {
		if key := p.byName[w]; key != "" && strings.Contains(" "+n+" ", " "+w+" ") {
			g.Location, g.Confidence = key, suggest.Medium
			return g
		}
	}
	return g
}
