package dialplan

import (
	"maps"
	"slices"

	"github.com/callbox911/callbox/internal/e911"
)

// EmergencyNumber is how help is called in a country, beside 911: what is
// dialled, and for which service (RFC 5031).
type EmergencyNumber struct {
	Digits  string
	Service string
}

// The services that numbers of some countries are for.
const (
	police    = ServiceSOS + ".police"
	fire      = ServiceSOS + ".fire"
	ambulance = ServiceSOS + ".ambulance"
)

// packs are the emergency numbers by country, as ISO 3166 writes it. The United
// States and Canada have none beside 911, which is one everywhere. 112 is one in
// all of Europe (directive (EU) 2018/1972, article 109) and on every mobile
// telephone (3GPP TS 22.101, section 10.1), the others are national.
var packs = map[string][]EmergencyNumber{
	"US": {}, "CA": {}, "MX": {},
	"AT": {{"112", ServiceSOS}, {"133", police}, {"122", fire}, {"144", ambulance}},
	"AU": {{"000", ServiceSOS}, {"112", ServiceSOS}},
	"BE": {{"112", ServiceSOS}, {"101", police}, {"100", ServiceSOS}},
	"BR": {{"190", police}, {"193", fire}, {"192", ambulance}},
	"CH": {{"112", ServiceSOS}, {"117", police}, {"118", fire}, {"144", ambulance}},
	"CN": {{"110", police}, {"119", fire}, {"120", ambulance}},
	"DE": {{"112", ServiceSOS}, {"110", police}},
	"ES": {{"112", ServiceSOS}},
	"FR": {{"112", ServiceSOS}, {"17", police}, {"18", fire}, {"15", ambulance}},
	"GB": {{"999", ServiceSOS}, {"112", ServiceSOS}},
	"HK": {{"999", ServiceSOS}, {"112", ServiceSOS}},
	"IE": {{"112", ServiceSOS}, {"999", ServiceSOS}},
	"IN": {{"112", ServiceSOS}},
	"IT": {{"112", ServiceSOS}},
	"JP": {{"110", police}, {"119", fire}},
	"KR": {{"112", police}, {"119", fire}},
	"NL": {{"112", ServiceSOS}},
	"NZ": {{"111", ServiceSOS}},
	"PL": {{"112", ServiceSOS}, {"997", police}, {"998", fire}, {"999", ambulance}},
	"SE": {{"112", ServiceSOS}},
	"SG": {{"999", police}, {"995", ambulance}},
	"ZA": {{"112", ServiceSOS}, {"10111", police}, {"10177", ambulance}},
}

// Countries lists the countries that have a pack, in order.
func Countries() []string { return slices.Sorted(maps.Keys(packs)) }

// NumbersOf returns the emergency numbers of a country beside 911; nil when it
// has no pack.
func NumbersOf(country string) []EmergencyNumber { return slices.Clone(packs[country]) }

// Plan is what is dialled for help in some countries: those where a caller is
// at home, and those where he is (RFC 6881, section 5). 911, 933 and the service
// URNs are in every plan, also in the zero one (E2).
type Plan struct {
	numbers []planned
}

// planned is a number with the countries where it is one.
type planned struct {
	EmergencyNumber
	country string
}

// NewPlan makes the plan of the countries, the more likely first: where two of
// them have a number for different services, it is for all of them.
func NewPlan(countries ...string) Plan {
	var p Plan
	for _, c := range countries {
		for _, n := range packs[c] {
			i := slices.IndexFunc(p.numbers, func(o planned) bool { return o.Digits == n.Digits })
			switch {
			case i < 0:
				p.numbers = append(p.numbers, planned{n, c})
			case p.numbers[i].Service != n.Service:
				p.numbers[i].Service = ServiceSOS
			}
		}
	}
	return p
}

// Find is the Find of the package with the numbers of the plan. Such a number
// too must be the whole string that was dialled.
func (p Plan) Find(rawURI string) (Match, bool) {
	if m, ok := Find(rawURI); ok {
		return m, true
	}
	if len(p.numbers) == 0 {
		return Match{}, false
	}
	part, ok := dialledPart(rawURI)
	if !ok {
		return Match{}, false
	}
	buffer, n := digitsOf(part)
	for _, o := range p.numbers {
		if o.Digits == string(buffer[:n]) {
			return Match{Class: e911.ClassEmergency, Service: o.Service, Number: o.Digits, Country: o.country}, true
		}
	}
	return Match{}, false
}

// Shadows returns the emergency number of the plan that extension begins with,
// none when it begins with none. Equal ones must not exist; of the others one is
// reached only by who dials on within two seconds where digits come one by one
// (F-37).
func (p Plan) Shadows(extension string) (number string, same bool) {
	for _, o := range append([]planned{{EmergencyNumber{Digits: "911"}, ""}, {EmergencyNumber{Digits: "933"}, ""}}, p.numbers...) {
		if len(extension) >= len(o.Digits) && extension[:len(o.Digits)] == o.Digits && len(o.Digits) > len(number) {
			number, same = o.Digits, extension == o.Digits
		}
	}
	return number, same
}
