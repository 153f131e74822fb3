package saml

import (
	"crypto/rsa"
	"strings"
	"time"

	"github.com/beevik/etree"
)

// Skew is how far the clock of an identity provider may be off.
const Skew = 2 * time.Minute

// Expected is what an answer is held against.
type Expected struct {
	IDP       IDP
	EntityID  string          // ours
	ACS       string          // our address that the answer came to
	Key       *rsa.PrivateKey // ours, for encrypted assertions
	RequestID string          // that the browser was sent away with
	Now       time.Time
}

// Answer is an assertion that is believed.
type Answer struct {
	ID         string
	NameID     string
	Format     string // of NameID, a URN
	Until      time.Time
	AuthTime   time.Time
	Attributes []Attribute
	Warnings   []string // for the log
}

// Attribute is something that an assertion says of somebody.
type Attribute struct {
	Name, Friendly string
	Values         []string
}

// NotAsked reports an answer that claims to belong to no request: the identity
// provider began. Nothing of it is proved.
func NotAsked(raw []byte) bool {
	root, err := read(raw, ofResponse)
	return err == nil && is(root, nsProtocol, "Response") && attr(root, "InResponseTo") == ""
}

var errNotAsked = denied("this sign-in was begun at the identity provider; that is not taken, because nobody could tell whose browser it was meant for. Begin here, on the page of sign-in")

// Verify proves an answer (saml-profiles-2.0-os, section 4.1.4.3). Its errors are
// Denied and say what an administrator does about it.
func (e Expected) Verify(raw []byte) (Answer, error) {
	root, err := read(raw, ofResponse)
	if err != nil {
		return Answer{}, err
	}
	if !is(root, nsProtocol, "Response") {
		return Answer{}, denied("this is no answer to a SAML request")
	}
	if err := shape(root); err != nil {
		return Answer{}, err
	}
	if err := status(root); err != nil {
		return Answer{}, err
	}
	var a Answer
	response, signed := root, len(all(root, nsSignature, "Signature")) > 0
	if signed {
		if response, err = e.proved(root, &a); err != nil {
			return Answer{}, err
		}
	}
	if err := e.checkResponse(response, signed); err != nil {
		return Answer{}, err
	}
	assertion, err := e.assertion(response, signed, &a)
	if err != nil {
		return Answer{}, err
	}
	if err := e.checkAssertion(assertion, &a); err != nil {
		return Answer{}, err
	}
	return a, a.fill(assertion)
}

// proved is what a signature in el covers.
func (e Expected) proved(el *etree.Element, a *Answer) (*etree.Element, error) {
	content, key, err := covered(el, e.IDP.Keys)
	if err != nil {
		return nil, err
	}
	if w := aged(key, e.Now); w != "" {
		a.Warnings = append(a.Warnings, w)
	}
	return content, shape(content)
}

// assertion is the one assertion, out of its envelope, as the signature covers it.
func (e Expected) assertion(response *etree.Element, signed bool, a *Answer) (*etree.Element, error) {
	el := one(response, nsAssertion, "Assertion")
	if sealed := one(response, nsAssertion, "EncryptedAssertion"); sealed != nil {
		var err error
		if el, err = open(sealed, e.Key); err != nil {
			return nil, err
		}
	}
	switch {
	case el == nil:
		return nil, denied("the answer has no assertion in it")
	case len(all(el, nsSignature, "Signature")) > 0:
		return e.proved(el, a)
	case !signed:
		return nil, denied("neither the answer nor its assertion is signed; let the identity provider sign them")
	}
	return el, nil
}

const success = "urn:oasis:names:tc:SAML:2.0:status:Success"

// refusals are what the second status code says (saml-core-2.0-os, section 3.2.2.2).
var refusals = map[string]string{
	"AuthnFailed":            "the person could not be proved there",
	"InvalidNameIDPolicy":    "it does not give the kind of name that is asked for; change the name format here or there",
	"NoAuthnContext":         "it cannot prove people the way that was asked for",
	"RequestDenied":          "it answers nobody at this address of ours, or not this person",
	"UnknownPrincipal":       "it does not know the person",
	"RequestUnsupported":     "it does not understand requests of this kind",
	"UnsupportedBinding":     "it cannot answer by HTTP-POST",
	"InvalidAttrNameOrValue": "its attributes are not set up rightly",
}

