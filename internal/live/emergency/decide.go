package emergency

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/dereference"
	"github.com/callbox911/callbox/internal/live/lis"
	"github.com/callbox911/callbox/internal/rules/civic"
	"github.com/callbox911/callbox/internal/rules/ecrf"
	"github.com/callbox911/callbox/internal/rules/identify"
	"github.com/callbox911/callbox/internal/rules/ladder"
	"github.com/callbox911/callbox/internal/rules/locate"
	"github.com/callbox911/callbox/internal/rules/route"
	"github.com/callbox911/callbox/wire/pidflo"
	"github.com/callbox911/callbox/wire/sipgeo"
)

// askWait bounds each question to another part of the system (E3).
const askWait = 100 * time.Millisecond

// maxValues bounds how many location values of one INVITE are looked at; all of
// them travel on.
const maxValues = 8

// decision is all that was decided about a call before its first leg.
type decision struct {
	flags []string // of the call itself

	messageFindings []e911.Finding // of the INVITE itself: what was repaired
	unread          bool           // a location that came in cannot be read; said

	sdp       []byte // the caller's offer; nil: none
	locations []part // PIDF-LO bodies, in the order in which they count
	others    []part // further body parts, passed on
	values    []sipgeo.Location

	who   identify.Result
	where locate.Result

	whereFindings []e911.Finding
	asked         time.Time // when the caller was asked for his place, and did not answer; zero: not so

	psap          *e911.PSAP // of the place; nil: none follows
	relay         bool       // the call goes to the relay centre
	relayName     journal.Ref
	line          e911.Number // ten-digit line of whom the call is for
	demonstration bool        // a demonstration layer chose
	basis         route.Basis // what chose the PSAP
	expected      bool        // a carrier chooses it, and this one is expected
	rungs         []ladder.Rung
	moves         movement
	relayLine     e911.Number // of the relay centre
	routeFlags    []string
	routeFindings []e911.Finding

	elin    e911.Number // the confirmed one of the place, where a rung needs it
	elinWhy string      // why there is none
}

func (d *decision) flag(when bool, name string) {
	if when && !slices.Contains(d.flags, name) {
		d.flags = append(d.flags, name)
	}
}

func (d *decision) whoFlags() []string { return slices.Concat(d.flags, d.who.Flags) }

// allFlags are those that people are told.
func (d *decision) allFlags() []string {
	all := slices.Concat(d.flags, d.who.Flags, d.whereFlags(), d.routeFlags)
	slices.Sort(all)
	return slices.Compact(all)
}

// psapRef is whom the call is for.
func (d *decision) psapRef() journal.Ref {
	if d.psap != nil && !d.relay {
		return journal.Ref{ID: string(d.psap.ID), Key: d.psap.Key, Name: d.psap.Name}
	}
	return d.relayName
}

// decide asks the rules, one after the other, each guarded: what one of them
// cannot say is decided by what the others say.
func (c *inquiry) decide() {
	d := &c.dec
	d.who = identify.Result{By: e911.ByTrunkOnly}
	d.where = locate.Result{By: e911.ByNothing, Class: locate.None, Rank: locate.RankNothing}
	if !c.guard("body", c.readBody) {
		// Its own SDP is what a call cannot do without.
		if strings.HasPrefix(strings.ToLower(c.req.ContentType), typeSDP) {
			d.sdp = c.req.Body
		}
	}
	c.guard("passport", c.passports)
	var token tokenSays
	server := &locator{c: c, to: c.locator}
	c.guard("references", func() { token = c.references(server) })
	c.guard("identify", func() {
		d.who = identify.Who(c.snap, c.asked(), identify.Call{
			Trunk: c.trunk, Headers: c.req.Headers, TokenDevice: token.device, Registered: c.phone.Device, AskedHELD: server.askedHELD,
		})
	})
	c.guard("locate", func() { c.locate(server, token) })
	c.guard("first use", c.firstUse)
	c.chooseCallback()
	if !c.guard("route", c.route) {
		c.guard("relay", c.routeToRelay)
	}
	d.elinWhy = "its place is not known"
	c.guard("elin", c.elin)
	if len(d.rungs) == 0 && c.class == e911.ClassEmergency {
		d.routeFlags = append(d.routeFlags, FlagNoRoute)
		c.alarm(AlarmNoRoute, "an emergency call has no route at all: neither a PSAP's nor the relay centre's")
	}
}

// tokenSays is what the location references of the INVITE told.
type tokenSays struct {
	found     []locate.Candidate
	device    e911.DeviceID // configured device, none when there is none
	asked     bool          // a device that asked HELD sent them
	elsewhere bool          // it was seen off the map since
}

