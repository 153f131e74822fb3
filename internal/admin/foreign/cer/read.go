// Package cer reads and writes the lists of Cisco Emergency Responder: ERLs with
// their ALI data, switch ports, LAN switches, IP subnets, and telephones that it
// could not locate. The fields are those of its administration pages (Cisco
// Emergency Responder Administration Guide, "Administration Web Interface").
package cer

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/callbox911/callbox/internal/admin/check"
	"github.com/callbox911/callbox/internal/admin/foreign/intake"
	"github.com/callbox911/callbox/internal/admin/sheet"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
)

// The formats.
const (
	erls     = "erls"
	ports    = "switch-ports"
	switches = "lan-switches"
	subnets  = "ip-subnets"
	phones   = "phones"
	chassis  = "chassis"
	keys     = "keys"
)

var (
	erlNames    = []string{"ERL Name", "ERLName", "ERL"}
	switchNames = []string{"Switch IP Address", "Switch IP", "SwitchIPAddress", "Switch IP Address/Host Name", "Switch Host Name", "SwitchHostName", "Switch", "IP Address/Host Name", "Host Name"}
	portNames   = []string{"IfName", "If Name", "Interface Name", "Port Identifier", "PortIdentifier", "Port Name", "PortName", "Port"}
	streetNames = []string{"Street Name", "StreetName", "Street"}
	macNames    = []string{"MAC Address", "MACAddress", "MAC", "Phone MAC Address", "Device Name", "DeviceName"}
)

// Origin returns the reader.
func Origin() intake.Origin {
	return intake.Origin{Key: "cer", Title: "Cisco Emergency Responder", Read: read, Formats: []intake.Format{
		{Name: erls, Title: "ERL export", Must: [][]string{erlNames, streetNames}},
		{Name: ports, Title: "Switch port export", Must: [][]string{erlNames, switchNames, portNames}, Not: append([]string{"Subnet Mask"}, streetNames...)},
		{Name: subnets, Title: "IP subnet export", Must: [][]string{erlNames, {"Subnet ID", "SubnetID", "Subnet", "IP Subnet", "Subnet IP"}, {"Subnet Mask", "SubnetMask", "Mask"}}},
		{Name: chassis, Title: "a list of the switches' chassis ids", Must: [][]string{switchNames, {"Chassis ID", "ChassisID", "Chassis"}}},
		{Name: switches, Title: "LAN switch export", Must: [][]string{switchNames, {"CAM Based Tracking", "Enable CAM based Phone Tracking", "Use Port Description as Phone Location", "Description"}}, Not: append([]string{"Chassis ID"}, erlNames...)},
		{Name: phones, Title: "Unlocated phones, or the ERL debug tool", Must: [][]string{macNames, {"IP Address", "IPAddress", "Phone IP Address", "Extension", "Phone Extension", "Line Number", "Directory Number"}}, Not: []string{"IfName", "Street Name"}},
		{Name: keys, Title: "callbox-keys.csv, which the export of Callbox makes", Must: [][]string{{"CallboxKind"}, {"CallboxKey"}, {"CERName"}}},
	}}
}

type reader struct {
	o         *intake.Out
	locations map[string]string // our key by the name of the ERL
	chassis   map[string]string // by address and host name of the switch
	unknown   map[string]bool
	own       map[string]string // our own key by kind and what the export called it
}

func read(o *intake.Out, in map[string][]*intake.Sheet) {
	r := &reader{o: o, locations: map[string]string{}, chassis: map[string]string{}, unknown: map[string]bool{}, own: map[string]string{}}
	for _, step := range []struct {
		name string
		do   func(*intake.Sheet)
	}{{keys, r.keys}, {erls, r.erls}, {chassis, r.chassisIDs}, {switches, r.switches}, {ports, r.ports}, {subnets, r.subnets}, {phones, r.phones}} {
		for _, s := range in[step.name] {
			step.do(s)
		}
	}
}

func (r *reader) keys(s *intake.Sheet) {
	kind, key, name := s.Col("CallboxKind"), s.Col("CallboxKey"), s.Col("CERName")
	for _, row := range s.Rows {
		r.own[row.Get(kind)+" "+strings.ToLower(row.Get(name))] = row.Get(key)
	}
}

// key is ours for what the file calls name, where an export of ours made it.
func (r *reader) key(kind sheet.Kind, name, otherwise string) string {
	if k, ok := r.own[string(kind)+" "+strings.ToLower(name)]; ok {
		return k
	}
	return otherwise
}

