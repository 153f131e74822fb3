package snapshot

import (
	"slices"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
)

// located is a location with its place. There may be a hundred thousand, most
// with two or three of the forty fields of an address, so it keeps those that
// there are, and its building's place is one for all of its locations.
type located struct {
	id       e911.LocationID
	building e911.BuildingID
	key      string
	detail   []civicField
	house    *e911.Place // of the building; nil until references are checked

	dispatchable bool
	display      string
}

// civicField is a field of an address that is not empty.
type civicField struct {
	name  string
	value string
}

var civicNames = e911.CivicFieldNames()

func newLocated(l *e911.Location) *located {
	out := &located{id: l.ID, building: l.Building, key: l.Key}
	var room [8]civicField // most have two or three
	fields := room[:0]
	for _, name := range civicNames {
		if v := l.Detail.Get(name); v != "" {
			fields = append(fields, civicField{name, v})
		}
	}
	out.detail = slices.Clone(fields)
	return out
}

// in returns the location in its building, whose place is house.
func (l *located) in(house *e911.Place) *located {
	next := *l
	next.house = house
	c := next.civic()
	next.dispatchable, next.display = house.Verdict != e911.VerdictInvalid && civic.Dispatchable(c), civic.Display(c)
	return &next
}

// civic is the building's address with the location's detail over it.
func (l *located) civic() e911.Civic {
	c := l.house.Civic
	for _, f := range l.detail {
		c.Set(f.name, f.value)
	}
	return c
}

func (l *located) location(org e911.OrgID) e911.Location {
	out := e911.Location{ID: l.id, Org: org, Building: l.building, Key: l.key}
	for _, f := range l.detail {
		out.Detail.Set(f.name, f.value)
	}
	return out
}

// place writes the location as one value.
func (l *located) place() e911.Place {
	if l.house == nil {
		return e911.Place{}
	}
	p := *l.house
	p.Location, p.Key, p.Civic = l.id, l.key, l.civic()
	p.Dispatchable, p.Display = l.dispatchable, l.display
	return p
}
