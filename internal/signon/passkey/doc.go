// Package passkey speaks W3C Web Authentication (Level 3) with the authenticators of
// browsers, for admin/signon, which keeps what they make and decides who may.
package passkey
