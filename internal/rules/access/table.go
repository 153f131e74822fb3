package access

import "strings"

type cell struct{ read, write bool }

// table is what each role may do in each area: r reads, w reads and writes, - is
// denied. It is the one place that says so; everything that checks a permission
// comes here.
//
// Provider and partner keep out of what people do and where they are (calls,
// whereabouts, audit of an organisation): the customer lets them in by a support
// grant, which gives another role for a time.
const table = `
area         provider partner organisation site_administrator security_desk auditor integrator user
tenants      w        w       -            -                  -             r       -          -
world        w        r       r            r                  r             r       r          -
settings     w        w       w            r                  r             r       r          -
setup        w        w       w            w                  -             r       r          -
sites        r        w       w            w                  r             r       r          -
places       -        w       w            w                  r             r       w          -
people       -        w       w            w                  r             r       w          -
alerts       -        w       w            w                  r             r       r          -
tests        -        w       w            w                  r             r       r          -
calls        -        -       w            r                  w             r       -          -
whereabouts  -        -       r            r                  r             r       -          -
imports      -        w       w            -                  -             r       w          -
members      w        w       w            r                  -             r       -          -
keys         w        w       w            -                  -             r       -          -
secrets      -        w       w            -                  -             -       -          -
audit        -        -       r            -                  -             r       -          -
billing      w        w       r            -                  -             r       -          -
own          w        w       w            w                  w             w       -          w
support      -        -       w            -                  -             r       -          -
sign_on      -        -       w            -                  -             r       -          -
`

var cells = parse(table)

func parse(text string) map[Role]map[Area]cell {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	roles := strings.Fields(lines[0])[1:]
	all := make(map[Role]map[Area]cell, len(roles))
	for _, r := range roles {
		all[Role(r)] = map[Area]cell{}
	}
	for _, line := range lines[1:] {
		words := strings.Fields(line)
		for i, r := range roles {
			all[Role(r)][Area(words[0])] = cell{read: words[i+1] != "-", write: words[i+1] == "w"}
		}
	}
	return all
}

func cellOf(r Role, a Area) cell { return cells[r][a] }

// Table returns the table as Markdown, for docs and for the page of members.
func Table() string {
	var b strings.Builder
	lines := strings.Split(strings.TrimSpace(table), "\n")
	for i, line := range lines {
		b.WriteString("| " + strings.Join(strings.Fields(strings.ReplaceAll(line, "-", "–")), " | ") + " |\n")
		if i == 0 {
			b.WriteString("|" + strings.Repeat("---|", len(strings.Fields(line))) + "\n")
		}
	}
	return b.String()
}

// Line is one area of the table, for pages: a word for each of Roles.
type Line struct {
	Area  Area
	Cells []string // "reads and writes", "reads", ""
}

// Lines returns the table for pages that people read.
func Lines() []Line {
	out := make([]Line, 0, len(Areas()))
	for _, a := range Areas() {
		l := Line{Area: a}
		for _, r := range Roles() {
			word := ""
			switch c := cellOf(r, a); {
			case c.write:
				word = "reads and writes"
			case c.read:
				word = "reads"
			}
			l.Cells = append(l.Cells, word)
		}
		out = append(out, l)
	}
	return out
}

// About says in a sentence what a role is for.
func About(r Role) string { return about[r] }

var about = map[Role]string{
	Provider:     "Runs this Callbox: makes partners and organisations, keeps trunks and PSAPs, and sees no calls of customers.",
	Partner:      "Makes organisations of its own and sets them up; sees people's calls only where the customer lets it in.",
	Organisation: "Administers one organisation: everything in it, and who else may do what.",
	Site:         "Administers one site: its places, people, telephones and alerts. Who signs in is for the organisation to say.",
	Desk:         "Sees 911 calls come in, with who and where, and works with them; changes nothing else.",
	Auditor:      "Reads everything of the organisation, with its audit trail, and changes nothing.",
	Integrator:   "A program, or who looks after one: brings people, devices and the network map; sees no calls.",
	User:         "Has a telephone here: looks after the own profile, location and callback number.",
}

// AreaText says in a few words what an area is about.
func AreaText(a Area) string { return areaText[a] }

var areaText = map[Area]string{
	Tenants: "partners and organisations", World: "trunks of carriers, PSAPs, reference layers", Settings: "settings of the organisation",
	Setup: "set-up, acknowledgements, stages", Sites: "sites and callback numbers", Places: "buildings, locations, network map",
	People: "users, devices, numbers", Alerts: "who is told of a call", Tests: "933 and arranged tests", Calls: "calls and live board",
	Whereabouts: "where devices are and were", Imports: "files in and out", Members: "members and their roles", Keys: "keys of programs",
	Secrets: "company id and secrets", Audit: "audit trail", Billing: "what is counted and priced", Own: "one's own things", Support: "letting support in",
}
