package sipgeo_test

import (
	"fmt"

	"github.com/callbox911/callbox/wire/sipgeo"
)

// A location by value in the body and one by reference: the first that can be
// used counts.
func ExampleParseGeolocation() {
	headers := []string{`<cid:target123@atlanta.example.com>, <https://ls.example.com/uri/x>;inserted-by="proxy.example.com"`}
	for _, l := range sipgeo.ParseGeolocation(headers) {
		if id, ok := l.ContentID(); ok {
			fmt.Println("in the body part", id)
			continue
		}
		fmt.Println("to be asked for at", l.URI, l.OptionTag())
	}
	// Output:
	// in the body part target123@atlanta.example.com
	// to be asked for at https://ls.example.com/uri/x geolocation-http
}

// The call gets a name that every element on its way keeps.
func ExampleFormatCallInfo() {
	value, err := sipgeo.FormatCallInfo(
		sipgeo.CallInfo{URI: sipgeo.CallID("01936f2e1111", "callbox.example"), Purpose: sipgeo.PurposeCallID},
		sipgeo.CallInfoTo("provider@callbox.example", sipgeo.PurposeProviderInfo),
	)
	fmt.Println(value, err)
	// Output:
	// <urn:emergency:uid:callid:01936f2e1111:callbox.example>;purpose=emergency-CallId, <cid:provider@callbox.example>;purpose=EmergencyCallData.ProviderInfo <nil>
}

func ExampleFormatReasons() {
	value, err := sipgeo.FormatReasons(sipgeo.Reason{Protocol: sipgeo.ReasonQ850, Cause: 16, Text: "Normal call clearing"})
	fmt.Println(value, err)
	// Output:
	// Q.850;cause=16;text="Normal call clearing" <nil>
}
