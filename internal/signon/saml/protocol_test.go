package saml

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"
	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/admin/federation"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/signon/saml/samltest"
)

// browse goes to the identity provider and brings back what its page sends.
func browse(t *testing.T, to string) (acs string, values url.Values) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, to, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("the identity provider answers %d", resp.StatusCode)
	}
	return samltest.Form(t, resp.Body)
}

// Proves: C-60a
func TestAnIdentityProviderOfAnotherMakeSignsSomebodyIn(t *testing.T) {
	idp, ctx := samltest.New(t), t.Context()
	idp.SignIn(samltest.Person{Subject: "u-17", Email: "ann@corp.example", Name: "Ann Miller", Groups: []string{"desk"}})
	s := speaker(t, time.Now())
	p := federation.Provider{ID: "p1", Key: "corp", Via: federation.ViaSAML, SAML: &federation.SAML{MetadataURL: idp.MetadataURL()}, Names: federation.Names{Groups: "eduPersonAffiliation"}}
	if err := s.Prepare(ctx, &p); err != nil {
		t.Fatal(err)
	}
	if f := s.Faults(p); len(f) > 0 {
		t.Fatal(f)
	}
	if p.SAML.EntityID != idp.MetadataURL() || p.SAML.Fetched.IsZero() {
		t.Errorf("kept %q, fetched %v", p.SAML.EntityID, p.SAML.Fetched)
	}
	ours, err := s.Metadata(p)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name     string
		metadata []byte
	}{
		{"with an encrypted assertion", ours},
		{"with an assertion in the clear", bytes.Replace(ours, []byte(`use="encryption"`), []byte(`use="signing"`), 1)},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := idp.Trust(c.metadata); err != nil {
				t.Fatal(err)
			}
			to, state, err := s.Begin(ctx, p, federation.Start{State: "the-state"})
			if err != nil {
				t.Fatal(err)
			}
			acs, values := browse(t, to)
			if acs != s.ACS("p1") || values.Get("RelayState") != "the-state" {
				t.Fatalf("it leads to %q with %q", acs, values.Get("RelayState"))
			}
			got, err := s.Finish(ctx, p, federation.Callback{Values: values, URL: acs}, state)
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Once) != 1 || got.AuthTime.IsZero() {
				t.Errorf("to be used once: %v, proved %v", got.Once, got.AuthTime)
			}
			got.Once, got.AuthTime = nil, time.Time{}
			want := federation.Claims{Subject: "u-17", Email: "ann@corp.example", Name: "Ann Miller", Groups: []string{"desk"}}
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}

			// What was meant for this request and provider is of no use elsewhere.
			_, other, err := s.Begin(ctx, p, federation.Start{State: "x"})
			if err != nil {
				t.Fatal(err)
			}
			if _, err = s.Finish(ctx, p, federation.Callback{Values: values, URL: acs}, other); !strings.Contains(said(err), "another sign-in") {
				t.Errorf("at another request: %v", err)
			}
			q := p
			q.ID, q.Org = "p2", "org-2"
			if _, err = s.Finish(ctx, q, federation.Callback{Values: values, URL: s.ACS("p2")}, state); !strings.Contains(said(err), "meant for another address") {
				t.Errorf("at another organisation's provider: %v", err)
			}
			if _, err = s.Finish(ctx, p, federation.Callback{Values: values, URL: s.ACS("p2")}, state); !strings.Contains(said(err), "came to another address") {
				t.Errorf("at another address: %v", err)
			}
		})
	}
	if err := s.Probe(ctx, p); err != nil {
		t.Errorf("a provider that works: %v", err)
	}
}

func said(err error) string {
	if err == nil {
		return ""
	}
	text := err.Error()
	for _, f := range e911.FaultsOf(err) {
		text += "; " + f.Path + " " + f.Code + ": " + f.Msg + ": " + f.Fix
	}
	return text
}

// Proves: C-60a, saml-bindings-2.0-os section 3.4.4.1
func TestARequestIsSigned(t *testing.T) {
	s, p := speaker(t, noon), provider("p1")
	p.SAML.NameID = "email"
	to, state, err := s.Begin(t.Context(), p, federation.Start{State: "abc"})
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	signed, rest, ok := strings.Cut(u.RawQuery, "&Signature=")
	raw, err := url.QueryUnescape(rest)
	if !ok || err != nil || strings.Split(to, "?")[0] != sso {
		t.Fatalf("%s: %v", to, err)
	}
	sig, err := base64.StdEncoding.DecodeString(raw)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(signed))
	if err := rsa.VerifyPKCS1v15(&keys().our.PublicKey, crypto.SHA256, sum[:], sig); err != nil {
		t.Errorf("the signature: %v", err)
	}
	if !strings.Contains(signed, "&RelayState=abc&SigAlg=http%3A%2F%2Fwww.w3.org%2F2001%2F04%2Fxmldsig-more%23rsa-sha256") || len(state) > 100 {
		t.Errorf("asked %s, keeps %s", signed, state)
	}
}

