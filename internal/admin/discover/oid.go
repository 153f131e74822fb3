package discover

import (
	"slices"
	"strconv"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
)

// OID is an object identifier.
type OID []uint32

// maxOID is the most sub-identifiers of an OID (RFC 2578, section 7.1.3).
const maxOID = 128

// ParseOID reads "1.3.6.1", with or without a dot before it.
func ParseOID(s string) (OID, error) {
	parts := strings.Split(strings.TrimPrefix(s, "."), ".")
	if len(parts) > maxOID {
		return nil, e911.Errorf(e911.Invalid, "an object identifier has at most %d parts", maxOID)
	}
	o := make(OID, len(parts))
	for i, p := range parts {
		n, err := strconv.ParseUint(p, 10, 32)
		if err != nil {
			return nil, e911.Errorf(e911.Invalid, "%q is no object identifier", s)
		}
		o[i] = uint32(n)
	}
	return o, nil
}

// mustOID is for the constants below.
func mustOID(s string) OID {
	o, err := ParseOID(s)
	if err != nil {
		panic(err)
	}
	return o
}

func (o OID) String() string {
	var b strings.Builder
	for i, n := range o {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(strconv.FormatUint(uint64(n), 10))
	}
	return b.String()
}

// Compare orders as SNMP does (RFC 3416, section 4.2.2).
func (o OID) Compare(p OID) int { return slices.Compare(o, p) }

// Below reports whether o is p or lies in its subtree.
func (o OID) Below(p OID) bool { return len(o) >= len(p) && slices.Equal(o[:len(p)], p) }

// Row is one object instance as an agent sent it: Octets, or Number when Octets
// is nil. An address has its 4 octets, an object identifier its dotted text.
type Row struct {
	OID    OID
	Octets []byte
	Number int64
}

// index is what stands behind a column in the OID of a row, read from the
// front. A read past its end or of what is no octet spoils it.
type index struct {
	rest OID
	bad  bool
}

func (x *index) number() uint32 {
	if len(x.rest) == 0 {
		x.bad = true
		return 0
	}
	n := x.rest[0]
	x.rest = x.rest[1:]
	return n
}

func (x *index) octets(n int) []byte {
	if n > len(x.rest) {
		x.bad = true
		return nil
	}
	b := make([]byte, n)
	for i := range b {
		if x.rest[i] > 255 {
			x.bad = true
			return nil
		}
		b[i] = byte(x.rest[i])
	}
	x.rest = x.rest[n:]
	return b
}

// mac reads six octets, or "" when the index is spoilt.
func (x *index) mac() e911.MAC {
	if b := x.octets(6); len(b) == 6 {
		return e911.MACFrom([6]byte(b))
	}
	return ""
}

// done reports that the index was read to its end without fault.
func (x *index) done() bool { return !x.bad && len(x.rest) == 0 }
