// Package client speaks to the REST API of Callbox. It uses the standard library
// alone. Field names are those of world files and of the columns of CSV files.
//
// References to other objects are ids or "key:NAME" when they are written, ids
// when they are read; Meta.Keys then has the names. Secrets are written and never
// read.
package client

import "time"

// Meta is what every object has. It is read only: what is written of it is not
// looked at, but for an ID that is another object's.
type Meta struct {
	ID      string            `json:"id,omitempty" doc:"Given by Callbox; never used again" readOnly:"true"`
	Org     string            `json:"org,omitempty" doc:"Id of the organisation; none: the world part" readOnly:"true"`
	Version int64             `json:"version,omitempty" doc:"One more with every change; the ETag" readOnly:"true"`
	Keys    map[string]string `json:"keys,omitempty" doc:"Keys of the objects that this one names, by their ids" readOnly:"true"`
}

// Civic is a civic address in PIDF-LO fields (RFC 5139, RFC 6848).
type Civic struct {
	Country string `json:"country,omitempty"`
	A1      string `json:"A1,omitempty"`
	A2      string `json:"A2,omitempty"`
	A3      string `json:"A3,omitempty"`
	A4      string `json:"A4,omitempty"`
	A5      string `json:"A5,omitempty"`
	PRM     string `json:"PRM,omitempty"`
	PRD     string `json:"PRD,omitempty"`
	STP     string `json:"STP,omitempty"`
	STPS    string `json:"STPS,omitempty"`
	RD      string `json:"RD,omitempty"`
	STS     string `json:"STS,omitempty"`
	POD     string `json:"POD,omitempty"`
	POM     string `json:"POM,omitempty"`
	HNP     string `json:"HNP,omitempty"`
	HNO     string `json:"HNO,omitempty"`
	HNS     string `json:"HNS,omitempty"`
	LMK     string `json:"LMK,omitempty"`
	LOC     string `json:"LOC,omitempty"`
	FLR     string `json:"FLR,omitempty"`
	NAM     string `json:"NAM,omitempty"`
	PC      string `json:"PC,omitempty"`
	BLD     string `json:"BLD,omitempty"`
	UNIT    string `json:"UNIT,omitempty"`
	ROOM    string `json:"ROOM,omitempty"`
	SEAT    string `json:"SEAT,omitempty"`
	PLC     string `json:"PLC,omitempty"`
	PCN     string `json:"PCN,omitempty"`
	POBOX   string `json:"POBOX,omitempty"`
	ADDCODE string `json:"ADDCODE,omitempty"`
	MP      string `json:"MP,omitempty"`
	PN      string `json:"PN,omitempty"`
	SITE    string `json:"SITE,omitempty"`
	SUBSITE string `json:"SUBSITE,omitempty"`
	WING    string `json:"WING,omitempty"`
	PCE     string `json:"PCE,omitempty"`
}

// Organisation is a customer.
type Organisation struct {
	Meta
	Key           string      `json:"key" example:"harbor"`
	Name          string      `json:"name,omitempty" doc:"Default: the key" example:"Harbor Biotech"`
	Demonstration bool        `json:"demonstration,omitempty" doc:"Its trunks must stay on loopback"`
	HELD          *HELD       `json:"held,omitempty"`
	PublicRanges  []string    `json:"public_ranges,omitempty" doc:"Addresses that its people come from" example:"[\"203.0.113.0/24\"]"`
	BSSIDMasking  []BSSIDMask `json:"bssid_masking,omitempty"`
	DIDFallback   bool        `json:"did_fallback,omitempty"`
	Carriers      []string    `json:"carriers,omitempty" doc:"Carriers' trunks that take its calls for any place, in order"`
	PSALI         *PSALI      `json:"psali,omitempty"`
	State         string      `json:"state,omitempty" doc:"Default: live" enum:"live,trial,suspended,opted_out,byoc,unlicensed,"`
	SIPDomain     string      `json:"sip_domain,omitempty"`
	OwnPhonesOff  bool        `json:"own_phones_off,omitempty" doc:"Its users set up no telephones by themselves"`
}

// HELD says who may ask the location server.
type HELD struct {
	CompanyID   string         `json:"company_id,omitempty"`
	Secrets     []string       `json:"secrets,omitempty" writeOnly:"true"`
	SecretCount int            `json:"secret_count,omitempty" readOnly:"true"`
	Trusted     []string       `json:"trusted,omitempty"`
	Platforms   []HELDPlatform `json:"platforms,omitempty"`
}

