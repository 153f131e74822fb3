package conformance_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// rule is a demand of a document (MUST, SHALL, or what its schema cannot say)
// that a reader or writer of the format can keep. What a document demands of
// servers, clients and SIP stacks is shown where those are.
type rule struct{ document, section, demand string }

// rules stand in the order of the sections of the digest of standards that
// issue 3 names: HELD, identity, dereference, measurements, PIDF-LO, geodetic
// shapes and uncertainty, SIP conveyance, LoST.
var rules = []rule{
	{"RFC 5985", "5", "messages are UTF-8 and say so"},
	{"RFC 5985", "5.1", "what is not understood is ignored, but for the document element"},
	{"RFC 5985", "5.2", "a success holds a PIDF-LO or location URIs"},
	{"RFC 5985", "5.3", "an error has a code"},
	{"RFC 5985", "6.1", "responseTime is a time in milliseconds, emergencyRouting or emergencyDispatch"},
	{"RFC 5985", "6.2", "no locationType means any"},
	{"RFC 5985", "6.2.1", "exact with any counts as not exact"},
	{"RFC 5985", "6.3", "the codes, each for its fault"},
	{"RFC 5985", "6.4", "a message says its language"},
	{"RFC 5985", "6.5.1", "location URIs of every scheme"},
	{"RFC 5985", "6.5.2", "expires is there, in UTC with T and Z"},
	{"RFC 5985", "7", "the set of URIs stands first"},
	{"RFC 5985", "8", "the media type"},
	{"RFC 6155", "3.1", "an address says its version"},
	{"RFC 6155", "3.2", "a hardware address in hexadecimal with hyphens"},
	{"RFC 6155", "3.4", "a NAI, other octets escaped"},
	{"RFC 6155", "3", "every identifier by its lexical rules"},
	{"RFC 6155", "5", "required identifiers are qualified names in scope"},
	{"RFC 6915", "3", "a flow has two addresses, two ports and a layer 4"},
	{"RFC 6753", "3.1", "an identity in a dereference is seen, so that it can be refused"},
	{"RFC 6753", "3.3", "a bare presence document is an answer"},
	{"RFC 7105", "4.1", "times belong to their measurements"},
	{"RFC 7105", "4.3", "a measurementRequest stands in locationUnknown alone"},
	{"RFC 7105", "5.1", "LLDP values are verbatim"},
	{"RFC 7105", "5.2", "a relay has its address; circuit and remote are verbatim"},
	{"RFC 7105", "5.3", "an SSID is octets, a BSSID is there"},
	{"RFC 7105", "5.4", "leading zeros of MCC and MNC stay"},
	{"RFC 3863", "4.1", "declaration, entity and default namespace"},
	{"RFC 3863", "4.1.2", "a tuple has an id that is unique"},
	{"RFC 3863", "4.2.2", "unknown elements are ignored"},
	{"RFC 4479", "5", "a device has a deviceID, before note and timestamp"},
	{"RFC 4119", "2.2.1", "location-info stands in every geopriv"},
	{"RFC 4119", "2.2.2", "usage-rules stand in every geopriv; no by default, a day by default"},
	{"RFC 5491", "3", "which location is read first; breaches are named"},
	{"RFC 5491", "5", "srsName as a URN, on the outermost element alone"},
	{"RFC 5491", "5.1", "metres and degrees"},
	{"RFC 5491", "5.2.2", "polygons closed, counter-clockwise, at one altitude, without crossing sides"},
	{"RFC 5139", "4", "the order of the schema, country in capitals"},
	{"RFC 6848", "2.1", "unknown civic elements are forwarded"},
	{"RFC 7459", "4.1", "confidence: a percentage or unknown, 95 without one, none for a point"},
	{"RFC 7459", "6.1", "reduction to a point, a circle, a sphere"},
	{"RFC 7459", "6.2", "scaling"},
	{"RFC 7459", "6.3", "matching to a region"},
	{"RFC 6442", "4.1", "no geo URI; one value or more; parameters kept; additions last"},
	{"RFC 6442", "4.2", "what is not yes is no; no stays no"},
	{"RFC 6442", "4.2.1", "Geolocation-Routing stands once"},
	{"RFC 6442", "4.4", "one code of three digits; an unknown one counts as its hundred"},
	{"RFC 6442", "4.6", "a reference has its option tag"},
	{"RFC 6442", "8.6", "the registered codes"},
	{"RFC 5222", "4", "names of servers are unique strings"},
	{"RFC 5222", "5.1", "source, sourceId and lastUpdated"},
	{"RFC 5222", "5.2", "expires"},
	{"RFC 5222", "5.3", "a display name has its language"},
	{"RFC 5222", "5.5", "a boundary by value"},
	{"RFC 5222", "5.6", "a boundary by reference, instead"},
	{"RFC 5222", "5.7", "the service number"},
	{"RFC 5222", "5.8", "URIs are absolute, one for a scheme"},
	{"RFC 5222", "6", "the path is copied verbatim"},
	{"RFC 5222", "7", "a location has an id, and locationUsed names it"},
	{"RFC 5222", "8.3.1", "one location for a profile, in order"},
	{"RFC 5222", "8.3.3", "recursive is false when it is not said"},
	{"RFC 5222", "8.4.2", "lists of qualified names"},
	{"RFC 5222", "9", "a boundary is asked for by its key"},
	{"RFC 5222", "12.1", "the rules of profiles"},
	{"RFC 5222", "12.2", "a point is no boundary"},
	{"RFC 5222", "13.1", "the errors, each once"},
	{"RFC 5222", "13.2", "the warnings"},
	{"RFC 5222", "16", "UTF-8 and UTF-16 are understood"},
}

