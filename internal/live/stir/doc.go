// Package stir signs emergency calls and checks what others signed (RFC 8224,
// 8225, 8588, 9027; F-25). A signature that is missing, stale or wrong never
// stops a call: it is said in the record, and a right one opens doors (a PSAP's
// call back that proves itself).
//
// Certificates of others are fetched ahead of the call that needs them or beside
// it, never while it waits (E3): the first call by a new certificate is
// "unchecked".
package stir
