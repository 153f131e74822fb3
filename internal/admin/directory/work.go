package directory

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/change"
	"github.com/callbox911/callbox/internal/e911"
)

// Input is what a directory told, and the time.
type Input struct {
	Source Source
	People []Entry // also of who left, as long as they are kept
	Groups []Entry
	Now    time.Time
	// Others are the other directories of the organisation.
	Others []Other
	// Busy reports whether a user has a call up now; nil: nobody.
	Busy func(e911.UserID) bool
}

// Outcome is what follows.
type Outcome struct {
	Keep   change.Set // who joins, and what changes
	Remove change.Set // who leaves the list: only a person applies it
	// Entries are those that have learnt who they are here, or whether they have a
	// location; Drop are the ids of entries that are of no use any more.
	Entries []Entry
	Drop    []string
	Counts  Counts
	Faults  []e911.Fault
	Roles   []RoleWish
	// Today is how many of those who are gone went within the last day.
	Today int
}

// Codes of faults.
const (
	CodeUnknownLocation = "unknown_location"
	CodeUnknownSite     = "unknown_site"
	CodeAmbiguous       = "ambiguous" // who is meant is not known
	CodeNear            = "near"      // ids that differ in how they are written (N-20)
	CodeTaken           = "taken"     // a number or device is somebody else's
	CodeUnknownGroup    = "unknown_group"
	CodeManyLeft        = "many_left" // so many at once that it may be a mistake
	CodeManyJoined      = "many_joined"
)

// Work compares what a directory told with what is stored here. It reads the view
// and changes nothing.
func Work(ctx context.Context, view admin.View, in Input) (Outcome, error) {
	stored, err := oursOf(ctx, view, &in.Source)
	if err != nil {
		return Outcome{}, err
	}
	w := &worker{
		in: &in, src: &in.Source, ours: stored, feeds: in.Source.Feeds(), groups: map[string][]string{}, claimed: map[e911.UserID]string{}, ids: map[string]*Entry{}, shared: map[string]int{},
		elsewhere: elsewhereOf(in.Others), left: map[e911.UserID]bool{},
		keep:   change.NewBuilder(ctx, view, in.Source.Org, "people of "+in.Source.Key),
		remove: change.NewBuilder(ctx, view, in.Source.Org, "people who left "+in.Source.Key),
	}
	for _, g := range in.Groups {
		if g.Deleted {
			continue
		}
		for _, m := range g.Members {
			w.groups[m] = append(w.groups[m], g.Name)
		}
	}
	for i := range in.People {
		if p := &in.People[i]; p.Left.IsZero() {
			w.shared[w.text(p, FieldDeviceUserID)]++
		} else {
			w.left[p.User] = true
		}
	}
	w.claim()
	for i := range in.People {
		if p := &in.People[i]; p.Left.IsZero() && !w.released(p) {
			w.here(p)
		}
	}
	for i := range in.People {
		if p := &in.People[i]; !p.Left.IsZero() && !w.released(p) {
			w.gone(p)
		}
	}
	w.near()
	w.unknownGroups()
	for _, set := range []struct {
		b    *change.Builder
		into *change.Set
	}{{w.keep, &w.out.Keep}, {w.remove, &w.out.Remove}} {
		*set.into = set.b.Set()
		set.into.Directory = in.Source.Key
		set.into.Source = "directory " + in.Source.Key
		set.into.Partial = true // one bad person keeps nobody else unregistered
	}
	return w.out, nil
}

type worker struct {
	in           *Input
	src          *Source
	ours         *ours
	feeds        map[Field][]string
	groups       map[string][]string    // names of groups by id of a member
	claimed      map[e911.UserID]string // by which entry that is there
	ids          map[string]*Entry      // who has an employee id
	shared       map[string]int         // how many have it
	elsewhere    *elsewhere
	left         map[e911.UserID]bool // whose the directory had, and has no more
	keep, remove *change.Builder
	out          Outcome
}

func (w *worker) fault(p *Entry, f Field, code, msg, fix string) {
	w.out.Faults = append(w.out.Faults, e911.Fault{File: w.src.Key, Path: p.Name + "." + string(f), Code: code, Msg: msg, Fix: fix})
}

