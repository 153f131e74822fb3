package gisread

import (
	"strings"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/gis"
)

// sideColumns are the columns of one side of a road.
type sideColumns struct {
	areas                                      areaColumns
	prefix, from, to, parity, valid, msag, esn column
}

var (
	leftSide  = sideColumns{leftAreas, colPrefixL, colFromL, colToL, colParityL, colValidL, colMSAGL, colESNL}
	rightSide = sideColumns{rightAreas, colPrefixR, colFromR, colToR, colParityR, colValidR, colMSAGR, colESNR}
)

// street turns a row of RoadCenterLine or ADDRFEAT into a segment of a street.
// A side whose range makes no sense is left out, and the street stays.
func (t *table) street(s shape) *problem {
	line, apart, bad := s.line()
	if bad != nil {
		return bad
	}
	if bad := t.texts(); bad != nil {
		return bad
	}
	if t.rec.vals[t.streetColumn()] == "" {
		return &problem{code: CodeStreet, column: t.nameOf(t.streetColumn()), reason: "The row names no street."}
	}
	left, leftBad := t.areas(leftAreas)
	right, rightBad := t.areas(rightAreas)
	areas := left
	switch {
	case leftBad != nil && rightBad != nil:
		return leftBad
	case leftBad != nil:
		areas, left = right, e911.Civic{}
	case rightBad != nil:
		right = e911.Civic{}
	}
	out := gis.Street{NGUID: t.rec.nguid, Name: t.streetFields(areas), Line: line}
	if out.Name.RD == "" {
		return &problem{code: CodeStreet, column: t.nameOf(t.streetColumn()), reason: "The row names no street."}
	}
	out.Span, out.Updated = t.span()
	out.Left = t.side(leftSide, left, leftBad)
	out.Right = t.side(rightSide, right, rightBad)
	if apart {
		t.warn(problem{code: CodeMultipart, reason: "The line has parts that do not touch; they are joined by straight pieces.", fix: "Give each part a row with its own range."})
	}
	l, r := out.Left, out.Right
	if l.Parity != gis.ParityNone && r.Parity != gis.ParityNone && (l.To-l.From)*(r.To-r.From) < 0 {
		t.warn(problem{code: CodeRangeReversed, column: t.nameOf(colFromR), reason: "The numbers of one side rise and those of the other fall; the range of one side is reversed."})
	}
	if t.r.coverage.outside(line[len(line)/2]) {
		t.warn(problem{code: CodeOutside, reason: "The middle of the street lies outside of all PSAP boundaries of the layer."})
	}
	if bad := sinkProblem(t.r.sink.Street(out)); bad != nil {
		return bad
	}
	t.r.ranges.add(t, &out)
	return nil
}

// side reads the range of one side.
func (t *table) side(k sideColumns, areas e911.Civic, areasBad *problem) gis.Side {
	v := &t.rec.vals
	s := gis.Side{Parity: gis.ParityNone, Civic: areas, MSAG: gis.MSAG{Community: v[k.msag], ESN: v[k.esn]}}
	from, to := v[k.from], v[k.to]
	if from == "" && to == "" {
		return s
	}
	skip := func(code Code, column column, reason string) gis.Side {
		t.warn(problem{code: code, column: t.nameOf(column), reason: reason + " This side of the street is left out."})
		return s
	}
	if areasBad != nil {
		return skip(areasBad.code, k.areas.a1, areasBad.reason)
	}
	switch {
	case from == "":
		return skip(CodeRangeOneEnd, k.from, "The range has no beginning.")
	case to == "":
		return skip(CodeRangeOneEnd, k.to, "The range has no end.")
	}
	fromPrefix, a, ok := rangeEnd(from)
	toPrefix, b, ok2 := rangeEnd(to)
	switch {
	case !ok || !ok2 || fromPrefix != toPrefix:
		return skip(CodeRangeText, k.from, "The ends of the range are not two whole numbers with the same prefix.")
	case a < 0 || b < 0:
		return skip(CodeRangeNegative, k.from, "An end of the range is negative.")
	case a > maxNumber || b > maxNumber:
		return skip(CodeRangeText, k.from, "An end of the range has more than six digits.")
	case a == 0 && b == 0:
		return s
	}
	parity, fits := t.parity(v[k.parity], a, b, k.parity)
	if parity == gis.ParityNone {
		return skip(CodeParity, k.parity, "The parity says that the side has no addresses, and the range has some.")
	}
	if !fits {
		t.warn(problem{code: CodeParity, column: t.nameOf(k.parity), reason: "An end of the range is not of the parity that the row tells; numbers of that parity count."})
	}
	s.Prefix, s.From, s.To, s.Parity = v[k.prefix]+fromPrefix, a, b, parity
	s.Validate = !strings.EqualFold(v[k.valid], "N") && !strings.EqualFold(v[k.valid], "NO")
	return s
}

// parity reads the parity; where the row tells none that exists, the ends of
// the range tell it.
func (t *table) parity(text string, from, to int, c column) (p gis.Parity, fits bool) {
	byEnds := gis.ParityBoth
	if from%2 == to%2 {
		byEnds = gis.ParityEven
		if from%2 == 1 {
			byEnds = gis.ParityOdd
		}
	}
	switch strings.ToUpper(text) {
	case "O", "ODD":
		return gis.ParityOdd, byEnds == gis.ParityOdd
	case "E", "EVEN":
		return gis.ParityEven, byEnds == gis.ParityEven
	case "B", "BOTH":
		return gis.ParityBoth, true
	case "Z", "ZERO":
		return gis.ParityNone, false
	}
	t.warn(problem{code: CodeParity, column: t.nameOf(c), reason: "The row tells no parity; it is taken from the ends of the range."})
	return byEnds, true
}

// rangeEnd splits an end of a range into prefix and number: "12-34" is "12-"
// and 34, "W2340" is "W" and 2340.
func rangeEnd(s string) (prefix string, n int, ok bool) {
	if n, ok := whole(s); ok {
		return "", n, true
	}
	i := len(s)
	for i > 0 && s[i-1] >= '0' && s[i-1] <= '9' {
		i--
	}
	n, ok = whole(s[i:])
	return s[:i], n, ok && i <= 15
}
