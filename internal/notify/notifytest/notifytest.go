// Package notifytest holds what every notify.Channel must do. A channel's tests
// call Run with the channel and its simulated other side.
package notifytest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/notify"
)

// Arrival is one notice as the other side got it.
type Arrival struct {
	ID        string
	Text      string // all that a person or a program can read in it
	Repeats   int
	Different int
}

// Other is the other side of a channel.
type Other interface {
	Arrivals() []Arrival
	Down()     // connections are refused
	Up() error // ... and taken again
	Accept()   // takes notices
	Busy()     // says that it cannot now
	Refuse()   // says that it will not
	Silence()  // takes connections and says nothing
}

// Harness is a channel connected to its other side.
type Harness struct {
	Channel notify.Channel
	To      string
	Bad     string // a destination that cannot be one
	Secrets []e911.Secret
	Other   Other
}

// Due is a complete example; tests change what they look at.
func Due() journal.Due {
	return journal.Due{
		Reason: journal.DueLegOut, Class: e911.ClassEmergency,
		Site: "site-hq", SiteName: "Headquarters", OrgName: "Harbor Foods", Zone: "America/New_York",
		Dialled: "sip:911@callbox.example", Who: "Front desk", IdentifiedBy: e911.ByDeviceUserID,
		Line: "+16175550111", Callback: "+16175550111",
		Place: e911.Place{
			Location: "0190a1b2-0000-7000-8000-000000000210", Key: "mill-1-f2-210", Site: "site-hq",
			Civic: e911.Civic{Country: "US", A1: "MA", A3: "Cambridge", HNO: "795", RD: "Massachusetts", STS: "Avenue", PC: "02139", BLD: "Mill 1", FLR: "2", ROOM: "210"},
			Area:  &e911.Area{Point: e911.Point{Lat: 42.36684, Lon: -71.10565}, RadiusM: 20}, Dispatchable: true,
			Display: "795 Massachusetts Avenue, Mill 1, Floor 2, Room 210, Cambridge, MA 02139",
		},
		LocatedBy: e911.ByLLDPPort, PSAP: journal.Ref{Key: "psap-middlesex", Name: "Middlesex"},
		ArrivedAt: time.Date(2026, 3, 7, 3, 4, 5, 0, time.UTC),
	}
}

// Notice is the example as a notice to h.
func (h Harness) Notice(n int, d journal.Due) notify.Notice {
	return notify.Notice{
		ID: e911.NoticeID(fmt.Sprintf("5e1f0000-0000-8000-8000-%012d", n)), Channel: h.Channel.Name(), To: h.To,
		Org: "org-harbor", Call: e911.CallID(fmt.Sprintf("call-%d", n)), Seq: uint64(n),
		At: d.ArrivedAt.Add(40 * time.Millisecond), Due: d, Link: fmt.Sprintf("https://callbox.example/calls/call-%d", n),
		Secrets: h.Secrets,
	}
}

// Run shows that the channel of a Harness does what notify.Channel promises.
func Run(t *testing.T, open func(t *testing.T) Harness) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, h Harness)
	}{
		{"a notice arrives with all that it says", arrives},
		{"a repetition is the same notice with the same content", repeats},
		{"each reason says what happened", reasons},
		{"a destination that is down is neither refused nor gone", down},
		{"a destination that is busy is neither refused nor gone", busy},
		{"a destination that refuses is told apart", refuses},
		{"what is no destination is gone", bad},
		{"a silent destination ends with the context", silent},
		{"many notices at once arrive once each", many},
		{"hostile content stays content", hostile},
		{"a notice about an unknown caller in an unknown place arrives", empty},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}

func deliver(t *testing.T, h Harness, n notify.Notice) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	return h.Channel.Deliver(ctx, n)
}

func mustDeliver(t *testing.T, h Harness, n notify.Notice) {
	t.Helper()
	if err := deliver(t, h, n); err != nil {
		t.Fatalf("Deliver: %v", err)
	}
}

func only(t *testing.T, h Harness) Arrival {
	t.Helper()
	all := h.Other.Arrivals()
	if len(all) != 1 {
		t.Fatalf("%d notices arrived, want 1: %+v", len(all), all)
	}
	return all[0]
}

func says(t *testing.T, a Arrival, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(a.Text, w) {
			t.Errorf("it does not say %q:\n%s", w, a.Text)
		}
	}
}

func arrives(t *testing.T, h Harness) {
	d := Due()
	n := h.Notice(1, d)
	mustDeliver(t, h, n)
	a := only(t, h)
	if !strings.Contains(a.ID, string(n.ID)) {
		t.Errorf("id = %q, want %q in it", a.ID, n.ID)
	}
	says(t, a, "911 dialled", d.Who, string(d.Callback), d.Place.Display, string(d.Place.Location), "Middlesex", "Headquarters", n.Link, string(n.Call), "Room", "210")
}

func repeats(t *testing.T, h Harness) {
	n := h.Notice(1, Due())
	mustDeliver(t, h, n)
	mustDeliver(t, h, n)
	if a := only(t, h); a.Repeats != 1 || a.Different != 0 {
		t.Errorf("%d repetitions, %d with other content; want 1, 0", a.Repeats, a.Different)
	}
}

