package heldplus_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/heldplus"
)

// Facts of several nodes come in the order of each node alone. What a user deleted
// does not come back with an older fact, and the callback number that he chose last
// is his, whichever node tells it last.
//
// Proves: F-07, N-30
func TestFactsOfOtherNodesComeInAnyOrder(t *testing.T) {
	b := newBench(t)
	p, _ := b.signIn(clientA, "agent@harbor.example", laptopMAC)
	p.at(gwA, netA).report()
	p.say(elm)
	p.report()
	for _, n := range []string{"(617) 555-0142", "(617) 555-0143"} {
		b.now = b.now.Add(time.Minute)
		if code := b.ask("PUT", "/callback", p.token, netA, heldplus.CallbackRequest{Number: n}, nil); code != http.StatusOK {
			t.Fatalf("callback: %d", code)
		}
	}
	var list heldplus.PersonalList
	b.ask("GET", "/locations", p.token, netA, nil, &list)
	if code := b.ask("DELETE", "/locations/"+list.Locations[0].ID, p.token, netA, nil, nil); code != http.StatusOK {
		t.Fatalf("delete: %d", code)
	}
	facts := b.facts.list()
	slices.Reverse(facts)
	for name, order := range map[string][]journal.Fact{"backwards": facts, "twice": append(b.facts.list(), b.facts.list()...)} {
		b.start()
		for _, f := range order {
			if err := b.plus.Restore(f); err != nil {
				t.Fatal(err)
			}
		}
		if n := b.plus.Callback(harbor, "user-agent"); n != "+16175550143" {
			t.Errorf("%s: callback %q", name, string(n))
		}
		for range b.plus.OwnPlaces() {
			t.Errorf("%s: what was deleted is back", name)
		}
	}
}
