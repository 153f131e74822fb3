package app

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/edit"
	"github.com/callbox911/callbox/internal/admin/inventory"
	"github.com/callbox911/callbox/internal/admin/quality"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/layers"
	"github.com/callbox911/callbox/internal/live/lis"
	"github.com/callbox911/callbox/internal/rules/locate"
	"github.com/callbox911/callbox/internal/run"
)

// inventoryDesk is what people ask of devices, unknown elements and models,
// over one open database.
type inventoryDesk struct {
	store  *database
	editor *edit.Editor
	// staging is an editor without the guard of stage 911, for the set-up, which is
	// the guard (docs/adr/0021).
	staging *edit.Editor
	queue   *inventory.Queue
}

// openInventory makes the desk and the part that keeps it up to date.
func (s *Server) openInventory(st *database) (*inventoryDesk, run.Part, error) {
	d := &inventoryDesk{store: st}
	var err error
	cfg := edit.Config{Store: st, Layer: layers.USCountyBoundary, Layers: s.shelf(st), Now: s.cfg.Now, Feeds: feedsOf(st)}
	if d.staging, err = edit.New(cfg); err != nil {
		return nil, run.Part{}, err
	}
	cfg.Stages = s.stages()
	if d.editor, err = edit.New(cfg); err != nil {
		return nil, run.Part{}, err
	}
	d.queue, err = inventory.NewQueue(inventory.QueueConfig{
		Store: st, Editor: d.editor, Snapshot: s.holder, Now: s.cfg.Now, Log: s.cfg.Log,
		Publish: func(ctx context.Context) error { _, err := s.publish.Publish(ctx, st); return err },
	})
	if err != nil {
		return nil, run.Part{}, err
	}
	p, err := inventory.NewProjector(inventory.ProjectorConfig{
		Node: s.cfg.Node, Feed: s.journal, Recorder: s.journal, Store: st, Queue: d.queue, Snapshot: s.holder, Now: s.cfg.Now, Log: s.cfg.Log,
	})
	if err != nil {
		return nil, run.Part{}, err
	}
	return d, run.Part{Name: "inventory", Run: p.Run}, nil
}

// orgByKey finds the organisation with a key, or the only one there is.
func (s *Server) orgByKey(key string) (e911.Org, error) {
	var found []e911.Org
	for o := range s.holder.Load().Orgs() {
		if c := o.Config(); key == "" || c.Key == key {
			found = append(found, c)
		}
	}
	switch len(found) {
	case 0:
		return e911.Org{}, noOrg(key)
	case 1:
		return found[0], nil
	}
	return e911.Org{}, severalOrgs(len(found))
}

// live is what the location server knows of an organisation's devices now.
func (s *Server) live(org e911.OrgID) iter.Seq[inventory.Device] {
	return func(yield func(inventory.Device) bool) {
		for d := range s.lis.Devices(org) {
			if !yield(deviceNow(d)) {
				return
			}
		}
	}
}

func deviceNow(d lis.Seen) inventory.Device {
	v := inventory.Device{
		Org: d.Org, Device: d.Device, Known: d.Known, Proved: d.Proved, Via: d.Via, Last: d.At, Says: d.Says, User: d.User,
		By: d.Where.By, Location: d.Where.Place.Location, Place: d.Where.Place.Display, EvidenceAt: d.Where.At, UnmappedAt: d.Elsewhere,
	}
	if d.Source.IsValid() {
		v.Source = d.Source.String()
	}
	if d.Via == "held" || d.Via == "heldplus" {
		v.Asked = d.At
	}
	return v
}

// inUse lists the keys that devices of an organisation showed.
func (s *Server) inUse(org e911.OrgID) iter.Seq[locate.Sighting] {
	return func(yield func(locate.Sighting) bool) {
		for d := range s.lis.Devices(org) {
			for _, x := range s.lis.Memory(org, d.Device).Sightings {
				if !yield(x) {
					return
				}
			}
		}
	}
}

// inventoryRequest is a question over the control socket.
type inventoryRequest struct {
	desk *inventoryDesk
	org  e911.Org
	r    *http.Request
}

func (q *inventoryRequest) value(name string) string { return q.r.URL.Query().Get(name) }

// who acts; the socket is open to the owner of the data directory alone, and the
// command line says which person that is.
func (q *inventoryRequest) who() admin.Actor {
	who := q.value("who")
	if who == "" || len(who) > 100 || strings.ContainsFunc(who, func(r rune) bool { return r < ' ' || r == 0x7F }) {
		who = "operator"
	}
	return admin.Actor("command line: " + who)
}

// maxModel bounds a model that is sent over the socket.
const maxModel = 64 << 10

