package emergency

import (
	"errors"
	"fmt"
	"net/netip"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/obs"
	"github.com/callbox911/callbox/internal/rules/civic"
	"github.com/callbox911/callbox/internal/rules/identify"
	"github.com/callbox911/callbox/internal/rules/locate"
	"github.com/callbox911/callbox/wire/calldata"
	"github.com/callbox911/callbox/wire/pidflo"
	"github.com/callbox911/callbox/wire/sipgeo"
)

// conveyed is what a leg was given, for the record (E10).
type conveyed struct {
	to          string
	pidf        string
	geolocation string
}

// retention is how long a PSAP may keep a location (F-26).
const retention = 24 * time.Hour

// convey writes the INVITE of an attempt by the header profile `carrier`
// (design 2.4): SDP unchanged, PIDF-LO by value, From = PAI = callback. Slim
// leaves the location body out; references stay (F-16).
func (c *call) convey(trunkTo string, slim bool) (sipedge.Invite, conveyed, error) {
	in, sent, err := c.conveyPlain(trunkTo)
	if err != nil || slim {
		return in, sent, err
	}
	var parts []part
	if c.dec.sdp != nil {
		parts = append(parts, textPart(typeSDP, c.dec.sdp))
	}
	geo := make([]sipgeo.Location, 0, len(c.dec.values)+1)
	if doc := c.pidf(); doc != nil {
		cid := "loc-" + string(c.id) + "@" + c.h.cfg.Domain
		p := textPart(pidflo.MediaType, doc)
		p.header.Set("Content-Id", "<"+cid+">")
		parts = append(parts, p)
		geo = append(geo, sipgeo.FromContentID(cid))
		sent.pidf = string(doc)
	}
	// What came in follows, unchanged: the PSAP may see more in it than we did
	// (F-05, RFC 6881 SP-19).
	geo = append(geo, c.dec.values...)
	parts = append(parts, c.dec.locations...)
	parts = append(parts, c.dec.others...)
	sent.geolocation = geolocation(geo)
	in.Headers = c.headers(geo)
	in.NoOffer = c.dec.sdp == nil
	switch {
	case len(parts) == 1 && parts[0].mediaType() == typeSDP:
		in.ContentType, in.Body = typeSDP, parts[0].body
	case len(parts) > 0:
		in.ContentType, in.Body = joinParts("callbox-"+string(e911.NewID[e911.CallID]()), parts)
	}
	return in, sent, nil
}

// conveyPlain is the INVITE without any body but SDP.
func (c *call) conveyPlain(trunkTo string) (sipedge.Invite, conveyed, error) {
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
	var geo []sipgeo.Location
	for _, v := range c.dec.values {
		if v.Scheme() != "cid" {
			geo = append(geo, v)
		}
	}
	me := c.address()
	in := sipedge.Invite{
		URI: trunkTo, Dest: to.dest, Transport: to.transport, From: me, To: "<" + to.plain + ">", Headers: c.headers(geo),
	}
	if c.dec.sdp != nil {
		in.Body, in.ContentType = c.dec.sdp, typeSDP
	}
	return in, conveyed{to: trunkTo, geolocation: geolocation(geo)}, nil
}

// address is the caller as the PSAP sees him: the callback number, never
// anonymous (F-21).
func (c *call) address() string {
	n := c.dec.who.Callback
	if n == "" {
		// No number that could be called back: a name that says so, with what
		// the trunk asserts, for the call-taker's eyes alone (W-05).
		name := "No callback number"
		if c.dec.who.Line != "" {
			name += ", line " + string(c.dec.who.Line)
		}
		return `"` + name + `" <sip:unknown@` + c.h.cfg.Domain + ">"
	}
	return "<sip:" + string(n) + "@" + c.h.cfg.Domain + ";user=phone>"
}

// headers are those beside what the edge writes. Privacy, Require,
// Proxy-Require and Resource-Priority that came in are not passed on (F-21,
// F-25); a PASSporT is (F-25).
func (c *call) headers(geo []sipgeo.Location) sipedge.Headers {
	h := sipedge.Headers{
		{Name: "Max-Forwards", Value: strconv.Itoa(c.maxForwards())},
		{Name: "P-Asserted-Identity", Value: c.address()},
	}
	if value := geolocation(geo); value != "" {
		h = append(h, sipedge.Header{Name: "Geolocation", Value: value},
			sipedge.Header{Name: "Geolocation-Routing", Value: "yes"})
		for _, option := range optionTags(geo) {
			h = append(h, sipedge.Header{Name: "Supported", Value: option})
		}
	}
	kept := c.req.Headers.All("Call-Info")
	if !strings.Contains(strings.Join(kept, ","), c.uid) {
		if value, err := (sipgeo.CallInfo{URI: c.uid, Purpose: sipgeo.PurposeCallID}).Format(); err == nil {
			h = append(h, sipedge.Header{Name: "Call-Info", Value: value})
		}
	}
	for _, v := range kept {
		h = append(h, sipedge.Header{Name: "Call-Info", Value: v})
	}
	for _, name := range []string{"Identity", "Date", "P-Access-Network-Info"} {
		for _, v := range c.req.Headers.All(name) {
			h = append(h, sipedge.Header{Name: name, Value: v})
		}
	}
	return h
}

// geolocation is the header's value. What came in passed ParseGeolocation and
// what we add is a cid, so that nothing is left out.
func geolocation(values []sipgeo.Location) string {
	value, _ := sipgeo.FormatGeolocation(values...)
	return value
}

