package passkey_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"testing"
)

// soft is an authenticator that does what its fields say, also what none should: ES256,
// format "none", a counter.
type soft struct {
	t       *testing.T
	key     *ecdsa.PrivateKey
	id      []byte
	handle  []byte
	count   uint32
	host    string
	origin  string
	flags   byte
	noOwner bool // leaves the user handle out, as one asked for by id may
	also    func(data map[string]any)
}

// Flags of authenticator data (Web Authentication, section 6.1).
const (
	present  byte = 1 << 0
	verified byte = 1 << 2
	eligible byte = 1 << 3
	attested byte = 1 << 6
)

func newSoft(t *testing.T) *soft {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s := &soft{t: t, key: key, id: make([]byte, 32), host: host, origin: origin, flags: present | verified}
	_, _ = rand.Read(s.id)
	return s
}

var b64 = base64.RawURLEncoding

// question is what both kinds of options have.
type question struct {
	PublicKey struct {
		Challenge string `json:"challenge"`
		User      struct {
			ID   string `json:"id"`
			Name string `json:"name"`
		} `json:"user"`
		Exclude []struct {
			ID string `json:"id"`
		} `json:"excludeCredentials"`
		Allow []struct {
			ID string `json:"id"`
		} `json:"allowCredentials"`
		Attestation string `json:"attestation"`
		Selection   struct {
			ResidentKey      string `json:"residentKey"`
			UserVerification string `json:"userVerification"`
		} `json:"authenticatorSelection"`
		UserVerification string `json:"userVerification"`
		Host             string `json:"rpId"`
	} `json:"publicKey"`
}

func (s *soft) read(options []byte) question {
	s.t.Helper()
	var q question
	if err := json.Unmarshal(options, &q); err != nil {
		s.t.Fatal(err)
	}
	return q
}

func (s *soft) client(kind, challenge string) []byte {
	data := map[string]any{"type": kind, "challenge": challenge, "origin": s.origin, "crossOrigin": false}
	if s.also != nil {
		s.also(data)
	}
	b, err := json.Marshal(data)
	if err != nil {
		s.t.Fatal(err)
	}
	return b
}

func (s *soft) data(flags byte) []byte {
	hash := sha256.Sum256([]byte(s.host))
	return binary.BigEndian.AppendUint32(append(hash[:], flags), s.count)
}

// make answers a question for a new passkey.
func (s *soft) make(options []byte) []byte {
	s.t.Helper()
	q := s.read(options)
	s.handle, _ = b64.DecodeString(q.PublicKey.User.ID)
	raw, err := s.key.PublicKey.Bytes() // 4, x, y
	if err != nil {
		s.t.Fatal(err)
	}
	// COSE: {1: 2, 3: -7, -1: 1, -2: x, -3: y}
	cose := append([]byte{0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20}, raw[1:33]...)
	cose = append(append(cose, 0x22, 0x58, 0x20), raw[33:]...)
	data := append(s.data(s.flags|attested), make([]byte, 16)...)
	data = append(binary.BigEndian.AppendUint16(data, uint16(len(s.id))), s.id...) //nolint:gosec // short
	data = append(data, cose...)
	// CBOR: {"fmt": "none", "attStmt": {}, "authData": data}
	object := append([]byte{0xa3, 0x63}, "fmt"...)
	object = append(append(object, 0x64), "none"...)
	object = append(append(object, 0x67), "attStmt"...)
	object = append(append(object, 0xa0, 0x68), "authData"...)
	object = append(binary.BigEndian.AppendUint16(append(object, 0x59), uint16(len(data))), data...) //nolint:gosec // short
	return s.credential(map[string]any{
		"clientDataJSON": b64.EncodeToString(s.client("webauthn.create", q.PublicKey.Challenge)), "attestationObject": b64.EncodeToString(object),
		"transports": []string{"internal", "hybrid"},
	})
}

// get answers a question for a passkey, and counts.
func (s *soft) get(options []byte) []byte {
	s.t.Helper()
	if s.count > 0 {
		s.count++
	}
	return s.answer(s.read(options).PublicKey.Challenge)
}

func (s *soft) answer(challenge string) []byte {
	s.t.Helper()
	client, data := s.client("webauthn.get", challenge), s.data(s.flags)
	hash := sha256.Sum256(client)
	digest := sha256.Sum256(append(append([]byte{}, data...), hash[:]...))
	sig, err := ecdsa.SignASN1(rand.Reader, s.key, digest[:])
	if err != nil {
		s.t.Fatal(err)
	}
	r := map[string]any{"clientDataJSON": b64.EncodeToString(client), "authenticatorData": b64.EncodeToString(data), "signature": b64.EncodeToString(sig)}
	if !s.noOwner {
		r["userHandle"] = b64.EncodeToString(s.handle)
	}
	return s.credential(r)
}

func (s *soft) credential(response map[string]any) []byte {
	id := b64.EncodeToString(s.id)
	b, err := json.Marshal(map[string]any{
		"id": id, "rawId": id, "type": "public-key", "authenticatorAttachment": "platform", "response": response,
		"clientExtensionResults": map[string]any{"credProps": map[string]any{"rk": true}}, // unasked, as password managers do
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return b
}
