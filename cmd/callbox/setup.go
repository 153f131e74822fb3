package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os/user"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin/setup"
	"github.com/callbox911/callbox/internal/app"
	"github.com/callbox911/callbox/internal/e911"
	rules "github.com/callbox911/callbox/internal/rules/setup"
)

type setupCmd struct {
	Status       setupStatusCmd       `cmd:"" default:"withargs" help:"How far an organisation and its sites are, and what is still to do."`
	Acknowledge  setupAcknowledgeCmd  `cmd:"" help:"Read a text, or accept it."`
	Stage        setupStageCmd        `cmd:"" help:"Move a site to a stage: none, 933 or 911."`
	OptOut       setupOptOutCmd       `cmd:"" name:"opt-out" help:"Hand 911 to the PSTN provider; with --undo, take that back."`
	Suspend      setupSuspendCmd      `cmd:"" help:"Mark an organisation whose ordinary calls are cut off; 911 goes on. With --undo, take that back."`
	Secrets      setupSecretsCmd      `cmd:"" help:"The company id and the secrets that prove it: list, make, end."`
	Link         setupLinkCmd         `cmd:"" help:"Take the company id and secret that a platform has."`
	PBX          setupPBXCmd          `cmd:"" name:"pbx" help:"Connect a PBX by credentials of its own; address ranges, which the operator approves."`
	Licence      setupLicenceCmd      `cmd:"" help:"Add or end the licence of a country."`
	Attended     setupAttendedCmd     `cmd:"" help:"Who sees or hears of calls at once, and in which hours."`
	AttendedTest setupAttendedTestCmd `cmd:"" name:"attended-test" help:"Send a marked test, with a code, to who sees or hears of calls."`
	Tested       setupTestedCmd       `cmd:"" help:"Keep that a person acknowledged a test."`
	Task         setupTaskCmd         `cmd:"" help:"Mark a part of the roll-out as done."`
	Use          setupUseCmd          `cmd:"" help:"Say whether people can dial out: where none can, no emergency calling is required."`
	Prices       setupPricesCmd       `cmd:"" help:"Set the price list of unregistered calls and registered users."`
	Compliance   setupComplianceCmd   `cmd:"" help:"How organisations stand, one a line."`
	Outages      setupOutagesCmd      `cmd:"" help:"Outages of a month in user-minutes, as NORS counts them; without --org, of all organisations together."`
	Charges      setupChargesCmd      `cmd:"" help:"Unregistered calls and registered users of a month, and what they cost."`
}

// askSetup asks for one thing about the set-up.
func askSetup[T any](e *env, f *listFlags, do string, args any) (out T, err error) {
	who := "operator"
	if u, err := user.Current(); err == nil {
		who = u.Username
	}
	b, err := json.Marshal(args)
	if err != nil {
		return out, fmt.Errorf("write the request: %w", err)
	}
	return app.Setup[T](e.ctx, f.Data, app.SetupRequest{Do: do, Org: f.Org, Who: who, Args: b})
}

func doSetup(e *env, f *listFlags, do string, args any) error {
	_, err := askSetup[struct{}](e, f, do, args)
	return err
}

type setupStatusCmd struct {
	listFlags
	Site []string `arg:"" optional:"" help:"Keys of sites; none: all."`
}

func (c *setupStatusCmd) Run(e *env) error {
	st, err := askSetup[setup.Status](e, &c.listFlags, "status", app.SetupArgs{Sites: c.Site})
	if err != nil || c.JSON {
		return cmp.Or(err, printed(e, c.JSON && err == nil, st))
	}
	return printSetup(e.stdout, &st)
}

