package gis

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
)

// Kinds of local part of an NGUID. Most are numbers or GUIDs, which take a
// fraction of their text.
const (
	localText    = 0 // uvarint length, bytes
	localDecimal = 1 // uvarint
	localGUID    = 2 // 16 bytes; plus lowerCase, plus braces
	lowerCase    = 1
	braces       = 2
	localKinds   = localGUID + lowerCase + braces + 1
)

const guidLength = 36 // "6F9619FF-8B86-D011-B42D-00CF4FC964FF"

// cutNGUID splits an NGUID into what many features of a layer share and the part
// that is its own: "urn:emergency:uid:gis:SSAP:", "3458", ":example.gov"
// (NENA-STA-006.3, section 3.5), or "3458", "@example.gov" in older data.
func cutNGUID(s string) (before, local, behind string) {
	const urn = "urn:emergency:uid:gis:"
	if rest, ok := strings.CutPrefix(s, urn); ok {
		layer := strings.IndexByte(rest, ':')
		last := strings.LastIndexByte(rest, ':')
		if layer >= 0 && last > layer {
			return s[:len(urn)+layer+1], rest[layer+1 : last], rest[last:]
		}
	}
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		return "", s[:i], s[i:]
	}
	head := strings.TrimRight(s, "0123456789")
	if strings.ContainsAny(head, "0123456789") { // every feature would have a head of its own
		return "", s, ""
	}
	return head, s[len(head):], ""
}

func appendLocal(dst []byte, s string) []byte {
	if len(s) > 0 && len(s) <= 18 && (s[0] != '0' || s == "0") {
		if n, err := strconv.ParseUint(s, 10, 64); err == nil {
			return binary.AppendUvarint(append(dst, localDecimal), n)
		}
	}
	if kind, raw, ok := guid(s); ok {
		return append(append(dst, kind), raw[:]...)
	}
	dst = binary.AppendUvarint(append(dst, localText), uint64(len(s)))
	return append(dst, s...)
}

// guid reads a GUID in one of the four forms that can be written back.
func guid(s string) (kind byte, raw [16]byte, ok bool) {
	kind = localGUID
	if len(s) == guidLength+2 && s[0] == '{' && s[guidLength+1] == '}' {
		kind += braces
		s = s[1 : guidLength+1]
	}
	if len(s) != guidLength || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return 0, raw, false
	}
	if strings.ToUpper(s) != s {
		kind += lowerCase
	}
	if n, err := hex.Decode(raw[:], []byte(strings.ReplaceAll(s, "-", ""))); err != nil || n != len(raw) {
		return 0, raw, false
	}
	if back := string(appendGUID(nil, kind, raw[:])); back != s && back != "{"+s+"}" { // letters of both cases
		return 0, raw, false
	}
	return kind, raw, true
}

func appendGUID(b []byte, kind byte, raw []byte) []byte {
	digits := "0123456789ABCDEF"
	if (kind-localGUID)&lowerCase != 0 {
		digits = "0123456789abcdef"
	}
	closed := (kind-localGUID)&braces != 0
	if closed {
		b = append(b, '{')
	}
	for i, v := range raw {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			b = append(b, '-')
		}
		b = append(b, digits[v>>4], digits[v&15])
	}
	if closed {
		b = append(b, '}')
	}
	return b
}

var errLocal = errors.New("the identifier of a feature is broken")

// localLength is the number of bytes of the entry at the front of b; an error
// when it is none.
func localLength(b []byte) (int, error) {
	if len(b) == 0 || b[0] >= localKinds {
		return 0, errLocal
	}
	n := 1
	switch b[0] {
	case localText:
		length, k := binary.Uvarint(b[1:])
		if k <= 0 || length > maxText {
			return 0, errLocal
		}
		n += k + int(length) //nolint:gosec // at most maxText
	case localDecimal:
		_, k := binary.Uvarint(b[1:])
		if k <= 0 {
			return 0, errLocal
		}
		n += k
	default:
		n += 16
	}
	if n > len(b) {
		return 0, errLocal
	}
	return n, nil
}

// readLocal appends the text of the entry at the front of b, which localLength
// accepts.
func readLocal(dst, b []byte) []byte {
	switch b[0] {
	case localText:
		n, k := binary.Uvarint(b[1:])
		return append(dst, b[1+k:1+k+int(n)]...) //nolint:gosec // at most maxText
	case localDecimal:
		n, _ := binary.Uvarint(b[1:])
		return strconv.AppendUint(dst, n, 10)
	}
	return appendGUID(dst, b[0], b[1:17])
}
