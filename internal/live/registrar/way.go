package registrar

import (
	"net/netip"

	"github.com/callbox911/callbox/internal/live/sipedge"
)

// Way is the flow by which a telephone is registered now whose connection was
// lost during its call: the telephone with that Contact, else the newest one of
// the same user at the same address. Another telephone of the user, elsewhere,
// is not the one that talks.
func (r *Registrar) Way(contact, address string, from netip.Addr) (sipedge.Flow, bool) {
	user, host, ok := userHost(address)
	if !ok || user == "" {
		return sipedge.Flow{}, false
	}
	o := r.cfg.Snapshot.Load().OrgBySIPDomain(host)
	if o == nil {
		return sipedge.Flow{}, false
	}
	var near sipedge.Flow
	for _, b := range r.Bindings(o.ID(), user) {
		switch {
		case !b.Flow.Valid():
		case sameURI(b.Contact, contact):
			return b.Flow, true
		case !near.Valid() && b.Source.Addr().Unmap() == from.Unmap():
			near = b.Flow
		}
	}
	return near, near.Valid()
}
