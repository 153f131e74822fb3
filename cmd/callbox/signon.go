package main

import (
	"cmp"
	"fmt"
	"os"
	"os/user"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin/federation"
	"github.com/callbox911/callbox/internal/app"
)

type ssoCmd struct {
	List    ssoListCmd    `cmd:"" default:"withargs" help:"The identity providers of an organisation."`
	Show    ssoShowCmd    `cmd:"" help:"One provider, as JSON, without its secret."`
	Save    ssoSaveCmd    `cmd:"" help:"Add or change a provider, from a JSON file; its domains count as confirmed."`
	Delete  ssoDeleteCmd  `cmd:"" help:"Forget a provider and whom it brought."`
	Test    ssoTestCmd    `cmd:"" help:"Ask a provider whether a sign-in could begin."`
	Confirm ssoConfirmCmd `cmd:"" help:"Say that a provider's domains belong to its organisation: addresses in them lead there."`
	Unlink  ssoUnlinkCmd  `cmd:"" help:"Forget which account of a provider somebody is."`
	Force   ssoForceCmd   `cmd:"" help:"Whether members sign in by their provider alone. Off always works."`
}

type ssoFlags struct {
	listFlags
	Operator bool `help:"The operator's own providers, who sign in to everything."`
}

func (f *ssoFlags) ask(e *env, r app.SignOnRequest) (app.SignOnAnswer, error) {
	r.Org, r.Operator, r.Who = f.Org, f.Operator, "operator"
	if u, err := user.Current(); err == nil {
		r.Who = u.Username
	}
	return app.AskSignOn(e.ctx, f.Data, r, e.log)
}

type ssoListCmd struct{ ssoFlags }

func (c *ssoListCmd) Run(e *env) error {
	a, err := c.ask(e, app.SignOnRequest{Do: "list"})
	if err != nil || c.JSON {
		list := append([]federation.Provider{}, a.Providers...) // none is [], not null
		return cmp.Or(err, printed(e, c.JSON && err == nil, list))
	}
	for _, p := range a.Providers {
		state := "nobody has signed in by it yet"
		switch {
		case p.Disabled:
			state = "switched off"
		case !p.Proved.IsZero():
			state = "last used " + p.Proved.Format(time.DateTime)
		}
		fmt.Fprintf(e.stdout, "%s: %s, %s; %s; domains %s, confirmed %s\n", p.Key, printable(p.Name)[0], p.Via, state, named(p.Domains), named(p.Confirmed))
	}
	return nil
}

func named(all []string) string { return cmp.Or(strings.Join(all, " "), "none") }

type ssoShowCmd struct {
	ssoFlags
	Key string `arg:"" help:"Key of the provider."`
}

func (c *ssoShowCmd) Run(e *env) error {
	a, err := c.ask(e, app.SignOnRequest{Do: "show", Key: c.Key})
	if err != nil {
		return err
	}
	return printed(e, true, a.Providers[0])
}

type ssoSaveCmd struct {
	ssoFlags
	File string `arg:"" type:"existingfile" help:"JSON: key, protocol, name, domains, oidc or saml, claims, roles, create, disabled."`
}

func (c *ssoSaveCmd) Run(e *env) error {
	text, err := os.ReadFile(c.File)
	if err != nil {
		return fmt.Errorf("read the description: %w", err)
	}
	a, err := c.ask(e, app.SignOnRequest{Do: "save", Provider: text})
	if err != nil || c.JSON {
		return cmp.Or(err, printed(e, c.JSON && err == nil, a.Providers))
	}
	fmt.Fprintf(e.stdout, "%s is kept; sign in by it once to see that it works\n", a.Providers[0].Key)
	return nil
}

type ssoDeleteCmd struct {
	ssoFlags
	Key string `arg:"" help:"Key of the provider."`
}

func (c *ssoDeleteCmd) Run(e *env) error {
	_, err := c.ask(e, app.SignOnRequest{Do: "delete", Key: c.Key})
	return err
}

type ssoTestCmd struct {
	ssoFlags
	Key string `arg:"" help:"Key of the provider."`
}

func (c *ssoTestCmd) Run(e *env) error {
	_, err := c.ask(e, app.SignOnRequest{Do: "test", Key: c.Key})
	if err == nil {
		fmt.Fprintln(e.stdout, "the provider answers, and a sign-in could begin")
	}
	return err
}

type ssoConfirmCmd struct {
	ssoFlags
	Key string `arg:"" help:"Key of the provider."`
}

func (c *ssoConfirmCmd) Run(e *env) error {
	a, err := c.ask(e, app.SignOnRequest{Do: "confirm", Key: c.Key})
	if err == nil {
		fmt.Fprintf(e.stdout, "addresses in these domains lead to %s: %s\n", c.Key, named(a.Providers[0].Confirmed))
	}
	return err
}

type ssoUnlinkCmd struct {
	ssoFlags
	Key   string `arg:"" help:"Key of the provider."`
	Email string `arg:"" help:"Address of whose account was made anew at the provider."`
}

func (c *ssoUnlinkCmd) Run(e *env) error {
	_, err := c.ask(e, app.SignOnRequest{Do: "unlink", Key: c.Key, Email: c.Email})
	return err
}

type ssoForceCmd struct {
	ssoFlags
	What       string   `arg:"" optional:"" default:"show" enum:"show,on,off" help:"show, on or off."`
	BreakGlass []string `help:"Addresses of administrators who may use their own password with a second proof all the same."`
}

func (c *ssoForceCmd) Run(e *env) error {
	do := map[string]string{"show": "policy", "on": "force", "off": "unforce"}[c.What]
	a, err := c.ask(e, app.SignOnRequest{Do: do, Email: strings.Join(c.BreakGlass, ",")})
	if err != nil || c.JSON {
		return cmp.Or(err, printed(e, c.JSON && err == nil, a))
	}
	says := "members may use passwords and passkeys"
	if a.Policy.Force {
		says = "members sign in by their provider alone"
	}
	fmt.Fprintln(e.stdout, says)
	for _, x := range a.Candidates {
		complete := "no second proof yet"
		if x.Complete {
			complete = "proof complete"
		}
		for _, id := range a.Policy.BreakGlass {
			if id == x.Identity {
				complete += ", break-glass"
			}
		}
		fmt.Fprintf(e.stdout, "  %s: %s\n", x.Email, complete)
	}
	return nil
}
