package email

import "github.com/callbox911/callbox/internal/notify"

// describeDrill is what a mail says of a test of who is told.
func (c *Channel) describeDrill(n notify.Notice) view {
	d := n.Due
	at := c.clock(d)
	v := view{
		Headline: notify.Headline(d), Tone: "#555555", Mark: "TEST, NO EMERGENCY",
		What:   "TEST, no emergency: nobody needs help",
		Where:  "It shows that somebody attends " + notify.OneLine(d.Drill.Name),
		Reach:  "Code " + d.Drill.Code + " \u00b7 " + at,
		Seen:   d.Drill.Link,
		Advice: "Or give the code to who administers emergency calls: " + notify.DrillCommand(d),
		Footer: "Sent by Callbox. Do not reply: nobody reads the answers.",
	}
	if d.Drill.Link == "" {
		v.Advice = "Give the code to who administers emergency calls: " + notify.DrillCommand(d)
	}
	v.Preview = v.Where + " \u00b7 " + v.Reach
	v.Rows = append(v.Rows, field{"Time", at}, field{"Code", d.Drill.Code}, field{"Destination", notify.OneLine(d.Drill.Name)})
	return v
}
