package snapshot

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
	"github.com/callbox911/callbox/internal/rules/identify"
)

// orgEdit makes the next version of one organisation.
type orgEdit struct {
	world  *edit
	id     e911.OrgID
	config *e911.Org // nil: it does not exist, or not any more
	masks  []e911.BSSIDMask

	sites     *tableEdit[e911.SiteID, *e911.Site]
	buildings *tableEdit[e911.BuildingID, *e911.Building]
	locations *tableEdit[e911.LocationID, *located]
	users     *tableEdit[e911.UserID, *e911.User]
	devices   *tableEdit[e911.DeviceID, *e911.Device]
	numbers   *tableEdit[e911.NumberID, *e911.NumberRec]
	alerts    *tableEdit[e911.AlertID, *e911.Alert]
	trunks    *tableEdit[e911.TrunkID, *e911.Trunk]
	overrides *tableEdit[e911.OverrideID, *e911.PSAPOverride]

	byNumber    *tableEdit[e911.Number, *e911.NumberRec]
	byDeviceUID *tableEdit[string, *e911.User]
	byFoldedUID *tableEdit[string, []e911.UserID]
	byDeviceMAC *tableEdit[e911.MAC, *e911.Device]
	bySIPUser   *tableEdit[string, *e911.Device]
	elementIndexes

	siteAlerts        *tableEdit[e911.SiteID, []e911.Alert]
	siteBuildings     *tableEdit[e911.SiteID, []e911.Place]
	buildingLocations *tableEdit[e911.BuildingID, []e911.LocationID]
	userDevices       *tableEdit[e911.UserID, []e911.Device]
	userNumbers       *tableEdit[e911.UserID, []e911.NumberRec]
	locationELINs     *tableEdit[e911.LocationID, []e911.NumberRec]
	overriding        *tableEdit[target, *e911.PSAPOverride]
	refs              *tableEdit[target, int]

	near   *located                 // the location of the element before this one
	remask bool                     // the masks changed: all masked BSSIDs are made again
	moved  []e911.BuildingID        // changed: all their locations get a new place
	places map[e911.LocationID]bool // changed: so do these
}

func newOrgEdit(w *edit, id e911.OrgID, o *Org) *orgEdit {
	if o == nil {
		o = new(Org)
	}
	e := &orgEdit{
		world: w, id: id, config: o.config,
		sites: o.sites.edit(), buildings: o.buildings.edit(), locations: o.locations.edit(),
		users: o.users.edit(), devices: o.devices.edit(), numbers: o.numbers.edit(), alerts: o.alerts.edit(), trunks: o.trunks.edit(),
		overrides: o.overrides.edit(), overriding: o.overriding.edit(),
		byNumber: o.byNumber.edit(), byDeviceUID: o.byDeviceUID.edit(), byFoldedUID: o.byFoldedUID.edit(), byDeviceMAC: o.byDeviceMAC.edit(), bySIPUser: o.bySIPUser.edit(),
		elementIndexes: editElements(o),
		siteAlerts:     o.siteAlerts.edit(), siteBuildings: o.siteBuildings.edit(), buildingLocations: o.buildingLocations.edit(),
		userDevices: o.userDevices.edit(), userNumbers: o.userNumbers.edit(), locationELINs: o.locationELINs.edit(), refs: o.refs.edit(),
		places: map[e911.LocationID]bool{},
	}
	if o.config != nil {
		e.masks = o.config.BSSIDMasking
	}
	return e
}

func (e *orgEdit) finish() *Org {
	e.replace()
	o := &Org{
		config: e.config,
		sites:  e.sites.done(), buildings: e.buildings.done(), locations: e.locations.done(),
		users: e.users.done(), devices: e.devices.done(), numbers: e.numbers.done(), alerts: e.alerts.done(), trunks: e.trunks.done(),
		overrides: e.overrides.done(), overriding: e.overriding.done(),
		byNumber: e.byNumber.done(), byDeviceUID: e.byDeviceUID.done(), byFoldedUID: e.byFoldedUID.done(), byDeviceMAC: e.byDeviceMAC.done(), bySIPUser: e.bySIPUser.done(),
		siteAlerts: e.siteAlerts.done(), siteBuildings: e.siteBuildings.done(), buildingLocations: e.buildingLocations.done(),
		userDevices: e.userDevices.done(), userNumbers: e.userNumbers.done(), locationELINs: e.locationELINs.done(), refs: e.refs.done(),
	}
	e.elementIndexes.finish(o)
	return o
}

