package convey

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"strings"
)

const typeSDP = "application/sdp"

// Join writes an SDP and the parts of a leg as one body: the SDP alone where
// there is nothing beside it, else multipart/mixed with that boundary.
func Join(boundary string, sdp []byte, parts []Part) (contentType string, body []byte) {
	if len(parts) == 0 {
		return typeSDP, sdp
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "--%s\r\nContent-Type: %s\r\n\r\n%s\r\n", boundary, typeSDP, sdp)
	for _, p := range parts {
		fmt.Fprintf(&b, "--%s\r\n", boundary)
		if p.Disposition != "" {
			fmt.Fprintf(&b, "Content-Disposition: %s\r\n", p.Disposition)
		}
		fmt.Fprintf(&b, "Content-ID: <%s>\r\nContent-Type: %s\r\n\r\n%s\r\n", p.ID, p.Type, p.Body)
	}
	fmt.Fprintf(&b, "--%s--\r\n", boundary)
	return "multipart/mixed;boundary=" + boundary, b.Bytes()
}

// SDP is the SDP of a body, alone or in its first parts; nil when there is none.
func SDP(contentType string, body []byte) []byte {
	const most = 16
	kind, params, err := mime.ParseMediaType(contentType)
	switch {
	case err != nil || len(body) == 0:
		return nil
	case kind == typeSDP:
		return body
	case !strings.HasPrefix(kind, "multipart/"):
		return nil
	}
	parts := multipart.NewReader(bytes.NewReader(body), params["boundary"])
	for range most {
		p, err := parts.NextRawPart()
		if err != nil {
			return nil // its end, or what cannot be read
		}
		if k, _, err := mime.ParseMediaType(p.Header.Get("Content-Type")); err == nil && k == typeSDP {
			sdp, err := io.ReadAll(p)
			if err != nil && !errors.Is(err, io.EOF) {
				return nil
			}
			return sdp
		}
	}
	return nil
}
