// Package lost reads and writes LoST, the protocol that maps a location and a
// service URN to the URI of who is responsible there.
package lost
