package rows

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

// Catalog is how an engine tells of its tables, for Copy.
type Catalog struct {
	// Columns asks for table, column, whether it is yes or no, and whether it
	// counts by itself; in the order of the columns.
	Columns string
	// Parents asks for pairs of a table and one that must be filled before.
	Parents string
	// Defer makes references be looked at when the transaction ends.
	Defer string
	// Count makes a column that counts go on after a value: table, column, value.
	Count string
}

// left is what no copy carries: who is signed in signs in again.
var left = map[string]bool{"sessions": true}

// CopiedTable is one table of a copy.
type CopiedTable struct {
	Name string `json:"name"`
	Rows int64  `json:"rows"`
}

// Copied says what a copy carried.
type Copied struct {
	Tables []CopiedTable    `json:"tables"` // those with rows, by name
	Rows   int64            `json:"rows"`
	Audit  admin.AuditProof `json:"audit"` // of the audit trail as it is in both
}

// CopyTo carries all that the store keeps into another, but sessions: objects with
// their versions, the sequence of changes, the audit trail with its hashes, call
// records, the database's own name. Nobody else may write to either meanwhile.
// It is done whole or not at all: the other is read again before the commit, and
// every row has to be as it is here. Conflict when the other holds anything.
func (s *Store) CopyTo(ctx context.Context, to *Store) (Copied, error) {
	var done Copied
	err := s.readEvery(ctx, func(from *tx) error {
		return to.writeEvery(ctx, func(into *tx) (err error) {
			done, err = copyAll(ctx, from, into)
			return err
		})
	})
	return done, err
}

func copyAll(ctx context.Context, from, into *tx) (Copied, error) {
	var done Copied
	tables, err := from.tables(ctx)
	if err != nil {
		return done, err
	}
	theirs, err := into.tables(ctx)
	if err != nil {
		return done, err
	}
	names := slices.Sorted(maps.Keys(tables))
	if !slices.Equal(names, slices.Sorted(maps.Keys(theirs))) {
		return done, e911.Errorf(e911.Internal, "the two databases do not have the same tables")
	}
	if err := into.empty(ctx, names); err != nil {
		return done, err
	}
	if names, err = into.order(ctx, names); err != nil {
		return done, err
	}
	for _, name := range names {
		if left[name] {
			continue
		}
		rows, err := copyTable(ctx, from, into, theirs[name])
		if err != nil {
			return done, err
		}
		if rows > 0 {
			done.Tables = append(done.Tables, CopiedTable{name, rows})
			done.Rows += rows
		}
	}
	slices.SortFunc(done.Tables, func(a, b CopiedTable) int { return strings.Compare(a.Name, b.Name) })
	done.Audit, err = sameTrail(ctx, from, into)
	return done, err
}

// sameTrail wants the audit trail to be proved alike on both sides, whether it
// holds or not.
func sameTrail(ctx context.Context, from, into *tx) (admin.AuditProof, error) {
	ours, err := from.verifyAll(ctx, "", true)
	if err != nil {
		return ours, err
	}
	theirs, err := into.verifyAll(ctx, "", true)
	if err == nil && !reflect.DeepEqual(ours, theirs) {
		err = e911.Errorf(e911.Internal, "the audit trail does not come out the same in the copy")
	}
	return ours, err
}

// plainTable is one table as an engine has it.
type plainTable struct {
	name    string
	columns []string
	boolean map[string]bool
	counts  string // the column that counts by itself
}

func (t *tx) tables(ctx context.Context) (map[string]*plainTable, error) {
	found, err := t.db.QueryContext(ctx, t.s.cfg.Catalog.Columns)
	if err != nil {
		return nil, t.s.fault("list the tables", err)
	}
	defer found.Close()
	all := map[string]*plainTable{}
	for found.Next() {
		var name, column string
		var boolean, counts bool
		if err := found.Scan(&name, &column, &boolean, &counts); err != nil {
			return nil, t.s.fault("list the tables", err)
		}
		of := all[name]
		if of == nil {
			of = &plainTable{name: name, boolean: map[string]bool{}}
			all[name] = of
		}
		of.columns = append(of.columns, column)
		of.boolean[column] = boolean
		if counts {
			of.counts = column
		}
	}
	return all, t.s.fault("list the tables", found.Err())
}

// empty wants nothing in the tables but the name that opening gave the database,
// and takes that away.
func (t *tx) empty(ctx context.Context, names []string) error {
	for _, name := range names {
		var n int64
		if name != "store_meta" {
			if err := t.db.NewSelect().TableExpr("?", bun.Ident(name)).ColumnExpr("count(*)").Scan(ctx, &n); err != nil {
				return t.s.fault("look whether the database is empty", err)
			}
		}
		if n > 0 {
			return e911.Errorf(e911.Conflict, "the database to copy into is not empty (%d rows in %s): name an empty one", n, name)
		}
	}
	_, err := t.db.NewRaw("DELETE FROM store_meta").Exec(ctx)
	return t.s.fault("take the name of the database away", err)
}

