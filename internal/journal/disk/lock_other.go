//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package disk

import "os"

// lock does nothing where flock(2) does not exist: the operator must see to it
// that one process alone uses the folder.
func lock(*os.File) error { return nil }
