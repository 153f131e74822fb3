package lost

import "github.com/callbox911/callbox/wire/foreign"

// FindService asks who answers for a service at a location (RFC 5222, section
// 8). The zero values of its options are the defaults of the protocol.
type FindService struct {
	Locations        []Location // one for a profile; the first that is understood counts
	Service          string     // URN
	Path             []Via      // through whom the query came, oldest first
	Recursive        bool       // else the server must not ask others
	ValidateLocation bool       // of a civic address
	Boundary         BoundaryForm
	CallIDs          CallIDs
	Extensions       []foreign.Element
	// AdditionalLocation is rli:returnAdditionalLocation, an attribute of the
	// similar-location draft: "none", "similar", "complete" or "any". It is
	// read only: the grammar of RFC 5222 has no place for it.
	AdditionalLocation string
}

// ListServices asks which services, or which below the one named, a server
// knows (RFC 5222, section 10).
type ListServices struct {
	Service    string // URN, empty for the top
	Path       []Via
	CallIDs    CallIDs
	Extensions []foreign.Element
}

// ListServicesByLocation asks which services there are at a location (RFC
// 5222, section 11). An absent attribute recursive is read as false, as
// section 8.3.3 says; the grammar's default is true, so it is always written.
type ListServicesByLocation struct {
	Locations    []Location
	Service      string
	Path         []Via
	Recursive    bool
	CallIDs      CallIDs
	WantBoundary bool         // ask for the region of the answer (RFC 6197)
	Boundary     BoundaryForm // how, when WantBoundary is set
	Extensions   []foreign.Element
}

// GetServiceBoundary asks for a boundary by the key of its reference (RFC
// 5222, section 9).
type GetServiceBoundary struct {
	Key        string
	CallIDs    CallIDs
	Extensions []foreign.Element
}

// GetServiceListBoundary asks for the region of a list of services (RFC 6197,
// section 3.2).
type GetServiceListBoundary struct {
	Key        string
	Extensions []foreign.Element
}
