package lost_test

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

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

// Proves: RFC 5222, RFC 6197, RFC 6739: what is written is valid by the
// grammar and is read as an equal value
func TestAnyMessageIsWrittenValidAndReadEqual(t *testing.T) {
	c := newCorpus()
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
	validate(t, c.docs)
}

// Whatever a caller puts into a message, what comes out is valid or an error.
//
// Proves: RFC 5222, appendix A; RFC 6197, section 5; RFC 6739, section 7
func TestNoValueIsWrittenThatTheGrammarRefuses(t *testing.T) {
	nasty := []string{
		"", " ", "  two  spaces ", "<&>\"'", "\x00\xff\ufffe\t\r\n", "]]>", "é 🚒", "%zz", "-", "1", "a..b", "https://a.example/x",
		"single", "en_US", "x y", "sip:a b@c", "//no.scheme", ":", "a:b:c", "ftp://[::1", "http://h/%4", "http://h/#a#b", "{x}", "NO-CACHE", "+49 (0)",
	}
	c := newCorpus()
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
	t.Logf("%d refused, %d written", refused, written)
	validate(t, c.docs)
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
