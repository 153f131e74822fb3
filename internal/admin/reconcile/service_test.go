package reconcile_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/examples"
	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/change"
	"github.com/callbox911/callbox/internal/admin/reconcile"
	"github.com/callbox911/callbox/internal/admin/sheet"
	"github.com/callbox911/callbox/internal/admin/world"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/layers"
	"github.com/callbox911/callbox/internal/seal"
	"github.com/callbox911/callbox/internal/snapshot"
	"github.com/callbox911/callbox/internal/store/sqlite"
)

var epoch = time.Date(2026, 3, 9, 14, 2, 11, 0, time.UTC)

// bench is a service over a store with the example in it.
type bench struct {
	*reconcile.Service
	t       *testing.T
	store   *sqlite.Store
	planner *change.Planner
	org     e911.OrgID
	now     time.Time
	dir     string
	alarms  []string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, now: epoch, dir: t.TempDir()}
	ring, err := seal.NewRing(seal.Key{ID: "m1", Secret: seal.NewSecret()})
	if err != nil {
		t.Fatal(err)
	}
	clock := func() time.Time { return b.now }
	if b.store, err = sqlite.Open(filepath.Join(t.TempDir(), "callbox.db"), ring, clock); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.store.Close() })
	im, err := world.New(world.Config{Store: b.store, Layer: layers.USCountyBoundary, Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := im.Import(t.Context(), "test", "harbor.yaml", examples.Harbor(), world.Options{}); err != nil {
		t.Fatal(err)
	}
	empty := &snapshot.Snapshot{}
	b.planner, err = change.New(change.Config{
		Store: b.store, Layer: layers.USCountyBoundary, Now: clock, World: func() (*snapshot.Snapshot, admin.Head) { return empty, admin.Head{} },
	})
	if err != nil {
		t.Fatal(err)
	}
	err = b.store.Read(t.Context(), func(r admin.Reader) error {
		orgs, err := r.Orgs(t.Context())
		b.org = orgs[0].ID
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	b.start()
	return b
}

// start makes the service anew, as after a restart.
func (b *bench) start() {
	b.t.Helper()
	var err error
	b.Service, err = reconcile.New(reconcile.Config{
		Store: b.store, Planner: b.planner, Folder: b.dir, Now: func() time.Time { return b.now }, Log: slog.New(slog.DiscardHandler),
		Alarm: func(org e911.OrgID, a journal.Alarm) {
			if org != b.org || a.Detail == "" {
				b.t.Errorf("an alarm of %q: %+v", org, a)
			}
			b.alarms = append(b.alarms, a.Code)
		},
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) save(s reconcile.Source) reconcile.Source {
	b.t.Helper()
	s.Org = b.org
	s, err := b.Save(b.t.Context(), "ann", s)
	if err != nil {
		b.t.Fatalf("%v %+v", err, e911.FaultsOf(err))
	}
	return s
}

func (b *bench) push(key, list string) reconcile.Run {
	b.t.Helper()
	r, err := b.Push(b.t.Context(), "ann", b.org, key, key+".csv", strings.NewReader(list))
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

// told are the alarms since it was asked last.
func (b *bench) told() []string {
	defer func() { b.alarms = nil }()
	return b.alarms
}

// text is what a run found, one line each.
func text(r reconcile.Run) string {
	var out strings.Builder
	for _, d := range r.Differences {
		fmt.Fprintf(&out, "%s %s/%s", d.Class, d.Key, d.OurKey)
		if d.Unregistered {
			out.WriteString(" UNREGISTERED")
		}
		for _, f := range d.Fields {
			fmt.Fprintf(&out, " %s: %q not %q", f.Field, f.Theirs, f.Ours)
		}
		out.WriteString("\n")
	}
	return out.String()
}

var webex = reconcile.Source{
	Key: "webex", Kind: sheet.Users, KeyColumn: "User ID/Email", KeyField: "email", Site: "hq", Action: reconcile.ActionReport,
	Columns: map[string]string{"name": "Display Name", "device_user_id": "Agent", "callback": "Phone"},
}

const header = "User ID/Email,Display Name,Agent,Phone,Licence\n"

// Two lists of users are compared in every way in which they differ, and the plan
// brings ours in step.
//
// Proves: N-15, N-34, W-55, E15
func TestAPlatformsUsersAreComparedAndMended(t *testing.T) {
	b := newBench(t)
	src := webex
	src.DeleteExtra = true
	b.save(src)
	list := header +
		"FRONT-DESK@harbor.example,Reception,agent4711,(617) 555-0111,gold\n" + // capitals are no difference of an address; a changed name
		"quality.lab@harbor.example,Quality lab,agent4712,,gold\n" + // the same agent with another address
		"new.person@harbor.example,New Person,agent4999,+16175550119,gold\n" +
		"twice@harbor.example,One,agent5001,,\n" +
		"twice@harbor.example,Other,agent5002,,\n" +
		",no address,,,\n"
	r := b.push("webex", list)
	want := `missing new.person@harbor.example/ UNREGISTERED
duplicate twice@harbor.example/
near FRONT-DESK@harbor.example/agent-4711 email: "FRONT-DESK@harbor.example" not "front-desk@harbor.example" name: "Reception" not "Front desk"
near quality.lab@harbor.example/agent-4712 email: "quality.lab@harbor.example" not "lab@harbor.example"
extra /agent-4801
`
	if d := cmp.Diff(want, text(r)); d != "" || r.State != reconcile.StateDrift || r.Counts.Unregistered != 1 || r.Rows != 5 || r.Ours != 3 {
		t.Fatalf("%+v\n%s", r.Counts, d)
	}
	for _, d := range r.Differences {
		if d.Why == "" || d.Fix == "" || d.Key != "" && d.Row < 2 {
			t.Errorf("%+v says not why, where or what to do", d)
		}
	}
	p, err := b.Plan(t.Context(), "ann", b.org, "webex")
	if err != nil || !p.Applicable {
		t.Fatalf("%v %s %+v", err, p.Why, p.Faults)
	}
	if _, err := b.planner.Apply(t.Context(), "bob", b.org, p.ID, p.Hash); err != nil {
		t.Fatal(err)
	}
	after, err := b.Compare(t.Context(), b.org, "webex")
	// Whom a device names is not deleted under it: that row of the plan says so.
	if len(p.Faults) != 2 || !strings.Contains(p.Faults[0].Msg+p.Faults[0].Fix, "device") {
		t.Errorf("%+v", p.Faults)
	}
	if d := cmp.Diff("duplicate twice@harbor.example/\nextra /agent-4801\n", text(after)); err != nil || d != "" || after.Counts.Same != 3 {
		t.Fatalf("%v %+v\n%s", err, after.Counts, d)
	}
	if got := b.told(); len(got) > 0 {
		t.Errorf("alarms %v", got)
	}
}

// An export that was cut off deletes nobody, whatever the source says.
//
// Proves: N-15, E15
func TestAListThatShrankDeletesNothing(t *testing.T) {
	b := newBench(t)
	src := webex
	src.DeleteExtra, src.Action = true, reconcile.ActionPlan
	src = b.save(src)
	all := header + "front-desk@harbor.example,Front desk,,,\nlab@harbor.example,Quality lab,,,\nsales@harbor.example,Sales,,,\n"
	if r := b.push("webex", all); r.State != reconcile.StateSame || r.Good != 3 || r.NoDeletions != "" {
		t.Fatalf("%+v", r)
	}
	if _, err := b.Plan(t.Context(), "ann", b.org, "webex"); e911.KindOf(err) != e911.Conflict {
		t.Errorf("a plan of nothing: %v", err)
	}
	cut := header + "front-desk@harbor.example,Front desk,,,\n"
	r := b.push("webex", cut)
	if r.NoDeletions == "" || r.Good != 3 || r.Counts.Extra != 2 || r.Plan != "" || r.PlanWhy == "" {
		t.Fatalf("%+v", r)
	}
	if d := cmp.Diff([]string{reconcile.AlarmShrank}, b.told()); d != "" {
		t.Error(d)
	}
	b.push("webex", cut)
	if got := b.told(); len(got) > 0 {
		t.Errorf("told twice in a day: %v", got)
	}
	src.MaxShrink = 100
	b.save(src)
	if r = b.push("webex", cut); r.NoDeletions != "" || r.Plan == "" {
		t.Fatalf("%+v", r)
	}
	if p, err := b.planner.Get(t.Context(), b.org, r.Plan); err != nil || p.Hash != r.PlanHash {
		t.Error(err)
	}
	again, err := b.RunNow(t.Context(), "ann", b.org, "webex")
	if err != nil || again.Plan != r.Plan {
		t.Errorf("the same list made another plan: %v %+v", err, again)
	}
}

// Files are read when they are due, by the clock, also after a restart; what fails or
// lasts is told, once a day.
//
// Proves: N-15, N-34
func TestAScheduleOutlivesARestart(t *testing.T) {
	b := newBench(t)
	src := webex
	src.File, src.EveryMinutes, src.OldAfterDays = "users.csv", 60, 2
	b.save(src)
	file := filepath.Join(b.dir, "users.csv")
	put := func(list string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(list), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, b.now, b.now); err != nil {
			t.Fatal(err)
		}
	}
	runs := func() int {
		t.Helper()
		list, err := b.Runs(t.Context(), b.org, "webex", 0)
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	tick := func(d time.Duration, wantRuns int, wantAlarms ...string) {
		t.Helper()
		b.now = b.now.Add(d)
		if err := b.Due(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n, got := runs(), b.told(); n != wantRuns || !slices.Equal(got, wantAlarms) {
			t.Fatalf("%d runs and %v, want %d and %v", n, got, wantRuns, wantAlarms)
		}
	}
	tick(0, 1, reconcile.AlarmFailed) // there is no file
	tick(59*time.Minute, 1)
	tick(time.Minute, 2) // it failed again: told once a day
	put(header + "front-desk@harbor.example,Front desk,,,\nlab@harbor.example,Quality lab,,,\nsales@harbor.example,Sales,,,\nnew@harbor.example,New,,,\n")
	tick(time.Hour, 3)
	b.start()
	tick(time.Minute, 3) // a restart repeats nothing
	b.start()
	tick(time.Hour, 4) // and forgets nothing
	st, err := b.Status(t.Context(), b.org)
	if err != nil || len(st) != 1 || st[0].Late || st[0].AgeSeconds != 0 || st[0].Last.Counts.Unregistered != 1 || !st[0].Due.Equal(b.now.Add(time.Hour).UTC()) {
		t.Fatalf("%v %+v", err, st)
	}
	tick(48*time.Hour, 5, reconcile.AlarmOld) // the lists differ, and the file is old
	tick(time.Hour, 6)
	if st, _ = b.Status(t.Context(), b.org); !st[0].Late || len(st[0].Alarms) == 0 {
		t.Errorf("%+v", st)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/hostname", file); err != nil {
		t.Fatal(err)
	}
	tick(25*time.Hour, 7, reconcile.AlarmFailed) // a link out of the folder is not followed
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.Run(ctx); err != nil {
		t.Error(err)
	}
}

// A number that the platform deactivates and somebody is called back on is told at
// once, with who depends on it.
//
// Proves: W-04, W-06, N-15
func TestADeactivatedCallbackNumberIsTold(t *testing.T) {
	b := newBench(t)
	b.save(reconcile.Source{
		Key: "dids", Kind: sheet.Numbers, KeyColumn: "Number", Action: reconcile.ActionReport, Columns: map[string]string{"status": "State"},
	})
	var all []e911.NumberRec
	var ecbn e911.Number
	err := b.store.Read(t.Context(), func(r admin.Reader) error {
		list, err := r.List(t.Context(), admin.Query{Kind: e911.KindNumber, Org: b.org})
		if err != nil {
			return err
		}
		for _, o := range list {
			all = append(all, o.Value.(e911.NumberRec))
		}
		sites, err := r.List(t.Context(), admin.Query{Kind: e911.KindSite, Org: b.org})
		for _, o := range sites {
			st := o.Value.(e911.Site)
			for _, n := range all {
				if n.Number == st.Callback() {
					ecbn = n.Number
				}
			}
		}
		return err
	})
	if err != nil || ecbn == "" {
		t.Fatal(err, all)
	}
	list := "Number,State\n"
	for _, n := range all {
		state := "Active"
		if n.Number == ecbn {
			state = "Inactive"
		}
		list += string(n.Number)[2:] + "," + state + "\n"
	}
	r := b.push("dids", list)
	if r.Counts.Changed != 1 || r.Counts.Same != len(all)-1 || !slices.Equal(b.told(), []string{reconcile.AlarmNumberGone}) {
		t.Fatalf("%+v\n%s", r.Counts, text(r))
	}
	if !strings.Contains(r.Differences[0].Why, "emergency callback number of site") {
		t.Error(r.Differences[0].Why)
	}
}

// Proves: E14, E15
func TestSourcesAreCheckedAndWalled(t *testing.T) {
	b := newBench(t)
	for _, c := range []struct {
		name string
		with func(*reconcile.Source)
		path string
	}{
		{"a file somewhere else", func(s *reconcile.Source) { s.File = "../secrets.csv" }, "file"},
		{"an absolute file", func(s *reconcile.Source) { s.File = "/etc/passwd" }, "file"},
		{"no key column", func(s *reconcile.Source) { s.KeyColumn = "" }, "key_column"},
		{"users named by a hardware address", func(s *reconcile.Source) { s.KeyField = "mac" }, "key_field"},
		{"a field that users do not have", func(s *reconcile.Source) { s.Columns = map[string]string{"mac": "MAC"} }, "columns.mac"},
		{"a kind that is not compared", func(s *reconcile.Source) { s.Kind = sheet.Alerts }, "kind"},
		{"a name with a path", func(s *reconcile.Source) { s.Key = "a/b" }, "key"},
		{"nothing that follows", func(s *reconcile.Source) { s.Action = "" }, "action"},
	} {
		s := webex
		s.Org = b.org
		c.with(&s)
		_, err := b.Save(t.Context(), "ann", s)
		if f := e911.FaultsOf(err); len(f) != 1 || f[0].Path != c.path || f[0].Fix == "" {
			t.Errorf("%s: %v %+v", c.name, err, f)
		}
	}
	b.save(webex)
	other := e911.NewID[e911.OrgID]()
	if _, err := b.Push(t.Context(), "eve", other, "webex", "x.csv", strings.NewReader(header)); e911.KindOf(err) != e911.NotFound {
		t.Error(err)
	}
	if _, err := b.Last(t.Context(), other, "webex"); e911.KindOf(err) != e911.NotFound {
		t.Error(err)
	}
	r := b.push("webex", "Wrong,Columns\n1,2\n")
	if r.State != reconcile.StateFailed || !strings.Contains(r.Error, `no column "User ID/Email"`) {
		t.Errorf("%+v", r)
	}
	if err := b.Delete(t.Context(), "ann", b.org, "webex"); err != nil {
		t.Fatal(err)
	}
}
