package gisread

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"unicode/utf8"
)

// shpFile reads the main file of a shapefile (ESRI Shapefile Technical
// Description, 1998) from front to back. The index file is only compared: what
// it says about places in the main file is never used.
type shpFile struct {
	r      *bufio.Reader
	offset int64 // of the next record, in 16-bit words
	draw   drawing
	body   []byte
}

const shpHeader = 100

func newShpFile(r io.Reader, limit int) (*shpFile, error) {
	f := &shpFile{r: bufio.NewReaderSize(r, 1<<16), offset: shpHeader / 2, draw: drawing{max: limit}}
	return f, shpHead(f.r, "a shapefile")
}

func shpHead(r io.Reader, what string) error {
	var head [shpHeader]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return err
	}
	if binary.BigEndian.Uint32(head[:]) != 9994 || binary.LittleEndian.Uint32(head[28:]) != 1000 {
		return broken(CodeFormat, "", "The file is not %s.", what)
	}
	return nil
}

// next reads one record. io.EOF stands behind the last.
func (f *shpFile) next() (s shape, words int64, err error) {
	var head [8]byte
	if _, err := io.ReadFull(f.r, head[:]); err != nil {
		return shape{}, 0, err
	}
	words = int64(binary.BigEndian.Uint32(head[4:]))
	most := int64(f.draw.max)*32 + 1024 // Z and M beside X and Y, parts
	if words < 2 || words*2 > most && words > 1<<30 {
		return shape{}, 0, broken(CodeFormat, "", "A record of the .shp file has an impossible length.")
	}
	f.offset += 4 + words
	if words*2 > most {
		if _, err := io.CopyN(io.Discard, f.r, words*2); err != nil {
			return shape{}, 0, io.ErrUnexpectedEOF
		}
		return shape{bad: &problem{code: CodeTooLarge, reason: "The geometry has more points than a feature may have."}}, words, nil
	}
	if f.body, err = readGrowing(f.r, f.body[:0], int(words*2)); err != nil {
		return shape{}, 0, io.ErrUnexpectedEOF
	}
	return f.decode(f.body), words, nil
}

// readGrowing reads n bytes without believing n before the bytes are there.
func readGrowing(r io.Reader, dst []byte, n int) ([]byte, error) {
	const step = 1 << 20
	for n > 0 {
		k := min(n, step)
		at := len(dst)
		if cap(dst)-at < k {
			dst = append(dst, make([]byte, k)...)
		} else {
			dst = dst[:at+k]
		}
		if _, err := io.ReadFull(r, dst[at:]); err != nil {
			return dst, err
		}
		n -= k
	}
	return dst, nil
}

var badShp = problem{code: CodeGeometryForm, reason: "The geometry in the .shp file is damaged."}

// decode reads the content of a record; Z and M behind the positions are left.
func (f *shpFile) decode(b []byte) shape {
	f.draw.reset()
	le := binary.LittleEndian
	typ := le.Uint32(b)
	switch typ {
	case 0:
		return shape{}
	case 1, 11, 21:
		if len(b) < 20 {
			return shape{bad: &badShp}
		}
		f.draw.point(float(b[4:]), float(b[12:]))
		return f.draw.shape(shapePoint)
	case 8, 18, 28:
		if len(b) < 40 {
			return shape{bad: &badShp}
		}
		n := int64(le.Uint32(b[36:]))
		if 40+n*16 > int64(len(b)) {
			return shape{bad: &badShp}
		}
		f.positions(b[40 : 40+n*16])
		return f.draw.shape(shapePoint)
	case 3, 13, 23, 5, 15, 25:
		k := shapeLine
		if typ%10 == 5 {
			k = shapeArea
		}
		return f.parts(b, k)
	}
	return shape{kind: shapeOther, bad: &problem{code: CodeGeometryForm, reason: "The geometry is of a kind that no table here has."}}
}

func (f *shpFile) parts(b []byte, k shapeKind) shape {
	if len(b) < 44 {
		return shape{bad: &badShp}
	}
	le := binary.LittleEndian
	parts, points := int64(le.Uint32(b[36:])), int64(le.Uint32(b[40:]))
	if 44+parts*4+points*16 > int64(len(b)) {
		return shape{bad: &badShp}
	}
	starts, xy := b[44:44+parts*4], b[44+parts*4:]
	for i := range parts {
		from, to := int64(le.Uint32(starts[i*4:])), points
		if i+1 < parts {
			to = int64(le.Uint32(starts[i*4+4:]))
		}
		if from > to || to > points {
			return shape{bad: &badShp}
		}
		f.positions(xy[from*16 : to*16])
		f.draw.endRing()
	}
	s := f.draw.shape(k)
	s.esri = k == shapeArea
	return s
}

func (f *shpFile) positions(b []byte) {
	for ; len(b) >= 16; b = b[16:] {
		f.draw.point(float(b), float(b[8:]))
	}
}

func float(b []byte) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(b)) }

// shxFile compares the index with the main file as both are read.
type shxFile struct {
	r   *bufio.Reader
	lie bool
}

func newShxFile(r io.Reader) (*shxFile, error) {
	x := &shxFile{r: bufio.NewReader(r)}
	return x, shpHead(x.r, "the index of a shapefile")
}

// agree takes the entry of the next record.
func (x *shxFile) agree(offset, words int64) {
	var e [8]byte
	if _, err := io.ReadFull(x.r, e[:]); err != nil ||
		int64(binary.BigEndian.Uint32(e[:])) != offset || int64(binary.BigEndian.Uint32(e[4:])) != words {
		x.lie = true
	}
}

