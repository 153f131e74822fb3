package reconcile

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/sheet"
	"github.com/callbox911/callbox/internal/e911"
)

func person(key, name, email, agent string) our {
	return our{
		ref: admin.Ref{Kind: e911.KindUser, ID: key}, key: key,
		fields: map[string]string{"key": key, "name": name, "email": email, "device_user_id": agent},
	}
}

var people = &Source{Kind: sheet.Users, KeyColumn: "id", KeyField: "device_user_id", Columns: map[string]string{"name": "n", "email": "e"}}

func row(line int, id, name, email string) theirs {
	x := theirs{key: id, line: line, fields: map[string]string{}}
	if name != "" {
		x.fields["name"] = name
	}
	if email != "" {
		x.fields["email"] = email
	}
	return x
}

// Proves: N-15, N-20, N-34
func TestNearMissesAreOnesWhereOneCanBeMeant(t *testing.T) {
	for _, c := range []struct {
		name string
		list []theirs
		mine []our
		want []string
	}{
		{"the same", []theirs{row(2, "a1", "Ana", "")}, []our{person("u1", "Ana", "", "a1")}, nil},
		{
			"capitals and a blank: an agent's id is compared exactly in a call",
			[]theirs{row(2, "Agent 1", "Ana", "")},
			[]our{person("u1", "Ana", "", "agent1")},
			[]string{"near Agent 1/u1 UNREGISTERED"},
		},
		{
			"two of ours are meant as likely: nobody is taken for another",
			[]theirs{row(2, "AGENT1", "", "")},
			[]our{person("u1", "", "", "agent1"), person("u2", "", "", "agent-1")},
			[]string{"missing AGENT1/ UNREGISTERED", "extra /u1", "extra /u2"},
		},
		{
			"two rows are alike",
			[]theirs{row(2, "AGENT1", "", ""), row(3, "Agent1", "", "")},
			[]our{person("u1", "", "", "agent1")},
			[]string{"missing AGENT1/ UNREGISTERED", "missing Agent1/ UNREGISTERED", "extra /u1"},
		},
		{
			"another id with the same address",
			[]theirs{row(2, "a9", "", "ana@x.example")},
			[]our{person("u1", "Ana", "Ana@x.example", "a1")},
			[]string{"near a9/u1 UNREGISTERED"},
		},
		{
			"two people of one name are not taken for each other",
			[]theirs{row(2, "a9", "Kim", "")},
			[]our{person("u1", "Kim", "", "a1"), person("u2", "Kim", "", "a2")},
			[]string{"missing a9/ UNREGISTERED", "extra /u1", "extra /u2"},
		},
		{
			"an empty cell says nothing", []theirs{row(2, "a1", "", "")}, []our{person("u1", "Ana", "ana@x.example", "a1")}, nil,
		},
		{
			"two of ours have one id",
			[]theirs{row(2, "a1", "", "")},
			[]our{person("u1", "", "", "a1"), person("u2", "", "", "a1")},
			[]string{"duplicate a1/"},
		},
		{"somebody without an id is extra", nil, []our{person("u1", "Ana", "", "")}, []string{"extra /u1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, d := range compare(people, c.list, c.mine).diffs {
				line := fmt.Sprintf("%s %s/%s", d.Class, d.Key, d.OurKey)
				if d.Unregistered {
					line += " UNREGISTERED"
				}
				got = append(got, line)
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// Whatever the lists: each of ours is told once or the same, each row is accounted
// for, and the order of the list means nothing.
//
// Proves: N-15
func TestEveryRowIsAccountedForOnce(t *testing.T) {
	id := rapid.SampledFrom([]string{"a1", "A1", "a 1", "a2", "a3", "b-1", "B1", ""})
	name := rapid.SampledFrom([]string{"", "Ana", "ana", "Kim"})
	rapid.Check(t, func(t *rapid.T) {
		var list []theirs
		var mine []our
		for i := range rapid.IntRange(0, 8).Draw(t, "rows") {
			if k := id.Draw(t, "their id"); k != "" {
				list = append(list, row(i+2, k, name.Draw(t, "their name"), ""))
			}
		}
		for i := range rapid.IntRange(0, 8).Draw(t, "ours") {
			mine = append(mine, person(fmt.Sprintf("u%d", i), name.Draw(t, "our name"), "", id.Draw(t, "our id")))
		}
		f := compare(people, list, mine)
		told := map[string]int{}
		lines := map[int]bool{}
		for _, d := range f.diffs {
			if d.OurKey != "" {
				told[d.OurKey]++
			}
			if d.Row > 0 && lines[d.Row] {
				t.Fatalf("row %d is told twice", d.Row)
			}
			lines[d.Row] = true
		}
		for k, n := range told {
			if n > 1 {
				t.Fatalf("%s is told %d times: %+v", k, n, f.diffs)
			}
		}
		if n := f.counts; n.Drift() != len(f.diffs) || n.Drift()+n.Same > len(list)+len(mine) {
			t.Fatalf("%+v of %d and %d", n, len(list), len(mine))
		}
		turned := slices.Clone(list)
		slices.Reverse(turned)
		if g := compare(people, turned, mine); g.counts != f.counts {
			t.Fatalf("the order of rows matters: %+v, %+v", f.counts, g.counts)
		}
	})
}

// FuzzReadRows: no list makes it fail otherwise than by saying why.
//
// Proves: N-15
func FuzzReadRows(f *testing.F) {
	f.Add("User,Name\na,b\n")
	f.Add("\"User\";Name\n\"a\nb\";\"=1+1\"\n")
	f.Add("\xff\xfeU\x00s\x00")
	f.Add("PK\x03\x04")
	f.Fuzz(func(t *testing.T, text string) {
		tables, err := sheet.ReadWithin(sheet.Limits{Bytes: 1 << 20}, "list.csv", strings.NewReader(text), -1)
		if err != nil || len(tables) == 0 {
			return
		}
		rows, err := readRows(&Source{Kind: sheet.Users, KeyColumn: "User", Columns: map[string]string{"name": "Name"}}, tables[0])
		if err != nil && e911.KindOf(err) != e911.Invalid {
			t.Fatal(err)
		}
		compare(people, rows, []our{person("u1", "Ana", "", "a")})
	})
}

// BenchmarkCompare compares 100,000 rows with as many of ours, of which one in ten
// differs.
func BenchmarkCompare(b *testing.B) {
	const n = 100_000
	list, mine := make([]theirs, 0, n), make([]our, 0, n)
	for i := range n {
		k := fmt.Sprintf("agent%06d", i)
		mine = append(mine, person("u"+k, "Name "+k, k+"@x.example", k))
		switch i % 40 {
		case 0:
			k = "new" + k
		case 1:
			k = strings.ToUpper(k)
		}
		list = append(list, row(i+2, k, "Name "+k, ""))
	}
	for b.Loop() {
		compare(people, list, mine)
	}
}
