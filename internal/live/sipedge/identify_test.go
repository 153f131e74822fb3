package sipedge_test

import (
	"testing"

	"github.com/callbox911/callbox/internal/live/sipedge"
)

// identified is an edge that asks everybody for credentials, and takes any.
func identified(t *testing.T) *rig {
	t.Helper()
	return newRig(t, func(cfg *sipedge.Config) {
		cfg.Identify = func(q *sipedge.Request, _, _ bool) sipedge.Identity {
			switch q.Headers.Get("Proxy-Authorization") {
			case "":
				return sipedge.Identity{Who: "claimed", Refusal: &sipedge.Response{Code: 407, Message: sipedge.Message{
					Headers: sipedge.Headers{{Name: "Proxy-Authenticate", Value: `Digest realm="x", nonce="y"`}},
				}}}
			case "panic":
				panic("a fault")
			}
			return sipedge.Identity{Who: "pbx", Proved: true}
		}
	})
}

// Proves: F-10, E1 (who is asked who he is; an emergency call of a known source never waits for it)
func TestWhoIsAskedWhoHeIs(t *testing.T) {
	for name, c := range map[string]struct {
		from, uri, credentials string
		code                   int // 0: it is a call
		who                    string
	}{
		"a known source's emergency call is not refused":           {"127.0.0.11", "sip:911@callbox.example", "", 0, "claimed"},
		"nor when the question breaks":                             {"127.0.0.11", "sip:911@callbox.example", "panic", 0, ""},
		"a known source's ordinary call is asked":                  {"127.0.0.11", "sip:16175550100@callbox.example", "", 407, ""},
		"and taken with credentials":                               {"127.0.0.11", "sip:16175550100@callbox.example", "good", 0, "pbx"},
		"a stranger's emergency call is asked":                     {"127.0.0.65", "sip:911@callbox.example", "", 407, ""},
		"a stranger who proves himself is heard":                   {"127.0.0.65", "sip:911@callbox.example", "good", 0, "pbx"},
		"a stranger with an ordinary call, too":                    {"127.0.0.65", "sip:16175550100@callbox.example", "good", 0, "pbx"},
		"a stranger is refused as before when the question breaks": {"127.0.0.65", "sip:911@callbox.example", "panic", 403, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := identified(t)
			p := newPeer(t, "udp", c.from, r.addr("udp"))
			o := newInvite(c.uri)
			if c.credentials != "" {
				o.extra = append(o.extra, "Proxy-Authorization: "+c.credentials)
			}
			p.send(o.text(p))
			if c.code > 0 {
				if m := p.status(c.code); c.code == 407 && m.get("Proxy-Authenticate") == "" {
					t.Error("the challenge has no question")
				}
				return
			}
			leg := r.leg()
			if got := leg.Request().Who.Who; got != c.who {
				t.Errorf("it is %q's, want %q", got, c.who)
			}
			if err := leg.Reject(486, "", nil); err != nil {
				t.Fatal(err)
			}
			p.status(486)
		})
	}
}
