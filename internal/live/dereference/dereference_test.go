package dereference

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/wire/held"
)

const (
	orgA, orgB = e911.OrgID("org-a"), e911.OrgID("org-b")

	presence = `<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="pres:x@example.org"><tuple id="t"><status>` +
		`<geopriv xmlns="urn:ietf:params:xml:ns:pidf:geopriv10"><location-info>` +
		`<civicAddress xmlns="urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr"><country>US</country><A1>MA</A1><A3>Cambridge</A3><RD>Main</RD><HNO>1</HNO></civicAddress>` +
		`</location-info><usage-rules/><method>Wiremap</method></geopriv></status></tuple></presence>`
	response = `<locationResponse xmlns="urn:ietf:params:xml:ns:geopriv:held">` + presence + `</locationResponse>`
)

func client(t *testing.T, change ...func(*Config)) *Client {
	t.Helper()
	cfg := Config{Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Within: 5 * time.Second}
	for _, f := range change {
		f(&cfg)
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func server(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func ask(t *testing.T, c *Client, uri string) Answer {
	t.Helper()
	select {
	case a := <-c.Ask(Question{Org: orgA, URI: uri, Trusted: true}):
		return a
	case <-time.After(10 * time.Second):
		t.Fatal("no answer at all")
		return Answer{}
	}
}

// Proves: F-17; RFC 6753 sections 3 and 4 (POST of a locationRequest, GET where
// the server takes no POST; a locationResponse or a presence document comes).
func TestAnotherServerIsAsked(t *testing.T) {
	for name, row := range map[string]struct {
		answer func(w http.ResponseWriter, r *http.Request)
		method string
		err    error
		says   string
	}{
		"a locationResponse to a POST": {
			answer: func(w http.ResponseWriter, r *http.Request) {
				b, _ := io.ReadAll(r.Body)
				q, err := held.ParseRequest(b)
				if err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != held.ContentType || !q.HasWithin {
					http.Error(w, "not a location request", http.StatusTeapot)
					return
				}
				_, _ = io.WriteString(w, response)
			},
			method: http.MethodPost,
		},
		"a server that takes GET alone": {
			answer: func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodGet {
					http.Error(w, "", http.StatusMethodNotAllowed)
					return
				}
				_, _ = io.WriteString(w, presence)
			},
			method: http.MethodGet,
		},
		"a HELD error": {
			answer: func(w http.ResponseWriter, _ *http.Request) {
				_, _ = io.WriteString(w, `<error xmlns="urn:ietf:params:xml:ns:geopriv:held" code="locationUnknown"/>`)
			},
			method: http.MethodPost, err: ErrAnswer, says: "locationUnknown",
		},
		"another reference instead of a location": {
			answer: func(w http.ResponseWriter, _ *http.Request) {
				_, _ = io.WriteString(w, `<locationResponse xmlns="urn:ietf:params:xml:ns:geopriv:held"><locationUriSet expires="2030-01-01T00:00:00Z"><locationURI>https://x.example/1</locationURI></locationUriSet></locationResponse>`)
			},
			method: http.MethodPost, err: ErrAnswer, says: "another reference",
		},
		"404": {
			answer: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) },
			method: http.MethodPost, err: ErrAnswer, says: "404",
		},
		"an answer without end": {
			answer: func(w http.ResponseWriter, _ *http.Request) {
				for range 64 {
					_, _ = w.Write(bytes.Repeat([]byte(" "), 4096))
				}
			},
			method: http.MethodPost, err: ErrAnswer, says: "longer than",
		},
		"a redirect to another host": {
			answer: func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "http://127.0.0.9:1/secret", http.StatusTemporaryRedirect)
			},
			method: http.MethodPost, err: errRedirect,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := server(t, row.answer)
			a := ask(t, client(t), s.URL+"/loc/abc")
			if !errors.Is(a.Err, row.err) || (a.Err == nil) != (a.Doc != nil) || a.Method != row.method {
				t.Fatalf("%s, %v, document %v", a.Method, a.Err, a.Doc != nil)
			}
			if a.Err != nil && (!strings.Contains(a.Err.Error(), row.says) || strings.Contains(a.Err.Error(), "/loc/abc")) {
				t.Errorf("it says %q; want %q in it, and never the reference", a.Err, row.says)
			}
			if a.Doc != nil && (len(a.Doc.Locations()) != 1 || a.Host == "" || a.Took <= 0) {
				t.Errorf("%d locations of %q in %v", len(a.Doc.Locations()), a.Host, a.Took)
			}
		})
	}
}

