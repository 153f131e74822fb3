package web

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/callbox911/callbox/internal/e911"
)

// apiRoute answers which PSAP serves a place, and on which number a person
// reaches it. Parameters: address, point or location; service.
func (h *Handler) apiRoute(w http.ResponseWriter, r *http.Request) {
	if h.cfg.Route == nil {
		h.strayed(w, r)
		return
	}
	answer, err := h.cfg.Route(r.Context(), orgOf(r), r.URL.Query())
	if err == nil {
		writeJSON(w, answer)
		return
	}
	switch e, ok := errors.AsType[*e911.Error](err); {
	case ok && e.Kind == e911.Invalid:
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]any{"title": e.Msg, "status": http.StatusBadRequest, "faults": e.Faults})
	case ok && e.Kind == e911.NotFound:
		h.problem(w, http.StatusNotFound, "there is no such place here")
	default:
		h.fail(w, r, err)
	}
}
