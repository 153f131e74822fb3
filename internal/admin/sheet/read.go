package sheet

import (
	"io"

	"github.com/callbox911/callbox/internal/e911"
)

// Read reads CSV or XLSX, whichever it is, into one table a sheet, within the
// default Limits. Size is what the sender says, or -1; it is not believed. An
// Invalid error says what cannot be read at all; faults of rows are in the tables.
// Other errors are r's.
func Read(name string, r io.Reader, size int64) ([]Table, error) {
	return ReadWithin(Limits{}, name, r, size)
}

// ReadWithin is Read within other limits.
func ReadWithin(l Limits, name string, r io.Reader, size int64) ([]Table, error) {
	return nil, e911.Errorf(e911.Invalid, "%s is no table", name)
}
