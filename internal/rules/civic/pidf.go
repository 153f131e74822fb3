package civic

import (
	"strings"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/wire/pidflo"
)

// ToPIDF writes c as a PIDF-LO civic address in the order of the schema. It is
// nil when c is empty.
func ToPIDF(c e911.Civic) *pidflo.Civic {
	if c.Empty() {
		return nil
	}
	out := &pidflo.Civic{}
	for _, name := range e911.CivicFieldNames() {
		if v := c.Get(name); v != "" {
			out.Set(name, v)
		}
	}
	return out
}

// FromPIDF reads the fields that e911.Civic knows. CLDXF-US splits a unit in
// two; they become one. A nil address is an empty one.
func FromPIDF(p *pidflo.Civic) e911.Civic {
	var c e911.Civic
	if p == nil {
		return c
	}
	for _, name := range e911.CivicFieldNames() {
		if v := p.Get(name); v != "" {
			c.Set(name, v)
		}
	}
	if c.UNIT == "" {
		c.UNIT = words(p.Get("UNIT_PRETYPE"), p.Get("UNIT_VALUE"))
	}
	c.Country = strings.ToUpper(c.Country)
	return c
}
