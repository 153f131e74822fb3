package oauth_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/callbox911/callbox/client"
	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/apikey"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/seal"
	"github.com/callbox911/callbox/internal/store/sqlite"
	"github.com/callbox911/callbox/internal/web/oauth"
)

// bench is the exchange over a database of its own, and one resource that tells who
// shows a token.
type bench struct {
	t    *testing.T
	st   *sqlite.Store
	keys *apikey.Keeper
	now  time.Time
	log  bytes.Buffer
	h    http.Handler
	org  e911.OrgID
	key  apikey.Key
	text string
	used map[string]time.Time
}

// once is what all nodes remember.
func (b *bench) once(_ context.Context, name string, until time.Time) (bool, error) {
	_, had := b.used[name]
	b.used[name] = until
	return !had, nil
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, now: time.Date(2026, 3, 9, 14, 2, 11, 0, time.UTC), org: e911.NewID[e911.OrgID](), used: map[string]time.Time{}}
	ring, err := seal.NewRing(seal.Key{ID: "m1", Secret: seal.NewSecret()})
	if err != nil {
		t.Fatal(err)
	}
	clock := func() time.Time { return b.now }
	log := slog.New(slog.NewTextHandler(&b.log, nil))
	if b.st, err = sqlite.Open(filepath.Join(t.TempDir(), "callbox.db"), ring, clock); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.st.Close() })
	if b.keys, err = apikey.New(apikey.Config{Store: func() apikey.Store { return b.st }, Ring: ring, Once: b.once, Now: clock, Log: log}); err != nil {
		t.Fatal(err)
	}
	h, err := oauth.New(oauth.Config{Keys: b.keys, BaseURL: "https://callbox.example/", Now: clock, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	b.h = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if oauth.Serves(r.URL.Path) {
			h.ServeHTTP(w, r)
			return
		}
		k, err := b.keys.Check(r.Context(), strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), netip.MustParseAddr("127.0.0.1"))
		if err != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"id": k.ID, "name": k.Name, "scopes": k.Scopes})
	})
	if err := b.st.Write(t.Context(), "test", func(w admin.Writer) error {
		_, err := w.Create(t.Context(), e911.Org{ID: b.org, Key: "harbor"})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	b.key, b.text, err = b.keys.Create(t.Context(), "ann", apikey.Wish{Org: b.org, Name: "nightly", Scopes: []apikey.Scope{apikey.ScopeRead, apikey.ScopeImports}})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

type answer struct {
	status int
	head   http.Header
	body   map[string]any
	text   string
}

func (b *bench) post(path, body string, head ...string) answer {
	b.t.Helper()
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i < len(head); i += 2 {
		r.Header.Set(head[i], head[i+1])
	}
	return b.send(r)
}

func (b *bench) send(r *http.Request) answer {
	w := httptest.NewRecorder()
	b.h.ServeHTTP(w, r)
	a := answer{status: w.Code, head: w.Header(), text: w.Body.String()}
	_ = json.Unmarshal(w.Body.Bytes(), &a.body)
	return a
}

func basic(id, secret string) string {
	r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
	r.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret))
	return r.Header.Get("Authorization")
}

