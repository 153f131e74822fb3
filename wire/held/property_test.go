package held_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/callbox911/callbox/wire/foreign"
	"github.com/callbox911/callbox/wire/held"
	"github.com/callbox911/callbox/wire/internal/schemacheck"
	"github.com/callbox911/callbox/wire/pidflo"
)

// Generators of values that may be sent.
var (
	anyMAC   = rapid.StringMatching(`[0-9A-F]{2}(-[0-9A-F]{2}){5}((-[0-9A-F]{2}){2})?`)
	anyURI   = rapid.StringMatching(`(https|sip|sips|tel|urn):[a-zA-Z0-9][a-zA-Z0-9.@;=+-]{0,20}`)
	anyText  = rapid.StringMatching(`[!-~é€]([ -~é€]{0,10}[!-~é€])?`).Filter(func(s string) bool { return !strings.Contains(s, "  ") })
	anyBytes = rapid.SliceOfN(rapid.Byte(), 1, 40)
	anyTime  = rapid.Custom(func(t *rapid.T) time.Time {
		return time.UnixMilli(rapid.Int64Range(-62135596799000, 253402300799999).Draw(t, "ms")).UTC()
	})
	someTime  = rapid.OneOf(rapid.Just(time.Time{}), anyTime)
	anyPlace  = rapid.SampledFrom([]string{held.SpaceLLDP, held.SpaceWiFi, "urn:x", "http://vendor.example/?a=1&b"})
	anyVendor = rapid.SampledFrom([]string{"", "urn:x", "http://vendor.example/a?b=1&c"})
	anyName   = rapid.StringMatching(`[A-Za-z_][A-Za-z0-9_.-]{0,10}`)
)

func opt[T any](t *rapid.T, label string, g *rapid.Generator[T]) T {
	var zero T
	if rapid.Bool().Draw(t, label+"?") {
		return g.Draw(t, label)
	}
	return zero
}

var anyAddr = rapid.Custom(func(t *rapid.T) netip.Addr {
	if rapid.Bool().Draw(t, "v4") {
		return netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "a")))
	}
	sparse := rapid.OneOf(rapid.Just(byte(0)), rapid.Byte())
	return netip.AddrFrom16([16]byte(rapid.SliceOfN(sparse, 16, 16).Draw(t, "a"))).Unmap()
})

var anyIdentifier = rapid.Custom(func(t *rapid.T) held.Identifier {
	kinds := map[string]*rapid.Generator[string]{
		held.IDIP:  rapid.Map(anyAddr, netip.Addr.String),
		held.IDMAC: anyMAC, held.IDURI: anyURI,
		held.IDNAI:  rapid.StringMatching(`[a-zé]{1,9}(\\[0-9a-f]{2}){0,2}@[a-z0-9]{1,9}\.example`),
		held.IDFQDN: rapid.StringMatching(`[a-z0-9]{1,9}(\.[a-z]{1,9}){0,3}`),
		held.IDDUID: rapid.StringMatching(`([0-9a-fA-F]{2}){1,20}`), held.IDMSISDN: rapid.StringMatching(`\d{6,15}`),
		held.IDIMSI: rapid.StringMatching(`\d{6,15}`), held.IDIMEI: rapid.StringMatching(`\d{1,15}`),
		held.IDMIN: rapid.StringMatching(`\d{10}`), held.IDMDN: rapid.StringMatching(`\d{6,15}`),
		held.IDUDPPort:  rapid.Map(rapid.Uint16(), func(p uint16) string { return fmt.Sprint(p) }),
		held.IDTCPPort:  rapid.Map(rapid.Uint16(), func(p uint16) string { return fmt.Sprint(p) }),
		held.IDSCTPPort: rapid.Just("0"), held.IDDCCPPort: rapid.Just("65535"),
	}
	kind := rapid.SampledFrom([]string{
		held.IDIP, held.IDMAC, held.IDURI, held.IDNAI, held.IDFQDN, held.IDDUID, held.IDMSISDN, held.IDIMSI, held.IDIMEI,
		held.IDMIN, held.IDMDN, held.IDUDPPort, held.IDTCPPort, held.IDSCTPPort, held.IDDCCPPort,
	}).Draw(t, "kind")
	return held.Identifier{Kind: kind, Value: kinds[kind].Draw(t, kind)}
})

