package discover

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/lldp"
)

// Answer is what a device answered to one Table: the rows that came, and why
// there are no more.
type Answer struct {
	Table Table
	Rows  []Row
	Err   error // nil: the table was read to its end
	VLAN  int   // of a Table that is PerVLAN; 0: of the device as a whole
}

// reading collects the tables of one device.
type reading struct {
	d        Device
	lldp     map[uint32]*localLLDP // by lldpLocPortNum
	chassis  lldp.ID
	faces    map[uint32]*iface // by ifIndex
	bridge   map[uint32]uint32 // bridge port to ifIndex
	remotes  map[[2]uint32]*remoteLLDP
	cdps     map[[2]uint32]*remoteCDP
	fdb      map[fdbKey]*fdbEntry
	aps      map[string]*AP // by index
	entities map[uint32]*entity
	arps     map[netip.Addr]e911.MAC
	own      map[netip.Addr]uint32 // own addresses to ifIndex
	hops     []netip.Addr          // of default routes
	vlans    []int
	routes   bool
	ubntMode int64
	ssid     string
	vlanNow  int
}

type localLLDP struct {
	id   lldp.ID
	desc string
}

type iface struct {
	name, descr, alias string
	kind               int64
	mac                e911.MAC
	up                 bool
}

type remoteLLDP struct {
	chassis, port lldp.ID
	name          string
	does          []byte
	class         int64
}

type remoteCDP struct {
	id, port string
	does     uint32
}

type fdbKey struct {
	vlan uint32
	mac  e911.MAC
}

type fdbEntry struct {
	port   uint32
	status int64
}

type entity struct {
	Unit
	class int64
}

// maxKept bounds each of the maps of a reading, whatever an agent invents.
const maxKept = 200000

func newReading(target string, at time.Time) *reading {
	return &reading{
		d: Device{Target: target, At: at}, lldp: map[uint32]*localLLDP{}, faces: map[uint32]*iface{}, bridge: map[uint32]uint32{},
		remotes: map[[2]uint32]*remoteLLDP{}, cdps: map[[2]uint32]*remoteCDP{}, fdb: map[fdbKey]*fdbEntry{}, aps: map[string]*AP{},
		entities: map[uint32]*entity{}, arps: map[netip.Addr]e911.MAC{}, own: map[netip.Addr]uint32{},
	}
}

// Decode makes a Device of the answers. Rows outside of their table, with an
// index that cannot be read or a value of another kind are counted in
// Incomplete and left out.
func Decode(target string, at time.Time, answers []Answer) Device {
	r := newReading(target, at)
	for _, a := range answers {
		r.vlanNow = a.VLAN
		junk := 0
		for _, row := range a.Rows {
			if !row.OID.Below(a.Table.Root) || !a.Table.read(r, index{rest: row.OID[len(a.Table.Root):]}, row) {
				junk++
			}
		}
		if junk > 0 {
			r.d.Incomplete = append(r.d.Incomplete, Shortfall{Table: a.Table.Name, Why: "rows that cannot be read", Rows: junk})
		}
		if a.Err != nil {
			r.d.Incomplete = append(r.d.Incomplete, Shortfall{Table: a.Table.Name, Why: lldp.Text([]byte(a.Err.Error()))})
		}
	}
	return r.device()
}

// VLANs returns the VLANs of a Cisco switch that keeps its forwarding tables
// apart, from the answer to vtpVlanState: at most 256 of them.
func VLANs(answers []Answer) []int {
	r := newReading("", time.Time{})
	for _, a := range answers {
		if a.Table.Name != "vtpVlanState" {
			continue
		}
		for _, row := range a.Rows {
			if row.OID.Below(a.Table.Root) {
				r.vlan(index{rest: row.OID[len(a.Table.Root):]}, row)
			}
		}
	}
	return r.vlans[:min(len(r.vlans), 256)]
}

// Object is the sysObjectID in the answers to System, nil when there is none.
func Object(answers []Answer) OID {
	for _, a := range answers {
		if a.Table.Name == "sysObjectID" && len(a.Rows) > 0 {
			if o, err := ParseOID(string(a.Rows[0].Octets)); err == nil {
				return o
			}
		}
	}
	return nil
}

