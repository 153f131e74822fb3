package civic

import (
	"strings"
	"unicode"

	"github.com/callbox911/callbox/internal/e911"
)

// MaxText is the number of bytes of free text that Parse reads; nobody's
// address is longer.
const MaxText = 1000

// Hint is what is known about free text beside the text.
type Hint struct {
	Country  string // "US" or "CA"; empty lets the text decide
	Language string // "fr" makes directionals and types French; else the province decides
	Postal   Postal // tells where the city begins; nil: the words alone decide
}

// Kind tells what free text turned out to be.
type Kind uint8

// The kinds of address.
const (
	KindNone         Kind = iota // nothing that is an address
	KindStreet                   // a street, with or without a house number
	KindIntersection             // two streets; Address has the first and Cross the second
	KindPlace                    // a named place, or only a city
	KindMailbox                  // a post office box or a rural route: nobody can be sent to it
	KindMilitary                 // a military or diplomatic mail address (APO, FPO, DPO)
	KindForeign                  // it names a country outside the United States and Canada; Address has its country alone
)

var kindWords = [...]string{"none", "street", "intersection", "place", "mailbox", "military", "foreign"}

// String returns the word in lower case.
func (k Kind) String() string {
	if int(k) < len(kindWords) {
		return kindWords[k]
	}
	return "none"
}

// Parsed is an address read from free text.
type Parsed struct {
	Kind    Kind
	Address e911.Civic // canonical as from Normalize; Country is set where the text or the state tells it
	Cross   e911.Civic // the second street of an intersection (street fields only)
}

// Parse reads an address as people write it in the United States and Canada, in
// English or French, on one line or several, into the fields of CLDXF. What it
// cannot place stands in NAM (before the number) or LOC (behind the street),
// never nowhere; notes tell of it. Control characters are taken as spaces,
// direction marks and other invisible characters as nothing, with a note;
// full-width letters as plain ones. MaxText bounds the time whatever the words
// are.
func Parse(text string, hint Hint) (Parsed, []Note) {
	if len(text) > MaxText {
		return Parsed{}, []Note{{Text: "The text is longer than any address and was not read."}}
	}
	p := parser{hint: hint, french: strings.HasPrefix(strings.ToLower(hint.Language), "fr")}
	if !clean(lineEnds.Replace(text)) {
		p.note("", "Control characters or direction marks were removed.")
		text = strings.Map(func(r rune) rune {
			switch {
			case r == '\n' || r == '\r' || !unfit(r):
				return r
			case unicode.Is(unicode.Cf, r): // invisible, inside a word too
				return -1
			}
			return ' '
		}, strings.ToValidUTF8(text, " "))
	}
	if pictures(text) {
		p.note("", "The text holds pictures or private characters.")
	}
	text = plainWidth(text)
	p.c.Country = strings.ToUpper(hint.Country)
	all := tokens(text)
	if code := foreignCountry(all); code != "" {
		p.c = e911.Civic{Country: code}
		p.kind = KindForeign
		p.note("country", "The address is in a country that is not served: only the United States and Canada are.")
		return Parsed{Kind: KindForeign, Address: p.c}, p.notes
	}
	t := unglue(p.tail(all))
	if s, ok := StateOf(p.c.A1); ok && s.FIPS == "" || PostalForm(p.c.PC) == "CA" {
		p.inCanada = true
	}
	if p.c.A1 == "QC" || p.c.Country == "CA" && len(t) > 0 && p.frenchStart(t) {
		p.french = true
	}
	p.body(t)
	return p.finish()
}

// lineEnds are the control characters that an address of several lines has.
var lineEnds = strings.NewReplacer("\n", "", "\r", "", "\t", "")

type parser struct {
	hint     Hint
	french   bool
	c        e911.Civic
	cross    e911.Civic
	kind     Kind
	notes    []Note
	tailed   bool   // a state or a postal code stood at the end
	asCity   string // the state as written; the name of a city too in New York, Québec and Washington
	split    bool   // a comma stood before the state
	inCanada bool   // the province or the postal code tells
	posted   bool   // a milepost stands first, instead of a house number
	placed   bool   // the city is known and gone; tailed and split are false then
}

func (p *parser) note(field, text string) { p.notes = append(p.notes, Note{Field: field, Text: text}) }

// frenchStart reports a French type where the street begins.
func (p *parser) frenchStart(t []token) bool {
	for i := 0; i < len(t) && i < 4; i++ {
		k := t[i].key()
		if _, ok := frenchTypes[k]; ok && i+1 < len(t) && !t[i].comma {
			switch k {
			case "RUE", "CHEMIN", "CH", "BOUL", "MONTEE", "RANG", "COTE", "ALLEE", "IMPASSE", "RUELLE":
				return true
			case "AVENUE", "AV", "BOULEVARD", "PLACE", "ROUTE", "PROMENADE":
				return i <= 1 && !directions.has(t[i+1].key()) && len(t[i+1].text) > 2
			}
		}
	}
	return false
}

func (p *parser) finish() (Parsed, []Note) {
	if p.c.A3 == "" && p.c.PC == "" && p.c.RD != "" && len(p.asCity) > 3 {
		switch p.c.A1 {
		case "NY", "QC":
			p.c.A3 = p.asCity
		case "WA":
			p.c.A3, p.c.A1 = p.asCity, ""
			p.note("A1", "The city is named and the state is not.")
		}
	}
	c, notes := Normalize(p.c)
	notes = append(p.notes, notes...)
	if p.kind == KindNone {
		switch {
		case c.RD != "":
			p.kind = KindStreet
		case c.A3 != "" || c.LMK != "" || c.BLD != "" || c.NAM != "" || c.A1 != "" || c.PC != "":
			p.kind = KindPlace
		}
	}
	if p.kind == KindMailbox {
		notes = append(notes, Note{Field: "POBOX", Text: "A post office box or rural route is for mail; nobody can be sent to it."})
	}
	if p.kind == KindMilitary {
		notes = append(notes, Note{Field: "A1", Text: "A military mail address is for mail; nobody can be sent to it."})
	}
	if p.kind == KindIntersection {
		notes = append(notes, Note{Field: "RD", Text: "An intersection has no house number."})
	}
	if c.HNO != "" && (!allDigits(c.HNO) || strings.Trim(c.HNO, "0") == "") {
		notes = append(notes, Note{Field: "HNO", Text: "The house number is not a positive whole number."})
	}
	return Parsed{Kind: p.kind, Address: c, Cross: p.cross}, notes
}

// intersection reports an address that names two streets instead of a number.
func intersection(c e911.Civic) bool {
	if set(c.HNO) {
		return false
	}
	return strings.ContainsAny(c.RD, "&@") || strings.Contains(c.RD, " / ")
}

// streetFields copies the street alone.
func streetFields(c e911.Civic) e911.Civic {
	return e911.Civic{PRM: c.PRM, PRD: c.PRD, STP: c.STP, STPS: c.STPS, RD: c.RD, STS: c.STS, POD: c.POD, POM: c.POM}
}
