package ldap_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"
)

// Operations of LDAP messages (RFC 4511, section 4.2 on).
const (
	bindRequest     = 0x60
	searchRequest   = 0x63
	extendedRequest = 0x77
)

// tlv is a value with its length in four octets, as Active Directory writes it.
func tlv(tag byte, parts ...[]byte) []byte {
	body := bytes.Join(parts, nil)
	n := len(body)
	return append([]byte{tag, 0x84, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}, body...)
}

func text(s string) []byte { return tlv(4, []byte(s)) }
func number(n int) []byte  { return tlv(2, []byte{byte(n >> 8), byte(n)}) }
func result(code int) []byte {
	return bytes.Join([][]byte{tlv(10, []byte{byte(code)}), text(""), text("as the server says")}, nil)
}
func bound(id, c int) []byte { return tlv(0x30, number(id), tlv(0x61, result(c))) }
func refer(id int) []byte {
	return tlv(0x30, number(id), tlv(0x73, text("ldap://192.0.2.1/dc=elsewhere")))
}
func extended(id, c int) []byte { return tlv(0x30, number(id), tlv(0x78, result(c))) }

// notice is the Notice of Disconnection (RFC 4511, section 4.4.1).
func notice() []byte {
	return tlv(0x30, number(0), tlv(0x78, result(52), tlv(0x8a, []byte("1.3.6.1.4.1.1466.20036"))))
}

// done ends a page; with an empty cookie it was the last.
func done(id, code int, cookie string) []byte {
	control := tlv(0x30, text("1.2.840.113556.1.4.319"), tlv(4, tlv(0x30, number(0), text(cookie))))
	return tlv(0x30, number(id), tlv(0x65, result(code)), tlv(0xa0, control))
}

// entry has attributes as name, value; a name again is another value of it.
func entry(id int, dn string, attributes ...string) []byte {
	var all [][]byte
	for i := 0; i < len(attributes); i += 2 {
		values := [][]byte{text(attributes[i+1])}
		for i+2 < len(attributes) && attributes[i+2] == attributes[i] {
			i += 2
			values = append(values, text(attributes[i+1]))
		}
		all = append(all, tlv(0x30, text(attributes[i]), tlv(0x31, values...)))
	}
	return tlv(0x30, number(id), tlv(0x64, text(dn), tlv(0x30, all...)))
}

// question is one message of a client, and how often its operation was asked before.
type question struct {
	id, nth int
	op      byte
	body    []byte
}

// reply is what is written; last: then the connection is closed.
type reply struct {
	say    []byte
	last   bool
	secure *tls.Config // from here on
	silent bool        // from here on: nothing is said, whatever comes
}

func say(parts ...[]byte) reply    { return reply{say: bytes.Join(parts, nil)} }
func hangUp(parts ...[]byte) reply { return reply{say: bytes.Join(parts, nil), last: true} }

// ask reads a message. Clients write lengths in one octet or in up to four.
func ask(c io.Reader) (q question, ok bool) {
	head := make([]byte, 2)
	if _, err := io.ReadFull(c, head); err != nil {
		return q, false
	}
	n := int(head[1])
	if n > 0x7f {
		long := make([]byte, n&0x7f)
		if _, err := io.ReadFull(c, long); err != nil {
			return q, false
		}
		n = 0
		for _, b := range long {
			n = n<<8 | int(b)
		}
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(c, body); err != nil || n < 5 {
		return q, false
	}
	for _, b := range body[2 : 2+body[1]] {
		q.id = q.id<<8 | int(b)
	}
	q.op, q.body = body[2+body[1]], body
	return q, true
}

// fake is an LDAP server that says what the test wants, and its address. Binds that do
// is not asked about succeed; without do it says nothing.
func fake(t *testing.T, secure *tls.Config, do func(question) reply) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	var mu sync.Mutex
	open := map[net.Conn]bool{}
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for c := range open {
			c.Close()
		}
		mu.Unlock()
		wait.Wait()
	})
	wait.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open[c] = true
			mu.Unlock()
			wait.Go(func() {
				defer c.Close()
				talk(c, secure, do)
			})
		}
	})
	return l.Addr().String()
}

func talk(c net.Conn, secure *tls.Config, do func(question) reply) {
	if secure != nil {
		c = tls.Server(c, secure)
	}
	if do == nil {
		io.Copy(io.Discard, c)
		return
	}
	asked := map[byte]int{}
	for {
		q, ok := ask(c)
		if !ok {
			return
		}
		q.nth = asked[q.op]
		asked[q.op]++
		r := do(q)
		if _, err := c.Write(r.say); err != nil || r.last {
			return
		}
		if r.silent {
			io.Copy(io.Discard, c)
			return
		}
		if r.secure != nil {
			c = tls.Server(c, r.secure)
		}
	}
}

// polite lets everybody in and asks do about searches.
func polite(do func(question) reply) func(question) reply {
	return func(q question) reply {
		switch q.op {
		case bindRequest:
			return say(bound(q.id, 0))
		case searchRequest:
			return do(q)
		case extendedRequest:
			return say(extended(q.id, 2))
		}
		return reply{}
	}
}

// authority signs certificates; its own is PEM for Tree.CA.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t}
	var err error
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, form, form, a.key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.pem = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return a
}

// server is a certificate of 127.0.0.1, changed.
func (a *authority) server(change func(*x509.Certificate)) *tls.Config {
	a.t.Helper()
	form := &x509.Certificate{
		SerialNumber: big.NewInt(2), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if change != nil {
		change(form)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, form, a.cert, key.Public(), a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}
}
