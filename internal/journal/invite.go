package journal

import (
	"net/netip"

	"github.com/callbox911/callbox/internal/e911"
)

// Invite is the body of CallInvite: all of an INVITE that the decision was made
// by. Header fields with credentials are left out.
type Invite struct {
	URI         string  `json:"uri"`
	Headers     []Named `json:"headers"`
	ContentType string  `json:"content_type,omitempty"`
	Body        []byte  `json:"body,omitempty"`
	SIPCallID   string  `json:"sip_call_id,omitempty"`
	// Tag is what our To-tags toward the caller begin with, one for each attempt.
	Tag       string         `json:"tag,omitempty"`
	Source    netip.AddrPort `json:"source"`
	Local     netip.AddrPort `json:"local,omitzero"`
	Transport string         `json:"transport"`
	Peer      []string       `json:"peer,omitempty"`     // what a verified client certificate says
	Repaired  []string       `json:"repaired,omitempty"` // what was wrong with it
	// Who is the trunk that it was taken for, How by what; Proved: it showed good
	// credentials.
	Who    string `json:"who,omitempty"`
	How    string `json:"how,omitempty"`
	Proved bool   `json:"proved,omitempty"`
	// Phone is the telephone that it came from, by its registration; nil: none.
	Phone *InvitePhone `json:"phone,omitempty"`
}

// InvitePhone is a telephone as its registration knew it.
type InvitePhone struct {
	Org        e911.OrgID    `json:"org"`
	Device     e911.DeviceID `json:"device,omitempty"`
	Registered bool          `json:"registered,omitempty"` // by this very way
	Agent      string        `json:"agent,omitempty"`
	MAC        e911.MAC      `json:"mac,omitempty"`
}
