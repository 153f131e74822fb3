package gis

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/geo"
)

// What a feature can hold.
const (
	maxText   = 1024          // bytes of one field; NENA-STA-006.3 has 254 characters
	maxNumber = 999_999_999   // of a house; NENA-STA-006.3 has 999999
	maxLine   = 1 << 20       // points of one segment
	degree    = 10_000_000    // units of a kept coordinate in one degree
	noNumber  = math.MaxInt32 // an address point without a house number
)

// Builder collects the features of one layer. It refuses a feature that no
// index can hold and says why; what lies between features (duplicates, overlaps
// and gaps) is the reader's report. A million address points take about 60 MB
// of memory. It is not safe for concurrent use.
type Builder struct {
	text      table[string]
	names     table[nameKey]
	places    table[placeKey]
	templates table[pair]
	spans     table[span]
	details   table[string] // encoded with the Builder's own ids
	locals    []byte

	addresses  []address
	segments   []segment
	points     []position
	boundaries []Boundary
}

// Keys of the dictionaries; their numbers are ids of text.
type (
	nameKey  [8]uint32  // fields of nameFields
	placeKey [10]uint32 // fields of placeFields, then MSAG community and ESN
	pair     [2]uint32  // what stands before and behind the local part of an NGUID
	span     [2]int64   // seconds, noTime where open
	position [2]int32   // latitude, longitude
)

// address is one address point in the Builder's own ids.
type address struct {
	name, place, number         uint32
	at                          position
	detail, local               uint32
	template, validity, updated uint32
}

type side struct {
	place, prefix uint32
	from, to      uint32
	parity        Parity
	validate      bool
}

type segment struct {
	name                        uint32
	left, right                 side
	local                       uint32
	template, validity, updated uint32
	first, end                  uint32 // of its points
}

// table numbers distinct values in the order they come.
type table[K comparable] struct {
	ids  map[K]uint32
	list []K
}

func (t *table[K]) id(k K) uint32 {
	if i, ok := t.ids[k]; ok {
		return i
	}
	if t.ids == nil {
		t.ids = map[K]uint32{}
	}
	i := uint32(len(t.list)) //nolint:gosec // guarded by Builder.full
	t.ids[k] = i
	t.list = append(t.list, k)
	return i
}

// NewBuilder returns an empty Builder.
func NewBuilder() *Builder { return &Builder{} }

// str numbers a text and lets go of what it was cut from.
func (b *Builder) str(s string) uint32 {
	if i, ok := b.text.ids[s]; ok {
		return i
	}
	return b.text.id(strings.Clone(s))
}

// full reports a layer that positions of 32 bits no longer hold.
func (b *Builder) full() error {
	const most = math.MaxUint32 - 1<<22
	if len(b.addresses) > math.MaxInt32-1 || len(b.locals) > most || len(b.points) > most || len(b.details.list) > most/120 || len(b.text.list) > most/64 {
		return errors.New("one layer cannot hold more features; split it by county")
	}
	return nil
}

// Address keeps one address point. Its house number must be a whole number or
// absent; what stands before or behind it has fields of its own.
func (b *Builder) Address(p AddressPoint) error {
	if err := errors.Join(b.full(), checkCivic(p.Civic), checkText("NGUID", p.NGUID), checkText("placement", p.Placement), checkMSAG(p.MSAG), checkSpan(p.Span)); err != nil {
		return err
	}
	if !geo.Valid(p.Point) {
		return errors.New("the point lies off the globe")
	}
	number, ok := houseNumber(p.Civic.HNO)
	if !ok {
		return fmt.Errorf("the house number is no whole number up to %d", maxNumber)
	}
	b.addresses = append(b.addresses, address{
		name: b.name(p.Civic), place: b.place(p.Civic, p.MSAG), number: number, at: fixed(p.Point),
		detail: b.detail(p, number), template: b.template(p.NGUID), local: b.local(p.NGUID),
		validity: b.span(p.Span), updated: seconds32(p.Updated),
	})
	return nil
}

