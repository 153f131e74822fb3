package api

import (
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"path"
	"reflect"
	"strconv"
	"strings"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/apikey"
	"github.com/callbox911/callbox/internal/admin/change"
	"github.com/callbox911/callbox/internal/admin/foreign"
	"github.com/callbox911/callbox/internal/admin/foreign/intake"
	"github.com/callbox911/callbox/internal/admin/station"
	"github.com/callbox911/callbox/internal/e911"
)

// Foreign reads other products' exports and plans what they would change. Nothing
// is changed before the plan is applied.
type Foreign func(ctx context.Context, who admin.Actor, org e911.OrgID, ask ForeignAsk) (ForeignPlan, error)

// ForeignAsk is what is asked for.
type ForeignAsk struct {
	Origin  string // key of the product, or foreign.Auto
	Files   []intake.File
	Options intake.Options
	Partial bool
	Replace bool
	Unroute string
}

// ForeignPlan says what files held, and what that would change.
type ForeignPlan struct {
	intake.Result
	Tables []foreign.TableReport `json:"tables,omitempty"`
	Plan   *change.Plan          `json:"plan,omitempty" doc:"None: nothing would change"`
}

// Stations reports what is missing of an organisation's stations; site is a key,
// or empty for all.
type Stations func(ctx context.Context, org e911.OrgID, site string) (station.Report, error)

// Product is one whose exports are read.
type Product struct {
	Key     string   `json:"key"`
	Title   string   `json:"title"`
	Formats []string `json:"formats"`
}

// maxForeign bounds the files of one import together; the command line takes
// more. maxFiles bounds how many there are.
const (
	maxForeign = 64 << 20
	maxFiles   = 100
)

func foreignOperations() []operation {
	const org = "/organisations/{org}"
	yes := func(name, about string) parameter {
		return parameter{in: "query", name: name, about: about, enum: []any{"true", "false"}}
	}
	return []operation{
		{
			method: http.MethodGet, path: "/products", id: "list_products", tag: "imports", open: true, summary: "The products whose exports are read",
			result: listOf(reflect.TypeFor[Product]()), do: (*Handler).products,
		},
		{
			method: http.MethodPost, path: org + "/imports/from/{product}", id: "import_from", tag: "imports", scopes: []apikey.Scope{apikey.ScopeImports, apikey.ScopeWrite}, once: true,
			summary: "Plan what another product's exports would change",
			about:   "Send the files as multipart/form-data, or one as the body: CSV, XLSX or a ZIP of them. Nothing changes before the plan is applied. The product may be auto.",
			params: []parameter{
				inQuery("file", "The file's name, where it is the body"), inQuery("site", "Key of the site of all that comes from a product that has none"),
				inQuery("zone", "IANA time zone of sites that the files name; they are made with it"), inQuery("country", "US or CA, of addresses that do not say it"),
				{in: "query", name: "subnet_bits", about: "Size of subnets of which the files tell the first address alone", kind: "integer", low: 1, high: 128},
				{in: "query", name: "mac", about: "What hardware addresses name, where the files do not say it", enum: []any{"fixed", "dock"}},
				inQuery("as", "FILE=FORMAT of files whose headings do not settle what they are, with commas between"),
				yes("partial", "Leave bad rows out and report them"), yes("replace", "Also move what stands elsewhere, and take away what the files no longer say of an object"),
				inQuery("unroute", "Why places may lose every way to their PSAP; the audit trail keeps it"),
			},
			upload: true, files: true, maxBody: maxForeign, result: reflect.TypeFor[ForeignPlan](), errors: []int{409}, do: (*Handler).importFrom,
		},
		{
			method: http.MethodGet, path: org + "/stations", id: "get_stations", tag: "questions", scopes: []apikey.Scope{apikey.ScopeCalls}, summary: "What 47 CFR 9.16(b)(3) and the states ask of each station, and what is missing",
			params: []parameter{inQuery("site", "A site's key"), {in: "query", name: "format", about: "json (the default) or csv", enum: []any{"json", "csv"}}},
			result: reflect.TypeFor[station.Report](), do: (*Handler).stations,
		},
	}
}

func (h *Handler) products(*call) (reply, error) {
	out := []Product{}
	for _, o := range foreign.Origins() {
		p := Product{Key: o.Key, Title: o.Title, Formats: []string{}}
		for _, f := range o.Formats {
			p.Formats = append(p.Formats, f.Name)
		}
		out = append(out, p)
	}
	return answer(http.StatusOK, map[string]any{"items": out})
}

