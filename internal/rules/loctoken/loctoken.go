// Package loctoken writes and reads what a location token holds (D-08). The
// bytes are sealed by internal/seal with Purpose before they leave.
package loctoken

import (
	"time"

	"github.com/callbox911/callbox/internal/e911"
)

// Purpose is what tokens are sealed for.
const Purpose = "loc"

// Claims is what a token says. Times are kept in milliseconds.
type Claims struct {
	Org         e911.OrgID
	Device      string          // device id, or a stable name of an unknown device
	Location    e911.LocationID // none for a personal location
	By          e911.LocatedBy
	EvidenceAt  time.Time
	Generation  uint64
	Expires     time.Time
	PlaceDigest string // raw digest of a personal location, at most 32 bytes
}

// Encode writes c in a compact binary form. A text that is too long for the
// form (255 bytes) is an Invalid Error.
func Encode(c Claims) ([]byte, error) { return nil, nil }

// Decode reads what Encode wrote. Anything else is an Invalid Error.
func Decode(b []byte) (Claims, error) { return Claims{}, nil }
