package emergency

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"mime/quotedprintable"
	"net/url"
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/wire/pidflo"
	"github.com/callbox911/callbox/wire/sipgeo"
)

// ruleRepaired names findings about what was wrong with an INVITE and was read
// all the same.
const ruleRepaired = "repaired"

// readBody takes the INVITE's body and its Geolocation values apart, and mends
// what of them can be mended.
func (c *inquiry) readBody() {
	d := &c.dec
	headers := c.req.Headers.All("Geolocation")
	d.values = sipgeo.ParseGeolocation(headers)
	if len(d.values) == 0 && strings.TrimSpace(strings.Join(headers, "")) != "" {
		c.unreadable("its Geolocation header holds no reference that can be read")
	}
	o := openBody(c.req.ContentType, c.req.Body)
	d.sdp, d.others = o.sdp, o.others
	for _, what := range slices.Concat(c.req.Repaired, o.mended) {
		d.messageFindings = append(d.messageFindings, e911.Finding{Rule: ruleRepaired, Why: clip(what, 200)})
	}
	c.pair(o.locations)
}

// pair brings Geolocation values and location objects together. Referenced
// objects count first, in the order of the header, then those that nobody
// refers to, in the order of the body (RFC 5491, rule 9); those get a reference,
// so that the PSAP finds them. A cid that leads nowhere is left out.
func (c *inquiry) pair(locations []part) {
	d := &c.dec
	taken := make([]bool, len(locations))
	find := func(v sipgeo.Location, same func(id, part string) bool) (int, bool) {
		id, ok := v.ContentID()
		if !ok {
			return 0, false
		}
		i := slices.IndexFunc(locations, func(p part) bool { return p.id() != "" && same(id, p.id()) })
		return i, i >= 0
	}
	objects := make([]int, len(d.values)) // of each value; -1: none
	for n, v := range d.values {
		objects[n] = -1
		if i, ok := find(v, func(id, part string) bool { return id == part }); ok {
			objects[n], taken[i] = i, true
		} else if i, ok := find(v, sameID); ok {
			objects[n], taken[i] = i, true
			c.mended("a cid of the Geolocation header is not written as the Content-ID that it names")
		}
	}
	lost := 0
	for n, v := range d.values {
		if v.Scheme() != "cid" || objects[n] >= 0 || c.elsewhere(v) {
			continue
		}
		if i := slices.Index(taken, false); i >= 0 {
			objects[n], taken[i] = i, true
			c.mended("a cid of the Geolocation header names no body part; it is taken for the location object that nobody names")
			continue
		}
		lost++
	}
	if lost > 0 {
		c.mended(fmt.Sprintf("left out: %d cid of the Geolocation header without a body part", lost))
	}
	values := make([]sipgeo.Location, 0, len(d.values)+len(locations))
	var order []int
	for n, v := range d.values {
		switch i := objects[n]; {
		case v.Scheme() != "cid", i < 0 && c.elsewhere(v):
			values = append(values, v)
		case i >= 0:
			c.name(&locations[i], i)
			values = append(values, sipgeo.Location{URI: sipgeo.FromContentID(locations[i].id()).URI, Params: v.Params})
			if !slices.Contains(order, i) {
				order = append(order, i)
			}
		}
	}
	for i := range locations {
		if !taken[i] {
			c.name(&locations[i], i)
			c.mended("a location object that no Geolocation header names is named")
			values, order = append(values, sipgeo.FromContentID(locations[i].id())), append(order, i)
		}
	}
	d.values = values
	for _, i := range order {
		d.locations = append(d.locations, locations[i])
	}
}

// elsewhere reports whether a cid names a part that is no location object to us.
func (c *inquiry) elsewhere(v sipgeo.Location) bool {
	id, ok := v.ContentID()
	return ok && slices.ContainsFunc(c.dec.others, func(p part) bool { return p.id() == id })
}

// name gives a part without a Content-ID one.
func (c *inquiry) name(p *part, n int) {
	if p.id() == "" {
		p.header = maps.Clone(p.header)
		p.header.Set("Content-Id", fmt.Sprintf("<came-%d-%s>", n+1, e911.NewID[e911.CallID]()))
	}
}

func (c *inquiry) mended(what string) {
	c.dec.messageFindings = append(c.dec.messageFindings, e911.Finding{Rule: ruleRepaired, Why: what})
}

// sameID compares a cid with a Content-ID as senders confuse them: case,
// escapes, a scheme inside, angle brackets.
func sameID(a, b string) bool {
	plain := func(s string) string {
		if u, err := url.PathUnescape(s); err == nil {
			s = u
		}
		s = strings.ToLower(strings.Trim(strings.TrimSpace(s), `<>"`))
		for _, scheme := range []string{"cid:", "sip:", "sips:", "pres:"} {
			s = strings.TrimPrefix(s, scheme)
		}
		return s
	}
	return plain(a) == plain(b)
}

