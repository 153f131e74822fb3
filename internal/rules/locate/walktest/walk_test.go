package walktest_test

import (
	"testing"

	"github.com/callbox911/callbox/internal/rules/locate/walktest"
)

// Proves: F-38, F-01, F-06, F-18, F-19, F-33, E13, W-38, W-57
func TestAWorkingDayOfTenThousandDevices(t *testing.T) {
	cfg := walktest.Config{Devices: 10_000, Seed: 911, Calls: 6}
	if testing.Short() || raceEnabled {
		cfg.Devices = 1_500
		t.Logf("smaller than the walk of 10,000 devices: -short or -race: %d devices", cfg.Devices)
	}
	r := walktest.Run(cfg)
	t.Log("\n" + r.String())
	for _, u := range r.Unexcused[:min(len(r.Unexcused), 5)] {
		t.Errorf("wrong building although the device had told: %s", u)
	}
	if n := len(r.Unexcused); n > 0 {
		t.Errorf("%d answers in a wrong building that nothing excuses", n)
	}
}
