package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"path/filepath"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/layer"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/gis"
	"github.com/callbox911/callbox/internal/rules/lvf"
	"github.com/callbox911/callbox/internal/run"
)

// maxLayerRequest bounds a request for a plan: it holds paths, never files.
const maxLayerRequest = 1 << 20

// layerContent gives what a layer of the published world holds.
func (s *Server) layerContent(digest string) (*gis.Content, bool) {
	return s.holder.Load().LayerContent(digest)
}

// shelf makes what validates addresses by the stored layers.
func (s *Server) shelf(st *database) *layer.Shelf {
	return layer.NewShelf(st, s.layerContent, s.postal).Over(func() *lvf.Index { return s.holder.Load().LVF() })
}

// layerDesk makes what plans changes of layers.
func (s *Server) layerDesk(st *database) (*layer.Planner, error) {
	return layer.New(layer.Config{Store: st, Shelf: s.shelf(st), Now: s.cfg.Now, Authority: lostAuthority{s}, Own: s.ownPlaces})
}

// ownPlaces lists what users set themselves.
func (s *Server) ownPlaces() iter.Seq[layer.OwnPlace] {
	return func(yield func(layer.OwnPlace) bool) {
		for p := range s.plus.OwnPlaces() {
			if !yield(layer.OwnPlace{Org: p.Org, Place: p.Place, Entered: p.Entered, Verdict: p.Verdict}) {
				return
			}
		}
	}
}

// addressWatch makes what judges all addresses again once a day.
func (s *Server) addressWatch(p *layer.Planner) (run.Part, error) {
	w, err := layer.NewWatch(layer.WatchConfig{Planner: p, Dir: s.cfg.DataDir, Now: s.cfg.Now, Alarm: s.alarm, Log: s.cfg.Log})
	if err != nil {
		return run.Part{}, err
	}
	return run.Part{Name: "addresses", Run: w.Run}, nil
}

// layerRoutes is what the command line asks about layers. The server reads the
// files of a layer itself: the socket is in its data directory, so that both are
// on one machine.
func (s *Server) layerRoutes(mux *http.ServeMux) {
	handle := func(path string, do func(r *http.Request, p *layer.Planner) (any, error)) {
		mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
			p := s.store.layers.Load()
			if p == nil {
				writeControl(w, nil, errNoStore)
				return
			}
			answer, err := do(r, p)
			writeControl(w, answer, err)
		})
	}
	handle("/layers", func(r *http.Request, p *layer.Planner) (any, error) { return p.List(r.Context()) })
	handle("/layer-plan", func(r *http.Request, p *layer.Planner) (any, error) {
		var req layer.Request
		if err := json.NewDecoder(io.LimitReader(r.Body, maxLayerRequest)).Decode(&req); err != nil {
			return nil, e911.Errorf(e911.Invalid, "the request for a plan cannot be read")
		}
		return p.Plan(r.Context(), req)
	})
	handle("/layer-removal", func(r *http.Request, p *layer.Planner) (any, error) {
		return p.PlanRemoval(r.Context(), r.URL.Query().Get("key"))
	})
	handle("/layer-apply", func(r *http.Request, p *layer.Planner) (any, error) {
		q := r.URL.Query()
		res, err := p.Apply(r.Context(), admin.Actor(q.Get("who")), q.Get("hash"))
		return res, s.published(r.Context(), err)
	})
	handle("/layer-changed", func(r *http.Request, p *layer.Planner) (any, error) {
		return p.Changed(r.Context(), r.URL.Query().Get("hash"))
	})
	handle("/check-addresses", func(r *http.Request, p *layer.Planner) (any, error) {
		var q layer.AddressesRequest
		if err := json.NewDecoder(io.LimitReader(r.Body, maxLayerRequest)).Decode(&q); err != nil {
			return nil, e911.Errorf(e911.Invalid, "the request for addresses cannot be read")
		}
		list, err := p.Addresses(r.Context(), "check addresses", q)
		if q.Save {
			err = s.published(r.Context(), err)
		}
		return list, err
	})
}

