package explain

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/emergency"
	"github.com/callbox911/callbox/internal/notify"
	"github.com/callbox911/callbox/internal/rules/ecrf"
	"github.com/callbox911/callbox/internal/rules/identify"
	"github.com/callbox911/callbox/internal/rules/ladder"
	"github.com/callbox911/callbox/internal/rules/locate"
	"github.com/callbox911/callbox/internal/rules/route"
)

// Text writes the answer as a telecom administrator reads it.
func (a *Answer) Text() string {
	t := &text{}
	when := "now, " + clock(a.At)
	if a.Past {
		when = "at " + clock(a.At)
	}
	t.line("%s of %s, %s", capital(a.Asked), a.Org.Name, when)
	if a.By == FromJournal && !a.Past {
		t.line("No server runs: this is what its files say.")
	}
	for i := range a.Devices {
		t.device(&a.Devices[i], a)
	}
	if a.ofCall {
		t.made(&a.Made[0])
		t.steps(a)
		t.replayed(a)
		t.warnings(a)
		return t.String()
	}
	if a.held {
		t.warnings(a)
		return t.String()
	}
	if a.Call != nil {
		t.call(a)
	}
	if a.Past {
		t.calls(a)
	}
	t.warnings(a)
	return t.String()
}

// text writes lines.
type text struct{ strings.Builder }

func (t *text) line(format string, args ...any) { fmt.Fprintf(t, format+"\n", args...) }

func (t *text) head(title string) { t.line("\n%s", title) }

func (t *text) warnings(a *Answer) {
	if len(a.Warnings) == 0 {
		return
	}
	t.head("Watch")
	for _, w := range a.Warnings {
		t.line("  %s", w)
	}
}

func (t *text) device(d *Device, a *Answer) {
	title := "Device " + d.label()
	if d.MAC != "" && d.Key != "" {
		title += ", " + string(d.MAC)
	}
	if !d.Known {
		title += ", not configured"
	}
	if d.Model != "" {
		title += ", " + d.Model
	}
	if d.User != nil {
		title += ", of " + cmp.Or(d.User.Name, d.User.Key)
	}
	t.head(title)
	if d.Asked == nil {
		t.line("  Never asked where it is, and nobody told of it.")
		return
	}
	t.line("  Last heard of: %s%s%s%s", clock(*d.Asked), with(" by ", via(d.Via)), with(" from ", d.From), proof(d.Proved))
	for _, s := range d.Says {
		t.line("  Says: %s = %s", s.Name, s.Value)
	}
	is := "Is at"
	if a.Past {
		is = "By today's map it was at"
	}
	t.line("  %s: %s", is, placeText(d.Where.By, d.Where.Place))
	if w := d.Where.Place.Verdict.Words(); w != "" {
		t.line("  %s", w)
	}
	if d.Elsewhere != nil {
		t.line("  Last seen in a network that is not on the map: %s", clock(*d.Elsewhere))
	}
	if d.Recorded != nil && a.Past {
		t.recorded(d)
	}
	if d.Recorded == nil || !a.Past {
		for _, f := range d.Findings {
			t.finding("    ", f)
		}
	}
}

func placeText(by e911.LocatedBy, p e911.Place) string {
	if by == e911.ByNothing {
		return "not known: nothing that it shows is on the map"
	}
	return cmp.Or(p.Display, "a place without a text")
}

func (t *text) recorded(d *Device) {
	r := d.Recorded
	t.line("  Recorded at %s: %s", clock(r.At), placeText(r.By, r.Place))
	for _, f := range r.Findings {
		t.finding("    ", f)
	}
	if d.Moved != "" {
		t.line("  Note: %s", d.Moved)
	}
}

func (t *text) finding(indent string, f e911.Finding) { t.line("%s%s", indent, locate.Line(f)) }

