package locate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
	"github.com/callbox911/callbox/internal/rules/geo"
)

// clockSlack is how far ahead a clock may be before it is worth a flag.
const clockSlack = time.Minute

// standing is a candidate while the decision is made.
type standing struct {
	Candidate
	class Class
	// out says why the candidate is not to be chosen; empty while it is.
	out string
	// useless: it is also not worth sending along.
	useless      bool
	coarse       bool
	floor        bool // a handset's, which this evidence does not tell
	order        int  // among network evidence
	clock        bool
	contradicted bool
}

// Decide chooses where the caller is. Without usable evidence By is ByNothing:
// the relay centre's call. Of candidates that are equal in all, the one given
// first counts.
func Decide(candidates []Candidate, s Situation, now time.Time) Result {
	all := make([]*standing, len(candidates))
	for i, c := range candidates {
		all[i] = assess(c, s, now)
	}
	contradict(all)
	supersede(all)
	slices.SortStableFunc(all, compare)
	if len(all) > 0 && all[0].out == "" {
		refine(all)
	}
	return result(all, s, now)
}

// assess looks at a candidate alone: can it be used at all, and how fresh is it?
func assess(c Candidate, s Situation, now time.Time) *standing {
	st := &standing{Candidate: c, class: FallBack, order: order(c.By)}
	if st.Method == "" {
		st.Method = MethodOf(c.By)
	}
	if c.At.After(now) {
		st.clock = c.At.Sub(now) > clockSlack
		st.At = now
	}
	switch {
	case c.Rank == RankInvite:
		// Its age was judged when it came, by the trunk's limit.
		if c.Doubt == "" {
			st.class = Fresh
		}
	case c.Rank >= RankToken && c.Rank <= RankUserSet:
		st.age(s, now)
	case c.Rank == RankNumber || c.Rank == RankSite:
		st.gate(s)
	default:
		st.out, st.useless = "a source of no rank", true
	}
	if s.Handset {
		st.handset()
	}
	switch {
	case c.Over != "":
		st.out, st.useless = c.Over, true
	case c.Verdict == Invalid:
		st.out, st.useless = "the address was found invalid", true
	case !Routable(st.Place):
		st.out, st.useless = "no PSAP follows from it: it has neither a position nor town and state", true
	}
	if st.out != "" && st.class != FallBack {
		st.class = None
	}
	return st
}

// age finds the class of ranks 2 to 6. What people said expires; what the
// network said ages, and radio and address evidence then tells no more than the
// building (F-01, F-18).
func (st *standing) age(s Situation, now time.Time) {
	limit := MaxAge(st.By)
	switch {
	case st.By == e911.ByConfirmed && s.ConfirmedAge > 0:
		limit = s.ConfirmedAge
	case st.By == e911.ByUserSet && s.UserSetAge > 0:
		limit = s.UserSetAge
	}
	network := wired(st.By) || fades(st.By)
	why := "it is older than " + span(limit)
	switch {
	case st.At.IsZero():
		why = "nobody says how old it is"
	case now.Sub(st.At) <= limit && (st.Weak == "" || !network):
		// A reference whose answer is doubted ranks as a value that is (F-14).
		if st.Doubt == "" {
			st.class = Fresh
		}
		return
	}
	switch {
	case wired(st.By):
		st.class = Aged
	case fades(st.By):
		st.class = Aged
		st.coarsen()
	case st.By == e911.ByPIDFLO:
		// A foreign reference's answer, judged as one by value (F-14).
		if st.Doubt == "" {
			st.Doubt = why
		}
	default:
		st.class, st.out = None, why
	}
}

// handset leaves the building of what tells where a handset's charger or base
// is, and puts what the handset itself hears before it (F-33).
func (st *standing) handset() {
	if base(st.By) {
		st.order -= handsetFirst
		return
	}
	st.floor = true
	st.coarsen()
}

// handsetFirst is more than there are kinds of network evidence.
const handsetFirst = 100

// coarsen leaves the building of a place.
func (st *standing) coarsen() {
	if civic.Outdoors(st.Place.Civic) != st.Place.Civic {
		st.coarse = true
		st.Place = buildingOf(st.Place)
	}
}

// gate keeps numbers and site defaults from nomadic callers (F-04).
func (st *standing) gate(s Situation) {
	switch {
	case s.HELD && !s.DIDFallback && !s.SourceInSite:
		st.out = "the device locates itself: an address that belongs to a number or a site does not stand for it (F-04)"
	case st.Rank == RankSite && s.SeenOffSite:
		st.out = "the device was last seen away from the site (F-04)"
	}
	if st.out != "" {
		st.useless = true // it would send help to a place where nobody is
	}
}

