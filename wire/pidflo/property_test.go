package pidflo_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/callbox911/callbox/wire/foreign"
	"github.com/callbox911/callbox/wire/pidflo"
)

// Proves: F-26, E10, W-50 (generate, encode, validate, decode, equal)
func TestEveryDocumentIsValidAndComesBackEqual(t *testing.T) {
	docs := map[string][]byte{}
	rapid.Check(t, func(rt *rapid.T) {
		d := drawDocument(rt)
		b, err := pidflo.Marshal(d)
		if err != nil {
			rt.Fatalf("%v: %+v", err, d)
		}
		got, err := pidflo.Parse(b)
		if err != nil {
			rt.Fatalf("%v\n%s", err, b)
		}
		if diff := cmp.Diff(d, got); diff != "" {
			rt.Fatalf("(-sent +read):\n%s\n%s", diff, b)
		}
		docs[fmt.Sprint(len(docs))] = b
	})
	// A document that fails its check is shown by the schema with its number.
	validate(t, docs)
}

// Proves: W-50 for fragments
func TestEveryFragmentIsValidAndComesBackEqual(t *testing.T) {
	docs := map[string][]byte{}
	rapid.Check(t, func(rt *rapid.T) {
		s := drawShape(rt)
		b, err := pidflo.AppendShape(nil, s)
		if err != nil {
			rt.Fatal(err)
		}
		if got, err := pidflo.ParseShape(b); err != nil || !cmp.Equal(s, got) {
			rt.Fatalf("%v\n%s\n%s", err, cmp.Diff(s, got), b)
		}
		docs[fmt.Sprint("shape ", len(docs))] = b

		c := drawCivic(rt)
		if b, err = pidflo.AppendCivic(nil, c); err != nil {
			rt.Fatal(err)
		}
		if got, err := pidflo.ParseCivic(b); err != nil || !cmp.Equal(c, got) {
			rt.Fatalf("%v\n%s\n%s", err, cmp.Diff(c, got), b)
		}
		docs[fmt.Sprint("civic ", len(docs))] = b

		g := drawGeopriv(rt)
		if b, err = pidflo.AppendGeopriv(nil, &g); err != nil {
			rt.Fatal(err)
		}
		if got, err := pidflo.ParseGeopriv(b); err != nil || !cmp.Equal(g, got) {
			rt.Fatalf("%v\n%s\n%s", err, cmp.Diff(g, got), b)
		}
		docs[fmt.Sprint("geopriv ", len(docs))] = b

		e := drawElement(rt, pidflo.Kind(rapid.IntRange(0, 2).Draw(rt, "kind")), "id")
		if b, err = pidflo.AppendElement(nil, &e); err != nil {
			rt.Fatal(err)
		}
		if got, err := pidflo.ParseElement(b); err != nil || !cmp.Equal(e, got) {
			rt.Fatalf("%v\n%s\n%s", err, cmp.Diff(e, got), b)
		}
		if e.Kind != pidflo.Tuple { // the schema has no tuple that stands alone
			docs[fmt.Sprint("element ", len(docs))] = b
		}
	})
	validate(t, docs)
}

func drawDocument(t *rapid.T) *pidflo.Document {
	d := &pidflo.Document{Entity: drawURI(t), Notes: drawNotes(t), Extensions: drawForeign(t)}
	for i, kind := range rapid.SliceOfN(rapid.SampledFrom([]pidflo.Kind{pidflo.Tuple, pidflo.Device, pidflo.Person}), 0, 3).Draw(t, "kinds") {
		d.Elements = append(d.Elements, drawElement(t, kind, fmt.Sprint("id.", i)))
	}
	// The schema wants tuples first; that is the order in which they come back.
	var ordered []pidflo.Element
	for _, tuples := range []bool{true, false} {
		for _, e := range d.Elements {
			if (e.Kind == pidflo.Tuple) == tuples {
				ordered = append(ordered, e)
			}
		}
	}
	d.Elements = ordered
	return d
}

func drawElement(t *rapid.T, kind pidflo.Kind, id string) pidflo.Element {
	e := pidflo.Element{Kind: kind, ID: id, Extensions: drawForeign(t), Notes: drawNotes(t), Timestamp: drawTime(t)}
	for range rapid.IntRange(0, 2).Draw(t, "geoprivs") {
		e.Geopriv = append(e.Geopriv, drawGeopriv(t))
	}
	if kind != pidflo.Person && rapid.Bool().Draw(t, "with id") {
		e.DeviceID = drawURI(t)
	}
	if kind == pidflo.Tuple {
		e.Basic = rapid.SampledFrom([]string{"", "open", "closed"}).Draw(t, "basic")
		e.Status = drawForeign(t)
		if rapid.Bool().Draw(t, "contact") {
			e.Contact = drawURI(t)
			e.Priority = rapid.SampledFrom([]string{"", "0", "1", "0.8", "0.123", "1.000"}).Draw(t, "priority")
		}
	}
	return e
}

