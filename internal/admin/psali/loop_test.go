package psali_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/examples"
	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/edit"
	"github.com/callbox911/callbox/internal/admin/psali"
	"github.com/callbox911/callbox/internal/admin/world"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/gis"
	"github.com/callbox911/callbox/internal/seal"
	"github.com/callbox911/callbox/internal/store/sqlite"
)

var rewrite = flag.Bool("rewrite", false, "write the transcript anew, to be read before it is committed")

func layer(fips string) (e911.Boundary, e911.MultiPolygon, error) {
	return e911.Boundary{USCounty: fips, State: "MA", County: "C" + fips}, e911.MultiPolygon{{{
		{Lat: 42, Lon: -72}, {Lat: 42, Lon: -71}, {Lat: 43, Lon: -71}, {Lat: 43, Lon: -72},
	}}}, nil
}

// house is a desk over a store with the example in it, and a clock that goes on
// by a minute with each question.
type house struct {
	*psali.Desk
	t     *testing.T
	store *sqlite.Store
	edit  *edit.Editor
	world string
	org   e911.OrgID
	at    time.Time
	zone  gis.MSAG
	say   bytes.Buffer
}

// elins is the example with ELINs in it.
func elins() string {
	text := string(examples.Harbor())
	for _, n := range []string{"111", "112", "113"} {
		text = strings.Replace(text, `{number: "+16175550`+n+`", `, `{elin: true, number: "+16175550`+n+`", `, 1)
	}
	return strings.Replace(text, "    did_fallback: false\n", "    did_fallback: false\n    psali: {company_id: HRBR, main: \"+16175550100\", county: \"017\", errors: [{code: \"742\", means: no_record}]}\n", 1)
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, at: time.Date(2026, 3, 9, 14, 0, 0, 0, time.UTC), world: elins()}
	now := func() time.Time { return h.at }
	ring, err := seal.NewRing(seal.Key{ID: "m1", Secret: seal.NewSecret()})
	if err != nil {
		t.Fatal(err)
	}
	if h.store, err = sqlite.Open(filepath.Join(t.TempDir(), "callbox.db"), ring, now); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.store.Close() })
	if err := h.load(h.world); err != nil {
		t.Fatal(err, e911.FaultsOf(err))
	}
	if h.edit, err = edit.New(edit.Config{Store: h.store, Layer: layer, Now: now}); err != nil {
		t.Fatal(err)
	}
	orgs, err := h.edit.AllOrgs(t.Context())
	if err != nil || len(orgs) != 1 {
		t.Fatal(err)
	}
	h.org = orgs[0].ID
	h.Desk, err = psali.New(psali.Config{Store: h.store, Now: now, MSAG: func(e911.Civic, bool) gis.MSAG { return h.zone }})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *house) load(text string) error {
	im, err := world.New(world.Config{Store: h.store, Layer: layer, Now: func() time.Time { return h.at }})
	if err != nil {
		return err
	}
	_, err = im.Import(h.t.Context(), "test", "harbor.yaml", []byte(text), world.Options{})
	return err
}

func (h *house) note(format string, args ...any) { fmt.Fprintf(&h.say, format+"\n", args...) }

// failed writes a refusal.
func (h *house) failed(err error) bool {
	if err == nil {
		return false
	}
	msg := err.Error()
	if e := new(e911.Error); errors.As(err, &e) {
		msg = string(e.Kind) + ": " + e.Msg
	}
	h.note("  refused: %s", msg)
	for _, f := range e911.FaultsOf(err) {
		h.note("    line %d %s: %s [%s]", f.Row, f.Path, f.Msg, f.Fix)
	}
	return true
}

func (h *house) export(all bool) psali.Draft {
	h.at = h.at.Add(time.Minute)
	h.note("export all=%v", all)
	d, err := h.Draft(h.t.Context(), "harbor", all)
	if h.failed(err) {
		return d
	}
	for _, r := range d.Records {
		h.note("  %s %s %s", r.Function, r.Number, r.Location)
	}
	for _, r := range d.LeftOut {
		h.note("  left out %s %s: %v", r.Number, r.Location, r.Faults)
	}
	for _, r := range d.Waiting {
		h.note("  waits %s: %s", r.Number, r.Why)
	}
	return d
}

