package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/callbox911/callbox/internal/sim/phone"
)

// The built binary: a phone that asked is explained, a call does what was
// foretold, and the same is said after the server stopped; questions at fault
// end with 2.
//
// Proves: E11, D-14
func TestExplainOnTheCommandLine(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start()
	p := s.phone()
	where, err := p.Locate(s.ctx)
	if err != nil {
		t.Fatal(err)
	}
	type answer struct {
		By   string `json:"answered_by"`
		Call struct {
			Identified struct{ Callback string }
			Located    struct {
				By    string
				Place struct{ Key string }
			}
			Routed struct{ PSAP struct{ Key string } }
			Told   []struct{ To string }
		}
	}
	explain := func() (a answer) {
		t.Helper()
		out, errs, code := callbox(t, "explain", "--data", s.data, "--mac", "0011.22AA.BBCC", "--json")
		if code != 0 || json.Unmarshal([]byte(out), &a) != nil {
			t.Fatalf("exit %d: %s%s", code, out, errs)
		}
		return a
	}
	foretold := explain()
	if c := foretold.Call; foretold.By != "server" || c.Located.Place.Key != "room-210" || c.Located.By != "lldp_port" || len(c.Told) != 2 {
		t.Errorf("foretold %+v", foretold)
	}
	call, err := p.Dial(s.ctx, phone.Dialling{Number: "911", Location: where.URI})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := call.WaitAnswer(s.ctx); err != nil {
		t.Fatal(err)
	}
	if err := call.Hangup(); err != nil {
		t.Fatal(err)
	}
	r := s.record("the end of the call", ended)
	if c := foretold.Call; string(r.Callback) != c.Identified.Callback || r.Place.Key != c.Located.Place.Key || r.PSAP.Key != c.Routed.PSAP.Key {
		t.Errorf("the call was recorded with %s at %s for %s, foretold was %+v", r.Callback, r.Place.Key, r.PSAP.Key, c)
	}
	out, errs, code := callbox(t, "explain", "--data", s.data, "--mac", "00:11:22:aa:bb:cc", "--at", "1s")
	if code != 0 || !strings.Contains(out, "Answered by Middlesex (demonstration)") {
		t.Errorf("the call that was made: exit %d: %s%s", code, out, errs)
	}
	for _, args := range [][]string{
		{"--mac", "00:99:99:99:99:99"},
		{"--number", "+12125550000"},
		{"--user", "nobody"},
		{"--ip", "198.51.100.7"},
		{},
		{"--mac", "00:11:22:aa:bb:cc", "--at", "14:02"},
		{"--mac", "00:11:22:aa:bb:cc", "--at", "2099-01-01T00:00:00Z"},
	} {
		if out, errs, code := callbox(t, append([]string{"explain", "--data", s.data}, args...)...); code != 2 || out != "" || errs == "" {
			t.Errorf("%v: exit %d, want 2: %s%s", args, code, out, errs)
		}
	}
	s.stop()
	if down := explain(); down.By != "journal" || down.Call.Located.Place.Key != "room-210" {
		t.Errorf("without a server: %+v", down)
	}
}
