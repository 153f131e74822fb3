package lvf

import (
	"math"
	"strconv"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/geo"
	"github.com/callbox911/callbox/internal/rules/gis"
)

// Near is the address or the street that is nearest to a point.
type Near struct {
	// Address of the address point, without its unit; for a street the number is
	// the one that lies opposite, or absent where that side has none.
	Address   e911.Civic
	Point     e911.Area // of the feature, with its own radius at 95 %
	DistanceM float64   // from the point asked
	Method    e911.GeocodeMethod
	Layer     *e911.Layer
	Feature   string
	MSAG      gis.MSAG
}

// favourM is how much nearer a street must be than an address point to be told
// instead: a house lies farther from where one stands than its street does.
const favourM = 50

// Nearest tells which known address is nearest to a point, within
// Options.WithinM metres: an address point, or where one is more than 50 m
// farther than the nearest centre line, the place on that line. The best layer
// that has anything there answers. It is a guess for people to confirm, never a
// validated address.
func (x *Index) Nearest(p e911.Point, o Options) (Near, bool) {
	within := o.WithinM
	if within <= 0 || math.IsNaN(within) {
		within = DefaultWithinM
	}
	if !geo.Valid(p) || within > maxWithinM {
		return Near{}, false
	}
	for l := range x.allowed(o) {
		if n, ok := l.nearest(p, within, o); ok {
			return n, true
		}
	}
	return Near{}, false
}

// maxWithinM bounds a search: beyond it the answer means nothing.
const maxWithinM = 50_000

func (l *layer) nearest(p e911.Point, within float64, o Options) (Near, bool) {
	// Small circles first: few features to look at where the map is dense.
	for reach := min(within, 50.0); ; reach = min(4*reach, within) {
		address, toAddress := l.nearestPoint(p, reach, o)
		spot, toLine := l.nearestLine(p, reach, o)
		if address >= 0 && toAddress <= toLine+favourM {
			return l.nearAddress(address, toAddress), true
		}
		if spot.segment >= 0 && (reach >= within || toLine+favourM <= reach) {
			return l.nearLine(spot, toLine), true
		}
		if reach >= within {
			return Near{}, false
		}
	}
}

// reachBox holds the circle around a point.
func reachBox(p e911.Point, metres float64) box {
	m := planeAt(p)
	lat := metres / m.perLat * degree
	lon := metres / m.perLon * degree
	bound := func(v float64, most float64) int32 { return int32(max(-most*degree, min(most*degree, v))) }
	return box{
		bound(math.Floor(p.Lat*degree-lat), 90), bound(math.Floor(p.Lon*degree-lon), 180),
		bound(math.Ceil(p.Lat*degree+lat), 90), bound(math.Ceil(p.Lon*degree+lon), 180),
	}
}

// nearestPoint is the nearest active address point within reach, -1 for none;
// of equals the first in the order of the layer.
func (l *layer) nearestPoint(p e911.Point, reach float64, o Options) (address int, metres float64) {
	m := planeAt(p)
	address, metres = -1, reach
	l.points.search(reachBox(p, reach), func(i int) {
		d := math.Hypot(m.xy(l.AddressAt(i)))
		if d < metres || d == metres && (address < 0 || i < address) {
			if l.active(i, o.Now) {
				address, metres = i, d
			}
		}
	})
	return address, metres
}

// spot is a place on a centre line.
type spot struct {
	segment int // -1: none
	right   bool
	share   float64 // of the length of the line, 0 to 1
	at      e911.Point
}

func (l *layer) nearestLine(p e911.Point, reach float64, o Options) (spot, float64) {
	m := planeAt(p)
	best, metres := spot{segment: -1}, reach
	var line []e911.Point
	l.lines.search(reachBox(p, reach), func(i int) {
		if l.stems[l.stem[l.StreetName(i)]].key == "" || !l.lineActive(i, o.Now) {
			return
		}
		line = l.Line(line[:0], i)
		s, d := m.project(line)
		if d < metres || d == metres && (best.segment < 0 || i < best.segment) {
			s.segment = i
			best, metres = s, d
		}
	})
	return best, metres
}

// project finds the place of a line that is nearest to the origin of the plane.
func (m plane) project(line []e911.Point) (spot, float64) {
	var s spot
	least, walked, at := math.Inf(1), 0.0, 0.0
	for i := 1; i < len(line); i++ {
		px, py := m.xy(line[i-1])
		qx, qy := m.xy(line[i])
		dx, dy := qx-px, qy-py
		length, t := math.Hypot(dx, dy), 0.0
		if length > 0 {
			t = max(0, min(1, -(px*dx+py*dy)/(length*length)))
		}
		x, y := px+t*dx, py+t*dy
		if d := math.Hypot(x, y); d < least {
			least, at = d, walked+t*length
			s.at = m.point(x, y)
			s.right = dx*(0-py)-dy*(0-px) < 0 // the origin seen from the first point
		}
		walked += length
	}
	if walked > 0 {
		s.share = at / walked
	}
	return s, least
}

func (l *layer) nearAddress(i int, metres float64) Near {
	a := l.Address(i)
	c := a.Civic
	for _, f := range insideFields {
		if f.name != "BLD" && f.name != "SITE" && f.name != "SUBSITE" {
			*f.of(&c) = ""
		}
	}
	return Near{
		Address: c, Point: e911.Area{Point: a.Point, RadiusM: radiusOf(a.Placement)}, DistanceM: metres,
		Method: e911.GeocodeAddressPoint, Layer: l.info, Feature: a.NGUID, MSAG: a.MSAG,
	}
}

func (l *layer) nearLine(s spot, metres float64) Near {
	left, right := l.Sides(s.segment)
	side := left
	if s.right {
		side = right
	}
	c, msag := l.Place(side.Place)
	l.PutName(&c, l.StreetName(s.segment))
	n := Near{
		Address: c, Point: e911.Area{Point: s.at, RadiusM: leastLineM}, DistanceM: metres, Method: e911.GeocodeStreet,
		Layer: l.info, Feature: l.StreetID(s.segment), MSAG: msag,
	}
	opposite := side.From + int(math.Round(s.share*float64(side.To-side.From)))
	if number, ok := closest(side, opposite); ok {
		n.Address.HNP, n.Address.HNO = side.Prefix, strconv.Itoa(number)
		n.Point, n.Method = l.interpolate(s.segment, s.right, side, number), e911.GeocodeRange
	}
	return n
}
