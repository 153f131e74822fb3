package registrar

import (
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/digest"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/live/sipedge"
)

// Caller is the contact that a request comes from, when it is registered: by its
// flow, else by its address and Contact. Where several are at that address, From
// and Contact tell them apart.
func (r *Registrar) Caller(q *sipedge.Request) (Binding, bool) {
	acc, _ := r.fromOf(q)
	now := r.cfg.Now()
	contact := ""
	if list := readContacts(q.Headers.All("Contact")); len(list) > 0 {
		contact = list[0].uri
	}
	list, ours := []*Binding(nil), func(b *Binding) bool { return b.Org == acc.org && b.User == acc.user }
	if v, ok := r.flows.Load(q.Flow); ok && q.Flow.Valid() {
		list = v.([]*Binding)
		if slices.ContainsFunc(list, ours) || !oneDevice(list) {
			list = slices.DeleteFunc(slices.Clone(list), func(b *Binding) bool { return !ours(b) })
		}
	}
	if len(list) == 0 {
		a := q.Source.Addr().Unmap()
		list = slices.DeleteFunc(slices.Clone(r.of(acc)), func(b *Binding) bool { return b.Source.Addr().Unmap() != a })
	}
	var found *Binding
	for _, b := range list {
		if b.live(now) && (found == nil || sameURI(b.Contact, contact)) {
			found = b
		}
	}
	if found == nil {
		return Binding{}, false
	}
	return *found, true
}

// oneDevice reports whether all are contacts of one device.
func oneDevice(list []*Binding) bool {
	return !slices.ContainsFunc(list, func(b *Binding) bool { return b.Org != list[0].Org || b.Device != list[0].Device })
}

// Prove checks that a request other than REGISTER comes from the telephone that
// From names (RFC 3261, section 22.3). Without credentials, or with wrong ones,
// the challenges to answer it with come back, as fields of a 407; both none: the
// domain in From is none of ours. Emergency calls are never asked.
func (r *Registrar) Prove(q *sipedge.Request) (p Phone, challenge sipedge.Headers, ok bool) {
	_, domain, named := userHost(uriOf(q.Headers.Get("From")))
	a := asked{q: q, now: r.cfg.Now(), domain: strings.ToLower(domain)}
	if named {
		a.org = r.cfg.Snapshot.Load().OrgBySIPDomain(a.domain)
	}
	if a.org == nil {
		return Phone{}, nil, false
	}
	a.acc, _ = r.fromOf(q)
	a.device, a.there = a.org.DeviceBySIPUser(a.acc.user)
	v, from := r.verifier(a.domain), q.Source.Addr().Unmap()
	var params map[string]string
	for _, line := range q.Headers.All("Proxy-Authorization") {
		scheme, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if !strings.EqualFold(scheme, "Digest") {
			continue
		}
		if got := digest.Params(rest); params == nil || got["realm"] == a.domain {
			params = got
		}
	}
	secret := nobodys
	if a.there && params["username"] == a.acc.user {
		secret = a.device.SIP.Secret
	}
	right, stale := false, false
	if params != nil && !r.guessing(&a, from.String(), false) {
		right, stale = v.Check(digest.Request{Params: params, Method: q.Method, From: from, Now: a.now, Secrets: []e911.Secret{secret}})
		if !right && !stale {
			r.guessing(&a, from.String(), true)
		}
	}
	if right && a.there {
		p = Phone{Org: a.org.ID(), Device: a.device.ID, Registered: r.at(a.acc, from, a.now), Agent: q.Headers.Get("User-Agent")}
		return p, nil, true
	}
	for _, c := range v.Challenges(from, stale, a.now) {
		challenge = append(challenge, sipedge.Header{Name: "Proxy-Authenticate", Value: c})
	}
	return Phone{}, challenge, false
}