// Each refusal has the code of RFC 6749, section 5.2, and no answer is kept anywhere.
//
// Proves: N-17, RFC 6749 sections 2.3.1, 3.2, 3.3, 4.4, 5.1, 5.2
func TestTheExchangeAnswersAsTheRFCSays(t *testing.T) {
	b := newBench(t)
	id, good := b.key.ID, basic(b.key.ID, b.text)
	const grant = "grant_type=client_credentials"
	wrong := b.text[:len(b.text)-3] + "AAA"
	escaped := strings.ReplaceAll(b.text, "_", "%5F")
	for _, c := range []struct {
		name, body, auth string
		status           int
		want             string // scope, or code of the error
	}{
		{"by Basic", grant, good, 200, "read imports"},
		{"by the body", grant + "&client_id=" + id + "&client_secret=" + b.text, "", 200, "read imports"},
		{"by Basic with escaped parts", grant, "basic " + strings.TrimPrefix(rawBasic(id, escaped), "Basic "), 200, "read imports"},
		{"with fewer scopes", grant + "&scope=imports", good, 200, "imports"},
		{"a scope twice", grant + "&scope=read+read", good, 200, "read"},
		{"an empty scope is none", grant + "&scope=", good, 200, "read imports"},
		{"parameters that nobody knows", grant + "&audience=x&resource=y", good, 200, "read imports"},
		{"the client_id beside Basic", grant + "&client_id=" + id, good, 200, "read imports"},
		{"a scope that the key does not have", grant + "&scope=read+write", good, 400, "invalid_scope"},
		{"a scope that there is not", grant + "&scope=openid", good, 400, "invalid_scope"},
		{"no grant", "scope=read", good, 400, "invalid_request"},
		{"another grant", "grant_type=password&username=a&password=b", good, 400, "unsupported_grant_type"},
		{"a grant twice", grant + "&" + grant, good, 400, "invalid_request"},
		{"both ways", grant + "&client_secret=" + b.text, good, 400, "invalid_request"},
		{"two clients", grant + "&client_id=0000000000000000", good, 400, "invalid_request"},
		{"a body that is none", grant + "&%zz", good, 400, "invalid_request"},
		{"nobody", grant, "", 401, "invalid_client"},
		{"a wrong secret", grant, basic(id, wrong), 401, "invalid_client"},
		{"a wrong secret in the body", grant + "&client_id=" + id + "&client_secret=" + wrong, "", 401, "invalid_client"},
		{"a client that there is not", grant, basic("0000000000000000", strings.ReplaceAll(b.text, id, "0000000000000000")), 401, "invalid_client"},
		{"a bearer", grant, "Bearer " + b.text, 401, "invalid_client"},
		{"no Basic", grant, "Basic !!", 401, "invalid_client"},
		{"too much", grant + "&x=" + strings.Repeat("a", 9000), good, 413, "invalid_request"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var head []string
			if c.auth != "" {
				head = []string{"Authorization", c.auth}
			}
			a := b.post(oauth.TokenPath, c.body, head...)
			got, _ := a.body["scope"].(string)
			if c.status != 200 {
				got, _ = a.body["error"].(string)
			}
			if a.status != c.status || got != c.want || a.head.Get("Cache-Control") != "no-store" || a.head.Get("Pragma") != "no-cache" || !strings.HasPrefix(a.head.Get("Content-Type"), "application/json") {
				t.Errorf("%d %q, want %d %q: %v %s", a.status, got, c.status, c.want, a.head, a.text)
			}
			if (a.status == 401) != (a.head.Get("WWW-Authenticate") != "") {
				t.Errorf("%d with WWW-Authenticate %q", a.status, a.head.Get("WWW-Authenticate"))
			}
			if a.status == 200 && (a.body["token_type"] != "Bearer" || a.body["expires_in"] != float64(900) || a.body["refresh_token"] != nil) {
				t.Errorf("granted: %s", a.text)
			}
			if strings.Contains(a.text, "cbk_") {
				t.Errorf("the answer has a key: %s", a.text)
			}
		})
	}
	if a := b.post(oauth.TokenPath+"?"+grant, grant, "Authorization", good); a.status != 400 {
		t.Errorf("parameters in the address: %d", a.status)
	}
	if a := b.post(oauth.TokenPath, `{"grant_type":"client_credentials"}`, "Authorization", good, "Content-Type", "application/json"); a.status != 400 || a.body["error"] != "invalid_request" {
		t.Errorf("JSON: %d %s", a.status, a.text)
	}
	if a := b.send(httptest.NewRequest(http.MethodGet, oauth.TokenPath, http.NoBody)); a.status != 405 || a.head.Get("Allow") != "POST" {
		t.Errorf("GET: %d", a.status)
	}
	if strings.Contains(b.log.String(), "cbk_") || strings.Contains(b.log.String(), "cbt_") {
		t.Errorf("a secret is in the log: %s", b.log.String())
	}
}

func rawBasic(user, pass string) string {
	r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
	r.SetBasicAuth(user, pass)
	return r.Header.Get("Authorization")
}

// Proves: N-17, RFC 8414 sections 2, 3
func TestTheMetadataSayWhatTheExchangeTakes(t *testing.T) {
	b := newBench(t)
	a := b.send(httptest.NewRequest(http.MethodGet, oauth.MetadataPath, http.NoBody))
	scopes, _ := a.body["scopes_supported"].([]any)
	if a.status != 200 || a.body["issuer"] != "https://callbox.example" || a.body["token_endpoint"] != "https://callbox.example/oauth2/token" || len(scopes) != len(apikey.Scopes()) || a.body["response_types_supported"] == nil {
		t.Errorf("%d %s", a.status, a.text)
	}
}

// Proves: N-17, N-42, RFC 7009
func TestATokenIsRevokedByItsClientAlone(t *testing.T) {
	b := newBench(t)
	good := basic(b.key.ID, b.text)
	other, otherText, err := b.keys.Create(t.Context(), "ann", apikey.Wish{Org: b.org, Name: "other", Scopes: []apikey.Scope{apikey.ScopeRead}})
	if err != nil {
		t.Fatal(err)
	}
	token := func() string {
		text, _ := b.post(oauth.TokenPath, "grant_type=client_credentials", "Authorization", good).body["access_token"].(string)
		return text
	}
	works := func(text string) bool {
		_, err := b.keys.Check(t.Context(), text, netip.MustParseAddr("127.0.0.1"))
		return err == nil
	}
	one, two := token(), token()
	for name, c := range map[string]struct {
		auth, body string
		status     int
	}{
		"another client":   {basic(other.ID, otherText), "token=" + one, 200}, // as if there were none
		"nobody":           {"", "token=" + one, 401},
		"nothing":          {good, "", 400},
		"what is no token": {good, "token=x", 200},
		"a key":            {good, "token=" + b.text, 400},
	} {
		head := []string{}
		if c.auth != "" {
			head = []string{"Authorization", c.auth}
		}
		if a := b.post(oauth.RevokePath, c.body, head...); a.status != c.status {
			t.Errorf("%s: %d %s", name, a.status, a.text)
		}
	}
	if !works(one) {
		t.Error("a token was ended by who may not")
	}
	for range 2 { // twice is no fault
		if a := b.post(oauth.RevokePath, "token_type_hint=access_token&token="+one, "Authorization", good); a.status != 200 {
			t.Errorf("revoked: %d %s", a.status, a.text)
		}
	}
	if works(one) || !works(two) {
		t.Error("the token goes on, or another one ended with it")
	}
}

