package disk_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/journal/disk"
)

// written returns a segment of n facts, and the offset at which each ends.
func written(t *testing.T, n int) (segment []byte, ends []int) {
	t.Helper()
	fs := newMemFS()
	j := start(t, disk.Config{Dir: "/journal", FS: fs})
	for i := range n {
		await(t, j.Record(numbered(i+1)).Written, "Written")
		ends = append(ends, len(fs.only(t)))
	}
	if err := j.stop(); err != nil {
		t.Fatal(err)
	}
	return fs.only(t), ends
}

// Proves: E5, F-29
func TestAKillAtEveryByteLosesOnlyWhatIsTorn(t *testing.T) {
	whole, ends := written(t, 12)
	for cut := range len(whole) + 1 {
		fs := holding(whole[:cut])
		kept := 0
		for kept < len(ends) && ends[kept] <= cut {
			kept++
		}
		got := all(t, disk.Config{Dir: "/journal", FS: fs})
		inOrder(t, got, 1)
		if len(got) != kept {
			t.Fatalf("cut at %d: %d facts read, want %d", cut, len(got), kept)
		}
		if kept > 0 && len(fs.only(t)) != ends[kept-1] {
			t.Fatalf("cut at %d: the torn tail is still there", cut)
		}
		// The journal goes on where the last whole fact was.
		j := start(t, disk.Config{Dir: "/journal", FS: fs})
		r := j.Record(numbered(kept + 1))
		await(t, r.Synced, "Synced")
		if err := j.stop(); err != nil || r.Err() != nil {
			t.Fatal(err, r.Err())
		}
		got = all(t, disk.Config{Dir: "/journal", FS: fs})
		inOrder(t, got, 1)
		if len(got) != kept+1 {
			t.Fatalf("cut at %d, one more recorded: %d facts, want %d", cut, len(got), kept+1)
		}
	}
}

// Proves: E5, F-29
func TestWhatIsReadAfterAKillOutlivesAPowerFailure(t *testing.T) {
	killed := newMemFS()
	j := start(t, disk.Config{Dir: "/journal", FS: killed})
	await(t, j.Record(numbered(1)).Synced, "Synced")
	killed.set(nil, os.ErrDeadlineExceeded)
	for i := range 4 {
		await(t, j.Record(numbered(i+2)).Written, "Written")
	}
	disk1 := killed.crash(false, seeded(1))
	killed.set(nil, nil)
	if got := len(all(t, disk.Config{Dir: "/journal", FS: disk1})); got != 5 {
		t.Fatalf("%d facts after the kill, want 5", got)
	}
	for seed := range uint64(40) {
		facts := all(t, disk.Config{Dir: "/journal", FS: disk1.crash(true, seeded(seed))})
		inOrder(t, facts, 1)
		if len(facts) != 5 {
			t.Fatalf("%d facts after the power failure, want the 5 that a reader was shown", len(facts))
		}
	}
}

// Proves: E5, F-38
func TestADamagedRecordIsReportedAndTheRestIsRead(t *testing.T) {
	whole, ends := written(t, 9)
	for at := ends[3]; at < ends[4]; at++ { // every byte of fact 5
		b := bytes.Clone(whole)
		b[at] ^= 0x40
		fs := holding(b)
		al := newAlarms()
		var got []string
		for _, f := range all(t, disk.Config{Dir: "/journal", FS: fs, Alarm: al.add}) {
			got = append(got, fmt.Sprint(f.Seq))
		}
		if got, want := strings.Join(got, " "), "1 2 3 4 6 7 8 9"; got != want {
			t.Fatalf("byte %d damaged: read %s, want %s", at, got, want)
		}
		if al.count(disk.AlarmCorrupt) == 0 {
			t.Fatalf("byte %d damaged: no alarm", at)
		}
	}
}

