package e2e

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"text/template"
	"time"

	"github.com/callbox911/callbox/internal/admin/report"
	"github.com/callbox911/callbox/internal/sim/phone"
)

// proxyConfig is a Kamailio that is two proxies: the platform's, which brings
// calls to Callbox, and the carrier's, which takes calls to the PSAP and asks for
// a password by its own auth module.
var proxyConfig = template.Must(template.New("proxy.cfg").Parse(`#!KAMAILIO
debug=2
log_stderror=yes
fork=yes
children=1
tcp_children=1
auto_aliases=no
{{if .TLS}}enable_tls=yes
listen=tls:{{.Platform}}:5061
listen=tls:{{.Carrier}}:5061
{{end}}listen=udp:{{.Platform}}:5060
listen=tcp:{{.Platform}}:5060
listen=udp:{{.Carrier}}:5060
listen=tcp:{{.Carrier}}:5060
mpath="{{.Modules}}"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "siputils.so"
loadmodule "textops.so"
loadmodule "auth.so"
{{if .TLS}}loadmodule "tls.so"
modparam("tls", "config", "{{.TLS}}")
{{end}}
request_route {
	if (is_method("ACK") && !has_totag()) {
		if (t_check_trans()) { t_relay(); }
		exit;
	}
	if (is_method("CANCEL")) {
		if (t_check_trans()) { t_relay(); }
		exit;
	}
	if (has_totag()) {
		loose_route();
		t_relay();
		exit;
	}
	if ($Ri == "{{.Platform}}") {
		if (!is_method("INVITE")) { sl_send_reply("200", "OK"); exit; }
		record_route();
		$du = "{{.Callbox}}";
		t_relay();
		exit;
	}
	if (is_method("OPTIONS")) { sl_send_reply("200", "OK"); exit; }
	if (is_method("REGISTER")) {
		if (!pv_www_authenticate("carrier.test", "{{.Secret}}", "0")) { www_challenge("carrier.test", "1"); exit; }
		append_to_reply("Expires: 600\r\n");
		sl_send_reply("200", "OK");
		exit;
	}
	if (!pv_proxy_authenticate("carrier.test", "{{.Secret}}", "0")) { proxy_challenge("carrier.test", "1"); exit; }
	consume_credentials();
	record_route();
	$du = "{{.PSAP}}";
	t_relay();
	exit;
}
`))

var proxyTLS = template.Must(template.New("tls.cfg").Parse(`[server:default]
method = TLSv1.2+
verify_certificate = yes
require_certificate = yes
private_key = {{.Dir}}/carrier.key
certificate = {{.Dir}}/carrier.pem
ca_list = {{.Dir}}/ca.pem
[client:default]
method = TLSv1.2+
verify_certificate = yes
require_certificate = yes
private_key = {{.Dir}}/platform.key
certificate = {{.Dir}}/platform.pem
ca_list = {{.Dir}}/ca.pem
`))

// proxies are where the two proxies listen, and where they send calls.
type proxies struct {
	Platform, Carrier, Callbox, PSAP, Secret, TLS, Modules string
}

