package world_test

import (
	"strings"
	"testing"

	"github.com/callbox911/callbox/internal/admin/world"
	"github.com/callbox911/callbox/internal/e911"
)

// refusal is the example with one thing wrong.
type refusal struct {
	name     string
	old, bad string // replaced in the example
	path     string
	code     string
	line     string // the line that the fault names holds this; "" is the line of bad
	msg      string // the message or the fix holds this
}

const (
	dockKey  = "key: dock-phone"
	carrierA = "to: \"sip:psap@127.0.0.21:5071"
	pbxSide  = "key: pbx, side: platform"
	site0    = "organisations[0].sites[0]"
	mill1    = site0 + ".buildings[0]"
	f1       = mill1 + ".locations[0]"
)

// Proves: F-06, F-10, F-19, F-20, F-21, F-23, F-37, D-07, W-16, E12
func TestRefusals(t *testing.T) {
	b := newBench(t) // a refused file leaves nothing, so one store serves all
	for _, group := range [][]refusal{fileRefusals, worldRefusals, orgRefusals, siteRefusals, placeRefusals, networkRefusals, peopleRefusals, alertRefusals} {
		for _, r := range group {
			t.Run(r.name, func(t *testing.T) { r.run(t, &bench{t, b.st, b.im}) })
		}
	}
}

func (r refusal) run(t *testing.T, b *bench) {
	text := edit(t, harbor(), r.old, r.bad)
	_, err := b.run(text, world.Options{})
	if e911.KindOf(err) != e911.Invalid || err == nil {
		t.Fatalf("error = %v, want kind invalid", err)
	}
	f := faultAt(err, r.path)
	if f == nil {
		t.Fatalf("no fault at %s; there are:\n%v", r.path, err)
	}
	if f.Code != r.code {
		t.Errorf("code = %s, want %s: %s", f.Code, r.code, f)
	}
	if f.File != "world.yaml" || f.Msg == "" || f.Fix == "" || f.Col < 1 {
		t.Errorf("a fault has file, column, message and fix: %+v", f)
	}
	lines := strings.Split(text, "\n")
	if f.Row < 1 || f.Row > len(lines) {
		t.Fatalf("line %d of %d", f.Row, len(lines))
	}
	want := r.line
	if want == "" {
		want = strings.TrimSpace(strings.Split(r.bad, "\n")[0])
	}
	if got := lines[f.Row-1]; !strings.Contains(got, want) {
		t.Errorf("line %d is %q, want one with %q", f.Row, got, want)
	}
	if !strings.Contains(f.Msg+" "+f.Fix, r.msg) {
		t.Errorf("%q (%q) does not say %q", f.Msg, f.Fix, r.msg)
	}
	if lines := b.stored(); len(lines) != 0 {
		t.Errorf("the refused file left %v", lines)
	}
}

var fileRefusals = []refusal{
	{"a key that nothing reads, with the one that was meant", "did_fallback:", "did_fallbak:", "organisations[0].did_fallbak", "unknown_key", "", `did you mean "did_fallback"?`},
	{"a key that nothing reads at the top", "\nworld:", "\nwrld:", "wrld", "unknown_key", "wrld:", `did you mean "world"?`},
	{"a key in another case", "HNO: \"795\"", "hno: \"795\"", mill1 + ".address.hno", "unknown_key", "", `did you mean "HNO"?`},
	{"a key that is no civic field", "FLR: \"1\"", "STOREY: \"1\"", f1 + ".STOREY", "unknown_key", "", "remove it"},
	{"a key twice", "    name: Harbor Foods\n", "    name: Harbor Foods\n    name: Harbor\n", "organisations[0].name", "duplicate", "name: Harbor", "first in line"},
	{"a list where an object belongs", "boundary: {us_county: \"25017\"}", "boundary: [us_county]", "world.psaps[0].boundary", "type", "", "object"},
	{"an object where a list belongs", "from: [127.0.0.11/32]", "from: {a: 127.0.0.11/32}", "organisations[0].trunks[0].from", "type", "", "list"},
	{"a list where a text belongs", "name: Harbor Foods", "name: [Harbor, Foods]", "organisations[0].name", "type", "", "single value"},
	{"neither true nor false", "demonstration: true", "demonstration: yes please", "organisations[0].demonstration", "type", "", "true or false"},
	{"no number", "digits: 1", "digits: one", "organisations[0].bssid_masking[0].digits", "type", "", "digits"},
	{"a broken line", "    name: Harbor Foods", "   name: Harbor Foods", "", "yaml", "organisations:", "no YAML"},
	{"an anchor", "name: Harbor Foods", "name: &n Harbor Foods", "organisations[0].name", "yaml", "", "anchors"},
	{"a tag", "name: Harbor Foods", "name: !!binary SGFyYm9y", "organisations[0].name", "yaml", "", "tag"},
	{"a second document", "organisations:\n", "---\norganisations:\n", "", "yaml", "---", "one document"},
	{"a merge key", "    name: Harbor Foods", "    <<: {name: Harbor Foods}", "organisations[0]", "yaml", "<<:", "plain word"},
}