// objects counts what belongs to the organisation.
func (e *orgEdit) objects() int {
	return e.sites.t.n + e.buildings.t.n + e.locations.t.n + e.net.n + e.users.t.n + e.devices.t.n +
		e.numbers.t.n + e.alerts.t.n + e.trunks.t.n + e.overrides.t.n
}

func (e *orgEdit) exists(t target) bool {
	ok := false
	switch t.kind {
	case e911.KindSite:
		_, ok = e.sites.get(e911.SiteID(t.id))
	case e911.KindBuilding:
		_, ok = e.buildings.get(e911.BuildingID(t.id))
	case e911.KindLocation:
		_, ok = e.locations.get(e911.LocationID(t.id))
	case e911.KindUser:
		_, ok = e.users.get(e911.UserID(t.id))
	}
	return ok
}

// count adds to how often the organisation's objects are pointed at.
func (e *orgEdit) count(obj any, by int) {
	for r := range pointsAt(obj) {
		if !r.world && r.id != "" {
			counted(e.refs, r.target, by)
		}
	}
	switch obj.(type) {
	case *e911.Device, *e911.Org, *e911.PSAPOverride, *e911.Site:
		e.world.count(obj, by)
	}
}

// take takes out what stands under the change's name now.
func (e *orgEdit) take(c Change) {
	switch c.Kind {
	case e911.KindOrg:
		e.takeConfig()
	case e911.KindSite:
		if v := drop(e.sites, e911.SiteID(c.ID)); v != nil {
			e.count(v, -1)
		}
	case e911.KindBuilding:
		if v := drop(e.buildings, e911.BuildingID(c.ID)); v != nil {
			e.count(v, -1)
			counted(e.refs, target{kindCountry, v.Address.Country}, -1)
			remove(e.siteBuildings, v.Site, func(p e911.Place) bool { return p.Building == v.ID })
		}
	case e911.KindLocation:
		if v := drop(e.locations, e911.LocationID(c.ID)); v != nil {
			counted(e.refs, target{e911.KindBuilding, string(v.building)}, -1)
			remove(e.buildingLocations, v.building, func(id e911.LocationID) bool { return id == v.id })
		}
	case e911.KindElement:
		e.takeElement(e911.ElementID(c.ID))
	case e911.KindUser:
		if v := drop(e.users, e911.UserID(c.ID)); v != nil {
			e.count(v, -1)
			release(e.byDeviceUID, v.DeviceUserID, v)
			remove(e.byFoldedUID, identify.Fold(v.DeviceUserID), func(id e911.UserID) bool { return id == v.ID })
		}
	case e911.KindDevice:
		if v := drop(e.devices, e911.DeviceID(c.ID)); v != nil {
			e.count(v, -1)
			release(e.byDeviceMAC, v.MAC, v)
			if v.SIP != nil {
				release(e.bySIPUser, v.SIP.User, v)
			}
			remove(e.userDevices, v.User, func(d e911.Device) bool { return d.ID == v.ID })
		}
	case e911.KindNumber:
		if v := drop(e.numbers, e911.NumberID(c.ID)); v != nil {
			e.count(v, -1)
			release(e.byNumber, v.Number, v)
			same := func(n e911.NumberRec) bool { return n.ID == v.ID }
			remove(e.userNumbers, v.User, same)
			remove(e.locationELINs, v.Location, same)
		}
	case e911.KindAlert:
		if v := drop(e.alerts, e911.AlertID(c.ID)); v != nil {
			e.count(v, -1)
			remove(e.siteAlerts, v.Site, func(a e911.Alert) bool { return a.ID == v.ID })
		}
	case e911.KindOverride:
		if v := drop(e.overrides, e911.OverrideID(c.ID)); v != nil {
			e.count(v, -1)
			for _, t := range scopes(v) {
				release(e.overriding, t, v)
			}
		}
	}
}

