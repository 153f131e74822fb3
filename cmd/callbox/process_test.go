package main

import "testing"

// Proves: N-20
func TestSizesOfMemoryAreReadAsWritten(t *testing.T) {
	for text, want := range map[string]int64{"": 0, "900MiB": 900 << 20, "2 GiB": 2 << 30, "1073741824": 1 << 30, "64KiB": 64 << 10} {
		if got, err := bytesOf(text); err != nil || got != want {
			t.Errorf("%q: %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"MiB", "900MB", "-1", "0", "99999999999GiB"} {
		if got, err := bytesOf(text); err == nil {
			t.Errorf("%q is taken as %d", text, got)
		}
	}
}
