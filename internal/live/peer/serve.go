package peer

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/obs"
)

// serve answers peers until ctx ends, and waits for all answers.
func (m *Mesh) serve(ctx context.Context) {
	var busy sync.WaitGroup
	mux := http.NewServeMux()
	handle := func(path string, do func(w http.ResponseWriter, r *http.Request, p *node)) {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			busy.Add(1)
			defer busy.Done()
			if p := m.caller(w, r); p != nil {
				do(w, r, p)
			}
		})
	}
	handle(factsPath, m.tell)
	handle(heldPath, m.held)
	srv := &http.Server{
		Handler: mux, ReadHeaderTimeout: silentAfter, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 8 << 10,
		BaseContext: func(net.Listener) context.Context { return ctx },
		ErrorLog:    log.New(logged{m.cfg.Log}, "", 0),
	}
	stop := context.AfterFunc(ctx, func() { _ = srv.Close() })
	defer stop()
	err := srv.Serve(tls.NewListener(&few{Listener: m.cfg.Listener, room: make(chan struct{}, maxConns)}, m.server))
	if ctx.Err() == nil {
		m.cfg.Log.Error("peers cannot reach this node any more", obs.Err(err))
	}
	busy.Wait()
}

// caller is the peer that asks. Who holds the key is a node; one that is not
// configured here would divide the ELINs otherwise than we do.
func (m *Mesh) caller(w http.ResponseWriter, r *http.Request) *node {
	name := r.FormValue("node")
	i := slices.IndexFunc(m.peers, func(p *node) bool { return p.name == name })
	if i < 0 {
		m.alarm(AlarmRefused, "a stranger", fmt.Sprintf("a node that calls itself %.40q asks, and no --peer names it", name))
		http.Error(w, "no --peer of this node has that name", http.StatusForbidden)
		return nil
	}
	p := m.peers[i]
	p.mu.Lock()
	p.from = remoteOf(r.RemoteAddr)
	p.mu.Unlock()
	return p
}

// held answers whom a number leads back to.
func (m *Mesh) held(w http.ResponseWriter, r *http.Request, _ *node) {
	n, err := e911.ParseNumber(r.FormValue("number"))
	if err != nil {
		http.Error(w, "no number", http.StatusBadRequest)
		return
	}
	facts := m.cfg.Held(n)
	for i := range facts {
		facts[i].Node = m.cfg.Node
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer{Facts: facts[:min(len(facts), maxHeld)]}) // it went away
}

// tell gives the facts of our journal as they come, from where the peer left off.
// A second stream of a peer ends its first.
func (m *Mesh) tell(w http.ResponseWriter, r *http.Request, p *node) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	m.mu.Lock()
	if before := m.streams[p.name]; before != nil {
		before()
	}
	m.streams[p.name] = cancel
	m.mu.Unlock()
	t := &teller{m: m, enc: json.NewEncoder(w), rc: http.NewResponseController(w)}
	seq, _ := strconv.ParseUint(r.FormValue("seq"), 10, 64) // 0: from the first on
	at, _ := strconv.ParseInt(r.FormValue("at"), 10, 64)
	w.Header().Set("Content-Type", "application/x-ndjson")
	if err := t.run(ctx, place{seq, at}); err != nil && ctx.Err() == nil {
		m.cfg.Log.Debug("a peer does not listen any more", obs.KeyNode, p.name, obs.Err(err))
	}
}

// teller tells one peer. What the peer does not read waits in the journal.
type teller struct {
	m    *Mesh
	enc  *json.Encoder
	rc   *http.ResponseController
	last place
	dirt bool // written and not flushed
}

func (t *teller) run(ctx context.Context, from place) error {
	facts, anew := t.open(ctx, from)
	if err := t.say(line{Hello: &hello{Node: t.m.cfg.Node, SIP: t.m.cfg.SIP(), Anew: anew}}); err != nil {
		return err
	}
	beat := time.NewTicker(markEvery)
	defer beat.Stop()
	if err := t.mark(); err != nil {
		return err
	}
	for {
		select {
		case f, ok := <-facts:
			if !ok {
				return errors.New("the journal ended")
			}
			if err := t.fact(f); err != nil {
				return err
			}
			continue
		default:
		}
		if err := t.flush(); err != nil {
			return err
		}
		select {
		case f, ok := <-facts:
			if !ok {
				return errors.New("the journal ended")
			}
			if err := t.fact(f); err != nil {
				return err
			}
		case <-beat.C:
			if err := t.mark(); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// open reads the journal behind a fact that the peer knows; from its first fact
// on, when that one is not in it.
func (t *teller) open(ctx context.Context, from place) (facts <-chan journal.Fact, anew bool) {
	if from.seq == 0 {
		return t.m.cfg.Feed.Subscribe(ctx, 1), false
	}
	if from.seq <= t.m.cfg.Last() {
		look, done := context.WithCancel(ctx)
		in := t.m.cfg.Feed.Subscribe(look, from.seq)
		f, ok := <-in
		done()
		if ok && f.Seq == from.seq && f.At.UnixMilli() == from.at {
			t.last = from
			return t.m.cfg.Feed.Subscribe(ctx, from.seq+1), false
		}
	}
	return t.m.cfg.Feed.Subscribe(ctx, 1), true
}

func (t *teller) fact(f journal.Fact) error {
	t.last = place{f.Seq, f.At.UnixMilli()}
	if !kinds[f.Kind] || len(f.Body) > maxFact {
		return nil
	}
	return t.say(line{Fact: &f})
}

func (t *teller) mark() error {
	if err := t.say(line{Mark: &mark{Seq: t.last.seq, At: t.last.at, Now: t.m.cfg.Now().UnixMilli()}}); err != nil {
		return err
	}
	return t.flush()
}

func (t *teller) say(l line) error {
	if err := t.rc.SetWriteDeadline(time.Now().Add(writeWithin)); err != nil {
		return fmt.Errorf("bound a write: %w", err)
	}
	t.dirt = true
	if err := t.enc.Encode(l); err != nil {
		return fmt.Errorf("tell: %w", err)
	}
	return nil
}

func (t *teller) flush() error {
	if !t.dirt {
		return nil
	}
	t.dirt = false
	if err := t.rc.Flush(); err != nil {
		return fmt.Errorf("tell: %w", err)
	}
	return nil
}

// few closes connections beyond its room as soon as they come.
type few struct {
	net.Listener
	room chan struct{}
}

// Accept implements net.Listener.
func (l *few) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err //nolint:wrapcheck // net/http tells its errors apart
		}
		select {
		case l.room <- struct{}{}:
			return &counted{Conn: c, leave: sync.OnceFunc(func() { <-l.room })}, nil
		default:
			_ = c.Close() // it is refused
		}
	}
}

// counted gives its place back when it is closed.
type counted struct {
	net.Conn
	leave func()
}

// Close implements net.Conn.
func (c *counted) Close() error {
	defer c.leave()
	return c.Conn.Close() //nolint:wrapcheck // net/http's own
}

// logged is the log of net/http.
type logged struct{ log *slog.Logger }

// Write implements io.Writer.
func (l logged) Write(b []byte) (int, error) {
	l.log.Debug("peers: " + string(b))
	return len(b), nil
}
