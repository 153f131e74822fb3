// Package suggest says where an element that the network map does not know
// probably stands: a port beside ports that are mapped, a BSSID beside those of
// the same access point, an address beside its subnet. A suggestion is for a
// person who assigns the element; no call is ever located by one.
//
// It is pure: New indexes the elements of one organisation, Index answers.
package suggest

import (
	"net/netip"

	"github.com/callbox911/callbox/internal/e911"
)

// Confidence is how much a suggestion is worth. It is an order, not a
// probability.
type Confidence string

// The confidences.
const (
	High   Confidence = "high"   // nothing in the map speaks for another place
	Medium Confidence = "medium" // the neighbours agree, at some distance
	Low    Confidence = "low"    // the neighbours disagree, or are far
)

// Key is an element without its place: what a device reported and the map did
// not know. Kind says which of the others is set.
type Key struct {
	Kind e911.ElementKind `json:"kind"`
	MAC  e911.MAC         `json:"mac,omitempty"`  // bssid, mac, gateway, ata_port
	LLDP e911.LLDPPort    `json:"lldp,omitzero"`  // lldp_port, lldp_chassis
	Addr netip.Addr       `json:"addr,omitzero"`  // ip
	Name string           `json:"name,omitempty"` // ap, dect_base, ata_port
}

// Seen says that devices which reported the key were, at the same time, placed
// by other evidence.
type Seen struct {
	Location e911.LocationID
	Devices  int
}

// Suggestion is one place, and why.
type Suggestion struct {
	Location   e911.LocationID `json:"location"`
	Why        string          `json:"why"`
	Confidence Confidence      `json:"confidence"`
}

// MaxSuggestions is how many places are worth a person's time.
const MaxSuggestions = 5
