package setuppages

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/change"
	"github.com/callbox911/callbox/internal/admin/job"
	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/admin/sheet"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
	"github.com/callbox911/callbox/internal/web/portal"
	"github.com/callbox911/callbox/internal/web/signin"
)

// Imports are the use cases behind tables that come in by the pages (N-44).
type Imports struct {
	Jobs interface {
		Submit(ctx context.Context, r job.Request) (job.Job, error)
		Get(ctx context.Context, org e911.OrgID, id string) (job.Job, error)
		List(ctx context.Context, org e911.OrgID, before string, limit int) ([]job.Job, error)
		Cancel(ctx context.Context, org e911.OrgID, id string) (job.Job, error)
	}
	Sheets interface {
		Template(w io.Writer, f sheet.Format, kind sheet.Kind) error
		Export(ctx context.Context, org e911.OrgID, kind sheet.Kind) (sheet.Table, error)
	}
	// Plans is asked each time, as Desks are.
	Plans func() (Plans, error)
	Rows  int // how many a file may have here
}

// Plans are what tables would do; change.Planner keeps them.
type Plans interface {
	Get(ctx context.Context, org e911.OrgID, id string) (change.Plan, error)
	Changes(ctx context.Context, org e911.OrgID, id string, offset, limit int) ([]change.Change, error)
}

const (
	// MaxUpload bounds a request with a file, in octets.
	MaxUpload = sheet.MaxUpload + 64<<10
	// uploadTimeout is how long a file may take to arrive.
	uploadTimeout = 30 * time.Minute
	// lookAgain is after how many seconds a page asks how far a job is.
	lookAgain = "2"
	// maxRecent, maxListed and maxFaults bound what a page lists.
	maxRecent, maxListed, maxFaults = 20, 100, 200
	// readOn is how much of a file that is refused is read, for the browser to get to
	// the answer.
	readOn = 16 << 20
)

const importPath = "/setup/import"

// IsUpload reports a request that may be as large as MaxUpload.
func IsUpload(r *http.Request) bool { return r.Method == http.MethodPost && r.URL.Path == importPath }

func (h *Handler) mountImports(r chi.Router) {
	get := func(path string, do func(p *page)) { r.Method(http.MethodGet, path, h.open(do)) }
	get(importPath, (*page).importForm)
	r.Method(http.MethodPost, importPath, h.cfg.Uploaded(func(w http.ResponseWriter, r *http.Request, v signin.Visit, u *signin.Upload) {
		p, ok := h.visit(w, r, v)
		if ok {
			p.upload(u)
		}
		if u.File != nil {
			_, _ = io.CopyN(io.Discard, u.File, readOn)
		}
	}))
	get(importPath+"/{id}", (*page).importJob)
	get(importPath+"/{id}/{file}", (*page).importFile)
	r.Method(http.MethodPost, importPath+"/{id}/apply", h.open((*page).applyImport))
	r.Method(http.MethodPost, importPath+"/{id}/cancel", h.open((*page).cancelImport))
	get("/setup/templates/{file}", (*page).templateFile)
	get("/setup/exports/{file}", (*page).exportFile)
}

// tableArea is the area of the table of roles that a kind of table changes.
func tableArea(k sheet.Kind) access.Area {
	switch k {
	case sheet.Sites:
		return access.Sites
	case sheet.Buildings, sheet.Locations, sheet.Elements:
		return access.Places
	case sheet.Alerts:
		return access.Alerts
	}
	return access.People
}

// mayImport says at which sites the visitor may bring a table of a kind in; nil: all of
// the organisation. It marks what he does by support alone.
func (p *page) mayImport(k sheet.Kind) (sites []e911.SiteID, err error) {
	at := access.Node{Org: string(p.v.Org)}
	whole, err := p.ask(at, access.Imports, access.Write)
	if err == nil && whole.Allowed {
		whole, err = p.ask(at, tableArea(k), access.Write)
	}
	if err != nil {
		return nil, err
	}
	if whole.Allowed {
		p.ctx = member.AsSupport(p.ctx, whole.By)
		return nil, nil
	}
	own, err := p.h.sitesOf(p.ctx, p.v.Who.ID, p.v.Org)
	if err != nil {
		return nil, err
	}
	for _, s := range own {
		a, err := p.ask(access.Node{Org: string(p.v.Org), Site: s}, tableArea(k), access.Write)
		if err != nil {
			return nil, err
		}
		if a.Allowed {
			sites = append(sites, e911.SiteID(s))
			p.ctx = member.AsSupport(p.ctx, a.By)
		}
	}
	if len(sites) == 0 {
		return nil, e911.Errorf(e911.Denied, "to bring this table in, %s", whole.Why)
	}
	return sites, nil
}

