package emergency

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/textproto"
	"slices"
	"strings"

	"github.com/callbox911/callbox/wire/pidflo"
)

const (
	typeSDP   = "application/sdp"
	typeMixed = "multipart/mixed"
)

// maxParts bounds what is kept of a body; more parts travel on unread.
const maxParts = 32

// part is one part of a body, its bytes as they came.
type part struct {
	header textproto.MIMEHeader
	body   []byte
}

func (p part) mediaType() string {
	t, _, err := mime.ParseMediaType(p.header.Get("Content-Type"))
	if err != nil {
		t, _, _ = strings.Cut(p.header.Get("Content-Type"), ";")
	}
	return strings.ToLower(strings.TrimSpace(t))
}

// id is the Content-ID without its brackets (RFC 2392).
func (p part) id() string {
	return strings.Trim(strings.TrimSpace(p.header.Get("Content-Id")), "<>")
}

// opened is the body of a message, taken apart.
type opened struct {
	sdp       []byte
	locations []part
	others    []part
	mended    []string // what was wrong with it and was read all the same, for a person
}

// bodyParts takes the body of a message apart: the SDP, the location objects,
// and what else is there. A multipart that cannot be read stays whole, as one
// further part: it travels on as it came.
func bodyParts(contentType string, body []byte) (sdp []byte, locations, others []part) {
	o := openBody(contentType, body)
	return o.sdp, o.locations, o.others
}

func openBody(contentType string, body []byte) (o opened) {
	if len(body) == 0 {
		return o
	}
	whole := part{header: textproto.MIMEHeader{}, body: body}
	if contentType != "" {
		whole.header.Set("Content-Type", contentType)
	}
	o.sort([]part{whole}, 0)
	return o
}

// maxNested bounds how deep multiparts are looked into.
const maxNested = 3

// sort puts parts where they belong. What says nothing of itself, or says what
// it cannot be, is taken for what it looks like.
func (o *opened) sort(parts []part, depth int) {
	for _, p := range parts {
		t := p.mediaType()
		if looks := looksLike(p.body); looks != "" && looks != t && (vague(t) || looks == typeMixed && !strings.HasPrefix(t, "multipart/")) {
			o.mend("a body part of type %q is read as %s", t, looks)
			t = looks
			p = part{header: maps.Clone(p.header), body: p.body}
			if t != typeMixed {
				p.header.Set("Content-Type", t)
			}
		}
		switch {
		case t == typeSDP && o.sdp == nil:
			o.sdp = p.body
		case t == pidflo.MediaType:
			o.locations = append(o.locations, p)
		case strings.HasPrefix(t, "multipart/") && (depth == 0 || o.sdp == nil && depth < maxNested):
			inner, how := splitAny(p.header.Get("Content-Type"), p.body)
			if inner == nil {
				o.others = append(o.others, p)
				continue
			}
			if how != "" {
				o.mend("%s", how)
			}
			if depth > 0 {
				o.mend("a multipart inside of the body is opened")
			}
			o.sort(inner, depth+1)
		default:
			o.others = append(o.others, p)
		}
	}
}

func (o *opened) mend(format string, args ...any) {
	if len(o.mended) < maxParts {
		o.mended = append(o.mended, fmt.Sprintf(format, args...))
	}
}

// vague reports whether a media type says nothing of what a part is.
func vague(t string) bool {
	switch t {
	case "", "text/plain", "text/xml", "application/xml", "application/octet-stream", "application/text":
		return true
	}
	return !strings.Contains(t, "/")
}

