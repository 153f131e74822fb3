// Package e911 holds the vocabulary of emergency calling that three or more
// packages say: ids, numbers, civic and geodetic values, network keys, the
// configured objects, closed lists of words, and the error kind that travels
// to every edge. It holds values only: no I/O, no clock, no decision.
//
// Numbers, addresses and secrets redact themselves when they are logged
// through log/slog: a log line must never tell where somebody is or lives.
package e911
