package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/callbox911/callbox/internal/app"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/trial"
	"github.com/callbox911/callbox/internal/rules/calltrace"
)

type callCmd struct {
	dataFlag
	Trunk   string `required:"" help:"Key of the trunk."`
	Number  string `help:"What to dial at each of its targets; 933 when nothing is given."`
	URI     string `name:"uri" help:"Request-URI to call over it: sip:..., or urn:service:test.sos where the trunk is marked test_urn."`
	From    string `help:"Whose call it is like: key of a device, user, location or site, a hardware address, or a number. Its number and place are sent and shown."`
	Org     string `help:"Key of the organisation, where several have such a trunk or caller."`
	Profile string `help:"Another header profile than the trunk's: i3, carrier, elin or plain." enum:",i3,carrier,elin,plain" default:""`
	Seconds int    `help:"How long to talk." default:"5"`
	Options bool   `help:"No call: ask by OPTIONS whether the trunk is there."`
	JSON    bool   `help:"Print one JSON object."`
}

// errNotWell ends the command with 1 after a test that did not go well.
var errNotWell = errors.New("the test did not go well")

func (c *callCmd) Run(e *env) error {
	var r calltrace.Report
	err := post(e.ctx, c.Data, "/call", app.CallRequest{
		Trunk: c.Trunk, Org: c.Org, Number: c.Number, URI: c.URI, From: c.From, Profile: e911.HeaderProfile(c.Profile),
		Options: c.Options, Seconds: c.Seconds, By: operator(),
	}, &r)
	if err != nil {
		return err
	}
	if c.JSON {
		err = printJSON(e.stdout, r)
	} else {
		err = r.WriteText(e.stdout)
	}
	if err == nil && !r.Verdict.OK {
		return errNotWell
	}
	return err
}

// operator is who runs the command, as the machine knows him.
func operator() string {
	for _, name := range []string{"SUDO_USER", "USER", "LOGNAME"} {
		if v := os.Getenv(name); v != "" {
			return v
		}
	}
	return fmt.Sprintf("uid %d", os.Getuid())
}

// post asks the running server a question in JSON.
func post(ctx context.Context, dir, path string, question, into any) error {
	b, err := json.Marshal(question)
	if err != nil {
		return fmt.Errorf("encode the question: %w", err)
	}
	err = app.Control(ctx, dir, path, bytes.NewReader(b), into)
	if errors.Is(err, app.ErrNotRunning) {
		return e911.Errorf(e911.Unavailable, "no server runs in %s; start it with callbox serve, or name its data directory with --data", dir)
	}
	return err
}

// testsCmd has a command for each thing that is done with tests.
type testsCmd struct {
	List    testsListCmd    `cmd:"" default:"withargs" help:"What was tested, each kind by itself, and what is due (the default)."`
	Arrange testsArrangeCmd `cmd:"" help:"Record that a 911 call was arranged with a PSAP. Nothing is dialled."`
	Result  testsResultCmd  `cmd:"" help:"Record what came of an arranged 911 call, with evidence."`
}

type testsListCmd struct {
	dataFlag
	JSON bool `help:"Print one JSON object."`
}

func (c *testsListCmd) Run(e *env) error {
	var l app.TestList
	if err := post(e.ctx, c.Data, "/tests", struct{}{}, &l); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(e.stdout, l)
	}
	printTests(e.stdout, l)
	return nil
}

type testsArrangeCmd struct {
	dataFlag
	Org     string `help:"Key of the organisation, where there are several."`
	PSAP    string `name:"psap" required:"" help:"The PSAP that agreed."`
	Contact string `required:"" help:"Who agreed there, and how he is reached."`
	For     string `required:"" help:"When 911 will be called: 2026-12-01T10:00:00Z."`
	Trunk   string `help:"The trunk that it is to prove."`
	Place   string `help:"Where the call will be made from."`
	Script  string `help:"What the caller will say and ask."`
}

func (c *testsArrangeCmd) Run(e *env) error {
	at, err := time.Parse(time.RFC3339, c.For)
	if err != nil {
		return e911.Errorf(e911.Invalid, "--for %q is no time: write 2026-12-01T10:00:00Z", c.For)
	}
	var reply struct{ ID string }
	err = post(e.ctx, c.Data, "/tests/arrange", app.ArrangeRequest{Org: c.Org, Arranged: journal.Arranged{
		PSAP: c.PSAP, Contact: c.Contact, For: at.UTC(), Trunk: c.Trunk, Place: c.Place, Script: c.Script, By: operator(),
	}}, &reply)
	if err != nil {
		return err
	}
	fmt.Fprintln(e.stdout, reply.ID)
	return nil
}

