package e911

// CallClass is what a dialled string asks for.
type CallClass string

// The classes of call that reach the emergency handler.
const (
	ClassEmergency CallClass = "emergency" // 911, urn:service:sos
	ClassTest933   CallClass = "test_933"  // 933, answered by Callbox itself
	ClassTestURN   CallClass = "test_urn"  // urn:service:test.sos (RFC 6881, section 15), answered by Callbox itself
)

// IdentifiedBy is the closed list of what told us who calls.
type IdentifiedBy string

// What identified a caller, best first.
const (
	ByDeviceUserID  IdentifiedBy = "device_user_id" // E911-User-ID or the trunk's identity header
	ByLocationToken IdentifiedBy = "location_token" // our token names the device
	ByRegistration  IdentifiedBy = "registration"   // the telephone that registered by the way of the call
	ByLineNumber    IdentifiedBy = "line_number"    // P-Asserted-Identity, then From
	ByTrunkOnly     IdentifiedBy = "trunk_only"     // a known trunk, an unknown caller
)

// LocatedBy is the closed list of the evidence that a location stands on.
type LocatedBy string

// What located a caller (design 2.2). The kind of evidence is said also when
// it came inside a token.
const (
	ByPIDFLO      LocatedBy = "pidf_lo"      // by value in the INVITE
	ByLLDPPort    LocatedBy = "lldp_port"    // chassis and port
	ByBSSID       LocatedBy = "bssid"        // serving access point
	ByNeighbours  LocatedBy = "bssid_nearby" // agreeing majority of neighbours
	ByLLDPChassis LocatedBy = "lldp_chassis" // the switch alone
	ByMAC         LocatedBy = "mac"          // fixed device
	ByGateway     LocatedBy = "gateway"      // default gateway's hardware address
	ByDECTBase    LocatedBy = "dect_base"    // base that the handset is on (F-33)
	ByAP          LocatedBy = "ap"           // access point as its controller tells it
	ByATAPort     LocatedBy = "ata_port"     // port of an analogue adapter
	ByPrivateIP   LocatedBy = "private_ip"   // mapped range
	ByPublicIP    LocatedBy = "public_ip"    // mapped public range
	ByConfirmed   LocatedBy = "confirmed"    // address the user confirmed for this network
	ByUserSet     LocatedBy = "user_set"     // location the user set by hand
	ByNumber      LocatedBy = "number"       // the number's own ESA
	ByRegistered  LocatedBy = "registered"   // place that the user registered, whatever he calls from (N-07)
	BySiteDefault LocatedBy = "site_default" // the site's only building
	ByNothing     LocatedBy = "none"         // relay centre
)
