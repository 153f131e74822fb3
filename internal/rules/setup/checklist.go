package setup

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
)

// Step names a line of the checklist.
type Step string

// The steps in their order (W-13).
const (
	StepLicence   Step = "licence"
	StepBuildings Step = "buildings"
	StepLocations Step = "locations"
	StepCallback  Step = "callback_number"
	StepAlerts    Step = "alerts"
	StepAttended  Step = "attended"
	StepNetwork   Step = "network"
	StepAccept    Step = "acknowledgements"
	StepWayIn     Step = "way_in"
	StepStage1    Step = "stage_1"
	StepProofs    Step = "proofs"
	StepStage2    Step = "stage_2"
)

// Item is a line of the checklist.
type Item struct {
	Step Step `json:"step"`
	Done bool `json:"done"`
	// State is the one that the site stays in while this is open; none: it keeps no
	// state from being reached.
	State SiteState `json:"state,omitempty"`
	Why   string    `json:"why,omitempty"` // while it is open
	Fix   string    `json:"fix,omitempty"`
	// Takes says that it is not done in a moment: somebody else has to act, or a test
	// has to be made (W-19).
	Takes string `json:"takes,omitempty"`
	// Amber says what is weak about a line that is done: nobody proved it.
	Amber string `json:"amber,omitempty"`
}

// Checklist says what is done and what is open, in the order in which it is best
// done. It is computed from what is there, so that it resumes by itself (W-28).
func Checklist(o Organisation, s Site, now time.Time) []Item {
	return []Item{
		s.licence(o), s.buildings(), s.locations(), s.callback(), s.alerts(), s.attended(now), s.network(o), s.accepted(o),
		wayIn(o), s.stage1(), s.proofs(), s.stage2(),
	}
}

func open(step Step, state SiteState, why, fix string) Item {
	return Item{Step: step, State: state, Why: why, Fix: fix}
}

func done(step Step, state SiteState) Item { return Item{Step: step, State: state, Done: true} }

func (s Site) licence(o Organisation) Item {
	var missing []string
	for _, c := range s.Countries {
		if slices.Contains(Served(), c) && !slices.Contains(o.Licensed, c) && !slices.Contains(missing, c) {
			missing = append(missing, c)
		}
	}
	if len(missing) > 0 {
		i := open(StepLicence, SiteRouting, "there is no licence for "+strings.Join(missing, ", "), "order it; 911 goes by the PSTN until then")
		i.Takes = "an order"
		return i
	}
	return done(StepLicence, SiteRouting)
}

func (s Site) buildings() Item {
	if len(s.Buildings) == 0 {
		return open(StepBuildings, SiteLocation, "the site has no building", "add each street address of the site as a building")
	}
	for _, b := range s.Buildings {
		if !b.Usable {
			return open(StepBuildings, SiteLocation, fmt.Sprintf("the address of %s is not usable", b.Key), "correct it, or take what is suggested")
		}
	}
	return done(StepBuildings, SiteLocation)
}

func (s Site) locations() Item {
	for _, b := range s.Buildings {
		if !b.Dispatchable {
			return open(StepLocations, SiteLocation, fmt.Sprintf("nothing finds a person inside %s", b.Key), "add its floors, wings or rooms as locations")
		}
	}
	if len(s.Buildings) == 0 {
		return open(StepLocations, SiteLocation, "there is no building yet", "add buildings first")
	}
	return done(StepLocations, SiteLocation)
}

func (s Site) callback() Item {
	if !s.ECBN {
		return open(StepCallback, SiteLocation, "the site has no callback number that a person answers", "give the number of a desk that is always staffed")
	}
	return done(StepCallback, SiteLocation)
}

func (s Site) alerts() Item {
	if len(s.Alerts) == 0 {
		return open(StepAlerts, SiteAlerts, "nobody is told of a 911 call", "name at least one destination (47 CFR 9.16(b)(2))")
	}
	return done(StepAlerts, SiteAlerts)
}

func (s Site) attended(now time.Time) Item {
	gaps := Unattended(s.Alerts, now)
	if len(gaps) == 0 {
		i := done(StepAttended, SiteAlerts)
		if soon := Unattended(s.Alerts, now.Add(ackWarning)); len(soon) > 0 {
			i.Amber = "tests run out within a week: then nobody counts for " + soon[0].String() + "; send them again"
		}
		return i
	}
	said := make([]string, 0, len(gaps))
	for _, g := range gaps[:min(len(gaps), 5)] {
		said = append(said, g.String())
	}
	if len(gaps) > 5 {
		said = append(said, fmt.Sprintf("%d more", len(gaps)-5))
	}
	i := open(StepAttended, SiteAlerts, "nobody sees or hears of a call at once: "+strings.Join(said, ", "),
		"add a screen with sound, a telephone or text messages for those hours, send a test there and have it acknowledged; it counts for 30 days")
	i.Takes = "a test that a person acknowledges"
	return i
}

