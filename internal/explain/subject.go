package explain

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/live/lis"
	"github.com/callbox911/callbox/internal/snapshot"
)

// subject is whom a question is about, in one organisation.
type subject struct {
	org *snapshot.Org
	// devices by their names in the location server, the one that was asked for
	// first; named says that it was.
	devices []string
	named   bool
	mac     e911.MAC
	user    *e911.User
	line    e911.Number
	ip      netip.Addr
	// stranger: the device that was named is not configured, so that only what
	// was seen of it makes it one of the organisation's.
	stranger bool
}

// maxOrgs bounds how many organisations an answer that several fit names.
const maxOrgs = 8

// subjects finds whom the question fits. Wall is the organisation that may be
// asked; none: every one.
func subjects(w *snapshot.Snapshot, q Query, wall e911.OrgID) (fit []subject, err error) {
	orgs := 0
	for o := range w.Orgs() {
		c := o.Config()
		if wall != "" && c.ID != wall || q.Org != "" && c.Key != q.Org && string(c.ID) != q.Org {
			continue
		}
		orgs++
		if s, ok := subjectIn(w, o, q); ok {
			fit = append(fit, s)
		}
	}
	if orgs == 0 {
		return nil, e911.Errorf(e911.NotFound, "there is no organisation %q", q.Org)
	}
	slices.SortFunc(fit, func(a, b subject) int { return strings.Compare(a.org.Config().Key, b.org.Config().Key) })
	return fit, nil
}

// subjectIn reads the question in one organisation; false when something that is
// named is not there.
func subjectIn(w *snapshot.Snapshot, o *snapshot.Org, q Query) (subject, bool) {
	s := subject{org: o, mac: q.MAC, ip: q.IP, line: q.Number}
	if q.User != "" {
		u, ok := userNamed(o, q.User)
		if !ok {
			return s, false
		}
		s.user = &u
	}
	if q.Number != "" {
		rec, ok := o.Number(q.Number)
		if !ok {
			return s, false
		}
		s.owner(rec.User)
	}
	if q.MAC != "" {
		if d, ok := o.DeviceByMAC(q.MAC); ok {
			s.owner(d.User)
			s.devices = []string{string(d.ID)}
		} else {
			s.devices, s.stranger = []string{lis.StableName(o.ID(), "mac", string(q.MAC))}, true
		}
		s.named = true
	} else if s.user != nil {
		for _, d := range o.DevicesOf(s.user.ID) {
			s.devices = append(s.devices, string(d.ID))
		}
	}
	if q.IP.IsValid() && !s.reachedFrom(w, q.IP) && s.user == nil && q.MAC == "" && q.Number == "" {
		return s, false
	}
	if s.line == "" && s.user != nil {
		if list := o.NumbersOf(s.user.ID); len(list) > 0 {
			s.line = list[0].Number
		}
	}
	return s, true
}

func (s *subject) owner(id e911.UserID) {
	if s.user != nil || id == "" {
		return
	}
	if u, ok := s.org.User(id); ok {
		s.user = &u
	}
}

// reachedFrom reports that a call from an address would be this organisation's.
func (s *subject) reachedFrom(w *snapshot.Snapshot, a netip.Addr) bool {
	if t, ok := w.TrunkBySource(a); ok {
		return t.Org == s.org.ID()
	}
	return slices.ContainsFunc(w.OrgsByAddress(a), func(o *snapshot.Org) bool { return o.ID() == s.org.ID() })
}

// userNamed finds a user by what people know him by; keys first.
func userNamed(o *snapshot.Org, name string) (e911.User, bool) {
	if u, ok := o.User(e911.UserID(name)); ok {
		return u, true
	}
	var found []e911.User
	for u := range o.Users() {
		if u.Key == name {
			return u, true
		}
		if strings.EqualFold(u.Email, name) || u.DeviceUserID == name {
			found = append(found, u)
		}
	}
	if u, ok := o.UserByDeviceUserID(name); ok {
		return u, true
	}
	if len(found) != 1 {
		return e911.User{}, false
	}
	return found[0], true
}

// keys lists the organisations of subjects, for who must name one.
func keys(list []subject) string {
	var out []string
	for _, s := range list {
		out = append(out, s.org.Config().Key)
	}
	if len(out) > maxOrgs {
		out = append(out[:maxOrgs], "...")
	}
	return strings.Join(out, ", ")
}
