// Package redsky reads what a customer of RedSky E911 Anywhere, Horizon Mobility
// and their namesakes can export: users, device mappings, buildings, locations
// and network elements. Headings are those of two public scripts over its CSV
// exports of 2020 and the field names of its private REST API as a public client
// writes them.
package redsky

import (
	"net/netip"
	"strings"

	"github.com/callbox911/callbox/internal/admin/check"
	"github.com/callbox911/callbox/internal/admin/foreign/intake"
	"github.com/callbox911/callbox/internal/admin/sheet"
	"github.com/callbox911/callbox/internal/e911"
)

// The formats.
const (
	users     = "users"
	mappings  = "device-mappings"
	devices   = "devices"
	buildings = "buildings"
	locations = "locations"
	bssids    = "bssids"
	macs      = "macs"
	switches  = "switches"
	ports     = "ports"
	ranges    = "ip-ranges"
	public    = "public-ranges"
)

// The names of columns that several formats have.
var (
	placeNames    = []string{"locationId", "erlId", "location.id", "erl.id", "Location ID", "Location", "location.name", "erl.name", "Location Name", "ERL", "ERL Name"}
	buildingNames = []string{"organizationUnitId", "Building ID", "buildingId", "Building", "Building Name", "organizationUnit.name"}
	mailNames     = []string{"Email", "E-mail", "Email Address"}
	lowNames      = []string{"ipAddressLow", "IP Address Low", "Low IP", "IP Range Low", "Start IP"}
	highNames     = []string{"ipAddressHigh", "IP Address High", "High IP", "IP Range High", "End IP"}
	chassisNames  = []string{"chassisId", "Chassis ID", "Chassis"}
	switchNames   = []string{"networkSwitchId", "Network Switch ID", "Switch ID"}
)

// Origin returns the reader.
func Origin() intake.Origin {
	return intake.Origin{Key: "redsky", Title: "RedSky", Read: read, Formats: []intake.Format{
		{Name: users, Title: "Users", Must: [][]string{mailNames, {"Username", "Device User ID", "heldUserId", "Identification Type", "User ID"}}},
		{Name: mappings, Title: "MyE911DeviceMappings", Must: [][]string{{"MyE911 Username"}, {"Device Identifier"}}},
		{Name: devices, Title: "AllDeviceReport", Must: [][]string{{"Device Name"}, {"PBX Name"}}},
		{Name: buildings, Title: "Buildings", Must: [][]string{{"fullAddress", "Full Address", "Address", "normalizedAddress"}, {"name", "Building Name", "Building"}}, Not: []string{"elin", "ELIN", "organizationUnitId"}},
		{Name: locations, Title: "Locations", Must: [][]string{{"name", "Location Name", "Location"}, buildingNames}, Not: []string{"fullAddress", "BSSID", "macAddress", "chassisId", "ipAddressLow"}},
		{Name: bssids, Title: "BSSIDs", Must: [][]string{{"BSSID", "BSSID Address"}, placeNames}},
		{Name: macs, Title: "MAC addresses", Must: [][]string{{"macAddress", "MAC Address", "MAC"}, placeNames}},
		{Name: switches, Title: "Network switches", Must: [][]string{chassisNames, placeNames}, Not: []string{"portId", "Port ID", "Port"}},
		{Name: ports, Title: "Network switch ports", Must: [][]string{{"portId", "Port ID", "Port"}, placeNames, append(append([]string{}, switchNames...), chassisNames...)}},
		{Name: ranges, Title: "IP ranges", Must: [][]string{lowNames, highNames, placeNames}},
		{Name: public, Title: "Public IP ranges", Must: [][]string{lowNames, highNames}, Not: placeNames},
	}}
}

type reader struct {
	o         *intake.Out
	buildings map[string]string // our key by id, name and external key
	locations map[string]string
	chassis   map[string]string // by the id of the switch
	users     map[string]string // our key by log-in
}

// own is why a column of RedSky's bookkeeping is not used.
const own = "RedSky's own bookkeeping"

const noDescription = "network elements have no description with us"

