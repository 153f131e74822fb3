package gisread

import (
	"strconv"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
	"github.com/callbox911/callbox/internal/rules/gis"
)

// address turns a row of SiteStructureAddressPoint or OpenAddresses into an
// address point.
func (t *table) address(s shape) *problem {
	at, bad := s.single()
	if bad != nil {
		return bad
	}
	if bad := t.texts(); bad != nil {
		return bad
	}
	c, bad := t.areas(pointAreas)
	if bad != nil {
		return bad
	}
	v := &t.rec.vals
	if bad := t.number(&c); bad != nil {
		return bad
	}
	street := t.streetFields(c)
	if street.RD == "" && c.MP == "" && c.PN == "" && v[colSite] == "" {
		return &problem{code: CodeStreet, column: t.nameOf(t.streetColumn()), reason: "The row names no street."}
	}
	c = c.Merge(street)
	t.inside(&c)
	span, updated := t.span()
	if t.r.coverage.outside(at) {
		t.warn(problem{code: CodeOutside, reason: "The address lies outside of all PSAP boundaries of the layer."})
	}
	err := t.r.sink.Address(gis.AddressPoint{
		NGUID: t.rec.nguid, Civic: c, Point: at, Placement: v[colPlacement],
		MSAG: gis.MSAG{Community: v[colMSAG], ESN: v[colESN]}, Updated: updated, Span: span,
	})
	return sinkProblem(err)
}

func sinkProblem(err error) *problem {
	if err == nil {
		return nil
	}
	return &problem{code: CodeSink, reason: "The layer cannot keep the feature: " + printable(err.Error(), 200) + "."}
}

func (t *table) streetColumn() column {
	if t.m.kind == kindTIGER || t.m.kind == kindOpenAddresses {
		return colFullName
	}
	return colName
}

// streetFields reads the street. Publishers without fields write it on one
// line, and often in capitals.
func (t *table) streetFields(areas e911.Civic) e911.Civic {
	v := &t.rec.vals
	c := e911.Civic{
		Country: areas.Country, A1: areas.A1,
		PRM: v[colPreMod], PRD: v[colPreDir], STP: v[colPreTyp], STPS: v[colPreSep], RD: v[colName],
		STS: v[colPosTyp], POD: v[colPosDir], POM: v[colPosMod],
	}
	oneLine := t.streetColumn() == colFullName
	if oneLine {
		c = e911.Civic{Country: areas.Country, A1: areas.A1, RD: v[colFullName]}
	}
	if c.RD == "" {
		return e911.Civic{}
	}
	return t.r.names.street(c, oneLine)
}

// number reads the house number with what stands before and behind it.
func (t *table) number(c *e911.Civic) *problem {
	v := &t.rec.vals
	c.HNP, c.HNS = v[colNumPre], v[colNumSuf]
	c.MP, c.PN = v[colDistMarker], v[colLocMarker]
	text, from := v[colNumber], colNumber
	if text == "" {
		text, from = v[colNumAll], colNumAll
		if text != "" {
			c.HNP, c.HNS = "", ""
		}
	}
	if text == "" {
		if c.MP == "" && c.PN == "" && v[colSite] == "" {
			return &problem{code: CodeNumber, column: t.nameOf(colNumber), reason: "The row has no house number."}
		}
		return nil
	}
	n, ok := whole(text)
	if !ok {
		split, _ := civic.Normalize(e911.Civic{HNO: text})
		if c.HNP == "" {
			c.HNP = split.HNP
		}
		if c.HNS == "" {
			c.HNS = split.HNS
		}
		n, ok = whole(split.HNO)
	}
	switch {
	case !ok:
		return &problem{code: CodeNumber, column: t.nameOf(from), reason: "The house number is not a whole number with, at most, a prefix and a suffix."}
	case n == 0:
		return &problem{code: CodeNumber, column: t.nameOf(from), reason: "House number 0 stands for no address."}
	case n < 0 || n > maxNumber:
		return &problem{code: CodeNumber, column: t.nameOf(from), reason: "The house number is negative or has more than six digits."}
	}
	c.HNO = strconv.Itoa(n)
	return nil
}

// inside reads what tells units, floors and rooms apart.
func (t *table) inside(c *e911.Civic) {
	v := &t.rec.vals
	unit := v[colUnit]
	if v[colUnitValue] != "" {
		unit = strings.TrimSpace(v[colUnitType] + " " + v[colUnitValue])
	}
	in := e911.Civic{
		BLD: v[colStructure], FLR: v[colFloor], UNIT: unit, ROOM: v[colRoom], SEAT: v[colSeat], WING: v[colWing],
		LOC: v[colAddtlLoc], SITE: v[colSite], SUBSITE: v[colSubSite], PLC: v[colPlaceType],
	}
	for _, more := range [...]struct{ label, text string }{{"Section", v[colSection]}, {"Row", v[colRow]}} {
		if more.text == "" {
			continue
		}
		if in.LOC != "" {
			in.LOC += ", "
		}
		in.LOC += more.label + " " + strings.TrimPrefix(more.text, more.label+" ")
	}
	if in.Empty() {
		return
	}
	in.Country = c.Country
	in, _ = civic.Normalize(in)
	*c = c.Merge(in)
}
