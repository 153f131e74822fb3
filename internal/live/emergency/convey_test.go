package emergency

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/rules/callflow"
	"github.com/callbox911/callbox/wire/pidflo"
)

// Proves: E3, F-16
func TestTrunkAddressesAreRead(t *testing.T) {
	cases := []struct {
		name, uri string
		want      target
		bad       bool
	}{
		{"TCP", "sip:psap@127.0.0.21:5071;transport=tcp", target{netip.MustParseAddrPort("127.0.0.21:5071"), "tcp", "sip:psap@127.0.0.21:5071"}, false},
		{"UDP", "sip:psap@127.0.0.21:5071;transport=UDP", target{netip.MustParseAddrPort("127.0.0.21:5071"), "udp", "sip:psap@127.0.0.21:5071"}, false},
		{"no transport means TCP, else UDP: the body exceeds a datagram", "sip:psap@127.0.0.21:5071", target{netip.MustParseAddrPort("127.0.0.21:5071"), "tcp", "sip:psap@127.0.0.21:5071"}, false},
		{"no port, no user", "sip:127.0.0.21", target{netip.MustParseAddrPort("127.0.0.21:5060"), "tcp", "sip:127.0.0.21"}, false},
		{"IPv6", "sip:psap@[::1]:5071;lr", target{netip.MustParseAddrPort("[::1]:5071"), "tcp", "sip:psap@[::1]:5071"}, false},
		{"a name asks a name server, and a call asks nobody", "sip:psap@psap.example", target{}, true},
		{"another scheme", "tel:+16175550100", target{}, true},
		{"nothing", "", target{}, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := parseTarget(c.uri)
			if (err != nil) != c.bad || got != c.want {
				t.Errorf("parseTarget = %+v, %v, want %+v", got, err, c.want)
			}
		})
	}
}

// Proves: F-03
func TestOnlySilenceTakesATrunkDownAndOnlyForAWhile(t *testing.T) {
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	h := newHealth()
	h.silent("a", now)
	h.silent("b", now)
	h.heard("b")
	for _, c := range []struct {
		name string
		got  bool
		want bool
	}{
		{"silent", h.isDown(now)("a"), true},
		{"heard again", h.isDown(now)("b"), false},
		{"never used", h.isDown(now)("c"), false},
		{"later", h.isDown(now.Add(downFor))("a"), false},
	} {
		if c.got != c.want {
			t.Errorf("%s: down = %v, want %v", c.name, c.got, c.want)
		}
	}
}

// Proves: F-02
func TestTimersRunOutInOrder(t *testing.T) {
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	c := newAlarmClock(func() time.Time { return now })
	defer c.stopAll()
	name := func(n callflow.TimerName) callflow.Timer { return callflow.Timer{Name: n} }
	c.start(name("b"), now.Add(2*time.Second))
	c.start(name("a"), now.Add(time.Second))
	c.start(name("c"), now.Add(2*time.Second))
	c.start(name("stopped"), now.Add(time.Second))
	c.start(name("later"), now.Add(time.Second))
	c.start(name("later"), now.Add(3*time.Second))
	c.stop(name("stopped"))
	now = now.Add(2 * time.Second)
	var got []callflow.TimerName
	for {
		timer, ok := c.due()
		if !ok {
			break
		}
		got = append(got, timer.Name)
	}
	if diff := cmp.Diff([]callflow.TimerName{"a", "b", "c"}, got); diff != "" {
		t.Errorf("fired (-want +got):\n%s", diff)
	}
}

// A circle that goes out states no confidence, which means 95 %: one that came
// in with another is brought there first.
//
// Proves: RFC 7459 sections 4.1 and 6.2, F-05
func TestACircleGoesOutWithTheConfidenceThatItClaims(t *testing.T) {
	circle := pidflo.Circle{Center: pidflo.Pos{Lat: 42, Lon: -71}, Radius: 100}
	for confidence, want := range map[float64]float64{0: 100, 95: 100, 68: 165.04} {
		p := placeOf(&pidflo.Geopriv{Info: []pidflo.Chunk{{Shape: circle}}, Confidence: confidence, Distribution: pidflo.PDFNormal})
		if p.Area == nil || p.Area.RadiusM < want-0.01 || p.Area.RadiusM > want+0.01 {
			t.Errorf("at %v %%: got %+v, want a radius of %v", confidence, p.Area, want)
		}
	}
}
