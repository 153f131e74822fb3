package app

import (
	"context"
	"net/http"
	"net/url"

	"github.com/callbox911/callbox/internal/admin/desk"
)

// Callbacks answers whose emergency callback number is which, from the server
// that runs in dir or from the files there.
func Callbacks(ctx context.Context, dir string, w desk.Whose) ([]desk.Callback, error) {
	v := url.Values{"org": {w.Org}, "number": {w.Number}, "site": {w.Site}, "user": {w.User}}
	return askDesk(ctx, dir, "/ecbn?"+v.Encode(), func(d desk.Config) ([]desk.Callback, error) { return d.Callbacks(w) })
}

func (s *Server) callbackRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST /ecbn", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		list, err := s.desk().Callbacks(desk.Whose{Org: q.Get("org"), Number: q.Get("number"), Site: q.Get("site"), User: q.Get("user")})
		writeControl(w, list, err)
	})
}
