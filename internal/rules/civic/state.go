package civic

import "strings"

// State is a state, district or territory of the United States, or a province
// or territory of Canada.
type State struct {
	FIPS string // two digits (FIPS 5-2); none in Canada
	Code string // two letters, as in the field A1
	Name string
}

// StateOf finds a state by its two letters or its name, whatever the case.
func StateOf(a1 string) (State, bool) {
	i, ok := stateIndex[strings.ToUpper(strings.TrimSpace(a1))]
	if !ok {
		return State{}, false
	}
	return states[i], true
}

// stateIndex finds a state by its code or its name in upper case.
var stateIndex = func() map[string]int {
	m := make(map[string]int, 2*len(states))
	for i, s := range states {
		m[s.Code], m[strings.ToUpper(s.Name)] = i, i
	}
	return m
}()

// StateByFIPS finds a state by its two-digit code.
func StateByFIPS(fips string) (State, bool) {
	for _, s := range states {
		if s.FIPS != "" && s.FIPS == fips {
			return s, true
		}
	}
	return State{}, false
}

var states = []State{
	{"01", "AL", "Alabama"},
	{"02", "AK", "Alaska"},
	{"04", "AZ", "Arizona"},
	{"05", "AR", "Arkansas"},
	{"06", "CA", "California"},
	{"08", "CO", "Colorado"},
	{"09", "CT", "Connecticut"},
	{"10", "DE", "Delaware"},
	{"11", "DC", "District of Columbia"},
	{"12", "FL", "Florida"},
	{"13", "GA", "Georgia"},
	{"15", "HI", "Hawaii"},
	{"16", "ID", "Idaho"},
	{"17", "IL", "Illinois"},
	{"18", "IN", "Indiana"},
	{"19", "IA", "Iowa"},
	{"20", "KS", "Kansas"},
	{"21", "KY", "Kentucky"},
	{"22", "LA", "Louisiana"},
	{"23", "ME", "Maine"},
	{"24", "MD", "Maryland"},
	{"25", "MA", "Massachusetts"},
	{"26", "MI", "Michigan"},
	{"27", "MN", "Minnesota"},
	{"28", "MS", "Mississippi"},
	{"29", "MO", "Missouri"},
	{"30", "MT", "Montana"},
	{"31", "NE", "Nebraska"},
	{"32", "NV", "Nevada"},
	{"33", "NH", "New Hampshire"},
	{"34", "NJ", "New Jersey"},
	{"35", "NM", "New Mexico"},
	{"36", "NY", "New York"},
	{"37", "NC", "North Carolina"},
	{"38", "ND", "North Dakota"},
	{"39", "OH", "Ohio"},
	{"40", "OK", "Oklahoma"},
	{"41", "OR", "Oregon"},
	{"42", "PA", "Pennsylvania"},
	{"44", "RI", "Rhode Island"},
	{"45", "SC", "South Carolina"},
	{"46", "SD", "South Dakota"},
	{"47", "TN", "Tennessee"},
	{"48", "TX", "Texas"},
	{"49", "UT", "Utah"},
	{"50", "VT", "Vermont"},
	{"51", "VA", "Virginia"},
	{"53", "WA", "Washington"},
	{"54", "WV", "West Virginia"},
	{"55", "WI", "Wisconsin"},
	{"56", "WY", "Wyoming"},
	{"60", "AS", "American Samoa"},
	{"66", "GU", "Guam"},
	{"69", "MP", "Northern Mariana Islands"},
	{"72", "PR", "Puerto Rico"},
	{"78", "VI", "Virgin Islands"},
	{"", "AB", "Alberta"},
	{"", "BC", "British Columbia"},
	{"", "MB", "Manitoba"},
	{"", "NB", "New Brunswick"},
	{"", "NL", "Newfoundland and Labrador"},
	{"", "NT", "Northwest Territories"},
	{"", "NS", "Nova Scotia"},
	{"", "NU", "Nunavut"},
	{"", "ON", "Ontario"},
	{"", "PE", "Prince Edward Island"},
	{"", "QC", "Quebec"},
	{"", "SK", "Saskatchewan"},
	{"", "YT", "Yukon"},
}