func (r *reading) device() Device {
	d := &r.d
	if o, err := ParseOID(d.Object); err == nil {
		d.Object, d.Vendor = o.String(), vendorName(vendorOf(o))
	}
	if len(r.chassis.Octets) > 0 {
		d.Chassis, d.ChassisUnique = lldp.Key(unpad(r.chassis), lldp.ID{}).Chassis, r.chassis.Unique()
	}
	for _, k := range slices.Sorted(maps.Keys(r.entities)) {
		if e := r.entities[k]; (e.class == 3 || e.class == 0) && (e.Model != "" || e.Serial != "") {
			d.Units = append(d.Units, e.Unit)
		}
	}
	slices.Sort(d.Wireless)
	d.Wireless = slices.Compact(d.Wireless)
	for _, k := range slices.Sorted(maps.Keys(r.aps)) {
		d.APs = append(d.APs, *r.aps[k])
	}
	r.radios()
	r.ports()
	r.gateways()
	return *d
}

// text keeps what can be shown of the octets of v.
func text(to *string, v Row) bool {
	if v.Octets == nil {
		return false
	}
	*to = strings.TrimSpace(strings.Trim(lldp.Text(v.Octets), `"`))
	return true
}

// macOf reads six octets, or a notation of them in text, else "".
func macOf(b []byte) e911.MAC {
	if len(b) == 6 {
		return e911.MACFrom([6]byte(b))
	}
	if len(b) < 12 || len(b) > 17 {
		return ""
	}
	m, err := e911.ParseMAC(string(b))
	if err != nil {
		return ""
	}
	return m
}

func bigEndian(b []byte) uint32 {
	var n uint32
	for _, o := range b[:min(4, len(b))] {
		n = n<<8 | uint32(o)
	}
	return n
}

// kept returns the entry of k, made when it is new; nil when m is full.
func kept[K comparable, V any](m map[K]*V, k K) *V {
	if v, ok := m[k]; ok {
		return v
	}
	if len(m) >= maxKept {
		return nil
	}
	v := new(V)
	m[k] = v
	return v
}

// single makes the reader of a column whose index is one number.
func single[V any](of func(*reading) map[uint32]*V, set func(*V, Row)) func(*reading, index, Row) bool {
	return func(r *reading, x index, v Row) bool {
		n := x.number()
		if !x.done() {
			return false
		}
		e := kept(of(r), n)
		if e != nil {
			set(e, v)
		}
		return e != nil
	}
}

func localPort(set func(*localLLDP, Row)) func(*reading, index, Row) bool {
	return single(func(r *reading) map[uint32]*localLLDP { return r.lldp }, set)
}

func face(set func(*iface, Row)) func(*reading, index, Row) bool {
	return single(func(r *reading) map[uint32]*iface { return r.faces }, set)
}

func unit(set func(*entity, Row)) func(*reading, index, Row) bool {
	return single(func(r *reading) map[uint32]*entity { return r.entities }, set)
}

// remote reads a column of lldpRemTable: time mark, local port, remote index.
func remote(set func(*remoteLLDP, Row)) func(*reading, index, Row) bool {
	return func(r *reading, x index, v Row) bool {
		_, port, n := x.number(), x.number(), x.number()
		if !x.done() {
			return false
		}
		e := kept(r.remotes, [2]uint32{port, n})
		if e != nil {
			set(e, v)
		}
		return e != nil
	}
}

// cdp reads a column of cdpCacheTable: ifIndex, device index.
func cdp(set func(*remoteCDP, Row)) func(*reading, index, Row) bool {
	return func(r *reading, x index, v Row) bool {
		face, n := x.number(), x.number()
		if !x.done() {
			return false
		}
		e := kept(r.cdps, [2]uint32{face, n})
		if e != nil {
			set(e, v)
		}
		return e != nil
	}
}

func (r *reading) chassisSubtype(_ index, v Row) bool {
	r.chassis.Subtype = int(v.Number)
	return v.Octets == nil
}

func (r *reading) chassisID(_ index, v Row) bool {
	r.chassis.Octets = v.Octets
	return len(v.Octets) > 0
}

