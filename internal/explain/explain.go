package explain

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/journal/disk"
	"github.com/callbox911/callbox/internal/live/emergency"
	"github.com/callbox911/callbox/internal/live/lis"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/notify"
	"github.com/callbox911/callbox/internal/rules/identify"
	"github.com/callbox911/callbox/internal/rules/locate"
	"github.com/callbox911/callbox/internal/snapshot"
)

// Config is what an Engine needs. Snapshot, Calls and Journal are required.
type Config struct {
	Snapshot *snapshot.Holder
	Calls    *emergency.Handler
	// Devices is the location server that runs; nil: none does, and what it would
	// know is read from the journal.
	Devices *lis.Server
	Journal string // folder of its segments
	// Domain is our name in the names of calls; empty: not known, as none runs.
	Domain string
	Now    func() time.Time
}

// maxScans bounds how many questions read the journal at a time: it is the disk
// that calls are written to.
const maxScans = 2

// Engine answers questions. Safe for concurrent use; it keeps nothing.
type Engine struct {
	cfg   Config
	scans chan struct{}
}

// New checks cfg, reporting all its faults.
func New(cfg Config) (*Engine, error) {
	var errs []error
	if cfg.Snapshot == nil {
		errs = append(errs, errors.New("snapshot is required"))
	}
	if cfg.Calls == nil {
		errs = append(errs, errors.New("emergency calls are required"))
	}
	if cfg.Journal == "" {
		errs = append(errs, errors.New("journal is required"))
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("configure explain: %w", err)
	}
	return &Engine{cfg, make(chan struct{}, maxScans)}, nil
}

// inquest is one question while it is answered.
type inquest struct {
	e       *Engine
	q       Query
	world   *snapshot.Snapshot
	archive *disk.Archive // nil: the journal is not asked
	at      time.Time
	s       subject
	devices *lis.Server    // with what was known at that time
	past    *past          // nil: what is known comes from the running server
	facts   []journal.Fact // of the call, where they are asked for as LogEvents
	a       Answer
}

// Explain answers a question. Wall is the organisation that asks, and the only
// one that is answered for; none: the operator, for every one. Errors are
// e911.NotFound for who is not there, also because he is another organisation's
// (E14), and e911.Invalid for a question that several organisations fit.
func (e *Engine) Explain(ctx context.Context, q Query, wall e911.OrgID) (Answer, error) {
	now := e.cfg.Now().UTC().Truncate(time.Millisecond)
	x := &inquest{e: e, q: q, world: e.cfg.Snapshot.Load(), at: now, devices: e.cfg.Devices}
	x.a = Answer{Asked: q.String(), By: FromServer, held: q.Held, Devices: []Device{}}
	if !q.At.IsZero() {
		x.at, x.a.Past = q.At.UTC(), true
	}
	if at, ok := begun(q.Call); ok {
		x.at, x.a.Past = at, true
	}
	x.a.At = x.at
	if x.a.Past || e.cfg.Devices == nil {
		select {
		case e.scans <- struct{}{}:
			defer func() { <-e.scans }()
		case <-ctx.Done():
			return Answer{}, ctx.Err()
		}
		var err error
		if x.archive, err = disk.OpenArchive(e.cfg.Journal); err != nil {
			return Answer{}, err
		}
		x.a.By = FromJournal
		if err := x.reach(ctx); err != nil {
			return Answer{}, err
		}
	}
	if q.Call != "" {
		return x.ofCall(ctx, wall)
	}
	if err := x.choose(ctx, wall); err != nil {
		return Answer{}, err
	}
	c := x.s.org.Config()
	x.a.Org = journal.Ref{ID: string(c.ID), Key: c.Key, Name: c.Name}
	for _, name := range x.s.devices {
		x.a.Devices = append(x.a.Devices, x.device(name))
	}
	if !q.Held {
		x.call()
		if x.a.Past {
			if err := x.made(ctx); err != nil {
				return Answer{}, err
			}
		}
	}
	return x.a, nil
}

