package setuppages

import (
	"context"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/edit"
	"github.com/callbox911/callbox/internal/admin/setup"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
	rules "github.com/callbox911/callbox/internal/rules/setup"
)

// addressFields are the fields of a street address in the form of a building, as
// people in the United States and Canada write it, by PIDF-LO name.
func addressFields() []choice {
	return []choice{
		{"HNO", "House number"},
		{"PRD", "Direction before the street (N, SW)"},
		{"RD", "Street name"},
		{"STS", "Street type (Avenue)"},
		{"POD", "Direction after it"},
		{"A3", "City"},
		{"A2", "County"},
		{"A1", "State or province (MA)"},
		{"PC", "ZIP or postal code"},
		{"country", "Country (US or CA)"},
	}
}

func (p *page) value(field string) string { return strings.TrimSpace(p.r.PostFormValue(field)) }

// saveBuilding adds a building, or changes the one whose id and version the form has.
func (p *page) saveBuilding() {
	p.form("building", rules.StepBuildings, access.Places, func(_ setup.Status, s setup.SiteStatus) error {
		ed, err := p.h.cfg.Editor()
		if err != nil {
			return err
		}
		b, version := e911.Building{Org: p.v.Org, Site: s.ID}, int64(0)
		if id := p.value("id"); id != "" {
			stored, err := ed.Buildings.Get(p.ctx, p.v.Org, id)
			if err != nil {
				return err
			}
			if b = stored.Value; b.Site != s.ID {
				return e911.Errorf(e911.NotFound, "there is no such building at this site")
			}
			if version, err = strconv.ParseInt(p.value("version"), 10, 64); err != nil {
				return e911.Errorf(e911.Invalid, "the form is not whole: load the page again")
			}
		}
		was := b
		b.Name = p.value("name")
		for _, f := range addressFields() {
			b.Address.Set(f.ID, p.value(f.ID))
		}
		if b.Point, err = pointOf(p.value("point")); err != nil {
			return err
		}
		if b.ID != "" {
			if b.Address != was.Address {
				b.Validation = e911.Validation{}
			}
			_, err = ed.Buildings.Update(p.ctx, p.who(), b, version)
			return err
		}
		if b.Key, err = freeKey(p.ctx, p.v.Org, b.Name, "building", &ed.Buildings); err != nil {
			return err
		}
		_, err = ed.Buildings.Create(p.ctx, p.who(), b)
		return err
	})
}

// pointOf reads "42.36684, -71.10565"; nothing is no point.
func pointOf(text string) (*e911.Point, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // no point is a building without one
	}
	a, b, ok := strings.Cut(strings.ReplaceAll(text, ";", ","), ",")
	lat, err1 := strconv.ParseFloat(strings.TrimSpace(a), 64)
	lon, err2 := strconv.ParseFloat(strings.TrimSpace(b), 64)
	if !ok || err1 != nil || err2 != nil {
		return nil, &e911.Error{Kind: e911.Invalid, Msg: "the building is refused", Faults: []e911.Fault{{
			Path: "point", Code: "syntax", Msg: "the place on the map cannot be read", Fix: "latitude, comma, longitude, as a map service shows them: 42.36684, -71.10565",
		}}}
	}
	return &e911.Point{Lat: lat, Lon: lon}, nil
}

// maxKeys bounds how many keys are tried.
const maxKeys = 50

// freeKey makes a key of a name that no object of the kind has yet.
func freeKey[T any](ctx context.Context, org e911.OrgID, name, none string, in *edit.Objects[T]) (string, error) {
	key := slug(name)
	if key == "" {
		key = none
	}
	for n := 1; n <= maxKeys; n++ {
		try := key
		if n > 1 {
			try += "-" + strconv.Itoa(n)
		}
		found, err := in.Find(ctx, admin.Query{Org: org, Field: admin.ByKey, Value: try, Limit: 1})
		if err != nil || len(found) == 0 {
			return try, err
		}
	}
	return "", &e911.Error{Kind: e911.Invalid, Msg: "the name is taken", Faults: []e911.Fault{{
		Path: "name", Code: "duplicate", Msg: "too many have this name", Fix: "choose a name that tells it apart",
	}}}
}

// maxSlug bounds a key that is made of a name.
const maxSlug = 40

