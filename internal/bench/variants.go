package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// VariantsConfig is what RunVariants needs; Program, Stdout and Log are required.
type VariantsConfig struct {
	SIPConfig // Program, Rate (100), Seconds (20), Talk, JSON, Keep, Stdout, Log
}

// VariantResult is what calls of one kind cost. CPU is that of the process, in user
// mode and kernel, over the load and what was left to do after it, until everybody
// was told and the records were kept.
type VariantResult struct {
	Name         string         `json:"name"`
	Calls        int            `json:"calls"`
	Lost         int            `json:"lost"`
	Why          map[string]int `json:"why,omitempty"`
	CPUPerCall   float64        `json:"cpu_us_per_call"`  // until settled
	LoadPerCall  float64        `json:"load_us_per_call"` // while the calls came
	OnTop        float64        `json:"cost_us_per_call"` // beyond plain calls
	Attempts     float64        `json:"attempts_per_call"`
	References   int            `json:"references"`   // of the call's own, that PSAPs were given
	Dereferenced int            `json:"dereferenced"` // of these, answered with a location
	ELINs        int            `json:"elins"`        // different ones that PSAPs were given
	Settled      bool           `json:"settled"`
	SettledAfter float64        `json:"settled_after_s"`
	RSSMiB       float64        `json:"rss_mib"`
}

// VariantsResult has plain calls first and last: their mean is what the others are
// compared with, and their difference says how still the machine was.
type VariantsResult struct {
	Rate     int             `json:"rate"`
	Seconds  int             `json:"seconds"`
	Variants []VariantResult `json:"variants"`
}

// variant is a kind of calls: by which routes the PSAP is reached, and what it does.
type variant struct {
	name    string
	routes  []string // keys of trunks of variantTrunks, or of examples/harbor.yaml
	psap    string   // trunk of the one who answers
	refuse  map[string]int
	deref   bool
	checkOf func(VariantResult) error // the variant did what it is for
}

// The trunks of the variants: address, kind and profile.
var variantTrunks = []struct{ key, side, kind, profile, addr string }{
	{"elin-a", "carrier", "provider", "elin", "127.0.0.91:5071"},
	{"i3-a", "esinet", "esinet", "i3", "127.0.0.92:5071"},
	{"slim-a", "carrier", "provider", "carrier", "127.0.0.93:5071"},
	{"busy-a", "carrier", "provider", "carrier", "127.0.0.94:5071"},
	{"slim-i3", "esinet", "esinet", "i3", "127.0.0.95:5071"},
	{"busy-elin", "carrier", "provider", "elin", "127.0.0.96:5071"},
}

func variants() []variant {
	return []variant{
		{name: "plain", routes: []string{"carrier-a"}, psap: "carrier-a"},
		{
			name: "full ladder", routes: []string{"slim-a", "busy-a", "carrier-a"}, psap: "carrier-a", refuse: map[string]int{"slim-a": 488, "busy-a": 486},
			checkOf: func(r VariantResult) error { return want(r, "attempts", r.Attempts > 3.9) },
		},
		{
			name: "i3 form, reference handed out", routes: []string{"i3-a"}, psap: "i3-a",
			checkOf: func(r VariantResult) error { return want(r, "references", r.References*10 >= r.Calls*9) },
		},
		{
			name: "the same, dereferenced by the PSAP", routes: []string{"i3-a"}, psap: "i3-a", deref: true,
			checkOf: func(r VariantResult) error { return want(r, "answers to references", r.Dereferenced*10 >= r.Calls*9) },
		},
		{
			name: "ELIN lent", routes: []string{"elin-a"}, psap: "elin-a",
			checkOf: func(r VariantResult) error { return want(r, "ELINs", r.ELINs*10 >= r.Calls*9) },
		},
		{
			name: "all together", routes: []string{"slim-i3", "busy-elin", "i3-a"}, psap: "i3-a", deref: true, refuse: map[string]int{"slim-i3": 488, "busy-elin": 486},
			checkOf: func(r VariantResult) error {
				return errors.Join(want(r, "attempts", r.Attempts > 3.9), want(r, "answers to references", r.Dereferenced*10 >= r.Calls*9), want(r, "ELINs", r.ELINs*10 >= r.Calls*9))
			},
		},
		{name: plainAgain, routes: []string{"carrier-a"}, psap: "carrier-a"},
	}
}

const plainAgain = "plain again"

func want(r VariantResult, what string, ok bool) error {
	if ok {
		return nil
	}
	return fmt.Errorf("%s: too few %s for %d calls: attempts %.1f a call, %d references of which %d answered, %d ELINs",
		r.Name, what, r.Calls, r.Attempts, r.References, r.Dereferenced, r.ELINs)
}

// RunVariants measures and writes a VariantsResult.
func RunVariants(ctx context.Context, cfg VariantsConfig) error {
	if _, err := exec.LookPath("sipp"); err != nil {
		return fmt.Errorf("the benchmark needs sipp (Debian package sip-tester): %w", err)
	}
	if cfg.Talk == 0 {
		cfg.Talk = talk
	}
	if calls := cfg.Rate * cfg.Seconds; cfg.Rate < 1 || cfg.Seconds < 1 || calls > maxVariantCalls {
		return fmt.Errorf("bench sip: variants are of up to %d calls", maxVariantCalls)
	}
	r := VariantsResult{Rate: cfg.Rate, Seconds: cfg.Seconds}
	for _, v := range variants() {
		cfg.Log.Info("bench", "variant", v.name)
		one, err := cfg.variant(ctx, v)
		if err == nil && v.checkOf != nil && one.Lost == 0 {
			err = v.checkOf(one)
		}
		if err != nil {
			return fmt.Errorf("bench sip, %s: %w", v.name, err)
		}
		r.Variants = append(r.Variants, one)
	}
	r.compare()
	if cfg.JSON {
		return json.NewEncoder(cfg.Stdout).Encode(r)
	}
	_, err := io.WriteString(cfg.Stdout, r.Table())
	return err
}

