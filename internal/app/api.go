package app

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/apikey"
	"github.com/callbox911/callbox/internal/admin/desk"
	"github.com/callbox911/callbox/internal/admin/edit"
	"github.com/callbox911/callbox/internal/admin/inventory"
	"github.com/callbox911/callbox/internal/admin/ownphone"
	"github.com/callbox911/callbox/internal/admin/report"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/web/api"
)

// apiParts are the REST interface and the keys that it takes.
type apiParts struct {
	handler *api.Handler
	keys    *apikey.Keeper

	telephones *ownphone.Desk
}

// wireAPI makes the REST interface. What it asks of the database is asked each
// time: the server takes calls before that is open, and after it is gone.
func (s *Server) wireAPI() error {
	mine, err := s.firstUse()
	if err != nil {
		return fmt.Errorf("wire what users keep of their own: %w", err)
	}
	if s.api.keys, err = apikey.New(apikey.Config{
		Store: func() apikey.Store {
			if st := s.store.get(); st != nil {
				return st
			}
			return nil
		},
		Standing: standingOf(s.access.members), Once: s.access.providers.desk.Once, Ring: s.ring, Now: s.cfg.Now, Log: s.cfg.Log,
	}); err != nil {
		return fmt.Errorf("wire the keys of the API: %w", err)
	}
	if s.api.telephones, err = s.ownPhones(mine); err != nil {
		return err
	}
	s.api.handler, err = api.New(api.Config{
		Objects: apiObjects(s.editor), Keys: s.api.keys, Views: lateViews{&s.store}, Ring: s.ring,
		Replays: func() apikey.Replays {
			if st := s.store.get(); st != nil {
				return st
			}
			return nil
		},
		Session: func(r *http.Request) (e911.OrgID, bool) { return s.web.Session(r) },
		Person:  s.personOf, Members: s.access.members, Federation: s.access.providers.desk, SignOn: s.access.signon, Accounts: s.access.accounts, Invite: s.inviteBy,
		Audit: lateAudit{&s.store}, Calls: apiCalls{s}, Plans: latePlans{s}, Applied: latePlans{s}, Jobs: lateJobs{&s.store}, Sheets: lateSheets{&s.store},
		Lists: lateLists{&s.store}, Directories: lateDirectories{&s.store}, Setup: s.setupDesk, Foreign: s.foreignOf(), Stations: s.stationsOf,
		Questions: map[string]api.Question{
			"explain": s.explainPage, "route": s.routePage, "callbacks": s.callbacksOf,
			"inventory": s.inventoryOf, "unknown_elements": s.unknownOf, "quality": s.qualityOf,
		},
		Feeds: lateFeeds{&s.store}, FirstUse: lateFirstUse{s}, My: &api.My{Desk: mine, Published: func(ctx context.Context) error { return s.published(ctx, nil) }},
		Telephones: s.api.telephones, Ports: s.apiPorts(), Version: Version, Now: s.cfg.Now, Log: s.cfg.Log,
	})
	if err != nil {
		return fmt.Errorf("wire the API: %w", err)
	}
	return nil
}

// editor is that of the open database.
func (s *Server) editor() (*edit.Editor, error) {
	if d := s.store.desk.Load(); d != nil {
		return d.editor, nil
	}
	return nil, errNoStore
}

func apiObjects(editor func() (*edit.Editor, error)) map[e911.ObjectKind]api.Objects {
	return map[e911.ObjectKind]api.Objects{
		e911.KindModel:    objectsOf(e911.KindModel, editor, func(e *edit.Editor) *edit.Objects[e911.Model] { return &e.Models }),
		e911.KindTrunk:    objectsOf(e911.KindTrunk, editor, func(e *edit.Editor) *edit.Objects[e911.Trunk] { return &e.Trunks }),
		e911.KindPSAP:     objectsOf(e911.KindPSAP, editor, func(e *edit.Editor) *edit.Objects[e911.PSAP] { return &e.PSAPs }),
		e911.KindLayer:    objectsOf(e911.KindLayer, editor, func(e *edit.Editor) *edit.Objects[e911.Layer] { return &e.Layers }),
		e911.KindOrg:      objectsOf(e911.KindOrg, editor, func(e *edit.Editor) *edit.Objects[e911.Org] { return &e.Orgs }),
		e911.KindSite:     objectsOf(e911.KindSite, editor, func(e *edit.Editor) *edit.Objects[e911.Site] { return &e.Sites }),
		e911.KindBuilding: objectsOf(e911.KindBuilding, editor, func(e *edit.Editor) *edit.Objects[e911.Building] { return &e.Buildings }),
		e911.KindLocation: objectsOf(e911.KindLocation, editor, func(e *edit.Editor) *edit.Objects[e911.Location] { return &e.Locations }),
		e911.KindElement:  objectsOf(e911.KindElement, editor, func(e *edit.Editor) *edit.Objects[e911.Element] { return &e.Elements }),
		e911.KindUser:     objectsOf(e911.KindUser, editor, func(e *edit.Editor) *edit.Objects[e911.User] { return &e.Users }),
		e911.KindDevice:   objectsOf(e911.KindDevice, editor, func(e *edit.Editor) *edit.Objects[e911.Device] { return &e.Devices }),
		e911.KindNumber:   objectsOf(e911.KindNumber, editor, func(e *edit.Editor) *edit.Objects[e911.NumberRec] { return &e.Numbers }),
		e911.KindAlert:    objectsOf(e911.KindAlert, editor, func(e *edit.Editor) *edit.Objects[e911.Alert] { return &e.Alerts }),
		e911.KindOverride: objectsOf(e911.KindOverride, editor, func(e *edit.Editor) *edit.Objects[e911.PSAPOverride] { return &e.Overrides }),
	}
}

