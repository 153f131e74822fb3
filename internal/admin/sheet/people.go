package sheet

import (
	"fmt"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/check"
	"github.com/callbox911/callbox/internal/e911"
)

// alertColumn begins the names of the services of a user: an alert rule each, whose
// mails the user gets.
const alertColumn = "alert:"

func users() kindTable[e911.User] {
	type U = e911.User
	name := text(Column{Name: "name", Aliases: []string{"display name", "full name"}, Form: Text, Example: "Ann Carter", Help: "for people; the first and last name, or the key, when empty"}, func(v *U) *string { return &v.Name })
	t := kindTable[U]{kind: Users, find: findUser, fresh: freshUser, after: afterUser}
	t.fields = append([]field[U]{
		keyColumn[U]("user", "ann", "user key"), name,
		input[U](Column{Name: "first_name", Aliases: []string{"first name"}, Form: Text, Help: "with last_name, where name is empty"}),
		input[U](Column{Name: "last_name", Aliases: []string{"last name"}, Form: Text, Help: "see first_name"}),
		text(Column{Name: "email", Aliases: []string{"user id/email", "user id", "e-mail", "email address", "mail"}, Form: Text, Example: "ann@example.com", Help: "names the user where there is no key: another address is another user then"}, func(v *U) *string { return &v.Email }),
		siteColumn(func(v *U) *e911.SiteID { return &v.Site }, "location"),
		text(Column{Name: "device_user_id", Aliases: []string{"device user id", "employee id", "employee number"}, Form: Key, Example: "E-1001", Help: "what the calling platform sends for the user, compared letter by letter"}, func(v *U) *string { return &v.DeviceUserID }),
		input[U](Column{Name: "identification_type", Aliases: []string{"identification type"}, Form: Text, Help: `only "Device User ID" is possible`}),
		words(Column{Name: "callback", Aliases: []string{"callback number", "caller id number"}, Form: Phone, Example: "+16172530100", Help: "the number that a PSAP calls back"}, func(v *U) *e911.Number { return &v.Callback }),
		{
			Column: Column{Name: "phone_numbers", Aliases: []string{"phone numbers", "phone number", "numbers"}, Form: Phone, List: true, Example: "+16172530101; +16172530102", Help: "the user's own lines; one that is new is made. Taken out, a number stays and is nobody's"},
			get: func(s *state, v *U) string {
				return join(&Column{}, numbersOf(s, v.ID))
			},
			set: setNumbers,
		},
		languageColumn(func(v *U) *string { return &v.Language }),
	}, ecbnColumns(func(v *U) *e911.ECBN { return &v.ECBN })...)
	t.fields = append(
		t.fields,
		field[U]{Column: Column{Name: alertColumn, Form: Truth, Help: "alert: and the key of an alert rule, as alert:front-desk, a column each: whether the user gets its mails"}},
		shown("extension", "extensions of the user's telephones, which are in the table of devices", func(s *state, v *U) string {
			return strings.Join(devicesOf(s, v.ID, func(d e911.Device) string {
				if d.SIP == nil {
					return ""
				}
				return d.SIP.User
			}), "; ")
		}),
		shown("devices", "keys of the user's devices", func(s *state, v *U) string {
			return strings.Join(devicesOf(s, v.ID, func(d e911.Device) string { return d.Key }), "; ")
		}),
	)
	return t
}

func numbersOf(s *state, id e911.UserID) []string {
	var out []string
	for _, o := range s.group(e911.KindNumber).with(admin.ByUser)[string(id)] {
		out = append(out, string(o.Value.(e911.NumberRec).Number))
	}
	slices.Sort(out)
	return out
}

func devicesOf(s *state, id e911.UserID, get func(e911.Device) string) []string {
	var out []string
	for _, o := range s.group(e911.KindDevice).with(admin.ByUser)[string(id)] {
		if v := get(o.Value.(e911.Device)); v != "" {
			out = append(out, v)
		}
	}
	slices.Sort(out)
	return out
}

