package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os/user"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/callbox911/callbox/internal/admin/inventory"
	"github.com/callbox911/callbox/internal/admin/sheet"
	"github.com/callbox911/callbox/internal/app"
	"github.com/callbox911/callbox/internal/e911"
)

// orgFlag names the organisation that a command is about.
type orgFlag struct {
	Org string `help:"Key of the organisation, where there are several."`
}

// person is who runs the command, for the record of what was decided.
func person() string {
	u, err := user.Current()
	if err != nil {
		return "operator"
	}
	return u.Username
}

type devicesCmd struct {
	dataFlag
	orgFlag
	Filter    string `help:"held-config-pending, never-seen, unknown, stale, unmapped, no-model or model-differs."`
	StaleDays int    `help:"A device is stale when it was silent for so many days." default:"7"`
	JSON      bool   `help:"Print the report as JSON." xor:"form"`
	CSV       bool   `help:"Print the devices as CSV." xor:"form"`
}

func (c *devicesCmd) Run(e *env) error {
	if _, err := inventory.ParseFlag(c.Filter); err != nil {
		return err
	}
	var inv inventory.Inventory
	path := "/devices?" + url.Values{"org": {c.Org}, "filter": {c.Filter}, "stale_days": {strconv.Itoa(c.StaleDays)}}.Encode()
	if err := app.AskInventory(e.ctx, c.Data, path, nil, &inv); err != nil {
		return err
	}
	switch {
	case c.JSON:
		return printJSON(e.stdout, inv)
	case c.CSV:
		return devicesCSV(e.stdout, inv)
	}
	return devicesTable(e.stdout, inv)
}

func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

func devicesTable(w io.Writer, inv inventory.Inventory) error {
	fmt.Fprintf(w, "%s: %d configured, %d seen", inv.Org, inv.Configured, inv.Seen)
	for _, f := range inventory.Flags() {
		if n := inv.Counts[f]; n > 0 {
			fmt.Fprintf(w, ", %d %s", n, words(string(f)))
		}
	}
	fmt.Fprintln(w)
	if len(inv.Devices) == 0 {
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "DEVICE\tMODEL\tFIRMWARE\tCAN\tLAST REQUEST\tFROM\tPLACE\tAGE\tSIGNED IN\tREMARKS")
	for i := range inv.Devices {
		r := &inv.Devices[i]
		remarks := make([]string, len(r.Flags))
		for i, f := range r.Flags {
			remarks[i] = words(string(f))
		}
		place := r.Location
		if place == "" {
			place = r.Place
		}
		age := ""
		if r.EvidenceAt != nil {
			age = (time.Duration(r.AgeSeconds) * time.Second).String()
		}
		fmt.Fprintln(t, strings.Join(printable(
			orDash(r.Key, r.Device), orDash(r.Model, r.SaysModel), orDash(r.Firmware), orDash(string(r.Capability)), stamp(r.LastRequest), orDash(r.Source),
			orDash(place), orDash(age), orDash(r.SignedIn), orDash(strings.Join(remarks, ", ")),
		), "\t"))
	}
	return t.Flush()
}

func devicesCSV(w io.Writer, inv inventory.Inventory) error {
	out := csv.NewWriter(w)
	_ = out.Write([]string{
		"device", "key", "configured", "mac", "site", "assigned", "signed_in", "model", "maker", "says_model", "firmware", "capability", "via", "proved",
		"source", "first_seen", "last_seen", "last_request", "located_by", "location", "place", "evidence_at", "age_seconds", "unmapped_since", "flags",
	})
	for i := range inv.Devices {
		r := &inv.Devices[i]
		flags := make([]string, len(r.Flags))
		for i, f := range r.Flags {
			flags[i] = string(f)
		}
		_ = out.Write(cells(
			r.Device, r.Key, strconv.FormatBool(r.Configured), r.MAC, r.Site, r.Assigned, r.SignedIn, r.Model, r.Maker, r.SaysModel, r.Firmware,
			string(r.Capability), r.Via, strconv.FormatBool(r.Proved), r.Source, instant(r.FirstSeen), instant(r.LastSeen), instant(r.LastRequest),
			string(r.LocatedBy), r.Location, r.Place, instant(r.EvidenceAt), strconv.FormatInt(r.AgeSeconds, 10), instant(r.Unmapped), strings.Join(flags, " "),
		))
	}
	out.Flush()
	return out.Error()
}