// Proves: E14, N-17; issue 9 "Bad input" (token of a deleted organisation)
func TestATokenOfAnOrganisationThatIsGoneIsRefused(t *testing.T) {
	b := newBench(t)
	text, _ := b.post(oauth.TokenPath, "grant_type=client_credentials", "Authorization", basic(b.key.ID, b.text)).body["access_token"].(string)
	if err := b.st.Write(t.Context(), "test", func(w admin.Writer) error {
		return w.Delete(t.Context(), admin.Ref{Kind: e911.KindOrg, Org: b.org, ID: string(b.org)}, 1)
	}); err != nil {
		t.Fatal(err)
	}
	b.now = b.now.Add(10 * time.Second)
	if _, err := b.keys.Check(t.Context(), text, netip.MustParseAddr("127.0.0.1")); err == nil {
		t.Error("its token works")
	}
	if a := b.post(oauth.TokenPath, "grant_type=client_credentials", "Authorization", basic(b.key.ID, b.text)); a.status != 401 {
		t.Errorf("its key is exchanged: %d", a.status)
	}
}

// The library that Go programs use, and our own.
//
// Proves: N-17, RFC 6749 section 4.4
func TestOtherPeoplesClientAndOursGetTokens(t *testing.T) {
	b := newBench(t)
	server := httptest.NewServer(b.h)
	t.Cleanup(server.Close)
	for name, style := range map[string]oauth2.AuthStyle{"Basic": oauth2.AuthStyleInHeader, "the body": oauth2.AuthStyleInParams, "what it finds out": oauth2.AuthStyleAutoDetect} {
		cfg := clientcredentials.Config{ClientID: b.key.ID, ClientSecret: b.text, TokenURL: server.URL + oauth.TokenPath, Scopes: []string{"read"}, AuthStyle: style}
		resp, err := cfg.Client(t.Context()).Get(server.URL + "/who")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var who struct {
			ID     string   `json:"id"`
			Scopes []string `json:"scopes"`
		}
		err = json.NewDecoder(resp.Body).Decode(&who)
		resp.Body.Close()
		if err != nil || who.ID != b.key.ID || len(who.Scopes) != 1 {
			t.Errorf("%s: %+v, %v", name, who, err)
		}
	}
	bad := clientcredentials.Config{ClientID: b.key.ID, ClientSecret: "x", TokenURL: server.URL + oauth.TokenPath}
	if _, err := bad.Token(t.Context()); err == nil || !strings.Contains(err.Error(), "invalid_client") {
		t.Errorf("a wrong secret: %v", err)
	}

	c, err := client.New(client.Config{URL: server.URL, Tries: 1, Credentials: &client.Credentials{ID: b.key.ID, Secret: b.text, Scopes: []string{"imports"}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	who := func() (out client.Key, err error) {
		_, err = c.Do(t.Context(), client.Request{Method: http.MethodGet, Path: "/self"}, &out)
		return out, err
	}
	for range 3 {
		if got, err := who(); err != nil || strings.Join(got.Scopes, " ") != "imports" {
			t.Fatalf("our client: %+v, %v", got, err)
		}
	}
	_, b.text, err = b.keys.Rotate(t.Context(), "ann", b.org, b.key.ID, 0) // its token ends before its time
	if err != nil {
		t.Fatal(err)
	}
	if _, err := who(); client.StatusOf(err) != http.StatusUnauthorized {
		t.Errorf("our client, after its secret ended: %v", err)
	}
	if _, err := client.New(client.Config{URL: server.URL, Key: "cbk_x", Credentials: &client.Credentials{ID: "a", Secret: "b"}}); err == nil {
		t.Error("a client with a key and credentials")
	}
}

func FuzzTokenRequest(f *testing.F) {
	f.Add("grant_type=client_credentials&client_id=a&client_secret=b", "Basic YTpi")
	f.Add("grant_type=client_credentials&scope=%zz", "")
	f.Add("token=x", "Bearer cbk_")
	h, err := oauth.New(oauth.Config{Keys: noKeys{}, BaseURL: "https://callbox.example", Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body, auth string) {
		for _, path := range []string{oauth.TokenPath, oauth.RevokePath} {
			r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header["Authorization"] = []string{auth}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code < 400 || w.Code >= 500 || !json.Valid(w.Body.Bytes()) {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
		}
	})
}
