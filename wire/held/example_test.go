package held_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/callbox911/callbox/wire/held"
	"github.com/callbox911/callbox/wire/pidflo"
)

// A desk phone tells which switch port it is plugged into, and gets a location
// URI for its emergency calls.
func Example() {
	chassis, err := held.MACID(held.ChassisMAC, "0c:75:bd:00:00:01")
	if err != nil {
		fmt.Println(err)
		return
	}
	asked, err := held.AppendRequest(nil, &held.Request{
		Types: []held.LocationType{held.Civic, held.LocationURI},
		For:   held.EmergencyRouting,
		Identity: []held.Identifier{
			{Kind: held.IDMAC, Value: "00:11:22:33:44:55"},
		},
		Measurements: []held.Measurement{{
			LLDP: []held.LLDP{{Chassis: chassis, Port: held.TextID(held.PortIfName, "Gi1/0/7")}},
		}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	// On the other side:
	req, err := held.ParseRequest(asked)
	if err != nil {
		fmt.Println(err)
		return
	}
	neighbour := req.Measurements[0].LLDP[0]
	fmt.Println(req.Identifiers(held.IDMAC), neighbour.Chassis.Text(true), neighbour.Port.Text(false))

	room := &pidflo.Civic{}
	room.Set("country", "US")
	room.Set("ROOM", "210")
	answer, err := held.AppendResponse(nil, &held.Response{
		URIs:    []string{"https://lis.example.com/loc/7Yk2"},
		Expires: time.Date(2026, 11, 22, 13, 0, 0, 0, time.UTC),
		Presence: &pidflo.Document{Entity: "pres:x7@lis.example.com", Elements: []pidflo.Element{{
			Kind: pidflo.Tuple, ID: "loc", Geopriv: []pidflo.Geopriv{{Info: []pidflo.Chunk{{Civic: room}}}},
		}}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	got, err := held.ParseReply(answer)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(got.URIs[0], got.Expires.Format(time.RFC3339), got.Presence.Locations()[0].Geopriv.Civic().Get("ROOM"))
	// Output:
	// [00-11-22-33-44-55] 0c:75:bd:00:00:01 Gi1/0/7
	// https://lis.example.com/loc/7Yk2 2026-11-22T13:00:00Z 210
}

// A server that does not know the device says so; the error carries the code.
func ExampleParseReply_error() {
	doc, err := held.AppendError(nil, &held.Error{
		Code: held.BadIdentifier, Message: "A hardware address is needed.", Required: []string{held.IDMAC},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = held.ParseReply(doc)
	var refused *held.Error
	if errors.As(err, &refused) {
		fmt.Println(refused.Code, refused.Required, refused.Message)
	}
	// Output: badIdentifier [mac] A hardware address is needed.
}

// Whatever a maker of phones adds is found by its name.
func ExampleRequest_Extra() {
	req, err := held.ParseRequest([]byte(`<locationRequest xmlns="urn:ietf:params:xml:ns:geopriv:held">
		<param name="company-id" value="7c0e"/>
	</locationRequest>`))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(req.Extra("companyID"))
	// Output: 7c0e
}

// An encoder says what is wrong, and where.
func ExampleAppendRequest_error() {
	_, err := held.AppendRequest(nil, &held.Request{Measurements: []held.Measurement{{
		WiFi: []held.AccessPoint{{BSSID: "00-12-F0-A0-80-EF"}, {BSSID: "corp"}},
	}}})
	fmt.Println(err)
	// Output: /locationRequest/measurements[1]/wifi/ap[2]/bssid: not a hardware address of 6 or 8 octets
}
