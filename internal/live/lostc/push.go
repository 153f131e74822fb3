package lostc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/obs"
	"github.com/callbox911/callbox/wire/lost"
)

// PusherConfig is what a Pusher needs. Peers, Source and Mappings are required.
type PusherConfig struct {
	Peers  []Upstream // who gets our mappings
	Source string     // our application unique string
	// Mappings are ours at the moment, with their boundaries; the same slice as
	// long as nothing changed.
	Mappings func() []lost.Mapping
	// File keeps what each peer has over a restart, so that what goes away while
	// we are down is deleted there, too; empty: memory alone.
	File      string
	Transport http.RoundTripper   // none: one without proxies
	Alarm     func(journal.Alarm) // none: logged
	Now       func() time.Time    // none: time.Now
	Log       *slog.Logger        // none: discarded
}

// Pusher sends our mappings to other LoST servers when they change (RFC 6739,
// section 5): what is new, what is newer, and what is gone, each with as many
// mappings as go well into one message. A peer that does not take them is tried
// again, later and later; the others do not wait for it. It sends nothing that
// came from others, so nothing goes round in circles.
type Pusher struct {
	cfg   PusherConfig
	http  *http.Client
	peers []*peer
}

// peer is one server with what it has of ours: by sourceId, when the mapping was
// last updated.
type peer struct {
	Upstream
	has   map[string]time.Time
	next  time.Time     // not before
	pause time.Duration // after the last failure
	tries int           // in vain, in a row
	told  bool          // the alarm is raised
}

// Bounds of pushing.
const (
	mostInOnePush = 256
	mostPushBytes = 16 << 20
	firstPause    = 10 * time.Second
	longestPause  = 10 * time.Minute
	triesToAlarm  = 3
)

// NewPusher makes a Pusher and reads its file. The error names every fault of
// the Config.
func NewPusher(cfg PusherConfig) (*Pusher, error) {
	shape := Config{Upstreams: cfg.Peers, Source: cfg.Source, Transport: cfg.Transport, Now: cfg.Now, Log: cfg.Log}
	err := shape.validate()
	if cfg.Mappings == nil {
		err = errors.Join(err, errors.New("the mappings to push are required"))
	}
	if err != nil {
		return nil, fmt.Errorf("configure the sending of LoST mappings: %w", err)
	}
	cfg.Transport, cfg.Now, cfg.Log = shape.Transport, shape.Now, shape.Log
	if cfg.Alarm == nil {
		cfg.Alarm = func(a journal.Alarm) { cfg.Log.Warn("alarm", "code", a.Code, "detail", a.Detail) }
	}
	p := &Pusher{cfg: cfg, http: newHTTP(cfg.Transport)}
	kept := p.load()
	for _, u := range cfg.Peers {
		has := kept[strings.ToLower(u.Name)]
		if has == nil {
			has = map[string]time.Time{}
		}
		p.peers = append(p.peers, &peer{Upstream: u, has: has})
	}
	return p, nil
}

// Round sends each peer what it does not have yet, as far as it is time to, and
// reports how many messages went well.
func (p *Pusher) Round(ctx context.Context) (sent int) {
	list := p.cfg.Mappings()
	for _, at := range p.peers {
		if ctx.Err() != nil {
			break
		}
		if p.cfg.Now().Before(at.next) {
			continue
		}
		n, err := p.bring(ctx, at, list)
		sent += n
		p.settle(ctx, at, err)
	}
	if sent > 0 {
		p.save()
	}
	return sent
}