// HELDPlatform is a call platform that may ask for devices.
type HELDPlatform struct {
	Name         string   `json:"name"`
	Secrets      []string `json:"secrets,omitempty" writeOnly:"true"`
	SecretCount  int      `json:"secret_count,omitempty" readOnly:"true"`
	Certificates []string `json:"certificates,omitempty"`
	From         []string `json:"from,omitempty"`
}

// BSSIDMask says that a vendor's access points differ in the last digits alone.
type BSSIDMask struct {
	OUI    string `json:"oui" example:"00:11:22"`
	Digits int    `json:"digits" minimum:"1" maximum:"3"`
}

// PSALI is what an organisation's ALI records say beside number and address.
type PSALI struct {
	CompanyID string       `json:"company_id,omitempty"`
	Provider  string       `json:"provider,omitempty"`
	Company   string       `json:"company,omitempty"`
	Customer  string       `json:"customer,omitempty"`
	Main      string       `json:"main,omitempty"`
	Class     string       `json:"class,omitempty"`
	Type      string       `json:"type,omitempty"`
	Exchange  string       `json:"exchange,omitempty"`
	County    string       `json:"county,omitempty"`
	Code      string       `json:"code,omitempty"`
	Errors    []PSALIError `json:"errors,omitempty"`
}

// PSALIError says what an error code of the carrier means.
type PSALIError struct {
	Code  string `json:"code"`
	Means string `json:"means"`
}

// Site is a configuration container: numbers, PSTN route, emergency mode.
type Site struct {
	Meta
	Key              string           `json:"key" example:"mill"`
	Name             string           `json:"name,omitempty" doc:"Default: the key"`
	Zone             string           `json:"zone" doc:"IANA time zone" example:"America/New_York"`
	Mode             string           `json:"mode,omitempty" doc:"Default: dynamic" enum:"dynamic,tn"`
	Stage            string           `json:"stage,omitempty" doc:"Default: none" enum:"none,933,911"`
	ECBN             string           `json:"ecbn,omitempty" doc:"Emergency callback number"`
	Local            []string         `json:"local,omitempty" doc:"Its own PSTN trunks, in order"`
	ModeAcknowledged *Acknowledgement `json:"mode_acknowledged,omitempty"`
	MainNumber       string           `json:"main_number,omitempty"`
	ECBNChoice       string           `json:"ecbn_choice,omitempty"`
	Areas            []SiteArea       `json:"areas,omitempty"`
	ESA              string           `json:"esa,omitempty" doc:"Location: address of its numbers that have none"`
	CallbackWindow   int              `json:"callback_window,omitempty" doc:"Minutes after a call in which the PSAP reaches the caller by the number that it was given; default: the server's" minimum:"10" maximum:"1440"`
}

// Acknowledgement says who accepted something, and when.
type Acknowledgement struct {
	By string    `json:"by"`
	At time.Time `json:"at"`
}

// SiteArea is a part of a site with a callback number of its own.
type SiteArea struct {
	Key       string   `json:"key"`
	Name      string   `json:"name,omitempty"`
	Buildings []string `json:"buildings,omitempty"`
	Locations []string `json:"locations,omitempty"`
	ECBN      string   `json:"ecbn"`
}

// Building has a name and one street address.
type Building struct {
	Meta
	Site       string          `json:"site" example:"key:mill"`
	Key        string          `json:"key" example:"hq"`
	Name       string          `json:"name" example:"Harbor Mill"`
	Address    BuildingAddress `json:"address"`
	SquareFeet int             `json:"square_feet,omitempty" doc:"Floor area, by which some states measure what a call must tell" minimum:"0" maximum:"50000000"`
	Validation map[string]any  `json:"validation,omitempty" doc:"What reference layers say of the address" readOnly:"true"`
}

// BuildingAddress is a street address with its point.
type BuildingAddress struct {
	Civic
	Point []float64 `json:"point,omitempty" doc:"Latitude, longitude" minItems:"2" maxItems:"2" example:"[42.36684,-71.10565]"`
}

// Location is a place inside a building that finds a caller.
type Location struct {
	Meta
	Building string `json:"building" example:"key:hq"`
	Key      string `json:"key" example:"hq-2-210"`
	Civic
}

