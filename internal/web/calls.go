package web

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/a-h/templ"
	"github.com/go-chi/chi/v5"

	"github.com/callbox911/callbox/internal/admin/report"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/obs"
	"github.com/callbox911/callbox/internal/web/events"
	"github.com/callbox911/callbox/internal/web/portal"
)

const (
	pageSize     = 50
	maxPageSize  = 500
	storeTimeout = 2 * time.Second // a page comes without old calls rather than late
)

// frame is what every page has, for somebody who is not signed in.
func (h *Handler) frame(title string) portal.Frame {
	return portal.Frame{
		Title: title, Assets: h.assets.Base(), Map: len(h.assets.Missing()) == 0, Now: h.cfg.Now(),
	}
}

// calls serves the page of calls; with an id in the path, that call is open.
func (h *Handler) calls(w http.ResponseWriter, r *http.Request) {
	org := orgOf(r)
	before := beforeOf(r)
	if r.Header.Get("X-Part") == "past" {
		h.olderCalls(w, r, org, before)
		return
	}
	p := portal.Page{Frame: h.frame("Calls – Callbox")}
	p.Mark = events.ID(h.cfg.Board.Mark()) // before anything is read: events fill what comes meanwhile
	o, _ := h.cfg.Org(org)
	p.Org, p.Demonstration = h.orgName(r.Context(), org, o.Name), o.Demonstration
	p.Alarms = portal.NewAlarms(h.alarms(r.Context(), org))
	p.Tests = h.boardTests(r, org)
	p.Switch = h.switchOf(r)
	p.SetUp = h.setUpBanner(r, org)
	p.My = h.hasMy(r, org)
	status := http.StatusOK
	if id := chi.URLParam(r, "id"); id != "" {
		record, err := h.record(r.Context(), org, e911.CallID(id))
		if err != nil {
			h.noCall(w, r, err)
			return
		}
		p.Open = portal.NewDetail(&record, p.Now)
		p.Title = p.Open.Heading + " – Callbox"
	}
	p.Lists = h.lists(r.Context(), org, before)
	if p.Open != nil {
		p.Select(p.Open.ID)
	}
	h.page(w, r, status, portal.Calls(p))
}

// beforeOf is the call before which a page of the list ends; what is no id is none.
func beforeOf(r *http.Request) e911.CallID {
	id := r.URL.Query().Get("before")
	if !callPath.MatchString("/calls/" + id) {
		return ""
	}
	return e911.CallID(id)
}

// lists reads the calls in progress and a page of past ones.
func (h *Handler) lists(ctx context.Context, org e911.OrgID, before e911.CallID) portal.Lists {
	records, more, err := h.merged(ctx, org, before, pageSize)
	l := portal.NewLists(records, h.cfg.Now())
	l.StoreDown = err != nil
	if more != "" {
		l.Older = "/calls?before=" + url.QueryEscape(string(more))
	}
	return l
}

// merged lays together what the board holds with what the store keeps: the board is
// ahead of the store, and there while the store is not. It returns the id from
// which the next page goes on, and the store's error beside what there is.
func (h *Handler) merged(ctx context.Context, org e911.OrgID, before e911.CallID, limit int) ([]report.CallRecord, e911.CallID, error) {
	held := h.cfg.Board.Calls(org)
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	kept, err := h.cfg.Calls.ListCalls(ctx, org, before, limit)
	if err != nil {
		h.cfg.Log.Warn("past calls cannot be read; the page shows what the board holds", obs.KeyOrg, org, obs.Err(err))
	}
	return seenBy(ctx, merge(held, kept, before, limit, h.cfg.Now())), next(kept, limit), err
}

// next is where the next page begins, none when the store has no more.
func next(kept []report.CallRecord, limit int) e911.CallID {
	if len(kept) < limit {
		return ""
	}
	return kept[len(kept)-1].ID
}

// olderCalls serves the next page of past calls as a part of the page.
func (h *Handler) olderCalls(w http.ResponseWriter, r *http.Request, org e911.OrgID, before e911.CallID) {
	l := h.lists(r.Context(), org, before)
	if l.StoreDown {
		http.Error(w, "older calls cannot be read right now", http.StatusServiceUnavailable)
		return
	}
	h.page(w, r, http.StatusOK, portal.PastDays(l))
}

// callDetail serves one call as a part of the page.
func (h *Handler) callDetail(w http.ResponseWriter, r *http.Request) {
	record, err := h.record(r.Context(), orgOf(r), e911.CallID(chi.URLParam(r, "id")))
	if err != nil {
		h.noCall(w, r, err)
		return
	}
	h.page(w, r, http.StatusOK, portal.Call(portal.NewDetail(&record, h.cfg.Now())))
}

