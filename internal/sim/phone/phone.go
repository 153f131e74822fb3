// Package phone is a simulated SIP phone behind a PBX: it asks the location
// server where it is (HELD), dials, hears, presses digits and hangs up. It
// speaks the real protocols over real sockets and calls itself simulated.
package phone

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/digest"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/sim/rtpend"
	"github.com/callbox911/callbox/internal/sim/ua"
	"github.com/callbox911/callbox/wire/held"
	"github.com/callbox911/callbox/wire/pidflo"
)

// Name is what every message of a simulated phone says of itself.
const Name = "Callbox simulated phone"

// Config describes the phone and its network.
type Config struct {
	Listen    netip.AddrPort // where its SIP comes from; port 0: any
	Proxy     netip.AddrPort // where its INVITEs go
	Transport string         // udp (default) or tcp
	Number    string         // its line, "+16175550111": From and P-Asserted-Identity
	UserID    string         // E911-User-ID, as a calling platform adds it
	// User and Password are what the PBX in front of it answers a challenge with; none:
	// it answers none.
	User, Password string
	// HELD: the location server, and how the phone proves itself to it.
	HELDURL   string
	CompanyID string
	Secret    string
	HELDFrom  netip.Addr // source address of its HELD requests; none: any
	// What it sees of its network.
	LLDPChassis string // MAC
	LLDPPort    string
	BSSID       string
	MAC         string
}

// Location is what the location server answered.
type Location struct {
	URI      string // first location URI, for the Geolocation header
	Expires  time.Time
	Document *pidflo.Document
	Raw      []byte
}

// Phone is a running simulation. Safe for concurrent use.
type Phone struct {
	cfg    Config
	agent  *ua.Agent
	client *http.Client
	in     chan *ua.Call
}

// New binds the phone's sockets.
func New(cfg Config) (*Phone, error) {
	if cfg.Transport == "" {
		cfg.Transport = "udp"
	}
	if !cfg.Proxy.IsValid() {
		return nil, errors.New("simulated phone: no address to send calls to")
	}
	ep, err := ua.Listen(cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("simulated phone: %w", err)
	}
	p := &Phone{cfg: cfg, in: make(chan *ua.Call, 16)}
	p.agent = ua.NewAgent(ep, Name, func(c *ua.Call) {
		select {
		case p.in <- c:
			_ = c.Progress(180, "Ringing", nil)
		default:
			_ = c.Refuse(486, "Busy Here")
		}
	})
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	if cfg.HELDFrom.IsValid() {
		dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(cfg.HELDFrom, 0))
	}
	p.client = &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true}}
	return p, nil
}

// Addr is the phone's SIP address.
func (p *Phone) Addr() netip.AddrPort { return p.agent.Addr() }

// Run serves until ctx ends; call it before Call.
func (p *Phone) Run(ctx context.Context) error { return p.agent.Run(ctx) }

// Incoming brings calls to the phone, ringing.
func (p *Phone) Incoming() <-chan *ua.Call { return p.in }

