package setuppages

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin/setup"
	"github.com/callbox911/callbox/internal/e911"
	rules "github.com/callbox911/callbox/internal/rules/setup"
)

// sayings are what a page says after a form was done, by the word in its address.
func sayings() map[string]string {
	return map[string]string{
		"saved": "Saved.", "accepted": "Accepted. Who, when and which version is kept.", "accept": "Accepted. Who, when and which version is kept.",
		"opted-out": "The organisation has opted out.", "opted-in": "The organisation is back.", "ended": "The secret has ended.",
		"linked": "Company id and secret are as on the platform.", "building": "The building is saved.", "location": "The place is saved.",
		"callback": "The callback number is saved.", "alert": "The addresses are saved.", "destination": "Saved. Now send a test there, and keep who saw it.",
		"destination-delete": "It is removed.", "tested": "The test counts for 30 days.", "element": "The network element is saved.",
		"stage": "The site has moved to the stage.", "opt-out": "The site has opted out.", "opt-in": "The site is back.",
		"asked": "The operator is asked. Until he has decided everything goes on as before.", "pbx-removed": "The PBX is disconnected.",
		"sent": "The test is on its way.", "test": "The test is sent. Whoever sees it reads its code to you.", "code": "The code is right: the test counts for 30 days.",
		"site": "The site is there. Go through its steps from the top.", "person": "The person is saved.", "device": "The telephone is saved.", "number": "The number is saved.",
	}
}

func addressOf(r *http.Request) string {
	a, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	return a.Addr().Unmap().String()
}

// stepTitle is what a step of the checklist is called, and stepHelp its topic.
func stepTitle(s rules.Step) string {
	return map[rules.Step]string{
		rules.StepLicence: "Licence", rules.StepBuildings: "Buildings and addresses", rules.StepLocations: "Places inside buildings",
		rules.StepCallback: "Callback number", rules.StepAlerts: "Who is told of a call", rules.StepAttended: "Somebody there at every hour",
		rules.StepNetwork: "Network map", rules.StepAccept: "Texts to read and accept", rules.StepWayIn: "A way for calls to come in", rules.StepStage1: "Stage 933: tests take the E911 path",
		rules.StepProofs: "A good 933 from each building", rules.StepStage2: "Stage 911: emergency calls take the E911 path",
	}[s]
}

func stepHelp(s rules.Step) string {
	return map[rules.Step]string{
		rules.StepLicence: "licence", rules.StepBuildings: "buildings", rules.StepLocations: "buildings", rules.StepCallback: "callback",
		rules.StepAlerts: "alerts", rules.StepAttended: "alerts", rules.StepNetwork: "network", rules.StepAccept: "texts",
		rules.StepWayIn: "pbx", rules.StepStage1: "stages", rules.StepProofs: "tests", rules.StepStage2: "stages",
	}[s]
}

func stateWord(s rules.SiteState) string {
	return map[rules.SiteState]string{
		rules.SiteLocation: "Buildings and places are missing", rules.SiteAlerts: "Nobody is sure to hear of a call", rules.SiteNetwork: "The network map is missing",
		rules.SiteRouting: "Ready to be switched on", rules.SiteCompliant: "911 works here", rules.SiteOptedOut: "Opted out", rules.SiteExempt: "Outside the countries served",
	}[s]
}

func stateTone(s rules.SiteState) string {
	switch s {
	case rules.SiteCompliant:
		return "good"
	case rules.SiteOptedOut, rules.SiteExempt:
		return "quiet"
	}
	return "warn"
}

func complianceWord(c rules.Compliance) string {
	return map[rules.Compliance]string{
		rules.Compliant: "Compliant", rules.NonCompliant: "Not compliant yet", rules.OptedOut: "Opted out", rules.Exempted: "Exempted",
	}[c]
}

func orgStateWord(s e911.OrgState) string {
	return strings.ReplaceAll(string(s), "_", " ")
}

func taskTitle(t setup.Task) string {
	return map[setup.Task]string{
		setup.TaskContract: "The contract is amended", setup.TaskCollect: "The location of every user is collected",
		setup.TaskProcess: "How locations are kept up to date is chosen", setup.TaskDialPlan: "The dial plan of each PBX is reviewed: 911 and 933 reach Callbox",
		setup.TaskUsersTold: "Users are told and trained",
	}[t]
}

func whyWord(w string) string {
	return map[string]string{
		rules.WhyUnknown: "unknown caller", rules.WhyUnlocated: "no location", rules.WhyRelay: "a relay centre answered",
	}[w]
}

func kindWord(k rules.DestinationKind) string {
	return map[rules.DestinationKind]string{rules.Screen: "Screen with sound", rules.Text: "Text message", rules.Phone: "Telephone"}[k]
}

func className(c e911.StationClass) string {
	return map[e911.StationClass]string{
		e911.StationFixed: "fixed telephones", e911.StationNonFixed: "telephones and computers that move", e911.StationOffPremises: "devices elsewhere",
	}[c]
}

func lines(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}

// when says a time in a zone, with its name.
func when(t time.Time, zone *time.Location) string {
	if t.IsZero() {
		return "never"
	}
	if zone == nil {
		zone = time.UTC
	}
	return t.In(zone).Format("2 Jan 2006, 15:04 MST")
}

func money(cents int64, currency string) string {
	return fmt.Sprintf("%d.%02d %s", cents/100, cents%100, currency)
}

func stageWord(s e911.Stage) string {
	if s == "" || s == e911.StageNone {
		return "no stage yet"
	}
	return "stage " + string(s)
}
