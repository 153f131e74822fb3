package conformance_test

// What happens to a document that the published schemas reject.
const (
	tolerated = "tolerated" // read, and written to something valid
	carried   = "carried"   // read, and the part that is wrong is foreign and goes on as it came
	readOnly  = "read only" // read, and its value cannot be written
	refused   = "refused"   // an error
	other     = "not ours"
)

// How many valid examples there are, ours and those of other standards.
const (
	wantOurs   = 146
	wantOthers = 21
)

var wantCounts = map[string]int{tolerated: 22, carried: 1, readOnly: 3, refused: 7, other: 15}

// outcome is what happens to a document and why. Changed says what is not the
// same when what was written of it is read; empty when the value is equal.
type outcome struct{ outcome, why, changed string }

// expected are all examples that the schemas reject. "standards.md 23" is the
// list of known defects in the published material.
var expected = map[string]outcome{
	"examples/rfc4479/03-ex.xml":                                          {readOnly, "no entity: a location in it counts, but whose it is nobody can make up", ""},
	"examples/rfc5222/10-ex.xml":                                          {tolerated, "prefix p2 is bound to nothing: gml is known by its local name (standards.md 23)", ""},
	"examples/rfc5964/01-ex.xml":                                          {tolerated, "a mapping alone: the grammar has no such document, holed polygon as published", ""},
	"examples/rfc5964/02-ex.xml":                                          {tolerated, "a mapping alone: the grammar has no such document", ""},
	"examples/rfc6351/01-ex.xml":                                          {tolerated, "properties of a vCard in another order (standards.md 23)", ""},
	"examples/rfc6351/02-ex.xml":                                          {other, "a property outside of any card (RFC 6351)", ""},
	"examples/rfc6351/03-ex.xml":                                          {readOnly, "a property that vcard.xsd does not have", ""},
	"examples/rfc6447/01-ex.xml":                                          {other, "a location filter (RFC 4661, RFC 6447)", ""},
	"examples/rfc6447/02-ex.xml":                                          {other, "a location filter (RFC 4661, RFC 6447)", ""},
	"examples/rfc6447/03-ex.xml":                                          {other, "a location filter (RFC 4661, RFC 6447)", ""},
	"examples/rfc6447/04-ex.xml":                                          {other, "a location filter (RFC 4661, RFC 6447)", ""},
	"examples/rfc6447/05-ex.xml":                                          {other, "a location filter (RFC 4661, RFC 6447)", ""},
	"examples/rfc6447/06-ex.xml":                                          {other, "a location filter (RFC 4661, RFC 6447)", ""},
	"examples/rfc6447/07-ex.xml":                                          {other, "a location filter (RFC 4661, RFC 6447)", ""},
	"examples/rfc6447/08-ex.xml":                                          {other, "a location filter (RFC 4661, RFC 6447)", ""},
	"examples/rfc6739/01-ex.xml":                                          {tolerated, "a mapping alone: the grammar has no such document", ""},
	"examples/rfc6739/02-ex.xml":                                          {tolerated, "a mapping alone: the grammar has no such document", ""},
	"examples/rfc6739/03-ex.xml":                                          {tolerated, "a mapping alone: the grammar has no such document", ""},
	"examples/rfc6848/06-ex.xml":                                          {refused, "a fragment of LoST without any namespace", ""},
	"examples/rfc6848/07-ex.xml":                                          {refused, "a fragment of LoST without any namespace", ""},
	"examples/rfc7035/10-ex.xml":                                          {carried, "a relative location is carried unharmed, its civic address in the wrong order with it (standards.md 8)", ""},
	"examples/rfc7105/07-ex.xml":                                          {tolerated, "band, which the schema lacks, is read and not sent; gml by a wrong namespace is foreign (standards.md 23)", "band is gone"},
	"examples/rfc7199/05-ex.xml":                                          {other, "a ruleset of common policy (RFC 4745, RFC 7199)", ""},
	"examples/rfc7199/06-ex.xml":                                          {other, "a ruleset of common policy (RFC 4745, RFC 7199)", ""},
	"examples/rfc7852/01-ex.xml":                                          {tolerated, "properties of a vCard in another order (standards.md 23)", ""},
	"examples/rfc7852/04-ex.xml":                                          {tolerated, "properties of a vCard in another order (standards.md 23)", ""},
	"examples/rfc7852/09-ex.xml":                                          {tolerated, "properties of a vCard in another order (standards.md 23)", ""},
	"examples/rfc7852/11-ex.xml":                                          {tolerated, "properties of a vCard in another order (standards.md 23)", ""},
	"examples/rfc7852/13-ex.xml":                                          {tolerated, "properties of a vCard in another order (standards.md 23)", ""},
	"examples/rfc8148/04-ex.xml":                                          {readOnly, "a deviceID that is no URI", ""},
	"examples/rfc8148/05-ex.xml":                                          {other, "crash data of VEDS (RFC 8148)", ""},
	"examples/rfc8148/06-ex.xml":                                          {other, "vehicle control (RFC 8147)", ""},
	"examples/rfc8876/01-ex.xml":                                          {other, "an alert of CAP (RFC 8876)", ""},
	"examples/rfc8876/02-ex.xml":                                          {tolerated, "timestamp before deviceID (standards.md 23)", ""},
	"examples/rfc8876/03-ex.xml":                                          {other, "an alert of CAP (RFC 8876)", ""},
	"examples/rfc8876/04-ex.xml":                                          {tolerated, "timestamp before deviceID (standards.md 23)", ""},
	"i3/messages/HTTP_ADR/EmergencyCallData.ProviderInfo":                 {tolerated, "properties of a vCard in another order (standards.md 23)", ""},
	"i3/messages/HTTP_ADR/Malformed_EmergencyCallData.DeviceInfo":         {refused, "not well-formed, on purpose", ""},
	"i3/messages/HTTP_ADR/Malformed_EmergencyCallData.ProviderInfo":       {refused, "not well-formed, on purpose", ""},
	"i3/messages/HTTP_ADR/Malformed_EmergencyCallData.ServiceInfo":        {refused, "not well-formed, on purpose", ""},
	"i3/messages/HTTP_HELD/Default_location":                              {tolerated, "a comma in gml:pos (standards.md 23)", ""},
	"i3/messages/HTTP_HELD/Location_response":                             {tolerated, "an id that begins with a digit (standards.md 23), no usage-rules: both are made good", "the id is another"},
	"i3/messages/HTTP_LoST/findServiceResponse_malformed.xml":             {refused, "not well-formed, on purpose", ""},
	"i3/messages/HTTP_LoST/findServiceResponse_malformed_xml_body.xml":    {refused, "not well-formed, on purpose", ""},
	"i3/messages/HTTP_LoST/findService_geodetic_point_asOf.xml":           {tolerated, "asOf in the namespace of LoST itself (standards.md 23)", ""},
	"i3/messages/HTTP_LoST/findService_geodetic_point_incorrect_asOf.xml": {tolerated, "asOf in the namespace of LoST itself (standards.md 23)", ""},
	"i3/messages/HTTP_LoST/listServices_urn-emergency-service-sos.xml":    {tolerated, "recursive, which listServices does not have, is left out", ""},
	"i3/messages/HTTP_LoST/listServices_urn-service-sos.xml":              {tolerated, "recursive, which listServices does not have, is left out", ""},
}