// record finds one call of the organisation, on the board first.
func (h *Handler) record(ctx context.Context, org e911.OrgID, id e911.CallID) (report.CallRecord, error) {
	none := e911.Errorf(e911.NotFound, "no such call")
	if record, ok := h.cfg.Board.Call(org, id); ok {
		if !sees(ctx, &record) {
			return report.CallRecord{}, none
		}
		return record, nil
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	record, err := h.cfg.Calls.Call(ctx, org, id)
	if err != nil {
		return record, err
	}
	if record.Org != org || !sees(ctx, &record) { // a wall behind the store's own (E14)
		return report.CallRecord{}, none
	}
	return record, nil
}

// noCall answers for a call that is not there, or cannot be read.
func (h *Handler) noCall(w http.ResponseWriter, r *http.Request, err error) {
	if e911.KindOf(err) == e911.NotFound {
		if h.elsewhere(w, r) {
			return
		}
		h.strayed(w, r)
		return
	}
	h.fail(w, r, err)
}

// renderChanges turns changes into the events of a page.
func (h *Handler) renderChanges(ctx context.Context, org e911.OrgID, c report.Changes) ([]events.Message, error) {
	now := h.cfg.Now()
	o, _ := h.cfg.Org(org)
	l := portal.NewLists(seenBy(ctx, h.cfg.Board.Calls(org)), now)
	html, err := render(ctx, portal.StripBand(portal.NewStrip(l, o.Demonstration, now)))
	if err != nil {
		return nil, err
	}
	out := []events.Message{{Event: "strip", Data: map[string]string{"html": html}}}
	for i := range c.Calls {
		r := &c.Calls[i]
		if !sees(ctx, r) {
			continue
		}
		row := portal.NewRow(r, now)
		html, err := render(ctx, portal.RowItem(row))
		if err != nil {
			return nil, err
		}
		out = append(out, events.Message{Event: "call", Data: map[string]any{
			"id": row.ID, "live": row.Live, "emergency": row.Emergency, "day": portal.DayOf(r, now), "row": html,
		}})
	}
	if len(c.Alarms) > 0 && sitesOf(ctx) == nil {
		html, err := render(ctx, portal.AlarmMenu(portal.NewAlarms(h.alarms(ctx, org))))
		if err != nil {
			return nil, err
		}
		out = append(out, events.Message{Event: "alarms", Data: map[string]string{"html": html}})
	}
	return out, nil
}

func render(ctx context.Context, c templ.Component) (string, error) {
	var b bytes.Buffer
	if err := c.Render(ctx, &b); err != nil {
		return "", err
	}
	return b.String(), nil
}

// page renders whole before it writes, so that a fault is an error page and
// never half a page.
func (h *Handler) page(w http.ResponseWriter, r *http.Request, status int, c templ.Component) {
	var b bytes.Buffer
	if err := c.Render(r.Context(), &b); err != nil {
		h.cfg.Log.Error("render a page", "path", r.URL.Path, obs.Err(err))
		http.Error(w, "this page cannot be shown", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(b.Len()))
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

// strayed answers for what is not there; another organisation's call is not
// there either.
func (h *Handler) strayed(w http.ResponseWriter, r *http.Request) {
	if wantsData(r) {
		h.problem(w, http.StatusNotFound, "not found")
		return
	}
	h.page(w, r, http.StatusNotFound, portal.Message(h.frame("Not found – Callbox"), "Nothing here", []string{
		"This address leads nowhere, or to a call that your organisation does not have.",
	}, ""))
}

// fail is the one place where an error becomes an answer and a line in the log.
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	h.cfg.Log.Error("a page failed", "path", r.URL.Path, obs.Err(err))
	status, say := http.StatusInternalServerError, "Something went wrong here. Calls are not affected; try again in a moment."
	switch e911.KindOf(err) {
	case e911.Unavailable, e911.Internal:
		status, say = http.StatusServiceUnavailable, "Older calls cannot be read right now. Calls in progress are not affected; try again in a moment."
	case e911.Denied:
		status, say = http.StatusForbidden, "This is not yours to see."
	case e911.Invalid:
		status, say = http.StatusBadRequest, "This address cannot be understood."
	}
	if wantsData(r) {
		h.problem(w, status, say)
		return
	}
	h.page(w, r, status, portal.Message(h.frame("Callbox"), "That did not work", []string{say}, ""))
}

// problem answers programs (RFC 9457).
func (h *Handler) problem(w http.ResponseWriter, status int, title string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"title": title, "status": status})
}
