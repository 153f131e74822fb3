package api_test

import (
	"context"
	"strings"
	"testing"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/apikey"
	"github.com/callbox911/callbox/internal/admin/change"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/web/api"
)

// A set that the operator made for an organisation is not a way round what only the
// operator may change: neither by applying it nor by taking it back.
// Proves: E14, issue 8: tenant walls
func TestAnOrganisationDoesNotApplyOrUndoTheOperatorsTrunks(t *testing.T) {
	b := newBench(t, nil)
	org, _ := b.town()
	base := "/organisations/" + org
	key := b.key(e911.OrgID(org))
	trunk := func(name string) map[string]any {
		v := map[string]any{"key": name, "side": "platform", "from": []any{"127.0.0.22/32"}, "dr_from": []any{}}
		return map[string]any{"steps": []any{map[string]any{"kind": "trunks", "verb": "create", "value": v}}}
	}
	made := b.want(200, b.operator, "POST", base+"/changes", trunk("one"))
	applied, _ := made.body["applied"].(map[string]any)
	id, _ := applied["id"].(string)
	if id == "" {
		t.Fatalf("the operator made none: %s", made.text)
	}
	b.want(403, key, "POST", base+"/applied/"+id+"/undo", nil)
	planned := b.want(200, b.operator, "POST", base+"/changes?dry_run=true", map[string]any{"steps": []any{
		map[string]any{"kind": "trunks", "verb": "delete", "key": "one"},
	}})
	plan, _ := planned.body["plan"].(map[string]any)
	pid, _ := plan["id"].(string)
	b.want(403, key, "POST", base+"/plans/"+pid+"/apply", map[string]any{"hash": plan["hash"]})
	b.want(200, b.operator, "GET", base+"/trunks/key:one", nil)
	b.want(200, b.operator, "POST", base+"/applied/"+id+"/undo", nil)
	b.want(200, b.operator, "POST", base+"/plans/"+pid+"/apply", map[string]any{"hash": plan["hash"]})
}

// hasty lets somebody else in between the reading of a set and its plan.
type hasty struct {
	api.Plans
	between func()
}

func (h *hasty) Plan(ctx context.Context, who admin.Actor, s change.Set) (change.Plan, error) {
	if do := h.between; do != nil {
		h.between = nil
		do()
	}
	return h.Plans.Plan(ctx, who, s)
}

// Of two administrators who change one object at once, by steps, neither overwrites
// the other without knowing.
// Proves: N-17, E15, issue 8: two administrators
func TestStepsDoNotOverwriteWhatWasChangedMeanwhile(t *testing.T) {
	race := &hasty{}
	b := newBench(t, func(c *api.Config) { race.Plans, c.Plans = c.Plans, race })
	org, _ := b.town()
	path := "/organisations/" + org + "/users:bulk"
	rename := func(verb string, value map[string]any) map[string]any {
		return map[string]any{"steps": []any{map[string]any{"verb": verb, "key": "ada", "value": value}}}
	}
	race.between = func() {
		b.want(200, b.operator, "POST", path, rename("change", map[string]any{"email": "new@example.com"}))
	}
	g := b.want(422, b.operator, "POST", path, rename("change", map[string]any{"name": "Ada Q."}))
	if !strings.Contains(g.text, "changed since") {
		t.Errorf("told is %s", g.text)
	}
	b.want(200, b.operator, "POST", path, rename("change", map[string]any{"name": "Ada Q."}))
	ada := b.want(200, b.operator, "GET", "/organisations/"+org+"/users/key:ada", nil)
	if ada.body["email"] != "new@example.com" || ada.body["name"] != "Ada Q." {
		t.Errorf("one of the two is lost: %s", ada.text)
	}
	// Sent once more there is nothing to do, and that is no fault.
	if g := b.want(200, b.operator, "POST", path, rename("change", map[string]any{"name": "Ada Q."})); g.body["applied"] != nil {
		t.Errorf("nothing was to be done: %s", g.text)
	}
}

// A file that is sent again is held against the first by what is in it.
// Proves: E15, N-17
func TestAnotherFileWithTheSameKeyIsRefused(t *testing.T) {
	jobs := &swallow{}
	b := newBench(t, func(c *api.Config) { c.Jobs = jobs })
	org, _ := b.town()
	path := "/organisations/" + org + "/imports/users"
	send := func(want int, text string) got {
		return b.want(want, b.operator, "POST", path, strings.NewReader(text), "Content-Type", "text/csv", "Idempotency-Key", "f")
	}
	first := send(202, "key,name\nann,Ann\n")
	again := send(202, "key,name\nann,Ann\n")
	if again.text != first.text || again.head.Get("Idempotency-Replayed") != "true" {
		t.Errorf("the same file again: %s", again.text)
	}
	send(422, "key,name\nbob,Bob\n") // as long as the first
}

// Proves: E14: a key of the operator gives no scope that it does not have.
func TestTheOperatorsKeyGivesNoMoreThanItHas(t *testing.T) {
	b := newBench(t, nil)
	org, _ := b.town()
	few := b.key("", apikey.ScopeProvider, apikey.ScopeKeys, apikey.ScopeRead)
	wish := func(scopes ...any) map[string]any { return map[string]any{"name": "n", "scopes": scopes} }
	b.want(403, few, "POST", "/keys", wish("provider", "write"))
	b.want(403, few, "POST", "/organisations/"+org+"/keys", wish("secrets"))
	b.want(201, few, "POST", "/organisations/"+org+"/keys", wish("read"))
}