// Street keeps one segment of a centre line.
func (b *Builder) Street(s Street) error {
	err := errors.Join(b.full(), checkCivic(s.Name), checkText("NGUID", s.NGUID), checkSpan(s.Span), checkSide("left", s.Left), checkSide("right", s.Right))
	if err != nil {
		return err
	}
	if len(s.Line) < 2 || len(s.Line) > maxLine {
		return fmt.Errorf("a line of %d points, want 2 to %d", len(s.Line), maxLine)
	}
	for _, p := range s.Line {
		if !geo.Valid(p) {
			return errors.New("a point of the line lies off the globe")
		}
	}
	g := segment{
		name: b.name(s.Name), left: b.side(s.Left), right: b.side(s.Right),
		template: b.template(s.NGUID), local: b.local(s.NGUID), validity: b.span(s.Span), updated: seconds32(s.Updated),
		first: uint32(len(b.points)), //nolint:gosec // guarded by full
	}
	for _, p := range s.Line {
		b.points = append(b.points, fixed(p))
	}
	g.end = uint32(len(b.points)) //nolint:gosec // guarded by full
	b.segments = append(b.segments, g)
	return nil
}

// Boundary keeps one service boundary.
func (b *Builder) Boundary(f Boundary) error {
	texts := []string{f.NGUID, f.Service, f.Name, f.Agency, f.Number, f.VCard}
	for _, t := range append(texts, f.URIs...) {
		if err := checkText("boundary", t); err != nil {
			return err
		}
	}
	if err := errors.Join(checkCivic(f.Civic), checkSpan(f.Span)); err != nil {
		return err
	}
	if f.Service == "" {
		return errors.New("the boundary names no service")
	}
	if len(f.Area) == 0 && f.Civic.Empty() {
		return errors.New("the boundary has neither an area nor addresses")
	}
	for _, poly := range f.Area {
		for _, ring := range poly {
			if n := len(ring); n > 1 && ring[0] == ring[n-1] {
				return errors.New("a ring repeats its first point")
			}
		}
	}
	if len(f.Area) > 0 {
		if faults := geo.Check(f.Area); len(faults) > 0 {
			return errors.New("area" + faults[0].Path + ": " + faults[0].Msg)
		}
	}
	c := f.Civic
	f.Civic = e911.Civic{Country: c.Country, A1: c.A1, A2: c.A2, A3: c.A3, A4: c.A4, A5: c.A5}
	f.Updated, f.Effective, f.Expire = rounded(f.Updated), rounded(f.Effective), rounded(f.Expire)
	b.boundaries = append(b.boundaries, f)
	return nil
}

// nameFields and placeFields are the fields that the dictionaries of streets and
// of places have, in the order of their keys.
var (
	nameFields = [8]func(*e911.Civic) *string{
		func(c *e911.Civic) *string { return &c.PRM },
		func(c *e911.Civic) *string { return &c.PRD },
		func(c *e911.Civic) *string { return &c.STP },
		func(c *e911.Civic) *string { return &c.STPS },
		func(c *e911.Civic) *string { return &c.RD },
		func(c *e911.Civic) *string { return &c.STS },
		func(c *e911.Civic) *string { return &c.POD },
		func(c *e911.Civic) *string { return &c.POM },
	}
	placeFields = [8]func(*e911.Civic) *string{
		func(c *e911.Civic) *string { return &c.Country },
		func(c *e911.Civic) *string { return &c.A1 },
		func(c *e911.Civic) *string { return &c.A2 },
		func(c *e911.Civic) *string { return &c.A3 },
		func(c *e911.Civic) *string { return &c.A4 },
		func(c *e911.Civic) *string { return &c.A5 },
		func(c *e911.Civic) *string { return &c.PC },
		func(c *e911.Civic) *string { return &c.PCN },
	}
	// detailFields are what an address point has beside street, place and number.
	// Their position plus one is the tag in the encoded detail: append only.
	detailFields = [...]func(*e911.Civic) *string{
		func(c *e911.Civic) *string { return &c.HNP },
		func(c *e911.Civic) *string { return &c.HNO }, // only where it has leading zeros
		func(c *e911.Civic) *string { return &c.HNS },
		func(c *e911.Civic) *string { return &c.LMK },
		func(c *e911.Civic) *string { return &c.LOC },
		func(c *e911.Civic) *string { return &c.FLR },
		func(c *e911.Civic) *string { return &c.NAM },
		func(c *e911.Civic) *string { return &c.BLD },
		func(c *e911.Civic) *string { return &c.UNIT },
		func(c *e911.Civic) *string { return &c.ROOM },
		func(c *e911.Civic) *string { return &c.SEAT },
		func(c *e911.Civic) *string { return &c.PLC },
		func(c *e911.Civic) *string { return &c.POBOX },
		func(c *e911.Civic) *string { return &c.ADDCODE },
		func(c *e911.Civic) *string { return &c.MP },
		func(c *e911.Civic) *string { return &c.PN },
		func(c *e911.Civic) *string { return &c.SITE },
		func(c *e911.Civic) *string { return &c.SUBSITE },
		func(c *e911.Civic) *string { return &c.WING },
		func(c *e911.Civic) *string { return &c.PCE },
	}
)

