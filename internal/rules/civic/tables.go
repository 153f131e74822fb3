package civic

import "strings"

// wordTable maps upper-case forms without dots to the word spelled out.
type wordTable map[string]string

// find looks a word up whatever its case and dots.
func (t wordTable) find(w string) (string, bool) {
	var room [48]byte
	for _, c := range []byte(w) {
		if c >= 0x80 || len(w) > len(room) {
			full, ok := t[key(w)]
			return full, ok
		}
	}
	w = strings.Trim(w, around)
	k := room[:0]
	for i := range len(w) {
		switch c := w[i]; {
		case c == '.':
		case c >= 'a' && c <= 'z':
			k = append(k, c-'a'+'A')
		default:
			k = append(k, c)
		}
	}
	full, ok := t[string(k)] // no copy is made
	return full, ok
}

// of looks a token up.
func (t wordTable) of(w token) (string, bool) {
	full, ok := t[w.key()]
	return full, ok
}

// around are the signs that are no part of a word.
const around = ".,;:()[]"

// key is the form that the tables are indexed by: upper case, no dots at all
// ("N.W." is "NW"), no commas or brackets around, no accents.
func key(w string) string {
	w = strings.Trim(w, around)
	plain := true
	for i := 0; i < len(w); i++ {
		if c := w[i]; c == '.' || c >= 'a' && c <= 'z' || c >= 0x80 {
			plain = false
			break
		}
	}
	if plain {
		return w
	}
	return strings.ToUpper(strings.ReplaceAll(unaccent(w), ".", ""))
}

// table reads lines of a full form and its other forms; the forms may be
// several words joined by "_".
func table(text string) wordTable {
	t := wordTable{}
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		full := strings.ReplaceAll(fields[0], "_", " ")
		t[key(full)] = full
		for _, form := range fields[1:] {
			t[key(strings.ReplaceAll(form, "_", " "))] = full
		}
	}
	return t
}

// directions are the directionals (Publication 28, appendix B).
var directions = table(`
North N NO NTH
South S SO STH
East E
West W
Northeast NE NORTH-EAST
Northwest NW NORTH-WEST
Southeast SE SOUTH-EAST
Southwest SW SOUTH-WEST
`)

// frenchDirections count where the address is in French; O is Ouest there.
var frenchDirections = table(`
Nord N
Sud S
Est E
Ouest O W
Nord-Est NE
Nord-Ouest NO NW
Sud-Est SE
Sud-Ouest SO SW
`)

