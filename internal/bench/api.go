package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// APIConfig is what RunAPI needs; Program and Stdout are required. Zero values are
// those of the Result's promise.
type APIConfig struct {
	Program string // the callbox binary
	Users   int    // of the organisation; 10,000
	Rate    int    // requests a second; 1,000
	Calls   int    // emergency calls a second; 50
	Seconds int    // of each part; 20
	JSON    bool   // one line of JSON instead of a table
	Keep    string // folder in which data and logs are left; empty: none
	Profile string // file for a processor profile of the server; may be empty
	Stdout  io.Writer
	Log     *slog.Logger
}

func (c *APIConfig) fill() error {
	for v, d := range map[*int]int{&c.Users: 10_000, &c.Rate: 1000, &c.Calls: 50, &c.Seconds: 20} {
		if *v == 0 {
			*v = d
		}
	}
	if c.Program == "" || c.Stdout == nil || c.Log == nil || min(c.Users, c.Rate, c.Calls, c.Seconds) < 1 || c.Users > 1_000_000 {
		return errors.New("bench api: want a program, users (at most 1,000,000), requests and calls a second, and somewhere to write")
	}
	return nil
}

// APIResult is what came out. Times of requests count from the moment at which
// each was due, so that one that waits for another is not flattered. Set-up is from
// INVITE to 200, by one capture; Alone is the mean of the two medians before and
// after the requests.
type APIResult struct {
	Users      int     `json:"users"`
	Rate       int     `json:"rate"`
	Seconds    int     `json:"seconds"`
	Requests   int     `json:"requests"`
	Failed     int     `json:"failed"` // not answered 200
	P50        float64 `json:"p50_ms"`
	P99        float64 `json:"p99_ms"`
	Worst      float64 `json:"worst_ms"`
	Calls      int     `json:"calls_per_s"`
	Lost       int     `json:"lost"`       // of the calls, over all parts
	SetupAlone float64 `json:"setup_ms"`   // median, calls alone
	SetupWith  float64 `json:"setup_with"` // median in ms, with the requests
	SetupRatio float64 `json:"setup_ratio"`
	P99Alone   float64 `json:"setup_p99_ms"`
	P99With    float64 `json:"setup_with_p99_ms"`
	RSSMiB     float64 `json:"rss_mib"`
}

// RunAPI measures and writes an APIResult.
func RunAPI(ctx context.Context, cfg APIConfig) error {
	if err := cfg.fill(); err != nil {
		return err
	}
	for _, tool := range []string{"sipp", "dumpcap", "tshark"} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("the benchmark needs %s (Debian packages sip-tester, tshark): %w", tool, err)
		}
	}
	dir, err := os.MkdirTemp(cfg.Keep, "callbox-bench-")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	if cfg.Keep == "" {
		defer os.RemoveAll(dir)
	}
	b := &bench{cfg: Config{Program: cfg.Program, Log: cfg.Log, memory: memoryMiB, profile: cfg.Profile}, dir: dir}
	r := APIResult{Users: cfg.Users, Rate: cfg.Rate, Seconds: cfg.Seconds, Calls: cfg.Calls}
	if err = b.start(ctx); err == nil {
		err = b.api(ctx, cfg, &r)
	}
	if err = errors.Join(err, b.stop()); err != nil {
		return err
	}
	r.RSSMiB = float64(b.maxRSS) / 1024
	if cfg.JSON {
		return json.NewEncoder(cfg.Stdout).Encode(r)
	}
	_, err = io.WriteString(cfg.Stdout, r.Table())
	return err
}

