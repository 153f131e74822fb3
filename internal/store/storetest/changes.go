package storetest

import (
	"fmt"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

// told writes a batch as lines "kind key" or "kind -" for what is gone.
func told(b admin.Batch) []string {
	lines := make([]string, 0, len(b.Rows))
	for _, r := range b.Rows {
		key := "-"
		switch {
		case r.Err != nil:
			key = "unreadable"
		case r.Value != nil:
			key = admin.KeyOf(r.Value)
		}
		lines = append(lines, string(r.Ref.Kind)+" "+key)
	}
	sort.Strings(lines)
	return lines
}

func since(t testing.TB, st Store, seq uint64, also ...admin.Ref) admin.Batch {
	t.Helper()
	b, err := st.Since(t.Context(), seq, also)
	if err != nil {
		t.Fatalf("since %d: %v", seq, err)
	}
	return b
}

func testChanges(t *testing.T, open Open) {
	o := options(t)
	var mu sync.Mutex
	now := Epoch
	o.Now = func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	st := open(t, o)
	defer st.Close()
	x := newTenant("harbor", 1)
	put(t, st, x.org, x.site)
	first := since(t, st, 0)
	if want := []string{"organisation harbor", "site site-harbor"}; !cmp.Equal(told(first), want) {
		t.Errorf("first = %v, want %v", told(first), want)
	}
	if !first.Oldest.Equal(Epoch) {
		t.Errorf("oldest = %v, want %v", first.Oldest, Epoch)
	}
	if b := since(t, st, first.Head.Seq); len(b.Rows) != 0 || b.Head != first.Head || !b.Oldest.IsZero() {
		t.Errorf("nothing changed, and the batch is %+v", b)
	}
	mu.Lock()
	now = Epoch.Add(time.Minute)
	mu.Unlock()
	// Changed twice and deleted: the present form, once.
	err := st.Write(t.Context(), "test", func(w admin.Writer) error {
		changed := x.site
		changed.Name = "First"
		if _, err := w.Update(t.Context(), changed, 1); err != nil {
			return err
		}
		changed.Name = "Second"
		if _, err := w.Update(t.Context(), changed, 2); err != nil {
			return err
		}
		_, err := w.Create(t.Context(), x.alert)
		return err
	})
	if err != nil {
		t.Fatalf("write: %v", err)
	}
	err = st.Write(t.Context(), "test", func(w admin.Writer) error { return w.Delete(t.Context(), admin.RefOf(x.alert), 1) })
	if err != nil {
		t.Fatalf("delete: %v", err)
	}
	second := since(t, st, first.Head.Seq)
	if want := []string{"alert -", "site site-harbor"}; !cmp.Equal(told(second), want) {
		t.Errorf("second = %v, want %v", told(second), want)
	}
	for _, r := range second.Rows {
		if s, ok := r.Value.(e911.Site); ok && s.Name != "Second" {
			t.Errorf("the site is told as %q, want its present form", s.Name)
		}
	}
	if second.Head.Seq <= first.Head.Seq || second.Head.Store != first.Head.Store || second.Head.Store == "" {
		t.Errorf("head went from %+v to %+v", first.Head, second.Head)
	}
	if want := Epoch.Add(time.Minute); !second.Oldest.Equal(want) {
		t.Errorf("oldest = %v, want %v", second.Oldest, want)
	}
	also := since(t, st, second.Head.Seq, admin.RefOf(x.org), admin.Ref{Kind: e911.KindUser, Org: x.org.ID, ID: "gone"})
	if want := []string{"organisation harbor", "user -"}; !cmp.Equal(told(also), want) {
		t.Errorf("also = %v, want %v", told(also), want)
	}
}

func testAll(t *testing.T, open Open) {
	st := fresh(t, open)
	w, x, y := newWorld(), newTenant("harbor", 1), newTenant("quay", 2)
	values := append(append(w.values(), x.values()...), y.values()...)
	for i := range admin.MaxPage + 7 {
		values = append(values, e911.User{ID: e911.NewID[e911.UserID](), Org: y.org.ID, Site: y.site.ID, Key: fmt.Sprintf("u%05d", i), Name: "U"})
	}
	put(t, st, values...)
	all, err := st.All(t.Context())
	if err != nil {
		t.Fatalf("all: %v", err)
	}
	if len(all.Rows) != len(values) {
		t.Errorf("all has %d objects, want %d", len(all.Rows), len(values))
	}
	if diff := cmp.Diff(told(since(t, st, 0)), told(all)); diff != "" {
		t.Errorf("all and since 0 differ:\n%s", diff)
	}
	if head, _ := st.Head(t.Context()); head != all.Head {
		t.Errorf("head = %+v, all says %+v", head, all.Head)
	}
}

// testFollow: a reader that asks for what came after the last sequence it saw
// ends with every object, while many write at once.
func testFollow(t *testing.T, open Open) {
	st := fresh(t, open)
	x := newTenant("harbor", 1)
	put(t, st, x.org, x.site)
	const writers, each = 6, 30
	var wg sync.WaitGroup
	done := make(chan struct{})
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				u := e911.User{ID: e911.NewID[e911.UserID](), Org: x.org.ID, Site: x.site.ID, Key: fmt.Sprintf("w%d-%d", w, i), Name: "U"}
				err := st.Write(t.Context(), "test", func(w admin.Writer) error { _, err := w.Create(t.Context(), u); return err })
				if err != nil {
					t.Errorf("writer %d: %v", w, err)
					return
				}
			}
		})
	}
	go func() { wg.Wait(); close(done) }()
	seen := map[string]bool{}
	at := uint64(0)
	for last := false; !last; {
		select {
		case <-done:
			last = true
		default:
		}
		b := since(t, st, at)
		if b.Head.Seq < at {
			t.Fatalf("the head went back from %d to %d", at, b.Head.Seq)
		}
		at = b.Head.Seq
		for _, r := range b.Rows {
			if r.Ref.Kind == e911.KindUser {
				seen[r.Ref.ID] = true
			}
		}
	}
	if len(seen) != writers*each {
		t.Errorf("the reader saw %d users, want %d", len(seen), writers*each)
	}
}

