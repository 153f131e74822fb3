package app

import (
	"context"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/edit"
	"github.com/callbox911/callbox/internal/admin/layer"
	"github.com/callbox911/callbox/internal/admin/setup"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/layers"
	"github.com/callbox911/callbox/internal/snapshot"
)

// stageGuard is the set-up as the guard of stage 911, made when it is asked: whoever
// writes objects is made before the set-up can be.
type stageGuard struct {
	setup func(ctx context.Context) (*setup.Service, error)
	now   func() time.Time
}

// Refuse implements admin.Stages.
func (g stageGuard) Refuse(ctx context.Context, org e911.OrgID, sites []e911.Site) ([][]e911.Fault, error) {
	svc, err := g.setup(ctx)
	if err != nil {
		return nil, err
	}
	return svc.Refuse(ctx, org, sites)
}

// Declare implements admin.Stages.
func (g stageGuard) Declare(ctx context.Context, w admin.Writer, who admin.Actor, file string, sites []e911.Site) error {
	return setup.Declaration{File: file, By: who, At: g.now(), Sites: sites}.Record(ctx, w)
}

// stages guards stage 911 in a running server.
func (s *Server) stages() admin.Stages {
	return stageGuard{func(context.Context) (*setup.Service, error) { return s.setupDesk() }, s.cfg.Now}
}

// offlineStages guards stage 911 in a database that no server uses. Nothing is known
// then of what devices have shown.
func offlineStages(st *database) admin.Stages {
	return stageGuard{func(ctx context.Context) (*setup.Service, error) { return offlineSetup(ctx, st) }, time.Now}
}

// offlineSetup is the set-up over a database that no server uses.
func offlineSetup(ctx context.Context, st *database) (*setup.Service, error) {
	w, err := storedWorld(ctx, st)
	if err != nil {
		return nil, err
	}
	editor, err := edit.New(edit.Config{Store: st, Layer: layers.USCountyBoundary, Layers: layer.NewShelf(st, nil, postalCodes(nil)), Now: time.Now})
	if err != nil {
		return nil, err
	}
	return setup.New(setup.Config{Store: st, Editor: editor, World: func() *snapshot.Snapshot { return w }, Trunks: st, Now: time.Now})
}
