package emergency

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/sipedge"
)

// The INVITE is kept without credentials, before anything is decided, and decided
// again it comes to the same.
//
// Proves: E11, F-29
func TestTheInviteIsKept(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := fixedKit(t)
		k.psaps = map[string]psap{carrierA: answers(time.Second)}
		in := invite()
		in.Headers = append(in.Headers, sipedge.Header{Name: "authorization", Value: `Digest response="c0ffee"`}, sipedge.Header{Name: "Proxy-Authorization", Value: "Digest x"})
		caller := k.call(t.Context(), in)
		after(2 * time.Second)
		caller.emit(sipedge.Event{Kind: sipedge.ByeReceived})
		k.run.Wait()
		kept := one[journal.Invite](t, k.journal, journal.CallInvite)
		for _, h := range kept.Headers {
			if strings.Contains(strings.ToLower(h.Name), "authorization") {
				t.Errorf("%s is kept", h.Name)
			}
		}
		if len(kept.Headers) != len(in.Headers)-2 || kept.URI != in.URI || string(kept.Body) != string(in.Body) || kept.Source != in.Source {
			t.Errorf("kept %+v of %+v", kept, in)
		}
		arrived := k.journal.facts[0]
		again, phones := Again(kept, arrived.At)
		f, ok := k.h.Foresee(Supposed{Request: again, Phones: phones})
		if !ok {
			t.Fatal("it is no emergency call any more")
		}
		if diff := cmp.Diff(one[journal.Identified](t, k.journal, journal.CallIdentified), f.Identified); diff != "" {
			t.Errorf("who (- then, + again):\n%s", diff)
		}
		if diff := cmp.Diff(one[journal.Located](t, k.journal, journal.CallLocated).Place, f.Located.Place); diff != "" {
			t.Errorf("where (- then, + again):\n%s", diff)
		}
		if diff := cmp.Diff(one[journal.Routed](t, k.journal, journal.CallRouted).Rungs, f.Routed.Rungs); diff != "" {
			t.Errorf("routes (- then, + again):\n%s", diff)
		}
	})
}
