package explain

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin/report"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/journal/disk"
	"github.com/callbox911/callbox/internal/live/emergency"
	"github.com/callbox911/callbox/internal/notify"
	"github.com/callbox911/callbox/internal/snapshot"
)

// longest is how long after its beginning a call still has facts: its talk, its
// location reference's 24 h (F-27), and the tries to tell people.
const longest = 48 * time.Hour

// begun is when a call came in, by its id (RFC 9562, section 5.7); false for what
// is no such id.
func begun(id e911.CallID) (time.Time, bool) {
	s := strings.ReplaceAll(string(id), "-", "")
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != 16 || len(id) != 36 || b[6]>>4 != 7 {
		return time.Time{}, false
	}
	ms := int64(0)
	for _, c := range b[:6] {
		ms = ms<<8 | int64(c)
	}
	return time.UnixMilli(ms).UTC(), true
}

// ofCall answers about one call that was made: what it did and why, and what the
// same INVITE would do by today's world and the evidence of then.
func (x *inquest) ofCall(ctx context.Context, wall e911.OrgID) (Answer, error) {
	m, org, err := x.find(ctx, wall)
	if err != nil {
		return Answer{}, err
	}
	if x.q.I3 != nil {
		if x.a.LogEvents, err = logEvents(x.facts, *x.q.I3, x.e.cfg.Domain); err != nil {
			return Answer{}, err
		}
	}
	x.at, x.a.At, x.a.ofCall = m.At, m.At, true
	x.a.Made = []Made{*m}
	x.a.Org = journal.Ref{ID: string(org)}
	x.s.org = x.world.Org(org)
	if x.s.org == nil && org != "" {
		x.warn("the organisation of the call is not configured any more")
	}
	if x.s.org == nil {
		x.s.org = new(snapshot.Org)
	} else {
		c := x.s.org.Config()
		x.a.Org = journal.Ref{ID: string(c.ID), Key: c.Key, Name: c.Name}
	}
	if m.Invite == nil {
		x.warn("the journal does not have the INVITE of the call: what it would do today cannot be said")
		return x.a, nil
	}
	return x.a, x.replay(ctx, m)
}

// find reads the facts of the call.
func (x *inquest) find(ctx context.Context, wall e911.OrgID) (*Made, e911.OrgID, error) {
	from, to := x.at, x.at.Add(longest)
	var m *Made
	var org e911.OrgID
	var record report.CallRecord
	seen := map[uint64]bool{}
	segments := x.archive.Segments()
	for i, s := range segments {
		if s.Created.After(to.Add(slack)) || i+1 < len(segments) && segments[i+1].Created.Before(from.Add(-slack)) {
			continue
		}
		err := s.Scan(ctx, disk.Filter{Org: wall, Call: x.q.Call}, func(f journal.Fact) bool {
			if f.Kind == journal.CallArrived && m == nil {
				m, org = &Made{ID: f.Call, At: f.At}, f.Org
			}
			if m == nil || seen[f.Seq] || f.Org != org {
				return true
			}
			seen[f.Seq] = true
			m.note(f)
			if x.q.I3 != nil {
				x.facts = append(x.facts, f)
			}
			report.Apply(&record, f)
			return true
		})
		if err != nil {
			return nil, "", fmt.Errorf("read the journal: %w", err)
		}
	}
	x.a.Timeline = record.Timeline
	if m == nil {
		return nil, "", e911.Errorf(e911.NotFound, "the journal has no %s", x.q)
	}
	if o := x.world.Org(org); x.q.Org != "" && (o == nil || o.Config().Key != x.q.Org && string(org) != x.q.Org) {
		return nil, "", e911.Errorf(e911.NotFound, "the journal has no %s of the organisation %q", x.q, x.q.Org)
	}
	return m, org, nil
}

