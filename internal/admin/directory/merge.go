package directory

import (
	"cmp"
	"encoding/json"
	"fmt"
	"time"

	"github.com/callbox911/callbox/internal/e911"
)

// merge is what changes by a listing.
type merge struct {
	changed          []Entry
	leaves           map[string]bool // ids of who leaves by it
	people           int             // of the listing
	gone, was        int
	belong, belonged int // memberships, now and before
	faults           []e911.Fault
}

// doubt says why a listing is not believed in who has left; none: it is.
func (m *merge) doubt(src *Source) string {
	switch {
	case m.people == 0 && m.was > 0:
		return fmt.Sprintf("nobody came at all, and there were %d people: as when an account may not read any more", m.was)
	case m.gone*100 > m.was*src.maxShrink():
		return fmt.Sprintf("%d of %d people are missing or disabled at once, more than %d per cent: as in a reading that was cut off%s", m.gone, m.was, src.maxShrink(), m.anew())
	case m.belong == 0 && m.belonged > 1:
		return fmt.Sprintf("no group has a member any more, and they had %d: as when an account may not read any more", m.belonged)
	}
	return ""
}

// anew says how many are missing and there under another id.
func (m *merge) anew() string {
	missing, again := map[string]bool{}, 0
	for i := range m.changed {
		if e := &m.changed[i]; m.leaves[e.ID] && e.Deleted {
			missing[Fold(e.Name)] = true
		}
	}
	for i := range m.changed {
		if e := &m.changed[i]; e.Kind == User && e.Version == 0 && missing[Fold(e.Name)] {
			again++
		}
	}
	if again == 0 {
		return ""
	}
	return fmt.Sprintf("; %d of them are there under another id: was the directory made anew, or active_directory changed?", again)
}

// stay takes out the changes by which somebody leaves, and those of groups, whose
// members are missing with them.
func (m *merge) stay(had []Entry) {
	kept := m.changed[:0]
	for _, e := range m.changed {
		if !m.leaves[e.ID] && (e.Kind != Group || e.Version == 0) {
			kept = append(kept, e)
		}
	}
	m.changed = kept
}

// settle takes out the changes by which two people would have one name, and reports
// them: one odd person must not keep the others from being taken over.
func (m *merge) settle(had []Entry) {
	old, changing, held := make(map[string]*Entry, len(had)), make(map[string]bool, len(m.changed)), map[string]bool{}
	for i := range m.changed {
		changing[m.changed[i].ID] = true
	}
	for i := range had {
		e := &had[i]
		old[e.ID] = e
		if e.Kind == User && !e.Deleted && !changing[e.ID] {
			held[Fold(e.Name)] = true
		}
	}
	for again := true; again; {
		again = false
		kept := m.changed[:0]
		for _, e := range m.changed {
			if e.Kind != User || e.Deleted || !held[Fold(e.Name)] {
				kept = append(kept, e)
				continue
			}
			m.faults = append(m.faults, e911.Fault{Path: e.Name, Code: "duplicate", Msg: "somebody who is kept has this name: he is not taken over yet", Fix: "see why the other is kept, or give each his own"})
			if o := old[e.ID]; o != nil && !o.Deleted {
				held[Fold(o.Name)], again = true, true
			}
		}
		m.changed = kept
	}
}

func merged(had []Entry, list Listing, now time.Time) *merge {
	m := &merge{leaves: map[string]bool{}}
	byExternal := map[string]*Entry{}
	for i := range had {
		e := &had[i]
		if old := byExternal[string(e.Kind)+e.External]; old == nil || old.Deleted {
			byExternal[string(e.Kind)+e.External] = e
		}
		if e.Kind == User && e.Left.IsZero() {
			m.was++
		}
		if e.Kind == Group && !e.Deleted {
			m.belonged += len(e.Members)
		}
	}
	seen, names, ids := map[*Entry]bool{}, map[string]bool{}, map[string]string{}
	take := func(e Entry) {
		name := string(e.Kind) + Fold(e.Name)
		if e.Kind == User && (e.Name == "" || names[name]) {
			m.faults = append(m.faults, e911.Fault{Path: cmp.Or(e.Name, e.External), Code: "duplicate", Msg: "somebody of the directory has no name, or one that another has", Fix: "give each his own"})
			if old := byExternal[string(e.Kind)+e.External]; old != nil {
				seen[old] = true
			}
			return
		}
		names[name] = true
		old := byExternal[string(e.Kind)+e.External]
		if old == nil {
			e.ID, e.Made, e.Changed = e911.NewID[string](), now, now
			e.leave(now)
			ids[e.External] = e.ID
			m.changed = append(m.changed, e)
			return
		}
		seen[old], ids[e.External] = true, old.ID
		e.ID, e.Made, e.Changed, e.Version, e.User, e.Left, e.Unplaced = old.ID, old.Made, old.Changed, old.Version, old.User, old.Left, old.Unplaced
		e.Released = old.Released
		e.leave(now)
		m.compare(old, e, now)
	}
	m.people = len(list.People)
	for _, e := range list.People {
		e.Kind = User
		take(e)
	}
	for _, g := range list.Groups {
		g.Kind, g.Active = Group, true
		members := make([]string, 0, len(g.Members))
		for _, x := range g.Members {
			if id := ids[x]; id != "" {
				members = append(members, id)
			}
		}
		g.Members = members
		m.belong += len(members)
		take(g)
	}
	for i := range had {
		if old := &had[i]; !seen[old] && !old.Deleted {
			e := *old
			e.Deleted = true
			e.leave(now)
			m.compare(old, e, now)
		}
	}
	return m
}

// compare keeps what is new of an entry.
func (m *merge) compare(old *Entry, e Entry, now time.Time) {
	a, err1 := json.Marshal(old)
	b, err2 := json.Marshal(e)
	if err1 == nil && err2 == nil && string(a) == string(b) {
		return
	}
	if e.Kind == User && old.Left.IsZero() && !e.Left.IsZero() {
		m.gone++
		m.leaves[e.ID] = true
	}
	e.Changed = now
	m.changed = append(m.changed, e)
}
