package ladder

import (
	"cmp"
	"iter"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
)

// Flags of a rung.
const (
	FlagMayBeWrong = "location_may_be_wrong" // a site's trunk for a caller who may be elsewhere (F-03)
	FlagNotSetUp   = "site_not_set_up"       // the E911 path although a gate blocks it (F-24)
	FlagAbroad     = "abroad"                // outside the countries that are served (F-35)
)

// Carry says which number a rung gives the PSAP.
type Carry int

// The numbers, the plainest first. Convey falls back to the callback.
const (
	CarryCallback Carry = iota
	CarryECBN           // the emergency callback number of the site whose trunk it is
	CarryELIN           // the confirmed number of the location, else as CarryECBN or the callback
	CarryLine           // the caller's own number: abroad no callback of ours is reached
)

// String is the word of a record.
func (c Carry) String() string { return [...]string{"callback", "ecbn", "elin", "line"}[c] }

// Site is one of an organisation's sites, as a ladder needs it.
type Site struct {
	ID      e911.SiteID
	Name    string
	Local   []e911.TrunkID
	ECBN    e911.Number
	Mode    e911.SiteMode
	Stage   e911.Stage
	Country string // two letters, of its buildings; none: not known
}

// Caller is what decides the order besides the place and what is configured for
// all. The zero Caller is of nobody's site, in an organisation that is live.
type Caller struct {
	State e911.OrgState
	// Test is a 933: it tests what a 911 call would do, at stage 933 the E911 path.
	Test bool
	Here *Site // where the device is; nil: at none of ours, or not located
	Home *Site // of the line; nil: not known
	// Sites lists those with trunks of their own.
	Sites iter.Seq[Site]
	// Away: the caller is known or suspected not to be at Here, or at Home where
	// nothing located him.
	Away bool
	// Moved: the device is known to be in another building than the address of its
	// number (F-20).
	Moved    bool
	Nomadic  bool   // of a class that moves (F-22)
	Language string // of the caller, two letters; none: not known
}

// Gate is what keeps a call from the E911 path (F-24).
type Gate string

// The gates, beside the states of an organisation.
const (
	GateNone    Gate = ""
	GateTN      Gate = "tn_mode" // W-01
	GateStage   Gate = "stage"   // W-29
	GateCountry Gate = "country" // W-45
)

// notSetUp reports a gate behind which the E911 path is not meant to be used.
func (g Gate) notSetUp() bool { return g != GateNone && g != GateTN && g != GateCountry }

// ofOrg reports a gate of the whole organisation, wherever its devices are.
func (g Gate) ofOrg() bool { return g != GateNone && g != GateTN && g != GateStage && g != GateCountry }

// gateOf is the first gate before a call: that of its organisation, then those of
// the site of its line (W-32: enabling applies to its users wherever they are).
func gateOf(in *Input, country string) Gate {
	who := &in.Caller
	site := cmp.Or(who.Home, who.Here)
	switch {
	case !who.State.Live():
		return Gate(who.State)
	case site == nil:
		return GateNone
	case !Served(cmp.Or(site.Country, "US")) && (!in.Located || !Served(country)):
		return GateCountry
	case site.Stage == e911.StageNone || site.Stage == e911.Stage933 && !who.Test:
		return GateStage
	case site.Mode == e911.ModeTN:
		return GateTN
	}
	return GateNone
}

// holds reports a gate that puts the site's own trunk first. It does not where the
// device is known to be somewhere else (F-20, F-03).
func holds(in *Input, g Gate) bool {
	who := &in.Caller
	switch {
	case who.Away || who.Moved:
		return false
	case !in.Located:
		return true
	case who.Here == nil:
		return false
	}
	return g.ofOrg() || who.Home == nil || who.Home.ID == who.Here.ID
}

// group is one part of a ladder.
type group string

