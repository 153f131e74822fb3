package api

import (
	"context"
	"slices"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

// addSynced tells of users and numbers which fields a directory feeds: they are changed
// there, and a change of them here is refused (C-59).
func (h *Handler) addSynced(ctx context.Context, org e911.OrgID, found []admin.Object, shown []map[string]any) error {
	if h.cfg.Feeds == nil {
		return nil
	}
	var users []e911.UserID
	for _, o := range found {
		if u := admin.UserOf(o.Value); u != "" && !slices.Contains(users, u) {
			users = append(users, u)
		}
	}
	if len(users) == 0 {
		return nil // nobody named would be all
	}
	fed, err := h.cfg.Feeds.Fed(ctx, org, users...)
	if err != nil {
		return err
	}
	for i, o := range found {
		f, ok := fed[admin.UserOf(o.Value)]
		if names := f.Of(o.Value); ok && len(names) > 0 {
			shown[i]["synced"] = names
		}
	}
	return nil
}