// Element is a network element that maps to a location, or that proves nothing
// about one.
type Element struct {
	Meta
	Location string `json:"location,omitempty" example:"key:hq-2-210"`
	Kind     string `json:"kind" enum:"bssid,lldp_port,lldp_ports,lldp_chassis,mac,gateway,dect_base,ap,ata_port,ip,vpn,proxy,sase,ignore"`
	MAC      string `json:"mac,omitempty" example:"00:11:22:33:44:50"`
	MACTo    string `json:"mac_to,omitempty"`
	Chassis  string `json:"chassis,omitempty"`
	Port     string `json:"port,omitempty"`
	Range    string `json:"range,omitempty" doc:"203.0.113.0/24, or 203.0.113.7-203.0.113.40"`
	Name     string `json:"name,omitempty"`
	Mobility string `json:"mobility,omitempty" enum:"fixed,dock,"`
}

// ECBN is a choice of an emergency callback number.
type ECBN struct {
	Choice string `json:"choice,omitempty" enum:"DIRECT_LINE,LOCATION_ECBN,LOCATION_MEMBER_NUMBER,NONE,"`
	Member string `json:"member,omitempty"`
}

// User is a person who calls.
type User struct {
	Meta
	Site         string `json:"site" example:"key:mill"`
	Key          string `json:"key" example:"ada"`
	Name         string `json:"name" example:"Ada Quay"`
	Email        string `json:"email,omitempty"`
	DeviceUserID string `json:"device_user_id,omitempty" doc:"What platforms send, compared exactly"`
	Callback     string `json:"callback,omitempty"`
	ECBN         *ECBN  `json:"ecbn,omitempty"`
	Language     string `json:"language,omitempty" doc:"Spoken with a relay centre" example:"en"`
	// OffPremises is what he was told of calling from elsewhere, and agreed to.
	OffPremises *Consent `json:"off_premises,omitempty"`
	Synced      []string `json:"synced,omitempty" doc:"Fields that a directory of people feeds: they are changed there" readOnly:"true"`
	// Asked is when he was first asked where he is.
	Asked time.Time `json:"asked,omitzero"`
}

// Consent is what somebody who calls from off the premises was told about 911
// there, and that he agreed.
type Consent struct {
	By        string    `json:"by,omitempty" doc:"Who agreed"`
	At        time.Time `json:"at,omitzero"`
	Text      string    `json:"text,omitempty" doc:"Version of the text that he was shown" example:"2026-01 fr"`
	Confirmed time.Time `json:"confirmed,omitzero" doc:"When he last confirmed the address that he calls from"`
}

// Device is a device that calls.
type Device struct {
	Meta
	Site     string      `json:"site" example:"key:mill"`
	Key      string      `json:"key" example:"desk-210"`
	MAC      string      `json:"mac,omitempty"`
	User     string      `json:"user,omitempty"`
	Model    string      `json:"model,omitempty"`
	SIP      *SIPAccount `json:"sip,omitempty"`
	ECBN     *ECBN       `json:"ecbn,omitempty"`
	Station  *Station    `json:"station,omitempty"`
	Language string      `json:"language,omitempty" doc:"Of whoever calls from it, where its user has none"`
}

// Station is what is stated of a device for the law: 47 CFR 9.16(b)(3).
type Station struct {
	Class       string      `json:"class,omitempty" enum:"fixed,non_fixed,off_premises,"`
	Installed   time.Time   `json:"installed,omitzero" doc:"The day on which the system that it is part of was installed, bought or leased"`
	NotFeasible *Infeasible `json:"not_feasible,omitempty"`
	OffPremises *Consent    `json:"off_premises,omitempty" doc:"Where it is not kept with its user"`
}

// Infeasible says why an automatic dispatchable location is not technically
// feasible.
type Infeasible struct {
	Reason string    `json:"reason,omitempty"`
	By     string    `json:"by,omitempty"`
	At     time.Time `json:"at,omitzero"`
}

// SIPAccount is what a telephone registers with.
type SIPAccount struct {
	User      string `json:"user"`
	Secret    string `json:"secret,omitempty" doc:"Made when it is left out at creation, and then told once" writeOnly:"true"`
	HasSecret bool   `json:"has_secret,omitempty" readOnly:"true"`
	Line      string `json:"line,omitempty"`
	Guest     bool   `json:"guest,omitempty"`
	// Own marks it as one that the device's user made by himself.
	Own *OwnPhone `json:"own,omitempty"`
}

