package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"

	"github.com/callbox911/callbox/client"
	"github.com/callbox911/callbox/internal/admin/apikey"
	"github.com/callbox911/callbox/internal/e911"
)

// Base is where the API begins.
const Base = "/api/v1"

// operation is one row of the table.
type operation struct {
	method, path string // the path below Base
	id, summary  string
	about        string
	tag          string
	scopes       []apikey.Scope
	operator     bool // the operator's alone
	open         bool // needs no key
	once         bool // takes an Idempotency-Key
	params       []parameter
	body         reflect.Type // of JSON; nil: none, or an upload
	patch        bool         // the body is a merge patch
	upload       bool         // the body is a file
	files        bool         // or a form with several
	maxBody      int64        // 0: maxJSON
	example      any          // of the body
	status       int          // when it went well; 0: 200
	result       reflect.Type // nil: none, or a file
	file         bool         // answers a file
	errors       []int        // beside those that any operation has
	do           func(h *Handler, c *call) (reply, error)
}

// maxJSON bounds a body, maxBulk one of many steps.
const (
	maxJSON = 1 << 20
	maxBulk = 16 << 20
)

func (o *operation) limit() int64 {
	if o.maxBody > 0 {
		return o.maxBody
	}
	return maxJSON
}

func (o *operation) media() []string {
	if o.patch {
		return []string{"application/merge-patch+json", "application/json"}
	}
	return []string{"application/json"}
}

func (o *operation) queryNames() (names []string) {
	for _, p := range o.params {
		if p.in == "query" {
			names = append(names, p.name)
		}
	}
	return names
}

// parameter is one of the query or of the head.
type parameter struct {
	in, name, about string
	kind            string // of JSON schema; none: string
	enum            []any
	low, high       float64
	required        bool
}

func inQuery(name, about string) parameter { return parameter{in: "query", name: name, about: about} }

var (
	limitParam  = parameter{in: "query", name: "limit", about: "How many at most", kind: huma.TypeInteger, low: 1, high: maxLimit}
	cursorParam = inQuery("cursor", "What the page before had as next; it goes with the same filters")
	sortParam   = inQuery("sort", "key, or changed: when they were last changed; -key and -changed: the last first. Else as they were made")
	ifMatch     = parameter{in: "header", name: "If-Match", about: "The ETag that the change is made on; * for whatever is there", required: true}
	ifNoneMatch = parameter{in: "header", name: "If-None-Match", about: "An ETag that is known: 304 while it holds"}
	onceParam   = parameter{in: "header", name: "Idempotency-Key", about: "Any text; the same request with the same key within 24 hours is done once"}
)

func validText(s string) bool { return utf8.ValidString(s) }

// build makes routes and document of the table.
func (h *Handler) build() {
	h.routes = chi.NewRouter()
	h.routes.NotFound(func(w http.ResponseWriter, r *http.Request) {
		h.write(w, r, h.problem(r, e911.Errorf(e911.NotFound, "there is nothing at this address")))
	})
	h.routes.MethodNotAllowed(func(w http.ResponseWriter, r *http.Request) {
		h.write(w, r, h.problem(r, refused(http.StatusMethodNotAllowed, e911.Invalid, "this address does not take that method")))
	})
	h.doc = document(h.cfg.Version)
	a := huma.NewAPI(huma.Config{OpenAPI: h.doc}, humachi.NewAdapter(h.routes))
	for _, op := range operations() {
		described := h.describe(&op)
		h.doc.AddOperation(described)
		serve := h.serve(&op)
		a.Adapter().Handle(described, func(ctx huma.Context) {
			r, w := humachi.Unwrap(ctx)
			serve(w, r)
		})
	}
}

// operations is the whole table.
func operations() []operation {
	all := objectOperations()
	for _, more := range [][]operation{orgOperations(), keyOperations(), planOperations(), jobOperations(), listOperations(), foreignOperations(), readOperations(), serviceOperations(), setupOperations(), directoryOperations(), memberOperations(), credentialOperations(), telephoneOperations(), transferOperations(), signOnOperations(), tenantOperations(), myOperations(), firstUseOperations()} {
		all = append(all, more...)
	}
	return all
}

func document(version string) *huma.OpenAPI {
	scopes := "Scopes of keys: "
	for i, r := range apikey.Scopes() {
		if i > 0 {
			scopes += "; "
		}
		scopes += fmt.Sprintf("%s – %s", r.Scope, r.Allows)
	}
	return &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title: "Callbox", Version: version,
			Description: "Everything that can be configured, and what can be read of calls. References are ids or key:NAME. Errors are problem+json (RFC 9457) that name field, rule and fix.",
		},
		Servers: []*huma.Server{{URL: "/"}},
		Components: &huma.Components{
			Schemas: huma.NewMapRegistry("#/components/schemas/", schemaName),
			SecuritySchemes: map[string]*huma.SecurityScheme{
				"oauth": {Type: "oauth2", Description: "A key exchanged for tokens of 15 minutes; client_id is its id, client_secret the key", Flows: &huma.OAuthFlows{
					ClientCredentials: &huma.OAuthFlow{TokenURL: "/oauth2/token", Scopes: scopeTexts()},
				}},
				"key":     {Type: "http", Scheme: "bearer", BearerFormat: "cbk_ID_SECRET", Description: scopes},
				"session": {Type: "apiKey", In: "cookie", Name: "callbox_session", Description: "A signed-in browser; changes need the header X-Callbox-Request"},
			},
		},
	}
}

// scopeTexts are the scopes of keys by name, with what each allows.
func scopeTexts() map[string]string {
	out := map[string]string{}
	for _, r := range apikey.Scopes() {
		out[string(r.Scope)] = r.Allows
	}
	return out
}