// placementTag marks the placement in an encoded detail; it follows the fields.
const placementTag = len(detailFields) + 1

func (b *Builder) name(c e911.Civic) uint32 {
	var k nameKey
	for i, f := range nameFields {
		k[i] = b.str(*f(&c))
	}
	return b.names.id(k)
}

func (b *Builder) place(c e911.Civic, m MSAG) uint32 {
	var k placeKey
	for i, f := range placeFields {
		k[i] = b.str(*f(&c))
	}
	k[8], k[9] = b.str(m.Community), b.str(m.ESN)
	return b.places.id(k)
}

func (b *Builder) detail(p AddressPoint, number uint32) uint32 {
	if number != noNumber && (p.Civic.HNO[0] != '0' || p.Civic.HNO == "0") {
		p.Civic.HNO = ""
	}
	var enc []byte
	for i, f := range detailFields {
		if s := *f(&p.Civic); s != "" {
			enc = appendTag(enc, i+1, b.str(s))
		}
	}
	if p.Placement != "" {
		enc = appendTag(enc, placementTag, b.str(p.Placement))
	}
	return b.details.id(string(enc))
}

func (b *Builder) side(s Side) side {
	return side{
		place: b.place(s.Civic, s.MSAG), prefix: b.str(s.Prefix),
		from: uint32(s.From), to: uint32(s.To), //nolint:gosec // checkSide
		parity: s.Parity, validate: s.Validate,
	}
}

func (b *Builder) template(nguid string) uint32 {
	before, _, behind := cutNGUID(nguid)
	return b.templates.id(pair{b.str(before), b.str(behind)})
}

func (b *Builder) local(nguid string) uint32 {
	at := uint32(len(b.locals)) //nolint:gosec // guarded by full
	_, local, _ := cutNGUID(nguid)
	b.locals = appendLocal(b.locals, local)
	return at
}

func (b *Builder) span(s Span) uint32 {
	return b.spans.id(span{seconds(s.Effective), seconds(s.Expire)})
}

// fixed rounds a point to the units that are kept.
func fixed(p e911.Point) position {
	return position{int32(math.Round(p.Lat * degree)), int32(math.Round(p.Lon * degree))}
}

// houseNumber reads digits; an absent number is noNumber.
func houseNumber(s string) (uint32, bool) {
	if s == "" {
		return noNumber, true
	}
	n := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' || n > maxNumber/10 {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return uint32(n), n <= maxNumber //nolint:gosec // at most ten times maxNumber
}

func checkCivic(c e911.Civic) error {
	for _, name := range e911.CivicFieldNames() {
		if err := checkText(name, c.Get(name)); err != nil {
			return err
		}
	}
	return nil
}

func checkMSAG(m MSAG) error {
	return errors.Join(checkText("MSAG community", m.Community), checkText("ESN", m.ESN))
}

func checkSide(which string, s Side) error {
	switch s.Parity {
	case ParityNone, ParityOdd, ParityEven, ParityBoth:
	default:
		return fmt.Errorf("%s side: the parity is none of O, E, B and Z", which)
	}
	if s.From < 0 || s.To < 0 || s.From > maxNumber || s.To > maxNumber {
		return fmt.Errorf("%s side: the range reaches beyond 0 to %d", which, maxNumber)
	}
	if err := errors.Join(checkText("number prefix", s.Prefix), checkCivic(s.Civic), checkMSAG(s.MSAG)); err != nil {
		return fmt.Errorf("%s side: %w", which, err)
	}
	return nil
}

// checkText refuses what would have to be escaped on every screen: control
// characters and broken UTF-8.
func checkText(what, s string) error {
	if len(s) > maxText {
		return fmt.Errorf("%s: the text is longer than %d bytes", what, maxText)
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] == 0x7f {
			return fmt.Errorf("%s: the text holds control characters", what)
		}
	}
	if !utf8.ValidString(s) {
		return fmt.Errorf("%s: the text is no UTF-8", what)
	}
	return nil
}

func checkSpan(s Span) error {
	for _, t := range []time.Time{s.Effective, s.Expire} {
		if !t.IsZero() && (t.Unix() < minTime || t.Unix() > maxTime) {
			return errors.New("a date is not between the years 1 and 9999")
		}
	}
	if !s.Effective.IsZero() && !s.Expire.IsZero() && !s.Effective.Before(s.Expire) {
		return errors.New("it expires before it takes effect")
	}
	return nil
}
