package inventory

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/edit"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/rules/netmap"
	"github.com/callbox911/callbox/internal/rules/suggest"
	"github.com/callbox911/callbox/internal/snapshot"
)

// QueueConfig is what a Queue needs.
type QueueConfig struct {
	Store    Store
	Editor   *edit.Editor
	Publish  func(context.Context) error // publishes what the editor stored
	Snapshot *snapshot.Holder
	Now      func() time.Time
	Log      *slog.Logger
}

// Queue is the work list of unknown elements. Safe for concurrent use.
type Queue struct {
	cfg QueueConfig

	// mu lets one decision after the other through, so that of two
	// administrators the second is told what the first has done.
	mu sync.Mutex

	indexMu sync.Mutex
	indexes map[e911.OrgID]index
}

// index is laid out once for a version of the world.
type index struct {
	version uint64
	index   *suggest.Index
}

// NewQueue checks the configuration and reports all its faults.
func NewQueue(cfg QueueConfig) (*Queue, error) {
	var errs []error
	need := func(ok bool, what string) {
		if !ok {
			errs = append(errs, errors.New(what+" is missing"))
		}
	}
	need(cfg.Store != nil, "store")
	need(cfg.Editor != nil, "editor")
	need(cfg.Publish != nil, "publish")
	need(cfg.Snapshot != nil, "snapshot")
	need(cfg.Now != nil, "clock")
	need(cfg.Log != nil, "log")
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("queue of unknown elements: %w", err)
	}
	return &Queue{cfg: cfg, indexes: map[e911.OrgID]index{}}, nil
}

// Suggestion is a likely place under the names that people use.
type Suggestion struct {
	Key   string `json:"key"` // of the location
	Place string `json:"place"`
	suggest.Suggestion
}

// Entry is an unknown element as people see it.
type Entry struct {
	Unknown
	Text        string       `json:"text"` // the key, for a person
	DeviceNames []string     `json:"device_names,omitempty"`
	LocationKey string       `json:"location_key,omitempty"` // of an assigned one
	Suggestions []Suggestion `json:"suggestions,omitempty"`
}

// List returns the organisation's elements in a state ("" is any), those first
// that strand most devices. Elements that the map knows by now are closed first.
func (q *Queue) List(ctx context.Context, org e911.OrgID, state State) ([]Entry, error) {
	if state != "" && !slices.Contains(States(), state) {
		return nil, e911.Errorf(e911.Invalid, "%q is no state of an unknown element: open, assigned, mapped or ignored", state)
	}
	if err := q.sweep(ctx, org); err != nil {
		return nil, err
	}
	list, err := q.cfg.Store.ListUnknown(ctx, org, state)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(list, rank)
	entries := make([]Entry, len(list))
	for i, u := range list {
		entries[i] = q.entry(u)
	}
	return entries, nil
}

// entry names what an element names.
func (q *Queue) entry(u Unknown) Entry {
	e := Entry{Unknown: u, Text: KeyText(u.Key)}
	s := q.cfg.Snapshot.Load()
	o := s.Org(u.Org)
	if o == nil {
		return e
	}
	for _, d := range u.Samples {
		e.DeviceNames = append(e.DeviceNames, deviceName(o, d))
	}
	if l, ok := o.Location(u.Location); ok {
		e.LocationKey = l.Key
	}
	if u.State != Open && u.State != Ignored {
		return e
	}
	for _, x := range q.index(s, o).Suggest(u.Key, u.Seen...) {
		l, there := o.Location(x.Location)
		if !there {
			continue
		}
		p, _ := o.Place(x.Location)
		e.Suggestions = append(e.Suggestions, Suggestion{Key: l.Key, Place: p.Display, Suggestion: x})
	}
	return e
}

// deviceName is what people call a device: its key, its user, or its own name.
func deviceName(o *snapshot.Org, device string) string {
	d, ok := o.Device(e911.DeviceID(device))
	if !ok {
		return device
	}
	if u, ok := o.User(d.User); ok && u.Name != "" {
		return d.Key + " (" + u.Name + ")"
	}
	return d.Key
}