func (h *Handler) stations(c *call) (reply, error) {
	if h.cfg.Stations == nil {
		return reply{}, errNotHere
	}
	format := c.query.Get("format")
	if format != "" && format != "json" && format != "csv" {
		return reply{}, refused(http.StatusBadRequest, e911.Invalid, "the format is json or csv")
	}
	r, err := h.cfg.Stations(c.Context(), c.org, c.query.Get("site"))
	if err != nil {
		return reply{}, err
	}
	if format == "csv" {
		return fileReply("stations", "csv", func(w io.Writer) error { return station.WriteCSV(w, r) }), nil
	}
	return answer(http.StatusOK, r)
}

func (h *Handler) importFrom(c *call) (reply, error) {
	origin := strings.ToLower(c.param("product"))
	if _, ok := foreign.OriginOf(origin); !ok && origin != foreign.Auto {
		return reply{}, e911.Errorf(e911.NotFound, "there is no reader for this product")
	}
	if h.cfg.Foreign == nil {
		return reply{}, errNotHere
	}
	ask := ForeignAsk{
		Origin: origin, Partial: c.query.Get("partial") == "true", Replace: c.query.Get("replace") == "true", Unroute: c.query.Get("unroute"),
		Options: intake.Options{
			Site: c.query.Get("site"), Zone: c.query.Get("zone"), Country: c.query.Get("country"),
			Mobility: e911.Mobility(c.query.Get("mac")), As: map[string]string{},
		},
	}
	if err := c.foreignQuery(&ask.Options); err != nil {
		return reply{}, err
	}
	if c.ContentLength > maxForeign {
		return reply{}, tooLargeFor(maxForeign)
	}
	ctx, cancel := c.patiently()
	defer cancel()
	var err error
	if ask.Files, err = c.files(); err != nil {
		return reply{}, err
	}
	out, err := h.cfg.Foreign(ctx, c.who.who, c.org, ask)
	if err != nil {
		return reply{}, err
	}
	return answer(http.StatusOK, out)
}

func (c *call) foreignQuery(o *intake.Options) error {
	var faults []e911.Fault
	if s := c.query.Get("subnet_bits"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > 128 {
			faults = append(faults, e911.Fault{Path: "subnet_bits", Code: "range", Msg: "this is no size of a subnet", Fix: "write 24"})
		}
		o.SubnetBits = n
	}
	if o.Mobility != "" && o.Mobility != e911.MobilityFixed && o.Mobility != e911.MobilityDock {
		faults = append(faults, e911.Fault{Path: "mac", Code: "unknown", Msg: "hardware addresses name what stays or what moves with a dock", Fix: "write fixed or dock"})
	}
	for pair := range strings.SplitSeq(c.query.Get("as"), ",") {
		if pair == "" {
			continue
		}
		file, format, ok := strings.Cut(pair, "=")
		if !ok {
			faults = append(faults, e911.Fault{Path: "as", Code: "syntax", Msg: "this names no format", Fix: "write FILE=FORMAT"})
		}
		o.As[path.Base(file)] = format
	}
	if len(faults) > 0 {
		return &statusError{status: http.StatusBadRequest, err: &e911.Error{Kind: e911.Invalid, Msg: "the query is refused", Faults: faults}}
	}
	return nil
}

// files reads the parts of a form that have file names, or the one file that is
// the body.
func (c *call) files() ([]intake.File, error) {
	body := http.MaxBytesReader(c.w, c.Body, maxForeign)
	media, params, err := mime.ParseMediaType(c.Header.Get("Content-Type"))
	if media != "multipart/form-data" || err != nil {
		data, err := io.ReadAll(body)
		if err != nil {
			return nil, notWhole(err)
		}
		if len(data) == 0 {
			return nil, refused(http.StatusBadRequest, e911.Invalid, "send the files that the product exported")
		}
		return []intake.File{{Name: path.Base(orElse(c.query.Get("file"), "file")), Data: data}}, nil
	}
	var out []intake.File
	parts := multipart.NewReader(body, params["boundary"])
	for {
		p, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, notWhole(err)
		}
		if p.FileName() == "" {
			continue
		}
		data, err := io.ReadAll(p)
		if err != nil {
			return nil, notWhole(err)
		}
		if out = append(out, intake.File{Name: p.FileName(), Data: data}); len(out) > maxFiles {
			return nil, refused(http.StatusBadRequest, e911.Invalid, "these are too many files: send a ZIP of them")
		}
	}
	if len(out) == 0 {
		return nil, refused(http.StatusBadRequest, e911.Invalid, "the form has no files")
	}
	return out, nil
}

func notWhole(err error) error {
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return tooLargeFor(maxForeign)
	}
	return &statusError{status: http.StatusBadRequest, err: &e911.Error{Kind: e911.Invalid, Msg: "the files did not arrive whole"}}
}
