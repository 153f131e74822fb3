package sipedge

import (
	"encoding/binary"
	"errors"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// reportUnreachable asks the kernel to keep ICMP errors for the socket, so
// that a PSAP's host that is down or does not listen fails an attempt at once
// and not after the no-progress timer (RFC 3261, section 18.4).
func reportUnreachable(c *net.UDPConn) {
	raw, err := c.SyscallConn()
	if err != nil {
		return
	}
	// Without it nothing breaks: attempts end by their timers.
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_RECVERR, 1)
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_RECVERR, 1)
	})
}

// icmpError tells the errors with which a socket reports, on its next call,
// that an earlier datagram did not arrive. They say nothing about that call.
func icmpError(err error) bool {
	for _, e := range []error{syscall.ECONNREFUSED, syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.EHOSTDOWN, syscall.EPROTO, syscall.ENOPROTOOPT} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// unreachable returns the beginnings of our datagrams that the kernel holds
// hard ICMP errors for.
func unreachable(c *net.UDPConn) [][]byte {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil
	}
	var lost [][]byte
	_ = raw.Control(func(fd uintptr) {
		for range 64 {
			buf, oob := make([]byte, 2048), make([]byte, 512)
			n, oobn, _, _, err := unix.Recvmsg(int(fd), buf, oob, unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT)
			if err != nil {
				return
			}
			if hardICMP(oob[:oobn]) {
				lost = append(lost, buf[:n])
			}
		}
	})
	return lost
}

// hardICMP reads struct sock_extended_err (ip(7)): its first four octets are
// errno, the fifth the origin.
func hardICMP(oob []byte) bool {
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return false
	}
	for _, m := range msgs {
		ours := m.Header.Level == unix.IPPROTO_IP && m.Header.Type == unix.IP_RECVERR ||
			m.Header.Level == unix.IPPROTO_IPV6 && m.Header.Type == unix.IPV6_RECVERR
		if !ours || len(m.Data) < 16 {
			continue
		}
		origin := m.Data[4]
		if origin != unix.SO_EE_ORIGIN_ICMP && origin != unix.SO_EE_ORIGIN_ICMP6 {
			continue
		}
		return icmpError(syscall.Errno(binary.NativeEndian.Uint32(m.Data)))
	}
	return false
}
