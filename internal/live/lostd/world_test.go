package lostd_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/live/lostd"
	"github.com/callbox911/callbox/internal/snapshot"
	"github.com/callbox911/callbox/wire/lost"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// rect is an area by its south-western and north-eastern corners.
func rect(south, west, north, east float64) [][]e911.Point {
	return [][]e911.Point{{{Lat: south, Lon: west}, {Lat: south, Lon: east}, {Lat: north, Lon: east}, {Lat: north, Lon: west}}}
}

// psaps are two neighbours in Manhattan, one in Maryland with a hole, and one of
// the demonstration layer that an address finds by its county.
func psaps() []e911.PSAP {
	laurel := append(rect(39, -77, 39.2, -76.5), rect(39.15, -76.6, 39.16, -76.59)[0])
	return []e911.PSAP{
		{ID: "0190-a", Key: "a-nyc", Name: "New York 1", Area: e911.MultiPolygon{rect(40.70, -74.00, 40.72, -73.9907)}, Boundary: e911.Boundary{State: "NY", County: "New York"}},
		{ID: "0190-b", Key: "b-nyc", Name: "New York 2", Area: e911.MultiPolygon{rect(40.70, -73.9907, 40.72, -73.98)}},
		{ID: "0190-c", Key: "c-laurel", Name: "Laurel & Co", Area: e911.MultiPolygon{laurel}},
		{ID: "0190-d", Key: "d-demo", Name: "Middlesex", Area: e911.MultiPolygon{rect(42, -72, 43, -71)}, Boundary: e911.Boundary{USCounty: "25017", State: "MA", County: "Middlesex"}},
		{ID: "0190-r", Key: "relay", Name: "Relay centre", Relay: true},
	}
}

