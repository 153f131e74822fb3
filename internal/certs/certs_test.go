package certs_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/certs"
)

var start = time.Date(2026, 3, 9, 14, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

// bench is a holder over files in a folder, at a time that tests set.
type bench struct {
	t      *testing.T
	cfg    certs.Config
	now    time.Time
	alarms []certs.Alarm
}

func newBench(t *testing.T) *bench {
	dir := t.TempDir()
	b := &bench{t: t, now: start}
	b.cfg = certs.Config{
		Certificate: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem"), Host: "lis.example.com",
		Alarm: func(a certs.Alarm) { b.alarms = append(b.alarms, a) }, Now: func() time.Time { return b.now },
	}
	return b
}

// issue makes a certificate that signs itself and its key, in PEM.
func issue(t *testing.T, serial int64, name string, from, until time.Time) (cert, key []byte) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotBefore: from, NotAfter: until,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	kder, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: kder})
}

func (b *bench) write(file string, text []byte) {
	b.t.Helper()
	if err := os.WriteFile(file, text, 0o600); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) put(serial int64, from, until time.Time) {
	b.t.Helper()
	cert, key := issue(b.t, serial, "lis.example.com", from, until)
	b.write(b.cfg.Certificate, cert)
	b.write(b.cfg.Key, key)
}

func (b *bench) open() *certs.Holder {
	b.t.Helper()
	h, err := certs.Open(b.cfg)
	if err != nil {
		b.t.Fatal(err)
	}
	return h
}

// serial is that of the certificate that a client would be shown.
func (b *bench) serial(h *certs.Holder) int64 {
	b.t.Helper()
	c, err := h.Server().GetCertificate(&tls.ClientHelloInfo{})
	if err != nil {
		b.t.Fatal(err)
	}
	return c.Leaf.SerialNumber.Int64()
}

func (b *bench) codes() string {
	var out []string
	for _, a := range b.alarms {
		out = append(out, a.Code)
	}
	b.alarms = nil
	return strings.Join(out, " ")
}

// Proves: RFC 5985 section 9.1
func TestFilesThatCannotBeUsedAreNamed(t *testing.T) {
	cert, key := issue(t, 1, "lis.example.com", start, start.Add(90*day))
	_, other := issue(t, 2, "lis.example.com", start, start.Add(90*day))
	encrypted := pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte{1}})
	for _, c := range []struct {
		name      string
		cert, key []byte
		roots     string // text of the file; empty: none is named
		want      []string
	}{
		{"a key of another certificate", cert, other, "", []string{"key.pem", "does not belong", "cert.pem"}},
		{"a key that is encrypted", cert, encrypted, "", []string{"key.pem", "encrypted"}},
		{"the two files exchanged", key, cert, "", []string{"cert.pem", "switched"}},
		{"a certificate that is a letter", []byte("Dear sir"), key, "", []string{"cert.pem"}},
		{"an empty key", cert, nil, "", []string{"key.pem"}},
		{"no certificate file", nil, key, "", []string{"read the certificate file", "cert.pem"}},
		{"authorities without a certificate", cert, key, "none", []string{"ca.pem", "no certificate"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			if c.cert != nil {
				b.write(b.cfg.Certificate, c.cert)
			}
			b.write(b.cfg.Key, c.key)
			if c.roots != "" {
				b.cfg.ClientRoots = filepath.Join(t.TempDir(), "ca.pem")
				b.write(b.cfg.ClientRoots, []byte(c.roots))
			}
			_, err := certs.Open(b.cfg)
			if err == nil {
				t.Fatal("they are taken")
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%v: does not say %q", err, w)
				}
			}
			if strings.Contains(err.Error(), "MIG") {
				t.Errorf("the error holds the key: %v", err)
			}
		})
	}
}

