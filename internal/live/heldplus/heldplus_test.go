package heldplus_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/heldplus"
	"github.com/callbox911/callbox/internal/rules/locate"
)

const (
	gwA = "9c:11:22:00:00:0a"
	gwB = "9c:11:22:00:00:0b"
	elm = "12 Elm Street, Cambridge, MA 02139"
	oak = "7 Oak Road, Boston, MA 02110"
)

// A user is asked once for each network: A, B, and A again, where nobody asks.
//
// Proves: W-08, W-09, W-37, F-18, N-27
func TestAUserIsAskedOncePerNetwork(t *testing.T) {
	b := newBench(t)
	p, _ := b.signIn(clientA, "agent@harbor.example", laptopMAC)
	want(t, p.at(gwA, netA).report(), heldplus.StatusUnknown, heldplus.PromptRequired, "")
	if a := p.say(elm); a.Status != heldplus.StatusValidated || !a.Remembered || a.Location.Display != elm || a.Location.Verdict != "unverified" {
		t.Fatalf("set: %+v", a)
	}
	want(t, p.report(), heldplus.StatusPersonal, heldplus.PromptNone, "12 Elm")
	want(t, p.at(gwB, netB).report(), heldplus.StatusUnknown, heldplus.PromptBadge, "")
	p.say(oak)
	want(t, p.report(), heldplus.StatusPersonal, heldplus.PromptNone, "7 Oak")
	want(t, p.at(gwA, "198.51.100.77:1").report(), heldplus.StatusPersonal, heldplus.PromptNone, "12 Elm")
	want(t, p.inOffice().report(), heldplus.StatusCorporate, heldplus.PromptNone, "Room 210")
	want(t, p.at(gwB, netB).report(), heldplus.StatusPersonal, heldplus.PromptNone, "7 Oak")
}

// Each state of what is known by when it is asked and whether the network was
// seen before.
//
// Proves: W-37, W-08, E13
func TestWhatIsAskedWhen(t *testing.T) {
	for _, c := range []struct {
		name           string
		office, before bool
		later          bool
		status, prompt string
	}{
		{"a corporate network at sign-in is silent", true, false, false, heldplus.StatusCorporate, heldplus.PromptNone},
		{"a corporate network later is silent", true, false, true, heldplus.StatusCorporate, heldplus.PromptNone},
		{"an unknown network at sign-in is asked for", false, false, false, heldplus.StatusUnknown, heldplus.PromptRequired},
		{"an unknown network later shows a mark", false, false, true, heldplus.StatusUnknown, heldplus.PromptBadge},
		{"a network seen before is silent at sign-in", false, true, false, heldplus.StatusPersonal, heldplus.PromptNone},
		{"a network seen before is silent later", false, true, true, heldplus.StatusPersonal, heldplus.PromptNone},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			p, _ := b.signIn(clientA, "agent@harbor.example", laptopMAC)
			if c.before {
				p.at(gwA, netA).report()
				p.say(elm)
				p.inOffice().report()
				p, _ = b.signIn(clientA, "agent@harbor.example", laptopMAC)
			}
			if c.later {
				p.inOffice().report()
			}
			if p.at(gwA, netA); c.office {
				p.inOffice()
			}
			if a := p.report(); a.Status != c.status || a.Prompt != c.prompt {
				t.Errorf("got %s, %s; want %s, %s", a.Status, a.Prompt, c.status, c.prompt)
			}
		})
	}
}

