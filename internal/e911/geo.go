package e911

import "log/slog"

// Point is a position in WGS 84 degrees (EPSG:4326, latitude first).
type Point struct {
	Lat float64 `json:"lat" yaml:"lat"`
	Lon float64 `json:"lon" yaml:"lon"`
}

// LogValue hides the position.
func (p Point) LogValue() slog.Value { return slog.StringValue("[point]") }

// Area is a circle: a position with its uncertainty at 95 % confidence (RFC
// 7459) in metres. Zero metres means that no uncertainty was stated.
type Area struct {
	Point
	RadiusM float64 `json:"radius_m,omitempty"`
}

// Place is where a caller is believed to be, as one value: it is what PSAP,
// notice and record carry (E10). Location, building and site are ours and may
// be empty (a caller's own address, a PIDF-LO that came in).
type Place struct {
	Location LocationID `json:"location,omitempty"`
	Key      string     `json:"key,omitempty"` // external key of the location
	Building BuildingID `json:"building,omitempty"`
	Site     SiteID     `json:"site,omitempty"`
	Civic    Civic      `json:"civic,omitzero"`
	Area     *Area      `json:"area,omitempty"`
	// Verdict is the word of the reference layers on the street address; empty
	// when nobody looked at it.
	Verdict Verdict `json:"verdict,omitempty"`
	// Dispatchable: a street address that no layer calls invalid plus the detail
	// that finds the caller. Routable follows from Civic or Area being there (F-05).
	Dispatchable bool   `json:"dispatchable"`
	Display      string `json:"display"` // one line, as a dispatcher reads it
}

// LogValue tells the location's id only.
func (p Place) LogValue() slog.Value { return slog.StringValue("[place " + string(p.Location) + "]") }

// MultiPolygon is a list of polygons, each a list of rings: the outer one
// first, holes after it. A ring does not repeat its first point.
type MultiPolygon [][][]Point

// LogValue hides the geometry.
func (m MultiPolygon) LogValue() slog.Value { return slog.StringValue("[multipolygon]") }
