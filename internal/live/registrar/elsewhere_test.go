package registrar

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/journal"
)

// Proves: F-07, F-10, issue 6 (bounded tables)
func TestTelephonesOfOtherNodes(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Limits.Bindings, c.Limits.Contacts = 20, 3 })
	made := func(node, user, contact string, until time.Duration) {
		t.Helper()
		f := journal.New(journal.BindingMade, b.now, "harbor", "", journal.Bound{
			User: user, Contact: contact, Device: "harbor-2001", Source: netip.MustParseAddrPort("198.51.100.99:5060"), Transport: "udp", Until: b.now.Add(until),
		})
		if err := b.Hear(node, f); err != nil {
			t.Fatal(err)
		}
	}
	at := func(want ...string) {
		t.Helper()
		if got := b.Elsewhere("harbor", "2001"); !slices.Equal(got, want) {
			t.Errorf("registered at %v, want %v", got, want)
		}
	}
	at()
	made("n2", "2001", "sip:2001@10.0.0.5", time.Hour)
	at("n2")
	if len(b.Bindings("harbor", "2001")) != 0 || !b.Known(netip.MustParseAddr("198.51.100.99")) {
		t.Error("it is rung from here, or its address is not known")
	}
	b.now = b.now.Add(time.Minute)
	made("n3", "2001", "sip:2001@10.0.0.6", 2*time.Minute)
	at("n3", "n2")
	b.now = b.now.Add(time.Minute)
	made("n3", "2001", "sip:2001@10.0.0.5", 48*time.Hour) // it went over to n3
	at("n3")
	gone := func(node, contact string) {
		t.Helper()
		if err := b.Hear(node, journal.New(journal.BindingGone, b.now, "harbor", "", journal.Unbound{User: "2001", Contact: contact})); err != nil {
			t.Fatal(err)
		}
	}
	gone("n2", "sip:2001@10.0.0.5")
	gone("n3", "sip:2001@10.0.0.6")
	at("n3")
	b.now = b.now.Add(maxExpires)
	at()
	b.elsewhere.sweep(b.now)
	if n := b.elsewhere.n; n != 0 || len(b.elsewhere.users) != 0 {
		t.Errorf("%d are remembered when all are over", n)
	}
	for i := range 500 {
		made("n2", "2001", fmt.Sprintf("sip:2001@10.0.1.%d", i), time.Hour)
		made("n2", fmt.Sprint(3000+i), "sip:x@10.0.0.7", time.Hour)
	}
	n := 0
	for _, list := range b.elsewhere.users {
		n += len(list)
	}
	if n != b.elsewhere.n || n > 20 || len(b.elsewhere.users[account{"harbor", "2001"}]) != 3 {
		t.Errorf("%d are remembered, %d are counted, %d of one user", n, b.elsewhere.n, len(b.elsewhere.users[account{"harbor", "2001"}]))
	}
	if err := b.Hear("n2", journal.Fact{Kind: journal.BindingMade, At: b.now, Body: []byte("5")}); err == nil {
		t.Error("a broken fact is taken")
	}
}
