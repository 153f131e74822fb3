package calldata_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/wire/calldata"
	"github.com/callbox911/callbox/wire/foreign"
	"github.com/callbox911/callbox/wire/internal/schemacheck"
)

const providerDoc = `<?xml version="1.0"?><pi:EmergencyCallData.ProviderInfo xmlns:pi="urn:ietf:params:xml:ns:EmergencyCallData:ProviderInfo">
 <pi:DataProviderReference> a@b </pi:DataProviderReference><pi:DataProviderString>Harbor
 </pi:DataProviderString><pi:TypeOfProvider>Client</pi:TypeOfProvider><pi:ContactURI>tel:+1</pi:ContactURI><pi:Language>EN</pi:Language>
 <v:tag xmlns:v="urn:v">x</v:tag></pi:EmergencyCallData.ProviderInfo>`

// RFC 7852, section 4.1 (what is mandatory), section 8 (the order).
//
// Proves: RFC 7852
func TestSection41ProviderInfo(t *testing.T) {
	want := calldata.ProviderInfo{
		Reference: "a@b", Name: "Harbor", Type: calldata.TypeClient, ContactURI: "tel:+1", Languages: []string{"en"},
		Extensions: []foreign.Element{{Space: "urn:v", Local: "tag", XML: `<v:tag xmlns="" xmlns:v="urn:v">x</v:tag>`}},
	}
	got, err := calldata.ParseProviderInfo([]byte(providerDoc))
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Fatalf("%v (-want +got):\n%s", err, diff)
	}
	for _, c := range []struct {
		without string
		change  func(*calldata.ProviderInfo)
	}{
		{"DataProviderReference", func(p *calldata.ProviderInfo) { p.Reference = " " }},
		{"DataProviderString", func(p *calldata.ProviderInfo) { p.Name = "" }},
		{"TypeOfProvider", func(p *calldata.ProviderInfo) { p.Type = "" }},
		{"ContactURI", func(p *calldata.ProviderInfo) { p.ContactURI = "" }},
		{"ContactURI", func(p *calldata.ProviderInfo) { p.ContactURI = "+16175550100" }},
		{"Language", func(p *calldata.ProviderInfo) { p.Languages = nil }},
		{"Language", func(p *calldata.ProviderInfo) { p.Languages = []string{"en_US"} }},
		{"SubcontractorPriority", func(p *calldata.ProviderInfo) { p.SubcontractorPriority = "first" }},
	} {
		p := want
		c.change(&p)
		doc, err := calldata.MarshalProviderInfo(p)
		var at *calldata.ParseError
		if !errors.As(err, &at) || at.Path != "/EmergencyCallData.ProviderInfo/"+c.without || doc != nil {
			t.Errorf("without %s: got error %v and %q", c.without, err, doc)
		}
	}
}

