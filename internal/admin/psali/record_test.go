package psali_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/callbox911/callbox/internal/admin/psali"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/gis"
	"github.com/callbox911/callbox/internal/rules/msag"
)

// layout is the table of NENA 02-010 version 2.1 as the reference prints it,
// typed from that text: name, first and last column, what the golden record has.
const layout = `
function         1   1   C
npa              2   4   617
number           5   11  5550111
house            12  21  795
house_suffix     22  25  1/2
prefix_dir       26  27  N
street           28  87  MASSACHUSETTS
street_suffix    88  91  AVE
post_dir         92  93  SW
community        94  125 CAMBRIDGE
state            126 127 MA
location         128 187 FLR 2 RM 210
customer         188 219 HARBOR FOODS
class            220 220 4
type             221 221 0
exchange         222 225 CMBR
esn              226 230 00511
main_npa         231 233 617
main             234 240 5550100
order            241 250 A17
extract          251 256 030926
county           257 260 0017
company          261 265 HRBR
source           266 266 C
zip              267 271 02139
zip4             272 275 1234
general          276 286 GENERAL
customer_code    287 289 H01
comments         290 319 BY CALLBOX
x                320 328 -71.10565
y                329 337 42.366840
z                338 342 00012
cell             343 348 CELL01
sector           349 349 2
tar              350 355 TAR001
reserved         356 376 
alt              377 386 6175550199
expanded         387 394 20260309
nena             395 475 
company2         476 480 PROVI
reserved2        481 511 
end              512 512 *
`

func golden() psali.Record {
	return psali.Record{
		Function: "C", Number: "6175550111", House: "795", HouseSuffix: "1/2", PreDir: "N", Street: "MASSACHUSETTS", Suffix: "AVE",
		PostDir: "SW", Community: "CAMBRIDGE", State: "MA", Location: "FLR 2 RM 210", Customer: "HARBOR FOODS", Class: "4", Type: "0",
		Exchange: "CMBR", ESN: "511", Main: "6175550100", Order: "A17", Extract: "030926", County: "17", Company: "HRBR", Source: "C",
		ZIP: "02139", ZIP4: "1234", General: "GENERAL", Code: "H01", Comments: "BY CALLBOX", X: "-71.10565", Y: "42.366840", Z: "00012",
		Cell: "CELL01", Sector: "2", TAR: "TAR001", Alt: "6175550199", Expanded: "20260309", Provider: "PROVI",
	}
}

// Every field stands in the columns that the standard's table has, and the
// table leaves no column out.
// Proves: F-39
func TestEachFieldStandsInItsColumns(t *testing.T) {
	line, err := golden().Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(line) != 512 {
		t.Fatalf("the record has %d characters", len(line))
	}
	next := 1
	for row := range strings.Lines(strings.TrimSpace(layout)) {
		row = strings.TrimSuffix(row, "\n")
		var name string
		var from, to int
		if _, err := fmt.Sscan(row, &name, &from, &to); err != nil {
			t.Fatal(err)
		}
		want := strings.TrimPrefix(row[min(25, len(row)):], " ")
		if from != next {
			t.Errorf("%s begins at %d, and the one before ended at %d", name, from, next-1)
		}
		next = to + 1
		got := string(line[from-1 : to])
		if got != want+strings.Repeat(" ", to-from+1-len(want)) {
			t.Errorf("%s: columns %d to %d hold %q, want %q", name, from, to, got, want)
		}
	}
	if next != 513 {
		t.Errorf("the table ends at %d", next-1)
	}
	back, err := psali.ParseRecord(line)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(golden(), back); d != "" {
		t.Error(d)
	}
}

