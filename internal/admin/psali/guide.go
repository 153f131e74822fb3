package psali

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/gis"
	"github.com/callbox911/callbox/internal/rules/msag"
)

// rangeSize is the length of a record of an MSAG (NENA 02-010 version 2.1).
const rangeSize = 200

// Range is one range of house numbers of a Master Street Address Guide.
type Range struct {
	PreDir, Street, Suffix, PostDir string
	Low, High                       string
	Community, State                string
	Parity                          byte // 'O', 'E' or 'B'
	ESN                             string
	County, Exchange, PSAP, TAR     string
}

// Guide is an MSAG that the authority gave. It answers whether an address is in
// it. It is not changed after ReadGuide.
type Guide struct {
	ranges  int
	streets map[string][]Range // by directional, name, suffix and state
}

// Ranges says how many there are.
func (g *Guide) Ranges() int { return g.ranges }

// ReadGuide reads an MSAG of 200 characters a record. Records with the function
// code D or B (what is no longer so) are left out. The Invalid Error has a fault
// for each line that is not of the form, up to a hundred.
func ReadGuide(r io.Reader) (*Guide, error) {
	lines := reader{r: bufio.NewReaderSize(r, maxLine)}
	g := &Guide{streets: map[string][]Range{}}
	for len(lines.faults) < maxFaults && g.ranges <= maxRecords {
		line, err := lines.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if len(line) == 0 || strings.HasPrefix(string(line), "UHL") || strings.HasPrefix(string(line), "UTL") {
			continue
		}
		x, gone, why := parseRange(line)
		if why != "" {
			lines.fault(why, "ask the authority for its MSAG in the form of NENA 02-010 version 2.1")
		}
		if why == "" && !gone {
			key := streetKey(x.PreDir, x.Street, x.Suffix, x.PostDir, x.State)
			g.streets[key] = append(g.streets[key], x)
			g.ranges++
		}
	}
	if g.ranges == 0 && len(lines.faults) == 0 {
		lines.fault("the file has no ranges", "name the file that the authority gave")
	}
	if g.ranges > maxRecords {
		lines.fault(fmt.Sprintf("the file has more than %d ranges", maxRecords), "take the counties that you need")
	}
	if len(lines.faults) > 0 {
		return nil, &e911.Error{Kind: e911.Invalid, Msg: "the MSAG is refused", Faults: lines.faults}
	}
	return g, nil
}

// parseRange reads one record. gone means that it says what is no longer so.
func parseRange(line []byte) (x Range, gone bool, why string) {
	if len(line) != rangeSize {
		return x, false, fmt.Sprintf("a range has %d characters, and this has %d", rangeSize, len(line))
	}
	at := func(from, to int) string {
		return strings.ToUpper(strings.Join(strings.Fields(string(line[from-1:to])), " "))
	}
	x = Range{
		PreDir: at(1, 2), Street: at(3, 62), Suffix: at(63, 66), PostDir: at(67, 68), Low: unfilled(at(69, 78)), High: unfilled(at(79, 88)),
		Community: at(89, 120), State: at(121, 122), ESN: unfilled(at(124, 128)), PSAP: at(135, 138), County: unfilled(at(139, 142)),
		Exchange: at(143, 146), TAR: at(167, 172),
	}
	parity := at(123, 123)
	switch {
	case parity != "O" && parity != "E" && parity != "B":
		return x, false, fmt.Sprintf("column 123 is O, E or B, and this is %q", parity)
	case x.Street == "" || x.Community == "":
		return x, false, "the range has no street or no community"
	}
	x.Parity = parity[0]
	low, ok1 := houseNumber(x.Low)
	high, ok2 := houseNumber(x.High)
	if x.Low != "" && x.High != "" && (!ok1 || !ok2 || low > high) {
		return x, false, fmt.Sprintf("%q to %q is no range of house numbers", x.Low, x.High)
	}
	function := at(173, 173)
	return x, function == "D" || function == "B", ""
}

// houseNumber reads digits; letters around a house number are not compared.
func houseNumber(s string) (int, bool) {
	n, err := strconv.Atoi(s)
	return n, err == nil && n >= 0
}

func streetKey(parts ...string) string { return strings.Join(parts, "|") }

// Check looks a form up. When it is in the guide, what the guide says of the
// place is returned: its community and its ESN. Otherwise why says what is not.
func (g *Guide) Check(f msag.Form) (found gis.MSAG, why string) {
	list := g.streets[streetKey(f.PreDir, f.Street, f.Suffix, f.PostDir, f.State)]
	if len(list) == 0 {
		return found, fmt.Sprintf("the MSAG has no street %s in %s", strings.TrimSpace(strings.Join([]string{f.PreDir, f.Street, f.Suffix, f.PostDir}, " ")), f.State)
	}
	house, ok := houseNumber(f.House)
	if !ok {
		return found, fmt.Sprintf("the house number %q is no plain number: compare it by hand", f.House)
	}
	var here, elsewhere []Range
	side := false
	for _, x := range list {
		low, _ := houseNumber(x.Low)
		high, _ := houseNumber(x.High)
		if house < low || house > high {
			continue
		}
		if x.Parity == 'O' && house%2 == 0 || x.Parity == 'E' && house%2 == 1 {
			side = true
			continue
		}
		if x.Community == f.Community {
			here = append(here, x)
		} else {
			elsewhere = append(elsewhere, x)
		}
	}
	return verdict(f, here, elsewhere, side)
}

func verdict(f msag.Form, here, elsewhere []Range, side bool) (found gis.MSAG, why string) {
	switch {
	case len(here) > 0:
		found = gis.MSAG{Community: here[0].Community, ESN: here[0].ESN}
		for _, x := range here {
			if x.ESN != found.ESN {
				return gis.MSAG{}, fmt.Sprintf("the MSAG has two ESNs for it: %s and %s", found.ESN, x.ESN)
			}
		}
		if f.ESN != "" && f.ESN != found.ESN {
			return found, fmt.Sprintf("its ESN in the MSAG is %s, and our layer says %s", found.ESN, f.ESN)
		}
		return found, ""
	case len(elsewhere) > 0:
		return found, fmt.Sprintf("the MSAG has it in the community %s, not in %s", elsewhere[0].Community, f.Community)
	case side:
		return found, fmt.Sprintf("%s is on the wrong side: the MSAG's ranges have only odd or only even numbers there", f.House)
	}
	return found, fmt.Sprintf("%s is in none of the MSAG's ranges of this street", f.House)
}
