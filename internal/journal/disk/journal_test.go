package disk_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/journal/disk"
)

var (
	_ journal.Recorder = (*disk.Journal)(nil)
	_ journal.Feed     = (*disk.Journal)(nil)
)

// Proves: D-06, E5
func TestFactsComeBackAsTheyWereRecorded(t *testing.T) {
	dir := t.TempDir()
	j := start(t, disk.Config{Dir: dir})
	facts := []journal.Fact{
		journal.New(journal.CallArrived, noon.Add(123456*time.Microsecond), "org-1", "call-1", journal.Arrived{Dialled: "tel:911", From: `"O'Brien <x>" & söhne`}),
		{Kind: journal.AlarmRaised, At: noon, Body: json.RawMessage(` { "code" : "x" } `)},
		{Kind: `od"d\`, At: noon.In(time.FixedZone("", -5*3600)), Org: "\x01ü", Body: nil},
	}
	var want []journal.Fact
	for i, f := range facts {
		r := j.Record(f)
		await(t, r.Written, "Written")
		await(t, r.Synced, "Synced")
		if err := r.Err(); err != nil {
			t.Fatalf("fact %d: %v", i, err)
		}
		if got, want := r.Seq, uint64(i+1); got != want {
			t.Errorf("number = %d, want %d", got, want)
		}
		f.V, f.Node, f.Seq, f.At = 1, "node-1", r.Seq, f.At.UTC().Truncate(time.Millisecond)
		want = append(want, f)
	}
	live := take(t, j.Subscribe(t.Context(), 1), 3)
	if err := j.stop(); err != nil {
		t.Fatalf("stop: %v", err)
	}
	read := all(t, disk.Config{Dir: dir})
	for _, got := range [][]journal.Fact{live, read} {
		if got, want := mustJSON(t, got), mustJSON(t, want); got != want {
			t.Errorf("facts:\n%s\nwant:\n%s", got, want)
		}
	}
	if got, want := string(read[1].Body), ` { "code" : "x" } `; !strings.Contains(want, got) {
		t.Errorf("body = %q", got)
	}
}

// Proves: D-06, E5
func TestNumbersHaveNoGapsWhenManyRecordAtOnce(t *testing.T) {
	dir := t.TempDir()
	j := start(t, disk.Config{Dir: dir, SegmentBytes: 64 << 10})
	const writers, each = 16, 400
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	feed := j.Subscribe(ctx, 1)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				r := j.Record(numbered(w*each + i))
				if i%50 == 0 {
					await(t, r.Synced, "Synced")
				}
			}
		})
	}
	got := take(t, feed, writers*each)
	wg.Wait()
	last := map[int]int{}
	for i, f := range got {
		if f.Seq != uint64(i+1) {
			t.Fatalf("fact %d has number %d", i, f.Seq)
		}
		n := numberOf(t, f)
		if w := n / each; n%each != last[w] {
			t.Fatalf("writer %d: fact %d came where %d was due", w, n%each, last[w])
		}
		last[n/each]++
	}
	if n := len(segments(t, dir)); n < 5 {
		t.Errorf("%d segments, want several of 64 kB", n)
	}
	if err := j.stop(); err != nil {
		t.Fatal(err)
	}
	if got := len(all(t, disk.Config{Dir: dir})); got != writers*each {
		t.Errorf("%d facts on the disk, want %d", got, writers*each)
	}
}

// Proves: D-06
func TestNumberingGoesOnAfterARestart(t *testing.T) {
	dir := t.TempDir()
	for run := range 5 {
		j := start(t, disk.Config{Dir: dir})
		for i := range 10 {
			if got, want := j.Record(numbered(run*10+i+1)).Seq, uint64(run*10+i+1); got != want {
				t.Fatalf("number = %d, want %d", got, want)
			}
		}
		if err := j.stop(); err != nil {
			t.Fatal(err)
		}
	}
	facts := all(t, disk.Config{Dir: dir})
	inOrder(t, facts, 1)
	if len(facts) != 50 {
		t.Errorf("%d facts, want 50", len(facts))
	}
}

// Proves: E5
func TestStopWritesWhatIsQueued(t *testing.T) {
	dir := t.TempDir()
	j, err := disk.Open(disk.Config{Dir: dir, Node: "node-1"})
	if err != nil {
		t.Fatal(err)
	}
	var last journal.Receipt
	for i := range 5000 {
		last = j.Record(numbered(i + 1))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := j.Run(ctx); err != nil {
		t.Fatalf("Run: %v", err)
	}
	await(t, last.Synced, "Synced")
	if last.Err() != nil {
		t.Errorf("Err = %v", last.Err())
	}
	r := j.Record(numbered(1))
	if !errors.Is(r.Err(), disk.ErrClosed) {
		t.Errorf("after the stop Err = %v, want ErrClosed", r.Err())
	}
	await(t, r.Written, "Written of a refused fact")
	if _, open := <-j.Subscribe(t.Context(), 1); open {
		t.Error("a closed journal still gives facts")
	}
	if got := len(all(t, disk.Config{Dir: dir})); got != 5000 {
		t.Errorf("%d facts, want 5000", got)
	}
}

// Proves: D-06
func TestWhatIsNoFactIsRefusedWithoutANumber(t *testing.T) {
	j := start(t, disk.Config{Dir: t.TempDir()})
	for name, f := range map[string]journal.Fact{
		"a body that is not JSON": {Kind: "x", At: noon, Body: json.RawMessage(`{"a":`)},
		"a body of 17 MiB":        {Kind: "x", At: noon, Body: json.RawMessage(`"` + strings.Repeat("x", 17<<20) + `"`)},
		"a year that JSON cannot say": {
			Kind: "x", At: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), Body: json.RawMessage(`{}`),
		},
	} {
		r := j.Record(f)
		await(t, r.Synced, name)
		if r.Seq != 0 || !errors.Is(r.Err(), disk.ErrInvalid) {
			t.Errorf("%s: number %d, err %v", name, r.Seq, r.Err())
		}
	}
	if got := j.Record(numbered(1)).Seq; got != 1 {
		t.Errorf("number = %d, want 1", got)
	}
}

// Proves: E14, D-12
func TestASlowReaderDelaysNobody(t *testing.T) {
	j := start(t, disk.Config{Dir: t.TempDir(), SegmentBytes: 256 << 10})
	slow := j.Subscribe(t.Context(), 1)
	fast := j.Subscribe(t.Context(), 1)
	const n = 20000 // far more than the ring holds
	for i := range n {
		j.Record(numbered(i + 1))
	}
	inOrder(t, take(t, fast, n), 1)
	inOrder(t, take(t, slow, n), 1)
	inOrder(t, take(t, j.Subscribe(t.Context(), n-3), 4), n-3)
}

// Proves: D-12
func TestAReaderEndsWithItsContextAndWithTheJournal(t *testing.T) {
	j := start(t, disk.Config{Dir: t.TempDir()})
	ctx, cancel := context.WithCancel(t.Context())
	a, b := j.Subscribe(ctx, 1), j.Subscribe(t.Context(), 1)
	o := j.Overdue(t.Context())
	cancel()
	if _, open := <-a; open {
		t.Error("a fact came out of nothing")
	}
	if err := j.stop(); err != nil {
		t.Fatal(err)
	}
	if _, open := <-b; open {
		t.Error("a fact came out of nothing")
	}
	if _, open := <-o; open {
		t.Error("an overdue fact came out of nothing")
	}
}

// Proves: D-06
func TestAReaderThatOutlivedItsJournalIsReported(t *testing.T) {
	al := newAlarms()
	j := start(t, disk.Config{Dir: t.TempDir(), Alarm: al.add})
	feed := j.Subscribe(t.Context(), 900)
	al.await(t, disk.AlarmBehind)
	j.Record(numbered(1))
	inOrder(t, take(t, feed, 1), 1)
}

// Proves: D-06
func TestDropRemovesWholeOldSegments(t *testing.T) {
	dir := t.TempDir()
	j := start(t, disk.Config{Dir: dir, SegmentBytes: 4 << 10})
	var last journal.Receipt
	for i := range 200 {
		last = j.Record(numbered(i + 1))
		await(t, last.Written, "Written")
	}
	await(t, last.Synced, "Synced")
	before := len(segments(t, dir))
	first, err := j.Drop(101)
	if err != nil {
		t.Fatal(err)
	}
	if first < 50 || first > 101 {
		t.Errorf("first kept = %d, want at most 101 and near it", first)
	}
	if after := len(segments(t, dir)); after >= before || after == 0 {
		t.Errorf("%d segments, before %d", after, before)
	}
	// The newest segment stays, so that numbers go on after a restart.
	if err := j.stop(); err != nil {
		t.Fatal(err)
	}
	again := start(t, disk.Config{Dir: dir})
	inOrder(t, take(t, again.Subscribe(t.Context(), 1), 200-int(first)+1), int(first))
	if first, err = again.Drop(1 << 60); err != nil || first == 0 || first > 200 {
		t.Errorf("Drop of all: first = %d, err = %v", first, err)
	}
	if got := again.Record(numbered(201)).Seq; got != 201 {
		t.Errorf("number after restart = %d, want 201", got)
	}
}

// Proves: D-06
func TestOneProcessUsesAFolder(t *testing.T) {
	dir := t.TempDir()
	j := start(t, disk.Config{Dir: dir})
	if _, err := disk.Open(disk.Config{Dir: dir, Node: "other"}); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("second Open: %v", err)
	}
	if err := j.stop(); err != nil {
		t.Fatal(err)
	}
	start(t, disk.Config{Dir: dir})
}

// Proves: E15
func TestConfigReportsAllFaults(t *testing.T) {
	_, err := disk.Open(disk.Config{SyncEvery: -1, PendingBytes: -1})
	if got := len(e911.FaultsOf(err)); got != 4 {
		t.Errorf("%d faults, want 4: %v", got, err)
	}
}

// Proves: D-03
func TestTheLogHoldsNoFact(t *testing.T) {
	var log bytes.Buffer
	dir := t.TempDir()
	j := start(t, disk.Config{Dir: dir})
	for range 3 {
		j.Record(journal.New(journal.CallArrived, noon, "org", "c", journal.Arrived{From: "+16175550111"}))
	}
	if err := j.stop(); err != nil {
		t.Fatal(err)
	}
	name := segments(t, dir)[0]
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	b[80] ^= 0xFF
	if err := os.WriteFile(name, b[:len(b)-1], 0o600); err != nil {
		t.Fatal(err)
	}
	all(t, disk.Config{Dir: dir, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if strings.Contains(log.String(), "6175550111") || log.Len() == 0 {
		t.Errorf("log: %s", log.String())
	}
}

// BenchmarkRecord records facts of an ordinary size from two goroutines, as
// the call path does, and waits for the last to be synced.
func BenchmarkRecord(b *testing.B) {
	j := start(b, disk.Config{Dir: b.TempDir()})
	f := numbered(1)
	f.Body = json.RawMessage(fmt.Sprintf(`{"pidf_lo":%q}`, strings.Repeat("x", 1000)))
	b.ReportAllocs()
	var last journal.Receipt
	for b.Loop() {
		last = j.Record(f)
		if last.Seq%1000 == 0 {
			<-last.Synced
		}
	}
	await(b, last.Synced, "Synced")
	if err := last.Err(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkWritten is what the leg waits for (E5), one fact at a time.
func BenchmarkWritten(b *testing.B) {
	j := start(b, disk.Config{Dir: b.TempDir()})
	for b.Loop() {
		<-j.Record(numbered(1)).Written
	}
}

// BenchmarkSynced is one fact at a time down to the disk.
func BenchmarkSynced(b *testing.B) {
	j := start(b, disk.Config{Dir: b.TempDir(), SyncEvery: time.Microsecond})
	for b.Loop() {
		<-j.Record(numbered(1)).Synced
	}
}

func seeded(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 911)) }
