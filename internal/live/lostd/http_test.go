package lostd_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/callbox911/callbox/internal/live/lostd"
	"github.com/callbox911/callbox/wire/lost"
)

const listQuery = `<listServices xmlns="urn:ietf:params:xml:ns:lost1"/>`

// Proves: RFC 5222 section 14, D-11
func TestHTTPFailuresAreHTTPsToTell(t *testing.T) {
	for _, c := range []struct {
		name, method, path, contentType, encoding, body string
		want                                            int
	}{
		{"LoST", "POST", "/lost", "application/lost+xml", "", listQuery, 200},
		{"the path of the i3 test suite", "POST", "/LoST", "application/lost+xml", "", listQuery, 200},
		{"a charset", "POST", "/lost", "application/lost+xml;charset=utf-8", "", listQuery, 200},
		{"a parameter that is broken", "POST", "/lost", "application/lost+xml; charset", "", listQuery, 200},
		{"XML", "POST", "/lost", "text/xml", "", listQuery, 200},
		{"XML of an application", "POST", "/lost", "Application/XML", "", listQuery, 200},
		{"no type", "POST", "/lost", "", "", listQuery, 200},
		{"no LoST inside is told by LoST", "POST", "/lost", "application/lost+xml", "", "<x/>", 200},
		{"no body", "POST", "/lost", "application/lost+xml", "", "", 200},
		{"another type", "POST", "/lost", "application/json", "", "{}", 415},
		{"packed", "POST", "/lost", "application/lost+xml", "gzip", listQuery, 415},
		{"a browser", "GET", "/lost", "", "", "", 405},
		{"another path", "POST", "/lost/x", "application/lost+xml", "", listQuery, 404},
		{"too large", "POST", "/lost", "application/lost+xml", "", strings.Repeat(" ", 64<<10+1), 413},
		{"a document type", "POST", "/lost", "application/lost+xml", "", `<!DOCTYPE x [<!ENTITY a "b">]>` + listQuery, 200},
		{"too deep", "POST", "/lost", "application/lost+xml", "", strings.Repeat("<a>", 5000), 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := newKit(t, nil)
			r := httptest.NewRequest(c.method, c.path, strings.NewReader(c.body))
			r.RemoteAddr = k.from
			r.Header.Set("Content-Type", c.contentType)
			if c.contentType == "" {
				r.Header.Del("Content-Type")
			}
			if c.encoding != "" {
				r.Header.Set("Content-Encoding", c.encoding)
			}
			w := httptest.NewRecorder()
			k.ServeHTTP(w, r)
			if w.Code != c.want {
				t.Fatalf("HTTP %d, want %d: %s", w.Code, c.want, w.Body)
			}
			if isLoST := bytes.Contains(w.Body.Bytes(), []byte("lost1")); isLoST != (c.want == 200) {
				t.Errorf("LoST in the answer: %v", isLoST)
			}
			if w.Code == 200 && w.Header().Get("Cache-Control") != "no-store" {
				t.Error("the answer may be cached by HTTP")
			}
		})
	}
}

// Proves: E14, RFC 5222 section 13.1
func TestWhomTheServerAnswers(t *testing.T) {
	proxied := func(c *lostd.Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")} }
	for _, c := range []struct {
		name, from, forwarded string
		change                func(*lostd.Config)
		want                  string
	}{
		{"this machine", "127.0.0.1:1", "", nil, "listServicesResponse"},
		{"this machine by IPv6", "[::1]:1", "", nil, "listServicesResponse"},
		{"a network of an organisation", "192.0.2.9:1", "", nil, "listServicesResponse"},
		{"a stranger", "203.0.113.9:1", "", nil, "forbidden"},
		{"a stranger who names himself in a header", "203.0.113.9:1", "127.0.0.1", nil, "forbidden"},
		{"a stranger behind our proxy", "10.0.0.1:1", "203.0.113.9", proxied, "forbidden"},
		{"a stranger behind our proxy who names himself", "10.0.0.1:1", "127.0.0.1, 203.0.113.9", proxied, "forbidden"},
		{"an organisation behind our proxy", "10.0.0.1:1", "192.0.2.9", proxied, "listServicesResponse"},
		{"an address that is none", "nowhere", "", nil, "forbidden"},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := newKit(t, c.change)
			r := httptest.NewRequest(http.MethodPost, "/lost", strings.NewReader(listQuery))
			r.RemoteAddr = c.from
			if c.forwarded != "" {
				r.Header.Set("X-Forwarded-For", c.forwarded)
			}
			w := httptest.NewRecorder()
			k.ServeHTTP(w, r)
			m, err := lost.Parse(w.Body.Bytes())
			if err != nil || outcome(m) != c.want {
				t.Errorf("%v %s", err, w.Body)
			}
		})
	}
}

