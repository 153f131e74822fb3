//go:build unix

package app

import (
	"fmt"
	"syscall"
)

// raiseOpenFiles lets the process open as many files as the system allows, and
// tells how many that is.
func raiseOpenFiles() (int, error) {
	const most = 1 << 20 // beyond which a number means nothing
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return 0, fmt.Errorf("read the limit of open files: %w", err)
	}
	if l.Cur < l.Max {
		was := l.Cur
		l.Cur = l.Max
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
			l.Cur = was // it stays as it was
		}
	}
	return int(min(l.Cur, most)), nil
}
