package cer

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/callbox911/callbox/internal/admin/foreign/export"
	"github.com/callbox911/callbox/internal/admin/foreign/intake"
	"github.com/callbox911/callbox/internal/admin/sheet"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
)

// The files of an export.
const (
	erlFile    = "1-erls.csv"
	portFile   = "2-switch-ports.csv"
	subnetFile = "3-ip-subnets.csv"
	keyFile    = "callbox-keys.csv"
)

const (
	// maxLocation is what the ALI location may have so that RedSky behind Emergency
	// Responder takes the record: fewer than 20 characters.
	maxLocation = 19
	// maxELINs is how many an ERL is written with.
	maxELINs = 10
)

var erlHeader = []string{
	"ERL Name", "House Number", "House Number Suffix", "Prefix Directional", "Street Name", "Street Suffix", "Post Directional", "Community Name", "County Name", "State", "Zip Code", "Country",
	"Location", "Comments", "Latitude", "Longitude", "Callbox Building", "Callbox Building Name",
}

type writer struct {
	*export.Export
	w         export.World
	locations map[e911.LocationID]string // the name of the ERL
	addresses map[string]string          // of a switch, by its chassis id
	ports     [][]string
	subnets   [][]string
	keys      [][]string
}

// Write makes the lists that bring an organisation's places into Emergency
// Responder. Switches are known there by the address by which it polls them:
// addresses tells it by chassis id, as far as it is known.
func Write(w export.World, addresses map[string]string) export.Export {
	out := &writer{Export: &export.Export{Format: "cer"}, w: w, locations: map[e911.LocationID]string{}, addresses: addresses}
	out.erls()
	for _, e := range w.Elements {
		out.element(e)
	}
	out.Files = append(out.Files,
		export.CSV(portFile, []string{"Switch IP Address", "IfName", "Location", "ERL Name"}, out.ports),
		export.CSV(subnetFile, []string{"Subnet ID", "Subnet Mask", "ERL Name"}, out.subnets),
		export.CSV(keyFile, []string{"CallboxKind", "CallboxKey", "CERName"}, out.keys))
	return *out.Export
}

func (out *writer) erls() {
	buildings, elins := out.w.BuildingOf(), out.w.ELINs()
	header := erlHeader
	for i := 1; i <= maxELINs; i++ {
		header = append(header[:len(header):len(header)], "ELIN "+strconv.Itoa(i))
	}
	for _, b := range out.w.Buildings {
		out.keys = append(out.keys, []string{string(sheet.Buildings), b.Key, b.Key})
	}
	var rows [][]string
	used := map[e911.BuildingID]bool{}
	for _, l := range out.w.Locations {
		b, ok := buildings[l.Building]
		if !ok {
			continue
		}
		used[b.ID] = true
		name := strings.TrimPrefix(l.Key, "cer:")
		out.locations[l.ID] = name
		out.keys = append(out.keys, []string{string(sheet.Locations), l.Key, name})
		row := append(out.address(b, name), out.location(l), name)
		lat, lon := "", ""
		if b.Point != nil {
			lat, lon = strconv.FormatFloat(b.Point.Lat, 'f', -1, 64), strconv.FormatFloat(b.Point.Lon, 'f', -1, 64)
		}
		row = append(row, lat, lon, b.Key, b.Name)
		for i := range maxELINs {
			v := ""
			if n := elins[l.ID]; i < len(n) {
				v = strings.TrimPrefix(string(n[i]), "+1")
			}
			row = append(row, v)
		}
		if len(elins[l.ID]) > maxELINs {
			out.Lose("location "+l.Key, "an ERL is written with ten ELINs; the others are left out")
		}
		rows = append(rows, row)
	}
	for _, b := range out.w.Buildings {
		if !used[b.ID] {
			out.Lose("building "+b.Key, "Emergency Responder has ERLs alone; a building without a location is none")
		}
	}
	out.Files = append(out.Files, export.CSV(erlFile, header, rows))
}

func (out *writer) address(b e911.Building, name string) []string {
	a := b.Address
	street := strings.Join(strings.Fields(strings.Join([]string{a.PRM, a.STP, a.STPS, a.RD, a.POM}, " ")), " ")
	back, _ := civic.Normalize(e911.Civic{Country: a.Country, A1: a.A1, A2: a.A2, A3: a.A3, PC: a.PC, PRD: a.PRD, RD: street, STS: a.STS, POD: a.POD, HNO: a.HNP + a.HNO, HNS: a.HNS})
	if mine, _ := civic.Normalize(a); back != mine {
		out.Lose("location "+name, "ALI data have no field for a part of the address ("+strings.Join(civic.Changed(mine, back), ", ")+")")
	}
	return []string{name, a.HNP + a.HNO, a.HNS, a.PRD, street, a.STS, a.POD, a.A3, a.A2, a.A1, a.PC, a.Country}
}

// location writes where in the building it is, floor and room first, so that what
// is cut off is what matters least.
func (out *writer) location(l e911.Location) string {
	text, whole := intake.InsideText(l.Detail, true)
	if !whole {
		out.Lose("location "+l.Key, "ALI data have one text for where in the building it is, from which floor, room and the like cannot all be told again")
	}
	if text == "" {
		out.Lose("location "+l.Key, "it does not say where in the building it is; Emergency Responder shows the name of the ERL")
	}
	if r := []rune(text); len(r) > maxLocation {
		out.Lose("location "+l.Key, "the text of where in the building it is was cut to "+strconv.Itoa(maxLocation)+" characters: a longer ALI location is rejected")
		text = strings.TrimRight(string(r[:maxLocation]), " ,")
	}
	return text
}

func (out *writer) element(e e911.Element) {
	what := string(e.Kind) + " " + e.LLDP.Chassis + string(e.MAC) + " " + e.LLDP.Port
	if e.Kind == e911.ElementIP {
		what = "ip " + e.Range.String()
	}
	erl, ok := out.locations[e.Location]
	if !ok {
		out.Lose(what, "Emergency Responder knows no networks that prove nothing about a place (VPN, proxy, virtual adapters)")
		return
	}
	switch {
	case e.Kind == e911.ElementLLDPPort:
		addr := out.addresses[e.LLDP.Chassis]
		if a, err := netip.ParseAddr(e.LLDP.Chassis); addr == "" && err == nil {
			addr = a.String()
		}
		if addr == "" {
			out.Lose(what, "Emergency Responder knows a switch by its address, which Callbox does not know of this one: give a file of chassis ids and addresses")
			return
		}
		out.ports = append(out.ports, []string{addr, e.LLDP.Port, "", erl})
	case e.Kind == e911.ElementIP && e.Range.IsValid():
		mask := strconv.Itoa(e.Range.Bits())
		if e.Range.Addr().Is4() {
			mask = dotted(e.Range.Bits())
		}
		out.subnets = append(out.subnets, []string{e.Range.Addr().String(), mask, erl})
	case e.Kind == e911.ElementIP:
		out.Lose(what, "Emergency Responder has whole subnets, and none from one address to another")
	default:
		out.Lose(what, "the lists of Emergency Responder have no "+string(e.Kind)+"; access points it takes from Unified CM")
	}
}

func dotted(bits int) string {
	m := ^uint32(0) << (32 - bits)
	if bits == 0 {
		m = 0
	}
	return netip.AddrFrom4([4]byte{byte(m >> 24), byte(m >> 16), byte(m >> 8), byte(m)}).String()
}