// streetTypes are the types that follow a street's name: the suffixes of
// Publication 28, appendix C1, with their commonly used forms, and those that
// Canada Post and NENA's registry of street types have besides.
var streetTypes = table(`
Alley ALLEE ALLY ALY
Annex ANEX ANNX ANX
Arcade ARC
Avenue AV AVE AVEN AVENU AVN AVNUE
Bayou BAYOO BYU
Beach BCH
Bend BND
Bluff BLF BLUF
Bluffs BLFS
Bottom BOT BOTTM BTM
Boulevard BLVD BOUL BOULV BLV BVD
Branch BR BRNCH
Bridge BRDGE BRG
Brook BRK
Brooks BRKS
Burg BG
Burgs BGS
Bypass BYP BYPA BYPAS BYPS
Camp CMP CP
Canyon CANYN CNYN CYN
Cape CPE
Causeway CAUSWAY CSWY
Center CEN CENT CENTR CENTRE CNTER CNTR CTR
Centers CTRS
Circle CIR CIRC CIRCL CRCL CRCLE
Circles CIRS
Cliff CLF
Cliffs CLFS
Club CLB
Common CMN
Commons CMNS
Corner COR
Corners CORS
Course CRSE
Court CRT CT
Courts CTS
Cove CV
Coves CVS
Creek CK CR CRK
Crescent CRECENT CRES CRESENT CRSCNT CRSENT CRSNT
Crest CRST
Crossing CRSSING CRSSNG XING
Crossroad XRD
Crossroads XRDS
Curve CURV
Dale DL
Dam DM
Divide DIV DV DVD
Drive DR DRIV DRV
Drives DRS
Estate EST
Estates ESTS
Expressway EXP EXPR EXPRESS EXPW EXPY EXPWY
Extension EXT EXTN EXTNSN
Extensions EXTS
Fall
Falls FLS
Ferry FRRY FRY
Field FLD
Fields FLDS
Flat FLT
Flats FLTS
Ford FRD
Fords FRDS
Forest FORESTS FRST
Forge FORG FRG
Forges FRGS
Fork FRK
Forks FRKS
Fort FRT FT
Freeway FREEWY FRWAY FRWY FWY
Garden GARDN GDN GRDEN GRDN
Gardens GDNS GRDNS
Gateway GATEWY GATWAY GTWAY GTWY
Glen GLN
Glens GLNS
Green GRN
Greens GRNS
Grove GROV GRV
Groves GRVS
Harbor HARB HARBR HBR HRBOR HARBOUR
Harbors HBRS
Haven HAVN HVN
Heights HEIGHT HGTS HT HTS
Highway HIGHWY HIWAY HIWY HWAY HWY HGHWY HGWY
Hill HL
Hills HLS
Hollow HLLW HOLLOWS HOLW HOLWS
Inlet INLT
Island IS ISLND
Islands ISLNDS ISS
Isle ISLES
Junction JCT JCTION JCTN JUNCTN JUNCTON
Junctions JCTNS JCTS
Key KY
Keys KYS
Knoll KNL KNOL
Knolls KNLS
Lake LK
Lakes LKS
Land
Landing LNDG LNDNG
Lane LA LANES LN
Light LGT
Lights LGTS
Loaf LF
Lock LCK
Locks LCKS
Lodge LDG LDGE LODG
Loop LOOPS LP
Mall
Manor MNR
Manors MNRS
Meadow MDW
Meadows MDWS MEDOWS
Mews
Mill ML
Mills MLS
Mission MISSN MSN MSSN
Motorway MTWY
Mount MNT MT
Mountain MNTAIN MNTN MOUNTIN MTIN MTN
Mountains MNTNS MTNS
Neck NCK
Orchard ORCH ORCHRD
Oval OVL
Overpass OPAS
Park PK PRK PARKS
Parkway PARKWY PKWAY PKWY PKY PARKWAYS PKWYS
Pass
Passage PSGE
Path PATHS
Pike PIKES
Pine PNE
Pines PNES
Place PL
Plain PLN
Plains PLAINES PLNS
Plaza PLZ PLZA
Point PT
Points PTS
Port PRT
Ports PRTS
Prairie PR PRARIE PRR
Radial RAD RADIEL RADL
Ramp
Ranch RANCHES RNCH RNCHS
Rapid RPD
Rapids RPDS
Rest RST
Ridge RDG RDGE
Ridges RDGS
River RIV RIVR RVR
Road RD
Roads RDS
Route RTE RT
Row
Rue
Run
Shoal SHL
Shoals SHLS
Shore SHOAR SHR
Shores SHOARS SHRS
Skyway SKWY
Spring SPG SPNG SPRNG
Springs SPGS SPNGS SPRNGS
Spur SPURS
Square SQ SQR SQRE SQU
Squares SQRS SQS
Station STA STATN STN
Stravenue STRA STRAV STRAVE STRAVEN STRAVN STRVN STRVNUE
Stream STREME STRM
Street ST STR STREE STRT
Streets STS
Summit SMT SUMIT SUMITT
Terrace TER TERR
Throughway TRWY
Trace TRACES TRCE
Track TRACKS TRAK TRK TRKS
Trafficway TRFY
Trail TR TRAILS TRL TRLS
Tunnel TUNEL TUNL TUNLS TUNNELS TUNNL
Turnpike TPK TPKE TRNPK TRPK TURNPK
Underpass UPAS
Union UN
Unions UNS
Valley VALLY VLLY VLY
Valleys VLYS
Viaduct VDCT VIA VIADCT
View VW
Views VWS
Village VILL VILLAG VILLG VILLIAGE VLG
Villages VLGS
Ville VL
Vista VIS VIST VST VSTA
Walk WALKS WK
Wall
Way WY
Ways
Well WL
Wells WLS
Acres ACRS
Bay
Chase
Close
Concession CONC
Connector CONN
Cutoff CTOFF
Downs
Driveway DRWY
End
Farm
Farms
Frontage_Road
Gate GT
Grade
Gulch
Turn
Grounds
Heath
Line
Link
Lookout LKOUT
Parade
Promenade PROM
Quay
Rise
Sideroad SDRD SIDERD
Subdivision SUBDIV
Townline TLINE
Trace
Wharf
Woods WDS
Wynd
Cut
Dell
Esplanade ESPL
Thicket THICK
Pathway PTWAY
Private PVT
Market MKT
`)

// frenchTypes are the types that stand before a street's name in French
// (Canada Post, Addressing Guidelines; Commission de toponymie du Québec).
var frenchTypes = table(`
Allée
Autoroute AUT
Avenue AV AVE
Boulevard BOUL BLVD BD BOULV
Carré CAR
Carrefour CARREF
Cercle
Chemin CH CHEM
Cité
Côte
Cour
Cours
Croissant CROIS CRT
Échangeur ÉCH
Esplanade ESPL
Impasse IMP
Jardin JARD
Mail
Montée MTÉE
Parc
Passage PASS
Place PL
Plateau
Pont
Promenade PROM
Quai
Rampe
Rang RG
Ring
Rond-point
Route RTE RT
Rue R
Ruelle
Sentier SENT
Square SQ
Terrasse TSSE
Traverse
Voie
`)

// preTypes stand before the name outside French: Spanish and French types of
// the United States (NENA registry of street types).
var preTypes = table(`
Alameda
Avenida AVDA
Calle CLL
Caminito
Camino
Cerrada
Circulo
Corte
Cour
Paseo
Placita
Rue
Sendero
Vereda
Via
`)

