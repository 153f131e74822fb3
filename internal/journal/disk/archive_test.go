package disk_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/journal/disk"
)

// archived keeps a journal of n facts in small segments and leaves it running.
func archived(t *testing.T, n int) (dir string, j *disk.Journal) {
	t.Helper()
	dir = t.TempDir()
	j, err := disk.Open(disk.Config{Dir: dir, Node: "n1", SegmentBytes: 4096})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- j.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	for i := range n {
		f := numbered(i + 1)
		switch i % 3 {
		case 1:
			f.Org = "other"
		case 2:
			f.Kind = journal.CallEnded
		}
		r := j.Record(f)
		<-r.Written
		if i == n-1 {
			<-r.Synced
		}
	}
	return dir, j
}

func read(t *testing.T, dir string, want disk.Filter) (seqs []uint64) {
	t.Helper()
	a, err := disk.OpenArchive(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range a.Segments() {
		if err := s.Scan(t.Context(), want, func(f journal.Fact) bool { seqs = append(seqs, f.Seq); return true }); err != nil {
			t.Fatal(err)
		}
	}
	return seqs
}

// Proves: E11, E14
func TestAnArchiveIsReadBesideItsWriter(t *testing.T) {
	const n = 120
	dir, _ := archived(t, n)
	if got := read(t, dir, disk.Filter{}); len(got) != n || got[0] != 1 || got[n-1] != n || !slices.IsSorted(got) {
		t.Errorf("read %v", got)
	}
	for name, c := range map[string]struct {
		f    disk.Filter
		want int
	}{
		"one organisation's":     {disk.Filter{Org: "other"}, n / 3},
		"nobody's":               {disk.Filter{Org: "org-of-nobody"}, 0},
		"a part of a name":       {disk.Filter{Org: "oth"}, 0},
		"one kind":               {disk.Filter{Kinds: []journal.Kind{journal.CallEnded}}, n / 3},
		"a kind that begins so":  {disk.Filter{Kinds: []journal.Kind{"call"}}, 0},
		"what its body tells of": {disk.Filter{Any: []string{`"sip_call_id":"7"`, `"sip_call_id":"9"`}}, 2},
	} {
		if got := read(t, dir, c.f); len(got) != c.want {
			t.Errorf("%s: %d facts, want %d", name, len(got), c.want)
		}
	}
}

// Proves: E5, E11
func TestAnArchiveStepsOverDamageAndSaysWhatWasDropped(t *testing.T) {
	const n = 120
	dir, j := archived(t, n)
	a, err := disk.OpenArchive(dir)
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.seg"))
	if err != nil || len(files) < 4 || len(files) != len(a.Segments()) {
		t.Fatalf("%d segments: %v", len(files), err)
	}
	// A byte is turned in one, the end of another is torn off.
	b, err := os.ReadFile(files[1])
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 0xff
	if err := os.WriteFile(files[1], b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(files[2], int64(len(b)-7)); err != nil {
		t.Fatal(err)
	}
	if got := read(t, dir, disk.Filter{}); len(got) != n-2 {
		t.Errorf("%d facts are left of %d after two were damaged", len(got), n)
	}
	if _, err := j.Drop(a.Segments()[1].First); err != nil {
		t.Fatal(err)
	}
	if a, err = disk.OpenArchive(dir); err != nil {
		t.Fatal(err)
	}
	first, at, ok, err := a.Since(t.Context())
	if err != nil || !ok || first == 1 || !at.Equal(noon.Add(time.Duration(first)*time.Millisecond)) {
		t.Errorf("kept since %d, %s: %v %v", first, at, ok, err)
	}
	if err := os.WriteFile(files[0], []byte("not a segment"), 0o600); err != nil {
		t.Fatal(err)
	}
	if a, err = disk.OpenArchive(dir); err != nil || a.Damaged() != 1 {
		t.Errorf("%d damaged, %v; want 1", a.Damaged(), err)
	}
}

func TestAScanEndsWithItsReader(t *testing.T) {
	dir, _ := archived(t, 30)
	a, err := disk.OpenArchive(dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := a.Segments()[0].Scan(ctx, disk.Filter{}, func(journal.Fact) bool { return true }); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	seen := 0
	if err := a.Segments()[0].Scan(t.Context(), disk.Filter{}, func(journal.Fact) bool { seen++; return seen < 2 }); err != nil || seen != 2 {
		t.Errorf("%d facts after the second was enough, %v", seen, err)
	}
	if a, err := disk.OpenArchive(filepath.Join(dir, "absent")); err != nil || len(a.Segments()) != 0 {
		t.Errorf("a folder that is not there: %v", err)
	}
	if _, _, ok, err := new(disk.Archive).Since(t.Context()); ok || err != nil {
		t.Errorf("an empty archive begins: %v %v", ok, err)
	}
}
