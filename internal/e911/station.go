package e911

import "time"

// StationClass is the class of a station in 47 CFR 9.16(b)(3): what a call from it
// must tell the PSAP, and since when (F-39 (4)).
type StationClass string

// The classes. None: nobody stated one.
const (
	StationFixed       StationClass = "fixed"        // on the premises, connects from one end point: (b)(3)(i)
	StationNonFixed    StationClass = "non_fixed"    // on the premises, may be moved by its user: (b)(3)(ii)
	StationOffPremises StationClass = "off_premises" // calls from elsewhere through the system: (b)(3)(iii)
)

// StationClasses lists them.
func StationClasses() []StationClass {
	return []StationClass{StationFixed, StationNonFixed, StationOffPremises}
}

// Line is the provision that the class falls under; none for no class.
func (c StationClass) Line() string {
	switch c {
	case StationFixed:
		return "47 CFR 9.16(b)(3)(i)"
	case StationNonFixed:
		return "47 CFR 9.16(b)(3)(ii)"
	case StationOffPremises:
		return "47 CFR 9.16(b)(3)(iii)"
	}
	return ""
}

// Moves reports a class whose devices do not stay where they are (F-20, F-22).
func (c StationClass) Moves() bool { return c == StationNonFixed || c == StationOffPremises }

// Station is what is stated of a device for the law: never what decides whether a
// call goes (E1).
type Station struct {
	Class StationClass `json:"class,omitempty"`
	// Installed is the day on which the system that it is part of was installed,
	// bought or leased here, UTC midnight; zero: not known.
	Installed time.Time `json:"installed,omitzero"`
	// NotFeasible says why an automatic dispatchable location is not technically
	// feasible; zero: it is.
	NotFeasible Infeasible `json:"not_feasible,omitzero"`
	// OffPremises is what whoever calls from it was told and agreed to, where that is
	// not kept with its user; zero: nothing.
	OffPremises Consent `json:"off_premises,omitzero"`
}

// Infeasible is the statement that the automatic dispatchable location of a station
// is not technically feasible.
type Infeasible struct {
	Reason string    `json:"reason,omitempty"`
	By     string    `json:"by,omitempty"` // a person's name or address
	At     time.Time `json:"at,omitzero"`
}

// Zero reports that nothing was stated.
func (i Infeasible) Zero() bool { return i.Reason == "" && i.By == "" && i.At.IsZero() }

// Whole reports a statement with its reason, its day and who made it.
func (i Infeasible) Whole() bool { return i.Reason != "" && i.By != "" && !i.At.IsZero() }

// Consent is what somebody who calls from off the premises was told about 911 there,
// and that he agreed expressly (Telecom Decision CRTC 2005-21; 47 CFR 9.11).
type Consent struct {
	By   string    `json:"by,omitempty"`   // who agreed
	At   time.Time `json:"at,omitzero"`    // when
	Text string    `json:"text,omitempty"` // version of the text that he was shown, "2026-01 fr"
	// Confirmed is when he last confirmed the address that he calls from; zero: never.
	Confirmed time.Time `json:"confirmed,omitzero"`
}

// Zero reports that nothing is kept.
func (c Consent) Zero() bool {
	return c.By == "" && c.At.IsZero() && c.Text == "" && c.Confirmed.IsZero()
}

// Whole reports a consent that can be shown: who, when, and to which text.
func (c Consent) Whole() bool { return c.By != "" && !c.At.IsZero() && c.Text != "" }

// Class is what is stated of the device; none: nothing.
func (d Device) Class() StationClass {
	if d.Station == nil {
		return ""
	}
	return d.Station.Class
}

// ConsentOf is what is kept of a device and its user: that of the device, unless
// only the user's is whole.
func ConsentOf(d *Device, u *User) Consent {
	var c Consent
	if d != nil && d.Station != nil {
		c = d.Station.OffPremises
	}
	if !c.Whole() && u != nil && u.OffPremises != nil && (u.OffPremises.Whole() || c.Zero()) {
		c = *u.OffPremises
	}
	return c
}
