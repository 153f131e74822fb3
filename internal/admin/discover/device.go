package discover

import (
	"net/netip"
	"time"

	"github.com/callbox911/callbox/internal/e911"
)

// Device is what one switch, router or controller said.
type Device struct {
	Target   string    `json:"target"`
	At       time.Time `json:"at"`
	Name     string    `json:"name,omitempty"`
	Location string    `json:"location,omitempty"` // sysLocation, as somebody once typed it
	About    string    `json:"about,omitempty"`    // sysDescr
	Object   string    `json:"object,omitempty"`   // sysObjectID
	Vendor   string    `json:"vendor,omitempty"`   // of the sysObjectID, where this version knows it
	Units    []Unit    `json:"units,omitempty"`    // the chassis and the members of a stack
	// Chassis is the key under which phones report the switch by LLDP, "" when
	// it has no LLDP-MIB. ChassisUnique is false for ids that name no switch in
	// the world (F-19).
	Chassis       string `json:"chassis,omitempty"`
	ChassisUnique bool   `json:"chassis_unique,omitempty"`
	// BridgeMAC stands in for the chassis where LLDP-MIB is not to be had.
	BridgeMAC  e911.MAC    `json:"bridge_mac,omitempty"`
	Ports      []Port      `json:"ports,omitempty"`
	APs        []AP        `json:"access_points,omitempty"`
	Gateways   []Gateway   `json:"gateways,omitempty"`
	Wireless   []e911.MAC  `json:"wireless,omitempty"` // devices that are on Wi-Fi now
	Incomplete []Shortfall `json:"incomplete,omitempty"`
}

// Unit is one chassis or stack member of the ENTITY-MIB.
type Unit struct {
	Model  string `json:"model,omitempty"`
	Serial string `json:"serial,omitempty"`
}

// Port is one port of a switch. ID is its LLDP port id in the form in which
// phones report it; empty when the device has no LLDP-MIB.
type Port struct {
	ID         string      `json:"id,omitempty"`
	Interface  string      `json:"interface,omitempty"` // ifName, or ifDescr
	Alias      string      `json:"alias,omitempty"`     // ifAlias: what the network team wrote on it
	Up         bool        `json:"up,omitempty"`
	Neighbours []Neighbour `json:"neighbours,omitempty"`
	Stations   []e911.MAC  `json:"stations,omitempty"` // learned hardware addresses, sorted
}

// Neighbour is what a port hears by LLDP or CDP.
type Neighbour struct {
	Chassis string   `json:"chassis,omitempty"`
	Port    string   `json:"port,omitempty"`
	Name    string   `json:"name,omitempty"`
	MAC     e911.MAC `json:"mac,omitempty"` // its own, where one can be read
	Phone   bool     `json:"phone,omitempty"`
	Switch  bool     `json:"switch,omitempty"` // bridges or routes, and is no phone
	By      string   `json:"by"`               // "lldp" or "cdp"
}

// AP is one access point of a controller.
type AP struct {
	Name     string   `json:"name,omitempty"`
	Location string   `json:"location,omitempty"` // as the controller has it
	MAC      e911.MAC `json:"mac,omitempty"`      // wired
	Radios   []Radio  `json:"radios,omitempty"`
}

// Radio is one BSSID, or the range of them that an access point uses.
type Radio struct {
	From e911.MAC `json:"from"`
	To   e911.MAC `json:"to,omitempty"`
	SSID string   `json:"ssid,omitempty"`
}

// Gateway is a router as the hosts of its networks see it.
type Gateway struct {
	MAC  e911.MAC   `json:"mac"`
	Addr netip.Addr `json:"addr"`
	Own  bool       `json:"own,omitempty"` // the device that was asked routes itself
}

// Shortfall is a table that was not read to its end, or rows of it that made
// no sense.
type Shortfall struct {
	Table string `json:"table"`
	Why   string `json:"why"`
	Rows  int    `json:"rows,omitempty"` // how many were left out; 0: not known
}

// incompletely reports whether a table whose absence matters was cut.
func (d Device) incompletely(tables ...string) bool {
	for _, s := range d.Incomplete {
		for _, t := range tables {
			if s.Table == t {
				return true
			}
		}
	}
	return false
}
