package teams

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/callbox911/callbox/internal/admin/foreign/export"
	"github.com/callbox911/callbox/internal/admin/foreign/intake"
	"github.com/callbox911/callbox/internal/admin/sheet"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
)

// The files of an export, in the order in which the script applies them.
const (
	addressFile  = "1-civic-addresses.csv"
	locationFile = "2-locations.csv"
	subnetFile   = "3-subnets.csv"
	switchFile   = "3-switches.csv"
	portFile     = "3-ports.csv"
	wapFile      = "3-wireless-access-points.csv"
	networkFile  = "4-network-subnets.csv"
	idFile       = "callbox-ids.csv"
	scriptFile   = "apply.ps1"
)

//go:embed apply.ps1
var script []byte

type writer struct {
	*export.Export
	w         export.World
	buildings map[e911.BuildingID]e911.Building
	locations map[e911.LocationID]string // GUID
	elins     map[e911.LocationID][]e911.Number
	ids       [][]string
	subnets   [][]string
	switches  [][]string
	ports     [][]string
	waps      [][]string
	network   [][]string
}

// Write makes the files and the script that bring an organisation's places into
// Teams. Reading them again gives the same places, but for what is in Lost.
func Write(w export.World) export.Export {
	out := &writer{Export: &export.Export{Format: "teams"}, w: w, buildings: w.BuildingOf(), locations: map[e911.LocationID]string{}, elins: w.ELINs()}
	out.addresses()
	out.places()
	for _, e := range w.Elements {
		out.element(e)
	}
	out.Files = append(out.Files,
		export.CSV(subnetFile, []string{"Subnet", "Description", "LocationId"}, out.subnets),
		export.CSV(switchFile, []string{"ChassisID", "Description", "LocationId"}, out.switches),
		export.CSV(portFile, []string{"ChassisID", "PortID", "Description", "LocationId"}, out.ports),
		export.CSV(wapFile, []string{"BSSID", "Description", "LocationId"}, out.waps),
		export.CSV(networkFile, []string{"SubnetID", "MaskBits", "NetworkSiteID"}, out.network),
		export.CSV(idFile, []string{"CallboxKind", "CallboxKey", "TeamsId"}, out.ids),
		export.File{Name: scriptFile, Data: script})
	return *out.Export
}

