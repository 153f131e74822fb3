// Package trunk keeps the state of the trunks that calls leave by: where their
// targets are (from memory, by live/resolve), whether they answer, how many calls
// they carry, and whether we are registered with them. It answers a call without
// waiting (E3) and asks the neighbours itself, ahead of calls.
//
// Promises: a target that is down is tried last, never left out; an emergency
// call is counted and never refused for capacity (E1), and others leave the room
// reserved for it free; what changed is told to the organisation's
// administrators, or the operator's for trunks of nobody alone. It keeps only
// what the snapshot names.
package trunk
