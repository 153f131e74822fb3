package inventory

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/snapshot"
)

// Flag says what is worth a look at a device.
type Flag string

// The flags. A row may have several.
const (
	// FlagPending: it can ask the location server and never did (W-47).
	FlagPending Flag = "held_config_pending"
	// FlagNeverSeen: it is configured, and nothing was ever heard of it.
	FlagNeverSeen Flag = "never_seen"
	// FlagUnknown: it asks, and is not configured.
	FlagUnknown Flag = "unknown"
	// FlagStale: it was not heard of for long.
	FlagStale Flag = "stale"
	// FlagUnmapped: it answers from a place that is not on the map.
	FlagUnmapped Flag = "unmapped"
	// FlagNoModel: it is configured without a model, and says none that is known.
	FlagNoModel Flag = "no_model"
	// FlagModelDiffers: it calls itself another model than the configured one.
	FlagModelDiffers Flag = "model_differs"
)

// Flags lists them.
func Flags() []Flag {
	return []Flag{FlagPending, FlagNeverSeen, FlagUnknown, FlagStale, FlagUnmapped, FlagNoModel, FlagModelDiffers}
}

// ParseFlag reads a filter; "never-seen" and "never_seen" are the same.
func ParseFlag(s string) (Flag, error) {
	f := Flag(strings.ReplaceAll(strings.ToLower(s), "-", "_"))
	if s == "" || slices.Contains(Flags(), f) {
		return f, nil
	}
	return "", e911.Errorf(e911.Invalid, "%q is no filter: held-config-pending, never-seen, unknown, stale, unmapped, no-model or model-differs", s)
}

// Row is one device, as configured and as seen.
type Row struct {
	Device     string `json:"device"` // id, or the stable name of one that is not configured
	Key        string `json:"key,omitempty"`
	Configured bool   `json:"configured"`
	MAC        string `json:"mac,omitempty"`
	Site       string `json:"site,omitempty"`     // key
	Assigned   string `json:"assigned,omitempty"` // key of the user whose device it is
	SignedIn   string `json:"signed_in,omitempty"`

	Model     string `json:"model,omitempty"` // key, as configured, else as it calls itself
	Maker     string `json:"maker,omitempty"`
	SaysModel string `json:"says_model,omitempty"`
	Firmware  string `json:"firmware,omitempty"`
	// Says is all that the device says of itself.
	Says         []journal.Named `json:"says,omitempty"`
	Capability   e911.Capability `json:"capability,omitempty"` // none: not known
	CapabilityBy string          `json:"capability_by,omitempty"`

	Via         string     `json:"via,omitempty"`
	Proved      bool       `json:"proved,omitempty"`
	Source      string     `json:"source,omitempty"`
	FirstSeen   *time.Time `json:"first_seen,omitempty"`
	LastSeen    *time.Time `json:"last_seen,omitempty"`
	LastRequest *time.Time `json:"last_request,omitempty"`

	LocatedBy  e911.LocatedBy `json:"located_by,omitempty"`
	Location   string         `json:"location,omitempty"` // key
	Place      string         `json:"place,omitempty"`
	EvidenceAt *time.Time     `json:"evidence_at,omitempty"`
	AgeSeconds int64          `json:"age_seconds,omitempty"` // of the evidence
	Unmapped   *time.Time     `json:"unmapped_since,omitempty"`

	Flags []Flag `json:"flags"`
}

// Has reports whether the row has the flag; every row has none.
func (r *Row) Has(f Flag) bool { return f == "" || slices.Contains(r.Flags, f) }

// Inventory is a report of devices.
type Inventory struct {
	Org        string       `json:"org"` // key
	At         time.Time    `json:"at"`
	StaleDays  int          `json:"stale_days"`
	Configured int          `json:"configured"`
	Seen       int          `json:"seen"`
	Counts     map[Flag]int `json:"counts"`
	Devices    []Row        `json:"devices"`
}

// DefaultStaleDays is how long a device may be silent.
const DefaultStaleDays = 7

