package edit

import (
	"context"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

// raise asks the guard whether a site may be raised to stage 911, before there is a
// transaction. What it returns is asked inside of one, and refuses what was lowered
// in between: nobody looked at that.
func (o *Objects[T]) raise(ctx context.Context, value any) (leave func(before, after any) error, err error) {
	leave = func(_, _ any) error { return nil }
	e := o.editor
	site, yes := admin.Raises(nil, value)
	if e.cfg.Stages == nil || !yes {
		return leave, nil
	}
	var before any
	if site.ID != "" {
		err = e.cfg.Store.Read(ctx, func(r admin.Reader) error {
			stored, err := r.Get(ctx, admin.RefOf(value))
			before = stored.Value
			return err
		})
		if e911.KindOf(err) == e911.NotFound {
			err = nil
		}
	}
	if err != nil {
		return nil, err
	}
	if _, yes = admin.Raises(before, value); !yes {
		return func(before, after any) error {
			if _, yes := admin.Raises(before, after); yes {
				return e911.Errorf(e911.Conflict, "the site was taken out of stage 911 meanwhile: read it again")
			}
			return nil
		}, nil
	}
	refused, err := e.cfg.Stages.Refuse(ctx, site.Org, []e911.Site{site})
	if err != nil {
		return nil, err
	}
	if len(refused[0]) > 0 {
		return nil, &e911.Error{Kind: e911.Invalid, Msg: "the site is not ready for stage 911", Faults: refused[0]}
	}
	return leave, nil
}
