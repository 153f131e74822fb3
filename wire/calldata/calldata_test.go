package calldata_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/wire/calldata"
	"github.com/callbox911/callbox/wire/foreign"
	"github.com/callbox911/callbox/wire/internal/xmltok"
)

func read(t *testing.T, doc string) calldata.ProvidedBy {
	t.Helper()
	n, err := xmltok.Parse([]byte(doc), xmltok.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return calldata.FromNode(n)
}

// That what is written is valid is shown with the PIDF-LO around it, in
// wire/pidflo.
//
// Proves: F-26
func TestBlocksComeBackAsTheyWereSent(t *testing.T) {
	want := calldata.ProvidedBy{
		Providers: []calldata.ProviderInfo{{
			Reference: "a@b", Name: "Harbor <Foods>", ID: "b", Series: "domain", Type: calldata.TypeTelecom,
			ContactURI: "tel:+16175550100", Languages: []string{"en"},
		}},
		Services:   []calldata.ServiceInfo{{Reference: "a@b", Environment: "Business", Types: []string{"MLTS-hosted", "OTT"}, Mobility: "Fixed"}},
		References: []calldata.Reference{{Purpose: "EmergencyCallData.DeviceInfo", URI: "https://b/1"}},
	}
	if want.Empty() || !(calldata.ProvidedBy{}).Empty() {
		t.Error("Empty is wrong")
	}
	doc, err := calldata.AppendProvidedBy(nil, want)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, read(t, "<x>"+string(doc)+"</x>")); diff != "" {
		t.Errorf("(-sent +read):\n%s", diff)
	}
}

// RFC 7852, section 4: bad or missing additional data does not fail a call.
//
// Proves: E1
func TestBlocksThatAreUnknownBrokenOrTooManyAreLeftOut(t *testing.T) {
	got := read(t, `<p xmlns:e="`+calldata.Space+`" xmlns:s="`+calldata.SpaceServiceInfo+`"><e:EmergencyCallDataValue><vendor><deep/></vendor>`+
		`<s:EmergencyCallData.ServiceInfo><s:ServiceMobility> Nomadic </s:ServiceMobility><s:ServiceType/></s:EmergencyCallData.ServiceInfo>`+
		`<e:EmergencyCallData.Comment>x</e:EmergencyCallData.Comment></e:EmergencyCallDataValue><e:EmergencyCallDataReference/></p>`)
	want := calldata.ProvidedBy{
		Services: []calldata.ServiceInfo{{Mobility: "Nomadic"}},
		Others: []foreign.Element{
			{Local: "vendor", XML: `<vendor xmlns=""><deep/></vendor>`},
			{Space: calldata.Space, Local: "EmergencyCallData.Comment", XML: `<e:EmergencyCallData.Comment xmlns="" xmlns:e="` + calldata.Space + `">x</e:EmergencyCallData.Comment>`},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	many := read(t, "<p>"+strings.Repeat(`<EmergencyCallDataReference xmlns="`+calldata.Space+`" purpose="a" ref="b:c"/>`, 500)+"</p>")
	if len(many.References) != 32 {
		t.Errorf("%d references were kept", len(many.References))
	}
}
