package walktest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/locate"
)

// Config says how large a walk is.
type Config struct {
	Devices int
	Seed    uint64
	Calls   int // of each device
}

// Report is what came of a walk.
type Report struct {
	Calls int
	// Kinds counts the outcomes of each kind of device, and Causes the calls
	// that were answered with a wrong building by what the device had not told.
	Kinds  map[string]Outcome
	Causes map[string]int
	// Unexcused are answers in a wrong building although the device had told
	// truly where it is: there must be none.
	Unexcused []string
	Grades    map[locate.Confidence]Outcome
	Bytes     int // the largest Memory as JSON
}

// Outcome counts answers to calls.
type Outcome struct {
	Exact    int // the floor or room is right, or the device is away and nothing was said
	Building int // the building is right, the floor not said or not right
	Asked    int // nothing was said: the relay centre asks
	Wrong    int // another building than that where the device is
}

func (o *Outcome) add(p Outcome) {
	o.Exact, o.Building, o.Asked, o.Wrong = o.Exact+p.Exact, o.Building+p.Building, o.Asked+p.Asked, o.Wrong+p.Wrong
}

// What a device had not told when it was looked for in a wrong building.
const (
	causeSilent = "moved, and told nothing since"
	causeLate   = "moved, and its request was still on the way"
	causeTunnel = "moved, and came through a tunnel only"
	causeBare   = "moved, and told only addresses not on the map"
	causeClock  = "its clock is wrong"
	causeNobody = "none" // it had told
)

var dayStart = time.Date(2026, 3, 2, 6, 0, 0, 0, time.UTC)

const dayLength = 14 * time.Hour

// stay is the truth: where a device is, and how it is connected.
type stay struct {
	from     time.Time
	building int // index, -1: away
	floor, n int
	link     link
}

type link int

const (
	offline link = iota
	wire
	radio
	home
	tunnel   // at home, through the VPN
	dect     // on a base
	analogue // on an adapter
	behind   // a PC behind a phone
)

// event is something that the server sees, or a call.
type event struct {
	at   time.Time // when it reaches the server
	sent time.Time
	call bool
	m    locate.Measurement
}

// device is one of the walk.
type device struct {
	kind  string
	id    int
	rng   *rand.Rand
	c     *campus
	stays []stay
	skew  time.Duration
	held  bool // asks by itself
	desk  stay
}

// Run lets the devices walk.
func Run(cfg Config) Report {
	r := Report{Kinds: map[string]Outcome{}, Causes: map[string]int{}, Grades: map[locate.Confidence]Outcome{}}
	c := newCampus()
	for i := range cfg.Devices {
		d := &device{id: i, rng: rand.New(rand.NewPCG(cfg.Seed, uint64(i))), c: c}
		d.plan()
		d.live(d.events(cfg.Calls), &r)
	}
	return r
}

func (d *device) between(lo, hi time.Duration) time.Duration {
	return lo + time.Duration(d.rng.Int64N(int64(hi-lo)))
}

func (d *device) chance(percent int) bool { return d.rng.IntN(100) < percent }

func (d *device) spot(l link) stay {
	return stay{building: d.rng.IntN(len(d.c.buildings)), floor: 1 + d.rng.IntN(floors), n: d.rng.IntN(portsPerFloor), link: l}
}

// plan makes the day of a device.
func (d *device) plan() {
	if d.chance(4) {
		d.skew = d.between(-3*time.Hour, 3*time.Hour)
	}
	d.held = true
	switch k := d.rng.IntN(100); {
	case k < 25:
		d.phone()
	case k < 60:
		d.laptop()
	case k < 80:
		d.handset()
	case k < 88:
		d.dect()
	case k < 93:
		d.kind, d.held, d.desk = "analogue telephone", false, d.spot(analogue)
		d.desk.n %= ataPerFloor
		d.stays = []stay{d.start(d.desk)}
	default:
		d.kind, d.desk = "PC behind a phone", d.spot(behind)
		d.stays = []stay{d.start(d.desk)}
	}
}

