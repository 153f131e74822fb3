package msag

import (
	"strings"
	"unicode"
)

// directions and suffixes go from the full word, folded, to the abbreviation.
var (
	directions = pairs(`
NORTH N SOUTH S EAST E WEST W NORTHEAST NE NORTHWEST NW SOUTHEAST SE SOUTHWEST SW
NORD N SUD S EST E OUEST W NORD-EST NE NORD-OUEST NW SUD-EST SE SUD-OUEST SW
N N S S E E W W NE NE NW NW SE SE SW SW`)

	// suffixes is appendix C1 of Publication 28, and of Canada Post's symbols
	// those that English addresses have besides.
	suffixes = pairs(`
ALLEY ALY ANNEX ANX ARCADE ARC AVENUE AVE BAYOU BYU BEACH BCH BEND BND BLUFF BLF BLUFFS BLFS BOTTOM BTM
BOULEVARD BLVD BRANCH BR BRIDGE BRG BROOK BRK BROOKS BRKS BURG BG BURGS BGS BYPASS BYP CAMP CP CANYON CYN
CAPE CPE CAUSEWAY CSWY CENTER CTR CENTERS CTRS CIRCLE CIR CIRCLES CIRS CLIFF CLF CLIFFS CLFS CLUB CLB
COMMON CMN COMMONS CMNS CORNER COR CORNERS CORS COURSE CRSE COURT CT COURTS CTS COVE CV COVES CVS CREEK CRK
CRESCENT CRES CREST CRST CROSSING XING CROSSROAD XRD CROSSROADS XRDS CURVE CURV DALE DL DAM DM DIVIDE DV
DRIVE DR DRIVES DRS ESTATE EST ESTATES ESTS EXPRESSWAY EXPY EXTENSION EXT EXTENSIONS EXTS FALL FALL FALLS FLS
FERRY FRY FIELD FLD FIELDS FLDS FLAT FLT FLATS FLTS FORD FRD FORDS FRDS FOREST FRST FORGE FRG FORGES FRGS
FORK FRK FORKS FRKS FORT FT FREEWAY FWY GARDEN GDN GARDENS GDNS GATEWAY GTWY GLEN GLN GLENS GLNS GREEN GRN
GREENS GRNS GROVE GRV GROVES GRVS HARBOR HBR HARBORS HBRS HAVEN HVN HEIGHTS HTS HIGHWAY HWY HILL HL HILLS HLS
HOLLOW HOLW INLET INLT ISLAND IS ISLANDS ISS ISLE ISLE JUNCTION JCT JUNCTIONS JCTS KEY KY KEYS KYS KNOLL KNL
KNOLLS KNLS LAKE LK LAKES LKS LAND LAND LANDING LNDG LANE LN LIGHT LGT LIGHTS LGTS LOAF LF LOCK LCK LOCKS LCKS
LODGE LDG LOOP LOOP MALL MALL MANOR MNR MANORS MNRS MEADOW MDW MEADOWS MDWS MEWS MEWS MILL ML MILLS MLS
MISSION MSN MOTORWAY MTWY MOUNT MT MOUNTAIN MTN MOUNTAINS MTNS NECK NCK ORCHARD ORCH OVAL OVAL OVERPASS OPAS
PARK PARK PARKWAY PKWY PASS PASS PASSAGE PSGE PATH PATH PIKE PIKE PINE PNE PINES PNES PLACE PL PLAIN PLN
PLAINS PLNS PLAZA PLZ POINT PT POINTS PTS PORT PRT PORTS PRTS PRAIRIE PR RADIAL RADL RAMP RAMP RANCH RNCH
RAPID RPD RAPIDS RPDS REST RST RIDGE RDG RIDGES RDGS RIVER RIV ROAD RD ROADS RDS ROUTE RTE ROW ROW RUE RUE
RUN RUN SHOAL SHL SHOALS SHLS SHORE SHR SHORES SHRS SKYWAY SKWY SPRING SPG SPRINGS SPGS SPUR SPUR SQUARE SQ
SQUARES SQS STATION STA STRAVENUE STRA STREAM STRM STREET ST STREETS STS SUMMIT SMT TERRACE TER
THROUGHWAY TRWY TRACE TRCE TRACK TRAK TRAFFICWAY TRFY TRAIL TRL TUNNEL TUNL TURNPIKE TPKE UNDERPASS UPAS
UNION UN UNIONS UNS VALLEY VLY VALLEYS VLYS VIADUCT VIA VIEW VW VIEWS VWS VILLAGE VLG VILLAGES VLGS VILLE VL
VISTA VIS WALK WALK WALL WALL WAY WAY WAYS WAYS WELL WL WELLS WLS`)

	directionWords = map[string]string{
		"N": "NORTH", "S": "SOUTH", "E": "EAST", "W": "WEST",
		"NE": "NORTHEAST", "NW": "NORTHWEST", "SE": "SOUTHEAST", "SW": "SOUTHWEST",
	}
	suffixWords = reverse(suffixes)
)

func pairs(text string) map[string]string {
	words := strings.Fields(text)
	m := make(map[string]string, len(words)/2)
	for i := 0; i+1 < len(words); i += 2 {
		m[words[i]] = words[i+1]
	}
	return m
}

func reverse(m map[string]string) map[string]string {
	out := make(map[string]string, len(m))
	for full, abbr := range m {
		out[abbr] = full
	}
	return out
}

// Key is the form in which words are looked up: folded, without dots.
func Key(s string) string {
	out, _, _ := Fold(s)
	return strings.ReplaceAll(out, ".", "")
}

// folds are the letters of English, French and Spanish names, and the signs that
// word processors put into addresses, in ASCII.
var folds = strings.NewReplacer(
	"À", "A", "Á", "A", "Â", "A", "Ã", "A", "Ä", "A", "Å", "A", "Æ", "AE", "Ç", "C",
	"È", "E", "É", "E", "Ê", "E", "Ë", "E", "Ì", "I", "Í", "I", "Î", "I", "Ï", "I", "Ñ", "N",
	"Ò", "O", "Ó", "O", "Ô", "O", "Õ", "O", "Ö", "O", "Ø", "O", "Œ", "OE", "Ù", "U", "Ú", "U", "Û", "U", "Ü", "U",
	"Ý", "Y", "Ÿ", "Y", "Ā", "A", "Ē", "E", "Ī", "I", "Ō", "O", "Ū", "U", "Č", "C", "Š", "S", "Ž", "Z", "Ł", "L",
	"ß", "SS", "ẞ", "SS",
	"\u0300", "", "\u0301", "", "\u0302", "", "\u0303", "", "\u0304", "", "\u0308", "", "\u030a", "", "\u0327", "",
	"‘", "'", "’", "'", "´", "'", "ʻ", "'", "“", "\"", "”", "\"",
	"‐", "-", "‑", "-", "–", "-", "—", "-", "\u00a0", " ",
	"½", "1/2", "¼", "1/4", "¾", "3/4", "№", "NO", "º", "", "ª", "", "°", "",
)

// Fold writes s in capital letters of ASCII with single spaces. exact is false
// when more than the case was changed, ok is false when something of s is
// missing in the result because ASCII has nothing like it.
func Fold(s string) (out string, exact, ok bool) {
	upper := strings.ToUpper(join(s))
	folded := folds.Replace(upper)
	ok = true
	out = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || unicode.IsControl(r) {
			ok = false
			return -1
		}
		return r
	}, folded)
	out = join(out)
	return out, out == upper, ok
}
