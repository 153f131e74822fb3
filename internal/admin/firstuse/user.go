package firstuse

import (
	"context"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/edit"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/snapshot"
)

// User is the only user of an organisation who has a mail address; NotFound: there is
// none, or several.
func (d *Desk) User(org e911.OrgID, email string) (*snapshot.Org, e911.User, error) {
	return d.find(org, email)
}

// Users keeps when users were asked. *edit.Objects[e911.User] is one.
type Users interface {
	Get(ctx context.Context, org e911.OrgID, id string) (edit.Stored[e911.User], error)
	Update(ctx context.Context, who admin.Actor, u e911.User, version int64) (edit.Stored[e911.User], error)
}

// Asking notes who was asked where he is, so that a call of his can say that he has
// not answered. What is noted stays: whether he answered follows from what is known
// of his place.
type Asking struct {
	Users func() (Users, error)
	Now   func() time.Time
}

// Ask notes that a user is asked now; done is false when he was asked before.
func (a Asking) Ask(ctx context.Context, who admin.Actor, org e911.OrgID, user e911.UserID) (done bool, err error) {
	users, err := a.Users()
	if err != nil {
		return false, err
	}
	stored, err := users.Get(ctx, org, string(user))
	if err != nil || !stored.Value.Asked.IsZero() {
		return false, err
	}
	stored.Value.Asked = a.Now().UTC().Truncate(time.Millisecond)
	_, err = users.Update(ctx, who, stored.Value, stored.Version)
	return err == nil, err
}
