package conformance_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/wire/calldata"
	"github.com/callbox911/callbox/wire/foreign"
	"github.com/callbox911/callbox/wire/held"
	"github.com/callbox911/callbox/wire/lost"
	"github.com/callbox911/callbox/wire/pidflo"
)

// door is an exported decoder with the root that it wants.
type door struct {
	name, root, space string
	read              func([]byte) error
}

func opens[T any](name, root, space string, read func([]byte) (T, error)) door {
	return door{name, root, space, func(b []byte) error { _, err := read(b); return err }}
}

// doors are all exported decoders of documents in wire/.
var doors = []door{
	opens("pidflo.Parse", "presence", spacePIDF, pidflo.Parse),
	opens("pidflo.ParseElement", "tuple", spacePIDF, pidflo.ParseElement),
	opens("pidflo.ParseGeopriv", "geopriv", pidflo.SpaceGeopriv, pidflo.ParseGeopriv),
	opens("pidflo.ParseCivic", "civicAddress", spaceCivic, pidflo.ParseCivic),
	opens("pidflo.ParseShape", "Polygon", spaceGML, pidflo.ParseShape),
	opens("held.ParseRequest", "locationRequest", spaceHELD, held.ParseRequest),
	opens("held.ParseReply", "locationResponse", spaceHELD, held.ParseReply),
	opens("held.ParseReply", "error", spaceHELD, heldError),
	opens("held.ParseDevice", "device", spaceID, held.ParseDevice),
	opens("held.ParseFlow", "flow", held.SpaceFlow, held.ParseFlow),
	opens("held.ParseMeasurements", "measurements", spaceLM, held.ParseMeasurements),
	opens("held.ParseMeasurementRequest", "measurementRequest", spaceLM, held.ParseMeasurementRequest),
	opens("lost.Parse", "findService", spaceLoST, lost.Parse),
	opens("lost.Parse", "findServiceResponse", spaceLoST, lost.Parse),
	opens("lost.Parse", "pushMappings", spaceSync, lost.Parse),
	opens("lost.ParseAs", "listServices", spaceLoST, func(b []byte) (*lost.ListServices, error) { return lost.ParseAs[*lost.ListServices](b, lost.Limits{}) }),
	opens("lost.ParseMapping", "mapping", spaceLoST, lost.ParseMapping),
	opens("lost.RequestLimits", "findService", spaceLoST, lost.RequestLimits().Parse),
	opens("lost.RequestLimits", "listServices", spaceLoST, lost.RequestLimits().Parse),
	opens("calldata.Parse", "provided-by", pidflo.SpaceGeopriv, calldata.Parse),
	opens("calldata.ParseProviderInfo", calldata.PurposeProviderInfo, calldata.SpaceProviderInfo, calldata.ParseProviderInfo),
	opens("calldata.ParseServiceInfo", calldata.PurposeServiceInfo, calldata.SpaceServiceInfo, calldata.ParseServiceInfo),
	opens("calldata.ParseDeviceInfo", calldata.PurposeDeviceInfo, calldata.SpaceDeviceInfo, calldata.ParseDeviceInfo),
	opens("calldata.ParseSubscriberInfo", calldata.PurposeSubscriberInfo, calldata.SpaceSubscriberInfo, calldata.ParseSubscriberInfo),
	opens("calldata.ParseComment", calldata.PurposeComment, calldata.SpaceComment, calldata.ParseComment),
	opens("calldata.ParseVCards", "vcards", calldata.SpaceVCard, calldata.ParseVCards),
	opens("foreign.Parse", "x", "urn:x", func(b []byte) (foreign.Element, error) { return foreign.Parse(string(b)) }),
}