// slug makes a key of a name: "Mill 1, North" is mill-1-north.
func slug(name string) string {
	parts := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
	s := strings.Join(parts, "-")
	return strings.Trim(s[:min(len(s), maxSlug)], "-")
}

func (p *page) addLocation() {
	p.form("location", rules.StepLocations, access.Places, func(_ setup.Status, s setup.SiteStatus) error {
		ed, err := p.h.cfg.Editor()
		if err != nil {
			return err
		}
		b, err := ed.Buildings.Get(p.ctx, p.v.Org, p.value("building"))
		if err == nil && b.Value.Site != s.ID {
			err = e911.Errorf(e911.NotFound, "there is no such building at this site")
		}
		if err != nil {
			return err
		}
		l := e911.Location{Org: p.v.Org, Building: b.Value.ID, Detail: e911.Civic{FLR: p.value("FLR"), ROOM: p.value("ROOM"), UNIT: p.value("UNIT"), LOC: p.value("LOC")}}
		if l.Detail == (e911.Civic{}) {
			return &e911.Error{Kind: e911.Invalid, Msg: "the place is refused", Faults: []e911.Fault{{
				Path: "FLR", Code: "required", Msg: "nothing says where in the building that is", Fix: "give the floor at least; a room or a few words find a person faster",
			}}}
		}
		name := b.Value.Key
		if l.Detail.FLR != "" {
			name += " f" + l.Detail.FLR
		}
		if l.Key, err = freeKey(p.ctx, p.v.Org, strings.Join([]string{name, l.Detail.ROOM, l.Detail.UNIT}, " "), "place", &ed.Locations); err != nil {
			return err
		}
		_, err = ed.Locations.Create(p.ctx, p.who(), l)
		return err
	})
}

func (p *page) setCallback() {
	p.form("callback", rules.StepCallback, access.Sites, func(_ setup.Status, s setup.SiteStatus) error {
		ed, err := p.h.cfg.Editor()
		if err != nil {
			return err
		}
		stored, err := ed.Sites.Get(p.ctx, p.v.Org, string(s.ID))
		if err != nil {
			return err
		}
		version, err := strconv.ParseInt(p.value("version"), 10, 64)
		if err != nil {
			return e911.Errorf(e911.Invalid, "the form is not whole: load the page again")
		}
		if stored.Value.ECBN, err = e911.ParseNumber(p.value("ecbn")); err != nil {
			return &e911.Error{Kind: e911.Invalid, Msg: "the number is refused", Faults: []e911.Fault{{Path: "ecbn", Code: "syntax", Msg: err.Error(), Fix: "write it as +16175550100"}}}
		}
		stored.Value.ECBNChoice = ""
		_, err = ed.Sites.Update(p.ctx, p.who(), stored.Value, version)
		return err
	})
}

func (p *page) addAlert() {
	p.form("alert", rules.StepAlerts, access.Alerts, func(_ setup.Status, s setup.SiteStatus) error {
		ed, err := p.h.cfg.Editor()
		if err != nil {
			return err
		}
		mails := strings.FieldsFunc(p.value("mail"), func(r rune) bool { return r == ',' || r == ';' || unicode.IsSpace(r) })
		a := e911.Alert{Org: p.v.Org, Site: s.ID, On: []e911.AlertOn{e911.AlertEmergency, e911.AlertTest}, Mail: mails}
		if a.Key, err = freeKey(p.ctx, p.v.Org, s.Key+" security", "alert", &ed.Alerts); err != nil {
			return err
		}
		_, err = ed.Alerts.Create(p.ctx, p.who(), a)
		return err
	})
}

// shownDestination is what the forms of a destination are made from.
func shownDestination(all []setup.Destination, key string) any {
	i := slices.IndexFunc(all, func(d setup.Destination) bool { return d.Key == key })
	if i < 0 {
		return nil
	}
	return all[i]
}

func (p *page) setDestination() {
	p.form("destination", rules.StepAttended, access.Setup, func(_ setup.Status, s setup.SiteStatus) error {
		key, name := p.value("key"), p.value("name")
		if key == "" { // a new one
			id := e911.NewID[string]() // keys are the organisation's: one that is in use would take it over
			key = slug(s.Key+" "+name) + "-" + id[len(id)-8:]
		} else if err := ownDestination(s, key); err != nil {
			return err
		} else if err := p.unchanged(shownDestination(s.Destinations, key)); err != nil {
			return err
		}
		return p.svc.SetDestination(p.ctx, p.who(), p.v.Org, setup.Destination{
			Key: key, Site: s.ID, Kind: rules.DestinationKind(p.value("kind")), Name: name, Hours: p.value("hours"), Alert: p.value("alert"),
		})
	})
}

