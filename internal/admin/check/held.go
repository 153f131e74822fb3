package check

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
)

// How much one organisation may list: every secret that is shown is compared
// with all of them. A secret is rotated by two that live side by side.
const (
	maxSecrets      = 4
	maxPlatforms    = 32
	maxCertificates = 8
)

const companyFix = "make one: openssl rand -hex 16"

// held checks who may ask the location server.
func (c *checker) held(v e911.Org) {
	id := v.HELD.CompanyID
	switch {
	case id == "" && len(v.HELD.Secrets) > 0:
		c.add("held.company_id", Required, "a secret proves a company id, and there is none", companyFix)
	case id == "":
	case len(id) > 128 || !urlSafe(id, ""):
		c.add("held.company_id", Syntax, "a company id stands in a web address: letters, digits and - . _ ~ only", companyFix)
	default:
		for _, o := range c.orgs() {
			if o.ID == v.ID {
				continue
			}
			if sameName(o.HELD.CompanyID, id) || slices.ContainsFunc(o.HELD.Platforms, func(p e911.HELDPlatform) bool { return sameName(p.Name, id) }) {
				c.add("held.company_id", Duplicate, "the company id is taken", "make another: openssl rand -hex 16")
				break
			}
		}
	}
	known := map[e911.Secret]string{}
	c.heldSecrets("held.secrets", v.HELD.Secrets, v.Demonstration, known)
	c.prefixes("held.trusted", v.HELD.Trusted, widest4, widest6)
	if len(v.HELD.Platforms) > maxPlatforms {
		c.add("held.platforms", Range, fmt.Sprintf("there are more than %d platforms", maxPlatforms), "one name and secret may serve several machines of one kind")
	}
	for i, p := range v.HELD.Platforms {
		at := fmt.Sprintf("held.platforms[%d]", i)
		c.platformName(at+".name", v, i)
		if len(p.Secrets) == 0 && len(p.Certificates) == 0 {
			c.add(at+".secrets", Required, "nothing proves this platform", "give it a secret (openssl rand -hex 16) or a client certificate")
		}
		c.heldSecrets(at+".secrets", p.Secrets, v.Demonstration, known)
		c.certificates(at+".certificates", p.Certificates)
		// One kind of machine asks, not a company: as narrow as a trunk's sources.
		c.prefixes(at+".from", p.From, trunk4, trunk6)
	}
}

// heldSecrets checks the secrets of one asker. Known are those before it: phones
// that share a secret with a platform could ask where everybody is.
func (c *checker) heldSecrets(path string, secrets []e911.Secret, demonstration bool, known map[e911.Secret]string) {
	if len(secrets) > maxSecrets {
		c.add(path, Range, fmt.Sprintf("more than %d secrets live at once", maxSecrets), "remove those that nothing uses any more")
	}
	for i, s := range secrets {
		at := fmt.Sprintf("%s[%d]", path, i)
		c.secret(at, s, demonstration)
		switch first, twice := known[s]; {
		case s == "":
		case twice && first == path:
			c.add(at, Duplicate, "the same secret stands here twice", "remove one")
		case twice:
			c.add(at, Duplicate, "the secret is also in "+first+": who has it could pass for either", secretFix)
		default:
			known[s] = path
		}
	}
}

// platformName checks the name of a platform, which finds its organisation by
// itself, as a company id does.
func (c *checker) platformName(path string, v e911.Org, i int) {
	const fix = "name it after the machine and the organisation, such as pbx-harbor"
	name := v.HELD.Platforms[i].Name
	is := func(p e911.HELDPlatform) bool { return sameName(p.Name, name) }
	switch {
	case name == "":
		c.add(path, Required, "a platform logs in by its name", fix)
		return
	case len(name) > 128 || !urlSafe(name, "@"):
		c.add(path, Syntax, "the name of a platform is a user of Basic and Digest: letters, digits and - . _ ~ @ only", fix)
		return
	case sameName(name, v.HELD.CompanyID):
		c.add(path, Duplicate, "this is the company id, by which phones log in", fix)
	case slices.ContainsFunc(v.HELD.Platforms[:i], is):
		c.add(path, Duplicate, "another platform has this name", fix)
	}
	for _, o := range c.orgs() {
		if o.ID != v.ID && (sameName(o.HELD.CompanyID, name) || slices.ContainsFunc(o.HELD.Platforms, is)) {
			c.add(path, Duplicate, "the name is taken", fix)
			return
		}
	}
}

// certificates checks what client certificates are known by.
func (c *checker) certificates(path string, list []string) {
	const fix = `write "sha256:" and the hash that "openssl x509 -noout -fingerprint -sha256" prints, or a DNS name of the certificate`
	if len(list) > maxCertificates {
		c.add(path, Range, fmt.Sprintf("more than %d certificates of one platform", maxCertificates), "remove those that have expired")
	}
	for i, text := range list {
		at := fmt.Sprintf("%s[%d]", path, i)
		if hash, ok := strings.CutPrefix(text, "sha256:"); ok {
			if b, err := hex.DecodeString(strings.ReplaceAll(hash, ":", "")); err != nil || len(b) != 32 {
				c.add(at, Syntax, "this is no SHA-256 hash: it has 64 hexadecimal digits, with or without colons", fix)
			}
		} else if !hostName(text) {
			c.add(at, Syntax, fmt.Sprintf("%q is neither a hash nor a whole DNS name", text), fix)
		}
		same := func(other string) bool { return sameCertificate(other, text) }
		if slices.ContainsFunc(list[:i], same) {
			c.add(at, Duplicate, "the certificate stands here twice", "remove one")
		}
	}
}

func sameCertificate(a, b string) bool {
	fold := func(s string) string { return strings.ToLower(strings.ReplaceAll(s, ":", "")) }
	return fold(a) == fold(b)
}

// hostName reports a DNS name of two labels or more, without a wildcard: it
// stands for one machine.
func hostName(s string) bool {
	labels := strings.Split(s, ".")
	for _, l := range labels {
		if l == "" || len(l) > 63 || strings.Trim(l, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != "" ||
			strings.HasPrefix(l, "-") || strings.HasSuffix(l, "-") {
			return false
		}
	}
	return len(labels) > 1 && len(s) <= 253
}

// urlSafe reports a text of letters, digits, what a web address takes besides,
// and more.
func urlSafe(s, more string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-._~"+more, r)
	})
}

// sameName compares as the location server does: company ids are written with
// and without hyphens and in both cases.
func sameName(a, b string) bool {
	fold := func(s string) string { return strings.ToLower(strings.ReplaceAll(s, "-", "")) }
	return fold(a) != "" && fold(a) == fold(b)
}

func (c *checker) adviseOrg(v e911.Org) {
	if !v.Demonstration {
		return
	}
	advise := func(path string, secrets []e911.Secret) {
		for i, s := range secrets {
			if len(s) < minSecret {
				c.add(fmt.Sprintf("%s[%d]", path, i), Range, "the secret is short enough to be guessed", secretFix)
			}
		}
	}
	advise("held.secrets", v.HELD.Secrets)
	for i, p := range v.HELD.Platforms {
		advise(fmt.Sprintf("held.platforms[%d].secrets", i), p.Secrets)
	}
}
