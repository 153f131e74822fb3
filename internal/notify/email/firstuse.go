package email

import (
	"strconv"

	"github.com/callbox911/callbox/internal/notify"
)

// describeFirstUse is what a user is written who was asked where he is and did not
// answer (N-07). What it asks stands before no call, and it says so.
func describeFirstUse(n notify.Notice) view {
	d := n.Due
	org := notify.OneLine(d.OrgName)
	v := view{
		Headline: notify.Headline(d), Tone: "#35506b", Mine: d.FirstUse.Link,
		What:   "Where are you when you dial 911?",
		Where:  org + " does not know it yet. Say it once on your page, so that help finds you.",
		Reach:  "911 works at once, whatever you do: dial 911.",
		Footer: "Sent by Callbox to " + notify.OneLine(d.FirstUse.To) + ", reminder " + strconv.Itoa(d.FirstUse.Times) + ". It ends when you have answered. Do not reply: nobody reads the answers.",
		Advice: "Say it again whenever you move. If the page does not let you in, ask who administers telephones at " + org + " for the role of a user.",
	}
	switch {
	case d.FirstUse.Placed:
		v.What, v.Where = "What does 911 depend on?", "Read it once on your page, and confirm that you did."
	case !d.FirstUse.Accepted:
		v.Where += " Read there what 911 depends on."
	}
	if d.FirstUse.Name != "" {
		v.Rows = append(v.Rows, field{"For", notify.OneLine(d.FirstUse.Name)})
	}
	v.Preview = v.Where
	return v
}