// looksLike tells what bytes are by how they begin; empty: it cannot be told.
func looksLike(b []byte) string {
	const head = 2048
	b = bytes.TrimLeft(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")), " \t\r\n")
	first := b[:min(len(b), head)]
	switch {
	case bytes.HasPrefix(first, []byte("v=0\r")), bytes.HasPrefix(first, []byte("v=0\n")):
		return typeSDP
	case bytes.HasPrefix(first, []byte("<")) && bytes.Contains(first, []byte("presence")) && bytes.Contains(first, []byte("ns:pidf")):
		return pidflo.MediaType
	case sniffBoundary(b) != "" && bytes.Contains(bytes.ToLower(first), []byte("content-type:")):
		return typeMixed
	}
	return ""
}

// splitAny splits a multipart by the boundary that its type names, else by one
// that is written against the grammar, else by the first line of the body. How
// says what was wrong; parts are nil when nothing helps.
func splitAny(contentType string, body []byte) (parts []part, how string) {
	if parts, ok := split(contentType, body); ok {
		return parts, ""
	}
	for _, try := range []struct{ boundary, how string }{
		{rawBoundary(contentType), "the boundary of the body is not written as the grammar has it"},
		{sniffBoundary(body), "the boundary of the body is not the one that its type names"},
	} {
		if parts := splitAt(try.boundary, body); len(parts) > 0 {
			return parts, try.how
		}
	}
	return nil, ""
}

// rawBoundary is the boundary of a Content-Type that no parser takes, such as
// one with "=" and without quotes.
func rawBoundary(contentType string) string {
	const name = "boundary"
	i := strings.Index(strings.ToLower(contentType), name)
	if i < 0 {
		return ""
	}
	rest, ok := strings.CutPrefix(strings.TrimLeft(contentType[i+len(name):], " \t"), "=")
	if !ok {
		return ""
	}
	rest, _, _ = strings.Cut(rest, ";")
	return strings.Trim(strings.TrimSpace(rest), `"' `)
}

// sniffBoundary is the boundary that the first line of a body is.
func sniffBoundary(body []byte) string {
	const longest = 200 // RFC 2046 has 70; more is met
	body = bytes.TrimLeft(body, "\r\n")
	line, _, _ := bytes.Cut(body[:min(len(body), longest+4)], []byte("\n"))
	line = bytes.TrimRight(line, " \t\r")
	if rest, ok := bytes.CutPrefix(line, []byte("--")); ok && len(rest) > 0 && len(rest) <= longest {
		return string(rest)
	}
	return ""
}

// splitAt splits by whole lines, without asking more of a part than a blank line
// after its header.
func splitAt(boundary string, body []byte) (parts []part) {
	if boundary == "" {
		return nil
	}
	delimiter := []byte("--" + boundary)
	start := -1
	for pos := 0; pos < len(body) && len(parts) < maxParts; {
		end := len(body)
		if i := bytes.IndexByte(body[pos:], '\n'); i >= 0 {
			end = pos + i + 1
		}
		line := bytes.TrimRight(body[pos:end], " \t\r\n")
		last := bytes.Equal(line, append(slices.Clip(delimiter), "--"...))
		if last || bytes.Equal(line, delimiter) {
			if start >= 0 {
				parts = append(parts, partOf(trimBreak(body[start:pos])))
			}
			if start = end; last {
				return parts
			}
		}
		pos = end
	}
	if start >= 0 && start < len(body) && len(parts) < maxParts {
		parts = append(parts, partOf(body[start:]))
	}
	return parts
}

// trimBreak takes the line break away that belongs to the boundary after it.
func trimBreak(b []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(b, []byte("\n")), []byte("\r"))
}

// partOf reads header and body of one part; lines that are no header are left out.
func partOf(b []byte) part {
	p := part{header: textproto.MIMEHeader{}}
	for len(b) > 0 {
		line, rest, _ := bytes.Cut(b, []byte("\n"))
		text := strings.TrimSpace(string(line))
		if text == "" {
			b = rest
			break
		}
		name, value, ok := strings.Cut(text, ":")
		if !ok || strings.ContainsAny(name, " <=") {
			break // no header: the blank line is missing
		}
		p.header.Add(name, strings.TrimSpace(value))
		b = rest
	}
	p.body = b
	return p
}

func split(contentType string, body []byte) ([]part, bool) {
	_, params, err := mime.ParseMediaType(contentType)
	if err != nil || params["boundary"] == "" {
		return nil, false
	}
	r := multipart.NewReader(bytes.NewReader(body), params["boundary"])
	var parts []part
	for {
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return parts, len(parts) > 0
		}
		if len(parts) == maxParts {
			return parts, true
		}
		if err != nil {
			// Torn, or a header that MIME does not have: read without MIME's
			// demands there may be more.
			if more := splitAt(params["boundary"], body); len(more) > len(parts) {
				parts = more
			}
			return parts, len(parts) > 0
		}
		b, err := io.ReadAll(p)
		if err != nil && len(b) == 0 {
			return parts, len(parts) > 0
		}
		parts = append(parts, part{header: p.Header, body: b})
	}
}

// sdpOf is the SDP of a message, nil when there is none.
func sdpOf(contentType string, body []byte) []byte {
	sdp, _, _ := bodyParts(contentType, body)
	return sdp
}

// joinParts writes parts as multipart/mixed and returns its content type.
func joinParts(boundary string, parts []part) (contentType string, body []byte) {
	size := 64
	for _, p := range parts {
		size += len(p.body) + 256
	}
	b := bytes.NewBuffer(make([]byte, 0, size))
	for _, p := range parts {
		b.WriteString("--" + boundary + "\r\n")
		names := make([]string, 0, len(p.header))
		for name := range p.header {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			for _, v := range p.header[name] {
				if name == "Content-Id" {
					name = "Content-ID" // as RFC 2045 writes it; not all compare without case
				}
				b.WriteString(name + ": " + v + "\r\n")
			}
		}
		b.WriteString("\r\n")
		b.Write(p.body)
		b.WriteString("\r\n")
	}
	b.WriteString("--" + boundary + "--\r\n")
	return typeMixed + ";boundary=" + boundary, b.Bytes()
}