// answer is finding for who and which PSAP, where a place says nothing.
func (t *text) answer(f e911.Finding) {
	word := "lost: "
	if f.Chosen {
		word = "won:  "
	}
	t.line("    %s%s%s: %s", word, ruleText(f.Rule), with(", ", f.Said), f.Why)
}

func (t *text) call(a *Answer) {
	c := a.Call
	number, tense := "911", "would do this"
	if c.Class == e911.ClassTest933 {
		number = "933"
	}
	if a.Past {
		tense = "would have done this"
	}
	t.head("A call to " + number + " " + tense)
	for _, s := range a.Assumed {
		t.line("  Assumed: %s", s)
	}
	t.decision(c)
}

// decision tells who, where, by which routes, and who is told.
func (t *text) decision(c *Call) {
	t.who(&c.Identified)
	for _, l := range locate.Explain(c.where, c.Located.Evidence...) {
		t.line("  %s", l)
	}
	t.unanswered(&c.Located)
	t.routes(&c.Routed, c.Skipped)
	t.line("  Sent to 911: callback %s, location %s", cmp.Or(string(c.Identified.Callback), "none"), cmp.Or(c.Located.Place.Display, "none"))
	t.told(c)
}

// unanswered says beside the location that the caller owes an answer.
func (t *text) unanswered(l *journal.Located) {
	if l.Asked != nil {
		t.line("  Note: the user was asked for his place on %s and has not answered; the call goes all the same", l.Asked.UTC().Format(time.DateOnly))
	}
}

func (t *text) who(w *journal.Identified) {
	var who []string
	for _, r := range []struct {
		what string
		ref  *journal.Ref
	}{{"user", w.User}, {"device", w.Device}, {"site", w.Site}} {
		if r.ref != nil {
			who = append(who, r.what+" "+cmp.Or(r.ref.Name, r.ref.Key))
		}
	}
	if w.Line != "" {
		who = append(who, "line "+string(w.Line))
	}
	t.line("  Who: %s", cmp.Or(strings.Join(who, ", "), "not known"))
	for _, f := range w.Evidence {
		if !strings.HasPrefix(f.Rule, "callback_") {
			t.answer(f)
		}
	}
	t.line("  Callback: %s: %s", cmp.Or(string(w.Callback), "none"), w.CallbackWhy)
	for _, f := range w.Evidence {
		if strings.HasPrefix(f.Rule, "callback_") && !f.Chosen {
			t.answer(f)
		}
	}
}

// routedBy says what chose the PSAP.
func routedBy(b *journal.RoutedBy) string {
	switch route.Source(b.Source) {
	case route.SourceOverride:
		return ", the organisation's own choice " + b.Name
	case route.SourceAuthority:
		return ", by the authority's server " + b.Name
	case route.SourceLayer:
		if b.Version > 0 {
			return fmt.Sprintf(", by the layer %s, version %d", b.Name, b.Version)
		}
		return ", by the boundary of " + b.Name
	}
	return ""
}

func (t *text) routes(r *journal.Routed, skipped []int) {
	kind := ""
	switch {
	case r.Relay:
		kind = ", because no PSAP follows from the place"
	case r.Demonstration:
		kind = ", by a demonstration layer"
	case r.By != nil:
		kind = routedBy(r.By)
	}
	if r.Expected {
		kind += "; expected: the carrier chooses"
	}
	t.line("  PSAP: %s%s", cmp.Or(r.PSAP.Name, "none"), kind)
	for _, f := range r.Evidence {
		t.answer(f)
	}
	for i, g := range r.Rungs {
		note := ""
		if slices.Contains(skipped, i) {
			note = ", skipped on the first pass: it was silent a moment ago"
		}
		t.line("  Route %d: %s by trunk %s to %s%s", i+1, g.PSAP.Name, g.Trunk.Key, g.To, note)
	}
	if len(r.Rungs) == 0 {
		t.line("  Route: none")
	}
}

func (t *text) told(c *Call) {
	if len(c.Told) == 0 {
		t.line("  Told: nobody")
		return
	}
	for _, r := range c.Told {
		t.line("  Told: %s %s", channel(r.Channel), r.To)
	}
}

