package e911

import "time"

// Finding is one piece of evidence with what it said and why it won or lost
// (E11). Rules return findings; the journal keeps them; pages show them.
type Finding struct {
	Rule   string     `json:"rule"`            // "e911_user_id_header", "lldp_port" ...
	Said   string     `json:"said,omitempty"`  // what it pointed to, for a person
	Place  string     `json:"place,omitempty"` // display of the place
	At     *time.Time `json:"at,omitempty"`    // time of the evidence
	Class  string     `json:"class,omitempty"` // fresh, aged, fall_back, none
	Chosen bool       `json:"chosen,omitempty"`
	Why    string     `json:"why"` // one sentence
}
