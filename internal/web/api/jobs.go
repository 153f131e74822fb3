package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/apikey"
	"github.com/callbox911/callbox/internal/admin/job"
	"github.com/callbox911/callbox/internal/admin/sheet"
	"github.com/callbox911/callbox/internal/e911"
)

// Jobs is long work; job.Queue does it.
type Jobs interface {
	Submit(ctx context.Context, r job.Request) (job.Job, error)
	Get(ctx context.Context, org e911.OrgID, id string) (job.Job, error)
	List(ctx context.Context, org e911.OrgID, before string, limit int) ([]job.Job, error)
	Cancel(ctx context.Context, org e911.OrgID, id string) (job.Job, error)
}

// Sheets writes tables.
type Sheets interface {
	Template(w io.Writer, f sheet.Format, kind sheet.Kind) error
	Export(ctx context.Context, org e911.OrgID, kind sheet.Kind) (sheet.Table, error)
	Write(w io.Writer, f sheet.Format, kind sheet.Kind, t sheet.Table) error
}

const maxUpload = sheet.MaxUpload

func jobOperations() []operation {
	const org = "/organisations/{org}"
	read, imports := []apikey.Scope{apikey.ScopeRead}, []apikey.Scope{apikey.ScopeImports}
	shown := reflect.TypeFor[job.Job]()
	var tables []any
	for _, k := range sheet.Kinds() {
		tables = append(tables, string(k))
	}
	format := parameter{in: "query", name: "format", about: "csv (the default) or xlsx", enum: []any{"csv", "xlsx"}}
	yes := func(name, about string) parameter {
		return parameter{in: "query", name: name, about: about, enum: []any{"true", "false"}}
	}
	return []operation{
		{
			method: http.MethodGet, path: org + "/templates/{table}", id: "get_template", tag: "imports", scopes: read, summary: "Get the columns of an import as a file",
			params: []parameter{format}, file: true, do: (*Handler).template,
		},
		{
			method: http.MethodGet, path: org + "/exports/{table}", id: "export_table", tag: "imports", scopes: read, summary: "Get what is stored as a file that an import takes back",
			about: "Tables: " + fmt.Sprint(tables...) + ". Secrets are left out.", params: []parameter{format}, file: true, do: (*Handler).export,
		},
		{
			method: http.MethodPost, path: org + "/imports/{table}", id: "import_table", tag: "imports", scopes: []apikey.Scope{apikey.ScopeImports, apikey.ScopeWrite}, once: true,
			summary: "Import a CSV or XLSX file", about: "The file is the body. The answer is a job; its result is the plan and what was applied.",
			params: []parameter{
				{in: "query", name: "mode", about: "add (the default) or replace", enum: []any{"add", "replace"}},
				inQuery("file", "Its name, for faults"),
				yes("partial", "Leave bad rows out and report them"), yes("whole", "The file is the whole truth of its kind"), yes("dry_run", "Only plan it"),
			},
			upload: true, maxBody: maxUpload, status: http.StatusAccepted, result: shown, do: (*Handler).importTable,
		},
		{
			method: http.MethodGet, path: org + "/jobs", id: "list_jobs", tag: "imports", scopes: imports, summary: "List jobs, newest first",
			params: []parameter{limitParam, cursorParam}, result: listOf(shown), do: (*Handler).listJobs,
		},
		{
			method: http.MethodGet, path: org + "/jobs/{id}", id: "get_jobs", tag: "imports", scopes: imports, summary: "Read how far a job is, and its result",
			result: shown, do: func(h *Handler, c *call) (reply, error) {
				return h.job(c, func() (job.Job, error) { return h.cfg.Jobs.Get(c.Context(), c.org, c.param("id")) })
			},
		},
		{
			method: http.MethodPost, path: org + "/jobs/{id}/cancel", id: "cancel_jobs", tag: "imports", scopes: imports, summary: "Cancel a job",
			result: shown, do: func(h *Handler, c *call) (reply, error) {
				return h.job(c, func() (job.Job, error) { return h.cfg.Jobs.Cancel(c.Context(), c.org, c.param("id")) })
			},
		},
	}
}

func (h *Handler) job(_ *call, ask func() (job.Job, error)) (reply, error) {
	if h.cfg.Jobs == nil {
		return reply{}, errNotHere
	}
	j, err := ask()
	if err != nil {
		return reply{}, err
	}
	return answer(http.StatusOK, j)
}

func (h *Handler) listJobs(c *call) (reply, error) {
	after, limit, err := h.page(c)
	if err != nil || h.cfg.Jobs == nil {
		return reply{}, orNotHere(err)
	}
	list, err := h.cfg.Jobs.List(c.Context(), c.org, after, limit)
	if err != nil {
		return reply{}, err
	}
	return paged(h, c, list, limit, func(j job.Job) string { return j.ID })
}

