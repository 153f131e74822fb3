package reconcile

import (
	"context"
	"fmt"
	"strings"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/sheet"
	"github.com/callbox911/callbox/internal/e911"
)

// gone finds people who left the directories of the organisation.
type gone struct {
	by   map[string]map[string]admin.Leaver // by field and its value
	user map[e911.UserID]admin.Leaver
}

func goneOf(src *Source, list []admin.Leaver) *gone {
	g := &gone{by: map[string]map[string]admin.Leaver{"email": {}, "key": {}, "device_user_id": {}}, user: map[e911.UserID]admin.Leaver{}}
	if src.Kind != sheet.Users {
		return g
	}
	for _, l := range list {
		for field, v := range map[string]string{"email": strings.ToLower(l.Email), "key": l.Key, "device_user_id": l.DeviceUserID} {
			if v != "" {
				g.by[field][v] = l
			}
		}
		if l.User != "" {
			g.user[l.User] = l
		}
	}
	return g
}

// row finds whom a row of the platform's list means.
func (g *gone) row(keyField string, x *theirs) (admin.Leaver, bool) {
	for _, field := range []string{"device_user_id", "email", "key"} {
		v := x.fields[field]
		if field == keyField {
			v = x.key
		}
		if field == "email" {
			v = strings.ToLower(v)
		}
		if l, ok := g.by[field][v]; ok {
			return l, true
		}
	}
	return admin.Leaver{}, false
}

// left tells of somebody who left a directory and whom the platform still has; o is
// ours, nil when he is off our list. No plan makes him again.
func (c *comparer) left(x *theirs, o *our) bool {
	var l admin.Leaver
	var ok bool
	if o != nil {
		l, ok = c.gone.user[e911.UserID(o.ref.ID)]
	} else {
		l, ok = c.gone.row(c.field, x)
	}
	if !ok {
		return false
	}
	c.add(pair{x, o}, Difference{
		Class: Left, Unregistered: o == nil, Why: fmt.Sprintf("he left the directory %s (seen %s), and the platform still has him", l.Directory, l.Since.UTC().Format("2006-01-02")),
		Fix: "take him out of the platform; if he is still there, correct the directory",
	})
	return true
}

// leavers are asked outside of transactions.
func (s *Service) leavers(ctx context.Context, src *Source) ([]admin.Leaver, error) {
	if s.cfg.Leavers == nil || src.Kind != sheet.Users {
		return nil, nil
	}
	list, err := s.cfg.Leavers(ctx, src.Org)
	if err != nil {
		return nil, fmt.Errorf("ask who left the directories: %w", err)
	}
	return list, nil
}
