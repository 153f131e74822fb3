package inventory_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callbox911/callbox/internal/admin/inventory"
	"github.com/callbox911/callbox/internal/admin/report/reporttest"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/snapshot"
)

// bench is a projector that runs in a bubble of its own time.
type bench struct {
	t     *testing.T
	j     *reporttest.Journal
	told  *told
	st    *memory
	h     *snapshot.Holder
	queue *inventory.Queue
}

// told keeps the facts that people are told by.
type told struct {
	mu   sync.Mutex
	dues []journal.Due
}

func (r *told) all() []journal.Due {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.dues)
}

func (r *told) Record(f journal.Fact) journal.Receipt {
	if d, err := journal.Decode[journal.Due](f); err == nil && f.Kind == journal.NotifyDue {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.dues = append(r.dues, d)
	}
	return journal.Receipt{}
}

func inBubble(t *testing.T, do func(b *bench)) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{t: t, j: reporttest.NewJournal(), told: &told{}, st: newMemory(), h: worldNow(t)}
		b.queue = newQueue(t, b.st, b.h)
		p, err := inventory.NewProjector(inventory.ProjectorConfig{
			Node: reporttest.Node, Feed: b.j, Recorder: b.told, Store: b.st, Queue: b.queue, Snapshot: b.h, Now: time.Now, Log: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- p.Run(ctx) }()
		do(b)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// pass lets time go by until everything is done that is due.
func (b *bench) pass(d time.Duration) {
	<-time.After(d) // of the bubble, not of the machine
	synctest.Wait()
}

// strand says that a port strands devices now.
func (b *bench) strand(n string, stranded int) {
	now := time.Now()
	b.j.Add(journal.New(journal.NetworkUnknown, now, harbor, "", journal.UnknownElement{UnknownKey: port(n), Devices: max(stranded, 1), Stranded: stranded, First: now, Last: now, Device: "d1", Source: "10.0.0.9"}))
}

func (b *bench) element(n string) inventory.Unknown {
	list, _ := b.st.ListUnknown(b.t.Context(), harbor, "")
	for _, u := range list {
		if u.Key.LLDP.Port == n {
			return u
		}
	}
	b.t.Fatalf("port %s is not kept", n)
	return inventory.Unknown{}
}

// Proves: W-57, E14
func TestPeopleAreToldOnceADayOfAnElement(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.strand("8", 0)
		b.pass(2 * time.Second)
		if len(b.told.all()) != 0 {
			t.Fatalf("an element that strands nobody is told: %+v", b.told.all())
		}
		for range 5 {
			b.strand("8", 1)
			b.pass(4 * time.Hour)
		}
		if len(b.told.all()) != 1 {
			t.Fatalf("told %d times in a day, want once", len(b.told.all()))
		}
		d := b.told.all()[0]
		n := d.Network
		if d.Reason != journal.DueUnknownNetwork || d.Who != "key-d1 (Front desk)" || d.SiteName != "HQ" || n == nil || n.Location != "room-210" ||
			n.Why == "" || n.Element != "switch port 8 of 0c:75:bd:00:00:01" || n.OrgKey != "harbor" {
			t.Errorf("told %+v, %+v", d, n)
		}
		b.pass(8 * time.Hour)
		b.strand("8", 2)
		b.pass(2 * time.Second)
		if len(b.told.all()) != 2 {
			t.Errorf("the next day told %d times in all, want twice", len(b.told.all()))
		}
		b.strand("7", 1) // on the map: a late fact
		b.pass(2 * time.Second)
		if len(b.told.all()) != 2 {
			t.Error("an element that is on the map is told")
		}
	})
}

// Proves: E4, E14
func TestAFloodOfMadeUpElementsIsTwoSummaries(t *testing.T) {
	inBubble(t, func(b *bench) {
		for i := range 40 {
			b.strand(fmt.Sprint("x", i), 1)
		}
		b.pass(10 * time.Second)
		if n := len(b.told.all()); n != 6 || b.told.all()[5].Network.ID != "" || b.told.all()[5].Network.More != 1 {
			t.Fatalf("told %d times, want five elements and a summary", n)
		}
		b.pass(time.Hour)
		if n := len(b.told.all()); n != 7 || b.told.all()[6].Network.More != 34 || b.told.all()[6].Network.Open != 40 {
			t.Fatalf("after an hour told %d times; want one more summary, of 34", n)
		}
		b.pass(5 * time.Hour)
		if n := len(b.told.all()); n != 7 {
			t.Errorf("later told %d times, want no more", n)
		}
	})
}

// Proves: E5, F-31
func TestAFailingStoreLosesNothingAndTellsOnce(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.st.refuse = 4
		b.strand("8", 1)
		for _, f := range story()[:3] {
			b.j.Add(f)
		}
		b.pass(time.Minute)
		if len(b.told.all()) != 1 {
			t.Errorf("told %d times, want once", len(b.told.all()))
		}
		if u := b.element("8"); u.Stranded != 1 || u.State != inventory.Open {
			t.Errorf("element = %+v", u)
		}
		if d := b.st.devices[inventory.ID{Org: harbor, Device: "d1"}]; d.User != "u1" || d.By != e911.ByLLDPPort {
			t.Errorf("device = %+v", d)
		}
		if at, _ := b.st.InventoryCursor(t.Context(), reporttest.Node); at != 4 {
			t.Errorf("cursor = %d, want 4", at)
		}
	})
}

// Proves: N-42, W-57
func TestAnElementThatIsImportedClosesByItself(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.strand("8", 1)
		b.strand("9", 1)
		b.pass(2 * time.Second)
		next, err := b.h.Load().Apply([]snapshot.Change{{Kind: e911.KindElement, Org: harbor, ID: "e8", Object: e911.Element{
			ID: "e8", Org: harbor, Location: "lobby", Kind: e911.ElementLLDPPort, LLDP: e911.LLDPPort{Chassis: "0c:75:bd:00:00:01", Port: "8"},
		}}}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		b.h.Store(next)
		b.pass(3 * time.Second)
		if got := b.element("8").State; got != inventory.Mapped {
			t.Errorf("the port that is on the map now is %s", got)
		}
		if got := b.element("9").State; got != inventory.Open {
			t.Errorf("the other one is %s", got)
		}
		_, err = b.queue.Assign(t.Context(), "bob", inventory.Assignment{Org: harbor, ID: b.element("8").ID, Location: "lobby"})
		if e911.KindOf(err) != e911.Conflict {
			t.Errorf("to assign what is mapped: %v, want a conflict", err)
		}
	})
}