// findUser names the user of a row: by its key, or where there is none by the mail
// address (C-63).
func findUser(r *row) (string, bool) {
	if key, ok := r.key("key"); ok || r.bad {
		return key, ok
	}
	mail := strings.TrimSpace(clean(r.raw("email")))
	if mail == "" {
		col := "email"
		if r.im.at["key"] > 0 {
			col = "key"
		}
		r.fault(col, check.Required, "the row names no user", "write a key, or a mail address")
		return "", false
	}
	found := r.im.mails()[strings.ToLower(mail)]
	switch len(found) {
	case 0:
		key := mailKey(mail)
		if _, taken := r.im.s.byKey(e911.KindUser, key); taken {
			r.fault("email", check.Duplicate, fmt.Sprintf("nobody has this address, and its key would be %q, which another user has", key), "write a key of your own in the column key")
			return "", false
		}
		r.notice(r.im.at["email"]-1, "new_user", "nobody has this mail address: it is a new user. One whose address has changed stays as well, with the old one")
		return key, true
	case 1:
		return found[0], true
	}
	r.fault("email", check.Ambiguous, "several users have this mail address: "+strings.Join(found, ", "), "write the key in the column key")
	return "", false
}

// mailKey makes a key of a mail address.
func mailKey(mail string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c == '@':
			return ':'
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '.', c == '-', c == '_':
			return c
		}
		return '_'
	}, mail)
}

func freshUser(r *row, key string) e911.User {
	return e911.User{ID: e911.NewID[e911.UserID](), Org: r.im.o.Org, Key: key, Name: key}
}

func afterUser(r *row, before, v *e911.User) {
	names := strings.Join(strings.Fields(clean(r.raw("first_name"))+" "+clean(r.raw("last_name"))), " ")
	if names != "" && blank(r.raw("name")) {
		v.Name = names
	}
	if t := strings.TrimSpace(r.raw("identification_type")); t != "" && !strings.EqualFold(t, "Device User ID") {
		r.fault("identification_type", check.NotOffered, fmt.Sprintf("users are not identified by %q", short(t)), `write "Device User ID", and the id in device_user_id`)
	}
	if e := strings.TrimSpace(clean(r.raw("extension"))); e != "" {
		for _, one := range split(&Column{}, e) {
			if check.DialledForHelp(one) {
				r.fault("extension", check.Reserved, fmt.Sprintf("%q is dialled for help, or is what an outside digit makes of it", short(one)), "give the extension another number before its calls are brought here")
			}
		}
	}
	if before != nil && before.Site != v.Site {
		if n := numbersOf(r.im.s, v.ID); len(n) > 0 || len(devicesOf(r.im.s, v.ID, func(d e911.Device) string { return d.Key })) > 0 {
			r.fault("site", check.Forbidden, "the user has numbers or devices, and they would stay at the old site", "move the numbers and devices first, or take them from the user")
		}
	}
	if before != nil && strings.EqualFold(before.Email, v.Email) {
		v.Email = before.Email
	}
	if before != nil && before.Email != v.Email && v.Email != "" {
		r.notice(r.im.at["email"]-1, "email", "the user's mail address is changed; the user stays the same, by the key")
	}
	r.services(v)
	if v.DeviceUserID == "" || before != nil && before.DeviceUserID == v.DeviceUserID {
		return
	}
	if raw := r.raw("device_user_id"); raw != v.DeviceUserID && strings.TrimSpace(clean(raw)) == v.DeviceUserID {
		r.notice(r.im.at["device_user_id"]-1, "spaces", "spaces around the id were taken off: the platform must send it without them")
	}
	for _, other := range r.im.similar(v.DeviceUserID) {
		if other.key != v.Key && other.id != v.DeviceUserID {
			r.notice(r.im.at["device_user_id"]-1, "similar", fmt.Sprintf("the user %s has the id %s, which differs in capitals, spaces or zeros alone: a platform's id matches one of them letter by letter", other.key, short(other.id)))
		}
	}
}

// services takes the columns of alerts.
func (r *row) services(u *e911.User) {
	for _, h := range r.im.head {
		key, ok := strings.CutPrefix(h.name, alertColumn)
		cell := strings.TrimSpace(clean(r.cell(h.at)))
		if !ok || cell == "" {
			continue
		}
		v, set := r.truth(h.name, cell)
		if !set || r.bad {
			continue
		}
		o, have := r.im.s.byKey(e911.KindAlert, key)
		if !have {
			continue // it was told of with the header
		}
		a := o.Value.(e911.Alert)
		has := u.Email != "" && slices.Contains(a.Mail, u.Email)
		switch {
		case v && u.Email == "":
			r.fault(h.name, check.Required, "the user has no mail address to be told by", "write the address in the column email")
			continue
		case v == has:
			continue
		case v:
			a.Mail = append(slices.Clone(a.Mail), u.Email)
		default:
			a.Mail = slices.DeleteFunc(slices.Clone(a.Mail), func(m string) bool { return m == u.Email })
		}
		r.put(a, h.name)
	}
}

