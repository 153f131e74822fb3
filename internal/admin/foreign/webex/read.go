// Package webex reads the list of users that Webex Control Hub exports
// (exported_users.csv). The headings are those of its help page "Control Hub CSV
// file fields" and of public programs that read the file.
package webex

import (
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/admin/check"
	"github.com/callbox911/callbox/internal/admin/foreign/intake"
	"github.com/callbox911/callbox/internal/admin/sheet"
)

var mailNames = []string{"User ID/Email (Required)", "User ID/Email", "Email", "User ID"}

// Origin returns the reader.
func Origin() intake.Origin {
	return intake.Origin{Key: "webex", Title: "Webex Control Hub", Read: read, Formats: []intake.Format{
		{Name: "users", Title: "exported_users.csv", Must: [][]string{mailNames, {"First Name", "Display Name"}}},
	}}
}

func read(o *intake.Out, in map[string][]*intake.Sheet) {
	for _, s := range in["users"] {
		users(o, s)
	}
}

type columns struct {
	mail, first, last, display, number, extension, location, status intake.Col
	calling                                                         []intake.Col
}

func columnsOf(s *intake.Sheet) columns {
	c := columns{
		mail: s.Col(mailNames...), first: s.Col("First Name"), last: s.Col("Last Name"), display: s.Col("Display Name"), number: s.Col("Phone Number", "Phone Numbers", "Direct Line"),
		extension: s.Col("Extension", "Directory Number"), location: s.Col("Location"), status: s.Col("User Status", "Status"),
	}
	s.NoPlace("what a call shows is the platform's; what a PSAP calls back is set as ecbn", "Caller ID Number", "Caller ID First Name", "Caller ID Last Name")
	s.NoPlace("it says nothing of where somebody is", "Job Title", "Department", "Manager", "Preferred Language", "Time Zone", "Days since Last Service Accessed", "Last Service Accessed Time", "Alternate Emails", "Emails", "Created Date", "UUID", "User Type")
	for _, h := range s.Header {
		switch l := strings.ToLower(h); {
		case strings.HasPrefix(l, "webex calling"):
			c.calling = append(c.calling, s.Col(h))
		case strings.Contains(l, "["), strings.Contains(l, "meeting"), strings.Contains(l, "message"), strings.Contains(l, "spark"), strings.Contains(l, "hybrid"), strings.Contains(l, "calendar service"), strings.Contains(l, ".webex.com"):
			s.NoPlace("a licence of Webex", h)
		}
	}
	return c
}

func users(o *intake.Out, s *intake.Sheet) {
	c := columnsOf(s)
	sites := map[string]string{}
	for _, row := range s.Rows {
		mail := row.Get(c.mail)
		if !strings.Contains(mail, "@") {
			o.Fault(row, c.mail, check.Syntax, "the user has no e-mail address", "complete it there, and export again")
			continue
		}
		if st := strings.ToLower(row.Get(c.status)); st == "inactive" || st == "not verified" || st == "suspended" {
			o.Note(s.File, "users who are "+st+" come over all the same: a telephone of theirs may ring 911", 1)
		}
		if len(c.calling) > 0 && row.Get(c.number) == "" && row.Get(c.extension) == "" && !slices.ContainsFunc(c.calling, func(l intake.Col) bool { return strings.EqualFold(row.Get(l), "true") }) {
			o.Note(s.File, "users without Webex Calling, number and extension do not come over: they cannot call", 1)
			continue
		}
		user(o, row, c, mail, site(o, row, c, sites))
	}
}

// site is the Webex location of the user; the option comes before it.
func site(o *intake.Out, row intake.Row, c columns, sites map[string]string) string {
	name := row.Get(c.location)
	if opt := o.Options(); opt.Site != "" || name == "" {
		return opt.Site
	}
	key, ok := sites[name]
	if !ok {
		key = intake.Key("", name)
		sites[name] = key
		if zone := o.Options().Zone; zone != "" {
			o.Put(sheet.Sites, key, row, intake.Cell{Column: "key", Value: key, From: c.location}, intake.Cell{Column: "name", Value: name, From: c.location}, intake.Cell{Column: "zone", Value: zone})
		} else {
			o.Note(row.Sheet.File, "the site "+key+" must exist, or give --zone, in which it is made", 1)
		}
	}
	return key
}

func user(o *intake.Out, row intake.Row, c columns, mail, siteKey string) {
	name := row.Get(c.display)
	if name == "" {
		name = strings.TrimSpace(row.Get(c.first) + " " + row.Get(c.last))
	}
	if name == "" {
		name = mail
	}
	key := intake.PersonKey(mail)
	if !o.Put(sheet.Users, key, row, intake.Cell{Column: "key", Value: key, From: c.mail}, intake.Cell{Column: "site", Value: siteKey, From: c.location}, intake.Cell{Column: "name", Value: name, From: max(c.display, c.first)},
		intake.Cell{Column: "email", Value: mail, From: c.mail}) {
		return
	}
	if n := o.Number(row, c.number); n != "" {
		o.Put(sheet.Numbers, string(n), row, intake.Cell{Column: "number", Value: string(n), From: c.number}, intake.Cell{Column: "site", Value: siteKey, From: c.location}, intake.Cell{Column: "user", Value: key, From: c.mail})
	} else if row.Get(c.extension) != "" {
		o.Note(row.Sheet.File, "users with an extension and no number: a PSAP calls them back on the number of their site", 1)
	}
}