// A full-tunnel laptop at home, whose private address exists at headquarters, is
// at home: with the egress on the map, with the tunnel told, and with both.
//
// Proves: F-06, W-38
func TestAFullTunnelLaptopAtHomeIsAtHome(t *testing.T) {
	vpn := heldplus.Interface{Name: "utun3", Kind: "vpn", Up: true, Addresses: []string{"10.0.2.8"}}
	for name, c := range map[string]struct {
		from string
		more []heldplus.Interface
	}{
		"egress on the map": {egress, nil}, "tunnel told": {office, []heldplus.Interface{vpn}}, "both": {egress, []heldplus.Interface{vpn}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			p, _ := b.signIn(clientA, "agent@harbor.example", laptopMAC)
			want(t, p.inOffice().report(), heldplus.StatusCorporate, heldplus.PromptNone, "Room 210")
			p.at(gwA, c.from)
			p.iface.Addresses, p.more = []string{"10.0.2.5"}, c.more
			a := p.report()
			want(t, a, heldplus.StatusUnknown, heldplus.PromptBadge, "")
			if len(a.Ignored) == 0 {
				t.Error("nothing is said to be ignored")
			}
			p.say(elm)
			want(t, p.report(), heldplus.StatusPersonal, heldplus.PromptNone, "12 Elm")
			// Without the tunnel it is the same network.
			p.at(gwA, netA).more = nil
			want(t, p.report(), heldplus.StatusPersonal, heldplus.PromptNone, "12 Elm")
		})
	}
}

// Two devices of one user have an address each; a device that nobody configured
// has one too.
//
// Proves: W-31, F-07, D-08
func TestTwoDevicesOfOneUserHaveTwoAddresses(t *testing.T) {
	b := newBench(t)
	one, a := b.signIn(clientA, "agent@harbor.example", laptopMAC)
	two, c := b.signIn(clientB, "agent@harbor.example")
	if !a.Device.Known || c.Device.Known || a.Device.ID == c.Device.ID || !c.User.Known {
		t.Fatalf("devices: %+v, %+v", a, c)
	}
	one.at(gwA, netA).report()
	one.say(elm)
	two.at(gwB, netB).report()
	two.say(oak)
	for _, p := range []struct {
		p    *phone
		want string
	}{{one, "12 Elm"}, {two, "7 Oak"}} {
		r := p.p.report()
		got, err := b.lis.Resolve(r.LocationURI.URI, harbor, b.now)
		if err != nil || !strings.Contains(got.Evidence.Place.Display, p.want) {
			t.Errorf("the location URI says %q, %v; want %s", got.Evidence.Place.Display, err, p.want)
		}
	}
	if ids := b.plus.SignedIn(harbor, "user-agent"); len(ids) != 2 {
		t.Errorf("signed in on %v, want two", ids)
	}
	// Neither client is shown what the other one set.
	var list heldplus.PersonalList
	b.ask("GET", "/locations", two.token, netB, nil, &list)
	if len(list.Locations) != 1 || !strings.Contains(list.Locations[0].Display, "Oak") {
		t.Errorf("the second client sees %+v", list)
	}
}

// Homes, networks, sessions and callback numbers are there after a restart, and
// nobody is asked again.
//
// Proves: D-06, E5, F-31, N-30
func TestARestartForgetsNothing(t *testing.T) {
	b := newBench(t)
	p, _ := b.signIn(clientA, "agent@harbor.example", laptopMAC)
	p.at(gwA, netA).report()
	p.say(elm)
	last := p.report()
	if code := b.ask("PUT", "/callback", p.token, netA, heldplus.CallbackRequest{Number: "(617) 555-0142"}, nil); code != http.StatusOK {
		t.Fatalf("callback: %d", code)
	}
	b.restart()
	if got, err := b.lis.Resolve(last.LocationURI.URI, harbor, b.now); err != nil || !strings.Contains(got.Evidence.Place.Display, "12 Elm") {
		t.Errorf("the location URI of before says %q, %v", got.Evidence.Place.Display, err)
	}
	want(t, p.report(), heldplus.StatusPersonal, heldplus.PromptNone, "12 Elm")
	if n := b.plus.Callback(harbor, "user-agent"); n != "+16175550142" {
		t.Errorf("callback %q", string(n))
	}
	var list heldplus.PersonalList
	b.ask("GET", "/locations", p.token, netA, nil, &list)
	if len(list.Locations) != 1 || !list.Locations[0].Here {
		t.Fatalf("own locations: %+v", list)
	}
	if code := b.ask("PATCH", "/locations/"+list.Locations[0].ID, p.token, netA, heldplus.RenameRequest{Name: "Home"}, nil); code != http.StatusOK {
		t.Errorf("rename: %d", code)
	}
	if code := b.ask("DELETE", "/locations/"+list.Locations[0].ID, p.token, netA, nil, nil); code != http.StatusOK {
		t.Errorf("delete: %d", code)
	}
	b.restart()
	want(t, p.report(), heldplus.StatusUnknown, heldplus.PromptBadge, "")
}

