package lostc_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/wire/lost"
)

// The answers of the i3 test suite, as an upstream gives them: with coordinates
// joined by commas and lines that are not closed or cross themselves. Byte for
// byte they name a location that was never asked about, and are refused.
//
// Proves: RFC 5222 sections 5.5, 8.4.1, W-10, F-23
func TestAnswersOfTheI3TestSuite(t *testing.T) {
	root := os.Getenv("CALLBOX_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "..", "..", "shared")
	}
	bronx, manhattan := at(40.835, -73.865, 0), at(40.71585, -73.9907, 0)
	for _, c := range []struct {
		file  string
		place e911.Place
		uri   string // none: the answer cannot be used
		kept  bool
	}{
		{"findServiceResponse_for_not_in_ecrf.xml", bronx, "sip:bronx-psap@example.com", true},
		{"findServiceResponse.xml", manhattan, "sip:nypd@example.com", false}, // its line crosses itself
		{"findServiceResponse_malformed.xml", manhattan, "", false},
		{"findServiceResponse_malformed_xml_body.xml", manhattan, "", false},
	} {
		t.Run(c.file, func(t *testing.T) {
			doc, err := os.ReadFile(filepath.Join(root, "schemas", "i3", "messages", "HTTP_LoST", c.file))
			if err != nil {
				t.Skipf("no reference material: %v", err)
			}
			asked := regexp.MustCompile(`<locationUsed id="[^"]*"`).ReplaceAll(doc, []byte(`<locationUsed id="LOC"`))
			verbatim := true
			up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				q, _ := lost.ParseAs[*lost.FindService](body, lost.Limits{})
				w.Header().Set("Content-Type", lost.MediaType)
				if verbatim {
					_, _ = w.Write(doc)
					return
				}
				_, _ = w.Write(bytes.Replace(asked, []byte("LOC"), []byte(q.Locations[0].ID), 1))
			}))
			defer up.Close()
			now := noon
			cl := client(t, &now, nil, up.URL)
			if got, err := cl.Ask(t.Context(), c.place); err == nil {
				t.Errorf("an answer for another location gave %+v", got)
			}
			verbatim = false
			got, err := cl.Ask(t.Context(), c.place)
			if c.uri == "" {
				if err == nil {
					t.Fatalf("a malformed answer gave %+v", got)
				}
				return
			}
			if err != nil || len(got.URIs) == 0 || got.URIs[0] != c.uri {
				t.Fatalf("%+v, %v, want %s", got, err, c.uri)
			}
			if _, ok := cl.Mapping(c.place, noon); ok != c.kept {
				t.Errorf("kept %v, want %v", ok, c.kept)
			}
			if far, ok := cl.Mapping(at(42.5, -71.5, 0), noon); ok {
				t.Errorf("a place elsewhere is answered by %+v", far)
			}
		})
	}
}
