package snapshot

import (
	"iter"
	"net/netip"

	"github.com/gaissmai/bart"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/identify"
)

// Org is one organisation's part of a Snapshot. Immutable, safe for concurrent
// use; the zero Org is empty. Slices that it returns must not be changed.
type Org struct {
	config *e911.Org

	sites     table[e911.SiteID, *e911.Site]
	buildings table[e911.BuildingID, *e911.Building]
	locations table[e911.LocationID, *located]
	users     table[e911.UserID, *e911.User]
	devices   table[e911.DeviceID, *e911.Device]
	numbers   table[e911.NumberID, *e911.NumberRec]
	alerts    table[e911.AlertID, *e911.Alert]
	overrides table[e911.OverrideID, *e911.PSAPOverride]
	trunks    table[e911.TrunkID, *e911.Trunk]

	byNumber    table[e911.Number, *e911.NumberRec]
	byDeviceUID table[string, *e911.User]
	byFoldedUID table[string, []e911.UserID] // by identify.Fold
	byDeviceMAC table[e911.MAC, *e911.Device]
	bySIPUser   table[string, *e911.Device]

	net         network                      // network elements
	named       table[name, *e911.Element]   // DECT bases, access points, ports of adapters
	patterns    table[string, []portPattern] // by chassis
	spans       *bart.Table[[]*e911.Element] // low-high ranges, in pieces
	radio       *bart.Table[[]*e911.Element] // ranges of BSSIDs, in pieces
	tunnels     *bart.Table[[]*e911.Element] // vpn, proxy, sase
	ignored     *bart.Table[[]*e911.Element] // addresses of virtual adapters
	ignoredMACs *bart.Table[[]*e911.Element]

	siteAlerts        table[e911.SiteID, []e911.Alert]
	siteBuildings     table[e911.SiteID, []e911.Place]
	buildingLocations table[e911.BuildingID, []e911.LocationID]
	userDevices       table[e911.UserID, []e911.Device]
	userNumbers       table[e911.UserID, []e911.NumberRec]
	locationELINs     table[e911.LocationID, []e911.NumberRec]
	overriding        table[target, *e911.PSAPOverride] // by site, building or location

	refs table[target, int]
}

// target is something that is pointed at.
type target struct {
	kind e911.ObjectKind
	id   string
}

// ID returns the organisation's id.
func (o *Org) ID() e911.OrgID {
	if o.config == nil {
		return ""
	}
	return o.config.ID
}

// Config returns the organisation itself.
func (o *Org) Config() e911.Org {
	if o.config == nil {
		return e911.Org{}
	}
	return *o.config
}

// Site returns a site.
func (o *Org) Site(id e911.SiteID) (e911.Site, bool) { return value(o.sites.get(id)) }

// Building returns a building.
func (o *Org) Building(id e911.BuildingID) (e911.Building, bool) { return value(o.buildings.get(id)) }

// Location returns a location.
func (o *Org) Location(id e911.LocationID) (e911.Location, bool) {
	l, ok := o.locations.get(id)
	if !ok {
		return e911.Location{}, false
	}
	return l.location(o.ID()), true
}

// HasLocation reports whether there is such a location.
func (o *Org) HasLocation(id e911.LocationID) bool {
	_, ok := o.locations.get(id)
	return ok
}

// Element returns a network element.
func (o *Org) Element(id e911.ElementID) (e911.Element, bool) {
	i, ok := o.net.number(id)
	if !ok {
		return e911.Element{}, false
	}
	return o.net.element(o.ID(), i), true
}

// User returns a user.
func (o *Org) User(id e911.UserID) (e911.User, bool) { return value(o.users.get(id)) }

// Device returns a device.
func (o *Org) Device(id e911.DeviceID) (e911.Device, bool) { return value(o.devices.get(id)) }

// Trunk returns a trunk of the organisation.
func (o *Org) Trunk(id e911.TrunkID) (e911.Trunk, bool) { return value(o.trunks.get(id)) }

// Number returns the record of a number of the organisation.
func (o *Org) Number(n e911.Number) (e911.NumberRec, bool) { return value(o.byNumber.get(n)) }

// Alert returns an alert rule.
func (o *Org) Alert(id e911.AlertID) (e911.Alert, bool) { return value(o.alerts.get(id)) }

// Alerts returns the alert rules of a site in order of key.
func (o *Org) Alerts(site e911.SiteID) []e911.Alert {
	list, _ := o.siteAlerts.get(site)
	return list
}

// UserByDeviceUserID returns the user whom platforms name so; exact match only.
func (o *Org) UserByDeviceUserID(id string) (e911.User, bool) { return value(o.byDeviceUID.get(id)) }

