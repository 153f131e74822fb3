package locate

import (
	"encoding/binary"
	"errors"
	"slices"
	"time"
)

// Again is what Observe returns when the measurement that m took in last, at
// since, comes again at a later time and shows the same; m must be as Repeats
// says.
func (m Memory) Again(since, at time.Time) Memory {
	since, at = plain(since), plain(at)
	next := Memory{Sightings: slices.Clone(m.Sightings), Left: m.Left}
	for i := range next.Sightings {
		s := &next.Sightings[i]
		switch {
		case s.At.Equal(since):
			s.At = at
		case s.At.Before(at) && len(s.Keys) > 0:
			s.Lapsed = true
		}
	}
	return next
}

// Repeats reports whether what m took in at the time of me is me and nothing
// else, so that Again needs no measurement.
func (m Memory) Repeats(me Measurement) bool {
	at := plain(me.At)
	if len(me.Interfaces) > 0 || !plain(me.sourceTime()).Equal(at) {
		return false
	}
	n := 0
	for i := range m.Sightings {
		if m.Sightings[i].At.Equal(at) {
			n++
		}
	}
	seen := sightings(me)
	for i := range seen {
		if !slices.ContainsFunc(m.Sightings, func(s Sighting) bool {
			return s.sameSlot(seen[i]) && s.At.Equal(at) && slices.Equal(s.Keys, seen[i].Keys) && s.Source == seen[i].Source && s.Who == seen[i].Who
		}) {
			return false
		}
	}
	return n == len(seen) && n > 0
}

// layers in the order of their numbers in the binary form; only appended to.
var layers = []Layer{
	LayerATA, LayerLLDP, LayerServing, LayerNearby, LayerMAC, LayerGateway, LayerDECT, LayerWLC, LayerOwn, LayerSource,
}

// AppendBinary writes a Memory in a tenth of the room that it takes in memory:
// for who keeps one of each device. It is not written to disk.
func (m Memory) AppendBinary(dst []byte) ([]byte, error) {
	if len(m.Sightings) == 0 && m.Left.IsZero() {
		return dst, nil
	}
	dst = appendTime(dst, m.Left)
	for i := range m.Sightings {
		s := &m.Sightings[i]
		layer := slices.Index(layers, s.Layer)
		dst = append(dst, byte(layer+1)) // 0: another one
		if layer < 0 {
			dst = appendText(dst, string(s.Layer))
		}
		lapsed := byte(0)
		if s.Lapsed {
			lapsed = 1
		}
		dst = append(dst, lapsed)
		dst = appendText(appendText(dst, s.On), string(s.Who))
		dst = appendTime(appendTime(appendTime(dst, s.At), s.Since), s.Was)
		source, err := s.Source.MarshalBinary()
		if err != nil {
			return dst, err
		}
		dst = appendText(dst, string(source))
		for _, keys := range [][]string{s.Keys, s.Before} {
			dst = binary.AppendUvarint(dst, uint64(len(keys)))
			for _, k := range keys {
				dst = appendText(dst, k)
			}
		}
	}
	return dst, nil
}

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

func appendTime(dst []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(dst, 0)
	}
	dst = append(dst, 1)
	return binary.LittleEndian.AppendUint64(dst, uint64(t.UnixNano()))
}

var errPacked = errors.New("what a device showed is not in its binary form")

// ParseMemory reads what AppendBinary wrote. Texts of the Memory are parts of s.
func ParseMemory(s string) (Memory, error) {
	var m Memory
	if s == "" {
		return m, nil
	}
	r := packedReader{s: s}
	m.Left = r.time()
	for r.s != "" && !r.bad {
		var v Sighting
		if n := int(r.octet()); n > 0 && n <= len(layers) {
			v.Layer = layers[n-1]
		} else {
			v.Layer = Layer(r.text())
		}
		v.Lapsed = r.octet() != 0
		v.On, v.Who = r.text(), Witness(r.text())
		v.At, v.Since, v.Was = r.time(), r.time(), r.time()
		if v.Source.UnmarshalBinary([]byte(r.text())) != nil {
			r.bad = true
		}
		v.Keys, v.Before = r.keys(), r.keys()
		m.Sightings = append(m.Sightings, v)
	}
	if r.bad {
		return Memory{}, errPacked
	}
	return m, nil
}

type packedReader struct {
	s   string
	bad bool
}

func (r *packedReader) take(n uint64) string {
	if r.bad || n > uint64(len(r.s)) {
		r.bad = true
		return ""
	}
	out := r.s[:n]
	r.s = r.s[n:]
	return out
}

func (r *packedReader) octet() byte {
	if b := r.take(1); b != "" {
		return b[0]
	}
	return 0
}

func (r *packedReader) number() uint64 {
	var v uint64
	for shift := 0; shift < 64; shift += 7 {
		b := r.octet()
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return v
		}
	}
	r.bad = true
	return 0
}

func (r *packedReader) text() string { return r.take(r.number()) }

func (r *packedReader) keys() []string {
	n := r.number()
	if r.bad || n > uint64(len(r.s)) {
		r.bad = true
		return nil
	}
	if n == 0 {
		return nil
	}
	out := make([]string, n)
	for i := range out {
		out[i] = r.text()
	}
	return out
}

func (r *packedReader) time() time.Time {
	if r.octet() == 0 {
		return time.Time{}
	}
	b := r.take(8)
	if r.bad {
		return time.Time{}
	}
	return time.Unix(0, int64(binary.LittleEndian.Uint64([]byte(b)))).UTC()
}
