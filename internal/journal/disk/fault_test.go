package disk_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/journal/disk"
	"github.com/callbox911/callbox/internal/journal/disk/diskfault"
)

// Proves: E5, F-38
func TestAFullDiskKeepsFactsInMemoryAndGoesOnInOrder(t *testing.T) {
	for _, room := range []int64{-1, 0, 1, 150, 1000} {
		t.Run(fmt.Sprintf("with %d bytes left", room), func(t *testing.T) {
			dir, al := t.TempDir(), newAlarms()
			fs := diskfault.New(disk.OS())
			j := start(t, disk.Config{Dir: dir, FS: fs, Alarm: al.add})
			await(t, j.Record(numbered(1)).Synced, "Synced")

			fs.FailAfter(diskfault.Write, syscall.ENOSPC, room)
			overdue := j.Overdue(t.Context())
			var last journal.Receipt
			for i := range 20 {
				last = j.Record(numbered(i + 2))
			}
			al.await(t, disk.AlarmFailing)
			if err := last.Err(); !errors.Is(err, disk.ErrKept) || !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("Err = %v, want ErrKept and no space left", err)
			}
			select {
			case <-last.Written:
				t.Error("Written on a full disk")
			default:
			}
			late := take(t, overdue, 1)[0]
			if late.Seq < 2 {
				t.Errorf("overdue fact %d", late.Seq)
			}

			fs.Fail(diskfault.Write, nil)
			await(t, last.Synced, "Synced after there was room again")
			if err := last.Err(); err != nil {
				t.Errorf("Err = %v", err)
			}
			al.await(t, disk.AlarmRecovered)
			inOrder(t, take(t, j.Subscribe(t.Context(), 1), 21), 1)
			if err := j.stop(); err != nil {
				t.Fatal(err)
			}
			again := newAlarms()
			facts := all(t, disk.Config{Dir: dir, Alarm: again.add})
			inOrder(t, facts, 1)
			if len(facts) != 21 {
				t.Errorf("%d facts on the disk, want 21", len(facts))
			}
			if again.count(disk.AlarmCorrupt) != 0 {
				t.Errorf("the failed writes left damage behind: %v", again)
			}
			if n := al.count(disk.AlarmFailing); n != 1 {
				t.Errorf("%d alarms for one failure", n)
			}
		})
	}
}

// Proves: E1, E5, F-38
func TestAFullDiskAtTheStartKeepsNothingFromStarting(t *testing.T) {
	dir, al := t.TempDir(), newAlarms()
	fs := diskfault.New(disk.OS())
	fs.Fail(diskfault.Create, syscall.ENOSPC)
	fs.Fail(diskfault.SyncDir, syscall.EIO)
	j := start(t, disk.Config{Dir: dir, FS: fs, Alarm: al.add})
	r := j.Record(numbered(1))
	al.await(t, disk.AlarmFailing)
	fs.Fail(diskfault.Create, nil)
	fs.Fail(diskfault.SyncDir, nil)
	await(t, r.Synced, "Synced")
	if r.Err() != nil {
		t.Error(r.Err())
	}
}

// Proves: E5, F-38
func TestAfterAFailedFsyncEverythingSinceTheLastGoodOneIsWrittenAgain(t *testing.T) {
	dir, al := t.TempDir(), newAlarms()
	fs := diskfault.New(disk.OS())
	j := start(t, disk.Config{Dir: dir, FS: fs, Alarm: al.add, SegmentBytes: 1500})
	feed := j.Subscribe(t.Context(), 1)
	n := 0
	for range 4 {
		for range 7 {
			n++
			await(t, j.Record(numbered(n)).Synced, "Synced")
		}
		fs.Fail(diskfault.Sync, syscall.EIO)
		var last journal.Receipt
		for range 30 {
			n++
			last = j.Record(numbered(n))
		}
		await(t, last.Written, "Written")
		select {
		case <-last.Synced:
			t.Fatal("Synced by a disk that cannot")
		default:
		}
		tried, more := fs.Tried(diskfault.Create)
		for now := tried; now < tried+2; now, more = fs.Tried(diskfault.Create) {
			await(t, more, "another try")
		}
		fs.Fail(diskfault.Sync, nil)
		await(t, last.Synced, "Synced")
		if last.Err() != nil {
			t.Fatal(last.Err())
		}
	}
	inOrder(t, take(t, feed, n), 1)
	inOrder(t, take(t, j.Subscribe(t.Context(), 1), n), 1)
	if err := j.stop(); err != nil {
		t.Fatal(err)
	}
	rewrites := 0
	for _, name := range segments(t, dir) {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		rewrites += int(b[24]) // the flags of the header
	}
	if rewrites == 0 {
		t.Error("no segment says that it repeats another: a later Open would trust it to be whole")
	}
	facts := all(t, disk.Config{Dir: dir})
	inOrder(t, facts, 1)
	if len(facts) != n {
		t.Errorf("%d facts on the disk, want %d", len(facts), n)
	}
}

