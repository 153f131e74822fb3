package e911

import (
	"log/slog"
	"net/netip"
	"slices"
	"time"
)

// Secret is a shared secret in the clear, in memory only. It is sealed before
// it reaches SQL or a file (D-09), and never logged.
type Secret string

// LogValue hides the secret.
func (Secret) LogValue() slog.Value { return slog.StringValue("[secret]") }

// String hides the secret, so that fmt cannot print it by accident.
func (Secret) String() string { return "[secret]" }

// ObjectKind names a kind of configured object in a change set.
type ObjectKind string

// The configured objects. World objects have no organisation.
const (
	KindModel    ObjectKind = "model"
	KindTrunk    ObjectKind = "trunk"
	KindPSAP     ObjectKind = "psap"
	KindLayer    ObjectKind = "layer"
	KindOverride ObjectKind = "psap_override"
	KindTokenKey ObjectKind = "token_key"
	KindOrg      ObjectKind = "organisation"
	KindSite     ObjectKind = "site"
	KindBuilding ObjectKind = "building"
	KindLocation ObjectKind = "location"
	KindElement  ObjectKind = "network_element"
	KindUser     ObjectKind = "user"
	KindDevice   ObjectKind = "device"
	KindNumber   ObjectKind = "number"
	KindAlert    ObjectKind = "alert"
)

// TrunkSide is which neighbour a trunk leads to.
type TrunkSide string

// The sides of a trunk.
const (
	SidePlatform TrunkSide = "platform" // a customer's PBX or calling platform
	SideCarrier  TrunkSide = "carrier"  // a 911 carrier
	SideRelay    TrunkSide = "relay"    // the relay centre (ECRC)
	SideLocal    TrunkSide = "local"    // a site's own PSTN trunk or gateway
	SideESInet   TrunkSide = "esinet"   // the 911 authority's network
)

// RouteKind says who chooses the PSAP (F-23).
type RouteKind string

// The kinds of route.
const (
	RouteProvider RouteKind = "provider"
	RouteESInet   RouteKind = "esinet"
	RouteLocal    RouteKind = "local"
)

// HeaderProfile is how a leg is written for a trunk (design 2.4).
type HeaderProfile string

// The header profiles.
const (
	// ProfileI3: urn:service:sos, location by value and by reference, identifiers,
	// RFC 7852 blocks, Resource-Priority esnet.1.
	ProfileI3 HeaderProfile = "i3"
	// ProfileCarrier: SIP URI, location by value, From = PAI = callback.
	ProfileCarrier HeaderProfile = "carrier"
	// ProfileELIN: From = PAI = the location's ELIN, for carriers that know numbers
	// alone.
	ProfileELIN HeaderProfile = "elin"
	// ProfilePlain: From = PAI = callback, no location.
	ProfilePlain HeaderProfile = "plain"
)

// InboundProfile is how a platform writes what its calls say of the caller.
type InboundProfile string

// The inbound profiles. None: plain.
const (
	InboundPlain      InboundProfile = "plain"      // any PBX: PAI, then From
	InboundWebex      InboundProfile = "webex"      // E911-Organization-ID, E911-User-ID
	InboundCUCM       InboundProfile = "cucm"       // Cisco UCM with the RedSky script
	InboundGenesys    InboundProfile = "genesys"    // employee id in Trunk.IdentityHeader
	InboundTeamsSBC   InboundProfile = "teams_sbc"  // Direct Routing with PIDF-LO
	InboundAsterisk   InboundProfile = "asterisk"   // res_geolocation
	InboundFreeSWITCH InboundProfile = "freeswitch" // P-Asserted-Identity and multipart bodies of its own
)

// TrunkTarget is one place where a trunk's calls can go. URI is a sip or sips
// URI with an address or a name; names are looked up ahead of calls (RFC 3263).
type TrunkTarget struct {
	URI      string `json:"uri"`
	Priority int    `json:"priority,omitempty"` // lowest first
	Weight   int    `json:"weight,omitempty"`   // share among equals; zero counts as 1
}

