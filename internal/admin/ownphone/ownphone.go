package ownphone

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/edit"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/snapshot"
)

// The bounds.
const (
	// MaxLive is how many telephones of his own a user has at a time.
	MaxLive = 5
	// maxChanges is how many passwords of a user change in an hour.
	maxChanges = 10
	// keepEnded is how long an account without a password stays: a day longer than
	// the registrar knows where its telephone was.
	keepEnded = 31 * 24 * time.Hour
)

// ErrTooMany says that a user changed passwords too often.
var ErrTooMany = e911.Errorf(e911.Unavailable, "you changed telephones %d times within an hour: wait an hour; 911 works from all of them meanwhile", maxChanges)

// Devices keeps devices. *edit.Objects[e911.Device] is one.
type Devices interface {
	Get(ctx context.Context, org e911.OrgID, id string) (edit.Stored[e911.Device], error)
	Find(ctx context.Context, q admin.Query) ([]edit.Stored[e911.Device], error)
	Create(ctx context.Context, who admin.Actor, d e911.Device) (edit.Stored[e911.Device], error)
	Update(ctx context.Context, who admin.Actor, d e911.Device, version int64) (edit.Stored[e911.Device], error)
	Delete(ctx context.Context, who admin.Actor, org e911.OrgID, id string, version int64) error
}

// Registration is one place where a telephone is registered now.
type Registration struct {
	Agent string    `json:"agent,omitempty"` // what it calls itself
	Since time.Time `json:"since"`
	Until time.Time `json:"until"`
}

// Way is a transport and port by which telephones reach the server.
type Way struct {
	Transport string `json:"transport"` // udp, tcp, tls, ws, wss
	Port      uint16 `json:"port"`
}

// Config is what a Desk needs.
type Config struct {
	// User finds who has an address in an organisation; firstuse.Desk.User does.
	User func(org e911.OrgID, email string) (*snapshot.Org, e911.User, error)
	// Devices is Unavailable while the database is away.
	Devices func() (Devices, error)
	// Registered is where somebody is registered at this node, the latest first.
	Registered func(org e911.OrgID, sipUser string) []Registration
	Ways       func() []Way
	Now        func() time.Time
}

// Desk has the use cases. Safe for concurrent use.
type Desk struct {
	cfg     Config
	changes changes
}

// New checks the configuration.
func New(cfg Config) (*Desk, error) {
	if cfg.User == nil || cfg.Devices == nil || cfg.Registered == nil || cfg.Ways == nil || cfg.Now == nil {
		return nil, e911.Errorf(e911.Invalid, "telephones of users need users, devices, registrations, ways and a clock")
	}
	return &Desk{cfg: cfg}, nil
}

// Phone is a telephone of a user.
type Phone struct {
	ID   e911.DeviceID `json:"id"`
	Name string        `json:"name"`
	// User is the name that it registers with, Line the number that stands for it.
	User string      `json:"user"`
	Line e911.Number `json:"line,omitempty"`
	// Own: he made it himself, may renew its password and take it away.
	Own        bool           `json:"own"`
	Made       time.Time      `json:"made,omitzero"`
	Ended      time.Time      `json:"ended,omitzero"` // its password was taken away; 911 from it is heard
	Registered []Registration `json:"registered,omitempty"`
}

// Own is what a user sees of his telephones.
type Own struct {
	// Domain is the server, registrar and realm of his telephones.
	Domain string        `json:"domain,omitempty"`
	Ways   []Way         `json:"ways,omitempty"`
	Lines  []e911.Number `json:"lines,omitempty"` // of which one may stand for a telephone
	// Closed says why he sets up none; none: he may.
	Closed string `json:"closed,omitempty"`
	// ReadOnly says why nothing can be changed at present; none: it can.
	ReadOnly string  `json:"read_only,omitempty"`
	Phones   []Phone `json:"phones"`
}

// Made is a telephone with its password, which is told here and never again.
type Made struct {
	Phone    Phone       `json:"phone"`
	Domain   string      `json:"domain"`
	Ways     []Way       `json:"ways,omitempty"`
	Password e911.Secret `json:"password"`
}

// Wish is a telephone to be set up.
type Wish struct {
	Name string      `json:"name,omitempty" doc:"What you call it" example:"my desk"`
	Line e911.Number `json:"line,omitempty" doc:"Which of your numbers stands for it; none: your first" example:"+16175550111"`
	// Once names one press of a button: what comes twice is done once.
	Once string `json:"-"`
}

