package ecrf

import (
	"maps"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/geo"
)

// The services that are mapped whatever the layers hold (RFC 5031). Without a
// boundary of their own the children go to the PSAP of their parent: in North
// America it dispatches all three.
const (
	ServiceSOS       = "urn:service:sos"
	ServicePolice    = "urn:service:sos.police"
	ServiceFire      = "urn:service:sos.fire"
	ServiceAmbulance = "urn:service:sos.ambulance"
)

// servicePSAP is what some layers call the boundaries of PSAPs (NENA-STA-010.3,
// section 5.4): they answer a question for ServiceSOS too.
const servicePSAP = "urn:emergency:service:sos.psap"

// Number is what is dialled for every service of the list in the United States
// and Canada.
const Number = "911"

var always = []string{ServiceSOS, ServiceAmbulance, ServiceFire, ServicePolice}

// service is what the boundaries of one URN answer.
type service struct {
	urn    string
	rows   []*row     // best first
	hits   []Hit      // those of rows, close together
	plain  bool       // each may decide at any time for anybody
	areas  *geo.Index // positions are those of rows
	parent *service   // the next above it that has boundaries
	byA1   map[string][]int
}

// first is the position of the boundary that serves a point, -1 for none.
func (s *service) first(p e911.Point, o Options) int {
	if s.plain {
		return s.areas.First(p)
	}
	return s.areas.FirstOf(p, func(i int) bool { return s.rows[i].active(o) && s.rows[i].allowed(o) })
}

// like reports that two have the very same areas, in the same order.
func (s *service) like(t *service) bool {
	return slices.EqualFunc(s.rows, t.rows, func(a, b *row) bool {
		m, n := a.area(), b.area()
		return len(m) == len(n) && (len(m) == 0 || &m[0] == &n[0])
	})
}

// Services lists the services that are mapped, sorted, ServiceSOS and its
// children always among them.
func (x *Index) Services() []string {
	if x == nil || x.urns == nil {
		return slices.Sorted(slices.Values(always))
	}
	return slices.Clone(x.urns)
}

// Children lists the services immediately below one, sorted; the top-level
// services for an empty one. ok is false for a service that is not mapped.
func (x *Index) Children(urn string) (list []string, ok bool) {
	urn = canonical(urn)
	for _, s := range x.Services() {
		up := above(s)
		switch {
		case urn == "" && (up == "" || !slices.Contains(x.Services(), up)), urn != "" && up == urn:
			list = append(list, s)
		}
		ok = ok || s == urn
	}
	return list, ok || urn == ""
}

// Service returns the mapped service that stands for one that is asked for:
// itself, or, substituted, the nearest parent (RFC 5222, section 8.4.1). ok is
// false when there is none: another branch, test calls, a URN that is none.
// Which one answers at a place, Served says.
func (x *Index) Service(urn string) (mapped string, substituted, ok bool) {
	known := x.Services()
	asked := canonical(urn)
	for s := asked; s != ""; s = above(s) {
		if slices.Contains(known, s) {
			if s == asked {
				return strings.ToLower(urn), false, true
			}
			return s, true, true
		}
	}
	return "", false, false
}

// canonical is a URN in lower case, with the older names of i3's services in
// the form of NENA-STA-010.3.
func canonical(urn string) string {
	urn = strings.ToLower(strings.TrimSpace(urn))
	if rest, ok := strings.CutPrefix(urn, "urn:nena:service:"); ok {
		return "urn:emergency:service:" + rest
	}
	if rest, ok := strings.CutPrefix(urn, "urn:service:responder"); ok && (rest == "" || rest[0] == '.') {
		return "urn:emergency:service:responder" + rest
	}
	return urn
}

// above is the parent of a URN, empty at the top. Substitution is for the
// services of RFC 5031: i3's internal ones are answered as they are asked.
func above(urn string) string {
	dot := strings.LastIndexByte(urn, '.')
	if dot < 0 || dot == len(urn)-1 || !strings.HasPrefix(urn, "urn:service:") {
		return ""
	}
	return urn[:dot]
}

// serve makes the services out of the rows; those before are used again where
// nothing has moved.
func (x *Index) serve(before map[string]*service) {
	x.services = map[string]*service{}
	add := func(urn string, r *row) {
		s := x.services[urn]
		if s == nil {
			s = &service{urn: urn}
			x.services[urn] = s
		}
		s.rows = append(s.rows, r)
	}
	for i := range x.rows {
		r := &x.rows[i]
		add(r.hit.Service, r)
		if r.hit.Service == servicePSAP {
			add(ServiceSOS, r)
		}
	}
	for urn, s := range x.services {
		for up := above(urn); up != "" && s.parent == nil; up = above(up) {
			s.parent = x.services[up]
		}
		areas := make([]e911.MultiPolygon, len(s.rows))
		s.byA1, s.plain = map[string][]int{}, true
		for i, r := range s.rows {
			areas[i], s.hits = r.area(), append(s.hits, r.hit)
			b := r.hit.Boundary
			s.plain = s.plain && r.grade != demonstration && (b == nil || b.Effective.IsZero() && b.Expire.IsZero())
			if len(r.civic) > 0 {
				k := stateIn(r.civic)
				s.byA1[k] = append(s.byA1[k], i)
			}
		}
		if was := before[urn]; was != nil && s.like(was) {
			s.areas = was.areas
		} else {
			s.areas = geo.NewIndex(areas)
		}
	}
	x.sos = x.services[ServiceSOS]
	known := maps.Clone(x.services)
	for _, urn := range always {
		known[urn] = nil
	}
	x.urns = slices.Sorted(maps.Keys(known))
}

// service returns the nearest one that has boundaries; nil for none.
func (x *Index) service(urn string) *service {
	if urn == "" || urn == ServiceSOS {
		return x.sos
	}
	for s := canonical(urn); s != ""; s = above(s) {
		if found := x.services[s]; found != nil {
			return found
		}
	}
	return nil
}

// chain lists the service that answers and those above it.
func (x *Index) chain(urn string) (list []*service) {
	for s := x.service(urn); s != nil; s = s.parent {
		list = append(list, s)
	}
	return list
}
