package job

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/callbox911/callbox/internal/e911"
)

const (
	// mostTries is how often a job is begun: one that brings the server down must not
	// do so for ever.
	mostTries = 3
	// tellEvery is how often progress is written down.
	tellEvery = time.Second
	// atOnce is how many jobs run, each of another organisation.
	atOnce = 2
	// maxResult bounds the result of a job, and maxFaults its faults; the rest is
	// counted.
	maxResult = 8 << 20
	maxFaults = 10_000
)

// Queue takes jobs and runs them. Safe for concurrent use.
type Queue struct {
	cfg  Config
	wake chan struct{}

	mu      sync.Mutex
	running map[string]*live    // by id
	busy    map[e911.OrgID]bool // organisations with a job that runs
	later   map[string]time.Time
}

// live is a job that runs.
type live struct {
	run         context.Context //nolint:containedctx // of the handler
	cancel      context.CancelCauseFunc
	done, total atomic.Int64
}

var errCancelled = errors.New("the job was cancelled")

// New checks the configuration and reports all its faults.
func New(cfg Config) (*Queue, error) {
	var faults []e911.Fault
	need := func(have bool, path, what string) {
		if !have {
			faults = append(faults, e911.Fault{Path: path, Code: "required", Msg: "a queue needs " + what})
		}
	}
	need(cfg.Store != nil, "Store", "a store")
	need(cfg.Node != "", "Node", "the name of the node")
	need(cfg.Dir != "", "Dir", "a folder for inputs")
	need(len(cfg.Handlers) > 0, "Handlers", "handlers")
	need(cfg.Now != nil, "Now", "a clock")
	need(cfg.Log != nil, "Log", "a logger")
	if len(faults) > 0 {
		return nil, &e911.Error{Kind: e911.Invalid, Msg: "the queue of jobs is not configured", Faults: faults}
	}
	if cfg.Keep <= 0 {
		cfg.Keep = 30 * 24 * time.Hour
	}
	if cfg.MaxInput <= 0 {
		cfg.MaxInput = 512 << 20
	}
	if cfg.MaxOpen <= 0 {
		cfg.MaxOpen = 100
	}
	if cfg.Retry <= 0 {
		cfg.Retry = 15 * time.Second
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, unavailable("the folder for jobs cannot be made", err)
	}
	return &Queue{
		cfg: cfg, wake: make(chan struct{}, 1), running: map[string]*live{}, busy: map[e911.OrgID]bool{}, later: map[string]time.Time{},
	}, nil
}

func unavailable(msg string, err error) error {
	return &e911.Error{Kind: e911.Unavailable, Msg: msg, Err: err}
}

// Submit keeps the input and puts a job into the queue. Invalid for an unknown kind
// or an input that is too large, Conflict when too many wait, Unavailable when it
// cannot be kept.
func (q *Queue) Submit(ctx context.Context, r Request) (Job, error) {
	if q.cfg.Handlers[r.Kind] == nil {
		return Job{}, e911.Errorf(e911.Invalid, "there is no kind of job %q", r.Kind)
	}
	open, err := q.cfg.Store.OpenJobs(ctx, q.cfg.Node)
	if err != nil {
		return Job{}, err
	}
	waiting := 0
	for _, o := range open {
		if o.Org == r.Org {
			waiting++
		}
	}
	if waiting >= q.cfg.MaxOpen {
		return Job{}, e911.Errorf(e911.Conflict, "%d jobs wait already: wait for one of them, or cancel it", waiting)
	}
	rec := Record{
		Job:  Job{ID: e911.NewID[string](), Org: r.Org, Kind: r.Kind, Title: r.Title, State: Queued, Who: r.Who, Made: q.cfg.Now().UTC()},
		Node: q.cfg.Node, Args: r.Args, Size: -1,
	}
	if r.Input != nil {
		if rec.Size, err = q.keep(rec.ID, r.Input); err != nil {
			return Job{}, err
		}
	}
	if err := q.cfg.Store.AddJob(ctx, rec); err != nil {
		q.forget(rec.ID)
		return Job{}, err
	}
	q.nudge()
	return rec.Job, nil
}

