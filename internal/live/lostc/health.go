package lostc

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/callbox911/callbox/internal/journal"
)

// What an upstream that does not answer costs: after so many failures in a row
// nobody waits for it for a while who has no more patience than those before.
const (
	failuresToRest = 3
	restFor        = 5 * time.Second
)

// health is how an upstream did lately. Safe for concurrent use.
type health struct {
	mu       sync.Mutex
	failures int
	waited   time.Duration // the longest that was waited in vain
	until    time.Time     // rests
	told     bool          // that its certificate is bad
}

// resting reports that waiting for so long would be in vain.
func (h *health) resting(now time.Time, patience time.Duration) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	// A refusal at once costs nothing: who is refused may ask again.
	return h.failures >= failuresToRest && now.Before(h.until) && patience <= h.waited+h.waited/2
}

func (h *health) good() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failures, h.waited, h.told = 0, 0, false
}

func (h *health) bad(now time.Time, waited time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failures++
	h.waited = max(h.waited, waited)
	if h.failures >= failuresToRest {
		h.until = now.Add(restFor)
	}
}

// firstBadCertificate reports true once until the upstream is well again.
func (h *health) firstBadCertificate() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	first := !h.told
	h.told = true
	return first
}

var errResting = errors.New("it did not answer the last times and is left alone for some seconds")

// patience is how long somebody waits at most.
func (c *Client) patience(ctx context.Context) time.Duration {
	end, ok := ctx.Deadline()
	if !ok {
		return c.cfg.Within
	}
	return min(time.Until(end), c.cfg.Within)
}

// mark remembers how one exchange with upstream i went, and tells of a
// certificate that nobody vouches for: time does not heal that.
func (c *Client) mark(i int, err error, waited time.Duration) {
	h := &c.health[i]
	if err == nil {
		h.good()
		return
	}
	h.bad(c.cfg.Now(), waited)
	if why := certificate(err); why != "" && h.firstBadCertificate() {
		c.cfg.Alarm(journal.Alarm{
			Code:   AlarmCertificate,
			Detail: fmt.Sprintf("the LoST upstream %s is not asked: %s; mappings that are known stay in use until they expire, then our own layer decides", c.cfg.Upstreams[i].Name, why),
		})
	}
}

// certificate says what is wrong with the certificate of a server, empty when
// that is not why.
func certificate(err error) string {
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		if e.Reason == x509.Expired && e.Cert != nil {
			return "its certificate holds from " + e.Cert.NotBefore.UTC().Format(time.DateOnly) + " to " + e.Cert.NotAfter.UTC().Format(time.DateOnly) + " only; it must be renewed there, or our clock is wrong"
		}
		return "its certificate is not valid for a server"
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "its certificate is signed by nobody whom this machine trusts; install the authority's root certificate"
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return "its certificate is for another name than the one in its address"
	}
	return ""
}
