// Package callback brings calls back from PSAPs to those who called (E6, F-11,
// F-12, F-30, W-07, W-54). It remembers which number was given to which PSAP for
// whom, lends the ELINs of a location, one to each call (F-08), and owns every
// INVITE that is no emergency call: in the call, and in a window after its end,
// one to such a number rings the telephone that called, then the user's own
// callback number, then the security desk of the site, whatever its headers say
// and whatever the telephone's settings are.
//
// All of it is in memory; the journal's facts of it are read again after a
// restart (Restore).
package callback
