package emergency

import (
	"bytes"
	"errors"
	"io"
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

// bodyParts takes the body of a message apart: the SDP, the location objects,
// and what else is there. A multipart that cannot be read stays whole, as one
// further part: it travels on as it came.
func bodyParts(contentType string, body []byte) (sdp []byte, locations, others []part) {
	if len(body) == 0 {
		return nil, nil, nil
	}
	whole := part{header: textproto.MIMEHeader{"Content-Type": {contentType}}, body: body}
	parts := []part{whole}
	if strings.HasPrefix(whole.mediaType(), "multipart/") {
		if split, ok := split(contentType, body); ok {
			parts = split
		}
	}
	for _, p := range parts {
		switch t := p.mediaType(); {
		case t == typeSDP && sdp == nil:
			sdp = p.body
		case t == pidflo.MediaType:
			locations = append(locations, p)
		default:
			others = append(others, p)
		}
	}
	return sdp, locations, others
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
		if err != nil || len(parts) == maxParts {
			// What was read is whole; the rest is not. Without its SDP a call
			// cannot be set up, so a torn end does not cost the beginning.
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