// What is remembered expires: what a silent device said last, what was confirmed
// long ago, and what was set by hand.
//
// Proves: F-18, E13
func TestWhatAUserSaidExpires(t *testing.T) {
	b := newBench(t)
	p, a := b.signIn(clientA, "agent@harbor.example", laptopMAC)
	p.at(gwA, netA).report()
	p.say(elm)
	p.report()
	counts := func() bool {
		for _, c := range b.plus.Own(harbor, a.Device.ID, b.now) {
			if c.Over == "" {
				return true
			}
		}
		return false
	}
	if !counts() {
		t.Fatal("it does not count at first")
	}
	b.now = b.now.Add(25 * time.Hour)
	if counts() {
		t.Error("a device that has been silent for a day is still at home")
	}
	want(t, p.report(), heldplus.StatusPersonal, heldplus.PromptNone, "12 Elm")
	b.now = b.now.Add(29 * 24 * time.Hour)
	p, _ = b.signIn(clientA, "agent@harbor.example", laptopMAC)
	r := p.at(gwA, netA).report()
	want(t, r, heldplus.StatusUnknown, heldplus.PromptRequired, "")
	if len(r.Candidates) == 0 || r.Candidates[0].Kind != "personal" {
		t.Errorf("the address to confirm is not offered first: %+v", r.Candidates)
	}
}

// A user whom nobody knows is located as anybody; people are told.
//
// Proves: E1, F-24, F-34
func TestAnUnknownUserIsLocated(t *testing.T) {
	b := newBench(t)
	p, a := b.signIn(clientA, "stranger@harbor.example", laptopMAC)
	if a.User.Known || len(a.Warnings) == 0 {
		t.Errorf("%+v", a)
	}
	want(t, p.inOffice().report(), heldplus.StatusCorporate, heldplus.PromptNone, "Room 210")
	p.at(gwA, netA).report()
	p.say(elm)
	want(t, p.report(), heldplus.StatusPersonal, heldplus.PromptNone, "12 Elm")
	if b.facts.count(journal.AlarmRaised) != 1 {
		t.Errorf("%d alarms, want 1", b.facts.count(journal.AlarmRaised))
	}
	// Signed out, the device stands where it stood (F-34).
	if code := b.ask("POST", "/sign-out", p.token, netA, nil, nil); code != http.StatusOK {
		t.Fatal(code)
	}
	if cs := b.plus.Own(harbor, a.Device.ID, b.now); len(cs) == 0 || cs[0].Over != "" {
		t.Errorf("after signing out: %+v", cs)
	}
	if code := b.ask("GET", "/locations", p.token, netA, nil, nil); code != http.StatusUnauthorized {
		t.Errorf("a session that was ended is answered %d", code)
	}
}