// OwnPhone is a telephone that its user set up by himself.
type OwnPhone struct {
	Name  string    `json:"name"`
	Made  time.Time `json:"made,omitzero" doc:"When its password was made"`
	Ended time.Time `json:"ended,omitzero" doc:"When he took the password away"`
}

// Number is one of an organisation's numbers.
type Number struct {
	Meta
	Site     string         `json:"site" example:"key:mill"`
	Number   string         `json:"number" example:"+16175550111"`
	User     string         `json:"user,omitempty"`
	Location string         `json:"location,omitempty" doc:"Its emergency service address"`
	ELIN     bool           `json:"elin,omitempty"`
	ALI      map[string]any `json:"ali,omitempty" doc:"How far its record got in the carrier's database" readOnly:"true"`
	Status   string         `json:"status,omitempty" enum:"active,inactive,"`
	Owner    string         `json:"owner,omitempty" enum:"person,workspace,virtual_line,auto_attendant,hunt_group,other,"`
	ECBN     *ECBN          `json:"ecbn,omitempty"`
	Synced   []string       `json:"synced,omitempty" doc:"Fields that a directory of people feeds: they are changed there" readOnly:"true"`
}

// Alert says who on site is told of a call.
type Alert struct {
	Meta
	Site    string    `json:"site" example:"key:mill"`
	Key     string    `json:"key" example:"front-desk"`
	On      []string  `json:"on" doc:"emergency, test, unknown_network" example:"[\"emergency\"]"`
	Mail    []string  `json:"mail,omitempty"`
	Webhook []Webhook `json:"webhook,omitempty"`
}

// Webhook is a signed HTTP destination.
type Webhook struct {
	URL       string `json:"url"`
	Secret    string `json:"secret,omitempty" doc:"Made when it is left out at creation, and then told once" writeOnly:"true"`
	HasSecret bool   `json:"has_secret,omitempty" readOnly:"true"`
}

// PSAPOverride is an organisation's own choice of a PSAP for one place.
type PSAPOverride struct {
	Meta
	Key       string    `json:"key"`
	Site      string    `json:"site,omitempty"`
	Building  string    `json:"building,omitempty"`
	Location  string    `json:"location,omitempty"`
	PSAP      string    `json:"psap"`
	Agreement string    `json:"agreement" doc:"Who agreed to it, when, where the paper is"`
	Expires   time.Time `json:"expires,omitzero"`
}

// Trunk is a SIP neighbour.
type Trunk struct {
	Meta
	Key            string             `json:"key" example:"pbx"`
	Side           string             `json:"side" enum:"platform,carrier,relay,local,esinet"`
	Kind           string             `json:"kind,omitempty"`
	Profile        string             `json:"profile,omitempty"`
	To             string             `json:"to,omitempty"`
	From           []string           `json:"from"`
	DRFrom         []string           `json:"dr_from"`
	IdentityHeader string             `json:"identity_header,omitempty"`
	Targets        []TrunkTarget      `json:"targets,omitempty"`
	Inbound        string             `json:"inbound,omitempty"`
	Certificates   []string           `json:"certificates,omitempty"`
	Admit          *TrunkDigest       `json:"admit,omitempty"`
	Digest         *TrunkDigest       `json:"digest,omitempty"`
	Register       *TrunkRegistration `json:"register,omitempty"`
	Probe          *TrunkProbe        `json:"probe,omitempty"`
	Capacity       int                `json:"capacity,omitempty"`
	Reserved       int                `json:"reserved,omitempty"`
	National       bool               `json:"national,omitempty"`
	Marks          []string           `json:"marks,omitempty"`
}

// TrunkTarget is one place where a trunk's calls can go.
type TrunkTarget struct {
	URI      string `json:"uri"`
	Priority int    `json:"priority,omitempty"`
	Weight   int    `json:"weight,omitempty"`
}

// TrunkDigest are credentials of SIP digest.
type TrunkDigest struct {
	User        string   `json:"user,omitempty"`
	Realm       string   `json:"realm,omitempty"`
	Secrets     []string `json:"secrets,omitempty" writeOnly:"true"`
	SecretCount int      `json:"secret_count,omitempty" readOnly:"true"`
}

