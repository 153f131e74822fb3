package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/callbox911/callbox/internal/admin/psali"
	"github.com/callbox911/callbox/internal/app"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/alirecord"
	"github.com/callbox911/callbox/internal/rules/msag"
)

type psaliCmd struct {
	Status  psaliStatusCmd  `cmd:"" default:"withargs" help:"Show each ELIN: how far its record is, whether it may be used, what to do now, and who (the default)."`
	Preview psaliPreviewCmd `cmd:"" help:"Show each location as a PSAP's screen of 20 and of 60 characters will, and which ones cannot be told apart."`
	Export  psaliExportCmd  `cmd:"" help:"Write the file with all records that the carrier does not have as they are now."`
	Answer  psaliAnswerCmd  `cmd:"" help:"Read the carrier's file of errors or confirmations, whole or not at all."`
	Confirm psaliConfirmCmd `cmd:"" help:"Note what a test call or a query showed: only a confirmed ELIN is used."`
	Fixed   psaliFixedCmd   `cmd:"" help:"Note that what was rejected is mended elsewhere, so that it is sent again."`
}

type psaliStatusCmd struct {
	dataFlag
	orgFlag
	JSON bool `help:"Print JSON."`
}

func (c *psaliStatusCmd) Run(e *env) error {
	var s psali.Status
	if err := app.AskALI(e.ctx, c.Data, "status", url.Values{"org": {c.Org}}, nil, &s); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(e.stdout, s)
	}
	fmt.Fprintf(e.stdout, "%s: %d ELINs, %d usable\n", s.Org, len(s.Lines), s.Usable)
	if s.Last.Cycle > 0 {
		fmt.Fprintf(e.stdout, "last file: cycle %d of %s, %d records\n", s.Last.Cycle, stamp(&s.Last.At), s.Last.Records)
	}
	if len(s.Lines) == 0 {
		fmt.Fprintln(e.stdout, "mark numbers with elin: true, each with its location")
		return nil
	}
	t := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NUMBER\tLOCATION\tSTATE\tSINCE\tUSABLE\tWHO\tTO DO")
	for i := range s.Lines {
		l := &s.Lines[i]
		since := "-"
		if !l.Since.IsZero() {
			since = stamp(&l.Since)
		}
		fmt.Fprintln(t, strings.Join(printable(string(l.Number), orDash(l.Location), l.Word, since, usable(l), orDash(l.Who), orDash(l.Todo)), "\t"))
	}
	return t.Flush()
}

func usable(l *psali.Line) string {
	switch {
	case !l.Usable:
		return "no: " + l.Why
	case l.Why != "":
		return "yes, but " + l.Why
	}
	return "yes"
}

type psaliPreviewCmd struct {
	dataFlag
	orgFlag
	MSAG string `name:"msag" help:"The authority's MSAG, 200 characters a line, to compare with." type:"existingfile"`
	JSON bool   `help:"Print JSON."`
}

func (c *psaliPreviewCmd) Run(e *env) error {
	var p psali.Preview
	params := url.Values{"org": {c.Org}}
	var body io.Reader
	if c.MSAG != "" {
		f, err := os.Open(c.MSAG)
		if err != nil {
			return fmt.Errorf("open the MSAG: %w", err)
		}
		defer f.Close()
		body = f
		params.Set("msag", "true")
	}
	if err := app.AskALI(e.ctx, c.Data, "preview", params, body, &p); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(e.stdout, p)
	}
	for i := range p.Locations {
		printShown(e.stdout, &p.Locations[i])
	}
	if p.Ranges > 0 {
		fmt.Fprintf(e.stdout, "compared with an MSAG of %d ranges\n", p.Ranges)
	}
	for _, q := range p.Equal {
		fmt.Fprintf(e.stdout, "warning: on a screen of %d characters these are the same, %q at %s: %s\n", q.Width, q.Reads, q.Street, strings.Join(printable(q.Locations...), ", "))
	}
	return nil
}

