// Package firstuse asks every user for his location before first use (N-07), shows
// him what 911 depends on and keeps that he read it (N-08), and lets him keep his
// location and callback number up to date (N-45). Nothing of it stands between a
// caller and help: 911 works from the first minute, whatever is open here (F-24).
package firstuse

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/edit"
	"github.com/callbox911/callbox/internal/admin/setup"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/identify"
	"github.com/callbox911/callbox/internal/snapshot"
)

// Said is what became of a place that a user said for one of his devices.
type Said struct {
	Taken   bool     `json:"taken"`
	Place   string   `json:"place,omitempty"`
	Why     string   `json:"why,omitempty"`
	Faults  []string `json:"faults,omitempty"`
	MayMean []string `json:"may_mean,omitempty"` // addresses
}

// Devices keep what users say for the devices on which they are signed in, and for
// themselves.
type Devices interface {
	// Say is empty when he is signed in nowhere.
	Say(org e911.OrgID, user e911.UserID, location e911.LocationID, text string) ([]Said, error)
	// Register keeps where he is, whatever he has to call from: calls say it that
	// nothing better locates. An address that is not taken changes nothing.
	Register(org e911.OrgID, user e911.UserID, location e911.LocationID, text string) (Said, error)
	SayCallback(org e911.OrgID, user e911.UserID, n e911.Number) error
	Kept(org e911.OrgID, user e911.UserID) Kept
}

// Kept is what is kept of what a user said.
type Kept struct {
	Callback e911.Number
	// Place is what he said last for a device that he is signed in on; none: nothing.
	Place string
	// Registered is the place of his, whatever he calls from; none: he said none.
	Registered string
	// SignedIn are the devices that he is signed in on by a client.
	SignedIn []e911.DeviceID
}

// Setup keeps who accepted which text.
type Setup interface {
	UserAccepted(ctx context.Context, org e911.OrgID, user e911.UserID) (bool, error)
	UsersAccepted(ctx context.Context, org e911.OrgID) (map[e911.UserID]bool, error)
	Acknowledge(ctx context.Context, who admin.Actor, org e911.OrgID, a setup.Acknowledgement) (setup.Acceptance, error)
}

// Numbers changes numbers. *edit.Objects[e911.NumberRec] is one.
type Numbers interface {
	Get(ctx context.Context, org e911.OrgID, id string) (edit.Stored[e911.NumberRec], error)
	Update(ctx context.Context, who admin.Actor, n e911.NumberRec, version int64) (edit.Stored[e911.NumberRec], error)
}

// Config is what a Desk needs. What is asked for each time may be missing while the
// database is away: then the error is Unavailable.
type Config struct {
	World   func() *snapshot.Snapshot
	Setup   func() (Setup, error)
	Numbers func() (Numbers, error)
	Feeds   admin.Feeds
	Devices Devices
	// Placed hears of who has said where he is; nil: nobody does.
	Placed func(ctx context.Context, org e911.OrgID, user e911.UserID) error
}

// Desk has the use cases. Safe for concurrent use.
type Desk struct{ cfg Config }

// New checks the configuration.
func New(cfg Config) (*Desk, error) {
	if cfg.World == nil || cfg.Setup == nil || cfg.Numbers == nil || cfg.Feeds == nil || cfg.Devices == nil {
		return nil, e911.Errorf(e911.Invalid, "first use needs a world, a set-up, numbers, directories and devices")
	}
	return &Desk{cfg}, nil
}