func (r *reading) bridgePort(x index, v Row) bool {
	n := x.number()
	if !x.done() || v.Octets != nil || v.Number < 1 || v.Number > 1<<32-1 || len(r.bridge) >= maxKept {
		return false
	}
	r.bridge[n] = uint32(v.Number)
	return true
}

func (r *reading) entry(vlan uint32, x index) *fdbEntry {
	m := x.mac()
	if !x.done() {
		return nil
	}
	return kept(r.fdb, fdbKey{vlan, m})
}

func (r *reading) fdbSet(e *fdbEntry, v Row, to func(*fdbEntry)) bool {
	if e == nil || v.Octets != nil || v.Number < 0 || v.Number > 1<<32-1 {
		return false
	}
	to(e)
	return true
}

func (r *reading) qBridgePort(x index, v Row) bool {
	vlan := x.number()
	return r.fdbSet(r.entry(vlan, x), v, func(e *fdbEntry) { e.port = uint32(v.Number) })
}

func (r *reading) qBridgeStatus(x index, v Row) bool {
	vlan := x.number()
	return r.fdbSet(r.entry(vlan, x), v, func(e *fdbEntry) { e.status = v.Number })
}

func (r *reading) bridgeEntry(x index, v Row) bool {
	return r.fdbSet(r.entry(uint32(r.vlanNow), x), v, func(e *fdbEntry) { e.port = uint32(v.Number) })
}

func (r *reading) bridgeStatus(x index, v Row) bool {
	return r.fdbSet(r.entry(uint32(r.vlanNow), x), v, func(e *fdbEntry) { e.status = v.Number })
}

func (r *reading) vlan(x index, v Row) bool {
	_, n := x.number(), x.number()
	// 1002 to 1005 are of Token Ring and FDDI, and hold nothing.
	if x.done() && v.Number == 1 && n >= 1 && n <= 4094 && (n < 1002 || n > 1005) {
		r.vlans = append(r.vlans, int(n))
	}
	return x.done()
}

func (r *reading) ownAddress(x index, v Row) bool {
	a, ok := netip.AddrFromSlice(x.octets(4))
	if !ok || !x.done() || v.Octets != nil || len(r.own) >= maxKept {
		return false
	}
	r.own[a] = uint32(v.Number)
	return true
}

func (r *reading) arp(x index, v Row) bool {
	x.number() // ifIndex
	a, ok := netip.AddrFromSlice(x.octets(4))
	m := macOf(v.Octets)
	if !ok || !x.done() || len(r.arps) >= maxKept {
		return false
	}
	if m != "" {
		r.arps[a] = m
	}
	return true
}

func (r *reading) defaultRoute(x index, v Row) bool {
	// ipRouteTable has one more 0 of the destination here, ipCidrRouteTable
	// the type of service and the next hop.
	if x.number() != 0 {
		return true // the route of another network of 0/8
	}
	if a, ok := netip.AddrFromSlice(v.Octets); ok && a.Is4() && !a.IsUnspecified() && len(r.hops) < 64 {
		r.hops = append(r.hops, a)
	}
	return len(v.Octets) == 4
}

func (r *reading) gateways() {
	seen := map[e911.MAC]bool{}
	add := func(m e911.MAC, a netip.Addr, own bool) {
		if m != "" && m != "00:00:00:00:00:00" && !a.IsLoopback() && !seen[m] {
			seen[m] = true
			r.d.Gateways = append(r.d.Gateways, Gateway{MAC: m, Addr: a, Own: own})
		}
	}
	if r.routes && len(r.own) > 1 {
		for _, a := range slices.SortedFunc(maps.Keys(r.own), netip.Addr.Compare) {
			m := r.arps[a] // its own entry, where it keeps one
			if f := r.faces[r.own[a]]; m == "" && f != nil {
				m = f.mac
			}
			add(m, a, true)
		}
	}
	slices.SortFunc(r.hops, netip.Addr.Compare)
	for _, a := range r.hops {
		add(r.arps[a], a, false)
	}
	// The virtual routers that it knows: refused as keys, and that is worth saying.
	for _, a := range slices.SortedFunc(maps.Keys(r.arps), netip.Addr.Compare) {
		if m := r.arps[a]; m.VirtualRouter() {
			add(m, a, false)
		}
	}
}
