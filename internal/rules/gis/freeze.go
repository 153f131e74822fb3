package gis

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"hash/crc32"
	"math"
	"slices"
	"strings"
	"time"
)

// Build freezes what was collected. The Builder is spent. The same features give
// the same content, and the same bytes, in whatever order they came.
func (b *Builder) Build() *Content {
	raw := b.encode()
	*b = Builder{}
	c, err := Decode(raw)
	if err != nil {
		panic("gis: the content that was built cannot be read: " + err.Error()) // a fault of this package
	}
	return c
}

// ranks sorts values and returns them with the new number of each old one.
func ranks[K any](list []K, less func(a, b K) int) ([]K, []uint32) {
	order := make([]uint32, len(list))
	for i := range order {
		order[i] = uint32(i) //nolint:gosec // ids are 32 bits
	}
	slices.SortFunc(order, func(i, j uint32) int { return less(list[i], list[j]) })
	sorted, rank := make([]K, len(list)), make([]uint32, len(list))
	for i, o := range order {
		sorted[i], rank[o] = list[o], uint32(i) //nolint:gosec // ids are 32 bits
	}
	return sorted, rank
}

// renumber replaces the numbers of the Builder by final ones.
func renumber(k []uint32, rank []uint32) {
	for i := range k {
		k[i] = rank[k[i]]
	}
}

// encode writes all sections. Every dictionary is sorted by what it holds and
// every record by what it says, so that the order of arrival is forgotten.
func (b *Builder) encode() []byte {
	var s [sections][]byte
	text, rank := ranks(b.text.list, strings.Compare)
	s[secTextAt] = binary.LittleEndian.AppendUint32(nil, 0)
	for _, t := range text {
		s[secText] = append(s[secText], t...)
		s[secTextAt] = binary.LittleEndian.AppendUint32(s[secTextAt], uint32(len(s[secText]))) //nolint:gosec // guarded by full
	}
	for i := range b.names.list {
		renumber(b.names.list[i][:], rank)
	}
	for i := range b.places.list {
		renumber(b.places.list[i][:], rank)
	}
	for i := range b.templates.list {
		renumber(b.templates.list[i][:], rank)
	}
	names, nameRank := ranks(b.names.list, func(a, b nameKey) int { return slices.Compare(a[:], b[:]) })
	places, placeRank := ranks(b.places.list, func(a, b placeKey) int { return slices.Compare(a[:], b[:]) })
	templates, templateRank := ranks(b.templates.list, func(a, b pair) int { return slices.Compare(a[:], b[:]) })
	spans, spanRank := ranks(b.spans.list, func(a, b span) int { return slices.Compare(a[:], b[:]) })
	for _, n := range names {
		s[secNames] = append32(s[secNames], n[:]...)
	}
	for _, p := range places {
		s[secPlaces] = append32(s[secPlaces], p[:]...)
	}
	for _, t := range templates {
		s[secTemplates] = append32(s[secTemplates], t[:]...)
	}
	for _, t := range spans {
		s[secSpans] = append64(s[secSpans], t[:]...)
	}
	var detailAt []uint32
	s[secDetails], detailAt = b.encodeDetails(rank)
	for i := range b.addresses {
		a := &b.addresses[i]
		a.name, a.place, a.detail = nameRank[a.name], placeRank[a.place], detailAt[a.detail]
		a.template, a.validity = templateRank[a.template], spanRank[a.validity]
	}
	for i := range b.segments {
		g := &b.segments[i]
		g.name, g.left.place, g.right.place = nameRank[g.name], placeRank[g.left.place], placeRank[g.right.place]
		g.left.prefix, g.right.prefix = rank[g.left.prefix], rank[g.right.prefix]
		g.template, g.validity = templateRank[g.template], spanRank[g.validity]
	}
	b.encodeAddresses(&s)
	b.encodeSegments(&s)
	s[secBoundaries] = encodeBoundaries(b.boundaries)
	return join(s)
}

