//go:build !unix

package voice

import "syscall"

func ownGroup() *syscall.SysProcAttr { return nil }

// lowerPriority does nothing here: the process runs as it is.
func lowerPriority() {}
