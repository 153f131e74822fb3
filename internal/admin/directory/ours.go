package directory

import (
	"context"
	"fmt"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

// ours is what is stored here of an organisation, as a directory may name it.
type ours struct {
	users                  map[e911.UserID]e911.User
	byKey, byDevice        map[string]e911.UserID
	byEmail                map[string][]e911.UserID
	sites                  map[string]e911.SiteID // by key
	places                 map[string]e911.Location
	siteOf                 map[e911.BuildingID]e911.SiteID
	numbers                map[e911.Number]e911.NumberRec
	devices                map[string]e911.Device // by key
	numbersOf              map[e911.UserID][]e911.Number
	devicesOf              map[e911.UserID][]string // keys
	locations, siteOfPlace map[string]string        // texts of the source in their loose form, to keys
}

// each calls do with every object of a kind.
func each(ctx context.Context, view admin.View, kind e911.ObjectKind, org e911.OrgID, do func(any)) error {
	q := admin.Query{Kind: kind, Org: org}
	for {
		page, err := view.List(ctx, q)
		if err != nil {
			return fmt.Errorf("list %s: %w", kind, err)
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

func oursOf(ctx context.Context, view admin.View, src *Source) (*ours, error) {
	o := &ours{
		users: map[e911.UserID]e911.User{}, byKey: map[string]e911.UserID{}, byDevice: map[string]e911.UserID{}, byEmail: map[string][]e911.UserID{},
		sites: map[string]e911.SiteID{}, places: map[string]e911.Location{}, siteOf: map[e911.BuildingID]e911.SiteID{},
		numbers: map[e911.Number]e911.NumberRec{}, devices: map[string]e911.Device{},
		numbersOf: map[e911.UserID][]e911.Number{}, devicesOf: map[e911.UserID][]string{},
		locations: map[string]string{}, siteOfPlace: map[string]string{},
	}
	for text, key := range src.Places {
		o.locations[loose(text)] = key
	}
	for text, key := range src.Sites {
		o.siteOfPlace[loose(text)] = key
	}
	for _, kind := range []e911.ObjectKind{
		e911.KindSite, e911.KindBuilding, e911.KindLocation, e911.KindUser, e911.KindDevice, e911.KindNumber,
	} {
		if err := each(ctx, view, kind, src.Org, o.add); err != nil {
			return nil, err
		}
	}
	return o, nil
}

func (o *ours) add(value any) {
	switch v := value.(type) {
	case e911.Site:
		o.sites[v.Key] = v.ID
	case e911.Building:
		o.siteOf[v.ID] = v.Site
	case e911.Location:
		o.places[v.Key] = v
	case e911.User:
		o.users[v.ID], o.byKey[v.Key] = v, v.ID
		if v.DeviceUserID != "" {
			o.byDevice[v.DeviceUserID] = v.ID
		}
		if v.Email != "" {
			o.byEmail[Fold(v.Email)] = append(o.byEmail[Fold(v.Email)], v.ID)
		}
	case e911.Device:
		o.devices[v.Key] = v
		if v.User != "" {
			o.devicesOf[v.User] = append(o.devicesOf[v.User], v.Key)
		}
	case e911.NumberRec:
		o.numbers[v.Number] = v
		if v.User != "" {
			o.numbersOf[v.User] = append(o.numbersOf[v.User], v.Number)
		}
	}
}

// placed reports whether one of a user's numbers has a location.
func (o *ours) placed(u e911.UserID) bool {
	for _, n := range o.numbersOf[u] {
		if o.numbers[n].Location != "" {
			return true
		}
	}
	return false
}