// TrunkDigest are credentials of RFC 3261, section 22. Of the neighbour's own,
// several secrets may be live at a time.
type TrunkDigest struct {
	User    string   `json:"user,omitempty"`
	Realm   string   `json:"realm,omitempty"`
	Secrets []Secret `json:"secrets,omitempty"`
}

// TrunkRegistration says that we register with a neighbour.
type TrunkRegistration struct {
	Registrar string        `json:"registrar,omitempty"` // sip URI
	AOR       string        `json:"aor,omitempty"`       // sip URI
	Expires   time.Duration `json:"expires,omitempty"`   // zero: 10 min
}

// TrunkProbe is how a neighbour's health is asked for by OPTIONS.
type TrunkProbe struct {
	Off   bool          `json:"off,omitempty"`
	Every time.Duration `json:"every,omitempty"` // zero: 30 s
}

// TrunkMark is a right or duty of a trunk that is off unless it is stated.
type TrunkMark string

// The marks.
const (
	MarkPSAPCallbacks TrunkMark = "psap_callbacks" // brings calls of PSAPs (F-11)
	MarkPriority      TrunkMark = "priority"       // its Resource-Priority is believed (F-25)
	MarkTestURN       TrunkMark = "test_urn"       // may carry urn:service:test.sos (F-28)
	MarkLocatesCalls  TrunkMark = "locates_calls"  // its PIDF-LO is made for each call (F-14)
	MarkManyOrgs      TrunkMark = "many_orgs"      // E911-Organization-ID names the organisation
	MarkMonthly933    TrunkMark = "monthly_933"    // a through 933 is due each month (F-28)
)

// Trunk is a SIP neighbour, known by its source addresses. A platform trunk
// has an Org and no To; a carrier trunk has a To ("sip:psap@127.0.0.21:5071;transport=tcp").
type Trunk struct {
	ID             TrunkID        `json:"id"`
	Org            OrgID          `json:"org,omitempty"`
	Key            string         `json:"key"`
	Side           TrunkSide      `json:"side"`
	Kind           RouteKind      `json:"kind,omitempty"`
	Profile        HeaderProfile  `json:"profile,omitempty"`
	To             string         `json:"to,omitempty"`
	From           []netip.Prefix `json:"from"`
	DRFrom         []netip.Prefix `json:"dr_from"` // required, may be empty: disaster-recovery ranges
	IdentityHeader string         `json:"identity_header,omitempty"`

	Targets []TrunkTarget  `json:"targets,omitempty"` // beside To
	Inbound InboundProfile `json:"inbound,omitempty"`
	// Certificates are "sha256:" and the hexadecimal hash of the neighbour's client
	// certificate, or a DNS name in one that the server's client roots vouch for.
	Certificates []string          `json:"certificates,omitempty"`
	Admit        TrunkDigest       `json:"admit,omitzero"`  // what the neighbour proves itself with
	Digest       TrunkDigest       `json:"digest,omitzero"` // what we prove ourselves with to it
	Register     TrunkRegistration `json:"register,omitzero"`
	Probe        TrunkProbe        `json:"probe,omitzero"`
	// Capacity is how many calls the neighbour takes at a time, Reserved how many
	// of them only emergency calls may have. Zero Capacity: no bound.
	Capacity int `json:"capacity,omitempty"`
	Reserved int `json:"reserved,omitempty"`
	// National writes numbers with ten digits instead of +E.164 (F-21).
	National bool        `json:"national,omitempty"`
	Marks    []TrunkMark `json:"marks,omitempty"`
}

// Marked reports whether the trunk has a mark.
func (t *Trunk) Marked(m TrunkMark) bool { return slices.Contains(t.Marks, m) }

