package check

import (
	"fmt"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/dialplan"
)

// station checks what is stated of a device for the law (F-39 (4)). What is missing
// there refuses no device: admin/station reports it.
func (c *checker) station(v e911.Device) {
	c.spoken("language", v.Language)
	st := v.Station
	if st == nil {
		return
	}
	switch st.Class {
	case "", e911.StationFixed, e911.StationNonFixed, e911.StationOffPremises:
	default:
		c.add("station.class", Syntax, fmt.Sprintf("%q is no class of a station", st.Class), "write fixed, non_fixed or off_premises (47 CFR 9.16(b)(3))")
	}
	if n := st.NotFeasible; !n.Zero() {
		const at = "station.not_feasible."
		c.said(at+"reason", n.Reason, "why an automatic location is not technically feasible is not said", "write the reason")
		c.said(at+"by", n.By, "somebody says so", "write a person's name")
		c.dated(at+"at", n.At)
	}
	if k := st.OffPremises; !k.Zero() {
		c.consented("station.off_premises.", k)
	}
}

// consented checks a consent: one that cannot be shown is none.
func (c *checker) consented(at string, k e911.Consent) {
	c.said(at+"by", k.By, "somebody agreed", "write a person's name")
	c.said(at+"text", k.Text, "the version of the text that he was shown is part of the record", "write it as 2026-01 en")
	c.dated(at+"at", k.At)
}

func (c *checker) said(path, s, missing, fix string) {
	if s == "" {
		c.add(path, Required, missing, fix)
		return
	}
	c.text(path, s, true)
}

func (c *checker) dated(path string, t time.Time) {
	if t.IsZero() {
		c.add(path, Required, "the day is part of the record", "write it as 2026-01-31")
	}
}

// spoken checks the language of a caller.
func (c *checker) spoken(path, s string) {
	if s != "" && (len(s) < 2 || len(s) > 3 || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz") != "") {
		c.add(path, Syntax, fmt.Sprintf("%q is no language", s), "write its letters of RFC 5646, as en or fr")
	}
}

// moves reports a device that does not stay where it is: by its stated class, else
// because it asks for its own location.
func (c *checker) moves(d e911.Device) bool {
	if class := d.Class(); class != "" {
		return class.Moves()
	}
	return c.locatesItself(d)
}

// area checks a floor area.
func (c *checker) area(path string, feet int) {
	const most = 50_000_000
	if feet < 0 || feet > most {
		c.add(path, Range, "this is no floor area of a building in square feet", "write it in square feet, without separators")
	}
}

// Shadows says of what is dialled by digits that begin like an emergency number of
// one of the countries: dialled one by one, that number waits 2 s for a further digit
// (F-37). It refuses nothing.
func Shadows(value any, countries []string) []e911.Fault {
	var path, digits string
	switch v := value.(type) {
	case e911.Device:
		path, digits = "key", v.Key
		if v.SIP != nil {
			path, digits = "sip.user", v.SIP.User
		}
	case e911.User:
		path, digits = "device_user_id", v.DeviceUserID
	}
	if digits == "" || strings.Trim(digits, "0123456789*#") != "" {
		return nil
	}
	n, same := dialplan.NewPlan(countries...).Shadows(digits)
	if n == "" || same {
		return nil // the very number is refused elsewhere
	}
	return []e911.Fault{{
		Path: path, Code: Ambiguous,
		Msg: fmt.Sprintf("%s begins with %s, which is dialled for help: dialled digit by digit, that call waits 2 s for a further digit (F-37)", digits, n),
		Fix: "give it another number, or let telephones send what is dialled as a whole",
	}}
}
