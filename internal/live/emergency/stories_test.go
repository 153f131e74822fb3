package emergency

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/sipedge"
)

// plainWords turns lines of a trace into what a dispatcher would say; what is not
// here is of no interest to him.
var plainWords = []struct{ line, words string }{
	{`^leg(\d+) dialled to 127\.0\.0\.21:\d+$`, "we call the PSAP by carrier A (leg $1)"},
	{`^leg(\d+) dialled to 127\.0\.0\.22:\d+$`, "we call the PSAP by carrier B (leg $1)"},
	{`^leg(\d+) dialled to 127\.0\.0\.23:\d+$`, "we call the relay centre (leg $1)"},
	{`^leg(\d+) dialled to 127\.0\.0\.41:\d+$`, "we call by the site's own line (leg $1)"},
	{`^leg(\d+) cancelled: (.*)$`, "we stop calling by leg $1: $2"},
	{`^leg(\d+) hung up on: (.*)$`, "we hang up on leg $1: $2"},
	{`^leg(\d+) re-invited.*$`, "leg $1 is told of other media"},
	{`^fact call\.failed (\d+) (.*)$`, "leg $1 is over: $2"},
	{`^fact notify\.due leg_out$`, "people are told: the call is on its way"},
	{`^fact notify\.due leg_failed$`, "people are told: the first way failed"},
	{`^fact notify\.due late$`, "people are told: nothing was sent for 250 ms"},
	{`^fact notify\.due not_connected$`, "people are told: NOT CONNECTED, call the PSAP now"},
	{`^fact notify\.due abandoned$`, "people are told: the caller gave up"},
	{`^fact alarm\.raised (.*)$`, "alarm $1"},
	{`^fact call\.ended (.*)$`, "over: $1"},
	{`^caller gets 18\d of \d+.*$`, "the caller hears it ring"},
	{`^caller answered by (\d+) sdp$`, "the caller talks with leg $1"},
	{`^caller refused (\d+)$`, "the caller hears $1"},
	{`^caller re-invite-answered (\d+).*$`, "the caller's telephone is answered $1, and nobody else hears of it"},
	{`^test service answers$`, "we answer ourselves, and read out who, where and which number"},
}

// story is the trace of a kit in plain words, each line with its second.
func story(k *kit) string {
	var out strings.Builder
	last := ""
	for line := range strings.SplitSeq(k.tr.String(), "\n") {
		at, what, _ := strings.Cut(strings.TrimLeft(line, " "), " ")
		for _, w := range plainWords {
			re := regexp.MustCompile(w.line)
			if !re.MatchString(what) {
				continue
			}
			if said := re.ReplaceAllString(what, w.words); said != last {
				fmt.Fprintf(&out, "  %9s s  %s\n", at, said)
				last = said
			}
		}
	}
	return out.String()
}

// notice is what the first notice of a call says.
func notice(t *testing.T, k *kit) string {
	t.Helper()
	all := k.journal.all(journal.NotifyDue)
	if len(all) == 0 {
		return ""
	}
	d, err := journal.Decode[journal.Due](all[0])
	if err != nil {
		t.Fatal(err)
	}
	psap := cmp.Or(d.PSAP.Name, "nobody")
	if d.PSAPExpected {
		psap += ", as the carrier chooses"
	}
	return fmt.Sprintf("  who %s; where %s; call back %s\n  for %s; marked %s\n", d.Who, cmp.Or(d.Place.Display, "nobody knows"),
		cmp.Or(string(d.Callback), "no number"), psap, cmp.Or(strings.Join(d.Flags, ", "), "nothing"))
}

const holdSDP = "v=0\r\no=- 1 2 IN IP4 127.0.0.11\r\ns=-\r\nc=IN IP4 127.0.0.11\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\na=sendonly\r\n"

