package calldata_test

import (
	"encoding/xml"
	"testing"

	"github.com/callbox911/callbox/wire/calldata"
)

// providerStruct is what a program without this package would write.
type providerStruct struct {
	XMLName    xml.Name `xml:"urn:ietf:params:xml:ns:EmergencyCallData:ProviderInfo EmergencyCallData.ProviderInfo"`
	Reference  string   `xml:"DataProviderReference"`
	Name       string   `xml:"DataProviderString"`
	ID         string   `xml:"ProviderID,omitempty"`
	Series     string   `xml:"ProviderIDSeries,omitempty"`
	Type       string   `xml:"TypeOfProvider"`
	ContactURI string   `xml:"ContactURI"`
	Languages  []string `xml:"Language"`
}

var benched = calldata.ProviderInfo{
	Reference: "01936f2e@callbox.example", Name: "Harbor Foods & Sons", ID: "urn:nena:companyid:123", Series: calldata.SeriesNENA,
	Type: calldata.TypeTelecom, ContactURI: "tel:+16175550100", Languages: []string{"en", "fr-ca"},
}

func BenchmarkEncode(b *testing.B) {
	b.Run("calldata", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := calldata.MarshalProviderInfo(benched); err != nil {
				b.Fatal(err)
			}
		}
	})
	v := providerStruct{
		Reference: benched.Reference, Name: benched.Name, ID: benched.ID, Series: benched.Series, Type: benched.Type, ContactURI: benched.ContactURI, Languages: benched.Languages,
	}
	b.Run("encoding-xml", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := xml.Marshal(v); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	doc, err := calldata.MarshalProviderInfo(benched)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("calldata", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := calldata.ParseProviderInfo(doc); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding-xml", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var v providerStruct
			if err := xml.Unmarshal(doc, &v); err != nil {
				b.Fatal(err)
			}
		}
	})
}