func (w *worker) text(p *Entry, f Field) string {
	s := p.Attributes.First(w.feeds[f])
	if f != FieldDeviceUserID { // letter by letter
		s = strings.TrimSpace(s)
	}
	return s
}

// claim finds the users of those who are known already: a user that was found
// otherwise is never taken from them.
func (w *worker) claim() {
	for i := range w.in.People {
		p := &w.in.People[i]
		if _, there := w.ours.users[p.User]; !there || !p.Left.IsZero() || w.claimed[p.User] != "" {
			continue
		}
		if other := w.elsewhere.users[p.User]; other != "" && other < w.src.Key {
			continue // both took him: he is the first one's, as for admin.Feeds
		}
		delete(w.elsewhere.users, p.User)
		w.claimed[p.User] = p.ID
	}
}

// another is the user that a person is, whom another directory feeds; none: nobody's.
func (w *worker) another(p *Entry) e911.UserID {
	if p.User != "" && w.claimed[p.User] == p.ID {
		return ""
	}
	for _, ids := range w.candidates(p) {
		for _, id := range ids {
			switch {
			case id == "" || w.claimed[id] != "":
			case w.elsewhere.users[id] != "":
				return id
			default:
				return "" // he is this one, whom nobody has
			}
		}
	}
	return ""
}

// held reports whether a user is somebody of a directory.
func (w *worker) held(u e911.UserID) bool { return w.claimed[u] != "" || w.elsewhere.users[u] != "" }

// who finds the stored user that a person is; none: he is new. ok is false when that
// cannot be said.
func (w *worker) who(p *Entry) (e911.UserID, bool) {
	if w.claimed[p.User] == p.ID && p.User != "" {
		return p.User, true
	}
	found := w.alike(p)
	switch {
	case len(found) == 0 && w.ours.byKey[keyOf(w.text(p, FieldKey))] != "":
		w.fault(p, FieldKey, CodeAmbiguous, "another person of the directory is the user of this key already", "give them different names")
		return "", false
	case len(found) == 0:
		return "", true
	case len(found) > 1:
		w.fault(p, FieldEmail, CodeAmbiguous, fmt.Sprintf("%d users here have this address: who is meant is not known", len(found)), "give each his own address, or feed device_user_id")
		return "", false
	}
	w.claimed[found[0]] = p.ID
	return found[0], true
}

// released reports whether a person took the user out of the directory's hands. His
// roles still come from his groups, and end when he leaves.
func (w *worker) released(p *Entry) bool {
	u, there := w.ours.users[p.User]
	if p.Released.IsZero() || !there {
		return false
	}
	w.out.Counts.Released++
	w.roles(p, u, !p.Left.IsZero())
	return true
}

// unsendable are signs of an employee id that no platform can send.
const unsendable = ",;\"<> "

// keyOf makes a key of our form of a directory's name.
func keyOf(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '_', r == '-':
			return r
		}
		return '_'
	}, s)
	return strings.TrimLeft(s, "._-")
}

// alike are the stored users that a person may be and nobody else is: by employee id,
// or else by key, or else by address.
func (w *worker) alike(p *Entry) []e911.UserID {
	for _, ids := range w.candidates(p) {
		var free []e911.UserID
		for _, id := range ids {
			if id != "" && w.elsewhere.users[id] == "" && (w.claimed[id] == "" || w.claimed[id] == p.ID) {
				free = append(free, id)
			}
		}
		if len(free) > 0 {
			return free
		}
	}
	return nil
}

// candidates are the stored users that a person may be: by employee id, by key, and by
// address.
func (w *worker) candidates(p *Entry) [][]e911.UserID {
	employee := w.text(p, FieldDeviceUserID)
	if w.shared[employee] > 1 {
		employee = "" // it does not say who he is
	}
	var mailbox []e911.UserID
	for _, id := range w.ours.byEmail[Fold(w.text(p, FieldEmail))] {
		// Who comes after somebody who left may get his address, and is not he.
		if had := w.ours.users[id].DeviceUserID; !w.left[id] || employee == "" || had == "" || had == employee {
			mailbox = append(mailbox, id)
		}
	}
	return [][]e911.UserID{{w.ours.byDevice[employee]}, {w.ours.byKey[keyOf(w.text(p, FieldKey))]}, mailbox}
}

