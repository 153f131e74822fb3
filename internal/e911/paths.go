package e911

import "time"

// OrgState is where an organisation stands with the E911 path. None of them
// blocks a call: what is not live goes by its site's PSTN trunk first (F-24).
type OrgState string

// The states of an organisation. None: live.
const (
	OrgLive       OrgState = "live"
	OrgTrial      OrgState = "trial"      // P-15
	OrgSuspended  OrgState = "suspended"  // N-41: its outbound calls are cut off, its emergency calls are not
	OrgOptedOut   OrgState = "opted_out"  // W-24: its PSTN provider takes emergency calls
	OrgBYOC       OrgState = "byoc"       // N-02: emergency calls are the duty of its own carrier
	OrgUnlicensed OrgState = "unlicensed" // W-45
)

// OrgStates lists them.
func OrgStates() []OrgState {
	return []OrgState{OrgLive, OrgTrial, OrgSuspended, OrgOptedOut, OrgBYOC, OrgUnlicensed}
}

// Live reports that nothing keeps the organisation from the E911 path.
func (s OrgState) Live() bool { return s == "" || s == OrgLive }

// ModeAcknowledgement says who accepted that a site with devices that move is in
// TN mode, where an emergency call goes to the address of the number (F-20).
type ModeAcknowledgement struct {
	By string    `json:"by,omitempty"` // a person's name or address
	At time.Time `json:"at,omitzero"`
}

// Zero reports that nobody acknowledged anything.
func (m ModeAcknowledgement) Zero() bool { return m.By == "" && m.At.IsZero() }

// PSAPAlternate is another PSAP that takes a PSAP's calls when they cannot reach
// it, by an agreement between the two (F-23).
type PSAPAlternate struct {
	PSAP      PSAPID    `json:"psap"`
	Agreement string    `json:"agreement"`        // who agreed to it, when, where the paper is
	Expires   time.Time `json:"expires,omitzero"` // zero: until it is changed
}
