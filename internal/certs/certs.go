// Package certs keeps the certificate of a TLS listener: PEM files that may
// change under a running server, and warnings before it is too late. A file that
// cannot be used never takes the place of one that can.
package certs

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/callbox911/callbox/internal/obs"
)

// The alarms of this package, as Alarm.Code.
const (
	Expires    = "certificate_expires"    // in 30, 7 and 1 days
	Expired    = "certificate_expired"    // each day
	Unreadable = "certificate_unreadable" // changed files cannot be used; the old ones are
	OtherName  = "certificate_name"       // it is not for the name that clients are told
)

// Alarm tells people what is wrong with the files.
type Alarm struct {
	Code, Detail string
}

// Config is what a Holder needs. Certificate and Key are required.
type Config struct {
	Certificate string           // PEM file: the server's certificate first, then those that lead to the root
	Key         string           // PEM file of its key, not encrypted
	ClientRoots string           // PEM file of the authorities whose client certificates count by name; may be empty
	Then        string           // what its end means to others; empty: those who check it do not come in
	Host        string           // name or address that clients reach us by; empty: not checked
	Every       time.Duration    // between two looks at the files; zero: a minute
	Alarm       func(Alarm)      // nil: the log alone
	Now         func() time.Time // nil: time.Now
	Log         *slog.Logger     // nil: discarded
}

// state is what the files said when they were read. It never changes.
type state struct {
	sum   [3][32]byte // of the files
	cert  *tls.Certificate
	roots *x509.CertPool // nil without a file
	until time.Time      // the first certificate of the chain that expires does so then
}

// Holder has the certificate that is in use. Safe for concurrent use.
type Holder struct {
	cfg Config

	mu     sync.Mutex
	now    *state
	stage  int         // how urgent the last warning about now was
	named  bool        // it was told that now is for another name
	failed string      // why the files could not be used at the last look; empty: they could
	told   bool        // and an alarm said so
	bad    [3][32]byte // the files that could not
}

// Open reads the files. The error says what is wrong with which of them. A
// certificate that has expired is taken with a warning: whoever checks it is
// served no worse than by a server that does not start.
func Open(cfg Config) (*Holder, error) {
	if cfg.Certificate == "" || cfg.Key == "" {
		return nil, errors.New("TLS needs a certificate file and a key file")
	}
	if cfg.Then == "" {
		cfg.Then = "those who check it do not come in"
	}
	if cfg.Every <= 0 {
		cfg.Every = time.Minute
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	files, err := cfg.read()
	if err != nil {
		return nil, err
	}
	st, err := cfg.parse(files)
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(cfg.Key); err == nil && info.Mode().Perm()&0o004 != 0 {
		cfg.Log.Warn("everybody on this machine can read the key of the certificate", "file", cfg.Key)
	}
	return &Holder{cfg: cfg, now: st}, nil
}

// Server returns the configuration of a listener: TLS 1.2 and later, the
// certificate that is in use when a client comes, HTTP/1.1 alone, which is all
// that phones speak.
func (h *Holder) Server() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			h.mu.Lock()
			defer h.mu.Unlock()
			return h.now.cert, nil
		},
	}
}

// ClientRoots are the authorities of client certificates as the file says now;
// nil without a file.
func (h *Holder) ClientRoots() *x509.CertPool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now.roots
}

// Until is when the first certificate of the chain in use expires.
func (h *Holder) Until() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now.until
}

