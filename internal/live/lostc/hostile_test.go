package lostc_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/lostc"
	"github.com/callbox911/callbox/wire/lost"
	"github.com/callbox911/callbox/wire/pidflo"
)

// ring is a square of so many degrees around a point.
func ring(lat, lon, half float64) []lost.Boundary {
	return []lost.Boundary{{Profile: lost.ProfileGeodetic, Shapes: []pidflo.Shape{pidflo.Polygon{Exterior: []pidflo.Pos{
		{Lat: lat - half, Lon: lon - half}, {Lat: lat - half, Lon: lon + half}, {Lat: lat + half, Lon: lon + half}, {Lat: lat + half, Lon: lon - half},
	}}}}}
}

// What an upstream says is used only where it can be the answer to the
// question, and kept only where it may be.
//
// Proves: RFC 5222 sections 5.2, 5.5, 8.4.1; E3, F-23
func TestAnswersThatAreNoneToTheQuestion(t *testing.T) {
	here := at(42.5, -71.5, 0)
	for _, c := range []struct {
		name       string
		change     func(*lost.Mapping)
		used, kept bool
	}{
		{"a good one", nil, true, true},
		{"for another service", func(m *lost.Mapping) { m.Service = "urn:service:counseling" }, false, false},
		{"for a child of the service", func(m *lost.Mapping) { m.Service = "urn:service:sos.fire" }, false, false},
		{"in our own name", func(m *lost.Mapping) { m.Source = "LOST.callbox.example" }, false, false},
		{"in the name of our demonstration", func(m *lost.Mapping) { m.Source = "demonstration.lost.callbox.example" }, false, false},
		{"with a boundary in another country", func(m *lost.Mapping) { m.Boundaries = ring(48.2, 16.4, 0.5) }, false, false},
		{"with a boundary that ends just before the place", func(m *lost.Mapping) { m.Boundaries = ring(42.0, -71.5, 0.4999) }, true, false},
		{"that has expired already", func(m *lost.Mapping) { m.Expires.At = noon.Add(-time.Hour) }, true, false},
		{"that holds until the year 9999", func(m *lost.Mapping) { m.Expires.At = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC) }, true, true},
		{"changed in the year 9999", func(m *lost.Mapping) { m.LastUpdated = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC) }, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, now := newAuthority(t), noon
			a.change = c.change
			cl := client(t, &now, nil, a.URL)
			_, err := cl.Ask(t.Context(), here)
			if (err == nil) != c.used {
				t.Errorf("used: %v", err)
			}
			if _, ok := cl.Mapping(here, noon.Add(time.Minute)); ok != c.kept {
				t.Errorf("kept: %v", ok)
			}
		})
	}
	t.Run("an address in another country", func(t *testing.T) {
		a, now := newAuthority(t), noon
		a.change = func(m *lost.Mapping) {
			at := pidflo.Civic{}
			at.Set("country", "AT")
			m.Boundaries = []lost.Boundary{{Profile: lost.ProfileCivic, Civics: []pidflo.Civic{at}}}
		}
		cl := client(t, &now, nil, a.URL)
		if got, err := cl.Ask(t.Context(), e911.Place{Civic: e911.Civic{Country: "US", A1: "MA", A3: "Cambridge", RD: "Main", HNO: "1"}}); err == nil {
			t.Errorf("used: %+v", got)
		}
	})
}

// A mapping that holds for ever is asked for again after a week, and stays in
// use while nobody answers.
//
// Proves: RFC 5222 section 5.2, E3
func TestAMappingForEverIsLookedAfter(t *testing.T) {
	a, now := newAuthority(t), noon
	a.change = func(m *lost.Mapping) { m.Expires = lost.Expires{Caching: lost.NoExpiration} }
	cl := client(t, &now, nil, a.URL)
	here := func(yield func(e911.Place) bool) { yield(at(42.5, -71.5, 0)) }
	for _, c := range []struct {
		after time.Duration
		asked int
	}{{0, 1}, {6 * 24 * time.Hour, 0}, {8 * 24 * time.Hour, 1}, {9 * 24 * time.Hour, 0}} {
		now = noon.Add(c.after)
		if w, err := cl.Warm(t.Context(), here); err != nil || w.Asked != c.asked {
			t.Errorf("after %v: %+v, %v", c.after, w, err)
		}
	}
	a.down.Store(true)
	now = noon.Add(30 * 24 * time.Hour)
	if _, err := cl.Warm(t.Context(), here); err != nil {
		t.Logf("down: %v", err)
	}
	if _, ok := cl.Mapping(at(42.5, -71.5, 0), now); !ok {
		t.Error("lost while the upstream is down")
	}
}

