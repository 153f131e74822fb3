package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/callbox911/callbox/internal/admin/gisread"
	"github.com/callbox911/callbox/internal/admin/layer"
	"github.com/callbox911/callbox/internal/app"
	"github.com/callbox911/callbox/internal/e911"
)

type applyFlags struct {
	Plan  bool   `help:"Show the plan and change nothing."`
	Apply string `help:"Apply if the plan has this hash." placeholder:"HASH"`
	Yes   bool   `help:"Apply without a question."`
	JSON  bool   `help:"Print the plan as JSON."`
}

type importLayerCmd struct {
	dataFlag
	applyFlags
	Key           string   `required:"" help:"Key of the layer; one that is there is replaced."`
	Name          string   `help:"Name for people; the key when empty."`
	Grade         string   `required:"" help:"authoritative: of the 911 authority; reference: public data of good repute; demonstration: for trying out." enum:"authoritative,reference,demonstration"`
	Source        string   `required:"" help:"Who published it."`
	AsOf          string   `help:"Date of the data, 2026-01-01."`
	Country       string   `help:"Country of rows that name none."`
	State         string   `help:"State or province of rows that name none, as MA."`
	AcceptRefused bool     `help:"Take an authoritative layer although service boundaries in it were refused."`
	Files         []string `arg:"" help:"Files or folders; the process that opens the database, a running server, reads them." type:"existingpath"`
}

func (c *importLayerCmd) Run(e *env) error {
	r := layer.Request{
		Key: c.Key, Name: c.Name, Grade: e911.LayerGrade(c.Grade), Source: c.Source, Files: c.Files, AcceptRefused: c.AcceptRefused,
		Defaults: e911.Civic{Country: c.Country, A1: c.State},
	}
	if r.Name == "" {
		r.Name = c.Key
	}
	if c.AsOf != "" {
		var err error
		if r.AsOf, err = time.Parse(time.DateOnly, c.AsOf); err != nil {
			return e911.Errorf(e911.Invalid, "as-of: %q is no date: write 2026-01-01", c.AsOf)
		}
	}
	return c.run(e, c.Data, "import layer "+c.Key, func(l *app.Layers) (layer.Plan, error) { return l.Plan(e.ctx, r) })
}

// run plans, shows and applies.
func (f *applyFlags) run(e *env, data, who string, plan func(*app.Layers) (layer.Plan, error)) (err error) {
	l, err := app.OpenLayers(e.ctx, data)
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := l.Close(); err == nil {
			err = closeErr
		}
	}()
	p, err := plan(l)
	if err != nil {
		return err
	}
	if f.JSON {
		if err := printJSON(e.stdout, p); err != nil {
			return err
		}
	} else {
		printPlan(e.stdout, p)
	}
	switch {
	case p.Refused != "":
		return e911.Errorf(e911.Invalid, "%s", p.Refused)
	case f.Plan:
		return nil
	case f.Apply != "" && f.Apply != p.Hash:
		return f.another(e, l, p.Hash)
	case f.Apply == "" && !f.Yes && !agreed(e.stderr, p.Hash):
		return e911.Errorf(e911.Conflict, "nothing was changed; to apply this plan say --apply %s", p.Hash)
	}
	res, err := l.Apply(e.ctx, who, p.Hash)
	if err != nil {
		return err
	}
	if !f.JSON {
		done := "applied"
		if res.Removed {
			done = "removed"
		}
		fmt.Fprintf(e.stdout, "%s: %s version %d, %d buildings have another validation\n", done, res.Layer.Key, res.Layer.Version, res.Buildings)
	}
	return nil
}

// another says why the plan is not the one that was looked at.
func (f *applyFlags) another(e *env, l *app.Layers, hash string) error {
	why, err := l.Changed(e.ctx, f.Apply)
	if err != nil {
		return err
	}
	if why == "" {
		why = "the files, the buildings or the layers are not what they were then, or the hash is mistyped"
	}
	return e911.Errorf(e911.Conflict, "nothing was changed: this is not plan %s. %s. Read the plan above; to apply it say --apply %s", f.Apply, why, hash)
}

