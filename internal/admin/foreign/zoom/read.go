// Package zoom reads the locations of Zoom Phone's nomadic emergency services:
// places with sub-places, each with BSSIDs, addresses and switches. The fields
// are those of Zoom's API for emergency service locations in bulk (address_line1,
// bssid, network_switches, parent_identifier ...), which the portal's CSV file is
// named after.
package zoom

import (
	"net/netip"
	"strings"

	"github.com/callbox911/callbox/internal/admin/check"
	"github.com/callbox911/callbox/internal/admin/foreign/intake"
	"github.com/callbox911/callbox/internal/admin/sheet"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/netmap"
)

const (
	locations = "locations"
	network   = "network"
)

var (
	idNames      = []string{"Identifier", "Location Identifier", "Location ID", "location_id", "Location Name", "Name", "Display Name"}
	lineNames    = []string{"Address Line 1", "address_line1", "Address", "Emergency Address", "Street Address"}
	networkNames = []string{"BSSID", "Public IP", "Private IP", "Network Switch MAC", "Switch MAC", "MAC Address", "mac_address", "Network Switch", "Network Switches"}
)

// Origin returns the reader.
func Origin() intake.Origin {
	return intake.Origin{Key: "zoom", Title: "Zoom Phone", Read: read, Formats: []intake.Format{
		{Name: locations, Title: "Nomadic emergency services: locations", Must: [][]string{idNames, lineNames}},
		{Name: network, Title: "Network of the locations", Must: [][]string{idNames, networkNames}, Not: lineNames},
	}}
}

type columns struct {
	id, name, parent, site                   intake.Col
	line1, line2, city, state, zip, country  intake.Col
	bssid, public, private, elin             intake.Col
	mac, port, prefix, from, to, switchField intake.Col
}

func columnsOf(s *intake.Sheet) columns {
	s.NoPlace("Callbox matches each element by itself, the narrowest first", "Minimum Match Criteria", "minimum_match_criteria")
	s.NoPlace("the call server is known by its trunk", "SIP Group", "SIP Group Name", "sip_group_name", "sip_group_id")
	s.NoPlace("tax numbers are no part of an address", "VAT Number", "vat_number")
	return columns{
		id: s.Col(idNames...), name: s.Col("Display Name", "display_name", "Location Name", "Name"), parent: s.Col("Parent Identifier", "parent_identifier", "Parent Location", "Parent Location ID", "parent_location_id", "Parent"),
		site: s.Col("Site", "Site Name", "Site ID", "site_id"), line1: s.Col(lineNames...), line2: s.Col("Address Line 2", "address_line2"), city: s.Col("City"), state: s.Col("State/Province", "State", "State Code", "state_code"),
		zip: s.Col("ZIP/Postal Code", "Zip", "Zip Code", "Postal Code"), country: s.Col("Country/Region", "Country", "Country Code"),
		bssid: s.Col("BSSID", "BSSIDs"), public: s.Col("Public IP", "Public IP Address", "public_ip"), private: s.Col("Private IP", "Private IP Address", "private_ip"), elin: s.Col("ELIN", "ELIN Phone Number", "elin_phone_number"),
		mac: s.Col("Network Switch MAC", "Network Switch MAC Address", "Switch MAC", "Switch MAC Address", "MAC Address", "mac_address"), port: s.Col("Port", "Network Switch Port", "Switch Port"),
		prefix: s.Col("Port Prefix", "port_prefix"), from: s.Col("Port Range From", "port_range_from"), to: s.Col("Port Range To", "port_range_to"), switchField: s.Col("Network Switches", "Network Switch", "network_switches"),
	}
}

type reader struct {
	o         *intake.Out
	sites     map[string]bool
	locations map[string]string // our key by identifier and name
	building  map[string]string // of a location
	address   map[string]e911.Civic
}

