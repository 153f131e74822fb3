package signon

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/nbutton23/zxcvbn-go"
	"golang.org/x/crypto/argon2"

	"github.com/callbox911/callbox/internal/e911"
)

// A password is hashed by Argon2id (RFC 9106) with 19 MiB, two passes and one lane,
// the parameters for machines that have other work (OWASP). Its own parameters stand
// in each hash, so that they can be raised later.
const (
	argonMemory = 19 << 10 // KiB
	argonTime   = 2
	argonLanes  = 1
	argonSalt   = 16
	argonKey    = 32
	// maxArgon bounds what a stored hash may ask for.
	maxArgonMemory = 256 << 10
	maxArgonTime   = 16
)

// minPassword and maxPassword bound a password in octets; longer ones are refused
// rather than cut, so that hashing costs the same for all.
const (
	minPassword = 10
	maxPassword = 256
	minScore    = 3 // of zxcvbn: 0 to 4
)

// hasher hashes one password at a time: sign-ins wait for each other, and never
// take more than one core and 19 MiB from calls.
type hasher struct {
	turn   chan struct{}
	derive func(password, salt []byte, passes, memory uint32, lanes uint8, length uint32) []byte
}

func newHasher(cfg Config) hasher {
	h := hasher{turn: make(chan struct{}, 1), derive: cfg.Derive}
	if h.derive == nil {
		h.derive = argon2.IDKey
	}
	return h
}

func (h hasher) do(ctx context.Context, work func()) error {
	select {
	case h.turn <- struct{}{}:
	case <-ctx.Done():
		return e911.Errorf(e911.Unavailable, "too many are signing in now; try again in a moment")
	}
	defer func() { <-h.turn }()
	work()
	return nil
}

// hash returns the password's hash in the usual text form.
func (h hasher) hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, argonSalt)
	if _, err := rand.Read(salt); err != nil {
		return "", fmt.Errorf("make salt: %w", err)
	}
	var key []byte
	err := h.do(ctx, func() { key = h.derive([]byte(password), salt, argonTime, argonMemory, argonLanes, argonKey) })
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonTime, argonLanes, b64.EncodeToString(salt), b64.EncodeToString(key)), err
}

// stored is a hash as it was written.
type stored struct {
	memory, passes uint32
	lanes          uint8
	salt, key      []byte
}

// parse reads a hash; a text that is none, or that asks for too much, is refused.
func parse(text string) (stored, bool) {
	var s stored
	var version int
	parts := strings.Split(text, "$")
	if len(parts) != 6 || parts[1] != "argon2id" {
		return s, false
	}
	if _, err := fmt.Sscanf(parts[2]+" "+parts[3], "v=%d m=%d,t=%d,p=%d", &version, &s.memory, &s.passes, &s.lanes); err != nil ||
		version != argon2.Version || s.memory > maxArgonMemory || s.passes < 1 || s.passes > maxArgonTime || s.lanes < 1 {
		return s, false
	}
	var err1, err2 error
	s.salt, err1 = base64.RawStdEncoding.DecodeString(parts[4])
	s.key, err2 = base64.RawStdEncoding.DecodeString(parts[5])
	return s, err1 == nil && err2 == nil && len(s.key) >= 16 && len(s.key) <= 64
}

// matches compares in constant time. A stored text that is no hash matches nothing.
func (h hasher) matches(ctx context.Context, password, text string) (bool, error) {
	s, ok := parse(text)
	if !ok {
		return false, nil
	}
	var same bool
	err := h.do(ctx, func() {
		got := h.derive([]byte(password), s.salt, s.passes, s.memory, s.lanes, uint32(len(s.key))) //nolint:gosec // at most 64
		same = subtle.ConstantTimeCompare(got, s.key) == 1
	})
	return same, err
}

// nobody is what a password is compared with when the address is not known, so that
// the answer takes as long (no user enumeration).
const nobody = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// PasswordFaults says what is wrong with a new password. About is what it must not
// be made of: the address and name of its owner.
func PasswordFaults(password string, about ...string) []e911.Fault {
	fault := func(code, msg, fix string) []e911.Fault {
		return []e911.Fault{{Path: "password", Code: code, Msg: msg, Fix: fix}}
	}
	switch {
	case len(password) < minPassword:
		return fault("short", fmt.Sprintf("the password has fewer than %d characters", minPassword), "a few words that do not belong together are long and easy to remember")
	case len(password) > maxPassword:
		return fault("long", fmt.Sprintf("the password has more than %d octets", maxPassword), "take a shorter one")
	}
	for _, a := range about {
		if local, _, _ := strings.Cut(strings.ToLower(a), "@"); len(local) > 3 && strings.Contains(strings.ToLower(password), local) {
			return fault("own", "the password has your name or address in it", "take one that nobody who knows you would try")
		}
	}
	if zxcvbn.PasswordStrength(password, about).Score < minScore {
		return fault("weak", "this password would be guessed", "add another word or two; capitals and digits help little")
	}
	return nil
}
