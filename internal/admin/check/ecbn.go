package check

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/elinpool"
	"github.com/callbox911/callbox/internal/rules/identify"
)

// callbacks checks what the callers of a site are called back by (W-03, W-56).
func (c *checker) callbacks(v e911.Site, demonstration bool) {
	c.callback("ecbn", v.ECBN, demonstration)
	if d := time.Duration(v.CallbackWindow) * time.Minute; v.CallbackWindow != 0 && d != elinpool.Window(d) {
		c.add("callback_window", Range, fmt.Sprintf("%d minutes are not between 10 and 1440", v.CallbackWindow), "write minutes, 180 is usual; or leave it out")
	}
	if v.MainNumber != "" {
		c.numberForm("main_number", v.MainNumber)
	}
	switch v.ECBNChoice {
	case e911.ECBNNone:
	case e911.ECBNMain:
		if v.ECBN != "" {
			c.add("ecbn_choice", Forbidden, "the main number is chosen, and ecbn is another number", "leave one of the two out")
		} else if v.MainNumber == "" {
			c.add("main_number", Required, "the main number is chosen as the emergency callback number, and there is none", "write main_number")
		} else {
			c.callback("main_number", v.MainNumber, demonstration)
		}
	case e911.ECBNMember:
		if v.ECBN == "" {
			c.add("ecbn", Required, "the number of a member is chosen, and none is named", "write ecbn: with a number of this site")
		} else {
			c.ofSite("ecbn", v.ECBN, v.Org, v.ID)
		}
	default:
		c.add("ecbn_choice", Syntax, fmt.Sprintf("%q is no choice of a site", v.ECBNChoice), "write LOCATION_NUMBER or LOCATION_MEMBER_NUMBER, or leave it out")
	}
	c.areas(v, demonstration)
	if v.ESA != "" && !c.insideSite(v, v.ESA) {
		c.add("esa", Unknown, "the address of the site's numbers is none of its locations", "name a location of a building of this site")
	}
}

// areas checks that each place is in one area, and in the site.
func (c *checker) areas(v e911.Site, demonstration bool) {
	keys, places := map[string]bool{}, map[string]string{}
	for i, a := range v.Areas {
		at := fmt.Sprintf("areas[%d].", i)
		switch {
		case !wellFormedKey(a.Key):
			c.add(at+"key", Syntax, "an area has a key of letters, digits and . _ : / -", "write a short name, such as floor-2")
		case keys[a.Key]:
			c.add(at+"key", Duplicate, fmt.Sprintf("another area of the site has the key %q", a.Key), "choose another")
		}
		keys[a.Key] = true
		c.text(at+"name", a.Name, false)
		if a.ECBN == "" {
			c.add(at+"ecbn", Required, "an area without a number of its own is none", "write the number of a phone there that a person answers")
		}
		c.callback(at+"ecbn", a.ECBN, demonstration)
		if len(a.Buildings)+len(a.Locations) == 0 {
			c.add(at+"locations", Required, "the area holds no place", "name buildings or locations of the site")
		}
		once := func(path, id string) {
			if other, twice := places[id]; twice {
				c.add(path, Ambiguous, fmt.Sprintf("the area %s has it too", other), "a place is in one area")
			}
			places[id] = a.Key
		}
		for j, id := range a.Buildings {
			path := fmt.Sprintf("%sbuildings[%d]", at, j)
			if b, ok := lookup[e911.Building](c, e911.KindBuilding, v.Org, string(id)); !ok || b.Site != v.ID {
				c.add(path, Unknown, "this is no building of the site", "name one of its own")
			}
			once(path, string(id))
		}
		for j, id := range a.Locations {
			path := fmt.Sprintf("%slocations[%d]", at, j)
			if !c.insideSite(v, id) {
				c.add(path, Unknown, "this is no location of the site", "name one of its own")
			}
			once(path, string(id))
		}
	}
}

