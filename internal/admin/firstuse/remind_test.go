package firstuse_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/admin/firstuse"
	"github.com/callbox911/callbox/internal/admin/setup"
	"github.com/callbox911/callbox/internal/e911"
)

// notes are the reminders of one organisation.
type notes map[e911.UserID]firstuse.Reminded

func (n notes) Reminded(context.Context, e911.OrgID) (map[e911.UserID]firstuse.Reminded, error) {
	return maps.Clone(n), nil
}

func (n notes) SaveReminded(_ context.Context, _ e911.OrgID, r firstuse.Reminded, times int) (bool, error) {
	was, ok := n[r.User]
	if times < 0 && ok || times >= 0 && (!ok || was.Times != times) {
		return false, nil
	}
	n[r.User] = r
	return true, nil
}

func (n notes) DropReminded(_ context.Context, _ e911.OrgID, users []e911.UserID) error {
	for _, u := range users {
		delete(n, u)
	}
	return nil
}

var day0 = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// post is the letters that were handed over, by day and user.
type post struct {
	sent []string
	all  []firstuse.Letter
	err  error
}

func (p *post) hand(at time.Time) func(context.Context, firstuse.Letter) error {
	return func(_ context.Context, l firstuse.Letter) error {
		if p.err != nil {
			return p.err
		}
		p.all = append(p.all, l)
		p.sent = append(p.sent, fmt.Sprintf("day %d: %s, %d", int(at.Sub(day0).Hours()/24), l.To, l.Times))
		return nil
	}
}

func (b *bench) look(t *testing.T, n notes, p *post, node string, at time.Time) error {
	t.Helper()
	_, err := b.Remind(t.Context(), n, firstuse.Look{Org: "o", Now: at, Node: node, Hand: p.hand(at)})
	return err
}

// Proves: N-07: who does not answer is written to after a day, after a week, and every
// 30 days; who answers, is shared or has no address, is not.
func TestWhoDoesNotAnswerIsWrittenTo(t *testing.T) {
	b, n, p := newBench(t), notes{}, &post{}
	b.accepted = []setup.Acknowledgement{{User: "u2"}, {User: "u5"}}
	b.registered["u5"] = "l-s" // eve has answered
	for hour := range 24 * 80 {
		at := day0.Add(time.Duration(hour) * time.Hour)
		if at.Equal(day0.Add(40 * 24 * time.Hour)) {
			b.registered["u2"] = "l-s" // bob answers
		}
		for _, node := range []string{"a", "b"} {
			if err := b.look(t, n, p, node, at); err != nil {
				t.Fatal(err)
			}
		}
	}
	slices.Sort(p.sent)
	want := []string{
		"day 1: Ann@example.com, 1", "day 1: bob@example.com, 1",
		"day 37: Ann@example.com, 3", "day 37: bob@example.com, 3",
		"day 67: Ann@example.com, 4",
		"day 7: Ann@example.com, 2", "day 7: bob@example.com, 2",
	}
	if d := cmp.Diff(want, p.sent); d != "" {
		t.Error(d)
	}
	for _, l := range p.all {
		if l.OrgName != "Harbor" || l.Placed || l.Accepted != (l.User == "u2") {
			t.Errorf("%+v", l)
		}
	}
	if _, there := n["u2"]; there {
		t.Error("bob has answered, and is noted still")
	}
	open, err := b.Report(t.Context(), "o", nil)
	if err != nil {
		t.Fatal(err)
	}
	b.Remindable("o", open, n, true, false)
	got := map[e911.UserID]string{}
	for _, x := range open {
		got[x.User] = fmt.Sprintf("%d %s", x.Reminded, x.Unwritten)
	}
	if d := cmp.Diff(map[e911.UserID]string{"u1": "4 ", "u3": "0 shared", "u4": "0 shared"}, got); d != "" {
		t.Errorf("what administrators see: %s", d)
	}
	b.Remindable("o", open, n, false, false)
	if open[0].Unwritten != firstuse.UnwrittenNoMail || open[0].Since.IsZero() {
		t.Errorf("%+v", open[0])
	}
}

// After an outage nobody gets two letters at once, and a directory that says since when
// somebody is here does not make one late.
//
// Proves: N-07
func TestNobodyIsWrittenToTwiceADay(t *testing.T) {
	b, n, p := newBench(t), notes{}, &post{}
	since := map[e911.UserID]time.Time{"u1": day0.Add(-90 * 24 * time.Hour), "u2": day0.Add(time.Hour)}
	for _, h := range []int{0, 1, 2, 23, 24, 25, 24 * 60, 24*60 + 1} {
		at := day0.Add(time.Duration(h) * time.Hour)
		if _, err := b.Remind(t.Context(), n, firstuse.Look{Org: "o", Now: at, Since: since, Node: "a", Hand: p.hand(at)}); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"day 0: Ann@example.com, 1", "day 1: bob@example.com, 1", "day 60: Ann@example.com, 2", "day 60: bob@example.com, 2", "day 1: eve@example.com, 1", "day 60: eve@example.com, 2"}
	slices.Sort(want)
	slices.Sort(p.sent)
	if d := cmp.Diff(want, p.sent); d != "" {
		t.Error(d)
	}
	last := map[e911.UserID]time.Time{}
	for _, l := range p.all {
		if at := last[l.User]; !at.IsZero() && l.At.Sub(at) < 24*time.Hour {
			t.Errorf("%s was written to twice a day", l.User)
		}
		last[l.User] = l.At
	}
}

// A node that was killed between its claim and the outbox hands the same letter over
// when it is back, and no other node does; one that was killed after it hands over
// again what the outbox knows.
//
// Proves: N-07, E5
func TestAReminderOutlivesAKill(t *testing.T) {
	b, n, p := newBench(t), notes{}, &post{}
	at := day0
	if err := b.look(t, n, p, "a", at); err != nil {
		t.Fatal(err)
	}
	at = at.Add(25 * time.Hour)
	killed := errors.New("killed")
	p.err = killed
	if err := b.look(t, n, p, "a", at); !errors.Is(err, killed) || len(p.sent) > 0 {
		t.Fatalf("%v %v", err, p.sent)
	}
	claimed := n["u1"]
	if claimed.Times != 1 || claimed.Handed || claimed.Node != "a" {
		t.Errorf("%+v", claimed)
	}
	p.err = nil
	at = at.Add(time.Hour)
	if err := b.look(t, n, p, "b", at); err != nil || len(p.sent) > 0 {
		t.Errorf("another node wrote: %v %v", err, p.sent)
	}
	if err := b.look(t, n, p, "a", at); err != nil || len(p.all) != 3 {
		t.Fatalf("%v %v", err, p.sent)
	}
	for _, l := range p.all {
		if !l.At.Equal(claimed.Last) || l.Times != 1 {
			t.Errorf("it is another letter: %+v, claimed %+v", l, claimed)
		}
	}
	if err := b.look(t, n, p, "a", at.Add(time.Hour)); err != nil || len(p.all) != 3 {
		t.Errorf("handed over twice: %v %v", err, p.sent)
	}
}
