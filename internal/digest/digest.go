// Package digest is Digest authentication (RFC 7616, RFC 8760) in both roles,
// for HELD over HTTP and for SIP: a Verifier that keeps next to nothing, and a
// Client that answers challenges.
package digest

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
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/callbox911/callbox/internal/e911"
)

// nonceTTL is how long a nonce may be used, with a higher count each time.
const nonceTTL = 5 * time.Minute

// Verifier makes challenges and checks the answers. A nonce is its own time,
// sealed together with the client's address, so that challenges need no memory;
// what is remembered is which counts of a nonce were used, and only who knows a
// secret makes an entry. Safe for concurrent use.
type Verifier struct {
	realm string
	key   [32]byte

	mu   sync.Mutex
	used map[string]*counts
}

// counts are the nonce counts that were used: the highest, and which of the 64
// below it. Requests on several connections overtake each other.
type counts struct {
	highest uint64
	below   uint64
	until   time.Time
}

// maxNonces bounds the memory. When it is full a client must take a new nonce.
const maxNonces = 65536

// take reports whether this count of a nonce was not used before. A client of
// RFC 2069 gives none and may use a nonce once.
func (d *Verifier) take(nonce, nc string, now time.Time) bool {
	n := uint64(1)
	if nc != "" {
		var err error
		if n, err = strconv.ParseUint(nc, 16, 32); err != nil || n == 0 || len(nc) != 8 {
			return false
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	c := d.used[nonce]
	if c == nil {
		if len(d.used) >= maxNonces {
			for nonce, c := range d.used {
				if now.After(c.until) {
					delete(d.used, nonce)
				}
			}
			if len(d.used) >= maxNonces {
				return false
			}
		}
		c = &counts{until: now.Add(2 * nonceTTL)}
		d.used[nonce] = c
	}
	switch {
	case n > c.highest:
		if gap := n - c.highest; gap >= 64 {
			c.below = 0
		} else {
			c.below <<= gap
		}
		c.highest = n
		c.below |= 1
		return true
	case c.highest-n >= 64 || c.below&(1<<(c.highest-n)) != 0:
		return false
	}
	c.below |= 1 << (c.highest - n)
	return true
}

// NewVerifier makes a Verifier for a realm, which should name nobody. Its nonces
// are no other Verifier's.
func NewVerifier(realm string) *Verifier {
	d := &Verifier{realm: realm, used: map[string]*counts{}}
	_, _ = rand.Read(d.key[:]) // never fails (crypto/rand, Go 1.24)
	return d
}

// A nonce is its time, a random number, and the seal over both and the client's
// address.
const nonceSize = 8 + 8 + 16

func (d *Verifier) nonce(from netip.Addr, at time.Time) string {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, nonceSize), uint64(at.UnixMilli()))
	b = b[:16]
	_, _ = rand.Read(b[8:]) // never fails (crypto/rand, Go 1.24)
	return base64.RawURLEncoding.EncodeToString(append(b, d.mac(b, from)...))
}

func (d *Verifier) mac(b []byte, from netip.Addr) []byte {
	m := hmac.New(sha256.New, d.key[:])
	m.Write(b)
	m.Write(from.AsSlice())
	return m.Sum(nil)[:16]
}

// fresh reports whether the nonce is ours, for that client, and not too old.
func (d *Verifier) fresh(nonce string, from netip.Addr, now time.Time) bool {
	b, err := base64.RawURLEncoding.DecodeString(nonce)
	if err != nil || len(b) != nonceSize || subtle.ConstantTimeCompare(b[16:], d.mac(b[:16], from)) != 1 {
		return false
	}
	age := now.Sub(time.UnixMilli(int64(binary.BigEndian.Uint64(b[:8]))))
	return age >= -nonceTTL && age <= nonceTTL
}

// Challenges lists one header value for each algorithm, the better one first
// (RFC 8760, section 2.4). stale tells a client that its secret may be right and
// only the nonce was not.
func (d *Verifier) Challenges(from netip.Addr, stale bool, now time.Time) []string {
	nonce := d.nonce(from, now)
	again := ""
	if stale {
		again = ", stale=true"
	}
	var out []string
	for _, algorithm := range []string{"SHA-256", "MD5"} {
		out = append(out, `Digest realm="`+d.realm+`", qop="auth", algorithm=`+algorithm+`, nonce="`+nonce+`", charset=UTF-8`+again)
	}
	return out
}

// Request is one request with credentials.
type Request struct {
	Params  map[string]string // of the Authorization header, from Params
	Method  string
	Target  string // what the uri parameter must be; none: anything
	From    netip.Addr
	Now     time.Time
	Secrets []e911.Secret // one of them must be the one that was used
}

// Check reports whether the response was made with one of the secrets; stale
// means that the nonce is too old, not ours, or was used with this count before:
// the client may try once more with a new one.
func (d *Verifier) Check(r Request) (ok, stale bool) {
	p := r.Params
	var h func() hash.Hash
	switch strings.ToUpper(p["algorithm"]) {
	case "SHA-256":
		h = sha256.New
	case "MD5", "":
		h = md5.New
	default:
		return false, false
	}
	if p["realm"] != d.realm || (r.Target != "" && p["uri"] != r.Target) || p["response"] == "" || (p["qop"] != "" && p["qop"] != "auth") {
		return false, false
	}
	if !d.fresh(p["nonce"], r.From, r.Now) {
		return false, true
	}
	sum := func(s string) string {
		w := h()
		w.Write([]byte(s))
		return hex.EncodeToString(w.Sum(nil))
	}
	a2 := sum(r.Method + ":" + p["uri"])
	got := []byte(strings.ToLower(p["response"]))
	found := 0
	for _, secret := range r.Secrets {
		if secret == "" {
			continue
		}
		text := sum(p["username"]+":"+d.realm+":"+string(secret)) + ":" + p["nonce"] + ":"
		if p["qop"] != "" {
			text += p["nc"] + ":" + p["cnonce"] + ":" + p["qop"] + ":"
		}
		found |= subtle.ConstantTimeCompare(got, []byte(sum(text+a2)))
	}
	if found == 1 && !d.take(p["nonce"], p["nc"], r.Now) {
		return false, true // replayed
	}
	return found == 1, false
}

// Params reads name=value and name="value" pairs, at most 16; of a name that
// comes twice the first counts. Names are in lower case.
func Params(s string) map[string]string {
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