// Boundary is the area that a PSAP serves. USCounty is a five-digit FIPS code
// of the built-in demonstration layer. State and County are the names by which
// an address without a point finds it ("MA", "Middlesex"); both are resolved
// with the PSAP's Area, and empty where the name is not the only one in its state.
type Boundary struct {
	USCounty string `json:"us_county,omitempty"`
	State    string `json:"state,omitempty"`
	County   string `json:"county,omitempty"`
	// Layer and Grade are set in what rules/ecrf returns for a service boundary of
	// a reference layer, instead of the rest; a stored PSAP has neither.
	Layer string     `json:"-"`
	Grade LayerGrade `json:"-"`
}

// Demonstration reports whether the boundary comes from a demonstration layer,
// which may choose a PSAP only in an organisation so marked (F-23).
func (b Boundary) Demonstration() bool { return b.USCounty != "" || b.Grade == GradeDemonstration }

// PSAP is an answering point with its routes in order of preference. Relay
// marks the relay centre (ECRC), which has no boundary.
type PSAP struct {
	ID       PSAPID   `json:"id"`
	Key      string   `json:"key"`
	Name     string   `json:"name"`
	Relay    bool     `json:"relay,omitempty"`
	Boundary Boundary `json:"boundary,omitzero"`
	// Area is the boundary's geometry, resolved when the PSAP was written, so
	// that the call path needs no layer. Empty for the relay centre.
	Area   MultiPolygon `json:"area,omitempty"`
	Routes []TrunkID    `json:"routes"`
	// Line is the PSAP's 24x7 ten-digit line, for people who must call it from
	// elsewhere (F-09, F-39). Empty when it is not known.
	Line Number `json:"line,omitempty"`
	// Features are the NGUIDs of the service boundaries in reference layers that
	// are this PSAP's. Without them a boundary is the PSAP's whose Agency it names.
	Features []string `json:"features,omitempty"`
	// Agency is the domain of the agency that runs it, as Agency_ID of NENA-STA-006
	// has it ("psap.example.gov").
	Agency  string      `json:"agency,omitempty"`
	Listing PSAPListing `json:"listing,omitzero"`
	// Alternates take its calls when its own routes fail, in this order.
	Alternates []PSAPAlternate `json:"alternates,omitempty"`
	// Countries are the two letters of those whose callers a relay centre takes;
	// none: not said. Languages are those that it speaks ("en", "fr"), the best first.
	Countries []string `json:"countries,omitempty"`
	Languages []string `json:"languages,omitempty"`
}

// PSAPListing is what a directory says of a PSAP: the FCC's Master PSAP
// Registry, or the operator. It never decides where a call goes.
type PSAPListing struct {
	Registry string `json:"registry,omitempty"` // the FCC's PSAP ID, digits
	Kind     string `json:"kind,omitempty"`     // one of the Listed words; none: nothing is said
	City     string `json:"city,omitempty"`
	County   string `json:"county,omitempty"`
	State    string `json:"state,omitempty"` // two letters
	// LineChecked is when a person last reached the PSAP on its Line; zero: never.
	LineChecked time.Time `json:"line_checked,omitzero"`
	// AsOf is the date of the directory.
	AsOf time.Time `json:"as_of,omitzero"`
}

// What a directory says of a PSAP's standing.
const (
	ListedPrimary   = "primary"
	ListedSecondary = "secondary" // calls come to it from a primary one; or it is listed twice
	ListedOrphaned  = "orphaned"  // no longer takes 911 calls
	ListedGone      = "gone"      // it is not in the directory any more
)

// PSAPOverride is an organisation's own choice of the PSAP for a site, a
// building or a location (one of the three): a campus with its own answering
// point. It needs an agreement with that PSAP (F-23).
type PSAPOverride struct {
	ID        OverrideID `json:"id"`
	Org       OrgID      `json:"org"`
	Key       string     `json:"key"`
	Site      SiteID     `json:"site,omitempty"`
	Building  BuildingID `json:"building,omitempty"`
	Location  LocationID `json:"location,omitempty"`
	PSAP      PSAPID     `json:"psap"`
	Agreement string     `json:"agreement"`        // who agreed to it, when, where the paper is
	Expires   time.Time  `json:"expires,omitzero"` // zero: until it is changed
}

