package lis

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/snapshot"
	"github.com/callbox911/callbox/wire/held"
)

// asker is who asks and in whose name.
type asker struct {
	addr    netip.Addr
	org     *snapshot.Org
	proved  bool // by a secret; else by source address alone
	trusted bool // may ask for others
	// stale: the digest was made with a nonce that is too old; the client knows
	// the secret or not, and shall try once more.
	stale bool
	// bare: a company was named by the path, and nothing at all offered to prove it.
	bare bool
}

// who finds the organisation of a request (design D-11 and the issue that
// states it): a company named by the path or by an element of the request
// counts with a valid secret; without one only the source address does, when it
// is of one organisation alone. Who names one company and asks from another's
// network is nobody's: neither shall learn of the other (E14).
func (s *Server) who(snap *snapshot.Snapshot, r *http.Request, req *held.Request, company string) asker {
	a := asker{addr: s.source(r)}
	byPath := company != ""
	cred := credentials(r)
	if company == "" {
		company = req.Extra("companyID")
	}
	if company == "" {
		company = cred.user
	}
	var named *snapshot.Org
	if company != "" {
		named = orgNamed(snap, company)
	}
	secret := req.Extra("companySecret")
	if named != nil {
		a.proved, a.stale = s.proves(named, cred, secret, r, a.addr)
	}
	a.bare = byPath && cred.scheme == "" && secret == ""
	switch {
	case a.proved:
		a.org = named
	case named != nil && contains(named.Config().HELD.Trusted, a.addr):
		a.org = named // a call platform may be trusted by several
	default:
		a.org = s.bySource(snap, a.addr)
		if named != nil && a.org != nil && a.org.ID() != named.ID() {
			a.org = nil
		}
	}
	if a.org != nil {
		a.trusted = contains(a.org.Config().HELD.Trusted, a.addr)
	}
	return a
}

// bySource returns the one organisation that the address can be of: by its
// public ranges, mapped ranges, or addresses trusted to ask for others. None
// when there are two.
func (s *Server) bySource(snap *snapshot.Snapshot, a netip.Addr) *snapshot.Org {
	if !a.IsValid() {
		return nil
	}
	var ids []e911.OrgID
	for _, o := range snap.OrgsByAddress(a) {
		ids = append(ids, o.ID())
	}
	for _, id := range s.trusting(snap, a) {
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	if len(ids) != 1 {
		return nil
	}
	return snap.Org(ids[0])
}

func contains(ps []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(ps, func(p netip.Prefix) bool { return p.Contains(a) })
}

// credential is what an Authorization header offers.
type credential struct {
	scheme string // lower case; empty when there is none
	user   string
	secret string            // basic and bearer
	params map[string]string // digest
}

func credentials(r *http.Request) credential {
	scheme, rest, _ := strings.Cut(strings.TrimSpace(r.Header.Get("Authorization")), " ")
	c := credential{scheme: strings.ToLower(scheme)}
	switch c.scheme {
	case "basic":
		c.user, c.secret, _ = r.BasicAuth()
	case "bearer":
		c.secret = strings.TrimSpace(rest)
	case "digest":
		c.params = digestParams(rest)
		c.user = c.params["username"]
	}
	return c
}

// proves reports whether one of the organisation's secrets is shown. The user
// of Basic and Digest is the company id; another name proves nothing.
func (s *Server) proves(o *snapshot.Org, c credential, element string, r *http.Request, from netip.Addr) (ok, stale bool) {
	conf := o.Config().HELD
	if element != "" && anySecret(conf.Secrets, element) {
		return true, false
	}
	switch c.scheme {
	case "bearer":
		return anySecret(conf.Secrets, c.secret), false
	case "basic":
		return sameCompany(c.user, conf.CompanyID) && anySecret(conf.Secrets, c.secret), false
	case "digest":
		if !sameCompany(c.user, conf.CompanyID) {
			return false, false
		}
		return s.digest.check(digestRequest{
			params: c.params, method: r.Method, target: r.RequestURI, from: from, now: s.cfg.Now(), secrets: conf.Secrets,
		})
	}
	return false, false
}

// orgNamed finds the organisation of a company id in the spellings that phones
// are configured with: as it is, in small letters, with and without hyphens.
func orgNamed(snap *snapshot.Snapshot, company string) *snapshot.Org {
	lower := strings.ToLower(company)
	bare := strings.ReplaceAll(lower, "-", "")
	tries := []string{company, lower, bare, strings.ToUpper(bare)}
	if len(bare) == 32 {
		uuid := bare[:8] + "-" + bare[8:12] + "-" + bare[12:16] + "-" + bare[16:20] + "-" + bare[20:]
		tries = append(tries, uuid, strings.ToUpper(uuid))
	}
	for _, id := range tries {
		if o := snap.OrgByCompanyID(id); o != nil {
			return o
		}
	}
	return nil
}

// sameCompany compares company ids: UUIDs are written with and without hyphens
// and in both cases.
func sameCompany(a, b string) bool {
	fold := func(s string) string { return strings.ToLower(strings.ReplaceAll(s, "-", "")) }
	return b != "" && fold(a) == fold(b)
}

// anySecret compares with every secret in a time that tells nothing of them.
func anySecret(secrets []e911.Secret, shown string) bool {
	if shown == "" {
		return false
	}
	got := sha256.Sum256([]byte(shown))
	found := 0
	for _, secret := range secrets {
		want := sha256.Sum256([]byte(string(secret)))
		if secret != "" {
			found |= subtle.ConstantTimeCompare(got[:], want[:])
		}
	}
	return found == 1
}

// challenge asks for the company's secret (RFC 7617, RFC 7616). It is sent only
// to who named a company by the path and offered nothing, because a Digest
// client cannot begin without it; a device that asks for its own location is
// never asked to authenticate otherwise (RFC 5985, section 8).
func (s *Server) challenge(w http.ResponseWriter, from netip.Addr, stale bool, now time.Time) {
	for _, line := range s.digest.challenges(from, stale, now) {
		w.Header().Add("WWW-Authenticate", line)
	}
	w.Header().Add("WWW-Authenticate", `Basic realm="`+realm+`", charset="UTF-8"`)
}
