package publish_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/edit"
	"github.com/callbox911/callbox/internal/admin/publish"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/seal"
	"github.com/callbox911/callbox/internal/snapshot"
	"github.com/callbox911/callbox/internal/store/storetest/faultdriver"
)

// Without a file everything is read from SQL once; then changes are applied
// to what calls see, and a base and deltas are written.
// Proves: D-07, E15
func TestPublishAppliesWhatHasChanged(t *testing.T) {
	h := newHouse(t)
	if h.pub.Restore() {
		t.Error("a world came from no file")
	}
	first := h.publish()
	h.agree()
	if len(first.Held) != 0 || h.file.bases != 1 || h.file.deltas != 0 {
		t.Errorf("first publish: %+v, %d bases and %d deltas", first, h.file.bases, h.file.deltas)
	}
	before := h.holder.Load()
	hq := h.site("hq")
	hq.Name = "The mill"
	h.update(hq)
	res := h.publish()
	if res.Applied != 1 || res.Version != before.Version+1 || h.file.deltas != 1 {
		t.Errorf("second publish: %+v and %d deltas, want one change in one delta", res, h.file.deltas)
	}
	if h.site("hq").Name != "The mill" {
		t.Error("calls do not see the change")
	}
	if old := before; old.Version == h.holder.Load().Version || old.Org(hq.Org) == nil {
		t.Error("the world that a call holds was changed under it")
	}
	if again := h.publish(); again.Applied != 0 || again.Version != res.Version || h.file.deltas != 1 {
		t.Errorf("nothing changed, and publish did %+v", again)
	}
	for i := range snapshot.MaxDeltas + 1 {
		hq.Name = fmt.Sprint("The mill ", i)
		h.update(hq)
		h.publish()
	}
	if h.file.bases != 2 {
		t.Errorf("%d bases after %d deltas, want a second one", h.file.bases, snapshot.MaxDeltas)
	}
	h.agree()
	h.wantAlarms()
}

// A commit wakes the publisher: nobody waits for a clock (the poll of these
// tests is an hour).
// Proves: D-07
func TestACommitIsPublishedAtOnce(t *testing.T) {
	h := newHouse(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- h.pub.Run(ctx, h.store) }()
	<-h.file.wrote // the start
	site := h.site("hq")
	site.Name = "Changed"
	h.update(site)
	<-h.file.wrote
	if h.site("hq").Name != "Changed" {
		t.Error("calls do not see the change")
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("run: %v", err)
	}
}

// An object that slipped past the checks keeps its last good form, the rest
// goes on, and people are told, again after a minute.
// Proves: F-31, E15
func TestOneBadObjectFreezesNobody(t *testing.T) {
	h := newHouse(t)
	h.publish()
	var mill e911.Building
	for b := range h.org().Buildings() {
		if b.Key == "mill-1" {
			mill = b
		}
	}
	good := *mill.Point
	bad, renamed := mill, h.site("boston")
	bad.Point, bad.Name = &e911.Point{Lat: 400, Lon: 10}, "Nowhere"
	renamed.Name = "Boston harbour"
	h.update(bad)
	h.update(renamed)
	res := h.publish()
	if len(res.Held) != 1 || res.Held[0].Ref != admin.RefOf(mill) || res.Held[0].Why == "" || res.Applied != 1 {
		t.Errorf("publish: %+v, want the building held back alone", res)
	}
	if b, _ := h.org().Building(mill.ID); b.Name != "Mill 1" || *b.Point != good {
		t.Errorf("the building is %+v, want its last good form", b)
	}
	if h.site("boston").Name != "Boston harbour" {
		t.Error("the good change was held back too")
	}
	h.wantAlarms(publish.AlarmHeld)
	h.publish()
	h.wantAlarms()
	h.pass(61 * time.Second)
	h.publish()
	h.wantAlarms(publish.AlarmBehind)

	// A restart does not forget it.
	h.start()
	if !h.pub.Restore() {
		t.Fatal("nothing was restored")
	}
	renamed.Name = "Boston"
	h.update(renamed)
	if res := h.publish(); len(res.Held) != 1 {
		t.Errorf("after a restart: %+v, want the building still held back", res)
	}
	h.wantAlarms(publish.AlarmHeld)
	h.update(mill)
	if res := h.publish(); len(res.Held) != 0 || res.Applied != 1 {
		t.Errorf("after it was mended: %+v", res)
	}
	h.agree()
	h.wantAlarms()
}

