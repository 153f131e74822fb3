package locate_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/locate"
)

const (
	port, bssid, nearby, chassis = e911.ByLLDPPort, e911.ByBSSID, e911.ByNeighbours, e911.ByLLDPChassis
	mac, privateIP, publicIP     = e911.ByMAC, e911.ByPrivateIP, e911.ByPublicIP
)

// Rank 7 and 8 by device class, W-51 and source (F-04).
//
// Proves: F-04, W-39, W-51, W-41
func TestNumbersAndSitesStandOnlyForWhoDoesNotMove(t *testing.T) {
	for _, heldDevice := range []bool{false, true} {
		for _, fallback := range []bool{false, true} {
			for _, inSite := range []bool{false, true} {
				for _, off := range []bool{false, true} {
					open := !heldDevice || fallback || inSite
					s := locate.Situation{HELD: heldDevice, DIDFallback: fallback, SourceInSite: inSite, SeenOffSite: off}
					t.Run(fmt.Sprintf("HELD device %v, W-51 %v, source in site ranges %v, seen off site %v", heldDevice, fallback, inSite, off), func(t *testing.T) {
						check := func(name string, want e911.LocatedBy, candidates ...locate.Candidate) {
							t.Helper()
							r := locate.Decide(candidates, s, now)
							if r.By != want {
								t.Errorf("%s: by %s, want %s; %+v", name, r.By, want, r.Findings)
							}
							if want == e911.ByNothing && (r.Class != locate.None || r.Rank != locate.RankNothing || r.Place != (e911.Place{})) {
								t.Errorf("%s: nothing has class %s, rank %d, place %s", name, r.Class, r.Rank, r.Place.Display)
							}
							for _, l := range r.Lost {
								if !open && l.Usable {
									t.Errorf("%s: %s may travel, which would send help to the wrong place", name, l.By)
								}
							}
						}
						gate := func(by e911.LocatedBy, when bool) e911.LocatedBy {
							if when {
								return by
							}
							return e911.ByNothing
						}
						check("the number's address", gate(e911.ByNumber, open), number("mill/2/210"))
						check("the site's building", gate(e911.BySiteDefault, open && !off), siteDefault("mill"))
						check("number before site", gate(e911.ByNumber, open), siteDefault("mill"), number("mill/2/210"))
						check("fresh evidence before both", port, siteDefault("mill"), number("mill/2/210"), held(port, "depot/1", time.Hour))
						check("aged evidence before both", chassis, number("mill/2/210"), held(chassis, "depot/1", 40*time.Hour))
						check("a doubted location before both", e911.ByPIDFLO, number("mill/2/210"), invite(point(42.36, -71.1, 50), "Default", 0))
					})
				}
			}
		}
	}
}

type decision struct {
	name       string
	candidates []locate.Candidate
	by         e911.LocatedBy
	place      string // key of the place, or its display where it has none
	class      locate.Class
	flags      []string
}