// Proves: E5, F-38
func TestASegmentThatIsBegunWhileAnFsyncFailsIsNotUsed(t *testing.T) {
	dir := t.TempDir()
	fs := diskfault.New(disk.OS())
	al := newAlarms()
	j := start(t, disk.Config{Dir: dir, FS: fs, Alarm: al.add, SegmentBytes: 100}) // each fact fills one
	await(t, j.Record(numbered(1)).Synced, "Synced")
	releaseSync := fs.Hang(diskfault.Sync)
	defer releaseSync()
	await(t, j.Record(numbered(2)).Written, "Written")
	tried, _ := fs.Tried(diskfault.Create)
	releaseCreate := fs.Hang(diskfault.Create)
	defer releaseCreate()
	last := j.Record(numbered(3)) // wants the next segment
	for n, more := fs.Tried(diskfault.Create); n == tried; n, more = fs.Tried(diskfault.Create) {
		await(t, more, "the next segment")
	}
	fs.Fail(diskfault.Sync, syscall.EIO)
	releaseSync()
	al.await(t, disk.AlarmFailing)
	fs.Fail(diskfault.Sync, nil)
	releaseCreate()
	await(t, last.Synced, "Synced")
	if err := j.stop(); err != nil {
		t.Fatal(err)
	}
	facts := all(t, disk.Config{Dir: dir})
	inOrder(t, facts, 1)
	if len(facts) != int(last.Seq) {
		t.Errorf("%d facts, want %d", len(facts), last.Seq)
	}
}

// Proves: E5, F-38
func TestAWriteThatEndsAfterItsSegmentWasGivenUpDoesNotCount(t *testing.T) {
	mem, al := newMemFS(), newAlarms()
	fs := diskfault.New(mem)
	j := start(t, disk.Config{Dir: "/journal", FS: fs, Alarm: al.add})
	await(t, j.Record(numbered(1)).Synced, "Synced")
	releaseSync := fs.Hang(diskfault.Sync)
	defer releaseSync()
	await(t, j.Record(numbered(2)).Written, "Written")
	tried, _ := fs.Tried(diskfault.Write)
	releaseWrite := fs.Hang(diskfault.Write)
	defer releaseWrite()
	last := j.Record(numbered(3))
	for n, more := fs.Tried(diskfault.Write); n == tried; n, more = fs.Tried(diskfault.Write) {
		await(t, more, "the write")
	}
	fs.Fail(diskfault.Sync, syscall.EIO)
	releaseSync()
	al.await(t, disk.AlarmFailing)
	fs.Fail(diskfault.Sync, nil)
	releaseWrite()
	await(t, last.Synced, "Synced")
	for seed := range uint64(40) { // the power fails now
		facts := all(t, disk.Config{Dir: "/journal", FS: mem.crash(true, seeded(seed))})
		inOrder(t, facts, 1)
		if len(facts) != 3 {
			t.Fatalf("%d facts, want 3", len(facts))
		}
	}
}

// Proves: E4, E5, F-38
func TestAHangingDiskStopsNobody(t *testing.T) {
	for _, op := range []diskfault.Op{diskfault.Sync, diskfault.Write} {
		t.Run(string(op), func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				al := newAlarms()
				fs := diskfault.New(disk.OS())
				j, err := disk.Open(disk.Config{Dir: dir, Node: "node-1", FS: fs, Alarm: al.add})
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(context.Background())
				done := make(chan error, 1)
				go func() { done <- j.Run(ctx) }()
				await(t, j.Record(numbered(1)).Synced, "Synced")

				release := fs.Hang(op)
				overdue := j.Overdue(ctx)
				began := time.Now()
				r := j.Record(numbered(2))
				late := take(t, overdue, 1)[0]
				if got := time.Since(began); got < 100*time.Millisecond || got > 130*time.Millisecond {
					t.Errorf("overdue after %v, want 100 ms", got)
				}
				if late.Seq != 2 || numberOf(t, late) != 2 {
					t.Errorf("overdue fact %d", late.Seq)
				}
				if al.count(disk.AlarmStalled) != 0 {
					t.Error("a slow fsync is no alarm")
				}
				// Facts go on being taken for 30 s and are passed on at once.
				for i := range 30 {
					before := time.Now()
					j.Record(numbered(3 + i))
					take(t, overdue, 1)
					if waited := time.Since(before); waited > 25*time.Millisecond {
						t.Errorf("second %d: passed on after %v", i, waited)
					}
					<-time.After(time.Second)
				}
				if al.count(disk.AlarmStalled) != 1 || !errors.Is(r.Err(), disk.ErrKept) {
					t.Errorf("stalled alarms = %d, Err = %v", al.count(disk.AlarmStalled), r.Err())
				}
				select {
				case <-r.Synced:
					t.Error("Synced by a disk that hangs")
				default:
				}
				release()
				<-r.Synced
				if r.Err() != nil {
					t.Errorf("Err = %v", r.Err())
				}
				al.await(t, disk.AlarmRecovered)
				inOrder(t, take(t, j.Subscribe(ctx, 1), 32), 1)
				cancel()
				if err := <-done; err != nil {
					t.Errorf("Run: %v", err)
				}
			})
		})
	}
}

