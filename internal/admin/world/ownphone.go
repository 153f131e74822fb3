package world

import (
	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

// ownPhones tells a telephone that a user set up by himself (C-64), and that stays
// although no file names it: its user and its site stay, and there is a name to
// register with. Without that a file would take passwords away that nobody meant.
func (r *resolver) ownPhones() func(admin.Object) bool {
	type place struct {
		org e911.OrgID
		id  string
	}
	stays := map[place]bool{}
	for _, it := range r.d.items {
		switch v := it.value.(type) {
		case e911.User:
			stays[place{v.Org, string(v.ID)}] = true
		case e911.Site:
			stays[place{v.Org, string(v.ID)}] = true
		case e911.Org:
			stays[place{v.ID, "domain"}] = v.SIPDomain != ""
		}
	}
	return func(o admin.Object) bool {
		d, ok := o.Value.(e911.Device)
		return ok && d.SIP != nil && d.SIP.Own != nil &&
			stays[place{d.Org, string(d.User)}] && stays[place{d.Org, string(d.Site)}] && stays[place{d.Org, "domain"}]
	}
}