func status(root *etree.Element) error {
	s := one(root, nsProtocol, "Status")
	if s == nil {
		return denied("the answer has no status")
	}
	code := one(s, nsProtocol, "StatusCode")
	if code == nil {
		return denied("the answer has no status")
	}
	if attr(code, "Value") == success {
		return nil
	}
	last := func(el *etree.Element) string {
		v := attr(el, "Value")
		return v[strings.LastIndexByte(v, ':')+1:]
	}
	said := last(code)
	if more := one(code, nsProtocol, "StatusCode"); more != nil {
		said = last(more)
	}
	why, ok := refusals[said]
	if !ok {
		why = "its log says why" // the message is not shown: anybody could have written it
	}
	return denied("the identity provider said no: %s", why)
}

func (e Expected) checkResponse(r *etree.Element, signed bool) error {
	if v := attr(r, "Version"); v != "2.0" {
		return denied("the answer is not of SAML 2.0")
	}
	if len(all(r, nsAssertion, "Issuer")) > 0 {
		if err := e.checkIssuer(r); err != nil {
			return err
		}
	}
	to := attr(r, "Destination")
	if to != e.ACS && (signed || to != "") {
		return denied("the answer was meant for another address than %s; set that as the ACS or reply URL at the identity provider", e.ACS)
	}
	switch attr(r, "InResponseTo") {
	case "":
		return errNotAsked
	case e.RequestID:
		return nil
	}
	return errOtherRequest
}

var errOtherRequest = denied("the answer belongs to another sign-in than the one that this browser began; begin again")

func (e Expected) checkIssuer(el *etree.Element) error {
	who, ok := text(one(el, nsAssertion, "Issuer"))
	if !ok || who != e.IDP.EntityID {
		return denied("the answer is not from %s, the identity provider that is set up here", e.IDP.EntityID)
	}
	return nil
}

// checkAssertion looks at what is covered by a signature, and nothing else.
func (e Expected) checkAssertion(el *etree.Element, a *Answer) error {
	a.ID = attr(el, "ID")
	if attr(el, "Version") != "2.0" || a.ID == "" {
		return denied("the assertion is not of SAML 2.0")
	}
	if err := e.checkIssuer(el); err != nil {
		return err
	}
	issued, ok := instant(attr(el, "IssueInstant"))
	if !ok {
		return denied("the assertion does not say when it was made")
	}
	if ahead := issued.Sub(e.Now); ahead > Skew {
		return denied("the clock of the identity provider is %s ahead of ours; more than %s is not taken. Set both clocks by NTP", ahead.Round(time.Second), Skew)
	}
	if err := e.checkSubject(el, issued, a); err != nil {
		return err
	}
	if err := e.checkConditions(el, issued); err != nil {
		return err
	}
	return e.checkStatement(el, issued, a)
}

// within judges a span of time; an empty end is open.
func (e Expected) within(what, from, until string, issued time.Time) error {
	if from != "" {
		t, ok := instant(from)
		if !ok {
			return denied("%s has a time that is none", what)
		}
		if early := t.Sub(e.Now); early > Skew {
			return denied("%s begins in %s: the clock of the identity provider is ahead of ours by about %s. Set both clocks by NTP", what, early.Round(time.Second), max(early, issued.Sub(e.Now)).Round(time.Second))
		}
	}
	if until != "" {
		t, ok := instant(until)
		if !ok {
			return denied("%s has a time that is none", what)
		}
		if late := e.Now.Sub(t); late >= Skew {
			return denied("%s ended %s ago; it was made %s ago by our clock. Begin again; if that does not help, the clock of the identity provider is behind ours: set both by NTP",
				what, late.Round(time.Second), e.Now.Sub(issued).Round(time.Second))
		}
	}
	return nil
}