func printSetup(w io.Writer, st *setup.Status) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s, %s\n", printable(st.Name)[0], st.State, words(string(st.Compliance)))
	if st.Banner != "" {
		fmt.Fprintf(&b, "! %s\n", st.Banner)
	}
	if !st.Required {
		b.WriteString("nobody can dial out: emergency calling is not required\n")
	}
	if c := st.Charges; c != nil && c.Warning != "" {
		fmt.Fprintf(&b, "! %d unregistered calls in %s: callbox setup charges\n", len(c.Unregistered), c.Month)
	}
	printLint(&b, st.DialPlan)
	for i := range st.Sites {
		v := &st.Sites[i]
		fmt.Fprintf(&b, "\nsite %s: %s, stage %s; 911 goes %s\n", v.Key, words(string(v.State)), v.Stage, v.Goes)
		for _, item := range v.Checklist {
			printItem(&b, item)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func printItem(b *strings.Builder, i rules.Item) {
	if i.Done {
		mark, amber := "x", ""
		if i.Amber != "" {
			mark, amber = "!", ": "+printable(i.Amber)[0]
		}
		fmt.Fprintf(b, "  [%s] %s%s\n", mark, words(string(i.Step)), amber)
		return
	}
	said := printable(i.Why, i.Fix, i.Takes)
	fmt.Fprintf(b, "  [ ] %s: %s -> %s", words(string(i.Step)), said[0], said[1])
	if i.Takes != "" {
		fmt.Fprintf(b, " (takes %s)", said[2])
	}
	b.WriteString("\n")
}

type setupAcknowledgeCmd struct {
	listFlags
	Text    string `arg:"" optional:"" help:"relay_charge, limits, users_told or user_limits; none: show them."`
	Version string `help:"Version of the text that was read."`
	Site    string `help:"For the site with this key; else for all."`
	User    string `help:"The user with this key accepted it: user_limits."`
}

func (c *setupAcknowledgeCmd) Run(e *env) error {
	if c.Text == "" {
		for _, t := range setup.Texts() {
			fmt.Fprintf(e.stdout, "%s, version %s: %s\n  %s\n", t.Key, t.Version, t.Title, t.Body)
		}
		return nil
	}
	a, err := askSetup[setup.Acceptance](e, &c.listFlags, "acknowledge", setup.Acknowledgement{
		Text: rules.Acknowledgement(c.Text), Version: c.Version, Site: c.Site, User: c.User,
	})
	if err != nil || c.JSON {
		return cmp.Or(err, printed(e, c.JSON && err == nil, a))
	}
	fmt.Fprintf(e.stdout, "%s, version %s, accepted by %s\n", a.Text, a.Version, printable(a.By)[0])
	return nil
}

type setupStageCmd struct {
	listFlags
	Site   string `arg:"" help:"Key of the site."`
	Stage  string `arg:"" enum:"none,933,911" help:"none, 933 or 911."`
	Reason string `help:"Why stage 911 is taken although tests by 933 are missing; it is kept."`
}

func (c *setupStageCmd) Run(e *env) error {
	v, err := askSetup[setup.SiteStatus](e, &c.listFlags, "stage", app.SetupArgs{Site: c.Site, Stage: e911.Stage(c.Stage), Reason: c.Reason})
	if err != nil || c.JSON {
		return cmp.Or(err, printed(e, c.JSON && err == nil, v))
	}
	fmt.Fprintf(e.stdout, "site %s: stage %s; 911 goes %s\n", v.Key, v.Stage, v.Goes)
	return nil
}

type setupOptOutCmd struct {
	listFlags
	Site   string `help:"The site with this key alone."`
	Reason string `help:"Why, and who takes emergency calls instead."`
	Undo   bool   `help:"Opt in again."`
}

func (c *setupOptOutCmd) Run(e *env) error {
	do := "opt-out"
	if c.Undo {
		do = "opt-in"
	}
	return doSetup(e, &c.listFlags, do, app.SetupArgs{Site: c.Site, Reason: c.Reason})
}

type setupSuspendCmd struct {
	listFlags
	Reason string `help:"Why."`
	Undo   bool   `help:"Resume."`
}

func (c *setupSuspendCmd) Run(e *env) error {
	do := "suspend"
	if c.Undo {
		do = "resume"
	}
	return doSetup(e, &c.listFlags, do, app.SetupArgs{Reason: c.Reason})
}

type setupSecretsCmd struct {
	listFlags
	Make  bool   `help:"Make one, and the company id where there is none; it is shown this once." xor:"do"`
	End   string `help:"End the secret with this mark." xor:"do"`
	Agree bool   `help:"End the last one too: no device can ask where it is then."`
	Note  string `help:"What the new one is for."`
}

func (c *setupSecretsCmd) Run(e *env) error {
	switch {
	case c.Make:
		m, err := askSetup[setup.Made](e, &c.listFlags, "make-secret", app.SetupArgs{Reason: c.Note})
		if err != nil || c.JSON {
			return cmp.Or(err, printed(e, c.JSON && err == nil, m))
		}
		fmt.Fprintf(e.stdout, "company id %s\nsecret     %s\nmark       %s\nIt is shown this once. Live now: %s\n", m.CompanyID, m.Secret, m.Note.Mark, strings.Join(m.Live, ", "))
		return nil
	case c.End != "":
		return doSetup(e, &c.listFlags, "end-secret", app.SetupArgs{Key: c.End, Agree: c.Agree})
	}
	st, err := askSetup[setup.Status](e, &c.listFlags, "status", app.SetupArgs{})
	if err != nil || c.JSON {
		return cmp.Or(err, printed(e, c.JSON && err == nil, st.Secrets))
	}
	fmt.Fprintf(e.stdout, "company id %s\n", orDash(st.CompanyID))
	for _, n := range st.Secrets {
		made := "not made here"
		if !n.Made.IsZero() {
			made = n.Made.Format(time.DateOnly) + " by " + printable(n.By)[0]
		}
		fmt.Fprintf(e.stdout, "%s  %s  %s\n", n.Mark, made, printable(n.Note)[0])
	}
	return nil
}

type setupLinkCmd struct {
	listFlags
	CompanyID string `arg:"" name:"company-id" help:"As the platform shows it."`
	Secret    string `help:"As the platform shows it; better in the environment." env:"CALLBOX_LINK_SECRET"`
	Agree     bool   `help:"I agree to update what is here."`
}

func (c *setupLinkCmd) Run(e *env) error {
	return doSetup(e, &c.listFlags, "link", setup.Link{CompanyID: c.CompanyID, Secret: e911.Secret(c.Secret), Agree: c.Agree})
}

type setupLicenceCmd struct {
	listFlags
	Country string    `arg:"" help:"US or CA."`
	Order   string    `help:"Number of the order."`
	From    time.Time `format:"2006-01-02" help:"First day; none: at once."`
	Until   time.Time `format:"2006-01-02" help:"The day on which it has ended; none: until it is ended."`
}

func (c *setupLicenceCmd) Run(e *env) error {
	return doSetup(e, &c.listFlags, "licence", setup.Licence{Country: c.Country, Order: c.Order, From: c.From, Until: c.Until})
}

type setupAttendedCmd struct {
	listFlags
	Key    string `arg:"" help:"Name of the destination, as guard-desk."`
	Site   string `help:"Key of the site."`
	Kind   string `help:"screen, sms or phone." default:"screen"`
	Name   string `help:"Who or what that is."`
	Hours  string `help:"always, or as \"Mon-Fri 07-18; Sat,Sun 22-06\"." default:"always"`
	Alert  string `help:"Key of the alert that it belongs to."`
	Delete bool   `help:"Remove it."`
}

func (c *setupAttendedCmd) Run(e *env) error {
	if c.Delete {
		return doSetup(e, &c.listFlags, "delete-destination", app.SetupArgs{Key: c.Key})
	}
	return doSetup(e, &c.listFlags, "destination", setup.Destination{
		Key: c.Key, Site: e911.SiteID(c.Site), Kind: rules.DestinationKind(c.Kind), Name: c.Name, Hours: c.Hours, Alert: c.Alert,
	})
}

type setupAttendedTestCmd struct {
	listFlags
	Key string `arg:"" help:"Name of the destination."`
}

func (c *setupAttendedTestCmd) Run(e *env) error {
	d, err := askSetup[setup.Destination](e, &c.listFlags, "attended-test", app.SetupArgs{Key: c.Key})
	if err != nil || c.JSON {
		return cmp.Or(err, printed(e, c.JSON && err == nil, d))
	}
	s := printable(d.Name, d.Key)
	fmt.Fprintf(e.stdout, "a test is on its way to %s. Who gets it reads its code: callbox setup tested %s --code CODE --by NAME\n", s[0], s[1])
	return nil
}

type setupTestedCmd struct {
	listFlags
	Key string `arg:"" help:"Name of the destination."`
	By  string `help:"Who saw or heard the test." required:""`
	// Code without which the test is kept by hand, and marked so.
	Code string `help:"Code of the test that was sent; none: it was made by hand."`
}

func (c *setupTestedCmd) Run(e *env) error {
	return doSetup(e, &c.listFlags, "tested", app.SetupArgs{Key: c.Key, By: c.By, Code: c.Code})
}

type setupTaskCmd struct {
	listFlags
	Task string `arg:"" help:"contract, locations, update_process, dial_plan or communication."`
	Note string `help:"What was done."`
	Undo bool   `help:"It is not done."`
}

func (c *setupTaskCmd) Run(e *env) error {
	return doSetup(e, &c.listFlags, "task", app.SetupArgs{Key: c.Task, Done: !c.Undo, Reason: c.Note})
}

type setupChargesCmd struct {
	listFlags
	Month string `help:"As 2026-11; none: this one."`
}

func (c *setupChargesCmd) Run(e *env) error {
	bill, err := askSetup[setup.Bill](e, &c.listFlags, "charges", app.SetupArgs{Month: c.Month})
	if err != nil || c.JSON {
		return cmp.Or(err, printed(e, c.JSON && err == nil, bill))
	}
	money := func(cents int64) string { return fmt.Sprintf("%d.%02d %s", cents/100, cents%100, bill.Prices.Currency) }
	fmt.Fprintf(e.stdout, "%s: %d 911 calls, %d of them unregistered: %s\n", bill.Month, bill.Calls, len(bill.Unregistered), money(bill.Amount))
	for _, u := range bill.Unregistered {
		fmt.Fprintf(e.stdout, "  %s %s %s: %s\n", u.At.Format(time.DateTime), u.Call, printable(u.Site)[0], words(strings.Join(u.Why, ", ")))
	}
	fmt.Fprintf(e.stdout, "%d registered users, by place of primary use\n", bill.Users)
	for _, l := range bill.Surcharges {
		fmt.Fprintf(e.stdout, "  %-8s %6d  %s %s\n", l.Place, l.Users, printable(orDash(l.Name))[0], money(l.Amount))
	}
	fmt.Fprintln(e.stdout, "fees")
	for _, l := range bill.Lines {
		s := printable(l.Name, orDash(l.Place))
		fmt.Fprintf(e.stdout, "  %-18s %6d x %s = %s  %s, %s\n", l.Fee, l.Count, money(l.Cents), money(l.Amount), s[0], s[1])
	}
	fmt.Fprintf(e.stdout, "  together %s\n", money(bill.Total))
	return nil
}
