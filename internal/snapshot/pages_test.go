package snapshot

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// An index with few hashes, so that they collide, agrees with a map after any
// edits, and so do all versions before.
//
// Proves: E3
func TestAnIndexAgreesWithAMapInEveryVersion(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hashes := rapid.SampledFrom([]uint32{7, 1 << 10, 1 << 31}).Draw(t, "hashes")
		hashOf := func(n uint32) uint32 { return n * 2654435761 % hashes * (1<<32 - 1) / hashes }
		type version struct {
			x    index
			want map[uint32]bool
		}
		versions := []version{{index{}, map[uint32]bool{}}}
		for range rapid.IntRange(1, 5).Draw(t, "versions") {
			last := versions[rapid.IntRange(0, len(versions)-1).Draw(t, "from")]
			x, want := last.x, map[uint32]bool{}
			for n := range last.want {
				want[n] = true
			}
			e := x.edit()
			for range rapid.IntRange(0, 1500).Draw(t, "edits") {
				n := rapid.Uint32Range(0, 2000).Draw(t, "number")
				if want[n] {
					e.remove(hashOf(n), n)
					delete(want, n)
				} else {
					e.insert(hashOf(n), n)
					want[n] = true
				}
			}
			versions = append(versions, version{x, want})
		}
		for i, v := range versions {
			if v.x.n != len(v.want) {
				t.Fatalf("version %d counts %d, want %d", i, v.x.n, len(v.want))
			}
			for n := range uint32(2001) {
				if _, ok := v.x.find(hashOf(n), func(k uint32) bool { return k == n }); ok != v.want[n] {
					t.Fatalf("version %d: %d is there: %v", i, n, ok)
				}
			}
		}
	})
}

// Proves: E3
func TestTextsAreCountedAndForgotten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var x texts
		uses := map[string]int{}
		for range rapid.IntRange(1, 4).Draw(t, "versions") {
			before, was := x, map[string]int{}
			for s, n := range uses {
				was[s] = n
			}
			e := x.edit()
			for range rapid.IntRange(0, 400).Draw(t, "edits") {
				s := fmt.Sprint("text ", rapid.IntRange(0, 60).Draw(t, "text"))
				if uses[s] > 0 && rapid.Bool().Draw(t, "drop") {
					n, _ := e.find(s)
					e.drop(n)
					uses[s]--
				} else {
					e.use(s, 1)
					uses[s]++
				}
			}
			for _, v := range []struct {
				x    *texts
				uses map[string]int
			}{{&x, uses}, {&before, was}} {
				for i := range 61 {
					s := fmt.Sprint("text ", i)
					n, ok := v.x.find(s)
					if ok != (v.uses[s] > 0) || v.x.uses(s) != v.uses[s] || (ok && v.x.text(n) != s) {
						t.Fatalf("%s: number %d %v, %d uses, want %d", s, n, ok, v.x.uses(s), v.uses[s])
					}
				}
			}
		}
		if live := x.list.n; live > 62 {
			t.Fatalf("%d numbers for 61 texts", live)
		}
	})
}