func (e *orgEdit) takeConfig() {
	if e.config == nil {
		return
	}
	e.count(e.config, -1)
	if id := e.config.HELD.CompanyID; id != "" {
		if owner, ok := e.world.companies.get(id); ok && owner == e.id {
			e.world.companies.del(id)
		}
	}
	if d := e.config.SIPDomain; d != "" {
		if owner, ok := e.world.domains.get(d); ok && owner == e.id {
			e.world.domains.del(d)
		}
	}
	for _, p := range e.config.PublicRanges {
		if usable(p) {
			e.world.shared(p, e.id, -1)
		}
	}
	e.config = nil
}

// put puts in an object whose place was cleared by take.
func (e *orgEdit) put(o Object, obj any) {
	if v, ok := obj.(*e911.Element); ok {
		e.putElement(o, v)
		return
	}
	e.count(obj, 1)
	switch v := obj.(type) {
	case *e911.Org:
		e.putConfig(o, v)
	case *e911.Site:
		e.sites.set(v.ID, v)
		e.number(o, "ecbn", v.ECBN, false)
		e.number(o, "main_number", v.MainNumber, false)
		for i, a := range v.Areas {
			e.number(o, fmt.Sprintf("areas[%d].ecbn", i), a.ECBN, true)
		}
	case *e911.Building:
		e.buildings.set(v.ID, v)
		counted(e.refs, target{kindCountry, v.Address.Country}, 1)
		e.moved = append(e.moved, v.ID)
		add(e.siteBuildings, v.Site, placeOfBuilding(v), func(a, b e911.Place) int { return cmp.Compare(a.Building, b.Building) })
		if v.Point != nil && !(v.Point.Lat >= -90 && v.Point.Lat <= 90 && v.Point.Lon >= -180 && v.Point.Lon <= 180) {
			e.world.fault(o, "point", "invalid", "this point lies off the globe", "latitude comes first")
		}
	case *e911.Location:
		e.locations.set(v.ID, newLocated(v))
		e.places[v.ID] = true
		add(e.buildingLocations, v.Building, v.ID, cmp.Compare)
	case *e911.User:
		e.users.set(v.ID, v)
		if v.DeviceUserID != "" {
			claim(e, e.byDeviceUID, v.DeviceUserID, v, o, "device_user_id", "another user has this id")
			if alike, _ := e.byFoldedUID.get(identify.Fold(v.DeviceUserID)); len(alike) < mostAlike {
				add(e.byFoldedUID, identify.Fold(v.DeviceUserID), v.ID, cmp.Compare)
			}
		}
		e.number(o, "callback", v.Callback, false)
	case *e911.Device:
		e.devices.set(v.ID, v)
		if v.MAC != "" {
			e.mac(o, "mac", v.MAC)
			claim(e, e.byDeviceMAC, v.MAC, v, o, "mac", "another device has this hardware address")
		}
		if v.SIP != nil {
			claim(e, e.bySIPUser, v.SIP.User, v, o, "sip.user", "another device registers as this user")
			e.number(o, "sip.line", v.SIP.Line, false)
		}
		if v.User != "" {
			add(e.userDevices, v.User, *v, func(a, b e911.Device) int {
				return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.ID, b.ID))
			})
		}
	case *e911.NumberRec:
		e.numbers.set(v.ID, v)
		e.number(o, "number", v.Number, true)
		claim(e, e.byNumber, v.Number, v, o, "number", "the organisation has this number already")
		order := func(a, b e911.NumberRec) int {
			return cmp.Or(cmp.Compare(a.Number, b.Number), cmp.Compare(a.ID, b.ID))
		}
		if v.User != "" {
			add(e.userNumbers, v.User, *v, order)
		}
		if v.ELIN && v.Location != "" {
			add(e.locationELINs, v.Location, *v, order)
		}
	case *e911.Alert:
		e.alerts.set(v.ID, v)
		add(e.siteAlerts, v.Site, *v, func(a, b e911.Alert) int {
			return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.ID, b.ID))
		})
	case *e911.PSAPOverride:
		e.putOverride(o, v)
	}
}

// mostAlike is how many users are kept whose ids differ in capitals and blanks
// alone: one is enough to name in a finding.
const mostAlike = 4

// claim takes a key that only one object of the organisation can have.
func claim[K comparable, V any](e *orgEdit, t *tableEdit[K, *V], k K, v *V, o Object, field, msg string) {
	if _, taken := t.get(k); taken {
		e.world.fault(o, field, "duplicate", msg, "")
		return
	}
	t.set(k, v)
}

