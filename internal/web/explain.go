package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/callbox911/callbox/internal/e911"
)

// explainTimeout bounds one question: a large journal takes its time, and its
// reader may be gone.
const explainTimeout = 30 * time.Second

// apiExplain answers who a caller is, where, how that is known, and what a call
// would do, now or at another time. Parameters: mac, user, number, ip, at, trunk,
// test, held.
func (h *Handler) apiExplain(w http.ResponseWriter, r *http.Request) {
	if h.cfg.Explain == nil {
		h.strayed(w, r)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), explainTimeout)
	defer cancel()
	params := r.URL.Query()
	answer, err := h.cfg.Explain(ctx, orgOf(r), params)
	if err == nil {
		writeJSON(w, answer)
		return
	}
	switch e, ok := errors.AsType[*e911.Error](err); {
	case errors.Is(err, context.DeadlineExceeded):
		h.problem(w, http.StatusServiceUnavailable, "the journal is too large to look that far back here; use callbox explain on the server")
	case ok && e.Kind == e911.Invalid:
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]any{"title": e.Msg, "status": http.StatusBadRequest, "faults": e.Faults})
	case ok && e.Kind == e911.NotFound:
		h.problem(w, http.StatusNotFound, "nobody here is known by that")
	default:
		h.fail(w, r, err)
	}
}