// references asks the location server about the location URIs of the INVITE.
// Ours are known in memory. Those of other servers travel on, and are asked about
// on the side (F-17).
func (c *inquiry) references(server *locator) (t tokenSays) {
	asked := 0
	for _, v := range c.dec.values {
		if v.Scheme() == "cid" || server.to == nil || asked == maxValues {
			continue
		}
		asked++
		r, err := server.resolve(v.URI)
		if errors.Is(err, lis.ErrUnknown) && c.foreign != nil && dereference.Foreign(v.URI) {
			c.finding(c.foreignRefOf(v.URI))
			continue
		}
		if err != nil {
			// An expired token still names its device, and its evidence has an
			// age of its own (F-01).
			c.finding(e911.Finding{Rule: "location_reference", Said: v.Scheme() + " reference", Why: err.Error()})
		}
		if r.Device == "" {
			continue
		}
		t.asked, t.elsewhere = true, t.elsewhere || r.Elsewhere
		c.watch(r.Device)
		if r.Known && t.device == "" {
			t.device = e911.DeviceID(r.Device)
		}
		if r.Located {
			t.found = append(t.found, locate.Candidate{Evidence: r.Evidence, Rank: rankOfReference(r.Evidence.By), Via: "token"})
		}
	}
	return t
}

// locator is the location server as a call asks it: each question waits 100 ms
// at most, and one that does not come back is the last.
type locator struct {
	c    *inquiry
	to   Locator // nil: nobody to ask
	dead bool
}

var errLocator = errors.New("the location server did not answer")

// askMost is how long a question may wait for a free processor, in all.
const askMost = 2 * time.Second

// askLocator puts one question. The goroutine ends by itself: each question is
// one look into memory. Its time counts from when it began: on a machine without
// a free processor it may stand in a queue for long, and a caller whose location
// is known must not lose it for that.
func askLocator[T any](l *locator, question func(Locator) T) (got T, ok bool) {
	if l.to == nil || l.dead {
		return got, false
	}
	type answer struct {
		v  T
		ok bool
	}
	answers, begun := make(chan answer, 1), make(chan struct{})
	go func() {
		var a answer
		defer func() {
			if recover() != nil {
				a.ok = false
			}
			answers <- a
		}()
		close(begun)
		a.v = question(l.to)
		a.ok = true
	}()
	a, came := within(answers, begun)
	switch {
	case !came:
		l.dead = true
		l.c.alarm(AlarmLocator, alarmText[AlarmLocator])
	case !a.ok:
		l.dead = true
		l.c.alarm(AlarmPanic, "a fault in the location server was recovered; the call goes on without it")
	}
	return a.v, a.ok
}

// within waits for an answer, askWait from when its question has begun, as time is
// counted on a machine that has time: a slice of it counts only if we ourselves
// woke up when it was over. One that is starved gets askMost in all.
func within[T any](answers <-chan T, begun <-chan struct{}) (a T, came bool) {
	const slice, late = askWait / 10, askWait / 20
	began := time.Now()
	timer := time.NewTimer(askMost)
	defer timer.Stop()
	select {
	case a = <-answers:
		return a, true
	case <-begun:
	case <-timer.C:
	}
	for had := time.Duration(0); had < askWait && time.Since(began) < askMost; {
		from := time.Now()
		timer.Reset(slice)
		select {
		case a = <-answers:
			return a, true
		case <-timer.C:
		}
		if time.Since(from) < slice+late {
			had += slice
		}
	}
	// Both may have come while we had no processor ourselves: the answer counts.
	select {
	case a = <-answers:
		return a, true
	default:
		return a, false
	}
}

func (l *locator) resolve(ref string) (lis.Resolved, error) {
	type resolved struct {
		r   lis.Resolved
		err error
	}
	got, ok := askLocator(l, func(to Locator) resolved {
		r, err := to.Resolve(ref, l.c.org.ID(), l.c.now())
		return resolved{r, err}
	})
	if !ok {
		return lis.Resolved{}, errLocator
	}
	return got.r, got.err
}

func (l *locator) askedHELD(id e911.DeviceID) bool {
	asked, _ := askLocator(l, func(to Locator) bool { return to.AskedHELD(l.c.org.ID(), id) })
	return asked
}

// known is what a device and its network told, and whether it is off the map.
func (l *locator) known(id e911.DeviceID) (r locate.Recollection, elsewhere bool) {
	type where struct {
		r         locate.Recollection
		elsewhere bool
	}
	w, _ := askLocator(l, func(to Locator) (w where) {
		w.r = to.Known(l.c.org.ID(), id)
		w.elsewhere = to.Elsewhere(l.c.org.ID(), id)
		return w
	})
	return w.r, w.elsewhere || !w.r.Elsewhere.IsZero()
}

// watch notes a device whose evidence located the call, or might.
func (c *inquiry) watch(device string) {
	if !slices.Contains(c.devices, device) {
		c.devices = append(c.devices, device)
	}
}

