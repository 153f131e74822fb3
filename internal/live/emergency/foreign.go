package emergency

import (
	"context"
	"sync"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/dereference"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/rules/callflow"
	"github.com/callbox911/callbox/internal/rules/locate"
	"github.com/callbox911/callbox/wire/pidflo"
)

// Foreign asks other location servers about their location URIs (F-17);
// *dereference.Client does. None of it waits.
type Foreign interface {
	// Known is an answer of a moment ago, of a telephone's registration.
	Known(org e911.OrgID, uri string) (dereference.Answer, bool)
	// Ask gives one answer when it comes.
	Ask(q dereference.Question) <-chan dereference.Answer
}

// How long a call waits for another location server when nothing newer than the
// address of a number locates it (F-17). Where something does, it waits askWait.
const (
	MinReferenceWait     = 250 * time.Millisecond
	MaxReferenceWait     = 3 * time.Second
	DefaultReferenceWait = 1500 * time.Millisecond
)

// foreignRef is a location URI of another server that came with the INVITE.
type foreignRef struct {
	uri    string
	answer *dereference.Answer // nil: none yet
	ahead  bool                // answer is that of the registration
	told   bool                // its fact is written
}

// foreignNews is an answer on its way to the goroutine of the call.
type foreignNews struct {
	ref    *foreignRef
	answer dereference.Answer
}

// foreigners are the foreign references of a call and the questions about them.
type foreigners struct {
	refs   []*foreignRef
	news   chan foreignNews
	open   int // questions without an answer
	stop   context.CancelFunc
	asking *sync.WaitGroup
}

// foreignRefOf notes a reference of another server, once, and says what is known
// of it.
func (c *inquiry) foreignRefOf(uri string) e911.Finding {
	var ref *foreignRef
	for _, r := range c.others.refs {
		if r.uri == uri {
			ref = r
		}
	}
	if ref == nil {
		ref = &foreignRef{uri: uri}
		c.others.refs = append(c.others.refs, ref)
		c.guard("references of others", func() {
			if a, ok := c.foreign.Known(c.org.ID(), uri); ok {
				ref.answer, ref.ahead = &a, true
			}
		})
	}
	f := e911.Finding{Rule: "location_reference", Said: "reference of another location server"}
	switch a := ref.answer; {
	case a == nil:
		f.Why = "it has not been answered"
	case a.Err != nil:
		f.Why = clip(a.Err.Error(), 200)
	case ref.ahead:
		f.Why = a.Host + " answered it when the telephone registered"
	default:
		f.Why = a.Host + " answered it"
	}
	return f
}

// byReference reads what other location servers answered, as a location by value
// is read (F-14).
func (c *inquiry) byReference() (out []locate.Candidate) {
	for _, r := range c.others.refs {
		if r.answer == nil || r.answer.Doc == nil {
			continue
		}
		for _, l := range r.answer.Doc.Locations() {
			if len(out) == maxValues {
				return out
			}
			out = append(out, referenced(l, r.answer.At()))
		}
	}
	return out
}

func referenced(l pidflo.Located, received time.Time) locate.Candidate {
	return locate.FromReference(locate.Invite{
		Place: placeOf(l.Geopriv), Method: l.Geopriv.Method, Timestamp: l.Element.Timestamp, RetentionExpiry: l.Geopriv.Retention,
	}, received)
}

// wellLocated reports evidence newer than the address of a number (F-17).
func (c *inquiry) wellLocated() bool {
	w := c.dec.where
	return w.Rank < locate.RankNumber && w.Class != locate.FallBack && w.Class != locate.None
}

// ask puts the questions about references of other servers; false: there are
// none.
func (c *call) ask() bool {
	o := &c.others
	if c.foreign == nil || len(o.refs) == 0 {
		return false
	}
	o.news = make(chan foreignNews, len(o.refs))
	ctx, stop := context.WithCancel(context.Background())
	o.stop, o.asking = stop, &sync.WaitGroup{}
	for _, ref := range o.refs {
		c.guard("references of others", func() {
			answers := c.foreign.Ask(dereference.Question{Org: c.org.ID(), URI: ref.uri, Trusted: c.known || c.phone.Registered})
			o.open++
			o.asking.Go(func() {
				select {
				case a := <-answers:
					o.news <- foreignNews{ref, a} // there is room for each
				case <-ctx.Done():
				}
			})
		})
	}
	return true
}

