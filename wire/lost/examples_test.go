package lost_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/wire/internal/schemacheck"
	"github.com/callbox911/callbox/wire/lost"
)

// notValid lists the published documents that their grammar refuses: why, and
// what this package makes of them.
var notValid = map[string]struct {
	refused bool
	why     string
}{
	"rfc5222/10-ex.xml": {false, "the prefix p2 is bound to nothing; it stands for GML (standards.md 23)"},
	"rfc5964/01-ex.xml": {false, "a mapping alone is no document of the grammar: ParseMapping"},
	"rfc5964/02-ex.xml": {false, "a mapping alone is no document of the grammar: ParseMapping"},
	"rfc6739/01-ex.xml": {false, "a mapping alone, and dots for coordinates: the boundary is kept as it is, with Err"},
	"rfc6739/02-ex.xml": {false, "a mapping alone is no document of the grammar: ParseMapping"},
	"rfc6739/03-ex.xml": {false, "a mapping alone is no document of the grammar: ParseMapping"},

	"HTTP_LoST/findServiceResponse_malformed.xml":             {true, "no < before the first names"},
	"HTTP_LoST/findServiceResponse_malformed_xml_body.xml":    {true, "the XML declaration does not end"},
	"HTTP_LoST/findService_geodetic_point_asOf.xml":           {false, "asOf of the planned-changes draft in the namespace of LoST"},
	"HTTP_LoST/findService_geodetic_point_incorrect_asOf.xml": {false, "asOf in the namespace of LoST; its hour 32 is for the server to refuse"},
	"HTTP_LoST/listServices_urn-emergency-service-sos.xml":    {false, "listServices has no attribute recursive; it is ignored"},
	"HTTP_LoST/listServices_urn-service-sos.xml":              {false, "listServices has no attribute recursive; it is ignored"},
}

var publishedPatterns = []string{
	"schemas/examples/rfc5222/*.xml", "schemas/examples/rfc5964/*.xml", "schemas/examples/rfc6197/*.xml",
	"schemas/examples/rfc6739/*.xml", "schemas/examples/synthetic/lost-*.xml", "schemas/i3/messages/HTTP_LoST/*.xml",
	"interop/kamailio-lost/replies/lost_*.xml",
}

// published returns the documents of LoST that others published, by the last
// two parts of their path.
func published(t testing.TB) map[string][]byte {
	t.Helper()
	shared := schemacheck.Shared(t)
	docs := map[string][]byte{}
	for _, pattern := range publishedPatterns {
		files, err := filepath.Glob(filepath.Join(shared, pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("nothing matches %s: %v", pattern, err)
		}
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			docs[filepath.Base(filepath.Dir(f))+"/"+filepath.Base(f)] = b
		}
	}
	return docs
}

// readAny reads a message, or a mapping alone as a message that holds it.
func readAny(b []byte) (lost.Message, error) {
	if !bytes.Contains(b[:min(len(b), 60)], []byte("<mapping")) {
		return lost.Parse(b)
	}
	m, err := lost.ParseMapping(b)
	return &lost.PushMappings{Mappings: []lost.Mapping{m}}, err
}

// Every published document is read, written again as one that its grammar
// accepts, and read again as an equal value; those that are not valid are
// tolerated or refused for a reason.
func publishedComeBackEqual(t *testing.T, c *corpus) {
	var table strings.Builder
	tolerated, refused := 0, 0
	for name, b := range published(t) {
		bad, isBad := notValid[name]
		notXML := name == "replies/lost_notxml.xml"
		m, err := readAny(b)
		if err != nil {
			if refused++; !bad.refused && !notXML {
				t.Errorf("%s: %v", name, err)
			}
			fmt.Fprintf(&table, "%-80s refused: %v\n", name, err)
			continue
		}
		if bad.refused || notXML {
			t.Errorf("%s is read, although %s", name, bad.why)
		}
		if isBad {
			tolerated++
		}
		if err := unusable(reflect.ValueOf(m)); err != nil && name != "rfc6739/01-ex.xml" {
			t.Errorf("%s has a place that cannot be used: %v", name, err)
		}
		out, err := lost.Marshal(m)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		again, err := lost.Parse(out)
		if err != nil {
			t.Errorf("%s: what was written is not read: %v\n%s", name, err, out)
			continue
		}
		diff := cmp.Diff(m, again, ignoreErr)
		if diff != "" {
			t.Errorf("%s: (-read +written and read)\n%s\n%s", name, diff, out)
		}
		c.add(name, m, out)
		fmt.Fprintf(&table, "%-80s parsed, equal %v %s\n", name, diff == "", bad.why)
	}
	t.Logf("%d tolerated, %d refused\n%s", tolerated, refused, &table)
	if tolerated != 10 || refused != 3 {
		t.Errorf("%d documents are tolerated and %d refused; want 10 and 3", tolerated, refused)
	}
}

// unusable returns the first Err of a location or boundary in v.
func unusable(v reflect.Value) error {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			return unusable(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			if err := unusable(v.Index(i)); err != nil {
				return err
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); !f.IsExported() {
				continue
			} else if f.Name == "Err" && !v.Field(i).IsNil() {
				return v.Field(i).Interface().(error)
			}
			if err := unusable(v.Field(i)); err != nil {
				return err
			}
		}
	}
	return nil
}