func (d *device) start(s stay) stay {
	s.from = dayStart.Add(-90 * 24 * time.Hour)
	return s
}

// phone stands on its desk for months; one in ten is carried to another desk,
// and a few of those tell nothing of it.
func (d *device) phone() {
	d.kind, d.desk = "desk phone, up for months", d.spot(wire)
	d.stays = []stay{d.start(d.desk)}
	if d.chance(10) {
		s := d.spot(wire)
		s.from = dayStart.Add(d.between(2*time.Hour, 11*time.Hour))
		d.stays = append(d.stays, s)
	}
}

// laptop goes from home to a dock, to meetings and home again, some to two
// offices in one day.
func (d *device) laptop() {
	d.kind, d.desk = "laptop", d.spot(wire)
	at := dayStart
	add := func(s stay, stays time.Duration) {
		s.from = at
		d.stays = append(d.stays, s)
		at = at.Add(stays)
	}
	away := stay{building: -1, link: home, n: d.id}
	if d.chance(50) {
		away.link = tunnel
	}
	road := stay{building: -1}
	add(d.start(away), d.between(time.Hour, 3*time.Hour))
	d.stays[0].from = dayStart.Add(-12 * time.Hour)
	add(road, d.between(10*time.Minute, time.Hour))
	add(d.desk, d.between(time.Hour, 3*time.Hour))
	for range d.rng.IntN(4) {
		s := d.spot(radio)
		if d.chance(80) {
			s.building = d.desk.building
		}
		add(s, d.between(15*time.Minute, 90*time.Minute))
		if d.chance(50) {
			add(d.desk, d.between(15*time.Minute, time.Hour))
		}
	}
	add(road, d.between(10*time.Minute, time.Hour))
	add(away, time.Hour)
}

// handset roams between access points all day.
func (d *device) handset() {
	d.kind, d.desk = "Wi-Fi phone", d.spot(radio)
	s := d.start(d.desk)
	d.stays = append(d.stays, s)
	for at := dayStart; at.Before(dayStart.Add(dayLength)); at = at.Add(d.between(3*time.Minute, time.Hour)) {
		s.n = d.rng.IntN(portsPerFloor)
		if d.chance(30) {
			s.floor = 1 + d.rng.IntN(floors)
		}
		if d.chance(6) {
			s.building = d.rng.IntN(len(d.c.buildings))
		}
		s.from = at
		d.stays = append(d.stays, s)
	}
}

// dect roams between the bases of its building.
func (d *device) dect() {
	d.kind, d.held, d.desk = "DECT handset", false, d.spot(dect)
	s := d.start(d.desk)
	d.stays = append(d.stays, s)
	for at := dayStart; at.Before(dayStart.Add(dayLength)); at = at.Add(d.between(10*time.Minute, 2*time.Hour)) {
		s.floor, s.from = 1+d.rng.IntN(floors), at
		d.stays = append(d.stays, s)
	}
}

func (d *device) at(t time.Time) stay {
	i, _ := slices.BinarySearchFunc(d.stays, t, func(s stay, t time.Time) int { return s.from.Compare(t) })
	if i < len(d.stays) && d.stays[i].from.Equal(t) {
		return d.stays[i]
	}
	return d.stays[max(i-1, 0)]
}

// events makes the requests and calls of the day in the order in which they
// reach the server.
func (d *device) events(calls int) []event {
	var out []event
	end := dayStart.Add(dayLength)
	if d.held {
		for i, s := range d.stays {
			until := end
			if i+1 < len(d.stays) {
				until = d.stays[i+1].from
			}
			out = append(out, d.requests(s, until)...)
		}
	}
	for range calls {
		at := dayStart.Add(d.between(0, dayLength))
		out = append(out, event{at: at, sent: at, call: true})
	}
	slices.SortStableFunc(out, func(a, b event) int { return a.at.Compare(b.at) })
	return out
}