// api measures calls alone, with requests, and alone again.
func (b *bench) api(ctx context.Context, cfg APIConfig, r *APIResult) error {
	if err := b.people(ctx, cfg.Users); err != nil {
		return err
	}
	key, err := b.command(ctx, "apikey", "create", "bench", "--scope", "read", "--org", "harbor")
	if err != nil {
		return err
	}
	load := &apiLoad{url: "http://" + webAddr + "/api/v1/organisations/key:harbor/users", key: strings.TrimSpace(key), users: cfg.Users, rate: cfg.Rate}
	defer load.close()
	var ms [3][]float64
	for part := range ms {
		with := part == 1
		ctx, cancel := context.WithCancel(ctx)
		asked := make(chan error, 1)
		go func() {
			var err error
			if with {
				err = load.run(ctx, time.Duration(cfg.Seconds)*time.Second)
			}
			asked <- err
		}()
		l, err := b.through(cfg.Calls, cfg.Seconds)
		if err == nil {
			var packets []packet
			var out outcome
			if packets, out, err = b.captured(ctx, l); err == nil {
				ms[part] = answerTimes(packets, pbx.String())
				r.Lost += out.Lost
			}
		}
		if err != nil {
			cancel() // nobody needs the requests any more
		}
		err = errors.Join(err, <-asked)
		cancel()
		if err != nil {
			return fmt.Errorf("bench api: %w", err)
		}
	}
	load.tell(r)
	r.SetupWith, r.P99With = quantile(ms[1], 0.5), quantile(ms[1], 0.99)
	r.SetupAlone = (quantile(ms[0], 0.5) + quantile(ms[2], 0.5)) / 2
	r.P99Alone = (quantile(ms[0], 0.99) + quantile(ms[2], 0.99)) / 2
	if r.SetupAlone > 0 {
		r.SetupRatio = r.SetupWith / r.SetupAlone
	}
	return nil
}

// people imports users as an administrator would.
func (b *bench) people(ctx context.Context, n int) error {
	var w bytes.Buffer
	w.WriteString("key,name,email,site,device_user_id\n")
	for i := range n {
		k := strconv.Itoa(i)
		w.WriteString("u" + k + ",Person " + k + ",u" + k + "@harbor.example,hq,E-" + k + "\n")
	}
	file := filepath.Join(b.dir, "users.csv")
	if err := os.WriteFile(file, w.Bytes(), 0o600); err != nil {
		return fmt.Errorf("write the table of users: %w", err)
	}
	_, err := b.command(ctx, "import", "users", file, "--org", "harbor")
	return err
}

// command runs callbox beside the server and returns what it printed.
func (b *bench) command(ctx context.Context, args ...string) (string, error) {
	var out, faults bytes.Buffer
	cmd := exec.CommandContext(ctx, b.cfg.Program, append(args, "--data", b.data())...)
	cmd.Stdout, cmd.Stderr = &out, &faults
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("callbox %s: %w: %s", strings.Join(args[:min(2, len(args))], " "), err, bytes.TrimSpace(faults.Bytes()))
	}
	return out.String(), nil
}

func (b *bench) data() string { return filepath.Join(b.dir, "data") }

// Table is the result as a part of docs/benchmarks.md.
func (r APIResult) Table() string {
	return fmt.Sprintf(`## The API while calls run

%d users; %d reads a second for %d s (of ten, eight of a user by key, one by the id that the platform sends, one page of 100), beside %d emergency calls a
second, %d cores shared with both loads. The time of a read counts from when it was due. Calls alone were measured before and after.

| | median | p99 | worst |
|---|---|---|---|
| read over the API | %.1f ms | %.1f ms | %.0f ms |
| INVITE→200, calls alone | %.2f ms | %.1f ms | |
| INVITE→200, with the reads | %.2f ms | %.1f ms | |

Set-up with the reads is **%.2f** times that without. Of %d reads %d were not answered 200; %d calls were lost. At most %.0f MiB resident.
`, r.Users, r.Rate, r.Seconds, r.Calls, runtime.NumCPU(), r.P50, r.P99, r.Worst, r.SetupAlone, r.P99Alone, r.SetupWith, r.P99With,
		r.SetupRatio, r.Requests, r.Failed, r.Lost, math.Ceil(r.RSSMiB))
}
