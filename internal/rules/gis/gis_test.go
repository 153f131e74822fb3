package gis_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/gis"
)

var day = time.Date(2026, 8, 10, 0, 0, 0, 0, time.UTC)

func point(n int) gis.AddressPoint {
	return gis.AddressPoint{
		NGUID:     fmt.Sprintf("urn:emergency:uid:gis:SSAP:%d:example.gov", n),
		Civic:     e911.Civic{Country: "US", A1: "MA", A2: "Middlesex County", A3: "Cambridge", RD: "Main", STS: "Street", HNO: fmt.Sprint(n), PC: "02139"},
		Point:     e911.Point{Lat: 42.3736158, Lon: -71.1097335},
		Placement: "Structure", MSAG: gis.MSAG{Community: "CAMBRIDGE", ESN: "123"}, Updated: day,
	}
}

func segment(n int) gis.Street {
	civic := e911.Civic{Country: "US", A1: "MA", A3: "Cambridge", PC: "02139"}
	return gis.Street{
		NGUID: fmt.Sprintf("%d@example.gov", n), Name: e911.Civic{RD: "Main", STS: "Street"},
		Left:  gis.Side{From: 1, To: 99, Parity: gis.ParityOdd, Validate: true, Civic: civic},
		Right: gis.Side{From: 100, To: 2, Parity: gis.ParityEven, Prefix: "W", Civic: civic, MSAG: gis.MSAG{Community: "C"}},
		Line:  []e911.Point{{Lat: 42.1, Lon: -71.1}, {Lat: 42.1000001, Lon: -71.1000001}, {Lat: 42.2, Lon: -71.2}},
	}
}

func boundary(n int) gis.Boundary {
	return gis.Boundary{
		NGUID: fmt.Sprintf("urn:emergency:uid:gis:Psap:%03d:example.gov", n), Service: "urn:service:sos", Name: "Cambridge", Agency: "cambridge.example.gov",
		URIs: []string{"sip:psap@example.gov", "sips:psap@example.gov"}, Number: "911", VCard: "https://example.gov/vcard",
		Area: e911.MultiPolygon{{
			{{Lat: 42, Lon: -71}, {Lat: 42, Lon: -70.123456789012}, {Lat: 43, Lon: -70}},
			{{Lat: 42.2, Lon: -70.4}, {Lat: 42.2, Lon: -70.3}, {Lat: 42.3, Lon: -70.3}},
		}},
		Civic: e911.Civic{Country: "US", A1: "MA", A3: "Cambridge"}, Updated: day, Span: gis.Span{Effective: day, Expire: day.AddDate(1, 0, 0)},
	}
}

func collect(c *gis.Content) (a []gis.AddressPoint, s []gis.Street) {
	c.EachAddress(func(p gis.AddressPoint) bool { a = append(a, p); return true })
	c.EachStreet(func(g gis.Street) bool { s = append(s, g); return true })
	return a, s
}