// cells keeps what devices say of themselves from being a formula of a
// spreadsheet.
func cells(values ...string) []string {
	for i, v := range values {
		values[i] = sheet.Inert(v)
	}
	return values
}

// printable takes out what would move the cursor of a terminal.
func printable(values ...string) []string {
	for i, v := range values {
		values[i] = strings.Map(func(r rune) rune {
			if r < ' ' || r >= 0x7F && r < 0xA0 {
				return ' '
			}
			return r
		}, v)
	}
	return values
}

func words(s string) string { return strings.ReplaceAll(s, "_", " ") }

func orDash(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return "-"
}

func stamp(t *time.Time) string {
	if t == nil {
		return "never"
	}
	return t.Local().Format("2006-01-02 15:04:05")
}

func instant(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

type modelCmd struct {
	List modelListCmd `cmd:"" default:"withargs" help:"Show what each device model can do (the default)."`
	Set  modelSetCmd  `cmd:"" help:"Make a device model, or replace the one that has the key."`
}

type modelListCmd struct {
	dataFlag
	JSON bool `help:"Print JSON."`
}

func (c *modelListCmd) Run(e *env) error {
	var models []e911.Model
	if err := app.AskInventory(e.ctx, c.Data, "/models", nil, &models); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(e.stdout, models)
	}
	t := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "MODEL\tMAKER\tCAN\tFIRMWARE\tCALLS ITSELF")
	for _, m := range models {
		var rules []string
		for _, r := range m.Firmware {
			rules = append(rules, fmt.Sprintf("%s..%s=%s", r.From, r.To, r.Capability))
		}
		fmt.Fprintln(t, strings.Join(printable(m.Key, orDash(m.Maker), string(m.Capability("")), orDash(strings.Join(rules, " ")), orDash(strings.Join(m.Names, ", "))), "\t"))
	}
	return t.Flush()
}

type modelSetCmd struct {
	dataFlag
	Key      string   `arg:"" help:"Key of the model."`
	HELD     bool     `name:"held" help:"Devices of the model ask the location server, whatever their firmware."`
	Maker    string   `help:"Who makes it."`
	Called   []string `help:"What devices of the model call themselves; may be repeated."`
	Firmware []string `help:"FROM..TO=none, =held or =held+; either end may be empty; may be repeated, the first that holds counts."`
}

func (c *modelSetCmd) Run(e *env) error {
	m := e911.Model{Key: c.Key, HELD: c.HELD, Maker: c.Maker, Names: c.Called}
	for _, text := range c.Firmware {
		r, err := firmwareRule(text)
		if err != nil {
			return err
		}
		m.Firmware = append(m.Firmware, r)
	}
	body, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("write the model: %w", err)
	}
	var now e911.Model
	path := "/model-set?" + url.Values{"who": {person()}}.Encode()
	if err := app.AskInventory(e.ctx, c.Data, path, strings.NewReader(string(body)), &now); err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "%s: %s\n", now.Key, now.Capability(""))
	return nil
}

func firmwareRule(text string) (e911.FirmwareRule, error) {
	span, capability, ok := strings.Cut(text, "=")
	from, to, ok2 := strings.Cut(span, "..")
	if !ok || !ok2 {
		return e911.FirmwareRule{}, e911.Errorf(e911.Invalid, "%q is no rule: write 12.0..=held, ..11.9=none or 11.2..11.9=held", text)
	}
	return e911.FirmwareRule{From: from, To: to, Capability: e911.Capability(capability)}, nil
}