func (h *house) sent(d psali.Draft) {
	f, err := h.MarkSent(h.t.Context(), "admin", d)
	if !h.failed(err) {
		h.note("  sent: cycle %d, %d records", f.Cycle, f.Records)
	}
}

func (h *house) send(all bool) psali.Draft {
	d := h.export(all)
	if d.Text != "" {
		h.sent(d)
	}
	return d
}

// answer sends the records of a draft back, with codes by number.
func (h *house) answer(what string, d psali.Draft, codes map[string]string, rest int) {
	h.at = h.at.Add(time.Minute)
	h.note("answer: %s", what)
	var file bytes.Buffer
	for line := range strings.Lines(d.Text) {
		line = strings.TrimRight(line, "\r\n")
		if c, named := codes[line[8:11]]; named && line[:3] != "UHL" && line[:3] != "UTL" {
			file.WriteString(line + c + "\n")
		}
	}
	h.read(&file, rest)
}

func (h *house) read(file *bytes.Buffer, rest int) {
	opt := psali.AnswerOptions{Rest: rest}
	var r psali.AnswerReport
	var err error
	if file == nil {
		r, err = h.Answer(h.t.Context(), "admin", "harbor", nil, opt)
	} else {
		r, err = h.Answer(h.t.Context(), "admin", "harbor", file, opt)
	}
	if h.failed(err) {
		return
	}
	h.note("  %d accepted, %d deleted, %d waiting, unknown %v", r.Accepted, r.Deleted, r.Waiting, r.Unknown)
	for _, x := range r.Rejected {
		h.note("  %s %s: %s", x.Number, x.State, x.Meaning)
	}
}

func (h *house) status() {
	s, err := h.Status(h.t.Context(), "harbor")
	if h.failed(err) {
		return
	}
	h.note("status: %d usable, last cycle %d", s.Usable, s.Last.Cycle)
	for _, l := range s.Lines {
		h.note("  %s %-14s %-15s usable %-5v %s | %s: %s", l.Number, l.Location, l.Word, l.Usable, l.Why, l.Who, l.Todo)
	}
}

func (h *house) confirm(n string, s psali.Seen) {
	h.at = h.at.Add(time.Minute)
	h.note("confirm %s", n)
	s.Org, s.Number = "harbor", e911.Number("+16175550"+n)
	l, err := h.Confirm(h.t.Context(), "admin", s)
	if !h.failed(err) {
		h.note("  %s, usable %v %s", l.Word, l.Usable, l.Why)
	}
}

var seen = psali.Seen{By: "Ann Smith", Evidence: "test call 14:05, the dispatcher read it back"}

