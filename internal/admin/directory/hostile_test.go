package directory_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/directory"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
)

// crowd are count people.
func crowd(count int) (out []directory.Entry) {
	for i := range count {
		n := fmt.Sprintf("p%02d", i)
		out = append(out, person(n, "mail", n+"@example.test", "employeenumber", "E-"+n))
	}
	return out
}

// Proves: C-59: a directory that says nothing at all is not believed, whatever it may
// lose.
func TestAnEmptyListTakesNobodyForGone(t *testing.T) {
	b := newBench(t)
	b.ldap(func(s *directory.Source) { s.MaxShrink = 100 })
	b.list.People = crowd(3)
	b.sync()
	all := b.list.People
	b.list.People = nil
	if r := b.sync(); !strings.Contains(r.NoDepartures, "nobody came at all") || r.Counts.Left != 0 || r.Counts.People != 3 {
		t.Errorf("%+v", r)
	}
	b.list.People = all[:1]
	if r := b.sync(); r.NoDepartures != "" || r.Counts.Left != 2 {
		t.Errorf("some of them, as it may: %+v", r)
	}
}

// Proves: C-59, E15: a directory that was made anew is told of, and joins nobody twice.
func TestAllIdsChangeAndNobodyIsTwoPeople(t *testing.T) {
	b := newBench(t)
	b.ldap(nil)
	b.list.People = crowd(6)
	b.sync()
	ids := map[string]e911.UserID{}
	for _, p := range b.list.People {
		u, _ := stored[e911.User](b, e911.KindUser, p.Name)
		ids[p.Name] = u.ID
	}
	b.list.People = append(crowd(6), person("zoe"))
	for i := range b.list.People {
		b.list.People[i].External = "made-anew-" + b.list.People[i].Name
	}
	r := b.sync()
	if r.State == directory.StateFailed || !strings.Contains(r.NoDepartures, "6 of them are there under another id") || r.Counts.Joined != 1 || r.Counts.Left != 0 {
		t.Errorf("%+v", r)
	}
	if _, ok := stored[e911.User](b, e911.KindUser, "zoe"); !ok {
		t.Error("who is new is not on the list")
	}
	r, err := b.Sync(t.Context(), "ann", b.org, "ad", true)
	if err != nil || r.Counts.Joined != 0 || r.Counts.People != 7 || r.Counts.Left != 0 {
		t.Errorf("a person says that it is so: %+v %v", r, err)
	}
	for name, id := range ids {
		if u, _ := stored[e911.User](b, e911.KindUser, name); u.ID != id {
			t.Errorf("%s is another user now", name)
		}
	}
}

// Proves: C-59: names may move while half of the people are not believed to be gone.
func TestANameThatSomebodyElseStillHoldsStopsNobody(t *testing.T) {
	b := newBench(t)
	b.ldap(nil)
	b.list.People = crowd(4)
	b.sync()
	// p00 to p02 are missing, p03 is called p02 now, and somebody new p03.
	moved := person("p02", "mail", "p03@example.test", "employeenumber", "E-p03")
	moved.External = "x-p03"
	next := person("p03", "mail", "next@example.test")
	next.External = "x-next"
	b.list.People = []directory.Entry{moved, next, person("new")}
	r := b.sync()
	if r.State == directory.StateFailed || r.NoDepartures == "" || r.Counts.People != 5 {
		t.Fatalf("%+v", r)
	}
	if d := cmp.Diff([]string{"p02 duplicate", "p03 duplicate"}, codes(r)[:2]); d != "" {
		t.Error(d)
	}
	if _, ok := stored[e911.User](b, e911.KindUser, "new"); !ok {
		t.Error("who is new is not on the list")
	}
}

// Proves: C-59, N-34: many more people than there were are on the list, and told of.
func TestADirectoryThatGrowsAtOnceIsToldOf(t *testing.T) {
	b := newBench(t)
	b.ldap(nil)
	b.list.People = crowd(40)
	if b.sync(); slices.Contains(b.alarms, directory.AlarmGrew) {
		t.Error("the first time everybody is new")
	}
	b.list.People = crowd(180)
	r := b.sync()
	if r.Counts.Joined != 140 || !r.Applied || !slices.Contains(codes(r), "people many_joined") || !slices.Contains(b.alarms, directory.AlarmGrew) {
		t.Errorf("%+v %v", r.Counts, b.alarms)
	}
	if r = b.sync(); slices.Contains(codes(r), "people many_joined") {
		t.Error("they are new again")
	}
}

