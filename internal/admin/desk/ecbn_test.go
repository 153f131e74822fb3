package desk_test

import (
	"strings"
	"testing"

	"github.com/callbox911/callbox/internal/admin/desk"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/snapshot"
)

// Proves: W-04, W-05, W-06, W-56
func TestWhoseCallbackNumberIsWhich(t *testing.T) {
	const org = e911.OrgID("o")
	put := func(kind e911.ObjectKind, id string, v any) snapshot.Change {
		return snapshot.Change{Kind: kind, Org: org, ID: id, Object: v}
	}
	site := e911.Site{
		ID: "s", Org: org, Key: "hq", Name: "HQ", Zone: "America/New_York", Mode: e911.ModeDynamic, Stage: e911.Stage911, ECBN: "+16175550100",
		Areas: []e911.SiteArea{{Key: "lab", Locations: []e911.LocationID{"l"}, ECBN: "+16175550102"}},
	}
	build := func(status e911.NumberStatus) desk.Config {
		snap, err := snapshot.Build([]snapshot.Change{
			put(e911.KindOrg, "o", e911.Org{ID: org, Key: "harbor", Name: "Harbor"}), put(e911.KindSite, "s", site),
			put(e911.KindBuilding, "b", e911.Building{ID: "b", Org: org, Site: "s", Key: "mill", Name: "Mill"}),
			put(e911.KindLocation, "l", e911.Location{ID: "l", Org: org, Building: "b", Key: "lab"}),
			put(e911.KindUser, "u", e911.User{ID: "u", Org: org, Site: "s", Key: "ann", Name: "Ann", ECBN: e911.ECBN{Choice: e911.ECBNMember, Member: "+16175550102"}}),
			put(e911.KindNumber, "n1", e911.NumberRec{ID: "n1", Org: org, Site: "s", Number: "+16175550111", User: "u"}),
			put(e911.KindNumber, "n2", e911.NumberRec{ID: "n2", Org: org, Site: "s", Number: "+16175550102", Owner: e911.OwnerWorkspace, Status: status}),
			put(e911.KindNumber, "n3", e911.NumberRec{ID: "n3", Org: org, Site: "s", Number: "+16175550100", Owner: e911.OwnerAutoAttendant}),
		}, now)
		if err != nil {
			t.Fatal(err)
		}
		return desk.Config{World: snap, Now: now}
	}
	tell := func(c desk.Config, w desk.Whose) string {
		list, err := c.Callbacks(w)
		if err != nil {
			return err.Error()
		}
		var b strings.Builder
		for _, a := range list {
			b.WriteString(a.Text())
		}
		return b.String()
	}
	world := build(e911.NumberActive)
	for _, c := range []struct {
		name string
		in   desk.Config
		w    desk.Whose
		want string
	}{
		{"a user", world, desk.Whose{User: "ann"}, `user ann on +16175550111: +16175550102
  LOCATION_MEMBER_NUMBER, RECOMMENDED: the number of a member of the same site: the owner of the line chose it
  needed by site hq: it is the number of the area lab
  needed by user ann: chose it as the number of a member
`},
		{"the same when the number is taken out of service", build(e911.NumberInactive), desk.Whose{User: "ann"}, `user ann on +16175550111: +16175550100
  LOCATION_ECBN, NOT_RECOMMENDED: the emergency callback number of the site HQ (not recommended: an auto attendant answers it)
  +16175550102: not given to the PSAP: it is not in service
  needed by site hq: it is the site's emergency callback number
`},
		{"a site and its areas", world, desk.Whose{Site: "hq"}, `site hq: +16175550100
  LOCATION_ECBN, NOT_RECOMMENDED: the emergency callback number of the site HQ (not recommended: an auto attendant answers it)
  needed by site hq: it is the site's emergency callback number
area lab of site hq: +16175550102
  AREA_ECBN, RECOMMENDED: the emergency callback number of the area lab, where the device is
  needed by site hq: it is the number of the area lab
  needed by user ann: chose it as the number of a member
`},
		{"a number", world, desk.Whose{Number: "617-555-0102", Org: "harbor"}, `number +16175550102: +16175550100
  LOCATION_ECBN, NOT_RECOMMENDED: the emergency callback number of the site HQ (not recommended: an auto attendant answers it)
  +16175550102: itself it is RECOMMENDED: it is in service, and a telephone of a workspace rings
  needed by site hq: it is the number of the area lab
  needed by user ann: chose it as the number of a member
`},
		{"nobody's user", world, desk.Whose{User: "bob"}, "there is no user bob"},
		{"no such site", world, desk.Whose{Site: "x"}, "there is no site x"},
		{"no such organisation", world, desk.Whose{Org: "x"}, "there is no organisation x"},
	} {
		if got := tell(c.in, c.w); got != c.want {
			t.Errorf("%s:\n%s\nwant:\n%s", c.name, got, c.want)
		}
	}
}
