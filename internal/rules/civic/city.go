package civic

// cityWords guesses how many words at the end are the city; the street keeps one.
func (p *parser) cityWords(t []token) int {
	n := len(t)
	keep := 1
	if n > 1 && t[0].direction(p.dirs()) {
		keep = 2
	}
	words := 1
	if n-words > keep && cityEnds[t[n-1].key()] {
		words++
	}
	for words < 3 && n-words > keep && cityStarts[t[n-words-1].key()] {
		words++
	}
	return max(0, min(words, n-keep))
}

// cityEnds are last words that a city's name of two words has.
var cityEnds = set1(`CITY PARK BEACH SPRINGS FALLS HEIGHTS HILLS HILL ISLAND RAPIDS GROVE VILLAGE LAKE LAKES VALLEY FOREST RANCH OAKS
OAK PRAIRIE PLAINES PLAINS POINT BLUFF BLUFFS ROCK SHORES WOODS BAY HARBOR LANDING CREEK RIVER TOWNSHIP TWP JUNCTION SPRING RIDGE
CENTER CHURCH ANGELES VEGAS DIEGO FRANCISCO JOSE ANTONIO LOUIS PAUL ORLEANS YORK HAVEN LONDON WORTH WAYNE ROUGE`)

// directedCities are well-known cities whose names begin with a directional,
// without it.
var directedCities = set1(`PALM HOLLYWOOD BLOOMFIELD BLOOMFLD CHICAGO BEND MIAMI VEGAS LANSING ORANGE HARTFORD JORDAN VALLEY COVINA PLATTE CHARLESTON
ORLEANS SACRAMENTO MEMPHIS RICHLAND OLMSTED ROYALTON TONAWANDA SENECA HEMPSTEAD BABYLON ISLIP BRUNSWICK WINDSOR HAVEN PROVIDENCE KINGSTOWN
PORTLAND PASADENA GATE OGDEN LAFAYETTE MOINES ALLIS ALLIES AUGUSTINE MONROE HADLEY SPRINGFIELD ANDOVER ATTLEBORO READING BOSTON BRIDGEWATER
WEYMOUTH YORK VANCOUVER FARGO ELGIN AURORA DUNDEE BARRINGTON HOLLAND PLAINFIELD BURLINGTON LINN CANTON WARWICK NYACK HAMPTON SETAUKET
ROCKAWAY MEADOW POINT LIBERTY TEXAS BELLMORE HILLS HILL`)

// directedCity reports a directional that begins a city's name: "West Palm
// Beach", "North Hollywood", "South San Francisco".
func directedCity(t []token) bool {
	if len(t) < 2 || t[0].comma {
		return false
	}
	if full, ok := directions.of(t[0]); !ok || len(full) > len("North") {
		return false
	}
	next := t[1].key()
	if directedCities[next] {
		return !(next == "PALM" && len(t) > 3 && t[3].key() == "GARDENS") && !(next == "PALM" && len(t) > 2 && t[2].key() == "HARBOR")
	}
	if len(t) < 3 {
		return false
	}
	switch next + " " + t[2].key() {
	case "SAN FRANCISCO", "SAN FRAN", "LAS VEGAS", "LITTLE ROCK", "GRAND RAPIDS", "SALT LAKE", "ST LOUIS", "ST PAUL", "SAINT PAUL", "LAKE TAHOE", "LOS ANGELES", "EL MONTE", "BAY VILLAGE":
		return true
	}
	return false
}

// saintNames are the saints that American cities and streets are named after.
var saintNames = set1(`LOUIS PAUL PETERSBURG CHARLES JOSEPH AUGUSTINE CLOUD SIMONS GEORGE GEORGES HELENA ALBANS JOHN JOHNS CLAIR MARYS MARY
PETERS PETER FRANCIS ANN ANNE ANNS JAMES ALBERT CATHARINES CATHERINE THOMAS ROSE MARTIN ANTHONY MICHAEL MICHAELS LEONARD NICHOLAS BERNARD ANDREWS
DAVIDS MATTHEWS CROIX JEAN HYACINTHE JEROME LAURENT LAMBERT EUSTACHE HUBERT LUCIE STEPHENS`)

// cityStarts are first words that a city's name goes on after.
var cityStarts = set1(`SAN SANTA LOS LAS SAINT ST NEW NORTH SOUTH EAST WEST FORT FT MOUNT MT EL LA DES PALM GRAND SALT PORT CAPE
N S E W LAKE LITTLE BATON CORAL BOCA CEDAR COLORADO OKLAHOMA KANSAS JERSEY IOWA LONG VIRGINIA CAROL HIGHLAND ROCK TERRE SIOUX
COUNCIL GREEN UPPER LOWER OLD GLEN COLLEGE BIG BOWLING DEL CHAPEL`)
