package e911

import "time"

// ALIState is how far the record of an ELIN got in the carrier's ALI database
// (F-39 (1)).
type ALIState string

// The states.
const (
	ALINone      ALIState = ""                // nothing was sent
	ALISent      ALIState = "sent"            // in a file that the carrier has not answered
	ALIAccepted  ALIState = "accepted"        // the carrier holds it, nobody has seen it on a screen
	ALIRejected  ALIState = "rejected"        // refused, with codes
	ALINoRecord  ALIState = "no_record_found" // the carrier has none for this number
	ALIFixed     ALIState = "fixed"           // mended, to be sent again
	ALIConfirmed ALIState = "confirmed"       // a test call or a query showed it
)

// ALIDigest says which address a record had, without the address. Each part is
// empty where it is not known; what is not known is not compared.
type ALIDigest struct {
	Street string `json:"street,omitempty"` // house number to state
	Place  string `json:"place,omitempty"`  // the same, with floor and room
	Zone   string `json:"zone,omitempty"`   // MSAG community and ESN, where a layer knows them
	Record string `json:"record,omitempty"` // the whole record as it is sent, without its dates
}

// ALIRecord is what is known about the ALI record of an ELIN. The rules of
// rules/alirecord alone change it.
type ALIRecord struct {
	State ALIState  `json:"state,omitempty"`
	Since time.Time `json:"since,omitzero"`

	Function   string    `json:"function,omitempty"` // as last sent: I insert, C change, D delete
	Cycle      int       `json:"cycle,omitempty"`    // of the file that it was last sent in
	SentAt     time.Time `json:"sent_at,omitzero"`
	AnsweredAt time.Time `json:"answered_at,omitzero"`
	Codes      string    `json:"codes,omitempty"` // of the carrier's refusal, "301 705"

	Sent ALIDigest `json:"sent,omitzero"` // what was last sent
	Held ALIDigest `json:"held,omitzero"` // what the carrier accepted last; zero: nothing that we know of

	// Confirmed is what somebody has seen to be there, as long as nothing was
	// sent since that could have moved it to another street address.
	Confirmed   ALIDigest `json:"confirmed,omitzero"`
	ConfirmedAt time.Time `json:"confirmed_at,omitzero"`
	ConfirmedBy string    `json:"confirmed_by,omitempty"`
	Evidence    string    `json:"evidence,omitempty"` // of the last confirmation or complaint
}

// PSALI is what an organisation's records say beside number and address, as its
// contract with the ALI provider has it. Without CompanyID nothing is exported.
type PSALI struct {
	CompanyID string `json:"company_id,omitempty"` // NENA company id, up to 5 characters
	Provider  string `json:"provider,omitempty"`   // company id of who provides the data, when another
	Company   string `json:"company,omitempty"`    // name in header and trailer; the organisation's when empty
	Customer  string `json:"customer,omitempty"`   // name on the screen; the organisation's when empty
	Main      Number `json:"main,omitempty"`       // billing number of the lines
	Class     string `json:"class,omitempty"`      // class of service, one character; "4" (business PBX) when empty
	Type      string `json:"type,omitempty"`       // type of service, one character; "0" when empty
	Exchange  string `json:"exchange,omitempty"`
	County    string `json:"county,omitempty"` // county id, up to 4 digits
	Code      string `json:"code,omitempty"`   // customer code, up to 3 characters
	// Errors names error codes of the carrier that are not in the built-in table
	// or mean something else there: "705": "no_record", "exists" or a text.
	Errors map[string]string `json:"errors,omitempty"`
}

// Empty reports whether nothing is set.
func (p PSALI) Empty() bool {
	return p.CompanyID == "" && p.Provider == "" && p.Company == "" && p.Customer == "" && p.Main == "" && p.Class == "" &&
		p.Type == "" && p.Exchange == "" && p.County == "" && p.Code == "" && len(p.Errors) == 0
}
