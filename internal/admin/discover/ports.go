package discover

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/lldp"
)

// ifType of what a cable goes into (IANAifType-MIB): Ethernet, by its names
// over the years. Some agents give their ports none.
func cabled(kind int64) bool {
	switch kind {
	case 6, 62, 69, 117:
		return true
	}
	return false
}

// CDP capabilities (CISCO-CDP-MIB, cdpCacheCapabilities). Access points say
// that they bridge, 0x02, and no more of these.
const (
	cdpRouter = 0x01
	cdpSwitch = 0x08
	cdpPhone  = 0x80
)

// medPhone is the LLDP-MED device class of endpoints that people talk with.
const medPhone = 3

// learned is the status of a forwarding entry that came from a frame
// (dot1dTpFdbStatus, dot1qTpFdbStatus); 0 is an agent that says none.
const learned = 3

// ports joins LLDP's ports, the interfaces, the neighbours and the forwarding
// tables, which number the same ports in three ways.
func (r *reading) ports() {
	byFace, order := map[uint32]*Port{}, []*Port{}
	lldpPorts := map[uint32]*Port{}
	by := r.names()
	for _, n := range slices.Sorted(maps.Keys(r.lldp)) {
		l := r.lldp[n]
		if len(l.id.Octets) == 0 {
			continue
		}
		p := &Port{ID: lldp.Key(r.chassis, unpad(l.id)).Port}
		if p.ID == "" {
			continue
		}
		if i, f := r.interfaceOf(n, l, by); f != nil {
			if f.kind != 0 && !cabled(f.kind) {
				continue // a stack cable, a port channel
			}
			p.describe(f)
			if byFace[i] == nil {
				byFace[i] = p
			}
		} else {
			p.Interface = l.desc
		}
		lldpPorts[n] = p
		order = append(order, p)
	}
	for _, i := range slices.Sorted(maps.Keys(r.faces)) {
		if f := r.faces[i]; len(r.lldp) == 0 && cabled(f.kind) {
			p := &Port{}
			p.describe(f)
			byFace[i] = p
			order = append(order, p)
		}
	}
	r.neighbours(byFace, lldpPorts)
	r.stations(byFace)
	for _, p := range order {
		slices.Sort(p.Stations)
		p.Stations = slices.Compact(p.Stations)
		slices.SortFunc(p.Neighbours, func(a, b Neighbour) int {
			return cmp.Or(cmp.Compare(a.By, b.By), cmp.Compare(a.Chassis, b.Chassis), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Port, b.Port))
		})
		r.d.Ports = append(r.d.Ports, *p)
	}
}

// unpad drops the NULs to which some agents fill up a name (seen: NX-OS); the
// frame has none. A hardware address may end in them.
func unpad(id lldp.ID) lldp.ID {
	if len(id.Octets) != 6 {
		id.Octets = bytes.TrimRight(id.Octets, "\x00")
	}
	return id
}

func (p *Port) describe(f *iface) {
	p.Interface, p.Alias, p.Up = cmp.Or(f.name, f.descr), f.alias, f.up
	if p.Alias == p.Interface {
		p.Alias = "" // some agents repeat the name
	}
}

// names finds interfaces by what an LLDP port may call them. What two
// interfaces share finds neither.
type names struct {
	text map[string]uint32 // ifName and ifDescr
	mac  map[e911.MAC]uint32
}

func (r *reading) names() names {
	n := names{text: map[string]uint32{}, mac: map[e911.MAC]uint32{}}
	for i, f := range r.faces {
		for _, t := range []string{f.name, f.descr} {
			switch old, ok := n.text[t]; {
			case t == "":
			case ok && old != i:
				n.text[t] = 0
			default:
				n.text[t] = i
			}
		}
		if f.mac != "" && cabled(f.kind) {
			if _, ok := n.mac[f.mac]; ok {
				n.mac[f.mac] = 0
			} else {
				n.mac[f.mac] = i
			}
		}
	}
	return n
}

// interfaceOf finds the interface of an LLDP port: by its name or its hardware
// address where the port id is one, by its description, as a bridge port, and
// last by the number itself, for lldpLocPortNum is one of the device's own.
func (r *reading) interfaceOf(n uint32, l *localLLDP, by names) (uint32, *iface) {
	id := lldp.Key(lldp.ID{}, l.id).Port
	try := []uint32{0, by.text[l.desc], r.bridge[n], n}
	switch l.id.Subtype {
	case lldp.PortIfName, lldp.PortLocal:
		try[0] = by.text[id]
	case lldp.PortMAC:
		try[0] = by.mac[e911.MAC(id)]
	}
	for _, i := range try {
		if f := r.faces[i]; i != 0 && f != nil {
			return i, f
		}
	}
	return 0, nil
}

func (r *reading) neighbours(byFace, lldpPorts map[uint32]*Port) {
	for k, n := range r.remotes {
		p := lldpPorts[k[0]]
		if p == nil {
			p = byFace[k[0]]
		}
		if p == nil || len(n.chassis.Octets) == 0 {
			continue
		}
		key, does := lldp.Key(unpad(n.chassis), unpad(n.port)), lldp.CapabilityBITS(n.does)
		out := Neighbour{Chassis: key.Chassis, Port: key.Port, Name: n.name, By: "lldp"}
		out.Phone = does.Has(lldp.Telephone) || n.class == medPhone
		out.Switch = does.Has(lldp.Bridge|lldp.Router) && !out.Phone
		if n.port.Subtype == lldp.PortMAC {
			out.MAC, _ = e911.ParseMAC(key.Port)
		}
		if out.MAC == "" && n.chassis.Subtype == lldp.ChassisMAC {
			out.MAC, _ = e911.ParseMAC(key.Chassis)
		}
		p.Neighbours = append(p.Neighbours, out)
	}
	for k, n := range r.cdps {
		p := byFace[k[0]]
		if p == nil || n.id == "" {
			continue
		}
		out := Neighbour{Name: n.id, Port: n.port, By: "cdp", Phone: n.does&cdpPhone != 0}
		out.Switch = n.does&(cdpRouter|cdpSwitch) != 0 && !out.Phone
		// Cisco's phones are named SEP and their hardware address.
		if digits, ok := strings.CutPrefix(n.id, "SEP"); ok && len(digits) == 12 {
			out.MAC, _ = e911.ParseMAC(digits)
		}
		p.Neighbours = append(p.Neighbours, out)
	}
}

func (r *reading) stations(byFace map[uint32]*Port) {
	for k, e := range r.fdb {
		if e.port == 0 || (e.status != learned && e.status != 0) || k.mac.Group() {
			continue
		}
		face, ok := r.bridge[e.port]
		if !ok {
			face = e.port // an agent without dot1dBasePortTable: mostly the same number
		}
		if p := byFace[face]; p != nil {
			p.Stations = append(p.Stations, k.mac)
		}
	}
}