// Proves: E5, F-29
func TestTheFsyncFollowsTheWriteWithinFiveMilliseconds(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		fs := diskfault.New(disk.OS())
		j, err := disk.Open(disk.Config{Dir: dir, Node: "node-1", FS: fs})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- j.Run(ctx) }()
		began := time.Now()
		<-j.Record(numbered(1)).Synced
		if waited := time.Since(began); waited != 0 {
			t.Errorf("a fact alone waited %v for its fsync", waited)
		}
		before, _ := fs.Tried(diskfault.Sync)
		var wg sync.WaitGroup
		for i := range 1000 { // 20 ms of 50 calls a millisecond
			r := j.Record(numbered(i + 2))
			at := time.Now()
			wg.Go(func() {
				<-r.Synced
				if waited := time.Since(at); waited > 5*time.Millisecond {
					t.Errorf("fact %d waited %v", r.Seq, waited)
				}
			})
			if i%50 == 49 {
				<-time.After(time.Millisecond)
			}
		}
		wg.Wait()
		if after, _ := fs.Tried(diskfault.Sync); after-before > 8 {
			t.Errorf("%d fsyncs in 20 ms, want one each 4 ms", after-before)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// Proves: E5
func TestTheMemoryBoundRefusesWithoutSpendingNumbers(t *testing.T) {
	dir, al := t.TempDir(), newAlarms()
	fs := diskfault.New(disk.OS())
	j := start(t, disk.Config{Dir: dir, FS: fs, Alarm: al.add, PendingBytes: 10 << 10})
	release := fs.Hang(diskfault.Write)
	defer release()
	overdue := j.Overdue(t.Context())
	var kept []journal.Receipt
	refused := 0
	for i := range 100 {
		r := j.Record(numbered(i + 1))
		if r.Seq == 0 {
			await(t, r.Written, "Written of a refused fact")
			await(t, r.Synced, "Synced of a refused fact")
			if !errors.Is(r.Err(), disk.ErrFull) {
				t.Fatalf("Err = %v, want ErrFull", r.Err())
			}
			refused++
			continue
		}
		kept = append(kept, r)
	}
	al.await(t, disk.AlarmFull)
	if refused == 0 || len(kept) < 5 || al.count(disk.AlarmFull) != 1 || !j.Stat().RefusedSince {
		t.Errorf("%d refused, %d kept, %d alarms", refused, len(kept), al.count(disk.AlarmFull))
	}
	// People are told of the refused ones, too.
	if got := len(take(t, overdue, 100)); got != 100 {
		t.Errorf("%d overdue", got)
	}
	release()
	await(t, kept[len(kept)-1].Synced, "Synced")
	al.await(t, disk.AlarmRecovered)
	inOrder(t, take(t, j.Subscribe(t.Context(), 1), len(kept)), 1)
	if got, want := j.Record(numbered(len(kept)+1)).Seq, uint64(len(kept)+1); got != want {
		t.Errorf("next number = %d, want %d", got, want)
	}
}

// Proves: E5
func TestAStopDoesNotWaitForEverForAHangingDisk(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		fs := diskfault.New(disk.OS())
		j, err := disk.Open(disk.Config{Dir: dir, Node: "node-1", FS: fs})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- j.Run(ctx) }()
		release := fs.Hang(diskfault.Sync)
		r := j.Record(numbered(1))
		<-r.Written
		began := time.Now()
		cancel()
		if err := <-done; err == nil || !errors.Is(err, disk.ErrClosed) {
			t.Errorf("Run = %v, want an error that counts the facts", err)
		}
		if got := time.Since(began); got != 5*time.Second {
			t.Errorf("stopped after %v, want 5 s", got)
		}
		<-r.Synced
		if !errors.Is(r.Err(), disk.ErrClosed) {
			t.Errorf("Err = %v", r.Err())
		}
		release() // lets the goroutine end, as the end of the process would
		synctest.Wait()
	})
}