// published brings what was stored to the calls.
func (s *Server) published(ctx context.Context, err error) error {
	st := s.store.get()
	if err != nil || st == nil {
		return err
	}
	if _, err := s.publish.Publish(ctx, st); err != nil {
		return fmt.Errorf("stored, but not published: %w", err)
	}
	return nil
}

// Layers is what the command line does with reference layers: through the server
// that runs in the data directory, or, when none runs, with the database itself,
// under the lock (D-14). Close it.
type Layers struct {
	dir     string
	planner *layer.Planner // nil: a server runs
	close   func() error
}

// OpenLayers finds out whether a server runs in dir.
func OpenLayers(ctx context.Context, dir string) (*Layers, error) {
	err := Control(ctx, dir, "/layers", nil, nil)
	if err == nil {
		return &Layers{dir: dir, close: func() error { return nil }}, nil
	}
	if !errors.Is(err, ErrNotRunning) {
		return nil, err
	}
	st, closer, err := offline(dir)
	if err != nil {
		return nil, err
	}
	p, err := layer.New(layer.Config{Store: st, Shelf: layer.NewShelf(st, nil, postalCodes(nil)), Now: time.Now})
	if err != nil {
		return nil, errors.Join(err, closer())
	}
	return &Layers{dir: dir, planner: p, close: closer}, nil
}

// Close gives the database back.
func (l *Layers) Close() error { return l.close() }

// List returns the stored layers.
func (l *Layers) List(ctx context.Context) (out []e911.Layer, err error) {
	if l.planner != nil {
		return l.planner.List(ctx)
	}
	return out, Control(ctx, l.dir, "/layers", nil, &out)
}

// Plan says what a layer would change. Paths are made absolute: the server reads
// them.
func (l *Layers) Plan(ctx context.Context, r layer.Request) (out layer.Plan, err error) {
	for i, path := range r.Files {
		if r.Files[i], err = filepath.Abs(path); err != nil {
			return out, fmt.Errorf("name the file: %w", err)
		}
	}
	if l.planner != nil {
		return l.planner.Plan(ctx, r)
	}
	body, err := json.Marshal(r)
	if err != nil {
		return out, fmt.Errorf("write the request for a plan: %w", err)
	}
	return out, Control(ctx, l.dir, "/layer-plan", bytes.NewReader(body), &out)
}

// PlanRemoval says what would change without a layer.
func (l *Layers) PlanRemoval(ctx context.Context, key string) (out layer.Plan, err error) {
	if l.planner != nil {
		return l.planner.PlanRemoval(ctx, key)
	}
	return out, Control(ctx, l.dir, "/layer-removal?"+url.Values{"key": {key}}.Encode(), nil, &out)
}

// Apply makes the last plan true.
func (l *Layers) Apply(ctx context.Context, who, hash string) (out layer.Result, err error) {
	if l.planner != nil {
		return l.planner.Apply(ctx, admin.Actor(who), hash)
	}
	return out, Control(ctx, l.dir, "/layer-apply?"+url.Values{"who": {who}, "hash": {hash}}.Encode(), nil, &out)
}

// Changed says what has changed since a plan was made; empty: nothing that is
// known.
func (l *Layers) Changed(ctx context.Context, hash string) (out string, err error) {
	if l.planner != nil {
		return l.planner.Changed(ctx, hash)
	}
	return out, Control(ctx, l.dir, "/layer-changed?"+url.Values{"hash": {hash}}.Encode(), nil, &out)
}

// Addresses validates the addresses of buildings.
func (l *Layers) Addresses(ctx context.Context, q layer.AddressesRequest) (out []layer.Address, err error) {
	if l.planner != nil {
		return l.planner.Addresses(ctx, "check addresses", q)
	}
	body, err := json.Marshal(q)
	if err != nil {
		return nil, fmt.Errorf("write the request for addresses: %w", err)
	}
	return out, Control(ctx, l.dir, "/check-addresses", bytes.NewReader(body), &out)
}
