package identify_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/identify"
)

// newQuay is a site where every rule of F-21 has a number to give. The area is
// of the site where the device is.
func newQuay() *harbor {
	h := newHarbor()
	h.sites = []e911.Site{{
		ID: "quay", Key: "quay", Name: "Quay", ECBN: "+16175550100", MainNumber: "+16175550101",
		Areas: []e911.SiteArea{
			{Key: "f2", Name: "Floor 2", Locations: []e911.LocationID{"room-210"}, ECBN: "+16175550102"},
			{Key: "mill", Buildings: []e911.BuildingID{"mill"}, ECBN: "+16175550103"},
		},
	}, {ID: "depot", Key: "depot", Name: "Depot"}}
	h.users = []e911.User{{ID: "u", Key: "ann", Name: "Ann", Site: "quay", DeviceUserID: "ann", ECBN: e911.ECBN{Choice: e911.ECBNDirect}}}
	h.devices = []e911.Device{{ID: "d", Key: "lobby", Site: "quay", ECBN: e911.ECBN{Choice: e911.ECBNMember, Member: "+16175550104"}}}
	h.numbers = []e911.NumberRec{
		{Number: "+16175550100", Site: "quay", Owner: e911.OwnerWorkspace},
		{Number: "+16175550101", Site: "quay", Owner: e911.OwnerPerson},
		{Number: "+16175550102", Site: "quay", Owner: e911.OwnerWorkspace},
		{Number: "+16175550103", Site: "quay", Owner: e911.OwnerWorkspace},
		{Number: "+16175550104", Site: "quay", Owner: e911.OwnerPerson},
		{Number: "+16175550111", Site: "quay", User: "u"},
		{Number: "+16175550120", Site: "quay", Owner: e911.OwnerVirtualLine, ECBN: e911.ECBN{Choice: e911.ECBNMember, Member: "+16175550104"}},
		{Number: "+14135550199", Site: "depot", Owner: e911.OwnerWorkspace},
	}
	h.billing = "+16175550190"
	return h
}

func (h *harbor) number(n e911.Number) *e911.NumberRec {
	i := slices.IndexFunc(h.numbers, func(r e911.NumberRec) bool { return r.Number == n })
	return &h.numbers[i]
}

var room210 = e911.Place{Site: "quay", Building: "mill", Location: "room-210"}

func line(n string) headers { return headers{"From": {"<sip:" + n + "@10.0.0.1>"}} }

// Each step takes away what gave the number of the step before: the order of
// F-21 is read off it.
//
// Proves: F-21, W-02, W-03, W-04, W-05, W-56, N-10
func TestTheOrderOfCallbackNumbers(t *testing.T) {
	h := newQuay()
	call := invite(line("+16175550111"))
	call.Headers.(headers)["E911-User-ID"] = []string{"ann"}
	h.users[0].Callback = "+14135550122"
	var got []string
	step := func(what string, change func()) {
		change()
		r := identify.Who(h, h, call).WithCallback(h, identify.Scene{Place: room210, Billing: h.billing})
		flags := slices.DeleteFunc(slices.Clone(r.Flags), func(f string) bool { return !strings.Contains(f, "callback") })
		got = append(got, strings.TrimSpace(fmt.Sprintf("%s\n    -> %-13s %s %s, %s %s", what, r.Callback, r.Level, r.Grade, r.CallbackWhy, strings.Join(flags, " "))))
	}
	step("Ann's platform names her in its header, and she registered her mobile.", func() {})
	step("The header is not sent: nobody's override outranks the list.", func() { delete(call.Headers.(headers), "E911-User-ID") })
	step("Ann's number is taken out of service.", func() { h.number("+16175550111").Status = e911.NumberInactive })
	step("Ann chooses the number of a member.", func() { h.users[0].ECBN = e911.ECBN{Choice: e911.ECBNMember, Member: "+16175550104"} })
	step("That member moves to another site.", func() { h.number("+16175550104").Site = "depot" })
	step("Ann chooses nothing, and her number is in service again.", func() {
		h.users[0].ECBN, h.number("+16175550111").Status = e911.ECBN{}, e911.NumberActive
	})
	step("Her room is in no area any more, its building is.", func() { h.sites[0].Areas = h.sites[0].Areas[1:] })
	step("The number of the building's area is out of service.", func() { h.number("+16175550103").Status = e911.NumberInactive })
	step("The site's number is out of service.", func() { h.number("+16175550100").Status = e911.NumberInactive })
	step("Ann's override is taken away.", func() { h.users[0].Callback = "" })
	step("Ann's number is out of service.", func() { h.number("+16175550111").Status = e911.NumberInactive })
	step("An auto attendant answers the main number.", func() { h.number("+16175550101").Owner = e911.OwnerAutoAttendant })
	step("There is no billing number.", func() { h.billing = "" })
	step("The main number is toll-free.", func() { h.sites[0].MainNumber = "+18005550101" })
	step("Another site has a desk.", func() { h.sites[1].ECBN = "+14135550199" })
	compare(t, "order.txt", strings.Join(got, "\n")+"\n")
}

