package world

import (
	"net/netip"
	"time"

	"github.com/callbox911/callbox/internal/admin/check"
	"github.com/callbox911/callbox/internal/e911"
)

var trunkKeys = []string{
	"key", "side", "kind", "profile", "to", "from", "dr_from", "identity_header", "targets", "inbound", "certificates",
	"admit", "digest", "register", "probe", "capacity", "reserved", "national", "marks",
}

func (d *draft) trunk(n node, org string) {
	f := n.object(trunkKeys...)
	v := e911.Trunk{
		Org: e911.OrgID(org), Key: f["key"].text(), Side: e911.TrunkSide(f["side"].text()), Kind: e911.RouteKind(f["kind"].text()),
		Profile: e911.HeaderProfile(f["profile"].text()), To: f["to"].text(),
		From: prefixes(f["from"]), DRFrom: prefixes(f["dr_from"]), IdentityHeader: f["identity_header"].text(),
		Inbound: e911.InboundProfile(f["inbound"].text()), Certificates: none(f["certificates"].texts()),
		Admit: trunkDigest(f["admit"]), Digest: trunkDigest(f["digest"]),
		Capacity: f["capacity"].whole(), Reserved: f["reserved"].whole(), National: f["national"].truth(),
	}
	if f["from"].null() && len(v.Certificates)+len(v.Admit.Secrets) > 0 {
		v.From = []netip.Prefix{}
	}
	for _, t := range f["targets"].list() {
		g := t.object("uri", "priority", "weight")
		v.Targets = append(v.Targets, e911.TrunkTarget{URI: g["uri"].text(), Priority: g["priority"].whole(), Weight: g["weight"].whole()})
	}
	if r := f["register"]; r.there() {
		g := r.object("registrar", "aor", "expires")
		v.Register = e911.TrunkRegistration{Registrar: g["registrar"].text(), AOR: g["aor"].text(), Expires: duration(g["expires"])}
	}
	if p := f["probe"]; p.there() {
		g := p.object("off", "every")
		v.Probe = e911.TrunkProbe{Off: g["off"].truth(), Every: duration(g["every"])}
	}
	for _, m := range f["marks"].texts() {
		v.Marks = append(v.Marks, e911.TrunkMark(m))
	}
	d.add(n, org, v, nil)
}

func trunkDigest(n node) e911.TrunkDigest {
	if !n.there() {
		return e911.TrunkDigest{}
	}
	f := n.object("user", "realm", "secrets")
	return e911.TrunkDigest{User: f["user"].text(), Realm: f["realm"].text(), Secrets: secrets(f["secrets"])}
}

// duration reads 30s or 10m; zero when it is absent.
func duration(n node) time.Duration {
	s := n.text()
	if s == "" {
		return 0
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		n.fault(check.Syntax, "this is no duration", "write 30s or 10m")
	}
	return d
}
