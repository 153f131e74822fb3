package snmp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/netip"
	"strconv"
	"syscall"

	"github.com/gosnmp/gosnmp"

	"github.com/callbox911/callbox/internal/admin/discover"
)

// errNoAnswer says that a request and its repetitions brought nothing.
var errNoAnswer = errors.New("no answer")

// session is one socket to one agent. One goroutine uses it.
type session struct {
	g      *gosnmp.GoSNMP
	closed chan struct{}
	stop   func() bool
	reps   uint32 // rows that a request asks for
	full   uint32 // as configured
	good   int    // requests answered since reps shrank
	shrunk int    // how often silence made reps shrink
}

// open makes a session. vlan is the VLAN whose bridge is meant, 0 for the
// device itself: Cisco's agents take it from the community or the context.
func (r *Reader) open(ctx context.Context, t Target, vlan int) (*session, error) {
	c := r.cfg
	g := &gosnmp.GoSNMP{
		Target: t.Host, Port: t.Port, Transport: "udp", Context: ctx, Timeout: c.Timeout, Retries: c.Retries,
		MaxOids: gosnmp.MaxOids, Logger: gosnmp.NewLogger(log.New(io.Discard, "", 0)),
	}
	k := c.Credentials
	if k.User == "" {
		g.Version, g.Community = gosnmp.Version2c, k.Community
		if vlan > 0 {
			g.Community += "@" + strconv.Itoa(vlan)
		}
	} else {
		k.version3(g)
		g.ContextName = k.Context
		if vlan > 0 {
			g.ContextName = "vlan-" + strconv.Itoa(vlan)
		}
	}
	if err := g.Connect(); err != nil {
		return nil, fmt.Errorf("open a socket to %s: %w", t, err)
	}
	s := &session{g: g, closed: make(chan struct{}), reps: uint32(c.Repetitions), full: uint32(c.Repetitions)}
	conn := g.Conn
	s.stop = context.AfterFunc(ctx, func() {
		defer close(s.closed)
		_ = conn.Close() // wakes the read; gosnmp then finds that ctx is over
	})
	return s, nil
}

func (s *session) close() {
	if s.stop() {
		_ = s.g.Conn.Close()
		return
	}
	<-s.closed
}

func (k Credentials) version3(g *gosnmp.GoSNMP) {
	usm := &gosnmp.UsmSecurityParameters{UserName: k.User, AuthenticationPassphrase: k.AuthKey, PrivacyPassphrase: k.PrivKey}
	g.Version, g.SecurityModel, g.MsgFlags, g.SecurityParameters = gosnmp.Version3, gosnmp.UserSecurityModel, gosnmp.NoAuthNoPriv, usm
	usm.AuthenticationProtocol, usm.PrivacyProtocol = gosnmp.NoAuth, gosnmp.NoPriv
	switch k.Auth {
	case AuthMD5:
		usm.AuthenticationProtocol = gosnmp.MD5
	case AuthSHA:
		usm.AuthenticationProtocol = gosnmp.SHA
	case AuthSHA256:
		usm.AuthenticationProtocol = gosnmp.SHA256
	case AuthSHA512:
		usm.AuthenticationProtocol = gosnmp.SHA512
	case NoAuth:
		return
	}
	g.MsgFlags = gosnmp.AuthNoPriv
	switch k.Priv {
	case PrivDES:
		usm.PrivacyProtocol = gosnmp.DES
	case PrivAES:
		usm.PrivacyProtocol = gosnmp.AES
	case PrivAES256:
		usm.PrivacyProtocol = gosnmp.AES256C
	case NoPriv:
		return
	}
	g.MsgFlags = gosnmp.AuthPriv
}

// walk reads the subtree of root with GetBulk. On an error it returns the rows
// that came before. gosnmp's own walk is not used: it takes an agent's error
// for the end of the table.
func (s *session) walk(ctx context.Context, root discover.OID, limit int) ([]discover.Row, error) {
	var rows []discover.Row
	last := root
	for {
		vars, err := s.next(ctx, last)
		if err != nil {
			return rows, err
		}
		for _, v := range vars {
			if v.Type == gosnmp.EndOfMibView || v.Type == gosnmp.NoSuchObject || v.Type == gosnmp.NoSuchInstance {
				return rows, nil
			}
			row, err := rowOf(v)
			if err != nil {
				return rows, err
			}
			if !row.OID.Below(root) {
				return rows, nil
			}
			if row.OID.Compare(last) <= 0 {
				return rows, errLoop
			}
			if len(rows) >= limit {
				return rows, errRows
			}
			rows, last = append(rows, row), row.OID
		}
	}
}

// next asks for what follows oid. An agent that cannot put so much into one
// answer is asked for less, and less from then on.
func (s *session) next(ctx context.Context, oid discover.OID) ([]gosnmp.SnmpPDU, error) {
	for {
		p, err := s.g.GetBulk([]string{"." + oid.String()}, 0, s.reps)
		if errors.Is(err, context.DeadlineExceeded) {
			<-ctx.Done() // gosnmp saw the deadline of ctx a moment before ctx did
		}
		switch {
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case errors.Is(err, gosnmp.ErrMaxRetriesExceeded) && s.reps > 1:
			// Silence is what some agents have for an answer that is too big.
			s.reps, s.good = 1, 0
			s.shrunk++
		case err != nil:
			return nil, unanswered(err)
		case p.Error == gosnmp.NoError && len(p.Variables) > 0:
			s.grow()
			return p.Variables, nil
		case s.reps > 1:
			s.reps /= 2
		case p.Error == gosnmp.NoSuchName: // an agent of version 1 at heart: the end of its tree
			return []gosnmp.SnmpPDU{{Type: gosnmp.EndOfMibView}}, nil
		default:
			return nil, fmt.Errorf("the agent says %s", p.Error)
		}
	}
}

// unanswered says in a sentence why nothing came.
func unanswered(err error) error {
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%w: nothing listens there", errNoAnswer)
	case errors.Is(err, gosnmp.ErrMaxRetriesExceeded):
		return fmt.Errorf("%w: not there, not allowed from here, or another community", errNoAnswer)
	case errors.Is(err, gosnmp.ErrUnknownUsername), errors.Is(err, gosnmp.ErrWrongDigest), errors.Is(err, gosnmp.ErrDecryption),
		errors.Is(err, gosnmp.ErrUnknownSecurityLevel):
		return fmt.Errorf("%w: the agent refuses the user: %w", errNoAnswer, err)
	}
	return fmt.Errorf("%w: %w", errNoAnswer, err)
}

// grow asks for more again after a while: the silence may have been one lost
// datagram. After the second one it stays small.
func (s *session) grow() {
	if s.good++; s.good%8 == 0 && s.reps < s.full && s.shrunk == 1 {
		s.reps = min(s.full, 2*s.reps)
	}
}

func rowOf(v gosnmp.SnmpPDU) (discover.Row, error) {
	oid, err := discover.ParseOID(v.Name)
	if err != nil {
		return discover.Row{}, fmt.Errorf("read a row: %w", err)
	}
	row := discover.Row{OID: oid}
	switch x := v.Value.(type) {
	case []byte:
		row.Octets = append([]byte{}, x...)
	case string:
		row.Octets = []byte(x)
		if v.Type == gosnmp.IPAddress {
			if a, err := netip.ParseAddr(x); err == nil {
				row.Octets = a.AsSlice()
			}
		}
	case int:
		row.Number = int64(x)
	case uint:
		row.Number = int64(x)
	case uint32:
		row.Number = int64(x)
	case uint64:
		row.Number = int64(min(x, 1<<63-1))
	}
	return row, nil
}