// A new certificate is used as soon as it is seen; half-written files and an
// expired certificate leave the old one in place, and only what lasts is an alarm.
// Proves: RFC 5985 section 9.1, E11
func TestFilesThatChange(t *testing.T) {
	b := newBench(t)
	b.put(1, start.Add(-day), start.Add(90*day))
	h := b.open()
	h.Check()
	if got := b.serial(h); got != 1 || b.codes() != "" {
		t.Fatalf("serial %d at the start", got)
	}
	cert, key := issue(t, 2, "lis.example.com", start.Add(-day), start.Add(180*day))
	b.write(b.cfg.Certificate, cert)
	h.Check() // between the writing of the one and the other
	if got, alarms := b.serial(h), b.codes(); got != 1 || alarms != "" {
		t.Errorf("half written: serial %d, alarms %q", got, alarms)
	}
	b.write(b.cfg.Key, key)
	h.Check()
	if got, alarms := b.serial(h), b.codes(); got != 2 || alarms != "" {
		t.Errorf("whole: serial %d, alarms %q", got, alarms)
	}
	b.put(3, start.Add(-90*day), start.Add(-day))
	for range 3 {
		h.Check()
	}
	if got, alarms := b.serial(h), b.codes(); got != 2 || alarms != certs.Unreadable {
		t.Errorf("an expired one in place of a good one: serial %d, alarms %q", got, alarms)
	}
	if err := os.Remove(b.cfg.Key); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		h.Check()
	}
	if got, alarms := b.serial(h), b.codes(); got != 2 || alarms != certs.Unreadable {
		t.Errorf("without the key: serial %d, alarms %q", got, alarms)
	}
	b.put(4, start.Add(-day), start.Add(90*day))
	h.Check()
	if got, alarms := b.serial(h), b.codes(); got != 4 || alarms != "" {
		t.Errorf("mended: serial %d, alarms %q", got, alarms)
	}
}

// Proves: E11
func TestAnAuthorityThatIsTakenAwayVouchesForNothing(t *testing.T) {
	b := newBench(t)
	b.put(1, start.Add(-day), start.Add(90*day))
	if b.open().ClientRoots() != nil {
		t.Error("authorities without a file")
	}
	b.cfg.ClientRoots = filepath.Join(t.TempDir(), "ca.pem")
	first, _ := issue(t, 10, "ca one", start, start.Add(90*day))
	second, _ := issue(t, 11, "ca two", start, start.Add(90*day))
	b.write(b.cfg.ClientRoots, append(first, second...))
	h := b.open()
	before := h.ClientRoots()
	b.write(b.cfg.ClientRoots, second)
	h.Check()
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(second)
	if after := h.ClientRoots(); after == before || !after.Equal(pool) {
		t.Error("the first authority still vouches")
	}
}

// Proves: RFC 5985 section 9.1
func TestPeopleAreWarnedBeforeTheEnd(t *testing.T) {
	b := newBench(t)
	b.put(1, start.Add(-day), start.Add(31*day))
	h := b.open()
	for _, step := range []struct {
		after time.Duration
		want  string
	}{
		{0, ""},
		{day, certs.Expires},
		{2 * day, ""},
		{24 * day, certs.Expires},
		{29 * day, ""},
		{30 * day, certs.Expires},
		{31*day - time.Minute, ""},
		{31 * day, certs.Expired},
		{31*day + time.Hour, ""},
		{32 * day, certs.Expired},
	} {
		b.now = start.Add(step.after)
		h.Check()
		if got := b.codes(); got != step.want {
			t.Errorf("after %v: %q, want %q", step.after, got, step.want)
		}
	}
	b.put(2, b.now.Add(-day), b.now.Add(7*day))
	h.Check()
	if got := b.codes(); got != certs.Expires || b.serial(h) != 2 {
		t.Errorf("a new one of a week: %q", got)
	}
}

// A certificate that has expired serves who does not check it.
// Proves: E1
func TestAnExpiredCertificateIsServedWithAnAlarm(t *testing.T) {
	b := newBench(t)
	b.put(1, start.Add(-90*day), start.Add(-time.Hour))
	h := b.open()
	h.Check()
	if got := b.codes(); got != certs.Expired || b.serial(h) != 1 {
		t.Errorf("%q", got)
	}
	b.put(2, start.Add(-90*day), start.Add(-time.Minute)) // no worse than the one before
	h.Check()
	if got := b.serial(h); got != 2 {
		t.Errorf("serial %d", got)
	}
}

// Proves: RFC 5985 section 9.1
func TestACertificateForAnotherName(t *testing.T) {
	b := newBench(t)
	b.cfg.Host = "held.example.com"
	b.put(1, start.Add(-day), start.Add(90*day))
	h := b.open()
	h.Check()
	h.Check()
	if len(b.alarms) != 1 || b.alarms[0].Code != certs.OtherName || !strings.Contains(b.alarms[0].Detail, "held.example.com") {
		t.Errorf("%+v", b.alarms)
	}
}