// TrunkRegistration says that Callbox registers with a neighbour.
type TrunkRegistration struct {
	Registrar string `json:"registrar,omitempty"`
	AOR       string `json:"aor,omitempty"`
	Expires   string `json:"expires,omitempty" doc:"A duration, default 10m" example:"10m0s"`
}

// TrunkProbe is how a neighbour's health is asked for.
type TrunkProbe struct {
	Off   bool   `json:"off,omitempty"`
	Every string `json:"every,omitempty" doc:"A duration, default 30s" example:"30s"`
}

// PSAP is an answering point, or a relay centre.
type PSAP struct {
	Meta
	Key         string          `json:"key"`
	Name        string          `json:"name"`
	Relay       bool            `json:"relay,omitempty"`
	Boundary    *Boundary       `json:"boundary,omitempty"`
	Routes      []Route         `json:"routes"`
	Line        string          `json:"line,omitempty" doc:"Its 24x7 ten-digit line"`
	LineChecked time.Time       `json:"line_checked,omitzero"`
	Features    []string        `json:"features,omitempty"`
	Agency      string          `json:"agency,omitempty"`
	Listing     *Listing        `json:"listing,omitempty"`
	Alternates  []PSAPAlternate `json:"alternates,omitempty"`
	Countries   []string        `json:"countries,omitempty"`
	Languages   []string        `json:"languages,omitempty"`
}

// Route is a trunk that leads to a PSAP.
type Route struct {
	Trunk string `json:"trunk"`
}

// Boundary is the area of a PSAP of a demonstration.
type Boundary struct {
	USCounty string `json:"us_county,omitempty"`
	State    string `json:"state,omitempty" readOnly:"true"`
	County   string `json:"county,omitempty" readOnly:"true"`
}

// Listing is what a directory says of a PSAP.
type Listing struct {
	Registry string    `json:"registry,omitempty"`
	Kind     string    `json:"kind,omitempty"`
	City     string    `json:"city,omitempty"`
	County   string    `json:"county,omitempty"`
	State    string    `json:"state,omitempty"`
	AsOf     time.Time `json:"as_of,omitzero"`
}

// PSAPAlternate is another PSAP that takes a PSAP's calls, by an agreement.
type PSAPAlternate struct {
	PSAP      string    `json:"psap"`
	Agreement string    `json:"agreement"`
	Expires   time.Time `json:"expires,omitzero"`
}

// Model is a device model.
type Model struct {
	Meta
	Key      string     `json:"key"`
	HELD     bool       `json:"held"`
	Maker    string     `json:"maker,omitempty"`
	Names    []string   `json:"names,omitempty"`
	Firmware []Firmware `json:"firmware,omitempty"`
}

// Firmware says what a range of firmware can do.
type Firmware struct {
	From       string `json:"from,omitempty"`
	To         string `json:"to,omitempty"`
	Capability string `json:"capability" enum:"none,held,held+"`
}

// Layer is a reference layer; it is imported, not edited.
type Layer struct {
	Meta
	Key          string    `json:"key"`
	Name         string    `json:"name"`
	Grade        string    `json:"grade"`
	Source       string    `json:"source"`
	Standard     string    `json:"standard"`
	AsOf         time.Time `json:"as_of,omitzero"`
	LayerVersion int       `json:"layer_version"`
	Digest       string    `json:"digest"`
	Size         int64     `json:"size"`
	Addresses    int       `json:"addresses"`
	Streets      int       `json:"streets"`
	Boundaries   int       `json:"boundaries"`
	ImportedAt   time.Time `json:"imported_at,omitzero"`
	ImportedBy   string    `json:"imported_by,omitempty"`
}

// Key is a key of a program. Secret is there once, in the answer that made it.
type Key struct {
	ID       string    `json:"id"`
	Org      string    `json:"org,omitempty"`
	Name     string    `json:"name"`
	Scopes   []string  `json:"scopes"`
	Made     time.Time `json:"made"`
	By       string    `json:"by"`
	Expires  time.Time `json:"expires,omitzero"`
	LastUsed time.Time `json:"last_used,omitzero"`
	Revoked  time.Time `json:"revoked,omitzero"`
	// Secrets tell its secrets apart, oldest first.
	Secrets []KeySecret `json:"secrets"`
	// Holders were shown a secret that counts, and could not make such a key now.
	Holders []KeyHolder `json:"holders,omitempty" doc:"Who was shown a secret that counts and could not make such a key now: give it a new secret, or revoke it"`
	Secret  string      `json:"secret,omitempty" doc:"The key itself with its newest secret; told once, when that is made. As a client of OAuth 2, id is the client_id and this the client_secret"`
}