// world has a live organisation at 192.0.2.0/24 and one of the demonstration at
// 198.51.100.0/24.
func world(t testing.TB, list ...e911.PSAP) *snapshot.Snapshot {
	t.Helper()
	org := func(id e911.OrgID, demo bool, prefix string) snapshot.Change {
		return snapshot.Change{Kind: e911.KindOrg, Org: id, ID: string(id), Object: e911.Org{
			ID: id, Key: string(id), Name: string(id), Demonstration: demo, PublicRanges: []netip.Prefix{netip.MustParsePrefix(prefix)},
		}}
	}
	changes := []snapshot.Change{org("live", false, "192.0.2.0/24"), org("demo", true, "198.51.100.0/24")}
	for _, p := range list {
		changes = append(changes, snapshot.Change{Kind: e911.KindPSAP, ID: string(p.ID), Object: p})
	}
	s, err := snapshot.Build(changes, noon.Add(-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// kit is a server with a world of its own.
type kit struct {
	*lostd.Server
	holder *snapshot.Holder
	now    time.Time
	from   string
}

func newKit(t testing.TB, change func(*lostd.Config)) *kit {
	t.Helper()
	k := &kit{holder: &snapshot.Holder{}, now: noon, from: "127.0.0.1:4711"}
	k.holder.Store(world(t, psaps()...))
	cfg := lostd.Config{
		Snapshot: k.holder, Name: "lost.callbox.example", URI: "sip:911@callbox.example",
		Known: func(a netip.Addr) bool { return len(k.holder.Load().OrgsByAddress(a)) > 0 },
		Now:   func() time.Time { return k.now },
	}
	if change != nil {
		change(&cfg)
	}
	s, err := lostd.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	k.Server = s
	return k
}

// post sends a body and returns the answer.
func (k *kit) post(body, contentType string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/lost", strings.NewReader(body))
	r.RemoteAddr = k.from
	r.Header.Set("Content-Type", contentType)
	w := httptest.NewRecorder()
	k.ServeHTTP(w, r)
	return w
}

// replies collects every answer of the tests for the grammar.
var replies struct {
	sync.Mutex
	lost, sync map[string][]byte
}

// ask sends a document of LoST and reads the answer.
func (k *kit) ask(t testing.TB, body string) lost.Message {
	t.Helper()
	contentType := lost.MediaType
	if strings.Contains(body, lost.SpaceSync) {
		contentType = lost.MediaTypeSync
	}
	w := k.post(body, contentType)
	if w.Code != http.StatusOK || !strings.HasPrefix(w.Header().Get("Content-Type"), contentType) {
		t.Fatalf("HTTP %d %s: %s", w.Code, w.Header().Get("Content-Type"), w.Body)
	}
	b := w.Body.Bytes()
	replies.Lock()
	if replies.lost == nil {
		replies.lost, replies.sync = map[string][]byte{}, map[string][]byte{}
	}
	if contentType == lost.MediaTypeSync {
		replies.sync[t.Name()] = b
	} else {
		replies.lost[t.Name()] = b
	}
	replies.Unlock()
	m, err := lost.Parse(b)
	if err != nil {
		t.Fatalf("%v in %s", err, b)
	}
	return m
}

func (k *kit) query(t testing.TB, m lost.Message) lost.Message {
	t.Helper()
	b, err := lost.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return k.ask(t, string(b))
}

// outcome is the kind of the answer: the name of the error, the target of the
// redirect, or of the response.
func outcome(m lost.Message) string {
	switch v := m.(type) {
	case *lost.Errors:
		if len(v.List) > 0 {
			return string(v.List[0].Kind)
		}
		return "notDeleted"
	case *lost.Redirect:
		return "redirect to " + v.Target
	}
	return m.Root().Local
}

// mapped are the names of the mappings.
func mapped(m lost.Message) string {
	var names []string
	if v, ok := m.(*lost.FindServiceResponse); ok {
		for _, x := range v.Mappings {
			names = append(names, x.DisplayNames[0].Text)
		}
	}
	return strings.Join(names, ", ")
}

func warned(m lost.Message) string {
	var kinds []string
	if v, ok := m.(*lost.FindServiceResponse); ok {
		for _, w := range v.Warnings {
			for _, e := range w.List {
				kinds = append(kinds, string(e.Kind))
			}
		}
	}
	return strings.Join(kinds, " ")
}

func shared(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("CALLBOX_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "..", "shared")
	}
	if _, err := os.Stat(filepath.Join(dir, "schemas", "rng", "lost.rng")); err != nil {
		t.Skipf("the reference material is not at %s: set CALLBOX_SHARED", dir)
	}
	return dir
}

// TestMain asks jing at the end, once, for every answer of all tests.
func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 {
		code = grammar()
	}
	os.Exit(code)
}

func grammar() int {
	jing, err := exec.LookPath("jing")
	root := os.Getenv("CALLBOX_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "..", "..", "shared")
	}
	rng := filepath.Join(root, "schemas", "rng")
	if _, e := os.Stat(rng); err != nil || e != nil {
		println("not checked against the grammar: jing or the reference material is not there")
		return 0
	}
	for file, docs := range map[string]map[string][]byte{"lost.rng": replies.lost, "lostsync1-rfc6739.rng": replies.sync} {
		if len(docs) == 0 {
			continue
		}
		dir, err := os.MkdirTemp("", "lostd")
		if err != nil {
			panic(err)
		}
		args := []string{filepath.Join(rng, file)}
		for name, b := range docs {
			f := filepath.Join(dir, strings.NewReplacer("/", "_", "%", "_").Replace(name)+".xml")
			if err := os.WriteFile(f, b, 0o600); err != nil {
				panic(err)
			}
			args = append(args, f)
		}
		out, err := exec.Command(jing, args...).CombinedOutput()
		if err != nil {
			println(file, len(docs), "answers:", err.Error(), "\n", string(out), "kept in", dir)
			return 1
		}
		_ = os.RemoveAll(dir)
	}
	return 0
}
