package psali

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/alirecord"
)

// Line is the state of one ELIN, and what has to be done now.
type Line struct {
	Number   e911.Number   `json:"number"`
	Location string        `json:"location,omitempty"` // key
	State    e911.ALIState `json:"state,omitempty"`
	Word     string        `json:"word"` // the state, or "changed", "mended", "withdrawn"
	Since    time.Time     `json:"since,omitzero"`
	Cycle    int           `json:"cycle,omitempty"`
	Codes    string        `json:"codes,omitempty"`
	Usable   bool          `json:"usable"`
	Why      string        `json:"why,omitempty"` // not, or with what caution
	Evidence string        `json:"evidence,omitempty"`
	Todo     string        `json:"todo,omitempty"`
	Who      string        `json:"who,omitempty"` // whose turn it is
}

// Status is the state of all ELINs of an organisation.
type Status struct {
	Org    string `json:"org"`
	Last   File   `json:"last,omitzero"` // the newest file, without its text
	Usable int    `json:"usable"`
	Lines  []Line `json:"lines"`
}

// Status lists every ELIN, and every number that the carrier still has a record
// of.
func (d *Desk) Status(ctx context.Context, org string) (Status, error) {
	var out Status
	err := d.cfg.Store.ReadALI(ctx, func(r Reader) error {
		v, err := d.look(ctx, r, org, d.cfg.Now())
		if err != nil {
			return err
		}
		out = Status{Org: v.org.Key, Lines: []Line{}}
		if out.Last, err = r.LastALIFile(ctx, v.org.ID); err != nil {
			return err
		}
		out.Last.Text = ""
		for _, e := range v.elins {
			l := v.line(e)
			if l.Usable {
				out.Usable++
			}
			out.Lines = append(out.Lines, l)
		}
		return nil
	})
	return out, err
}

// Whose turn it is.
const (
	administrator = "administrator"
	carrier       = "carrier"
	site          = "somebody on site"
)

func (v *view) line(e elin) Line {
	r := e.value.Record()
	use := alirecord.UsableAt(e.value, e.digest)
	l := Line{
		Number: e.value.Number, Location: e.key, State: r.State, Word: alirecord.Word(r.State), Since: r.Since, Cycle: r.Cycle,
		Codes: r.Codes, Usable: use.OK, Why: use.Why, Evidence: r.Evidence,
	}
	due, _ := alirecord.Due(e.value, e.digest)
	const export = "callbox psali export"
	switch {
	case !e.value.ELIN && due == "" && !alirecord.Held(r):
		l.Word = "withdrawn"
	case !e.value.ELIN && due != "":
		l.Word, l.Todo, l.Who = "withdrawn", export+" sends its deletion", administrator
	case r.State == e911.ALISent:
		l.Todo, l.Who = "wait for the answer, then callbox psali answer FILE", carrier
	case due != "" && (r.State == e911.ALIAccepted || r.State == e911.ALIConfirmed):
		l.Word, l.Todo, l.Who = "changed", export+" sends the change", administrator
	case due != "" && r.State == e911.ALIRejected:
		l.Word, l.Todo, l.Who = "mended", export+" sends it again", administrator
	case due != "":
		l.Todo, l.Who = export, administrator
	case r.State == e911.ALIRejected:
		l.Todo, l.Who = v.mend(r, e), administrator
	case r.State == e911.ALIAccepted:
		l.Todo, l.Who = "make a test call or a query, then callbox psali confirm "+string(e.value.Number), site
	}
	return l
}

// mend says what was refused, in words.
func (v *view) mend(r e911.ALIRecord, e elin) string {
	var words []string
	for code := range strings.FieldsSeq(r.Codes) {
		_, text := Meaning(v.org.PSALI, code, r.Function)
		words = append(words, code+" "+text)
	}
	if len(words) == 0 {
		words = append(words, "what is on the screen is wrong")
	}
	return fmt.Sprintf("mend it (%s); if the mistake was not ours: callbox psali fixed %s", strings.Join(words, ", "), e.value.Number)
}

// Seen is what somebody saw on a screen, by a test call or a query.
type Seen struct {
	Org      string      `json:"org"`
	Number   e911.Number `json:"number"`
	By       string      `json:"by"`
	Evidence string      `json:"evidence"`
	// NoRecord: there was none. Wrong: it was not this location.
	NoRecord bool `json:"no_record,omitempty"`
	Wrong    bool `json:"wrong,omitempty"`
}

// Confirm notes what was seen. An ELIN whose record somebody saw may be used
// from then on; one that was wrong or not found may not, at once.
func (d *Desk) Confirm(ctx context.Context, who admin.Actor, s Seen) (Line, error) {
	if s.NoRecord && s.Wrong {
		return Line{}, e911.Errorf(e911.Invalid, "a record is either wrong or not there")
	}
	return d.decide(ctx, who, s.Org, s.Number, func(e elin) any {
		now := d.cfg.Now().UTC()
		if s.NoRecord || s.Wrong {
			return alirecord.Doubted{NoRecord: s.NoRecord, By: s.By, Evidence: s.Evidence, At: now}
		}
		return alirecord.Confirmed{By: s.By, Evidence: s.Evidence, Now: e.digest, At: now}
	})
}

// Fixed notes that what was refused is mended, where our data do not show it:
// the authority changed its MSAG, the carrier its own mistake.
func (d *Desk) Fixed(ctx context.Context, who admin.Actor, s Seen) (Line, error) {
	return d.decide(ctx, who, s.Org, s.Number, func(elin) any {
		return alirecord.Fixed{By: s.By, Evidence: s.Evidence, At: d.cfg.Now().UTC()}
	})
}

func (d *Desk) decide(ctx context.Context, who admin.Actor, org string, number e911.Number, event func(elin) any) (Line, error) {
	var out Line
	err := d.cfg.Store.WriteALI(ctx, who, func(w Writer) error {
		v, err := d.look(ctx, w, org, d.cfg.Now())
		if err != nil {
			return err
		}
		for _, e := range v.elins {
			if e.value.Number != number {
				continue
			}
			if e.value, err = step(ctx, w, e, event(e)); err != nil {
				return err
			}
			out = v.line(e)
			return nil
		}
		return e911.Errorf(e911.NotFound, "%s is no ELIN of %s", number, v.org.Key)
	})
	return out, conflict(err)
}
