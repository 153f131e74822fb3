package setuppages

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin/setup"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
	"github.com/callbox911/callbox/internal/rules/lint"
	rules "github.com/callbox911/callbox/internal/rules/setup"
	"github.com/callbox911/callbox/internal/web/portal"
)

// view is what every page of the set-up has.
type view struct {
	portal.Frame
	Org, OrgName string
	Form         string // token of its forms
	Help         string // topic
	Said         string
	Faults       []e911.Fault
	// Whole says that the visitor looks after the whole organisation, Billing that he
	// may see what is charged.
	Whole, Billing, Secrets bool
	Imports                 bool // there are pages to bring tables in
	Who                     func(actor string) string
}

func (p *page) view(title, help string) view {
	name, _ := p.h.cfg.Org(p.v.Org)
	v := view{
		Frame: p.h.cfg.Frame(title + " – Callbox"), Org: string(p.v.Org), OrgName: name, Form: p.v.Form, Help: help, Said: p.said(),
		Whole: p.sites == nil, Who: p.name, Imports: p.h.cfg.Imports != nil,
	}
	if v.Whole {
		a, err := p.ask(access.Node{Org: v.Org}, access.Billing, access.Read)
		v.Billing = err == nil && a.Allowed
		v.Secrets = p.may("", access.Secrets)
	}
	return v
}

// stamp tells what a form was made from: another stamp, and somebody changed it.
func stamp(shown any) string {
	b, err := json.Marshal(shown)
	if err != nil {
		return "-"
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:6])
}

// unchanged is a Conflict where what a form was made from has changed.
func (p *page) unchanged(now any) error {
	if p.r.PostFormValue("seen") == stamp(now) {
		return nil
	}
	return e911.Errorf(e911.Conflict, "somebody changed this while you looked at it, so nothing of yours was done. The page shows it as it is now: look, and do it once more where it is still needed")
}

// overviewPage is what the page of the organisation shows.
type overviewPage struct {
	sent
	St setup.Status
	// Trunks are the organisation's own ways into the telephone network.
	Trunks  []choice
	MaySite bool
	// DialPlan is what the look at the dial plan found.
	DialPlan             []lint.Finding
	MayWrite, MayLicence bool
}

func (p *page) overview() { p.showOverview("", nil) }

// showOverview shows the organisation; wrong is of a form that was sent.
func (p *page) showOverview(form string, wrong error) {
	st, err := p.status()
	if err != nil {
		p.fail(err)
		return
	}
	slices.SortStableFunc(st.Sites, func(a, b setup.SiteStatus) int { return openLines(b) - openLines(a) })
	o := overviewPage{sent: sent{view: p.view("Set-up", "set-up")}, St: st}
	if o.Whole {
		o.MayWrite, o.MaySite = p.may("", access.Setup), p.may("", access.Sites)
		a, err := p.ask(access.Node{}, access.Tenants, access.Write)
		o.MayLicence = err == nil && a.Allowed
		if o.DialPlan, err = p.svc.Lint(p.ctx, p.v.Org, ""); err != nil {
			p.fail(err)
			return
		}
		if o.Trunks, err = p.localTrunks(); err != nil {
			p.fail(err)
			return
		}
	}
	status := http.StatusOK
	if wrong != nil {
		status = o.refuse(p, form, wrong)
	}
	p.render(status, overviewView(o))
}

// openLines is how much of a site's checklist counts as open.
func openLines(s setup.SiteStatus) (n int) {
	if s.State == rules.SiteOptedOut || s.State == rules.SiteExempt {
		return 0
	}
	for _, i := range s.Checklist {
		if !i.Done {
			n++
		}
	}
	return n
}

// change does something to the organisation's set-up, and shows the overview.
func (p *page) change(said string, do func(st setup.Status) error) {
	st, err := p.status()
	if err == nil {
		err = p.must("", access.Setup)
	}
	if err == nil {
		err = do(st)
	}
	switch {
	case e911.KindOf(err) == e911.Unavailable && err != nil:
		p.fail(err)
	case err != nil:
		p.showOverview("", err)
	default:
		p.done("/setup", said)
	}
}

func (p *page) acceptAll() {
	p.change("accepted", func(st setup.Status) error {
		return p.accept(st, "")
	})
}