// compare says what each costs beyond plain calls.
func (r *VariantsResult) compare() {
	if len(r.Variants) == 0 {
		return
	}
	plain := (r.Variants[0].CPUPerCall + r.Variants[len(r.Variants)-1].CPUPerCall) / 2
	for i := range r.Variants {
		r.Variants[i].OnTop = r.Variants[i].CPUPerCall - plain
	}
}

// variant measures one, with a server and a database of its own.
func (c *VariantsConfig) variant(ctx context.Context, v variant) (out VariantResult, err error) {
	dir, err := os.MkdirTemp(c.Keep, "callbox-bench-")
	if err != nil {
		return out, fmt.Errorf("make a folder: %w", err)
	}
	if c.Keep == "" {
		defer os.RemoveAll(dir)
	}
	places := variantPlaces(c.Rate * c.Seconds)
	b := &bench{cfg: Config{Program: c.Program, Log: c.Log, memory: memoryMiB, world: func(text []byte) []byte { return variantWorld(text, v.routes, places) }}, dir: dir}
	if err = b.start(ctx); err == nil {
		out, err = b.variant(ctx, c.SIPConfig, v, places)
	}
	err = errors.Join(err, b.stop())
	out.RSSMiB = float64(b.maxRSS) / 1024
	return out, err
}

func (b *bench) variant(ctx context.Context, cfg SIPConfig, v variant, places int) (out VariantResult, err error) {
	out.Name = v.name
	if err := b.confirmELINs(ctx); err != nil {
		return out, err
	}
	tokens, err := b.tokens(ctx, places)
	if err != nil {
		return out, err
	}
	// The first calls warm up, and the change of the ELINs is in use after them.
	if _, err := b.variantLoad(ctx, v, cfg, tokens, 1); err != nil {
		return out, err
	}
	if !b.settle(ctx, 2*cfg.Rate) {
		return out, errors.New("the server did not come to rest after the first calls")
	}
	told := b.told()
	before, err := cpuOf([]int{b.server.Process.Pid})
	if err != nil {
		return out, err
	}
	got, err := b.variantLoad(ctx, v, cfg, tokens, cfg.Seconds)
	if err != nil {
		return out, err
	}
	during, err := cpuOf([]int{b.server.Process.Pid})
	if err != nil {
		return out, err
	}
	began := time.Now()
	out.Settled = b.settle(ctx, told+2*(got.out.Calls-got.out.Lost))
	out.SettledAfter = time.Since(began).Seconds()
	after, err := cpuOf([]int{b.server.Process.Pid})
	if err != nil {
		return out, err
	}
	calls := float64(max(1, got.out.Calls))
	out.Calls, out.Lost, out.Why = got.out.Calls, got.out.Lost, got.out.Why
	out.CPUPerCall = micro(after.user+after.system-before.user-before.system) / calls
	out.LoadPerCall = micro(during.user+during.system-before.user-before.system) / calls
	out.Attempts, out.References, out.Dereferenced, out.ELINs = float64(got.attempts)/calls, got.references, got.dereferenced, got.elins
	return out, nil
}

// Table is the result as a part of docs/benchmarks.md.
func (r VariantsResult) Table() string {
	var w strings.Builder
	fmt.Fprintf(&w, `## What each part of an emergency call costs

%d calls a second for %d s, each kind with a server of its own, one after the other, %d cores shared with SIPp. The calls come from many places, each with its
own reference and ten confirmed ELINs. *Full ladder*: the first route answers 488 and is tried again slim, the second answers 486, the third answers. *All
together* is that ladder by an i3 route, one with an ELIN, and an i3 route whose PSAP asks for the location. Processor time of the process until everybody was
told and the records were kept; cost is beyond the mean of plain calls, first and last.

| calls | calls | lost | INVITEs out a call | references, answered | ELINs | CPU µs a call | while they came | cost, µs a call | resident |
|---|---|---|---|---|---|---|---|---|---|
`, r.Rate, r.Seconds, runtime.NumCPU())
	for _, v := range r.Variants {
		settled := fmt.Sprintf("%.0f", v.CPUPerCall)
		if !v.Settled {
			settled += " (not all done)"
		}
		fmt.Fprintf(&w, "| %s | %d | %d | %.1f | %d, %d | %d | %s | %.0f | %+.0f | %.0f MiB |\n",
			v.Name, v.Calls, v.Lost, v.Attempts, v.References, v.Dereferenced, v.ELINs, settled, v.LoadPerCall, v.OnTop, v.RSSMiB)
	}
	for _, v := range r.Variants {
		if v.Lost > 0 && len(v.Why) > 0 {
			fmt.Fprintf(&w, "\n%s, counted by SIPp and the kernel: %s.\n", v.Name, counted(v.Why))
		}
	}
	return w.String()
}
