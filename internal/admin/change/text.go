package change

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

// toldMost bounds what Text lists of each kind; JSON has more.
const toldMost = 20

// Text tells the plan to a person: the sum first, then what it does to emergency
// calls, then what is changed, then what is refused and how to mend it.
func (p *Plan) Text() string {
	var b strings.Builder
	title := cmp.Or(p.Title, "a change set")
	fmt.Fprintf(&b, "Plan %s: %s\n", p.ID, clean(title))
	fmt.Fprintf(&b, "  made %s by %s, good until %s\n", p.Made.Format(time.DateTime), clean(string(p.Who)), p.Expires.Format(time.DateTime))
	if p.Undoes != "" {
		fmt.Fprintf(&b, "  puts back what %s did\n", p.Undoes)
	}
	counted(&b, p.Counts)
	p.Effects.text(&b)
	if len(p.Changes) > 0 {
		b.WriteString("\nWhat is changed\n")
		for i := range p.Changes[:min(len(p.Changes), toldMost)] {
			p.Changes[i].text(&b, p.Keys)
		}
		if more := p.More + max(0, len(p.Changes)-toldMost); more > 0 {
			fmt.Fprintf(&b, "  and %d more\n", more)
		}
	}
	if len(p.Orphans) > 0 {
		b.WriteString("\nLeft with nothing\n")
		for _, o := range p.Orphans[:min(len(p.Orphans), toldMost)] {
			fmt.Fprintf(&b, "  %s %s: %s\n", noun(o.Ref.Kind), clean(o.Key), o.Why)
		}
	}
	faults(&b, "Refused", p.Faults, p.MoreFaults)
	faults(&b, "Worth a look", p.Warnings, 0)
	b.WriteString("\n")
	if p.Applicable {
		if p.Partial && len(p.Faults) > 0 {
			b.WriteString("Refused rows are left out.\n")
		}
		fmt.Fprintf(&b, "To do it: callbox apply %s --hash %s\n", p.ID, p.Hash)
	} else {
		fmt.Fprintf(&b, "It cannot be applied: %s.\n", p.Why)
	}
	return b.String()
}

func counted(b *strings.Builder, counts []Count) {
	if len(counts) == 0 {
		b.WriteString("  nothing is changed\n")
	}
	for _, c := range counts {
		var parts []string
		for _, x := range []struct {
			n    int
			word string
		}{{c.Created, "created"}, {c.Changed, "changed"}, {c.Deleted, "deleted"}, {c.Unchanged, "unchanged"}, {c.Refused, "refused"}} {
			if x.n > 0 {
				parts = append(parts, fmt.Sprintf("%d %s", x.n, x.word))
			}
		}
		fmt.Fprintf(b, "  %-16s %s\n", noun(c.Kind), strings.Join(parts, ", "))
	}
}

func noun(kind e911.ObjectKind) string {
	if kind == "" {
		return "unreadable row"
	}
	return strings.ReplaceAll(string(kind), "_", " ")
}

// headings of the aspects.
var headings = map[Aspect]string{
	AspectRelay:    "would go to the relay centre, and do not today",
	AspectPSAP:     "would reach another PSAP",
	AspectLocation: "would tell the PSAP another place",
	AspectCallback: "would give the PSAP another number to call back",
}