// reach says how far back the journal goes.
func (x *inquest) reach(ctx context.Context) error {
	first, since, ok, err := x.archive.Since(ctx)
	if err != nil {
		return err
	}
	r := &Reach{Since: since, Cut: first > 1, Short: !ok || x.at.Before(since), Damaged: x.archive.Damaged()}
	x.a.Reach = r
	switch {
	case !ok:
		x.warn("the journal is empty: nothing is known of what devices showed")
	case r.Short && r.Cut:
		x.warn("the journal begins at " + clock(since) + "; what was before is not kept any more")
	case r.Short:
		x.warn("the journal begins at " + clock(since) + ", after the time in question")
	}
	if r.Damaged > 0 {
		x.warn(fmt.Sprintf("%d segments of the journal cannot be read; what they hold is not in this answer", r.Damaged))
	}
	return nil
}

func (x *inquest) warn(text string) {
	if !slices.Contains(x.a.Warnings, text) {
		x.a.Warnings = append(x.a.Warnings, text)
	}
}

// choose finds the one organisation that the question fits, and what its
// location server knows.
func (x *inquest) choose(ctx context.Context, wall e911.OrgID) error {
	fit, err := subjects(x.world, x.q, wall)
	if err != nil {
		return err
	}
	// Who is configured is found without looking at what was seen.
	if slices.ContainsFunc(fit, func(s subject) bool { return !s.stranger }) {
		fit = slices.DeleteFunc(fit, func(s subject) bool { return s.stranger })
	}
	var known []subject
	for _, s := range fit {
		x.s = s
		if err := x.recall(ctx); err != nil {
			return err
		}
		if !s.stranger || x.everSeen(s.devices[0]) {
			known = append(known, s)
		}
	}
	switch len(known) {
	case 0:
		return x.nobody(wall)
	case 1:
		if x.s.org != known[0].org {
			x.s = known[0]
			return x.recall(ctx)
		}
		return nil
	}
	return e911.Errorf(e911.Invalid, "%s is known in several organisations: name one of %s with --org", x.q, keys(known))
}

func (x *inquest) nobody(wall e911.OrgID) error {
	where := "in any organisation"
	if x.q.Org != "" || wall != "" {
		where = "in this organisation"
	}
	seen := ""
	switch {
	case x.q.MAC != "" && x.a.Past:
		seen = ", and no such device was seen until then"
	case x.q.MAC != "":
		seen = ", and no such device was ever seen"
	case x.q.IP.IsValid() && x.q.User == "" && x.q.Number == "":
		return e911.Errorf(e911.NotFound, "%s is neither a trunk's nor in a range %s", x.q, strings.Replace(where, "in", "of", 1))
	}
	return e911.Errorf(e911.NotFound, "%s is not configured %s%s", x.q, where, seen)
}

// recall makes what was known of the subject's devices.
func (x *inquest) recall(ctx context.Context) error {
	if x.archive == nil {
		return nil
	}
	var err error
	x.devices, x.past, err = asOf(ctx, x.archive, x.world, x.s.org, x.s.devices, x.at)
	if err != nil {
		return fmt.Errorf("read the journal: %w", err)
	}
	return nil
}

func (x *inquest) everSeen(name string) bool {
	_, ok := x.devices.Device(x.s.org.ID(), name)
	return ok
}

// device tells what is known of one device.
func (x *inquest) device(name string) Device {
	d := Device{Name: name, Findings: []e911.Finding{}, Where: Where{By: e911.ByNothing}}
	if c, ok := x.s.org.Device(e911.DeviceID(name)); ok {
		d.Known, d.Key, d.MAC = true, c.Key, c.MAC
		if m, ok := x.world.Model(c.Model); ok {
			d.Model = m.Key
		}
		if u, ok := x.s.org.User(c.User); ok {
			d.User = &journal.Ref{ID: string(u.ID), Key: u.Key, Name: u.Name}
		}
	} else if x.s.stranger {
		d.MAC = x.s.mac
	}
	seen, ok := x.devices.Device(x.s.org.ID(), name)
	if !ok {
		return d
	}
	asked := seen.At
	d.Asked, d.Via, d.Proved, d.Says = &asked, seen.Via, seen.Proved, seen.Says
	if seen.Source.IsValid() {
		d.From = seen.Source.String()
	}
	d.Where = whereOf(seen.Where)
	d.Findings = append(append(d.Findings, seen.Where.Findings...), seen.Unmapped...)
	if !seen.Elsewhere.IsZero() {
		d.Elsewhere = &seen.Elsewhere
	}
	x.recorded(&d)
	return d
}

