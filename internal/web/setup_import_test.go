package web_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/change"
	"github.com/callbox911/callbox/internal/admin/job"
	"github.com/callbox911/callbox/internal/admin/sheet"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/layers"
	"github.com/callbox911/callbox/internal/snapshot"
	"github.com/callbox911/callbox/internal/web/setuppages"
)

// benchSheets writes tables of the bench's store.
type benchSheets struct{ b *setUpBench }

func (benchSheets) Template(w io.Writer, f sheet.Format, kind sheet.Kind) error {
	return sheet.Template(w, f, kind)
}

func (s benchSheets) Export(ctx context.Context, org e911.OrgID, kind sheet.Kind) (t sheet.Table, err error) {
	err = s.b.store.Read(ctx, func(r admin.Reader) error {
		t, err = sheet.Export(ctx, r, org, kind)
		return err
	})
	return t, err
}

// imports are the tables that come in over the bench's store, as the server wires them.
func (b *setUpBench) imports() *setuppages.Imports {
	b.t.Helper()
	planner, err := change.New(change.Config{
		Store: b.store, Layer: layers.USCountyBoundary, Now: b.now,
		World: func() (*snapshot.Snapshot, admin.Head) { return b.world(), admin.Head{} },
	})
	b.must(err)
	desk := func() (sheet.Desk, error) {
		return sheet.Desk{Store: b.store, Planner: planner, Limits: sheet.Limits{Rows: b.rows}}, nil
	}
	q, err := job.New(job.Config{
		Store: b.store, Node: "n1", Dir: b.t.TempDir(), Now: b.now, Log: slog.New(slog.DiscardHandler),
		Handlers: map[string]job.Handler{sheet.ImportJob: sheet.Handler(desk), sheet.ApplyJob: sheet.ApplyHandler(desk)},
	})
	b.must(err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- q.Run(ctx) }()
	b.t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			b.t.Error(err)
		}
	})
	b.jobs = q
	return &setuppages.Imports{Jobs: q, Sheets: benchSheets{b}, Rows: 20_000, Plans: func() (setuppages.Plans, error) { return planner, nil }}
}

// upload sends a file by the page's form, with fields that stand before it.
func (p person) upload(name, text string, fields ...string) (status int, at, html string) {
	p.b.t.Helper()
	_, _, page := p.get("/setup/import")
	v := p.hidden(page, "/setup/import", nil)
	return p.uploadAs(v, name, text, fields...)
}

func (p person) uploadAs(v url.Values, name, text string, fields ...string) (status int, at, html string) {
	p.b.t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for i := 0; i+1 < len(fields); i += 2 {
		v.Set(fields[i], fields[i+1])
	}
	for k := range v {
		p.b.must(w.WriteField(k, v.Get(k)))
	}
	f, err := w.CreateFormFile("file", name)
	p.b.must(err)
	_, err = io.WriteString(f, text)
	p.b.must(err)
	p.b.must(w.Close())
	return p.read(p.c.Post(p.b.base+"/setup/import", w.FormDataContentType(), &body))
}

// ended waits until the job of a page has ended, and loads the page.
func (p person) ended(at string) string {
	p.b.t.Helper()
	id := at[strings.LastIndexByte(at, '/')+1:]
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for {
		j, err := p.b.jobs.Get(p.b.t.Context(), p.b.org, id)
		p.b.must(err)
		if j.State.Ended() {
			break
		}
		select {
		case <-again.C:
		case <-p.b.t.Context().Done():
			p.b.t.Fatal("the job does not end")
		}
	}
	status, _, html := p.get(at)
	if status != http.StatusOK {
		p.b.t.Fatalf("%s: %d %s", at, status, html)
	}
	return html
}

// buildings counts those of a site.
func (b *setUpBench) buildings(site e911.SiteID) (keys []string) {
	b.t.Helper()
	for v := range b.world().Org(b.org).Buildings() {
		if v.Site == site {
			keys = append(keys, v.Key)
		}
	}
	slices.Sort(keys)
	return keys
}

const twoBuildings = "key,site,name,country,A1,A3,RD,STS,HNO,PC,latitude,longitude\n" +
	"annex-1,annex,Annex one,US,MA,Cambridge,Main,Street,12,02142,42.3625,-71.0843\n" +
	"annex-2,annex,Annex two,US,MA,Cambridge,Main,Street,14,02142,42.3626,-71.0844\n"

