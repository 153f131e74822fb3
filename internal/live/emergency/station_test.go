package emergency

import (
	"slices"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/snapshot"
)

// tried lets a call from a place go unanswered and returns the routes in order, the
// facts of who and whither, and the alarms.
func tried(t *testing.T, k *kit, change ...func(*sipedge.Request)) (ways []string, who journal.Identified, routed journal.Routed, alarmed []string) {
	t.Helper()
	caller := k.call(t.Context(), invite(append([]func(*sipedge.Request){fromLine(ownLine), without("E911-User-ID"), header("Geolocation", "<"+ourToken+">")}, change...)...))
	after(500 * time.Millisecond)
	caller.emit(sipedge.Event{Kind: sipedge.Cancelled})
	k.run.Wait()
	who, routed = one[journal.Identified](t, k.journal, journal.CallIdentified), one[journal.Routed](t, k.journal, journal.CallRouted)
	for _, r := range routed.Rungs {
		ways = append(ways, r.Trunk.Key)
	}
	return ways, who, routed, alarms(t, k.journal)
}

// home takes the place of the token out of every site: somebody's own.
func (k *kit) home() {
	r := k.locator.refs[ourToken]
	r.Evidence.Place.Site, r.Evidence.Place.Building, r.Evidence.Place.Location = "", "", ""
	k.locator.refs[ourToken] = r
}

func stated(class e911.StationClass, consent e911.Consent) func(*world) {
	return func(w *world) { w.device.Station = &e911.Station{Class: class, OffPremises: consent} }
}

// The class that is stated of a telephone decides its ladder, not what its model
// can do.
//
// Proves: F-22, F-39
func TestTheStatedClassDecidesTheLadder(t *testing.T) {
	bubble(t, func(t *testing.T) {
		for _, c := range []struct {
			name  string
			class e911.StationClass
			first string
		}{
			{"a softphone of which nothing is stated asks the location server: it moves", "", "centre-ca"},
			{"a softphone", e911.StationNonFixed, "centre-ca"},
			{"a desk telephone that asks for its location all the same", e911.StationFixed, "pstn-toronto"},
		} {
			k := ways(t, nil, stated(c.class, e911.Consent{}))
			k.at(ourToken, torontoDesk, e911.ByLLDPPort)
			got, _, routed, alarmed := tried(t, k)
			if got[0] != c.first {
				t.Errorf("%s: %v", c.name, got)
			}
			if slices.Contains(routed.Flags, FlagNoConsent) || slices.Contains(alarmed, string(AlarmNoConsent)) {
				t.Errorf("%s: at a desk of ours nobody is off the premises: %v %v", c.name, routed.Flags, alarmed)
			}
		}
	})
}

// Who calls from home in Canada without a recorded consent gets the same call as
// everybody, with a flag on it and an alarm to the administrators.
//
// Proves: F-22, E1, E11
func TestOffThePremisesInCanadaWithoutConsent(t *testing.T) {
	agreed := e911.Consent{By: "Ana Reyes", At: time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC), Text: "2026-01 fr"}
	bubble(t, func(t *testing.T) {
		for _, c := range []struct {
			name   string
			change []func(*world)
			flag   bool
		}{
			{"nothing is recorded", []func(*world){stated(e911.StationOffPremises, e911.Consent{})}, true},
			{"no class is stated, and the place is nobody's site", nil, true},
			{"a consent without its text", []func(*world){stated(e911.StationOffPremises, e911.Consent{By: agreed.By, At: agreed.At})}, true},
			{"the device has it", []func(*world){stated(e911.StationOffPremises, agreed)}, false},
			{"its user has it", []func(*world){func(w *world) { w.user.OffPremises = &agreed }}, false},
		} {
			var routes [2][]string
			for i, country := range []string{"CA", "US"} {
				k := ways(t, nil, c.change...)
				k.at(ourToken, torontoDesk, e911.ByUserSet)
				k.home()
				r := k.locator.refs[ourToken]
				r.Evidence.Place.Civic.Country = country
				k.locator.refs[ourToken] = r
				got, _, routed, alarmed := tried(t, k)
				routes[i] = got
				want := c.flag && country == "CA"
				if slices.Contains(routed.Flags, FlagNoConsent) != want || slices.Contains(alarmed, string(AlarmNoConsent)) != want {
					t.Errorf("%s, %s: flags %v, alarms %v", c.name, country, routed.Flags, alarmed)
				}
			}
			if routes[0][0] != "centre-ca" {
				t.Errorf("%s: the call goes %v", c.name, routes[0])
			}
		}
		k := ways(t, nil, stated(e911.StationOffPremises, e911.Consent{}))
		k.at(ourToken, torontoDesk, e911.ByUserSet)
		k.home()
		caller := k.call(t.Context(), invite(fromLine(ownLine), without("E911-User-ID"), header("Geolocation", "<"+ourToken+">"), func(r *sipedge.Request) { r.URI = "sip:933@callbox.example" }))
		after(3 * time.Second)
		caller.emit(sipedge.Event{Kind: sipedge.ByeReceived})
		k.run.Wait()
		if f := one[journal.Routed](t, k.journal, journal.CallRouted).Flags; !slices.Contains(f, FlagNoConsent) || !slices.Contains(alarms(t, k.journal), string(AlarmNoConsent)) {
			t.Errorf("a test call says it too: %v", f)
		}
	})
}