// unreadable raises the alarm that a location which came in is not used.
func (c *inquiry) unreadable(why string) {
	c.finding(e911.Finding{Rule: "pidf_lo", Why: why})
	if !c.dec.unread {
		c.dec.unread = true
		c.alarm(AlarmUnreadable, "the call goes on without a location that came with it: "+why)
	}
}

// parseLocation reads a location object, mended where it must be. Mended says
// what was wrong.
func parseLocation(p part) (doc *pidflo.Document, mended string, err error) {
	body, how := decoded(p)
	doc, err = pidflo.Parse(body)
	if err == nil {
		return doc, how, nil
	}
	better, what := mendXML(body)
	if what == "" {
		return nil, how, err
	}
	if doc, again := pidflo.Parse(better); again == nil {
		return doc, strings.TrimPrefix(how+", "+what, ", "), nil
	}
	return nil, how, err
}

// decoded undoes a Content-Transfer-Encoding, which SIP does not use and some
// senders do (RFC 3261, section 7.4.1).
func decoded(p part) (body []byte, how string) {
	var r io.Reader
	switch strings.ToLower(strings.TrimSpace(p.header.Get("Content-Transfer-Encoding"))) {
	case "base64":
		r = base64.NewDecoder(base64.StdEncoding, bytes.NewReader(p.body))
	case "quoted-printable":
		r = quotedprintable.NewReader(bytes.NewReader(p.body))
	default:
		return p.body, ""
	}
	body, err := io.ReadAll(r)
	if err != nil {
		return p.body, ""
	}
	return body, "its transfer encoding is undone"
}

// mendXML corrects what keeps a document from being XML and can be told without
// a guess: UTF-16, junk around the document, ampersands that begin no entity,
// bytes that are no UTF-8. What is empty when there was none of it.
func mendXML(b []byte) (better []byte, what string) {
	var did []string
	if order, ok := byteOrder(b); ok {
		units := make([]uint16, len(b)/2)
		for i := range units {
			units[i] = order.Uint16(b[2*i:])
		}
		b = []byte(strings.TrimPrefix(string(utf16.Decode(units)), "\ufeff"))
		if end := bytes.Index(b, []byte("?>")); bytes.HasPrefix(b, []byte("<?xml")) && end >= 0 {
			b = b[end+2:] // the declaration names the old encoding
		}
		did = append(did, "it is UTF-16")
	}
	first, last := bytes.IndexByte(b, '<'), bytes.LastIndexByte(b, '>')
	if first >= 0 && last > first && (first > 0 || len(bytes.TrimSpace(b[last+1:])) > 0) {
		b = b[first : last+1]
		did = append(did, "there is junk around it")
	}
	if !bytes.Equal(b, bytes.ToValidUTF8(b, nil)) {
		s := make([]rune, len(b)) // each byte one character: Latin-1
		for i, c := range b {
			s[i] = rune(c)
		}
		b = []byte(string(s))
		did = append(did, "it is not UTF-8")
	}
	if mended := escapeAmpersands(b); !bytes.Equal(mended, b) {
		b = mended
		did = append(did, "an ampersand is not escaped")
	}
	return b, strings.Join(did, ", ")
}

// byteOrder tells UTF-16 by its mark, or by every second byte of "<?" being 0.
func byteOrder(b []byte) (binary.ByteOrder, bool) {
	switch {
	case bytes.HasPrefix(b, []byte{0xff, 0xfe}), bytes.HasPrefix(b, []byte{'<', 0}):
		return binary.LittleEndian, true
	case bytes.HasPrefix(b, []byte{0xfe, 0xff}), bytes.HasPrefix(b, []byte{0, '<'}):
		return binary.BigEndian, true
	}
	return nil, false
}

func escapeAmpersands(b []byte) []byte {
	out := make([]byte, 0, len(b)+16)
	for i, c := range b {
		out = append(out, c)
		if c == '&' && !entity(b[i+1:]) {
			out = append(out, "amp;"...)
		}
	}
	return out
}

// entity reports whether b goes on as one of the entities of XML.
func entity(b []byte) bool {
	const longest = 10
	name, _, ok := bytes.Cut(b[:min(len(b), longest)], []byte(";"))
	if !ok {
		return false
	}
	switch s := string(name); s {
	case "amp", "lt", "gt", "quot", "apos":
		return true
	default:
		return strings.HasPrefix(s, "#") && len(s) > 1
	}
}
