package redsky

import (
	"strconv"
	"strings"

	"github.com/callbox911/callbox/internal/admin/check"
	"github.com/callbox911/callbox/internal/admin/foreign/intake"
	"github.com/callbox911/callbox/internal/admin/sheet"
	"github.com/callbox911/callbox/internal/e911"
)

func itoa(n int) string { return strconv.Itoa(n) }

// user takes people who call. Those who only administer or watch the desk have
// other roles, and no place among users.
func (r *reader) user(s *intake.Sheet) {
	login, mail := s.Col("Username", "heldUserId", "User ID"), s.Col(mailNames...)
	first, last, whole := s.Col("First Name"), s.Col("Last Name"), s.Col("Name", "Display Name")
	role, callback, elin := s.Col("Role"), s.Col("Callback Number", "callbackNumber", "Callback"), s.Col("ELIN")
	idType, deviceUser := s.Col("Identification Type"), s.Col("Device User ID", "deviceUserId")
	s.NoPlace("alerts of the desk are set up as alerts of a site", "EON Server Poll Interval (milliseconds)", "EON Notification Template", "EON Non-Emergency Notification Template",
		"EON Server Stale Notification Threshold (minutes)", "EON Building Filter Criteria (comma separated)", "EON Call Server Filter Criteria (comma separated)")
	s.NoPlace("where somebody is, Callbox learns from the network and from himself", "Starting Building ID", "Starting Location", "Current Location")
	for _, row := range s.Rows {
		if v := row.Get(role); v != "" && !strings.Contains(strings.ToLower(v), "mye911") && !strings.Contains(strings.ToLower(v), "device user") {
			r.o.Note(s.File, "people with the role "+v+" do not come over: give those who administer or watch an account of their own", 1)
			continue
		}
		who, from := row.Get(mail), mail
		if who == "" {
			who, from = row.Get(login), login
		}
		if who == "" {
			r.o.Fault(row, mail, check.Required, "the user has neither e-mail address nor name to log in", "complete it there, and export again")
			continue
		}
		name := row.Get(whole)
		if name == "" {
			name = strings.TrimSpace(row.Get(first) + " " + row.Get(last))
		}
		if name == "" {
			name = who
		}
		id, idFrom := row.Get(deviceUser), deviceUser
		line := e911.Number("")
		if strings.EqualFold(row.Get(idType), "Phone Number") { // RedSky knows him by his line
			id, line = "", r.o.Number(row, deviceUser)
		}
		number, numberFrom := r.o.Number(row, callback), callback
		if number == "" {
			number, numberFrom = r.o.Number(row, elin), elin
		}
		k := intake.PersonKey(who)
		if r.o.Put(sheet.Users, k, row, intake.Cell{Column: "key", Value: k, From: from}, intake.Cell{Column: "site", Value: r.o.Options().Site}, intake.Cell{Column: "name", Value: name, From: max(whole, first)},
			intake.Cell{Column: "email", Value: row.Get(mail), From: mail}, intake.Cell{Column: "device_user_id", Value: id, From: idFrom}, intake.Cell{Column: "callback", Value: string(number), From: numberFrom}) {
			put(r.users, k, row.Get(login), row.Get(mail))
			if line != "" {
				r.o.Put(sheet.Numbers, string(line), row, intake.Cell{Column: "number", Value: string(line), From: deviceUser}, intake.Cell{Column: "site", Value: r.o.Options().Site}, intake.Cell{Column: "user", Value: k, From: from})
			}
		}
	}
}

func (r *reader) mapping(s *intake.Sheet) {
	login, device := s.Col("MyE911 Username"), s.Col("Device Identifier")
	s.NoPlace("the call server is known by its trunk", "PBX Name")
	for _, row := range s.Rows {
		u := r.users[strings.ToLower(row.Get(login))]
		if u == "" {
			r.o.Fault(row, login, check.Unknown, "no file has this user", "add the export of the users")
			continue
		}
		r.putDevice(row, device, u, login)
	}
}

func (r *reader) device(s *intake.Sheet) {
	device := s.Col("Device Name")
	s.NoPlace("the call server is known by its trunk", "PBX Name")
	for _, row := range s.Rows {
		r.putDevice(row, device, "", 0)
	}
}

// putDevice takes the hardware address from the names that Cisco's telephones have.
func (r *reader) putDevice(row intake.Row, device intake.Col, user string, userFrom intake.Col) {
	name := row.Get(device)
	if name == "" {
		r.o.Fault(row, device, check.Required, "the device has no name", "complete it there, and export again")
		return
	}
	k := intake.Key("", name)
	if user == "" && r.o.Seen(sheet.Devices, k) {
		return // the mapping of users said more
	}
	mac, _ := e911.ParseMAC(strings.TrimPrefix(strings.ToUpper(name), "SEP"))
	r.o.Put(sheet.Devices, k, row, intake.Cell{Column: "key", Value: k, From: device}, intake.Cell{Column: "site", Value: r.o.Options().Site},
		intake.Cell{Column: "mac", Value: string(mac), From: device}, intake.Cell{Column: "user", Value: user, From: userFrom})
}
