package directory_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/examples"
	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/change"
	"github.com/callbox911/callbox/internal/admin/directory"
	"github.com/callbox911/callbox/internal/admin/world"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/layers"
	"github.com/callbox911/callbox/internal/rules/access"
	"github.com/callbox911/callbox/internal/seal"
	"github.com/callbox911/callbox/internal/snapshot"
	"github.com/callbox911/callbox/internal/store/sqlite"
)

var epoch = time.Date(2026, 3, 9, 14, 2, 11, 0, time.UTC)

// bench is a service over a store with the example in it, and an LDAP directory that
// says what the test wants.
type bench struct {
	*directory.Service
	t       *testing.T
	store   *sqlite.Store
	planner *change.Planner
	org     e911.OrgID
	now     time.Time
	list    directory.Listing
	err     error
	busy    map[e911.UserID]bool
	alarms  []string
	roles   []directory.RoleWish
	stay    []e911.Fault // roles that cannot end
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, now: epoch, busy: map[e911.UserID]bool{}}
	ring, err := seal.NewRing(seal.Key{ID: "m1", Secret: seal.NewSecret()})
	if err != nil {
		t.Fatal(err)
	}
	clock := b.clock
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
	if b.planner, err = change.New(change.Config{
		Store: b.store, Layer: layers.USCountyBoundary, Now: clock, World: b.world, Feeds: b,
	}); err != nil {
		t.Fatal(err)
	}
	b.read(func(r admin.Reader) error {
		orgs, err := r.Orgs(t.Context())
		b.org = orgs[0].ID
		return err
	})
	b.Service, err = directory.New(directory.Config{
		Store: b.store, Planner: b.planner, Now: clock, Log: slog.New(slog.DiscardHandler),
		Fetch: func(context.Context, directory.Source) (directory.Listing, error) { return b.list, b.err },
		Busy:  func(_ e911.OrgID, u e911.UserID) bool { return b.busy[u] },
		Alarm: func(_ e911.OrgID, a journal.Alarm) { b.alarms = append(b.alarms, a.Code) },
		Roles: func(_ context.Context, _ e911.OrgID, _ string, w []directory.RoleWish) ([]e911.Fault, error) {
			b.roles = w
			return b.stay, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bench) clock() time.Time { return b.now }

func (b *bench) world() (*snapshot.Snapshot, admin.Head) { return &snapshot.Snapshot{}, admin.Head{} }

func (b *bench) read(do func(admin.Reader) error) {
	b.t.Helper()
	if err := b.store.Read(b.t.Context(), do); err != nil {
		b.t.Fatal(err)
	}
}

// ldap is a directory whose people are applied at once.
func (b *bench) ldap(change func(*directory.Source)) {
	b.t.Helper()
	src := directory.Source{
		Org: b.org, Key: "ad", Protocol: directory.LDAP, Action: directory.ActionApply, Site: "hq", GraceDays: 14,
		Map: map[directory.Field]string{
			directory.FieldKey: "uid", directory.FieldName: "cn", directory.FieldEmail: "mail", directory.FieldDeviceUserID: "employeeNumber",
			directory.FieldLocation: "roomNumber", directory.FieldNumber: "telephoneNumber", directory.FieldDevice: "phone",
		},
		Server: &directory.Tree{URL: "ldaps://dc.example", Base: "dc=example"},
	}
	if change != nil {
		change(&src)
	}
	if _, err := b.Save(b.t.Context(), "ann", src); err != nil {
		b.t.Fatal(err, e911.FaultsOf(err))
	}
}

// person is one of the directory: uid, and attributes as name, value.
func person(uid string, attributes ...string) directory.Entry {
	e := directory.Entry{External: "x-" + uid, Name: uid, Active: true, Attributes: directory.Attributes{"uid": {uid}, "cn": {"Person " + uid}}}
	for i := 0; i < len(attributes); i += 2 {
		e.Attributes[attributes[i]] = append(e.Attributes[attributes[i]], attributes[i+1])
	}
	return e
}

func (b *bench) sync() directory.Report {
	b.t.Helper()
	r, err := b.Sync(b.t.Context(), "ann", b.org, "ad", false)
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

// stored finds an object by its key.
func stored[T any](b *bench, kind e911.ObjectKind, key string) (v T, ok bool) {
	b.t.Helper()
	b.read(func(r admin.Reader) error {
		all, err := r.List(b.t.Context(), admin.Query{Kind: kind, Org: b.org})
		for _, o := range all {
			if admin.KeyOf(o.Value) == key {
				v, ok = o.Value.(T)
			}
		}
		return err
	})
	return v, ok
}

func codes(r directory.Report) (out []string) {
	for _, f := range r.Faults {
		out = append(out, f.Path+" "+f.Code)
	}
	slices.Sort(out)
	return out
}

// Proves: C-59, N-07, N-20, N-34
func TestWhoJoinsIsOnTheListAtOnce(t *testing.T) {
	b := newBench(t)
	b.ldap(func(s *directory.Source) {
		s.Places = map[string]string{"Mill 1, third floor": "mill-1-f3"}
		s.GroupSites = []directory.GroupSite{{Group: "Headquarters", Site: "hq"}}
		s.Roles = []directory.Role{{Group: "admins", Role: access.Organisation}}
	})
	b.list.People = []directory.Entry{
		person("zoe", "mail", "zoe@example.test", "employeenumber", "E-1", "roomnumber", "mill 1,  THIRD floor"),
		person("yan", "employeenumber", "e1", "roomnumber", "somewhere"),
		person("xia", "employeenumber", "E-3 ", "mail", "xia@example.test"),
		person("agent", "employeenumber", "4711"),
	}
	b.list.Groups = []directory.Entry{{External: "g1", Name: "Admins", Members: []string{"x-xia", "x-yan"}}, {External: "g2", Name: "headquarters", Members: []string{"x-zoe"}}}
	r := b.sync()
	if r.State != directory.StateApplied || r.Error != "" {
		t.Fatalf("%+v", r)
	}
	want := []string{
		"xia.device_user_id near", "yan.device_user_id near", "yan.email required", "yan.location unknown_location",
	}
	if d := cmp.Diff(want, codes(r)); d != "" {
		t.Error(d)
	}
	zoe, ok := stored[e911.User](b, e911.KindUser, "zoe")
	hq, _ := stored[e911.Site](b, e911.KindSite, "hq")
	if !ok || zoe.DeviceUserID != "E-1" || zoe.Email != "zoe@example.test" || zoe.Site != hq.ID {
		t.Errorf("%+v, %v", zoe, ok)
	}
	if xia, ok := stored[e911.User](b, e911.KindUser, "xia"); !ok || xia.DeviceUserID != "" {
		t.Errorf("an id that no platform can send: %+v, %v", xia, ok)
	}
	if len(b.roles) != 1 || b.roles[0].Email != "xia@example.test" || b.roles[0].Role != access.Organisation {
		t.Errorf("roles: %+v", b.roles)
	}
	unplaced, err := b.Unplaced(t.Context(), b.org)
	if _, marked := unplaced[zoe.ID]; err != nil || marked || len(unplaced) != 3 {
		t.Errorf("%v, %v", unplaced, err)
	}
	xia, _ := stored[e911.User](b, e911.KindUser, "xia")
	if err := b.Placed(t.Context(), b.org, xia.ID); err != nil {
		t.Fatal(err)
	}
	again := b.sync()
	if again.State != directory.StateSame || again.Counts.Same != 4 || again.Counts.Unplaced != 2 {
		t.Errorf("the same again: %+v", again)
	}
	fed, err := b.Fed(t.Context(), b.org)
	want2 := admin.Fed{Directory: "ad", Fields: []string{"name", "email", "device_user_id", "site"}, Location: true}
	if d := cmp.Diff(want2, fed[zoe.ID]); err != nil || d != "" {
		t.Errorf("%v: %s", err, d)
	}
	if d := cmp.Diff(admin.Fed{Directory: "ad", Fields: []string{"name", "email"}}, fed[xia.ID]); d != "" {
		t.Errorf("what cannot be used is not fed: %s", d)
	}
}

// Proves: C-59, N-15, E1
func TestWhoLeavesIsMarkedThenPlannedAndHisDeviceStays(t *testing.T) {
	b := newBench(t)
	b.ldap(func(s *directory.Source) { s.MaxShrink = 50 })
	device, number := "", ""
	b.read(func(r admin.Reader) error {
		ds, err := r.List(t.Context(), admin.Query{Kind: e911.KindDevice, Org: b.org})
		ns, err2 := r.List(t.Context(), admin.Query{Kind: e911.KindNumber, Org: b.org})
		for _, d := range ds {
			device = d.Value.(e911.Device).Key
		}
		for _, n := range ns {
			number = string(n.Value.(e911.NumberRec).Number)
		}
		return errors.Join(err, err2)
	})
	b.list.People = []directory.Entry{person("zoe", "phone", device, "telephonenumber", number), person("yan"), person("xia")}
	if r := b.sync(); r.State != directory.StateApplied {
		t.Fatalf("%+v", r)
	}
	zoe, _ := stored[e911.User](b, e911.KindUser, "zoe")
	if d, _ := stored[e911.Device](b, e911.KindDevice, device); d.User != zoe.ID {
		t.Fatalf("the device is not his: %+v", d)
	}

	whole := b.list.People
	b.list.People[0].Active = false
	r := b.sync()
	if r.Counts.Left != 1 || r.Removal != "" {
		t.Errorf("in the time of grace: %+v", r)
	}
	b.now = b.now.Add(15 * 24 * time.Hour)
	b.busy[zoe.ID] = true
	if r = b.sync(); r.Counts.InCall != 1 || r.Removal != "" {
		t.Errorf("while a call of his is up: %+v", r)
	}
	b.busy[zoe.ID] = false
	r = b.sync()
	if r.Counts.Leaving != 1 || r.Removal == "" || r.State != directory.StateDrift || !slices.Contains(b.alarms, directory.AlarmLeft) {
		t.Fatalf("%+v, %v", r, b.alarms)
	}
	if _, still := stored[e911.User](b, e911.KindUser, "zoe"); !still {
		t.Error("somebody was taken off the list without a person")
	}
	if same := b.sync(); same.Removal != r.Removal {
		t.Error("the same plan was made again")
	}
	if _, err := b.planner.Apply(t.Context(), "ann", b.org, r.Removal, r.RemovalHash); err != nil {
		t.Fatal(err, e911.FaultsOf(err))
	}
	if _, still := stored[e911.User](b, e911.KindUser, "zoe"); still {
		t.Error("he is still on the list")
	}
	if d, there := stored[e911.Device](b, e911.KindDevice, device); !there || d.User != "" {
		t.Errorf("his device: %+v, %v", d, there)
	}
	if n, there := stored[e911.NumberRec](b, e911.KindNumber, number); !there || n.User != "" {
		t.Errorf("his number: %+v, %v", n, there)
	}
	// He is back.
	whole[0].Active = true
	if r = b.sync(); r.State != directory.StateApplied || r.Counts.Joined != 1 {
		t.Errorf("back again: %+v", r)
	}
}

// Proves: C-59
func TestHalfAListTakesNobodyForGone(t *testing.T) {
	b := newBench(t)
	b.ldap(nil)
	for i := range 20 {
		b.list.People = append(b.list.People, person(fmt.Sprintf("p%02d", i)))
	}
	b.sync()
	all := b.list.People
	b.now = b.now.Add(24 * time.Hour)
	b.list.People = append(slices.Clone(all[:10]), person("new"))
	r := b.sync()
	if r.NoDepartures == "" || r.Counts.Left != 0 || r.Counts.Joined != 1 || !slices.Contains(b.alarms, directory.AlarmShrank) {
		t.Errorf("half a list: %+v", r)
	}
	b.list, b.err = directory.Listing{}, errors.New("the server stalls")
	if r = b.sync(); r.State != directory.StateFailed || r.Counts.Left != 0 || !slices.Contains(b.alarms, directory.AlarmFailed) {
		t.Errorf("no list: %+v", r)
	}
	b.err, b.list.People = nil, all[:10]
	r, err := b.Sync(t.Context(), "ann", b.org, "ad", true)
	if err != nil || r.Counts.Left != 11 {
		t.Errorf("a person says that it is so: %+v, %v", r, err)
	}
}

// Proves: C-59, E15
func TestPeopleAreNotTakenForOneAnother(t *testing.T) {
	b := newBench(t)
	b.ldap(nil)
	b.list.People = []directory.Entry{
		person("a", "employeenumber", "7"), person("b", "employeenumber", "7"),
		person("c", "mail", "same@example.test"), person("d", "mail", "same@example.test"),
	}
	if r := b.sync(); r.Counts.Joined != 4 || cmp.Diff([]string{"b.device_user_id taken"}, codes(r)) != "" {
		t.Fatalf("%+v %v", r, codes(r))
	}
	// The directory is made anew: other ids, the same people.
	for i := range b.list.People {
		b.list.People[i].External += "-2"
	}
	r, err := b.Sync(t.Context(), "ann", b.org, "ad", true)
	if err != nil || r.Counts.Joined != 0 || r.Counts.Same != 4 {
		t.Errorf("%+v %v, %v", r, codes(r), err)
	}
	b.now = b.now.Add(365 * 24 * time.Hour)
	if r = b.sync(); r.Removal != "" || r.Counts.Leaving != 0 {
		t.Errorf("who is here under another id is taken off the list: %+v", r)
	}
}

// Proves: C-59
func TestADirectoryIsRefusedWithAllItsFaults(t *testing.T) {
	b := newBench(t)
	_, err := b.Save(t.Context(), "ann", directory.Source{
		Org: b.org, Key: "a b", Protocol: directory.LDAP, Action: "guess", Map: map[directory.Field]string{"shoe": "x"}, MaxShrink: 101,
		Server: &directory.Tree{URL: "ldap://dc.example", BindDN: "cn=a"}, Roles: []directory.Role{{Group: "g", Role: access.Provider}},
	})
	var got []string
	for _, f := range e911.FaultsOf(err) {
		got = append(got, f.Path)
	}
	want := []string{"key", "ldap.url", "ldap.base", "ldap.password", "map.shoe", "map.key", "action", "roles[0].role", "max_shrink_percent"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	b.ldap(func(s *directory.Source) { s.Server.BindDN, s.Server.Password = "cn=a", "a-secret" })
	b.ldap(func(s *directory.Source) { s.Server.BindDN = "cn=a"; s.GraceDays = 3 }) // keeps the password
	src, err := b.Source(t.Context(), b.org, "ad")
	if err != nil || strings.Contains(fmt.Sprintf("%#v", src), "a-secret") || src.GraceDays != 3 {
		t.Errorf("%+v, %v", src, err)
	}
}