// TokenKey seals location tokens (D-08); the newest by Created, then ID, seals,
// all open.
type TokenKey struct {
	ID      string    `json:"id"`     // short, letters and digits, travels in the token
	Secret  []byte    `json:"secret"` // 32 bytes
	Created time.Time `json:"created,omitzero"`
}

// HELDAccess is how devices of an organisation prove themselves to the LIS.
type HELDAccess struct {
	CompanyID string         `json:"company_id,omitempty"`
	Secrets   []Secret       `json:"secrets,omitempty"`
	Trusted   []netip.Prefix `json:"trusted,omitempty"` // may ask for others
	// Platforms may ask for others and prove themselves by more than an address.
	Platforms []HELDPlatform `json:"platforms,omitempty"`
}

// HELDPlatform is a call platform of an organisation that may ask the LIS for
// devices of others (RFC 6155, section 1.1). One proof is enough: a secret, or
// a client certificate.
type HELDPlatform struct {
	Name    string   `json:"name"` // the user of Basic and Digest
	Secrets []Secret `json:"secrets,omitempty"`
	// Certificates are "sha256:" and the hexadecimal hash of a client certificate,
	// or a DNS name in one that the server's client roots vouch for.
	Certificates []string `json:"certificates,omitempty"`
	// From are the addresses that it may ask from; none: all.
	From []netip.Prefix `json:"from,omitempty"`
}

// BSSIDMask says that a vendor's access points differ only in the last hex
// digits of their BSSIDs (F-19). OUI is the canonical first half, "00:11:22".
type BSSIDMask struct {
	OUI    string `json:"oui"`
	Digits int    `json:"digits"`
}

// Org is an organisation.
type Org struct {
	ID            OrgID          `json:"id"`
	Key           string         `json:"key"`
	Name          string         `json:"name"`
	Demonstration bool           `json:"demonstration,omitempty"`
	HELD          HELDAccess     `json:"held,omitzero"`
	PublicRanges  []netip.Prefix `json:"public_ranges,omitempty"`
	BSSIDMasking  []BSSIDMask    `json:"bssid_masking,omitempty"`
	DIDFallback   bool           `json:"did_fallback,omitempty"` // W-51
	// Carriers are the 911 carriers' trunks (kind provider) in order of preference
	// that take the organisation's calls for any place: the carrier chooses the
	// PSAP, ours is the expected one (F-23). They come after a PSAP's own routes.
	Carriers []TrunkID `json:"carriers,omitempty"`
	PSALI    *PSALI    `json:"psali,omitempty"`
	// State is where it stands with the E911 path; none: live.
	State OrgState `json:"state,omitempty"`
	// SIPDomain is the host name or address, in lower case, that the
	// organisation's telephones register with; none: none of them may.
	SIPDomain string `json:"sip_domain,omitempty"`
	// OwnPhonesOff keeps users from setting up telephones by themselves (C-64).
	OwnPhonesOff bool `json:"own_phones_off,omitempty"`
}

// SiteMode is the emergency model of a site (W-01).
type SiteMode string

// The modes of a site.
const (
	ModeDynamic SiteMode = "dynamic"
	ModeTN      SiteMode = "tn"
)

// Stage is how much of a site's calling goes to the E911 path (W-29, W-30).
type Stage string

// The stages of a site.
const (
	StageNone Stage = "none"
	Stage933  Stage = "933"
	Stage911  Stage = "911"
)

