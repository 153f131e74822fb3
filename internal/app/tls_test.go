package app

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callbox911/callbox/examples"
	"github.com/callbox911/callbox/internal/admin/world"
	"github.com/callbox911/callbox/internal/certs"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/sipedge"
)

// authority signs certificates for tests.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	last int64
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t}
	c := a.issue("Test authority", time.Now().Add(time.Hour))
	a.cert, a.key = c.Leaf, c.PrivateKey.(*ecdsa.PrivateKey)
	return a
}

func (a *authority) issue(name string, until time.Time) tls.Certificate {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	a.last++
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(a.last), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: until,
		DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		tmpl.IsCA, tmpl.BasicConstraintsValid, tmpl.KeyUsage, tmpl.DNSNames = true, true, x509.KeyUsageCertSign, nil
		parent, signer = tmpl, key
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

func writePEM(t *testing.T, file, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

func writePair(t *testing.T, f TLSFiles, c tls.Certificate) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, f.Certificate, "CERTIFICATE", c.Certificate[0])
	writePEM(t, f.Key, "PRIVATE KEY", der)
}

func fingerprint(c tls.Certificate) string {
	sum := sha256.Sum256(c.Certificate[0])
	return hex.EncodeToString(sum[:])
}

// client asks a location server whose authority it knows.
type client struct {
	http.Client
	serial int64 // of the certificate that it was shown last
}

func (a *authority) client(own ...tls.Certificate) *client {
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	return &client{Client: http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: own},
	}}}
}

const askForAnother = `<locationRequest xmlns="urn:ietf:params:xml:ns:geopriv:held"><device xmlns="urn:ietf:params:xml:ns:geopriv:held:id"><ip v="4">127.0.2.10</ip></device></locationRequest>`

func (c *client) ask(t *testing.T, url string) (status int, body string, err error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(askForAnother))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/held+xml")
	resp, err := c.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	c.serial = resp.TLS.PeerCertificates[0].SerialNumber.Int64()
	return resp.StatusCode, string(b), err
}

// tlsServer is a server with the demonstration world whose location server has
// a certificate, and whose organisation has platforms with certificates.
func tlsServer(t *testing.T, f TLSFiles, platforms string, log io.Writer) *Server {
	t.Helper()
	cfg := Default()
	cfg.DataDir, cfg.HELD, cfg.Web, cfg.HELDTLS = t.TempDir(), "127.0.0.1:0", "127.0.0.1:0", f
	cfg.SIP = []sipedge.Listener{{Network: "udp", Addr: netip.MustParseAddrPort("127.0.0.1:0")}}
	cfg.Log = slog.New(slog.NewTextHandler(log, nil))
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	t.Cleanup(func() { cancel(); wg.Wait() })
	wg.Go(func() {
		if err := s.Run(ctx); err != nil {
			t.Errorf("the server ended: %v", err)
		}
	})
	if err := waitFor(ctx, 20*time.Second, "the database", func() bool { return s.store.get() != nil }); err != nil {
		t.Fatal(err)
	}
	const trusted = "      trusted: [127.0.0.11/32]"
	text := strings.Replace(string(examples.Harbor()), trusted, "      platforms: ["+platforms+"]\n"+trusted, 1)
	if _, err := s.Import(ctx, "harbor.yaml", []byte(text), world.Options{}); err != nil {
		t.Fatal(err)
	}
	return s
}

// lines is a log that tests read while it is written.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func tlsFiles(t *testing.T, a *authority) TLSFiles {
	t.Helper()
	dir := t.TempDir()
	f := TLSFiles{Certificate: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem"), ClientRoots: filepath.Join(dir, "ca.pem")}
	writePEM(t, f.ClientRoots, "CERTIFICATE", a.cert.Raw)
	return f
}

