// Package teams reads and writes the location information service (LIS) of
// Microsoft Teams as its PowerShell cmdlets export it: civic addresses,
// locations, subnets, switches, ports and wireless access points. The names of
// the columns are those of the cmdlets' documentation (learn.microsoft.com,
// New-CsOnlineLisCivicAddress and its neighbours).
package teams

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
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
	addresses = "addresses"
	locations = "locations"
	subnets   = "subnets"
	switches  = "switches"
	ports     = "ports"
	waps      = "waps"
	network   = "network-subnets"
	ids       = "ids"
)

// Origin returns the reader.
func Origin() intake.Origin {
	return intake.Origin{Key: "teams", Title: "Microsoft Teams", Read: read, Formats: []intake.Format{
		{Name: addresses, Title: "Get-CsOnlineLisCivicAddress", Must: [][]string{{"CivicAddressId"}, {"CountryOrRegion", "Country"}}, Not: []string{"LocationId"}},
		{Name: locations, Title: "Get-CsOnlineLisLocation", Must: [][]string{{"LocationId"}, {"CivicAddressId"}, {"Location"}}},
		{Name: subnets, Title: "Get-CsOnlineLisSubnet", Must: [][]string{{"Subnet"}, {"LocationId"}}},
		{Name: switches, Title: "Get-CsOnlineLisSwitch", Must: [][]string{{"ChassisID"}, {"LocationId"}}, Not: []string{"PortID"}},
		{Name: ports, Title: "Get-CsOnlineLisPort", Must: [][]string{{"ChassisID"}, {"PortID"}, {"LocationId"}}},
		{Name: waps, Title: "Get-CsOnlineLisWirelessAccessPoint", Must: [][]string{{"BSSID"}, {"LocationId"}}},
		{Name: network, Title: "Get-CsTenantNetworkSubnet", Must: [][]string{{"SubnetID", "Identity"}, {"MaskBits"}}},
		{Name: ids, Title: "callbox-ids.csv, which the export of Callbox makes", Must: [][]string{{"CallboxKind"}, {"CallboxKey"}, {"TeamsId"}}},
	}}
}

// reader knows what earlier files said.
type reader struct {
	o     *intake.Out
	own   map[string]string     // our own key by kind and Teams' id
	place map[string]civicPlace // by CivicAddressId
	bits  map[netip.Addr]int
}

// civicPlace is an address that came.
type civicPlace struct {
	key     string
	whole   e911.Civic // as Teams has it, canonical
	deflt   string     // DefaultLocationId
	elin    e911.Number
	file    string
	row     intake.Row
	col     intake.Col
	located bool // a location of it came
}

func read(o *intake.Out, in map[string][]*intake.Sheet) {
	r := &reader{o: o, own: map[string]string{}, place: map[string]civicPlace{}, bits: map[netip.Addr]int{}}
	each(in[ids], r.ids)
	each(in[network], r.network)
	each(in[addresses], r.addresses)
	each(in[locations], r.locations)
	r.defaults()
	each(in[subnets], r.subnets)
	each(in[switches], r.switches)
	each(in[ports], r.ports)
	each(in[waps], r.waps)
}

func each(sheets []*intake.Sheet, do func(*intake.Sheet)) {
	for _, s := range sheets {
		do(s)
	}
}

// id is a GUID as Teams writes it, in one form.
func id(s string) string { return strings.ToLower(strings.Trim(s, "{} ")) }

// key is ours for what Teams knows by a GUID.
func (r *reader) key(kind sheet.Kind, guid string) string {
	if k, ok := r.own[string(kind)+" "+guid]; ok {
		return k
	}
	return intake.Key("teams:", guid)
}

func (r *reader) ids(s *intake.Sheet) {
	kind, key, guid := s.Col("CallboxKind"), s.Col("CallboxKey"), s.Col("TeamsId")
	for _, row := range s.Rows {
		r.own[row.Get(kind)+" "+id(row.Get(guid))] = row.Get(key)
	}
}

func (r *reader) network(s *intake.Sheet) {
	sub, mask := s.Col("SubnetID", "Identity"), s.Col("MaskBits")
	s.NoPlace("Teams' network sites choose its calling policies", "NetworkSiteID", "Identity", "Description")
	for _, row := range s.Rows {
		a, err := netip.ParseAddr(row.Get(sub))
		bits, err2 := strconv.Atoi(row.Get(mask))
		if err != nil || err2 != nil || bits < 1 || bits > a.BitLen() {
			r.o.Fault(row, mask, check.Syntax, "this is no subnet with a mask", "write the first address, and 8 to 32 bits")
			continue
		}
		r.bits[a.Unmap()] = bits
	}
}

// address are the columns of a civic address.
type address struct {
	country, state, county, city, zip, pre, street, suffix, post, number, numberSuffix, lat, lon intake.Col
}

