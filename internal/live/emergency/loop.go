package emergency

import (
	"slices"

	"github.com/callbox911/callbox/internal/e911"
)

// mostAgain is how many calls with one emergency call id are carried at a time: a
// loop that nothing else tells from a platform's next try ends there.
const mostAgain = 4

// looped reports that a call came back to us. The same emergency call id alone does
// not say so: a platform that lost its connection sends the call once more while
// the first one still waits, and is never refused (E1). It came back when it carries
// an id that we made for the other one, or comes by a trunk by which that one went
// out, or from a carrier. The caller holds h.mu.
func (h *Handler) looped(c *call) bool {
	others := h.uids[c.uid]
	if len(others) == 0 {
		return false
	}
	if h.active[c.id] != nil || len(others) >= mostAgain || c.known && c.trunk.Side == e911.SideCarrier {
		return true
	}
	return slices.ContainsFunc(others, func(o *call) bool {
		return o.madeUID || o.madeIncident && o.incident == c.incident || c.known && o.sentBy[c.trunk.ID]
	})
}

// sent remembers by which trunks a call went out.
func (h *Handler) sent(c *call, by e911.TrunkID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if c.sentBy == nil {
		c.sentBy = map[e911.TrunkID]bool{}
	}
	c.sentBy[by] = true
}

// freeID forgets the emergency call id of a call. The caller holds h.mu.
func (h *Handler) freeID(c *call) {
	rest := slices.DeleteFunc(h.uids[c.uid], func(o *call) bool { return o == c })
	if len(rest) == 0 {
		delete(h.uids, c.uid)
		return
	}
	h.uids[c.uid] = rest
}