// Run looks at the files from time to time until ctx ends.
func (h *Holder) Run(ctx context.Context) error {
	t := time.NewTicker(h.cfg.Every)
	defer t.Stop()
	for {
		h.Check()
		select {
		case <-t.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// Check looks at the files now, takes what is new and good, and warns.
func (h *Holder) Check() {
	files, err := h.cfg.read()
	now := h.cfg.Now()
	h.mu.Lock()
	var alarms []Alarm
	if err != nil {
		alarms = h.refuse(err, [3][32]byte{})
	} else if sum := sums(files); sum != h.now.sum {
		alarms = h.take(files, sum, now)
	} else {
		h.failed, h.told = "", false
	}
	alarms = append(alarms, h.warn(now)...)
	h.mu.Unlock()
	for _, a := range alarms {
		h.cfg.Log.Warn("certificate", obs.KeyCode, a.Code, "detail", a.Detail)
		if h.cfg.Alarm != nil {
			h.cfg.Alarm(a)
		}
	}
}

// take puts new files to use, if they are good. The lock is held.
func (h *Holder) take(files [3][]byte, sum [3][32]byte, now time.Time) []Alarm {
	st, err := h.cfg.parse(files)
	if err == nil && valid(h.now, now) && !valid(st, now) {
		err = fmt.Errorf("%s is good from %s until %s only, and the one in use is good now", h.cfg.Certificate, day(st.cert.Leaf.NotBefore), day(st.until))
	}
	if err != nil {
		return h.refuse(err, sum)
	}
	h.now, h.stage, h.named, h.failed, h.told = st, 0, false, "", false
	h.cfg.Log.Info("a new certificate is in use", "file", h.cfg.Certificate, "until", st.until.UTC())
	return nil
}

// refuse keeps what is in use. Files are written one after the other, so only
// what is still wrong at the next look is an alarm. The lock is held.
func (h *Holder) refuse(err error, sum [3][32]byte) []Alarm {
	again := h.failed == err.Error() && h.bad == sum
	if !again {
		h.failed, h.bad, h.told = err.Error(), sum, false
		h.cfg.Log.Warn("the new certificate files cannot be used", obs.Err(err))
		return nil
	}
	if h.told {
		return nil
	}
	h.told = true
	return []Alarm{{Unreadable, fmt.Sprintf("the certificate in use is good until %s; the files cannot be used: %v", day(h.now.until), err)}}
}

// warnDays are how long before its end a certificate is warned of.
var warnDays = [...]int{30, 7, 1}

// warn tells what is to be told of the certificate in use. The lock is held.
func (h *Holder) warn(now time.Time) (out []Alarm) {
	left := h.now.until.Sub(now)
	stage := 0
	for _, d := range warnDays {
		if left <= time.Duration(d)*24*time.Hour {
			stage++
		}
	}
	if left <= 0 {
		stage += 1 + int(-left/(24*time.Hour))
	}
	if stage > h.stage {
		h.stage = stage
		a := Alarm{Expires, fmt.Sprintf("the certificate %s is good until %s: put a new one into the file", h.cfg.Certificate, day(h.now.until))}
		if left <= 0 {
			a = Alarm{Expired, fmt.Sprintf("the certificate %s has expired (%s): %s", h.cfg.Certificate, day(h.now.until), h.cfg.Then)}
		}
		out = append(out, a)
	}
	if h.cfg.Host != "" && !h.named {
		if err := h.now.cert.Leaf.VerifyHostname(h.cfg.Host); err != nil {
			h.named = true
			out = append(out, Alarm{OtherName, fmt.Sprintf("clients are told to ask %s, and the certificate is for another name: %v", h.cfg.Host, err)})
		}
	}
	return out
}

func valid(s *state, now time.Time) bool {
	return !now.Before(s.cert.Leaf.NotBefore) && !now.After(s.until)
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// read reads the files: certificate, key, client roots.
func (c *Config) read() (files [3][]byte, err error) {
	for i, f := range [3]struct{ what, name string }{
		{"the certificate file", c.Certificate}, {"the key file", c.Key}, {"the file of client authorities", c.ClientRoots},
	} {
		if f.name == "" {
			continue
		}
		if files[i], err = os.ReadFile(f.name); err != nil {
			return files, fmt.Errorf("read %s: %w", f.what, err)
		}
	}
	return files, nil
}

func sums(files [3][]byte) (out [3][32]byte) {
	for i, f := range files {
		out[i] = sha256.Sum256(f)
	}
	return out
}

func (c *Config) parse(files [3][]byte) (*state, error) {
	certificate, key := files[0], files[1]
	if block, _ := pem.Decode(key); block != nil && (block.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED")) {
		return nil, fmt.Errorf("the key in %s is encrypted, and nobody is here to type its password: write it in the clear, readable by the server alone", c.Key)
	}
	pair, err := tls.X509KeyPair(certificate, key)
	switch {
	case err != nil && strings.Contains(err.Error(), "does not match"):
		return nil, fmt.Errorf("the key in %s does not belong to the first certificate in %s", c.Key, c.Certificate)
	case err != nil:
		return nil, fmt.Errorf("certificate %s with key %s: %w", c.Certificate, c.Key, err)
	}
	st := &state{sum: sums(files), cert: &pair, until: pair.Leaf.NotAfter}
	for i, der := range pair.Certificate[1:] {
		link, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("certificate %d in %s: %w", i+2, c.Certificate, err)
		}
		if link.NotAfter.Before(st.until) {
			st.until = link.NotAfter
		}
	}
	if c.ClientRoots != "" {
		st.roots = x509.NewCertPool()
		if !st.roots.AppendCertsFromPEM(files[2]) {
			return nil, fmt.Errorf("there is no certificate in %s: it is to hold those of the authorities that sign client certificates, in PEM", c.ClientRoots)
		}
	}
	return st, nil
}
