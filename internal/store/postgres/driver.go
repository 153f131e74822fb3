package postgres

import (
	"context"
	"database/sql/driver"
	"net"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// connector makes pgx connections for database/sql. No octet of a connection is
// waited for longer than within; 0: without an end.
func connector(conn *pgx.ConnConfig, within time.Duration) driver.Connector {
	return stdlib.GetConnector(
		*patiently(conn, within),
		stdlib.OptionShouldPing(func(context.Context, stdlib.ShouldPingParams) bool { return false }),
		stdlib.OptionResetSession(there),
	)
}

// there asks whether the server is still there before a connection is used again:
// what was sent to one that restarted, or that went silent, would fail half-way.
func there(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, connectWithin)
	defer cancel()
	if conn.Ping(ctx) != nil {
		return driver.ErrBadConn
	}
	return nil
}

// patiently makes the connections of conn give up. The server's statement_timeout
// does not help where its answer gets lost: a network that swallows everything, or
// a machine that froze.
func patiently(conn *pgx.ConnConfig, within time.Duration) *pgx.ConnConfig {
	conn = conn.Copy()
	if within <= 0 {
		return conn
	}
	dial := conn.DialFunc
	conn.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &patient{Conn: c, within: within}, nil
	}
	return conn
}

// patient ends a reading or writing that waits too long. The deadlines that pgx
// sets when a context ends count when they are earlier.
type patient struct {
	net.Conn
	within time.Duration

	mu          sync.Mutex // from the choice of a deadline until it is set
	read, write time.Time  // what pgx wants; zero: nothing
}

func (p *patient) Read(b []byte) (int, error) {
	if err := p.arm(&p.read, p.Conn.SetReadDeadline); err != nil {
		return 0, err
	}
	return p.Conn.Read(b)
}

func (p *patient) Write(b []byte) (int, error) {
	if err := p.arm(&p.write, p.Conn.SetWriteDeadline); err != nil {
		return 0, err
	}
	return p.Conn.Write(b)
}

func (p *patient) arm(wanted *time.Time, set func(time.Time) error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	end := time.Now().Add(p.within)
	if !wanted.IsZero() && wanted.Before(end) {
		end = *wanted
	}
	return set(end)
}

// SetDeadline implements net.Conn.
func (p *patient) SetDeadline(t time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.read, p.write = t, t
	return p.Conn.SetDeadline(t)
}

// SetReadDeadline implements net.Conn.
func (p *patient) SetReadDeadline(t time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.read = t
	return p.Conn.SetReadDeadline(t)
}

// SetWriteDeadline implements net.Conn.
func (p *patient) SetWriteDeadline(t time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.write = t
	return p.Conn.SetWriteDeadline(t)
}