// accept keeps that the visitor accepts a text, for a site or for all.
func (p *page) accept(st setup.Status, site string) error {
	key := rules.Acknowledgement(p.r.PostFormValue("text"))
	if p.r.PostFormValue("agree") != "yes" {
		return &e911.Error{Kind: e911.Invalid, Msg: "nothing was accepted", Faults: []e911.Fault{{
			Path: "agree", Code: "required", Msg: "the box is not ticked", Fix: "read the text, tick the box, and press Accept",
		}}}
	}
	i := slices.IndexFunc(st.Texts, func(t setup.TextStatus) bool { return t.Key == key })
	if i < 0 {
		return e911.Errorf(e911.NotFound, "there is no such text")
	}
	_, err := p.svc.Acknowledge(p.ctx, p.who(), p.v.Org, setup.Acknowledgement{Text: key, Version: p.r.PostFormValue("version"), Site: site})
	return err
}

func (p *page) optOutAll() {
	p.change("opted-out", func(st setup.Status) error {
		if err := p.unchanged(st.OptedOut); err != nil {
			return err
		}
		return p.svc.OptOut(p.ctx, p.who(), p.v.Org, "", p.r.PostFormValue("reason"))
	})
}

func (p *page) optInAll() {
	p.change("opted-in", func(setup.Status) error { return p.svc.OptIn(p.ctx, p.who(), p.v.Org, "") })
}

func (p *page) markTask() {
	p.change("saved", func(st setup.Status) error {
		task := setup.Task(p.r.PostFormValue("task"))
		i := slices.IndexFunc(st.Tasks, func(t setup.TaskStatus) bool { return t.Task == task })
		if i < 0 {
			return e911.Errorf(e911.NotFound, "there is no such task")
		}
		if err := p.unchanged(st.Tasks[i]); err != nil {
			return err
		}
		return p.svc.MarkTask(p.ctx, p.who(), p.v.Org, task, p.r.PostFormValue("done") == "yes", p.r.PostFormValue("note"))
	})
}

// setLicence records the order of a licence; it is the operator's alone.
func (p *page) setLicence() {
	st, err := p.status()
	if err == nil {
		var a access.Answer
		if a, err = p.ask(access.Node{}, access.Tenants, access.Write); err == nil && !a.Allowed {
			err = e911.Errorf(e911.Denied, "nothing was changed: %s", a.Why)
		}
	}
	if err == nil {
		err = p.unchanged(st.Licences)
	}
	if err == nil {
		err = p.svc.SetLicence(p.ctx, p.who(), p.v.Org, setup.Licence{Country: p.r.PostFormValue("country"), Order: p.r.PostFormValue("order"), From: p.h.cfg.Now().UTC()})
	}
	if err != nil {
		p.showOverview("", err)
		return
	}
	p.done("/setup", "saved")
}