// ownDestination is a NotFound error where a site has no such destination: keys are
// the organisation's, and who looks after one site changes that alone.
func ownDestination(s setup.SiteStatus, key string) error {
	if shownDestination(s.Destinations, key) == nil {
		return e911.Errorf(e911.NotFound, "there is no such destination at this site")
	}
	return nil
}

func (p *page) deleteDestination() {
	p.form("destination-delete", rules.StepAttended, access.Setup, func(_ setup.Status, s setup.SiteStatus) error {
		if err := ownDestination(s, p.value("key")); err != nil {
			return err
		}
		if err := p.unchanged(shownDestination(s.Destinations, p.value("key"))); err != nil {
			return err
		}
		return p.svc.DeleteDestination(p.ctx, p.who(), p.v.Org, p.value("key"))
	})
}

func (p *page) tested() {
	p.form("tested", rules.StepAttended, access.Setup, func(_ setup.Status, s setup.SiteStatus) error {
		if err := ownDestination(s, p.value("key")); err != nil {
			return err
		}
		return p.svc.Tested(p.ctx, p.who(), p.v.Org, p.value("key"), p.value("by"))
	})
}

// elementKinds are the network elements that the form takes.
func elementKinds() []choice {
	return []choice{
		{string(e911.ElementBSSID), "Access point, by its BSSID"},
		{string(e911.ElementLLDPPort), "Switch port (chassis and port)"},
		{string(e911.ElementLLDPChassis), "Switch, all of its ports"},
		{string(e911.ElementIP), "Range of IP addresses"},
	}
}

func (p *page) addElement() {
	p.form("element", rules.StepNetwork, access.Places, func(_ setup.Status, s setup.SiteStatus) error {
		ed, err := p.h.cfg.Editor()
		if err != nil {
			return err
		}
		el := e911.Element{Org: p.v.Org, Location: e911.LocationID(p.value("location")), Kind: e911.ElementKind(p.value("kind"))}
		l, err := ed.Locations.Get(p.ctx, p.v.Org, string(el.Location))
		var b edit.Stored[e911.Building]
		if err == nil {
			b, err = ed.Buildings.Get(p.ctx, p.v.Org, string(l.Value.Building))
		}
		if err != nil || b.Value.Site != s.ID {
			return &e911.Error{Kind: e911.Invalid, Msg: "the element is refused", Faults: []e911.Fault{{
				Path: "location", Code: "required", Msg: "nothing says where it hangs", Fix: "choose a place of this site",
			}}}
		}
		if err := elementValue(&el, p.value("value"), p.value("port")); err != nil {
			return &e911.Error{Kind: e911.Invalid, Msg: "the element is refused", Faults: []e911.Fault{{
				Path: "value", Code: "syntax", Msg: err.Error(), Fix: "BSSID: 00:11:22:33:44:50; switch: its chassis id; addresses: 10.1.2.0/24",
			}}}
		}
		_, err = ed.Elements.Create(p.ctx, p.who(), el)
		return err
	})
}

// elementValue reads what an element is known by.
func elementValue(el *e911.Element, value, port string) (err error) {
	switch el.Kind {
	case e911.ElementBSSID:
		el.MAC, err = e911.ParseMAC(value)
	case e911.ElementLLDPPort, e911.ElementLLDPChassis:
		el.LLDP = e911.LLDPPort{Chassis: value}
		if m, err := e911.ParseMAC(value); err == nil {
			el.LLDP.Chassis = string(m)
		}
		if el.Kind == e911.ElementLLDPPort {
			el.LLDP.Port = port
		}
	case e911.ElementIP:
		if el.Range, err = netip.ParsePrefix(value); err != nil {
			err = e911.Errorf(e911.Invalid, "%q is no range of addresses", value)
		}
	default:
		err = e911.Errorf(e911.Invalid, "choose what kind of element it is")
	}
	return err
}