// What does not fit is refused with number and field, never cut.
// Proves: F-39
func TestARecordThatDoesNotFitIsRefused(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*psali.Record)
		say    string
	}{
		{"street", func(r *psali.Record) { r.Street = strings.Repeat("A", 61) }, "street name"},
		{"location", func(r *psali.Record) { r.Location = strings.Repeat("A", 61) }, "location"},
		{"no street", func(r *psali.Record) { r.Street = "" }, "street name: it is missing"},
		{"a short number", func(r *psali.Record) { r.Number = "617555011" }, "calling number"},
		{"letters for an ESN", func(r *psali.Record) { r.ESN = "5A1" }, "ESN"},
		{"small letters", func(r *psali.Record) { r.Customer = "Harbor" }, "customer name"},
		{"a control sign", func(r *psali.Record) { r.Comments = "A\rB" }, "comments"},
		{"an accent", func(r *psali.Record) { r.Community = "MONTRÉAL" }, "community name"},
		{"a function that is none", func(r *psali.Record) { r.Function = "X" }, "function code"},
	} {
		r := golden()
		c.change(&r)
		before := []byte("kept")
		out, err := r.Append(before)
		if e911.KindOf(err) != e911.Invalid || string(out) != "kept" {
			t.Errorf("%s: %v, %q", c.name, err, out)
			continue
		}
		faults := e911.FaultsOf(err)
		if len(faults) != 1 || !strings.Contains(faults[0].Msg, c.say) || !strings.Contains(faults[0].Msg, r.Number) {
			t.Errorf("%s: %v", c.name, faults)
		}
	}
	if _, err := (psali.Record{Function: "D", Number: "6175550111", Company: "HRBR", Extract: "030926", Expanded: "20260309"}).Append(nil); err != nil {
		t.Errorf("a deletion needs no address: %v", err)
	}
}

// What is written reads back, whatever the fields hold.
// Proves: F-39
func TestRecordsReadBack(t *testing.T) {
	text := func(n int) *rapid.Generator[string] {
		return rapid.Custom(func(t *rapid.T) string {
			return strings.TrimSpace(rapid.StringMatching(fmt.Sprintf(`[A-Z0-9][A-Z0-9 ,.'/-]{0,%d}`, n-1)).Draw(t, "text"))
		})
	}
	rapid.Check(t, func(t *rapid.T) {
		r := golden()
		r.Function = rapid.SampledFrom([]string{"I", "C", "D"}).Draw(t, "function")
		r.House, r.Street, r.Location = text(10).Draw(t, "house"), text(60).Draw(t, "street"), text(60).Draw(t, "location")
		r.Community, r.Customer = text(32).Draw(t, "community"), text(32).Draw(t, "customer")
		r.ESN = rapid.StringMatching(`|[1-9][0-9]{0,4}`).Draw(t, "esn")
		line, err := r.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		back, err := psali.ParseRecord(line)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(r, back); d != "" {
			t.Fatal(d)
		}
	})
}