var worldRefusals = []refusal{
	{"a header profile that nobody knows", "profile: carrier", "profile: fancy", "world.trunks[0].profile", "syntax", "", "carrier"},
	{"no header profile", "profile: carrier, to: \"sip:psap@127.0.0.21", "to: \"sip:psap@127.0.0.21", "world.trunks[0].profile", "required", "key: carrier-a", "carrier"},
	{"a carrier that is an ESInet", "kind: provider", "kind: esinet", "world.trunks[0].kind", "forbidden", "", "provider"},
	{"a local trunk of nobody", "side: carrier", "side: local", "world.trunks[0].side", "forbidden", "", "organisation"},
	{"a side that nobody knows", "side: carrier", "side: left", "world.trunks[0].side", "syntax", "", "platform"},
	{"a trunk without disaster ranges", "from: [127.0.0.21/32], dr_from: []}", "from: [127.0.0.21/32]}", "world.trunks[0].dr_from", "required", "key: carrier-a", "[]"},
	{"disaster ranges without a value", "from: [127.0.0.21/32], dr_from: []}", "from: [127.0.0.21/32], dr_from: }", "world.trunks[0].dr_from", "required", "key: carrier-a", "[]"},
	{"a trunk without sources", "from: [127.0.0.21/32]", "from: []", "world.trunks[0].from", "required", "", "192.0.2.10"},
	{"a source that is no range", "from: [127.0.0.21/32]", "from: [carrier.example]", "world.trunks[0].from[0]", "syntax", "", "203.0.113.0/24"},
	{"a source with bits beyond its length", "from: [127.0.0.21/32]", "from: [127.0.0.21/24]", "world.trunks[0].from[0]", "syntax", "", "127.0.0.0/24"},
	{"a source that is everybody", "from: [127.0.0.21/32]", "from: [0.0.0.0/0]", "world.trunks[0].from[0]", "range", "", "wider"},
	{"the sources of another trunk", "from: [127.0.0.22/32]", "from: [127.0.0.20/30]", "world.trunks[1].from[0]", "duplicate", "", "carrier-a"},
	{"the same source twice", "from: [127.0.0.21/32]", "from: [127.0.0.21/32, 127.0.0.21/32]", "world.trunks[0].from[1]", "duplicate", "", "overlaps"},
	{"a disaster range that is in use every day", "from: [127.0.0.21/32], dr_from: []", "from: [127.0.0.21/32], dr_from: [127.0.0.21/32]", "world.trunks[0].dr_from[0]", "duplicate", "", "usual"},
	{"a demonstration by a name, which may lead anywhere", "sip:psap@127.0.0.21:5071", "sip:psap@carrier.example:5071", "world.psaps[0].routes[0].trunk", "forbidden", "routes: [{trunk: carrier-a}", "leaves this machine"},
	{"a destination with half a name", "sip:psap@127.0.0.21:5071", "sip:psap@carrier:5071", "world.trunks[0].to", "syntax", "", "whole name"},
	{"a demonstration with a target elsewhere", carrierA, "targets: [{uri: \"sip:198.51.100.7\"}], " + carrierA, "world.psaps[0].routes[0].trunk", "forbidden", "routes: [{trunk: carrier-a}", "leaves this machine"},
	{"a target that is no URI", carrierA, "targets: [{uri: carrier.example}], " + carrierA, "world.trunks[0].targets[0].uri", "syntax", "", "sip:"},
	{"a target twice", carrierA, "targets: [{uri: \"sip:127.0.0.9\"}, {uri: \"sip:127.0.0.9\"}], " + carrierA, "world.trunks[0].targets[1].uri", "duplicate", "", "already"},
	{"a weight below nothing", carrierA, "targets: [{uri: \"sip:127.0.0.9\", weight: -1}], " + carrierA, "world.trunks[0].targets[0].weight", "range", "", "65535"},
	{"a registration without credentials", carrierA, "register: {registrar: \"sip:127.0.0.9\", aor: \"sip:us@127.0.0.9\"}, " + carrierA, "world.trunks[0].digest.user", "required", "key: carrier-a", "digest"},
	{"a registration for a minute too few", carrierA, "digest: {user: us, secrets: [x]}, register: {registrar: \"sip:127.0.0.9\", aor: \"sip:us@127.0.0.9\", expires: 5s}, " + carrierA, "world.trunks[0].register.expires", "range", "", "10m"},
	{"a duration that is none", carrierA, "probe: {every: often}, " + carrierA, "world.trunks[0].probe.every", "syntax", "", "30s"},
	{"a probe every millisecond", carrierA, "probe: {every: 1ms}, " + carrierA, "world.trunks[0].probe.every", "range", "", "30s"},
	{"two secrets to show", carrierA, "digest: {user: us, secrets: [x, y]}, " + carrierA, "world.trunks[0].digest.secrets", "required", "", "one"},
	{"more room for emergency calls than there is", carrierA, "capacity: 3, reserved: 4, " + carrierA, "world.trunks[0].reserved", "range", "", "capacity"},
	{"a mark that nobody knows", carrierA, "marks: [best], " + carrierA, "world.trunks[0].marks[0]", "syntax", "", "test_urn"},
	{"a platform's mark on a carrier", carrierA, "marks: [many_orgs], " + carrierA, "world.trunks[0].marks[0]", "forbidden", "", "platform"},
	{"a platform's certificate that is none", pbxSide, pbxSide + ", certificates: [\"*.example\"]", "organisations[0].trunks[0].certificates[0]", "syntax", "", "sha256:"},
	{"a user without a secret", pbxSide, pbxSide + ", admit: {user: pbx}", "organisations[0].trunks[0].admit.secrets", "required", "", "secret"},
	{"an inbound profile that nobody knows", pbxSide, pbxSide + ", inbound: skype", "organisations[0].trunks[0].inbound", "syntax", "", "webex"},
	{"targets of a platform", pbxSide, pbxSide + ", targets: [{uri: \"sip:127.0.0.9\"}]", "organisations[0].trunks[0].targets", "forbidden", "", "remove"},
	{"the certificate of another trunk", "  psaps:", "    - {key: twin, side: carrier, kind: provider, profile: carrier, to: \"sip:psap@127.0.0.24:5071\", from: [127.0.0.24/32], dr_from: [], certificates: [sbc.example]}\n    - {key: twin2, side: carrier, kind: provider, profile: carrier, to: \"sip:psap@127.0.0.25:5071\", from: [127.0.0.25/32], dr_from: [], certificates: [SBC.example]}\n  psaps:", "world.trunks[3].certificates[0]", "duplicate", "key: twin,", "twin2"},
	{"a destination without a user", "sip:psap@127.0.0.21:5071", "sip:127.0.0.21:5071", "world.trunks[0].to", "syntax", "", "user"},
	{"no destination", "to: \"sip:psap@127.0.0.21:5071;transport=tcp\", ", "", "world.trunks[0].to", "required", "key: carrier-a", "sip:psap@"},
	{"a carrier that is not on this machine", "sip:psap@127.0.0.21:5071", "sip:psap@198.51.100.7:5071", "world.psaps[0].routes[0].trunk", "forbidden", "routes: [{trunk: carrier-a}", "leaves this machine"},
	{"a relay centre that is not on this machine", "sip:ecrc@127.0.0.23:5071", "sip:ecrc@198.51.100.9:5071", "world.relay.routes[0].trunk", "forbidden", "routes: [{trunk: ecrc-a}]", "leaves this machine"},
	{"a county that does not exist", "us_county: \"25017\"", "us_county: \"99999\"", "world.psaps[0].boundary.us_county", "unknown", "", "no county"},
	{"a county that is no code", "us_county: \"25017\"", "us_county: Middlesex", "world.psaps[0].boundary.us_county", "unknown", "", "five digits"},
	{"a PSAP without a boundary", "boundary: {us_county: \"25017\"}", "boundary: {}", "world.psaps[0].boundary.us_county", "required", "", "county"},
	{"two PSAPs for one county", "us_county: \"25025\"", "us_county: \"25017\"", "world.psaps[1].boundary.us_county", "duplicate", "", "psap-middlesex"},
	{"a route by no trunk", "routes: [{trunk: carrier-a}", "routes: [{trunk: carier-a}", "world.psaps[0].routes[0].trunk", "unknown", "", `did you mean "carrier-a"?`},
	{"a route by an organisation's trunk", "routes: [{trunk: carrier-a}", "routes: [{trunk: pbx}", "world.psaps[0].routes[0].trunk", "unknown", "", "pbx"},
	{"a route by the relay's trunk", "routes: [{trunk: carrier-a}", "routes: [{trunk: ecrc-a}", "world.psaps[0].routes[0].trunk", "forbidden", "", "relay"},
	{"the same route twice", "routes: [{trunk: carrier-a}, {trunk: carrier-b}]", "routes: [{trunk: carrier-a}, {trunk: carrier-a}]", "world.psaps[0].routes[1].trunk", "duplicate", "", "twice"},
	{"no route", "routes: [{trunk: carrier-a}, {trunk: carrier-b}]", "routes: []", "world.psaps[0].routes", "required", "", "trunk"},
	{"a toll-free line of a PSAP", "line: \"+16175550160\"", "line: \"+18005550160\"", "world.psaps[0].line", "forbidden", "", "call this number back"},
	{"no relay centre", "  relay:\n    key: ecrc\n    name: Relay centre (demonstration)\n    line: \"+16175550180\"\n    routes: [{trunk: ecrc-a}]\n", "", "world.relay", "required", "models:", "relay:"},
	{"a boundary of the relay centre", "routes: [{trunk: ecrc-a}]", "boundary: {us_county: \"25017\"}", "world.relay.boundary", "unknown_key", "", ""},
	{"a firmware rule for no version", "{key: desk-phone, held: false}", "{key: desk-phone, firmware: [{capability: held}]}", "world.models[1].firmware[0].from", "required", "", "held"},
	{"a firmware rule that ends before it begins", "{key: desk-phone, held: false}", "{key: desk-phone, firmware: [{from: 12.0.1, to: 11.2.10, capability: held}]}", "world.models[1].firmware[0].to", "range", "", "swap"},
	{"a capability that is none", "{key: desk-phone, held: false}", "{key: desk-phone, firmware: [{from: 12.0.1, capability: maybe}]}", "world.models[1].firmware[0].capability", "syntax", "", "held+"},
	{"a model with an empty name", "{key: desk-phone, held: false}", "{key: desk-phone, names: [\"\"]}", "world.models[1].names[0]", "required", "", "person"},
	{"two models of one key", "key: desk-phone", "key: demo-phone", "world.models[1].key", "duplicate", "", "line"},
	{"a key with a space", "key: carrier-a", "key: carrier a", "world.trunks[0].key", "syntax", "", "spaces"},
}

