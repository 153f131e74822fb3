package assets

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

// Proves: D-15
func TestWithoutWhatMakeBringsThePagesSayWhatIsMissing(t *testing.T) {
	s, err := open(fstest.MapFS{"app.js": {Data: []byte("1")}}, fstest.MapFS{"README.md": {Data: []byte("x")}})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(s.Missing(), " "); !strings.Contains(got, "maplibre-gl.mjs") || !strings.Contains(got, "counties.json") {
		t.Errorf("missing: %q", got)
	}
	if s.Has("README.md") || !s.Has("app.js") {
		t.Error("files are not as they came")
	}
}

func TestTheFolderChangesWithEveryFile(t *testing.T) {
	base := func(content string) string {
		s, err := open(fstest.MapFS{"app.js": {Data: []byte(content)}})
		if err != nil {
			t.Fatal(err)
		}
		return s.Base()
	}
	if base("a") == base("b") {
		t.Error("other content, same folder")
	}
	if again := base("a"); again != base("a") {
		t.Error("same content, other folder")
	}
}

func TestOurOwnFilesAreEmbedded(t *testing.T) {
	s, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"app.css", "app.js", "patch.js", "map.js", "sound.js", "login.js", "favicon.svg"} {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, s.Base()+name, nil))
		if w.Code != http.StatusOK || w.Body.Len() == 0 {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
	if missing := s.Missing(); len(missing) > 0 {
		t.Skipf("the map's files are not here (make assets brings them): %s", strings.Join(missing, " "))
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, s.Base()+"names.json", nil)) // a client that cannot unpack
	if w.Code != http.StatusOK || w.Header().Get("Content-Encoding") != "" || !strings.Contains(w.Body.String(), `"town":"Cambridge"`) {
		t.Errorf("names.json: %d, coding %q", w.Code, w.Header().Get("Content-Encoding"))
	}
}