func printShown(w io.Writer, s *psali.Shown) {
	fmt.Fprintf(w, "%s (building %s)\n", printable(s.Location)[0], printable(s.Building)[0])
	narrow, wide := s.Screens[0], s.Screens[1]
	for i := range narrow.Lines {
		fmt.Fprintf(w, "  |%-20s|  |%-60s|\n", narrow.Lines[i], wide.Lines[i])
	}
	for _, n := range s.Notes {
		fmt.Fprintf(w, "  %s\n", remark(n))
	}
	if s.MSAG != "" {
		fmt.Fprintf(w, "  MSAG: %s\n", printable(s.MSAG)[0])
	}
	fmt.Fprintln(w)
}

func remark(n msag.Note) string {
	return strings.TrimSpace(words(string(n.Kind)) + " " + n.Field + ": " + printable(n.Msg)[0])
}

type psaliExportCmd struct {
	dataFlag
	orgFlag
	Out   string `help:"File to write; psali-ORG-CYCLE.txt when empty." type:"path"`
	All   bool   `help:"Send everything again, also what the carrier has as it is."`
	Cycle int    `help:"Write the file of this cycle once more; nothing is sent anew." xor:"all"`
	JSON  bool   `help:"Print JSON."`
}

func (c *psaliExportCmd) Run(e *env) error {
	params := url.Values{"org": {c.Org}, "all": {fmt.Sprint(c.All)}}
	if c.Cycle > 0 {
		params.Set("cycle", strconv.Itoa(c.Cycle))
	}
	var d psali.Draft
	if err := app.AskALI(e.ctx, c.Data, "draft", params, nil, &d); err != nil {
		return err
	}
	out := ""
	if d.Text != "" {
		out = c.Out
		if out == "" {
			out = fmt.Sprintf("psali-%s-%06d.txt", strings.ReplaceAll(d.Org, "/", "-"), d.Cycle)
		}
		if err := writeWhole(out, d.Text); err != nil {
			return err
		}
	}
	if d.Text != "" && !d.Again {
		// The text need not go back: the server makes it again and compares.
		note := d
		note.Text, note.Records, note.LeftOut, note.Waiting = "", nil, nil, nil
		body, err := json.Marshal(note)
		if err != nil {
			return fmt.Errorf("encode the draft: %w", err)
		}
		if err := app.AskALI(e.ctx, c.Data, "sent", url.Values{"who": {person()}}, bytes.NewReader(body), nil); err != nil {
			if e911.KindOf(err) == e911.Conflict {
				_ = os.Remove(out)
			}
			return fmt.Errorf("the file is not marked as sent, so do not send it: %w", err)
		}
	}
	if c.JSON {
		d.Text = ""
		return printJSON(e.stdout, struct {
			File string `json:"file,omitempty"`
			psali.Draft
		}{out, d})
	}
	printDraft(e.stdout, out, d)
	return nil
}

// writeWhole puts text into a file that is whole whenever it is there.
func writeWhole(path, text string) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".psali-*")
	if err != nil {
		return fmt.Errorf("write the file: %w", err)
	}
	defer os.Remove(f.Name()) // does nothing after the renaming
	_, err = f.WriteString(text)
	if err == nil {
		err = f.Sync()
	}
	if shut := f.Close(); err == nil {
		err = shut
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write the file %s: %w", path, err)
	}
	return nil
}

func printDraft(w io.Writer, out string, d psali.Draft) {
	switch {
	case d.Again:
		fmt.Fprintf(w, "wrote %s once more: cycle %d of %s, %d records\n", out, d.Cycle, stamp(&d.At), len(d.Records))
	case d.Text == "":
		fmt.Fprintf(w, "%s: nothing is to be sent\n", d.Org)
	default:
		fmt.Fprintf(w, "wrote %s: cycle %d, %d records; send it to the ALI provider\n", out, d.Cycle, len(d.Records))
	}
	for _, r := range d.Records {
		fmt.Fprintf(w, "  %s %s %s\n", r.Function, r.Number, printable(r.Location)[0])
		for _, n := range r.Notes {
			fmt.Fprintf(w, "      %s\n", remark(n))
		}
	}
	for _, r := range d.LeftOut {
		fmt.Fprintf(w, "  left out: %s %s: %s\n", r.Number, printable(r.Location)[0], r.Why)
		for _, f := range r.Faults {
			fmt.Fprintf(w, "      %s\n", printable(f.Msg)[0])
		}
	}
	for _, r := range d.Waiting {
		fmt.Fprintf(w, "  not in it: %s %s: %s\n", r.Number, printable(r.Location)[0], r.Why)
	}
}