// UserLike returns a user whose id differs from another one in capitals and
// blanks alone, so that a finding can name him. It is no match (N-20).
func (o *Org) UserLike(deviceUserID string) (e911.User, bool) {
	ids, _ := o.byFoldedUID.get(identify.Fold(deviceUserID))
	if len(ids) == 0 {
		return e911.User{}, false
	}
	return o.User(ids[0])
}

// DeviceByMAC returns the device with that hardware address.
func (o *Org) DeviceByMAC(m e911.MAC) (e911.Device, bool) { return value(o.byDeviceMAC.get(m)) }

// DeviceBySIPUser returns the device that registers as that user; exact match
// only.
func (o *Org) DeviceBySIPUser(user string) (e911.Device, bool) { return value(o.bySIPUser.get(user)) }

// DevicesOf returns the devices of a user in order of key.
func (o *Org) DevicesOf(u e911.UserID) []e911.Device {
	list, _ := o.userDevices.get(u)
	return list
}

// NumbersOf returns the numbers of a user in order.
func (o *Org) NumbersOf(u e911.UserID) []e911.NumberRec {
	list, _ := o.userNumbers.get(u)
	return list
}

// ELINs returns the numbers that are marked to stand for a location in a
// carrier's ALI database, in order; rules/alirecord says which of them may be
// sent.
func (o *Org) ELINs(at e911.LocationID) []e911.NumberRec {
	list, _ := o.locationELINs.get(at)
	return list
}

// Place returns a location as one value, with its building's address and point.
func (o *Org) Place(id e911.LocationID) (e911.Place, bool) {
	l, ok := o.locations.get(id)
	if !ok {
		return e911.Place{}, false
	}
	return l.place(), true
}

// BuildingPlaces returns the buildings of a site as places, in order of id.
func (o *Org) BuildingPlaces(site e911.SiteID) []e911.Place {
	list, _ := o.siteBuildings.get(site)
	return list
}

// InPublicRange reports whether a is one of the organisation's public addresses.
func (o *Org) InPublicRange(a netip.Addr) bool {
	if o.config == nil {
		return false
	}
	a = plain(a)
	for _, p := range o.config.PublicRanges {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

func at(e *e911.Element, ok bool) (e911.LocationID, bool) {
	if !ok {
		return "", false
	}
	return e.Location, true
}

// Sites lists the sites in no order; so do the others.
func (o *Org) Sites() iter.Seq[e911.Site] { return deref(o.sites.values()) }

// Buildings lists the buildings.
func (o *Org) Buildings() iter.Seq[e911.Building] { return deref(o.buildings.values()) }

// Locations lists the locations.
func (o *Org) Locations() iter.Seq[e911.Location] {
	return func(yield func(e911.Location) bool) {
		for l := range o.locations.values() {
			if !yield(l.location(o.ID())) {
				return
			}
		}
	}
}

// Elements lists the network elements.
func (o *Org) Elements() iter.Seq[e911.Element] { return o.net.all(o.ID()) }

// Users lists the users.
func (o *Org) Users() iter.Seq[e911.User] { return deref(o.users.values()) }

// Devices lists the devices.
func (o *Org) Devices() iter.Seq[e911.Device] { return deref(o.devices.values()) }

// Numbers lists the numbers.
func (o *Org) Numbers() iter.Seq[e911.NumberRec] { return deref(o.numbers.values()) }

// AllAlerts lists the alert rules.
func (o *Org) AllAlerts() iter.Seq[e911.Alert] { return deref(o.alerts.values()) }

// Trunks lists the organisation's own trunks.
func (o *Org) Trunks() iter.Seq[e911.Trunk] { return deref(o.trunks.values()) }

// appendChanges appends everything but the trunks, which are the world's too,
// and network elements.
func (o *Org) appendChanges(out []Change) []Change {
	org := o.ID()
	out = append(out, Change{e911.KindOrg, org, string(org), o.Config()})
	for v := range o.Sites() {
		out = append(out, Change{e911.KindSite, org, string(v.ID), v})
	}
	for v := range o.Buildings() {
		out = append(out, Change{e911.KindBuilding, org, string(v.ID), v})
	}
	for v := range o.Locations() {
		out = append(out, Change{e911.KindLocation, org, string(v.ID), v})
	}
	for v := range o.Users() {
		out = append(out, Change{e911.KindUser, org, string(v.ID), v})
	}
	for v := range o.Devices() {
		out = append(out, Change{e911.KindDevice, org, string(v.ID), v})
	}
	for v := range o.Numbers() {
		out = append(out, Change{e911.KindNumber, org, string(v.ID), v})
	}
	for v := range o.AllAlerts() {
		out = append(out, Change{e911.KindAlert, org, string(v.ID), v})
	}
	for v := range o.AllOverrides() {
		out = append(out, Change{e911.KindOverride, org, string(v.ID), v})
	}
	return out
}
