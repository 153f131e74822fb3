package calldata_test

import (
	"fmt"

	"github.com/callbox911/callbox/wire/calldata"
)

// What an enterprise says of itself and of the service, in the provided-by of
// the location that it gives.
func Example() {
	const reference = "01936f2e@callbox.example"
	doc, err := calldata.AppendProvidedBy(nil, calldata.ProvidedBy{
		Services: []calldata.ServiceInfo{{
			Reference: reference, Environment: calldata.EnvironmentBusiness,
			Types: []string{calldata.ServiceMLTSLocal}, Mobility: calldata.MobilityFixed,
		}},
		References: []calldata.Reference{{Purpose: calldata.PurposeSubscriberInfo, URI: "https://callbox.example/sub/1"}},
	})
	fmt.Println(string(doc), err)
	// Output:
	// <ad:EmergencyCallDataReference xmlns:ad="urn:ietf:params:xml:ns:EmergencyCallData" purpose="EmergencyCallData.SubscriberInfo" ref="https://callbox.example/sub/1"/><ad:EmergencyCallDataValue xmlns:ad="urn:ietf:params:xml:ns:EmergencyCallData"><svc:EmergencyCallData.ServiceInfo xmlns:svc="urn:ietf:params:xml:ns:EmergencyCallData:ServiceInfo"><svc:DataProviderReference>01936f2e@callbox.example</svc:DataProviderReference><svc:ServiceEnvironment>Business</svc:ServiceEnvironment><svc:ServiceType>MLTS-local</svc:ServiceType><svc:ServiceMobility>Fixed</svc:ServiceMobility></svc:EmergencyCallData.ServiceInfo></ad:EmergencyCallDataValue> <nil>
}

// A block without its mandatory elements is not written.
func ExampleMarshalServiceInfo() {
	_, err := calldata.MarshalServiceInfo(calldata.ServiceInfo{Reference: "1@callbox.example", Types: []string{"POTS"}})
	fmt.Println(err)
	// Output:
	// /EmergencyCallData.ServiceInfo/ServiceMobility: missing
}

func ExampleVCard() {
	card := calldata.VCard{Properties: []calldata.Property{
		calldata.NewText("fn", "Harbor Foods"),
		calldata.NewURI("tel", "tel:+16175550100", "main-number", "work"),
	}}
	doc, err := calldata.MarshalSubscriberInfo(calldata.SubscriberInfo{Reference: "1@callbox.example", Cards: []calldata.VCard{card}})
	if err != nil {
		fmt.Println(err)
		return
	}
	read, err := calldata.ParseSubscriberInfo(doc)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, tel := range read.Cards[0].Find("tel") {
		fmt.Println(tel.Text(), tel.Typed("main-number"))
	}
	// Output:
	// tel:+16175550100 true
}