// Locate asks the location server (RFC 5985), with what the phone measures. A
// HELD error comes as *held.Error.
func (p *Phone) Locate(ctx context.Context) (Location, error) {
	req := &held.Request{}
	m := held.Measurement{Time: time.Now().UTC()}
	if p.cfg.LLDPPort != "" {
		chassis, err := held.MACID(4, p.cfg.LLDPChassis)
		if err != nil {
			return Location{}, fmt.Errorf("simulated phone, LLDP chassis: %w", err)
		}
		m.LLDP = append(m.LLDP, held.LLDP{Chassis: chassis, Port: held.TextID(5, p.cfg.LLDPPort)})
	}
	if p.cfg.BSSID != "" {
		m.WiFi = append(m.WiFi, held.AccessPoint{BSSID: strings.ToUpper(strings.ReplaceAll(p.cfg.BSSID, ":", "-")), Serving: true})
	}
	if m.LLDP != nil || m.WiFi != nil {
		req.Measurements = append(req.Measurements, m)
	}
	if p.cfg.MAC != "" {
		req.Identity = append(req.Identity, held.Identifier{Kind: held.IDMAC, Value: strings.ToUpper(strings.ReplaceAll(p.cfg.MAC, ":", "-"))})
	}
	url := strings.TrimSuffix(p.cfg.HELDURL, "/")
	if p.cfg.CompanyID != "" {
		url += "/" + p.cfg.CompanyID
	}
	body, err := held.AppendRequest(nil, req)
	if err != nil {
		return Location{}, fmt.Errorf("ask for the location: %w", err)
	}
	hr, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return Location{}, fmt.Errorf("ask for the location: %w", err)
	}
	hr.Header.Set("Content-Type", "application/held+xml;charset=utf-8")
	hr.Header.Set("Accept", "application/held+xml")
	if p.cfg.Secret != "" {
		hr.SetBasicAuth(p.cfg.CompanyID, p.cfg.Secret)
	}
	resp, err := p.client.Do(hr)
	if err != nil {
		return Location{}, fmt.Errorf("ask for the location: %w", err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return Location{}, fmt.Errorf("read the location: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return Location{}, fmt.Errorf("ask for the location: %s", resp.Status)
	}
	answer, err := held.ParseReply(raw)
	if err != nil {
		return Location{}, fmt.Errorf("ask for the location: %w", err)
	}
	l := Location{Expires: answer.Expires, Document: answer.Presence, Raw: raw}
	if len(answer.URIs) > 0 {
		l.URI = answer.URIs[0]
	}
	return l, nil
}

// Dialling is what goes with a dialled number.
type Dialling struct {
	Number   string // "911", "933", or a whole URI such as "urn:service:sos", "tel:911"
	Location string // location URI for the Geolocation header; none: no header
	// PIDFLO is sent by value in a multipart body when set.
	PIDFLO  []byte
	Headers []ua.Header
	NoSDP   bool
}

// Call is a call that the phone placed.
type Call struct {
	*ua.Call
	Media *rtpend.End
	phone *Phone
}

// Dial places a call. The phone's sound starts when the answer comes, see
// WaitAnswer; it ends with ctx.
func (p *Phone) Dial(ctx context.Context, d Dialling) (*Call, error) {
	media, err := rtpend.Listen(p.Addr().Addr())
	if err != nil {
		return nil, err
	}
	uri := d.Number
	if !strings.Contains(uri, ":") {
		uri = fmt.Sprintf("sip:%s@%s", d.Number, p.cfg.Proxy.Addr())
	}
	o := ua.Outgoing{
		URI: uri, Dest: p.cfg.Proxy, Transport: p.cfg.Transport,
		From: fmt.Sprintf("<sip:%s@%s>", p.cfg.Number, p.Addr().Addr()), To: "<" + uri + ">", Headers: d.Headers,
	}
	if p.cfg.Number == "" {
		o.From = fmt.Sprintf("<sip:anonymous@%s>", p.Addr().Addr())
	} else {
		o.Headers = append(o.Headers, ua.Header{Name: "P-Asserted-Identity", Value: o.From})
	}
	if p.cfg.UserID != "" {
		o.Headers = append(o.Headers, ua.Header{Name: "E911-User-ID", Value: p.cfg.UserID})
	}
	var geo []string
	if d.PIDFLO != nil {
		geo = append(geo, "<cid:loc@sim.invalid>")
	}
	if d.Location != "" {
		geo = append(geo, "<"+d.Location+">")
	}
	if geo != nil {
		o.Headers = append(o.Headers, ua.Header{Name: "Geolocation", Value: strings.Join(geo, ", ")}, ua.Header{Name: "Geolocation-Routing", Value: "yes"})
	}
	if !d.NoSDP {
		o.SDP = media.SDP("sendrecv")
	}
	if d.PIDFLO != nil {
		o.BodyType = "multipart/mixed;boundary=sim"
		o.Body = fmt.Appendf(nil, "--sim\r\nContent-Type: application/sdp\r\n\r\n%s\r\n--sim\r\nContent-Type: application/pidf+xml\r\n"+
			"Content-ID: <loc@sim.invalid>\r\n\r\n%s\r\n--sim--\r\n", o.SDP, d.PIDFLO)
	}
	if p.cfg.User != "" {
		client := digest.NewClient(p.cfg.User, "", e911.Secret(p.cfg.Password))
		o.Answer = func(challenges []string, method, uri string) (string, error) {
			return client.Answer(digest.Question{Challenges: challenges, Method: method, URI: uri})
		}
	}
	placed, err := p.agent.Place(ctx, o)
	if err != nil {
		return nil, err
	}
	return &Call{Call: placed, Media: media, phone: p}, nil
}

// ErrRefused is in the chain of WaitAnswer's error when the call ended first.
var ErrRefused = errors.New("the call was not answered")

// WaitAnswer waits until the call is answered, then starts the sound.
func (c *Call) WaitAnswer(ctx context.Context) (ua.Event, error) {
	for {
		select {
		case e, open := <-c.Events():
			if !open {
				return ua.Event{}, ErrRefused
			}
			if e.State == ua.Ended {
				return e, fmt.Errorf("%w: %d", ErrRefused, e.Code)
			}
			if e.State == ua.Answered {
				if err := c.Media.Connect(e.SDP); err != nil {
					return e, err
				}
				c.phone.agent.Go(func() { c.Media.Run(ctx) })
				return e, nil
			}
		case <-ctx.Done():
			return ua.Event{}, fmt.Errorf("wait for the answer: %w", ctx.Err())
		}
	}
}

// WaitEnd waits until the call is over.
func (c *Call) WaitEnd(ctx context.Context) (ua.Event, error) {
	for {
		select {
		case e, open := <-c.Events():
			if !open || e.State == ua.Ended {
				return e, nil
			}
		case <-ctx.Done():
			return ua.Event{}, fmt.Errorf("wait for the end: %w", ctx.Err())
		}
	}
}
