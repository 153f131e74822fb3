package lis

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/obs"
	"github.com/callbox911/callbox/internal/rules/civic"
	"github.com/callbox911/callbox/internal/rules/ecrf"
	"github.com/callbox911/callbox/internal/rules/ladder"
	"github.com/callbox911/callbox/internal/rules/locate"
	"github.com/callbox911/callbox/internal/rules/loctoken"
	"github.com/callbox911/callbox/internal/snapshot"
	"github.com/callbox911/callbox/wire/calldata"
	"github.com/callbox911/callbox/wire/held"
	"github.com/callbox911/callbox/wire/pidflo"
)

// shape is what an answer is to hold.
type shape struct {
	civic, geodetic, uri bool // asked for by name, or anything was
	exact                bool
	onlyURI              bool
	routing              string // service of RFC 7840
}

func shapeOf(req *held.Request) shape {
	return shape{
		civic: req.Wants(held.Civic), geodetic: req.Wants(held.Geodetic), uri: req.Wants(held.LocationURI), exact: req.Exact,
		onlyURI: len(req.Types) == 1 && req.Types[0] == held.LocationURI, routing: req.Routing,
	}
}

// respond makes the answer: the location as asked for, and a location URI.
func (s *Server) respond(dst []byte, q *question, t *target, c *conclusion) ([]byte, error) {
	resp := &held.Response{}
	if q.shape.uri {
		uri, expires, err := s.mint(q.snap, loctoken.Claims{
			Org: q.org.ID(), Device: t.name, Location: reference(c.found.Place), By: c.found.By, EvidenceAt: c.found.At,
			Generation: c.generation, Issued: q.now,
		})
		switch {
		case err == nil:
			resp.URIs, resp.Expires = []string{uri}, expires
		case q.shape.exact:
			return dst, &held.Error{Code: held.CannotProvideLIType, Message: "No location URI can be given now.", Err: err}
		default:
			s.cfg.Log.Error("mint a location URI", obs.KeyOrg, string(q.org.ID()), obs.Err(err))
		}
	}
	resp.Routing = s.routing(q, c.Place)
	if !q.shape.onlyURI || len(resp.URIs) == 0 {
		doc, err := s.document(&c.Result, q)
		if err != nil {
			return dst, err
		}
		resp.Presence = doc
	}
	return held.AppendResponse(dst, resp)
}

// mint seals a location URI for the time that they live.
func (s *Server) mint(snap *snapshot.Snapshot, c loctoken.Claims) (string, time.Time, error) {
	if c.Location == "" {
		return "", time.Time{}, errors.New("the place is not a location of the map")
	}
	c.Expires = c.Issued.Add(s.cfg.URITTL)
	uri, err := s.seal(snap, c)
	return uri, c.Expires, err
}

// seal makes a location URI of claims.
func (s *Server) seal(snap *snapshot.Snapshot, c loctoken.Claims) (string, error) {
	uri, err := s.appendURI(make([]byte, 0, len(s.prefix)+256), snap, &c)
	return string(uri), err
}

func (s *Server) appendURI(dst []byte, snap *snapshot.Snapshot, c *loctoken.Claims) ([]byte, error) {
	room := plainRoom.Get().(*[]byte)
	defer plainRoom.Put(room)
	plain, err := loctoken.Append((*room)[:0], *c)
	if err != nil {
		return dst, fmt.Errorf("encode a token: %w", err)
	}
	*room = plain
	dst, err = snap.TokenRing().AppendSeal(append(dst, s.prefix...), loctoken.Purpose, plain)
	if err != nil {
		return dst, fmt.Errorf("seal a token: %w", err)
	}
	return dst, nil
}

var plainRoom = sync.Pool{New: func() any { b := make([]byte, 0, 256); return &b }}

// routing tells where an emergency call from a place is expected to go (RFC
// 7840). Only the general emergency service is routed by place here; whatever
// service is asked for below it goes the same way (RFC 7840, section 4). Without
// a PSAP for the place the relay centre of its country is the default route (F-22).
func (s *Server) routing(q *question, place e911.Place) held.Routing {
	service := q.shape.routing
	if service == "" {
		return held.Routing{}
	}
	if !strings.HasPrefix(service, held.ServiceSOS) {
		service = held.ServiceSOS
	}
	out := held.Routing{Service: service}
	if index := q.snap.PSAPs(); index != nil {
		if psap, ok, _ := index.Find(place, ecrf.Options{DemonstrationAllowed: q.org.Config().Demonstration, Now: q.now}); ok {
			out.Dest = dests(q.snap, psap.Routes, psap.Line)
		}
	}
	if len(out.Dest) == 0 {
		out.Default = true
		if relay, ok := ladder.RelayFor(q.snap.Relays(), place.Civic.Country, ""); ok {
			out.Dest = dests(q.snap, relay.Routes, relay.Line)
		}
	}
	if len(out.Dest) == 0 {
		return held.Routing{} // nothing to say: the schema wants a URI
	}
	return out
}

