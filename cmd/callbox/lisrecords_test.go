package main

import (
	"bytes"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Proves: W-36, RFC 5986 section 4, RFC 7216 section 4
func TestLISRecords(t *testing.T) {
	for _, c := range []struct {
		name string
		cmd  lisCmd
		code int
		say  []string
	}{
		{"a domain", lisCmd{Domain: "Example.com.", BaseURL: "https://lis.example.com/"}, 0, []string{
			`example.com. IN NAPTR 100 10 "u" "LIS:HELD" "!.*!https://lis.example.com/held!" .`, "076578616d706c6503636f6d00",
		}},
		{"a range behind a NAT", lisCmd{Domain: "example.com", BaseURL: "https://lis.example.com", Range: []string{"192.0.2.0/24", "2001:db8::7"}}, 0, []string{
			"2.0.192.in-addr.arpa. IN NAPTR", ".8.b.d.0.1.0.0.2.ip6.arpa. IN NAPTR",
		}},
		{"an address without TLS", lisCmd{Domain: "example.com", BaseURL: "http://lis.example.com"}, 0, []string{"Use https"}},
		{"nothing that is right", lisCmd{Domain: "a b", BaseURL: "ftp://x"}, 2, []string{"a b", "ftp://x"}},
		{"a range that is none", lisCmd{Domain: "example.com", BaseURL: "https://lis.example.com", Range: []string{"192.0.2.0/33"}}, 2, []string{"192.0.2.0/33"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			err := c.cmd.Run(&env{ctx: t.Context(), stdout: &out})
			code, text := 0, out.String()
			if err != nil {
				code, text = exitCode(err), err.Error()
			}
			if code != c.code {
				t.Fatalf("code %d, want %d: %v", code, c.code, err)
			}
			for _, say := range c.say {
				if !strings.Contains(text, say) {
					t.Errorf("no %q in:\n%s", say, text)
				}
			}
		})
	}
}

// Proves: RFC 5985 section 9.1
func TestServeTakesCertificateFiles(t *testing.T) {
	c := serveCmd{
		RTP: "127.0.0.1", RTPPorts: "20000-20009", HELDCert: "c.pem", HELDKey: "k.pem", HELDClientCA: "ca.pem", TrustedProxy: []string{"10.0.0.7", "10.1.0.0/16"},
	}
	cfg, err := c.config(&env{})
	if err != nil {
		t.Fatal(err)
	}
	if f := cfg.HELDTLS; f.Certificate != "c.pem" || f.Key != "k.pem" || f.ClientRoots != "ca.pem" {
		t.Errorf("files %+v", f)
	}
	if p := cfg.TrustedProxies; len(p) != 2 || p[0].String() != "10.0.0.7/32" || p[1].String() != "10.1.0.0/16" {
		t.Errorf("proxies %v", p)
	}
	c.TrustedProxy = []string{"proxy.example"}
	if _, err := c.config(&env{}); err == nil || !strings.Contains(err.Error(), "trusted-proxy") {
		t.Errorf("a proxy by name: %v", err)
	}
}

// Proves: W-36
func TestHangupReloads(t *testing.T) {
	reloaded := make(chan bool, 1)
	stop := reloadOnHangup(func() { reloaded <- true })
	defer stop()
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	select {
	case <-reloaded:
	case <-time.After(5 * time.Second):
		t.Fatal("SIGHUP reloads nothing")
	}
}