// order puts tables after those that they refer to, where the engine looks at once.
func (t *tx) order(ctx context.Context, names []string) ([]string, error) {
	if t.s.cfg.Catalog.Defer != "" {
		if _, err := t.db.NewRaw(t.s.cfg.Catalog.Defer).Exec(ctx); err != nil {
			return nil, t.s.fault("put off what refers to what", err)
		}
	}
	parents := map[string][]string{}
	if t.s.cfg.Catalog.Parents != "" {
		found, err := t.db.QueryContext(ctx, t.s.cfg.Catalog.Parents)
		if err != nil {
			return nil, t.s.fault("list what refers to what", err)
		}
		defer found.Close()
		for found.Next() {
			var child, parent string
			if err := found.Scan(&child, &parent); err != nil {
				return nil, t.s.fault("list what refers to what", err)
			}
			parents[child] = append(parents[child], parent)
		}
		if err := found.Err(); err != nil {
			return nil, t.s.fault("list what refers to what", err)
		}
	}
	out, seen := make([]string, 0, len(names)), map[string]bool{}
	var visit func(name string)
	visit = func(name string) {
		if seen[name] {
			return
		}
		seen[name] = true
		for _, parent := range parents[name] {
			visit(parent)
		}
		out = append(out, name)
	}
	for _, name := range names {
		visit(name)
	}
	return out, nil
}

const (
	// copyRows and copyBytes bound one statement of a copy.
	copyRows  = 200
	copyBytes = 1 << 20
)

// copyTable carries one table and reads it again.
func copyTable(ctx context.Context, from, into *tx, t *plainTable) (int64, error) {
	var batch []any
	row := "(?" + strings.Repeat(", ?", len(t.columns)-1) + "), "
	bytes, last := 0, int64(0)
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		marks := strings.TrimSuffix(strings.Repeat(row, len(batch)/len(t.columns)), ", ")
		_, err := into.db.NewRaw("INSERT INTO ? (?) VALUES "+marks, append([]any{bun.Ident(t.name), idents(t.columns)}, batch...)...).Exec(ctx)
		batch, bytes = batch[:0], 0
		return into.s.fault("copy "+t.name, err)
	}
	was, err := from.each(ctx, t, func(values []any, size int) error {
		for i, column := range t.columns {
			n, isNumber := values[i].(int64)
			if t.boolean[column] && isNumber {
				values[i] = n != 0
			}
			if t.counts == column {
				last = max(last, n)
			}
		}
		batch = append(batch, values...)
		if bytes += size; len(batch) < copyRows*len(t.columns) && bytes < copyBytes {
			return nil
		}
		return flush()
	})
	if err == nil {
		err = flush()
	}
	if err != nil {
		return 0, err
	}
	if t.counts != "" && last > 0 && into.s.cfg.Catalog.Count != "" {
		if _, err := into.db.NewRaw(into.s.cfg.Catalog.Count, t.name, t.counts, last).Exec(ctx); err != nil {
			return 0, into.s.fault("go on counting "+t.name, err)
		}
	}
	is, err := into.each(ctx, t, func([]any, int) error { return nil })
	if err == nil && is != was {
		err = e911.Errorf(e911.Internal, "%s does not come out the same in the copy: %d rows and %d", t.name, was.rows, is.rows)
	}
	return is.rows, err
}

func idents(names []string) bun.Safe {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = `"` + name + `"`
	}
	return bun.Safe(strings.Join(quoted, ", "))
}

// content tells the rows of a table apart from others, in whatever order they
// come.
type content struct {
	rows int64
	sum  [sha256.Size]byte
}

// each hands on every row of a table, with its size in octets.
func (t *tx) each(ctx context.Context, of *plainTable, do func(values []any, size int) error) (content, error) {
	var c content
	found, err := t.db.QueryContext(ctx, "SELECT "+string(idents(of.columns))+" FROM "+string(idents([]string{of.name})))
	if err != nil {
		return c, t.s.fault("read "+of.name, err)
	}
	defer found.Close()
	for found.Next() {
		values := make([]any, len(of.columns))
		into := make([]any, len(values))
		for i := range values {
			into[i] = &values[i]
		}
		if err := found.Scan(into...); err != nil {
			return c, t.s.fault("read "+of.name, err)
		}
		encoded, err := canonical(values)
		if err != nil {
			return c, fmt.Errorf("read %s: %w", of.name, err)
		}
		sum := sha256.Sum256(encoded)
		for i, b := range sum {
			c.sum[i] ^= b
		}
		c.rows++
		if err := do(values, len(encoded)); err != nil {
			return c, err
		}
	}
	return c, t.s.fault("read "+of.name, found.Err())
}

// canonical is a row whatever engine it comes from: yes and no are numbers in
// one of them.
func canonical(values []any) ([]byte, error) {
	var b []byte
	for _, v := range values {
		switch v := v.(type) {
		case nil:
			b = append(b, 'n')
		case bool:
			n := uint64(0)
			if v {
				n = 1
			}
			b = binary.BigEndian.AppendUint64(append(b, 'i'), n)
		case int64:
			b = binary.BigEndian.AppendUint64(append(b, 'i'), uint64(v)) //nolint:gosec // a pattern of bits
		case float64:
			b = binary.BigEndian.AppendUint64(append(b, 'f'), math.Float64bits(v))
		case string:
			b = append(binary.BigEndian.AppendUint64(append(b, 't'), uint64(len(v))), v...)
		case []byte:
			b = append(binary.BigEndian.AppendUint64(append(b, 'b'), uint64(len(v))), v...)
		default:
			return nil, fmt.Errorf("a column of type %T is not copied", v)
		}
	}
	return b, nil
}
