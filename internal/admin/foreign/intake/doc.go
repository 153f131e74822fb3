// Package intake is what the readers of other products' exports share: it
// unpacks and decodes their files, finds columns by the names that each product
// gives them, and keeps for every value that comes over the line and column of
// the customer's own file. What has no place with us is listed, never ignored in
// silence, and what is uncertain is a warning of its row, never a guess.
//
// Readers turn a file into the tables of package sheet, so that what comes from
// elsewhere is checked by the same rules as what is typed here. It has no I/O
// beyond the files that it is given.
package intake
