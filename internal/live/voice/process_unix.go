//go:build unix

package voice

import (
	"os"
	"syscall"
)

// ownGroup keeps a terminal's interrupt from the worker, which ends with its
// standard input, and lets lowerPriority reach all its threads.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// lowerPriority makes every thread of this process yield to all others. On
// Linux a priority belongs to a thread, so it is set for the process group; it
// leaves the process alone when that is not its own. Where it is not allowed
// the process runs as it is: one core of work at most.
func lowerPriority() {
	if syscall.Getpgrp() != os.Getpid() {
		return
	}
	_ = syscall.Setpriority(syscall.PRIO_PGRP, 0, 19)
	// Linux: when memory runs out, speech goes first. Elsewhere there is no such file.
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0)
}
