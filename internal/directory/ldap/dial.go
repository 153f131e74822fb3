package ldap

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync/atomic"

	"github.com/go-ldap/ldap/v3"

	"github.com/callbox911/callbox/internal/admin/directory"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/reach"
)

// dial connects, encrypts and proves who asks. A host that says in itself that it is
// this machine was let through as the operator's when it was saved; a name that leads
// here is refused.
func dial(ctx context.Context, t *directory.Tree) (*ldap.Conn, *bounded, error) {
	u, err := url.Parse(t.URL)
	if err != nil {
		return nil, nil, fmt.Errorf("read the address: %w", err)
	}
	port := cmp.Or(u.Port(), map[string]string{"ldap": "389", "ldaps": "636"}[u.Scheme])
	settings := &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12}
	if t.CA != "" {
		settings.RootCAs = x509.NewCertPool()
		if !settings.RootCAs.AppendCertsFromPEM([]byte(t.CA)) {
			return nil, nil, e911.Errorf(e911.Invalid, "ca has no certificate in PEM")
		}
	}
	dialer := reach.Dialer(0, false)
	if reach.NamesHere(u.Hostname()) {
		dialer = &net.Dialer{}
	}
	raw, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return nil, nil, fmt.Errorf("connect: %w", err)
	}
	if at, ok := ctx.Deadline(); ok {
		if err := raw.SetDeadline(at); err != nil {
			return nil, nil, errors.Join(err, raw.Close())
		}
	}
	wire := &bounded{Conn: raw, left: maxOctets}
	wire.answer.Store(maxAnswer)
	conn, err := bind(ctx, wire, u.Scheme == "ldaps", settings, t)
	return conn, wire, err
}

// bind encrypts and proves who asks; it closes what it could not use.
func bind(ctx context.Context, wire *bounded, secure bool, settings *tls.Config, t *directory.Tree) (*ldap.Conn, error) {
	var raw net.Conn = wire
	if secure {
		enc := tls.Client(wire, settings)
		if err := enc.HandshakeContext(ctx); err != nil {
			return nil, errors.Join(fmt.Errorf("encrypt: %w", err), wire.Close())
		}
		raw = enc
	}
	conn := ldap.NewConn(raw, secure)
	conn.Start()
	// A server that stalls is hung up on.
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if t.StartTLS {
		if err := conn.StartTLS(settings); err != nil {
			return nil, errors.Join(fmt.Errorf("encrypt: %w", err), conn.Close())
		}
	}
	var err error
	if t.BindDN != "" {
		err = conn.Bind(t.BindDN, string(t.Password))
	} else {
		err = conn.UnauthenticatedBind("")
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("bind: %w", err), conn.Close())
	}
	return conn, nil
}

// bounded ends a connection that brings too much, so that a server that lies cannot
// fill the memory.
type bounded struct {
	net.Conn
	left   int          // of all
	answer atomic.Int64 // of the answer that is waited for
}

// Read implements net.Conn.
func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 || b.answer.Load() <= 0 {
		return 0, errLarge
	}
	n, err := b.Conn.Read(p[:min(len(p), b.left)])
	b.left -= n
	b.answer.Add(-int64(n))
	return n, err
}