// stopAsking lets go of questions that are open when the call is over, and says
// so.
func (c *call) stopAsking() {
	o := &c.others
	if o.stop == nil {
		return
	}
	o.stop()
	o.asking.Wait()
	for _, ref := range o.refs {
		if !ref.told {
			c.record(journal.CallAsked, time.Time{}, journal.Asked{
				At: c.at, TookMS: c.h.cfg.Now().Sub(c.at).Milliseconds(), Error: "nothing came before the call was over", Late: true,
			})
		}
	}
}

// awaitReferences waits for other location servers: for so long as the place that
// is known without them allows, while the caller hears ringback and people are
// told in time (F-17, F-09).
func (c *call) awaitReferences(ctx context.Context) {
	wait := askWait
	if !c.wellLocated() {
		wait = c.h.cfg.ReferenceWait
		c.say("send ringback", c.leg.Provisional(1, 180, "Ringing", sipedge.Message{}))
	}
	if c.class == e911.ClassEmergency {
		c.listen()
	}
	limit, told := c.timerAt(wait), c.timerAt(c.h.cfg.Policy.Told)
	defer limit.Stop()
	defer told.Stop()
	tell := told.C
	if c.class != e911.ClassEmergency {
		tell = nil
	}
	for c.others.open > 0 {
		select {
		case n := <-c.others.news:
			if c.answered(n, false) {
				return
			}
		case <-tell:
			c.notify(journal.DueLate)
		case t := <-c.events:
			// He hung up, most likely: no more reason to wait.
			c.early = append(c.early, t)
			return
		case <-limit.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// sinceItWaited takes what happened to the journal while the call waited: times
// count from the arrival, and what is on disk by now was not slow.
func (c *call) sinceItWaited() {
	if c.others.stop == nil {
		return
	}
	select {
	case <-c.receipt.Synced:
		c.step(callflow.Event{Kind: callflow.Recorded})
	default:
	}
}

// timerAt runs out so long after the INVITE.
func (c *call) timerAt(d time.Duration) *time.Timer {
	return time.NewTimer(max(c.at.Add(d).Sub(c.h.cfg.Now()), 0))
}

// answered takes an answer in, writes its fact, and reports whether it locates
// the caller. Late: the call went on without it.
func (c *call) answered(n foreignNews, late bool) (located bool) {
	a := n.answer
	c.others.open--
	if a.Err == nil || n.ref.answer == nil {
		n.ref.answer, n.ref.ahead = &a, false
	}
	n.ref.told = true
	f := journal.Asked{Host: a.Host, Method: a.Method, At: a.Asked, TookMS: a.Took.Milliseconds(), Late: late, Ahead: n.ref.ahead}
	if a.Err != nil {
		f.Error = clip(a.Err.Error(), 200)
	} else {
		c.guard("references of others", func() {
			list := a.Doc.Locations()
			if len(list) == 0 {
				f.Error = "the answer holds no location" + partError(a.Doc)
				return
			}
			k := referenced(list[0], a.At())
			located = k.Doubt == "" && locate.Routable(k.Place)
			f.Place, f.Finding = k.Place.Display, k.Said
			if k.Doubt != "" {
				f.Finding += ", not believed: " + k.Doubt
			}
			if !k.At.IsZero() {
				at := k.At
				f.EvidenceAt = &at
			}
		})
	}
	c.record(journal.CallAsked, a.At(), f)
	return located
}

// decideAll decides the call. Where other location servers must be asked it is
// decided by what is known here first, and once more when they had their time: an
// ELIN is lent, and an alarm raised, once.
func (c *call) decideAll(ctx context.Context) {
	base, loan, raise := c.dec, c.loan, c.alarm
	if c.mayAsk() {
		raised := map[string]bool{}
		c.alarm = func(code AlarmCode, detail string) {
			if key := string(code) + " " + detail; !raised[key] {
				raised[key] = true
				raise(code, detail)
			}
		}
		c.loan = ""
	}
	asking := false
	newcomers, turns := c.h.newcomers, c.h.turns
	if c.class != e911.ClassEmergency {
		newcomers, turns = c.h.tests, c.h.tests
	}
	newcomers.inTurn(func() {
		c.decide()
		if asking = c.ask(); !asking && c.loan == loan {
			c.recordDecision()
			c.watchStatic()
		}
	})
	if asking {
		c.awaitReferences(ctx)
	}
	if asking || c.loan != loan {
		c.loan = loan
		turns.inTurn(func() {
			c.dec = base
			c.decide()
			c.recordDecision()
			c.watchStatic()
		})
	}
	c.alarm = raise
	c.tellPlace() // of those who were told while it waited
}

// mayAsk reports an INVITE with a reference that may be another server's.
func (c *call) mayAsk() bool {
	return c.foreign != nil && len(c.req.Headers.All("Geolocation")) > 0
}
