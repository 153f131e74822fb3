package heldplus

import (
	"time"

	"github.com/callbox911/callbox/internal/e911"
)

// The types of requests and answers. A doc tag is the field's description in the
// OpenAPI document; what has omitempty or omitzero need not be there.

// Organisation is how a client proves the organisation that it belongs to.
type Organisation struct {
	CompanyID string `json:"company_id" doc:"HELD company id of the organisation, with or without hyphens"`
	Secret    string `json:"secret" doc:"one of the organisation's HELD+ secrets"`
}

// UserClaim is who the client says uses it. One of the two is enough; both must
// be one user's.
type UserClaim struct {
	Email        string `json:"email,omitempty" doc:"mail address of the user"`
	DeviceUserID string `json:"device_user_id,omitempty" doc:"the id by which the calling platform names the user; exact match"`
}

// DeviceClaim is what the client says of the machine it runs on.
type DeviceClaim struct {
	ClientID string   `json:"client_id" doc:"16 to 128 characters, made at random when the client is installed and kept; the user's own locations are shown to who knows it, so keep it secret"`
	MACs     []string `json:"macs,omitempty" doc:"hardware addresses of physical interfaces, any notation"`
	Hostname string   `json:"hostname,omitempty" doc:"name of the machine"`
	Model    string   `json:"model,omitempty" doc:"maker and model"`
	Client   string   `json:"client,omitempty" doc:"name of the client"`
	Version  string   `json:"version,omitempty" doc:"version of the client"`
	OS       string   `json:"os,omitempty" doc:"operating system with its version"`
}

// SignInRequest signs the user of a device in.
type SignInRequest struct {
	Organisation Organisation `json:"organisation"`
	User         UserClaim    `json:"user,omitzero" doc:"left out: nobody is signed in, which is no reason not to locate the device"`
	Device       DeviceClaim  `json:"device"`
}

// SignInAnswer is the answer to it.
type SignInAnswer struct {
	Session           Session   `json:"session"`
	User              UserIs    `json:"user"`
	Device            DeviceIs  `json:"device"`
	Policy            PolicyIs  `json:"policy"`
	HeldConfigPending bool      `json:"held_config_pending" doc:"true until the device's first report: it has just fetched what it needs"`
	ServerTime        time.Time `json:"server_time"`
	Warnings          []Fault   `json:"warnings,omitempty" doc:"what was left out of the request, and why"`
}

// Session is what later requests prove themselves with.
type Session struct {
	Token   string    `json:"token" doc:"send as Authorization: Bearer"`
	Expires time.Time `json:"expires" doc:"sign in again before; a new sign-in of the same client ends this session"`
}

// UserIs is whom the organisation knows.
type UserIs struct {
	Known    bool   `json:"known" doc:"false: nobody of the organisation; the device is located all the same"`
	Name     string `json:"name,omitempty"`
	Callback string `json:"callback,omitempty" doc:"callback number that the user set himself"`
}

// DeviceIs is how the device is known.
type DeviceIs struct {
	ID    string `json:"id"`
	Known bool   `json:"known" doc:"true: configured by the organisation"`
}

// PolicyIs is how the client shall behave.
type PolicyIs struct {
	ReportSeconds    int      `json:"report_seconds" doc:"report at least so often, and at once when the network changed"`
	TTLSeconds       int      `json:"ttl_seconds" doc:"how long an answer holds when this server cannot be reached"`
	EmergencyNumbers []string `json:"emergency_numbers" doc:"strings that are emergency or test calls"`
}

// Interface is one network interface with what is seen on it.
type Interface struct {
	Name       string     `json:"name" doc:"as the system names it, the same in each report"`
	Kind       string     `json:"kind" enum:"ethernet,wifi,cellular,virtual,vpn,other"`
	Up         bool       `json:"up" doc:"it has link"`
	MAC        string     `json:"mac,omitempty"`
	Addresses  []string   `json:"addresses,omitempty" doc:"IP addresses, at most 16"`
	GatewayMAC string     `json:"gateway_mac,omitempty" doc:"hardware address of the default gateway"`
	GatewayIP  string     `json:"gateway_ip,omitempty"`
	DHCPDomain string     `json:"dhcp_domain,omitempty"`
	WiFi       *WiFi      `json:"wifi,omitempty"`
	LLDP       []Neighbor `json:"lldp,omitempty" doc:"LLDP neighbours, at most 4"`
}

