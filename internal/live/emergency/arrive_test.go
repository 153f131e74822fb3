package emergency

import (
	"net/textproto"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/live/sipedge"
)

const located = `<?xml version="1.0" encoding="UTF-8"?>
<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:gp="urn:ietf:params:xml:ns:pidf:geopriv10" xmlns:ca="urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr" entity="pres:a@b"><dm:device id="d"><gp:geopriv><gp:location-info><ca:civicAddress><ca:country>US</ca:country><ca:A1>MA</ca:A1><ca:A3>Cambridge</ca:A3><ca:RD>Main</ca:RD><ca:HNO>1</ca:HNO><ca:NAM>Smith &amp; Sons</ca:NAM></ca:civicAddress></gp:location-info><gp:usage-rules/><gp:method>Manual</gp:method></gp:geopriv><timestamp>2026-11-01T12:00:00Z</timestamp></dm:device></presence>`

func utf16LE(s string) string {
	b := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(s)) {
		b = append(b, byte(u), byte(u>>8))
	}
	return string(b)
}

// Proves: E1, F-05, D-02
func TestLocationObjectsOfPoorSendersAreRead(t *testing.T) {
	bare := strings.TrimPrefix(located, `<?xml version="1.0" encoding="UTF-8"?>`+"\n")
	cases := []struct {
		name, body, encoding string
		mended               string // part of what was wrong
		bad                  bool
	}{
		{"as it should be", located, "", "", false},
		{"a byte order mark", "\xef\xbb\xbf" + located, "", "", false},
		{"blank lines before the declaration", "\r\n\r\n" + located, "", "junk around it", false},
		{"text behind the document", located + "\r\n-- \r\nsent by pbx", "", "junk around it", false},
		{"an ampersand that is not escaped", strings.Replace(located, "&amp;", "&", 1), "", "ampersand", false},
		{"UTF-16", utf16LE(strings.Replace(located, "UTF-8", "UTF-16", 1)), "", "UTF-16", false},
		{"Latin-1 that says it is UTF-8", strings.Replace(located, "Cambridge", "Montr\xe9al", 1), "", "not UTF-8", false},
		{"Latin-1 that says so", strings.Replace(strings.Replace(located, "UTF-8", "ISO-8859-1", 1), "Cambridge", "Montr\xe9al", 1), "", "", false},
		{"prefixes that nothing declares", strings.NewReplacer(` xmlns:ca="urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr"`, "", ` xmlns:gp="urn:ietf:params:xml:ns:pidf:geopriv10"`, "").Replace(bare), "", "", false},
		{"no namespace at all", strings.NewReplacer(` xmlns="urn:ietf:params:xml:ns:pidf"`, "").Replace(bare), "", "", false},
		{"a tuple instead of a device", strings.NewReplacer("<dm:device id=\"d\">", "<tuple id=\"d\"><status>", "</gp:geopriv>", "</gp:geopriv></status>", "</dm:device>", "</tuple>").Replace(bare), "", "", false},
		{"base64", "PHByZXNlbmNlIHhtbG5zPSJ1cm46aWV0ZjpwYXJhbXM6eG1sOm5zOnBpZGYiIGVudGl0eT0icHJlczphQGIiLz4=", "base64", "transfer encoding", false},
		{"no XML", "<presence", "", "", true},
		{"a document type declaration", `<!DOCTYPE a [<!ENTITY x "y">]>` + bare, "", "", true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := part{header: textproto.MIMEHeader{}, body: []byte(c.body)}
			if c.encoding != "" {
				p.header.Set("Content-Transfer-Encoding", c.encoding)
			}
			doc, mended, err := parseLocation(p)
			if (err != nil) != c.bad || !strings.Contains(mended, c.mended) || c.mended == "" && mended != "" {
				t.Fatalf("mended %q, error %v; want %q, error %v", mended, err, c.mended, c.bad)
			}
			if c.bad || c.encoding != "" {
				return
			}
			l := doc.Locations()
			if len(l) != 1 {
				t.Fatalf("%d locations, want 1", len(l))
			}
			if got := placeOf(l[0].Geopriv).Civic; got.HNO != "1" || got.NAM != "Smith & Sons" || got.A3 != "Cambridge" && got.A3 != "Montréal" {
				t.Errorf("civic = %+v", got)
			}
		})
	}
}

