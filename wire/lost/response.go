package lost

import "github.com/callbox911/callbox/wire/foreign"

// FindServiceResponse is the answer to FindService (RFC 5222, section 8.4).
type FindServiceResponse struct {
	Mappings     []Mapping // at least one
	Validation   *Validation
	Warnings     []Exceptions
	Path         []Via  // at least one, the servers from the asker's to the authority
	LocationUsed string // ID of a Location of the query, empty when absent
	Extensions   []foreign.Element
}

// ListServicesResponse is the answer to ListServices.
type ListServicesResponse struct {
	Services   []string // URNs
	Warnings   []Exceptions
	Path       []Via
	Extensions []foreign.Element
}

// ListServicesByLocationResponse is the answer to ListServicesByLocation.
type ListServicesByLocationResponse struct {
	Services     []string // URNs
	Warnings     []Exceptions
	Path         []Via
	LocationUsed string
	// Where the list holds, by value or by reference, if at all (RFC 6197).
	Boundaries []ListBoundary
	Reference  BoundaryReference
	Extensions []foreign.Element
}

// ListBoundary is the region in which a list of services holds, in one
// profile (RFC 6197, section 3.3).
type ListBoundary struct {
	Boundary
	Expires Expires // zero when absent
}

// GetServiceBoundaryResponse is the answer to GetServiceBoundary.
type GetServiceBoundaryResponse struct {
	Boundaries []Boundary // at least one
	Warnings   []Exceptions
	Path       []Via
	Extensions []foreign.Element
}

// GetServiceListBoundaryResponse is the answer to GetServiceListBoundary.
type GetServiceListBoundaryResponse struct {
	Boundaries []ListBoundary // at least one
	Path       []Via
	Extensions []foreign.Element
}
