// Package e2e proves Callbox against programs that others wrote. A program that
// is not installed is named in the reason of a skip.
package e2e

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/lis"
	"github.com/callbox911/callbox/internal/snapshot"
	"github.com/callbox911/callbox/wire/held"
)

// Kamailio asks from 127.0.0.1, which the organisation trusts; what it sends
// through the relay comes from an address that is only inside its ranges.
const (
	kamailioTrusted = "127.0.0.1"
	kamailioOther   = "127.0.0.66"
)

func kamailioWorld(t *testing.T) *snapshot.Holder {
	t.Helper()
	const org e911.OrgID = "org"
	c := func(kind e911.ObjectKind, org e911.OrgID, id string, object any) snapshot.Change {
		return snapshot.Change{Kind: kind, Org: org, ID: id, Object: object}
	}
	s, err := snapshot.Build([]snapshot.Change{
		c(e911.KindTokenKey, "", "k1", e911.TokenKey{ID: "k1", Secret: bytes.Repeat([]byte{3}, 32)}),
		c(e911.KindModel, "", "model", e911.Model{ID: "model", Key: "phone", HELD: true}),
		c(e911.KindOrg, org, "org", e911.Org{
			ID: org, Key: "harbor", Name: "Harbor Foods", Demonstration: true,
			HELD: e911.HELDAccess{
				CompanyID: "7c0e0000", Secrets: []e911.Secret{"phones-know-this"},
				Trusted: []netip.Prefix{netip.MustParsePrefix(kamailioTrusted + "/32")},
			},
			PublicRanges: []netip.Prefix{netip.MustParsePrefix(kamailioOther + "/32")},
		}),
		c(e911.KindSite, org, "site", e911.Site{ID: "site", Org: org, Key: "hq", Name: "HQ", Zone: "America/New_York", Mode: e911.ModeDynamic, Stage: e911.StageNone, ECBN: "+16175550100"}),
		c(e911.KindBuilding, org, "building", e911.Building{
			ID: "building", Org: org, Site: "site", Key: "mill-1", Name: "Mill 1", Point: &e911.Point{Lat: 42.36684, Lon: -71.10565},
			Address: e911.Civic{Country: "US", A1: "MA", A2: "Middlesex County", A3: "Cambridge", HNO: "795", RD: "Massachusetts", STS: "Avenue", PC: "02139"},
		}),
		c(e911.KindLocation, org, "location", e911.Location{ID: "location", Org: org, Building: "building", Key: "mill-1-f2-210", Detail: e911.Civic{FLR: "2", ROOM: "210"}}),
		c(e911.KindElement, org, "port", e911.Element{ID: "port", Org: org, Location: "location", Kind: e911.ElementLLDPPort, LLDP: e911.LLDPPort{Chassis: "0c:75:bd:00:00:01", Port: "Gi1/0/7"}}),
		c(e911.KindUser, org, "user", e911.User{ID: "user", Org: org, Site: "site", Key: "agent-4711", Name: "Front desk", DeviceUserID: "agent4711"}),
		c(e911.KindDevice, org, "device", e911.Device{ID: "device", Org: org, Site: "site", Key: "sep001122aabbcc", MAC: "00:11:22:aa:bb:cc", User: "user", Model: "model"}),
		c(e911.KindNumber, org, "number", e911.NumberRec{ID: "number", Org: org, Site: "site", Number: "+16175550111", User: "user", Location: "location"}),
	}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	h := &snapshot.Holder{}
	h.Store(s)
	return h
}

// kamailioJournal forgets facts: this test is about answers.
type kamailioJournal struct{}

func (kamailioJournal) Record(journal.Fact) journal.Receipt {
	done := make(chan struct{})
	close(done)
	return journal.Receipt{Written: done, Synced: done, Err: func() error { return nil }}
}

// startLIS serves a location server over HTTP on loopback.
func startLIS(t *testing.T) (base string) {
	t.Helper()
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	base = "http://" + ln.Addr().String()
	h, err := lis.New(lis.Config{
		Snapshot: kamailioWorld(t), Journal: kamailioJournal{}, BaseURL: base,
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ln) }()
	t.Cleanup(func() {
		_ = srv.Close()
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("serve: %v", err)
		}
	})
	return base
}

