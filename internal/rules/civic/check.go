package civic

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/callbox911/callbox/internal/e911"
)

// Verdict is the word of RFC 5222, section 8.4.2, for one field of an address,
// and for the whole.
type Verdict uint8

// The verdicts. Structure alone never makes a field that only a reference
// layer knows (street, house number, city) more than Unchecked, and never an
// address more than Unverified.
const (
	Unchecked  Verdict = iota // nobody looked, or nobody can tell
	Valid                     // what can be told without a layer agrees
	Invalid                   // it cannot be right
	Unverified                // the whole: no fault, but no layer said so
)

var verdictWords = [...]string{"unchecked", "valid", "invalid", "unverified"}

// String returns the word in lower case.
func (v Verdict) String() string {
	if int(v) < len(verdictWords) {
		return verdictWords[v]
	}
	return "unchecked"
}

// FaultKind groups the reasons for the one who translates or counts them.
type FaultKind string

// The kinds of fault.
const (
	FaultMissing         FaultKind = "missing"          // a field that must be there
	FaultForm            FaultKind = "form"             // not the form of such a field
	FaultUnknown         FaultKind = "unknown"          // a state or country that does not exist
	FaultDisagrees       FaultKind = "disagrees"        // with another field
	FaultCharacters      FaultKind = "characters"       // control, direction or unassigned characters
	FaultLength          FaultKind = "length"           // longer than the field of NENA-STA-006 is wide
	FaultNotDispatchable FaultKind = "not_dispatchable" // a mail box, a rural route
	FaultOutside         FaultKind = "outside"          // in a country that is not served (N-17, N-42)
)

// Fault is one reason against an address. Reason is a whole sentence in English
// that holds no part of the address, so it may be logged.
type Fault struct {
	Field  string // PIDF-LO name of the field at fault
	Kind   FaultKind
	Reason string
	Doubt  bool // to be looked at; it does not make the address invalid
}

// FieldVerdict is what is known about one field that the address has.
type FieldVerdict struct {
	Field   string
	Verdict Verdict
}

// Report is what structure tells about an address without any reference layer.
type Report struct {
	Verdict      Verdict        // Invalid or Unverified, never Valid
	Fields       []FieldVerdict // every field that is set, in the order of the schema
	Faults       []Fault        // in the order of the schema
	Dispatchable bool           // street address and the detail that finds the caller (N-38)
	Missing      []string       // PIDF-LO names of what a dispatcher would lack; "FLR" stands for any detail
	Address      e911.Civic     // the address in canonical form, which the verdicts are about
}

// Check tests what can be tested without a reference layer: country, state, the
// form of the postal code and its agreement with the state, house number and
// street, length and characters of every field. It looks at the canonical form
// of c (Normalize), so abbreviations are no fault.
func Check(c e911.Civic) Report {
	return Checker{}.Check(c)
}

func (k *checker) check() Report {
	if !k.text() { // the form of such text is of no interest
		return k.report()
	}
	k.c, _ = Normalize(k.c)
	k.country()
	k.state()
	k.postal()
	k.byTable()
	k.street()
	k.number()
	k.mail()
	return k.report()
}

type checker struct {
	c        e911.Civic
	faults   []Fault
	verdicts []FieldVerdict // the last of a field counts
	table    Postal         // nil: none
}

func (k *checker) set(field string, v Verdict) {
	k.verdicts = append(k.verdicts, FieldVerdict{Field: field, Verdict: v})
}

// verdict is what was found of a field; Unchecked where nothing was.
func (k *checker) verdict(field string) Verdict {
	for i := len(k.verdicts) - 1; i >= 0; i-- {
		if k.verdicts[i].Field == field {
			return k.verdicts[i].Verdict
		}
	}
	return Unchecked
}

func (k *checker) invalid(field string, kind FaultKind, reason string) {
	k.faults = append(k.faults, Fault{Field: field, Kind: kind, Reason: reason})
	k.set(field, Invalid)
}

func (k *checker) doubt(field string, kind FaultKind, reason string) {
	k.faults = append(k.faults, Fault{Field: field, Kind: kind, Reason: reason, Doubt: true})
}

