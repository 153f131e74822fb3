// Package email hands notices over as mail, by SMTP to one server. A mail has a
// plain and an HTML part that say the same; its first three lines say what
// happened, where, and how to call back, for a guard at three in the morning.
// Header fields X-Callbox-* carry what a machine compares (E10).
package email

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"net/textproto"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/notify"
)

// The ways to protect the connection.
const (
	TLSNone  = "none"     // in the clear: a server on the same machine
	StartTLS = "starttls" // RFC 3207; refused when the server cannot
	TLS      = "tls"      // from the first byte (RFC 8314)
)

// Config is what New needs.
type Config struct {
	Server   string // host:port
	TLS      string // TLSNone, StartTLS or TLS
	User     string // none: no authentication
	Password e911.Secret
	From     string // "Callbox <callbox@example.com>"
	Helo     string // our name; the domain of From when empty

	Timeout   time.Duration // for each step of one delivery; 15 s
	IdleAfter time.Duration // an unused connection is closed after it; 20 s
	Roots     *tls.Config   // nil: the system's roots
	Now       func() time.Time
}

// Channel implements notify.Channel.
type Channel struct {
	cfg    Config
	from   *netmail.Address
	domain string
	client *mail.Client

	zones zones

	mu     sync.Mutex
	idle   []*connection
	closed bool
}

// connection is a session with the server that is authenticated.
type connection struct {
	*smtp.Client
	raw   net.Conn
	since time.Time
}

// maxIdle connections are kept for the next notices.
const maxIdle = 4

// New checks cfg and reports all its faults. It does not connect.
func New(cfg Config) (*Channel, error) {
	var faults []e911.Fault
	bad := func(path, format string, args ...any) {
		faults = append(faults, e911.Fault{Path: path, Code: "invalid", Msg: fmt.Sprintf(format, args...)})
	}
	host, portText, err := net.SplitHostPort(cfg.Server)
	port, perr := strconv.Atoi(portText)
	if err != nil || perr != nil || host == "" || port < 1 || port > 65535 {
		bad("server", "%q is not host:port", cfg.Server)
	}
	switch cfg.TLS {
	case TLSNone, StartTLS, TLS:
	default:
		bad("tls", "%q is none of none, starttls, tls", cfg.TLS)
	}
	if cfg.User != "" && cfg.TLS == TLSNone {
		bad("user", "a password is not sent in the clear: use starttls or tls")
	}
	from, err := netmail.ParseAddress(cfg.From)
	if err != nil {
		bad("from", "not a mail address: %v", err)
	}
	if faults != nil {
		return nil, &e911.Error{Kind: e911.Invalid, Msg: "mail configuration", Faults: faults}
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = 15 * time.Second
	}
	if cfg.IdleAfter <= 0 {
		cfg.IdleAfter = 20 * time.Second
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	c := &Channel{cfg: cfg, from: from, domain: from.Address[strings.LastIndexByte(from.Address, '@')+1:]}
	policy := mail.NoTLS
	if cfg.TLS == StartTLS {
		policy = mail.TLSMandatory
	}
	c.client, err = mail.NewClient(host,
		mail.WithPort(port), mail.WithTimeout(cfg.Timeout), mail.WithTLSPolicy(policy), mail.WithTLSConfig(c.tlsConfig(host)),
		mail.WithHELO(cmp.Or(cfg.Helo, c.domain)), mail.WithDialContextFunc(c.dialTCP(host)))
	if err != nil {
		return nil, fmt.Errorf("make mail client: %w", err)
	}
	return c, nil
}

func (c *Channel) tlsConfig(host string) *tls.Config {
	conf := &tls.Config{}
	if c.cfg.Roots != nil {
		conf = c.cfg.Roots.Clone()
	}
	conf.ServerName = cmp.Or(conf.ServerName, host)
	conf.MinVersion = max(conf.MinVersion, tls.VersionTLS12)
	return conf
}

// attempt notes the connection of one dial, so that a delivery can be cut off
// in every state: the library ends a dial with its context, but not the wait
// for the greeting.
type attempt struct {
	ctx  context.Context
	raw  net.Conn
	stop func() bool
}

type attemptKey struct{}

func (c *Channel) dialTCP(host string) mail.DialContextFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		if a, ok := ctx.Value(attemptKey{}).(*attempt); ok {
			a.raw = conn
			a.stop = context.AfterFunc(a.ctx, func() { _ = conn.Close() })
		}
		if c.cfg.TLS != TLS {
			return conn, nil
		}
		secure := tls.Client(conn, c.tlsConfig(host))
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		return secure, nil
	}
}

// Name implements notify.Channel.
func (*Channel) Name() string { return notify.Mail }

