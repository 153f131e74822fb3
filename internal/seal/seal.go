// Package seal keeps secrets and tokens unreadable and unforgeable outside the
// process (D-08, D-09): AES-256-GCM under named keys. It has no clock and no
// files but LoadMaster, which reads or makes the master key file.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// ErrUnknownKey means that the sealing key is not (or no longer) held.
var ErrUnknownKey = errors.New("sealed with a key that is not held")

// ErrForged means that the text was not sealed by us, or was changed.
var ErrForged = errors.New("not sealed by us, or changed since")

// Key is one named 256-bit key.
type Key struct {
	ID     string // letters and digits, travels in the sealed text
	Secret []byte // 32 bytes
}

// Ring seals with its first key and opens with any. Immutable, safe for
// concurrent use. The zero Ring opens nothing.
type Ring struct {
	ids   []string
	aeads map[string]cipher.AEAD
	root  []byte // of Derive, of the first key
}

// NewRing makes a Ring; the first key seals.
func NewRing(keys ...Key) (*Ring, error) {
	r := &Ring{aeads: make(map[string]cipher.AEAD, len(keys))}
	for _, k := range keys {
		if k.ID == "" || strings.Contains(k.ID, ".") {
			return nil, fmt.Errorf("key id %q: letters and digits only", k.ID)
		}
		block, err := aes.NewCipher(k.Secret)
		if err != nil || len(k.Secret) != 32 {
			return nil, fmt.Errorf("key %s: want 32 bytes, have %d", k.ID, len(k.Secret))
		}
		aead, err := cipher.NewGCM(block)
		if err != nil {
			return nil, fmt.Errorf("key %s: %w", k.ID, err)
		}
		if r.root == nil {
			if r.root, err = hkdf.Extract(sha256.New, k.Secret, []byte("callbox seal")); err != nil {
				return nil, fmt.Errorf("key %s: %w", k.ID, err)
			}
		}
		r.ids = append(r.ids, k.ID)
		r.aeads[k.ID] = aead
	}
	return r, nil
}

// Derive returns 32 secret bytes that follow from the first key and a purpose
// (RFC 5869): all who hold the key have the same ones, and they tell nothing of
// it nor of those of another purpose.
func (r *Ring) Derive(purpose string) ([]byte, error) {
	if r == nil || r.root == nil {
		return nil, errors.New("seal: no key held")
	}
	b, err := hkdf.Expand(sha256.New, r.root, purpose, 32)
	if err != nil {
		return nil, fmt.Errorf("derive a key: %w", err)
	}
	return b, nil
}

// Seal returns "keyid.base64url". The purpose is bound to the text: what was
// sealed for one purpose does not open for another.
func (r *Ring) Seal(purpose string, plain []byte) (string, error) {
	out, err := r.AppendSeal(nil, purpose, plain)
	return string(out), err
}

// AppendSeal writes what Seal returns behind dst. It allocates nothing where dst
// has the room and plain is below 400 bytes.
func (r *Ring) AppendSeal(dst []byte, purpose string, plain []byte) ([]byte, error) {
	if r == nil || len(r.ids) == 0 {
		return dst, errors.New("seal: no key held")
	}
	s := scratch.Get().(*sealing)
	defer scratch.Put(s)
	aead := r.aeads[r.ids[0]]
	size := aead.NonceSize()
	if cap(s.box) < size {
		s.box = make([]byte, size, 512)
	}
	nonce := s.box[:size]
	_, _ = rand.Read(nonce) // never fails (crypto/rand, Go 1.24)
	s.purpose = append(s.purpose[:0], purpose...)
	s.box = aead.Seal(nonce, nonce, plain, s.purpose)
	dst = append(append(dst, r.ids[0]...), '.')
	return base64.RawURLEncoding.AppendEncode(dst, s.box), nil
}

// sealing is room to work in.
type sealing struct{ box, purpose []byte }

var scratch = sync.Pool{New: func() any { return new(sealing) }}

// Open returns what was sealed. It fails with ErrUnknownKey or ErrForged.
func (r *Ring) Open(purpose, sealed string) ([]byte, error) {
	id, text, ok := strings.Cut(sealed, ".")
	if !ok {
		return nil, ErrForged
	}
	if r == nil || r.aeads[id] == nil {
		return nil, ErrUnknownKey
	}
	aead := r.aeads[id]
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) < aead.NonceSize() {
		return nil, ErrForged
	}
	plain, err := aead.Open(nil, b[:aead.NonceSize()], b[aead.NonceSize():], []byte(purpose))
	if err != nil {
		return nil, ErrForged
	}
	return plain, nil
}

// NewSecret returns 32 random bytes.
func NewSecret() []byte {
	b := make([]byte, 32)
	_, _ = rand.Read(b)
	return b
}

// LoadMaster reads the master key file, one base64 line, and makes it with
// mode 0600 when it is absent. It refuses a file that others can read.
func LoadMaster(path string) (*Ring, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return nil, fmt.Errorf("make the folder of the master key: %w", err)
		}
		line := base64.StdEncoding.EncodeToString(NewSecret()) + "\n"
		if err := os.WriteFile(path, []byte(line), 0o600); err != nil {
			return nil, fmt.Errorf("write the master key: %w", err)
		}
	} else if err != nil {
		return nil, fmt.Errorf("look for the master key: %w", err)
	} else if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("master key %s can be read by others: run chmod 600 on it", path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the master key: %w", err)
	}
	secret, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(b)))
	if err != nil {
		return nil, fmt.Errorf("master key %s is not one base64 line: %w", path, err)
	}
	return NewRing(Key{ID: "m1", Secret: secret})
}
