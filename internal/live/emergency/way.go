package emergency

import (
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/convey"
	"github.com/callbox911/callbox/internal/rules/ladder"
	"github.com/callbox911/callbox/internal/rules/locate"
	"github.com/callbox911/callbox/internal/snapshot"
)

// AlarmTNMoved says that a device of a site in TN mode calls from another building than the
// address of its number (F-20).
const AlarmTNMoved AlarmCode = "tn_device_moved"

// FlagSitePath says that the site's own trunk comes first, because a gate keeps the call
// from the E911 path (F-24, W-01).
const FlagSitePath = "by_site_trunk"

// movement is what locate found out about a device beside its place.
type movement struct {
	off     bool // it was seen away from its site
	nomadic bool // of a class that moves
}

// caller is what decides the order of the ladder.
func (c *inquiry) caller() ladder.Caller {
	d := &c.dec
	who := ladder.Caller{
		State: c.org.Config().State, Test: c.class == e911.ClassTest933, Language: c.language(),
		Nomadic: d.moves.nomadic || d.where.By != e911.ByNothing && d.where.Place.Site == "",
		Sites:   func(yield func(ladder.Site) bool) { sitesWithTrunks(c.org, yield) },
	}
	if s := d.who.Site; s != nil {
		who.Home = ladderSite(c.org, *s)
	}
	if s, ok := c.org.Site(d.where.Place.Site); ok && d.where.By != e911.ByNothing {
		who.Here = ladderSite(c.org, s)
	}
	assumed := d.where.Rank >= locate.RankNumber // by a number or a site, not by what was seen
	who.Away = assumed && d.moves.off || slices.Contains(d.where.Flags, locate.FlagFar)
	who.Moved = !assumed && c.leftItsBuilding()
	return who
}

// leftItsBuilding reports a device in another building than its number's address,
// without one in another site than its own.
func (c *inquiry) leftItsBuilding() bool {
	d := &c.dec
	if d.where.By == e911.ByNothing || d.who.Site == nil {
		return false
	}
	if esa, ok := c.addressOf(d.who.Line); ok && esa.Building != "" {
		return esa.Building != d.where.Place.Building
	}
	return d.where.Place.Site != d.who.Site.ID
}

// addressOf is the emergency service address of one of our numbers: what a PSAP
// sees for it.
func (c *inquiry) addressOf(n e911.Number) (e911.Place, bool) {
	rec, ok := c.org.Number(n)
	if !ok || n == "" || rec.Location == "" {
		return e911.Place{}, false
	}
	return c.org.Place(rec.Location)
}

func ladderSite(o *snapshot.Org, s e911.Site) *ladder.Site {
	out := &ladder.Site{ID: s.ID, Name: s.Name, Local: s.Local, ECBN: s.ECBN, Mode: s.Mode, Stage: s.Stage}
	for _, p := range o.BuildingPlaces(s.ID) {
		if p.Civic.Country != "" {
			out.Country = p.Civic.Country
			break
		}
	}
	return out
}

func sitesWithTrunks(o *snapshot.Org, yield func(ladder.Site) bool) {
	var all []e911.Site
	for s := range o.Sites() {
		if len(s.Local) > 0 {
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(a, b e911.Site) int { return strings.Compare(a.Key, b.Key) })
	for _, s := range all {
		if !yield(*ladderSite(o, s)) {
			return
		}
	}
}

// primary is the first part of the first language tag, in lower case.
func primary(tags string) string {
	tag := strings.TrimLeft(tags, " \t")
	if i := strings.IndexAny(tag, " ,;-*"); i >= 0 {
		tag = tag[:i]
	}
	return clip(strings.ToLower(tag), 8)
}

// ways says of the rungs what the call is told by.
func (c *inquiry) ways(gate ladder.Gate, gated bool, moved bool) {
	d := &c.dec
	first := c.firstRung()
	if first == nil {
		return
	}
	for _, f := range first.Flags {
		if !slices.Contains(d.routeFlags, f) {
			d.routeFlags = append(d.routeFlags, f)
		}
	}
	if gated && first.Kind == ladder.KindLocal {
		d.routeFlags = append(d.routeFlags, FlagSitePath)
	}
	if first.Kind == ladder.KindRelay {
		d.relay, d.line = true, d.relayLine
	}
	if moved && gate == ladder.GateTN && c.class == e911.ClassEmergency {
		c.alarm(AlarmTNMoved, "a device of a site in TN mode calls from another building than the address of its number; the call goes where the device is")
	}
}

// firstRung is the rung that is tried first; nil: there is none.
func (c *inquiry) firstRung() *ladder.Rung {
	for i := range c.dec.rungs {
		if !c.dec.rungs[i].Down {
			return &c.dec.rungs[i]
		}
	}
	if len(c.dec.rungs) > 0 {
		return &c.dec.rungs[0]
	}
	return nil
}

// trunkFor is a rung's trunk as its leg is written, and the number that goes out
// where it is not the callback.
func (c *inquiry) trunkFor(r ladder.Rung) (t e911.Trunk, instead e911.Number) {
	t = r.Trunk
	if r.Kind != ladder.KindLocal {
		return t, ""
	}
	numbers := t.Profile == e911.ProfileELIN || t.Profile == e911.ProfilePlain
	elin := c.dec.elin != "" && (r.Carry == ladder.CarryELIN && numbers || r.ELIN && t.Profile == e911.ProfileELIN)
	switch {
	case elin:
		t.Profile = e911.ProfileELIN
	case r.Bare || numbers:
		t.Profile = e911.ProfilePlain
	}
	if r.Carry == ladder.CarryLine {
		return t, c.dec.who.Line
	}
	return t, r.Number
}

// sentPlace is what the PSAP sees of the caller's place when the first rung
// answers: the place itself, or the address of the number that goes out (F-36).
func (c *inquiry) sentPlace() e911.Place {
	d := &c.dec
	r := c.firstRung()
	if r == nil {
		return d.where.Place
	}
	t, number := c.trunkFor(*r)
	if convey.Carries(t.Profile) {
		return d.where.Place
	}
	if number == "" {
		number = d.who.Callback
	}
	if t.Profile == e911.ProfileELIN && d.elin != "" {
		number = d.elin
	}
	rec, _ := c.org.Number(number)
	if p, ok := c.addressOf(number); ok && (r.Site == "" || r.Site == rec.Site) {
		return p
	}
	// A number that we know no address of: the carrier of the site's trunk has one.
	if r.Site != "" && (r.Site != d.where.Place.Site || r.Carry == ladder.CarryLine) {
		if s, ok := c.org.Site(r.Site); ok {
			return e911.Place{Site: s.ID, Display: "the address that the carrier has for " + s.Name}
		}
	}
	return d.where.Place
}

// dialledAs puts what a site's own trunk is dialled with into an address.
func dialledAs(uri, number string) string {
	scheme, rest, ok := strings.Cut(uri, ":")
	if !ok || number == "" {
		return uri
	}
	if i := strings.IndexByte(rest, '@'); i >= 0 {
		rest = rest[i+1:]
	}
	return scheme + ":" + number + "@" + rest
}
