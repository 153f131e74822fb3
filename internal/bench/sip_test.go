package bench

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The JSON has every number that the benchmark promises.
//
// Proves: N-20
func TestTheJSONOfTheBenchmarkIsComplete(t *testing.T) {
	text, err := json.Marshal(SIPResult{KamailioCPUPerCall: 1, CPURatio: 1})
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"rate", "calls", "lost", "cpu_us_per_call", "own_us_per_call", "kamailio_cpu_us_per_call", "cpu_ratio", "added_ms_p50", "added_ms_p99", "rss_mib",
	} {
		if _, ok := got[name].(float64); !ok {
			t.Errorf("%s is %v", name, got[name])
		}
	}
	overload, _ := got["overload"].(map[string]any)
	for _, name := range []string{"offered", "capacity", "emergency_calls", "emergency_lost", "shed"} {
		if _, ok := overload[name].(float64); !ok {
			t.Errorf("overload: %s is %v", name, overload[name])
		}
	}
}

// Proves: N-20
func TestTheTableSaysWhatWasLostAndWhy(t *testing.T) {
	text := sipTable(SIPResult{
		Rate: 1000, TalkSeconds: 0.2, Calls: 60000, Lost: 3, CPUPerCall: 1500, KamailioCPUPerCall: 500, CPURatio: 3, Why: map[string]int{"udp_dropped_at_127.0.0.10:5060": 7},
		SettledAfter: 1.2, Settled: true, Overload: OverloadResult{Offered: 2000, Capacity: 200, EmergencyCalls: 1000, OrdinaryCalls: 19000, Shed: 17000, AloneRate: 600, AloneCalls: 3000},
	}, SIPResult{Rate: 100, RingSeconds: 15, TalkSeconds: 180, Calls: 6000, SettledAfter: 120})
	for _, want := range []string{
		"| 1000 | 0 s, 0.2 s | 60000 | 3 | 1500 |", "| 500 (0 lost) | 3.0 |", "udp dropped at 127.0.0.10:5060 7", "Of 1000 emergency calls **0** were lost",
		"alone at 600/s: **0** of 3000 lost", "| 100 | 15 s, 180 s | 6000 | 0 |", "not in 120 s",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the table lacks %q:\n%s", want, text)
		}
	}
}

// Proves: N-20
func TestTheLastLineOfSIPpsStatisticsCounts(t *testing.T) {
	file := filepath.Join(t.TempDir(), "stat.csv")
	head := "StartTime;SuccessfulCall(C);FailedCall(C);FailedUnexpectedMessage(C);ElapsedTime(C)\n"
	if err := os.WriteFile(file, []byte(head+"x;1;0;0;00:00:01\nx;7;2;1;00:00:02\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := finalCounts(file)
	if want := map[string]int{"SuccessfulCall(C)": 7, "FailedCall(C)": 2, "FailedUnexpectedMessage(C)": 1}; err != nil || !cmp.Equal(want, got) {
		t.Errorf("%v, %v", got, err)
	}
	if err := os.WriteFile(file, []byte(head), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := finalCounts(file); err == nil {
		t.Error("statistics without a line are taken")
	}
}

// The scenarios name their transactions, and ring only when they are to.
//
// Proves: N-20
func TestTheScenariosRingAndTalkAsLongAsAsked(t *testing.T) {
	for _, ring := range []time.Duration{0, 15 * time.Second} {
		l := load{dir: t.TempDir(), ring: ring, talk: 180 * time.Second}
		if err := l.write(); err != nil {
			t.Fatal(err)
		}
		caller, err1 := os.ReadFile(filepath.Join(l.dir, "uac.xml"))
		psap, err2 := os.ReadFile(filepath.Join(l.dir, "uas.xml"))
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		if !strings.Contains(string(caller), `<pause milliseconds="180000"/>`) || !strings.Contains(string(caller), `response_txn="bye"`) {
			t.Errorf("caller:\n%s", caller)
		}
		if rings := strings.Contains(string(psap), "180 Ringing") && strings.Contains(string(psap), `<pause milliseconds="15000"/>`); rings != (ring > 0) {
			t.Errorf("rings: %t, want %t:\n%s", rings, ring > 0, psap)
		}
		if i := slices.Index(strings.Split(string(psap), "@"), "RING"); i >= 0 {
			t.Error("a place of the scenario is not filled in")
		}
	}
}
