package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"time"

	"github.com/callbox911/callbox/internal/app"
	"github.com/callbox911/callbox/internal/explain"
)

type explainCmd struct {
	dataFlag
	MAC    string `name:"mac" help:"The device with this hardware address, in any notation."`
	User   string `help:"The user with this key, mail address or E911-User-ID."`
	Number string `help:"The caller with this number."`
	IP     string `name:"ip" help:"A call that comes from this address."`
	Org    string `help:"Key of the organisation, where several know the caller."`
	Trunk  string `help:"Key of the platform trunk that the call comes by."`
	At     string `help:"Another time than now: 2026-11-22T14:02:00Z, or how long ago: 90m, 26h."`
	Test   bool   `help:"A call to 933 instead of 911."`
	Held   bool   `help:"The device's last location request alone: what it matched, and what was rejected and why."`
	JSON   bool   `help:"Print one JSON object."`
}

func (c *explainCmd) Run(e *env) error {
	params := url.Values{}
	for name, value := range map[string]string{
		explain.ParamMAC: c.MAC, explain.ParamUser: c.User, explain.ParamNumber: c.Number, explain.ParamIP: c.IP,
		explain.ParamOrg: c.Org, explain.ParamTrunk: c.Trunk, explain.ParamAt: c.At,
	} {
		if value != "" {
			params.Set(name, value)
		}
	}
	if c.Test {
		params.Set(explain.ParamTest, "true")
	}
	if c.Held {
		params.Set(explain.ParamHeld, "true")
	}
	out, err := app.Explain(e.ctx, c.Data, params, time.Now)
	if err != nil {
		return err
	}
	if !c.JSON {
		_, err = io.WriteString(e.stdout, out.Text)
		return err
	}
	var b bytes.Buffer
	if err := json.Indent(&b, out.Answer, "", "  "); err != nil {
		return fmt.Errorf("print the answer: %w", err)
	}
	_, err = fmt.Fprintln(e.stdout, b.String())
	return err
}
