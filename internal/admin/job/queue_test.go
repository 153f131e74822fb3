package job_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin/job"
	"github.com/callbox911/callbox/internal/e911"
)

// memory keeps jobs as the store does.
type memory struct {
	mu   sync.Mutex
	jobs []job.Record
	down bool
	told chan job.Record // every state that is written
}

func (m *memory) fail() error {
	if m.down {
		return e911.Errorf(e911.Unavailable, "the database cannot answer now")
	}
	return nil
}

func (m *memory) AddJob(_ context.Context, r job.Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.jobs = append(m.jobs, r)
	return m.fail()
}

func (m *memory) Job(_ context.Context, org e911.OrgID, id string) (job.Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.jobs {
		if r.ID == id && r.Org == org {
			return r, nil
		}
	}
	return job.Record{}, e911.Errorf(e911.NotFound, "there is no such job")
}

func (m *memory) Jobs(_ context.Context, org e911.OrgID, _ string, _ int) (out []job.Record, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range slices.Backward(m.jobs) {
		if r.Org == org {
			out = append(out, r)
		}
	}
	return out, nil
}

func (m *memory) OpenJobs(_ context.Context, node string) (out []job.Record, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.jobs {
		if r.Node == node && !r.State.Ended() {
			out = append(out, r)
		}
	}
	return out, m.fail()
}

func (m *memory) SetJob(_ context.Context, r job.Record, from job.State) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.fail(); err != nil {
		return false, err
	}
	for i := range m.jobs {
		if m.jobs[i].ID == r.ID {
			if m.jobs[i].State != from {
				return false, nil
			}
			m.jobs[i] = r
			if r.State != from || r.State == job.Running {
				m.told <- r
			}
			return true, nil
		}
	}
	return false, nil
}

func (m *memory) DropJobs(_ context.Context, before time.Time) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := len(m.jobs)
	m.jobs = slices.DeleteFunc(m.jobs, func(r job.Record) bool { return r.State.Ended() && r.Ended.Before(before) })
	return n - len(m.jobs), nil
}

type house struct {
	*job.Queue
	st   *memory
	dir  string
	stop func()
}

// begin makes a queue over st and runs it until the test ends.
func begin(t *testing.T, st *memory, dir string, handlers map[string]job.Handler) *house {
	t.Helper()
	q, err := job.New(job.Config{
		Store: st, Node: "n", Dir: dir, Handlers: handlers, Now: time.Now, Log: slog.New(slog.DiscardHandler),
		MaxInput: 1 << 20, MaxOpen: 3, Retry: 20 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = q.Run(ctx) })
	stop := sync.OnceFunc(func() { cancel(); wg.Wait() })
	t.Cleanup(stop)
	return &house{q, st, dir, stop}
}

func fresh() *memory { return &memory{told: make(chan job.Record, 1000)} }

// await reads what is written down until the job is in the state.
func (h *house) await(t *testing.T, id string, s job.State) job.Record {
	t.Helper()
	end := time.After(10 * time.Second)
	for {
		select {
		case r := <-h.st.told:
			if r.ID == id && r.State == s {
				return r
			}
		case <-end:
			t.Fatalf("job %s never was %s", id, s)
		}
	}
}

