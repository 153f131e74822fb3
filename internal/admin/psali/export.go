package psali

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/alirecord"
	"github.com/callbox911/callbox/internal/rules/msag"
)

// Item is one number in a list.
type Item struct {
	Number   e911.Number  `json:"number"`
	Location string       `json:"location,omitempty"` // key
	Function string       `json:"function,omitempty"` // I, C or D
	Why      string       `json:"why,omitempty"`
	Faults   []e911.Fault `json:"faults,omitempty"`
	Notes    []msag.Note  `json:"notes,omitempty"` // what the form cannot say as the address does
}

// Draft is a file that is to be written, and what it has. Nothing is sent until
// MarkSent was told that it lies whole where it belongs.
type Draft struct {
	Org     string    `json:"org"`
	Cycle   int       `json:"cycle"`
	At      time.Time `json:"at"`
	Digest  string    `json:"digest"` // SHA-256 of Text
	Text    string    `json:"text"`
	Again   bool      `json:"again,omitempty"` // written before: it is the same file
	All     bool      `json:"all,omitempty"`
	Records []Item    `json:"records"`
	LeftOut []Item    `json:"left_out"` // cannot be written as a record
	Waiting []Item    `json:"waiting"`  // nothing is due
}

// sentWithin is how long after its making a draft may be marked sent.
const sentWithin = time.Hour

// Draft makes the next file of an organisation: a record for each ELIN of which
// the carrier has none or another one, and for each withdrawn number. With all
// also those that the carrier has as they are, or has not answered.
func (d *Desk) Draft(ctx context.Context, org string, all bool) (Draft, error) {
	var out Draft
	at := d.cfg.Now().UTC().Truncate(time.Millisecond)
	err := d.cfg.Store.ReadALI(ctx, func(r Reader) error {
		v, err := d.look(ctx, r, org, at)
		if err != nil {
			return err
		}
		out, _, err = v.draft(ctx, r, at, all)
		return err
	})
	return out, err
}

// Written returns the file of a cycle that was sent, to be written again.
// Nothing changes by that.
func (d *Desk) Written(ctx context.Context, org string, cycle int) (Draft, error) {
	var out Draft
	err := d.cfg.Store.ReadALI(ctx, func(r Reader) error {
		o, err := organisation(ctx, r, org)
		if err != nil {
			return err
		}
		f, err := r.ALIFile(ctx, o.ID, cycle)
		if err != nil {
			return err
		}
		out = Draft{Org: o.Key, Cycle: f.Cycle, At: f.At, Digest: f.Digest, Text: f.Text, Again: true, Records: []Item{}, LeftOut: []Item{}, Waiting: []Item{}}
		for _, rec := range records(f.Text) {
			out.Records = append(out.Records, Item{Number: e911.Number("+1" + rec.Number), Function: rec.Function})
		}
		return nil
	})
	return out, err
}

// records reads a file of ours.
func records(text string) []Record {
	var out []Record
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if strings.HasPrefix(line, "UHL") || strings.HasPrefix(line, "UTL") {
			continue
		}
		if r, err := ParseRecord([]byte(line)); err == nil {
			out = append(out, r)
		}
	}
	return out
}

// entry is an ELIN with the function code that it goes out with.
type entry struct {
	elin
	function string
}

