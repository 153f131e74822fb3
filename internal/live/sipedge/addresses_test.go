package sipedge

import (
	"errors"
	"net"
	"strings"
	"testing"
)

// Proves: E14
func TestAnErrorOfTheNetworkNamesNoCaller(t *testing.T) {
	c, err := net.Dial("udp", "127.0.0.11:9")
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	_, err = c.Write([]byte("x"))
	if err == nil || !strings.Contains(err.Error(), "127.0.0.11") {
		t.Fatalf("the error names nobody by itself: %v", err)
	}
	if got := withoutAddresses(err); strings.Contains(got.Error(), "127.0.0.11") || !errors.Is(got, net.ErrClosed) {
		t.Errorf("%v", got)
	}
}
