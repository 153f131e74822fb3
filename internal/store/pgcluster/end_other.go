//go:build !linux

package pgcluster

import "syscall"

// endWithUs does nothing: a server outlives a process that was killed here.
func endWithUs(*syscall.SysProcAttr) {}