// Own is what a user sees of himself.
type Own struct {
	User     e911.UserID `json:"user"`
	Name     string      `json:"name"`
	Site     string      `json:"site,omitempty"`
	Text     setup.Text  `json:"text"`
	Accepted bool        `json:"accepted"`
	// Lines are his numbers, each with the address that a call from it has at least.
	Lines []Line `json:"lines,omitempty"`
	// Devices are those that are his, and those that he is signed in on by a client.
	Devices []Device `json:"devices,omitempty"`
	// Place is what he said last for a device of his.
	Place string `json:"place,omitempty"`
	// Registered is the place that he said is his, whatever he calls from.
	Registered string `json:"registered,omitempty"`
	Placed     bool   `json:"placed"`
	// Asked is what is open of what he was asked.
	Asked    []Ask       `json:"asked"`
	Callback e911.Number `json:"callback,omitempty"`
	// Synced are fields that a directory feeds; he cannot change them.
	Synced    []string `json:"synced,omitempty"`
	Directory string   `json:"directory,omitempty"`
}

// Ask is something that a user is asked before first use. Nothing of it stands before
// a call (F-24).
type Ask string

// What is asked.
const (
	AskPlace  Ask = "place"  // where he is (N-07)
	AskAccept Ask = "accept" // that he read what 911 depends on (N-08)
)

// Device is a device of a user.
type Device struct {
	ID       e911.DeviceID `json:"id"`
	Key      string        `json:"key,omitempty"` // none: it is not configured
	SignedIn bool          `json:"signed_in"`     // by a client: it takes what he says
}

// Line is a number of a user.
type Line struct {
	Number e911.Number `json:"number"`
	Place  string      `json:"place,omitempty"` // none: that of the site
}

// Choice is a place of the organisation that a user may choose.
type Choice struct {
	ID      e911.LocationID `json:"id"`
	Key     string          `json:"key"`
	Display string          `json:"display"`
}

var errNobody = e911.Errorf(e911.NotFound, "no user of the organisation has your address: ask your administrator to enter it with your user")

// find is the only user of an organisation who has a mail address. Two of one address
// are nobody: whose place it would be is not guessed.
func (d *Desk) find(org e911.OrgID, email string) (*snapshot.Org, e911.User, error) {
	o := d.cfg.World().Org(org)
	email = strings.ToLower(strings.TrimSpace(email))
	if org == "" || o == nil || email == "" {
		return nil, e911.User{}, errNobody
	}
	var found []e911.User
	for u := range o.Users() {
		if own := strings.TrimSpace(u.Email); strings.EqualFold(own, email) && strings.ToLower(own) == email {
			found = append(found, u)
		}
	}
	if len(found) != 1 {
		return nil, e911.User{}, errNobody
	}
	return o, found[0], nil
}

// Has reports whether a user of the organisation has the address.
func (d *Desk) Has(org e911.OrgID, email string) bool {
	_, _, err := d.find(org, email)
	return err == nil
}

func text() setup.Text {
	all := setup.Texts()
	return all[slices.IndexFunc(all, func(t setup.Text) bool { return t.Key == setup.UserLimits })]
}

// Of is what the user of an address sees of himself; NotFound: he is no user.
func (d *Desk) Of(ctx context.Context, org e911.OrgID, email string) (Own, error) {
	o, u, err := d.find(org, email)
	if err != nil {
		return Own{}, err
	}
	return d.of(ctx, o, u)
}

func (d *Desk) of(ctx context.Context, o *snapshot.Org, u e911.User) (Own, error) {
	st, err := d.cfg.Setup()
	if err != nil {
		return Own{}, err
	}
	kept := d.cfg.Devices.Kept(o.ID(), u.ID)
	own := Own{
		User: u.ID, Name: u.Name, Text: text(), Callback: cmp.Or(kept.Callback, u.Callback), Place: kept.Place, Registered: kept.Registered,
		Devices: devices(o, u.ID, kept.SignedIn), Asked: []Ask{},
	}
	if s, ok := o.Site(u.Site); ok {
		own.Site = s.Name
	}
	if own.Accepted, err = st.UserAccepted(ctx, o.ID(), u.ID); err != nil {
		return Own{}, err
	}
	for _, n := range o.NumbersOf(u.ID) {
		l := Line{Number: n.Number}
		if p, ok := o.Place(n.Location); ok && n.Location != "" {
			l.Place = p.Display
		}
		own.Lines = append(own.Lines, l)
	}
	own.Placed = identify.Placed(u.ID, o.NumbersOf(u.ID), cmp.Or(own.Place, own.Registered))
	if !own.Placed {
		own.Asked = append(own.Asked, AskPlace)
	}
	if !own.Accepted {
		own.Asked = append(own.Asked, AskAccept)
	}
	fed, err := d.cfg.Feeds.Fed(ctx, o.ID(), u.ID)
	if err != nil {
		return Own{}, err
	}
	if f, ok := fed[u.ID]; ok {
		own.Synced, own.Directory = f.Fields, f.Directory
		if f.Location {
			own.Synced = append(slices.Clone(f.Fields), "location")
		}
	}
	return own, nil
}

