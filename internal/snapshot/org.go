package snapshot

import (
	"iter"
	"net/netip"

	"github.com/callbox911/callbox/internal/e911"
)

// Org is one organisation's part of a Snapshot. Immutable, safe for concurrent
// use; the zero Org is empty.
type Org struct{}

// ID returns the organisation's id.
func (o *Org) ID() e911.OrgID { return "" }

// Config returns the organisation itself.
func (o *Org) Config() e911.Org { return e911.Org{} }

// Site returns a site.
func (o *Org) Site(id e911.SiteID) (e911.Site, bool) { return e911.Site{}, false }

// Building returns a building.
func (o *Org) Building(id e911.BuildingID) (e911.Building, bool) { return e911.Building{}, false }

// Location returns a location.
func (o *Org) Location(id e911.LocationID) (e911.Location, bool) { return e911.Location{}, false }

// Element returns a network element.
func (o *Org) Element(id e911.ElementID) (e911.Element, bool) { return e911.Element{}, false }

// User returns a user.
func (o *Org) User(id e911.UserID) (e911.User, bool) { return e911.User{}, false }

// Device returns a device.
func (o *Org) Device(id e911.DeviceID) (e911.Device, bool) { return e911.Device{}, false }

// Trunk returns a trunk of the organisation.
func (o *Org) Trunk(id e911.TrunkID) (e911.Trunk, bool) { return e911.Trunk{}, false }

// Number returns the record of a number of the organisation.
func (o *Org) Number(n e911.Number) (e911.NumberRec, bool) { return e911.NumberRec{}, false }

// Alert returns an alert rule.
func (o *Org) Alert(id e911.AlertID) (e911.Alert, bool) { return e911.Alert{}, false }

// Alerts returns the alert rules of a site in order of key.
func (o *Org) Alerts(site e911.SiteID) []e911.Alert { return nil }

// UserByDeviceUserID returns the user whom platforms name so; exact match only.
func (o *Org) UserByDeviceUserID(id string) (e911.User, bool) { return e911.User{}, false }

// DeviceByMAC returns the device with that hardware address.
func (o *Org) DeviceByMAC(m e911.MAC) (e911.Device, bool) { return e911.Device{}, false }

// DevicesOf returns the devices of a user in order of key.
func (o *Org) DevicesOf(u e911.UserID) []e911.Device { return nil }

// NumbersOf returns the numbers of a user in order.
func (o *Org) NumbersOf(u e911.UserID) []e911.NumberRec { return nil }

// Place returns a location as one value, with its building's address and point.
func (o *Org) Place(id e911.LocationID) (e911.Place, bool) { return e911.Place{}, false }

// BuildingPlaces returns the buildings of a site as places, in order of key.
func (o *Org) BuildingPlaces(site e911.SiteID) []e911.Place { return nil }

// ByBSSID finds the location of an access point, exactly, then by the
// organisation's masks (F-19).
func (o *Org) ByBSSID(m e911.MAC) (e911.LocationID, bool) { return "", false }

// ByLLDPPort finds the location of a switch port.
func (o *Org) ByLLDPPort(p e911.LLDPPort) (e911.LocationID, bool) { return "", false }

// ByLLDPChassis finds the location of a switch.
func (o *Org) ByLLDPChassis(chassis string) (e911.LocationID, bool) { return "", false }

// ByMAC finds the location of a device that never moves.
func (o *Org) ByMAC(m e911.MAC) (e911.LocationID, bool) { return "", false }

// ByIP finds the location of the longest mapped range that holds a.
func (o *Org) ByIP(a netip.Addr) (e911.LocationID, bool) { return "", false }

// InPublicRange reports whether a is one of the organisation's public addresses.
func (o *Org) InPublicRange(a netip.Addr) bool { return false }

// Sites lists the sites in no order; so do the others.
func (o *Org) Sites() iter.Seq[e911.Site] { return func(func(e911.Site) bool) {} }

// Buildings lists the buildings.
func (o *Org) Buildings() iter.Seq[e911.Building] { return func(func(e911.Building) bool) {} }

// Locations lists the locations.
func (o *Org) Locations() iter.Seq[e911.Location] { return func(func(e911.Location) bool) {} }

// Elements lists the network elements.
func (o *Org) Elements() iter.Seq[e911.Element] { return func(func(e911.Element) bool) {} }

// Users lists the users.
func (o *Org) Users() iter.Seq[e911.User] { return func(func(e911.User) bool) {} }

// Devices lists the devices.
func (o *Org) Devices() iter.Seq[e911.Device] { return func(func(e911.Device) bool) {} }

// Numbers lists the numbers.
func (o *Org) Numbers() iter.Seq[e911.NumberRec] { return func(func(e911.NumberRec) bool) {} }

// AllAlerts lists the alert rules.
func (o *Org) AllAlerts() iter.Seq[e911.Alert] { return func(func(e911.Alert) bool) {} }

// Trunks lists the organisation's own trunks.
func (o *Org) Trunks() iter.Seq[e911.Trunk] { return func(func(e911.Trunk) bool) {} }
