package e2e

import (
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin/report"
	"github.com/callbox911/callbox/internal/e911"
)

// inNetns marks the run of a test in a network namespace of its own.
const inNetns = "CALLBOX_E2E_IN_NETNS"

// inOwnNetwork runs the test again in a network namespace with an address
// beside loopback, 10.77.0.1, that softphones ask for. It reports whether this
// is that run.
func inOwnNetwork(t *testing.T, tools ...string) bool {
	t.Helper()
	if os.Getenv(inNetns) != "" {
		return true
	}
	for _, tool := range append(tools, "unshare", "ip") {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("skipped: %s is not installed (make debs)", tool)
		}
	}
	if out, err := exec.Command("unshare", "-n", "true").CombinedOutput(); err != nil {
		t.Skipf("skipped: no network namespace can be made here: %v %s", err, out)
	}
	bin, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	const network = `ip link set lo up && ip link add v0 type veth peer name v1 && ip addr add 10.77.0.1/24 dev v0 && ip link set v0 up && ip link set v1 up && ` +
		`ip route add default via 10.77.0.254 dev v0 && exec "$0" "$@"`
	c := exec.CommandContext(t.Context(), "unshare", "-n", "sh", "-c", network, os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=150s")
	c.Env = append(os.Environ(), inNetns+"=1", "CALLBOX_BIN="+bin)
	out, err := c.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS") {
		t.Errorf("in its namespace: %v\n%s", err, out)
	}
	return false
}

// linphoneRC makes linphone a telephone of the world: it registers by itself,
// and is not put off by a network without a way out.
const linphoneRC = `[sip]
bind_address=10.77.0.1
sip_port=15101
sip_tcp_port=-1
sip_tls_port=-1
default_proxy=0
register_only_when_network_is_up=0
media_encryption=none
guess_hostname=1
contact=sip:linphone@unknown-host
[net]
mtu=1300
[rtp]
audio_rtp_port=16400
[sound]
echocancellation=0
[auth_info_0]
username=2001
passwd=` + phoneSecret + `
[proxy_0]
reg_proxy=<sip:10.77.0.1:5060>
reg_identity=sip:2001@10.77.0.1
reg_expires=3600
reg_sendregister=1
publish=0
`

// linphone, driven by its own command line, registers and calls; its 911
// carries a reference to where it is.
//
// Proves: C-70, W-48, W-50, F-05, F-34, issue 6 (linphone; a Geolocation header by reference)
func TestLinphoneRegistersAndCallsForHelp(t *testing.T) {
	if !inOwnNetwork(t, "linphonec") {
		return
	}
	s := newSite(t)
	s.telephones("10.77.0.1")
	s.world = strings.Replace(s.world, "{ip: "+s.ip(0)+"/28}", "{ip: 10.77.0.0/24}", 1)
	s.sip = netip.MustParseAddrPort("10.77.0.1:5060")
	s.start()
	token := s.located(s.phone()) // of room 210, by what the desk telephone sees

	home := t.TempDir()
	if err := os.MkdirAll(filepath.Join(home, ".local/share/linphone"), 0o700); err != nil {
		t.Fatal(err)
	}
	rc := filepath.Join(home, "linphonerc")
	if err := os.WriteFile(rc, []byte(linphoneRC), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(s.ctx, "linphonec", "-c", rc)
	cmd.Env = append(os.Environ(), "HOME="+home)
	said := &logBuffer{}
	cmd.Stdout, cmd.Stderr = said, said
	keys, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	says := func(text string) {
		t.Helper()
		s.awaitFor("linphone to say "+text, 20*time.Second, func() bool {
			return strings.Contains(said.String(), text) || t.Failed()
		})
	}
	press := func(line string) {
		t.Helper()
		if _, err := io.WriteString(keys, line+"\n"); err != nil {
			t.Fatal(err)
		}
	}
	defer func() {
		if t.Failed() {
			t.Logf("linphone said:\n%s", said.String())
		}
	}()
	says("linphonec>")
	press("soundcard use files")
	asked := 0
	s.awaitFor("linphone to be registered", 30*time.Second, func() bool {
		if asked++; asked%50 == 1 {
			press("status register")
		}
		return strings.Contains(said.String(), "registered, identity=sip:2001@10.77.0.1")
	})
	press("call sip:933@10.77.0.1")
	says("Call 1 with sip:933@10.77.0.1 connected")
	press("terminate")
	says("Call 1 with sip:933@10.77.0.1 ended")
	press("call sip:911@10.77.0.1?Geolocation=" + strings.NewReplacer("<", "%3C", ">", "%3E", ":", "%3A", "/", "%2F").Replace("<"+token+">"))
	got := s.received(s.a)
	says("Call 2 with")
	if values := strings.Join(got.Invite.All("Geolocation"), ", "); !strings.HasPrefix(values, "<cid:") || !strings.Contains(values, token) {
		t.Errorf("the PSAP's Geolocation is %q: want the value first, and the reference kept", values)
	}
	xmllint(t, got.PIDFLO, map[string]string{"HNO": "795", "ROOM": "210"})
	press("terminate")
	rec := s.record("the call", func(r report.CallRecord) bool { return ended(r) && r.Class == e911.ClassEmergency })
	if rec.Device == nil || rec.Device.Key != "t1" {
		t.Errorf("the record is of %+v", rec.Device)
	}
	s.record("the test call", func(r report.CallRecord) bool { return ended(r) && r.Class == e911.ClassTest933 })
}
