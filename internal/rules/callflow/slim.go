package callflow

import "slices"

// Slims reports whether a refusal is tried again on the same route without the
// bodies beside SDP (F-16).
func Slims(code int) bool { return slices.Contains(slimCodes, code) }
