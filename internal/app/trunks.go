package app

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"path/filepath"
	"time"

	"github.com/callbox911/callbox/internal/certs"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/resolve"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/live/trunk"
)

// sipFaults are those of the SIP listeners.
func (c Config) sipFaults() (errs []error) {
	f := c.SIPTLS
	if (f.Certificate == "") != (f.Key == "") {
		errs = append(errs, errors.New("sip-cert, sip-key: give both or none"))
	}
	if f.Certificate == "" && f.ClientRoots != "" {
		errs = append(errs, errors.New("sip-client-ca: client certificates need TLS here: give sip-cert and sip-key too"))
	}
	for _, l := range c.SIP {
		if (l.Network == "tls" || l.Network == "wss") && f.Certificate == "" {
			errs = append(errs, fmt.Errorf("sip %s:%s: TLS needs a certificate: give sip-cert and sip-key", l.Network, l.Addr))
		}
	}
	return errs
}

// openSIPCerts reads the certificate of SIP.
func (s *Server) openSIPCerts() error {
	f := s.cfg.SIPTLS
	if f.Certificate == "" {
		return nil
	}
	var err error
	s.sipCerts, err = certs.Open(certs.Config{
		Certificate: f.Certificate, Key: f.Key, ClientRoots: f.ClientRoots, Now: s.cfg.Now, Log: s.cfg.Log,
		Then:  "neighbours and telephones that check it send no calls by TLS",
		Alarm: func(a certs.Alarm) { s.alarm("", journal.Alarm{Code: a.Code, Detail: "SIP: " + a.Detail}) },
	})
	if err != nil {
		return fmt.Errorf("certificate of SIP: %w", err)
	}
	return nil
}

// sipListen is what SIP listeners by TLS show and ask for; nil without a
// certificate. Clients need none: phones log in by digest. One that is shown never
// ends a connection, however bad it is, for an emergency call may come on it; what
// it proves says vouchSIP. No authorities are named to clients: some would keep a
// certificate of their own to themselves then.
func (s *Server) sipListen() *tls.Config {
	if s.sipCerts == nil {
		return nil
	}
	c := s.sipCerts.Server()
	c.NextProtos, c.ClientAuth = nil, tls.RequestClientCert
	return c
}

// vouchSIP says what a client's certificate proves now.
func (s *Server) vouchSIP(chain []*x509.Certificate) (names, lapsed []string) {
	var roots *x509.CertPool
	if s.sipCerts != nil {
		roots = s.sipCerts.ClientRoots()
	}
	return certs.Vouch(chain, roots, s.cfg.Now())
}

// wireDoor makes what tells trunks' neighbours apart.
func (s *Server) wireDoor() (err error) {
	s.door, err = trunk.NewDoor(trunk.DoorConfig{
		Snapshot: s.holder, Journal: s.journal, Realm: s.cfg.Domain, Alarm: s.alarm, Now: s.cfg.Now,
		Phone: func(q *sipedge.Request) bool {
			p, ok := s.phones.Phone(q)
			return ok && p.Registered
		},
	})
	return err
}

// sipDial is how we show ourselves to others by TLS, and whom we believe: the
// authorities of this machine, and those of sip-client-ca.
func (s *Server) sipDial() *tls.Config {
	if s.sipCerts == nil {
		return nil
	}
	server := s.sipCerts.Server()
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return server.GetCertificate(&tls.ClientHelloInfo{})
		},
		// The check is ours, below: its roots may change under a running server.
		InsecureSkipVerify: true, //nolint:gosec // VerifyConnection does it
		VerifyConnection: func(state tls.ConnectionState) error {
			return vouchedFor(state, s.sipCerts.ClientRoots())
		},
	}
}

