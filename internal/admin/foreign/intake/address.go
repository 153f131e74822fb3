package intake

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
)

const checkAddress = "compare it with what stands on the door; callbox check tells what a reference layer says"

// Address brings the address of a building into canonical form, and warns of
// what a person should look at.
func (o *Out) Address(r Row, from Col, c e911.Civic) e911.Civic {
	if c.Country == "" {
		c.Country = o.opt.Country
	}
	c, notes := civic.Normalize(c)
	o.look(r, from, c, notes)
	return c
}

// Line reads an address that stands in one field. False means that it is none
// and the row is left out.
func (o *Out) Line(r Row, from Col, text string) (e911.Civic, bool) {
	p, notes := civic.Parse(text, civic.Hint{Country: o.opt.Country})
	switch p.Kind {
	case civic.KindNone:
		o.Fault(r, from, CodeAddress, "this is no address that can be read: "+quoted(text), "write house number, street, city, state and postal code")
		return e911.Civic{}, false
	case civic.KindForeign:
		o.Fault(r, from, CodeAddress, "the address is outside the United States and Canada", "only addresses of the two countries are served")
		return e911.Civic{}, false
	case civic.KindStreet, civic.KindIntersection:
	default:
		o.Fault(r, from, CodeAddress, "this was read as "+p.Kind.String()+", and nobody can be sent there: "+quoted(text), "write house number, street, city, state and postal code")
		return e911.Civic{}, false
	}
	if p.Address.Country == "" {
		p.Address.Country = o.opt.Country
	}
	for _, f := range []string{"NAM", "LOC", "BLD"} {
		if v := p.Address.Get(f); v != "" {
			notes = append(notes, civic.Note{Field: f, Text: quoted(v) + " was not understood as a part of the street address."})
		}
	}
	o.look(r, from, p.Address, notes)
	return p.Address, true
}

// look warns once of a row whose address is uncertain.
func (o *Out) look(r Row, from Col, c e911.Civic, notes []civic.Note) {
	var why []string
	for _, n := range notes {
		why = append(why, n.Text)
	}
	for _, f := range civic.Check(c).Faults {
		why = append(why, f.Reason)
	}
	if len(why) > 0 {
		o.Warn(r, from, CodeAddress, "check this address: "+strings.Join(why, " "), checkAddress)
	}
}

// Split takes apart what a building has and what finds somebody inside: floor,
// room and seat are the location's, a building's name is no part of its address.
func Split(c e911.Civic) (building, inside e911.Civic, name string) {
	building = c
	inside = e911.Civic{FLR: c.FLR, ROOM: c.ROOM, SEAT: c.SEAT, UNIT: c.UNIT, WING: c.WING, LOC: c.LOC, NAM: c.NAM}
	building.FLR, building.ROOM, building.SEAT, building.UNIT, building.WING, building.LOC, building.NAM = "", "", "", "", "", "", ""
	name, building.BLD, building.POBOX = c.BLD, "", ""
	return building, inside, name
}

// StreetKey is a key for the building at a street address, of a product that
// has none: the same whatever else changes there, another when the address does.
func StreetKey(prefix string, c e911.Civic) string {
	sum := sha256.Sum256([]byte(civic.Key(c) + "|" + strings.ToLower(c.A3)))
	return Key(prefix, trim(slug(civic.Street(c)+" "+c.A3), 80)+"-"+hex.EncodeToString(sum[:3]))
}

// Civic writes address fields as cells, all from one column.
func Civic(c e911.Civic, from Col) []Cell {
	var out []Cell
	for name, v := range c.All() {
		out = append(out, Cell{name, v, from})
	}
	return out
}

// Point writes latitude and longitude as cells. A product's 0,0 is no place.
func (o *Out) Point(r Row, lat, lon Col) []Cell {
	a, b := r.Get(lat), r.Get(lon)
	if a == "" && b == "" {
		return nil
	}
	x, err1 := strconv.ParseFloat(a, 64)
	y, err2 := strconv.ParseFloat(b, 64)
	switch {
	case err1 != nil || err2 != nil || !(x >= -90 && x <= 90) || !(y >= -180 && y <= 180):
		o.Warn(r, lat, CodeNoPlace, "latitude and longitude are no point on the earth, and were left out", "write degrees, such as 42.1015 and -72.5898")
		return nil
	case x == 0 && y == 0:
		return nil
	}
	return []Cell{{ColumnLatitude, strconv.FormatFloat(x, 'f', -1, 64), lat}, {ColumnLongitude, strconv.FormatFloat(y, 'f', -1, 64), lon}}
}

// The columns of a building's point.
const (
	ColumnLatitude  = "latitude"
	ColumnLongitude = "longitude"
)

// Key makes a key of what another product names an object by: a stable one, so
// that importing again finds the object again. Signs that a key has not become
// hyphens, and then a part of a hash keeps names apart.
func Key(prefix, name string) string {
	s := slug(name)
	plain := strings.ReplaceAll(strings.TrimSpace(name), " ", "-")
	if s != plain || len(prefix)+len(s) > maxKey {
		sum := sha256.Sum256([]byte(name))
		s = trim(s, maxKey-len(prefix)-7) + "-" + hex.EncodeToString(sum[:3])
	}
	return strings.TrimLeft(prefix+s, "-._:/")
}

// maxKey is the longest key of package check.
const maxKey = 128

func trim(s string, n int) string { return s[:min(len(s), max(n, 0))] }

func slug(s string) string {
	var b strings.Builder
	gap := false
	for _, r := range strings.TrimSpace(s) {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '_', r == ':', r == '/', r == '-':
			b.WriteRune(r)
			gap = false
		case !gap:
			b.WriteByte('-')
			gap = true
		}
	}
	return strings.Trim(b.String(), "-")
}

// PersonKey is the key of a user whose e-mail address or log-in name is known.
func PersonKey(login string) string {
	return Key("", strings.ReplaceAll(strings.ToLower(strings.TrimSpace(login)), "@", ":"))
}