// here brings somebody whom the directory has in step.
func (w *worker) here(p *Entry) {
	w.out.Counts.People++
	if id := w.another(p); id != "" { // his roles come from both
		w.out.Counts.Elsewhere++
		w.roles(p, w.ours.users[id], false)
		if p.User != "" {
			p.User = ""
			w.out.Entries = append(w.out.Entries, *p)
		}
		return
	}
	id, ok := w.who(p)
	if !ok {
		w.out.Counts.Refused++
		return
	}
	place := w.place(p)
	u, known := w.ours.users[id]
	if !known {
		u = e911.User{Org: w.src.Org, Key: keyOf(w.text(p, FieldKey))}
	}
	before := u
	w.fill(p, &u, place)
	if u.Site == "" || u.Key == "" {
		w.out.Counts.Refused++
		w.fault(p, FieldSite, "required", "nothing says of which site, or under what key, he is new here", "set the site of the directory, or a table of sites; feed the key")
		return
	}
	changed := false
	if !known || !admin.Same(before, u) {
		changed = true
		w.keep.Put(u, change.Origin{File: w.src.Key})
		if !known {
			made, _, err := w.keep.ID(e911.KindUser, u.Key)
			if err != nil {
				w.fault(p, FieldKey, "unavailable", err.Error(), "try again")
				return
			}
			u.ID = e911.UserID(made)
		}
	}
	if w.numbers(p, &u, place) {
		changed = true
	}
	if w.devices(p, u.ID) {
		changed = true
	}
	switch c := &w.out.Counts; {
	case !known:
		c.Joined++
	case changed:
		c.Changed++
	default:
		c.Same++
	}
	w.mark(p, u, known, place)
	w.roles(p, u, false)
}

// mark says in the entry who he is, and whether he has a location.
func (w *worker) mark(p *Entry, u e911.User, known bool, place *e911.Location) {
	e := *p
	hasPlace := place != nil || w.ours.placed(u.ID)
	switch {
	case hasPlace:
		e.Unplaced = time.Time{}
	case p.User == "" && e.Unplaced.IsZero():
		e.Unplaced = w.in.Now
	}
	if known {
		e.User = u.ID
	}
	if !e.Unplaced.IsZero() {
		w.out.Counts.Unplaced++
	}
	if e.User != p.User || !e.Unplaced.Equal(p.Unplaced) {
		w.out.Entries = append(w.out.Entries, e)
	}
}

// fill gives a user what the directory says. What it does not say stays.
func (w *worker) fill(p *Entry, u *e911.User, place *e911.Location) {
	set := func(f Field, into *string) {
		if v := w.text(p, f); v != "" {
			*into = v
		}
	}
	set(FieldName, &u.Name)
	set(FieldEmail, &u.Email)
	w.employee(p, u)
	if u.Name == "" {
		u.Name = p.Name
	}
	if v := w.text(p, FieldCallback); v != "" {
		if n, err := e911.ParseNumber(v); err != nil {
			w.fault(p, FieldCallback, "syntax", err.Error(), "correct it in the directory")
		} else {
			u.Callback = n
		}
	}
	if v, _, _ := strings.Cut(strings.ToLower(w.text(p, FieldLanguage)), "-"); v == "en" || v == "fr" {
		u.Language = v
	}
	if s := w.site(p, place); s != "" {
		u.Site = s
	} else if u.Site == "" {
		u.Site = w.ours.sites[w.src.Site]
	}
}

// employee gives him his id on the platform, letter by letter. One that cannot be used
// is left out and reported: he is on the list all the same.
func (w *worker) employee(p *Entry, u *e911.User) {
	id := w.text(p, FieldDeviceUserID)
	switch {
	case id == "":
	case strings.ContainsAny(id, unsendable):
		w.fault(p, FieldDeviceUserID, CodeNear, fmt.Sprintf("the employee id %q has a blank or a sign that no platform can send: he has none here", id), "correct it in the directory")
	case w.ids[id] != nil:
		w.fault(p, FieldDeviceUserID, CodeTaken, fmt.Sprintf("%s has the employee id %q too: he has none here", w.ids[id].Name, id), "give each his own in the directory")
	default:
		u.DeviceUserID, w.ids[id] = id, p
	}
}