// told writes the service of a user.
func told(s *state, alert string, user any) string {
	u, ok := user.(e911.User)
	o, have := s.byKey(e911.KindAlert, alert)
	if ok && have && u.Email != "" && slices.Contains(o.Value.(e911.Alert).Mail, u.Email) {
		return "TRUE"
	}
	return "FALSE"
}

// setNumbers gives a user lines and takes them.
func setNumbers(r *row, u *e911.User, s string) {
	have := numbersOf(r.im.s, u.ID)
	want, ok := r.list(&Column{Name: "phone_numbers", Form: Phone}, have, s)
	if !ok {
		return
	}
	for _, n := range want {
		if slices.Contains(have, n) {
			continue
		}
		o, known := r.im.s.byKey(e911.KindNumber, n)
		rec := e911.NumberRec{ID: e911.NewID[e911.NumberID](), Org: r.im.o.Org, Site: u.Site, Number: e911.Number(n)}
		if known {
			rec = o.Value.(e911.NumberRec)
		}
		if rec.User != "" {
			r.fault("phone_numbers", check.Duplicate, fmt.Sprintf("the number %s is the user %s's", n, keyOf(r.im.s, e911.KindUser, rec.User)), "take it from that user first: "+Remove+n)
			return
		}
		rec.User = u.ID
		r.later = append(r.later, func() {
			if !known && rec.Site == "" {
				rec.Site = u.Site
			}
			r.put(rec, "phone_numbers")
		})
	}
	for _, n := range have {
		if o, known := r.im.s.byKey(e911.KindNumber, n); known && !slices.Contains(want, n) {
			rec := o.Value.(e911.NumberRec)
			rec.User = ""
			r.later = append(r.later, func() { r.put(rec, "phone_numbers") })
		}
	}
}

func devices() kindTable[e911.Device] {
	type D = e911.Device
	t := kindTable[D]{kind: Devices, fresh: func(r *row, key string) D {
		return D{ID: e911.NewID[e911.DeviceID](), Org: r.im.o.Org, Key: key}
	}}
	sip := func(c Column, get func(a e911.SIPAccount) string, set func(a *e911.SIPAccount, s string)) field[D] {
		return field[D]{c, func(_ *state, v *D) string {
			if v.SIP == nil {
				return ""
			}
			return get(*v.SIP)
		}, func(_ *row, v *D, s string) {
			a := e911.SIPAccount{}
			if v.SIP != nil {
				a = *v.SIP
			}
			if set(&a, s); a.User == "" {
				if a == (e911.SIPAccount{Secret: a.Secret, Line: a.Line, Guest: a.Guest, Own: a.Own}) && c.Name == "sip.user" {
					v.SIP = nil
					return
				}
			}
			v.SIP = &a
		}}
	}
	t.fields = append([]field[D]{
		keyColumn[D]("device", "SEP001122AABBCC", "device", "device name"),
		siteColumn(func(v *D) *e911.SiteID { return &v.Site }),
		words(Column{Name: "mac", Aliases: []string{"mac address"}, Form: Hardware, Example: "00:11:22:aa:bb:cc", Help: "hardware address of the device itself"}, func(v *D) *e911.MAC { return &v.MAC }),
		refers(Column{Name: "user", Aliases: []string{"user key"}, Example: "ann", Help: "key of its user"}, e911.KindUser, func(v *D) *e911.UserID { return &v.User }),
		refers(Column{Name: "model", Example: "", Help: "key of its model"}, e911.KindModel, func(v *D) *e911.ModelID { return &v.Model }),
		sip(Column{Name: "sip.user", Aliases: []string{"extension"}, Form: Key, Example: "4101", Help: "what it registers with, its extension as a rule; taken out, it does not register any more"}, func(a e911.SIPAccount) string { return a.User }, func(a *e911.SIPAccount, s string) { a.User = s }),
		{Column: Column{Name: "sip.secret", Form: Verbatim, Input: true, Help: "the password; never exported, and left as it is without this column"}, set: sip(Column{Name: "sip.secret"}, nil, func(a *e911.SIPAccount, s string) { a.Secret = e911.Secret(s) }).set},
		sip(Column{Name: "sip.line", Aliases: []string{"line"}, Form: Phone, Help: "the number that stands for it towards a PSAP"}, func(a e911.SIPAccount) string { return string(a.Line) }, func(a *e911.SIPAccount, s string) { a.Line = e911.Number(s) }),
		{
			Column: Column{Name: "sip.guest", Aliases: []string{"guest"}, Form: Truth, Help: "nobody signs in on it: a lobby, a hotel room"},
			get: func(_ *state, v *D) string {
				return truthText(v.SIP != nil && v.SIP.Guest)
			},
			set: func(r *row, v *D, s string) {
				guest, set := r.truth("sip.guest", s)
				if set && (v.SIP != nil && v.SIP.Guest) != guest {
					a := e911.SIPAccount{}
					if v.SIP != nil {
						a = *v.SIP
					}
					a.Guest = guest
					v.SIP = &a
				}
			},
		},
		{
			Column: Column{Name: "station.class", Aliases: []string{"station class"}, Form: Choice, Values: []string{"fixed", "non_fixed", "off_premises"}, Help: "class of the station in 47 CFR 9.16(b)(3)"},
			get:    func(_ *state, v *D) string { return string(v.Class()) },
			set: func(_ *row, v *D, s string) {
				st := e911.Station{}
				if v.Station != nil {
					st = *v.Station
				}
				if st.Class != e911.StationClass(s) {
					st.Class = e911.StationClass(s)
					v.Station = &st
				}
			},
		},
		languageColumn(func(v *D) *string { return &v.Language }),
	}, ecbnColumns(func(v *D) *e911.ECBN { return &v.ECBN })...)
	return t
}