func decisions() []decision {
	geodetic := point(42.367, -71.106, 30) // at the mill
	far := point(32.7767, -96.797, 30)     // in Dallas
	mill := "795 Massachusetts Avenue, Mill 1, Cambridge, MA 02139"
	return []decision{
		// The order of network evidence.
		{"port before access point", []locate.Candidate{held(bssid, "mill/2", time.Minute), held(port, "mill/2/210", time.Minute)}, port, "mill/2/210", locate.Fresh, nil},
		{"access point before those nearby", []locate.Candidate{held(nearby, "mill/3", time.Minute), held(bssid, "mill/2", time.Minute)}, bssid, "mill/2", locate.Fresh, nil},
		{"those nearby before the switch", []locate.Candidate{held(chassis, "mill/3", time.Minute), held(nearby, "mill/2", time.Minute)}, nearby, "mill/2", locate.Fresh, nil},
		{"the switch before the hardware address", []locate.Candidate{held(mac, "mill/3", time.Minute), held(chassis, "mill/2", time.Minute)}, chassis, "mill/2", locate.Fresh, nil},
		{"the hardware address before the range", []locate.Candidate{held(privateIP, "mill/3", time.Minute), held(mac, "mill/2", time.Minute)}, mac, "mill/2", locate.Fresh, nil},
		{"the private range before the public one", []locate.Candidate{held(publicIP, "mill/3", time.Minute), held(privateIP, "mill/2", time.Minute)}, privateIP, "mill/2", locate.Fresh, nil},
		{"token and HELD count as one rank: the kind decides", []locate.Candidate{token(bssid, "mill/2", time.Minute), held(port, "mill/2/210", time.Minute)}, port, "mill/2/210", locate.Fresh, nil},
		{"token and HELD with one kind: the newer", []locate.Candidate{token(port, "mill/2/210", 2*time.Hour), held(port, "mill/2/211", time.Hour)}, port, "mill/2/211", locate.Fresh, nil},

		// Age and contradiction.
		{"a port does not get old within a day", []locate.Candidate{held(port, "mill/2/210", 23*time.Hour)}, port, "mill/2/210", locate.Fresh, nil},
		{"an old port stays a port", []locate.Candidate{held(port, "mill/2/210", 90*24*time.Hour)}, port, "mill/2/210", locate.Aged, []string{locate.FlagAged}},
		{"an old access point is its building", []locate.Candidate{held(bssid, "mill/2/210", 31*time.Minute)}, bssid, mill, locate.Aged, []string{locate.FlagAged, locate.FlagCoarse, locate.FlagNotDispatch}},
		{"old neighbours are their building", []locate.Candidate{held(nearby, "mill/2/210", 11*time.Minute)}, nearby, mill, locate.Aged, []string{locate.FlagAged, locate.FlagCoarse, locate.FlagNotDispatch}},
		{"an old range is its building", []locate.Candidate{held(privateIP, "mill/2/210", 5*time.Hour)}, privateIP, mill, locate.Aged, []string{locate.FlagAged, locate.FlagCoarse, locate.FlagNotDispatch}},
		{"fresh radio before an old port that it agrees with", []locate.Candidate{held(port, "mill/2/210", 48*time.Hour), held(bssid, "mill/2", time.Minute)}, bssid, "mill/2", locate.Fresh, nil},
		{"a fresher access point in another city contradicts a port", []locate.Candidate{held(port, "mill/2/210", time.Hour), held(bssid, "depot/1", time.Minute)}, bssid, "depot/1", locate.Fresh, []string{locate.FlagContradicted}},
		{"a fresher access point on another floor contradicts a port", []locate.Candidate{held(port, "mill/2/210", time.Hour), held(bssid, "mill/3", time.Minute)}, bssid, "mill/3", locate.Fresh, []string{locate.FlagContradicted}},
		{"radio does not tell one room from the next", []locate.Candidate{held(port, "mill/2/210", time.Hour), held(bssid, "mill/2/215", time.Minute)}, port, "mill/2/210", locate.Fresh, nil},
		{"a subnet does not tell floors apart", []locate.Candidate{held(port, "mill/2/210", time.Hour), held(privateIP, "mill/1", time.Minute)}, port, "mill/2/210", locate.Fresh, nil},
		{"a fresher range in another city contradicts a port", []locate.Candidate{held(port, "mill/2/210", time.Hour), held(privateIP, "depot/1", time.Minute)}, privateIP, "depot/1", locate.Fresh, []string{locate.FlagContradicted}},
		{"an older access point elsewhere contradicts nothing", []locate.Candidate{held(port, "mill/2/210", time.Minute), held(bssid, "depot/1", 10*time.Minute)}, port, "mill/2/210", locate.Fresh, nil},
		{"old radio elsewhere that is fresher than an old port", []locate.Candidate{held(port, "mill/2/210", 48*time.Hour), held(bssid, "depot/1", 2*time.Hour)}, bssid, "1500 Main Street, Depot, Dallas, TX 75201", locate.Aged, []string{locate.FlagAged, locate.FlagCoarse, locate.FlagNotDispatch, locate.FlagContradicted}},
		{"moved away and back", []locate.Candidate{held(port, "mill/2/210", 3*time.Hour), held(bssid, "depot/1", 2*time.Hour), held(bssid, "mill/2", time.Minute)}, bssid, "mill/2", locate.Fresh, []string{locate.FlagContradicted}},
		{"a clock that is ahead", []locate.Candidate{held(bssid, "mill/2", -10*time.Minute)}, bssid, "mill/2", locate.Fresh, []string{locate.FlagClock}},
		{"a clock that is a little ahead", []locate.Candidate{held(bssid, "mill/2", -10*time.Second)}, bssid, "mill/2", locate.Fresh, nil},

		// Location by value (F-14).
		{"a fresh location by value ranks first", []locate.Candidate{held(bssid, "mill/2", 5*time.Minute), invite(place("mill/2/210"), "GPS", time.Minute)}, e911.ByPIDFLO, "mill/2/210", locate.Fresh, nil},
		{"a routable one yields to what finds the caller, where they agree", []locate.Candidate{held(port, "mill/2/210", time.Hour), invite(geodetic, "GPS", time.Minute)}, port, "mill/2/210", locate.Fresh, nil},
		{"it does not yield where they do not agree", []locate.Candidate{held(port, "mill/2/210", time.Hour), invite(far, "GPS", time.Minute)}, e911.ByPIDFLO, "a point", locate.Fresh, []string{locate.FlagNotDispatch}},
		{"fresher evidence elsewhere contradicts it", []locate.Candidate{held(port, "mill/2/210", time.Second), invite(far, "GPS", time.Minute)}, port, "mill/2/210", locate.Fresh, []string{locate.FlagContradicted}},
		{"method Default is not believed", []locate.Candidate{held(bssid, "mill/2", 5*time.Minute), invite(place("depot/1"), "Default", 0)}, bssid, "mill/2", locate.Fresh, nil},
		{"a doubted one does not contradict", []locate.Candidate{held(port, "mill/2/210", time.Hour), invite(far, "Derived", 0)}, port, "mill/2/210", locate.Fresh, nil},
		{"aged evidence before a doubted one", []locate.Candidate{held(port, "mill/2/210", 48*time.Hour), invite(place("depot/1"), "", 0)}, port, "mill/2/210", locate.Aged, []string{locate.FlagAged}},
		{"a doubted one before a number", []locate.Candidate{number("mill/2/210"), invite(place("depot/1"), "Manual", time.Hour)}, e911.ByPIDFLO, "depot/1", locate.FallBack, nil},
		{"a foreign reference's old answer is a fall-back", []locate.Candidate{number("mill/2/210"), token(e911.ByPIDFLO, "depot/1", time.Hour)}, e911.ByPIDFLO, "depot/1", locate.FallBack, nil},

		// What people set.
		{"a user's own location before older network evidence", []locate.Candidate{held(port, "mill/2/210", time.Hour), userSet("mill/2/215", time.Minute)}, e911.ByUserSet, "mill/2/215", locate.Fresh, []string{locate.FlagContradicted}},
		{"also where the two agree", []locate.Candidate{held(privateIP, "mill/2", time.Hour), userSet("mill/2/215", time.Minute)}, e911.ByUserSet, "mill/2/215", locate.Fresh, nil},
		{"not before a port taken since", []locate.Candidate{held(port, "mill/2/210", time.Minute), userSet("mill/2/215", time.Hour)}, port, "mill/2/210", locate.Fresh, nil},
		{"not before an access point taken since", []locate.Candidate{held(bssid, "mill/2", time.Minute), userSet("mill/2/215", time.Hour)}, bssid, "mill/2", locate.Fresh, nil},
		{"before a range seen again since", []locate.Candidate{held(privateIP, "mill/1", time.Minute), userSet("mill/2/215", time.Hour)}, e911.ByUserSet, "mill/2/215", locate.Fresh, nil},
		{"dropped when a range of another place is seen", []locate.Candidate{held(privateIP, "depot/1", time.Minute), userSet("mill/2/215", time.Hour)}, privateIP, "depot/1", locate.Fresh, nil},
		{"not believed after twelve hours", []locate.Candidate{userSet("mill/2/215", 13*time.Hour), number("mill/2/210")}, e911.ByNumber, "mill/2/210", locate.FallBack, nil},
		{"a confirmed address ranks below network evidence", []locate.Candidate{confirmed("mill/2/210", 24*time.Hour), held(publicIP, "mill/2", time.Minute)}, publicIP, "mill/2", locate.Fresh, nil},
		{"a confirmed address before a number", []locate.Candidate{confirmed("depot/1", 24*time.Hour), number("mill/2/210")}, e911.ByConfirmed, "depot/1", locate.Fresh, nil},
		{"a confirmed address expires", []locate.Candidate{confirmed("depot/1", 31*24*time.Hour), number("mill/2/210")}, e911.ByNumber, "mill/2/210", locate.FallBack, nil},

		// Usable or not.
		{"an invalid address is not used", []locate.Candidate{verdict(held(port, "mill/2/210", time.Minute), locate.Invalid), held(bssid, "mill/2", time.Minute)}, bssid, "mill/2", locate.Fresh, nil},
		{"an unverified one is, and flagged", []locate.Candidate{verdict(held(port, "mill/2/210", time.Minute), locate.Unverified)}, port, "mill/2/210", locate.Fresh, []string{locate.FlagUnverified}},
		{"a place from which no PSAP follows is not used", []locate.Candidate{invite(e911.Place{Civic: e911.Civic{Country: "US", ROOM: "210"}}, "Manual", 0)}, e911.ByNothing, "", locate.None, []string{locate.FlagUnlocated}},
		{"a position off the globe is not used", []locate.Candidate{invite(point(142, 8, 0), "GPS", 0)}, e911.ByNothing, "", locate.None, []string{locate.FlagUnlocated}},
		{"nothing is nothing", nil, e911.ByNothing, "", locate.None, []string{locate.FlagUnlocated}},
		{"equal candidates: the first given", []locate.Candidate{invite(place("mill/2/210"), "Manual", 0), invite(place("mill/2/211"), "Manual", 0)}, e911.ByPIDFLO, "mill/2/210", locate.Fresh, nil},
	}
}

