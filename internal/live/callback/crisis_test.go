package callback

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/registrar"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/snapshot"
)

// crisisKit is the world of the other tests, whose one site has a trunk of its own,
// and a second site with another.
func crisisKit(t *testing.T, change ...func(*e911.Site, *e911.Trunk)) *kit {
	t.Helper()
	k := newKit(t)
	snap := k.holder.Load()
	org := id[e911.OrgID](1)
	hq, _ := snap.Org(org).Site(id[e911.SiteID](2))
	hq.Local, hq.MainNumber = []e911.TrunkID{id[e911.TrunkID](12)}, deskN
	mill, _ := snap.Trunk(id[e911.TrunkID](12))
	depot := e911.Trunk{ID: id[e911.TrunkID](32), Org: org, Key: "depot", Side: e911.SideLocal, Kind: e911.RouteLocal, Profile: e911.ProfilePlain, To: "sip:gw@127.0.0.32:5060", From: []netip.Prefix{netip.MustParsePrefix("127.0.0.32/32")}, DRFrom: []netip.Prefix{}}
	other := e911.Site{ID: id[e911.SiteID](33), Org: org, Key: "depot", Name: "Depot", Zone: "UTC", Mode: e911.ModeDynamic, Stage: e911.Stage911, Local: []e911.TrunkID{depot.ID}}
	for _, c := range change {
		c(&hq, &mill)
	}
	next, err := snap.Apply([]snapshot.Change{
		{Kind: e911.KindTrunk, Org: org, ID: string(depot.ID), Object: depot},
		{Kind: e911.KindTrunk, Org: org, ID: string(mill.ID), Object: mill},
		{Kind: e911.KindSite, Org: org, ID: string(hq.ID), Object: hq},
		{Kind: e911.KindSite, Org: org, ID: string(other.ID), Object: other},
		{Kind: e911.KindNumber, Org: org, ID: string(id[e911.NumberID](40)), Object: e911.NumberRec{ID: id[e911.NumberID](40), Org: org, Site: hq.ID, Number: lineA}},
	}, noon)
	if err != nil {
		t.Fatal(err)
	}
	k.holder.Store(next)
	return k
}

const pbxAt = "127.0.0.11:5060"

// dial988 is a call to 988 in some spelling by the PBX.
func (k *kit) dial988(uri, from string, more ...sipedge.Header) *leg {
	l := &leg{k: k, name: "caller", events: make(chan sipedge.Event, 16), req: &sipedge.Request{
		Method: "INVITE", URI: uri, Source: netip.MustParseAddrPort(from), Transport: "udp", CallID: "crisis-1", Body: []byte(sdp), ContentType: "application/sdp",
		Headers: slices.Concat(more, sipedge.Headers{{Name: "From", Value: "<sip:" + string(lineA) + "@pbx.example>;tag=2"}, {Name: "Max-Forwards", Value: "68"}}),
	}}
	k.run.Go(func() {
		k.s.Serve(k.t.Context(), l)
		k.note("served")
	})
	return l
}

// Proves: F-22, W-12, P-09
func TestTheCrisisLifelineIsCalledByTheSitesTrunk(t *testing.T) {
	for _, uri := range []string{"sip:988@callbox.example", "sip:9988@callbox.example", "tel:988", "sip:+1988@callbox.example"} {
		t.Run(uri, func(t *testing.T) {
			k := crisisKit(t)
			caller := k.dial988(uri, pbxAt)
			k.await("dial sip:988@127.0.0.31:5060")
			in := k.leg(1).invite
			if !strings.HasPrefix(in.From, "<sip:"+string(lineA)+"@") || in.Headers.Get("Priority") != "" || in.Headers.Get("Resource-Priority") != "" || in.Headers.Get("Geolocation") != "" {
				t.Errorf("the call goes out as %q with %v", in.From, in.Headers)
			}
			k.leg(1).happens(sipedge.Provisional, 180)
			k.await("caller hears 180")
			k.leg(1).happens(sipedge.Answered, 200)
			k.await("caller answered by 1 with true")
			caller.happens(sipedge.ByeReceived, 0)
			k.await("leg1 hung up on")
			k.await("served")
			if len(k.facts) > 0 {
				t.Errorf("who called 988 is kept: %v", k.facts)
			}
		})
	}
}

// Proves: F-22, E1
func TestTheCrisisLifelineIsTriedByEveryTrunk(t *testing.T) {
	k := crisisKit(t)
	k.dial988("sip:988@callbox.example", pbxAt)
	k.await("dial sip:988@127.0.0.31:5060")
	k.leg(1).happens(sipedge.Failed, 404)
	k.await("dial sip:988@127.0.0.32:5060")
	k.leg(2).happens(sipedge.Failed, 503)
	k.await("caller refused 503")
	k.await("served")
	if n := k.kinds(journal.AlarmRaised); n != 1 || len(k.facts) != 1 {
		t.Errorf("%d alarms, %d facts", n, len(k.facts))
	}
	for _, f := range k.facts {
		a, err := journal.Decode[journal.Alarm](f)
		if err != nil || a.Code != AlarmCrisis || strings.Contains(a.Detail, string(lineA)) || a.Source != "" {
			t.Errorf("%+v %v", a, err)
		}
	}
}

// Proves: F-22, E14, F-23, C-99
func TestWhoMayCallTheCrisisLifeline(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*e911.Site, *e911.Trunk)
		from   string
		phone  bool
		want   string
	}{
		{name: "a PBX of the organisation", from: pbxAt, want: "dial sip:988@127.0.0.31:5060"},
		{name: "another organisation without a trunk gets 503, and not our trunk", from: "127.0.0.41:5060", want: "caller refused 503"},
		{name: "the telephone network itself", from: "127.0.0.31:5060", want: "caller refused 404"},
		{name: "a PSAP", from: esinet, want: "caller refused 404"},
		{name: "a stranger", from: "127.0.0.99:5060", want: "caller refused 404"},
		{name: "a telephone that registered", from: "127.0.0.71:5060", phone: true, want: "dial sip:988@127.0.0.31:5060"},
		{name: "a site without a trunk takes that of another site", from: pbxAt, want: "dial sip:988@127.0.0.32:5060", change: func(s *e911.Site, tr *e911.Trunk) { s.Local, tr.Side, tr.To = nil, e911.SidePlatform, "" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			var change []func(*e911.Site, *e911.Trunk)
			if c.change != nil {
				change = append(change, c.change)
			}
			k := crisisKit(t, change...)
			var more []sipedge.Header
			if c.phone {
				k.phones.list = []registrar.Binding{{Org: id[e911.OrgID](1), User: "1001", Device: id[e911.DeviceID](5), Source: netip.MustParseAddrPort(c.from), At: noon.Add(-time.Minute)}}
				more = []sipedge.Header{{Name: "From", Value: "<sip:1001@harbor.example>;tag=1"}, {Name: "Proxy-Authorization", Value: "good"}}
			}
			caller := k.dial988("sip:988@callbox.example", c.from, more...)
			k.await(c.want)
			caller.happens(sipedge.Cancelled, 0)
			if c.phone && !strings.HasPrefix(k.leg(1).invite.From, "<sip:"+string(lineA)+"@") {
				t.Error(k.leg(1).invite.From)
			}
		})
	}
}
