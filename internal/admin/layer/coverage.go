package layer

import (
	"cmp"
	"errors"
	"slices"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/ecrf"
	"github.com/callbox911/callbox/internal/rules/gis"
)

// Coverage says where the boundaries of one service leave gaps and overlap.
type Coverage struct {
	Service    string  `json:"service"`
	Boundaries int     `json:"boundaries"` // that hold now, of all layers that are no demonstration
	Gaps       []Patch `json:"gaps,omitempty"`
	Overlaps   []Patch `json:"overlaps,omitempty"`
	Unlisted   int     `json:"unlisted,omitempty"`
	// Unchecked says why it could not be found out.
	Unchecked string `json:"unchecked,omitempty"`
}

// Patch is one gap or overlap. A gap is a hole between boundaries: calls from
// there have no PSAP.
type Patch struct {
	SquareKM float64    `json:"square_km"`
	Point    e911.Point `json:"point"` // well inside
	NGUIDs   []string   `json:"nguids,omitempty"`
}

const (
	// maxPatches bounds a list of gaps or overlaps; the largest come first.
	maxPatches = 20
	// maxCorners bounds the boundaries that are laid over each other: beyond, it
	// takes minutes.
	maxCorners = 1_000_000
)

// services are those of which a layer that changes has boundaries, or had.
func (n *planned) services(before, after []gis.Layer) map[string]bool {
	out := map[string]bool{}
	for _, l := range slices.Concat(before, after) {
		if l.Layer.ID != n.plan.Layer.ID {
			continue
		}
		for _, b := range l.Content.Boundaries() {
			out[b.Service] = true
		}
	}
	return out
}

// coverage lays the boundaries of services over each other.
func coverage(w *world, services map[string]bool) []Coverage {
	by, wanted := map[string][]gis.Boundary{}, map[string]bool{}
	w.index.Each(func(h ecrf.Hit) bool {
		switch b := h.Boundary; {
		case h.Demonstration():
		case b == nil:
			by[h.Service] = append(by[h.Service], gis.Boundary{NGUID: h.PSAP.Key, Area: h.PSAP.Area})
		case b.Active(w.now):
			by[h.Service] = append(by[h.Service], *b)
		}
		if h.Boundary != nil && services[h.Boundary.Service] {
			wanted[h.Service] = true
		}
		return true
	})
	var out []Coverage
	for service, list := range by {
		if wanted[service] {
			out = append(out, covered(service, list))
		}
	}
	slices.SortFunc(out, func(a, b Coverage) int { return cmp.Compare(a.Service, b.Service) })
	return out
}

func covered(service string, list []gis.Boundary) Coverage {
	c := Coverage{Service: service, Boundaries: len(list)}
	corners := 0
	for i := range list {
		for _, rings := range list[i].Area {
			for _, ring := range rings {
				corners += len(ring)
			}
		}
	}
	if corners > maxCorners {
		c.Unchecked = "the boundaries have more than a million corners together"
		return c
	}
	gaps, err := ecrf.Gaps(list, nil)
	overlaps, err2 := ecrf.Overlaps(list)
	if err = errors.Join(err, err2); err != nil {
		c.Unchecked = err.Error()
	}
	c.Gaps, c.Overlaps = c.patches(gaps), c.patches(overlaps)
	return c
}

func (c *Coverage) patches(all []ecrf.Patch) (out []Patch) {
	for _, p := range all[:min(len(all), maxPatches)] {
		out = append(out, Patch{SquareKM: p.SquareKM, Point: p.Point, NGUIDs: p.NGUIDs})
	}
	c.Unlisted += len(all) - len(out)
	return out
}