func (q *Queue) nudge() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

func (q *Queue) input(id string) string { return filepath.Join(q.cfg.Dir, id+".in") }

// keep writes an input to disk, readable by us alone. It is whole and durable
// before the job is known.
func (q *Queue) keep(id string, r io.Reader) (int64, error) {
	f, err := os.OpenFile(q.input(id), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, unavailable("the input cannot be kept", err)
	}
	src := &source{r: r}
	n, err := io.Copy(f, io.LimitReader(src, q.cfg.MaxInput+1))
	switch {
	case src.err != nil:
		err = e911.Errorf(e911.Invalid, "the input broke off")
	case err != nil:
		err = unavailable("the input cannot be kept; is the disk full?", err)
	case n > q.cfg.MaxInput:
		err = e911.Errorf(e911.Invalid, "the input has more than %d MiB", q.cfg.MaxInput>>20)
	default:
		if err = f.Sync(); err != nil {
			err = unavailable("the input cannot be kept", err)
		}
	}
	if closeErr := f.Close(); err == nil && closeErr != nil {
		err = unavailable("the input cannot be kept", closeErr)
	}
	if err != nil {
		q.forget(id)
		return 0, err
	}
	return n, nil
}

// source tells a reader that failed from a disk that did.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

func (q *Queue) forget(id string) {
	if err := os.Remove(q.input(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		q.cfg.Log.Error("the input of a job cannot be removed", slog.String("job", id), slog.Any("err", err))
	}
}

// Get returns a job of the organisation; NotFound, also for another's.
func (q *Queue) Get(ctx context.Context, org e911.OrgID, id string) (Job, error) {
	r, err := q.cfg.Store.Job(ctx, org, id)
	return q.fresh(r.Job), err
}

// List returns a page of the organisation's jobs, newest first; before is the id of
// the last one of the page before. Results and faults are Get's to tell.
func (q *Queue) List(ctx context.Context, org e911.OrgID, before string, limit int) ([]Job, error) {
	list, err := q.cfg.Store.Jobs(ctx, org, before, limit)
	if err != nil {
		return nil, err
	}
	jobs := make([]Job, len(list))
	for i, r := range list {
		jobs[i] = q.fresh(r.Job)
	}
	return jobs, nil
}

// fresh is the job with its progress of this moment.
func (q *Queue) fresh(j Job) Job {
	q.mu.Lock()
	defer q.mu.Unlock()
	if l := q.running[j.ID]; l != nil && j.State == Running {
		j.Done, j.Total = l.done.Load(), l.total.Load()
	}
	return j
}

// Cancel ends a job that has not ended. One that runs ends as soon as its handler
// notices; what it has committed by then stays.
func (q *Queue) Cancel(ctx context.Context, org e911.OrgID, id string) (Job, error) {
	r, err := q.cfg.Store.Job(ctx, org, id)
	if err != nil {
		return Job{}, err
	}
	switch r.State {
	case Queued:
		r.State, r.Ended, r.Waits = Cancelled, q.cfg.Now().UTC(), ""
		ok, err := q.cfg.Store.SetJob(ctx, r, Queued)
		if err != nil {
			return Job{}, err
		}
		if ok {
			q.forget(id)
			return r.Job, nil
		}
		if r, err = q.cfg.Store.Job(ctx, org, id); err != nil { // it has just begun
			return Job{}, err
		}
	}
	q.mu.Lock()
	l := q.running[id]
	q.mu.Unlock()
	if l != nil {
		l.cancel(errCancelled)
	}
	if r.State.Ended() {
		return r.Job, e911.Errorf(e911.Conflict, "the job has ended already: %s", r.State)
	}
	return q.fresh(r.Job), nil
}

// Run does the work until ctx ends, and then waits for what is running. Jobs that
// were running when the server was killed begin again.
func (q *Queue) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	again := time.NewTicker(q.cfg.Retry)
	defer again.Stop()
	slots := make(chan struct{}, atOnce)
	for {
		if err := q.pass(ctx, slots, &wg); err != nil && ctx.Err() == nil {
			q.cfg.Log.Warn("the queue of jobs waits for the database", slog.Any("err", err))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-q.wake:
		case <-again.C:
		}
	}
}

