// Package webhook hands notices over as signed HTTP requests. The request is
// specified in docs/webhooks.md; its JSON only ever gains members.
package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/notify"
)

// The headers of a request.
const (
	SignatureHeader = "Callbox-Signature"
	NoticeHeader    = "Callbox-Notice-Id"
)

// maxAnswer is how much of an answer is read, so that its connection can be
// used again; the rest is cut off.
const maxAnswer = 16 << 10

// Config is what New needs; the zero Config is good.
type Config struct {
	Timeout time.Duration    // for one request, all of it; 5 s
	Now     func() time.Time // time.Now when nil
	TLS     *tls.Config      // for https; the system's roots when nil
	Agent   string           // User-Agent; "Callbox" when empty
	// Allow says to which addresses requests may go; nil: to all. It is asked
	// after the name was resolved, so that no name leads around it.
	Allow func(netip.Addr) bool
}

// Channel implements notify.Channel.
type Channel struct {
	cfg    Config
	client *http.Client
}

// New makes the channel.
func New(cfg Config) *Channel {
	if cfg.Timeout <= 0 {
		cfg.Timeout = 5 * time.Second
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Agent == "" {
		cfg.Agent = "Callbox"
	}
	return &Channel{cfg: cfg, client: &http.Client{
		Transport: &http.Transport{
			// A proxy of the environment would see where somebody is.
			Proxy:                 nil,
			DialContext:           (&net.Dialer{Timeout: cfg.Timeout, Control: cfg.control}).DialContext,
			TLSClientConfig:       cfg.TLS,
			TLSHandshakeTimeout:   cfg.Timeout,
			ResponseHeaderTimeout: cfg.Timeout,
			MaxIdleConns:          64,
			MaxIdleConnsPerHost:   2,
			IdleConnTimeout:       90 * time.Second,
			// HTTP/1.1 only: a stalled HTTP/2 connection would hold up every
			// request to its host.
			Protocols:              http1(),
			MaxResponseHeaderBytes: 32 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// control refuses a connection to an address that is not allowed.
func (c Config) control(_, address string, _ syscall.RawConn) error {
	if c.Allow == nil {
		return nil
	}
	to, err := netip.ParseAddrPort(address)
	if err != nil || !c.Allow(to.Addr().Unmap()) {
		return fmt.Errorf("requests to this address are not allowed: %w", notify.ErrRefused)
	}
	return nil
}

func http1() *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP1(true)
	return p
}

// Name implements notify.Channel.
func (*Channel) Name() string { return notify.Webhook }

// Close gives idle connections up.
func (c *Channel) Close() { c.client.CloseIdleConnections() }

// Deliver posts n. Any 2xx is delivered; 410 and a URL that is none wrap
// notify.ErrGone; 408, 425, 429 and 5xx mean down; every other answer, redirects
// included, wraps notify.ErrRefused.
func (c *Channel) Deliver(ctx context.Context, n notify.Notice) error {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	target, err := url.Parse(n.To)
	if err != nil || (target.Scheme != "http" && target.Scheme != "https") || target.Host == "" {
		return fmt.Errorf("post webhook: not an http or https URL: %w", notify.ErrGone)
	}
	body, err := Body(n)
	if err != nil {
		return fmt.Errorf("encode webhook: %w: %w", err, notify.ErrGone)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("make webhook request: %w: %w", err, notify.ErrGone)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", c.cfg.Agent)
	req.Header.Set(NoticeHeader, string(n.ID))
	req.Header.Set(SignatureHeader, Sign(c.cfg.Now(), body, n.Secrets...))
	resp, err := c.client.Do(req)
	if err != nil {
		// The URL may hold a token: it is left out.
		if ue, ok := errors.AsType[*url.Error](err); ok {
			err = ue.Err
		}
		return fmt.Errorf("post webhook: %w", err)
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, maxAnswer) // the answer is in the status
	return judge(resp.StatusCode)
}

func judge(status int) error {
	switch {
	case status >= 200 && status < 300:
		return nil
	case status == http.StatusGone:
		return fmt.Errorf("webhook answered %d: %w", status, notify.ErrGone)
	case status == http.StatusRequestTimeout, status == http.StatusTooEarly, status == http.StatusTooManyRequests, status >= 500:
		return fmt.Errorf("webhook answered %d", status)
	}
	return fmt.Errorf("webhook answered %d: %w", status, notify.ErrRefused)
}

// Sign returns the value of Callbox-Signature: "t=<unix seconds>" and one
// "v1=<hex>" for each secret, each the HMAC-SHA256 of "<t>.<body>".
func Sign(at time.Time, body []byte, secrets ...e911.Secret) string {
	t := strconv.FormatInt(at.Unix(), 10)
	var b strings.Builder
	b.WriteString("t=" + t)
	for _, s := range secrets {
		b.WriteString(",v1=" + hex.EncodeToString(sum(s, t, body)))
	}
	return b.String()
}

func sum(secret e911.Secret, t string, body []byte) []byte {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(t + "."))
	mac.Write(body)
	return mac.Sum(nil)
}

// Verify is what a receiver does: it reports whether header signs body with
// secret, at a time not further than tolerance from now.
func Verify(header string, body []byte, secret e911.Secret, now time.Time, tolerance time.Duration) error {
	var t string
	var sums []string
	for part := range strings.SplitSeq(header, ",") {
		switch name, value, _ := strings.Cut(strings.TrimSpace(part), "="); name {
		case "t":
			t = value
		case "v1":
			sums = append(sums, value)
		}
	}
	unix, err := strconv.ParseInt(t, 10, 64)
	if err != nil {
		return errors.New("the signature has no time")
	}
	if off := now.Sub(time.Unix(unix, 0)).Abs(); off > tolerance {
		return fmt.Errorf("the signature is %v off our clock", off)
	}
	want := sum(secret, t, body)
	for _, s := range sums {
		if got, err := hex.DecodeString(s); err == nil && hmac.Equal(got, want) {
			return nil
		}
	}
	return errors.New("no signature of our secret")
}
