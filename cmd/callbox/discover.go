package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin/discover"
	"github.com/callbox911/callbox/internal/admin/discover/snmp"
	"github.com/callbox911/callbox/internal/app"
	"github.com/callbox911/callbox/internal/e911"
)

type discoverCmd struct {
	SNMP discoverSNMPCmd `cmd:"" name:"snmp" help:"Read switches and wireless controllers; propose network elements, show how the map differs."`
}

// discoverSNMPCmd takes secrets from the environment or a file only: arguments
// are visible to every user of the machine.
type discoverSNMPCmd struct {
	Target      []string      `help:"Device, HOST or HOST:PORT; may be repeated."`
	Targets     string        `help:"File with one device a line; # begins a remark." type:"existingfile"`
	Credentials string        `help:"File with lines community=..., or user=..., auth=sha256, auth-key=..., priv=aes, priv-key=..., context=...; else CALLBOX_SNMP_COMMUNITY, or CALLBOX_SNMP_USER, _AUTH, _AUTH_KEY, _PRIV, _PRIV_KEY, _CONTEXT in the environment." type:"existingfile" env:"CALLBOX_SNMP_CREDENTIALS"`
	Data        string        `help:"Compare with the map in this data directory, of a running server or not." type:"path"`
	Org         string        `help:"Key of the organisation, where there are several."`
	Map         string        `help:"Compare with this file of the network map import instead." type:"existingfile"`
	Before      string        `help:"Report (--json) of an earlier discovery: show which phones moved since." type:"existingfile"`
	JSON        bool          `name:"json" help:"Print the whole report as JSON." xor:"form"`
	CSV         bool          `name:"csv" help:"Print the proposals as a file of the network map import, to fill in the locations." xor:"form"`
	Unsure      bool          `help:"With --csv: also proposals that somebody has to look at first."`
	Timeout     time.Duration `help:"Of one request." default:"2s"`
	Retries     int           `help:"Of one request." default:"1"`
	MaxTime     time.Duration `help:"Of one device." default:"3m"`
	Parallel    int           `help:"Devices at once." default:"8"`
}

// maxTargets is how many devices one run reads.
const maxTargets = 10000

func (c *discoverSNMPCmd) Run(e *env) error {
	targets, err := c.targets()
	if err != nil {
		return err
	}
	credentials, err := c.credentials(os.Getenv)
	if err != nil {
		return err
	}
	reader, err := snmp.New(snmp.Config{
		Credentials: credentials, Timeout: c.Timeout, Retries: c.Retries, MaxTime: c.MaxTime, Parallel: c.Parallel, Now: time.Now,
	})
	if err != nil {
		return err
	}
	have, compare, err := c.stored(e.ctx)
	if err != nil {
		return err
	}
	before, err := c.before()
	if err != nil {
		return err
	}
	r := discover.Report{At: time.Now().UTC()}
	r.Devices, r.Failed = reader.ReadAll(e.ctx, targets)
	r.Proposals = discover.Propose(r.Devices, have.Places)
	if compare {
		var covered discover.Coverage
		r.Drift, covered = discover.Drift(have, r.Devices, r.Proposals)
		r.Coverage = &covered
	}
	if before != nil {
		r.Drift = append(r.Drift, discover.Moves(before.Devices, r.Devices)...)
	}
	if err := c.write(e.stdout, r); err != nil {
		return err
	}
	return unreached(e.stderr, r, len(targets))
}

func (c *discoverSNMPCmd) write(w io.Writer, r discover.Report) error {
	switch {
	case c.JSON:
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		if err := enc.Encode(r); err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
		return nil
	case c.CSV:
		return discover.WriteCSV(w, r.Proposals, c.Unsure)
	}
	return r.WriteText(w)
}

// unreached makes exit code 1 of targets that did not answer. What the others
// said is printed before.
func unreached(w io.Writer, r discover.Report, all int) error {
	if len(r.Failed) == 0 {
		return nil
	}
	for _, f := range r.Failed {
		fmt.Fprintf(w, "%s: %s\n", f.Target, f.Why)
	}
	return e911.Errorf(e911.Unavailable, "%d of %d devices did not answer", len(r.Failed), all)
}

