package main

import (
	"fmt"
	"net/url"
	"strings"
	"text/tabwriter"

	"github.com/callbox911/callbox/internal/admin/inventory"
	"github.com/callbox911/callbox/internal/admin/quality"
	"github.com/callbox911/callbox/internal/app"
	"github.com/callbox911/callbox/internal/e911"
)

type unknownCmd struct {
	List   unknownListCmd   `cmd:"" default:"withargs" help:"Show network elements that are not on the map, those first that strand most devices (the default)."`
	Assign unknownAssignCmd `cmd:"" help:"Put one on the map."`
	Ignore unknownIgnoreCmd `cmd:"" help:"Leave one out for good: a hot spot, a virtual adapter."`
	Reopen unknownReopenCmd `cmd:"" help:"Put one that was left out back into the queue."`
}

type unknownListCmd struct {
	dataFlag
	orgFlag
	State string `help:"open, assigned, mapped, ignored or all." default:"open"`
	JSON  bool   `help:"Print JSON."`
}

func (c *unknownListCmd) Run(e *env) error {
	var list []inventory.Entry
	if err := app.AskInventory(e.ctx, c.Data, "/unknown?"+url.Values{"org": {c.Org}, "state": {c.State}}.Encode(), nil, &list); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(e.stdout, list)
	}
	if len(list) == 0 {
		fmt.Fprintln(e.stdout, "nothing is in the queue")
		return nil
	}
	t := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ID\tELEMENT\tSTRANDS\tSHOWN BY\tLAST SEEN\tFROM\tFOR EXAMPLE\tLIKELY PLACE")
	for i := range list {
		u := &list[i]
		likely := "-"
		switch {
		case u.State != inventory.Open:
			likely = strings.TrimSpace(fmt.Sprintf("%s %s %s %s", u.State, u.LocationKey, u.By, u.Why))
		case len(u.Suggestions) > 0:
			s := u.Suggestions[0]
			likely = fmt.Sprintf("%s (%s: %s)", s.Key, s.Confidence, s.Why)
		}
		fmt.Fprintln(t, strings.Join(printable(u.ID, u.Text, fmt.Sprint(u.Stranded), fmt.Sprint(u.Devices), stamp(&u.Last), orDash(u.Source),
			orDash(strings.Join(u.DeviceNames[:min(len(u.DeviceNames), 2)], ", ")), likely), "\t"))
	}
	return t.Flush()
}

type unknownAssignCmd struct {
	dataFlag
	orgFlag
	ID       string `arg:"" help:"Id of the element, as the list shows it."`
	Location string `arg:"" help:"Key of the location where it stands."`
	Range    string `help:"Of an address: the whole range that stands there, such as 10.20.4.0/24."`
}

func (c *unknownAssignCmd) Run(e *env) error {
	return decide(e, c.Data, "/unknown-assign?"+url.Values{
		"org": {c.Org}, "id": {c.ID}, "location": {c.Location}, "range": {c.Range}, "who": {person()},
	}.Encode())
}

type unknownIgnoreCmd struct {
	dataFlag
	orgFlag
	ID      string `arg:"" help:"Id of the element, as the list shows it."`
	Why     string `help:"Why it is left out."`
	Virtual bool   `help:"It is a virtual adapter: put that on the map too, so that it proves nothing about a place."`
}

func (c *unknownIgnoreCmd) Run(e *env) error {
	return decide(e, c.Data, "/unknown-ignore?"+url.Values{
		"org": {c.Org}, "id": {c.ID}, "why": {c.Why}, "virtual": {fmt.Sprint(c.Virtual)}, "who": {person()},
	}.Encode())
}

type unknownReopenCmd struct {
	dataFlag
	orgFlag
	ID string `arg:"" help:"Id of the element."`
}

func (c *unknownReopenCmd) Run(e *env) error {
	return decide(e, c.Data, "/unknown-reopen?"+url.Values{"org": {c.Org}, "id": {c.ID}, "who": {person()}}.Encode())
}

// decide asks the server and says what became of the element.
func decide(e *env, data, path string) error {
	var u inventory.Entry
	if err := app.AskInventory(e.ctx, data, path, nil, &u); err != nil {
		return explained(err)
	}
	where := ""
	if u.LocationKey != "" {
		where = " to " + u.LocationKey
	}
	fmt.Fprintf(e.stdout, "%s: %s%s\n", u.Text, u.State, where)
	return nil
}

// explained puts the faults of a refusal into its text.
func explained(err error) error {
	faults := e911.FaultsOf(err)
	if len(faults) == 0 {
		return err
	}
	lines := make([]string, len(faults))
	for i, f := range faults {
		lines[i] = "  " + f.String()
	}
	return &e911.Error{Kind: e911.KindOf(err), Msg: "refused", Err: fmt.Errorf("%w\n%s", err, strings.Join(lines, "\n"))}
}

type checkCmd struct {
	Data      checkDataCmd      `cmd:"" help:"Say what is missing, empty or old in an organisation's data."`
	Addresses checkAddressesCmd `cmd:"" help:"Validate the address of every building and say what is missing and why."`
	Psaps     checkPSAPsCmd     `cmd:"" help:"Say where a 911 call would not find its PSAP, before one does."`
}

type checkDataCmd struct {
	dataFlag
	orgFlag
	JSON bool `help:"Print JSON."`
}

func (c *checkDataCmd) Run(e *env) error {
	var r quality.Report
	if err := app.AskInventory(e.ctx, c.Data, "/check-data?"+url.Values{"org": {c.Org}}.Encode(), nil, &r); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(e.stdout, r)
	}
	total := 0
	for _, n := range r.Counts {
		total += n
	}
	fmt.Fprintf(e.stdout, "%s: %d findings\n", r.Org, total)
	for _, code := range quality.Codes() {
		n := r.Counts[code]
		if n == 0 {
			continue
		}
		fmt.Fprintf(e.stdout, "\n%s: %d\n", words(string(code)), n)
		for _, f := range r.Findings {
			if f.Code == code {
				line := printable(f.Key, f.Msg, f.Fix)
				fmt.Fprintf(e.stdout, "  %s: %s (%s)\n", line[0], line[1], line[2])
			}
		}
	}
	if r.Omitted > 0 {
		fmt.Fprintf(e.stdout, "\n%d more are not listed\n", r.Omitted)
	}
	fmt.Fprint(e.stdout, "\nage of the devices' locations:")
	for _, a := range r.Ages {
		fmt.Fprintf(e.stdout, " %s %d", a.UpTo, a.Devices)
	}
	fmt.Fprintln(e.stdout)
	return nil
}
