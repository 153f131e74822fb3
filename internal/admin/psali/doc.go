// Package psali gets the records of ELINs into a carrier's ALI database, and
// knows how far each has come (F-39 (1)): files of NENA 02-010 version 2.1 out,
// the carrier's answers in, what people saw on a screen, and a preview of what a
// screen will show.
//
// The formats follow secondary sources, not the standard's own text; what that
// leaves open is in docs/psali.md.
package psali
