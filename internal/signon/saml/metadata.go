package saml

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/beevik/etree"
	"github.com/crewjam/saml"

	"github.com/callbox911/callbox/internal/admin/federation"
	"github.com/callbox911/callbox/internal/e911"
)

// IDP is an identity provider as its metadata describes it.
type IDP struct {
	EntityID string
	SSO      string              // where requests go, by HTTP-Redirect
	Keys     []*x509.Certificate // that answers may be signed with
	// Until is when the metadata ends by its own word; zero: it does not say.
	Until time.Time
}

const (
	minBits = 2048
	maxKeys = 8
)

// fault is one thing that is wrong with what an administrator gave.
func fault(path, code, msg, fix string) e911.Fault {
	return e911.Fault{Path: path, Code: code, Msg: msg, Fix: fix}
}

const (
	pathMetadata = "saml.metadata"
	fetchIt      = "download the metadata from the identity provider once more and give all of it"
)

// ReadMetadata reads an identity provider's metadata (saml-metadata-2.0-os). Of
// several entities entityID says which. The faults say what is wrong; then the IDP is
// worth nothing.
func ReadMetadata(raw, entityID string) (IDP, []e911.Fault) {
	root, err := read([]byte(raw), ofMetadata)
	if err != nil {
		return IDP{}, []e911.Fault{fault(pathMetadata, "not_metadata", err.Error(), fetchIt)}
	}
	entity, faults := choose(root, entityID)
	if len(faults) > 0 {
		return IDP{}, faults
	}
	idp := IDP{EntityID: attr(entity, "entityID")}
	if idp.EntityID == "" {
		faults = append(faults, fault(pathMetadata, "required", "the metadata has no entityID", fetchIt))
	}
	var role *etree.Element
	for _, r := range all(entity, nsMetadata, "IDPSSODescriptor") {
		if strings.Contains(attr(r, "protocolSupportEnumeration"), nsProtocol) && role == nil {
			role = r
		}
	}
	if role == nil {
		fix := "give the metadata of the identity provider for SAML 2.0"
		if len(all(entity, nsMetadata, "SPSSODescriptor")) > 0 {
			fix = "this is the metadata of an application; give that of the identity provider"
		}
		return IDP{}, append(faults, fault(pathMetadata, "no_idp", "the metadata describes no identity provider for SAML 2.0", fix))
	}
	for _, s := range all(role, nsMetadata, "SingleSignOnService") {
		if attr(s, "Binding") == saml.HTTPRedirectBinding && idp.SSO == "" {
			idp.SSO = attr(s, "Location")
		}
	}
	if idp.SSO == "" {
		faults = append(faults, fault(pathMetadata, "no_redirect", "the identity provider takes no requests by HTTP-Redirect", "switch the HTTP-Redirect binding on at the identity provider"))
	} else if msg := safe(idp.SSO); msg != "" {
		faults = append(faults, fault(pathMetadata, "unsafe_address", "the address of single sign-on "+msg, "give metadata with an https address"))
	}
	var ok bool
	if idp.Until, ok = validUntil(role); !ok {
		faults = append(faults, fault(pathMetadata, "bad_date", "the metadata says until when it is valid, and that is no date", fetchIt))
	}
	keys, more := signingKeys(role)
	idp.Keys = keys
	return idp, append(faults, more...)
}

// validUntil is the earliest date of an element and of what it stands in
// (saml-metadata-2.0-os, sections 2.3.1, 2.3.2 and 2.4.1); false: one is none.
func validUntil(el *etree.Element) (first time.Time, ok bool) {
	for ; el != nil; el = el.Parent() {
		text := attr(el, "validUntil")
		if text == "" {
			continue
		}
		at, ok := instant(text)
		if !ok {
			return first, false
		}
		if first.IsZero() || at.Before(first) {
			first = at.UTC()
		}
	}
	return first, true
}

// choose finds the entity among those of a document.
func choose(root *etree.Element, entityID string) (*etree.Element, []e911.Fault) {
	var found []*etree.Element
	_ = walk(root, 1, func(el *etree.Element, _ int) error {
		if is(el, nsMetadata, "EntityDescriptor") && (len(all(el, nsMetadata, "IDPSSODescriptor")) > 0 || el == root) {
			found = append(found, el)
		}
		return nil
	})
	names := []string{}
	for _, el := range found {
		id := attr(el, "entityID")
		if id == entityID && id != "" {
			return el, nil
		}
		names = append(names, id)
	}
	list := strings.Join(names[:min(len(names), 10)], ", ")
	switch {
	case len(found) == 0:
		return nil, []e911.Fault{fault(pathMetadata, "not_metadata", "this is XML, but no SAML metadata with an identity provider", fetchIt)}
	case entityID != "":
		return nil, []e911.Fault{fault("saml.entity_id", "unknown_entity", "the metadata does not have the entity "+entityID, "give one of: "+list)}
	case len(found) > 1:
		return nil, []e911.Fault{fault("saml.entity_id", "which_entity", "the metadata has several identity providers", "say which: "+list)}
	}
	return found[0], nil
}