// encodeDetails returns the section and where in it each of the Builder's
// details stands. An empty detail is at 0.
func (b *Builder) encodeDetails(rank []uint32) ([]byte, []uint32) {
	final := make([]string, len(b.details.list))
	for i, d := range b.details.list {
		enc := make([]byte, 0, len(d))
		for ; d != ""; d = d[5:] {
			enc = appendTag(enc, int(d[0]), rank[binary.LittleEndian.Uint32([]byte(d[1:5]))])
		}
		final[i] = string(enc)
	}
	sorted, order := ranks(final, strings.Compare)
	out := []byte{0}
	start := make([]uint32, len(sorted))
	for i, d := range sorted {
		if d != "" {
			start[i] = uint32(len(out)) //nolint:gosec // guarded by full
			out = append(append(out, d...), 0)
		}
	}
	at := make([]uint32, len(final))
	for i := range at {
		at[i] = start[order[i]]
	}
	return out, at
}

// encodeAddresses sorts the points into ways: the numbers of one street in one
// place.
func (b *Builder) encodeAddresses(s *[sections][]byte) {
	slices.SortFunc(b.addresses, func(x, y address) int {
		return cmp.Or(cmp.Compare(x.name, y.name), cmp.Compare(x.place, y.place), cmp.Compare(x.number, y.number), cmp.Compare(x.detail, y.detail),
			slices.Compare(x.at[:], y.at[:]), cmp.Compare(x.template, y.template), b.compareLocal(x.local, y.local),
			cmp.Compare(x.validity, y.validity), cmp.Compare(x.updated, y.updated))
	})
	out := make([]byte, 0, len(b.addresses)*addressSize)
	for i, a := range b.addresses {
		if i == 0 || b.addresses[i-1].name != a.name || b.addresses[i-1].place != a.place {
			s[secWays] = append32(s[secWays], a.name, a.place, uint32(i)) //nolint:gosec // guarded by full
		}
		out = append32(out, a.number, uint32(a.at[0]), uint32(a.at[1]), a.detail, b.moveLocal(s, a.local), a.template, a.validity, a.updated) //nolint:gosec // bits
	}
	s[secAddresses] = out
	b.addresses = nil
}

func (b *Builder) compareLocal(x, y uint32) int {
	return bytes.Compare(b.localBytes(x), b.localBytes(y))
}

func (b *Builder) localBytes(at uint32) []byte {
	n, _ := localLength(b.locals[at:])
	return b.locals[at : int(at)+n]
}

func (b *Builder) moveLocal(s *[sections][]byte, at uint32) uint32 {
	to := uint32(len(s[secLocals])) //nolint:gosec // guarded by full
	s[secLocals] = append(s[secLocals], b.localBytes(at)...)
	return to
}

func (b *Builder) encodeSegments(s *[sections][]byte) {
	line := func(g segment) []position { return b.points[g.first:g.end] }
	slices.SortFunc(b.segments, func(x, y segment) int {
		return cmp.Or(cmp.Compare(x.name, y.name), compareSides(x.left, y.left), compareSides(x.right, y.right),
			cmp.Compare(x.template, y.template), b.compareLocal(x.local, y.local), cmp.Compare(x.validity, y.validity), cmp.Compare(x.updated, y.updated),
			slices.CompareFunc(line(x), line(y), func(p, q position) int { return slices.Compare(p[:], q[:]) }))
	})
	for _, g := range b.segments {
		local := b.moveLocal(s, g.local)
		first := uint32(len(s[secPoints]) / pointSize) //nolint:gosec // guarded by full
		s[secSegments] = append32(s[secSegments], g.name, g.left.place, g.left.prefix, g.left.from, g.left.to, g.right.place, g.right.prefix, g.right.from, g.right.to,
			uint32(g.left.parity)|uint32(g.right.parity)<<8|flag(g.left.validate)<<16|flag(g.right.validate)<<24,
			local, g.template, g.validity, g.updated, first)
		for _, p := range line(g) {
			s[secPoints] = append32(s[secPoints], uint32(p[0]), uint32(p[1])) //nolint:gosec // bits
		}
	}
}

func flag(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}

func compareSides(x, y side) int {
	return cmp.Or(cmp.Compare(x.place, y.place), cmp.Compare(x.prefix, y.prefix), cmp.Compare(x.from, y.from), cmp.Compare(x.to, y.to),
		cmp.Compare(x.parity, y.parity), cmp.Compare(flag(x.validate), flag(y.validate)))
}