// The one that is asked first has the last word, whatever date the other puts on
// its mapping.
//
// Proves: F-23
func TestALowerAuthorityReplacesNothing(t *testing.T) {
	first, second, now := newAuthority(t), newAuthority(t), noon
	second.change = func(m *lost.Mapping) {
		m.DisplayNames[0].Text, m.LastUpdated, m.Expires.At = "Usurper", noon.Add(time.Minute), noon.Add(100*time.Hour)
	}
	cl := client(t, &now, nil, first.URL, second.URL)
	if _, err := cl.Ask(t.Context(), at(42.5, -71.5, 0)); err != nil {
		t.Fatal(err)
	}
	first.down.Store(true)
	// A circle across the edge is in no boundary, so that it is asked for.
	if got, err := cl.Ask(t.Context(), at(42.5, -71.0001, 50)); err != nil || got.Name != "Usurper" {
		t.Fatalf("%+v, %v", got, err)
	}
	if got, ok := cl.Mapping(at(42.4, -71.4, 0), noon.Add(time.Minute)); !ok || got.Name != "Cambridge" {
		t.Errorf("%+v, %v", got, ok)
	}
	if got, ok := cl.Mapping(at(42.4, -71.4, 0), noon.Add(2*time.Hour)); !ok || got.Name != "Usurper" {
		t.Errorf("when the first one has expired: %+v, %v", got, ok)
	}
}

// hole accepts connections and never answers, nor reads.
func hole(t *testing.T) (addr string) {
	t.Helper()
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var conns []net.Conn
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			conns = append(conns, c)
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		wg.Wait()
		for _, c := range conns {
			_ = c.Close()
		}
	})
	return ln.Addr().String()
}

// An upstream that is killed, or that a firewall swallows, changes nothing for
// the places that were asked for before; and after some failures nobody waits
// for it.
//
// Proves: E3
func TestAnUpstreamThatIsKilledOrSwallowedChangesNothing(t *testing.T) {
	for _, c := range []struct {
		name string
		end  func(t *testing.T, a *authority, to *atomic.Value)
	}{
		{"killed", func(_ *testing.T, a *authority, _ *atomic.Value) { a.CloseClientConnections(); a.Close() }},
		{"swallowed", func(t *testing.T, a *authority, to *atomic.Value) { to.Store(hole(t)); a.CloseClientConnections() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, now := newAuthority(t), noon
			var to atomic.Value
			to.Store(strings.TrimPrefix(a.URL, "http://"))
			transport := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, network, to.Load().(string))
			}}
			t.Cleanup(transport.CloseIdleConnections)
			cl := client(t, &now, func(cfg *lostc.Config) { cfg.Transport, cfg.Within = transport, 100*time.Millisecond }, "http://ecrf.example")
			if _, err := cl.Ask(t.Context(), at(42.5, -71.5, 0)); err != nil {
				t.Fatal(err)
			}
			c.end(t, a, &to)
			for range 3 {
				if got, err := cl.Ask(t.Context(), at(42.2, -71.2, 10)); err != nil || got.Name != "Cambridge" {
					t.Errorf("inside: %+v, %v", got, err)
				}
				if _, err := cl.Ask(t.Context(), at(44, -71.5, 0)); err == nil {
					t.Error("outside: an answer")
				}
			}
			begin := time.Now()
			if _, err := cl.Ask(t.Context(), at(44, -71.5, 0)); err == nil || time.Since(begin) > 50*time.Millisecond {
				t.Errorf("the fourth time: %v after %v", err, time.Since(begin))
			}
			now = now.Add(6 * time.Second) // it is asked again
			if _, err := cl.Ask(t.Context(), at(44, -71.5, 0)); err == nil || strings.Contains(err.Error(), "left alone") {
				t.Errorf("later: %v", err)
			}
		})
	}
}

