package xmltok_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/wire/internal/xmltok"
)

// find returns the first element of that name anywhere.
func find(n xmltok.Node, local string) xmltok.Node {
	if n.Local() == local {
		return n
	}
	for c := range n.Children() {
		if f := find(c, local); f.OK() {
			return f
		}
	}
	return xmltok.Node{}
}

func parsed(t *testing.T, doc string) xmltok.Node {
	t.Helper()
	n, err := xmltok.Parse([]byte(doc), xmltok.Limits{})
	if err != nil {
		t.Fatalf("%s: %v", doc, err)
	}
	return n
}

// Proves: E10
func TestForeignElementsMeanTheSameEverywhere(t *testing.T) {
	for _, c := range []struct{ name, doc, want string }{
		{"a namespace of its own", `<r xmlns="u"><f xmlns="v"><b/></f></r>`, `<f xmlns="v"><b/></f>`},
		{"the default namespace", `<r xmlns="u"><f/></r>`, `<f xmlns="u"/>`},
		{"none", `<r><f a="b" >x</f ></r>`, `<f xmlns="" a="b" >x</f >`},
		{"a prefix from outside", `<r xmlns:p="u"><p:f><p:b/></p:f></r>`, `<p:f xmlns="" xmlns:p="u"><p:b/></p:f>`},
		{"a prefix that is not used", `<r xmlns:p="u" xmlns:q="v"><q:f/></r>`, `<q:f xmlns="" xmlns:q="v"/>`},
		{"a prefix in an attribute value", `<r xmlns:xsi="i" xmlns:t="v"><f xsi:type="t:x"/></r>`, `<f xmlns="" xmlns:t="v" xmlns:xsi="i" xsi:type="t:x"/>`},
		{"prefixes in a text", `<r xmlns:ca="c" xmlns:cae="e"><f>ca:A1 cae:PN tca:x</f></r>`, `<f xmlns="" xmlns:cae="e" xmlns:ca="c">ca:A1 cae:PN tca:x</f>`},
		{"a prefix bound anew", `<r xmlns:p="u"><s xmlns:p="v"><p:f/></s></r>`, `<p:f xmlns="" xmlns:p="v"/>`},
		{"a prefix bound by itself", `<r xmlns:p="u"><p:f xmlns:p="v" xmlns="w"/></r>`, `<p:f xmlns:p="v" xmlns="w"/>`},
		{"a sibling's namespace", `<r><s xmlns:p="u"/><f>p:x</f></r>`, `<f xmlns="">p:x</f>`},
		{"a prefix bound to nothing", `<r><p:f q:a="1"><p:b/></p:f></r>`, `<p:f xmlns="" xmlns:p="p" xmlns:q="q" q:a="1"><p:b/></p:f>`},
		{"a namespace with an entity", `<r xmlns:p="u&amp;&lt;"><p:f/></r>`, `<p:f xmlns="" xmlns:p="u&amp;&lt;"/>`},
		{"comments and CDATA", `<r xmlns="u"><f><!-- < --><![CDATA[<p:x>]]></f></r>`, `<f xmlns="u"><!-- < --><![CDATA[<p:x>]]></f>`},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := find(parsed(t, c.doc), "f")
			got := xmltok.Foreign(n)
			want := xmltok.Element{Space: n.Space(), Local: "f", XML: c.want}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("(-want +got):\n%s", diff)
			}
			if err := got.Check(); err != nil {
				t.Errorf("it does not stand alone: %v", err)
			}
			again, err := got.Parse()
			if err != nil || show(again) != show(n) {
				t.Errorf("it means %s, want %s (%v)", show(again), show(n), err)
			}
			// Put into a document full of other namespaces it is the same.
			in, err := xmltok.AppendForeign([]byte(`<x xmlns="other" xmlns:p="other" xmlns:q="other" xmlns:ca="other"><y>`), got)
			if err != nil {
				t.Fatal(err)
			}
			back := find(parsed(t, string(in)+"</y></x>"), "f")
			if show(back) != show(n) {
				t.Errorf("forwarded it is %s, want %s", show(back), show(n))
			}
			// A text that only looks as if it used a prefix of the document around
			// gets a needless declaration.
			looks := strings.Contains(c.name, "sibling") || strings.Contains(c.name, "CDATA")
			if diff := cmp.Diff(got, xmltok.Foreign(back)); diff != "" && !looks {
				t.Errorf("forwarded it is written otherwise:\n%s", diff)
			}
		})
	}
	if got := xmltok.Foreign(xmltok.Node{}); !got.IsZero() {
		t.Errorf("no element gave %v", got)
	}
}