// Question asks for the devices of an organisation.
type Question struct {
	Org       e911.OrgID
	Filter    Flag // none: all
	StaleDays int  // 0: DefaultStaleDays
	Now       time.Time
	// Live is what the location server knows now; it is newer than what is kept.
	// nil: what is kept counts.
	Live iter.Seq[Device]
}

// Devices compares what is configured with what was seen.
func Devices(ctx context.Context, st Store, s *snapshot.Snapshot, q Question) (Inventory, error) {
	o := s.Org(q.Org)
	if o == nil {
		return Inventory{}, e911.Errorf(e911.NotFound, "there is no such organisation")
	}
	if q.StaleDays < 0 || q.StaleDays > 3650 {
		return Inventory{}, e911.Errorf(e911.Invalid, "a device may be silent for 1 to 3650 days")
	}
	q.StaleDays = cmp.Or(q.StaleDays, DefaultStaleDays)
	seen, err := Everything(ctx, st, q.Org, q.Live)
	if err != nil {
		return Inventory{}, err
	}
	inv := Inventory{Org: o.Config().Key, At: q.Now.UTC(), StaleDays: q.StaleDays, Counts: map[Flag]int{}, Devices: []Row{}}
	v := &viewer{s: s, o: o, q: q, models: allModels(s)}
	keep := func(r Row) {
		for _, f := range r.Flags {
			inv.Counts[f]++
		}
		if r.LastSeen != nil {
			inv.Seen++
		}
		if r.Has(q.Filter) {
			inv.Devices = append(inv.Devices, r)
		}
	}
	for d := range o.Devices() {
		inv.Configured++
		id := string(d.ID)
		was := seen[id]
		delete(seen, id)
		keep(v.configured(d, was))
	}
	for _, was := range seen {
		if !was.Last.IsZero() {
			keep(v.stranger(was))
		}
	}
	slices.SortFunc(inv.Devices, func(a, b Row) int {
		return cmp.Or(cmp.Compare(b2i(b.Configured), b2i(a.Configured)), cmp.Compare(a.Key, b.Key), cmp.Compare(a.Device, b.Device))
	})
	return inv, nil
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Everything is what is kept of the organisation's devices, with what the
// location server knows laid over it.
func Everything(ctx context.Context, st Store, org e911.OrgID, live iter.Seq[Device]) (map[string]Device, error) {
	kept, err := st.AllSeenDevices(ctx, org)
	if err != nil {
		return nil, err
	}
	seen := make(map[string]Device, len(kept))
	for _, d := range kept {
		seen[d.Device] = d
	}
	if live == nil {
		return seen, nil
	}
	for d := range live {
		seen[d.Device] = over(seen[d.Device], d)
	}
	return seen, nil
}

// over lays what is known now over what was kept.
func over(kept, now Device) Device {
	if now.Last.Before(kept.Last) {
		return kept // the location server was started anew
	}
	now.First = kept.First
	if now.First.IsZero() {
		now.First = now.Last
	}
	if now.Asked.IsZero() {
		now.Asked = kept.Asked
	}
	if len(now.Says) == 0 {
		now.Says = kept.Says
	}
	if now.Located() {
		now.UnmappedAt = time.Time{}
	} else if !kept.UnmappedAt.IsZero() {
		now.UnmappedAt = kept.UnmappedAt
	}
	return now
}

func allModels(s *snapshot.Snapshot) []e911.Model {
	models := slices.Collect(s.Models())
	slices.SortFunc(models, func(a, b e911.Model) int { return cmp.Compare(a.Key, b.Key) })
	return models
}

type viewer struct {
	s      *snapshot.Snapshot
	o      *snapshot.Org
	q      Question
	models []e911.Model
}

func (v *viewer) configured(d e911.Device, was Device) Row {
	r := Row{Device: string(d.ID), Key: d.Key, Configured: true, MAC: string(d.MAC), Flags: []Flag{}}
	if site, ok := v.o.Site(d.Site); ok {
		r.Site = site.Key
	}
	r.Assigned = v.user(d.User)
	model, ok := v.s.Model(d.Model)
	v.says(&r, was)
	said, known := v.called(r.SaysModel)
	switch {
	case ok:
		v.capability(&r, model, "the configured model")
		if known && said.ID != model.ID {
			r.Flags = append(r.Flags, FlagModelDiffers)
		}
	case known:
		v.capability(&r, said, "the model that it calls itself")
	default:
		r.Flags = append(r.Flags, FlagNoModel)
	}
	v.place(&r, was)
	switch {
	case was.Last.IsZero():
		r.Flags = append(r.Flags, FlagNeverSeen)
	case v.silent(was):
		r.Flags = append(r.Flags, FlagStale)
	}
	if r.Capability.Asks() && was.Asked.IsZero() {
		r.Flags = append(r.Flags, FlagPending)
	}
	return r
}

func (v *viewer) stranger(was Device) Row {
	r := Row{Device: was.Device, Flags: []Flag{FlagUnknown}}
	v.says(&r, was)
	if m, ok := v.called(r.SaysModel); ok {
		v.capability(&r, m, "the model that it calls itself")
	}
	v.place(&r, was)
	if v.silent(was) {
		r.Flags = append(r.Flags, FlagStale)
	}
	return r
}

func (v *viewer) user(id e911.UserID) string {
	u, ok := v.o.User(id)
	if !ok {
		return ""
	}
	return u.Key
}

// says reads model and firmware out of what the device says of itself. Makers
// name them as they like ("model", "deviceModel", "swVersion" ...).
func (v *viewer) says(r *Row, was Device) {
	r.Says = was.Says
	for _, n := range was.Says {
		name := strings.ToLower(n.Name)
		switch {
		case r.SaysModel == "" && (strings.Contains(name, "model") || strings.Contains(name, "product") || strings.Contains(name, "devicetype")):
			r.SaysModel = n.Value
		case r.Firmware == "" && (strings.Contains(name, "firmware") || strings.Contains(name, "version") || strings.Contains(name, "software")):
			r.Firmware = n.Value
		}
	}
}

func (v *viewer) called(name string) (e911.Model, bool) {
	for _, m := range v.models {
		if m.Called(name) {
			return m, true
		}
	}
	return e911.Model{}, false
}

func (v *viewer) capability(r *Row, m e911.Model, by string) {
	r.Model, r.Maker, r.Capability, r.CapabilityBy = m.Key, m.Maker, m.Capability(r.Firmware), by
	if slices.ContainsFunc(m.Firmware, func(f e911.FirmwareRule) bool { return f.Holds(r.Firmware) }) {
		r.CapabilityBy += " and its firmware"
	}
}

func (v *viewer) place(r *Row, was Device) {
	if was.User != "" {
		r.SignedIn = v.user(was.User)
	}
	r.Via, r.Proved, r.Source = was.Via, was.Proved, was.Source
	r.FirstSeen, r.LastSeen, r.LastRequest = instant(was.First), instant(was.Last), instant(was.Asked)
	if r.Capability == "" && !was.Asked.IsZero() {
		r.Capability, r.CapabilityBy = e911.CapabilityHELD, "it asked"
		if was.Via == "heldplus" {
			r.Capability = e911.CapabilityHELDPlus
		}
	}
	if was.Located() {
		r.LocatedBy, r.Place, r.EvidenceAt = was.By, was.Place, instant(was.EvidenceAt)
		if !was.EvidenceAt.IsZero() {
			r.AgeSeconds = int64(v.q.Now.Sub(was.EvidenceAt).Seconds())
		}
		if l, ok := v.o.Location(was.Location); ok {
			r.Location = l.Key
		}
	} else if !was.Last.IsZero() {
		r.Unmapped = instant(was.UnmappedAt)
		r.Flags = append(r.Flags, FlagUnmapped)
	}
}

func (v *viewer) silent(was Device) bool {
	return v.q.Now.Sub(was.Last) > time.Duration(v.q.StaleDays)*24*time.Hour
}

func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
