// Package setup leads an organisation from nothing to "911 works here" (W-13 to
// W-30): it gathers what is there, lets rules/setup judge it, and keeps what no
// other package does: acknowledgements, overrides, licences, attended destinations,
// opt-outs, prices.
//
// Nothing of it stands before a call: a gate that is closed here moves a call to
// another path, never out of the way (F-24).
package setup

import (
	"context"
	"slices"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/edit"
	"github.com/callbox911/callbox/internal/admin/inventory"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/identify"
	"github.com/callbox911/callbox/internal/rules/lint"
	rules "github.com/callbox911/callbox/internal/rules/setup"
	"github.com/callbox911/callbox/internal/snapshot"
)

// Config is what a Service needs.
type Config struct {
	Store  Store
	Editor *edit.Editor
	World  func() *snapshot.Snapshot // as calls see it
	// Seen is what devices have shown, by device id; nil: nothing is known.
	Seen func(ctx context.Context, org e911.OrgID) (map[string]inventory.Device, error)
	Now  func() time.Time
	// Lints keeps findings between services; nil: they are looked for each time.
	Lints *Lints
	// Trunks keeps what trunks told; nil: nothing is known of outages.
	Trunks TrunkStates
	// Send hands a test to somebody who is told of calls; nil: none is sent from here.
	Send func(ctx context.Context, to TestNotice) error
	// Door is where PBXs send their calls.
	Door Door
	// Proved is where the neighbour of a trunk last proved itself; nil: nobody knows.
	Proved func(t e911.TrunkID) (Sighting, bool)
	// Say tells the administrators of an organisation, or with none the operator; nil:
	// nobody is told, and lists say it.
	Say func(ctx context.Context, org e911.OrgID, n AdminNotice)
}

// Service has the use cases. Safe for concurrent use.
type Service struct{ cfg Config }

// New checks the configuration.
func New(cfg Config) (*Service, error) {
	if cfg.Store == nil || cfg.Editor == nil || cfg.World == nil || cfg.Now == nil {
		return nil, e911.Errorf(e911.Invalid, "the set-up needs a store, an editor, a world and a clock")
	}
	return &Service{cfg: cfg}, nil
}

// Status is how far an organisation is.
type Status struct {
	Org        string           `json:"org"` // key
	Name       string           `json:"name"`
	State      e911.OrgState    `json:"state"`
	Compliance rules.Compliance `json:"compliance"`
	// Banner warns on the overview while a site is not yet configured; empty: none.
	Banner    string       `json:"banner,omitempty"`
	Required  bool         `json:"emergency_calling_required"` // N-37
	CompanyID string       `json:"company_id,omitempty"`
	Secrets   []SecretNote `json:"secrets"`
	Licences  []Licence    `json:"licences"`
	Texts     []TextStatus `json:"texts"`
	Tasks     []TaskStatus `json:"tasks"`
	Sites     []SiteStatus `json:"sites"`
	OptedOut  *OptOut      `json:"opted_out,omitempty"`
	Open      int          `json:"open"` // lines of all checklists that are not done
	// DialPlan is what the linter finds in the world as calls see it: it is looked
	// at anew with each publish, and gates nothing (C-99).
	DialPlan  []lint.Finding `json:"dial_plan"`
	Charges   *Bill          `json:"charges,omitempty"`
	facts     rules.Organisation
	record    Record
	published *snapshot.Org
}

// TextStatus is a text with who accepted it for the whole organisation.
type TextStatus struct {
	Text
	Accepted *Acceptance `json:"accepted,omitempty"`
	Current  bool        `json:"current"` // in its present version
}

// TaskStatus is a part of the roll-out.
type TaskStatus struct {
	Task Task    `json:"task"`
	Done *Reason `json:"done,omitempty"`
	// Findings are those of dial_plan: what is to be looked at before it is done. They
	// keep nobody from marking it.
	Findings []lint.Finding `json:"findings,omitempty"`
}

// SiteStatus is how far a site is.
type SiteStatus struct {
	ID        e911.SiteID     `json:"id"`
	Key       string          `json:"key"`
	Name      string          `json:"name"`
	State     rules.SiteState `json:"state"`
	Stage     e911.Stage      `json:"stage"`
	Countries []string        `json:"countries"`
	// Goes says where 911 from here goes now, whatever the state.
	Goes         string         `json:"goes"`
	Callback     e911.Number    `json:"callback,omitempty"`
	Grade        identify.Grade `json:"callback_quality"`
	Checklist    []rules.Item   `json:"checklist"`
	Unattended   []string       `json:"unattended"`
	Destinations []Destination  `json:"destinations"`
	Override     *Reason        `json:"override,omitempty"`
	OptedOut     *OptOut        `json:"opted_out,omitempty"`
}

// Status says how far the organisation and its sites are; with sites, of those
// alone, by key. What it says is of the world as calls see it.
func (s *Service) Status(ctx context.Context, org e911.OrgID, sites ...string) (Status, error) {
	g, err := s.gather(ctx, org)
	if err != nil {
		return Status{}, err
	}
	now := s.cfg.Now()
	st := g.status
	states := make([]rules.SiteState, 0, len(g.sites))
	for i := range g.sites {
		f := &g.sites[i]
		state := f.facts.State(st.facts, now)
		states = append(states, state)
		if len(sites) > 0 && !slices.Contains(sites, f.site.Key) && !slices.Contains(sites, string(f.site.ID)) {
			continue
		}
		v := f.status(&st, now)
		v.State = state
		for _, item := range v.Checklist {
			if !item.Done && state != rules.SiteOptedOut && state != rules.SiteExempt {
				st.Open++
			}
		}
		st.Sites = append(st.Sites, v)
	}
	if len(sites) > 0 && len(st.Sites) < len(sites) {
		return Status{}, e911.Errorf(e911.NotFound, "there is no such site")
	}
	st.DialPlan = s.cfg.Lints.Of(g.snap, g.org)
	for i := range st.Tasks {
		if st.Tasks[i].Task == TaskDialPlan {
			st.Tasks[i].Findings = st.DialPlan
		}
	}
	st.Compliance = rules.Aggregate(st.facts, states)
	if rules.Banner(states) {
		st.Banner = "911 is not set up at every site yet: calls go out all the same, but not by the E911 path everywhere"
	}
	if b, err := s.Charges(ctx, org, now); err == nil {
		st.Charges = &b
	}
	return st, nil
}

