package lost_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/callbox911/callbox/wire/internal/schemacheck"
	"github.com/callbox911/callbox/wire/lost"
)

// keep bounds how many drawn documents of a kind jing reads.
const keep = 40

// corpus collects documents by grammar.
type corpus struct {
	docs map[string]map[string][]byte
	n    map[string]int
}

func newCorpus() *corpus {
	return &corpus{docs: map[string]map[string][]byte{}, n: map[string]int{}}
}

func (c *corpus) add(kind string, m lost.Message, doc []byte) {
	if c.n[kind]++; c.n[kind] > keep {
		return
	}
	g := grammarOf(m)
	if c.docs[g] == nil {
		c.docs[g] = map[string][]byte{}
	}
	c.docs[g][fmt.Sprintf("%s %d", kind, c.n[kind])] = doc
}

// Everything that the package writes is valid by the published grammars, each
// of which jing reads once for all documents.
//
// Proves: RFC 5222, RFC 6197, RFC 6739, NENA-STA-010.3, standards.md 23
func TestWhatIsWrittenIsValidAndReadEqual(t *testing.T) {
	c := newCorpus()
	t.Run("every published document comes back equal", func(t *testing.T) { publishedComeBackEqual(t, c) })
	t.Run("any message comes back equal", func(t *testing.T) { anyMessageComesBackEqual(t, c) })
	t.Run("any other value is written valid or refused", func(t *testing.T) { anyValueIsValidOrRefused(t, c) })
	for grammar, set := range c.docs {
		schemacheck.Check(t, schemacheck.RNG(t, grammar, set), set)
	}
}

// grammarOf names the grammar of a message. Those of RFC 6197 and RFC 6739
// include that of RFC 5222; the first of them changes the list by location.
func grammarOf(m lost.Message) string {
	switch m.(type) {
	case *lost.ListServicesByLocation, *lost.ListServicesByLocationResponse, *lost.GetServiceListBoundary,
		*lost.GetServiceListBoundaryResponse:
		return schemacheck.LoSTSLB
	}
	return schemacheck.LoSTSync
}

func anyMessageComesBackEqual(t *testing.T, c *corpus) {
	rapid.Check(t, func(t *rapid.T) {
		for _, m := range (gen{t}).messages() {
			doc, err := lost.Marshal(m)
			if err != nil {
				t.Fatalf("%T: %v\n%+v", m, err, m)
			}
			got, err := lost.Parse(doc)
			if err != nil {
				t.Fatalf("%v\n%s", err, doc)
			}
			if diff := cmp.Diff(m, got, cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("(-written +read)\n%s\n%s", diff, doc)
			}
			c.add(m.Root().Local, m, doc)
		}
	})
}

// Whatever a caller puts into a message, what comes out is valid or an error
// with the path of the element.
func anyValueIsValidOrRefused(t *testing.T, c *corpus) {
	nasty := []string{
		"", " ", "  two  spaces ", "<&>\"'", "\x00\xff\ufffe\t\r\n", "]]>", "é 🚒", "%zz", "-", "1", "a..b", "https://a.example/x",
		"single", "en_US", "x y", "sip:a b@c", "//no.scheme", ":", "a:b:c", "ftp://[::1", "http://h/%4", "http://h/#a#b", "{x}", "NO-CACHE", "+49 (0)",
	}
	refused, written := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		for _, m := range (gen{t}).messages() {
			var leaves []reflect.Value
			collect(reflect.ValueOf(m).Elem(), &leaves)
			for range rapid.IntRange(1, 3).Draw(t, "damages") {
				if len(leaves) == 0 {
					break
				}
				damage(t, leaves[rapid.IntRange(0, len(leaves)-1).Draw(t, "leaf")], nasty)
			}
			doc, err := lost.Marshal(m)
			if err != nil {
				var p *lost.ParseError
				if !errors.As(err, &p) || !strings.HasPrefix(p.Path, "/"+m.Root().Local) {
					t.Fatalf("an error without path: %v", err)
				}
				refused++
				continue
			}
			if _, err := lost.Parse(doc); err != nil {
				t.Fatalf("%v\n%s", err, doc)
			}
			written++
			c.add("damaged "+m.Root().Local, m, doc)
		}
	})
	if t.Logf("%d refused, %d written", refused, written); written == 0 || refused == 0 {
		t.Error("the damage is all too heavy or all too light")
	}
}

func damage(t *rapid.T, v reflect.Value, nasty []string) {
	switch v.Kind() {
	case reflect.String:
		// jing knows the letters of the fourth edition of XML 1.0 only, so that
		// it refuses some names that the fifth has.
		ascii := rapid.StringMatching(`[\x00-\x7f]{0,6}`)
		switch rapid.IntRange(0, 2).Draw(t, "how") {
		case 0:
			v.SetString(rapid.SampledFrom(nasty).Draw(t, "nasty"))
		case 1:
			v.SetString(ascii.Draw(t, "ascii"))
		default:
			v.SetString("<" + rapid.String().Draw(t, "string"))
		}
	case reflect.Float64:
		v.SetFloat(rapid.Float64().Draw(t, "float"))
	case reflect.Uint8:
		v.SetUint(uint64(rapid.Uint8().Draw(t, "uint8")))
	case reflect.Slice:
		v.SetZero()
	case reflect.Struct:
		v.Set(reflect.ValueOf(time.Unix(rapid.Int64().Draw(t, "seconds"), 5)))
	}
}

// collect finds what can be damaged: strings, numbers, times, and slices that
// can be emptied.
func collect(v reflect.Value, out *[]reflect.Value) {
	switch v.Kind() {
	case reflect.String, reflect.Float64, reflect.Uint8:
		*out = append(*out, v)
	case reflect.Slice:
		if v.Len() > 0 && v.CanSet() {
			*out = append(*out, v)
		}
		for i := range v.Len() {
			collect(v.Index(i), out)
		}
	case reflect.Pointer:
		if !v.IsNil() {
			collect(v.Elem(), out)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			*out = append(*out, v)
			return
		}
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				collect(v.Field(i), out)
			}
		}
	}
}