// recorded lays what the journal told of a device beside what today's map says
// of the same evidence.
func (x *inquest) recorded(d *Device) {
	if x.past == nil {
		return
	}
	f, ok := x.past.seen[d.Name]
	if !ok {
		return
	}
	d.Recorded = &Recorded{At: x.past.seenAt[d.Name], By: f.By, Place: f.Place, EvidenceAt: f.EvidenceAt, Findings: f.Evidence}
	if !x.a.Past {
		return
	}
	const configuration = "; the rest of the configuration is today's: no older one is kept"
	switch was, is := f.Place.Display, d.Where.Place.Display; {
	case f.By == e911.ByNothing && d.Where.By != e911.ByNothing:
		d.Moved = "then it was not on the map; with today's map it would be at " + is
	case f.By == e911.ByNothing:
	case d.Where.By == e911.ByNothing:
		d.Moved = "today's map does not know the evidence any more; then it was at " + was
	case d.Where.By == f.By && was != is && !slices.Contains(d.Where.Flags, locate.FlagCoarse):
		d.Moved = "the map was changed since: then " + was + ", today " + is
	}
	if d.Moved != "" {
		x.warn(d.label() + ": " + d.Moved + configuration)
	}
}

func (d *Device) label() string { return cmp.Or(d.Key, string(d.MAC), d.Name) }

// call foretells a call of the subject.
func (x *inquest) call() {
	req, ok := x.request()
	if !ok {
		return
	}
	s := emergency.Supposed{Request: req, World: x.world}
	if x.past != nil {
		s.Locator, s.NoHealth = &then{Server: x.devices, past: x.past, place: x.a.Past}, true
	}
	for _, d := range x.a.Devices {
		if x.past != nil && d.Via == "heldplus" {
			x.warn("of what users said by HELD+, only what the last record of the device tells counts here; a callback number that they registered does not")
		}
	}
	f, ok := x.e.cfg.Calls.Foresee(s)
	if !ok {
		return
	}
	x.a.Call = callOf(f)
	holder := &snapshot.Holder{}
	holder.Store(x.world)
	told, _ := notify.Recipients(f.Org, f.Due, notify.FromSnapshot(holder))
	x.a.Call.Told = append([]notify.Recipient{}, told...)
	x.warnings(&f)
}

func (x *inquest) warnings(f *emergency.Foreseen) {
	for _, flags := range [][]string{f.Identified.Flags, f.Routed.Flags} {
		for _, flag := range flags {
			x.warn(flagText(flag))
		}
	}
	for _, a := range f.Alarms {
		x.warn("it would raise the alarm " + a.Code + ": " + a.Detail)
	}
	for i, down := range f.Down {
		if down {
			x.warn("trunk " + f.Routed.Rungs[i].Trunk.Key + " was silent a moment ago and is skipped on the first pass")
		}
	}
	if len(x.a.Call.Told) == 0 {
		x.warn("nobody would be told: no alert rule of the organisation listens to such a call")
	}
	if x.past != nil && !x.a.Past {
		x.warn("no server runs: which trunks are silent is not known")
	}
	if f.Org != x.s.org.ID() {
		x.warn("the call would not be taken for one of " + x.s.org.Config().Name)
	}
}