// text tests characters and lengths of every field and reports whether all are
// fit to be looked at further.
func (k *checker) text() bool {
	ok := true
	for name, v := range k.c.All() {
		switch {
		case len(v) > width(name) && utf8.RuneCountInString(v) > width(name):
			k.invalid(name, FaultLength, "The text is longer than this field can be (NENA-STA-006).")
			ok = false
		case !clean(v):
			k.invalid(name, FaultCharacters, "The text holds control characters, direction marks or broken UTF-8.")
			ok = false
		case pictures(v):
			k.invalid(name, FaultCharacters, "The text holds pictures or private characters, which no dispatcher can read.")
		}
	}
	return ok
}

func (k *checker) country() {
	switch c := k.c.Country; {
	case c == "":
		k.invalid("country", FaultMissing, "The country is missing and does not follow from the state.")
	case len(c) == 2 && c != "US" && c != "CA" && alnum(c) && !strings.ContainsAny(c, "0123456789"):
		k.invalid("country", FaultOutside, "Calls are located in the United States and Canada only.")
	case c != "US" && c != "CA":
		k.invalid("country", FaultUnknown, "The country is neither US nor CA.")
	default:
		k.set("country", Valid)
	}
}

func (k *checker) state() {
	s, known := StateOf(k.c.A1)
	switch {
	case k.verdict("country") == Invalid && k.c.Country != "" && !served(k.c.Country): // its provinces are nobody's concern
	case k.c.A1 == "":
		k.invalid("A1", FaultMissing, "The state or province is missing.")
	case k.c.A1 == "AE" || k.c.A1 == "AP" || k.c.A1 == "AA":
		k.invalid("A1", FaultNotDispatchable, "A military mail address is for mail; nobody can be sent to it.")
	case !known:
		k.invalid("A1", FaultUnknown, "No such state, province or territory.")
	case (k.c.Country == "US" || k.c.Country == "CA") && s.Country() != k.c.Country:
		k.invalid("A1", FaultDisagrees, "The state or province is not in this country.")
	default:
		k.set("A1", Valid)
	}
}

func (k *checker) postal() {
	pc := k.c.PC
	if pc == "" {
		if k.c.PCE != "" {
			k.invalid("PCE", FaultForm, "A ZIP+4 extension without a ZIP code.")
		}
		return
	}
	form := PostalForm(pc)
	if form == "" || (k.c.Country != "" && form != k.c.Country) {
		k.invalid("PC", FaultForm, "Not the form of a postal code of this country.")
		return
	}
	if k.c.PCE != "" && (form != "US" || !digits(k.c.PCE, 4)) {
		k.invalid("PCE", FaultForm, "The extension of a ZIP code is four digits.")
	} else if k.c.PCE != "" {
		k.set("PCE", Unchecked)
	}
	switch homes, near := PostalStates(pc); {
	case len(homes) == 0:
		k.invalid("PC", FaultUnknown, "No postal code begins like this.")
	case k.verdict("A1") != Valid:
	case has(homes, k.c.A1):
		k.set("PC", Valid)
	case has(near, k.c.A1):
		k.doubt("PC", FaultDisagrees, "The postal code is one of a neighbouring state; near a border it may serve this one too.")
	default:
		k.invalid("PC", FaultDisagrees, "The postal code is in another state or province.")
	}
}

func (k *checker) street() {
	c := k.c
	if c.RD == "" && c.LMK == "" {
		k.invalid("RD", FaultMissing, "The street name is missing.")
	}
	if c.RD == "" && c.LMK != "" {
		k.doubt("RD", FaultMissing, "There is a landmark and no street.")
	}
	if intersection(c) {
		k.invalid("RD", FaultForm, "An intersection is no civic address: it has no house number.")
	}
	if !set(c.A2) && !set(c.A3) && !set(c.A4) && !set(c.PCN) && !set(c.PC) {
		k.invalid("A3", FaultMissing, "The city or the postal code is missing.")
	}
}

