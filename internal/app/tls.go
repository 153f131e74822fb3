package app

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"strings"

	"github.com/callbox911/callbox/internal/certs"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/lis"
)

// TLSFiles are PEM files. They are looked at each minute and on Reload.
type TLSFiles struct {
	Certificate string // with those that lead to the root
	Key         string
	ClientRoots string // authorities whose client certificates count by name; may be empty
}

// heldFaults are those of how the location server is reached.
func (c Config) heldFaults() (errs []error) {
	switch f := c.HELDTLS; {
	case (f.Certificate == "") != (f.Key == ""):
		errs = append(errs, errors.New("held-cert, held-key: give both or none"))
	case f.Certificate == "" && f.ClientRoots != "":
		errs = append(errs, errors.New("held-client-ca: client certificates need TLS here: give held-cert and held-key too"))
	case f.Certificate != "" && strings.HasPrefix(c.HELDURL, "http:"):
		errs = append(errs, fmt.Errorf("held-url: %q is http, and with held-cert the location server speaks https", c.HELDURL))
	}
	for _, p := range c.TrustedProxies {
		if p.Bits() <= 0 {
			errs = append(errs, fmt.Errorf("trusted-proxy: %s would let everybody name any source address", p))
		}
	}
	return errs
}

// bindHELD opens the listener of the location server, with TLS where there are
// files for it.
func (s *Server) bindHELD() error {
	f := s.cfg.HELDTLS
	scheme := "http://"
	if f.Certificate != "" {
		cfg := certs.Config{
			Certificate: f.Certificate, Key: f.Key, ClientRoots: f.ClientRoots, Now: s.cfg.Now, Log: s.cfg.Log,
			Then:  "devices that check it get no location",
			Alarm: func(a certs.Alarm) { s.alarm("", journal.Alarm{Code: a.Code, Detail: a.Detail}) },
		}
		if u, err := url.Parse(s.cfg.HELDURL); err == nil {
			cfg.Host = u.Hostname()
		}
		var err error
		if s.certs, err = certs.Open(cfg); err != nil {
			return fmt.Errorf("certificate of the location server: %w", err)
		}
		scheme = "https://"
	}
	l, err := net.Listen("tcp", s.cfg.HELD)
	if err != nil {
		return fmt.Errorf("listen for HELD: %w", err)
	}
	l = s.bounded(l, s.files.HELD)
	if s.certs != nil {
		l = tls.NewListener(l, lis.ClientCertificates(s.certs.Server()))
	}
	s.heldL = l
	if s.cfg.HELDURL == "" {
		s.cfg.HELDURL = scheme + l.Addr().String()
	}
	if ap, err := netip.ParseAddrPort(l.Addr().String()); err == nil && s.certs == nil && !ap.Addr().Unmap().IsLoopback() {
		s.cfg.Log.Warn("the location server speaks plain HTTP on a network: secrets and locations can be read on the way; give it a certificate (--held-cert), or a proxy with TLS before it",
			"address", ap.String())
	}
	return nil
}

// clientRoots are those who vouch for client certificates by name.
func (s *Server) clientRoots() *x509.CertPool {
	if s.certs == nil {
		return nil
	}
	return s.certs.ClientRoots()
}

func (s *Server) watchCerts(ctx context.Context) error {
	if s.certs == nil {
		<-ctx.Done()
		return nil
	}
	return s.certs.Run(ctx)
}

// Reload looks at the certificate files now.
func (s *Server) Reload() {
	if s.certs != nil {
		s.certs.Check()
	}
	if s.sipCerts != nil {
		s.sipCerts.Check()
	}
	if s.stir.holder != nil {
		s.stir.holder.Check()
	}
}

// withoutNoise lets the errors of an HTTP server through, without those that any client
// can cause by speaking something else than TLS.
type withoutNoise struct{ slog.Handler }

// Handle implements slog.Handler.
func (q withoutNoise) Handle(ctx context.Context, r slog.Record) error {
	if strings.HasPrefix(r.Message, "http: TLS handshake error") {
		if !q.Enabled(ctx, slog.LevelDebug) {
			return nil
		}
		r.Level = slog.LevelDebug
	}
	return q.Handler.Handle(ctx, r)
}
