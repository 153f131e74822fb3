package foreign_test

import (
	"archive/zip"
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/callbox911/callbox/internal/admin/foreign"
	"github.com/callbox911/callbox/internal/admin/foreign/intake"
	"github.com/callbox911/callbox/internal/e911"
)

func zipped(t testing.TB, name string, data []byte) intake.File {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return intake.File{Name: "all.zip", Data: b.Bytes()}
}

// Proves: issue 8 (bad input): what is no export, or an attack, is a fault that
// names the file, and costs nothing.
func TestHostileFilesAreFaults(t *testing.T) {
	for name, f := range map[string]intake.File{
		"nothing":                       {Name: "x.csv"},
		"a program":                     {Name: "x.csv", Data: append([]byte("MZ\x00\x00\x01"), make([]byte, 100)...)},
		"half a UTF-16 character":       {Name: "x.csv", Data: []byte("\xff\xfea\x00b")},
		"a quote that is never closed":  {Name: "x.csv", Data: []byte("BSSID,LocationId\n\"00-11,\n" + strings.Repeat("x,y\n", 100))},
		"a header of a thousand fields": {Name: "x.csv", Data: []byte(strings.Repeat("a,", 1000) + "\nb\n")},
		"a cell of a megabyte":          {Name: "x.csv", Data: []byte("BSSID,LocationId\n" + strings.Repeat("x", 1<<20) + ",y\n")},
		"a ZIP of a folder":             zipped(t, "../../etc/x.csv", []byte("BSSID,LocationId\n00-11-22-33-44-55,x\n")),
	} {
		res, err := foreign.Read("teams", []intake.File{f}, intake.Options{})
		if err != nil || len(res.Faults) == 0 || len(res.Tables) > 0 {
			t.Errorf("%s: %v, faults %v, tables %d", name, err, res.Faults, len(res.Tables))
		}
	}
	bomb := zipped(t, "x.csv", make([]byte, 300<<20))
	if _, err := foreign.Read("teams", []intake.File{bomb}, intake.Options{}); e911.KindOf(err) != e911.Invalid {
		t.Errorf("a ZIP bomb gives %v, want Invalid", err)
	}
	broken := intake.File{Name: "x.zip", Data: []byte("PK\x03\x04 and nothing more")}
	if _, err := foreign.Read("teams", []intake.File{broken}, intake.Options{}); e911.KindOf(err) != e911.Invalid {
		t.Errorf("a broken ZIP gives %v, want Invalid", err)
	}
	for _, opt := range []intake.Options{{Country: "DE"}, {SubnetBits: 200}, {Mobility: "portable"}} {
		if _, err := foreign.Read("teams", files(t, "teams"), opt); e911.KindOf(err) != e911.Invalid {
			t.Errorf("%+v gives %v, want Invalid", opt, err)
		}
	}
	if _, err := foreign.Read("lotus", files(t, "teams"), intake.Options{}); e911.KindOf(err) != e911.Invalid {
		t.Errorf("a product that nobody knows gives %v, want Invalid", err)
	}
}

// Proves: issue 8 (a ZIP of the files).
func TestAZIPOfTheFilesIsReadLikeTheFiles(t *testing.T) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, f := range files(t, "redsky") {
		w, err := z.Create("export/" + f.Name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(f.Data); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	one, err := foreign.Read("redsky", files(t, "redsky"), intake.Options{Site: "hq"})
	if err != nil {
		t.Fatal(err)
	}
	packed, err := foreign.Read("redsky", []intake.File{{Name: "all.zip", Data: b.Bytes()}}, intake.Options{Site: "hq"})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.ReplaceAll(written(packed), "all.zip/", ""), written(one); got != want {
		t.Errorf("the ZIP is read otherwise than the files:\n%s", got)
	}
}

// promises checks what holds for any input: no row without a line of its file, no
// text that is none, and the same again.
func promises(t *testing.T, origin string, data []byte) {
	in := []intake.File{{Name: "x.csv", Data: data}}
	for _, as := range formats(origin) {
		res, err := foreign.Read(origin, in, intake.Options{Site: "hq", As: map[string]string{"": as}, SubnetBits: 24, Mobility: e911.MobilityFixed, Rows: 1000})
		if err != nil {
			if e911.KindOf(err) != e911.Invalid {
				t.Fatalf("%s: %v", as, err)
			}
			continue
		}
		for i := range res.Tables {
			p := &res.Tables[i]
			for j, row := range p.Table.Rows {
				if p.Table.Line(j) < 2 || len(row) != len(p.Table.Header) || len(p.Cols[j]) != len(row) {
					t.Fatalf("%s: row %d has line %d, %d cells, %d columns", as, j, p.Table.Line(j), len(row), len(p.Cols[j]))
				}
				for _, v := range row {
					if !utf8.ValidString(v) {
						t.Fatalf("%s: %q is no text", as, v)
					}
				}
			}
		}
	}
}

func formats(origin string) []string {
	out := []string{""}
	o, _ := foreign.OriginOf(origin)
	for _, f := range o.Formats {
		out = append(out, f.Name)
	}
	return out
}

func fuzz(f *testing.F, origin string) {
	for _, s := range files(f, origin) {
		f.Add(s.Data)
	}
	f.Fuzz(func(t *testing.T, data []byte) { promises(t, origin, data) })
}

func FuzzTeams(f *testing.F)   { fuzz(f, "teams") }
func FuzzRedSky(f *testing.F)  { fuzz(f, "redsky") }
func FuzzWebex(f *testing.F)   { fuzz(f, "webex") }
func FuzzGenesys(f *testing.F) { fuzz(f, "genesys") }
func FuzzCER(f *testing.F)     { fuzz(f, "cer") }
func FuzzZoom(f *testing.F)    { fuzz(f, "zoom") }
