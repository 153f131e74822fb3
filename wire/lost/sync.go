package lost

import (
	"time"

	"github.com/callbox911/callbox/wire/foreign"
)

// Fingerprint tells one version of a mapping from all others (RFC 6739,
// section 4.1).
type Fingerprint struct {
	Source      string
	SourceID    string
	LastUpdated time.Time
	Extensions  []foreign.Element
}

// GetMappingsRequest asks for the mappings that are newer than those named or
// not among them; with none named for all (RFC 6739, section 4).
type GetMappingsRequest struct {
	Exists     []Fingerprint
	Extensions []foreign.Element // the grammar has them only when Exists is empty
}

// GetMappingsResponse is the answer to GetMappingsRequest.
type GetMappingsResponse struct {
	Mappings   []Mapping // at least one
	Extensions []foreign.Element
}

// PushMappings sends mappings to update, to add and, those that are empty, to
// delete (RFC 6739, section 5).
type PushMappings struct {
	Mappings   []Mapping // at least one
	Extensions []foreign.Element
}

// PushMappingsResponse says that all of a PushMappings was done.
type PushMappingsResponse struct {
	Extensions []foreign.Element
}