// Proves: C-60a
func TestWhatIsWrongWithAProviderIsSaidWhenItIsSaved(t *testing.T) {
	w := keys()
	good := metadataOf(theirs, w.idp.cert)
	weak := newPair("weak", noon.AddDate(1, 0, 0), 1024)
	several := `<EntitiesDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata">` + without(good) + strings.ReplaceAll(without(good), theirs, "urn:two") + `</EntitiesDescriptor>`
	for _, c := range []struct {
		name   string
		change func(p *federation.SAML)
		want   string
	}{
		{"nothing", func(*federation.SAML) {}, ""},
		{"a certificate that has ended is told of elsewhere", func(p *federation.SAML) { p.Metadata = metadataOf(theirs, w.old.cert) }, ""},
		{"two certificates, for a roll-over", func(p *federation.SAML) { p.Metadata = metadataOf(theirs, w.old.cert, w.idp.cert) }, ""},
		{"no metadata", func(p *federation.SAML) { p.Metadata = "" }, "saml.metadata required"},
		{"a web page", func(p *federation.SAML) { p.Metadata = "<!DOCTYPE html><html><body>Sign in</body></html>" }, "saml.metadata not_metadata: the document has a document type"},
		{"XML of something else", func(p *federation.SAML) { p.Metadata = "<rss/>" }, "saml.metadata not_metadata: this is XML, but no SAML metadata"},
		{"a file that was cut", func(p *federation.SAML) { p.Metadata = good[:400] }, "saml.metadata not_metadata"},
		{"an application's metadata", func(p *federation.SAML) {
			p.Metadata = strings.ReplaceAll(good, "IDPSSODescriptor", "SPSSODescriptor")
		}, "saml.metadata no_idp: the metadata describes no identity provider for SAML 2.0: this is the metadata of an application"},
		{"SAML 1.1 alone", func(p *federation.SAML) {
			p.Metadata = strings.Replace(good, `Enumeration="urn:oasis:names:tc:SAML:2.0:protocol"`, `Enumeration="urn:oasis:names:tc:SAML:1.1:protocol"`, 1)
		}, "saml.metadata no_idp"},
		{"no HTTP-Redirect", func(p *federation.SAML) {
			p.Metadata = strings.Replace(good, "HTTP-Redirect", "SOAP", 1)
		}, "saml.metadata no_redirect"},
		{"an address that is not https", func(p *federation.SAML) { p.Metadata = strings.ReplaceAll(good, sso, "http://idp.example.com/sso") }, "saml.metadata unsafe_address"},
		{"an address that runs a script", func(p *federation.SAML) { p.Metadata = strings.ReplaceAll(good, sso, "javascript:alert(1)") }, "saml.metadata unsafe_address"},
		{"no certificate", func(p *federation.SAML) { p.Metadata = metadataOf(theirs) }, "saml.metadata no_certificate"},
		{"a certificate for encryption alone", func(p *federation.SAML) { p.Metadata = strings.Replace(good, `use="signing"`, `use="encryption"`, 1) }, "saml.metadata no_certificate"},
		{"a certificate that cannot be read", func(p *federation.SAML) {
			p.Metadata = strings.Replace(good, base64.StdEncoding.EncodeToString(w.idp.cert.Raw)[:8], "AAAAAAAA", 1)
		}, "saml.metadata bad_certificate"},
		{"a key of 1024 bits", func(p *federation.SAML) { p.Metadata = metadataOf(theirs, weak.cert) }, "saml.metadata weak_key"},
		{"several identity providers", func(p *federation.SAML) { p.Metadata = several }, "saml.entity_id which_entity: the metadata has several identity providers: say which: " + theirs + ", urn:two"},
		{"one of several", func(p *federation.SAML) { p.Metadata, p.EntityID = several, "urn:two" }, ""},
		{"another than there is", func(p *federation.SAML) { p.EntityID = "urn:three" }, "saml.entity_id unknown_entity"},
		{"names that change", func(p *federation.SAML) { p.NameID = "transient" }, "saml.name_id unknown"},
		{"half a key pair", func(p *federation.SAML) { p.SigningKey = "" }, "saml.certificate key_pair"},
		{"somebody else's certificate", func(p *federation.SAML) { p.Certificate, _, _ = NewKeyPair("x", noon) }, "saml.certificate key_pair"},
		{"an address of metadata that is not https", func(p *federation.SAML) { p.MetadataURL = "ftp://idp.example.com" }, "saml.metadata_url unsafe_address"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := provider("p1")
			c.change(p.SAML)
			got := said(&e911.Error{Msg: "-", Faults: speaker(t, noon).Faults(p)})
			if !strings.Contains(got, c.want) || c.want == "" && got != "-" {
				t.Errorf("got %s\nwant %s", got, c.want)
			}
		})
	}
}

