package edit

import (
	"context"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

// unfed refuses a change of fields that a directory feeds (C-59). It is asked before
// there is a transaction; the version that the change names keeps what it looked at.
func (o *Objects[T]) unfed(ctx context.Context, value any) error {
	e := o.editor
	if e.cfg.Feeds == nil {
		return nil
	}
	switch value.(type) {
	case e911.User, e911.NumberRec:
	default:
		return nil
	}
	var before any
	err := e.cfg.Store.Read(ctx, func(r admin.Reader) error {
		stored, err := r.Get(ctx, admin.RefOf(value))
		before = stored.Value
		return err
	})
	if err != nil || admin.UserOf(before) == "" {
		return err
	}
	user := admin.UserOf(before)
	fed, err := e.cfg.Feeds.Fed(ctx, admin.RefOf(value).Org, user)
	if err != nil {
		return err
	}
	f, ok := fed[user]
	if !ok {
		return nil
	}
	if faults := f.Overrides(before, value); len(faults) > 0 {
		return &e911.Error{Kind: e911.Invalid, Msg: "a directory feeds fields of the " + string(o.kind), Faults: faults}
	}
	return nil
}