// devices are those that are configured as a user's, and the others that he is signed
// in on.
func devices(o *snapshot.Org, user e911.UserID, signedIn []e911.DeviceID) (out []Device) {
	for _, v := range o.DevicesOf(user) {
		out = append(out, Device{ID: v.ID, Key: v.Key, SignedIn: slices.Contains(signedIn, v.ID)})
	}
	for _, id := range signedIn {
		if slices.ContainsFunc(out, func(v Device) bool { return v.ID == id }) {
			continue
		}
		v, _ := o.Device(id)
		out = append(out, Device{ID: id, Key: v.Key, SignedIn: true})
	}
	return out
}

// Accept keeps that a user read the text in the version that he names.
func (d *Desk) Accept(ctx context.Context, who admin.Actor, org e911.OrgID, email, version string) error {
	_, u, err := d.find(org, email)
	if err != nil {
		return err
	}
	st, err := d.cfg.Setup()
	if err != nil {
		return err
	}
	_, err = st.Acknowledge(ctx, who, org, setup.Acknowledgement{Text: setup.UserLimits, Version: version, User: string(u.ID)})
	return err
}

// maxChoices is how many places are shown; more are found by words.
const maxChoices = 100

// Choices are the places that have all the words, those of the user's site first;
// more says that there are others.
func (d *Desk) Choices(org e911.OrgID, email, words string) (list []Choice, more bool, err error) {
	o, u, err := d.find(org, email)
	if err != nil {
		return nil, false, err
	}
	type found struct {
		Choice
		here int
	}
	var all []found
	ask := strings.Fields(strings.ToLower(words))
	for l := range o.Locations() {
		p, ok := o.Place(l.ID)
		if !ok {
			continue
		}
		line := strings.ToLower(p.Display + " " + p.Key)
		if slices.ContainsFunc(ask, func(w string) bool { return !strings.Contains(line, w) }) {
			continue
		}
		f := found{Choice{l.ID, l.Key, p.Display}, 1}
		if b, ok := o.Building(l.Building); ok && b.Site == u.Site {
			f.here = 0
		}
		all = append(all, f)
	}
	slices.SortFunc(all, func(a, b found) int {
		return cmp.Or(a.here-b.here, cmp.Compare(a.Display, b.Display), cmp.Compare(a.ID, b.ID))
	})
	for _, f := range all[:min(len(all), maxChoices)] {
		list = append(list, f.Choice)
	}
	return list, len(all) > maxChoices, nil
}

// Answer is what became of where a user says he is.
type Answer struct {
	Devices []Said `json:"devices,omitempty"`
	// Lines are his numbers whose address it is from now on.
	Lines []e911.Number `json:"lines,omitempty"`
	// Registered says that it is his place from now on, whatever he calls from.
	Registered bool `json:"registered,omitempty"`
}

// Nowhere reports that nothing is there yet which would call from the place: it is
// kept for the telephone or number that he gets.
func (a Answer) Nowhere() bool { return a.Registered && len(a.Devices)+len(a.Lines) == 0 }