var anyFlow = rapid.Custom(func(t *rapid.T) held.Flow {
	src := anyAddr.Draw(t, "src")
	dst := anyAddr.Filter(func(a netip.Addr) bool { return a.Is4() == src.Is4() }).Draw(t, "dst")
	return held.Flow{
		Src: netip.AddrPortFrom(src, rapid.Uint16Min(1).Draw(t, "sport")), Dst: netip.AddrPortFrom(dst, rapid.Uint16Min(1).Draw(t, "dport")),
		Layer4: rapid.SampledFrom([]string{"udp", "tcp", "sctp", "dccp", "0", "255"}).Draw(t, "l4"), TargetDst: rapid.Bool().Draw(t, "target"),
	}
})

var anyForeign = rapid.Custom(func(t *rapid.T) foreign.Element {
	e, err := foreign.Parse(`<f:thing xmlns:f="urn:foreign" a="` + rapid.StringMatching(`[a-z]{0,5}`).Draw(t, "a") + `"><f:in>x</f:in> y</f:thing>`)
	if err != nil {
		t.Fatal(err)
	}
	return e
})

var someForeign = rapid.SliceOfN(anyForeign, 0, 2)

var anyReading = rapid.Custom(func(t *rapid.T) held.Reading {
	return held.Reading{
		Known: true, Value: rapid.Float64Range(0, 1e9).Draw(t, "v"), RMSError: opt(t, "rms", rapid.Float64Range(1e-12, 1e6)),
		Samples: opt(t, "samples", rapid.IntRange(1, 1000)),
	}
})

var anySignal = rapid.Custom(func(t *rapid.T) *held.Signal {
	plain := rapid.Map(rapid.Float64Range(-200, 200), func(v float64) held.Reading { return held.Reading{Known: true, Value: v} })
	s := &held.Signal{Transmit: opt(t, "tx", plain), Gain: opt(t, "gain", plain), RCPI: opt(t, "rcpi", anyReading), RSNI: opt(t, "rsni", anyReading), Extensions: someForeign.Draw(t, "x")}
	s.NotDBm = s.RCPI.Known && rapid.Bool().Draw(t, "dbm")
	return s
})

var anyAP = rapid.Custom(func(t *rapid.T) held.AccessPoint {
	ap := held.AccessPoint{
		BSSID: anyMAC.Draw(t, "bssid"), Verified: rapid.Bool().Draw(t, "verified"), Serving: rapid.Bool().Draw(t, "serving"),
		SSID:    string(rapid.SliceOfN(rapid.OneOf(rapid.Byte(), rapid.SampledFrom([]byte(" \\<&é"))), 0, 32).Draw(t, "ssid")),
		Channel: opt(t, "channel", rapid.IntRange(1, 200)), Location: opt(t, "location", anyForeign),
		Type: opt(t, "type", rapid.StringMatching(`[a-z]{1,2}`)), RegClass: opt(t, "class", rapid.IntRange(1, 255)),
		Antenna: opt(t, "antenna", rapid.IntRange(1, 255)), FlightTime: opt(t, "flight", anyReading),
		APSignal: opt(t, "ap", anySignal), DeviceSignal: opt(t, "device", anySignal), Extensions: someForeign.Draw(t, "x"),
	}
	if ap.RegClass > 0 {
		ap.Country = opt(t, "country", rapid.StringMatching(`[A-Z]{2}[OIX]?`))
	}
	return ap
})

var anyCell = rapid.Custom(func(t *rapid.T) held.Cell {
	id := rapid.Uint32Range(0, 1<<28-1)
	c := held.Cell{Net: rapid.SampledFrom([]held.CellNet{held.GSM, held.UMTS, held.LTE, held.CDMA, ""}).Draw(t, "net"), Extensions: someForeign.Draw(t, "x")}
	if c.Net == "" {
		return c
	}
	c.ID = id.Draw(t, "id")
	if c.Net != held.LTE {
		c.Area = id.Draw(t, "area")
	}
	if c.Net == held.CDMA {
		c.System = id.Draw(t, "system")
		return c
	}
	c.MCC, c.MNC = rapid.StringMatching(`\d{3}`).Draw(t, "mcc"), rapid.StringMatching(`\d{2,3}`).Draw(t, "mnc")
	return c
})

