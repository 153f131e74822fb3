package email

import (
	"fmt"
	"strconv"

	"github.com/callbox911/callbox/internal/notify"
)

// describeNetwork is what a mail says of a network that strands devices.
func (c *Channel) describeNetwork(n notify.Notice) view {
	d := n.Due
	at := c.clock(d)
	v := view{
		Headline: notify.Headline(d), Tone: "#9a5b00", Link: n.Link,
		Footer: "Sent by Callbox. Do not reply: nobody reads the answers.",
	}
	add := func(name, value string) {
		if value = notify.OneLine(value); value != "" {
			v.Rows = append(v.Rows, field{name, value})
		}
	}
	if d.Network.ID == "" {
		v.What = fmt.Sprintf("%d more network elements strand devices", d.Network.More)
		v.Where = "They are not told one by one"
		v.Advice = "Work through the queue of unknown elements: callbox unknown list --org " + d.Network.OrgKey
	} else {
		v.What = "Undefined network location: " + notify.Who(d) + " cannot be located"
		v.Where = "It is on " + notify.Element(d) + ", which is not on the network map"
		v.Advice = "A 911 call from there has no dispatchable location. Put it on the map: " + notify.AssignCommand(d)
		add("Device", notify.Who(d))
		add("Network element", notify.Element(d))
		add("Likely place", notify.Likely(d))
		add("Devices without a place", strconv.Itoa(d.Network.Stranded))
		add("Seen from", d.Network.Source)
		add("Assign", notify.AssignCommand(d))
		add("Or leave out", "callbox unknown ignore "+d.Network.ID+" --org "+d.Network.OrgKey)
	}
	if d.Demonstration {
		v.Mark = "DEMONSTRATION"
	}
	v.Reach = fmt.Sprintf("%d in the queue · %s", d.Network.Open, at)
	v.Preview = v.Where + " · " + v.Reach
	add("Time", at)
	add("Site", d.SiteName)
	add("Organisation", d.OrgName)
	return v
}