type erlColumns struct {
	name, number, numberSuffix, pre, street, suffix, post, city, state, zip, zip4, country, location, comments, county, lat, lon, building, buildingName intake.Col
	elins                                                                                                                                                []intake.Col
}

func columns(s *intake.Sheet) erlColumns {
	c := erlColumns{
		name: s.Col(erlNames...), number: s.Col("House Number", "HouseNumber"), numberSuffix: s.Col("House Number Suffix", "HouseNumberSuffix"),
		pre: s.Col("Prefix Directional", "Pre Directional", "PreDirectional", "PrefixDirectional", "Prefix Direction"), street: s.Col(streetNames...),
		suffix: s.Col("Street Suffix", "StreetSuffix"), post: s.Col("Post Directional", "PostDirectional", "Post Direction"),
		city: s.Col("Community Name", "CommunityName", "City", "City Name"), state: s.Col("State", "State/Province"), zip: s.Col("Zip Code", "ZipCode", "Zip", "Postal Code"),
		zip4: s.Col("Zip Code Extension", "ZipCodeExtension", "Zip Extension", "Zip4", "Zip+4"), country: s.Col("Country"), location: s.Col("Location", "ALI Location"),
		comments: s.Col("Comments", "Comment"), county: s.Col("County", "County Name"), lat: s.Col("Latitude", "Y Coordinate", "Y-Coordinate"), lon: s.Col("Longitude", "X Coordinate", "X-Coordinate"),
		building: s.Col("Callbox Building"), buildingName: s.Col("Callbox Building Name"),
	}
	for _, n := range []string{"ELIN", "ELIN Number", "ELIN Numbers", "ELINs"} {
		if i := s.Col(n); i > 0 {
			c.elins = append(c.elins, i)
		}
	}
	for n := 1; n <= 10; n++ {
		if i := s.Col("ELIN " + strconv.Itoa(n)); i > 0 {
			c.elins = append(c.elins, i)
		}
	}
	s.NoPlace("alerts are set up as alerts of a site", "Security Level", "Onsite Alert IDs", "Onsite Alert ID", "Onsite Alerts", "Audit Trail", "Audit Trail Interval", "Phone Alert Prompt")
	s.NoPlace("Callbox routes by place, not by translation pattern", "Route/Translation Pattern", "Route Pattern", "Translation Pattern", "RoutePattern")
	s.NoPlace("it is made when ALI records are written (callbox psali)", "Customer Name", "Class of Service", "Type of Service", "Main NPA", "Main Number", "Exchange", "Order Number", "Extract Date", "County ID", "Company ID", "Tax Area Rate", "TAR", "ESN",
		"Customer Code", "General Use", "Reserved", "Alternate Number", "Source ID", "Function Code", "Z Coordinate", "Cell ID", "Sector ID", "NPA", "Telephone Number")
	return c
}

// erls takes an ERL as a location, and all of one street address as a building.
func (r *reader) erls(s *intake.Sheet) {
	c := columns(s)
	for _, row := range s.Rows {
		name := row.Get(c.name)
		if name == "" {
			r.o.Fault(row, c.name, check.Required, "the ERL has no name", "export it again")
			continue
		}
		if row.Get(c.street) == "" {
			if strings.EqualFold(name, "Default") {
				r.o.Note(s.File, "the default ERL has no address: who cannot be located is asked by the relay centre, never placed by a guess", 1)
				continue
			}
			r.o.Fault(row, c.street, intake.CodeAddress, "the ERL has no street address: its ALI data are empty", "complete them there, and export again")
			continue
		}
		place := e911.Civic{
			Country: row.Get(c.country), A1: row.Get(c.state), A2: row.Get(c.county), A3: row.Get(c.city), PC: row.Get(c.zip), PRD: row.Get(c.pre), RD: row.Get(c.street), STS: row.Get(c.suffix),
			POD: row.Get(c.post), HNO: row.Get(c.number), HNS: row.Get(c.numberSuffix),
		}
		if v := row.Get(c.zip4); v != "" && len(place.PC) == 5 {
			place.PC += "-" + v
		}
		r.erl(row, c, name, r.o.Address(row, c.street, place))
	}
}

