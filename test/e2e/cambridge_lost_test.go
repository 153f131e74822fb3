package e2e

import (
	"bytes"
	"encoding/base64"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/layer"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/live/lostd"
	"github.com/callbox911/callbox/internal/rules/civic"
	"github.com/callbox911/callbox/internal/rules/gis"
	"github.com/callbox911/callbox/internal/snapshot"
	"github.com/callbox911/callbox/internal/store/sqlite"
	"github.com/callbox911/callbox/internal/store/storetest"
	"github.com/callbox911/callbox/wire/lost"
	"github.com/callbox911/callbox/wire/pidflo"
)

// city is Cambridge as its own files have it, imported as a layer, and a LoST
// server that has nothing else.
type city struct {
	*httptest.Server
	content *gis.Content
	replies [][]byte // some, for the grammar
	asked   int
}

const cityPSAP = "Cambridge Emergency Communications"

func newCity(t *testing.T) *city {
	t.Helper()
	now := func() time.Time { return storetest.Epoch }
	var files []string
	for _, f := range []string{"RoadCenterLine", "PsapBoundary", "PoliceBoundary", "FireBoundary", "EmsBoundary"} {
		file := filepath.Join(sharedDir(t), "data", "ng911-gis-cambridge-ma", f+".geojson")
		if _, err := os.Stat(file); err != nil {
			t.Skipf("no reference material: %v", err)
		}
		files = append(files, file)
	}
	st, err := sqlite.New(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "callbox.db"), Ring: storetest.Ring(t), Now: now})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	shelf := layer.NewShelf(st, nil, nil)
	p, err := layer.New(layer.Config{Store: st, Shelf: shelf, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	plan, err := p.Plan(t.Context(), layer.Request{Key: "cambridge-ma", Name: "Cambridge", Source: "the city", Grade: e911.GradeAuthoritative, Files: files})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Apply(t.Context(), "test", plan.Hash); err != nil {
		t.Fatal(err)
	}
	changes := []snapshot.Change{{Kind: e911.KindOrg, Org: "org", ID: "org", Object: e911.Org{ID: "org", Key: "org", Name: "Org"}}}
	c := &city{}
	err = st.Read(t.Context(), func(v admin.Reader) error {
		layers, err := shelf.Layers(t.Context(), v)
		for _, l := range layers {
			c.content = l.Content
			changes = append(changes, snapshot.Change{Kind: e911.KindLayer, ID: string(l.Layer.ID), Object: l})
		}
		return err
	})
	if err != nil || c.content == nil {
		t.Fatalf("the layer that was stored: %v", err)
	}
	world, err := snapshot.Build(changes, now())
	if err != nil {
		t.Fatal(err)
	}
	holder := &snapshot.Holder{}
	holder.Store(world)
	h, err := lostd.New(lostd.Config{
		Snapshot: holder, Name: "lost.callbox.example", URI: "sip:911@callbox.example", Now: now, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	c.Server = httptest.NewServer(h)
	t.Cleanup(c.Close)
	return c
}

// ask sends findService; one in 50 answer is kept for the grammar.
func (c *city) ask(t *testing.T, service string, l lost.Location) lost.Message {
	t.Helper()
	l.ID = "a"
	doc, err := lost.Marshal(&lost.FindService{Service: service, Locations: []lost.Location{l}, ValidateLocation: l.Civic != nil, Boundary: lost.ByReference})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.URL+"/lost", bytes.NewReader(doc))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", lost.MediaType+";charset=utf-8")
	resp, err := c.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("HTTP %d, %v", resp.StatusCode, err)
	}
	if c.asked%50 == 0 {
		c.replies = append(c.replies, b)
	}
	c.asked++
	m, err := lost.Parse(b)
	if err != nil {
		t.Fatalf("%v in %s", err, b)
	}
	return m
}

// byAddress asks for an address and tells the PSAP's name, empty where no
// boundary was found, and the fields that are invalid.
func (c *city) byAddress(t *testing.T, a e911.Civic) (psap string, invalid []string, valid int) {
	t.Helper()
	m := c.ask(t, "urn:service:sos", lost.Location{Profile: lost.ProfileCivic, Civic: civic.ToPIDF(a)})
	if e, ok := m.(*lost.Errors); ok && e.List[0].Kind == lost.NotFound {
		return "", nil, 0
	}
	resp, ok := m.(*lost.FindServiceResponse)
	if !ok || resp.Validation == nil || len(resp.Mappings) != 1 {
		t.Fatalf("%s has no mapping with a validation: %+v", civic.Display(a), m)
	}
	for _, f := range resp.Validation.Invalid {
		invalid = append(invalid, f.Local)
	}
	return resp.Mappings[0].DisplayNames[0].Text, invalid, len(resp.Validation.Valid)
}

// Proves: W-10, W-14, N-21, RFC 5222 section 8.4
func TestCambridgeThroughLoST(t *testing.T) {
	c := newCity(t)
	t.Run("every end of a range is valid and goes to its PSAP; one beyond is not", func(t *testing.T) { c.ranges(t) })
	t.Run("points go to the boundaries that hold them", func(t *testing.T) { c.points(t) })
	t.Run("answers keep to the grammar", func(t *testing.T) { c.grammar(t) })
	t.Run("Kamailio finds the PSAP", func(t *testing.T) { c.kamailio(t) })
}

// side is one side of a street segment with the numbers that it has.
type side struct {
	name e911.Civic
	line []e911.Point
	gis.Side
}

func (s side) address(n int) e911.Civic {
	return s.Civic.Merge(s.name).Merge(e911.Civic{HNO: strconv.Itoa(n)})
}

func (s side) has(n int) bool {
	return n > 0 && n >= min(s.From, s.To) && n <= max(s.From, s.To) && (s.Parity == gis.ParityBoth || n%2 == 1 == (s.Parity == gis.ParityOdd))
}

// outside reports that an end of a street's line lies outside of the PSAP's
// boundary, so that a number next to it may.
func (c *city) outside(line []e911.Point) bool {
	for _, b := range c.content.Boundaries() {
		if b.Service == "urn:service:sos" {
			for _, p := range line {
				if in, _ := holds(b.Area, p); !in {
					return true
				}
			}
		}
	}
	return false
}

func (c *city) ranges(t *testing.T) {
	streets := map[string][]side{}
	var all []side
	c.content.EachStreet(func(s gis.Street) bool {
		for _, x := range []gis.Side{s.Left, s.Right} {
			if x.Validate && x.Parity != gis.ParityNone && x.From+x.To > 0 {
				one := side{s.Name, s.Line, x}
				k := civic.StreetKey(s.Name)
				streets[k] = append(streets[k], one)
				all = append(all, one)
			}
		}
		return true
	})
	ends, beyond, outside := 0, 0, 0
	for i, s := range all {
		held := func(n int) bool {
			return slices.ContainsFunc(streets[civic.StreetKey(s.name)], func(o side) bool { return o.has(n) })
		}
		for _, n := range []int{s.From, s.To} {
			if !s.has(n) { // a placeholder, or of the other parity
				continue
			}
			ends++
			psap, invalid, valid := c.byAddress(t, s.address(n))
			if psap == "" && c.outside(s.line) {
				t.Logf("%s: the city has this street and its boundary does not", civic.Display(s.address(n)))
				outside++
				continue
			}
			if psap != cityPSAP || invalid != nil || valid < 5 {
				t.Fatalf("%s: goes to %s, invalid %v, %d fields valid", civic.Display(s.address(n)), psap, invalid, valid)
			}
		}
		if n := max(s.From, s.To) + 2; i%8 == 0 && !held(n) {
			beyond++
			if psap, invalid, _ := c.byAddress(t, s.address(n)); psap == "" && c.outside(s.line) {
				outside++
			} else if psap != cityPSAP || !slices.Equal(invalid, []string{"HNO"}) {
				t.Fatalf("%s: goes to %s, invalid %v", civic.Display(s.address(n)), psap, invalid)
			}
		}
	}
	t.Logf("%d ends of ranges, of which %d on streets outside of the boundary; %d numbers beyond one", ends, outside, beyond)
	if ends < 3000 || beyond < 100 || outside > ends/100 {
		t.Error("too few addresses were asked for, or answered")
	}
}

// near is how close to an edge, in degrees, a point is asked for and not judged.
const near = 1e-6

// holds counts crossings, on its own so that the answer is not compared with
// the code that gave it; edge reports a point next to a side.
func holds(m e911.MultiPolygon, p e911.Point) (in, edge bool) {
	for _, poly := range m {
		for _, ring := range poly {
			for i, a := range ring {
				b := ring[(i+1)%len(ring)]
				if (a.Lat > p.Lat) == (b.Lat > p.Lat) {
					continue
				}
				x := a.Lon + (p.Lat-a.Lat)/(b.Lat-a.Lat)*(b.Lon-a.Lon)
				edge = edge || x-p.Lon < near && p.Lon-x < near
				if p.Lon < x {
					in = !in
				}
			}
		}
	}
	return in, edge
}

func (c *city) points(t *testing.T) {
	services := []string{"urn:service:sos", "urn:service:responder.police", "urn:service:responder.fire", "urn:service:responder.ems"}
	r := rand.New(rand.NewPCG(5, 222))
	found := map[string]int{}
	for range 1000 {
		p := e911.Point{Lat: 42.34 + r.Float64()*0.07, Lon: -71.17 + r.Float64()*0.11}
		at := lost.Location{Profile: lost.ProfileGeodetic, Shape: pidflo.Point{Pos: pidflo.Pos{Lat: p.Lat, Lon: p.Lon}}}
		for _, service := range services {
			var want []string
			doubt := false
			for _, b := range c.content.Boundaries() {
				if b.Service == service {
					in, edge := holds(b.Area, p)
					if doubt = doubt || edge; in {
						want = append(want, b.Name)
					}
				}
			}
			if doubt {
				continue
			}
			switch got := c.ask(t, service, at).(type) {
			case *lost.FindServiceResponse:
				name := got.Mappings[0].DisplayNames[0].Text
				found[service]++
				if !slices.Contains(want, name) {
					t.Fatalf("%s at %v is %s, want one of %v", service, p, name, want)
				}
			case *lost.Errors:
				if len(want) > 0 || got.List[0].Kind != lost.NotFound {
					t.Fatalf("%s at %v is %s, want one of %v", service, p, got.List[0].Kind, want)
				}
				found["outside"]++
			}
		}
	}
	t.Logf("points by service: %v", found)
	if len(found) != 5 || found["urn:service:sos"] < 200 || found["outside"] < 200 {
		t.Errorf("points by service: %v", found)
	}
}

// grammar gives jing the answers that were kept, all at once.
func (c *city) grammar(t *testing.T) {
	jing, err := exec.LookPath("jing")
	if err != nil {
		t.Skip("jing is not installed (Debian package jing)")
	}
	dir := t.TempDir()
	args := []string{filepath.Join(sharedDir(t), "schemas", "rng", "lost.rng")}
	for i, b := range c.replies {
		f := filepath.Join(dir, strconv.Itoa(i)+".xml")
		if err := os.WriteFile(f, b, 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, f)
	}
	if len(args) < 100 {
		t.Fatalf("only %d answers were kept", len(args)-1)
	}
	if out, err := exec.CommandContext(t.Context(), jing, args...).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	t.Logf("%d answers of %d", len(args)-1, c.asked)
}

func (c *city) kamailio(t *testing.T) {
	k := startKamailio(t, c.URL, c.URL, c.URL+"/lost")
	k.service = "urn:service:sos"
	for _, ask := range []struct {
		name string
		info pidflo.Chunk
	}{
		{"by address", pidflo.Chunk{Civic: civic.ToPIDF(e911.Civic{Country: "US", A1: "MA", A3: "Cambridge", HNO: "795", RD: "Massachusetts", STS: "Avenue", PC: "02139"})}},
		{"by point", pidflo.Chunk{Shape: pidflo.Point{Pos: pidflo.Pos{Lat: 42.36684, Lon: -71.10565}}}},
	} {
		doc, err := pidflo.Marshal(&pidflo.Document{Entity: "pres:desk@callbox.example", Elements: []pidflo.Element{{
			Kind: pidflo.Device, ID: "d", DeviceID: "mac:001122aabbcc", Geopriv: []pidflo.Geopriv{{Info: []pidflo.Chunk{ask.info}}},
		}}})
		if err != nil {
			t.Fatal(err)
		}
		got, err := k.ask("find", base64.StdEncoding.EncodeToString(doc), 20*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if got["x-code"] != "200" || got["x-name"] != cityPSAP || got["x-url"] != "sip:psap3163@example.com" {
			t.Errorf("%s: kamailio's result %s, uri %q, name %q, error %q", ask.name, got["x-code"], got["x-url"], got["x-name"], got["x-error"])
		}
	}
}