func channel(c string) string {
	switch c {
	case notify.Mail:
		return "mail to"
	case notify.Webhook:
		return "webhook"
	}
	return c
}

func (t *text) calls(a *Answer) {
	if len(a.Made) == 0 {
		t.head("No call was made within 15 minutes of it.")
		return
	}
	for i := range a.Made {
		t.made(&a.Made[i])
	}
}

// made tells what a call did.
func (t *text) made(m *Made) {
	t.head("Call " + string(m.ID) + " came in at " + clock(m.At) + " and did this")
	t.line("  Dialled: %s, by trunk %s from %s", m.Arrived.Dialled, cmp.Or(m.Arrived.Trunk.Key, "none"), m.Arrived.Source)
	t.who(&m.Identified)
	t.line("  Location: %s (%s)", cmp.Or(m.Located.Place.Display, "not known"), strings.ReplaceAll(string(m.Located.By), "_", " "))
	for _, f := range m.Located.Evidence {
		t.finding("    ", f)
	}
	t.unanswered(&m.Located)
	t.routes(&m.Routed, nil)
	for _, at := range m.Attempts {
		t.line("  Attempt %d: trunk %s, %s", at.N, at.Trunk.Key, at.PSAP.Name)
		t.attempt(at)
	}
	for _, p := range m.Progress {
		t.line("  Attempt %d is in progress: %d%s", p.N, p.Code, map[bool]string{true: " with early media"}[p.EarlyMedia])
	}
	for _, f := range m.Failed {
		t.line("  Attempt %d ended: %s", f.N, f.Reason)
	}
	if m.Answered != nil {
		t.line("  Answered by %s", m.Answered.PSAP.Name)
	}
	if m.Spoken != nil {
		t.line("  Read out: %s", m.Spoken.Text)
	}
	for _, n := range m.Told {
		t.line("  Told: %s %s", channel(n.Channel), n.To)
	}
	for _, n := range m.Untold {
		t.line("  Not told: %s %s, try %d: %s", channel(n.Channel), n.To, n.Try, n.Error)
	}
	t.late(m)
	for _, u := range m.Used {
		t.line("  Its location reference was used by %s%s: %s", u.Source, with(", ", u.Client), cmp.Or(u.Place, "no place"))
	}
	for _, al := range m.Alarms {
		t.line("  Alarm: %s", al.Detail)
	}
	if m.Ended != nil {
		t.line("  Ended by %s after %s: %s", m.Ended.By, time.Duration(m.Ended.DurationMS)*time.Millisecond, m.Ended.Reason)
	}
}

// steps tells what happened, one after the other.
func (t *text) steps(a *Answer) {
	t.head("Step by step")
	for _, e := range a.Timeline {
		if e.Title != "" {
			t.line("  %8.3f s  %s%s", float64(e.MS)/1000, e.Title, with(": ", e.Detail))
		}
	}
}

// attempt tells what a leg carried, where the record has it.
func (t *text) attempt(at journal.Attempt) {
	if at.Error != "" {
		t.line("    not sent: %s", at.Error)
	}
	if at.Profile == "" {
		return
	}
	where := "no location by value"
	if at.PIDFLO != "" {
		where = "the location by value"
	}
	if at.Slim {
		where += ", slim: an earlier try was refused"
	}
	t.line("    sent by profile %s%s: number %s, %s", at.Profile, with(" over ", at.Transport), cmp.Or(string(at.Number), "none"), where)
	for _, f := range at.Evidence {
		t.answer(f)
	}
}

// replayed tells what the same INVITE would do today.
func (t *text) replayed(a *Answer) {
	switch {
	case !a.Replayed:
		return
	case len(a.Differs) == 0:
		t.head("By today's world and the evidence of then, the same call would do the same")
		return
	}
	t.head("By today's world and the evidence of then, the same call would do something else")
	for _, d := range a.Differs {
		t.line("  %s: then %s; today %s", capital(d.What), d.Then, d.Now)
	}
	t.head("The whole decision of today")
	t.decision(a.Call)
}

