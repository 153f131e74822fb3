package setup

import (
	"context"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/report"
	"github.com/callbox911/callbox/internal/e911"
	rules "github.com/callbox911/callbox/internal/rules/setup"
)

// Record is what is kept of an organisation's set-up beside its configured
// objects. There is one of each organisation; Version 0 was never written.
type Record struct {
	Org     e911.OrgID `json:"org"`
	Version int64      `json:"version"`
	// NoOutbound and NoPeople: nobody can dial out, or no person calls at all, so
	// that no emergency calling is needed (N-37).
	NoOutbound   bool                   `json:"no_outbound_pstn,omitempty"`
	NoPeople     bool                   `json:"no_human_agents,omitempty"`
	Licences     []Licence              `json:"licences,omitempty"`
	Destinations []Destination          `json:"destinations,omitempty"`
	Overrides    map[e911.SiteID]Reason `json:"overrides,omitempty"` // of proofs, while the site is in stage 2
	OptedOut     *OptOut                `json:"opted_out,omitempty"`
	OptedSites   map[e911.SiteID]OptOut `json:"opted_out_sites,omitempty"`
	Secrets      []SecretNote           `json:"secrets,omitempty"`
	Tasks        map[Task]Reason        `json:"tasks,omitempty"` // those that are done
	Prices       *rules.Prices          `json:"prices,omitempty"`
	// PBXs are those that the organisation connected by itself, Requests what it asked
	// the operator for, the oldest first.
	PBXs      []PBX          `json:"pbxs,omitempty"`
	Requests  []RangeRequest `json:"range_requests,omitempty"`
	PBXPolicy *PBXPolicy     `json:"pbx_policy,omitempty"`
	// NoReminders: users who did not say where they are are not written to.
	NoReminders bool `json:"no_reminders,omitempty"`
	// Said is what administrators were told by the watch, and when, so that each is
	// told once; Was is how far each site was when it was last looked at.
	Said map[string]time.Time            `json:"said,omitempty"`
	Was  map[e911.SiteID]rules.SiteState `json:"was,omitempty"`
}

// Reason is why something was done, by whom and when.
type Reason struct {
	Reason string    `json:"reason,omitempty"`
	By     string    `json:"by"`
	At     time.Time `json:"at"`
	// Declared is the world file by which the operator said so; none: nobody did.
	Declared string `json:"declared,omitempty"`
}

// OptOut is a Reason with what was before, to go back to.
type OptOut struct {
	Reason
	State e911.OrgState `json:"state_before,omitempty"`
	Stage e911.Stage    `json:"stage_before,omitempty"`
}

// Licence allows the E911 path in a country (W-20).
type Licence struct {
	Country string    `json:"country"`         // two letters
	Order   string    `json:"order,omitempty"` // number of the order
	From    time.Time `json:"from,omitzero"`
	Until   time.Time `json:"until,omitzero"` // zero: until it is ended
}

func (l Licence) valid(now time.Time) bool {
	return !now.Before(l.From) && (l.Until.IsZero() || now.Before(l.Until))
}

// Destination is somebody who sees or hears of a call at once (F-36), beside the
// mail and webhooks of alerts.
type Destination struct {
	Key   string                `json:"key"`
	Site  e911.SiteID           `json:"site"`
	Kind  rules.DestinationKind `json:"kind"`            // screen, sms or phone
	Name  string                `json:"name"`            // "guard's desk"
	Hours string                `json:"hours"`           // as rules/setup.ParseHours reads them, in the site's zone
	Alert string                `json:"alert,omitempty"` // key of the alert that it belongs to
	// Tested is when a person last acknowledged a test there; zero: never.
	Tested time.Time `json:"tested,omitzero"`
	By     string    `json:"tested_by,omitempty"`
	// How it was acknowledged; none: never, or before this was kept.
	How TestedHow `json:"tested_how,omitempty"`
	// Test is the last one that was sent; none: Tested was kept by hand.
	Test *SentTest `json:"test,omitempty"`
}

// TestedHow is how a person showed that he saw or heard a test.
type TestedHow string

// The ways, the weakest first.
const (
	ByHand  TestedHow = "by_hand" // somebody wrote down that it was so
	ByCode  TestedHow = "code"    // its code was given back
	ByLink  TestedHow = "link"    // the link in it was pressed
	ByBoard TestedHow = "board"   // the button on the live board was pressed
)

// SentTest is a test that was sent to a destination (F-36).
type SentTest struct {
	Sent time.Time `json:"sent"`
	By   string    `json:"by"` // who had it sent
	// Seconds until a person gave the code back; 0: nobody did.
	Seconds int64 `json:"acknowledged_after_s,omitempty"`
	// Mark is the hash of the code that is waited for, never shown.
	Mark  string `json:"mark,omitempty"`
	Wrong int    `json:"wrong,omitempty"` // codes that were not it
}

// SecretNote is what is known of a live secret. Mark tells it apart and reveals
// nothing of use of it.
type SecretNote struct {
	Mark string    `json:"mark"`
	Note string    `json:"note,omitempty"`
	By   string    `json:"by,omitempty"`
	Made time.Time `json:"made,omitzero"` // zero: not made here
}

// Acceptance is who accepted which version of a text, for the whole organisation,
// for a site, or as a user for himself.
type Acceptance struct {
	Org     e911.OrgID            `json:"org"`
	Text    rules.Acknowledgement `json:"text"`
	Site    e911.SiteID           `json:"site,omitempty"`
	User    e911.UserID           `json:"user,omitempty"`
	Version string                `json:"version"`
	By      string                `json:"by"`
	At      time.Time             `json:"at"`
	Address string                `json:"address,omitempty"` // of the client
}

// Note is what the audit trail says of a change of the record.
type Note struct {
	Verb   admin.Verb // "opt_out", "make_secret"
	Key    string     // of what: a site, a country
	Detail any
}

// Writer is what an admin.Writer of this store can do as well, in its transaction.
type Writer interface {
	// SetupRecord is that of Store.
	SetupRecord(ctx context.Context, org e911.OrgID) (Record, error)
	// SaveSetupRecord is that of Store, for whom the transaction is.
	SaveSetupRecord(ctx context.Context, r Record, n Note) (Record, error)
}

// Store keeps it. The organisation comes first everywhere (E14). Errors are those
// of admin.Store.
type Store interface {
	// SetupRecord returns the zero Record of the organisation where none was written.
	SetupRecord(ctx context.Context, org e911.OrgID) (Record, error)
	// SaveSetupRecord replaces the one with that version and returns the new; Conflict
	// when another was written meanwhile.
	SaveSetupRecord(ctx context.Context, who admin.Actor, r Record, n Note) (Record, error)
	// Acceptances lists those of the organisation and its sites, or those of a user.
	Acceptances(ctx context.Context, org e911.OrgID, user e911.UserID) ([]Acceptance, error)
	// UsersAccepted lists the users who accepted a text for themselves in that version.
	UsersAccepted(ctx context.Context, org e911.OrgID, text rules.Acknowledgement, version string) ([]e911.UserID, error)
	// SaveAcceptance replaces that of the same text, site and user.
	SaveAcceptance(ctx context.Context, who admin.Actor, a Acceptance) error
	// CallsBetween lists up to limit calls of a class that arrived from on and before
	// to, newest first.
	CallsBetween(ctx context.Context, org e911.OrgID, class e911.CallClass, from, to time.Time, limit int) ([]report.CallRecord, error)
}