var orgRefusals = []refusal{
	{"an organisation without a key", "  - key: harbor\n    name", "  - name", "organisations[0].key", "required", "", "short name"},
	{"a secret without a company id", "      company_id: 7c0e5b1d9a4f4e0f8d2b6a3c51e7f094\n", "", "organisations[0].held.company_id", "required", "secrets:", "company id"},
	{"a company id that no web address can hold", "company_id: 7c0e5b1d9a4f4e0f8d2b6a3c51e7f094", "company_id: 7c/0e", "organisations[0].held.company_id", "syntax", "", "web address"},
	{"an empty secret", "secrets: [\"demonstration-only-3f9a61c2\"]", "secrets: [\"\"]", "organisations[0].held.secrets[0]", "required", "", "openssl"},
	{"a public range that is everybody's", "public_ranges: [203.0.113.0/24]", "public_ranges: [\"::/0\"]", "organisations[0].public_ranges[0]", "range", "", "wider"},
	{"a platform that is not on this machine", "from: [127.0.0.11/32]", "from: [198.51.100.11/32]", "organisations[0].trunks[0].from[0]", "forbidden", "", "loopback"},
	{"a disaster range that is not on this machine", "dr_from: [127.0.0.12/32]", "dr_from: [198.51.100.12/32]", "organisations[0].trunks[0].dr_from[0]", "forbidden", "", "loopback"},
	{"a platform's trunk with a destination", "side: platform,", "side: platform, to: \"sip:a@127.0.0.1\",", "organisations[0].trunks[0].to", "forbidden", "", "remove"},
	{"a carrier of one organisation", "side: platform,", "side: carrier,", "organisations[0].trunks[0].side", "forbidden", "", "world.trunks"},
	{"a platform in the world part", "{key: carrier-a, side: carrier,", "{key: carrier-a, side: platform,", "world.trunks[0].side", "forbidden", "", "organisation"},
	{"From as the identity header", "identity_header: E911-User-ID", "identity_header: From", "organisations[0].trunks[0].identity_header", "forbidden", "", "SIP"},
	{"an identity header that is none", "identity_header: E911-User-ID", "identity_header: \"E911: x\"", "organisations[0].trunks[0].identity_header", "syntax", "", "dashes"},
	{"a mask of no vendor", "oui: \"00:11:22\"", "oui: \"00:11\"", "organisations[0].bssid_masking[0].oui", "syntax", "", "00:11:22"},
	{"a mask of too many digits", "digits: 1", "digits: 6", "organisations[0].bssid_masking[0].digits", "range", "", "1 to 3"},
	{"a demonstration layer decides elsewhere", "demonstration: true", "demonstration: false", site0 + ".stage", "forbidden", "stage: \"911\"", "demonstration"},
}