// Proves: E14, D-08
func TestForgedAndForeignTokensAreRefused(t *testing.T) {
	b := newBench(t)
	p, a := b.signIn(clientA, "agent@harbor.example", laptopMAC)
	uri := p.inOffice().report().LocationURI.URI
	for name, token := range map[string]string{
		"none": "", "garbage": "garbage", "changed": p.token[:len(p.token)-2] + "xx", "a location token": uri[strings.LastIndex(uri, "/")+1:],
		"too long": strings.Repeat("a", 5000),
	} {
		if code := b.ask("GET", "/locations", token, office, nil, nil); code != http.StatusUnauthorized {
			t.Errorf("%s: %d", name, code)
		}
	}
	b.lis.Revoke(harbor, a.Device.ID, "admin", "lost")
	if code := b.ask("GET", "/locations", p.token, office, nil, nil); code != http.StatusUnauthorized {
		t.Errorf("revoked: %d", code)
	}
	q, _ := b.signIn(clientA, "agent@harbor.example", laptopMAC)
	b.now = b.now.Add(31 * 24 * time.Hour)
	if code := b.ask("GET", "/locations", q.token, office, nil, nil); code != http.StatusUnauthorized {
		t.Errorf("expired: %d", code)
	}
}

// Proves: E14
func TestAnotherOrganisationsLocationIsNone(t *testing.T) {
	b := newBench(t)
	p, _ := b.signIn(clientA, "agent@harbor.example", laptopMAC)
	p.at(gwA, netA).report()
	for _, in := range []heldplus.SetRequest{
		{Corporate: &heldplus.CorporateChoice{LocationID: string(stall)}}, {Personal: &heldplus.PersonalChoice{ID: "5f0a63c1b2d4e8f901234567"}},
	} {
		if code := b.ask("POST", "/locations", p.token, netA, in, nil); code != http.StatusNotFound {
			t.Errorf("%+v: %d, want 404", in, code)
		}
	}
	if code := b.ask("POST", "/locations", p.token, netA, heldplus.SetRequest{Corporate: &heldplus.CorporateChoice{LocationID: string(floor2)}}, nil); code != http.StatusOK {
		t.Errorf("his own organisation's: %d", code)
	}
	want(t, p.report(), heldplus.StatusCorporate, heldplus.PromptNone, "Room 210")
	var list heldplus.CorporateList
	b.ask("GET", "/corporate?q=massachusetts", p.token, netA, nil, &list)
	if len(list.Locations) != 1 || list.Locations[0].ID != string(floor2) {
		t.Errorf("search: %+v", list)
	}
}

// An address outside the served countries, or one that cannot be right, is
// refused with its reason, and calls go on with what was known.
//
// Proves: N-42, F-35, N-29, F-05
func TestAnAddressThatIsNotTakenSaysWhy(t *testing.T) {
	b := newBench(t)
	p, a := b.signIn(clientA, "agent@harbor.example", laptopMAC)
	p.at(gwA, netA).report()
	p.say(elm)
	for _, c := range []struct{ text, rule string }{
		{"5 Avenida Juarez, Ciudad de Mexico, Mexico", "outside_served_countries"},
		{"12 Elm Street, Cambridge, MA 94110", "disagrees"},
		{"Elm Street, Cambridge, MA 02139", "required"},
		{"nonsense", "required"},
		{"12 Elm Street, Toronto, ON 12345", "format"},
	} {
		var got heldplus.SetAnswer
		if code := b.ask("POST", "/locations", p.token, netA, heldplus.SetRequest{Text: c.text}, &got); code != http.StatusOK || got.Status != heldplus.StatusInvalid {
			t.Errorf("%s: %d %s", c.text, code, got.Status)
			continue
		}
		found := false
		for _, f := range got.Faults {
			found = found || f.Rule == c.rule
		}
		if !found {
			t.Errorf("%s: %+v, want %s", c.text, got.Faults, c.rule)
		}
	}
	if cs := b.plus.Own(harbor, a.Device.ID, b.now); len(cs) == 0 || cs[0].Place.Display != elm {
		t.Errorf("what was known is gone: %+v", cs)
	}
	mx := e911.Civic{Country: "MX", A1: "CDMX", A3: "Mexico", RD: "Juarez", HNO: "5"}
	var got heldplus.SetAnswer
	b.ask("POST", "/locations", p.token, netA, heldplus.SetRequest{Address: &mx}, &got)
	if got.Status != heldplus.StatusInvalid || got.Verdict != string(locate.Invalid) || len(got.Faults) != 1 || got.Faults[0].Field != "address.country" || got.Faults[0].Rule != "outside_served_countries" {
		t.Errorf("an address in Mexico: %+v", got)
	}
}

