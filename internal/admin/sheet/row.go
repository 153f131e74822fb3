package sheet

import (
	"fmt"
	"strings"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/check"
	"github.com/callbox911/callbox/internal/e911"
)

// row is one row while it is read.
type row struct {
	im    *importer
	i     int // in the table
	line  int
	cells []string
	bad   bool
	quiet bool     // notices were told already
	later []func() // what else the row does, when it is in order
}

func (r *row) cell(i int) string {
	if i < 0 || i >= len(r.cells) {
		return ""
	}
	return r.cells[i]
}

// raw is the cell of a column as it stands in the table; empty without the column.
func (r *row) raw(column string) string { return r.cell(r.im.at[column] - 1) }

func (r *row) fault(col, code, msg, fix string) {
	r.bad = true
	r.im.fault(r.line, col, code, msg, fix)
}

// notice says what was mended; col is from 0.
func (r *row) notice(col int, code, msg string) {
	if r.quiet || len(r.im.report.Notices) >= maxKept {
		return
	}
	name := ""
	for _, h := range r.im.head {
		if h.at == col {
			name = h.name
		}
	}
	r.im.report.Notices = append(r.im.report.Notices, e911.Fault{File: r.im.t.Name, Path: name, Row: r.line, Col: max(col+1, 1), Code: code, Msg: msg})
}

// key reads the cell that names the row's object.
func (r *row) key(column string) (string, bool) {
	c, s := r.im.column(column), strings.TrimPrefix(r.raw(column), Remove)
	if c == nil || blank(s) {
		return "", false
	}
	return r.value(c, r.im.at[column]-1, s)
}

// refer finds another object by its key.
func (r *row) refer(col string, kind e911.ObjectKind, key string) (id string, ok bool) {
	o, ok := r.im.s.byKey(kind, key)
	if !ok {
		what := strings.ReplaceAll(string(kind), "_", " ")
		fix := "import it first, or correct the key"
		if meant := r.nearby(kind, key); meant != "" {
			fix = fmt.Sprintf("did you mean %q?", meant)
		}
		r.fault(col, check.Unknown, fmt.Sprintf("the organisation has no %s %q", what, short(key)), fix)
	}
	return o.Ref.ID, ok
}

// nearby is the key that differs in capitals and spaces alone.
func (r *row) nearby(kind e911.ObjectKind, key string) string {
	if kind == e911.KindModel {
		return ""
	}
	g := r.im.s.group(kind)
	if g.folded == nil { // once: rows whose keys are all wrong come in thousands
		g.folded = make(map[string]string, len(g.keys))
		for k := range g.keys {
			f := strings.ToLower(k)
			if other, ok := g.folded[f]; !ok || k < other {
				g.folded[f] = k
			}
		}
	}
	return g.folded[strings.ToLower(strings.Join(strings.Fields(key), "-"))]
}

// put stages an object. Col is where it stands, when the row is not about it.
func (r *row) put(value any, col string) {
	ref := admin.RefOf(value)
	if st := r.im.staged[ref]; st != nil {
		st.value = value
	} else {
		r.im.staged[ref] = &staged{value: value, line: r.line, col: col}
		r.im.order = append(r.im.order, ref)
	}
	r.im.s.put(value)
}

// read takes one row.
func (t kindTable[T]) read(r *row) {
	first := t.fields[0].Name
	name := strings.TrimSpace(r.raw(first))
	if name == "" && t.kind == Users {
		name = strings.TrimSpace(r.raw("email"))
	}
	if strings.HasPrefix(name, "#") {
		r.im.report.Rows-- // a remark, as the examples of a template
		return
	}
	find := t.find
	if find == nil {
		find = func(r *row) (string, bool) {
			key, ok := r.key(first)
			if !ok && !r.bad {
				r.fault(first, check.Required, "the row does not say what it is about", "write the "+first)
			}
			return key, ok
		}
	}
	key, ok := find(r)
	if !ok {
		return
	}
	if line := r.im.seen[key]; line > 0 {
		r.fault(first, check.Duplicate, fmt.Sprintf("%q stands in row %d already", short(key), line), "keep one of the two")
		return
	}
	r.im.seen[key] = r.line
	stored, have := r.im.s.byKey(t.kind.Object(), key)
	if strings.HasPrefix(name, Remove) {
		t.remove(r, first, key, stored, have)
		return
	}
	var before *T
	var v T
	if have {
		v = stored.Value.(T)
		old := v
		before = &old
	} else {
		v = t.fresh(r, key)
	}
	t.fill(r, &v)
	if t.after != nil && !r.bad {
		t.after(r, before, &v)
	}
	switch {
	case r.bad:
	case before != nil && admin.Same(*before, v):
		r.im.report.Same++
	default:
		r.later = append([]func(){func() { r.put(v, "") }}, r.later...)
	}
}

// fill puts the cells of a row into a value, in the order of the fields.
func (t kindTable[T]) fill(r *row, v *T) {
	for i := range t.fields {
		f := &t.fields[i]
		s := r.raw(f.Name)
		if f.set == nil || blank(s) {
			continue // an empty cell leaves things as they are
		}
		if strings.TrimSpace(s) == Remove && !f.List {
			if r.im.o.Mode != Replace {
				r.fault(f.Name, check.Forbidden, "this import only adds, and "+Remove+" takes out", "import it in the mode that adds and removes")
				continue
			}
			f.set(r, v, "")
			continue
		}
		if m, ok := r.value(&f.Column, r.im.at[f.Name]-1, s); ok && m != "" {
			f.set(r, v, m)
		}
	}
}

// remove takes the row's object away.
func (t kindTable[T]) remove(r *row, col, key string, stored admin.Object, have bool) {
	switch {
	case r.im.o.Mode != Replace:
		r.fault(col, check.Forbidden, "this import only adds, and "+Remove+" takes out", "import it in the mode that adds and removes")
	case t.kind == Users:
		r.fault(col, check.Forbidden, "users are not deleted by a table", "delete the user by the API or in the list of users")
	case t.kind == Sites:
		r.fault(col, check.Forbidden, "sites are not deleted by a table", "delete the site by the API or in the list of sites")
	case !have:
		r.fault(col, check.Unknown, fmt.Sprintf("there is no %q to take out", short(key)), "remove the row, or correct the key")
	default:
		if t.kind == Locations {
			r.notice(0, "building_stays", "the location goes, its building stays")
		}
		r.im.s.remove(stored)
		r.im.gone = append(r.im.gone, goner{stored, r.line})
	}
}
