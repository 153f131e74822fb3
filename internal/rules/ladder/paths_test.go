package ladder

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/e911"
)

// trunksOf finds carriers a, b, r, ca, us and the sites' own trunks pstn-*.
func trunksOf(id e911.TrunkID) (e911.Trunk, bool) {
	t := e911.Trunk{ID: id, Key: string(id), Side: e911.SideCarrier, Kind: e911.RouteProvider, To: "sip:psap@127.0.0.21:5071"}
	if strings.HasPrefix(string(id), "pstn") {
		t.Side, t.Kind, t.Profile = e911.SideLocal, e911.RouteLocal, e911.ProfilePlain
	}
	return t, true
}

func siteIn(id, country string, local ...e911.TrunkID) *Site {
	return &Site{ID: e911.SiteID(id), Name: id, Local: local, ECBN: "+16175550100", Mode: e911.ModeDynamic, Stage: e911.Stage911, Country: country}
}

func with(s *Site, change func(*Site)) *Site {
	v := *s
	change(&v)
	return &v
}

func sites(list ...*Site) iter.Seq[Site] {
	return func(yield func(Site) bool) {
		for _, s := range list {
			if !yield(*s) {
				return
			}
		}
	}
}

func tn(s *Site) { s.Mode = e911.ModeTN }

// text is a rung in a few words.
func text(r Rung) string {
	s := fmt.Sprintf("%s %s", r.Kind, r.Trunk.ID)
	if r.Kind == KindLocal {
		s += fmt.Sprintf(" dials %s with %s", r.Dial, r.Carry)
		if r.Bare {
			s += " bare"
		}
	}
	for _, f := range r.Flags {
		s += " [" + f + "]"
	}
	return s
}