func verdict(c locate.Candidate, v locate.Verdict) locate.Candidate {
	c.Verdict = v
	return c
}

// Proves: F-01, F-05, F-14, F-18, E11, E13, W-10
func TestWhichEvidenceWins(t *testing.T) {
	for _, d := range decisions() {
		t.Run(d.name, func(t *testing.T) {
			r := locate.Decide(d.candidates, locate.Situation{}, now)
			where := r.Place.Key
			if where == "" {
				where = r.Place.Display
			}
			if r.By != d.by || where != d.place || r.Class != d.class {
				t.Errorf("by %s at %q, %s, want %s at %q, %s", r.By, where, r.Class, d.by, d.place, d.class)
			}
			if !slices.Equal(r.Flags, d.flags) {
				t.Errorf("flags %v, want %v", r.Flags, d.flags)
			}
			explained(t, r, len(d.candidates))
			if t.Failed() {
				for _, f := range r.Findings {
					t.Logf("%+v", f)
				}
			}
		})
	}
}

// fatal is what testing.T and rapid.T share.
type fatal interface {
	Errorf(format string, args ...any)
}

// explained checks what E11 and E13 ask of every decision.
func explained(t fatal, r locate.Result, candidates int) {
	chosen := 0
	for _, f := range r.Findings {
		if f.Chosen {
			chosen++
		}
		if strings.TrimSpace(f.Why) == "" || f.Rule == "" || f.Class == "" {
			t.Errorf("finding %+v does not say why", f)
		}
	}
	located := r.By != e911.ByNothing
	if len(r.Findings) != candidates || (chosen == 1) != located || chosen > 1 {
		t.Errorf("%d findings of %d candidates, %d chosen", len(r.Findings), candidates, chosen)
	}
	if want := candidates - chosen; len(r.Lost) != want {
		t.Errorf("%d lost, want %d", len(r.Lost), want)
	}
	for _, l := range r.Lost {
		if l.Why == "" {
			t.Errorf("%s lost without a reason", l.By)
		}
	}
	if r.Method == "" {
		t.Errorf("no method")
	}
}