func (k *checker) number() {
	c := k.c
	switch {
	case c.HNO == "" && c.MP == "" && c.PN == "":
		if c.LMK == "" || c.RD != "" {
			k.invalid("HNO", FaultMissing, "The house number is missing.")
		}
	case c.HNO == "":
	case !allDigits(c.HNO):
		k.invalid("HNO", FaultForm, "A house number is a whole number; what stands before or after it has fields of its own.")
	case strings.Trim(c.HNO, "0") == "":
		k.invalid("HNO", FaultForm, "House number 0 is the placeholder of a street without addresses.")
	case len(c.HNO) > 6:
		k.invalid("HNO", FaultForm, "A house number has at most six digits (NENA-STA-006).")
	}
}

func (k *checker) mail() {
	if k.c.POBOX == "" {
		return
	}
	if k.c.RD != "" && k.c.HNO != "" {
		k.doubt("POBOX", FaultNotDispatchable, "A post office box is for mail; nobody can be sent to it.")
		return
	}
	k.invalid("POBOX", FaultNotDispatchable, "A post office box or rural route box is for mail; nobody can be sent to it.")
}

// report collects the verdicts of the fields that are set.
func (k *checker) report() Report {
	r := Report{Verdict: Unverified, Address: k.c, Missing: Missing(k.c)}
	r.Fields = make([]FieldVerdict, 0, 12)
	for name := range k.c.All() {
		r.Fields = append(r.Fields, FieldVerdict{Field: name, Verdict: k.verdict(name)})
	}
	if len(k.faults) > 0 {
		for _, name := range e911.CivicFieldNames() {
			for _, f := range k.faults {
				if f.Field == name {
					r.Faults = append(r.Faults, f)
				}
			}
		}
	}
	if slices.ContainsFunc(k.faults, func(f Fault) bool { return !f.Doubt }) {
		r.Verdict = Invalid
	} else {
		r.Dispatchable = Dispatchable(k.c)
	}
	return r
}

// Missing lists what a dispatcher would lack at this address, as PIDF-LO names:
// A1, A3 (any city or postal code), RD, HNO, and FLR for any detail that finds
// the caller inside a building of more than one unit (N-38).
func Missing(c e911.Civic) []string {
	var out []string
	need := func(name string, present bool) {
		if !present {
			out = append(out, name)
		}
	}
	need("A1", set(c.A1))
	need("A3", set(c.A2) || set(c.A3) || set(c.A4) || set(c.PCN) || set(c.PC))
	need("RD", set(c.RD) || set(c.LMK))
	need("HNO", set(c.HNO) || set(c.MP) || set(c.PN) || set(c.LMK))
	need("FLR", HasDetail(c))
	return out
}

// Candidate is an address near the one entered that has no fault of structure.
type Candidate struct {
	Address e911.Civic
	Changed []string // PIDF-LO names of the fields that differ from the address entered, in schema order
}

// Candidates is Checker.Candidates without a table: addresses that would be
// unverified instead of invalid, with the state and the country that the postal
// code names, or without the postal code.
func Candidates(c e911.Civic) []Candidate { return Checker{}.Candidates(c) }

// structural proposes what the structure alone tells.
func structural(n e911.Civic) []e911.Civic {
	var tries []e911.Civic
	if homes, _ := PostalStates(n.PC); n.PC != "" {
		for _, code := range homes {
			t := n
			t.A1, t.Country = code, countryOf(code, n.Country)
			tries = append(tries, t)
		}
	}
	if s, ok := StateOf(n.A1); ok {
		t := n
		t.Country = s.Country()
		tries = append(tries, t)
		t.PC, t.PCE = "", ""
		tries = append(tries, t)
	}
	return tries
}

func hasCandidate(list []Candidate, c e911.Civic) bool {
	for _, e := range list {
		if e.Address == c {
			return true
		}
	}
	return false
}

// Changed lists the PIDF-LO names of the fields whose text differs, in schema order.
func Changed(from, to e911.Civic) []string {
	var out []string
	for _, name := range e911.CivicFieldNames() {
		if from.Get(name) != to.Get(name) {
			out = append(out, name)
		}
	}
	return out
}
