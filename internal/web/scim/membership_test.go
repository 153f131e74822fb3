package scim

import (
	"errors"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin/directory"
)

// Proves: C-59: the groups of people are read once for a moment, and never shown as
// they were before a change that was made here.
func TestGroupsAreReadOnceUntilOneChanges(t *testing.T) {
	now, reads := time.Date(2026, 3, 9, 14, 0, 0, 0, time.UTC), 0
	r := rolls{now: func() time.Time { return now }}
	members := []string{"ann"}
	read := func() ([]directory.Entry, error) {
		reads++
		return []directory.Entry{{ID: "g", Name: "Millers", Members: members}}, nil
	}
	ask := func(source string, want int) {
		t.Helper()
		if list, err := r.get(source, read); err != nil || len(list["ann"]) != 1 || reads != want {
			t.Errorf("%v %v after %d readings, want %d", list, err, reads, want)
		}
	}
	ask("a", 1)
	ask("a", 1)
	ask("b", 2) // another directory's are others
	r.forget("a")
	ask("a", 3)
	ask("b", 3)
	now = now.Add(rollsFor)
	ask("a", 4)
	if _, err := r.get("b", func() ([]directory.Entry, error) { return nil, errors.New("the database is away") }); err == nil {
		t.Error("an old answer for a database that is away")
	}
	// A group changes while all are read.
	r.forget("a")
	late := func() ([]directory.Entry, error) {
		r.forget("a")
		return read()
	}
	if _, err := r.get("a", late); err != nil {
		t.Fatal(err)
	}
	before := reads
	ask("a", before+1)
	for i := range 3 * rollsOf {
		if _, err := r.get(string(rune('A'+i)), read); err != nil || len(r.of) > rollsOf {
			t.Fatal(len(r.of), err)
		}
	}
}
