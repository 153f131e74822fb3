package trunk_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/digest"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/live/trunk"
	"github.com/callbox911/callbox/internal/snapshot"
)

// facts keeps what is recorded.
type facts struct{ list []journal.Fact }

func (f *facts) Record(v journal.Fact) journal.Receipt {
	f.list = append(f.list, v)
	return journal.Receipt{}
}

// threshold is a Door with the trunks behind it.
type threshold struct {
	*trunk.Door
	t      *testing.T
	now    time.Time
	holder *snapshot.Holder
	facts  facts
	alarms []journal.Alarm
	calls  int
}

const domain = "callbox.example"

func platform(id, user string, from ...string) e911.Trunk {
	v := e911.Trunk{ID: e911.TrunkID(id), Org: "o1", Key: id, Side: e911.SidePlatform, From: []netip.Prefix{}, DRFrom: []netip.Prefix{}}
	if user != "" {
		v.Admit = e911.TrunkDigest{User: user, Secrets: []e911.Secret{"new-secret", "old-secret"}}
	}
	for _, f := range from {
		v.From = append(v.From, netip.MustParsePrefix(f))
	}
	return v
}

func newThreshold(t *testing.T, trunks ...e911.Trunk) *threshold {
	t.Helper()
	b := &threshold{t: t, now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), holder: &snapshot.Holder{}}
	b.world(trunks...)
	b.Door = b.door()
	return b
}

func (b *threshold) world(trunks ...e911.Trunk) {
	b.t.Helper()
	changes := []snapshot.Change{{Kind: e911.KindOrg, Org: "o1", ID: "o1", Object: e911.Org{ID: "o1", Key: "works", Name: "Works"}}}
	for _, v := range trunks {
		changes = append(changes, snapshot.Change{Kind: e911.KindTrunk, Org: v.Org, ID: string(v.ID), Object: v})
	}
	world, err := snapshot.Build(changes, b.now)
	if err != nil {
		b.t.Fatal(err, e911.FaultsOf(err))
	}
	b.holder.Store(world)
}

