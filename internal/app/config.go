// Package app wires the rooms together: it alone knows all of them. Start and
// stop order is a list in server.go; the demonstration is in demo.go.
package app

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/rules/elinpool"
	"github.com/callbox911/callbox/wire/calldata"
)

// Version is what `callbox version` prints; the build sets it.
var Version = "development"

// MailConfig is the way out for mail.
type MailConfig struct {
	Server   string // host:port; empty: no mail is sent, and that is said at start
	TLS      string // none, starttls, tls
	User     string
	Password string
	From     string
}

// Provider is who operates this Callbox, as PSAPs are told (RFC 7852, F-26).
type Provider struct {
	Name      string
	CompanyID string // NENA company id, may be empty
	Contact   string // answered round the clock: "tel:+16175550100"
}

// info is the block of RFC 7852; its reference, the same in every answer, is
// the name of our element.
func (p Provider) info(domain string) calldata.ProviderInfo {
	info := calldata.ProviderInfo{
		Reference: "provider@" + domain, Name: p.Name, ContactURI: p.Contact, Type: calldata.TypeTelecom, Languages: []string{"en"},
	}
	if info.Name == "" {
		info.Name = domain
	}
	if p.CompanyID != "" {
		info.ID, info.Series = "urn:nena:companyid:"+p.CompanyID, "NENA"
	}
	return info
}

// Config is what a server needs at start and cannot change without a restart.
// What people edit lives in the database.
type Config struct {
	DataDir string
	// MemoryLimit is what LimitMemory returned; 0: nobody looks after memory.
	MemoryLimit int64
	Node        string
	SIP         []sipedge.Listener
	// SIPTLS are the certificate files of SIP by TLS, shown in both directions;
	// ClientRoots vouch for the neighbours' certificates.
	SIPTLS TLSFiles
	// OrdinaryRate bounds the calls a second that are not emergency, shared out
	// fairly among their sources; 0: no bound.
	OrdinaryRate int
	// CallbackWindow is how long after the end of an emergency call the number that
	// the PSAP has leads back to the caller; zero: 180 min; 10 to 1440 (F-08).
	CallbackWindow time.Duration
	HELD           string // address:port of the location server
	Web            string // address:port of the pages
	// HELDURL and BaseURL are how others reach the two: location URIs and the
	// links in notices start with them. Empty: made of the bound address.
	HELDURL string
	// HELDTLS are the certificate files of the location server; none: plain HTTP,
	// which is for loopback and for behind a proxy that speaks TLS.
	HELDTLS TLSFiles
	// TrustedProxies may tell the location server, the LoST server and the pages whom
	// they ask for, in X-Forwarded-For.
	TrustedProxies []netip.Prefix
	// NameServers are asked for the names of trunks; none: those of this machine.
	NameServers []netip.AddrPort
	// LocationServers are other location servers that are asked about their
	// references whoever sends them, host or host:port. LocationNetworks may be
	// asked although their addresses are of this machine or its link.
	// ReferenceWait is how long a call waits for them at most; zero: 1.5 s (F-17).
	LocationServers  []string
	LocationNetworks []netip.Prefix
	ReferenceWait    time.Duration
	BaseURL          string
	Domain           string // our element's name in emergency call ids
	LoST             LoSTConfig
	STIR             STIRConfig
	Peer             PeerConfig
	Mail             MailConfig
	Provider         Provider
	// RTP is the address and port range of the calls that we answer ourselves.
	RTP      netip.Addr
	RTPPorts [2]uint16
	// Worker is the command line that serves speech in a process of its own;
	// empty: speech is made in this process.
	Worker []string
	// Store is where the database is: empty for the one that the data directory
	// remembers, EmbeddedStore, or what postgres.Config.DSN takes.
	Store string
	// Drain is how long a stopping server waits for callers who wait for an answer;
	// what rings then goes on without it.
	Drain time.Duration
	// ImportRows is how many rows a table may have that a browser or a program sends;
	// 0: 20,000.
	ImportRows int
	// NoStore starts without the database, from the snapshot file alone: what a
	// node does when SQL is gone. Import is refused then.
	NoStore bool
	// WrapDB stands between the database and its engine, where a test makes the
	// disk fail; nil: nothing does.
	WrapDB func(driver.Connector) driver.Connector
	Now    func() time.Time
	Log    *slog.Logger
	Stderr io.Writer
}

