package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/callbox911/callbox/internal/store/pgcluster"
)

// Engines of the database.
const (
	engineSQLite     = "sqlite"
	enginePostgreSQL = "postgres"
)

// ImportConfig is what RunImport needs. Rows that are 0 are those of the Result's
// promise; negative ones are left out.
type ImportConfig struct {
	Users    int // rows of the table of users; 100,000
	Elements int // rows of the table of network elements; 100,000
	Network  int // rows of the network map; 1,000,000
	Engines  []string
	// Program is a callbox binary: each engine and each part of the work runs in a
	// process of its own, so that memory is its own. None: it runs in this one.
	Program string
	Profile string // prefix of files for processor profiles of each part; may be empty
	JSON    bool   // one line of JSON instead of a table
	Stdout  io.Writer
}

func (c *ImportConfig) fill() error {
	for v, d := range map[*int]int{&c.Users: 100_000, &c.Elements: 100_000, &c.Network: 1_000_000} {
		if *v == 0 {
			*v = d
		}
	}
	if len(c.Engines) == 0 {
		c.Engines = []string{engineSQLite, enginePostgreSQL}
	}
	if i := slices.IndexFunc(c.Engines, func(e string) bool { return e != engineSQLite && e != enginePostgreSQL }); i >= 0 {
		return fmt.Errorf("bench import: %q is no engine, write %s or %s", c.Engines[i], engineSQLite, enginePostgreSQL)
	}
	if c.Stdout == nil || max(c.Users, c.Elements) > 2_000_000 || c.Network > 1_000_000 {
		return errors.New("bench import: want at most 2,000,000 rows a table, 1,000,000 of the network map, and somewhere to write")
	}
	return nil
}

// TableImport is one table that was brought in, in seconds: read and compared with
// what is stored, planned with its effects on calls, applied in one transaction
// with its audit trail, and published to the calls.
type TableImport struct {
	Kind     string  `json:"kind"`
	Rows     int     `json:"rows"`
	ReadS    float64 `json:"read_s"`
	CompareS float64 `json:"compare_s"`
	PlanS    float64 `json:"plan_s"`
	ApplyS   float64 `json:"apply_s"`
	PublishS float64 `json:"publish_s"`
	TotalS   float64 `json:"total_s"` // until it is applied
	RowsPerS float64 `json:"rows_per_s"`
	PeakMiB  float64 `json:"peak_mib"` // the most that was resident, with the world that calls use
}

// EngineImport is what one engine did.
type EngineImport struct {
	Engine  string        `json:"engine"`
	Missing string        `json:"missing,omitempty"` // why it was not measured
	Tables  []TableImport `json:"tables,omitempty"`
	// Network is the import of a whole network map, without a plan: its read_s is
	// the reading, and its apply_s all that follows.
	Network *TableImport `json:"network,omitempty"`
}

// ImportResult is what came out.
type ImportResult struct {
	Engines []EngineImport `json:"engines"`
}

// RunImport measures and writes an ImportResult.
func RunImport(ctx context.Context, cfg ImportConfig) error {
	if err := cfg.fill(); err != nil {
		return err
	}
	var r ImportResult
	for _, engine := range cfg.Engines {
		var got EngineImport
		for _, part := range []string{partTables, partNetwork} {
			if part == partTables && max(cfg.Users, cfg.Elements) < 0 || part == partNetwork && cfg.Network < 0 {
				continue
			}
			one, err := cfg.part(ctx, engine, part)
			if err != nil {
				return fmt.Errorf("bench import, %s, %s: %w", engine, part, err)
			}
			got.Engine, got.Missing = one.Engine, one.Missing
			got.Tables = append(got.Tables, one.Tables...)
			if one.Network != nil {
				got.Network = one.Network
			}
		}
		r.Engines = append(r.Engines, got)
	}
	if cfg.JSON {
		return json.NewEncoder(cfg.Stdout).Encode(r)
	}
	_, err := io.WriteString(cfg.Stdout, r.Table())
	return err
}

