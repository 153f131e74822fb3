package civic

import "strings"

// served are the countries that addresses are read in.
func served(code string) bool { return code == "US" || code == "CA" }

// countries are the names of countries outside the United States and Canada, as
// people write them, with their ISO 3166-1 codes: neighbours, and those that
// calls are made from most. Codes stand for themselves in a structured address.
var countries = table(`
MX MEXICO MÉXICO ESTADOS_UNIDOS_MEXICANOS
GB UK UNITED_KINGDOM GREAT_BRITAIN ENGLAND SCOTLAND WALES NORTHERN_IRELAND
DE GERMANY DEUTSCHLAND ALLEMAGNE
FR FRANCE
ES SPAIN ESPAÑA ESPAGNE
PT PORTUGAL
IT ITALY ITALIA ITALIE
IE IRELAND ÉIRE IRLANDE
NL NETHERLANDS THE_NETHERLANDS HOLLAND NEDERLAND
BE BELGIUM BELGIQUE BELGIË
LU LUXEMBOURG
CH SWITZERLAND SCHWEIZ SUISSE SVIZZERA
AT AUSTRIA ÖSTERREICH
DK DENMARK DANMARK
NO NORWAY NORGE
SE SWEDEN SVERIGE
FI FINLAND SUOMI
IS ICELAND ÍSLAND
PL POLAND POLSKA
CZ CZECHIA CZECH_REPUBLIC
HU HUNGARY MAGYARORSZÁG
RO ROMANIA
GR GREECE
TR TURKEY TÜRKIYE
UA UKRAINE
RU RUSSIA RUSSIAN_FEDERATION
IL ISRAEL
AE UNITED_ARAB_EMIRATES UAE
SA SAUDI_ARABIA
EG EGYPT
ZA SOUTH_AFRICA
NG NIGERIA
KE KENYA
IN INDIA BHARAT
PK PAKISTAN
BD BANGLADESH
CN CHINA PEOPLES_REPUBLIC_OF_CHINA
HK HONG_KONG
TW TAIWAN
JP JAPAN NIPPON
KR SOUTH_KOREA REPUBLIC_OF_KOREA KOREA
PH PHILIPPINES THE_PHILIPPINES PILIPINAS
VN VIETNAM VIET_NAM
TH THAILAND
MY MALAYSIA
SG SINGAPORE
ID INDONESIA
AU AUSTRALIA
NZ NEW_ZEALAND AOTEAROA
BR BRAZIL BRASIL
AR ARGENTINA
CL CHILE
CO COLOMBIA
PE PERU PERÚ
VE VENEZUELA
EC ECUADOR
BO BOLIVIA
UY URUGUAY
PY PARAGUAY
CR COSTA_RICA
PA PANAMA PANAMÁ
GT GUATEMALA
HN HONDURAS
SV EL_SALVADOR
NI NICARAGUA
BZ BELIZE
CU CUBA
DO DOMINICAN_REPUBLIC REPÚBLICA_DOMINICANA
HT HAITI HAÏTI
JM JAMAICA
BS BAHAMAS THE_BAHAMAS
TT TRINIDAD_AND_TOBAGO
BB BARBADOS
BM BERMUDA
`)

// homonyms are countries that are places in the United States too. They are
// countries only behind a street and a city, each with its comma.
var homonyms = set1(`MEXICO PERU CUBA LEBANON POLAND NORWAY DENMARK SWEDEN HOLLAND JAMAICA CHINA BRAZIL PANAMA WALES SCOTLAND CHILE TURKEY ISRAEL ENGLAND IRELAND
EGYPT FINLAND BELGIUM SPAIN ITALY FRANCE GREECE INDIA LUXEMBOURG UKRAINE RUSSIA BERMUDA COLOMBIA AUSTRIA VENEZUELA ECUADOR BOLIVIA GUATEMALA HONDURAS`)

// territories of the United States have country codes of their own.
var territories = set1("PR GU VI AS MP")

// countryCode finds the ISO code of a country by its name or, in a structured
// address, by the code itself.
func countryCode(s string) (string, bool) {
	code, ok := countries.find(strings.Trim(s, " .,"))
	return code, ok
}

// foreignCountry finds the country outside the United States and Canada that an
// address ends in. A state's name is the state: Georgia is one, but behind a
// city of the country.
func foreignCountry(t []token) string {
	n := len(t)
	for words := min(4, n-1); words >= 1; words-- {
		at := n - words
		name := join(t[at:])
		code, ok := countryCode(name)
		if !ok || words == 1 && len(key(name)) == 2 && !strings.EqualFold(name, "UK") {
			continue // two letters are a state before they are a country
		}
		prev := t[at-1]
		commas := 0
		for _, w := range t[:at] {
			if w.comma {
				commas++
			}
		}
		switch {
		case homonyms[key(name)] && (commas < 2 || !prev.comma || stateThere(t[:at])):
			if !homonymAlone[key(name)] || n < 5 || nameGoesOn(prev) || stateThere(t[:at]) {
				continue
			}
		case !prev.comma && (n < 4 || nameGoesOn(prev)):
			continue
		}
		return code
	}
	if n > 2 && t[n-1].key() == "GEORGIA" {
		switch t[n-2].key() {
		case "TBILISI", "BATUMI", "KUTAISI":
			return "GE"
		}
	}
	return ""
}

// homonymAlone are those that also stand without a comma: nobody ends an address
// of the United States in them.
var homonymAlone = set1("ENGLAND SCOTLAND")

// stateThere reports a state's code or name as the last word before the country
// ("Cuba, NY, ...") with a postal code of the United States or without.
func stateThere(t []token) bool {
	n := len(t)
	for n > 0 && t[n-1].digits() && (len(t[n-1].text) == 5) {
		n--
	}
	if n == 0 {
		return false
	}
	code, ok := stateCode(t[n-1].text)
	return ok && code != "BC" && n < len(t) // Tijuana is in Baja California
}

// nameGoesOn reports a word that a street's or a city's name goes on after, so
// that what follows is no country ("Rue de France", "New Mexico").
func nameGoesOn(w token) bool {
	switch w.key() {
	case "OF", "DE", "NEW", "DU", "LA", "RUE", "THE", "OLD", "LITTLE":
		return true
	}
	return !w.comma && (w.strong() || w.hasUnitType() || w.direction(directions))
}
