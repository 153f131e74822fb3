package world_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/world"
	"github.com/callbox911/callbox/internal/e911"
)

// callbackWorld is the issue's world with areas, a virtual line and choices.
func callbackWorld(t *testing.T, changes ...string) string {
	t.Helper()
	text := strings.Replace(issueShape, `ecbn: "+16175550100"`, `ecbn: "+16175550100"
        ecbn_choice: LOCATION_MEMBER_NUMBER
        main_number: "+16175550101"
        esa: mill-1-f2-210
        areas: [{key: lab, name: Laboratory, locations: [mill-1-f2-210], ecbn: "+16175550102"}]`, 1)
	text = strings.Replace(text, `        numbers: [`, `        numbers: [{number: "+16175550100", owner: workspace}, {number: "+16175550101", owner: auto_attendant}, {number: "+16175550102", owner: workspace, status: active}, {number: "+16175550120", owner: virtual_line, location: mill-1-f2-210, ecbn: {choice: LOCATION_MEMBER_NUMBER, member: "+16175550102"}}, `, 1)
	if !strings.Contains(text, "virtual_line") || !strings.Contains(text, "areas:") {
		t.Fatal("the issue's world has another shape")
	}
	for i := 0; i+1 < len(changes); i += 2 {
		next := strings.ReplaceAll(text, changes[i], changes[i+1])
		if next == text {
			t.Fatalf("nothing to change: %s", changes[i])
		}
		text = next
	}
	return text
}

