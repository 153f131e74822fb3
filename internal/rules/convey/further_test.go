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
	"github.com/callbox911/callbox/wire/sipgeo"
)

// lost is a source of our own that was not chosen.
func lost(by e911.LocatedBy, rank locate.Rank, room string, change ...func(*locate.Lost)) locate.Lost {
	l := locate.Lost{Usable: true, Candidate: locate.Candidate{
		Rank: rank, Via: "held", Method: locate.MethodOf(by),
		Evidence: locate.Evidence{By: by, At: now.Add(-5 * time.Minute), Place: e911.Place{
			Civic: e911.Civic{Country: "US", A1: "MA", A3: "Cambridge", RD: "Massachusetts", STS: "Avenue", HNO: "795", ROOM: room},
		}},
	}}
	for _, f := range change {
		f(&l)
	}
	return l
}

// Proves: F-05, F-26 (each object is one source's word; RFC 6442 section 4.2: the
// first value is the one by which the call was routed)
func TestWhatWasNotChosenTravelsAfterWhatWas(t *testing.T) {
	others := func(l ...locate.Lost) func(*convey.Call) {
		return func(c *convey.Call) {
			c.Where.Lost = l
			c.Came.Values = []sipgeo.Location{{URI: "cid:came@pbx.example"}, {URI: "https://other.example/loc/1"}}
		}
	}
	wifi, number := lost(e911.ByBSSID, locate.RankNetwork, "400"), lost(e911.ByNumber, locate.RankNumber, "500", func(l *locate.Lost) { l.At = time.Time{} })
	for name, row := range map[string]struct {
		call    convey.Call
		profile e911.HeaderProfile
		slim    bool
		want    string // Geolocation without brackets
		rooms   []string
	}{
		"two of them, after what came in": {
			call: theCall(others(wifi, number)), profile: e911.ProfileCarrier,
			want: "cid:loc-c1@callbox.example cid:came@pbx.example https://other.example/loc/1 cid:loc2-c1@callbox.example cid:loc3-c1@callbox.example", rooms: []string{"210", "400", "500"},
		},
		"never more than two": {
			call: theCall(others(wifi, number, lost(e911.ByPrivateIP, locate.RankNetwork, "600"))), profile: e911.ProfileI3,
			want:  "cid:loc-c1@callbox.example https://lis.example/loc/k1.call cid:came@pbx.example https://other.example/loc/1 cid:loc2-c1@callbox.example cid:loc3-c1@callbox.example",
			rooms: []string{"210", "400", "500"},
		},
		"none in the slim INVITE": {
			call: theCall(others(wifi)), profile: e911.ProfileI3, slim: true,
			want: "https://lis.example/loc/k1.call https://other.example/loc/1",
		},
		"none on a route of numbers": {call: theCall(others(wifi)), profile: e911.ProfileELIN},
		"not what would send help elsewhere, what came in, or what is doubted": {
			call: theCall(others(
				lost(e911.ByBSSID, locate.RankNetwork, "401", func(l *locate.Lost) { l.Usable = false }),
				lost(e911.ByPIDFLO, locate.RankInvite, "402"),
				lost(e911.ByPIDFLO, locate.RankToken, "403", func(l *locate.Lost) { l.Via = locate.ViaReference }),
				lost(e911.ByBSSID, locate.RankNetwork, "404", func(l *locate.Lost) { l.Doubt = "no method" }),
			)), profile: e911.ProfileCarrier,
			want: "cid:loc-c1@callbox.example cid:came@pbx.example https://other.example/loc/1", rooms: []string{"210"},
		},
		"not the same place again, nor the building of the room": {
			call: theCall(others(
				lost(e911.ByBSSID, locate.RankNetwork, "210", func(l *locate.Lost) { l.Place.Civic.FLR = "2" }),
				lost(e911.BySiteDefault, locate.RankSite, ""),
			)), profile: e911.ProfileCarrier,
			want: "cid:loc-c1@callbox.example cid:came@pbx.example https://other.example/loc/1", rooms: []string{"210"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			leg := convey.Write(row.call, trunk(row.profile), target, row.slim)
			if got := strings.NewReplacer("<", "", ">", "", ",", "").Replace(leg.Geolocation); got != row.want {
				t.Errorf("Geolocation\n got %s\nwant %s", got, row.want)
			}
			var rooms []string
			for _, p := range leg.Parts {
				if p.Type == "application/pidf+xml" {
					rooms = append(rooms, field(t, p.Body, "ROOM"))
				}
			}
			if !slices.Equal(rooms, row.rooms) {
				t.Errorf("rooms %v, want %v", rooms, row.rooms)
			}
		})
	}
}

// Proves: E10, F-17 (what a PSAP is sent in the call is the location alone)
func TestWhatARequestInTheCallCarries(t *testing.T) {
	call := theCall(func(c *convey.Call) {
		c.Came.Values = []sipgeo.Location{{URI: "cid:came@pbx.example"}, {URI: "https://other.example/loc/1"}}
	}, came("Priority", "emergency"), came("Identity", "x"))
	leg := convey.Update(call, trunk(e911.ProfileI3))
	if leg.Object == nil || len(leg.Parts) != 1 || leg.Forward {
		t.Fatalf("%d parts, forward %v", len(leg.Parts), leg.Forward)
	}
	if want := "<cid:loc-c1@callbox.example>, <https://lis.example/loc/k1.call>, <https://other.example/loc/1>"; leg.Geolocation != want {
		t.Errorf("Geolocation %s, want %s", leg.Geolocation, want)
	}
	for _, h := range leg.Headers {
		if !slices.Contains([]string{"Geolocation", "Geolocation-Routing", "Supported"}, h.Name) {
			t.Errorf("it carries %s", h.Name)
		}
	}
	for _, p := range []e911.HeaderProfile{e911.ProfileELIN, e911.ProfilePlain} {
		if leg := convey.Update(call, trunk(p)); leg.Object != nil || len(leg.Parts)+len(leg.Headers) != 0 {
			t.Errorf("%s: a route of numbers carries a location", p)
		}
	}
}

// field is the text of the one element of that name; empty when there is none.
func field(t *testing.T, doc []byte, local string) string {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(doc))
	var out []string
	for {
		tok, err := d.Token()
		if err != nil {
			break
		}
		if e, ok := tok.(xml.StartElement); ok && e.Name.Local == local {
			var text string
			if err := d.DecodeElement(&text, &e); err != nil {
				t.Fatal(err)
			}
			out = append(out, strings.TrimSpace(text))
		}
	}
	if len(out) > 1 {
		t.Fatalf("%d elements %s", len(out), local)
	}
	return strings.Join(out, "")
}
