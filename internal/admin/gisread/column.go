package gisread

// column is a column that is read. Those of a road have a second one for the
// right side just behind that of the left.
type column uint8

// The columns by their names of NENA-STA-006.3; those of the others at the end.
const (
	colNone  column = iota
	colKnown        // of a standard, but not used
	colNGUID
	colUpdated
	colEffective
	colExpire
	colCountry
	colA1
	colA2
	colA3
	colA4
	colA5
	colAddCode
	colNumPre
	colNumber
	colNumSuf
	colNumAll
	colDistMarker
	colLocMarker
	colPreMod
	colPreDir
	colPreTyp
	colPreSep
	colName
	colPosTyp
	colPosDir
	colPosMod
	colESN
	colMSAG
	colPostComm
	colPostCode
	colPostExt
	colSite
	colSubSite
	colStructure
	colFloor
	colWing
	colUnit
	colUnitType
	colUnitValue
	colSection
	colRow
	colRoom
	colSeat
	colAddtlLoc
	colPlaceType
	colPlacement
	colLon
	colLat
	colWKT
	colAgency
	colURI
	colURN
	colServiceNum
	colVCard
	colDisplay
	// of the sides of a road: left, then right
	colPrefixL
	colPrefixR
	colFromL
	colFromR
	colToL
	colToR
	colParityL
	colParityR
	colValidL
	colValidR
	colESNL
	colESNR
	colMSAGL
	colMSAGR
	colCountryL
	colCountryR
	colA1L
	colA1R
	colA2L
	colA2R
	colA3L
	colA3R
	colA4L
	colA4R
	colA5L
	colA5R
	colAddCodeL
	colAddCodeR
	colPostCodeL
	colPostCodeR
	colPostExtL
	colPostExtR
	colPostCommL
	colPostCommR
	// of TIGER/Line and OpenAddresses
	colFullName
	colTLID
	colLineID
	colARIDL
	colARIDR
	colHash
	colID
	columns // how many
)

// columnForms are the names of the columns, folded, in the versions of
// NENA-STA-006 (1, 2, 3). The names of the sides lack their last letter.
var columnForms = map[column][]string{
	colNGUID:   {"NGUID", "SITENGUID", "RCLNGUID", "ESNGUID", "SRCNGUID"},
	colUpdated: {"DATEUPDATE"}, colEffective: {"EFFECTIVE"}, colExpire: {"EXPIRE"},
	colCountry: {"COUNTRY"}, colA1: {"A1", "STATE"}, colA2: {"A2", "COUNTY"}, colA3: {"A3", "INCMUNI"},
	colA4: {"A4", "UNINCCOMM", "UNINCCOM"}, colA5: {"A5", "NBRHDCOMM", "NBRHDCOM"}, colAddCode: {"ADDCODE"},
	colNumPre: {"ADDNUMPRE"}, colNumber: {"ADDNUMBER"}, colNumSuf: {"ADDNUMSUF"}, colNumAll: {"ADDNUMCMP", "ADDNUMCOMP"},
	colDistMarker: {"DISTMARKER", "MILEPOST"}, colLocMarker: {"LOCMARKER"},
	colPreMod: {"STPREMOD"}, colPreDir: {"STPREDIR"}, colPreTyp: {"STPRETYP"}, colPreSep: {"STPRESEP"}, colName: {"STNAME"},
	colPosTyp: {"STPOSTYP"}, colPosDir: {"STPOSDIR"}, colPosMod: {"STPOSMOD"},
	colESN: {"ESN"}, colMSAG: {"MSAGCOMM"}, colPostComm: {"POSTCOMM"}, colPostCode: {"POSTCODE"}, colPostExt: {"POSTCODEEX", "POSTCODE4"},
	colSite: {"SITE", "LANDMKNAME"}, colSubSite: {"SUBSITE"}, colStructure: {"STRUCTURE", "BUILDING"}, colFloor: {"FLOOR"}, colWing: {"WING"},
	colUnit: {"UNIT"}, colUnitType: {"UNITPRETYP"}, colUnitValue: {"UNITVALUE"}, colSection: {"SECTION"}, colRow: {"ROW"},
	colRoom: {"ROOM"}, colSeat: {"SEAT"}, colAddtlLoc: {"ADDTLLOC"}, colPlaceType: {"PLACETYPE"}, colPlacement: {"PLACEMENT"},
	colLon: {"LONGITUDE", "LONG", "LON", "X"}, colLat: {"LATITUDE", "LAT", "Y"}, colWKT: {"WKT", "GEOMETRY", "GEOM", "THEGEOM", "SHAPE"},
	colAgency: {"AGENCYID"}, colURI: {"SERVICEURI"}, colURN: {"SERVICEURN"}, colServiceNum: {"SERVICENUM"}, colVCard: {"AVCARDURI"}, colDisplay: {"DSPLAYNAME", "DISPLAYNAME"},
}