// Proves: C-54, C-59: groups without anybody are as a permission that was lost; one who
// leaves a group loses his role at once.
func TestGroupsThatLoseEverybodyTakeNoRole(t *testing.T) {
	b := newBench(t)
	b.ldap(func(s *directory.Source) {
		s.Roles = []directory.Role{{Group: "admins", Role: access.Organisation}, {Group: "amdins", Role: access.Organisation}}
	})
	b.list.People = crowd(5)
	b.list.Groups = []directory.Entry{{External: "g", Name: "Admins", Members: []string{"x-p00", "x-p01"}}}
	if r := b.sync(); len(b.roles) != 2 || !slices.Contains(codes(r), "roles[1].group unknown_group") {
		t.Fatalf("%+v %v", b.roles, codes(r))
	}
	b.list.Groups[0].Members = nil
	if r := b.sync(); !strings.Contains(r.NoDepartures, "no group has a member") || len(b.roles) != 2 {
		t.Errorf("%+v %+v", r, b.roles)
	}
	b.list.Groups = nil
	if r := b.sync(); r.NoDepartures == "" || len(b.roles) != 2 {
		t.Errorf("no group: %+v %+v", r, b.roles)
	}
	b.list.Groups = []directory.Entry{{External: "g", Name: "Admins", Members: []string{"x-p01"}}}
	if r := b.sync(); r.NoDepartures != "" || len(b.roles) != 1 {
		t.Errorf("one of two: %+v %+v", r, b.roles)
	}
}

// Proves: C-59, E15: who comes after somebody and gets his address is somebody else;
// one who comes back under another id is who he was.
func TestWhoGetsTheAddressOfALeaverIsNotHe(t *testing.T) {
	b := newBench(t)
	b.ldap(func(s *directory.Source) { s.MaxShrink = 60 })
	b.list.People = []directory.Entry{
		person("jsmith", "mail", "j.smith@example.test", "employeenumber", "E-1"), person("jlee", "mail", "j.lee@example.test", "employeenumber", "E-2"), person("xia"), person("yan"),
	}
	b.sync()
	smith, _ := stored[e911.User](b, e911.KindUser, "jsmith")
	lee, _ := stored[e911.User](b, e911.KindUser, "jlee")
	b.list.People = []directory.Entry{
		person("jsmith2", "mail", "J.Smith@example.test", "employeenumber", "E-9"), person("lee.j", "mail", "j.lee@example.test", "employeenumber", "E-2"), person("xia"), person("yan"),
	}
	if r := b.sync(); !r.Applied || r.Counts.Joined != 1 || r.Counts.Left != 1 {
		t.Errorf("%+v %v", r, codes(r))
	}
	if u, ok := stored[e911.User](b, e911.KindUser, "jsmith2"); !ok || u.ID == smith.ID || u.DeviceUserID != "E-9" {
		t.Errorf("%+v", u)
	}
	if u, _ := stored[e911.User](b, e911.KindUser, "jsmith"); u.DeviceUserID != "E-1" {
		t.Errorf("who left is somebody else now: %+v", u)
	}
	if u, _ := stored[e911.User](b, e911.KindUser, "jlee"); u.ID != lee.ID {
		t.Errorf("%+v", u)
	}
	if _, ok := stored[e911.User](b, e911.KindUser, "lee.j"); ok {
		t.Error("who is back is two people")
	}
}

// second is a directory that speaks SCIM beside the other, and what tells it of people.
func (b *bench) second(key string) func(directory.Entry) directory.Entry {
	b.t.Helper()
	src, err := b.Save(b.t.Context(), "ann", directory.Source{
		Org: b.org, Key: key, Protocol: directory.SCIM, Action: directory.ActionApply, Site: "hq",
		Map: map[directory.Field]string{"key": "uid", "name": "cn", "email": "mail", "device_user_id": "employeenumber", "number": "telephonenumber"},
	})
	if err != nil {
		b.t.Fatal(err, e911.FaultsOf(err))
	}
	return func(e directory.Entry) directory.Entry {
		b.t.Helper()
		e.Kind = directory.User
		e, err := b.Put(b.t.Context(), src, e)
		if err != nil {
			b.t.Fatal(err)
		}
		return e
	}
}

func (b *bench) syncOf(key string) directory.Report {
	b.t.Helper()
	r, err := b.Sync(b.t.Context(), "ann", b.org, key, false)
	if err != nil || r.Error != "" {
		b.t.Fatalf("%+v %v", r, err)
	}
	return r
}