func drawGeopriv(t *rapid.T) pidflo.Geopriv {
	g := pidflo.Geopriv{
		Retransmission: rapid.Bool().Draw(t, "retransmission"), Retention: drawTime(t),
		Method: drawText(t, "method"), NoteWell: drawText(t, "note-well"), Rules: drawForeign(t), Extensions: drawForeign(t),
		Source: rapid.SampledFrom([][]string{nil, {"lis"}, {"device", "other"}}).Draw(t, "source"),
	}
	if rapid.Bool().Draw(t, "ruleset") {
		g.Ruleset = drawURI(t)
	}
	if g.NoteWell != "" {
		g.NoteWellLang = drawLang(t)
	}
	uncertain := false
	for range rapid.IntRange(0, 3).Draw(t, "chunks") {
		var c pidflo.Chunk
		switch rapid.IntRange(0, 2).Draw(t, "chunk") {
		case 0:
			c.Civic = drawCivic(t)
		case 1:
			c.Shape = drawShape(t)
		default:
			c.Foreign = rapid.SampledFrom(carried()).Draw(t, "carried")
		}
		_, point := c.Shape.(pidflo.Point)
		uncertain = uncertain || !point
		g.Info = append(g.Info, c)
	}
	if uncertain && rapid.Bool().Draw(t, "confident") {
		g.Confidence = rapid.OneOf(rapid.Just(float64(pidflo.UnknownConfidence)), rapid.Float64Range(0.001, 99.999)).Draw(t, "confidence")
		g.Distribution = rapid.SampledFrom([]string{"", pidflo.PDFNormal, pidflo.PDFRectangular, pidflo.PDFUnknown}).Draw(t, "pdf")
	}
	return g
}

// carried are elements of other documents in a location-info.
func carried() []foreign.Element {
	return []foreign.Element{
		element(`<dyn:Dynamic xmlns:dyn="` + pidflo.SpaceDynamic + `" xmlns=""><dyn:orientation>-3 12</dyn:orientation><dyn:speed>24</dyn:speed></dyn:Dynamic>`),
		element(`<r:relative-location xmlns:r="` + pidflo.SpaceRelative + `" xmlns=""><r:reference/><r:offset><g:Point xmlns:g="` + pidflo.SpaceGML +
			`" srsName="urn:ietf:params:geopriv:relative:2d"><g:pos>100 50</g:pos></g:Point></r:offset></r:relative-location>`),
	}
}

func element(xml string) foreign.Element {
	e, err := foreign.Parse(xml)
	if err != nil {
		panic(err)
	}
	return e
}

func drawForeign(t *rapid.T) []foreign.Element {
	n := rapid.SampledFrom([]int{0, 0, 0, 1, 2}).Draw(t, "extensions")
	var out []foreign.Element
	for i := range n {
		out = append(out, element(fmt.Sprintf(`<x:e%d xmlns:x="urn:vendor" xmlns="" a="1">%s<x:b/></x:e%d>`, i, strings.Repeat("é ", i), i)))
	}
	return out
}

func drawCivic(t *rapid.T) *pidflo.Civic {
	c := &pidflo.Civic{Lang: drawLang(t)}
	for _, known := range full().Elements[0].Geopriv[0].Civic().Fields {
		n := rapid.SampledFrom([]int{0, 0, 1, 1, 2}).Draw(t, known.Name)
		if n == 2 && known.Space == pidflo.SpaceCivic {
			n = 1 // the schema of RFC 5139 takes one of each
		}
		for range n {
			f := pidflo.Field{Space: known.Space, Name: known.Name, Value: drawWords(t)}
			switch f.Name {
			case "country":
				f.Value = rapid.StringMatching(`[A-Z]{2}`).Draw(t, "country")
			case "PLC", "STPS":
			default:
				f.Lang = drawLang(t)
			}
			c.Fields = append(c.Fields, f)
		}
	}
	for range rapid.IntRange(0, 2).Draw(t, "foreign fields") {
		c.Fields = append(c.Fields, pidflo.Field{
			Space: rapid.SampledFrom([]string{"urn:vendor", "http://v.example/a?b&c", pidflo.SpaceNENA1, pidflo.SpaceCivicExt}).Draw(t, "space"),
			Name:  rapid.SampledFrom([]string{"lamp", "RD", "x-1.b", "été"}).Draw(t, "name"), Value: drawWords(t), Lang: drawLang(t),
		})
	}
	c.Extensions = drawForeign(t)
	return c
}

