package journal

import (
	"net/netip"
	"time"

	"github.com/callbox911/callbox/internal/e911"
)

// Bound is the body of BindingMade: a telephone registered, or did so again.
type Bound struct {
	Device    e911.DeviceID  `json:"device"`
	User      string         `json:"user"`    // user part of its address
	Contact   string         `json:"contact"` // URI
	Params    string         `json:"params,omitempty"`
	Instance  string         `json:"instance,omitempty"`
	RegID     string         `json:"reg_id,omitempty"`
	GRUU      bool           `json:"gruu,omitempty"`
	CallID    string         `json:"sip_call_id"`
	CSeq      uint32         `json:"cseq"`
	Source    netip.AddrPort `json:"source"` // observed
	Local     netip.AddrPort `json:"local"`
	Transport string         `json:"transport"`
	Agent     string         `json:"agent,omitempty"`
	MAC       e911.MAC       `json:"mac,omitempty"` // that it says it has
	Until     time.Time      `json:"until"`
}

// Unbound is the body of BindingGone.
type Unbound struct {
	Device  e911.DeviceID `json:"device"`
	User    string        `json:"user"`
	Contact string        `json:"contact"`
	Why     string        `json:"why"`
}