func reasons(t *testing.T, h Harness) {
	for i, c := range []struct {
		reason string
		class  e911.CallClass
		demo   bool
		want   string
	}{
		{journal.DueLegOut, e911.ClassEmergency, false, "911 dialled"},
		{journal.DueLegFailed, e911.ClassEmergency, false, "911 dialled"},
		{journal.DueLate, e911.ClassEmergency, false, "911 dialled"},
		{journal.DueNotConnected, e911.ClassEmergency, false, "NOT CONNECTED, call the PSAP now"},
		{journal.DueAbandoned, e911.ClassEmergency, false, "caller gave up before an answer"},
		{journal.DueCallback, e911.ClassEmergency, false, "PSAP is calling back"},
		{journal.DueCallbackMissed, e911.ClassEmergency, false, "REACHED NOBODY"},
		{journal.DueTest, e911.ClassTest933, false, "933 test"},
		{journal.DueLegOut, e911.ClassEmergency, true, "(demonstration)"},
	} {
		d := Due()
		d.Reason, d.Class, d.Demonstration = c.reason, c.class, c.demo
		mustDeliver(t, h, h.Notice(i+1, d))
		all := h.Other.Arrivals()
		if len(all) != i+1 {
			t.Fatalf("%d arrived, want %d", len(all), i+1)
		}
		says(t, all[i], c.want)
		if !c.demo && strings.Contains(strings.ToLower(all[i].Text), "(demonstration)") {
			t.Errorf("%s: says that it is a demonstration", c.reason)
		}
	}
}

// isDown checks that err asks for another try.
func isDown(t *testing.T, err error) {
	t.Helper()
	if err == nil || errors.Is(err, notify.ErrRefused) || errors.Is(err, notify.ErrGone) {
		t.Errorf("err = %v, want one that is neither refused nor gone", err)
	}
}

func down(t *testing.T, h Harness) {
	mustDeliver(t, h, h.Notice(1, Due())) // a connection is kept, perhaps
	h.Other.Down()
	isDown(t, deliver(t, h, h.Notice(2, Due())))
	if err := h.Other.Up(); err != nil {
		t.Fatal(err)
	}
	mustDeliver(t, h, h.Notice(2, Due()))
	if got := len(h.Other.Arrivals()); got != 2 {
		t.Errorf("%d arrived, want 2", got)
	}
}

func busy(t *testing.T, h Harness) {
	h.Other.Busy()
	isDown(t, deliver(t, h, h.Notice(1, Due())))
	h.Other.Accept()
	mustDeliver(t, h, h.Notice(1, Due()))
	only(t, h)
}

func refuses(t *testing.T, h Harness) {
	h.Other.Refuse()
	if err := deliver(t, h, h.Notice(1, Due())); !errors.Is(err, notify.ErrRefused) {
		t.Errorf("err = %v, want ErrRefused", err)
	}
	h.Other.Accept()
	mustDeliver(t, h, h.Notice(1, Due()))
	only(t, h)
}

func bad(t *testing.T, h Harness) {
	n := h.Notice(1, Due())
	n.To = h.Bad
	if err := deliver(t, h, n); !errors.Is(err, notify.ErrGone) {
		t.Errorf("err = %v, want ErrGone", err)
	}
}

func silent(t *testing.T, h Harness) {
	h.Other.Silence()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	isDown(t, h.Channel.Deliver(ctx, h.Notice(1, Due())))
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("it took %v to end with its context", took)
	}
}

func many(t *testing.T, h Harness) {
	const n = 40
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			if err := deliver(t, h, h.Notice(i+1, Due())); err != nil {
				t.Errorf("notice %d: %v", i+1, err)
			}
		})
	}
	wg.Wait()
	all := h.Other.Arrivals()
	if len(all) != n {
		t.Errorf("%d arrived, want %d", len(all), n)
	}
	for _, a := range all {
		if a.Repeats != 0 {
			t.Errorf("%s came %d times", a.ID, a.Repeats+1)
		}
	}
}

// Hostile are texts that try to be more than text.
var Hostile = []string{
	"x\r\nBcc: everybody@harbor.example\r\n\r\nboo", "a\nX-Callbox-Callback: +19005550100", "\r\n.\r\nQUIT\r\n", ".\n..\n",
	"\x00\x1b[31m\u202eevil\u2028", "<script>alert(1)</script>", `"},{"id":"x`, strings.Repeat("long ", 4000), "\xff\xfe", "=?utf-8?q?=0D=0ABcc:_x?=",
}

func hostile(t *testing.T, h Harness) {
	for i, s := range Hostile {
		d := Due()
		d.Who, d.SiteName, d.Dialled, d.Place.Display, d.PSAP.Name = s, s, s, s, s
		d.Callback, d.Flags, d.Place.Location, d.Zone = e911.Number(s), []string{s}, e911.LocationID(s), s
		n := h.Notice(i+1, d)
		n.Call = e911.CallID(s)
		mustDeliver(t, h, n)
		if got := len(h.Other.Arrivals()); got != i+1 {
			t.Fatalf("text %d: %d notices arrived, want %d", i, got, i+1)
		}
	}
}

func empty(t *testing.T, h Harness) {
	n := h.Notice(1, journal.Due{Reason: journal.DueLate, Class: e911.ClassEmergency})
	n.Link = ""
	mustDeliver(t, h, n)
	says(t, only(t, h), "911 dialled", "unknown caller", "location unknown")
}