var anyMeasurement = rapid.Custom(func(t *rapid.T) held.Measurement {
	id := rapid.Custom(func(t *rapid.T) held.LLDPID {
		return held.LLDPID{Type: rapid.IntRange(0, 255).Draw(t, "type"), Octets: rapid.SliceOfN(rapid.Byte(), 1, 255).Draw(t, "octets")}
	})
	lldp := rapid.Custom(func(t *rapid.T) held.LLDP {
		return held.LLDP{Chassis: id.Draw(t, "chassis"), Port: id.Draw(t, "port"), Extensions: someForeign.Draw(t, "x")}
	})
	dhcp := rapid.Custom(func(t *rapid.T) held.DHCPRelay {
		d := held.DHCPRelay{
			GIAddr: anyAddr.Draw(t, "giaddr"), Circuit: opt(t, "circuit", anyBytes), Remote: opt(t, "remote", anyBytes),
			Subscriber: opt(t, "subscriber", anyBytes), Extensions: someForeign.Draw(t, "x"),
		}
		if d.Remote != nil {
			d.Enterprise = opt(t, "enterprise", rapid.Uint32Min(1))
		}
		return d
	})
	m := held.Measurement{
		Time: someTime.Draw(t, "time"), Expires: someTime.Draw(t, "expires"), TimeError: opt(t, "error", rapid.Float64Range(1e-9, 1e6)),
		LLDP: rapid.SliceOfN(lldp, 0, 3).Draw(t, "lldp"), DHCP: rapid.SliceOfN(dhcp, 0, 2).Draw(t, "dhcp"),
		WiFi: rapid.SliceOfN(anyAP, 0, 4).Draw(t, "wifi"), Cells: rapid.SliceOfN(anyCell, 0, 3).Draw(t, "cells"), Extensions: someForeign.Draw(t, "x"),
	}
	if len(m.WiFi) > 0 {
		m.NIC = opt(t, "nic", anyText)
	}
	if len(m.Cells) > 0 {
		m.Cells[0].Serving = rapid.Bool().Draw(t, "serving")
	}
	return m
})

var anyRequest = rapid.Custom(func(t *rapid.T) *held.Request {
	extra := rapid.Custom(func(t *rapid.T) held.Extra {
		return held.Extra{Space: anyVendor.Draw(t, "space"), Name: rapid.OneOf(anyName, anyText).Draw(t, "name"), Value: opt(t, "value", anyText)}
	})
	r := &held.Request{
		Types:    rapid.SliceOfDistinct(rapid.SampledFrom([]held.LocationType{held.Civic, held.Geodetic, held.LocationURI}), rapid.ID[held.LocationType]).Draw(t, "types"),
		Identity: rapid.SliceOfN(anyIdentifier, 0, 6).Draw(t, "ids"), Flow: opt(t, "flow", anyFlow),
		Measurements: rapid.SliceOfN(anyMeasurement, 0, 2).Draw(t, "measurements"), Routing: opt(t, "routing", anyURI),
		Extras: rapid.SliceOfN(extra, 0, 4).Draw(t, "extras"),
	}
	r.Exact = len(r.Types) > 0 && rapid.Bool().Draw(t, "exact")
	switch rapid.IntRange(0, 2).Draw(t, "hurry") {
	case 1:
		r.For = rapid.SampledFrom([]held.Purpose{held.EmergencyRouting, held.EmergencyDispatch}).Draw(t, "for")
	case 2:
		r.HasWithin, r.Within = true, time.Duration(rapid.Int64Range(0, 600000).Draw(t, "ms"))*time.Millisecond
	}
	return r
})

var anyResponse = rapid.Custom(func(t *rapid.T) *held.Response {
	r := &held.Response{URIs: rapid.SliceOfN(anyURI, 0, 3).Draw(t, "uris"), Extensions: someForeign.Draw(t, "x")}
	if len(r.URIs) > 0 {
		r.Expires = anyTime.Draw(t, "expires")
	}
	if len(r.URIs) == 0 || rapid.Bool().Draw(t, "presence") {
		c := &pidflo.Civic{}
		c.Set("country", "US")
		c.Set("ROOM", anyText.Draw(t, "room"))
		r.Presence = &pidflo.Document{Entity: "pres:a@b.example", Elements: []pidflo.Element{{
			Kind: pidflo.Tuple, ID: "a", Geopriv: []pidflo.Geopriv{{Info: []pidflo.Chunk{{Civic: c}}}},
		}}}
	}
	if rapid.Bool().Draw(t, "routing") {
		r.Routing = held.Routing{
			Service: anyURI.Draw(t, "service"), Dest: rapid.SliceOfN(anyURI, 1, 3).Draw(t, "dest"), Default: rapid.Bool().Draw(t, "default"),
			ServiceExtensions: someForeign.Draw(t, "x"), Extensions: someForeign.Draw(t, "y"),
		}
	}
	return r
})

