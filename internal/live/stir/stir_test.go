package stir

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var at = time.Date(2026, 3, 9, 12, 0, 0, 0, time.UTC)

// authority vouches for signers.
type authority struct {
	t    *testing.T
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, key: newKey(t)}
	a.cert = a.make(&x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true,
	}, a.key)
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (a *authority) make(c *x509.Certificate, of *ecdsa.PrivateKey) *x509.Certificate {
	a.t.Helper()
	if c.NotAfter.IsZero() {
		c.NotBefore, c.NotAfter = at.Add(-time.Hour), at.Add(time.Hour)
	}
	parent := a.cert
	if parent == nil {
		parent = c
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &of.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return made
}

func (a *authority) roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

const x5u = "https://cr.example.net/callbox.pem"

func newSigner(t *testing.T, key *ecdsa.PrivateKey, authority bool) *Signer {
	t.Helper()
	s, err := NewSigner(SignerConfig{Key: func() *ecdsa.PrivateKey { return key }, X5U: x5u, Authority: authority})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func sign(t *testing.T, s *Signer, st Statement) []string {
	t.Helper()
	values, err := s.Sign(st)
	if err != nil {
		t.Fatal(err)
	}
	return values
}

var call = Statement{Orig: "+16175550111", Dest: "911", Attest: AttestFull, OrigID: "01890a5d-ac96-774b-bcce-b302099a8057", Now: at}

// What is signed is written as the standards have it, to the byte.
//
// Proves: F-25, RFC 8225 section 9, RFC 8588 section 3, RFC 8224 section 4
func TestACallIsSignedInTheFormOfShaken(t *testing.T) {
	values := sign(t, newSigner(t, newKey(t), false), call)
	if len(values) != 1 {
		t.Fatalf("%d Identity headers, want shaken alone", len(values))
	}
	compact, params, _ := strings.Cut(values[0], ";")
	if params != "info=<"+x5u+">;alg=ES256;ppt=shaken" {
		t.Errorf("parameters %q", params)
	}
	parts := strings.Split(compact, ".")
	want := []string{
		`{"alg":"ES256","ppt":"shaken","typ":"passport","x5u":"https://cr.example.net/callbox.pem"}`,
		`{"attest":"A","dest":{"tn":["911"]},"iat":1773057600,"orig":{"tn":"16175550111"},"origid":"01890a5d-ac96-774b-bcce-b302099a8057"}`,
	}
	for i, w := range want {
		b, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil || string(b) != w {
			t.Errorf("part %d: %s, want %s (%v)", i, b, w, err)
		}
	}
}

// Proves: F-25, RFC 9027 section 3
func TestPriorityIsVouchedForOnlyWithAuthority(t *testing.T) {
	st := call
	st.URN, st.Auth = "urn:service:sos", "esnet.1"
	if got := sign(t, newSigner(t, newKey(t), false), st); len(got) != 1 {
		t.Errorf("without authority: %d Identity headers", len(got))
	}
	got := sign(t, newSigner(t, newKey(t), true), st)
	if len(got) != 2 {
		t.Fatalf("with authority: %d Identity headers", len(got))
	}
	token, err := Parse(got[1])
	if err != nil {
		t.Fatal(err)
	}
	token.jws = nil
	want := &Token{PPT: RPH, X5U: x5u, Orig: Party{TN: "16175550111"}, Dest: []Party{{URI: "urn:service:sos"}}, IssuedAt: at, Auth: []string{"esnet.1"}}
	if diff := cmp.Diff(want, token, cmp.AllowUnexported(Token{})); diff != "" {
		t.Errorf("(- want):\n%s", diff)
	}
}

// Proves: F-25, RFC 8224 section 6.2, RFC 9027 section 6
func TestWhatASignatureIsWorth(t *testing.T) {
	a := newAuthority(t)
	key := newKey(t)
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "signer"}}
	good := Check{Chain: []*x509.Certificate{a.make(leaf, key)}, Roots: a.roots(), Now: at, Orig: "+16175550111", Dest: "911", URN: "urn:service:sos"}
	value := sign(t, newSigner(t, key, false), call)[0]
	stranger := newAuthority(t)
	for _, c := range []struct {
		name   string
		change func(*Check)
		want   error
	}{
		{"one that holds", func(*Check) {}, nil},
		{"a number written with spaces", func(c *Check) { c.Orig = "1 617 555-0111" }, nil},
		{"55 s old", func(c *Check) { c.Now = at.Add(55 * time.Second) }, nil},
		{"61 s old", func(c *Check) { c.Now = at.Add(61 * time.Second) }, ErrStale},
		{"of the future", func(c *Check) { c.Now = at.Add(-2 * time.Minute) }, ErrStale},
		{"another caller", func(c *Check) { c.Orig = "+16175550112" }, ErrParties},
		{"another number called", func(c *Check) { c.Dest = "933" }, ErrParties},
		{"certificate not fetched yet", func(c *Check) { c.Chain = nil }, ErrNotAtHand},
		{"an authority that nobody trusts", func(c *Check) { c.Roots = stranger.roots() }, ErrTrust},
		{"another signer's certificate", func(c *Check) { c.Chain = []*x509.Certificate{a.make(leaf, newKey(t))} }, ErrSignature},
		{"a certificate that has expired", func(c *Check) {
			old := *leaf
			old.NotBefore, old.NotAfter = at.Add(-2*time.Hour), at.Add(-time.Hour)
			c.Chain = []*x509.Certificate{a.make(&old, key)}
		}, ErrTrust},
	} {
		t.Run(c.name, func(t *testing.T) {
			token, err := Parse(value)
			if err != nil {
				t.Fatal(err)
			}
			check := good
			c.change(&check)
			if got := token.Verify(check); !errors.Is(got, c.want) || c.want == nil && got != nil {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}

// Proves: F-25, RFC 8224 section 4
func TestWhatIsNoPASSporTIsRefusedWithAReason(t *testing.T) {
	value := sign(t, newSigner(t, newKey(t), false), call)[0]
	compact, _, _ := strings.Cut(value, ";")
	for name, v := range map[string]string{
		"empty": "", "no token": "hello;info=<https://x/y>", "compact form": "..c2ln;info=<https://x/y>",
		"unsigned":            "eyJhbGciOiJub25lIiwidHlwIjoicGFzc3BvcnQifQ.e30.;info=<https://x/y>",
		"another certificate": compact + ";info=<https://elsewhere.example/x.pem>",
		"another extension":   compact + ";ppt=rph",
		"another algorithm":   compact + ";alg=RS256",
		"too long":            strings.Repeat("a", maxIdentity+1),
	} {
		if _, err := Parse(v); !errors.Is(err, ErrIdentity) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The example of RFC 8225, section 7.1, is signed with the key of appendix A.2.
// (That of appendix A itself is signed with neither key of the text.)
//
// Proves: RFC 8225 section 7.1
func TestTheExampleOfRFC8225(t *testing.T) {
	shared := os.Getenv("CALLBOX_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "..", "..", "shared")
	}
	b, err := os.ReadFile(filepath.Join(shared, "schemas", "rfc", "rfc8225.txt"))
	if err != nil {
		t.Skip("the text of RFC 8225 is not here: ", err)
	}
	text := strings.ReplaceAll(string(b), "\n   ", "\n")
	block, _ := pem.Decode([]byte(text[strings.LastIndex(text, "-----BEGIN PUBLIC KEY"):]))
	if block == nil {
		t.Fatal("no public key in the text")
	}
	pub, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(text, "The compact form of the following example token")
	example = example[strings.Index(example, "eyJ"):]
	example, _, _ = strings.Cut(example, "\n\n")
	token, err := Parse(strings.Join(strings.Fields(example), ""))
	if err != nil {
		t.Fatal(err)
	}
	if token.Orig.TN != "12155551212" || len(token.Dest) != 1 || token.Dest[0].URI != "sip:alice@example.com" || token.IssuedAt.Unix() != 1443208345 {
		t.Errorf("read as %+v", token)
	}
	if _, err := token.jws.Verify(pub); err != nil {
		t.Error("its signature does not hold:", err)
	}
}

// Certificates come beside the calls: the first is unchecked, the next is
// checked; nobody is asked but named hosts.
//
// Proves: E3, F-25
func TestCertificatesAreFetchedBesideTheCall(t *testing.T) {
	a := newAuthority(t)
	key := newKey(t)
	leaf := a.make(&x509.Certificate{SerialNumber: big.NewInt(2)}, key)
	asked := make(chan string, 8)
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL.Path
		_ = pem.Encode(w, &pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw})
	}))
	defer srv.Close()
	u, _ := url.Parse(srv.URL)
	c, err := NewCertificates(CertificatesConfig{Hosts: []string{u.Host}, Roots: a.roots(), HTTP: srv.Client(), Now: func() time.Time { return at }})
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewSigner(SignerConfig{Key: func() *ecdsa.PrivateKey { return key }, X5U: srv.URL + "/c.pem"})
	if err != nil {
		t.Fatal(err)
	}
	value := sign(t, s, call)
	check := func() Verdict { return c.Check(value, "16175550111", "911", "", at)[0] }
	if v := check(); !v.Unchecked() {
		t.Fatalf("before the certificate is here: %v", v.Err)
	}
	for _, other := range []string{"http://" + u.Host + "/c.pem", "https://169.254.169.254/latest", "https://user@" + u.Host + "/c.pem"} {
		c.Chain(other)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = c.Run(ctx) }()
	if got := <-asked; got != "/c.pem" {
		t.Errorf("asked for %s", got)
	}
	for len(c.Chain(srv.URL+"/c.pem")) == 0 {
		if t.Context().Err() != nil {
			t.Fatal("the certificate never came")
		}
	}
	if v := check(); v.Err != nil {
		t.Errorf("with the certificate: %v", v.Err)
	}
	cancel()
	<-done
	if len(asked) != 0 || len(c.chains) != 1 {
		t.Errorf("others were asked too: %d, %d kept", len(asked), len(c.chains))
	}
}

// Proves: F-11, RFC 9027 section 5
func TestAPSAPsCallBackProvesItself(t *testing.T) {
	for _, c := range []struct {
		v    Verdict
		want bool
	}{
		{Verdict{Token: &Token{PPT: RPH, Auth: []string{"esnet.0"}, SPH: "psap-callback"}}, true},
		{Verdict{Token: &Token{PPT: RPH, Auth: []string{"esnet.0"}, SPH: "psap-callback"}, Err: ErrTrust}, false},
		{Verdict{Token: &Token{PPT: RPH, Auth: []string{"esnet.0"}}}, false},
		{Verdict{Token: &Token{PPT: RPH, Auth: []string{"ets.0"}, SPH: "psap-callback"}}, false},
		{Verdict{Token: &Token{PPT: Shaken, SPH: "psap-callback"}}, false},
		{Verdict{Err: ErrIdentity}, false},
	} {
		if got := c.v.PSAPCallback(); got != c.want {
			t.Errorf("%+v: %v", c.v, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("a.b.c;info=<https://x/y>;alg=ES256;ppt=shaken")
	f.Add("eyJhbGciOiJFUzI1NiIsInR5cCI6InBhc3Nwb3J0IiwieDV1IjoiaHR0cHM6Ly94In0.e30.AAAA")
	f.Fuzz(func(t *testing.T, s string) {
		if token, err := Parse(s); (token == nil) == (err == nil) {
			t.Fatalf("%v, %v", token, err)
		}
	})
}