// Proves: E3
func TestAnAnswerThatIsTooLargeOrPacked(t *testing.T) {
	now := noon
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	if _, err := z.Write(make([]byte, 64<<20)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, want string
		handler    http.HandlerFunc
	}{
		{"10 MB", "larger", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(bytes.Repeat([]byte(" "), 10<<20)) }},
		{"a bomb", "packed", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(bomb.Bytes())
		}},
		{"no mapping", "mapping", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `<findServiceResponse xmlns="urn:ietf:params:xml:ns:lost1"><path><via source="a.b"/></path></findServiceResponse>`)
		}},
		{"for a location that was not asked", "not asked", func(w http.ResponseWriter, _ *http.Request) {
			m := (&authority{}).mapping()
			b, _ := lost.Marshal(&lost.FindServiceResponse{Mappings: []lost.Mapping{m}, Path: []lost.Via{{Source: "a.b"}}, LocationUsed: "other"})
			_, _ = w.Write(b)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv := httptest.NewServer(c.handler)
			defer srv.Close()
			_, err := client(t, &now, nil, srv.URL).Ask(t.Context(), at(42.5, -71.5, 0))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
	t.Run("by value too large, by reference not", func(t *testing.T) {
		var asked []lost.BoundaryForm
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			q, err := lost.ParseAs[*lost.FindService](b, lost.Limits{})
			if err != nil {
				t.Error(err)
				return
			}
			asked = append(asked, q.Boundary)
			if q.Boundary == lost.ByValue {
				_, _ = w.Write(bytes.Repeat([]byte(" "), 10<<20))
				return
			}
			m := (&authority{}).mapping()
			m.Boundaries, m.Reference = nil, lost.BoundaryReference{Source: "ecrf.example", Key: "k"}
			b, _ = lost.Marshal(&lost.FindServiceResponse{Mappings: []lost.Mapping{m}, Path: []lost.Via{{Source: "a.b"}}})
			_, _ = w.Write(b)
		}))
		defer srv.Close()
		got, err := client(t, &now, nil, srv.URL).Ask(t.Context(), at(42.5, -71.5, 0))
		if err != nil || got.Name != "Cambridge" || len(asked) != 2 {
			t.Errorf("%+v, %v, asked %v", got, err, asked)
		}
	})
}

// A certificate that has expired is told once, in words that say what to do.
//
// Proves: E3
func TestAnExpiredCertificateIsAnAlarm(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	last := time.Now().Add(-time.Hour)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ecrf.example"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: last.Add(-24 * time.Hour), NotAfter: last, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	own, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(own)
	for _, c := range []struct {
		name, want string
		roots      *x509.CertPool
	}{{"expired", "to " + last.UTC().Format(time.DateOnly), roots}, {"signed by nobody", "root certificate", x509.NewCertPool()}} {
		t.Run(c.name, func(t *testing.T) {
			srv := httptest.NewUnstartedServer(http.NotFoundHandler())
			srv.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}} //nolint:gosec // of a test
			if c.name != "expired" {
				srv.TLS.Certificates = nil // httptest's own
			}
			srv.Config.ErrorLog = log.New(io.Discard, "", 0)
			srv.StartTLS()
			defer srv.Close()
			now := noon
			var alarms []journal.Alarm
			cl := client(t, &now, func(cfg *lostc.Config) {
				cfg.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: c.roots}} //nolint:gosec // of a test
				cfg.Alarm = func(a journal.Alarm) { alarms = append(alarms, a) }
			}, srv.URL)
			for range 3 {
				if _, err := cl.Ask(t.Context(), at(42.5, -71.5, 0)); err == nil {
					t.Fatal("an answer")
				}
			}
			if len(alarms) != 1 || alarms[0].Code != lostc.AlarmCertificate || !strings.Contains(alarms[0].Detail, "up0.example") || !strings.Contains(alarms[0].Detail, c.want) {
				t.Errorf("%+v", alarms)
			}
		})
	}
}