// RFC 7852, sections 4.2 to 4.5: what is mandatory in the other blocks.
//
// Proves: RFC 7852
func TestSection42To45WhatIsMandatory(t *testing.T) {
	card := calldata.VCard{Properties: []calldata.Property{calldata.NewText("fn", "x")}}
	for name, err := range map[string]error{
		"a service without reference":  second(calldata.MarshalServiceInfo(calldata.ServiceInfo{Types: []string{"POTS"}, Mobility: "Fixed"})),
		"a service without type":       second(calldata.MarshalServiceInfo(calldata.ServiceInfo{Reference: "a", Mobility: "Fixed"})),
		"a service without mobility":   second(calldata.MarshalServiceInfo(calldata.ServiceInfo{Reference: "a", Types: []string{"POTS"}})),
		"a device without reference":   second(calldata.MarshalDeviceInfo(calldata.DeviceInfo{})),
		"a device id without type":     second(calldata.MarshalDeviceInfo(calldata.DeviceInfo{Reference: "a", IDs: []calldata.DeviceID{{Value: "1"}}})),
		"a subscriber without card":    second(calldata.MarshalSubscriberInfo(calldata.SubscriberInfo{Reference: "a"})),
		"a subscriber without name":    second(calldata.MarshalSubscriberInfo(calldata.SubscriberInfo{Reference: "a", Cards: []calldata.VCard{{}}})),
		"a subscriber, no reference":   second(calldata.MarshalSubscriberInfo(calldata.SubscriberInfo{Cards: []calldata.VCard{card}})),
		"a comment without reference":  second(calldata.MarshalComment(calldata.Comment{Comments: []calldata.Text{{Text: "x"}}})),
		"a property that is not known": second(calldata.MarshalVCards([]calldata.VCard{{Properties: append(card.Properties[:1:1], calldata.NewText("x-file", "a"))}})),
		"two of what may stand once":   second(calldata.MarshalVCards([]calldata.VCard{{Properties: append(card.Properties[:1:1], calldata.NewName("a", "b"), calldata.NewName("c", "d"))}})),
		"a type of a fax for an email": second(calldata.MarshalVCards([]calldata.VCard{{Properties: append(card.Properties[:1:1], calldata.NewText("email", "a@b", "fax"))}})),
		"no card":                      second(calldata.MarshalVCards(nil)),
		"a reference without purpose":  second(calldata.AppendProvidedBy(nil, calldata.ProvidedBy{References: []calldata.Reference{{URI: "https://a"}}})),
		"a reference without URI":      second(calldata.AppendProvidedBy(nil, calldata.ProvidedBy{References: []calldata.Reference{{Purpose: "a"}}})),
	} {
		if err == nil {
			t.Errorf("%s was written", name)
		}
	}
}

func second(_ []byte, err error) error { return err }

// RFC 7852, section 4: bad additional data must not fail a call; what could be
// read is there beside the error.
//
// Proves: RFC 7852, E1
func TestSection4WhatCanBeReadIsReadInSpiteOfAnError(t *testing.T) {
	p, err := calldata.ParseProviderInfo([]byte(strings.Replace(providerDoc, "<pi:TypeOfProvider>", "<pi:New/><pi:ContactURI>tel:+2</pi:ContactURI><pi:TypeOfProvider>", 1)))
	var at *calldata.ParseError
	if !errors.As(err, &at) || at.Path != "/EmergencyCallData.ProviderInfo/New" || p.Name != "Harbor" || p.ContactURI != "tel:+2" {
		t.Errorf("got %+v and %v", p, err)
	}
	for name, doc := range map[string]string{
		"another block":          `<svc:EmergencyCallData.ServiceInfo xmlns:svc="urn:ietf:params:xml:ns:EmergencyCallData:ServiceInfo"/>`,
		"another namespace":      strings.ReplaceAll(providerDoc, ":ProviderInfo\"", ":Providerinfo\""),
		"no namespace":           `<EmergencyCallData.ProviderInfo/>`,
		"no XML":                 `{}`,
		"a document type":        `<!DOCTYPE a><a/>`,
		"missing elements":       `<EmergencyCallData.ProviderInfo xmlns="urn:ietf:params:xml:ns:EmergencyCallData:ProviderInfo"/>`,
		"privacy in other words": `<EmergencyCallData.SubscriberInfo xmlns="urn:ietf:params:xml:ns:EmergencyCallData:SubscriberInfo" privacyRequested="yes"/>`,
	} {
		if _, err := calldata.ParseProviderInfo([]byte(doc)); err == nil {
			t.Errorf("%s was read as ProviderInfo", name)
		}
	}
}

// RFC 7852, section 11.1.9: the purpose is compared without case and may be
// quoted; section 5.1: it is the root of the media type.
//
// Proves: RFC 7852
func TestSection51PurposesAndMediaTypes(t *testing.T) {
	for in, want := range map[string]string{
		"application/EmergencyCallData.ProviderInfo+xml":               calldata.PurposeProviderInfo,
		"Application/emergencycalldata.serviceinfo+XML; charset=utf-8": calldata.PurposeServiceInfo,
		"application/EmergencyCallData.VEDS+xml":                       "EmergencyCallData.VEDS",
		"application/pidf+xml":                                         "",
		"text/plain":                                                   "",
		"":                                                             "",
	} {
		if got, ok := calldata.Purpose(in); got != want || ok != (want != "") {
			t.Errorf("%s: got %q %v, want %q", in, got, ok, want)
		}
	}
	for in, want := range map[string]string{
		`"EmergencyCallData.Comment"`: calldata.PurposeComment, "emergencycalldata.deviceinfo": calldata.PurposeDeviceInfo,
		"emergencycalldata.NENA-CallerInfo": "EmergencyCallData.NENA-CallerInfo", "icon": "", "EmergencyCallData.": "",
	} {
		if got, _ := calldata.Canonical(in); got != want {
			t.Errorf("%s: got %q, want %q", in, got, want)
		}
	}
	if got := calldata.MediaType(calldata.PurposeSubscriberInfo); got != "application/EmergencyCallData.SubscriberInfo+xml" {
		t.Errorf("got %s", got)
	}
}

