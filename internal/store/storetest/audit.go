package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

func testAuditChain(t *testing.T, open Open) {
	st := fresh(t, open)
	a, b := newTenant("harbor", 1), newTenant("mill", 2)
	put(t, st, a.values()...)
	put(t, st, b.values()...)
	type key struct {
		Name   string      `json:"name"`
		Secret e911.Secret `json:"secret"`
	}
	err := st.NoteAudit(t.Context(), "ann", admin.AuditNote{
		Org: a.org.ID, Verb: "made", Kind: "api_key", ID: "k1", Key: "nightly", Detail: key{"nightly", "hush hush"},
	})
	if err != nil {
		t.Fatalf("note: %v", err)
	}
	entries, err := st.Audit(t.Context(), a.org.ID, 0, 2)
	if err != nil || len(entries) != 2 {
		t.Fatalf("audit: %d entries, %v", len(entries), err)
	}
	if e := entries[0]; string(e.After) != `{"name":"nightly","secret":"[secret]"}` || e.Verb != "made" || e.Ref.Kind != "api_key" {
		t.Errorf("the note is kept as %+v", e)
	}
	if entries[0].N != entries[1].N+1 || entries[0].Hash == "" {
		t.Errorf("the note is no link of the chain: %d after %d", entries[0].N, entries[1].N)
	}
	proof, err := st.VerifyAudit(t.Context(), "", true)
	want := int64(len(a.values()) + len(b.values()) + 1)
	if err != nil || proof.Broken != nil || proof.Entries != want || proof.Chains != 2 || proof.Heads[string(a.org.ID)] != entries[0].Hash {
		t.Errorf("the chains: %+v, %v; want %d entries", proof, err, want)
	}
	proof, err = st.VerifyAudit(t.Context(), b.org.ID, false)
	if err != nil || proof.Broken != nil || proof.Entries != int64(len(b.values())) || proof.Chains != 1 {
		t.Errorf("one chain: %+v, %v", proof, err)
	}
}

func testAuditSearch(t *testing.T, open Open) {
	st := fresh(t, open)
	x := newTenant("harbor", 1)
	put(t, st, x.values()...)
	ctx := admin.WithTrail(admin.WithTrail(t.Context(), admin.Trail{Address: "203.0.113.9", Session: "s1"}), admin.Trail{Set: "set-1"})
	changed := x.org
	changed.Name = "100% Harbor_Foods"
	err := st.Write(ctx, "Ann@harbor.example", func(w admin.Writer) error {
		_, err := w.Update(ctx, changed, 1)
		return err
	})
	if err != nil {
		t.Fatalf("write: %v", err)
	}
	all := len(x.values())
	for _, c := range []struct {
		name string
		q    admin.AuditQuery
		want int
	}{
		{"by a part of who", admin.AuditQuery{Who: "ann@"}, 1},
		{"by verb", admin.AuditQuery{Verb: admin.Changed}, 1},
		{"by kind", admin.AuditQuery{Kind: e911.KindOrg}, 2},
		{"by object", admin.AuditQuery{ID: string(x.org.ID), Verb: admin.Created}, 1},
		{"by a part of the key", admin.AuditQuery{Key: "DESK-harb"}, 1},
		{"by change set", admin.AuditQuery{Set: "set-1"}, 1},
		{"by text of a value, with signs of patterns", admin.AuditQuery{Text: `100% harbor_`}, 1},
		{"no sign of a pattern is one", admin.AuditQuery{Text: `100_`}, 0},
		{"before a time", admin.AuditQuery{To: Epoch}, 0},
		{"from a time on", admin.AuditQuery{From: Epoch, To: Epoch.Add(time.Second)}, all + 1},
		{"of another organisation", admin.AuditQuery{Org: "other"}, 0},
		{"of all", admin.AuditQuery{All: true}, all + 1},
	} {
		if c.q.Org == "" {
			c.q.Org = x.org.ID
		}
		got, err := st.FindAudit(t.Context(), c.q)
		if err != nil || len(got) != c.want {
			t.Errorf("%s: %d entries, %v; want %d", c.name, len(got), err, c.want)
		}
	}
	got, err := st.FindAudit(t.Context(), admin.AuditQuery{Org: x.org.ID, Set: "set-1"})
	if err != nil || len(got) != 1 || got[0].Address != "203.0.113.9" || got[0].Session != "s1" {
		t.Errorf("from where it came: %+v, %v", got, err)
	}
	// Oldest first, a page at a time, none twice.
	seen, after := map[int64]bool{}, int64(1)
	for {
		page, err := st.FindAudit(t.Context(), admin.AuditQuery{Org: x.org.ID, After: after, Limit: 2})
		if err != nil || len(page) == 0 {
			break
		}
		for _, e := range page {
			if seen[e.Seq] || e.Seq <= after {
				t.Fatalf("entry %d comes again", e.Seq)
			}
			seen[e.Seq], after = true, e.Seq
		}
	}
	if len(seen) != all {
		t.Errorf("pages have %d entries; want %s", len(seen), fmt.Sprint(all))
	}
}
