package xmltok_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/callbox911/callbox/wire/internal/xmltok"
)

// Proves: E13
func TestWhatIsWellFormedIsRead(t *testing.T) {
	cases := []struct {
		name, doc, want string
	}{
		{"a lone element", `<a/>`, `{}a`},
		{"a declaration, comments and instructions around it", "\ufeff<?xml version='1.0' encoding='UTF-8'?>\n<!-- c --><?p i?><a/><!-- d -->\n", `{}a`},
		{"a default namespace", `<a xmlns="u"><b/></a>`, `{u}a[{u}b]`},
		{"a prefix", `<p:a xmlns:p="u"><b/><p:c/></p:a>`, `{u}a[{}b {u}c]`},
		{"a default namespace that is taken back", `<a xmlns="u"><b xmlns=""/></a>`, `{u}a[{}b]`},
		{"a prefix that ends with its element", `<a><p:b xmlns:p="u"/><p:c/></a>`, `{}a[{u}b {p}c]`},
		{"text with entities", `<a>x &lt;&amp;&gt; &#65;&#x42;&quot;&apos;</a>`, `{}a="x <&> AB"'"`},
		{"text in pieces", `<a>1<!--c-->2<b/>3<![CDATA[<4>]]></a>`, `{}a="123<4>"[{}b]`},
		{"line ends", "<a>1\r\n2\r3</a>", "{}a=\"1\n2\n3\""},
		{"attributes", `<a x="1" p:x='2' xmlns:p="u" xml:lang="en"/>`, `{}a(x=1,{u}x=2,{` + xmltok.SpaceXML + `}lang=en)`},
		{"space in an attribute", "<a x=\"1\n2\t3\"/>", `{}a(x=1 2 3)`},
		{"Latin-1 that says so", "<?xml version=\"1.0\" encoding=\"ISO-8859-1\" standalone=\"yes\"?><a>Qu\xe9bec</a>", `{}a="Québec"`},
		{"names beyond ASCII", `<é:ä xmlns:é="u"/>`, `{u}ä`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			root, err := xmltok.Parse([]byte(c.doc), xmltok.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if got := show(root); got != c.want {
				t.Errorf("read %s\ngot  %s\nwant %s", c.doc, got, c.want)
			}
		})
	}
}

// Proves: E13
func TestWhatIsNotWellFormedIsRefused(t *testing.T) {
	cases := map[string]string{
		"nothing":                            ``,
		"only a comment":                     `<!-- -->`,
		"no end":                             `<a>`,
		"the wrong end":                      `<a></b>`,
		"the same name by another prefix":    `<p:a xmlns:p="u" xmlns:q="u"></q:a>`,
		"two roots":                          `<a/><b/>`,
		"text before":                        `x<a/>`,
		"text after":                         `<a/>x`,
		"an unknown entity":                  `<a>&nbsp;</a>`,
		"a lone ampersand":                   `<a>AT&T</a>`,
		"a reference to no character":        `<a>&#0;</a>`,
		"a reference to a surrogate":         `<a>&#xD800;</a>`,
		"a huge reference":                   `<a>&#x110000;</a>`,
		"a signed reference":                 `<a>&#+65;</a>`,
		"the same attribute twice":           `<a x="1" x="2"/>`,
		"the same by two prefixes":           `<a xmlns:p="u" xmlns:q="u" p:x="1" q:x="2"/>`,
		"an attribute without quotes":        `<a x=1/>`,
		"attributes without space":           `<a x="1"y="2"/>`,
		"< in an attribute":                  `<a x="<"/>`,
		"]]> in text":                        `<a>]]></a>`,
		"-- in a comment":                    `<a><!-- x -- y --></a>`,
		"a control character":                "<a>\x01</a>",
		"bytes that are not UTF-8":           "<a>\xff</a>",
		"a name that starts with a digit":    `<1a/>`,
		"a name of two colons":               `<a:b:c/>`,
		"a prefix bound to nothing":          `<a xmlns:p=""/>`,
		"xml bound anew":                     `<a xmlns:xml="u"/>`,
		"a second XML declaration":           `<a/><?xml version="1.0"?>`,
		"UTF-16":                             "\xff\xfe<\x00a\x00/\x00>\x00",
		"a declaration inside":               `<a><!ELEMENT a ANY></a>`,
		"an instruction without space after": `<a><?p?x?></a>`,
	}
	for name, doc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := xmltok.Parse([]byte(doc), xmltok.Limits{})
			var syntax *xmltok.SyntaxError
			if !errors.As(err, &syntax) {
				t.Errorf("read %q: got error %v, want a SyntaxError", doc, err)
			}
		})
	}
}

// Proves: E14
func TestBombsAreRefused(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("<a>", n) + strings.Repeat("</a>", n) }
	many := func(n int) string { return "<a>" + strings.Repeat("<b/>", n-1) + "</a>" }
	var attrs, spaces strings.Builder
	for i := range 200 {
		attrs.WriteString(" a" + strings.Repeat("x", i) + `="1"`)
		spaces.WriteString(" xmlns:a" + strings.Repeat("x", i) + `="u"`)
	}
	cases := []struct {
		name, doc string
		want      error
	}{
		{"a document type", `<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>`, xmltok.ErrDTD},
		{"an entity bomb", `<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "x"><!ENTITY b "&a;&a;">]><l>&b;</l>`, xmltok.ErrDTD},
		{"as deep as allowed", deep(xmltok.MaxDepth), nil},
		{"deeper", deep(xmltok.MaxDepth + 1), xmltok.ErrTooLarge},
		{"as many as allowed", many(xmltok.MaxNodes), nil},
		{"more", many(xmltok.MaxNodes + 1), xmltok.ErrTooLarge},
		{"too many attributes", "<a" + attrs.String() + "/>", xmltok.ErrTooLarge},
		{"too many namespaces", "<a" + spaces.String() + "/>", xmltok.ErrTooLarge},
		{"too many bytes", "<a>" + strings.Repeat("x", xmltok.MaxBytes) + "</a>", xmltok.ErrTooLarge},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if _, err := xmltok.Parse([]byte(c.doc), xmltok.Limits{}); !errors.Is(err, c.want) {
				t.Errorf("got error %v, want %v", err, c.want)
			}
		})
	}
}

// Proves: E10
func TestWhatIsWrittenReadsTheSame(t *testing.T) {
	const hard = "a<b>&\"'\t\n é 🚒"
	doc := xmltok.AppendAttr([]byte("<a"), "x", hard)
	doc = append(doc, '>')
	doc = xmltok.AppendText(doc, hard)
	doc = append(doc, "</a>"...)
	root, err := xmltok.Parse(doc, xmltok.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if got := root.Text(); got != hard {
		t.Errorf("text: got %q, want %q", got, hard)
	}
	if got, want := root.Attr("x"), hard; got != want {
		t.Errorf("attribute: got %q, want %q", got, want)
	}
	if got, want := string(xmltok.AppendText(nil, "a\x00b\xffc\ufffe")), "a\ufffdb\ufffdc\ufffd"; got != want {
		t.Errorf("what XML cannot hold: got %q, want %q", got, want)
	}
}

// Proves: E10
func TestAnAbsentElementAnswersAsAnEmptyOne(t *testing.T) {
	var n xmltok.Node
	if n.OK() || n.Text() != "" || n.Local() != "" || n.Space() != "" || n.Attr("x") != "" || n.DeepToken() != "" || n.Child("", "").OK() {
		t.Errorf("an absent element claims to be something")
	}
}
