package heldplus

import (
	"cmp"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/rules/locate"
)

// Bounds of what is kept. Who has an organisation's secret can invent devices.
const (
	maxDevices   = 200_000
	maxOwn       = 20              // own locations of one client
	maxNetworks  = 8               // networks that one of them is remembered for
	networkEvery = 5 * time.Minute // between two facts that a device is where it was
	maxSignedIn  = 8               // devices of one user that a call looks at
)

type key struct {
	org    e911.OrgID
	device string
}

type userKey struct {
	org  e911.OrgID
	user e911.UserID
}

// client names the installation of a client; its own locations hang on it.
type client struct {
	org    e911.OrgID
	digest string
}

// device is what is kept of one device.
type device struct {
	client   string // digest of the client that the device is bound to
	boundAt  time.Time
	session  string // id; none: signed out
	user     e911.UserID
	says     []journal.Named
	answered bool // a report of this session was answered
	ever     bool // any report was
	here     locate.NetworkID
	hereAt   time.Time // when it was seen there last
	toldAt   time.Time // of the last fact of the network
	position *e911.Area
	posAt    time.Time
}

// own is one location that a user said.
type own struct {
	id      string
	client  client
	device  string
	user    e911.UserID
	name    string
	place   e911.Place
	verdict locate.Verdict
	why     string
	at      time.Time
	homes   []locate.Home // Place and Verdict are left empty: they are the own's

	validation e911.Validation
}

// given is the address as its user gave it.
func (o *own) given() e911.Civic {
	if o.validation.Entered != (e911.Civic{}) {
		return o.validation.Entered
	}
	return o.place.Civic
}

// book is what users and their clients said. Safe for concurrent use. Facts are
// recorded under its lock, so that they stand in the order of what they tell.
type book struct {
	mu        sync.Mutex
	devices   map[key]*device
	users     map[userKey]map[string]bool // devices that a user is signed in on
	owns      map[string]*own
	of        map[client][]*own
	callbacks map[userKey]e911.Number
	// registered are places that users registered, whatever they call from.
	registered map[userKey]own
	// What nodes tell each other comes in the order of each node alone: the newest
	// choice of a callback number wins, and what was deleted stays deleted.
	callbackAt map[userKey]time.Time
	gone       map[string]struct{}
}

func newBook() *book {
	return &book{
		devices: map[key]*device{}, users: map[userKey]map[string]bool{}, owns: map[string]*own{},
		of: map[client][]*own{}, callbacks: map[userKey]e911.Number{}, callbackAt: map[userKey]time.Time{}, registered: map[userKey]own{}, gone: map[string]struct{}{},
	}
}

// device returns the entry of a device, made when there is none. The lock is
// held.
func (b *book) device(k key) *device {
	d := b.devices[k]
	if d == nil {
		if len(b.devices) >= maxDevices {
			b.turnOut()
		}
		d = &device{}
		b.devices[k] = d
	}
	return d
}

// turnOut makes room by the longest silent of a few that nothing was said for.
func (b *book) turnOut() {
	const look = 32
	var oldest key
	var at time.Time
	n := 0
	for k, d := range b.devices {
		if len(b.of[client{k.org, d.client}]) > 0 && n < look-1 {
			n++
			continue
		}
		if oldest == (key{}) || d.hereAt.Before(at) {
			oldest, at = k, d.hereAt
		}
		if n++; n >= look {
			break
		}
	}
	if d := b.devices[oldest]; d != nil {
		b.leave(oldest, d)
		delete(b.devices, oldest)
	}
}

func (b *book) leave(k key, d *device) {
	if d.user == "" {
		return
	}
	u := userKey{k.org, d.user}
	delete(b.users[u], k.device)
	if len(b.users[u]) == 0 {
		delete(b.users, u)
	}
	d.user = ""
}

func (b *book) enter(k key, d *device, user e911.UserID) {
	b.leave(k, d)
	if d.user = user; user == "" {
		return
	}
	u := userKey{k.org, user}
	if b.users[u] == nil {
		b.users[u] = map[string]bool{}
	}
	b.users[u][k.device] = true
}