// agreed asks a person at a terminal; nobody at one has not agreed.
func agreed(w io.Writer, hash string) bool {
	info, err := os.Stdin.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	fmt.Fprintf(w, "apply plan %s? [y/N] ", hash)
	line, _ := bufio.NewReader(os.Stdin).ReadString('\n')
	return strings.EqualFold(strings.TrimSpace(line), "y")
}

func printPlan(w io.Writer, p layer.Plan) {
	l := printable(p.Layer.Key, p.Layer.Name, p.Layer.Source)
	switch {
	case p.Remove:
		fmt.Fprintf(w, "plan %s: remove the layer %s (%s), version %d\n", p.Hash, l[0], l[1], p.Layer.Version)
	case p.Before != nil:
		fmt.Fprintf(w, "plan %s: replace the layer %s (%s), version %d by %d\n", p.Hash, l[0], l[1], p.Before.Version, p.Layer.Version)
	default:
		fmt.Fprintf(w, "plan %s: new layer %s (%s)\n", p.Hash, l[0], l[1])
	}
	fmt.Fprintf(w, "  %s, of %s: %d address points, %d streets, %d service boundaries\n",
		p.Layer.Grade, l[2], p.Layer.Addresses, p.Layer.Streets, p.Layer.Boundaries)
	if p.Same {
		fmt.Fprintln(w, "  it is the same as the stored one")
	}
	if r := p.Report; r != nil {
		fmt.Fprintf(w, "  %d rows read, %d kept, %d refused, %d warnings\n", r.Read, r.Kept, r.Refused, r.Warnings)
		printFindings(w, r)
	}
	n := p.Counts
	fmt.Fprintf(w, "  of %d buildings %d would be valid, %d unverified, %d invalid\n", n.Buildings, n.Valid, n.Unverified, n.Invalid)
	fmt.Fprintf(w, "  %d change verdict, %d their point, %d their PSAP; that touches %d locations\n", n.Verdicts, n.Points, n.PSAPs, n.Locations)
	if n.Relay > 0 {
		fmt.Fprintf(w, "  CALLS FROM %d BUILDINGS WOULD FALL TO THE RELAY CENTRE\n", n.Relay)
	}
	for _, f := range p.Effects {
		k := printable(f.Org, f.Building, f.Location)
		if f.Location != "" {
			k[1] += ", location " + k[2]
		}
		fmt.Fprintf(w, "    %s %s (%s): %s\n", k[0], k[1], counted(f.Locations, "location"), strings.Join(said(f), "; "))
	}
	if p.Unlisted > 0 {
		fmt.Fprintf(w, "    %d buildings more; none of them is listed, all are counted\n", p.Unlisted)
	}
	if n := p.Own; n != nil {
		fmt.Fprintf(w, "  of %d places that users set themselves %d change verdict (%d become invalid), %d their PSAP, %d fall to the relay centre\n",
			n.Places, n.Verdicts, n.Invalid, n.PSAPs, n.Relay)
	} else {
		fmt.Fprintln(w, "  places that users set themselves were not looked at: no server runs here")
	}
	printCoverage(w, p.Coverage)
}

// printFindings tells each kind of finding once, with how often it came and where
// first, what was refused before what was kept: a thousand lines that say the
// same hide the one that matters.
func printFindings(w io.Writer, r *gisread.Report) {
	times, first := map[string]int{}, []gisread.Finding{}
	kind := func(f gisread.Finding) string { return string(f.Level) + " " + string(f.Code) + " " + f.Table }
	for _, f := range r.Findings {
		if times[kind(f)]++; times[kind(f)] == 1 {
			first = append(first, f)
		}
	}
	slices.SortStableFunc(first, func(a, b gisread.Finding) int {
		return cmp.Compare(strings.Index(levels, string(a.Level)), strings.Index(levels, string(b.Level)))
	})
	for _, f := range first {
		fmt.Fprintf(w, "    %d x %s\n", times[kind(f)], printable(f.String())[0])
	}
	switch {
	case r.Unlisted > 0:
		fmt.Fprintf(w, "    %d findings more were counted and not kept; --json lists those above one by one\n", r.Unlisted)
	case len(first) < len(r.Findings):
		fmt.Fprintln(w, "    the first of each kind is shown; --json lists all")
	}
}

