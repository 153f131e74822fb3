// Package sipgeo reads and writes the values of the SIP headers that an
// emergency call needs beside its bodies.
//
//	Geolocation, Geolocation-Routing, Geolocation-Error   RFC 6442
//	Call-Info: names of call and incident                 NENA-STA-010.3
//	Call-Info: additional data                            RFC 7852
//	Resource-Priority, Accept-Resource-Priority           RFC 4412, RFC 7135
//	Reason                                                RFC 3326, RFC 4411
//
// It works on header values as text: what stands after the colon, one string
// for each header line. It needs no SIP stack.
//
// # Reading
//
// Parse functions are tolerant and bounded: a value that cannot be understood
// is left out and the others are kept, because one broken reference must not
// cost a call the good one beside it. Parameters that are not known are kept
// and written again (RFC 6442, section 4.1).
//
// # Writing
//
// Format functions are strict: what would not be a value by the grammar is left
// out, and the error says so. Of several values the good ones are written even
// when there is an error: a call goes out with them.
//
// # What differs
//
// A bare URI without angle brackets is read where the grammar wants them. The
// names of calls and incidents in the style of i3 version 2 ("urn:nena:uid:")
// are read, and never made.
package sipgeo
