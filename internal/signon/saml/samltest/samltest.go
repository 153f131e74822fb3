// Package samltest is a SAML identity provider of another make for tests: that of
// crewjam/saml, on a port of its own.
package samltest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"html"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/beevik/etree"
	"github.com/crewjam/saml"
	dsig "github.com/russellhaering/goxmldsig"
)

// Person is who is signed in at the identity provider.
type Person struct {
	Subject, Email, Name string
	Groups               []string // under the name eduPersonAffiliation
}

// IDP is the identity provider. Safe for concurrent use.
type IDP struct {
	URL string
	idp *saml.IdentityProvider

	mu     sync.Mutex
	person Person
	sps    map[string]*saml.EntityDescriptor
}

// New starts one; it ends with the test.
func New(t testing.TB) *IDP {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	from := time.Now().Add(-time.Hour)
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "idp"}, NotBefore: from, NotAfter: from.AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	i := &IDP{sps: map[string]*saml.EntityDescriptor{}}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/unasked" {
			i.idp.ServeIDPInitiated(w, r, r.URL.Query().Get("sp"), r.URL.Query().Get("state"))
			return
		}
		i.idp.Handler().ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	// Under a name, so that a browser sees another site than at 127.0.0.1.
	i.URL = strings.Replace(srv.URL, "127.0.0.1", "localhost", 1)
	base, err := url.Parse(i.URL)
	if err != nil {
		t.Fatal(err)
	}
	i.idp = &saml.IdentityProvider{
		Key: key, Certificate: cert, Logger: logger{t}, MetadataURL: url.URL{Scheme: "http", Host: base.Host, Path: "/metadata"}, SSOURL: url.URL{Scheme: "http", Host: base.Host, Path: "/sso"},
		ServiceProviderProvider: i, SessionProvider: i, SignatureMethod: dsig.RSASHA256SignatureMethod,
	}
	return i
}

type logger struct{ t testing.TB }

func (l logger) Printf(format string, v ...any) { l.t.Logf("identity provider: "+format, v...) }
func (l logger) Print(v ...any)                 { l.t.Log(v...) }
func (l logger) Println(v ...any)               { l.t.Log(v...) }
func (l logger) Fatal(v ...any)                 { l.t.Error(v...) }
func (l logger) Fatalf(format string, v ...any) { l.t.Errorf(format, v...) }
func (l logger) Fatalln(v ...any)               { l.t.Error(v...) }
func (l logger) Panic(v ...any)                 { l.t.Error(v...) }
func (l logger) Panicf(format string, v ...any) { l.t.Errorf(format, v...) }
func (l logger) Panicln(v ...any)               { l.t.Error(v...) }

// MetadataURL is where its metadata is.
func (i *IDP) MetadataURL() string { return i.idp.MetadataURL.String() }

// SSO is where requests go.
func (i *IDP) SSO() string { return i.idp.SSOURL.String() }

// SignIn says who sits before the browser from now on.
func (i *IDP) SignIn(p Person) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.person = p
}

// Trust loads the metadata of an application, and returns what is wrong with it.
func (i *IDP) Trust(metadata []byte) error {
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(metadata); err != nil {
		return fmt.Errorf("read the metadata: %w", err)
	}
	role := doc.FindElement("./EntityDescriptor/SPSSODescriptor")
	if role == nil {
		return errors.New("the metadata describes no application")
	}
	sp := &saml.EntityDescriptor{EntityID: doc.Root().SelectAttrValue("entityID", ""), SPSSODescriptors: []saml.SPSSODescriptor{{}}}
	to := &sp.SPSSODescriptors[0]
	for _, el := range role.FindElements("./AssertionConsumerService") {
		to.AssertionConsumerServices = append(to.AssertionConsumerServices, saml.IndexedEndpoint{Binding: el.SelectAttrValue("Binding", ""), Location: el.SelectAttrValue("Location", "")})
	}
	for _, el := range role.FindElements("./KeyDescriptor") {
		cert := saml.X509Certificate{Data: el.FindElement(".//X509Certificate").Text()}
		to.KeyDescriptors = append(to.KeyDescriptors, saml.KeyDescriptor{
			Use: el.SelectAttrValue("use", ""), KeyInfo: saml.KeyInfo{X509Data: saml.X509Data{X509Certificates: []saml.X509Certificate{cert}}},
		})
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.sps[sp.EntityID] = sp
	return nil
}

// GetServiceProvider implements saml.ServiceProviderProvider.
func (i *IDP) GetServiceProvider(_ *http.Request, id string) (*saml.EntityDescriptor, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if sp := i.sps[id]; sp != nil {
		return sp, nil
	}
	return nil, os.ErrNotExist
}

// GetSession implements saml.SessionProvider.
func (i *IDP) GetSession(http.ResponseWriter, *http.Request, *saml.IdpAuthnRequest) *saml.Session {
	i.mu.Lock()
	defer i.mu.Unlock()
	now := time.Now()
	return &saml.Session{
		ID: "s", Index: "1", CreateTime: now, ExpireTime: now.Add(time.Hour), NameID: i.person.Subject, NameIDFormat: "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
		UserEmail: i.person.Email, UserCommonName: i.person.Name, Groups: i.person.Groups,
	}
}

var (
	action = regexp.MustCompile(`<form[^>]* action="([^"]*)"`)
	hidden = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)"`)
)

// Form is the form of a page that sends itself, as a browser would send it.
func Form(t testing.TB, page io.Reader) (to string, values url.Values) {
	t.Helper()
	b, err := io.ReadAll(page)
	if err != nil {
		t.Fatal(err)
	}
	a := action.FindSubmatch(b)
	if a == nil {
		t.Fatalf("the page has no form:\n%s", b)
	}
	values = url.Values{}
	for _, m := range hidden.FindAllSubmatch(b, -1) {
		values.Set(string(m[1]), html.UnescapeString(string(m[2])))
	}
	return html.UnescapeString(string(a[1])), values
}