var anyMeasurementRequest = rapid.Custom(func(t *rapid.T) held.MeasurementRequest {
	name := rapid.Custom(func(t *rapid.T) held.Name {
		return held.Name{Space: anyPlace.Draw(t, "space"), Local: anyName.Draw(t, "local")}
	})
	wanted := rapid.Custom(func(t *rapid.T) held.Wanted {
		parameter := rapid.Custom(func(t *rapid.T) held.Parameter {
			return held.Parameter{Name: name.Draw(t, "name"), Context: rapid.SampledFrom([]string{"", "ap", "device"}).Draw(t, "context")}
		})
		return held.Wanted{
			Type: name.Draw(t, "type"), Samples: opt(t, "samples", rapid.IntRange(1, 100)),
			WiFiTypes:  rapid.SliceOfN(rapid.StringMatching(`[a-zA-Z]{1,3}`), 0, 2).Draw(t, "types"),
			Parameters: rapid.SliceOfN(parameter, 0, 2).Draw(t, "parameters"),
			Nets:       rapid.SliceOfN(rapid.SampledFrom([]held.CellNet{held.GSM, held.UMTS, held.LTE, held.CDMA}), 0, 2).Draw(t, "nets"),
			Extensions: someForeign.Draw(t, "x"),
		}
	})
	return held.MeasurementRequest{Wanted: rapid.SliceOfN(wanted, 0, 2).Draw(t, "wanted"), Extensions: someForeign.Draw(t, "x")}
})

var anyError = rapid.Custom(func(t *rapid.T) *held.Error {
	e := &held.Error{Code: held.Code(anyName.Draw(t, "code")), Extensions: someForeign.Draw(t, "x")}
	lang := rapid.SampledFrom([]string{"", "de", "fr-CA"})
	if e.Message = opt(t, "message", anyText); e.Message != "" {
		e.Lang = lang.Draw(t, "lang")
		e.More = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) held.Text {
			return held.Text{Lang: lang.Draw(t, "lang"), Text: anyText.Draw(t, "text")}
		}), 0, 2).Draw(t, "more")
	}
	e.Required = rapid.SliceOfN(rapid.SampledFrom([]string{held.IDMAC, held.IDIP, held.IDFlow, held.IDNAI}), 0, 3).Draw(t, "required")
	if rapid.Bool().Draw(t, "measure") {
		m := anyMeasurementRequest.Draw(t, "request")
		e.Measure = &m
	}
	return e
})

// What can be made can be sent, is valid by the schemas, and arrives as it was.
//
// Proves: W-31, W-36, F-26, E10
func TestWhateverIsSentIsValidAndArrives(t *testing.T) {
	written := map[string][]byte{}
	of := func(root string, gen *rapid.Generator[any]) {
		t.Run(root, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				v := gen.Draw(t, root)
				b, err := codecs[root].write(v)
				if err != nil {
					t.Fatalf("%v of %+v", err, v)
				}
				if len(b) > held.MaxBytes {
					t.Skip("longer than what is read")
				}
				got, err := codecs[root].read(b)
				if err != nil {
					t.Fatalf("%v in %s", err, b)
				}
				if diff := cmp.Diff(v, got, opts); diff != "" {
					t.Fatalf("(-sent +read):\n%s\n%s", diff, b)
				}
				written[fmt.Sprintf("%s %d", root, len(written))] = b
			})
		})
	}
	of("locationRequest", rapid.Map(anyRequest, func(v *held.Request) any { return v }))
	of("locationResponse", rapid.Map(anyResponse, func(v *held.Response) any { return v }))
	of("error", rapid.Map(anyError, func(v *held.Error) any { return v }))
	of("device", rapid.Map(rapid.SliceOfN(anyIdentifier, 1, 16), func(v []held.Identifier) any { return v }))
	of("flow", anyFlow.AsAny())
	of("measurements", anyMeasurement.AsAny())
	of("measurementRequest", anyMeasurementRequest.AsAny())
	schemacheck.Check(t, schemacheck.XSD(t, written), written)
	t.Logf("%d documents were validated", len(written))
}
