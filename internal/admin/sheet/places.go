package sheet

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/check"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/netmap"
)

func sites() kindTable[e911.Site] {
	type S = e911.Site
	t := kindTable[S]{kind: Sites, fresh: func(r *row, key string) S {
		return S{ID: e911.NewID[e911.SiteID](), Org: r.im.o.Org, Key: key, Name: key, Mode: e911.ModeDynamic, Stage: e911.StageNone}
	}}
	t.fields = []field[S]{
		keyColumn[S]("site", "hq"),
		text(Column{Name: "name", Form: Text, Example: "Headquarters", Help: "for people; the key when empty"}, func(v *S) *string { return &v.Name }),
		text(Column{Name: "zone", Aliases: []string{"time zone", "timezone"}, Form: Text, Required: true, Example: "America/New_York", Help: "IANA time zone"}, func(v *S) *string { return &v.Zone }),
		words(Column{Name: "mode", Form: Choice, Values: []string{"dynamic", "tn"}, Help: "dynamic: devices are located where they are; tn: by the address of their number"}, func(v *S) *e911.SiteMode { return &v.Mode }),
		words(Column{Name: "stage", Form: Choice, Values: []string{"none", "933", "911"}, Help: "how much of its calling goes to the E911 path"}, func(v *S) *e911.Stage { return &v.Stage }),
		words(Column{Name: "ecbn", Aliases: []string{"emergency callback number"}, Form: Phone, Example: "+16172530100", Help: "the number that a PSAP calls back"}, func(v *S) *e911.Number { return &v.ECBN }),
		words(Column{Name: "main_number", Aliases: []string{"main number"}, Form: Phone, Help: "the number that callers of the site dial"}, func(v *S) *e911.Number { return &v.MainNumber }),
		words(Column{Name: "ecbn_choice", Form: Choice, Values: []string{"LOCATION_NUMBER", "LOCATION_MEMBER_NUMBER"}, Help: "what ecbn is"}, func(v *S) *e911.ECBNChoice { return &v.ECBNChoice }),
		refers(Column{Name: "esa", Help: "key of the location whose address its numbers have"}, e911.KindLocation, func(v *S) *e911.LocationID { return &v.ESA }),
	}
	return t
}

var insideFields = []string{"FLR", "ROOM", "SEAT", "BLD", "POBOX"} // of a location, see check

func buildings() kindTable[e911.Building] {
	type B = e911.Building
	t := kindTable[B]{kind: Buildings, after: afterBuilding, fresh: func(r *row, key string) B {
		return B{ID: e911.NewID[e911.BuildingID](), Org: r.im.o.Org, Key: key, Name: key}
	}}
	t.fields = append([]field[B]{
		keyColumn[B]("building", "mill"),
		siteColumn(func(v *B) *e911.SiteID { return &v.Site }),
		text(Column{Name: "name", Aliases: []string{"building name", "building"}, Form: Text, Example: "Old Mill", Help: "for people and the PSAP; the key when empty"}, func(v *B) *string { return &v.Name }),
	}, civicColumns(insideFields, func(v *B) *e911.Civic { return &v.Address })...)
	degrees := func(name, example string, at func(p *e911.Point) *float64, aliases ...string) field[B] {
		return field[B]{
			Column{Name: name, Aliases: aliases, Form: Degrees, Example: example, Help: "degrees; empty: the address is looked up"},
			func(_ *state, v *B) string {
				if v.Point == nil {
					return ""
				}
				return strconv.FormatFloat(*at(v.Point), 'f', -1, 64)
			},
			func(r *row, v *B, s string) {
				if s == "" {
					v.Point = nil
					return
				}
				f, err := strconv.ParseFloat(strings.Replace(s, ",", ".", 1), 64)
				if err != nil {
					r.fault(name, check.Syntax, fmt.Sprintf("%q is no number of degrees", short(s)), "write "+example)
					return
				}
				p := e911.Point{}
				if v.Point != nil {
					p = *v.Point
				}
				*at(&p) = f
				v.Point = &p
			},
		}
	}
	t.fields = append(
		t.fields,
		degrees("latitude", "42.36684", func(p *e911.Point) *float64 { return &p.Lat }, "lat"),
		degrees("longitude", "-71.10565", func(p *e911.Point) *float64 { return &p.Lon }, "lon", "lng", "long"),
		field[B]{
			Column{Name: "square_feet", Aliases: []string{"square feet"}, Form: Key, Help: "floor area, by which some states measure what a call must tell"},
			func(_ *state, v *B) string {
				if v.SquareFeet == 0 {
					return ""
				}
				return strconv.Itoa(v.SquareFeet)
			},
			func(r *row, v *B, s string) {
				n, err := strconv.Atoi(strings.ReplaceAll(s, ",", ""))
				if s != "" && err != nil {
					r.fault("square_feet", check.Syntax, fmt.Sprintf("%q is no whole number", short(s)), "write 40000")
					return
				}
				v.SquareFeet = n
			},
		},
		shown("validation", "what was found out about the address", func(_ *state, v *B) string { return string(v.Validation.Verdict) }),
	)
	return t
}