// requests are those of one stay: at its start, and again as devices do.
func (d *device) requests(s stay, until time.Time) []event {
	if s.link == offline || len(d.stays) > 1 && d.chance(3) {
		return nil // a move without HELD
	}
	every := d.between(10*time.Minute, 30*time.Minute)
	if s.link == wire && d.kind != "laptop" {
		every = 200 * 24 * time.Hour // a desk phone asks when it starts
	}
	if s.link == behind {
		every = 12 * time.Hour
	}
	var out []event
	for at := s.from.Add(d.between(time.Second, 90*time.Second)); at.Before(until); at = at.Add(every) {
		delay := d.between(10*time.Millisecond, 2*time.Second)
		if d.chance(2) {
			delay = d.between(time.Minute, 10*time.Minute) // queued, and overtaken by others
		}
		e := event{at: at.Add(delay), sent: at, m: d.measure(s, at)}
		if at.Before(dayStart.Add(-time.Hour)) && s.link != home && s.link != tunnel {
			every = 200 * 24 * time.Hour // what was before this day is one request
			if d.kind == "Wi-Fi phone" {
				e.at, e.sent = s.from, s.from
			}
		}
		out = append(out, e)
	}
	return out
}

// measure is what a device tells truly of the place where it is.
func (d *device) measure(s stay, at time.Time) locate.Measurement {
	m := locate.Measurement{At: at}
	if d.skew != 0 {
		m.At = at.Add(d.skew)
	}
	switch s.link {
	case home, tunnel:
		return d.atHome(s, m)
	case behind:
		b := d.c.buildings[s.building]
		m.LLDP = []locate.Neighbour{{Chassis: string(d.phoneMAC()), ChassisSubtype: 4, Port: "2"}}
		m.Source = b.egress
		return m
	}
	b := d.c.buildings[s.building]
	m.Source = b.egress
	m.Addrs = []netip.Addr{host(b.lan, 10+d.id%200)}
	eth := locate.Interface{Name: "eth0", Down: s.link != wire}
	wlan := locate.Interface{Name: "wlan0", Down: s.link != radio && d.id%2 == 0}
	if s.link == wire {
		p := b.port(s.floor, s.n)
		eth.LLDP = []locate.Neighbour{{Chassis: p.Chassis, ChassisSubtype: 4, Port: p.Port}}
		eth.Gateway = b.gateway()
	}
	if !wlan.Down {
		wlan.Serving = b.mac(2, s.floor, s.n%apsPerFloor)
		for i := range 4 { // radio goes through floors
			wlan.Neighbours = append(wlan.Neighbours, b.mac(2, 1+(s.floor+i/3)%floors, (s.n+i)%apsPerFloor))
		}
	}
	switch d.kind {
	case "Wi-Fi phone":
		m.Serving, m.Neighbours = wlan.Serving, wlan.Neighbours
	case "laptop":
		if d.chance(10) {
			return m // only its address, this time
		}
		m.Interfaces = []locate.Interface{eth, wlan}
	default:
		m.LLDP, m.Gateway = eth.LLDP, eth.Gateway
	}
	return m
}

func (d *device) atHome(s stay, m locate.Measurement) locate.Measurement {
	m.Addrs = []netip.Addr{host(homeLAN, 20)} // as in every home, and in the shop
	m.Source = netip.AddrFrom4([4]byte{198, 18, byte(d.id >> 8), byte(d.id)})
	wlan := locate.Interface{Name: "wlan0", Serving: e911.MACFrom([6]byte{0x00, 0x77, 0, byte(d.id >> 8), byte(d.id), 0x10}), Gateway: e911.MACFrom([6]byte{0x00, 0x78, 0, byte(d.id >> 8), byte(d.id), 0})}
	if s.link == tunnel {
		m.Source = host(d.c.vpn, 1+d.id%60000)
		if d.id%3 == 0 {
			m.Source = d.c.sase
		}
		m.Tunnel = d.id%10 < 7
		if d.id%10 >= 8 {
			return m // this client tells of no interface
		}
		m.Addrs = append(m.Addrs, host(d.c.vpn, 1+d.id%60000))
	}
	m.Interfaces = []locate.Interface{{Name: "eth0", Down: true}, wlan}
	return m
}

