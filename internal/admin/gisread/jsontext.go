package gisread

import (
	"bufio"
	"errors"
	"io"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// jsonText pulls values out of JSON text (RFC 8259) one at a time, so that a
// file of any size is read in little memory: encoding/json keeps the whole
// value that it decodes.
type jsonText struct {
	r     *bufio.Reader
	depth int
	text  int // most bytes of one string
	buf   []byte
}

const jsonDepth = 64

var errJSON = broken(CodeFormat, "", "The file is not JSON.")

func newJSONText(r io.Reader, text int) *jsonText {
	return &jsonText{r: bufio.NewReaderSize(r, 1<<16), text: text}
}

// peek returns the next byte that is no white space, without taking it.
func (j *jsonText) peek() (byte, error) {
	for {
		b, err := j.r.ReadByte()
		if err != nil {
			return 0, err
		}
		switch b {
		case ' ', '\t', '\r', '\n', 0x1e: // RFC 8142 puts a record separator before each text
			continue
		}
		return b, j.r.UnreadByte()
	}
}

// inside is peek where the text must not end.
func (j *jsonText) inside() (byte, error) {
	b, err := j.peek()
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return b, err
}

func (j *jsonText) next() (byte, error) {
	b, err := j.r.ReadByte()
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return b, err
}

func (j *jsonText) expect(want byte) error {
	b, err := j.inside()
	if err != nil {
		return err
	}
	if b != want {
		return errJSON
	}
	_, err = j.next()
	return err
}

func (j *jsonText) enter() error {
	if j.depth++; j.depth > jsonDepth {
		return broken(CodeTooLarge, "", "The JSON is nested deeper than %d levels.", jsonDepth)
	}
	return nil
}

// list calls item before each member of an array, or of an object up to its
// key; item must take the member.
func (j *jsonText) list(first, last byte, item func() error) error {
	if err := j.expect(first); err != nil {
		return err
	}
	if err := j.enter(); err != nil {
		return err
	}
	defer func() { j.depth-- }()
	b, err := j.inside()
	if err != nil {
		return err
	}
	if b == last {
		_, err = j.next()
		return err
	}
	for {
		if err := item(); err != nil {
			return err
		}
		if b, err = j.inside(); err != nil {
			return err
		}
		if _, err = j.next(); err != nil {
			return err
		}
		switch b {
		case last:
			return nil
		case ',':
		default:
			return errJSON
		}
	}
}

func (j *jsonText) array(item func() error) error { return j.list('[', ']', item) }

// object calls member with each key; it must take the value.
func (j *jsonText) object(member func(key string) error) error {
	return j.list('{', '}', func() error {
		key, err := j.str()
		if err != nil {
			return err
		}
		if err := j.expect(':'); err != nil {
			return err
		}
		return member(key)
	})
}

// str takes a string. What is longer than the limit is a fault of the file.
func (j *jsonText) str() (string, error) {
	if err := j.expect('"'); err != nil {
		return "", err
	}
	j.buf = j.buf[:0]
	for {
		b, err := j.next()
		if err != nil {
			return "", err
		}
		switch b {
		case '"':
			return string(j.buf), nil
		case '\\':
			if err := j.escape(); err != nil {
				return "", err
			}
		default:
			j.buf = append(j.buf, b)
		}
		if len(j.buf) > j.text {
			return "", broken(CodeTooLarge, "", "A text in the file is longer than %d bytes.", j.text)
		}
	}
}

func (j *jsonText) escape() error {
	b, err := j.next()
	if err != nil {
		return err
	}
	switch b {
	case '"', '\\', '/':
	case 'b':
		b = '\b'
	case 'f':
		b = '\f'
	case 'n':
		b = '\n'
	case 'r':
		b = '\r'
	case 't':
		b = '\t'
	case 'u':
		return j.unicode()
	default:
		return errJSON
	}
	j.buf = append(j.buf, b)
	return nil
}

func (j *jsonText) unicode() error {
	r, err := j.hex4()
	if err != nil {
		return err
	}
	if utf16.IsSurrogate(r) {
		if next, err := j.r.Peek(2); err == nil && next[0] == '\\' && next[1] == 'u' {
			if _, err := j.r.Discard(2); err != nil {
				return err
			}
			low, err := j.hex4()
			if err != nil {
				return err
			}
			r = utf16.DecodeRune(r, low)
		} else {
			r = utf8.RuneError
		}
	}
	j.buf = utf8.AppendRune(j.buf, r)
	return nil
}

func (j *jsonText) hex4() (rune, error) {
	var hex [4]byte
	if _, err := io.ReadFull(j.r, hex[:]); err != nil {
		return 0, io.ErrUnexpectedEOF
	}
	n, err := strconv.ParseUint(string(hex[:]), 16, 16)
	if err != nil {
		return 0, errJSON
	}
	return rune(n), nil
}

// word takes a number, true, false or null as it stands.
func (j *jsonText) word() ([]byte, error) {
	if _, err := j.inside(); err != nil {
		return nil, err
	}
	j.buf = j.buf[:0]
	for {
		b, err := j.r.ReadByte()
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		if err != nil || !wordByte(b) {
			if err == nil {
				if err := j.r.UnreadByte(); err != nil {
					return nil, err
				}
			}
			if len(j.buf) == 0 {
				return nil, errJSON
			}
			return j.buf, nil
		}
		if j.buf = append(j.buf, b); len(j.buf) > 400 {
			return nil, errJSON
		}
	}
}

func wordByte(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b == '-' || b == '+' || b == '.'
}

// scalar takes any value and returns text, numbers and truth values as text;
// null, arrays and objects are empty.
func (j *jsonText) scalar() (string, error) {
	b, err := j.inside()
	if err != nil {
		return "", err
	}
	switch b {
	case '"':
		return j.str()
	case '[', '{':
		return "", j.skip()
	}
	w, err := j.word()
	if err != nil {
		return "", err
	}
	if string(w) == "null" {
		return "", nil
	}
	return string(w), nil
}

// skip takes any value and forgets it.
func (j *jsonText) skip() error {
	b, err := j.inside()
	if err != nil {
		return err
	}
	switch b {
	case '"':
		return j.skipText()
	case '[':
		return j.array(j.skip)
	case '{':
		return j.object(func(string) error { return j.skip() })
	}
	_, err = j.word()
	return err
}

// skipText takes a string of any length.
func (j *jsonText) skipText() error {
	if err := j.expect('"'); err != nil {
		return err
	}
	for {
		b, err := j.next()
		if err != nil {
			return err
		}
		switch b {
		case '"':
			return nil
		case '\\':
			if _, err := j.next(); err != nil {
				return err
			}
		}
	}
}