// safe says what is wrong with an address that a browser is sent to or that is
// fetched: https, or http on this very machine.
func safe(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" {
		return "is none"
	}
	local := u.Hostname() == "localhost"
	if ip, err := netip.ParseAddr(u.Hostname()); err == nil {
		local = ip.IsLoopback()
	}
	if u.Scheme == "https" || u.Scheme == "http" && local {
		return ""
	}
	return "is not https"
}

// signingKeys are those marked for signing, or for nothing in particular.
func signingKeys(role *etree.Element) ([]*x509.Certificate, []e911.Fault) {
	var keys []*x509.Certificate
	var faults []e911.Fault
	for _, d := range all(role, nsMetadata, "KeyDescriptor") {
		if use := attr(d, "use"); use != "" && use != "signing" {
			continue
		}
		for _, c := range certificatesIn(d) {
			cert, err := readCertificate(c)
			if err != nil {
				faults = append(faults, fault(pathMetadata, "bad_certificate", "a signing certificate in the metadata cannot be read", fetchIt))
				continue
			}
			if !strong(cert) {
				faults = append(faults, fault(pathMetadata, "weak_key", "the signing certificate "+cert.Subject.CommonName+" has no RSA key of 2048 bits or more, and none on the curves P-256, P-384 or P-521", "let the identity provider sign with RSA of at least 2048 bits, or with ECDSA"))
				continue
			}
			if !knows(keys, fingerprint(cert)) {
				keys = append(keys, cert)
			}
		}
	}
	if len(keys) == 0 && len(faults) == 0 {
		faults = append(faults, fault(pathMetadata, "no_certificate", "the metadata has no signing certificate", fetchIt))
	}
	if len(keys) > maxKeys {
		faults = append(faults, fault(pathMetadata, "too_many_keys", fmt.Sprintf("the metadata has %d signing certificates", len(keys)), fmt.Sprintf("leave the newest, %d at most", maxKeys)))
	}
	return keys, faults
}

// strong reports a key that signatures are taken of.
func strong(c *x509.Certificate) bool {
	switch pub := c.PublicKey.(type) {
	case *rsa.PublicKey:
		return pub.N.BitLen() >= minBits
	case *ecdsa.PublicKey:
		return slices.Contains([]elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()}, pub.Curve)
	}
	return false
}

func certificatesIn(descriptor *etree.Element) []string {
	var out []string
	if info := one(descriptor, nsSignature, "KeyInfo"); info != nil {
		for _, data := range all(info, nsSignature, "X509Data") {
			for _, c := range all(data, nsSignature, "X509Certificate") {
				out = append(out, c.Text())
			}
		}
	}
	return out
}

// Key describes a certificate to a person.
type Key struct {
	Subject     string    `json:"subject"`
	Fingerprint string    `json:"sha256"`
	Until       time.Time `json:"until"`
}

// Facts are what a person wants to see of a provider.
type Facts struct {
	EntityID string `json:"identity_provider"` // theirs
	SSO      string `json:"sign_on_address"`
	Keys     []Key  `json:"certificates"`
	// Until is when the metadata ends, and sign-ins by it; zero: it does not say.
	Until time.Time `json:"valid_until,omitzero"`
	// OurEntityID, ACS and Metadata are what the identity provider wants to know of us.
	OurEntityID string   `json:"entity_id"`
	ACS         string   `json:"acs_url"`
	Metadata    string   `json:"metadata_url"`
	Warnings    []string `json:"warnings,omitempty"`
}

// Facts tells about a provider; the zero value of what its faults leave unknown.
func (s *Protocol) Facts(p federation.Provider) Facts {
	f := Facts{OurEntityID: s.EntityID(p.ID), ACS: s.ACS(p.ID), Metadata: s.EntityID(p.ID)}
	if p.SAML == nil {
		return f
	}
	idp, _ := ReadMetadata(p.SAML.Metadata, p.SAML.EntityID)
	f.EntityID, f.SSO, f.Until = idp.EntityID, idp.SSO, idp.Until
	if w := s.ending(idp); w != "" {
		f.Warnings = append(f.Warnings, w)
	}
	valid := 0
	for _, k := range idp.Keys {
		f.Keys = append(f.Keys, Key{Subject: k.Subject.String(), Fingerprint: fingerprint(k), Until: k.NotAfter})
		if !s.cfg.Now().After(k.NotAfter) {
			valid++
		}
		if w := aged(k, s.cfg.Now()); w != "" {
			f.Warnings = append(f.Warnings, w)
		}
	}
	if len(idp.Keys) > 0 && valid == 0 {
		f.Warnings = append(f.Warnings, "no certificate of the identity provider is in date; it goes on working, but ask there whether a new one is in use, and fetch the metadata again")
	}
	return f
}

