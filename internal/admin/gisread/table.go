package gisread

import (
	"path"
	"strings"
)

// kind is what a table holds.
type kind uint8

const (
	kindUnknown kind = iota
	kindIdle         // a table of the standard that nothing here uses
	kindProvisioning
	kindBoundary
	kindAddress
	kindStreet
	kindTIGER
	kindOpenAddresses
)

// meaning is what the name of a table tells.
type meaning struct {
	kind    kind
	name    string // of NENA-STA-006.3
	service string // default URN of a boundary table
}

// The services that boundary tables of the standard stand for where a row names
// none. Only the table of PSAPs takes calls: the others are the responders that
// a PSAP hands over to (NENA-STA-010.3).
const (
	urnSOS       = "urn:service:sos"
	urnResponder = "urn:emergency:service:responder."
)

// tableNames finds tables by folded name without its last word (Point, Polygon,
// Boundary, plural). Legacy names stand beside those of NENA-STA-006.
var tableNames = func() map[string]meaning {
	m := map[string]meaning{}
	add := func(v meaning, folded ...string) {
		for _, f := range folded {
			m[f] = v
		}
	}
	add(meaning{kind: kindAddress, name: "SiteStructureAddressPoint"}, "SITESTRUCTUREADDRESS", "SSAP", "ADDRESS", "SITEADDRESS", "SITESTRUCTURE")
	add(meaning{kind: kindIdle, name: "SiteStructureAddressPolygon"}, "SITESTRUCTUREADDRESSPOLYGON", "SSAPOLY")
	add(meaning{kind: kindStreet, name: "RoadCenterLine"}, "ROADCENTERLINE", "ROADCENTRELINE", "RCL", "ROADCENTERLIN", "STREETCENTERLINE")
	add(meaning{kind: kindBoundary, name: "PsapPolygon", service: urnSOS}, "PSAP")
	add(meaning{kind: kindBoundary, name: "PolicePolygon", service: urnResponder + "police"}, "POLICE", "POL", "LAW", "LAWENFORCEMENT", "POLICESERVICE")
	add(meaning{kind: kindBoundary, name: "FirePolygon", service: urnResponder + "fire"}, "FIRE", "FIRESERVICE")
	add(meaning{kind: kindBoundary, name: "EmsPolygon", service: urnResponder + "ems"}, "EMS", "EMERGENCYMEDICAL", "EMERGENCYMEDICALSERVICE")
	add(meaning{kind: kindBoundary, name: "ServiceBoundaryPolygon"}, "SERVICE", "SERVICEBOUNDARY", "EMERGENCYSERVICE", "ESB", "ES")
	add(meaning{kind: kindProvisioning, name: "ProvisioningPolygon"}, "PROVISIONING")
	for name, old := range map[string][]string{
		"A1Polygon": {"STATE", "STATES", "STATEORPROVINCE"}, "A2Polygon": {"COUNTY", "COUNTIES", "COUNTYOREQUIVALENT"},
		"A3Polygon":          {"INCORPORATEDMUNICIPALITY", "INCMUNI", "MUNICIPAL", "MUNICIPALITY"},
		"A4Polygon":          {"UNINCORPORATEDCOMMUNITY", "UNINCCOMM"},
		"A5Polygon":          {"NEIGHBORHOODCOMMUNITY", "NBRHDCOMM"},
		"RailroadCenterLine": {"RAILROADCENTERLINE", "RRCL"}, "HydrologyLine": {"HYDROLOGYLINE", "HYDL"}, "HydrologyPolygon": {"HYDROLOGY", "HYDPOLY"},
		"DistanceMarkerPoint": {"DISTANCEMARKER", "DISTMARK", "MILEMARKER", "MILEMARKERLOCATION"}, "LocationMarkerPoint": {"LOCATIONMARKER", "LOCMARK", "CELLSECTOR", "CELLSITE"},
		"StreetNameAliasTable": {"STREETNAMEALIAS", "STREETNAMEALIASTABLE", "ROADALIAS", "LANDMARKNAMEPART", "COMPLETELANDMARKNAMEALIAS"},
	} {
		add(meaning{kind: kindIdle, name: name}, append(old, strings.TrimSuffix(fold(name), "POLYGON"))...)
	}
	for name, leaf := range responders {
		add(meaning{kind: kindBoundary, name: name + "Polygon", service: urnResponder + leaf}, fold(name))
	}
	return m
}()

