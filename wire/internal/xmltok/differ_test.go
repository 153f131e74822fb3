package xmltok_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/callbox911/callbox/wire/internal/schemacheck"
	"github.com/callbox911/callbox/wire/internal/xmltok"
)

// flat makes white space in attribute values the same: XML wants it normalised,
// the standard library leaves it.
var flat = strings.NewReplacer("\r", " ", "\n", " ", "\t", " ").Replace

// show writes a tree in one line.
func show(n xmltok.Node) string { return shown(n, func(s string) string { return s }) }

func shown(n xmltok.Node, value func(string) string) string {
	var b strings.Builder
	b.WriteString("{" + value(n.Space()) + "}" + n.Local())
	if n.Text() != "" {
		b.WriteString(`="` + n.Text() + `"`)
	}
	var attrs []string
	for _, a := range n.Attrs() {
		space := ""
		if a.Space != "" {
			space = "{" + value(a.Space) + "}"
		}
		attrs = append(attrs, space+a.Local+"="+value(a.Value))
	}
	if attrs != nil {
		b.WriteString("(" + strings.Join(attrs, ",") + ")")
	}
	var children []string
	for c := range n.Children() {
		children = append(children, shown(c, value))
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

// compare reads a document both ways. It returns the kind of refusal when only
// Parse refuses, and an error when the two disagree otherwise.
func compare(doc []byte) (refused string, err error) {
	root, err := xmltok.Parse(doc, xmltok.Limits{})
	want, stdErr := byStandardLibrary(doc)
	var syntax *xmltok.SyntaxError
	switch {
	case err != nil && root.OK():
		return "", fmt.Errorf("an error and an element: %w", err)
	case err != nil && stdErr != nil:
		return "", nil
	case errors.As(err, &syntax):
		kind := syntax.Msg
		if strings.Contains(kind, "> ends as </") {
			kind = "an end tag by another prefix"
		}
		if strings.HasPrefix(kind, "the document ends inside") || strings.HasPrefix(kind, "the end tag of") {
			kind = "a document that ends too early"
		}
		return kind, nil
	case err != nil:
		return err.Error(), nil
	case stdErr != nil:
		// It knows the names of an older edition, and nothing but UTF-8 in a
		// declaration.
		if s := string(doc); strings.IndexFunc(s, func(r rune) bool { return r > 0x7f }) >= 0 || strings.Contains(s, "<?xml") {
			return "", nil
		}
		return "", fmt.Errorf("taken, but encoding/xml says %w", stdErr)
	}
	if strings.Contains(string(doc), "&#") && strings.Contains(string(doc), "\r") {
		return "", nil // it takes CR LF together even when one of them is a reference
	}
	if got := shown(root, flat); got != want && !strings.Contains(string(doc), "<?xml") {
		return "", fmt.Errorf("read unlike:\n%q\ngot  %s\nwant %s", doc, got, want)
	}
	return "", nil
}

// seeds are the published documents, and small ones for each construct.
func seeds(t testing.TB) [][]byte {
	t.Helper()
	var docs [][]byte
	for _, s := range []string{
		`<a/>`, `<a xmlns="u"><b/></a>`, `<p:a xmlns:p="u" p:x='1' y="&lt;"><![CDATA[x]]>&#65;<!-- c --></p:a>`,
		`<?xml version="1.0" encoding="UTF-8"?><a>  <b> </b>	</a>`, `<a xml:lang="en"><é/></a>`, `<!DOCTYPE a><a/>`,
		"<a>\r\n</a>", `<a><b xmlns=""/><p:c/></a>`, `<a x="1" x="2"/>`, `<a>]]></a>`, "\ufeff<a/>", `<a><?p i?></a>`, `<a/><b/>`, `<a/>x`,
		`<p:a xmlns:p="u" xmlns:q="u"></q:a>`, `<a xmlns:p=""/>`, `<a:b:c/>`, `<a x="<"/>`, document,
	} {
		docs = append(docs, []byte(s))
	}
	for _, pattern := range []string{"schemas/examples/*/*.xml", "schemas/i3/messages/*/*"} {
		files, err := filepath.Glob(filepath.Join(schemacheck.Shared(t), pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			docs = append(docs, b)
		}
	}
	return docs
}

// Published documents, whole and mutilated, are read as the standard library
// reads them. What Parse refuses and it does not is listed by kind.
//
// Proves: E13, E14
func TestParseReadsAsTheStandardLibrary(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	kinds := map[string]int{}
	n := 0
	try := func(doc []byte) {
		n++
		refused, err := compare(doc)
		if err != nil {
			t.Fatal(err)
		}
		if refused != "" {
			kinds[refused]++
		}
	}
	pieces := []string{"<", ">", "/", "&", ";", "\"", "'", "=", " ", "x", ":", "<!--", "-->", "]]>", "<![CDATA[", "<?", "?>", "xmlns", "\x00", "\xff", "&#", "\r", "<!DOCTYPE a>"}
	for _, doc := range seeds(t) {
		try(doc)
		for range 12 {
			at := random.IntN(len(doc))
			with := pieces[random.IntN(len(pieces))]
			end := min(len(doc), at+random.IntN(3))
			try(slices.Concat(doc[:at], []byte(with), doc[end:]))
		}
	}
	var list strings.Builder
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		fmt.Fprintf(&list, "\n%5d  %s", kinds[kind], kind)
	}
	t.Logf("%d documents; refused here and taken by encoding/xml:%s", n, list.String())
	if len(kinds) < 5 {
		t.Errorf("only %d kinds of refusal: the mutations are too tame", len(kinds))
	}
}

// FuzzParse holds Parse against the reader of the standard library: what Parse
// takes, that one takes too, and sees the same in it.
//
// Proves: E13, E14
func FuzzParse(f *testing.F) {
	for _, doc := range seeds(f) {
		f.Add(doc)
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		if _, err := compare(doc); err != nil {
			t.Fatal(err)
		}
	})
}
