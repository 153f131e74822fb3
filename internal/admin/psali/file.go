package psali

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
)

// Bounds of a file that is read.
const (
	maxRecords = 1_000_000
	maxLine    = 4096 // a record with all that a carrier may write behind it
	maxFaults  = 100
)

// header and trailer of NENA 02-010 version 2.1.
type envelope struct {
	Company string
	Cycle   int
	County  string
	State   string
	At      time.Time
	Records int
}

const (
	mmddyy    = "010206"
	yyyymmdd  = "20060102"
	maxCycle  = 999_999
	version21 = "2" // the form's version, column 97
)

func (e envelope) header() []byte {
	line := blank("UHL")
	put(line, 6, e.At.UTC().Format(mmddyy))
	put(line, 12, e.Company)
	put(line, 62, fmt.Sprintf("%06d", e.Cycle))
	if e.County != "" {
		put(line, 68, fmt.Sprintf("%04s", e.County))
	}
	put(line, 72, e.State)
	put(line, 97, version21)
	put(line, 98, e.At.UTC().Format(yyyymmdd))
	return line
}

func (e envelope) trailer() []byte {
	line := blank("UTL")
	put(line, 6, e.At.UTC().Format(mmddyy))
	put(line, 12, e.Company)
	put(line, 62, fmt.Sprintf("%09d", e.Records))
	return line
}

func blank(start string) []byte {
	line := bytes.Repeat([]byte{' '}, Size)
	copy(line, start)
	line[Size-1] = '*'
	return line
}

// put writes at a column that counts from 1.
func put(line []byte, at int, s string) { copy(line[at-1:], s) }

// Answer is one record of a carrier's file of errors or confirmations.
type Answer struct {
	Line   int
	Record Record
	Codes  []string // three digits each; none: it was taken
}

// ReadAnswers reads a carrier's file: records as we sent them, each with the
// error codes behind its last column, with or without header and trailer, lines
// ended by LF or CRLF. The Invalid Error has a fault for each line that is not
// of the form, up to a hundred; then there are no answers.
func ReadAnswers(r io.Reader) ([]Answer, error) {
	lines := reader{r: bufio.NewReaderSize(r, maxLine)}
	var out []Answer
	seen := map[string]int{}
	counted := -1
	for {
		line, err := lines.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		switch {
		case len(line) == 0:
			continue
		case counted >= 0:
			lines.fault("something stands behind the trailer", "send the files one by one")
		case bytes.HasPrefix(line, []byte("UHL")) && len(out) == 0:
			continue
		case bytes.HasPrefix(line, []byte("UTL")):
			counted = count(line)
		default:
			a, why := answer(line)
			if why != "" {
				lines.fault(why, "ask the ALI provider for the file in the form of NENA 02-010 version 2.1")
				continue
			}
			a.Line = lines.row
			if first, twice := seen[a.Record.Number]; twice {
				lines.fault(fmt.Sprintf("%s stands in line %d already", a.Record.Number, first), "a number has one answer: ask the ALI provider which one holds")
				continue
			}
			seen[a.Record.Number] = a.Line
			out = append(out, a)
		}
		if len(out) > maxRecords || len(lines.faults) >= maxFaults {
			break
		}
	}
	switch {
	case len(out) > maxRecords:
		lines.fault(fmt.Sprintf("the file has more than %d records", maxRecords), "send it in parts")
	case len(out) == 0 && len(lines.faults) == 0:
		lines.fault("the file has no records", "name the file that the ALI provider sent")
	case counted >= 0 && counted != len(out) && len(lines.faults) == 0:
		lines.fault(fmt.Sprintf("the trailer counts %d records, and there are %d", counted, len(out)), "the file is not whole: fetch it again")
	}
	if len(lines.faults) > 0 {
		return nil, &e911.Error{Kind: e911.Invalid, Msg: "the file is refused, nothing was changed", Faults: lines.faults}
	}
	return out, nil
}

// count reads the number of records in a trailer: nine digits, or six, as some
// carriers have it.
func count(line []byte) int {
	text := strings.TrimSpace(string(line[min(61, len(line)):min(70, len(line))]))
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

func answer(line []byte) (Answer, string) {
	if len(line) < Size {
		return Answer{}, fmt.Sprintf("a record has %d characters, and this line has %d", Size, len(line))
	}
	rec, err := ParseRecord(line[:Size])
	if err != nil {
		var e *e911.Error
		if errors.As(err, &e) {
			return Answer{}, e.Msg
		}
		return Answer{}, err.Error()
	}
	a := Answer{Record: rec}
	for word := range strings.FieldsFuncSeq(string(line[Size:]), func(r rune) bool { return r == ' ' || r == ',' || r == ';' || r == '*' }) {
		if len(word)%3 != 0 || strings.Trim(word, "0123456789") != "" {
			return a, fmt.Sprintf("behind the record stand error codes of three digits, and this is %q", short(word))
		}
		for i := 0; i < len(word); i += 3 {
			if code := word[i : i+3]; code != "000" {
				a.Codes = append(a.Codes, code)
			}
		}
	}
	return a, ""
}

func short(s string) string {
	if len(s) > 40 {
		return s[:40] + "..."
	}
	return s
}

// reader gives the lines of a file that others wrote. It never holds more than
// one line of bounded length.
type reader struct {
	r      *bufio.Reader
	row    int
	faults []e911.Fault
}

func (l *reader) fault(msg, fix string) {
	if len(l.faults) < maxFaults {
		l.faults = append(l.faults, e911.Fault{Path: "record", Row: l.row, Col: 1, Code: "syntax", Msg: msg, Fix: fix})
	}
}

// next returns the next line without its end. Its memory holds until the next
// call. What can be no such file at all is an Invalid Error.
func (l *reader) next() ([]byte, error) {
	line, err := l.r.ReadSlice('\n')
	if errors.Is(err, io.EOF) && len(line) == 0 {
		return nil, io.EOF
	}
	l.row++
	if errors.Is(err, bufio.ErrBufferFull) {
		return nil, l.refuse(line, fmt.Sprintf("the line has more than %d characters", maxLine))
	}
	if err != nil && !errors.Is(err, io.EOF) {
		if e := new(e911.Error); errors.As(err, &e) {
			return nil, err
		}
		return nil, fmt.Errorf("read the file: %w", err)
	}
	line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
	for i, c := range line {
		if c < ' ' || c > '~' {
			return nil, l.refuse(line, fmt.Sprintf("column %d holds %#02x, which is no sign of ASCII", i+1, c))
		}
	}
	return line, nil
}

// ebcdicBlank is the blank in EBCDIC, of which a record in that code is full.
const ebcdicBlank = 0x40

func (l *reader) refuse(line []byte, why string) error {
	fix := "fetch the file again, as text"
	high := 0
	for _, c := range line {
		if c > '~' {
			high++
		}
	}
	if blanks := bytes.Count(line, []byte{ebcdicBlank}); high > 0 && blanks > len(line)/4 {
		why, fix = "this is a file in EBCDIC", "have it converted to ASCII, as dd conv=ascii does"
	} else if high == 0 && len(line) >= maxLine && bytes.IndexByte(line, '\n') < 0 {
		fix = "each record is a line of its own: ask for the file with line ends"
	}
	return &e911.Error{Kind: e911.Invalid, Msg: "the file is refused, nothing was changed", Faults: []e911.Fault{{
		Path: "record", Row: l.row, Col: 1, Code: "syntax", Msg: why, Fix: fix,
	}}}
}