// WriteText writes the answer to w.
func (a *Answer) WriteText(w io.Writer) error {
	_, err := io.WriteString(w, a.Text())
	return err
}

func with(before, s string) string {
	if s == "" {
		return ""
	}
	return before + s
}

func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

func via(v string) string {
	switch v {
	case "held":
		return "its own HELD request"
	case "platform":
		return "its call platform's HELD request"
	}
	return v
}

func proof(proved bool) string {
	if proved {
		return ", who showed a secret"
	}
	return ", without a proof of who it is"
}

// ruleText says which rule of identity or route a finding is of.
func ruleText(rule string) string {
	switch rule {
	case identify.RuleHeader:
		return "identity header"
	case identify.RuleToken:
		return "location reference"
	case identify.RuleAssertedID:
		return "P-Asserted-Identity"
	case identify.RuleFrom:
		return "From"
	case identify.RuleAgreement:
		return "disagreement"
	case identify.RuleCBHeader, identify.RuleCBOwn:
		return "own callback number"
	case identify.RuleCBSite:
		return "the site's callback number"
	case identify.RuleCBOrg:
		return "a desk of the organisation"
	case identify.RuleCBAsserted:
		return "asserted number"
	case route.RuleOverride:
		return "own choice"
	case route.RuleAuthority:
		return "authority"
	case ecrf.RuleBoundary:
		return "boundary"
	case ecrf.RuleCounty:
		return "county"
	case ecrf.RuleAddress:
		return "address in a boundary"
	}
	return strings.ReplaceAll(rule, "_", " ")
}

// flagText says a flag of identity or route to a person; those of a location
// are said by rules/locate.
func flagText(flag string) string {
	switch flag {
	case identify.FlagUnknownNumber:
		return "the line is none of the organisation's numbers"
	case identify.FlagUnknownIdentity:
		return "the identity header names nobody"
	case identify.FlagUnknownDevice:
		return "the device of the location reference is not configured"
	case identify.FlagDisagreement:
		return "device, user and line are not one person's"
	case identify.FlagNoLine:
		return "the call carries no number"
	case identify.FlagCallbackGuessed:
		return "the callback number is a desk of the organisation, whether or not it is the caller's"
	case identify.FlagCallbackUnowned:
		return "the callback number is none of the organisation's"
	case identify.FlagPassedOn:
		return "the call was transferred or forwarded to 911: the location is that of who did it"
	case identify.FlagNoCallback:
		return "there is no number that a PSAP could call back"
	case emergency.FlagUnauthenticated:
		return "the call comes from an address without a trunk and is marked unauthenticated"
	case emergency.FlagSiteNotSetUp:
		return "the site is not set up for such calls; they go out all the same"
	case emergency.FlagOutside:
		return "the place is in no PSAP's boundary: the call goes to the relay centre"
	case emergency.FlagPassportInvalid:
		return "a signature over the caller's number does not hold; the call goes on"
	case emergency.FlagNoConsent:
		return "the device is off the premises in Canada, and nobody recorded that its user was told of it and agreed"
	case emergency.FlagSitePath:
		return "the call goes by the site's own trunk: 911 sees the address of the number that it carries"
	case ladder.FlagMayBeWrong:
		return "a site's trunk is among the routes although the caller may be elsewhere: the location sent may be wrong"
	case ladder.FlagAbroad:
		return "the caller is outside the countries that are served"
	case identify.FlagCallbackBilling:
		return "the callback number is the billing number: nobody may answer it"
	case emergency.FlagNoRelay:
		return "no relay centre is configured"
	case emergency.FlagNoRoute:
		return "there is no route at all: the caller would get 503"
	}
	return strings.ReplaceAll(flag, "_", " ")
}
