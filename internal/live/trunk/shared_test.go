package trunk_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/live/trunk"
	"github.com/callbox911/callbox/internal/snapshot"
)

// tenants is a world of two organisations with a PBX and a number each.
func tenants(t *testing.T) *threshold {
	t.Helper()
	b := newThreshold(t, platform("a", "user-a"))
	changes := []snapshot.Change{}
	for _, o := range []string{"o1", "o2"} {
		org, key := e911.OrgID(o), map[string]string{"o1": "a", "o2": "b"}[o]
		v := platform(key, "user-"+key)
		v.Org = org
		site := e911.SiteID("site-" + key)
		n := e911.NumberRec{ID: e911.NumberID("n-" + key), Org: org, Site: site, Number: e911.Number("+1617555010" + map[string]string{"a": "1", "b": "2"}[key])}
		changes = append(
			changes, snapshot.Change{Kind: e911.KindOrg, Org: org, ID: o, Object: e911.Org{ID: org, Key: "org-" + key, Name: key}},
			snapshot.Change{Kind: e911.KindSite, Org: org, ID: string(site), Object: e911.Site{ID: site, Org: org, Key: "hq", Name: "hq", Zone: "America/New_York", ECBN: n.Number}},
			snapshot.Change{Kind: e911.KindNumber, Org: org, ID: string(n.ID), Object: n},
			snapshot.Change{Kind: e911.KindTrunk, Org: org, ID: string(v.ID), Object: v},
		)
	}
	world, err := snapshot.Build(changes, b.now)
	if err != nil {
		t.Fatal(err, e911.FaultsOf(err))
	}
	b.holder.Store(world)
	return b
}

func (b *threshold) proves(from, user string) {
	b.t.Helper()
	q := b.invite(from, "933")
	if got := b.asked(b.answering(q, b.asked(q, false), user, "new-secret"), false); !got.Proved {
		b.t.Fatalf("%s from %s: %s", user, from, said(got))
	}
}

// The call from is who says so in From and P-Asserted-Identity.
func (b *threshold) callFrom(from, user, asserted, agent string) *sipedge.Request {
	q := b.invite(from, "911")
	q.Headers = sipedge.Headers{{Name: "From", Value: "<sip:" + user + "@pbx.example>;tag=1"}, {Name: "User-Agent", Value: agent}}
	if asserted != "" {
		q.Headers = append(q.Headers, sipedge.Header{Name: "P-Asserted-Identity", Value: "<sip:" + asserted + "@pbx.example>"})
	}
	return q
}

// A hosted PBX calls for two customers from one address; so does whoever sits behind
// the same translator as somebody else's PBX.
//
// Proves: E1, E14, F-10, N-44
func TestACallForHelpFromAnAddressThatOrganisationsShare(t *testing.T) {
	for _, c := range []struct{ name, user, asserted, agent, want string }{
		{"the number is one of the first's", "+16175550101", "", "", "a"},
		{"the number is one of the second's", "anonymous", "+16175550102", "", "b"},
		{"From is the user of the first", "user-a", "", "", "a"},
		{"its user, whatever the number says", "user-a", "+16175550102", "", "a"},
		{"the number is in no list", "+12125550177", "", "", "nobody"},
		{"there is no number", "anonymous", "", "", "nobody"},
		{"a registered telephone behind the same translator is nobody's PBX", "+16175550101", "", "a registered phone", "nobody"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := tenants(t)
			b.proves("203.0.113.7", "user-a")
			if got := said(b.asked(b.callFrom("203.0.113.7", c.user, "", ""), true)); got != "a" {
				t.Errorf("while it is the first's alone: %s", got)
			}
			b.proves("203.0.113.7", "user-b")
			q := b.callFrom("203.0.113.7", c.user, c.asserted, c.agent)
			if got := said(b.asked(q, true)); got != c.want {
				t.Errorf("got %s, want %s; never a refusal", got, c.want)
			}
			told := 0
			for _, a := range b.alarms {
				if a.Code == trunk.AlarmShared {
					told++
				}
			}
			if ambiguous := c.want == "nobody" && c.agent == ""; ambiguous != (told == 3) || !ambiguous && told > 0 {
				t.Errorf("%d alarms, want one for the operator and each organisation where it is nobody's", told)
			}
			if c.agent == "" {
				if got := said(b.asked(q, false)); !strings.HasSuffix(got, "407") {
					t.Errorf("an ordinary call: %s, want a challenge", got)
				}
			}
			b.now = b.now.Add(31 * 24 * time.Hour)
			if got := said(b.asked(q, true)); got != "nobody 407" {
				t.Errorf("after 31 days: %s", got)
			}
		})
	}
}