// startProxies starts Debian's Kamailio as both proxies, or skips without it.
func startProxies(s *site, p proxies) {
	t := s.t
	t.Helper()
	bin, err := exec.LookPath("kamailio")
	if err != nil {
		if bin, err = exec.LookPath("/usr/sbin/kamailio"); err != nil {
			t.Skip("kamailio is not installed (Debian package kamailio)")
		}
	}
	need := "auth.so"
	if p.TLS != "" {
		need = "tls.so"
	}
	found, _ := filepath.Glob("/usr/lib/*/kamailio/modules/" + need)
	if len(found) == 0 {
		t.Skipf("kamailio's %s is not installed (Debian packages kamailio, kamailio-tls-modules)", need)
	}
	p.Modules = filepath.Dir(found[0]) + "/"
	dir := t.TempDir()
	var cfg bytes.Buffer
	if err := proxyConfig.Execute(&cfg, p); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "kamailio.cfg")
	if err := os.WriteFile(file, cfg.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	out := &kamailioOutput{}
	cmd := exec.Command(bin, "-DD", "-E", "-m", "64", "-M", "8", "-f", file, "-Y", dir, "-w", dir, "-P", filepath.Join(dir, "pid"))
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // its workers end with it
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
			t.Logf("kamailio said:\n%s", out)
		}
	})
	s.await("kamailio to listen", func() bool {
		select {
		case err := <-gone:
			gone <- err
			t.Fatalf("kamailio ended at once: %v\n%s", err, out)
		default:
		}
		c, err := net.DialTimeout("tcp", p.Carrier+":5060", time.Second)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
}

// issuer makes the certificates of one test, as files of a folder.
type issuer struct {
	t    *testing.T
	dir  string
	ca   *x509.Certificate
	key  *ecdsa.PrivateKey
	made int64
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	i := &issuer{t: t, dir: t.TempDir()}
	i.ca, i.key = i.make("ca", &x509.Certificate{
		Subject: pkix.Name{CommonName: "e2e authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, nil, nil)
	return i
}

// issue makes the certificate of a name or an address: NAME.pem and NAME.key.
func (i *issuer) issue(file, name string) {
	i.t.Helper()
	c := &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if ip := net.ParseIP(name); ip != nil {
		c.IPAddresses = []net.IP{ip}
	} else {
		c.DNSNames = []string{name}
	}
	i.make(file, c, i.ca, i.key)
}

func (i *issuer) make(file string, c, parent *x509.Certificate, by *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	i.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		i.t.Fatal(err)
	}
	i.made++
	c.SerialNumber, c.NotBefore, c.NotAfter = big.NewInt(i.made), time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	if parent == nil {
		parent, by = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, by)
	if err != nil {
		i.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		i.t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		i.t.Fatal(err)
	}
	for name, b := range map[string]*pem.Block{".pem": {Type: "CERTIFICATE", Bytes: der}, ".key": {Type: "PRIVATE KEY", Bytes: raw}} {
		if err := os.WriteFile(filepath.Join(i.dir, file+name), pem.EncodeToMemory(b), 0o600); err != nil {
			i.t.Fatal(err)
		}
	}
	return cert, key
}

// behind gives the site's world other trunks: the PBX and the carrier.
func (s *site) behind(pbx, carrier string) {
	s.t.Helper()
	lines := strings.Split(s.world, "\n")
	for i, l := range lines {
		switch {
		case strings.Contains(l, "key: carrier-a,"):
			lines[i] = "    - " + carrier
		case strings.Contains(l, "trunks: [{key: pbx,"):
			lines[i] = "    trunks: [" + pbx + "]"
		}
	}
	s.world = strings.Join(lines, "\n")
}

// idle opens a connection to Callbox from an address and says nothing; heard
// tells what came on it until now.
func idle(s *site, from string) (heard func() string) {
	s.t.Helper()
	d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(ua0(from)), Timeout: 5 * time.Second}
	c, err := d.DialContext(s.ctx, "tcp", s.sip.String())
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = c.Close() })
	return func() string {
		_ = c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		b := make([]byte, 4096)
		n, err := c.Read(b)
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return ""
		}
		return string(b[:n])
	}
}

// through makes a call and checks what the PSAP got and what stayed silent.
func through(t *testing.T, s *site, transport string, strangers ...func() string) {
	t.Helper()
	p := s.phone(func(c *phone.Config) { c.Proxy = netip.AddrPortFrom(netip.MustParseAddr(s.ip(12)), 5060) })
	call := s.dial(p, phone.Dialling{Location: s.located(p)})
	s.answered(call)
	got := s.received(s.a)
	xmllint(t, got.PIDFLO, map[string]string{"HNO": "795", "ROOM": "210"})
	if got.From != "+16175550111" {
		t.Errorf("the PSAP sees From %s", got.From)
	}
	if hops := got.Invite.All("Record-Route"); len(hops) == 0 {
		t.Error("the call did not come through the carrier's proxy")
	}
	ctx, cancel := context.WithTimeout(s.ctx, 20*time.Second)
	defer cancel()
	s.hangup(call)
	if e, err := call.WaitEnd(ctx); err != nil {
		t.Errorf("the caller's end: %+v, %v", e, err)
	}
	waitEnded(t, got.Call)
	rec := s.record("the call", ended)
	if len(rec.Attempts) != 1 || rec.Attempts[0].Transport != transport {
		t.Errorf("attempts %+v, want one by %s", rec.Attempts, transport)
	}
	for i, heard := range strangers {
		if text := heard(); text != "" {
			t.Errorf("stranger %d got %q", i, text)
		}
	}
}