var siteRefusals = []refusal{
	{"a zone that is none", "zone: America/New_York", "zone: Eastern", site0 + ".zone", "unknown", "", "America/New_York"},
	{"a zone that means this machine's", "zone: America/New_York", "zone: Local", site0 + ".zone", "unknown", "", "America/New_York"},
	{"a zone that is a path", "zone: America/New_York", "zone: ../../etc/passwd", site0 + ".zone", "unknown", "", "America/New_York"},
	{"no zone", "        zone: America/New_York\n        mode", "        mode", site0 + ".zone", "required", "key: hq", "America/New_York"},
	{"a mode that is none", "mode: dynamic", "mode: static", site0 + ".mode", "syntax", "", "tn"},
	{"TN mode with devices that move", "mode: dynamic", "mode: tn", site0 + ".mode", "forbidden", "", "sep001122aabb"},
	{"a stage that is none", "stage: \"911\"", "stage: \"912\"", site0 + ".stage", "syntax", "", "933"},
	{"a toll-free callback number", "ecbn: \"+16175550100\"", "ecbn: \"+18775550100\"", site0 + ".ecbn", "forbidden", "", "call this number back"},
	{"a premium callback number", "ecbn: \"+16175550100\"", "ecbn: \"+19005550100\"", site0 + ".ecbn", "forbidden", "", "call this number back"},
	{"a foreign callback number", "ecbn: \"+16175550100\"", "ecbn: \"+442079460100\"", site0 + ".ecbn", "forbidden", "", "call this number back"},
	{"a callback number that is 911", "ecbn: \"+16175550100\"", "ecbn: \"911\"", site0 + ".ecbn", "reserved", "", "dialled for help"},
	{"a callback number with an outside digit", "ecbn: \"+16175550100\"", "ecbn: \"9911\"", site0 + ".ecbn", "reserved", "", "dialled for help"},
	{"a callback number that is none", "ecbn: \"+16175550100\"", "ecbn: \"front desk\"", site0 + ".ecbn", "syntax", "", "+16175550100"},
	{"two sites of one key", "- key: boston", "- key: hq", "organisations[0].sites[1].key", "duplicate", "", "line"},
}

