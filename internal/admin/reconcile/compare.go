package reconcile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/sheet"
	"github.com/callbox911/callbox/internal/e911"
)

// theirs is one row of the platform's list.
type theirs struct {
	key    string // in its one form
	line   int
	fields map[string]string // of our fields; what the row leaves empty is absent
}

// found is what a comparison says, with what a plan needs.
type found struct {
	diffs  []Difference
	pairs  []pair // by index of diffs
	counts Counts
	rows   int
}

type pair struct {
	theirs *theirs
	ours   *our
}

// readRows takes the columns that the source names out of a table. It fails where the
// key column is not there: another list, or another export.
func readRows(src *Source, t sheet.Table) ([]theirs, error) {
	at := func(heading string) int {
		return slices.IndexFunc(t.Header, func(h string) bool { return strings.EqualFold(strings.TrimSpace(h), strings.TrimSpace(heading)) })
	}
	key := at(src.KeyColumn)
	if key < 0 {
		return nil, e911.Errorf(e911.Invalid, "%s has no column %q; it has %s", t.Name, src.KeyColumn, strings.Join(t.Header, ", "))
	}
	columns := map[string]int{}
	for field, heading := range src.Columns {
		i := at(heading)
		if i < 0 {
			return nil, e911.Errorf(e911.Invalid, "%s has no column %q for %s; it has %s", t.Name, heading, field, strings.Join(t.Header, ", "))
		}
		columns[field] = i
	}
	cell := func(row []string, i int) string {
		if i < len(row) {
			return strings.TrimSpace(row[i])
		}
		return ""
	}
	out := make([]theirs, 0, len(t.Rows))
	for i, row := range t.Rows {
		x := theirs{key: oneForm(src.keyField(), cell(row, key)), line: t.Line(i), fields: make(map[string]string, len(columns))}
		if x.key == "" {
			continue // a row without a key is no object
		}
		for field, c := range columns {
			if v := cell(row, c); v != "" {
				x.fields[field] = oneForm(field, v)
			}
		}
		out = append(out, x)
	}
	return out, nil
}

// oneForm writes a value as Callbox keeps it; what cannot be read stays as it is.
func oneForm(field, v string) string {
	v = strings.TrimSpace(v)
	switch field {
	case "number", "callback":
		if n, err := e911.ParseNumber(v); err == nil {
			return string(n)
		}
	case "mac":
		if m, err := e911.ParseMAC(v); err == nil {
			return string(m)
		}
	case "status", "owner", "language", "station.class":
		return strings.ReplaceAll(strings.ToLower(v), " ", "_")
	}
	return v
}

// folded is a value without what people write differently: case, spaces, hyphens
// and underscores.
func folded(v string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case ' ', '-', '_', '\t', '\u00a0':
			return -1
		}
		return r
	}, strings.ToLower(v))
}

// sameValue compares two values of a field.
func sameValue(field, a, b string) bool {
	if field == "email" {
		return strings.EqualFold(a, b)
	}
	return a == b
}

// compare finds every difference between the two lists. The people of gone are leaving
// or have left.
func compare(src *Source, list []theirs, mine []our, gone ...admin.Leaver) found {
	c := comparer{src: src, gone: goneOf(src, gone), field: src.keyField(), byKey: map[string][]*our{}, byFold: map[string][]*our{}, used: map[*our]bool{}}
	c.out.rows = len(list)
	for i := range mine {
		o := &mine[i]
		if k := o.fields[c.field]; k != "" {
			c.byKey[k] = append(c.byKey[k], o)
			c.byFold[folded(k)] = append(c.byFold[folded(k)], o)
		}
	}
	seen := map[string]int{}
	for i := range list {
		seen[list[i].key]++
	}
	var open []*theirs
	told := map[string]bool{}
	for i := range list {
		x := &list[i]
		switch {
		case seen[x.key] > 1:
			if !told[x.key] {
				told[x.key] = true
				c.add(pair{x, first(c.byKey[x.key])}, Difference{
					Class: Duplicate, Why: fmt.Sprintf("%d rows of the list have this key", seen[x.key]), Fix: "correct the list: one row for each",
				})
			}
		case len(c.byKey[x.key]) > 1:
			c.add(pair{x, nil}, Difference{
				Class: Duplicate, Why: fmt.Sprintf("%d of ours have this %s", len(c.byKey[x.key]), c.field), Fix: "give each its own",
			})
			for _, o := range c.byKey[x.key] {
				c.used[o] = true
			}
		case len(c.byKey[x.key]) == 1:
			c.both(x, c.byKey[x.key][0])
		default:
			open = append(open, x)
		}
	}
	for _, x := range c.near(open, mine) {
		if c.left(x, nil) {
			continue
		}
		c.add(pair{x, nil}, Difference{
			Class: Missing, Unregistered: true, Why: "the platform has it and Callbox does not: an emergency call of it would be unregistered",
			Fix: "add it here, or take it out of the platform",
		})
	}
	for i := range mine {
		o := &mine[i]
		if !c.used[o] {
			c.add(pair{nil, o}, Difference{Class: Extra, Why: "Callbox has it and the platform's list does not", Fix: "is it still in use? delete it, or add it to the platform"})
		}
	}
	order := Classes()
	index := make([]int, len(c.out.diffs))
	for i := range index {
		index[i] = i
	}
	slices.SortStableFunc(index, func(i, j int) int {
		a, b := &c.out.diffs[i], &c.out.diffs[j]
		return cmp.Or(cmp.Compare(slices.Index(order, a.Class), slices.Index(order, b.Class)), cmp.Compare(cmp.Or(a.Key, a.OurKey), cmp.Or(b.Key, b.OurKey)))
	})
	diffs, pairs := make([]Difference, len(index)), make([]pair, len(index))
	for to, from := range index {
		diffs[to], pairs[to] = c.out.diffs[from], c.out.pairs[from]
	}
	c.out.diffs, c.out.pairs = diffs, pairs
	return c.out
}

