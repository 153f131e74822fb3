package sqlite_test

import (
	"bufio"
	"database/sql"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	driver "modernc.org/sqlite"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/store/sqlite"
	"github.com/callbox911/callbox/internal/store/storetest"
	"github.com/callbox911/callbox/internal/store/storetest/faultdriver"
)

// An EIO at any point leaves nothing half done, comes out as Unavailable
// without the driver's types, and is over when the disk is.
// Proves: F-38, E15, E3
func TestADiskThatFails(t *testing.T) {
	disk := &faultdriver.Disk{}
	st, err := sqlite.New(t.Context(), sqlite.Config{
		Path: filepath.Join(t.TempDir(), "callbox.db"), Ring: storetest.Ring(t), Now: now, Wrap: disk.Wrap,
	})
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	defer st.Close()
	storetest.RunFaults(t, st, disk)
}

// Proves: D-10
func TestTheDriversErrorsStayInside(t *testing.T) {
	st := open(t, filepath.Join(t.TempDir(), "callbox.db"))
	o, err := createOrg(t.Context(), st, "harbor")
	if err != nil {
		t.Fatal(err)
	}
	site := e911.Site{ID: e911.NewID[e911.SiteID](), Org: o.ID, Key: "hq"}
	for name, do := range map[string]func(w admin.Writer) error{
		"taken":   func(w admin.Writer) error { _, err := w.Create(t.Context(), o); return err },
		"absent":  func(w admin.Writer) error { _, err := w.Get(t.Context(), admin.RefOf(site)); return err },
		"foreign": func(w admin.Writer) error { site.Org = "nobody"; _, err := w.Create(t.Context(), site); return err },
	} {
		err := st.Write(t.Context(), "test", do)
		if err == nil || errors.Is(err, sql.ErrNoRows) {
			t.Errorf("%s: error = %v", name, err)
		}
		if _, ok := errors.AsType[*driver.Error](err); ok {
			t.Errorf("%s: an error of the driver left the store: %v", name, err)
		}
	}
}

// Another process that holds the database delays writes, up to the limit, and
// no read.
// Proves: F-38, E3
func TestAnotherProcessHoldsTheDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "callbox.db")
	st, err := sqlite.New(t.Context(), sqlite.Config{Path: path, Ring: storetest.Ring(t), Now: now, Busy: 50 * time.Millisecond})
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	defer st.Close()
	if _, err := createOrg(t.Context(), st, "before"); err != nil {
		t.Fatal(err)
	}
	release := runHelper(t, "hold", path)
	_, err = createOrg(t.Context(), st, "during")
	if e911.KindOf(err) != e911.Unavailable || err == nil {
		t.Errorf("a write meanwhile: %v, want kind unavailable", err)
	}
	if n := orgs(t, st); n != 1 {
		t.Errorf("a read meanwhile finds %d organisations, want 1", n)
	}
	if b, err := st.Since(t.Context(), 0, nil); err != nil || len(b.Rows) != 1 {
		t.Errorf("the publisher meanwhile reads %d rows, %v", len(b.Rows), err)
	}
	release()
	if _, err := createOrg(t.Context(), st, "after"); err != nil {
		t.Errorf("a write afterwards: %v", err)
	}
}

// A full disk and a disk that went read-only, on a real file system of its own.
// Proves: F-38
func TestAFullDisk(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root may mount a small file system in a name space of its own")
	}
	release := runHelper(t, "full", t.TempDir())
	release()
}

// TestHelper is the other process of the tests above; by itself it does nothing.
func TestHelper(t *testing.T) {
	switch os.Getenv("CALLBOX_STORE_HELPER") {
	case "hold":
		db, err := sql.Open("sqlite", os.Getenv("CALLBOX_STORE_PATH"))
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		db.SetMaxOpenConns(1)
		if _, err := db.ExecContext(t.Context(), "BEGIN EXCLUSIVE"); err != nil {
			t.Fatal(err)
		}
		ready()
		_, _ = io.Copy(io.Discard, os.Stdin) // until the other test lets go
		if _, err := db.ExecContext(t.Context(), "ROLLBACK"); err != nil {
			t.Fatal(err)
		}
	case "full":
		onSmallDisk(t, os.Getenv("CALLBOX_STORE_PATH"))
		ready()
	}
}

const readyLine = "helper is ready"

func ready() { _, _ = os.Stdout.WriteString(readyLine + "\n") }

// runHelper runs TestHelper in another process, with mounts of its own, and
// returns when it is ready; release lets it end and waits for that.
func runHelper(t *testing.T, what, path string) (release func()) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestHelper$", "-test.v", "-test.count=1")
	cmd.Env = append(os.Environ(), "CALLBOX_STORE_HELPER="+what, "CALLBOX_STORE_PATH="+path)
	if what == "full" {
		cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); errors.Is(err, syscall.EPERM) {
		t.Skip("no mount name space may be made here")
	} else if err != nil {
		t.Fatal(err)
	}
	text := ""
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if lines.Text() == readyLine {
			return func() {
				stdin.Close()
				rest, _ := io.ReadAll(stdout)
				if err := cmd.Wait(); err != nil {
					t.Errorf("the other process: %v\n%s", err, rest)
				}
			}
		}
		text += lines.Text() + "\n"
	}
	err = cmd.Wait()
	t.Fatalf("the other process ended: %v\n%s", err, text)
	return nil
}

func onSmallDisk(t *testing.T, dir string) {
	if err := syscall.Mount("none", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		t.Skipf("mounts cannot be kept apart here: %v", err)
	}
	if err := syscall.Mount("callbox", dir, "tmpfs", 0, "size=2m,mode=700"); err != nil {
		t.Skipf("no file system may be mounted here: %v", err)
	}
	defer syscall.Unmount(dir, syscall.MNT_DETACH)
	st := open(t, filepath.Join(dir, "callbox.db"))
	if _, err := createOrg(t.Context(), st, "before"); err != nil {
		t.Fatal(err)
	}
	filler, err := os.Create(filepath.Join(dir, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = filler.Write(make([]byte, 4096))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("fill the disk: %v", err)
	}
	// The log may have some room left in pages that it owns already.
	failed := false
	written := 1
	for i := range 200 {
		if _, err := createOrg(t.Context(), st, "full-"+string(rune('a'+i%26))+string(rune('a'+i/26))); err != nil {
			if e911.KindOf(err) != e911.Unavailable {
				t.Errorf("a write on the full disk: %v, want kind unavailable", err)
			}
			failed = true
			break
		}
		written++
	}
	if !failed {
		t.Error("the full disk took every write")
	}
	if n := orgs(t, st); n != written {
		t.Errorf("on the full disk there are %d organisations, want %d", n, written)
	}
	contentOnSmallDisk(t, st, filler)
	if _, err := createOrg(t.Context(), st, "after"); err != nil {
		t.Errorf("a write when there is room again: %v", err)
	}
	if n := orgs(t, st); n != written+1 {
		t.Errorf("afterwards there are %d organisations, want %d", n, written+1)
	}
}
