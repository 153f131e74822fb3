package lvf_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/geo"
	"github.com/callbox911/callbox/internal/rules/gis"
	"github.com/callbox911/callbox/internal/rules/lvf"
)

var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// build freezes features given as address points and segments.
func build(t testing.TB, features ...any) *gis.Content {
	t.Helper()
	b := gis.NewBuilder()
	for _, f := range features {
		var err error
		switch f := f.(type) {
		case gis.AddressPoint:
			err = b.Address(f)
		case gis.Street:
			err = b.Street(f)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return b.Build()
}

// layerOf wraps a content.
func layerOf(key string, grade e911.LayerGrade, c *gis.Content) gis.Layer {
	return gis.Layer{Layer: e911.Layer{Key: key, Grade: grade, Version: 3, AsOf: now.AddDate(0, -1, 0)}, Content: c}
}

// index over one authoritative layer.
func index(t testing.TB, features ...any) *lvf.Index {
	t.Helper()
	return lvf.New([]gis.Layer{layerOf("town", e911.GradeAuthoritative, build(t, features...))})
}

// base is the place that most tests are about.
var base = e911.Civic{Country: "US", A1: "MA", A2: "Middlesex County", A3: "Cambridge", PC: "02139", PCN: "CAMBRIDGE"}

// with lays fields over an address: pairs of name and value; an empty value
// takes the field away.
func with(c e911.Civic, pairs ...string) e911.Civic {
	for i := 0; i < len(pairs); i += 2 {
		if !c.Set(pairs[i], pairs[i+1]) {
			panic("no such field: " + pairs[i])
		}
	}
	return c
}

// at is an address point in the middle of Cambridge, some metres north and east.
func at(north, east float64, c e911.Civic) gis.AddressPoint {
	return gis.AddressPoint{
		NGUID: "SSAP-" + c.HNP + c.HNO + c.HNS + c.UNIT + "-" + c.RD + "-" + c.A3, Civic: c, Placement: "Structure",
		Point: e911.Point{Lat: 42.37 + north/111_195, Lon: -71.11 + east/82_150},
	}
}

// road is a segment of 200 m to the east, odd numbers on its left.
func road(name, area e911.Civic, odd, even [2]int) gis.Street {
	return gis.Street{
		NGUID: fmt.Sprintf("RCL-%s-%s-%d", name.RD, area.A3, odd[0]), Name: name,
		Left:  gis.Side{From: odd[0], To: odd[1], Parity: gis.ParityOdd, Validate: true, Civic: area},
		Right: gis.Side{From: even[0], To: even[1], Parity: gis.ParityEven, Validate: true, Civic: area},
		Line:  []e911.Point{{Lat: 42.37, Lon: -71.11}, {Lat: 42.37, Lon: -71.11 + 200.0/82_150}},
	}
}

var cambridge = sync.OnceValues(func() (*gis.Content, error) {
	root := os.Getenv("CALLBOX_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "..", "..", "shared")
	}
	raw, err := os.ReadFile(filepath.Join(root, "data", "ng911-gis-cambridge-ma", "RoadCenterLine.geojson"))
	if err != nil {
		return nil, err
	}
	return readCambridge(raw)
})

// city is the road centre lines of Cambridge, Massachusetts.
func city(t testing.TB) *gis.Content {
	t.Helper()
	c, err := cambridge()
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("the data of Cambridge is not here: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// readCambridge reads the fields of NENA-STA-006.2 that this file has.
func readCambridge(raw []byte) (*gis.Content, error) {
	type properties map[string]any
	var file struct {
		Features []struct {
			Properties properties
			Geometry   struct {
				Type        string
				Coordinates json.RawMessage
			}
		}
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		return nil, err
	}
	b := gis.NewBuilder()
	for _, f := range file.Features {
		p := f.Properties
		text := func(k string) string { s, _ := p[k].(string); return s }
		number := func(k string) int {
			if n, ok := p[k].(float64); ok {
				return int(n)
			}
			return -1
		}
		side := func(s string) gis.Side {
			out := gis.Side{
				From: number("FromAddr_" + s), To: number("ToAddr_" + s), Parity: gis.ParityNone, Validate: text("Valid_"+s) == "Y",
				Civic: e911.Civic{
					Country: text("Country_" + s), A1: text("State_" + s), A2: text("County_" + s), A3: text("IncMuni_" + s),
					PC: text("PostCode_" + s), PCN: text("PostComm_" + s),
				},
				MSAG: gis.MSAG{Community: text("MSAGComm_" + s)},
			}
			if out.From < 0 || out.To < 0 { // this city writes -1 or nothing for a side without addresses
				out.From, out.To = 0, 0
			} else if par := text("Parity_" + s); par != "" {
				out.Parity = gis.Parity(par[0])
			}
			return out
		}
		s := gis.Street{
			NGUID: text("NGUID"),
			Name:  e911.Civic{PRD: text("St_PreDir"), RD: text("St_Name"), STS: text("St_PosTyp"), POD: text("St_PosDir"), STP: text("St_PreTyp")},
			Left:  side("L"), Right: side("R"),
		}
		parts := make([][][2]float64, 1)
		into := any(&parts[0])
		if f.Geometry.Type == "MultiLineString" { // pieces of one street, in order
			into = &parts
		}
		if err := json.Unmarshal(f.Geometry.Coordinates, into); err != nil {
			return nil, err
		}
		for _, part := range parts {
			for _, xy := range part {
				s.Line = append(s.Line, e911.Point{Lat: xy[1], Lon: xy[0]})
			}
		}
		if err := b.Street(s); err != nil {
			return nil, err
		}
	}
	return b.Build(), nil
}

func closeTo(p, q e911.Point, metres float64) bool { return geo.Metres(p, q) <= metres }
