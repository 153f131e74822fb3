package e911

import "time"

// LayerGrade says how far a reference layer may be trusted.
type LayerGrade string

// The grades, best first. Only the first two may say "valid"; a demonstration
// layer decides nothing outside an organisation so marked (F-23).
const (
	GradeAuthoritative LayerGrade = "authoritative" // of the 911 authority: NENA-STA-006 data
	GradeReference     LayerGrade = "reference"     // public data of good repute: TIGER, OpenAddresses
	GradeDemonstration LayerGrade = "demonstration" // made up or filled in; for trying out
)

// Layer describes a reference layer that was imported whole: address points,
// road centre lines and service boundaries of one publisher. What it holds
// (gis.Content) lies in a file of its own that Digest names.
type Layer struct {
	ID       LayerID    `json:"id"`
	Key      string     `json:"key"`  // "cambridge-ma"
	Name     string     `json:"name"` // for people
	Grade    LayerGrade `json:"grade"`
	Source   string     `json:"source"`   // who published it, as the operator says
	Standard string     `json:"standard"` // "NENA-STA-006.2", "NENA-STA-006.3", "TIGER/Line", "OpenAddresses"
	AsOf     time.Time  `json:"as_of,omitzero"`
	Version  int        `json:"version"` // 1, one more with every replacement
	Digest   string     `json:"digest"`  // SHA-256 of the encoded content, 64 hex digits
	Size     int64      `json:"size"`    // bytes of the encoded content

	Addresses  int `json:"addresses"`
	Streets    int `json:"streets"`
	Boundaries int `json:"boundaries"`

	ImportedAt time.Time `json:"imported_at,omitzero"`
	ImportedBy string    `json:"imported_by,omitempty"`
}

// Verdict is the word on a whole address.
type Verdict string

// The verdicts. Only "invalid" is unusable (F-05); nothing but a layer of the
// authority or of good repute makes an address valid.
const (
	VerdictValid      Verdict = "valid"
	VerdictUnverified Verdict = "unverified"
	VerdictInvalid    Verdict = "invalid"
)

// Words are the verdict for people who must send somebody there; empty when
// nobody looked.
func (v Verdict) Words() string {
	switch v {
	case VerdictValid:
		return "address checked on the map"
	case VerdictUnverified:
		return "address not checked"
	case VerdictInvalid:
		return "ADDRESS NOT ON THE MAP"
	}
	return ""
}

// GeocodeMethod says how the point of an address was found, best first.
type GeocodeMethod string

// The methods.
const (
	GeocodeAddressPoint GeocodeMethod = "address_point"
	GeocodeRange        GeocodeMethod = "range"  // interpolated on the road centre line, on its side, set back
	GeocodeStreet       GeocodeMethod = "street" // the middle of the street in that place
	GeocodePlace        GeocodeMethod = "place"  // the postal code's or the community's middle
)

// Validation is the verdict on an address with everything that defends it: what
// was entered, what it was judged by, and when.
type Validation struct {
	Verdict Verdict `json:"verdict,omitempty"`
	// Entered is the address as somebody typed it, before it got its canonical
	// form; empty when that is the same.
	Entered Civic     `json:"entered,omitzero"`
	By      string    `json:"by,omitempty"` // who entered it: "user 0198...", "import world.yaml"
	At      time.Time `json:"at,omitzero"`
	// Invalid and Unchecked name the fields that are not valid (PIDF-LO names).
	Invalid   []string `json:"invalid,omitempty"`
	Unchecked []string `json:"unchecked,omitempty"`
	// Missing is what a dispatcher would lack; "FLR" stands for any detail (N-38).
	Missing []string `json:"missing,omitempty"`

	Point   *Area         `json:"point,omitempty"` // geocode, with its uncertainty at 95 %
	Method  GeocodeMethod `json:"method,omitempty"`
	Layer   string        `json:"layer,omitempty"`   // key of the layer that decided; none: structure alone
	Version int           `json:"version,omitempty"` // of the layer
	AsOf    time.Time     `json:"as_of,omitzero"`    // of the layer
	Feature string        `json:"feature,omitempty"` // NGUID that matched
}
