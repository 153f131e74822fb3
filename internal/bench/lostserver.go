package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/live/lostd"
	"github.com/callbox911/callbox/internal/rules/ecrf"
	"github.com/callbox911/callbox/internal/rules/gis"
	"github.com/callbox911/callbox/internal/snapshot"
	"github.com/callbox911/callbox/wire/lost"
	"github.com/callbox911/callbox/wire/pidflo"
)

// ServeLost is the server of RunLost in a process of its own: it lays out the
// synthetic boundaries, tells where LoST and the null handler listen, and
// answers questions of how it is until in ends.
func ServeLost(_ context.Context, cfg LostConfig, in io.Reader, out io.Writer) (err error) {
	cfg.Stdout = out
	if err := cfg.fill(); err != nil {
		return err
	}
	srv, err := lostServer(cfg)
	if err != nil {
		return err
	}
	first, err := findService(e911.Point{Lat: 37, Lon: -96})
	if err != nil {
		return err
	}
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "/lost", bytes.NewReader(first))
	r.RemoteAddr = "127.0.0.1:40000"
	r.Header.Set("Content-Type", lost.MediaType)
	srv.ServeHTTP(w, r)
	if !strings.Contains(w.Body.String(), "findServiceResponse") {
		return fmt.Errorf("LoST answers HTTP %d %s", w.Code, w.Body)
	}
	same := heldServer{same: w.Body.Bytes(), long: []string{strconv.Itoa(w.Body.Len())}}
	var addrs [2]string
	for i, h := range []http.Handler{srv, http.HandlerFunc(same.serveNull)} {
		addr, stop, e := listen(h)
		if e != nil {
			return e
		}
		defer func() { err = errors.Join(err, stop()) }()
		addrs[i] = addr
	}
	runtime.GC()
	debug.FreeOSMemory()
	questions, told := json.NewDecoder(in), json.NewEncoder(out)
	for {
		if err := told.Encode(serverState{Full: addrs[full], Null: addrs[null], CPU: cpuTime(), RSSMiB: residentMiB()}); err != nil {
			return fmt.Errorf("tell how the server is: %w", err)
		}
		var q question
		if err := questions.Decode(&q); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read a question: %w", err)
		}
	}
}

func lostServer(cfg LostConfig) (*lostd.Server, error) {
	content, err := contentOf(boundariesOf(tiles(cfg.Polygons, cfg.Corners)))
	if err != nil {
		return nil, err
	}
	layer := e911.Layer{ID: "layer-bench", Key: "bench", Name: "Bench", Grade: e911.GradeAuthoritative, Source: "bench", Standard: "NENA-STA-006.3", Version: 1, Digest: strings.Repeat("0", 64), Boundaries: len(content.Boundaries())}
	snap, err := snapshot.Build([]snapshot.Change{{Kind: e911.KindLayer, ID: string(layer.ID), Object: gis.Layer{Layer: layer, Content: content}}}, time.Now())
	if err != nil {
		return nil, fmt.Errorf("build the world: %w", err)
	}
	holder := &snapshot.Holder{}
	holder.Store(snap)
	return lostd.New(lostd.Config{Snapshot: holder, Name: "lost.bench.example", URI: "sip:911@bench.example"})
}

// findService is the question who serves a point.
func findService(p e911.Point) ([]byte, error) {
	b, err := lost.Marshal(&lost.FindService{
		Locations: []lost.Location{{ID: "a", Shape: pidflo.Point{Pos: pidflo.Pos{Lat: p.Lat, Lon: p.Lon}}}}, Service: ecrf.ServiceSOS,
	})
	if err != nil {
		return nil, fmt.Errorf("write a query: %w", err)
	}
	return b, nil
}

// runLostServer runs the server until it has no questions to answer any more.
func runLostServer(ctx context.Context, cfg LostConfig, in io.Reader, out io.Writer) error {
	if cfg.Program == "" {
		return ServeLost(ctx, cfg, in, out)
	}
	cmd := exec.CommandContext(ctx, cfg.Program, "bench", "lost", "--server", "--polygons", strconv.Itoa(cfg.Polygons), "--corners", strconv.Itoa(cfg.Corners))
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("start the server: %w", err)
	}
	cmd.Stdout, cmd.Stderr = out, os.Stderr
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the server: %w", err)
	}
	go func() {
		_, _ = io.Copy(pipe, in) // its end, of either side, is what ends the server
		_ = pipe.Close()
	}()
	return cmd.Wait()
}

// measureHTTP asks both handlers of the server in turn.
func measureHTTP(ctx context.Context, cfg LostConfig, out *LostResult) (err error) {
	toServer, questions := io.Pipe()
	answers, fromServer := io.Pipe()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stopped := make(chan error, 1)
	go func() {
		err := runLostServer(ctx, cfg, toServer, fromServer)
		_ = fromServer.CloseWithError(errors.Join(err, io.EOF))
		_ = toServer.CloseWithError(io.EOF)
		stopped <- err
	}()
	defer func() {
		_ = questions.Close()
		go func() { _, _ = io.Copy(io.Discard, answers) }() // it may still be writing
		if e := <-stopped; err == nil {
			err = e
		}
	}()
	told := json.NewDecoder(bufio.NewReader(answers))
	var at serverState
	if err := told.Decode(&at); err != nil {
		return fmt.Errorf("hear of the server: %w", err)
	}
	load := [2]*lostLoad{{addr: at.Full}, {addr: at.Null}}
	for _, l := range load {
		for _, p := range points()[:4096] {
			p.Lat, p.Lon = min(max(p.Lat, 26), 47), min(max(p.Lon, -123), -69) // inside all tiles
			body, err := findService(p)
			if err != nil {
				return err
			}
			l.asks = append(l.asks, fmt.Sprintf("POST /lost HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", l.addr, lost.MediaType, len(body), body))
		}
	}
	var n [2]int64
	var took [2]time.Duration
	for round := range 4 { // the first warms up
		for _, which := range []int{round % 2, (round + 1) % 2} {
			at := time.Now()
			count, err := load[which].run(ctx, cfg.Round)
			if err != nil {
				return err
			}
			if round > 0 {
				n[which], took[which] = n[which]+count, took[which]+time.Since(at)
			}
		}
	}
	if err := json.NewEncoder(questions).Encode(question{}); err != nil {
		return fmt.Errorf("ask the server: %w", err)
	}
	if err := told.Decode(&at); err != nil {
		return fmt.Errorf("hear of the server: %w", err)
	}
	out.LostRPS, out.NullRPS = float64(n[full])/took[full].Seconds(), float64(n[null])/took[null].Seconds()
	out.Ratio, out.RSSMiB = out.LostRPS/out.NullRPS, at.RSSMiB
	return nil
}
