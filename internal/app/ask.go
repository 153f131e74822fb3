package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/layer"
	"github.com/callbox911/callbox/internal/admin/world"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/layers"
)

// ImportRequest is an import from the command line.
type ImportRequest struct {
	DataDir string
	File    string
	Text    []byte
	DryRun  bool
	// Unroute is that of world.Options.
	Unroute string
	Log     *slog.Logger
}

// ImportFile imports through the server that runs in the data directory; when
// none runs, it opens the database itself, under the lock (D-14).
func ImportFile(ctx context.Context, r ImportRequest) (world.Report, error) {
	path := "/import?" + url.Values{"file": {r.File}, "dry": {fmt.Sprint(r.DryRun)}, "unroute": {r.Unroute}}.Encode()
	return askOrOpen(ctx, question{r.DataDir, path, bytes.NewReader(r.Text)}, func(st *database) (world.Report, error) {
		im, err := world.New(world.Config{Store: st, Layer: layers.USCountyBoundary, Layers: layer.NewShelf(st, nil, postalCodes(nil)), Now: time.Now, Stages: offlineStages(st)})
		if err != nil {
			return world.Report{}, err
		}
		return im.Import(ctx, admin.Actor("import "+filepath.Base(r.File)), r.File, r.Text, world.Options{DryRun: r.DryRun, Unroute: r.Unroute})
	})
}

// AskLogin asks the server that runs in dir for a one-time sign-in link.
func AskLogin(ctx context.Context, dir, org string) (string, error) {
	var reply struct{ Link string }
	err := Control(ctx, dir, "/login?"+url.Values{"org": {org}}.Encode(), nil, &reply)
	if errors.Is(err, ErrNotRunning) {
		return "", e911.Errorf(e911.Unavailable, "no server runs in %s; start it with callbox serve, or name its data directory with --data", dir)
	}
	return reply.Link, err
}
