package testcall

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"strings"
)

// maxParts bounds the parts of a body that are looked at.
const maxParts = 16

// sdpOf returns the SDP of a body: the body itself, or its part in a multipart
// one (a 933 carries its location as a 911 call does; RFC 6442, section 4.1).
// It is nil when there is none.
func sdpOf(contentType string, body []byte) ([]byte, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, nil
	}
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return nil, fmt.Errorf("read content type: %w", err)
	}
	if kind == "application/sdp" {
		return body, nil
	}
	if !strings.HasPrefix(kind, "multipart/") {
		return nil, nil
	}
	parts := multipart.NewReader(bytes.NewReader(body), params["boundary"])
	for range maxParts {
		p, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read body part: %w", err)
		}
		if kind, _, err := mime.ParseMediaType(p.Header.Get("Content-Type")); err != nil || kind != "application/sdp" {
			continue
		}
		sdp, err := io.ReadAll(p)
		if err != nil {
			return nil, fmt.Errorf("read body part: %w", err)
		}
		return sdp, nil
	}
	return nil, fmt.Errorf("more than %d body parts", maxParts)
}