func addressOf(s *intake.Sheet) address {
	s.NoPlace("Teams' verdict on an address is not ours: Callbox validates it with its own layers", "Confidence", "ValidationStatus", "IsAzureMapValidationRequired", "CountryOrRegionDisplayName")
	s.NoPlace("Callbox's layers know a city's other names", "CityAlias")
	s.NoPlace("it says nothing of where somebody is", "CompanyName", "CompanyTaxId", "MSTaxId", "PartnerId", "TenantId", "AdditionalLocationInfo", "NumberOfVoiceUsers", "NumberOfTelephoneNumbers")
	return address{
		country: s.Col("CountryOrRegion", "Country"), state: s.Col("StateOrProvince", "State"), county: s.Col("County"), city: s.Col("City"), zip: s.Col("PostalCode"),
		pre: s.Col("PreDirectional"), street: s.Col("StreetName"), suffix: s.Col("StreetSuffix"), post: s.Col("PostDirectional"),
		number: s.Col("HouseNumber"), numberSuffix: s.Col("HouseNumberSuffix"), lat: s.Col("Latitude"), lon: s.Col("Longitude"),
	}
}

func (a address) civic(row intake.Row) e911.Civic {
	return e911.Civic{
		Country: row.Get(a.country), A1: row.Get(a.state), A2: row.Get(a.county), A3: row.Get(a.city), PC: row.Get(a.zip), PRD: row.Get(a.pre), RD: row.Get(a.street),
		STS: row.Get(a.suffix), POD: row.Get(a.post), HNO: row.Get(a.number), HNS: row.Get(a.numberSuffix),
	}
}

func (r *reader) addresses(s *intake.Sheet) {
	guid, deflt := s.Col("CivicAddressId"), s.Col("DefaultLocationId")
	company, desc, elin := s.Col("CompanyName"), s.Col("Description"), s.Col("Elin")
	a := addressOf(s)
	for _, row := range s.Rows {
		r.address(row, guid, a, names{company, desc}, row.Get(deflt), r.o.Number(row, elin))
	}
}

type names struct{ company, description intake.Col }

// name is what people call the building: Teams' description, else its company.
func (n names) name(row intake.Row) (string, intake.Col) {
	if v := row.Get(n.description); v != "" {
		return v, n.description
	}
	return row.Get(n.company), n.company
}

// address takes an address, once.
func (r *reader) address(row intake.Row, guid intake.Col, a address, n names, deflt string, elin e911.Number) bool {
	g := id(row.Get(guid))
	if g == "" {
		r.o.Fault(row, guid, check.Required, "the address has no CivicAddressId", "export it with its ids")
		return false
	}
	if _, ok := r.place[g]; ok {
		return true
	}
	whole := a.civic(row)
	if whole.RD == "" && whole.HNO == "" {
		r.o.Fault(row, a.street, intake.CodeAddress, "the address has no street: Teams allows that, a PSAP cannot use it", "complete the address there, and export again")
		return false
	}
	if c := strings.ToUpper(whole.Country); c != "" && c != "US" && c != "CA" && c != "USA" && c != "CAN" {
		r.o.Fault(row, a.country, intake.CodeAddress, "the address is outside the United States and Canada", "only addresses of the two countries are served")
		return false
	}
	whole = r.o.Address(row, a.street, whole)
	outside, _, _ := intake.Split(whole)
	key := r.key(sheet.Buildings, g)
	title, from := n.name(row)
	if title == "" {
		title, from = civic.Street(outside), a.street
	}
	cells := []intake.Cell{{Column: "key", Value: key, From: guid}, {Column: "site", Value: r.o.Options().Site}, {Column: "name", Value: title, From: from}}
	cells = append(append(cells, intake.Civic(outside, a.street)...), r.o.Point(row, a.lat, a.lon)...)
	if !r.o.Put(sheet.Buildings, key, row, cells...) {
		return false
	}
	r.place[g] = civicPlace{key: key, whole: whole, deflt: id(deflt), elin: elin, file: row.Sheet.File, row: row, col: guid}
	return true
}

func (r *reader) locations(s *intake.Sheet) {
	guid, parent, text, elin := s.Col("LocationId"), s.Col("CivicAddressId"), s.Col("Location"), s.Col("Elin")
	company, desc := s.Col("CompanyName"), s.Col("Description")
	a := addressOf(s)
	for _, row := range s.Rows {
		g, p := id(row.Get(guid)), id(row.Get(parent))
		if g == "" {
			r.o.Fault(row, guid, check.Required, "the location has no LocationId", "export it with its ids")
			continue
		}
		if _, ok := r.place[p]; !ok && (row.Get(a.street) == "" || !r.address(row, parent, a, names{company, desc}, "", "")) {
			r.o.Fault(row, parent, check.Unknown, "no file has the civic address of this location", "add the file of Get-CsOnlineLisCivicAddress")
			continue
		}
		pl := r.place[p]
		pl.located = pl.located || g == pl.deflt
		r.place[p] = pl
		r.location(row, guid, text, g, pl, r.o.Number(row, elin), elin)
	}
}

