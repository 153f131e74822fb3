package registrar_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/live/sipedge"
)

// inside marks the run of this test in a network namespace of its own: baresip
// refuses a machine whose only address is loopback.
const inside = "CALLBOX_TEST_IN_NETNS"

// A telephone that many people use, with an old library that gives up at a
// challenge of SHA-256, registers and dials 933 and 911.
// Proves: C-70, F-34, W-50, RFC 8760
func TestBaresipRegistersAndDials(t *testing.T) {
	if os.Getenv(inside) == "" {
		for _, tool := range []string{"baresip", "unshare", "ip"} {
			if _, err := exec.LookPath(tool); err != nil {
				t.Skipf("skipped: %s is not installed (Debian packages baresip-core, util-linux, iproute2)", tool)
			}
		}
		if out, err := exec.Command("unshare", "-n", "true").CombinedOutput(); err != nil {
			t.Skipf("skipped: no network namespace can be made here: %v %s", err, out)
		}
		c := exec.CommandContext(t.Context(), "unshare", "-n", "sh", "-c", `ip link set lo up && ip addr add 10.77.0.1/24 dev lo && exec "$0" "$@"`,
			os.Args[0], "-test.run=^TestBaresipRegistersAndDials$", "-test.v", "-test.timeout=60s")
		c.Env = append(os.Environ(), inside+"=1")
		if out, err := c.CombinedOutput(); err != nil {
			t.Errorf("in its namespace: %v\n%s", err, out)
		}
		return
	}
	r := newRigAt(t, "udp", "10.77.0.1:15060")
	first := startBaresip(t)
	first.says("Register: Function not implemented") // it does not know SHA-256
	first.stop()
	p := startBaresip(t)
	p.says("200 OK")
	list := r.reg.Bindings("harbor", "2001")
	if len(list) != 1 || !strings.HasPrefix(list[0].Agent, "baresip") {
		t.Fatalf("registered %+v", list)
	}
	for _, number := range []string{"933", "911"} {
		p.command("dial", "sip:"+number+"@harbor.example")
		var leg *sipedge.Leg
		select {
		case leg = <-r.legs:
		case <-time.After(patience):
			t.Fatalf("%s did not come", number)
		}
		if !strings.HasPrefix(leg.Request().URI, "sip:"+number+"@") {
			t.Errorf("dialled %s", leg.Request().URI)
		}
		if who, ok := r.reg.Phone(leg.Request()); !ok || who.Device != "phone" || !who.Registered {
			t.Errorf("the call is of %+v %v", who, ok)
		}
		if err := leg.Reject(486, "", nil); err != nil {
			t.Fatal(err)
		}
		p.until("CALL_CLOSED")
	}
}

// baresip is a running telephone.
type baresip struct {
	t      *testing.T
	cmd    *exec.Cmd
	ctl    net.Conn
	events chan string
	lines  chan string
}

func startBaresip(t *testing.T) *baresip {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	modules, _ := filepath.Glob("/usr/lib*/baresip/modules/ctrl_tcp.so")
	more, _ := filepath.Glob("/usr/lib/*/baresip/modules/ctrl_tcp.so")
	if modules = append(modules, more...); len(modules) == 0 {
		t.Skip("skipped: baresip has no module ctrl_tcp")
	}
	write("accounts", `<sip:2001@harbor.example;transport=udp>;auth_pass=telephone-secret-1;outbound="sip:10.77.0.1:15060;transport=udp";regint=60;audio_codecs=PCMU/8000`+"\n")
	write("contacts", "")
	write("config", strings.Join([]string{
		"poll_method epoll", "sip_listen 10.77.0.1:15081", "audio_player aubridge,null", "audio_source aubridge,null", "audio_alert aubridge,null",
		"module_path " + filepath.Dir(modules[0]), "module g711.so", "module aubridge.so", "module uuid.so", "module account.so",
		"module_app contact.so", "module_app menu.so", "module ctrl_tcp.so", "ctrl_tcp_listen 127.0.0.1:15444", "rtp_ports 16100-16120", "",
	}, "\n"))
	b := &baresip{t: t, cmd: exec.CommandContext(t.Context(), "baresip", "-f", dir), events: make(chan string, 256), lines: make(chan string, 256)}
	out, err := b.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.stop)
	go func() {
		defer close(b.lines)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			b.lines <- lines.Text()
		}
	}()
	b.says("baresip is ready")
	if b.ctl, err = net.DialTimeout("tcp", "127.0.0.1:15444", patience); err != nil {
		t.Fatal(err)
	}
	go b.read()
	return b
}

// read takes netstrings of JSON.
func (b *baresip) read() {
	r := bufio.NewReader(b.ctl)
	for {
		var n int
		if _, err := fmt.Fscanf(r, "%d:", &n); err != nil {
			close(b.events)
			return
		}
		text := make([]byte, n+1)
		if _, err := io.ReadFull(r, text); err != nil {
			close(b.events)
			return
		}
		var e struct{ Type string }
		if json.Unmarshal(text[:n], &e) == nil && e.Type != "" {
			b.events <- e.Type
		}
	}
}

func (b *baresip) command(name, params string) {
	b.t.Helper()
	text, err := json.Marshal(map[string]string{"command": name, "params": params, "token": "1"})
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := fmt.Fprintf(b.ctl, "%d:%s,", len(text), text); err != nil {
		b.t.Fatal(err)
	}
}

func (b *baresip) until(event string) {
	b.t.Helper()
	limit := time.After(patience)
	for {
		select {
		case e, ok := <-b.events:
			if !ok {
				b.t.Fatalf("baresip ended before %s", event)
			}
			if e == event {
				return
			}
		case <-limit:
			b.t.Fatalf("no %s", event)
		}
	}
}

// says waits for a line of its screen.
func (b *baresip) says(text string) {
	b.t.Helper()
	limit := time.After(patience)
	for {
		select {
		case l, ok := <-b.lines:
			b.t.Log(l)
			if !ok {
				b.t.Fatalf("baresip ended before %q", text)
			}
			if strings.Contains(l, text) {
				return
			}
		case <-limit:
			b.t.Fatalf("baresip does not say %q", text)
		}
	}
}

func (b *baresip) stop() {
	if b.ctl != nil {
		b.ctl.Close()
	}
	_ = b.cmd.Process.Kill()
	_ = b.cmd.Wait()
}