// compare holds a transcript against its file; CALLBOX_UPDATE=1 writes it.
func compare(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("CALLBOX_UPDATE") != "" {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the transcript differs from %s:\n%s", path, got)
	}
}

// Proves: W-03, W-41, W-56, F-13, F-34
func TestWhoseChoiceCounts(t *testing.T) {
	for _, c := range []struct {
		name  string
		call  identify.Call
		place e911.Place
		edit  func(*harbor)
		want  e911.Number
		level identify.Level
	}{
		{"a virtual line's own choice, wherever the telephone is", invite(line("+16175550120")), room210, nil, "+16175550104", identify.LevelMember},
		{
			"a virtual line without a choice does not take that of the telephone's owner",
			identify.Call{Registered: "d", Headers: line("+16175550120")},
			room210,
			func(h *harbor) {
				h.devices[0].User, h.devices[0].SIP = "u", &e911.SIPAccount{User: "2001", Line: "+16175550120"}
				h.number("+16175550120").ECBN = e911.ECBN{}
			},
			"+16175550102", identify.LevelArea,
		},
		{"a lobby telephone without a line chose for itself", identify.Call{Registered: "d"}, room210, nil, "+16175550104", identify.LevelMember},
		{
			"a lobby telephone that chose nothing: the area",
			identify.Call{Registered: "d"},
			room210,
			func(h *harbor) { h.devices[0].ECBN = e911.ECBN{} }, "+16175550102", identify.LevelArea,
		},
		{
			"a lobby telephone of no known place: the site",
			identify.Call{Registered: "d"},
			e911.Place{},
			func(h *harbor) { h.devices[0].ECBN = e911.ECBN{} }, "+16175550100", identify.LevelSite,
		},
		{
			"LOCATION_ECBN is the area's number where there is one", invite(line("+16175550111")), room210,
			func(h *harbor) { h.users[0].ECBN.Choice = e911.ECBNLocation }, "+16175550102", identify.LevelArea,
		},
		{
			"a line that chose for itself before its owner", invite(line("+16175550111")), room210,
			func(h *harbor) { h.number("+16175550111").ECBN.Choice = e911.ECBNLocation }, "+16175550102", identify.LevelArea,
		},
		{"the area is where the device is, not whose line it has", invite(line("+14135550199")), room210, nil, "+16175550102", identify.LevelArea},
		{
			"the depot's line in no area of the quay: the quay is near, the depot has no desk", invite(line("+14135550199")),
			e911.Place{Site: "quay", Building: "shed"},
			nil, "+16175550100", identify.LevelSite,
		},
		{
			"the depot's desk before the quay's: the callback follows the line", invite(line("+14135550199")),
			e911.Place{Site: "quay", Building: "shed"},
			func(h *harbor) { h.sites[1].ECBN = "+14135550199" }, "+14135550199", identify.LevelSite,
		},
		{
			"a site that chose its main number", invite(line("+16175550111")),
			e911.Place{},
			func(h *harbor) {
				h.users[0].ECBN = e911.ECBN{}
				h.sites[0].ECBN, h.sites[0].ECBNChoice = "", e911.ECBNMain
			},
			"+16175550101", identify.LevelSite,
		},
		{
			"a site whose member moved away", invite(line("+16175550111")),
			e911.Place{},
			func(h *harbor) {
				h.users[0].ECBN, h.sites[0].ECBNChoice = e911.ECBN{}, e911.ECBNMember
				h.number("+16175550100").Site = "depot"
			},
			"+16175550111", identify.LevelOwn,
		},
		{
			"a telephone says who calls: not believed",
			identify.Call{Registered: "d", Headers: headers{"E911-User-ID": {"ann"}, "P-Asserted-Identity": {"<sip:+16175550111@x>"}}},
			room210, nil, "+16175550104", identify.LevelMember,
		},
		{
			"a user named by his platform on a line of nobody: his own number",
			identify.Call{Trunk: pbx, Headers: headers{"E911-User-ID": {"ann"}, "From": {"<sip:+12125550177@x>"}}},
			room210, nil, "+16175550111", identify.LevelDirect,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newQuay()
			if c.edit != nil {
				c.edit(h)
			}
			r := identify.Who(h, h, c.call).WithCallback(h, identify.Scene{Place: c.place, Billing: h.billing})
			if r.Callback != c.want || r.Level != c.level {
				t.Errorf("%s by %s (%s), want %s by %s", r.Callback, r.Level, r.CallbackWhy, c.want, c.level)
			}
		})
	}
}

