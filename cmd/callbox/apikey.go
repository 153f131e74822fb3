package main

import (
	"cmp"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/callbox911/callbox/client"
	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/apikey"
	"github.com/callbox911/callbox/internal/app"
	"github.com/callbox911/callbox/internal/web/api"
)

type apikeyCmd struct {
	Create    apikeyCreateCmd    `cmd:"" help:"Make a key and print it, once."`
	List      apikeyListCmd      `cmd:"" help:"List keys: what each may do, until when, when it was last used."`
	Rotate    apikeyRotateCmd    `cmd:"" help:"Give a key a new secret and print the key with it, once; the older ones end later."`
	EndSecret apikeyEndSecretCmd `cmd:"" help:"End one secret of a key, with the tokens it was exchanged for."`
	Revoke    apikeyRevokeCmd    `cmd:"" help:"End a key, with its tokens."`
}

type apikeyFlags struct {
	dataFlag
	Org string `help:"Key of the organisation whose key it is; none: the operator's." placeholder:"KEY"`
}

func (f *apikeyFlags) desk(e *env) app.KeyDesk {
	return app.KeyDesk{Dir: f.Data, Who: admin.Actor("command line"), Log: e.log}
}

type apikeyCreateCmd struct {
	apikeyFlags
	Name   string   `arg:"" help:"What the key is for."`
	Scopes []string `name:"scope" help:"What it may do; may be repeated: ${scopes}." default:"read"`
	Days   int      `help:"Days after which it expires; 0: never." default:"365"`
	publicKeyFlag
}

// publicKeyFlag is a public key in place of a secret.
type publicKeyFlag struct {
	PublicKey string `help:"File with a public key (PEM or JWK: P-256, RSA, Ed25519): the key has no secret then, and its program signs statements." type:"existingfile" placeholder:"FILE"`
}

func (f *publicKeyFlag) read() (string, error) {
	if f.PublicKey == "" {
		return "", nil
	}
	text, err := os.ReadFile(f.PublicKey)
	if err != nil {
		return "", fmt.Errorf("read the public key: %w", err)
	}
	return string(text), nil
}

func (c *apikeyCreateCmd) Run(e *env) error {
	wish := client.KeyWish{Name: c.Name, Scopes: c.Scopes}
	if c.Days > 0 {
		wish.Expires = time.Now().UTC().AddDate(0, 0, c.Days)
	}
	var err error
	if wish.PublicKey, err = c.read(); err != nil {
		return err
	}
	k, err := c.desk(e).Create(e.ctx, c.Org, wish)
	if err != nil || k.Secret == "" {
		if err == nil {
			fmt.Fprintln(e.stdout, k.ID)
		}
		return err
	}
	fmt.Fprintln(e.stdout, k.Secret)
	fmt.Fprintf(e.stderr, "key %s; it is not shown again\n", k.ID)
	return nil
}

// holderWhy says what became of somebody who knows a key.
var holderWhy = map[string]string{"disabled": "may not sign in any more", "role": "has no role that lets him make it", "gone": "is not known any more"}

type apikeyListCmd struct {
	apikeyFlags
	JSON bool `help:"Print JSON."`
}

func (c *apikeyListCmd) Run(e *env) error {
	list, err := c.desk(e).List(e.ctx, c.Org)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(e.stdout, list)
	}
	day := func(t time.Time, none string) string {
		if t.IsZero() {
			return none
		}
		return t.UTC().Format(time.DateOnly)
	}
	for _, k := range list {
		state := "until " + day(k.Expires, "revoked by hand")
		if !k.Revoked.IsZero() {
			state = "revoked " + day(k.Revoked, "")
		}
		fmt.Fprintf(e.stdout, "%s  %-30s %-24s %-18s used %s, made by %s\n", k.ID, k.Name, strings.Join(k.Scopes, ","), state, day(k.LastUsed, "never"), k.By)
		for _, h := range k.Holders {
			fmt.Fprintf(e.stdout, "    known to %s, who %s: rotate it, or revoke it\n", cmp.Or(h.Email, h.Name, h.Identity), holderWhy[h.Why])
		}
		if len(k.Secrets) < 2 {
			continue
		}
		for _, s := range k.Secrets {
			fmt.Fprintf(e.stdout, "    secret %-3s ...%-4s made %s, until %s\n", s.ID, s.Mark, day(s.Made, ""), day(s.Ends, "the key ends"))
		}
	}
	return nil
}

type apikeyRotateCmd struct {
	apikeyFlags
	ID   string        `arg:"" help:"Id of the key."`
	Keep time.Duration `help:"How long its older secrets go on; 0: they end at once." default:"24h"`
	publicKeyFlag
}

func (c *apikeyRotateCmd) Run(e *env) error {
	public, err := c.read()
	if err != nil {
		return err
	}
	k, err := c.desk(e).Rotate(e.ctx, c.Org, c.ID, c.Keep, public)
	if err != nil || k.Secret == "" {
		return err
	}
	fmt.Fprintln(e.stdout, k.Secret)
	fmt.Fprintf(e.stderr, "key %s has a new secret; it is not shown again\n", k.ID)
	return nil
}

type apikeyEndSecretCmd struct {
	apikeyFlags
	ID     string `arg:"" help:"Id of the key."`
	Secret string `arg:"" help:"Number of the secret, as the list says."`
}

func (c *apikeyEndSecretCmd) Run(e *env) error {
	return c.desk(e).EndSecret(e.ctx, c.Org, c.ID, c.Secret)
}

// scopeHelp lists the scopes of keys with what each allows.
func scopeHelp() string {
	var out []string
	for _, r := range apikey.Scopes() {
		out = append(out, string(r.Scope)+" ("+r.Allows+")")
	}
	return strings.Join(out, "; ")
}

type apikeyRevokeCmd struct {
	apikeyFlags
	ID string `arg:"" help:"Id of the key."`
}

func (c *apikeyRevokeCmd) Run(e *env) error { return c.desk(e).Revoke(e.ctx, c.Org, c.ID) }

type openapiCmd struct {
	YAML bool `help:"Print YAML instead of JSON."`
}

func (c *openapiCmd) Run(e *env) error {
	text, err := api.Describe(app.Version, c.YAML)
	if err != nil {
		return err
	}
	_, err = e.stdout.Write(text)
	return err
}