func testSecrets(t *testing.T, open Open) {
	o := options(t)
	st := open(t, o)
	w, x := newWorld(), newTenant("harbor", 1)
	put(t, st, append(w.values(), x.values()...)...)
	st.Close()
	o.Ring = Ring(t) // another master key
	st = open(t, o)
	defer st.Close()
	for _, v := range []any{w.key, w.carrier, x.org, x.trunk, x.alert, x.device} {
		_, err := get(t, st, admin.RefOf(v))
		wantKind(t, err, e911.Unavailable)
	}
	if _, err := get(t, st, admin.RefOf(x.site)); err != nil {
		t.Errorf("a site has no secret: %v", err)
	}
	all, err := st.All(t.Context())
	if err != nil {
		t.Fatalf("all: %v", err)
	}
	unreadable := 0
	for _, r := range all.Rows {
		if r.Err != nil {
			unreadable++
			if r.Value != nil {
				t.Errorf("%s has an error and a value", r.Ref)
			}
		}
	}
	if unreadable != 6 || len(all.Rows) != len(w.values())+len(x.values()) {
		t.Errorf("%d of %d rows are unreadable, want 6 of %d", unreadable, len(all.Rows), len(w.values())+len(x.values()))
	}
	// Writing the secret again mends the object.
	err = st.Write(t.Context(), "test", func(w admin.Writer) error { _, err := w.Update(t.Context(), x.org, 1); return err })
	if err != nil {
		t.Fatalf("write the organisation again: %v", err)
	}
	if o, err := get(t, st, admin.RefOf(x.org)); err != nil || !admin.Same(o.Value, x.org) {
		t.Errorf("after it was written again: %v", err)
	}
}

func testAudit(t *testing.T, open Open) {
	st := fresh(t, open)
	x := newTenant("harbor", 1)
	put(t, st, x.values()...)
	changed := x.org
	changed.Name, changed.HELD.Secrets = "Harbor Foods", []e911.Secret{"brand new secret"}
	err := st.Write(t.Context(), "ann@harbor.example", func(w admin.Writer) error {
		if _, err := w.Update(t.Context(), changed, 1); err != nil {
			return err
		}
		return w.Delete(t.Context(), admin.RefOf(x.alert), 1)
	})
	if err != nil {
		t.Fatalf("write: %v", err)
	}
	entries, err := st.Audit(t.Context(), x.org.ID, 0, 2)
	if err != nil || len(entries) != 2 {
		t.Fatalf("audit: %d entries, %v; want 2", len(entries), err)
	}
	want := []admin.AuditEntry{
		{At: Epoch, Who: "ann@harbor.example", Verb: admin.Deleted, Ref: admin.RefOf(x.alert), Key: "desk-harbor"},
		{At: Epoch, Who: "ann@harbor.example", Verb: admin.Changed, Ref: admin.RefOf(x.org), Key: "harbor", Fields: []string{"held", "name"}},
	}
	for i := range entries {
		want[i].Seq = entries[i].Seq
	}
	if diff := cmp.Diff(want, entries, cmpopts.IgnoreFields(admin.AuditEntry{}, "Before", "After", "N", "Hash")); diff != "" {
		t.Errorf("audit (-want +got):\n%s", diff)
	}
	if s := string(entries[1].Before) + string(entries[1].After); !strings.Contains(s, `"name":"Harbor Foods"`) || !strings.Contains(s, `"[secret]"`) {
		t.Errorf("before and after say %s", s)
	}
	if s := string(entries[0].Before); !strings.Contains(s, `"desk-harbor"`) || entries[0].After != nil {
		t.Errorf("what was deleted is told as %s", s)
	}
	older, err := st.Audit(t.Context(), x.org.ID, entries[1].Seq, 100)
	if err != nil || len(older) != len(x.values()) {
		t.Errorf("older entries: %d, %v; want %d", len(older), err, len(x.values()))
	}
	if text := fmt.Sprint(entries, older); strings.Contains(text, "secret of") || strings.Contains(text, "brand new") {
		t.Errorf("the audit trail holds a secret: %s", text)
	}
}

func testRestart(t *testing.T, open Open) {
	o := options(t)
	st := open(t, o)
	w, x := newWorld(), newTenant("harbor", 1)
	values := append(w.values(), x.values()...)
	put(t, st, values...)
	head, err := st.Head(t.Context())
	if err != nil {
		t.Fatalf("head: %v", err)
	}
	for range 2 {
		if err := st.Close(); err != nil {
			t.Fatalf("close: %v", err)
		}
	}
	st = open(t, o)
	defer st.Close()
	if again, _ := st.Head(t.Context()); again != head {
		t.Errorf("head = %+v, want %+v as before", again, head)
	}
	for _, v := range values {
		if o, err := get(t, st, admin.RefOf(v)); err != nil || !admin.Same(o.Value, v) {
			t.Errorf("%s is not what it was: %v", admin.RefOf(v), err)
		}
	}
	put(t, st, newTenant("quay", 2).org)
	if after, _ := st.Head(t.Context()); after.Seq <= head.Seq {
		t.Errorf("sequence went from %d to %d", head.Seq, after.Seq)
	}
	other := open(t, options(t))
	defer other.Close()
	if h, _ := other.Head(t.Context()); h.Store == head.Store || h.Seq != 0 {
		t.Errorf("another database says %+v", h)
	}
}
