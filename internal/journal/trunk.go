package journal

import (
	"net/netip"

	"github.com/callbox911/callbox/internal/e911"
)

// TrunkProved is the kind of the fact that a trunk's neighbour proved itself from
// an address that is not in its ranges: for the first time, and once a day.
const TrunkProved Kind = "trunk.proved"

// Proved is the body of TrunkProved. The address is known for 30 days (F-10).
type Proved struct {
	Trunk e911.TrunkID `json:"trunk"`
	From  netip.Addr   `json:"from"`
}