// Of is what the user of an address sees; NotFound: he is no user. It needs no
// database.
func (d *Desk) Of(org e911.OrgID, email string) (Own, error) {
	o, u, err := d.cfg.User(org, email)
	if err != nil {
		return Own{}, err
	}
	own := Own{Domain: o.Config().SIPDomain, Ways: d.cfg.Ways(), Lines: lines(o, u), Closed: closed(o, u), Phones: []Phone{}}
	if _, err := d.cfg.Devices(); err != nil {
		own.ReadOnly = "the database is away: nothing can be changed now; your telephones go on, and 911 works from them"
	}
	for _, v := range o.DevicesOf(u.ID) {
		if v.SIP != nil {
			own.Phones = append(own.Phones, d.phone(v))
		}
	}
	slices.SortFunc(own.Phones, func(a, b Phone) int {
		return cmp.Or(a.Ended.Compare(b.Ended), a.Made.Compare(b.Made), cmp.Compare(a.Name, b.Name))
	})
	return own, nil
}

func (d *Desk) phone(v e911.Device) Phone {
	p := Phone{ID: v.ID, Name: v.Key, User: v.SIP.User, Line: v.SIP.Line, Registered: d.cfg.Registered(v.Org, v.SIP.User)}
	if own := v.SIP.Own; own != nil {
		p.Own, p.Name, p.Made, p.Ended = true, cmp.Or(own.Name, v.Key), own.Made, own.Ended
	}
	return p
}

// lines are the numbers of a user that may stand for a telephone.
func lines(o *snapshot.Org, u e911.User) (out []e911.Number) {
	for _, n := range o.NumbersOf(u.ID) {
		if n.InService() && !n.ELIN {
			out = append(out, n.Number)
		}
	}
	slices.Sort(out)
	return out
}

// closed says why a user sets up no telephone by himself; none: he may.
func closed(o *snapshot.Org, u e911.User) string {
	switch {
	case o.Config().SIPDomain == "":
		return "telephones of your organisation do not register with Callbox: ask your administrator how yours is set up"
	case o.Config().OwnPhonesOff:
		return "your organisation sets telephones up itself: ask your administrator for one"
	case len(lines(o, u)) == 0 && len(o.DevicesOf(u.ID)) == 0:
		return "no number is assigned to you yet: ask your administrator"
	}
	return ""
}

// entitled finds a user who may set up telephones.
func (d *Desk) entitled(org e911.OrgID, email string) (*snapshot.Org, e911.User, error) {
	o, u, err := d.cfg.User(org, email)
	if err != nil {
		return nil, u, err
	}
	if why := closed(o, u); why != "" {
		return nil, u, e911.Errorf(e911.Denied, "%s", why)
	}
	return o, u, nil
}

// SetUp makes a telephone of a user's own.
func (d *Desk) SetUp(ctx context.Context, who admin.Actor, org e911.OrgID, email string, w Wish) (Made, error) {
	o, u, err := d.entitled(org, email)
	if err != nil {
		return Made{}, err
	}
	devices, err := d.cfg.Devices()
	if err != nil {
		return Made{}, err
	}
	name, line, err := w.check(lines(o, u))
	if err != nil {
		return Made{}, err
	}
	if !d.changes.take(org, u.ID, d.cfg.Now()) {
		return Made{}, ErrTooMany
	}
	if err := d.room(ctx, who, devices, u); err != nil {
		return Made{}, err
	}
	secret := password()
	made, err := devices.Create(ctx, who, e911.Device{
		Org: org, Site: u.Site, Key: "own-" + w.once(), User: u.ID,
		SIP: &e911.SIPAccount{User: sipUser(), Secret: secret, Line: line, Own: &e911.OwnPhone{Name: name, Made: d.stamp()}},
	})
	if err != nil {
		return Made{}, told(err)
	}
	return d.made(o, made.Value, secret), nil
}

// told says of what was done a moment ago that it was.
func told(err error) error {
	for _, f := range e911.FaultsOf(err) {
		if f.Path == "key" && f.Code == "duplicate" {
			return e911.Errorf(e911.Conflict, "this telephone was set up a moment ago, and its password was shown then: renew it for a new one")
		}
	}
	return err
}

