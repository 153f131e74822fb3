package app

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin/desk"
	"github.com/callbox911/callbox/internal/admin/layer"
	"github.com/callbox911/callbox/internal/admin/psapdir"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/emergency"
	"github.com/callbox911/callbox/internal/live/lostc"
	"github.com/callbox911/callbox/internal/rules/route"
	"github.com/callbox911/callbox/internal/sim/phone"
	"github.com/callbox911/callbox/wire/lost"
)

// psapBoundary is a boundary of the authority's around Cambridge.
const psapBoundary = `{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"DiscrpAgID":"town.example.gov","NGUID":"urn:emergency:uid:gis:PSAP:1:town.example.gov",
"Agency_ID":"town.example.gov","ServiceURI":"sip:911@town.example.gov","ServiceURN":"urn:service:sos","ServiceNum":"911","DsplayName":"Town Communications","Country":"US","State":"MA",
"DateUpdate":"2026-01-01T00:00:00Z"},"geometry":{"type":"Polygon","coordinates":[[[-71.5,42],[-70.9,42],[-70.9,42.6],[-71.5,42.6],[-71.5,42]]]}}]}`

// mapOfTheTown imports the boundary as an authoritative layer, and makes it the
// boundary of the PSAP psap-middlesex.
func (a *asked) mapOfTheTown() {
	a.t.Helper()
	a.text = strings.ReplaceAll(a.text, "      boundary: {us_county: \"25017\"}\n      routes: [{trunk: carrier-a}, {trunk: carrier-b}]", "      agency: town.example.gov\n      routes: [{trunk: carrier-a}]")
	a.importWorld("routes: [{trunk: carrier-b}, {trunk: carrier-a}]", "routes: [{trunk: carrier-a}]")
	file := filepath.Join(a.t.TempDir(), "PsapBoundary.geojson")
	if err := os.WriteFile(file, []byte(psapBoundary), 0o600); err != nil {
		a.t.Fatal(err)
	}
	l, err := OpenLayers(a.ctx, a.s.cfg.DataDir)
	if err != nil {
		a.t.Fatal(err)
	}
	defer l.Close()
	p, err := l.Plan(a.ctx, layer.Request{Key: "town", Name: "Town", Source: "Town", Grade: e911.GradeAuthoritative, AsOf: askedFrom, Files: []string{file}})
	if err != nil {
		a.t.Fatal(err)
	}
	if _, err := l.Apply(a.ctx, "test", p.Hash); err != nil {
		a.t.Fatal(err)
	}
}

// upstream is the LoST server of an authority, which names the demonstration's
// other PSAP.
type upstream struct {
	*httptest.Server
	expires time.Time
	hole    atomic.Bool // takes queries and never answers
	asked   atomic.Int64
}

func newUpstream(t *testing.T, expires time.Time) *upstream {
	u := &upstream{expires: expires}
	u.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u.asked.Add(1)
		body, _ := io.ReadAll(r.Body)
		q, err := lost.ParseAs[*lost.FindService](body, lost.Limits{})
		if u.hole.Load() || err != nil {
			<-r.Context().Done()
			return
		}
		b, merr := lost.Marshal(&lost.FindServiceResponse{
			Mappings: []lost.Mapping{{
				Source: "ecrf.state.example", SourceID: "7", LastUpdated: askedFrom, Expires: lost.Expires{At: u.expires}, Service: "urn:service:sos",
				DisplayNames: []lost.Text{{Text: "Suffolk (demonstration)", Lang: "en"}}, URIs: []string{"sip:911@esinet.example"}, ServiceNumber: "911",
			}},
			Path: []lost.Via{{Source: "ecrf.state.example"}}, LocationUsed: q.Locations[0].ID,
		})
		if merr != nil {
			t.Error(merr)
		}
		w.Header().Set("Content-Type", lost.MediaType)
		_, _ = w.Write(b)
	}))
	t.Cleanup(u.Close)
	return u
}

// told is what the journal says of one call.
type told struct {
	routed journal.Routed
	alarms []journal.Alarm
	took   time.Duration // until it was routed
}

// dial calls 911 and reads what is recorded of it.
func (a *asked) dial(facts <-chan journal.Fact) (out told) {
	a.t.Helper()
	from := time.Now()
	call, err := a.desk.Dial(a.ctx, phone.Dialling{Number: "911", Location: a.locate(a.desk).URI})
	if err != nil {
		a.t.Fatal(err)
	}
	if _, err := call.WaitAnswer(a.ctx); err != nil {
		a.t.Fatal(err)
	}
	out.took = time.Since(from)
	if err := call.Hangup(); err != nil {
		a.t.Fatal(err)
	}
	for f := range facts {
		switch f.Kind {
		case journal.CallRouted:
			out.routed, err = journal.Decode[journal.Routed](f)
		case journal.AlarmRaised:
			var alarm journal.Alarm
			if alarm, err = journal.Decode[journal.Alarm](f); alarm.Code == string(emergency.AlarmPSAPDisputed) {
				out.alarms = append(out.alarms, alarm)
			}
		}
		if err != nil {
			a.t.Fatal(err)
		}
		if f.Kind == journal.CallEnded {
			return out
		}
	}
	a.t.Fatal("the journal ended")
	return out
}

