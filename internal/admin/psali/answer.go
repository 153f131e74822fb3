package psali

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/alirecord"
)

// AnswerOptions say how a carrier's file is meant.
type AnswerOptions struct {
	// Rest is the cycle whose other records were accepted, for carriers that
	// list errors alone; 0: what the file does not name stays unanswered.
	Rest int
}

// Result is what became of one number.
type Result struct {
	Number   e911.Number   `json:"number"`
	Location string        `json:"location,omitempty"`
	State    e911.ALIState `json:"state"`
	Codes    []string      `json:"codes,omitempty"`
	Meaning  string        `json:"meaning,omitempty"`
}

// AnswerReport says what a carrier's file did.
type AnswerReport struct {
	Org      string   `json:"org"`
	Accepted int      `json:"accepted"`
	Deleted  int      `json:"deleted"`  // their deletion was accepted
	Rejected []Result `json:"rejected"` // and not found, or there already
	Unknown  []string `json:"unknown"`  // numbers in the file that are no ELIN of ours
	Waiting  int      `json:"waiting"`  // sent, and not answered yet
}

// Answer reads a carrier's file of errors or confirmations and applies all of it
// or nothing. file may be nil with Rest. An Invalid error has a fault for each
// line that does not fit: a number that awaits no answer, a record that is not
// the one that was sent last.
func (d *Desk) Answer(ctx context.Context, who admin.Actor, org string, file io.Reader, opt AnswerOptions) (AnswerReport, error) {
	var answers []Answer
	if file == nil && opt.Rest == 0 {
		return AnswerReport{}, e911.Errorf(e911.Invalid, "name the file that the ALI provider sent")
	}
	if file != nil {
		var err error
		if answers, err = ReadAnswers(file); err != nil {
			return AnswerReport{}, err
		}
	}
	report := AnswerReport{Rejected: []Result{}, Unknown: []string{}}
	err := d.cfg.Store.WriteALI(ctx, who, func(w Writer) error {
		v, err := d.look(ctx, w, org, d.cfg.Now())
		if err != nil {
			return err
		}
		b := book{d: d, w: w, v: v, report: &report, files: map[int]map[string]Record{}, left: map[string]elin{}}
		report.Org = v.org.Key
		for _, e := range v.elins {
			b.left[e.record.Number] = e
		}
		if err := b.apply(ctx, answers); err != nil {
			return err
		}
		return b.rest(ctx, opt.Rest)
	})
	if err != nil {
		return AnswerReport{}, conflict(err)
	}
	return report, nil
}

// book applies answers to the ELINs of one organisation.
type book struct {
	d      *Desk
	w      Writer
	v      *view
	report *AnswerReport
	files  map[int]map[string]Record // by cycle and number, as they were asked for
	left   map[string]elin           // by ten digits: not answered by the file
	faults []e911.Fault
}

func (b *book) apply(ctx context.Context, answers []Answer) error {
	for _, a := range answers {
		e, ours := b.left[a.Record.Number]
		if !ours {
			b.report.Unknown = append(b.report.Unknown, a.Record.Number)
			continue
		}
		delete(b.left, a.Record.Number)
		if err := b.one(ctx, a, e); err != nil {
			return err
		}
	}
	switch {
	case len(b.faults) > 0:
		return &e911.Error{Kind: e911.Invalid, Msg: "the file is refused, nothing was changed", Faults: b.faults}
	case len(answers) > 0 && len(b.report.Unknown) == len(answers):
		return e911.Errorf(e911.Invalid, "none of the %d numbers in the file is an ELIN of %s: is it another organisation's file?", len(answers), b.v.org.Key)
	}
	return nil
}

func (b *book) fault(line int, msg, fix string) {
	if len(b.faults) < maxFaults {
		b.faults = append(b.faults, e911.Fault{Path: "record", Row: line, Col: 1, Code: "forbidden", Msg: msg, Fix: fix})
	}
}

func (b *book) one(ctx context.Context, a Answer, e elin) error {
	r := e.value.Record()
	if r.State != e911.ALISent {
		b.fault(a.Line, fmt.Sprintf("%s awaits no answer: it is %s", e.value.Number, alirecord.Word(r.State)),
			"was the file read already? callbox psali status shows each number")
		return nil
	}
	was, err := b.sent(ctx, r.Cycle, a.Record.Number)
	if err != nil {
		return err
	}
	if older(a.Record, was) {
		b.fault(a.Line, fmt.Sprintf("%s: the record is not the one that was sent in cycle %d", e.value.Number, r.Cycle),
			"this answers an older file: wait for the answer to the last one")
		return nil
	}
	outcome, meaning := b.meaning(a.Codes, r.Function)
	v, err := step(ctx, b.w, e, alirecord.Answered{Outcome: outcome, Codes: strings.Join(a.Codes, " "), At: b.d.cfg.Now().UTC()})
	if err != nil {
		return err
	}
	b.count(e, v, a.Codes, meaning)
	return nil
}

