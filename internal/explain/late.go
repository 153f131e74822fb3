package explain

import (
	"cmp"

	"github.com/callbox911/callbox/internal/journal"
)

// noteLate takes a fact of a place in that was learned after the call began.
func (m *Made) noteLate(f journal.Fact) {
	switch f.Kind {
	case journal.CallAsked:
		add(f, &m.Asked)
	case journal.CallRelocated:
		add(f, &m.Relocated)
	case journal.CallUpdated:
		add(f, &m.Updated)
	}
}

// late tells whom the call asked for its place, and what came after its start.
func (t *text) late(m *Made) {
	for _, a := range m.Asked {
		when := ""
		if a.Late {
			when = ", after the call had gone on"
		}
		t.line("  The location server %s was asked, %d ms%s: %s", cmp.Or(a.Host, "of the reference"), a.TookMS, when, cmp.Or(a.Error, a.Place+with(", ", a.Finding)))
	}
	for i := range m.Relocated {
		r := &m.Relocated[i]
		t.line("  Located anew, because %s: %s", r.Why, cmp.Or(r.Place.Display, "no place"))
	}
	for i := range m.Updated {
		u := &m.Updated[i]
		t.line("  Attempt %d was sent it by %s and answered %d: %s", u.N, u.Request, u.Code, u.Place.Display)
	}
}