// ap is a BSSID that was read.
type ap struct {
	from, to e911.MAC
	location string
	row      intake.Row
}

func read(o *intake.Out, in map[string][]*intake.Sheet) {
	r := &reader{o: o, buildings: map[string]string{}, locations: map[string]string{}, chassis: map[string]string{}, users: map[string]string{}}
	for _, step := range []struct {
		name string
		do   func(*intake.Sheet)
	}{
		{buildings, r.building},
		{locations, r.location},
		{users, r.user},
		{mappings, r.mapping},
		{devices, r.device},
		{switches, r.switches},
		{ports, r.ports},
		{bssids, r.bssids},
		{macs, r.macs},
		{ranges, r.ranges},
		{public, r.public},
	} {
		for _, s := range in[step.name] {
			step.do(s)
		}
	}
}

// put keeps a key by what RedSky may name the object by.
func put(m map[string]string, key string, names ...string) {
	for _, n := range names {
		if n = strings.ToLower(n); n != "" {
			if have, ok := m[n]; ok && have != key {
				m[n] = "" // two of one name: neither is meant
				continue
			}
			m[n] = key
		}
	}
}

// key is made of the external key, of the id, or else of the name.
func key(external, id string, name ...string) string {
	switch {
	case external != "":
		return intake.Key("", external)
	case id != "":
		return intake.Key("redsky:", id)
	}
	return intake.Key("redsky:", strings.Join(name, "/"))
}

func (r *reader) building(s *intake.Sheet) {
	name, line, id, ext := s.Col("name", "Building Name", "Building"), s.Col("fullAddress", "Full Address", "Address", "normalizedAddress"), s.Col("id", "Building ID"), s.Col("supplementalData", "Supplemental Data")
	lat, lon := s.Col("Latitude", "lat"), s.Col("Longitude", "lon", "lng")
	s.NoPlace("the organisation is the one of --org", "parentOrganizationUnitId")
	s.NoPlace(own, "origin", "type")
	s.NoPlace("Callbox validates addresses itself", "normalizedAddress", "streetAddress", "Validated", "validationStatus")
	for _, row := range s.Rows {
		if row.Get(name) == "" {
			r.o.Fault(row, name, check.Required, "the building has no name", "name it there, and export again")
			continue
		}
		c, ok := r.o.Line(row, line, row.Get(line))
		if !ok {
			continue
		}
		outside, inside, _ := intake.Split(c)
		outside.UNIT, outside.LOC, outside.WING = inside.UNIT, inside.LOC, inside.WING // all of it is there
		if inside.FLR != "" || inside.ROOM != "" || inside.SEAT != "" {
			r.o.Warn(row, line, intake.CodeNoPlace, "the address of the building names a floor or a room, which belongs to a location", "add a location with it")
		}
		k := key(row.Get(ext), row.Get(id), row.Get(name))
		cells := []intake.Cell{{Column: "key", Value: k, From: name}, {Column: "site", Value: r.o.Options().Site}, {Column: "name", Value: row.Get(name), From: name}}
		if r.o.Put(sheet.Buildings, k, row, append(append(cells, intake.Civic(outside, line)...), r.o.Point(row, lat, lon)...)...) {
			put(r.buildings, k, row.Get(id), row.Get(name), row.Get(ext))
		}
	}
}

