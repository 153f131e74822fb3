package api_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/callbox911/callbox/internal/admin/apikey"
	"github.com/callbox911/callbox/internal/admin/job"
	"github.com/callbox911/callbox/internal/admin/sheet"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/web/api"
)

// wished keeps what the last job was asked for, as its runner reads it.
type wished struct {
	swallow
	task sheet.Task
}

func (w *wished) Submit(ctx context.Context, r job.Request) (job.Job, error) {
	w.task = sheet.Task{}
	if err := json.Unmarshal(r.Args, &w.task); err != nil {
		return job.Job{}, err
	}
	return w.swallow.Submit(ctx, r)
}

// Who may not set passwords sets none by a table either.
// Proves: E14
func TestATableSetsPasswordsForWhoMaySetThem(t *testing.T) {
	jobs := &wished{}
	b := newBench(t, func(c *api.Config) { c.Jobs = jobs })
	org, _ := b.town()
	for _, c := range []struct {
		what   string
		scopes []apikey.Scope
		closed bool
	}{
		{"a key without the scope secrets", []apikey.Scope{apikey.ScopeImports, apikey.ScopeWrite}, true},
		{"a key with it", []apikey.Scope{apikey.ScopeImports, apikey.ScopeWrite, apikey.ScopeSecrets}, false},
	} {
		b.want(202, b.key(e911.OrgID(org), c.scopes...), "POST", "/organisations/"+org+"/imports/devices", strings.NewReader("key,sip.secret\n"), "Content-Type", "text/csv")
		if jobs.task.Kind != "devices" || jobs.task.NoSecrets != c.closed {
			t.Errorf("%s: %+v", c.what, jobs.task)
		}
	}
}
