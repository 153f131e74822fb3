package lvf_test

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
	"github.com/callbox911/callbox/internal/rules/geo"
	"github.com/callbox911/callbox/internal/rules/gis"
	"github.com/callbox911/callbox/internal/rules/lvf"
)

// sides visits every side of the city that has addresses.
func sides(c *gis.Content, visit func(gis.Street, gis.Side)) {
	c.EachStreet(func(s gis.Street) bool {
		for _, side := range []gis.Side{s.Left, s.Right} {
			if side.Validate && side.Parity != gis.ParityNone && side.From+side.To > 0 {
				visit(s, side)
			}
		}
		return true
	})
}

func addressOf(s gis.Street, side gis.Side, n int) e911.Civic {
	c := side.Civic
	return c.Merge(s.Name).Merge(e911.Civic{HNO: strconv.Itoa(n)})
}

// numbers counts, for every street by key, which numbers its ranges hold.
func numbers(c *gis.Content) map[string]map[int]bool {
	out := map[string]map[int]bool{}
	sides(c, func(s gis.Street, side gis.Side) {
		k := civic.StreetKey(s.Name)
		if out[k] == nil {
			out[k] = map[int]bool{}
		}
		for n := min(side.From, side.To); n <= max(side.From, side.To); n++ {
			if n > 0 && (side.Parity == gis.ParityBoth || n%2 == 1 == (side.Parity == gis.ParityOdd)) {
				out[k][n] = true
			}
		}
	})
	return out
}

// Proves: W-14, W-10, N-21
func TestEveryRangeOfCambridgeValidates(t *testing.T) {
	c := city(t)
	x := lvf.New([]gis.Layer{layerOf("cambridge-ma", e911.GradeAuthoritative, c)})
	known := numbers(c)
	var asked, placeholders, beyond, elsewhere, wrongSide, otherSide int
	sides(c, func(s gis.Street, side gis.Side) {
		low, high := min(side.From, side.To), max(side.From, side.To)
		street := known[civic.StreetKey(s.Name)]
		for _, n := range []int{side.From, side.To, low + (high-low)/4*2} {
			if !street[n] {
				placeholders++ // an end that is 0 or of the other parity
				continue
			}
			asked++
			a := addressOf(s, side, n)
			r := x.Validate(a, lvf.Options{Now: now})
			if r.Verdict != e911.VerdictValid || r.Method != e911.GeocodeRange || r.Point == nil || r.Layer == nil || r.Feature == "" {
				t.Fatalf("%s: %s by %q, %v", civic.Display(a), r.Verdict, r.Method, r.Faults)
			}
			for _, f := range r.Fields {
				if f.Verdict != civic.Valid {
					t.Fatalf("%s: %s is %s", civic.Display(a), f.Field, f.Verdict)
				}
			}
			if r.Feature == s.NGUID {
				if d := fromLine(r.Point.Point, s.Line); d > r.Point.RadiusM {
					t.Fatalf("%s lies %.0f m from its street, said to be within %.0f", civic.Display(a), d, r.Point.RadiusM)
				}
			}
		}
		for _, n := range []int{low - 2, high + 2} {
			if n <= 0 {
				continue
			}
			if street[n] {
				elsewhere++
				continue
			}
			beyond++
			deny(t, x, addressOf(s, side, n), beyond%20 == 0)
		}
		if n := low + 1; side.Parity != gis.ParityBoth && n < high {
			if street[n] {
				otherSide++
			} else {
				wrongSide++
				deny(t, x, addressOf(s, side, n), wrongSide%20 == 0)
			}
		}
	})
	t.Logf("%d numbers inside ranges are valid (%d placeholders left out); %d beyond an end are not (%d others belong to another segment); %d of the wrong parity are not (%d others belong to the other side)",
		asked, placeholders, beyond, elsewhere, wrongSide, otherSide)
	if asked < 5000 || beyond < 500 || wrongSide < 100 {
		t.Error("too few addresses were asked for")
	}
}