var sideForms = map[column][]string{
	colPrefixL: {"ADNUMPRE"}, colFromL: {"FROMADDR"}, colToL: {"TOADDR"}, colParityL: {"PARITY"}, colValidL: {"VALID", "VALIDATION"},
	colESNL: {"ESN"}, colMSAGL: {"MSAGCOMM"}, colCountryL: {"COUNTRY"}, colA1L: {"A1", "STATE"}, colA2L: {"A2", "COUNTY"},
	colA3L: {"A3", "INCMUNI"}, colA4L: {"A4", "UNINCCOM", "UNINCCOMM"}, colA5L: {"A5", "NBRHDCOM", "NBRHDCOMM"}, colAddCodeL: {"ADDCODE"},
	colPostCodeL: {"POSTCODE"}, colPostCommL: {"POSTCOMM"},
}

// idleColumns are of the standard and not used, or added by programs.
var idleColumns = []string{
	"DISCRPAGID", "ADDDATAURI", "DIRTRAVEL", "LSTPREDIR", "LSTNAME", "LSTTYP", "LSTTYPE", "LSTPOSDIR", "LCOUNTYID", "FLOORINDEX", "ELEVATION", "ELEV",
	"ALTITUDE", "HEIGHT", "LCNTYIDL", "LCNTYIDR", "ROADCLASS", "ONEWAY", "SPEEDLIMIT", "LAYER",
	"FID", "OBJECTID", "OGCFID", "ID", "SHAPELENGTH", "SHAPEAREA", "SHAPELENG", "GLOBALID",
}

var nenaColumns = func() map[string]column {
	m := map[string]column{}
	for _, n := range idleColumns {
		m[n] = colKnown
	}
	for c, forms := range columnForms {
		for _, f := range forms {
			m[f] = c
		}
	}
	for c, forms := range sideForms {
		for _, f := range forms {
			m[f+"L"], m[f+"R"] = c, c+1
		}
	}
	return m
}()

var tigerColumns = func() map[string]column {
	m := map[string]column{
		"TLID": colTLID, "FULLNAME": colFullName, "LINEARID": colLineID, "ARIDL": colARIDL, "ARIDR": colARIDR,
		"LFROMHN": colFromL, "LTOHN": colToL, "RFROMHN": colFromR, "RTOHN": colToR,
		"PARITYL": colParityL, "PARITYR": colParityR, "ZIPL": colPostCodeL, "ZIPR": colPostCodeR, "PLUS4L": colPostExtL, "PLUS4R": colPostExtR,
		"WKT": colWKT, "GEOMETRY": colWKT,
	}
	for _, n := range []string{"TFIDL", "TFIDR", "EDGEMTFCC", "ROADMTFCC", "LFROMTYP", "LTOTYP", "RFROMTYP", "RTOTYP", "OFFSETL", "OFFSETR", "STATEFP", "COUNTYFP", "OGCFID", "FID"} {
		m[n] = colKnown
	}
	return m
}()

var openColumns = map[string]column{
	"LON": colLon, "LAT": colLat, "NUMBER": colNumAll, "STREET": colFullName, "UNIT": colUnit, "CITY": colA3, "DISTRICT": colA2,
	"REGION": colA1, "POSTCODE": colPostCode, "ID": colID, "HASH": colHash, "ACCURACY": colKnown, "WKT": colWKT, "GEOMETRY": colWKT, "COUNTRY": colCountry,
}

// columnsOf returns the columns by folded name that tables of a kind have.
func columnsOf(k kind) map[string]column {
	switch k {
	case kindTIGER:
		return tigerColumns
	case kindOpenAddresses:
		return openColumns
	}
	return nenaColumns
}