// Proves: F-17 (a reference makes us ask no address of our own machine, link or
// cloud, whatever name it hides behind).
func TestWhatIsNeverAsked(t *testing.T) {
	asked := atomic.Int32{}
	s := server(t, func(http.ResponseWriter, *http.Request) { asked.Add(1) })
	port := s.URL[strings.LastIndexByte(s.URL, ':')+1:]
	c := client(t, func(cfg *Config) { cfg.Networks = nil })
	for _, uri := range []string{
		s.URL + "/loc/1", "http://localhost:" + port + "/loc/1", "http://[::ffff:127.0.0.1]:" + port + "/x", "http://0.0.0.0:" + port + "/x",
		"http://169.254.169.254/latest/meta-data", "http://100.100.100.200/x", "http://[fd00:ec2::254]/x", "http://[fe80::1]/x", "http://[64:ff9b::7f00:1]:" + port + "/x",
		"http://224.0.0.1/x", "file:///etc/passwd", "ftp://lis.example.org/x", "http://user:secret@lis.example.org/x", "https:///x", "http://%zz/",
		"https://lis.example.org/" + strings.Repeat("x", maxURI),
	} {
		if a := ask(t, c, uri); !errors.Is(a.Err, ErrRefused) {
			t.Errorf("%.60s: %v", uri, a.Err)
		}
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("%d requests came", n)
	}
}

// Proves: F-17 (an unknown source makes us ask only servers that are known, and
// what one tenant's telephones showed is not known of another: E14).
func TestWhoMayMakeUsAsk(t *testing.T) {
	s := server(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, response) })
	host := strings.TrimPrefix(s.URL, "http://")
	c := client(t)
	unknown := Question{Org: orgA, URI: s.URL + "/loc/1"}
	if a := <-c.Ask(unknown); !errors.Is(a.Err, ErrRefused) {
		t.Errorf("unknown source, unknown host: %v", a.Err)
	}
	if a := ask(t, c, s.URL+"/loc/2"); a.Err != nil {
		t.Fatal(a.Err)
	}
	if a := <-c.Ask(unknown); a.Err != nil {
		t.Errorf("the host was referred to by a known source: %v", a.Err)
	}
	other := Question{Org: orgB, URI: s.URL + "/loc/2"}
	if a := <-c.Ask(other); !errors.Is(a.Err, ErrRefused) {
		t.Errorf("another organisation's host: %v", a.Err)
	}
	if _, ok := c.Known(orgB, s.URL+"/loc/2"); ok {
		t.Error("another organisation's answer is known")
	}
	configured := client(t, func(cfg *Config) { cfg.Hosts = []string{host} })
	if a := <-configured.Ask(unknown); a.Err != nil {
		t.Errorf("a configured host: %v", a.Err)
	}
	if _, err := New(Config{Hosts: []string{"https://lis.example.org/x", ""}, Most: 1, Within: time.Hour}); err == nil || strings.Count(err.Error(), "\n") != 3 {
		t.Errorf("not every fault is said: %v", err)
	}
}

