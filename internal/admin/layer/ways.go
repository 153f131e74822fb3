package layer

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/gis"
	"github.com/callbox911/callbox/internal/rules/ladder"
	"github.com/callbox911/callbox/internal/rules/route"
)

// CodeUnrouted is the code of a fault of Lost.
const CodeUnrouted = "unrouted"

// Ways is whom calls from the buildings of organisations reach, and the calls of
// those whom nobody locates, as far as it is stored: what an authority's server
// says may be another thing tomorrow.
type Ways struct {
	places []place
}

// place is a building, or where nobody knows an organisation's caller to be.
type place struct {
	org      e911.OrgID
	building e911.BuildingID // none: nobody knows
	path     string          // of the customer's keys
	name     string
	first    string // who answers, for a person
	psap     bool   // some way leads to a PSAP and not to the relay centre
	carries  bool   // and carries the location, not the number of a site's own line
	any      bool
}

// WaysOf decides for every building as a call of today would. Orgs are those to look
// at; none: all. Layers are the reference layers that hold.
func WaysOf(ctx context.Context, view admin.View, layers []gis.Layer, now time.Time, orgs ...e911.OrgID) (Ways, error) {
	all, err := view.Orgs(ctx)
	if err != nil {
		return Ways{}, fmt.Errorf("look whom calls reach: %w", err)
	}
	d, err := directoryOf(ctx, view)
	if err != nil {
		return Ways{}, fmt.Errorf("look whom calls reach: %w", err)
	}
	w := d.world(layers, nil, now)
	var out Ways
	for _, o := range all {
		if len(orgs) > 0 && !slices.Contains(orgs, o.ID) {
			continue
		}
		if err := out.add(ctx, view, w, o); err != nil {
			return Ways{}, fmt.Errorf("look whom calls of %s reach: %w", o.Key, err)
		}
	}
	return out, nil
}

func (x *Ways) add(ctx context.Context, view admin.View, w *world, o e911.Org) error {
	buildings, err := list[e911.Building](ctx, view, e911.KindBuilding, o.ID)
	if err != nil {
		return err
	}
	sites, err := list[e911.Site](ctx, view, e911.KindSite, o.ID)
	if err != nil {
		return err
	}
	trunks, err := list[e911.Trunk](ctx, view, e911.KindTrunk, o.ID)
	if err != nil {
		return err
	}
	t := &tenant{config: o}
	if t.overrides, err = list[e911.PSAPOverride](ctx, view, e911.KindOverride, o.ID); err != nil {
		return err
	}
	own := ownTrunks{world: w, trunks: map[e911.TrunkID]e911.Trunk{}}
	for _, v := range trunks {
		own.trunks[v.ID] = v
	}
	at := map[e911.SiteID]ladder.Site{}
	for _, s := range sites {
		at[s.ID] = ladder.Site{ID: s.ID, Name: s.Name, Local: s.Local, ECBN: s.ECBN, Mode: e911.ModeDynamic, Stage: e911.Stage911}
	}
	for _, b := range buildings {
		s := at[b.Site]
		s.Country = b.Address.Country
		d := route.Decide(own, t, route.Question{Place: placeOf(b, nil), Located: true, Now: w.now, Caller: ladder.Caller{Here: &s, Home: &s}})
		x.places = append(x.places, placed(o, &b, d))
	}
	x.places = append(x.places, placed(o, nil, route.Decide(own, t, route.Question{Now: w.now})))
	return nil
}

// ownTrunks is a world with the trunks of an organisation's own.
type ownTrunks struct {
	*world
	trunks map[e911.TrunkID]e911.Trunk
}

func (w ownTrunks) Trunk(id e911.TrunkID) (e911.Trunk, bool) {
	if t, ok := w.trunks[id]; ok {
		return t, ok
	}
	return w.world.Trunk(id)
}

func placed(o e911.Org, b *e911.Building, d route.Decision) place {
	p := place{org: o.ID, path: o.Key, name: "callers of " + o.Name + " whom nobody locates", any: len(d.Rungs) > 0}
	if b != nil {
		p.building, p.path, p.name = b.ID, o.Key+"."+b.Key, cmp.Or(b.Name, b.Key)
	}
	for _, r := range d.Rungs {
		if p.first == "" {
			p.first = r.PSAPName + " by " + r.Trunk.Key
		}
		p.psap = p.psap || r.Kind != ladder.KindRelay
		p.carries = p.carries || r.Kind != ladder.KindRelay && r.Kind != ladder.KindLocal
	}
	return p
}

// Lost are the places whose calls reached somebody and will not. A building that
// goes is no loss: nobody is there.
func (x Ways) Lost(after Ways) []e911.Fault {
	type key struct {
		org      e911.OrgID
		building e911.BuildingID
	}
	then := map[key]place{}
	for _, p := range after.places {
		then[key{p.org, p.building}] = p
	}
	var lost []e911.Fault
	for _, was := range x.places {
		is, stays := then[key{was.org, was.building}]
		if !stays {
			continue
		}
		why := ""
		switch {
		case was.any && !is.any:
			why = "nobody"
		case was.psap && !is.psap:
			why = "the relay centre alone"
		case was.carries && !is.carries:
			why = "a PSAP by the site's own line alone, without their location"
		default:
			continue
		}
		lost = append(lost, e911.Fault{
			Path: was.path, Code: CodeUnrouted, Msg: fmt.Sprintf("calls from %s would reach %s; today they reach %s", was.name, why, was.first),
			Fix: "leave a trunk that leads to its PSAP, or give a reason for doing without",
		})
	}
	slices.SortFunc(lost, func(a, b e911.Fault) int { return strings.Compare(a.Path, b.Path) })
	return lost
}

// Empty reports that there is nothing to lose.
func (x Ways) Empty() bool { return len(x.places) == 0 }

// maxReason bounds why places may lose their way.
const maxReason = 200

// Reason checks why places may lose their way, and says it as the audit trail keeps
// it behind who does it. Without a reason it is who.
func Reason(who admin.Actor, why string) (admin.Actor, error) {
	why = strings.TrimSpace(why)
	switch {
	case why == "":
		return who, nil
	case len(why) > maxReason || strings.ContainsFunc(why, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return who, e911.Errorf(e911.Invalid, "the reason for leaving places without a way is one line of up to %d characters", maxReason)
	}
	return who + admin.Actor("; unroutes: "+why), nil
}