// A table is looked at, applied and seen; nothing is stored before the button, and a
// second press does nothing more.
//
// Proves: N-44, C-62, C-63, E15
func TestATableComesInByThePage(t *testing.T) {
	b := newSetUpBench(t)
	ann, _ := b.signIn("ann@example.com")
	if _, _, html := ann.get("/setup/import?kind=buildings"); !strings.Contains(html, `<option value="buildings" selected>`) || !strings.Contains(html, `enctype="multipart/form-data"`) {
		t.Fatal("the checklist's link does not choose the kind of table")
	}
	status, at, html := ann.upload("../folder/buildings.csv", twoBuildings, "kind", "buildings", "mode", "add")
	if status != http.StatusOK || !strings.HasPrefix(at, "/setup/import/") {
		t.Fatalf("a table: %d at %s: %s", status, at, html)
	}
	html = ann.ended(at)
	for _, want := range []string{"2 buildings made", "annex-1", "Look at buildings.csv", "Do it"} {
		if !strings.Contains(html, want) {
			t.Errorf("the preview does not say %q", want)
		}
	}
	if strings.Contains(html, "http-equiv") || strings.Contains(html, "folder") {
		t.Error("it says the folder of somebody's disk")
	}
	if got := b.buildings(b.annex); len(got) > 0 {
		t.Fatalf("before the button there is %v", got)
	}
	apply := ann.hidden(html, at+"/apply", url.Values{"hash": {hashIn(html)}})
	_, done, _ := ann.send(at+"/apply", apply)
	if html = ann.ended(done); !strings.Contains(html, "Done: 2 buildings made") {
		t.Errorf("after the button: %s", html)
	}
	if got := b.buildings(b.annex); !slices.Equal(got, []string{"annex-1", "annex-2"}) {
		t.Errorf("stored is %v", got)
	}
	_, again, _ := ann.send(at+"/apply", apply)
	if html = ann.ended(again); !strings.Contains(html, "Done: 2 buildings made") {
		t.Errorf("a second press: %s", html)
	}
	if html = ann.ended(at); strings.Contains(html, "Do it") || !strings.Contains(html, "This was applied") {
		t.Error("the preview still has its button")
	}
	if _, _, list := ann.get("/setup/import"); !strings.Contains(list, "Look at buildings.csv") || !strings.Contains(list, "Ann Admin") {
		t.Error("the table is not listed")
	}
	found, err := b.store.FindAudit(t.Context(), admin.AuditQuery{Org: b.org, Kind: e911.KindBuilding, Limit: 5})
	b.must(err)
	if len(found) == 0 || found[0].Address != "127.0.0.1" || strings.Contains(string(found[0].Who), "import") {
		t.Errorf("the audit trail says %+v", found)
	}
	for path, media := range map[string]string{"/setup/templates/users.xlsx": "spreadsheetml", "/setup/templates/numbers.csv": "text/csv", "/setup/exports/buildings.csv": "text/csv"} {
		resp, err := ann.c.Get(b.base + path)
		b.must(err)
		text, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != 200 || !strings.Contains(resp.Header.Get("Content-Type"), media) || !strings.Contains(resp.Header.Get("Content-Disposition"), "attachment") {
			t.Errorf("%s: %d %s", path, resp.StatusCode, resp.Header.Get("Content-Type"))
		}
		if strings.Contains(path, "exports") && !strings.Contains(string(text), "annex-2") {
			t.Error("what is stored lacks the new building")
		}
	}
}

func hashIn(html string) string {
	_, rest, _ := strings.Cut(html, `name="hash" value="`)
	hash, _, _ := strings.Cut(rest, `"`)
	return hash
}