type testsResultCmd struct {
	dataFlag
	ID       string `arg:"" help:"Id of the arranged test."`
	Outcome  string `required:"" enum:"passed,failed,cancelled" help:"passed, failed or cancelled."`
	ReadBack string `name:"read-back" help:"What the call-taker read back, word for word."`
	Call     string `help:"Id of the call's record."`
	Evidence string `help:"File that proves it: a recording, a mail, a signed sheet. It stays where it is; its name and the digest of its bytes are kept." type:"existingfile"`
}

func (c *testsResultCmd) Run(e *env) error {
	r := journal.ArrangedResult{ID: c.ID, Outcome: c.Outcome, ReadBack: c.ReadBack, Call: e911.CallID(c.Call), By: operator()}
	if c.Evidence != "" {
		f, err := os.Open(c.Evidence)
		if err != nil {
			return fmt.Errorf("read the evidence: %w", err)
		}
		defer f.Close()
		sum := sha256.New()
		if r.Bytes, err = io.Copy(sum, f); err != nil {
			return fmt.Errorf("read the evidence: %w", err)
		}
		r.Evidence, r.SHA256 = filepath.Base(c.Evidence), hex.EncodeToString(sum.Sum(nil))
	}
	if err := post(e.ctx, c.Data, "/tests/result", r, nil); err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "%s: %s\n", c.ID, c.Outcome)
	return nil
}

// printTests lists each kind of test by itself (F-28).
func printTests(w io.Writer, l app.TestList) {
	p := func(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }
	p("Local 933 is in the records of calls, not here.")
	p("\nThrough 933, over a carrier's trunk to the carrier's own 933")
	for _, t := range l.Through {
		p("  %s", throughLine(t, l))
	}
	placed(p, "Test URNs that went out", l.TestURNs)
	p("\nTest URNs that came in (%d)", len(l.Received))
	for _, r := range l.Received {
		p("  %s  %s by %s: %d, %d locations by value and %d by reference, %s", minute(r.At), r.Service, r.Trunk.Key, r.Code, r.ByValue, r.ByRef, r.Why)
	}
	p("\nArranged 911 (%d)", len(l.Arranged))
	for _, a := range l.Arranged {
		p("  %s  for %s with %s (%s)", a.ID, minute(a.For), a.PSAP, a.Contact)
		switch {
		case a.Result == nil && l.At.After(a.For):
			p("    no result yet: callbox tests result %s", a.ID)
		case a.Result == nil:
			p("    not yet")
		default:
			p("    %s on %s by %s; read back: %s", a.Result.Outcome, minute(a.ResultAt), a.Result.By, a.Result.ReadBack)
			if a.Result.Evidence != "" {
				p("    evidence %s, %d bytes, sha256 %s", a.Result.Evidence, a.Result.Bytes, a.Result.SHA256)
			}
		}
	}
	placed(p, "Other test calls", l.Others)
}

func placed(p func(string, ...any), title string, list []trial.Placed) {
	p("\n%s (%d)", title, len(list))
	for _, t := range list {
		p("  %s  %s over %s: %s", minute(t.At), t.Dialled, t.Trunk.Key, t.Verdict)
	}
}

func throughLine(t trial.TrunkTests, l app.TestList) string {
	s := t.Trunk
	if key := l.Orgs[t.Org]; key != "" {
		s += " of " + key
	}
	if t.Good == nil {
		s += ": never answered"
	} else {
		s += fmt.Sprintf(": last good %s (%s), %d s, started by %s", minute(t.Good.At), days(l.At.Sub(t.Good.At)), t.Good.DurationMS/1000, t.Good.By)
	}
	if t.Last != nil && !t.Last.Answered {
		s += "; the last one, " + minute(t.Last.At) + ": " + t.Last.Verdict
	}
	switch {
	case t.Overdue:
		s += "; MONTHLY TEST IS DUE"
	case t.Monthly:
		s += "; monthly, due " + t.Due.UTC().Format(time.DateOnly)
	}
	return s
}

func days(d time.Duration) string {
	n := int(d.Hours() / 24)
	if n == 0 {
		return "today"
	}
	return fmt.Sprintf("%d days ago", n)
}

func minute(t time.Time) string { return t.UTC().Format("2006-01-02 15:04Z") }
