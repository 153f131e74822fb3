package calltrace

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// width is how many columns an arrow has.
const width = 60

// WriteText draws the report for a person.
func (r Report) WriteText(w io.Writer) error {
	p := &printer{w: w}
	r.head(p)
	remote := ""
	for _, s := range r.Steps {
		if s.Kind == Message && s.Remote != remote {
			remote = s.Remote
			p.line("")
			p.line("%9s  Callbox%s%s", "", strings.Repeat(" ", max(1, width-len("Callbox")-len(remote))), remote)
		}
		p.step(s)
	}
	p.line("")
	mark := "NOT WELL"
	if r.Verdict.OK {
		mark = "WELL"
	}
	p.line("%s: %s", mark, r.Verdict.Text)
	for _, d := range r.Verdict.Do {
		p.line("  - %s", d)
	}
	return p.err
}

// Text is WriteText into a string.
func (r Report) Text() string {
	var b strings.Builder
	_ = r.WriteText(&b) // a Builder takes everything
	return b.String()
}

func (r Report) head(p *printer) {
	whose := ""
	if r.Org != "" {
		whose = " of " + r.Org
	}
	p.line("%s over the trunk %s (%s%s, header profile %s), %s", r.Kind.Words(), r.Trunk, r.Side, whose, orNone(r.Profile), r.At.UTC().Format(time.DateTime+"Z"))
	p.line("This is a test: it calls no PSAP, carries no priority, and takes no room that is reserved for emergency calls.")
	if r.Dialled != "" {
		p.line("dialled %s, calling number %s", r.Dialled, orNone(r.Number))
	}
	if r.Place != "" {
		p.line("location sent: %s", r.Place)
	}
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

type printer struct {
	w   io.Writer
	err error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintln(p.w, strings.TrimRight(fmt.Sprintf(format, args...), " "))
	}
}

func (p *printer) step(s Step) {
	at := fmt.Sprintf("+%.3f s", s.After.Seconds())
	if s.Kind != Message {
		mark := "*"
		if s.Kind == Connected {
			mark = "="
		}
		p.line("%9s  %s %s", at, mark, s.What)
		for _, c := range s.Carries {
			p.line("%9s      %s", "", c)
		}
		return
	}
	what := s.What
	if s.Again {
		what += " (again)"
	}
	what += " [" + s.Transport + "]"
	if s.Out {
		p.line("%9s  |-- %s %s>|", at, what, strings.Repeat("-", max(2, width-7-len([]rune(what)))))
	} else {
		p.line("%9s  |<%s %s --|", at, strings.Repeat("-", max(2, width-7-len([]rune(what)))), what)
	}
	for _, c := range s.Carries {
		p.line("%9s      %s", "", c)
	}
}
