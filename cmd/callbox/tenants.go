package main

import (
	"cmp"
	"fmt"
	"time"

	"github.com/callbox911/callbox/internal/app"
	"github.com/callbox911/callbox/internal/e911"
)

// The commands of the upper part of the tree: partners, organisations under them,
// requests for accounts, support that customers let in, moves between partners.

type memberPartnerCmd struct {
	List   partnerListCmd   `cmd:"" default:"1" help:"List partners with their organisations."`
	Add    partnerAddCmd    `cmd:"" help:"Make a partner, and invite its first administrator."`
	Remove partnerRemoveCmd `cmd:"" help:"End a partner that has no organisations any more."`
}

type memberRequestCmd struct {
	List   requestListCmd   `cmd:"" default:"1" help:"List requests for accounts, the newest first."`
	Take   requestTakeCmd   `cmd:"" help:"Say that somebody works on a request."`
	Finish requestFinishCmd `cmd:"" help:"Make the organisation that was asked for, and invite who asked."`
	Refuse requestRefuseCmd `cmd:"" help:"Say that a request is invalid, and why."`
}

type memberSupportCmd struct {
	List  supportListCmd  `cmd:"" help:"List who was let in to help, until when, and when he last looked."`
	LetIn supportLetInCmd `cmd:"" name:"let-in" help:"Let somebody in for a time, as an administrator of the organisation asked for it."`
	End   supportEndCmd   `cmd:"" help:"Send support away."`
}

type memberMoveCmd struct {
	List   moveListCmd   `cmd:"" default:"1" help:"List the moves under way, or all of an organisation."`
	Ask    moveAskCmd    `cmd:"" help:"Ask for the move of an organisation to another partner, and agree for the provider."`
	Agree  moveAgreeCmd  `cmd:"" help:"Agree to a move for the provider."`
	Refuse moveRefuseCmd `cmd:"" help:"Say no to a move, or call it off."`
}

func askTenants(e *env, d dataFlag, r app.TenantRequest) (app.TenantAnswer, error) {
	return app.AskTenants(e.ctx, d.Data, r, e.log)
}

type partnerListCmd struct {
	dataFlag
	JSON bool `help:"Print JSON."`
}

func (c *partnerListCmd) Run(e *env) error {
	a, err := askTenants(e, c.dataFlag, app.TenantRequest{Do: "tree"})
	if err != nil || c.JSON {
		return orPrinted(e, err, a.Tree)
	}
	for _, b := range a.Tree {
		if b.Partner.ID == "" {
			fmt.Fprintln(e.stdout, "The provider")
		} else {
			fmt.Fprintf(e.stdout, "%s  %s  %s\n", b.Partner.Key, b.Partner.ID, b.Partner.Name)
		}
		for _, o := range b.Orgs {
			fmt.Fprintf(e.stdout, "    %-24s %s\n", o.Key, o.Name)
		}
	}
	return nil
}

func orPrinted(e *env, err error, v any) error {
	if err != nil {
		return err
	}
	return printJSON(e.stdout, v)
}

type partnerAddCmd struct {
	dataFlag
	Key   string `arg:"" help:"Key: small letters, digits, hyphens."`
	Name  string `arg:"" help:"Name."`
	Email string `help:"Address of the first administrator." placeholder:"ADDRESS"`
}

func (c *partnerAddCmd) Run(e *env) error {
	a, err := askTenants(e, c.dataFlag, app.TenantRequest{Do: "add-partner", Key: c.Key, Name: c.Name, Email: c.Email})
	if err != nil {
		return err
	}
	fmt.Fprintln(e.stderr, "made", a.Partners[0].ID)
	if c.Email != "" {
		printLink(e, app.MemberAnswer{Link: a.Link})
	}
	return nil
}

type partnerRemoveCmd struct {
	dataFlag
	Partner string `arg:"" help:"Id or key of the partner."`
}

func (c *partnerRemoveCmd) Run(e *env) error {
	_, err := askTenants(e, c.dataFlag, app.TenantRequest{Do: "remove-partner", Partner: c.Partner})
	return err
}

type memberCreateCmd struct {
	dataFlag
	Key           string `arg:"" help:"Key of the organisation."`
	Partner       string `help:"Id or key of the partner whose customer it is; none: the provider's own." placeholder:"PARTNER"`
	Name          string `help:"Name; none: the key."`
	Email         string `help:"Address of the first administrator, who is invited." placeholder:"ADDRESS"`
	Person        string `help:"His name."`
	Demonstration bool   `help:"Its trunks must stay on loopback."`
}

func (c *memberCreateCmd) Run(e *env) error {
	a, err := askTenants(e, c.dataFlag, app.TenantRequest{
		Do: "create", Key: c.Key, Partner: c.Partner, Name: c.Name, Email: c.Email, Person: c.Person, Demonstration: c.Demonstration,
	})
	if err == nil && c.Email != "" {
		printLink(e, app.MemberAnswer{Link: a.Link})
	}
	return err
}

type requestListCmd struct {
	dataFlag
	JSON bool `help:"Print JSON."`
}

func (c *requestListCmd) Run(e *env) error {
	a, err := askTenants(e, c.dataFlag, app.TenantRequest{Do: "requests"})
	if err != nil || c.JSON {
		return orPrinted(e, err, a.Requests)
	}
	for _, r := range a.Requests {
		late := ""
		if !r.Over() && time.Now().After(r.Due()) {
			late = "  overdue"
		}
		fmt.Fprintf(e.stdout, "%s  %-10s %s  %-28s %s%s\n", r.ID, r.State, r.Asked.UTC().Format(time.DateOnly), r.Email, r.Organisation, late)
	}
	return nil
}

type requestTakeCmd struct {
	dataFlag
	ID string `arg:"" help:"Id of the request."`
}

