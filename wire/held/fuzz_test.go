package held_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/callbox911/callbox/wire/held"
)

// fuzz feeds a decoder: it must not panic, its errors are of the kinds that it
// promises, and what its encoder writes of it reads as what is written so. Values
// themselves may differ once: a URI is escaped, a time goes to the millisecond.
func fuzz(f *testing.F, root string, good func(error) bool, more ...string) {
	for _, e := range examples(f) {
		if e.root == root {
			f.Add(e.doc)
		}
	}
	for _, s := range more {
		f.Add([]byte(s))
	}
	c := codecs[root]
	f.Fuzz(func(t *testing.T, doc []byte) {
		v, err := c.read(doc)
		if err != nil {
			if !good(err) {
				t.Fatalf("an error of another kind: %v", err)
			}
			return
		}
		b, err := c.write(v)
		if err != nil {
			if _, ok := errors.AsType[*held.ParseError](err); !ok {
				t.Fatalf("an error without path: %v", err)
			}
			return // what is taken is not always what may be sent
		}
		if len(b) > held.MaxBytes {
			return
		}
		again, err := c.read(b)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v\n%s", err, b)
		}
		if b2, err := c.write(again); err != nil || !bytes.Equal(b, b2) {
			t.Fatalf("%v: written again differently:\n%s\n%s", err, b, b2)
		}
	})
}

func isParseError(err error) bool { return err != nil }

// Proves: E1, E14
func FuzzParseRequest(f *testing.F) {
	coded := func(err error) bool {
		e, ok := errors.AsType[*held.Error](err)
		return ok && e.Code != ""
	}
	fuzz(f, "locationRequest", coded, deskPhone, `<locationRequest/>`, open+` responseTime="8"><locationType exact="true">geodetic</locationType><device><ip v="4">192.0.2.5</ip><companyID>x</companyID></device><measurements><lldp><chassis type="4">0a01003c</chassis><port type="6">c2</port></lldp><wifi><ap serving="1"><bssid>00-12-F0-A0-80-EF</bssid><ssid>\20x</ssid></ap></wifi></measurements><e><name>a</name><value>b</value></e><v:x xmlns:v="urn:v" v:a="v:b"><v:y>z</v:y></v:x></locationRequest>`)
}

// Proves: E1, E14
func FuzzParseReply(f *testing.F) {
	fuzz(f, "locationResponse", isParseError,
		`<locationResponse xmlns="urn:ietf:params:xml:ns:geopriv:held"><locationUriSet expires="2026-01-01T13:00:00.0Z"><locationURI>https://a/b</locationURI></locationUriSet><presence xmlns="urn:ietf:params:xml:ns:pidf" entity="pres:a@b"/></locationResponse>`,
		`<presence entity="x"/>`)
}

// Proves: E1, E14
func FuzzParseError(f *testing.F) {
	fuzz(f, "error", isParseError,
		`<error xmlns="urn:ietf:params:xml:ns:geopriv:held" code="badIdentifier"><message>no</message><requiredIdentifiers>id:mac ip</requiredIdentifiers></error>`)
}

// Proves: E1, E14
func FuzzParseDevice(f *testing.F) { fuzz(f, "device", isParseError) }

// Proves: E1, E14
func FuzzParseFlow(f *testing.F) {
	fuzz(f, "flow", isParseError, `<flow xmlns="urn:ietf:params:xml:ns:geopriv:held:flow" layer3="ipv6" layer4="17" target="dst"><src><address>::1</address><port>1</port></src><dst><port>2</port><address>2001:db8::1</address></dst></flow>`)
}

// Proves: E1, E14
func FuzzParseMeasurements(f *testing.F) { fuzz(f, "measurements", isParseError) }

// Proves: E1, E14
func FuzzParseMeasurementRequest(f *testing.F) {
	fuzz(f, "measurementRequest", isParseError, `<measurementRequest xmlns="urn:ietf:params:xml:ns:geopriv:lm" xmlns:w="urn:ietf:params:xml:ns:geopriv:lm:wifi" xmlns:c="urn:ietf:params:xml:ns:geopriv:lm:cell"><measurement type="w:wifi" samples="2"><w:type>n</w:type><w:parameter context="ap">w:rcpi</w:parameter></measurement><measurement type="c:cellular"><c:type>gsm</c:type><c:network><c:mcc>465</c:mcc><c:mnc>20</c:mnc></c:network></measurement></measurementRequest>`)
}