// importsPage is what the page shows by which a file is sent.
type importsPage struct {
	sent
	Kinds    []choice
	Kind     string
	Rows     int
	Recent   []job.Job
	Export   bool // what is stored of the whole organisation may be had
	MayWrite bool
}

func (p *page) importForm() { p.showImport(nil) }

func (p *page) showImport(wrong error) {
	o := importsPage{sent: sent{view: p.view("Many at once", "spreadsheets")}, Rows: p.h.cfg.Imports.Rows, Kind: p.r.FormValue("kind")}
	for _, k := range sheet.Kinds() {
		sites, err := p.mayImport(k)
		if e911.KindOf(err) == e911.Denied && err != nil {
			continue
		}
		if err != nil {
			p.fail(err)
			return
		}
		o.Export = o.Export || sites == nil
		o.Kinds = append(o.Kinds, choice{string(k), kindTitle(k)})
	}
	o.MayWrite = len(o.Kinds) > 0
	list, err := p.h.cfg.Imports.Jobs.List(p.ctx, p.v.Org, "", maxRecent)
	if err != nil {
		p.fail(err)
		return
	}
	for _, j := range list {
		if p.maySeeJob(j) {
			o.Recent = append(o.Recent, j)
		}
	}
	status := http.StatusOK
	if wrong != nil {
		status = o.refuse(p, "import", wrong)
	}
	p.render(status, importsView(o))
}

// upload takes a file, and has it planned: nothing is changed by it yet.
func (p *page) upload(u *signin.Upload) {
	k := sheet.Kind(u.Fields.Get("kind"))
	if !slices.Contains(sheet.Kinds(), k) {
		p.showImport(&e911.Error{Kind: e911.Invalid, Msg: "the file is refused", Faults: []e911.Fault{{Path: "kind", Code: "required", Msg: "nothing says what the file is a table of", Fix: "choose it"}}})
		return
	}
	sites, err := p.mayImport(k)
	if err != nil {
		p.fail(err)
		return
	}
	task := sheet.Task{
		Kind: k, Mode: sheet.Mode(cmp.Or(u.Fields.Get("mode"), string(sheet.Add))), Partial: u.Fields.Get("partial") == "yes", DryRun: true,
		File: fileName(u.Name, k), Sites: sites, NoSecrets: !p.may("", access.Secrets),
	}
	switch {
	case u.File == nil:
		p.showImport(&e911.Error{Kind: e911.Invalid, Msg: "the file is refused", Faults: []e911.Fault{{Path: "file", Code: "required", Msg: "no file was chosen", Fix: "choose one that ends in .csv or .xlsx"}}})
		return
	case task.Mode != sheet.Add && task.Mode != sheet.Replace:
		p.showImport(e911.Errorf(e911.Invalid, "the form is not whole: load the page again"))
		return
	}
	args, err := json.Marshal(task)
	if err != nil {
		p.fail(err)
		return
	}
	_ = http.NewResponseController(p.w).SetReadDeadline(time.Now().Add(uploadTimeout)) // of the connection, by its own clock; not every server has one
	ctx, cancel := context.WithTimeout(context.WithoutCancel(p.ctx), uploadTimeout)
	defer cancel()
	j, err := p.h.cfg.Imports.Jobs.Submit(ctx, job.Request{
		Org: p.v.Org, Kind: sheet.ImportJob, Title: "look at " + task.File + ", " + string(k), Who: p.who(), Args: args, Input: u.File,
	})
	switch {
	case err == nil:
		http.Redirect(p.w, p.r, importPath+"/"+j.ID, http.StatusSeeOther)
	case e911.KindOf(err) == e911.Unavailable:
		p.fail(err)
	default:
		p.showImport(err)
	}
}

// maxName bounds the name of a file in octets.
const maxName = 100

// fileName is the name of a file without its folder, which some browsers send.
func fileName(name string, k sheet.Kind) string {
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	if name == "." || name == "/" {
		return string(k)
	}
	if len(name) > maxName {
		name = strings.ToValidUTF8(name[len(name)-maxName:], "")
	}
	return name
}

// maySeeJob reports a job of an import that the visitor may look at: he reads the
// imports of the organisation, or it is his own.
func (p *page) maySeeJob(j job.Job) bool {
	if j.Kind != sheet.ImportJob && j.Kind != sheet.ApplyJob {
		return false
	}
	if j.Who == p.who() {
		return true
	}
	a, err := p.ask(access.Node{Org: string(p.v.Org)}, access.Imports, access.Read)
	return err == nil && a.Allowed
}