func (q *Queue) index(s *snapshot.Snapshot, o *snapshot.Org) *suggest.Index {
	q.indexMu.Lock()
	defer q.indexMu.Unlock()
	x, ok := q.indexes[o.ID()]
	if !ok || x.version != s.Version {
		x = index{s.Version, suggest.New(o.Elements())}
		q.indexes[o.ID()] = x
	}
	return x.index
}

// Assignment says where an unknown element stands.
type Assignment struct {
	Org      e911.OrgID
	ID       string
	Location string // key or id
	// Range is put on the map instead of a single address; it must hold it.
	Range netip.Prefix
}

// Assign puts an element on the map, publishes it and closes its entry. An
// Invalid error has every fault that the element has (F-19 among them); when
// somebody else was first, the error is a Conflict that says who.
func (q *Queue) Assign(ctx context.Context, who admin.Actor, a Assignment) (Entry, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	u, err := q.cfg.Store.Unknown(ctx, a.Org, a.ID)
	if err != nil {
		return Entry{}, err
	}
	if u.State == Assigned || u.State == Mapped {
		return q.entry(u), q.taken(u)
	}
	loc, err := q.location(ctx, a.Org, a.Location)
	if err != nil {
		return Entry{}, err
	}
	e := Element(u.Key)
	e.Org, e.Location = a.Org, loc.ID
	if a.Range.IsValid() {
		if u.Key.Kind != e911.ElementIP || !a.Range.Contains(u.Key.Addr.Unmap().WithZone("")) {
			return Entry{}, e911.Errorf(e911.Invalid, "the range %s does not hold %s", a.Range, KeyText(u.Key))
		}
		e.Range = a.Range.Masked()
	}
	if _, err := q.cfg.Editor.Elements.Create(ctx, who, netmap.Canonical(e)); err != nil {
		return Entry{}, fmt.Errorf("put it on the map: %w", err)
	}
	return q.close(ctx, u, Decision{State: Assigned, By: string(who), Location: loc.ID})
}

// Dismissal says that an element is not wanted on the map.
type Dismissal struct {
	Org e911.OrgID
	ID  string
	Why string
	// Virtual also tells the map that this is a virtual adapter, which proves
	// nothing about a place: for addresses and hardware addresses.
	Virtual bool
}

// maxWhy bounds what people say of a dismissal.
const maxWhy = 500