// Faults stand by row and column on the page and in a file; nothing is changed by the
// good rows beside them, unless they were asked for.
//
// Proves: N-44, C-62
func TestFaultsOfATableByThePage(t *testing.T) {
	b := newSetUpBench(t)
	ann, _ := b.signIn("ann@example.com")
	bad := twoBuildings + "annex-3,nowhere,=HYPERLINK(1),US,MA,Cambridge,Main,Street,16,02142,42.36,-71.08\n"
	_, at, _ := ann.upload("b.csv", bad, "kind", "buildings")
	html := ann.ended(at)
	if !strings.Contains(html, `<td class="tabular">4</td><td>site</td>`) || !strings.Contains(html, "The organisation has no site") || strings.Contains(html, "Do it") {
		t.Errorf("the fault does not stand by row and column, or the table can be applied: %s", html)
	}
	_, _, text := ann.get(at + "/faults.csv")
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\ufeff"))).ReadAll()
	b.must(err)
	if len(rows) != 3 || rows[1][0] != "4" || rows[1][2] != "site" || rows[1][3] != "unknown" {
		t.Errorf("the file of faults: %q", rows)
	}
	if _, _, mend := ann.get(at + "/mend.csv"); !strings.Contains(mend, "annex-3") || strings.Contains(mend, "annex-1") || strings.Contains(mend, ",=HYPERLINK") {
		t.Errorf("the rows to mend: %q", mend)
	}
	if status, _, _ := ann.get(at + "/passwd"); status != http.StatusNotFound {
		t.Error("another file is given")
	}
	_, at, _ = ann.upload("b.csv", bad, "kind", "buildings", "partial", "yes")
	if html = ann.ended(at); !strings.Contains(html, "Do it") || !strings.Contains(html, `<td class="tabular">4</td>`) {
		t.Errorf("with bad rows left out: %s", html)
	}
	for name, c := range map[string]struct {
		file, text, kind string
		status           int
		say              string
	}{
		"no kind":      {"b.csv", twoBuildings, "secrets", 422, "Nothing says what the file is a table of."},
		"no file":      {"", "", "buildings", 422, "No file was chosen."},
		"not a table":  {"b.xlsx", "PK\x03\x04 no", "buildings", 200, ""},
		"another kind": {"b.csv", "colour,shape\nred,round\n", "buildings", 200, "There is no column key."},
	} {
		status, at, html := ann.upload(c.file, c.text, "kind", c.kind)
		if strings.HasPrefix(at, "/setup/import/") {
			html = ann.ended(at)
		}
		if status != c.status || !strings.Contains(html, c.say) || strings.Contains(html, "Do it") {
			t.Errorf("%s: %d: %s", name, status, html)
		}
	}
	if got := b.buildings(b.annex); len(got) > 0 {
		t.Errorf("stored is %v", got)
	}
}

// Two administrators looked at one thing: the second is told, and nothing of his is done.
//
// Proves: N-44, E15
func TestTwoAdministratorsBringTablesIn(t *testing.T) {
	b := newSetUpBench(t)
	ann, _ := b.signIn("ann@example.com")
	_, at, _ := ann.upload("b.csv", strings.ReplaceAll(twoBuildings, "Annex one", "One"), "kind", "buildings")
	_, at2, _ := ann.upload("b.csv", strings.ReplaceAll(twoBuildings, "Annex one", "Eins"), "kind", "buildings")
	one, two := ann.ended(at), ann.ended(at2)
	_, done, _ := ann.send(at+"/apply", ann.hidden(one, at+"/apply", url.Values{"hash": {hashIn(one)}}))
	if html := ann.ended(done); !strings.Contains(html, "Done: 2 buildings made") {
		t.Fatalf("the first: %s", html)
	}
	_, done, _ = ann.send(at2+"/apply", ann.hidden(two, at2+"/apply", url.Values{"hash": {hashIn(two)}}))
	if html := ann.ended(done); strings.Contains(html, "Done:") || !strings.Contains(html, "The world has moved since the plan was made") {
		t.Errorf("the second is not told: %s", html)
	}
	for v := range b.world().Org(b.org).Buildings() {
		if v.Name == "Eins" {
			t.Error("and it was done in part")
		}
	}
	if got := b.buildings(b.annex); !slices.Equal(got, []string{"annex-1", "annex-2"}) {
		t.Errorf("stored is %v", got)
	}
}