// Proves: E5, F-38
func TestDamageInAnOlderSegmentIsFoundWhenItIsRead(t *testing.T) {
	dir := t.TempDir()
	j := start(t, disk.Config{Dir: dir, SegmentBytes: 2 << 10})
	for i := range 60 {
		await(t, j.Record(numbered(i+1)).Written, "Written")
	}
	if err := j.stop(); err != nil {
		t.Fatal(err)
	}
	names := segments(t, dir)
	damage := func(name string, at int) {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		b[at] ^= 1
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	damage(names[1], 3)   // a header
	damage(names[2], 200) // a record
	b, err := os.ReadFile(names[3])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(names[3], b[:len(b)-5], 0o600); err != nil { // the end of a full segment
		t.Fatal(err)
	}
	al := newAlarms()
	got := all(t, disk.Config{Dir: dir, Alarm: al.add})
	missing := map[int]bool{}
	for i := range 60 {
		missing[i+1] = true
	}
	for i, f := range got {
		if i > 0 && f.Seq <= got[i-1].Seq {
			t.Fatalf("fact %d after fact %d", f.Seq, got[i-1].Seq)
		}
		if n := numberOf(t, f); uint64(n) != f.Seq {
			t.Fatalf("fact %d is the one recorded as %d", f.Seq, n)
		}
		delete(missing, int(f.Seq))
	}
	if len(missing) != 2 {
		t.Errorf("missing facts: %v, want two", slices.Sorted(maps.Keys(missing)))
	}
	if al.count(disk.AlarmCorrupt) < 3 {
		t.Errorf("%d alarms, want one for each damaged place", al.count(disk.AlarmCorrupt))
	}
}

// Proves: E5, F-29, F-38
func TestWhatWasSyncedOutlivesKillsPowerFailuresAndBrokenDisks(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		rng := seeded(rapid.Uint64().Draw(rt, "seed"))
		fs := newMemFS()
		promised := map[uint64]int{} // number of every fact whose Written (kill) or Synced (power) was closed well
		syncedBy := map[uint64]bool{}
		seen := map[uint64]int{} // what a reader was shown
		n := 0
		outage := false
		history := ""
		for range rapid.IntRange(1, 5).Draw(rt, "lives") {
			al := newAlarms()
			j := start(t, disk.Config{Dir: "/journal", FS: fs, Alarm: al.add, SegmentBytes: 4096, SyncEvery: time.Nanosecond})
			ctx, cancel := context.WithCancel(context.Background())
			feed := j.Subscribe(ctx, 1)
			old := j.Stat().Synced
			reading, caughtUp := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(reading)
				for f := range feed {
					if was, ok := seen[f.Seq]; ok && was != numberOf(t, f) {
						t.Errorf("number %d was given to fact %d and to fact %d", f.Seq, was, numberOf(t, f))
					}
					seen[f.Seq] = numberOf(t, f)
					if f.Seq == old {
						close(caughtUp)
					}
				}
			}()
			if old > 0 {
				await(t, caughtUp, "reading what the life before left")
			}
			type open struct {
				journal.Receipt
				n int
			}
			var receipts []open
			for range rapid.IntRange(1, 12).Draw(rt, "steps") {
				switch rapid.IntRange(0, 7).Draw(rt, "step") {
				case 0:
					fs.set(os.ErrDeadlineExceeded, nil)
				case 1:
					fs.set(nil, os.ErrDeadlineExceeded)
				case 2:
					fs.set(os.ErrDeadlineExceeded, os.ErrDeadlineExceeded)
				case 3:
					fs.set(nil, nil)
					if len(receipts) > 0 {
						await(t, receipts[len(receipts)-1].Synced, "Synced on a healthy disk")
					}
				default:
					for range rapid.IntRange(1, 30).Draw(rt, "facts") {
						n++
						receipts = append(receipts, open{j.Record(numbered(n)), n})
					}
				}
			}
			power := rapid.Bool().Draw(rt, "power failure")
			outage = outage || power
			// What was shown and promised counts up to the moment before.
			cancel()
			<-reading
			for _, r := range receipts {
				select {
				case <-r.Synced:
					promised[r.Seq], syncedBy[r.Seq] = r.n, true
				default:
					select {
					case <-r.Written:
						if !power {
							promised[r.Seq] = r.n
						}
					default:
					}
				}
			}
			history += fmt.Sprintf("before a crash, power failure %v:\n%v", power, fs)
			next := fs.crash(power, rng)
			history += fmt.Sprintf("alarms: %v\n", al)
			history += fmt.Sprintf("after it:\n%v", next)
			fs.set(nil, nil)
			_ = j.stop()
			fs = next
		}
		got := map[uint64]int{}
		for _, f := range all(t, disk.Config{Dir: "/journal", FS: fs}) {
			got[f.Seq] = numberOf(t, f)
		}
		for seq, want := range promised {
			if got[seq] != want {
				rt.Fatalf("fact %d was promised under number %d (synced: %v), read: %d\n%s", want, seq, syncedBy[seq], got[seq], history)
			}
		}
		for seq, want := range seen {
			if got[seq] != want {
				rt.Fatalf("a reader saw fact %d under number %d, now it reads %d\n%s", want, seq, got[seq], history)
			}
		}
		for seq, fact := range got {
			if fact > n {
				rt.Fatalf("number %d: read %d, %d facts were recorded", seq, fact, n)
			}
			if !outage && got[seq-1] == 0 && seq > 1 {
				rt.Fatalf("number %d is missing, and no power failed", seq-1)
			}
		}
	})
}

