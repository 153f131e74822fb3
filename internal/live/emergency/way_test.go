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
	"github.com/callbox911/callbox/internal/snapshot"
)

const (
	pstnHQ     = "127.0.0.41:5060"
	pstnDallas = "127.0.0.42:5060"
	pstnBerlin = "127.0.0.43:5060"
	pstnCanada = "127.0.0.44:5060"
	centreCA   = "127.0.0.45:5060"
)

var berlinDesk, torontoDesk = id[e911.LocationID](207), id[e911.LocationID](217)

// ways is the world of twoCities with a trunk of the site's own at the mill and in
// Dallas, a site in Berlin, one in Toronto, and a relay centre of Canada.
func ways(t *testing.T, site func(*e911.Site), change ...func(*world)) *kit {
	t.Helper()
	k := twoCities(t, change...)
	snap := k.h.cfg.Snapshot.Load()
	var org e911.OrgID
	for o := range snap.Orgs() {
		org = o.ID()
	}
	var changes []snapshot.Change
	add := func(kind e911.ObjectKind, of e911.OrgID, id string, v any) {
		changes = append(changes, snapshot.Change{Kind: kind, Org: of, ID: id, Object: v})
	}
	trunk := func(n int, key, to string, side e911.TrunkSide) e911.TrunkID {
		tr := e911.Trunk{
			ID: id[e911.TrunkID](n), Key: key, Side: side, Kind: e911.RouteLocal, Profile: e911.ProfilePlain, To: "sip:gw@" + to,
			From: []netip.Prefix{netip.PrefixFrom(netip.MustParseAddrPort(to).Addr(), 32)}, DRFrom: []netip.Prefix{},
		}
		of := org
		if side == e911.SideRelay {
			tr.Kind, tr.Profile, of = e911.RouteProvider, e911.ProfileCarrier, ""
		}
		tr.Org = of
		add(e911.KindTrunk, of, string(tr.ID), tr)
		return tr.ID
	}
	o := snap.Org(org)
	hq, _ := o.Site(id[e911.SiteID](2))
	hq.Local = []e911.TrunkID{trunk(301, "pstn-mill", pstnHQ, e911.SideLocal)}
	if site != nil {
		site(&hq)
	}
	add(e911.KindSite, org, string(hq.ID), hq)
	depot, _ := o.Site(id[e911.SiteID](102))
	depot.Local = []e911.TrunkID{trunk(302, "pstn-depot", pstnDallas, e911.SideLocal)}
	add(e911.KindSite, org, string(depot.ID), depot)
	far := func(n int, key string, a e911.Civic, local e911.TrunkID) {
		s := e911.Site{ID: id[e911.SiteID](n), Org: org, Key: key, Name: key, Zone: "UTC", Mode: e911.ModeDynamic, Stage: e911.Stage911, Local: []e911.TrunkID{local}}
		b := e911.Building{ID: id[e911.BuildingID](n + 1), Org: org, Site: s.ID, Key: key, Name: key, Address: a}
		l := e911.Location{ID: id[e911.LocationID](n + 5), Org: org, Building: b.ID, Key: key + "-desk", Detail: e911.Civic{FLR: "1"}}
		add(e911.KindSite, org, string(s.ID), s)
		add(e911.KindBuilding, org, string(b.ID), b)
		add(e911.KindLocation, org, string(l.ID), l)
	}
	far(202, "berlin", e911.Civic{Country: "DE", A1: "BE", A3: "Berlin", HNO: "1", RD: "Invalidenstraße", PC: "10115"}, trunk(303, "pstn-berlin", pstnBerlin, e911.SideLocal))
	far(212, "toronto", e911.Civic{Country: "CA", A1: "ON", A3: "Toronto", HNO: "100", RD: "Queen", STS: "Street", POD: "West", PC: "M5H 2N2"}, trunk(304, "pstn-toronto", pstnCanada, e911.SideLocal))
	relay := e911.PSAP{
		ID: id[e911.PSAPID](305), Key: "centre-ca", Name: "Centre of Canada", Relay: true, Countries: []string{"CA"}, Languages: []string{"en", "fr"},
		Routes: []e911.TrunkID{trunk(306, "centre-ca", centreCA, e911.SideRelay)},
	}
	add(e911.KindPSAP, "", string(relay.ID), relay)
	for p := range snap.AllPSAPs() {
		if p.Relay {
			p.Countries = []string{"US"}
			add(e911.KindPSAP, "", string(p.ID), p)
		}
	}
	next, err := snap.Apply(changes, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	k.h.cfg.Snapshot.Store(next)
	for addr := range k.psaps {
		k.psaps[addr] = refuses(503)
	}
	for _, addr := range []string{pstnHQ, pstnDallas, pstnBerlin, pstnCanada, centreCA} {
		k.psaps[addr] = refuses(503)
	}
	return k
}

// pass lets every way fail once and writes down what each was given.
func pass(t *testing.T, k *kit, r *sipedge.Request) string {
	t.Helper()
	caller := k.call(t.Context(), r)
	after(500 * time.Millisecond)
	caller.emit(sipedge.Event{Kind: sipedge.Cancelled})
	k.run.Wait()
	routed := one[journal.Routed](t, k.journal, journal.CallRouted)
	due, err := journal.Decode[journal.Due](k.journal.all(journal.NotifyDue)[0])
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	fmt.Fprintf(&out, "    we believe   %s\n", due.Place.Display)
	if due.Sent != nil {
		fmt.Fprintf(&out, "    sent to 911  %s\n", due.Sent.Display)
	}
	slices.Sort(routed.Flags)
	fmt.Fprintf(&out, "    flags        %s\n", strings.Join(routed.Flags, " "))
	for i := 1; i <= k.dialled(); i++ {
		in := k.leg(i).invite
		where := "no location"
		if slices.ContainsFunc(in.Headers, func(h sipedge.Header) bool { return h.Name == "Geolocation" }) {
			where = "the location"
		}
		user, _, _ := strings.Cut(strings.TrimPrefix(in.From, "<sip:"), "@")
		fmt.Fprintf(&out, "    %d. %-11s %-42s as %s, %s\n", i, routed.Rungs[i-1].Trunk.Key, in.URI, user, where)
	}
	if a := alarms(t, k.journal); slices.Contains(a, string(AlarmTNMoved)) {
		fmt.Fprintln(&out, "    alarm        "+AlarmTNMoved)
	}
	return out.String()
}

// Whole calls that nobody answers, to the end of the first pass: which ways are
// tried, in which order, and what each is given.
//
// Proves: E1, E10, E11, F-03, F-16, F-20, F-22, F-24, F-35, F-36, W-01, W-10, W-24, W-29, W-30, W-42, W-45, N-40
func TestWhichWaysACallGoes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var out strings.Builder
		say := func(what string, k *kit, where e911.LocationID, line string) {
			t.Helper()
			changes := []func(*sipedge.Request){fromLine(line), without("E911-User-ID")}
			if where != "" {
				k.at(ourToken, where, e911.ByLLDPPort)
				changes = append(changes, header("Geolocation", "<"+ourToken+">"))
			}
			fmt.Fprintf(&out, "%s\n%s\n", what, pass(t, k, invite(changes...)))
		}
		fixed := func(w *world) { w.model.HELD, w.device.User = false, "" }
		mill, floor3, dallas := id[e911.LocationID](7), id[e911.LocationID](17), id[e911.LocationID](107)
		tn := func(s *e911.Site) { s.Mode = e911.ModeTN }
		stage := func(s *e911.Site) { s.Stage = e911.Stage933 }
		say("On site, at the mill in Cambridge.", ways(t, nil), mill, ownLine)
		say("A line of Cambridge on a telephone in Dallas.", ways(t, nil), dallas, ownLine)
		say("A site in TN mode.", ways(t, tn, fixed), "", ownLine)
		say("A site in TN mode; the telephone is on another floor of its building.", ways(t, tn), floor3, ownLine)
		say("A site in TN mode; the telephone is in Dallas.", ways(t, tn), dallas, ownLine)
		say("A site of stage 933 with a trunk of its own.", ways(t, stage), mill, ownLine)
		say("A site of stage 933 without one.", ways(t, func(s *e911.Site) { s.Stage, s.Local = e911.Stage933, nil }), mill, ownLine)
		say("An organisation that opted out.", ways(t, nil, func(w *world) { w.org.State = e911.OrgOptedOut }), mill, ownLine)
		say("A suspended organisation; the telephone is in Dallas.", ways(t, nil, func(w *world) { w.org.State = e911.OrgSuspended }), dallas, ownLine)
		say("Nobody knows where the caller is.", ways(t, nil), "", ownLine)
		say("In Berlin, at our site there, with a line of Cambridge.", ways(t, nil), berlinDesk, ownLine)
		say("In Toronto, a softphone.", ways(t, nil), torontoDesk, ownLine)
		transcript(t, "ways.txt", out.String())
	})
}

// 988 is an ordinary call: nobody is alerted and nothing is recorded as an
// emergency, with or without an outside digit.
//
// Proves: W-12, F-22
func TestTheCrisisLifelineRaisesNoAlert(t *testing.T) {
	bubble(t, func(t *testing.T) {
		for _, uri := range []string{"sip:988@callbox.example", "sip:9988@callbox.example"} {
			k := ways(t, nil)
			k.call(t.Context(), invite(func(r *sipedge.Request) { r.URI = uri }))
			k.run.Wait()
			if n := len(k.journal.all("")); n > 0 || k.dialled() > 0 {
				t.Errorf("%s: %d facts, %d legs", uri, n, k.dialled())
			}
		}
	})
}