// weakTypes are the suffixes that are as often a part of the name, or of a
// place's name, as a type. They count as a type only where nothing better
// follows.
var weakTypes = set1(`Annex Bay Beach Bluff Bluffs Bottom Branch Bridge Brook Brooks Burg Burgs Camp Canyon
Cape Center Centers Club Common Commons Corner Corners Course Creek Crest Crossroad Crossroads Dale Dam Divide Downs End Estate Estates
Fall Falls Farm Farms Ferry Field Fields Flat Flats Ford Fords Forest Forge Forges Fork Forks Fort Garden Gardens Gate Glen Glens
Green Greens Grounds Grove Groves Harbor Harbors Haven Heath Heights Hill Hills Hollow Inlet Island Islands Isle Junction Junctions
Key Keys Knoll Knolls Lake Lakes Land Landing Light Lights Line Link Loaf Lock Locks Lodge Mall Manor Manors Meadow Meadows
Mill Mills Mission Mount Mountain Mountains Neck Orchard Park Pine Pines Plain Plains Point Points Port Ports Prairie
Private Ranch Rapid Rapids Rest Ridge Ridges Rise River Shoal Shoals Shore Shores Spring Springs Station Stream Summit
Union Unions Valley Valleys View Views Village Villages Ville Vista Wall Well Wells Woods Market Acres Trailer Extension Extensions
Passage Cut Dell Rue Viaduct Radial Bend Trace Row Gateway Subdivision Close Chase Parade Private Plaza`)

// set1 reads a set of words.
func set1(text string) map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(text) {
		m[w] = true
	}
	return m
}

// unitTypes are the secondary unit designators (Publication 28, appendix C2).
var unitTypes = table(`
Apartment APT APMT APARTMENTS APTS APPT APPARTEMENT APP
Basement BSMT SOUS-SOL
Building BLDG BLD BLG BLDNG ÉDIFICE ÉDIF
Department DEPT DPT
Floor FL FLR FLOO FLOORS FLRS ÉTAGE
Front FRNT
Hangar HNGR HANGER
Level LVL LEV NIVEAU
Lobby LBBY
Lot
Lower LOWR
Office OFC OFF BUREAU BUR
Penthouse PH
Pier
Rear
Room RM RMS SALLE
Side
Slip
Space SPC SP
Stop
Suite STE SUIT STES SUITES
Trailer TRLR
Unit UN UNITS UNITÉ
Upper UPPR
Wing AILE
Tower TWR TOUR
Wards WARD
Flat
Studio
Villa
Cottage
Dorm DORMITORY
Hut
Bay
Box
Drawer
Mailstop MS M/S MSC MC M/C
Mailbox MB
File
Bin
PMB
Number NO NUM
Seat
Cubicle CUBE
Desk
`)

// alone are the designators that need no number after them (Publication 28,
// appendix C2, "does not require secondary range").
var alone = set1(`Basement Front Lobby Lower Office Penthouse Rear Side Upper`)

// stateForms are the other forms of states' and provinces' names (Publication
// 28, appendix B, and older usage).
var stateForms = table(`
AL ALA
AK ALAS
AZ ARIZ
CO COLO COL
AR ARK
CA CALIF CAL
CT CONN
DE DEL
DC D_C
FL FLA FLOR
ID IDA
IL ILL ILLS
IN IND
KS KANS KAN
KY KEN KENT
MA MASS
MI MICH
MN MINN
MS MISS
MT MONT
NE NEBR NEB
NV NEV
NM N_MEX NEW_M N_M
NY N_Y
NJ N_J
NH N_H
NC N_C
ND N_DAK N_D
SC S_C
SD S_DAK S_D
RI R_I
WV W_VA W_V
OK OKLA
OR OREG ORE
PA PENN PENNA
TN TENN
TX TEX
VT VERM
WA WASH
WI WIS WISC
WY WYO
AB ALTA ALB
BC B_C
MB MAN
NL NFLD NF
ON ONT
PE PEI
QC QUE QUÉBEC PQ
SK SASK
YT YUKON_TERRITORY
NB NOUVEAU-BRUNSWICK
NS NOUVELLE-ÉCOSSE
`)

// ordinalWords are the ordinals that streets are named by.
var ordinalWords = wordNumbers("FIRST SECOND THIRD FOURTH FIFTH SIXTH SEVENTH EIGHTH NINTH TENTH ELEVENTH TWELFTH " +
	"THIRTEENTH FOURTEENTH FIFTEENTH SIXTEENTH SEVENTEENTH EIGHTEENTH NINETEENTH TWENTIETH")

// numberWords are the cardinals that house numbers and streets are written with.
var numberWords = wordNumbers("ONE TWO THREE FOUR FIVE SIX SEVEN EIGHT NINE TEN ELEVEN TWELVE THIRTEEN FOURTEEN " +
	"FIFTEEN SIXTEEN SEVENTEEN EIGHTEEN NINETEEN TWENTY")

func wordNumbers(text string) map[string]int {
	m := map[string]int{}
	for i, w := range strings.Fields(text) {
		m[w] = i + 1
	}
	return m
}
