package heldplus

import (
	"slices"
	"strconv"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
	"github.com/callbox911/callbox/internal/rules/locate"
	"github.com/callbox911/callbox/internal/rules/lvf"
)

// judged is what is known about an address that a user gave.
type judged struct {
	entered   e911.Civic // as he gave it; of a line of text, as it was read
	result    lvf.Result
	verdict   locate.Verdict
	why       string  // of the verdict, for a person; holds no part of the address
	notes     []Fault // what was read otherwise than written
	suggested []lvf.Candidate
}

// judge asks the reference layers of the caller's organisation, and where none
// of them covers the place the structure and the table of postal codes. It
// answers from memory.
func (s *Server) judge(c *caller, entered e911.Civic, now time.Time) judged {
	j := judged{entered: entered}
	j.result = c.snap.LVF().Validate(entered, lvf.Options{Now: now, Demonstration: c.org.Config().Demonstration, Postal: s.cfg.Postal})
	j.suggested = j.result.Candidates
	switch j.result.Verdict {
	case e911.VerdictValid:
		j.verdict, j.why = locate.Verified, "found in the reference layer "+j.result.Layer.Name+", version "+strconv.Itoa(j.result.Layer.Version)
	case e911.VerdictInvalid:
		j.verdict, j.why = locate.Invalid, "it cannot be right"
		if j.result.Layer != nil {
			j.why = "the reference layer " + j.result.Layer.Name + " does not have it"
		}
	default:
		j.verdict, j.why = locate.Unverified, "its structure is right; no reference layer covers the place"
		if len(j.result.Faults) > 0 {
			j.why = "nothing says that it is wrong, but there is a doubt; no reference layer covers the place"
		}
	}
	return j
}

// readLine reads a line of text as people write addresses.
func (s *Server) readLine(text string) (e911.Civic, []Fault) {
	p, notes := civic.Parse(text, civic.Hint{Postal: s.cfg.Postal})
	var out []Fault
	for _, n := range notes {
		out = append(out, Fault{Field: "text", Rule: "note", Msg: n.Text})
	}
	return p.Address, out
}

// missing is what a dispatcher would lack. A house needs no further detail,
// unless a layer knows several units at its address (N-38).
func (j *judged) missing(house bool) []string {
	if !house || j.result.Multiple {
		return j.result.Missing
	}
	return slices.DeleteFunc(slices.Clone(j.result.Missing), func(f string) bool { return f == detail })
}

// detail stands for any detail that finds the caller inside a building.
const detail = "FLR"

// place makes a place of it.
func (j *judged) place(house bool) e911.Place {
	return e911.Place{
		Civic: j.result.Address, Area: j.result.Point, Display: civic.Display(j.result.Address),
		Dispatchable: j.verdict != locate.Invalid && len(j.missing(house)) == 0,
	}
}

// validation is what is kept beside the place.
func (j *judged) validation(c *caller, house bool, at time.Time) e911.Validation {
	by := "device " + c.Device
	if c.User != "" {
		by = "user " + string(c.User)
	}
	v := j.result.Validation(j.entered, by, at)
	v.Missing = j.missing(house)
	return v
}

// fields tells the verdict of each field.
func (j *judged) fields() []FieldVerdict {
	out := make([]FieldVerdict, 0, len(j.result.Fields))
	for _, f := range j.result.Fields {
		out = append(out, FieldVerdict{Field: f.Field, Verdict: f.Verdict.String()})
	}
	return out
}

// candidates are addresses that may be meant, with what differs in each.
func (j *judged) candidates() []Candidate {
	var out []Candidate
	for i := range j.suggested[:min(len(j.suggested), maxCandidates)] {
		k := &j.suggested[i]
		why := "this may be meant"
		if k.Layer != nil {
			why = "the reference layer " + k.Layer.Name + " has this address"
		}
		if k.Contested {
			why += ", and a better one has not"
		}
		out = append(out, Candidate{Kind: "address", Display: civic.Display(k.Address), Civic: k.Address, Changed: k.Changed, Why: why})
	}
	return out
}

// faults says what is wrong, or with doubt what may be, below the input's name.
func (j *judged) faults(base string, doubt bool) []Fault {
	var out []Fault
	for _, f := range j.result.Faults {
		if f.Doubt != doubt {
			continue
		}
		field := base
		if f.Field != "" {
			field += "." + f.Field
		}
		out = append(out, Fault{Field: field, Rule: rule(f.Kind), Msg: f.Reason, Fix: fixes[f.Kind]})
	}
	return out
}

// rules are the names that HELD+ has for kinds of fault; others are called alike.
var rules = map[civic.FaultKind]string{
	civic.FaultMissing: "required", civic.FaultForm: "format", civic.FaultOutside: "outside_served_countries",
}

func rule(k civic.FaultKind) string {
	if r, ok := rules[k]; ok {
		return r
	}
	return string(k)
}

var fixes = map[civic.FaultKind]string{
	civic.FaultOutside:         "an address in the United States or Canada; elsewhere dial the local emergency number",
	civic.FaultNotDispatchable: "give street and house number",
	civic.FaultDisagrees:       "look at both",
}
