// Package conformance has no code: its test reads every published example of
// the formats beside it (the XML of the RFCs and the messages of the NENA i3
// conformance suite), writes each again, validates what was written with the
// published schemas, reads that again, and prints a table.
//
//	CALLBOX_SHARED=... go test -v -run TestPublishedExamples ./wire/conformance
package conformance