// pass begins what can be begun, and forgets what is old.
func (q *Queue) pass(ctx context.Context, slots chan struct{}, wg *sync.WaitGroup) error {
	now := q.cfg.Now()
	if _, err := q.cfg.Store.DropJobs(ctx, now.Add(-q.cfg.Keep)); err != nil {
		return err
	}
	open, err := q.cfg.Store.OpenJobs(ctx, q.cfg.Node)
	if err != nil {
		return err
	}
	q.sweep(open, now)
	first := map[e911.OrgID]bool{} // whose turn in the organisation it is not
	for _, r := range open {
		q.mu.Lock()
		running, busy, later := q.running[r.ID] != nil, q.busy[r.Org], q.later[r.ID].After(now)
		q.mu.Unlock()
		if running || busy || first[r.Org] {
			continue
		}
		first[r.Org] = true
		if later {
			continue
		}
		select {
		case slots <- struct{}{}:
		default:
			return nil // the one that ends will wake us
		}
		if !q.begin(ctx, &r) {
			<-slots
			continue
		}
		wg.Go(func() {
			q.work(ctx, r)
			<-slots
			q.nudge()
		})
	}
	return nil
}

// begin marks a job as running. One whose server was killed is in that state
// already.
func (q *Queue) begin(ctx context.Context, r *Record) bool {
	from := r.State
	r.State, r.Waits, r.Started, r.Done, r.Total = Running, "", q.cfg.Now().UTC(), 0, 0
	r.Tries++
	if r.Tries > mostTries {
		r.State, r.Ended = Failed, q.cfg.Now().UTC()
		r.Error = fmt.Sprintf("it was begun %d times, and each time the server ended before it did", mostTries)
		if ok, err := q.cfg.Store.SetJob(ctx, *r, from); ok && err == nil {
			q.forget(r.ID)
		}
		return false
	}
	ok, err := q.cfg.Store.SetJob(ctx, *r, from)
	if !ok || err != nil {
		return false
	}
	q.mu.Lock()
	q.busy[r.Org] = true
	run, cancel := context.WithCancelCause(ctx)
	q.running[r.ID] = &live{run: run, cancel: cancel}
	q.mu.Unlock()
	return true
}

// work runs one job to its end and writes the end down.
func (q *Queue) work(ctx context.Context, r Record) {
	q.mu.Lock()
	l := q.running[r.ID]
	q.mu.Unlock()
	defer l.cancel(nil)
	stop := q.tell(l.run, r, l)
	result, err := q.handle(l.run, r, l)
	stop()
	r.Done, r.Total = l.done.Load(), l.total.Load()
	q.conclude(ctx, r, result, err, errors.Is(context.Cause(l.run), errCancelled))
	q.mu.Lock()
	delete(q.running, r.ID)
	delete(q.busy, r.Org)
	q.mu.Unlock()
}

// handle calls the handler. A panic is an error of the job and not of the server.
func (q *Queue) handle(ctx context.Context, r Record, l *live) (result any, err error) {
	w := Work{Job: r.Job, Args: r.Args, Input: eof{}, Size: max(r.Size, 0), tell: func(done, total int64) {
		l.done.Store(done)
		l.total.Store(total)
	}}
	if r.Size >= 0 {
		f, err := os.Open(q.input(r.ID))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, e911.Errorf(e911.NotFound, "the input of the job is gone")
		}
		if err != nil {
			return nil, unavailable("the input of the job cannot be read", err)
		}
		defer f.Close()
		w.Input = f
	}
	defer func() {
		if p := recover(); p != nil {
			err = e911.Errorf(e911.Internal, "the job broke down")
			q.cfg.Log.Error("a job panicked", slog.String("job", r.ID), slog.String("kind", r.Kind), slog.Any("panic", p))
		}
	}()
	return q.cfg.Handlers[r.Kind](ctx, w)
}

