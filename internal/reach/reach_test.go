package reach_test

import (
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/reach"
)

// Proves: E14
func TestAnAddressOfThisMachineOrItsLinkIsHere(t *testing.T) {
	for text, want := range map[string]bool{
		"127.0.0.1": true, "127.8.8.8": true, "::1": true, "::ffff:127.0.0.1": true, "0.0.0.0": true, "::": true, "169.254.169.254": true,
		"::ffff:169.254.169.254": true, "fe80::1%eth0": true, "224.0.0.1": true, "ff02::1": true,
		"10.0.0.1": false, "192.168.1.1": false, "fd00::1": false, "8.8.8.8": false, "100.64.0.1": false,
	} {
		if got := reach.Here(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: %v", text, got)
		}
		if got := reach.NamesHere(text); got != want {
			t.Errorf("the host %s: %v", text, got)
		}
	}
	for host, want := range map[string]bool{"localhost": true, "LocalHost.": true, "dc.localhost": true, "dc.example": false, "": false, "127.1": false} {
		if got := reach.NamesHere(host); got != want {
			t.Errorf("the host %q: %v", host, got)
		}
	}
}

// Proves: E14: a name that leads to this machine is refused when it is dialled.
func TestANameThatLeadsHereIsNotDialled(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"localhost", "127.0.0.1", "0.0.0.0"} {
		c, err := reach.Dialer(time.Second, false).DialContext(t.Context(), "tcp", net.JoinHostPort(host, port))
		if !errors.Is(err, reach.ErrHere) {
			t.Errorf("%s: %v, %v", host, c, err)
		}
	}
	c, err := reach.Dialer(time.Second, true).DialContext(t.Context(), "tcp4", net.JoinHostPort("localhost", port))
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	if _, err := reach.Dialer(time.Second, true).DialContext(t.Context(), "tcp4", net.JoinHostPort("169.254.169.254", port)); !errors.Is(err, reach.ErrHere) {
		t.Errorf("credentials of a cloud: %v", err)
	}
}
