package lis

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"sync/atomic"
)

// aliases makes pseudonyms: random UUIDs (RFC 9562, section 5.4), of which
// nobody without the key can tell which follows on which. They are a counter
// under AES, because one is needed for each answer and the system's random
// numbers cost more than all else of it. Safe for concurrent use.
type aliases struct {
	block cipher.Block
	next  atomic.Uint64
	start uint64
}

func newAliases() *aliases {
	var key [32]byte
	_, _ = rand.Read(key[:]) // never fails (crypto/rand, Go 1.24)
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err) // a key of 32 octets is a key
	}
	return &aliases{block: block, start: binary.BigEndian.Uint64(key[:8])}
}

func (a *aliases) appendTo(dst []byte) []byte {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], a.start)
	binary.BigEndian.PutUint64(b[8:], a.next.Add(1))
	a.block.Encrypt(b[:], b[:])
	const digits = "0123456789abcdef"
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	for i, o := range b {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			dst = append(dst, '-')
		}
		dst = append(dst, digits[o>>4], digits[o&15])
	}
	return dst
}
