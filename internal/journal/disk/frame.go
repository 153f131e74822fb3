package disk

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"strconv"
	"time"

	"github.com/callbox911/callbox/internal/journal"
)

const (
	headerBytes = 32
	frameBytes  = 20
	// maxPayload bounds one fact. The largest is an attempt with its PIDF-LO,
	// some 10 kB.
	maxPayload = 16 << 20
	// flagRewrite marks a segment that begins again after the last good fsync
	// of the one before it, so that the two overlap.
	flagRewrite = 1
)

var (
	headerMagic = [8]byte{'C', 'B', 'O', 'X', 'J', 'N', 'L', 1}
	// frameMagic is not valid UTF-8, so that no payload of journal.New holds it.
	frameMagic = [4]byte{0xFA, 0xC7, 0xFA, 0xC7}
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	order      = binary.LittleEndian
)

// header is the beginning of a segment.
type header struct {
	first   uint64
	created time.Time
	flags   uint32
}

func (h header) append(dst []byte) []byte {
	from := len(dst)
	dst = append(dst, headerMagic[:]...)
	dst = order.AppendUint64(dst, h.first)
	dst = order.AppendUint64(dst, uint64(h.created.UnixMilli()))
	dst = order.AppendUint32(dst, h.flags)
	return order.AppendUint32(dst, crc32.Checksum(dst[from:], castagnoli))
}

func parseHeader(b []byte) (header, bool) {
	if len(b) < headerBytes || [8]byte(b[:8]) != headerMagic {
		return header{}, false
	}
	if crc32.Checksum(b[:28], castagnoli) != order.Uint32(b[28:]) {
		return header{}, false
	}
	return header{
		first:   order.Uint64(b[8:]),
		created: time.UnixMilli(int64(order.Uint64(b[16:]))).UTC(),
		flags:   order.Uint32(b[24:]),
	}, true
}

// appendFrame appends one record.
func appendFrame(dst []byte, seq uint64, payload []byte) []byte {
	dst = append(dst, frameMagic[:]...)
	from := len(dst)
	dst = order.AppendUint32(dst, uint32(len(payload)))
	dst = order.AppendUint32(dst, 0)
	dst = order.AppendUint64(dst, seq)
	dst = append(dst, payload...)
	order.PutUint32(dst[from+4:], frameSum(dst[from:from+4], dst[from+8:]))
	return dst
}

func frameSum(length, seqAndPayload []byte) uint32 {
	return crc32.Update(crc32.Checksum(length, castagnoli), castagnoli, seqAndPayload)
}

// verdict is what parseFrame found.
type verdict int

const (
	frameGood  verdict = iota
	frameShort         // the buffer ends before the frame does
	frameBad           // this is no frame
)

// frame is one record as read; its payload is part of the buffer.
type frame struct {
	seq     uint64
	payload []byte
	size    int
}

// parseFrame reads the frame at the beginning of b. Its sequence must be above
// after: numbers rise inside a segment.
func parseFrame(b []byte, after uint64) (frame, verdict) {
	if n := min(len(b), len(frameMagic)); !bytes.Equal(b[:n], frameMagic[:n]) {
		return frame{}, frameBad
	}
	if len(b) < frameBytes {
		return frame{}, frameShort
	}
	length := order.Uint32(b[4:])
	if length > maxPayload {
		return frame{}, frameBad
	}
	size := frameBytes + int(length)
	if len(b) < size {
		return frame{size: size}, frameShort
	}
	f := frame{seq: order.Uint64(b[12:]), payload: b[frameBytes:size], size: size}
	if frameSum(b[4:8], b[12:size]) != order.Uint32(b[8:]) || f.seq <= after {
		return frame{}, frameBad
	}
	return f, frameGood
}

// resync finds the next good frame in b behind its first byte, and reports how
// many bytes to skip to it; all of b when there is none.
func resync(b []byte, after uint64) (skip int, found bool) {
	for at := 1; at < len(b); at++ {
		i := bytes.Index(b[at:], frameMagic[:])
		if i < 0 {
			break
		}
		at += i
		if _, v := parseFrame(b[at:], after); v == frameGood {
			return at, true
		}
	}
	return len(b), false
}

// scanned is what a whole segment holds.
type scanned struct {
	first, last uint64 // 0 when it holds no record
	end         int    // of the last good frame
	torn        int    // bytes behind it
	corrupt     int    // damaged regions between good frames
}

// scan reads the records of a whole segment, header included, and gives each
// to visit, which may be nil.
func scan(b []byte, visit func(frame)) scanned {
	s := scanned{end: min(headerBytes, len(b))}
	for at := s.end; at < len(b); {
		f, v := parseFrame(b[at:], s.last)
		if v != frameGood {
			skip, found := resync(b[at:], s.last)
			at += skip
			if found {
				s.corrupt++
			}
			continue
		}
		if s.first == 0 {
			s.first = f.seq
		}
		if visit != nil {
			visit(f)
		}
		at += f.size
		s.last, s.end = f.seq, at
	}
	s.torn = len(b) - s.end
	return s
}

// encodeRest encodes all of a fact but its number: the number is given under a
// lock, and this is the long part. The result begins behind the number.
func encodeRest(f journal.Fact) ([]byte, bool) {
	body := f.Body
	if len(body) == 0 {
		body = json.RawMessage("null")
	}
	if !json.Valid(body) || f.At.Year() < 0 || f.At.Year() > 9999 {
		return nil, false
	}
	b := make([]byte, 0, 192+len(body))
	if f.Org != "" {
		b = appendString(append(b, `,"org":`...), string(f.Org))
	}
	if f.Call != "" {
		b = appendString(append(b, `,"call":`...), string(f.Call))
	}
	b = append(b, `,"at":"`...)
	b = f.At.AppendFormat(b, time.RFC3339Nano)
	b = appendString(append(b, `","kind":`...), string(f.Kind))
	b = append(b, `,"body":`...)
	b = append(b, body...)
	return append(b, '}'), true
}

// appendPayload puts number and rest together.
func appendPayload(dst []byte, node string, seq uint64, rest []byte) []byte {
	dst = append(dst, `{"v":`...)
	dst = strconv.AppendInt(dst, journal.Version, 10)
	dst = appendString(append(dst, `,"node":`...), node)
	dst = append(dst, `,"seq":`...)
	dst = strconv.AppendUint(dst, seq, 10)
	return append(dst, rest...)
}

// appendString appends s as a JSON string; ids need no escaping.
func appendString(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= 0x7F {
			q, _ := json.Marshal(s) // a string always encodes
			return append(dst, q...)
		}
	}
	return append(append(append(dst, '"'), s...), '"')
}