func host(p netip.Prefix, n int) netip.Addr {
	b := p.Addr().As4()
	b[2] += byte(n >> 8)
	b[3] += byte(n)
	return netip.AddrFrom4(b)
}

func (d *device) phoneMAC() e911.MAC {
	return e911.MACFrom([6]byte{0x00, 0x1c, 0, 0, byte(d.id >> 8), byte(d.id)})
}

// phoneAt is the phone that a PC is behind: it stands where the PC does.
func (d *device) phoneAt(m e911.MAC) (locate.Evidence, bool) {
	if d.kind != "PC behind a phone" || m != d.phoneMAC() {
		return locate.Evidence{}, false
	}
	b := d.c.buildings[d.desk.building]
	id := b.room(d.desk.floor, d.desk.n%roomsPerFloor)
	return locate.FromLocation(d.c, id, e911.ByLLDPPort, d.stays[0].from)
}

// live runs a device's day: requests are remembered, calls are located.
func (d *device) live(events []event, r *Report) {
	var memory locate.Memory
	restarted := false
	told := map[int]string{} // stays of which a request reached the server, and what it lacked
	for _, e := range events {
		if !restarted && e.at.After(dayStart.Add(dayLength/2)) {
			memory, restarted = reread(memory, r), true
		}
		if e.call {
			d.call(e, memory, told, r)
			continue
		}
		m := e.m
		if m.At.After(e.at) || d.skew == 0 && d.chance(50) {
			m.At = e.at // a clock that is ahead does not count; half tell no time
			if d.skew == 0 {
				m.At = e.sent.Add(min(e.at.Sub(e.sent), 2*time.Second))
			}
		}
		m.SourceAt = e.at
		m.At = m.At.Truncate(time.Millisecond)
		changed := false
		if memory, changed = memory.Observe(m); changed {
			memory = memory.Recall(d.c, d.phoneAt).Memory
		}
		if i := d.index(e.sent); told[i] != causeNobody {
			told[i] = d.lacks(d.at(e.sent), e.m)
		}
	}
}

func (d *device) index(t time.Time) int {
	s := d.at(t)
	return slices.IndexFunc(d.stays, func(x stay) bool { return x.from.Equal(s.from) })
}

// reread is a restart of the server from its journal.
func reread(m locate.Memory, r *Report) (again locate.Memory) {
	text, err := json.Marshal(m)
	if err != nil {
		r.Unexcused = append(r.Unexcused, "a memory cannot be written: "+err.Error())
		return m
	}
	r.Bytes = max(r.Bytes, len(text))
	if err := json.Unmarshal(text, &again); err != nil {
		r.Unexcused = append(r.Unexcused, "a memory cannot be read: "+err.Error())
	}
	return again
}

// call locates the device as the call path does, and compares.
func (d *device) call(e event, memory locate.Memory, told map[int]string, r *Report) {
	truth := d.at(e.at)
	if truth.link == offline {
		return
	}
	s := locate.Situation{HELD: d.held, Handset: truth.link == dect || truth.link == radio && d.kind == "Wi-Fi phone"}
	candidates := memory.Recall(d.c, d.phoneAt).Candidates
	if !d.held {
		candidates = append(candidates, d.fromNetwork(truth, e.at)...)
	}
	desk := d.c.buildings[d.desk.building]
	if place, ok := d.c.Place(desk.room(d.desk.floor, d.desk.n%roomsPerFloor)); ok {
		candidates = append(candidates, locate.Candidate{Evidence: locate.Evidence{By: e911.ByNumber, Place: place, Said: "number"}, Rank: locate.RankNumber, Via: "number"})
	}
	got := locate.Decide(candidates, s, e.at)
	outcome := d.compare(truth, got)
	count := r.Kinds[d.kind]
	count.add(outcome)
	r.Kinds[d.kind] = count
	grade := r.Grades[got.Confidence]
	grade.add(outcome)
	r.Grades[got.Confidence] = grade
	r.Calls++
	if outcome.Wrong == 0 {
		return
	}
	cause := d.cause(truth, e.at, told)
	r.Causes[cause]++
	if cause == causeNobody {
		r.Unexcused = append(r.Unexcused, fmt.Sprintf("device %d, %s, at %s: in %d (link %d), answered %s\n%s", d.id, d.kind, e.at.Format("15:04:05"), truth.building, truth.link, got.Place.Key, strings.Join(locate.Explain(got), "\n")))
	}
}

