package api_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/callbox911/callbox/internal/admin/job"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/web/api"
)

// An answer that was lost comes back to who sends the request again; nothing is
// made twice.
//
// Proves: E15, N-17
func TestARequestThatIsSentAgainIsDoneOnce(t *testing.T) {
	b := newBench(t, nil)
	org, _ := b.town()
	base := "/organisations/" + org + "/devices"
	device := map[string]any{"site": "key:mill", "key": "twice", "mac": "00:1b:54:00:00:2e"}
	first := b.want(201, b.operator, "POST", base, device, "Idempotency-Key", "a1")
	again := b.want(201, b.operator, "POST", base, device, "Idempotency-Key", "a1")
	if again.text != first.text || again.etag() != first.etag() || again.head.Get("Idempotency-Replayed") != "true" {
		t.Errorf("sent again: %s", again.text)
	}
	device["key"] = "other"
	b.want(422, b.operator, "POST", base, device, "Idempotency-Key", "a1")
	b.want(422, b.operator, "POST", base, device, "Idempotency-Key", "a2") // the MAC is taken: that answer is kept too
	b.want(201, b.key(e911.OrgID(org)), "POST", base, map[string]any{"site": "key:mill", "key": "third"}, "Idempotency-Key", "a1")
	wish := map[string]any{"name": "n", "scopes": []any{"read"}}
	made := b.want(201, b.operator, "POST", "/organisations/"+org+"/keys", wish, "Idempotency-Key", "k")
	if g := b.want(201, b.operator, "POST", "/organisations/"+org+"/keys", wish, "Idempotency-Key", "k"); g.body["secret"] != made.body["secret"] {
		t.Errorf("the key itself did not come again: %s", g.text)
	}
	if g := b.want(200, b.operator, "GET", "/organisations/"+org+"/keys", nil); strings.Contains(g.text, fmt.Sprint(made.body["secret"])) {
		t.Errorf("a key is told when it is read")
	}
}

// Proves: E15, W-46
func TestManyStepsAreOneChange(t *testing.T) {
	b := newBench(t, nil)
	org, _ := b.town()
	path := "/organisations/" + org + "/changes"
	step := func(kind, verb string, value map[string]any) map[string]any {
		return map[string]any{"kind": kind, "verb": verb, "value": value}
	}
	good := []any{
		step("users", "create", map[string]any{"site": "key:mill", "key": "bea", "name": "Bea"}),
		step("devices", "put", map[string]any{"site": "key:mill", "key": "bea-1", "user": "key:bea"}),
		map[string]any{"kind": "users", "verb": "change", "key": "ada", "value": map[string]any{"name": "Ada Q."}},
	}
	g := b.do(b.operator, "POST", path+"?dry_run=true", map[string]any{"steps": good})
	if g.status == http.StatusServiceUnavailable {
		t.Skip("plans are not kept here yet")
	}
	if plan, _ := g.body["plan"].(map[string]any); g.status != 200 || plan["applicable"] != true || g.body["applied"] != nil {
		t.Fatalf("a dry run: %d %s", g.status, g.text)
	}
	b.want(404, b.operator, "GET", "/organisations/"+org+"/users/key:bea", nil)
	bad := append([]any{step("users", "create", map[string]any{"site": "key:nowhere", "key": "x", "nmae": "X"})}, good...)
	g = b.want(422, b.operator, "POST", path, map[string]any{"steps": bad})
	if !strings.Contains(g.faults(), "/nmae unknown_key") || !strings.Contains(g.faults(), "/site unknown") {
		t.Errorf("a bad step is told as %s", g.text)
	}
	b.want(404, b.operator, "GET", "/organisations/"+org+"/users/key:bea", nil)
	b.want(200, b.operator, "POST", path, map[string]any{"mode": "partial", "steps": bad})
	bea := b.want(200, b.operator, "GET", "/organisations/"+org+"/users/key:bea", nil)
	if d := b.want(200, b.operator, "GET", "/organisations/"+org+"/devices/key:bea-1", nil); d.body["user"] != bea.id() {
		t.Errorf("the device is of %v, not of %v", d.body["user"], bea.id())
	}
	if g := b.want(200, b.operator, "GET", "/organisations/"+org+"/users/key:ada", nil); g.body["name"] != "Ada Q." || g.body["email"] != "ada@example.com" {
		t.Errorf("a change by a step: %s", g.text)
	}
}

// endless is a file of so many bytes.
type endless struct{ left int64 }

func (e *endless) Read(p []byte) (int, error) {
	if e.left <= 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), e.left)
	e.left -= n
	return int(n), nil
}

// swallow is a queue that reads an input to its end, as the real one does.
type swallow struct {
	api.Jobs
	read int64
}

func (s *swallow) Submit(_ context.Context, r job.Request) (job.Job, error) {
	n, err := io.Copy(io.Discard, r.Input)
	s.read = n
	if err != nil {
		return job.Job{}, fmt.Errorf("keep the input: %w", err)
	}
	return job.Job{ID: "j", Org: r.Org, Kind: r.Kind, State: job.Queued}, nil
}

// Proves: N-17, E15
func TestAnUploadIsCutAtItsBound(t *testing.T) {
	jobs := &swallow{}
	b := newBench(t, func(c *api.Config) { c.Jobs = jobs })
	org, _ := b.town()
	path := "/organisations/" + org + "/imports/users"
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	b.want(413, b.operator, "POST", path, &endless{2 << 30}, "Content-Type", "text/csv")
	runtime.ReadMemStats(&after)
	if jobs.read > 513<<20 {
		t.Errorf("%d bytes were read", jobs.read)
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 16<<20 {
		t.Errorf("%d bytes were used for it", grown)
	}
	g := b.want(202, b.operator, "POST", path+"?mode=replace", &endless{5 << 20}, "Content-Type", "text/csv")
	if jobs.read != 5<<20 || g.head.Get("Location") == "" {
		t.Errorf("of a smaller file %d bytes were read: %s", jobs.read, g.text)
	}
}