// checkSubject finds the confirmation that lets a browser bring the assertion here
// (section 4.1.4.2): bearer, for this address, in answer to this request, in time.
func (e Expected) checkSubject(el *etree.Element, issued time.Time, a *Answer) error {
	subject := one(el, nsAssertion, "Subject")
	if subject == nil {
		return denied("the assertion says nothing about whom it is")
	}
	err := denied("the assertion may not be brought by a browser: it has no bearer confirmation")
	for _, c := range all(subject, nsAssertion, "SubjectConfirmation") {
		data := one(c, nsAssertion, "SubjectConfirmationData")
		if attr(c, "Method") != "urn:oasis:names:tc:SAML:2.0:cm:bearer" || data == nil {
			continue
		}
		switch {
		case attr(data, "Recipient") != e.ACS:
			err = denied("the assertion was meant for another address than %s; set that as the ACS or reply URL at the identity provider", e.ACS)
			continue
		case attr(data, "InResponseTo") == "":
			err = errNotAsked
			continue
		case attr(data, "InResponseTo") != e.RequestID:
			err = errOtherRequest
			continue
		case attr(data, "NotOnOrAfter") == "":
			err = denied("the assertion has no end of its validity")
			continue
		}
		if err = e.within("the assertion", attr(data, "NotBefore"), attr(data, "NotOnOrAfter"), issued); err == nil {
			until, _ := instant(attr(data, "NotOnOrAfter"))
			a.Until = until.Add(Skew)
			return nil
		}
	}
	return err
}

func (e Expected) checkConditions(el *etree.Element, issued time.Time) error {
	c := one(el, nsAssertion, "Conditions")
	if c == nil {
		return denied("the assertion does not say whom it is for")
	}
	if err := e.within("the assertion", attr(c, "NotBefore"), attr(c, "NotOnOrAfter"), issued); err != nil {
		return err
	}
	restrictions := 0
	for _, r := range c.ChildElements() {
		switch {
		case is(r, nsAssertion, "OneTimeUse"), is(r, nsAssertion, "ProxyRestriction"):
		case is(r, nsAssertion, "AudienceRestriction"):
			restrictions++
			if !e.among(all(r, nsAssertion, "Audience")) {
				return denied("the assertion is for another application than %s; set that as the entity id or audience at the identity provider", e.EntityID)
			}
		default: // what is not understood does not hold (saml-core-2.0-os, section 2.5.1)
			return denied("the assertion has a condition that is not understood: %s", r.Tag)
		}
	}
	if restrictions == 0 {
		return denied("the assertion does not say whom it is for; let the identity provider name %s as its audience", e.EntityID)
	}
	return nil
}

func (e Expected) among(audiences []*etree.Element) bool {
	for _, el := range audiences {
		if s, ok := text(el); ok && s == e.EntityID {
			return true
		}
	}
	return false
}

// checkStatement wants to know that and when the person was proved there.
func (e Expected) checkStatement(el *etree.Element, issued time.Time, a *Answer) error {
	statements := all(el, nsAssertion, "AuthnStatement")
	if len(statements) == 0 {
		return denied("the assertion does not say that the person was proved")
	}
	for _, s := range statements {
		if err := e.within("the session at the identity provider", "", attr(s, "SessionNotOnOrAfter"), issued); err != nil {
			return err
		}
		if t, ok := instant(attr(s, "AuthnInstant")); ok && t.After(a.AuthTime) {
			a.AuthTime = t
		}
	}
	return nil
}

// fill takes the name and the attributes.
func (a *Answer) fill(el *etree.Element) error {
	if id := one(one(el, nsAssertion, "Subject"), nsAssertion, "NameID"); id != nil {
		name, ok := text(id)
		if !ok {
			return denied("the name in the assertion is not plain text")
		}
		a.NameID, a.Format = name, attr(id, "Format")
	}
	for _, st := range all(el, nsAssertion, "AttributeStatement") {
		for _, at := range all(st, nsAssertion, "Attribute") {
			out := Attribute{Name: attr(at, "Name"), Friendly: attr(at, "FriendlyName")}
			for _, v := range all(at, nsAssertion, "AttributeValue") {
				if s, ok := text(v); ok && s != "" { // others have structure, which nothing here means
					out.Values = append(out.Values, s)
				}
			}
			a.Attributes = append(a.Attributes, out)
		}
	}
	return nil
}
