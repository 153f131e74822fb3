package snapshot

import (
	"encoding/binary"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/seal"
)

// FileSystem lets tests put a disk of their own under a File.
type FileSystem = fileSystem

// OpenOn is OpenFile on another disk.
func OpenOn(disk FileSystem, ring *seal.Ring) *File { return &File{disk: disk, ring: ring} }

// DecodeFile is all that Load does with the octets of one file.
func DecodeFile(b []byte, ring *seal.Ring) ([]Change, error) {
	_, parts, _, err := decodeFile(b, ring)
	if err != nil {
		return nil, err
	}
	changes, _, err := decodeParts(parts)
	return changes, err
}

// DecodeElements reads a part of network elements.
func DecodeElements(b []byte) ([]*e911.Element, error) { return decodeElements(b, true) }

// AsFormat writes s as a base of a format before this one.
func AsFormat(n uint32, s *Snapshot, ring *seal.Ring) ([]byte, error) {
	parts, err := encodeParts(s.sorted())
	if err != nil {
		return nil, err
	}
	for i, p := range parts {
		if name, ok := strings.CutPrefix(p.name, partElements); ok && n == 1 {
			list, err := decodeElements(p.plain, true)
			if err != nil {
				return nil, err
			}
			w := elementWriter{number: map[string]uint64{}, format1: true}
			parts[i] = part{partElements1 + name, w.elements(list[0].Org, list)}
		} else if name, ok := strings.CutPrefix(p.name, partObjects); ok {
			parts[i].name = partObjects + strings.TrimSuffix(name, "/0")
		}
	}
	file, _, err := encodeFile(manifest{Kind: kindBase, Seq: 1, Version: s.Version, At: s.At}, parts, ring)
	if err == nil {
		binary.BigEndian.PutUint32(file[len(magic):], n)
	}
	return file, err
}

// EncodeElements writes one.
var EncodeElements = encodeElements
