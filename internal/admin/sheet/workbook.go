package sheet

import (
	"fmt"
	"io"
	"strings"

	"github.com/xuri/excelize/v2"
)

// listedRows is how far the lists to choose from reach in a template.
const listedRows = 20_001

// writeWorkbook writes one sheet of the table and one of help. Every cell and every
// column is text, so that a spreadsheet keeps what is typed.
func writeWorkbook(w io.Writer, kind Kind, t Table) (err error) {
	f := excelize.NewFile()
	defer func() {
		if closeErr := f.Close(); err == nil && closeErr != nil {
			err = fmt.Errorf("write the workbook: %w", closeErr)
		}
	}()
	b := &book{f: f, kind: kind, name: string(kind)}
	for _, step := range []func() error{
		func() error { return f.SetSheetName("Sheet1", b.name) },
		b.styles,
		func() error { return b.table(t) },
		b.help,
		func() error { return f.Write(w) },
	} {
		if err := step(); err != nil {
			return fmt.Errorf("write the workbook: %w", err)
		}
	}
	return nil
}

type book struct {
	f          *excelize.File
	kind       Kind
	name       string
	text, head int // styles
}

func (b *book) styles() (err error) {
	const asText = 49 // "@", ECMA-376, part 1, 18.8.30
	if b.text, err = b.f.NewStyle(&excelize.Style{NumFmt: asText}); err != nil {
		return err
	}
	b.head, err = b.f.NewStyle(&excelize.Style{NumFmt: asText, Font: &excelize.Font{Bold: true}})
	return err
}

func (b *book) table(t Table) error {
	columns := columnsOf(b.kind)
	sw, err := b.f.NewStreamWriter(b.name)
	if err != nil {
		return err
	}
	for i, h := range t.Header {
		if err := b.explain(columns, h, i+1); err != nil {
			return err
		}
	}
	if err := sw.SetColStyle(1, max(len(t.Header), 1), b.text); err != nil {
		return err
	}
	if err := sw.SetColWidth(1, max(len(t.Header), 1), 18); err != nil {
		return err
	}
	if err := sw.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
		return err
	}
	if err := sw.SetRow("A1", b.cells(t.Header, b.head)); err != nil {
		return err
	}
	for i, row := range t.Rows {
		if err := sw.SetRow(cellName(1, i+2), b.cells(row, b.text)); err != nil {
			return err
		}
	}
	return sw.Flush()
}

func (b *book) cells(row []string, style int) []any {
	out := make([]any, len(row))
	for i, s := range row {
		out[i] = excelize.Cell{StyleID: style, Value: encodeText(s)}
	}
	return out
}

// explain puts the help of a column on its heading, and its words into a list.
func (b *book) explain(columns []Column, heading string, at int) error {
	for _, c := range columns {
		if c.Name != heading && (c.Name != alertColumn || !strings.HasPrefix(heading, alertColumn)) {
			continue
		}
		d := describe(c)
		text := d[4]
		if d[1] != "" {
			text += " (" + d[1] + ")"
		}
		if err := b.f.AddComment(b.name, excelize.Comment{Cell: cellName(at, 1), Author: "Callbox", Text: text}); err != nil {
			return err
		}
		words := c.Values
		if c.Form == Truth {
			words = []string{"TRUE", "FALSE"}
		}
		if len(words) == 0 {
			return nil
		}
		v := excelize.NewDataValidation(true)
		v.Sqref = cellName(at, 2) + ":" + cellName(at, listedRows)
		if err := v.SetDropList(words); err != nil {
			return err
		}
		return b.f.AddDataValidation(b.name, v)
	}
	return nil
}

func (b *book) help() error {
	if _, err := b.f.NewSheet("Help"); err != nil {
		return err
	}
	sw, err := b.f.NewStreamWriter("Help")
	if err != nil {
		return err
	}
	if err := sw.SetColWidth(1, 5, 28); err != nil {
		return err
	}
	if err := sw.SetRow("A1", b.cells(helpHeader(), b.head)); err != nil {
		return err
	}
	for i, c := range columnsOf(b.kind) {
		if err := sw.SetRow(cellName(1, i+2), b.cells(describe(c), b.text)); err != nil {
			return err
		}
	}
	return sw.Flush()
}
