package emergency

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/live/lis"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/rules/locate"
	"github.com/callbox911/callbox/internal/snapshot"
)

const (
	ownLine     = "+16175550111" // of a person in Cambridge, room 210
	virtualLine = "+12145550120" // of a help desk in Dallas, shown on telephones anywhere
	dallasLine  = "+12145550130" // of nobody in particular, in Dallas
)

// twoCities is the demonstration world with a depot in Dallas, a virtual line of
// that depot, and two areas in Cambridge.
func twoCities(t *testing.T, change ...func(*world)) *kit {
	t.Helper()
	var w world
	base := func(x *world) {
		x.user.Callback = ""
		x.site.ECBN = "+16175550100"
		x.site.Areas = []e911.SiteArea{
			{Key: "f3", Name: "Floor 3", Locations: []e911.LocationID{x.secondLoc.ID}, ECBN: "+16175550103"},
		}
	}
	k := newKit(t, slices.Concat([]func(*world){base}, change, []func(*world){func(x *world) { w = *x }})...)
	org := w.org.ID
	site := e911.Site{ID: id[e911.SiteID](102), Org: org, Key: "depot", Name: "Depot", Zone: "America/Chicago", Mode: e911.ModeDynamic, Stage: e911.Stage911, ECBN: "+12145550100"}
	building := e911.Building{
		ID: id[e911.BuildingID](106), Org: org, Site: site.ID, Key: "depot-1", Name: "Depot", Point: &e911.Point{Lat: 32.78, Lon: -96.8},
		Address: e911.Civic{Country: "US", A1: "TX", A2: "Dallas County", A3: "Dallas", HNO: "1500", RD: "Main", STS: "Street", PC: "75201"},
	}
	desk := e911.Location{ID: id[e911.LocationID](107), Org: org, Building: building.ID, Key: "depot-desk", Detail: e911.Civic{FLR: "1", ROOM: "Help desk"}}
	psap := w.psap
	psap.ID, psap.Key, psap.Name, psap.Boundary = id[e911.PSAPID](113), "psap-dallas", "Dallas (demonstration)", e911.Boundary{USCounty: "48113"}
	psap.Area = e911.MultiPolygon{{{{Lat: 32, Lon: -97}, {Lat: 32, Lon: -96}, {Lat: 33, Lon: -96}, {Lat: 33, Lon: -97}}}}
	psap.Routes = []e911.TrunkID{w.carrierB.ID}
	extra := []snapshot.Change{
		{Kind: e911.KindSite, Org: org, ID: string(site.ID), Object: site},
		{Kind: e911.KindBuilding, Org: org, ID: string(building.ID), Object: building},
		{Kind: e911.KindLocation, Org: org, ID: string(desk.ID), Object: desk},
		{Kind: e911.KindPSAP, ID: string(psap.ID), Object: psap},
	}
	for i, n := range []e911.NumberRec{
		{Site: site.ID, Number: virtualLine, Owner: e911.OwnerVirtualLine, Location: desk.ID, ECBN: e911.ECBN{Choice: e911.ECBNMember, Member: "+12145550101"}},
		{Site: site.ID, Number: "+12145550101", Owner: e911.OwnerWorkspace},
		{Site: site.ID, Number: dallasLine, Location: desk.ID},
		{Site: w.site.ID, Number: "+16175550100", Owner: e911.OwnerWorkspace},
		{Site: w.site.ID, Number: "+16175550103", Owner: e911.OwnerWorkspace},
		{Site: site.ID, Number: "+12145550100", Owner: e911.OwnerWorkspace},
	} {
		n.ID, n.Org = id[e911.NumberID](120+i), org
		extra = append(extra, snapshot.Change{Kind: e911.KindNumber, Org: org, ID: string(n.ID), Object: n})
	}
	snap, err := snapshot.Build(append(w.changes(), extra...), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	k.h.cfg.Snapshot.Store(snap)
	return k
}

// at makes the location server know where the demonstration telephone is.
func (k *kit) at(ref string, where e911.LocationID, by e911.LocatedBy) {
	org := k.h.cfg.Snapshot.Load().Org(id[e911.OrgID](1))
	e, ok := locate.FromLocation(org, where, by, time.Now())
	if !ok {
		k.t.Fatal("the world has no such location")
	}
	k.locator.refs[ref] = lis.Resolved{Org: id[e911.OrgID](1), Device: string(id[e911.DeviceID](5)), Known: true, Located: true, Evidence: e}
}

func fromLine(n string) func(*sipedge.Request) {
	return func(r *sipedge.Request) {
		for i, h := range r.Headers {
			if h.Name == "From" || h.Name == "P-Asserted-Identity" {
				r.Headers[i].Value = "<sip:" + n + "@pbx.example>"
			}
		}
	}
}

// told writes what a call would do as a dispatcher would want to read it.
func told(t *testing.T, k *kit, r *sipedge.Request) string {
	t.Helper()
	f, ok := k.h.Foresee(Supposed{Request: r})
	if !ok {
		t.Fatal("it is no emergency call")
	}
	flags := slices.Concat(f.Identified.Flags, f.Located.Flags, f.Routed.Flags)
	slices.Sort(flags)
	return fmt.Sprintf("    place     %s (%s)\n    goes to   %s\n    call back %s: %s\n    flags     %s\n",
		cmp.Or(f.Located.Place.Display, "not known"), f.Located.By, f.Routed.PSAP.Name,
		f.Identified.Callback, f.Identified.CallbackWhy, cmp.Or(strings.Join(slices.Compact(flags), " "), "-"))
}

// The 3 x 2 matrix of W-41, with and without the fall-back to the number of a
// device that asks HELD (W-51): the place follows the device, and where that has
// none the line; a virtual line is called back by its own choice in every case.
//
// Proves: W-41, W-51, W-39, W-10, F-04, F-13
func TestEveryDeviceWithEveryLine(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var out strings.Builder
		for _, device := range []struct {
			name string
			held bool
			set  func(k *kit)
			ref  string
		}{
			{"A telephone that asks HELD, in room 210 of the mill in Cambridge", true, func(k *kit) { k.at(ourToken, id[e911.LocationID](7), e911.ByLLDPPort) }, ourToken},
			{"A HELD+ client that told of itself an hour ago, on floor 3 of the mill", true, func(k *kit) {
				org := k.h.cfg.Snapshot.Load().Org(id[e911.OrgID](1))
				e, _ := locate.FromLocation(org, id[e911.LocationID](17), e911.ByPrivateIP, time.Now().Add(-time.Hour))
				k.locator.latest[id[e911.DeviceID](5)] = e
			}, ""},
			{"A telephone that does not ask HELD", false, func(*kit) {}, ""},
			{"A telephone that asks HELD and was never found", true, func(*kit) {}, ""},
		} {
			for _, line := range []struct{ name, number string }{{"its own line", ownLine}, {"the virtual line of the help desk in Dallas", virtualLine}} {
				for _, fallback := range []bool{false, true} {
					k := twoCities(t, func(w *world) { w.model.HELD, w.org.DIDFallback = device.held, fallback })
					device.set(k)
					changes := []func(*sipedge.Request){fromLine(line.number)}
					if device.ref != "" {
						changes = append(changes, header("Geolocation", "<"+device.ref+">"))
					}
					fmt.Fprintf(&out, "%s,\ncalling 911 from %s; fall-back to the number %s\n%s\n", device.name, line.name, map[bool]string{true: "on", false: "off"}[fallback], told(t, k, invite(changes...)))
				}
			}
		}
		transcript(t, "w41.txt", out.String())
	})
}