func (c *inquiry) finding(f e911.Finding) { c.dec.whereFindings = append(c.dec.whereFindings, f) }

// locate collects what is known and lets the rules decide.
func (c *inquiry) locate(server *locator, token tokenSays) {
	d := &c.dec
	candidates := token.found
	c.guard("location by value", func() { candidates = append(candidates, c.byValue()...) })
	c.guard("location by reference", func() { candidates = append(candidates, c.byReference()...) })
	off := token.elsewhere
	for _, dev := range d.who.Devices {
		c.watch(string(dev.ID))
		if dev.ID == token.device {
			continue // the token was brought up to date already
		}
		r, elsewhere := server.known(dev.ID)
		off = off || elsewhere
		candidates = append(candidates, r.Candidates...)
	}
	var clients []e911.DeviceID
	if !token.asked {
		clients = c.signedIn()
	}
	for _, id := range clients {
		c.watch(string(id))
		r, elsewhere := server.known(id)
		off = off || elsewhere
		candidates = append(candidates, r.Candidates...)
	}
	access := c.byAccess(&candidates)
	direct := !c.known // the source is the device itself, no trunk in front of it
	inSite := false
	if direct {
		src := c.req.Source.Addr().Unmap()
		evidence, findings := locate.Measured(c.org, locate.Measurement{At: c.at, Source: src, MAC: c.phoneMAC()})
		for _, e := range evidence {
			candidates = append(candidates, locate.Candidate{Evidence: e, Rank: locate.RankRegistration, Via: "source"})
			inSite = inSite || d.who.Site != nil && e.Place.Site == d.who.Site.ID
		}
		d.whereFindings = append(d.whereFindings, findings...)
	}
	for _, k := range candidates {
		off = off || d.who.Site != nil && k.Rank <= locate.RankNetwork && k.Over == "" && k.Place.Site != d.who.Site.ID
	}
	var user e911.UserID
	if d.who.User != nil {
		user = d.who.User.ID
	}
	candidates = append(candidates, locate.FromPerson(c.org, user, d.who.Line, c.registered(user))...)
	if d.who.Site != nil {
		if k, ok := locate.FromSite(c.org, d.who.Site.ID); ok {
			candidates = append(candidates, k)
		}
	}
	d.moves = movement{off: off, nomadic: c.ofMovingClass(token.asked || len(clients) > 0 || access.Handset)}
	d.where = locate.Decide(candidates, locate.Situation{
		HELD: d.who.HELD == identify.HELDYes || token.asked || len(clients) > 0, DIDFallback: c.org.Config().DIDFallback,
		SourceInSite: inSite, SeenOffSite: off, Handset: access.Handset,
	}, cmp.Or(c.asOf, c.at))
	if c.before != nil {
		d.where = placedBefore(*c.before, d.where)
	}
	d.whereFindings = append(d.where.Findings, d.whereFindings...)
}

// phoneMAC is the hardware address of the telephone that calls: it finds the
// place of one that is on the map because it never moves.
func (c *inquiry) phoneMAC() e911.MAC {
	if c.dec.who.Device == nil || c.dec.who.Device.ID != c.phone.Device {
		return ""
	}
	if m := c.dec.who.Device.MAC; m != "" {
		if c.phone.MAC != "" && c.phone.MAC != m {
			c.finding(e911.Finding{Rule: identify.RuleRegistered, Said: string(c.phone.MAC), Why: "the telephone says another hardware address than its device has"})
		}
		return m
	}
	return ""
}

// byAccess adds what the INVITE tells of the radio that its telephone is on: the
// word of the platform when it came by a trunk, else of the telephone (F-33).
func (c *inquiry) byAccess(candidates *[]locate.Candidate) (access identify.Access) {
	c.guard("access network", func() {
		access = identify.AccessOf(c.trunk, c.req.Headers)
		if access.BSSID == "" && access.DECTBase == "" {
			return
		}
		m := locate.Measurement{At: c.at, Serving: access.BSSID, DECTBase: access.DECTBase}
		if c.known {
			m.Who = locate.ByNetwork
		}
		found, findings := locate.Measured(c.org, m)
		for _, e := range found {
			*candidates = append(*candidates, locate.Candidate{Evidence: e, Rank: locate.RankNetwork, Via: "invite"})
		}
		c.dec.whereFindings = append(c.dec.whereFindings, findings...)
	})
	return access
}

