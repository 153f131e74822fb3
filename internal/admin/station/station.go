// Package station reports, station by station, what 47 CFR 9.16(b)(3) and the rules
// of the states ask for and what of it is missing (F-39 (4), (5); N-06). The rules
// are those of rules/station.
package station

import (
	"cmp"
	"slices"
	"time"

	"github.com/callbox911/callbox/internal/admin/inventory"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/locate"
	"github.com/callbox911/callbox/internal/rules/station"
	"github.com/callbox911/callbox/internal/snapshot"
)

// Row is one station: a device, or a line for which no device is configured.
type Row struct {
	Site  string            `json:"site"` // key
	Kind  e911.ObjectKind   `json:"kind"` // device, number
	Key   string            `json:"key"`
	User  string            `json:"user,omitempty"`
	Model string            `json:"model,omitempty"`
	Class e911.StationClass `json:"class,omitempty"`
	Line  string            `json:"line,omitempty"` // "47 CFR 9.16(b)(3)(i)"
	Rule  string            `json:"applies"`        // station.Applicability
	Since string            `json:"installed,omitempty"`
	How   string            `json:"located,omitempty"` // what finds it without its user: "lldp_port", "number" ...
	Place string            `json:"location,omitempty"`
	In    string            `json:"country,omitempty"`
	State string            `json:"state,omitempty"`
	Why   *e911.Infeasible  `json:"not_feasible,omitempty"`
	Told  *e911.Consent     `json:"off_premises,omitempty"`
	Gaps  []station.Gap     `json:"missing"`
	place e911.Place
}

// Building is one building before the rules of its state.
type Building struct {
	Site       string              `json:"site"`
	Key        string              `json:"building"`
	State      string              `json:"state,omitempty"`
	SquareFeet int                 `json:"square_feet,omitempty"`
	Floors     int                 `json:"floors"`
	Locations  int                 `json:"locations"` // that find a caller inside
	Stations   int                 `json:"stations"`  // of its site
	LookedUp   bool                `json:"looked_up"` // the rules of its state were
	Rules      []station.StateRule `json:"rules,omitempty"`
	Gaps       []station.Gap       `json:"missing"`
}

// Tally sums up a site or a state.
type Tally struct {
	Key      string                    `json:"key"`
	Stations int                       `json:"stations"`
	Whole    int                       `json:"whole"` // nothing is missing
	Classes  map[e911.StationClass]int `json:"classes"`
	Missing  map[string]int            `json:"missing"` // by code of a gap
}

// Report is what is missing in an organisation.
type Report struct {
	Org       string     `json:"org"` // key
	At        time.Time  `json:"at"`
	Total     Tally      `json:"total"`
	Sites     []Tally    `json:"sites"`
	States    []Tally    `json:"states"` // "US-MA"; "-" where the country is not known
	Stations  []Row      `json:"stations"`
	Buildings []Building `json:"buildings"`
}

// Question says of whom, and what is known beside the configuration.
type Question struct {
	Org  e911.OrgID
	Site string // key; none: all
	Now  time.Time
	Seen map[string]inventory.Device // by id of the device; nil: nothing is known
}

// Check looks at the world as it is published.
func Check(s *snapshot.Snapshot, q Question) (Report, error) {
	o := s.Org(q.Org)
	if o == nil {
		return Report{}, e911.Errorf(e911.NotFound, "there is no such organisation")
	}
	r := &reporter{
		s: s, o: o, q: q, sites: map[e911.SiteID]*siteFacts{}, lines: map[e911.Number]bool{}, users: map[e911.UserID]bool{},
		report: Report{Org: o.Config().Key, At: q.Now.UTC(), Stations: []Row{}, Buildings: []Building{}},
	}
	r.gather()
	for d := range o.Devices() {
		if r.wanted(d.Site) {
			r.device(d)
		}
	}
	for n := range o.Numbers() {
		if r.wanted(n.Site) {
			r.number(n)
		}
	}
	r.buildings()
	slices.SortFunc(r.report.Stations, func(a, b Row) int {
		return cmp.Or(cmp.Compare(a.Site, b.Site), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Key, b.Key))
	})
	r.tally()
	return r.report, nil
}

// siteFacts is what the stations of a site have in common.
type siteFacts struct {
	site     e911.Site
	country  string
	state    string
	mapped   bool // network elements lead to a place of it
	stations int
	oldest   time.Time
}

