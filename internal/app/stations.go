package app

import (
	"context"
	"net/http"
	"net/url"

	"github.com/callbox911/callbox/internal/admin/desk"
	"github.com/callbox911/callbox/internal/admin/inventory"
	"github.com/callbox911/callbox/internal/admin/station"
	"github.com/callbox911/callbox/internal/e911"
)

// stationRoutes is what the command line asks about stations.
func (s *Server) stationRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST /stations", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		report, err := s.Stations(r.Context(), q.Get("org"), q.Get("site"))
		writeControl(w, report, err)
	})
}

// Stations reports what is missing of an organisation's stations, with what devices
// have shown.
func (s *Server) Stations(ctx context.Context, orgKey, site string) (station.Report, error) {
	org, err := s.orgByKey(orgKey)
	if err != nil {
		return station.Report{}, err
	}
	var seen map[string]inventory.Device // none: the database does not answer now
	if d := s.store.desk.Load(); d != nil {
		if seen, err = inventory.Everything(ctx, d.store, org.ID, s.live(org.ID)); err != nil {
			return station.Report{}, err
		}
	}
	return station.Check(s.holder.Load(), station.Question{Org: org.ID, Site: site, Now: s.cfg.Now(), Seen: seen})
}

// Stations answers from the server that runs in dir, or from the files there:
// without what devices have shown.
func Stations(ctx context.Context, dir, org, site string) (station.Report, error) {
	return askDesk(ctx, dir, "/stations?"+url.Values{"org": {org}, "site": {site}}.Encode(), func(d desk.Config) (station.Report, error) {
		for o := range d.World.Orgs() {
			if c := o.Config(); org == "" || c.Key == org {
				return station.Check(d.World, station.Question{Org: c.ID, Site: site, Now: d.Now})
			}
		}
		return station.Report{}, e911.Errorf(e911.NotFound, "there is no organisation %q", org)
	})
}
