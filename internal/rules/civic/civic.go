// Package civic writes civic addresses for people: one line for a dispatcher,
// words for a speech synthesiser, and the test whether an address finds a
// caller (N-38, F-05). It also translates them to and from PIDF-LO.
package civic

import "github.com/callbox911/callbox/internal/e911"

// Display writes c on one line as a dispatcher reads it: "795 Massachusetts
// Avenue, Mill 1, Floor 2, Room 210, Cambridge, MA 02139".
func Display(c e911.Civic) string { return "" }

// Street writes the street line alone: "795 Massachusetts Avenue".
func Street(c e911.Civic) string { return "" }

// HasStreet reports a street address: where in the country, a street and a
// house number (or what stands for one: a milepost, a landmark).
func HasStreet(c e911.Civic) bool { return false }

// HasDetail reports the detail that finds a caller inside a building: a suite,
// floor, room, wing, seat or a description (N-38, F-40).
func HasDetail(c e911.Civic) bool { return false }

// Dispatchable reports a street address with the detail that finds the caller.
// Whether the street address is valid is not its question.
func Dispatchable(c e911.Civic) bool { return HasStreet(c) && HasDetail(c) }

// Outdoors returns c without what is inside a building: its street address and
// the building's name. Old radio evidence tells no more than that (F-18).
func Outdoors(c e911.Civic) e911.Civic { return c }

// Speak writes c in words that a speech synthesiser says well: house number,
// room and postal code digit by digit, "seven nine five Massachusetts Avenue".
func Speak(c e911.Civic) string { return "" }

// SpeakNumber writes a number digit by digit in groups: "six one seven, five
// five five, zero one one one". A leading +1 is not said.
func SpeakNumber(n e911.Number) string { return "" }
