package portal

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// Proves: N-07, F-36
func TestTheBoardSaysThatTheCallerWasAskedAndDidNotAnswer(t *testing.T) {
	r := record(tale().Arrived().Identified().Located())
	at := time.Date(2025, 11, 20, 12, 0, 0, 0, time.UTC)
	r.AskedAt, r.Flags = &at, append(r.Flags, "asked_not_answered")
	d := NewDetail(r, arrival)
	if !strings.HasSuffix(d.PlaceBasis, " · was asked for his place on 20 Nov 2025 and has not answered") || !slices.Contains(d.Flags, "The caller was asked for his place and has not answered") {
		t.Errorf("the location stands on %q, with %q", d.PlaceBasis, d.Flags)
	}
	r.AskedAt = nil
	if d := NewDetail(r, arrival); strings.Contains(d.PlaceBasis, "asked") {
		t.Errorf("nobody was asked: %q", d.PlaceBasis)
	}
}
