package snmp_test

import (
	"bufio"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/callbox911/callbox/internal/admin/discover"
	"github.com/callbox911/callbox/internal/admin/discover/discovertest"
	"github.com/callbox911/callbox/internal/admin/discover/snmp"
)

// simulate runs snmpsim over walks of real devices; the community is the name
// of the file.
func simulate(t *testing.T, files ...string) snmp.Target {
	t.Helper()
	prog, err := exec.LookPath("snmpsimd")
	if err != nil {
		t.Skip("snmpsimd is not installed: apt-get install snmpsim")
	}
	walks := discovertest.Walks(t)
	dir, err := os.MkdirTemp("", "snmpsim") // t.TempDir's parent is closed to the user nobody
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	for _, d := range []string{dir, dir + "/data", dir + "/cache"} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(d, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range files {
		discovertest.Unpack(t, filepath.Join(walks, f+".snmprec.bz2"), filepath.Join(dir, "data", filepath.Base(f)+".snmprec"))
	}
	probe, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := probe.LocalAddr().String()
	probe.Close()
	args := []string{
		"--data-dir=" + dir + "/data", "--cache-dir=" + dir + "/cache", "--agent-udpv4-endpoint=" + at, "--logging-method=stdout",
		"--v3-user=watcher", "--v3-auth-key=authpass123", "--v3-auth-proto=SHA", "--v3-priv-key=privpass123", "--v3-priv-proto=AES",
	}
	if os.Getuid() == 0 {
		args = append(args, "--process-user=nobody", "--process-group=nogroup")
	}
	cmd := exec.Command(prog, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	read := make(chan struct{})
	listening := make(chan bool, 1)
	go func() {
		defer close(read)
		s := bufio.NewScanner(out)
		for s.Scan() {
			if strings.Contains(s.Text(), "Listening at") {
				listening <- true
				break
			}
			t.Log("snmpsim: " + s.Text())
		}
		_, _ = io.Copy(io.Discard, out)
	}()
	t.Cleanup(func() { _ = cmd.Process.Kill(); <-read; _ = cmd.Wait() })
	select {
	case <-listening:
	case <-read:
		t.Fatal("snmpsim ended")
	case <-time.After(30 * time.Second):
		t.Fatal("snmpsim does not listen")
	}
	target, err := snmp.ParseTarget(at)
	if err != nil {
		t.Fatal(err)
	}
	return target
}

// What comes over the wire from an independent agent is what the walk holds:
// read in Go without a socket it gives the same device.
//
// Proves: W-36, F-19
func TestRealWalksOverTheWire(t *testing.T) {
	files := []string{"switch/hpe-procurve-516733-b21", "wifi/aruba-7010", "arista-dcs-7150s-52-cl"}
	target := simulate(t, files...)
	for _, f := range files {
		want := discover.Decode(target.String(), time.Unix(1_800_000_000, 0).UTC(),
			discovertest.Answers(discovertest.Read(t, filepath.Join(discovertest.Walks(t), f+".snmprec.bz2"))))
		for _, v := range []struct {
			name string
			k    snmp.Credentials
		}{
			{"version 2c", snmp.Credentials{Community: filepath.Base(f)}},
			{"version 3", snmp.Credentials{
				User: "watcher", Auth: snmp.AuthSHA, AuthKey: "authpass123", Priv: snmp.PrivAES, PrivKey: "privpass123", Context: filepath.Base(f),
			}},
		} {
			if v.k.User != "" && f != "wifi/aruba-7010" {
				continue // one is enough: the simulator encrypts slowly
			}
			t.Run(v.name+" "+filepath.Base(f), func(t *testing.T) {
				got, err := reader(t, func(c *snmp.Config) { c.Credentials, c.Timeout, c.Repetitions = v.k, 5*time.Second, 50 }).Read(t.Context(), target)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
					t.Errorf("(-walk +wire)\n%s", diff)
				}
			})
		}
	}
	t.Run("version 3 with a wrong key", func(t *testing.T) {
		k := snmp.Credentials{User: "watcher", Auth: snmp.AuthSHA, AuthKey: "authpass124", Priv: snmp.PrivAES, PrivKey: "privpass123", Context: "aruba-7010"}
		if _, err := reader(t, func(c *snmp.Config) { c.Credentials = k }).Read(t.Context(), target); err == nil || strings.Contains(err.Error(), "authpass") {
			t.Errorf("got %v", err)
		}
	})
}