type eof struct{}

func (eof) Read([]byte) (int, error) { return 0, io.EOF }

// tell writes progress down, until it is stopped.
func (q *Queue) tell(ctx context.Context, r Record, l *live) (stop func()) {
	done := make(chan struct{})
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer close(done)
		t := time.NewTicker(tellEvery)
		defer t.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-t.C:
				if d, total := l.done.Load(), l.total.Load(); d != r.Done || total != r.Total {
					r.Done, r.Total = d, total
					_, _ = q.cfg.Store.SetJob(ctx, r, Running) // the next one tells it too
				}
			}
		}
	}()
	return func() { cancel(); <-done }
}

// conclude writes the end of a job down. A server that stops leaves it as it is, to
// be begun again; a database that does not answer puts it back.
func (q *Queue) conclude(ctx context.Context, r Record, result any, err error, cancelled bool) {
	now := q.cfg.Now().UTC()
	switch {
	case ctx.Err() != nil && err != nil:
		// Not the job's fault: it is not held against it.
		r.State, r.Tries = Queued, r.Tries-1
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_, _ = q.cfg.Store.SetJob(ctx, r, Running)
		return
	case cancelled && err != nil:
		r.State = Cancelled
	case e911.KindOf(err) == e911.Unavailable && err != nil:
		r.State, r.Tries, r.Waits = Queued, r.Tries-1, message(err)
		q.mu.Lock()
		q.later[r.ID] = q.cfg.Now().Add(q.cfg.Retry)
		q.mu.Unlock()
	case err != nil:
		r.State, r.Error, r.Faults = Failed, message(err), e911.FaultsOf(err)
	default:
		r.State = Done
	}
	if result != nil {
		text, bad := json.Marshal(result)
		if bad != nil || len(text) > maxResult {
			// The work is done all the same.
			text = []byte(`{"note":"what came out is too large to be kept"}`)
		}
		r.Result = text
	}
	if len(r.Faults) > maxFaults {
		more := len(r.Faults) - maxFaults
		r.Faults = append(r.Faults[:maxFaults:maxFaults], e911.Fault{Code: "more", Msg: fmt.Sprintf("there are %d faults more", more)})
	}
	if r.State.Ended() {
		r.Ended = now
	}
	if err != nil && r.State != Cancelled {
		q.cfg.Log.Warn("a job did not come to its end", slog.String("job", r.ID), slog.String("kind", r.Kind), slog.String("state", string(r.State)), slog.String("kind_of_error", string(e911.KindOf(err))))
	}
	ok, err := q.cfg.Store.SetJob(context.WithoutCancel(ctx), r, Running)
	if err != nil || !ok {
		// It stands there as running, and is begun again like one whose server was killed.
		q.cfg.Log.Error("the end of a job cannot be written down", slog.String("job", r.ID), slog.Any("err", err))
		return
	}
	if r.State.Ended() {
		q.forget(r.ID)
	}
}

// message is what a client may read of an error.
func message(err error) string {
	if e, ok := errors.AsType[*e911.Error](err); ok && e.Msg != "" {
		return e.Msg
	}
	return "an internal error; the log has more"
}

// sweep removes inputs that belong to no open job: of a server that was killed
// between the two.
func (q *Queue) sweep(open []Record, now time.Time) {
	known := map[string]bool{}
	for _, r := range open {
		known[r.ID+".in"] = true
	}
	files, err := os.ReadDir(q.cfg.Dir)
	if err != nil {
		return
	}
	for _, f := range files {
		info, err := f.Info()
		if err == nil && filepath.Ext(f.Name()) == ".in" && !known[f.Name()] && now.Sub(info.ModTime()) > time.Hour {
			_ = os.Remove(filepath.Join(q.cfg.Dir, f.Name()))
		}
	}
}