// RFC 6351, section 4; the card of RFC 7852, section 6.
//
// Proves: RFC 6351, RFC 7852
func TestCardsAreReadInAnyOrder(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(schemacheck.Shared(t), "schemas", "examples", "rfc7852", "04-ex.xml"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := calldata.ParseSubscriberInfo(b)
	if err != nil || len(s.Cards) != 1 {
		t.Fatalf("got %+v and %v", s, err)
	}
	c := s.Cards[0]
	if name := c.Text("fn"); name != "Simon Perreault" {
		t.Errorf("fn: got %q", name)
	}
	if got, want := c.Find("adr")[0].Address().Locality, "Quebec"; got != want {
		t.Errorf("locality: got %q, want %q", got, want)
	}
	main := ""
	for _, tel := range c.Find("tel") {
		if tel.Typed("main-number") || main == "" {
			main = tel.Text()
		}
	}
	if !strings.HasPrefix(main, "tel:+1-418") {
		t.Errorf("tel: got %q", main)
	}
	if got := c.Find("n")[0].All("suffix"); len(got) != 2 {
		t.Errorf("suffixes: got %q", got)
	}
}

// Proves: E14
func TestListsAreBounded(t *testing.T) {
	var doc bytes.Buffer
	doc.WriteString(`<vcards xmlns="` + calldata.SpaceVCard + `">`)
	for range 40 {
		doc.WriteString("<vcard>" + strings.Repeat("<a/>", 80) + "</vcard>")
	}
	doc.WriteString("</vcards>")
	cards, err := calldata.ParseVCards(doc.Bytes())
	if err == nil || len(cards) != 32 || len(cards[0].Properties) != 64 {
		t.Errorf("%d cards of %d properties, and %v", len(cards), len(cards[0].Properties), err)
	}
}

// FuzzParse holds the readers to their promises: what is read without error and
// written is read as equal; what can be written of a broken one, too.
//
// Proves: E1, E13, RFC 7852
func FuzzParse(f *testing.F) {
	f.Add([]byte(providerDoc))
	for _, pattern := range []string{"schemas/examples/rfc7852/*.xml", "schemas/examples/rfc6351/*.xml", "schemas/i3/messages/HTTP_ADR/*", "schemas/examples/synthetic/*info*.xml"} {
		files, _ := filepath.Glob(filepath.Join("../../../shared", pattern))
		for _, file := range files {
			if b, err := os.ReadFile(file); err == nil {
				f.Add(b)
			}
		}
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		if cards, err := calldata.ParseVCards(doc); err == nil {
			if b, err := calldata.AppendVCards(nil, cards); err == nil {
				again, err := calldata.ParseVCards(b)
				if diff := cmp.Diff(cards, again); diff != "" || err != nil {
					t.Fatalf("%v (-written +read):\n%s", err, diff)
				}
			}
		}
		p, _ := calldata.Parse(doc)
		p, _ = p.Writable()
		b, err := calldata.AppendProvidedBy(nil, p)
		if err != nil {
			t.Fatalf("what is writable is not written: %v", err)
		}
		again, err := calldata.Parse([]byte("<provided-by>" + string(b) + "</provided-by>"))
		if diff := cmp.Diff(p, again); diff != "" || (err != nil && len(b) < 60<<10) {
			if len(b) > 60<<10 {
				return // written with declarations repeated it may be beyond what is read
			}
			t.Fatalf("%v\n%s\n(-written +read):\n%s", err, b, diff)
		}
	})
}