func (r *reader) erl(row intake.Row, c erlColumns, name string, place e911.Civic) {
	outside, within, _ := intake.Split(place)
	building, title := intake.StreetKey("cer:", outside), civic.Street(outside)
	if v := row.Get(c.building); v != "" {
		building, title = r.key(sheet.Buildings, v, intake.Key("cer:", v)), v
	}
	if v := row.Get(c.buildingName); v != "" {
		title = v
	}
	if !r.o.Seen(sheet.Buildings, building) {
		cells := []intake.Cell{{Column: "key", Value: building, From: c.street}, {Column: "site", Value: r.o.Options().Site}, {Column: "name", Value: title, From: max(c.buildingName, c.street)}}
		if !r.o.Put(sheet.Buildings, building, row, append(append(cells, intake.Civic(outside, c.street)...), r.o.Point(row, c.lat, c.lon)...)...) {
			return
		}
	}
	text := row.Get(c.location)
	key := r.key(sheet.Locations, name, intake.Key("cer:", name))
	if _, ours := r.own[string(sheet.Locations)+" "+strings.ToLower(name)]; text == "" && !ours {
		text = name
		r.o.Warn(row, c.location, intake.CodeUncertain, "the ERL does not say where in the building it is; its name stands for it", "write floor and room")
	}
	cells := []intake.Cell{{Column: "key", Value: key, From: c.name}, {Column: "building", Value: building, From: c.street}}
	if !r.o.Put(sheet.Locations, key, row, append(cells, intake.Civic(within.Merge(intake.Inside(text)), c.location)...)...) {
		return
	}
	r.locations[strings.ToLower(name)] = key
	for _, col := range c.elins {
		for _, part := range strings.FieldsFunc(row.Get(col), func(x rune) bool { return x == ';' || x == '|' || x == ',' || x == '/' }) {
			n, err := e911.ParseNumber(part)
			if err != nil {
				r.o.Warn(row, col, check.Syntax, "the ELIN is no telephone number and was left out", "write ten digits")
				continue
			}
			r.o.Put(sheet.Numbers, string(n), row, intake.Cell{Column: "number", Value: string(n), From: col}, intake.Cell{Column: "site", Value: r.o.Options().Site},
				intake.Cell{Column: "location", Value: key, From: c.name}, intake.Cell{Column: "elin", Value: "TRUE"})
		}
	}
}

func (r *reader) at(row intake.Row, c intake.Col) (string, bool) {
	name := row.Get(c)
	k := r.locations[strings.ToLower(name)]
	if k == "" {
		r.o.Fault(row, c, check.Unknown, "no file has the ERL "+strconv.Quote(name), "add the ERL export")
	}
	return k, k != ""
}

func (r *reader) chassisIDs(s *intake.Sheet) {
	id := s.Col("Chassis ID", "ChassisID", "Chassis")
	for _, n := range switchNames {
		c := s.Col(n)
		if c == 0 {
			continue
		}
		for _, row := range s.Rows {
			if v := row.Get(c); v != "" {
				r.chassis[strings.ToLower(v)] = row.Get(id)
			}
		}
	}
}

func (r *reader) switches(s *intake.Sheet) {
	s.Col(switchNames...)
	s.NoPlace("Emergency Responder's own polling: Callbox learns switches from LLDP", "CAM Based Tracking", "Enable CAM based Phone Tracking", "Use Port Description as Phone Location", "Description", "Run Switch-Port and Phone Update", "CER Server Group")
	r.o.Note(s.File, "a switch has no place in Emergency Responder, its ports have; callbox discover reads the switches themselves", len(s.Rows))
}

// ports name their switch by its address, telephones by the chassis id that LLDP
// tells. A file of both turns the one into the other.
func (r *reader) ports(s *intake.Sheet) {
	erl, port := s.Col(erlNames...), s.Col(portNames...)
	var sw []intake.Col
	for _, n := range switchNames {
		if c := s.Col(n); c > 0 {
			sw = append(sw, c)
		}
	}
	s.NoPlace("Callbox has the place with the location", "Location", "Port Location")
	s.NoPlace("network elements have no description with us", "Port Description", "Index", "Port Name", "Port Identifier", "Phone Extension", "MAC Address")
	for _, row := range s.Rows {
		if row.Get(erl) == "" {
			r.o.Note(s.File, "ports without an ERL do not come over", 1)
			continue
		}
		k, ok := r.at(row, erl)
		if !ok {
			continue
		}
		id, from := r.chassisOf(row, sw)
		if id == "" {
			continue
		}
		r.o.Element(row, max(from, port), erl, e911.Element{Kind: e911.ElementLLDPPort, LLDP: e911.LLDPPort{Chassis: id, Port: row.Verbatim(port)}}, k)
	}
}

