// Package sipedge is where SIP enters and leaves Callbox. It owns the sockets,
// decides who is heard at all (E1, D-02), repairs what can be repaired, keeps
// the transactions and dialogs of RFC 3261, and hands each call to its owner
// as a Leg: requests come as values, everything later comes as Events.
//
// What it promises:
//
//   - An emergency INVITE from a known source is delivered, or answered; never
//     met with silence, however malformed (D-02).
//   - Nothing that a peer sends, and no owner that is slow, makes the readers
//     of the sockets wait: every queue is bounded and every bound is written
//     beside it.
//   - Messages of one dialog are handled in the order in which they were read.
//   - An outbound request goes only to the destination that was asked for, on
//     a connection that this package opened to it (D-01), or down the Flow by
//     which a phone registered. What was to go by TLS never goes in the open.
//   - Bodies, numbers and addresses never reach the log.
//
// The decisions about a call are made elsewhere (rules/callflow); this package
// knows nothing of PSAPs, locations or routes.
package sipedge
