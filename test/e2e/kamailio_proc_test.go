package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"text/template"
	"time"
)

// kamailioConfig asks a location server as X-Case says and tells the outcome in
// headers of its answer. query_result must be 0: by default http_client keeps
// the first line of an answer alone.
var kamailioConfig = template.Must(template.New("kamailio.cfg").Parse(`#!KAMAILIO
debug=2
log_stderror=yes
fork=yes
children=1
auto_aliases=no
disable_tcp=yes
listen=udp:{{.Listen}}
pv_buffer_size=32768
mpath="{{.Modules}}"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "xlog.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "http_client.so"
loadmodule "lost.so"
modparam("http_client", "query_result", 0)
modparam("http_client", "httpcon", "trusted=>{{.Trusted}}")
modparam("http_client", "httpcon", "other=>{{.Other}}")
modparam("http_client", "httpcon", "ecrf=>{{.LoST}}")
modparam("lost", "location_type", "civic locationURI")
modparam("lost", "exact_type", 0)
modparam("lost", "response_time", 0)

request_route {
	if (!is_method("OPTIONS")) {
		exit;
	}
	$var(pidf) = "";
	$var(url) = "";
	$var(err) = "";
	$var(name) = "";
	$var(rc) = 0;
	if ($hdr(X-Case) == "dereference") {
		$var(rc) = lost_held_dereference("$hdr(X-Arg)", "emergencyDispatch", "civic geodetic", "$var(pidf)", "$var(err)");
	} else if ($hdr(X-Case) == "query") {
		$var(rc) = lost_held_query("trusted", "$hdr(X-Arg)", "$var(pidf)", "$var(url)", "$var(err)");
	} else if ($hdr(X-Case) == "query from elsewhere") {
		$var(rc) = lost_held_query("other", "$hdr(X-Arg)", "$var(pidf)", "$var(url)", "$var(err)");
	} else if ($hdr(X-Case) == "find") {
		$var(given) = $(hdr(X-Arg){s.decode.base64});
		$var(rc) = lost_query("ecrf", "$var(given)", "$hdr(X-Service)", "$var(url)", "$var(name)", "$var(err)");
	}
	append_to_reply("X-Name: $var(name)\r\n");
	append_to_reply("X-Code: $var(rc)\r\n");
	append_to_reply("X-Error: $var(err)\r\n");
	append_to_reply("X-URL: $var(url)\r\n");
	append_to_reply("X-PIDF: $(var(pidf){s.encode.base64})\r\n");
	sl_send_reply("200", "OK");
	exit;
}
`))

// kamailio is a running Kamailio with its lost module.
type kamailio struct {
	addr *net.UDPAddr
	conn *net.UDPConn
	out  *kamailioOutput
	seq  int
	// service is what a LoST query asks for.
	service string
}

// startKamailio starts Debian's Kamailio, or skips when it is not there. Trusted
// and other are the URLs of the two location server connections, lost is that of
// a LoST server.
func startKamailio(t *testing.T, trusted, other, lost string) *kamailio {
	t.Helper()
	bin, err := exec.LookPath("kamailio")
	if err != nil {
		if bin, err = exec.LookPath("/usr/sbin/kamailio"); err != nil {
			t.Skip("kamailio is not installed (Debian packages kamailio, kamailio-utils-modules)")
		}
	}
	found, _ := filepath.Glob("/usr/lib/*/kamailio/modules/lost.so")
	if len(found) == 0 {
		t.Skip("kamailio's lost.so is not installed (Debian package kamailio-utils-modules)")
	}
	addr := freeUDPPort(t)
	dir := t.TempDir()
	var cfg bytes.Buffer
	if err := kamailioConfig.Execute(&cfg, map[string]string{
		"Listen": addr.String(), "Modules": filepath.Dir(found[0]) + "/", "Trusted": trusted, "Other": other, "LoST": lost,
	}); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "kamailio.cfg")
	if err := os.WriteFile(file, cfg.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	k := &kamailio{addr: addr, out: &kamailioOutput{}}
	cmd := exec.Command(bin, "-DD", "-E", "-m", "32", "-M", "8", "-f", file, "-Y", dir, "-w", dir, "-P", filepath.Join(dir, "pid"))
	cmd.Stdout, cmd.Stderr = k.out, k.out
	// Its workers are children of its own: the group ends with the test.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatalf("start kamailio: %v", err)
	}
	gone := make(chan error, 1)
	go func() { gone <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-gone:
		case <-time.After(10 * time.Second):
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			<-gone
		}
		if t.Failed() {
			t.Logf("kamailio said:\n%s", k.out)
		}
	})
	if k.conn, err = net.DialUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}, addr); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = k.conn.Close() })
	k.await(t, gone)
	return k
}

func freeUDPPort(t *testing.T) *net.UDPAddr {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr)
}

// await asks until Kamailio answers.
func (k *kamailio) await(t *testing.T, gone <-chan error) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for time.Now().Before(deadline) {
		select {
		case err := <-gone:
			t.Fatalf("kamailio ended at once: %v\n%s", err, k.out)
		default:
		}
		if _, err := k.ask("", "", 200*time.Millisecond); err == nil {
			return
		}
		if t.Context().Err() != nil {
			break
		}
	}
	t.Fatalf("kamailio does not answer\n%s", k.out)
}

// ask sends one SIP request and returns the headers of the answer in lower case.
// A request that is not answered is sent again until the time is over.
func (k *kamailio) ask(what, arg string, within time.Duration) (map[string]string, error) {
	k.seq++
	id := fmt.Sprintf("e2e-%d-%d", os.Getpid(), k.seq)
	local := k.conn.LocalAddr().String()
	msg := strings.Join([]string{
		"OPTIONS sip:trigger@" + k.addr.String() + " SIP/2.0",
		"Via: SIP/2.0/UDP " + local + ";branch=z9hG4bK" + id,
		"From: <sip:test@" + local + ">;tag=" + id,
		"To: <sip:trigger@" + k.addr.String() + ">",
		"Call-ID: " + id,
		"CSeq: 1 OPTIONS",
		"Max-Forwards: 70",
		"X-Case: " + what,
		"X-Arg: " + arg,
		"X-Service: " + k.service,
		"Content-Length: 0", "", "",
	}, "\r\n")
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	if _, err := k.conn.Write([]byte(msg)); err != nil {
		return nil, fmt.Errorf("send to kamailio: %w", err)
	}
	deadline, _ := ctx.Deadline()
	if err := k.conn.SetReadDeadline(deadline); err != nil {
		return nil, err
	}
	buf := make([]byte, 65536)
	for {
		n, err := k.conn.Read(buf)
		if err != nil {
			// A refused port is told at once while Kamailio still starts.
			if errors.Is(err, syscall.ECONNREFUSED) {
				<-ctx.Done()
			}
			return nil, fmt.Errorf("read from kamailio: %w", err)
		}
		h := map[string]string{}
		for line := range strings.SplitSeq(string(buf[:n]), "\r\n") {
			if name, value, ok := strings.Cut(line, ":"); ok {
				h[strings.ToLower(name)] = strings.TrimSpace(value)
			}
		}
		if h["call-id"] == id {
			return h, nil
		}
	}
}

// kamailioOutput keeps what the process prints.
type kamailioOutput struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *kamailioOutput) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *kamailioOutput) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}
