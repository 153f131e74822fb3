package member

import (
	"context"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
)

// Standing returns an identity with all its roles, and the node of an organisation
// ("": the root) with the partner that it is under now. It is for judging what
// somebody left behind: how far the session of who asks reaches does not matter, nor
// whether an address is proved. NotFound where there is no such identity.
func (d *Desk) Standing(ctx context.Context, identity string, org e911.OrgID) (i Identity, roles []access.Grant, at access.Node, err error) {
	ctx = Within(ctx, Scope{})
	err = d.read(ctx, func(tx Tx) error {
		if i, err = tx.Identity(ctx, identity); err != nil {
			return err
		}
		has, err := tx.GrantsOf(ctx, identity)
		if err != nil {
			return err
		}
		roles = plain(has)
		at, err = complete(ctx, tx, access.Node{Org: string(org)})
		return err
	})
	return i, roles, at, err
}
