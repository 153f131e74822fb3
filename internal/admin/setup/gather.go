package setup

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/callbox911/callbox/internal/admin/inventory"
	"github.com/callbox911/callbox/internal/admin/report"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/identify"
	rules "github.com/callbox911/callbox/internal/rules/setup"
	"github.com/callbox911/callbox/internal/snapshot"
)

const (
	// proofsFor is how long a good 933 is looked for.
	proofsFor = 400 * 24 * time.Hour
	// maxTests bounds how many of the newest 933 calls are looked at.
	maxTests = 5000
)

// gathering is an organisation while its facts come together.
type gathering struct {
	now       time.Time
	snap      *snapshot.Snapshot
	org       *snapshot.Org
	seen      map[string]inventory.Device
	record    Record
	accepted  []Acceptance
	tests     []report.CallRecord
	status    Status
	sites     []siteFacts
	buildings map[e911.BuildingID]*rules.Building
	at        map[e911.SiteID]int // index in sites
}

type siteFacts struct {
	site      e911.Site
	facts     rules.Site
	buildings []*rules.Building
	grade     identify.Grade
	record    *Record
}

func (s *Service) gather(ctx context.Context, org e911.OrgID) (*gathering, error) {
	o, err := s.org(org)
	if err != nil {
		return nil, err
	}
	g := &gathering{now: s.cfg.Now(), snap: s.cfg.World(), org: o, buildings: map[e911.BuildingID]*rules.Building{}, at: map[e911.SiteID]int{}}
	if g.record, err = s.cfg.Store.SetupRecord(ctx, org); err != nil {
		return nil, err
	}
	if g.accepted, err = s.cfg.Store.Acceptances(ctx, org, ""); err != nil {
		return nil, err
	}
	if g.tests, err = s.cfg.Store.CallsBetween(ctx, org, e911.ClassTest933, g.now.Add(-proofsFor), g.now.Add(time.Hour), maxTests); err != nil {
		return nil, err
	}
	if s.cfg.Seen != nil {
		if g.seen, err = s.cfg.Seen(ctx, org); err != nil {
			return nil, err
		}
	}
	g.head()
	g.places()
	g.elements()
	g.devices()
	g.proofs()
	for i := range g.sites {
		f := &g.sites[i]
		for _, b := range f.buildings {
			f.facts.Buildings = append(f.facts.Buildings, *b)
		}
	}
	return g, nil
}

func (g *gathering) head() {
	c := g.org.Config()
	g.status = Status{
		Org: c.Key, Name: c.Name, State: cmp.Or(c.State, e911.OrgLive), CompanyID: c.HELD.CompanyID, OptedOut: g.record.OptedOut,
		Licences: append([]Licence{}, g.record.Licences...), Secrets: notes(c.HELD.Secrets, g.record.Secrets), Sites: []SiteStatus{},
		record: g.record, published: g.org,
	}
	g.status.facts = rules.Organisation{
		State: c.State, CompanyID: c.HELD.CompanyID != "" && len(c.HELD.Secrets) > 0, Licensed: licensed(c.State, g.record.Licences, g.now),
		OutboundPSTN: !g.record.NoOutbound, HumanAgent: !g.record.NoPeople, Versions: versions(),
		NoWayIn: !g.wayIn(),
	}
	g.status.Required = g.status.facts.Required()
	for _, t := range Texts() {
		v := TextStatus{Text: t}
		for i := range g.accepted {
			if a := &g.accepted[i]; a.Text == t.Key && a.Site == "" {
				v.Accepted, v.Current = a, a.Version == t.Version
			}
		}
		g.status.Texts = append(g.status.Texts, v)
	}
	for _, t := range Tasks() {
		v := TaskStatus{Task: t}
		if done, ok := g.record.Tasks[t]; ok {
			v.Done = &done
		}
		g.status.Tasks = append(g.status.Tasks, v)
	}
}

// wayIn reports that calls of the organisation come here: by a platform of its own, by
// one that serves many, by telephones that register, or that some did.
func (g *gathering) wayIn() bool {
	if len(g.tests) > 0 {
		return true
	}
	for t := range g.org.Trunks() {
		if t.Side == e911.SidePlatform {
			return true
		}
	}
	for d := range g.org.Devices() {
		if d.SIP != nil {
			return true
		}
	}
	if g.org.Config().HELD.CompanyID != "" {
		for t := range g.snap.Trunks() {
			if t.Marked(e911.MarkManyOrgs) {
				return true
			}
		}
	}
	return false
}