// replay decides the call once more.
func (x *inquest) replay(ctx context.Context, m *Made) error {
	x.s.devices = x.devicesOf(m)
	if err := x.recall(ctx); err != nil {
		return err
	}
	req, phones := emergency.Again(*m.Invite, m.At)
	f, ok := x.e.cfg.Calls.Foresee(emergency.Supposed{
		Request: req, World: x.world, Locator: &then{Server: x.devices, past: x.past}, Phones: phones, NoHealth: true,
	})
	if !ok {
		x.warn("what was dialled is no emergency call any more")
		return nil
	}
	x.a.Call, x.a.Replayed = callOf(f), true
	holder := &snapshot.Holder{}
	holder.Store(x.world)
	told, _ := notify.Recipients(f.Org, f.Due, notify.FromSnapshot(holder))
	x.a.Call.Told = append([]notify.Recipient{}, told...)
	x.a.Differs = differences(m, x.a.Call)
	if f.Org != x.s.org.ID() {
		x.a.Differs = append([]Difference{{"organisation", x.a.Org.Name, orgName(x.world, f.Org)}}, x.a.Differs...)
	}
	for _, a := range f.Alarms {
		x.warn("today it would raise the alarm " + a.Code + ": " + a.Detail)
	}
	return nil
}

func orgName(w *snapshot.Snapshot, id e911.OrgID) string {
	if o := w.Org(id); o != nil {
		return o.Config().Name
	}
	return "none"
}

// devicesOf are those whose evidence may have counted, by their names in the
// location server: the one that was identified, and those of its user and line.
func (x *inquest) devicesOf(m *Made) (names []string) {
	add := func(name string) {
		if name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if d := m.Identified.Device; d != nil {
		add(d.ID)
	}
	if p := m.Invite.Phone; p != nil {
		add(string(p.Device))
	}
	var users []e911.UserID
	if u := m.Identified.User; u != nil {
		users = append(users, e911.UserID(u.ID))
	}
	if rec, ok := x.s.org.Number(m.Identified.Line); ok && rec.User != "" {
		users = append(users, rec.User)
	}
	for _, u := range users {
		for _, d := range x.s.org.DevicesOf(u) {
			add(string(d.ID))
		}
	}
	return names
}

// differences compares what a call did with what it would do.
func differences(m *Made, c *Call) []Difference {
	var out []Difference
	put := func(what, then, now string) {
		if then != now {
			out = append(out, Difference{what, cmp.Or(then, "none"), cmp.Or(now, "none")})
		}
	}
	ref := func(r *journal.Ref) string {
		if r == nil {
			return ""
		}
		return cmp.Or(r.Name, r.Key, r.ID)
	}
	a, b := &m.Identified, &c.Identified
	put("user", ref(a.User), ref(b.User))
	put("device", ref(a.Device), ref(b.Device))
	put("site", ref(a.Site), ref(b.Site))
	put("line", string(a.Line), string(b.Line))
	put("callback", string(a.Callback), string(b.Callback))
	put("location", m.Located.Place.Display, c.Located.Place.Display)
	put("located by", words(string(m.Located.By)), words(string(c.Located.By)))
	put("freshness", words(m.Located.Class), words(c.Located.Class))
	put("PSAP", m.Routed.PSAP.Name, c.Routed.PSAP.Name)
	put("routes", rungs(m.Routed.Rungs), rungs(c.Routed.Rungs))
	put("flags", flags(m.Identified.Flags, m.Located.Flags, m.Routed.Flags), flags(b.Flags, c.Located.Flags, c.Routed.Flags))
	if len(m.Told)+len(m.Untold) > 0 || m.Ended != nil {
		var told, tell []string
		for _, n := range slices.Concat(m.Told, m.Untold) {
			told = append(told, channel(n.Channel)+" "+n.To)
		}
		for _, r := range c.Told {
			tell = append(tell, channel(r.Channel)+" "+r.To)
		}
		put("told", flags(told), flags(tell))
	}
	return out
}

func words(s string) string { return strings.ReplaceAll(s, "_", " ") }

func rungs(list []journal.Rung) string {
	var out []string
	for _, r := range list {
		out = append(out, r.PSAP.Name+" by "+r.Trunk.Key)
	}
	return strings.Join(out, ", ")
}

// flags lists what there is, each once, in order.
func flags(lists ...[]string) string {
	all := slices.Concat(lists...)
	slices.Sort(all)
	return strings.Join(slices.Compact(all), ", ")
}
