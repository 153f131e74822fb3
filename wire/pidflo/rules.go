package pidflo

import (
	"fmt"
	"slices"
)

// Fault is a breach of one of the rules of RFC 5491, section 3, for what one
// presence document says about places.
type Fault struct {
	Rule int    // 2, 3, 4 or 7
	Path string // of the element, "/presence/device[@id='a']/geopriv[2]"
	Text string
}

// Faults lists what of the rules can be seen in the document alone. They are
// advice to who makes one: Append writes such a document, and a reader takes
// Locations in the order that rule 8 gives. Whether two descriptions mean the
// same place (rules 1, 3 and 5) is beyond what a document tells; two of the
// same kind in elements of the same type are named.
func (d *Document) Faults() []Fault {
	var out []Fault
	var first [Person + 1]*Element
	for i := range d.Elements {
		e := &d.Elements[i]
		if e.Kind > Person {
			continue
		}
		path := fmt.Sprintf("/presence/%s[@id='%s']", [...]string{"device", "tuple", "person"}[e.Kind], clip(e.ID))
		if len(e.Geopriv) > 1 {
			out = append(out, Fault{2, path, "more than one geopriv in one element"})
		}
		located := slices.ContainsFunc(e.Geopriv, func(g Geopriv) bool { return g.Located() })
		if located && first[e.Kind] != nil {
			out = append(out, Fault{3, path, "a second location in elements of one type: both must be the same place"})
		} else if located {
			first[e.Kind] = e
		}
		for j := range e.Geopriv {
			p := path + "/geopriv"
			if len(e.Geopriv) > 1 {
				p = fmt.Sprintf("%s[%d]", p, j+1)
			}
			out = append(out, e.Geopriv[j].faults(p)...)
		}
	}
	return out
}

// faults looks at the chunks of one location-info.
func (g *Geopriv) faults(path string) []Fault {
	var civics, shapes int
	fineFirst := false
	for _, c := range g.Info {
		switch {
		case c.Civic != nil && len(c.Civic.Fields) > 0:
			civics++
			fineFirst = fineFirst || (shapes == 0 && indoorsOnly(c.Civic))
		case c.Shape != nil:
			shapes++
		}
	}
	var out []Fault
	if civics > 1 || shapes > 1 {
		out = append(out, Fault{4, path, "several descriptions of one kind in one location-info"})
	}
	if civics > 0 && shapes > 0 && fineFirst {
		out = append(out, Fault{7, path, "the finer description stands before the coarser one"})
	}
	return out
}

// indoorsOnly reports whether the address only tells where in a building.
func indoorsOnly(c *Civic) bool {
	for _, f := range c.Fields {
		switch f.Name {
		case "FLR", "ROOM", "UNIT", "SEAT", "WING", "SECTION", "ROW", "UNIT_PRETYPE", "UNIT_VALUE", "LOC":
		default:
			return false
		}
	}
	return true
}