func read(o *intake.Out, in map[string][]*intake.Sheet) {
	r := &reader{o: o, sites: map[string]bool{}, locations: map[string]string{}, building: map[string]string{}, address: map[string]e911.Civic{}}
	for _, s := range in[locations] {
		c := columnsOf(s)
		r.places(s, c, false)
		r.places(s, c, true)
	}
	for _, s := range in[network] {
		c := columnsOf(s)
		for _, row := range s.Rows {
			if k := r.locations[strings.ToLower(row.Get(c.id))]; k != "" {
				r.elements(row, c, k)
				continue
			}
			r.o.Fault(row, c.id, check.Unknown, "no file has this location", "add the file of the locations")
		}
	}
}

// places takes those without a parent first, whose address the others have where
// they say none of their own.
func (r *reader) places(s *intake.Sheet, c columns, sub bool) {
	for _, row := range s.Rows {
		if (row.Get(c.parent) != "") != sub {
			continue
		}
		id, name := row.Get(c.id), row.Get(c.name)
		if id == "" {
			r.o.Fault(row, c.id, check.Required, "the location has no identifier and no name", "name it there, and export again")
			continue
		}
		if name == "" {
			name = id
		}
		parent := r.locations[strings.ToLower(row.Get(c.parent))]
		if sub && parent == "" {
			r.o.Fault(row, c.parent, check.Unknown, "no file has the parent of this location", "add it, and export again")
			continue
		}
		building, inside, ok := r.buildingOf(row, c, parent, name)
		if !ok {
			continue
		}
		if sub {
			inside = inside.Merge(intake.Inside(name))
		}
		key := intake.Key("zoom:", id)
		cells := []intake.Cell{{Column: "key", Value: key, From: c.id}, {Column: "building", Value: building, From: c.line1}}
		if !r.o.Put(sheet.Locations, key, row, append(cells, intake.Civic(inside, max(c.name, c.id))...)...) {
			continue
		}
		r.building[key] = building
		r.locations[strings.ToLower(id)], r.locations[strings.ToLower(name)] = key, key
		if n := r.o.Number(row, c.elin); n != "" {
			r.o.Put(sheet.Numbers, string(n), row, intake.Cell{Column: "number", Value: string(n), From: c.elin}, intake.Cell{Column: "site", Value: r.site(row, c), From: c.site},
				intake.Cell{Column: "location", Value: key, From: c.id}, intake.Cell{Column: "elin", Value: "TRUE"})
		}
		r.elements(row, c, key)
	}
}

// buildingOf is the building at the row's address, or at its parent's.
func (r *reader) buildingOf(row intake.Row, c columns, parent, name string) (key string, inside e911.Civic, ok bool) {
	line := row.Get(c.line1)
	if line == "" {
		if parent == "" {
			r.o.Fault(row, c.line1, intake.CodeAddress, "the location has no address", "complete it there, and export again")
			return "", e911.Civic{}, false
		}
		return r.building[parent], e911.Civic{}, true
	}
	var p e911.Civic
	if row.Get(c.city) == "" && row.Get(c.zip) == "" {
		if p, ok = r.o.Line(row, c.line1, line); !ok {
			return "", p, false
		}
	} else {
		country := strings.ToUpper(row.Get(c.country))
		if country != "" && country != "US" && country != "CA" && country != "USA" && country != "CANADA" && !strings.HasPrefix(country, "UNITED STATES") {
			r.o.Fault(row, c.country, intake.CodeAddress, "the address is outside the United States and Canada", "only addresses of the two countries are served")
			return "", p, false
		}
		if p, ok = r.o.Line(row, c.line1, strings.Join([]string{line, row.Get(c.city), row.Get(c.state) + " " + row.Get(c.zip), country}, ", ")); !ok {
			return "", p, false
		}
		if city := row.Get(c.city); city != "" && !strings.EqualFold(city, p.A3) {
			r.o.Warn(row, c.city, intake.CodeAddress, "check this address: its city was read as "+p.A3, "compare street and city")
		}
	}
	outside, inside, title := intake.Split(p)
	inside = inside.Merge(intake.Inside(row.Get(c.line2)))
	key = intake.StreetKey("zoom:", outside)
	if r.o.Seen(sheet.Buildings, key) {
		return key, inside, true
	}
	if title == "" {
		title = name
	}
	cells := []intake.Cell{{Column: "key", Value: key, From: c.line1}, {Column: "site", Value: r.site(row, c), From: c.site}, {Column: "name", Value: title, From: max(c.name, c.id)}}
	return key, inside, r.o.Put(sheet.Buildings, key, row, append(cells, intake.Civic(outside, c.line1)...)...)
}

