package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin/discover/snmp"
)

func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// Proves: W-36
func TestDiscoverTellsBadInputFromDevicesThatDoNotAnswer(t *testing.T) {
	t.Setenv("CALLBOX_SNMP_COMMUNITY", "public")
	for _, c := range []struct {
		name string
		cmd  discoverSNMPCmd
		code int
		say  string
	}{
		{"no device", discoverSNMPCmd{}, 2, "no device"},
		{"a device that is none", discoverSNMPCmd{Target: []string{"10.0.0.1", "a b"}}, 2, "no host name"},
		{"a map that is none", discoverSNMPCmd{Target: []string{"127.0.0.1:9"}, Map: write(t, "x")}, 2, "no column kind"},
		{"an earlier report that is none", discoverSNMPCmd{Target: []string{"127.0.0.1:9"}, Before: write(t, "x")}, 2, "is no report"},
		{"two maps", discoverSNMPCmd{Target: []string{"127.0.0.1:9"}, Map: "x", Data: "y"}, 2, "not with both"},
		{"a data directory without database", discoverSNMPCmd{Target: []string{"127.0.0.1:9"}, Data: t.TempDir()}, 2, "no database"},
		{"credentials of another kind", discoverSNMPCmd{Target: []string{"127.0.0.1:9"}, Credentials: write(t, "# v3\nsecret123\n")}, 2, "entry 1"},
		{"a file of devices where nobody listens", discoverSNMPCmd{Targets: write(t, "# one\n127.0.0.1:9\n\n127.0.0.1:9\n"), Timeout: 50 * time.Millisecond}, 1, "1 of 1 devices"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out, errs bytes.Buffer
			err := c.cmd.Run(&env{ctx: t.Context(), stdout: &out, stderr: &errs})
			if err == nil || exitCode(err) != c.code || !strings.Contains(err.Error(), c.say) {
				t.Fatalf("got %v, want code %d and %q", err, c.code, c.say)
			}
			if strings.Contains(err.Error(), "secret123") {
				t.Errorf("a secret is printed: %v", err)
			}
		})
	}
}

// Proves: W-36
func TestDiscoverTakesSecretsFromFileOrEnvironment(t *testing.T) {
	want := snmp.Credentials{User: "watcher", Auth: snmp.AuthSHA256, AuthKey: "a=b#c d", Priv: snmp.PrivAES, PrivKey: "12345678"}
	file := discoverSNMPCmd{Credentials: write(t, "user = watcher\nauth=SHA256\nauth-key=a=b#c d\npriv=aes\npriv-key=12345678\n")}
	if got, err := file.credentials(os.Getenv); err != nil || got != want {
		t.Errorf("file: %v, %v", got == want, err)
	}
	environ := map[string]string{
		"CALLBOX_SNMP_USER": "watcher", "CALLBOX_SNMP_AUTH": "sha256", "CALLBOX_SNMP_AUTH_KEY": "a=b#c d",
		"CALLBOX_SNMP_PRIV": "aes", "CALLBOX_SNMP_PRIV_KEY": "12345678",
	}
	var none discoverSNMPCmd
	if got, err := none.credentials(func(k string) string { return environ[k] }); err != nil || got != want {
		t.Errorf("environment: %v, %v", got == want, err)
	}
}