func (c *checker) insideSite(v e911.Site, id e911.LocationID) bool {
	l, ok := lookup[e911.Location](c, e911.KindLocation, v.Org, string(id))
	if !ok {
		return false
	}
	b, ok := lookup[e911.Building](c, e911.KindBuilding, v.Org, string(l.Building))
	return ok && b.Site == v.ID
}

// ofSite checks that a number is one of the site's own, and in service.
func (c *checker) ofSite(path string, n e911.Number, org e911.OrgID, site e911.SiteID) {
	rec, ok := c.numberRec(org, n)
	switch {
	case c.err != nil:
	case !ok || rec.Site != site:
		c.add(path, Forbidden, fmt.Sprintf("%s is no number of the same site (W-03)", n), "name a number of this site, or choose another callback")
	case !rec.InService():
		c.add(path, Forbidden, fmt.Sprintf("%s is not in service, and a PSAP would reach nobody (W-05)", n), "name a number that a person answers")
	}
}

// numberRec finds one of the organisation's numbers, also the one that is
// checked.
func (c *checker) numberRec(org e911.OrgID, n e911.Number) (e911.NumberRec, bool) {
	if c.err != nil || n == "" {
		return e911.NumberRec{}, false
	}
	page, err := c.view.List(c.ctx, admin.Query{Kind: e911.KindNumber, Org: org, Field: admin.ByNumber, Value: string(n), Limit: 1})
	if err != nil {
		c.err = fmt.Errorf("check against the numbers: %w", err)
		return e911.NumberRec{}, false
	}
	if len(page) == 0 {
		return e911.NumberRec{}, false
	}
	rec, ok := page[0].Value.(e911.NumberRec)
	return rec, ok
}

// ecbn checks the choice of a member (W-03).
func (c *checker) ecbn(v e911.ECBN, org e911.OrgID, site e911.SiteID) {
	switch v.Choice {
	case e911.ECBNNone, e911.ECBNDirect, e911.ECBNLocation:
		if v.Member != "" {
			c.add("ecbn.member", Forbidden, "a member is named, and its number is not what is chosen", "write choice: LOCATION_MEMBER_NUMBER, or leave the member out")
		}
	case e911.ECBNMember:
		if v.Member == "" {
			c.add("ecbn.member", Required, "the number of a member is chosen, and none is named (W-03)", "write member: with a number of the same site")
			return
		}
		if c.numberForm("ecbn.member", v.Member) {
			c.ofSite("ecbn.member", v.Member, org, site)
		}
	default:
		c.add("ecbn.choice", Syntax, fmt.Sprintf("%q is no choice of an emergency callback number", v.Choice),
			"write DIRECT_LINE, LOCATION_ECBN, LOCATION_MEMBER_NUMBER or NONE")
	}
}

// service checks what state a number is in and what answers it. One that is an
// emergency callback number stays in service (W-06).
func (c *checker) service(v e911.NumberRec) {
	switch v.Owner {
	case "", e911.OwnerPerson, e911.OwnerWorkspace, e911.OwnerVirtualLine, e911.OwnerAutoAttendant, e911.OwnerHuntGroup, e911.OwnerOther:
	default:
		c.add("owner", Syntax, fmt.Sprintf("%q answers no number", v.Owner), "write person, workspace, virtual_line, auto_attendant, hunt_group or other")
	}
	switch v.Status {
	case "", e911.NumberActive:
	case e911.NumberInactive:
		d, err := Dependants(c.ctx, c.view, v)
		if err != nil && c.err == nil {
			c.err = err
		}
		if d.InUse() {
			c.add("status", Forbidden, fmt.Sprintf("%s is an emergency callback number: %s", v.Number, named(d)), "give those another number first")
		}
	default:
		c.add("status", Syntax, fmt.Sprintf("%q is no state of a number", v.Status), "write active or inactive")
	}
	c.ecbn(v.ECBN, v.Org, v.Site)
}

// named says who depends on a number, in one line.
func named(d identify.Dependencies) string {
	const most = 10
	var all []string
	for i, x := range d.By {
		if i == most {
			all = append(all, fmt.Sprintf("and %d more", len(d.By)-most))
			break
		}
		all = append(all, fmt.Sprintf("%s %s (%s)", noun(x.Kind), x.Key, x.How))
	}
	return strings.Join(all, ", ")
}

