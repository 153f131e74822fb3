package admin

import (
	"context"

	"github.com/callbox911/callbox/internal/e911"
)

// Stages guards stage 911 of sites (W-30, docs/adr/0021). Whoever writes objects
// asks it before a site is raised to that stage; to lower one needs no leave.
type Stages interface {
	// Refuse says for each site of the organisation what keeps it from stage 911,
	// each a fault at "stage"; none: it may be raised. It is asked outside of
	// transactions.
	Refuse(ctx context.Context, org e911.OrgID, sites []e911.Site) ([][]e911.Fault, error)
	// Declare records, in the transaction that raises them, that the operator did so
	// by a world file, which is the whole truth (docs/adr/0010).
	Declare(ctx context.Context, w Writer, who Actor, file string, sites []e911.Site) error
}

// Raises returns the site that after is, where before was not in stage 911 (or is
// nothing) and after is.
func Raises(before, after any) (e911.Site, bool) {
	is, ok := after.(e911.Site)
	if !ok || is.Stage != e911.Stage911 {
		return e911.Site{}, false
	}
	was, there := before.(e911.Site)
	return is, !there || was.Stage != e911.Stage911
}