// prjCRS tests that the coordinate system of a .prj file is degrees of WGS 84
// or NAD 83 (well-known text of ESRI or OGC).
func prjCRS(text string) error {
	up := strings.ToUpper(strings.TrimSpace(text))
	name := "unknown"
	if _, rest, ok := strings.Cut(up, `"`); ok {
		name, _, _ = strings.Cut(rest, `"`)
	}
	geographic := strings.HasPrefix(up, "GEOGCS") || strings.HasPrefix(up, "GEOGCRS") || strings.HasPrefix(up, "GEODCRS")
	known := false
	for _, datum := range []string{"NORTH_AMERICAN_1983", "NORTH AMERICAN DATUM 1983", "NORTH_AMERICAN_DATUM_1983", "NAD83", "WGS_1984", "WGS 84", "WGS84", "WORLD GEODETIC SYSTEM 1984"} {
		known = known || strings.Contains(up, datum)
	}
	if !geographic || !known || !strings.Contains(up, "DEGREE") {
		return otherCRS(printable(name, 80))
	}
	return nil
}

// dbfFile reads a dBASE table from front to back.
type dbfFile struct {
	r      *bufio.Reader
	left   int64
	fields []dbfField
	rec    []byte
	latin  bool // Windows 1252, else UTF-8 where it is that
}

type dbfField struct {
	name   string
	typ    byte
	at, to int
}

func newDBFFile(r io.Reader, cpg string, most int) (*dbfFile, error) {
	f := &dbfFile{r: bufio.NewReaderSize(r, 1<<16)}
	var head [32]byte
	if _, err := io.ReadFull(f.r, head[:]); err != nil {
		return nil, err
	}
	le := binary.LittleEndian
	f.left = int64(le.Uint32(head[4:]))
	header, size := int(le.Uint16(head[8:])), int(le.Uint16(head[10:]))
	if head[0]&7 != 3 || header < 33 || size < 2 {
		return nil, broken(CodeFormat, "", "The .dbf file is not a dBASE table.")
	}
	if err := f.charset(cpg, head[29]); err != nil {
		return nil, err
	}
	rest, err := readGrowing(f.r, nil, header-32)
	if err != nil {
		return nil, io.ErrUnexpectedEOF
	}
	at := 1
	for ; len(rest) >= 32 && rest[0] != '\r'; rest = rest[32:] {
		d := dbfField{name: strings.TrimSpace(cString(rest[:11])), typ: rest[11], at: at, to: at + int(rest[16])}
		if d.typ == 'C' {
			d.to += int(rest[17]) << 8 // long text, as Clipper and FoxPro write it
		}
		if at = d.to; at > size {
			return nil, broken(CodeDisagree, "", "The fields of the .dbf file are wider than its records.")
		}
		if f.fields = append(f.fields, d); len(f.fields) > most {
			return nil, broken(CodeTooLarge, "", "The .dbf file has more than %d columns.", most)
		}
	}
	if len(f.fields) == 0 {
		return nil, broken(CodeFormat, "", "The .dbf file has no columns.")
	}
	f.rec = make([]byte, size)
	return f, nil
}

// charset decides by the .cpg file, else by the language driver of the header.
func (f *dbfFile) charset(cpg string, driver byte) error {
	switch name := fold(cpg); name {
	case "":
		f.latin = driver != 0
	case "UTF8", "65001", "CP65001":
	case "ISO88591", "88591", "1252", "CP1252", "WINDOWS1252", "ANSI1252", "LATIN1", "ANSI", "ASCII", "USASCII", "ISO885915":
		f.latin = true
	default:
		return broken(CodeFormat, "Export it in UTF-8.", "The .cpg file names an encoding that is not known: %q.", printable(cpg, 20))
	}
	return nil
}

func cString(b []byte) string {
	s, _, _ := strings.Cut(string(b), "\x00")
	return s
}

func (f *dbfFile) columns() []string {
	names := make([]string, len(f.fields))
	for i, d := range f.fields {
		names[i] = d.name
	}
	return names
}

// next reads a record; io.EOF stands behind the last. deleted tells of one
// that is marked as such.
func (f *dbfFile) next() (deleted bool, err error) {
	if f.left == 0 {
		return false, io.EOF
	}
	if _, err := io.ReadFull(f.r, f.rec); err != nil {
		return false, fmt.Errorf("read the .dbf file: %w", errors.Join(io.ErrUnexpectedEOF, err))
	}
	f.left--
	return f.rec[0] == '*', nil
}

// value returns the text of a column of the record.
func (f *dbfFile) value(i int) string {
	d := f.fields[i]
	switch d.typ {
	case 'C', 'N', 'F', 'D', 'L':
	default:
		return "" // a memo, a double: nothing of these standards
	}
	raw := strings.Trim(string(f.rec[d.at:d.to]), " \x00")
	if d.typ != 'C' && strings.Trim(raw, "*") == "" {
		return "" // a number that did not fit
	}
	if f.latin || !utf8.ValidString(raw) {
		return fromLatin(raw)
	}
	return raw
}

// fromLatin translates Windows 1252, which has ISO 8859-1 but for 32 places.
func fromLatin(s string) string {
	for i := range len(s) {
		if s[i] >= 0x80 {
			var b strings.Builder
			for _, c := range []byte(s) {
				if c >= 0x80 && c < 0xa0 {
					b.WriteRune(windows1252[c-0x80])
				} else {
					b.WriteRune(rune(c))
				}
			}
			return b.String()
		}
	}
	return s
}

// windows1252 are the characters 0x80 to 0x9f; five places are empty.
var windows1252 = [32]rune{
	'€', 0xfffd, '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', 0xfffd, 'Ž', 0xfffd,
	0xfffd, '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', 0xfffd, 'ž', 'Ÿ',
}
