package member

import (
	"context"
	"slices"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
)

// SitesStill lists the sites of an organisation at which an identity may do something by
// a role at that site, as AskStill believes it, by id: also while the database is down.
func (d *Desk) SitesStill(ctx context.Context, identity string, org e911.OrgID, area access.Area, verb access.Verb) ([]string, error) {
	var ids []string
	_, has, err := d.Of(ctx, identity)
	switch {
	case err == nil:
		for _, g := range has {
			if g.At.Org == string(org) && g.At.Site != "" {
				ids = append(ids, g.At.Site)
			}
		}
	case e911.KindOf(err) == e911.Unavailable:
		ids = d.stillSites(stillKey{identity, access.Node{Org: string(org)}, area, verb, ScopeOf(ctx).Key()})
	case e911.KindOf(err) == e911.NotFound:
		return nil, nil
	default:
		return nil, err
	}
	slices.Sort(ids)
	var out []string
	for _, id := range slices.Compact(ids) {
		a, err := d.AskStill(ctx, identity, access.Question{At: access.Node{Org: string(org), Site: id}, Area: area, Verb: verb})
		if err != nil {
			return nil, err
		}
		if a.Allowed {
			out = append(out, id)
		}
	}
	return out, nil
}

// stillSites are the sites of which an answer is remembered that allows.
func (d *Desk) stillSites(of stillKey) (ids []string) {
	d.still.mu.Lock()
	defer d.still.mu.Unlock()
	for k, a := range d.still.held {
		if id := k.at.Site; id != "" && a.answer.Allowed {
			k.at.Site, k.at.Partner = "", ""
			if k == of {
				ids = append(ids, id)
			}
		}
	}
	return ids
}
