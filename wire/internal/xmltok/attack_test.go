package xmltok_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/wire/internal/xmltok"
)

// attacks are documents made to cost much. All are smaller than big, so that
// the limit of bytes does not save the reader.
func attacks() map[string]string {
	many := func(n int, f func(int) string) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(f(i))
		}
		return b.String()
	}
	laughs := `<!DOCTYPE lolz [<!ENTITY lol "lol">` + many(9, func(i int) string {
		return fmt.Sprintf(`<!ENTITY lol%d "%s">`, i+1, strings.Repeat(fmt.Sprintf("&lol%d;", i), 10))
	}) + `]><lolz>&lol9;</lolz>`
	return map[string]string{
		"a billion laughs":                  laughs,
		"laughs without declaration":        "<a>" + strings.Repeat("&lol;", 1<<18) + "</a>",
		"an external entity":                `<!DOCTYPE a SYSTEM "file:///etc/passwd" [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>`,
		"a parameter entity":                `<!DOCTYPE a [<!ENTITY % p SYSTEM "http://192.0.2.1/">%p;]><a/>`,
		"deep nesting":                      strings.Repeat("<a>", 1<<18),
		"deep nesting that ends":            strings.Repeat("<a>", 1<<17) + strings.Repeat("</a>", 1<<17),
		"a megabyte in an attribute":        `<a x="` + strings.Repeat("y", 1<<20) + `"/>`,
		"a megabyte of entities in one":     `<a x="` + strings.Repeat("&lt;", 1<<18) + `"/>`,
		"a million attributes":              "<a" + many(1<<16, func(i int) string { return fmt.Sprintf(` a%d=""`, i) }) + "/>",
		"the same attribute over and over":  "<a" + strings.Repeat(` a=""`, 1<<18) + "/>",
		"a long name":                       "<" + strings.Repeat("a", 1<<20) + "/>",
		"a long prefix":                     "<" + strings.Repeat("a", 1<<20) + ":b/>",
		"a name of colons":                  "<a" + strings.Repeat(":", 1<<20) + "/>",
		"a long namespace":                  `<a xmlns="` + strings.Repeat("u", 15<<10) + `"/>`,
		"a million namespaces":              "<a" + many(1<<16, func(i int) string { return fmt.Sprintf(` xmlns:a%d="u"`, i) }) + "/>",
		"namespaces over namespaces":        many(60, func(i int) string { return fmt.Sprintf(`<a xmlns:a%d="u">`, i) }) + strings.Repeat("<b/>", 1<<16),
		"the same namespaces at every step": strings.Repeat(`<a xmlns="u" xmlns:b="v" xmlns:c="w">`, 1<<14),
		"a million elements":                "<a>" + strings.Repeat("<b/>", 1<<18) + "</a>",
		"a million comments without end":    "<a>" + strings.Repeat("<!--", 1<<18),
		"a million CDATA sections, no end":  "<a>" + strings.Repeat("<![CDATA[", 1<<16),
		"a million instructions, no end":    "<a>" + strings.Repeat("<?a ", 1<<18),
		"a million & without ;":             "<a>" + strings.Repeat("&", 1<<20) + "</a>",
		"a million quotes":                  "<a " + strings.Repeat(`"`, 1<<20),
		"a million <":                       strings.Repeat("<", 1<<20),
		"an XML declaration without end":    "<?xml " + strings.Repeat(`version="1.0" `, 1<<16),
		"a reference of many digits":        "<a>&#" + strings.Repeat("0", 1<<20) + "65;</a>",
	}
}

// big is a limit far above what the formats need: what is refused, is refused
// for what it is.
var big = xmltok.Limits{Bytes: 8 << 20}

// Each attack is refused before a generous deadline, all of them together
// within ten seconds on a machine under load. The log says how long each took.
//
// Proves: E13, E14
func TestAttacksAreRefusedAtOnce(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var before, after runtime.MemStats
	for name, doc := range attacks() {
		runtime.ReadMemStats(&before)
		start := time.Now()
		_, err := xmltok.Parse([]byte(doc), big)
		runtime.ReadMemStats(&after)
		t.Logf("%8v  %s, %d bytes: %v", time.Since(start).Round(time.Microsecond), name, len(doc), err)
		var syntax *xmltok.SyntaxError
		if !errors.Is(err, xmltok.ErrTooLarge) && !errors.Is(err, xmltok.ErrDTD) && !errors.As(err, &syntax) {
			t.Errorf("%s: got %v, want a refusal", name, err)
		}
		if err != nil && len(err.Error()) > 400 {
			t.Errorf("%s: an error of %d bytes", name, len(err.Error()))
		}
		// Two copies (of the argument, of the document) and what a tree of the
		// most elements needs.
		if got, most := after.TotalAlloc-before.TotalAlloc, uint64(3*len(doc)+(2<<20)); got > most {
			t.Errorf("%s: %d bytes were allocated for a document of %d", name, got, len(doc))
		}
		if ctx.Err() != nil {
			t.Fatalf("%s: the time is up", name)
		}
	}
}