func release[K comparable, V any](t *tableEdit[K, *V], k K, v *V) {
	if owner, ok := t.get(k); ok && owner == v {
		t.del(k)
	}
}

func (e *orgEdit) putConfig(o Object, v *e911.Org) {
	e.config = v
	if id := v.HELD.CompanyID; id != "" {
		if _, taken := e.world.companies.get(id); taken {
			e.world.fault(o, "held.company_id", "duplicate", "another organisation has this company id", "")
		} else {
			e.world.companies.set(id, e.id)
		}
	}
	if d := v.SIPDomain; d != "" {
		if _, taken := e.world.domains.get(d); taken {
			e.world.fault(o, "sip_domain", "duplicate", "another organisation's telephones register with this name", "")
		} else {
			e.world.domains.set(d, e.id)
		}
	}
	for i, p := range v.PublicRanges {
		if e.world.checkPrefix(o, fmt.Sprintf("public_ranges[%d]", i), p) {
			e.world.shared(p, e.id, 1)
		}
	}
	valid := true
	for i, k := range v.BSSIDMasking {
		if !vendor(k.OUI) || k.Digits < 1 || k.Digits > 6 {
			valid = false
			e.world.fault(o, fmt.Sprintf("bssid_masking[%d]", i), "invalid", "a mask names a vendor, as 00:11:22, and how many of the last six digits do not count", "")
		}
	}
	if valid && !slices.Equal(v.BSSIDMasking, e.masks) {
		e.masks, e.remask = v.BSSIDMasking, true
	}
}

// usable reports a range that checkPrefix takes.
func usable(p netip.Prefix) bool {
	return p.IsValid() && p == p.Masked() && !p.Addr().Is4In6() && p.Bits() > 0
}

func vendor(oui string) bool {
	m, err := e911.ParseMAC(oui + ":00:00:00")
	return err == nil && strings.HasPrefix(string(m), oui) && len(oui) == len("00:11:22")
}

func (e *orgEdit) mac(o Object, field string, m e911.MAC) {
	if same, err := e911.ParseMAC(string(m)); err != nil || same != m {
		e.world.fault(o, field, "invalid", "this is no hardware address", "write it as 00:11:22:33:44:50")
	}
}

func (e *orgEdit) number(o Object, field string, n e911.Number, required bool) {
	if n == "" && !required {
		return
	}
	if same, err := e911.ParseNumber(string(n)); err != nil || same != n {
		e.world.fault(o, field, "invalid", "this is no telephone number", "write it as +16175550100")
	}
}

// replace writes the places of changed locations and of those in changed
// buildings. Every reference was checked.
func (e *orgEdit) replace() {
	for _, b := range e.moved {
		list, _ := e.buildingLocations.get(b)
		for _, id := range list {
			e.places[id] = true
		}
	}
	houses := map[e911.BuildingID]*e911.Place{}
	for id := range e.places {
		l, ok := e.locations.get(id)
		if !ok {
			continue // put and taken out again
		}
		house, ok := houses[l.building]
		if b, there := e.buildings.get(l.building); !ok && there {
			p := placeOfBuilding(b)
			house = &p
			houses[l.building] = house
		}
		if house != nil {
			e.locations.set(id, l.in(house))
		}
	}
}

// placeOfBuilding writes a building as one value: its address, with its name
// where the address has none.
func placeOfBuilding(b *e911.Building) e911.Place {
	p := e911.Place{Building: b.ID, Site: b.Site, Civic: b.Address}
	if p.Civic.BLD == "" {
		p.Civic.BLD = b.Name
	}
	if b.Point != nil {
		p.Area = &e911.Area{Point: *b.Point}
		if g := b.Validation.Point; g != nil && g.Point == *b.Point {
			// A geocode is as sure as it says: a house at the city limit may have its
			// interpolated point on the other side of it, in nobody's boundary.
			p.Area.RadiusM = g.RadiusM
		}
	}
	p.Verdict = b.Validation.Verdict
	p.Dispatchable, p.Display = p.Verdict != e911.VerdictInvalid && civic.Dispatchable(p.Civic), civic.Display(p.Civic)
	return p
}
