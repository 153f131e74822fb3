package psali

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/msag"
)

// widths are those of the screens that PSAPs have: many old ones show 20
// characters of a field, none shows more than the 60 of a record.
var widths = []int{20, 60}

// Screen is what a PSAP's screen of a width shows.
type Screen struct {
	Width int      `json:"width"`
	Lines []string `json:"lines"`
}

// Shown is how a location looks to a PSAP.
type Shown struct {
	Location string        `json:"location"` // key
	Building string        `json:"building"` // key
	Numbers  []e911.Number `json:"numbers,omitempty"`
	Screens  []Screen      `json:"screens"`
	Notes    []msag.Note   `json:"notes,omitempty"`
	// MSAG says what the authority's MSAG has against it; empty: nothing, or no
	// MSAG was given.
	MSAG string `json:"msag,omitempty"`

	form msag.Form
}

// Equal warns of locations that a screen cannot tell apart.
type Equal struct {
	Width     int      `json:"width"`
	Street    string   `json:"street"` // "795 MASSACHUSETTS AVE"
	Reads     string   `json:"reads"`  // what the screen shows of the detail
	Locations []string `json:"locations"`
}

// Preview is how all locations of an organisation look to PSAPs.
type Preview struct {
	Org       string  `json:"org"`
	Locations []Shown `json:"locations"`
	Equal     []Equal `json:"equal"`
	Ranges    int     `json:"msag_ranges,omitempty"` // of the MSAG that was compared with
}

// Preview shows each location as the screens of PSAPs will, whether it has an
// ELIN or not, and compares it with guide when that is not nil.
func (d *Desk) Preview(ctx context.Context, org string, guide *Guide) (Preview, error) {
	var out Preview
	err := d.cfg.Store.ReadALI(ctx, func(r Reader) error {
		v, err := d.look(ctx, r, org, d.cfg.Now())
		if err != nil {
			return err
		}
		out = v.preview(d, guide)
		return nil
	})
	return out, err
}

func (v *view) preview(d *Desk, guide *Guide) Preview {
	out := Preview{Org: v.org.Key, Locations: []Shown{}}
	numbers := map[e911.LocationID][]e911.Number{}
	for _, e := range v.elins {
		if e.value.ELIN {
			numbers[e.value.Location] = append(numbers[e.value.Location], e.value.Number)
		}
	}
	if guide != nil {
		out.Ranges = guide.Ranges()
	}
	for _, l := range v.locations {
		place, _ := v.place(l)
		s := Shown{Location: l.Key, Building: v.buildings[l.Building].Key, Numbers: numbers[l.ID]}
		s.form, s.Notes = msag.Of(place, d.cfg.MSAG(place, v.org.Demonstration))
		if guide != nil {
			_, s.MSAG = guide.Check(s.form)
		}
		rec := v.record(elin{form: s.form}, d.cfg.Now())
		for _, w := range widths {
			s.Screens = append(s.Screens, screen(rec, s.Numbers, w))
		}
		out.Locations = append(out.Locations, s)
	}
	slices.SortFunc(out.Locations, func(a, b Shown) int {
		return strings.Compare(a.Building+"\x00"+a.Location, b.Building+"\x00"+b.Location)
	})
	out.Equal = equals(out.Locations)
	return out
}

// screen cuts each field of a record at the width, as the simplest screens do:
// what is worst is what must be told apart.
func screen(r Record, numbers []e911.Number, width int) Screen {
	number := "NO ELIN"
	if len(numbers) > 0 {
		if n := digits(numbers[0]); len(n) == 10 {
			number = fmt.Sprintf("(%s) %s-%s", n[:3], n[3:6], n[6:])
		}
	}
	street := strings.Join(strings.Fields(strings.Join([]string{r.House, r.HouseSuffix, r.PreDir, r.Street, r.Suffix, r.PostDir}, " ")), " ")
	s := Screen{Width: width}
	for _, line := range []string{number + " CLS " + r.Class, r.Customer, street, r.Location, strings.TrimSpace(r.Community + " " + r.State)} {
		s.Lines = append(s.Lines, cut(line, width))
	}
	return s
}

func cut(s string, width int) string {
	if len(s) > width {
		s = s[:width]
	}
	return strings.TrimRight(s, " ")
}

// equals finds the locations of one street address that a width makes the same.
func equals(list []Shown) []Equal {
	out := []Equal{}
	for _, w := range widths {
		groups := map[string][]Shown{}
		var order []string
		for _, s := range list {
			key := s.form.StreetKey() + "\x00" + cut(s.form.Location, w)
			if len(groups[key]) == 0 {
				order = append(order, key)
			}
			groups[key] = append(groups[key], s)
		}
		for _, key := range order {
			g := groups[key]
			if len(g) < 2 {
				continue
			}
			e := Equal{Width: w, Street: g[0].form.StreetLine(), Reads: cut(g[0].form.Location, w)}
			for _, s := range g {
				e.Locations = append(e.Locations, s.Location)
			}
			out = append(out, e)
		}
	}
	return out
}
