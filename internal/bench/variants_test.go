package bench

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/callbox911/callbox/examples"
	"github.com/callbox911/callbox/internal/admin/world"
	"github.com/callbox911/callbox/internal/layers"
	"github.com/callbox911/callbox/internal/seal"
	"github.com/callbox911/callbox/internal/store/sqlite"
)

// Each variant's world is one that a server takes.
//
// Proves: F-08, F-27
func TestTheWorldsOfTheVariantsAreTaken(t *testing.T) {
	for _, v := range variants() {
		ring, err := seal.NewRing(seal.Key{ID: "m1", Secret: seal.NewSecret()})
		if err != nil {
			t.Fatal(err)
		}
		st, err := sqlite.Open(filepath.Join(t.TempDir(), "callbox.db"), ring, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		im, err := world.New(world.Config{Store: st, Layer: layers.USCountyBoundary, Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		text := variantWorld(examples.Harbor(), v.routes, 2)
		if _, err := im.Import(t.Context(), "test", "harbor.yaml", text, world.Options{}); err != nil {
			t.Errorf("%s: %v", v.name, err)
		}
		if !strings.Contains(string(text), "routes: [{trunk: "+v.routes[0]+"}") || strings.Count(string(text), "elin: true") != 2*elinsAPlace {
			t.Errorf("%s:\n%s", v.name, text)
		}
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	}
}

// What PSAPs noted is counted: each INVITE, each caller's ELIN and each reference of
// a call once, and every reference is asked for while they note.
//
// Proves: F-08, F-27
func TestWhatPSAPsNotedIsCounted(t *testing.T) {
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1); strings.HasSuffix(r.URL.Path, "/loc/b") {
			_, _ = w.Write([]byte(`<error code="locationUnknown"/>`))
			return
		}
		_, _ = w.Write([]byte("<presence/>"))
	}))
	defer server.Close()
	file := filepath.Join(t.TempDir(), psapLog)
	text := "INVITE from (+16175550111) with (" + server.URL + "/loc/came-with-the-call)\nINVITE from (+16175560001) with (" + server.URL + "/loc/a)\nnoise\nINVITE from (6175560001) with ()\nINVITE from (+16175550111) with (" + server.URL + "/loc/b)\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f := &follower{file: file, ask: true}
	var o variantOutcome
	if err := f.run(ended(t)); err != nil {
		t.Fatal(err)
	}
	if err := o.count([]string{file, file + "-of-nobody"}, f, []string{server.URL + "/loc/came-with-the-call"}); err != nil {
		t.Fatal(err)
	}
	if o.attempts != 4 || o.elins != 1 || o.references != 2 || o.dereferenced != 2 || asked.Load() != 3 {
		t.Errorf("%+v, asked %d", o, asked.Load())
	}
}

// Proves: N-20
func TestTheTableOfVariantsTellsTheCostOfEach(t *testing.T) {
	r := VariantsResult{Rate: 100, Seconds: 20, Variants: []VariantResult{
		{Name: "plain", Calls: 2000, CPUPerCall: 1900, Attempts: 1, Settled: true},
		{Name: "ELIN lent", Calls: 2000, CPUPerCall: 2150, ELINs: 2000, Attempts: 1},
		{Name: plainAgain, Calls: 2000, CPUPerCall: 2100, Settled: true},
	}}
	r.compare()
	text := r.Table()
	for _, want := range []string{"| plain | 2000 | 0 | 1.0 | 0, 0 | 0 | 1900 | 0 | -100 |", "| 2150 (not all done) | 0 | +150 |", "| plain again |"} {
		if !strings.Contains(text, want) {
			t.Errorf("the table lacks %q:\n%s", want, text)
		}
	}
}

// ended is a context that is over.
func ended(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