// responders are the further service boundary tables of NENA-STA-006.3 with the
// end of their URN (NENA-STA-010.3).
var responders = map[string]string{
	"CoastGuard": "coast_guard", "MountainRescue": "mountain_rescue", "PoisonControl": "poison_control",
	"PoliceFederal": "police.federal", "PoliceStateProvincial": "police.stateProvincial", "PoliceTribal": "police.tribal",
	"PoliceCountyParish": "police.countyParish", "PoliceSheriff": "police.sheriff", "PoliceLocal": "police.local",
	"PoliceCampus": "police.campus", "PolicePrivate": "police.private", "PoliceAirport": "police.airport",
	"PoliceHousing": "police.housing", "PolicePark": "police.park", "PoliceMilitary": "police.military",
	"PoliceFederalFbi": "police.federal.fbi", "PoliceFederalRcmp": "police.federal.rcmp", "PoliceFederalSecretService": "police.federal.usss",
	"PoliceFederalDea": "police.federal.dea", "PoliceFederalMarshal": "police.federal.marshal",
	"PoliceFederalCustomsBorderProtection": "police.federal.cbp", "PoliceFederalImmigrationCustoms": "police.federal.ice",
	"PoliceFederalAtf": "police.federal.atf", "PoliceFederalPark": "police.federal.pp",
	"PoliceFederalDiplomaticSecurity": "police.federal.dss", "PoliceFederalProtectiveService": "police.federal.fps",
	"FireForest": "fire.forest", "FireAirport": "fire.airport", "FireMilitary": "fire.military", "FirePrivate": "fire.private",
	"EmsTribal": "ems.tribal", "EmsCountyParish": "ems.countyParish", "EmsLocal": "ems.local", "EmsPrivate": "ems.private",
	"EmsMilitary": "ems.military", "EmsAir": "ems.air",
}

// fold brings a name of a table or a column to letters and digits in upper case.
func fold(s string) string {
	if len(s) > 200 {
		s = s[:200]
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return -1
	}, s)
}

// tableMeaning tells what the name of a table or file stands for: case,
// underscores, a schema in front ("main.", "ng911."), the last word (Point,
// Polygon, Boundary) and a plural do not matter.
func tableMeaning(name string) (meaning, bool) {
	ext := path.Ext(name)
	tries := []string{name, strings.TrimSuffix(name, ext), strings.TrimPrefix(ext, ".")}
	for _, try := range tries {
		f := fold(try)
		for _, f := range []string{f, strings.TrimSuffix(f, "S")} {
			if m, ok := tableNames[f]; ok {
				return m, true
			}
			for _, end := range []string{"BOUNDARY", "BOUNDARIE", "POLYGON", "POINT", "POLY", "PT"} {
				if cut, had := strings.CutSuffix(f, end); had {
					if m, ok := tableNames[cut]; ok {
						return m, true
					}
				}
			}
		}
		if strings.HasSuffix(f, "ADDRFEAT") {
			return meaning{kind: kindTIGER, name: nameTIGER}, true
		}
	}
	return meaning{}, false
}

const (
	nameTIGER         = "TIGER ADDRFEAT"
	nameOpenAddresses = "OpenAddresses"
)

// meaningOfColumns tells a table by its columns where its name says nothing.
func meaningOfColumns(names []string) (meaning, bool) {
	has := map[string]bool{}
	for _, n := range names {
		has[fold(n)] = true
	}
	all := func(want ...string) bool {
		for _, w := range want {
			if !has[w] {
				return false
			}
		}
		return true
	}
	switch {
	case all("TLID", "FULLNAME", "LFROMHN", "RTOHN"):
		return meaning{kind: kindTIGER, name: nameTIGER}, true
	case all("NUMBER", "STREET") && (all("POSTCODE") || all("HASH") || all("CITY", "REGION")):
		return meaning{kind: kindOpenAddresses, name: nameOpenAddresses}, true
	case all("STNAME", "FROMADDRL", "TOADDRR"):
		return meaning{kind: kindStreet, name: "RoadCenterLine"}, true
	case all("STNAME", "ADDNUMBER"):
		return meaning{kind: kindAddress, name: "SiteStructureAddressPoint"}, true
	case all("SERVICEURN") || all("SERVICEURI", "DSPLAYNAME"):
		return meaning{kind: kindBoundary, name: "ServiceBoundaryPolygon"}, true
	}
	return meaning{}, false
}

// standardOf tells the standard of a table by what only one version has.
func standardOf(m meaning, names []string, hint string) string {
	switch m.kind {
	case kindTIGER:
		return StandardTIGER
	case kindOpenAddresses:
		return StandardOpenAddresses
	}
	for _, n := range names {
		switch fold(n) {
		case "A1", "A3", "A1L", "A1R", "STRUCTURE", "UNITVALUE", "DISTMARKER":
			return StandardNENA3
		case "STATE", "COUNTY", "INCMUNI", "STATEL", "STATER", "COUNTYL", "INCMUNIL", "BUILDING", "LANDMKNAME", "MILEPOST":
			return StandardNENA2
		}
	}
	if hint != "" {
		return hint
	}
	return StandardNENA3
}
