package station_test

import (
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/admin/inventory"
	"github.com/callbox911/callbox/internal/admin/station"
	"github.com/callbox911/callbox/internal/e911"
	rules "github.com/callbox911/callbox/internal/rules/station"
	"github.com/callbox911/callbox/internal/snapshot"
)

const harbor e911.OrgID = "harbor"

var now = time.Date(2026, 11, 22, 14, 0, 0, 0, time.UTC)

func world(t *testing.T) *snapshot.Snapshot {
	t.Helper()
	var changes []snapshot.Change
	put := func(kind e911.ObjectKind, id string, object any) {
		org := harbor
		if kind == e911.KindModel {
			org = ""
		}
		changes = append(changes, snapshot.Change{Kind: kind, Org: org, ID: id, Object: object})
	}
	us := e911.Civic{Country: "US", A1: "IL", A3: "Chicago", HNO: "1", RD: "Wacker", STS: "Drive", PC: "60606"}
	ca := e911.Civic{Country: "CA", A1: "ON", A3: "Toronto", HNO: "100", RD: "Queen", STS: "Street", PC: "M5H 2N2"}
	day := time.Date(2023, 5, 1, 0, 0, 0, 0, time.UTC)
	put(e911.KindModel, "soft", e911.Model{ID: "soft", Key: "softphone", HELD: true})
	put(e911.KindModel, "desk", e911.Model{ID: "desk", Key: "desk-phone"})
	put(e911.KindOrg, "harbor", e911.Org{ID: harbor, Key: "harbor", Name: "Harbor"})
	for id, a := range map[string]e911.Civic{"chi": us, "tor": ca} {
		put(e911.KindSite, id, e911.Site{ID: e911.SiteID(id), Org: harbor, Key: id, Name: id, Zone: "UTC", Mode: e911.ModeDynamic, Stage: e911.Stage911})
		put(e911.KindBuilding, id+"-b", e911.Building{ID: e911.BuildingID(id + "-b"), Org: harbor, Site: e911.SiteID(id), Key: id + "-b", Name: id, Address: a, SquareFeet: 90_000})
		put(e911.KindLocation, id+"-l", e911.Location{ID: e911.LocationID(id + "-l"), Org: harbor, Building: e911.BuildingID(id + "-b"), Key: id + "-l", Detail: e911.Civic{FLR: "1", ROOM: "10"}})
	}
	put(e911.KindElement, "wall", e911.Element{ID: "wall", Org: harbor, Location: "chi-l", Kind: e911.ElementMAC, MAC: "00:1b:54:00:00:2d", Mobility: e911.MobilityFixed})
	put(e911.KindUser, "ana", e911.User{ID: "ana", Org: harbor, Site: "tor", Key: "ana", Name: "Ana", OffPremises: &e911.Consent{By: "Ana", At: day, Text: "2023-01 fr"}})
	put(e911.KindUser, "bob", e911.User{ID: "bob", Org: harbor, Site: "chi", Key: "bob", Name: "Bob"})
	device := func(id, site string, model e911.ModelID, v e911.Device) {
		v.ID, v.Org, v.Site, v.Key, v.Model = e911.DeviceID(id), harbor, e911.SiteID(site), id, model
		put(e911.KindDevice, id, v)
	}
	device("wall-phone", "chi", "desk", e911.Device{MAC: "00:1b:54:00:00:2d", Station: &e911.Station{Class: e911.StationFixed, Installed: day}})
	device("lobby", "chi", "desk", e911.Device{Station: &e911.Station{Class: e911.StationFixed, Installed: day}})
	device("laptop", "chi", "soft", e911.Device{User: "bob", Station: &e911.Station{Class: e911.StationNonFixed, Installed: day}})
	device("unstated", "chi", "desk", e911.Device{MAC: "00:1b:54:00:00:2e"})
	device("home", "tor", "soft", e911.Device{User: "ana", Station: &e911.Station{
		Class: e911.StationOffPremises, Installed: day,
		NotFeasible: e911.Infeasible{Reason: "=HYPERLINK(0)", By: "Ana", At: day},
	}})
	number := func(id string, n e911.NumberRec) {
		n.ID, n.Org, n.Number = e911.NumberID(id), harbor, e911.Number(id)
		put(e911.KindNumber, id, n)
	}
	number("+13125550101", e911.NumberRec{Site: "chi", Location: "chi-l"})
	number("+13125550102", e911.NumberRec{Site: "chi", User: "bob"})
	number("+13125550103", e911.NumberRec{Site: "chi", Owner: e911.OwnerAutoAttendant})
	s, err := snapshot.Build(changes, now)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Proves: F-39, N-06
func TestWhatIsMissingOfEachStation(t *testing.T) {
	r, err := station.Check(world(t), station.Question{Org: harbor, Now: now, Seen: map[string]inventory.Device{
		"laptop": {Device: "laptop", Last: now, By: e911.ByUserSet},
	}})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, row := range r.Stations {
		var codes []string
		for _, g := range row.Gaps {
			codes = append(codes, g.Code)
		}
		got[row.Key] = strings.Join(append([]string{row.How}, codes...), " ")
	}
	want := map[string]string{
		"wall-phone":   "mac",
		"lobby":        "site_default " + rules.NoDetail,
		"laptop":       " " + rules.NoReason, // its user said where he is: that is not automatic
		"unstated":     "site_default " + rules.NoClass + " " + rules.NoInstallDate,
		"home":         " " + rules.NotConfirmed, // Canada: no federal rule of the United States, a consent, no confirmed address
		"+13125550101": "number " + rules.NoClass + " " + rules.NoInstallDate,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if r.Total.Stations != 6 || r.Total.Whole != 1 || r.Total.Missing[rules.NoClass] != 2 || len(r.Sites) != 2 || len(r.States) != 2 || r.States[1].Key != "US-IL" {
		t.Errorf("%+v %+v %+v", r.Total, r.Sites, r.States)
	}
	for _, b := range r.Buildings {
		few := len(b.Gaps) > 0 && b.Gaps[0].Code == rules.FewLocations
		if b.Key == "chi-b" != (few && b.LookedUp) {
			t.Errorf("%+v", b)
		}
	}
}

// The file, the screen and the JSON are of one report.
//
// Proves: N-26, E14
func TestTheFileSaysWhatTheScreenSays(t *testing.T) {
	r, err := station.Check(world(t), station.Question{Org: harbor, Now: now, Site: "tor"})
	if err != nil || len(r.Stations) != 1 {
		t.Fatal(err, r.Stations)
	}
	var b strings.Builder
	if err := station.WriteCSV(&b, r); err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(strings.NewReader(b.String())).ReadAll()
	if err != nil || len(lines) != 2 {
		t.Fatal(err, lines)
	}
	text, _ := json.Marshal(r.Stations[0])
	var said map[string]any
	if err := json.Unmarshal(text, &said); err != nil {
		t.Fatal(err)
	}
	for i, name := range lines[0] {
		if want, ok := said[name].(string); ok && want != lines[1][i] {
			t.Errorf("%s: %q, want %q", name, lines[1][i], want)
		}
	}
	if cells := strings.Join(lines[1], "|"); !strings.Contains(cells, "'=HYPERLINK") || !strings.Contains(cells, "2023-01 fr") || !strings.HasSuffix(cells, rules.NotConfirmed) {
		t.Error(cells)
	}
	if _, err := station.Check(world(t), station.Question{Org: "other", Now: now}); e911.KindOf(err) != e911.NotFound {
		t.Error(err)
	}
}