// The loop from the first file to the deletion, told as a transcript.
// Proves: F-39, F-21, F-08
func TestTheLoop(t *testing.T) {
	h := newHouse(t)
	h.status()
	first := h.send(false)
	h.export(false)
	h.answer("one accepted, one not in the MSAG, one with a code that nobody knows", first, map[string]string{"111": "", "112": "301", "113": "999"}, 0)
	h.answer("the same file once more", first, map[string]string{"111": ""}, 0)
	h.status()
	h.confirm("112", seen)
	h.confirm("111", psali.Seen{By: "Ann Smith"})
	h.confirm("111", seen)

	h.note("the room behind 112 gets another address; 113 is mended by the authority")
	h.change("mill-1-f2-220", func(l *e911.Location) { l.Detail.ROOM = "222" })
	h.at = h.at.Add(time.Minute)
	if _, err := h.Fixed(t.Context(), "admin", psali.Seen{Org: "harbor", Number: "+16175550113", By: "Ann Smith", Evidence: "the authority added the range"}); err != nil {
		t.Error(err)
	}
	h.status()
	second := h.send(false)
	h.answer("the carrier has one already, and lists errors alone", second, map[string]string{"112": "710"}, second.Cycle)
	third := h.send(false)
	h.answer("nothing to change", third, map[string]string{"112": "742"}, 0)
	fourth := h.send(false)
	h.answer("an older file", third, map[string]string{"112": ""}, 0)
	h.note("answer: the rest of cycle %d, without a file", fourth.Cycle)
	h.read(nil, fourth.Cycle)
	h.confirm("112", seen)
	h.confirm("113", psali.Seen{By: "Bob", Evidence: "query", NoRecord: true})
	h.status()

	h.note("a floor of 111 changes: the ELIN stays usable")
	h.change("mill-1-f2-210", func(l *e911.Location) { l.Detail.ROOM = "211" })
	h.status()
	h.note("a layer knows community and ESN now")
	h.zone = gis.MSAG{Community: "Cambridge", ESN: "512"}
	fifth := h.send(false)
	h.answer("all accepted", fifth, map[string]string{"111": "", "112": "", "113": ""}, 0)
	h.confirm("111", seen)
	h.note("the layer has another ESN: nothing is usable until that is sent and seen")
	h.zone.ESN = "513"
	h.status()
	h.zone.ESN = "512"
	h.confirm("112", seen)
	h.confirm("112", psali.Seen{By: "Bob", Evidence: "the dispatcher read another street", Wrong: true})

	h.note("111 leaves the world file: refused while the carrier holds it")
	gone := strings.Replace(h.world, `          - {elin: true, number: "+16175550111", user: agent-4711, location: mill-1-f2-210}`+"\n", "", 1)
	h.failed(h.load(gone))
	h.note("111 is an ELIN no longer")
	if err := h.load(strings.Replace(h.world, `{elin: true, number: "+16175550111"`, `{number: "+16175550111"`, 1)); err != nil {
		t.Fatal(err)
	}
	h.status()
	sixth := h.send(false)
	h.answer("deleted", sixth, map[string]string{"111": ""}, 0)
	h.note("and now it may go")
	h.failed(h.load(gone))
	h.status()

	path := filepath.Join("testdata", "loop.txt")
	if *rewrite {
		if err := os.WriteFile(path, h.say.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(h.say.String(), "\n")); d != "" {
		t.Error(d)
	}
}

// change changes a location in the store and in the world file alike.
func (h *house) change(key string, do func(*e911.Location)) {
	h.t.Helper()
	found, err := h.edit.Locations.Find(h.t.Context(), admin.Query{Org: h.org, Field: admin.ByKey, Value: key})
	if err != nil || len(found) != 1 {
		h.t.Fatal(key, len(found), err)
	}
	l := found[0].Value
	do(&l)
	if _, err := h.edit.Locations.Update(h.t.Context(), "test", l, found[0].Version); err != nil {
		h.t.Fatal(err)
	}
}

// A file is marked as sent only as it was written: nothing that changed
// meanwhile goes out under its name, and no two people send one cycle.
// Proves: F-39, E15
func TestAFileIsSentAsItWasWritten(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	mine, yours := h.export(false), h.export(false)
	if mine.Cycle != 1 || yours.Cycle != 1 {
		t.Errorf("a draft counts: %d, %d", mine.Cycle, yours.Cycle)
	}
	if _, err := h.MarkSent(ctx, "ann", yours); err != nil {
		t.Fatal(err)
	}
	if _, err := h.MarkSent(ctx, "bob", mine); e911.KindOf(err) != e911.Conflict {
		t.Errorf("two files of one cycle: %v", err)
	}
	again, err := h.Written(ctx, "harbor", 1)
	if err != nil || again.Text != yours.Text || !again.Again || len(again.Records) != 3 {
		t.Errorf("the file of the cycle is another one: %v", err)
	}
	if _, err := h.Written(ctx, "harbor", 2); e911.KindOf(err) != e911.NotFound {
		t.Errorf("a file that was never written: %v", err)
	}
	if d := h.export(false); d.Text != "" || len(d.Waiting) != 3 {
		t.Errorf("what is sent already is sent again: %v", d.Records)
	}
	d := h.export(true)
	if d.Cycle != 2 || len(d.Records) != 3 {
		t.Fatalf("everything: cycle %d, %v", d.Cycle, d.Records)
	}
	h.change("mill-2-dock", func(l *e911.Location) { l.Detail.LOC = "Gate" })
	if _, err := h.MarkSent(ctx, "ann", d); e911.KindOf(err) != e911.Conflict {
		t.Errorf("a location changed while the file was written: %v", err)
	}
	d = h.export(true)
	h.at = h.at.Add(2 * time.Hour)
	if _, err := h.MarkSent(ctx, "ann", d); e911.KindOf(err) != e911.Conflict {
		t.Errorf("a file of two hours ago: %v", err)
	}
	if f, err := h.Status(ctx, "harbor"); err != nil || f.Last.Cycle != 1 || f.Last.By != "ann" {
		t.Errorf("last file: %+v, %v", f.Last, err)
	}
}

// Two administrators read the same answer at once: one of them is told.
// Proves: F-39, E15
func TestTwoAnswersAtOnce(t *testing.T) {
	h := newHouse(t)
	d := h.send(false)
	answers := make(chan error)
	for range 2 {
		go func() {
			_, err := h.Answer(context.WithoutCancel(t.Context()), "admin", "harbor", strings.NewReader(d.Text), psali.AnswerOptions{})
			answers <- err
		}()
	}
	a, b := <-answers, <-answers
	if (a == nil) == (b == nil) {
		t.Errorf("both the same: %v, %v", a, b)
	}
	if err := errors.Join(a, b); e911.KindOf(err) != e911.Invalid {
		t.Errorf("the second: %v", err)
	}
	// An answer that names a stranger besides is taken, one of strangers alone is not.
	h.export(false)
	other := strings.ReplaceAll(d.Text, "6175550", "6175551")
	if _, err := h.Answer(t.Context(), "admin", "harbor", strings.NewReader(other), psali.AnswerOptions{}); e911.KindOf(err) != e911.Invalid {
		t.Errorf("another organisation's file: %v", err)
	}
}

// A form that was opened before the answer came does not undo it, and a number
// that the carrier holds is not deleted.
// Proves: F-39, E15
func TestWhatTheCarrierHoldsIsNotLost(t *testing.T) {
	h := newHouse(t)
	find := func() edit.Stored[e911.NumberRec] {
		list, err := h.edit.Numbers.Find(t.Context(), admin.Query{Org: h.org, Field: admin.ByNumber, Value: "+16175550113"})
		if err != nil || len(list) != 1 {
			t.Fatal(err)
		}
		return list[0]
	}
	h.send(false)
	n := find()
	form := n.Value
	form.ALI = nil
	form.User = ""
	if _, err := h.edit.Numbers.Update(t.Context(), "test", form, n.Version); err != nil {
		t.Fatal(err)
	}
	if got := find(); got.Value.Record().State != e911.ALISent {
		t.Errorf("the record is gone: %+v", got.Value.Record())
	}
	n = find()
	if err := h.edit.Numbers.Delete(t.Context(), "test", h.org, string(n.Value.ID), n.Version); e911.KindOf(err) != e911.Conflict || len(e911.FaultsOf(err)) != 1 {
		t.Errorf("a number that the carrier may hold was deleted: %v", err)
	}
	if err := h.load(h.world); err != nil {
		t.Fatal(err)
	}
	if got := find(); got.Value.Record().State != e911.ALISent || !got.Value.ELIN {
		t.Errorf("an import took the record away: %+v", got.Value)
	}
}

// What the file holds, by column, of a real location; nothing is said to be
// verified.
// Proves: F-39
func TestTheFileOfTheExample(t *testing.T) {
	h := newHouse(t)
	d := h.export(false)
	lines := strings.Split(d.Text, "\r\n")
	if len(lines) != 6 || lines[5] != "" {
		t.Fatalf("%d lines", len(lines))
	}
	for i, l := range lines[:5] {
		if len(l) != 512 || l[511] != '*' {
			t.Errorf("line %d has %d characters", i+1, len(l))
		}
	}
	head, rec, tail := lines[0], lines[1], lines[4]
	for _, c := range []struct{ got, want string }{
		{head[0:5], "UHL  "},
		{head[5:11], "030926"},
		{strings.TrimSpace(head[11:61]), "HARBOR FOODS"},
		{head[61:67], "000001"},
		{head[67:71], "0017"},
		{head[71:73], "MA"},
		{rec[:11], "I6175550111"},
		{strings.TrimRight(rec[11:21], " "), "795"},
		{strings.TrimRight(rec[27:87], " "), "MASSACHUSETTS"},
		{rec[87:91], "AVE "},
		{strings.TrimRight(rec[93:125], " "), "CAMBRIDGE"},
		{strings.TrimRight(rec[127:187], " "), "FLR 2 RM 210 BLDG MILL 1"},
		{rec[219:221], "40"},
		{rec[225:230], "     "},
		{rec[230:240], "6175550100"},
		{rec[260:265], "HRBR "},
		{rec[386:394], "20260309"},
		{tail[0:5], "UTL  "},
		{tail[61:70], "000000003"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
	if strings.Contains(d.Text, "VERIF") {
		t.Error("the file says that something is verified")
	}
}

// How locations look on screens, and which cannot be told apart.
// Proves: F-39
func TestPreviewOfScreens(t *testing.T) {
	h := newHouse(t)
	h.change("mill-1-f2-210", func(l *e911.Location) { l.Detail = e911.Civic{FLR: "2", LOC: "Conference room north"} })
	h.change("mill-1-f2-220", func(l *e911.Location) { l.Detail = e911.Civic{FLR: "2", LOC: "Conference room south"} })
	p, err := h.Preview(t.Context(), "harbor", nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range p.Locations {
		if s.Location == "mill-1-f2-210" {
			got = append(s.Screens[0].Lines, s.Screens[1].Lines...)
		}
	}
	want := []string{
		"(617) 555-0111 CLS 4", "HARBOR FOODS", "795 MASSACHUSETTS AV", "FLR 2 BLDG MILL 1 -", "CAMBRIDGE MA",
		"(617) 555-0111 CLS 4", "HARBOR FOODS", "795 MASSACHUSETTS AVE", "FLR 2 BLDG MILL 1 - CONFERENCE ROOM NORTH", "CAMBRIDGE MA",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]psali.Equal{{Width: 20, Street: "795 MASSACHUSETTS AVE", Reads: "FLR 2 BLDG MILL 1 -", Locations: []string{"mill-1-f2-210", "mill-1-f2-220"}}}, p.Equal); d != "" {
		t.Error(d)
	}
	if len(p.Locations) != 6 {
		t.Errorf("%d locations", len(p.Locations))
	}
}

// An organisation that no record can be made for, and an ELIN that none can.
// Proves: F-39, N-19
func TestWhatCannotBeExportedIsSaid(t *testing.T) {
	h := newHouse(t)
	h.change("mill-2-dock", func(l *e911.Location) { l.Detail.LOC = strings.Repeat("Loading dock ", 6) + "north" })
	d := h.export(false)
	if len(d.Records) != 2 || len(d.LeftOut) != 1 || d.LeftOut[0].Number != "+16175550113" || !strings.Contains(d.LeftOut[0].Faults[0].Msg, "location") {
		t.Errorf("%v, left out %v", d.Records, d.LeftOut)
	}
	if err := h.load(strings.Replace(h.world, "psali: {company_id: HRBR", "psali: {company_id: \"\"", 1)); e911.KindOf(err) != e911.Invalid {
		t.Errorf("no company id: %v", err)
	}
	if _, err := h.Draft(t.Context(), "nobody", false); e911.KindOf(err) != e911.NotFound {
		t.Errorf("an organisation that is none: %v", err)
	}
	if err := h.load(strings.Replace(h.world, `location: mill-2-dock}`, `location: ""}`, 1)); e911.KindOf(err) != e911.Invalid {
		t.Errorf("an ELIN without a location: %v", err)
	}
}
