// Package media is Callbox's own end of an audio stream: one RTP session over
// UDP for a call that Callbox answers itself, such as 933.
//
// What it promises:
//
//   - Packets of 20 ms leave at times counted from one start, so that lateness
//     never adds up; sequence number, timestamp and marker follow RFC 3550 and
//     RFC 3551. There is no silence suppression (F-32).
//   - What comes in is read for telephone events (RFC 4733) and for the address
//     that sound is to go to (symmetric RTP, RFC 4961), and is dropped. Nothing
//     is kept of it and nothing is ever recorded (E7).
//   - Sound goes only where the SDP says, where the signalling came from, or
//     through the address translator before it: a stranger who guesses the port
//     hears nothing.
//
// What it does not do: RTCP (neither sent nor read; the port above is not
// bound), SRTP, ICE, codecs other than PCMU and PCMA, tones in the audio.
//
// SDP is written by pion/sdp and read by this package: pion's reader refuses a
// whole description for one media line that it does not know, and gateways
// offer m=image (T.38) beside the audio.
package media