// fromNetwork is what the call itself tells of a telephone without a network of
// its own: nine in ten DECT systems name the base.
func (d *device) fromNetwork(s stay, at time.Time) []locate.Candidate {
	m := locate.Measurement{At: at, Who: locate.ByNetwork}
	b := d.c.buildings[s.building]
	switch {
	case s.link == analogue:
		m.ATA = b.ata(s.floor, s.n)
		// The adapter's own port is in the closet of the floor.
		m.LLDP = []locate.Neighbour{{Chassis: b.port(s.floor, 47).Chassis, ChassisSubtype: 4, Port: b.port(s.floor, 47).Port}}
	case d.id%10 > 0:
		m.DECTBase = b.rfpi(s.floor, s.n%basesPerFloor)
	}
	found, _ := locate.Measured(d.c, m)
	var out []locate.Candidate
	for _, e := range found {
		out = append(out, locate.Candidate{Evidence: e, Rank: locate.RankNetwork, Via: "call"})
	}
	return out
}

func (d *device) compare(truth stay, got locate.Result) Outcome {
	switch {
	case got.By == e911.ByNothing && truth.building < 0:
		return Outcome{Exact: 1}
	case got.By == e911.ByNothing:
		return Outcome{Asked: 1}
	case truth.building < 0 || string(got.Place.Building) != d.c.buildings[truth.building].id:
		return Outcome{Wrong: 1}
	case got.Place.Civic.FLR == fmt.Sprint(truth.floor):
		return Outcome{Exact: 1}
	}
	return Outcome{Building: 1}
}

// lacks says why a request does not tell where the device is, causeNobody when it
// does.
func (d *device) lacks(s stay, m locate.Measurement) string {
	switch {
	case len(m.Interfaces) > 0 || len(m.LLDP) > 0 || m.Serving != "":
		return causeNobody
	case s.link == tunnel:
		return causeTunnel
	case s.building >= 0 && !d.c.buildings[s.building].lanOnMap:
		return causeBare
	}
	return causeNobody
}

// cause says what the server could not know.
func (d *device) cause(truth stay, at time.Time, told map[int]string) string {
	what := told[d.index(at)]
	switch {
	case d.skew != 0:
		return causeClock
	case what != "":
		return what
	case at.Sub(truth.from) < 12*time.Minute:
		return causeLate
	}
	return causeSilent
}

// String is a table of what came of the walk.
func (r Report) String() string {
	var b strings.Builder
	row := func(name string, o Outcome) {
		fmt.Fprintf(&b, "%-28s %7d exact %7d building %7d asked %6d wrong building\n", name, o.Exact, o.Building, o.Asked, o.Wrong)
	}
	fmt.Fprintf(&b, "%d calls\n", r.Calls)
	for _, k := range sorted(r.Kinds) {
		row(k, r.Kinds[k])
	}
	for _, k := range []locate.Confidence{locate.High, locate.Medium, locate.Low, locate.NoConfidence} {
		row("confidence "+string(k), r.Grades[k])
	}
	for _, k := range sorted(r.Causes) {
		fmt.Fprintf(&b, "wrong because: %-45s %6d\n", k, r.Causes[k])
	}
	fmt.Fprintf(&b, "largest memory %d bytes of JSON\n", r.Bytes)
	return b.String()
}

func sorted[K cmp.Ordered, V any](m map[K]V) []K {
	var out []K
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