// Who sends a byte now and then is cut off, and others are answered meanwhile.
//
// Proves: W-10, D-11
func TestSlowClientsHoldNobodyUp(t *testing.T) {
	k := newKit(t, func(c *lostd.Config) { c.Concurrent = 1 })
	held, release := io.Pipe()
	r := httptest.NewRequest(http.MethodPost, "/lost", held)
	r.RemoteAddr = k.from
	var wg sync.WaitGroup
	slow := httptest.NewRecorder()
	wg.Go(func() { k.ServeHTTP(slow, r) })
	if _, err := release.Write([]byte("<listServices ")); err != nil { // it has the one slot
		t.Fatal(err)
	}
	if w := k.post(listQuery, lost.MediaType); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("beyond the slots: HTTP %d", w.Code)
	}
	_ = release.CloseWithError(io.ErrUnexpectedEOF)
	wg.Wait()
	if slow.Code != http.StatusRequestTimeout {
		t.Errorf("the slow one: HTTP %d", slow.Code)
	}
	if w := k.post(listQuery, lost.MediaType); w.Code != http.StatusOK {
		t.Errorf("afterwards: HTTP %d", w.Code)
	}
}

// A body that ends early on a real connection.
//
// Proves: RFC 5222 section 14
func TestABodyThatIsCutOff(t *testing.T) {
	srv := httptest.NewServer(newKit(t, nil))
	defer srv.Close()
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /lost HTTP/1.1\r\nHost: x\r\nContent-Type: application/lost+xml\r\nContent-Length: 100\r\n\r\n<listServices")
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusRequestTimeout {
		t.Errorf("HTTP %d", resp.StatusCode)
	}
}

