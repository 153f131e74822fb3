package setuppages

import (
	"context"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/edit"
	"github.com/callbox911/callbox/internal/admin/setup"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
)

// personLine is a person of a site with what rings at him.
type personLine struct{ Name, Note string }

// zones are the time zones that the form of a site offers, by IANA name.
func zones() []choice {
	return []choice{
		{"America/New_York", "Eastern (New York)"},
		{"America/Chicago", "Central (Chicago)"},
		{"America/Denver", "Mountain (Denver)"},
		{"America/Phoenix", "Mountain, no summer time (Phoenix)"},
		{"America/Los_Angeles", "Pacific (Los Angeles)"},
		{"America/Anchorage", "Alaska (Anchorage)"},
		{"Pacific/Honolulu", "Hawaii (Honolulu)"},
		{"America/Puerto_Rico", "Atlantic (Puerto Rico)"},
		{"Pacific/Guam", "Guam"},
		{"America/St_Johns", "Newfoundland (St. John’s)"},
		{"America/Halifax", "Atlantic (Halifax)"},
		{"America/Toronto", "Eastern (Toronto)"},
		{"America/Winnipeg", "Central (Winnipeg)"},
		{"America/Regina", "Central, no summer time (Regina)"},
		{"America/Edmonton", "Mountain (Edmonton)"},
		{"America/Vancouver", "Pacific (Vancouver)"},
	}
}

// maxTrunks bounds the trunks of an organisation that are looked through.
const maxTrunks = 200

// localTrunks are the organisation's own ways into the telephone network.
func (p *page) localTrunks() ([]choice, error) {
	ed, err := p.h.cfg.Editor()
	if err != nil {
		return nil, err
	}
	all, err := ed.Trunks.List(p.ctx, p.v.Org, "", maxTrunks)
	var out []choice
	for _, t := range all {
		if t.Value.Side == e911.SideLocal {
			out = append(out, choice{string(t.Value.ID), t.Value.Key})
		}
	}
	return out, err
}

// addSite adds a site in no stage: nothing of 911 changes by it.
func (p *page) addSite() {
	st, err := p.status()
	if err == nil {
		err = p.must("", access.Sites)
	}
	var made e911.Site
	if err == nil {
		made, err = p.makeSite(st)
	}
	switch {
	case err == nil:
		p.done("/setup/sites/"+inPath(setup.SiteStatus{Key: made.Key, ID: made.ID}), "site")
	case e911.KindOf(err) == e911.Unavailable:
		p.fail(err)
	default:
		p.showOverview("site", err)
	}
}

func (p *page) makeSite(st setup.Status) (e911.Site, error) {
	ed, err := p.h.cfg.Editor()
	if err != nil {
		return e911.Site{}, err
	}
	v := e911.Site{Org: p.v.Org, Name: p.value("name"), Zone: p.value("zone"), Mode: e911.ModeDynamic, Stage: e911.StageNone}
	if v.Name == "" {
		return v, &e911.Error{Kind: e911.Invalid, Msg: "the site is refused", Faults: []e911.Fault{{Path: "name", Code: "required", Msg: "the site has no name", Fix: "name it as people there do: Head office"}}}
	}
	if slices.ContainsFunc(st.Sites, func(s setup.SiteStatus) bool { return strings.EqualFold(s.Name, v.Name) }) {
		return v, &e911.Error{Kind: e911.Invalid, Msg: "the site is refused", Faults: []e911.Fault{{Path: "name", Code: "duplicate", Msg: "there is a site of that name", Fix: "open it above, or choose a name that tells them apart"}}}
	}
	if v.ECBN, err = numberOf("ecbn", p.value("ecbn")); err != nil {
		return v, err
	}
	if t := p.value("local"); t != "" {
		v.Local = []e911.TrunkID{e911.TrunkID(t)}
	}
	if v.Key, err = freeKey(p.ctx, p.v.Org, v.Name, "site", &ed.Sites); err != nil {
		return v, err
	}
	made, err := ed.Sites.Create(p.ctx, p.who(), v)
	return made.Value, err
}

// numberOf reads a number of a field; none is none.
func numberOf(field, text string) (e911.Number, error) {
	if text == "" {
		return "", nil
	}
	n, err := e911.ParseNumber(text)
	if err != nil {
		return "", &e911.Error{Kind: e911.Invalid, Msg: "the number is refused", Faults: []e911.Fault{{Path: field, Code: "syntax", Msg: err.Error(), Fix: "write it as +16175550100"}}}
	}
	return n, nil
}