// What is as large as allowed costs time and memory in proportion to its size,
// whatever is in it.
//
// Proves: E14
func TestLargeDocumentsAreReadInProportion(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	lim := xmltok.Limits{Bytes: 8 << 20, Nodes: 1 << 19}
	for name, doc := range map[string]string{
		"many elements":             "<a>" + strings.Repeat("<b/>", 1<<17) + "</a>",
		"many runs of text":         "<a>" + strings.Repeat("x<b/>", 1<<17) + "</a>",
		"many comments":             "<a>" + strings.Repeat("x<!-- -->", 1<<17) + "</a>",
		"many CDATA sections":       "<a>" + strings.Repeat("<![CDATA[x]]>", 1<<17) + "</a>",
		"many entities":             "<a>" + strings.Repeat("&lt;", 1<<18) + "</a>",
		"many line ends":            "<a>" + strings.Repeat("\r\n", 1<<18) + "</a>",
		"many attributes":           "<a>" + strings.Repeat(`<b c="d" e="f"/>`, 1<<16) + "</a>",
		"many namespaces":           "<a>" + strings.Repeat(`<b xmlns="u" xmlns:c="d"/>`, 1<<16) + "</a>",
		"many names without a bind": "<a>" + strings.Repeat(`<b:c/>`, 1<<16) + "</a>",
	} {
		root, err := xmltok.Parse([]byte(doc), lim)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		n := len(root.Text()) + len(root.DeepToken())
		for c := range root.Children() {
			n += len(c.Local())
		}
		if ctx.Err() != nil {
			t.Fatalf("%s: the time is up after %d", name, n)
		}
	}
}

// A namespace is repeated in every foreign element: a small document must not
// become a large one by it.
//
// Proves: E14
func TestForeignElementsStayInProportion(t *testing.T) {
	var decl strings.Builder
	for i := range 30 {
		fmt.Fprintf(&decl, ` xmlns:n%d="%s"`, i, strings.Repeat("u", 1000))
	}
	prefixes := strings.Repeat("n1:n2:n3:n4:n5:", 2)
	doc := "<a" + decl.String() + ">" + strings.Repeat("<b>"+prefixes+"</b>", 800) + "</a>"
	root, err := xmltok.Parse([]byte(doc), xmltok.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	size := 0
	for c := range root.Children() {
		size += len(xmltok.Foreign(c).XML)
	}
	if size > 6<<20 {
		t.Errorf("a document of %d bytes gave %d bytes of foreign elements", len(doc), size)
	}
}

// Proves: E13
func TestEncodingsAreReadOrRefused(t *testing.T) {
	utf16 := func(s string, big bool) string {
		var b strings.Builder
		for i := range len(s) {
			if big {
				b.WriteByte(0)
			}
			b.WriteByte(s[i])
			if !big {
				b.WriteByte(0)
			}
		}
		return b.String()
	}
	const doc = `<?xml version="1.0" encoding="UTF-16"?><a/>`
	for name, d := range map[string]string{
		"UTF-16 with a mark, little": "\xff\xfe" + utf16(doc, false), "UTF-16 with a mark, big": "\xfe\xff" + utf16(doc, true),
		"UTF-16, little": utf16(doc, false), "UTF-16, big": utf16(doc, true), "UTF-32": "\x00\x00\x00<\x00\x00\x00a",
	} {
		if _, err := xmltok.Parse([]byte(d), xmltok.Limits{}); err == nil || !strings.Contains(err.Error(), "UTF-16") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	for _, d := range []string{"\ufeff<a>é</a>", `<?xml version="1.0" encoding="us-ascii"?><a>é</a>`, `<?xml version='1.0' encoding='utf-8' standalone='yes' ?><a>é</a>`, "<?xml version=\"1.0\" encoding=\"latin1\"?><a>\xe9</a>"} {
		if root, err := xmltok.Parse([]byte(d), xmltok.Limits{}); err != nil || root.Text() != "é" {
			t.Errorf("%q: got %q and %v", d, root.Text(), err)
		}
	}
}
