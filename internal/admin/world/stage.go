package world

import (
	"context"
	"path/filepath"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

// declare records the sites that the file raises to stage 911: it is the operator's
// own word, not a proof (docs/adr/0021).
func (im *Importer) declare(ctx context.Context, w admin.Writer, in input, p *plan) error {
	var sites []e911.Site
	for _, c := range p.done() {
		if site, yes := admin.Raises(c.Before, c.After); yes {
			sites = append(sites, site)
		}
	}
	if im.cfg.Stages == nil || len(sites) == 0 {
		return nil
	}
	return im.cfg.Stages.Declare(ctx, w, in.who, filepath.Base(in.file), sites)
}
