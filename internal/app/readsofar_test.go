package app

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Proves: N-22
func TestAFileSaysHowMuchOfItWasRead(t *testing.T) {
	name := filepath.Join(t.TempDir(), "map.csv")
	if err := os.WriteFile(name, []byte(strings.Repeat("bssid,00:11:22:33:44:50\n", 5000)), 0o600); err != nil {
		t.Fatal(err)
	}
	var last, total int64
	steps := 0
	f, r, err := openTold(name, func(done, all int64) {
		if done < last {
			t.Errorf("went back from %d to %d", last, done)
		}
		last, total, steps = done, all, steps+1
	})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := io.Copy(io.Discard, struct{ io.Reader }{r}); err != nil {
		t.Fatal(err)
	}
	if last != total || total != 120_000 || steps < 2 {
		t.Errorf("told %d of %d octets in %d steps", last, total, steps)
	}
	if _, _, err := openTold(name+".gone", nil); err == nil {
		t.Error("a file that is not there")
	}
}