func (b *threshold) door() *trunk.Door {
	b.t.Helper()
	d, err := trunk.NewDoor(trunk.DoorConfig{
		Snapshot: b.holder, Journal: &b.facts, Realm: domain, Guesses: 5, Now: func() time.Time { return b.now },
		Alarm: func(_ e911.OrgID, a journal.Alarm) { b.alarms = append(b.alarms, a) },
		Phone: func(q *sipedge.Request) bool { return q.Headers.Get("User-Agent") == "a registered phone" },
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return d
}

// invite is a new call from an address.
func (b *threshold) invite(from, number string) *sipedge.Request {
	b.calls++
	return &sipedge.Request{
		Method: "INVITE", URI: "sip:" + number + "@" + domain, Source: netip.MustParseAddrPort(from + ":5060"), CallID: fmt.Sprint("call-", b.calls),
	}
}

// answering sends the INVITE again with the answer to a challenge.
func (b *threshold) answering(q *sipedge.Request, id sipedge.Identity, user string, secret e911.Secret) *sipedge.Request {
	b.t.Helper()
	if id.Refusal == nil || id.Refusal.Code != 407 {
		b.t.Fatalf("no challenge: %+v", id)
	}
	value, err := digest.NewClient(user, domain, secret).Answer(digest.Question{
		Challenges: id.Refusal.Message.Headers.All("Proxy-Authenticate"), Method: "INVITE", URI: q.URI,
	})
	if err != nil {
		b.t.Fatal(err)
	}
	next := *q
	next.Headers = sipedge.Headers{{Name: "Proxy-Authorization", Value: value}}
	return &next
}

// said is an identity in a line.
func said(id sipedge.Identity) string {
	s := id.Who
	if s == "" {
		s = "nobody"
	}
	if id.Proved {
		s += " proved"
	}
	if id.Refusal != nil {
		s += fmt.Sprint(" ", id.Refusal.Code)
	}
	return s
}

// asked is what the edge would be told: whether the source is known it finds out
// as the application does.
func (b *threshold) asked(q *sipedge.Request, emergency bool) sipedge.Identity {
	src := sipedge.Source{Addr: q.Source.Addr(), Names: q.Peer, Lapsed: q.Lapsed}
	_, ranges := b.holder.Load().TrunkBySource(src.Addr)
	_, cert := b.holder.Load().TrunkByCertificate(src.Names)
	return b.Identify(q, ranges || cert || b.Known(src), emergency)
}

// Proves: F-10, W-43, C-71 (who is asked for credentials, and who is not)
func TestWhoIsAskedForCredentials(t *testing.T) {
	b := newThreshold(t, platform("plain", "", "192.0.2.0/28"), platform("pass", "pbx", "198.51.100.0/28"), platform("roams", "away"))
	for name, c := range map[string]struct {
		from, agent string
		emergency   bool
		want        string
	}{
		"an ordinary call of a trunk without credentials is not":          {"192.0.2.1", "", false, "plain"},
		"an ordinary call of a trunk with credentials is":                 {"198.51.100.1", "", false, "pass 407"},
		"an emergency call of a trunk with credentials never is":          {"198.51.100.1", "", true, "pass"},
		"a registered phone behind a trunk has proved itself before":      {"198.51.100.1", "a registered phone", false, "pass"},
		"a stranger is, for a trunk may call from anywhere":               {"203.0.113.5", "", false, "nobody 407"},
		"a stranger's emergency call is too: he may be a trunk elsewhere": {"203.0.113.5", "", true, "nobody 407"},
	} {
		t.Run(name, func(t *testing.T) {
			q := b.invite(c.from, "16175550100")
			q.Headers = sipedge.Headers{{Name: "User-Agent", Value: c.agent}}
			if got := said(b.asked(q, c.emergency)); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
	b.world(platform("plain", "", "192.0.2.0/28"), platform("pass", "pbx", "198.51.100.0/28"))
	if got := said(b.asked(b.invite("203.0.113.5", "911"), true)); got != "nobody" {
		t.Errorf("a stranger where no trunk roams: %s, want no challenge (the edge answers 403)", got)
	}
}

// Proves: F-10, W-43, RFC 7616, RFC 8760 (both secrets of a rotation, both algorithms)
func TestWhatProvesATrunk(t *testing.T) {
	roams := platform("roams", "away")
	for name, c := range map[string]struct {
		from, user string
		secret     e911.Secret
		dialled    string // instead of what the credentials were made for
		want       string
	}{
		"the right secret, from its range":                {"198.51.100.1", "pbx", "new-secret", "", "pass proved"},
		"the secret before the last change":               {"198.51.100.1", "pbx", "old-secret", "", "pass proved"},
		"from outside of its range":                       {"203.0.113.1", "pbx", "new-secret", "", "nobody 407"},
		"a trunk without ranges, from anywhere":           {"203.0.113.1", "away", "new-secret", "", "roams proved"},
		"from the range of another trunk":                 {"198.51.100.1", "away", "new-secret", "", "roams proved"},
		"a wrong secret":                                  {"203.0.113.1", "away", "wrong", "", "nobody 407"},
		"a user that does not exist":                      {"203.0.113.1", "nobody-here", "wrong", "", "nobody 407"},
		"a user that does not exist, with nobodys word":   {"203.0.113.1", "nobody-here", "no user has this secret, it takes the time of one", "", "nobody 407"},
		"the user in other letters":                       {"203.0.113.1", "AWAY", "new-secret", "", "nobody 407"},
		"credentials made for another number":             {"203.0.113.1", "away", "new-secret", "sip:19005550100@" + domain, "nobody 407"},
		"the number behind a proxy that changed the host": {"203.0.113.1", "away", "new-secret", "sip:16175550100@10.0.0.1:5062;transport=tcp", "roams proved"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newThreshold(t, platform("pass", "pbx", "198.51.100.0/28"), roams)
			q := b.invite(c.from, "16175550100")
			q = b.answering(q, b.asked(q, false), c.user, c.secret)
			if c.dialled != "" {
				q.URI = c.dialled
			}
			if got := said(b.asked(q, false)); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			again := b.asked(q, false)
			if again.Proved {
				t.Error("the same credentials were taken twice")
			}
			if strings.HasSuffix(c.want, "proved") && !strings.Contains(again.Refusal.Message.Headers.Get("Proxy-Authenticate"), "stale=true") {
				t.Errorf("the replay is not told that its nonce is used up: %v", again.Refusal.Message.Headers)
			}
		})
	}
}

// A platform without fixed addresses proves itself once; then the password is
// changed on our side alone: for 30 days its emergency calls go on from there,
// also over a restart, its ordinary calls do not.
// Proves: F-10, E1
func TestACredentialThatFailedIsKnownFor30Days(t *testing.T) {
	b := newThreshold(t, platform("roams", "away"))
	const from = "203.0.113.7"
	q := b.invite(from, "16175550100")
	if got := said(b.asked(b.answering(q, b.asked(q, false), "away", "new-secret"), false)); got != "roams proved" {
		t.Fatalf("at first: %s", got)
	}
	changed := platform("roams", "away")
	changed.Admit.Secrets = []e911.Secret{"quite-another"}
	b.world(changed)
	b.Door = b.door()
	for _, f := range b.facts.list {
		if err := b.Restore(f); err != nil {
			t.Fatal(err)
		}
	}
	ordinary := b.invite(from, "16175550100")
	challenge := b.asked(ordinary, false)
	if got := said(b.asked(b.answering(ordinary, challenge, "away", "new-secret"), false)); got != "roams 407" {
		t.Errorf("an ordinary call with the old password: %s", got)
	}
	sos := b.invite(from, "911")
	if got := said(b.asked(b.answering(sos, b.asked(ordinary, false), "away", "new-secret"), true)); got != "roams" {
		t.Errorf("an emergency call with the old password: %s, want it taken for the trunk's, not proved", got)
	}
	if len(b.alarms) != 1 || b.alarms[0].Code != trunk.AlarmUnproved {
		t.Errorf("alarms %+v, want that the credentials do not fit", b.alarms)
	}
	if got := said(b.asked(b.invite(from, "911"), true)); got != "roams" {
		t.Errorf("an emergency call without any: %s", got)
	}
	b.now = b.now.Add(31 * 24 * time.Hour)
	if got := said(b.asked(b.invite(from, "911"), true)); got != "nobody 407" {
		t.Errorf("after 31 days: %s", got)
	}
}

// Proves: F-10, C-71 (what a certificate that has expired still says)
func TestACertificateThatLapsed(t *testing.T) {
	v := platform("cert", "")
	v.Certificates = []string{"pbx.example"}
	b := newThreshold(t, v)
	q := b.invite("203.0.113.9", "16175550100")
	q.Lapsed = []string{"sha256:00", "pbx.example"}
	if got := said(b.asked(q, false)); got != "cert 403" {
		t.Errorf("an ordinary call: %s", got)
	}
	if got := said(b.asked(q, true)); got != "cert" {
		t.Errorf("an emergency call: %s, want it taken, not proved", got)
	}
	q.Lapsed, q.Peer = nil, []string{"sha256:01", "PBX.example"}
	if got := said(b.asked(q, false)); got != "cert proved" {
		t.Errorf("with the new certificate: %s", got)
	}
}

// Proves: F-10, issue 6 (guess limits that never touch emergency calls of who is known)
func TestGuessingATrunksPassword(t *testing.T) {
	b := newThreshold(t, platform("roams", "away"), platform("pass", "pbx", "198.51.100.0/28"))
	guess := func(from, user string, secret e911.Secret, emergency bool) string {
		q := b.invite(from, "16175550100")
		id := b.Identify(q, false, false)
		if id.Refusal.Code != 407 {
			return said(id)
		}
		return said(b.asked(b.answering(q, id, user, secret), emergency))
	}
	for i := range 5 {
		if got := guess("203.0.113.66", "away", "wrong", false); got != "nobody 407" && i < 4 {
			t.Fatalf("guess %d: %s", i+1, got)
		}
	}
	if got := guess("203.0.113.66", "away", "new-secret", false); got != "nobody 503" {
		t.Errorf("after five wrong ones the right one: %s", got)
	}
	if len(b.alarms) != 1 || b.alarms[0].Code != trunk.AlarmGuessing || b.alarms[0].Source != "203.0.113.66" {
		t.Errorf("alarms %+v", b.alarms)
	}
	if got := guess("203.0.113.67", "away", "new-secret", true); got != "roams proved" {
		t.Errorf("an emergency call of the trunk itself from elsewhere, while others guess: %s", got)
	}
	for range 8 {
		guess("198.51.100.2", "pbx", "wrong", false)
	}
	if got := said(b.asked(b.invite("198.51.100.2", "911"), true)); got != "pass" {
		t.Errorf("an emergency call of who guessed: %s, want it taken", got)
	}
	b.now = b.now.Add(digest.RetryAfter)
	if got := guess("203.0.113.66", "away", "new-secret", false); got != "roams proved" {
		t.Errorf("five minutes later: %s", got)
	}
}

// Proves: RFC 8760 section 2.4 (a neighbour that gives up at SHA-256)
func TestWhoDoesNotAnswerIsAskedForMD5Alone(t *testing.T) {
	b := newThreshold(t, platform("roams", "away"))
	challenges := func(q *sipedge.Request) []string {
		return b.asked(q, false).Refusal.Message.Headers.All("Proxy-Authenticate")
	}
	first := b.invite("203.0.113.1", "16175550100")
	if n := len(challenges(first)); n != 2 {
		t.Errorf("%d algorithms at first", n)
	}
	if n := len(challenges(first)); n != 2 {
		t.Errorf("%d algorithms for a repetition of the same call", n)
	}
	if c := challenges(b.invite("203.0.113.1", "16175550100")); len(c) != 1 || !strings.Contains(c[0], "algorithm=MD5") {
		t.Errorf("for the next call: %v", c)
	}
}
