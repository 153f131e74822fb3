package stir

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/callbox911/callbox/internal/obs"
)

// Bounds of what others can make us keep and ask for.
const (
	maxChains   = 1024
	maxWaiting  = 64
	maxChainPEM = 64 << 10
	maxChain    = 8
	fetchWithin = 5 * time.Second
	keepFor     = 24 * time.Hour  // at most; Cache-Control is not needed for less
	askAgain    = 5 * time.Minute // after a failure
)

// CertificatesConfig is what Certificates needs. Hosts and Roots are required.
type CertificatesConfig struct {
	// Hosts are those that certificates are fetched from, "cr.example.net" or
	// "cr.example.net:8443": an Identity header must not send us anywhere else.
	Hosts []string
	Roots *x509.CertPool // whom the operator trusts to vouch for signers
	HTTP  *http.Client   // none: one that follows no redirect
	Now   func() time.Time
	Log   *slog.Logger // none: discarded
}

// Certificates keeps the certificates of those who sign calls. What is asked for
// and not there is fetched by Run, beside the call. Safe for concurrent use.
type Certificates struct {
	cfg  CertificatesConfig
	want chan string

	mu     sync.Mutex
	chains map[string]chain // by x5u
}

type chain struct {
	certs []*x509.Certificate // none: it could not be had
	until time.Time
	asked bool // waits for Run
}

// NewCertificates checks cfg, reporting all its faults.
func NewCertificates(cfg CertificatesConfig) (*Certificates, error) {
	var errs []error
	if len(cfg.Hosts) == 0 {
		errs = append(errs, errors.New("hosts: name the hosts that certificates of signers are fetched from"))
	}
	if cfg.Roots == nil {
		errs = append(errs, errors.New("roots: give the authorities that vouch for signers"))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("configure the certificates of signers: %w", err)
	}
	if cfg.HTTP == nil {
		cfg.HTTP = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Certificates{cfg: cfg, want: make(chan string, maxWaiting), chains: map[string]chain{}}, nil
}

// Chain returns the certificates at a URI, the signer's first, from memory. What
// is not there is asked for, and may be there for the next call.
func (c *Certificates) Chain(x5u string) []*x509.Certificate {
	now := c.cfg.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	k, ok := c.chains[x5u]
	if ok && (k.asked || now.Before(k.until)) {
		return k.certs
	}
	if !c.allowed(x5u) || !ok && len(c.chains) >= maxChains && !c.evict(now) {
		return k.certs
	}
	select {
	case c.want <- x5u:
		k.asked = true
		c.chains[x5u] = k // an old chain serves until there is a new one
	default: // too many wait: the next call asks again
	}
	return k.certs
}

// evict makes room by forgetting what is past its time.
func (c *Certificates) evict(now time.Time) bool {
	for x5u, k := range c.chains {
		if !k.asked && !now.Before(k.until) {
			delete(c.chains, x5u)
		}
	}
	return len(c.chains) < maxChains
}

func (c *Certificates) allowed(x5u string) bool {
	u, err := url.Parse(x5u)
	return err == nil && u.Scheme == "https" && u.User == nil &&
		slices.ContainsFunc(c.cfg.Hosts, func(h string) bool { return strings.EqualFold(h, u.Host) })
}

// Run fetches what is asked for until ctx ends.
func (c *Certificates) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case x5u := <-c.want:
			c.fetch(ctx, x5u)
		}
	}
}

func (c *Certificates) fetch(ctx context.Context, x5u string) {
	ctx, cancel := context.WithTimeout(ctx, fetchWithin)
	defer cancel()
	certs, err := c.get(ctx, x5u)
	now := c.cfg.Now()
	k := chain{certs: certs, until: now.Add(keepFor)}
	if err != nil {
		c.cfg.Log.Warn("fetch the certificate of who signs calls", "x5u", x5u, obs.Err(err))
		k.until = now.Add(askAgain)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		k.certs = c.chains[x5u].certs
	}
	c.chains[x5u] = k
}

func (c *Certificates) get(ctx context.Context, x5u string) ([]*x509.Certificate, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, x5u, nil)
	if err != nil {
		return nil, fmt.Errorf("ask for a certificate: %w", err)
	}
	res, err := c.cfg.HTTP.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask for a certificate: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("ask for a certificate: %s", res.Status)
	}
	b, err := io.ReadAll(io.LimitReader(res.Body, maxChainPEM+1))
	if err != nil {
		return nil, fmt.Errorf("read a certificate: %w", err)
	}
	return readChain(b)
}

// readChain reads PEM, or one DER certificate.
func readChain(b []byte) ([]*x509.Certificate, error) {
	if len(b) > maxChainPEM {
		return nil, fmt.Errorf("read a certificate: longer than %d bytes", maxChainPEM)
	}
	var out []*x509.Certificate
	for rest := b; len(out) < maxChain; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		k, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("read a certificate: %w", err)
		}
		out = append(out, k)
	}
	if len(out) > 0 {
		return out, nil
	}
	k, err := x509.ParseCertificate(b)
	if err != nil {
		return nil, fmt.Errorf("read a certificate: %w", err)
	}
	return []*x509.Certificate{k}, nil
}
