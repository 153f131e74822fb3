// Package testcall answers 933 itself (W-50, N-14): it says that this is a test,
// which number calls, which number 911 would call back, the address that would
// be sent and where the call would go, and repeats it when 1 is pressed.
//
// What it promises:
//
//   - It is told what to read (Readback) and decides nothing: what it reads is
//     what a 911 call would have sent (F-20, F-28, E10).
//   - A test reaches nobody (E12) and takes nothing from an emergency call: the
//     number of tests at one time is bounded, and so is the number from one
//     caller; beyond it answers 486. It is never recorded (E7).
//   - It always answers. Where speech fails, numbers are put together from
//     digits made at start; without any speech there are tones, see
//     voice.Attention.
//   - Every digit is said by itself, and what was said is returned word for
//     word: sentences that end in a full stop and a space, with no other full
//     stop in them, so that a listener outside can check the sound (F-38 h).
package testcall