// Proves: W-14, E5
func TestWhatIsBuiltComesBackFromItsBytes(t *testing.T) {
	b := gis.NewBuilder()
	full := point(7)
	full.Civic.HNP, full.Civic.HNO, full.Civic.HNS, full.Civic.UNIT, full.Civic.FLR, full.Civic.BLD = "A", "007", "1/2", "Apartment 5", "2", "Stata Center"
	full.Span = gis.Span{Effective: day, Expire: day.AddDate(1, 0, 0)}
	full.NGUID = "{6F9619FF-8B86-D011-B42D-00CF4FC964FF}"
	landmark := point(1)
	landmark.Civic.HNO, landmark.Civic.LMK, landmark.Placement, landmark.NGUID, landmark.Updated = "", "Harvard Gate", "", "", time.Time{}
	for _, p := range []gis.AddressPoint{point(12), full, landmark, point(2)} {
		if err := b.Address(p); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range []gis.Street{segment(2), segment(1)} {
		if err := b.Street(s); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range []gis.Boundary{boundary(2), boundary(1)} {
		if err := b.Boundary(f); err != nil {
			t.Fatal(err)
		}
	}
	c, err := gis.Decode(b.Build().Append(nil))
	if err != nil {
		t.Fatal(err)
	}
	addresses, streets := collect(c)
	if d := cmp.Diff([]gis.AddressPoint{point(2), full, point(12), landmark}, addresses); d != "" {
		t.Errorf("addresses (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]gis.Street{segment(1), segment(2)}, streets); d != "" {
		t.Errorf("streets (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]gis.Boundary{boundary(1), boundary(2)}, c.Boundaries()); d != "" {
		t.Errorf("boundaries (-want +got):\n%s", d)
	}
	if c.Addresses() != 4 || c.Streets() != 2 {
		t.Errorf("%d addresses and %d streets, want 4 and 2", c.Addresses(), c.Streets())
	}
}

// Proves: W-14
func TestNGUIDsOfAllKindsComeBack(t *testing.T) {
	ids := []string{
		"", "0", "007", "12", "18446744073709551616", "999999999999999999", "Parcel 12", "A12-17", "x@", "@", "1@a@b",
		"urn:emergency:uid:gis:SSAP:3458:caloes.ca.gov", "urn:emergency:uid:gis:SSAP:{a:b}:caloes.ca.gov", "urn:emergency:uid:gis:SSAP", "urn:emergency:uid:gis:",
		"6F9619FF-8B86-D011-B42D-00CF4FC964FF", "6f9619ff-8b86-d011-b42d-00cf4fc964ff", "{6f9619ff-8b86-d011-b42d-00cf4fc964ff}", "6f9619FF-8B86-D011-B42D-00CF4FC964FF",
		"{6F9619FF-8B86-D011-B42D-00CF4FC964FF", "11111111-2222-3333-4444-555555555555", "6F9619FF-8B86-D011-B42D-00CF4FC964FG",
	}
	b := gis.NewBuilder()
	for i, id := range ids {
		p := point(i + 1)
		p.NGUID = id
		if err := b.Address(p); err != nil {
			t.Fatal(err)
		}
	}
	c := b.Build()
	for i, want := range ids {
		if got := c.AddressID(i); got != want {
			t.Errorf("NGUID %q came back as %q", want, got)
		}
	}
}

// Proves: W-14
func TestTheSameFeaturesHaveTheSameBytesInAnyOrder(t *testing.T) {
	word := rapid.SampledFrom([]string{"", "Main", "Elm", "Street", "Avenue", "North", "12", "B"})
	rapid.Check(t, func(t *rapid.T) {
		var points []gis.AddressPoint
		for range rapid.IntRange(0, 12).Draw(t, "points") {
			p := point(rapid.IntRange(0, 5).Draw(t, "number"))
			p.NGUID = word.Draw(t, "id")
			for _, f := range []string{"RD", "STS", "PRD", "A3", "UNIT", "HNS"} {
				p.Civic.Set(f, word.Draw(t, f))
			}
			p.Point.Lat = rapid.Float64Range(-90, 90).Draw(t, "lat")
			points = append(points, p)
		}
		var streets []gis.Street
		for range rapid.IntRange(0, 6).Draw(t, "streets") {
			s := segment(rapid.IntRange(0, 3).Draw(t, "id"))
			s.Name.RD = word.Draw(t, "RD")
			s.Left.From = rapid.IntRange(0, 3).Draw(t, "from")
			s.Line[0].Lat = rapid.Float64Range(-1, 1).Draw(t, "lat")
			streets = append(streets, s)
		}
		bounds := []gis.Boundary{boundary(3), boundary(1), boundary(1)}
		build := func() []byte {
			b := gis.NewBuilder()
			for _, p := range points {
				if err := b.Address(p); err != nil {
					t.Fatal(err)
				}
			}
			for _, s := range streets {
				if err := b.Street(s); err != nil {
					t.Fatal(err)
				}
			}
			for _, f := range bounds {
				if err := b.Boundary(f); err != nil {
					t.Fatal(err)
				}
			}
			return b.Build().Append(nil)
		}
		want := build()
		points, streets, bounds = rapid.Permutation(points).Draw(t, "order"), rapid.Permutation(streets).Draw(t, "order"), rapid.Permutation(bounds).Draw(t, "order")
		if got := build(); !bytes.Equal(got, want) {
			t.Fatalf("%d bytes in one order, %d others in another", len(want), len(got))
		}
		c, err := gis.Decode(want)
		if err != nil {
			t.Fatal(err)
		}
		if c.Addresses() != len(points) || c.Streets() != len(streets) {
			t.Fatal("features were lost")
		}
		again := gis.NewBuilder()
		c.EachAddress(func(p gis.AddressPoint) bool { return again.Address(p) == nil })
		c.EachStreet(func(s gis.Street) bool { return again.Street(s) == nil })
		for _, f := range c.Boundaries() {
			if err := again.Boundary(f); err != nil {
				t.Fatal(err)
			}
		}
		if got := again.Build().Append(nil); !bytes.Equal(got, want) {
			t.Fatal("what was read builds other bytes")
		}
	})
}

// Proves: W-14, F-05
func TestFeaturesThatNoIndexCanHoldAreRefusedWithAReason(t *testing.T) {
	address := func(change func(*gis.AddressPoint)) error {
		p := point(1)
		change(&p)
		return gis.NewBuilder().Address(p)
	}
	street := func(change func(*gis.Street)) error {
		s := segment(1)
		change(&s)
		return gis.NewBuilder().Street(s)
	}
	bound := func(change func(*gis.Boundary)) error {
		f := boundary(1)
		change(&f)
		return gis.NewBuilder().Boundary(f)
	}
	for _, c := range []struct {
		name string
		err  error
		want string
	}{
		{"a point that is no number", address(func(p *gis.AddressPoint) { p.Point.Lat = math.NaN() }), "globe"},
		{"a point in infinity", address(func(p *gis.AddressPoint) { p.Point.Lon = math.Inf(1) }), "globe"},
		{"latitude and longitude swapped", address(func(p *gis.AddressPoint) { p.Point = e911.Point{Lat: -171, Lon: 42} }), "globe"},
		{"a house number with a letter", address(func(p *gis.AddressPoint) { p.Civic.HNO = "12A" }), "house number"},
		{"a house number below nought", address(func(p *gis.AddressPoint) { p.Civic.HNO = "-5" }), "house number"},
		{"a house number of twenty digits", address(func(p *gis.AddressPoint) { p.Civic.HNO = "12345678901234567890" }), "house number"},
		{"a text with control characters", address(func(p *gis.AddressPoint) { p.Civic.RD = "Ma\x00in" }), "control"},
		{"a text of 10,000 characters", address(func(p *gis.AddressPoint) { p.Civic.RD = strings.Repeat("a", 10_000) }), "longer"},
		{"a text that is no UTF-8", address(func(p *gis.AddressPoint) { p.NGUID = "\xff" }), "UTF-8"},
		{"a span that ends before it begins", address(func(p *gis.AddressPoint) { p.Effective, p.Expire = day, day }), "expires"},
		{"a line of one point", street(func(s *gis.Street) { s.Line = s.Line[:1] }), "line"},
		{"a line that leaves the globe", street(func(s *gis.Street) { s.Line[1].Lat = 91 }), "globe"},
		{"a range below nought", street(func(s *gis.Street) { s.Left.From = -1 }), "left side"},
		{"a parity that is none", street(func(s *gis.Street) { s.Right.Parity = 'X' }), "right side"},
		{"a boundary without a service", bound(func(f *gis.Boundary) { f.Service = "" }), "service"},
		{"a boundary of nothing", bound(func(f *gis.Boundary) { f.Area, f.Civic = nil, e911.Civic{} }), "neither"},
		{"a ring of two points", bound(func(f *gis.Boundary) { f.Area[0][0] = f.Area[0][0][:2] }), "three"},
		{"a ring that is closed by repetition", bound(func(f *gis.Boundary) { f.Area[0][0] = append(f.Area[0][0], f.Area[0][0][0]) }), "repeats"},
		{"a ring with a point that is no number", bound(func(f *gis.Boundary) { f.Area[0][0][1].Lat = math.NaN() }), "globe"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.want) {
			t.Errorf("%s: error %v, want one about %q", c.name, c.err, c.want)
		}
	}
}

// Proves: E5
func TestDamagedBytesAreRefused(t *testing.T) {
	good := sample(t).Append(nil)
	if _, err := gis.Decode(nil); err == nil {
		t.Error("no bytes at all were read as a layer")
	}
	for i := range good {
		bad := slices.Clone(good)
		bad[i] ^= 0x10
		if _, err := gis.Decode(bad); err == nil {
			t.Fatalf("byte %d was changed and nobody saw it", i)
		}
		if _, err := gis.Decode(good[:i]); err == nil {
			t.Fatalf("the first %d bytes were read as a whole layer", i)
		}
	}
	if _, err := gis.Decode(append(slices.Clone(good), 0)); err == nil {
		t.Error("a byte too many was not seen")
	}
	var none *gis.Content
	empty, err := gis.Decode(none.Append(nil))
	if err != nil || empty.Addresses()+empty.Streets()+len(empty.Boundaries()) != 0 {
		t.Errorf("the empty layer came back as %v, %v", empty, err)
	}
}

func sample(t testing.TB) *gis.Content {
	b := gis.NewBuilder()
	for i := range 5 {
		p := point(i)
		if i%2 == 0 {
			p.Civic.UNIT, p.NGUID = "Suite 5", fmt.Sprintf("{6F9619FF-8B86-D011-B42D-00CF4FC964F%d}", i)
		}
		if err := b.Address(p); err != nil {
			t.Fatal(err)
		}
		if err := b.Street(segment(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Boundary(boundary(1)); err != nil {
		t.Fatal(err)
	}
	return b.Build()
}

// resum makes the checksum right again, so that what lies behind it is tested.
func resum(b []byte) []byte {
	if len(b) > 13 {
		binary.LittleEndian.PutUint32(b[9:], crc32.Checksum(b[13:], crc32.MakeTable(crc32.Castagnoli)))
	}
	return b
}

// walk uses everything that Content offers.
func walk(c *gis.Content) {
	at := day
	for i := range c.Ways() {
		w := c.Way(i)
		c.Find(w, 3)
	}
	for i := range c.Addresses() {
		c.Address(i)
		c.AddressActive(i, at)
		c.Plain(i)
	}
	for i := range c.Streets() {
		c.Street(i)
		c.StreetActive(i, at)
	}
	for i := range c.Names() {
		c.Name(i)
	}
	for i := range c.Places() {
		c.Place(i)
	}
}

// Proves: E5
func TestNoByteThatHasARightChecksumBreaksTheReader(t *testing.T) {
	good := sample(t).Append(nil)
	read := 0
	for i := range good {
		for _, x := range []byte{1, 0x80, 0xff} {
			bad := slices.Clone(good)
			bad[i] ^= x
			if c, err := gis.Decode(resum(bad)); err == nil {
				read++
				walk(c)
			}
		}
	}
	if read == 0 {
		t.Error("not one change was read; the test looks at the header alone")
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(sample(f).Append(nil))
	f.Add((*gis.Content)(nil).Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := gis.Decode(resum(slices.Clone(b)))
		if err != nil {
			return
		}
		walk(c)
		if !bytes.Equal(c.Append(nil), resum(slices.Clone(b))) {
			t.Fatal("what was read is written otherwise")
		}
	})
}