func truthText(v bool) string {
	if v {
		return "TRUE"
	}
	return "FALSE"
}

func numbers() kindTable[e911.NumberRec] {
	type N = e911.NumberRec
	t := kindTable[N]{kind: Numbers, fresh: func(r *row, key string) N {
		return N{ID: e911.NewID[e911.NumberID](), Org: r.im.o.Org, Number: e911.Number(key)}
	}}
	t.fields = append([]field[N]{
		{Column: Column{Name: "number", Aliases: []string{"phone number", "telephone number", "did"}, Form: Phone, Required: true, Example: "+16172530101", Help: "the number, with its plus sign"}, get: func(_ *state, v *N) string { return string(v.Number) }},
		siteColumn(func(v *N) *e911.SiteID { return &v.Site }),
		refers(Column{Name: "user", Aliases: []string{"user key", "owner key"}, Example: "ann", Help: "key of the user whose line it is"}, e911.KindUser, func(v *N) *e911.UserID { return &v.User }),
		refers(Column{Name: "location", Aliases: []string{"esa", "emergency location"}, Example: "mill-2", Help: "key of its emergency service address; empty: that of the site"}, e911.KindLocation, func(v *N) *e911.LocationID { return &v.Location }),
		{
			Column: Column{Name: "elin", Form: Truth, Help: "it stands for its location in a carrier's ALI database"},
			get:    func(_ *state, v *N) string { return truthText(v.ELIN) },
			set: func(r *row, v *N, s string) {
				if elin, set := r.truth("elin", s); set {
					v.ELIN = elin
				}
			},
		},
		words(Column{Name: "status", Form: Choice, Values: []string{"active", "inactive"}, Help: "inactive: nobody can be called on it"}, func(v *N) *e911.NumberStatus { return &v.Status }),
		words(Column{Name: "owner", Form: Choice, Values: []string{"person", "workspace", "virtual_line", "auto_attendant", "hunt_group", "other"}, Help: "what answers it"}, func(v *N) *e911.OwnerKind { return &v.Owner }),
	}, ecbnColumns(func(v *N) *e911.ECBN { return &v.ECBN })...)
	t.fields = append(t.fields, shown("ali", "what the carrier holds of it", func(_ *state, v *N) string {
		if v.ALI == nil {
			return ""
		}
		return string(v.ALI.State)
	}))
	return t
}