// Proves: W-03, W-05, W-56, P-19, P-20
func TestCallbackNumbersOfAWorldFile(t *testing.T) {
	b := newBench(t)
	rep := b.must(callbackWorld(t))
	for _, w := range rep.Warnings {
		if strings.Contains(w.Msg, "callback number") {
			t.Errorf("warning %s", w)
		}
	}
	if rep := b.must(callbackWorld(t)); rep.Changes() != 0 {
		t.Errorf("the same file changes %+v", rep.Counts)
	}
	err := b.st.Read(t.Context(), func(r admin.Reader) error {
		orgs, err := r.Orgs(t.Context())
		if err != nil || len(orgs) != 1 {
			t.Fatalf("%d organisations, %v", len(orgs), err)
		}
		sites, err := r.List(t.Context(), admin.Query{Kind: e911.KindSite, Org: orgs[0].ID})
		if err != nil || len(sites) != 1 {
			t.Fatalf("%d sites, %v", len(sites), err)
		}
		s := sites[0].Value.(e911.Site)
		place := e911.Place{Site: s.ID, Location: s.ESA}
		if a, ok := s.AreaOf(place); !ok || a.ECBN != "+16175550102" || s.Callback() != "+16175550100" || s.ESA == "" {
			t.Errorf("site %+v", s)
		}
		lines, err := r.List(t.Context(), admin.Query{Kind: e911.KindNumber, Org: orgs[0].ID, Field: admin.ByMember, Value: "+16175550102"})
		if err != nil || len(lines) != 1 || lines[0].Value.(e911.NumberRec).Owner != e911.OwnerVirtualLine {
			t.Errorf("%d lines chose the member, %v", len(lines), err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Proves: W-03, W-05, W-06, W-56, N-20
func TestWhatIsWrongWithCallbackNumbers(t *testing.T) {
	const vline = `member: "+16175550102"`
	for _, c := range []struct {
		name    string
		changes []string
		path    string // of the fault, or of the warning
		says    string
		warning bool
	}{
		{"the number of a member without the member", []string{vline, `member: ""`}, "ecbn.member", "none is named", false},
		{"a member of no site of ours", []string{vline, `member: "+16175550133"`}, "ecbn.member", "no number of the same site", false},
		{"a member that is not in service", []string{"owner: workspace, status: active", "owner: workspace, status: inactive"}, "ecbn.member", "not in service", false},
		{"a number in use that is not in service", []string{"owner: workspace, status: active", "owner: workspace, status: inactive"}, "status", "it is the number of the area lab", false},
		{"a choice that there is not", []string{"choice: LOCATION_MEMBER_NUMBER", "choice: MY_NUMBER"}, "ecbn.choice", "no choice", false},
		{"a member beside another choice", []string{"choice: LOCATION_MEMBER_NUMBER", "choice: DIRECT_LINE"}, "ecbn.member", "not what is chosen", false},
		{"a site that chose a number of nobody", []string{`ecbn: "+16175550100"`, `ecbn: "+16175550199"`}, "ecbn", "no number of the same site", false},
		{"a site that chose its main number and has another", []string{"ecbn_choice: LOCATION_MEMBER_NUMBER", "ecbn_choice: LOCATION_NUMBER"}, "ecbn_choice", "another number", false},
		{"a site of an unknown choice", []string{"ecbn_choice: LOCATION_MEMBER_NUMBER", "ecbn_choice: ANY"}, "ecbn_choice", "no choice of a site", false},
		{"an area of nothing", []string{"locations: [mill-1-f2-210]", "locations: []"}, "areas[0].locations", "holds no place", false},
		{"an area of a place that is not there", []string{"locations: [mill-1-f2-210]", "locations: [mill-9]"}, "areas[0].locations[0]", "no location", false},
		{"an area without a number", []string{`ecbn: "+16175550102"}]`, `ecbn: ""}]`}, "areas[0].ecbn", "none", false},
		{"a number that nothing answers", []string{"owner: virtual_line", "owner: robot"}, "owner", "answers no number", false},
		{"a number of an unknown state", []string{"status: active", "status: lost"}, "status", "no state", false},
		{"an area whose number a machine answers", []string{`ecbn: "+16175550102"}]`, `ecbn: "+16175550101"}]`}, "areas[0].ecbn", "NOT_RECOMMENDED", true},
		{"a site whose number is of a hunt group", []string{`{number: "+16175550100", owner: workspace}`, `{number: "+16175550100", owner: hunt_group}`}, "ecbn", "hunt group", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			rep, err := newBench(t).run(callbackWorld(t, c.changes...), world.Options{DryRun: true})
			list := e911.FaultsOf(err)
			if c.warning {
				list = rep.Warnings
			}
			if !slices.ContainsFunc(list, func(f e911.Fault) bool {
				return strings.HasSuffix(f.Path, "."+c.path) && strings.Contains(f.Msg, c.says) && f.Fix != "" && f.Row > 1
			}) {
				t.Errorf("no word of it: %v %v", err, list)
			}
		})
	}
}

// A number that somebody is called back by stays: the import that drops it is
// refused with all who depend on it, and nothing is changed.
//
// Proves: W-06, E15
func TestANumberInUseIsNotDropped(t *testing.T) {
	b := newBench(t)
	b.must(callbackWorld(t))
	const number = `{number: "+16175550102", owner: workspace, status: active}, `
	_, err := b.run(callbackWorld(t, number, "", `ecbn: {choice: LOCATION_MEMBER_NUMBER, member: "+16175550102"}`, "ecbn: {choice: NONE}"), world.Options{})
	if err == nil || !strings.Contains(err.Error()+faultText(err), "the number of the area lab") {
		t.Fatalf("the number of an area was dropped: %v", err)
	}
	_, err = b.run(callbackWorld(t, number, "", `ecbn: "+16175550102"}]`, `ecbn: "+16175550100"}]`), world.Options{})
	if err == nil || !strings.Contains(faultText(err), "number +16175550120 (chose it as the number of a member)") {
		t.Fatalf("the number of a member was dropped: %v", err)
	}
	// Nobody depends on it any more.
	b.must(callbackWorld(t, number, "", `ecbn: "+16175550102"}]`, `ecbn: "+16175550100"}]`,
		`ecbn: {choice: LOCATION_MEMBER_NUMBER, member: "+16175550102"}`, "ecbn: {choice: NONE}"))
}

func faultText(err error) string {
	var all strings.Builder
	for _, f := range e911.FaultsOf(err) {
		all.WriteString(f.String() + "\n")
	}
	return all.String()
}
