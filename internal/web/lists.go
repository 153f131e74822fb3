package web

import (
	"context"
	"net/http"

	"github.com/callbox911/callbox/internal/admin/reconcile"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/obs"
	"github.com/callbox911/callbox/internal/web/portal"
)

// Lists tells how platforms' lists stand against ours; reconcile.Service does.
type Lists interface {
	Status(ctx context.Context, org e911.OrgID) ([]reconcile.Status, error)
	Last(ctx context.Context, org e911.OrgID, key string) (reconcile.Run, error)
}

// sides serves the page that compares both sides (W-55).
func (h *Handler) sides(w http.ResponseWriter, r *http.Request) {
	if h.cfg.Lists == nil {
		h.strayed(w, r)
		return
	}
	org := orgOf(r)
	p := portal.ListsPage{Frame: h.frame("Lists – Callbox")}
	o, _ := h.cfg.Org(org)
	p.Org, p.Demonstration = o.Name, o.Demonstration
	p.Switch = h.switchOf(r)
	ctx, cancel := context.WithTimeout(r.Context(), 2*storeTimeout)
	defer cancel()
	status := http.StatusOK
	if err := h.compared(ctx, org, &p); err != nil {
		h.cfg.Log.Warn("the page of lists is not whole", obs.Err(err))
		status, p.Sources = http.StatusServiceUnavailable, nil
		p.Fault = "The lists cannot be read right now. Calls are not affected; try again in a moment."
	}
	h.page(w, r, status, portal.ListsInStep(p))
}

func (h *Handler) compared(ctx context.Context, org e911.OrgID, p *portal.ListsPage) error {
	all, err := h.cfg.Lists.Status(ctx, org)
	if err != nil {
		return err
	}
	for i := range all {
		st := &all[i]
		var last *reconcile.Run
		if st.Last != nil {
			run, err := h.cfg.Lists.Last(ctx, org, st.Source.Key)
			if err != nil && e911.KindOf(err) != e911.NotFound {
				return err
			}
			if err == nil {
				last = &run
			}
		}
		p.Sources = append(p.Sources, portal.NewSource(st, last, p.Now))
	}
	return nil
}