// Proves: E10
func TestWhatIsNotOneElementIsRefused(t *testing.T) {
	for name, e := range map[string]xmltok.Element{
		"nothing":                      {},
		"text":                         {Local: "a", XML: "x"},
		"two elements":                 {Local: "a", XML: `<a xmlns=""/><a xmlns=""/>`},
		"text after":                   {Local: "a", XML: `<a xmlns=""/> `},
		"space before":                 {Local: "a", XML: ` <a xmlns=""/>`},
		"a comment before":             {Local: "a", XML: `<!-- --><a xmlns=""/>`},
		"an XML declaration":           {Local: "a", XML: `<?xml version="1.0"?><a xmlns=""/>`},
		"a mark before":                {Local: "a", XML: "\ufeff" + `<a xmlns=""/>`},
		"a document type":              {Local: "a", XML: `<!DOCTYPE a><a xmlns=""/>`},
		"no end":                       {Local: "a", XML: `<a xmlns="">`},
		"another name":                 {Local: "b", XML: `<a xmlns=""/>`},
		"another namespace":            {Space: "u", Local: "a", XML: `<a xmlns=""/>`},
		"a default from outside":       {Local: "a", XML: `<a/>`},
		"a default from outside below": {Space: "u", Local: "a", XML: `<p:a xmlns:p="u"><b/></p:a>`},
		"a prefix from outside":        {Space: "u", Local: "a", XML: `<a xmlns="u"><p:b/></a>`},
		"an attribute from outside":    {Space: "u", Local: "a", XML: `<a xmlns="u" p:b=""/>`},
		"more than is allowed":         {Local: "a", XML: `<a xmlns="">` + strings.Repeat("x", xmltok.MaxBytes) + `</a>`},
	} {
		if err := e.Check(); err == nil {
			t.Errorf("%s passed", name)
		}
		if dst, err := xmltok.AppendForeign([]byte("x"), e); err == nil || string(dst) != "x" {
			t.Errorf("%s was written: %q", name, dst)
		}
	}
}

// Proves: RFC 5222, RFC 6848
func TestQNamesAreResolved(t *testing.T) {
	n := find(parsed(t, `<r xmlns="d" xmlns:ca="old"><s xmlns:ca="c"><f xmlns:e="e"/></s><g xmlns:z="z"/></r>`), "f")
	for text, want := range map[string]string{
		"ca:A1": "c A1", " e:PN\n": "e PN", "x": "d x", "xml:lang": xmltok.SpaceXML + " lang",
		"z:x": "", "q:x": "", "": "", "a:b:c": "", ":x": "", "ca:": "", "1x": "", "ca:A1 ca:A2": "",
	} {
		space, local, ok := n.ResolveQName(text)
		if got := strings.TrimSpace(space + " " + local); got != want || ok != (want != "") {
			t.Errorf("%q: got %q %v, want %q", text, got, ok, want)
		}
	}
	if _, _, ok := (xmltok.Node{}).ResolveQName("a"); ok {
		t.Error("no element resolved a name")
	}
	if space, _, ok := parsed(t, "<a/>").ResolveQName("x"); space != "" || !ok {
		t.Errorf("a name without any namespace: got %q %v", space, ok)
	}
}

// Proves: E10
func TestErrorsNameTheirElement(t *testing.T) {
	root := parsed(t, `<presence><tuple/><tuple><status/><other xmlns="u"/><status><geopriv/></status></tuple></presence>`)
	if got, want := find(root, "geopriv").Path(), "/presence/tuple[2]/status[2]/geopriv"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	cause := errors.New("cause")
	err := find(root, "other").Errorf("a %d: %w", 1, cause)
	var at *xmltok.PathError
	if !errors.As(err, &at) || !errors.Is(err, cause) || err.Error() != "/presence/tuple[2]/other: a 1: cause" {
		t.Errorf("got %v", err)
	}
	up := xmltok.Within("a", xmltok.Within(xmltok.Nth("b", 1), &xmltok.PathError{Reason: "wrong"}))
	if got, want := up.Error(), "/a/b[2]: wrong"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if up := xmltok.Within("a", cause); up.Error() != "/a: cause" || !errors.Is(up, cause) || xmltok.Within("a", nil) != nil {
		t.Errorf("got %v", up)
	}
	_, err = xmltok.Parse([]byte("<a><p:b><c>&x;</c></p:b></a>"), xmltok.Limits{})
	if err == nil || !strings.Contains(err.Error(), "in /a/b/c: ") {
		t.Errorf("a syntax error: got %v", err)
	}
}
