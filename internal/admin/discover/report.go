package discover

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/callbox911/callbox/internal/e911"
)

// Report is all that one discovery found. Its JSON is what programs read, and
// what the next discovery compares phones with.
type Report struct {
	At        time.Time    `json:"at"`
	Devices   []Device     `json:"devices"`
	Failed    []Failure    `json:"failed,omitempty"`
	Proposals []Proposal   `json:"proposals"`
	Drift     []Difference `json:"drift,omitempty"`
	Coverage  *Coverage    `json:"coverage,omitempty"` // nil: no map was compared
}

// Failure is a target that did not answer.
type Failure struct {
	Target string `json:"target"`
	Why    string `json:"why"`
}

// WriteText writes the report for a person.
func (r Report) WriteText(w io.Writer) error {
	t := &sheet{w: tabwriter.NewWriter(w, 2, 4, 2, ' ', 0)}
	t.devices(r)
	t.proposals(r.Proposals)
	t.drift(r)
	if err := t.w.Flush(); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

type sheet struct{ w *tabwriter.Writer }

func (t *sheet) line(cells ...string) { fmt.Fprintln(t.w, strings.Join(cells, "\t")) }

func (t *sheet) devices(r Report) {
	t.line("TARGET", "NAME", "VENDOR", "CHASSIS", "PORTS", "PHONES", "APS", "LOCATION")
	for _, d := range r.Devices {
		phones := 0
		for _, p := range d.Ports {
			for _, n := range p.Neighbours {
				if n.Phone {
					phones++
				}
			}
		}
		t.line(d.Target, clip(d.Name, 24), d.Vendor, cmp.Or(d.Chassis, "no LLDP-MIB"), fmt.Sprint(len(d.Ports)), fmt.Sprint(phones), fmt.Sprint(len(d.APs)), clip(d.Location, 30))
		for _, s := range d.Incomplete {
			t.line("", "incomplete: "+s.Table+": "+clip(s.Why, 60)+rows(s.Rows))
		}
	}
	for _, f := range r.Failed {
		t.line(f.Target, "did not answer: "+clip(f.Why, 80))
	}
}

func rows(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(" (%d)", n)
}

func (t *sheet) proposals(list []Proposal) {
	t.line()
	t.line("STATUS", "KIND", "KEY", "ON", "WRITTEN ON IT", "LOCATION", "WHY")
	for _, p := range list {
		on := p.Target
		if p.Interface != "" {
			on += " " + p.Interface
		}
		place := p.Guess.Location
		if place != "" {
			place += " (" + string(p.Guess.Confidence) + ")"
		}
		t.line(string(p.Status), string(p.Element.Kind), KeyText(p.Element), clip(on, 40), clip(p.Guess.Text, 32), place, clip(p.Why, 100))
	}
}

func (t *sheet) drift(r Report) {
	if r.Coverage == nil && len(r.Drift) == 0 {
		return
	}
	t.line()
	if c := r.Coverage; c != nil {
		t.line(fmt.Sprintf("Drift: %d elements of the map were looked for, %d more are on devices that were not read.", c.Compared, c.NotRead))
	}
	if len(r.Drift) == 0 {
		t.line("Map and network agree.")
		return
	}
	t.line("DRIFT", "KIND", "KEY", "MAP HAS IT AT", "IT IS AT", "WHY")
	for _, d := range r.Drift {
		t.line(string(d.Kind), string(d.Element.Kind), KeyText(d.Element), cmp.Or(d.Place, d.From), cmp.Or(d.Other, d.To), clip(d.Why, 80))
	}
}

// KeyText is the key of an element for people.
func KeyText(e e911.Element) string {
	var s []string
	for _, part := range row(e, "")[1:7] {
		if part != "" {
			s = append(s, part)
		}
	}
	return strings.Join(s, " ")
}
