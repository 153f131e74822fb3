package emergency

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"net/textproto"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/live/lis"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/obs"
	"github.com/callbox911/callbox/internal/rules/convey"
	"github.com/callbox911/callbox/internal/rules/ladder"
	"github.com/callbox911/callbox/internal/rules/locate"
)

// conveyed is what a leg was given, for the record (E10).
type conveyed struct {
	to          string
	pidf        string
	geolocation string
	profile     e911.HeaderProfile
	number      e911.Number
	flags       []string
	findings    []e911.Finding
}

// convey writes the INVITE of an attempt by the trunk's header profile (design
// 2.4), with the caller's SDP unchanged. Slim leaves every other body out;
// references stay (F-16).
func (c *call) convey(r ladder.Rung, trunkTo string, slim bool) (sipedge.Invite, conveyed, error) {
	t, instead := c.trunkFor(r)
	to, err := parseTarget(trunkTo)
	if err != nil {
		var named bool
		if to.plain, named = plainName(trunkTo); named {
			err = nil
		}
	}
	if err != nil {
		return sipedge.Invite{}, conveyed{to: trunkTo}, err
	}
	said := c.said(t, slim)
	said.Callback = cmp.Or(instead, said.Callback)
	leg := convey.Write(said, t, convey.Target{URI: trunkTo, Plain: to.plain}, slim)
	in := sipedge.Invite{
		URI: leg.URI, Routes: leg.Routes, Dest: to.dest, Transport: to.transport, From: leg.From, To: leg.To,
		Headers: make(sipedge.Headers, len(leg.Headers)), NoOffer: c.dec.sdp == nil,
	}
	for i, h := range leg.Headers {
		in.Headers[i] = sipedge.Header(h)
	}
	in.Headers = append(in.Headers, c.sign(t, leg)...)
	in.ContentType, in.Body = c.body(leg)
	return in, conveyed{
		to: trunkTo, pidf: string(leg.Object), geolocation: leg.Geolocation, profile: t.Profile,
		number: leg.Number, flags: leg.Flags, findings: leg.Findings,
	}, nil
}

// body is the caller's SDP, what the leg adds, and what came in.
func (c *call) body(leg convey.Leg) (contentType string, body []byte) {
	return c.bodyWith(c.dec.sdp, leg)
}

func (c *call) bodyWith(sdp []byte, leg convey.Leg) (contentType string, body []byte) {
	var parts []part
	if sdp != nil {
		parts = append(parts, textPart(typeSDP, sdp))
	}
	for _, own := range leg.Parts {
		p := textPart(own.Type, own.Body)
		p.header.Set("Content-Id", "<"+own.ID+">")
		if own.Disposition != "" {
			p.header.Set("Content-Disposition", own.Disposition)
		}
		parts = append(parts, p)
	}
	if leg.Forward {
		parts = append(append(parts, c.dec.locations...), c.dec.others...)
	}
	switch {
	case len(parts) == 0:
		return "", nil
	case len(parts) == 1 && parts[0].mediaType() == typeSDP:
		return typeSDP, parts[0].body
	}
	return joinParts("callbox-"+string(e911.NewID[e911.CallID]()), parts)
}

// said is all that a leg may carry.
func (c *call) said(t e911.Trunk, slim bool) convey.Call {
	d := &c.dec
	said := convey.Call{
		ID: c.id, Domain: c.h.cfg.Domain, Now: c.h.cfg.Now(), Name: c.uid, Incident: c.incident,
		Callback: d.who.Callback, Line: d.who.Line, HELD: d.who.HELD, Where: d.where, ELIN: d.elin, ELINWhy: d.elinWhy,
		Provider: convey.Provider(c.h.cfg.Provider), Subscriber: convey.Subscriber{Org: c.org.Config().Name},
		Came: convey.Came{Headers: c.req.Headers, Values: d.values, Priority: c.known && c.trunk.Marked(e911.MarkPriority)},
	}
	if d.who.User != nil {
		said.Subscriber.Name = d.who.User.Name
	}
	if s := c.alertSite(); s != nil {
		said.Subscriber.Desk = s.Callback()
	}
	if convey.Carries(t.Profile) && (slim || t.Profile == e911.ProfileI3) {
		said.Reference = c.mint()
	}
	return said
}

// mint gives the call its own location reference, once (F-27).
func (c *call) mint() string {
	if c.h.cfg.References == nil || c.minted {
		return c.reference
	}
	c.minted = true
	c.guard("location reference", func() {
		p := lis.CallPlace{Org: c.org.ID(), Evidence: locate.Evidence{
			By: c.dec.where.By, At: c.dec.where.At, Place: c.dec.where.Place, Who: c.dec.where.Who,
		}}
		if v := c.dec.who.Device; v != nil {
			p.Device = string(v.ID)
		}
		uri, err := c.h.cfg.References.MintForCall(c.id, p)
		if err != nil {
			c.log.Warn("mint the location reference of a call", obs.Err(err))
			return
		}
		c.reference = uri
	})
	return c.reference
}

// letGo says that the call's reference answers from now on what it answered last.
func (c *call) letGo() {
	if c.reference != "" {
		c.guard("location reference", func() { c.h.cfg.References.EndCall(c.id, c.h.cfg.Now()) })
	}
}

func textPart(mediaType string, body []byte) part {
	return part{header: textproto.MIMEHeader{"Content-Type": {mediaType}}, body: body}
}

// target is where a trunk's address leads.
type target struct {
	dest      netip.AddrPort
	transport string // for sipedge.Invite
	plain     string // user and host, without parameters, for To
}

var errTarget = errors.New("not a sip URI with an IP address")

// parseTarget reads "sip:psap@127.0.0.21:5071;transport=tcp". The host must be
// an address: a call asks no name server (E3).
func parseTarget(uri string) (target, error) {
	scheme, rest, ok := strings.Cut(uri, ":")
	if !ok || !strings.EqualFold(scheme, "sip") {
		return target{}, errTarget
	}
	rest, _, _ = strings.Cut(rest, "?")
	rest, params, _ := strings.Cut(rest, ";")
	host := rest
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		host = rest[i+1:]
	}
	dest, err := netip.ParseAddrPort(host)
	if err != nil {
		a, err := netip.ParseAddr(strings.Trim(host, "[]"))
		if err != nil {
			return target{}, fmt.Errorf("%w: %q", errTarget, host)
		}
		dest = netip.AddrPortFrom(a, 5060)
	}
	t := target{dest: dest, transport: "tcp", plain: "sip:" + rest}
	for p := range strings.SplitSeq(params, ";") {
		if strings.EqualFold(strings.TrimSpace(p), "transport=udp") {
			t.transport = "udp"
		}
	}
	return t, nil
}
