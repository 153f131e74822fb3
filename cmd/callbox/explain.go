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
	"github.com/callbox911/callbox/internal/rules/logevent"
)

// explainCmd has what a call would do, and what one did.
type explainCmd struct {
	Caller explainCallerCmd `cmd:"" default:"withargs" help:"What a call of this caller would do now, or would have done."`
	Call   explainCallCmd   `cmd:"" help:"What one call did and why, and what the same call would do today."`
}

// explainCallCmd replays a call that was made.
type explainCallCmd struct {
	dataFlag
	ID      string `arg:"" help:"Id of the call, as its page and its record have it."`
	Org     string `help:"Key of the organisation that it must be of."`
	JSON    bool   `help:"Print one JSON object."`
	I3      bool   `name:"i3" help:"Print what happened as a JSON array of LogEvents for an i3 logging service (NENA-STA-010.3)."`
	Element string `help:"With --i3: what logs, a fully qualified domain name; this server's when left out."`
	Agency  string `help:"With --i3: the agency whose it is, a fully qualified domain name; the element's when left out."`
}

func (c *explainCallCmd) Run(e *env) error {
	params := url.Values{explain.ParamCall: {c.ID}}
	if c.I3 {
		params.Set(explain.ParamI3, "true")
	}
	for name, value := range map[string]string{explain.ParamOrg: c.Org, explain.ParamElement: c.Element, explain.ParamAgency: c.Agency} {
		if value != "" {
			params.Set(name, value)
		}
	}
	if c.I3 {
		return printLogEvents(e, c.Data, params)
	}
	return printAnswer(e, c.Data, params, c.JSON)
}

// printLogEvents prints the LogEvents of a call alone.
func printLogEvents(e *env, data string, params url.Values) error {
	out, err := app.Explain(e.ctx, data, params, time.Now)
	if err != nil {
		return err
	}
	var answer struct {
		Events []logevent.Event `json:"log_events"`
	}
	if err := json.Unmarshal(out.Answer, &answer); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	w := json.NewEncoder(e.stdout)
	w.SetEscapeHTML(false)
	w.SetIndent("", "  ")
	return w.Encode(answer.Events)
}

type explainCallerCmd struct {
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
	DryRun bool   `name:"dry-run" help:"Say what a call would do; this command never places one, so it changes nothing."`
	JSON   bool   `help:"Print one JSON object."`
}

func (c *explainCallerCmd) Run(e *env) error {
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
	return printAnswer(e, c.Data, params, c.JSON)
}

// printAnswer asks and prints.
func printAnswer(e *env, data string, params url.Values, asJSON bool) error {
	out, err := app.Explain(e.ctx, data, params, time.Now)
	if err != nil {
		return err
	}
	if !asJSON {
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
