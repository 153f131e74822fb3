package postal

import (
	"bytes"
	"compress/gzip"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
)

func packed(t testing.TB, text string) fstest.MapFS {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return fstest.MapFS{"dist/postal.txt.gz": {Data: b.Bytes()}}
}

// Proves: W-09
func TestWithoutTheTableItSaysWhatToDo(t *testing.T) {
	_, err := read(fstest.MapFS{"dist/README.md": {Data: []byte("x")}})
	if e911.KindOf(err) != e911.Unavailable || !strings.Contains(err.Error(), "run make") {
		t.Errorf("error %v, want Unavailable that says run make", err)
	}
	for name, files := range map[string]fstest.MapFS{
		"not gzip":      {"dist/postal.txt.gz": {Data: []byte("<html>")}},
		"no codes":      packed(t, "MA\tCambridge\n"),
		"no code":       packed(t, "MA\tCambridge\tx2138\n"),
		"reversed run":  packed(t, "MA\tCambridge\t02142-02138\n"),
		"endless run":   packed(t, "MA\tCambridge\t00001-99999\n"),
		"no state":      packed(t, "Cambridge\t02138\t02139\n"),
		"six digits":    packed(t, "MA\tCambridge\t021380\n"),
		"a line of 2 M": packed(t, strings.Repeat("x", 2<<20)),
	} {
		if _, err := read(files); err == nil || e911.KindOf(err) == e911.Unavailable {
			t.Errorf("%s: error %v, want one about a table that cannot be read", name, err)
		}
	}
}

// Proves: W-09
func TestCodesAndPlacesFindEachOther(t *testing.T) {
	tab, err := read(packed(t, "IL\tSpringfield\t62701-62703\nMA\tCambridge\t02138-02139 02142\nMA\tSpringfield\t01103\nON\tOttawa\tK1A K1B\nMO\tSt Louis\t63101\nMO\tSaint Louis\t63102\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		code string
		want []civic.PostalPlace
	}{
		{"02139", []civic.PostalPlace{{A1: "MA", Name: "Cambridge"}}},
		{"K1B", []civic.PostalPlace{{A1: "ON", Name: "Ottawa"}}},
		{"02140", nil},
		{"", nil},
		{"0213x", nil},
		{"-2138", nil},
	} {
		if got := tab.Places(c.code); !slices.Equal(got, c.want) {
			t.Errorf("Places(%q) = %v, want %v", c.code, got, c.want)
		}
	}
	for _, c := range []struct {
		a1, name string
		want     []string
	}{
		{"MA", "Springfield", []string{"01103"}},
		{"", "SPRINGFIELD", []string{"01103", "62701", "62702", "62703"}},
		{"ON", "City of Ottawa", []string{"K1A", "K1B"}},
		{"MO", "Saint Louis", []string{"63101", "63102"}},
		{"TX", "Springfield", []string{}},
	} {
		got := tab.Codes(c.a1, civic.PlaceKey(c.name))
		if !slices.Equal(got, c.want) || tab.Count(c.a1, civic.PlaceKey(c.name)) != len(c.want) {
			t.Errorf("Codes(%q, %q) = %v, want %v", c.a1, c.name, got, c.want)
		}
	}
}

// Proves: W-09
func TestBuiltInTable(t *testing.T) {
	if _, err := dist.ReadFile("dist/postal.txt.gz"); err != nil {
		if _, err := BuiltIn(); e911.KindOf(err) != e911.Unavailable {
			t.Errorf("error %v, want Unavailable", err)
		}
		t.Skip("the table is not built in: make puts it there")
	}
	tab, err := BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	if n := tab.Len(); n < 43000 {
		t.Errorf("%d codes, want 41,000 of the United States and 1,600 of Canada at the least", n)
	}
	for code, want := range map[string]civic.PostalPlace{
		"02139": {A1: "MA", Name: "Cambridge"}, "60601": {A1: "IL", Name: "Chicago"}, "00907": {A1: "PR", Name: "San Juan"}, "K1P": {A1: "ON", Name: "Ottawa"},
	} {
		if got := tab.Places(code); !slices.Contains(got, want) {
			t.Errorf("Places(%q) = %v, want %v among them", code, got, want)
		}
	}
	if n := tab.Count("IL", "chicago"); n < 50 {
		t.Errorf("Chicago has %d codes, want more than 50", n)
	}
}

func BenchmarkRead(b *testing.B) {
	if _, err := dist.ReadFile("dist/postal.txt.gz"); err != nil {
		b.Skip("the table is not built in: make puts it there")
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := read(dist); err != nil {
			b.Fatal(err)
		}
	}
}