// Warnings are those of Facts.
func (s *Protocol) Warnings(p federation.Provider) []string { return s.Facts(p).Warnings }

// soon is how long before its end a certificate is told of.
const soon = 30 * 24 * time.Hour

// ended reports metadata that is not valid any more.
func (s *Protocol) ended(idp IDP) bool {
	return !idp.Until.IsZero() && !s.cfg.Now().Before(idp.Until.Add(Skew))
}

// ending says that metadata has ended, or soon will.
func (s *Protocol) ending(idp IDP) string {
	day := idp.Until.Format(time.DateOnly)
	switch {
	case s.ended(idp):
		return "the metadata of the identity provider was valid until " + day + ": nobody signs in by it until it is fetched again"
	case !idp.Until.IsZero() && !s.cfg.Now().Add(soon).Before(idp.Until):
		return "the metadata of the identity provider is valid until " + day + ", and then nobody signs in by it: fetch it again before"
	}
	return ""
}

// Ends implements federation.Ender.
func (s *Protocol) Ends(p federation.Provider) []federation.Ending {
	if p.SAML == nil {
		return nil
	}
	var out []federation.Ending
	idp, _ := ReadMetadata(p.SAML.Metadata, p.SAML.EntityID)
	if !idp.Until.IsZero() {
		out = append(out, federation.Ending{What: "the metadata of the identity provider", At: idp.Until, Blocks: true})
	}
	for _, k := range idp.Keys {
		out = append(out, federation.Ending{What: "its certificate " + k.Subject.CommonName, At: k.NotAfter.UTC()})
	}
	return out
}

func aged(c *x509.Certificate, now time.Time) string {
	switch {
	case now.After(c.NotAfter):
		return "the certificate " + c.Subject.CommonName + " of the identity provider ended on " + c.NotAfter.UTC().Format(time.DateOnly) + "; it still counts, because it is in the metadata that was saved"
	case now.Add(soon).After(c.NotAfter):
		return "the certificate " + c.Subject.CommonName + " of the identity provider ends on " + c.NotAfter.UTC().Format(time.DateOnly) + "; fetch the metadata again once there is a new one"
	}
	return ""
}

// Metadata is ours for a provider, XML: what its administrator loads there. It needs
// the provider's certificate and has no secret in it.
func (s *Protocol) Metadata(p federation.Provider) ([]byte, error) {
	cert, err := certificate(p)
	if err != nil {
		return nil, err
	}
	doc := etree.NewDocument()
	doc.CreateProcInst("xml", `version="1.0" encoding="UTF-8"`)
	root := doc.CreateElement("md:EntityDescriptor")
	root.CreateAttr("xmlns:md", nsMetadata)
	root.CreateAttr("entityID", s.EntityID(p.ID))
	sp := root.CreateElement("md:SPSSODescriptor")
	sp.CreateAttr("AuthnRequestsSigned", "true")
	sp.CreateAttr("WantAssertionsSigned", "true")
	sp.CreateAttr("protocolSupportEnumeration", nsProtocol)
	for _, use := range []string{"signing", "encryption"} {
		k := sp.CreateElement("md:KeyDescriptor")
		k.CreateAttr("use", use)
		info := k.CreateElement("ds:KeyInfo")
		info.CreateAttr("xmlns:ds", nsSignature)
		info.CreateElement("ds:X509Data").CreateElement("ds:X509Certificate").SetText(base64.StdEncoding.EncodeToString(cert.Raw))
		if use != "encryption" {
			continue
		}
		for _, by := range []string{"http://www.w3.org/2009/xmlenc11#aes256-gcm", "http://www.w3.org/2009/xmlenc11#aes128-gcm", nsEncrypted + "aes256-cbc", nsEncrypted + "aes128-cbc", nsEncrypted + "rsa-oaep-mgf1p"} {
			k.CreateElement("md:EncryptionMethod").CreateAttr("Algorithm", by)
		}
	}
	if f := nameIDFormats[p.SAML.NameID]; f != "" {
		sp.CreateElement("md:NameIDFormat").SetText(f)
	}
	acs := sp.CreateElement("md:AssertionConsumerService")
	acs.CreateAttr("Binding", saml.HTTPPostBinding)
	acs.CreateAttr("Location", s.ACS(p.ID))
	acs.CreateAttr("index", "0")
	acs.CreateAttr("isDefault", "true")
	doc.Indent(2)
	out, err := doc.WriteToBytes()
	if err != nil {
		return nil, fmt.Errorf("write SAML metadata: %w", err)
	}
	return out, nil
}