func (c *discoverSNMPCmd) targets() ([]snmp.Target, error) {
	names := c.Target
	if c.Targets != "" {
		lines, err := readLines(c.Targets)
		if err != nil {
			return nil, err
		}
		names = append(names, lines...)
	}
	var out []snmp.Target
	var errs []error
	seen := map[snmp.Target]bool{}
	for _, n := range names {
		t, err := snmp.ParseTarget(n)
		errs = append(errs, err)
		if err == nil && !seen[t] {
			seen[t] = true
			out = append(out, t)
		}
	}
	switch {
	case errors.Join(errs...) != nil:
		return nil, errors.Join(errs...)
	case len(out) == 0:
		return nil, e911.Errorf(e911.Invalid, "no device: name one with --target, or a file of them with --targets")
	case len(out) > maxTargets:
		return nil, e911.Errorf(e911.Invalid, "%d devices are more than the %d that one run reads", len(out), maxTargets)
	}
	return out, nil
}

// readLines reads a file without remarks and empty lines.
func readLines(file string) ([]string, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("open the file: %w", err)
	}
	defer f.Close()
	var out []string
	s := bufio.NewScanner(f)
	for s.Scan() {
		line := strings.TrimSpace(s.Text())
		if line != "" && !strings.HasPrefix(line, "#") {
			out = append(out, line)
		}
	}
	if err := s.Err(); err != nil {
		return nil, e911.Errorf(e911.Invalid, "%s is no file of lines: %v", file, err)
	}
	return out, nil
}

func (c *discoverSNMPCmd) credentials(getenv func(string) string) (snmp.Credentials, error) {
	var k snmp.Credentials
	set := map[string]func(string){
		"community": func(v string) { k.Community = v },
		"user":      func(v string) { k.User = v },
		"auth":      func(v string) { k.Auth = snmp.Auth(strings.ToLower(v)) },
		"auth-key":  func(v string) { k.AuthKey = v },
		"priv":      func(v string) { k.Priv = snmp.Priv(strings.ToLower(v)) },
		"priv-key":  func(v string) { k.PrivKey = v },
		"context":   func(v string) { k.Context = v },
	}
	if c.Credentials == "" {
		for name, to := range set {
			to(getenv("CALLBOX_SNMP_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))))
		}
		return k, nil
	}
	lines, err := readLines(c.Credentials)
	if err != nil {
		return k, err
	}
	for i, line := range lines {
		name, value, ok := strings.Cut(line, "=")
		to := set[strings.TrimSpace(name)]
		if !ok || to == nil {
			// The line itself may be a secret.
			return k, e911.Errorf(e911.Invalid, "entry %d of %s is not community=, user=, auth=, auth-key=, priv=, priv-key= or context=", i+1, c.Credentials)
		}
		to(strings.TrimSpace(value))
	}
	return k, nil
}

// stored reads the map to compare with, if one was named.
func (c *discoverSNMPCmd) stored(ctx context.Context) (m discover.Map, compare bool, err error) {
	switch {
	case c.Map != "" && c.Data != "":
		return m, false, e911.Errorf(e911.Invalid, "compare with --data or with --map, not with both")
	case c.Map != "":
		f, err := os.Open(c.Map)
		if err != nil {
			return m, false, fmt.Errorf("open the map: %w", err)
		}
		defer f.Close()
		m, err = discover.ReadCSV(f)
		return m, true, err
	case c.Data == "" && c.Org != "":
		return m, false, e911.Errorf(e911.Invalid, "--org says whose map of --data")
	case c.Data != "":
		m, err = app.NetworkMap(ctx, c.Data, c.Org)
		return m, true, err
	}
	return m, false, nil
}

func (c *discoverSNMPCmd) before() (*discover.Report, error) {
	if c.Before == "" {
		return nil, nil //nolint:nilnil // none was named
	}
	text, err := os.ReadFile(c.Before)
	if err != nil {
		return nil, fmt.Errorf("read the earlier report: %w", err)
	}
	var r discover.Report
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, e911.Errorf(e911.Invalid, "%s is no report of callbox discover snmp --json: %v", c.Before, err)
	}
	return &r, nil
}
