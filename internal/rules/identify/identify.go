// Package identify answers who calls: which device, which user, which line,
// each for itself (F-13), and which number calls back (F-21). Disagreement is
// evidence and never blocks a call.
package identify

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
)

// Org is what identify asks an organisation; *snapshot.Org is one.
type Org interface {
	Site(e911.SiteID) (e911.Site, bool)
	User(e911.UserID) (e911.User, bool)
	Device(e911.DeviceID) (e911.Device, bool)
	Number(e911.Number) (e911.NumberRec, bool)
	NumbersOf(e911.UserID) []e911.NumberRec
	UserByDeviceUserID(string) (e911.User, bool)
	// UserLike returns a user whose id has the same Fold as another one.
	UserLike(deviceUserID string) (e911.User, bool)
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

// Call is what an INVITE from a known source says about its caller.
type Call struct {
	Trunk   e911.Trunk // zero when the source is known by its address alone
	Headers Headers    // P-Asserted-Identity, From and the identity headers are read from it
	// TokenDevice is the device that our location token names, none without one.
	TokenDevice e911.DeviceID
	// Registered is the telephone that the call comes from by its registration,
	// none without one. A trunk in front of it has its own word on the line.
	Registered e911.DeviceID
	// AskedHELD tells whether a device ever asked the location server; nil: none did.
	AskedHELD func(e911.DeviceID) bool
}

// Fold writes an id of a user without what people get wrong in it: capitals and
// blanks. It says which id was meant, and never who calls: ids match exactly
// (N-20).
func Fold(id string) string {
	return strings.ToLower(strings.Join(strings.Fields(id), ""))
}

// HeaderDeviceUserID is the header in which platforms name the user (N-10); a
// platform trunk may have another one beside it.
const HeaderDeviceUserID = "E911-User-ID"

// Flags that a Result may carry.
const (
	FlagUnknownNumber   = "unknown_number"   // the line is none of the organisation's
	FlagUnknownIdentity = "unknown_identity" // an identity header names nobody
	FlagUnknownDevice   = "unknown_device"   // the token names a device that is gone
	FlagDisagreement    = "disagreement"     // device, user and line are not one person's
	FlagNoLine          = "no_line"          // no number in the INVITE
	FlagCallbackGuessed = "callback_guessed" // a desk of the organisation, whether or not it is the caller's
	FlagCallbackUnowned = "callback_unowned" // the number is not one of ours
	FlagCallbackBilling = "callback_billing" // the billing number of the lines: nobody may answer it
	FlagNoCallback      = "no_callback"      // there is no number at all to give

	FlagCallbackUnanswered = "callback_unanswered" // a main number that a machine answers
)

// Rules that a Finding of this package names.
const (
	RuleHeader      = "device_user_id_header"
	RuleToken       = "location_token"
	RuleRegistered  = "registration"
	RuleLine        = "registered_line"
	RuleAssertedID  = "p_asserted_identity"
	RuleRemoteParty = "remote_party_id"
	RuleFrom        = "from"
	RuleOwner       = "owner"
	RuleAgreement   = "agreement"
	RuleCBHeader    = "callback_of_user" // N-10
	RuleCBDirect    = "callback_direct_line"
	RuleCBMember    = "callback_member_number"
	RuleCBArea      = "callback_area_ecbn"
	RuleCBSite      = "callback_site_ecbn"
	RuleCBOwn       = "callback_own_number"
	RuleCBMain      = "callback_main_number"
	RuleCBOrg       = "callback_organisation_ecbn"
	RuleCBAsserted  = "callback_asserted_number"
	RuleCBBilling   = "callback_billing_number"
	maxIdentitySize = 256 // longer header values are nobody's id
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
	Device *e911.Device // certain: it registered, or our token names it
	User   *e911.User   // named by a header, else owner of the line, else of the device
	Via    string       // the platform's header that names User; none: he owns line or device
	Line   e911.Number  // as asserted, ours or not; none when there is no number
	// LineRec is the line's record when it is ours.
	LineRec *e911.NumberRec
	// Site is the site of the line, else of the user, else of the device.
	Site *e911.Site
	// Devices are those whose location may be asked for: Device alone, else
	// those of the user.
	Devices  []e911.Device
	HELD     HELDClass
	Flags    []string
	Findings []e911.Finding

	// The number that a PSAP is given, by which rule, how good it is, and why it
	// was chosen. WithCallback sets them.
	Callback    e911.Number
	Level       Level
	Grade       Grade
	CallbackWhy string
}

func (r *Result) find(f e911.Finding) { r.Findings = append(r.Findings, f) }

func (r *Result) flag(name string) {
	if !slices.Contains(r.Flags, name) {
		r.Flags = append(r.Flags, name)
	}
}

// Who answers the three questions. The number to call back depends on where the
// caller is: Result.WithCallback chooses it once that is known.
func Who(w World, o Org, c Call) Result {
	q := &question{world: w, org: o, call: c}
	q.r.By = e911.ByTrunkOnly
	q.line()
	q.passedOn()
	q.device()
	q.user()
	q.agreement()
	q.site()
	q.held()
	return q.r
}

// question holds what one Who finds out on its way.
type question struct {
	world World
	org   Org
	call  Call
	r     Result
	named *e911.User // by an identity header
}

func (q *question) find(f e911.Finding) { q.r.find(f) }

func (q *question) flag(name string) { q.r.flag(name) }

func (q *question) header(name string) []string {
	if q.call.Headers == nil {
		return nil
	}
	return q.call.Headers.All(name)
}

// line takes the first asserted number that is ours, else the first number at
// all: P-Asserted-Identity before From (F-13).
func (q *question) line() {
	type asserted struct {
		rule   string
		number e911.Number
	}
	var all []asserted
	if n := q.registeredLine(); n != "" {
		all = append(all, asserted{RuleLine, n})
	}
	for _, h := range lineHeaders(q.call.Trunk) {
		if h.rule != RuleFrom && q.ofPhone() {
			continue // a telephone asserts nothing (F-13)
		}
		for _, header := range q.header(h.name) {
			for _, value := range splitValues(header) {
				n, ok := LineOf(value)
				if !ok {
					q.find(e911.Finding{Rule: h.rule, Said: UserOf(value), Why: "this is no telephone number"})
					continue
				}
				all = append(all, asserted{h.rule, n})
			}
		}
	}
	if len(all) == 0 {
		q.flag(FlagNoLine)
		return
	}
	chosen := slices.IndexFunc(all, func(a asserted) bool {
		rec, ok := q.org.Number(a.number)
		if ok {
			q.r.LineRec = &rec
		}
		return ok
	})
	if chosen < 0 {
		q.flag(FlagUnknownNumber)
		chosen = 0
	} else {
		q.r.By = e911.ByLineNumber
	}
	q.r.Line = all[chosen].number
	for i, a := range all {
		f := e911.Finding{Rule: a.rule, Said: string(a.number), Chosen: i == chosen}
		switch {
		case i == chosen && q.r.LineRec != nil:
			f.Why = "the line: a number of the organisation"
		case i == chosen:
			f.Why = "the line as asserted; it is none of the organisation's numbers"
		case a.number == q.r.Line:
			f.Why = "says the same"
		default:
			f.Why = "another number was chosen: ours before others, P-Asserted-Identity before From"
		}
		q.find(f)
	}
}

// ofPhone reports a call from a telephone of ours without a trunk between.
func (q *question) ofPhone() bool { return q.call.Registered != "" && q.call.Trunk.ID == "" }

// registeredLine is the number that stands for the telephone.
func (q *question) registeredLine() e911.Number {
	if !q.ofPhone() {
		return ""
	}
	d, ok := q.org.Device(q.call.Registered)
	if !ok || d.SIP == nil {
		return ""
	}
	return d.SIP.Line
}

// device is certain only where a telephone registered, or our own token names
// it. The two must agree; the registration counts (F-13).
func (q *question) device() {
	if id := q.call.Registered; id != "" {
		q.registered(id)
	}
	id := q.call.TokenDevice
	if q.r.Device != nil {
		if id != "" && id != q.r.Device.ID {
			q.flag(FlagDisagreement)
			q.find(e911.Finding{Rule: RuleToken, Said: string(id), Why: "the location token names another device than the one that registered"})
		}
		return
	}
	if id == "" {
		return
	}
	d, ok := q.org.Device(id)
	if !ok {
		q.flag(FlagUnknownDevice)
		q.find(e911.Finding{Rule: RuleToken, Said: string(id), Why: "the device of the location token is not one of the organisation's"})
		return
	}
	q.r.Device, q.r.By = &d, e911.ByLocationToken
	q.find(e911.Finding{Rule: RuleToken, Said: d.Key, Chosen: true, Why: "the location token names this device"})
}

func (q *question) registered(id e911.DeviceID) {
	d, ok := q.org.Device(id)
	if !ok {
		q.flag(FlagUnknownDevice)
		q.find(e911.Finding{Rule: RuleRegistered, Said: string(id), Why: "the telephone that registered is not one of the organisation's any more"})
		return
	}
	q.r.Device, q.r.By = &d, e911.ByRegistration
	q.find(e911.Finding{Rule: RuleRegistered, Said: d.Key, Chosen: true, Why: "the call comes by the way that this telephone registered by"})
}

// user reads the identity headers of platform trunks, exactly; without a match
// the user is the owner of the line, else of the device.
func (q *question) user() {
	for _, name := range userHeaders(q.call.Trunk) {
		for _, value := range q.header(name) {
			q.claim(name, strings.TrimSpace(value))
		}
	}
	switch {
	case q.named != nil:
		q.r.User, q.r.By = q.named, e911.ByDeviceUserID
	case q.r.LineRec != nil && q.owner(q.r.LineRec.User, "the owner of the line"):
	case q.r.Device != nil && q.owner(q.r.Device.User, "the owner of the device"):
	}
}

func (q *question) claim(header, id string) {
	f := e911.Finding{Rule: RuleHeader, Said: header + ": " + id}
	if len(id) > maxIdentitySize {
		f.Said = header + ": (too long)"
	}
	defer func() { q.find(f) }()
	if q.call.Trunk.Side != e911.SidePlatform {
		f.Why = "who calls may be said by platform trunks only"
		return
	}
	u, ok := e911.User{}, false
	if id != "" && len(id) <= maxIdentitySize {
		u, ok = q.org.UserByDeviceUserID(id)
	}
	switch {
	case !ok:
		q.flag(FlagUnknownIdentity)
		f.Why = "no user of the organisation has this id; it must match as a whole"
		if near, is := q.org.UserLike(id); is && id != "" && len(id) <= maxIdentitySize {
			f.Why = fmt.Sprintf("no user of the organisation has this id: that of %s, %q, differs in capitals or blanks, and it must match as a whole", near.Name, near.DeviceUserID)
		}
	case q.named == nil:
		q.named, q.r.Via = &u, header
		f.Chosen, f.Why = true, "the user whom the platform names: "+u.Name
	case q.named.ID == u.ID:
		f.Why = "says the same"
	default:
		q.flag(FlagDisagreement)
		f.Why = "names another user than the header before it"
	}
}

func (q *question) owner(id e911.UserID, why string) bool {
	if id == "" {
		return false
	}
	u, ok := q.org.User(id)
	if !ok {
		return false
	}
	q.r.User = &u
	q.find(e911.Finding{Rule: RuleOwner, Said: u.Key, Chosen: true, Why: why})
	return true
}

// agreement says where device, line and header are not one person's. It blocks
// nothing (F-13).
func (q *question) agreement() {
	type said struct {
		what string
		user e911.UserID
	}
	var all []said
	if q.named != nil {
		all = append(all, said{"the header " + q.r.Via, q.named.ID})
	}
	if q.r.Device != nil && q.r.Device.User != "" {
		all = append(all, said{"the owner of the device", q.r.Device.User})
	}
	if q.r.LineRec != nil && q.r.LineRec.User != "" {
		all = append(all, said{"the owner of the line", q.r.LineRec.User})
	}
	for i := 1; i < len(all); i++ {
		if all[i].user == all[0].user {
			continue
		}
		q.flag(FlagDisagreement)
		said := string(all[i].user)
		if u, ok := q.org.User(all[i].user); ok {
			said = u.Key
		}
		q.find(e911.Finding{Rule: RuleAgreement, Said: said, Why: all[i].what + " is not the user of " + all[0].what + "; location follows the device, the callback number follows the line"})
	}
}

func (q *question) site() {
	for _, id := range q.r.siteIDs() {
		if s, ok := q.org.Site(id); ok {
			q.r.Site = &s
			return
		}
	}
}

// siteIDs lists the caller's sites: the callback follows line, then user, then
// device.
func (r *Result) siteIDs() []e911.SiteID {
	var ids []e911.SiteID
	add := func(id e911.SiteID) {
		if id != "" && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	if r.LineRec != nil {
		add(r.LineRec.Site)
	}
	if r.User != nil {
		add(r.User.Site)
	}
	if r.Device != nil {
		add(r.Device.Site)
	}
	return ids
}

// held lists the devices that may be the caller's and what they can do. A user
// with one device that asks HELD counts as nomadic: his number's address must
// not stand for him (F-04).
func (q *question) held() {
	q.r.HELD = HELDUnknown
	switch {
	case q.call.TokenDevice != "":
		q.r.HELD = HELDYes // only a device that asked has a token
		if q.r.Device != nil {
			q.r.Devices = []e911.Device{*q.r.Device}
		}
	case q.r.Device != nil:
		q.r.Devices, q.r.HELD = []e911.Device{*q.r.Device}, HELDNo
		if q.asksHELD(*q.r.Device) {
			q.r.HELD = HELDYes
		}
	case q.r.User != nil:
		q.r.Devices = q.org.DevicesOf(q.r.User.ID)
		for _, d := range q.r.Devices {
			if q.asksHELD(d) {
				q.r.HELD = HELDYes
				return
			}
			q.r.HELD = HELDNo
		}
	}
}

func (q *question) asksHELD(d e911.Device) bool {
	if q.call.AskedHELD != nil && q.call.AskedHELD(d.ID) {
		return true
	}
	if d.Model == "" {
		return false
	}
	m, ok := q.world.Model(d.Model)
	return ok && m.HELD
}