// peoplePart is the part of a site's page about people and telephones.
const peoplePart = "#people"

// partOf is the part of the page that is shown after a form.
func partOf(form string) string {
	switch form {
	case "person", "device", "number":
		return peoplePart
	}
	return ""
}

// readPeople gathers people and telephones, as many as a page shows.
func (s *sitePage) readPeople(ctx context.Context, ed *edit.Editor) error {
	q := admin.Query{Org: s.Stored.Value.Org, Field: admin.BySite, Value: string(s.Site.ID), Limit: maxShown}
	users, err := ed.Users.Find(ctx, q)
	if err != nil {
		return err
	}
	numbers, err := ed.Numbers.Find(ctx, q)
	if err != nil {
		return err
	}
	devices, err := ed.Devices.Find(ctx, q)
	if err != nil {
		return err
	}
	slices.SortFunc(users, func(a, b edit.Stored[e911.User]) int { return strings.Compare(a.Value.Name, b.Value.Name) })
	notes := map[e911.UserID][]string{}
	for _, n := range numbers {
		text := string(n.Value.Number)
		if i := slices.IndexFunc(s.Places, func(c choice) bool { return c.ID == string(n.Value.Location) }); i >= 0 {
			text += ", " + s.Places[i].Text
		}
		if n.Value.User == "" {
			s.Phones = append(s.Phones, text)
			continue
		}
		notes[n.Value.User] = append(notes[n.Value.User], text)
	}
	for _, d := range devices {
		if d.Value.User != "" && d.Value.MAC != "" {
			notes[d.Value.User] = append(notes[d.Value.User], "telephone "+string(d.Value.MAC))
		}
	}
	for _, u := range users {
		s.People = append(s.People, personLine{u.Value.Name, strings.Join(notes[u.Value.ID], "; ")})
		s.Users = append(s.Users, choice{string(u.Value.ID), u.Value.Name})
	}
	slices.Sort(s.Phones)
	return nil
}

func (p *page) addPerson() {
	p.form("person", "", access.People, func(_ setup.Status, s setup.SiteStatus) error {
		ed, err := p.h.cfg.Editor()
		if err != nil {
			return err
		}
		u := e911.User{Org: p.v.Org, Site: s.ID, Name: p.value("name"), Email: p.value("email"), DeviceUserID: p.value("device_user_id")}
		if u.Callback, err = numberOf("callback", p.value("callback")); err != nil {
			return err
		}
		if u.Key, err = freeKey(p.ctx, p.v.Org, u.Name, "person", &ed.Users); err != nil {
			return err
		}
		_, err = ed.Users.Create(p.ctx, p.who(), u)
		return err
	})
}

func (p *page) addDevice() {
	p.form("device", "", access.People, func(_ setup.Status, s setup.SiteStatus) error {
		ed, err := p.h.cfg.Editor()
		if err != nil {
			return err
		}
		d := e911.Device{Org: p.v.Org, Site: s.ID, User: e911.UserID(p.value("user"))}
		if d.MAC, err = e911.ParseMAC(p.value("value")); err != nil {
			return &e911.Error{Kind: e911.Invalid, Msg: "the telephone is refused", Faults: []e911.Fault{{
				Path: "value", Code: "syntax", Msg: "that is no MAC address", Fix: "it stands on the label of the telephone: 00:11:22:33:44:50",
			}}}
		}
		if d.Key, err = freeKey(p.ctx, p.v.Org, "phone "+string(d.MAC), "phone", &ed.Devices); err != nil {
			return err
		}
		_, err = ed.Devices.Create(p.ctx, p.who(), d)
		return err
	})
}

func (p *page) addNumber() {
	p.form("number", "", access.People, func(_ setup.Status, s setup.SiteStatus) error {
		ed, err := p.h.cfg.Editor()
		if err != nil {
			return err
		}
		n := e911.NumberRec{Org: p.v.Org, Site: s.ID, User: e911.UserID(p.value("user")), Location: e911.LocationID(p.value("location"))}
		if n.Number, err = numberOf("number", p.value("number")); err != nil {
			return err
		}
		_, err = ed.Numbers.Create(p.ctx, p.who(), n)
		return err
	})
}
