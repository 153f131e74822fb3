package snapshot

import "github.com/callbox911/callbox/internal/seal"

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
var DecodeElements = decodeElements

// EncodeElements writes one.
var EncodeElements = encodeElements