func (d *Desk) stamp() time.Time { return d.cfg.Now().UTC().Truncate(time.Millisecond) }

func (d *Desk) made(o *snapshot.Org, v e911.Device, secret e911.Secret) Made {
	return Made{Phone: d.phone(v), Domain: o.Config().SIPDomain, Ways: d.cfg.Ways(), Password: secret}
}

// room forgets accounts that ended long ago, and refuses one live one too many.
func (d *Desk) room(ctx context.Context, who admin.Actor, devices Devices, u e911.User) error {
	all, err := devices.Find(ctx, admin.Query{Org: u.Org, Field: admin.ByUser, Value: string(u.ID)})
	if err != nil {
		return err
	}
	live := 0
	for _, s := range all {
		switch v := s.Value; {
		case v.SIP == nil || v.SIP.Own == nil:
		case v.SIP.Own.Live():
			live++
		case d.cfg.Now().Sub(v.SIP.Own.Ended) >= keepEnded:
			// One that something names, or that somebody changes now, stays.
			if err := devices.Delete(ctx, who, u.Org, string(v.ID), s.Version); err != nil && e911.KindOf(err) != e911.Conflict && e911.KindOf(err) != e911.NotFound {
				return err
			}
		}
	}
	if live >= MaxLive {
		return e911.Errorf(e911.Conflict, "you have %d telephones, which is the most: take the password of one away first", live)
	}
	return nil
}

// Renew gives a telephone a new password; the one before ends.
func (d *Desk) Renew(ctx context.Context, who admin.Actor, org e911.OrgID, email string, id e911.DeviceID) (Made, error) {
	o, u, err := d.entitled(org, email)
	if err != nil {
		return Made{}, err
	}
	devices, stored, err := d.own(ctx, u, id)
	if err != nil {
		return Made{}, err
	}
	if !d.changes.take(org, u.ID, d.cfg.Now()) {
		return Made{}, ErrTooMany
	}
	if !stored.Value.SIP.Own.Live() {
		if err := d.room(ctx, who, devices, u); err != nil {
			return Made{}, err
		}
	}
	secret := password()
	made, err := d.put(ctx, who, devices, stored, secret, e911.OwnPhone{Name: stored.Value.SIP.Own.Name, Made: d.stamp()})
	if err != nil {
		return Made{}, err
	}
	return d.made(o, made.Value, secret), nil
}

// Remove takes the password of a telephone away. What is registered with it stays so
// until its time is over, an hour at most.
func (d *Desk) Remove(ctx context.Context, who admin.Actor, org e911.OrgID, email string, id e911.DeviceID) error {
	_, u, err := d.cfg.User(org, email)
	if err != nil {
		return err
	}
	devices, stored, err := d.own(ctx, u, id)
	if err != nil || !stored.Value.SIP.Own.Live() {
		return err
	}
	was := stored.Value.SIP.Own
	_, err = d.put(ctx, who, devices, stored, password(), e911.OwnPhone{Name: was.Name, Made: was.Made, Ended: d.stamp()})
	return err
}

func (d *Desk) put(ctx context.Context, who admin.Actor, devices Devices, s edit.Stored[e911.Device], secret e911.Secret, own e911.OwnPhone) (edit.Stored[e911.Device], error) {
	account := *s.Value.SIP
	account.Secret, account.Own = secret, &own
	s.Value.SIP = &account
	return devices.Update(ctx, who, s.Value, s.Version)
}

// own finds a telephone that a user made. Another's is not there.
func (d *Desk) own(ctx context.Context, u e911.User, id e911.DeviceID) (Devices, edit.Stored[e911.Device], error) {
	devices, err := d.cfg.Devices()
	if err != nil {
		return nil, edit.Stored[e911.Device]{}, err
	}
	s, err := devices.Get(ctx, u.Org, string(id))
	if err != nil && e911.KindOf(err) != e911.NotFound {
		return nil, s, err
	}
	switch v := s.Value; {
	case err != nil || v.User != u.ID || v.SIP == nil:
		return nil, s, e911.Errorf(e911.NotFound, "you have no such telephone")
	case v.SIP.Own == nil:
		return nil, s, e911.Errorf(e911.Denied, "your administrator set this telephone up: ask him for a new password")
	}
	return devices, s, nil
}
