package lis_test

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/live/lis"
	"github.com/callbox911/callbox/wire/held"
)

// Proves: E14
func TestManyAtOnce(t *testing.T) {
	b := newBench(t)
	uri := b.uri(ask{from: inside, req: request(withPort("Gi1/0/7"), withMAC(deskMAC))})
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 100 {
				port := "Gi1/0/1"
				if (g+i)%2 == 0 {
					port = "Gi1/0/7"
				}
				b.pass(time.Millisecond)
				b.room(ask{from: inside, req: request(withPort(port), withMAC(deskMAC))})
				b.room(ask{from: platform, req: request(withID(held.IDURI, "tel:+16175550111"))})
				if r, err := b.server.Resolve(uri, harbor, b.clock()); err != nil || !r.Located {
					t.Errorf("%+v %v", r, err)
				}
				b.server.Latest(harbor, desk)
				if i%20 == 0 && g == 0 {
					b.publish(change(e911.KindElement, harbor, "el-ap-1", e911.Element{ID: "el-ap-1", Org: harbor, Location: floor2, Kind: e911.ElementBSSID, MAC: apFloor1}))
				}
			}
		})
	}
	wg.Wait()
}

// Proves: E14
func TestAConfigTellsAllItsFaults(t *testing.T) {
	_, err := lis.New(lis.Config{BaseURL: "ftp://x?y", URITTL: time.Minute})
	if err == nil {
		t.Fatal("taken")
	}
	for _, want := range []string{"snapshot", "journal", "base URL", "location URI lives"} {
		if !bytes.Contains([]byte(err.Error()), []byte(want)) {
			t.Errorf("%q is not named in: %v", want, err)
		}
	}
}

// What is sent is valid by the schemas of the RFCs, read by another parser.
//
// Proves: W-31, F-26, F-38
func TestAnswersAreValid(t *testing.T) {
	dir := os.Getenv("CALLBOX_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "..", "shared")
	}
	xsd := filepath.Join(dir, "schemas", "xsd", "all.xsd")
	if _, err := os.Stat(xsd); err != nil {
		t.Skipf("no schemas at %s: set CALLBOX_SHARED", xsd)
	}
	lint, err := exec.LookPath("xmllint")
	if err != nil {
		t.Skip("xmllint is not installed (Debian package libxml2-utils)")
	}
	b := newBench(t)
	loc := path(t, b.uri(ask{from: inside, req: request(withPort("Gi1/0/7"))}))
	tmp := t.TempDir()
	args := []string{"--nonet", "--noout", "--schema", xsd}
	for name, a := range map[string]ask{
		"located": {from: inside, req: request(withPort("Gi1/0/7"))},
		"unknown": {from: inside, req: request()},
		"nobody":  {from: stranger, req: request()},
		"bad":     {from: inside, req: request(withID(held.IDURI, "sip:a@b"))},
		"get":     {method: http.MethodGet, path: loc, from: stranger},
		"pidf":    {method: http.MethodGet, path: loc, from: stranger, header: map[string]string{"Accept": "application/pidf+xml"}},
	} {
		file := filepath.Join(tmp, name+".xml")
		if err := os.WriteFile(file, b.do(a).Body.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, file)
	}
	if out, err := exec.Command(lint, args...).CombinedOutput(); err != nil {
		t.Errorf("%s", out)
	}
}

// FuzzServeHTTP: whatever is sent, no panic, and HELD in HTTP 200 or one of the
// few other answers.
//
// Proves: E14, D-11
func FuzzServeHTTP(f *testing.F) {
	f.Add("/held", "POST", "Basic x", "127.0.0.11:1", encode(request(withPort("Gi1/0/7"), withMAC(deskMAC), withID(held.IDURI, "sip:a@b"))))
	f.Add("/held/"+company, "POST", `Digest username="x\"", nonce=`, "203.0.113.7:1", []byte(`<locationRequest/>`))
	f.Add("/loc/k1.AAAA", "GET", "Bearer", "@", []byte(nil))
	b := newBench(f)
	f.Fuzz(func(t *testing.T, target, method, auth, from string, body []byte) {
		r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
		r.Method, r.URL.Path, r.RequestURI, r.RemoteAddr = method, target, target, from
		r.Header.Set("Content-Type", held.ContentType)
		r.Header.Set("Authorization", auth)
		w := httptest.NewRecorder()
		b.server.ServeHTTP(w, r)
		switch w.Code {
		case 200, 400, 401, 404, 405, 406, 411, 412, 413, 415, 429:
		default:
			t.Fatalf("HTTP %d", w.Code)
		}
		if w.Code == 200 && method == http.MethodPost {
			if _, err := held.ParseReply(w.Body.Bytes()); err != nil {
				if _, ok := errors.AsType[*held.Error](err); !ok {
					t.Fatalf("%v: %s", err, w.Body)
				}
			}
		}
		_, _ = b.server.Resolve(target, harbor, b.clock())
	})
}

func BenchmarkHELD(b *testing.B) {
	x := newBench(b)
	body := encode(request(withPort("Gi1/0/7"), withMAC(deskMAC)))
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest(http.MethodPost, "/held", bytes.NewReader(body))
		r.RemoteAddr = inside
		r.Header.Set("Content-Type", held.ContentType)
		w := httptest.NewRecorder()
		x.server.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			b.Fatal(w.Code)
		}
	}
}
