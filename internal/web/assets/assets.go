// Package assets holds what the pages load besides themselves: our own style
// sheet and scripts (src), and what `make` takes from npm (dist). Without the
// latter the pages work and have no map (D-15).
package assets

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
)

//go:embed src
var src embed.FS

//go:embed all:dist
var dist embed.FS

// needed is what the map needs of dist.
var needed = []string{
	"maplibre-gl.mjs", "maplibre-gl-worker.mjs", "maplibre-gl.css", "counties.json", "states.json", "names.json",
}

// Set serves the embedded files under one folder whose name changes with their
// content, so that browsers may keep them for ever. Immutable, safe for
// concurrent use.
type Set struct {
	base    string
	files   map[string]file
	missing []string
}

type file struct {
	kind   string // Content-Type
	plain  []byte // nil when only the gzipped form is kept
	zipped []byte // nil when gzip gains nothing
}

// Open reads the embedded files. The folder is "/assets/HASH/".
func Open() (*Set, error) {
	own, err := fs.Sub(src, "src")
	if err != nil {
		return nil, fmt.Errorf("open the pages' own files: %w", err)
	}
	made, err := fs.Sub(dist, "dist")
	if err != nil {
		return nil, fmt.Errorf("open the files that make puts here: %w", err)
	}
	return open(own, made)
}

func open(trees ...fs.FS) (*Set, error) {
	s := &Set{files: map[string]file{}}
	hash := sha256.New()
	for _, tree := range trees {
		err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || name == "README.md" {
				return err
			}
			b, err := fs.ReadFile(tree, name)
			if err != nil {
				return fmt.Errorf("read %s: %w", name, err)
			}
			fmt.Fprintf(hash, "%s %d\n", name, len(b))
			hash.Write(b)
			return s.add(name, b)
		})
		if err != nil {
			return nil, fmt.Errorf("read the embedded assets: %w", err)
		}
	}
	for _, name := range needed {
		if _, ok := s.files[name]; !ok {
			s.missing = append(s.missing, name)
		}
	}
	s.base = "/assets/" + hex.EncodeToString(hash.Sum(nil))[:16] + "/"
	return s, nil
}

func (s *Set) add(name string, b []byte) error {
	if unzipped, ok := strings.CutSuffix(name, ".gz"); ok {
		s.files[unzipped] = file{kind: contentType(unzipped), zipped: b}
		return nil
	}
	f := file{kind: contentType(name), plain: b}
	if strings.HasPrefix(f.kind, "text/") || strings.Contains(f.kind, "svg") {
		var out bytes.Buffer
		w := gzip.NewWriter(&out)
		if _, err := w.Write(b); err != nil {
			return fmt.Errorf("compress %s: %w", name, err)
		}
		if err := w.Close(); err != nil {
			return fmt.Errorf("compress %s: %w", name, err)
		}
		f.zipped = out.Bytes()
	}
	s.files[name] = f
	return nil
}

// contentType is closed: the platform's own table of types must not decide
// whether a script runs.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".json":
		return "application/json"
	case ".woff2":
		return "font/woff2"
	}
	return "text/plain; charset=utf-8"
}

// Base is the folder of all files as pages link them, "/assets/HASH/".
func (s *Set) Base() string { return s.base }

// Has reports whether the file is there.
func (s *Set) Has(name string) bool { _, ok := s.files[name]; return ok }

// Missing lists what the map needs and `make` has not put here, none when the
// pages are complete.
func (s *Set) Missing() []string { return slices.Clone(s.missing) }

// ServeHTTP serves a file under Base; any other path is not found.
func (s *Set) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, ok := strings.CutPrefix(r.URL.Path, s.base)
	f, found := s.files[name]
	if !ok || !found {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", f.kind)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Vary", "Accept-Encoding")
	body := f.plain
	switch {
	case f.zipped != nil && acceptsGzip(r):
		h.Set("Content-Encoding", "gzip")
		body = f.zipped
	case body == nil:
		plain, err := unzip(f.zipped)
		if err != nil {
			http.Error(w, "this file cannot be read", http.StatusInternalServerError)
			return
		}
		body = plain
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
}

func acceptsGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		coding, weight, _ := strings.Cut(strings.TrimSpace(part), ";")
		if coding == "gzip" {
			return strings.ReplaceAll(weight, " ", "") != "q=0"
		}
	}
	return false
}

func unzip(b []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}