func submit(t *testing.T, h *house, kind, input string) job.Job {
	t.Helper()
	j, err := h.Submit(t.Context(), job.Request{Org: "o", Kind: kind, Title: "t", Who: "w", Input: strings.NewReader(input)})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func inputs(t *testing.T, dir string) int {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}

// Proves: C-63: one job of an organisation after the other, in order; other
// organisations do not wait; the input goes when the job ends.
func TestJobsOfAnOrganisationRunInOrderOneAtATime(t *testing.T) {
	gate, order := make(chan struct{}), make(chan string, 10)
	h := begin(t, fresh(), t.TempDir(), map[string]job.Handler{"echo": func(_ context.Context, w job.Work) (any, error) {
		text, err := io.ReadAll(w.Input)
		if string(text) == "first" {
			<-gate
		}
		order <- string(text)
		w.Progress(w.Size, w.Size)
		return map[string]string{"text": string(text)}, err
	}})
	a, b := submit(t, h, "echo", "first"), submit(t, h, "echo", "second")
	other, err := h.Submit(t.Context(), job.Request{Org: "p", Kind: "echo", Input: strings.NewReader("other")})
	if err != nil {
		t.Fatal(err)
	}
	h.await(t, other.ID, job.Done)
	if j, _ := h.Get(t.Context(), "o", b.ID); j.State != job.Queued {
		t.Errorf("the second runs beside the first: %+v", j)
	}
	close(gate)
	h.await(t, b.ID, job.Done)
	if got := []string{<-order, <-order, <-order}; !slices.Equal(got, []string{"other", "first", "second"}) {
		t.Errorf("order %v", got)
	}
	j, err := h.Get(t.Context(), "o", a.ID)
	if err != nil || j.State != job.Done || string(j.Result) != `{"text":"first"}` || j.Done != 5 || j.Ended.IsZero() {
		t.Errorf("%+v, %v", j, err)
	}
	if _, err := h.Get(t.Context(), "p", a.ID); e911.KindOf(err) != e911.NotFound {
		t.Errorf("another organisation's job: %v", err)
	}
	h.stop()
	if n := inputs(t, h.dir); n != 0 {
		t.Errorf("%d inputs are left", n)
	}
}

// Proves: C-63, E15: a job whose server was killed is begun again, and one that
// kills it every time is not begun for ever.
func TestAJobThatWasKilledIsBegunAgain(t *testing.T) {
	st, dir := fresh(), t.TempDir()
	st.jobs = []job.Record{
		{Job: job.Job{ID: "1", Org: "o", Kind: "k", State: job.Running}, Node: "n", Size: 2, Tries: 1},
		{Job: job.Job{ID: "2", Org: "o", Kind: "k", State: job.Running}, Node: "n", Size: -1, Tries: 3},
		{Job: job.Job{ID: "3", Org: "o", Kind: "k", State: job.Running}, Node: "elsewhere", Size: -1, Tries: 1},
	}
	if err := os.WriteFile(filepath.Join(dir, "1.in"), []byte("in"), 0o600); err != nil {
		t.Fatal(err)
	}
	h := begin(t, st, dir, map[string]job.Handler{"k": func(_ context.Context, w job.Work) (any, error) {
		text, err := io.ReadAll(w.Input)
		return string(text), err
	}})
	if r := h.await(t, "1", job.Done); string(r.Result) != `"in"` || r.Tries != 2 {
		t.Errorf("%+v", r)
	}
	if r := h.await(t, "2", job.Failed); !strings.Contains(r.Error, "3 times") {
		t.Errorf("%+v", r)
	}
	if r, _ := st.Job(t.Context(), "o", "3"); r.State != job.Running {
		t.Errorf("another node's job was taken: %+v", r)
	}
}

// Proves: C-63: cancelling, failing, and a server that stops.
func TestHowAJobEnds(t *testing.T) {
	began := make(chan struct{}, 10)
	st, dir := fresh(), t.TempDir()
	handlers := map[string]job.Handler{
		"wait": func(ctx context.Context, _ job.Work) (any, error) {
			began <- struct{}{}
			<-ctx.Done()
			return nil, ctx.Err()
		},
		"bad": func(context.Context, job.Work) (any, error) {
			return nil, &e911.Error{Kind: e911.Invalid, Msg: "refused", Faults: []e911.Fault{{Row: 3, Code: "syntax", Msg: "no"}}}
		},
		"panic": func(context.Context, job.Work) (any, error) { panic("x") },
		"plain": func(context.Context, job.Work) (any, error) { return nil, errors.New("of the driver") },
	}
	h := begin(t, st, dir, handlers)
	j := submit(t, h, "wait", "")
	waiting := submit(t, h, "wait", "")
	<-began
	if _, err := h.Cancel(t.Context(), "o", waiting.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Cancel(t.Context(), "o", j.ID); err != nil {
		t.Fatal(err)
	}
	h.await(t, j.ID, job.Cancelled)
	if r, _ := st.Job(t.Context(), "o", waiting.ID); r.State != job.Cancelled || r.Tries != 0 {
		t.Errorf("%+v", r)
	}
	if _, err := h.Cancel(t.Context(), "o", j.ID); e911.KindOf(err) != e911.Conflict {
		t.Errorf("cancelled twice: %v", err)
	}
	if r := h.await(t, submit(t, h, "bad", "").ID, job.Failed); r.Error != "refused" || len(r.Faults) != 1 {
		t.Errorf("%+v", r)
	}
	if r := h.await(t, submit(t, h, "panic", "").ID, job.Failed); r.Error != "the job broke down" {
		t.Errorf("%+v", r)
	}
	if r := h.await(t, submit(t, h, "plain", "").ID, job.Failed); strings.Contains(r.Error, "driver") {
		t.Errorf("%+v", r)
	}
	last := submit(t, h, "wait", "")
	<-began
	h.stop()
	if r, _ := st.Job(t.Context(), "o", last.ID); r.State != job.Queued || r.Tries != 0 {
		t.Errorf("a server that stops: %+v", r)
	}
	again := begin(t, st, dir, handlers)
	again.await(t, last.ID, job.Running)
}

// Proves: E7: a database that is away leaves the job in the queue, with the reason.
func TestAJobWaitsForTheDatabase(t *testing.T) {
	up := make(chan struct{})
	h := begin(t, fresh(), t.TempDir(), map[string]job.Handler{"k": func(context.Context, job.Work) (any, error) {
		select {
		case <-up:
			return 1, nil
		default:
			return nil, e911.Errorf(e911.Unavailable, "the disk is full")
		}
	}})
	j := submit(t, h, "k", "x")
	if r := h.await(t, j.ID, job.Queued); r.Waits != "the disk is full" || r.Tries != 0 {
		t.Errorf("%+v", r)
	}
	close(up)
	if r := h.await(t, j.ID, job.Done); r.Waits != "" || string(r.Result) != "1" {
		t.Errorf("%+v", r)
	}
}

// Proves: W-46: what is refused at once, and that nothing of it stays.
func TestWhatIsNoJob(t *testing.T) {
	gate := make(chan struct{})
	defer close(gate)
	h := begin(t, fresh(), t.TempDir(), map[string]job.Handler{"k": func(ctx context.Context, _ job.Work) (any, error) {
		select {
		case <-gate:
		case <-ctx.Done():
		}
		return nil, ctx.Err()
	}})
	for name, c := range map[string]struct {
		kind string
		in   io.Reader
		want e911.Kind
	}{
		"an unknown kind":         {"x", nil, e911.Invalid},
		"an input without end":    {"k", zeros{}, e911.Invalid},
		"an input that broke off": {"k", io.MultiReader(strings.NewReader("x"), broken{}), e911.Invalid},
	} {
		_, err := h.Submit(t.Context(), job.Request{Org: "o", Kind: c.kind, Input: c.in})
		if e911.KindOf(err) != c.want || err == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := inputs(t, h.dir); n != 0 {
		t.Errorf("%d inputs are left", n)
	}
	for range 3 {
		submit(t, h, "k", "")
	}
	if _, err := h.Submit(t.Context(), job.Request{Org: "o", Kind: "k"}); e911.KindOf(err) != e911.Conflict {
		t.Errorf("a fourth: %v", err)
	}
	if _, err := job.New(job.Config{}); len(e911.FaultsOf(err)) != 6 {
		t.Errorf("an empty configuration: %v", err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("reset by peer") }
