package xmltok_test

import (
	"strings"
	"testing"

	"github.com/callbox911/callbox/wire/internal/xmltok"
)

// A Reader sees in each document what Parse sees in it, whatever came before,
// and what it gave stays when the next one comes.
//
// Proves: E13
func TestAReaderSeesEveryDocumentAnew(t *testing.T) {
	docs := []string{
		`<a xmlns="urn:a" b="c"><d>text</d><p:e xmlns:p="urn:p" p:f="g"/></a>`,
		`<x/>`,
		`<broken><a b="c" xmlns:q="urn:q"><q:b>`,
		`<a><b>one<!-- -->two &amp; three</b></a>`,
		`<u:a xmlns=""><b/></u:a>`,
		"<deep>" + strings.Repeat("<a xmlns:p='urn:p'>", 20) + strings.Repeat("</a>", 20) + "</deep>",
		"<wide>" + strings.Repeat("<a b='c'>d</a>", 600) + "</wide>",
		`<!DOCTYPE a><a/>`,
		`<a xmlns="urn:a" b="c"><d>text</d><p:e xmlns:p="urn:p" p:f="g"/></a>`,
	}
	var r xmltok.Reader
	var kept []string
	for _, doc := range append(docs, docs...) {
		want, wantErr := xmltok.Parse([]byte(doc), xmltok.Limits{})
		got, err := r.Parse([]byte(doc), xmltok.Limits{})
		switch {
		case (err == nil) != (wantErr == nil):
			t.Errorf("%.60s: got %v, want %v", doc, err, wantErr)
		case err == nil && show(got) != show(want):
			t.Errorf("%.60s: got %s, want %s", doc, show(got), show(want))
		case err == nil && xmltok.Foreign(got) != xmltok.Foreign(want):
			t.Errorf("%.60s: got %v, want %v", doc, xmltok.Foreign(got), xmltok.Foreign(want))
		}
		kept = append(kept, got.Child("urn:a", "d").Text())
		if small := r.Forget(); small == strings.HasPrefix(doc, "<wide>") {
			t.Errorf("%.60s: small is %v", doc, small)
		}
	}
	if got := strings.Join(kept, ""); got != strings.Repeat("text", 4) {
		t.Errorf("kept %q", got)
	}
}