// At keeps that a user is at a place of the organisation: for the devices that he is
// signed in on, as the address of his numbers, and for what he gets later.
func (d *Desk) At(ctx context.Context, who admin.Actor, org e911.OrgID, email string, location e911.LocationID) (Answer, error) {
	o, u, err := d.find(org, email)
	if err != nil {
		return Answer{}, err
	}
	if _, ok := o.Place(location); !ok || location == "" {
		return Answer{}, refuse("location", "unknown", "there is no such place", "choose one of the list")
	}
	own, err := d.of(ctx, o, u)
	if err != nil {
		return Answer{}, err
	}
	var out Answer
	fed := slices.Contains(own.Synced, "location")
	if !fed {
		if out.Lines, err = d.lines(ctx, who, o, u, location); err != nil {
			return out, err
		}
	}
	if !fed || len(own.Lines) == 0 {
		if _, err := d.cfg.Devices.Register(org, u.ID, location, ""); err != nil {
			return out, err
		}
		out.Registered = true
	}
	if out.Devices, err = d.cfg.Devices.Say(org, u.ID, location, ""); err != nil {
		return out, err
	}
	if len(out.Devices) == 0 && !out.Registered {
		return out, refuse("location", admin.CodeSynced, fmt.Sprintf("the directory %s says where your line is", own.Directory), "have it changed in the directory, or set your place in the Callbox client on your device")
	}
	return out, d.placed(ctx, org, u.ID)
}

// nowhere tells who is elsewhere, and has what calls from a place of its own, what to do.
func nowhere() error {
	return refuse("address", "no_device", "your telephone or number here has a place of its own, and you are signed in on no device that you took along",
		"sign in to the Callbox client on your device and set your place there, or ask your administrator; in an emergency dial 911 and say your address first")
}

func refuse(path, code, msg, fix string) error {
	return &e911.Error{Kind: e911.Invalid, Msg: "the place was not kept", Faults: []e911.Fault{{Path: path, Code: code, Msg: msg, Fix: fix}}}
}

// lines gives the numbers of a user an address.
func (d *Desk) lines(ctx context.Context, who admin.Actor, o *snapshot.Org, u e911.User, location e911.LocationID) (out []e911.Number, err error) {
	has := o.NumbersOf(u.ID)
	if len(has) == 0 {
		return nil, nil
	}
	numbers, err := d.cfg.Numbers()
	if err != nil {
		return nil, err
	}
	for _, n := range has {
		stored, err := numbers.Get(ctx, o.ID(), string(n.ID))
		if err != nil {
			return out, err
		}
		if stored.Value.User != u.ID {
			continue // somebody else's meanwhile
		}
		stored.Value.Location = location
		if _, err := numbers.Update(ctx, who, stored.Value, stored.Version); err != nil {
			return out, err
		}
		out = append(out, n.Number)
	}
	return out, nil
}

// Elsewhere keeps an address off the premises, for the devices that a user is signed
// in on, or, where he has nothing at all to call from, for what he gets later. Of who
// has a telephone or a number here it is not known that he took it along: he is told
// what to do. An address that is not taken changes nothing (N-42).
func (d *Desk) Elsewhere(ctx context.Context, org e911.OrgID, email, address string) (Answer, error) {
	o, u, err := d.find(org, email)
	if err != nil {
		return Answer{}, err
	}
	if address = strings.TrimSpace(address); address == "" {
		return Answer{}, refuse("address", "required", "no address was written", "write it on one line: 12 Elm Street, Unit 3, Cambridge, MA 02139")
	}
	var out Answer
	if out.Devices, err = d.cfg.Devices.Say(org, u.ID, "", address); err != nil {
		return out, err
	}
	judged := slices.Clone(out.Devices)
	if len(out.Devices) == 0 {
		if len(o.DevicesOf(u.ID))+len(o.NumbersOf(u.ID)) > 0 {
			return out, nowhere()
		}
		said, err := d.cfg.Devices.Register(org, u.ID, "", address)
		if err != nil {
			return out, err
		}
		out.Registered, judged = said.Taken, []Said{said}
	}
	for _, s := range judged {
		if s.Taken {
			return out, d.placed(ctx, org, u.ID)
		}
	}
	e := e911.Errorf(e911.Invalid, "the address was not taken; what was known before still counts")
	for _, f := range append([]string{judged[0].Why}, judged[0].Faults...) {
		if f != "" {
			e.Faults = append(e.Faults, e911.Fault{Path: "address", Code: "invalid", Msg: f, Fix: strings.Join(judged[0].MayMean, "; or ")})
		}
	}
	return out, e
}