func encodeBoundaries(list []Boundary) []byte {
	enc := make([][]byte, len(list))
	for i, f := range list {
		enc[i] = appendBoundary(nil, f)
	}
	order := make([]int, len(list))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int {
		return cmp.Or(strings.Compare(list[i].NGUID, list[j].NGUID), bytes.Compare(enc[i], enc[j]))
	})
	out := binary.AppendUvarint(nil, uint64(len(list)))
	for _, i := range order {
		out = append(out, enc[i]...)
	}
	return out
}

func appendBoundary(b []byte, f Boundary) []byte {
	for _, s := range boundaryTexts(&f) {
		b = appendText(b, *s)
	}
	b = binary.AppendUvarint(b, uint64(len(f.URIs)))
	for _, u := range f.URIs {
		b = appendText(b, u)
	}
	b = append64(b, seconds(f.Updated), seconds(f.Effective), seconds(f.Expire))
	b = binary.AppendUvarint(b, uint64(len(f.Area)))
	for _, poly := range f.Area {
		b = binary.AppendUvarint(b, uint64(len(poly)))
		for _, ring := range poly {
			b = binary.AppendUvarint(b, uint64(len(ring)))
			for _, p := range ring {
				b = binary.LittleEndian.AppendUint64(b, math.Float64bits(p.Lat))
				b = binary.LittleEndian.AppendUint64(b, math.Float64bits(p.Lon))
			}
		}
	}
	return b
}

// boundaryTexts lists the fields that are text, in the order of the file.
func boundaryTexts(f *Boundary) []*string {
	c := &f.Civic
	return []*string{&f.NGUID, &f.Service, &f.Name, &f.Agency, &f.Number, &f.VCard, &c.Country, &c.A1, &c.A2, &c.A3, &c.A4, &c.A5}
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendTag(b []byte, tag int, id uint32) []byte {
	return binary.LittleEndian.AppendUint32(append(b, byte(tag)), id) //nolint:gosec // tags are few
}

func append32(b []byte, list ...uint32) []byte {
	for _, v := range list {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	return b
}

func append64(b []byte, list ...int64) []byte {
	for _, v := range list {
		b = binary.LittleEndian.AppendUint64(b, uint64(v)) //nolint:gosec // bits
	}
	return b
}

// join writes magic, version, checksum, the length of every section and the
// sections.
func join(s [sections][]byte) []byte {
	n := headerSize
	for _, sec := range s {
		n += len(sec)
	}
	out := make([]byte, 0, n)
	out = append(out, magic...)
	out = append(out, formatVersion, 0, 0, 0, 0)
	for _, sec := range s {
		out = binary.LittleEndian.AppendUint64(out, uint64(len(sec)))
	}
	for _, sec := range s {
		out = append(out, sec...)
	}
	binary.LittleEndian.PutUint32(out[sumAt:], crc32.Checksum(out[sumAt+4:], castagnoli))
	return out
}

// Times that are kept: from the year 1 to 9999, as JSON has them.
const (
	minTime = -62135596800
	maxTime = 253402300799
	noTime  = math.MinInt64
)

// seconds is the form of a date in the file, noTime for none.
func seconds(t time.Time) int64 {
	if t.IsZero() {
		return noTime
	}
	return t.Unix()
}

// seconds32 is seconds for dates of change; what lies outside 1970 to 2106 is
// unknown, since spreadsheets write 1899 for nothing.
func seconds32(t time.Time) uint32 {
	if s := t.Unix(); !t.IsZero() && s > 0 && s <= math.MaxUint32 {
		return uint32(s)
	}
	return 0
}

// rounded is the date that comes back from a file.
func rounded(t time.Time) time.Time {
	if t.IsZero() || t.Unix() < minTime || t.Unix() > maxTime {
		return time.Time{}
	}
	return moment(t.Unix())
}

func moment(s int64) time.Time {
	if s == noTime {
		return time.Time{}
	}
	return time.Unix(s, 0).UTC()
}
