package change_test

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/examples"
	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/change"
	"github.com/callbox911/callbox/internal/admin/world"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/locate"
	"github.com/callbox911/callbox/internal/seal"
	"github.com/callbox911/callbox/internal/snapshot"
	"github.com/callbox911/callbox/internal/store/sqlite"
)

var epoch = time.Date(2026, 3, 9, 14, 2, 11, 0, time.UTC)

// county has the one west of a meridian in Boston and the one east of it.
func county(fips string) (e911.Boundary, e911.MultiPolygon, error) {
	west, east := -72.0, -71.062
	switch fips {
	case "25025":
		west, east = -71.062, -70.0
	case "25027":
		west, east = -74, -72
	}
	return e911.Boundary{USCounty: fips, State: "MA", County: "C" + fips}, e911.MultiPolygon{{{
		{Lat: 42, Lon: west}, {Lat: 42, Lon: east}, {Lat: 43, Lon: east}, {Lat: 43, Lon: west},
	}}}, nil
}

// desk is a planner over a store with the example in it. Its calls use a world that
// has seen nothing: every plan has to bring it up to date.
type desk struct {
	*change.Planner
	t     testing.TB
	store *sqlite.Store
	org   e911.OrgID
	now   time.Time

	memory func(e911.OrgID, string) locate.Memory
}

func newDesk(t testing.TB) *desk {
	t.Helper()
	d := &desk{t: t, now: epoch}
	ring, err := seal.NewRing(seal.Key{ID: "m1", Secret: seal.NewSecret()})
	if err != nil {
		t.Fatal(err)
	}
	clock := func() time.Time { return d.now }
	if d.store, err = sqlite.Open(filepath.Join(t.TempDir(), "callbox.db"), ring, clock); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.store.Close() })
	im, err := world.New(world.Config{Store: d.store, Layer: county, Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := im.Import(t.Context(), "test", "harbor.yaml", examples.Harbor(), world.Options{}); err != nil {
		t.Fatal(err)
	}
	empty := &snapshot.Snapshot{}
	d.Planner, err = change.New(change.Config{
		Store: d.store, Layer: county, Now: clock,
		World: func() (*snapshot.Snapshot, admin.Head) { return empty, admin.Head{} },
		Memory: func(org e911.OrgID, device string) locate.Memory {
			if d.memory == nil {
				return locate.Memory{}
			}
			return d.memory(org, device)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	err = d.store.Read(t.Context(), func(r admin.Reader) error {
		orgs, err := r.Orgs(t.Context())
		d.org = orgs[0].ID
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// stored finds an object by its key.
func stored[T any](d *desk, kind e911.ObjectKind, key string) (T, admin.Object) {
	d.t.Helper()
	var found admin.Object
	d.build("", func(b *change.Builder) {
		o, ok, err := b.Stored(kind, key)
		if err != nil || !ok {
			d.t.Fatalf("%s %s: %v, %v", kind, key, ok, err)
		}
		found = o
	})
	return found.Value.(T), found
}

// build makes a set of the organisation.
func (d *desk) build(title string, do func(b *change.Builder)) change.Set {
	d.t.Helper()
	var set change.Set
	err := d.store.Read(d.t.Context(), func(r admin.Reader) error {
		b := change.NewBuilder(d.t.Context(), r, d.org, title)
		do(b)
		set = b.Set()
		return nil
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return set
}

func (d *desk) plan(s change.Set) change.Plan {
	d.t.Helper()
	p, err := d.Plan(d.t.Context(), "ann", s)
	if err != nil {
		d.t.Fatalf("plan %s: %v", s.Title, err)
	}
	return p
}

func (d *desk) apply(p change.Plan) change.Applied {
	d.t.Helper()
	a, err := d.Apply(d.t.Context(), "bob", p.Org, p.ID, p.Hash)
	if err != nil {
		d.t.Fatalf("apply %s: %v\n%s", p.Title, err, p.Text())
	}
	return a
}

// content is all that is stored, without versions.
func (d *desk) content() map[admin.Ref]any {
	d.t.Helper()
	batch, err := d.store.All(context.Background())
	if err != nil {
		d.t.Fatal(err)
	}
	out := map[admin.Ref]any{}
	for _, r := range batch.Rows {
		out[r.Ref] = r.Value
	}
	return out
}

func same(t testing.TB, want, got map[admin.Ref]any) {
	t.Helper()
	for ref, v := range want {
		if !admin.Same(v, got[ref]) {
			t.Errorf("%s is not as it was:\n%s", ref, cmp.Diff(string(admin.Redacted(v)), string(admin.Redacted(got[ref]))))
		}
	}
	for ref := range got {
		if _, was := want[ref]; !was {
			t.Errorf("%s was not there", ref)
		}
	}
}

var ids = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{64}|01[0-9A-HJKMNP-TV-Z]{24}`)

// golden compares a text with a file of testdata; UPDATE=1 writes it.
func golden(t *testing.T, name, text string) {
	t.Helper()
	seen := map[string]string{}
	text = ids.ReplaceAllStringFunc(text, func(id string) string {
		if seen[id] == "" {
			seen[id] = "<" + string(rune('A'+len(seen))) + ">"
		}
		return seen[id]
	})
	path := filepath.Join("testdata", name+".txt")
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(text, "\n")); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}
