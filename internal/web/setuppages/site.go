package setuppages

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/edit"
	"github.com/callbox911/callbox/internal/admin/setup"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
	"github.com/callbox911/callbox/internal/rules/civic"
	rules "github.com/callbox911/callbox/internal/rules/setup"
)

// sitePage is what the page of one site shows.
type sitePage struct {
	sent
	St        setup.Status
	Site      setup.SiteStatus
	Stored    edit.Stored[e911.Site]
	Zone      *time.Location
	Buildings []buildingLine
	More      bool // there are more buildings than are shown
	Places    []choice
	Elements  int
	Alerts    []e911.Alert
	People    []personLine
	Phones    []string // numbers of nobody, with where they are
	Users     []choice
	Now       time.Time
	Did       string // word of the form that was done just now
	Proofs    []setup.Proof
	Trail     map[rules.Step]bool // steps whose form is refused now
	Open      rules.Step          // the step that is unfolded
	// What the visitor may change.
	MaySetup, MayPlaces, MayAlerts, MaySite, MayPeople bool
}

// choice is a line of a list to choose from.
type choice struct{ ID, Text string }

// buildingLine is a building with what is in it.
type buildingLine struct {
	edit.Stored[e911.Building]
	Address   string
	Usable    bool
	Locations []string
}

// maxShown bounds the buildings of a page; more are changed by spreadsheet.
const maxShown = 40

// sent is a page with what was sent in a form of it that is refused.
type sent struct {
	view
	Typed   map[string]string // by field
	Refused string            // the form
}

// refuse keeps what was sent, with what is wrong with it, and gives the status of the answer.
func (s *sent) refuse(p *page, form string, wrong error) (status int) {
	s.Said, s.Refused, s.Typed = "", form, map[string]string{}
	s.Faults, status = p.told(wrong)
	for k := range p.r.PostForm {
		if k != "seen" && k != "form" {
			s.Typed[k] = p.r.PostFormValue(k)
		}
	}
	return status
}

// typed is what was sent in a field of the form that is refused, else what is stored.
func (s sent) typed(form, field, stored string) string {
	if s.Refused == form {
		return s.Typed[field]
	}
	return stored
}

// wrong are the faults of a field of the form that is refused.
func (s sent) wrong(form, field string) (out []e911.Fault) {
	if s.Refused != form {
		return nil
	}
	for _, f := range s.Faults {
		if fieldOf(f.Path) == field {
			out = append(out, f)
		}
	}
	return out
}

// above are the faults that stand at the head of a form: of no field of it.
func (s sent) above(form string, fields ...string) (out []e911.Fault) {
	if s.Refused != form {
		return nil
	}
	for _, f := range s.Faults {
		if !slices.Contains(fields, fieldOf(f.Path)) {
			out = append(out, f)
		}
	}
	return out
}

// fieldOf is the field of a form that a path of a fault is about.
func fieldOf(path string) string {
	path = strings.TrimPrefix(strings.TrimPrefix(path, "address."), "detail.")
	switch head, _, _ := strings.Cut(path, "["); head {
	case "point.lat", "point.lon":
		return "point"
	case "mac", "mac_to", "lldp", "lldp.chassis", "lldp.port", "range", "from", "to":
		return "value"
	default:
		return head
	}
}

// inPath is how a site is named in an address: by its key, or by its id where that
// key would have to be written otherwise there.
func inPath(s setup.SiteStatus) string {
	if s.Key == "" || url.PathEscape(s.Key) != s.Key {
		return string(s.ID)
	}
	return s.Key
}

// siteForms are the forms of the page of a site, by the end of their path.
func siteForms() map[string]func(p *page) {
	return map[string]func(p *page){
		"building": (*page).saveBuilding, "location": (*page).addLocation, "callback": (*page).setCallback,
		"alert": (*page).addAlert, "destination": (*page).setDestination, "destination/delete": (*page).deleteDestination,
		"tested": (*page).tested, "element": (*page).addElement, "accept": (*page).acceptSite,
		"test": (*page).sendTest, "code": (*page).takeCode, "person": (*page).addPerson, "device": (*page).addDevice, "number": (*page).addNumber,
		"stage": (*page).stage, "opt-out": (*page).optOutSite, "opt-in": (*page).optInSite,
	}
}

func (p *page) site() { p.showSite(rules.Step(p.r.URL.Query().Get("step")), "", nil) }

// showSite shows the page of the site in the path; wrong is of a form that was sent.
func (p *page) showSite(open rules.Step, form string, wrong error) {
	s, err := p.readSite()
	if err != nil {
		p.fail(err)
		return
	}
	s.Open = open
	status := http.StatusOK
	if wrong != nil {
		status = s.refuse(p, form, wrong)
	}
	if s.Open == "" {
		if i := slices.IndexFunc(s.Site.Checklist, func(i rules.Item) bool { return !i.Done }); i >= 0 {
			s.Open = s.Site.Checklist[i].Step
		}
	}
	p.render(status, siteView(s))
}