// Proves: W-05
func TestGrades(t *testing.T) {
	h := newQuay()
	h.numbers = append(h.numbers,
		e911.NumberRec{Number: "+16175550130", Site: "quay", Owner: e911.OwnerHuntGroup},
		e911.NumberRec{Number: "+16175550131", Site: "quay", Owner: e911.OwnerAutoAttendant},
		e911.NumberRec{Number: "+16175550132", Site: "quay", Owner: e911.OwnerOther},
		e911.NumberRec{Number: "+16175550133", Site: "quay"},
		e911.NumberRec{Number: "+16175550134", Site: "quay", User: "u", Status: e911.NumberInactive},
		e911.NumberRec{Number: "+18005550134", Site: "quay", User: "u"})
	for n, want := range map[e911.Number]identify.Grade{
		"+16175550111": identify.Recommended, "+16175550100": identify.Recommended,
		"+16175550120": identify.NotRecommended, "+16175550130": identify.NotRecommended, "+16175550131": identify.NotRecommended,
		"+16175550132": identify.NotRecommended, "+16175550133": identify.NotRecommended, "+12125550177": identify.NotRecommended,
		"+16175550134": identify.Invalid, "+18005550134": identify.Invalid, "+442079460000": identify.Invalid, "": identify.Invalid,
	} {
		if got, why := identify.GradeOf(h, n); got != want || why == "" {
			t.Errorf("%s is %s (%s), want %s", n, got, why, want)
		}
	}
}

// Whatever is configured, what goes out can be called, is in service, and there
// is none only where none exists.
//
// Proves: F-21, W-05, E6
func TestACallbackNumberIsGivenWheneverThereIsOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pool := []e911.Number{"", "+16175550100", "+16175550101", "+14135550102", "+18005550103", "+442079460000", "911"}
		number := rapid.SampledFrom(pool)
		choice := func(name string) e911.ECBN {
			return e911.ECBN{
				Choice: rapid.SampledFrom([]e911.ECBNChoice{"", e911.ECBNDirect, e911.ECBNLocation, e911.ECBNMember}).Draw(t, name),
				Member: number.Draw(t, name+" member"),
			}
		}
		h := &harbor{}
		for _, id := range []e911.SiteID{"a", "b"} {
			h.sites = append(h.sites, e911.Site{
				ID: id, Key: string(id), Name: string(id), ECBN: number.Draw(t, "ecbn"), MainNumber: number.Draw(t, "main"),
				ECBNChoice: rapid.SampledFrom([]e911.ECBNChoice{"", e911.ECBNMain, e911.ECBNMember}).Draw(t, "site's choice"),
				Areas:      []e911.SiteArea{{Key: "x", Buildings: []e911.BuildingID{"mill"}, ECBN: number.Draw(t, "area")}},
			})
		}
		site := rapid.SampledFrom([]e911.SiteID{"", "a", "b"})
		h.users = []e911.User{{ID: "u", Key: "u", Name: "U", Site: site.Draw(t, "user's site"), Callback: number.Draw(t, "override"), DeviceUserID: "u", ECBN: choice("user")}}
		h.devices = []e911.Device{{ID: "d", Key: "d", Site: site.Draw(t, "device's site"), User: rapid.SampledFrom([]e911.UserID{"", "u"}).Draw(t, "owner"), ECBN: choice("device")}}
		for i, n := range pool[1:6] {
			if rapid.Bool().Draw(t, "ours") {
				h.numbers = append(h.numbers, e911.NumberRec{
					Number: n, Site: site.Draw(t, "site"), User: rapid.SampledFrom([]e911.UserID{"", "u"}).Draw(t, "user"),
					Status: rapid.SampledFrom([]e911.NumberStatus{"", e911.NumberInactive}).Draw(t, "status"),
					Owner:  rapid.SampledFrom([]e911.OwnerKind{"", e911.OwnerVirtualLine, e911.OwnerAutoAttendant}).Draw(t, "answers"), ECBN: choice(fmt.Sprint("line", i)),
				})
			}
		}
		trunk := rapid.SampledFrom([]e911.Trunk{{}, pbx, {ID: "c", Side: e911.SideCarrier}}).Draw(t, "trunk")
		from := number.Draw(t, "from")
		c := identify.Call{Trunk: trunk, Headers: headers{"From": {"<sip:" + string(from) + "@x>"}, "E911-User-ID": {"u"}}}
		if rapid.Bool().Draw(t, "registered") {
			c.Registered = "d"
		}
		scene := identify.Scene{Billing: number.Draw(t, "billing"), Place: e911.Place{Site: site.Draw(t, "place"), Building: "mill"}}
		r := identify.Who(h, h, c).WithCallback(h, scene)
		if r.CallbackWhy == "" || r.Level == "" {
			t.Fatalf("no reason: %+v", r)
		}
		if r.Callback != "" {
			if g, why := identify.GradeOf(h, r.Callback); g == identify.Invalid || r.Grade != g {
				t.Fatalf("%s was given, which is %s: %s", r.Callback, g, why)
			}
			return
		}
		usable := func(n e911.Number) bool { g, _ := identify.GradeOf(h, n); return g != identify.Invalid }
		if usable(scene.Billing) || r.Line != "" && usable(r.Line) {
			t.Fatalf("none was given although there is one: %+v", r)
		}
		for _, s := range h.sites {
			if usable(s.Callback()) {
				t.Fatalf("none was given although the site %s has %s", s.ID, s.Callback())
			}
		}
	})
}