// dests are the URIs of routes, each scheme once, and the ten-digit line.
func dests(snap *snapshot.Snapshot, routes []e911.TrunkID, line e911.Number) []string {
	var out, schemes []string
	add := func(uri string) {
		scheme, _, ok := strings.Cut(uri, ":")
		if ok && !slices.Contains(schemes, scheme) {
			out, schemes = append(out, uri), append(schemes, scheme)
		}
	}
	for _, id := range routes {
		if trunk, ok := snap.Trunk(id); ok && trunk.To != "" {
			add(trunk.To)
		}
	}
	if line != "" {
		add("tel:" + string(line))
	}
	return out
}

// document makes the PIDF-LO. Asked for exactly, it holds what was asked for or
// there is none; otherwise all that is known, because a room finds a caller
// where a point does not. The point comes first: it is the coarser (RFC 5491,
// rule 7).
func (s *Server) document(r *locate.Result, q *question) (*pidflo.Document, error) {
	var chunks []pidflo.Chunk
	address := civic.ToPIDF(r.Place.Civic)
	wantCivic := q.shape.civic || !q.shape.exact
	wantPoint := q.shape.geodetic || !q.shape.exact
	if q.shape.exact && (wantCivic && address == nil || wantPoint && r.Place.Area == nil) {
		return nil, &held.Error{Code: held.CannotProvideLIType, Message: "The location is not known in that form."}
	}
	if area := r.Place.Area; wantPoint && area != nil {
		pos := pidflo.Pos{Lat: area.Lat, Lon: area.Lon}
		var point pidflo.Shape = pidflo.Point{Pos: pos}
		if area.RadiusM > 0 {
			point = pidflo.Circle{Center: pos, Radius: area.RadiusM}
		}
		chunks = append(chunks, pidflo.Chunk{Shape: point})
	}
	if wantCivic && address != nil {
		chunks = append(chunks, pidflo.Chunk{Civic: address})
	}
	if len(chunks) == 0 {
		return nil, &held.Error{Code: held.LocationUnknown, Message: "The place has neither an address nor a point."}
	}
	// The pseudonym is new for each answer: nobody links two of them (RFC
	// 5985, section 6.6). RFC 5491 puts the place of a device into a device.
	alias := string(s.alias.appendTo(nil))
	g := pidflo.Geopriv{
		Info: chunks, Retransmission: true, Retention: q.now.Add(retention), // F-26
		Method: r.Method, Source: measuredBy(r, q.proved),
	}
	if s.cfg.Provider.ContactURI != "" {
		g.ProvidedBy.Providers = []calldata.ProviderInfo{s.cfg.Provider}
	}
	at := r.At
	if at.IsZero() {
		at = q.now
	}
	return &pidflo.Document{
		Entity: "pres:" + alias + "@" + s.host,
		Elements: []pidflo.Element{{
			Kind: pidflo.Device, ID: "target", DeviceID: "urn:uuid:" + alias,
			Timestamp: at, Geopriv: []pidflo.Geopriv{g},
		}},
	}, nil
}

const retention = 24 * time.Hour

// measuredBy says who measured (RFC 7105, section 4.6). What a device tells of
// its network is its word; a device that showed no secret is believed on
// nothing else.
func measuredBy(r *locate.Result, proved bool) []string {
	switch r.By {
	case e911.ByPublicIP, e911.ByNumber, e911.ByRegistered, e911.BySiteDefault:
		if r.By == e911.ByPublicIP && r.Who != locate.ByDevice {
			return []string{"lis"}
		}
		return nil
	}
	switch {
	case r.Who == locate.ByServer:
		return []string{"lis"}
	case r.Who == locate.ByNetwork:
		return []string{"lis", "other"}
	case proved:
		return []string{"lis", "device"}
	}
	return []string{"device"}
}

func memoryText(m locate.Memory) json.RawMessage {
	if len(m.Sightings) == 0 {
		return nil
	}
	b, err := json.Marshal(m)
	if err != nil {
		return nil // cannot be: a Memory has a JSON form
	}
	return b
}

// template is an answer with holes for what differs from one to the next: the
// pseudonym, times and the location URI. Immutable.
type template struct {
	parts [][]byte
	holes []hole // one after each part but the last
}

type hole int

const (
	holeAlias hole = iota
	holeURI
	holeExpires
	holeAt
	holeRetention
	holeNothing // a cut without a hole
)

// mark is a text that a hole is made of, and how often it must be there.
type mark struct {
	text  string
	hole  hole
	times int
}