// deny wants the house number invalid and nothing else; when whole, also the
// nearest numbers as candidates, which take most of the time.
func deny(t *testing.T, x *lvf.Index, a e911.Civic, whole bool) {
	t.Helper()
	r := x.Judged(a, lvf.Options{Now: now})
	if whole {
		if r = x.Validate(a, lvf.Options{Now: now}); len(r.Candidates) == 0 {
			t.Fatalf("%s: no candidate", civic.Display(a))
		}
	}
	if r.Verdict != e911.VerdictInvalid || invalid(r) != "HNO" {
		t.Fatalf("%s: %s, invalid %q, %v", civic.Display(a), r.Verdict, invalid(r), r.Faults)
	}
	for _, f := range r.Fields {
		if f.Field != "HNO" && f.Field != "PC" && f.Verdict != civic.Valid {
			t.Fatalf("%s: %s is %s", civic.Display(a), f.Field, f.Verdict)
		}
	}
}

// invalid names the invalid fields.
func invalid(r lvf.Result) string {
	var out []string
	for _, f := range r.Fields {
		if f.Verdict == civic.Invalid {
			out = append(out, f.Field)
		}
	}
	return strings.Join(out, " ")
}

func fromLine(p e911.Point, line []e911.Point) float64 {
	least := geo.Metres(p, line[0])
	for i := 1; i < len(line); i++ {
		for k := range 21 {
			s := float64(k) / 20
			q := e911.Point{Lat: line[i-1].Lat + s*(line[i].Lat-line[i-1].Lat), Lon: line[i-1].Lon + s*(line[i].Lon-line[i-1].Lon)}
			least = min(least, geo.Metres(p, q))
		}
	}
	return least
}

// misspell makes one slip of the pen: a letter dropped, doubled, replaced or
// swapped with the next.
func misspell(r *rand.Rand, s string) string {
	for {
		i := 1 + r.IntN(len(s)-1)
		out := s
		switch r.IntN(4) {
		case 0:
			out = s[:i] + s[i+1:]
		case 1:
			out = s[:i] + s[i:i+1] + s[i:]
		case 2:
			out = s[:i] + string(rune('a'+r.IntN(26))) + s[i+1:]
		case 3:
			if i+1 < len(s) {
				out = s[:i] + s[i+1:i+2] + s[i:i+1] + s[i+2:]
			}
		}
		if out != s {
			return out
		}
	}
}

// Proves: W-10, W-14
func TestMisspelledStreetsOfCambridgeAreFound(t *testing.T) {
	c := city(t)
	x := lvf.New([]gis.Layer{layerOf("cambridge-ma", e911.GradeAuthoritative, c)})
	var all []e911.Civic
	seen := map[string]bool{}
	sides(c, func(s gis.Street, side gis.Side) {
		if n := side.From; !seen[s.Name.RD] && n > 0 && len(s.Name.RD) >= 4 && s.Name.STS != "" {
			seen[s.Name.RD] = true
			all = append(all, addressOf(s, side, n))
		}
	})
	r := rand.New(rand.NewPCG(9, 11))
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	const want = 200
	first, three, asked := 0, 0, 0
	for _, a := range all {
		if asked == want {
			break
		}
		bad := a
		bad.RD = misspell(r, a.RD)
		if r.IntN(4) == 0 {
			bad.RD = misspell(r, bad.RD)
		}
		got := x.Validate(bad, lvf.Options{Now: now})
		if got.Verdict == e911.VerdictValid {
			continue // it is the name of another street
		}
		asked++
		at := -1
		for i, k := range got.Candidates {
			if k.Address.RD == a.RD && k.Address.HNO == a.HNO && k.Address.STS == a.STS {
				at = i
				break
			}
		}
		switch {
		case at == 0:
			first++
			three++
		case at > 0 && at < 3:
			three++
		default:
			t.Logf("%s for %s: place %d of %d", bad.RD, a.RD, at, len(got.Candidates))
		}
	}
	t.Logf("of %d misspelled streets %d are the first candidate, %d among the first three", asked, first, three)
	if asked < want || three*100 < asked*97 || first*100 < asked*90 {
		t.Error("want 97 % among the first three and 90 % first")
	}
}