var (
	testName  = regexp.MustCompile(`^func ((?:Test|Fuzz)\w+)\(`)
	asides    = regexp.MustCompile(`\([^)]*\)`)
	citations = regexp.MustCompile(`RFC (\d+)([^R]*)`)
	numbers   = regexp.MustCompile(`(\d+(?:\.\d+)*)(?: to (\d+(?:\.\d+)*))?`)
)

// cited reads what the tests in wire/ say that they prove: for "RFC 5985 6.2"
// the tests.
func cited(t *testing.T) map[string][]string {
	t.Helper()
	files, err := filepath.Glob("../*/*_test.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no tests: %v", err)
	}
	proofs := map[string][]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		claim := ""
		for line := range strings.Lines(string(text)) {
			_, says, begins := strings.Cut(line, "// Proves: ")
			name := testName.FindStringSubmatch(line)
			switch {
			case begins:
				claim = says
			case claim != "" && strings.HasPrefix(line, "//"):
				claim += " " + strings.TrimPrefix(line, "//")
			case name != nil:
				for _, key := range keys(claim) {
					proofs[key] = append(proofs[key], filepath.Base(filepath.Dir(file))+"."+name[1])
				}
				claim = ""
			default:
				claim = ""
			}
		}
	}
	return proofs
}

// keys takes "RFC 5222, sections 8.3.3 to 8.3.5; RFC 6155 section 5" apart.
// What is said of a section after a colon is no number of one.
func keys(claim string) []string {
	var list []string
	for _, c := range citations.FindAllStringSubmatch(asides.ReplaceAllString(claim, ""), -1) {
		_, sections, ok := strings.Cut(c[2], "section")
		if !ok {
			continue
		}
		sections, _, _ = strings.Cut(sections, ":")
		for _, n := range numbers.FindAllStringSubmatch(sections, -1) {
			list = append(list, "RFC "+c[1]+" "+n[1])
			last := strings.LastIndexByte(n[2], '.')
			if last < 0 {
				continue
			}
			from, _ := strconv.Atoi(n[1][strings.LastIndexByte(n[1], '.')+1:])
			to, _ := strconv.Atoi(n[2][last+1:])
			for i := from + 1; i <= to; i++ {
				list = append(list, fmt.Sprintf("RFC %s %s.%d", c[1], n[2][:last], i))
			}
		}
	}
	return list
}

// Every rule has a test that names its document and section. The log is the
// table of them.
//
// Proves: W-31
func TestEveryRuleHasATestThatNamesIt(t *testing.T) {
	proofs, table := cited(t), &strings.Builder{}
	for _, r := range rules {
		tests := proofs[r.document+" "+r.section]
		if len(tests) == 0 {
			t.Errorf("%s, section %s (%s) has no test that names it", r.document, r.section, r.demand)
		}
		slices.Sort(tests)
		fmt.Fprintf(table, "%-9s %-6s %s\n", r.document, r.section, r.demand)
		for _, name := range slices.Compact(tests) {
			fmt.Fprintf(table, "%17s%s\n", "", name)
		}
	}
	t.Logf("%d rules\n%s", len(rules), table)
}