// WiFi is the radio of an interface.
type WiFi struct {
	SSID       string        `json:"ssid,omitempty"`
	BSSID      string        `json:"bssid,omitempty" doc:"the access point that serves"`
	SignalDBM  int           `json:"signal_dbm,omitempty"`
	Neighbours []AccessPoint `json:"neighbours,omitempty" doc:"others heard, strongest first; 64 are looked at"`
}

// AccessPoint is one that is heard.
type AccessPoint struct {
	BSSID     string `json:"bssid"`
	SSID      string `json:"ssid,omitempty"`
	SignalDBM int    `json:"signal_dbm,omitempty"`
}

// Neighbor is one LLDP neighbour (IEEE 802.1AB).
type Neighbor struct {
	Chassis        string `json:"chassis" doc:"chassis id; a hardware address in any notation"`
	ChassisSubtype int    `json:"chassis_subtype,omitempty" doc:"1 to 7"`
	Port           string `json:"port,omitempty" doc:"port id verbatim"`
	PortSubtype    int    `json:"port_subtype,omitempty" doc:"1 to 7"`
}

// Position is what the operating system knows (F-34).
type Position struct {
	Lat          float64   `json:"lat" doc:"WGS 84 degrees"`
	Lon          float64   `json:"lon" doc:"WGS 84 degrees"`
	UncertaintyM float64   `json:"uncertainty_m" doc:"radius at 95 % confidence, metres"`
	At           time.Time `json:"at,omitzero" doc:"of the measurement; left out: now"`
}

// ReportRequest is what a client sees of its network.
type ReportRequest struct {
	At         time.Time   `json:"at,omitzero" doc:"of the measurement by the client's clock; one that is not set or ahead of ours is corrected"`
	AtSignIn   bool        `json:"at_sign_in,omitempty" doc:"the user is still signing in, so he can be asked now; the first report of a session counts so too"`
	Tunnel     bool        `json:"tunnel,omitempty" doc:"a VPN is up; an interface of kind vpn with link says the same"`
	Interfaces []Interface `json:"interfaces" doc:"at most 32"`
	Position   *Position   `json:"position,omitempty"`
}

// The states of a report (F-05, W-37).
const (
	StatusCorporate = "known_corporate"
	StatusPersonal  = "known_personal"
	StatusUnknown   = "unknown"
	StatusInvalid   = "invalid_address"
	StatusValidated = "validated"
)

// What a client shows its user (W-37).
const (
	PromptNone     = "none"
	PromptBadge    = "badge"
	PromptRequired = "required"
)

// ReportAnswer tells a client where it is.
type ReportAnswer struct {
	Status      string         `json:"status" enum:"known_corporate,known_personal,unknown,invalid_address,validated"`
	Prompt      string         `json:"prompt" enum:"none,badge,required" doc:"required: ask the user now; badge: show a red mark that he can click; none: stay silent"`
	Location    *Location      `json:"location,omitempty" doc:"left out when nothing is known"`
	LocationURI *LocationURI   `json:"location_uri,omitempty" doc:"to send in the Geolocation header of calls"`
	Ignored     []Ignored      `json:"ignored,omitempty" doc:"interfaces and addresses that did not count, and why"`
	Findings    []e911.Finding `json:"findings,omitempty" doc:"each piece of evidence, and why it won or lost"`
	Candidates  []Candidate    `json:"candidates,omitempty" doc:"what to offer the user when nothing is known"`
	Next        NextReport     `json:"next"`
	Warnings    []Fault        `json:"warnings,omitempty" doc:"what was left out of the request, and why"`
}

// NextReport is when to report again.
type NextReport struct {
	ReportSeconds int       `json:"report_seconds"`
	TTLSeconds    int       `json:"ttl_seconds"`
	ServerTime    time.Time `json:"server_time"`
	ClockSkewMS   int64     `json:"clock_skew_ms,omitempty" doc:"the client's clock less ours, when the report had a time"`
}