// inventoryRoutes adds what is asked of devices, unknown elements and models.
func (s *Server) inventoryRoutes(mux *http.ServeMux) {
	handle := func(pattern string, needsOrg bool, do func(ctx context.Context, q *inventoryRequest) (any, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			q := &inventoryRequest{desk: s.store.desk.Load(), r: r}
			var err error
			if q.desk == nil {
				err = errNoStore
			}
			if err == nil && needsOrg {
				q.org, err = s.orgByKey(q.value("org"))
			}
			var result any
			if err == nil {
				result, err = do(r.Context(), q)
			}
			writeControl(w, result, err)
		})
	}
	handle("POST /devices", true, s.askDevices)
	handle("POST /unknown", true, s.askUnknown)
	handle("POST /check-data", true, s.askQuality)
	handle("POST /unknown-assign", true, s.assignUnknown)
	handle("POST /unknown-ignore", true, func(ctx context.Context, q *inventoryRequest) (any, error) {
		return q.desk.queue.Ignore(ctx, q.who(), inventory.Dismissal{Org: q.org.ID, ID: q.value("id"), Why: q.value("why"), Virtual: q.value("virtual") == "true"})
	})
	handle("POST /unknown-reopen", true, func(ctx context.Context, q *inventoryRequest) (any, error) {
		return q.desk.queue.Reopen(ctx, q.who(), q.org.ID, q.value("id"))
	})
	handle("POST /models", false, func(context.Context, *inventoryRequest) (any, error) {
		models := slices.Collect(s.holder.Load().Models())
		slices.SortFunc(models, func(a, b e911.Model) int { return strings.Compare(a.Key, b.Key) })
		return models, nil
	})
	handle("POST /model-set", false, s.setModel)
}

func (s *Server) askDevices(ctx context.Context, q *inventoryRequest) (any, error) {
	filter, err := inventory.ParseFlag(q.value("filter"))
	if err != nil {
		return nil, err
	}
	days := 0
	if text := q.value("stale_days"); text != "" {
		if days, err = strconv.Atoi(text); err != nil || days < 1 {
			return nil, e911.Errorf(e911.Invalid, "stale_days is a number of days, 1 or more")
		}
	}
	return inventory.Devices(ctx, q.desk.store, s.holder.Load(), inventory.Question{
		Org: q.org.ID, Filter: filter, StaleDays: days, Now: s.cfg.Now(), Live: s.live(q.org.ID),
	})
}

func (s *Server) askUnknown(ctx context.Context, q *inventoryRequest) (any, error) {
	state := inventory.State(q.value("state"))
	switch state {
	case "":
		state = inventory.Open
	case "all":
		state = ""
	}
	return q.desk.queue.List(ctx, q.org.ID, state)
}

func (s *Server) askQuality(ctx context.Context, q *inventoryRequest) (any, error) {
	seen, err := inventory.Everything(ctx, q.desk.store, q.org.ID, s.live(q.org.ID))
	if err != nil {
		return nil, err
	}
	open, err := q.desk.queue.List(ctx, q.org.ID, inventory.Open)
	if err != nil {
		return nil, err
	}
	return quality.Check(s.holder.Load(), quality.Question{Org: q.org.ID, Now: s.cfg.Now(), Seen: seen, InUse: s.inUse(q.org.ID), Unknown: open})
}

func (s *Server) assignUnknown(ctx context.Context, q *inventoryRequest) (any, error) {
	a := inventory.Assignment{Org: q.org.ID, ID: q.value("id"), Location: q.value("location")}
	if text := q.value("range"); text != "" {
		var err error
		if a.Range, err = netip.ParsePrefix(text); err != nil {
			return nil, e911.Errorf(e911.Invalid, "%q is no address range: write 10.20.4.0/24", text)
		}
	}
	return q.desk.queue.Assign(ctx, q.who(), a)
}

// setModel makes a model, or replaces the one that has its key.
func (s *Server) setModel(ctx context.Context, q *inventoryRequest) (any, error) {
	var m e911.Model
	dec := json.NewDecoder(io.LimitReader(q.r.Body, maxModel))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&m); err != nil {
		return nil, e911.Errorf(e911.Invalid, "the model cannot be read: %v", err)
	}
	found, err := q.desk.editor.Models.Find(ctx, admin.Query{Field: admin.ByKey, Value: m.Key})
	if err != nil {
		return nil, err
	}
	var now edit.Stored[e911.Model]
	if len(found) == 0 {
		now, err = q.desk.editor.Models.Create(ctx, q.who(), m)
	} else {
		m.ID = found[0].Value.ID
		now, err = q.desk.editor.Models.Update(ctx, q.who(), m, found[0].Version)
	}
	if err != nil {
		return nil, err
	}
	_, err = s.publish.Publish(ctx, q.desk.store)
	return now.Value, err
}

// AskInventory asks the server that runs in dir; result may be nil.
func AskInventory(ctx context.Context, dir, path string, body io.Reader, result any) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	err := Control(ctx, dir, path, body, result)
	if errors.Is(err, ErrNotRunning) {
		return e911.Errorf(e911.Unavailable, "no server runs in %s; start it with callbox serve, or name its data directory with --data", dir)
	}
	return err
}
