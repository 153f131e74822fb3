package app

import (
	"context"
	"encoding/json"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	rest "github.com/callbox911/callbox/client"
	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/change"
	"github.com/callbox911/callbox/internal/admin/setup"
	"github.com/callbox911/callbox/internal/admin/sheet"
	"github.com/callbox911/callbox/internal/e911"
)

// doors are the ways in which somebody may try to put a site into stage 911.
type doors struct {
	*gates
	client *rest.Client
	key    string // of the operator's
}

func newDoors(ctx context.Context, t *testing.T) *doors {
	t.Helper()
	d := &doors{gates: newGates(ctx, t)}
	key, err := KeyDesk{Dir: d.s.cfg.DataDir, Who: "test", Log: d.s.cfg.Log}.Create(ctx, "", rest.KeyWish{
		Name: "doors", Scopes: []string{"read", "write", "provider"},
	})
	if err != nil {
		t.Fatal(err)
	}
	d.key = key.Secret
	if d.client, err = rest.New(rest.Config{URL: d.s.cfg.BaseURL, Key: key.Secret}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.client.Close)
	return d
}

func (d *doors) stage() e911.Stage {
	d.t.Helper()
	v, err := d.s.store.desk.Load().staging.Sites.Get(d.ctx, d.org, string(d.site))
	if err != nil {
		d.t.Fatal(err)
	}
	return v.Value.Stage
}

func (d *doors) planner() *change.Planner {
	d.t.Helper()
	desk, err := d.s.changeDesk()
	if err != nil {
		d.t.Fatal(err)
	}
	return desk.p
}

// planned plans a set and applies it where that is offered; the error has the faults.
func (d *doors) planned(set change.Set) (change.Applied, error) {
	p := d.planner()
	set.Org = d.org
	plan, err := p.Plan(d.ctx, "test", set)
	if err != nil {
		return change.Applied{}, err
	}
	a, err := p.Apply(d.ctx, "test", d.org, plan.ID, plan.Hash)
	return a, d.s.published(d.ctx, err)
}

func (d *doors) sheet(text string) error {
	desk, err := d.s.changeDesk()
	if err != nil {
		return err
	}
	set, err := desk.tableSet(d.ctx, ChangeRequest{File: "sites.csv", Kind: sheet.Sites, Org: demoOrg, Mode: sheet.Add}, []byte(text))
	if err != nil {
		return err
	}
	_, err = d.planned(set)
	return err
}

// Every way in which a site is written is tried with stage 911, on a whole server: all
// say at "stage" what is missing, but the world file, which is the operator's word and
// is kept as that, and an undo, which goes back to what had passed. 911 is answered
// after each.
//
// Proves: W-25, W-30, F-24, F-38, F-39, N-48, E15
func TestNoDoorLeadsAroundTheGuardOfStage911(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	d := newDoors(ctx, t)
	if st := d.status(); st.Override == nil || st.Override.Declared != "harbor.yaml" || st.State == "compliant" {
		t.Fatalf("the world file's declaration is not kept as one: %+v", st.Override)
	}
	if !d.audited("declare_stage") {
		t.Error("the audit trail has no declaration")
	}
	d.stand("", e911.Stage933, false)
	site, err := d.s.store.desk.Load().staging.Sites.Get(ctx, d.org, string(d.site))
	if err != nil {
		t.Fatal(err)
	}
	up := site.Value
	up.Stage = e911.Stage911
	fresh := up
	fresh.ID, fresh.Key = "", "annex"
	editor, err := d.s.editor()
	if err != nil {
		t.Fatal(err)
	}
	path := "/organisations/" + string(d.org) + "/sites"
	call := func(method, path string, match bool, body map[string]any) error {
		r := rest.Request{Method: method, Path: path, Body: body, Patch: method == http.MethodPatch}
		if match {
			var now map[string]any
			answer, err := d.client.Do(ctx, rest.Request{Method: http.MethodGet, Path: path}, &now)
			if err != nil {
				return err
			}
			if r.IfMatch = answer.ETag; method == http.MethodPut {
				now["stage"] = "911"
				r.Body = now
			}
		}
		_, err := d.client.Do(ctx, r, nil)
		return err
	}
	for name, try := range map[string]func() error{
		"REST, a new site": func() error {
			return call(http.MethodPost, path, false, map[string]any{"key": "annex", "zone": "America/New_York", "stage": "911", "ecbn": string(up.ECBN)})
		},
		"REST, a site replaced": func() error { return call(http.MethodPut, path+"/"+string(d.site), true, nil) },
		"REST, a site patched": func() error {
			return call(http.MethodPatch, path+"/"+string(d.site), true, map[string]any{"stage": "911"})
		},
		"an editor, new": func() error { _, err := editor.Sites.Create(ctx, "test", fresh); return err },
		"an editor":      func() error { _, err := editor.Sites.Update(ctx, "test", up, site.Version); return err },
		"a change set": func() error {
			_, err := d.planned(change.Set{Steps: []change.Step{{Verb: change.Put, Value: up}}})
			return err
		},
		"a change set, new": func() error {
			_, err := d.planned(change.Set{Steps: []change.Step{{Verb: admin.Created, Value: fresh}}})
			return err
		},
		"a sheet": func() error { return d.sheet("key,stage\nhq,911\n") },
		"a sheet with a new one": func() error {
			return d.sheet("key,zone,stage,ecbn\nannex,America/New_York,911," + string(up.ECBN) + "\n")
		},
		"the set-up itself": func() error { return second(d.setup().TakeStage(ctx, "test", d.org, "hq", e911.Stage911, "")) },
	} {
		err := try()
		if err == nil || !strings.Contains(said(err), "stage") {
			t.Errorf("%s: %v", name, said(err))
		}
		if got := d.stage(); got != e911.Stage933 {
			t.Errorf("%s: the site is in stage %s", name, got)
		}
	}
	if _, by := d.dial("911"); by == "" {
		t.Error("911 is not answered in stage 933")
	}
	var all struct {
		Items []setup.Standing `json:"items"`
	}
	if _, err := d.client.Do(ctx, rest.Request{Method: http.MethodGet, Path: "/compliance"}, &all); err != nil || len(all.Items) != 1 || all.Items[0].Key != demoOrg ||
		all.Items[0].Compliance != "non_compliant" || all.Items[0].Sites == 0 {
		t.Errorf("the list of organisations: %v %+v", err, all)
	}
	var lint struct {
		Findings []struct{ Code, Dialled string }
	}
	if _, err := d.client.Do(ctx, rest.Request{
		Method: http.MethodPost, Path: "/organisations/" + string(d.org) + "/setup/lint", Body: map[string]any{"text": "[out]\nexten => _9X.,1,Dial(SIP/t/${EXTEN:1})\n"},
	}, &lint); err != nil || len(lint.Findings) != 3 || lint.Findings[0].Code != "swallowed" {
		t.Errorf("a dial plan by REST: %v %+v", err, lint)
	}
	d.reports(t)
	d.undo(site.Value)
	d.lists(t)
}