// A row whose secret cannot be opened stays as calls know it.
// Proves: F-31, D-09
func TestAnUnreadableRow(t *testing.T) {
	h := newHouse(t)
	h.publish()
	org := h.org().Config()
	h.store.Close()
	ring, err := seal.NewRing(seal.Key{ID: "m1", Secret: seal.NewSecret()})
	if err != nil {
		t.Fatal(err)
	}
	h.ring = ring // the master key was lost
	h.open("callbox.db")
	site := h.site("hq")
	site.Name = "Changed"
	h.update(site)
	h.write(func(w admin.Writer) error { // touches the row and cannot read it
		a := e911.Alert{}
		for v := range h.org().AllAlerts() {
			a = v
		}
		a.Mail = []string{"new@harbor.example"}
		_, err := w.Update(t.Context(), a, 1)
		return err
	})
	if err := os.Remove(filepath.Join(h.dir, "snapshot", "published.json")); err != nil { // so that everything is read
		t.Fatal(err)
	}
	h.start()
	h.pub.Restore()
	res := h.publish()
	var kinds []string
	for _, x := range res.Held {
		kinds = append(kinds, string(x.Ref.Kind))
	}
	if want := []string{"token_key", "organisation", "alert"}; !slices.Equal(kinds, want) {
		t.Fatalf("held = %+v, want what cannot be opened: %v", res.Held, want)
	}
	if got := h.org().Config(); !admin.Same(got, org) {
		t.Error("the organisation lost its last good form")
	}
	if h.site("hq").Name != "Changed" {
		t.Error("the rest did not go on")
	}
	h.wantAlarms(publish.AlarmHeld)
}

// With the database failing, calls keep the last good world, and it is said
// after a minute; when it is back, so are the changes.
// Proves: F-38, E3, E15
func TestADatabaseThatFails(t *testing.T) {
	for _, op := range []faultdriver.Op{faultdriver.Query, faultdriver.Begin} {
		t.Run(string(op), func(t *testing.T) {
			h := newHouse(t)
			h.publish()
			before := h.holder.Load()
			site := h.site("hq")
			site.Name = "Changed"
			h.update(site)
			h.disk.Fail(syscall.EIO, op)
			for range 3 {
				if _, err := h.pub.Publish(t.Context(), h.store); e911.KindOf(err) != e911.Unavailable || err == nil {
					t.Errorf("error = %v, want kind unavailable", err)
				}
				h.pass(25 * time.Second)
			}
			if h.holder.Load() != before {
				t.Error("calls see another world while the database fails")
			}
			h.wantAlarms()
			h.pass(time.Minute)
			if _, err := h.pub.Publish(t.Context(), h.store); err == nil {
				t.Error("the failing database answered")
			}
			h.wantAlarms(publish.AlarmDatabase)
			h.disk.Heal()
			if res := h.publish(); res.Applied != 1 {
				t.Errorf("after it was healed: %+v, want the change", res)
			}
			h.agree()
		})
	}
}

// A started server takes calls from the file with no database, and catches up
// when there is one.
// Proves: D-07, E3
func TestStartWithoutADatabase(t *testing.T) {
	h := newHouse(t)
	h.publish()
	site := h.site("hq")
	h.start()
	if !h.pub.Restore() {
		t.Fatal("nothing was restored")
	}
	if got := h.site("hq"); !admin.Same(got, site) {
		t.Errorf("site = %+v, want %+v", got, site)
	}
	if _, ok := h.holder.Load().Relay(); !ok {
		t.Error("the restored world has no relay centre")
	}
	version := h.holder.Load().Version
	if res := h.publish(); res.Applied != 0 || res.Version != version {
		t.Errorf("nothing had changed meanwhile: %+v", res)
	}
	site.Name = "Changed while the server was down"
	h.update(site)
	h.start()
	h.pub.Restore()
	if res := h.publish(); res.Applied != 1 {
		t.Errorf("one object had changed meanwhile: %+v", res)
	}
	h.agree()
	h.wantAlarms()
}

