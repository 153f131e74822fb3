package change

import (
	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

// Origin is where a wish came from, for faults. Row and Col are 1-based.
type Origin struct {
	File  string `json:"file,omitempty"`
	Sheet string `json:"sheet,omitempty"`
	Row   int    `json:"row,omitempty"`
	Col   int    `json:"col,omitempty"`
}

// Put creates an object, or changes the one of the same id or key. It is a verb of
// a Step alone: the plan says Created, Changed or nothing.
const Put admin.Verb = "put"

// Step is one wish. Created: the object must not exist. Changed: it must. Deleted:
// only Ref, or its kind, organisation and Key, are read. Put: create it, or change
// the one that has the same id or, without an id, the same key.
type Step struct {
	Verb  admin.Verb
	Value any       // an e911 value, as admin.Object.Value; nil when Deleted
	Ref   admin.Ref // empty: that of Value
	Key   string    // of what is Deleted, when Ref has no id
	// Version is the one that the wish was made on; 0: as it is stored when planned.
	Version int64
	From    Origin
}

// Set is a change set: steps of one organisation, or of the world when Org is empty
// (then also of any organisation: only the operator may do that).
type Set struct {
	// ID is the one that the plan gets, of e911.NewID; none: a new one. A plan with it
	// that was not applied is replaced, so that who is begun again finds by it whether
	// he had applied his set. Conflict when it was applied.
	ID     string
	Org    e911.OrgID
	Title  string // for people: "users of the new mill"
	Source string // "api", "csv users.csv", "world.yaml"
	Steps  []Step
	// Faults are what was wrong before there was a step: a row that could not be
	// read. They refuse the set as faults of steps do.
	Faults []e911.Fault
	// Partial leaves bad rows out and reports them; otherwise one bad row refuses
	// the whole set.
	Partial bool
	// Unroute is why places may lose every way to their PSAP; the audit trail keeps it.
	Unroute string
	// Settled values are taken as they are: the addresses of buildings were validated
	// and PSAPs have their geometry, by who made the set or when they were stored.
	Settled bool
	// Directory is the key of the directory of people whose own set it is: it alone
	// changes the fields that it feeds (C-59).
	Directory string
	// Columns is in which column of a table a field stands, from 1, for faults.
	Columns map[string]int
	// Declared is the world file that the set is of: by it the operator declares that
	// sites are in stage 911 (docs/adr/0021).
	Declared string

	fed map[e911.OrgID]map[e911.UserID]admin.Fed // what directories feed of whom it is about

	stages map[int][]e911.Fault // of steps that raise a site to stage 911, with what is against it
}