// optionTags says which kinds of reference are in use, as the one who sends
// them must (RFC 6442, section 4.1).
func optionTags(values []sipgeo.Location) []string {
	var tags []string
	for _, tag := range []string{"geolocation-sip", "geolocation-http"} {
		if slices.ContainsFunc(values, func(v sipgeo.Location) bool { return v.OptionTag() == tag }) {
			tags = append(tags, tag)
		}
	}
	return tags
}

// maxForwards counts down what came in, and starts at 70 (RFC 3261, section
// 8.1.1.6). It does not go below 0: a call in a loop must come to its end.
func (c *call) maxForwards() int {
	n, err := strconv.Atoi(strings.TrimSpace(c.req.Headers.Get("Max-Forwards")))
	if err != nil || n > 70 || n < 0 {
		return 70
	}
	return max(n-1, 0)
}

// pidf writes the location object that we send (F-26); nil without a place.
func (c *call) pidf() []byte {
	w := c.dec.where
	if w.By == e911.ByNothing || (w.Place.Civic.Empty() && w.Place.Area == nil) {
		return nil
	}
	now := c.h.cfg.Now()
	at := w.At
	if at.IsZero() {
		at = now
	}
	method := w.Method
	if w.Rank >= locate.RankSite || method == "" {
		method = "Default"
	}
	g := pidflo.Geopriv{
		Retransmission: true, Retention: now.Add(retention).UTC().Truncate(time.Second), Method: method,
		ProvidedBy: c.providedBy(),
	}
	// The building's point stands first, because it is the coarser of the two
	// (RFC 5491, rule 7); both come from the same source.
	if a := w.Place.Area; a != nil {
		pos := pidflo.Pos{Lat: a.Lat, Lon: a.Lon}
		if a.RadiusM > 0 {
			g.Info = append(g.Info, pidflo.Chunk{Shape: pidflo.Circle{Center: pos, Radius: a.RadiusM}})
		} else {
			g.Info = append(g.Info, pidflo.Chunk{Shape: pidflo.Point{Pos: pos}})
		}
	}
	if cv := civic.ToPIDF(w.Place.Civic); cv != nil {
		g.Info = append(g.Info, pidflo.Chunk{Civic: cv})
	}
	doc := &pidflo.Document{Entity: c.entity(), Elements: []pidflo.Element{{
		Kind: pidflo.Device, ID: "caller", Geopriv: []pidflo.Geopriv{g}, Timestamp: at.UTC().Truncate(time.Second),
	}}}
	return c.marshal(doc)
}

// marshal writes the document, or as much of it as can be written: a call must
// not lose its location for a field that no schema takes, nor for additional
// data (RFC 7852, section 4). Nil means that nothing of it can be written.
func (c *call) marshal(doc *pidflo.Document) []byte {
	body, first := pidflo.Marshal(doc)
	if first == nil {
		return body
	}
	// The error names elements, never what stands in them.
	c.log.Warn("the location object cannot be written whole", obs.Err(first))
	g := &doc.Elements[0].Geopriv[0]
	whole := g.Info
	var err error
	tries := [][]pidflo.Chunk{whole}
	for i := len(whole) - 1; i >= 0; i-- { // the civic address stands last, and is worth more
		tries = append(tries, whole[i:i+1])
	}
	for _, g.ProvidedBy = range []calldata.ProvidedBy{g.ProvidedBy, {}} {
		for _, g.Info = range tries {
			if body, err = pidflo.Marshal(doc); err == nil {
				return body
			}
		}
	}
	return nil
}

// entity is the callback number, never the user's mail address (F-26).
func (c *call) entity() string {
	if n := c.dec.who.Callback; n != "" {
		return "pres:" + string(n) + "@" + c.h.cfg.Domain
	}
	return "pres:unknown@" + c.h.cfg.Domain
}

// providedBy says who stands behind the location: the operator, or else the
// organisation with the number that its site gave for emergencies.
func (c *call) providedBy() calldata.ProvidedBy {
	p := c.h.cfg.Provider
	if p.Name == "" {
		p.Name = c.org.Config().Name
	}
	if s := c.alertSite(); p.Contact == "" && s != nil && s.ECBN != "" {
		p.Contact = "tel:" + string(s.ECBN)
	}
	if p.Name == "" || p.Contact == "" {
		return calldata.ProvidedBy{}
	}
	ref := string(c.id) + "@" + c.h.cfg.Domain
	info := calldata.ProviderInfo{
		Reference: ref, Name: p.Name, Type: calldata.TypeTelecom, ContactURI: p.Contact, Languages: []string{"en"},
	}
	if p.CompanyID != "" {
		info.ID, info.Series = p.CompanyID, "NENA"
	}
	mobility := calldata.MobilityUnknown
	switch c.dec.who.HELD {
	case identify.HELDYes:
		mobility = calldata.MobilityNomadic
	case identify.HELDNo:
		mobility = calldata.MobilityFixed
	}
	return calldata.ProvidedBy{
		Providers: []calldata.ProviderInfo{info},
		Services: []calldata.ServiceInfo{{
			Reference: ref, Environment: calldata.EnvironmentBusiness, Types: []string{calldata.ServiceMLTSLocal}, Mobility: mobility,
		}},
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

// addrSpec is the URI of a name-addr or bare URI.
func addrSpec(value string) string {
	if _, rest, ok := strings.Cut(value, "<"); ok {
		uri, _, _ := strings.Cut(rest, ">")
		return strings.TrimSpace(uri)
	}
	uri, _, _ := strings.Cut(value, ";")
	return strings.TrimSpace(uri)
}