// boundTo tells which client a device is bound to, and since when; false when it
// is not known.
func (b *book) boundTo(k key) (digest string, since time.Time, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	d := b.devices[k]
	if d == nil || d.client == "" {
		return "", time.Time{}, d != nil
	}
	return d.client, d.boundAt, true
}

// begin starts a session.
func (b *book) begin(k key, f journal.Session, says []journal.Named, now time.Time, rec journal.Recorder) {
	b.mu.Lock()
	defer b.mu.Unlock()
	d := b.device(k)
	if d.client != f.Client {
		*d = device{user: d.user, client: f.Client, boundAt: now}
	}
	b.enter(k, d, f.User)
	d.session, d.says, d.answered = f.ID, says, false
	f.Purpose = "sign_in"
	rec.Record(journal.New(journal.ClientSession, now, k.org, "", f))
}

// end ends the session of a device.
func (b *book) end(k key, now time.Time, rec journal.Recorder) {
	b.mu.Lock()
	defer b.mu.Unlock()
	d := b.devices[k]
	if d == nil || d.session == "" {
		return
	}
	b.leave(k, d)
	d.session = ""
	rec.Record(journal.New(journal.ClientSession, now, k.org, "", journal.Session{Device: k.device, Client: d.client, Purpose: "sign_out"}))
}

// holds reports whether a session is the one of its device. A device that nobody
// knows here signed in on another node, or before the journal was read.
func (b *book) holds(k key, digest, session string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	d := b.devices[k]
	return d == nil || d.client == "" || (d.client == digest && d.session == session)
}

func (b *book) reported(k key) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	d := b.devices[k]
	return d != nil && d.ever
}

func (b *book) says(k key) []journal.Named {
	b.mu.Lock()
	defer b.mu.Unlock()
	if d := b.devices[k]; d != nil {
		return d.says
	}
	return nil
}

// devicesOf lists where a user is signed in, those that told last first.
func (b *book) devicesOf(org e911.OrgID, user e911.UserID) []e911.DeviceID {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []e911.DeviceID
	for name := range b.users[userKey{org, user}] {
		out = append(out, e911.DeviceID(name))
	}
	at := func(id e911.DeviceID) time.Time { return b.devices[key{org, string(id)}].hereAt }
	slices.SortFunc(out, func(x, y e911.DeviceID) int { return cmp.Or(at(y).Compare(at(x)), cmp.Compare(x, y)) })
	return out[:min(len(out), maxSignedIn)]
}

func (b *book) callback(u userKey) e911.Number {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.callbacks[u]
}

func (b *book) setCallback(u userKey, n e911.Number, device string, now time.Time, rec journal.Recorder) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n == b.callbacks[u] {
		return
	}
	b.chooses(u, n, now)
	rec.Record(journal.New(journal.OwnCallback, now, u.org, "", journal.Callback{User: u.user, Number: n, Device: device}))
}

// chooses keeps a user's callback number, or that there is none any more. The lock
// is held.
func (b *book) chooses(u userKey, n e911.Number, at time.Time) {
	b.callbackAt[u] = at
	if n == "" {
		delete(b.callbacks, u)
	} else {
		b.callbacks[u] = n
	}
}

// seen is what a report told of the network that a device is on.
type seen struct {
	here     locate.NetworkID
	at       time.Time
	position *e911.Area
	posAt    time.Time
}

// see takes in a report, and reports whether it is the first of its session.
// What is older than what is known changes nothing.
func (b *book) see(c *caller, sn seen, now time.Time, rec journal.Recorder) (first bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	d := b.device(c.key)
	if d.client == "" {
		d.client, d.boundAt, d.session = c.Client, now, c.ID
		b.enter(c.key, d, c.User)
	}
	first = !d.answered
	d.answered, d.ever = true, true
	if sn.position != nil && sn.posAt.After(d.posAt) {
		d.position, d.posAt = sn.position, sn.posAt
	}
	if sn.at.Before(d.hereAt) {
		return first
	}
	moved := !equalNetworks(d.here, sn.here)
	d.here, d.hereAt = sn.here, sn.at
	if moved || sn.at.Sub(d.toldAt) >= networkEvery {
		d.toldAt = sn.at
		rec.Record(journal.New(journal.ClientNetwork, now, c.key.org, "", journal.Network{
			Device: c.key.device, Client: d.client, Here: text(d.here), Position: d.position, At: sn.at,
		}))
	}
	b.learn(client{c.key.org, d.client}, d, now, rec)
	return first
}