// Proves: N-30, F-21
func TestACallbackNumberCanBeCalled(t *testing.T) {
	b := newBench(t)
	p, _ := b.signIn(clientA, "agent@harbor.example", laptopMAC)
	for number, code := range map[string]int{
		"617-555-0142": 200, "+18005550100": 422, "+525512345678": 422, "911": 422, "+1 900 555 0100": 422, "": 200, "nonsense": 422,
	} {
		if got := b.ask("PUT", "/callback", p.token, office, heldplus.CallbackRequest{Number: number}, nil); got != code {
			t.Errorf("%q: %d, want %d", number, got, code)
		}
	}
	q, _ := b.signIn(clientB, "")
	if got := b.ask("PUT", "/callback", q.token, office, heldplus.CallbackRequest{Number: "617-555-0142"}, nil); got != 422 {
		t.Errorf("nobody's: %d", got)
	}
}

// Who claims another client's device gets a device of his own.
//
// Proves: E14, F-24
func TestADeviceBelongsToItsClient(t *testing.T) {
	b := newBench(t)
	p, first := b.signIn(clientA, "agent@harbor.example", laptopMAC)
	p.at(gwA, netA).report()
	p.say(elm)
	thief, other := b.signIn(clientB, "agent@harbor.example", laptopMAC)
	if other.Device.ID == first.Device.ID || other.Device.Known || b.facts.count(journal.ClientConflict) != 1 {
		t.Fatalf("the second client got %+v", other.Device)
	}
	a := thief.at(gwA, netA).report()
	want(t, a, heldplus.StatusUnknown, heldplus.PromptRequired, "")
	if len(a.Candidates) != 0 {
		t.Errorf("it is offered %+v", a.Candidates)
	}
	want(t, p.report(), heldplus.StatusPersonal, heldplus.PromptNone, "12 Elm")
}

// Proves: D-11, E14
func TestAskersAreBounded(t *testing.T) {
	b := newBench(t, func(c *heldplus.Config) {
		c.Limits = heldplus.Limits{Device: heldplus.Rate{Burst: 5, Every: time.Minute}, Wrong: heldplus.Rate{Burst: 3, Every: time.Minute}}
	})
	p, _ := b.signIn(clientA, "agent@harbor.example", laptopMAC)
	var codes []int
	for range 7 {
		codes = append(codes, b.ask("GET", "/callback", p.token, office, nil, nil))
	}
	if codes[4] != 200 || codes[5] != 429 {
		t.Errorf("one device: %v", codes)
	}
	other, _ := b.signIn(clientB, "")
	if code := b.ask("GET", "/callback", other.token, office, nil, nil); code != 200 {
		t.Errorf("another device: %d", code)
	}
	wrong := heldplus.SignInRequest{Organisation: heldplus.Organisation{CompanyID: company, Secret: "guess"}, Device: heldplus.DeviceClaim{ClientID: clientA}}
	codes = nil
	for range 5 {
		codes = append(codes, b.ask("POST", "/sign-in", "", netB, wrong, nil))
	}
	if codes[2] != 401 || codes[3] != 429 {
		t.Errorf("guesses: %v", codes)
	}
	wrong.Organisation.Secret = "s3cret-of-rival"
	if code := b.ask("POST", "/sign-in", "", netA, wrong, nil); code != 401 {
		t.Errorf("another organisation's secret: %d", code)
	}
}

