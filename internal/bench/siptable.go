package bench

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Table is the result for docs/benchmarks.md.
func (r SIPResult) Table() string { return sipTable(r) }

// sipTable is the part of docs/benchmarks.md about calls at a high rate, a line for
// each run.
func sipTable(runs ...SIPResult) string {
	var w strings.Builder
	fmt.Fprintf(&w, `## Emergency calls at a high rate

SIPp %s on both ends; each call is located, journalled to disk, conveyed with a PIDF-LO over TCP, recorded, and told by webhook and mail.
Kamailio (-x fm) relays the same calls and does nothing else. Processor time is that of the process, in user mode and kernel, for each call: while
the calls came, and in all until everybody was told and the records were kept.

`, sippVersion())
	fmt.Fprintln(&w, "| calls/s | ring, talk | calls | lost | CPU µs | in user mode | in all | Kamailio µs | ratio | added median | added p99 | told after | resident |")
	fmt.Fprintln(&w, "|---|---|---|---|---|---|---|---|---|---|---|---|---|")
	for _, r := range runs {
		fmt.Fprintln(&w, r.row())
	}
	for _, r := range runs {
		if len(r.Why) > 0 {
			fmt.Fprintf(&w, "\nAt %d calls/s, counted by SIPp and the kernel: %s.\n", r.Rate, counted(r.Why))
		}
		if o := r.Overload; o.Offered > 0 {
			fmt.Fprintf(&w, `
Overload, in the run of %d calls/s: %d calls/s offered with room for %d ordinary ones. Of %d emergency calls **%d** were lost; of %d ordinary calls
%d were refused with 503 and %d had no answer. Emergency calls alone at %d/s: **%d** of %d lost. At most %.0f MiB resident of %d MiB allowed.
`, r.Rate, o.Offered, o.Capacity, o.EmergencyCalls, o.EmergencyLost, o.OrdinaryCalls, o.Shed, o.Unanswered, o.AloneRate, o.AloneLost, o.AloneCalls,
				math.Ceil(r.RSSMiB), r.MemoryMiB)
			if len(o.Why) > 0 {
				fmt.Fprintf(&w, "Counted by SIPp and the kernel: %s.\n", counted(o.Why))
			}
		}
	}
	return w.String()
}

func (r SIPResult) row() string {
	peer, ratio, median, p99 := "", "", "", ""
	if r.KamailioCPUPerCall > 0 {
		peer, ratio = fmt.Sprintf("%.0f (%d lost)", r.KamailioCPUPerCall, r.KamailioLost), fmt.Sprintf("%.1f", r.CPURatio)
	}
	if r.AddedAt > 0 {
		median, p99 = fmt.Sprintf("%.2f ms at %d/s", r.AddedP50, r.AddedAt), fmt.Sprintf("%.1f ms", r.AddedP99)
	}
	told := fmt.Sprintf("%.0f s", math.Ceil(r.SettledAfter))
	if !r.Settled {
		told = "not in " + told
	}
	return fmt.Sprintf("| %d | %g s, %g s | %d | %d | %.0f | %.0f | %.0f | %s | %s | %s | %s | %s | %.0f MiB |",
		r.Rate, r.RingSeconds, r.TalkSeconds, r.Calls, r.Lost, r.CPUPerCall, r.OwnPerCall, r.SettledPerCall, peer, ratio, median, p99, told, math.Ceil(r.RSSMiB))
}

// counted lists counts by name.
func counted(why map[string]int) string {
	var parts []string
	for name, n := range why {
		parts = append(parts, fmt.Sprintf("%s %d", strings.ReplaceAll(name, "_", " "), n))
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}