// vouchedFor checks the other side's certificate, its name and its time against
// the machine's roots, and ours.
func vouchedFor(state tls.ConnectionState, roots *x509.CertPool) error {
	if len(state.PeerCertificates) == 0 {
		return errors.New("the other side shows no certificate")
	}
	opts := x509.VerifyOptions{DNSName: state.ServerName, Intermediates: x509.NewCertPool()}
	for _, c := range state.PeerCertificates[1:] {
		opts.Intermediates.AddCert(c)
	}
	_, err := state.PeerCertificates[0].Verify(opts)
	if err != nil && roots != nil {
		opts.Roots = roots
		_, err = state.PeerCertificates[0].Verify(opts)
	}
	if err != nil {
		return fmt.Errorf("certificate of %s: %w", state.ServerName, err)
	}
	return nil
}

// wireTrunks makes what keeps the state of trunks.
func (s *Server) wireTrunks() error {
	servers, err := s.nameServers()
	var dns resolve.DNS = servers
	if err != nil {
		s.cfg.Log.Warn("there is no name server; trunks are reached by address alone", "error", err)
		dns = noDNS{}
	}
	s.names, err = resolve.New(resolve.Config{
		DNS: dns, File: filepath.Join(s.cfg.DataDir, "names.json"), Now: s.cfg.Now, Log: s.cfg.Log,
		Alarm: func(a journal.Alarm) { s.alarm("", a) },
	})
	if err != nil {
		return fmt.Errorf("wire the names of trunks: %w", err)
	}
	s.trunks, err = trunk.New(trunk.Config{
		Snapshot: s.holder, Names: s.names, Ask: lateEdge{s}, Domain: s.cfg.Domain, Alarm: s.alarm, Told: s.trunkTold, Now: s.cfg.Now, Log: s.cfg.Log,
	})
	return err
}

func (s *Server) nameServers() (*resolve.Servers, error) {
	if len(s.cfg.NameServers) > 0 {
		return resolve.At(s.cfg.NameServers...)
	}
	return resolve.System()
}

// lateEdge is the edge, which is made after those that use it.
type lateEdge struct{ s *Server }

func (e lateEdge) Request(ctx context.Context, o sipedge.Outgoing) (sipedge.Response, error) {
	return e.s.edge.Request(ctx, o)
}

// noDNS is a machine without name servers.
type noDNS struct{}

var errNoDNS = errors.New("this machine has no name server")

func (noDNS) NAPTR(context.Context, string) ([]resolve.NAPTR, time.Duration, error) {
	return nil, 0, errNoDNS
}

func (noDNS) SRV(context.Context, string) ([]resolve.SRV, time.Duration, error) {
	return nil, 0, errNoDNS
}

func (noDNS) Addresses(context.Context, string) ([]netip.Addr, time.Duration, error) {
	return nil, 0, errNoDNS
}

func (s *Server) watchSIPCerts(ctx context.Context) error {
	if s.sipCerts == nil {
		<-ctx.Done()
		return nil
	}
	return s.sipCerts.Run(ctx)
}

// TrunkList is the state of all trunks, for the operator.
type TrunkList struct {
	Trunks []trunk.Status `json:"trunks"`
	// Orgs are the keys of the organisations that trunks belong to.
	Orgs map[e911.OrgID]string `json:"orgs,omitempty"`
	// Certificate is when our certificate of SIP expires; zero: there is none.
	Certificate time.Time `json:"certificate_expires,omitzero"`
	At          time.Time `json:"at"`
}

// Trunks tells the state of all trunks.
func (s *Server) Trunks() TrunkList {
	list := TrunkList{Trunks: s.trunks.List(), Orgs: map[e911.OrgID]string{}, At: s.cfg.Now()}
	w := s.holder.Load()
	for _, t := range list.Trunks {
		if o := w.Org(t.Org); o != nil {
			list.Orgs[t.Org] = o.Config().Key
		}
	}
	if s.sipCerts != nil {
		list.Certificate = s.sipCerts.Until()
	}
	return list
}

func (s *Server) trunkRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST /trunks", func(w http.ResponseWriter, _ *http.Request) { writeControl(w, s.Trunks(), nil) })
}
