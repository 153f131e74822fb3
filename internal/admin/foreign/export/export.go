// Package export is what the writers of other products' files share: the part of
// an organisation that they write, CSV that neither a spreadsheet nor another
// product takes for anything else than text, and the list of what a format cannot
// carry, which is told and never left out in silence.
package export

import (
	"cmp"
	"context"
	"encoding/csv"
	"fmt"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

// World is the part of an organisation that other products can have, in order of
// keys.
type World struct {
	Org       e911.Org
	Sites     []e911.Site
	Buildings []e911.Building
	Locations []e911.Location
	Elements  []e911.Element
	Numbers   []e911.NumberRec
}

// File is a file of an export.
type File struct {
	Name string
	Data []byte
}

// Lost is something of the organisation that the format cannot carry.
type Lost struct {
	What  string `json:"what"` // "bssid 00:11:22:33:44:50"
	Why   string `json:"why"`
	Count int    `json:"count,omitempty"` // of the same reason; What is the first of them
}

// Export is what a writer made.
type Export struct {
	Format string `json:"format"`
	Files  []File `json:"-"`
	Lost   []Lost `json:"lost,omitempty"`

	at map[string]int
}

// Lose notes what the format cannot carry.
func (e *Export) Lose(what, why string) {
	if e.at == nil {
		e.at = map[string]int{}
	}
	i, ok := e.at[why]
	if !ok {
		i = len(e.Lost)
		e.at[why] = i
		e.Lost = append(e.Lost, Lost{What: what, Why: why})
	}
	e.Lost[i].Count++
}

// Reader is the part of a store that Load reads.
type Reader interface {
	List(ctx context.Context, q admin.Query) ([]admin.Object, error)
	Orgs(ctx context.Context) ([]e911.Org, error)
}

// Load reads an organisation by its key.
func Load(ctx context.Context, r Reader, org string) (World, error) {
	orgs, err := r.Orgs(ctx)
	if err != nil {
		return World{}, fmt.Errorf("read the organisations: %w", err)
	}
	i := slices.IndexFunc(orgs, func(o e911.Org) bool { return o.Key == org })
	if i < 0 {
		return World{}, e911.Errorf(e911.NotFound, "there is no organisation %q", org)
	}
	w := World{Org: orgs[i]}
	for kind, take := range map[e911.ObjectKind]func(any){
		e911.KindSite:     func(v any) { w.Sites = append(w.Sites, v.(e911.Site)) },
		e911.KindBuilding: func(v any) { w.Buildings = append(w.Buildings, v.(e911.Building)) },
		e911.KindLocation: func(v any) { w.Locations = append(w.Locations, v.(e911.Location)) },
		e911.KindElement:  func(v any) { w.Elements = append(w.Elements, v.(e911.Element)) },
		e911.KindNumber:   func(v any) { w.Numbers = append(w.Numbers, v.(e911.NumberRec)) },
	} {
		if err := each(ctx, r, admin.Query{Kind: kind, Org: w.Org.ID}, take); err != nil {
			return World{}, err
		}
	}
	w.Sort()
	return w, nil
}

func each(ctx context.Context, r Reader, q admin.Query, do func(any)) error {
	for {
		page, err := r.List(ctx, q)
		if err != nil {
			return fmt.Errorf("read what is stored: %w", err)
		}
		for _, o := range page {
			do(o.Value)
		}
		if len(page) < admin.MaxPage {
			return nil
		}
		q.After = page[len(page)-1].Ref.ID
	}
}

// Sort brings everything into the order of its keys, so that two exports of the
// same organisation are the same files.
func (w *World) Sort() {
	slices.SortFunc(w.Sites, func(a, b e911.Site) int { return cmp.Compare(a.Key, b.Key) })
	slices.SortFunc(w.Buildings, func(a, b e911.Building) int { return cmp.Compare(a.Key, b.Key) })
	slices.SortFunc(w.Locations, func(a, b e911.Location) int { return cmp.Compare(a.Key, b.Key) })
	slices.SortFunc(w.Numbers, func(a, b e911.NumberRec) int { return cmp.Compare(a.Number, b.Number) })
	keys := make(map[e911.ElementID]string, len(w.Elements))
	for _, e := range w.Elements {
		keys[e.ID] = admin.ElementKey(e)
	}
	slices.SortFunc(w.Elements, func(a, b e911.Element) int { return cmp.Compare(keys[a.ID], keys[b.ID]) })
}

// BuildingOf finds the building of a location.
func (w *World) BuildingOf() map[e911.BuildingID]e911.Building {
	m := make(map[e911.BuildingID]e911.Building, len(w.Buildings))
	for _, b := range w.Buildings {
		m[b.ID] = b
	}
	return m
}

// ELINs are the numbers that stand for a location, by its id, in order.
func (w *World) ELINs() map[e911.LocationID][]e911.Number {
	m := map[e911.LocationID][]e911.Number{}
	for _, n := range w.Numbers {
		if n.ELIN && n.Location != "" {
			m[n.Location] = append(m[n.Location], n.Number)
		}
	}
	return m
}

// CSV writes a table, each line ended as Windows does. A field that a spreadsheet
// would take for a formula begins with an apostrophe.
func CSV(name string, header []string, rows [][]string) File {
	var b strings.Builder
	w := csv.NewWriter(&b)
	w.UseCRLF = true
	// A strings.Builder takes everything.
	_ = w.Write(header)
	for _, r := range rows {
		for i, v := range r {
			r[i] = harmless(v)
		}
		_ = w.Write(r)
	}
	w.Flush()
	return File{name, []byte(b.String())}
}

// harmless keeps a spreadsheet from running what somebody typed as a name. A
// number with its plus sign is none of that.
func harmless(v string) string {
	if v == "" || !strings.ContainsRune("=+-@\t\r", rune(v[0])) {
		return v
	}
	if strings.Trim(v[1:], "0123456789.") == "" && v[0] != '=' && v[0] != '@' {
		return v
	}
	return "'" + v
}
