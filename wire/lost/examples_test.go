package lost_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
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

// grammarOf names the grammar of a message.
func grammarOf(m lost.Message) string {
	switch m.(type) {
	case *lost.ListServicesByLocation, *lost.ListServicesByLocationResponse, *lost.GetServiceListBoundary,
		*lost.GetServiceListBoundaryResponse:
		return schemacheck.LoSTSLB
	case *lost.GetMappingsRequest, *lost.GetMappingsResponse, *lost.PushMappings, *lost.PushMappingsResponse, *lost.Errors:
		return schemacheck.LoSTSync
	}
	return schemacheck.LoST
}

// validate checks documents with their grammars, one run of jing for each.
func validate(t *testing.T, docs map[string]map[string][]byte) {
	t.Helper()
	for grammar, set := range docs {
		schemacheck.Check(t, schemacheck.RNG(t, grammar, set), set)
	}
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
//
// Proves: RFC 5222, RFC 6197, RFC 6739, NENA-STA-010.3, standards.md 23
func TestEveryPublishedDocumentComesBackEqual(t *testing.T) {
	docs := map[string]map[string][]byte{}
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
		g := grammarOf(m)
		if docs[g] == nil {
			docs[g] = map[string][]byte{}
		}
		docs[g][name] = out
		fmt.Fprintf(&table, "%-80s parsed, equal %v %s\n", name, diff == "", bad.why)
	}
	validate(t, docs)
	t.Logf("%d tolerated, %d refused\n%s", tolerated, refused, &table)
	if tolerated != 10 || refused != 3 {
		t.Errorf("%d documents are tolerated and %d refused; want 10 and 3", tolerated, refused)
	}
}
