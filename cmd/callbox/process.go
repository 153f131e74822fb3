package main

import (
	"fmt"
	"os"
	"runtime/pprof"
	"strconv"
	"strings"

	"github.com/callbox911/callbox/internal/app"
	"github.com/callbox911/callbox/internal/obs"
)

// processFlags are about the process itself.
type processFlags struct {
	Memory     string `help:"Memory that may be used, such as 900MiB; none: a part of the machine's, or of the control group's. GOMEMLIMIT in the environment wins." env:"CALLBOX_MEMORY"`
	CPUProfile string `name:"cpu-profile" hidden:"" help:"File for a processor profile, from start to stop." type:"path"`
}

// limitMemory bounds the memory of the process, and says how.
func (f processFlags) limitMemory(e *env) (int64, error) {
	wished, err := bytesOf(f.Memory)
	if err != nil {
		return 0, fmt.Errorf("memory: %w", err)
	}
	limit, why := app.LimitMemory(wished)
	e.log.Info("memory", "limit_mib", limit>>20, "why", why)
	return limit, nil
}

// bytesOf reads "900MiB", "2GiB" or bytes alone; 0 for nothing.
func bytesOf(s string) (int64, error) {
	number, shift := strings.TrimSpace(s), 0
	for unit, n := range map[string]int{"KiB": 10, "MiB": 20, "GiB": 30} {
		if rest, ok := strings.CutSuffix(number, unit); ok {
			number, shift = strings.TrimSpace(rest), n
			break
		}
	}
	if number == "" && shift == 0 {
		return 0, nil
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 1 || n > 1<<60>>shift {
		return 0, fmt.Errorf("%q is no size: write 900MiB or 2GiB", s)
	}
	return n << shift, nil
}

// begin does what the flags ask for; end is called when the process has done its
// work.
func (f processFlags) begin(e *env) (end func(), err error) {
	if f.CPUProfile == "" {
		return func() {}, nil
	}
	file, err := os.Create(f.CPUProfile)
	if err != nil {
		return nil, fmt.Errorf("make the processor profile: %w", err)
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		file.Close()
		return nil, fmt.Errorf("begin the processor profile: %w", err)
	}
	return func() {
		pprof.StopCPUProfile()
		if err := file.Close(); err != nil {
			e.log.Error("the processor profile is not whole", obs.Err(err))
		}
	}, nil
}