// A platform is known by its client certificate, by hash or by a name that an
// authority of ours vouches for; who has none is asked for a secret. The
// certificate of the server is exchanged while it runs.
// Proves: D-11, W-31, E14, RFC 5985 section 9.1, RFC 6155 section 1.1
func TestTheLocationServerOverTLS(t *testing.T) {
	a, stranger := newAuthority(t), newAuthority(t)
	f := tlsFiles(t, a)
	writePair(t, f, a.issue("lis.example.com", time.Now().Add(24*time.Hour*365)))
	byHash, byName := stranger.issue("any", time.Now().Add(time.Hour)), a.issue("pbx.harbor.example", time.Now().Add(time.Hour))
	expired := stranger.issue("any", time.Now().Add(-time.Minute))
	var log lines
	s := tlsServer(t, f, `{name: one, certificates: ["sha256:`+fingerprint(byHash)+`", "sha256:`+fingerprint(expired)+`"]}, {name: two, certificates: [pbx.harbor.example]}`, &log)
	url := s.Addresses().HELD
	if !strings.HasPrefix(url, "https://127.0.0.1:") {
		t.Fatalf("the location server is at %s", url)
	}
	for _, c := range []struct {
		name   string
		own    []tls.Certificate
		answer string
		not    string
	}{
		{"without a certificate", nil, "notLocatable", "civicAddress"},
		{"by its hash", []tls.Certificate{byHash}, "civicAddress", "notLocatable"},
		{"by its name", []tls.Certificate{byName}, "civicAddress", "notLocatable"},
		{"the name without an authority of ours", []tls.Certificate{stranger.issue("pbx.harbor.example", time.Now().Add(time.Hour))}, "notLocatable", "civicAddress"},
		{"another name of our authority", []tls.Certificate{a.issue("printer.harbor.example", time.Now().Add(time.Hour))}, "notLocatable", "civicAddress"},
		{"by its hash, expired", []tls.Certificate{expired}, "notLocatable", "civicAddress"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, body, err := a.client(c.own...).ask(t, url)
			if err != nil || !strings.Contains(body, c.answer) || strings.Contains(body, c.not) {
				t.Errorf("want %s: %v\n%s", c.answer, err, body)
			}
		})
	}
	t.Run("a company that offers nothing is challenged", func(t *testing.T) {
		if status, _, err := a.client().ask(t, url+"/"+demoCompany); err != nil || status != http.StatusUnauthorized {
			t.Errorf("status %d, %v", status, err)
		}
	})
	t.Run("a client that does not know the authority goes", func(t *testing.T) {
		if _, _, err := stranger.client().ask(t, url); err == nil {
			t.Error("it asks")
		}
	})
	t.Run("TLS 1.1 is refused", func(t *testing.T) {
		c := a.client()
		c.Transport.(*http.Transport).TLSClientConfig.MaxVersion = tls.VersionTLS11
		if _, _, err := c.ask(t, url); err == nil {
			t.Error("it is taken")
		}
	})
	t.Run("the records of discovery have the https address", func(t *testing.T) {
		resp, err := a.client().Get(url + "/discovery?domain=example.com")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil || !strings.Contains(string(b), "!.*!"+url+"!") || strings.Contains(string(b), "Use https") {
			t.Errorf("%v\n%s", err, b)
		}
	})
	t.Run("a new certificate is used without a restart", func(t *testing.T) {
		next := a.issue("lis.example.com", time.Now().Add(24*time.Hour*365))
		writePair(t, f, next)
		s.Reload()
		c := a.client()
		if _, _, err := c.ask(t, url); err != nil || c.serial != next.Leaf.SerialNumber.Int64() {
			t.Errorf("serial %d, want %d: %v", c.serial, next.Leaf.SerialNumber, err)
		}
	})
	t.Run("an authority that is taken away vouches for nothing", func(t *testing.T) {
		writePEM(t, f.ClientRoots, "CERTIFICATE", stranger.cert.Raw)
		s.Reload()
		if _, body, err := a.client(byName).ask(t, url); err != nil || !strings.Contains(body, "notLocatable") {
			t.Errorf("%v\n%s", err, body)
		}
	})
	if strings.Contains(log.String(), "handshake") {
		t.Error("a client fills the log by speaking no TLS")
	}
}

// Who checks an expired certificate gets nothing, who does not is served, and
// people are told.
// Proves: E1, E8
func TestAnExpiredCertificateOfTheLocationServer(t *testing.T) {
	a := newAuthority(t)
	f := tlsFiles(t, a)
	writePair(t, f, a.issue("lis.example.com", time.Now().Add(-time.Minute)))
	s := tlsServer(t, f, "", io.Discard)
	c := a.client()
	if _, _, err := c.ask(t, s.Addresses().HELD); err == nil || !strings.Contains(err.Error(), "expired") {
		t.Errorf("a client that checks: %v", err)
	}
	c.Transport.(*http.Transport).TLSClientConfig.InsecureSkipVerify = true
	if _, body, err := c.ask(t, s.Addresses().HELD); err != nil || !strings.Contains(body, "notLocatable") {
		t.Errorf("a client that does not check: %v %s", err, body)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for fact := range s.journal.Subscribe(ctx, 1) {
		if b, err := journal.Decode[journal.Alarm](fact); fact.Kind == journal.AlarmRaised && err == nil && b.Code == certs.Expired {
			return
		}
	}
	t.Error("no alarm says so")
}

// Proves: D-10, RFC 5985 section 9.1
func TestFaultsOfTheCertificateConfiguration(t *testing.T) {
	a := newAuthority(t)
	f := tlsFiles(t, a)
	writePair(t, f, a.issue("lis.example.com", time.Now().Add(time.Hour)))
	other := tlsFiles(t, a)
	writePair(t, other, a.issue("lis.example.com", time.Now().Add(time.Hour)))
	for name, c := range map[string]struct {
		change func(*Config)
		say    string
	}{
		"a certificate without its key": {func(c *Config) { c.HELDTLS.Certificate = f.Certificate }, "held-key"},
		"authorities without TLS":       {func(c *Config) { c.HELDTLS.ClientRoots = f.ClientRoots }, "held-client-ca"},
		"an http address with TLS":      {func(c *Config) { c.HELDTLS, c.HELDURL = f, "http://lis.example.com" }, "held-url"},
		"the key of another":            {func(c *Config) { c.HELDTLS = f; c.HELDTLS.Key = other.Key }, "does not belong"},
		"a file that is not there":      {func(c *Config) { c.HELDTLS = f; c.HELDTLS.Key += "x" }, "no such file"},
		"everybody as a proxy":          {func(c *Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("::/0")} }, "trusted-proxy"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := Default()
			cfg.DataDir, cfg.HELD, cfg.Web = t.TempDir(), "127.0.0.1:0", "127.0.0.1:0"
			cfg.SIP = []sipedge.Listener{{Network: "udp", Addr: netip.MustParseAddrPort("127.0.0.1:0")}}
			c.change(&cfg)
			if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), c.say) {
				t.Errorf("%v, want a word of %s", err, c.say)
			}
		})
	}
}