// Acknowledgement is what somebody accepts.
type Acknowledgement struct {
	Text    rules.Acknowledgement `json:"text"`
	Version string                `json:"version"`        // that was read
	Site    string                `json:"site,omitempty"` // key; none: for all sites
	User    string                `json:"user,omitempty"` // key; of texts for users
}

// Acknowledge keeps who accepted which version, when and from where.
func (s *Service) Acknowledge(ctx context.Context, who admin.Actor, org e911.OrgID, a Acknowledgement) (Acceptance, error) {
	o, err := s.org(org)
	if err != nil {
		return Acceptance{}, err
	}
	t, ok := textOf(a.Text)
	switch {
	case !ok:
		return Acceptance{}, fault("text", "unknown", "there is no such text", "name one of those that the set-up lists")
	case a.Version != t.Version:
		return Acceptance{}, fault("version", "outdated", "the text has the version "+t.Version, "read it as it is now, and accept that version")
	case t.Users != (a.User != ""):
		return Acceptance{}, fault("user", "required", "a text for users is accepted by a user, the others by an administrator", "name a user for user_limits, and for no other text")
	case a.User != "" && a.Site != "":
		return Acceptance{}, fault("site", "forbidden", "a user accepts for himself, not for a site", "leave the site out")
	}
	got := Acceptance{Org: org, Text: a.Text, Version: a.Version, By: string(who), At: s.cfg.Now().UTC().Truncate(time.Millisecond), Address: admin.TrailOf(ctx).Address}
	if a.Site != "" {
		site, ok := siteNamed(o, a.Site)
		if !ok {
			return Acceptance{}, e911.Errorf(e911.NotFound, "there is no site %s", a.Site)
		}
		got.Site = site.ID
	}
	if a.User != "" {
		user, ok := userNamed(o, a.User)
		if !ok {
			return Acceptance{}, e911.Errorf(e911.NotFound, "there is no user %s", a.User)
		}
		got.User = user.ID
	}
	return got, s.cfg.Store.SaveAcceptance(ctx, who, got)
}

// UserAccepted reports whether a user accepted the present version of the text for
// users. It is for a page that shows the text before first use, and which lets
// emergency numbers through (F-24).
func (s *Service) UserAccepted(ctx context.Context, org e911.OrgID, user e911.UserID) (bool, error) {
	all, err := s.cfg.Store.Acceptances(ctx, org, user)
	t, _ := textOf(UserLimits)
	return slices.ContainsFunc(all, func(a Acceptance) bool { return a.Text == UserLimits && a.Version == t.Version }), err
}

// UsersAccepted are the users of whom UserAccepted is true.
func (s *Service) UsersAccepted(ctx context.Context, org e911.OrgID) (map[e911.UserID]bool, error) {
	t, _ := textOf(UserLimits)
	list, err := s.cfg.Store.UsersAccepted(ctx, org, UserLimits, t.Version)
	out := make(map[e911.UserID]bool, len(list))
	for _, u := range list {
		out[u] = true
	}
	return out, err
}

func (s *Service) org(org e911.OrgID) (*snapshot.Org, error) {
	if o := s.cfg.World().Org(org); org != "" && o != nil {
		return o, nil
	}
	return nil, e911.Errorf(e911.NotFound, "there is no such organisation, or it was made this moment")
}

func siteNamed(o *snapshot.Org, key string) (e911.Site, bool) {
	for v := range o.Sites() {
		if v.Key == key || string(v.ID) == key {
			return v, true
		}
	}
	return e911.Site{}, false
}

func userNamed(o *snapshot.Org, key string) (e911.User, bool) {
	for v := range o.Users() {
		if v.Key == key || string(v.ID) == key {
			return v, true
		}
	}
	return e911.User{}, false
}

func fault(path, code, msg, fix string) error {
	return &e911.Error{Kind: e911.Invalid, Msg: msg, Faults: []e911.Fault{{Path: path, Code: code, Msg: msg, Fix: fix}}}
}

// change reads the record, changes it and writes it; again when somebody else
// wrote it meanwhile.
func (s *Service) change(ctx context.Context, who admin.Actor, org e911.OrgID, n Note, do func(*Record) error) (Record, error) {
	const tries = 4
	for try := 1; ; try++ {
		r, err := s.cfg.Store.SetupRecord(ctx, org)
		if err != nil {
			return Record{}, err
		}
		if err := do(&r); err != nil {
			return Record{}, err
		}
		saved, err := s.cfg.Store.SaveSetupRecord(ctx, who, r, n)
		if err == nil || e911.KindOf(err) != e911.Conflict || try == tries {
			return saved, err
		}
	}
}

func (s *Service) reason(who admin.Actor, text string) Reason {
	return Reason{Reason: text, By: string(who), At: s.cfg.Now().UTC().Truncate(time.Millisecond)}
}