// schemaName names a schema after its package and type: two packages may have a
// type of the same name (D-16).
func schemaName(t reflect.Type, hint string) string {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Name() == "" {
		return hint
	}
	pkg := t.PkgPath()
	pkg = pkg[strings.LastIndexByte(pkg, '/')+1:]
	name := strings.NewReplacer("[", "Of", "]", "", "*", "", "/", "", ".", "").Replace(t.Name())
	if i := strings.LastIndex(t.Name(), "/"); i >= 0 && strings.Contains(t.Name(), "[") { // of a generic type: the last part of its argument
		arg := t.Name()[i+1:]
		name = t.Name()[:strings.IndexByte(t.Name(), '[')] + "Of" + strings.NewReplacer("]", "", ".", "").Replace(arg)
	}
	if pkg == "" || pkg == "client" {
		return upper(name)
	}
	return upper(pkg) + upper(name)
}

func upper(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// describe writes an operation of the document.
func (h *Handler) describe(op *operation) *huma.Operation {
	schemas := h.doc.Components.Schemas
	d := &huma.Operation{
		Method: op.method, Path: Base + op.path, OperationID: op.id, Summary: op.summary, Description: op.about, Tags: []string{op.tag},
		Responses: map[string]*huma.Response{},
	}
	for part := range strings.SplitSeq(op.path, "/") {
		if name, ok := strings.CutPrefix(part, "{"); ok {
			name = strings.TrimSuffix(name, "}")
			d.Parameters = append(d.Parameters, &huma.Param{Name: name, In: "path", Required: true, Description: "Id, or key:NAME", Schema: &huma.Schema{Type: huma.TypeString}})
		}
	}
	for _, p := range op.params {
		d.Parameters = append(d.Parameters, p.describe())
	}
	if op.once {
		d.Parameters = append(d.Parameters, onceParam.describe())
	}
	if op.body != nil {
		d.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{}}
		for _, m := range op.media() {
			s := schemas.Schema(op.body, true, op.id+"Body")
			if op.patch {
				s = &huma.Schema{Type: huma.TypeObject, Description: "The fields that change; null takes one away (RFC 7396)"}
			}
			d.RequestBody.Content[m] = &huma.MediaType{Schema: s, Example: op.example}
		}
	}
	if op.upload {
		d.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			"text/csv": {Schema: &huma.Schema{Type: huma.TypeString}},
			"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}},
		}}
	}
	if op.files {
		file := &huma.Schema{Type: huma.TypeString, Format: "binary"}
		d.RequestBody.Content["application/zip"] = &huma.MediaType{Schema: file}
		d.RequestBody.Content["multipart/form-data"] = &huma.MediaType{Schema: &huma.Schema{
			Type: huma.TypeObject, Properties: map[string]*huma.Schema{"file": {Type: huma.TypeArray, Items: file}},
		}}
	}
	ok := &huma.Response{Description: "It went well"}
	switch {
	case op.result != nil:
		ok.Content = map[string]*huma.MediaType{"application/json": {Schema: schemas.Schema(op.result, true, op.id+"Result")}}
	case op.file:
		ok.Content = map[string]*huma.MediaType{"application/octet-stream": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}}
	}
	d.Responses[strconv.Itoa(max(op.status, 200))] = ok
	h.describeErrors(op, d)
	return d
}

func (h *Handler) describeErrors(op *operation, d *huma.Operation) {
	errors := slices.Concat([]int{400, 503}, op.errors)
	if !op.open {
		errors = append(errors, 401, 403, 404, 429)
		need := []string{}
		for _, s := range op.scopes {
			need = append(need, string(s))
		}
		if op.operator {
			need = append(need, string(apikey.ScopeProvider))
		}
		d.Security = []map[string][]string{{"key": {}}, {"oauth": need}, {"session": {}}}
		d.Extensions = map[string]any{"x-scopes": need}
		if n, ok := op.needOf(); ok {
			d.Extensions["x-area"] = n.name()
		}
	}
	if op.body != nil || op.upload {
		errors = append(errors, 413, 415, 422)
	}
	problem := h.doc.Components.Schemas.Schema(reflect.TypeFor[client.Problem](), true, "Problem")
	slices.Sort(errors)
	for _, status := range slices.Compact(errors) {
		d.Responses[strconv.Itoa(status)] = &huma.Response{
			Description: http.StatusText(status), Content: map[string]*huma.MediaType{"application/problem+json": {Schema: problem}},
		}
	}
	if slices.ContainsFunc(op.params, func(p parameter) bool { return p.name == ifNoneMatch.name }) {
		d.Responses["304"] = &huma.Response{Description: "It is still as the ETag says"}
	}
}

func (p parameter) describe() *huma.Param {
	s := &huma.Schema{Type: huma.TypeString, Enum: p.enum}
	if p.kind != "" {
		s.Type = p.kind
	}
	if p.high > 0 {
		s.Minimum, s.Maximum = &p.low, &p.high
	}
	return &huma.Param{Name: p.name, In: p.in, Description: p.about, Required: p.required, Schema: s}
}

// Document returns the OpenAPI document, as JSON in a stable order, or as YAML.
func (h *Handler) Document(yaml bool) ([]byte, error) {
	if yaml {
		return h.doc.YAML()
	}
	b, err := json.MarshalIndent(h.doc, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the document: %w", err)
	}
	return append(b, '\n'), nil
}

// Describe is the document of a server that is not running.
func Describe(version string, yaml bool) ([]byte, error) {
	h := &Handler{cfg: Config{Version: version}}
	h.build()
	return h.Document(yaml)
}