// site is that of the file, made with the zone of the options, or the options'.
func (r *reader) site(row intake.Row, c columns) string {
	name := row.Get(c.site)
	if o := r.o.Options(); name == "" || o.Site != "" {
		return o.Site
	}
	key := intake.Key("", name)
	if zone := r.o.Options().Zone; zone != "" && !r.sites[key] {
		r.sites[key] = true
		r.o.Put(sheet.Sites, key, row, intake.Cell{Column: "key", Value: key, From: c.site}, intake.Cell{Column: "name", Value: name, From: c.site}, intake.Cell{Column: "zone", Value: zone})
	}
	return key
}

func list(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ';' || r == ',' || r == '|' || r == ' ' || r == '\n' })
}

func (r *reader) elements(row intake.Row, c columns, key string) {
	for _, v := range list(row.Get(c.bssid)) {
		from, to, err := intake.BSSID(v)
		if err != nil {
			r.o.Fault(row, c.bssid, check.Syntax, "this is no BSSID", "write twelve hexadecimal digits, with ; between several")
			continue
		}
		r.o.Element(row, c.bssid, c.id, e911.Element{Kind: e911.ElementBSSID, MAC: from, MACTo: to}, key)
	}
	for _, v := range list(row.Get(c.private)) {
		p, a, b, err := netmap.ParseRange(v)
		if err != nil {
			r.o.Fault(row, c.private, check.Syntax, "this is no address and no range", "write 10.1.2.0/24")
			continue
		}
		r.o.Element(row, c.private, c.id, e911.Element{Kind: e911.ElementIP, Range: p, From: a, To: b}, key)
	}
	for _, v := range list(row.Get(c.public)) {
		r.o.Note(row.Sheet.File, "by hand: the organisation's public_ranges need "+v+"; before that, ranges that are common in homes are refused", 1)
	}
	r.switches(row, c, key)
}

// switches takes one switch of a row, in columns or as "MAC port".
func (r *reader) switches(row intake.Row, c columns, key string) {
	if v := row.Get(c.mac); v != "" {
		r.port(row, c.mac, c.id, v, row.Get(c.port), [3]string{row.Get(c.prefix), row.Get(c.from), row.Get(c.to)}, key)
	}
	for v := range strings.SplitSeq(row.Get(c.switchField), ";") {
		f := strings.FieldsFunc(v, func(r rune) bool { return r == ' ' || r == ',' || r == '|' })
		switch len(f) {
		case 0:
		case 1:
			r.port(row, c.switchField, c.id, f[0], "", [3]string{}, key)
		default:
			r.port(row, c.switchField, c.id, f[0], strings.Join(f[1:], " "), [3]string{}, key)
		}
	}
}

// port maps a port, a range of ports with a prefix, or the whole switch.
func (r *reader) port(row intake.Row, from, at intake.Col, mac, port string, span [3]string, key string) {
	m, err := e911.ParseMAC(mac)
	if err != nil {
		if _, err := netip.ParseAddr(mac); err != nil {
			r.o.Fault(row, from, check.Syntax, "this is no hardware address of a switch", "write twelve hexadecimal digits")
			return
		}
	}
	id := mac
	if m != "" {
		id = string(m)
	}
	e := e911.Element{Kind: e911.ElementLLDPChassis, LLDP: e911.LLDPPort{Chassis: id}}
	switch {
	case span[1] != "" && span[2] != "":
		e.Kind, e.LLDP.Port = e911.ElementLLDPPorts, span[0]+"["+span[1]+"-"+span[2]+"]"
	case port != "":
		e.Kind, e.LLDP.Port = e911.ElementLLDPPort, span[0]+port
	}
	r.o.Element(row, from, at, e, key)
}
