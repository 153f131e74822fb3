package lis

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/digest"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/snapshot"
	"github.com/callbox911/callbox/wire/held"
)

// role is what an asker may do in an organisation. Who may ask for whom:
//
//	byAddress   own location; says itself who it is, and is believed only as far
//	            as the network around it bears it out
//	bySecret    own location, as the device it says it is
//	byPlatform  any device of the organisation, by any identity
//
// A platform is an address that the organisation trusts, or a name with its
// secret, or a client certificate. All else is refused (RFC 6155, section 1.1).
type role int

const (
	nobody role = iota
	byAddress
	bySecret
	byPlatform
)

// asker is who asks and in whose name.
type asker struct {
	addr netip.Addr
	org  *snapshot.Org
	role role
	// stale: the digest was made with a nonce that is too old; the client knows
	// the secret or not, and shall try once more.
	stale bool
	// bare: a company was named by the path, and nothing at all offered to prove it.
	bare bool
	// wrong: what was offered proves nothing; limited: it was not even looked at,
	// because too many before it proved nothing.
	wrong, limited bool
}

// platform reports whether the asker may ask for others.
func (a *asker) platform() bool { return a.role == byPlatform }

// proved reports whether the asker showed more than an address. A trusted
// address is the organisation's word for who stands there.
func (a *asker) proved() bool { return a.role == bySecret || a.role == byPlatform }

// who finds the organisation of a request and what the asker may do. A company
// named by the path or by an element counts with a valid secret; without one
// only the source address does, when it is of one organisation alone. Who names
// one company and asks from another's network is nobody's: neither shall learn
// of the other (E14).
func (s *Server) who(snap *snapshot.Snapshot, r *http.Request, req *held.Request, company string, now time.Time) asker {
	a := asker{addr: s.source(r)}
	ix := s.index(snap)
	p := proof{cred: credentials(r), company: company, r: r}
	if len(req.Extras) > 0 {
		p.secret = req.Extra("companySecret")
		if company == "" {
			p.company = req.Extra("companyID")
		}
	}
	a.bare = company != "" && p.cred.scheme == "" && p.secret == ""
	named := s.prove(snap, ix, &a, &p, now)
	if a.org == nil {
		s.byCertificate(snap, ix, &a, r, named, p.company != "")
	}
	at := ix.at(snap, a.addr)
	switch {
	case a.role == byPlatform:
	case a.org != nil: // a phone with its secret; a platform that shows the phones' secret stays one
		if at.trusts(a.org.ID()) {
			a.role = byPlatform
		}
	case named != nil && at.trusts(named.ID()):
		a.org, a.role = named, byPlatform // a call platform may be trusted by several
	case at.org != nil && (named == nil || named.ID() == at.org.ID()):
		a.org, a.role = at.org, byAddress
		if at.trusts(at.org.ID()) {
			a.role = byPlatform
		}
	}
	return a
}

// proof is what a request offers to show who asks.
type proof struct {
	cred    credential
	company string // by path or element
	secret  string // by element
	r       *http.Request
}

// prove checks secrets. It fills the asker when one is right, and returns the
// organisation that was named, right or wrong.
func (s *Server) prove(snap *snapshot.Snapshot, ix *index, a *asker, p *proof, now time.Time) (named *snapshot.Org) {
	name := p.company
	if name == "" {
		name = p.cred.user
	}
	if name == "" {
		return nil
	}
	named = orgNamed(snap, name)
	if named == nil && p.company == "" {
		named = snap.Org(ix.byName[name]) // a platform's own name, when only one has it
	}
	if p.cred.scheme == "" && p.secret == "" {
		return named
	}
	who := s.guard.guesser(a.addr, name)
	if !s.guard.open(who, now) {
		a.limited = true
		return named
	}
	var o e911.Org
	if named != nil {
		o = named.Config()
	}
	role, stale := s.check(o.HELD, p, a.addr, now)
	switch {
	case role != nobody && named != nil:
		a.org, a.role = named, role
	case stale:
		a.stale = true
	default:
		a.wrong = true
		s.guard.failed(who, now)
	}
	return named
}

// check tells what one of the offered secrets proves. Work is the same whether
// the organisation exists or not.
func (s *Server) check(conf e911.HELDAccess, p *proof, from netip.Addr, now time.Time) (role, bool) {
	if p.secret != "" && anySecret(conf.Secrets, p.secret) {
		return bySecret, false
	}
	secrets, as := conf.Secrets, bySecret
	own := sameCompany(p.cred.user, conf.CompanyID) // Basic and Digest; another name proves nothing
	for i := range conf.Platforms {
		f := &conf.Platforms[i]
		if p.cred.user != "" && p.cred.user == f.Name && (len(f.From) == 0 || contains(f.From, from)) {
			secrets, as, own = f.Secrets, byPlatform, true
		}
	}
	right, stale := false, false
	switch p.cred.scheme {
	case "bearer":
		right, own = anySecret(conf.Secrets, p.cred.secret), true
		if !right {
			for i := range conf.Platforms {
				f := &conf.Platforms[i]
				if (len(f.From) == 0 || contains(f.From, from)) && anySecret(f.Secrets, p.cred.secret) {
					right, as = true, byPlatform
				}
			}
		}
	case "basic":
		right = anySecret(secrets, p.cred.secret)
	case "digest":
		if !own {
			secrets = nil
		}
		right, stale = s.digest.Check(digest.Request{
			Params: p.cred.params, Method: p.r.Method, Target: p.r.RequestURI, From: from, Now: now, Secrets: secrets,
		})
	}
	if right && own {
		return as, false
	}
	return nobody, stale
}

func contains(ps []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(ps, func(p netip.Prefix) bool { return p.Contains(a) })
}

// realm of HTTP authentication; one for all, so that it names nobody.
const realm = "callbox HELD"

// credential is what an Authorization header offers.
type credential struct {
	scheme string // lower case; empty when there is none
	user   string
	secret string            // basic and bearer
	params map[string]string // digest
}

func credentials(r *http.Request) credential {
	head := r.Header["Authorization"]
	if len(head) == 0 {
		return credential{}
	}
	scheme, rest, _ := strings.Cut(strings.TrimSpace(head[0]), " ")
	c := credential{scheme: strings.ToLower(scheme)}
	switch c.scheme {
	case "basic":
		c.user, c.secret, _ = r.BasicAuth()
	case "bearer":
		c.secret = strings.TrimSpace(rest)
	case "digest":
		c.params = digest.Params(rest)
		c.user = c.params["username"]
	}
	return c
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

// challenge asks for a secret (RFC 7617, RFC 7616). It is sent to who named a
// company by the path and offered nothing, because a Digest client cannot begin
// without it, and to who asks for another's location without proof (RFC 6155,
// section 5); a device that asks for its own location is never asked to
// authenticate otherwise (RFC 5985, section 8).
func (s *Server) challenge(w http.ResponseWriter, from netip.Addr, stale bool, now time.Time) {
	for _, line := range s.digest.Challenges(from, stale, now) {
		w.Header().Add("WWW-Authenticate", line)
	}
	w.Header().Add("WWW-Authenticate", `Basic realm="`+realm+`", charset="UTF-8"`)
}
