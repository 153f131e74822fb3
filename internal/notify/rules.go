package notify

import (
	"cmp"
	"slices"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/snapshot"
)

// FromSnapshot returns the alert rules of the world that is published.
func FromSnapshot(h *snapshot.Holder) Rules { return published{h} }

type published struct{ holder *snapshot.Holder }

func (p published) Alerts(org e911.OrgID, site e911.SiteID) ([]e911.Alert, bool) {
	world := p.holder.Load()
	if world.Version == 0 {
		return nil, false // nothing was published yet
	}
	o := world.Org(org)
	if o == nil {
		return nil, true
	}
	if site != "" {
		return o.Alerts(site), true
	}
	all := slices.Collect(o.AllAlerts())
	slices.SortFunc(all, func(a, b e911.Alert) int { return cmp.Compare(a.ID, b.ID) })
	return all, true
}

// Recipient is who would be told of a call.
type Recipient struct {
	Channel string `json:"channel"` // Mail, Webhook
	To      string `json:"to"`
}

// Recipients lists who would be told of a call, by the rules by which they are
// told; false while no rules are known.
func Recipients(org e911.OrgID, due journal.Due, rules Rules) ([]Recipient, bool) {
	notices, ready := expand(journal.Fact{Org: org}, due, rules, "")
	out := make([]Recipient, len(notices))
	for i, n := range notices {
		out[i] = Recipient{n.Channel, n.To}
	}
	return out, ready
}