// Location is where the device is.
type Location struct {
	Display      string     `json:"display" doc:"on one line, as a dispatcher reads it"`
	Civic        e911.Civic `json:"civic,omitzero" doc:"fields of CLDXF-US under their PIDF-LO names"`
	Point        *Circle    `json:"point,omitempty"`
	Corporate    string     `json:"corporate_location_id,omitempty" doc:"set when it is a location of the organisation"`
	Rule         string     `json:"rule" doc:"the kind of evidence that decided"`
	Rank         int        `json:"rank" doc:"1 to 9, of the source"`
	Class        string     `json:"class" enum:"fresh,aged,fall_back,none"`
	At           time.Time  `json:"at,omitzero" doc:"of the evidence"`
	AgeSeconds   int64      `json:"age_seconds"`
	Dispatchable bool       `json:"dispatchable" doc:"it finds the caller: street address and floor, room or unit"`
	Verdict      string     `json:"verdict,omitempty" enum:"unverified,verified,invalid" doc:"of validation, for an address of the user's own"`
	ConfirmBy    time.Time  `json:"confirm_by,omitzero" doc:"when the user is asked to confirm it again"`
	Flags        []string   `json:"flags,omitempty" doc:"what to watch"`
}

// Circle is a position with its uncertainty.
type Circle struct {
	Lat     float64 `json:"lat"`
	Lon     float64 `json:"lon"`
	RadiusM float64 `json:"radius_m,omitempty"`
}

// LocationURI is a location by reference (RFC 6753).
type LocationURI struct {
	URI        string    `json:"uri"`
	Expires    time.Time `json:"expires"`
	TTLSeconds int64     `json:"ttl_seconds"`
}

// Ignored is what did not count.
type Ignored struct {
	Interface string `json:"interface"`
	Address   string `json:"address,omitempty" doc:"left out: the whole interface"`
	Why       string `json:"why"`
}

// Candidate is a place to offer.
type Candidate struct {
	Kind    string     `json:"kind" enum:"corporate,personal,address" doc:"how to choose it: by corporate.location_id, personal.id, or address"`
	ID      string     `json:"id,omitempty"`
	Name    string     `json:"name,omitempty"`
	Display string     `json:"display"`
	Civic   e911.Civic `json:"civic,omitzero"`
	Changed []string   `json:"changed,omitempty" doc:"of an address: the fields that differ from what was given, under their PIDF-LO names"`
	Why     string     `json:"why"`
}

// CorporateChoice names a location of the organisation.
type CorporateChoice struct {
	LocationID string `json:"location_id"`
}

// PersonalChoice names one of the user's own locations.
type PersonalChoice struct {
	ID string `json:"id"`
}

// SetRequest says where the user is. Exactly one of the first four is there.
type SetRequest struct {
	Corporate *CorporateChoice `json:"corporate,omitempty"`
	Personal  *PersonalChoice  `json:"personal,omitempty"`
	Address   *e911.Civic      `json:"address,omitempty" doc:"fields of CLDXF-US under their PIDF-LO names"`
	Text      string           `json:"text,omitempty" doc:"an address on one line: 12 Elm Street, Unit 3, Cambridge, MA 02139"`
	Name      string           `json:"name,omitempty" doc:"how the user calls it"`
	House     bool             `json:"house,omitempty" doc:"nobody needs a unit or floor to find the caller there"`
	Remember  *bool            `json:"remember,omitempty" doc:"for this network, which is the rule; false: until the network changes"`
}

// SetAnswer tells what came of it.
type SetAnswer struct {
	Status      string         `json:"status" enum:"validated,invalid_address"`
	Location    *Location      `json:"location,omitempty" doc:"the validated form, to be shown to the user"`
	Personal    *Personal      `json:"personal,omitempty"`
	LocationURI *LocationURI   `json:"location_uri,omitempty"`
	Remembered  bool           `json:"remembered" doc:"for this network; false: until the network changes"`
	Verdict     string         `json:"verdict,omitempty" enum:"unverified,verified,invalid" doc:"of an address; only verified was found in a reference layer"`
	Why         string         `json:"why,omitempty" doc:"of the verdict, for a person"`
	Fields      []FieldVerdict `json:"fields,omitempty" doc:"each field of the address that was given, in the order of PIDF-LO"`
	Missing     []string       `json:"missing,omitempty" doc:"what a dispatcher would lack, under PIDF-LO names; FLR stands for any detail: floor, room, unit"`
	Faults      []Fault        `json:"faults,omitempty" doc:"why the address is not taken"`
	Candidates  []Candidate    `json:"candidates,omitempty" doc:"addresses that may be meant"`
	Warnings    []Fault        `json:"warnings,omitempty" doc:"doubts about the address, what was read otherwise than written, and parts of the request that were left out"`
}