// Field rules as stories of whole calls, for a person to read: testdata/lines/rules.txt.
//
// Proves: E1, E4, E8, E10, E12, F-02, F-03, F-09, F-13, F-15, F-16, F-21, F-23, F-24, F-28, F-29, F-37
func TestFieldRulesAsStories(t *testing.T) {
	hangUp, giveUp := sipedge.Event{Kind: sipedge.ByeReceived}, sipedge.Event{Kind: sipedge.Cancelled}
	type step struct {
		after time.Duration
		ev    sipedge.Event
	}
	end := func(d time.Duration) []step { return []step{{d, hangUp}} }
	never := func() map[string]psap {
		return map[string]psap{carrierA: refuses(486), carrierB: unreachable, ecrcA: refuses(503)}
	}
	var out strings.Builder
	for _, c := range []struct {
		title string
		world []func(*world)
		psaps map[string]psap // instead of those that answer after a second
		set   func(t *testing.T, k *kit)
		req   []func(*sipedge.Request)
		steps []step
	}{
		{title: "F-02 A PSAP that rings is not hung up on: after 90 s another way is tried beside it, and who answers first has the call.", psaps: map[string]psap{carrierA: ringsForEver, carrierB: answers(5 * time.Second)}, steps: end(100 * time.Second)},
		{title: "F-02 A way that says nothing for 4 s is left for the next.", psaps: map[string]psap{carrierA: silent}, steps: end(10 * time.Second)},
		{title: "F-02 A way that says 100 and no more is cancelled after 4 s.", psaps: map[string]psap{carrierA: sends}, steps: end(10 * time.Second)},
		{title: "F-03 When all ways fail they are tried again, after 1 s, 2 s, 4 s, until the caller hangs up.", psaps: never(), steps: []step{{8 * time.Second, giveUp}}},
		{title: "F-09 A caller who gives up before anybody answered: people are told all the same.", psaps: map[string]psap{carrierA: ringsForEver}, steps: []step{{3 * time.Second, giveUp}}},
		{title: "F-09 Nobody can be reached for 4 s: people are told to call the PSAP themselves.", psaps: map[string]psap{carrierA: silent, carrierB: silent, ecrcA: silent}, steps: []step{{6 * time.Second, giveUp}}},
		{title: "F-13 The telephone's line, with a platform's word who speaks: the place is the device's, the name is the user's.", steps: end(3 * time.Second)},
		{title: "F-15 The caller presses hold: the PSAP hears nothing of it and stays on the line.", steps: []step{{3 * time.Second, sipedge.Event{Kind: sipedge.ReInvite, Body: []byte(holdSDP), ContentType: typeSDP}}, {2 * time.Second, hangUp}}},
		{title: "F-16 A carrier that does not take the body is tried again without it.", psaps: map[string]psap{carrierA: onceThen(refuses(415), answers(time.Second))}, steps: end(5 * time.Second)},
		{title: "F-21 A caller who hides his number: the PSAP gets one all the same.", req: []func(*sipedge.Request){header("Privacy", "id"), without("E911-User-ID")}, steps: end(3 * time.Second)},
		{title: "F-21 Nobody knows any number: the call goes, and an alarm says what it lacks.", world: []func(*world){func(w *world) { w.site.ECBN, w.user.Callback, w.noNumber = "", "", true }}, req: []func(*sipedge.Request){withoutNumber}, steps: end(3 * time.Second)},
		{title: "F-24 A suspended organisation without a line of its own: the call goes out as if it were not, and is marked.", world: []func(*world){func(w *world) { w.org.State = e911.OrgSuspended }}, steps: end(3 * time.Second)},
		{title: "F-24 A suspended organisation with a line of its own: that one first.", world: []func(*world){func(w *world) { w.org.State = e911.OrgSuspended }}, set: func(t *testing.T, k *kit) { k.ownTrunk(t); k.psaps[pstnHQ] = answers(time.Second) }, steps: end(3 * time.Second)},
		{title: "F-28 A test call to 933: it never leaves.", req: []func(*sipedge.Request){dialled("sip:933@callbox.example")}, steps: end(3 * time.Second)},
		{title: "F-29 The disk is slow: the PSAP is called at once, and the caller connected after 200 ms at latest.", set: func(_ *testing.T, k *kit) {
			k.journal.slow = time.Second
			k.psaps[carrierA] = answers(50 * time.Millisecond)
		}, steps: end(3 * time.Second)},
		{title: "F-37 9911, by habit of an outside line: it is 911, and is marked.", req: []func(*sipedge.Request){dialled("sip:9911@callbox.example")}, steps: end(3 * time.Second)},
		{title: "Nobody knows where the caller is: the relay centre asks him, and an alarm says so.", world: []func(*world){func(w *world) { w.model.HELD = true }}, steps: end(3 * time.Second)},
	} {
		bubble(t, func(t *testing.T) {
			k := fixedKit(t, c.world...)
			for to, p := range c.psaps {
				k.psaps[to] = p
			}
			if c.set != nil {
				c.set(t, k)
			}
			caller := k.call(t.Context(), invite(c.req...))
			for _, s := range c.steps {
				after(s.after)
				caller.emit(s.ev)
			}
			k.run.Wait()
			fmt.Fprintf(&out, "%s\n%s%s\n", c.title, notice(t, k), story(k))
		})
	}
	transcript(t, "rules.txt", out.String())
}

// onceThen behaves once as first, and from then on as then.
func onceThen(first, then psap) psap {
	calls := make(chan struct{}, 1)
	calls <- struct{}{}
	return func(l *fakeLeg) {
		select {
		case <-calls:
			first(l)
		default:
			then(l)
		}
	}
}
