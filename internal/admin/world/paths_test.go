package world_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/world"
	"github.com/callbox911/callbox/internal/e911"
)

const (
	gateway   = `      - {key: gateway, side: local, kind: local, profile: elin, to: "sip:911@127.0.0.27", from: [127.0.0.27/32], dr_from: []}` + "\n"
	canadians = `  relays:
    - {key: centre-ca, name: Centre, routes: [{trunk: ecrc-a}], countries: [ca], languages: [fr, EN]}
`
)

func (b *bench) every(kind e911.ObjectKind, org e911.OrgID) map[string]any {
	b.t.Helper()
	found := map[string]any{}
	err := b.st.Read(b.t.Context(), func(r admin.Reader) error {
		list, err := r.List(b.t.Context(), admin.Query{Kind: kind, Org: org})
		for _, o := range list {
			found[admin.KeyOf(o.Value)] = o.Value
		}
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return found
}

// withPaths is the world of the other tests with all that decides a call's way.
func withPaths(t *testing.T) string {
	t.Helper()
	text := edit(t, harbor(), "      - {key: pbx, side: platform", gateway+"      - {key: pbx, side: platform")
	text = edit(t, text, "\norganisations:\n", canadians+"\norganisations:\n")
	text = edit(t, text, "    name: Harbor Foods\n", "    name: Harbor Foods\n    state: trial\n")
	return edit(t, text, "        mode: dynamic\n", "        mode: tn\n        local: [gateway]\n        mode_acknowledged: {by: Ana Reyes, at: 2026-01-31}\n")
}

// A site's own trunks, who accepted TN mode, an organisation's state and a relay
// centre of its own for Canada come in, and coming in again they change nothing.
//
// Proves: F-20, F-22, F-24, W-01, W-24
func TestWhatDecidesACallsWay(t *testing.T) {
	b := newBench(t)
	text := withPaths(t)
	b.must(text)
	if report := b.must(text); report.Changes() != 0 {
		t.Errorf("the same file changed %+v", report.Counts)
	}
	org := b.org("harbor")
	if org.State != e911.OrgTrial {
		t.Errorf("state = %q", org.State)
	}
	site := b.every(e911.KindSite, org.ID)["hq"].(e911.Site)
	trunk := b.every(e911.KindTrunk, org.ID)["gateway"].(e911.Trunk)
	want := e911.ModeAcknowledgement{By: "Ana Reyes", At: time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)}
	if diff := cmp.Diff([]e911.TrunkID{trunk.ID}, site.Local); diff != "" || site.ModeAcknowledged != want || site.Mode != e911.ModeTN {
		t.Errorf("site = %+v\n%s", site, diff)
	}
	relay := b.every(e911.KindPSAP, "")["centre-ca"].(e911.PSAP)
	if diff := cmp.Diff([][]string{{"CA"}, {"fr", "en"}}, [][]string{relay.Countries, relay.Languages}); diff != "" {
		t.Errorf("the relay centre (-want +got):\n%s", diff)
	}
}

// Proves: F-20, F-22, F-23, F-24, E15
func TestWhatIsWrongWithACallsWayIsSaid(t *testing.T) {
	const hq, relay = "organisations[0].sites[0]", "world.relays[0]"
	for _, r := range []refusal{
		{name: "a state that nobody knows", old: "state: trial", bad: "state: paused", path: "organisations[0].state", code: "syntax"},
		{name: "a site's trunk that does not exist", old: "local: [gateway]", bad: "local: [gatewai]", path: hq + ".local[0]", code: "unknown"},
		{name: "a platform as a site's trunk", old: "local: [gateway]", bad: "local: [pbx]", path: hq + ".local[0]", code: "forbidden"},
		{name: "a site's trunk twice", old: "local: [gateway]", bad: "local: [gateway, gateway]", path: hq + ".local[1]", code: "duplicate"},
		{name: "TN mode with radio and telephones that ask, and nobody accepts it", old: "        mode_acknowledged: {by: Ana Reyes, at: 2026-01-31}\n", bad: "", path: hq + ".mode", code: "forbidden"},
		{name: "nobody's acceptance", old: "by: Ana Reyes, ", bad: "", path: hq + ".mode_acknowledged.by", code: "required"},
		{name: "an acceptance without a day", old: ", at: 2026-01-31", bad: "", path: hq + ".mode_acknowledged.at", code: "required"},
		{name: "an acceptance of dynamic mode", old: "mode: tn", bad: "mode: dynamic", path: hq + ".mode_acknowledged", code: "forbidden"},
		{name: "a country in words", old: "countries: [ca]", bad: "countries: [canada]", path: relay + ".countries[0]", code: "syntax"},
		{name: "a language in words", old: "languages: [fr", bad: "languages: [french", path: relay + ".languages[0]", code: "syntax"},
		{name: "two relay centres for any country", old: "countries: [ca], ", bad: "", path: relay + ".relay", code: "duplicate"},
		{name: "an alternate without an agreement", old: "boundary: {us_county: \"25017\"}", bad: "boundary: {us_county: \"25017\"}\n      alternates: [{psap: psap-suffolk}]", path: "world.psaps[0].alternates[0].agreement", code: "required"},
		{name: "an alternate that is nobody", old: "boundary: {us_county: \"25017\"}", bad: "boundary: {us_county: \"25017\"}\n      alternates: [{psap: nobody, agreement: x}]", path: "world.psaps[0].alternates[0].psap", code: "unknown"},
		{name: "the relay centre as an alternate", old: "boundary: {us_county: \"25017\"}", bad: "boundary: {us_county: \"25017\"}\n      alternates: [{psap: ecrc, agreement: x}]", path: "world.psaps[0].alternates[0].psap", code: "forbidden"},
	} {
		t.Run(r.name, func(t *testing.T) {
			b := newBench(t)
			_, err := b.run(edit(t, withPaths(t), r.old, r.bad), world.Options{})
			if f := faultAt(err, r.path); f == nil || f.Code != r.code || f.Fix == "" {
				t.Errorf("error = %v, want %s at %s", err, r.code, r.path)
			}
		})
	}
}
