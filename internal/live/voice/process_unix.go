//go:build unix

package voice

import (
	"os"
	"syscall"
)

// ownGroup keeps a terminal's interrupt from the worker, which ends with its
// standard input, and lets lowerPriority reach all its threads.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// niceness of the worker: against a thread of the call path that wants the same
// core it gets one part in ten (Linux, nice 10 weighs 110 to 1024). At 19 it
// would get one in seventy, and a busy machine would leave 933 without speech.
const niceness = 10

// lowerPriority makes every thread of this process yield to the others. On Linux
// a priority belongs to a thread, so it is set for the process group; the process
// is left alone when that is not its own.
func lowerPriority() {
	if syscall.Getpgrp() != os.Getpid() {
		return
	}
	_ = syscall.Setpriority(syscall.PRIO_PGRP, 0, niceness)
	// Linux: when memory runs out, speech goes first. Elsewhere there is no such file.
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0)
}