// Dependants finds out whose emergency callback number a number is (W-06).
func Dependants(ctx context.Context, view admin.View, n e911.NumberRec) (identify.Dependencies, error) {
	c := &checker{ctx: ctx, view: view}
	var d identify.Dependencies
	c.each(admin.Query{Kind: e911.KindSite, Org: n.Org}, func(v any) bool {
		d.Site(n.Number, v.(e911.Site))
		return true
	})
	for _, kind := range []e911.ObjectKind{e911.KindUser, e911.KindDevice, e911.KindNumber} {
		c.each(admin.Query{Kind: kind, Org: n.Org, Field: admin.ByMember, Value: string(n.Number)}, func(v any) bool {
			depend(&d, n, v)
			return true
		})
	}
	if n.ECBN.Choice == e911.ECBNDirect {
		d.Line(n, n)
	}
	if u, ok := lookup[e911.User](c, e911.KindUser, n.Org, string(n.User)); ok && u.ECBN.Choice == e911.ECBNDirect {
		d.User(n, u)
	}
	if n.User == "" {
		c.each(admin.Query{Kind: e911.KindDevice, Org: n.Org, Field: admin.BySite, Value: string(n.Site)}, func(v any) bool {
			if x := v.(e911.Device); x.ECBN.Choice == e911.ECBNDirect {
				d.Device(n, x)
			}
			return true
		})
	}
	d.Sorted()
	return d, c.err
}

func depend(d *identify.Dependencies, n e911.NumberRec, v any) {
	switch v := v.(type) {
	case e911.User:
		d.User(n, v)
	case e911.Device:
		d.Device(n, v)
	case e911.NumberRec:
		d.Line(n, v)
	}
}

// Kept refuses to let go of a number that is somebody's emergency callback
// number in the state that view shows (W-06).
func Kept(ctx context.Context, view admin.View, n e911.NumberRec) ([]e911.Fault, error) {
	d, err := Dependants(ctx, view, n)
	if err != nil || !d.InUse() {
		return nil, err
	}
	return []e911.Fault{{
		Path: "number", Code: Forbidden, Msg: fmt.Sprintf("%s is an emergency callback number: %s", n.Number, named(d)),
		Fix: "give those another number first",
	}}, nil
}

// KeptPlace refuses to let go of a building or location that an area of its site
// names, or that is the address of the site's numbers.
func KeptPlace(ctx context.Context, view admin.View, value any) ([]e911.Fault, error) {
	c := &checker{ctx: ctx, view: view}
	var site e911.Site
	var inArea func(e911.SiteArea) bool
	esa := false
	switch v := value.(type) {
	case e911.Building:
		site, _ = lookup[e911.Site](c, e911.KindSite, v.Org, string(v.Site))
		inArea = func(a e911.SiteArea) bool { return slices.Contains(a.Buildings, v.ID) }
	case e911.Location:
		b, _ := lookup[e911.Building](c, e911.KindBuilding, v.Org, string(v.Building))
		site, _ = lookup[e911.Site](c, e911.KindSite, v.Org, string(b.Site))
		inArea = func(a e911.SiteArea) bool { return slices.Contains(a.Locations, v.ID) }
		esa = site.ESA == v.ID
	default:
		return nil, nil
	}
	var faults []e911.Fault
	for _, a := range site.Areas {
		if inArea(a) {
			faults = append(faults, e911.Fault{Path: "site", Code: Forbidden, Msg: fmt.Sprintf("the area %s of the site %s holds it", a.Key, site.Key), Fix: "change the area first"})
		}
	}
	if esa {
		faults = append(faults, e911.Fault{Path: "site", Code: Forbidden, Msg: fmt.Sprintf("it is the address of the numbers of the site %s", site.Key), Fix: "give the site another address first"})
	}
	return faults, c.err
}