var placeRefusals = []refusal{
	{"an address without a country", "{country: US, A1: MA, A2: Middlesex County", "{A1: MA, A2: Middlesex County", mill1 + ".address.country", "required", "", "US"},
	{"a country in small letters", "country: US", "country: us", mill1 + ".address.country", "required", "", "capital"},
	{"a state by its name", "A1: MA", "A1: Massachusetts", mill1 + ".address.A1", "syntax", "", "A1: MA"},
	{"a state that is none", "A1: MA", "A1: XX", mill1 + ".address.A1", "unknown", "", "state"},
	{"a province in the United States", "A1: MA", "A1: ON", mill1 + ".address.A1", "unknown", "", "state"},
	{"a county that is a code", "A2: Middlesex County", "A2: \"25017\"", mill1 + ".address.A2", "syntax", "", "county"},
	{"no city", "A3: Cambridge, ", "", mill1 + ".address.A3", "required", "A2: Middlesex County, HNO", "city"},
	{"a city that is a number", "A3: Cambridge", "A3: \"02139\"", mill1 + ".address.A3", "syntax", "", "city"},
	{"no street", "RD: Massachusetts, ", "", mill1 + ".address.RD", "required", "HNO: \"795\", STS", "street"},
	{"no house number", "HNO: \"795\", ", "", mill1 + ".address.HNO", "required", "A3: Cambridge, RD", "house number"},
	{"no postal code", "PC: \"02139\", ", "", mill1 + ".address.PC", "required", "STS: Avenue, point", "postal code"},
	{"a ZIP code that lost its zero", "PC: \"02139\"", "PC: \"2139\"", mill1 + ".address.PC", "syntax", "", "five digits"},
	{"a post office box", "STS: Avenue", "POBOX: \"12\", STS: Avenue", mill1 + ".address.POBOX", "forbidden", "", "POBOX"},
	{"a floor of a building", "STS: Avenue", "FLR: \"2\", STS: Avenue", mill1 + ".address.FLR", "forbidden", "", "location"},
	{"a building without a name", "            name: Mill 1\n", "", mill1 + ".name", "required", "key: mill-1", "person"},
	{"swapped coordinates", "point: [42.36684, -71.10565]", "point: [-71.10565, 42.36684]", mill1 + ".address.point", "range", "", "swapped"},
	{"the sea off Africa", "point: [42.36684, -71.10565]", "point: [0, 0]", mill1 + ".address.point", "range", "", "Africa"},
	{"a point in another country", "point: [42.36684, -71.10565]", "point: [48.85, 2.35]", mill1 + ".address.point", "range", "", "country"},
	{"a point of one number", "point: [42.36684, -71.10565]", "point: [42.36684]", mill1 + ".address.point", "syntax", "", "latitude first"},
	{"a point that is none", "point: [42.36684, -71.10565]", "point: [north, west]", mill1 + ".address.point[0]", "syntax", "", "latitude first"},
	{"a street in a location", "FLR: \"1\"", "RD: Main", f1 + ".RD", "forbidden", "", "building"},
	{"a text with a space at the end", "name: Mill 1", "name: \"Mill 1 \"", mill1 + ".name", "syntax", "", "space"},
	{"a text with a line break", "LOC: Reception and security desk", "LOC: \"Reception\\nBCC: x\"", f1 + ".LOC", "syntax", "", "line"},
	{"two locations of one key", "key: mill-1-f2-210", "key: mill-1-f1", mill1 + ".locations[1].key", "duplicate", "", "line"},
}

