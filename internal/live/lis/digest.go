package lis

import (
	"crypto/hmac"
	"crypto/md5" // RFC 7616 keeps it for old clients; phones have nothing better
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"net/netip"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
)

// realm of HTTP authentication; one for all, so that it names nobody.
const realm = "callbox HELD"

// nonceTTL is how long a nonce may be used, also again: a request changes
// nothing that repeating it would not.
const nonceTTL = 5 * time.Minute

// digest makes and checks HTTP Digest authentication (RFC 7616) without a
// table: a nonce is its own time, sealed together with the client's address.
type digest struct{ key [32]byte }

func newDigest() *digest {
	d := &digest{}
	_, _ = rand.Read(d.key[:]) // never fails (crypto/rand, Go 1.24)
	return d
}

func (d *digest) nonce(from netip.Addr, at time.Time) string {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, 24), uint64(at.UnixMilli()))
	return base64.RawURLEncoding.EncodeToString(append(b, d.mac(b, from)...))
}

func (d *digest) mac(b []byte, from netip.Addr) []byte {
	m := hmac.New(sha256.New, d.key[:])
	m.Write(b)
	m.Write(from.AsSlice())
	return m.Sum(nil)[:16]
}

// fresh reports whether the nonce is ours, for that client, and not too old.
func (d *digest) fresh(nonce string, from netip.Addr, now time.Time) bool {
	b, err := base64.RawURLEncoding.DecodeString(nonce)
	if err != nil || len(b) != 24 || subtle.ConstantTimeCompare(b[8:], d.mac(b[:8], from)) != 1 {
		return false
	}
	age := now.Sub(time.UnixMilli(int64(binary.BigEndian.Uint64(b))))
	return age >= -nonceTTL && age <= nonceTTL
}

// challenges lists one header for each algorithm, the better one first.
func (d *digest) challenges(from netip.Addr, stale bool, now time.Time) []string {
	nonce := d.nonce(from, now)
	again := ""
	if stale {
		again = ", stale=true"
	}
	var out []string
	for _, algorithm := range []string{"SHA-256", "MD5"} {
		out = append(out, `Digest realm="`+realm+`", qop="auth", algorithm=`+algorithm+`, nonce="`+nonce+`", charset=UTF-8`+again)
	}
	return out
}

type digestRequest struct {
	params         map[string]string
	method, target string
	from           netip.Addr
	now            time.Time
	secrets        []e911.Secret
}

// check reports whether the response was made with one of the secrets; stale
// means that it could not be told because the nonce is too old or not ours.
func (d *digest) check(r digestRequest) (ok, stale bool) {
	p := r.params
	var h func() hash.Hash
	switch strings.ToUpper(p["algorithm"]) {
	case "SHA-256":
		h = sha256.New
	case "MD5", "":
		h = md5.New
	default:
		return false, false
	}
	if p["realm"] != realm || p["uri"] != r.target || p["response"] == "" || (p["qop"] != "" && p["qop"] != "auth") {
		return false, false
	}
	if !d.fresh(p["nonce"], r.from, r.now) {
		return false, true
	}
	sum := func(s string) string {
		w := h()
		w.Write([]byte(s))
		return hex.EncodeToString(w.Sum(nil))
	}
	a2 := sum(r.method + ":" + p["uri"])
	got := []byte(strings.ToLower(p["response"]))
	found := 0
	for _, secret := range r.secrets {
		if secret == "" {
			continue
		}
		text := sum(p["username"]+":"+realm+":"+string(secret)) + ":" + p["nonce"] + ":"
		if p["qop"] != "" {
			text += p["nc"] + ":" + p["cnonce"] + ":" + p["qop"] + ":"
		}
		found |= subtle.ConstantTimeCompare(got, []byte(sum(text+a2)))
	}
	return found == 1, false
}

// digestParams reads name=value and name="value" pairs, at most 16.
func digestParams(s string) map[string]string {
	out := map[string]string{}
	for range 16 {
		s = strings.TrimLeft(s, " \t,")
		name, rest, ok := strings.Cut(s, "=")
		if !ok {
			break
		}
		name = strings.ToLower(strings.TrimSpace(name))
		rest = strings.TrimLeft(rest, " \t")
		var value strings.Builder
		i := 0
		if strings.HasPrefix(rest, `"`) {
			for i = 1; i < len(rest) && rest[i] != '"'; i++ {
				if rest[i] == '\\' && i+1 < len(rest) {
					i++
				}
				value.WriteByte(rest[i])
			}
			i = min(i+1, len(rest))
		} else {
			for ; i < len(rest) && rest[i] != ',' && rest[i] != ' '; i++ {
				value.WriteByte(rest[i])
			}
		}
		if _, twice := out[name]; !twice {
			out[name] = value.String()
		}
		s = rest[i:]
	}
	return out
}