// importPage is what the page of one import shows.
type importPage struct {
	view
	Job     job.Job
	Out     sheet.Outcome
	Plan    *change.Plan // that may be applied now
	Over    bool         // it was applied, or is too old
	Changes []change.Change
	Keys    map[string]string
	Listed  []e911.Fault // the first of All
	All     int          // faults that are kept
	// From is the first change that is listed, Count how many there are.
	From, Count int
	May         bool // the visitor may apply it
}

// Later and Earlier are the first changes of the neighbouring lists; -1: there is none.
func (i *importPage) Later() int {
	if i.From+maxListed < i.Count {
		return i.From + maxListed
	}
	return -1
}

func (i *importPage) Earlier() int {
	if i.From == 0 {
		return -1
	}
	return max(0, i.From-maxListed)
}

// readJob finds the job in the path, for who may see it.
func (p *page) readJob() (job.Job, sheet.Outcome, error) {
	j, err := p.h.cfg.Imports.Jobs.Get(p.ctx, p.v.Org, chi.URLParam(p.r, "id"))
	var out sheet.Outcome
	if err == nil && !p.maySeeJob(j) {
		err = e911.Errorf(e911.NotFound, "there is no such import")
	}
	if err == nil && len(j.Result) > 0 {
		if json.Unmarshal(j.Result, &out) != nil {
			out = sheet.Outcome{}
		}
	}
	return j, out, err
}

// mayApply says whether the visitor may let an import happen that was planned: he may
// bring such a table in, at each of the sites that it was kept to.
func (p *page) mayApply(out sheet.Outcome) error {
	sites, err := p.mayImport(out.Report.Kind)
	if err != nil || sites == nil {
		return err
	}
	foreign := func(s e911.SiteID) bool { return !slices.Contains(sites, s) }
	if len(out.Report.Sites) == 0 || slices.ContainsFunc(out.Report.Sites, foreign) {
		return e911.Errorf(e911.Denied, "this table has more than what is of your sites")
	}
	return nil
}

func (p *page) importJob() { p.showJob(nil) }

func (p *page) showJob(wrong error) {
	j, out, err := p.readJob()
	if err != nil {
		p.fail(err)
		return
	}
	i := importPage{view: p.view(jobTitle(j), "spreadsheets"), Job: j, Out: out}
	if !j.State.Ended() {
		p.w.Header().Set("Refresh", lookAgain)
	}
	if err = i.fill(p); err != nil {
		p.fail(err)
		return
	}
	status := http.StatusOK
	if wrong != nil {
		i.Said = ""
		i.Faults, status = p.told(wrong)
	}
	p.render(status, importView(&i))
}

// fill reads what of the plan is listed.
func (i *importPage) fill(p *page) error {
	all := faultsOf(i.Job, i.Out)
	i.All, i.Listed = len(all), all[:min(len(all), maxFaults)]
	plan := i.Out.Plan
	if plan == nil || i.Job.Kind != sheet.ImportJob {
		return nil
	}
	i.Count, i.Keys = len(plan.Changes)+plan.More, plan.Keys
	i.From, _ = strconv.Atoi(p.r.URL.Query().Get("from"))
	i.From = max(0, min(i.From, i.Count))
	plans, err := p.h.cfg.Imports.Plans()
	if err != nil {
		return err
	}
	now, err := plans.Get(p.ctx, p.v.Org, plan.ID)
	switch {
	case e911.KindOf(err) == e911.NotFound && err != nil:
		i.Over = true
		i.Changes = plan.Changes[min(i.From, len(plan.Changes)):min(i.From+maxListed, len(plan.Changes))]
		return nil
	case err != nil:
		return err
	}
	if now.Applicable {
		i.Plan, i.May = &now, p.mayApply(i.Out) == nil
	}
	i.Changes, err = plans.Changes(p.ctx, p.v.Org, plan.ID, i.From, maxListed)
	return err
}

// faultsOf are all faults that a job tells of, by row.
func faultsOf(j job.Job, out sheet.Outcome) []e911.Fault {
	if len(out.Report.Faults) > 0 {
		return out.Report.Faults
	}
	return j.Faults
}

// applyImport lets a plan happen that was looked at, as a job: it goes on while the
// browser is closed.
func (p *page) applyImport() {
	j, out, err := p.readJob()
	if err == nil && (out.Plan == nil || j.Kind != sheet.ImportJob) {
		err = e911.Errorf(e911.NotFound, "there is no such plan")
	}
	if err == nil {
		err = p.mayApply(out)
	}
	if err != nil {
		p.fail(err)
		return
	}
	trail := admin.TrailOf(p.ctx)
	args, err := json.Marshal(sheet.Apply{Plan: out.Plan.ID, Hash: p.r.PostFormValue("hash"), Address: trail.Address, As: trail.As})
	if err != nil {
		p.fail(err)
		return
	}
	next, err := p.h.cfg.Imports.Jobs.Submit(p.ctx, job.Request{Org: p.v.Org, Kind: sheet.ApplyJob, Title: "bring in " + out.Report.File + ", " + string(out.Report.Kind), Who: p.who(), Args: args})
	if err != nil {
		p.showJob(err)
		return
	}
	p.h.forget(p.v.Org)
	http.Redirect(p.w, p.r, importPath+"/"+next.ID, http.StatusSeeOther)
}