// Proves: NENA-STA-010.3, style 4
func TestIdentifiersOfACallAreLoggedAndTheLocationIsNot(t *testing.T) {
	var log bytes.Buffer
	k := newKit(t, func(c *lostd.Config) { c.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	q := find(at(40.7123, -73.9851))
	q.CallIDs = lost.CallIDs{CallID: "urn:emergency:uid:callid:abc:test.example", IncidentID: "urn:emergency:uid:incidentid:def:test.example"}
	k.query(t, q)
	if s := log.String(); !strings.Contains(s, "callid:abc") || !strings.Contains(s, "incidentid:def") || strings.Contains(s, "7123") {
		t.Errorf("log: %s", s)
	}
	log.Reset()
	q.CallIDs = lost.CallIDs{CallID: "795 Massachusetts Avenue", IncidentID: "x"}
	k.query(t, q)
	if s := log.String(); strings.Contains(s, "Massachusetts") {
		t.Errorf("log: %s", s)
	}
}

// Proves: RFC 6739 sections 4, 5
func TestSynchronization(t *testing.T) {
	k := newKit(t, nil)
	all := k.query(t, &lost.GetMappingsRequest{}).(*lost.GetMappingsResponse).Mappings
	if len(all) != 3 || len(all[0].Boundaries) != 1 || all[1].Expires.Caching != lost.NoExpiration {
		t.Fatalf("%d mappings", len(all))
	}
	var has []lost.Fingerprint
	for i := range all {
		has = append(has, all[i].Fingerprint())
	}
	if m := k.query(t, &lost.GetMappingsRequest{Exists: has}); outcome(m) != "notFound" {
		t.Errorf("nothing new: %s", outcome(m))
	}
	has[2].LastUpdated = has[2].LastUpdated.Add(-1e9)
	if m, ok := k.query(t, &lost.GetMappingsRequest{Exists: has[1:]}).(*lost.GetMappingsResponse); !ok || len(m.Mappings) != 2 {
		t.Errorf("one unknown and one older: %+v", m)
	}

	push := &lost.PushMappings{Mappings: all[:1]}
	push.Mappings[0].Source = "ecrf.example"
	if m := k.query(t, push); outcome(m) != "forbidden" {
		t.Errorf("who may not push: %s", outcome(m))
	}
	r := &receiver{}
	k = newKit(t, func(c *lostd.Config) {
		c.PushFrom, c.Receiver = []netip.Prefix{netip.MustParsePrefix("203.0.113.1/32")}, r
	})
	if m := k.query(t, push); outcome(m) != "forbidden" {
		t.Errorf("from another address: %s", outcome(m))
	}
	k.from = "203.0.113.1:1"
	if m := k.query(t, push); outcome(m) != "pushMappingsResponse" || len(r.got) != 1 {
		t.Errorf("who may push: %s", outcome(m))
	}
	push.Mappings[0] = lost.Mapping{Source: "ecrf.example", SourceID: "gone", LastUpdated: noon, Expires: lost.Expires{Caching: lost.NoExpiration}}
	if m := k.query(t, push); outcome(m) != "notDeleted" {
		t.Errorf("an unknown deletion: %s", outcome(m))
	}
	push.Mappings[0] = all[0]
	push.Mappings[0].Source = "lost.callbox.example"
	if m := k.query(t, push); outcome(m) != "forbidden" {
		t.Errorf("a mapping of ours: %s", outcome(m))
	}
}

type receiver struct{ got []lost.Mapping }

func (r *receiver) Push(list []lost.Mapping) (missing []lost.Mapping) {
	for _, m := range list {
		if m.Deletes() {
			missing = append(missing, m)
		} else {
			r.got = append(r.got, m)
		}
	}
	return missing
}

// Proves: D-11
func TestAConfigTellsAllItsFaults(t *testing.T) {
	_, err := lostd.New(lostd.Config{Name: "single", URI: "tel:911", TTL: 1, PushFrom: make([]netip.Prefix, 1), UpstreamWithin: -1})
	for _, want := range []string{"snapshot", "single", "tel:911", "1m0s", "receiver", "upstreams"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not tell of %s", err, want)
		}
	}
}

// Whatever comes, the answer is HTTP with a message of LoST, or an HTTP error.
//
// Proves: W-10, E15
func FuzzServe(f *testing.F) {
	k := newKit(f, nil)
	for _, m := range []lost.Message{find(at(40.71, -73.985)), &lost.ListServices{}, &lost.ListServicesByLocation{Locations: at(1, 1)}, &lost.GetServiceBoundary{Key: "x"}, &lost.GetMappingsRequest{}} {
		b, err := lost.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte(`<findService xmlns="urn:ietf:params:xml:ns:lost1"><location id="x" profile="geodetic-2d"><p:Polygon xmlns:p="http://www.opengis.net/gml"><p:exterior><p:LinearRing><p:posList>1 1 2 2 1 2 2 1 1 1</p:posList></p:LinearRing></p:exterior></p:Polygon></location><service>urn:service:sos</service></findService>`))
	f.Fuzz(func(t *testing.T, b []byte) {
		w := k.post(string(b), lost.MediaType)
		if w.Code != http.StatusOK {
			return
		}
		m, err := lost.Parse(w.Body.Bytes())
		if err != nil {
			t.Fatalf("%v in %s", err, w.Body)
		}
		if outcome(m) == "internalError" {
			t.Errorf("for %q: %s", b, w.Body)
		}
	})
}
