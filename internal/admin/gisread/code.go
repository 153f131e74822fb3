package gisread

// Code names a kind of finding. docs/layers.md explains each.
type Code string

// What makes a file unusable.
const (
	CodeFormat       Code = "format"           // no format that can be read
	CodeTruncated    Code = "truncated"        // the file ends too early
	CodeTooLarge     Code = "too_large"        // beyond a limit
	CodeZipBomb      Code = "zip_bomb"         // unpacks to far more than it is
	CodeZipName      Code = "zip_name"         // a path that leads out of the archive
	CodePlainSQLite  Code = "plain_sqlite"     // SQLite, but no GeoPackage
	CodeOpenWAL      Code = "unfinished_write" // a write-ahead log lies beside the GeoPackage
	CodeCRS          Code = "crs"              // coordinates that are not WGS 84 degrees
	CodePartMissing  Code = "part_missing"     // a shapefile without .dbf, .shx, .prj
	CodeDisagree     Code = "parts_disagree"   // .shp, .shx and .dbf tell different things
	CodeUnknownTable Code = "unknown_table"
	CodeUnknownCol   Code = "unknown_column"
	CodeNothing      Code = "nothing" // no row that could be kept
)

// What is wrong with a row.
const (
	CodeRowForm       Code = "row_form"        // the row itself cannot be read
	CodeNGUIDMissing  Code = "nguid_missing"   //
	CodeNGUIDTwice    Code = "nguid_duplicate" // twice in one kind of table
	CodeNGUIDShared   Code = "nguid_shared"    // in two kinds of table
	CodeGeometryNone  Code = "geometry_missing"
	CodeGeometryForm  Code = "geometry_form"   // damaged, or of another type than the table has
	CodeGeometryRange Code = "geometry_range"  // not a number, or off the globe
	CodeSwapped       Code = "lat_lon_swapped" // would lie in the United States or Canada the other way round
	CodeElsewhere     Code = "elsewhere"       // neither in the United States nor in Canada
	CodeTooFewPoints  Code = "too_few_points"
	CodeZeroLength    Code = "zero_length"
	CodeSelfCross     Code = "self_intersection"
	CodeRingDropped   Code = "ring_dropped" // a ring without surface was left out
	CodeArea          Code = "implausible_area"
	CodeAntimeridian  Code = "antimeridian"
	CodeMultipart     Code = "line_in_parts"
	CodeCountry       Code = "country" // neither US nor CA, or missing
	CodeState         Code = "state"
	CodeNumber        Code = "house_number"
	CodeStreet        Code = "street_missing"
	CodeRangeText     Code = "range_text"
	CodeRangeNegative Code = "range_negative"
	CodeRangeOneEnd   Code = "range_one_end"
	CodeRangeReversed Code = "range_reversed" // one side runs against the other
	CodeRangeOverlap  Code = "range_overlap"
	CodeParity        Code = "parity"
	CodeText          Code = "control_characters"
	CodeTextLength    Code = "text_too_long"
	CodeDate          Code = "date"
	CodeSpan          Code = "expires_before_effective"
	CodeService       Code = "service_missing"
	CodeURI           Code = "service_uri"
	CodeOutside       Code = "outside_boundaries"
	CodeOverlap       Code = "boundary_overlap"
	CodeGap           Code = "boundary_gap"
	CodeSink          Code = "not_kept" // the layer itself refused the feature
)