// Proves: N-44, F-10 (a deleted organisation's credentials, and what it proved before)
func TestThePBXOfAnOrganisationThatIsGone(t *testing.T) {
	b := tenants(t)
	b.proves("203.0.113.7", "user-b")
	b.world(platform("a", "user-a")) // without o2
	q := b.invite("203.0.113.7", "933")
	id := b.asked(q, false)
	if got := said(id); got != "nobody 407" {
		t.Errorf("an ordinary call: %s", got)
	}
	if got := said(b.asked(b.answering(q, id, "user-b", "new-secret"), false)); got != "nobody 407" {
		t.Errorf("with the credentials of old: %s", got)
	}
	if got := said(b.asked(b.invite("203.0.113.7", "911"), true)); got != "nobody 407" {
		t.Errorf("an emergency call: %s, want that of a stranger", got)
	}
}

// Proves: N-44, E14, F-10 (who changes his address all the time makes nobody else forgotten)
func TestAPBXThatIsEverywhereMakesNobodyForgotten(t *testing.T) {
	b := tenants(t)
	b.proves("203.0.113.7", "user-a")
	a := netip.MustParseAddr("2001:db8::1")
	for range 200 {
		q := b.invite("203.0.113.8", "933")
		q.Source = netip.AddrPortFrom(a, 5060)
		if got := b.asked(b.answering(q, b.asked(q, false), "user-b", "new-secret"), false); !got.Proved {
			t.Fatal(said(got))
		}
		a, b.now = a.Next(), b.now.Add(time.Second)
	}
	if got := said(b.asked(b.invite("203.0.113.7", "911"), true)); got != "a" {
		t.Errorf("the other one's emergency call: %s", got)
	}
	if known := b.Known(sipedge.Source{Addr: netip.MustParseAddr("2001:db8::1")}); known {
		t.Error("a PBX is known at more addresses than it may be")
	}
	from, at, ok := b.Seen("b")
	if !ok || from != a.Prev() || at.IsZero() {
		t.Errorf("it was last seen at %v %v %v", from, at, ok)
	}
}

// The first call of a PBX is a 911: it is asked, answers, and goes on; from then on it
// is not asked.
//
// Proves: E1, F-10, N-44
func TestTheFirstCallOfAPBXIsFor911(t *testing.T) {
	b := tenants(t)
	q := b.callFrom("203.0.113.7", "+16175550101", "", "")
	id := b.asked(q, true)
	if got := said(id); got != "nobody 407" {
		t.Fatalf("a stranger: %s", got)
	}
	if got := said(b.asked(b.answering(q, id, "user-a", "new-secret"), true)); got != "a proved" {
		t.Errorf("its answer: %s", got)
	}
	if got := said(b.asked(b.callFrom("203.0.113.7", "+12125550177", "", ""), true)); got != "a" {
		t.Errorf("the next one: %s, want no challenge", got)
	}
	stolen := b.callFrom("198.51.100.66", "+16175550101", "", "")
	if got := said(b.asked(b.answering(stolen, b.asked(stolen, true), "user-a", "a guess"), true)); got != "nobody 407" {
		t.Errorf("a stolen user name: %s", got)
	}
}
