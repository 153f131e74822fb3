package gisread

import (
	"bufio"
	"errors"
	"io"
	"strings"
)

// csvText reads comma-separated values (RFC 4180) with bounds: encoding/csv
// takes a quote that is never closed as one value of any size.
type csvText struct {
	r      *bufio.Reader
	comma  byte
	field  int // most bytes of one value
	fields int // most values of one record
	line   int // of the file, from 1, where the last record began
	ahead  int // line that is read
	buf    []byte
	out    []string
}

var errQuote = errors.New("text stands behind a closing quote")

func newCSVText(r io.Reader, field, fields int) (*csvText, error) {
	c := &csvText{r: bufio.NewReaderSize(r, 1<<16), field: field, fields: fields, ahead: 1}
	head, err := c.r.Peek(1 << 14)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	first, _, _ := strings.Cut(string(head), "\n")
	c.comma = ','
	for _, b := range []byte(";\t|") {
		if strings.Count(first, string(b)) > strings.Count(first, string(c.comma)) {
			c.comma = b
		}
	}
	return c, nil
}

// record returns the next record; the slice is used again by the next call.
// errQuote means that this record makes no sense and the next one may.
func (c *csvText) record() ([]string, error) {
	for {
		c.line = c.ahead
		rec, err := c.one()
		if err != nil || len(rec) > 1 || rec[0] != "" {
			return rec, err
		}
	}
}

func (c *csvText) one() ([]string, error) {
	c.out = c.out[:0]
	var bad error
	for {
		v, end, err := c.value()
		if errors.Is(err, errQuote) {
			bad, err = err, nil
		}
		if err != nil {
			return nil, err
		}
		if len(c.out) == c.fields {
			return nil, broken(CodeTooLarge, "", "Line %d has more than %d values.", c.line, c.fields)
		}
		c.out = append(c.out, v)
		if end {
			return c.out, bad
		}
	}
}

// value reads one value; end is true for the last of a record.
func (c *csvText) value() (v string, end bool, err error) {
	c.buf = c.buf[:0]
	b, err := c.r.ReadByte()
	if err != nil {
		if errors.Is(err, io.EOF) && len(c.out) > 0 {
			return "", true, nil // the file ends behind a comma
		}
		return "", false, err
	}
	if b == '"' {
		return c.quoted()
	}
	for err == nil {
		switch b {
		case c.comma:
			return string(c.buf), false, nil
		case '\n':
			c.ahead++
			return strings.TrimSuffix(string(c.buf), "\r"), true, nil
		}
		if err := c.keep(b); err != nil {
			return "", false, err
		}
		b, err = c.r.ReadByte()
	}
	if !errors.Is(err, io.EOF) {
		return "", false, err
	}
	return strings.TrimSuffix(string(c.buf), "\r"), true, nil
}

func (c *csvText) keep(b byte) error {
	if c.buf = append(c.buf, b); len(c.buf) > c.field {
		return broken(CodeTooLarge, "Look for a quote that is opened there and never closed.", "A value in line %d is longer than %d bytes.", c.line, c.field)
	}
	return nil
}

func (c *csvText) quoted() (v string, end bool, err error) {
	for {
		b, err := c.r.ReadByte()
		if errors.Is(err, io.EOF) {
			return "", false, broken(CodeTruncated, "Close the quote, or fetch the file again.", "A quote that is opened in line %d is never closed.", c.line)
		}
		if err != nil {
			return "", false, err
		}
		if b == '\n' {
			c.ahead++
		}
		if b != '"' {
			if err := c.keep(b); err != nil {
				return "", false, err
			}
			continue
		}
		next, err := c.r.ReadByte()
		switch {
		case errors.Is(err, io.EOF):
			return string(c.buf), true, nil
		case err != nil:
			return "", false, err
		case next == '"':
			if err := c.keep('"'); err != nil {
				return "", false, err
			}
			continue
		}
		v, err = string(c.buf), c.r.UnreadByte()
		if err != nil {
			return "", false, err
		}
		end, err = c.behindQuote()
		return v, end, err
	}
}

// behindQuote takes what follows a closing quote up to the comma or the end of
// the line.
func (c *csvText) behindQuote() (end bool, bad error) {
	for {
		b, err := c.r.ReadByte()
		switch {
		case errors.Is(err, io.EOF):
			return true, bad
		case err != nil:
			return false, err
		case b == c.comma:
			return false, bad
		case b == '\n':
			c.ahead++
			return true, bad
		case b != '\r' && b != ' ':
			bad = errQuote
		}
	}
}