type psaliAnswerCmd struct {
	dataFlag
	orgFlag
	File string `arg:"" optional:"" help:"The carrier's file." type:"existingfile"`
	Rest int    `help:"For a carrier that lists errors alone: all other records of this cycle were accepted." placeholder:"CYCLE"`
	JSON bool   `help:"Print JSON."`
}

func (c *psaliAnswerCmd) Run(e *env) error {
	params := url.Values{"org": {c.Org}, "who": {person()}}
	if c.Rest != 0 {
		params.Set("rest", strconv.Itoa(c.Rest))
	}
	var body io.Reader
	if c.File != "" {
		f, err := os.Open(c.File)
		if err != nil {
			return fmt.Errorf("open the carrier's file: %w", err)
		}
		defer f.Close()
		body = f
		params.Set("file", "true")
	}
	var r psali.AnswerReport
	if err := app.AskALI(e.ctx, c.Data, "answer", params, body, &r); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(e.stdout, r)
	}
	fmt.Fprintf(e.stdout, "%s: %d accepted, %d deleted, %d refused, %d still without an answer\n", r.Org, r.Accepted, r.Deleted, len(r.Rejected), r.Waiting)
	for _, x := range r.Rejected {
		fmt.Fprintf(e.stdout, "  %s %s: %s (%s)\n", x.Number, printable(x.Location)[0], alirecord.Word(x.State), printable(x.Meaning)[0])
	}
	if len(r.Unknown) > 0 {
		fmt.Fprintf(e.stdout, "  no ELINs of ours: %s\n", strings.Join(r.Unknown, ", "))
	}
	return nil
}

type psaliConfirmCmd struct {
	dataFlag
	orgFlag
	Number   string `arg:"" help:"The ELIN."`
	By       string `required:"" help:"Who saw it."`
	Evidence string `required:"" help:"How: such as 'test call 14:05, the dispatcher read floor 2 room 210'."`
	NoRecord bool   `help:"The screen said that there is no record." xor:"seen"`
	Wrong    bool   `help:"The screen showed another address." xor:"seen"`
}

func (c *psaliConfirmCmd) Run(e *env) error {
	return seenALI(e, c.Data, "confirm", url.Values{
		"org": {c.Org}, "number": {c.Number}, "by": {c.By}, "evidence": {c.Evidence},
		"no_record": {fmt.Sprint(c.NoRecord)}, "wrong": {fmt.Sprint(c.Wrong)}, "who": {person()},
	})
}

type psaliFixedCmd struct {
	dataFlag
	orgFlag
	Number   string `arg:"" help:"The ELIN."`
	By       string `required:"" help:"Who mended it."`
	Evidence string `help:"What was mended, where."`
}

func (c *psaliFixedCmd) Run(e *env) error {
	return seenALI(e, c.Data, "fixed", url.Values{"org": {c.Org}, "number": {c.Number}, "by": {c.By}, "evidence": {c.Evidence}, "who": {person()}})
}

func seenALI(e *env, data, what string, params url.Values) error {
	var l psali.Line
	if err := app.AskALI(e.ctx, data, what, params, nil, &l); err != nil {
		return err
	}
	line := fmt.Sprintf("%s: %s, usable: %s", l.Number, l.Word, usable(&l))
	if l.Todo != "" {
		line += "; next: " + l.Todo
	}
	fmt.Fprintln(e.stdout, printable(line)[0])
	return nil
}
