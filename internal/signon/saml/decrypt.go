package saml

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rsa"
	_ "crypto/sha1" //nolint:gosec // the hash inside OAEP; its collisions are no matter there
	"encoding/base64"
	"errors"
	"strings"

	"github.com/beevik/etree"
)

// errSealed is the one answer to everything that can go wrong while decrypting, so
// that nobody learns from the answers what is in there.
var errSealed = denied("the encrypted assertion cannot be opened with our key; give the identity provider our metadata again, or switch encryption off there. RSA-OAEP with AES-GCM or AES-CBC is understood")

var errCipher = errors.New("not decrypted")

// The ciphers (xmlenc-core1, sections 5.2 and 5.5.2) by length of key; true: GCM.
var ciphers = map[string]struct {
	key int
	gcm bool
}{
	"http://www.w3.org/2001/04/xmlenc#aes128-cbc": {16, false},
	"http://www.w3.org/2001/04/xmlenc#aes256-cbc": {32, false},
	"http://www.w3.org/2009/xmlenc11#aes128-gcm":  {16, true},
	"http://www.w3.org/2009/xmlenc11#aes256-gcm":  {32, true},
	"http://www.w3.org/2001/04/xmlenc#aes192-cbc": {24, false},
	"http://www.w3.org/2009/xmlenc11#aes192-gcm":  {24, true},
}

// The hashes of OAEP and of its mask (section 5.5.2).
var (
	oaepDigests = map[string]crypto.Hash{
		"": crypto.SHA1, nsSignature + "sha1": crypto.SHA1, nsEncrypted + "sha256": crypto.SHA256, nsEncrypted + "sha512": crypto.SHA512,
	}
	oaepMasks = map[string]crypto.Hash{
		"": crypto.SHA1,
		"http://www.w3.org/2009/xmlenc11#mgf1sha1":   crypto.SHA1,
		"http://www.w3.org/2009/xmlenc11#mgf1sha256": crypto.SHA256,
		"http://www.w3.org/2009/xmlenc11#mgf1sha512": crypto.SHA512,
	}
)

// open decrypts an EncryptedAssertion and reads the assertion in it. PKCS #1 1.5 is
// not understood: whoever may ask often reads it without the key (Bleichenbacher).
func open(sealed *etree.Element, key *rsa.PrivateKey) (*etree.Element, error) {
	data := one(sealed, nsEncrypted, "EncryptedData")
	if data == nil || key == nil {
		return nil, errSealed
	}
	wrapped := one(sealed, nsEncrypted, "EncryptedKey") // beside the data, or in it
	if info := one(data, nsSignature, "KeyInfo"); info != nil && wrapped == nil {
		wrapped = one(info, nsEncrypted, "EncryptedKey")
	}
	if wrapped == nil {
		return nil, errSealed
	}
	secret, err := unwrap(wrapped, key)
	if err != nil {
		return nil, errSealed
	}
	octets, err := decipher(data, secret)
	if err != nil {
		return nil, errSealed
	}
	el, err := read(octets, ofResponse)
	if err != nil || !is(el, nsAssertion, "Assertion") {
		return nil, errSealed
	}
	return el, shape(el)
}

func unwrap(wrapped *etree.Element, key *rsa.PrivateKey) ([]byte, error) {
	method := one(wrapped, nsEncrypted, "EncryptionMethod")
	if method == nil {
		return nil, errCipher
	}
	digest, mask := "", ""
	if d := one(method, nsSignature, "DigestMethod"); d != nil {
		digest = attr(d, "Algorithm")
	}
	switch attr(method, "Algorithm") {
	case nsEncrypted + "rsa-oaep-mgf1p": // its mask is of SHA-1 always
	case "http://www.w3.org/2009/xmlenc11#rsa-oaep":
		if m := one(method, "http://www.w3.org/2009/xmlenc11#", "MGF"); m != nil {
			mask = attr(m, "Algorithm")
		}
	default:
		return nil, errCipher
	}
	h, m := oaepDigests[digest], oaepMasks[mask]
	octets, err := cipherValue(wrapped)
	if err != nil || h == 0 || m == 0 {
		return nil, errCipher
	}
	return key.Decrypt(nil, octets, &rsa.OAEPOptions{Hash: h, MGFHash: m})
}

func decipher(data *etree.Element, secret []byte) ([]byte, error) {
	method := one(data, nsEncrypted, "EncryptionMethod")
	octets, err := cipherValue(data)
	if err != nil || method == nil {
		return nil, errCipher
	}
	by, ok := ciphers[attr(method, "Algorithm")]
	if !ok || len(secret) != by.key {
		return nil, errCipher
	}
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, errCipher
	}
	if by.gcm {
		aead, err := cipher.NewGCM(block)
		if err != nil || len(octets) < aead.NonceSize() {
			return nil, errCipher
		}
		return aead.Open(nil, octets[:aead.NonceSize()], octets[aead.NonceSize():], nil)
	}
	size := block.BlockSize()
	if len(octets) < 2*size || len(octets)%size != 0 {
		return nil, errCipher
	}
	out := make([]byte, len(octets)-size)
	cipher.NewCBCDecrypter(block, octets[:size]).CryptBlocks(out, octets[size:])
	pad := int(out[len(out)-1])
	if pad < 1 || pad > size {
		return nil, errCipher
	}
	return out[:len(out)-pad], nil
}

func cipherValue(el *etree.Element) ([]byte, error) {
	if el = one(el, nsEncrypted, "CipherData"); el == nil {
		return nil, errCipher
	}
	s, ok := text(one(el, nsEncrypted, "CipherValue"))
	if !ok {
		return nil, errCipher
	}
	return base64.StdEncoding.DecodeString(strings.Join(strings.Fields(s), "")) //nolint:wrapcheck // nobody is told
}
