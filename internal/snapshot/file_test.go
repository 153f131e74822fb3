package snapshot_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/seal"
	"github.com/callbox911/callbox/internal/snapshot"
)

func ring(t testing.TB, id string) *seal.Ring {
	t.Helper()
	r, err := seal.NewRing(seal.Key{ID: id, Secret: bytes.Repeat([]byte(id[:1]), 32)})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// renamed is a change of the demonstration world that is easily told.
func renamed(name string) snapshot.Change {
	return edited("hq", func(s *e911.Site) { s.Name = name })
}

func nameOf(s *snapshot.Snapshot) string {
	if s == nil {
		return "(no world)"
	}
	o := s.Org("harbor")
	if o == nil {
		return "(no organisation)"
	}
	site, _ := o.Site("hq")
	return site.Name
}

// Proves: D-07, D-09, E3
func TestAServerStartsFromTheFile(t *testing.T) {
	dir, keys := filepath.Join(t.TempDir(), "snapshot"), ring(t, "m1")
	f := snapshot.OpenFile(dir, keys)
	if s, err := f.Load(); s != nil || !errors.Is(err, snapshot.ErrNoFile) {
		t.Fatalf("Load of nothing = %v, %v", s, err)
	}
	s := build(t, demonstration())
	change := []snapshot.Change{renamed("one"), gone(e911.KindElement, "harbor", "e-ip"), edited("e-port", func(e *e911.Element) { e.Location = "f3" })}
	if err := f.WriteDelta(s, nil); err != nil { // writes a base, there is none
		t.Fatal(err)
	}
	s = apply(t, s, change...)
	if err := f.WriteDelta(s, change); err != nil {
		t.Fatal(err)
	}
	if f.Deltas() != 1 {
		t.Errorf("%d deltas", f.Deltas())
	}
	again := snapshot.OpenFile(dir, keys)
	got, err := again.Load()
	if err != nil {
		t.Fatal(err)
	}
	if got.Digest() != s.Digest() || got.Version != s.Version || !got.At.Equal(s.At) {
		t.Errorf("version %d of %s, want version %d of %s and the same world", got.Version, got.At, s.Version, s.At)
	}
	if id, _ := got.Org("harbor").ByLLDPPort(e911.LLDPPort{Chassis: "0c:75:bd:00:00:01", Port: "Gi1/0/7"}); id != "f3" {
		t.Errorf("the port is at %s", id)
	}
	if p := got.Org("harbor").Config().HELD.Platforms; len(p) != 1 || len(p[0].Secrets) != 1 || p[0].Secrets[0] != "secret-of-the-pbx" || len(p[0].From) != 1 {
		t.Errorf("%d platforms came back: %+v", len(p), p)
	}
	if again.Deltas() != 1 {
		t.Errorf("%d deltas after loading", again.Deltas())
	}
	// It goes on where the other one stopped.
	next := apply(t, got, renamed("two"))
	if err := again.WriteDelta(next, []snapshot.Change{renamed("two")}); err != nil {
		t.Fatal(err)
	}
	if got, err := snapshot.OpenFile(dir, keys).Load(); err != nil || nameOf(got) != "two" {
		t.Errorf("%s, %v", nameOf(got), err)
	}
	secrets(t, dir)
}

// secrets looks for anything in the clear.
func secrets(t *testing.T, dir string) {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		b, err := os.ReadFile(filepath.Join(dir, file.Name()))
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range []string{"harbor", "Harbor", "6175550111", "Massachusetts", "carrier", "secret-of"} {
			if bytes.Contains(b, []byte(word)) {
				t.Errorf("%s holds %q in the clear", file.Name(), word)
			}
		}
		if info, err := file.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, %v", file.Name(), info.Mode(), err)
		}
	}
}

