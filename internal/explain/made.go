package explain

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/journal/disk"
)

var callKinds = []journal.Kind{
	journal.CallArrived, journal.CallIdentified, journal.CallLocated, journal.CallRouted, journal.CallAttempt, journal.CallFailed,
	journal.CallAnswered, journal.CallEnded, journal.NotifySent,
}

// made finds the calls of the subject that came in near the time in question.
func (x *inquest) made(ctx context.Context) error {
	from, to := x.at.Add(-near), x.at.Add(near)
	calls := map[e911.CallID]*Made{}
	seqs := map[e911.CallID]map[uint64]bool{}
	segments := x.archive.Segments()
	for i, s := range segments {
		// A call may last longer than the window; its end is then not told.
		if s.Created.After(to.Add(slack)) || i+1 < len(segments) && segments[i+1].Created.Before(from.Add(-slack)) {
			continue
		}
		err := s.Scan(ctx, disk.Filter{Org: x.s.org.ID(), Kinds: callKinds}, func(f journal.Fact) bool {
			m := calls[f.Call]
			if f.Kind == journal.CallArrived && m == nil && !f.At.Before(from) && !f.At.After(to) && len(calls) < maxSeen {
				m = &Made{ID: f.Call, At: f.At}
				calls[f.Call], seqs[f.Call] = m, map[uint64]bool{}
			}
			if m == nil || seqs[f.Call][f.Seq] {
				return true // another time's, or repeated in a later segment
			}
			seqs[f.Call][f.Seq] = true
			m.note(f)
			return true
		})
		if err != nil {
			return fmt.Errorf("read the journal: %w", err)
		}
	}
	for _, m := range calls {
		if x.callOfSubject(m) {
			x.a.Made = append(x.a.Made, *m)
		}
	}
	slices.SortFunc(x.a.Made, func(a, b Made) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID)) })
	if len(x.a.Made) > maxMade {
		x.warn(fmt.Sprintf("%d calls were made about then; the first %d are shown", len(x.a.Made), maxMade))
		x.a.Made = x.a.Made[:maxMade]
	}
	return nil
}

// callOfSubject reports that a call is the subject's: his device's, else his or
// his line's.
func (x *inquest) callOfSubject(m *Made) bool {
	switch {
	case x.s.named:
		return m.Identified.Device != nil && slices.Contains(x.s.devices, m.Identified.Device.ID) ||
			m.Identified.Device == nil && x.s.user != nil && m.Identified.User != nil && m.Identified.User.ID == string(x.s.user.ID)
	case x.q.User != "" && m.Identified.User != nil && m.Identified.User.ID == string(x.s.user.ID):
		return true
	case x.q.Number != "":
		return m.Identified.Line == x.q.Number
	case x.s.ip.IsValid():
		a, err := netip.ParseAddrPort(m.Arrived.Source)
		return err == nil && a.Addr() == x.s.ip
	}
	return false
}

// note takes a fact of the call in; one that cannot be read tells nothing.
func (m *Made) note(f journal.Fact) {
	switch f.Kind {
	case journal.CallArrived:
		take(f, &m.Arrived)
	case journal.CallIdentified:
		take(f, &m.Identified)
	case journal.CallLocated:
		take(f, &m.Located)
	case journal.CallRouted:
		take(f, &m.Routed)
	case journal.CallAttempt:
		add(f, &m.Attempts)
	case journal.CallFailed:
		add(f, &m.Failed)
	case journal.NotifySent:
		add(f, &m.Told)
	case journal.NotifyFailed:
		add(f, &m.Untold)
	case journal.CallProgress:
		add(f, &m.Progress)
	case journal.CallDereferenced:
		add(f, &m.Used)
	case journal.AlarmRaised:
		add(f, &m.Alarms)
	case journal.CallAsked, journal.CallRelocated, journal.CallUpdated:
		m.noteLate(f)
	case journal.CallSpoken:
		m.Spoken = new(journal.Spoken)
		take(f, m.Spoken)
	case journal.CallInvite:
		m.Invite = new(journal.Invite)
		take(f, m.Invite)
	case journal.CallAnswered:
		m.Answered = new(journal.Answered)
		take(f, m.Answered)
	case journal.CallEnded:
		m.Ended = new(journal.Ended)
		take(f, m.Ended)
	}
}

func take[T any](f journal.Fact, into *T) {
	if b, err := journal.Decode[T](f); err == nil {
		*into = b
	}
}

func add[T any](f journal.Fact, into *[]T) {
	if b, err := journal.Decode[T](f); err == nil {
		*into = append(*into, b)
	}
}

// clock writes a time as all of an answer does.
func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }
