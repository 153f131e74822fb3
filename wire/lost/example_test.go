package lost_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/callbox911/callbox/wire/lost"
	"github.com/callbox911/callbox/wire/pidflo"
)

// A client asks who answers 911 at a place, and keeps the answer as long as it
// may.
func Example() {
	query, err := lost.Marshal(&lost.FindService{
		Locations: []lost.Location{{Shape: pidflo.Point{Pos: pidflo.Pos{Lat: 40.7167, Lon: -73.9907}}}},
		Service:   "urn:service:sos",
		Recursive: true,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(query) > 0) // POST it as lost.MediaType

	answer := []byte(`<findServiceResponse xmlns="urn:ietf:params:xml:ns:lost1">
	  <mapping expires="2030-01-01T00:00:00Z" lastUpdated="2026-11-01T01:00:00Z" source="authoritative.example" sourceId="7e3f40">
	    <displayName xml:lang="en">New York City PSAP</displayName>
	    <service>urn:service:sos</service>
	    <uri>sips:psap@nyc.example</uri>
	    <serviceNumber>911</serviceNumber>
	  </mapping>
	  <path><via source="resolver.example"/></path>
	  <locationUsed id="l1"/>
	</findServiceResponse>`)
	resp, err := lost.ParseAs[*lost.FindServiceResponse](answer, lost.Limits{})
	if err != nil {
		fmt.Println(err)
		return
	}
	m := resp.Mappings[0]
	fmt.Println(m.URIs[0], m.ServiceNumber, m.Expires.Fresh(time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)))
	// Output:
	// true
	// sips:psap@nyc.example 911 true
}

// A server reads any query and answers; here with an error.
func ExampleParse() {
	query := []byte(`<listServices xmlns="urn:ietf:params:xml:ns:lost1"><service>urn:service:sos</service></listServices>`)
	msg, err := lost.RequestLimits().Parse(query)
	if err != nil {
		fmt.Println(err)
		return
	}
	switch m := msg.(type) {
	case *lost.FindService:
		fmt.Println("find", m.Service)
	case *lost.ListServices:
		fmt.Println("list", m.Service)
	}
	out, err := lost.Marshal(&lost.Errors{Exceptions: lost.Exceptions{
		Source: "lost.example.org",
		List:   []lost.Exception{{Kind: lost.NotFound, Message: lost.Text{Text: "nobody there", Lang: "en"}}},
	}})
	fmt.Println(string(out), err)
	// Output:
	// list urn:service:sos
	// <?xml version="1.0" encoding="UTF-8"?>
	// <errors xmlns="urn:ietf:params:xml:ns:lost1" source="lost.example.org"><notFound message="nobody there" xml:lang="en"/></errors> <nil>
}

// What stands in place of the expected answer is a Go error.
func ExampleParseAs() {
	answer := []byte(`<redirect xmlns="urn:ietf:params:xml:ns:lost1" target="east.example" source="west.example"/>`)
	_, err := lost.ParseAs[*lost.FindServiceResponse](answer, lost.Limits{})
	var redirect *lost.Redirect
	if errors.As(err, &redirect) {
		fmt.Println("ask", redirect.Target)
	}
	// Output: ask east.example
}

// What the grammar refuses is not written.
func ExampleMarshal() {
	_, err := lost.Marshal(&lost.Redirect{Target: "https://east.example/lost", Source: "west.example"})
	fmt.Println(err)
	// Output: write LoST: /redirect: target "https://east.example/lost" is no name of a server, as lost.example.org is
}