// Site is a configuration container: numbers, PSTN route, emergency mode.
type Site struct {
	ID    SiteID   `json:"id"`
	Org   OrgID    `json:"org"`
	Key   string   `json:"key"`
	Name  string   `json:"name"`
	Zone  string   `json:"zone"` // IANA time zone
	Mode  SiteMode `json:"mode"`
	Stage Stage    `json:"stage"`
	ECBN  Number   `json:"ecbn,omitempty"`
	// Local are the site's own PSTN trunks and gateways (side local), in order.
	Local []TrunkID `json:"local,omitempty"`
	// ModeAcknowledged allows TN mode although devices of the site move (F-20).
	ModeAcknowledged ModeAcknowledgement `json:"mode_acknowledged,omitzero"`

	// MainNumber is the number that callers of the site dial.
	MainNumber Number `json:"main_number,omitempty"`
	// ECBNChoice says what ECBN is: the number of a member, with ECBNMember; that
	// there is none and MainNumber stands for it, with ECBNMain; else any number
	// that a person answers.
	ECBNChoice ECBNChoice `json:"ecbn_choice,omitempty"`
	Areas      []SiteArea `json:"areas,omitempty"`
	// ESA is the emergency service address of the site's numbers that have none of
	// their own (P-19).
	ESA LocationID `json:"esa,omitempty"`
	// CallbackWindow is for how many minutes after the end of a call the numbers
	// that its PSAP has lead back to the caller, 10 to 1440 (F-08); zero: as the
	// server is set.
	CallbackWindow int `json:"callback_window,omitempty"`
}

// Building has a name (BLD) and one street address.
type Building struct {
	ID      BuildingID `json:"id"`
	Org     OrgID      `json:"org"`
	Site    SiteID     `json:"site"`
	Key     string     `json:"key"`
	Name    string     `json:"name"`
	Address Civic      `json:"address"`
	Point   *Point     `json:"point,omitempty"`
	// Validation is what was found out about Address; zero: nobody looked yet.
	Validation Validation `json:"validation,omitzero"`
	// SquareFeet is its floor area, by which some states measure what a call must
	// tell (F-39 (5)); zero: not known.
	SquareFeet int `json:"square_feet,omitempty"`
}

// Location is a place inside a building (an ERL). Detail holds FLR, ROOM,
// UNIT, LOC and the like, laid over the building's address.
type Location struct {
	ID       LocationID `json:"id"`
	Org      OrgID      `json:"org"`
	Building BuildingID `json:"building"`
	Key      string     `json:"key"`
	Detail   Civic      `json:"detail"`
}

// Element is a network element that maps to a location, or that proves nothing
// about one (ElementKind.Places). Which of the value fields is set follows from
// Kind.
type Element struct {
	ID       ElementID    `json:"id"`
	Org      OrgID        `json:"org"`
	Location LocationID   `json:"location,omitempty"`
	Kind     ElementKind  `json:"kind"`
	MAC      MAC          `json:"mac,omitempty"`    // bssid, mac, gateway, ata_port, ignore
	MACTo    MAC          `json:"mac_to,omitempty"` // bssid, ignore: the last of a range
	LLDP     LLDPPort     `json:"lldp,omitzero"`    // lldp_port, lldp_ports, lldp_chassis
	Range    netip.Prefix `json:"range,omitzero"`   // ip, vpn, proxy, sase, ignore
	From     netip.Addr   `json:"from,omitzero"`    // the same kinds, instead of Range: lowest
	To       netip.Addr   `json:"to,omitzero"`      // and highest address
	Name     string       `json:"name,omitempty"`   // dect_base, ap, ata_port
	// Mobility of what the MAC names; kind mac only.
	Mobility Mobility `json:"mobility,omitempty"`
}

// User is a person who calls.
type User struct {
	ID           UserID `json:"id"`
	Org          OrgID  `json:"org"`
	Site         SiteID `json:"site"`
	Key          string `json:"key"`
	Name         string `json:"name"`
	Email        string `json:"email,omitempty"`
	DeviceUserID string `json:"device_user_id,omitempty"` // what platforms send in E911-User-ID
	Callback     Number `json:"callback,omitempty"`       // N-10
	ECBN         ECBN   `json:"ecbn,omitzero"`            // of his lines that have none
	// Language is the one that he speaks with a relay centre, "en" or "fr"; none: not
	// said.
	Language string `json:"language,omitempty"`
	// OffPremises is what he was told of calling from elsewhere and agreed to; nil:
	// nothing. What it points to is never changed.
	OffPremises *Consent `json:"off_premises,omitempty"`
	// Asked is when he was first asked where he is (N-07); zero: nobody asked him.
	// Whether he answered is told by what is known of his place.
	Asked time.Time `json:"asked,omitzero"`
}

