package station

import (
	"encoding/csv"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin/sheet"
)

// Columns are the headings of WriteCSV: what the JSON of a Row says, one line a
// station.
func Columns() []string {
	return []string{
		"site", "kind", "key", "user", "model", "class", "line", "applies", "installed", "located", "location", "country", "state",
		"not_feasible", "not_feasible_by", "not_feasible_at", "consent_text", "consent_by", "consent_at", "confirmed", "missing",
	}
}

// WriteCSV writes every station of the report (N-26).
func WriteCSV(w io.Writer, r Report) error {
	out := csv.NewWriter(w)
	_ = out.Write(Columns()) // its error comes back from Error
	for i := range r.Stations {
		_ = out.Write(Cells(&r.Stations[i]))
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return fmt.Errorf("write the stations: %w", err)
	}
	return nil
}

// Cells are the values of a station, in the order of Columns. What a spreadsheet
// would run or spoil begins with an apostrophe.
func Cells(row *Row) []string {
	codes := make([]string, len(row.Gaps))
	for i, g := range row.Gaps {
		codes[i] = g.Code
	}
	cells := []string{
		row.Site, string(row.Kind), row.Key, row.User, row.Model, string(row.Class), row.Line, row.Rule, row.Since, row.How, row.Place, row.In, row.State,
		"", "", "", "", "", "", "", strings.Join(codes, " "),
	}
	if n := row.Why; n != nil {
		cells[13], cells[14], cells[15] = n.Reason, n.By, date(n.At)
	}
	if c := row.Told; c != nil {
		cells[16], cells[17], cells[18], cells[19] = c.Text, c.By, date(c.At), date(c.Confirmed)
	}
	for i, s := range cells {
		cells[i] = sheet.Inert(s)
	}
	return cells
}

func date(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.DateOnly)
}
