package reconcile

import (
	"context"
	"fmt"
	"strings"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/change"
	"github.com/callbox911/callbox/internal/admin/sheet"
	"github.com/callbox911/callbox/internal/e911"
)

// mend makes the change set that brings ours in step.
func mend(ctx context.Context, view admin.View, src *Source, f *found, noDeletions string) change.Set {
	m := &mender{b: change.NewBuilder(ctx, view, src.Org, "bring "+string(src.Kind)+" in step with "+src.Key), src: src}
	for i := range f.diffs {
		d, p := &f.diffs[i], f.pairs[i]
		m.from = change.Origin{File: src.Key, Row: d.Row}
		switch d.Class {
		case Missing:
			m.make(p.theirs)
		case Changed, Near:
			m.change(p.ours, d.Fields)
		case Extra:
			if src.DeleteExtra && noDeletions == "" {
				m.b.Delete(src.Kind.Object(), p.ours.key, m.from)
			}
		}
	}
	set := m.b.Set()
	set.Source = "reconcile " + src.Key
	set.Partial = true // one bad row of another system keeps nobody else unregistered
	return set
}

type mender struct {
	b    *change.Builder
	src  *Source
	from change.Origin
	bad  bool
}

func (m *mender) fault(path, code, msg, fix string) {
	m.bad = true
	m.b.Fault(e911.Fault{Path: path, Code: code, Msg: msg, Fix: fix}, m.from)
}

// make adds what is missing.
func (m *mender) make(x *theirs) {
	m.bad = false
	fields := map[string]string{"site": m.src.Site}
	for k, v := range x.fields {
		fields[k] = v
	}
	fields[m.src.keyField()] = x.key
	if m.src.Kind != sheet.Numbers && fields["key"] == "" {
		fields["key"] = keyFrom(x.key)
	}
	if fields["site"] == "" {
		m.fault("site", "required", fmt.Sprintf("%s is new, and nothing says of which site", x.key), "name a column for site, or the source's site")
		return
	}
	var v any
	switch m.src.Kind {
	case sheet.Users:
		u := e911.User{Org: m.src.Org, Name: fields["key"]}
		v = m.set(u, fields)
	case sheet.Devices:
		v = m.set(e911.Device{Org: m.src.Org}, fields)
	case sheet.Numbers:
		v = m.set(e911.NumberRec{Org: m.src.Org}, fields)
	}
	if !m.bad {
		m.b.Put(v, m.from)
	}
}

// change gives ours the platform's values.
func (m *mender) change(o *our, diff []FieldDiff) {
	m.bad = false
	fields := map[string]string{}
	for _, d := range diff {
		fields[d.Field] = d.Theirs
	}
	if v := m.set(o.value, fields); !m.bad {
		m.b.Put(v, m.from)
	}
}

// set gives a value fields.
func (m *mender) set(value any, fields map[string]string) any {
	for field, s := range fields {
		switch v := value.(type) {
		case e911.User:
			switch field {
			case "key":
				v.Key = s
			case "site":
				v.Site = e911.SiteID(m.id(field, e911.KindSite, s))
			case "name":
				v.Name = s
			case "email":
				v.Email = s
			case "device_user_id":
				v.DeviceUserID = s
			case "callback":
				v.Callback = e911.Number(s)
			case "language":
				v.Language = s
			}
			value = v
		case e911.Device:
			switch field {
			case "key":
				v.Key = s
			case "site":
				v.Site = e911.SiteID(m.id(field, e911.KindSite, s))
			case "mac":
				v.MAC = e911.MAC(s)
			case "user":
				v.User = e911.UserID(m.id(field, e911.KindUser, s))
			case "model":
				v.Model = e911.ModelID(m.id(field, e911.KindModel, s))
			case "station.class":
				st := e911.Station{}
				if v.Station != nil {
					st = *v.Station
				}
				st.Class = e911.StationClass(s)
				v.Station = &st
			}
			value = v
		case e911.NumberRec:
			switch field {
			case "number":
				v.Number = e911.Number(s)
			case "site":
				v.Site = e911.SiteID(m.id(field, e911.KindSite, s))
			case "user":
				v.User = e911.UserID(m.id(field, e911.KindUser, s))
			case "location":
				v.Location = e911.LocationID(m.id(field, e911.KindLocation, s))
			case "status":
				v.Status = e911.NumberStatus(s)
			case "owner":
				v.Owner = e911.OwnerKind(s)
			}
			value = v
		}
	}
	return value
}

// id finds what a cell names.
func (m *mender) id(path string, kind e911.ObjectKind, key string) string {
	if key == "" {
		return ""
	}
	id, ok, err := m.b.ID(kind, key)
	switch {
	case err != nil:
		m.fault(path, "unavailable", err.Error(), "try again")
	case !ok:
		m.fault(path, "unknown", fmt.Sprintf("there is no %s %q", kind, key), "add it first, or correct the list")
	}
	return id
}

// keyFrom makes a key of our form of another system's.
func keyFrom(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '_', r == '-':
			return r
		case r == ':':
			return -1
		}
		return '_'
	}, s)
	return strings.TrimLeft(s, "._-")
}