// Ignore closes an element for good: it is not told again and stays out of the
// open queue, however many devices show it.
func (q *Queue) Ignore(ctx context.Context, who admin.Actor, d Dismissal) (Entry, error) {
	if len(d.Why) > maxWhy {
		return Entry{}, e911.Errorf(e911.Invalid, "the reason has more than %d characters", maxWhy)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	u, err := q.cfg.Store.Unknown(ctx, d.Org, d.ID)
	if err != nil {
		return Entry{}, err
	}
	if u.State != Open {
		return q.entry(u), q.taken(u)
	}
	if d.Virtual {
		e := Element(u.Key)
		e = e911.Element{Org: d.Org, Kind: e911.ElementIgnore, MAC: e.MAC, Range: e.Range}
		if e.MAC == "" && !e.Range.IsValid() {
			return Entry{}, e911.Errorf(e911.Invalid, "%s is no address of a virtual adapter: ignore it without that", KeyText(u.Key))
		}
		if _, err := q.cfg.Editor.Elements.Create(ctx, who, netmap.Canonical(e)); err != nil {
			return Entry{}, fmt.Errorf("put it on the map: %w", err)
		}
	}
	return q.close(ctx, u, Decision{State: Ignored, By: string(who), Why: d.Why})
}

// Reopen puts an ignored element back into the queue.
func (q *Queue) Reopen(ctx context.Context, who admin.Actor, org e911.OrgID, id string) (Entry, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	u, err := q.cfg.Store.Decide(ctx, org, id, []State{Ignored}, Decision{State: Open, By: string(who), At: q.cfg.Now()})
	if err != nil && u.ID == "" {
		return Entry{}, err
	}
	return q.entry(u), err
}

// close publishes the map and keeps the decision. The sweep may have seen the
// element on the map before.
func (q *Queue) close(ctx context.Context, u Unknown, d Decision) (Entry, error) {
	if err := q.cfg.Publish(ctx); err != nil {
		return Entry{}, fmt.Errorf("stored, but not published: %w", err)
	}
	d.At = q.cfg.Now()
	now, err := q.cfg.Store.Decide(ctx, u.Org, u.ID, []State{Open, Ignored, Mapped}, d)
	if err != nil {
		return Entry{}, err
	}
	return q.entry(now), nil
}

// taken says who was first.
func (q *Queue) taken(u Unknown) error {
	where, by, why := "", "", ""
	if o := q.cfg.Snapshot.Load().Org(u.Org); o != nil {
		if l, ok := o.Location(u.Location); ok {
			where = " to " + l.Key
		}
	}
	if u.By != "" {
		by = " by " + u.By
	}
	if u.Why != "" {
		why = ": " + u.Why
	}
	return e911.Errorf(e911.Conflict, "%s was %s%s%s at %s%s", KeyText(u.Key), u.State, where, by, u.At.UTC().Format(time.RFC3339), why)
}

// location finds a location by key, else by id.
func (q *Queue) location(ctx context.Context, org e911.OrgID, name string) (e911.Location, error) {
	found, err := q.cfg.Editor.Locations.Find(ctx, admin.Query{Org: org, Field: admin.ByKey, Value: name})
	if err != nil {
		return e911.Location{}, err
	}
	if len(found) > 0 {
		return found[0].Value, nil
	}
	one, err := q.cfg.Editor.Locations.Get(ctx, org, name)
	if err != nil && e911.KindOf(err) == e911.NotFound {
		err = e911.Errorf(e911.NotFound, "there is no location %q in this organisation", name)
	}
	return one.Value, err
}

// Sweep closes the open elements that the published map knows by now, whoever
// put them there.
func (q *Queue) Sweep(ctx context.Context) error {
	for o := range q.cfg.Snapshot.Load().Orgs() {
		if err := q.sweep(ctx, o.ID()); err != nil {
			return err
		}
	}
	return nil
}

func (q *Queue) sweep(ctx context.Context, org e911.OrgID) error {
	open, err := q.cfg.Store.ListUnknown(ctx, org, Open)
	if err != nil {
		return err
	}
	o := q.cfg.Snapshot.Load().Org(org)
	for _, u := range open {
		if o == nil || !settled(o, u.Key) {
			continue
		}
		_, err := q.cfg.Store.Decide(ctx, org, u.ID, []State{Open}, Decision{State: Mapped, At: q.cfg.Now(), Why: "it is on the network map"})
		if err != nil && e911.KindOf(err) != e911.Conflict && e911.KindOf(err) != e911.NotFound {
			return err
		}
	}
	return nil
}

// settled reports whether the map places a key, or says that it proves nothing.
func settled(o *snapshot.Org, k suggest.Key) bool {
	return o.Knows(k) || (k.MAC != "" && o.IgnoredMAC(k.MAC)) || (k.Addr.IsValid() && o.IgnoredAddr(k.Addr))
}

// due makes what people are told of an element; without a key, of many.
func (q *Queue) due(ctx context.Context, u Unknown) journal.Due {
	n := &journal.StrandedBy{Stranded: u.Stranded, Source: u.Source}
	due := journal.Due{Reason: journal.DueUnknownNetwork, ArrivedAt: u.Last, Network: n}
	if open, err := q.cfg.Store.ListUnknown(ctx, u.Org, Open); err == nil {
		n.Open = len(open)
	}
	o := q.cfg.Snapshot.Load().Org(u.Org)
	if o == nil {
		return due
	}
	conf := o.Config()
	due.OrgName, due.Demonstration, n.OrgKey = conf.Name, conf.Demonstration, conf.Key
	if u.ID == "" {
		return due
	}
	e := q.entry(u)
	n.ID, n.Kind, n.Element = u.ID, u.Key.Kind, e.Text
	if len(u.Samples) > 0 {
		n.Device = e.DeviceNames[len(u.Samples)-1]
		if d, ok := o.Device(e911.DeviceID(u.Samples[len(u.Samples)-1])); ok {
			if s, ok := o.Site(d.Site); ok {
				due.Site, due.SiteName, due.Zone = s.ID, s.Name, s.Zone
			}
		}
	}
	due.Who = n.Device
	if len(e.Suggestions) > 0 {
		best := e.Suggestions[0]
		n.Location, n.Place, n.Why = best.Key, best.Place, best.Why
	}
	return due
}