func (s Site) network(o Organisation) Item {
	switch {
	case s.Located == 0:
		return done(StepNetwork, SiteNetwork) // nobody asks: numbers locate
	case !o.CompanyID:
		return open(StepNetwork, SiteNetwork, "devices of the site cannot ask for their location", "make the organisation's company id and secret, and give them to the platform")
	case s.Elements == 0:
		return open(StepNetwork, SiteNetwork, fmt.Sprintf("%d devices ask for their location, and nothing of the network is mapped", s.Located),
			"import access points, switches and address ranges, or discover them")
	}
	return done(StepNetwork, SiteNetwork)
}

func (s Site) accepted(o Organisation) Item {
	var missing []string
	for _, a := range Acknowledgements() {
		got, ok := s.Accepted[a]
		if !ok || got.By == "" || got.At.IsZero() || o.Versions[a] != "" && got.Version != o.Versions[a] {
			missing = append(missing, string(a))
		}
	}
	if len(missing) > 0 {
		return open(StepAccept, SiteRouting, "not accepted in its present text: "+strings.Join(missing, ", "), "read and accept it; who and when is kept")
	}
	return done(StepAccept, SiteRouting)
}

// wayIn is of the whole organisation: a site of its own has none.
func wayIn(o Organisation) Item {
	if o.NoWayIn {
		i := open(StepWayIn, SiteRouting, "nothing of the organisation calls here: no PBX is connected, and no telephone registers",
			"connect the PBX: its user and secret are made by the page of PBXs, or by: callbox setup pbx connect")
		i.Takes = "a change at the PBX"
		return i
	}
	return done(StepWayIn, SiteRouting)
}

func (s Site) stage1() Item {
	if s.Stage != e911.Stage933 && s.Stage != e911.Stage911 {
		return open(StepStage1, SiteRouting, "933 does not take the E911 path yet", "take stage 933; 911 stays on the PSTN")
	}
	return done(StepStage1, SiteRouting)
}

// missing returns the proofs that are not there: one a building and class of
// device (F-38 j).
func (s Site) missing() []Proof {
	var out []Proof
	for _, b := range s.Buildings {
		for _, c := range b.Classes {
			if !slices.ContainsFunc(s.Proofs, func(p Proof) bool { return p.Building == b.Key && p.Class == c && !p.At.IsZero() }) {
				out = append(out, Proof{Building: b.Key, Class: c})
			}
		}
	}
	return out
}

func (s Site) proofs() Item {
	missing := s.missing()
	if len(missing) == 0 && len(s.Proofs) > 0 {
		return done(StepProofs, SiteRouting)
	}
	if s.overridden() {
		i := done(StepProofs, SiteRouting)
		i.Amber = fmt.Sprintf("not proved: %s waived it on %s: %s", s.Override.By, s.Override.At.Format(time.DateOnly), s.Override.Reason)
		return i
	}
	why := "no 933 was made from here"
	if len(missing) > 0 {
		said := make([]string, 0, len(missing))
		for _, p := range missing {
			said = append(said, fmt.Sprintf("%s (%s)", p.Building, strings.ReplaceAll(string(p.Class), "_", " ")))
		}
		why = "no good 933 from " + strings.Join(said, ", ")
	}
	if s.Override.Declared != "" {
		why += fmt.Sprintf("; stage 911 was declared in %s on %s", s.Override.Declared, s.Override.At.Format(time.DateOnly))
	}
	i := open(StepProofs, SiteRouting, why, "dial 933 from one device of each kind in each building, and listen to what it reads")
	i.Takes = "a walk through the buildings"
	return i
}

func (s Site) overridden() bool {
	return s.Override.Declared == "" && s.Override.Reason != "" && s.Override.By != "" && !s.Override.At.IsZero()
}

func (s Site) stage2() Item {
	if s.Stage != e911.Stage911 {
		return open(StepStage2, SiteRouting, "911 does not take the E911 path yet", "take stage 911")
	}
	return done(StepStage2, SiteRouting)
}

// Take says whether the site may take a stage now. Going back is always allowed.
// Stage 2 asks for all that is before it (W-30); the proofs alone may be overridden
// with a reason, by who and when.
func Take(o Organisation, s Site, to e911.Stage, now time.Time) []e911.Fault {
	var need []Step
	switch {
	case to == e911.Stage933 && (s.Stage == e911.Stage933 || s.Stage == e911.Stage911), to != e911.Stage933 && to != e911.Stage911:
		return nil
	case s.exempt():
		return []e911.Fault{{Path: "stage", Code: "country", Msg: "the E911 path is not offered in the country of this site", Fix: "emergency calls go by its PSTN trunk"}}
	case to == e911.Stage933:
		need = []Step{StepLicence, StepBuildings, StepCallback, StepAlerts}
	default:
		need = []Step{StepLicence, StepBuildings, StepLocations, StepCallback, StepAlerts, StepAttended, StepNetwork, StepAccept, StepStage1, StepProofs}
	}
	var faults []e911.Fault
	for _, i := range Checklist(o, s, now) {
		if !i.Done && slices.Contains(need, i.Step) {
			faults = append(faults, e911.Fault{Path: "stage", Code: string(i.Step), Msg: i.Why, Fix: i.Fix})
		}
	}
	return faults
}