var networkRefusals = []refusal{
	{"a multicast BSSID", "bssid: \"00:11:22:33:44:10\"", "bssid: \"01:11:22:33:44:10\"", f1 + ".network[0].bssid", "ambiguous", "", "multicast"},
	{"a locally administered BSSID", "bssid: \"00:11:22:33:44:10\"", "bssid: \"02:11:22:33:44:10\"", f1 + ".network[0].bssid", "ambiguous", "", "locally administered"},
	{"a virtual router as BSSID", "bssid: \"00:11:22:33:44:10\"", "bssid: \"00:00:5e:00:01:10\"", f1 + ".network[0].bssid", "ambiguous", "", "virtual router"},
	{"no BSSID", "bssid: \"00:11:22:33:44:10\"", "bssid: \"00:11:22:33:44\"", f1 + ".network[0].bssid", "syntax", "", "00:11:22:33:44:55"},
	{"two kinds in one element", "{bssid: \"00:11:22:33:44:10\"}", "{bssid: \"00:11:22:33:44:10\", ip: 127.0.9.0/24}", f1 + ".network[0]", "required", "", "one of"},
	{"no kind in an element", "{bssid: \"00:11:22:33:44:10\"}", "{}", f1 + ".network[0]", "required", "", "one of"},
	{"one access point on two locations", "bssid: \"00:11:22:33:44:60\"", "bssid: \"00-11-22-33-44-50\"", mill1 + ".locations[2].network[0]", "duplicate", "", "to mill-1-f2-210 in line 81 and to mill-1-f2-220"},
	{"one switch port on two locations", "port: Gi1/0/8", "port: Gi1/0/7", mill1 + ".locations[2].network[1]", "duplicate", "", "mill-1-f2-210"},
	{"one range on two locations", "ip: 127.0.3.0/24", "ip: 127.0.2.0/24", mill1 + ".locations[3].network[2]", "duplicate", "", "mill-1-f2-210"},
	{"two access points that a mask lets fall together", "bssid: \"00:11:22:33:44:60\"", "bssid: \"00:11:22:33:44:5f\"", mill1 + ".locations[2].network[0].bssid", "ambiguous", "", "mill-1-f2-210"},
	{"a mask that lets two access points fall together", "digits: 1", "digits: 2", "organisations[0].bssid_masking[0]", "ambiguous", "", "fewer digits"},
	{"a portable device", "mobility: fixed", "mobility: portable", site0 + ".buildings[1].locations[0].network[0].mobility", "ambiguous", "", "portable"},
	{"a device that does not say whether it moves", ", mobility: fixed", "", site0 + ".buildings[1].locations[0].network[0].mobility", "required", "mac: \"00:1b:54:00:00:2d\"}", "fixed"},
	{"an access point that moves", "{bssid: \"00:11:22:33:44:10\"}", "{bssid: \"00:11:22:33:44:10\", mobility: fixed}", f1 + ".network[0].mobility", "forbidden", "", "remove"},
	{"a chassis of subtype local", "chassis: \"0c:75:bd:00:00:01\", port: Gi1/0/1", "chassis: switch1, port: Gi1/0/1", f1 + ".network[1].lldp.chassis", "ambiguous", "", "MAC address"},
	{"a locally administered chassis", "chassis: \"0c:75:bd:00:00:01\", port: Gi1/0/1", "chassis: \"0e:75:bd:00:00:01\", port: Gi1/0/1", f1 + ".network[1].lldp.chassis", "ambiguous", "", "locally administered"},
	{"a phone as chassis", "chassis: \"0c:75:bd:00:00:02\"", "chassis: \"00:11:22:aa:bb:cc\"", mill1 + ".locations[3].network[1].lldp.chassis", "ambiguous", "", "sep001122aabbcc"},
	{"no chassis", "chassis: \"0c:75:bd:00:00:01\", port: Gi1/0/1", "port: Gi1/0/1", f1 + ".network[1].lldp.chassis", "required", "", "MAC address"},
	{"an empty port", "port: Gi1/0/1}", "port: \"\"}", f1 + ".network[1].lldp.port", "required", "", "Gi1/0/7"},
	{"a range that is everybody's", "ip: 127.0.3.0/24", "ip: 10.0.0.0/7", mill1 + ".locations[3].network[2].ip", "range", "", "wider"},
	{"a range that is none", "ip: 127.0.3.0/24", "ip: 127.0.3", mill1 + ".locations[3].network[2].ip", "syntax", "", "203.0.113.0/24"},
}