// Default is the configuration of a single machine on loopback.
func Default() Config {
	host, err := os.Hostname()
	if err != nil {
		host = "node1"
	}
	return Config{
		DataDir: "var", Node: host, HELD: "127.0.0.1:8080", Web: "127.0.0.1:8088", Domain: "callbox.invalid",
		SIP: []sipedge.Listener{
			{Network: "udp", Addr: netip.MustParseAddrPort("127.0.0.1:5060")},
			{Network: "tcp", Addr: netip.MustParseAddrPort("127.0.0.1:5060")},
		},
		Mail: MailConfig{TLS: "starttls"}, Drain: drainFor,
		RTP: netip.MustParseAddr("127.0.0.1"), RTPPorts: [2]uint16{20000, 21999},
		Now: time.Now, Log: slog.New(slog.DiscardHandler),
	}
}

// validate reports every fault at once.
func (c Config) validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.DataDir == "" {
		bad("data directory: name one with --data")
	}
	if c.Node == "" {
		bad("node: give this machine a name with --node")
	}
	if len(c.SIP) == 0 {
		bad("sip: name at least one listener, such as --sip udp:192.0.2.1:5060")
	}
	for name, u := range map[string]string{"held-url": c.HELDURL, "base-url": c.BaseURL} {
		if u == "" {
			continue
		}
		if parsed, err := url.Parse(u); err != nil || parsed.Host == "" || !strings.HasPrefix(parsed.Scheme, "http") {
			bad("%s: %q is not an http or https address", name, u)
		}
	}
	switch c.Mail.TLS {
	case "none", "starttls", "tls":
	default:
		bad("smtp-tls: %q is none of none, starttls, tls", c.Mail.TLS)
	}
	if c.Mail.Server != "" && c.Mail.From == "" {
		bad("smtp-from: mail needs a sender address")
	}
	errs = append(errs, c.heldFaults()...)
	errs = append(errs, c.sipFaults()...)
	errs = append(errs, c.stirFaults()...)
	errs = append(errs, c.storeFaults()...)
	errs = append(errs, c.peerFaults()...)
	if c.ImportRows < 0 {
		bad("import-rows: %d is no number of rows", c.ImportRows)
	}
	if w := c.CallbackWindow; w != 0 && w != elinpool.Window(w) {
		bad("callback-window: %s is not between 10 minutes and 24 hours", w)
	}
	if c.RTPPorts[0] == 0 || c.RTPPorts[1] < c.RTPPorts[0] {
		bad("rtp-ports: %d to %d is no range", c.RTPPorts[0], c.RTPPorts[1])
	}
	if c.Now == nil || c.Log == nil {
		bad("clock and log are missing")
	}
	return errors.Join(errs...)
}

// ParseNameServer reads an address, with a port or without.
func ParseNameServer(s string) (netip.AddrPort, error) {
	const port = 53
	if a, err := netip.ParseAddr(s); err == nil {
		return netip.AddrPortFrom(a, port), nil
	}
	ap, err := netip.ParseAddrPort(s)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("name server %q: write 192.0.2.53, or with a port 192.0.2.53:5353 or [2001:db8::53]:5353", s)
	}
	return ap, nil
}

// ParseListener reads "udp:127.0.0.1:5060"; also tcp, tls, ws and wss.
func ParseListener(s string) (sipedge.Listener, error) {
	network, addr, ok := strings.Cut(s, ":")
	if !ok || !slices.Contains([]string{"udp", "tcp", "tls", "ws", "wss"}, network) {
		return sipedge.Listener{}, fmt.Errorf("listener %q: write udp:ADDRESS:PORT, or tcp, tls, ws or wss instead of udp", s)
	}
	ap, err := netip.ParseAddrPort(addr)
	if err != nil {
		return sipedge.Listener{}, fmt.Errorf("listener %q: %w", s, err)
	}
	return sipedge.Listener{Network: network, Addr: ap}, nil
}
