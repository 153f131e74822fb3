package emergency

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/rules/callflow"
)

// The outages of others, as tests. Each names what broke; sources in the survey of
// peers, section 2.

// April 2014: a counter for trunk assignments reached its cap, and 6,600 calls of
// seven states were lost.
//
// Proves: E1
func TestOutageOfApril2014NoCounterStopsCalls(t *testing.T) {
	for _, first := range []int{math.MaxInt16 - 2, math.MaxInt32 - 2, math.MaxUint32 - 2, math.MaxInt - 100} {
		t.Run(fmt.Sprintf("after attempt %d", first), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				k := fixedKit(t)
				k.h.newMachine = func(cfg callflow.Config) machine {
					cfg.First = first
					return callflow.New(cfg)
				}
				var tries atomic.Int32
				k.psaps = map[string]psap{carrierA: refuses(503), ecrcA: refuses(503), carrierB: func(l *fakeLeg) {
					if tries.Add(1) < 5 {
						refuses(503)(l)
						return
					}
					answers(time.Second)(l)
				}}
				caller := k.call(t.Context(), invite())
				after(30 * time.Second)
				caller.emit(sipedge.Event{Kind: sipedge.ByeReceived})
				k.run.Wait()
				a := one[journal.Answered](t, k.journal, journal.CallAnswered)
				if a.N <= first || a.N != first+k.dialled() {
					t.Errorf("answered by attempt %d of %d", a.N, k.dialled())
				}
				if e := one[journal.Ended](t, k.journal, journal.CallEnded); e.By != "caller" {
					t.Errorf("ended = %+v", e)
				}
			})
		})
	}
}

// The same with every table of the call path full: what is remembered gives way,
// the call does not.
//
// Proves: E1, E3
func TestOutageOfApril2014NoFullTableStopsCalls(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := fixedKit(t)
		now := time.Now()
		for i := range 50_000 {
			k.h.uids[fmt.Sprintf("urn:emergency:uid:callid:%d:example", i)] = []*call{{}}
			k.h.active[e911.CallID(fmt.Sprint(i))] = &entry{}
		}
		for i := range 2 * mostDisputes {
			k.h.disputes.first(id[e911.OrgID](1), fmt.Sprint(i), now)
		}
		for i := range mostDetours + 40 {
			k.h.detours.round(firstWay{id[e911.OrgID](1), e911.TrunkID(fmt.Sprint(i))}, now.Add(time.Duration(i)))
		}
		if n := len(k.h.detours.ways); n != mostDetours {
			t.Errorf("%d detours are remembered, want %d", n, mostDetours)
		}
		health := k.h.cfg.Trunks.(alone).health
		for i := range 50_000 {
			health.silent(e911.TrunkID(fmt.Sprint(i)), now)
		}
		hang := make(chan struct{})
		for range cap(k.h.turns.taken) {
			go k.h.turns.inTurn(func() { <-hang })
			go k.h.newcomers.inTurn(func() { <-hang })
			go k.h.tests.inTurn(func() { <-hang })
		}
		caller := k.call(t.Context(), invite())
		after(5 * time.Second)
		caller.emit(sipedge.Event{Kind: sipedge.ByeReceived})
		k.run.Wait()
		close(hang)
		if got := k.tr.String(); !strings.Contains(got, "caller answered by 1 sdp") {
			t.Errorf("the caller was not answered:\n%s", got)
		}
	})
}

// June 2020: 23,000 calls went through without a location and 20,000 without a
// callback number, and nobody noticed.
//
// Proves: E1, E10, E11, F-36, W-05
func TestOutageOfJune2020ACallWithoutLocationOrCallbackRaisesAnAlarm(t *testing.T) {
	nobody := func(w *world) { w.site.ECBN, w.user.Callback, w.noNumber = "", "", true }
	cases := []struct {
		name    string
		world   []func(*world)
		req     []func(*sipedge.Request)
		without []string
		flags   []string
	}{
		{"both are there: no alarm", nil, nil, nil, nil},
		{
			"nobody knows where",
			[]func(*world){func(w *world) { w.model.HELD = true }},
			nil,
			[]string{WithoutLocation},
			[]string{"unlocated"},
		},
		{
			"no number at all",
			[]func(*world){nobody},
			[]func(*sipedge.Request){withoutNumber},
			[]string{WithoutCallback},
			[]string{"no_callback"},
		},
		{
			"neither",
			[]func(*world){nobody, func(w *world) { w.model.HELD = true }},
			[]func(*sipedge.Request){withoutNumber},
			[]string{WithoutLocation, WithoutCallback},
			[]string{"unlocated", "no_callback"},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				k := fixedKit(t, c.world...)
				caller := k.call(t.Context(), invite(c.req...))
				after(5 * time.Second)
				caller.emit(sipedge.Event{Kind: sipedge.ByeReceived})
				k.run.Wait()
				a := one[journal.Answered](t, k.journal, journal.CallAnswered)
				if diff := cmp.Diff(c.without, a.Without); diff != "" {
					t.Errorf("the record says that it went without (-want +got):\n%s", diff)
				}
				raised := 0
				for _, code := range alarms(t, k.journal) {
					if code == string(AlarmPartial) {
						raised++
					}
				}
				if raised != len(c.without) {
					t.Errorf("%d alarms %s, want %d: %v", raised, AlarmPartial, len(c.without), alarms(t, k.journal))
				}
				due := one[journal.Due](t, k.journal, journal.NotifyDue)
				for _, f := range c.flags {
					if !slices.Contains(due.Flags, f) {
						t.Errorf("people are not told %s: %v", f, due.Flags)
					}
				}
			})
		})
	}
}

func withoutNumber(r *sipedge.Request) {
	without("P-Asserted-Identity")(r)
	without("From")(r)
	header("From", "<sip:anonymous@anonymous.invalid>;tag=1")(r)
}

// April 2014 again: the fail-over to the other centre was not noticed for hours.
//
// Proves: E1, E11, F-03
func TestAFailOverThatNobodyAskedForIsTold(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := fixedKit(t)
		call := func() {
			caller := k.call(t.Context(), invite())
			after(3 * time.Second)
			caller.emit(sipedge.Event{Kind: sipedge.ByeReceived})
			k.run.Wait()
		}
		told := func() (list []string) {
			for _, f := range k.journal.all(journal.AlarmRaised) {
				a, err := journal.Decode[journal.Alarm](f)
				if err != nil {
					t.Fatal(err)
				}
				if c := AlarmCode(a.Code); c == AlarmDetour || c == AlarmDetourOver {
					list = append(list, a.Code+": "+strings.ReplaceAll(a.Detail, k.tr.start.UTC().Format("2006-01-02"), "DATE"))
				}
			}
			return list
		}
		call()
		if got := told(); len(got) > 0 {
			t.Fatalf("a call by its first way: %v", got)
		}
		k.psaps[carrierA] = refuses(503)
		for range 20 { // 20 calls in a minute are one alarm
			call()
		}
		after(time.Hour)
		call()
		call()
		k.psaps[carrierA] = answers(time.Second)
		call()
		call()
		want := []string{
			"failover_in_use: a call was answered by the trunk carrier-b: its first way, the trunk carrier-a, did not carry it",
			"failover_in_use: no call went by the trunk carrier-a since DATET00:00:04Z; 21 were answered by others, the last by carrier-b",
			"failover_over: a call went by its first way again, the trunk carrier-a; 22 since DATET00:00:04Z went round it",
		}
		if diff := cmp.Diff(want, told()); diff != "" {
			t.Errorf("alarms (-want +got):\n%s", diff)
		}
	})
}