// guid is Teams' id of what came from there, and else one that stands in the
// files for the one that Teams will give.
func guid(kind, key string) string {
	if g, ok := strings.CutPrefix(key, "teams:"); ok && len(g) == 36 {
		return g
	}
	sum := sha256.Sum256([]byte("callbox " + kind + " " + key))
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80 // RFC 9562, section 5.8
	h := hex.EncodeToString(sum[:16])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

var addressHeader = []string{
	"CivicAddressId", "HouseNumber", "HouseNumberSuffix", "PreDirectional", "StreetName", "StreetSuffix", "PostDirectional", "City", "County", "StateOrProvince", "PostalCode", "CountryOrRegion",
	"Description", "CompanyName", "Latitude", "Longitude",
}

// addresses writes what Teams has fields for; a type before the street's name and
// a prefix of the number stand with those, where a reader finds them again.
func (out *writer) addresses() {
	rows := make([][]string, 0, len(out.w.Buildings))
	company := out.w.Org.Name
	if company == "" {
		company = out.w.Org.Key
	}
	for _, b := range out.w.Buildings {
		a := b.Address
		id := guid("building", b.Key)
		out.ids = append(out.ids, []string{string(sheet.Buildings), b.Key, id})
		street := strings.Join(strings.Fields(strings.Join([]string{a.PRM, a.STP, a.STPS, a.RD, a.POM}, " ")), " ")
		lat, lon := "", ""
		if b.Point != nil {
			lat, lon = degrees(b.Point.Lat), degrees(b.Point.Lon)
		}
		row := []string{id, a.HNP + a.HNO, a.HNS, a.PRD, street, a.STS, a.POD, a.A3, a.A2, a.A1, a.PC, a.Country, b.Name, company, lat, lon}
		rows = append(rows, row)
		back, _ := civic.Normalize(e911.Civic{Country: a.Country, A1: a.A1, A2: a.A2, A3: a.A3, PC: a.PC, PRD: a.PRD, RD: street, STS: a.STS, POD: a.POD, HNO: a.HNP + a.HNO, HNS: a.HNS})
		if a.A2 != "" {
			out.Lose("building "+b.Key, "Teams has no county; it stays in the files alone, where they are read again")
		}
		if mine, _ := civic.Normalize(a); back != mine {
			out.Lose("building "+b.Key, "Teams has no field for a part of the address ("+strings.Join(civic.Changed(mine, back), ", ")+")")
		}
	}
	out.Files = append(out.Files, export.CSV(addressFile, addressHeader, rows))
}

func degrees(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// longText is how much of a location's text the ALI databases behind most
// carriers keep (NENA 02-010: 60; many show 20).
const longText = 60

func (out *writer) places() {
	var rows [][]string
	taken := map[string]string{}
	for _, l := range out.w.Locations {
		b, ok := out.buildings[l.Building]
		if !ok {
			continue
		}
		id := guid("location", l.Key)
		text, whole := intake.InsideText(l.Detail, false)
		if !whole {
			out.Lose("location "+l.Key, "Teams has one text for where in the building it is, from which floor, room and the like cannot all be told again")
		}
		if len(text) > longText {
			out.Lose("location "+l.Key, fmt.Sprintf("the text is longer than the %d characters that carriers keep; they may cut it", longText))
		}
		if other, ok := taken[b.Key+"|"+strings.ToLower(text)]; ok {
			out.Lose("location "+l.Key, "another location of the building has the same text in Teams, which keeps one: "+other)
		}
		taken[b.Key+"|"+strings.ToLower(text)] = l.Key
		elin := ""
		if n := out.elins[l.ID]; len(n) > 0 {
			elin = string(n[0])
			for range n[1:] {
				out.Lose("location "+l.Key, "Teams has one ELIN for a location; the first was taken")
			}
		}
		out.locations[l.ID] = id
		out.ids = append(out.ids, []string{string(sheet.Locations), l.Key, id})
		rows = append(rows, []string{id, guid("building", b.Key), text, elin})
	}
	out.Files = append(out.Files, export.CSV(locationFile, []string{"LocationId", "CivicAddressId", "Location", "Elin"}, rows))
}

func (out *writer) element(e e911.Element) {
	what := string(e.Kind) + " " + name(e)
	loc, ok := out.locations[e.Location]
	if !ok {
		out.Lose(what, "Teams knows no networks that prove nothing about a place (VPN, proxy, virtual adapters)")
		return
	}
	switch e.Kind {
	case e911.ElementBSSID:
		text := intake.Dashed(string(e.MAC))
		if e.MACTo != "" {
			if text, ok = intake.Wildcard(e.MAC, e.MACTo); !ok {
				out.Lose(what, "Teams has ranges of 16 and of 256 BSSIDs only")
				return
			}
		}
		out.waps = append(out.waps, []string{text, "", loc})
	case e911.ElementLLDPChassis:
		out.switches = append(out.switches, []string{chassis(e.LLDP.Chassis), "", loc})
	case e911.ElementLLDPPort:
		if p := e.LLDP.Port; strings.TrimSpace(p) != p || harmful(p) {
			out.Lose(what, "the port id would be changed on its way through a CSV file")
			return
		}
		out.ports = append(out.ports, []string{chassis(e.LLDP.Chassis), e.LLDP.Port, "", loc})
	case e911.ElementIP:
		if !e.Range.IsValid() {
			out.Lose(what, "Teams has whole subnets, and none from one address to another")
			return
		}
		out.subnet(e.Range, loc, what)
	default:
		out.Lose(what, "Teams has no such kind of network element")
	}
}

func harmful(s string) bool { return s != "" && strings.ContainsRune("=+-@", rune(s[0])) }

// subnet writes the first address: Teams matches that alone, with the size that
// the telephone's own mask says. The size is typed a second time there, with the
// network sites.
func (out *writer) subnet(p netip.Prefix, loc, what string) {
	for _, r := range out.network {
		if r[0] == p.Addr().String() {
			out.Lose(what, "Teams tells subnets by their first address alone; another one begins there too")
			return
		}
	}
	out.subnets = append(out.subnets, []string{p.Addr().String(), "", loc})
	out.network = append(out.network, []string{p.Addr().String(), strconv.Itoa(p.Bits()), ""})
}

func chassis(id string) string {
	if m, err := e911.ParseMAC(id); err == nil {
		return intake.Dashed(string(m))
	}
	return id
}

func name(e e911.Element) string {
	switch {
	case e.LLDP.Port != "":
		return e.LLDP.Chassis + " " + e.LLDP.Port
	case e.LLDP.Chassis != "":
		return e.LLDP.Chassis
	case e.MAC != "":
		return string(e.MAC)
	case e.Range.IsValid():
		return e.Range.String()
	case e.From.IsValid():
		return e.From.String() + "-" + e.To.String()
	}
	return e.Name
}