// relayFrom passes TCP connections on to a server from another address of this
// machine, and returns where it listens.
func relayFrom(t *testing.T, source, to string) string {
	t.Helper()
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(source)}}
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	wg.Go(func() {
		for {
			in, err := ln.Accept()
			if err != nil {
				return
			}
			out, err := d.DialContext(ctx, "tcp4", to)
			if err != nil {
				_ = in.Close()
				continue
			}
			stop := context.AfterFunc(ctx, func() { _ = in.Close(); _ = out.Close() })
			wg.Go(func() {
				defer stop()
				both := make(chan struct{}, 1)
				go func() { _, _ = io.Copy(out, in); _ = out.Close(); both <- struct{}{} }()
				_, _ = io.Copy(in, out)
				_ = in.Close()
				<-both
			})
		}
	})
	t.Cleanup(func() {
		cancel()
		_ = ln.Close()
		wg.Wait()
	})
	return ln.Addr().String()
}

// locateDesk has the desk phone ask where it is, from inside the network.
func locateDesk(t *testing.T, base string) (uri string) {
	t.Helper()
	id, err := held.MACID(held.ChassisMAC, "0c:75:bd:00:00:01")
	if err != nil {
		t.Fatal(err)
	}
	req, err := held.AppendRequest(nil, &held.Request{
		Identity:     []held.Identifier{{Kind: held.IDMAC, Value: "00-11-22-AA-BB-CC"}},
		Measurements: []held.Measurement{{LLDP: []held.LLDP{{Chassis: id, Port: held.TextID(held.PortIfName, "Gi1/0/7")}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/held/7c0e0000", bytes.NewReader(req))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", held.ContentType)
	r.Header.Set("Accept", held.MediaType)
	r.SetBasicAuth("7c0e0000", "phones-know-this")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := held.ParseReply(b)
	if err != nil || len(answer.URIs) != 1 {
		t.Fatalf("%v in %s", err, b)
	}
	return answer.URIs[0]
}

// What Debian's Kamailio makes of the location server, by its own HTTP client
// and its own XML parser (lost module, http_client query_result=0).
//
// Proves: W-31, F-38, E14
func TestKamailioAsksTheLocationServer(t *testing.T) {
	base := startLIS(t)
	relay := relayFrom(t, kamailioOther, strings.TrimPrefix(base, "http://"))
	k := startKamailio(t, base+"/held", "http://"+relay+"/held", "http://127.0.0.1:9/lost")
	uri := locateDesk(t, base)

	// lost.so tells success by 200 for a query and 202 for a location value it
	// dereferenced; a HELD error by 500 and its code.
	for _, c := range []struct {
		name, what, arg string
		code            string
		err             string
		room            string
		url             bool
	}{
		{"dereferences a location URI", "dereference", uri, "202", "", "210", false},
		{"does not get a location by a changed URI", "dereference", uri[:len(uri)-2] + "AA", "500", "locationUnknown", "", false},
		{"asks for a device by its user's name", "query", "sip:agent4711@pbx.example", "200", "", "210", true},
		{"asks for a device by number", "query", "tel:+16175550111", "200", "", "210", true},
		{"asks for a device by another spelling of the number", "query", "sip:+1-617-555-0111@pbx.example;user=phone", "200", "", "210", true},
		{"asks for a device by its name", "query", "sip:SEP001122AABBCC@pbx.example", "200", "", "210", true},
		{"asks for a device by hardware address", "query", "mac:00-11-22-AA-BB-CC", "200", "", "210", true},
		{"asks for nobody", "query", "sip:nobody@pbx.example", "500", "badIdentifier", "", false},
		// 401 with a challenge (RFC 6155, section 5), which the module tells as a failure.
		{"asks from an address that is not trusted", "query from elsewhere", "sip:agent4711@pbx.example", "400", "", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, err := k.ask(c.what, c.arg, 20*time.Second)
			if err != nil {
				t.Fatal(err)
			}
			if h["x-code"] != c.code || h["x-error"] != c.err {
				t.Fatalf("kamailio's result: %s %q, want %s %q", h["x-code"], h["x-error"], c.code, c.err)
			}
			if got := strings.HasPrefix(h["x-url"], base+"/loc/"); got != c.url {
				t.Errorf("location URI %q", h["x-url"])
			}
			doc, err := base64.StdEncoding.DecodeString(h["x-pidf"])
			if err != nil {
				t.Fatal(err)
			}
			if c.room == "" {
				return
			}
			// A presence document when dereferenced, the whole answer else.
			answer, err := held.ParseReply(doc)
			if err != nil || answer.Presence == nil {
				t.Fatalf("%v in %q", err, doc)
			}
			found := answer.Presence.Locations()
			if len(found) == 0 || found[0].Geopriv.Civic().Get("ROOM") != c.room || found[0].Geopriv.Civic().Get("HNO") != "795" {
				t.Errorf("kamailio holds %s", doc)
			}
		})
	}
}