// part measures in a process of its own.
func (c *ImportConfig) part(ctx context.Context, engine, part string) (out EngineImport, err error) {
	if c.Program == "" {
		return c.measure(ctx, engine, part)
	}
	args := []string{
		"bench", "import", "--part", part, "--engine", engine,
		"--users=" + strconv.Itoa(c.Users), "--elements=" + strconv.Itoa(c.Elements), "--network=" + strconv.Itoa(c.Network),
	}
	if c.Profile != "" {
		args = append(args, "--profile", c.Profile+"-"+engine+"-"+part)
	}
	cmd := exec.CommandContext(ctx, c.Program, args...)
	var faults bytes.Buffer
	cmd.Stderr = io.MultiWriter(&faults, os.Stderr)
	text, err := cmd.Output()
	if err != nil {
		return out, fmt.Errorf("%w: %s", err, bytes.TrimSpace(faults.Bytes()))
	}
	if err := json.Unmarshal(text, &out); err != nil {
		return out, fmt.Errorf("read what the process says: %w", err)
	}
	return out, nil
}

// MeasureImport is the process of one part: it writes an EngineImport.
func MeasureImport(ctx context.Context, cfg ImportConfig, part string) error {
	if err := cfg.fill(); err != nil {
		return err
	}
	if len(cfg.Engines) != 1 {
		return errors.New("bench import: a part is of one engine")
	}
	out, err := cfg.measure(ctx, cfg.Engines[0], part)
	if err != nil {
		return err
	}
	return json.NewEncoder(cfg.Stdout).Encode(out)
}

func (c *ImportConfig) measure(ctx context.Context, engine, part string) (out EngineImport, err error) {
	b, err := openImport(ctx, engine)
	if errors.Is(err, pgcluster.ErrMissing) {
		return EngineImport{Engine: engine, Missing: err.Error()}, nil
	}
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	stop, err := profileTo(c.Profile)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	out.Engine = engine
	if part == partNetwork {
		out.Network, err = b.network(ctx, c.Network)
		return out, err
	}
	out.Tables, err = b.tables(ctx, c.Users, c.Elements)
	return out, err
}

// Table is the result as a part of docs/benchmarks.md.
func (r ImportResult) Table() string {
	var w strings.Builder
	fmt.Fprintf(&w, `## Imports of large tables

Each engine in a process of its own, %d cores; PostgreSQL beside it, with fsync. The tables of users and of network elements are CSV files that are read,
compared with what is stored, planned with what they do to calls, and applied in one transaction with the audit trail; then calls use them. The network
map is imported by `+"`callbox import network`"+`, in one transaction. Memory is the most that the process had, with the world that calls use.

| engine | table | rows | read | compared | planned | applied | rows/s | in use by calls | memory |
|---|---|---|---|---|---|---|---|---|---|
`, runtime.NumCPU())
	for _, e := range r.Engines {
		for _, t := range e.Tables {
			fmt.Fprintf(&w, "| %s | %s | %d | %.1f s | %.1f s | %.1f s | %.1f s | %.0f | %.1f s | %.0f MiB |\n",
				e.Engine, t.Kind, t.Rows, t.ReadS, t.CompareS, t.PlanS, t.ApplyS, t.RowsPerS, t.PublishS, t.PeakMiB)
		}
		if t := e.Network; t != nil {
			fmt.Fprintf(&w, "| %s | %s | %d | %.1f s | | | %.1f s | %.0f | %.1f s | %.0f MiB |\n", e.Engine, t.Kind, t.Rows, t.ReadS, t.ApplyS, t.RowsPerS, t.PublishS, t.PeakMiB)
		}
		if e.Missing != "" {
			fmt.Fprintf(&w, "| %s | not measured: %s | | | | | | | | |\n", e.Engine, e.Missing)
		}
	}
	return w.String()
}
