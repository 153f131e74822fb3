// Package calldata reads and writes the additional data of an emergency call
// (RFC 7852) that travels inside a PIDF-LO's provided-by: who provided the
// location (ProviderInfo) and what service the caller uses (ServiceInfo), by
// value, and references to further blocks.
//
// Reading never fails: bad or missing additional data must not fail a call
// (RFC 7852, section 4), so a block that cannot be read is left out.
package calldata

// Namespaces of the blocks (RFC 7852, section 11).
const (
	Space             = "urn:ietf:params:xml:ns:EmergencyCallData"
	SpaceProviderInfo = "urn:ietf:params:xml:ns:EmergencyCallData:ProviderInfo"
	SpaceServiceInfo  = "urn:ietf:params:xml:ns:EmergencyCallData:ServiceInfo"
)

// Values of ProviderInfo.Type (RFC 7852, section 4.1.4).
const (
	TypeClient        = "Client"
	TypeAccessNetwork = "Access Network Provider"
	TypeTelecom       = "Telecom Provider"
	TypeRelay         = "Relay Provider"
	TypeOther         = "Other"
)

// Values of ServiceInfo (RFC 7852, section 4.2).
const (
	EnvironmentBusiness  = "Business"
	EnvironmentResidence = "Residence"
	ServiceMLTSHosted    = "MLTS-hosted"
	ServiceMLTSLocal     = "MLTS-local"
	MobilityFixed        = "Fixed"
	MobilityNomadic      = "Nomadic"
	MobilityUnknown      = "Unknown"
)

// ProviderInfo says who provided data for a call and how to reach him at any
// hour (RFC 7852, section 4.1). Reference, Name, Type, ContactURI and at least
// one Language are mandatory; Append fills in what is missing.
type ProviderInfo struct {
	Reference  string   // DataProviderReference: the same in all blocks of one provider
	Name       string   // DataProviderString, for a person
	ID         string   // ProviderID, optional
	Series     string   // ProviderIDSeries: NENA, EENA or domain
	Type       string   // TypeOfProvider
	ContactURI string   // answered round the clock, "tel:+16175550100"
	Languages  []string // BCP 47, lower case, preferred first
}

// ServiceInfo says what service the caller uses (RFC 7852, section 4.2).
type ServiceInfo struct {
	Reference   string
	Environment string   // optional
	Types       []string // at least one
	Mobility    string
}

// Reference points to a block held elsewhere.
type Reference struct {
	Purpose string // "EmergencyCallData.ProviderInfo"
	URI     string
}

// ProvidedBy is the content of a PIDF-LO's provided-by element (RFC 7852,
// section 5.2): blocks by value and by reference.
type ProvidedBy struct {
	Providers  []ProviderInfo
	Services   []ServiceInfo
	References []Reference
}

// Empty reports whether there is nothing to say.
func (p ProvidedBy) Empty() bool {
	return len(p.Providers) == 0 && len(p.Services) == 0 && len(p.References) == 0
}