func without(metadata string) string {
	_, text, _ := strings.Cut(metadata, "-->")
	return text
}

// Proves: C-60a
func TestMetadataIsFetchedWhenAskedForAndThenStays(t *testing.T) {
	w := keys()
	asked, text := 0, metadataOf(theirs, w.idp.cert)
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		asked++
		switch r.URL.Path {
		case "/away":
			http.Redirect(rw, r, "http://idp.example.com/metadata", http.StatusFound)
		case "/none":
			http.NotFound(rw, r)
		case "/large":
			_, _ = rw.Write(make([]byte, 2<<20))
		default:
			_, _ = rw.Write([]byte(text))
		}
	}))
	defer srv.Close()
	s, ctx := speaker(t, noon), t.Context()
	p := federation.Provider{SAML: &federation.SAML{MetadataURL: srv.URL + "/ok"}}
	if err := s.Prepare(ctx, &p); err != nil {
		t.Fatal(err)
	}
	first := *p.SAML
	text = metadataOf(theirs, w.next.cert)
	if err := s.Prepare(ctx, &p); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(first, *p.SAML); d != "" || asked != 1 {
		t.Errorf("saved again: asked %d times, %s", asked, d)
	}
	p.SAML.Metadata = "" // pressed again
	if err := s.Prepare(ctx, &p); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(p.SAML.Metadata, base64.StdEncoding.EncodeToString(w.next.cert.Raw)[:64]) || p.SAML.SigningKey != first.SigningKey {
		t.Error("fetched again, the new certificate is not there, or our key is another")
	}
	for path, want := range map[string]string{"/away": "unreachable", "/none": "answers 404", "/large": "too_large"} {
		q := federation.Provider{SAML: &federation.SAML{MetadataURL: srv.URL + path}}
		if err := s.Prepare(ctx, &q); e911.KindOf(err) != e911.Invalid || !strings.Contains(said(err), want) {
			t.Errorf("%s: %s", path, said(err))
		}
	}
	strict, err := New(Config{BaseURL: base, Now: s.cfg.Now, Log: s.cfg.Log})
	if err != nil {
		t.Fatal(err)
	}
	before := asked
	for _, to := range []string{srv.URL, "http://169.254.169.254/latest", "https://user:pass@idp.example.com/"} {
		q := federation.Provider{SAML: &federation.SAML{MetadataURL: to}}
		if err := strict.Prepare(context.WithoutCancel(ctx), &q); e911.KindOf(err) != e911.Invalid {
			t.Errorf("%s: %v", to, err)
		}
	}
	if asked != before {
		t.Error("this machine was asked")
	}
}