type reporter struct {
	s      *snapshot.Snapshot
	o      *snapshot.Org
	q      Question
	sites  map[e911.SiteID]*siteFacts
	lines  map[e911.Number]bool // that a device stands for
	users  map[e911.UserID]bool // who have a device
	report Report
}

func (r *reporter) wanted(id e911.SiteID) bool {
	f := r.sites[id]
	return f != nil && (r.q.Site == "" || f.site.Key == r.q.Site)
}

func (r *reporter) gather() {
	for st := range r.o.Sites() {
		f := &siteFacts{site: st}
		for _, p := range r.o.BuildingPlaces(st.ID) {
			if p.Civic.Country != "" {
				f.country, f.state = p.Civic.Country, p.Civic.A1
				break
			}
		}
		r.sites[st.ID] = f
	}
	for e := range r.o.Elements() {
		if p, ok := r.o.Place(e.Location); ok && r.sites[p.Site] != nil {
			r.sites[p.Site].mapped = true
		}
	}
	for d := range r.o.Devices() {
		f := r.sites[d.Site]
		if f == nil {
			continue
		}
		f.stations++
		if st := d.Station; st != nil && !st.Installed.IsZero() && (f.oldest.IsZero() || st.Installed.Before(f.oldest)) {
			f.oldest = st.Installed
		}
		if d.User != "" {
			r.users[d.User] = true
		}
		if d.SIP != nil && d.SIP.Line != "" {
			r.lines[d.SIP.Line] = true
		}
	}
}

func (r *reporter) device(d e911.Device) {
	f := r.sites[d.Site]
	model, _ := r.s.Model(d.Model)
	user, hasUser := r.o.User(d.User)
	row := Row{Site: f.site.Key, Kind: e911.KindDevice, Key: d.Key, User: user.Key, Model: model.Key}
	sub := station.Subject{
		Asks: model.HELD, TN: f.site.Mode == e911.ModeTN, Acknowledged: !f.site.ModeAcknowledged.Zero(), Country: f.country,
	}
	if d.Station != nil {
		sub.Station = *d.Station
	}
	var u *e911.User
	if hasUser {
		u = &user
	}
	sub.Consent = e911.ConsentOf(&d, u)
	row.How, row.place = r.found(d, model.HELD, f)
	sub.Automated = row.How != ""
	// Which place an asking device will be at is not known before it was seen.
	sub.Detail = row.place.Dispatchable || row.How == howAsks
	r.add(row, sub, f)
}

// number is a line that no device stands for: nobody can state its class.
func (r *reporter) number(n e911.NumberRec) {
	switch n.Answers() {
	case e911.OwnerAutoAttendant, e911.OwnerHuntGroup:
		return // nobody calls from it
	}
	if n.ELIN || r.lines[n.Number] || n.User != "" && r.users[n.User] || !n.InService() {
		return
	}
	f := r.sites[n.Site]
	user, _ := r.o.User(n.User)
	row := Row{Site: f.site.Key, Kind: e911.KindNumber, Key: string(n.Number), User: user.Key}
	if p, ok := r.o.Place(n.Location); ok {
		row.How, row.place = howNumber, p
	}
	r.add(row, station.Subject{Automated: row.How != "", Detail: row.place.Dispatchable, Country: f.country}, f)
}

// How a station is found where the network has not told.
const (
	howNumber = "number"       // the address of its number
	howSite   = "site_default" // the site's only building
	howAsks   = "asks"         // it asks, and its site's network is on the map; it was not seen yet
)

// found says what finds a device without its user.
func (r *reporter) found(d e911.Device, asks bool, f *siteFacts) (how string, place e911.Place) {
	if seen := r.q.Seen[string(d.ID)]; seen.Located() && seen.By != e911.ByUserSet && seen.By != e911.ByConfirmed {
		p, _ := r.o.Place(seen.Location)
		return string(seen.By), p
	}
	if d.MAC != "" {
		evidence, _ := locate.Measured(r.o, locate.Measurement{At: r.q.Now, MAC: d.MAC})
		if len(evidence) > 0 {
			return string(evidence[0].By), evidence[0].Place
		}
	}
	if asks {
		if r.q.Seen[string(d.ID)].Last.IsZero() && f.mapped && d.Class() != e911.StationOffPremises {
			return howAsks, e911.Place{}
		}
		return "", e911.Place{} // its number's address is not for it (F-04)
	}
	if d.Class() == e911.StationOffPremises {
		return "", e911.Place{} // no address of ours is where it is
	}
	var line e911.Number
	if d.SIP != nil {
		line = d.SIP.Line
	}
	for _, k := range locate.FromNumbers(r.o, d.User, line) {
		return howNumber, k.Place
	}
	if k, ok := locate.FromSite(r.o, d.Site); ok {
		return howSite, k.Place
	}
	return "", e911.Place{}
}

