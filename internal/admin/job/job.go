package job

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

// State is where a job stands.
type State string

// The states. Done, Failed and Cancelled are ends.
const (
	Queued    State = "queued"
	Running   State = "running"
	Done      State = "done"
	Failed    State = "failed"
	Cancelled State = "cancelled"
)

// Ended reports whether nothing will happen to the job any more.
func (s State) Ended() bool { return s == Done || s == Failed || s == Cancelled }

// Job is one piece of work.
type Job struct {
	ID      string      `json:"id"` // sorts by the time when it was made
	Org     e911.OrgID  `json:"org,omitempty"`
	Kind    string      `json:"kind"`
	Title   string      `json:"title"`
	State   State       `json:"state"`
	Done    int64       `json:"done"`
	Total   int64       `json:"total"` // 0: not known yet
	Who     admin.Actor `json:"who"`
	Made    time.Time   `json:"made"`
	Started time.Time   `json:"started,omitzero"`
	Ended   time.Time   `json:"ended,omitzero"`
	// Waits says why a queued job waits, when something is in its way.
	Waits  string          `json:"waits,omitempty"`
	Result json.RawMessage `json:"result,omitempty"`
	Faults []e911.Fault    `json:"faults,omitempty"`
	Error  string          `json:"error,omitempty"`
}

// Request asks for a job. Input may be nil; it is read to its end before Submit
// returns.
type Request struct {
	Org   e911.OrgID
	Kind  string
	Title string
	Who   admin.Actor
	Args  json.RawMessage
	Input io.Reader
}

// Work is what a Handler gets.
type Work struct {
	Job   Job
	Args  json.RawMessage
	Input io.Reader // empty when the request had none
	Size  int64     // of the input
	tell  func(done, total int64)
}

// Progress tells how far the work is. It may be called as often as one likes.
func (w Work) Progress(done, total int64) {
	if w.tell != nil {
		w.tell(done, total)
	}
}

// Handler does the work. The result, also beside an error, is kept as JSON. Faults of an e911.Error are
// kept with the job; an Unavailable one leaves it in the queue, to be tried again.
type Handler func(ctx context.Context, w Work) (result any, err error)

// Record is a job as a Store keeps it.
type Record struct {
	Job
	Node  string          `json:"-"` // whose disk has the input
	Args  json.RawMessage `json:"-"`
	Size  int64           `json:"-"` // of the input; -1: there is none
	Tries int             `json:"-"` // how often it was begun
}

// Store keeps jobs. Its errors are those of admin.Store.
type Store interface {
	// AddJob keeps a new one.
	AddJob(ctx context.Context, r Record) error
	// Job returns one of the organisation, or NotFound.
	Job(ctx context.Context, org e911.OrgID, id string) (Record, error)
	// Jobs lists the organisation's, newest first, before an id ("": from the
	// newest), without arguments, results and faults.
	Jobs(ctx context.Context, org e911.OrgID, before string, limit int) ([]Record, error)
	// OpenJobs lists the node's that have not ended, oldest first.
	OpenJobs(ctx context.Context, node string) ([]Record, error)
	// SetJob writes what changes in a job, if its state is still from. It reports
	// whether it was.
	SetJob(ctx context.Context, r Record, from State) (bool, error)
	// DropJobs forgets jobs that ended before a time.
	DropJobs(ctx context.Context, before time.Time) (int, error)
}

// Config is what a Queue needs.
type Config struct {
	Store    Store
	Node     string
	Dir      string // for inputs; made with mode 0700
	Handlers map[string]Handler
	Now      func() time.Time
	Log      *slog.Logger
	// Keep is how long a job that ended is known; default 30 days.
	Keep time.Duration
	// MaxInput bounds an input; default 512 MiB. MaxOpen bounds how many jobs of an
	// organisation may wait; default 100.
	MaxInput int64
	MaxOpen  int
	// Retry is how long a job waits after the database or the disk failed it;
	// default 15 s.
	Retry time.Duration
}
