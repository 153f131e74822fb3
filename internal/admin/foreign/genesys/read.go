// Package genesys reads the list of users that Genesys Agent Setup and Genesys
// Cloud export. The employee id is what the platform sends with a call, and must
// be equal to the letter on both sides (Genesys E911 solution guide).
package genesys

import (
	"strings"

	"github.com/callbox911/callbox/internal/admin/check"
	"github.com/callbox911/callbox/internal/admin/foreign/intake"
	"github.com/callbox911/callbox/internal/admin/sheet"
)

var (
	loginNames    = []string{"User Name", "Username", "Login Name", "Login"}
	employeeNames = []string{"Employee ID", "EmployeeID", "Employee Id"}
)

// Origin returns the reader.
func Origin() intake.Origin {
	return intake.Origin{Key: "genesys", Title: "Genesys", Read: read, Formats: []intake.Format{
		{Name: "agents", Title: "Agent Setup: users", Must: [][]string{employeeNames, loginNames}},
		{Name: "people", Title: "Genesys Cloud: people", Must: [][]string{{"name"}, {"email"}, {"phone_work", "extension", "location_work", "division", "department"}}, Not: employeeNames},
	}}
}

func read(o *intake.Out, in map[string][]*intake.Sheet) {
	for _, s := range in["agents"] {
		agents(o, s)
	}
	for _, s := range in["people"] {
		people(o, s)
	}
}

const noSkills = "skills and queues say nothing of where somebody is"

func agents(o *intake.Out, s *intake.Sheet) {
	login, employee := s.Col(loginNames...), s.Col(employeeNames...)
	mail, first, last := s.Col("Email", "E-mail", "Email Address"), s.Col("First Name"), s.Col("Last Name")
	callback, action := s.Col("Callback Number", "Mobile", "Mobile Phone", "Phone Number", "Work Phone"), s.Col("Action")
	s.NoPlace(noSkills, "Skills", "Skill", "Agent Groups", "Agent Group", "Wrap-Up Time", "Wrapup Time", "Capacity Rule", "Cost Contract", "Annex")
	s.NoPlace("it is known to Genesys alone", "Password", "Login Code", "Agent Login", "Agent Logins", "Place", "Default Place", "Phone Type", "SIP Phone Type", "Voicemail", "Access Group", "Access Groups", "Folder", "Template", "External ID", "State", "Enabled", "Switch", "Folder Path")
	for _, row := range s.Rows {
		if a := strings.ToLower(row.Get(action)); a == "delete" || a == "d" {
			o.Note(s.File, "rows that delete a user do not come over: callbox reconcile finds who is gone", 1)
			continue
		}
		id := row.Verbatim(employee)
		who, from := row.Get(mail), mail
		if who == "" {
			who, from = row.Get(login), login
		}
		if who == "" {
			o.Fault(row, login, check.Required, "the user has no name to log in", "export it again")
			continue
		}
		if id == "" {
			o.Fault(row, employee, check.Required, "the user has no employee id: a call of his could not be told from others, and would go to the relay centre", "give him one there, and export again")
			continue
		}
		if strings.TrimSpace(id) != id {
			o.Warn(row, employee, intake.CodeUncertain, "the employee id has a blank before or behind it; the platform sends what it has, and it must be equal to the letter", "remove the blank there, and export again")
			id = strings.TrimSpace(id)
		}
		name := strings.TrimSpace(row.Get(first) + " " + row.Get(last))
		if name == "" {
			name = who
		}
		address := row.Get(mail)
		if address == "" && strings.Contains(who, "@") {
			address = who
		}
		key := intake.PersonKey(who)
		o.Put(sheet.Users, key, row, intake.Cell{Column: "key", Value: key, From: from}, intake.Cell{Column: "site", Value: o.Options().Site}, intake.Cell{Column: "name", Value: name, From: first},
			intake.Cell{Column: "email", Value: address, From: from}, intake.Cell{Column: "device_user_id", Value: id, From: employee}, intake.Cell{Column: "callback", Value: string(o.Number(row, callback)), From: callback})
	}
}

func people(o *intake.Out, s *intake.Sheet) {
	name, mail, phone := s.Col("name"), s.Col("email"), s.Col("phone_work")
	s.NoPlace(noSkills, "skills", "queues", "roles_divisions", "division")
	s.NoPlace("it says nothing of where somebody is", "extension", "title", "department", "email_manager", "location_work")
	for _, row := range s.Rows {
		who := row.Get(mail)
		if !strings.Contains(who, "@") {
			o.Fault(row, mail, check.Required, "the user has no e-mail address", "complete it there, and export again")
			continue
		}
		label := row.Get(name)
		if label == "" {
			label = who
		}
		key := intake.PersonKey(who)
		if !o.Put(sheet.Users, key, row, intake.Cell{Column: "key", Value: key, From: mail}, intake.Cell{Column: "site", Value: o.Options().Site}, intake.Cell{Column: "name", Value: label, From: name}, intake.Cell{Column: "email", Value: who, From: mail}) {
			continue
		}
		if n := o.Number(row, phone); n != "" {
			o.Put(sheet.Numbers, string(n), row, intake.Cell{Column: "number", Value: string(n), From: phone}, intake.Cell{Column: "site", Value: o.Options().Site}, intake.Cell{Column: "user", Value: key, From: mail})
		}
	}
}