// Device is a device that calls.
type Device struct {
	ID    DeviceID `json:"id"`
	Org   OrgID    `json:"org"`
	Site  SiteID   `json:"site"`
	Key   string   `json:"key"`
	MAC   MAC      `json:"mac,omitempty"`
	User  UserID   `json:"user,omitempty"`
	Model ModelID  `json:"model,omitempty"` // none: HELD-capable once it asked HELD
	// SIP is how it registers; nil: it does not. What it points to is never
	// changed.
	SIP  *SIPAccount `json:"sip,omitempty"`
	ECBN ECBN        `json:"ecbn,omitzero"` // where neither line nor user has one
	// Station is its class before the law; nil: nobody stated one. What it points to
	// is never changed.
	Station *Station `json:"station,omitempty"`
	// Language is that of whoever calls from it where its user has none.
	Language string `json:"language,omitempty"`
}

// SIPAccount is what a telephone registers with, at its organisation's
// SIPDomain.
type SIPAccount struct {
	User   string `json:"user"` // user part of its address, its extension as a rule
	Secret Secret `json:"secret"`
	// Line is the number that stands for it towards a PSAP; none: its owner's or
	// its site's.
	Line Number `json:"line,omitempty"`
	// Guest says that nobody signs in on it: a lobby, a hotel room. It is called
	// for help from like any other (F-34).
	Guest bool `json:"guest,omitempty"`
	// Own marks it as one that the device's user made by himself; nil: an
	// administrator did. What it points to is never changed.
	Own *OwnPhone `json:"own,omitempty"`
}

// NumberRec is one of our numbers, its owner and its emergency service address.
type NumberRec struct {
	ID     NumberID `json:"id"`
	Org    OrgID    `json:"org"`
	Site   SiteID   `json:"site"`
	Number Number   `json:"number"`
	User   UserID   `json:"user,omitempty"`
	// Location is its own emergency service address; none: that of the site (P-20).
	Location LocationID `json:"location,omitempty"`
	// ELIN marks the number as one that stands for its location in a carrier's
	// ALI database. Whether it may be sent, alirecord.Usable says.
	ELIN bool `json:"elin,omitempty"`
	// ALI is what is known about that record; nil: nothing was ever sent. What
	// it points to is never changed.
	ALI    *ALIRecord   `json:"ali,omitempty"`
	Status NumberStatus `json:"status,omitempty"`
	Owner  OwnerKind    `json:"owner,omitempty"`
	ECBN   ECBN         `json:"ecbn,omitzero"` // of a virtual line, or to set one line apart (W-03, W-41)
}

// Record returns what is known about the number's ALI record.
func (n NumberRec) Record() ALIRecord {
	if n.ALI == nil {
		return ALIRecord{}
	}
	return *n.ALI
}

// AlertOn is what an alert rule listens to.
type AlertOn string

// The events of an alert rule.
const (
	AlertEmergency AlertOn = "emergency"
	AlertTest      AlertOn = "test"
	// AlertUnknownNetwork: a device asked from a network element that is not on
	// the map, and nothing else located it ("Undefined Network Location").
	AlertUnknownNetwork AlertOn = "unknown_network"
)

// Webhook is a signed HTTP destination.
type Webhook struct {
	URL    string `json:"url"`
	Secret Secret `json:"secret"`
}

// Alert says who on site is told of a call from the site.
type Alert struct {
	ID      AlertID   `json:"id"`
	Org     OrgID     `json:"org"`
	Site    SiteID    `json:"site"`
	Key     string    `json:"key"`
	On      []AlertOn `json:"on"`
	Mail    []string  `json:"mail,omitempty"`
	Webhook []Webhook `json:"webhook,omitempty"`
}