// An id that differs in capitals or blanks is nobody's, and the finding names
// whose it may be meant to be.
//
// Proves: N-20, F-13
func TestANearMissIsNamedAndMatchesNobody(t *testing.T) {
	for id, named := range map[string]bool{"AGENT4711": true, "agent 4711": true, "Agent4711": true, "agent471": false, "agent4711x": false} {
		r := who(invite(headers{"E911-User-ID": {id}, "From": {"<sip:+14135550199@x>"}}))
		if r.User != nil || !slices.Contains(r.Flags, identify.FlagUnknownIdentity) {
			t.Errorf("%q is taken for %+v", id, r.User)
		}
		says := slices.ContainsFunc(r.Findings, func(f e911.Finding) bool { return strings.Contains(f.Why, `"agent4711"`) && !f.Chosen })
		if says != named {
			t.Errorf("%q: the near miss is named: %v, want %v", id, says, named)
		}
	}
}

// Proves: W-06
func TestWhoDependsOnANumber(t *testing.T) {
	h := newQuay()
	h.sites[0].ECBNChoice, h.sites[1].ECBN = e911.ECBNMember, "+16175550104"
	for n, want := range map[e911.Number]string{
		"+16175550100": "true false 0 [{site quay it is the site's emergency callback number}]",
		"+16175550102": "true false 0 [{site quay it is the number of the area f2}]",
		"+16175550111": "false true 0 [{user ann chose it as the direct line}]",
		"+16175550104": "true false 2 [{device lobby chose it as the number of a member} {number +16175550120 chose it as the number of a member} {site depot it is the site's emergency callback number}]",
		"+16175550101": "false false 0 []",
		"+14135550199": "false false 0 []",
	} {
		var d identify.Dependencies
		rec, _ := h.Number(n)
		for _, s := range h.sites {
			d.Site(n, s)
		}
		for _, u := range h.users {
			d.User(rec, u)
		}
		for _, v := range h.devices {
			d.Device(rec, v)
		}
		for _, l := range h.numbers {
			d.Line(rec, l)
		}
		d.Sorted()
		if got := fmt.Sprint(d.SiteDefault, d.SelfDefault, d.Members, " ", d.By); strings.Join(strings.Fields(got), " ") != want || d.InUse() != (len(d.By) > 0) {
			t.Errorf("%s: %s, want %s", n, got, want)
		}
	}
}
