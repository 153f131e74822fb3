// Package ownphone lets a user set up his own telephone or app without an
// administrator (C-64): he gets a name and a password to register with, renews it,
// and takes it away. Whoever has a number or a device, in an organisation whose
// telephones register with Callbox and that allows it, may.
//
// A password is made here, told once to who asked for it, and sealed like every
// other. One that was renewed or taken away closes nothing to a call for help: the
// telephone is known for 30 days (F-10), and its account stays as long, so that such
// a call still says whose it is.
package ownphone
