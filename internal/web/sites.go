package web

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/admin/report"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/web/portal"
)

// A guard who has a role at a site sees the calls of that site: those from a telephone of
// it, and those of whoever stands there. What belongs to no site, and what else there is
// of the organisation, he does not see (E14).

type sitesKey struct{}

func withSites(ctx context.Context, sites []e911.SiteID) context.Context {
	return context.WithValue(ctx, sitesKey{}, sites)
}

// sitesOf are the only sites whose calls the visitor sees; nil: all of the organisation.
func sitesOf(ctx context.Context) []e911.SiteID {
	sites, _ := ctx.Value(sitesKey{}).([]e911.SiteID)
	return sites
}

// sees reports whether the visitor sees a call of his organisation.
func sees(ctx context.Context, r *report.CallRecord) bool {
	sites := sitesOf(ctx)
	return sites == nil || slices.Contains(sites, e911.SiteID(r.Site.ID)) || r.Place != nil && slices.Contains(sites, r.Place.Site)
}

// seenBy leaves out calls that the visitor does not see.
func seenBy(ctx context.Context, all []report.CallRecord) []report.CallRecord {
	if sitesOf(ctx) == nil {
		return all
	}
	return slices.DeleteFunc(slices.Clone(all), func(r report.CallRecord) bool { return !sees(ctx, &r) })
}

// alarms are those of the organisation, for who sees all of it.
func (h *Handler) alarms(ctx context.Context, org e911.OrgID) []report.Alarm {
	if sitesOf(ctx) != nil {
		return nil
	}
	return h.cfg.Board.Alarms(org)
}

// boardOf is the organisation whose calls the browser of the request may see, that of a
// link or one where who is signed in has a role, and the only sites of it; nil: all.
func (h *Handler) boardOf(r *http.Request) (org e911.OrgID, sites []e911.SiteID, ok bool) {
	if org, ok := h.linkOf(r); ok || h.people == nil {
		return org, nil, ok
	}
	org, sites, ok = h.people.Board(r)
	if _, there := h.cfg.Org(org); !ok || !there {
		return "", nil, false
	}
	return org, sites, true
}

// watched is the organisation of an event stream; it ends when the visitor's sites are
// others than when it began.
func (h *Handler) watched(r *http.Request) (e911.OrgID, bool) {
	org, sites, ok := h.boardOf(r)
	return org, ok && slices.Equal(sites, sitesOf(r.Context()))
}

// whole lets pass who sees the whole organisation.
func (h *Handler) whole(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case sitesOf(r.Context()) == nil:
			next.ServeHTTP(w, r)
		case wantsData(r):
			h.problem(w, http.StatusForbidden, "this is for who sees the whole organisation")
		default:
			h.page(w, r, http.StatusForbidden, portal.Message(h.frame("Callbox"), "Not yours to see", []string{"This is for who sees the whole organisation. You have a role at a site of it."}, ""))
		}
	})
}

// orgName is the name of the organisation, with the sites that the visitor sees.
func (h *Handler) orgName(ctx context.Context, org e911.OrgID, name string) string {
	sites := sitesOf(ctx)
	if sites == nil || h.cfg.People == nil || h.cfg.People.Sites == nil {
		return name
	}
	var names []string
	for _, s := range h.cfg.People.Sites(org) {
		if slices.Contains(sites, e911.SiteID(s.ID)) {
			names = append(names, s.Name)
		}
	}
	if len(names) == 0 {
		return name
	}
	return name + ": " + strings.Join(names, ", ")
}