// Routable reports that a PSAP follows from a place: it has a position, or an
// address down to the town (F-05).
func Routable(p e911.Place) bool {
	if p.Area != nil && geo.Valid(p.Area.Point) {
		return true
	}
	c := p.Civic
	return c.A1 != "" && (c.A2 != "" || c.A3 != "" || c.A4 != "" || c.PCN != "" || c.PC != "")
}

// believed reports evidence about the device itself that may contradict other
// evidence.
func (st *standing) believed() bool {
	return st.out == "" && st.Rank <= RankUserSet && (st.class == Fresh || st.class == Aged)
}

// contradict takes out what fresher evidence of the device excludes. What is
// itself contradicted still contradicts what is older: the device moved twice.
func contradict(all []*standing) {
	by := make([]*standing, len(all))
	for i, c := range all {
		if c.Rank > RankUserSet || c.out != "" || c.At.IsZero() {
			continue
		}
		for _, d := range all {
			if d.believed() && d.news().After(c.At) && relate(c.Evidence, d.Evidence) == disjoint &&
				(by[i] == nil || d.At.After(by[i].At)) {
				by[i] = d
			}
		}
	}
	for i, d := range by {
		if d == nil {
			continue
		}
		c := all[i]
		c.contradicted = true
		c.out = fmt.Sprintf("contradicted: %s of %s puts the device elsewhere", words(d.By), clockTime(d.At))
		c.useless = c.Rank != RankInvite // the caller's own word always travels on (F-14)
	}
}

// supersede lets a location that the user set by hand win over network evidence,
// unless that is port or BSSID evidence taken again since (F-18).
func supersede(all []*standing) {
	var set *standing
	for _, c := range all {
		if c.Rank == RankUserSet && c.out == "" && (set == nil || c.At.After(set.At)) {
			set = c
		}
	}
	if set == nil {
		return
	}
	for _, c := range all {
		if c.out != "" || c.Rank < RankToken || c.Rank > RankRegistration {
			continue
		}
		if spot(c.By) && c.At.After(set.At) {
			continue
		}
		c.out = "the user set a location by hand at " + clockTime(set.At)
	}
}

// spot reports the kinds that win over a location set by hand when they are
// taken again: port and BSSID, and their likes for telephones without a network
// of their own.
func spot(by e911.LocatedBy) bool {
	switch by {
	case e911.ByLLDPPort, e911.ByBSSID, e911.ByATAPort, e911.ByDECTBase, e911.ByAP:
		return true
	}
	return false
}

// compare orders by use, class, rank, order of network evidence, and newest.
func compare(a, b *standing) int {
	return cmp.Or(
		cmp.Compare(truth(a.out != ""), truth(b.out != "")),
		cmp.Compare(a.class.order(), b.class.order()),
		cmp.Compare(a.place(), b.place()),
		cmp.Compare(a.within(), b.within()),
		b.At.Compare(a.At),
	)
}

// place is the rank in half steps: 2 and 3 are one, and a doubted PIDF-LO
// stands between 6 and 7.
func (st *standing) place() int {
	switch {
	case st.Doubt != "":
		return 13
	case st.Rank == RankNetwork:
		return 2 * int(RankToken)
	}
	return 2 * int(st.Rank)
}

func (st *standing) within() int {
	if st.Doubt == "" && st.Rank >= RankToken && st.Rank <= RankRegistration {
		return st.order
	}
	return 0
}

// refine puts a dispatchable candidate of the winner's class first where the two
// agree: the finer description of one place (F-05).
func refine(all []*standing) {
	w := all[0]
	if w.Place.Dispatchable {
		return
	}
	for i, c := range all[1:] {
		if c.out != "" || c.class != w.class || !c.Place.Dispatchable {
			continue
		}
		if relate(w.Evidence, c.Evidence) == agree {
			copy(all[1:], all[:i+1])
			all[0] = c
			return
		}
	}
}

func result(all []*standing, s Situation, now time.Time) Result {
	r := Result{By: e911.ByNothing, Class: None, Rank: RankNothing, Method: MethodOf(e911.ByNothing)}
	var chosen *standing
	if len(all) > 0 && all[0].out == "" {
		chosen = all[0]
		r.By, r.Via, r.Method, r.Rank = chosen.By, chosen.Via, chosen.Method, chosen.Rank
		r.Class, r.Place, r.At, r.Who = chosen.class, chosen.Place, chosen.At, chosen.Who
	}
	for _, st := range all {
		f := e911.Finding{Rule: string(st.By), Said: st.Said, Place: st.Place.Display, Class: string(st.class)}
		if !st.At.IsZero() {
			at := st.At
			f.At = &at
		}
		if st == chosen {
			f.Chosen, f.Why = true, st.whyChosen(all, now)
		} else {
			f.Why = st.whyLost(chosen)
			r.Lost = append(r.Lost, Lost{Candidate: st.Candidate, Class: st.class, Usable: !st.useless, Why: f.Why})
		}
		r.Findings = append(r.Findings, f)
	}
	r.Flags = flags(all, chosen, s)
	r.Confidence, r.Because = confidence(all, chosen, r.Flags)
	return r
}