// Proves: F-03, F-20, F-22, F-24, F-35, W-01, W-10, W-24, W-29, W-30, W-32, W-42, W-45, N-40
func TestTheOrderOfACallsWays(t *testing.T) {
	boston, dallas := siteIn("boston", "US", "pstn-boston"), siteIn("dallas", "US", "pstn-dallas")
	berlin, toronto := siteIn("berlin", "DE", "pstn-berlin"), siteIn("toronto", "CA", "pstn-toronto")
	psap := &e911.PSAP{ID: "p", Name: "Middlesex", Routes: []e911.TrunkID{"a"}}
	ca := e911.PSAP{ID: "rc", Relay: true, Name: "Centre", Routes: []e911.TrunkID{"ca"}, Countries: []string{"CA"}, Languages: []string{"en"}}
	fr := e911.PSAP{ID: "rf", Relay: true, Name: "Centre fr", Routes: []e911.TrunkID{"fr"}, Countries: []string{"CA"}, Languages: []string{"fr"}}
	us := e911.PSAP{ID: "ru", Relay: true, Name: "Relay", Routes: []e911.TrunkID{"us"}, Countries: []string{"US"}}
	relays := []e911.PSAP{ca, fr, us}
	base := func(country string, who Caller) Input {
		return Input{PSAP: psap, Relays: relays, Carriers: []e911.TrunkID{"b"}, Located: true, Country: country, Caller: who, Trunk: trunksOf}
	}
	unlocated := func(who Caller) Input {
		return Input{Relays: relays, Carriers: []e911.TrunkID{"b"}, Caller: who, Trunk: trunksOf}
	}
	agreed := base("US", Caller{Here: boston, Home: boston})
	agreed.Alternates = []e911.PSAP{{ID: "q", Name: "Suffolk", Routes: []e911.TrunkID{"alt"}}}
	for _, c := range []struct {
		name string
		in   Input
		want string
	}{
		{"on site: the site's own trunk before the relay centre", base("US", Caller{Here: boston, Home: boston}), "psap a|carrier b|local pstn-boston dials 911 with elin|relay us|relay ca|relay fr"},
		{"alternates by agreement come before the site's own trunk", agreed, "psap a|carrier b|alternate alt|local pstn-boston dials 911 with elin|relay us|relay ca|relay fr"},
		{"a line of Boston in Dallas: Dallas' trunk with its ECBN, Boston's after the relay centre", base("US", Caller{Here: dallas, Home: boston}), "psap a|carrier b|local pstn-dallas dials 911 with elin|relay us|relay ca|relay fr|local pstn-boston dials 911 with callback [location_may_be_wrong]"},
		{"suspected elsewhere: no local trunk before the relay centre", base("US", Caller{Here: boston, Home: boston, Away: true}), "psap a|carrier b|relay us|relay ca|relay fr|local pstn-boston dials 911 with callback [location_may_be_wrong]"},
		{"nobody knows where: the relay centre, and the line's site last", unlocated(Caller{Home: boston}), "relay us|relay ca|relay fr|carrier b|local pstn-boston dials 911 with callback [location_may_be_wrong]"},
		{"TN mode", base("US", Caller{Here: with(boston, tn), Home: with(boston, tn)}), "local pstn-boston dials 911 with callback bare|psap a|carrier b|relay us|relay ca|relay fr"},
		{"TN mode, and the device is in another building", base("US", Caller{Here: with(boston, tn), Home: with(boston, tn), Moved: true}), "psap a|carrier b|local pstn-boston dials 911 with elin|relay us|relay ca|relay fr"},
		{"TN mode, and nobody knows where: it does not move", unlocated(Caller{Home: with(boston, tn)}), "local pstn-boston dials 911 with callback bare|relay us|relay ca|relay fr|carrier b"},
		{"stage 933 with a trunk of its own", base("US", Caller{Here: with(boston, stage933), Home: with(boston, stage933)}), "local pstn-boston dials 911 with callback bare|psap a [site_not_set_up]|carrier b [site_not_set_up]|relay us|relay ca|relay fr"},
		{"stage 933 without one: the E911 path, flagged", base("US", Caller{Here: with(boston, bare933), Home: with(boston, bare933)}), "psap a [site_not_set_up]|carrier b [site_not_set_up]|relay us|relay ca|relay fr"},
		{"933 at stage 933 tests the E911 path", base("US", Caller{Here: with(boston, stage933), Home: with(boston, stage933), Test: true}), "psap a|carrier b|local pstn-boston dials 911 with elin|relay us|relay ca|relay fr"},
		{"opted out", base("US", Caller{Here: boston, Home: boston, State: e911.OrgOptedOut}), "local pstn-boston dials 911 with callback bare|psap a [site_not_set_up]|carrier b [site_not_set_up]|relay us|relay ca|relay fr"},
		{"opted out, at home on the sofa", base("US", Caller{Home: boston, State: e911.OrgOptedOut}), "psap a [site_not_set_up]|carrier b [site_not_set_up]|relay us|relay ca|relay fr|local pstn-boston dials 911 with callback [location_may_be_wrong]"},
		{"Canada, a telephone that stays", base("CA", Caller{Here: toronto, Home: toronto}), "local pstn-toronto dials 911 with elin|psap a|carrier b|relay ca|relay fr"},
		{"Canada, a device that moves, in French", base("CA", Caller{Here: toronto, Home: toronto, Nomadic: true, Language: "fr"}), "relay fr|relay ca|psap a|carrier b|local pstn-toronto dials 911 with elin"},
		{"Germany, at our site there", base("DE", Caller{Here: berlin, Home: boston, Sites: sites(berlin)}), "local pstn-berlin dials 112 with line|psap a|relay ca [abroad]|relay fr [abroad]|relay us [abroad]|carrier b|local pstn-boston dials 911 with callback [location_may_be_wrong]"},
		{"Germany, on the road, and we have a site there", base("DE", Caller{Home: boston, Sites: sites(berlin, boston)}), "local pstn-berlin dials 112 with line [location_may_be_wrong]|psap a|relay ca [abroad]|relay fr [abroad]|relay us [abroad]|carrier b|local pstn-boston dials 911 with callback [location_may_be_wrong]"},
		{"a line of Berlin, and nobody knows where: its own trunk", unlocated(Caller{Home: berlin}), "local pstn-berlin dials 112 with line bare|relay ca [abroad]|relay fr [abroad]|relay us [abroad]|carrier b"},
		{"nothing but another site's trunk", Input{Trunk: trunksOf, Caller: Caller{Sites: sites(dallas)}}, "local pstn-dallas dials 911 with callback [location_may_be_wrong]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, r := range Build(c.in).Rungs {
				got = append(got, text(r))
			}
			if diff := cmp.Diff(strings.Split(c.want, "|"), got); diff != "" {
				t.Errorf("rungs (-want +got):\n%s", diff)
			}
		})
	}
}

func stage933(s *Site) { s.Stage = e911.Stage933 }
func bare933(s *Site)  { s.Stage, s.Local = e911.Stage933, nil }

