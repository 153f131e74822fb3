package heldplus

import (
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/rules/locate"
)

// Register keeps the place of a user, whatever he has or has not to call from (N-07):
// one of the organisation's, or an address on one line, judged as that of a device is.
// It is what a call of his says that nothing better locates (rank 7). An address that
// is not taken changes nothing; why, is in the answer.
func (s *Server) Register(org e911.OrgID, user e911.UserID, location e911.LocationID, text string) (SetAnswer, error) {
	snap, now := s.cfg.Snapshot.Load(), s.now()
	o := snap.Org(org)
	if o == nil {
		return SetAnswer{}, e911.Errorf(e911.NotFound, "there is no such organisation")
	}
	if _, ok := o.User(user); !ok {
		return SetAnswer{}, e911.Errorf(e911.NotFound, "the organisation has no such user")
	}
	if location != "" {
		p, ok := o.Place(location)
		if !ok {
			return SetAnswer{}, e911.Errorf(e911.NotFound, "there is no such location")
		}
		s.book.register(userKey{org, user}, own{place: p, at: now}, s.cfg.Journal)
		return SetAnswer{Status: StatusValidated, Location: place(p)}, nil
	}
	c := &caller{claims: claims{Org: org, User: user}, snap: snap, org: o, key: key{org: org}}
	q := &request{caller: c, now: now}
	j, base := s.entered(&SetRequest{Text: text}, c, now)
	q.warnings = j.notes
	if j.verdict == locate.Invalid {
		return *s.refused(q, &j, base), nil
	}
	var in said
	in.judged(&j, c, false, now)
	s.book.register(userKey{org, user}, own{place: in.place, verdict: in.verdict, why: in.why, validation: in.validation, at: now}, s.cfg.Journal)
	return SetAnswer{
		Status: StatusValidated, Verdict: string(in.verdict), Why: in.why, Location: place(in.place), Fields: j.fields(), Missing: j.missing(false),
		Candidates: j.candidates(), Warnings: append(q.warnings, j.faults(base, true)...),
	}, nil
}

// Registered is the place that a user registered, as it is now; one that is on the map
// no more is none. It never waits.
func (s *Server) Registered(org e911.OrgID, user e911.UserID) locate.Registered {
	o, ok := s.book.registeredOf(userKey{org, user})
	if !ok {
		return locate.Registered{}
	}
	r := locate.Registered{Place: o.place, Verdict: o.verdict, At: o.at}
	if o.place.Location == "" {
		return r
	}
	world := s.cfg.Snapshot.Load().Org(org)
	if world == nil {
		return locate.Registered{}
	}
	if r.Place, ok = world.Place(o.place.Location); !ok {
		return locate.Registered{}
	}
	return r
}

func (b *book) registeredOf(u userKey) (own, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	o, ok := b.registered[u]
	return o, ok
}

func (b *book) register(u userKey, o own, rec journal.Recorder) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.registered[u] = o
	rec.Record(journal.New(journal.OwnRegistered, o.at, u.org, "", journal.Own{
		User: u.user, Place: o.place, Verdict: string(o.verdict), Why: o.why, At: o.at, Validation: o.validation,
	}))
}

// restoreRegistered takes the newest word of a user, whichever node tells it last.
func (b *book) restoreRegistered(f journal.Fact, v journal.Own) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	u := userKey{f.Org, v.User}
	at := v.At
	if at.IsZero() {
		at = f.At
	}
	if was, ok := b.registered[u]; ok && at.Before(was.at) {
		return nil
	}
	b.registered[u] = own{place: v.Place, verdict: locate.Verdict(v.Verdict), why: v.Why, validation: v.Validation, at: at.Truncate(time.Millisecond)}
	return nil
}