// Proves: F-05, W-48, D-02, RFC 6442 section 4.1
func TestGeolocationValuesAndLocationObjectsFindEachOther(t *testing.T) {
	object := func(id, what string) string {
		h := "Content-Type: application/pidf+xml\r\n"
		if id != "" {
			h += "Content-ID: " + id + "\r\n"
		}
		return h + "\r\n<" + what + "/>"
	}
	cases := []struct {
		name    string
		headers []string
		parts   []string
		values  string // what goes on; "?" stands for an id of ours
		order   string // of the objects
		says    string // part of a finding; empty: none
	}{
		{"by value and by reference in one header", []string{"<cid:a@p>, <https://lis.example/1>"}, []string{object("<a@p>", "one")}, "cid:a@p https://lis.example/1", "one", ""},
		{"by value and by reference in two headers, with parameters", []string{"<https://lis.example/1>;inserted-by=x", `<cid:a@p>;loc-src="b, c"`}, []string{object("<a@p>", "one")}, "https://lis.example/1 cid:a@p", "one", ""},
		{"two by value, in the order of the header", []string{"<cid:b@p>,<cid:a@p>"}, []string{object("<a@p>", "one"), object("<b@p>", "two")}, "cid:b@p cid:a@p", "two one", ""},
		{"an object that no header names comes last and is named", []string{"<cid:b@p>"}, []string{object("<a@p>", "one"), object("<b@p>", "two")}, "cid:b@p cid:a@p", "two one", "is named"},
		{"no header at all", nil, []string{object("", "one")}, "cid:?", "one", "is named"},
		{"no Content-ID", []string{"<cid:a@p>"}, []string{object("", "one")}, "cid:?", "one", "names no body part"},
		{"no brackets around the Content-ID, another case", []string{"<cid:A@P>"}, []string{object("a@p", "one")}, "cid:a@p", "one", "not written as"},
		{"a SIP address inside of the cid", []string{`<cid:sip:u@p>;inserted-by="sip:u@p"`}, []string{object("<u@p>", "one")}, "cid:u@p", "one", "not written as"},
		{"escapes", []string{"<cid:a%2Bb@p>"}, []string{object("<a+b@p>", "one")}, "cid:a+b@p", "one", ""},
		{"a cid without brackets", []string{"cid:a@p"}, []string{object("<a@p>", "one")}, "cid:a@p", "one", ""},
		{"a cid that names nothing, and nothing to name", []string{"<cid:a@p>, <https://lis.example/1>"}, nil, "https://lis.example/1", "", "left out: 1"},
		{"of two cids one names nothing", []string{"<cid:a@p>, <cid:z@p>"}, []string{object("<a@p>", "one")}, "cid:a@p", "one", "left out: 1"},
		{"a cid of a part that is no location object", []string{"<cid:a@p>"}, []string{"Content-Type: application/x\r\nContent-ID: <a@p>\r\n\r\nx"}, "cid:a@p", "", ""},
		{"junk", []string{"<<>;;,"}, nil, "", "", "no reference that can be read"},
	}
	for _, k := range cases {
		t.Run(k.name, func(t *testing.T) {
			r := &sipedge.Request{ContentType: "multipart/mixed;boundary=b1", Body: []byte(multi(append([]string{"Content-Type: application/sdp\r\n\r\n" + phoneSDP}, k.parts...)...))}
			for _, h := range k.headers {
				r.Headers = append(r.Headers, sipedge.Header{Name: "Geolocation", Value: h})
			}
			c := inquiry{req: r, alarm: func(AlarmCode, string) {}}
			c.readBody()
			var values, order []string
			for _, v := range c.dec.values {
				uri := v.URI
				if strings.HasPrefix(uri, "cid:came-") {
					uri = "cid:?"
				}
				values = append(values, uri)
			}
			for _, p := range c.dec.locations {
				order = append(order, strings.Trim(string(p.body), "</>"))
			}
			if diff := cmp.Diff(k.values, strings.Join(values, " ")); diff != "" {
				t.Errorf("values (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(k.order, strings.Join(order, " ")); diff != "" {
				t.Errorf("objects (-want +got):\n%s", diff)
			}
			all := slices.Concat(c.dec.messageFindings, c.dec.whereFindings)
			said := ""
			for _, f := range all {
				said += f.Why + "\n"
			}
			if k.says == "" && said != "" || !strings.Contains(said, k.says) {
				t.Errorf("it says %q, want %q", said, k.says)
			}
		})
	}
}