// bombs are documents with the root of a decoder that are made to cost much.
// Those that fit into the limit of bytes are there for the other limits. An
// answer of LoST may have as many elements as the boundary of a county takes.
func bombs(d door) map[string]string {
	many, root, space, elements := strings.Repeat, d.root, d.space, 10_000
	if strings.HasPrefix(d.name, "lost.Parse") {
		elements = 40_000
	}
	open := "<" + root + ` xmlns="` + space + `"`
	doc := func(inside string) string { return open + ">" + inside + "</" + root + ">" }
	laughs := `<!DOCTYPE l [<!ENTITY l0 "lol">`
	for i := range 9 {
		laughs += fmt.Sprintf(`<!ENTITY l%d "%s">`, i+1, many(fmt.Sprintf("&l%d;", i), 10))
	}
	return map[string]string{
		"a billion laughs":                  laughs + "]>" + doc("&l9;"),
		"a billion laughs, not declared":    doc(many("&l9;", 8<<10)),
		"an external entity":                `<!DOCTYPE x SYSTEM "file:///etc/passwd">` + doc(""),
		"an external entity, used":          `<!DOCTYPE x [<!ENTITY e SYSTEM "http://192.0.2.1/">]>` + doc("&e;"),
		"nesting 100 deep":                  doc(many("<a>", 100) + many("</a>", 100)),
		"nesting 5,000 deep":                doc(many("<a>", 5000) + many("</a>", 5000)),
		"nesting 100,000 deep, not closed":  open + ">" + many("<a>", 100_000),
		"an attribute of 20 kB":             open + ` id="` + many("a", 20<<10) + `"></` + root + ">",
		"an attribute of a megabyte":        open + ` id="` + many("a", 1<<20) + `"></` + root + ">",
		"an attribute of a megabyte inside": doc(`<a b="` + many("a", 1<<20) + `"/>`),
		"100 attributes":                    doc("<a" + manyNamed(100, ` a%d=""`) + "/>"),
		"100 namespaces":                    doc("<a" + manyNamed(100, ` xmlns:a%d="u"`) + "/>"),
		"very many elements":                doc(many("<a/>", elements)),
		"very many elements of ours":        doc(many("<"+root+"/>", elements)),
		"a megabyte of text":                doc(many("x", 1<<20)),
		"ten megabytes of white space":      doc(many(" ", 10<<20)),
		"octets that are not UTF-8":         doc("\xff\xfe"),
		"UTF-16":                            "\xff\xfe<\x00a\x00/\x00>\x00",
	}
}

func manyNamed(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// atOnce is what the race detector needs on a busy machine. Without it the
// slowest takes about 5 ms, as the log says; what costs its square would take
// seconds. The best of several times is taken, because other work of the
// machine is no fault of a decoder.
const atOnce = 500 * time.Millisecond

// Every decoder refuses every attack, and does so at once.
//
// Proves: E13, E14, W-31
func TestEveryDecoderRefusesAttacksAtOnce(t *testing.T) {
	slowest, by := time.Duration(0), ""
	for _, d := range doors {
		for name, doc := range bombs(d) {
			var took []time.Duration
			b := []byte(doc)
			for range 5 {
				start := time.Now()
				err := d.read(b)
				took = append(took, time.Since(start))
				if err == nil {
					t.Errorf("%s took %s", d.name, name)
				} else if len(err.Error()) > 512 {
					t.Errorf("%s: %s: an error of %d bytes", d.name, name, len(err.Error()))
				}
				if took[len(took)-1] < atOnce {
					break
				}
			}
			best := slices.Min(took)
			if best > slowest {
				slowest, by = best, d.name+": "+name
			}
			if best > atOnce {
				t.Errorf("%s: %s took %v", d.name, name, took)
			}
		}
	}
	t.Logf("%d decoders; the slowest was refused after %v (%s)", len(doors), slowest, by)
}

// Beside attacks, every decoder tells what is wrong with the wrong document and
// with one that is cut off.
//
// Proves: E13
func TestEveryDecoderRefusesWhatIsNotItsOwn(t *testing.T) {
	for _, d := range doors {
		for name, doc := range map[string]string{
			"nothing":           "",
			"no XML":            `{"a": 1}`,
			"another namespace": "<" + d.root + ` xmlns="urn:somebody:else"/>`,
			"another root":      `<another xmlns="` + d.space + `"/>`,
			"a document cut":    "<" + d.root + ` xmlns="` + d.space + `"><a`,
			"two documents":     "<" + d.root + ` xmlns="` + d.space + `"/><a/>`,
		} {
			if d.name == "foreign.Parse" && strings.HasPrefix(name, "another") {
				continue // it takes every element
			}
			if d.name == "calldata.Parse" && strings.HasPrefix(name, "another") {
				continue // it reads the children, whatever they stand in
			}
			if err := d.read([]byte(doc)); err == nil {
				t.Errorf("%s takes %s", d.name, name)
			}
		}
	}
}