// Leave refuses: a user cannot take himself off the list (N-45).
func (*Desk) Leave() error {
	return e911.Errorf(e911.Denied, "you cannot delete yourself: your administrator can")
}

// SetCallback keeps the number by which a PSAP calls a user back; none takes his own
// choice away.
func (d *Desk) SetCallback(ctx context.Context, org e911.OrgID, email, number string) error {
	o, u, err := d.find(org, email)
	if err != nil {
		return err
	}
	own, err := d.of(ctx, o, u)
	if err != nil {
		return err
	}
	if slices.Contains(own.Synced, "callback") {
		return refuse("callback", admin.CodeSynced, fmt.Sprintf("the directory %s feeds your callback number", own.Directory), "have it changed in the directory")
	}
	var n e911.Number
	if strings.TrimSpace(number) != "" {
		if n, err = e911.ParseNumber(number); err != nil {
			return refuse("callback", "format", "this is no telephone number", "write +16175550100, or ten digits")
		}
	}
	return d.cfg.Devices.SayCallback(org, u.ID, n)
}

func (d *Desk) placed(ctx context.Context, org e911.OrgID, user e911.UserID) error {
	if d.cfg.Placed == nil {
		return nil
	}
	return d.cfg.Placed(ctx, org, user)
}

// Open is a user who was asked and did not answer yet.
type Open struct {
	User     e911.UserID `json:"user"`
	Key      string      `json:"key"`
	Name     string      `json:"name"`
	Email    string      `json:"email,omitempty"`
	Placed   bool        `json:"placed"`
	Accepted bool        `json:"accepted"`
	Since    time.Time   `json:"since,omitzero"` // when he was asked; zero: not known
	// Reminded is how often he was written to since, Last when; Unwritten is why nobody
	// writes to him.
	Reminded  int       `json:"reminded"`
	Last      time.Time `json:"last_reminded,omitzero"`
	Unwritten string    `json:"unwritten,omitempty"`
}

// Report lists the users of an organisation without a location, or who did not read
// the text, by key; since says since when some have no location.
func (d *Desk) Report(ctx context.Context, org e911.OrgID, since map[e911.UserID]time.Time) ([]Open, error) {
	o := d.cfg.World().Org(org)
	if o == nil {
		return nil, e911.Errorf(e911.NotFound, "there is no such organisation, or it was made this moment")
	}
	st, err := d.cfg.Setup()
	if err != nil {
		return nil, err
	}
	accepted, err := st.UsersAccepted(ctx, org)
	if err != nil {
		return nil, err
	}
	out := []Open{}
	for u := range o.Users() {
		x := Open{User: u.ID, Key: u.Key, Name: u.Name, Email: u.Email, Since: since[u.ID]}
		kept := d.cfg.Devices.Kept(org, u.ID)
		x.Placed = identify.Placed(u.ID, o.NumbersOf(u.ID), cmp.Or(kept.Place, kept.Registered))
		x.Accepted = accepted[u.ID]
		if !x.Placed || !x.Accepted {
			out = append(out, x)
		}
	}
	slices.SortFunc(out, func(a, b Open) int { return cmp.Compare(a.Key, b.Key) })
	return out, nil
}