func (c *requestTakeCmd) Run(e *env) error {
	_, err := askTenants(e, c.dataFlag, app.TenantRequest{Do: "take", ID: c.ID})
	return err
}

type requestFinishCmd struct {
	dataFlag
	ID  string `arg:"" help:"Id of the request."`
	Key string `arg:"" help:"Key of the organisation that is made."`
}

func (c *requestFinishCmd) Run(e *env) error {
	a, err := askTenants(e, c.dataFlag, app.TenantRequest{Do: "finish", ID: c.ID, Key: c.Key})
	if err == nil {
		printLink(e, app.MemberAnswer{Link: a.Link})
	}
	return err
}

type requestRefuseCmd struct {
	dataFlag
	ID     string `arg:"" help:"Id of the request."`
	Reason string `arg:"" help:"Why; the one who asked is told."`
}

func (c *requestRefuseCmd) Run(e *env) error {
	_, err := askTenants(e, c.dataFlag, app.TenantRequest{Do: "refuse", ID: c.ID, Reason: c.Reason})
	return err
}

type supportListCmd struct {
	dataFlag
	Org  string `arg:"" help:"Key of the organisation."`
	JSON bool   `help:"Print JSON."`
}

func (c *supportListCmd) Run(e *env) error {
	a, err := askTenants(e, c.dataFlag, app.TenantRequest{Do: "support", Org: c.Org})
	if err != nil || c.JSON {
		return orPrinted(e, err, a.Members)
	}
	for _, m := range a.Members {
		used := "never used"
		if !m.Grant.Used.IsZero() {
			used = "used " + m.Grant.Used.UTC().Format(time.DateTime)
		}
		fmt.Fprintf(e.stdout, "%s  %-14s %-28s until %s, %s: %s\n", m.Grant.ID, m.Grant.Role, m.Identity.Email, m.Grant.Until.UTC().Format(time.DateTime), used, m.Grant.Reason)
	}
	return nil
}

type supportLetInCmd struct {
	dataFlag
	Org    string        `arg:"" help:"Key of the organisation."`
	Email  string        `arg:"" help:"Address of who is let in."`
	Asked  string        `required:"" help:"Address of the administrator of the organisation who asked for it; he is told." placeholder:"ADDRESS"`
	For    time.Duration `required:"" help:"For how long, at most 720h." placeholder:"DURATION"`
	Reason string        `required:"" help:"What support is asked to do." placeholder:"TEXT"`
	Role   string        `help:"Role that support has." default:"auditor"`
	Site   string        `help:"Key of a site: the role is there alone." placeholder:"KEY"`
}

func (c *supportLetInCmd) Run(e *env) error {
	a, err := askTenants(e, c.dataFlag, app.TenantRequest{
		Do: "let-in", Org: c.Org, Email: c.Email, Asked: c.Asked, For: c.For, Reason: c.Reason, Role: c.Role, Site: c.Site,
	})
	if err == nil {
		printLink(e, app.MemberAnswer{Link: a.Link})
	}
	return err
}

type supportEndCmd struct {
	dataFlag
	Org string `arg:"" help:"Key of the organisation."`
	ID  string `arg:"" help:"Id of the support role, as support list has it."`
}

func (c *supportEndCmd) Run(e *env) error {
	_, err := askTenants(e, c.dataFlag, app.TenantRequest{Do: "end-support", Org: c.Org, ID: c.ID})
	return err
}

type moveListCmd struct {
	dataFlag
	Org  string `help:"Key of an organisation: all its moves, also those that are over." placeholder:"KEY"`
	JSON bool   `help:"Print JSON."`
}

func (c *moveListCmd) Run(e *env) error {
	a, err := askTenants(e, c.dataFlag, app.TenantRequest{Do: "moves", Org: c.Org})
	if err != nil || c.JSON {
		return orPrinted(e, err, a.Moves)
	}
	keys := map[e911.OrgID]string{}
	for _, b := range a.Tree {
		for _, o := range b.Orgs {
			keys[o.ID] = o.Key
		}
	}
	for _, t := range a.Moves {
		ready, missing := t.Ready(time.Now())
		state := "waits for"
		for _, s := range missing {
			state += " " + string(s)
		}
		if !t.Ended.IsZero() {
			state = "over since " + t.Ended.UTC().Format(time.DateOnly)
		} else if missing == nil && !ready {
			state = "lapsed"
		}
		fmt.Fprintf(e.stdout, "%s  %s  asked %s, %s\n", t.ID, cmp.Or(keys[e911.OrgID(t.Org)], t.Org), t.Asked.UTC().Format(time.DateOnly), state)
	}
	return nil
}

type moveAskCmd struct {
	dataFlag
	Org string `arg:"" help:"Key of the organisation."`
	To  string `arg:"" optional:"" help:"Id or key of the partner that takes over; none: the provider itself."`
}

func (c *moveAskCmd) Run(e *env) error {
	a, err := askTenants(e, c.dataFlag, app.TenantRequest{Do: "ask-move", Org: c.Org, Partner: c.To})
	if err == nil {
		fmt.Fprintln(e.stdout, a.Moves[0].ID)
	}
	return err
}

type moveAgreeCmd struct {
	dataFlag
	ID string `arg:"" help:"Id of the move."`
}

func (c *moveAgreeCmd) Run(e *env) error {
	_, err := askTenants(e, c.dataFlag, app.TenantRequest{Do: "agree", ID: c.ID})
	return err
}

type moveRefuseCmd struct {
	dataFlag
	ID string `arg:"" help:"Id of the move."`
}

func (c *moveRefuseCmd) Run(e *env) error {
	_, err := askTenants(e, c.dataFlag, app.TenantRequest{Do: "refuse-move", ID: c.ID})
	return err
}