// licensed: users in the United States are entitled with their calling licence,
// others by one of their own (W-20).
func licensed(state e911.OrgState, all []Licence, now time.Time) (out []string) {
	if state == e911.OrgUnlicensed {
		return nil
	}
	said := map[string]bool{}
	for _, l := range all {
		said[l.Country] = said[l.Country] || l.valid(now)
	}
	if valid, ok := said["US"]; !ok || valid {
		out = append(out, "US")
	}
	for c, valid := range said {
		if valid && c != "US" {
			out = append(out, c)
		}
	}
	return out
}

// places lists sites and their buildings, and whether a person is found in them.
func (g *gathering) places() {
	countries := countriesOf(g.org)
	for _, v := range slices.SortedFunc(g.org.Sites(), func(a, b e911.Site) int { return cmp.Compare(a.Key, b.Key) }) {
		g.at[v.ID] = len(g.sites)
		f := siteFacts{site: v, record: &g.record, facts: rules.Site{Key: v.Key, Stage: v.Stage, Accepted: g.acceptedAt(v.ID), Countries: countries[v.ID]}}
		_, f.facts.OptedOut = g.record.OptedSites[v.ID]
		if r, ok := g.record.Overrides[v.ID]; ok {
			f.facts.Override = rules.Override(r)
		}
		f.grade, _ = identify.GradeOf(g.org, v.Callback())
		rec, _ := g.org.Number(v.Callback())
		f.facts.ECBN = f.grade != identify.Invalid && rec.Answers() != e911.OwnerAutoAttendant
		f.facts.Alerts = g.destinations(v.ID)
		g.sites = append(g.sites, f)
	}
	for _, b := range slices.SortedFunc(g.org.Buildings(), func(a, b e911.Building) int { return cmp.Compare(a.Key, b.Key) }) {
		i, ok := g.at[b.Site]
		if !ok {
			continue
		}
		f := &g.sites[i]
		placed := b.Point != nil || b.Validation.Point != nil
		v := &rules.Building{Key: b.Key, Usable: b.Validation.Verdict == e911.VerdictValid || b.Validation.Verdict != e911.VerdictInvalid && placed}
		g.buildings[b.ID], f.buildings = v, append(f.buildings, v)
		v.Dispatchable = slices.ContainsFunc(g.org.BuildingPlaces(b.Site), func(p e911.Place) bool { return p.Building == b.ID && p.Dispatchable })
	}
	for l := range g.org.Locations() {
		if v := g.buildings[l.Building]; v != nil && !v.Dispatchable {
			p, ok := g.org.Place(l.ID)
			v.Dispatchable = ok && p.Dispatchable
		}
	}
}

func (g *gathering) acceptedAt(site e911.SiteID) map[rules.Acknowledgement]rules.Accepted {
	out := map[rules.Acknowledgement]rules.Accepted{}
	current := versions()
	for _, a := range g.accepted {
		if a.Site != "" && a.Site != site {
			continue
		}
		if was, ok := out[a.Text]; !ok || was.Version != current[a.Text] {
			out[a.Text] = rules.Accepted{By: a.By, At: a.At, Version: a.Version}
		}
	}
	return out
}

// destinations are the mail and webhooks of the site's alerts for emergencies, and
// who is recorded as attended.
func (g *gathering) destinations(site e911.SiteID) (out []rules.Destination) {
	for _, a := range g.org.Alerts(site) {
		if !slices.Contains(a.On, e911.AlertEmergency) {
			continue
		}
		for _, m := range a.Mail {
			out = append(out, rules.Destination{Kind: rules.Mail, Name: m, Hours: rules.Always()})
		}
		for _, w := range a.Webhook {
			out = append(out, rules.Destination{Kind: rules.Webhook, Name: w.URL, Hours: rules.Always()})
		}
	}
	for _, d := range g.record.Destinations {
		if h, err := rules.ParseHours(d.Hours); err == nil && d.Site == site {
			out = append(out, rules.Destination{Kind: d.Kind, Name: d.Name, Hours: h, Acknowledged: d.Tested})
		}
	}
	return out
}

// elements counts until every site has one: whether there is any is what matters.
func (g *gathering) elements() {
	without := len(g.sites)
	for e := range g.org.Elements() {
		if without == 0 {
			return
		}
		p, ok := g.org.Place(e.Location)
		if i, known := g.at[p.Site]; ok && known {
			if g.sites[i].facts.Elements == 0 {
				without--
			}
			g.sites[i].facts.Elements++
		}
	}
}

// asks reports a device that asks the location server: as its model says, or as it
// has shown.
func (g *gathering) asks(d e911.Device) bool {
	if m, ok := g.snap.Model(d.Model); ok {
		return m.HELD
	}
	return !g.seen[string(d.ID)].Asked.IsZero()
}

