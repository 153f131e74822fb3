package snapshot

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/callbox911/callbox/internal/seal"
)

// A snapshot file (D-07):
//
//	magic, 8 octets · format version, 4 octets, big-endian
//	sealed parts, one after the other
//	sealed manifest · its length, 4 octets · its SHA-256, 32 octets · magic
//
// The manifest stands last and names every part with its SHA-256, so that a
// file whose writing was cut off is never taken for a whole one.
const (
	magic   = "CBOXSNAP"
	format  = 3 // 1 and 2 had other parts of network elements, which are still read
	headLen = len(magic) + 4
	tailLen = 4 + sha256.Size + len(magic)
)

// manifest says what a file holds.
type manifest struct {
	Kind    string         `json:"kind"` // base, delta
	Seq     uint64         `json:"seq"`
	Prev    string         `json:"prev,omitempty"` // the file that a delta stands on
	Version uint64         `json:"version"`
	At      time.Time      `json:"at"`
	Parts   []manifestPart `json:"parts"`
}

type manifestPart struct {
	Name   string `json:"name"`
	Size   int    `json:"size"`
	SHA256 string `json:"sha256"`
}

const (
	kindBase  = "base"
	kindDelta = "delta"
)

// part is one piece of a file in the clear.
type part struct {
	name  string
	plain []byte
}

// purpose binds a sealed text to its place, so that no part opens in the place
// of another.
func purpose(name string) string { return "snapshot/" + name }

// encodeFile seals parts and manifest. The id names the file for the delta that
// will stand on it.
func encodeFile(m manifest, parts []part, ring *seal.Ring) (file []byte, id string, err error) {
	var b bytes.Buffer
	b.WriteString(magic)
	_ = binary.Write(&b, binary.BigEndian, uint32(format)) // a Buffer takes everything
	sealedParts := make([][]byte, len(parts))
	m.Parts = make([]manifestPart, len(parts))
	err = each(len(parts), func(i int) error {
		p := parts[i]
		text, err := ring.AppendSeal(make([]byte, 0, 4*len(p.plain)/3+128), purpose(p.name), p.plain)
		if err != nil {
			return fmt.Errorf("seal the part %s: %w", p.name, err)
		}
		sum := sha256.Sum256(text)
		sealedParts[i], m.Parts[i] = text, manifestPart{p.name, len(text), hex.EncodeToString(sum[:])}
		return nil
	})
	if err != nil {
		return nil, "", err
	}
	for _, text := range sealedParts {
		b.Write(text)
	}
	plain, err := json.Marshal(m)
	if err != nil {
		return nil, "", fmt.Errorf("encode the manifest: %w", err)
	}
	sealed, err := ring.Seal(purpose("manifest"), plain)
	if err != nil {
		return nil, "", fmt.Errorf("seal the manifest: %w", err)
	}
	sum := sha256.Sum256([]byte(sealed))
	b.WriteString(sealed)
	_ = binary.Write(&b, binary.BigEndian, uint32(len(sealed)))
	b.Write(sum[:])
	b.WriteString(magic)
	return b.Bytes(), hex.EncodeToString(sum[:]), nil
}

// decodeFile checks everything that can be checked before it opens anything.
func decodeFile(file []byte, ring *seal.Ring) (m manifest, parts []part, id string, err error) {
	body, sealed, id, err := frame(file)
	if err != nil {
		return m, nil, "", err
	}
	plain, err := ring.Open(purpose("manifest"), string(sealed))
	if err != nil {
		return m, nil, "", fmt.Errorf("%w: open the manifest: %w", ErrKey, err)
	}
	if err := json.Unmarshal(plain, &m); err != nil {
		return m, nil, "", fmt.Errorf("%w: read the manifest: %w", ErrCorrupt, err)
	}
	texts := make([][]byte, len(m.Parts))
	for i, p := range m.Parts {
		if p.Size < 0 || p.Size > len(body) {
			return m, nil, "", fmt.Errorf("%w: the part %s is cut off", ErrTorn, p.Name)
		}
		texts[i], body = body[:p.Size], body[p.Size:]
	}
	if len(body) != 0 {
		return m, nil, "", fmt.Errorf("%w: octets that no part has", ErrCorrupt)
	}
	parts = make([]part, len(m.Parts))
	if err := each(len(parts), func(i int) error {
		p := m.Parts[i]
		if sum := sha256.Sum256(texts[i]); hex.EncodeToString(sum[:]) != p.SHA256 {
			return fmt.Errorf("%w: the part %s", ErrCorrupt, p.Name)
		}
		plain, err := ring.Open(purpose(p.Name), string(texts[i]))
		if err != nil {
			return fmt.Errorf("%w: open the part %s: %w", ErrKey, p.Name, err)
		}
		parts[i] = part{p.Name, plain}
		return nil
	}); err != nil {
		return m, nil, "", err
	}
	return m, parts, id, nil
}

// frame finds the parts and the manifest in a file.
func frame(file []byte) (body, sealed []byte, id string, err error) {
	switch {
	case len(file) >= len(magic) && string(file[:len(magic)]) != magic:
		return nil, nil, "", fmt.Errorf("%w: no snapshot file at all", ErrCorrupt)
	case len(file) < headLen:
		return nil, nil, "", ErrTorn
	}
	if v := binary.BigEndian.Uint32(file[len(magic):]); v == 0 || v > format {
		return nil, nil, "", fmt.Errorf("%w: it is %d, this Callbox knows %d", ErrFormat, v, format)
	}
	if len(file) < headLen+tailLen || string(file[len(file)-len(magic):]) != magic {
		return nil, nil, "", ErrTorn
	}
	tail := file[len(file)-tailLen:]
	size := int(binary.BigEndian.Uint32(tail))
	rest := file[headLen : len(file)-tailLen]
	if size > len(rest) {
		return nil, nil, "", fmt.Errorf("%w: the manifest is longer than the file", ErrCorrupt)
	}
	body, sealed = rest[:len(rest)-size], rest[len(rest)-size:]
	sum := sha256.Sum256(sealed)
	if !bytes.Equal(sum[:], tail[4:4+sha256.Size]) {
		return nil, nil, "", fmt.Errorf("%w: the manifest", ErrCorrupt)
	}
	return body, sealed, hex.EncodeToString(sum[:]), nil
}