// Proves: F-17 (references of a registration are dereferenced ahead), E3.
func TestAheadOfTheCall(t *testing.T) {
	asked, answered := make(chan struct{}, 8), make(chan struct{})
	s := server(t, func(w http.ResponseWriter, _ *http.Request) {
		asked <- struct{}{}
		<-answered
		_, _ = io.WriteString(w, response)
	})
	var mu sync.Mutex
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	c := client(t, func(cfg *Config) {
		cfg.Now = func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	})
	q := Question{Org: orgA, URI: s.URL + "/loc/1", Trusted: true}
	c.Ahead(q)
	<-asked
	if _, ok := c.Known(orgA, q.URI); ok {
		t.Error("known before it was answered")
	}
	same := c.Ask(q) // joins the question that is under way
	close(answered)
	if a := <-same; a.Err != nil {
		t.Fatal(a.Err)
	}
	if a, ok := c.Known(orgA, q.URI); !ok || a.Doc == nil {
		t.Error("the answer is not known")
	}
	c.Ahead(q)
	if len(asked) != 0 {
		t.Error("asked again inside a minute")
	}
	mu.Lock()
	now = now.Add(keep + time.Second)
	mu.Unlock()
	if _, ok := c.Known(orgA, q.URI); ok {
		t.Error("an answer of 15 minutes ago stands for a new one")
	}
}

// Proves: E3, E14 (a location server that hangs takes a quarter of the room, and
// the end of this process waits for no server).
func TestAServerThatHangs(t *testing.T) {
	hang := make(chan struct{})
	s := server(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	})
	t.Cleanup(func() { close(hang) })
	c := client(t, func(cfg *Config) { cfg.Most = 8 })
	var waiting []<-chan Answer
	for i := range 2 {
		waiting = append(waiting, c.Ask(Question{Org: orgA, URI: s.URL + "/loc/" + string(rune('a'+i)), Trusted: true}))
	}
	if a := ask(t, c, s.URL+"/loc/z"); !errors.Is(a.Err, ErrBusy) {
		t.Errorf("a third question to the host: %v", a.Err)
	}
	c.Close()
	for _, w := range waiting {
		if a := <-w; !errors.Is(a.Err, ErrClosed) {
			t.Errorf("after the close: %v", a.Err)
		}
	}
	if a := ask(t, c, s.URL+"/loc/y"); !errors.Is(a.Err, ErrClosed) {
		t.Errorf("asked after the close: %v", a.Err)
	}
}

// Proves: F-17 (connections to known location servers are kept open).
func TestConnectionsAreKeptOpen(t *testing.T) {
	var mu sync.Mutex
	from := map[string]int{}
	touched := make(chan struct{}, 8)
	s := server(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		from[r.RemoteAddr]++
		mu.Unlock()
		if r.Method == http.MethodHead {
			touched <- struct{}{}
			return
		}
		_, _ = io.WriteString(w, response)
	})
	c := client(t)
	c.mu.Lock()
	u, _, err := read(s.URL + "/loc/0")
	if err != nil {
		t.Fatal(err)
	}
	c.hosts.seen(orgA, u, time.Now())
	c.mu.Unlock()
	c.warm(t.Context())
	<-touched
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Run(over); err != nil {
		t.Fatal(err)
	}
	if a := ask(t, c, s.URL+"/loc/1"); a.Err != nil {
		t.Fatal(a.Err)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(from) != 1 {
		t.Errorf("the question made a connection of its own: %v", from)
	}
}

// Proves: E1
func TestAFaultWhileAnAnswerIsReadIsAnAnswer(t *testing.T) {
	s := server(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, response) })
	var asked atomic.Int32
	c := client(t, func(cfg *Config) {
		cfg.Now = func() time.Time {
			if asked.Add(1) == 3 { // when the answer is there
				panic("a fault")
			}
			return time.Now()
		}
	})
	if a := ask(t, c, s.URL+"/1"); !errors.Is(a.Err, ErrAnswer) || a.Doc != nil || a.Host == "" {
		t.Errorf("answer = %+v", a)
	}
	if a := ask(t, c, s.URL+"/2"); a.Err != nil {
		t.Errorf("the next answer: %v", a.Err)
	}
}