// The language of the caller chooses among the relay centres of his country, and is
// in the record.
//
// Proves: F-22
func TestTheLanguageOfTheCallerChoosesTheRelayCentre(t *testing.T) {
	french := func(w *world) { w.user.Language = "fr" }
	bubble(t, func(t *testing.T) {
		for _, c := range []struct {
			name   string
			change []func(*world)
			req    []func(*sipedge.Request)
			lang   string
			first  string
		}{
			{"nobody said", nil, nil, "", "centre-ca"},
			{"the user speaks French", []func(*world){french}, nil, "fr", "centre-qc"},
			{"a telephone of a workshop where French is spoken", []func(*world){func(w *world) { w.device.Language, w.user.Language = "fr", "" }}, nil, "fr", "centre-qc"},
			{"the user speaks French, and his display is English", []func(*world){french}, []func(*sipedge.Request){header("Accept-Language", "en-CA")}, "fr", "centre-qc"},
			{"the user speaks French, and this call offers English", []func(*world){french}, []func(*sipedge.Request){func(r *sipedge.Request) {
				r.Body = append(slices.Clone(r.Body), "a=hlang-send:en fr\r\n"...)
			}}, "en", "centre-ca"},
		} {
			k := ways(t, nil, c.change...)
			snap := k.h.cfg.Snapshot.Load()
			var qc e911.PSAP
			for p := range snap.AllPSAPs() {
				if p.Key == "centre-ca" {
					qc = p
					p.Languages = []string{"en"}
					next, err := snap.Apply([]snapshot.Change{{Kind: e911.KindPSAP, ID: string(p.ID), Object: p}}, time.Now())
					if err != nil {
						t.Fatal(err)
					}
					snap = next
					break
				}
			}
			tr, _ := snap.Trunk(qc.Routes[0])
			tr.ID, tr.Key, tr.To = id[e911.TrunkID](406), "centre-qc", "sip:gw@127.0.0.46:5060"
			tr.From = nil
			qc.ID, qc.Key, qc.Languages, qc.Routes = id[e911.PSAPID](405), "centre-qc", []string{"fr"}, []e911.TrunkID{tr.ID}
			next, err := snap.Apply([]snapshot.Change{
				{Kind: e911.KindTrunk, ID: string(tr.ID), Object: tr}, {Kind: e911.KindPSAP, ID: string(qc.ID), Object: qc},
			}, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			k.h.cfg.Snapshot.Store(next)
			k.psaps["127.0.0.46:5060"] = refuses(503)
			k.at(ourToken, torontoDesk, e911.ByLLDPPort)
			got, who, _, _ := tried(t, k, c.req...)
			if got[0] != c.first || who.Language != c.lang {
				t.Errorf("%s: %q goes %v", c.name, who.Language, got)
			}
		}
	})
}
