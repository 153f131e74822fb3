package oidc_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/callbox911/callbox/internal/admin/federation"
	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
	"github.com/callbox911/callbox/internal/seal"
	"github.com/callbox911/callbox/internal/signon/oidc"
	"github.com/callbox911/callbox/internal/signon/oidc/fakeidp"
	"github.com/callbox911/callbox/internal/store/sqlite"
)

// office is an organisation with Ann as its administrator, and a provider.
type office struct {
	*federation.Desk
	t        *testing.T
	idp      *fakeidp.Provider
	provider federation.Provider
	mu       sync.Mutex
	now      time.Time
}

func (o *office) clock() time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.now
}

func (o *office) later(d time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.now = o.now.Add(d)
}

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{t: t, now: time.Date(2026, 3, 9, 12, 0, 0, 0, time.UTC)}
	o.idp = fakeidp.New(t, o.clock, map[string]any{"sub": "u-ann", "email": "ann@a.example", "email_verified": true})
	ring, err := seal.NewRing(seal.Key{ID: "m1", Secret: seal.NewSecret()})
	if err != nil {
		t.Fatal(err)
	}
	st, err := sqlite.Open(filepath.Join(t.TempDir(), "callbox.db"), ring, o.clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	client, err := oidc.New(oidc.Config{Now: o.clock, Local: true})
	if err != nil {
		t.Fatal(err)
	}
	o.Desk, err = federation.New(federation.Config{
		Store: func() federation.Store { return st }, Protocols: map[federation.Via]federation.Protocol{federation.ViaOIDC: client}, Ring: ring,
		BaseURL: "http://callbox.example", Mail: func(string, string, string) bool { return true }, Now: o.clock, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	err = st.WriteMembers(t.Context(), "test", func(tx member.Tx) error {
		return errors.Join(tx.CreateIdentity(t.Context(), member.Identity{ID: "ann", Email: "ann@a.example", Made: o.now}),
			tx.AddGrant(t.Context(), member.Grant{Grant: access.Grant{ID: "g1", Identity: "ann", Role: access.Organisation, At: access.Node{Org: "o1"}}, Made: o.now}))
	})
	if err != nil {
		t.Fatal(err)
	}
	o.provider = o.save(federation.Provider{Org: "o1", Key: "corp", Via: federation.ViaOIDC, Name: "Corp", OIDC: &federation.OIDC{
		Issuer: o.idp.URL, ClientID: fakeidp.ClientID, ClientSecret: fakeidp.Secret,
	}})
	return o
}

func (o *office) save(p federation.Provider) federation.Provider {
	o.t.Helper()
	p, err := o.Save(o.t.Context(), "test", p, false)
	if err != nil {
		o.t.Fatal(err, e911.FaultsOf(err))
	}
	return p
}

func (o *office) begin() federation.Begun {
	o.t.Helper()
	b, err := o.Begin(o.t.Context(), o.provider.ID, "ann@a.example")
	if err != nil {
		o.t.Fatal(err)
	}
	return b
}

func (o *office) finish(b federation.Begun, v url.Values) (federation.Proved, error) {
	return o.Finish(o.t.Context(), federation.ViaOIDC, b.Ticket, federation.Callback{Values: v})
}

// signIn goes all the way.
func (o *office) signIn() (federation.Proved, error) {
	o.t.Helper()
	b := o.begin()
	return o.finish(b, o.idp.Visit(o.t, b.URL))
}

// refuses wants an error that says something.
func refuses(t *testing.T, err error, says string) {
	t.Helper()
	if err == nil {
		t.Fatal("it was let in")
	}
	if !strings.Contains(err.Error(), says) {
		t.Errorf("it says %q, want %q in it", err, says)
	}
}

// Proves: C-60a, RFC 7636, RFC 9700
func TestAnnSignsInByHerOrganisationsProvider(t *testing.T) {
	o := newOffice(t)
	got, err := o.signIn()
	if err != nil {
		t.Fatal(err)
	}
	if got.Identity != "ann" || got.Admission.Bound != "o1" || got.Admission.Provider != o.provider.ID {
		t.Errorf("she is %+v", got)
	}
	if p, err := o.Get(t.Context(), "o1", "corp"); err != nil || !p.Proved.Equal(o.now) || p.OIDC.ClientSecret != "" {
		t.Errorf("the provider is %+v, %v", p, err)
	}
	o.later(time.Hour * 2) // discovery is read again
	if _, err := o.signIn(); err != nil {
		t.Error(err)
	}
}

// Proves: C-60a, OpenID Connect Core 1.0 3.1.3.7, RFC 8725; issue 9 "Bad input" (wrong audience, nonce replay, clock skew of the identity provider)
func TestTokensThatAreNotBelieved(t *testing.T) {
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	set := func(name string, v any) func(*office) {
		return func(o *office) { o.idp.Alter(func(c map[string]any) { c[name] = v }) }
	}
	without := func(name string) func(*office) {
		return func(o *office) { o.idp.Alter(func(c map[string]any) { delete(c, name) }) }
	}
	at := func(name string, d time.Duration) func(*office) {
		return func(o *office) { o.idp.Alter(func(c map[string]any) { c[name] = o.now.Add(d).Unix() }) }
	}
	for _, x := range []struct {
		name string
		do   func(o *office)
		says string
	}{
		{"of another client", set("aud", "other"), "another client"},
		{"of two clients, made for the other", set("aud", []string{"other", fakeidp.ClientID}), "another client"},
		{"handed over from another client", set("azp", "other"), "another client"},
		{"of another issuer", set("iss", "https://evil.example"), "another issuer"},
		{"with another nonce", set("nonce", "replayed"), "another sign-in"},
		{"without a nonce", set("nonce", ""), "another sign-in"},
		{"that expired", at("exp", -3*time.Minute), "expired 3 minutes ago"},
		{"without an end", without("exp"), "until when"},
		{"without a beginning", without("iat"), "when it was made"},
		{"of a clock that is 9 minutes ahead", at("iat", 9*time.Minute), "clock is 9 minutes ahead"},
		{"that does not hold yet", at("nbf", 5*time.Minute), "clock is 5 minutes ahead"},
		{"of a clock that is 9 minutes behind", at("iat", -9*time.Minute), "clock is 9 minutes behind"},
		{"whose end is no time", set("exp", "tomorrow"), "cannot be read"},
		{"without a subject", set("sub", ""), ""},
		{"signed by a stranger under the name of the key", func(o *office) {
			o.idp.Sign(func(b []byte) (string, error) { return fakeidp.Signed(jose.RS256, stranger, b) })
		}, "signature"},
		{"signed with the public key as a shared secret", func(o *office) {
			der, _ := x509.MarshalPKIXPublicKey(o.idp.Key.Public())
			public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
			o.idp.Sign(func(b []byte) (string, error) { return fakeidp.Signed(jose.HS256, public, b) })
		}, "signature"},
		{"signed with the client's secret", func(o *office) {
			o.idp.Sign(func(b []byte) (string, error) {
				return fakeidp.Signed(jose.HS256, []byte(strings.Repeat(fakeidp.Secret, 2)), b)
			})
		}, "signature"},
		{"not signed", func(o *office) {
			o.idp.Sign(func(b []byte) (string, error) {
				enc := base64.RawURLEncoding.EncodeToString
				return enc([]byte(`{"alg":"none"}`)) + "." + enc(b) + ".", nil
			})
		}, "signature"},
	} {
		t.Run(x.name, func(t *testing.T) {
			o := newOffice(t)
			x.do(o)
			_, err := o.signIn()
			refuses(t, err, x.says)
		})
	}
}

// Proves: C-60a (a minute of difference between clocks is none)
func TestClocksThatDifferALittleAreNoFault(t *testing.T) {
	for _, d := range []time.Duration{-110 * time.Second, 110 * time.Second} {
		o := newOffice(t)
		o.idp.Alter(func(c map[string]any) { c["iat"], c["nbf"] = o.now.Add(d).Unix(), o.now.Add(d).Unix() })
		if _, err := o.signIn(); err != nil {
			t.Errorf("%s: %v", d, err)
		}
	}
}

// Proves: C-60a, RFC 9700 4.5 (code), 4.7 (state), RFC 9207 (mix-up); session fixation; issue 9 "Bad input" (code replay, session fixation)
func TestAnswersThatAreNotLookedAt(t *testing.T) {
	t.Run("twice", func(t *testing.T) {
		o := newOffice(t)
		b := o.begin()
		v := o.idp.Visit(t, b.URL)
		if _, err := o.finish(b, v); err != nil {
			t.Fatal(err)
		}
		_, err := o.finish(b, v)
		refuses(t, err, "begin it again")
	})
	t.Run("in two at the same time", func(t *testing.T) {
		o := newOffice(t)
		b := o.begin()
		v := o.idp.Visit(t, b.URL)
		var in sync.WaitGroup
		var mu sync.Mutex
		n := 0
		for range 4 {
			in.Go(func() {
				if _, err := o.finish(b, v); err == nil {
					mu.Lock()
					defer mu.Unlock()
					n++
				}
			})
		}
		in.Wait()
		if n != 1 {
			t.Errorf("%d were let in, want 1", n)
		}
	})
	t.Run("with the code of an earlier one", func(t *testing.T) {
		o := newOffice(t)
		b := o.begin()
		v := o.idp.Visit(t, b.URL)
		if _, err := o.finish(b, v); err != nil {
			t.Fatal(err)
		}
		next := o.begin()
		used := v.Get("code")
		v = o.idp.Visit(t, next.URL)
		v.Set("code", used)
		_, err := o.finish(next, v)
		refuses(t, err, "used before")
	})
	t.Run("with a code that was stolen from another sign-in", func(t *testing.T) {
		o := newOffice(t)
		victim, thief := o.begin(), o.begin()
		stolen := o.idp.Visit(t, victim.URL).Get("code")
		v := o.idp.Visit(t, thief.URL)
		v.Set("code", stolen)
		_, err := o.finish(thief, v)
		refuses(t, err, "used before") // PKCE: the verifier is another
	})
	t.Run("with a token that an earlier sign-in got", func(t *testing.T) {
		o := newOffice(t)
		if _, err := o.signIn(); err != nil {
			t.Fatal(err)
		}
		old := o.idp.LastToken()
		o.idp.Sign(func([]byte) (string, error) { return old, nil })
		_, err := o.signIn()
		refuses(t, err, "another sign-in")
	})
	t.Run("in another browser", func(t *testing.T) {
		o := newOffice(t)
		attacker := o.begin()
		v := o.idp.Visit(t, attacker.URL)
		_, err := o.finish(federation.Begun{}, v) // who is sent the link has no cookie
		refuses(t, err, "did not begin in this browser")
		_, err = o.finish(o.begin(), v) // or one of his own
		refuses(t, err, "did not begin in this browser")
	})
	t.Run("too late", func(t *testing.T) {
		o := newOffice(t)
		b := o.begin()
		v := o.idp.Visit(t, b.URL)
		o.later(federation.TicketLife)
		_, err := o.finish(b, v)
		refuses(t, err, "begin it again")
	})
	t.Run("with a cookie that somebody made", func(t *testing.T) {
		o := newOffice(t)
		v := o.idp.Visit(t, o.begin().URL)
		_, err := o.finish(federation.Begun{Ticket: "m1.AAAA"}, v)
		refuses(t, err, "begin it again")
	})
	t.Run("of another provider", func(t *testing.T) {
		o := newOffice(t)
		o.idp.Answer(func(v url.Values) { v.Set("iss", "https://evil.example") })
		_, err := o.signIn()
		refuses(t, err, "another provider")
	})
	t.Run("without a name from one that says it", func(t *testing.T) {
		o := newOffice(t)
		o.idp.About(func(doc map[string]any) { doc["authorization_response_iss_parameter_supported"] = true })
		_, err := o.signIn()
		refuses(t, err, "another provider")
	})
	t.Run("that say something twice", func(t *testing.T) {
		o := newOffice(t)
		b := o.begin()
		v := o.idp.Visit(t, b.URL)
		v.Add("code", "another")
		_, err := o.finish(b, v)
		refuses(t, err, "twice")
	})
	t.Run("of one who pressed Cancel", func(t *testing.T) {
		o := newOffice(t)
		o.idp.Answer(func(v url.Values) { v.Del("code"); v.Set("error", "access_denied") })
		_, err := o.signIn()
		refuses(t, err, "cancelled")
	})
	t.Run("after the provider was changed", func(t *testing.T) {
		o := newOffice(t)
		b := o.begin()
		v := o.idp.Visit(t, b.URL)
		o.provider.Name = "Corporation"
		o.save(o.provider)
		_, err := o.finish(b, v)
		refuses(t, err, "changed meanwhile")
	})
}

// Proves: C-60a (a provider that is down or lies is said so, and nothing of what it
// sends is repeated)
func TestProvidersThatAreDownOrLie(t *testing.T) {
	probe := func(t *testing.T, issuer string, local bool) error {
		t.Helper()
		c, err := oidc.New(oidc.Config{Now: time.Now, Local: local})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		return c.Probe(ctx, federation.Provider{OIDC: &federation.OIDC{Issuer: issuer, ClientID: "c"}})
	}
	serve := func(t *testing.T, do http.HandlerFunc) string {
		t.Helper()
		s := httptest.NewServer(do)
		t.Cleanup(s.Close)
		return s.URL
	}
	t.Run("stalls", func(t *testing.T) {
		release := make(chan struct{})
		t.Cleanup(func() { close(release) })
		refuses(t, probe(t, serve(t, func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-release:
			case <-r.Context().Done():
			}
		}), true), "did not answer within")
	})
	t.Run("is not there", func(t *testing.T) {
		s := httptest.NewServer(http.NotFoundHandler())
		s.Close()
		refuses(t, probe(t, s.URL, true), "cannot be reached")
	})
	t.Run("is something else, whose secrets are not shown", func(t *testing.T) {
		err := probe(t, serve(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "db password: hunter2", 500) }), true)
		refuses(t, err, "as a provider of OpenID Connect does")
		if strings.Contains(err.Error(), "hunter2") {
			t.Error("what another server answered is shown: ", err)
		}
	})
	t.Run("sends without end", func(t *testing.T) {
		refuses(t, probe(t, serve(t, func(w http.ResponseWriter, _ *http.Request) {
			for b := make([]byte, 64<<10); ; {
				if _, err := w.Write(b); err != nil {
					return
				}
			}
		}), true), "more than a megabyte")
	})
	t.Run("leads elsewhere", func(t *testing.T) {
		refuses(t, probe(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.2:1/", http.StatusFound)
		}), true), "another host")
	})
	t.Run("calls itself otherwise", func(t *testing.T) {
		refuses(t, probe(t, serve(t, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"issuer":"https://evil.example"}`))
		}), true), "another issuer")
	})
	t.Run("is this machine", func(t *testing.T) {
		refuses(t, probe(t, "https://127.0.0.1:1", false), "on this machine")
		refuses(t, probe(t, "https://169.254.169.254", false), "on this machine")
	})
	t.Run("speaks http", func(t *testing.T) {
		refuses(t, probe(t, "http://10.0.0.1", false), "not https")
	})
	t.Run("goes down after it was asked once", func(t *testing.T) {
		o := newOffice(t)
		b := o.begin()
		v := o.idp.Visit(t, b.URL)
		o.idp.Close()
		_, err := o.finish(b, v)
		refuses(t, err, "cannot be reached")
	})
	t.Run("does not take our secret", func(t *testing.T) {
		o := newOffice(t)
		o.provider.OIDC.ClientSecret = "wrong"
		o.provider = o.save(o.provider)
		_, err := o.signIn()
		refuses(t, err, "client id and secret")
	})
}

// Proves: C-60a, OpenID Connect Core 1.0 5.3
func TestWhatTheTokenLacksUserinfoSays(t *testing.T) {
	o := newOffice(t)
	o.idp.Claims(map[string]any{"sub": "u-ann"})
	o.idp.Info(map[string]any{"sub": "u-ann", "email": "ann@a.example", "email_verified": "true"})
	if got, err := o.signIn(); err != nil || got.Identity != "ann" {
		t.Errorf("%+v, %v", got, err)
	}
	o = newOffice(t)
	o.idp.Claims(map[string]any{"sub": "u-eve"})
	o.idp.Info(map[string]any{"sub": "u-ann", "email": "ann@a.example", "email_verified": true})
	_, err := o.signIn()
	refuses(t, err, "two different things")
}