// Where the place begins and ends in an answer.
var placeStart, placeEnd = []byte("<gp:location-info>"), []byte("</gp:location-info>")

// What stands in the holes while a template is made.
const markAlias = "00000000-0000-4000-8000-c0ffee000001"

var (
	markURI       = "https://mark.invalid/c0ffee000002"
	markExpires   = time.Date(2001, 1, 1, 1, 1, 1, 101_000_000, time.UTC)
	markAt        = time.Date(2002, 2, 2, 2, 2, 2, 202_000_000, time.UTC)
	markRetention = time.Date(2003, 3, 3, 3, 3, 3, 303_000_000, time.UTC)
)

// template makes the template of an answer; nil where it cannot be told which
// bytes are the holes.
func (s *Server) template(q *question, c *conclusion) *template {
	at := *c
	at.At = markAt
	resp := &held.Response{Routing: s.routing(q, c.Place)}
	if q.shape.uri {
		resp.URIs, resp.Expires = []string{markURI}, markExpires
	}
	if !q.shape.onlyURI {
		doc, err := s.document(&at.Result, q)
		if err != nil {
			return nil
		}
		doc.Entity = "pres:" + markAlias + "@" + s.host
		doc.Elements[0].DeviceID = "urn:uuid:" + markAlias
		doc.Elements[0].Geopriv[0].Retention = markRetention
		resp.Presence = doc
	}
	text, err := held.AppendResponse(nil, resp)
	if err != nil {
		return nil
	}
	marks := []mark{
		{markAlias, holeAlias, 2},
		{markURI, holeURI, 1},
		{string(appendTime(nil, markExpires)), holeExpires, 1},
		{string(appendTime(nil, markAt)), holeAt, 1},
		{string(appendTime(nil, markRetention)), holeRetention, 1},
	}
	for _, m := range marks {
		want := m.times
		switch {
		case m.hole == holeURI || m.hole == holeExpires:
			if !q.shape.uri {
				want = 0
			}
		case q.shape.onlyURI:
			want = 0
		}
		if bytes.Count(text, []byte(m.text)) != want {
			return nil
		}
	}
	t := &template{}
	// The place is cut out, so that the rest can be shared by all templates.
	for _, edge := range [][]byte{placeStart, placeEnd} {
		marks = append(marks, mark{text: string(edge), hole: holeNothing})
	}
	for len(text) > 0 {
		first, of := -1, 0
		for i, m := range marks {
			if j := bytes.Index(text, []byte(m.text)); j >= 0 && (first < 0 || j < first) {
				first, of = j, i
			}
		}
		if first < 0 {
			break
		}
		cut, behind := first, first+len(marks[of].text)
		if marks[of].hole == holeNothing {
			cut, behind = first, first
			if marks[of].text == string(placeEnd) {
				cut, behind = first+len(placeEnd), first+len(placeEnd)
			} else if first == 0 {
				marks = slices.Delete(marks, of, of+1) // the cut is made
				continue
			}
		}
		t.parts, t.holes = append(t.parts, text[:cut:cut]), append(t.holes, marks[of].hole)
		text = text[behind:]
	}
	t.parts = append(t.parts, text)
	return t
}

// fill writes the answer: what stands in the holes is of this one answer.
func (s *Server) fill(dst []byte, t *template, snap *snapshot.Snapshot, c *loctoken.Claims) ([]byte, error) {
	var alias [36]byte
	s.alias.appendTo(alias[:0])
	for i, part := range t.parts {
		dst = append(dst, part...)
		if i == len(t.holes) {
			break
		}
		switch t.holes[i] {
		case holeAlias:
			dst = append(dst, alias[:]...)
		case holeURI:
			var err error
			if dst, err = s.appendURI(dst, snap, c); err != nil {
				return dst, err
			}
		case holeExpires:
			dst = appendTime(dst, c.Expires)
		case holeAt:
			dst = appendTime(dst, c.EvidenceAt)
		case holeRetention:
			dst = appendTime(dst, c.Issued.Add(retention))
		}
	}
	return dst, nil
}

// appendTime writes a time as HELD has it, in UTC with milliseconds.
func appendTime(dst []byte, t time.Time) []byte {
	t = t.UTC()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	two := func(v int, end byte) { dst = append(dst, '0'+byte(v/10), '0'+byte(v%10), end) }
	dst = strconv.AppendInt(dst, int64(year), 10)
	dst = append(dst, '-')
	two(int(month), '-')
	two(day, 'T')
	two(hour, ':')
	two(minute, ':')
	two(second, '.')
	ms := t.Nanosecond() / int(time.Millisecond)
	return append(dst, '0'+byte(ms/100), '0'+byte(ms/10%10), '0'+byte(ms%10), 'Z')
}