// KeySecret is what is known of one secret of a key.
type KeySecret struct {
	ID   string    `json:"id"`
	Mark string    `json:"mark,omitempty" doc:"Its last four characters"`
	Made time.Time `json:"made"`
	By   string    `json:"by"`
	Ends time.Time `json:"ends,omitzero" doc:"None: with the key"`
	// Public says that it is a public key; Mark is the end of its SHA-256.
	Public bool `json:"public,omitempty" doc:"A public key: nothing was shown"`
}

// KeyHolder is somebody who was shown a secret of a key and could not make it now.
type KeyHolder struct {
	Identity string `json:"identity"`
	Email    string `json:"email,omitempty"`
	Name     string `json:"name,omitempty"`
	Why      string `json:"why" enum:"disabled,role,gone" doc:"disabled: he may not sign in; role: his roles do not allow it; gone: he is not known any more"`
	Through  string `json:"through,omitempty" doc:"Id of the key by which he made this one"`
}

// KeysHeldBy names somebody whose keys are meant.
type KeysHeldBy struct {
	Identity string `json:"identity" doc:"Id of the identity"`
}

// KeyRotation asks for one more secret of a key.
type KeyRotation struct {
	KeepHours int `json:"keep_hours" doc:"How long the older secrets go on; 0: they end at once" minimum:"0" maximum:"2160" example:"24"`
	// PublicKey is added in place of a secret that would be shown.
	PublicKey string `json:"public_key,omitempty" doc:"PEM or JWK: P-256, RSA of 2048 to 4096 bits, or Ed25519"`
}

// KeyWish asks for a key.
type KeyWish struct {
	Name    string    `json:"name" example:"nightly import"`
	Scopes  []string  `json:"scopes" example:"[\"read\",\"imports\"]"`
	Expires time.Time `json:"expires,omitzero"`
	// PublicKey stands in place of a secret that would be shown.
	PublicKey string `json:"public_key,omitempty" doc:"PEM or JWK: P-256, RSA of 2048 to 4096 bits, or Ed25519. The key has no secret then: its program signs statements (RFC 7523)"`
}

// Fault is one thing that is wrong with a request.
type Fault struct {
	Pointer string `json:"pointer" doc:"JSON pointer into the body (RFC 6901)"`
	Code    string `json:"code"`
	Detail  string `json:"detail"`
	Fix     string `json:"fix,omitempty"`
	File    string `json:"file,omitempty"`
	Row     int    `json:"row,omitempty"`
	Col     int    `json:"col,omitempty"`
}

// Problem is the answer to a request that failed (RFC 9457).
type Problem struct {
	Title  string  `json:"title"`
	Status int     `json:"status"`
	Detail string  `json:"detail,omitempty"`
	Code   string  `json:"code" doc:"invalid, not_found, conflict, denied, unavailable or internal"`
	Faults []Fault `json:"faults,omitempty"`
}

// Page is one page of a list.
type Page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"` // cursor of the next page; none: this is the last
}

// Bulk is a change set of many steps.
type Bulk struct {
	Title string `json:"title,omitempty" example:"users of the new mill"`
	Mode  string `json:"mode,omitempty" doc:"all: one bad step refuses the whole (the default); partial: bad steps are left out and reported" enum:"all,partial"`
	// Unroute is why places may lose every way to their PSAP; the audit trail keeps it.
	Unroute string `json:"unroute,omitempty"`
	Steps   []Step `json:"steps"`
}

// Step is one wish of a change set.
type Step struct {
	Verb    string         `json:"verb" doc:"put: create, or replace what has the key. change: a merge patch of what is there" enum:"put,create,change,delete"`
	Kind    string         `json:"kind,omitempty" doc:"The collection: users, locations ...; known where the address has it"`
	ID      string         `json:"id,omitempty" doc:"Of what is changed or deleted; or key"`
	Key     string         `json:"key,omitempty"`
	Version int64          `json:"version,omitempty" doc:"That the step was made on; none: whatever is there"`
	Value   map[string]any `json:"value,omitempty"`
}

// Apply applies a plan that was read.
type Apply struct {
	Hash string `json:"hash" doc:"That of the plan: who applies it has seen it"`
}
