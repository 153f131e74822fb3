package discover

import (
	"slices"
)

// Table is one column, or a few that lie together, that is asked for.
type Table struct {
	Name string // of the MIB object
	Root OID
	// PerVLAN marks what Cisco's switches keep apart by VLAN: to be asked once
	// more for every VLAN, with the community "name@VLAN" or the context "vlan-VLAN".
	PerVLAN bool

	vendors []uint32 // IANA enterprise numbers; none: every device
	read    func(*reading, index, Row) bool
}

// The enterprise numbers of vendors (IANA) whose own tables are read.
const (
	vendorCisco     = 9
	vendorAirespace = 14179
	vendorAruba     = 14823
	vendorSangfor   = 35047
	vendorUbiquiti  = 41112
)

// vendorNames are the vendors of the devices this was tried on.
func vendorName(n uint32) string {
	switch n {
	case vendorCisco, vendorAirespace:
		return "Cisco"
	case 11:
		return "HPE"
	case 171:
		return "D-Link"
	case 1991:
		return "Brocade"
	case 2011:
		return "Huawei"
	case 4881:
		return "Ruijie"
	case vendorAruba:
		return "Aruba"
	case 30065:
		return "Arista"
	case vendorSangfor:
		return "Sangfor"
	case vendorUbiquiti:
		return "Ubiquiti"
	}
	return ""
}

var enterprises = mustOID("1.3.6.1.4.1")

// vendorOf is the enterprise number of a sysObjectID, 0 when it has none.
func vendorOf(object OID) uint32 {
	if object.Below(enterprises) && len(object) > len(enterprises) {
		return object[len(enterprises)]
	}
	return 0
}

// System is what is asked first: whether the device answers, and whose it is.
func System() []Table { return slices.Clone(systemTables) }

// Tables is what is asked of a device with this sysObjectID, in the order in
// which it is worth most when time runs out.
func Tables(object OID) []Table {
	v := vendorOf(object)
	var out []Table
	for _, t := range deviceTables {
		if len(t.vendors) == 0 || slices.Contains(t.vendors, v) {
			out = append(out, t)
		}
	}
	return out
}

func table(name, root string, read func(*reading, index, Row) bool, vendors ...uint32) Table {
	return Table{Name: name, Root: mustOID(root), read: read, vendors: vendors}
}

func (t Table) perVLAN() Table { t.PerVLAN = true; return t }

const (
	mib2      = "1.3.6.1.2.1."
	lldpMIB   = "1.0.8802.1.1.2.1."
	ciscoMgmt = "1.3.6.1.4.1.9.9."
	airespace = "1.3.6.1.4.1.14179.2."
	wlsx      = "1.3.6.1.4.1.14823.2.2.1.5.2."
	airMAX    = "1.3.6.1.4.1.41112.1.4."
	sangforAP = "1.3.6.1.4.1.35047.2.12.1.1.1."
)

var systemTables = []Table{
	table("sysDescr", mib2+"1.1", func(r *reading, _ index, v Row) bool { return text(&r.d.About, v) }),
	table("sysObjectID", mib2+"1.2", func(r *reading, _ index, v Row) bool { return text(&r.d.Object, v) }),
	table("sysName", mib2+"1.5", func(r *reading, _ index, v Row) bool { return text(&r.d.Name, v) }),
	table("sysLocation", mib2+"1.6", func(r *reading, _ index, v Row) bool { return text(&r.d.Location, v) }),
}