var peopleRefusals = []refusal{
	{"a user without a name", "name: Front desk, ", "", site0 + ".users[0].name", "required", "key: agent-4711", "person"},
	{"a mail address with a name", "email: front-desk@harbor.example", "email: \"Desk <front-desk@harbor.example>\"", site0 + ".users[0].email", "syntax", "", "without a name"},
	{"two users of one device user id", "device_user_id: agent4712", "device_user_id: agent4711", site0 + ".users[1].device_user_id", "duplicate", "", "agent-4711"},
	{"a device user id that is 911", "device_user_id: agent4711", "device_user_id: \"911\"", site0 + ".users[0].device_user_id", "reserved", "", "dialled for help"},
	{"a device user id with a comma", "device_user_id: agent4711", "device_user_id: \"agent,4711\"", site0 + ".users[0].device_user_id", "syntax", "", "comma"},
	{"a toll-free callback", "callback: \"+16175550111\"", "callback: \"+18885550111\"", site0 + ".users[0].callback", "forbidden", "", "call this number back"},
	{"a device of nobody known", "user: agent-4711, model", "user: agent-4771, model", site0 + ".devices[0].user", "unknown", "", `did you mean "agent-4711"?`},
	{"a device of no model", "model: demo-phone}", "model: demo-fone}", site0 + ".devices[0].model", "unknown", "", `did you mean "demo-phone"?`},
	{"two devices of one hardware address", "mac: \"00:11:22:aa:bb:dd\"", "mac: \"0011.22aa.bbcc\"", site0 + ".devices[1].mac", "duplicate", "", "sep001122aabbcc"},
	{"a made-up hardware address", "mac: \"00:11:22:aa:bb:dd\"", "mac: \"da:11:22:aa:bb:dd\"", site0 + ".devices[1].mac", "ambiguous", "", "locally administered"},
	{"a telephone that registers as 911", dockKey, dockKey + `, sip: {user: "911", secret: telephone-secret-1}`, site0 + ".devices[2].sip.user", "reserved", "", "dialled for help"},
	{"a telephone that registers as 933", dockKey, dockKey + `, sip: {user: "933", secret: telephone-secret-1}`, site0 + ".devices[2].sip.user", "reserved", "", "dialled for help"},
	{"a telephone that registers as 112", dockKey, dockKey + `, sip: {user: "112", secret: telephone-secret-1}`, site0 + ".devices[2].sip.user", "reserved", "", "dialled for help"},
	{"a telephone that registers as 9911", dockKey, dockKey + `, sip: {user: "9911", secret: telephone-secret-1}`, site0 + ".devices[2].sip.user", "reserved", "", "dialled for help"},
	{"a telephone that registers as 1911", dockKey, dockKey + `, sip: {user: "1911", secret: telephone-secret-1}`, site0 + ".devices[2].sip.user", "reserved", "", "dialled for help"},
	{"a telephone that registers as +1911", dockKey, dockKey + `, sip: {user: "+1911", secret: telephone-secret-1}`, site0 + ".devices[2].sip.user", "reserved", "", "dialled for help"},
	{"a telephone that registers as 8911", dockKey, dockKey + `, sip: {user: "8911", secret: telephone-secret-1}`, site0 + ".devices[2].sip.user", "reserved", "", "dialled for help"},
	{"a telephone that registers as 9112", dockKey, dockKey + `, sip: {user: "9112", secret: telephone-secret-1}`, site0 + ".devices[2].sip.user", "reserved", "", "dialled for help"},
	{"a telephone that registers as nobody", dockKey, dockKey + `, sip: {user: "", secret: telephone-secret-1}`, site0 + ".devices[2].sip.user", "required", "", "extension"},
	{"a telephone with a user that is no user", dockKey, dockKey + `, sip: {user: "a b@c", secret: telephone-secret-1}`, site0 + ".devices[2].sip.user", "syntax", "", "letters"},
	{"a telephone with nowhere to register", dockKey, dockKey + `, sip: {user: "2001", secret: telephone-secret-1}`, site0 + ".devices[2].sip", "required", "", "sip_domain"},
	{"a telephone without a secret", dockKey, dockKey + `, sip: {user: "2001"}`, site0 + ".devices[2].sip.secret", "required", "", "secret"},
	{"a telephone whose line is 911", dockKey, dockKey + `, sip: {user: "2001", secret: telephone-secret-1, line: "911"}`, site0 + ".devices[2].sip.line", "reserved", "", "dialled for help"},
	{"a SIP domain that is none", "    name: Harbor Foods\n", "    name: Harbor Foods\n    sip_domain: \"phones:5060\"\n", "organisations[0].sip_domain", "syntax", "sip_domain", "sip.example.com"},
	{"a device named 9911", "key: dock-phone", "key: \"9911\"", site0 + ".devices[2].key", "reserved", "", "dialled for help"},
	{"a number that is +1911", "number: \"+16175550111\"", "number: \"+1911\"", site0 + ".numbers[0].number", "reserved", "", "dialled for help"},
	{"a number that is none", "number: \"+16175550111\"", "number: \"555-0111\"", site0 + ".numbers[0].number", "syntax", "", "+16175550100"},
	{"a number twice", "number: \"+16175550112\"", "number: \"(617) 555-0111\"", site0 + ".numbers[1].number", "duplicate", "", "line"},
	{"a number of nobody known", "user: agent-4711, location", "user: agent-9999, location", site0 + ".numbers[0].user", "unknown", "", "agent-9999"},
	{"a number at no location", "location: mill-1-f2-210}", "location: mill-9}", site0 + ".numbers[0].location", "unknown", "", "mill-9"},
}

