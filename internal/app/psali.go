package app

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/psali"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/gis"
	"github.com/callbox911/callbox/internal/rules/lvf"
)

// maxALIFile bounds a carrier's file or an MSAG sent over the socket, and the
// drafts that come back.
const maxALIFile = 256 << 20

// aliDesk is the desk for ALI records over the open database. The communities
// and ESNs in the records are those of the layers in the snapshot, so records
// are made by a running server alone.
func (s *Server) aliDesk() (*psali.Desk, error) {
	st := s.store.get()
	if st == nil {
		return nil, errNoStore
	}
	return psali.New(psali.Config{Store: st, Now: s.cfg.Now, MSAG: func(place e911.Civic, demonstration bool) gis.MSAG {
		return s.holder.Load().LVF().Validate(place, lvf.Options{Now: s.cfg.Now(), Demonstration: demonstration, Postal: s.postal}).MSAG
	}})
}

// psaliRoutes adds what the command line asks about ALI records.
func (s *Server) psaliRoutes(mux *http.ServeMux) {
	handle := func(path string, changes bool, do func(ctx context.Context, d *psali.Desk, q *inventoryRequest) (any, error)) {
		mux.HandleFunc("POST /psali-"+path, func(w http.ResponseWriter, r *http.Request) {
			r.Body = http.MaxBytesReader(w, r.Body, maxALIFile)
			d, err := s.aliDesk()
			var result any
			if err == nil {
				result, err = do(r.Context(), d, &inventoryRequest{r: r})
			}
			if st := s.store.get(); err == nil && changes && st != nil {
				_, err = s.publish.Publish(r.Context(), st)
			}
			writeControl(w, result, err)
		})
	}
	handle("draft", false, func(ctx context.Context, d *psali.Desk, q *inventoryRequest) (any, error) {
		if text := q.value("cycle"); text != "" {
			cycle, err := strconv.Atoi(text)
			if err != nil {
				return nil, e911.Errorf(e911.Invalid, "a cycle is a number")
			}
			return d.Written(ctx, q.value("org"), cycle)
		}
		return d.Draft(ctx, q.value("org"), q.value("all") == "true")
	})
	handle("sent", true, func(ctx context.Context, d *psali.Desk, q *inventoryRequest) (any, error) {
		var draft psali.Draft
		if err := json.NewDecoder(q.r.Body).Decode(&draft); err != nil {
			return nil, e911.Errorf(e911.Invalid, "the draft cannot be read: %v", err)
		}
		return d.MarkSent(ctx, q.who(), draft)
	})
	handle("answer", true, func(ctx context.Context, d *psali.Desk, q *inventoryRequest) (any, error) {
		var opt psali.AnswerOptions
		var err error
		if text := q.value("rest"); text != "" {
			if opt.Rest, err = strconv.Atoi(text); err != nil || opt.Rest < 1 {
				return nil, e911.Errorf(e911.Invalid, "a cycle is a number, 1 or more")
			}
		}
		var file io.Reader
		if q.value("file") == "true" {
			file = q.r.Body
		}
		return d.Answer(ctx, q.who(), q.value("org"), file, opt)
	})
	handle("status", false, func(ctx context.Context, d *psali.Desk, q *inventoryRequest) (any, error) {
		return d.Status(ctx, q.value("org"))
	})
	handle("preview", false, func(ctx context.Context, d *psali.Desk, q *inventoryRequest) (any, error) {
		var guide *psali.Guide
		if q.value("msag") == "true" {
			var err error
			if guide, err = psali.ReadGuide(q.r.Body); err != nil {
				return nil, err
			}
		}
		return d.Preview(ctx, q.value("org"), guide)
	})
	seen := func(do func(*psali.Desk, context.Context, admin.Actor, psali.Seen) (psali.Line, error)) func(context.Context, *psali.Desk, *inventoryRequest) (any, error) {
		return func(ctx context.Context, d *psali.Desk, q *inventoryRequest) (any, error) {
			n, err := e911.ParseNumber(q.value("number"))
			if err != nil {
				return nil, err
			}
			return do(d, ctx, q.who(), psali.Seen{
				Org: q.value("org"), Number: n, By: q.value("by"), Evidence: q.value("evidence"),
				NoRecord: q.value("no_record") == "true", Wrong: q.value("wrong") == "true",
			})
		}
	}
	handle("confirm", true, seen((*psali.Desk).Confirm))
	handle("fixed", true, seen((*psali.Desk).Fixed))
}

// AskALI asks the server that runs in dir about ALI records.
func AskALI(ctx context.Context, dir, what string, params url.Values, body io.Reader, result any) error {
	return AskInventory(ctx, dir, "/psali-"+what+"?"+params.Encode(), body, result)
}