// Every gate and state of life, with every mode, stage, country and class of
// device, located or not, with a trunk of the site's own or without: 911 always
// has a rung, none twice, no relay centre of another country in Canada, and a local
// trunk of a place where the caller may not be never before the relay centre.
//
// Proves: E1, F-03, F-22, F-24, F-35, W-01, W-24, W-29, W-30, W-42, W-45, N-02, N-36, N-41, P-15
func TestNoGateBlocksACall(t *testing.T) {
	n := 0
	flip := []bool{false, true}
	for _, state := range append(e911.OrgStates(), "") {
		for _, stage := range []e911.Stage{e911.StageNone, e911.Stage933, e911.Stage911} {
			for _, mode := range []e911.SiteMode{e911.ModeDynamic, e911.ModeTN} {
				for _, country := range []string{"US", "CA", "DE", "PR", ""} {
					for bits := range 64 {
						on := func(i int) bool { return flip[bits>>i&1] }
						home := siteIn("home", country)
						home.Stage, home.Mode = stage, mode
						if on(0) {
							home.Local = []e911.TrunkID{"pstn-home"}
						}
						in := Input{
							Carriers: []e911.TrunkID{"b"}, Located: on(1), Country: country, Trunk: trunksOf,
							Relays: []e911.PSAP{{ID: "us", Relay: true, Routes: []e911.TrunkID{"us"}, Countries: []string{"US"}}},
							Caller: Caller{State: state, Home: home, Sites: sites(home), Nomadic: on(2), Away: on(3), Moved: on(4)},
						}
						if on(5) && in.Located {
							in.Caller.Here = home
						}
						walkOne(t, in)
						n++
					}
				}
			}
		}
	}
	t.Logf("%d calls", n)
}

func walkOne(t *testing.T, in Input) {
	t.Helper()
	plan := Build(in)
	if len(plan.Rungs) == 0 {
		t.Fatalf("no rung: %+v", in.Caller)
	}
	var seen []e911.TrunkID
	relay := slices.IndexFunc(plan.Rungs, func(r Rung) bool { return r.Kind == KindRelay })
	for i, r := range plan.Rungs {
		if slices.Contains(seen, r.Trunk.ID) {
			t.Errorf("%s stands twice: %+v", r.Trunk.ID, in.Caller)
		}
		seen = append(seen, r.Trunk.ID)
		if r.Kind == KindRelay && in.Country == "CA" && in.Located {
			t.Errorf("a relay centre of the United States for Canada: %+v", in.Caller)
		}
		if r.Kind == KindLocal && i < relay && in.Caller.Away {
			t.Errorf("a local trunk before the relay centre for somebody elsewhere: %+v", in.Caller)
		}
		if r.Kind == KindLocal && r.Dial == "" {
			t.Errorf("nothing is dialled: %+v", in.Caller)
		}
	}
	if len(in.Caller.Home.Local) > 0 && !slices.Contains(seen, "pstn-home") {
		t.Errorf("the site's own trunk is in no rung: %+v", in.Caller)
	}
}

// Proves: F-22 (the location server and the LoST server name the centre that a call
// would go to)
func TestTheRelayCentreOfACountry(t *testing.T) {
	us := e911.PSAP{ID: "us", Relay: true, Countries: []string{"US"}, Languages: []string{"en"}}
	ca := e911.PSAP{ID: "ca", Relay: true, Countries: []string{"CA"}, Languages: []string{"en"}}
	qc := e911.PSAP{ID: "qc", Relay: true, Countries: []string{"CA"}, Languages: []string{"fr"}}
	for _, c := range []struct {
		name, in, speaks string
		all              []e911.PSAP
		want             e911.PSAPID
	}{
		{"nothing is known", "", "", []e911.PSAP{ca, us}, "us"},
		{"a territory is of its country", "PR", "", []e911.PSAP{ca, us}, "us"},
		{"Canada", "ca", "", []e911.PSAP{us, ca, qc}, "ca"},
		{"Canada, French", "CA", "fr", []e911.PSAP{us, ca, qc}, "qc"},
		{"Canada, where only one of the US is", "CA", "", []e911.PSAP{us}, ""},
	} {
		if got, ok := RelayFor(c.all, c.in, c.speaks); got.ID != c.want || ok != (c.want != "") {
			t.Errorf("%s: %q, want %q", c.name, got.ID, c.want)
		}
	}
}
