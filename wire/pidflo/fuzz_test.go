package pidflo_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/wire/internal/schemacheck"
	"github.com/callbox911/callbox/wire/pidflo"
)

// seed adds the published examples, and those elements of them that are named.
func seed(f *testing.F, names ...string) {
	f.Helper()
	dir := filepath.Join(schemacheck.Shared(f), "schemas")
	files, err := filepath.Glob(filepath.Join(dir, "examples", "*", "*.xml"))
	if err != nil {
		f.Fatal(err)
	}
	more, err := filepath.Glob(filepath.Join(dir, "i3", "messages", "*", "*"))
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range append(files, more...) {
		b, err := os.ReadFile(file)
		if err != nil || len(b) > 16<<10 {
			continue
		}
		if len(names) == 0 {
			if strings.Contains(string(b), "presence") {
				f.Add(b)
			}
			continue
		}
		for _, name := range names {
			if strings.HasPrefix(string(b), "<"+name) {
				f.Add(b)
			}
			// Prefixes that stay undeclared are read too.
			if start := strings.Index(string(b), ":"+name); start > 0 {
				if end := strings.LastIndex(string(b), ":"+name+">"); end > start {
					open := strings.LastIndexByte(string(b[:start]), '<')
					f.Add(b[open : end+len(name)+2])
				}
			}
		}
	}
}

// FuzzParse: whatever comes, no panic; what can be written is read again as the
// same value.
//
// Proves: E1, F-05
func FuzzParse(f *testing.F) {
	seed(f)
	f.Add(marshal(f, full()))
	f.Add([]byte(geo(`<gs:Prism><gs:base><gml:Polygon><gml:exterior><gml:LinearRing><gml:posList>0 0 1 0 1 1 1 1 1 0 0 1</gml:posList></gml:LinearRing></gml:exterior></gml:Polygon></gs:base><gs:height>3</gs:height></gs:Prism>`)))
	f.Add([]byte(geo(`<gs:ArcBand><gml:pos>1,2</gml:pos><gs:innerRadius>1</gs:innerRadius><gs:outerRadius>2</gs:outerRadius><gs:startAngle>3</gs:startAngle><gs:openingAngle>4</gs:openingAngle></gs:ArcBand><gml:Point/>`)))
	f.Fuzz(func(t *testing.T, doc []byte) {
		d, err := pidflo.Parse(doc)
		if err != nil {
			return
		}
		d.Faults()
		for _, l := range d.Locations() {
			if s := l.Geopriv.Shape(); s != nil && !(s.Enclose().Radius >= 0) {
				t.Fatalf("a radius below zero: %v", s)
			}
		}
		again(t, d, pidflo.Marshal, pidflo.Parse)
	})
}

// Proves: E1, F-05
func FuzzParseCivic(f *testing.F) {
	seed(f, "civicAddress")
	f.Fuzz(func(t *testing.T, doc []byte) {
		c, err := pidflo.ParseCivic(doc)
		if err != nil {
			return
		}
		again(t, c, func(c *pidflo.Civic) ([]byte, error) { return pidflo.AppendCivic(nil, c) }, pidflo.ParseCivic)
	})
}

// Proves: E1, F-05
func FuzzParseShape(f *testing.F) {
	seed(f, "Point", "Polygon", "Circle", "Ellipse", "ArcBand", "Sphere", "Ellipsoid", "Prism")
	f.Fuzz(func(t *testing.T, doc []byte) {
		s, err := pidflo.ParseShape(doc)
		if err != nil {
			return
		}
		pidflo.Centroid(s)
		if c := s.Enclose(); !(c.Radius >= 0) {
			t.Fatalf("a radius below zero: %v", c)
		}
		again(t, s, func(s pidflo.Shape) ([]byte, error) { return pidflo.AppendShape(nil, s) }, pidflo.ParseShape)
	})
}

// Proves: E1, F-05
func FuzzParseGeopriv(f *testing.F) {
	seed(f, "geopriv")
	f.Fuzz(func(t *testing.T, doc []byte) {
		g, err := pidflo.ParseGeopriv(doc)
		if err != nil {
			return
		}
		again(t, g, func(g pidflo.Geopriv) ([]byte, error) { return pidflo.AppendGeopriv(nil, &g) }, pidflo.ParseGeopriv)
	})
}

// Proves: E1, F-05
func FuzzParseElement(f *testing.F) {
	seed(f, "device", "tuple", "person")
	f.Fuzz(func(t *testing.T, doc []byte) {
		e, err := pidflo.ParseElement(doc)
		if err != nil {
			return
		}
		again(t, e, func(e pidflo.Element) ([]byte, error) { return pidflo.AppendElement(nil, &e) }, pidflo.ParseElement)
	})
}

// again writes what was read, if it can be written, and reads it: what comes
// back must be written as the same bytes, and must be equal once it has been
// through the writer (ids that were none and escapes are mended there).
func again[T any](t *testing.T, v T, write func(T) ([]byte, error), read func([]byte) (T, error)) {
	t.Helper()
	first, err := write(v)
	if err != nil {
		return
	}
	w, err := read(first)
	if err != nil {
		if len(first) > 60<<10 || strings.Contains(err.Error(), "larger, deeper or longer") {
			return // escapes and declarations made it more than what is taken
		}
		t.Fatalf("what was written cannot be read: %v\n%s", err, first)
	}
	second, err := write(w)
	if err != nil {
		t.Fatalf("what was read again cannot be written: %v\n%s", err, first)
	}
	if string(first) != string(second) {
		t.Fatalf("written again it is different:\n%s\n%s", first, second)
	}
	x, err := read(second)
	if err != nil || !cmp.Equal(w, x) {
		t.Fatalf("%v\n%s", err, cmp.Diff(w, x))
	}
}
