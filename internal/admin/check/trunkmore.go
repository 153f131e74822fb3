package check

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

// Bounds of a trunk.
const (
	maxTargets   = 16
	maxWeight    = 65535 // RFC 2782
	maxCapacity  = 100_000
	leastProbe   = 5 * time.Second
	mostProbe    = time.Hour
	leastExpires = time.Minute
	mostExpires  = 24 * time.Hour
)

const uriFix = "write sip:psap@192.0.2.10:5060;transport=tcp, or a name: sips:psap@carrier.example"

// uriFault says why a text is no SIP URI that a trunk can lead to: the grammar
// of live/resolve, which looks the name up ahead of calls (RFC 3263). Addr is its
// host, where that is an address.
func uriFault(uri string, user bool) (addr netip.Addr, why string) {
	scheme, rest, ok := strings.Cut(uri, ":")
	scheme = strings.ToLower(scheme)
	switch {
	case !ok || scheme != "sip" && scheme != "sips":
		return addr, "it does not begin with sip: or sips:"
	case len(uri) > 512 || strings.ContainsAny(uri, " \t\r\n<>\"\x00?"):
		return addr, "it holds a space, a quote, a bracket or a header"
	}
	hostPort, params, _ := strings.Cut(rest, ";")
	name, host, has := strings.Cut(hostPort, "@")
	if !has {
		name, host = "", hostPort
	}
	if user && name == "" || has && name == "" || strings.Contains(host, "@") {
		return addr, "it has no user part"
	}
	for _, p := range strings.Split(params, ";") {
		if why := paramFault(p, scheme); why != "" {
			return addr, why
		}
	}
	port := ""
	switch i := strings.LastIndexByte(host, ':'); {
	case strings.HasPrefix(host, "["):
		end := strings.IndexByte(host, ']')
		if end < 0 || end+1 < len(host) && host[end+1] != ':' {
			return addr, "its bracket is not closed"
		}
		host, port = host[1:end], strings.TrimPrefix(host[end+1:], ":")
	case i >= 0:
		host, port = host[:i], host[i+1:]
		if port == "" {
			return addr, "its port is missing"
		}
	}
	if n, err := strconv.ParseUint(port, 10, 16); port != "" && (err != nil || n == 0) {
		return addr, "its port is no number from 1 to 65535"
	}
	if a, err := netip.ParseAddr(host); err == nil {
		return a, ""
	}
	if !hostName(host) || digitsAtEnd(host) {
		return addr, fmt.Sprintf("its host %q is neither an address nor a whole name", host)
	}
	return addr, ""
}

// digitsAtEnd reports what was meant to be an IPv4 address: no top level of the
// name service is a number.
func digitsAtEnd(host string) bool {
	last := host[strings.LastIndexByte(host, '.')+1:]
	return strings.Trim(last, "0123456789") == ""
}

func paramFault(p, scheme string) string {
	name, value, _ := strings.Cut(p, "=")
	switch {
	case p == "":
		return ""
	case !strings.EqualFold(name, "transport"):
		return "its only parameter is transport: udp, tcp or tls"
	case strings.EqualFold(value, "udp") && scheme == "sips":
		return "sips: goes by TLS, not by UDP"
	case slices.Contains([]string{"udp", "tcp", "tls"}, strings.ToLower(value)):
		return ""
	}
	return "its transport is none of udp, tcp and tls"
}

func (c *checker) destination(to string) {
	if to == "" {
		c.add("to", Required, "calls must go somewhere", uriFix)
		return
	}
	c.leadsTo("to", to, true)
}

func (c *checker) leadsTo(path, uri string, user bool) {
	a, why := uriFault(uri, user)
	switch {
	case why != "":
		c.add(path, Syntax, "this is no destination of a trunk: "+why, uriFix)
	case a.IsValid() && (a.IsUnspecified() || a.IsMulticast()):
		c.add(path, Range, "nobody answers at this address", uriFix)
	}
}

func (c *checker) targets(v e911.Trunk) {
	if len(v.Targets) > maxTargets {
		c.add("targets", Range, fmt.Sprintf("a trunk has up to %d targets", maxTargets), "name several servers by one name with SRV records")
	}
	for i, t := range v.Targets {
		at := fmt.Sprintf("targets[%d]", i)
		c.leadsTo(at+".uri", t.URI, false)
		same := func(o e911.TrunkTarget) bool { return strings.EqualFold(o.URI, t.URI) }
		if strings.EqualFold(v.To, t.URI) || slices.ContainsFunc(v.Targets[:i], same) {
			c.add(at+".uri", Duplicate, "the trunk leads there already", "remove one")
		}
		if t.Priority < 0 || t.Priority > maxWeight {
			c.add(at+".priority", Range, "a priority is 0 to 65535, the lowest first", "write 0 for what is tried first")
		}
		if t.Weight < 0 || t.Weight > maxWeight {
			c.add(at+".weight", Range, "a weight is 0 to 65535", "write how many of the calls it gets, as 70 beside 30")
		}
	}
}

