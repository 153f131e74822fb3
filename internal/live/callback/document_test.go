package callback

import (
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/live/sipedge"
)

// What RFC 7090 and RFC 6881 say of a PSAP that calls back, by whole calls.
//
// Proves: F-11, F-12, F-30, E6, RFC 7090 sections 4.3 and 5, RFC 6881 section 13
func TestWhatTheDocumentsSayOfACallback(t *testing.T) {
	for _, c := range []struct {
		section, says string
		ended         time.Duration // since the call; 0: it is up
		to            e911.Number
		from          string
		more          []sipedge.Header
		want          string
	}{
		{"RFC 7090, section 4.3.2", "the mark is Priority: psap-callback, and rings who called", time.Minute, lineA, esinet, []sipedge.Header{priority}, byPBX},
		{
			"RFC 7090, section 4.3.2", "the value is a token: its case does not matter", time.Minute, lineA, esinet,
			[]sipedge.Header{{Name: "Priority", Value: "PSAP-Callback"}},
			byPBX,
		},
		{"RFC 7090, section 5.2", "without a mark a callback is handled as any call: the number that was given rings", time.Minute, elinA, pstn, nil, byPBX},
		{
			"RFC 7090, section 5.3", "a mark from whom nobody verified is removed: the call is an ordinary one, and is not favoured", time.Minute, lineA, pstn,
			[]sipedge.Header{priority},
			"psap refused 404",
		},
		{"RFC 7090, section 5.3", "the state is kept from the end of the call, for a reasonable time", 179 * time.Minute, elinA, pstn, nil, byPBX},
		{"RFC 6881, ED-68/SP-40", "nothing that the caller's side has set stands in the way for 30 minutes after the call", 30 * time.Minute, elinA, pstn, nil, byPBX},
		{"RFC 6881, ED-66/SP-38", "another call does not interrupt one that is up", 0, lineA, pstn, nil, "psap refused 486"},
	} {
		t.Run(c.section+": "+c.says, func(t *testing.T) {
			k := newKit(t)
			call := k.emergency(given{elin: true})
			if c.ended > 0 {
				k.over(call)
				k.pass(c.ended)
			}
			psap := k.back(c.to, c.from, c.more...)
			k.await(c.want)
			if c.want == byPBX {
				// The leg is marked for the platform behind us, so that its settings yield.
				if got := k.leg(1).invite.Headers.Get("Priority"); got != "psap-callback" {
					t.Errorf("Priority %q goes to the caller's side", got)
				}
			}
			psap.happens(sipedge.Cancelled, 0)
			k.await("served")
		})
	}
}
