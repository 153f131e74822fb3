package civic

import (
	"strings"
	"unicode/utf8"

	"github.com/callbox911/callbox/internal/e911"
)

// Keys for whoever compares many addresses with one: two texts with one key mean
// the same to Compare.

// StreetKey is the key of the whole street: where it is cut into fields makes no
// difference. A street that is a letter stays one: "E Street" is not "East
// Street".
func StreetKey(c e911.Civic) string {
	if len(c.RD) > utf8.UTFMax || utf8.RuneCountInString(c.RD) != 1 {
		return streetKey(c)
	}
	c.RD = letterStreet + c.RD
	return strings.Replace(streetKey(c), letterStreet, "", 1)
}

// letterStreet begins no word, so that a letter behind it is not read as a
// directional.
const letterStreet = "qqzx"

// NameKey is the key of one field of a street, or of any other text of an address.
func NameKey(s string) string { return folded(s) }

// CountyKey is the key of a county, with or without the word "County".
func CountyKey(s string) string { return county2(s) }

// HouseKey is the key of a part of a house number, without hyphens and spaces.
func HouseKey(s string) string { return strings.ReplaceAll(fold(s), " ", "") }

// InsideKey is the key of a unit, floor or room: what kind of unit it is is a
// matter of habit ("Suite 5", "Ste 5", "#5").
func InsideKey(s string) string { return insideKey(s) }
