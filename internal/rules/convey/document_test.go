package convey_test

import (
	"bytes"
	"encoding/xml"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/convey"
	"github.com/callbox911/callbox/internal/rules/locate"
)

// all are the texts of the elements of that name, as written.
func all(t *testing.T, doc []byte, local string) (out []string) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(doc))
	for {
		tok, err := d.Token()
		if err != nil {
			return out
		}
		if e, ok := tok.(xml.StartElement); ok && e.Name.Local == local {
			var in struct {
				Text string `xml:",chardata"`
			}
			// A copy of the reader goes on inside the element: others of the name may
			// stand there.
			if err := d.DecodeElement(&in, &e); err != nil {
				t.Fatal(err)
			}
			out = append(out, strings.TrimSpace(in.Text))
		}
	}
}

// Proves: F-26, each of its clauses on the bytes as written.
func TestTheLocationObjectClauseByClause(t *testing.T) {
	written := func(change ...func(*convey.Call)) []byte {
		t.Helper()
		leg := convey.Write(theCall(change...), trunk(e911.ProfileCarrier), target, false)
		if leg.Object == nil {
			t.Fatal("no location object")
		}
		return leg.Object
	}
	want := func(t *testing.T, doc []byte, local string, texts ...string) {
		t.Helper()
		if got := all(t, doc, local); !slices.Equal(got, texts) {
			t.Errorf("%s = %q, want %q in\n%s", local, got, texts, doc)
		}
	}
	count := func(t *testing.T, doc []byte, local string, n int) {
		t.Helper()
		if got := len(all(t, doc, local)); got != n {
			t.Errorf("%d elements %s, want %d in\n%s", got, local, n, doc)
		}
	}
	t.Run("one device with one geopriv", func(t *testing.T) {
		doc := written()
		count(t, doc, "device", 1)
		if n := bytes.Count(doc, []byte("<gp:geopriv>")); n != 1 {
			t.Errorf("%d geopriv", n)
		}
		for _, other := range []string{"tuple", "person"} {
			count(t, doc, other, 0)
		}
	})
	t.Run("the point stands before the civic address, both of one source", func(t *testing.T) {
		doc := written(func(c *convey.Call) {
			other := lost(e911.ByBSSID, locate.RankNetwork, "400")
			other.Place.Area = &e911.Area{Point: e911.Point{Lat: 1, Lon: 2}}
			c.Where.Place.Area, c.Where.Lost = nil, []locate.Lost{other}
		})
		count(t, doc, "Point", 0)
		count(t, doc, "civicAddress", 1)
		doc = written()
		want(t, doc, "pos", "42.36684 -71.10565")
		if p, c := bytes.Index(doc, []byte(":Point")), bytes.Index(doc, []byte(":civicAddress")); p < 0 || p > c {
			t.Errorf("the point stands at %d, the address at %d", p, c)
		}
	})
	t.Run("CLDXF fields", func(t *testing.T) {
		doc := written(func(c *convey.Call) {
			c.Where.Place.Civic.BLD, c.Where.Place.Civic.UNIT, c.Where.Place.Civic.LOC = "Mill 1", "B", "by the stairs"
		})
		for name, text := range map[string]string{"BLD": "Mill 1", "FLR": "2", "UNIT": "B", "ROOM": "210", "LOC": "by the stairs", "HNO": "795", "RD": "Massachusetts", "STS": "Avenue", "A1": "MA", "A3": "Cambridge", "country": "US"} {
			want(t, doc, name, text)
		}
	})
	t.Run("no floor is made up", func(t *testing.T) {
		doc := written(func(c *convey.Call) { c.Where.Place.Civic.FLR, c.Where.Place.Civic.ROOM = "", "" })
		count(t, doc, "FLR", 0)
		count(t, doc, "ROOM", 0)
	})
	t.Run("the time is that of the evidence, not of sending", func(t *testing.T) {
		want(t, written(), "timestamp", now.Add(-time.Minute).Format(time.RFC3339))
	})
	t.Run("it may be passed on, and kept for 24 hours from now", func(t *testing.T) {
		doc := written()
		want(t, doc, "retransmission-allowed", "true")
		want(t, doc, "retention-expiry", now.Add(24*time.Hour).Format(time.RFC3339))
	})
	t.Run("the method is that of the evidence, and Default for what nobody measured", func(t *testing.T) {
		for by, method := range map[e911.LocatedBy]string{
			e911.ByLLDPPort: "Wiremap", e911.ByBSSID: "802.11", e911.ByUserSet: "Manual", e911.ByNumber: "Manual",
		} {
			want(t, written(func(c *convey.Call) { c.Where.By, c.Where.Method = by, locate.MethodOf(by) }), "method", method)
		}
		for _, rank := range []locate.Rank{locate.RankSite, locate.RankNothing} {
			want(t, written(func(c *convey.Call) { c.Where.By, c.Where.Rank, c.Where.Method = e911.BySiteDefault, rank, "Manual" }), "method", "Default")
		}
	})
	t.Run("provided by somebody who answers round the clock, in a business", func(t *testing.T) {
		doc := written()
		want(t, doc, "DataProviderString", "Callbox operator")
		want(t, doc, "ContactURI", "tel:+18005550100")
		want(t, doc, "ServiceEnvironment", "Business")
		want(t, doc, "ServiceType", "MLTS-local")
		want(t, doc, "ServiceMobility", "Nomadic")
	})
	t.Run("the entity is the number, never a mail address", func(t *testing.T) {
		if doc := written(); !bytes.Contains(doc, []byte(`entity="pres:+16175550111@callbox.example"`)) {
			t.Errorf("entity in\n%s", doc)
		}
		doc := written(func(c *convey.Call) { c.Callback, c.Line, c.Subscriber.Name = "", "", "jane@harbor.example" })
		if !bytes.Contains(doc, []byte(`entity="pres:unknown@callbox.example"`)) || bytes.Contains(doc, []byte("jane@")) {
			t.Errorf("entity in\n%s", doc)
		}
	})
}
