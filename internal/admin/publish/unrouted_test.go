package publish_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/callbox911/callbox/internal/admin/publish"
	"github.com/callbox911/callbox/internal/e911"
)

// What takes the way to their PSAP from places is published, for somebody may have
// forced it, and said; other changes are not.
//
// Proves: E15 (a configuration push that unroutes a region)
func TestAPublishThatUnroutesPlacesIsSaid(t *testing.T) {
	h := newHouse(t)
	h.publish()
	hq := h.site("hq")
	hq.Name = "The mill"
	h.update(hq)
	h.publish()
	h.wantAlarms()
	var psaps []e911.PSAP
	for p := range h.holder.Load().AllPSAPs() {
		if !p.Relay {
			psaps = append(psaps, p)
		}
	}
	for _, p := range psaps {
		p.Routes = nil
		h.update(p)
	}
	res := h.publish()
	if res.Applied != len(psaps) || len(psaps) == 0 {
		t.Errorf("%d of %d applied, held %+v", res.Applied, len(psaps), res.Held)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if !slices.ContainsFunc(h.alarms, func(a string) bool {
		return strings.Contains(a, publish.AlarmUnrouted)
	}) {
		t.Errorf("alarms: %v", h.alarms)
	}
}