// Proves: D-07
func TestThePreviousBaseStaysAsFallBack(t *testing.T) {
	disk := newMemDisk()
	keys := ring(t, "m1")
	f := snapshot.OpenOn(disk, keys)
	s := build(t, append(demonstration(), renamed("base 1")))
	must(t, f.WriteBase(s))
	for i := range 3 {
		c := renamed(fmt.Sprint("delta ", i))
		s = apply(t, s, c)
		must(t, f.WriteDelta(s, []snapshot.Change{c}))
	}
	s = apply(t, s, renamed("base 2"))
	must(t, f.WriteBase(s))
	c := renamed("after base 2")
	s = apply(t, s, c)
	must(t, f.WriteDelta(s, []snapshot.Change{c}))
	if got, err := snapshot.OpenOn(disk, keys).Load(); err != nil || nameOf(got) != "after base 2" {
		t.Fatalf("%s, %v", nameOf(got), err)
	}
	names, _ := disk.Names()
	base2 := slices.IndexFunc(names, func(n string) bool { return strings.HasSuffix(n, "5.base") })
	if len(names) != 6 || base2 < 0 {
		t.Fatalf("files %v", names)
	}

	for _, damage := range []struct {
		name string
		file string // suffix of the damaged file
		how  func([]byte) []byte
		err  error
		want string
	}{
		{"the last delta is cut off", "6.delta", func(b []byte) []byte { return b[:len(b)-1] }, snapshot.ErrTorn, "base 2"},
		{"the base is cut off", "5.base", func(b []byte) []byte { return b[:len(b)/2] }, snapshot.ErrTorn, "delta 2"},
		{"the base is of a newer version", "5.base", func(b []byte) []byte { binary.BigEndian.PutUint32(b[8:], 4); return b }, snapshot.ErrFormat, "delta 2"},
		{"one octet of the base flipped", "5.base", func(b []byte) []byte { b[100] ^= 1; return b }, snapshot.ErrCorrupt, "delta 2"},
		{"the base is something else", "5.base", func([]byte) []byte { return []byte("#!/bin/sh and some more") }, snapshot.ErrCorrupt, "delta 2"},
		{"the base is empty", "5.base", func([]byte) []byte { return nil }, snapshot.ErrTorn, "delta 2"},
	} {
		t.Run(damage.name, func(t *testing.T) {
			hurt := disk.clone()
			for name := range hurt.files {
				if strings.HasSuffix(name, damage.file) {
					hurt.files[name] = damage.how(slices.Clone(hurt.files[name]))
				}
			}
			f := snapshot.OpenOn(hurt, keys)
			got, err := f.Load()
			if nameOf(got) != damage.want || !errors.Is(err, damage.err) || !strings.Contains(err.Error(), damage.file) {
				t.Errorf("%s, %v, want %s and %v of %s", nameOf(got), err, damage.want, damage.err, damage.file)
			}
			// What is written next is whole by itself, and is what loads.
			next := apply(t, got, renamed("mended"))
			must(t, f.WriteDelta(next, []snapshot.Change{renamed("mended")}))
			if got, err := snapshot.OpenOn(hurt, keys).Load(); err != nil || nameOf(got) != "mended" {
				t.Errorf("after mending: %s, %v", nameOf(got), err)
			}
		})
	}
	t.Run("a delta is missing", func(t *testing.T) {
		hurt := disk.clone()
		maps.DeleteFunc(hurt.files, func(name string, _ []byte) bool {
			return strings.HasSuffix(name, "3.delta") || strings.HasSuffix(name, "5.base")
		})
		got, err := snapshot.OpenOn(hurt, keys).Load()
		if nameOf(got) != "delta 0" || !errors.Is(err, snapshot.ErrMissing) {
			t.Errorf("%s, %v", nameOf(got), err)
		}
	})
	t.Run("deltas without a base", func(t *testing.T) {
		hurt := disk.clone()
		maps.DeleteFunc(hurt.files, func(name string, _ []byte) bool { return strings.HasSuffix(name, "base") })
		if got, err := snapshot.OpenOn(hurt, keys).Load(); got != nil || !errors.Is(err, snapshot.ErrMissing) {
			t.Errorf("%s, %v", nameOf(got), err)
		}
	})
	t.Run("another master key", func(t *testing.T) {
		got, err := snapshot.OpenOn(disk, ring(t, "x1")).Load()
		if got != nil || !errors.Is(err, snapshot.ErrKey) || !strings.Contains(err.Error(), "5.base") || !strings.Contains(err.Error(), "1.base") {
			t.Errorf("%s, %v", nameOf(got), err)
		}
	})
	t.Run("a file under another's name", func(t *testing.T) {
		hurt := disk.clone()
		var old []byte
		for name, b := range hurt.files {
			if strings.HasSuffix(name, "1.base") {
				old = b
			}
		}
		for name := range hurt.files {
			if strings.HasSuffix(name, "5.base") {
				hurt.files[name] = old
			}
		}
		if got, err := snapshot.OpenOn(hurt, keys).Load(); nameOf(got) != "delta 2" || !errors.Is(err, snapshot.ErrCorrupt) {
			t.Errorf("%s, %v", nameOf(got), err)
		}
	})
	t.Run("a third base removes the first", func(t *testing.T) {
		disk := disk.clone()
		f := snapshot.OpenOn(disk, keys)
		s, err := f.Load()
		must(t, err)
		must(t, f.WriteBase(s))
		names, _ := disk.Names()
		if len(names) != 3 || !strings.HasSuffix(names[0], "5.base") {
			t.Errorf("files %v, want the second base, its delta and the third", names)
		}
	})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A file that is cut off at any length is told from a whole one.
//
// Proves: D-07
func TestTruncationAtEveryLength(t *testing.T) {
	keys := ring(t, "m1")
	disk := newMemDisk()
	f := snapshot.OpenOn(disk, keys)
	s := build(t, demonstration())
	must(t, f.WriteBase(s))
	whole := disk.only(t)
	for n := range whole {
		disk.files[disk.name()] = whole[:n]
		got, err := snapshot.OpenOn(disk, keys).Load()
		if got != nil || !errors.Is(err, snapshot.ErrTorn) {
			t.Fatalf("cut at %d of %d: %v, %v, want torn", n, len(whole), got, err)
		}
	}
}

// Whatever single octet is wrong, nothing wrong is ever loaded.
//
// Proves: D-07, D-09
func TestAnyFlippedOctetIsFound(t *testing.T) {
	keys := ring(t, "m1")
	disk := newMemDisk()
	must(t, snapshot.OpenOn(disk, keys).WriteBase(build(t, demonstration())))
	whole := disk.only(t)
	for i := range whole {
		hurt := slices.Clone(whole)
		hurt[i] ^= 0x10
		if _, err := snapshot.DecodeFile(hurt, keys); err == nil {
			t.Fatalf("octet %d of %d flipped, and the file is read", i, len(whole))
		}
	}
}

// The power goes in every step of writing bases and deltas, with every length of
// what was under way and with the folder's last entry there or not: a start
// afterwards finds the world of the last write that returned, or of the one that
// was under way, and never an error.
//
// Proves: D-07, E15
func TestPowerLossInEveryStep(t *testing.T) {
	keys := ring(t, "m1")
	// states after each write that returned nil
	work := func(disk *memDisk, done func(name string)) {
		f := snapshot.OpenOn(disk, keys)
		s := build(t, append(demonstration(), renamed("start")))
		if f.WriteBase(s) != nil {
			return
		}
		done("start")
		for i := range 3 {
			name := fmt.Sprint("delta ", i)
			s = apply(t, s, renamed(name))
			if f.WriteDelta(s, []snapshot.Change{renamed(name)}) != nil {
				return
			}
			done(name)
		}
		for i := range 2 {
			name := fmt.Sprint("base ", i)
			s = apply(t, s, renamed(name))
			if f.WriteBase(s) != nil {
				return
			}
			done(name)
		}
	}
	all := newMemDisk()
	var names []string
	work(all, func(name string) { names = append(names, name) })
	if len(names) != 6 {
		t.Fatalf("%v", names)
	}
	checked := 0
	for step := range all.steps {
		disk := newMemDisk()
		disk.cut = step
		done := 0
		work(disk, func(string) { done++ })
		for _, after := range disk.afterPowerLoss() {
			checked++
			got, err := snapshot.OpenOn(after, keys).Load()
			if done == 0 && got == nil && errors.Is(err, snapshot.ErrNoFile) {
				continue
			}
			ok := (done > 0 && nameOf(got) == names[done-1]) || (done < len(names) && nameOf(got) == names[done])
			if err != nil || !ok {
				t.Fatalf("power lost in step %d after %d writes: %s, %v; files %v", step, done, nameOf(got), err, slices.Sorted(maps.Keys(after.files)))
			}
			// And the next write works, whatever lies about.
			f := snapshot.OpenOn(after, keys)
			s, _ := f.Load()
			next := apply(t, s, renamed("next"))
			must(t, f.WriteDelta(next, []snapshot.Change{renamed("next")}))
			if got, err := snapshot.OpenOn(after, keys).Load(); err != nil || nameOf(got) != "next" {
				t.Fatalf("after step %d the next write is not loaded: %s, %v", step, nameOf(got), err)
			}
		}
	}
	t.Logf("%d steps, %d disks", all.steps, checked)
}

// A disk that refuses says so, and what is written later is whole.
//
// Proves: D-07, F-38
func TestADiskThatRefuses(t *testing.T) {
	keys := ring(t, "m1")
	good := newMemDisk()
	f := snapshot.OpenOn(good, keys)
	s := build(t, append(demonstration(), renamed("start")))
	must(t, f.WriteBase(s))
	broken := errors.New("no space left")
	for step := range 2 {
		disk := good.clone()
		f := snapshot.OpenOn(disk, keys)
		s, err := f.Load()
		must(t, err)
		disk.refuse, disk.steps, disk.cut = broken, 0, step
		s = apply(t, s, renamed("lost"))
		if err := f.WriteDelta(s, []snapshot.Change{renamed("lost")}); !errors.Is(err, broken) {
			t.Errorf("step %d: %v", step, err)
		}
		if err := f.WriteBase(s); !errors.Is(err, broken) {
			t.Errorf("step %d: %v", step, err)
		}
		disk.refuse, disk.cut = nil, -1
		s = apply(t, s, gone(e911.KindElement, "harbor", "e-ip"))
		must(t, f.WriteDelta(s, []snapshot.Change{gone(e911.KindElement, "harbor", "e-ip")}))
		got, err := snapshot.OpenOn(disk, keys).Load()
		if err != nil || got.Digest() != s.Digest() {
			t.Errorf("step %d: %s, %v, want the world with the change that could not be written", step, nameOf(got), err)
		}
	}
}

// memDisk is a disk that can lose its power, or refuse, in a given step. What
// was under way then is kept apart.
type memDisk struct {
	files  map[string][]byte
	steps  int
	cut    int // the step that fails; -1 none
	refuse error
	lost   func(*memDisk) []*memDisk
}

var errPower = errors.New("the power is gone")

func newMemDisk() *memDisk { return &memDisk{files: map[string][]byte{}, cut: -1} }

func (d *memDisk) clone() *memDisk {
	return &memDisk{files: maps.Clone(d.files), cut: -1}
}

// step reports whether the disk fails now; lost tells what may be found later.
func (d *memDisk) step(lost func(*memDisk) []*memDisk) error {
	if d.lost != nil {
		return errPower
	}
	if d.refuse != nil && d.steps >= d.cut {
		return d.refuse
	}
	if d.refuse == nil && d.steps == d.cut {
		d.lost = lost
		return errPower
	}
	d.steps++
	return nil
}

func (d *memDisk) afterPowerLoss() []*memDisk {
	if d.lost == nil {
		return []*memDisk{d.clone()}
	}
	return d.lost(d)
}

func (d *memDisk) Names() ([]string, error) {
	if d.lost != nil {
		return nil, errPower
	}
	return slices.Sorted(maps.Keys(d.files)), nil
}

func (d *memDisk) Read(name string) ([]byte, error) {
	b, ok := d.files[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return b, nil
}

func (d *memDisk) WriteSync(name string, b []byte) error {
	err := d.step(func(d *memDisk) (out []*memDisk) {
		out = append(out, d.clone())
		for _, n := range []int{0, 1, len(b) / 2, len(b) - 1, len(b)} {
			c := d.clone()
			c.files[name] = b[:n]
			out = append(out, c)
		}
		zeros := d.clone() // the length reached the disk, the data did not
		zeros.files[name] = make([]byte, len(b))
		return append(out, zeros)
	})
	if err == nil {
		d.files[name] = b
	}
	return err
}

func (d *memDisk) RenameSync(from, to string) error {
	err := d.step(func(d *memDisk) []*memDisk {
		after := d.clone()
		after.files[to] = after.files[from]
		both := after.clone() // the new name reached the disk, the end of the old did not
		delete(after.files, from)
		return []*memDisk{d.clone(), after, both}
	})
	if err == nil {
		d.files[to] = d.files[from]
		delete(d.files, from)
	}
	return err
}

func (d *memDisk) Remove(name string) error {
	err := d.step(func(d *memDisk) []*memDisk {
		after := d.clone()
		delete(after.files, name)
		return []*memDisk{d.clone(), after}
	})
	if err == nil {
		delete(d.files, name)
	}
	return err
}

func (d *memDisk) name() string {
	for name := range d.files {
		return name
	}
	return ""
}

func (d *memDisk) only(t *testing.T) []byte {
	t.Helper()
	if len(d.files) != 1 {
		t.Fatalf("%d files", len(d.files))
	}
	return d.files[d.name()]
}

// Proves: D-07
func TestEveryFieldOfAnElementIsKept(t *testing.T) {
	var full e911.Element
	v := reflect.ValueOf(&full).Elem()
	for i := range v.NumField() {
		switch f := v.Field(i); f.Interface().(type) {
		case netip.Prefix:
			f.Set(reflect.ValueOf(netip.MustParsePrefix("10.1.0.0/16")))
		case netip.Addr:
			f.Set(reflect.ValueOf(netip.MustParseAddr("2001:db8::" + strconv.Itoa(i))))
		case e911.LLDPPort:
			f.Set(reflect.ValueOf(e911.LLDPPort{Chassis: "c", Port: "p"}))
		default:
			if f.Kind() != reflect.String {
				t.Fatalf("the field %s of a kind that the codec does not know", v.Type().Field(i).Name)
			}
			f.SetString("text of " + v.Type().Field(i).Name)
		}
	}
	got, err := snapshot.DecodeElements(snapshot.EncodeElements(full.Org, []*e911.Element{&full}))
	if err != nil || len(got) != 1 {
		t.Fatalf("%v, %v", got, err)
	}
	if diff := cmp.Diff(full, *got[0], cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Errorf("element after writing and reading (-want +got):\n%s", diff)
	}
}

// A server that was brought up to date starts from the file that the version
// before it wrote, with no database (E3, D-07).
// Proves: D-07, E3
func TestAFileOfAFormatBeforeIsRead(t *testing.T) {
	keys := ring(t, "m1")
	s, err := snapshot.Build(demonstration(), published)
	if err != nil {
		t.Fatal(err)
	}
	for format := range uint32(2) {
		format++
		t.Run(fmt.Sprint("format ", format), func(t *testing.T) {
			file, err := snapshot.AsFormat(format, s, keys)
			if err != nil {
				t.Fatal(err)
			}
			disk := newMemDisk()
			disk.files["snapshot-0000000000000001.base"] = file
			got, err := snapshot.OpenOn(disk, keys).Load()
			if err != nil {
				t.Fatal(err)
			}
			if got.Digest() != s.Digest() {
				t.Errorf("another world came out of the file of format %d", format)
			}
			// What is written next is of the new format.
			f := snapshot.OpenOn(disk, keys)
			if err := f.WriteBase(got); err != nil {
				t.Fatal(err)
			}
			if b := disk.files["snapshot-0000000000000002.base"]; len(b) < 12 || b[11] != 3 {
				t.Errorf("the next base is of format %v", b[:min(12, len(b))])
			}
		})
	}
}

// Proves: D-07
func TestElementsComeBack(t *testing.T) {
	text := rapid.OneOf(rapid.Just(""), rapid.StringN(0, 20, 60))
	element := rapid.Custom(func(t *rapid.T) *e911.Element {
		e := &e911.Element{
			Org: "o", ID: e911.ElementID(rapid.OneOf(text, rapid.Just(string(e911.NewID[e911.ElementID]()))).Draw(t, "id")),
			Location: e911.LocationID(text.Draw(t, "location")), Kind: e911.ElementKind(text.Draw(t, "kind")),
			MAC: e911.MAC(rapid.OneOf(text, rapid.StringMatching(`([0-9a-f]{2}:){5}[0-9a-f]{2}`)).Draw(t, "mac")),
		}
		e.LLDP = e911.LLDPPort{Chassis: text.Draw(t, "chassis"), Port: text.Draw(t, "port")}
		e.MACTo, e.Name = e911.MAC(text.Draw(t, "mac_to")), text.Draw(t, "name")
		if rapid.Bool().Draw(t, "ends") {
			e.From = netip.AddrFrom16([16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "from")))
			e.To = netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "to")))
		}
		if rapid.Bool().Draw(t, "range") {
			e.Range = netip.PrefixFrom(netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "addr"))), rapid.IntRange(0, 32).Draw(t, "bits"))
		}
		return e
	})
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOfN(element, 0, 20).Draw(t, "elements")
		b := snapshot.EncodeElements("o", want)
		got, err := snapshot.DecodeElements(b)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != len(want) {
			t.Fatalf("%d elements, want %d", len(got), len(want))
		}
		for i := range want {
			if *got[i] != *want[i] {
				t.Fatalf("element %+v, want %+v", *got[i], *want[i])
			}
		}
	})
}

// FuzzDecodeElements: no panic, and no more memory than the input justifies.
//
// Proves: D-07
func FuzzDecodeElements(f *testing.F) {
	e := &e911.Element{ID: "e", Org: "o", Location: "l", Kind: e911.ElementBSSID, MAC: "00:11:22:33:44:50", Range: netip.MustParsePrefix("10.0.0.0/8")}
	f.Add(snapshot.EncodeElements("o", []*e911.Element{e}))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := snapshot.DecodeElements(b)
		if err == nil && len(got) > len(b) {
			t.Fatalf("%d elements of %d octets", len(got), len(b))
		}
	})
}

// FuzzDecodeFile: no panic for any octets, sealed or not.
//
// Proves: D-07
func FuzzDecodeFile(f *testing.F) {
	keys := ring(f, "m1")
	disk := newMemDisk()
	s, err := snapshot.Build(demonstration(), published)
	if err != nil {
		f.Fatal(err)
	}
	if err := snapshot.OpenOn(disk, keys).WriteBase(s); err != nil {
		f.Fatal(err)
	}
	f.Add(disk.files[disk.name()])
	f.Add([]byte("CBOXSNAP"))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = snapshot.DecodeFile(b, keys)
	})
}