func (r *reader) location(s *intake.Sheet) {
	name, in, info := s.Col("name", "Location Name", "Location"), s.Col(buildingNames...), s.Col("info", "Location Info", "Additional Info")
	id, ext, elin := s.Col("id", "Location ID"), s.Col("supplementalData", "Supplemental Data"), s.Col("elin", "ELIN", "elin.phoneNumber", "ECBN")
	s.NoPlace("the building's name and address are kept once, with the building", "addressEntityName", "orgNameOverride", "Address")
	s.NoPlace(own, "type")
	for _, row := range s.Rows {
		if row.Get(name) == "" {
			r.o.Fault(row, name, check.Required, "the location has no name", "name it there, and export again")
			continue
		}
		parent := r.buildings[strings.ToLower(row.Get(in))]
		if parent == "" {
			r.o.Fault(row, in, check.Unknown, "no file has the building of this location, or two have its name", "add the export of the buildings, with their ids")
			continue
		}
		k := key(row.Get(ext), row.Get(id), row.Get(in), row.Get(name))
		text, from := row.Get(name), name
		if v := row.Get(info); v != "" && !strings.EqualFold(v, text) {
			text, from = text+", "+v, info
		}
		cells := []intake.Cell{{Column: "key", Value: k, From: name}, {Column: "building", Value: parent, From: in}}
		if !r.o.Put(sheet.Locations, k, row, append(cells, intake.Civic(intake.Inside(text), from)...)...) {
			continue
		}
		put(r.locations, k, row.Get(id), row.Get(name), row.Get(ext))
		if n := r.o.Number(row, elin); n != "" {
			r.o.Put(sheet.Numbers, string(n), row, intake.Cell{Column: "number", Value: string(n), From: elin}, intake.Cell{Column: "site", Value: r.o.Options().Site},
				intake.Cell{Column: "location", Value: k}, intake.Cell{Column: "elin", Value: "TRUE"})
		}
	}
}

func (r *reader) at(row intake.Row, c intake.Col) (string, bool) {
	k := r.locations[strings.ToLower(row.Get(c))]
	if k == "" {
		r.o.Fault(row, c, check.Unknown, "no file has the location of this element, or two have its name", "add the export of the locations, with their ids")
	}
	return k, k != ""
}

func (r *reader) switches(s *intake.Sheet) {
	chassis, loc, id := s.Col(chassisNames...), s.Col(placeNames...), s.Col(append([]string{"id"}, switchNames...)...)
	s.NoPlace(noDescription, "description")
	s.NoPlace(own, "companyId", "orgId")
	for _, row := range s.Rows {
		if row.Get(id) != "" {
			r.chassis[strings.ToLower(row.Get(id))] = row.Get(chassis)
		}
		if row.Get(loc) == "" {
			continue // its ports have places of their own
		}
		if k, ok := r.at(row, loc); ok {
			r.o.Element(row, chassis, loc, e911.Element{Kind: e911.ElementLLDPChassis, LLDP: e911.LLDPPort{Chassis: row.Get(chassis)}}, k)
		}
	}
}

func (r *reader) ports(s *intake.Sheet) {
	port, loc, chassis, sw := s.Col("portId", "Port ID", "Port"), s.Col(placeNames...), s.Col(chassisNames...), s.Col(switchNames...)
	s.NoPlace(noDescription, "description")
	s.NoPlace(own, "id", "companyId", "orgId")
	for _, row := range s.Rows {
		c := row.Get(chassis)
		if c == "" {
			c = r.chassis[strings.ToLower(row.Get(sw))]
		}
		if c == "" {
			r.o.Fault(row, max(sw, chassis), check.Unknown, "no file has the switch of this port", "add the export of the switches, with their ids")
			continue
		}
		if k, ok := r.at(row, loc); ok {
			r.o.Element(row, port, loc, e911.Element{Kind: e911.ElementLLDPPort, LLDP: e911.LLDPPort{Chassis: c, Port: row.Verbatim(port)}}, k)
		}
	}
}

