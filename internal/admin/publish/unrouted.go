package publish

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/ladder"
	"github.com/callbox911/callbox/internal/rules/route"
	"github.com/callbox911/callbox/internal/snapshot"
)

// AlarmUnrouted says that places that had a way to a PSAP have none with what was published
// (E15). Who writes such a change is refused, or gives a reason; this alarm comes in
// either case, and for what went past that check.
const AlarmUnrouted = "publish_unrouted"

// waysKinds are the kinds of object by which a place can lose its way.
var waysKinds = []e911.ObjectKind{
	e911.KindTrunk, e911.KindPSAP, e911.KindLayer, e911.KindOverride, e911.KindOrg, e911.KindSite, e911.KindBuilding,
}

// mostNamed bounds how many places an alarm names.
const mostNamed = 5

// reach is whom calls from a place get to: anybody, a PSAP, a PSAP with the location
// and not by a site's own line alone.
type reach struct{ any, psap, carries bool }

// watchWays compares whom calls from each building reach before and after. It
// refuses nothing: an operator may have forced it.
func (p *Publisher) watchWays(before, after *snapshot.Snapshot, applied []snapshot.Change) {
	touched, all := map[e911.OrgID]bool{}, false
	for _, c := range applied {
		if slices.Contains(waysKinds, c.Kind) {
			touched[c.Org] = true
			all = all || c.Org == ""
		}
	}
	if len(touched) == 0 {
		return
	}
	var lost []string
	for was := range before.Orgs() {
		if is := after.Org(was.ID()); is != nil && (all || touched[was.ID()]) {
			lost = append(lost, lostWays(side{before, was}, side{after, is}, p.cfg.Now())...)
		}
	}
	if len(lost) == 0 {
		delete(p.raised, AlarmUnrouted)
		return
	}
	slices.Sort(lost)
	detail := fmt.Sprintf("%d places lost their way to a PSAP with world %d: %s", len(lost), after.Version, strings.Join(lost[:min(len(lost), mostNamed)], "; "))
	p.alarm(AlarmUnrouted, detail)
}

// side is an organisation in one of two worlds.
type side struct {
	world *snapshot.Snapshot
	org   *snapshot.Org
}

// lostWays names the buildings of an organisation whose calls reached more before.
// A building that goes is no loss: nobody is there.
func lostWays(before, after side, now time.Time) (lost []string) {
	for s := range before.org.Sites() {
		then := map[e911.BuildingID]e911.Place{}
		for _, p := range after.org.BuildingPlaces(s.ID) {
			then[p.Building] = p
		}
		for _, p := range before.org.BuildingPlaces(s.ID) {
			is, stays := then[p.Building]
			if !stays {
				continue
			}
			had, has := before.reach(s, p, now), after.reach(s, is, now)
			name := cmp.Or(p.Display, string(p.Building)) + " of " + before.org.Config().Key
			switch {
			case had.any && !has.any:
				lost = append(lost, name+" reaches nobody")
			case had.psap && !has.psap:
				lost = append(lost, name+" reaches the relay centre alone")
			case had.carries && !has.carries:
				lost = append(lost, name+" reaches a PSAP by the site's own line alone")
			}
		}
	}
	return lost
}

// reach decides for a building of a site as a call of today would.
func (w side) reach(site e911.Site, p e911.Place, now time.Time) (r reach) {
	if s, ok := w.org.Site(site.ID); ok {
		site = s
	}
	here := &ladder.Site{
		ID: site.ID, Name: site.Name, Local: site.Local, ECBN: site.ECBN, Mode: e911.ModeDynamic, Stage: e911.Stage911, Country: p.Civic.Country,
	}
	d := route.Decide(w.world, w.org, route.Question{Place: p, Located: true, Now: now, Caller: ladder.Caller{Here: here, Home: here}})
	for _, rung := range d.Rungs {
		r.any = true
		r.psap = r.psap || rung.Kind != ladder.KindRelay
		r.carries = r.carries || rung.Kind != ladder.KindRelay && rung.Kind != ladder.KindLocal
	}
	return r
}