func line(t testing.TB, number string) string {
	t.Helper()
	r := golden()
	r.Number = number
	b, err := r.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func trailer(n int) string {
	return "UTL  030926" + strings.Repeat(" ", 50) + fmt.Sprintf("%09d", n) + strings.Repeat(" ", 441) + "*"
}

// A carrier's file: codes behind the record, both line ends, with and without
// header and trailer.
// Proves: F-39
func TestACarriersFileIsRead(t *testing.T) {
	a, b, c := line(t, "6175550111"), line(t, "6175550112"), line(t, "6175550113")
	for name, text := range map[string]string{
		"bare":                      a + "\n" + b + "301 705\n" + c + "000\n",
		"with CRLF and frame":       "UHL" + strings.Repeat(" ", 508) + "*\r\n" + a + "\r\n" + b + "301705\r\n" + c + "\r\n" + trailer(3) + "\r\n",
		"without the last line end": a + "\n\n" + b + " 301,705 *\n" + c,
	} {
		got, err := psali.ReadAnswers(strings.NewReader(text))
		if err != nil {
			t.Errorf("%s: %v %v", name, err, e911.FaultsOf(err))
			continue
		}
		var said []string
		for _, x := range got {
			said = append(said, x.Record.Number+" "+strings.Join(x.Codes, "+"))
		}
		if d := cmp.Diff([]string{"6175550111 ", "6175550112 301+705", "6175550113 "}, said); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

// repeat gives a text again and again, up to n octets: a file of any size.
type repeat struct {
	text string
	left int
}

func (r *repeat) Read(p []byte) (int, error) {
	if r.left <= 0 {
		return 0, io.EOF
	}
	n := copy(p, strings.Repeat(r.text, len(p)/len(r.text)+1))
	n = min(n, r.left)
	r.left -= n
	return n, nil
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("the line is down") }

// Files that are none are refused with the line and what to do, and cost no more
// memory than a line.
// Proves: F-39, N-19
func TestFilesThatAreNoneAreRefused(t *testing.T) {
	a := line(t, "6175550111")
	ebcdic := bytes.Repeat([]byte{0x40, 0x40, 0xC8, 0xE4, 0xD3}, 100)
	for _, c := range []struct {
		name string
		in   io.Reader
		say  string
		row  int
	}{
		{"empty", strings.NewReader(""), "no records", 0},
		{"a record too short", strings.NewReader(a[:511] + "\n"), "511", 1},
		{"a record that does not end", strings.NewReader(a[:511] + "+\n"), "ends with *", 1},
		{"words behind a record", strings.NewReader(a + "OK\n"), "three digits", 1},
		{"half a code behind a record", strings.NewReader(a + "3017\n"), "three digits", 1},
		{"a number twice", strings.NewReader(a + "\n" + a + "301\n"), "stands in line 1 already", 2},
		{"letters for a number", strings.NewReader(a[:1] + "61755501XX" + a[11:] + "\n"), "ten digits", 1},
		{"a file that was cut off", strings.NewReader(a + "\n" + trailer(2) + "\n"), "the trailer counts 2", 2},
		{"a second file behind", strings.NewReader(a + "\n" + trailer(1) + "\n" + line(t, "6175550112") + "\n"), "behind the trailer", 3},
		{"EBCDIC", bytes.NewReader(ebcdic), "EBCDIC", 1},
		{"UTF-8", strings.NewReader(strings.Replace(a, "MASS", "MÄS", 1) + "\n"), "no sign of ASCII", 1},
		{"a NUL", strings.NewReader(a[:200] + "\x00" + a[201:] + "\n"), "no sign of ASCII", 1},
		{"one line of a gigabyte", &repeat{"A", 1 << 30}, "more than 4096", 1},
		{"records without line ends", &repeat{a, 512 * 1000}, "more than 4096", 1},
	} {
		got, err := psali.ReadAnswers(c.in)
		faults := e911.FaultsOf(err)
		if e911.KindOf(err) != e911.Invalid || got != nil || len(faults) == 0 {
			t.Errorf("%s: %d answers, %v", c.name, len(got), err)
			continue
		}
		if f := faults[0]; !strings.Contains(f.Msg, c.say) || f.Fix == "" || f.Row != c.row {
			t.Errorf("%s: line %d, %q, want line %d, %q", c.name, f.Row, f.Msg, c.row, c.say)
		}
	}
	if _, err := psali.ReadAnswers(broken{}); err == nil || !strings.Contains(err.Error(), "the line is down") {
		t.Errorf("a file that cannot be read: %v", err)
	}
	_, err := psali.ReadAnswers(&repeat{"x\n", 1 << 20})
	if n := len(e911.FaultsOf(err)); n != 100 {
		t.Errorf("a file of half a million faults has %d", n)
	}
}

// Proves: F-39
func FuzzReadAnswers(f *testing.F) {
	a := line(f, "6175550111")
	f.Add([]byte(a + "\r\n"))
	f.Add([]byte(a + "301 705\n" + trailer(1)))
	f.Add([]byte("UHL\nUTL\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := psali.ReadAnswers(bytes.NewReader(b))
		if (err == nil) != (len(got) > 0) {
			t.Fatalf("%d answers and %v", len(got), err)
		}
		for _, x := range got {
			if len(x.Record.Number) != 10 || x.Line < 1 {
				t.Fatalf("%+v", x)
			}
		}
	})
}

// msagLine is a range of the 200-character form, typed from the same text.
func msagLine(street, suffix, low, high, community, parity, esn, function string) string {
	b := []byte(strings.Repeat(" ", 199) + "*")
	put := func(at int, s string) { copy(b[at-1:], s) }
	put(3, street)
	put(63, suffix)
	put(69, low)
	put(79, high)
	put(89, community)
	put(121, "MA")
	put(123, parity)
	put(124, esn)
	put(173, function)
	return string(b)
}

// Locations against an MSAG: in range, parity, community, ESN.
// Proves: F-39
func TestAnMSAGIsComparedWith(t *testing.T) {
	text := strings.Join([]string{
		msagLine("MASSACHUSETTS", "AVE", "0000000701", "0000000899", "CAMBRIDGE", "O", "00511", "I"),
		msagLine("MASSACHUSETTS", "AVE", "0000000900", "0000000999", "BOSTON", "B", "00617", "I"),
		msagLine("MASSACHUSETTS", "AVE", "1", "9999", "SOMERVILLE", "B", "00001", "D"),
		msagLine("SPLIT", "ST", "1", "99", "CAMBRIDGE", "B", "00001", "I"),
		msagLine("SPLIT", "ST", "50", "99", "CAMBRIDGE", "B", "00002", "I"),
	}, "\r\n")
	g, err := psali.ReadGuide(strings.NewReader(text))
	if err != nil {
		t.Fatal(err, e911.FaultsOf(err))
	}
	for _, c := range []struct {
		house, street, suffix, esn string
		want                       gis.MSAG
		why                        string
	}{
		{"795", "MASSACHUSETTS", "AVE", "", gis.MSAG{Community: "CAMBRIDGE", ESN: "511"}, ""},
		{"701", "MASSACHUSETTS", "AVE", "511", gis.MSAG{Community: "CAMBRIDGE", ESN: "511"}, ""},
		{"899", "MASSACHUSETTS", "AVE", "512", gis.MSAG{Community: "CAMBRIDGE", ESN: "511"}, "our layer says 512"},
		{"796", "MASSACHUSETTS", "AVE", "", gis.MSAG{}, "wrong side"},
		{"699", "MASSACHUSETTS", "AVE", "", gis.MSAG{}, "none of the MSAG's ranges"},
		{"950", "MASSACHUSETTS", "AVE", "", gis.MSAG{}, "community BOSTON"},
		{"12A", "MASSACHUSETTS", "AVE", "", gis.MSAG{}, "by hand"},
		{"795", "MASSACHUSETTS", "ST", "", gis.MSAG{}, "no street MASSACHUSETTS ST"},
		{"60", "SPLIT", "ST", "", gis.MSAG{}, "two ESNs"},
	} {
		got, why := g.Check(msag.Form{House: c.house, Street: c.street, Suffix: c.suffix, Community: "CAMBRIDGE", State: "MA", ESN: c.esn})
		if got != c.want || !strings.Contains(why, c.why) || (why == "") != (c.why == "") {
			t.Errorf("%s %s %s: %+v %q", c.house, c.street, c.suffix, got, why)
		}
	}
	for name, bad := range map[string]string{
		"empty": "", "short": strings.Repeat("A", 199), "parity": msagLine("A", "ST", "1", "2", "B", "X", "1", "I"),
		"reversed": msagLine("A", "ST", "9", "2", "B", "B", "1", "I"), "no community": msagLine("A", "ST", "1", "2", "", "B", "1", "I"),
	} {
		if _, err := psali.ReadGuide(strings.NewReader(bad)); e911.KindOf(err) != e911.Invalid || len(e911.FaultsOf(err)) != 1 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Proves: F-39
func FuzzReadGuide(f *testing.F) {
	f.Add([]byte(msagLine("A", "ST", "1", "99", "B", "B", "1", "I")))
	f.Fuzz(func(t *testing.T, b []byte) {
		g, err := psali.ReadGuide(bytes.NewReader(b))
		if (err == nil) != (g != nil && g.Ranges() > 0) {
			t.Fatal(err)
		}
		if g != nil {
			g.Check(msag.Form{House: "5", Street: "A", Suffix: "ST", State: "MA", Community: "B"})
		}
	})
}
