package main

import (
	"slices"
	"testing"
)

// A Proves line counts for the next test, once.
func TestProvesLinesAreReadPerTest(t *testing.T) {
	got := inFile("// Text.\n//\n// Proves: W-50, F-02, E5\nfunc TestA(t *testing.T) {}\n\nfunc TestB(t *testing.T) {}\n")
	if want := []string{"W-50", "F-02", "E5"}; !slices.Equal(got["TestA"], want) {
		t.Errorf("TestA proves %v, want %v", got["TestA"], want)
	}
	if got["TestB"] != nil {
		t.Errorf("TestB proves %v, want nothing", got["TestB"])
	}
}