var deviceTables = []Table{
	table("lldpLocChassisIdSubtype", lldpMIB+"3.1", (*reading).chassisSubtype),
	table("lldpLocChassisId", lldpMIB+"3.2", (*reading).chassisID),
	table("lldpLocPortIdSubtype", lldpMIB+"3.7.1.2", localPort(func(p *localLLDP, v Row) { p.id.Subtype = int(v.Number) })),
	table("lldpLocPortId", lldpMIB+"3.7.1.3", localPort(func(p *localLLDP, v Row) { p.id.Octets = v.Octets })),
	table("lldpLocPortDesc", lldpMIB+"3.7.1.4", localPort(func(p *localLLDP, v Row) { text(&p.desc, v) })),
	table("ifDescr", mib2+"2.2.1.2", face(func(i *iface, v Row) { text(&i.descr, v) })),
	table("ifType", mib2+"2.2.1.3", face(func(i *iface, v Row) { i.kind = v.Number })),
	table("ifPhysAddress", mib2+"2.2.1.6", face(func(i *iface, v Row) { i.mac = macOf(v.Octets) })),
	table("ifOperStatus", mib2+"2.2.1.8", face(func(i *iface, v Row) { i.up = v.Number == 1 })),
	table("ifName", mib2+"31.1.1.1.1", face(func(i *iface, v Row) { text(&i.name, v) })),
	table("ifAlias", mib2+"31.1.1.1.18", face(func(i *iface, v Row) { text(&i.alias, v) })),
	table("bsnAPName", airespace+"2.1.1.3", accessPoint(func(a *AP, v Row) { text(&a.Name, v) }), vendorCisco, vendorAirespace),
	table("bsnAPLocation", airespace+"2.1.1.4", accessPoint(func(a *AP, v Row) { text(&a.Location, v) }), vendorCisco, vendorAirespace),
	table("bsnAPEthernetMacAddress", airespace+"2.1.1.33", accessPoint(func(a *AP, v Row) { a.MAC = macOf(v.Octets) }), vendorCisco, vendorAirespace),
	table("bsnMobileStationAPMacAddr", airespace+"1.4.1.4", (*reading).wirelessStation, vendorCisco, vendorAirespace),
	table("wlanAPName", wlsx+"1.4.1.3", accessPoint(func(a *AP, v Row) { text(&a.Name, v) }), vendorAruba),
	table("wlanAPESSID", wlsx+"1.7.1.2", (*reading).arubaBSSID, vendorAruba),
	table("wlanStaAccessPointESSID", wlsx+"2.1.1.12", (*reading).wirelessStation, vendorAruba),
	table("ubntRadioMode", airMAX+"1.1.2", func(r *reading, _ index, v Row) bool { r.ubntMode = v.Number; return true }, vendorUbiquiti),
	table("ubntWlStatSsid", airMAX+"5.1.2", (*reading).ubntSSID, vendorUbiquiti),
	table("ubntWlStatApMac", airMAX+"5.1.4", (*reading).ubntBSSID, vendorUbiquiti),
	table("sangforAPName", sangforAP+"2", (*reading).sangforName, vendorSangfor),
	table("sangforAPGroup", sangforAP+"9", (*reading).sangforGroup, vendorSangfor),
	table("dot1dBaseBridgeAddress", mib2+"17.1.1", func(r *reading, _ index, v Row) bool {
		r.d.BridgeMAC = macOf(v.Octets)
		return r.d.BridgeMAC != ""
	}),
	table("dot1dBasePortIfIndex", mib2+"17.1.4.1.2", (*reading).bridgePort).perVLAN(),
	table("lldpRemChassisIdSubtype", lldpMIB+"4.1.1.4", remote(func(n *remoteLLDP, v Row) { n.chassis.Subtype = int(v.Number) })),
	table("lldpRemChassisId", lldpMIB+"4.1.1.5", remote(func(n *remoteLLDP, v Row) { n.chassis.Octets = v.Octets })),
	table("lldpRemPortIdSubtype", lldpMIB+"4.1.1.6", remote(func(n *remoteLLDP, v Row) { n.port.Subtype = int(v.Number) })),
	table("lldpRemPortId", lldpMIB+"4.1.1.7", remote(func(n *remoteLLDP, v Row) { n.port.Octets = v.Octets })),
	table("lldpRemSysName", lldpMIB+"4.1.1.9", remote(func(n *remoteLLDP, v Row) { text(&n.name, v) })),
	table("lldpRemSysCapEnabled", lldpMIB+"4.1.1.12", remote(func(n *remoteLLDP, v Row) { n.does = v.Octets })),
	table("lldpXMedRemCapDeviceClass", lldpMIB+"5.4795.1.3.1.1.3", remote(func(n *remoteLLDP, v Row) { n.class = v.Number })),
	table("cdpCacheDeviceId", ciscoMgmt+"23.1.2.1.1.6", cdp(func(n *remoteCDP, v Row) { text(&n.id, v) })),
	table("cdpCacheDevicePort", ciscoMgmt+"23.1.2.1.1.7", cdp(func(n *remoteCDP, v Row) { text(&n.port, v) })),
	table("cdpCacheCapabilities", ciscoMgmt+"23.1.2.1.1.9", cdp(func(n *remoteCDP, v Row) { n.does = bigEndian(v.Octets) })),
	table("dot1qTpFdbPort", mib2+"17.7.1.2.2.1.2", (*reading).qBridgePort),
	table("dot1qTpFdbStatus", mib2+"17.7.1.2.2.1.3", (*reading).qBridgeStatus),
	table("dot1dTpFdbPort", mib2+"17.4.3.1.2", (*reading).bridgeEntry).perVLAN(),
	table("dot1dTpFdbStatus", mib2+"17.4.3.1.3", (*reading).bridgeStatus).perVLAN(),
	table("ipForwarding", mib2+"4.1", func(r *reading, _ index, v Row) bool { r.routes = v.Number == 1; return true }),
	table("ipAdEntIfIndex", mib2+"4.20.1.2", (*reading).ownAddress),
	table("ipNetToMediaPhysAddress", mib2+"4.22.1.2", (*reading).arp),
	table("ipRouteNextHop", mib2+"4.21.1.7.0.0.0", (*reading).defaultRoute),
	table("ipCidrRouteNextHop", mib2+"4.24.4.1.4.0.0.0.0.0.0.0.0", (*reading).defaultRoute),
	table("entPhysicalClass", mib2+"47.1.1.1.1.5", unit(func(u *entity, v Row) { u.class = v.Number })),
	table("entPhysicalModelName", mib2+"47.1.1.1.1.13", unit(func(u *entity, v Row) { text(&u.Model, v) })),
	table("entPhysicalSerialNum", mib2+"47.1.1.1.1.11", unit(func(u *entity, v Row) { text(&u.Serial, v) })),
	table("vtpVlanState", ciscoMgmt+"46.1.3.1.1.2", (*reading).vlan, vendorCisco),
}
