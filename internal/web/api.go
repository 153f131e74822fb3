package web

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/callbox911/callbox/internal/admin/report"
	"github.com/callbox911/callbox/internal/e911"
)

// merge lays what the board holds over what the store keeps and returns the
// calls newest first. On the first page (before is empty) the calls in progress
// are always among them, however old.
func merge(held, kept []report.CallRecord, before e911.CallID, limit int, now time.Time) []report.CallRecord {
	var oldest e911.CallID // older calls than this belong to the next page
	if len(kept) >= limit && limit > 0 {
		oldest = kept[len(kept)-1].ID
	}
	seen := make(map[e911.CallID]bool, len(held))
	var out []report.CallRecord
	for i := range held {
		r := &held[i]
		seen[r.ID] = true
		live := before == "" && r.Live(now)
		if live || ((before == "" || r.ID < before) && r.ID >= oldest) {
			out = append(out, *r)
		}
	}
	for i := range kept {
		if !seen[kept[i].ID] {
			out = append(out, kept[i])
		}
	}
	slices.SortFunc(out, func(a, b report.CallRecord) int {
		return cmp.Or(b.ArrivedAt.Compare(a.ArrivedAt), cmp.Compare(b.ID, a.ID))
	})
	return out
}

func (h *Handler) apiSession(w http.ResponseWriter, r *http.Request) {
	org := orgOf(r)
	o, _ := h.cfg.Org(org)
	writeJSON(w, map[string]any{"org": org, "name": o.Name, "demonstration": o.Demonstration})
}

// apiCalls lists calls, newest first: {"calls": [...], "next": "ID"}. Parameters:
// before, limit. While the store is down the board's calls come with
// "complete": false.
func (h *Handler) apiCalls(w http.ResponseWriter, r *http.Request) {
	limit := pageSize
	if s := r.URL.Query().Get("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > maxPageSize {
			h.problem(w, http.StatusBadRequest, "limit is a number from 1 to "+strconv.Itoa(maxPageSize))
			return
		}
		limit = n
	}
	calls, more, err := h.merged(r.Context(), orgOf(r), beforeOf(r), limit)
	if calls == nil {
		calls = []report.CallRecord{}
	}
	writeJSON(w, struct {
		Calls    []report.CallRecord `json:"calls"`
		Next     e911.CallID         `json:"next,omitempty"`
		Complete bool                `json:"complete"`
	}{calls, more, err == nil})
}

// apiCall is one call record as JSON.
func (h *Handler) apiCall(w http.ResponseWriter, r *http.Request) {
	record, err := h.record(r.Context(), orgOf(r), e911.CallID(chi.URLParam(r, "id")))
	if err != nil {
		h.noCall(w, r, err)
		return
	}
	writeJSON(w, record)
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v)
}
