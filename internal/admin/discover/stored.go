package discover

import (
	"context"
	"fmt"
	"strings"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

// ReadMap reads the network map of the organisation with that key, or of the
// only one there is when org is empty.
func ReadMap(ctx context.Context, v admin.View, org string) (Map, error) {
	id, err := findOrg(ctx, v, org)
	if err != nil {
		return Map{}, err
	}
	var m Map
	buildings := map[e911.BuildingID]string{}
	keys := map[e911.LocationID]string{}
	err = each(ctx, v, e911.KindBuilding, id, func(b e911.Building) { buildings[b.ID] = b.Name })
	if err != nil {
		return Map{}, err
	}
	err = each(ctx, v, e911.KindLocation, id, func(l e911.Location) {
		keys[l.ID] = l.Key
		name := strings.Join(strings.Fields(l.Detail.LOC+" "+l.Detail.UNIT+" "+l.Detail.ROOM), " ")
		m.Places = append(m.Places, Place{Key: l.Key, Name: name, Building: buildings[l.Building]})
	})
	if err != nil {
		return Map{}, err
	}
	err = each(ctx, v, e911.KindElement, id, func(e e911.Element) {
		m.Elements = append(m.Elements, Mapped{Element: e, Place: keys[e.Location]})
	})
	return m, err
}

func findOrg(ctx context.Context, v admin.View, key string) (e911.OrgID, error) {
	orgs, err := v.Orgs(ctx)
	if err != nil {
		return "", fmt.Errorf("list the organisations: %w", err)
	}
	if key == "" && len(orgs) == 1 {
		return orgs[0].ID, nil
	}
	for _, o := range orgs {
		if o.Key == key {
			return o.ID, nil
		}
	}
	if key == "" {
		return "", e911.Errorf(e911.Invalid, "there are %d organisations: say which with --org", len(orgs))
	}
	return "", e911.Errorf(e911.Invalid, "there is no organisation %q", key)
}

func each[T any](ctx context.Context, v admin.View, kind e911.ObjectKind, org e911.OrgID, do func(T)) error {
	after := ""
	for {
		page, err := v.List(ctx, admin.Query{Kind: kind, Org: org, After: after})
		if err != nil {
			return fmt.Errorf("list the %ss: %w", kind, err)
		}
		for _, o := range page {
			after = o.Ref.ID
			if value, ok := o.Value.(T); ok {
				do(value)
			}
		}
		if len(page) < admin.MaxPage {
			return nil
		}
	}
}
