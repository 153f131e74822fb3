package bench

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"
)

// The benchmark of HELD itself works: every request is answered, devices move,
// and the numbers add up. It says nothing of how fast.
//
// Proves: W-31
func TestHeldBenchmarkMeasuresBothHandlers(t *testing.T) {
	var out bytes.Buffer
	err := RunHeld(t.Context(), HeldConfig{
		Elements: 5000, Devices: 400, Rounds: 1, Round: 200 * time.Millisecond, Half: 200 * time.Millisecond, Conns: 4, JSON: true, Stdout: &out,
	})
	if err != nil {
		t.Fatal(err)
	}
	var r HeldResult
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	if r.RPS <= 0 || r.NullRPS <= 0 || r.Ratio <= 0 || r.P99 < r.P50 || r.Facts < 400 || r.Requests == 0 || r.CPUMicros <= 0 {
		t.Errorf("%+v", r)
	}
	if err := RunHeld(t.Context(), HeldConfig{Elements: 7}); err == nil {
		t.Error("seven elements, and nowhere to write")
	}
}
