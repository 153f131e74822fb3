package calldata_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/wire/calldata"
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
	got := read(t, "<x>"+string(calldata.Append(nil, want))+"</x>")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-sent +read):\n%s", diff)
	}
}

// RFC 7852, section 4: bad or missing additional data does not fail a call.
//
// Proves: E1
func TestBlocksThatAreUnknownBrokenOrTooManyAreLeftOut(t *testing.T) {
	got := read(t, `<p xmlns:e="urn:x"><e:EmergencyCallDataValue><vendor><deep/></vendor>`+
		`<e:EmergencyCallData.ServiceInfo><e:ServiceMobility> Nomadic </e:ServiceMobility><e:ServiceType/></e:EmergencyCallData.ServiceInfo>`+
		`<e:EmergencyCallData.Comment>x</e:EmergencyCallData.Comment></e:EmergencyCallDataValue><e:EmergencyCallDataReference/></p>`)
	want := calldata.ProvidedBy{
		Services:   []calldata.ServiceInfo{{Types: []string{""}, Mobility: "Nomadic"}},
		References: []calldata.Reference{{}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	many := read(t, "<p>"+strings.Repeat("<EmergencyCallDataReference/>", 2000)+"</p>")
	if len(many.References) > 32 {
		t.Errorf("%d references were kept", len(many.References))
	}
}