// The attributes are as the providers' own instructions have them.
//
// Proves: C-60a
func TestTheUsualProvidersNeedNoNamesOfAttributes(t *testing.T) {
	const email, persistent = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress", formatID + "persistent"
	at := func(pairs ...string) (out []Attribute) {
		for i := 0; i < len(pairs); i += 2 {
			out = append(out, Attribute{Name: pairs[i], Values: strings.Split(pairs[i+1], "|")})
		}
		return out
	}
	for _, c := range []struct {
		name  string
		a     Answer
		names federation.Names
		want  federation.Claims
		fault string
	}{
		{
			name: "Entra ID", a: Answer{NameID: "Xk3", Format: persistent, Attributes: at(
				"http://schemas.microsoft.com/identity/claims/objectidentifier", "0c1", "http://schemas.microsoft.com/identity/claims/displayname", "Ann Miller",
				"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress", "ann@corp.example", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name", "ann@corp.onmicrosoft.com",
				"http://schemas.microsoft.com/ws/2008/06/identity/claims/groups", "g1|g2")},
			want: federation.Claims{Subject: "Xk3", Email: "ann@corp.example", Name: "Ann Miller", Groups: []string{"g1", "g2"}},
		},
		{
			name: "Okta", a: Answer{NameID: "ann@corp.example", Format: email, Attributes: at("firstName", "Ann", "lastName", "Miller", "email", "ann@corp.example", "groups", "desk")},
			want: federation.Claims{Subject: "ann@corp.example", Email: "ann@corp.example", Name: "Ann Miller", Groups: []string{"desk"}},
		},
		{
			name: "Google, with no attribute at all: he is in no group", a: Answer{NameID: "ann@corp.example", Format: email},
			want: federation.Claims{Subject: "ann@corp.example", Email: "ann@corp.example", Groups: []string{}},
		},
		{
			name: "Entra ID, of somebody in more than 150 groups: which is not said", a: Answer{NameID: "Xk3", Format: persistent, Attributes: at(groupsLink, "https://graph.windows.net/x")},
			want: federation.Claims{Subject: "Xk3"},
		},
		{
			name: "ADFS", a: Answer{NameID: "S-1-5-21", Format: persistent, Attributes: at(
				"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress", "ann@corp.example", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/givenname", "Ann",
				"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/surname", "Miller", "http://schemas.xmlsoap.org/claims/Group", "Domain Users|Desk")},
			want: federation.Claims{Subject: "S-1-5-21", Email: "ann@corp.example", Name: "Ann Miller", Groups: []string{"Domain Users", "Desk"}},
		},
		{
			name: "Shibboleth, by OID, with a name that changes", a: Answer{NameID: "_8f1", Format: formatID + "transient", Attributes: at(
				"urn:oasis:names:tc:SAML:attribute:pairwise-id", "abc@corp.example", "urn:oid:0.9.2342.19200300.100.1.3", "ann@corp.example",
				"urn:oid:2.16.840.1.113730.3.1.241", "Ann Miller", "urn:oid:1.3.6.1.4.1.5923.1.5.1.1", "desk")},
			want: federation.Claims{Subject: "abc@corp.example", Email: "ann@corp.example", Name: "Ann Miller", Groups: []string{"desk"}},
		},
		{
			name: "names that an administrator gave", names: federation.Names{Subject: "emp", Email: "post", Name: "nick", Groups: "teams"},
			a:    Answer{NameID: "x", Format: persistent, Attributes: at("emp", "17", "post", "ann@corp.example", "nick", "Annie", "teams", "a", "email", "wrong@corp.example")},
			want: federation.Claims{Subject: "17", Email: "ann@corp.example", Name: "Annie", Groups: []string{"a"}},
		},
		{name: "the attribute that was named is not there", names: federation.Names{Subject: "emp"}, a: Answer{NameID: "x"}, fault: `does not have the attribute "emp"`},
		{name: "a name that changes, and no other", a: Answer{NameID: "_8f1", Format: formatID + "transient"}, fault: "no name that stays the same"},
		{name: "no name", a: Answer{}, fault: "no name that stays the same"},
		{name: "an address that is two", a: Answer{NameID: "x", Attributes: at("email", "ann@corp.example,boss@corp.example")}, fault: "the mail address is none"},
		{name: "a group with a line break", a: Answer{NameID: "x", Attributes: at("groups", "a\nb")}, fault: "control characters"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := c.a.claims(c.names)
			if c.fault != "" {
				if e911.KindOf(err) != e911.Denied || !strings.Contains(said(err), c.fault) {
					t.Errorf("%v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// Proves: C-60a
func TestAPersonSeesWhatIsToBeSetUpAndWhichCertificatesEnd(t *testing.T) {
	w, p := keys(), provider("p1")
	p.SAML.Metadata = metadataOf(theirs, w.old.cert, w.idp.cert)
	f := speaker(t, noon).Facts(p)
	want := Facts{
		EntityID: theirs, SSO: sso, OurEntityID: base + "/sign-in/saml/p1/metadata", Metadata: base + "/sign-in/saml/p1/metadata", ACS: base + "/sign-in/saml/p1/acs",
		Keys: []Key{
			{Subject: "CN=idp old", Fingerprint: fingerprint(w.old.cert), Until: w.old.cert.NotAfter}, {Subject: "CN=idp", Fingerprint: fingerprint(w.idp.cert), Until: w.idp.cert.NotAfter},
		},
		Warnings: []string{"the certificate idp old of the identity provider ended on 2026-11-19; it still counts, because it is in the metadata that was saved"},
	}
	if d := cmp.Diff(want, f); d != "" {
		t.Error(d)
	}
	p.SAML.Metadata = metadataOf(theirs, w.old.cert)
	if f = speaker(t, noon).Facts(p); len(f.Warnings) != 2 {
		t.Errorf("no certificate in date: %q", f.Warnings)
	}
	if _, _, err := speaker(t, noon).Begin(t.Context(), p, federation.Start{State: "x"}); err != nil {
		t.Errorf("and still people sign in: %v", err)
	}
}

// Proves: C-60a
func TestOurMetadataHasNoSecret(t *testing.T) {
	p := provider("p1")
	p.SAML.SigningKey = "" // as anybody sees it
	text, err := speaker(t, noon).Metadata(p)
	if err != nil {
		t.Fatal(err)
	}
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(text); err != nil {
		t.Fatal(err)
	}
	var certs []*x509.Certificate
	for _, el := range doc.FindElements("//X509Certificate") {
		c, err := readCertificate(el.Text())
		if err != nil {
			t.Fatal(err)
		}
		certs = append(certs, c)
	}
	if len(certs) != 2 || !certs[0].Equal(certs[1]) || bytes.Contains(text, []byte("PRIVATE")) {
		t.Errorf("%s", text)
	}
}
