// Package lost reads and writes LoST, the protocol that maps a location and a
// service URN to the URI of who is responsible there: which PSAP answers 911
// at this address, and is this address one that help can find.
//
// # Which document each type follows
//
//   - RFC 5222: FindService, ListServices, ListServicesByLocation,
//     GetServiceBoundary, their responses, Errors, Redirect, Mapping,
//     Validation, Exceptions.
//   - RFC 5964: pidflo.Region in a boundary.
//   - RFC 6197: GetServiceListBoundary and its response, ListBoundary, and the
//     fields WantBoundary, Boundaries and Reference of the list by location.
//   - RFC 6739: GetMappingsRequest, PushMappings, their responses, Fingerprint,
//     NotDeleted; Mapping.Deletes.
//   - NENA-STA-010.3: CallIDs.
//   - RFC 5491 and RFC 5139 for what is inside a location: package pidflo.
//
// Planned changes and similar locations are drafts. Their elements are
// Extensions, kept and written back; FindService.AdditionalLocation is read.
//
// # Reading
//
// Parse takes any of the documents; ParseAs one that is expected, and returns
// errors and redirects as Go errors. Order, prefixes and white space do not
// matter. Elements of other namespaces are kept where they may be written
// back; unknown elements and attributes of LoST itself are dropped. What is
// wrong in a query is a *ParseError with the path of the element, for a
// badRequest. Three things are no error:
//
//   - A location or a boundary that cannot be used: its Err says why, and the
//     element is kept. The server answers locationInvalid, or uses the location
//     beside it; the client still has the URI.
//   - What is missing in a mapping: an emergency call can be routed by a
//     mapping whose expires is broken. It is not Fresh at any time.
//   - More than one location for a profile, or civic and geodetic ones
//     together: the first that is understood counts (RFC 5222, section 8.3.1).
//
// # Writing
//
// Append writes what the grammars accept, or returns a *ParseError. It also
// keeps those rules of the prose that one message can keep: one location for a
// profile and one baseline profile in a query, no point as a boundary, one URI
// for a scheme, times in UTC with Z.
//
// # Where the documents disagree
//
//   - listServicesByLocation without recursive: the grammar says true, section
//     8.3.3 of RFC 5222 says false. Read as false, always written.
//   - SRSInvalid and locationValidationUnavailable are in the prose and not
//     in the content of errors and warnings. Read, not written: see Kind.
//   - The fields in locationValidation are QNames; figure 6 of RFC 5222 writes
//     them without prefix, which would put them into LoST's own namespace. Read
//     as fields of RFC 5139, written with a prefix.
//   - Figures 10, 16 and 18 bind the prefix of GML to something else or to
//     nothing, the i3 test suite takes Circle, Ellipse and ArcBand for GML,
//     writes commas between coordinates and open rings: all are read.
//   - The i3 test suite sends asOf in the namespace of LoST: read, and written
//     in that of its draft. It sends recursive with listServices: ignored.
//   - RFC 6739 lets the prose have several lists of fingerprints, the grammar
//     one; a getMappingsResponse without mapping is read and cannot be written.
//   - Several shapes in one boundary: see Boundary.
package lost
