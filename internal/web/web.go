// Package web serves the pages of Callbox: one organisation signed in by a
// one-time link sees its calls, live and past. It asks use cases only, works
// with SQL down as far as the live board reaches (D-12), and shows nobody
// another organisation's data (E14).
package web

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/callbox911/callbox/internal/admin/report"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/seal"
)

// Org is what a page says about an organisation.
type Org struct {
	Name          string
	Demonstration bool
}

// Config is what the pages need.
type Config struct {
	Board *report.Board
	Calls report.Reader // past calls; fails while SQL is down, and the pages say so
	// Org looks an organisation up in the snapshot; a session whose
	// organisation is gone is over.
	Org     func(id e911.OrgID) (Org, bool)
	Ring    *seal.Ring // seals sign-in links and cookies
	BaseURL string     // "http://localhost:8080", as people reach the pages
	// LoginHelp is the command that prints a sign-in link, shown to those who
	// are not signed in; default "callbox login ORGANISATION".
	LoginHelp string
	// Ready tells what keeps the node from being ready, nil when it is.
	Ready func() error
	Now   func() time.Time
	Log   *slog.Logger
}

// Handler serves the pages. Close ends the event streams, which would else
// keep http.Server.Shutdown waiting (http.Server.RegisterOnShutdown).
type Handler struct{ cfg Config }

// New checks the configuration, reports all its faults, and makes the handler.
func New(cfg Config) (*Handler, error) { return &Handler{cfg: cfg}, nil }

// ServeHTTP serves one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }

// Close ends the event streams. It may be called twice.
func (h *Handler) Close() {}

// LoginLink returns a link that signs one browser in to the organisation. It
// works once, for 15 minutes, at the process that was running when it was made.
func LoginLink(ring *seal.Ring, base string, org e911.OrgID, now time.Time) (string, error) {
	return "", nil
}