// draft makes the file of a moment: the same view and moment give the same
// text.
func (v *view) draft(ctx context.Context, files Files, at time.Time, all bool) (Draft, []entry, error) {
	out := Draft{Org: v.org.Key, At: at, All: all, Records: []Item{}, LeftOut: []Item{}, Waiting: []Item{}}
	if v.org.PSALI == nil || v.org.PSALI.CompanyID == "" {
		return out, nil, e911.Errorf(e911.Invalid, "the organisation %s has no NENA company id: give it psali: {company_id: ...} in the world file", v.org.Key)
	}
	last, err := files.LastALIFile(ctx, v.org.ID)
	if err != nil {
		return out, nil, err
	}
	out.Cycle = last.Cycle%maxCycle + 1
	var entries []entry
	var body []byte
	for _, e := range v.elins {
		item := Item{Number: e.value.Number, Location: e.key}
		function, why := alirecord.Due(e.value, e.digest)
		if function == "" && all && (e.value.ELIN || alirecord.Held(e.value.Record())) {
			function = alirecord.Again(e.value)
		}
		if function == "" {
			item.Why = why
			out.Waiting = append(out.Waiting, item)
			continue
		}
		rec := e.record
		rec.Function = function
		next, err := rec.Append(body)
		if err != nil {
			item.Function, item.Why, item.Faults = function, "no record can be made of it", e911.FaultsOf(err)
			out.LeftOut = append(out.LeftOut, item)
			continue
		}
		body = append(next, '\r', '\n')
		item.Function, item.Notes = function, e.notes
		out.Records = append(out.Records, item)
		entries = append(entries, entry{e, function})
	}
	if len(entries) > 0 {
		out.Text = v.file(out, body)
		out.Digest = digestOf(out.Text)
	}
	return out, entries, nil
}

// file puts header and trailer around the records.
func (v *view) file(d Draft, body []byte) string {
	company, _, _ := msag.Fold(first(v.org.PSALI.Company, v.org.Name))
	e := envelope{Company: company[:min(50, len(company))], Cycle: d.Cycle, County: v.org.PSALI.County, At: d.At, Records: len(d.Records)}
	for i, x := range v.elins {
		if state := x.form.State; i == 0 || state == e.State {
			e.State = state
		} else {
			e.State = "" // of several
			break
		}
	}
	const end = "\r\n"
	return string(e.header()) + end + string(body) + string(e.trailer()) + end
}

func digestOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// MarkSent notes that a draft lies whole where it belongs: its records are sent
// and the counter goes on. It is refused with a Conflict when anything that is
// in the file was changed since the draft was made, and then nothing was sent.
func (d *Desk) MarkSent(ctx context.Context, who admin.Actor, draft Draft) (File, error) {
	now := d.cfg.Now()
	if draft.At.After(now) || now.Sub(draft.At) > sentWithin {
		return File{}, e911.Errorf(e911.Conflict, "the file is of %s: export again", draft.At.Format(time.RFC3339))
	}
	var f File
	err := d.cfg.Store.WriteALI(ctx, who, func(w Writer) error {
		v, err := d.look(ctx, w, draft.Org, draft.At)
		if err != nil {
			return err
		}
		same, entries, err := v.draft(ctx, w, draft.At, draft.All)
		if err != nil {
			return err
		}
		if same.Digest != draft.Digest || same.Cycle != draft.Cycle || len(entries) == 0 {
			return e911.Errorf(e911.Conflict, "locations, numbers or answers were changed while the file was written: do not send it, export again")
		}
		for _, e := range entries {
			if _, err := step(ctx, w, e.elin, alirecord.Sent{Function: e.function, Cycle: same.Cycle, Digest: e.digest, At: draft.At}); err != nil {
				return err
			}
		}
		f = File{Org: v.org.ID, Cycle: same.Cycle, At: draft.At, By: string(who), Records: len(entries), Digest: same.Digest, Text: same.Text}
		if err := w.SaveALIFile(ctx, f); err != nil {
			return fmt.Errorf("keep the file: %w", err)
		}
		return nil
	})
	if err != nil {
		return File{}, conflict(err)
	}
	f.Text = ""
	return f, nil
}

// conflict says of a collision of two people what to do about it.
func conflict(err error) error {
	var e *e911.Error
	if errors.As(err, &e) && e.Kind == e911.Conflict && e.Err != nil {
		return &e911.Error{Kind: e911.Conflict, Msg: "somebody else changed the same at this moment: look at callbox psali status, and do it again", Err: err}
	}
	return err
}
