package identify

import (
	"strings"

	"github.com/callbox911/callbox/internal/e911"
)

// HeaderOrgID is the header in which a platform that serves many organisations
// names one of them, by its HELD company id. It counts only from trunks that are
// marked so (E14).
const HeaderOrgID = "E911-Organization-ID"

// headerRemoteParty is what some exchanges write instead of P-Asserted-Identity.
const headerRemoteParty = "Remote-Party-ID"

// userHeaders lists the headers in which a trunk names its users, the more exact
// first. Names match as a whole, without case, and so do their values, with case
// (N-20). From other sides than platforms none count (F-13).
func userHeaders(t e911.Trunk) []string {
	if h := t.IdentityHeader; h != "" && !strings.EqualFold(h, HeaderDeviceUserID) {
		return []string{h, HeaderDeviceUserID}
	}
	return []string{HeaderDeviceUserID}
}

// lineHeader is a header in which a number is asserted, with the name of its rule.
type lineHeader struct{ rule, name string }

// lineHeaders lists where a trunk's inbound profile asserts the caller's number,
// the more certain first (F-13). Asterisk, FreeSWITCH and Cisco UCM may write
// Remote-Party-ID where others write P-Asserted-Identity.
func lineHeaders(t e911.Trunk) []lineHeader {
	list := []lineHeader{{RuleAssertedID, "P-Asserted-Identity"}}
	switch t.Inbound {
	case e911.InboundAsterisk, e911.InboundFreeSWITCH, e911.InboundCUCM:
		list = append(list, lineHeader{RuleRemoteParty, headerRemoteParty})
	}
	return append(list, lineHeader{RuleFrom, "From"})
}

// OrgIDs lists the organisations that an INVITE names, each once. Values longer
// than an id are nobody's.
func OrgIDs(h Headers) (ids []string) {
	if h == nil {
		return nil
	}
	seen := map[string]bool{}
	for _, v := range h.All(HeaderOrgID) {
		if v = strings.TrimSpace(v); v != "" && len(v) <= maxIdentitySize && !seen[v] {
			seen[v] = true
			ids = append(ids, v)
		}
	}
	return ids
}