// Proves: E5, F-38
func TestASegmentThatCannotBeReadNeverRepeatsANumber(t *testing.T) {
	dir, al := t.TempDir(), newAlarms()
	j := start(t, disk.Config{Dir: dir, SegmentBytes: 1000})
	for i := range 20 {
		await(t, j.Record(numbered(i+1)).Written, "Written")
	}
	if err := j.stop(); err != nil {
		t.Fatal(err)
	}
	fs := diskfault.New(disk.OS())
	fs.Fail(diskfault.Read, syscall.EIO)
	again := start(t, disk.Config{Dir: dir, FS: fs, Alarm: al.add})
	al.await(t, disk.AlarmUnreadable)
	r := again.Record(numbered(21))
	if r.Seq <= 20 {
		t.Fatalf("number %d was given before", r.Seq)
	}
	await(t, r.Synced, "Synced")
	// A reader gives up on the old facts and goes on with the new one.
	got := take(t, again.Subscribe(t.Context(), r.Seq-1), 1)[0]
	if got.Seq != r.Seq {
		t.Errorf("read fact %d, want %d", got.Seq, r.Seq)
	}
}

// onFullDisk is the child of TestARealFullDisk: it mounts a tmpfs of 1 MiB and
// fills it under a running journal.
func onFullDisk(dir string) int {
	if err := syscall.Mount("none", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		fmt.Println("skip: make mounts private:", err)
		return 0
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		fmt.Println("skip: mount a tmpfs:", err)
		return 0
	}
	fail := func(format string, args ...any) int { fmt.Printf("FAIL "+format+"\n", args...); return 1 }
	al := newAlarms()
	j, err := disk.Open(disk.Config{Dir: filepath.Join(dir, "journal"), Node: "node-1", Alarm: al.add})
	if err != nil {
		return fail("open: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- j.Run(ctx) }()
	<-j.Record(numbered(1)).Synced
	filler, err := os.Create(filepath.Join(dir, "filler"))
	if err != nil {
		return fail("filler: %v", err)
	}
	for err == nil {
		_, err = filler.Write(make([]byte, 4096))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		return fail("fill: %v", err)
	}
	var last journal.Receipt
	n := 1
	for last.Err == nil || last.Err() == nil { // the page that is begun still has room
		n++
		last = j.Record(numbered(n))
		select {
		case <-last.Written:
		case <-time.After(200 * time.Millisecond):
		}
	}
	if !errors.Is(last.Err(), disk.ErrKept) || !errors.Is(last.Err(), syscall.ENOSPC) {
		return fail("Err = %v", last.Err())
	}
	for range 3000 { // more than the page, less than the disk
		n++
		last = j.Record(numbered(n))
	}
	// Read-only on top of full: then everything is mended.
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, "size=1m"); err == nil {
		return fail("remounted read-only under open files")
	}
	if err := os.Remove(filler.Name()); err != nil {
		return fail("remove filler: %v", err)
	}
	_ = filler.Close()
	select {
	case <-last.Synced:
	case <-time.After(20 * time.Second):
		return fail("not synced after the disk had room again: %v", last.Err())
	}
	cancel()
	if err := <-done; err != nil {
		return fail("run: %v", err)
	}
	again, err := disk.Open(disk.Config{Dir: filepath.Join(dir, "journal"), Node: "node-1"})
	if err != nil {
		return fail("open again: %v", err)
	}
	if got := again.Stat().Synced; got != uint64(n) {
		return fail("%d facts, want %d", got, n)
	}
	ctx, cancel = context.WithCancel(context.Background())
	defer cancel()
	want := uint64(1)
	for f := range again.Subscribe(ctx, 1) {
		if f.Seq != want {
			return fail("fact %d, want %d", f.Seq, want)
		}
		if want++; want > uint64(n) {
			break
		}
	}
	fmt.Printf("ok: %d facts, %d alarms\n", n, len(al.all))
	return 0
}

// Proves: E5, F-38
func TestARealFullDisk(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"=full:"+t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	out, err := cmd.CombinedOutput()
	text := strings.TrimSpace(string(out))
	switch {
	case strings.Contains(text, "skip: "):
		t.Skip("needs an own mount namespace with a tmpfs: " + text)
	case err != nil && len(out) == 0:
		t.Skipf("needs user and mount namespaces: %v", err)
	case err != nil || !strings.Contains(text, "ok: "):
		t.Fatalf("%v: %s", err, text)
	}
	t.Log(text)
}
