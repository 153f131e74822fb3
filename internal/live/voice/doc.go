// Package voice turns English sentences into telephone sound: one channel of
// 8 kHz linear samples, spoken by the flite module (WASI, run by wazero).
//
// What it promises:
//
//   - Speech never gets in the way of an emergency call (D-15): one worker, a
//     bounded queue, a deadline for each sentence. Machine code made by wazero
//     cannot be interrupted by the Go scheduler, so a collection that begins
//     while it runs stops every goroutine until it is through (0.3 s and more
//     for one sentence, measured). Hence speech is made in a process of its
//     own, at low priority, where Config.Worker names one; otherwise the
//     code is compiled with a check in every loop, which costs six times the
//     CPU and keeps such a stop to some milliseconds.
//   - The same sentence gives the same samples: the module sees no clock, no
//     randomness and no file of this machine.
//   - Nothing that was said is written anywhere: sound lives in memory, in a
//     cache bounded in bytes (E7).
//   - Without the module, or beyond what the worker can do, the caller of Say
//     is told at once and falls back to the Kept sentences, made at start, and
//     to Attention, which needs nothing.
//
// live/testcall speaks through it; the binary's hidden command for the worker
// process calls Serve.
package voice
