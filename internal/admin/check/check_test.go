package check

import (
	"encoding/csv"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
	"github.com/callbox911/callbox/internal/rules/identify"
)

// shared opens a file of the reference material, or skips the test.
func shared(t *testing.T, name string) *csv.Reader {
	t.Helper()
	root := os.Getenv("CALLBOX_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "..", "..", "shared")
	}
	f, err := os.Open(filepath.Join(root, name))
	if err != nil {
		t.Skipf("the reference material is not here: %v", err)
	}
	t.Cleanup(func() { f.Close() })
	r := csv.NewReader(f)
	if _, err := r.Read(); err != nil {
		t.Fatal(err)
	}
	return r
}

func rows(t *testing.T, r *csv.Reader, do func(row []string)) {
	t.Helper()
	for {
		row, err := r.Read()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		do(row)
	}
}

// The ranges of ZIP codes hold for every ZIP code there is, but for the few
// that are served from another state.
// Proves: N-38
func TestZipStates(t *testing.T) {
	all, off := 0, map[string]bool{}
	rows(t, shared(t, "data/zip-us-geonames/us_zip.csv"), func(row []string) {
		if row[2] == "" || row[2] == "AA" || row[2] == "AE" || row[2] == "AP" {
			return
		}
		all++
		if homes, _ := civic.PostalStates(row[0]); len(homes) > 0 && !slices.Contains(homes, row[2]) {
			off[row[0]] = true
		}
		if !zipCode(row[0]) {
			t.Errorf("%s is refused as a ZIP code", row[0])
		}
	})
	if all < 40000 || len(off) > 20 {
		t.Errorf("%d of %d ZIP codes are in another state: %v", len(off), all, off)
	}
}

// Every area code in service takes a callback, and no other code does.
// Proves: F-21
func TestCallbacksOfEveryAreaCode(t *testing.T) {
	n := 0
	rows(t, shared(t, "data/nanp-numbering/npa.csv"), func(row []string) {
		npa, kind, country, service := row[0], row[1], row[4], row[5]
		ours := kind == "General Purpose Code" && (country == "US" || country == "CANADA" || strings.HasPrefix(country, "US ") || usTerritory(row[3], country))
		number := e911.Number("+1" + npa + "4440100")
		refused := identify.CallbackFault(number) != ""
		if npa == "710" { // the government in an emergency: nobody can call it back
			ours = false
		}
		if ours && service == "Y" {
			n++
			if refused {
				t.Errorf("%s is a %s of %s and refused: %s", npa, kind, country, identify.CallbackFault(number))
			}
		}
		if kind != "General Purpose Code" && !refused {
			t.Errorf("%s is a %s and taken", npa, kind)
		}
	})
	if n < 350 {
		t.Errorf("only %d area codes were compared", n)
	}
}

func usTerritory(location, country string) bool {
	switch country {
	case "PUERTO RICO", "GUAM", "AS", "CNMI", "USVI":
		return true
	}
	return strings.Contains(location, "PUERTO RICO")
}

// Proves: D-10
func TestKeys(t *testing.T) {
	for key, want := range map[string]bool{
		"hq": true, "mill-1-f2-210": true, "B.12/4:left_wing": true, "9": true, "sep001122aabbcc": true,
		"": false, "-hq": false, "h q": false, "hq\n": false, "größe": false, strings.Repeat("x", 128): true, strings.Repeat("x", 129): false,
	} {
		if got := wellFormedKey(key); got != want {
			t.Errorf("wellFormedKey(%q) = %v, want %v", key, got, want)
		}
	}
}

// Proves: F-19
func TestMaskedPrefix(t *testing.T) {
	for digits, want := range map[int]string{1: "00:11:22:33:44:5", 2: "00:11:22:33:44", 3: "00:11:22:33:4"} {
		if got := masked("00:11:22:33:44:50", digits); got != want {
			t.Errorf("masked(%d) = %q, want %q", digits, got, want)
		}
	}
}

// Proves: F-37
func TestReserved(t *testing.T) {
	for _, s := range []string{"911", "933", "9911", "1911", "8911", "+911", "+1911", "9-1-1", "9933", "988", "9988", "112"} {
		if !reserved(s) {
			t.Errorf("%q is free", s)
		}
	}
	for _, s := range []string{"", "4711", "9110", "1933x", "+16175550911", "19110"} {
		if reserved(s) {
			t.Errorf("%q is reserved", s)
		}
	}
}