type comparer struct {
	src           *Source
	gone          *gone
	field         string // of ours that the key column names
	byKey, byFold map[string][]*our
	used          map[*our]bool
	out           found
}

func first(list []*our) *our {
	if len(list) == 0 {
		return nil
	}
	return list[0]
}

func (c *comparer) add(p pair, d Difference) {
	if p.theirs != nil {
		d.Key, d.Row = p.theirs.key, p.theirs.line
	}
	if p.ours != nil {
		c.used[p.ours] = true
		d.OurKey, d.Ref = p.ours.key, p.ours.ref
	}
	n := &c.out.counts
	switch d.Class {
	case Missing:
		n.Missing++
	case Left:
		n.Left++
	case Duplicate:
		n.Duplicate++
	case Near:
		n.Near++
	case Changed:
		n.Changed++
	case Extra:
		n.Extra++
	}
	if d.Unregistered {
		n.Unregistered++
	}
	c.out.diffs, c.out.pairs = append(c.out.diffs, d), append(c.out.pairs, p)
}

// both compares the fields of one object that both lists have.
func (c *comparer) both(x *theirs, o *our) {
	if c.left(x, o) {
		return
	}
	diff := fieldsOf(x, o)
	if len(diff) == 0 {
		c.used[o] = true
		c.out.counts.Same++
		return
	}
	c.add(pair{x, o}, Difference{Class: Changed, Fields: diff, Why: "the lists say different things", Fix: "take the platform's value, or correct it there"})
}

func fieldsOf(x *theirs, o *our) (diff []FieldDiff) {
	for field, v := range x.fields {
		if mine := o.fields[field]; !sameValue(field, v, mine) {
			diff = append(diff, FieldDiff{Field: field, Theirs: v, Ours: mine})
		}
	}
	slices.SortFunc(diff, func(a, b FieldDiff) int { return cmp.Compare(a.Field, b.Field) })
	return diff
}

// near finds ours for rows whose key is written differently, or whose e-mail address
// has moved, where only one can be meant; it returns the other rows.
func (c *comparer) near(open []*theirs, mine []our) (left []*theirs) {
	alike := map[string]int{}
	for _, x := range open {
		alike[folded(x.key)]++
	}
	free := func(list []*our) (one *our) {
		for _, o := range list {
			if c.used[o] {
				continue
			}
			if one != nil {
				return nil
			}
			one = o
		}
		return one
	}
	var rest []*theirs
	for _, x := range open {
		o := free(c.byFold[folded(x.key)])
		if o == nil || alike[folded(x.key)] > 1 {
			rest = append(rest, x)
			continue
		}
		c.nearly(x, o, fmt.Sprintf("only capitals, spaces or hyphens differ from %q", o.fields[c.field]))
	}
	// Somebody whose other fields say who he is.
	for _, by := range []string{"device_user_id", "key", "email", "mac", "name"} {
		if by == c.field || c.src.Columns[by] == "" {
			continue
		}
		has, wanted := map[string][]*our{}, map[string]int{}
		for i := range mine {
			if v := folded(mine[i].fields[by]); v != "" {
				has[v] = append(has[v], &mine[i])
			}
		}
		for _, x := range rest {
			wanted[folded(x.fields[by])]++
		}
		left = nil
		for _, x := range rest {
			v := folded(x.fields[by])
			o := free(has[v])
			if v == "" || wanted[v] > 1 || len(has[v]) > 1 || o == nil {
				left = append(left, x)
				continue
			}
			c.nearly(x, o, fmt.Sprintf("the same %s, and another %s: %q was %q here", by, c.field, x.key, o.fields[c.field]))
		}
		rest = left
	}
	return rest
}

func (c *comparer) nearly(x *theirs, o *our, why string) {
	diff := append([]FieldDiff{{Field: c.field, Theirs: x.key, Ours: o.fields[c.field]}}, fieldsOf(x, o)...)
	// Platforms' ids are compared exactly in a call (F-13): a near miss is a miss.
	c.add(pair{x, o}, Difference{
		Class: Near, Fields: diff, Unregistered: c.field == "device_user_id", Why: why, Fix: "is it the same one? take the platform's spelling",
	})
}
