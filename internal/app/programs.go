package app

import (
	"fmt"
	"net/http"

	"github.com/callbox911/callbox/internal/web/oauth"
)

// withOAuth puts the exchange of keys for tokens before the pages.
func (s *Server) withOAuth(pages http.Handler) (http.Handler, error) {
	h, err := oauth.New(oauth.Config{Keys: s.api.keys, BaseURL: s.cfg.BaseURL, Now: s.cfg.Now, Log: s.cfg.Log})
	if err != nil {
		return nil, fmt.Errorf("wire OAuth 2 of programs: %w", err)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if oauth.Serves(r.URL.Path) {
			h.ServeHTTP(w, r)
			return
		}
		pages.ServeHTTP(w, r)
	}), nil
}