var alertRefusals = []refusal{
	{"an alert that listens to nothing", "on: [emergency, test]", "on: []", site0 + ".alerts[0].on", "required", "", "emergency"},
	{"an alert that listens to something else", "on: [emergency, test]", "on: [fire]", site0 + ".alerts[0].on[0]", "syntax", "", "emergency"},
	{"an alert that listens twice", "on: [emergency, test]", "on: [test, test]", site0 + ".alerts[0].on[1]", "duplicate", "", "twice"},
	{"an alert that tells nobody", "            mail: [boston-security@harbor.example]\n", "", "organisations[0].sites[1].alerts[0].mail", "required", "boston-desk", "webhook"},
	{"a mail address that is none", "mail: [security@harbor.example]", "mail: [security]", site0 + ".alerts[0].mail[0]", "syntax", "", "security@example.com"},
	{"a mail address twice", "mail: [security@harbor.example]", "mail: [security@harbor.example, Security@harbor.example]", site0 + ".alerts[0].mail[1]", "duplicate", "", "twice"},
	{"a webhook in clear text over a network", "http://127.0.0.1:5090/hook", "http://hooks.example/hook", site0 + ".alerts[0].webhook[0].url", "forbidden", "", "https"},
	{"a webhook that is no web address", "http://127.0.0.1:5090/hook", "ftp://127.0.0.1/hook", site0 + ".alerts[0].webhook[0].url", "syntax", "", "https://"},
	{"a webhook with a password", "http://127.0.0.1:5090/hook", "https://a:b@hooks.example/hook", site0 + ".alerts[0].webhook[0].url", "syntax", "", "password"},
	{"a webhook without a secret", ", secret: \"demonstration-only-b7d40e95\"", "", site0 + ".alerts[0].webhook[0].secret", "required", "5090/hook", "openssl"},
}

// What a demonstration may do, and nobody else.
// Proves: F-06, F-21
func TestRefusalsOutsideADemonstration(t *testing.T) {
	const real = `
organisations:
  - key: quay
    held: {company_id: quay, secrets: ["0123456789abcdef"]}
    public_ranges: [198.51.100.0/24]
    trunks: [{key: sbc, side: platform, from: [198.51.100.11], dr_from: []}]
    sites:
      - key: hq
        zone: America/Chicago
        ecbn: "+13124440100"
        buildings:
          - key: b
            name: B
            address: {country: CA, A1: ON, A3: Toronto, HNO: "100", RD: Queen, STS: Street, POD: West, PC: M5H 2N2, point: [43.65344, -79.38409]}
            locations: [{key: l, FLR: "1", network: [{ip: 192.168.1.0/24}, {lldp: {chassis: 192.0.2.1, port: "1"}}]}]
        alerts: [{key: desk, on: [emergency], webhook: [{url: "https://hooks.example/x", secret: "0123456789abcdef"}]}]
`
	newBench(t).must(real)
	hq := "organisations[0].sites[0]"
	for _, r := range []refusal{
		{name: "a secret that can be guessed", old: `secrets: ["0123456789abcdef"]`, bad: `secrets: ["short"]`, path: "organisations[0].held.secrets[0]", code: "range"},
		{name: "a hook's secret that can be guessed", old: `secret: "0123456789abcdef"`, bad: `secret: short`, path: hq + ".alerts[0].webhook[0].secret", code: "range"},
		{name: "a number of films", old: "+13124440100", bad: "+13125550100", path: hq + ".ecbn", code: "forbidden"},
		{name: "a range of homes without public ranges", old: "    public_ranges: [198.51.100.0/24]\n", bad: "", path: hq + ".buildings[0].locations[0].network[0].ip", code: "ambiguous"},
		{name: "a postal code of another province", old: "PC: M5H 2N2", bad: "PC: V5H 2N2", path: hq + ".buildings[0].address.PC", code: "range"},
		{name: "a postal code that is none", old: "PC: M5H 2N2", bad: "PC: M5H-2N2", path: hq + ".buildings[0].address.PC", code: "syntax"},
		{name: "a state in Canada", old: "A1: ON", bad: "A1: MA", path: hq + ".buildings[0].address.A1", code: "unknown"},
	} {
		t.Run(r.name, func(t *testing.T) {
			b := newBench(t)
			_, err := b.run(edit(t, real, r.old, r.bad), world.Options{})
			if f := faultAt(err, r.path); f == nil || f.Code != r.code || f.Fix == "" {
				t.Errorf("error = %v, want %s at %s", err, r.code, r.path)
			}
		})
	}
}