// levels of findings, worst first.
const levels = string(gisread.LevelFile + " " + gisread.LevelRefused + " " + gisread.LevelWarning)

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// printCoverage tells where the boundaries do not fit together afterwards.
func printCoverage(w io.Writer, list []layer.Coverage) {
	for _, c := range list {
		k := printable(c.Service, c.Unchecked)
		if c.Unchecked != "" {
			fmt.Fprintf(w, "  boundaries of %s: %d, and gaps and overlaps could not be looked for: %s\n", k[0], c.Boundaries, k[1])
		} else {
			fmt.Fprintf(w, "  boundaries of %s: %d, with %d gaps and %d overlaps\n", k[0], c.Boundaries, len(c.Gaps), len(c.Overlaps))
		}
		const few = 5
		show := func(what string, all []layer.Patch) {
			for _, p := range all[:min(few, len(all))] {
				fmt.Fprintf(w, "    %s of %.3f km² at %.5f, %.5f%s\n", what, p.SquareKM, p.Point.Lat, p.Point.Lon, between(p.NGUIDs))
			}
			if n := len(all) - few; n > 0 {
				fmt.Fprintf(w, "    %d more; --json lists them\n", n)
			}
		}
		show("gap", c.Gaps)
		show("overlap", c.Overlaps)
	}
}

func between(nguids []string) string {
	if len(nguids) == 0 {
		return ""
	}
	return ", of " + strings.Join(printable(nguids...), " and ")
}

func said(f layer.Effect) (out []string) {
	k := printable(f.Why, f.PSAPBefore, f.PSAP, f.Override, f.LayerBefore, f.Layer)
	before, after := cmp.Or(k[1], noPSAP), cmp.Or(k[2], noPSAP)
	if f.VerdictBefore != f.Verdict {
		out = append(out, fmt.Sprintf("%s -> %s", cmp.Or(string(f.VerdictBefore), "never looked at"), f.Verdict))
	}
	if k[0] != "" {
		out = append(out, k[0])
	}
	if f.PointLost {
		out = append(out, "loses its point")
	}
	if f.MovedM > 0 {
		out = append(out, fmt.Sprintf("its point moves %.0f m", f.MovedM))
	}
	if before != after {
		out = append(out, fmt.Sprintf("PSAP %s -> %s", before, after))
	}
	if f.Relay {
		out = append(out, "calls would fall to the relay centre")
	}
	if f.LayerBefore != f.Layer {
		out = append(out, fmt.Sprintf("the override %s sends calls to %s all the same; the layers would say %s, and said %s: look at the agreement again",
			k[3], after, cmp.Or(k[5], noPSAP), cmp.Or(k[4], noPSAP)))
	}
	return out
}

// noPSAP is what a person reads where none follows from the place.
const noPSAP = "no PSAP known"

type layersCmd struct {
	List   layersListCmd   `cmd:"" default:"withargs" help:"List the reference layers (the default)."`
	Remove layersRemoveCmd `cmd:"" help:"Remove a reference layer, after its effect was shown."`
}

type layersListCmd struct {
	dataFlag
	JSON bool `help:"Print JSON."`
}

