package calldata

import "github.com/callbox911/callbox/wire/foreign"

// Namespaces (RFC 7852, section 11; RFC 6351).
const (
	Space               = "urn:ietf:params:xml:ns:EmergencyCallData"
	SpaceProviderInfo   = "urn:ietf:params:xml:ns:EmergencyCallData:ProviderInfo"
	SpaceServiceInfo    = "urn:ietf:params:xml:ns:EmergencyCallData:ServiceInfo"
	SpaceDeviceInfo     = "urn:ietf:params:xml:ns:EmergencyCallData:DeviceInfo"
	SpaceSubscriberInfo = "urn:ietf:params:xml:ns:EmergencyCallData:SubscriberInfo"
	SpaceComment        = "urn:ietf:params:xml:ns:EmergencyCallData:Comment"
	SpaceVCard          = "urn:ietf:params:xml:ns:vcard-4.0"
)

// Values of ProviderInfo.Type (RFC 7852, section 4.1.4).
const (
	TypeClient             = "Client"
	TypeAccessNetwork      = "Access Network Provider"
	TypeTelecom            = "Telecom Provider"
	TypeTelematics         = "Telematics Provider"
	TypeTranslation        = "Language Translation Provider"
	TypeEmergencyService   = "Emergency Service Provider"
	TypeModality           = "Emergency Modality Translation"
	TypeRelay              = "Relay Provider"
	TypeOther              = "Other"
	SeriesNENA             = "NENA"   // ProviderInfo.Series: ID is "urn:nena:companyid:..."
	SeriesEENA             = "EENA"   // ID is a number that EENA gave
	SeriesDomain           = "domain" // ID is a domain name
	SubcontractorPrincipal = "sub"    // ProviderInfo.SubcontractorPriority: call the subcontractor first
	SubcontractorMain      = "main"   // call the contractor first
)

// Values of ServiceInfo (RFC 7852, section 4.2).
const (
	EnvironmentBusiness  = "Business"
	EnvironmentResidence = "Residence"
	EnvironmentUnknown   = "Unknown"
	ServiceWireless      = "wireless"
	ServiceCoin          = "coin"
	ServiceOneWay        = "one-way"
	ServiceTemporary     = "temp"
	ServiceMLTSHosted    = "MLTS-hosted"
	ServiceMLTSLocal     = "MLTS-local"
	ServiceUnattended    = "sensor-unattended"
	ServiceAttended      = "sensor-attended"
	ServicePOTS          = "POTS"
	ServiceOTT           = "OTT"
	ServiceDigital       = "digital"
	ServiceOPX           = "OPX"
	ServiceRelay         = "relay"
	MobilityMobile       = "Mobile"
	MobilityFixed        = "Fixed"
	MobilityNomadic      = "Nomadic"
	MobilityUnknown      = "Unknown"
)

// Kinds of DeviceID (RFC 7852, section 4.3.4).
const (
	DeviceMEID   = "MEID"
	DeviceESN    = "ESN"
	DeviceMAC    = "MAC"
	DeviceWiMAX  = "WiMAX"
	DeviceIMEI   = "IMEI"
	DeviceIMSI   = "IMSI"
	DeviceUDI    = "UDI"
	DeviceRFID   = "RFID"
	DeviceSerial = "SN"
)

// ProviderInfo says who provided data for a call and how to reach him at any
// hour (RFC 7852, section 4.1). Reference, Name, Type, ContactURI and at least
// one Language are mandatory.
type ProviderInfo struct {
	Reference  string   // DataProviderReference: the same in all blocks of one provider, "01936f2e@callbox.example"
	Name       string   // DataProviderString, for a person
	ID         string   // ProviderID, optional
	Series     string   // ProviderIDSeries: who gave the ID
	Type       string   // TypeOfProvider
	ContactURI string   // answered round the clock, "tel:+16175550100"
	Languages  []string // BCP 47 in lower case, preferred first
	Contacts   []VCard  // DataProviderContact, optional

	SubcontractorPrincipal string // the domain of whom the subcontractor works for, optional
	SubcontractorPriority  string // SubcontractorPrincipal or SubcontractorMain, optional

	Extensions []foreign.Element
}

// ServiceInfo says what service the caller uses (RFC 7852, section 4.2).
// Reference, at least one Type, and Mobility are mandatory.
type ServiceInfo struct {
	Reference   string
	Environment string   // optional
	Types       []string // at least one
	Mobility    string
	Extensions  []foreign.Element
}

// DeviceID names a device, "00-0d-4b-30-72-df" of type MAC.
type DeviceID struct {
	Type  string // mandatory
	Value string
}

// DeviceInfo says what device calls (RFC 7852, section 4.3). Only Reference is
// mandatory.
type DeviceInfo struct {
	Reference      string
	Classification string // "desktop", "smart-phone", "sensor-fixed" ...
	Manufacturer   string
	Model          string
	IDs            []DeviceID
	SpecificData   string // URI of more about the device
	SpecificType   string // of what stands there
	Extensions     []foreign.Element
}

// SubscriberInfo says whose service it is (RFC 7852, section 4.4). Reference
// and at least one card are mandatory; each card needs an "fn".
type SubscriberInfo struct {
	Reference        string
	PrivacyRequested bool // the subscriber wants the data kept from others than those who help
	Cards            []VCard
	Extensions       []foreign.Element
}

// Text is a text with its language (BCP 47), empty when not said.
type Text struct{ Lang, Text string }

// Comment is a remark for the call taker (RFC 7852, section 4.5), in one or
// several languages. Reference is mandatory.
type Comment struct {
	Reference  string
	Comments   []Text
	Extensions []foreign.Element
}

// Reference points to a block held elsewhere (RFC 7852, section 5.2). Both
// fields are mandatory.
type Reference struct {
	Purpose    string // "EmergencyCallData.ProviderInfo"
	URI        string // https
	Extensions []foreign.Element
}

// ProvidedBy is the content of a PIDF-LO's provided-by element (RFC 7852,
// section 5.2): blocks by value and by reference.
type ProvidedBy struct {
	Providers   []ProviderInfo
	Services    []ServiceInfo
	Devices     []DeviceInfo
	Subscribers []SubscriberInfo
	Comments    []Comment
	References  []Reference
	// Others are blocks that this package does not know, inside
	// EmergencyCallDataValue. The schema of RFC 7852 lets them stand there, but
	// is itself not one that XML Schema 1.0 processors take.
	Others []foreign.Element
	// Extensions stand beside EmergencyCallDataValue.
	Extensions []foreign.Element
}

// Empty reports whether there is nothing to say.
func (p ProvidedBy) Empty() bool {
	return len(p.Providers) == 0 && len(p.Services) == 0 && len(p.Devices) == 0 && len(p.Subscribers) == 0 &&
		len(p.Comments) == 0 && len(p.References) == 0 && len(p.Others) == 0 && len(p.Extensions) == 0
}