const (
	groupPSAP       group = "psap"       // routes of the place
	groupCarriers   group = "carriers"   // the organisation's, for any place
	groupAlternates group = "alternates" // by agreement
	groupLocal      group = "local"      // trunks of the site where the device is
	groupRelay      group = "relay"
	groupOther      group = "other" // whom our own layer has against the authority
	groupHome       group = "home"  // trunks of the line's site
	groupAny        group = "any"   // trunks of any site: better than nobody
)

// The ladders, by country and class of device (design 2.3).
var (
	ordinary    = []group{groupPSAP, groupCarriers, groupAlternates, groupLocal, groupRelay, groupOther, groupHome}
	unlocated   = []group{groupRelay, groupCarriers, groupHome}
	canadaFixed = []group{groupLocal, groupPSAP, groupCarriers, groupAlternates, groupRelay, groupOther, groupHome}
	canadaMoves = []group{groupRelay, groupPSAP, groupCarriers, groupAlternates, groupLocal, groupOther, groupHome}
	elsewhere   = []group{groupLocal, groupPSAP, groupRelay, groupCarriers, groupAlternates, groupOther, groupHome}
)

func orderOf(country string, nomadic, located bool) []group {
	switch {
	case !located:
		return unlocated
	case country == "CA" && nomadic:
		return canadaMoves
	case country == "CA":
		return canadaFixed
	case !Served(country):
		return elsewhere
	}
	return ordinary
}

// countryOf is that of the place, else of the caller's site; none: not known.
func countryOf(in *Input) string {
	if c := country(in.Country); c != "" || in.Located {
		return c
	}
	if h := in.Caller.Home; h != nil {
		return country(h.Country)
	}
	return ""
}

// country writes the territories of the United States, which have codes of their
// own (ISO 3166-1), as it.
func country(c string) string {
	c = strings.ToUpper(strings.TrimSpace(c))
	switch c {
	case "PR", "VI", "GU", "AS", "MP", "UM":
		return "US"
	}
	return c
}

// Served reports a country in which the E911 path is offered (N-36). What is not
// known is taken for one: the relay centre finds out.
func Served(c string) bool {
	c = country(c)
	return c == "" || c == "US" || c == "CA"
}

// RelayFor is the relay centre that a caller in a country (ISO 3166-1; empty: not
// known) who speaks a language (empty: not known) reaches first; false when none
// takes him.
func RelayFor(all []e911.PSAP, in, language string) (e911.PSAP, bool) {
	list := relaysFor(all, country(in), language)
	if len(list) == 0 {
		return e911.PSAP{}, false
	}
	return list[0], true
}

// relaysFor orders the relay centres for a caller in a country: those that name
// it, that of any country, then others; of equals those that speak his language.
// For Canada the last are left out (F-22): they cannot reach its PSAPs.
func relaysFor(all []e911.PSAP, country, language string) []e911.PSAP {
	country = cmp.Or(country, "US")
	rank := func(p e911.PSAP) int {
		switch {
		case slices.Contains(p.Countries, country):
			return 0
		case len(p.Countries) == 0:
			return 1
		}
		return 2
	}
	speaks := func(p e911.PSAP) int {
		if language != "" && slices.Contains(p.Languages, language) {
			return 0
		}
		return 1
	}
	list := slices.DeleteFunc(slices.Clone(all), func(p e911.PSAP) bool { return country == "CA" && rank(p) == 2 })
	slices.SortStableFunc(list, func(a, b e911.PSAP) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(speaks(a), speaks(b)))
	})
	return list
}

// numbers are the emergency numbers of countries where 112 does not reach an
// ambulance from every fixed line. Everywhere else it does (ITU-T E.161.1).
var numbers = map[string]string{
	"": "911", "US": "911", "CA": "911", "MX": "911",
	"GB": "999", "IE": "999", "HK": "999", "MY": "999", "SG": "995",
	"AU": "000", "NZ": "111", "JP": "119", "KR": "119", "TW": "119", "CN": "120", "TH": "1669", "VN": "115", "PH": "911",
}

func emergencyNumber(c string) string {
	if n, ok := numbers[c]; ok {
		return n
	}
	return "112"
}
