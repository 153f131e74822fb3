package main

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/sheet"
	"github.com/callbox911/callbox/internal/app"
	"github.com/callbox911/callbox/internal/e911"
)

type auditCmd struct {
	Search auditSearchCmd `cmd:"" default:"withargs" help:"Who changed what, newest first (the default)."`
	Verify auditVerifyCmd `cmd:"" help:"Prove that nobody wrote in the audit trail, or name the first entry that is not as it was."`
	Export auditExportCmd `cmd:"" help:"Write the audit trail, oldest first, as JSON lines or CSV."`
}

type auditFlags struct {
	dataFlag
	Org  string    `help:"Key of the organisation; none: all."`
	From time.Time `help:"From this time on, 2026-03-09T14:00:00Z."`
	To   time.Time `help:"Before this time."`
	Who  string    `help:"Part of who it was."`
	Verb string    `help:"created, changed, deleted, or what else was done."`
	Kind string    `help:"Kind of object: user, device, building ..."`
	Key  string    `help:"Part of the object's key."`
	ID   string    `name:"id" help:"The object's id."`
	Set  string    `help:"Id of an applied change set."`
	Text string    `help:"Part of any of it, also of what was before and after."`
}

func (f *auditFlags) request() app.AuditRequest {
	return app.AuditRequest{Org: f.Org, Query: admin.AuditQuery{
		From: f.From, To: f.To, Who: f.Who, Verb: admin.Verb(f.Verb), Kind: e911.ObjectKind(f.Kind), Key: f.Key, ID: f.ID, Set: f.Set, Text: f.Text,
	}}
}

type auditSearchCmd struct {
	auditFlags
	Limit int  `help:"How many, up to 1000." default:"50"`
	JSON  bool `help:"Print JSON lines."`
}

func (c *auditSearchCmd) Run(e *env) (err error) {
	desk, err := app.OpenChanges(e.ctx, c.Data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, desk.Close()) }()
	r := c.request()
	r.Query.Limit = c.Limit
	list, err := desk.Audit(e.ctx, r)
	if err != nil {
		return err
	}
	for i := range list {
		if c.JSON {
			err = json.NewEncoder(e.stdout).Encode(&list[i])
		} else {
			_, err = io.WriteString(e.stdout, auditText(&list[i]))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// auditText is one entry for a person.
func auditText(a *admin.AuditEntry) string {
	var b strings.Builder
	key := a.Key
	if key == "" {
		key = a.Ref.ID
	}
	line := printable(string(a.Who), string(a.Verb), string(a.Ref.Kind), key)
	fmt.Fprintf(&b, "%d  %s  %s  %s %s %s", a.Seq, a.At.Format(time.DateTime), line[0], line[1], words(line[2]), line[3])
	if a.Address != "" {
		fmt.Fprintf(&b, "  from %s", printable(a.Address)[0])
	}
	if a.Set != "" {
		fmt.Fprintf(&b, "  in %s", printable(a.Set)[0])
	}
	b.WriteString("\n")
	if a.Verb != admin.Changed {
		return b.String()
	}
	before, after := fields(a.Before), fields(a.After)
	for _, name := range a.Fields {
		was, is := printable(orDash(string(before[name])))[0], printable(orDash(string(after[name])))[0]
		fmt.Fprintf(&b, "    %s: %s -> %s\n", printable(name)[0], was, is)
	}
	return b.String()
}

func fields(v json.RawMessage) map[string]json.RawMessage {
	var out map[string]json.RawMessage
	if len(v) == 0 || json.Unmarshal(v, &out) != nil {
		return nil
	}
	return out
}

type auditVerifyCmd struct {
	dataFlag
	Org  string `help:"Key of the organisation; none: all."`
	JSON bool   `help:"Print JSON, with the end of each chain: keep it elsewhere."`
}

func (c *auditVerifyCmd) Run(e *env) (err error) {
	desk, err := app.OpenChanges(e.ctx, c.Data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, desk.Close()) }()
	p, err := desk.VerifyAudit(e.ctx, app.AuditRequest{Org: c.Org})
	if err != nil {
		return err
	}
	if c.JSON {
		err = printJSON(e.stdout, p)
	} else if p.Broken == nil {
		_, err = fmt.Fprintf(e.stdout, "%d entries in %d chains are as they were written; %d are older than the chains\n", p.Entries, p.Chains, p.Older)
	}
	if err == nil && p.Broken != nil {
		b := p.Broken
		return e911.Errorf(e911.Conflict, "the audit trail is broken at entry %d (number %d of organisation %q): %s", b.Seq, b.N, b.Org, b.Why)
	}
	return err
}

type auditExportCmd struct {
	auditFlags
	Format string `help:"jsonl or csv." enum:"jsonl,csv" default:"jsonl"`
}

func (c *auditExportCmd) Run(e *env) (err error) {
	desk, err := app.OpenChanges(e.ctx, c.Data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, desk.Close()) }()
	r := c.request()
	r.Query.After = 1 // oldest first; sequences begin with 1
	first := r
	first.Query.After, first.Query.Before, first.Query.Limit = 0, 2, 1
	w := csv.NewWriter(e.stdout)
	if c.Format == "csv" {
		if err := w.Write([]string{"seq", "at", "who", "verb", "kind", "org", "id", "key", "fields", "before", "after", "address", "session", "set", "n", "hash"}); err != nil {
			return err
		}
	}
	for page := first; ; page = r {
		list, err := desk.Audit(e.ctx, page)
		if err != nil {
			return err
		}
		for i := range list {
			a := &list[i]
			if c.Format == "jsonl" {
				err = json.NewEncoder(e.stdout).Encode(a)
			} else {
				err = w.Write([]string{
					strconv.FormatInt(a.Seq, 10), a.At.Format(time.RFC3339Nano), sheet.Inert(string(a.Who)), sheet.Inert(string(a.Verb)), sheet.Inert(string(a.Ref.Kind)),
					string(a.Ref.Org), sheet.Inert(a.Ref.ID), sheet.Inert(a.Key), sheet.Inert(strings.Join(a.Fields, " ")), sheet.Inert(string(a.Before)), sheet.Inert(string(a.After)),
					sheet.Inert(a.Address), sheet.Inert(a.Session), a.Set, strconv.FormatInt(a.N, 10), a.Hash,
				})
			}
			if err != nil {
				return err
			}
			r.Query.After = max(r.Query.After, a.Seq)
		}
		if page.Query.After > 0 && len(list) < admin.MaxPage {
			w.Flush()
			return w.Error()
		}
	}
}
