package lostd_test

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/callbox911/callbox/wire/lost"
)

// sink is a ResponseWriter that forgets.
type sink struct {
	header http.Header
	status int
	bytes  int
}

func (s *sink) Header() http.Header           { return s.header }
func (s *sink) WriteHeader(status int)        { s.status = status }
func (*sink) SetReadDeadline(time.Time) error { return nil }
func (s *sink) Write(b []byte) (int, error)   { s.bytes += len(b); return len(b), nil }

// replay sends one request again and again, without the cost of making it.
type replay struct {
	r    *http.Request
	body *bytes.Reader
	doc  []byte
	w    sink
}

func newReplay(k *kit, doc string) *replay {
	p := &replay{doc: []byte(doc), body: bytes.NewReader(nil), w: sink{header: http.Header{}}}
	p.r = &http.Request{
		Method: http.MethodPost, URL: &url.URL{Path: "/lost"}, Host: "lost.callbox.example", RemoteAddr: k.from, ContentLength: int64(len(doc)),
		Header: http.Header{"Content-Type": {lost.MediaType + ";charset=utf-8"}},
	}
	return p
}

func (p *replay) send(h http.Handler) {
	clear(p.w.header)
	p.body.Reset(p.doc)
	p.r.Body = io.NopCloser(p.body)
	h.ServeHTTP(&p.w, p.r)
}

const askPoint = `<?xml version="1.0" encoding="UTF-8"?><findService xmlns="urn:ietf:params:xml:ns:lost1" recursive="true" serviceBoundary="reference"><location id="a" profile="geodetic-2d"><p:Point xmlns:p="http://www.opengis.net/gml" srsName="urn:ogc:def:crs:EPSG::4326"><p:pos>40.71 -73.995</p:pos></p:Point></location><service>urn:service:sos</service></findService>`

const askAddress = `<findService xmlns="urn:ietf:params:xml:ns:lost1" validateLocation="true"><location id="a" profile="civic"><civicAddress xmlns="urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr"><country>US</country><A1>NY</A1><A2>New York</A2><A3>New York</A3><RD>Broadway</RD><HNO>123</HNO></civicAddress></location><service>urn:service:sos</service></findService>`

// What one request costs inside the handler, without HTTP's own work.
func BenchmarkServe(b *testing.B) {
	for _, c := range []struct{ name, doc string }{
		{"null", ""}, {"point", askPoint}, {"address", askAddress},
	} {
		b.Run(c.name, func(b *testing.B) {
			k := newKit(b, nil)
			var h http.Handler = k
			if c.doc == "" {
				h = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					_, _ = io.Copy(io.Discard, r.Body)
					_, _ = w.Write([]byte("ok"))
				})
			}
			p := newReplay(k, c.doc)
			p.send(h)
			if c.doc != "" && p.w.bytes < 200 {
				b.Fatal("no answer")
			}
			b.ReportAllocs()
			for b.Loop() {
				p.send(h)
			}
		})
	}
}
