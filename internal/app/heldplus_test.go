package app

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/heldplus"
	"github.com/callbox911/callbox/internal/sim/phone"
)

// A user signs in at home, says where that is and how he is called back: 911 and
// 933 are decided by both, by the location URI and, without it, by who he is. What
// 933 reads is its decision (live/emergency shows that).
//
// Proves: W-09, W-31, N-29, N-30, N-42, F-13, F-21, E10
func TestACallFromHomeGoesByTheAddressThatItsUserSet(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	s, p, _ := serverUnderTest(ctx, t, func(*Config) {})
	base := strings.TrimSuffix(s.Addresses().HELD, "/held") + heldplus.Prefix
	token := ""
	ask := func(method, path string, in, out any) {
		t.Helper()
		body, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		req, err := http.NewRequestWithContext(ctx, method, base+path, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Authorization", "Bearer "+token)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s %s: %s %s %v", method, path, resp.Status, text, err)
		}
		if err := json.Unmarshal(text, out); err != nil {
			t.Fatal(err)
		}
	}
	var in heldplus.SignInAnswer
	ask("POST", "/sign-in", heldplus.SignInRequest{
		Organisation: heldplus.Organisation{CompanyID: demoCompany, Secret: demoSecret},
		User:         heldplus.UserClaim{DeviceUserID: "agent4711"},
		Device:       heldplus.DeviceClaim{ClientID: "laptop-of-the-front-desk"},
	}, &in)
	if token = in.Session.Token; !in.User.Known {
		t.Fatalf("%+v", in)
	}
	report := heldplus.ReportRequest{Tunnel: true, Interfaces: []heldplus.Interface{{
		Name: "eth0", Kind: "ethernet", Up: true, Addresses: []string{"192.168.1.20"}, GatewayMAC: "9c:11:22:00:00:0a",
	}}}
	var at heldplus.ReportAnswer
	ask("POST", "/report", report, &at)
	if at.Status != heldplus.StatusUnknown || at.Prompt != heldplus.PromptRequired {
		t.Fatalf("%+v", at)
	}
	var set heldplus.SetAnswer
	ask("POST", "/locations", heldplus.SetRequest{House: true, Address: &e911.Civic{
		Country: "US", A1: "MA", A2: "Middlesex County", A3: "Cambridge", HNO: "12", RD: "Elm", STS: "Street", PC: "02139",
	}}, &set)
	if set.Status != heldplus.StatusValidated || set.LocationURI == nil {
		t.Fatalf("%+v", set)
	}
	var cb heldplus.CallbackAnswer
	ask("PUT", "/callback", heldplus.CallbackRequest{Number: "617-555-0142"}, &cb)

	facts := s.journal.Subscribe(ctx, 1)
	for _, c := range []struct{ number, uri string }{{"911", set.LocationURI.URI}, {"911", ""}, {"933", set.LocationURI.URI}} {
		call, err := p.Dial(ctx, phone.Dialling{Number: c.number, Location: c.uri})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := call.WaitAnswer(ctx); err != nil {
			t.Fatalf("%s: %v", c.number, err)
		}
		if err := call.Hangup(); err != nil {
			t.Fatal(err)
		}
		var who journal.Identified
		var where journal.Located
		for f := range facts {
			var err error
			switch f.Kind {
			case journal.CallIdentified:
				who, err = journal.Decode[journal.Identified](f)
			case journal.CallLocated:
				where, err = journal.Decode[journal.Located](f)
			}
			if err != nil {
				t.Fatal(err)
			}
			if f.Kind == journal.CallEnded {
				break
			}
		}
		if who.Callback != "+16175550142" || where.By != e911.ByConfirmed || where.Place.Display != "12 Elm Street, Cambridge, MA 02139" {
			t.Errorf("%s, URI %t: callback %q, by %s, %q\n%+v", c.number, c.uri != "", string(who.Callback), where.By, where.Place.Display, where.Evidence)
		}
	}
}