// Proves: W-44, N-12
func TestACheckTellsWhatWeSee(t *testing.T) {
	b := newBench(t)
	var a heldplus.CheckAnswer
	ahead := b.now.Add(90 * time.Second).Format(time.RFC3339)
	b.ask("GET", "/check?client_time="+ahead, "", office, nil, &a)
	if a.Source != "203.0.113.7" || a.ClockSkewMS != 90_000 || a.Organisation != "" || a.InPublicRange {
		t.Errorf("without a session: %+v", a)
	}
	p, _ := b.signIn(clientA, "agent@harbor.example", laptopMAC)
	b.ask("GET", "/check", p.token, egress, nil, &a)
	if !a.InPublicRange || a.Range != "203.0.113.0/24" || a.Organisation != "Harbor Foods" || a.Tunnel != "vpn" {
		t.Errorf("with a session: %+v", a)
	}
}

// A client whose clock is wrong is located by ours.
//
// Proves: E13, issue 4 "clock skew of the client"
func TestAClientsClockDoesNotDecide(t *testing.T) {
	for name, off := range map[string]time.Duration{"a day ahead": 24 * time.Hour, "three days behind": -72 * time.Hour, "never set": -500_000 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			p, _ := b.signIn(clientA, "agent@harbor.example", laptopMAC)
			p.inOffice()
			var a heldplus.ReportAnswer
			b.ask("POST", "/report", p.token, office, heldplus.ReportRequest{At: b.now.Add(off), Interfaces: []heldplus.Interface{p.iface}}, &a)
			if a.Location == nil || !a.Location.At.Equal(b.now) || len(a.Warnings) == 0 {
				t.Errorf("%+v", a)
			}
		})
	}
}

// One broken part of a report costs that part alone.
//
// Proves: E1, F-19
func TestABrokenPartOfAReportCostsThatPart(t *testing.T) {
	b := newBench(t)
	p, _ := b.signIn(clientA, "agent@harbor.example", laptopMAC)
	var a heldplus.ReportAnswer
	code := b.ask("POST", "/report", p.token, office, `{"interfaces":[
		{"name":"wlan0","kind":"wifi","up":true,"mac":"zz","addresses":["10.0.2","fe80::1%en0","ff02::1"],"gateway_mac":"01:00:5e:00:00:01",
		 "wifi":{"ssid":"`+strings.Repeat("é", 40)+`","bssid":"00-11-22-33-44-50","neighbours":[{"bssid":"none"}]},"color":"red"},
		{"kind":"strange","up":true}],"position":{"lat":91,"lon":0,"uncertainty_m":1}}`, &a)
	if code != 200 || a.Location == nil || a.Location.Corporate != string(floor2) {
		t.Fatalf("%d %+v", code, a)
	}
	fields := map[string]string{}
	for _, w := range a.Warnings {
		fields[w.Field] = w.Rule
	}
	for field, rule := range map[string]string{
		"interfaces[0].color": "unknown_field", "interfaces[0].mac": "format", "interfaces[0].addresses[0]": "format", "interfaces[0].gateway_mac": "format",
		"interfaces[0].wifi.neighbours[0].bssid": "format", "interfaces[1].name": "required", "interfaces[1].kind": "format", "position": "format",
	} {
		if fields[field] != rule {
			t.Errorf("%s: %q, want %s", field, fields[field], rule)
		}
	}
}

// The operating system's position finds a PSAP while nothing better is known,
// and its user is asked all the same.
//
// Proves: F-34, F-05
func TestAPositionIsBetterThanNothing(t *testing.T) {
	b := newBench(t)
	p, s := b.signIn(clientA, "agent@harbor.example", laptopMAC)
	p.at(gwA, netA)
	var a heldplus.ReportAnswer
	b.ask("POST", "/report", p.token, netA, heldplus.ReportRequest{
		Interfaces: []heldplus.Interface{p.iface}, Position: &heldplus.Position{Lat: 42.37, Lon: -71.11, UncertaintyM: 30},
	}, &a)
	if a.Status != heldplus.StatusUnknown || a.Prompt != heldplus.PromptRequired || a.Location == nil || a.Location.Point == nil {
		t.Fatalf("%+v", a)
	}
	if ev, ok := b.lis.Latest(harbor, e911.DeviceID(s.Device.ID)); !ok || ev.Place.Area == nil {
		t.Errorf("a call would not know it: %+v", ev)
	}
	p.say(elm)
	want(t, p.report(), heldplus.StatusPersonal, heldplus.PromptNone, "12 Elm")
}

