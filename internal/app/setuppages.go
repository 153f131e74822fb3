package app

import (
	"context"

	"github.com/callbox911/callbox/internal/admin/sheet"
	"github.com/callbox911/callbox/internal/web/setuppages"
)

// setUpPages is what the pages of the set-up ask: each time, because the server takes
// calls before the database is open, and after it is gone.
func (s *Server) setUpPages() *setuppages.Desks {
	return &setuppages.Desks{
		Setup: s.setupDesk, Editor: s.editor,
		Published: func(ctx context.Context) error { return s.published(ctx, nil) },
		Imports: &setuppages.Imports{
			Jobs: lateJobs{&s.store}, Sheets: lateSheets{&s.store}, Rows: sheet.Limits{Rows: s.cfg.ImportRows}.MaxRows(),
			Plans: func() (setuppages.Plans, error) {
				st := s.store.get()
				if st == nil {
					return nil, errNoStore
				}
				return s.changePlanner(st)
			},
		},
	}
}
