package notify

import "github.com/callbox911/callbox/internal/journal"

func firstUseHeadline(d journal.Due) string {
	what := "say where you are, so that 911 finds you"
	if d.FirstUse.Placed {
		what = "read what 911 depends on"
	}
	return cut(OneLine(d.OrgName+": "+what), maxHeadline)
}