// Every bad body is answered with a problem that names field, rule and fix.
//
// Proves: issue 4 "Bad input"
func TestBadBodies(t *testing.T) {
	b := newBench(t)
	p, _ := b.signIn(clientA, "agent@harbor.example", laptopMAC)
	for name, c := range map[string]struct {
		body string
		code int
		rule string
	}{
		"empty":          {"", 422, "format"},
		"no object":      {`[]`, 422, "type"},
		"a duplicate":    {`{"interfaces":[],"interfaces":[]}`, 422, "duplicate_key"},
		"another case":   {`{"Interfaces":[]}`, 422, "unknown_field"},
		"wrong type":     {`{"interfaces":{}}`, 422, "type"},
		"behind it":      {`{"interfaces":[]} {}`, 422, "format"},
		"too deep":       {`{"x":` + strings.Repeat("[", 20) + strings.Repeat("]", 20) + `}`, 422, "limit"},
		"not UTF-8":      {"{\"interfaces\":[{\"name\":\"\xff\"}]}", 422, "format"},
		"too large":      {`{"x":"` + strings.Repeat("a", 70_000) + `"}`, 413, ""},
		"too many":       {`{"x":[` + strings.Repeat("1,", 9000) + `1]}`, 422, "limit"},
		"a bad time":     {`{"at":"yesterday","interfaces":[]}`, 422, "type"},
		"10,000 things":  {`{"interfaces":[` + strings.Repeat(`{},`, 9000) + `{}]}`, 422, "limit"},
		"a cut document": {`{"interfaces":[`, 422, "format"},
	} {
		var got heldplus.Problem
		code := b.ask("POST", "/report", p.token, office, c.body, &got)
		b.now = b.now.Add(10 * time.Second)
		if code != c.code || got.Status != code || got.Title == "" {
			t.Errorf("%s: %d %+v, want %d", name, code, got, c.code)
		}
		if c.rule != "" && (len(got.Faults) == 0 || got.Faults[0].Rule != c.rule) {
			t.Errorf("%s: %+v, want %s", name, got.Faults, c.rule)
		}
	}
	if code := b.ask("GET", "/report", p.token, office, nil, nil); code != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d", code)
	}
	if code := b.ask("GET", "/elsewhere", p.token, office, nil, nil); code != http.StatusNotFound {
		t.Errorf("elsewhere: %d", code)
	}
}

// Facts and errors of facts hold no secret of a client.
//
// Proves: D-09, F-39
func TestFactsHoldNoClientID(t *testing.T) {
	b := newBench(t)
	p, _ := b.signIn(clientA, "agent@harbor.example", laptopMAC)
	p.at(gwA, netA).report()
	p.say(elm)
	for _, f := range b.facts.list() {
		if s := string(f.Body); strings.Contains(s, clientA) || strings.Contains(s, secret) || strings.Contains(s, p.token) {
			t.Errorf("%s holds a secret: %s", f.Kind, s)
		}
	}
	for _, kind := range []journal.Kind{journal.ClientSession, journal.ClientNetwork, journal.OwnLocation, journal.OwnForgotten, journal.OwnCallback} {
		if err := b.plus.Restore(journal.Fact{Kind: kind, Body: json.RawMessage(`{"device":5`)}); err == nil {
			t.Errorf("%s: a broken fact was taken", kind)
		}
	}
}