// undo: what lowered a site is put back, and a world file raises it.
func (d *doors) undo(site e911.Site) {
	t := d.t
	d.stand("", e911.Stage911, false)
	site.Stage = e911.StageNone
	a, err := d.planned(change.Set{Steps: []change.Step{{Verb: admin.Changed, Value: site}}})
	if err != nil || d.stage() != e911.StageNone {
		t.Fatalf("lowering is refused: %v", said(err))
	}
	back, err := d.planner().Undo(d.ctx, "test", d.org, a.ID)
	if err == nil {
		_, err = d.planner().Apply(d.ctx, "test", d.org, back.ID, back.Hash)
	}
	d.publish(err)
	if got := d.stage(); got != e911.Stage911 {
		t.Errorf("the undo leaves the site in stage %s", got)
	}
	if st := d.status(); st.Override == nil {
		t.Error("the undo lost the record of why the site was in stage 911")
	}
}

// lists checks that a plan of a world file is its declaration too.
func (d *doors) lists(t *testing.T) {
	t.Helper()
	d.stand("", e911.StageNone, false)
	desk, err := d.s.changeDesk()
	if err != nil {
		t.Fatal(err)
	}
	set, err := desk.worldSet(d.ctx, ChangeRequest{File: filepath.Join("etc", "again.yaml"), Who: "ann"}, []byte(d.text))
	if err != nil {
		t.Fatal(err)
	}
	set.Unroute = "the relay of the gates goes"
	plan, err := desk.p.Plan(d.ctx, "ann", set)
	if err != nil || len(plan.Faults) > 0 {
		t.Fatal(err, plan.Faults)
	}
	_, err = desk.p.Apply(d.ctx, "ann", "", plan.ID, plan.Hash)
	d.publish(err)
	if st := d.status(); st.Stage != e911.Stage911 || st.Override == nil || st.Override.Declared != "again.yaml" {
		t.Errorf("stage %s, %+v", st.Stage, st.Override)
	}
}

func (d *doors) status() setup.SiteStatus {
	d.t.Helper()
	st, err := d.setup().Status(d.ctx, d.org, "hq")
	if err != nil {
		d.t.Fatal(err)
	}
	return st.Sites[0]
}

func (d *doors) audited(verb admin.Verb) bool {
	d.t.Helper()
	all, err := d.s.store.get().Audit(d.ctx, d.org, 0, 1000)
	if err != nil {
		d.t.Fatal(err)
	}
	return slices.ContainsFunc(all, func(e admin.AuditEntry) bool { return e.Verb == verb })
}

// said is an error with its faults.
func said(err error) string {
	if err == nil {
		return ""
	}
	b, _ := json.Marshal(e911.FaultsOf(err))
	return err.Error() + " " + string(b)
}
