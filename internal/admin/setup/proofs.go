package setup

import (
	"context"
	"slices"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	rules "github.com/callbox911/callbox/internal/rules/setup"
)

// Proof is a test by 933 that a building needs, of a class of device, and when a
// good one was made (F-38).
type Proof struct {
	Building string            `json:"building"` // key
	Class    e911.StationClass `json:"class"`
	At       time.Time         `json:"at,omitzero"` // zero: none yet
}

// Proofs lists the tests by 933 that a site needs, by building and class, and then
// good ones that nothing asks for any more.
func (s *Service) Proofs(ctx context.Context, org e911.OrgID, site string) ([]Proof, error) {
	g, err := s.gather(ctx, org)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(g.sites, func(f siteFacts) bool { return f.site.Key == site || string(f.site.ID) == site })
	if i < 0 {
		return nil, e911.Errorf(e911.NotFound, "there is no site %s", site)
	}
	f := g.sites[i].facts
	out := []Proof{}
	for _, b := range f.Buildings {
		for _, c := range b.Classes {
			p := Proof{Building: b.Key, Class: c}
			if n := slices.IndexFunc(f.Proofs, func(x rules.Proof) bool { return x.Building == b.Key && x.Class == c }); n >= 0 {
				p.At = f.Proofs[n].At
			}
			out = append(out, p)
		}
	}
	for _, x := range f.Proofs {
		if !slices.ContainsFunc(out, func(p Proof) bool { return p.Building == x.Building && p.Class == x.Class }) {
			out = append(out, Proof(x))
		}
	}
	return out, nil
}
