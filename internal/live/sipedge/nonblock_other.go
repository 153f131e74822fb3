//go:build !unix

package sipedge

import "net"

// tryWrite leaves everything to the writing goroutine: there is no portable
// write that does not wait.
func tryWrite(*net.TCPConn, []byte) (int, error) { return 0, nil }
