// Package trial places test calls over one trunk and says what happened (F-28):
// through 933 over a carrier's very trunk to the carrier's own 933, a test URN
// over a trunk that is marked for it, another number that the operator names, or
// OPTIONS alone. It keeps what tests came to, and tells when a monthly one is due.
//
// What it promises (E12):
//
//   - No test reaches a PSAP: 911 in every spelling, service URNs, short codes
//     and the lines of PSAPs are refused before anything is sent.
//   - Tests never preempt: no Resource-Priority leaves with them. They take no
//     room that is reserved for emergency calls, and are limited in number.
//   - What they carry is what a 911 call by that trunk would carry, by the same
//     rules; where it goes is where a 911 call would go, in the same order.
//   - Each one is a fact in the journal, apart from calls and from other tests.
package trial
