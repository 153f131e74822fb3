package app

import (
	"context"
	"math"
	"os"
	"path"
	"path/filepath"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/obs"
)

const (
	// The part of what the machine, or the group that the process is in, has that
	// may be used: beside us the kernel keeps sockets, and the speech process runs.
	ofMachine, ofGroup = 0.70, 0.85
	// ofLimit is the part of the limit that the runtime is told.
	ofLimit = 0.85
	// leastMemory is the lowest limit that is set by itself: below it the collector
	// would do nothing else.
	leastMemory = 256 << 20
	// tightAt is how full the memory is when calls that are no emergency are shed: what
	// is left above it is for the others.
	tightAt    = 0.80
	memoryLook = 250 * time.Millisecond
	// garbageRoom is what may lie about uncollected beside what lives: a small node
	// collects seldom, and a large one does not double.
	garbageRoom               = 192 << 20
	leastPercent, mostPercent = 100, 400
)

// MemoryLimit is how much memory a process should use: what was wished, else a part
// of the machine's memory or of that of its control group; why says which. The root
// is "/" but in tests. It is 0 when nothing is known.
func MemoryLimit(root string, wished int64) (limit int64, why string) {
	if wished > 0 {
		return wished, "as configured"
	}
	limit, why = math.MaxInt64, ""
	if total, ok := machineMemory(root); ok {
		limit, why = int64(ofMachine*float64(total)), "a part of the machine's memory"
	}
	if group, ok := groupMemory(root); ok && int64(ofGroup*float64(group)) < limit {
		limit, why = int64(ofGroup*float64(group)), "a part of the control group's memory"
	}
	if why == "" {
		return 0, "nothing says how much memory there is"
	}
	return max(limit, leastMemory), why
}

func machineMemory(root string) (int64, bool) {
	text, err := os.ReadFile(filepath.Join(root, "proc/meminfo"))
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "MemTotal:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			return kib << 10, err == nil && kib > 0
		}
	}
	return 0, false
}

// groupMemory is the lowest limit of the control groups that the process is in, of
// either version of the interface (cgroups(7)).
func groupMemory(root string) (least int64, ok bool) {
	text, err := os.ReadFile(filepath.Join(root, "proc/self/cgroup"))
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(strings.TrimSpace(string(text))) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(f) != 3 {
			continue
		}
		dir, file := "", ""
		switch {
		case f[0] == "0" && f[1] == "":
			dir, file = "sys/fs/cgroup", "memory.max"
		case strings.Contains(","+f[1]+",", ",memory,"):
			dir, file = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		default:
			continue
		}
		// Inside of a container the path may be that of the host: then the root of the
		// mount is the container's own.
		for at := path.Clean("/" + f[2]); ; at = path.Dir(at) {
			if n, found := readLimit(filepath.Join(root, dir, at, file)); found && (!ok || n < least) {
				least, ok = n, true
			}
			if at == "/" {
				break
			}
		}
	}
	return least, ok
}

func readLimit(file string) (int64, bool) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, false
	}
	// Without a limit there stands "max", or a number next to the largest.
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return n, err == nil && n > 0 && n < 1<<60
}

// LimitMemory bounds the memory of this process and returns the bound. GOMEMLIMIT
// in the environment wins over what is wished.
func LimitMemory(wished int64) (limit int64, why string) {
	if text := os.Getenv("GOMEMLIMIT"); text != "" {
		limit = debug.SetMemoryLimit(-1)
		if limit == math.MaxInt64 {
			return 0, "GOMEMLIMIT is off"
		}
		return limit, "GOMEMLIMIT"
	}
	limit, why = MemoryLimit("/", wished)
	if limit > 0 {
		// The pages of the program itself, and what one collection overshoots, count too.
		debug.SetMemoryLimit(int64(ofLimit * float64(limit)))
	}
	return limit, why
}

// runMemory notes when memory is short, and lets garbage lie while there is room for it.
func (s *Server) runMemory(ctx context.Context) error {
	if s.cfg.MemoryLimit <= 0 {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(memoryLook)
	defer tick.Stop()
	percent := 0
	for {
		live, used := memoryUse()
		tight := float64(used) > tightAt*float64(s.cfg.MemoryLimit)
		if s.tight.Swap(tight) != tight {
			s.cfg.Log.Warn("memory is short: calls that are no emergency are shed", "short", tight, "used_mib", used>>20, "limit_mib", s.cfg.MemoryLimit>>20)
		}
		if want := garbagePercent(live); os.Getenv("GOGC") == "" && (want > percent+percent/8 || want < percent-percent/8) {
			percent = want
			debug.SetGCPercent(want)
			s.cfg.Log.Debug("collector", "percent", want, obs.KeyCode, "gc")
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// garbagePercent is GOGC for so much that lives.
func garbagePercent(live uint64) int {
	return int(min(max(garbageRoom*100/max(live, 1), leastPercent), mostPercent))
}

// memoryUse is what lives on the heap, and all that the process has of the system.
func memoryUse() (live, used uint64) {
	sample := []metrics.Sample{
		{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"},
	}
	metrics.Read(sample)
	return sample[0].Value.Uint64(), sample[1].Value.Uint64() - sample[2].Value.Uint64()
}