// learn adds what this report saw of a network to what is stored of it, so that a
// mesh of access points is known one after the other.
func (b *book) learn(c client, d *device, now time.Time, rec journal.Recorder) {
	for _, o := range b.of[c] {
		for i := range o.homes {
			h := &o.homes[i]
			if h.By != e911.ByConfirmed || !h.Network.Same(d.here) {
				continue
			}
			if next := h.Network.Merge(d.here); !equalNetworks(next, h.Network) {
				h.Network = next
				rec.Record(o.fact(now))
			}
		}
	}
}

func equalNetworks(a, b locate.NetworkID) bool {
	return a.Gateway == b.Gateway && a.SSID == b.SSID && a.Public == b.Public && slices.Equal(a.Radios, b.Radios) && slices.Equal(a.Shared, b.Shared)
}

func text(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		return nil // never: plain values
	}
	return b
}

func (o *own) fact(now time.Time) journal.Fact {
	return journal.New(journal.OwnLocation, now, o.client.org, "", journal.Own{
		ID: o.id, Client: o.client.digest, Device: o.device, User: o.user, Name: o.name, Homes: text(o.homes), Place: o.place,
		Verdict: string(o.verdict), Why: o.why, At: o.at, Validation: o.validation,
	})
}

// candidates are what counts of what was said where the device is now; known
// reports that the user need not be asked.
func (b *book) candidates(k key, p *Policy, now time.Time) (out []locate.Candidate, known bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	d := b.devices[k]
	if d == nil {
		return nil, false
	}
	var homes []locate.Home
	for _, o := range b.of[client{k.org, d.client}] {
		for _, h := range o.homes {
			h.Place, h.Verdict = o.place, o.verdict
			homes = append(homes, h)
		}
	}
	out, _ = locate.FromHomes(homes, d.here)
	silent := now.Sub(d.hereAt) > p.HereAge
	for i := range out {
		c := &out[i]
		limit := p.ConfirmedAge
		if c.By == e911.ByUserSet {
			limit = p.UserSetAge
		}
		switch {
		case c.Over != "":
		case now.Sub(c.At) > limit:
			c.Over = "over: the user said it too long ago, and was not asked since"
		case silent:
			c.Over = "over: the device has not told for long which network it is on"
		case c.By == e911.ByConfirmed && d.hereAt.After(c.At):
			// It was confirmed for this network, and the device was seen here since.
			c.At = d.hereAt
		}
		known = known || c.Over == "" && c.Verdict != locate.Invalid
	}
	if d.position != nil && !known {
		out = append(out, d.where(p, now))
	}
	return out, known
}

// where is the position of the operating system as a candidate. It finds a PSAP
// and no door, so it stands behind the network's evidence and counts only while
// nothing was said. It contradicts nothing: it is often a database's guess of
// where the radio around was once.
func (d *device) where(p *Policy, now time.Time) locate.Candidate {
	const ever = 365 * 24 * time.Hour
	c := locate.Candidate{
		Evidence: locate.Evidence{
			By: e911.ByPIDFLO, At: d.posAt, Since: d.posAt.Add(-ever), Said: "position of the operating system", Who: locate.ByDevice,
			Place: e911.Place{Area: d.position, Display: display(d.position)},
		},
		Rank: locate.RankConfirmed, Via: "client",
	}
	if now.Sub(d.posAt) > p.TTL {
		c.Over = "over: the position is too old"
	}
	return c
}

// confirmBy is when the user is asked again for what he confirmed here.
func (b *book) confirmBy(k key, p *Policy) time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	d := b.devices[k]
	if d == nil {
		return time.Time{}
	}
	var newest time.Time
	for _, o := range b.of[client{k.org, d.client}] {
		for _, h := range o.homes {
			if h.By == e911.ByConfirmed && h.Network.Same(d.here) && h.At.After(newest) {
				newest = h.At
			}
		}
	}
	if newest.IsZero() {
		return newest
	}
	return newest.Add(p.ConfirmedAge)
}
