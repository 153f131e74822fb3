package station

import (
	"slices"
	"time"
)

// Basis says what was read of a rule.
type Basis string

// The bases.
const (
	Statute Basis = "statute" // its own text
	Summary Basis = "summary" // what an authority or a publisher says of it: to be checked
)

// Whom says whom a rule binds.
type Whom string

// The classes of system.
const (
	Business    Whom = "business"
	Shared      Whom = "shared_services" // for hire to several unaffiliated businesses
	Residential Whom = "residential"     // homes, and rooms that people live in
)

// StateRule is one rule of a state for multi-line telephone systems, as data. Areas
// are square feet of floor.
type StateRule struct {
	State  string    `json:"state"`
	Cite   string    `json:"cite"`
	Source string    `json:"source"` // where it was read
	Basis  Basis     `json:"basis"`
	Read   time.Time `json:"read"`
	Class  Whom      `json:"class"`
	// Over: it holds for more than so much floor area; 0: any.
	Over int `json:"over_square_feet,omitempty"`
	// OverFloors is instead of Over where there is more than one floor; 1: any area,
	// 0: as Over.
	OverFloors int `json:"over_square_feet_on_floors,omitempty"`
	// OneFloorFew is instead of Over on one floor with fewer than FewStations.
	OneFloorFew int `json:"over_square_feet_one_floor,omitempty"`
	FewStations int `json:"fewer_stations,omitempty"`
	// Each asks for one distinct location for each so much floor area.
	Each     int  `json:"each_square_feet,omitempty"`
	PerFloor bool `json:"per_floor,omitempty"` // one for each floor
	// Hotels says that hotels are named by the rule.
	Hotels bool `json:"hotels,omitempty"`
	// Grandfathered: for systems installed on or before 16 February 2020 alone.
	Grandfathered bool `json:"grandfathered,omitempty"`
	// Repealed is the day on which the text that was read ends to hold by itself; zero:
	// it says none. Whether it was put off is to be looked up.
	Repealed time.Time `json:"repealed,omitzero"`
	Says     string    `json:"says"` // in our words
}

// read is when the texts were looked up.
var read = day(2026, 11, 22)

// stateRules are those whose text, or a summary of an authority, was found. Others
// are not here: a state that is missing was not looked up, which does not mean that
// it has no rule (NENA counted 23 by 2018, 47 CFR 9.17 leaves them standing).
var stateRules = []StateRule{
	{
		State: "AK", Cite: "AS 29.35.134", Source: "codes.findlaw.com/ak/title-29-municipal-government/ak-st-sect-29-35-134.html, as summarised by 911etc.com/legislation",
		Basis: Summary, Class: Business, PerFloor: true,
		Says: "where the municipality requires it, the building and the floor of each caller",
	},
	{
		State: "IL", Cite: "50 ILCS 750/15.6", Source: "ilga.gov, Text of Section from P.A. 102-9", Basis: Statute, Class: Business,
		Over: 40_000, Each: 40_000, Repealed: day(2023, 12, 31),
		Says: "the street address, and above 40,000 square feet of workspace one distinct location for each 40,000",
	},
	{
		State: "IL", Cite: "50 ILCS 750/15.5a", Source: "witnessslips.ilga.gov/ftp/ILCS", Basis: Statute, Class: Business, Grandfathered: true,
		Over: 40_000, Each: 40_000, Repealed: day(2025, 12, 31),
		Says: "for systems of before 17 February 2020: the street address, and above 40,000 square feet of workspace one distinct location for each 40,000",
	},
	{
		State: "MI", Cite: "MCL 484.1413 (2019 PA 30)", Source: "legiscan.com/MI/text/HB4249/id/2036807; michiganvotes.org roll call 103", Basis: Summary, Class: Business,
		Over: 7_000, OneFloorFew: 20_000, FewStations: 20,
		Says: "above 7,000 square feet of workspace the specific location; on one floor with fewer than 20 stations above 20,000",
	},
	{
		State: "MN", Cite: "Minn. Stat. 403.15", Source: "dps.mn.gov, Multi-Line Telephone System", Basis: Summary, Class: Business, Hotels: true,
		Over: 40_000, OverFloors: 7_000,
		Says: "for systems bought after 2004 a callback number and an emergency response location; not below 40,000 square feet on one floor, or 7,000 on several",
	},
	{
		State: "MN", Cite: "Minn. Stat. 403.15", Source: "dps.mn.gov, Multi-Line Telephone System", Basis: Summary, Class: Residential,
		Says: "one distinct number and location for each residential unit",
	},
	{
		State: "WA", Cite: "RCW 80.36.560", Source: "apps.leg.wa.gov/RCW/default.aspx?cite=80.36.560", Basis: Statute, Class: Shared,
		Over: 25_000, OverFloors: 1,
		Says: "who provides shared service for hire: the automatic location of each telephone, above 25,000 square feet, on more than one floor, or in several buildings",
	},
	{
		State: "WA", Cite: "RCW 80.36.555", Source: "getpocketlaw.com, 1995 c 243 s 3", Basis: Statute, Class: Residential,
		Says: "the automatic location of each residential unit",
	},
}

// RulesOf returns the rules of a state, by its two letters; false: they were not
// looked up.
func RulesOf(state string) ([]StateRule, bool) {
	var out []StateRule
	for _, r := range stateRules {
		if r.State == state {
			r.Read = read
			out = append(out, r)
		}
	}
	return out, len(out) > 0
}

// States lists the states whose rules were looked up.
func States() []string {
	var out []string
	for _, r := range stateRules {
		if !slices.Contains(out, r.State) {
			out = append(out, r.State)
		}
	}
	return out
}
