package emergency

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/rules/ladder"
	"github.com/callbox911/callbox/internal/snapshot"
)

// halves are worlds that somebody began to set up. Way says whether a trunk leads
// anywhere when the site has none of its own.
var halves = []struct {
	name   string
	change func(*world)
	way    bool
}{
	{"whole", func(*world) {}, true},
	{"no relay centre", func(w *world) { w.noRelay = true }, true},
	{"no PSAP", func(w *world) { w.noPSAP = true }, true},
	{"neither PSAP nor relay centre", func(w *world) { w.noPSAP, w.noRelay = true, true }, false},
	{"no numbers", func(w *world) { w.noNumber = true }, true},
	{"no callback number at all", func(w *world) { w.site.ECBN, w.user.Callback, w.noNumber = "", "", true }, true},
	{"a building without address", func(w *world) { w.building.Address, w.building.Point = e911.Civic{Country: "US"}, nil }, true},
	{"a telephone of no model, of nobody", func(w *world) { w.device.Model, w.device.User = "", "" }, true},
	{"a trunk whose name nobody knows", func(w *world) { w.carrierA.To = "sip:psap@nowhere.example" }, true},
}

// Every state of an organisation, stage and mode of its site, with a trunk of the
// site's own and without, in a world that is whole and in those that are half set
// up, dials 911: a leg goes out at once wherever any trunk leads anywhere, in order
// until the caller hangs up; what a gate is about is flagged; nobody is refused who
// has a way, and who has none hears 503 and never that the number does not exist.
//
// Proves: E1, F-24, W-01, W-24, W-29, W-30, W-42, W-45, N-02, N-41, P-15
func TestEveryGateIsWalkedByAWholeCall(t *testing.T) {
	n := 0
	for _, half := range halves {
		t.Run(half.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				for _, state := range append(e911.OrgStates(), "") {
					for _, stage := range []e911.Stage{e911.StageNone, e911.Stage933, e911.Stage911} {
						for _, mode := range []e911.SiteMode{e911.ModeDynamic, e911.ModeTN} {
							for _, pstn := range []bool{false, true} {
								g := gate{state, stage, mode, pstn}
								g.dial(t, half.change, half.way || pstn)
								n++
							}
						}
					}
				}
			})
		})
	}
	t.Logf("%d calls", n)
}

type gate struct {
	state e911.OrgState
	stage e911.Stage
	mode  e911.SiteMode
	pstn  bool
}

func (g gate) String() string {
	return fmt.Sprintf("organisation %q, stage %q, mode %q, own trunk %t", g.state, g.stage, g.mode, g.pstn)
}

// closed reports that the E911 path is not meant to be used.
func (g gate) closed() bool { return !g.state.Live() || g.stage != e911.Stage911 }

func (g gate) dial(t *testing.T, half func(*world), way bool) {
	t.Helper()
	k := fixedKit(t, half, func(w *world) { w.org.State, w.site.Stage, w.site.Mode = g.state, g.stage, g.mode })
	if g.pstn {
		k.ownTrunk(t)
	}
	for _, to := range []string{carrierA, carrierB, ecrcA, pstnHQ} {
		k.psaps[to] = refuses(503)
	}
	caller := k.call(t.Context(), invite())
	after(6 * time.Second)
	first, routed := k.dialled(), one[journal.Routed](t, k.journal, journal.CallRouted)
	caller.emit(sipedge.Event{Kind: sipedge.Cancelled})
	k.run.Wait()
	end := one[journal.Ended](t, k.journal, journal.CallEnded)
	if !way {
		if first > 0 || end.By != "callbox" || !slices.Contains(routed.Flags, FlagNoRoute) || !strings.Contains(k.tr.String(), "caller refused 503") {
			t.Errorf("%v: no way at all: %d legs, ended %+v, flags %v\n%s", g, first, end, routed.Flags, k.tr)
		}
		return
	}
	if first < 3 || end.By != "caller" { // again and again
		t.Errorf("%v: %d legs in 6 s, ended %+v\n%s", g, first, end, k.tr)
	}
	due, err := journal.Decode[journal.Due](k.journal.all(journal.NotifyDue)[0])
	if err != nil {
		t.Fatal(err)
	}
	local := k.leg(1).invite.Dest.String() == pstnHQ
	switch shut := g.closed() || g.mode == e911.ModeTN; {
	case g.pstn && shut && !local:
		t.Errorf("%v: the first leg went to %s, not by the site's own trunk", g, k.leg(1).invite.Dest)
	case local && shut && !slices.Contains(due.Flags, FlagSitePath):
		t.Errorf("%v: by the site's own trunk, and people are told %v", g, due.Flags)
	case !local && g.closed() && routed.Rungs[0].Kind != string(ladder.KindRelay) && !slices.Contains(due.Flags, ladder.FlagNotSetUp):
		t.Errorf("%v: by the E911 path, and people are told %v", g, due.Flags)
	}
}

// ownTrunk gives the site a trunk of its own into the telephone network.
func (k *kit) ownTrunk(t *testing.T) {
	t.Helper()
	snap := k.h.cfg.Snapshot.Load()
	org := id[e911.OrgID](1)
	tr := e911.Trunk{
		ID: id[e911.TrunkID](301), Org: org, Key: "pstn-mill", Side: e911.SideLocal, Kind: e911.RouteLocal, Profile: e911.ProfilePlain,
		To: "sip:gw@" + pstnHQ, From: []netip.Prefix{netip.MustParsePrefix("127.0.0.41/32")}, DRFrom: []netip.Prefix{},
	}
	site, _ := snap.Org(org).Site(id[e911.SiteID](2))
	site.Local = []e911.TrunkID{tr.ID}
	next, err := snap.Apply([]snapshot.Change{
		{Kind: e911.KindTrunk, Org: org, ID: string(tr.ID), Object: tr},
		{Kind: e911.KindSite, Org: org, ID: string(site.ID), Object: site},
	}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	k.h.cfg.Snapshot.Store(next)
}
