package sheet_test

import (
	"bytes"
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/change"
	"github.com/callbox911/callbox/internal/admin/sheet"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/layers"
	"github.com/callbox911/callbox/internal/snapshot"
)

// fed is a directory that feeds who is in it.
type fed map[e911.UserID]admin.Fed

func (f fed) Fed(_ context.Context, _ e911.OrgID, users ...e911.UserID) (map[e911.UserID]admin.Fed, error) {
	out := map[e911.UserID]admin.Fed{}
	for u, x := range f {
		if len(users) == 0 || slices.Contains(users, u) {
			out[u] = x
		}
	}
	return out, nil
}

// Proves: C-59: what a directory feeds is left blank in an export, a blank and the
// same value change nothing, another value is a fault on its row and column.
func TestWhatADirectoryFeedsIsReadOnlyInATable(t *testing.T) {
	st := open(t, harbor()...)
	ann := fed{"u1": {Directory: "entra", Fields: []string{"name", "email", "device_user_id", "site"}, Location: true, Numbers: []e911.Number{"+16172530101"}}}
	planner, err := change.New(change.Config{
		Store: st, Layer: layers.USCountyBoundary, Now: time.Now, Feeds: ann,
		World: func() (*snapshot.Snapshot, admin.Head) { return &snapshot.Snapshot{}, admin.Head{} },
	})
	if err != nil {
		t.Fatal(err)
	}
	plan := func(kind sheet.Kind, table sheet.Table) change.Plan {
		t.Helper()
		set, rep, err := imports(t, st, sheet.Options{Kind: kind, Mode: sheet.Add}, table)
		if err != nil || len(rep.Faults) > 0 {
			t.Fatal(err, rep.Faults)
		}
		p, err := planner.Plan(t.Context(), "test", set)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	for _, kind := range []sheet.Kind{sheet.Users, sheet.Numbers} {
		var table sheet.Table
		err := st.Read(t.Context(), func(r admin.Reader) (err error) {
			table, err = sheet.ExportFed(t.Context(), r, "o", kind, ann)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		blank := []string{"name", "email", "device_user_id", "site"}
		if kind == sheet.Numbers {
			blank = []string{"location", "user"}
		}
		for i, name := range table.Header {
			if slices.Contains(blank, name) != (table.Rows[0][i] == "") && (slices.Contains(blank, name) || table.Rows[0][i] == "x") {
				t.Errorf("%s: %s is %q", kind, name, table.Rows[0][i])
			}
		}
		var b bytes.Buffer
		if err := sheet.Write(&b, sheet.CSV, kind, table); err != nil {
			t.Fatal(err)
		}
		if p := plan(kind, read(t, string(kind)+".csv", b.String())); len(p.Changes) > 0 || len(p.Faults) > 0 {
			t.Errorf("%s: blanks change something: %+v %v", kind, p.Changes, p.Faults)
		}
	}
	for name, c := range map[string]struct {
		kind sheet.Kind
		text string
		want []string
	}{
		"the same":                   {sheet.Users, "key,name,site\nann,Ann Carter,hq\n", nil},
		"what it does not feed":      {sheet.Users, "key,callback,language\nann,+16172530102,fr\n", nil},
		"another name and id":        {sheet.Users, "key,name,device_user_id\nbob,Robert,B1\nann,Anna,77\n", []string{"3:2 name synced", "3:3 device_user_id synced"}},
		"the location of his number": {sheet.Numbers, "number,location,user\n+16172530101,mill-2,bob\n+16172530102,mill-2,\n", []string{"2:3 user synced"}},
		"his own, elsewhere":         {sheet.Numbers, "number,location\n+16172530101,mill-2\n", []string{"2:2 location synced"}},
	} {
		p := plan(c.kind, read(t, "x.csv", c.text))
		if d := cmp.Diff(c.want, told(p.Faults)); d != "" {
			t.Errorf("%s: %s", name, d)
		}
		if p.Applicable != (c.want == nil) && name != "the same" {
			t.Errorf("%s: applicable %v: %s", name, p.Applicable, p.Why)
		}
	}
}
