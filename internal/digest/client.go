package digest

import (
	"crypto/md5" // RFC 8760 keeps it for old servers
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strings"
	"sync"

	"github.com/callbox911/callbox/internal/e911"
)

// Client answers the challenges of one server with one user's credentials. It
// counts how often it used the server's nonce. Safe for concurrent use.
type Client struct {
	user   string
	realm  string // none: whatever realm the server names
	secret e911.Secret

	mu    sync.Mutex
	nonce string
	count uint32
}

// NewClient makes a Client. With a realm it answers no other: a server that was
// taken over must not get an answer that is good elsewhere.
func NewClient(user, realm string, secret e911.Secret) *Client {
	return &Client{user: user, realm: realm, secret: secret}
}

// Question is what was challenged.
type Question struct {
	Challenges  []string // values of WWW-Authenticate or Proxy-Authenticate
	Method, URI string
	Body        []byte // for qop auth-int
}

// ErrNoChallenge says that none of the challenges is one that can be answered.
var ErrNoChallenge = errors.New("no digest challenge that can be answered")

// Answer returns the value of the Authorization or Proxy-Authorization field for
// the best challenge: SHA-256 before MD5, in the order of the server among
// equals (RFC 8760, section 2.4).
func (c *Client) Answer(q Question) (string, error) {
	p, best := map[string]string(nil), 0
	for _, line := range q.Challenges {
		scheme, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if !strings.EqualFold(scheme, "Digest") {
			continue
		}
		got := Params(rest)
		if got["nonce"] == "" || (c.realm != "" && got["realm"] != c.realm) || (got["qop"] != "" && qopOf(got["qop"]) == "") {
			continue
		}
		if rank := rankOf(got["algorithm"]); rank > best {
			p, best = got, rank
		}
	}
	if p == nil {
		return "", ErrNoChallenge
	}
	for _, v := range []string{p["realm"], p["nonce"], p["opaque"], c.user, q.URI} {
		if strings.ContainsAny(v, "\r\n\x00\\\"") {
			return "", fmt.Errorf("%w: it holds quotes or line ends", ErrNoChallenge)
		}
	}
	return c.write(p, q), nil
}

// rankOf orders the algorithms; zero for those that we do not have.
func rankOf(algorithm string) int {
	switch strings.ToUpper(algorithm) {
	case "SHA-256", "SHA-256-SESS":
		return 2
	case "MD5", "MD5-SESS", "":
		return 1
	}
	return 0
}

// qopOf picks auth, or auth-int where that is all there is.
func qopOf(offered string) string {
	found := ""
	for _, o := range strings.Split(offered, ",") {
		switch strings.ToLower(strings.TrimSpace(o)) {
		case "auth":
			return "auth"
		case "auth-int":
			found = "auth-int"
		}
	}
	return found
}

func (c *Client) write(p map[string]string, q Question) string {
	h := md5.New
	if rankOf(p["algorithm"]) == 2 {
		h = sha256.New
	}
	cnonce, nc, qop := newCnonce(), c.next(p["nonce"]), qopOf(p["qop"])
	a1 := sumOf(h, c.user+":"+p["realm"]+":"+string(c.secret))
	if strings.HasSuffix(strings.ToUpper(p["algorithm"]), "-SESS") {
		a1 = sumOf(h, a1+":"+p["nonce"]+":"+cnonce)
	}
	a2 := q.Method + ":" + q.URI
	if qop == "auth-int" {
		a2 += ":" + sumOf(h, string(q.Body))
	}
	text := a1 + ":" + p["nonce"] + ":"
	if qop != "" {
		text += nc + ":" + cnonce + ":" + qop + ":"
	}
	var b strings.Builder
	quoted := func(name, value string) { fmt.Fprintf(&b, `, %s="%s"`, name, value) }
	fmt.Fprintf(&b, `Digest username="%s"`, c.user)
	quoted("realm", p["realm"])
	quoted("nonce", p["nonce"])
	quoted("uri", q.URI)
	quoted("response", sumOf(h, text+sumOf(h, a2)))
	if a := p["algorithm"]; a != "" {
		b.WriteString(", algorithm=" + a)
	}
	if qop != "" {
		quoted("cnonce", cnonce)
		b.WriteString(", qop=" + qop + ", nc=" + nc)
	}
	if p["opaque"] != "" {
		quoted("opaque", p["opaque"])
	}
	return b.String()
}

// next counts the uses of a nonce.
func (c *Client) next(nonce string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if nonce != c.nonce {
		c.nonce, c.count = nonce, 0
	}
	c.count++
	return fmt.Sprintf("%08x", c.count)
}

func newCnonce() string {
	b := make([]byte, 12)
	_, _ = rand.Read(b) // never fails (crypto/rand, Go 1.24)
	return hex.EncodeToString(b)
}

func sumOf(h func() hash.Hash, s string) string {
	w := h()
	w.Write([]byte(s))
	return hex.EncodeToString(w.Sum(nil))
}