// Run sends when something changed, looked for every so often, until ctx ends.
func (p *Pusher) Run(ctx context.Context, every time.Duration) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		p.Round(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// settle decides when a peer is tried next.
func (p *Pusher) settle(ctx context.Context, at *peer, err error) {
	switch {
	case ctx.Err() != nil:
	case err == nil:
		at.pause, at.tries, at.told, at.next = 0, 0, false, time.Time{}
	default:
		at.tries++
		at.pause = min(max(2*at.pause, firstPause), longestPause)
		at.next = p.cfg.Now().Add(at.pause)
		p.cfg.Log.Warn("push LoST mappings", "name", at.Name, obs.Err(err))
		why := certificate(err)
		if at.told || at.tries < triesToAlarm && why == "" {
			return
		}
		at.told = true
		if why == "" {
			why = brief(err)
		}
		p.cfg.Alarm(journal.Alarm{Code: AlarmPush, Detail: "the LoST server " + at.Name + " does not take our mappings and has old ones: " + why, Count: at.tries})
	}
}

// brief is an error without the texts of a server.
func brief(err error) string {
	if e, ok := errors.AsType[*lost.Errors](err); ok && len(e.List) > 0 {
		return "it answers " + string(e.List[0].Kind)
	}
	return "it does not answer, or not in LoST"
}

// bring sends a peer all that it lacks, and remembers what it took.
func (p *Pusher) bring(ctx context.Context, at *peer, list []lost.Mapping) (sent int, err error) {
	ours := make(map[string]bool, len(list))
	var lacks []lost.Mapping
	for i := range list {
		m := &list[i]
		if !strings.EqualFold(m.Source, p.cfg.Source) {
			continue // one of others, or of a demonstration layer
		}
		ours[m.SourceID] = true
		if was, ok := at.has[m.SourceID]; !ok || !was.Equal(m.LastUpdated) {
			lacks = append(lacks, *m)
		}
	}
	var gone []string
	for id := range at.has {
		if !ours[id] {
			gone = append(gone, id)
		}
	}
	slices.Sort(gone)
	for _, id := range gone {
		lacks = append(lacks, lost.Mapping{
			Source: p.cfg.Source, SourceID: id, LastUpdated: p.cfg.Now().UTC().Truncate(time.Second), Expires: lost.Expires{Caching: lost.NoExpiration},
		})
	}
	for len(lacks) > 0 {
		n, err := p.send(ctx, at, lacks)
		if err != nil {
			return sent, err
		}
		for i := range lacks[:n] {
			if m := &lacks[i]; m.Deletes() {
				delete(at.has, m.SourceID)
			} else {
				at.has[m.SourceID] = m.LastUpdated
			}
		}
		sent++
		lacks = lacks[n:]
	}
	return sent, nil
}

// send pushes the first of the mappings, and returns how many those were.
func (p *Pusher) send(ctx context.Context, at *peer, list []lost.Mapping) (int, error) {
	n, size := 0, 0
	for n < len(list) && n < mostInOnePush && (n == 0 || size < mostPushBytes/2) {
		one, err := lost.AppendMapping(nil, &list[n])
		if err != nil {
			return 0, fmt.Errorf("mapping %s: %w", list[n].SourceID, err)
		}
		size += len(one)
		n++
	}
	ctx, cancel := context.WithTimeout(ctx, syncWithin)
	defer cancel()
	_, err := exchange[*lost.PushMappingsResponse](ctx, p.http,
		parcel{url: at.URL, media: lost.MediaTypeSync, limits: lost.Limits{Bytes: maxAnswer}}, &lost.PushMappings{Mappings: list[:n]})
	if e, ok := errors.AsType[*lost.Errors](err); ok && len(e.List) == 0 && len(e.NotDeleted) > 0 {
		err = nil // it did not have what we deleted, which is what we want
	}
	return n, err
}

// keptPushes is the file: by the peer's name, what it has.
type keptPushes map[string]map[string]time.Time

func (p *Pusher) load() keptPushes {
	if p.cfg.File == "" {
		return nil
	}
	b, err := os.ReadFile(p.cfg.File)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var kept keptPushes
	if err == nil {
		err = json.Unmarshal(b, &kept)
	}
	if err != nil {
		p.cfg.Log.Warn("read which LoST mappings were pushed; all are pushed again", obs.Err(err))
	}
	return kept
}

func (p *Pusher) save() {
	if p.cfg.File == "" {
		return
	}
	kept := keptPushes{}
	for _, at := range p.peers {
		kept[strings.ToLower(at.Name)] = at.has
	}
	b, err := json.Marshal(kept)
	if err == nil {
		err = replaceFile(p.cfg.File, b)
	}
	if err != nil {
		p.cfg.Log.Warn("keep which LoST mappings were pushed", obs.Err(err))
	}
}