// leave notes that the set-up does not start by itself in this browser (C-57).
func (p *page) leave() {
	http.SetCookie(p.w, &http.Cookie{ //nolint:gosec // it says nothing worth hiding, and must not be lost where pages are plain http
		Name: leftCookie, Value: string(p.v.Org), Path: "/", MaxAge: int(leftLife / time.Second), HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
	http.Redirect(p.w, p.r, "/", http.StatusSeeOther)
}

// settingsPage is what the review of settings shows.
type settingsPage struct {
	view
	St     setup.Status
	Config e911.Org
}

func (p *page) settings() {
	st, err := p.status()
	var org e911.Org
	if err == nil {
		if err = p.askAll(access.Settings); err == nil {
			org, err = p.orgConfig()
		}
	}
	if err != nil {
		p.fail(err)
		return
	}
	p.render(http.StatusOK, settingsView(settingsPage{view: p.view("Settings", "settings"), St: st, Config: org}))
}

// askAll is a Denied error where the visitor may not read an area of the whole
// organisation.
func (p *page) askAll(area access.Area) error {
	a, err := p.ask(access.Node{Org: string(p.v.Org)}, area, access.Read)
	if err == nil && !a.Allowed {
		err = e911.Errorf(e911.Denied, "to see this, %s", a.Why)
	}
	return err
}

func (p *page) orgConfig() (e911.Org, error) {
	ed, err := p.h.cfg.Editor()
	if err != nil {
		return e911.Org{}, err
	}
	s, err := ed.Orgs.Get(p.ctx, p.v.Org, string(p.v.Org))
	return s.Value, err
}

// secretsPage is what the page of secrets shows.
type secretsPage struct {
	view
	St       setup.Status
	Made     *setup.Made // this once
	Link     setup.Link  // as it was typed
	Differs  bool        // what was typed is not what is here: agree or correct it
	Last     string      // mark of the last secret, whose end has to be agreed to
	MayWrite bool
}

func (p *page) secrets() { p.showSecrets(secretsPage{}, nil) }

func (p *page) showSecrets(s secretsPage, wrong error) {
	if err := p.must("", access.Secrets); err != nil {
		p.fail(e911.Errorf(e911.Denied, "the secrets are for administrators of the organisation"))
		return
	}
	st, err := p.status()
	if err != nil {
		p.fail(err)
		return
	}
	s.view, s.St = p.view("Company id and secrets", "secrets"), st
	s.MayWrite = p.may("", access.Setup)
	status := http.StatusOK
	if wrong != nil {
		s.Said = ""
		s.Faults, status = p.told(wrong)
	}
	p.w.Header().Set("Cache-Control", "no-store")
	p.render(status, secretsView(s))
}

// withSecrets does something with secrets, for who may both set up and see them.
func (p *page) withSecrets(do func() error) error {
	if err := p.must("", access.Setup); err != nil {
		return err
	}
	if err := p.must("", access.Secrets); err != nil {
		return err
	}
	err := do()
	if err == nil {
		err = p.h.cfg.Published(p.ctx)
		p.h.forget(p.v.Org)
	}
	return err
}

func (p *page) makeSecret() {
	var made setup.Made
	err := p.withSecrets(func() (err error) {
		st, err := p.status()
		if err == nil {
			err = p.unchanged(st.Secrets)
		}
		if err == nil {
			made, err = p.svc.MakeSecret(p.ctx, p.who(), p.v.Org, strings.TrimSpace(p.r.PostFormValue("note")))
		}
		return err
	})
	if err != nil {
		p.showSecrets(secretsPage{}, err)
		return
	}
	p.showSecrets(secretsPage{Made: &made}, nil) // no redirect: it is shown this once
}

func (p *page) endSecret() {
	mark := p.r.PostFormValue("mark")
	err := p.withSecrets(func() error {
		return p.svc.EndSecret(p.ctx, p.who(), p.v.Org, mark, p.r.PostFormValue("agree") == "yes")
	})
	if err != nil {
		s := secretsPage{}
		if e911.KindOf(err) == e911.Conflict {
			s.Last = mark
		}
		p.showSecrets(s, err)
		return
	}
	p.done("/setup/secrets", "ended")
}

func (p *page) setLink() {
	l := setup.Link{
		CompanyID: strings.TrimSpace(p.r.PostFormValue("company_id")), Secret: e911.Secret(strings.TrimSpace(p.r.PostFormValue("secret"))),
		Agree: p.r.PostFormValue("agree") == "yes",
	}
	err := p.withSecrets(func() error { return p.svc.SetLink(p.ctx, p.who(), p.v.Org, l) })
	if err != nil {
		p.showSecrets(secretsPage{Link: l, Differs: e911.KindOf(err) == e911.Conflict}, err)
		return
	}
	p.done("/setup/secrets", "linked")
}

// chargesPage is what the page of charges shows.
type chargesPage struct {
	view
	setup.Bill
	Earlier, Later string // months
	MayCalls       bool   // each call may be seen
}

func (p *page) charges() {
	err := p.askAll(access.Billing)
	var month time.Time
	if err == nil {
		month, err = setup.ParseMonth(p.r.URL.Query().Get("month"), p.h.cfg.Now())
	}
	var b setup.Bill
	if err == nil {
		b, err = p.svc.Charges(p.ctx, p.v.Org, month)
	}
	if err != nil {
		p.fail(err)
		return
	}
	c := chargesPage{view: p.view("Charges", "charges"), Bill: b}
	c.Earlier, c.Later = p.months(month)
	a, err := p.ask(access.Node{Org: string(p.v.Org)}, access.Calls, access.Read)
	c.MayCalls = err == nil && a.Allowed
	p.render(http.StatusOK, chargesView(c))
}

// months are the ones before and after a month; none after it where that has not begun.
func (p *page) months(month time.Time) (earlier, later string) {
	first := time.Date(month.UTC().Year(), month.UTC().Month(), 1, 0, 0, 0, 0, time.UTC)
	if next := first.AddDate(0, 1, 0); !next.After(p.h.cfg.Now()) {
		later = next.Format("2006-01")
	}
	return first.AddDate(0, -1, 0).Format("2006-01"), later
}

// outagesPage is what the page of outages shows.
type outagesPage struct {
	view
	setup.OutageReport
	Earlier, Later string // months
}

func (p *page) outages() {
	err := p.askAll(access.Setup)
	var month time.Time
	if err == nil {
		month, err = setup.ParseMonth(p.r.URL.Query().Get("month"), p.h.cfg.Now())
	}
	var r setup.OutageReport
	if err == nil {
		r, err = p.svc.Outages(p.ctx, month, p.v.Org)
	}
	if err != nil {
		p.fail(err)
		return
	}
	o := outagesPage{view: p.view("Outages", "outages"), OutageReport: r}
	o.Earlier, o.Later = p.months(month)
	p.render(http.StatusOK, outagesView(o))
}
