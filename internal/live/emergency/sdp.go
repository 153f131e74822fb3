package emergency

import (
	"bytes"
	"strings"
)

// direction is what SDP says about who may speak (RFC 3264, section 5.1).
type direction string

const (
	sendrecv direction = "sendrecv"
	sendonly direction = "sendonly"
	recvonly direction = "recvonly"
	inactive direction = "inactive"
)

func directionOf(attribute string) (direction, bool) {
	switch d := direction(attribute); d {
	case sendrecv, sendonly, recvonly, inactive:
		return d, true
	}
	return "", false
}

// stream is one media description with a port.
type stream struct {
	media string
	dir   direction
	black bool // its connection address is 0.0.0.0, the hold of RFC 2543
}

// streams reads the media descriptions that are in use (port not 0).
func streams(sdp []byte) []stream {
	session, sessionBlack := sendrecv, false
	var out []stream
	var cur *stream
	inMedia := false
	for line := range bytes.Lines(sdp) {
		text := strings.TrimRight(string(line), "\r\n \t")
		kind, value, ok := strings.Cut(text, "=")
		if !ok {
			continue
		}
		switch strings.TrimSpace(kind) {
		case "m":
			f := strings.Fields(value)
			inMedia, cur = true, nil
			if len(f) >= 2 && f[1] != "0" && !strings.HasPrefix(f[1], "0/") {
				out = append(out, stream{media: f[0], dir: session, black: sessionBlack})
				cur = &out[len(out)-1]
			}
		case "a":
			d, ok := directionOf(strings.TrimSpace(value))
			switch {
			case !ok:
			case !inMedia:
				session = d
			case cur != nil:
				cur.dir = d
			}
		case "c":
			black := strings.HasPrefix(strings.TrimSpace(value), "IN IP4 0.0.0.0")
			switch {
			case !inMedia:
				sessionBlack = black
			case cur != nil:
				cur.black = black
			}
		}
	}
	return out
}

// keepsTalking reports whether the caller goes on hearing and being heard: he
// has audio or text, and each such stream goes both ways (D-04).
func keepsTalking(sdp []byte) bool {
	n := 0
	for _, s := range streams(sdp) {
		if s.media != "audio" && s.media != "text" {
			continue
		}
		if s.dir != sendrecv || s.black {
			return false
		}
		n++
	}
	return n > 0
}

// answerTo is the direction that answers an offer of hold: what the offerer
// does not send we do not receive, and the other way round (RFC 3264, section
// 6.1).
func answerTo(offer []byte) direction {
	for _, s := range streams(offer) {
		if s.media != "audio" && s.media != "text" {
			continue
		}
		switch s.dir {
		case inactive:
			return inactive
		case recvonly:
			return sendonly
		}
		return recvonly // sendonly, or sendrecv to the address 0.0.0.0
	}
	return inactive
}

// withDirection returns the PSAP's SDP with each stream in direction d. All
// other lines stay as they are.
func withDirection(sdp []byte, d direction) []byte {
	out := make([]byte, 0, len(sdp)+32)
	end := "\r\n"
	if !bytes.Contains(sdp, []byte("\r\n")) {
		end = "\n"
	}
	open := false // a media description without its direction yet
	finish := func() {
		if open {
			if n := len(out); n > 0 && out[n-1] != '\n' {
				out = append(out, end...)
			}
			out = append(out, "a="+string(d)+end...)
		}
		open = false
	}
	for line := range bytes.Lines(sdp) {
		text := strings.TrimRight(string(line), "\r\n \t")
		if strings.HasPrefix(text, "m=") {
			finish()
			open = true
		}
		if a, ok := strings.CutPrefix(text, "a="); ok {
			if _, ok := directionOf(strings.TrimSpace(a)); ok {
				continue
			}
		}
		out = append(out, line...)
	}
	finish()
	return out
}