// site is what the directory says of his site; none: nothing.
func (w *worker) site(p *Entry, place *e911.Location) e911.SiteID {
	for _, g := range w.src.GroupSites {
		if !slices.ContainsFunc(w.groups[p.ID], func(n string) bool { return Fold(n) == Fold(g.Group) }) {
			continue
		}
		if id := w.ours.sites[g.Site]; id != "" {
			return id
		}
		w.fault(p, FieldSite, CodeUnknownSite, fmt.Sprintf("the group %q leads to the site %q, which is not here", g.Group, g.Site), "add the site, or correct group_sites")
	}
	if v := w.text(p, FieldSite); v != "" {
		if id := w.ours.sites[v]; id != "" {
			return id
		}
		if id := w.ours.sites[w.ours.siteOfPlace[loose(v)]]; id != "" {
			return id
		}
		w.fault(p, FieldSite, CodeUnknownSite, fmt.Sprintf("%q is no site here, nor in the directory's table of sites", v), "add it to sites")
	}
	if place != nil {
		return w.ours.siteOf[place.Building]
	}
	return ""
}

// place is the location that the directory names; nil: none, or one that is not known.
func (w *worker) place(p *Entry) *e911.Location {
	v := w.text(p, FieldLocation)
	if v == "" {
		return nil
	}
	if l, ok := w.ours.places[v]; ok {
		return &l
	}
	if l, ok := w.ours.places[w.ours.locations[loose(v)]]; ok {
		return &l
	}
	w.fault(p, FieldLocation, CodeUnknownLocation, fmt.Sprintf("%q is no location here, nor in the directory's table of places; it is not guessed", v), "add it to places")
	return nil
}

// numbers gives him the numbers that the directory says are his, and his numbers his
// place. Numbers that are not ours are left alone.
func (w *worker) numbers(p *Entry, u *e911.User, place *e911.Location) (changed bool) {
	mine := slices.Clone(w.ours.numbersOf[u.ID])
	for _, v := range p.Attributes.All(w.feeds[FieldNumber]) {
		n, err := e911.ParseNumber(v)
		if err != nil || slices.Contains(mine, n) {
			continue
		}
		rec, ok := w.ours.numbers[n]
		switch {
		case !ok:
		case rec.User != "" && w.held(rec.User):
			w.fault(p, FieldNumber, CodeTaken, "one of his numbers is another person's here", "correct the directory, or take it from the other first")
		default:
			mine = append(mine, n)
		}
	}
	for _, n := range mine {
		rec := w.ours.numbers[n]
		was := rec
		rec.User = u.ID
		if place != nil {
			rec.Location = place.ID
		}
		if !admin.Same(was, rec) {
			changed = true
			w.keep.Put(rec, change.Origin{File: w.src.Key})
		}
	}
	return changed
}

// devices gives him the devices that the directory says are his.
func (w *worker) devices(p *Entry, u e911.UserID) (changed bool) {
	for _, key := range p.Attributes.All(w.feeds[FieldDevice]) {
		d, ok := w.ours.devices[strings.TrimSpace(key)]
		switch {
		case !ok || d.User == u:
		case d.User != "" && w.held(d.User):
			w.fault(p, FieldDevice, CodeTaken, fmt.Sprintf("the device %q is another person's here", d.Key), "correct the directory, or take it from the other first")
		default:
			d.User, changed = u, true
			w.keep.Put(d, change.Origin{File: w.src.Key})
		}
	}
	return changed
}

