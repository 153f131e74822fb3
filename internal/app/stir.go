package app

import (
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"errors"
	"fmt"
	"os"

	"github.com/callbox911/callbox/internal/certs"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/emergency"
	"github.com/callbox911/callbox/internal/live/stir"
)

// STIRConfig is how calls are signed, and how signatures are checked (F-25).
type STIRConfig struct {
	Certificate string   // PEM file: the (delegate) certificate of the operator and its chain; none: nothing is signed
	Key         string   // PEM file of its key, P-256
	X5U         string   // https URI at which others find the certificate
	Priority    bool     // the operator declares that it may vouch for Resource-Priority esnet
	Roots       string   // PEM file of the authorities that vouch for signers; none: nothing is checked
	Hosts       []string // that certificates of signers may be fetched from
}

// stirFaults are those of signing and checking.
func (c Config) stirFaults() (errs []error) {
	f := c.STIR
	if n := count(f.Certificate != "", f.Key != "", f.X5U != ""); n != 0 && n != 3 {
		errs = append(errs, errors.New("stir-cert, stir-key, stir-x5u: give all three to sign calls, or none"))
	}
	if f.Priority && f.Certificate == "" {
		errs = append(errs, errors.New("stir-priority: nothing is signed without stir-cert"))
	}
	if (f.Roots == "") != (len(f.Hosts) == 0) {
		errs = append(errs, errors.New("stir-roots, stir-host: give both to check the signatures of others, or none"))
	}
	return errs
}

func count(list ...bool) (n int) {
	for _, b := range list {
		if b {
			n++
		}
	}
	return n
}

// stirParts sign and check.
type stirParts struct {
	holder *certs.Holder      // nil: nothing is signed
	signer *stir.Signer       // nil likewise
	others *stir.Certificates // nil: nothing is checked
}

// openSTIR reads the files of signing.
func (s *Server) openSTIR() (err error) {
	f := s.cfg.STIR
	if f.Roots != "" {
		roots, err := rootsOf(f.Roots)
		if err != nil {
			return fmt.Errorf("stir-roots: %w", err)
		}
		if s.stir.others, err = stir.NewCertificates(stir.CertificatesConfig{Hosts: f.Hosts, Roots: roots, Now: s.cfg.Now, Log: s.cfg.Log}); err != nil {
			return err
		}
	}
	if f.Certificate == "" {
		return nil
	}
	s.stir.holder, err = certs.Open(certs.Config{
		Certificate: f.Certificate, Key: f.Key, Now: s.cfg.Now, Log: s.cfg.Log,
		Then:  "calls go on, and nobody believes their signatures",
		Alarm: func(a certs.Alarm) { s.alarm("", journal.Alarm{Code: a.Code, Detail: "signing of calls: " + a.Detail}) },
	})
	if err != nil {
		return fmt.Errorf("certificate that signs calls: %w", err)
	}
	server := s.stir.holder.Server()
	s.stir.signer, err = stir.NewSigner(stir.SignerConfig{X5U: f.X5U, Authority: f.Priority, Key: func() *ecdsa.PrivateKey {
		c, err := server.GetCertificate(nil)
		if err != nil {
			return nil
		}
		key, _ := c.PrivateKey.(*ecdsa.PrivateKey)
		return key
	}})
	return err
}

func rootsOf(file string) (*x509.CertPool, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the authorities: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(b) {
		return nil, fmt.Errorf("%s holds no certificate in PEM", file)
	}
	return pool, nil
}

// signs and passports are what emergency calls use; nil interfaces where nothing
// is configured.
func (p stirParts) signs() emergency.Signs {
	if p.signer == nil {
		return nil
	}
	return p.signer
}

func (p stirParts) passports() emergency.Passports {
	if p.others == nil {
		return nil
	}
	return p.others
}

// runSTIR fetches certificates and looks at our own until ctx ends.
func (s *Server) runSTIR(ctx context.Context) error {
	own := make(chan error, 1)
	go func() {
		if s.stir.holder == nil {
			<-ctx.Done()
			own <- nil
			return
		}
		own <- s.stir.holder.Run(ctx)
	}()
	var err error
	if s.stir.others != nil {
		err = s.stir.others.Run(ctx)
	}
	return errors.Join(err, <-own)
}
