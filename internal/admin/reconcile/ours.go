package reconcile

import (
	"cmp"
	"context"
	"fmt"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/sheet"
	"github.com/callbox911/callbox/internal/e911"
)

// our is one object of Callbox's own, with its fields as text.
type our struct {
	ref    admin.Ref
	key    string
	fields map[string]string
	value  any
}

// each calls do with every object of a kind.
func each(ctx context.Context, view admin.View, kind e911.ObjectKind, org e911.OrgID, do func(admin.Object)) error {
	q := admin.Query{Kind: kind, Org: org}
	for {
		page, err := view.List(ctx, q)
		if err != nil {
			return fmt.Errorf("list %s: %w", kind, err)
		}
		for _, o := range page {
			do(o)
		}
		if len(page) < admin.MaxPage {
			return nil
		}
		q.After = page[len(page)-1].Ref.ID
	}
}

// names are the keys of objects, by id.
type names map[string]string

func namesOf(ctx context.Context, view admin.View, kind e911.ObjectKind, org e911.OrgID) (names, error) {
	n := names{}
	return n, each(ctx, view, kind, org, func(o admin.Object) { n[o.Ref.ID] = admin.KeyOf(o.Value) })
}

// ours lists what is stored of a kind, with the keys of what it names.
func ours(ctx context.Context, view admin.View, org e911.OrgID, kind sheet.Kind) ([]our, error) {
	sites, err := namesOf(ctx, view, e911.KindSite, org)
	if err != nil {
		return nil, err
	}
	users, models, places := names{}, names{}, names{}
	switch kind {
	case sheet.Devices:
		if models, err = namesOf(ctx, view, e911.KindModel, ""); err != nil {
			return nil, err
		}
	case sheet.Numbers:
		if places, err = namesOf(ctx, view, e911.KindLocation, org); err != nil {
			return nil, err
		}
	}
	if kind != sheet.Users {
		if users, err = namesOf(ctx, view, e911.KindUser, org); err != nil {
			return nil, err
		}
	}
	var out []our
	err = each(ctx, view, kind.Object(), org, func(o admin.Object) {
		x := our{ref: o.Ref, key: admin.KeyOf(o.Value), value: o.Value}
		switch v := o.Value.(type) {
		case e911.User:
			x.fields = map[string]string{
				"key": v.Key, "site": sites[string(v.Site)], "name": v.Name, "email": v.Email, "device_user_id": v.DeviceUserID,
				"callback": string(v.Callback), "language": v.Language,
			}
		case e911.Device:
			x.fields = map[string]string{
				"key": v.Key, "site": sites[string(v.Site)], "mac": string(v.MAC), "user": users[string(v.User)], "model": models[string(v.Model)],
				"station.class": string(v.Class()),
			}
		case e911.NumberRec:
			x.fields = map[string]string{
				"number": string(v.Number), "site": sites[string(v.Site)], "user": users[string(v.User)], "location": places[string(v.Location)],
				"status": string(cmp.Or(v.Status, e911.NumberActive)), "owner": string(v.Owner),
			}
		}
		out = append(out, x)
	})
	return out, err
}