// gone takes somebody off the list, once the time of grace is over and no call of his
// is up. His devices and numbers stay and go on calling.
func (w *worker) gone(p *Entry) {
	if p.User == "" { // he left before it was seen who he is
		if found := w.alike(p); len(found) == 1 && w.claimed[found[0]] == "" {
			p.User = found[0]
			w.out.Entries = append(w.out.Entries, *p)
		}
	}
	u, there := w.ours.users[p.User]
	by := w.claimed[p.User]
	if by == "" && there {
		by = w.elsewhere.users[u.ID]
	}
	if !there || by != "" {
		if p.Deleted && (by != "" || w.in.Now.Sub(p.Left) > w.src.Grace()+keptAfterGrace) {
			w.out.Drop = append(w.out.Drop, p.ID)
		}
		return // where he is still, he is there under another id, or in another directory
	}
	if w.in.Now.Sub(p.Left) < 24*time.Hour {
		w.out.Today++
	}
	w.roles(p, u, true)
	switch {
	case w.elsewhere.has(&u) != "": // its next run finds him
		w.out.Counts.Elsewhere++
		return
	case w.in.Now.Sub(p.Left) < w.src.Grace():
		w.out.Counts.Left++
		return
	case w.in.Busy != nil && w.in.Busy(u.ID):
		w.out.Counts.InCall++
		return
	}
	w.out.Counts.Leaving++
	from := change.Origin{File: w.src.Key}
	for _, key := range w.ours.devicesOf[u.ID] {
		d := w.ours.devices[key]
		d.User = ""
		w.remove.Put(d, from)
	}
	for _, n := range w.ours.numbersOf[u.ID] {
		rec := w.ours.numbers[n]
		rec.User = ""
		w.remove.Put(rec, from)
	}
	w.remove.Delete(e911.KindUser, u.Key, from)
}

// roles are what his groups give him; of who left, what they gave him ends.
func (w *worker) roles(p *Entry, u e911.User, ends bool) {
	for _, r := range w.src.Roles {
		if !slices.ContainsFunc(w.groups[p.ID], func(n string) bool { return Fold(n) == Fold(r.Group) }) && !ends {
			continue
		}
		wish := RoleWish{
			Email: cmp.Or(w.text(p, FieldEmail), u.Email), Name: cmp.Or(w.text(p, FieldName), u.Name), Role: r.Role, Group: r.Group, Entry: p.ID, Ends: ends, User: u.ID,
		}
		if r.Site != "" {
			if wish.Site = w.ours.sites[r.Site]; wish.Site == "" {
				w.fault(p, FieldSite, CodeUnknownSite, fmt.Sprintf("the group %q gives a role at the site %q, which is not here", r.Group, r.Site), "correct roles")
				continue
			}
		}
		if wish.Email == "" {
			w.fault(p, FieldEmail, "required", "a role needs an address to sign in with, and he has none", "add it in the directory")
			continue
		}
		w.out.Roles = append(w.out.Roles, wish)
	}
}

// unknownGroups reports groups that something hangs on and that the directory does not
// have: a name that was mistyped gives nobody anything.
func (w *worker) unknownGroups() {
	have := map[string]bool{}
	for i := range w.in.Groups {
		have[Fold(w.in.Groups[i].Name)] = have[Fold(w.in.Groups[i].Name)] || !w.in.Groups[i].Deleted
	}
	miss := func(path, name string) {
		if !have[Fold(name)] {
			w.out.Faults = append(w.out.Faults, e911.Fault{
				File: w.src.Key, Path: path, Code: CodeUnknownGroup, Msg: fmt.Sprintf("the directory has no group %q", name), Fix: "correct the name, push the group, or see group_base",
			})
		}
	}
	for i, r := range w.src.Roles {
		miss(fmt.Sprintf("roles[%d].group", i), r.Group)
	}
	for i, g := range w.src.GroupSites {
		miss(fmt.Sprintf("group_sites[%d].group", i), g.Group)
	}
}

// near reports employee ids that only capitals or hyphens tell apart: platforms' ids
// are compared letter by letter (N-20).
func (w *worker) near() {
	seen := map[string]*Entry{}
	for i := range w.in.People {
		p := &w.in.People[i]
		id := w.text(p, FieldDeviceUserID)
		if w.ids[id] != p {
			continue
		}
		form := strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(id))
		if other := seen[form]; other != nil {
			w.fault(p, FieldDeviceUserID, CodeNear, fmt.Sprintf("%s has nearly the same employee id as %q", other.Name, id), "is it the same person? the platform compares it letter by letter")
			continue
		}
		seen[form] = p
	}
}
