package gisread

import (
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
)

// maxNumber is the largest house number (NENA-STA-006.3, domain AddressNumber).
const maxNumber = 999999

// whole reads a whole number; programs write "123.0" and "123.00000000".
func whole(s string) (int, bool) {
	if head, tail, dot := strings.Cut(s, "."); dot && strings.Trim(tail, "0") == "" {
		s = head
	}
	if len(s) > 12 {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	return n, err == nil
}

// timeForms are how programs write moments. Without a zone they are of UTC.
var timeForms = []string{
	time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999-07", "2006-01-02 15:04:05.999999999",
	"2006-01-02", "2006/01/02 15:04:05.999999999-07", "2006/01/02 15:04:05.999999999", "2006/01/02", "20060102", "1/2/2006 15:04:05", "1/2/2006 3:04:05 PM", "1/2/2006",
	"2006-01-02T15:04:05.999999999-0700", "2006-01-02T15:04Z07:00", "2006-01-02 15:04",
}

// parseTime reads a moment; a bare number of twelve digits or more counts
// milliseconds since 1970, as ArcGIS writes GeoJSON.
func parseTime(s string) (time.Time, bool) {
	if len(s) > 40 {
		return time.Time{}, false
	}
	for _, form := range timeForms {
		if at, err := time.Parse(form, s); err == nil {
			return at.UTC(), at.Year() >= 1 && at.Year() <= 9999
		}
	}
	if ms, err := strconv.ParseInt(s, 10, 64); err == nil && len(s) >= 12 && len(s) <= 14 {
		return time.UnixMilli(ms).UTC(), true
	}
	return time.Time{}, false
}

func fnv64(parts ...string) string {
	h := fnv.New64a()
	for _, p := range parts {
		_, _ = h.Write([]byte(p))
		_, _ = h.Write([]byte{0})
	}
	return fmt.Sprintf("%016x", h.Sum64())
}

// spelling brings areas and streets into canonical form. The same ones come row
// after row, so the last thousands are remembered.
type spelling struct{ areaForms, streetForms map[e911.Civic]e911.Civic }

const spellingMost = 8192

func newSpelling() spelling {
	return spelling{areaForms: map[e911.Civic]e911.Civic{}, streetForms: map[e911.Civic]e911.Civic{}}
}

func remember(m map[e911.Civic]e911.Civic, key e911.Civic, make func() e911.Civic) e911.Civic {
	if c, ok := m[key]; ok {
		return c
	}
	c := make()
	if len(m) >= spellingMost {
		clear(m)
	}
	m[key] = c
	return c
}

// areas normalises country to A5, PC and PCN. calm writes names that stand in
// capitals with small letters.
func (s spelling) areas(c e911.Civic, calm bool) e911.Civic {
	return remember(s.areaForms, c, func() e911.Civic {
		out, _ := civic.Normalize(c)
		if calm {
			out.A2, out.A3 = calmed(out.A2), calmed(out.A3)
		}
		return out
	})
}

// street normalises the fields of a street, with country and state for the
// language. The number keeps "3 Rivers Drive" from being taken apart.
func (s spelling) street(c e911.Civic, calm bool) e911.Civic {
	out := remember(s.streetForms, c, func() e911.Civic {
		c.HNO = "1"
		out, _ := civic.Normalize(c)
		if calm {
			out.RD = calmed(out.RD)
		}
		return out
	})
	return streetOf(out)
}

func streetOf(c e911.Civic) e911.Civic {
	return e911.Civic{PRM: c.PRM, PRD: c.PRD, STP: c.STP, STPS: c.STPS, RD: c.RD, STS: c.STS, POD: c.POD, POM: c.POM}
}

// calmed writes text in capitals ("SANTA CLARA", "5TH") as people write names.
// Words of one or two letters stay: they may be codes.
func calmed(s string) string {
	if strings.IndexFunc(s, unicode.IsLower) >= 0 {
		return s
	}
	words := strings.Fields(s)
	for i, w := range words {
		r := []rune(w)
		if len(r) < 3 && !unicode.IsDigit(r[0]) {
			continue
		}
		start := true
		for k, c := range r {
			if !start {
				r[k] = unicode.ToLower(c)
			}
			start = !unicode.IsLetter(c) && !unicode.IsDigit(c) && c != '\''
		}
		words[i] = string(r)
	}
	return strings.Join(words, " ")
}