// trunkProofs checks what a neighbour and we prove ourselves with.
func (c *checker) trunkProofs(v e911.Trunk) {
	demonstration := v.Org != "" && c.demonstration(v.Org)
	c.certificates("certificates", v.Certificates)
	if a := v.Admit; a.User != "" || len(a.Secrets) > 0 {
		c.digestUser("admit", a)
		if len(a.Secrets) == 0 {
			c.add("admit.secrets", Required, "a user without a secret proves nothing", secretFix)
		}
		c.heldSecrets("admit.secrets", a.Secrets, demonstration, map[e911.Secret]string{})
	}
	if d := v.Digest; d.User != "" || len(d.Secrets) > 0 {
		c.digestUser("digest", d)
		switch {
		case len(d.Secrets) != 1 || d.Secrets[0] == "":
			c.add("digest.secrets", Required, "we show one secret, the one that the neighbour gave us", "write it as a list of one")
		case len(d.Secrets[0]) > 512:
			c.add("digest.secrets[0]", Range, "a secret has at most 512 characters", "ask the neighbour for another")
		}
	}
	if len(v.Certificates) == 0 && v.Admit.User == "" {
		return
	}
	c.eachTrunk(func(t e911.Trunk) bool {
		whose := "the trunk " + t.Key
		if t.Org != v.Org {
			whose = "a trunk of somebody else" // tenants are walls (E14)
		}
		for i, cert := range v.Certificates {
			if slices.ContainsFunc(t.Certificates, func(o string) bool { return sameCertificate(o, cert) }) {
				c.add(fmt.Sprintf("certificates[%d]", i), Duplicate, whose+" has this certificate too: a call could be either's", "give each neighbour a certificate of its own")
				return false
			}
		}
		if v.Admit.User != "" && strings.EqualFold(t.Admit.User, v.Admit.User) {
			c.add("admit.user", Duplicate, whose+" logs in by this user too", "name it after the machine and the organisation, such as pbx-harbor")
			return false
		}
		return true
	})
}

// eachTrunk calls do with all trunks but this, until it returns false.
func (c *checker) eachTrunk(do func(e911.Trunk) bool) {
	ids := []e911.OrgID{""}
	for _, o := range c.orgs() {
		ids = append(ids, o.ID)
	}
	for _, id := range ids {
		more := true
		c.each(admin.Query{Kind: e911.KindTrunk, Org: id}, func(o any) bool {
			more = do(o.(e911.Trunk))
			return more
		})
		if !more {
			return
		}
	}
}

func (c *checker) digestUser(path string, d e911.TrunkDigest) {
	switch {
	case d.User == "":
		c.add(path+".user", Required, "a secret is somebody's", "name the user")
	case len(d.User) > 128 || strings.ContainsAny(d.User, "\"\\\r\n\x00"):
		c.add(path+".user", Syntax, "a user of Digest has no quote, backslash or line break", "write letters, digits and - . _ ~ @")
	}
	if len(d.Realm) > 128 || strings.ContainsAny(d.Realm, "\"\\\r\n\x00") {
		c.add(path+".realm", Syntax, "a realm has no quote, backslash or line break", "leave it out: the realm of the challenge counts then")
	}
}

func (c *checker) registration(v e911.Trunk) {
	r := v.Register
	if r == (e911.TrunkRegistration{}) {
		return
	}
	c.leadsTo("register.registrar", r.Registrar, false)
	c.leadsTo("register.aor", r.AOR, true)
	if v.Digest.User == "" {
		c.add("digest.user", Required, "a registrar asks who we are", "give digest: {user: ..., secrets: [...]}, as the carrier did")
	}
	if r.Expires != 0 && (r.Expires < leastExpires || r.Expires > mostExpires) {
		c.add("register.expires", Range, "a registration lasts 1 minute to 24 hours", "write 10m, or leave it out")
	}
}

func (c *checker) probeAndRoom(v e911.Trunk) {
	if e := v.Probe.Every; e != 0 && (e < leastProbe || e > mostProbe) {
		c.add("probe.every", Range, "a trunk is probed every 5 seconds to every hour", "write 30s, or leave it out")
	}
	switch {
	case v.Capacity < 0 || v.Capacity > maxCapacity:
		c.add("capacity", Range, fmt.Sprintf("a capacity is 0 to %d calls; 0 is no bound", maxCapacity), "write how many calls the neighbour takes at a time")
	case v.Reserved < 0 || v.Reserved > v.Capacity:
		c.add("reserved", Range, "more room is kept for emergency calls than there is", "write a number up to capacity")
	}
}

func (c *checker) marks(v e911.Trunk) {
	const fix = "write psap_callbacks, priority, test_urn, locates_calls, many_orgs or monthly_933"
	for i, m := range v.Marks {
		at := fmt.Sprintf("marks[%d]", i)
		platform := v.Side == e911.SidePlatform
		switch m {
		case e911.MarkPSAPCallbacks, e911.MarkPriority:
		case e911.MarkTestURN:
			if platform {
				c.add(at, Forbidden, "no test goes out to a platform (F-28)", "remove it")
			}
		case e911.MarkMonthly933:
			if v.Side != e911.SideCarrier && v.Side != e911.SideLocal {
				c.add(at, Forbidden, "a test through 933 goes to a carrier, over its trunk or a site's own (F-28)", "remove it")
			}
		case e911.MarkLocatesCalls, e911.MarkManyOrgs:
			if !platform {
				c.add(at, Forbidden, "only a platform says who calls, and from where", "remove it")
			}
		default:
			c.add(at, Syntax, fmt.Sprintf("%q is no mark of a trunk", m), fix)
		}
		if slices.Contains(v.Marks[:i], m) {
			c.add(at, Duplicate, "the mark stands here twice", "remove one")
		}
	}
}