func (c *layersListCmd) Run(e *env) error {
	l, err := app.OpenLayers(e.ctx, c.Data)
	if err != nil {
		return err
	}
	defer l.Close()
	stored, err := l.List(e.ctx)
	if err != nil {
		return err
	}
	all := append([]e911.Layer{layer.BuiltIn()}, stored...)
	if c.JSON {
		return printJSON(e.stdout, all)
	}
	t := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "key\tgrade\tversion\tas of\taddresses\tstreets\tboundaries\tname")
	for i, v := range all {
		version, asOf := fmt.Sprint(v.Version), "-"
		if i == 0 {
			version = "built-in"
		}
		if !v.AsOf.IsZero() {
			asOf = v.AsOf.Format(time.DateOnly)
		}
		k := printable(v.Key, v.Name)
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%d\t%d\t%s\n", k[0], v.Grade, version, asOf, v.Addresses, v.Streets, v.Boundaries, k[1])
	}
	return t.Flush()
}

type layersRemoveCmd struct {
	dataFlag
	applyFlags
	Key string `arg:"" help:"Key of the layer."`
}

func (c *layersRemoveCmd) Run(e *env) error {
	return c.run(e, c.Data, "remove layer "+c.Key, func(l *app.Layers) (layer.Plan, error) { return l.PlanRemoval(e.ctx, c.Key) })
}

type checkAddressesCmd struct {
	dataFlag
	orgFlag
	Save bool   `help:"Store what changed."`
	AsOf string `help:"Show what changes by this day, 2027-01-01, because entries of a layer or overrides begin or end." placeholder:"DAY"`
	JSON bool   `help:"Print JSON."`
}

func (c *checkAddressesCmd) Run(e *env) error {
	q := layer.AddressesRequest{Org: c.Org, Save: c.Save}
	if c.AsOf != "" {
		var err error
		if q.AsOf, err = time.Parse(time.DateOnly, c.AsOf); err != nil {
			return e911.Errorf(e911.Invalid, "as-of: %q is no date: write 2027-01-01", c.AsOf)
		}
	}
	l, err := app.OpenLayers(e.ctx, c.Data)
	if err != nil {
		return err
	}
	defer l.Close()
	list, err := l.Addresses(e.ctx, q)
	switch {
	case err != nil:
		return err
	case c.JSON:
		return printJSON(e.stdout, list)
	case c.AsOf != "":
		return printPlanned(e.stdout, c.AsOf, list)
	}
	return printAddresses(e.stdout, list)
}

func printAddresses(w io.Writer, list []layer.Address) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "organisation\tbuilding\tverdict\tby\tmissing\tPSAP\taddress")
	for _, a := range list {
		by := "structure"
		if a.Validation.Layer != "" {
			by = fmt.Sprintf("%s %d", a.Validation.Layer, a.Validation.Version)
		}
		k := printable(a.Org, a.Building, a.Address, a.Why, cmp.Or(a.PSAP, noPSAP), a.Override)
		if k[5] != "" {
			k[4] += " (override " + k[5] + ")"
		}
		verdict := string(a.Validation.Verdict)
		if a.Stale {
			verdict += " (not stored)"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", k[0], k[1], verdict, by, strings.Join(a.Validation.Missing, " "), k[4], k[2])
		if k[3] != "" {
			fmt.Fprintf(t, "\t\t%s\n", k[3])
		}
	}
	return t.Flush()
}

// printPlanned tells what changes by a day.
func printPlanned(w io.Writer, day string, list []layer.Address) error {
	if len(list) == 0 {
		fmt.Fprintf(w, "by %s no verdict and no PSAP changes\n", day)
		return nil
	}
	fmt.Fprintf(w, "by %s these change, if nobody imports anything before:\n", day)
	for _, a := range list {
		k := printable(a.Org, a.Building, a.Location)
		if k[2] != "" {
			k[1] += ", location " + k[2]
		}
		fmt.Fprintf(w, "  %s %s (%s): %s\n", k[0], k[1], counted(a.Locations, "location"), strings.Join(said(layer.Effect{
			VerdictBefore: a.Today.Verdict, Verdict: a.Validation.Verdict, Why: a.Why, PSAPBefore: a.Today.PSAP, PSAP: a.PSAP, Relay: a.Relay,
		}), "; "))
	}
	return nil
}
