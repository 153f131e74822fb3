package main

import (
	"fmt"
	"os"
	"runtime/pprof"

	"github.com/callbox911/callbox/internal/obs"
)

// processFlags are about the process itself.
type processFlags struct {
	CPUProfile string `name:"cpu-profile" hidden:"" help:"File for a processor profile, from start to stop." type:"path"`
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
