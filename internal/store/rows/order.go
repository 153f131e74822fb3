package rows

import (
	"strconv"
	"strings"

	"github.com/uptrace/bun"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

// page orders a list and begins it behind the page before. The place of an object is
// what it is ordered by, and its id: so a page joins the one before also when that
// object is gone, or was changed since.
func (f filter) page(q *bun.SelectQuery, columns map[admin.Field]string) (*bun.SelectQuery, error) {
	if f.order == "" {
		if f.after != "" {
			q = q.Where("id > ?", f.after)
		}
		return q.OrderExpr("id"), nil
	}
	var column string
	switch f.order {
	case admin.OrderChanged:
		column = "updated_at"
	case admin.OrderKey:
		column, _ = strings.CutSuffix(columns[admin.ByKey], " = ?")
	default:
		return nil, e911.Errorf(e911.Invalid, "a list is not ordered by %q", f.order)
	}
	way, than := "ASC", ">"
	if f.down {
		way, than = "DESC", "<"
	}
	if f.after != "" {
		said, id, ok := strings.Cut(f.after, "\x00")
		var value any = said
		if f.order == admin.OrderChanged {
			at, err := strconv.ParseInt(said, 10, 64)
			value, ok = at, ok && err == nil
		}
		if !ok {
			return nil, e911.Errorf(e911.Invalid, "this is no place in a list by %s", f.order)
		}
		q = q.Where("(?, id) "+than+" (?, ?)", bun.Ident(column), value, id)
	}
	return q.OrderExpr("? "+way+", id "+way, bun.Ident(column)), nil
}

// place is where the page after an object begins.
func (f filter) place(v any, b *Base) string {
	switch f.order {
	case admin.OrderKey:
		return admin.KeyOf(v) + "\x00" + b.ID
	case admin.OrderChanged:
		return strconv.FormatInt(b.UpdatedAt, 10) + "\x00" + b.ID
	}
	return ""
}
