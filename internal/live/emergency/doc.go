// Package emergency carries one call to 911 from its INVITE to its end: it
// asks the rules who calls, where from, which PSAP and which routes, and then
// does what rules/callflow says, leg by leg. 933 goes the same way up to the
// routes and is then read out by live/testcall.
//
// What it promises:
//
//   - A call that reached Handle is tried until the caller hangs up (E1), on
//     memory alone (E3): one snapshot from INVITE to the end, no question to
//     another system waits longer than 100 ms.
//   - The first leg waits for the write of "arrived", at most 5 ms, and for
//     nothing else (E4, E5). Facts that follow are not waited for.
//   - People are told by facts that say everything a notice needs, so that a
//     notice can be made after a crash too (F-09).
//   - A bug in one decision costs that decision, not the call: what panics is
//     recovered, raises an alarm, and the call goes on to the relay centre with
//     what is known.
//
// One goroutine owns one call; others send it events.
package emergency
