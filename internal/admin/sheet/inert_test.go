package sheet_test

import (
	"testing"

	"github.com/callbox911/callbox/internal/admin/sheet"
)

// Proves: N-26
func TestNoCellOfAReportIsRun(t *testing.T) {
	for in, want := range map[string]string{
		"":                         "",
		"Mill 1":                   "Mill 1",
		"=HYPERLINK(\"http://x\")": "'=HYPERLINK(\"http://x\")",
		"+16175550111":             "'+16175550111",
		"-1+cmd|' /C calc'!A0":     "'-1+cmd|' /C calc'!A0",
		"@SUM(A1)":                 "'@SUM(A1)",
		"\t=1":                     "'\t=1",
		"\n=1":                     "'\n=1",
		"＝1":                       "'＝1",
		"-71.10565":                "-71.10565",
		"2026-03-09":               "2026-03-09",
		"02139":                    "02139",
	} {
		if got := sheet.Inert(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}
