package held_test

import (
	"bytes"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/callbox911/callbox/wire/held"
	"github.com/callbox911/callbox/wire/internal/schemacheck"
	"github.com/callbox911/callbox/wire/pidflo"
)

// must is for values that can be written.
func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		panic(err)
	}
	return t
}

func mustMAC(t *testing.T, subtype int, mac string) held.LLDPID {
	t.Helper()
	id, err := held.MACID(subtype, mac)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// ignoreErr: what led to an error is not sent.
var ignoreErr = cmpopts.IgnoreFields(held.Error{}, "Err")

// request is what a desk phone asks.
func request(t *testing.T) *held.Request {
	return &held.Request{
		Types: []held.LocationType{held.Civic, held.LocationURI}, Exact: true,
		For: held.EmergencyDispatch,
		Identity: []held.Identifier{
			{Kind: held.IDURI, Value: "sip:4021@pbx.example.com"},
			{Kind: held.IDIP, Value: "10.1.2.3"},
			{Kind: held.IDIP, Value: "2001:db8::1"},
			{Kind: held.IDMAC, Value: "00-11-22-AA-BB-CC"},
		},
		Measurements: []held.Measurement{{
			Time: at("2026-11-22T01:02:03Z"), Expires: at("2026-11-22T02:02:03Z"),
			LLDP: []held.LLDP{{Chassis: mustMAC(t, held.ChassisMAC, "0c75.bd00.0001"), Port: held.TextID(held.PortIfName, "Gi1/0/7")}},
			WiFi: []held.AccessPoint{{BSSID: "00-11-22-33-44-50", SSID: "corp", Serving: true}, {BSSID: "00-11-22-33-44-60"}},
		}},
		Routing: "urn:service:sos",
		Extras:  []held.Extra{{Name: "companyID", Value: "7c0e"}, {Name: "companySecret", Value: "a<b"}},
	}
}

var opts = cmp.Options{cmpopts.EquateEmpty(), cmpopts.EquateComparable(held.Flow{}, netip.Addr{})}

// Proves: W-31, W-36
func TestARequestComesBackAsItWasSent(t *testing.T) {
	want := request(t)
	got, err := held.ParseRequest(must(held.AppendRequest(nil, want)))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, opts); diff != "" {
		t.Errorf("(-sent +read):\n%s", diff)
	}
}

// Proves: W-31, E10
func TestAnAnswerComesBackAsItWasSent(t *testing.T) {
	c := &pidflo.Civic{}
	c.Set("country", "US")
	c.Set("HNO", "795")
	want := &held.Response{
		URIs: []string{"https://lis.example/loc/a.b_c-d"}, Expires: at("2026-11-22T13:00:00Z"),
		Presence: &pidflo.Document{Entity: "pres:x@lis.example", Elements: []pidflo.Element{{
			Kind: pidflo.Tuple, ID: "a", Timestamp: at("2026-11-22T12:00:00Z"),
			Geopriv: []pidflo.Geopriv{{Info: []pidflo.Chunk{{Civic: c}}, Method: "Wiremap", Retention: at("2026-11-23T12:00:00Z")}},
		}}},
	}
	got, err := held.ParseReply(must(held.AppendResponse(nil, want)))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, opts); diff != "" {
		t.Errorf("(-sent +read):\n%s", diff)
	}
	wantErr := &held.Error{Code: held.BadIdentifier, Message: "Not <you>.", Required: []string{"mac", "ip"}}
	_, err = held.ParseReply(must(held.AppendError(nil, wantErr)))
	var gotErr *held.Error
	if !errors.As(err, &gotErr) {
		t.Fatalf("got %v, want a HELD error", err)
	}
	if diff := cmp.Diff(wantErr, gotErr, cmpopts.IgnoreFields(held.Error{}, "Err")); diff != "" {
		t.Errorf("(-sent +read):\n%s", diff)
	}
}

// The requests of Kamailio's lost module, byte by byte as it sent them.
//
// Proves: W-31
func TestKamailioIsUnderstood(t *testing.T) {
	dir := filepath.Join(schemacheck.Shared(t), "interop", "kamailio-lost", "captures")
	for file, want := range map[string]held.Request{
		"01-POST-held_ok.req": {
			Types: []held.LocationType{held.Geodetic, held.LocationURI}, For: held.EmergencyRouting,
			Identity: []held.Identifier{{Kind: held.IDURI, Value: "sip:bob@example.test"}},
		},
		"03-POST-held_ok.req": {
			Types: []held.LocationType{held.Geodetic, held.LocationURI}, For: held.EmergencyRouting,
			Identity: []held.Identifier{{Kind: held.IDURI, Value: "mac:00-11-22-33-44-55"}},
		},
		"07-POST-deref_pidf.req": {Types: []held.LocationType{held.Civic, held.Geodetic}, For: held.EmergencyDispatch},
		"16-POST-held_ok.req": {
			Types: []held.LocationType{held.Geodetic, held.LocationURI}, For: held.EmergencyRouting,
			Identity: []held.Identifier{{Kind: held.IDURI, Value: `"Desk 5" <tel:+4312345>`}},
		},
	} {
		b, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Skipf("no captures: %v", err)
		}
		_, body, _ := bytes.Cut(b, []byte("\r\n\r\n"))
		got, err := held.ParseRequest(body)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if diff := cmp.Diff(&want, got, opts); diff != "" {
			t.Errorf("%s (-want +got):\n%s", file, diff)
		}
	}
	for in, want := range map[string]string{
		`"Desk 5" <tel:+4312345>`:     "tel:+4312345",
		`<sip:a@b>;tag=1`:             "sip:a@b",
		` sip:a@b `:                   "sip:a@b",
		`"<odd>" <sip:a@b;user=phone`: "sip:a@b;user=phone",
	} {
		if got := held.URI(in); got != want {
			t.Errorf("URI(%q) = %q, want %q", in, got, want)
		}
	}
}