func (g *gathering) classOf(d e911.Device) e911.StationClass {
	switch {
	case d.Class() != "":
		return d.Class()
	case g.asks(d):
		return e911.StationNonFixed
	}
	return e911.StationFixed
}

// devices puts each device's class on the building where it was seen or whose
// address its number has; where neither is known, on all of its site. Who calls
// from elsewhere makes no 933 in a building.
func (g *gathering) devices() {
	for d := range g.org.Devices() {
		i, ok := g.at[d.Site]
		if !ok {
			continue
		}
		f := &g.sites[i]
		if g.asks(d) {
			f.facts.Located++
		}
		class := g.classOf(d)
		if class == e911.StationOffPremises {
			continue
		}
		in := f.buildings
		if b := g.buildings[g.buildingOf(d)]; b != nil {
			in = []*rules.Building{b}
		}
		for _, b := range in {
			addClass(b, class)
		}
	}
	for n := range g.org.Numbers() { // a line without a device calls too
		if p, ok := g.org.Place(n.Location); ok && n.User == "" && g.buildings[p.Building] != nil {
			addClass(g.buildings[p.Building], e911.StationFixed)
		}
	}
	for _, b := range g.buildings {
		slices.Sort(b.Classes)
	}
}

func addClass(b *rules.Building, c e911.StationClass) {
	if !slices.Contains(b.Classes, c) {
		b.Classes = append(b.Classes, c)
	}
}

func (g *gathering) buildingOf(d e911.Device) e911.BuildingID {
	if p, ok := g.org.Place(g.seen[string(d.ID)].Location); ok {
		return p.Building
	}
	if d.SIP != nil {
		if n, ok := g.org.Number(d.SIP.Line); ok {
			if p, ok := g.org.Place(n.Location); ok {
				return p.Building
			}
		}
	}
	return ""
}

// proofs takes the good 933 calls: read to the end, from a place inside a building of
// the site. Callbox answers them itself, so that no fact says that somebody did.
func (g *gathering) proofs() {
	for i := range g.tests {
		r := &g.tests[i]
		if r.Spoken == nil || !r.Spoken.Whole || r.Place == nil || g.buildings[r.Place.Building] == nil {
			continue
		}
		b, _ := g.org.Building(r.Place.Building)
		at, ok := g.at[b.Site]
		if !ok {
			continue
		}
		class := e911.StationFixed
		if r.Device != nil {
			if d, ok := g.org.Device(e911.DeviceID(r.Device.ID)); ok {
				class = g.classOf(d)
			}
		}
		f := &g.sites[at].facts
		if !slices.ContainsFunc(f.Proofs, func(p rules.Proof) bool { return p.Building == b.Key && p.Class == class }) {
			f.Proofs = append(f.Proofs, rules.Proof{Building: b.Key, Class: class, At: r.ArrivedAt}) // the newest comes first
		}
	}
}

func (f *siteFacts) status(st *Status, now time.Time) SiteStatus {
	v := SiteStatus{
		ID: f.site.ID, Key: f.site.Key, Name: f.site.Name, Stage: f.site.Stage, Countries: append([]string{}, f.facts.Countries...),
		Callback: f.site.Callback(), Grade: f.grade, Checklist: rules.Checklist(st.facts, f.facts, now),
		Unattended: []string{}, Destinations: []Destination{},
	}
	for _, span := range rules.Unattended(f.facts.Alerts, now) {
		v.Unattended = append(v.Unattended, span.String())
	}
	for _, d := range f.record.Destinations {
		if d.Site == f.site.ID {
			v.Destinations = append(v.Destinations, d.shown())
		}
	}
	if r, ok := f.record.Overrides[f.site.ID]; ok {
		v.Override = &r
	}
	if r, ok := f.record.OptedSites[f.site.ID]; ok {
		v.OptedOut = &r
	}
	v.Goes = goes(st.State, f.site)
	return v
}

// goes says where 911 of the site goes first (F-24; rules/ladder decides).
func goes(state e911.OrgState, s e911.Site) string {
	switch closed := !state.Live() || s.Stage != e911.Stage911 || s.Mode == e911.ModeTN; {
	case !closed:
		return "by the E911 path"
	case len(s.Local) > 0:
		return "by the site's own trunk into the telephone network, then by the E911 path"
	case state.Live() && s.Stage == e911.Stage911:
		return "by the E911 path, located by number"
	}
	return "by the E911 path all the same, marked as not set up: the site has no trunk of its own"
}