// FieldVerdict is what is known about one field of an address (RFC 5222, section
// 8.4.2).
type FieldVerdict struct {
	Field   string `json:"field" doc:"name in PIDF-LO"`
	Verdict string `json:"verdict" enum:"valid,invalid,unchecked"`
}

// Personal is one of the user's own locations.
type Personal struct {
	ID           string     `json:"id"`
	Name         string     `json:"name,omitempty"`
	Display      string     `json:"display"`
	Civic        e911.Civic `json:"civic,omitzero"`
	Corporate    string     `json:"corporate_location_id,omitempty"`
	Verdict      string     `json:"verdict,omitempty" enum:"unverified,verified,invalid"`
	Entered      string     `json:"entered,omitempty" doc:"as it was given, where that differs from the validated form"`
	Missing      []string   `json:"missing,omitempty" doc:"what a dispatcher would lack"`
	Layer        string     `json:"layer,omitempty" doc:"key of the reference layer that decided; none: structure alone"`
	LayerVersion int        `json:"layer_version,omitempty"`
	ValidatedAt  time.Time  `json:"validated_at,omitzero"`
	Networks     int        `json:"networks" doc:"how many networks it is remembered for"`
	Here         bool       `json:"here" doc:"it counts on the network that the device is on"`
	At           time.Time  `json:"at" doc:"when the user said it last"`
}

// PersonalList lists them.
type PersonalList struct {
	Locations []Personal `json:"locations"`
}

// RenameRequest gives one another name.
type RenameRequest struct {
	Name string `json:"name"`
}

// CorporateList lists locations of the organisation.
type CorporateList struct {
	Locations []Candidate `json:"locations"`
	More      bool        `json:"more,omitempty" doc:"there are more: ask more closely"`
}

// CallbackRequest sets the number by which the user is called back.
type CallbackRequest struct {
	Number string `json:"number" doc:"geographic, of the United States or Canada: +16175550100 or ten digits; empty: take it back"`
}

// CallbackAnswer tells it as it is kept.
type CallbackAnswer struct {
	Number string `json:"number,omitempty"`
}

// CheckAnswer is what a connectivity check sees (W-44).
type CheckAnswer struct {
	Source          string    `json:"source" doc:"the address that the request came from, as we see it"`
	Secure          bool      `json:"secure" doc:"it came by TLS to us"`
	InPublicRange   bool      `json:"in_public_range" doc:"the address is one of the organisation's public ranges"`
	Range           string    `json:"range,omitempty" doc:"which one; with a session only"`
	Organisation    string    `json:"organisation,omitempty" doc:"with a session only"`
	Tunnel          string    `json:"tunnel,omitempty" enum:"vpn,proxy,sase" doc:"the address is a tunnel's, which proves nothing about a place; with a session only"`
	Session         bool      `json:"session" doc:"a good session token was sent"`
	ServerTime      time.Time `json:"server_time"`
	ClockSkewMS     int64     `json:"clock_skew_ms,omitempty" doc:"the clock in the query's client_time less ours"`
	ProtocolVersion int       `json:"protocol_version"`
}

// Fault is one thing that is wrong with an input.
type Fault struct {
	Field string `json:"field" doc:"interfaces[0].mac; empty: the whole"`
	Rule  string `json:"rule" doc:"closed list: required, unknown_field, duplicate_key, type, format, length, limit, unknown, outside_served_countries ..."`
	Msg   string `json:"msg"`
	Fix   string `json:"fix,omitempty"`
}

// Problem is an error answer (RFC 9457).
type Problem struct {
	Type   string  `json:"type"`
	Title  string  `json:"title"`
	Status int     `json:"status"`
	Detail string  `json:"detail,omitempty"`
	Faults []Fault `json:"faults,omitempty"`
}

// Done is the answer of what has nothing to tell.
type Done struct {
	OK bool `json:"ok"`
}