func (r *reporter) add(row Row, sub station.Subject, f *siteFacts) {
	row.Class, row.Line, row.In, row.State, row.Place = sub.Station.Class, sub.Station.Class.Line(), f.country, f.state, row.place.Display
	row.Rule = string(station.AppliesTo(sub.Station.Installed, sub.Country))
	if !sub.Station.Installed.IsZero() {
		row.Since = sub.Station.Installed.Format(time.DateOnly)
	}
	if !sub.Station.NotFeasible.Zero() {
		row.Why = &sub.Station.NotFeasible
	}
	if !sub.Consent.Zero() {
		row.Told = &sub.Consent
	}
	row.Gaps = station.Review(sub, r.q.Now)
	if row.Kind == e911.KindNumber {
		for i := range row.Gaps {
			row.Gaps[i].Fix = "configure a device for the line, and state there what is missing"
		}
	}
	if row.Gaps == nil {
		row.Gaps = []station.Gap{}
	}
	r.report.Stations = append(r.report.Stations, row)
}

func (r *reporter) buildings() {
	type inside struct {
		floors    map[string]bool
		locations int
	}
	in := map[e911.BuildingID]*inside{}
	for l := range r.o.Locations() {
		x := in[l.Building]
		if x == nil {
			x = &inside{floors: map[string]bool{}}
			in[l.Building] = x
		}
		if p, ok := r.o.Place(l.ID); ok && p.Dispatchable {
			x.locations++
		}
		if fl := l.Detail.FLR; fl != "" {
			x.floors[fl] = true
		}
	}
	for b := range r.o.Buildings() {
		if !r.wanted(b.Site) {
			continue
		}
		f := r.sites[b.Site]
		v := Building{Site: f.site.Key, Key: b.Key, SquareFeet: b.SquareFeet, Stations: f.stations, Gaps: []station.Gap{}}
		if b.Address.Country == "US" {
			v.State = b.Address.A1
		}
		if x := in[b.ID]; x != nil {
			v.Floors, v.Locations = len(x.floors), x.locations
		}
		v.Rules, v.LookedUp = station.RulesOf(v.State)
		v.Gaps = append(v.Gaps, station.ReviewBuilding(station.Building{
			State: v.State, SquareFeet: v.SquareFeet, Floors: v.Floors, Locations: v.Locations, Stations: v.Stations, Oldest: f.oldest,
		})...)
		r.report.Buildings = append(r.report.Buildings, v)
	}
	slices.SortFunc(r.report.Buildings, func(a, b Building) int { return cmp.Or(cmp.Compare(a.Site, b.Site), cmp.Compare(a.Key, b.Key)) })
}

func (r *reporter) tally() {
	r.report.Total = newTally("")
	sites, states := map[string]*Tally{}, map[string]*Tally{}
	of := func(m map[string]*Tally, key string) *Tally {
		if m[key] == nil {
			t := newTally(key)
			m[key] = &t
		}
		return m[key]
	}
	for i := range r.report.Stations {
		row := &r.report.Stations[i]
		for _, t := range []*Tally{&r.report.Total, of(sites, row.Site), of(states, stateKey(row.In, row.State))} {
			t.count(row)
		}
	}
	r.report.Sites, r.report.States = sorted(sites), sorted(states)
}

func stateKey(country, state string) string {
	switch {
	case country == "":
		return "-"
	case state == "":
		return country
	}
	return country + "-" + state
}

func newTally(key string) Tally {
	return Tally{Key: key, Classes: map[e911.StationClass]int{}, Missing: map[string]int{}}
}

func (t *Tally) count(row *Row) {
	t.Stations++
	t.Classes[row.Class]++
	if len(row.Gaps) == 0 {
		t.Whole++
	}
	for _, g := range row.Gaps {
		t.Missing[g.Code]++
	}
}

func sorted(m map[string]*Tally) []Tally {
	out := make([]Tally, 0, len(m))
	for _, t := range m {
		out = append(out, *t)
	}
	slices.SortFunc(out, func(a, b Tally) int { return cmp.Compare(a.Key, b.Key) })
	return out
}