// Proves: C-59, E1: a user of two directories is fed by one, moves from one to the
// other, and is never taken off the list while one of them has him.
func TestTwoDirectoriesHaveOneUser(t *testing.T) {
	for _, key := range []string{"aa", "hr"} { // before and after "ad"
		t.Run(key, func(t *testing.T) {
			b := newBench(t)
			b.ldap(func(s *directory.Source) { s.MaxShrink = 50 })
			tell := b.second(key)
			number := ""
			b.read(func(r admin.Reader) error {
				ns, err := r.List(t.Context(), admin.Query{Kind: e911.KindNumber, Org: b.org})
				number = string(ns[0].Value.(e911.NumberRec).Number)
				return err
			})
			b.list.People = []directory.Entry{person("zoe", "mail", "zoe@example.test", "employeenumber", "E-1", "telephonenumber", number), person("yan"), person("xia")}
			b.sync()
			zoe, _ := stored[e911.User](b, e911.KindUser, "zoe")
			there := tell(person("z.lee", "mail", "zoe@example.test", "employeenumber", "E-1"))
			tell(person("thief", "telephonenumber", number))
			for range 2 {
				if r := b.syncOf(key); r.Counts.Elsewhere != 1 {
					t.Errorf("the second: %+v %v", r, codes(r))
				}
				if r := b.sync(); r.State != directory.StateSame {
					t.Errorf("the first has something to do again: %+v", r)
				}
			}
			if u, _ := stored[e911.User](b, e911.KindUser, "zoe"); u.Name != "Person zoe" {
				t.Errorf("both feed him: %+v", u)
			}
			if n, _ := stored[e911.NumberRec](b, e911.KindNumber, number); n.User != zoe.ID {
				t.Errorf("his number was taken by somebody of the other directory: %+v", n)
			}
			fed, err := b.Fed(t.Context(), b.org)
			if err != nil || fed[zoe.ID].Directory != "ad" {
				t.Errorf("%+v %v", fed, err)
			}

			// He leaves the first; the second has not run yet when the time is over.
			b.list.People = b.list.People[1:]
			b.sync()
			if gone, err := b.Leavers(t.Context(), b.org); err != nil || len(gone) != 0 {
				t.Errorf("who is in the other directory has left: %+v %v", gone, err)
			}
			b.now = b.now.Add(20 * 24 * time.Hour)
			if r := b.sync(); r.Removal != "" || r.Counts.Leaving != 0 || r.Counts.Elsewhere != 1 {
				t.Errorf("he is taken off the list: %+v", r)
			}
			if r := b.syncOf(key); !r.Applied {
				t.Errorf("the second does not take him over: %+v %v", r, codes(r))
			}
			if u, _ := stored[e911.User](b, e911.KindUser, "zoe"); u.ID != zoe.ID || u.Name != "Person z.lee" {
				t.Errorf("%+v", u)
			}
			if r := b.sync(); r.Removal != "" || r.State != directory.StateSame {
				t.Errorf("after that: %+v", r)
			}

			// He leaves both.
			there.Active, there.Version = false, 0
			src, err := b.SCIM(t.Context(), b.org)
			if err != nil {
				t.Fatal(err)
			}
			now, err := b.Entry(t.Context(), src, directory.User, there.ID)
			if err != nil {
				t.Fatal(err)
			}
			now.Active = false
			tell(now)
			b.syncOf(key)
			if gone, err := b.Leavers(t.Context(), b.org); err != nil || len(gone) != 1 || gone[0].User != zoe.ID || gone[0].Directory != key || gone[0].DeviceUserID != "E-1" {
				t.Errorf("%+v %v", gone, err)
			}
			b.now = b.now.Add(20 * 24 * time.Hour)
			if r := b.syncOf(key); r.Counts.Leaving != 1 || r.Removal == "" {
				t.Errorf("%+v", r)
			}
		})
	}
}

// Proves: C-59: a directory that says of everybody that he is gone is believed, and
// asked about.
func TestManyWhoLeaveWithinADayAreToldOf(t *testing.T) {
	b := newBench(t)
	tell := b.second("hr")
	var all []directory.Entry
	for _, p := range crowd(6) {
		all = append(all, tell(p))
	}
	b.syncOf("hr")
	src, err := b.SCIM(t.Context(), b.org)
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range all {
		now, err := b.Entry(t.Context(), src, directory.User, e.ID)
		if err != nil {
			t.Fatal(err)
		}
		now.Active = false
		tell(now)
		if i == 0 {
			if b.syncOf("hr"); slices.Contains(b.alarms, directory.AlarmShrank) {
				t.Error("one who leaves is many")
			}
		}
	}
	for range 2 {
		r := b.syncOf("hr")
		if r.Counts.Left != 6 || r.Removal != "" || !slices.Contains(codes(r), "people many_left") {
			t.Errorf("%+v", r)
		}
	}
	if n := len(slices.DeleteFunc(slices.Clone(b.alarms), func(a string) bool { return a != directory.AlarmShrank })); n != 1 {
		t.Errorf("told %d times: %v", n, b.alarms)
	}
	b.now = b.now.Add(48 * time.Hour)
	if r := b.syncOf("hr"); slices.Contains(codes(r), "people many_left") {
		t.Errorf("two days later: %v", codes(r))
	}
}

// Proves: N-15: it is known for some time who left, also when he is off the list.
func TestWhoLeftIsRememberedForSomeTime(t *testing.T) {
	b := newBench(t)
	b.ldap(func(s *directory.Source) { s.MaxShrink = 60 })
	b.list.People = crowd(3)
	b.sync()
	b.list.People = b.list.People[1:]
	b.sync()
	b.now = b.now.Add(15 * 24 * time.Hour)
	r := b.sync()
	if _, err := b.planner.Apply(t.Context(), "ann", b.org, r.Removal, r.RemovalHash); err != nil {
		t.Fatal(err, e911.FaultsOf(err))
	}
	for _, c := range []struct {
		after time.Duration
		want  int
	}{{0, 1}, {80 * 24 * time.Hour, 1}, {20 * 24 * time.Hour, 0}} {
		b.now = b.now.Add(c.after)
		b.sync()
		if gone, err := b.Leavers(t.Context(), b.org); err != nil || len(gone) != c.want {
			t.Errorf("after %s: %+v %v", c.after, gone, err)
		}
	}
}