// table reads which table and format are meant.
func (c *call) table() (sheet.Kind, sheet.Format, error) {
	k, f := sheet.Kind(c.param("table")), sheet.Format(orElse(c.query.Get("format"), string(sheet.CSV)))
	if !slices.Contains(sheet.Kinds(), k) {
		return "", "", e911.Errorf(e911.NotFound, "there is no such table")
	}
	if f != sheet.CSV && f != sheet.XLSX {
		return "", "", refused(http.StatusBadRequest, e911.Invalid, "the format is csv or xlsx")
	}
	return k, f, nil
}

func fileReply(name string, f sheet.Format, write func(w io.Writer) error) reply {
	media := "text/csv; charset=utf-8"
	if f == sheet.XLSX {
		media = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	}
	return reply{status: http.StatusOK, stream: write, header: map[string]string{
		"Content-Type": media, "Content-Disposition": `attachment; filename="` + name + "." + string(f) + `"`,
	}}
}

func (h *Handler) template(c *call) (reply, error) {
	k, f, err := c.table()
	if err != nil || h.cfg.Sheets == nil {
		return reply{}, orNotHere(err)
	}
	return fileReply(string(k)+"-template", f, func(w io.Writer) error { return h.cfg.Sheets.Template(w, f, k) }), nil
}

func (h *Handler) export(c *call) (reply, error) {
	k, f, err := c.table()
	if err != nil || h.cfg.Sheets == nil {
		return reply{}, orNotHere(err)
	}
	t, err := h.cfg.Sheets.Export(c.Context(), c.org, k)
	if err != nil {
		return reply{}, err
	}
	return fileReply(string(k), f, func(w io.Writer) error { return h.cfg.Sheets.Write(w, f, k, t) }), nil
}

// uploadTimeout bounds how long a file may take to arrive: a slow line has a
// large one.
const uploadTimeout = 30 * time.Minute

// uploadDigest tells the SHA-256 of a file that was taken, in hexadecimal digits: who
// sends another one with the same Idempotency-Key is refused.
const uploadDigest = "Callbox-Upload-Sha256"

// arrive gives a file the time that it needs.
func (c *call) arrive() io.Reader {
	_ = http.NewResponseController(c.w).SetReadDeadline(time.Now().Add(uploadTimeout)) // not every server has one
	return http.MaxBytesReader(c.w, c.Body, maxUpload)
}

// sameUpload reads a file that is sent again and holds it against the first.
func sameUpload(c *call, want string) error {
	if !c.op.upload || want == "" {
		return nil
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, c.arrive()); err != nil {
		return refused(http.StatusBadRequest, e911.Invalid, "the file did not arrive whole: send it again")
	}
	if hex.EncodeToString(sum.Sum(nil)) != want {
		return refused(http.StatusUnprocessableEntity, e911.Conflict, "another file was sent with this Idempotency-Key: take a new one")
	}
	return nil
}

func (h *Handler) importTable(c *call) (reply, error) {
	k, _, err := c.table()
	if err != nil || h.cfg.Jobs == nil {
		return reply{}, orNotHere(err)
	}
	if err := h.mayTable(c, k); err != nil {
		return reply{}, err
	}
	a := sheet.Task{
		Kind: k, Mode: sheet.Mode(orElse(c.query.Get("mode"), string(sheet.Add))), Whole: c.query.Get("whole") == "true",
		Partial: c.query.Get("partial") == "true", DryRun: c.query.Get("dry_run") == "true", File: orElse(c.query.Get("file"), string(k)),
	}
	if a.Mode != sheet.Add && a.Mode != sheet.Replace {
		return reply{}, refused(http.StatusBadRequest, e911.Invalid, "the mode is add or replace")
	}
	a.NoSecrets = h.maySecrets(c) != nil
	args, err := json.Marshal(a)
	if err != nil {
		return reply{}, fmt.Errorf("encode an import: %w", err)
	}
	if c.ContentLength > maxUpload {
		return reply{}, tooLarge()
	}
	sum := sha256.New()
	file := io.TeeReader(c.arrive(), sum)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Context()), uploadTimeout)
	defer cancel()
	j, err := h.cfg.Jobs.Submit(ctx, job.Request{
		Org: c.org, Kind: sheet.ImportJob, Title: "import of " + string(k), Who: c.who.who, Args: args, Input: file,
	})
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return reply{}, tooLarge()
	}
	if err != nil {
		return reply{}, err
	}
	out, err := answer(http.StatusAccepted, j)
	if err == nil {
		out.header[uploadDigest] = hex.EncodeToString(sum.Sum(nil))
		out.header["Location"] = Base + "/organisations/" + string(c.org) + "/jobs/" + j.ID
	}
	return out, err
}

func tooLarge() error {
	return refused(http.StatusRequestEntityTooLarge, e911.Invalid, fmt.Sprintf("the file is larger than %d MiB: send it in parts, or import it on the server", maxUpload>>20))
}

// Audit is the trail of changes; a store does it.
type Audit interface {
	FindAudit(ctx context.Context, q admin.AuditQuery) ([]admin.AuditEntry, error)
	VerifyAudit(ctx context.Context, org e911.OrgID, all bool) (admin.AuditProof, error)
}
