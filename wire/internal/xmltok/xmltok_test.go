package xmltok_test

import (
	"encoding/xml"
	"errors"
	"io"
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

func show(n xmltok.Node) string {
	var b strings.Builder
	b.WriteString("{" + n.Space() + "}" + n.Local())
	if n.Text() != "" {
		b.WriteString(`="` + n.Text() + `"`)
	}
	var attrs []string
	for _, a := range n.Attrs() {
		space := ""
		if a.Space != "" {
			space = "{" + a.Space + "}"
		}
		attrs = append(attrs, space+a.Local+"="+a.Value)
	}
	if attrs != nil {
		b.WriteString("(" + strings.Join(attrs, ",") + ")")
	}
	var children []string
	for c := range n.Children() {
		children = append(children, show(c))
	}
	if children != nil {
		b.WriteString("[" + strings.Join(children, " ") + "]")
	}
	return b.String()
}

// byStandardLibrary shows a document as encoding/xml reads it, the same way.
func byStandardLibrary(doc []byte) (string, error) {
	d := xml.NewDecoder(strings.NewReader(string(doc)))
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	flat := strings.NewReplacer("\n", " ", "\t", " ").Replace // attribute values are normalised, this reader leaves it
	type elem struct {
		name, text string
		attrs      []string
		children   []string
	}
	var stack []elem
	var root string
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return root, nil
		}
		if err != nil {
			return "", err
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			e := elem{name: "{" + flat(tok.Name.Space) + "}" + tok.Name.Local}
			for _, a := range tok.Attr {
				if a.Name.Space == "xmlns" || (a.Name.Space == "" && a.Name.Local == "xmlns") {
					continue
				}
				space := ""
				if a.Name.Space != "" {
					space = "{" + flat(a.Name.Space) + "}"
				}
				e.attrs = append(e.attrs, space+a.Name.Local+"="+flat(a.Value))
			}
			stack = append(stack, e)
		case xml.CharData:
			if len(stack) > 0 {
				stack[len(stack)-1].text += string(tok)
			}
		case xml.EndElement:
			e := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			s := e.name
			if e.text != "" {
				s += `="` + e.text + `"`
			}
			if e.attrs != nil {
				s += "(" + strings.Join(e.attrs, ",") + ")"
			}
			if e.children != nil {
				s += "[" + strings.Join(e.children, " ") + "]"
			}
			if len(stack) > 0 {
				stack[len(stack)-1].children = append(stack[len(stack)-1].children, s)
			} else {
				root = s
			}
		}
	}
}

// FuzzParse holds Parse against the reader of the standard library: what Parse
// takes, that one takes too, and sees the same in it.
//
// Proves: E13, E14
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`<a/>`, `<a xmlns="u"><b/></a>`, `<p:a xmlns:p="u" p:x='1' y="&lt;"><![CDATA[x]]>&#65;<!-- c --></p:a>`,
		`<?xml version="1.0" encoding="UTF-8"?><a>  <b> </b>	</a>`, `<a xml:lang="en"><é/></a>`, `<!DOCTYPE a><a/>`,
		"<a>\r\n</a>", `<a><b xmlns=""/><p:c/></a>`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		root, err := xmltok.Parse(doc, xmltok.Limits{})
		if err != nil {
			if root.OK() {
				t.Fatalf("an error and an element: %v", err)
			}
			return
		}
		// The other reader knows the names of an older edition, keeps CR in
		// references out of sight, and does not take other encodings.
		s := string(doc)
		for i := range len(s) {
			if s[i] >= 0x80 || s[i] == '\r' {
				return
			}
		}
		if strings.Contains(s, "&#") || strings.Contains(s, "<?") {
			return
		}
		want, err := byStandardLibrary(doc)
		if err != nil {
			t.Fatalf("taken, but encoding/xml says %v: %q", err, doc)
		}
		if got := show(root); got != want {
			t.Fatalf("%q\ngot  %s\nwant %s", doc, got, want)
		}
	})
}