// afterBuilding holds an address to the served countries (N-17), and lets go of what
// was found out about the one before.
func afterBuilding(r *row, before, v *e911.Building) {
	if before != nil && before.Address == v.Address {
		return
	}
	if c := v.Address.Country; c != "US" && c != "CA" && len(c) == 2 {
		r.fault("country", check.NotOffered, fmt.Sprintf("addresses in %s are not served", c), "tables take addresses of the United States and Canada: US or CA")
	}
	if before == nil {
		return
	}
	if check.Geocoded(*before) && before.Point != nil && v.Point != nil && *before.Point == *v.Point {
		v.Point = nil
		r.notice(r.im.at["key"]-1, "point", "the point was that of the old address and is looked up anew")
	}
	v.Validation = e911.Validation{}
}

// streetFields are the building's, see check.
var streetFields = []string{
	"country", "A1", "A2", "A3", "A4", "A5", "PRM", "PRD", "STP", "STPS", "RD", "STS", "POD", "POM", "HNP", "HNO", "HNS",
	"PC", "PCN", "PCE", "POBOX", "MP", "BLD",
}

func locations() kindTable[e911.Location] {
	type L = e911.Location
	t := kindTable[L]{kind: Locations, fresh: func(r *row, key string) L {
		return L{ID: e911.NewID[e911.LocationID](), Org: r.im.o.Org, Key: key}
	}}
	t.fields = append([]field[L]{
		keyColumn[L]("location", "mill-2"),
		refers(Column{Name: "building", Aliases: []string{"building key"}, Required: true, Example: "mill", Help: "key of its building"}, e911.KindBuilding, func(v *L) *e911.BuildingID { return &v.Building }),
	}, civicColumns(streetFields, func(v *L) *e911.Civic { return &v.Detail })...)
	t.fields = append(t.fields, shown("site", "key of its building's site", func(s *state, v *L) string {
		if o, ok := s.byID(e911.KindBuilding, string(v.Building)); ok {
			return keyOf(s, e911.KindSite, o.Value.(e911.Building).Site)
		}
		return ""
	}))
	return t
}

func alerts() kindTable[e911.Alert] {
	type A = e911.Alert
	t := kindTable[A]{kind: Alerts, fresh: func(r *row, key string) A {
		return A{ID: e911.NewID[e911.AlertID](), Org: r.im.o.Org, Key: key}
	}}
	on := func(event e911.AlertOn, help string, aliases ...string) field[A] {
		name := "on:" + string(event)
		return field[A]{
			Column{Name: name, Aliases: aliases, Form: Truth, Example: "TRUE", Help: help},
			func(_ *state, v *A) string { return truthText(slices.Contains(v.On, event)) },
			func(r *row, v *A, s string) {
				is, set := r.truth(name, s)
				switch has := slices.Contains(v.On, event); {
				case !set || is == has:
				case is:
					v.On = append(slices.Clone(v.On), event)
				default:
					v.On = slices.DeleteFunc(slices.Clone(v.On), func(e e911.AlertOn) bool { return e == event })
				}
			},
		}
	}
	mail := Column{Name: "mail", Aliases: []string{"mails", "email", "emails"}, Form: Text, List: true, Example: "security@example.com", Help: "mail addresses that are told"}
	hooks := Column{Name: "webhook", Aliases: []string{"webhooks"}, Form: Verbatim, List: true, Help: "web addresses that are told, a space between them; the secret of a new one is set elsewhere"}
	t.fields = []field[A]{
		keyColumn[A]("alert rule", "front-desk"),
		siteColumn(func(v *A) *e911.SiteID { return &v.Site }),
		on(e911.AlertEmergency, "told of emergency calls", "emergency"),
		on(e911.AlertTest, "told of test calls to 933", "test"),
		on(e911.AlertUnknownNetwork, "told of devices in places that are not on the map", "unknown_network"),
		{mail, func(_ *state, v *A) string { return join(&mail, v.Mail) }, func(r *row, v *A, s string) {
			if out, ok := r.list(&mail, v.Mail, s); ok {
				v.Mail = out
			}
		}},
		{hooks, func(_ *state, v *A) string { return join(&hooks, urls(v)) }, func(r *row, v *A, s string) {
			setHooks(r, &hooks, v, s)
		}},
	}
	return t
}

func urls(v *e911.Alert) []string {
	var out []string
	for _, w := range v.Webhook {
		out = append(out, w.URL)
	}
	return out
}

func setHooks(r *row, c *Column, v *e911.Alert, s string) {
	have := urls(v)
	want, ok := r.list(c, have, s)
	if !ok || slices.Equal(want, have) {
		return
	}
	var out []e911.Webhook
	for _, u := range want {
		i := slices.Index(have, u)
		if i < 0 {
			r.fault(c.Name, check.Required, "a new web address needs a secret, and tables carry none", "add it by the API or in world.yaml")
			return
		}
		out = append(out, v.Webhook[i])
	}
	v.Webhook = out
}

