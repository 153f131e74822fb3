package web

import (
	"net/http"

	"github.com/go-chi/chi/v5"
)

// Routes lists every method and pattern that the handler serves, so that tests
// can walk all of them.
func (h *Handler) Routes() []string {
	var out []string
	routes, ok := h.routes.(chi.Routes)
	if !ok {
		return nil
	}
	_ = chi.Walk(routes, func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		out = append(out, method+" "+route)
		return nil
	})
	return out
}
