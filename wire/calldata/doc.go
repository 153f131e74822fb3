// Package calldata reads and writes the additional data of an emergency call:
// who provided data for it (ProviderInfo), what service (ServiceInfo) and what
// device (DeviceInfo) calls, whose it is (SubscriberInfo, with vCards), and
// remarks (Comment).
//
// # What it follows
//
// All blocks, and their place in a PIDF-LO (ProvidedBy), are those of RFC 7852
// with its schemas; VCard is the xCard of RFC 6351 with the schema in appendix
// A of RFC 7852. Purpose and MediaType name the blocks in Call-Info and as
// body parts.
//
// # Reading
//
// Bad or missing additional data must not fail a call (RFC 7852, section 4).
// So every Parse function returns what it could read together with the first
// error, and FromNode, for a PIDF-LO, has no error at all: the call path uses
// the value, a checker the error. Elements come in any order; white space
// around a value is dropped, and inside of tokens and URIs it is collapsed.
// Elements of other namespaces are kept as Extensions.
//
// # Writing
//
// Append and Marshal functions never write what the schema refuses; they
// return an error with the element's path. They put elements in the order of
// the schema and escape; they invent nothing. Values outside the registries
// (a ServiceType "VOIP") are written: the schemas let them stand.
//
// # What differs
//
// A vCard is valid for RFC 6351 with its properties in any order and with
// properties that the schema does not have, and the examples of both RFCs are
// written so. Such cards are read; they are written in the order of the
// schema, and a property that it does not have is an error.
package calldata
