package check

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/msag"
)

// classes of service and types of service of NENA 02-010 version 2.1.
const (
	classes = "0123456789ACDEFGHIJKTV"
	types   = "012345"
)

// psali checks what goes into every ALI record of the organisation, so that an
// export does not fail at each of them.
func (c *checker) psali(v e911.Org) {
	p := v.PSALI
	if p == nil {
		return
	}
	if p.CompanyID == "" {
		c.add("psali.company_id", Required, "the records need the NENA company id that the ALI provider gave", "write its up to five characters")
	}
	for _, f := range []struct {
		path, text string
		width      int
	}{
		{"company_id", p.CompanyID, 5},
		{"provider", p.Provider, 5},
		{"company", p.Company, 50},
		{"customer", p.Customer, 32},
		{"exchange", p.Exchange, 4},
		{"county", p.County, 4},
		{"code", p.Code, 3},
	} {
		out, _, ok := msag.Fold(f.text)
		switch {
		case !ok:
			c.add("psali."+f.path, Syntax, "this has signs that an ALI record cannot hold", "write it in plain letters")
		case len(out) > f.width:
			c.add("psali."+f.path, Range, fmt.Sprintf("this has %d characters, and the record has room for %d", len(out), f.width), "shorten it")
		}
	}
	if strings.Trim(p.County, "0123456789") != "" {
		c.add("psali.county", Syntax, "a county id is digits", "write the county's FIPS code, such as 017")
	}
	if !oneOf(p.Class, classes) {
		c.add("psali.class", Syntax, "there is no such class of service", "write 4 for a business PBX, 5 for Centrex, K for enterprise VoIP, or as the ALI provider says")
	}
	if !oneOf(p.Type, types) {
		c.add("psali.type", Syntax, "there is no such type of service", "write 0, or 3 when the number is not published")
	}
	c.callback("psali.main", p.Main, v.Demonstration)
	for _, code := range slices.Sorted(maps.Keys(p.Errors)) {
		if len(code) != 3 || strings.Trim(code, "0123456789") != "" {
			c.add("psali.errors", Syntax, fmt.Sprintf("%q is no error code of three digits", code), "write it as the ALI provider's table has it")
		}
		c.text("psali.errors", p.Errors[code], true)
	}
}

// oneOf reports one sign of the list, or none.
func oneOf(s, list string) bool {
	return s == "" || len(s) == 1 && strings.Contains(list, s)
}