// readSite gathers what the page of the site in the path shows.
func (p *page) readSite() (sitePage, error) {
	st, one, err := p.statusOf()
	if err != nil {
		return sitePage{}, err
	}
	s := sitePage{St: st, Site: one, Now: p.h.cfg.Now(), Did: p.r.URL.Query().Get("said")}
	s.view = p.view(one.Name, "site")
	ed, err := p.h.cfg.Editor()
	if err != nil {
		return s, err
	}
	if s.Stored, err = ed.Sites.Get(p.ctx, p.v.Org, string(one.ID)); err != nil {
		return s, err
	}
	if s.Zone, err = time.LoadLocation(s.Stored.Value.Zone); err != nil {
		s.Zone = time.UTC
	}
	if err := s.readPlaces(p.ctx, ed); err != nil {
		return s, err
	}
	if s.MayPeople = p.may(one.ID, access.People); s.MayPeople {
		if err := s.readPeople(p.ctx, ed); err != nil {
			return s, err
		}
	}
	alerts, err := ed.Alerts.Find(p.ctx, admin.Query{Org: p.v.Org, Field: admin.BySite, Value: string(one.ID)})
	for _, a := range alerts {
		s.Alerts = append(s.Alerts, a.Value)
	}
	if err == nil {
		s.Proofs, err = p.svc.Proofs(p.ctx, p.v.Org, string(one.ID))
	}
	s.MaySetup, s.MayPlaces, s.MayAlerts, s.MaySite = p.may(one.ID, access.Setup), p.may(one.ID, access.Places), p.may(one.ID, access.Alerts), p.may(one.ID, access.Sites)
	return s, err
}

// statusOf is the set-up with the site in the path, for who may see that.
func (p *page) statusOf() (setup.Status, setup.SiteStatus, error) {
	key := chi.URLParam(p.r, "key")
	st, err := p.status()
	if err != nil {
		return st, setup.SiteStatus{}, err
	}
	i := slices.IndexFunc(st.Sites, func(s setup.SiteStatus) bool { return s.Key == key || string(s.ID) == key })
	if i < 0 {
		return st, setup.SiteStatus{}, e911.Errorf(e911.NotFound, "there is no such site, or it is not one of yours")
	}
	return st, st.Sites[i], nil
}

func (s *sitePage) readPlaces(ctx context.Context, ed *edit.Editor) error {
	all, err := ed.Buildings.Find(ctx, admin.Query{Org: s.Stored.Value.Org, Field: admin.BySite, Value: string(s.Site.ID), Limit: maxShown + 1})
	if err != nil {
		return err
	}
	if len(all) > maxShown {
		all, s.More = all[:maxShown], true
	}
	slices.SortFunc(all, func(a, b edit.Stored[e911.Building]) int { return strings.Compare(a.Value.Name, b.Value.Name) })
	for _, b := range all {
		v := b.Value.Validation
		line := buildingLine{
			Stored: b, Address: civic.Display(b.Value.Address),
			Usable: v.Verdict == e911.VerdictValid || v.Verdict != e911.VerdictInvalid && (b.Value.Point != nil || v.Point != nil),
		}
		in, err := ed.Locations.Find(ctx, admin.Query{Org: b.Value.Org, Field: admin.ByBuilding, Value: string(b.Value.ID)})
		if err != nil {
			return err
		}
		for _, l := range in {
			text := detailText(l.Value.Detail)
			line.Locations = append(line.Locations, text)
			s.Places = append(s.Places, choice{string(l.Value.ID), b.Value.Name + ": " + text})
		}
		slices.Sort(line.Locations)
		s.Buildings = append(s.Buildings, line)
	}
	return nil
}

// detailText says a place inside a building.
func detailText(c e911.Civic) string {
	var parts []string
	for _, x := range []struct{ word, value string }{{"floor ", c.FLR}, {"wing ", c.WING}, {"room ", c.ROOM}, {"unit ", c.UNIT}, {"", c.LOC}} {
		if x.value != "" {
			parts = append(parts, x.word+x.value)
		}
	}
	if len(parts) == 0 {
		return "the whole building"
	}
	return strings.Join(parts, ", ")
}

// form runs a form of a site: it asks whether the visitor may, does it, and shows
// the step again. What is refused stands beside the fields that were sent.
func (p *page) form(name string, step rules.Step, area access.Area, do func(st setup.Status, s setup.SiteStatus) error) {
	st, s, err := p.statusOf()
	if err != nil {
		p.fail(err)
		return
	}
	if err = p.must(s.ID, area); err == nil {
		err = do(st, s)
	}
	switch {
	case err == nil:
		p.done("/setup/sites/"+inPath(s)+partOf(name), name)
	case e911.KindOf(err) == e911.Unavailable && len(e911.FaultsOf(err)) == 0:
		p.fail(err)
	default:
		p.showSite(step, name, err)
	}
}

func (p *page) acceptSite() {
	p.form("accept", rules.StepAccept, access.Setup, func(st setup.Status, s setup.SiteStatus) error { return p.accept(st, s.Key) })
}

// shownStage is what the forms of stages and opting out are made from.
func shownStage(s setup.SiteStatus) any { return []any{s.Stage, s.Override, s.OptedOut} }

func (p *page) stage() {
	to := e911.Stage(p.r.PostFormValue("stage"))
	step := rules.StepStage2
	if to != e911.Stage911 {
		step = rules.StepStage1
	}
	p.form("stage", step, access.Setup, func(_ setup.Status, s setup.SiteStatus) error {
		if err := p.unchanged(shownStage(s)); err != nil {
			return err
		}
		_, err := p.svc.TakeStage(p.ctx, p.who(), p.v.Org, s.Key, to, p.r.PostFormValue("reason"))
		return err
	})
}

func (p *page) optOutSite() {
	p.form("opt-out", "", access.Setup, func(_ setup.Status, s setup.SiteStatus) error {
		if err := p.unchanged(shownStage(s)); err != nil {
			return err
		}
		return p.svc.OptOut(p.ctx, p.who(), p.v.Org, s.Key, p.r.PostFormValue("reason"))
	})
}

func (p *page) optInSite() {
	p.form("opt-in", "", access.Setup, func(_ setup.Status, s setup.SiteStatus) error {
		return p.svc.OptIn(p.ctx, p.who(), p.v.Org, s.Key)
	})
}