func drawShape(t *rapid.T) pidflo.Shape {
	flat := pidflo.Pos{Lat: rapid.Float64Range(-90, 90).Draw(t, "lat"), Lon: rapid.Float64Range(-180, 180).Draw(t, "lon")}
	solid := flat
	solid.Alt, solid.HasAlt = rapid.Float64Range(-500, 9000).Draw(t, "alt"), true
	length := func(name string) float64 { return rapid.Float64Range(0, 1e6).Draw(t, name) }
	angle := func(name string) float64 { return rapid.Float64Range(-360, 360).Draw(t, name) }
	switch rapid.IntRange(0, 9).Draw(t, "shape") {
	case 0:
		return pidflo.Point{Pos: flat}
	case 1:
		return pidflo.Point{Pos: solid}
	case 2:
		return pidflo.Circle{Center: flat, Radius: length("radius")}
	case 3:
		return pidflo.Ellipse{Center: flat, SemiMajor: length("major"), SemiMinor: length("minor"), Orientation: angle("orientation")}
	case 4:
		return pidflo.ArcBand{Center: flat, Inner: length("inner"), Outer: length("outer"), Start: angle("start"), Opens: angle("opens")}
	case 5:
		return pidflo.Sphere{Center: solid, Radius: length("radius")}
	case 6:
		return pidflo.Ellipsoid{Center: solid, SemiMajor: length("major"), SemiMinor: length("minor"), Vertical: length("vertical"), Orientation: angle("orientation")}
	case 7:
		return pidflo.Polygon{Exterior: drawRing(t, false)}
	case 8:
		return pidflo.Polygon{Exterior: drawRing(t, true)}
	}
	return pidflo.Prism{Base: drawRing(t, true), Height: rapid.Float64Range(0.01, 500).Draw(t, "height")}
}

// drawRing puts corners counter-clockwise around a center, so that no sides
// cross.
func drawRing(t *rapid.T, altitude bool) []pidflo.Pos {
	n := rapid.IntRange(3, 15).Draw(t, "corners")
	lat, lon := rapid.Float64Range(-80, 80).Draw(t, "ring lat"), rapid.Float64Range(-170, 170).Draw(t, "ring lon")
	alt := rapid.Float64Range(-100, 4000).Draw(t, "ring alt")
	var out []pidflo.Pos
	for i := range n {
		r := rapid.Float64Range(0.01, 1).Draw(t, "corner")
		sin, cos := math.Sincos(2 * math.Pi * float64(i) / float64(n))
		p := pidflo.Pos{Lat: lat + r*sin, Lon: lon + r*cos}
		if altitude {
			p.Alt, p.HasAlt = alt, true
		}
		out = append(out, p)
	}
	return out
}

func drawURI(t *rapid.T) string {
	return rapid.SampledFrom([]string{
		"pres:a@example.com", "https://[2001:db8::1]:5060/x", "urn:uuid:01936f2e-1111-7000-8000-000000000001", "https://a.example/r?x=1&y=%20#f",
		"mac:001122334455", "tel:+16175550100",
	}).Draw(t, "uri")
}

func drawLang(t *rapid.T) string {
	return rapid.SampledFrom([]string{"", "", "en", "fr-CA", "zh-Hant-TW", "x-1a"}).Draw(t, "lang")
}

func drawTime(t *rapid.T) time.Time {
	if rapid.Bool().Draw(t, "no time") {
		return time.Time{}
	}
	return time.UnixMilli(rapid.Int64Range(-62135596799000, 253402300799999).Draw(t, "time")).UTC()
}

func drawNotes(t *rapid.T) []pidflo.Note {
	var out []pidflo.Note
	for range rapid.SampledFrom([]int{0, 0, 1, 2}).Draw(t, "notes") {
		out = append(out, pidflo.Note{Text: drawText(t, "note"), Lang: drawLang(t)})
	}
	return out
}

// drawText is empty or a text; drawWords is a text.
func drawText(t *rapid.T, name string) string {
	if rapid.Bool().Draw(t, name+"?") {
		return ""
	}
	return drawWords(t)
}

func drawWords(t *rapid.T) string {
	word := rapid.StringOfN(rapid.RuneFrom([]rune("abcXYZ019&<>\"']é漢🚒-.,;:#/")), 1, 8, -1)
	return strings.Join(rapid.SliceOfN(word, 1, 3).Draw(t, "words"), " ")
}
