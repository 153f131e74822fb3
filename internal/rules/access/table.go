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
