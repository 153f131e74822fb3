package change

import (
	"slices"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

// Bounds of what a Plan lists; counts are always whole.
const (
	// MaxListed is how many changes, faults, orphans and effects of a kind a Plan
	// carries; Planner.Changes pages the rest of the changes.
	MaxListed = 100
	// Life is how long a plan may be applied.
	Life = 24 * time.Hour
)

// Count sums up one kind of object.
type Count struct {
	Kind      e911.ObjectKind `json:"kind"`
	Created   int             `json:"created"`
	Changed   int             `json:"changed"`
	Deleted   int             `json:"deleted"`
	Unchanged int             `json:"unchanged"`
	Refused   int             `json:"refused"`
}

// Field is one field of an object before and after.
type Field = admin.FieldChange

// Change is one object that is created, changed or deleted.
type Change struct {
	Verb    admin.Verb `json:"verb"`
	Ref     admin.Ref  `json:"ref"`
	Key     string     `json:"key,omitempty"`
	Version int64      `json:"version,omitempty"` // of what is changed or deleted
	Fields  []Field    `json:"fields,omitempty"`
	From    Origin     `json:"from,omitzero"`
}

// Orphan is what is left with nothing by a deletion: it names nothing wrong and
// serves nobody any more.
type Orphan struct {
	Ref  admin.Ref `json:"ref"`
	Key  string    `json:"key,omitempty"`
	Lost admin.Ref `json:"lost"` // what it hung on
	// LostKey is the key of Lost.
	LostKey string `json:"lost_key,omitempty"`
	Why     string `json:"why"`
}

// Aspect says in what an emergency call changes.
type Aspect string

// The aspects of an Effect.
const (
	AspectLocation Aspect = "location" // the place that the PSAP is told
	AspectPSAP     Aspect = "psap"     // who answers
	AspectCallback Aspect = "callback" // the number that the PSAP calls back
	AspectRelay    Aspect = "relay"    // would go to the relay centre, and did not before; not counted as another PSAP
)

// Effect is one kind of change for a group of callers: all of them go from Before
// to After.
type Effect struct {
	Aspect Aspect `json:"aspect"`
	Org    string `json:"org"` // key of the organisation
	Before string `json:"before"`
	After  string `json:"after"`
	Count  int    `json:"count"`
	// Who are the first of them, by key.
	Who []Caller `json:"who"`
}

// Caller is whose call changes.
type Caller struct {
	Kind e911.ObjectKind `json:"kind"` // device, user, number, network_element
	ID   string          `json:"id"`
	Key  string          `json:"key"`
}

// Effects is what a change set does to emergency calls.
type Effects struct {
	Devices  int            `json:"devices"` // whose call changes in any aspect
	Users    int            `json:"users"`
	Numbers  int            `json:"numbers"`
	Elements int            `json:"elements"` // access points, ports and ranges whose callers' calls change
	By       map[Aspect]int `json:"by,omitempty"`
	Groups   []Effect       `json:"groups,omitempty"`
	// Beyond is how many groups are not in Groups.
	Beyond int `json:"beyond,omitempty"`
	// Lost are the places that lose every way to their PSAP.
	Lost []e911.Fault `json:"lost,omitempty"`
	// Unknown says why effects could not be told, when they could not.
	Unknown string `json:"unknown,omitempty"`
}

// Plan is a change set that was looked at and not done.
type Plan struct {
	ID      string      `json:"id"`
	Hash    string      `json:"hash"`
	Org     e911.OrgID  `json:"org,omitempty"`
	Title   string      `json:"title,omitempty"`
	Source  string      `json:"source,omitempty"`
	Who     admin.Actor `json:"who"`
	Made    time.Time   `json:"made"`
	Expires time.Time   `json:"expires"`
	Base    admin.Head  `json:"base"`
	Undoes  string      `json:"undoes,omitempty"` // the applied set that this puts back
	Counts  []Count     `json:"counts"`
	Changes []Change    `json:"changes,omitempty"` // the first MaxListed
	// Keys are those of what fields of Changes name, by id.
	Keys map[string]string `json:"keys,omitempty"`
	// More is how many changes are not in Changes.
	More       int          `json:"more,omitempty"`
	Faults     []e911.Fault `json:"faults,omitempty"`
	MoreFaults int          `json:"more_faults,omitempty"`
	Warnings   []e911.Fault `json:"warnings,omitempty"`
	Orphans    []Orphan     `json:"orphans,omitempty"`
	Effects    Effects      `json:"effects"`
	Unroute    string       `json:"unroute,omitempty"`
	Partial    bool         `json:"partial,omitempty"`
	// Directory is the directory of people whose own set it is (C-59).
	Directory string `json:"directory,omitempty"`
	// Declared is the world file by which the operator declares stage 911.
	Declared   string `json:"declared,omitempty"`
	Applicable bool   `json:"applicable"`
	// Why says why it is not applicable.
	Why string `json:"why,omitempty"`
}

// Idle reports that everything is as the set wants it: there is nothing to apply,
// and nothing wrong with it.
func (p *Plan) Idle() bool {
	return !p.Applicable && len(p.Faults) == 0 && p.Effects.Unknown == "" &&
		!slices.ContainsFunc(p.Counts, func(c Count) bool { return c.Created+c.Changed+c.Deleted+c.Refused > 0 })
}

// Applied is a change set that was done.
type Applied struct {
	ID      string      `json:"id"`
	Plan    string      `json:"plan"`
	Org     e911.OrgID  `json:"org,omitempty"`
	Title   string      `json:"title,omitempty"`
	Source  string      `json:"source,omitempty"`
	Who     admin.Actor `json:"who"`
	At      time.Time   `json:"at"`
	Head    admin.Head  `json:"head"` // after it
	Counts  []Count     `json:"counts"`
	Undoes  string      `json:"undoes,omitempty"`
	Undone  string      `json:"undone,omitempty"` // the applied set that put it back
	Unroute string      `json:"unroute,omitempty"`
}
