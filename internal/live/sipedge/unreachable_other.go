//go:build !linux

package sipedge

import "net"

// ICMP errors are read on Linux; elsewhere an attempt ends by its timers.

func reportUnreachable(*net.UDPConn) {}

func icmpError(error) bool { return false }

func unreachable(*net.UDPConn) [][]byte { return nil }
