package firstuse

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/snapshot"
)

// When a user who does not answer is written to: a day after he was asked, six days
// after that, so that a week has passed, and every 30 days from then on.
const (
	firstReminder  = 24 * time.Hour
	secondReminder = 6 * 24 * time.Hour
	nextReminders  = 30 * 24 * time.Hour
)

// How many users of an organisation are written to at one look, and how many are noted
// as asked. The others are at the next.
const (
	maxReminders = 100
	maxNoted     = 500
)

// Reminded is when a user who has not answered was asked, and how often he was written
// to since.
type Reminded struct {
	User  e911.UserID
	Since time.Time
	Times int
	Last  time.Time // zero: he was not
	// Node took it upon itself to write; Handed says that it has. Where it was killed
	// between the two, it does so when it is back, in the same words.
	Node   string
	Handed bool
}

// due reports whether a user is to be written to now.
func (r Reminded) due(now time.Time) bool {
	switch r.Times {
	case 0:
		return now.Sub(r.Since) >= firstReminder
	case 1:
		return now.Sub(r.Last) >= secondReminder
	}
	return now.Sub(r.Last) >= nextReminders
}

// Reminders keeps who was written to. The organisation comes first everywhere (E14).
type Reminders interface {
	Reminded(ctx context.Context, org e911.OrgID) (map[e911.UserID]Reminded, error)
	// SaveReminded replaces what is kept of a user as long as he was written to times
	// times; false: somebody else was faster. With times below 0 there must be nothing.
	SaveReminded(ctx context.Context, org e911.OrgID, r Reminded, times int) (bool, error)
	// DropReminded forgets those who have answered, or are gone.
	DropReminded(ctx context.Context, org e911.OrgID, users []e911.UserID) error
}

// Letter is what a user is written.
type Letter struct {
	Org      e911.OrgID
	OrgName  string
	User     e911.UserID
	Name, To string
	Times    int       // how often, with this
	At       time.Time // the same however often it is handed over
	Placed   bool
	Accepted bool
}

// Look is what a Reminder needs for one look at an organisation.
type Look struct {
	Org e911.OrgID
	Now time.Time
	// Since is since when some are asked, as directories know it.
	Since map[e911.UserID]time.Time
	Node  string
	// Hand takes a letter over for good: of two of one user and time one is sent.
	Hand func(ctx context.Context, l Letter) error
}

// Remind writes to the users of an organisation who were asked where they are and did
// not answer, those who have an address that is theirs alone. Whoever is asked for the
// first time is noted. It returns how many were written to. No call asks it, and it
// asks nothing that a call waits for.
func (d *Desk) Remind(ctx context.Context, kept Reminders, l Look) (written int, err error) {
	open, err := d.Report(ctx, l.Org, l.Since)
	if err != nil {
		return 0, err
	}
	o := d.cfg.World().Org(l.Org)
	if o == nil {
		return 0, nil
	}
	was, err := kept.Reminded(ctx, l.Org)
	if err != nil {
		return 0, err
	}
	var gone []e911.UserID
	for user := range was {
		if !slices.ContainsFunc(open, func(x Open) bool { return x.User == user }) {
			gone = append(gone, user)
		}
	}
	if len(gone) > 0 {
		slices.Sort(gone)
		if err := kept.DropReminded(ctx, l.Org, gone); err != nil {
			return 0, err
		}
	}
	alone := addresses(o)
	var errs []error
	noted := 0
	for _, x := range open {
		if written == maxReminders || ctx.Err() != nil {
			break
		}
		r, known := was[x.User]
		to := address(x.Email)
		switch {
		case !known && noted == maxNoted:
		case !known:
			noted++
			errs = append(errs, d.asked(ctx, kept, l, x))
		case to == "" || alone[to] != 1:
		default:
			did, err := d.write(ctx, kept, l, o, x, r)
			if errs = append(errs, err); did {
				written++
			}
		}
	}
	return written, errors.Join(errs...)
}

// asked notes that a user is asked from now on, or since a directory brought him.
func (d *Desk) asked(ctx context.Context, kept Reminders, l Look, x Open) error {
	since := x.Since
	if since.IsZero() || since.After(l.Now) {
		since = l.Now
	}
	_, err := kept.SaveReminded(ctx, l.Org, Reminded{User: x.User, Since: since.UTC().Truncate(time.Millisecond)}, -1)
	return err
}

// write claims a letter, hands it over, and notes that it did.
func (d *Desk) write(ctx context.Context, kept Reminders, l Look, o *snapshot.Org, x Open, r Reminded) (bool, error) {
	left := r.Times > 0 && !r.Handed && r.Node == l.Node // it was killed before it handed it over
	if !left {
		if !r.due(l.Now) {
			return false, nil
		}
		times := r.Times
		r.Times, r.Last, r.Node, r.Handed = times+1, l.Now.UTC().Truncate(time.Millisecond), l.Node, false
		if mine, err := kept.SaveReminded(ctx, l.Org, r, times); err != nil || !mine {
			return false, err
		}
	}
	err := l.Hand(ctx, Letter{
		Org: l.Org, OrgName: o.Config().Name, User: x.User, Name: x.Name, To: strings.TrimSpace(x.Email), Times: r.Times, At: r.Last, Placed: x.Placed, Accepted: x.Accepted,
	})
	if err != nil {
		return false, err
	}
	r.Handed = true
	_, err = kept.SaveReminded(ctx, l.Org, r, r.Times)
	return true, err
}

func address(email string) string { return strings.ToLower(strings.TrimSpace(email)) }

// addresses counts the users of each mail address.
func addresses(o *snapshot.Org) map[string]int {
	out := map[string]int{}
	for u := range o.Users() {
		if a := address(u.Email); a != "" {
			out[a]++
		}
	}
	return out
}

// State is how an organisation's users stand who were asked.
type State struct {
	// Reminders says that who does not answer is written to, Mails that this server
	// sends mail at all.
	Reminders bool `json:"reminders"`
	Mails     bool `json:"mails"`
	// Users are those who did not answer, by key.
	Users []Open `json:"users"`
}

// Why a user is not written to.
const (
	UnwrittenNoAddress = "no_address" // he has no mail address
	UnwrittenShared    = "shared"     // another user has his address
	UnwrittenNoMail    = "no_mail"    // this server sends no mail
	UnwrittenOff       = "off"        // the organisation wants none to be written
)

// Remindable says of users who did not answer when each was last written to, or why he
// is not.
func (d *Desk) Remindable(org e911.OrgID, open []Open, was map[e911.UserID]Reminded, mails, off bool) {
	o := d.cfg.World().Org(org)
	if o == nil {
		return
	}
	alone := addresses(o)
	for i := range open {
		x := &open[i]
		if r, ok := was[x.User]; ok {
			if x.Reminded = r.Times; r.Times > 0 {
				x.Last = r.Last
			}
			if x.Since.IsZero() {
				x.Since = r.Since
			}
		}
		to := address(x.Email)
		switch {
		case to == "":
			x.Unwritten = UnwrittenNoAddress
		case alone[to] != 1:
			x.Unwritten = UnwrittenShared
		case !mails:
			x.Unwritten = UnwrittenNoMail
		case off:
			x.Unwritten = UnwrittenOff
		}
	}
}