// Close ends idle connections; the channel makes none that outlive a delivery
// any more.
func (c *Channel) Close() {
	c.mu.Lock()
	idle := c.idle
	c.idle, c.closed = nil, true
	c.mu.Unlock()
	for _, conn := range idle {
		_ = conn.raw.Close() // the server does not mind
	}
}

// Deliver sends n to one address. An address that is none wraps notify.ErrGone;
// a 5xx answer about this mail wraps notify.ErrRefused; everything else means
// that mail is down.
func (c *Channel) Deliver(ctx context.Context, n notify.Notice) error {
	msg, err := c.message(n)
	if err != nil {
		return fmt.Errorf("write mail: %w: %w", err, notify.ErrGone)
	}
	to, err := netmail.ParseAddress(n.To)
	if err != nil {
		return fmt.Errorf("write mail: %w: %w", err, notify.ErrGone)
	}
	var text bytes.Buffer
	text.Grow(16 << 10)
	if _, err := msg.WriteTo(&text); err != nil {
		return fmt.Errorf("write mail: %w: %w", err, notify.ErrGone)
	}
	if conn := c.takeIdle(); conn != nil {
		err := c.send(ctx, conn, path(to), text.Bytes())
		if !errors.Is(err, errStale) || ctx.Err() != nil {
			return classify(err)
		}
		// The server has closed the connection meanwhile.
	}
	conn, err := c.connect(ctx)
	if err != nil {
		return err
	}
	return classify(c.send(ctx, conn, path(to), text.Bytes()))
}

// connect opens a session.
func (c *Channel) connect(ctx context.Context) (*connection, error) {
	a := &attempt{ctx: ctx}
	client, err := c.client.DialToSMTPClientWithContext(context.WithValue(ctx, attemptKey{}, a))
	if a.stop != nil {
		defer a.stop()
	}
	if err == nil && c.cfg.User != "" {
		if err = c.authenticate(client); err != nil {
			err = fmt.Errorf("sign in: %w", err)
		}
	}
	if err != nil {
		if a.raw != nil {
			_ = a.raw.Close() // of no use
		}
		return nil, fmt.Errorf("connect to the mail server: %w", err)
	}
	return &connection{Client: client, raw: a.raw}, nil
}

// authenticate picks the strongest method that the server offers.
func (c *Channel) authenticate(client *smtp.Client) error {
	_, offered := client.Extension("AUTH")
	methods := strings.Fields(strings.ToUpper(offered))
	has := func(m string) bool {
		for _, o := range methods {
			if o == m {
				return true
			}
		}
		return false
	}
	user, password := c.cfg.User, string(c.cfg.Password)
	host, _, _ := net.SplitHostPort(c.cfg.Server)
	switch {
	case has("SCRAM-SHA-256"):
		return client.Auth(smtp.ScramSHA256Auth(user, password))
	case has("PLAIN"):
		return client.Auth(smtp.PlainAuth("", user, password, host, false))
	case has("LOGIN"):
		return client.Auth(smtp.LoginAuth(user, password, host, false))
	}
	return fmt.Errorf("none of its methods (%s) is known", offered)
}

// send hands a mail over on conn, and keeps conn for the next where it is good.
func (c *Channel) send(ctx context.Context, conn *connection, to string, text []byte) error {
	stop := context.AfterFunc(ctx, func() { _ = conn.raw.Close() })
	err := conn.hand(path(c.from), to, text, c.cfg.Timeout)
	cut := !stop()
	if refused := (*textproto.Error)(nil); cut || (err != nil && !errors.As(err, &refused)) || !c.putIdle(conn) {
		_ = conn.raw.Close() // of no use
	}
	return err
}

func (c *Channel) takeIdle() *connection {
	c.mu.Lock()
	defer c.mu.Unlock()
	for n := len(c.idle); n > 0; n = len(c.idle) {
		conn := c.idle[n-1]
		c.idle = c.idle[:n-1]
		if c.cfg.Now().Sub(conn.since) < c.cfg.IdleAfter {
			return conn
		}
		_ = conn.raw.Close() // too old
	}
	return nil
}

func (c *Channel) putIdle(conn *connection) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || len(c.idle) >= maxIdle {
		return false
	}
	conn.since = c.cfg.Now()
	c.idle = append(c.idle, conn)
	return true
}

// classify turns an error of the session into one of notify's.
func classify(err error) error {
	if err == nil {
		return nil
	}
	if refused, ok := errors.AsType[*textproto.Error](err); ok && refused.Code >= 500 {
		return fmt.Errorf("the mail server refused: %w: %w", err, notify.ErrRefused)
	}
	return fmt.Errorf("send mail: %w", err)
}