// Proves: F-05, F-14
func TestWhatTravelsAlong(t *testing.T) {
	far := invite(point(32.7767, -96.797, 30), "GPS", time.Hour)
	r := locate.Decide([]locate.Candidate{
		held(port, "mill/2/210", time.Minute), held(bssid, "mill/2", time.Minute), held(bssid, "depot/1", time.Hour), far,
		verdict(held(mac, "mill/2/211", 0), locate.Invalid),
	}, locate.Situation{}, now)
	got := map[string]bool{}
	for _, l := range r.Lost {
		got[string(l.By)+" "+l.Place.Display] = l.Usable
	}
	want := map[string]bool{
		"bssid 795 Massachusetts Avenue, Mill 1, Floor 2, Cambridge, MA 02139": true,
		"bssid 1500 Main Street, Depot, Dallas, TX 75201":                      false, // contradicted
		"pidf_lo a point": true, // the caller's own word always reaches the PSAP
		"mac 795 Massachusetts Avenue, Mill 1, Floor 2, Room 211, Cambridge, MA 02139": false,
	}
	if len(got) != len(want) {
		t.Errorf("lost %v, want %v", got, want)
	}
	for k, usable := range want {
		if got[k] != usable {
			t.Errorf("%s may travel: %v, want %v", k, got[k], usable)
		}
	}
}

