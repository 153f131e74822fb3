// Package disk keeps the journal's facts on a node's own disk (design D-06,
// law E5, rules F-29 and F-38): append-only segments of checksummed records,
// one writer, group commit. It implements journal.Recorder and journal.Feed.
//
// # What it promises
//
// Record numbers a fact, queues it and returns; it never waits for a disk. A
// fact is Written when write(2) took it, so that a killed process loses it no
// more, and Synced when fsync returned, so that a power failure loses it no
// more. The fsync begins at most Config.SyncEvery (4 ms) after the write and
// covers all that was written meanwhile.
//
// The Feed gives synced facts only, in order. What a reader has seen is
// therefore never taken back, and its number is never given to another fact:
// cursors and "idempotent by node and sequence" stand on that.
//
// # When the disk fails
//
// Facts that are not synced stay in memory, up to Config.PendingBytes. While
// the disk fails or hangs, Receipt.Err wraps ErrKept and the receipt's
// channels stay open: the promise can still be kept. The writer tries again
// for ever (10 ms to 1 s apart), writes in the order of the numbers, and goes
// on as soon as the disk does. After a failed write the torn bytes are cut
// off; after a failed fsync the segment is given up, because what the kernel
// still holds of it cannot be known, and everything since the last good fsync
// is written again to a new one. When the memory bound is reached, or the
// journal was closed, a fact is refused: no number is spent on it, both
// channels are closed and Err wraps ErrFull or ErrClosed.
//
// Alarms tell each change of state once. Overdue gives facts that the disk did
// not take within Config.OverdueAfter, so that people are told of a call while
// the disk stands still.
//
// # After a crash
//
// Open cuts a torn tail off the last segment and goes on with the next number.
// A damaged record with good ones after it is skipped and reported, at once or
// when it is read. Numbers have no gaps but these, and one case more: when the
// power fails, a file system may have kept a later unsynced fact and lost an
// earlier one; the later one is read, the gap is reported. A segment that cannot be read at all is reported and the
// numbering goes on above everything that it can hold.
//
// # Files
//
// A segment "00000000000000000007.seg" has a header of 32 bytes (magic, first
// sequence, time of creation in milliseconds, flags, CRC32C) and records: magic
// (4 bytes), length of the payload (4), CRC32C over length, sequence and payload
// (4), sequence (8), payload. Integers are little-endian. The payload is the
// fact as one JSON object. The number in the name orders segments; ranges of
// sequences overlap where a segment was given up, and the newest one counts.
package disk