func (p *page) cancelImport() {
	j, _, err := p.readJob()
	if err == nil && j.Who != p.who() {
		err = p.must("", access.Imports)
	}
	if err == nil {
		_, err = p.h.cfg.Imports.Jobs.Cancel(p.ctx, p.v.Org, j.ID)
	}
	if err != nil {
		p.showJob(err)
		return
	}
	http.Redirect(p.w, p.r, importPath+"/"+j.ID, http.StatusSeeOther)
}

// importFile gives the faults of an import as a file, or the rows that have them.
func (p *page) importFile() {
	j, out, err := p.readJob()
	if err != nil {
		p.fail(err)
		return
	}
	switch chi.URLParam(p.r, "file") {
	case "faults.csv":
		t := sheet.Table{Name: "faults", Header: []string{"row", "column", "name", "code", "fault", "mend"}}
		for _, f := range faultsOf(j, out) {
			t.Rows = append(t.Rows, []string{strconv.Itoa(f.Row), strconv.Itoa(f.Col), f.Path, f.Code, f.Msg, f.Fix})
		}
		p.file("faults", sheet.CSV, func(w io.Writer) error { return sheet.Write(w, sheet.CSV, out.Report.Kind, t) })
	case "mend.csv":
		p.file(string(out.Report.Kind)+"-to-mend", sheet.CSV, func(w io.Writer) error {
			_, err := io.WriteString(w, out.Mend)
			return err
		})
	default:
		p.fail(e911.Errorf(e911.NotFound, "there is no such file"))
	}
}

// table reads the kind and the format out of "buildings.xlsx".
func (p *page) table() (sheet.Kind, sheet.Format, error) {
	name, format, _ := strings.Cut(chi.URLParam(p.r, "file"), ".")
	k, f := sheet.Kind(name), sheet.Format(format)
	if !slices.Contains(sheet.Kinds(), k) || f != sheet.CSV && f != sheet.XLSX {
		return k, f, e911.Errorf(e911.NotFound, "there is no such table")
	}
	return k, f, nil
}

func (p *page) templateFile() {
	k, f, err := p.table()
	if err != nil {
		p.fail(err)
		return
	}
	p.file(string(k)+"-template", f, func(w io.Writer) error { return p.h.cfg.Imports.Sheets.Template(w, f, k) })
}

// exportFile gives what is stored of the whole organisation.
func (p *page) exportFile() {
	k, f, err := p.table()
	if err == nil {
		err = p.askAll(access.Imports)
	}
	if err == nil {
		err = p.askAll(tableArea(k))
	}
	var t sheet.Table
	if err == nil {
		t, err = p.h.cfg.Imports.Sheets.Export(p.ctx, p.v.Org, k)
	}
	if err != nil {
		p.fail(err)
		return
	}
	p.file(string(k), f, func(w io.Writer) error { return sheet.Write(w, f, k, t) })
}

// file sends a file to be kept. What was written when it breaks off is all there is.
func (p *page) file(name string, f sheet.Format, write func(w io.Writer) error) {
	media := "text/csv; charset=utf-8"
	if f == sheet.XLSX {
		media = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	}
	p.w.Header().Set("Content-Type", media)
	p.w.Header().Set("Content-Disposition", `attachment; filename="`+name+"."+string(f)+`"`)
	if err := write(p.w); err != nil {
		p.h.cfg.Log.WarnContext(p.ctx, "a file broke off", "path", p.r.URL.Path)
	}
}

// kindTitle is what people call a table.
func kindTitle(k sheet.Kind) string {
	return map[sheet.Kind]string{
		sheet.Sites: "Sites", sheet.Buildings: "Buildings", sheet.Locations: "Places inside buildings", sheet.Elements: "Network elements",
		sheet.Users: "People", sheet.Devices: "Telephones and other devices", sheet.Numbers: "Numbers", sheet.Alerts: "Who is told of a call",
	}[k]
}

func jobTitle(j job.Job) string { return strings.TrimSuffix(portal.Sentence(j.Title), ".") }

func jobState(j job.Job) string {
	switch j.State {
	case job.Queued:
		return "waits for its turn"
	case job.Running:
		return "is under way"
	case job.Cancelled:
		return "was cancelled"
	case job.Failed:
		return "nothing was changed"
	}
	if j.Kind == sheet.ApplyJob {
		return "is done"
	}
	return "looked at"
}