// Proves: F-14
func TestWhenALocationByValueIsDoubted(t *testing.T) {
	in := func(change func(*locate.Invite)) locate.Invite {
		i := locate.Invite{Place: place("mill/2/210"), Method: "Manual", Timestamp: ago(time.Minute), RetentionExpiry: now.Add(time.Hour)}
		change(&i)
		return i
	}
	for _, c := range []struct {
		name  string
		in    locate.Invite
		limit time.Duration
		doubt bool
	}{
		{"a method and a fresh time", in(func(*locate.Invite) {}), 0, false},
		{"no method", in(func(i *locate.Invite) { i.Method = " " }), 0, true},
		{"Default", in(func(i *locate.Invite) { i.Method = "default" }), 0, true},
		{"Derived", in(func(i *locate.Invite) { i.Method = "Derived" }), 0, true},
		{"no time", in(func(i *locate.Invite) { i.Timestamp = time.Time{} }), 0, true},
		{"just inside the limit", in(func(i *locate.Invite) { i.Timestamp = ago(15 * time.Minute) }), 0, false},
		{"past the limit", in(func(i *locate.Invite) { i.Timestamp = ago(15*time.Minute + time.Second) }), 0, true},
		{"inside the trunk's own limit", in(func(i *locate.Invite) { i.Timestamp = ago(time.Hour) }), 2 * time.Hour, false},
		{"a clock slightly ahead", in(func(i *locate.Invite) { i.Timestamp = now.Add(30 * time.Second) }), 0, false},
		{"the future", in(func(i *locate.Invite) { i.Timestamp = now.Add(time.Hour) }), 0, true},
		{"retention past", in(func(i *locate.Invite) { i.RetentionExpiry = ago(time.Second) }), 0, true},
		{"no retention", in(func(i *locate.Invite) { i.RetentionExpiry = time.Time{} }), 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := locate.FromInvite(c.in, now, c.limit)
			if (got.Doubt != "") != c.doubt || got.Rank != locate.RankInvite || got.By != e911.ByPIDFLO {
				t.Errorf("candidate %+v, want doubted: %v", got, c.doubt)
			}
			r := locate.Decide([]locate.Candidate{got}, locate.Situation{}, now)
			if fresh := r.Class == locate.Fresh; fresh == c.doubt {
				t.Errorf("class %s, doubted: %v", r.Class, c.doubt)
			}
		})
	}
}

// Proves: F-26
func TestMethodFollowsTheEvidence(t *testing.T) {
	for by, want := range map[e911.LocatedBy]string{
		port: "Wiremap", chassis: "Wiremap", mac: "Wiremap", bssid: "802.11", nearby: "802.11", privateIP: "DHCP", publicIP: "DHCP",
		e911.ByUserSet: "Manual", e911.ByConfirmed: "Manual", e911.ByNumber: "Manual", e911.BySiteDefault: "Default", e911.ByNothing: "Default",
	} {
		if got := locate.MethodOf(by); got != want {
			t.Errorf("MethodOf(%s) = %q, want %q", by, got, want)
		}
	}
	if r := locate.Decide([]locate.Candidate{invite(place("mill/2"), "GPS", 0)}, locate.Situation{}, now); r.Method != "GPS" {
		t.Errorf("method %q, want that of the location itself", r.Method)
	}
}