func (e *Effects) text(b *strings.Builder) {
	b.WriteString("\nWhat it does to emergency calls\n")
	if e.Unknown != "" {
		fmt.Fprintf(b, "  not known: %s\n", clean(e.Unknown))
		return
	}
	for _, f := range e.Lost {
		fmt.Fprintf(b, "  LOST: %s: %s\n", clean(f.Path), clean(f.Msg))
	}
	var who []string
	for _, x := range []struct {
		n          int
		one, other string
	}{{e.Devices, "device", "devices"}, {e.Users, "user", "users"}, {e.Numbers, "number", "numbers"}, {e.Elements, "network element", "network elements"}} {
		switch x.n {
		case 0:
		case 1:
			who = append(who, "1 "+x.one)
		default:
			who = append(who, fmt.Sprintf("%d %s", x.n, x.other))
		}
	}
	if len(who) == 0 {
		b.WriteString("  nobody's call changes\n")
		return
	}
	fmt.Fprintf(b, "  calls of %s change\n", strings.Join(who, ", "))
	last := Aspect("")
	for _, g := range e.Groups[:min(len(e.Groups), 2*toldMost)] {
		if g.Aspect != last {
			fmt.Fprintf(b, "  %d %s\n", e.By[g.Aspect], headings[g.Aspect])
			last = g.Aspect
		}
		fmt.Fprintf(b, "    %d from %s to %s: %s\n", g.Count, clean(g.Before), clean(g.After), names(g))
	}
	if more := e.Beyond + max(0, len(e.Groups)-2*toldMost); more > 0 {
		fmt.Fprintf(b, "    and %d groups more\n", more)
	}
}

func names(g Effect) string {
	const few = 4
	var out []string
	for _, w := range g.Who[:min(len(g.Who), few)] {
		out = append(out, noun(w.Kind)+" "+clean(w.Key))
	}
	if more := g.Count - len(out); more > 0 {
		out = append(out, fmt.Sprintf("%d more", more))
	}
	return strings.Join(out, ", ")
}

func (c *Change) text(b *strings.Builder, keys map[string]string) {
	fmt.Fprintf(b, "  %s %s %s\n", c.Verb, noun(c.Ref.Kind), clean(c.Key))
	for _, l := range c.Lines(keys) {
		fmt.Fprintf(b, "    %s\n", l)
	}
}

// Lines tells a person what of a changed object becomes another, a line each: keys are
// those of a Plan. None for what is created or deleted.
func (c *Change) Lines(keys map[string]string) (out []string) {
	if c.Verb != admin.Changed {
		return nil
	}
	for _, f := range c.Fields {
		before, after := flat(f.Name, f.Before, keys), flat(f.Name, f.After, keys)
		paths := slices.Sorted(maps.Keys(before))
		for k := range after {
			if _, both := before[k]; !both {
				paths = append(paths, k)
			}
		}
		slices.Sort(paths)
		shown := 0
		for _, k := range paths {
			if before[k] != after[k] {
				if shown++; k == "validation.at" || k == "validation.by" {
					continue // follows from the rest
				}
				out = append(out, fmt.Sprintf("%s: %s -> %s", k, cmp.Or(before[k], "none"), cmp.Or(after[k], "none")))
			}
		}
		if shown == 0 {
			out = append(out, f.Name+": a secret of it")
		}
	}
	return out
}

// maxValue bounds a list that Text writes out; longer ones are shapes.
const maxValue = 100

// flat names each value of a field by its path, and what has a key by that.
func flat(name string, v json.RawMessage, keys map[string]string) map[string]string {
	out := map[string]string{}
	var walk func(path string, v any)
	walk = func(path string, v any) {
		switch x := v.(type) {
		case map[string]any:
			for k, y := range x {
				walk(path+"."+k, y)
			}
		case nil:
		case string:
			out[path] = fmt.Sprintf("%q", clean(cmp.Or(keys[x], x)))
			if x == "" {
				out[path] = ""
			}
		default:
			text, err := json.Marshal(x)
			if err == nil {
				if out[path] = clean(string(text)); len(text) > maxValue {
					out[path] = fmt.Sprintf("(%d octets)", len(text))
				}
			}
		}
	}
	var tree any
	if len(v) > 0 && json.Unmarshal(v, &tree) == nil {
		walk(name, tree)
	}
	return out
}

func faults(b *strings.Builder, title string, list []e911.Fault, beyond int) {
	if len(list) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s\n", title)
	for _, f := range list[:min(len(list), toldMost)] {
		fmt.Fprintf(b, "  %s\n", clean(f.String()))
	}
	if more := beyond + max(0, len(list)-toldMost); more > 0 {
		fmt.Fprintf(b, "  and %d more\n", more)
	}
}

// clean keeps what others wrote from speaking to the terminal.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return '?'
		}
		return r
	}, s)
}