// byValue reads the PIDF-LO bodies of the INVITE (F-14).
func (c *inquiry) byValue() []locate.Candidate {
	var out []locate.Candidate
	for _, p := range c.dec.locations {
		doc, mended, err := parseLocation(p)
		if err != nil {
			c.unreadable("the location object could not be read: " + clip(err.Error(), 200))
			continue
		}
		if mended != "" {
			c.finding(e911.Finding{Rule: ruleRepaired, Why: "the location object is read although " + mended})
		}
		located := doc.Locations()
		if len(located) == 0 {
			c.unreadable("the location object holds no location" + partError(doc))
		}
		for _, l := range located {
			if len(out) == maxValues {
				return out
			}
			out = append(out, locate.FromInvite(locate.Invite{
				Place: placeOf(l.Geopriv), Method: l.Geopriv.Method,
				Timestamp: l.Element.Timestamp, RetentionExpiry: l.Geopriv.Retention,
				PerCall: c.known && c.trunk.Marked(e911.MarkLocatesCalls),
			}, c.at, 0))
		}
	}
	return out
}

// partError tells what was in a document that could not be used.
func partError(doc *pidflo.Document) string {
	for _, e := range doc.Elements {
		for _, g := range e.Geopriv {
			for _, k := range g.Info {
				switch {
				case k.Err != nil:
					return ": " + clip(k.Err.Error(), 200)
				case !k.Foreign.IsZero():
					return ": " + clip(k.Foreign.Local, 60) + " is no place that can be read"
				}
			}
		}
	}
	return ""
}

// placeOf makes a place of a location object that came in.
func placeOf(g *pidflo.Geopriv) e911.Place {
	p := e911.Place{Civic: civic.FromPIDF(g.Civic())}
	if circle, ok := g.Circle(); ok {
		lat, lon := circle.Center.Lat, circle.Center.Lon
		if math.Abs(lat) <= 90 && math.Abs(lon) <= 180 && circle.Radius >= 0 && !math.IsInf(circle.Radius, 0) {
			p.Area = &e911.Area{Point: e911.Point{Lat: lat, Lon: lon}, RadiusM: circle.Radius}
		}
	}
	p.Dispatchable = civic.Dispatchable(p.Civic)
	p.Display = civic.Display(p.Civic)
	if p.Display == "" && p.Area != nil {
		p.Display = fmt.Sprintf("%.5f, %.5f", p.Area.Lat, p.Area.Lon)
		if p.Area.RadiusM > 0 {
			p.Display += fmt.Sprintf(" within %.0f m", p.Area.RadiusM)
		}
	}
	return p
}

// route finds the PSAP of the place and the rungs in order.
func (c *inquiry) route() {
	d := &c.dec
	q := route.Question{Place: d.where.Place, Located: d.where.By != e911.ByNothing, Targets: c.targets, Now: c.now()}
	if q.Located {
		c.guard("authority", func() { q.Mapping = c.mapping() })
	}
	// What the caller's site says counts only as far as it can be read (E1).
	c.guard("caller", func() { q.Caller = c.caller() })
	r := route.Decide(c.snap, c.org, q)
	c.use(r, q.Located)
	c.guard("ways", func() { c.ways(r.Gate, r.Gated, q.Caller.Moved) })
	c.guard("consent", func() { c.consent(q.Caller) })
}

// mapping is what the authority said of the place; nil: nothing is known.
func (c *inquiry) mapping() *ecrf.Answer {
	if c.authority == nil {
		return nil
	}
	if a, ok := c.authority.Mapping(c.dec.where.Place, c.now()); ok {
		return &a
	}
	return nil
}

// use takes a decision over.
func (c *inquiry) use(r route.Decision, located bool) {
	d := &c.dec
	d.psap, d.rungs, d.basis, d.expected = r.PSAP, r.Rungs, r.Basis, r.Expected()
	d.demonstration = r.Basis.Source == route.SourceDemonstration
	d.routeFindings = append(d.routeFindings, r.Findings...)
	if r.Relay != nil {
		d.relayName, d.relayLine = journal.Ref{ID: string(r.Relay.ID), Key: r.Relay.Key, Name: r.Relay.Name}, r.Relay.Line
	} else {
		d.routeFlags = append(d.routeFlags, FlagNoRelay)
	}
	switch {
	case d.psap != nil:
		d.line = d.psap.Line
	case r.Relay != nil:
		d.relay, d.line = true, r.Relay.Line
	}
	if located && d.psap == nil {
		d.routeFlags = append(d.routeFlags, FlagOutside)
	}
	if r.Disagree != "" {
		d.routeFlags = append(d.routeFlags, FlagPSAPDisputed)
		c.alarm(AlarmPSAPDisputed, r.Disagree+"; the authority is followed")
	}
}

// routeToRelay is for a call whose route could not be decided.
func (c *inquiry) routeToRelay() {
	c.dec.psap, c.dec.routeFindings, c.dec.routeFlags = nil, nil, nil
	c.use(route.Decide(c.snap, c.org, route.Question{Now: c.at, Targets: c.anyTargets}), false)
}