func objectsOf[T any](kind e911.ObjectKind, editor func() (*edit.Editor, error), of func(*edit.Editor) *edit.Objects[T]) api.Objects {
	return api.Of(kind, func() (*edit.Objects[T], error) {
		e, err := editor()
		if err != nil {
			return nil, err
		}
		return of(e), nil
	})
}

// lateViews reads from the database once it is open.
type lateViews struct{ l *lateStore }

func (v lateViews) Read(ctx context.Context, do func(admin.Reader) error) error {
	if st := v.l.get(); st != nil {
		return st.Read(ctx, do)
	}
	return errNoStore
}

// lateAudit asks the trail of the database once it is open.
type lateAudit struct{ l *lateStore }

func (a lateAudit) FindAudit(ctx context.Context, q admin.AuditQuery) ([]admin.AuditEntry, error) {
	if st := a.l.get(); st != nil {
		return st.FindAudit(ctx, q)
	}
	return nil, errNoStore
}

func (a lateAudit) VerifyAudit(ctx context.Context, org e911.OrgID, all bool) (admin.AuditProof, error) {
	if st := a.l.get(); st != nil {
		return st.VerifyAudit(ctx, org, all)
	}
	return admin.AuditProof{}, errNoStore
}

// apiCalls are call records: of one call the board's first, which is ahead of the
// store and there while that is not.
type apiCalls struct{ s *Server }

func (a apiCalls) ListCalls(ctx context.Context, org e911.OrgID, before e911.CallID, limit int) ([]report.CallRecord, error) {
	return a.s.store.ListCalls(ctx, org, before, limit)
}

func (a apiCalls) Call(ctx context.Context, org e911.OrgID, id e911.CallID) (report.CallRecord, error) {
	if r, ok := a.s.board.Call(org, id); ok {
		return r, nil
	}
	return a.s.store.Call(ctx, org, id)
}

func (s *Server) orgKey(id e911.OrgID) string {
	if o := s.holder.Load().Org(id); o != nil {
		return o.Config().Key
	}
	return string(id) // finds nobody
}

func (s *Server) callbacksOf(_ context.Context, org e911.OrgID, v url.Values) (any, error) {
	list, err := s.desk().Callbacks(desk.Whose{Org: s.orgKey(org), Number: v.Get("number"), Site: v.Get("site"), User: v.Get("user")})
	return items(list), err
}

// items is a list as an answer of the API: an object may get more fields.
func items[T any](list []T) map[string]any {
	if list == nil {
		list = []T{}
	}
	return map[string]any{"items": list}
}

func (s *Server) inventoryOf(ctx context.Context, org e911.OrgID, v url.Values) (any, error) {
	d := s.store.desk.Load()
	if d == nil {
		return nil, errNoStore
	}
	filter, err := inventory.ParseFlag(v.Get("filter"))
	if err != nil {
		return nil, err
	}
	days := 0
	if text := v.Get("stale_days"); text != "" {
		if days, err = strconv.Atoi(text); err != nil || days < 1 || days > 3650 {
			return nil, e911.Errorf(e911.Invalid, "stale_days is a number of days, 1 to 3650")
		}
	}
	return inventory.Devices(ctx, d.store, s.holder.Load(), inventory.Question{
		Org: org, Filter: filter, StaleDays: days, Now: s.cfg.Now(), Live: s.live(org),
	})
}

func (s *Server) unknownOf(ctx context.Context, org e911.OrgID, v url.Values) (any, error) {
	d := s.store.desk.Load()
	if d == nil {
		return nil, errNoStore
	}
	state := inventory.State(v.Get("state"))
	switch state {
	case "":
		state = inventory.Open
	case "all":
		state = ""
	}
	list, err := d.queue.List(ctx, org, state)
	return items(list), err
}

func (s *Server) qualityOf(ctx context.Context, org e911.OrgID, _ url.Values) (any, error) {
	d := s.store.desk.Load()
	if d == nil {
		return nil, errNoStore
	}
	return s.askQuality(ctx, &inventoryRequest{desk: d, org: e911.Org{ID: org}})
}

// apiPorts are what clients reach beside the pages (W-44).
func (s *Server) apiPorts() []api.Port {
	ports := []api.Port{
		{Name: "pages and API", Address: s.cfg.BaseURL, For: "the portal, the API, events"},
		{Name: "location server", Address: s.cfg.HELDURL + "/held", For: "devices that ask where they are"},
	}
	for _, l := range s.edge.Listeners() {
		ports = append(ports, api.Port{Name: "SIP", Address: fmt.Sprintf("sip:%s;transport=%s", l.Addr, l.Network), For: "calls"})
	}
	return ports
}
