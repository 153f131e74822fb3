package lldp_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/lldp"
)

// run runs a command to its end; the test is skipped with the reason when the
// machine does not let it.
func run(t *testing.T, skip bool, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil && skip {
		t.Skipf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
	if err != nil {
		t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// lldpd in one network namespace announces itself over a cable (veth) to lldpd
// in the same one. A frame is caught with tshark; what we read of it is what
// lldpcli says of the neighbour.
//
// Proves: W-36, F-38
func TestFramesOfLLDPDAsLLDPCLIReadsThem(t *testing.T) {
	for _, prog := range []string{"lldpd", "lldpcli", "ip", "tshark"} {
		if _, err := exec.LookPath(prog); err != nil {
			t.Skipf("%s is not installed", prog)
		}
	}
	if os.Getuid() != 0 {
		t.Skip("network namespaces need root")
	}
	ns := fmt.Sprintf("callbox-lldp-%d", os.Getpid())
	run(t, true, "ip", "netns", "add", ns)
	t.Cleanup(func() { run(t, false, "ip", "netns", "del", ns) })
	run(t, true, "ip", "-n", ns, "link", "add", "v0", "type", "veth", "peer", "name", "v1")
	run(t, false, "ip", "-n", ns, "link", "set", "v0", "up")
	run(t, false, "ip", "-n", ns, "link", "set", "v1", "up")

	dir, err := os.MkdirTemp("", "lldpd") // t.TempDir's parent is closed to the user of lldpd
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	capture, socket := filepath.Join(dir, "lldp.pcap"), filepath.Join(dir, "lldpd.sock")
	shark := start(t, "ip", "netns", "exec", ns, "tshark", "-q", "-i", "v1", "-f", "inbound and ether proto 0x88cc", "-c", "1", "-a", "duration:30", "-F", "pcap", "-w", capture)
	waitFor(t, "the capture", func() bool { s, err := os.Stat(capture); return err == nil && s.Size() >= 24 })
	start(t, "ip", "netns", "exec", ns, "lldpd", "-d", "-u", socket, "-I", "v0,v1", "-C", "v0", "-S", "a switch", "-M", "4")
	var seen neighbours
	waitFor(t, "lldpcli to see the neighbour", func() bool {
		out, err := exec.Command("lldpcli", "-u", socket, "-f", "json0", "show", "neighbors").Output()
		seen = neighbours{}
		return err == nil && json.Unmarshal(out, &seen) == nil && seen.port("v1") != (e911.LLDPPort{})
	})
	if err := shark.Wait(); err != nil {
		t.Fatalf("tshark: %v", err)
	}
	frames := pcapFrames(t, capture)
	if len(frames) != 1 {
		t.Fatalf("%d frames", len(frames))
	}
	f, err := lldp.ParseFrame(frames[0])
	if err != nil {
		t.Fatal(err)
	}
	if want := seen.port("v1"); f.Key() != want || f.TTL == 0 || f.SystemText != "a switch" {
		t.Errorf("lldpcli sees %+v, we %+v of %+v", want, f.Key(), f)
	}
}

// neighbours is what lldpcli prints with -f json0.
type neighbours struct {
	LLDP []struct {
		Interface []struct {
			Name    string
			Chassis []struct {
				ID []struct{ Type, Value string }
			}
			Port []struct {
				ID []struct{ Type, Value string }
			}
		}
	}
}

func (n neighbours) port(at string) e911.LLDPPort {
	for _, l := range n.LLDP {
		for _, i := range l.Interface {
			if i.Name == at && len(i.Chassis) == 1 && len(i.Port) == 1 {
				return e911.LLDPPort{Chassis: i.Chassis[0].ID[0].Value, Port: i.Port[0].ID[0].Value}
			}
		}
	}
	return e911.LLDPPort{}
}

// start runs a process that the test ends.
func start(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Signal(syscall.SIGTERM) // lldpd takes its child along
			_ = cmd.Wait()
		}
	})
	return cmd
}

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(30 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