// bssids takes RedSky's masking, on unless it is said otherwise, as the range of
// 16 that it means. Two that fall together at two places are refused (F-19).
func (r *reader) bssids(s *intake.Sheet) {
	bssid, mask, loc := s.Col("bssid", "BSSID Address"), s.Col("bssidMasking", "BSSID Masking", "Masking"), s.Col(placeNames...)
	s.NoPlace(noDescription, "description")
	s.NoPlace(own, "id", "companyId", "orgId")
	if mask == 0 && len(s.Rows) > 0 {
		r.o.Note(s.File, "the file does not say whether the last digit of a BSSID counts (bssidMasking); as in RedSky it was taken not to", len(s.Rows))
	}
	var aps []ap
	at := map[e911.MAC]ap{} // the first of each masked one
	torn := map[e911.MAC]ap{}
	for _, row := range s.Rows {
		k, ok := r.at(row, loc)
		if !ok {
			continue
		}
		from, to, err := intake.BSSID(row.Get(bssid))
		if err != nil {
			r.o.Fault(row, bssid, check.Syntax, "this is no BSSID", "write twelve hexadecimal digits")
			continue
		}
		if off := strings.ToLower(row.Get(mask)); to == "" && off != "false" && off != "no" && off != "0" && off != "off" {
			from, to = intake.LastDigit(from)
		}
		a := ap{from, to, k, row}
		if first, ok := at[from]; to != "" && ok && first.location != k {
			torn[from] = first
		} else if to != "" && !ok {
			at[from] = a
		}
		aps = append(aps, a)
	}
	for _, a := range aps {
		if first, ok := torn[a.from]; ok && a.to != "" {
			r.o.Fault(a.row, bssid, check.Duplicate, "without their last digit access points of two locations are the same, from line "+itoa(first.row.Line)+" on", "turn the masking off for them there, and export again")
			continue
		}
		r.o.Element(a.row, bssid, loc, e911.Element{Kind: e911.ElementBSSID, MAC: a.from, MACTo: a.to}, a.location)
	}
}

func (r *reader) macs(s *intake.Sheet) {
	mac, loc := s.Col("macAddress", "MAC Address", "MAC"), s.Col(placeNames...)
	s.NoPlace(noDescription, "description")
	s.NoPlace(own, "id", "companyId", "orgId")
	m := r.o.Options().Mobility
	if m == "" && len(s.Rows) > 0 {
		r.o.FileFault(s.File, intake.CodeUncertain, itoa(len(s.Rows))+" hardware addresses were left out: RedSky does not say whether the devices stay where they are",
			"look through the list, and give --mac fixed or --mac dock for a file of those that do")
		return
	}
	for _, row := range s.Rows {
		k, ok := r.at(row, loc)
		if !ok {
			continue
		}
		v, err := e911.ParseMAC(row.Get(mac))
		if err != nil {
			r.o.Fault(row, mac, check.Syntax, "this is no hardware address", "write twelve hexadecimal digits")
			continue
		}
		r.o.Element(row, mac, loc, e911.Element{Kind: e911.ElementMAC, MAC: v, Mobility: m}, k)
	}
}

func (r *reader) span(row intake.Row, low, high intake.Col) (a, b netip.Addr, ok bool) {
	a, err1 := netip.ParseAddr(row.Get(low))
	b, err2 := netip.ParseAddr(row.Get(high))
	if err1 != nil || err2 != nil || a.Unmap().BitLen() != b.Unmap().BitLen() || b.Less(a) {
		r.o.Fault(row, low, check.Syntax, "this is no range of addresses", "write the lowest and the highest address")
		return a, b, false
	}
	return a.Unmap(), b.Unmap(), true
}

func (r *reader) ranges(s *intake.Sheet) {
	low, high, loc := s.Col(lowNames...), s.Col(highNames...), s.Col(placeNames...)
	s.NoPlace(noDescription, "description")
	s.NoPlace(own, "id", "companyId", "orgId")
	for _, row := range s.Rows {
		k, ok := r.at(row, loc)
		if !ok {
			continue
		}
		if a, b, ok := r.span(row, low, high); ok {
			r.o.Element(row, low, loc, e911.Element{Kind: e911.ElementIP, From: a, To: b}, k)
		}
	}
}

// public ranges are a setting of the organisation, which no table has.
func (r *reader) public(s *intake.Sheet) {
	low, high := s.Col(lowNames...), s.Col(highNames...)
	s.NoPlace(noDescription, "description")
	s.NoPlace(own, "id", "companyId", "orgId")
	for _, row := range s.Rows {
		if a, b, ok := r.span(row, low, high); ok {
			r.o.Note(s.File, "by hand: the organisation's public_ranges need "+a.String()+" to "+b.String()+"; before that, ranges that are common in homes are refused", 1)
		}
	}
}
