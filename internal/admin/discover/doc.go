// Package discover turns what switches, routers and wireless controllers say
// over SNMP into proposals for the network map, and compares the map with the
// network (drift). It is pure: package snmp below does the asking, the command
// `callbox discover snmp` puts the two together.
//
// Read: SNMPv2-MIB (RFC 3418), IF-MIB (RFC 2863), IP-MIB (RFC 4293),
// BRIDGE-MIB (RFC 4188), Q-BRIDGE-MIB (RFC 4363), ENTITY-MIB (RFC 6933),
// LLDP-MIB (IEEE 802.1AB-2005, clause 12), LLDP-EXT-MED-MIB (ANSI/TIA-1057),
// and of vendors CISCO-CDP-MIB, AIRESPACE-WIRELESS-MIB (Cisco controllers),
// WLSX-WLAN-MIB (Aruba), UBNT-AirMAX-MIB, and Sangfor's access point table.
//
// What an agent says is outside input: it may be cut, doubled, wrong or made
// up. Rows that cannot be read are counted and left out, never a failure of
// the whole.
package discover