func (r *reader) location(row intake.Row, guid, text intake.Col, g string, pl civicPlace, elin e911.Number, elinCol intake.Col) {
	key := r.key(sheet.Locations, g)
	_, within, _ := intake.Split(pl.whole)
	detail := within.Merge(intake.Inside(row.Get(text)))
	cells := []intake.Cell{{Column: "key", Value: key, From: guid}, {Column: "building", Value: pl.key}}
	if !r.o.Put(sheet.Locations, key, row, append(cells, intake.Civic(detail, text)...)...) {
		return
	}
	if elin == "" && g == pl.deflt {
		elin = pl.elin
	}
	if elin != "" {
		r.o.Put(sheet.Numbers, string(elin), row, intake.Cell{Column: "number", Value: string(elin), From: elinCol}, intake.Cell{Column: "site", Value: r.o.Options().Site},
			intake.Cell{Column: "location", Value: key}, intake.Cell{Column: "elin", Value: "TRUE"})
	}
}

// defaults makes the location that each address has without a text, where the
// file of locations does not name it.
func (r *reader) defaults() {
	for _, pl := range sortedPlaces(r.place) {
		if pl.deflt != "" && !pl.located && !r.o.Seen(sheet.Locations, r.key(sheet.Locations, pl.deflt)) {
			r.location(pl.row, pl.col, 0, pl.deflt, pl, pl.elin, 0)
		}
	}
}

func (r *reader) at(row intake.Row, c intake.Col) (string, bool) {
	g := id(row.Get(c))
	key := r.key(sheet.Locations, g)
	if g != "" && r.o.Seen(sheet.Locations, key) {
		return key, true
	}
	if g != "" && g == "00000000-0000-0000-0000-000000000000" {
		r.o.Fault(row, c, check.Unknown, "Teams has no location for it", "map it there, or leave it out")
		return "", false
	}
	r.o.Fault(row, c, check.Unknown, "no file has the location "+g, "add the files of Get-CsOnlineLisCivicAddress and Get-CsOnlineLisLocation")
	return "", false
}

const noDescription = "network elements have no description with us"

func (r *reader) subnets(s *intake.Sheet) {
	sub, loc := s.Col("Subnet"), s.Col("LocationId")
	s.NoPlace(noDescription, "Description")
	for _, row := range s.Rows {
		text := row.Get(sub)
		bits := 0
		if a, err := netip.ParseAddr(text); err == nil {
			bits = r.bits[a.Unmap()]
		}
		key, ok := r.at(row, loc)
		if !ok {
			continue
		}
		if p, ok := r.o.Subnet(row, sub, text, bits); ok {
			r.o.Element(row, sub, loc, e911.Element{Kind: e911.ElementIP, Range: p}, key)
		}
	}
}

func (r *reader) switches(s *intake.Sheet) {
	chassis, loc := s.Col("ChassisID"), s.Col("LocationId")
	s.NoPlace(noDescription, "Description")
	for _, row := range s.Rows {
		if key, ok := r.at(row, loc); ok {
			r.o.Element(row, chassis, loc, e911.Element{Kind: e911.ElementLLDPChassis, LLDP: e911.LLDPPort{Chassis: row.Get(chassis)}}, key)
		}
	}
}

func (r *reader) ports(s *intake.Sheet) {
	chassis, port, loc := s.Col("ChassisID"), s.Col("PortID"), s.Col("LocationId")
	s.NoPlace(noDescription, "Description")
	for _, row := range s.Rows {
		if key, ok := r.at(row, loc); ok {
			r.o.Element(row, port, loc, e911.Element{Kind: e911.ElementLLDPPort, LLDP: e911.LLDPPort{Chassis: row.Get(chassis), Port: row.Verbatim(port)}}, key)
		}
	}
}

func (r *reader) waps(s *intake.Sheet) {
	bssid, loc := s.Col("BSSID"), s.Col("LocationId")
	s.NoPlace(noDescription, "Description")
	for _, row := range s.Rows {
		key, ok := r.at(row, loc)
		if !ok {
			continue
		}
		from, to, err := intake.BSSID(row.Get(bssid))
		if err != nil {
			r.o.Fault(row, bssid, check.Syntax, "this is no BSSID", "write 00-11-22-33-44-50, or a * for the last one or two digits")
			continue
		}
		r.o.Element(row, bssid, loc, e911.Element{Kind: e911.ElementBSSID, MAC: from, MACTo: to}, key)
	}
}

// sortedPlaces lists places by file and line, so that one reading is like the
// next.
func sortedPlaces(m map[string]civicPlace) []civicPlace {
	return slices.SortedFunc(maps.Values(m), func(a, b civicPlace) int {
		return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.row.Line, b.row.Line), cmp.Compare(a.key, b.key))
	})
}