func (r *reader) chassisOf(row intake.Row, sw []intake.Col) (string, intake.Col) {
	for _, c := range sw {
		if id := r.chassis[strings.ToLower(row.Get(c))]; id != "" {
			return id, c
		}
	}
	for _, c := range sw {
		v := row.Get(c)
		a, err := netip.ParseAddr(v)
		if err != nil {
			continue
		}
		if !r.unknown[v] {
			r.unknown[v] = true
			r.o.Warn(row, c, intake.CodeUncertain, "the switch is known by its address alone; telephones mostly name it by a hardware address, and then its ports are not found", "add a file with the columns Switch IP Address and Chassis ID (callbox discover tells them)")
		}
		return a.String(), c
	}
	c := intake.Col(0)
	if len(sw) > 0 {
		c = sw[0]
	}
	r.o.Fault(row, c, intake.CodeUncertain, "the switch is known by a name, and telephones do not tell it", "add a file with the columns Switch Host Name and Chassis ID")
	return "", 0
}

func (r *reader) subnets(s *intake.Sheet) {
	erl, sub, mask := s.Col(erlNames...), s.Col("Subnet ID", "SubnetID", "Subnet", "IP Subnet", "Subnet IP"), s.Col("Subnet Mask", "SubnetMask", "Mask")
	s.NoPlace("network elements have no description with us", "Description", "Location", "Phone Location")
	for _, row := range s.Rows {
		k, ok := r.at(row, erl)
		if !ok {
			continue
		}
		bits, ok := maskBits(row.Get(mask))
		if !ok {
			r.o.Fault(row, mask, check.Syntax, "this is no subnet mask", "write 255.255.255.0")
			continue
		}
		if p, ok := r.o.Subnet(row, sub, row.Get(sub), bits); ok {
			r.o.Element(row, sub, erl, e911.Element{Kind: e911.ElementIP, Range: p}, k)
		}
	}
}

// maskBits reads 255.255.255.0, and the number of bits that IPv6 is written with.
func maskBits(s string) (int, bool) {
	if n, err := strconv.Atoi(strings.TrimPrefix(s, "/")); err == nil {
		return n, n > 0 && n <= 128
	}
	a, err := netip.ParseAddr(s)
	if err != nil || !a.Is4() {
		return 0, false
	}
	bits, ended := 0, false
	for _, b := range a.As4() {
		for i := 7; i >= 0; i-- {
			one := b>>i&1 == 1
			if one && ended {
				return 0, false
			}
			ended = ended || !one
			if one {
				bits++
			}
		}
	}
	return bits, bits > 0
}

// phones come over as devices: that one is not located there says that its
// network is not mapped, here or there.
func (r *reader) phones(s *intake.Sheet) {
	mac := s.Col(macNames...)
	name := s.Col("Device Name", "DeviceName", "Phone Name")
	erl := s.Col(erlNames...)
	s.NoPlace("it changes with each registration; Callbox sees it in the call", "IP Address", "IPAddress", "Phone IP Address", "CUCM", "Call Manager", "Unified CM")
	s.NoPlace("lines come with the numbers of the platform", "Extension", "Phone Extension", "Line Number", "Directory Number")
	s.NoPlace("models are named in the world part", "Phone Type", "Model", "Type")
	for _, row := range s.Rows {
		text := row.Get(mac)
		m, err := e911.ParseMAC(strings.TrimPrefix(strings.ToUpper(text), "SEP"))
		if err != nil && row.Get(name) == "" {
			r.o.Fault(row, mac, check.Syntax, "the telephone has no hardware address and no name", "export it again")
			continue
		}
		k := row.Get(name)
		if k == "" {
			k = "SEP" + strings.ToUpper(strings.ReplaceAll(string(m), ":", ""))
		}
		k = intake.Key("", k)
		r.o.Put(sheet.Devices, k, row, intake.Cell{Column: "key", Value: k, From: mac}, intake.Cell{Column: "site", Value: r.o.Options().Site}, intake.Cell{Column: "mac", Value: string(m), From: mac})
		if row.Get(erl) == "" {
			r.o.Note(s.File, "telephones that Emergency Responder could not locate: callbox devices says whether Callbox can", 1)
		}
	}
}
