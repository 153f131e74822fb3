// Package discovertest reads recorded SNMP walks, so that tests decode what
// real devices said without a socket.
package discovertest

import (
	"bufio"
	"compress/bzip2"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/callbox911/callbox/internal/admin/discover"
)

// Walks is the folder of the recorded walks; the test is skipped, with the
// reason, where it is absent.
func Walks(tb testing.TB) string { return Shared(tb, "data/snmp-walks") }

// Shared is a folder of the reference material.
func Shared(tb testing.TB, folder string) string {
	tb.Helper()
	dir := os.Getenv("CALLBOX_SHARED")
	if dir == "" {
		at, err := os.Getwd()
		if err != nil {
			tb.Fatal(err)
		}
		for at != "/" {
			if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil {
				break
			}
			at = filepath.Dir(at)
		}
		dir = filepath.Join(at, "../shared")
	}
	dir = filepath.Join(dir, folder)
	if _, err := os.Stat(dir); err != nil {
		tb.Skipf("no reference material at %s: set CALLBOX_SHARED", dir)
	}
	return dir
}

// Read reads a .snmprec.bz2 file into rows, sorted as an agent has them.
func Read(tb testing.TB, file string) []discover.Row {
	tb.Helper()
	f, err := os.Open(file)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	var rows []discover.Row
	s := bufio.NewScanner(bzip2.NewReader(f))
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		if row, ok := line(s.Text()); ok {
			rows = append(rows, row)
		}
	}
	if err := s.Err(); err != nil {
		tb.Fatal(err)
	}
	slices.SortFunc(rows, func(a, b discover.Row) int { return a.OID.Compare(b.OID) })
	return rows
}

// line reads OID|tag|value; tags are BER's, with an x when the value is
// hexadecimal.
func line(s string) (discover.Row, bool) {
	part := strings.SplitN(s, "|", 3)
	if len(part) != 3 {
		return discover.Row{}, false
	}
	oid, err := discover.ParseOID(part[0])
	if err != nil {
		return discover.Row{}, false
	}
	row := discover.Row{OID: oid}
	tag, isHex := strings.CutSuffix(part[1], "x")
	switch tag {
	case "4", "64", "6":
		row.Octets = []byte(part[2])
		if isHex {
			if row.Octets, err = hex.DecodeString(part[2]); err != nil {
				return discover.Row{}, false
			}
		}
	default:
		if row.Number, err = strconv.ParseInt(part[2], 10, 64); err != nil {
			return discover.Row{}, false
		}
	}
	return row, true
}

// Answers gives the tables what a reader would get of the rows, without limits.
func Answers(rows []discover.Row) []discover.Answer {
	var out []discover.Answer
	ask := func(tables []discover.Table) {
		for _, t := range tables {
			at, _ := slices.BinarySearchFunc(rows, t.Root, func(r discover.Row, o discover.OID) int { return r.OID.Compare(o) })
			end := at
			for end < len(rows) && rows[end].OID.Below(t.Root) {
				end++
			}
			out = append(out, discover.Answer{Table: t, Rows: rows[at:end]})
		}
	}
	ask(discover.System())
	ask(discover.Tables(discover.Object(out)))
	return out
}

// Unpack writes a .snmprec.bz2 file, its lines sorted, as snmpsim needs it.
func Unpack(tb testing.TB, file, to string) {
	tb.Helper()
	f, err := os.Open(file)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(bzip2.NewReader(f))
	if err != nil {
		tb.Fatal(err)
	}
	lines := slices.DeleteFunc(strings.Split(string(b), "\n"), func(s string) bool { return !strings.Contains(s, "|") })
	slices.SortStableFunc(lines, func(a, b string) int {
		x, _ := discover.ParseOID(strings.SplitN(a, "|", 2)[0])
		y, _ := discover.ParseOID(strings.SplitN(b, "|", 2)[0])
		return x.Compare(y)
	})
	if err := os.WriteFile(to, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		tb.Fatal(err)
	}
}