func (b *book) count(e elin, v e911.NumberRec, codes []string, meaning string) {
	switch state := v.Record().State; state {
	case e911.ALIAccepted:
		b.report.Accepted++
	case e911.ALINone:
		b.report.Deleted++
	default:
		b.report.Rejected = append(b.report.Rejected, Result{Number: v.Number, Location: e.key, State: state, Codes: codes, Meaning: meaning})
	}
}

// sent returns the record of a number as it stands in the file of a cycle.
func (b *book) sent(ctx context.Context, cycle int, number string) (Record, error) {
	if _, read := b.files[cycle]; !read {
		f, err := b.w.ALIFile(ctx, b.v.org.ID, cycle)
		if err != nil {
			return Record{}, fmt.Errorf("read what was sent: %w", err)
		}
		b.files[cycle] = map[string]Record{}
		for _, r := range records(f.Text) {
			b.files[cycle][r.Number] = r
		}
	}
	return b.files[cycle][number], nil
}

// older reports that a record came back which is not the one that was sent last.
// Address and date may be left out of an answer.
func older(back, was Record) bool {
	return back.Function != was.Function || back.Street != "" && addressOf(back) != addressOf(was) ||
		back.Expanded != "" && back.Expanded != was.Expanded
}

// addressOf is what of a record a PSAP goes by.
func addressOf(r Record) string {
	return strings.Join([]string{unfilled(r.House), r.HouseSuffix, r.PreDir, r.Street, r.Suffix, r.PostDir, r.Community, r.State, r.Location}, "|")
}

// rest accepts what the file of a cycle had and the carrier did not name.
func (b *book) rest(ctx context.Context, cycle int) error {
	if cycle != 0 {
		if _, err := b.w.ALIFile(ctx, b.v.org.ID, cycle); err != nil {
			return err
		}
	}
	for _, e := range b.v.elins {
		if _, open := b.left[e.record.Number]; !open || e.value.Record().State != e911.ALISent {
			continue
		}
		if cycle == 0 || e.value.Record().Cycle != cycle {
			b.report.Waiting++
			continue
		}
		v, err := step(ctx, b.w, e, alirecord.Answered{Outcome: alirecord.Accepted, At: b.d.cfg.Now().UTC()})
		if err != nil {
			return err
		}
		b.count(e, v, nil, "")
	}
	return nil
}

// The words of e911.PSALI.Errors that are more than a text.
const (
	meansNoRecord = "no_record"
	meansExists   = "exists"
	meansAccepted = "accepted"
)

// meaning weighs the codes of one record, the worst first.
func (b *book) meaning(codes []string, function string) (alirecord.Outcome, string) {
	outcome := alirecord.Accepted
	var words []string
	rank := []alirecord.Outcome{alirecord.Accepted, alirecord.Exists, alirecord.NoRecord, alirecord.Rejected}
	for _, c := range codes {
		o, text := Meaning(b.v.org.PSALI, c, function)
		words = append(words, c+": "+text)
		if slices.Index(rank, o) > slices.Index(rank, outcome) {
			outcome = o
		}
	}
	return outcome, strings.Join(words, "; ")
}

// Meaning says what an error code does and what it is called: the
// organisation's own table first, then the classes that codes usually have. A
// code that nobody knows is a refusal.
func Meaning(p *e911.PSALI, code, function string) (alirecord.Outcome, string) {
	if p != nil {
		switch text := p.Errors[code]; text {
		case "":
		case meansNoRecord:
			return alirecord.NoRecord, "the carrier has no record of this number"
		case meansExists:
			return alirecord.Exists, "the carrier has a record of this number already"
		case meansAccepted:
			return alirecord.Accepted, "a remark"
		default:
			return alirecord.Rejected, text
		}
	}
	switch {
	case code[0] == '1':
		return alirecord.Rejected, "a field is missing or invalid"
	case code[0] == '3':
		return alirecord.Rejected, "the address is not in the MSAG"
	case code[0] == '7' && function == alirecord.Insert:
		return alirecord.Exists, "the carrier has a record of this number already"
	case code[0] == '7':
		return alirecord.NoRecord, "the carrier has no record of this number"
	}
	return alirecord.Rejected, "a code that is not in the table: ask the ALI provider"
}