// Who looks after one site brings in that site's rows alone, sees his own tables alone,
// and sets no passwords; who looks at things changes none; a form without its token, or
// of another organisation, is refused before the file is read.
//
// Proves: N-44, W-28, E14
func TestWhoBringsWhichTableIn(t *testing.T) {
	b := newSetUpBench(t, "sid@example.com", "aud@example.com", "gus@example.com")
	ann, _ := b.signIn("ann@example.com")
	sid, _ := b.signIn("sid@example.com")
	aud, _ := b.signIn("aud@example.com")
	_, anns, _ := ann.upload("b.csv", twoBuildings, "kind", "buildings")
	if status, _, _ := sid.get(anns); status != http.StatusNotFound {
		t.Errorf("he sees the table of somebody else: %d", status)
	}
	if status, _, html := aud.get(anns); status != 200 || strings.Contains(html, "Do it") {
		t.Errorf("an auditor: %d", status)
	}
	if _, _, html := aud.get("/setup/import"); strings.Contains(html, `type="file"`) {
		t.Error("an auditor is shown the form")
	}
	mixed := twoBuildings + "hq-9,hq,Nine,US,MA,Cambridge,Main,Street,18,02142,42.36,-71.08\n"
	_, at, _ := sid.upload("b.csv", mixed, "kind", "buildings")
	if html := sid.ended(at); !strings.Contains(html, `<td class="tabular">4</td><td>site</td>`) || !strings.Contains(html, "This is not of a site that you look after.") || strings.Contains(html, "Do it") {
		t.Errorf("a building of another site: %s", html)
	}
	_, at, _ = sid.upload("b.csv", twoBuildings, "kind", "buildings")
	html := sid.ended(at)
	_, done, _ := sid.send(at+"/apply", sid.hidden(html, at+"/apply", url.Values{"hash": {hashIn(html)}}))
	if html = sid.ended(done); !strings.Contains(html, "Done: 2 buildings made") {
		t.Errorf("those of his own site: %s", html)
	}
	for name, c := range map[string]struct{ kind, text, say string }{
		"taking a building of another site":     {"buildings", "key,site\nmill-1,annex\n", "This is not of a site that you look after."},
		"a place in a building of another site": {"locations", "key,building,FLR\nx,mill-1,9\n", "This is not of a site that you look after."},
		"a new site":                            {"sites", "key,zone\nmine,America/New_York\n", "This is not of a site that you look after."},
		"a password":                            {"devices", "key,site,sip.user,sip.secret\nd9,annex,4199,a-secret-of-sixteen\n", "Setting passwords needs a role at the organisation."},
	} {
		_, at, _ := sid.upload("b.csv", c.text, "kind", c.kind, "mode", "replace")
		if html := sid.ended(at); !strings.Contains(html, c.say) || strings.Contains(html, "Do it") {
			t.Errorf("%s: %s", name, html)
		}
	}
	for name, c := range map[string]struct {
		who    person
		change []string
		want   int
	}{
		"without the token":       {ann, []string{"form", "x"}, 403},
		"of another organisation": {ann, []string{"org", "other"}, 409},
		"by an auditor":           {aud, []string{"kind", "buildings"}, 403},
	} {
		_, _, page := ann.get("/setup/import")
		v := ann.hidden(page, "/setup/import", url.Values{"kind": {"buildings"}})
		if c.who != ann {
			_, _, profile := c.who.get("/profile")
			v.Set("form", tokenOf(profile))
		}
		if status, _, _ := c.who.uploadAs(v, "b.csv", twoBuildings, c.change...); status != c.want {
			t.Errorf("a table %s: %d, want %d", name, status, c.want)
		}
	}
	for _, path := range []string{"/setup/exports/users.csv", "/setup/exports/none.csv", "/setup/templates/users.pdf"} {
		if status, _, _ := sid.get(path); status == http.StatusOK {
			t.Errorf("he has %s", path)
		}
	}
	if n, err := ann.c.Post(b.base+"/setup/import", "multipart/form-data; boundary=x", endless{}); err == nil {
		n.Body.Close()
		if n.StatusCode == http.StatusOK {
			t.Error("a form without end is taken")
		}
	}
}

// endless is a form whose first field never ends.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	return copy(p, "--x\r\nContent-Disposition: form-data; name=\"form\"\r\n\r\n"+strings.Repeat("f", 200)), nil
}

// A table with more rows than are taken says so, and how to go on; one just within comes
// to a preview whose page is bounded.
//
// Proves: N-44, C-63
func TestALargeTableByThePage(t *testing.T) {
	b := newSetUpBench(t)
	b.rows = 300
	ann, _ := b.signIn("ann@example.com")
	table := func(n int) string {
		var s strings.Builder
		s.WriteString("key,building,FLR,ROOM\n")
		for i := range n {
			fmt.Fprintf(&s, "large-%d,mill-1,1,%d\n", i, i)
		}
		return s.String()
	}
	_, at, _ := ann.upload("l.csv", table(301), "kind", "locations")
	if html := ann.ended(at); !strings.Contains(html, "The table has more than 300 rows.") || !strings.Contains(html, "Split it, or import it from the command line.") || strings.Contains(html, "Do it") {
		t.Errorf("one row too many: %s", html)
	}
	_, at, _ = ann.upload("l.csv", table(300), "kind", "locations")
	html := ann.ended(at)
	if !strings.Contains(html, "300 locations made") || !strings.Contains(html, "Changes 1 to 100 of 300") || !strings.Contains(html, at+"?from=100#changes") {
		t.Errorf("as many as are taken: %s", html)
	}
	if _, _, html = ann.get(at + "?from=200"); !strings.Contains(html, "Changes 201 to 300 of 300") || strings.Contains(html, "Later") {
		t.Error("the last changes cannot be seen")
	}
}