// Proves: W-43, C-71, F-16, D-01, RFC 3261 section 22 (a third party's proxies before and behind us; the carrier asks for a password)
func TestACallThroughTheProxiesOfAPlatformAndACarrierByUDPAndTCP(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.behind("{key: pbx, side: platform, from: ["+s.ip(12)+"/32], dr_from: [], identity_header: E911-User-ID}",
		`{key: carrier-a, side: carrier, kind: provider, profile: carrier, to: "sip:psap@`+s.ip(13)+`:5060", from: [`+s.ip(13)+`/32], dr_from: [], `+
			`digest: {user: callbox, realm: carrier.test, secrets: ["what the carrier gave us"]}, register: {registrar: "sip:`+s.ip(13)+`:5060;transport=udp", aor: "sip:callbox@carrier.test"}}`)
	startProxies(s, proxies{
		Platform: s.ip(12), Carrier: s.ip(13), Secret: "what the carrier gave us",
		Callbox: "sip:" + s.sip.String() + ";transport=udp", PSAP: "sip:" + s.a.Addr().String() + ";transport=tcp",
	})
	s.start()
	s.await("the registration with the carrier", func() bool {
		out, err := s.command("trunks", "--data", s.data, "--json")
		return err == nil && strings.Contains(out, `"registration"`) && strings.Contains(out, `"until"`)
	})
	through(t, s, "tcp", idle(s, s.ip(66)), idle(s, s.ip(13)))
}

// The platform has no address on our side: its certificate alone says whose the
// call is. The carrier takes nobody without ours.
// Proves: C-71, W-43, D-01, F-10
func TestACallThroughProxiesByTLSWithCertificatesBothWays(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ca := newIssuer(t)
	ca.issue("platform", "pbx.e2e.test")
	ca.issue("carrier", s.ip(13))
	ca.issue("callbox", s.ip(10))
	var cfg bytes.Buffer
	if err := proxyTLS.Execute(&cfg, map[string]string{"Dir": ca.dir}); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(ca.dir, "tls.cfg")
	if err := os.WriteFile(file, cfg.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	s.behind("{key: pbx, side: platform, certificates: [pbx.e2e.test], dr_from: [], identity_header: E911-User-ID}",
		`{key: carrier-a, side: carrier, kind: provider, profile: carrier, to: "sip:psap@`+s.ip(13)+`:5061;transport=tls", from: [`+s.ip(13)+`/32], dr_from: [], digest: {user: callbox, realm: carrier.test, secrets: ["the same by TLS"]}}`)
	startProxies(s, proxies{
		Platform: s.ip(12), Carrier: s.ip(13), Secret: "the same by TLS", TLS: file,
		Callbox: "sip:" + s.ip(10) + ":5061;transport=tls", PSAP: "sip:" + s.a.Addr().String() + ";transport=tcp",
	})
	s.start("--sip", "tls:"+s.ip(10)+":5061", "--sip-cert", filepath.Join(ca.dir, "callbox.pem"), "--sip-key", filepath.Join(ca.dir, "callbox.key"),
		"--sip-client-ca", filepath.Join(ca.dir, "ca.pem"))
	through(t, s, "tls", idle(s, s.ip(66)))
	rec := s.record("whose the call is", func(r report.CallRecord) bool { return r.Trunk.Key == "pbx" })
	if slices.Contains(rec.Flags, "unauthenticated") {
		t.Errorf("flags %v", rec.Flags)
	}
}
