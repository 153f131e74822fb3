package civic

import "strings"

// gluedPrefixes are written to their number without a space: "POBox12", "RR1",
// "I-35", "FM1960". A value of true wants a dash or two digits, because the
// letters and a digit are something else as often.
var gluedPrefixes = map[string]bool{
	"POBOX": false, "PO BOX": false, "BOX": false, "RR": false, "RFD": false, "HC": false, "HCR": false, "HCO": false, "RT": false, "RTE": false, "ROUTE": false,
	"I": true, "IH": true, "US": false, "FM": false, "SR": true, "SH": true, "CR": true, "CTH": false, "STH": false, "HWY": false, "HIGHWAY": false,
}

// unglue splits what is written without a space: a road or a box and its number,
// and "Farm-to-Market".
func unglue(t []token) []token {
	for i := 0; i < len(t); i++ {
		w := t[i].text
		if len(w) == len("Farm-to-Market") && strings.EqualFold(w, "farm-to-market") || len(w) == len("Ranch-to-Market") && strings.EqualFold(w, "ranch-to-market") {
			first, _, _ := strings.Cut(w, "-")
			t = spread(t, i, first, "to", "Market")
			continue
		}
		if i > 0 && (t[i-1].text == "#" || t[i-1].hasUnitType()) {
			continue
		}
		cut := strings.IndexAny(w, "0123456789")
		if cut <= 0 || w[0] >= '0' && w[0] <= '9' {
			continue
		}
		prefix, dash := strings.CutSuffix(w[:cut], "-")
		k := key(prefix)
		strict, ok := gluedPrefixes[k]
		switch {
		case ok && (!strict || dash && allDigits(w[cut:]) || allDigits(w[cut:]) && len(w)-cut > 1):
		case (k == "R" || k == "RD") && i+1 < len(t) && t[i+1].key() == "BOX" && allDigits(w[cut:]):
		case dash && len(k) == 2 && i > 0 && t[i-1].hasDigit() && allDigits(w[cut:]) && len(w)-cut < 4 && riskless(k): // "TX-71"
		case dash && len(k) == 2 && i > 1 && t[i-1].direction(directions) && t[i-2].hasDigit() && allDigits(w[cut:]) && len(w)-cut < 4 && riskless(k):
		default:
			continue
		}
		if k == "POBOX" {
			t = spread(t, i, "PO", "Box", w[cut:])
			continue
		}
		t = spread(t, i, prefix, w[cut:])
	}
	return t
}

// riskless reports the code of a state.
func riskless(k string) bool {
	s, ok := StateOf(k)
	return ok && s.FIPS != ""
}

// spread puts words in the place of token i.
func spread(t []token, i int, words ...string) []token {
	out := make([]token, 0, len(t)+len(words)-1)
	out = append(out, t[:i]...)
	for _, w := range words {
		out = append(out, token{text: w})
	}
	out[len(out)-1].comma = t[i].comma
	return append(out, t[i+1:]...)
}
