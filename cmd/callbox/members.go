package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/app"
)

type memberCmd struct {
	First   memberFirstCmd   `cmd:"" help:"Make the first administrator of this Callbox, and print the link by which he chooses a password."`
	Invite  memberInviteCmd  `cmd:"" help:"Give somebody a role: the provider's, a partner's, or the first administrator of an organisation, who invites the others."`
	List    memberListCmd    `cmd:"" help:"List who has a role."`
	Remove  memberRemoveCmd  `cmd:"" help:"Take a role away; the last administrator's stays."`
	Disable memberDisableCmd `cmd:"" help:"Keep somebody from signing in, or let him again."`
	Link    memberLinkCmd    `cmd:"" help:"Print a link by which somebody chooses a new password, once, within a day."`

	Credentials memberCredentialsCmd `cmd:"" help:"List how somebody signs in, or take one of it away: a lost telephone, a passkey."`

	Create  memberCreateCmd  `cmd:"" help:"Make an organisation under a partner, and invite its first administrator."`
	Partner memberPartnerCmd `cmd:"" help:"Partners, and the organisations under them."`
	Request memberRequestCmd `cmd:"" help:"Requests for accounts: list and answer them."`
	Support memberSupportCmd `cmd:"" help:"Support that an organisation lets in for a time."`
	Move    memberMoveCmd    `cmd:"" help:"Moves of organisations from one partner to another."`
}

type memberAt struct {
	dataFlag
	Org     string `help:"Key of the organisation; none: the provider." placeholder:"KEY"`
	Partner string `help:"Id of the partner." placeholder:"ID"`
}

func (f *memberAt) ask(e *env, r app.MemberRequest) (app.MemberAnswer, error) {
	r.Org, r.Partner = f.Org, f.Partner
	return app.AskMembers(e.ctx, f.Data, r, e.log)
}

func printLink(e *env, a app.MemberAnswer) {
	if a.Link != "" {
		fmt.Fprintln(e.stdout, a.Link)
		fmt.Fprintln(e.stderr, "the link works once; it is not shown again")
		return
	}
	fmt.Fprintln(e.stderr, "done; this address can sign in already")
}

type memberFirstCmd struct {
	memberAt
	Email string `arg:"" help:"Address."`
	Name  string `help:"Name."`
}

func (c *memberFirstCmd) Run(e *env) error {
	a, err := c.ask(e, app.MemberRequest{Do: "first", Email: c.Email, Name: c.Name})
	if err == nil {
		printLink(e, a)
	}
	return err
}

type memberInviteCmd struct {
	memberAt
	Email string `arg:"" help:"Address."`
	Name  string `help:"Name of one who is new."`
	Role  string `help:"provider, partner, organisation or auditor." default:"organisation"`
}

func (c *memberInviteCmd) Run(e *env) error {
	a, err := c.ask(e, app.MemberRequest{Do: "invite", Email: c.Email, Name: c.Name, Role: c.Role})
	if err == nil {
		printLink(e, a)
	}
	return err
}

type memberListCmd struct {
	memberAt
	JSON bool `help:"Print JSON."`
}

func (c *memberListCmd) Run(e *env) error {
	a, err := c.ask(e, app.MemberRequest{Do: "list"})
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(e.stdout, a.Members)
	}
	for _, m := range a.Members {
		seen := "never signed in"
		switch {
		case !m.Identity.Disabled.IsZero():
			seen = "disabled"
		case !m.Identity.LastSeen.IsZero():
			seen = "seen " + m.Identity.LastSeen.UTC().Format(time.DateOnly)
		}
		fmt.Fprintf(e.stdout, "%s  %-20s %-32s %s\n", m.Grant.ID, m.Grant.Role, m.Identity.Email, seen)
	}
	return nil
}

type memberRemoveCmd struct {
	memberAt
	ID string `arg:"" help:"Id of the role, as member list has it."`
}

func (c *memberRemoveCmd) Run(e *env) error {
	_, err := c.ask(e, app.MemberRequest{Do: "remove", ID: c.ID})
	return err
}

type memberDisableCmd struct {
	memberAt
	Email string `arg:"" help:"Address."`
	Undo  bool   `help:"Let it sign in again."`
	// RevokeKeys is for who is shut out for cause.
	RevokeKeys bool `help:"End all keys of programs that this person was shown. Else they are listed and go on."`
}

func (c *memberDisableCmd) Run(e *env) error {
	do := "disable"
	if c.Undo {
		do = "enable"
	}
	a, err := c.ask(e, app.MemberRequest{Do: do, Email: c.Email, RevokeKeys: c.RevokeKeys})
	if err != nil || len(a.Keys) == 0 {
		return err
	}
	if c.RevokeKeys {
		fmt.Fprintln(e.stdout, "these keys of programs have ended:")
	} else {
		fmt.Fprintln(e.stdout, "these keys of programs are known to this person and go on: rotate them (callbox apikey rotate), or end all with --revoke-keys:")
	}
	for _, k := range a.Keys {
		org := ""
		if k.Org != "" {
			org = " of organisation " + k.Org
		}
		fmt.Fprintf(e.stdout, "  %s  %s (%s)%s\n", k.ID, printable(k.Name)[0], strings.Join(k.Scopes, ","), org)
	}
	return nil
}

type memberLinkCmd struct {
	memberAt
	Email string `arg:"" help:"Address."`
}

func (c *memberLinkCmd) Run(e *env) error {
	a, err := c.ask(e, app.MemberRequest{Do: "link", Email: c.Email})
	if err == nil {
		printLink(e, a)
	}
	return err
}
