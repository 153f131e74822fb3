// Package loctoken writes and reads what a location token holds (D-08), so that
// any node locates a device from its token and the snapshot alone (F-07). The
// bytes are sealed by internal/seal with Purpose before they leave.
package loctoken

import (
	"encoding/binary"
	"encoding/hex"
	"time"

	"github.com/callbox911/callbox/internal/e911"
)

// Purpose is what tokens are sealed for.
const Purpose = "loc"

// Claims is what a token says. Times are kept in milliseconds, the zero time as
// such.
type Claims struct {
	Org         e911.OrgID
	Device      string          // device id, or a stable name of an unknown device
	Location    e911.LocationID // none for a personal location
	By          e911.LocatedBy
	EvidenceAt  time.Time
	Generation  uint64
	Expires     time.Time
	PlaceDigest string // raw digest of a personal location, at most 32 bytes
	// Issued is when the token was given out: what a revocation goes by. Zero in
	// tokens of form 1.
	Issued time.Time
	// Call is the one call that the token was made for (F-27), else none.
	Call e911.CallID
}

// The forms, the first octet: a token of another form is refused, not misread.
const (
	formOld = 1 // without Issued and Call
	form    = 2
)

// How a text is written: its own octets, or a UUID's sixteen.
const (
	asText = 0
	asUUID = 1
)

const (
	maxText   = 255
	maxDigest = 32
)

// Encode writes c in a compact binary form. A text longer than 255 octets, or a
// digest longer than 32, is an Invalid Error.
func Encode(c Claims) ([]byte, error) { return Append(make([]byte, 0, 144), c) }

// Append writes c as Encode does behind dst.
func Append(b []byte, c Claims) ([]byte, error) {
	if len(c.PlaceDigest) > maxDigest {
		return nil, e911.Errorf(e911.Invalid, "the digest of a place has at most %d octets", maxDigest)
	}
	b = append(b, form)
	for _, s := range [...]string{string(c.Org), c.Device, string(c.Location), string(c.By), c.PlaceDigest, string(c.Call)} {
		if len(s) > maxText {
			return nil, e911.Errorf(e911.Invalid, "a text in a location token has at most %d octets", maxText)
		}
		b = appendText(b, s)
	}
	b = appendTime(b, c.EvidenceAt)
	b = appendTime(b, c.Expires)
	b = appendTime(b, c.Issued)
	return binary.AppendUvarint(b, c.Generation), nil
}

// Decode reads what Encode wrote. Anything else is an Invalid Error.
func Decode(b []byte) (Claims, error) {
	r := reader{b: b}
	f := r.octet()
	if f != form && f != formOld {
		return Claims{}, e911.Errorf(e911.Invalid, "a location token of an unknown form")
	}
	c := Claims{
		Org:         e911.OrgID(r.text()),
		Device:      r.text(),
		Location:    e911.LocationID(r.text()),
		By:          e911.LocatedBy(r.text()),
		PlaceDigest: r.text(),
	}
	if f == form {
		c.Call = e911.CallID(r.text())
	}
	c.EvidenceAt, c.Expires = r.time(), r.time()
	if f == form {
		c.Issued = r.time()
	}
	c.Generation = r.uvarint()
	if r.bad || len(r.b) != 0 || len(c.PlaceDigest) > maxDigest {
		return Claims{}, e911.Errorf(e911.Invalid, "a location token that does not add up")
	}
	return c, nil
}

// appendText writes a UUID in the canonical form of RFC 9562 as sixteen octets
// and anything else as it is.
func appendText(b []byte, s string) []byte {
	if id, ok := uuidOctets(s); ok {
		return append(append(b, asUUID), id[:]...)
	}
	b = append(b, asText, byte(len(s)))
	return append(b, s...)
}

func uuidOctets(s string) (id [16]byte, ok bool) {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return id, false
	}
	n := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '-' && (i == 8 || i == 13 || i == 18 || i == 23):
			continue
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f': // capitals would not come back
			c -= 'a' - 10
		default:
			return id, false
		}
		id[n/2] = id[n/2]<<4 | c
		n++
	}
	return id, n == 32
}

// appendTime writes milliseconds since 1970 plus one, and 0 for the zero time.
// Times before 1970 do not occur and become 1970.
func appendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return binary.AppendUvarint(b, 0)
	}
	return binary.AppendUvarint(b, uint64(max(t.UnixMilli(), 0))+1)
}

type reader struct {
	b   []byte
	bad bool
}

func (r *reader) take(n int) []byte {
	if r.bad || n > len(r.b) {
		r.bad = true
		return make([]byte, n)
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) octet() byte { return r.take(1)[0] }

func (r *reader) text() string {
	switch r.octet() {
	case asText:
		return string(r.take(int(r.octet())))
	case asUUID:
		h := hex.EncodeToString(r.take(16))
		return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
	}
	r.bad = true
	return ""
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.bad = true
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) time() time.Time {
	ms := r.uvarint()
	if ms == 0 {
		return time.Time{}
	}
	if ms > 1<<53 { // far beyond any date that has a meaning
		r.bad = true
		return time.Time{}
	}
	return time.UnixMilli(int64(ms - 1)).UTC()
}