func flags(all []*standing, chosen *standing, s Situation) []string {
	var out []string
	add := func(when bool, flag string) {
		if when {
			out = append(out, flag)
		}
	}
	if chosen == nil {
		out = append(out, FlagUnlocated)
	} else {
		add(chosen.class == Aged, FlagAged)
		add(chosen.coarse, FlagCoarse)
		add(chosen.Verdict == Unverified, FlagUnverified)
		add(!chosen.Place.Dispatchable, FlagNotDispatch)
		add(chosen.clock, FlagClock)
		add(chosen.floor, FlagFloor)
		add(chosen.Weak != "" && chosen.class == Aged, FlagWeak)
		add(chosen.far(all), FlagFar)
		add(abroad(chosen.Place, s.Countries), FlagAbroad)
	}
	add(chosen != nil && slices.ContainsFunc(all, func(st *standing) bool { return st.contradicted && st.wouldBeat(chosen) }), FlagContradicted)
	return out
}

// far reports that the chosen one is the device's word alone, and that what was
// seen from our side of the network, and is still fresh, is somewhere else.
func (st *standing) far(all []*standing) bool {
	if st.Who != ByDevice {
		return false
	}
	return slices.ContainsFunc(all, func(c *standing) bool {
		return (c.Who == ByServer || c.Who == ByNetwork) && c.class == Fresh && relate(st.Evidence, c.Evidence) == disjoint
	})
}

// abroad reports a place that says its country, which is none of those served.
func abroad(p e911.Place, served []string) bool {
	c := strings.TrimSpace(p.Civic.Country)
	return c != "" && len(served) > 0 && !slices.ContainsFunc(served, func(s string) bool { return strings.EqualFold(s, c) })
}

// wouldBeat reports that st fell only because it was contradicted.
func (st *standing) wouldBeat(chosen *standing) bool {
	believed := *st
	believed.out = ""
	return compare(&believed, chosen) < 0
}

func (st *standing) whyChosen(all []*standing, now time.Time) string {
	var b strings.Builder
	b.WriteString(words(st.By))
	switch {
	case st.class == FallBack && st.Doubt != "":
		b.WriteString(", although " + st.Doubt)
	case st.class == Aged && st.At.IsZero():
		b.WriteString(", of unknown age and not contradicted")
	case st.class == Aged:
		b.WriteString(", " + span(now.Sub(st.At)) + " old and not contradicted")
	case !st.At.IsZero():
		b.WriteString(", " + span(now.Sub(st.At)) + " old")
	}
	if st.Weak != "" && st.class == Aged {
		b.WriteString("; " + st.Weak)
	}
	switch {
	case st.floor:
		b.WriteString("; it tells where the charger or the base is, so of the handset no more than the building (F-33)")
	case st.coarse:
		b.WriteString("; so old it tells no more than the building")
	}
	if len(all) > 1 && all[1].out == "" && st.beats(all[1]) == "agrees" {
		b.WriteString("; it agrees with the " + words(all[1].By) + " and finds the caller more closely")
	}
	return b.String()
}

// beats names what decided between st and the next one.
func (st *standing) beats(next *standing) string {
	switch {
	case st.class.order() < next.class.order():
		return "fresher class"
	case st.place() > next.place() || (st.place() == next.place() && st.within() > next.within()):
		return "agrees"
	case st.place() < next.place():
		return "rank"
	case st.within() < next.within():
		return "kind"
	case st.At.After(next.At):
		return "newer"
	}
	return "first"
}

func (st *standing) whyLost(chosen *standing) string {
	if st.out != "" || chosen == nil {
		return st.out
	}
	better := words(chosen.By)
	why := ""
	switch chosen.beats(st) {
	case "fresher class":
		why = fmt.Sprintf("%s is %s, this is %s", better, say(chosen.class), say(st.class))
	case "rank":
		why = better + " ranks before it"
	case "kind":
		why = better + " is the more exact kind of evidence"
	case "newer":
		why = "an older " + better
	case "agrees":
		why = better + " agrees and finds the caller more closely"
	default:
		why = "says no more than the one chosen"
	}
	if st.Doubt != "" {
		why += "; and " + st.Doubt
	}
	return why
}

func say(c Class) string {
	switch c {
	case FallBack:
		return "a fall-back"
	case None:
		return "nothing"
	}
	return string(c)
}

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}

// span writes a duration as people say it.
func span(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int(max(d, 0).Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

func clockTime(t time.Time) string { return t.UTC().Format("15:04:05Z") }