const childEnv = "CALLBOX_JOURNAL_CHILD"

// TestMain lets the test binary be the process that is killed.
func TestMain(m *testing.M) {
	switch role, dir, _ := strings.Cut(os.Getenv(childEnv), ":"); role {
	case "record":
		recordForEver(dir)
	case "full":
		os.Exit(onFullDisk(dir))
	default:
		os.Exit(m.Run())
	}
}

// recordForEver records facts from two goroutines and says on stdout which are
// written and which are synced, until it is killed.
func recordForEver(dir string) {
	j, err := disk.Open(disk.Config{Dir: dir, Node: "node-1", SegmentBytes: 32 << 10})
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	go func() { _ = j.Run(context.Background()) }()
	var mu sync.Mutex
	say := func(what string, seq uint64, n string) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Printf("%s %d %s\n", what, seq, n)
	}
	for w := range 2 {
		go func() {
			for i := 0; ; i++ {
				f := numbered(i)
				name := fmt.Sprintf("%d-%d-%d", os.Getpid(), w, i)
				f.Org = "org"
				f.Body = []byte(fmt.Sprintf(`{"sip_call_id":%q,"pad":%q}`, name, strings.Repeat("x", i*37%900)))
				r := j.Record(f)
				<-r.Written
				say("W", r.Seq, name)
				if i%3 == 0 {
					<-r.Synced
					say("S", r.Seq, name)
				}
			}
		}()
	}
	select {}
}

// Proves: E5, F-29
func TestAKilledProcessLosesNothingThatWasWritten(t *testing.T) {
	kills := 50
	if testing.Short() {
		kills = 5
	}
	dir := t.TempDir()
	rng := seeded(uint64(time.Now().UnixNano()))
	said := map[uint64]string{}
	for k := range kills {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childEnv+"=record:"+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// The kill comes at a random moment after a random number of lines.
		stopAfter := 1 + rng.IntN(120)
		var delay <-chan time.Time
		killed := make(chan struct{})
		lines := make(chan string)
		go func() {
			defer close(lines)
			for sc := bufio.NewScanner(out); sc.Scan(); {
				lines <- sc.Text()
			}
		}()
		kill := func() {
			_ = cmd.Process.Kill()
			close(killed)
			delay = nil
		}
		count := 0
		for open := true; open; {
			select {
			case line, ok := <-lines:
				if !ok {
					open = false
					break
				}
				var what, name string
				var seq uint64
				if _, err := fmt.Sscanf(line, "%s %d %s", &what, &seq, &name); err != nil || what == "error" {
					continue // cut off by the kill, or the line of an error
				}
				if was := said[seq]; was != "" && was != name {
					t.Fatalf("kill %d: number %d was given to %s and to %s", k, seq, was, name)
				}
				said[seq] = name
				if count++; count == stopAfter {
					delay = time.After(time.Duration(rng.IntN(4000)) * time.Microsecond)
				}
			case <-delay:
				kill()
			case <-time.After(30 * time.Second):
				t.Fatal("the child says nothing")
			}
		}
		<-killed
		_ = cmd.Wait()
	}
	got := map[uint64]string{}
	facts := all(t, disk.Config{Dir: dir})
	for i, f := range facts {
		if f.Seq != uint64(i+1) {
			t.Fatalf("fact %d has number %d", i, f.Seq)
		}
		body, err := journal.Decode[journal.Arrived](f)
		if err != nil {
			t.Fatal(err)
		}
		got[f.Seq] = body.SIPCallID
	}
	for seq, want := range said {
		if got[seq] != want {
			t.Errorf("fact %d: read %q, want %q", seq, got[seq], want)
		}
	}
	t.Logf("%d kills, %d facts said to be written or synced, %d read, none missing", kills, len(said), len(facts))
}