// The authority names another PSAP than our own map: its word counts and that is
// an alarm, once; an authority that is dead or silent afterwards changes nothing;
// when its word has expired, our map counts.
//
// Proves: F-23, E3, E11, W-10
func TestACallGoesWhereTheAuthoritySays(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	u := newUpstream(t, askedFrom.Add(time.Hour))
	a := newAsked(ctx, t, func(c *Config) { c.LoST.Upstreams = []lostc.Upstream{{Name: "ecrf.state.example", URL: u.URL}} })
	a.mapOfTheTown()
	facts := a.s.journal.Subscribe(ctx, 1)

	org := a.s.holder.Load().Org(orgWithKey(a.s, demoOrg))
	for l := range org.Locations() {
		if l.Key == "mill-1-f2-210" {
			place, _ := org.Place(l.ID)
			if _, err := a.s.lost.client.Ask(ctx, place); err != nil { // as the warm-up does
				t.Fatal(err)
			}
		}
	}
	check := func(what string, c told, source route.Source, psap string, alarms int) {
		t.Helper()
		if c.routed.By == nil || c.routed.By.Source != string(source) || c.routed.PSAP.Key != psap || len(c.routed.Rungs) == 0 || c.routed.Rungs[0].PSAP.Key != psap {
			t.Errorf("%s: by %+v to %+v, rungs %+v", what, c.routed.By, c.routed.PSAP, c.routed.Rungs)
		}
		if len(c.alarms) != alarms {
			t.Errorf("%s: alarms %+v, want %d", what, c.alarms, alarms)
		}
		if c.took > 5*time.Second {
			t.Errorf("%s: the call took %s", what, c.took)
		}
	}
	first := a.dial(facts)
	check("both known", first, route.SourceAuthority, "psap-suffolk", 1)
	if len(first.alarms) == 1 && (!strings.Contains(first.alarms[0].Detail, "Suffolk") || !strings.Contains(first.alarms[0].Detail, "ecrf.state.example")) {
		t.Errorf("the alarm says %q", first.alarms[0].Detail)
	}
	u.hole.Store(true)
	check("the authority is silent", a.dial(facts), route.SourceAuthority, "psap-suffolk", 0)
	u.CloseClientConnections()
	u.Close()
	check("the authority is gone", a.dial(facts), route.SourceAuthority, "psap-suffolk", 0)
	a.advance(2 * time.Hour)
	check("its word has expired", a.dial(facts), route.SourceLayer, "psap-middlesex", 0)
}

// "911 for somebody elsewhere" by the pages and by the socket: the signed-in user
// asks for his organisation, and the whole directory is used once it was imported.
//
// Proves: E14, F-39, D-12, W-10
func TestWhoAnswersElsewhereOverThePages(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	a := newAsked(ctx, t)
	a.text += secondOrg
	a.mapOfTheTown()
	r, err := a.s.ImportPSAPs(ctx, "lines.csv", strings.NewReader("key,line,line_checked\npsap-middlesex,+16175550133,2026-03-01\n"), psapdir.Options{Now: a.clock()})
	if err != nil || r.Changed != 1 {
		t.Fatalf("%v %+v", err, r)
	}
	get := func(c *http.Client, base, params string) (code int, answer desk.Answer, body string) {
		t.Helper()
		resp, err := c.Get(base + "/api/v1/route?" + params)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		_ = json.Unmarshal(b, &answer)
		return resp.StatusCode, answer, string(b)
	}
	pages := "http://" + a.s.webL.Addr().String()
	if code, _, body := get(http.DefaultClient, pages, "point=42.3668,-71.1057"); code != http.StatusUnauthorized {
		t.Errorf("not signed in: %d %s", code, body)
	}
	ours, theirs := a.signedIn(demoOrg), a.signedIn("other")
	for params, want := range map[string]int{
		// The map has no streets, and nobody is sent by the name of a city alone.
		"point=42.3668,-71.1057": 200, "address=795+Massachusetts+Ave,+Cambridge+MA": 200, "location=mill-1-f2-210": 200, "location=harbor/mill-1-f2-210": 200,
		"location=l": 404, "location=other/l": 404, "org=other&point=42.3668,-71.1057": 404, "point=x": 400, "": 400, "point=42.3668,-71.1057&x=1": 400,
	} {
		code, answer, body := get(ours, pages, params)
		if code != want || want == 200 && (answer.Org.Key != demoOrg || answer.Address == nil && answer.Call != "+16175550133") {
			t.Errorf("%s: %d %s", params, code, body)
		}
	}
	for params, want := range map[string]int{"location=mill-1-f2-210": 404, "location=harbor/mill-1-f2-210": 404, "org=harbor&point=42,-71": 404, "point=42.3668,-71.1057": 200} {
		code, answer, body := get(theirs, pages, params)
		if code != want || strings.Contains(body, "arbor") || want == 200 && answer.Org.Key != "other" {
			t.Errorf("%s of another organisation's user: %d %s", params, code, body)
		}
	}
	socket := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(a.s.cfg.DataDir, controlSocket))
	}}}
	defer socket.CloseIdleConnections()
	for params, want := range map[string]int{"location=harbor/mill-1-f2-210": 200, "location=other/l": 200, "location=nobody/l": 404, "point=": 400} {
		if code, _, body := get(socket, "http://callbox", params); code != want {
			t.Errorf("%s over the socket: %d %s", params, code, body)
		}
	}
}

// What is only listed reaches the calls, too.
//
// Proves: F-39
func TestAnImportedDirectoryIsPublished(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	a := newAsked(ctx, t)
	const registry = "psap_id,psap_name,state,county,city,change_type,comments,date_last_modified,city_lat,city_lon,county_fips\n3163,Cambridge Emergency Communications,MA,Middlesex,Cambridge,M,,2006-03-31,,,25017\n"
	if r, err := a.s.ImportPSAPs(ctx, "registry.csv", strings.NewReader(registry), psapdir.Options{Now: a.clock()}); err != nil || r.Added != 1 {
		t.Fatalf("%v %+v", err, r)
	}
	if list := a.s.desk().List(desk.Filter{Search: "3163"}); len(list) != 1 || list[0].City != "Cambridge" {
		t.Errorf("the directory has %+v", list)
	}
}
