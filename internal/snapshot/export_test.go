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
	return decodeParts(parts)
}

// DecodeElements reads a part of network elements.
func DecodeElements(b []byte) ([]*e911.Element, error) { return decodeElements(b, true) }

// AsFormat1 writes s as a base of the format before this one.
func AsFormat1(s *Snapshot, ring *seal.Ring) ([]byte, error) {
	parts, err := encodeParts(s.list())
	if err != nil {
		return nil, err
	}
	for i, p := range parts {
		if name, ok := strings.CutPrefix(p.name, partElements); ok {
			list, err := decodeElements(p.plain, true)
			if err != nil {
				return nil, err
			}
			w := elementWriter{number: map[string]uint64{}, format1: true}
			parts[i] = part{partElements1 + name, w.elements(list[0].Org, list)}
		}
	}
	file, _, err := encodeFile(manifest{Kind: kindBase, Seq: 1, Version: s.Version, At: s.At}, parts, ring)
	if err == nil {
		binary.BigEndian.PutUint32(file[len(magic):], 1)
	}
	return file, err
}

// EncodeElements writes one.
var EncodeElements = encodeElements
