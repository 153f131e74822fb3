package e911

import "time"

// OwnPhone marks a SIP account as one that the user of its device made by himself
// (C-64): he may renew its password, and take it away.
type OwnPhone struct {
	Name string    `json:"name"` // what he calls it: "my desk"
	Made time.Time `json:"made"` // when its password was made
	// Ended is when he took the password away; zero: he did not. The account stays
	// for a while, with a password that nobody was told, so that a call for help from
	// that telephone is known for his (F-10).
	Ended time.Time `json:"ended,omitzero"`
}

// Live reports an account whose password somebody has.
func (p *OwnPhone) Live() bool { return p != nil && p.Ended.IsZero() }