// Another database than the file came from, an older copy of it, and a lost
// note: the published world becomes what the database holds, whole.
// Proves: D-07
func TestAnotherDatabase(t *testing.T) {
	h := newHouse(t)
	h.publish()
	h.open("other.db")
	h.write(func(w admin.Writer) error {
		_, err := w.Create(t.Context(), e911.Org{ID: e911.NewID[e911.OrgID](), Key: "quay", Name: "Quay"})
		return err
	})
	h.start()
	h.pub.Restore()
	h.publish()
	if got := h.org().Config().Key; got != "quay" {
		t.Errorf("the organisation is %s, want quay alone", got)
	}
	h.agree()

	if err := os.Remove(filepath.Join(h.dir, "snapshot", "published.json")); err != nil {
		t.Fatal(err)
	}
	h.start()
	h.pub.Restore()
	h.publish()
	h.agree()
	if err := os.WriteFile(filepath.Join(h.dir, "snapshot", "published.json"), []byte(`{"head": {"sto`), 0o600); err != nil {
		t.Fatal(err)
	}
	h.start()
	h.pub.Restore()
	h.publish()
	h.agree()
	h.wantAlarms()
}

// A file that cannot be written is an alarm, not a delay: calls use the new
// world, and the next write is a whole one.
// Proves: D-07, E3
func TestAFileThatFails(t *testing.T) {
	h := newHouse(t)
	h.publish()
	h.file.break_(errors.New("no space left on device"))
	site := h.site("hq")
	site.Name = "Changed"
	h.update(site)
	h.publish()
	if h.site("hq").Name != "Changed" {
		t.Error("calls wait for the file")
	}
	h.wantAlarms(publish.AlarmFile)
	h.publish()
	h.wantAlarms()
	h.file.break_(nil)
	h.publish()
	if h.file.bases != 2 || h.file.last.Digest() != h.holder.Load().Digest() {
		t.Errorf("%d bases; the file is not what calls see", h.file.bases)
	}
	h.wantAlarms()
}

// Many administrators at once: each change is whole, of two changes to one
// version one is refused, and calls end with what is stored.
// Proves: E15
func TestAdministratorsAtOnce(t *testing.T) {
	h := newHouse(t)
	h.publish()
	ed, err := edit.New(edit.Config{Store: h.store, Layer: layer, Now: h.clock})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- h.pub.Run(ctx, h.store) }()
	site := h.site("hq")
	const admins, each = 8, 15
	var wg sync.WaitGroup
	var mu sync.Mutex
	won, refused := 0, 0
	for a := range admins {
		wg.Go(func() {
			for i := range each {
				u := e911.User{Org: site.Org, Site: site.ID, Key: fmt.Sprintf("a%d-%d", a, i), Name: "Somebody"}
				if _, err := ed.Users.Create(ctx, "test", u); err != nil {
					t.Errorf("create: %v", err)
				}
				now, err := ed.Sites.Get(ctx, site.Org, string(site.ID))
				if err != nil {
					t.Errorf("get: %v", err)
					return
				}
				now.Value.Name = u.Key
				_, err = ed.Sites.Update(ctx, "test", now.Value, now.Version)
				mu.Lock()
				switch {
				case err == nil:
					won++
				case e911.KindOf(err) == e911.Conflict:
					refused++
				default:
					t.Errorf("update: %v", err)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	h.publish()
	cancel()
	if err := <-ran; err != nil {
		t.Errorf("run: %v", err)
	}
	h.agree()
	o, err := ed.Sites.Get(t.Context(), site.Org, string(site.ID))
	if err != nil || o.Version != int64(won)+1 || won+refused != admins*each {
		t.Errorf("version %d after %d changes and %d refusals, %v", o.Version, won, refused, err)
	}
	h.wantAlarms()
}

// The nightly comparison finds what calls see and nobody stored, and mends it.
// Proves: D-07
func TestVerify(t *testing.T) {
	h := newHouse(t)
	h.publish()
	if same, err := h.pub.Verify(t.Context(), h.store); !same || err != nil {
		t.Errorf("verify: %v, %v; want the same", same, err)
	}
	h.wantAlarms()
	site := h.site("hq")
	site.Name = "Nobody stored this"
	wrong, err := h.holder.Load().Apply([]snapshot.Change{{Kind: e911.KindSite, Org: site.Org, ID: string(site.ID), Object: site}}, h.clock())
	if err != nil {
		t.Fatal(err)
	}
	h.holder.Store(wrong)
	if same, err := h.pub.Verify(t.Context(), h.store); same || err != nil {
		t.Errorf("verify: %v, %v; want a difference", same, err)
	}
	h.wantAlarms(publish.AlarmDiffers)
	h.agree()
}

// Proves: D-10
func TestConfigFaults(t *testing.T) {
	_, err := publish.New(publish.Config{})
	if e911.KindOf(err) != e911.Invalid || !strings.Contains(err.Error(), "Alarm, Dir, File, Holder, Log, Now") {
		t.Errorf("error = %v, want all that is missing", err)
	}
}
