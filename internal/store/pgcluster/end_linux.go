package pgcluster

import "syscall"

// endWithUs makes the server end at once when this process is killed.
func endWithUs(as *syscall.SysProcAttr) { as.Pdeathsig = syscall.SIGQUIT }