func elements() kindTable[e911.Element] {
	type E = e911.Element
	t := kindTable[E]{kind: Elements, find: findElement, fresh: func(r *row, _ string) E {
		e, _ := r.element()
		e.ID = e911.NewID[e911.ElementID]()
		return e
	}, after: afterElement}
	var kinds []string
	for _, k := range netmap.Kinds() {
		kinds = append(kinds, string(k))
	}
	only := func(c Column, get func(v *E) string) field[E] {
		return field[E]{Column: c, get: func(_ *state, v *E) string { return get(v) }}
	}
	t.fields = []field[E]{
		only(Column{Name: "kind", Form: Choice, Values: kinds, Required: true, Example: "bssid", Help: "what it is"}, func(v *E) string { return string(v.Kind) }),
		only(Column{Name: "mac", Form: Hardware, Aliases: []string{"bssid", "mac address"}, Example: "00:11:22:33:44:50", Help: "of bssid, mac, gateway, ata_port, ignore"}, func(v *E) string { return string(v.MAC) }),
		only(Column{Name: "mac_to", Form: Hardware, Help: "the last of a range of bssid or ignore"}, func(v *E) string { return string(v.MACTo) }),
		only(Column{Name: "chassis", Form: Hardware, Aliases: []string{"lldp.chassis", "chassis id"}, Help: "of lldp_port, lldp_ports, lldp_chassis: a hardware or network address"}, func(v *E) string { return v.LLDP.Chassis }),
		only(Column{Name: "port", Form: Verbatim, Aliases: []string{"lldp.port", "port id"}, Help: "the switch's own words, letter by letter, or a pattern of them"}, func(v *E) string { return v.LLDP.Port }),
		only(Column{Name: "range", Form: Addrs, Aliases: []string{"ip", "subnet", "ip range"}, Help: "203.0.113.0/24, or 203.0.113.7-203.0.113.40"}, func(v *E) string {
			switch {
			case v.Range.IsValid():
				return v.Range.String()
			case v.From.IsValid():
				return v.From.String() + "-" + v.To.String()
			}
			return ""
		}),
		only(Column{Name: "name", Form: Verbatim, Help: "of dect_base (its RFPI), ap, ata_port"}, func(v *E) string { return v.Name }),
		words(Column{Name: "mobility", Form: Choice, Values: []string{"fixed", "dock"}, Help: "of mac: it stays there"}, func(v *E) *e911.Mobility { return &v.Mobility }),
		refers(Column{Name: "location", Aliases: []string{"location key"}, Example: "mill-2", Help: "key of where it is; none for vpn, proxy, sase, ignore"}, e911.KindLocation, func(v *E) *e911.LocationID { return &v.Location }),
	}
	return t
}

// element reads what a row recognises an element by.
func (r *row) element() (e911.Element, bool) {
	e := e911.Element{Org: r.im.o.Org}
	get := func(name string) string {
		c, s := r.im.column(name), r.raw(name)
		if c == nil || blank(s) {
			return ""
		}
		v, ok := r.value(c, r.im.at[name]-1, strings.TrimPrefix(s, Remove))
		if !ok {
			return ""
		}
		return v
	}
	quiet := r.quiet
	e.Kind, e.MAC, e.MACTo = e911.ElementKind(get("kind")), e911.MAC(get("mac")), e911.MAC(get("mac_to"))
	e.LLDP, e.Name = e911.LLDPPort{Chassis: get("chassis"), Port: get("port")}, get("name")
	if s := get("range"); s != "" {
		var err error
		if e.Range, e.From, e.To, err = netmap.ParseRange(s); err != nil {
			r.fault("range", check.Syntax, fmt.Sprintf("%q: %s", short(s), err), "write 203.0.113.0/24, or 203.0.113.7-203.0.113.40")
		}
	}
	r.quiet = quiet
	if e.Kind == e911.ElementDECTBase && whole.MatchString(e.Name) && len(e.Name) < 10 {
		r.fault("name", check.Syntax, fmt.Sprintf("%s has %d digits instead of 10: a spreadsheet has cut off leading zeros", e.Name, len(e.Name)), asText)
	}
	if r.bad {
		return e, false
	}
	return netmap.Canonical(e), true
}

func findElement(r *row) (string, bool) {
	e, ok := r.element()
	if !ok {
		return "", false
	}
	if e.Kind == "" {
		r.fault("kind", check.Required, "the row does not say what it is", "write the kind, as bssid")
		return "", false
	}
	r.quiet = true // fresh reads the same cells again
	return admin.ElementKey(e), true
}

// afterElement refuses what is no element, and a row that would move one in an
// import that only adds.
func afterElement(r *row, before, v *e911.Element) {
	*v = netmap.Canonical(*v)
	for _, f := range netmap.Faults(*v) {
		r.fault(f.Path, f.Code, f.Msg, f.Fix)
	}
	if before != nil && r.im.o.Mode != Replace && before.Location != "" && before.Location != v.Location {
		r.fault("location", check.Duplicate, fmt.Sprintf("it is mapped already, to %s, and here to %s", keyOf(r.im.s, e911.KindLocation, before.Location), keyOf(r.im.s, e911.KindLocation, v.Location)),
			"correct the row, or import it in the mode that adds and removes")
	}
}