// transcript holds what was told against its file; CALLBOX_UPDATE=1 writes it.
func transcript(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", "lines", name)
	if os.Getenv("CALLBOX_UPDATE") != "" {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
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

// Proves: W-10, W-56, W-39, P-19, P-20, P-61, F-13, F-21
func TestWhereALineLeadsAndWhoIsCalledBack(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var out strings.Builder
		say := func(what string, k *kit, change ...func(*sipedge.Request)) {
			fmt.Fprintf(&out, "%s\n%s\n", what, told(t, k, invite(change...)))
		}
		plain := func(w *world) { w.model.HELD = false }
		located := func(where e911.LocationID) *kit {
			k := twoCities(t)
			k.at(ourToken, where, e911.ByLLDPPort)
			return k
		}
		ref := header("Geolocation", "<"+ourToken+">")
		say("A line of Dallas on a telephone in room 210 in Cambridge:\nthe PSAP is the telephone's, the desk the line's.", located(id[e911.LocationID](7)), fromLine(dallasLine), without("E911-User-ID"), ref)
		say("The same on floor 3, an area with a callback number of its own.", located(id[e911.LocationID](17)), fromLine(dallasLine), without("E911-User-ID"), ref)
		say("A person's own line in room 210, which is in no area.", located(id[e911.LocationID](7)), fromLine(ownLine), without("E911-User-ID"), ref)
		say("The same person on floor 3.", located(id[e911.LocationID](17)), fromLine(ownLine), without("E911-User-ID"), ref)
		say("A telephone without HELD: the number of a person is looked up.", twoCities(t, plain), without("E911-User-ID"))
		say("A telephone without HELD: the number of a place is looked up.", twoCities(t, plain), fromLine(dallasLine), without("E911-User-ID"))
		say("The person moved to floor 3, and an administrator set the address of the number.", twoCities(t, plain, func(w *world) { w.number.Location = w.secondLoc.ID }), without("E911-User-ID"))
		say("The address of the number is taken away: that of the site counts again.",
			twoCities(t, plain, func(w *world) { w.number.Location, w.site.ESA = "", w.secondLoc.ID }), without("E911-User-ID"))
		say("The number is out of service, and so is the site's: its main number, which a person answers.",
			twoCities(t, plain, func(w *world) {
				w.number.Status, w.site.ECBN, w.site.MainNumber = e911.NumberInactive, "", "+16175550103"
			}), without("E911-User-ID"))
		transcript(t, "lines.txt", out.String())
	})
}
