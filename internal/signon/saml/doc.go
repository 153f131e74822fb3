// Package saml lets people sign in by a SAML 2.0 identity provider: it writes our
// metadata and the requests, and proves the answers. It is the service provider of
// the web browser SSO profile (saml-profiles-2.0-os, section 4.1): requests go by
// HTTP-Redirect, answers come by HTTP-POST, and every answer belongs to a request of
// the same browser. What an identity provider begins on its own is refused.
//
// An answer is believed word by word only where a signature covers it: what the
// signature was computed of is read again from the very octets that were hashed, and
// nothing else of the document is. So there is no second reading of the document that
// a wrapped signature (XSW) or a comment could lead astray.
//
// The certificates in the metadata that an administrator saved are the keys that
// count, however old: their dates are not (SAML V2.0 Metadata Interoperability
// Profile, section 2.5.2). Several may be there, for a roll-over.
//
// The library crewjam/saml writes and signs requests; goxmldsig checks signatures;
// xml-roundtrip-validator refuses documents that two readers could read differently.
// The library's own reading of answers is not used: of v0.5.1, its clock and
// tolerances are variables of the process, it takes the first of several assertions,
// takes SHA-1, and its decryption panics on a ciphertext that was cut.
package saml
