package directory

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
)

// Kind is what an entry of a directory is.
type Kind string

// The kinds.
const (
	User  Kind = "user"
	Group Kind = "group"
)

// Attributes are what a directory says of one object, by name in lower case. Of SCIM
// they are paths: "name.givenname", "emails" (the primary one first), "emails.work",
// and of extensions both "employeenumber" and the whole URN.
type Attributes map[string][]string

// First is the first text of the first of the names that has one.
func (a Attributes) First(names []string) string {
	for _, n := range names {
		for _, v := range a[n] {
			if v != "" {
				return v
			}
		}
	}
	return ""
}

// All are the texts of all of the names.
func (a Attributes) All(names []string) (out []string) {
	for _, n := range names {
		out = append(out, a[n]...)
	}
	return out
}

// Entry is a person or a group as a directory told of it last.
type Entry struct {
	ID   string `json:"id"`
	Kind Kind   `json:"kind"`
	// Name is the userName of a person, unique in any case; the name of a group.
	Name       string     `json:"name"`
	External   string     `json:"external,omitempty"` // the directory's own id
	Active     bool       `json:"active"`
	Attributes Attributes `json:"attributes,omitempty"`
	Members    []string   `json:"members,omitempty"` // of a group: ids of entries
	// Resource is the SCIM resource as it is answered, without id and meta.
	Resource json.RawMessage `json:"resource,omitempty"`
	Made     time.Time       `json:"made"`
	Changed  time.Time       `json:"changed"`
	// Deleted: the directory has it no longer, and is not told of it.
	Deleted bool `json:"deleted,omitempty"`
	// Left is since when a person is gone: deleted, or not active; zero: he is there.
	Left time.Time `json:"left,omitzero"`
	// User is who he is here; none: nobody yet.
	User e911.UserID `json:"user,omitempty"`
	// Unplaced is since when he is here without a location (N-07); zero: he has one.
	Unplaced time.Time `json:"unplaced,omitzero"`
	// Released is since when the directory feeds this user no longer, because a person
	// said so; zero: it feeds him.
	Released time.Time `json:"released,omitzero"`
	Version  int64     `json:"version"` // 1 when made, one more with every change
}

// Fold writes a name in the form in which names are compared.
func Fold(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// loose is Fold without any blanks.
func loose(s string) string { return strings.Join(strings.Fields(strings.ToLower(s)), " ") }

// Listing is a whole directory as it was read.
type Listing struct {
	People []Entry // without ID, Made and Changed; External is set
	Groups []Entry // Members are External ids of people
}

// RoleWish is a role that a group of the directory gives to a person.
type RoleWish struct {
	Email string      `json:"email"`
	Name  string      `json:"name,omitempty"`
	Role  access.Role `json:"role"`
	Site  e911.SiteID `json:"site,omitempty"`
	Group string      `json:"group"`
	Entry string      `json:"entry"`
	Ends  bool        `json:"ends,omitempty"` // he has left: the role goes at once
	User  e911.UserID `json:"user,omitempty"`
}

// Counts say how people stand.
type Counts struct {
	People   int `json:"people"`             // that the directory has, and that are active
	Joined   int `json:"joined"`             // will be made here
	Changed  int `json:"changed"`            // will be changed here, with their numbers and devices
	Same     int `json:"same"`               // are as the directory has them
	Left     int `json:"left"`               // are gone, and in the time of grace
	Leaving  int `json:"leaving"`            // are gone, and the removal plan takes them off the list
	InCall   int `json:"in_call"`            // would be in it, but for a call of theirs that is up
	Unplaced int `json:"unplaced"`           // have no location (N-07)
	Released int `json:"released,omitempty"` // are not fed any more, because a person said so
	// Elsewhere are in another directory of the organisation too, which feeds them.
	Elsewhere int `json:"elsewhere,omitempty"`
	Refused   int `json:"refused"` // cannot be taken over; Faults say why
}

// State is how a run ended.
type State string

// The states of a run.
const (
	StateSame    State = "same"    // nothing was to be done
	StateDrift   State = "drift"   // something is to be done, by a person
	StateApplied State = "applied" // what joined and changed was applied
	StateFailed  State = "failed"  // Error says why
)

// MaxFaults is how many faults a Report carries.
const MaxFaults = 1000

// Report is what one run did and found.
type Report struct {
	ID      string     `json:"id"`
	Org     e911.OrgID `json:"org"`
	Source  string     `json:"source"`
	By      string     `json:"by"`
	Started time.Time  `json:"started"`
	Ended   time.Time  `json:"ended"`
	State   State      `json:"state"`
	Error   string     `json:"error,omitempty"`
	Counts  Counts     `json:"counts"`
	// NoDepartures says why nobody was taken for gone; empty: who is gone is marked.
	NoDepartures string       `json:"no_departures,omitempty"`
	Faults       []e911.Fault `json:"faults,omitempty"` // the first MaxFaults
	MoreFaults   int          `json:"more_faults,omitempty"`
	Roles        []RoleWish   `json:"roles,omitempty"`
	// Plan is of who joined and changed; Applied says that it was done.
	Plan     string `json:"plan,omitempty"`
	PlanHash string `json:"plan_hash,omitempty"`
	Applied  bool   `json:"applied,omitempty"`
	// Removal is the plan that takes off the list who left, for a person to apply.
	Removal     string `json:"removal,omitempty"`
	RemovalHash string `json:"removal_hash,omitempty"`
	// RemovalOf is what Removal does, in short; RemovalAt when it was made.
	RemovalOf string    `json:"removal_of,omitempty"`
	RemovalAt time.Time `json:"removal_at,omitzero"`
	PlanWhy   string    `json:"plan_why,omitempty"` // why there is no plan, or not applied
}