// request makes the INVITE that is supposed, and says what was supposed.
func (x *inquest) request() (*sipedge.Request, bool) {
	r := &sipedge.Request{Method: "INVITE", URI: "sip:911@callbox.invalid", Transport: "udp", At: x.at}
	if x.q.Test {
		r.URI = "sip:933@callbox.invalid"
	}
	trunk, source, ok := x.origin()
	if !ok {
		return nil, false
	}
	r.Source = netip.AddrPortFrom(source, 5060)
	add := func(name, value string) { r.Headers = append(r.Headers, sipedge.Header{Name: name, Value: value}) }
	from := "<sip:anonymous@anonymous.invalid>"
	var sends []string
	if x.s.line != "" {
		from = "<sip:" + string(x.s.line) + "@callbox.invalid>"
		sends = append(sends, "the number "+string(x.s.line))
	}
	add("From", from)
	if x.s.line != "" {
		add("P-Asserted-Identity", from)
	}
	if u := x.s.user; u != nil && u.DeviceUserID != "" && trunk.Side == e911.SidePlatform {
		name := cmp.Or(trunk.IdentityHeader, identify.HeaderDeviceUserID)
		add(name, u.DeviceUserID)
		sends = append(sends, name+": "+u.DeviceUserID)
	}
	if uri := x.reference(); uri != "" {
		add("Geolocation", "<"+uri+">")
		sends = append(sends, "the location reference that the device was given")
	}
	if len(sends) == 0 {
		sends = append(sends, "nothing that says who calls")
	}
	how := "directly from " + source.String()
	if trunk.ID != "" {
		how = "by trunk " + trunk.Key
	}
	x.a.Assumed = append(x.a.Assumed, "the call comes "+how+" and carries "+strings.Join(sends, ", "))
	return r, true
}

// origin is where the call comes from: the address in question, or a platform
// trunk, or, without one, where the device was last heard from.
func (x *inquest) origin() (e911.Trunk, netip.Addr, bool) {
	if x.s.ip.IsValid() && x.q.Trunk == "" {
		t, _ := x.world.TrunkBySource(x.s.ip)
		return t, x.s.ip, true
	}
	var trunks []e911.Trunk
	for t := range x.s.org.Trunks() {
		if t.Side == e911.SidePlatform && (x.q.Trunk == "" || t.Key == x.q.Trunk) {
			trunks = append(trunks, t)
		}
	}
	slices.SortFunc(trunks, func(a, b e911.Trunk) int { return strings.Compare(a.Key, b.Key) })
	for _, t := range trunks {
		for _, p := range t.From {
			if found, ok := x.world.TrunkBySource(p.Addr()); ok && found.ID == t.ID {
				if len(trunks) > 1 {
					x.a.Assumed = append(x.a.Assumed, fmt.Sprintf("trunk %s, the first of %d platform trunks; name another with --trunk", t.Key, len(trunks)))
				}
				return t, p.Addr(), true
			}
		}
	}
	if x.q.Trunk != "" {
		x.warn("there is no platform trunk " + x.q.Trunk + " with an address of its own: no call is foretold")
		return e911.Trunk{}, netip.Addr{}, false
	}
	for _, d := range x.a.Devices {
		if a, err := netip.ParseAddr(d.From); err == nil {
			t, _ := x.world.TrunkBySource(a)
			return t, a, true
		}
	}
	x.warn("the organisation has no platform trunk, and the device was never heard from: no call could come in")
	return e911.Trunk{}, netip.Addr{}, false
}

// reference is a location reference as the device was given one, where it was
// asked for by name and is located; else none.
func (x *inquest) reference() string {
	if !x.s.named {
		return ""
	}
	name := x.s.devices[0]
	var found locate.Evidence
	var generation uint64
	if x.past != nil && x.a.Past {
		f, ok := x.past.seen[name]
		if !ok || f.By == e911.ByNothing {
			return ""
		}
		found, generation = locate.Evidence{By: f.By, At: f.EvidenceAt, Place: f.Place}, f.Generation
	} else {
		var ok bool
		if found, ok = x.devices.Latest(x.s.org.ID(), e911.DeviceID(name)); !ok {
			return ""
		}
		if seen, ok := x.devices.Device(x.s.org.ID(), name); ok {
			generation = seen.Generation
		}
	}
	uri, _, err := x.devices.Mint(x.s.org.ID(), name, found, generation)
	if err != nil {
		return "" // the place has no reference: none can be given
	}
	return uri
}
