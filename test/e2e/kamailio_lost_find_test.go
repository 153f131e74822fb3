package e2e

import (
	"encoding/base64"
	"log/slog"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/live/lostd"
	"github.com/callbox911/callbox/internal/rules/civic"
	"github.com/callbox911/callbox/internal/snapshot"
	"github.com/callbox911/callbox/wire/pidflo"
)

// What Debian's Kamailio makes of the LoST server, by its own HTTP client and
// its own XML parser. Polygons and ellipses are left out: 5.6.3 sends another
// place for them.
//
// Proves: W-10, RFC 5222
func TestKamailioAsksTheLoSTServer(t *testing.T) {
	world, err := snapshot.Build([]snapshot.Change{
		{Kind: e911.KindOrg, Org: "org", ID: "org", Object: e911.Org{ID: "org", Key: "org", Name: "Org"}},
		{Kind: e911.KindPSAP, ID: "p1", Object: e911.PSAP{
			ID: "p1", Key: "cambridge", Name: "Cambridge", Boundary: e911.Boundary{State: "MA", County: "Middlesex"},
			Area: e911.MultiPolygon{{{{Lat: 42, Lon: -72}, {Lat: 42, Lon: -71}, {Lat: 43, Lon: -71}, {Lat: 43, Lon: -72}}}},
		}},
	}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	holder := &snapshot.Holder{}
	holder.Store(world)
	h, err := lostd.New(lostd.Config{
		Snapshot: holder, Name: "lost.callbox.example", URI: "sip:911@callbox.example", Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	k := startKamailio(t, srv.URL, srv.URL, srv.URL+"/lost")

	mill := e911.Civic{Country: "US", A1: "MA", A2: "Middlesex County", A3: "Cambridge", HNO: "795", RD: "Massachusetts", STS: "Avenue"}
	elsewhere := mill
	elsewhere.A2 = "Essex"
	for _, c := range []struct {
		name, service         string
		shape                 pidflo.Shape
		civic                 e911.Civic
		code, uri, psap, fail string
	}{
		{"a point", "urn:service:sos", pidflo.Point{Pos: pidflo.Pos{Lat: 42.36684, Lon: -71.10565}}, e911.Civic{}, "200", "sip:911@callbox.example", "Cambridge", ""},
		{"a circle", "urn:service:sos.police", pidflo.Circle{Center: pidflo.Pos{Lat: 42.36684, Lon: -71.10565}, Radius: 50}, e911.Civic{}, "200", "sip:911@callbox.example", "Cambridge", ""},
		{"an address", "urn:service:sos", nil, mill, "200", "sip:911@callbox.example", "Cambridge", ""},
		{"a child that is not mapped", "urn:service:sos.marine", pidflo.Point{Pos: pidflo.Pos{Lat: 42.36684, Lon: -71.10565}}, e911.Civic{}, "200", "sip:911@callbox.example", "Cambridge", ""},
		{"a point outside", "urn:service:sos", pidflo.Point{Pos: pidflo.Pos{Lat: 10, Lon: 10}}, e911.Civic{}, "500", "", "", "notFound"},
		{"an address elsewhere", "urn:service:sos", nil, elsewhere, "500", "", "", "notFound"},
		{"another service", "urn:service:counseling", pidflo.Point{Pos: pidflo.Pos{Lat: 42.36684, Lon: -71.10565}}, e911.Civic{}, "500", "", "", "serviceNotImplemented"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := pidflo.Geopriv{}
			if c.shape != nil {
				g.Info = append(g.Info, pidflo.Chunk{Shape: c.shape})
			} else {
				g.Info = append(g.Info, pidflo.Chunk{Civic: civic.ToPIDF(c.civic)})
			}
			doc, err := pidflo.Marshal(&pidflo.Document{Entity: "pres:desk@callbox.example", Elements: []pidflo.Element{{Kind: pidflo.Device, ID: "d", DeviceID: "mac:001122aabbcc", Geopriv: []pidflo.Geopriv{g}}}})
			if err != nil {
				t.Fatal(err)
			}
			k.service = c.service
			got, err := k.ask("find", base64.StdEncoding.EncodeToString(doc), 20*time.Second)
			if err != nil {
				t.Fatal(err)
			}
			if got["x-code"] != c.code || got["x-url"] != c.uri || got["x-name"] != c.psap || got["x-error"] != c.fail {
				t.Errorf("kamailio's result: %s, uri %q, name %q, error %q", got["x-code"], got["x-url"], got["x-name"], got["x-error"])
			}
		})
	}
}
