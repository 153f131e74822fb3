// Package identify answers who calls: which device, which user, which line,
// each for itself (F-13), and which number calls back (F-21). Disagreement is
// evidence and never blocks a call.
package identify

import (
	"iter"

	"github.com/callbox911/callbox/internal/e911"
)

// Org is what identify asks an organisation; *snapshot.Org is one.
type Org interface {
	Site(e911.SiteID) (e911.Site, bool)
	User(e911.UserID) (e911.User, bool)
	Device(e911.DeviceID) (e911.Device, bool)
	Number(e911.Number) (e911.NumberRec, bool)
	UserByDeviceUserID(string) (e911.User, bool)
	DevicesOf(e911.UserID) []e911.Device
	Sites() iter.Seq[e911.Site]
}

// World is what identify asks outside the organisation; *snapshot.Snapshot is one.
type World interface {
	Model(e911.ModelID) (e911.Model, bool)
}

// Headers are those of the INVITE.
type Headers interface {
	// All returns the values of every header with that name, in order.
	All(name string) []string
}

// Call is what an INVITE from a known trunk says about its caller.
type Call struct {
	Trunk   e911.Trunk
	Headers Headers // P-Asserted-Identity, From and the identity headers are read from it
	// TokenDevice is the device that our location token names, none without one.
	TokenDevice e911.DeviceID
	// AskedHELD tells whether a device ever asked the location server; nil: none did.
	AskedHELD func(e911.DeviceID) bool
}

// Flags that a Result may carry.
const (
	FlagUnknownNumber   = "unknown_number"   // the line is none of the organisation's
	FlagUnknownIdentity = "unknown_identity" // an identity header names nobody
	FlagUnknownDevice   = "unknown_device"   // the token names a device that is gone
	FlagDisagreement    = "disagreement"     // device, user and line are not one person's
	FlagNoLine          = "no_line"          // no number in the INVITE
	FlagCallbackGuessed = "callback_guessed" // not the caller's own, and nobody said it is his desk's
	FlagCallbackUnowned = "callback_unowned" // the number is not one of ours
	FlagNoCallback      = "no_callback"      // there is no number at all to give
)

// HELDClass says what is known about a device's ability to ask HELD.
type HELDClass string

// What is known about HELD.
const (
	HELDUnknown HELDClass = "unknown"
	HELDYes     HELDClass = "held"
	HELDNo      HELDClass = "not_held"
)

// Result says who calls.
type Result struct {
	By     e911.IdentifiedBy
	Device *e911.Device // certain: our token names it
	User   *e911.User
	Line   e911.Number // as asserted, ours or not; none when there is no number
	// LineRec is the line's record when it is ours.
	LineRec *e911.NumberRec
	// Site is the site of the line, else of the user, else of the device.
	Site *e911.Site
	// Devices are those whose location may be asked for: Device alone, else
	// those of the user, else those of the line's owner.
	Devices     []e911.Device
	HELD        HELDClass
	Callback    e911.Number
	CallbackWhy string
	Flags       []string
	Findings    []e911.Finding
}

// Who answers the three questions and chooses the callback number.
func Who(w World, o Org, c Call) Result { return Result{By: e911.ByTrunkOnly} }

// LineOf reads the number out of a name-addr, addr-spec or tel URI as it
// stands in From and P-Asserted-Identity.
func LineOf(value string) (e911.Number, bool) { return "", false }

// CallbackFault says why n cannot be a callback number, "" when it can: a
// callback is a geographic number of the United States or Canada (F-21).
func CallbackFault(n e911.Number) string { return "" }
