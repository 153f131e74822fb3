package app

import (
	"sync/atomic"
	"weak"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/dialplan"
	"github.com/callbox911/callbox/internal/snapshot"
)

// urgent reports what has the room of emergency calls: these, also by 112, 999
// and the like where somebody has a building in such a country, and calls back
// from PSAPs (E1, F-12). A test, by 933 or a test URN, never has it (E12).
func (s *Server) urgent(uri string) bool {
	if class, _, ok := dialplan.Detect(uri); ok {
		return class == e911.ClassEmergency
	}
	return s.homes.dialled(s.holder.Load(), uri) || s.backs.Awaited(uri)
}

// everywhere are the emergency numbers of all countries. Most URIs are none of
// them, and nothing more is asked of those.
var everywhere = dialplan.NewPlan(dialplan.Countries()...)

// homes keeps the emergency numbers of the countries in which there is a building
// of anybody. Whose call it is, the edge does not know yet: a number that is none
// for the caller gets the room, and goes as the extension that it is.
type homes struct{ p atomic.Pointer[homePlan] }

type homePlan struct {
	world weak.Pointer[snapshot.Snapshot] // so that no old one is kept
	plan  dialplan.Plan
}

// dialled reports whether the URI is an emergency number of such a country. Safe
// for concurrent use.
func (h *homes) dialled(w *snapshot.Snapshot, uri string) bool {
	if _, ok := everywhere.Find(uri); !ok || w == nil {
		return false
	}
	known := h.p.Load()
	if known == nil || known.world.Value() != w {
		seen := map[string]bool{}
		var countries []string
		for o := range w.Orgs() {
			for _, c := range o.Countries() {
				if !seen[c] {
					seen[c] = true
					countries = append(countries, c)
				}
			}
		}
		known = &homePlan{weak.Make(w), dialplan.NewPlan(countries...)}
		h.p.Store(known)
	}
	_, ok := known.plan.Find(uri)
	return ok
}
